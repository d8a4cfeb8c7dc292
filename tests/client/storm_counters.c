/* SPDX-License-Identifier: MIT */
/* Counters, each step of which has a digit of its own: step i adds or takes 4^i from a counter
 * whose digits all began as 1, so that a digit tells how often its step was applied.
 *
 *     bits 62..63        59..58   …   3..2   1..0
 *     01, or 10 when     digit 29     digit 1 digit 0      1: not applied, 2: added, 0: taken
 *     a sum left the                                       3: never
 *     range
 *
 * Now and then a step of 2^62 leads beyond 2^63-1, and has to be taken back: on memcached by the
 * library, one at a time here, since a second one on top of the first would pass 2^64. So are the
 * steps that find such a sum; until they are told so, others may see them. After
 * STORM_STEPS steps, and where its owner changes or loses its items, a counter goes on under a new
 * name. */
#include "storm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define INITIAL (UINT64_C(0x4000000000000000) | UINT64_C(0x0555555555555555))
#define BEYOND (UINT64_C(1) << 62)
#define TOP_BITS 60

/* ---- numbers ---- */

static const char *wrong_digit(
    const struct storm_counter *counter, uint32_t i, uint64_t digit, uint64_t asked_at)
{
    const struct storm_step *step = &counter->steps[i];
    if (digit == 1) {
        bool due = i < counter->step_count && step->acked_at > 0 && step->acked_at <= asked_at;
        return due ? "an acknowledged step is missing" : NULL;
    }
    if (i >= counter->step_count || digit != (step->down ? 0 : 2)) {
        return "a step was applied twice, or never asked for";
    }
    bool denied = step->fate == STORM_DENIED && (asked_at == 0 || asked_at >= step->denied_at);
    return denied ? "a step that was said to have no effect" : NULL;
}

/* May a sum beyond the range have been there at that moment or since? */
static bool may_be_beyond(const struct storm_counter *counter, uint64_t asked_at)
{
    return counter->beyond || (asked_at > 0 && counter->beyond_until > asked_at);
}

/* NULL, or what is wrong with the number that a request submitted at `asked_at` was told; 0: with
 * what is there now. */
static const char *wrong_number(
    const struct storm_counter *counter, uint64_t number, uint64_t asked_at)
{
    uint64_t top = number >> TOP_BITS;
    bool known = top == INITIAL >> TOP_BITS ||
                 (may_be_beyond(counter, asked_at) && top == (INITIAL + BEYOND) >> TOP_BITS);
    const char *wrong = known ? NULL : "a sum beyond the range was not taken back once";
    for (uint32_t i = 0; i < STORM_STEPS && wrong == NULL; i++) {
        wrong = wrong_digit(counter, i, number >> (2 * i) & 3, asked_at);
    }
    return wrong;
}

static const char *wrong_text(
    const struct storm_counter *counter, const char *text, uint64_t asked_at)
{
    return wrong_number(counter, strtoull(text, NULL, 10), asked_at);
}

const char *storm_counter_wrong(const struct storm_counter *counter, const char *value)
{
    return counter->swept ? NULL : wrong_text(counter, value, 0);
}

/* ---- asking ---- */

void storm_counter_begin(struct storm *storm, struct storm_counter *counter)
{
    uint32_t life = counter->life + 1;
    *counter = (struct storm_counter){.life = life};
    snprintf(counter->name, sizeof counter->name, "count%zu.%" PRIu32,
        (size_t)(counter - storm->counters), life);
    counter->owner = storm_owner_of(storm, counter->name);
}

void storm_counter_note(struct storm_request *r, struct storm_counter *counter)
{
    r->counter = counter;
    r->owner = counter->owner;
    r->epoch = counter->life;
    r->past.at = r->storm->ticks;
}

static bool on_redis(const struct storm *storm, const struct storm_counter *counter)
{
    return counter->owner < storm->server_count && storm->servers[counter->owner].redis;
}

static void begin_step(struct storm_request *r, ringcache_request *request)
{
    struct storm *storm = r->storm;
    struct storm_counter *counter = r->counter;
    uint32_t i = counter->step_count++;
    bool down = storm_draw(storm, 2) == 0;
    counter->steps[i] = (struct storm_step){.down = down};
    r->number = i + 1;
    request->op = down ? RINGCACHE_DECREMENT : RINGCACHE_INCREMENT;
    request->delta = UINT64_C(1) << (2 * i);
    if (storm_draw(storm, 2) == 0) {
        request->options = RINGCACHE_WITH_INITIAL;
        request->initial = INITIAL;
        request->ttl_ms = storm_draw(storm, 2) == 0 ? 0 : INT64_C(40) * 24 * 3600000;
    }
}

static void begin_beyond(struct storm_request *r, ringcache_request *request)
{
    request->op = RINGCACHE_INCREMENT;
    request->delta = BEYOND;
    r->counter->beyond = !on_redis(r->storm, r->counter);
    r->counter->was_beyond = r->counter->was_beyond || r->counter->beyond;
}

static void submit(struct storm_request *r, ringcache_request *request)
{
    request->key = (ringcache_slice){r->counter->name, strlen(r->counter->name)};
    request->timeout_ms = storm_draw_timeout(r->storm);
    r->op = request->op;
    r->options = request->options;
    if (r->op == RINGCACHE_GET) {
        storm_share_past(r);
    }
    storm_submit(r, request);
}

static struct storm_request *new_request(struct storm_client *c, struct storm_counter *counter)
{
    struct storm_request *r = storm_request_new(c);
    storm_counter_note(r, counter);
    return r;
}

void storm_read_counter(struct storm_client *c, struct storm_counter *counter)
{
    ringcache_request request = {.op = RINGCACHE_GET};
    submit(new_request(c, counter), &request);
}

void storm_ask_counter(struct storm_client *c, struct storm_counter *counter)
{
    struct storm *storm = c->storm;
    uint64_t dice = storm_draw(storm, 16);
    ringcache_request request = {.op = RINGCACHE_GET};
    if (counter->step_count == STORM_STEPS || counter->swept) {
        storm_counter_begin(storm, counter);
    }
    struct storm_request *r = new_request(c, counter);
    if (dice < 2) { /* the one way that there is on every protocol */
        request.op = RINGCACHE_ADD;
        request.value =
            (ringcache_slice){storm->value, (size_t)sprintf(storm->value, "%" PRIu64, INITIAL)};
    } else if (dice == 2 && !counter->beyond) {
        begin_beyond(r, &request);
    } else if (dice < 12) {
        begin_step(r, &request);
    }
    submit(r, &request);
}

/* ---- judging ---- */

static bool goes_beyond(const struct storm_request *r)
{
    return r->op == RINGCACHE_INCREMENT && r->number == 0;
}

static void settle(const struct storm_request *r, enum storm_fate fate)
{
    struct storm_counter *counter = r->counter;
    if (r->number > 0) {
        counter->steps[r->number - 1].fate = fate;
        counter->steps[r->number - 1].denied_at = counter->was_beyond ? ++r->storm->ticks : 0;
    } else if (goes_beyond(r) && fate == STORM_DENIED) {
        counter->beyond_until = counter->beyond ? ++r->storm->ticks : counter->beyond_until;
        counter->beyond = false;
    }
}

void storm_counter_refused(const struct storm_request *r)
{
    if (r->epoch == r->counter->life) {
        settle(r, STORM_DENIED);
    }
}

static void must(const struct storm_request *r, bool holds, const char *otherwise)
{
    if (!holds) {
        storm_fail(r->storm, otherwise, r->counter->name);
    }
}

/* May a step have failed, and the counter been deleted for that, before its callback ran? One that
 * a late loop keeps waiting may. */
static bool may_be_lost(const struct storm_request *r)
{
    const struct storm_counter *counter = r->counter;
    bool may = false;
    for (uint32_t i = 0; i < counter->step_count && r->storm->rules.blocks; i++) {
        may = may || (i + 1 != r->number && counter->steps[i].fate == STORM_PENDING_WRITE);
    }
    return may && r->storm->rules.journal;
}

static void judge_absence(const struct storm_request *r)
{
    const struct storm_counter *counter = r->counter;
    must(r, counter->known_at == 0 || counter->known_at > r->past.at || may_be_lost(r),
        "an acknowledged counter is missing");
}

static void note_presence(const struct storm_request *r)
{
    if (r->counter->known_at == 0) {
        r->counter->known_at = ++r->storm->ticks;
    }
}

static void judge_step(const struct storm_request *r, uint64_t number)
{
    struct storm_step *step = &r->counter->steps[r->number - 1];
    const char *wrong = wrong_number(r->counter, number, r->past.at);
    must(r, wrong == NULL, wrong);
    bool moved = (number >> (2 * (r->number - 1)) & 3) != 1;
    if (moved) {
        step->fate = STORM_DONE;
        step->acked_at = ++r->storm->ticks;
        return;
    }
    bool made = (r->options & RINGCACHE_WITH_INITIAL) != 0 && number == INITIAL;
    must(r, made, "a step was acknowledged and not done");
    judge_absence(r);
    step->fate = STORM_DENIED;
}

static void judge_done(const struct storm_request *r, const ringcache_reply *reply)
{
    char text[24];
    const char *wrong = NULL;
    if (r->op == RINGCACHE_ADD) {
        judge_absence(r);
    } else if (r->op == RINGCACHE_GET) {
        snprintf(text, sizeof text, "%.*s", (int)reply->value.len, (const char *)reply->value.data);
        wrong = wrong_text(r->counter, text, r->past.at);
    } else if (goes_beyond(r)) {
        wrong = "a sum beyond the range was accepted";
    } else {
        judge_step(r, reply->number);
    }
    must(r, wrong == NULL, wrong);
    note_presence(r);
}

static void judge_not_stored(const struct storm_request *r)
{
    bool may = r->op == RINGCACHE_ADD || goes_beyond(r) ||
               (r->op == RINGCACHE_INCREMENT && r->counter->was_beyond);
    must(r, may, "a sum within the range was refused");
    settle(r, STORM_DENIED);
    note_presence(r);
}

void storm_counter_judge(struct storm_request *r, const ringcache_reply *reply)
{
    bool quiet = r->many != NULL && r->storm->rules.corrupt && !r->storm->rules.strict;
    r->counter->swept = r->counter->swept || storm_may_miss(r->storm, r->counter->owner);
    if (r->epoch != r->counter->life || r->counter->swept || r->storm->rules.lawless) {
        return;
    }
    if (reply->status == RINGCACHE_OK) {
        judge_done(r, reply);
    } else if (reply->status == RINGCACHE_NOT_STORED) {
        judge_not_stored(r);
    } else if (reply->status == RINGCACHE_MISS) {
        if (!quiet && (reply->marks & RINGCACHE_SUBSTITUTE) == 0) {
            judge_absence(r);
        }
        settle(r, STORM_DENIED);
    } else {
        settle(r, reply->maybe_applied ? STORM_DOUBTFUL : STORM_DENIED);
        storm_check_stores(r->storm);
        bool steps = r->op == RINGCACHE_INCREMENT || r->op == RINGCACHE_DECREMENT;
        const struct storm_rules *rules = &r->storm->rules;
        bool doubtful =
            r->op == RINGCACHE_ADD && (rules->joint || rules->doubts || rules->unproven);
        r->counter->swept = r->counter->swept || doubtful || (steps && r->storm->rules.journal);
    }
}

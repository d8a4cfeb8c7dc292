/* SPDX-License-Identifier: MIT */
/* What an answer may be. The writes of a key are numbered in the order of their submission, and its
 * value tells which of them it is made of:
 *
 *     aFaCaG            two bytes each, the key and the write: prepended, the base, appended
 *     4^n + 4^m + …     of a key that counts, the digits of base 4 tell, and how often each
 *
 * Two writes have a certain order when both are of one client, whose writes to a key go by one
 * connection at a time, or when one was acknowledged before the other was submitted. */
#include "gust.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static bool replaces(ringcache_op op)
{
    return op == RINGCACHE_SET || op == RINGCACHE_ADD || op == RINGCACHE_REPLACE ||
           op == RINGCACHE_CAS;
}

static bool settles(ringcache_op op)
{
    return replaces(op) || op == RINGCACHE_DELETE;
}

static bool reads(ringcache_op op)
{
    return op == RINGCACHE_GET;
}

void gust_model_begin(struct gust *g)
{
    bool counts = gust_draw(g, 2) == 0;
    for (unsigned i = 0; i < g->rules.keys; i++) {
        struct gust_key *key = &g->keys[i];
        snprintf(key->name, sizeof key->name, "k%u", i);
        key->index = i;
        key->counts = counts && i == 0;
    }
}

/* ---- values ---- */

static int64_t digit(unsigned number)
{
    return INT64_C(1) << 2 * number;
}

static const char *read_sum(const struct gust_key *key, uint64_t sum, struct gust_value *value)
{
    for (unsigned n = 0; sum > 0; n++, sum >>= 2) {
        if ((sum & 3) == 0) {
            continue;
        }
        if (n == 0 || n > key->written) {
            return "a sum that nobody counted up to";
        }
        if ((sum & 3) > 1) {
            return "a write that was applied twice";
        }
        value->holds |= UINT64_C(1) << n;
        if (replaces(key->writes[n].op)) {
            if (value->base != 0) {
                return "a sum of two bases";
            }
            value->base = n;
        }
    }
    return NULL;
}

static const char *read_number(
    const struct gust_key *key, struct rc_slice text, struct gust_value *value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == ' ') { /* memcached pads what became shorter */
            break;
        }
        sum = sum * 10 + (uint64_t)(text.data[i] - '0');
    }
    return read_sum(key, sum, value);
}

static const char *read_pieces(
    const struct gust_key *key, struct rc_slice text, struct gust_value *value)
{
    for (size_t i = 0; i + 1 < text.len; i += 2) {
        unsigned number = (unsigned)(text.data[i + 1] - '@');
        if (text.data[i] != 'a' + key->index || number == 0 || number > key->written) {
            return "a value that was never written under this key";
        }
        ringcache_op op = key->writes[number].op;
        if ((value->holds >> number & 1) != 0) {
            return "a write that was applied twice";
        }
        if (replaces(op) ? value->base != 0
                         : op != (value->base != 0 ? RINGCACHE_APPEND : RINGCACHE_PREPEND)) {
            return "pieces of a value in an impossible order";
        }
        value->holds |= UINT64_C(1) << number;
        value->base = replaces(op) ? number : value->base;
    }
    return NULL;
}

/* NULL, or why it is no value of this key's. */
static const char *check_value(const struct gust_key *key, const struct gust_value *value)
{
    if (value->base == 0) {
        return "a value without its base";
    }
    for (unsigned n = 1; n <= key->written; n++) {
        if ((value->holds >> n & 1) != 0 && key->writes[n].fate == GUST_DENIED) {
            return "a write that was said to have no effect";
        }
    }
    return NULL;
}

static const char *read_value(
    const struct gust_key *key, const void *data, size_t len, struct gust_value *value)
{
    struct rc_slice text = rc_slice(data, len);
    *value = (struct gust_value){.base = 0};
    const char *wrong = key->counts ? read_number(key, text, value) : read_pieces(key, text, value);
    return wrong != NULL ? wrong : check_value(key, value);
}

void gust_check_store(const struct gust *g, const struct gust_key *key)
{
    struct gust_value value;
    struct engine *engine = sim_server_engine(g->servers[key->owner].sim);
    const struct store_item *item = engine_get(engine, 0, key->name);
    const char *wrong = item != NULL ? read_value(key, item->value, item->value_len, &value) : NULL;
    if (wrong != NULL) {
        gust_fail(g, wrong, key->name);
    }
}

/* ---- what is certain ---- */

/* Did the write `a` come before `b`? */
static bool precedes(const struct gust_write *a, const struct gust_write *b)
{
    return (a->by == b->by && a->asked_at < b->asked_at) ||
           (a->acked_at > 0 && a->acked_at <= b->asked_at);
}

/* Was the acknowledged write done before `r` was? A shared answer may be as old as the request that
 * brought it, and where spares stand in, a client may go on reading what it has there while another
 * one reaches the owner; but never what is older than its own client's writes. */
static bool is_before(const struct gust_write *write, const struct gust_request *r)
{
    bool own = write->by == r->client->number && write->asked_at < r->asked_at;
    const struct gust_rules *rules = &r->client->gust->rules;
    bool alone = (rules->shares && reads(r->op)) || rules->spares > 0;
    return own || (!alone && write->acked_at > 0 && write->acked_at <= r->asked_at);
}

/* Was what the write stored replaced or removed when `r` was done? */
static bool is_past(const struct gust_request *r, const struct gust_write *stored)
{
    const struct gust_key *key = r->key;
    for (unsigned n = 1; n <= key->written; n++) {
        const struct gust_write *write = &key->writes[n];
        if (settles(write->op) && write->fate == GUST_DONE && is_before(write, r) &&
            precedes(stored, write)) {
            return true;
        }
    }
    return false;
}

/* Is it one that the client of `r` was told nothing good of, and that had to be made good? */
static bool is_own_loss(const struct gust_request *r, const struct gust_write *write)
{
    return write->lost_at > 0 && write->by == r->client->number && write->lost_at < r->asked_at;
}

/* Is the value older than a write of the same client's that failed? */
static bool is_outdated(const struct gust_request *r, const struct gust_value *value)
{
    const struct gust_key *key = r->key;
    for (unsigned n = 1; n <= key->written; n++) {
        const struct gust_write *write = &key->writes[n];
        bool held = (value->holds >> n & 1) != 0;
        bool older = write->under != 0 ? value->holds == write->under
                                       : precedes(&key->writes[value->base], write);
        if (is_own_loss(r, write) && !held && older) {
            return true;
        }
    }
    return false;
}

/* Is a value with that base no more, whatever else it is made of? */
static bool cannot_be_there(const struct gust_request *r, const struct gust_write *base)
{
    const struct gust_key *key = r->key;
    for (unsigned n = 1; n <= key->written; n++) {
        const struct gust_write *write = &key->writes[n];
        bool replaced = settles(write->op) || write->fate == GUST_DENIED;
        if (is_own_loss(r, write) && write->under == 0 && replaced && precedes(base, write)) {
            return true;
        }
    }
    return is_past(r, base);
}

/* ---- judging ---- */

static void fail_of(const struct gust_request *r, const char *what)
{
    gust_fail(r->client->gust, what, r->key->name);
}

/* Something was there: may it have been? `r` itself is no reason why. */
static void judge_presence(const struct gust_request *r)
{
    const struct gust_key *key = r->key;
    for (unsigned n = 1; n <= key->written; n++) {
        const struct gust_write *write = &key->writes[n];
        bool may = n != r->number && replaces(write->op) && write->fate != GUST_DENIED;
        if (may && !cannot_be_there(r, write)) {
            return;
        }
    }
    fail_of(r, "a key is there that was deleted, or had to be");
}

/* May it have ended what `stored` made, before `r` found nothing? Where a Redis refused a write,
 * what was in flight behind it may have been carried out before the journal's delete. */
static bool may_end(
    const struct gust_request *r, const struct gust_write *write, const struct gust_write *stored)
{
    bool removes = write->op == RINGCACHE_DELETE && write->fate != GUST_DENIED;
    bool later = write->by == r->client->number && write->asked_at > r->asked_at;
    bool refuses = r->client->gust->servers[r->key->owner].refuses;
    bool may = write->failed || (removes && !later);
    return may && (!precedes(write, stored) || (write->failed && refuses));
}

static bool may_have_ended(const struct gust_request *r, const struct gust_write *stored)
{
    const struct gust_key *key = r->key;
    if (r->client->gust->servers[key->owner].emptied_at > stored->asked_at) {
        return true;
    }
    for (unsigned n = 1; n <= key->written; n++) {
        if (n != r->number && may_end(r, &key->writes[n], stored)) {
            return true;
        }
    }
    return false;
}

/* Nothing was there: may that be? What makes good an overflow takes all that is old; what was
 * written to a spare is nobody's once the owner is back. */
static void judge_absence(const struct gust_request *r)
{
    const struct gust_key *key = r->key;
    const struct gust_rules *rules = &r->client->gust->rules;
    bool judged = rules->promises && rules->spares == 0;
    for (unsigned n = 1; n <= key->written && judged; n++) {
        const struct gust_write *write = &key->writes[n];
        if (n != r->number && replaces(write->op) && write->fate == GUST_DONE &&
            is_before(write, r) && !may_have_ended(r, write)) {
            fail_of(r, "an acknowledged write is missing");
        }
    }
}

/* Pieces that were acknowledged stay with their base. */
static void judge_pieces(const struct gust_request *r, const struct gust_value *value)
{
    const struct gust_key *key = r->key;
    for (unsigned n = 1; n <= key->written; n++) {
        const struct gust_write *write = &key->writes[n];
        bool due = !settles(write->op) && write->fate == GUST_DONE && is_before(write, r) &&
                   precedes(&key->writes[value->base], write);
        if (due && (value->holds >> n & 1) == 0) {
            fail_of(r, "an acknowledged piece is missing");
        }
    }
}

static void judge_value(const struct gust_request *r, const struct gust_value *value)
{
    if (is_past(r, &r->key->writes[value->base])) {
        fail_of(r, "an older value than the last acknowledged write");
    }
    if (is_outdated(r, value)) {
        fail_of(r, "an older value than a write that failed");
    }
    judge_pieces(r, value);
}

static void judge_read(struct gust_request *r, const ringcache_reply *reply)
{
    struct gust_value value;
    struct gust_key *key = r->key;
    if (reply->status == RINGCACHE_MISS) {
        judge_absence(r);
        return;
    }
    if (reply->status != RINGCACHE_OK) {
        return;
    }
    const char *wrong = read_value(key, reply->value.data, reply->value.len, &value);
    if (wrong != NULL) {
        fail_of(r, wrong);
    }
    judge_value(r, &value);
    key->tokens[r->client->number] =
        (struct gust_token){reply->cas, value.holds, r->client->gust->ticks};
}

/* What was counted is read, too. */
static void judge_count(const struct gust_request *r, uint64_t number)
{
    struct gust_value value = {.base = 0};
    const char *wrong = read_sum(r->key, number, &value);
    wrong = wrong != NULL ? wrong : check_value(r->key, &value);
    if (wrong != NULL) {
        fail_of(r, wrong);
    }
    if ((value.holds >> r->number & 1) == 0) {
        fail_of(r, "a step is not in its own sum");
    }
    judge_value(r, &value);
}

/* Under a token nothing is done once another value is there for sure. */
static void judge_token(const struct gust_request *r)
{
    const struct gust_key *key = r->key;
    for (unsigned n = 1; n <= key->written; n++) {
        const struct gust_write *write = &key->writes[n];
        if (n != r->number && write->fate == GUST_DONE && write->asked_at > r->token.told_at &&
            is_before(write, r)) {
            fail_of(r, "done under a token, over a later write");
        }
    }
}

static void judge_condition(const struct gust_request *r, const ringcache_reply *reply)
{
    bool done = reply->status == RINGCACHE_OK;
    bool adds = r->op == RINGCACHE_ADD;
    if (reply->status == RINGCACHE_MISS || (adds && done) ||
        (!adds && reply->status == RINGCACHE_NOT_STORED)) {
        judge_absence(r);
    } else if (r->op != RINGCACHE_SET) {
        judge_presence(r);
    }
    if (done && r->token.holds != 0) {
        judge_token(r);
    }
    if (done && r->op == RINGCACHE_INCREMENT) {
        judge_count(r, reply->number);
    }
}

/* ---- writes ---- */

void gust_begin_write(struct gust_request *r, ringcache_request *request, char text[24])
{
    struct gust_key *key = r->key;
    r->number = ++key->written;
    key->writes[r->number] = (struct gust_write){
        .op = r->op, .by = r->client->number, .asked_at = r->asked_at, .under = r->token.holds};
    request->delta = r->op == RINGCACHE_INCREMENT ? (uint64_t)digit(r->number) : 0;
    if (r->op == RINGCACHE_DELETE || r->op == RINGCACHE_INCREMENT) {
        return;
    }
    int len = key->counts ? snprintf(text, 24, "%" PRId64, digit(r->number))
                          : snprintf(text, 24, "%c%c", 'a' + (int)key->index, '@' + (int)r->number);
    request->value = (ringcache_slice){text, (size_t)len};
}

void gust_refused(const struct gust_request *r)
{
    if (r->number > 0) {
        r->key->writes[r->number].fate = GUST_DENIED;
    }
}

/* From when on the journal promises that nothing older is read; 0: it does not. One that is too
 * small for its keys promises nothing, nor does it of what overwrites nothing, was taken back by
 * its caller, or refused by a replica, which goes on serving. What is in flight behind a write that
 * a Redis refuses may be carried out: there only what is asked later is sure to be right, and
 * nothing where the caller had left by then. */
static uint32_t lost_since(const struct gust_request *r, const ringcache_reply *reply)
{
    const struct gust *g = r->client->gust;
    bool promised = g->rules.promises && r->op != RINGCACHE_ADD &&
                    reply->status != RINGCACHE_ECANCELED &&
                    strncmp(reply->message, "READONLY ", 9) != 0;
    bool refuses = g->servers[r->key->owner].refuses;
    bool left = reply->status == RINGCACHE_ETIMEDOUT && reply->maybe_applied;
    return !promised || (refuses && left) ? 0 : refuses ? g->ticks : r->asked_at;
}

static void note_fate(const struct gust_request *r, const ringcache_reply *reply)
{
    const struct gust *g = r->client->gust;
    struct gust_write *write = &r->key->writes[r->number];
    bool gone = reply->status == RINGCACHE_MISS && r->op == RINGCACHE_DELETE;
    if (reply->status == RINGCACHE_OK || gone) {
        write->fate = GUST_DONE;
        write->acked_at = g->ticks;
        return;
    }
    write->failed = reply->status < 0;
    write->lost_at = write->failed ? lost_since(r, reply) : 0;
    write->fate = write->failed && reply->maybe_applied ? GUST_DOUBTFUL : GUST_DENIED;
    if (write->fate == GUST_DENIED) {
        gust_check_store(g, r->key);
    }
}

void gust_judge(struct gust_request *r, const ringcache_reply *reply)
{
    if (reads(r->op)) {
        judge_read(r, reply);
        return;
    }
    if (reply->status >= 0) {
        judge_condition(r, reply);
    }
    note_fate(r, reply);
}

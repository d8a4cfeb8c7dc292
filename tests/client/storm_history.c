/* SPDX-License-Identifier: MIT */
/* Keys and what was written to them. The writes of a key are numbered in the order of their
 * submission, and each puts a piece into the value that names the key and the number:
 *
 *     key3:9:...;  key3:7:.;  key3:8:....;        prepended, the base, appended
 *
 * so that a value tells which writes it is made of. All writes of one client to a key go to its
 * owner by one connection at a time, in the order of submission; of two clients' writes the one
 * that was acknowledged before the other was submitted came first. Once a write that replaced or
 * removed the whole value was acknowledged, a read submitted later must not see one that came
 * before it. */
#include "storm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MADE_UP_CAS_BIT = 62,
    DEPARTED_MS = 1000, /* a read that was given up is surely over so long behind its deadline */
};

struct text {
    uint32_t numbers[STORM_WRITES]; /* of its pieces, in order */
    size_t count, base;
};

static bool replaces(ringcache_op op)
{
    return op == RINGCACHE_SET || op == RINGCACHE_ADD || op == RINGCACHE_REPLACE ||
           op == RINGCACHE_CAS;
}

static bool joins(ringcache_op op)
{
    return op == RINGCACHE_APPEND || op == RINGCACHE_PREPEND;
}

static bool touches(ringcache_op op)
{
    return op == RINGCACHE_TOUCH || op == RINGCACHE_GET_AND_TOUCH;
}

static bool changes(ringcache_op op)
{
    return replaces(op) || joins(op) || op == RINGCACHE_DELETE;
}

static bool settles(ringcache_op op)
{
    return replaces(op) || op == RINGCACHE_DELETE;
}

/* ---- values ---- */

/* The number of the piece at the start of `*at`, which moves behind it; 0: there is none. */
static uint32_t take_piece(const struct storm_key *key, const char **at, size_t *left)
{
    char head[32];
    size_t name_len = strlen(key->name);
    const char *end = *left > 0 ? memchr(*at, ';', *left) : NULL;
    size_t len = end != NULL ? (size_t)(end - *at) + 1 : 0;
    if (len <= name_len + 1 || memcmp(*at, key->name, name_len) != 0 || (*at)[name_len] != ':') {
        return 0;
    }
    snprintf(head, sizeof head, "%.*s", (int)(len < 30 ? len : 30), *at);
    unsigned long number = strtoul(head + name_len + 1, NULL, 10);
    if (number > key->written || key->writes[number].len != len) {
        return 0;
    }
    *at += len;
    *left -= len;
    return (uint32_t)number;
}

/* NULL, or why it is no value of this key's. */
static const char *read_text(
    const struct storm_key *key, const char *value, size_t len, struct text *text)
{
    bool seen[STORM_WRITES + 1] = {false};
    bool based = false;
    *text = (struct text){.count = 0};
    while (len > 0) {
        uint32_t number = take_piece(key, &value, &len);
        const struct storm_write *write = &key->writes[number];
        if (number == 0) {
            return "a value that was never written under this key";
        }
        if (seen[number]) {
            return "a write that was applied twice";
        }
        if (write->fate == STORM_DENIED) {
            return "a write that was said to have no effect";
        }
        if (replaces(write->op) ? based
                                : write->op != (based ? RINGCACHE_APPEND : RINGCACHE_PREPEND)) {
            return "pieces of a value in an impossible order";
        }
        if (replaces(write->op)) {
            based = true;
            text->base = text->count;
        }
        seen[number] = true;
        text->numbers[text->count++] = number;
    }
    return based ? NULL : "a value without its base";
}

const char *storm_key_wrong(const struct storm_key *key, const char *value, size_t len)
{
    struct text text;
    return read_text(key, value, len, &text);
}

void storm_key_draw_piece(struct storm *storm, struct storm_key *key, uint32_t number, bool large)
{
    char head[32];
    int len = snprintf(head, sizeof head, "%s:%" PRIu32 ":;", key->name, number);
    key->writes[number].len =
        (uint32_t)len + (uint32_t)storm_draw(storm, large ? STORM_VALUE_MAX : 30);
}

ringcache_slice storm_key_piece(struct storm *storm, const struct storm_key *key, uint32_t number)
{
    uint32_t len = key->writes[number].len;
    int head = sprintf(storm->value, "%s:%" PRIu32 ":", key->name, number);
    memset(storm->value + head, '.', len - (uint32_t)head);
    storm->value[len - 1] = ';';
    return (ringcache_slice){storm->value, len};
}

/* ---- asking ---- */

void storm_key_begin_epoch(struct storm_key *key)
{
    key->epoch++;
    key->past = (struct storm_past){.at = 0};
    key->changed = 0;
}

const struct storm_request *storm_older_read(const struct storm_request *r,
    const struct storm_request *oldest, const struct storm_request *other)
{
    bool same = other->op == RINGCACHE_GET && other->key == r->key &&
                other->counter == r->counter &&
                (r->key != NULL || other->epoch == r->epoch); /* a counter's has another name */
    return same && (oldest == NULL || other->past.at < oldest->past.at) ? other : oldest;
}

/* The oldest read of the same key and client that is under way, whose answer may be shared; or
 * NULL. */
static const struct storm_request *oldest_read(const struct storm_request *r)
{
    const struct storm_request *oldest = storm_many_oldest_read(r);
    for (size_t i = 0; i < r->client->pending_count; i++) {
        oldest = storm_older_read(r, oldest, r->client->pending[i]);
    }
    for (size_t i = 0; i < STORM_DEPARTED && i < r->client->departed_count; i++) {
        const struct storm_request *departed = &r->client->departed[i];
        bool lasts = departed->deadline_ms + DEPARTED_MS >= sim_now_ms(r->storm->sim);
        oldest = lasts ? storm_older_read(r, oldest, departed) : oldest;
    }
    return oldest;
}

void storm_note_departed(const struct storm_request *r, int status)
{
    struct storm_client *c = r->client;
    bool given_up = status == RINGCACHE_ECANCELED || status == RINGCACHE_ETIMEDOUT;
    if (given_up && r->op == RINGCACHE_GET && (r->key != NULL || r->counter != NULL)) {
        c->departed[c->departed_count++ % STORM_DEPARTED] = *r;
    }
}

void storm_share_past(struct storm_request *r)
{
    const struct storm_rules *rules = &r->storm->rules;
    const struct storm_request *oldest =
        rules->shares && rules->clients > 1 ? oldest_read(r) : NULL;
    unsigned own = (unsigned)(r->client - r->storm->clients);
    if (oldest != NULL) {
        uint32_t floor = r->past.floors[own];
        r->past = oldest->past;
        r->past.floors[own] = floor;
        r->epoch = oldest->epoch;
    }
}

void storm_key_note(struct storm_request *r, struct storm_key *key)
{
    r->key = key;
    r->owner = key->owner;
    r->epoch = key->epoch;
    r->changed = key->changed;
    r->past = key->past;
    r->past.at = r->storm->ticks;
}

/* The last is refused by an error line, which has no token: where replies are doubled, it would be
 * taken for the next command's. */
ringcache_op storm_draw_op(struct storm *storm, const struct storm_key *key)
{
    static const ringcache_op ops[] = {RINGCACHE_SET, RINGCACHE_SET, RINGCACHE_SET, RINGCACHE_SET,
        RINGCACHE_SET, RINGCACHE_SET, RINGCACHE_ADD, RINGCACHE_ADD, RINGCACHE_REPLACE,
        RINGCACHE_REPLACE, RINGCACHE_APPEND, RINGCACHE_APPEND, RINGCACHE_PREPEND, RINGCACHE_CAS,
        RINGCACHE_CAS, RINGCACHE_CAS, RINGCACHE_DELETE, RINGCACHE_DELETE, RINGCACHE_TOUCH,
        RINGCACHE_GET_AND_TOUCH, RINGCACHE_GET_AND_TOUCH, RINGCACHE_INCREMENT};
    bool counts = !storm->rules.corrupt && !storm->rules.journal; /* that would delete the key */
    size_t count = sizeof ops / sizeof *ops - !counts;
    bool reads = storm_draw(storm, 5) < 2 || key->written == STORM_WRITES;
    if (key->loaded) { /* what a lease leaves at the key is in the way of all the others */
        static const ringcache_op plain[] = {RINGCACHE_SET, RINGCACHE_DELETE};
        return reads ? RINGCACHE_GET : plain[storm_draw(storm, 2)];
    }
    return reads ? RINGCACHE_GET : ops[storm_draw(storm, count)];
}

/* Hours and weeks outlast every storm. */
static int64_t draw_ttl(struct storm *storm, bool *fleeting)
{
    static const int64_t lasting[] = {0, 0, 3600000, INT64_C(40) * 24 * 3600000};
    *fleeting = storm_draw(storm, 16) == 0;
    return *fleeting ? 1 + (int64_t)storm_draw(storm, 3000) : lasting[storm_draw(storm, 4)];
}

static uint32_t draw_wants(struct storm *storm)
{
    uint32_t wants = storm_draw(storm, 3) == 0 ? (uint32_t)RINGCACHE_WANT_CAS : 0;
    return wants | (storm_draw(storm, 6) == 0 ? (uint32_t)RINGCACHE_WANT_TTL : 0);
}

static void take_token(struct storm_request *r, ringcache_request *request)
{
    const struct storm_key *key = r->key;
    if (key->cas_epoch == key->epoch) {
        request->cas = key->cas;
        r->cas_epoch = key->cas_epoch;
        r->cas_as_of = key->cas_as_of;
    } else {
        request->cas = (UINT64_C(1) << MADE_UP_CAS_BIT) + storm_draw(r->storm, 1000);
    }
}

uint32_t storm_key_begin_write(struct storm_client *c, struct storm_key *key, ringcache_op op)
{
    struct storm_write *write = &key->writes[++key->written];
    *write = (struct storm_write){.op = op, .epoch = key->epoch, .asked_at = c->storm->ticks};
    write->by = (unsigned)(c - c->storm->clients);
    return key->written;
}

static void begin_write(struct storm_request *r, ringcache_request *request)
{
    struct storm *storm = r->storm;
    struct storm_key *key = r->key;
    r->number = storm_key_begin_write(r->client, key, r->op);
    struct storm_write *write = &key->writes[r->number];
    if (replaces(r->op) || joins(r->op)) {
        bool lends = storm_draw(storm, 4) == 0;
        bool large = replaces(r->op) && storm_draw(storm, lends ? 8 : 20) == 0;
        storm_key_draw_piece(storm, key, r->number, large);
        request->value = storm_key_piece(storm, key, r->number);
        if (lends) {
            storm_lend(r, request);
        }
    }
    /* A GET_AND_TOUCH that wants more may be a script, run behind writes that were submitted
     * later. */
    if (!key->loaded && (replaces(r->op) || touches(r->op))) {
        request->ttl_ms = draw_ttl(storm, &write->fleeting);
    }
    if (write->fleeting && r->options != 0) {
        write->fleeting = false;
        request->ttl_ms = 0;
    }
}

void storm_ask_key(struct storm_client *c, struct storm_key *key, ringcache_op op)
{
    struct storm *storm = c->storm;
    struct storm_request *r = storm_request_new(c);
    ringcache_request request = {.op = op, .key = {key->name, strlen(key->name)}};
    storm_key_note(r, key);
    r->op = op;
    if (!storm->calm && (op == RINGCACHE_GET || op == RINGCACHE_GET_AND_TOUCH)) {
        r->options = request.options = draw_wants(storm);
    }
    if (op == RINGCACHE_GET) {
        storm_share_past(r);
    }
    if (op == RINGCACHE_CAS) {
        take_token(r, &request);
    }
    if (changes(op) || touches(op)) {
        begin_write(r, &request);
    }
    request.delta = op == RINGCACHE_INCREMENT ? 1 : 0;
    request.timeout_ms = storm_draw_timeout(storm);
    storm_phrase(r, &request);
    storm_submit(r, &request);
}

void storm_key_refused(const struct storm_request *r)
{
    if (r->number > 0) {
        r->key->writes[r->number].fate = STORM_DENIED;
    }
}

/* ---- judging ---- */

static bool holds(const struct text *text, uint32_t number)
{
    size_t i = 0;
    while (i < text->count && text->numbers[i] != number) {
        i++;
    }
    return i < text->count;
}

/* Does the write come before whatever a client writes later? One that takes several requests may
 * be done later still; one that a loader made gives way to its own client's, and under a lease to
 * everybody's. */
static bool yields_to(const struct storm *storm, const struct storm_write *write, unsigned by)
{
    return (write->by == by && !write->slow) || (write->loaded && storm->rules.leases);
}

/* Did `a` come before `b` for sure? Both belong to the key of `r`. */
static bool precedes(const struct storm_request *r, uint32_t a, uint32_t b)
{
    const struct storm_write *first = &r->key->writes[a], *second = &r->key->writes[b];
    return (yields_to(r->storm, first, second->by) && a < b) ||
           (first->acked_at > 0 && first->acked_at <= second->asked_at);
}

/* Had it been replaced or removed for sure when `r` was submitted? */
static bool is_past(const struct storm_request *r, uint32_t number)
{
    const struct storm_write *write = &r->key->writes[number];
    bool past = write->acked_at > 0 && write->acked_at <= r->past.settled_from;
    for (unsigned by = 0; by < STORM_CLIENTS && !past; by++) {
        past = number < r->past.floors[by] && yields_to(r->storm, write, by);
    }
    return past;
}

/* Was the key in doubt to `r` on behalf of that write, and `r` sent all the same? Then the write
 * may be carried out behind newer ones. If it is another client's, what it was to replace stands
 * until its connection is waited for no more. */
static bool is_in_doubt(const struct storm_request *r, uint32_t number)
{
    return r->doubted && r->key->writes[number].fate == STORM_DOUBTFUL;
}

/* Was there a write behind it, of the same client's or of one that told it, that failed before `r`
 * was submitted? */
static bool is_outdated(const struct storm_request *r, const struct text *text)
{
    uint32_t base = text->numbers[text->base];
    const struct storm_key *key = r->key;
    unsigned own = (unsigned)(r->client - r->storm->clients);
    /* Who appends to an old item lifts it above the divide that another client knows of. */
    bool lifted = text->count > 1 && storm_may_miss(r->storm, key->owner);
    for (uint32_t n = 1; n <= key->written && !lifted; n++) {
        const struct storm_write *write = &key->writes[n];
        bool known = write->by == own || (write->told && r->storm->rules.joint);
        bool open = write->by != own && is_in_doubt(r, n);
        bool lost = known && !open && write->epoch == key->epoch && write->lost_at > 0 &&
                    write->lost_at <= r->past.at;
        if (lost && !holds(text, n) && precedes(r, base, n)) {
            return true;
        }
    }
    return false;
}

/* May the item have been there? `r` itself is no reason why. */
static void judge_presence(const struct storm_request *r)
{
    const struct storm_key *key = r->key;
    if (r->epoch != key->epoch) {
        return;
    }
    bool removed = false;
    for (unsigned i = 0; i < STORM_CLIENTS; i++) {
        removed = removed || key->writes[r->past.floors[i]].op == RINGCACHE_DELETE;
    }
    for (uint32_t n = 1; n <= key->written && removed; n++) {
        const struct storm_write *write = &key->writes[n];
        bool may = n != r->number && replaces(write->op) && write->fate != STORM_DENIED;
        removed = !(may && (!is_past(r, n) || is_in_doubt(r, n)));
    }
    if (removed) {
        storm_fail(r->storm, "a key that was deleted is there", key->name);
    }
}

/* May the key be in doubt on behalf of that write, or have been, and whatever was there deleted at
 * the end of it? A loader's write has no answer to go by. Those who are told of a loss delete it
 * when they next ask that server. */
static bool lingers(const struct storm *storm, const struct storm_write *write)
{
    const struct storm_rules *rules = &storm->rules;
    bool unanswered = write->fate == STORM_DOUBTFUL || (write->loaded && write->acked_at == 0);
    bool told = rules->joint && write->swept;
    return told ||
           (unanswered && rules->journal && (rules->doubts || rules->unproven || rules->joint));
}

/* May anything have ended what the write `stored` made? `r` itself is no reason why. What failed
 * when that one was under way is made good behind it. */
static bool may_have_ended(const struct storm_request *r, uint32_t stored)
{
    const struct storm_key *key = r->key;
    for (uint32_t n = 1; n <= key->written; n++) {
        const struct storm_write *write = &key->writes[n];
        bool ends = write->op == RINGCACHE_DELETE || write->fleeting;
        bool late = write->swept && write->ended_at > key->writes[stored].asked_at;
        bool before = n != stored && precedes(r, n, stored) && !late;
        bool diverted = r->storm->rules.diverts && write->fate == STORM_PENDING_WRITE;
        bool may = (ends && write->fate != STORM_DENIED) || write->swept || diverted;
        if (n != r->number && ((may && !before) || lingers(r->storm, write))) {
            return true;
        }
    }
    return false;
}

/* A substitute has what it was given during the outage, and not for long; what a loader made there
 * is deleted at the owner. */
static void judge_absence(const struct storm_request *r, uint32_t marks)
{
    const struct storm_key *key = r->key;
    if ((marks & RINGCACHE_SUBSTITUTE) != 0 || (r->storm->rules.diverts && key->loaded)) {
        return;
    }
    bool judged = r->epoch == key->epoch && !storm_may_miss(r->storm, key->owner);
    for (unsigned i = 0; i < STORM_CLIENTS && judged; i++) {
        uint32_t floor = r->past.floors[i];
        if (floor > 0 && !may_have_ended(r, floor)) {
            storm_fail(r->storm, "an acknowledged write is missing", key->name);
        }
    }
}

/* Not what another client gave up, whose connection may still carry it out, behind the mark of this
 * one. */
static bool was_over(const struct storm_request *r, const struct storm_write *write)
{
    unsigned own = (unsigned)(r->client - r->storm->clients);
    return write->ended_at > 0 && (write->by == own || write->acked_at > 0);
}

/* Is all of it from before the server left the ring, in which it is again? */
static bool is_from_before(const struct storm_request *r, const struct text *text)
{
    const struct storm_rules *rules = &r->storm->rules;
    const struct storm_server *server = &r->storm->servers[r->key->owner % STORM_SERVERS];
    bool told = rules->journal && !rules->corrupt && !server->redis && server->left_at > 0 &&
                r->key->owner < r->storm->server_count && r->past.at >= server->left_at;
    for (size_t i = 0; i < text->count && told; i++) {
        const struct storm_write *write = &r->key->writes[text->numbers[i]];
        told = was_over(r, write) && write->ended_at <= server->left_at;
    }
    return told;
}

static void judge_value(const struct storm_request *r, const ringcache_reply *reply)
{
    struct text text;
    const struct storm_key *key = r->key;
    const char *wrong = read_text(key, reply->value.data, reply->value.len, &text);
    if (wrong != NULL) {
        storm_fail(r->storm, wrong, key->name);
    }
    if (r->number > 0 && holds(&text, r->number)) {
        storm_fail(r->storm, "a write that is done is begun once more", key->name);
    }
    if (r->epoch != key->epoch) {
        return;
    }
    uint32_t base = text.numbers[text.base];
    if ((reply->marks & RINGCACHE_STALE) != 0 && !key->writes[base].fleeting) {
        storm_fail(r->storm, "a value that lasts is called stale", key->name);
    }
    if (is_in_doubt(r, base)) { /* it may have come late */
        return;
    }
    if (is_past(r, base)) {
        storm_fail(r->storm, "an older value than the last acknowledged write", key->name);
    }
    if ((reply->marks & RINGCACHE_SUBSTITUTE) == 0 && is_from_before(r, &text)) {
        storm_fail(r->storm, "a value from before its server left the ring", key->name);
    }
    if (is_outdated(r, &text)) {
        storm_fail(r->storm, "an older value than a write that failed", key->name);
    }
    for (uint32_t n = 1; n <= key->written; n++) {
        const struct storm_write *write = &key->writes[n];
        bool due = joins(write->op) && write->epoch == key->epoch && write->acked_at > 0 &&
                   write->acked_at <= r->past.at;
        if (due && precedes(r, base, n) && !holds(&text, n)) {
            storm_fail(r->storm, "an acknowledged piece is missing", key->name);
        }
    }
}

static void judge_read(const struct storm_request *r, const ringcache_reply *reply)
{
    struct storm_key *key = r->key;
    if (reply->status == RINGCACHE_MISS && !r->slow) { /* of a fetch its loader says so */
        judge_absence(r, reply->marks);
    }
    if (reply->status != RINGCACHE_OK) {
        return;
    }
    judge_presence(r);
    judge_value(r, reply);
    if ((r->options & RINGCACHE_WANT_TTL) != 0 && reply->ttl_ms != -1 && reply->ttl_ms <= 0) {
        storm_fail(r->storm, "a TTL that no item has", key->name);
    }
    if ((r->options & RINGCACHE_WANT_CAS) != 0 && r->epoch == key->epoch) {
        key->cas = reply->cas;
        key->cas_epoch = key->epoch;
        key->cas_as_of = key->written;
    }
}

void storm_key_judge_seen(const struct storm_request *r, const ringcache_reply *now)
{
    if (r->storm->rules.lawless) {
        return;
    }
    if (now->status == RINGCACHE_MISS) {
        judge_absence(r, now->marks);
    } else {
        judge_value(r, now);
    }
}

static void judge_cas(const struct storm_request *r)
{
    if (r->cas_epoch == 0) {
        storm_fail(r->storm, "a CAS with a made-up token was done", r->key->name);
    }
    bool same = r->cas_epoch == r->epoch && r->epoch == r->key->epoch;
    if (same && r->changed > r->cas_as_of) {
        storm_fail(r->storm, "a CAS was done over a later write", r->key->name);
    }
}

/* A DELETE of a key in doubt is sent, and finds what was carried out late; no read ever does. */
static bool may_find_what_came_late(const struct storm_request *r)
{
    bool may = false;
    for (uint32_t n = 1; n <= r->key->written && r->op == RINGCACHE_DELETE; n++) {
        const struct storm_write *write = &r->key->writes[n];
        may = may || (n != r->number && replaces(write->op) && lingers(r->storm, write));
    }
    return may;
}

/* What the status of a write says of what was there, which may be what a lease left. */
static void judge_condition(const struct storm_request *r, const ringcache_reply *reply)
{
    int status = reply->status;
    if (r->key->loaded) {
        return;
    }
    bool adds = r->op == RINGCACHE_ADD;
    if (status == RINGCACHE_MISS || (adds && status == RINGCACHE_OK) ||
        (!adds && status == RINGCACHE_NOT_STORED)) {
        judge_absence(r, reply->marks);
    } else if (r->op != RINGCACHE_SET && !storm_may_miss(r->storm, r->key->owner) &&
               !may_find_what_came_late(r)) {
        judge_presence(r); /* an item below the divide is there for who does not read it */
    }
    if (r->op == RINGCACHE_CAS && status == RINGCACHE_OK) {
        judge_cas(r);
    }
}

static void acknowledge(struct storm_request *r, struct storm_write *write)
{
    struct storm_key *key = r->key;
    write->fate = STORM_DONE;
    write->acked_at = ++r->storm->ticks;
    if (write->epoch != key->epoch) {
        return;
    }
    if (settles(r->op)) {
        struct storm_past *past = &key->past;
        past->floors[write->by] =
            r->number > past->floors[write->by] ? r->number : past->floors[write->by];
        past->settled_from =
            write->asked_at > past->settled_from ? write->asked_at : past->settled_from;
    }
    if (changes(r->op) && r->number > key->changed) {
        key->changed = r->number;
    }
}

/* The journal has it, if it was a plain write: under a CAS token only the value of that token
 * goes. */
static void note_loss(struct storm_request *r, struct storm_write *write, int status)
{
    const struct storm_rules *rules = &r->storm->rules;
    bool unreached = status == RINGCACHE_EDOWN || status == RINGCACHE_ECONNECT ||
                     status == RINGCACHE_ETIMEDOUT || status == RINGCACHE_EPROTOCOL;
    bool plain = r->call == NULL && !r->slow && !write->loaded && r->op != RINGCACHE_CAS;
    write->swept = changes(r->op) && r->op != RINGCACHE_ADD;
    if (write->swept && unreached && plain && !rules->corrupt) {
        write->lost_at = ++r->storm->ticks;
        write->told = status == RINGCACHE_EDOWN || status == RINGCACHE_ECONNECT;
    }
}

static void note_fate(struct storm_request *r, const ringcache_reply *reply)
{
    struct storm_write *write = &r->key->writes[r->number];
    bool nothing = reply->status == RINGCACHE_MISS && r->op == RINGCACHE_DELETE;
    bool gone = nothing && !r->slow; /* an update that finds nothing sends nothing */
    write->swept = (reply->marks & RINGCACHE_SUBSTITUTE) != 0; /* by the owner's journal */
    write->ended_at = ++r->storm->ticks;
    if (reply->status == RINGCACHE_OK || gone) {
        acknowledge(r, write);
        return;
    }
    bool doubtful = reply->status < 0 && reply->maybe_applied;
    write->fate = doubtful ? STORM_DOUBTFUL : STORM_DENIED;
    if (r->storm->rules.journal && reply->status < 0) {
        note_loss(r, write, reply->status);
    }
    if (!doubtful) {
        storm_check_stores(r->storm);
    }
}

void storm_key_judge(struct storm_request *r, const ringcache_reply *reply)
{
    bool judged = !r->storm->rules.lawless;
    /* The keys of a batch that memcached says nothing of are absent: a lost reply cannot show. */
    bool quiet = r->many != NULL && r->storm->rules.corrupt && !r->storm->rules.strict;
    if (judged && r->op == RINGCACHE_INCREMENT && reply->status == RINGCACHE_OK) {
        storm_fail(r->storm, "what is no number was counted", r->key->name);
    }
    if (judged && (r->op == RINGCACHE_GET || r->op == RINGCACHE_GET_AND_TOUCH) &&
        !(quiet && reply->status == RINGCACHE_MISS)) {
        judge_read(r, reply);
    }
    if (r->number == 0) {
        return;
    }
    if (judged && !r->slow && reply->status >= 0 && r->op != RINGCACHE_GET_AND_TOUCH) {
        judge_condition(r, reply);
    }
    note_fate(r, reply);
}

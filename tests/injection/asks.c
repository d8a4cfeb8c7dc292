/* SPDX-License-Identifier: MIT */
#include "injection.h"

#include <stdlib.h>

enum { TRIES = 8 /* to find an idle slot */ };

/* ---- slots ---- */

static uint64_t hash_of(struct rc_slice key)
{
    uint64_t hash = key.len;
    for (size_t i = 0; i < key.len && i < 64; i++) {
        hash = (hash ^ key.data[i]) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return hash;
}

static struct slot *find_bare(struct trial *trial, struct rc_slice key)
{
    uint64_t hash = hash_of(key);
    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *slot = &trial->slots[i];
        if (slot->hash == hash && slot->key != NULL &&
            rc_slice_equal(key, rc_slice(slot->key, slot->key_len))) {
            return slot;
        }
    }
    return NULL;
}

struct slot *slot_find(struct trial *trial, struct rc_slice key)
{
    size_t prefix_len = trial->rules.prefix_len;
    if (key.len < prefix_len || memcmp(key.data, trial->prefix, prefix_len) != 0) {
        return NULL;
    }
    return find_bare(trial, rc_slice(key.data + prefix_len, key.len - prefix_len));
}

void slot_take_key(struct slot *slot, struct rc_slice key)
{
    slot->key = sim_resize(slot->key, key.len);
    memcpy(slot->key, key.data, key.len);
    slot->key_len = key.len;
    slot->hash = hash_of(key);
}

void slot_renew(struct trial *trial, struct slot *slot)
{
    struct rc_slice key = rc_slice(trial->scratch, 0);
    do {
        key.len = draw_key(trial, trial->scratch);
    } while (find_bare(trial, key) != NULL);
    slot_take_key(slot, key);
    for (size_t i = 0; i < SERVERS; i++) {
        slot->items[i].there = false;
    }
}

/* What is left of a lost one goes with the connections that there were. */
static bool is_idle(struct trial *trial, struct slot *slot)
{
    if (slot->state == SLOT_LOST && wire_oldest(trial->wire) > slot->peers_then) {
        slot->state = SLOT_IDLE;
    }
    return slot->state == SLOT_IDLE;
}

static struct slot *pick(struct trial *trial)
{
    for (int i = 0; i < TRIES; i++) {
        struct slot *slot = &trial->slots[draw(trial, SLOTS)];
        if (is_idle(trial, slot)) {
            if (one_in(trial, 6)) {
                slot_renew(trial, slot);
            }
            return slot;
        }
    }
    return NULL;
}

/* ---- what is permitted: the headers' words ---- */

static bool key_is_permitted(const struct trial *trial, const struct slot *slot)
{
    const struct rules *rules = &trial->rules;
    size_t whole = rules->prefix_len + slot->key_len;
    if (slot->key_len == 0 || whole > (rules->all_redis ? 65536 : 250)) {
        return false;
    }
    for (size_t i = 0; i < slot->key_len && !rules->all_redis; i++) {
        if (slot->key[i] <= 0x20 || slot->key[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static bool stores(ringcache_op op)
{
    return (op >= RINGCACHE_SET && op <= RINGCACHE_CAS);
}

static bool counts(ringcache_op op)
{
    return op == RINGCACHE_INCREMENT || op == RINGCACHE_DECREMENT;
}

static bool extends(ringcache_op op)
{
    return op == RINGCACHE_APPEND || op == RINGCACHE_PREPEND;
}

static bool touches(ringcache_op op)
{
    return op == RINGCACHE_TOUCH || op == RINGCACHE_GET_AND_TOUCH;
}

static bool compares(ringcache_op op)
{
    return op == RINGCACHE_CAS || op == RINGCACHE_DELETE;
}

static bool reads(ringcache_op op)
{
    return op == RINGCACHE_GET || op == RINGCACHE_GET_AND_TOUCH;
}

static bool is_permitted(
    const struct trial *trial, const struct slot *slot, const ringcache_request *r)
{
    const int64_t century_ms = INT64_C(100) * 366 * 24 * 3600 * 1000;
    bool made = (r->options & RINGCACHE_WITH_INITIAL) != 0;
    bool wants = (r->options & (RINGCACHE_WANT_CAS | RINGCACHE_WANT_TTL)) != 0;
    bool timed = (stores(r->op) && !extends(r->op)) || touches(r->op) || made;
    bool flagged = stores(r->op) && !extends(r->op) && !trial->rules.any_redis;
    return key_is_permitted(trial, slot) && r->value.len <= MAX_VALUE_BYTES &&
           (stores(r->op) || r->value.len == 0) && r->ttl_ms >= 0 && r->ttl_ms <= century_ms &&
           (timed || r->ttl_ms == 0) && (flagged || r->flags == 0) &&
           (compares(r->op) || r->cas == 0) && (counts(r->op) || !made) &&
           (counts(r->op) || (r->delta == 0 && r->initial == 0)) && (reads(r->op) || !wants) &&
           r->delta <= INT64_MAX && r->initial <= INT64_MAX && (made || r->initial == 0) &&
           (stores(r->op) || (r->options & RINGCACHE_LEND_VALUE) == 0);
}

/* ---- requests by chance ---- */

/* memcached: seconds, rounded up; beyond 30 days the moment; 2038 at the latest. */
static int64_t exptime_of(const struct trial *trial, int64_t ttl_ms)
{
    int64_t seconds = ttl_ms > 0 ? (ttl_ms - 1) / 1000 + 1 : 0;
    if (seconds > RELATIVE_MAX_S) {
        seconds += wire_wall_s(trial->wire);
    }
    return seconds > INT32_MAX ? INT32_MAX : seconds;
}

static uint64_t draw_cas(struct trial *trial, const struct slot *slot)
{
    const struct item *item = &slot->items[draw(trial, trial->server_count)];
    return one_in(trial, 2) ? item->cas : draw_number(trial);
}

static uint64_t draw_step(struct trial *trial)
{
    uint64_t number = draw_number(trial);
    return one_in(trial, 8) ? number : number & INT64_MAX; /* most of them are permitted */
}

static void draw_options(struct trial *trial, ringcache_request *r)
{
    uint32_t any = (uint32_t)draw(trial, 32); /* five bits, not all of them permitted */
    uint32_t apt = RINGCACHE_NO_FAILOVER;
    apt |= reads(r->op) ? RINGCACHE_WANT_CAS | RINGCACHE_WANT_TTL : 0;
    apt |= counts(r->op) ? RINGCACHE_WITH_INITIAL : 0;
    apt |= stores(r->op) ? RINGCACHE_LEND_VALUE : 0;
    r->options = one_in(trial, 30) ? any : any & apt;
}

/* Here and there a field that the operation does not take. */
static ringcache_request draw_request(struct trial *trial, const struct slot *slot)
{
    ringcache_request r = {.op = (ringcache_op)draw(trial, RINGCACHE_DECREMENT + 1)};
    bool odd = one_in(trial, 60);
    draw_options(trial, &r);
    bool made = (r.options & RINGCACHE_WITH_INITIAL) != 0;
    if ((stores(r.op) && !extends(r.op)) || touches(r.op) || made || odd) {
        r.ttl_ms = draw_ttl_ms(trial);
    }
    if (stores(r.op) && (!trial->rules.any_redis || odd)) {
        r.flags = extends(r.op) && !odd ? 0 : (uint32_t)draw_number(trial);
    }
    bool bare = r.op == RINGCACHE_DELETE && one_in(trial, 2);
    r.cas = (compares(r.op) && !bare) || (odd && one_in(trial, 2)) ? draw_cas(trial, slot) : 0;
    r.delta = counts(r.op) || (odd && one_in(trial, 2)) ? draw_step(trial) : 0;
    r.initial = made || (odd && one_in(trial, 2)) ? draw_step(trial) : 0;
    r.timeout_ms = one_in(trial, 4) ? 1 + (uint32_t)draw(trial, 1000) : 0;
    return r;
}

static ringcache_slice draw_route(struct trial *trial, unsigned char *at)
{
    return one_in(trial, 6) ? (ringcache_slice){at, draw_bytes(trial, at, 40)}
                            : (ringcache_slice){0};
}

/* ---- submitting ---- */

static struct slot *begin(struct trial *trial, struct slot *slot, const ringcache_request *request)
{
    slot->request = *request;
    slot->exptime = exptime_of(trial, request->ttl_ms);
    slot->state = SLOT_PENDING;
    slot->many = false;
    slot->raw = false;
    slot->heard = false;
    slot->goes_back = false;
    slot->went_back = false;
    slot->goes_alone = false;
    slot->went_alone = false;
    slot->named = false;
    slot->hearings = 0;
    slot->not_permitted = false;
    slot->canceled = false;
    slot->order = ++trial->orders;
    slot->beyond_speech = (request->options & (RINGCACHE_WANT_TTL | RINGCACHE_WITH_INITIAL)) != 0;
    sim_bytes_clear(&slot->sent);
    sim_bytes_append(&slot->sent, request->value.data, request->value.len);
    slot->request.key = slot->request.value = slot->request.route = (ringcache_slice){0};
    return slot;
}

/* How a call went, against what the headers say of it. `bad`: it must be refused. */
static void note_call(struct trial *trial, struct slot *slot, int rc, bool bad)
{
    struct rc_slice why = rc_slice_text(ringcache_client_error(trial->client));
    bool full = rc == RINGCACHE_EBUSY || (rc == RINGCACHE_ENOTSUP && slot->beyond_speech);
    trial->submitted++;
    trial->refused += rc < 0;
    trial->pending += rc == 0;
    slot->state = rc == 0 ? SLOT_PENDING : SLOT_IDLE;
    if (rc == 0 && bad) {
        trial_fail(
            trial, "accepted, though it must be refused", rc_slice(slot->key, slot->key_len));
    } else if (rc < 0 && !bad && !full) {
        trial_fail(trial, "refused, though it is permitted", why);
    }
}

static int submit(struct trial *trial, struct slot *slot, const ringcache_request *r)
{
    bool plain = r->options == 0 && r->timeout_ms == 0 && r->route.data == NULL && r->flags == 0 &&
                 r->cas == 0 && r->delta == 0 && r->initial == 0;
    const ringcache_slice *key = &r->key, *value = &r->value;
    slot->id = 0;
    if (plain && r->op == RINGCACHE_GET && value->len == 0 && r->ttl_ms == 0) {
        return ringcache_get(trial->client, key->data, key->len, on_reply, slot);
    }
    if (plain && r->op == RINGCACHE_SET) {
        return ringcache_set(
            trial->client, key->data, key->len, value->data, value->len, r->ttl_ms, on_reply, slot);
    }
    if (plain && r->op == RINGCACHE_DELETE && value->len == 0 && r->ttl_ms == 0) {
        return ringcache_delete(trial->client, key->data, key->len, on_reply, slot);
    }
    return ringcache_submit(trial->client, r, on_reply, slot, &slot->id);
}

/* What was lent is gone once it was given back. */
static void give_back(void *user, const void *data, size_t len)
{
    struct trial *trial = user;
    unsigned char *bytes = (unsigned char *)(uintptr_t)data;
    trial->lent--;
    memset(bytes, '\n', len);
    free(bytes);
}

static void lend(struct trial *trial, ringcache_request *r)
{
    unsigned char *bytes = malloc(r->value.len + 1);
    assert_non_null(bytes);
    memcpy(bytes, r->value.data, r->value.len);
    r->value.data = bytes;
    r->release = give_back;
    r->release_user = trial;
    trial->lent++;
}

/* Key, route and value lie behind each other, and are gone once the call has returned. */
static void ask_one(struct trial *trial)
{
    struct slot *slot = pick(trial);
    unsigned char *at = trial->scratch;
    if (slot == NULL) {
        return;
    }
    ringcache_request r = draw_request(trial, slot);
    memcpy(at, slot->key, slot->key_len);
    r.key = (ringcache_slice){at, slot->key_len};
    at += slot->key_len;
    r.route = draw_route(trial, at);
    at += r.route.len;
    if (stores(r.op) || one_in(trial, 100)) {
        r.value = (ringcache_slice){at, draw_value(trial, at)};
        at += r.value.len;
    }
    bool lends = stores(r.op) && (r.options & RINGCACHE_LEND_VALUE) != 0;
    if (lends) {
        lend(trial, &r);
    }
    bool bad = !is_permitted(trial, slot, &r);
    begin(trial, slot, &r);
    trial->in_call = true;
    int rc = submit(trial, slot, &r);
    trial->in_call = false;
    if (lends && rc < 0) {
        give_back(trial, r.value.data, r.value.len);
    }
    note_call(trial, slot, rc, bad);
    memset(trial->scratch, '\n', (size_t)(at - trial->scratch));
}

/* A first word of any bytes, but none that ringcache_command refuses. */
static size_t draw_name(struct trial *trial, unsigned char *out)
{
    static const char *const names[] = {"SET", "GET", "MGET", "DEL", "ECHO", "EVAL", "FLUSHALL",
        "HSET", "get x\r\n", "*1\r\n", "PING\r\n"};
    if (one_in(trial, 3)) {
        size_t len = draw_bytes(trial, out + 1, 30);
        out[0] = '!';
        return len + 1;
    }
    const char *name = names[draw(trial, sizeof names / sizeof *names)];
    memcpy(out, name, strlen(name));
    return strlen(name);
}

static void ask_raw(struct trial *trial)
{
    struct slot *slot = pick(trial);
    ringcache_slice words[RAW_WORDS_MAX];
    size_t count = 2 + (size_t)draw(trial, RAW_WORDS_MAX - 1), len = 0;
    if (slot == NULL) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        unsigned char *at = trial->scratch + len;
        words[i].data = at;
        if (i == 0) {
            words[i].len = draw_name(trial, at);
        } else if (i == 1) {
            memcpy(at, slot->key, slot->key_len);
            words[i].len = slot->key_len;
        } else {
            words[i].len = draw_bytes(trial, at, 100);
        }
        len += words[i].len;
    }
    unsigned char *end = trial->scratch + len;
    const ringcache_request defaults = {.route = draw_route(trial, end)};
    begin(trial, slot, &(const ringcache_request){.value = {trial->scratch, len}});
    slot->raw = true;
    slot->word_count = count;
    for (size_t i = 0; i < count; i++) {
        slot->word_lens[i] = words[i].len;
    }
    trial->in_call = true;
    int rc = ringcache_command(trial->client, words, count, &defaults, on_reply, slot);
    trial->in_call = false;
    slot->beyond_speech = trial->rules.any_redis && !trial->rules.all_redis;
    bool bad = !trial->rules.any_redis || trial->rules.prefix_len > 0 || len > MAX_VALUE_BYTES;
    note_call(trial, slot, rc, bad);
    memset(trial->scratch, '\n', len + defaults.route.len);
}

static void add_to_many(struct trial *trial, const ringcache_request *defaults)
{
    struct slot *slot = pick(trial);
    if (slot == NULL) {
        return;
    }
    begin(trial, slot, defaults)->many = true;
    slot->id = 0;
    trial->many_keys[trial->many_count] = (ringcache_slice){slot->key, slot->key_len};
    trial->many_slots[trial->many_count++] = slot;
}

static void ask_many(struct trial *trial)
{
    static const uint32_t options[] = {0, 0, 0, 0, RINGCACHE_WANT_CAS, RINGCACHE_WANT_TTL};
    if (trial->many_count > 0) {
        return;
    }
    const ringcache_request defaults = {
        .options = options[draw(trial, sizeof options / sizeof *options)],
        .route = one_in(trial, 4) ? (ringcache_slice){"\r\nany", 5} : (ringcache_slice){0},
    };
    for (uint64_t n = 1 + draw(trial, MANY_MAX); n > 0; n--) {
        add_to_many(trial, &defaults);
    }
    if (trial->many_count == 0) {
        return;
    }
    trial->in_call = true;
    int rc = ringcache_get_many(trial->client, trial->many_keys, trial->many_count, &defaults,
        on_each, on_many_done, trial);
    trial->in_call = false;
    trial->submitted += trial->many_count;
    trial->pending += trial->many_count;
    for (size_t i = 0; i < trial->many_count; i++) {
        struct slot *slot = trial->many_slots[i];
        slot->not_permitted = !key_is_permitted(trial, slot);
    }
    if (rc < 0) {
        trial_fail(trial, "many keys were refused", rc_slice_text(ringcache_err_name(rc)));
    }
}

static void ask_ping(struct trial *trial)
{
    const char *name = trial->servers[draw(trial, trial->server_count)].name;
    trial->in_call = true;
    (void)ringcache_ping(trial->client, name, on_pong, trial); /* full or down: another time */
    trial->in_call = false;
}

static void cancel(struct trial *trial)
{
    struct slot *slot = &trial->slots[draw(trial, SLOTS)];
    if (slot->state == SLOT_PENDING && slot->id != 0 &&
        ringcache_cancel(trial->client, slot->id) == 0) {
        slot->canceled = true;
    }
}

void ask(struct trial *trial)
{
    switch (draw(trial, 64)) {
    case 0:
    case 1:
        ask_many(trial);
        return;
    case 2:
        ask_ping(trial);
        return;
    case 3:
        cancel(trial);
        return;
    case 4:
    case 5:
    case 6:
        ask_raw(trial);
        return;
    default:
        ask_one(trial);
        return;
    }
}

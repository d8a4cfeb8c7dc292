/* SPDX-License-Identifier: MIT */
/* Commands of the Redis engine on strings. Left out: EXAT and PXAT of SET and GETEX. */
#include "engine/redis.h"

#include <stdio.h>

static bool wrong_type(struct redis_call *c, const struct store_item *item)
{
    if (item == NULL || item->list_len == 0) {
        return false;
    }
    redis_say(c, REDIS_WRONG_TYPE);
    return true;
}

static void write_string(
    struct redis_call *c, struct rc_slice key, struct rc_slice value, uint64_t expires_ms)
{
    struct store_item *item = store_put(redis_store(c), key, value, c->engine->now_ms);
    item->cas = ++c->engine->cas;
    item->expires_ms = expires_ms;
}

/* For what changes a value and leaves its TTL. */
static uint64_t expiry_of(const struct store_item *item)
{
    return item != NULL ? item->expires_ms : STORE_NEVER;
}

static void run_get(struct redis_call *c)
{
    const struct store_item *item = redis_find(c, c->argv[1]);
    if (!wrong_type(c, item)) {
        redis_say_item(c, item);
    }
}

static void run_mget(struct redis_call *c)
{
    redis_say_array(c, c->argc - 1);
    for (size_t i = 1; i < c->argc; i++) {
        const struct store_item *item = redis_find(c, c->argv[i]);
        redis_say_item(c, item != NULL && item->list_len == 0 ? item : NULL);
    }
}

static void run_strlen(struct redis_call *c)
{
    const struct store_item *item = redis_find(c, c->argv[1]);
    if (!wrong_type(c, item)) {
        redis_say_number(c, item != NULL ? (long long)item->value_len : 0);
    }
}

static void run_append(struct redis_call *c)
{
    struct sim_bytes whole = {0};
    const struct store_item *item = redis_find(c, c->argv[1]);
    if (wrong_type(c, item)) {
        return;
    }
    if (item != NULL) {
        sim_bytes_append(&whole, item->value, item->value_len);
    }
    sim_bytes_append(&whole, c->argv[2].data, c->argv[2].len);
    write_string(c, c->argv[1], sim_bytes_view(&whole), expiry_of(item));
    redis_say_number(c, (long long)whole.len);
    sim_bytes_deinit(&whole);
}

/* What SET and GETEX may say behind their key. */
struct string_options {
    bool absent_only, present_only, keep_ttl, get; /* SET */
    bool persist;                                  /* GETEX */
    bool timed;
    struct rc_slice time;
    int64_t unit_ms;
};

static bool take_condition(struct string_options *o, struct rc_slice word)
{
    if (redis_text_is(word, "NX") && !o->present_only) {
        o->absent_only = true;
    } else if (redis_text_is(word, "XX") && !o->absent_only) {
        o->present_only = true;
    } else if (redis_text_is(word, "KEEPTTL") && !o->timed) {
        o->keep_ttl = true;
    } else if (redis_text_is(word, "GET")) {
        o->get = true;
    } else {
        return false;
    }
    return true;
}

static bool take_persist(struct string_options *o, struct rc_slice word)
{
    o->persist = redis_text_is(word, "PERSIST") && !o->timed;
    return o->persist;
}

/* The words from `first` on. The syntax is judged before the numbers. */
static bool take_options(struct redis_call *c, size_t first,
    bool (*take_own)(struct string_options *, struct rc_slice), struct string_options *o)
{
    for (size_t i = first; i < c->argc; i++) {
        bool seconds = redis_text_is(c->argv[i], "EX");
        bool time = seconds || redis_text_is(c->argv[i], "PX");
        if (time && !o->timed && !o->keep_ttl && !o->persist && i + 1 < c->argc) {
            o->timed = true;
            o->unit_ms = seconds ? 1000 : 1;
            o->time = c->argv[++i];
        } else if (!take_own(o, c->argv[i])) {
            redis_say(c, "-ERR syntax error");
            return false;
        }
    }
    return true;
}

/* The moment that the options name. */
static bool take_expiry(
    struct redis_call *c, const struct string_options *o, const char *refusal, uint64_t *expires_ms)
{
    int64_t in_ms;
    if (!redis_integer(o->time, &in_ms)) {
        redis_say(c, "-ERR value is not an integer or out of range");
        return false;
    }
    if (in_ms <= 0 || __builtin_mul_overflow(in_ms, o->unit_ms, &in_ms) ||
        in_ms > redis_longest_ms(c->engine)) {
        redis_say(c, refusal);
        return false;
    }
    *expires_ms = c->engine->now_ms + (uint64_t)in_ms;
    return true;
}

static void run_set(struct redis_call *c)
{
    struct string_options o = {0};
    uint64_t expires_ms = STORE_NEVER;
    if (!take_options(c, 3, take_condition, &o) ||
        (o.timed &&
            !take_expiry(c, &o, "-ERR invalid expire time in 'set' command", &expires_ms))) {
        return;
    }
    const struct store_item *item = redis_find(c, c->argv[1]);
    if (o.get && wrong_type(c, item)) {
        return;
    }
    bool refused = (o.absent_only && item != NULL) || (o.present_only && item == NULL);
    if (o.get) {
        redis_say_item(c, item);
    } else {
        redis_say(c, refused ? "$-1" : "+OK");
    }
    if (!refused) {
        write_string(c, c->argv[1], c->argv[2], o.keep_ttl ? expiry_of(item) : expires_ms);
    }
}

static void run_getex(struct redis_call *c)
{
    struct string_options o = {0};
    if (!take_options(c, 2, take_persist, &o)) {
        return;
    }
    struct store_item *item = redis_find(c, c->argv[1]);
    if (wrong_type(c, item)) {
        return;
    }
    if (item == NULL) {
        redis_say(c, "$-1");
        return;
    }
    uint64_t expires_ms = o.persist ? STORE_NEVER : item->expires_ms;
    if (o.timed &&
        !take_expiry(c, &o, "-ERR invalid expire time in 'getex' command", &expires_ms)) {
        return;
    }
    item->expires_ms = expires_ms;
    redis_say_item(c, item);
}

static void count_by(struct redis_call *c, int64_t delta)
{
    char digits[24];
    int64_t value = 0;
    const struct store_item *item = redis_find(c, c->argv[1]);
    if (wrong_type(c, item)) {
        return;
    }
    if (item != NULL && !redis_integer(store_value(item), &value)) {
        redis_say(c, "-ERR value is not an integer or out of range");
        return;
    }
    if (__builtin_add_overflow(value, delta, &value)) {
        redis_say(c, "-ERR increment or decrement would overflow");
        return;
    }
    int len = snprintf(digits, sizeof digits, "%lld", (long long)value);
    write_string(c, c->argv[1], rc_slice(digits, (size_t)len), expiry_of(item));
    redis_say_number(c, value);
}

static void run_incr(struct redis_call *c)
{
    count_by(c, 1);
}

static void run_decr(struct redis_call *c)
{
    count_by(c, -1);
}

static void run_incrby(struct redis_call *c)
{
    int64_t delta;
    if (!redis_integer(c->argv[2], &delta)) {
        redis_say(c, "-ERR value is not an integer or out of range");
        return;
    }
    count_by(c, delta);
}

static void run_decrby(struct redis_call *c)
{
    int64_t delta;
    if (!redis_integer(c->argv[2], &delta)) {
        redis_say(c, "-ERR value is not an integer or out of range");
        return;
    }
    if (delta == INT64_MIN) {
        redis_say(c, "-ERR decrement would overflow");
        return;
    }
    count_by(c, -delta);
}

const struct redis_command redis_string_commands[] = {
    {"get", 2, 2, 1, 0, run_get},
    {"mget", 2, SIZE_MAX, 1, 0, run_mget},
    {"strlen", 2, 2, 1, 0, run_strlen},
    {"append", 3, 3, 1, REDIS_WRITES | REDIS_GROWS, run_append},
    {"set", 3, SIZE_MAX, 1, REDIS_WRITES | REDIS_GROWS, run_set},
    {"getex", 2, SIZE_MAX, 1, REDIS_WRITES, run_getex},
    {"incr", 2, 2, 1, REDIS_WRITES | REDIS_GROWS, run_incr},
    {"decr", 2, 2, 1, REDIS_WRITES | REDIS_GROWS, run_decr},
    {"incrby", 3, 3, 1, REDIS_WRITES | REDIS_GROWS, run_incrby},
    {"decrby", 3, 3, 1, REDIS_WRITES | REDIS_GROWS, run_decrby},
    {0},
};

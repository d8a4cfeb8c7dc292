/* SPDX-License-Identifier: MIT */
/* Commands of the Redis engine that ask no type of a key's value: whether it is there, and how
 * long. Left out: the conditions of EXPIRE and PEXPIRE (NX, XX, GT, LT), and lists but for their
 * length. */
#include "engine/redis.h"

static void run_del(struct redis_call *c)
{
    long long gone = 0;
    for (size_t i = 1; i < c->argc; i++) {
        gone += store_delete(redis_store(c), c->argv[i], c->engine->now_ms);
    }
    redis_say_number(c, gone);
}

static void run_exists(struct redis_call *c)
{
    long long found = 0;
    for (size_t i = 1; i < c->argc; i++) {
        found += redis_find(c, c->argv[i]) != NULL;
    }
    redis_say_number(c, found);
}

static void say_ttl(struct redis_call *c, uint64_t unit_ms)
{
    const struct store_item *item = redis_find(c, c->argv[1]);
    if (item == NULL || item->expires_ms == STORE_NEVER) {
        redis_say_number(c, item == NULL ? -2 : -1);
        return;
    }
    uint64_t left_ms = item->expires_ms - c->engine->now_ms;
    redis_say_number(c, (long long)((left_ms + unit_ms / 2) / unit_ms));
}

static void run_ttl(struct redis_call *c)
{
    say_ttl(c, 1000);
}

static void run_pttl(struct redis_call *c)
{
    say_ttl(c, 1);
}

/* A moment that is over deletes. */
static void expire_in(struct redis_call *c, int64_t unit_ms, const char *refusal)
{
    int64_t in_ms;
    struct engine *e = c->engine;
    if (c->argc > 3) {
        redis_say_about(c, "-ERR Unsupported option ", c->argv[3], "");
        return;
    }
    if (!redis_integer(c->argv[2], &in_ms)) {
        redis_say(c, "-ERR value is not an integer or out of range");
        return;
    }
    if (__builtin_mul_overflow(in_ms, unit_ms, &in_ms) || in_ms > redis_longest_ms(e)) {
        redis_say(c, refusal);
        return;
    }
    struct store_item *item = redis_find(c, c->argv[1]);
    redis_say_number(c, item != NULL);
    if (item != NULL && in_ms <= 0) {
        store_delete(redis_store(c), c->argv[1], e->now_ms);
    } else if (item != NULL) {
        item->expires_ms = e->now_ms + (uint64_t)in_ms;
    }
}

static void run_expire(struct redis_call *c)
{
    expire_in(c, 1000, "-ERR invalid expire time in 'expire' command");
}

static void run_pexpire(struct redis_call *c)
{
    expire_in(c, 1, "-ERR invalid expire time in 'pexpire' command");
}

static void run_persist(struct redis_call *c)
{
    struct store_item *item = redis_find(c, c->argv[1]);
    bool timed = item != NULL && item->expires_ms != STORE_NEVER;
    if (timed) {
        item->expires_ms = STORE_NEVER;
    }
    redis_say_number(c, timed);
}

/* Only its length is kept: enough to be a value of the wrong type. */
static void run_lpush(struct redis_call *c)
{
    struct store_item *item = redis_find(c, c->argv[1]);
    if (item != NULL && item->list_len == 0) {
        redis_say(c, REDIS_WRONG_TYPE);
        return;
    }
    if (item == NULL) {
        item = store_put(redis_store(c), c->argv[1], rc_slice(NULL, 0), c->engine->now_ms);
    }
    item->list_len += c->argc - 2;
    redis_say_number(c, (long long)item->list_len);
}

const struct redis_command redis_key_commands[] = {
    {"del", 2, SIZE_MAX, 1, REDIS_WRITES, run_del},
    {"exists", 2, SIZE_MAX, 1, 0, run_exists},
    {"expire", 3, SIZE_MAX, 1, REDIS_WRITES, run_expire},
    {"pexpire", 3, SIZE_MAX, 1, REDIS_WRITES, run_pexpire},
    {"persist", 2, 2, 1, REDIS_WRITES, run_persist},
    {"ttl", 2, 2, 1, 0, run_ttl},
    {"pttl", 2, 2, 1, 0, run_pttl},
    {"lpush", 3, SIZE_MAX, 1, REDIS_WRITES | REDIS_GROWS, run_lpush},
    {0},
};

/* SPDX-License-Identifier: MIT */
/* Commands of the Redis engine about itself and all that it holds. INFO has two sections; a cursor
 * of SCAN is the place of the next key, in the order of first stores. Left out: patterns with ? or
 * [, cursors with a sign, and SCAN's TYPE. */
#include "engine/redis.h"

#include <stdio.h>

static bool wants_section(const struct redis_call *c, const char *section)
{
    bool wanted = c->argc == 1;
    for (size_t i = 1; i < c->argc; i++) {
        wanted = wanted || redis_text_is(c->argv[i], section) ||
                 redis_text_is(c->argv[i], "default") || redis_text_is(c->argv[i], "all") ||
                 redis_text_is(c->argv[i], "everything");
    }
    return wanted;
}

static int put_server(const struct engine *e, char *text, size_t size)
{
    return snprintf(text, size,
        "# Server\r\nredis_version:%s\r\nredis_mode:standalone\r\nprocess_id:1\r\nrun_id:%s\r\n"
        "uptime_in_seconds:%llu\r\n",
        e->version != NULL ? e->version : engine_redis.version, e->run_id,
        (unsigned long long)((e->now_ms - e->started_ms) / 1000));
}

static int put_keyspace(const struct engine *e, char *text, size_t size)
{
    int n = snprintf(text, size, "# Keyspace\r\n");
    for (size_t i = 0; i < ENGINE_DATABASES; i++) {
        if (e->stores[i].count > 0) {
            n += snprintf(text + n, size - (size_t)n, "db%zu:keys=%zu,expires=0,avg_ttl=0\r\n", i,
                e->stores[i].count);
        }
    }
    return n;
}

static void run_info(struct redis_call *c)
{
    char text[2048];
    const struct engine *e = c->engine;
    bool server = wants_section(c, "server"), keyspace = wants_section(c, "keyspace");
    int n = server ? put_server(e, text, sizeof text) : 0;
    if (server && keyspace) {
        n += snprintf(text + n, sizeof text - (size_t)n, "\r\n");
    }
    n += keyspace ? put_keyspace(e, text + n, sizeof text - (size_t)n) : 0;
    redis_say_bulk(c, rc_slice(text, (size_t)n));
}

static void run_dbsize(struct redis_call *c)
{
    redis_say_number(c, (long long)redis_store(c)->count);
}

/* Synchronously or not is the same here; false: neither, which was said. */
static bool takes_flush(struct redis_call *c)
{
    bool known =
        c->argc == 1 ||
        (c->argc == 2 && (redis_text_is(c->argv[1], "ASYNC") || redis_text_is(c->argv[1], "SYNC")));
    redis_say(c, known ? "+OK" : "-ERR syntax error");
    return known;
}

static void run_flushall(struct redis_call *c)
{
    size_t count = takes_flush(c) ? ENGINE_DATABASES : 0;
    for (size_t i = 0; i < count; i++) {
        store_clear(&c->engine->stores[i]);
    }
}

static void run_flushdb(struct redis_call *c)
{
    if (takes_flush(c)) {
        store_clear(redis_store(c));
    }
}

/* ---- SCAN ---- */

struct scan {
    uint64_t cursor;
    int64_t count;
    struct rc_slice pattern; /* of no bytes: none */
};

static struct rc_slice behind(struct rc_slice s)
{
    return rc_slice(s.data + 1, s.len - 1);
}

static bool matches(struct rc_slice pattern, struct rc_slice text)
{
    while (pattern.len > 0 && pattern.data[0] != '*') {
        if (pattern.len > 1 && pattern.data[0] == '\\') {
            pattern = behind(pattern);
        }
        if (text.len == 0 || text.data[0] != pattern.data[0]) {
            return false;
        }
        pattern = behind(pattern);
        text = behind(text);
    }
    if (pattern.len == 0) {
        return text.len == 0;
    }
    while (text.len > 0 && !matches(behind(pattern), text)) {
        text = behind(text);
    }
    return matches(behind(pattern), text);
}

/* NULL, or what is wrong with the words. */
static const char *take_options(const struct redis_call *c, struct scan *scan)
{
    for (size_t i = 2; i < c->argc; i += 2) {
        if (i + 1 == c->argc) {
            return "-ERR syntax error";
        }
        if (redis_text_is(c->argv[i], "MATCH")) {
            scan->pattern = c->argv[i + 1];
        } else if (!redis_text_is(c->argv[i], "COUNT")) {
            return "-ERR syntax error";
        } else if (!redis_integer(c->argv[i + 1], &scan->count)) {
            return "-ERR value is not an integer or out of range";
        } else if (scan->count < 1) {
            return "-ERR syntax error";
        }
    }
    return NULL;
}

static void say_keys(struct redis_call *c, const struct scan *scan)
{
    struct store *store = redis_store(c);
    const struct store_item *item = store_from(store, scan->cursor, c->engine->now_ms);
    struct sim_bytes found = {0};
    struct redis_call page = {.reply = &found};
    size_t count = 0;
    for (int64_t seen = 0; item != NULL && seen < scan->count; seen++) {
        if (scan->pattern.len == 0 || matches(scan->pattern, store_key(item))) {
            redis_say_bulk(&page, store_key(item));
            count++;
        }
        item = store_from(store, item->serial + 1, c->engine->now_ms);
    }
    char cursor[24];
    int len = snprintf(
        cursor, sizeof cursor, "%llu", (unsigned long long)(item != NULL ? item->serial : 0));
    redis_say_array(c, 2);
    redis_say_bulk(c, rc_slice(cursor, (size_t)len));
    redis_say_array(c, count);
    struct rc_slice keys = sim_bytes_view(&found);
    sim_bytes_append(c->reply, keys.data, keys.len);
    sim_bytes_deinit(&found);
}

static void run_scan(struct redis_call *c)
{
    struct scan scan = {.count = 10};
    if (!engine_digits(c->argv[1], 0, &scan.cursor)) {
        redis_say(c, "-ERR invalid cursor");
        return;
    }
    const char *error = take_options(c, &scan);
    if (error != NULL) {
        redis_say(c, error);
        return;
    }
    say_keys(c, &scan);
}

const struct redis_command redis_server_commands[] = {
    {"info", 1, SIZE_MAX, 0, REDIS_STALE, run_info},
    {"dbsize", 1, 1, 0, 0, run_dbsize},
    {"flushall", 1, SIZE_MAX, 0, REDIS_WRITES, run_flushall},
    {"flushdb", 1, SIZE_MAX, 0, REDIS_WRITES, run_flushdb},
    {"scan", 2, SIZE_MAX, 0, 0, run_scan},
    {0},
};

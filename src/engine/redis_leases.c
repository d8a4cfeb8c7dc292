/* SPDX-License-Identifier: MIT */
/* The scripts that know a key's lease: as in Lua, step by step. */
#include <inttypes.h>
#include <stdio.h>

#include "engine/redis_scripts.h"
#include "engine/sha1.h"

/* The value at the key, or NULL; false: of another type, which was said. */
static bool read_value(const struct script *s, const struct store_item **item)
{
    struct rc_slice get[] = {rc_slice_text("GET"), s->key};
    struct sim_bytes reply = {0};
    bool fine = redis_script_try(s, get, 2, &reply);
    *item = fine ? redis_find(s->call, s->key) : NULL;
    sim_bytes_deinit(&reply);
    return fine;
}

static bool has_digest(const struct store_item *item, struct rc_slice digest)
{
    char hex[SHA1_HEX + 1];
    sha1_hex(store_value(item), hex);
    return rc_slice_equal(rc_slice(hex, REDIS_DIGEST_DIGITS), digest);
}

static bool holds(const struct script *s)
{
    const struct store_item *lease = redis_find(s->call, s->lease);
    return lease != NULL && rc_slice_equal(store_value(lease), s->args[0]);
}

static void drop_lease(const struct script *s)
{
    struct rc_slice del[] = {rc_slice_text("DEL"), s->lease};
    struct sim_bytes reply = {0};
    redis_script_call(s, del, 2, &reply);
    sim_bytes_deinit(&reply);
}

/* May the key go? If not, that was said. */
static bool may_delete(const struct script *s)
{
    const struct store_item *item;
    if (s->args[0].len == 0) {
        return true;
    }
    if (!read_value(s, &item)) {
        return false;
    }
    if (item == NULL || !has_digest(item, s->args[0])) {
        redis_say(s->call, item == NULL ? ":0" : "+EXISTS");
        return false;
    }
    return true;
}

void redis_script_delete(const struct script *s)
{
    struct rc_slice del[] = {rc_slice_text("DEL"), s->key};
    if (!may_delete(s)) {
        return;
    }
    if (s->lease.data != NULL) {
        drop_lease(s);
    }
    redis_script_end(s, del, 2);
}

static void say_lease(const struct script *s, const struct store_item *item, int kind)
{
    char hex[SHA1_HEX + 1] = "";
    bool shown = kind > 0 && item != NULL;
    if (shown) {
        sha1_hex(store_value(item), hex);
    }
    redis_say_array(s->call, 3);
    redis_say_item(s->call, item);
    redis_say_bulk(s->call, rc_slice(hex, shown ? REDIS_DIGEST_DIGITS : 0));
    redis_say_number(s->call, kind);
}

static bool is_fresh(const struct script *s, const struct store_item *item)
{
    int64_t stale_ms = 0;
    (void)redis_integer(s->args[2], &stale_ms);
    return item->expires_ms == STORE_NEVER ||
           item->expires_ms - s->call->engine->now_ms >= (uint64_t)stale_ms;
}

void redis_script_lease(const struct script *s)
{
    const struct store_item *item;
    struct rc_slice set[] = {rc_slice_text("SET"), s->lease, s->args[0], rc_slice_text("NX"),
        rc_slice_text("PX"), s->args[1]};
    struct sim_bytes reply = {0};
    if (!read_value(s, &item)) {
        return;
    }
    if (item != NULL && is_fresh(s, item)) {
        say_lease(s, item, 0);
    } else if (redis_script_try(s, set, 6, &reply)) {
        say_lease(s, item, holds(s) ? 1 : 2);
    }
    sim_bytes_deinit(&reply);
}

/* Store it, unless that is refused, which was said. */
static bool fill(const struct script *s, const struct store_item *item)
{
    bool timed = s->count > 3;
    struct rc_slice set[] = {rc_slice_text("SET"), s->key, s->args[1], rc_slice_text("PX"),
        timed ? s->args[3] : rc_slice(NULL, 0)};
    struct sim_bytes reply = {0};
    if (item != NULL && !has_digest(item, s->args[2])) {
        redis_say(s->call, "+EXISTS");
        return true;
    }
    bool stored = redis_script_try(s, set, timed ? 5 : 3, &reply);
    if (stored) {
        redis_say(s->call, "+OK");
    }
    sim_bytes_deinit(&reply);
    return stored;
}

void redis_script_fill(const struct script *s)
{
    const struct store_item *item;
    if (!holds(s)) {
        redis_say(s->call, "+EXISTS");
        return;
    }
    if (read_value(s, &item) && fill(s, item)) {
        drop_lease(s);
    }
}

void redis_script_unlease(const struct script *s)
{
    struct rc_slice del[] = {rc_slice_text("DEL"), s->lease};
    if (holds(s)) {
        redis_script_end(s, del, 2);
    } else {
        redis_say_number(s->call, 0);
    }
}

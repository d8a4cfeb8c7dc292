/* SPDX-License-Identifier: MIT */
/* What a cache does, whatever is spoken to it. */
#include "injection.h"

#include <inttypes.h>
#include <stdio.h>

static struct answer done(int status)
{
    return (struct answer){.status = status};
}

static struct answer refused(const char *words)
{
    return (struct answer){.status = RINGCACHE_ESERVER, .words = words};
}

static void put(struct item *item, struct rc_slice value)
{
    sim_bytes_clear(&item->value);
    sim_bytes_append(&item->value, value.data, value.len);
    item->there = true;
}

/* A token of up to 64 bits; no item of memcached has 0. */
static void new_cas(struct trial *trial, struct item *item)
{
    item->cas = draw_number(trial) | 1;
}

static struct answer store(struct trial *trial, struct item *item, const struct command *c)
{
    if ((c->op == RINGCACHE_ADD && item->there) || (c->op == RINGCACHE_REPLACE && !item->there)) {
        return done(RINGCACHE_NOT_STORED);
    }
    if (c->op == RINGCACHE_CAS && !item->there) {
        return done(RINGCACHE_MISS);
    }
    if (c->op == RINGCACHE_CAS && c->cas != item->cas) {
        return done(RINGCACHE_EXISTS);
    }
    put(item, c->value);
    item->flags = c->flags;
    item->time = c->time;
    new_cas(trial, item);
    return done(RINGCACHE_OK);
}

static struct answer extend(struct trial *trial, struct item *item, const struct command *c)
{
    if (!item->there || item->value.len + c->value.len > MAX_VALUE_BYTES) {
        return done(RINGCACHE_NOT_STORED);
    }
    if (c->op == RINGCACHE_APPEND) {
        sim_bytes_append(&item->value, c->value.data, c->value.len);
    } else {
        struct rc_slice tail = sim_bytes_view(&item->value);
        struct sim_bytes whole = {0};
        sim_bytes_append(&whole, c->value.data, c->value.len);
        sim_bytes_append(&whole, tail.data, tail.len);
        sim_bytes_deinit(&item->value);
        item->value = whole;
    }
    new_cas(trial, item);
    return done(RINGCACHE_OK);
}

static struct answer touch(struct item *item, const struct command *c)
{
    if (!item->there) {
        return done(RINGCACHE_MISS);
    }
    item->time = c->time;
    return done(RINGCACHE_OK);
}

static void put_number(struct trial *trial, struct item *item, uint64_t number)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, number);
    put(item, rc_slice(digits, (size_t)len));
    new_cas(trial, item);
}

static struct answer count(
    struct trial *trial, bool redis, struct item *item, const struct command *c)
{
    uint64_t number, most = redis ? INT64_MAX : UINT64_MAX;
    if (!item->there && !c->with_initial) {
        return done(RINGCACHE_MISS);
    }
    if (!item->there) {
        number = c->initial;
        item->time = c->time;
        item->flags = 0;
    } else if (!text_number(sim_bytes_view(&item->value), most, &number)) {
        return refused(redis ? "ERR value is not an integer or out of range"
                             : "CLIENT_ERROR cannot increment or decrement non-numeric value");
    } else if (c->op == RINGCACHE_DECREMENT) {
        number -= c->delta < number ? c->delta : number;
    } else if (redis && c->delta > most - number) {
        return done(RINGCACHE_NOT_STORED);
    } else {
        number += c->delta;
    }
    put_number(trial, item, number);
    return (struct answer){.status = RINGCACHE_OK, .number = number};
}

static struct answer run(
    struct trial *trial, bool redis, struct item *item, const struct command *c)
{
    bool was_there = item->there;
    bool conditional = c->op == RINGCACHE_DELETE && c->cas != 0;
    if (conditional && was_there && c->cas != item->cas) {
        return done(RINGCACHE_EXISTS);
    }
    switch (c->op) {
    case RINGCACHE_SET:
    case RINGCACHE_ADD:
    case RINGCACHE_REPLACE:
    case RINGCACHE_CAS:
        return store(trial, item, c);
    case RINGCACHE_APPEND:
    case RINGCACHE_PREPEND:
        return extend(trial, item, c);
    case RINGCACHE_TOUCH:
    case RINGCACHE_GET_AND_TOUCH:
        return touch(item, c);
    case RINGCACHE_INCREMENT:
    case RINGCACHE_DECREMENT:
        return count(trial, redis, item, c);
    case RINGCACHE_GET:
        break;
    case RINGCACHE_DELETE:
        item->there = false;
        break;
    }
    return done(was_there ? RINGCACHE_OK : RINGCACHE_MISS);
}

struct answer cache_run(
    struct trial *trial, bool redis, struct item *item, const struct command *command)
{
    bool counts = command->op == RINGCACHE_INCREMENT || command->op == RINGCACHE_DECREMENT;
    if (!command->batched && !command->proves && !counts && one_in(trial, 200)) {
        return refused(redis ? "OOM command not allowed" : "SERVER_ERROR out of memory");
    }
    return run(trial, redis, item, command);
}

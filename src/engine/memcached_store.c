/* SPDX-License-Identifier: MIT */
/* What storing and counting mean to memcached: its modes, its compare, its clock. */
#include "engine/memcached.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MONTH_S = 60 * 60 * 24 * 30 };

/* The server keeps the low half of the number, and counts whole seconds of its own clock: a TTL of
 * 1 may be over in a moment. */
uint64_t mc_expiry(const struct engine *e, int64_t exptime)
{
    int32_t kept = (int32_t)(uint32_t)exptime;
    if (kept == 0) {
        return STORE_NEVER;
    }
    int64_t in_s = kept > MONTH_S ? kept - e->wall_s : kept;
    return in_s <= 0 ? 0 : (e->now_ms / 1000 + (uint64_t)in_s) * 1000;
}

/* Another value for an item that keeps its flags and its expiry. */
static struct store_item *rewrite(
    struct engine *e, const struct store_item *item, struct rc_slice value)
{
    uint64_t expires_ms = item->expires_ms;
    uint32_t flags = item->flags;
    struct store_item *written = store_put(&e->stores[0], store_key(item), value, e->now_ms);
    written->expires_ms = expires_ms;
    written->flags = flags;
    written->cas = ++e->cas;
    return written;
}

static void join(struct sim_bytes *out, struct rc_slice a, struct rc_slice b)
{
    sim_bytes_append(out, a.data, a.len);
    sim_bytes_append(out, b.data, b.len);
}

static void extend(struct engine *e, const struct store_item *item, const struct mc_storage *s)
{
    struct sim_bytes whole = {0};
    if (s->mode == MC_APPEND) {
        join(&whole, store_value(item), s->value);
    } else {
        join(&whole, s->value, store_value(item));
    }
    rewrite(e, item, sim_bytes_view(&whole));
    sim_bytes_deinit(&whole);
}

static enum mc_outcome store_over(
    const struct store_item *old, const struct mc_storage *s, bool *stale)
{
    if (old == NULL) {
        if (s->has_cas && s->mode == MC_SET) {
            return MC_NOT_FOUND;
        }
        return s->mode == MC_SET || s->mode == MC_ADD ? MC_STORED : MC_NOT_STORED;
    }
    if (s->mode == MC_ADD) {
        return MC_NOT_STORED;
    }
    if (!s->has_cas || s->cas == old->cas) {
        return MC_STORED;
    }
    *stale = s->invalidate && s->cas > 0 && s->cas < old->cas;
    return *stale ? MC_STORED : MC_EXISTS;
}

enum mc_outcome mc_store(struct engine *e, struct mc_storage *s)
{
    bool stale = false;
    struct store_item *item = store_find(&e->stores[0], s->key, e->now_ms);
    enum mc_outcome outcome = store_over(item, s, &stale);
    s->stored_cas = 0;
    if (outcome != MC_STORED) {
        return outcome;
    }
    if (s->mode == MC_APPEND || s->mode == MC_PREPEND) {
        extend(e, item, s);
    } else {
        item = store_put(&e->stores[0], s->key, s->value, e->now_ms);
        item->flags = s->flags;
        item->expires_ms = mc_expiry(e, s->exptime);
        item->stale = stale;
        item->cas = ++e->cas;
    }
    s->stored_cas = e->cas;
    return MC_STORED;
}

static bool is_space(unsigned char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* As strtoull reads it: blanks and a sign in front, anything behind a blank. The value lies in
 * front of a line end, which is a blank too. */
static bool counter_of(const struct store_item *item, uint64_t *value)
{
    struct rc_slice rest = store_value(item);
    while (rest.len > 0 && is_space(rest.data[0])) {
        rest = rc_slice(rest.data + 1, rest.len - 1);
    }
    bool negative = rest.len > 0 && rest.data[0] == '-';
    size_t len = negative || (rest.len > 0 && rest.data[0] == '+') ? 1 : 0;
    size_t sign = len;
    while (len < rest.len && !is_space(rest.data[len])) {
        len++;
    }
    uint64_t number;
    if (!engine_digits(rc_slice(rest.data, len), sign, &number)) {
        return false;
    }
    *value = negative ? 0 - number : number;
    return !negative || number == 0 || *value <= INT64_MAX;
}

/* A shorter number leaves the item as long as it was, with blanks behind: only a longer one makes a
 * new item, on which the marks of recaching are gone. */
static struct store_item *write_counter(
    struct engine *e, struct store_item *item, const char *digits, size_t len)
{
    if (len > item->value_len) {
        return rewrite(e, item, rc_slice(digits, len));
    }
    memcpy(item->value, digits, len);
    memset(item->value + len, ' ', item->value_len - len);
    item->cas = ++e->cas;
    return item;
}

enum mc_counted mc_count(struct engine *e, struct mc_counting *count)
{
    uint64_t value;
    char digits[24];
    struct store_item *item = store_find(&e->stores[0], count->key, e->now_ms);
    if (item == NULL) {
        return MC_NO_COUNTER;
    }
    if (item->value_len > 0 && count->cas != 0 && count->cas != item->cas) {
        return MC_OTHER_CAS;
    }
    if (!counter_of(item, &value)) {
        return MC_NOT_A_NUMBER;
    }
    if (count->down) {
        value = count->delta > value ? 0 : value - count->delta;
    } else {
        value += count->delta;
    }
    int len = snprintf(digits, sizeof digits, "%" PRIu64, value);
    count->item = write_counter(e, item, digits, (size_t)len);
    count->result = value;
    return MC_COUNTED;
}

/* SPDX-License-Identifier: MIT */
/* The one thing that is asked of memcached's crawler here: all that it finds. Left out: the classes
 * of slabs, and that the crawler may be off or at work. */
#include "engine/memcached.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void say_key(struct mc_call *c, const struct store_item *item)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    for (size_t i = 0; i < item->key_len; i++) {
        unsigned char byte = (unsigned char)item->key[i];
        char text[4];
        bool shown = byte != 0 && strchr(plain, byte) != NULL;
        snprintf(text, sizeof text, shown ? "%c" : "%%%02X", byte);
        sim_bytes_text(c->reply, text);
    }
}

/* Its lines end without a carriage return. */
static void say_item(struct mc_call *c, const struct store_item *item)
{
    char rest[160];
    const struct engine *e = c->engine;
    int64_t expires_s = -1;
    if (item->expires_ms != STORE_NEVER) {
        expires_s = e->wall_s + (int64_t)((item->expires_ms - e->now_ms + 999) / 1000);
    }
    sim_bytes_text(c->reply, "key=");
    say_key(c, item);
    snprintf(rest, sizeof rest,
        " exp=%" PRId64 " la=%" PRId64 " cas=%" PRIu64 " fetch=%s cls=1 size=%zu\n", expires_s,
        e->wall_s - (int64_t)((e->now_ms - item->touched_ms) / 1000), item->cas,
        item->fetched ? "yes" : "no", item->key_len + item->value_len);
    sim_bytes_text(c->reply, rest);
}

void mc_lru_crawler(struct mc_call *c)
{
    const struct mc_words *w = &c->words;
    struct engine *e = c->engine;
    if (w->count != 2 || !engine_text_is(w->at[0], "metadump") ||
        !engine_text_is(w->at[1], "all")) {
        mc_say(c, "ERROR");
        return;
    }
    if (engine_arrives(c->session, c->verb, rc_slice(NULL, 0), c->reply)) {
        return;
    }
    const struct store_item *item = store_from(&e->stores[0], 0, e->now_ms);
    while (item != NULL) {
        say_item(c, item);
        item = store_from(&e->stores[0], item->serial + 1, e->now_ms);
    }
    mc_say(c, "END");
}

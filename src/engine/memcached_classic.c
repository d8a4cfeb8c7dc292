/* SPDX-License-Identifier: MIT */
/* The classic commands that carry a key. They follow 1.6.18 to the byte, its oddities included (a
 * refused length leaves the value to be read as commands). */
#include "engine/memcached.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void say_outcome(struct mc_call *c, enum mc_outcome outcome)
{
    static const char *const words[] = {"STORED", "NOT_STORED", "EXISTS", "NOT_FOUND"};
    mc_say(c, words[outcome]);
}

/* The numbers of "<key> <flags> <exptime> <bytes> [<cas>]". */
static bool parse_storage(const struct mc_words *w, struct mc_storage *s, int64_t *length)
{
    uint64_t flags;
    s->key = w->at[0];
    if (s->key.len > MC_MAX_KEY || !mc_unsigned(w->at[1], &flags) ||
        !mc_signed(w->at[2], &s->exptime) || !mc_signed(w->at[3], length)) {
        return false;
    }
    s->flags = (uint32_t)flags;
    return *length >= 0 && *length <= INT32_MAX - 2 &&
           (!s->has_cas || mc_unsigned(w->at[4], &s->cas));
}

static void store_classic(struct mc_call *c, enum mc_mode mode, bool has_cas)
{
    const struct mc_words *w = &c->words;
    size_t wanted = has_cas ? 5 : 4;
    if (w->count != wanted && w->count != wanted + 1) {
        mc_say(c, "ERROR");
        return;
    }
    mc_take_noreply(c);
    struct mc_storage s = {.mode = mode, .has_cas = has_cas};
    int64_t length;
    if (!parse_storage(w, &s, &length)) {
        mc_say(c, "CLIENT_ERROR bad command line format");
        return;
    }
    if (mc_take_value(c, &s, (size_t)length) != MC_VALUE_WHOLE ||
        engine_arrives(c->session, c->verb, s.key, c->reply)) {
        return;
    }
    say_outcome(c, mc_store(c->engine, &s));
}

void mc_set(struct mc_call *c)
{
    store_classic(c, MC_SET, false);
}

void mc_add(struct mc_call *c)
{
    store_classic(c, MC_ADD, false);
}

void mc_replace(struct mc_call *c)
{
    store_classic(c, MC_REPLACE, false);
}

void mc_append(struct mc_call *c)
{
    store_classic(c, MC_APPEND, false);
}

void mc_prepend(struct mc_call *c)
{
    store_classic(c, MC_PREPEND, false);
}

void mc_cas(struct mc_call *c)
{
    store_classic(c, MC_SET, true);
}

static void say_value(struct mc_call *c, struct store_item *item, bool with_cas)
{
    char head[96];
    sim_bytes_text(c->reply, "VALUE ");
    sim_bytes_append(c->reply, item->key, item->key_len);
    int n = snprintf(head, sizeof head, " %" PRIu32 " %zu", item->flags, item->value_len);
    if (with_cas) {
        snprintf(head + n, sizeof head - (size_t)n, " %" PRIu64, item->cas);
    }
    mc_say(c, head);
    sim_bytes_append(c->reply, item->value, item->value_len);
    sim_bytes_text(c->reply, "\r\n");
    item->fetched = true;
    item->touched_ms = c->engine->now_ms;
}

/* The keys on the rest of the line; with `exptime`, each item found takes it over. */
static void retrieve(struct mc_call *c, const int64_t *exptime)
{
    struct engine *e = c->engine;
    bool with_cas = c->verb[strlen(c->verb) - 1] == 's';
    bool scripted = false;
    struct rc_slice key;
    while (!scripted && (key = mc_next_word(&c->line)).len > 0) {
        if (key.len > MC_MAX_KEY) {
            sim_bytes_clear(c->reply);
            mc_say(c, "CLIENT_ERROR bad command line format");
            return;
        }
        scripted = engine_arrives(c->session, c->verb, key, c->reply);
        struct store_item *item = store_find(&e->stores[0], key, e->now_ms);
        if (item == NULL || scripted) {
            continue;
        }
        say_value(c, item, with_cas);
        if (exptime != NULL) {
            item->expires_ms = mc_expiry(e, *exptime);
        }
    }
    if (!scripted) {
        mc_say(c, "END");
    }
}

void mc_get(struct mc_call *c)
{
    if (c->words.count == 0) {
        mc_say(c, "ERROR");
        return;
    }
    retrieve(c, NULL);
}

void mc_gat(struct mc_call *c)
{
    int64_t exptime;
    if (c->words.count == 0) {
        mc_say(c, "ERROR");
        return;
    }
    if (!mc_signed(mc_next_word(&c->line), &exptime)) {
        mc_say(c, "CLIENT_ERROR invalid exptime argument");
        return;
    }
    retrieve(c, &exptime);
}

/* "<key> <argument> [noreply]", as touch, incr and decr have it. */
static bool take_key_and_one(struct mc_call *c)
{
    const struct mc_words *w = &c->words;
    if (w->count != 2 && w->count != 3) {
        mc_say(c, "ERROR");
        return false;
    }
    mc_take_noreply(c);
    if (w->at[0].len > MC_MAX_KEY) {
        mc_say(c, "CLIENT_ERROR bad command line format");
        return false;
    }
    return true;
}

void mc_touch(struct mc_call *c)
{
    int64_t exptime;
    struct engine *e = c->engine;
    struct rc_slice key = c->words.at[0];
    if (!take_key_and_one(c)) {
        return;
    }
    if (!mc_signed(c->words.at[1], &exptime)) {
        mc_say(c, "CLIENT_ERROR invalid exptime argument");
        return;
    }
    if (engine_arrives(c->session, c->verb, key, c->reply)) {
        return;
    }
    struct store_item *item = store_find(&e->stores[0], key, e->now_ms);
    if (item != NULL) {
        item->expires_ms = mc_expiry(e, exptime);
        item->touched_ms = e->now_ms;
        item->fetched = true;
    }
    mc_say(c, item != NULL ? "TOUCHED" : "NOT_FOUND");
}

static void say_counted(struct mc_call *c, enum mc_counted counted, uint64_t result)
{
    char line[24];
    switch (counted) {
    case MC_COUNTED:
        snprintf(line, sizeof line, "%" PRIu64, result);
        mc_say(c, line);
        break;
    case MC_NO_COUNTER:
        mc_say(c, "NOT_FOUND");
        break;
    case MC_OTHER_CAS:
        mc_say(c, "EXISTS");
        break;
    case MC_NOT_A_NUMBER:
        mc_say(c, "CLIENT_ERROR cannot increment or decrement non-numeric value");
        break;
    }
}

static void count_classic(struct mc_call *c, bool down)
{
    struct mc_counting count = {.key = c->words.at[0], .down = down};
    if (!take_key_and_one(c)) {
        return;
    }
    if (!mc_unsigned(c->words.at[1], &count.delta)) {
        mc_say(c, "CLIENT_ERROR invalid numeric delta argument");
        return;
    }
    if (engine_arrives(c->session, c->verb, count.key, c->reply)) {
        return;
    }
    enum mc_counted counted = mc_count(c->engine, &count);
    say_counted(c, counted, count.result);
}

void mc_incr(struct mc_call *c)
{
    count_classic(c, false);
}

void mc_decr(struct mc_call *c)
{
    count_classic(c, true);
}

/* Once there was a time to wait in front of noreply: a 0 is still let through. */
static bool delete_words_ok(const struct mc_words *w, bool noreply)
{
    size_t words = w->count - noreply;
    return words == 1 || (words == 2 && engine_text_is(w->at[1], "0"));
}

void mc_delete(struct mc_call *c)
{
    const struct mc_words *w = &c->words;
    if (w->count == 0 || w->count > 3) {
        mc_say(c, "ERROR");
        return;
    }
    bool noreply = w->count > 1 && mc_take_noreply(c);
    if (!delete_words_ok(w, noreply)) {
        mc_say(c, "CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]");
        return;
    }
    if (w->at[0].len > MC_MAX_KEY) {
        mc_say(c, "CLIENT_ERROR bad command line format");
        return;
    }
    if (engine_arrives(c->session, c->verb, w->at[0], c->reply)) {
        return;
    }
    bool found = store_delete(&c->engine->stores[0], w->at[0], c->engine->now_ms);
    mc_say(c, found ? "DELETED" : "NOT_FOUND");
}

/* SPDX-License-Identifier: MIT */
/* mg, ms, md, ma, mn of the memcached engine.
 *
 * The marks of recaching, as the server keeps them: an item is `stale` once invalidated, and
 * `token_sent` once some client was told (W) to fetch it anew; everyone else then sees Z. */
#include "engine/memcached_flags.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool key_too_long(struct mc_call *c)
{
    if (c->words.at[0].len <= MC_MAX_KEY) {
        return false;
    }
    mc_say(c, "CLIENT_ERROR bad command line format");
    return true;
}

/* Of an item just made to expire in the past, the server shows a number without a sign. */
static int64_t ttl_of(const struct engine *e, const struct store_item *item)
{
    return item->expires_ms == STORE_NEVER
               ? -1
               : (int64_t)(uint32_t)(item->expires_ms / 1000 - e->now_ms / 1000);
}

static void say_item_flag(struct mc_call *c, const struct store_item *item, char name)
{
    switch (name) {
    case 'c':
        mc_say_flag(c->reply, name, (int64_t)item->cas);
        break;
    case 'f':
        mc_say_flag(c->reply, name, item->flags);
        break;
    case 'h':
        mc_say_flag(c->reply, name, item->fetched);
        break;
    case 'l':
        mc_say_flag(c->reply, name, (int64_t)((c->engine->now_ms - item->touched_ms) / 1000));
        break;
    case 's':
        mc_say_flag(c->reply, name, (int64_t)item->value_len);
        break;
    case 't':
        mc_say_flag(c->reply, name, ttl_of(c->engine, item));
        break;
    default:
        break;
    }
}

/* Z: another client was told to recache; X: stale; W: this client shall recache. */
static void say_marks(struct mc_call *c, struct store_item *item, bool won)
{
    if (item->token_sent) {
        sim_bytes_text(c->reply, " Z");
    }
    if (item->stale) {
        sim_bytes_text(c->reply, " X");
        won = won || !item->token_sent;
    }
    if (won) {
        sim_bytes_text(c->reply, " W");
        item->token_sent = true;
    }
}

static void say_hit(struct mc_call *c, const struct mc_flags *f, struct store_item *item, bool won)
{
    sim_bytes_text(c->reply, f->value ? "VA " : "HD");
    if (f->value) {
        sim_bytes_number(c->reply, (long long)item->value_len);
    }
    for (size_t i = 0; i < f->count; i++) {
        mc_say_key_or_opaque(c->reply, f, f->words[i]);
        say_item_flag(c, item, (char)f->words[i].data[0]);
    }
    say_marks(c, item, won);
    sim_bytes_text(c->reply, "\r\n");
    if (f->value) {
        sim_bytes_append(c->reply, item->value, item->value_len);
        sim_bytes_text(c->reply, "\r\n");
    }
    item->fetched = true;
    item->touched_ms = c->engine->now_ms;
}

static struct store_item *vivify(struct engine *e, const struct mc_flags *f)
{
    struct store_item *item = store_put(&e->stores[0], f->key, rc_slice("", 0), e->now_ms);
    item->expires_ms = mc_expiry(e, f->vivify_ttl);
    item->cas = ++e->cas;
    return item;
}

void mc_mg(struct mc_call *c)
{
    if (c->words.count == 0) {
        mc_say(c, "ERROR");
        return;
    }
    if (key_too_long(c)) {
        return;
    }
    struct mc_flags f;
    const char *error = mc_flags_parse(c, 1, &f);
    if (error != NULL) {
        mc_say(c, error);
        return;
    }
    if (engine_arrives(c->session, c->verb, f.key, c->reply)) {
        return;
    }
    struct engine *e = c->engine;
    struct store_item *item = store_find(&e->stores[0], f.key, e->now_ms);
    bool won = item == NULL && f.vivify;
    if (won) {
        item = vivify(e, &f);
    }
    if (item == NULL) {
        if (!f.quiet) {
            mc_say_code(c, "EN", &f);
        }
        return;
    }
    int64_t ttl = ttl_of(e, item);
    won = won || (f.recache && !item->token_sent && ttl >= 0 && ttl < f.recache_ttl);
    if (f.touch) {
        item->expires_ms = mc_expiry(e, f.ttl);
    }
    say_hit(c, &f, item, won);
}

static const char *take_mode(const struct mc_flags *f, struct mc_storage *s)
{
    switch (f->mode) {
    case 0:
    case 'S':
        s->mode = MC_SET;
        return NULL;
    case 'E':
        s->mode = MC_ADD;
        return NULL;
    case 'A':
        s->mode = MC_APPEND;
        return NULL;
    case 'P':
        s->mode = MC_PREPEND;
        return NULL;
    case 'R':
        s->mode = MC_REPLACE;
        return NULL;
    default:
        return "CLIENT_ERROR invalid mode for ms M token";
    }
}

static void say_stored(struct mc_call *c, const struct mc_flags *f, const struct mc_storage *s,
    enum mc_outcome outcome)
{
    static const char *const codes[] = {"HD", "NS", "EX", "NF"};
    if (outcome == MC_STORED && f->quiet) {
        return;
    }
    sim_bytes_text(c->reply, codes[outcome]);
    for (size_t i = 0; i < f->count; i++) {
        mc_say_key_or_opaque(c->reply, f, f->words[i]);
        if (f->words[i].data[0] == 'c') {
            mc_say_flag(c->reply, 'c', (int64_t)s->stored_cas);
        }
    }
    sim_bytes_text(c->reply, "\r\n");
}

static bool take_length(struct mc_call *c, size_t *length)
{
    int64_t number;
    if (c->words.count < 2 || !mc_signed(c->words.at[1], &number) || number < 0 ||
        number > INT32_MAX - 2) {
        mc_say(c, "CLIENT_ERROR bad command line format");
        return false;
    }
    *length = (size_t)number;
    return true;
}

/* A length that is not one leaves the value to be read as commands; a flag that is not one does
 * not. */
void mc_ms(struct mc_call *c)
{
    if (c->words.count == 0) {
        mc_say(c, "ERROR");
        return;
    }
    size_t length;
    if (key_too_long(c) || !take_length(c, &length)) {
        return;
    }
    struct mc_flags f;
    struct mc_storage s = {0};
    const char *error = mc_flags_parse(c, 2, &f);
    if (error == NULL) {
        error = take_mode(&f, &s);
    }
    if (error != NULL) {
        mc_say(c, error);
        mc_swallow(c, length);
        return;
    }
    s.key = f.key;
    s.flags = f.client_flags;
    s.exptime = f.ttl;
    s.has_cas = f.has_cas;
    s.cas = f.cas;
    s.invalidate = f.stale;
    if (mc_take_value(c, &s, length) != MC_VALUE_WHOLE ||
        engine_arrives(c->session, c->verb, f.key, c->reply)) {
        return;
    }
    enum mc_outcome outcome = mc_store(c->engine, &s);
    say_stored(c, &f, &s, outcome);
}

static void delete_or_mark(struct engine *e, const struct mc_flags *f, struct store_item *item)
{
    if (!f->stale) {
        store_delete(&e->stores[0], f->key, e->now_ms);
        return;
    }
    item->stale = true;
    item->token_sent = false;
    item->cas = ++e->cas;
    if (f->touch) {
        item->expires_ms = mc_expiry(e, f->ttl);
    }
}

/* md and ma name one reason for whatever is wrong with their flags, but for the opaque. */
static const char *one_reason(const char *error)
{
    bool opaque = strstr(error, "opaque") != NULL;
    return opaque ? error : "CLIENT_ERROR invalid or duplicate flag";
}

void mc_md(struct mc_call *c)
{
    if (c->words.count == 0) {
        mc_say(c, "ERROR");
        return;
    }
    if (key_too_long(c)) {
        return;
    }
    struct mc_flags f;
    const char *error = mc_flags_parse(c, 1, &f);
    if (error != NULL) {
        mc_say(c, one_reason(error));
        return;
    }
    if (engine_arrives(c->session, c->verb, f.key, c->reply)) {
        return;
    }
    struct store_item *item = store_find(&c->engine->stores[0], f.key, c->engine->now_ms);
    if (item == NULL) {
        mc_say_code(c, "NF", &f);
        return;
    }
    if (f.has_cas && f.cas != item->cas) {
        mc_say_code(c, "EX", &f);
        return;
    }
    delete_or_mark(c->engine, &f, item);
    if (!f.quiet) {
        mc_say_code(c, "HD", &f);
    }
}

/* False: no such mode. */
static bool take_direction(const struct mc_flags *f, struct mc_counting *count)
{
    count->down = f->mode == 'D' || f->mode == '-';
    return count->down || f->mode == 0 || f->mode == 'I' || f->mode == '+';
}

static enum mc_counted make_counter(
    struct engine *e, const struct mc_flags *f, struct mc_counting *count)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, f->initial);
    count->item = store_put(&e->stores[0], f->key, rc_slice(digits, (size_t)len), e->now_ms);
    count->item->cas = ++e->cas;
    count->result = f->initial;
    return MC_COUNTED;
}

/* A TTL holds from the flag on that sets it: t in front of it still shows the old one. */
static void say_counter(
    struct mc_call *c, const struct mc_flags *f, const struct mc_counting *count, bool made)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%" PRIu64, count->result);
    sim_bytes_text(c->reply, f->value ? "VA " : "HD");
    if (f->value) {
        sim_bytes_number(c->reply, len);
    }
    for (size_t i = 0; i < f->count; i++) {
        char name = (char)f->words[i].data[0];
        mc_say_key_or_opaque(c->reply, f, f->words[i]);
        if (name == 'c' || name == 't') {
            say_item_flag(c, count->item, name);
        }
        if (name == 'T' || (name == 'N' && made)) {
            count->item->expires_ms = mc_expiry(c->engine, name == 'T' ? f->ttl : f->vivify_ttl);
        }
    }
    sim_bytes_text(c->reply, "\r\n");
    if (f->value) {
        mc_say(c, digits);
    }
}

static void say_count(
    struct mc_call *c, const struct mc_flags *f, enum mc_counted counted, struct mc_counting *count)
{
    bool made = counted == MC_NO_COUNTER && f->vivify;
    switch (made ? make_counter(c->engine, f, count) : counted) {
    case MC_COUNTED:
        /* One that was made is told even when nobody wanted to hear it. */
        if (made || !f->quiet) {
            say_counter(c, f, count, made);
        }
        break;
    case MC_NO_COUNTER:
        mc_say_code(c, "NF", f);
        break;
    case MC_OTHER_CAS:
        mc_say_code(c, "EX", f);
        break;
    case MC_NOT_A_NUMBER:
        mc_say(c, "CLIENT_ERROR cannot increment or decrement non-numeric value");
        break;
    }
}

void mc_ma(struct mc_call *c)
{
    if (c->words.count == 0) {
        mc_say(c, "ERROR");
        return;
    }
    if (key_too_long(c)) {
        return;
    }
    struct mc_flags f;
    const char *error = mc_flags_parse(c, 1, &f);
    if (error != NULL) {
        mc_say(c, one_reason(error));
        return;
    }
    struct mc_counting count = {.key = f.key, .delta = f.delta, .cas = f.cas};
    if (!take_direction(&f, &count)) {
        mc_say(c, "CLIENT_ERROR invalid mode for ma M token");
        return;
    }
    if (!engine_arrives(c->session, c->verb, f.key, c->reply)) {
        say_count(c, &f, mc_count(c->engine, &count), &count);
    }
}

void mc_mn(struct mc_call *c)
{
    if (!engine_arrives(c->session, c->verb, rc_slice(NULL, 0), c->reply)) {
        mc_say(c, "MN");
    }
}

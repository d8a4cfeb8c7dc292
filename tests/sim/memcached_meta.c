/* SPDX-License-Identifier: MIT */
/* mg, ms, md, mn of the memcached engine.
 *
 * The marks of recaching, as the server keeps them: an item is `stale` once invalidated, and
 * `token_sent` once some client was told (W) to fetch it anew; everyone else then sees Z. */
#include "memcached.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_FLAG_WORDS = 18, MAX_OPAQUE = 32 };

struct flags {
    struct rc_slice *words; /* as the client wrote them; answers follow their order */
    size_t count;
    struct rc_slice shown; /* the key as the client wrote it */
    struct rc_slice key;   /* as the store knows it */
    unsigned char decoded[MC_MAX_KEY];
    bool binary, quiet, value, stale, touch, vivify, recache, has_cas;
    int64_t ttl, vivify_ttl, recache_ttl;
    uint64_t cas;
    uint32_t client_flags;
    char mode;
    const char *error;
};

static int base64_digit(unsigned char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != 0 ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* Four digits to three bytes, fewer where '=' pads; 0: not base64. */
static size_t decode_quad(const unsigned char *in, bool last, unsigned char *out)
{
    size_t padding = last && in[3] == '=' ? (in[2] == '=' ? 2 : 1) : 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < 4 - padding ? base64_digit(in[i]) : 0;
        if (digit < 0) {
            return 0;
        }
        bits = bits << 6 | (uint32_t)digit;
    }
    for (size_t i = 0; i < 3; i++) {
        out[i] = (unsigned char)(bits >> (16 - 8 * i));
    }
    return 3 - padding;
}

static bool decode_key(struct flags *f)
{
    size_t len = 0;
    if (f->shown.len % 4 != 0) {
        return false;
    }
    for (size_t i = 0; i < f->shown.len; i += 4) {
        size_t n = decode_quad(f->shown.data + i, i + 4 == f->shown.len, f->decoded + len);
        if (n == 0) {
            return false;
        }
        len += n;
    }
    f->key = rc_slice(f->decoded, len);
    f->binary = true;
    return true;
}

/* A flag that is understood badly does not end the reading of the others, and the last complaint
 * is the one that is told; one that is unknown or comes twice does. */
static void complain(struct flags *f, bool ok, const char *error)
{
    if (!ok) {
        f->error = error;
    }
}

/* The flags whose number must be one. */
static void take_number(struct flags *f, char name, struct rc_slice argument)
{
    static const char bad_token[] = "CLIENT_ERROR bad token in command line format";
    uint64_t number = 0;
    switch (name) {
    case 'N':
        f->vivify = true;
        complain(f, mc_signed(argument, &f->vivify_ttl), bad_token);
        break;
    case 'T':
        f->touch = true;
        complain(f, mc_signed(argument, &f->ttl), bad_token);
        break;
    case 'R':
        f->recache = true;
        complain(f, mc_signed(argument, &f->recache_ttl), bad_token);
        break;
    case 'C':
        f->has_cas = true;
        complain(f, mc_unsigned(argument, &f->cas), bad_token);
        break;
    case 'F':
        complain(f, mc_unsigned(argument, &number) || f->error != NULL,
            "CLIENT_ERROR bad command line format");
        f->client_flags = (uint32_t)number;
        break;
    case 'D':
        complain(f, mc_unsigned(argument, &number), "CLIENT_ERROR invalid numeric delta value");
        break;
    case 'J':
        complain(f, mc_unsigned(argument, &number), "CLIENT_ERROR invalid numeric initial value");
        break;
    default:
        break;
    }
}

/* False: no such flag. */
static bool take_flag(struct flags *f, struct rc_slice word)
{
    char name = (char)word.data[0];
    switch (name) {
    case 'b':
        complain(f, decode_key(f), "CLIENT_ERROR error decoding key");
        return true;
    case 'q':
        f->quiet = true;
        return true;
    case 'v':
        f->value = true;
        return true;
    case 'I':
        f->stale = true;
        return true;
    case 'M':
        complain(f, word.len == 2, "CLIENT_ERROR incorrect length for M token");
        f->mode = word.len > 1 ? (char)word.data[1] : name;
        return true;
    default:
        break;
    }
    take_number(f, name, rc_slice(word.data + 1, word.len - 1));
    return word.data[0] != 0 && strchr("NTRCFDJOPLkstcfhlu", name) != NULL;
}

static const char *take_flags(struct flags *f)
{
    bool seen[256] = {false};
    bool opaque_ok = true;
    for (size_t i = 0; i < f->count; i++) {
        unsigned char name = f->words[i].data[0];
        if (seen[name]) {
            return "CLIENT_ERROR duplicate flag";
        }
        seen[name] = true;
        if (!take_flag(f, f->words[i])) {
            return "CLIENT_ERROR invalid flag";
        }
        opaque_ok = opaque_ok && (name != 'O' || f->words[i].len <= MAX_OPAQUE);
    }
    if (f->error == NULL && !opaque_ok) {
        return "CLIENT_ERROR opaque token too long";
    }
    return f->error;
}

/* `first` is the index of the first flag among the words. NULL: understood. */
static const char *parse(struct mc_call *c, size_t first, struct flags *f)
{
    *f = (struct flags){.words = c->words.at + first, .shown = c->words.at[0], .mode = 'S'};
    f->count = c->words.count - first;
    f->key = f->shown;
    if (c->words.count > MAX_FLAG_WORDS) {
        return "CLIENT_ERROR options flags are too long";
    }
    return take_flags(f);
}

static bool key_too_long(struct mc_call *c)
{
    if (c->words.at[0].len <= MC_MAX_KEY) {
        return false;
    }
    mc_say(c, "CLIENT_ERROR bad command line format");
    return true;
}

static void say_flag(struct sim_bytes *out, char name, int64_t value)
{
    char text[2] = {' ', name};
    sim_bytes_append(out, text, 2);
    sim_bytes_number(out, value);
}

static void say_key_or_opaque(struct sim_bytes *out, const struct flags *f, struct rc_slice word)
{
    if (word.data[0] == 'O') {
        sim_bytes_text(out, " ");
        sim_bytes_append(out, word.data, word.len);
    }
    if (word.data[0] == 'k') {
        sim_bytes_text(out, " k");
        sim_bytes_append(out, f->shown.data, f->shown.len);
        sim_bytes_text(out, f->binary ? " b" : "");
    }
}

static void say_code(struct mc_call *c, const char *code, const struct flags *f)
{
    sim_bytes_text(c->reply, code);
    for (size_t i = 0; i < f->count; i++) {
        say_key_or_opaque(c->reply, f, f->words[i]);
    }
    sim_bytes_text(c->reply, "\r\n");
}

static int64_t ttl_of(const struct engine *e, const struct store_item *item)
{
    return item->expires_ms == STORE_NEVER
               ? -1
               : (int64_t)(item->expires_ms / 1000) - (int64_t)(e->now_ms / 1000);
}

static void say_item_flag(struct mc_call *c, const struct store_item *item, char name)
{
    switch (name) {
    case 'c':
        say_flag(c->reply, name, (int64_t)item->cas);
        break;
    case 'f':
        say_flag(c->reply, name, item->flags);
        break;
    case 'h':
        say_flag(c->reply, name, item->fetched);
        break;
    case 'l':
        say_flag(c->reply, name, (int64_t)((c->engine->now_ms - item->touched_ms) / 1000));
        break;
    case 's':
        say_flag(c->reply, name, (int64_t)item->value_len);
        break;
    case 't':
        say_flag(c->reply, name, ttl_of(c->engine, item));
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

static void say_hit(struct mc_call *c, const struct flags *f, struct store_item *item, bool won)
{
    sim_bytes_text(c->reply, f->value ? "VA " : "HD");
    if (f->value) {
        sim_bytes_number(c->reply, (long long)item->value_len);
    }
    for (size_t i = 0; i < f->count; i++) {
        say_key_or_opaque(c->reply, f, f->words[i]);
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

static struct store_item *vivify(struct engine *e, const struct flags *f)
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
    struct flags f;
    const char *error = parse(c, 1, &f);
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
            say_code(c, "EN", &f);
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

static const char *take_mode(const struct flags *f, struct mc_storage *s)
{
    switch (f->mode) {
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

static void say_stored(
    struct mc_call *c, const struct flags *f, const struct mc_storage *s, enum mc_outcome outcome)
{
    static const char *const codes[] = {"HD", "NS", "EX", "NF"};
    if (outcome == MC_STORED && f->quiet) {
        return;
    }
    sim_bytes_text(c->reply, codes[outcome]);
    for (size_t i = 0; i < f->count; i++) {
        say_key_or_opaque(c->reply, f, f->words[i]);
        if (f->words[i].data[0] == 'c') {
            say_flag(c->reply, 'c', (int64_t)s->stored_cas);
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
    struct flags f;
    struct mc_storage s = {0};
    const char *error = parse(c, 2, &f);
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
    if (mc_take_value(c, &s, length, false) != MC_VALUE_WHOLE ||
        engine_arrives(c->session, c->verb, f.key, c->reply)) {
        return;
    }
    enum mc_outcome outcome = mc_store(c->engine, &s);
    say_stored(c, &f, &s, outcome);
}

static void delete_or_mark(struct engine *e, const struct flags *f, struct store_item *item)
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

void mc_md(struct mc_call *c)
{
    if (c->words.count == 0) {
        mc_say(c, "ERROR");
        return;
    }
    if (key_too_long(c)) {
        return;
    }
    struct flags f;
    const char *error = parse(c, 1, &f);
    if (error != NULL) {
        /* md names one reason for whatever is wrong with its flags. */
        bool opaque = strstr(error, "opaque") != NULL;
        mc_say(c, opaque ? error : "CLIENT_ERROR invalid or duplicate flag");
        return;
    }
    if (engine_arrives(c->session, c->verb, f.key, c->reply)) {
        return;
    }
    struct store_item *item = store_find(&c->engine->stores[0], f.key, c->engine->now_ms);
    if (item == NULL) {
        say_code(c, "NF", &f);
        return;
    }
    if (f.has_cas && f.cas != item->cas) {
        say_code(c, "EX", &f);
        return;
    }
    delete_or_mark(c->engine, &f, item);
    if (!f.quiet) {
        say_code(c, "HD", &f);
    }
}

void mc_mn(struct mc_call *c)
{
    if (!engine_arrives(c->session, c->verb, rc_slice(NULL, 0), c->reply)) {
        mc_say(c, "MN");
    }
}

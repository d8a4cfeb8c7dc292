/* SPDX-License-Identifier: MIT */
/* The memcached engine: lines, the classic commands, and what storing means. It follows 1.6.18 to
 * the byte, its oddities included (a refused length leaves the value to be read as commands).
 * Left out: incr, decr, touch, gat, ma, me, authentication, eviction. */
#include "memcached.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ITEM_HEADER = 48,
    ITEM_CAS = 8,
    ITEM_FLAGS = 4,
    MAX_LINE = 2048,
    MONTH_S = 60 * 60 * 24 * 30
};

struct rc_slice mc_next_word(struct rc_slice *rest)
{
    while (rest->len > 0 && rest->data[0] == ' ') {
        *rest = rc_slice(rest->data + 1, rest->len - 1);
    }
    size_t n = 0;
    while (n < rest->len && rest->data[n] != ' ') {
        n++;
    }
    struct rc_slice word = rc_slice(rest->data, n);
    if (n > 0) {
        *rest = rc_slice(rest->data + n, rest->len - n);
    }
    return word;
}

static void split(struct mc_words *words, struct rc_slice rest)
{
    struct rc_slice word;
    words->count = 0;
    while (words->count < MC_WORDS && (word = mc_next_word(&rest)).len > 0) {
        words->at[words->count++] = word;
    }
}

void mc_say(struct mc_call *c, const char *line)
{
    sim_bytes_text(c->reply, line);
    sim_bytes_text(c->reply, "\r\n");
}

static bool digits(struct rc_slice word, size_t from, uint64_t *value)
{
    uint64_t sum = 0;
    for (size_t i = from; i < word.len; i++) {
        unsigned char d = word.data[i];
        if (d < '0' || d > '9' || __builtin_mul_overflow(sum, 10u, &sum) ||
            __builtin_add_overflow(sum, (uint64_t)(d - '0'), &sum)) {
            return false;
        }
    }
    *value = sum;
    return word.len > from;
}

bool mc_unsigned(struct rc_slice word, uint64_t *value)
{
    return digits(word, word.len > 0 && word.data[0] == '+', value);
}

bool mc_signed(struct rc_slice word, int64_t *value)
{
    bool negative = word.len > 0 && word.data[0] == '-';
    bool sign = negative || (word.len > 0 && word.data[0] == '+');
    uint64_t sum;
    if (!digits(word, sign, &sum) || sum > INT64_MAX) {
        return false;
    }
    *value = negative ? -(int64_t)sum : (int64_t)sum;
    return true;
}

/* The server counts whole seconds of its own clock: a TTL of 1 may be over in a moment. */
uint64_t mc_expiry(const struct engine *e, int64_t exptime)
{
    if (exptime == 0) {
        return STORE_NEVER;
    }
    int64_t in_s = exptime > MONTH_S ? exptime - e->wall_s : exptime;
    return in_s <= 0 ? 0 : (e->now_ms / 1000 + (uint64_t)in_s) * 1000;
}

static void join(struct sim_bytes *out, struct rc_slice a, struct rc_slice b)
{
    sim_bytes_append(out, a.data, a.len);
    sim_bytes_append(out, b.data, b.len);
}

/* An appended or prepended value keeps the item's flags and expiry. */
static void extend(struct engine *e, struct store_item *item, const struct mc_storage *s)
{
    struct sim_bytes whole = {0};
    if (s->mode == MC_APPEND) {
        join(&whole, store_value(item), s->value);
    } else {
        join(&whole, s->value, store_value(item));
    }
    uint64_t expires_ms = item->expires_ms;
    uint32_t flags = item->flags;
    item = store_put(&e->stores[0], s->key, sim_bytes_view(&whole), e->now_ms);
    item->expires_ms = expires_ms;
    item->flags = flags;
    item->cas = ++e->cas;
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

void mc_swallow(struct mc_call *c, size_t length)
{
    c->session->swallow = length + 2;
}

static bool too_large(const struct engine *e, const struct mc_storage *s, size_t length)
{
    size_t flags = s->flags != 0 ? ITEM_FLAGS : 0;
    return ITEM_HEADER + ITEM_CAS + flags + s->key.len + 1 + length + 2 > e->max_item;
}

enum mc_value mc_take_value(struct mc_call *c, struct mc_storage *s, size_t length, bool quiet)
{
    if (too_large(c->engine, s, length)) {
        if (!quiet) {
            mc_say(c, "SERVER_ERROR object too large for cache");
        }
        mc_swallow(c, length);
        store_delete(&c->engine->stores[0], s->key, c->engine->now_ms);
        return MC_VALUE_REFUSED;
    }
    if (c->body.len < length + 2) {
        c->starved = true;
        return MC_VALUE_STARVED;
    }
    c->body_used = length + 2;
    s->value = rc_slice(c->body.data, length);
    if (memcmp(c->body.data + length, "\r\n", 2) == 0) {
        return MC_VALUE_WHOLE;
    }
    if (!quiet) {
        mc_say(c, "CLIENT_ERROR bad data chunk");
    }
    return MC_VALUE_REFUSED;
}

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
    bool quiet = engine_text_is(w->at[w->count - 1], "noreply");
    struct mc_storage s = {.mode = mode, .has_cas = has_cas};
    int64_t length;
    if (!parse_storage(w, &s, &length)) {
        if (!quiet) {
            mc_say(c, "CLIENT_ERROR bad command line format");
        }
        return;
    }
    if (mc_take_value(c, &s, (size_t)length, quiet) != MC_VALUE_WHOLE ||
        engine_arrives(c->session, c->verb, s.key, c->reply)) {
        return;
    }
    enum mc_outcome outcome = mc_store(c->engine, &s);
    if (!quiet) {
        say_outcome(c, outcome);
    }
}

static void run_set(struct mc_call *c)
{
    store_classic(c, MC_SET, false);
}

static void run_add(struct mc_call *c)
{
    store_classic(c, MC_ADD, false);
}

static void run_replace(struct mc_call *c)
{
    store_classic(c, MC_REPLACE, false);
}

static void run_append(struct mc_call *c)
{
    store_classic(c, MC_APPEND, false);
}

static void run_prepend(struct mc_call *c)
{
    store_classic(c, MC_PREPEND, false);
}

static void run_cas(struct mc_call *c)
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

static void retrieve(struct mc_call *c, bool with_cas)
{
    struct rc_slice key;
    bool scripted = false;
    for (size_t n = 0; (key = mc_next_word(&c->line)).len > 0 && !scripted; n++) {
        if (key.len > MC_MAX_KEY) {
            sim_bytes_clear(c->reply);
            mc_say(c, "CLIENT_ERROR bad command line format");
            return;
        }
        scripted = engine_arrives(c->session, c->verb, key, c->reply);
        struct store_item *item = store_find(&c->engine->stores[0], key, c->engine->now_ms);
        if (item != NULL && !scripted) {
            say_value(c, item, with_cas);
        }
    }
    if (!scripted) {
        mc_say(c, "END");
    }
}

static void run_get(struct mc_call *c)
{
    if (c->words.count == 0) {
        mc_say(c, "ERROR");
        return;
    }
    retrieve(c, strcmp(c->verb, "gets") == 0);
}

/* Once there was a time to wait in front of noreply: a 0 is still let through. */
static bool delete_words_ok(const struct mc_words *w, bool quiet)
{
    return w->count == 1 || (w->count == 2 && (quiet || engine_text_is(w->at[1], "0"))) ||
           (w->count == 3 && quiet && engine_text_is(w->at[1], "0"));
}

static void run_delete(struct mc_call *c)
{
    const struct mc_words *w = &c->words;
    if (w->count == 0 || w->count > 3) {
        mc_say(c, "ERROR");
        return;
    }
    bool quiet = engine_text_is(w->at[w->count - 1], "noreply");
    if (!delete_words_ok(w, quiet)) {
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
    if (!quiet) {
        mc_say(c, found ? "DELETED" : "NOT_FOUND");
    }
}

static void run_version(struct mc_call *c)
{
    if (engine_arrives(c->session, c->verb, rc_slice(NULL, 0), c->reply)) {
        return;
    }
    const char *version = c->engine->version;
    sim_bytes_text(c->reply, "VERSION ");
    mc_say(c, version != NULL ? version : engine_memcached.version);
}

static void run_flush_all(struct mc_call *c)
{
    const struct mc_words *w = &c->words;
    bool quiet = w->count > 0 && engine_text_is(w->at[w->count - 1], "noreply");
    int64_t delay;
    if (w->count > (quiet ? 1u : 0u) && !mc_signed(w->at[0], &delay)) {
        mc_say(c, "CLIENT_ERROR invalid exptime argument");
        return;
    }
    if (engine_arrives(c->session, c->verb, rc_slice(NULL, 0), c->reply)) {
        return;
    }
    store_clear(&c->engine->stores[0]);
    if (!quiet) {
        mc_say(c, "OK");
    }
}

static void run_quit(struct mc_call *c)
{
    engine_arrives(c->session, c->verb, rc_slice(NULL, 0), c->reply);
    c->quit = true;
}

static void say_stat(struct mc_call *c, const char *name, uint64_t value)
{
    char line[64];
    snprintf(line, sizeof line, "STAT %s %" PRIu64, name, value);
    mc_say(c, line);
}

static void run_stats(struct mc_call *c)
{
    const struct engine *e = c->engine;
    bool settings = c->words.count > 0 && engine_text_is(c->words.at[0], "settings");
    if (c->words.count > 0 && !settings) {
        mc_say(c, "ERROR");
        return;
    }
    if (engine_arrives(c->session, c->verb, rc_slice(NULL, 0), c->reply)) {
        return;
    }
    if (settings) {
        say_stat(c, "item_size_max", e->max_item);
    } else {
        say_stat(c, "uptime", (e->now_ms - e->started_ms) / 1000);
        say_stat(c, "time", (uint64_t)e->wall_s);
        say_stat(c, "curr_connections", e->session_count);
        say_stat(c, "curr_items", e->stores[0].count);
    }
    mc_say(c, "END");
}

static const struct mc_command {
    const char *verb;
    void (*run)(struct mc_call *c);
} commands[] = {
    {"mg", mc_mg},
    {"ms", mc_ms},
    {"md", mc_md},
    {"mn", mc_mn},
    {"get", run_get},
    {"gets", run_get},
    {"set", run_set},
    {"add", run_add},
    {"replace", run_replace},
    {"append", run_append},
    {"prepend", run_prepend},
    {"cas", run_cas},
    {"delete", run_delete},
    {"version", run_version},
    {"flush_all", run_flush_all},
    {"stats", run_stats},
    {"quit", run_quit},
};

static void run_line(struct mc_call *c)
{
    struct rc_slice verb = mc_next_word(&c->line);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (engine_text_is(verb, commands[i].verb)) {
            c->verb = commands[i].verb;
            split(&c->words, c->line);
            commands[i].run(c);
            return;
        }
    }
    mc_say(c, "ERROR");
}

/* A long line without an end can only be a get of many keys. */
static enum engine_step without_line_end(struct rc_slice input)
{
    size_t spaces = 0;
    while (spaces < input.len && input.data[spaces] == ' ') {
        spaces++;
    }
    struct rc_slice rest = rc_slice(input.data + spaces, input.len - spaces);
    bool get = rc_slice_starts(rest, "get ") || rc_slice_starts(rest, "gets ");
    return input.len > MAX_LINE && (spaces > 100 || !get) ? ENGINE_ENDED : ENGINE_STARVED;
}

static enum engine_step memcached_step(struct engine_session *s, struct sim_bytes *reply)
{
    struct rc_slice input = sim_bytes_view(&s->input);
    const unsigned char *lf = memchr(input.data, '\n', input.len);
    if (lf == NULL) {
        return without_line_end(input);
    }
    size_t line = (size_t)(lf - input.data);
    size_t shown = line > 1 && lf[-1] == '\r' ? line - 1 : line;
    struct mc_call call = {
        .session = s,
        .engine = s->engine,
        .reply = reply,
        .line = rc_slice(input.data, shown),
        .body = rc_slice(lf + 1, input.len - line - 1),
    };
    run_line(&call);
    if (call.starved) {
        return ENGINE_STARVED;
    }
    sim_bytes_consume(&s->input, line + 1 + call.body_used);
    return call.quit ? ENGINE_ENDED : ENGINE_RAN;
}

const struct engine_protocol engine_memcached = {
    .version = "1.6.18",
    .full = "ERROR Too many open connections\r\n",
    .step = memcached_step,
};

/* SPDX-License-Identifier: MIT */
/* The memcached engine: lines, values, and the commands that carry no key. Left out: me,
 * eviction, and that an answer not yet sent holds its item, which makes incr and ma behind a get in
 * the same packet take a new item instead of the old one. */
#include "engine/memcached.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ITEM_HEADER = 48,
    ITEM_CAS = 8,
    ITEM_FLAGS = 4,
    MAX_LINE = 2048,
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

bool mc_take_noreply(struct mc_call *c)
{
    const struct mc_words *w = &c->words;
    c->noreply = w->count > 0 && engine_text_is(w->at[w->count - 1], "noreply");
    return c->noreply;
}

void mc_say(struct mc_call *c, const char *line)
{
    if (c->noreply) {
        return;
    }
    sim_bytes_text(c->reply, line);
    sim_bytes_text(c->reply, "\r\n");
}

bool mc_unsigned(struct rc_slice word, uint64_t *value)
{
    return engine_digits(word, word.len > 0 && word.data[0] == '+', value);
}

bool mc_signed(struct rc_slice word, int64_t *value)
{
    bool negative = word.len > 0 && word.data[0] == '-';
    bool sign = negative || (word.len > 0 && word.data[0] == '+');
    uint64_t sum;
    if (!engine_digits(word, sign, &sum) || sum > INT64_MAX) {
        return false;
    }
    *value = negative ? -(int64_t)sum : (int64_t)sum;
    return true;
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

enum mc_value mc_take_value(struct mc_call *c, struct mc_storage *s, size_t length)
{
    if (too_large(c->engine, s, length)) {
        mc_say(c, "SERVER_ERROR object too large for cache");
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
    mc_say(c, "CLIENT_ERROR bad data chunk");
    return MC_VALUE_REFUSED;
}

static const char *version_of(const struct engine *e)
{
    return e->version != NULL ? e->version : engine_memcached.version;
}

static void run_version(struct mc_call *c)
{
    if (engine_arrives(c->session, c->verb, rc_slice(NULL, 0), c->reply)) {
        return;
    }
    sim_bytes_text(c->reply, "VERSION ");
    mc_say(c, version_of(c->engine));
}

static void run_flush_all(struct mc_call *c)
{
    const struct mc_words *w = &c->words;
    int64_t delay;
    if (w->count > 2) {
        mc_say(c, "ERROR");
        return;
    }
    bool noreply = mc_take_noreply(c);
    if (w->count > (noreply ? 1u : 0u) && !mc_signed(w->at[0], &delay)) {
        mc_say(c, "CLIENT_ERROR invalid exptime argument");
        return;
    }
    if (engine_arrives(c->session, c->verb, rc_slice(NULL, 0), c->reply)) {
        return;
    }
    store_clear(&c->engine->stores[0]);
    mc_say(c, "OK");
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

static void say_version(struct mc_call *c)
{
    sim_bytes_text(c->reply, "STAT version ");
    mc_say(c, version_of(c->engine));
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
        say_stat(c, "maxconns", 1024);
        mc_say(c, "STAT domain_socket NULL");
        say_stat(c, "item_size_max", e->max_item);
        mc_say(c, "STAT memory_file (null)");
    } else {
        say_version(c);
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
    {"ma", mc_ma},
    {"mn", mc_mn},
    {"get", mc_get},
    {"gets", mc_get},
    {"gat", mc_gat},
    {"gats", mc_gat},
    {"set", mc_set},
    {"add", mc_add},
    {"replace", mc_replace},
    {"append", mc_append},
    {"prepend", mc_prepend},
    {"cas", mc_cas},
    {"incr", mc_incr},
    {"decr", mc_decr},
    {"touch", mc_touch},
    {"delete", mc_delete},
    {"version", run_version},
    {"flush_all", run_flush_all},
    {"stats", run_stats},
    {"lru_crawler", mc_lru_crawler},
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
    if (s->engine->password != NULL && !s->authenticated) {
        mc_authenticate(&call);
    } else {
        run_line(&call);
    }
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

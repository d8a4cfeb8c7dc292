/* SPDX-License-Identifier: MIT */
#include "engine/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine_inside.h"

/* splitmix64: a new run_id for every start of the process. */
static uint64_t draw(struct engine *e)
{
    e->random += 0x9e3779b97f4a7c15u;
    uint64_t z = e->random;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void start(struct engine *e)
{
    for (size_t i = 0; i < 5; i++) {
        snprintf(e->run_id + 8 * i, 9, "%08x", (unsigned)(draw(e) >> 32));
    }
    e->last_client = 0;
    e->scripts = 0;
    e->started_ms = e->now_ms;
}

static void set_text(char **field, const char *text)
{
    free(*field);
    *field = text != NULL ? sim_copy(text, strlen(text)) : NULL;
}

struct engine *engine_new(enum engine_kind kind, uint64_t seed)
{
    struct engine *e = sim_alloc(sizeof *e);
    e->protocol = kind == ENGINE_MEMCACHED ? &engine_memcached : &engine_redis;
    e->random = seed;
    e->max_sessions = SIZE_MAX;
    e->max_item = (size_t)1 << 20;
    rc_list_init(&e->sessions);
    rc_list_init(&e->wishes);
    for (size_t i = 0; i < ENGINE_DATABASES; i++) {
        store_init(&e->stores[i]);
    }
    start(e);
    return e;
}

static void drop_wish(struct engine_wish *wish)
{
    rc_list_remove(&wish->node);
    free(wish->verb);
    free(wish->reply);
    free(wish);
}

static void drop_wishes(struct engine *e)
{
    struct rc_list *node;
    while ((node = rc_list_first(&e->wishes)) != NULL) {
        drop_wish(rc_container(node, struct engine_wish, node));
    }
}

static void end_sessions(struct engine *e)
{
    struct rc_list *node;
    while ((node = rc_list_first(&e->sessions)) != NULL) {
        engine_session_free(rc_container(node, struct engine_session, node));
    }
}

void engine_free(struct engine *e)
{
    if (e == NULL) {
        return;
    }
    end_sessions(e);
    for (size_t i = 0; i < ENGINE_DATABASES; i++) {
        store_deinit(&e->stores[i]);
    }
    free(e->version);
    free(e->user);
    free(e->password);
    drop_wishes(e);
    free(e);
}

void engine_restart(struct engine *e, bool keep_items)
{
    end_sessions(e);
    for (size_t i = 0; i < ENGINE_DATABASES && !keep_items; i++) {
        store_clear(&e->stores[i]);
    }
    start(e);
}

void engine_set_time(struct engine *e, uint64_t now_ms, int64_t wall_s)
{
    e->now_ms = now_ms;
    e->wall_s = wall_s;
}

struct engine_session *engine_accept(
    struct engine *e, uint64_t connection, const char *address, struct sim_bytes *reply)
{
    if (e->session_count >= e->max_sessions) {
        sim_bytes_text(reply, e->protocol->full);
        return NULL;
    }
    struct engine_session *s = sim_alloc(sizeof *s);
    s->engine = e;
    s->connection = connection;
    s->client = ++e->last_client;
    snprintf(s->address, sizeof s->address, "%s", address);
    rc_list_append(&e->sessions, &s->node);
    e->session_count++;
    return s;
}

void engine_receive(struct engine_session *s, struct rc_slice bytes)
{
    sim_bytes_append(&s->input, bytes.data, bytes.len);
}

enum engine_step engine_step(struct engine_session *s, struct sim_bytes *reply)
{
    if (s->ended || s->killed) {
        return ENGINE_ENDED;
    }
    size_t skip = s->swallow < s->input.len ? s->swallow : s->input.len;
    sim_bytes_consume(&s->input, skip);
    s->swallow -= skip;
    if (s->input.len == 0) {
        return ENGINE_STARVED;
    }
    enum engine_step step = s->engine->protocol->step(s, reply);
    s->ended = step == ENGINE_ENDED;
    return step;
}

bool engine_session_killed(const struct engine_session *s)
{
    return s->killed;
}

void engine_session_free(struct engine_session *s)
{
    if (s == NULL) {
        return;
    }
    rc_list_remove(&s->node);
    s->engine->session_count--;
    sim_bytes_deinit(&s->input);
    free(s);
}

void engine_set_version(struct engine *e, const char *version)
{
    set_text(&e->version, version);
}

void engine_set_password(struct engine *e, const char *user, const char *password)
{
    set_text(&e->user, user);
    set_text(&e->password, password);
}

void engine_set_max_sessions(struct engine *e, size_t max)
{
    e->max_sessions = max;
}

void engine_set_mood(struct engine *e, enum engine_mood mood)
{
    e->mood = mood;
}

void engine_set_max_item(struct engine *e, size_t bytes)
{
    e->max_item = bytes;
}

void engine_set_cas(struct engine *e, uint64_t cas)
{
    e->cas = cas;
}

static struct engine_wish *find_wish(const struct engine *e, const char *verb)
{
    for (struct rc_list *n = e->wishes.next; n != &e->wishes; n = n->next) {
        struct engine_wish *wish = rc_container(n, struct engine_wish, node);
        if (strcmp(wish->verb, verb) == 0) {
            return wish;
        }
    }
    return NULL;
}

void engine_answer_next(struct engine *e, const char *verb, size_t count, const char *reply)
{
    struct engine_wish *wish = find_wish(e, verb);
    if (wish != NULL) {
        drop_wish(wish);
    }
    if (count == 0) {
        if (verb[0] == '\0') {
            drop_wishes(e);
        }
        return;
    }
    wish = sim_alloc(sizeof *wish);
    set_text(&wish->verb, verb);
    set_text(&wish->reply, reply);
    wish->count = count;
    rc_list_append(&e->wishes, &wish->node);
}

void engine_set_log(struct engine *e, engine_log_fn log, void *owner)
{
    e->log = log;
    e->log_owner = owner;
}

static void count_verb(struct engine *e, const char *verb)
{
    size_t i = 0;
    while (i < ENGINE_VERBS - 1 && e->verbs[i].count > 0 && strcmp(e->verbs[i].name, verb) != 0) {
        i++;
    }
    snprintf(e->verbs[i].name, sizeof e->verbs[i].name, "%s", verb);
    e->verbs[i].count++;
}

/* False: nobody wished anything of it. */
static bool fulfil(struct engine_session *s, const char *verb, struct sim_bytes *reply)
{
    struct engine_wish *wish = find_wish(s->engine, verb);
    if (wish == NULL) {
        wish = find_wish(s->engine, "");
    }
    if (wish == NULL) {
        return false;
    }
    if (wish->reply != NULL) {
        sim_bytes_text(reply, wish->reply);
    } else {
        s->killed = true;
    }
    if (--wish->count == 0) {
        drop_wish(wish);
    }
    return true;
}

bool engine_arrives(
    struct engine_session *s, const char *verb, struct rc_slice key, struct sim_bytes *reply)
{
    struct engine *e = s->engine;
    count_verb(e, verb);
    e->keyed += key.len > 0;
    if (e->log != NULL) {
        struct engine_command command = {verb, key, s->connection, e->now_ms};
        e->log(e->log_owner, &command);
    }
    return fulfil(s, verb, reply);
}

bool engine_text_is(struct rc_slice s, const char *text)
{
    return rc_slice_equal(s, rc_slice_text(text));
}

bool engine_digits(struct rc_slice word, size_t from, uint64_t *value)
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

uint64_t engine_count(const struct engine *e, const char *verb)
{
    uint64_t count = 0;
    for (size_t i = 0; i < ENGINE_VERBS; i++) {
        if (verb[0] == '\0' || strcmp(e->verbs[i].name, verb) == 0) {
            count += e->verbs[i].count;
        }
    }
    return count;
}

uint64_t engine_count_keyed(const struct engine *e)
{
    return e->keyed;
}

const struct store_item *engine_get(struct engine *e, unsigned db, const char *key)
{
    return store_find(&e->stores[db], rc_slice_text(key), e->now_ms);
}

void engine_put(
    struct engine *e, unsigned db, const char *key, struct rc_slice value, uint64_t ttl_ms)
{
    struct store_item *item = store_put(&e->stores[db], rc_slice_text(key), value, e->now_ms);
    item->cas = ++e->cas;
    item->expires_ms = ttl_ms > 0 ? e->now_ms + ttl_ms : STORE_NEVER;
}

size_t engine_items(const struct engine *e, unsigned db)
{
    return e->stores[db].count;
}

const char *engine_run_id(const struct engine *e)
{
    return e->run_id;
}

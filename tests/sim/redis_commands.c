/* SPDX-License-Identifier: MIT */
/* The commands of the Redis engine. Left out: everything that is not named in the table below. */
#include "redis.h"

#include <stdio.h>
#include <string.h>

enum { MAX_SHOWN = 128 };

/* By hand: the C library's follows the locale, and Turkish has another I. */
static unsigned char lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
}

bool redis_text_is(struct rc_slice word, const char *text)
{
    bool same = word.len == strlen(text);
    for (size_t i = 0; same && i < word.len; i++) {
        same = lower(word.data[i]) == lower((unsigned char)text[i]);
    }
    return same;
}

static void say(struct redis_call *c, const char *line)
{
    sim_bytes_text(c->reply, line);
    sim_bytes_text(c->reply, "\r\n");
}

static void say_number(struct redis_call *c, long long number)
{
    sim_bytes_text(c->reply, ":");
    sim_bytes_number(c->reply, number);
    sim_bytes_text(c->reply, "\r\n");
}

static void say_bulk(struct redis_call *c, struct rc_slice bytes)
{
    sim_bytes_text(c->reply, "$");
    sim_bytes_number(c->reply, (long long)bytes.len);
    sim_bytes_text(c->reply, "\r\n");
    sim_bytes_append(c->reply, bytes.data, bytes.len);
    sim_bytes_text(c->reply, "\r\n");
}

static struct store *store_of(const struct redis_call *c)
{
    return &c->engine->stores[c->session->db];
}

static struct store_item *find(const struct redis_call *c, struct rc_slice key)
{
    return store_find(store_of(c), key, c->engine->now_ms);
}

static bool wrong_type(struct redis_call *c, const struct store_item *item)
{
    if (item == NULL || item->list_len == 0) {
        return false;
    }
    say(c, "-WRONGTYPE Operation against a key holding the wrong kind of value");
    return true;
}

static void run_get(struct redis_call *c)
{
    const struct store_item *item = find(c, c->argv[1]);
    if (wrong_type(c, item)) {
        return;
    }
    if (item == NULL) {
        say(c, "$-1");
        return;
    }
    say_bulk(c, store_value(item));
}

struct set_options {
    bool absent_only, present_only, keep_ttl, timed;
    int64_t ttl_ms;
};

static const char *take_ttl(struct set_options *o, struct rc_slice number, int64_t unit_ms)
{
    int64_t value;
    o->timed = true;
    if (!redis_integer(number, &value)) {
        return "-ERR value is not an integer or out of range";
    }
    if (value <= 0 || __builtin_mul_overflow(value, unit_ms, &o->ttl_ms) ||
        o->ttl_ms > INT64_MAX / 2) {
        return "-ERR invalid expire time in 'set' command";
    }
    return NULL;
}

static const char *take_set_options(const struct redis_call *c, struct set_options *o)
{
    const char *late = NULL; /* the syntax is judged before the numbers */
    for (size_t i = 3; i < c->argc; i++) {
        struct rc_slice word = c->argv[i];
        bool seconds = redis_text_is(word, "EX");
        if (redis_text_is(word, "NX") && !o->present_only) {
            o->absent_only = true;
        } else if (redis_text_is(word, "XX") && !o->absent_only) {
            o->present_only = true;
        } else if (redis_text_is(word, "KEEPTTL") && !o->timed) {
            o->keep_ttl = true;
        } else if ((seconds || redis_text_is(word, "PX")) && !o->timed && !o->keep_ttl &&
                   i + 1 < c->argc) {
            late = take_ttl(o, c->argv[++i], seconds ? 1000 : 1);
        } else {
            return "-ERR syntax error";
        }
    }
    return late;
}

static void run_set(struct redis_call *c)
{
    struct set_options o = {0};
    const char *error = take_set_options(c, &o);
    if (error != NULL) {
        say(c, error);
        return;
    }
    struct store_item *item = find(c, c->argv[1]);
    if ((o.absent_only && item != NULL) || (o.present_only && item == NULL)) {
        say(c, "$-1");
        return;
    }
    uint64_t kept_ms = item != NULL && o.keep_ttl ? item->expires_ms : STORE_NEVER;
    item = store_put(store_of(c), c->argv[1], c->argv[2], c->engine->now_ms);
    item->cas = ++c->engine->cas;
    item->expires_ms = o.timed ? c->engine->now_ms + (uint64_t)o.ttl_ms : kept_ms;
    say(c, "+OK");
}

static void run_del(struct redis_call *c)
{
    long long gone = 0;
    for (size_t i = 1; i < c->argc; i++) {
        gone += store_delete(store_of(c), c->argv[i], c->engine->now_ms);
    }
    say_number(c, gone);
}

static void run_pttl(struct redis_call *c)
{
    const struct store_item *item = find(c, c->argv[1]);
    if (item == NULL) {
        say_number(c, -2);
        return;
    }
    bool never = item->expires_ms == STORE_NEVER;
    say_number(c, never ? -1 : (long long)(item->expires_ms - c->engine->now_ms));
}

/* Only its length is kept: enough to be a value of the wrong type. */
static void run_lpush(struct redis_call *c)
{
    struct store_item *item = find(c, c->argv[1]);
    if (item != NULL && item->list_len == 0) {
        say(c, "-WRONGTYPE Operation against a key holding the wrong kind of value");
        return;
    }
    if (item == NULL) {
        item = store_put(store_of(c), c->argv[1], rc_slice(NULL, 0), c->engine->now_ms);
    }
    item->list_len += c->argc - 2;
    say_number(c, (long long)item->list_len);
}

static void run_ping(struct redis_call *c)
{
    if (c->argc == 1) {
        say(c, "+PONG");
        return;
    }
    say_bulk(c, c->argv[1]);
}

static void run_echo(struct redis_call *c)
{
    say_bulk(c, c->argv[1]);
}

static void run_auth(struct redis_call *c)
{
    const struct engine *e = c->engine;
    const char *user = e->user != NULL ? e->user : "default";
    if (c->argc > 3) {
        say(c, "-ERR syntax error");
        return;
    }
    if (c->argc == 2 && e->password == NULL) {
        say(c, "-ERR AUTH <password> called without any password configured for the default user. "
               "Are you sure your configuration is correct?");
        return;
    }
    struct rc_slice name = c->argc == 3 ? c->argv[1] : rc_slice_text("default");
    if (e->password == NULL || !engine_text_is(name, user) ||
        !engine_text_is(c->argv[c->argc - 1], e->password)) {
        say(c, "-WRONGPASS invalid username-password pair or user is disabled.");
        return;
    }
    c->session->authenticated = true;
    say(c, "+OK");
}

static void run_select(struct redis_call *c)
{
    int64_t db;
    if (!redis_integer(c->argv[1], &db)) {
        say(c, "-ERR value is not an integer or out of range");
        return;
    }
    if (db < 0 || db >= ENGINE_DATABASES) {
        say(c, "-ERR DB index is out of range");
        return;
    }
    c->session->db = (unsigned)db;
    say(c, "+OK");
}

struct kill_filter {
    uint64_t client;         /* 0: any */
    struct rc_slice address; /* empty: any */
    bool spare_self;
};

static const char *take_kill_filter(const struct redis_call *c, struct kill_filter *filter)
{
    for (size_t i = 2; i < c->argc; i += 2) {
        int64_t id;
        if (i + 1 >= c->argc) {
            return "-ERR syntax error";
        }
        struct rc_slice value = c->argv[i + 1];
        if (redis_text_is(c->argv[i], "ADDR")) {
            filter->address = value;
        } else if (redis_text_is(c->argv[i], "SKIPME")) {
            filter->spare_self = redis_text_is(value, "yes");
        } else if (!redis_text_is(c->argv[i], "ID")) {
            return "-ERR syntax error";
        } else if (!redis_integer(value, &id) || id <= 0) {
            return "-ERR client-id should be greater than 0";
        } else {
            filter->client = (uint64_t)id;
        }
    }
    return NULL;
}

static long long kill_sessions(struct redis_call *c, const struct kill_filter *filter)
{
    long long killed = 0;
    struct rc_list *head = &c->engine->sessions;
    for (struct rc_list *n = head->next; n != head; n = n->next) {
        struct engine_session *s = rc_container(n, struct engine_session, node);
        bool meant = (filter->client == 0 || filter->client == s->client) &&
                     (filter->address.len == 0 || engine_text_is(filter->address, s->address));
        if (meant && !s->killed && !(filter->spare_self && s == c->session)) {
            s->killed = true;
            killed++;
        }
    }
    return killed;
}

static void kill_client(struct redis_call *c)
{
    struct kill_filter filter = {.spare_self = true};
    if (c->argc == 3) {
        filter.spare_self = false;
        filter.address = c->argv[2];
        say(c, kill_sessions(c, &filter) > 0 ? "+OK" : "-ERR No such client");
        return;
    }
    const char *error = take_kill_filter(c, &filter);
    if (error != NULL) {
        say(c, error);
        return;
    }
    say_number(c, kill_sessions(c, &filter));
}

static void run_client(struct redis_call *c)
{
    if (redis_text_is(c->argv[1], "KILL") && c->argc > 2) {
        kill_client(c);
        return;
    }
    if (!redis_text_is(c->argv[1], "ID")) {
        sim_bytes_text(c->reply, "-ERR unknown subcommand '");
        sim_bytes_append(c->reply, c->argv[1].data, c->argv[1].len);
        say(c, "'. Try CLIENT HELP.");
        return;
    }
    if (c->argc > 2) {
        say(c, "-ERR wrong number of arguments for 'client|id' command");
        return;
    }
    say_number(c, (long long)c->session->client);
}

static bool wants_server_section(const struct redis_call *c)
{
    bool wanted = c->argc == 1;
    for (size_t i = 1; i < c->argc; i++) {
        wanted = wanted || redis_text_is(c->argv[i], "server") ||
                 redis_text_is(c->argv[i], "default") || redis_text_is(c->argv[i], "all") ||
                 redis_text_is(c->argv[i], "everything");
    }
    return wanted;
}

static void run_info(struct redis_call *c)
{
    char text[512];
    const struct engine *e = c->engine;
    if (!wants_server_section(c)) {
        say_bulk(c, rc_slice(NULL, 0));
        return;
    }
    int n = snprintf(text, sizeof text,
        "# Server\r\nredis_version:%s\r\nredis_mode:standalone\r\nprocess_id:1\r\nrun_id:%s\r\n"
        "uptime_in_seconds:%llu\r\n",
        e->version != NULL ? e->version : engine_redis.version, e->run_id,
        (unsigned long long)((e->now_ms - e->started_ms) / 1000));
    say_bulk(c, rc_slice(text, (size_t)n));
}

static void run_dbsize(struct redis_call *c)
{
    say_number(c, (long long)store_of(c)->count);
}

static void run_flushall(struct redis_call *c)
{
    bool known =
        c->argc == 1 ||
        (c->argc == 2 && (redis_text_is(c->argv[1], "ASYNC") || redis_text_is(c->argv[1], "SYNC")));
    if (!known) {
        say(c, "-ERR syntax error");
        return;
    }
    for (size_t i = 0; i < ENGINE_DATABASES; i++) {
        store_clear(&c->engine->stores[i]);
    }
    say(c, "+OK");
}

static void run_quit(struct redis_call *c)
{
    say(c, "+OK");
    c->quit = true;
}

/* It takes a web browser for an attack: gone without a word. */
static void run_http(struct redis_call *c)
{
    sim_bytes_clear(c->reply);
    c->quit = true;
}

static const struct redis_command {
    const char *verb;
    size_t min, max; /* words, the verb among them */
    bool keyed;
    bool before_auth;
    void (*run)(struct redis_call *c);
} commands[] = {
    {"get", 2, 2, true, false, run_get},
    {"set", 3, SIZE_MAX, true, false, run_set},
    {"del", 2, SIZE_MAX, true, false, run_del},
    {"pttl", 2, 2, true, false, run_pttl},
    {"lpush", 3, SIZE_MAX, true, false, run_lpush},
    {"ping", 1, 2, false, false, run_ping},
    {"echo", 2, 2, false, false, run_echo},
    {"auth", 2, SIZE_MAX, false, true, run_auth},
    {"select", 2, 2, false, false, run_select},
    {"client", 2, SIZE_MAX, false, false, run_client},
    {"info", 1, SIZE_MAX, false, false, run_info},
    {"dbsize", 1, 1, false, false, run_dbsize},
    {"flushall", 1, SIZE_MAX, false, false, run_flushall},
    {"quit", 1, SIZE_MAX, false, true, run_quit},
    {"host:", 1, SIZE_MAX, false, true, run_http},
    {"post", 1, SIZE_MAX, false, true, run_http},
};

/* Errors are one line, whatever was in the words. */
static void say_word(struct redis_call *c, struct rc_slice word, size_t max)
{
    for (size_t i = 0; i < word.len && i < max; i++) {
        bool end = word.data[i] == '\r' || word.data[i] == '\n';
        sim_bytes_append(c->reply, end ? (const void *)" " : &word.data[i], 1);
    }
}

static void refuse_unknown(struct redis_call *c)
{
    sim_bytes_text(c->reply, "-ERR unknown command '");
    say_word(c, c->argv[0], MAX_SHOWN);
    sim_bytes_text(c->reply, "', with args beginning with: ");
    size_t shown = 0;
    for (size_t i = 1; i < c->argc && shown < MAX_SHOWN; i++) {
        size_t room = MAX_SHOWN - shown;
        sim_bytes_text(c->reply, "'");
        say_word(c, c->argv[i], room);
        sim_bytes_text(c->reply, "' ");
        shown += (c->argv[i].len < room ? c->argv[i].len : room) + 3;
    }
    sim_bytes_text(c->reply, "\r\n");
}

static const struct redis_command *command_of(struct rc_slice verb)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (redis_text_is(verb, commands[i].verb)) {
            return &commands[i];
        }
    }
    return NULL;
}

void redis_run(struct redis_call *c)
{
    const struct redis_command *command = command_of(c->argv[0]);
    if (command == NULL) {
        refuse_unknown(c);
        return;
    }
    if (c->argc < command->min || c->argc > command->max) {
        sim_bytes_text(c->reply, "-ERR wrong number of arguments for '");
        sim_bytes_text(c->reply, command->verb);
        say(c, "' command");
        return;
    }
    if (!command->before_auth && c->engine->password != NULL && !c->session->authenticated) {
        say(c, "-NOAUTH Authentication required.");
        return;
    }
    struct rc_slice key = command->keyed ? c->argv[1] : rc_slice(NULL, 0);
    if (!engine_arrives(c->session, command->verb, key, c->reply)) {
        command->run(c);
    }
}

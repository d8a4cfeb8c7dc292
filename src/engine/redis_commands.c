/* SPDX-License-Identifier: MIT */
/* The Redis engine's table of commands, and those of them that carry no key. Left out: everything
 * that is not named in the tables. */
#include "engine/redis.h"

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

void redis_say(struct redis_call *c, const char *line)
{
    sim_bytes_text(c->reply, line);
    sim_bytes_text(c->reply, "\r\n");
}

static void say_headed(struct redis_call *c, const char *head, long long number)
{
    sim_bytes_text(c->reply, head);
    sim_bytes_number(c->reply, number);
    sim_bytes_text(c->reply, "\r\n");
}

void redis_say_number(struct redis_call *c, long long number)
{
    say_headed(c, ":", number);
}

void redis_say_array(struct redis_call *c, size_t count)
{
    say_headed(c, "*", (long long)count);
}

void redis_say_bulk(struct redis_call *c, struct rc_slice bytes)
{
    say_headed(c, "$", (long long)bytes.len);
    sim_bytes_append(c->reply, bytes.data, bytes.len);
    sim_bytes_text(c->reply, "\r\n");
}

void redis_say_item(struct redis_call *c, const struct store_item *item)
{
    if (item == NULL) {
        redis_say(c, "$-1");
        return;
    }
    redis_say_bulk(c, store_value(item));
}

void redis_say_about(
    struct redis_call *c, const char *before, struct rc_slice word, const char *after)
{
    sim_bytes_text(c->reply, before);
    sim_bytes_append(c->reply, word.data, word.len);
    redis_say(c, after);
}

int64_t redis_longest_ms(const struct engine *e)
{
    return INT64_MAX - e->wall_s * 1000;
}

struct store *redis_store(const struct redis_call *c)
{
    return &c->engine->stores[c->session->db];
}

struct store_item *redis_find(const struct redis_call *c, struct rc_slice key)
{
    return store_find(redis_store(c), key, c->engine->now_ms);
}

static void run_ping(struct redis_call *c)
{
    if (c->argc == 1) {
        redis_say(c, "+PONG");
        return;
    }
    redis_say_bulk(c, c->argv[1]);
}

static void run_echo(struct redis_call *c)
{
    redis_say_bulk(c, c->argv[1]);
}

static void run_auth(struct redis_call *c)
{
    const struct engine *e = c->engine;
    const char *user = e->user != NULL ? e->user : "default";
    if (c->argc > 3) {
        redis_say(c, "-ERR syntax error");
        return;
    }
    if (c->argc == 2 && e->password == NULL) {
        redis_say(c,
            "-ERR AUTH <password> called without any password configured for the default user. "
            "Are you sure your configuration is correct?");
        return;
    }
    struct rc_slice name = c->argc == 3 ? c->argv[1] : rc_slice_text("default");
    if (e->password == NULL || !engine_text_is(name, user) ||
        !engine_text_is(c->argv[c->argc - 1], e->password)) {
        redis_say(c, "-WRONGPASS invalid username-password pair or user is disabled.");
        return;
    }
    c->session->authenticated = true;
    redis_say(c, "+OK");
}

static void run_select(struct redis_call *c)
{
    int64_t db;
    if (!redis_integer(c->argv[1], &db)) {
        redis_say(c, "-ERR value is not an integer or out of range");
        return;
    }
    if (db < 0 || db >= ENGINE_DATABASES) {
        redis_say(c, "-ERR DB index is out of range");
        return;
    }
    c->session->db = (unsigned)db;
    redis_say(c, "+OK");
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
    if (c->argc < 3) {
        redis_say(c, "-ERR wrong number of arguments for 'client|kill' command");
        return;
    }
    if (c->argc == 3) {
        filter.spare_self = false;
        filter.address = c->argv[2];
        redis_say(c, kill_sessions(c, &filter) > 0 ? "+OK" : "-ERR No such client");
        return;
    }
    const char *error = take_kill_filter(c, &filter);
    if (error != NULL) {
        redis_say(c, error);
        return;
    }
    redis_say_number(c, kill_sessions(c, &filter));
}

static void run_client(struct redis_call *c)
{
    if (redis_text_is(c->argv[1], "KILL")) {
        kill_client(c);
        return;
    }
    if (!redis_text_is(c->argv[1], "ID")) {
        redis_say_about(c, "-ERR unknown subcommand '", c->argv[1], "'. Try CLIENT HELP.");
        return;
    }
    if (c->argc > 2) {
        redis_say(c, "-ERR wrong number of arguments for 'client|id' command");
        return;
    }
    redis_say_number(c, (long long)c->session->client);
}

static void run_quit(struct redis_call *c)
{
    redis_say(c, "+OK");
    c->quit = true;
}

/* It takes a web browser for an attack: gone without a word. */
static void run_http(struct redis_call *c)
{
    sim_bytes_clear(c->reply);
    c->quit = true;
}

static const struct redis_command connection_commands[] = {
    {"ping", 1, 2, 0, 0, run_ping},
    {"echo", 2, 2, 0, REDIS_STALE, run_echo},
    {"auth", 2, SIZE_MAX, 0, REDIS_ALWAYS, run_auth},
    {"select", 2, 2, 0, REDIS_STALE, run_select},
    {"client", 2, SIZE_MAX, 0, REDIS_STALE, run_client},
    {"quit", 1, SIZE_MAX, 0, REDIS_ALWAYS, run_quit},
    {"host:", 1, SIZE_MAX, 0, REDIS_ALWAYS, run_http},
    {"post", 1, SIZE_MAX, 0, REDIS_ALWAYS, run_http},
    {0},
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
    static const struct redis_command *const tables[] = {redis_string_commands, redis_key_commands,
        redis_script_commands, redis_server_commands, connection_commands};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        for (const struct redis_command *command = tables[i]; command->verb != NULL; command++) {
            if (redis_text_is(verb, command->verb)) {
                return command;
            }
        }
    }
    return NULL;
}

/* The command that is asked; NULL: no such one, which was said. */
static const struct redis_command *take_command(struct redis_call *c)
{
    const struct redis_command *command = command_of(c->argv[0]);
    if (command == NULL) {
        refuse_unknown(c);
        return NULL;
    }
    if (c->argc < command->min || c->argc > command->max) {
        redis_say_about(
            c, "-ERR wrong number of arguments for '", rc_slice_text(command->verb), "' command");
        return NULL;
    }
    return command;
}

void redis_perform(struct redis_call *c)
{
    const struct redis_command *command = take_command(c);
    if (command == NULL) {
        return;
    }
    const char *refusal = redis_write_refusal(c->engine, command);
    if (refusal != NULL) {
        redis_say(c, refusal);
        return;
    }
    command->run(c);
}

void redis_run(struct redis_call *c)
{
    const struct redis_command *command = take_command(c);
    if (command == NULL) {
        return;
    }
    bool always = (command->traits & REDIS_ALWAYS) != 0;
    if (!always && c->engine->password != NULL && !c->session->authenticated) {
        redis_say(c, "-NOAUTH Authentication required.");
        return;
    }
    bool keyed = command->key > 0 && command->key < c->argc;
    struct rc_slice key = keyed ? c->argv[command->key] : rc_slice(NULL, 0);
    if (engine_arrives(c->session, command->verb, key, c->reply)) {
        return;
    }
    const char *refusal = redis_refusal(c->engine, command);
    if (refusal != NULL) {
        redis_say(c, refusal);
        return;
    }
    command->run(c);
}

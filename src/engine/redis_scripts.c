/* SPDX-License-Identifier: MIT */
/* SCRIPT, EVAL and EVALSHA. There is no Lua here: the engine knows the library's scripts by their
 * exact text, and does in C what each of them says. Any other text is refused as one that does not
 * compile. */
#include "engine/redis_scripts.h"

#include "codec/scripts.h"
#include "engine/sha1.h"

#define NO_COMPILER                                                                                \
    "-ERR Error compiling script (new function): user_script:1: none that this engine knows"

enum { READ_WORDS = 6 }; /* with so many GETEX is refused, like with more */

void redis_script_call(
    const struct script *s, const struct rc_slice *argv, size_t argc, struct sim_bytes *reply)
{
    struct redis_call inner = {.session = s->call->session,
        .engine = s->call->engine,
        .reply = reply,
        .argv = argv,
        .argc = argc};
    redis_perform(&inner);
}

bool redis_script_try(
    const struct script *s, const struct rc_slice *argv, size_t argc, struct sim_bytes *reply)
{
    redis_script_call(s, argv, argc, reply);
    struct rc_slice said = sim_bytes_view(reply);
    if (said.data[0] != '-') {
        return true;
    }
    sim_bytes_append(s->call->reply, said.data, said.len);
    return false;
}

void redis_script_end(const struct script *s, const struct rc_slice *argv, size_t argc)
{
    redis_script_call(s, argv, argc, s->call->reply);
}

const struct store_item *redis_script_string(const struct script *s)
{
    struct rc_slice get[] = {rc_slice_text("GET"), s->key};
    struct sim_bytes reply = {0};
    const struct store_item *item = NULL;
    if (redis_script_try(s, get, 2, &reply)) {
        item = redis_find(s->call, s->key);
        if (item == NULL) {
            redis_say(s->call, "$-1");
        }
    }
    sim_bytes_deinit(&reply);
    return item;
}

static void run_append(const struct script *s)
{
    struct rc_slice append[] = {rc_slice_text("APPEND"), s->key, s->args[0]};
    struct sim_bytes reply = {0};
    if (redis_find(s->call, s->key) == NULL) {
        redis_say(s->call, "$-1");
        return;
    }
    if (redis_script_try(s, append, 3, &reply)) {
        redis_say(s->call, "+OK");
    }
    sim_bytes_deinit(&reply);
}

static void run_prepend(const struct script *s)
{
    struct sim_bytes whole = {0};
    const struct store_item *item = redis_script_string(s);
    if (item == NULL) {
        return;
    }
    sim_bytes_append(&whole, s->args[0].data, s->args[0].len);
    sim_bytes_append(&whole, item->value, item->value_len);
    struct rc_slice set[] = {
        rc_slice_text("SET"), s->key, sim_bytes_view(&whole), rc_slice_text("KEEPTTL")};
    redis_script_end(s, set, 4);
    sim_bytes_deinit(&whole);
}

static void run_cas(const struct script *s)
{
    char hex[SHA1_HEX + 1];
    const struct store_item *item = redis_script_string(s);
    if (item == NULL) {
        return;
    }
    sha1_hex(store_value(item), hex);
    if (!rc_slice_equal(rc_slice(hex, REDIS_DIGEST_DIGITS), s->args[1])) {
        redis_say(s->call, "+EXISTS");
        return;
    }
    bool timed = s->count > 2;
    struct rc_slice set[] = {rc_slice_text("SET"), s->key, s->args[0], rc_slice_text("PX"),
        timed ? s->args[2] : rc_slice(NULL, 0)};
    redis_script_end(s, set, timed ? 5 : 3);
}

static void run_persist(const struct script *s)
{
    struct rc_slice persist[] = {rc_slice_text("PERSIST"), s->key};
    struct sim_bytes reply = {0};
    if (redis_script_try(s, persist, 2, &reply)) {
        redis_say_number(s->call, redis_find(s->call, s->key) != NULL);
    }
    sim_bytes_deinit(&reply);
}

static void make_counter(const struct script *s)
{
    bool timed = s->count > 3;
    struct sim_bytes reply = {0};
    struct rc_slice set[] = {rc_slice_text("SET"), s->key, s->args[2], rc_slice_text("PX"),
        timed ? s->args[3] : rc_slice(NULL, 0)};
    if (redis_script_try(s, set, timed ? 5 : 3, &reply)) {
        redis_say_bulk(s->call, s->args[2]);
    }
    sim_bytes_deinit(&reply);
}

/* A number below 0 becomes 0. */
static void say_counter(const struct script *s)
{
    const struct store_item *item = redis_find(s->call, s->key);
    struct rc_slice set[] = {
        rc_slice_text("SET"), s->key, rc_slice_text("0"), rc_slice_text("KEEPTTL")};
    struct sim_bytes reply = {0};
    if (item->value[0] == '-') {
        redis_script_call(s, set, 4, &reply);
        item = redis_find(s->call, s->key);
    }
    sim_bytes_deinit(&reply);
    redis_say_item(s->call, item);
}

static bool says_overflow(const struct sim_bytes *reply)
{
    static const char word[] = "would overflow";
    struct rc_slice said = sim_bytes_view(reply);
    return memmem(said.data, said.len, word, sizeof word - 1) != NULL;
}

static void change_counter(const struct script *s)
{
    struct rc_slice change[] = {s->args[0], s->key, s->args[1]};
    struct sim_bytes reply = {0};
    redis_script_call(s, change, 3, &reply);
    struct rc_slice said = sim_bytes_view(&reply);
    if (says_overflow(&reply)) {
        redis_say(s->call, "+NOT_STORED");
    } else if (said.data[0] == '-') {
        sim_bytes_append(s->call->reply, said.data, said.len);
    } else {
        say_counter(s);
    }
    sim_bytes_deinit(&reply);
}

static void run_count(const struct script *s)
{
    if (s->count > 2 && redis_find(s->call, s->key) == NULL) {
        make_counter(s);
        return;
    }
    const struct store_item *item = redis_script_string(s);
    if (item == NULL) {
        return;
    }
    if (item->value[0] == '-') {
        redis_say(s->call, "-ERR value is not an integer or out of range");
        return;
    }
    change_counter(s);
}

/* With a word behind the first the value is read by GETEX, which takes it and all others as its
 * own. */
static void run_read(const struct script *s)
{
    char hex[SHA1_HEX + 1];
    struct rc_slice read[READ_WORDS] = {rc_slice_text(s->count > 1 ? "GETEX" : "GET"), s->key};
    size_t words = 2;
    for (size_t i = 1; i < s->count && words < READ_WORDS; i++) {
        read[words++] = s->args[i];
    }
    struct rc_slice pttl[] = {rc_slice_text("PTTL"), s->key};
    struct sim_bytes reply = {0};
    if (redis_script_try(s, read, words, &reply)) {
        const struct store_item *item = redis_find(s->call, s->key);
        if (item == NULL) {
            redis_say(s->call, "$-1");
        } else {
            sha1_hex(store_value(item), hex);
            redis_say_array(s->call, 3);
            redis_say_item(s->call, item);
            redis_say_bulk(
                s->call, rc_slice(hex, engine_text_is(s->args[0], "1") ? REDIS_DIGEST_DIGITS : 0));
            redis_script_end(s, pttl, 2);
        }
    }
    sim_bytes_deinit(&reply);
}

/* By rc_script_name; how many keys and arguments each cannot do without. More arguments are left
 * alone. */
static const struct {
    size_t keys, most_keys, min;
    void (*run)(const struct script *s);
} meanings[RC_SCRIPTS_LEN] = {
    [RC_SCRIPT_APPEND] = {1, 1, 1, run_append},
    [RC_SCRIPT_PREPEND] = {1, 1, 1, run_prepend},
    [RC_SCRIPT_CAS] = {1, 1, 2, run_cas},
    [RC_SCRIPT_PERSIST] = {1, 1, 0, run_persist},
    [RC_SCRIPT_COUNT] = {1, 1, 2, run_count},
    [RC_SCRIPT_READ] = {1, 1, 1, run_read},
    [RC_SCRIPT_DELETE] = {1, 2, 1, redis_script_delete},
    [RC_SCRIPT_LEASE] = {2, 2, 3, redis_script_lease},
    [RC_SCRIPT_FILL] = {2, 2, 3, redis_script_fill},
    [RC_SCRIPT_UNLEASE] = {2, 2, 1, redis_script_unlease},
};

/* RC_SCRIPTS_LEN: none has this text. */
static size_t script_of_text(struct rc_slice text)
{
    size_t i = 0;
    while (i < RC_SCRIPTS_LEN && !engine_text_is(text, rc_scripts[i].text)) {
        i++;
    }
    return i;
}

/* RC_SCRIPTS_LEN: none that was loaded has this digest, which is computed here so that a wrong one
 * in the library finds nothing. */
static size_t script_of_digest(const struct engine *e, struct rc_slice digest)
{
    char hex[SHA1_HEX + 1];
    for (size_t i = 0; i < RC_SCRIPTS_LEN; i++) {
        if ((e->scripts >> i & 1) == 0) {
            continue;
        }
        sha1_hex(rc_slice_text(rc_scripts[i].text), hex);
        if (redis_text_is(digest, hex)) {
            return i;
        }
    }
    return RC_SCRIPTS_LEN;
}

static void load(struct redis_call *c)
{
    char hex[SHA1_HEX + 1];
    size_t script = script_of_text(c->argv[2]);
    if (script == RC_SCRIPTS_LEN) {
        redis_say(c, NO_COMPILER);
        return;
    }
    c->engine->scripts |= UINT32_C(1) << script;
    sha1_hex(c->argv[2], hex);
    redis_say_bulk(c, rc_slice_text(hex));
}

static void say_which_exist(struct redis_call *c)
{
    redis_say_array(c, c->argc - 2);
    for (size_t i = 2; i < c->argc; i++) {
        redis_say_number(c, script_of_digest(c->engine, c->argv[i]) < RC_SCRIPTS_LEN);
    }
}

static void flush(struct redis_call *c)
{
    bool known =
        c->argc == 2 ||
        (c->argc == 3 && (redis_text_is(c->argv[2], "ASYNC") || redis_text_is(c->argv[2], "SYNC")));
    if (!known) {
        redis_say(c, "-ERR SCRIPT FLUSH only support SYNC|ASYNC option");
        return;
    }
    c->engine->scripts = 0;
    redis_say(c, "+OK");
}

static void run_script(struct redis_call *c)
{
    static const struct {
        const char *word, *name;
        size_t min, max;
        void (*run)(struct redis_call *c);
    } verbs[] = {
        {"LOAD", "script|load", 3, 3, load},
        {"EXISTS", "script|exists", 3, SIZE_MAX, say_which_exist},
        {"FLUSH", "script|flush", 2, SIZE_MAX, flush},
    };
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (!redis_text_is(c->argv[1], verbs[i].word)) {
            continue;
        }
        if (c->argc < verbs[i].min || c->argc > verbs[i].max) {
            redis_say_about(c, "-ERR wrong number of arguments for '", rc_slice_text(verbs[i].name),
                "' command");
            return;
        }
        verbs[i].run(c);
        return;
    }
    redis_say_about(c, "-ERR unknown subcommand '", c->argv[1], "'. Try SCRIPT HELP.");
}

static bool take_key_count(struct redis_call *c, size_t *keys)
{
    int64_t count;
    if (!redis_integer(c->argv[2], &count)) {
        redis_say(c, "-ERR value is not an integer or out of range");
        return false;
    }
    if (count < 0 || (uint64_t)count > c->argc - 3) {
        redis_say(c, count < 0 ? "-ERR Number of keys can't be negative"
                               : "-ERR Number of keys can't be greater than number of args");
        return false;
    }
    *keys = (size_t)count;
    return true;
}

static void run_meaning(struct redis_call *c, size_t script, size_t keys)
{
    size_t count = c->argc - 3 - keys;
    bool fits = keys >= meanings[script].keys && keys <= meanings[script].most_keys;
    if (!fits || count < meanings[script].min) {
        redis_say(c, "-ERR Lua redis lib command arguments must be strings or integers");
        return;
    }
    struct script s = {.call = c,
        .key = c->argv[3],
        .lease = keys > 1 ? c->argv[4] : rc_slice(NULL, 0),
        .args = c->argv + 3 + keys,
        .count = count};
    meanings[script].run(&s);
}

static void run_eval(struct redis_call *c)
{
    size_t keys;
    if (!take_key_count(c, &keys)) {
        return;
    }
    size_t script = script_of_text(c->argv[1]);
    if (script == RC_SCRIPTS_LEN) {
        redis_say(c, NO_COMPILER);
        return;
    }
    c->engine->scripts |= UINT32_C(1) << script;
    run_meaning(c, script, keys);
}

/* What cannot be a digest is looked for no further than its length. */
static void run_evalsha(struct redis_call *c)
{
    size_t keys = 0;
    if (c->argv[1].len == SHA1_HEX && !take_key_count(c, &keys)) {
        return;
    }
    size_t script = script_of_digest(c->engine, c->argv[1]);
    if (script == RC_SCRIPTS_LEN) {
        redis_say(c, "-NOSCRIPT No matching script. Please use EVAL.");
        return;
    }
    run_meaning(c, script, keys);
}

const struct redis_command redis_script_commands[] = {
    {"script", 2, SIZE_MAX, 0, 0, run_script},
    {"eval", 3, SIZE_MAX, 3, 0, run_eval},
    {"evalsha", 3, SIZE_MAX, 3, 0, run_evalsha},
    {0},
};

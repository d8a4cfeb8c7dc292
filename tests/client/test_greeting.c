/* SPDX-License-Identifier: MIT */
/* Before a connection carries anything of a user's it has been greeted, step by step: what each
 * refusal means, how long it may take, and that nothing leaves earlier. */
#include "world.h"

#include <stdio.h>

#define SECRET "correct-horse"
#define MEMCACHED_CART "memcached://cart:" SECRET "@10.0.0.1:6379"

enum { CONNECT_MS = 300, COMMANDS = 256 };

/* The commands that reached a server, in their order. */
struct journal {
    struct {
        char verb[16];
        bool keyed;
    } commands[COMMANDS];
    size_t count;
};

static void note(void *owner, const struct engine_command *command)
{
    struct journal *journal = owner;
    assert_true(journal->count < COMMANDS);
    snprintf(journal->commands[journal->count].verb, 16, "%s", command->verb);
    journal->commands[journal->count++].keyed = command->key.len > 0;
}

/* One client, one server, what reached it. */
struct scene {
    struct world *world;
    struct sim_server *server;
    struct engine *engine;
    struct journal journal;
};

static void open_scene_with(struct scene *s, const char *uri, const char *option, const char *value)
{
    bool redis = strncmp(uri, "redis", 5) == 0;
    *s = (struct scene){.world = world_new(41)};
    s->server =
        sim_server_add(s->world->sim, "10.0.0.1", 6379, redis ? ENGINE_REDIS : ENGINE_MEMCACHED);
    s->engine = sim_server_engine(s->server);
    engine_set_log(s->engine, note, &s->journal);
    world_option(s->world, "server", uri);
    world_option(s->world, option, value);
    world_begin(s->world);
}

static void open_scene(struct scene *s, const char *uri)
{
    open_scene_with(s, uri, "connect_timeout_ms", "300");
}

/* No message and no event may ever say a password. */
static void close_scene(struct scene *s)
{
    const struct world *world = s->world;
    for (size_t i = 0; i < world->submitted; i++) {
        assert_null(strstr(world->replies[i].message, SECRET));
    }
    for (size_t i = 0; i < world->event_count; i++) {
        assert_null(strstr(world->events[i].text, SECRET));
    }
    world_end(s->world);
}

static void assert_says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", text, words);
    }
}

/* The waiting request and a later one end with `status` and `words`, and for half a minute nothing
 * of the user's is sent. */
static void assert_refused(struct scene *s, int status, const char *words)
{
    struct world_reply *waiting = world_set(s->world, "k", "v");
    world_settle(s->world, CONNECT_MS + 10);
    assert_reply(waiting, status);
    assert_says(waiting->message, words);
    assert_int_equal(waiting->attempts, 0);
    assert_int_equal(waiting->maybe_applied, 0);
    assert_string_equal(waiting->server, "10.0.0.1:6379");
    assert_int_equal(world_count(s->world, RINGCACHE_EVENT_DOWN), 1);
    assert_says(world_last(s->world, RINGCACHE_EVENT_DOWN)->text, words);
    struct world_reply *later = world_get(s->world, "k");
    world_settle(s->world, 1);
    assert_reply(later, status);
    assert_says(later->message, words);
    world_run_for(s->world, 30000);
    later = world_get(s->world, "k");
    world_settle(s->world, 1);
    assert_reply(later, status);
    assert_int_equal(engine_count_keyed(s->engine), 0);
    assert_int_equal(world_count(s->world, RINGCACHE_EVENT_UP), 0);
}

static void assert_served(struct scene *s)
{
    struct world_reply *get = world_get(s->world, "k");
    world_settle(s->world, 100);
    assert_reply(get, RINGCACHE_MISS);
    assert_int_equal(world_count(s->world, RINGCACHE_EVENT_UP), 1);
}

/* ---- who we are ---- */

static void a_wrong_password_is_an_authentication_failure(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "redis://:" SECRET "@10.0.0.1:6379");
    engine_set_password(s.engine, NULL, "another");
    assert_refused(&s, RINGCACHE_EAUTH, "WRONGPASS");
    for (size_t i = 0; i < s.journal.count; i++) {
        assert_string_equal(s.journal.commands[i].verb, "auth");
    }
    engine_set_password(s.engine, NULL, SECRET);
    world_run_for(s.world, 1100);
    assert_served(&s);
    close_scene(&s);
}

static void the_right_user_and_password_are_let_in(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "redis://cart:" SECRET "@10.0.0.1:6379");
    engine_set_password(s.engine, "cart", SECRET);
    assert_served(&s);
    close_scene(&s);
}

static void the_wrong_user_is_refused(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "redis://cart:" SECRET "@10.0.0.1:6379");
    engine_set_password(s.engine, NULL, SECRET);
    assert_refused(&s, RINGCACHE_EAUTH, "WRONGPASS");
    close_scene(&s);
}

static void a_password_that_is_missing_is_an_authentication_failure(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "redis://10.0.0.1:6379");
    engine_set_password(s.engine, NULL, SECRET);
    assert_refused(&s, RINGCACHE_EAUTH, "NOAUTH");
    close_scene(&s);
}

static void a_password_that_nobody_asked_for_is_an_authentication_failure(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "redis://:" SECRET "@10.0.0.1:6379");
    assert_refused(&s, RINGCACHE_EAUTH, "without any password configured");
    close_scene(&s);
}

static void a_memcached_that_wants_a_password_is_an_authentication_failure(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "memcached://10.0.0.1:6379");
    engine_set_password(s.engine, "cart", SECRET);
    assert_refused(
        &s, RINGCACHE_EAUTH, "it wants a user and a password: CLIENT_ERROR unauthenticated");
    close_scene(&s);
}

static void the_right_user_and_password_are_let_in_by_memcached(void **state)
{
    static const char *const protocols[] = {"auto", "meta", "classic"};
    (void)state;
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        struct scene s;
        open_scene_with(&s, MEMCACHED_CART, "protocol", protocols[i]);
        engine_set_password(s.engine, "cart", SECRET);
        assert_served(&s);
        assert_string_equal(s.journal.commands[0].verb, "auth");
        assert_int_equal(engine_count(s.engine, "auth"), 1);
        close_scene(&s);
    }
}

static void a_wrong_password_of_memcached_is_an_authentication_failure(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, MEMCACHED_CART);
    engine_set_password(s.engine, "cart", "another");
    assert_refused(&s, RINGCACHE_EAUTH, "CLIENT_ERROR authentication failure");
    for (size_t i = 0; i < s.journal.count; i++) {
        assert_string_equal(s.journal.commands[i].verb, "auth");
    }
    engine_set_password(s.engine, "cart", SECRET);
    world_run_for(s.world, 1100);
    assert_served(&s);
    close_scene(&s);
}

/* On a connection that is known already, memcached would store what it is told. */
static void each_connection_is_told_user_and_password_once(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, MEMCACHED_CART);
    engine_set_password(s.engine, "cart", SECRET);
    assert_served(&s);
    sim_end(s.server, sim_server_newest(s.server), SIM_RST);
    world_run_for(s.world, 10);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 100);
    assert_reply(get, RINGCACHE_MISS);
    assert_int_equal(sim_server_connects(s.server), 2);
    assert_int_equal(engine_count(s.engine, "auth"), 2);
    assert_int_equal(engine_count(s.engine, "set"), 0);
    close_scene(&s);
}

static void a_memcached_that_asks_for_no_password_forgets_it(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, MEMCACHED_CART);
    assert_served(&s);
    assert_int_equal(engine_count(s.engine, "set"), 1);
    assert_null(engine_get(s.engine, 0, "ringcache.authentication"));
    assert_int_equal(engine_items(s.engine, 0), 0);
    close_scene(&s);
}

/* Servers that do not know AUTH repeat its arguments. */
static void a_password_that_the_server_repeats_is_not_passed_on(void **state)
{
    static const char *const uris[] = {"redis://:" SECRET "@10.0.0.1:6379",
        "redis://cart:" SECRET "@10.0.0.1:6379", "redis://" SECRET "@10.0.0.1:6379"};
    (void)state;
    struct scene s;
    for (size_t i = 0; i < sizeof uris / sizeof *uris; i++) {
        open_scene(&s, uris[i]);
        engine_answer_next(s.engine, "auth", 1000,
            "-ERR unknown command 'AUTH', with args beginning with: '" SECRET "' \r\n");
        assert_refused(&s, RINGCACHE_EAUTH, "AUTH");
        close_scene(&s);
    }
    open_scene(&s, MEMCACHED_CART);
    engine_set_password(s.engine, "cart", SECRET);
    engine_answer_next(s.engine, "auth", 1000, "CLIENT_ERROR bad command: cart " SECRET "\r\n");
    assert_refused(&s, RINGCACHE_EAUTH, "user and password");
    close_scene(&s);
}

/* ---- what else may be refused ---- */

static void a_database_that_is_not_there_is_said(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "redis://10.0.0.1:6379/99");
    assert_refused(&s, RINGCACHE_EDOWN, "DB index is out of range");
    close_scene(&s);
}

static void a_redis_that_is_loading_is_out_until_it_has_loaded(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "redis://10.0.0.1:6379");
    engine_answer_next(
        s.engine, "ping", 1000, "-LOADING Redis is loading the dataset in memory\r\n");
    assert_refused(&s, RINGCACHE_EDOWN, "LOADING");
    engine_answer_next(s.engine, "ping", 0, "");
    world_run_for(s.world, 1100);
    assert_served(&s);
    close_scene(&s);
}

static void a_memcached_that_is_too_old_is_refused_by_its_version(void **state)
{
    static const char *const versions[] = {"1.6.17", "1.6.9", "1.5.22", "1.4.39", "0.9.99"};
    (void)state;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        struct scene s;
        open_scene_with(&s, "memcached://10.0.0.1:6379", "protocol", "meta");
        engine_set_version(s.engine, versions[i]);
        char words[64];
        snprintf(words, sizeof words, "memcached %s is older than 1.6.18", versions[i]);
        assert_refused(&s, RINGCACHE_ENOTSUP, words);
        close_scene(&s);
    }
}

static void a_memcached_that_is_too_old_is_spoken_to_in_classic_text(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "memcached://10.0.0.1:6379");
    engine_set_version(s.engine, "1.4.39");
    assert_served(&s);
    assert_int_equal(engine_count(s.engine, "get"), 1);
    assert_int_equal(engine_count(s.engine, "mg"), 0);
    close_scene(&s);
}

static void a_memcached_that_knows_meta_serves(void **state)
{
    static const char *const versions[] = {"1.6.18", "1.6.38", "1.10.0", "2.0.0", "1.6.21_beta"};
    (void)state;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        struct scene s;
        open_scene(&s, "memcached://10.0.0.1:6379");
        engine_set_version(s.engine, versions[i]);
        assert_served(&s);
        close_scene(&s);
    }
}

/* ---- a server that is full ---- */

static void a_full_server_is_out_and_its_words_are_passed_on(void **state)
{
    static const struct {
        const char *uri, *words;
    } cases[] = {
        {"memcached://10.0.0.1:6379", "Too many open connections"},
        {MEMCACHED_CART, "Too many open connections"},
        {"redis://10.0.0.1:6379", "max number of clients reached"},
        {"redis://10.0.0.1:6379/3", "max number of clients reached"},
        {"redis://:" SECRET "@10.0.0.1:6379", "max number of clients reached"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("  %s\n", cases[i].uri);
        struct scene s;
        open_scene(&s, cases[i].uri);
        engine_set_max_sessions(s.engine, 0);
        assert_refused(&s, RINGCACHE_EDOWN, cases[i].words);
        close_scene(&s);
    }
}

static void a_refusal_without_an_end_is_heard_too(void **state)
{
    static const struct {
        const char *uri, *line, *words;
    } cases[] = {
        {"memcached://10.0.0.1:6379", "ERROR Too many open connections\r\n", "Too many"},
        {"redis://10.0.0.1:6379", "-DENIED Redis is running in protected mode\r\n", "DENIED"},
        {"redis://:" SECRET "@10.0.0.1:6379", "-ERR max number of clients reached\r\n", "max num"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene s;
        open_scene(&s, cases[i].uri);
        sim_server_greet(s.server, cases[i].line);
        assert_refused(&s, RINGCACHE_EDOWN, cases[i].words);
        close_scene(&s);
    }
}

/* Bytes too many in front of the greeting's own replies: whoever says that is not to be followed,
 * and trying again and again at the network's speed would be an attack on it. */
static void bytes_too_many_are_no_greeting_and_no_reason_to_spin(void **state)
{
    static const struct {
        const char *uri, *bytes;
    } cases[] = {
        {"memcached://10.0.0.1:6379", "VERSION 1.6.18\r\n"},
        {"memcached://10.0.0.1:6379", "HD\r\n"},
        {"memcached://10.0.0.1:6379", "HTTP/1.1 400 Bad Request\r\n\r\n"},
        {"redis://10.0.0.1:6379", "+PONG\r\n"},
        {"redis://10.0.0.1:6379", "+OK\r\n"},
        {"redis://10.0.0.1:6379", "$5\r\nhello\r\n"},
        {"redis://10.0.0.1:6379", "HTTP/1.1 400 Bad Request\r\n\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("  case %zu\n", i);
        struct scene s;
        open_scene(&s, cases[i].uri);
        sim_server_greet(s.server, cases[i].bytes);
        struct world_reply *get = world_get(s.world, "k");
        world_run_for(s.world, 2000);
        assert_int_equal(get->calls, 1);
        assert_true(get->status < 0);
        assert_in_range(sim_server_connects(s.server), 1, 25);
        sim_server_greet(s.server, NULL);
        world_run_for(s.world, 1100);
        get = world_get(s.world, "k");
        world_settle(s.world, 1100);
        assert_reply(get, RINGCACHE_MISS);
        close_scene(&s);
    }
}

/* A proxy whose backend is gone: each connection is greeted and then ended. */
static void a_server_that_ends_each_connection_behind_its_greeting_is_no_reason_to_spin(
    void **state)
{
    static const char *const uris[] = {"memcached://10.0.0.1:6379", "redis://10.0.0.1:6379"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene s;
        open_scene(&s, uris[i]);
        engine_answer_next(s.engine, i == 0 ? "version" : "info", 100000,
            i == 0 ? "VERSION 1.6.18\r\nHD\r\n" : "$0\r\n\r\n+OK\r\n");
        world_get(s.world, "k");
        world_run_for(s.world, 3000);
        assert_in_range(sim_server_connects(s.server), 1, 40);
        close_scene(&s);
    }
}

/* ---- time ---- */

/* `verb` is never answered, "" : nothing is. */
static void unanswered(const char *uri, const char *verb)
{
    struct scene s;
    open_scene(&s, uri);
    const char *user = strstr(uri, "cart") != NULL ? "cart" : NULL;
    engine_set_password(s.engine, user, strchr(uri, '@') != NULL ? SECRET : NULL);
    if (verb[0] != '\0') {
        engine_answer_next(s.engine, verb, 1, "");
    } else {
        sim_server_stop(s.server);
    }
    uint64_t began = world_now(s.world);
    ringcache_request set = {
        .op = RINGCACHE_SET, .key = {"k", 1}, .value = {"v", 1}, .timeout_ms = 100};
    struct world_reply *hasty = world_submit(s.world, &set, NULL);
    struct world_reply *patient = world_set(s.world, "k", "v");
    sim_run_until(s.world->sim, began + 99);
    assert_int_equal(hasty->calls, 0);
    sim_run_until(s.world->sim, began + 100);
    assert_reply(hasty, RINGCACHE_ETIMEDOUT);
    assert_int_equal(hasty->attempts, 0);
    assert_int_equal(hasty->maybe_applied, 0);
    sim_run_until(s.world->sim, began + CONNECT_MS - 1);
    assert_int_equal(patient->calls, 0);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 0);
    sim_run_until(s.world->sim, began + CONNECT_MS);
    assert_reply(patient, RINGCACHE_EDOWN);
    assert_says(patient->message, "no greeting within the deadline");
    assert_int_equal(patient->at_ms, began + CONNECT_MS);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 1);
    assert_int_equal(engine_count_keyed(s.engine), 0);
    sim_server_continue(s.server);
    world_run_for(s.world, 1100);
    assert_served(&s);
    close_scene(&s);
}

static void a_greeting_that_is_not_answered_ends_at_its_deadline(void **state)
{
    static const char *const asked[] = {"", "auth", "version", "stats"};
    static const char *const steps[] = {"", "auth", "select", "ping", "client", "info", "echo"};
    (void)state;
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        print_message("  memcached: %s\n", asked[i]);
        unanswered(MEMCACHED_CART, asked[i]);
    }
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        print_message("  %s\n", steps[i]);
        unanswered("redis://:" SECRET "@10.0.0.1:6379/3", steps[i]);
    }
}

/* ---- order ---- */

static void assert_order(struct scene *s, const char *const *steps, size_t count)
{
    /* Requests come all the while: before the connection stands, and between any two steps. */
    sim_server_slow(s->server, 4000);
    for (int i = 0; i < 60; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        world_set(s->world, key, "v");
        world_run_for(s->world, 1);
    }
    world_settle(s->world, 200);
    for (size_t i = 0; i < s->world->submitted; i++) {
        assert_reply(&s->world->replies[i], RINGCACHE_OK);
    }
    assert_true(s->journal.count >= count + 60);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(s->journal.commands[i].verb, steps[i]);
    }
    for (size_t i = count; i < count + 60; i++) {
        bool proof = strcmp(s->journal.commands[i].verb, "echo") == 0;
        assert_true(s->journal.commands[i].keyed || proof);
    }
    close_scene(s);
}

static void nothing_of_a_users_is_sent_before_the_greeting_ended(void **state)
{
    static const char *const memcached[] = {"auth", "version", "stats"};
    static const char *const redis[] = {"auth", "select", "ping", "client", "info", "echo"};
    (void)state;
    struct scene s;
    open_scene(&s, MEMCACHED_CART);
    engine_set_password(s.engine, "cart", SECRET);
    assert_order(&s, memcached, 3);
    open_scene(&s, "memcached://10.0.0.1:6379");
    assert_order(&s, memcached + 1, 2);
    open_scene(&s, "redis://:" SECRET "@10.0.0.1:6379/3");
    engine_set_password(s.engine, NULL, SECRET);
    assert_order(&s, redis, 6);
}

/* More than one connection may hold at once waits for the greeting: it follows as the first
 * goes. */
static void all_that_waited_for_the_greeting_is_sent(void **state)
{
    static const char *const uris[] = {"memcached://10.0.0.1:6379", "redis://10.0.0.1:6379"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene s;
        open_scene_with(&s, uris[i], "max_queued_bytes", "65536");
        char value[4001];
        memset(value, 'v', sizeof value - 1);
        value[sizeof value - 1] = '\0';
        for (int n = 0; n < 12; n++) {
            char key[16];
            snprintf(key, sizeof key, "k%d", n);
            world_set(s.world, key, value);
        }
        world_settle(s.world, 100);
        for (int n = 0; n < 12; n++) {
            assert_reply(&s.world->replies[n], RINGCACHE_OK);
        }
        close_scene(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_password_is_an_authentication_failure),
        cmocka_unit_test(the_right_user_and_password_are_let_in),
        cmocka_unit_test(the_wrong_user_is_refused),
        cmocka_unit_test(a_password_that_is_missing_is_an_authentication_failure),
        cmocka_unit_test(a_password_that_nobody_asked_for_is_an_authentication_failure),
        cmocka_unit_test(a_memcached_that_wants_a_password_is_an_authentication_failure),
        cmocka_unit_test(the_right_user_and_password_are_let_in_by_memcached),
        cmocka_unit_test(a_wrong_password_of_memcached_is_an_authentication_failure),
        cmocka_unit_test(each_connection_is_told_user_and_password_once),
        cmocka_unit_test(a_memcached_that_asks_for_no_password_forgets_it),
        cmocka_unit_test(a_password_that_the_server_repeats_is_not_passed_on),
        cmocka_unit_test(a_database_that_is_not_there_is_said),
        cmocka_unit_test(a_redis_that_is_loading_is_out_until_it_has_loaded),
        cmocka_unit_test(a_memcached_that_is_too_old_is_refused_by_its_version),
        cmocka_unit_test(a_memcached_that_is_too_old_is_spoken_to_in_classic_text),
        cmocka_unit_test(a_memcached_that_knows_meta_serves),
        cmocka_unit_test(a_full_server_is_out_and_its_words_are_passed_on),
        cmocka_unit_test(a_refusal_without_an_end_is_heard_too),
        cmocka_unit_test(bytes_too_many_are_no_greeting_and_no_reason_to_spin),
        cmocka_unit_test(
            a_server_that_ends_each_connection_behind_its_greeting_is_no_reason_to_spin),
        cmocka_unit_test(a_greeting_that_is_not_answered_ends_at_its_deadline),
        cmocka_unit_test(nothing_of_a_users_is_sent_before_the_greeting_ended),
        cmocka_unit_test(all_that_waited_for_the_greeting_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

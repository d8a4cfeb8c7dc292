/* SPDX-License-Identifier: MIT */
/* A server that refuses one request says nothing of the others: each ends in the server's words,
 * unapplied, and the server stays in service. */
#include "world.h"

#include <stdio.h>

#define NOT_A_CLUSTER_CLIENT " (ringcache is not a cluster client and follows no redirect)"

struct scene {
    struct world *world;
    struct sim_server *server;
    struct engine *engine;
};

static struct scene open_scene(
    struct sim_server *(*add)(struct world *world, const char *host, uint16_t port))
{
    struct scene s = {.world = world_new(51)};
    s.server = add(s.world, "10.0.0.1", 6379);
    s.engine = sim_server_engine(s.server);
    world_begin(s.world);
    struct world_reply *set = world_set(s.world, "k", "v");
    world_settle(s.world, 100);
    assert_reply(set, RINGCACHE_OK);
    return s;
}

static void assert_opens(const char *text, const char *words)
{
    if (strncmp(text, words, strlen(words)) != 0) {
        fail_msg("\"%s\" does not begin with \"%s\"", text, words);
    }
}

/* Up all the time, on the one connection. */
static void close_scene(struct scene *s)
{
    assert_int_equal(world_count(s->world, RINGCACHE_EVENT_DOWN), 0);
    assert_int_equal(world_count(s->world, RINGCACHE_EVENT_EJECTED), 0);
    assert_int_equal(sim_server_connects(s->server), 1);
    assert_string_equal((const char *)engine_get(s->engine, 0, "k")->value, "v");
    world_end(s->world);
}

static void assert_refused(const struct world_reply *reply, const char *words)
{
    assert_reply(reply, RINGCACHE_ESERVER);
    assert_opens(reply->message, words);
    assert_int_equal(reply->maybe_applied, 0);
}

static void a_redis_that_cannot_store_serves_reads(void **state)
{
    static const struct {
        enum engine_mood mood;
        const char *words;
    } moods[] = {
        {ENGINE_FULL, "OOM command not allowed"},
        {ENGINE_LONELY, "NOREPLICAS Not enough good replicas"},
        {ENGINE_UNSAVED, "MISCONF Redis is configured to save RDB snapshots"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof moods / sizeof *moods; i++) {
        struct scene s = open_scene(world_redis);
        engine_set_mood(s.engine, moods[i].mood);
        const ringcache_request append = {
            .op = RINGCACHE_APPEND, .key = {"k", 1}, .value = {"x", 1}};
        const ringcache_request count = {.op = RINGCACHE_INCREMENT,
            .options = RINGCACHE_WITH_INITIAL,
            .key = {"n", 1},
            .delta = 1};
        for (int round = 0; round < 100; round++) {
            struct world_reply *set = world_set(s.world, "k", "w");
            struct world_reply *get = world_get(s.world, "k");
            struct world_reply *appended = world_submit(s.world, &append, NULL);
            struct world_reply *counted = world_submit(s.world, &count, NULL);
            world_settle(s.world, 10);
            assert_refused(set, moods[i].words);
            assert_refused(appended, moods[i].words);
            assert_refused(counted, moods[i].words);
            assert_value(get, "v");
            world_run_for(s.world, 20);
        }
        close_scene(&s);
    }
}

/* PING is refused too, in the words that writes are refused with. */
static void a_redis_that_could_not_save_is_connected_to_all_the_same(void **state)
{
    (void)state;
    struct world *world = world_new(52);
    struct sim_server *server = world_redis(world, "10.0.0.1", 6379);
    engine_set_mood(sim_server_engine(server), ENGINE_UNSAVED);
    world_begin(world);
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 10);
    assert_reply(get, RINGCACHE_MISS);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_UP), 1);
    sim_server_stop(server); /* … and back */
    world_get(world, "k");
    world_run_for(world, 2000);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_EJECTED), 1);
    sim_server_continue(server);
    world_run_for(world, 1100);
    get = world_get(world, "k");
    world_settle(world, 10);
    assert_reply(get, RINGCACHE_MISS);
    world_end(world);
}

static void a_redirect_is_told_and_not_followed(void **state)
{
    static const char *const words[] = {"MOVED 1234 10.0.0.9:6379", "ASK 1234 10.0.0.9:6379",
        "CLUSTERDOWN Hash slot not served", "CROSSSLOT Keys in request don't hash to the same slot",
        "TRYAGAIN Multiple keys request during rehashing of slot"};
    (void)state;
    struct scene s = open_scene(world_redis);
    struct sim_server *elsewhere = sim_server_add(s.world->sim, "10.0.0.9", 6379, ENGINE_REDIS);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char line[128], message[256];
        snprintf(line, sizeof line, "-%s\r\n", words[i]);
        snprintf(message, sizeof message, "%s%s", words[i], NOT_A_CLUSTER_CLIENT);
        engine_answer_next(s.engine, "set", 1, line);
        struct world_reply *set = world_set(s.world, "k", "w");
        world_settle(s.world, 10);
        assert_refused(set, message);
        assert_string_equal(set->message, message);
    }
    char line[512] = "-MOVED 1 ";
    memset(line + 9, 'x', 400);
    strcpy(line + 409, "\r\n");
    engine_answer_next(s.engine, "set", 1, line);
    struct world_reply *set = world_set(s.world, "k", "w");
    world_settle(s.world, 10);
    assert_int_equal(strlen(set->message), 255); /* the remark is not what is cut off */
    assert_string_equal(set->message + 255 - strlen(NOT_A_CLUSTER_CLIENT), NOT_A_CLUSTER_CLIENT);
    assert_int_equal(sim_server_connects(elsewhere), 0);
    close_scene(&s);
}

static void what_a_user_may_not_do_concerns_the_request_alone(void **state)
{
    (void)state;
    struct scene s = open_scene(world_redis);
    engine_answer_next(s.engine, "set", 1, "-NOPERM this user has no permissions\r\n");
    struct world_reply *set = world_set(s.world, "k", "w");
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 10);
    assert_reply(set, RINGCACHE_EAUTH);
    assert_int_equal(set->maybe_applied, 0);
    assert_value(get, "v");
    close_scene(&s);
}

/* A proxy that lost its backend's session: nothing more is sent unauthenticated, the next
 * connection is greeted first, and a password that is refused there takes the server out. */
static void a_connection_that_is_unknown_now_is_greeted_anew(void **state)
{
    (void)state;
    struct scene s = open_scene(world_redis);
    engine_answer_next(s.engine, "get", 1, "-NOAUTH Authentication required.\r\n");
    struct world_reply *unknown = world_get(s.world, "k");
    world_run_for(s.world, 5);
    assert_reply(unknown, RINGCACHE_EAUTH);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 200);
    assert_value(get, "v");
    assert_int_equal(sim_server_connects(s.server), 2);
    engine_set_password(s.engine, NULL, "secret");
    world_run_for(s.world, 200);
    unknown = world_get(s.world, "k");
    world_run_for(s.world, 10);
    assert_reply(unknown, RINGCACHE_EAUTH);
    uint64_t keyed = engine_count_keyed(s.engine);
    for (int i = 0; i < 100; i++) {
        get = world_get(s.world, "k");
        world_run_for(s.world, 100);
        assert_reply(get, RINGCACHE_EAUTH);
    }
    assert_int_equal(engine_count_keyed(s.engine), keyed);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 1);
    world_end(s.world);
}

/* ---- programs of the caller's ---- */

struct told {
    unsigned calls;
    int status, maybe_applied;
};

static void on_raw(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct told *told = user;
    (void)client;
    told->calls++;
    told->status = reply->status;
    told->maybe_applied = reply->maybe_applied;
}

static void only_a_program_that_failed_may_have_been_applied(void **state)
{
    static const struct {
        const char *verb, *reply;
        int maybe_applied;
    } cases[] = {
        {"EVAL", "-ERR half of it was done\r\n", 1},
        {"evalsha", "-WRONGTYPE Operation against a key\r\n", 1},
        {"eval", "-READONLY You can't write\r\n", 0},
        {"eval", "-OOM command not allowed\r\n", 0},
        {"evalsha", "-NOSCRIPT No matching script.\r\n", 0},
        {"lpush", "-WRONGTYPE Operation against a key\r\n", 0},
        {"set", "-ERR syntax error\r\n", 0},
    };
    (void)state;
    struct scene s = open_scene(world_redis);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct told told = {0};
        char lower[16] = {0};
        for (size_t c = 0; cases[i].verb[c] != '\0'; c++) {
            lower[c] = (char)(cases[i].verb[c] | 0x20);
        }
        const ringcache_slice args[] = {
            {cases[i].verb, strlen(cases[i].verb)}, {"k", 1}, {"1", 1}, {"k", 1}};
        engine_answer_next(s.engine, lower, 1, cases[i].reply);
        size_t words = lower[0] == 'e' ? 4 : 3;
        assert_int_equal(ringcache_command(s.world->client, args, words, NULL, on_raw, &told), 0);
        world_run_for(s.world, 10);
        assert_int_equal(told.calls, 1);
        assert_int_equal(told.status, RINGCACHE_ESERVER);
        assert_int_equal(told.maybe_applied, cases[i].maybe_applied);
    }
    world_end(s.world);
}

static struct told run_program(const struct scene *s)
{
    static const ringcache_slice args[] = {{"EVAL", 4}, {"a lock", 6}, {"1", 1}, {"k", 1}};
    struct told told = {0};
    assert_int_equal(ringcache_command(s->world->client, args, 4, NULL, on_raw, &told), 0);
    world_run_for(s->world, 10);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.status, RINGCACHE_ESERVER);
    return told;
}

/* A lock may say BUSY, and have counted who asked for it: that says nothing of the server. */
static void the_word_of_a_program_is_not_the_servers(void **state)
{
    static const char *const replies[] = {
        "-BUSY the lock is taken\r\n", "-LOADING come back later\r\n", "-MASTERDOWN no\r\n"};
    (void)state;
    struct scene s = open_scene(world_redis);
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        engine_answer_next(s.engine, "eval", 1, replies[i]);
        const struct told locked = run_program(&s);
        assert_int_equal(locked.maybe_applied, 1);
        struct world_reply *get = world_get(s.world, "k");
        world_settle(s.world, 10);
        assert_value(get, "v");
        world_run_for(s.world, 1000);
    }
    close_scene(&s);
}

/* Whose word it was, a PING tells. */
static void a_server_that_refuses_a_program_is_out(void **state)
{
    static const struct {
        enum engine_mood mood;
        const char *words;
    } moods[] = {
        {ENGINE_LOADING, "LOADING Redis is loading the dataset in memory"},
        {ENGINE_BUSY, "BUSY Redis is busy running a script."},
        {ENGINE_MASTERDOWN, "MASTERDOWN Link with MASTER is down"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof moods / sizeof *moods; i++) {
        struct scene s = open_scene(world_redis);
        engine_set_mood(s.engine, moods[i].mood);
        run_program(&s);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 1);
        assert_opens(world_last(s.world, RINGCACHE_EVENT_DOWN)->text, moods[i].words);
        engine_set_mood(s.engine, ENGINE_SERVES);
        world_run_for(s.world, 1001);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_UP), 2);
        assert_int_equal(sim_server_connects(s.server), 1);
        world_end(s.world);
    }
}

static void a_plain_command_that_is_told_of_no_script_fails_in_these_words(void **state)
{
    (void)state;
    struct scene s = open_scene(world_redis);
    const ringcache_request touch = {.op = RINGCACHE_TOUCH, .key = {"k", 1}, .ttl_ms = 1000};
    const ringcache_request delete = {.op = RINGCACHE_DELETE, .key = {"k", 1}};
    engine_answer_next(s.engine, "pexpire", 1, "-NOSCRIPT No matching script.\r\n");
    struct world_reply *touched = world_submit(s.world, &touch, NULL);
    world_settle(s.world, 10);
    engine_answer_next(s.engine, "del", 1, "-NOSCRIPT No matching script.\r\n");
    struct world_reply *deleted = world_submit(s.world, &delete, NULL);
    world_settle(s.world, 10);
    assert_refused(touched, "NOSCRIPT No matching script.");
    assert_refused(deleted, "NOSCRIPT No matching script.");
    close_scene(&s);
}

/* ---- memcached ---- */

static void a_memcached_without_memory_refuses_that_request_alone(void **state)
{
    (void)state;
    struct scene s = open_scene(world_memcached);
    for (int i = 0; i < 100; i++) {
        engine_answer_next(s.engine, "ms", 1, "SERVER_ERROR out of memory storing object\r\n");
        struct world_reply *set = world_set(s.world, "k", "w");
        struct world_reply *get = world_get(s.world, "k");
        world_settle(s.world, 10);
        assert_refused(set, "SERVER_ERROR out of memory storing object");
        assert_value(get, "v");
    }
    close_scene(&s);
}

/* What it did not understand may have been the half of a command: what follows on that connection
 * might be taken for commands, or answer others. */
static void a_memcached_that_did_not_understand_is_read_no_further(void **state)
{
    static const char *const lines[] = {
        "CLIENT_ERROR bad data chunk\r\n", "CLIENT_ERROR line too long\r\n", "ERROR\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct scene s = open_scene(world_memcached);
        engine_answer_next(s.engine, "ms", 1, lines[i]);
        struct world_reply *set = world_set(s.world, "k", "w");
        struct world_reply *behind = world_get(s.world, "k");
        world_settle(s.world, 20);
        assert_reply(set, RINGCACHE_ESERVER);
        assert_memory_equal(set->message, lines[i], strlen(lines[i]) - 2);
        assert_reply(behind, RINGCACHE_EPROTOCOL);
        struct world_reply *get = world_get(s.world, "k");
        world_settle(s.world, 20);
        assert_value(get, "v");
        assert_int_equal(sim_server_connects(s.server), 2);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 0);
        world_end(s.world);
    }
}

/* It fits but for the item's header, so that the server alone knows. */
static void a_value_too_large_for_memcached_is_told_as_such(void **state)
{
    static char big[1048570];
    (void)state;
    struct scene s = open_scene(world_memcached);
    memset(big, 'x', sizeof big);
    const ringcache_request set = {
        .op = RINGCACHE_SET, .key = {"big", 3}, .value = {big, sizeof big}};
    struct world_reply *stored = world_submit(s.world, &set, NULL);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 100);
    assert_reply(stored, RINGCACHE_ETOOBIG);
    assert_int_equal(stored->maybe_applied, 0);
    assert_value(get, "v");
    close_scene(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_redis_that_cannot_store_serves_reads),
        cmocka_unit_test(a_redis_that_could_not_save_is_connected_to_all_the_same),
        cmocka_unit_test(a_redirect_is_told_and_not_followed),
        cmocka_unit_test(what_a_user_may_not_do_concerns_the_request_alone),
        cmocka_unit_test(a_connection_that_is_unknown_now_is_greeted_anew),
        cmocka_unit_test(only_a_program_that_failed_may_have_been_applied),
        cmocka_unit_test(the_word_of_a_program_is_not_the_servers),
        cmocka_unit_test(a_server_that_refuses_a_program_is_out),
        cmocka_unit_test(a_plain_command_that_is_told_of_no_script_fails_in_these_words),
        cmocka_unit_test(a_memcached_without_memory_refuses_that_request_alone),
        cmocka_unit_test(a_memcached_that_did_not_understand_is_read_no_further),
        cmocka_unit_test(a_value_too_large_for_memcached_is_told_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

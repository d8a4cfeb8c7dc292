/* SPDX-License-Identifier: MIT */
/* What a simulated server does on demand, and what is heard of its commands. */
#include "talk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const ringcache_mock_options memcached = {.kind = RINGCACHE_MOCK_MEMCACHED};
static const ringcache_mock_options redis = {.kind = RINGCACHE_MOCK_REDIS};

static void the_next_commands_of_a_verb_are_answered_as_told(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, redis);
    ringcache_mock *mock = stage->mock;
    assert_int_equal(ringcache_mock_answer(mock, "SET", 2, "-OOM no room"), 0);
    assert_int_equal(ringcache_mock_answer(mock, NULL, 1, "$2\r\nhi"), 0);
    talk_ask(stage, "SET k v\r\nGET k\r\nSET k v\r\nGET k\r\nSET k v\r\n",
        "-OOM no room\r\n$2\r\nhi\r\n-OOM no room\r\n$-1\r\n+OK\r\n");
    assert_int_equal(ringcache_mock_answer(mock, "get", 9, "-ERR never"), 0);
    assert_int_equal(ringcache_mock_answer(mock, "get", 0, NULL), 0);
    assert_int_equal(ringcache_mock_answer(mock, "ping", 9, "-ERR never"), 0);
    assert_int_equal(ringcache_mock_answer(mock, NULL, 0, NULL), 0);
    talk_ask(stage, "GET k\r\nPING\r\n", "$1\r\nv\r\n+PONG\r\n");
}

static void a_script_without_a_line_or_of_no_verb_is_refused(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, redis);
    ringcache_mock *mock = stage->mock;
    assert_int_equal(ringcache_mock_answer(mock, "get", 1, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_mock_answer(mock, "sixteen-letters-", 1, "x"), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_mock_disconnect_at(mock, "sixteen-letters-", 1), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_mock_delay(mock, "sixteen-letters-", 1), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_mock_commands(mock, "sixteen-letters-"), 0);
    assert_int_equal(ringcache_mock_answer(mock, "fifteen-letters", 1, "x"), 0);
}

static void a_reply_is_late_and_all_behind_it_on_its_connection(void **state)
{
    struct stage *stage = *state;
    enum { DELAY_MS = 60 };
    stage_start(stage, redis);
    assert_int_equal(ringcache_mock_delay(stage->mock, "Get", DELAY_MS), 0);
    assert_int_equal(ringcache_mock_delay(stage->mock, "set", 1), 0);
    int fd = talk_connect(stage);
    uint64_t asked_ns = uv_hrtime();
    talk_send(fd, "PING\r\nGET k\r\nGET k\r\nSET k v\r\n");
    talk_hear(stage, fd, "+PONG\r\n");
    assert_int_equal(ringcache_mock_items(stage->mock, 0), 1);
    talk_hear_nothing(stage, fd);
    talk_ask(stage, "PING\r\n", "+PONG\r\n");
    talk_hear(stage, fd, "$-1\r\n$-1\r\n+OK\r\n");
    uint64_t took_ms = (uv_hrtime() - asked_ns) / 1000000;
    /* The loop's time is rounded down, once at either end. */
    assert_in_range(took_ms, DELAY_MS - 1, PATIENCE_MS);
    close(fd);
}

static void a_reply_that_comes_too_late_for_its_client_does_no_harm(void **state)
{
    struct stage *stage = *state;
    ringcache_mock_options options = redis;
    char path[64];
    snprintf(path, sizeof path, "/tmp/ringcache-mock.%ld", (long)getpid());
    options.address = path;
    stage_start(stage, options);
    ringcache_mock_delay(stage->mock, "ping", 10);
    int fd = talk_connect(stage);
    talk_send(fd, "PING\r\n");
    close(fd);
    stage_turn(stage, 5);
    assert_int_equal(ringcache_mock_commands(stage->mock, "ping"), 1);
    assert_int_equal(ringcache_mock_connections(stage->mock), 1);
    stage_run(stage, 30);
    assert_int_equal(ringcache_mock_connections(stage->mock), 0);
}

static void a_delay_of_all_leaves_those_of_their_own_alone(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, redis);
    ringcache_mock_delay(stage->mock, NULL, UINT64_MAX);
    ringcache_mock_delay(stage->mock, "ping", 0);
    talk_ask(stage, "PING\r\n", "+PONG\r\n");
    int fd = talk_connect(stage);
    talk_send(fd, "GET k\r\n");
    talk_hear_nothing(stage, fd);
    ringcache_mock_delay(stage->mock, NULL, 0);
    talk_send(fd, "GET k\r\n");
    talk_hear_nothing(stage, fd);
    talk_ask(stage, "GET k\r\n", "$-1\r\n");
    close(fd);
}

static void time_passes_for_a_late_reply_while_the_server_is_stopped(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, redis);
    ringcache_mock_delay(stage->mock, "get", 10);
    int fd = talk_connect(stage);
    talk_send(fd, "GET k\r\nPING\r\n");
    talk_hear_nothing(stage, fd);
    ringcache_mock_stop(stage->mock);
    stage_run(stage, 30);
    talk_hear_nothing(stage, fd);
    ringcache_mock_continue(stage->mock);
    talk_hear(stage, fd, "$-1\r\n+PONG\r\n");
    close(fd);
}

static void a_connection_ends_at_a_command_that_is_not_run(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, memcached);
    assert_int_equal(ringcache_mock_disconnect_at(stage->mock, "ms", 1), 0);
    int fd = talk_connect(stage);
    talk_send(fd, "mn\r\nms k 1\r\nv\r\nmn\r\n");
    talk_hear(stage, fd, "MN\r\n");
    talk_hear_end(stage, fd);
    assert_int_equal(ringcache_mock_items(stage->mock, 0), 0);
    assert_int_equal(ringcache_mock_commands(stage->mock, "mn"), 1);
    talk_ask(stage, "ms k 1\r\nv\r\n", "HD\r\n");
}

static void a_connection_is_cut_behind_a_number_of_bytes(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, memcached);
    talk_ask(stage, "set k 0 0 5\r\nhello\r\n", "STORED\r\n");
    ringcache_mock_disconnect_after(stage->mock, strlen("MN\r\nVA 5\r\nhel"));
    int fd = talk_connect(stage), other = talk_connect(stage);
    talk_send(other, "mn\r\n");
    talk_hear(stage, other, "MN\r\n");
    talk_send(fd, "mg k v\r\n");
    talk_hear(stage, fd, "VA 5\r\nhel");
    assert_int_equal(talk_hear_end(stage, fd), 0);
    talk_send(other, "mn\r\n");
    talk_hear(stage, other, "MN\r\n");
    ringcache_mock_disconnect_after(stage->mock, 0);
    talk_send(other, "mg k\r\n");
    assert_int_equal(talk_hear_end(stage, other), 0);
    ringcache_mock_disconnect_after(stage->mock, 1);
    ringcache_mock_disconnect_after(stage->mock, UINT64_MAX);
    talk_ask(stage, "mn\r\n", "MN\r\n");
}

static void all_connections_end_at_once(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, redis);
    int first = talk_connect(stage), second = talk_connect(stage);
    stage_turn(stage, 3);
    assert_int_equal(ringcache_mock_connections(stage->mock), 2);
    ringcache_mock_disconnect(stage->mock);
    assert_int_equal(ringcache_mock_connections(stage->mock), 0);
    assert_int_equal(talk_hear_end(stage, first), 0);
    assert_int_equal(talk_hear_end(stage, second), 0);
    talk_ask(stage, "PING\r\n", "+PONG\r\n");
}

static void one_client_ends_another(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, redis);
    int victim = talk_connect(stage);
    talk_send(victim, "CLIENT ID\r\n");
    talk_hear(stage, victim, ":1\r\n");
    talk_ask(stage, "CLIENT KILL ID 1\r\n", ":1\r\n");
    assert_int_equal(talk_hear_end(stage, victim), 0);
}

/* ---- what is heard of commands ---- */

struct ear {
    struct stage *stage;
    char heard[512];
    void (*then)(struct ear *ear);
};

static void on_command(ringcache_mock *mock, const ringcache_mock_command *command, void *user)
{
    struct ear *ear = user;
    size_t used = strlen(ear->heard);
    assert_ptr_equal(mock, ear->stage->mock);
    snprintf(ear->heard + used, sizeof ear->heard - used, "%d %s %.*s,", (int)command->connection,
        command->verb, (int)command->key.len, (const char *)command->key.data);
    if (ear->then != NULL) {
        ear->then(ear);
    }
}

static void every_command_is_heard_in_order(void **state)
{
    struct stage *stage = *state;
    struct ear ear = {.stage = stage};
    stage_start(stage, memcached);
    ringcache_mock_on_command(stage->mock, on_command, &ear);
    talk_ask(stage, "set k 0 0 1\r\nv\r\nget a k\r\nmn\r\n",
        "STORED\r\nVALUE k 0 1\r\nv\r\nEND\r\nMN\r\n");
    talk_ask(stage, "delete k\r\n", "DELETED\r\n");
    assert_string_equal(ear.heard, "1 set k,1 get a,1 get k,1 mn ,2 delete k,");
    ringcache_mock_on_command(stage->mock, NULL, NULL);
    talk_ask(stage, "delete k\r\n", "NOT_FOUND\r\n");
    assert_int_equal(ringcache_mock_commands(stage->mock, NULL), 6);
    assert_int_equal(ringcache_mock_commands(stage->mock, "get"), 2);
    assert_string_equal(ear.heard, "1 set k,1 get a,1 get k,1 mn ,2 delete k,");
}

static void kill_it(struct ear *ear)
{
    ringcache_mock_kill(ear->stage->mock);
}

static void restart_it(struct ear *ear)
{
    assert_int_equal(ringcache_mock_restart(ear->stage->mock, 1), 0);
}

static void stop_it(struct ear *ear)
{
    ringcache_mock_stop(ear->stage->mock);
}

static void disconnect_all(struct ear *ear)
{
    ringcache_mock_disconnect(ear->stage->mock);
}

static void close_it(struct ear *ear)
{
    ringcache_mock_close(ear->stage->mock, NULL, NULL);
}

static void put_and_stop_hearing(struct ear *ear)
{
    const ringcache_mock_item item = {.value = {"x", 1}};
    assert_int_equal(ringcache_mock_put(ear->stage->mock, "b", 1, &item), 0);
    ringcache_mock_on_command(ear->stage->mock, NULL, NULL);
}

/* The commands behind it are run, or not, as by the call. */
static void every_call_is_legal_while_a_command_is_heard(void **state)
{
    struct stage *stage = *state;
    static const struct {
        void (*then)(struct ear *ear);
        const char *heard;
        uint64_t run;
    } cases[] = {
        {kill_it, "1 get a,", 2},
        {restart_it, "1 get a,1 get b,", 2},
        {stop_it, "1 get a,1 get b,", 2},
        {disconnect_all, "1 get a,1 get b,", 2},
        {close_it, "1 get a,", 2},
        {put_and_stop_hearing, "1 get a,", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ear ear = {.stage = stage, .then = cases[i].then};
        stage_start(stage, memcached);
        ringcache_mock_on_command(stage->mock, on_command, &ear);
        int fd = talk_connect(stage);
        talk_send(fd, "get a b\r\nget b\r\n");
        stage_turn(stage, 3);
        if (cases[i].then == close_it) {
            stage_turn(stage, 3);
            stage->mock = NULL;
        } else {
            assert_int_equal(ringcache_mock_commands(stage->mock, NULL), cases[i].run);
            stage_close_mock(stage);
        }
        close(fd);
    }
}

/* Two connections wait while it is stopped, the first with a command that ends or stops it all. */
static void what_a_command_does_when_it_continues_holds_for_all_behind_it(void **state)
{
    struct stage *stage = *state;
    static const struct {
        void (*then)(struct ear *ear);
        size_t connections;
    } cases[] = {{disconnect_all, 0}, {stop_it, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ear ear = {.stage = stage, .then = stop_it};
        stage_start(stage, memcached);
        ringcache_mock_on_command(stage->mock, on_command, &ear);
        int first = talk_connect(stage), second = talk_connect(stage);
        stage_turn(stage, 3);
        talk_send(first, "get a\r\nget b\r\n");
        stage_turn(stage, 3);
        talk_send(second, "get c\r\n");
        assert_string_equal(ear.heard, "1 get a,");
        ear.then = cases[i].then;
        ringcache_mock_continue(stage->mock);
        stage_turn(stage, 3);
        assert_string_equal(ear.heard, "1 get a,1 get b,");
        assert_int_equal(ringcache_mock_connections(stage->mock), cases[i].connections);
        stage_close_mock(stage);
        close(first);
        close(second);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_new, stage_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_next_commands_of_a_verb_are_answered_as_told),
        TEST(a_script_without_a_line_or_of_no_verb_is_refused),
        TEST(a_reply_is_late_and_all_behind_it_on_its_connection),
        TEST(a_reply_that_comes_too_late_for_its_client_does_no_harm),
        TEST(a_delay_of_all_leaves_those_of_their_own_alone),
        TEST(time_passes_for_a_late_reply_while_the_server_is_stopped),
        TEST(a_connection_ends_at_a_command_that_is_not_run),
        TEST(a_connection_is_cut_behind_a_number_of_bytes),
        TEST(all_connections_end_at_once),
        TEST(one_client_ends_another),
        TEST(every_command_is_heard_in_order),
        TEST(every_call_is_legal_while_a_command_is_heard),
        TEST(what_a_command_does_when_it_continues_holds_for_all_behind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

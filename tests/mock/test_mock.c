/* SPDX-License-Identifier: MIT */
/* Simulated servers on real sockets: where they are, what they hold, and how they end. */
#include "talk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const ringcache_mock_options memcached = {.kind = RINGCACHE_MOCK_MEMCACHED};
static const ringcache_mock_options redis = {.kind = RINGCACHE_MOCK_REDIS};

static void a_memcached_stores_and_answers_on_a_free_port(void **state)
{
    struct stage *stage = *state;
    char uri[64];
    stage_start(stage, memcached);
    snprintf(uri, sizeof uri, "memcached://127.0.0.1:%u", ringcache_mock_port(stage->mock));
    assert_string_equal(ringcache_mock_uri(stage->mock), uri);
    talk_ask(stage, "set k 5 0 3\r\nabc\r\n", "STORED\r\n");
    talk_ask(stage, "get k\r\nmg k v f\r\n", "VALUE k 5 3\r\nabc\r\nEND\r\nVA 3 f5\r\nabc\r\n");
    talk_ask(stage, "version\r\n", "VERSION 1.6.18\r\n");
}

static void a_redis_stores_and_answers_on_a_unix_socket(void **state)
{
    struct stage *stage = *state;
    ringcache_mock_options options = redis;
    struct stat found;
    char path[64], uri[96];
    snprintf(path, sizeof path, "/tmp/ringcache mock.%ld", (long)getpid());
    options.address = path;
    stage_start(stage, options);
    snprintf(uri, sizeof uri, "redis+unix:///tmp/ringcache%%20mock.%ld", (long)getpid());
    assert_string_equal(ringcache_mock_uri(stage->mock), uri);
    assert_int_equal(ringcache_mock_port(stage->mock), 0);
    assert_int_equal(stat(path, &found), 0);
    stage_close_mock(stage);
    assert_int_equal(stat(path, &found), -1);
}

static void it_listens_at_the_address_that_was_asked_for(void **state)
{
    struct stage *stage = *state;
    ringcache_mock_options options = redis;
    char uri[64];
    options.address = "::1";
    stage_start(stage, options);
    snprintf(uri, sizeof uri, "redis://[::1]:%u", ringcache_mock_port(stage->mock));
    assert_string_equal(ringcache_mock_uri(stage->mock), uri);
    talk_ask(stage, "SET k v\r\nGET k\r\n", "+OK\r\n$1\r\nv\r\n");
}

static void options_that_are_none_are_refused(void **state)
{
    struct stage *stage = *state;
    static const ringcache_mock_options wrong[] = {
        {.kind = (ringcache_mock_kind)7},
        {.address = "localhost"},
        {.address = "/tmp/x", .port = 1},
        {.user = "cart"},
        {.password = "sesame"},
        {.kind = RINGCACHE_MOCK_REDIS, .user = "cart"},
    };
    ringcache_mock *mock = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(ringcache_mock_start(&mock, &stage->loop, &wrong[i]), RINGCACHE_EINVAL);
    }
    char path[256];
    memset(path, 'x', sizeof path);
    path[0] = '/', path[sizeof path - 1] = '\0';
    ringcache_mock_options options = {.address = path};
    assert_int_equal(ringcache_mock_start(&mock, &stage->loop, &options), RINGCACHE_EINVAL);
    struct {
        ringcache_mock_options known;
        uint64_t later;
    } larger = {.later = 1};
    assert_int_equal(ringcache_mock_start_sized(&mock, &stage->loop, &larger.known, sizeof larger),
        RINGCACHE_EINVAL);
    assert_int_equal(ringcache_mock_start(NULL, &stage->loop, &memcached), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_mock_start(&mock, NULL, &memcached), RINGCACHE_EINVAL);
    assert_int_equal(
        ringcache_mock_start_sized(&mock, &stage->loop, NULL, sizeof memcached), RINGCACHE_EINVAL);
    assert_null(mock);
    larger.later = 0; /* what a later version adds is its default */
    assert_int_equal(
        ringcache_mock_start_sized(&stage->mock, &stage->loop, &larger.known, sizeof larger), 0);
}

/* Only a socket that somebody left behind is cleared away. */
static void a_file_in_its_place_is_left_alone(void **state)
{
    struct stage *stage = *state;
    char path[64];
    snprintf(path, sizeof path, "/tmp/ringcache-mock.%ld", (long)getpid());
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("of somebody's", file);
    fclose(file);
    const ringcache_mock_options options = {.address = path};
    ringcache_mock *mock = NULL;
    int status = ringcache_mock_start(&mock, &stage->loop, &options);
    struct stat found;
    int kept = stat(path, &found);
    unlink(path);
    assert_int_equal(status, UV_EADDRINUSE);
    assert_null(mock);
    assert_int_equal(kept, 0);
    assert_int_equal(found.st_size, strlen("of somebody's"));
}

static void a_place_that_is_taken_is_told(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, memcached);
    ringcache_mock *second = NULL;
    ringcache_mock_options options = {.port = ringcache_mock_port(stage->mock)};
    assert_int_equal(ringcache_mock_start(&second, &stage->loop, &options), UV_EADDRINUSE);
    ringcache_mock_kill(stage->mock);
    assert_int_equal(ringcache_mock_restart(stage->mock, 0), 0);
    talk_ask(stage, "mn\r\n", "MN\r\n");
    assert_null(second);
}

static void a_program_of_a_smaller_version_starts_with_fewer_options(void **state)
{
    struct stage *stage = *state;
    const ringcache_mock_options options = {.password = "never read"};
    assert_int_equal(ringcache_mock_start_sized(&stage->mock, &stage->loop, &options,
                         offsetof(ringcache_mock_options, version)),
        0);
}

static void credentials_and_bounds_are_those_of_the_options(void **state)
{
    struct stage *stage = *state;
    ringcache_mock_options options = {.user = "cart",
        .password = "a:b@c",
        .max_connections = 1,
        .max_item_bytes = 200,
        .version = "1.5.0"};
    stage_start(stage, options);
    assert_int_equal(
        strncmp(ringcache_mock_uri(stage->mock), "memcached://cart:a%3Ab%40c@", 27), 0);
    int fd = talk_connect(stage);
    talk_send(fd, "get k\r\n");
    talk_hear(stage, fd, "CLIENT_ERROR unauthenticated\r\n");
    talk_send(fd, "set x 0 0 10\r\ncart a:b@c\r\nset k 0 0 200\r\n");
    talk_hear(stage, fd, "STORED\r\nSERVER_ERROR object too large for cache\r\n");
    int second = talk_connect(stage);
    talk_hear(stage, second, "ERROR Too many open connections\r\n");
    assert_int_equal(talk_hear_end(stage, second), 0);
    close(fd);
    stage_turn(stage, 5);
    assert_int_equal(ringcache_mock_connections(stage->mock), 0);
    assert_int_equal(ringcache_mock_accepted(stage->mock), 2);
}

static void items_are_put_and_looked_at(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, memcached);
    ringcache_mock *mock = stage->mock;
    const ringcache_mock_item given = {.value = {"abc", 3}, .flags = 9, .ttl_ms = 2500};
    ringcache_mock_item item = {0};
    assert_int_equal(ringcache_mock_put(mock, "k", 1, &given), 0);
    talk_ask(stage, "get k\r\n", "VALUE k 9 3\r\nabc\r\nEND\r\n");
    assert_int_equal(ringcache_mock_get(mock, "k", 1, &item), 0);
    assert_int_equal(item.value.len, 3);
    assert_memory_equal(item.value.data, "abc", 3);
    assert_int_equal(item.flags, 9);
    assert_in_range(item.ttl_ms, 1, 2500);
    talk_ask(stage, "set k 1 0 2\r\nde\r\n", "STORED\r\n");
    uint64_t cas = item.cas;
    assert_int_equal(ringcache_mock_get(mock, "k", 1, &item), 0);
    assert_int_equal(item.ttl_ms, -1);
    assert_int_equal(item.cas, cas + 1);
    assert_int_equal(ringcache_mock_items(mock, 0), 1);
    assert_int_equal(ringcache_mock_remove(mock, 0, "k", 1), 0);
    assert_int_equal(ringcache_mock_remove(mock, 0, "k", 1), RINGCACHE_MISS);
    assert_int_equal(ringcache_mock_get(mock, "k", 1, &item), RINGCACHE_MISS);
    assert_int_equal(item.cas, cas + 1);
    talk_ask(stage, "get k\r\n", "END\r\n");
}

static void each_database_of_a_redis_is_its_own(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, redis);
    ringcache_mock *mock = stage->mock;
    ringcache_mock_item item = {.value = {"x", 1}, .db = 3};
    assert_int_equal(ringcache_mock_put(mock, "k", 1, &item), 0);
    talk_ask(
        stage, "GET k\r\nSELECT 3\r\nGET k\r\nLPUSH l a\r\n", "$-1\r\n+OK\r\n$1\r\nx\r\n:1\r\n");
    assert_int_equal(ringcache_mock_items(mock, 3), 2);
    assert_int_equal(ringcache_mock_items(mock, 0), 0);
    assert_int_equal(ringcache_mock_get(mock, "l", 1, &item), RINGCACHE_ENOTSUP);
    assert_int_equal(ringcache_mock_items(mock, 16), 0);
    item.db = 16;
    assert_int_equal(ringcache_mock_put(mock, "k", 1, &item), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_mock_get(mock, "k", 1, &item), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_mock_remove(mock, 16, "k", 1), RINGCACHE_EINVAL);
    item = (ringcache_mock_item){.ttl_ms = -1};
    assert_int_equal(ringcache_mock_put(mock, "k", 1, &item), RINGCACHE_EINVAL);
    item.ttl_ms = 0;
    assert_int_equal(ringcache_mock_put(mock, "", 0, &item), RINGCACHE_EINVAL);
}

static void its_clock_can_be_put_forward(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, redis);
    talk_ask(stage, "SET k v PX 100000\r\n", "+OK\r\n");
    ringcache_mock_advance(stage->mock, 60000);
    talk_ask(stage, "GET k\r\n", "$1\r\nv\r\n");
    ringcache_mock_advance(stage->mock, 40000);
    talk_ask(stage, "GET k\r\n", "$-1\r\n");
    ringcache_mock_advance(stage->mock, UINT64_MAX);
    ringcache_mock_advance(stage->mock, UINT64_MAX);
    talk_ask(stage, "SET k v PX 100000\r\nGET k\r\n", "+OK\r\n$1\r\nv\r\n");
}

static int bind_at(uint16_t port)
{
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", port, &address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int status = bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ? -errno : 0;
    close(fd);
    return status;
}

static void a_killed_one_resets_and_refuses_until_it_is_restarted(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, redis);
    uint16_t port = ringcache_mock_port(stage->mock);
    int fd = talk_connect(stage);
    talk_send(fd, "SET k v\r\n");
    talk_hear(stage, fd, "+OK\r\n");
    ringcache_mock_kill(stage->mock);
    ringcache_mock_kill(stage->mock);
    assert_int_equal(ringcache_mock_connections(stage->mock), 0);
    assert_int_equal(talk_hear_end(stage, fd), ECONNRESET);
    assert_int_equal(talk_connect(stage), -1);
    assert_int_equal(errno, ECONNREFUSED);
    assert_int_equal(bind_at(port), UV_EADDRINUSE);
    assert_int_equal(ringcache_mock_restart(stage->mock, 1), 0);
    assert_int_equal(ringcache_mock_port(stage->mock), port);
    talk_ask(stage, "GET k\r\n", "$1\r\nv\r\n");
    fd = talk_connect(stage);
    stage_turn(stage, 3);
    assert_int_equal(ringcache_mock_restart(stage->mock, 0), 0);
    assert_int_equal(talk_hear_end(stage, fd), ECONNRESET);
    talk_ask(stage, "GET k\r\n", "$-1\r\n");
}

static void a_stopped_one_is_served_by_its_kernel_until_it_continues(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, memcached);
    int old = talk_connect(stage);
    talk_send(old, "mn\r\n");
    talk_hear(stage, old, "MN\r\n");
    ringcache_mock_stop(stage->mock);
    ringcache_mock_stop(stage->mock);
    int new = talk_connect(stage);
    talk_send(old, "set k 0 0 1\r\n1\r\n");
    talk_send(new, "get k\r\n");
    close(old);
    talk_hear_nothing(stage, new);
    assert_int_equal(ringcache_mock_accepted(stage->mock), 1);
    assert_int_equal(ringcache_mock_items(stage->mock, 0), 0);
    ringcache_mock_continue(stage->mock);
    ringcache_mock_continue(stage->mock);
    stage_turn(stage, 5);
    assert_int_equal(ringcache_mock_items(stage->mock, 0), 1);
    assert_int_equal(ringcache_mock_accepted(stage->mock), 2);
    assert_int_equal(ringcache_mock_connections(stage->mock), 1);
    ringcache_mock_stop(stage->mock);
    ringcache_mock_kill(stage->mock);
    assert_int_equal(ringcache_mock_restart(stage->mock, 0), 0);
    talk_ask(stage, "mn\r\n", "MN\r\n");
    close(new);
}

static void a_client_that_sends_no_more_gets_its_answers(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, redis);
    ringcache_mock_delay(stage->mock, "ping", 20);
    int fd = talk_connect(stage);
    talk_send(fd, "PING\r\nPI");
    shutdown(fd, SHUT_WR);
    talk_hear(stage, fd, "+PONG\r\n");
    assert_int_equal(talk_hear_end(stage, fd), 0);
    assert_int_equal(ringcache_mock_connections(stage->mock), 0);
}

static void a_client_that_leaves_early_does_no_harm(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, memcached);
    char value[4096];
    memset(value, 'x', sizeof value);
    const ringcache_mock_item item = {.value = {value, sizeof value}};
    ringcache_mock_put(stage->mock, "k", 1, &item);
    for (int i = 0; i < 20; i++) {
        int fd = talk_connect(stage);
        for (int j = 0; j < 20; j++) {
            talk_send(fd, "get k\r\n");
        }
        stage_turn(stage, (unsigned)i % 3);
        close(fd);
    }
    stage_turn(stage, 10);
    assert_int_equal(ringcache_mock_connections(stage->mock), 0);
}

static void what_nobody_reads_is_not_made(void **state)
{
    struct stage *stage = *state;
    enum { GETS = 400, VALUE = 100000 };
    stage_start(stage, memcached);
    char *value = calloc(1, VALUE);
    const ringcache_mock_item item = {.value = {value, VALUE}};
    ringcache_mock_put(stage->mock, "k", 1, &item);
    int fd = talk_connect(stage);
    for (int i = 0; i < GETS; i++) {
        talk_send(fd, "get k\r\n");
    }
    stage_turn(stage, 50);
    uint64_t made = ringcache_mock_commands(stage->mock, "get");
    assert_true(made > 0 && made < GETS / 2);
    size_t left = GETS * (VALUE + strlen("VALUE k 0 100000\r\n\r\nEND\r\n"));
    char *bytes = malloc(VALUE);
    while (left > 0) {
        ssize_t n = recv(fd, bytes, VALUE, MSG_DONTWAIT);
        left -= n > 0 ? (size_t)n : 0;
        stage_turn(stage, n > 0 ? 0 : 1);
    }
    assert_int_equal(ringcache_mock_commands(stage->mock, "GET"), GETS);
    close(fd);
    free(bytes);
    free(value);
}

/* The client waits in the kernel's queue meanwhile. */
static void a_client_is_let_in_when_there_are_descriptors_again(void **state)
{
    struct stage *stage = *state;
    struct rlimit limit, none;
    stage_start(stage, redis);
    int fd = talk_connect(stage);
    talk_send(fd, "PING\r\n");
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = (rlim_t)fd + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    stage_turn(stage, 20);
    uint64_t accepted = ringcache_mock_accepted(stage->mock);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(accepted, 0);
    talk_hear(stage, fd, "+PONG\r\n");
    close(fd);
}

static void by_default_it_does_not_hold_the_loop(void **state)
{
    struct stage *stage = *state;
    assert_int_equal(ringcache_mock_start(&stage->mock, &stage->loop, &memcached), 0);
    assert_int_equal(uv_run(&stage->loop, UV_RUN_DEFAULT), 0);
}

static void one_that_closes_refuses_what_would_revive_it(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, memcached);
    ringcache_mock *mock = stage->mock;
    int fd = talk_connect(stage);
    stage_turn(stage, 3);
    ringcache_mock_close(mock, NULL, NULL);
    assert_int_equal(ringcache_mock_restart(mock, 0), RINGCACHE_ECLOSING);
    ringcache_mock_kill(mock);
    ringcache_mock_stop(mock);
    ringcache_mock_continue(mock);
    ringcache_mock_disconnect(mock);
    assert_int_equal(ringcache_mock_answer(mock, "get", 1, "END"), 0);
    stage->mock = NULL;
    assert_int_equal(uv_run(&stage->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(talk_hear_end(stage, fd), ECONNRESET);
    ringcache_mock_close(NULL, NULL, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_new, stage_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_memcached_stores_and_answers_on_a_free_port),
        TEST(a_redis_stores_and_answers_on_a_unix_socket),
        TEST(it_listens_at_the_address_that_was_asked_for),
        TEST(options_that_are_none_are_refused),
        TEST(a_file_in_its_place_is_left_alone),
        TEST(a_place_that_is_taken_is_told),
        TEST(a_program_of_a_smaller_version_starts_with_fewer_options),
        TEST(credentials_and_bounds_are_those_of_the_options),
        TEST(items_are_put_and_looked_at),
        TEST(each_database_of_a_redis_is_its_own),
        TEST(its_clock_can_be_put_forward),
        TEST(a_killed_one_resets_and_refuses_until_it_is_restarted),
        TEST(a_stopped_one_is_served_by_its_kernel_until_it_continues),
        TEST(a_client_that_sends_no_more_gets_its_answers),
        TEST(a_client_that_leaves_early_does_no_harm),
        TEST(what_nobody_reads_is_not_made),
        TEST(a_client_is_let_in_when_there_are_descriptors_again),
        TEST(by_default_it_does_not_hold_the_loop),
        TEST(one_that_closes_refuses_what_would_revive_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

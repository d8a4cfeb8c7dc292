/* SPDX-License-Identifier: MIT */
/* Simulated servers on a system that denies them something: it is told where somebody can be told,
 * and otherwise harms that one connection. The calls are wrapped by the linker. */
#include "talk.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <unistd.h>

static const ringcache_mock_options memcached = {.kind = RINGCACHE_MOCK_MEMCACHED};

/* The next `times` calls of one kind fail with `error`. */
struct denial {
    int times, error;
};

static struct {
    struct denial socket, setsockopt, getsockname, listen, accept, recv, poll;
} denied;

static bool denies(struct denial *denial)
{
    if (denial->times == 0) {
        return false;
    }
    denial->times--;
    errno = denial->error;
    return true;
}

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);
int __real_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
int __real_getsockname(int fd, struct sockaddr *address, socklen_t *len);
int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *len);
int __real_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog);
int __real_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags);
ssize_t __real_recv(int fd, void *where, size_t room, int flags);
ssize_t __wrap_recv(int fd, void *where, size_t room, int flags);
int __real_uv_poll_init(uv_loop_t *loop, uv_poll_t *poll, int fd);
int __wrap_uv_poll_init(uv_loop_t *loop, uv_poll_t *poll, int fd);

int __wrap_socket(int family, int type, int protocol)
{
    return denies(&denied.socket) ? -1 : __real_socket(family, type, protocol);
}

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
    return denies(&denied.setsockopt) ? -1 : __real_setsockopt(fd, level, option, value, len);
}

int __wrap_getsockname(int fd, struct sockaddr *address, socklen_t *len)
{
    return denies(&denied.getsockname) ? -1 : __real_getsockname(fd, address, len);
}

int __wrap_listen(int fd, int backlog)
{
    return denies(&denied.listen) ? -1 : __real_listen(fd, backlog);
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    return denies(&denied.accept) ? -1 : __real_accept4(fd, address, len, flags);
}

ssize_t __wrap_recv(int fd, void *where, size_t room, int flags)
{
    return denies(&denied.recv) ? -1 : __real_recv(fd, where, room, flags);
}

int __wrap_uv_poll_init(uv_loop_t *loop, uv_poll_t *poll, int fd)
{
    return denies(&denied.poll) ? -errno : __real_uv_poll_init(loop, poll, fd);
}

/* Descriptors that are open: what a failure leaves behind would show. */
static int open_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 256; fd++) {
        count += fcntl(fd, F_GETFD) >= 0;
    }
    return count;
}

static void a_start_that_the_system_denies_is_told_and_leaves_nothing(void **state)
{
    struct stage *stage = *state;
    static const struct {
        struct denial *denial;
        int error;
    } cases[] = {
        {&denied.socket, EMFILE},
        {&denied.setsockopt, ENOMEM},
        {&denied.getsockname, ENOBUFS},
        {&denied.listen, EADDRINUSE},
        {&denied.poll, ENOSPC},
    };
    uv_run(&stage->loop, UV_RUN_NOWAIT);
    int before = open_descriptors();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ringcache_mock *mock = NULL;
        *cases[i].denial = (struct denial){1, cases[i].error};
        assert_int_equal(ringcache_mock_start(&mock, &stage->loop, &memcached), -cases[i].error);
        assert_int_equal(cases[i].denial->times, 0);
        assert_null(mock);
        assert_int_equal(open_descriptors(), before);
    }
    stage_start(stage, memcached);
    talk_ask(stage, "mn\r\n", "MN\r\n");
}

static void a_restart_that_the_system_denies_can_be_tried_again(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, memcached);
    uint16_t port = ringcache_mock_port(stage->mock);
    denied.socket = (struct denial){2, EMFILE};
    ringcache_mock_kill(stage->mock); /* its place cannot be kept */
    assert_int_equal(ringcache_mock_restart(stage->mock, 0), -EMFILE);
    assert_int_equal(denied.socket.times, 0);
    assert_int_equal(ringcache_mock_restart(stage->mock, 0), 0);
    assert_int_equal(ringcache_mock_port(stage->mock), port);
    talk_ask(stage, "mn\r\n", "MN\r\n");
}

static void a_connection_that_cannot_be_watched_is_closed(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, memcached);
    denied.poll = (struct denial){1, ENOSPC};
    int fd = talk_connect(stage);
    assert_int_equal(talk_hear_end(stage, fd), 0);
    assert_int_equal(ringcache_mock_connections(stage->mock), 0);
    talk_ask(stage, "mn\r\n", "MN\r\n");
}

static void a_client_that_gave_up_before_it_was_let_in_stops_no_other(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, memcached);
    denied.accept = (struct denial){1, ECONNABORTED};
    talk_ask(stage, "mn\r\n", "MN\r\n");
    assert_int_equal(denied.accept.times, 0);
}

static void a_read_that_fails_ends_its_connection_alone(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, memcached);
    int failing = talk_connect(stage), other = talk_connect(stage);
    talk_send(failing, "mn\r\n");
    denied.recv = (struct denial){1, ETIMEDOUT};
    stage_turn(stage, 3);
    assert_int_equal(denied.recv.times, 0);
    assert_int_equal(ringcache_mock_connections(stage->mock), 1);
    assert_int_equal(ringcache_mock_commands(stage->mock, NULL), 0);
    close(failing);
    talk_send(other, "mn\r\n");
    talk_hear(stage, other, "MN\r\n");
    close(other);
}

static void a_read_that_is_interrupted_is_made_again(void **state)
{
    struct stage *stage = *state;
    stage_start(stage, memcached);
    static const int errors[] = {EINTR, EAGAIN};
    for (size_t i = 0; i < 2; i++) {
        int fd = talk_connect(stage);
        talk_send(fd, "mn\r\n");
        denied.recv = (struct denial){1, errors[i]};
        stage_turn(stage, 3);
        assert_int_equal(denied.recv.times, 0);
        talk_hear(stage, fd, "MN\r\n");
        close(fd);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_new, stage_free)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_start_that_the_system_denies_is_told_and_leaves_nothing),
        TEST(a_restart_that_the_system_denies_can_be_tried_again),
        TEST(a_connection_that_cannot_be_watched_is_closed),
        TEST(a_client_that_gave_up_before_it_was_let_in_stops_no_other),
        TEST(a_read_that_fails_ends_its_connection_alone),
        TEST(a_read_that_is_interrupted_is_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

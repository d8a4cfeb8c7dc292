/* SPDX-License-Identifier: MIT */
#include "talk.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { TURNS = 20, MOST = 65536 };

int stage_new(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    if (stage == NULL || uv_loop_init(&stage->loop) != 0) {
        return -1;
    }
    *state = stage;
    return 0;
}

static void on_closed(ringcache_mock *mock, void *user)
{
    struct stage *stage = user;
    assert_non_null(ringcache_mock_uri(mock));
    stage->closed++;
}

void stage_close_mock(struct stage *stage)
{
    unsigned closed = stage->closed;
    ringcache_mock_close(stage->mock, on_closed, stage);
    ringcache_mock_close(stage->mock, on_closed, stage);
    assert_int_equal(stage->closed, closed);
    uv_run(&stage->loop, UV_RUN_DEFAULT);
    assert_int_equal(stage->closed, closed + 1);
    stage->mock = NULL;
}

int stage_free(void **state)
{
    struct stage *stage = *state;
    if (stage->mock != NULL) {
        stage_close_mock(stage);
    }
    int left = uv_loop_close(&stage->loop);
    free(stage);
    return left;
}

void stage_start(struct stage *stage, ringcache_mock_options options)
{
    options.holds_loop = 1;
    assert_int_equal(ringcache_mock_start(&stage->mock, &stage->loop, &options), 0);
}

void stage_turn(struct stage *stage, unsigned turns)
{
    while (turns-- > 0) {
        uv_run(&stage->loop, UV_RUN_NOWAIT);
    }
}

/* It may ring before the loop waits for anything: then it is not to wait. */
static void on_alarm(uv_timer_t *alarm)
{
    *(bool *)alarm->data = true;
    uv_stop(alarm->loop);
}

/* Until one of the two is set. */
static bool run_until(struct stage *stage, const bool *done, uint64_t ms)
{
    uv_timer_t alarm;
    bool late = false;
    uv_timer_init(&stage->loop, &alarm);
    alarm.data = &late;
    uv_update_time(&stage->loop);
    uv_timer_start(&alarm, on_alarm, ms, 0);
    while (!late && (done == NULL || !*done)) {
        uv_run(&stage->loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&alarm, NULL);
    uv_run(&stage->loop, UV_RUN_NOWAIT);
    return !late;
}

void stage_run(struct stage *stage, uint64_t ms)
{
    run_until(stage, NULL, ms);
}

bool stage_await(struct stage *stage, const bool *done)
{
    return run_until(stage, done, PATIENCE_MS);
}

static socklen_t address_of(const ringcache_mock *mock, struct sockaddr_storage *address)
{
    const char *path = strchr(strstr(ringcache_mock_uri(mock), "://") + 3, '/');
    struct sockaddr_un *local = (struct sockaddr_un *)address;
    struct sockaddr_in *in = (struct sockaddr_in *)address;
    memset(address, 0, sizeof *address);
    if (path != NULL) {
        local->sun_family = AF_UNIX;
        snprintf(local->sun_path, sizeof local->sun_path, "%s", path);
        return sizeof *local;
    }
    if (strchr(ringcache_mock_uri(mock), '[') != NULL) {
        uv_ip6_addr("::1", ringcache_mock_port(mock), (struct sockaddr_in6 *)address);
        return sizeof(struct sockaddr_in6);
    }
    uv_ip4_addr("127.0.0.1", ringcache_mock_port(mock), in);
    return sizeof *in;
}

int talk_connect(struct stage *stage)
{
    struct sockaddr_storage address;
    socklen_t len = address_of(stage->mock, &address);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&address, len) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

void talk_send(int fd, const char *bytes)
{
    assert_int_equal(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), strlen(bytes));
}

/* Like recv, while the loop runs. */
static ssize_t receive(struct stage *stage, int fd, char *bytes, size_t size)
{
    uint64_t end_ns = uv_hrtime() + PATIENCE_MS * UINT64_C(1000000);
    while (uv_hrtime() < end_ns) {
        ssize_t n = recv(fd, bytes, size, MSG_DONTWAIT);
        if (n >= 0 || errno != EAGAIN) {
            return n;
        }
        uv_run(&stage->loop, UV_RUN_NOWAIT);
    }
    fail_msg("nothing came");
    return -1;
}

void talk_hear(struct stage *stage, int fd, const char *bytes)
{
    char heard[MOST];
    size_t len = strlen(bytes), got = 0;
    assert_true(len < sizeof heard);
    while (got < len) {
        ssize_t n = receive(stage, fd, heard + got, len - got);
        assert_true(n > 0);
        got += (size_t)n;
    }
    heard[got] = '\0';
    assert_string_equal(heard, bytes);
}

void talk_hear_nothing(struct stage *stage, int fd)
{
    char byte;
    stage_turn(stage, TURNS);
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK), -1);
    assert_int_equal(errno, EAGAIN);
}

int talk_hear_end(struct stage *stage, int fd)
{
    char byte;
    ssize_t n = receive(stage, fd, &byte, 1);
    int error = n < 0 ? errno : 0;
    assert_true(n <= 0);
    close(fd);
    return error;
}

void talk_ask(struct stage *stage, const char *send, const char *hear)
{
    int fd = talk_connect(stage);
    talk_send(fd, send);
    talk_hear(stage, fd, hear);
    close(fd);
}

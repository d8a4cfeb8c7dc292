/* SPDX-License-Identifier: MIT */
/* The life of a simulated server. Its handles are counted; the one that is closed last, the timer
 * among them, takes it along. */
#include "mock/inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ACCEPT_AGAIN_MS = 100 };

static void free_mock(struct ringcache_mock *mock)
{
    mock_forget_delays(mock);
    engine_free(mock->engine);
    free(mock->uri);
    free(mock);
}

void mock_handle_closed(struct ringcache_mock *mock)
{
    if (--mock->handles > 0) {
        return;
    }
    if (mock->on_closed != NULL) {
        mock->on_closed(mock, mock->on_closed_user);
    }
    free_mock(mock);
}

/* Without descriptors nobody can be let in: the kernel keeps them waiting meanwhile. */
static void on_knock(uv_poll_t *poll, int status, int events)
{
    struct mock_watch *listener = poll->data;
    (void)status;
    (void)events;
    int fd;
    while ((fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        mock_connection_accept(listener->mock, fd);
    }
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        mock_watch_events(listener, 0, NULL);
        mock_alarm(listener->mock, ACCEPT_AGAIN_MS);
    }
}

void mock_watch_listener(struct ringcache_mock *mock)
{
    if (mock->listener != NULL) {
        mock_watch_events(mock->listener, mock->stopped ? 0 : UV_READABLE, on_knock);
    }
}

static void free_listener(struct mock_watch *watch)
{
    free(watch);
}

/* The socket that kept the place becomes the one that listens. */
static int listen_there(struct ringcache_mock *mock)
{
    int status = mock->reserved < 0 ? mock_place_open(&mock->place, &mock->reserved) : 0;
    if (status == 0) {
        status = mock_place_listen(mock->reserved);
    }
    struct mock_watch *listener = sim_alloc(sizeof *listener);
    if (status == 0) {
        status = mock_watch_init(listener, mock, mock->reserved);
    }
    if (status != 0) {
        free(listener);
        return status;
    }
    mock->reserved = -1;
    mock->listener = listener;
    mock_watch_listener(mock);
    return 0;
}

static void release_place(struct ringcache_mock *mock)
{
    if (mock->reserved >= 0) {
        close(mock->reserved);
        mock->reserved = -1;
    }
}

static void set_up_engine(struct engine *e, const ringcache_mock_options *options)
{
    engine_set_version(e, options->version);
    engine_set_password(e, options->user, options->password);
    if (options->max_connections > 0) {
        engine_set_max_sessions(e, options->max_connections);
    }
    if (options->max_item_bytes > 0) {
        engine_set_max_item(e, options->max_item_bytes);
    }
}

static void start_clock(struct ringcache_mock *mock)
{
    uv_timeval64_t wall = {0};
    uv_gettimeofday(&wall);
    mock->started_ms = uv_now(mock->loop);
    mock->started_wall_s = wall.tv_sec;
    mock_set_time(mock);
}

static struct ringcache_mock *new_mock(uv_loop_t *loop, const ringcache_mock_options *options)
{
    struct ringcache_mock *mock = sim_alloc(sizeof *mock);
    bool memcached = options->kind == RINGCACHE_MOCK_MEMCACHED;
    mock->loop = loop;
    mock->engine = engine_new(memcached ? ENGINE_MEMCACHED : ENGINE_REDIS, uv_hrtime());
    mock->reserved = -1;
    mock->cut_left = UINT64_MAX;
    mock->holds_loop = options->holds_loop != 0;
    rc_list_init(&mock->connections);
    rc_list_init(&mock->delays);
    rc_list_init(&mock->arrivals);
    set_up_engine(mock->engine, options);
    engine_set_log(mock->engine, mock_arrived, mock);
    start_clock(mock);
    return mock;
}

/* A field that this version does not know has to be zero. */
static bool take_options(ringcache_mock_options *known, const void *given, size_t given_size)
{
    const unsigned char *bytes = given;
    for (size_t i = sizeof *known; i < given_size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    memcpy(known, given, given_size < sizeof *known ? given_size : sizeof *known);
    return true;
}

/* A memcached knows nobody without a name, a Redis has the user "default". */
static bool options_fit(const ringcache_mock_options *options)
{
    const char *user = options->user, *password = options->password;
    switch (options->kind) {
    case RINGCACHE_MOCK_MEMCACHED:
        return (user == NULL) == (password == NULL);
    case RINGCACHE_MOCK_REDIS:
        return user == NULL || password != NULL;
    }
    return false;
}

int ringcache_mock_start_sized(ringcache_mock **mock, uv_loop_t *loop,
    const ringcache_mock_options *options, size_t options_size)
{
    ringcache_mock_options known = {0};
    struct mock_place place;
    if (mock == NULL || loop == NULL || options == NULL ||
        !take_options(&known, options, options_size) || !options_fit(&known)) {
        return RINGCACHE_EINVAL;
    }
    int status = mock_place_init(&place, &known);
    if (status != 0) {
        return status;
    }
    struct ringcache_mock *made = new_mock(loop, &known);
    made->place = place;
    status = listen_there(made);
    if (status != 0) {
        release_place(made);
        free_mock(made);
        return status;
    }
    made->uri = mock_place_uri(&made->place, &known);
    uv_timer_init(loop, &made->alarm);
    made->alarm.data = made;
    if (!made->holds_loop) {
        uv_unref((uv_handle_t *)&made->alarm);
    }
    made->handles++;
    *mock = made;
    return 0;
}

static void end_process(struct ringcache_mock *mock)
{
    struct rc_list *node;
    while ((node = rc_list_first(&mock->connections)) != NULL) {
        mock_connection_reset(rc_container(node, struct mock_connection, node));
    }
    mock_watch_close(mock->listener, free_listener);
    mock->listener = NULL;
    mock->stopped = false;
    uv_timer_stop(&mock->alarm);
}

void ringcache_mock_kill(ringcache_mock *mock)
{
    if (mock->listener != NULL) {
        end_process(mock);
        (void)mock_place_open(&mock->place, &mock->reserved);
    }
}

int ringcache_mock_restart(ringcache_mock *mock, int keep_items)
{
    if (mock->closing) {
        return RINGCACHE_ECLOSING;
    }
    ringcache_mock_kill(mock);
    mock_set_time(mock);
    engine_restart(mock->engine, keep_items != 0);
    return listen_there(mock);
}

void ringcache_mock_stop(ringcache_mock *mock)
{
    if (mock->listener == NULL) {
        return;
    }
    mock->stopped = true;
    uv_timer_stop(&mock->alarm);
    mock_watch_listener(mock);
    for (struct rc_list *n = mock->connections.next; n != &mock->connections; n = n->next) {
        mock_connection_watch(rc_container(n, struct mock_connection, node));
    }
}

void ringcache_mock_continue(ringcache_mock *mock)
{
    if (mock->stopped) {
        mock->stopped = false;
        mock_alarm(mock, 0);
    }
}

void ringcache_mock_disconnect(ringcache_mock *mock)
{
    struct rc_list *node;
    while ((node = rc_list_first(&mock->connections)) != NULL) {
        mock_connection_end(rc_container(node, struct mock_connection, node));
    }
}

static void on_alarm_closed(uv_handle_t *alarm)
{
    mock_handle_closed(alarm->data);
}

void ringcache_mock_close(ringcache_mock *mock, ringcache_mock_close_cb cb, void *user)
{
    if (mock == NULL || mock->closing) {
        return;
    }
    if (mock->listener != NULL) {
        end_process(mock);
    }
    release_place(mock);
    mock_place_clear(&mock->place);
    mock->closing = true;
    mock->on_closed = cb;
    mock->on_closed_user = user;
    uv_close((uv_handle_t *)&mock->alarm, on_alarm_closed);
}

const char *ringcache_mock_uri(const ringcache_mock *mock)
{
    return mock->uri;
}

uint16_t ringcache_mock_port(const ringcache_mock *mock)
{
    return mock_place_port(&mock->place);
}

size_t ringcache_mock_connections(const ringcache_mock *mock)
{
    return mock->connection_count;
}

uint64_t ringcache_mock_accepted(const ringcache_mock *mock)
{
    return mock->accepted;
}

/* SPDX-License-Identifier: MIT */
/* Descriptors on the loop, and the one timer that wakes connections. */
#include "mock/inside.h"

#include <unistd.h>

int mock_watch_init(struct mock_watch *watch, struct ringcache_mock *mock, int fd)
{
    int status = uv_poll_init(mock->loop, &watch->poll, fd);
    if (status != 0) {
        return status;
    }
    watch->mock = mock;
    watch->fd = fd;
    watch->events = 0;
    watch->poll.data = watch;
    if (!mock->holds_loop) {
        uv_unref((uv_handle_t *)&watch->poll);
    }
    mock->handles++;
    return 0;
}

/* libuv takes a descriptor out of the poll and in again whenever it is told: so only when asked for
 * something else. */
void mock_watch_events(struct mock_watch *watch, int events, uv_poll_cb cb)
{
    if (events == watch->events) {
        return;
    }
    watch->events = events;
    if (events == 0) {
        uv_poll_stop(&watch->poll);
    } else {
        uv_poll_start(&watch->poll, events, cb);
    }
}

static void on_poll_closed(uv_handle_t *handle)
{
    struct mock_watch *watch = handle->data;
    struct ringcache_mock *mock = watch->mock;
    watch->freed(watch);
    mock_handle_closed(mock);
}

void mock_watch_close(struct mock_watch *watch, void (*freed)(struct mock_watch *watch))
{
    uv_poll_stop(&watch->poll);
    close(watch->fd);
    watch->freed = freed;
    uv_close((uv_handle_t *)&watch->poll, on_poll_closed);
}

/* The list turns once, so that each has its go whoever ends meanwhile. */
static void on_alarm(uv_timer_t *alarm)
{
    struct ringcache_mock *mock = alarm->data;
    struct rc_list *node;
    mock_watch_listener(mock);
    for (size_t n = mock->connection_count; n > 0 && !mock->stopped; n--) {
        if ((node = rc_list_first(&mock->connections)) == NULL) {
            return;
        }
        rc_list_remove(node);
        rc_list_append(&mock->connections, node);
        mock_connection_serve(rc_container(node, struct mock_connection, node));
    }
}

void mock_alarm(struct ringcache_mock *mock, uint64_t delay_ms)
{
    if (mock->closing || mock->stopped) {
        return;
    }
    if (!uv_is_active((uv_handle_t *)&mock->alarm) ||
        uv_timer_get_due_in(&mock->alarm) > delay_ms) {
        uv_timer_start(&mock->alarm, on_alarm, delay_ms, 0);
    }
}

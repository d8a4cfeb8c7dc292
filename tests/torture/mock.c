/* SPDX-License-Identifier: MIT */
#include "mock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "system.h"

enum { READ_BYTES = 64 * 1024, BACKLOG = 16 };

struct peer {
    struct mock *mock;
    struct rc_list node;
    uv_poll_t poll;
    int fd;
    struct engine_session *session;
    struct sim_bytes out;
    bool ends; /* once `out` is sent */
};

static void free_peer(uv_handle_t *handle)
{
    free(handle->data);
}

static void end_peer(struct peer *peer)
{
    rc_list_remove(&peer->node);
    engine_session_free(peer->session);
    sim_bytes_deinit(&peer->out);
    uv_close((uv_handle_t *)&peer->poll, free_peer);
    close(peer->fd);
}

static void on_ready(uv_poll_t *poll, int status, int events);

/* False: the peer is no more. */
static bool send_out(struct peer *peer)
{
    struct rc_slice out = sim_bytes_view(&peer->out);
    ssize_t sent = out.len > 0 ? send(peer->fd, out.data, out.len, MSG_NOSIGNAL) : 0;
    sim_bytes_consume(&peer->out, sent > 0 ? (size_t)sent : 0);
    if (peer->ends && peer->out.len == 0) {
        end_peer(peer);
        return false;
    }
    int wanted = UV_READABLE | (peer->out.len > 0 ? UV_WRITABLE : 0);
    uv_poll_start(&peer->poll, wanted, on_ready);
    return true;
}

static void serve(struct peer *peer)
{
    enum engine_step step;
    do {
        step = engine_step(peer->session, &peer->out);
    } while (step == ENGINE_RAN);
    peer->ends = step == ENGINE_ENDED;
    send_out(peer);
}

/* The end of what a client sends is the end of its connection, as with real servers. */
static void on_ready(uv_poll_t *poll, int status, int events)
{
    static unsigned char bytes[READ_BYTES];
    struct peer *peer = poll->data;
    if (status == 0 && (events & UV_READABLE) == 0) {
        send_out(peer);
        return;
    }
    ssize_t n = recv(peer->fd, bytes, sizeof bytes, 0);
    if (n <= 0) {
        end_peer(peer);
        return;
    }
    engine_receive(peer->session, rc_slice(bytes, (size_t)n));
    serve(peer);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
    struct mock *mock = poll->data;
    (void)events;
    int fd = status == 0 ? accept4(mock->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC) : -1;
    if (fd < 0) {
        return;
    }
    struct peer *peer = sim_alloc(sizeof *peer);
    peer->mock = mock;
    peer->fd = fd;
    peer->poll.data = peer;
    peer->session = engine_accept(mock->engine, ++mock->connections, "127.0.0.1:1", &peer->out);
    assert_non_null(peer->session);
    rc_list_append(&mock->peers, &peer->node);
    assert_int_equal(uv_poll_init_socket(mock->loop, &peer->poll, fd), 0);
    send_out(peer);
}

void mock_open(struct mock *mock, uv_loop_t *loop, enum engine_kind kind, uint16_t port)
{
    struct sockaddr_un at;
    socklen_t len = system_address(port, &at);
    *mock = (struct mock){.loop = loop, .engine = engine_new(kind, 1), .port = port};
    rc_list_init(&mock->peers);
    mock->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(mock->fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(listen(mock->fd, BACKLOG), 0);
    assert_int_equal(uv_poll_init_socket(loop, &mock->listener, mock->fd), 0);
    mock->listener.data = mock;
    uv_poll_start(&mock->listener, UV_READABLE, on_connection);
}

static void end_peers(struct mock *mock)
{
    for (struct rc_list *node; (node = rc_list_first(&mock->peers)) != NULL;) {
        end_peer(rc_container(node, struct peer, node));
    }
}

void mock_restart(struct mock *mock)
{
    end_peers(mock);
    engine_restart(mock->engine, true);
}

void mock_say(struct mock *mock, const char *text)
{
    for (struct rc_list *node = mock->peers.next; node != &mock->peers; node = node->next) {
        struct peer *peer = rc_container(node, struct peer, node);
        sim_bytes_text(&peer->out, text);
        send_out(peer);
    }
}

void mock_close(struct mock *mock)
{
    end_peers(mock);
    uv_close((uv_handle_t *)&mock->listener, NULL);
    close(mock->fd);
    engine_free(mock->engine);
}

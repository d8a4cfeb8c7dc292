/* SPDX-License-Identifier: MIT */
/* One connection: bytes in, commands run, replies out when they are due. */
#include "mock/inside.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { READ_BYTES = 65536, MOST_UNSENT = 1 << 20 };

struct held {
    struct rc_list node;
    uint64_t due_ms;
    struct sim_bytes bytes;
};

static struct held *first_held(const struct mock_connection *c)
{
    struct rc_list *node = rc_list_first(&c->held);
    return node != NULL ? rc_container(node, struct held, node) : NULL;
}

static void free_held(struct held *held)
{
    rc_list_remove(&held->node);
    sim_bytes_deinit(&held->bytes);
    free(held);
}

static void free_connection(struct mock_watch *watch)
{
    struct mock_connection *c = rc_container(watch, struct mock_connection, watch);
    struct held *held;
    while ((held = first_held(c)) != NULL) {
        free_held(held);
    }
    sim_bytes_deinit(&c->out);
    free(c);
}

void mock_connection_end(struct mock_connection *c)
{
    c->gone = true;
    rc_list_remove(&c->node);
    c->watch.mock->connection_count--;
    engine_session_free(c->session);
    c->session = NULL;
    mock_watch_close(&c->watch, free_connection);
}

void mock_connection_reset(struct mock_connection *c)
{
    const struct linger none = {.l_onoff = 1, .l_linger = 0};
    setsockopt(c->watch.fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    mock_connection_end(c);
}

/* What nobody reads is not run on and on. */
static bool may_run(const struct mock_connection *c)
{
    return !c->gone && !c->finishing && !c->watch.mock->stopped &&
           c->out.len + c->held_bytes < MOST_UNSENT;
}

/* Behind a reply that is held all are, however soon they would be due themselves. */
static void say(struct mock_connection *c, const struct sim_bytes *reply, uint64_t delay_ms)
{
    struct rc_slice bytes = sim_bytes_view(reply);
    if (bytes.len == 0) {
        return;
    }
    if (delay_ms == 0 && rc_list_empty(&c->held)) {
        sim_bytes_append(&c->out, bytes.data, bytes.len);
        return;
    }
    struct held *held = sim_alloc(sizeof *held);
    uint64_t now_ms = uv_now(c->watch.mock->loop);
    held->due_ms = delay_ms < UINT64_MAX - now_ms ? now_ms + delay_ms : UINT64_MAX;
    sim_bytes_append(&held->bytes, bytes.data, bytes.len);
    c->held_bytes += bytes.len;
    rc_list_append(&c->held, &held->node);
}

static void run_commands(struct mock_connection *c)
{
    struct ringcache_mock *mock = c->watch.mock;
    c->starved = false;
    while (may_run(c) && !c->starved) {
        struct sim_bytes reply = {0};
        mock_set_time(mock);
        mock->verb[0] = '\0';
        enum engine_step step = engine_step(c->session, &reply);
        say(c, &reply, mock_delay_ms(mock));
        sim_bytes_deinit(&reply);
        c->starved = step == ENGINE_STARVED;
        c->finishing = step == ENGINE_ENDED || engine_session_killed(c->session);
        mock_connections_bury(mock);
        mock_tell(mock);
    }
}

static void release_due(struct mock_connection *c)
{
    struct held *held;
    while ((held = first_held(c)) != NULL && held->due_ms <= uv_now(c->watch.mock->loop)) {
        struct rc_slice bytes = sim_bytes_view(&held->bytes);
        sim_bytes_append(&c->out, bytes.data, bytes.len);
        c->held_bytes -= bytes.len;
        free_held(held);
    }
}

/* Does the cut that was asked for come here? */
static bool is_cut(struct ringcache_mock *mock, size_t sent)
{
    if (mock->cut_left == UINT64_MAX) {
        return false;
    }
    mock->cut_left -= sent;
    bool cut = mock->cut_left == 0;
    mock->cut_left = cut ? UINT64_MAX : mock->cut_left;
    return cut;
}

static void flush(struct mock_connection *c)
{
    struct ringcache_mock *mock = c->watch.mock;
    while (c->out.len > 0) {
        struct rc_slice view = sim_bytes_view(&c->out);
        size_t len = view.len < mock->cut_left ? view.len : (size_t)mock->cut_left;
        ssize_t sent = send(c->watch.fd, view.data, len, MSG_NOSIGNAL);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (sent < 0 || is_cut(mock, (size_t)sent)) {
            mock_connection_end(c);
            return;
        }
        sim_bytes_consume(&c->out, (size_t)sent);
    }
}

void mock_connection_serve(struct mock_connection *c)
{
    do {
        run_commands(c);
        if (c->gone || c->watch.mock->stopped) {
            return;
        }
        release_due(c);
        flush(c);
    } while (may_run(c) && !c->starved);
    if (c->gone) {
        return;
    }
    bool all_said = c->out.len == 0 && rc_list_empty(&c->held);
    if (all_said && (c->finishing || c->input_ended)) {
        mock_connection_end(c);
        return;
    }
    mock_connection_watch(c);
}

static void take_input(struct mock_connection *c)
{
    unsigned char bytes[READ_BYTES];
    ssize_t n = recv(c->watch.fd, bytes, sizeof bytes, 0);
    if (n > 0) {
        engine_receive(c->session, rc_slice(bytes, (size_t)n));
    } else if (n == 0) {
        c->input_ended = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        mock_connection_end(c);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct mock_watch *watch = poll->data;
    struct mock_connection *c = rc_container(watch, struct mock_connection, watch);
    if (status < 0) {
        mock_connection_end(c);
        return;
    }
    if ((events & UV_READABLE) != 0) {
        take_input(c);
    }
    if (!c->gone) {
        mock_connection_serve(c);
    }
}

void mock_connection_watch(struct mock_connection *c)
{
    struct ringcache_mock *mock = c->watch.mock;
    bool reads = may_run(c) && !c->input_ended;
    int events = (reads ? UV_READABLE : 0) | (c->out.len > 0 ? UV_WRITABLE : 0);
    mock_watch_events(&c->watch, mock->stopped ? 0 : events, on_poll);
    const struct held *held = first_held(c);
    if (held != NULL) {
        uint64_t now_ms = uv_now(mock->loop);
        mock_alarm(mock, held->due_ms > now_ms ? held->due_ms - now_ms : 0);
    }
}

void mock_connections_bury(struct ringcache_mock *mock)
{
    struct rc_list *next;
    for (struct rc_list *n = mock->connections.next; n != &mock->connections; n = next) {
        struct mock_connection *c = rc_container(n, struct mock_connection, node);
        next = n->next;
        if (!c->finishing && c->session != NULL && engine_session_killed(c->session)) {
            mock_connection_end(c);
        }
    }
}

static void name_peer(int fd, char *text, size_t size)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char figures[INET6_ADDRSTRLEN] = "unix";
    uint16_t port = 0;
    if (getpeername(fd, (struct sockaddr *)&address, &len) == 0 && address.ss_family != AF_UNIX) {
        uv_ip_name((const struct sockaddr *)&address, figures, sizeof figures);
        port = mock_place_port(&(struct mock_place){.address = address});
    }
    snprintf(text, size, "%s:%u", figures, (unsigned)port);
}

void mock_connection_accept(struct ringcache_mock *mock, int fd)
{
    char peer[64];
    const int on = 1;
    struct mock_connection *c = sim_alloc(sizeof *c);
    if (mock_watch_init(&c->watch, mock, fd) != 0) {
        close(fd);
        free(c);
        return;
    }
    name_peer(fd, peer, sizeof peer);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    rc_list_init(&c->held);
    rc_list_append(&mock->connections, &c->node);
    mock->connection_count++;
    c->number = ++mock->accepted;
    c->session = engine_accept(mock->engine, c->number, peer, &c->out);
    c->finishing = c->session == NULL;
    mock_connection_serve(c);
}

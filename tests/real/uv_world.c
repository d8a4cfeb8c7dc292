/* SPDX-License-Identifier: MIT */
#include "uv_world.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static void world_log(struct world *w, char what)
{
    if (w->quiet) {
        return;
    }
    assert_true(w->logged < LOG_MAX - 1);
    w->log[w->logged++] = what;
}

static void note_before_poll(void *owner)
{
    struct world *w = owner;
    world_log(w, 'b');
    w->befores++;
    if (w->on_before != NULL) {
        w->on_before(w);
    }
}

static void note_after_poll(void *owner, uint64_t now_ms)
{
    struct world *w = owner;
    world_log(w, 'a');
    w->afters++;
    w->after_ms = now_ms;
    if (w->on_after != NULL) {
        w->on_after(w);
    }
}

static const struct rc_turn_events turn_events = {
    .before_poll = note_before_poll,
    .after_poll = note_after_poll,
};

/* It may ring before the loop waits for anything: then it is not to wait. */
static void lose_patience(uv_timer_t *timer)
{
    struct world *w = timer->data;
    w->impatient = true;
    uv_stop(timer->loop);
}

void world_begin(struct world *w)
{
    assert_int_equal(rc_uv_transport_new(&w->t, &w->loop), 0);
    w->t->events = &turn_events;
    w->t->owner = w;
    w->closed = 0;
}

void world_open(struct world *w)
{
    memset(w, 0, sizeof *w);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    world_begin(w);
    uv_timer_init(&w->loop, &w->patience);
    w->patience.data = w;
}

static void note_closed(void *owner)
{
    struct world *w = owner;
    w->closed++;
    rc_uv_transport_free(w->t);
}

void world_stop(struct world *w)
{
    w->t->ops->stop(w->t, note_closed, w);
    assert_int_equal(w->closed, 0);
}

void world_close(struct world *w)
{
    if (w->closed == 0) {
        world_stop(w);
    }
    uv_close((uv_handle_t *)&w->patience, NULL);
    assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&w->loop), 0);
}

/* The referenced timer keeps the loop alive, whatever the transport holds. */
void run_until(struct world *w, const int *count, int wanted)
{
    w->impatient = false;
    uv_update_time(&w->loop);
    uv_timer_start(&w->patience, lose_patience, PATIENCE_MS, 0);
    while (*count < wanted && !w->impatient) {
        uv_run(&w->loop, UV_RUN_ONCE);
    }
    uv_timer_stop(&w->patience);
    assert_int_equal(*count, wanted);
}

unsigned run_for(struct world *w, unsigned ms)
{
    unsigned turns = 0;
    w->impatient = false;
    uv_update_time(&w->loop);
    uv_timer_start(&w->patience, lose_patience, ms, 0);
    for (; !w->impatient; turns++) {
        uv_run(&w->loop, UV_RUN_ONCE);
    }
    return turns;
}

static int listen_at(const void *name, socklen_t len, struct rc_address *address)
{
    const struct sockaddr *to = name;
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, to, len) != 0 || listen(fd, 8) != 0) {
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    socklen_t room = sizeof address->bytes;
    assert_int_equal(getsockname(fd, (struct sockaddr *)(void *)address->bytes, &room), 0);
    address->len = (unsigned)room;
    return fd;
}

int listen_ip4(struct rc_address *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = listen_at(&in, sizeof in, address);
    assert_true(fd >= 0);
    return fd;
}

int listen_ip6(struct rc_address *address)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    return listen_at(&in6, sizeof in6, address);
}

struct rc_address path_address(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    struct rc_address address = {.len = sizeof un};
    memcpy(un.sun_path, path, strlen(path));
    memcpy(address.bytes, &un, sizeof un);
    return address;
}

int listen_path(const char *path, struct rc_address *address)
{
    *address = path_address(path);
    struct rc_address bound;
    int fd = listen_at(address->bytes, address->len, &bound);
    assert_true(fd >= 0);
    return fd;
}

struct rc_address nobody_ip4(void)
{
    struct rc_address address;
    close(listen_ip4(&address));
    return address;
}

static void note_connected(void *owner, int status)
{
    struct end *e = owner;
    world_log(e->w, 'c');
    e->connects++;
    e->connect_status = status;
    if (e->on_connected != NULL) {
        e->on_connected(e);
    }
}

static void *note_reserve(void *owner, size_t *len)
{
    struct end *e = owner;
    e->reserves++;
    if (e->on_reserve != NULL) {
        e->on_reserve(e);
    }
    *len = e->room;
    return e->room > 0 ? e->buffer : NULL;
}

static void note_received(void *owner, size_t n)
{
    struct end *e = owner;
    world_log(e->w, 'r');
    e->received += (int)n;
    if (e->on_received != NULL) {
        e->on_received(e, n);
    }
}

static void note_ended(void *owner, int status)
{
    struct end *e = owner;
    world_log(e->w, 'e');
    e->ends++;
    e->end_status = status;
    if (e->on_ended != NULL) {
        e->on_ended(e);
    }
}

static void note_writable(void *owner)
{
    struct end *e = owner;
    world_log(e->w, 'w');
    e->writables++;
    if (e->on_writable != NULL) {
        e->on_writable(e);
    }
}

static const struct rc_stream_events end_events = {
    .connected = note_connected,
    .reserve = note_reserve,
    .received = note_received,
    .ended = note_ended,
    .writable = note_writable,
};

struct end end_of(struct world *w)
{
    return (struct end){.w = w, .room = ROOM};
}

int end_connect(struct end *e, const struct rc_address *address)
{
    return e->w->t->ops->connect(e->w->t, address, &end_events, e, &e->s);
}

int end_join(struct end *e, int listener, const struct rc_address *address)
{
    assert_int_equal(end_connect(e, address), 0);
    assert_int_equal(e->connects, 0);
    run_until(e->w, &e->connects, 1);
    assert_int_equal(e->connect_status, 0);
    int peer = accept(listener, NULL, NULL);
    assert_true(peer >= 0);
    return peer;
}

void end_close(struct end *e)
{
    rc_stream_close(e->s);
    e->s = NULL;
}

void end_say(struct end *e, const char *text)
{
    struct rc_slice part = rc_slice_text(text);
    assert_int_equal(rc_stream_write(e->s, &part, 1), part.len);
}

void peer_say(int fd, const void *bytes, size_t len)
{
    assert_int_equal(sendto(fd, bytes, len, MSG_NOSIGNAL, NULL, 0), len); /* never fails here */
}

size_t open_descriptors(void)
{
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

int pair_open(void **state)
{
    struct pair *p = malloc(sizeof *p);
    assert_non_null(p);
    world_open(&p->w);
    p->e = end_of(&p->w);
    struct rc_address address;
    int listener = listen_ip4(&address);
    p->peer = end_join(&p->e, listener, &address);
    close(listener);
    *state = p;
    return 0;
}

int pair_close(void **state)
{
    struct pair *p = *state;
    if (p->peer >= 0) {
        close(p->peer);
    }
    if (p->e.s != NULL) {
        end_close(&p->e);
    }
    world_close(&p->w);
    free(p);
    return 0;
}

void peer_close(struct pair *p)
{
    close(p->peer);
    p->peer = -1;
}

void peer_reset(struct pair *p)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(p->peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    peer_close(p);
}

/* SPDX-License-Identifier: MIT */
/* Streams: a non-blocking socket each, watched by uv_poll, read and written by our own calls.
 *
 * Not uv_tcp and uv_pipe, for three reasons: libuv writes without MSG_NOSIGNAL, so that a peer
 * which closes at the wrong moment kills a program that does not ignore SIGPIPE; a connect request
 * keeps the loop alive, which is for `hold` alone to decide; and it cannot say "writable" without
 * keeping bytes to write. Here every byte taken is the kernel's, and readiness is the socket's own.
 *
 * Invariant: outside of `ready`, what uv_poll watches for is what the stream's state wants
 * (`watch`). A stream that ran out of memory, or that libuv would not watch, wants nothing until
 * the retry timer has fired, so that the level-triggered poll cannot spin on it. */
#include "transport/uv_internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/alloc.h"

enum {
    /* Of one stream in one turn, for the sake of the others: reads, the bytes of each, and those of
     * all writes, which a peer on another core would take for as long as there are any. */
    READS_MAX = 16,
    READ_BYTES = 64 * 1024,
    WRITE_BYTES = READS_MAX * READ_BYTES,
    /* Parts in one system call; more than a connection ever has. */
    PARTS_MAX = 64,
    RETRY_MS = 10,
    /* A peer that vanished without a word is noticed on an idle connection after 45 s. */
    KEEPALIVE_IDLE_S = 30,
    KEEPALIVE_INTERVAL_S = 5,
    KEEPALIVE_PROBES = 3,
};

struct stream {
    struct rc_stream base;
    struct rc_uv *u;
    const struct rc_stream_events *events;
    void *owner;
    uv_poll_t poll;
    int fd;
    int watched;       /* what uv_poll watches for */
    int error;         /* of a refused connect, or of a write: the kernel tells each error once */
    uint64_t wrote_in; /* the turn of the last write */
    size_t wrote;      /* bytes in that turn, WRITE_BYTES at most */
    struct rc_uv_late refusal;
    struct rc_list node;    /* in the transport's streams */
    struct rc_list starved; /* in the transport's list of that name, or in none */
    bool connecting;
    bool reading; /* connected, and the peer has not ended it */
    bool blocked; /* the owner waits for `writable` */
    bool closed;
};

static struct stream *stream_of(struct rc_stream *base)
{
    return (struct stream *)(void *)base;
}

_Static_assert(EAGAIN == EWOULDBLOCK, "one number for a socket that is empty, or full");

static bool short_of_memory(int error)
{
    return error == ENOBUFS || error == ENOMEM;
}

static void starve(struct stream *s)
{
    if (!rc_list_empty(&s->starved)) {
        return;
    }
    rc_list_append(&s->u->starved, &s->starved);
    if (!uv_is_active((uv_handle_t *)&s->u->retry)) {
        uv_timer_start(&s->u->retry, rc_uv_stream_retry, RETRY_MS, 0);
    }
}

static void finish_connect(struct stream *s)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        error = errno;
    }
    s->connecting = false;
    s->reading = error == 0;
    s->events->connected(s->owner, -error);
}

static void tell_refusal(struct rc_uv_late *late)
{
    struct stream *s = rc_container(late, struct stream, refusal);
    s->events->connected(s->owner, s->error);
}

static void finish_reading(struct stream *s, int status)
{
    s->reading = false;
    s->events->ended(s->owner, status);
}

static ssize_t receive(int fd, void *where, size_t room)
{
    ssize_t n;
    do {
        n = recv(fd, where, room, 0);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* Read until the socket is empty. A read that does not fill its room has emptied it; asking again
 * to be sure would cost a system call per reply. */
static void read_available(struct stream *s)
{
    for (int reads = 0; reads < READS_MAX; reads++) {
        size_t room = 0;
        void *where = s->events->reserve(s->owner, &room);
        if (s->closed) {
            return;
        }
        if (where == NULL || room == 0) {
            starve(s);
            return;
        }
        room = room < READ_BYTES ? room : READ_BYTES;
        ssize_t n = receive(s->fd, where, room);
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        if (n < 0 && short_of_memory(errno)) {
            starve(s);
            return;
        }
        if (n <= 0) {
            finish_reading(s, n == 0 ? s->error : -errno);
            return;
        }
        s->events->received(s->owner, (size_t)n);
        if (s->closed || (size_t)n < room) {
            return;
        }
    }
    s->u->unread = true;
}

/* Reading comes first: a peer's last words before its reset are in the socket, and a write's error
 * would make the owner close without them. */
static void proceed(struct stream *s, int events)
{
    if (s->reading && (events & UV_READABLE) != 0) {
        read_available(s);
    }
    if (!s->closed && s->blocked && (events & UV_WRITABLE) != 0) {
        s->blocked = false;
        s->events->writable(s->owner);
    }
}

static int wanted(const struct stream *s)
{
    if (!rc_list_empty(&s->starved)) {
        return 0;
    }
    if (s->connecting) {
        return UV_WRITABLE;
    }
    return (s->reading ? UV_READABLE : 0) | (s->blocked ? UV_WRITABLE : 0);
}

static void watch_with(struct stream *s, uv_poll_cb ready)
{
    int want = wanted(s);
    if (want == s->watched) {
        return;
    }
    s->watched = want;
    if (want == 0) {
        uv_poll_stop(&s->poll);
    } else if (uv_poll_start(&s->poll, want, ready) < 0) {
        s->watched = 0;
        starve(s);
    }
}

static void ready(uv_poll_t *poll, int status, int events)
{
    struct stream *s = poll->data;
    if (status < 0) {
        /* libuv has let go of the socket because an error waits there: the next call on it
         * tells. */
        s->watched = 0;
        events = UV_READABLE | UV_WRITABLE;
    }
    if (s->connecting) {
        finish_connect(s);
    } else {
        proceed(s, events);
    }
    if (!s->closed) {
        watch_with(s, ready);
    }
}

static void watch(struct stream *s)
{
    watch_with(s, ready);
}

static void stream_gone(uv_handle_t *handle)
{
    struct stream *s = handle->data;
    struct rc_uv *u = s->u;
    rc_free(s);
    rc_uv_handle_closed(u);
}

void rc_uv_stream_close(struct rc_stream *base)
{
    struct stream *s = stream_of(base);
    s->closed = true;
    rc_list_remove(&s->node);
    rc_list_remove(&s->starved);
    rc_list_remove(&s->refusal.node);
    uv_close((uv_handle_t *)&s->poll, stream_gone);
    close(s->fd);
}

/* May fail without harm: TCP works without them. */
static void tune(int fd, int family)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {IPPROTO_TCP, TCP_NODELAY, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
        {IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES},
        {SOL_SOCKET, SO_KEEPALIVE, 1},
    };
    bool tcp = family == AF_INET || family == AF_INET6; /* a Unix socket has none of them */
    for (size_t i = 0; tcp && i < sizeof options / sizeof *options; i++) {
        setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
    }
}

/* A stream that is watched for nothing yet. Takes `fd` only on success. */
static struct stream *stream_new(struct rc_uv *u, int fd, int *status)
{
    struct stream *s = rc_alloc_zeroed(1, sizeof *s);
    *status = s == NULL ? UV_ENOMEM : uv_poll_init_socket(u->loop, &s->poll, fd);
    if (*status < 0) {
        rc_free(s);
        return NULL;
    }
    s->base.ops = u->base.ops;
    s->u = u;
    s->fd = fd;
    s->poll.data = s;
    s->refusal.tell = tell_refusal;
    uv_unref((uv_handle_t *)&s->poll);
    rc_list_append(&u->streams, &s->node);
    rc_list_init(&s->starved);
    rc_list_init(&s->refusal.node);
    u->handles++;
    return s;
}

/* What a call that began nothing failed with, in a code that speaks of this machine alone: a rule
 * of it forbids the socket or the connection; no port, or no entry in its table of routes, is left.
 * Of a path both would be the server's, but connecting to one fails otherwise. */
static int own_error(int error)
{
    return error == EACCES ? UV_EPERM : error == EAGAIN ? UV_EADDRNOTAVAIL : -error;
}

/* Is a connect that failed at once the peer's doing? All else says something of this machine. For a
 * path it always is: there is no network in between. */
static bool refused_by_peer(int family, int error)
{
    return family == AF_UNIX || error == ECONNREFUSED || error == ECONNRESET;
}

static int start_connect(struct stream *s, const struct sockaddr *to, socklen_t len)
{
    if (connect(s->fd, to, len) == 0 || errno == EINPROGRESS || errno == EINTR) {
        s->connecting = true;
        watch(s);
        return 0;
    }
    if (!refused_by_peer(to->sa_family, errno)) {
        return own_error(errno);
    }
    s->error = -errno;
    rc_uv_tell_later(s->u, &s->refusal);
    return 0;
}

int rc_uv_stream_connect(struct rc_transport *t, const struct rc_address *address,
    const struct rc_stream_events *events, void *owner, struct rc_stream **stream)
{
    const struct sockaddr *to = (const struct sockaddr *)(const void *)address->bytes;
    int fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return own_error(errno);
    }
    int status;
    struct stream *s = stream_new(rc_uv_of(t), fd, &status);
    if (s == NULL) {
        close(fd);
        return status;
    }
    tune(fd, to->sa_family);
    s->events = events;
    s->owner = owner;
    status = start_connect(s, to, address->len);
    if (status < 0) {
        rc_uv_stream_close(&s->base);
        return status;
    }
    *stream = &s->base;
    return 0;
}

static size_t bytes_of(const struct rc_slice *parts, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += parts[i].len;
    }
    return bytes;
}

/* One part goes by the call that asks less of the kernel: a hundredth of a lone request. */
static ssize_t send_iov(int fd, struct iovec *iov, size_t count)
{
    return count == 1
               ? send(fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL)
               : sendmsg(fd, &(struct msghdr){.msg_iov = iov, .msg_iovlen = count}, MSG_NOSIGNAL);
}

/* At most PARTS_MAX parts, and `most` bytes of them, in one system call. */
static ptrdiff_t send_parts(
    struct stream *s, const struct rc_slice *parts, size_t count, size_t most)
{
    struct iovec iov[PARTS_MAX];
    for (size_t i = 0; i < count; i++) {
        size_t len = parts[i].len < most ? parts[i].len : most;
        iov[i] = (struct iovec){.iov_base = (void *)(uintptr_t)parts[i].data, .iov_len = len};
        most -= len;
    }
    ssize_t n;
    do {
        n = send_iov(s->fd, iov, count);
    } while (n < 0 && errno == EINTR);
    if (n >= 0 || errno == EAGAIN) {
        return n < 0 ? 0 : n;
    }
    if (short_of_memory(errno)) {
        starve(s);
        return 0;
    }
    s->error = -errno;
    return s->error;
}

/* What may still be written in this turn. */
static size_t part_left(struct stream *s)
{
    if (s->wrote_in != s->u->turn) {
        s->wrote_in = s->u->turn;
        s->wrote = 0;
    }
    return WRITE_BYTES - s->wrote;
}

ptrdiff_t rc_uv_stream_write(struct rc_stream *base, const struct rc_slice *parts, size_t count)
{
    struct stream *s = stream_of(base);
    ptrdiff_t taken = 0;
    while (count > 0 && !s->blocked) {
        size_t group = count < PARTS_MAX ? count : PARTS_MAX, most = part_left(s);
        ptrdiff_t n = most > 0 ? send_parts(s, parts, group, most) : 0;
        if (n < 0) {
            return n;
        }
        taken += n;
        s->wrote += (size_t)n;
        s->blocked = (size_t)n < bytes_of(parts, group);
        parts += group;
        count -= group;
    }
    if (s->blocked) {
        watch(s);
    }
    return taken;
}

/* What a write takes is the kernel's when it returns. */
size_t rc_uv_stream_held(const struct rc_stream *base)
{
    (void)base;
    return 0;
}

void rc_uv_stream_shutdown(struct rc_stream *base)
{
    shutdown(stream_of(base)->fd, SHUT_WR);
}

/* The kernel sends the reset when a socket that lingers for no time is closed. */
void rc_uv_stream_reset(struct rc_stream *base)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(stream_of(base)->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    rc_uv_stream_close(base);
}

void rc_uv_stream_retry(uv_timer_t *timer)
{
    struct rc_uv *u = timer->data;
    struct rc_list waiting; /* some may have to wait again */
    rc_list_init(&waiting);
    rc_list_splice(&waiting, &u->starved);
    for (struct rc_list *node; (node = rc_list_first(&waiting)) != NULL;) {
        rc_list_remove(node);
        watch(rc_container(node, struct stream, starved));
    }
}

void rc_uv_stream_close_all(struct rc_uv *u)
{
    for (struct rc_list *node; (node = rc_list_first(&u->streams)) != NULL;) {
        rc_uv_stream_close(&rc_container(node, struct stream, node)->base);
    }
}

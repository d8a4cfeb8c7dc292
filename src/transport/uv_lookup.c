/* SPDX-License-Identifier: MIT */
/* Look-ups: names through libuv's thread pool, literals and paths from here, both answered later.
 *
 * A system look-up may hang for many seconds and cannot be interrupted. A forgotten one is
 * therefore cut loose: it belongs to libuv alone, knows no transport, and frees itself when it
 * ends. Until then libuv counts it, so that uv_loop_close says UV_EBUSY; nothing of the transport
 * is touched.
 *
 * Both families are always asked for. AI_ADDRCONFIG would hide ::1 where loopback alone has IPv6;
 * an address that cannot be reached fails at once, and the next one is tried. */
#include "transport/uv_internal.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/alloc.h"

/* Addresses of one name that are passed on. */
enum { ADDRESSES_MAX = 32 };

struct lookup {
    struct rc_lookup base;
    uv_getaddrinfo_t request;
    uint16_t port;
    bool in_pool; /* libuv has the request, and will call back */
    struct rc_address literal;
    struct rc_uv_late late;
    struct rc_list node; /* in the transport's look-ups while the owner waits */
    rc_resolved_fn done; /* NULL: answered or forgotten */
    void *owner;
};

_Static_assert(sizeof(struct sockaddr_un) <= sizeof((struct rc_address){0}.bytes), "");
_Static_assert(sizeof(struct sockaddr_in6) <= sizeof((struct rc_address){0}.bytes), "");

/* Answer, then free. `done` may forget the look-up once more; that changes nothing. */
static void answer(struct lookup *l, int status, const struct rc_address *addresses, size_t count)
{
    rc_resolved_fn done = l->done;
    l->done = NULL;
    rc_list_remove(&l->node);
    if (done != NULL) {
        done(l->owner, status, addresses, count);
    }
    rc_free(l);
}

static void tell_literal(struct rc_uv_late *late)
{
    struct lookup *l = rc_container(late, struct lookup, late);
    answer(l, 0, &l->literal, 1);
}

static void put_address(struct rc_address *address, const void *sockaddr, size_t len)
{
    memcpy(address->bytes, sockaddr, len);
    address->len = (unsigned)len;
}

/* False for a family that is no IP. */
static bool put_found(struct rc_address *address, const struct addrinfo *found, uint16_t port)
{
    if (found->ai_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, found->ai_addr, sizeof in);
        in.sin_port = htons(port);
        put_address(address, &in, sizeof in);
        return true;
    }
    if (found->ai_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, found->ai_addr, sizeof in6);
        in6.sin6_port = htons(port);
        put_address(address, &in6, sizeof in6);
        return true;
    }
    return false;
}

/* The next result behind `from` that is of `family`, or that is not. */
static const struct addrinfo *next_of(const struct addrinfo *from, int family, bool same)
{
    while (from != NULL && (from->ai_family == family) != same) {
        from = from->ai_next;
    }
    return from;
}

/* The two families take turns, each in the system's order, so that one that leads nowhere cannot
 * use up the deadline (RFC 8305, section 4). */
static size_t take_turns(
    const struct addrinfo *results, uint16_t port, struct rc_address addresses[ADDRESSES_MAX])
{
    if (results == NULL) {
        return 0;
    }
    int first = results->ai_family;
    const struct addrinfo *next[2] = {results, next_of(results, first, false)};
    size_t count = 0;
    for (int turn = 0; count < ADDRESSES_MAX && (next[0] != NULL || next[1] != NULL); turn ^= 1) {
        const struct addrinfo *taken = next[turn];
        if (taken == NULL) {
            continue;
        }
        count += put_found(&addresses[count], taken, port);
        next[turn] = next_of(taken->ai_next, first, turn == 0);
    }
    return count;
}

static void found(uv_getaddrinfo_t *request, int status, struct addrinfo *results)
{
    struct lookup *l = request->data;
    struct rc_address addresses[ADDRESSES_MAX];
    size_t count = take_turns(results, l->port, addresses);
    uv_freeaddrinfo(results);
    if (status == 0 && count == 0) {
        status = UV_EAI_NONAME;
    } else if (status == UV_EAI_MEMORY) {
        status = UV_ENOMEM; /* the resolver's word for it: this machine's trouble, not the name's */
    }
    answer(l, status, addresses, count);
}

static int parse_path(const char *path, struct rc_address *address)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len == 0) {
        return UV_EINVAL;
    }
    if (len >= sizeof un.sun_path) {
        return UV_ENAMETOOLONG;
    }
    memcpy(un.sun_path, path, len);
    put_address(address, &un, sizeof un);
    return 0;
}

static int parse_literal(const char *host, uint16_t port, struct rc_address *address)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (uv_ip4_addr(host, port, &in) == 0) {
        put_address(address, &in, sizeof in);
        return 0;
    }
    int status = uv_ip6_addr(host, port, &in6);
    if (status == 0) {
        put_address(address, &in6, sizeof in6);
    }
    return status;
}

/* Answer from what is at hand, or ask the system. */
static int start(struct rc_uv *u, struct lookup *l, const struct rc_endpoint *endpoint)
{
    const char *host = endpoint->host;
    int status = endpoint->is_path ? parse_path(host, &l->literal)
                                   : parse_literal(host, l->port, &l->literal);
    if (status == 0) {
        rc_uv_tell_later(u, &l->late);
        return 0;
    }
    if (endpoint->is_path) {
        return status;
    }
    l->in_pool = true;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    return uv_getaddrinfo(u->loop, &l->request, found, host, NULL, &hints);
}

int rc_uv_lookup_start(struct rc_transport *t, const struct rc_endpoint *endpoint,
    rc_resolved_fn done, void *owner, struct rc_lookup **lookup)
{
    struct rc_uv *u = rc_uv_of(t);
    struct lookup *l = rc_alloc_zeroed(1, sizeof *l);
    if (l == NULL) {
        return UV_ENOMEM;
    }
    l->base.ops = t->ops;
    l->request.data = l;
    l->port = endpoint->port;
    l->late.tell = tell_literal;
    l->done = done;
    l->owner = owner;
    rc_list_init(&l->late.node);
    int status = start(u, l, endpoint);
    if (status < 0) {
        rc_free(l);
        return status;
    }
    rc_list_append(&u->lookups, &l->node);
    *lookup = &l->base;
    return 0;
}

void rc_uv_lookup_forget(struct rc_lookup *base)
{
    struct lookup *l = (struct lookup *)(void *)base;
    if (l->done == NULL) {
        return;
    }
    l->done = NULL;
    rc_list_remove(&l->node);
    if (l->in_pool) {
        uv_cancel((uv_req_t *)&l->request);
        return;
    }
    rc_list_remove(&l->late.node);
    rc_free(l);
}

void rc_uv_lookup_forget_all(struct rc_uv *u)
{
    for (struct rc_list *node; (node = rc_list_first(&u->lookups)) != NULL;) {
        rc_uv_lookup_forget(&rc_container(node, struct lookup, node)->base);
    }
}

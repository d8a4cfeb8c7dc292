/* SPDX-License-Identifier: MIT */
/* Look-ups: names by the resolver's threads, literals and paths from here, all answered later.
 *
 * A look-up may hang for many seconds. A forgotten one is the resolver's alone and knows no
 * transport, so that neither its end nor the loop's waits for it. */
#include "transport/uv_internal.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/alloc.h"
#include "transport/names.h"

struct lookup {
    struct rc_lookup base;
    bool is_asked; /* of the resolver, until it is forgotten there */
    struct rc_question question;
    uint16_t port;
    struct rc_address literal;
    struct rc_uv_late late;
    struct rc_list node; /* in the transport's look-ups while the owner waits */
    rc_resolved_fn done; /* NULL: answered or forgotten */
    void *owner;
};

_Static_assert(sizeof(struct sockaddr_un) <= sizeof((struct rc_address){0}.bytes), "");

static void lookup_free(struct lookup *l)
{
    if (l->is_asked) {
        rc_resolver_forget(rc_names(), &l->question);
    }
    rc_list_remove(&l->late.node);
    rc_free(l);
}

/* Answer, then free. `done` may forget the look-up once more; that changes nothing. */
static void answer(struct lookup *l, int status, const struct rc_address *addresses, size_t count)
{
    rc_resolved_fn done = l->done;
    l->done = NULL;
    rc_list_remove(&l->node);
    done(l->owner, status, addresses, count);
    lookup_free(l);
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

/* Both families have the port at the same place. */
static void put_port(struct rc_address *address, uint16_t port)
{
    _Static_assert(
        offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port), "");
    uint16_t sent = htons(port);
    memcpy(address->bytes + offsetof(struct sockaddr_in, sin_port), &sent, sizeof sent);
}

/* Others may share what was found, and go to other ports. */
static void tell_found(struct lookup *l)
{
    const struct rc_found *found = l->question.found;
    size_t count = l->question.status == 0 ? found->count : 0;
    struct rc_address addresses[RC_FOUND_MAX];
    for (size_t i = 0; i < count; i++) {
        addresses[i] = found->addresses[i];
        put_port(&addresses[i], l->port);
    }
    answer(l, l->question.status, addresses, count);
}

void rc_uv_lookup_collect(struct rc_uv *u)
{
    for (struct rc_question *q; (q = rc_resolver_collect(rc_names(), &u->mailbox)) != NULL;) {
        tell_found(rc_container(q, struct lookup, question));
    }
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

/* Answer from what is at hand, or have it found. */
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
    status = rc_resolver_ask(rc_names(), host, &u->mailbox, &l->question);
    l->is_asked = status == 0;
    return status;
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
    if (l->done != NULL) {
        rc_list_remove(&l->node);
        lookup_free(l);
    }
}

void rc_uv_lookup_forget_all(struct rc_uv *u)
{
    for (struct rc_list *node; (node = rc_list_first(&u->lookups)) != NULL;) {
        rc_uv_lookup_forget(&rc_container(node, struct lookup, node)->base);
    }
}

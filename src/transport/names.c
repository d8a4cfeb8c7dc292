/* SPDX-License-Identifier: MIT */
/* getaddrinfo, and its answers in the library's words.
 *
 * Both families are always asked for. AI_ADDRCONFIG would hide ::1 where loopback alone has IPv6;
 * an address that cannot be reached fails at once, and the next one is tried. */
#include "transport/names.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <uv.h>

_Static_assert(sizeof(struct sockaddr_in6) <= sizeof((struct rc_address){0}.bytes), "");

/* 0 for a family that is no IP. */
static size_t size_of(int family)
{
    size_t ip6 = family == AF_INET6 ? sizeof(struct sockaddr_in6) : 0;
    return family == AF_INET ? sizeof(struct sockaddr_in) : ip6;
}

static bool put_found(struct rc_address *address, const struct addrinfo *result)
{
    size_t len = size_of(result->ai_family);
    if (len > 0) {
        memcpy(address->bytes, result->ai_addr, len);
        address->len = (unsigned)len;
    }
    return len > 0;
}

/* The next result from `from` on that is of `family`, or that is not. */
static const struct addrinfo *next_of(const struct addrinfo *from, int family, bool same)
{
    while (from != NULL && (from->ai_family == family) != same) {
        from = from->ai_next;
    }
    return from;
}

/* The two families take turns, each in the system's order, so that one that leads nowhere cannot
 * use up the deadline (RFC 8305, section 4). */
static size_t take_turns(const struct addrinfo *results, struct rc_address addresses[RC_FOUND_MAX])
{
    int first = results->ai_family;
    const struct addrinfo *next[2] = {results, next_of(results, first, false)};
    size_t count = 0;
    for (int turn = 0; count < RC_FOUND_MAX && (next[0] != NULL || next[1] != NULL); turn ^= 1) {
        const struct addrinfo *taken = next[turn];
        if (taken != NULL) {
            count += put_found(&addresses[count], taken);
            next[turn] = next_of(taken->ai_next, first, turn == 0);
        }
    }
    return count;
}

/* In libuv's codes, as everywhere; this machine's own trouble by its errno. */
static int status_of(int error)
{
    switch (error) {
    case 0:
        return 0;
    case EAI_ADDRFAMILY:
        return UV_EAI_ADDRFAMILY;
    case EAI_AGAIN:
        return UV_EAI_AGAIN;
    case EAI_FAMILY:
        return UV_EAI_FAMILY;
    case EAI_MEMORY:
        return UV_ENOMEM;
    case EAI_NODATA:
        return UV_EAI_NODATA;
    case EAI_NONAME:
        return UV_EAI_NONAME;
    case EAI_SYSTEM:
        return errno > 0 ? -errno : UV_EAI_FAIL;
    default:
        return UV_EAI_FAIL;
    }
}

static int resolve(const char *name, struct rc_found *found)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *results = NULL;
    errno = 0;
    int status = status_of(getaddrinfo(name, NULL, &hints, &results));
    if (status == 0 && results != NULL) {
        found->count = take_turns(results, found->addresses);
        freeaddrinfo(results);
    }
    return status == 0 && found->count == 0 ? UV_EAI_NONAME : status;
}

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

/* Of the process, since its bound is: several clients on several loops. */
static struct rc_resolver names;
static pthread_once_t begun = PTHREAD_ONCE_INIT;

static void before_fork(void)
{
    rc_resolver_hold(&names);
}

static void after_fork(void)
{
    rc_resolver_resume(&names);
}

static void after_fork_in_child(void)
{
    rc_resolver_restart(&names);
}

static void begin(void)
{
    rc_resolver_init(&names, resolve, now_ms);
    pthread_atfork(before_fork, after_fork, after_fork_in_child);
}

struct rc_resolver *rc_names(void)
{
    pthread_once(&begun, begin);
    return &names;
}

/* SPDX-License-Identifier: MIT */
#ifndef TORTURE_BINDING_H
#define TORTURE_BINDING_H

/* A client over sockets of the kernel, with a memcached and a Redis at the other end of them, all
 * on one thread; its life, in which something fails, and the recovery behind it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mock.h"
#include "ringcache/ringcache.h"

enum { BINDING_CALLS_MAX = 4096 };

struct binding {
    bool own_loop; /* the client's, beside the servers' */
    bool outages;  /* what fails says something of a server */
    bool found_down;
    bool garbled; /* a server was heard to say what nobody asked for, in its greeting */
    uv_loop_t loop;
    struct mock memcached, redis;
    ringcache_client *client;
    bool recovering; /* nothing fails any more */
    unsigned accepted, answered, succeeded;
    unsigned char calls[BINDING_CALLS_MAX];
    unsigned lent, returned;
    unsigned posted, ran;
    unsigned closed;
    bool gone; /* the client's own loop is over */
};

/* The whole of it; `relent` ends the failures, which began before. `begin_fails` is what
 * ringcache_client_new may return under them. */
void binding_lead(bool own_loop, bool outages, int begin_fails, void (*relent)(void));

#endif

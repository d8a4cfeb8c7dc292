/* SPDX-License-Identifier: MIT */
#ifndef RC_TRANSPORT_UV_TRANSPORT_H
#define RC_TRANSPORT_UV_TRANSPORT_H

/* The transport over libuv: sockets under uv_poll, names through uv_getaddrinfo, and one turn made
 * of prepare, check, idle, async and timer handles. A process that stops it while a look-up hangs
 * in the system has to run its loop until that ends before uv_loop_close can succeed. */

#include <uv.h>

#include "transport/transport.h"

/* 0 or a negative errno. The loop is borrowed and outlives the transport. */
int rc_uv_transport_new(struct rc_transport **transport, uv_loop_t *loop);

/* Free what a stopped transport left; call it from (or after) the `closed` of its stop. */
void rc_uv_transport_free(struct rc_transport *transport);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef RC_TRANSPORT_UV_TRANSPORT_H
#define RC_TRANSPORT_UV_TRANSPORT_H

/* The transport over libuv: sockets under uv_poll, names by the resolver's threads, and one turn
 * made of prepare, check, idle, async and timer handles. Stopping it does not wait for a look-up
 * that hangs, nor does uv_loop_close behind it. */

#include <uv.h>

#include "transport/transport.h"

/* 0 or a negative errno. The loop is borrowed and outlives the transport. */
int rc_uv_transport_new(struct rc_transport **transport, uv_loop_t *loop);

/* Free what a stopped transport left; call it from (or after) the `closed` of its stop. */
void rc_uv_transport_free(struct rc_transport *transport);

#endif

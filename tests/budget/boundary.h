/* SPDX-License-Identifier: MIT */
#ifndef BUDGET_BOUNDARY_H
#define BUDGET_BOUNDARY_H

/* A transport in front of another one, so that the library's instructions can be told from the
 * world's: whatever enters the library does so through a function whose name begins with `inside_`,
 * and whatever it calls of the world is one that begins with `outside_`. callgrind is told to begin
 * and end counting at both (--toggle-collect). */

#include "transport/transport.h"

/* Of a function that callgrind shall see under its name. */
#define BOUNDARY __attribute__((noinline, used))

struct boundary;

/* NULL without memory. `inner` is borrowed. */
struct boundary *boundary_new(struct rc_transport *inner);
struct rc_transport *boundary_transport(struct boundary *boundary);
/* After the transport has stopped. */
void boundary_free(struct boundary *boundary);

#endif

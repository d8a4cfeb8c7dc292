/* SPDX-License-Identifier: MIT */
#ifndef TORTURE_CALLS_H
#define TORTURE_CALLS_H

/* A transport whose calls fail on demand, around any other. */

#include <stdbool.h>
#include <stdint.h>

#include "transport/transport.h"

enum transport_call { CALL_RESOLVE, CALL_CONNECT, CALL_WRITE, TRANSPORT_CALLS };

/* Call `n` of that kind from now on fails with `status`, and with `on` all behind it; 0: none. */
void calls_fail(
    struct rc_transport *transport, enum transport_call call, uint64_t n, bool on, int status);
/* No more failures. */
void calls_relent(void);
/* How many of that kind were made under failures, and how many failed, since calls_fail. */
uint64_t calls_made(enum transport_call call);
uint64_t calls_failed(void);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef TESTS_REAL_UV_FAULTS_H
#define TESTS_REAL_UV_FAULTS_H

#include <stdatomic.h>

/* How often, from now on, a call fails, with which errno; and how often it was made, by whichever
 * thread. `send` is of sendmsg, too. */
struct fault {
    atomic_int times, calls;
    int error;
};

struct faults {
    struct fault socket, connect, send, recv, alloc;
    struct fault poll; /* uv_poll_start: UV_EEXIST */
};

extern struct faults faults;

struct fault fault(int times, int error);

#endif

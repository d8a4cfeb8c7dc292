/* SPDX-License-Identifier: MIT */
#ifndef TESTS_REAL_UV_FAULTS_H
#define TESTS_REAL_UV_FAULTS_H

/* How often, from now on, a call fails, with which errno; and how often it was made. */
struct fault {
    int times, error, calls;
};

struct faults {
    struct fault socket, connect, sendmsg, recv, alloc;
    struct fault poll; /* uv_poll_start: UV_EEXIST */
};

extern struct faults faults;

struct fault fault(int times, int error);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef RC_BASE_LOAN_H
#define RC_BASE_LOAN_H

/* Bytes of a caller's that are sent from where they lie, and given back when they are needed no
 * more. A loan is in one place at a time: with the request that waits, then in the output of a
 * connection, then among those to be given back. */

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/slice.h"

struct rc_loan {
    struct rc_list link;
    struct rc_slice bytes;
    void (*release)(void *user, const void *data, size_t len); /* or NULL */
    void *user;
    unsigned char *gap; /* where an encoder left the bytes out; until more is appended there */
    uint64_t at;        /* of the first byte, in the stream of an output */
};

#endif

/* SPDX-License-Identifier: MIT */
#ifndef CHAOS_BOOK_H
#define CHAOS_BOOK_H

/* What the processes share: a player writes, the director reads at any time. Times are those of
 * uv_hrtime, which is one clock for all processes of a machine. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* The last SPARES of a ring are spare servers, where the policy asks any. */
enum { SERVERS = 5, SPARES = 1, PLAYERS = 2, KEYS = 3000 };

/* How a player's client sees one server. */
struct fate {
    _Atomic bool out;
    _Atomic uint64_t outages;
    _Atomic uint64_t first_out_ns;
    _Atomic uint64_t out_ns, back_ns; /* when it last went out of service, and came back */
};

struct book {
    _Atomic uint64_t answered;
    _Atomic uint64_t failed;
    _Atomic uint64_t at_once;         /* of these: nobody was asked, the server being out */
    _Atomic uint64_t last_failure_ns; /* of the others */
    _Atomic uint64_t checked, missed; /* gets answered; of these, without a value */
    _Atomic uint64_t stale, wrong;    /* another value than was last written; another key's */
    _Atomic uint64_t stall_ns;        /* the longest that the loop was held up */
    struct fate fates[SERVERS];
};

struct shared {
    /* The number in the value that was last written under a key, or was meant to be. */
    _Atomic uint32_t meant[KEYS];
    struct book books[PLAYERS];
};

/* What a director says to a player, a byte each; the player says it back when it is done. */
enum order {
    ORDER_GREET = 'g',
    ORDER_TRAFFIC = 't', /* some gets and sets, now and then, from now on */
    ORDER_REST = 'r',    /* no more of that */
    ORDER_WRITE = 'w',   /* every key once, a new value */
    ORDER_READ = 'c',    /* every key once */
    ORDER_END = 'e',
};

#endif

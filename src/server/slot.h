/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_SLOT_H
#define RC_SERVER_SLOT_H

/* A reply that is due: what is known of its command, and whose it is. */

#include <stdbool.h>
#include <stdint.h>

/* One reply due on one connection. */
struct rc_slot {
    struct rc_slot *next;  /* the next younger */
    struct rc_slot *ahead; /* NULL, or to be fetched when this one is answered; may be gone then */
    uint64_t token;
    uint32_t bytes; /* of its command, in the connection's output stream */
    uint8_t verb;   /* enum rc_verb */
    uint8_t left;   /* of a batch, the replies from this one to the last; 0: no batch */
    /* What makes its reply other than the usual one (rc_codec.usual). */
    union {
        struct {
            bool strict : 1, want_cas : 1, want_ttl : 1, program : 1; /* as in rc_command */

            bool dated : 1;       /* its answer is held against the divide */
            bool unasked_cas : 1; /* … for which its caller did not ask */
            bool scripted : 1;    /* redis: its command is a script */
            bool replaced : 1;    /* what it reads was to be, in front of it, in vain */
        };
        uint8_t unusual; /* 0: none of it */
    };
    bool joined : 1;    /* its bytes are part of the command of the slot before it */
    bool tombstone : 1; /* nobody waits any more */
    bool due : 1;       /* in a pipeline */
    bool logged : 1;    /* its key is in the connection's log of unanswered writes */
    bool noted : 1;     /* … of unanswered reads */
    bool fleeting : 1;  /* rc_command.fleeting */
    bool requested : 1; /* part of a request; else the library's own command … */
    bool sweep : 1;     /* … and this of a struct rc_sweep */
};

_Static_assert(sizeof(struct rc_slot) <= 32, "two in a line of the cache");

#endif

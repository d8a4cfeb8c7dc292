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
    uint64_t end;          /* offset in the connection's output stream behind its last byte */
    uint64_t token;
    /* What makes its reply other than the usual one (rc_codec.usual). */
    union {
        struct {
            bool strict, want_cas, want_ttl, program; /* as in rc_command */

            bool dated;        /* its answer is held against the divide */
            bool unasked_cas;  /* … for which its caller did not ask */
            bool scripted;     /* redis: its command is a script */
            bool sweep : 1;    /* no request's: of a struct rc_sweep */
            bool replaced : 1; /* what it reads was to be, in front of it, in vain */
        };
        uint64_t unusual; /* 0: none of it */
    };
    uint8_t verb;       /* enum rc_verb */
    uint8_t left;       /* of a batch, the replies from this one to the last; 0: no batch */
    bool joined;        /* its bytes are part of the command of the slot before it */
    bool tombstone;     /* nobody waits any more */
    bool due;           /* in a pipeline */
    bool logged;        /* its key is in the connection's log of unanswered writes */
    bool noted;         /* … of unanswered reads */
    bool fleeting : 1;  /* rc_command.fleeting */
    bool requested : 1; /* part of a request; else the library's own command */
};

#endif

/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_REQUEST_H
#define RC_SERVER_REQUEST_H

/* The life of a request in this layer:
 *
 *     NEW ── rc_server_submit ──► WAITING ── encoded ──► SENT ──┐
 *      │                             │                          ├──► FINISHED ── drain ──► callback
 *      │                             ▲                │         │
 *      │                             └─ its connection┘         │
 *      │                                ended: never left,      │
 *      │                                or a read, once         │
 *      └───────── refused: down ─────┴── deadline, cancel, end ─┘
 *
 * One that is JOINED waits for what another request brings, and is in no lane.
 *
 * Everything leaves through rc_request_finish, once. A request is what the caller asked; a slot is
 * one reply that a connection still owes. When a request ends early its slot stays behind as a
 * tombstone and swallows that reply; only then may the memory be used again. */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/slice.h"
#include "base/wheel.h"
#include "codec/codec.h"
#include "server/slot.h"

struct rc_conn;
struct rc_env;
struct rc_front;
struct rc_lane;
struct rc_request;

enum rc_request_state {
    RC_REQUEST_NEW,
    RC_REQUEST_WAITING,   /* in a lane: provably not sent, or a read that is sent once more */
    RC_REQUEST_SENT,      /* encoded into a connection's output */
    RC_REQUEST_JOINED,    /* in a list of its owner's, until another request is answered */
    RC_REQUEST_FINISHED,  /* in the queue of finished requests */
    RC_REQUEST_DELIVERED, /* its callback ran; only a tombstone may still hold it */
};

/* How a request ended; slices are valid until its callback returned. */
struct rc_result {
    int status;
    uint32_t flags;
    uint32_t marks;  /* RC_MARK_STALE … */
    uint8_t refusal; /* enum rc_refusal */
    bool maybe_applied;
    uint64_t cas;
    union {
        uint64_t number; /* rc_verb_brings_number */
        int64_t ttl_ms;  /* of all else */
    };
    struct rc_slice value;
    struct rc_slice message;
};

/* The copy of a command that could not be encoded at once, whose key the reply has to repeat, or
 * that may have to be sent once more. A value that is lent is not copied. */
struct rc_body {
    struct rc_command command;
    struct rc_wire *wire; /* see rc_request_wire */
    size_t size;          /* of this allocation */
    unsigned char bytes[];
};

/* What the bytes of a command depend on besides the command. */
struct rc_manner {
    const struct rc_codec *codec;
    uint64_t divide;
    uint64_t item_max_bytes;
    bool echoes;
};

/* A command as a connection had encoded it before it ended, of which nothing left: for the next
 * one, if that has the same manner. Its loan is with the request's body. */
struct rc_wire {
    struct rc_manner manner;
    size_t gap; /* bytes in front of what is lent */
    size_t len;
    unsigned char bytes[];
};

struct rc_request {
    struct rc_slot slot;
    struct rc_list link;  /* in lane->waiting or env->finished */
    struct rc_lane *lane; /* whose it is from submission on; of one that was JOINED: NULL */
    struct rc_body *body;
    union {
        struct { /* until it is FINISHED */
            struct rc_deadline deadline;
            uint64_t started_us;
            uint64_t noted; /* by the journal, when it was encoded last */
        };
        struct { /* from then on */
            struct rc_result result;
            uint64_t elapsed_us;
        };
    };
    uint32_t attempts;
    uint8_t state;    /* enum rc_request_state */
    uint8_t audience; /* its owner's: who is told */
    bool lagged;      /* its deadline was put off by env->lag_ms */
    bool bulk : 1;    /* one of many: its lane counts those, and it leaves in a batch if it can */
    bool reread : 1;  /* a read, sent once more as its connection had ended: not a third time */
    bool outrun : 1;  /* a later write to its key was lost while it waited: its own is to go */
};

/* Whose it is; NULL: the library's own. */
static inline struct rc_request *rc_slot_request(const struct rc_slot *slot)
{
    return slot->requested ? rc_container(slot, struct rc_request, slot) : NULL;
}

/* The copy of its command, or NULL. */
static inline struct rc_body *rc_slot_body(const struct rc_slot *slot)
{
    const struct rc_request *request = rc_slot_request(slot);
    return request != NULL ? request->body : NULL;
}

/* WAITING, once more: its command as it was encoded; else NULL. */
static inline struct rc_wire *rc_request_wire(const struct rc_request *request)
{
    return request->body != NULL ? request->body->wire : NULL;
}

static inline bool rc_verb_writes(enum rc_verb verb)
{
    return verb <= RC_VERB_FLUSH && verb != RC_VERB_GET;
}

/* Has its answer a number? Then it has no time to live. */
static inline bool rc_verb_brings_number(enum rc_verb verb)
{
    return verb == RC_VERB_INCREMENT || verb == RC_VERB_DECREMENT || verb == RC_VERB_KEYS;
}

/* Is its answer an item that is there? */
static inline bool rc_verb_reads_item(enum rc_verb verb)
{
    return verb == RC_VERB_GET || verb == RC_VERB_GET_AND_TOUCH || verb == RC_VERB_LEASE;
}

/* The one exit: takes it off the wheel and out of its lane, and queues it for its callback. */
void rc_request_finish(
    struct rc_env *env, struct rc_request *request, const struct rc_result *result);

/* The same into another queue than the one that is drained next, and without asking for a drain. */
void rc_request_finish_into(struct rc_env *env, struct rc_request *request,
    const struct rc_result *result, struct rc_list *queue);

/* The same of one that was SENT, whose reply is the usual one. */
void rc_request_answer(
    struct rc_env *env, struct rc_request *request, const struct rc_usual *reply);

/* Its callback ran. */
void rc_request_delivered(struct rc_request *request);

/* Keep a copy of the command; 0 or RINGCACHE_ENOMEM. */
int rc_request_keep(
    struct rc_env *env, struct rc_request *request, const struct rc_command *command);
/* Keep its key alone. */
void rc_request_forget_value(struct rc_env *env, struct rc_request *request);
void rc_request_forget_body(struct rc_env *env, struct rc_request *request);

/* Keep the bytes of its command, of which it has a body; 0 or RINGCACHE_ENOMEM. */
int rc_request_keep_wire(struct rc_env *env, struct rc_request *request,
    const struct rc_front *front, const struct rc_manner *manner);
void rc_request_forget_wire(struct rc_env *env, struct rc_request *request);

/* rc_deadline.due of a request. */
void rc_request_expire(struct rc_deadline *deadline, uint64_t now_ms);

/* End it early (deadline, cancel): a slot that is due becomes a tombstone, and a write that was
 * encoded may be applied all the same. */
void rc_request_abandon(
    struct rc_env *env, struct rc_request *request, int status, const char *message);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef RC_CLIENT_FLIGHT_H
#define RC_CLIENT_FLIGHT_H

/* A flight: callers who wait together for what one request, or several in turn, bring for a key.
 *
 *     callers ──join──► flight ──ask──► request to the server (a step)
 *        ▲                 ▲                    │
 *        └── answer all ───┴──── answered ──────┘
 *
 * A caller is an operation like any other (its deadline, its cancellation, its one callback) whose
 * request is JOINED: it is in no lane, and gets the result of a step. A flight is found by its key
 * while it is open; a write of this client's to that key shuts it, so that nobody who asks after
 * the write gets an answer from before it. It is freed by rc_flight_end, once, with no step and no
 * caller left. */

#include "base/slice.h"
#include "base/tree.h"
#include "base/wheel.h"
#include "codec/codec.h"
#include "ringcache/client.h"

struct rc_flight;
struct rc_operation;
struct rc_request;
struct rc_result;
struct rc_submission;

struct rc_flight_kind {
    size_t size; /* of its structure, which begins with a rc_flight */
    /* The step was answered. Callers are told from here; may end the flight. */
    void (*answered)(struct rc_flight *flight, const struct rc_request *step);
    /* The time of `pause` has come; NULL where it is never armed. */
    void (*due)(struct rc_flight *flight);
    /* One of the callers left early, which was not the flight's doing, or the client closes and all
     * have: nothing more needs to be asked, unless somebody is left. May end the flight. */
    void (*left)(struct rc_flight *flight);
};

/* What keeps flights of one key apart. */
enum rc_flight_sort { RC_FLIGHT_GET, RC_FLIGHT_FETCH, RC_FLIGHT_REFRESH, RC_FLIGHT_UPDATE };

struct rc_flight {
    struct rc_tree_node node; /* in `tree` while it is open */
    struct rc_tree *tree;
    struct rc_list link; /* in client->flights */
    struct ringcache_client *client;
    const struct rc_flight_kind *kind;
    enum rc_flight_sort sort;
    uint32_t options; /* of its reads */
    struct rc_slice key, route;
    struct rc_list callers;   /* rc_request.link */
    ringcache_id step;        /* the request under way; 0: none */
    enum rc_verb verb;        /* of the last one */
    struct rc_server *asked;  /* … and whom it was sent to */
    uint64_t table_number;    /* of the ring that it was sent by */
    uint32_t attempts;        /* of the steps that were answered */
    struct rc_deadline pause; /* for its kind */
    const char *waits_for;    /* what a caller is told whose deadline passes */
    bool open;
    bool overtaken; /* its key was written since it was read, as far as this client knows */
    size_t size;    /* of its memory */
};

/* What a flight is about. */
struct rc_flight_subject {
    enum rc_flight_sort sort;
    uint32_t options;
    struct rc_slice key, route; /* route.data NULL: the key routes */
};

/* A new flight, its key and route copied: shut, the kind's own part zeroed. 0, or RINGCACHE_EBUSY
 * or _ENOMEM, which are noted. */
int rc_flight_new(ringcache_client *client, const struct rc_flight_kind *kind,
    const struct rc_flight_subject *subject, struct rc_flight **out);
/* Free it. */
void rc_flight_end(struct rc_flight *flight);

/* The open flight about that, or NULL. */
struct rc_flight *rc_flight_find(
    const struct rc_tree *tree, const struct rc_flight_subject *subject);
/* The open read that a caller may join, or NULL: none from before a write that failed in a client
 * which shares with this one. */
struct rc_flight *rc_flight_to_join(
    ringcache_client *client, const struct rc_flight_subject *subject);
/* Let callers join it from here on. */
void rc_flight_open(struct rc_flight *flight, struct rc_tree *tree);
/* Let none. Idempotent. */
void rc_flight_shut(struct rc_flight *flight);

/* A caller, of rc_client_begin, waits for the flight: it is accepted. */
void rc_flight_board(struct rc_flight *flight, struct rc_operation *op,
    const struct rc_submission *s, ringcache_id *id);

/* Who has waited longest, or NULL. */
struct rc_operation *rc_flight_first(const struct rc_flight *flight);
/* Its callers wait for another one. */
void rc_flight_hand_over(struct rc_flight *flight, struct rc_flight *to);

/* Send a step on its way, with the key and the route of the flight; one at a time. `until_ms` is
 * its deadline. 0 or a status, noted. */
int rc_flight_ask(struct rc_flight *flight, struct rc_command *command, uint64_t until_ms);

/* End every caller with what a step brought, within `answered`. */
void rc_flight_pass_on(struct rc_flight *flight, const struct rc_request *step);
/* End every caller with a result of the flight's own. */
void rc_flight_tell(struct rc_flight *flight, const struct rc_result *result);

static inline bool rc_flight_awaited(const struct rc_flight *flight)
{
    return !rc_list_empty(&flight->callers);
}

/* Is its last step's ring no longer the one in force? Then a token which that one brought may be
 * another server's. */
bool rc_flight_strayed(const struct rc_flight *flight);

/* A step was answered (client.c). */
void rc_flight_answered(struct rc_flight *flight, const struct rc_request *step);
/* A caller is cancelled. */
void rc_flight_leave(struct rc_operation *op, int status, const char *message);

/* This client writes `key`, or anything (NULL data), or one that shares with it failed to: whoever
 * asks from here on is to see it. */
void rc_flights_overtake(ringcache_client *client, struct rc_slice key);
/* The client closes: every caller ends. */
void rc_flights_close(ringcache_client *client);

#endif

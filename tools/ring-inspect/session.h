/* SPDX-License-Identifier: MIT */
#ifndef INSPECT_SESSION_H
#define INSPECT_SESSION_H

/* A client on a loop of its own, for the commands that ask servers. */

#include <ringcache/client.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "command.h"
#include "keys.h"
#include "setup.h"

struct session {
    struct setup setup;
    uv_loop_t loop;
    ringcache_client *client;
    size_t pending; /* counted up at submission, down in each callback */
    int worst;      /* exit status over all keys; session_note raises it */
    bool looping;
    bool closed;
};

/* Returns EXIT_DONE, or another exit status after complaining. */
int session_open(struct session *session, const struct call *call);
/* Run the loop until nothing is pending. */
void session_wait(struct session *session);
/* What came of one key; the worst of all that was noted is the exit status in the end. */
void session_note(struct session *session, int status);
/* Also after a failed opening. Returns `status`, or the worst that was noted when that is
 * EXIT_DONE. */
int session_close(struct session *session, int status);

/* Complain that a call was refused with `status`; returns the exit status: what was wrong with the
 * command line is no live failure. */
int session_refused(const struct session *session, int status);
/* Complain that a key was just refused as such, with `json` also as a document in its place; notes
 * that. Returns EXIT_DONE, since other keys may do better, or EXIT_LIVE. */
int session_refused_key(struct session *session, const struct key *key, bool json);

/* Nanoseconds, as uv_hrtime counts them, in milliseconds. */
double session_ms(uint64_t elapsed_ns);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_DIAL_H
#define RC_SERVER_DIAL_H

/* From a name to a standing stream: resolve, then try the addresses in order, those that last led
 * nowhere behind the others: the next one as soon as one failed, and at the latest 250 ms after it
 * began (RFC 8305) or earlier where many share what is left of the time. The first that stands wins
 * and the others are closed. The deadline of the whole is the owner's to keep. */

#include <stdbool.h>
#include <stdint.h>

#include "base/wheel.h"
#include "server/dead.h"
#include "transport/transport.h"

struct rc_env;

enum { RC_DIAL_ADDRESSES = 8, RC_DIAL_STAGGER_MS = 250 };

struct rc_dial;

/* One address being tried; the winner stays the owner of its stream's events. */
struct rc_attempt {
    struct rc_dial *dial;
    struct rc_stream *stream;
};

struct rc_dial {
    struct rc_env *env;
    /* The owner's: `connected` once, when a stream stands or no address works; then the winner's
     * events. */
    const struct rc_stream_events *events;
    const struct rc_stream_events *attempt_events;
    void *owner;
    struct rc_lookup *lookup;
    struct rc_dead *dead; /* what is remembered of the server's addresses */
    uint64_t deadline_ms; /* when the owner will give up */
    struct rc_attempt *winner;
    struct rc_stream *stream; /* the winner's */
    struct rc_deadline stagger;
    struct rc_address addresses[RC_DIAL_ADDRESSES];
    struct rc_attempt attempts[RC_DIAL_ADDRESSES];
    size_t count, tried;
    int failure; /* the last that says something of the server, or else of our own machine */
};

void rc_dial_init(
    struct rc_dial *dial, struct rc_env *env, const struct rc_stream_events *events, void *owner);
/* Begin; `dead` outlives the dial. 0 or a negative errno, then nothing will be told. */
int rc_dial_start(struct rc_dial *dial, const struct rc_endpoint *endpoint, struct rc_dead *dead,
    uint64_t deadline_ms);
/* Who answers at the winner's address is not the server: the next dial tries it last. */
void rc_dial_blame(struct rc_dial *dial);
/* Close all that is open, the winner too; nothing is told any more. Idempotent. */
void rc_dial_close(struct rc_dial *dial);

#endif

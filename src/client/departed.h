/* SPDX-License-Identifier: MIT */
#ifndef RC_CLIENT_DEPARTED_H
#define RC_CLIENT_DEPARTED_H

/* What is kept of servers that left the ring, for when they join again: which they were, and the
 * keys that were written there in vain. Where there are more keys than the journal of one server
 * holds, those of the oldest are dropped, as if its journal had overflowed. Where there are too
 * many servers, the oldest is forgotten that has no such keys, or else the oldest of all, and joins
 * as one that never was here. */

#include "base/list.h"
#include "config/config.h"
#include "server/journal.h"

enum { RC_DEPARTED_MAX = 256 };

/* Made with the server, so that nothing can fail when it leaves. */
struct rc_departed {
    struct rc_list link;
    struct rc_server_uri uri;
    struct rc_journal journal;
};

struct rc_departures {
    struct rc_list all; /* rc_departed.link, the oldest first */
    size_t count;
    size_t entries, most_entries; /* keys in all of their journals */
    uint64_t forgotten;           /* servers, in all */
};

void rc_departures_init(struct rc_departures *departures, size_t most_entries);
void rc_departures_deinit(struct rc_departures *departures);

/* NULL when there is no memory. */
struct rc_departed *rc_departed_new(void);
/* NULL is allowed. */
void rc_departed_free(struct rc_departed *departed);

/* It left: `departed`, whose URI and journal were filled in, is taken over. */
void rc_departures_keep(struct rc_departures *departures, struct rc_departed *departed);
/* Another client wrote there in vain, whatever backend it is that has that name; or something that
 * nobody knows any more. */
void rc_departures_note(struct rc_departures *departures, const char *name, uint32_t lane,
    const struct rc_lost *lost, uint64_t random);
void rc_departures_miss(struct rc_departures *departures);
/* It joins: what was kept of that name and backend, which is the caller's from here on; or NULL. */
struct rc_departed *rc_departures_take(
    struct rc_departures *departures, const struct rc_server_uri *uri);

#endif

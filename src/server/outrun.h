/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_OUTRUN_H
#define RC_SERVER_OUTRUN_H

/* Lost writes, and older ones to their keys that are still to leave: the delete for what was lost
 * outruns those, and what they store is older, so that it has to go once more behind each. The lost
 * ones are gathered, and those that wait looked through once for all of them. Age is by the tokens
 * of commands, which rise as requests are submitted. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "server/key_log.h"

struct rc_lost;

struct rc_outrun {
    struct rc_key_log keys;
    size_t count;
    bool blind;        /* there was no memory for a key … */
    uint64_t blind_to; /* … of a write with that token, or an older one */
};

/* The write with `token` was lost. One under a CAS token deletes the value of that token alone, and
 * an ADD nothing: both outrun none. */
void rc_outrun_note(struct rc_outrun *o, const struct rc_lost *lost, uint64_t token);

/* Of `requests` (rc_request.link, with their bodies), mark the writes that were outrun, and forget
 * what was lost. Without memory, all that are old enough. */
void rc_outrun_mark(struct rc_outrun *o, const struct rc_list *requests);

void rc_outrun_deinit(struct rc_outrun *o);

#endif

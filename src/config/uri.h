/* SPDX-License-Identifier: MIT */
#ifndef RC_CONFIG_URI_H
#define RC_CONFIG_URI_H

/* A server's URI to a server. */

#include "config/config.h"
#include "config/message.h"

/* 0, RINGCACHE_ECONFIG with the reason added to `why`, or RINGCACHE_ENOMEM. `*server` (its place
 * stays NULL) is the caller's on success and untouched on failure.
 *
 * The reason shows the parts of the URI that were understood and *** for the rest: a part that was
 * not understood may be, or hold, a piece of a password. */
int rc_uri_parse(struct rc_slice uri, struct rc_server_uri *server, struct rc_message *why);

#endif

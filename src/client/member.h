/* SPDX-License-Identifier: MIT */
#ifndef RC_CLIENT_MEMBER_H
#define RC_CLIENT_MEMBER_H

/* A server as its client has it (struct rc_member_server): what it tells goes to the events, the
 * guests and the other clients of the process; what it asks is answered from the table in force. */

#include "config/config.h"
#include "ringcache/client.h"

struct rc_member_server;

/* In no list yet; NULL when there is no memory. */
struct rc_member_server *rc_member_new(ringcache_client *client, const struct rc_server_uri *uri);
void rc_member_free(struct rc_member_server *member);

#endif

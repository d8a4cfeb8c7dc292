/* SPDX-License-Identifier: MIT */
#ifndef RC_CLIENT_REGREETING_H
#define RC_CLIENT_REGREETING_H

/* Members that go on under another user or password: what is written there in vain, and older
 * connections that may still write, are one backend's, whoever it is told that we are. For
 * members.c alone. */

#include "config/config.h"
#include "server/greeting.h"

struct ringcache_client;
struct rc_member_server;

/* What is to take the place of what the member has: everything that can fail, ahead. */
struct rc_regreeting {
    struct rc_member_server *member; /* NULL: it goes on as it is, or is new */
    struct rc_server_uri uri;
    struct rc_credentials who;
};

/* Those of a server of this client, borrowed from `uri`. */
struct rc_credentials rc_credentials_of(
    const struct ringcache_client *client, const struct rc_server_uri *uri);

/* `regreeting` is zeroed, and stays so where the credentials are the same. 0 or RINGCACHE_ENOMEM,
 * after which it is still to be freed. */
int rc_regreeting_init(struct rc_regreeting *regreeting, struct rc_member_server *member,
    const struct rc_server_uri *uri);
/* Put all `count` in force, and free them. */
void rc_regreetings_commit(struct rc_regreeting *regreetings, size_t count);
/* NULL is allowed. */
void rc_regreetings_free(struct rc_regreeting *regreetings, size_t count);

#endif

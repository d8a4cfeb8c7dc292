/* SPDX-License-Identifier: MIT */
#ifndef RC_CLIENT_KNOWN_H
#define RC_CLIENT_KNOWN_H

/* The members that a client has, found by name while a change is made. For members.c alone. */

#include "base/list.h"
#include "base/places.h"
#include "config/config.h"

struct rc_member_server;

struct rc_known {
    struct rc_member_server **members;
    struct rc_places places;
};

/* `members`: rc_member_server.link. 0 or RINGCACHE_ENOMEM. */
int rc_known_init(struct rc_known *known, const struct rc_list *members);
void rc_known_deinit(struct rc_known *known);

/* The member that can go on serving `uri`: same name, same backend, whatever its credentials. */
struct rc_member_server *rc_known_find(
    const struct rc_known *known, const struct rc_server_uri *uri);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef RC_CLIENT_GROWTH_H
#define RC_CLIENT_GROWTH_H

/* Changes of the rings, one after the other. A small one is in force when its call returns; a large
 * ring is built aside, while the one in force serves on:
 *
 *     change ──► ring built aside ──► its servers made ──► in force, told
 *        └── while one is: edited into what is next ────────┘
 *
 * The servers are made on the loop, a part in each turn. What is next is one configuration, however
 * many changes it holds: they are built as one ring, and each is told. */

#include "base/list.h"
#include "config/config.h"
#include "ringcache/client.h"

struct rc_build;
struct rc_event_node;

struct rc_growth {
    struct rc_build *build; /* under way; NULL: none */
    ringcache_config *next; /* accepted behind it; NULL: nothing */
    struct rc_list events;  /* what tells of that */
};

void rc_growth_init(struct rc_growth *growth);

/* What the next change is to edit. */
const ringcache_config *rc_growth_newest(const ringcache_client *client);

/* Put `config`, which was checked, in force, now or later, and then queue `event`: both are taken
 * over. 0, or RINGCACHE_ENOMEM, and nothing changes. */
int rc_growth_change(
    ringcache_client *client, ringcache_config *config, struct rc_event_node *event);

/* Is a change accepted that is not in force yet? */
static inline bool rc_growth_is_under_way(const struct rc_growth *growth)
{
    return growth->build != NULL || growth->next != NULL;
}

/* Go on with what was built, and begin what was accepted meanwhile. In each drain. */
void rc_growth_go_on(ringcache_client *client);

/* Nothing changes any more. Never waits. */
void rc_growth_close(ringcache_client *client);

#endif

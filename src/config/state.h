/* SPDX-License-Identifier: MIT */
#ifndef RC_CONFIG_STATE_H
#define RC_CONFIG_STATE_H

/* The configuration itself, for the files of this layer. */

#include "config/option.h"

enum { RC_CONFIG_ERROR_SIZE = 512, RC_CONFIG_PLACE_SIZE = 1024 };

struct ringcache_config {
    struct rc_values values;
    char *origins[RC_OPTION_COUNT]; /* "file:line:column", "" for a call, NULL: never set */
    struct rc_server_uri *servers;
    size_t server_count, server_room;
    char **warnings;
    size_t warning_count, warning_room;
    char *error; /* RC_CONFIG_ERROR_SIZE bytes, writable also where the rest is const */
};

/* Set `option` to `value`, which stands at `place` ("" for a call). 0, RINGCACHE_ECONFIG with
 * "option: reason" added to `why`, or RINGCACHE_ENOMEM; nothing changes on failure. */
int rc_config_apply(ringcache_config *config, const struct rc_option *option, struct rc_slice value,
    const char *place, struct rc_message *why);

/* Add to `why` that no option has this name, of which only what looks like one is shown. */
void rc_config_add_unknown(struct rc_message *why, struct rc_slice name);

/* Where the option `name`, which there is, was set: "" when by a call or not at all. */
const char *rc_config_origin(const ringcache_config *config, const char *name);

/* Exchange all but the texts of errors. */
void rc_config_swap(ringcache_config *a, ringcache_config *b);

/* Take server `index` out. */
void rc_config_drop_server(ringcache_config *config, size_t index);

/* Is the topology buildable? As ringcache_config_check, without its warnings; `*member` is the
 * server at fault, or SIZE_MAX. */
int rc_config_check_topology(const ringcache_config *config, size_t *member);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef RC_CONFIG_OPTION_H
#define RC_CONFIG_OPTION_H

/* The table of options: the one place that knows an option's name, range, default and where its
 * value is kept. Setter, file, command line and documentation all read it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "config/message.h"

enum { RC_OPTION_COUNT = 25 };

/* What options set; all but the servers. */
struct rc_values {
    struct rc_settings settings;
    enum rc_distribution distribution;
    uint32_t hash; /* 0: the distribution's own, else 1 + enum rc_hash */
    uint32_t points;
    uint32_t hash_namespace; /* 0 or 1 */
    bool tagged;
    unsigned char tag[2];
    char *name_space; /* NULL: none; owned */
};

enum rc_option_kind {
    RC_OPTION_SERVER,
    RC_OPTION_NUMBER,
    RC_OPTION_CHOICE,
    RC_OPTION_HASH,
    RC_OPTION_TAG,
    RC_OPTION_NAMESPACE,
};

struct rc_option {
    ringcache_option row;
    enum rc_option_kind kind;
    uint64_t min, max;    /* of a number */
    size_t offset, width; /* of a number's or a choice's field in rc_values */
};

/* The option of that name, or NULL. */
const struct rc_option *rc_option_find(struct rc_slice name);
/* Its row's index, 0..RC_OPTION_COUNT-1. */
size_t rc_option_index(const struct rc_option *option);

/* Every option at its default, none of which takes memory. */
void rc_values_init(struct rc_values *values);
int rc_values_copy(struct rc_values *to, const struct rc_values *from);
void rc_values_deinit(struct rc_values *values);

/* Set one value (of an option that is no server). 0, RINGCACHE_ECONFIG with the reason added to
 * `why`, or RINGCACHE_ENOMEM; nothing changes on failure. */
int rc_option_apply(struct rc_values *values, const struct rc_option *option, struct rc_slice value,
    struct rc_message *why);

/* The hash in force: the one that was set, else the distribution's own. */
enum rc_hash rc_values_hash(const struct rc_values *values);

#endif

/* SPDX-License-Identifier: MIT */
#include "client/client.h"

#include "base/alloc.h"

int rc_ring_from_config(struct ringcache_ring **ring, const ringcache_config *config,
    enum rc_role role, const struct ringcache_ring *base)
{
    int rc = rc_config_check(config);
    if (rc < 0) {
        return rc;
    }
    struct rc_member *members = rc_alloc_zeroed(rc_config_server_count(config), sizeof *members);
    if (members == NULL) {
        return RINGCACHE_ENOMEM;
    }
    struct rc_topology topology;
    rc_config_topology(config, role, &topology, members);
    rc = rc_ring_new_from(ring, &topology, base);
    rc_free(members);
    return rc;
}

static int new_ring(ringcache_ring **ring, const ringcache_config *config, enum rc_role role)
{
    if (ring == NULL || config == NULL) {
        return RINGCACHE_EINVAL;
    }
    return rc_ring_from_config(ring, config, role, NULL);
}

int ringcache_ring_new(ringcache_ring **ring, const ringcache_config *config)
{
    return new_ring(ring, config, RC_ROLE_OWNER);
}

int ringcache_ring_new_of_spares(ringcache_ring **ring, const ringcache_config *config)
{
    return new_ring(ring, config, RC_ROLE_SPARE);
}

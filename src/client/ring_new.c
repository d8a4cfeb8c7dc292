/* SPDX-License-Identifier: MIT */
#include "client/client.h"

#include "base/alloc.h"

static int ring_of_role(struct ringcache_ring **ring, const ringcache_config *config,
    enum rc_role role, const struct ringcache_ring *base)
{
    struct rc_member *members = rc_alloc_zeroed(rc_config_server_count(config), sizeof *members);
    if (members == NULL) {
        return RINGCACHE_ENOMEM;
    }
    struct rc_topology topology;
    rc_config_topology(config, role, &topology, members);
    int rc = rc_ring_new(ring, &topology, base);
    rc_free(members);
    return rc;
}

int rc_rings_new(
    struct rc_rings *rings, const ringcache_config *config, const struct rc_rings *base)
{
    struct rc_rings made = {.owners = NULL};
    int rc = ring_of_role(&made.owners, config, RC_ROLE_OWNER, base->owners);
    rc = rc == 0 ? ring_of_role(&made.spares, config, RC_ROLE_SPARE, base->spares) : rc;
    if (rc < 0) {
        rc_rings_unref(&made);
        return rc;
    }
    *rings = made;
    return 0;
}

void rc_rings_unref(struct rc_rings *rings)
{
    ringcache_ring_unref(rings->owners);
    ringcache_ring_unref(rings->spares);
    *rings = (struct rc_rings){.owners = NULL};
}

static int new_ring(ringcache_ring **ring, const ringcache_config *config, enum rc_role role)
{
    if (ring == NULL || config == NULL) {
        return RINGCACHE_EINVAL;
    }
    int rc = rc_config_check(config);
    return rc < 0 ? rc : ring_of_role(ring, config, role, NULL);
}

int ringcache_ring_new(ringcache_ring **ring, const ringcache_config *config)
{
    return new_ring(ring, config, RC_ROLE_OWNER);
}

int ringcache_ring_new_of_spares(ringcache_ring **ring, const ringcache_config *config)
{
    return new_ring(ring, config, RC_ROLE_SPARE);
}

/* SPDX-License-Identifier: MIT */
/* Linked from the objects of base, hash, ring and config alone: were one of them to need a socket,
 * a codec or libuv, this program would not link. */
#include "config/config.h"
#include "ring/ring.h"

#include <stdio.h>

/* 0 when the ring of both servers names an owner. */
static int locate(const ringcache_config *config)
{
    struct rc_member members[2];
    struct rc_topology topology = {0};
    ringcache_ring *ring = NULL;
    if (rc_config_server_count(config) != 2)
        return 1;
    rc_config_topology(config, RC_ROLE_ANY, &topology, members);
    if (rc_ring_new(&ring, &topology, NULL) != 0)
        return 1;
    size_t owner = ringcache_ring_locate(ring, "key", 3);
    ringcache_ring_unref(ring);
    return owner >= 2;
}

int main(void)
{
    ringcache_config *config = NULL;
    if (ringcache_config_new(&config) != 0)
        return 1;
    int failed = ringcache_config_add_server(config, "memcached://10.0.0.1:11211?name=one") ||
                 ringcache_config_add_server(config, "redis://10.0.0.2:6379?name=two") ||
                 ringcache_config_check(config) || locate(config);
    if (failed)
        fprintf(stderr, "no owner: %s\n", ringcache_config_error(config));
    ringcache_config_free(config);
    return failed;
}

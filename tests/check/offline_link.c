/* SPDX-License-Identifier: MIT */
/* Linked from the objects of base, hash, ring and config alone: were one of them to need a socket,
 * a codec or libuv, this program would not link. */
#include "ringcache/config.h"
#include "ringcache/ring.h"

#include <stdio.h>

static int locate(const ringcache_config *config)
{
    ringcache_ring *ring = NULL;
    if (ringcache_ring_new(&ring, config) != 0)
        return 1;
    size_t owner = ringcache_ring_locate(ring, "key", 3);
    int failed = owner >= ringcache_ring_server_count(ring);
    ringcache_ring_unref(ring);
    return failed;
}

int main(void)
{
    ringcache_config *config = NULL;
    if (ringcache_config_new(&config) != 0)
        return 1;
    int failed = ringcache_config_add_server(config, "memcached://10.0.0.1:11211?name=one") ||
                 ringcache_config_add_server(config, "redis://10.0.0.2:6379?name=two") ||
                 locate(config);
    if (failed)
        fprintf(stderr, "no owner: %s\n", ringcache_config_error(config));
    ringcache_config_free(config);
    return failed;
}

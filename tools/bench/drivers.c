/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <stdio.h>

const struct driver *const drivers[] = {
    &ringcache_driver,
    &floor_uv_driver,
    &floor_epoll_driver,
    &hiredis_async_driver,
    &hiredis_sync_driver,
    &libmemcached_driver,
    NULL,
};

int command_drivers(int argc, char **argv)
{
    (void)argv;
    for (size_t i = 0; drivers[i] != NULL && argc == 0; i++) {
        const char *absent = drivers[i]->absent;
        printf("{\"driver\": \"%s\", \"absent\": \"%s\"}\n", drivers[i]->name,
            absent != NULL ? absent : "");
    }
    return argc == 0 ? 0 : 2;
}

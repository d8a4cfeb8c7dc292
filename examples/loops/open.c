/* SPDX-License-Identifier: MIT */
#include "open.h"

#include <stdio.h>
#include <stdlib.h>

ringcache_client *open_client(int argc, char **argv, uv_loop_t *loop)
{
    ringcache_config *config = NULL;
    ringcache_client *client = NULL;
    int status = ringcache_config_new(&config);
    for (int i = 1; status == 0 && i < argc; i++)
        status = ringcache_config_add_server(config, argv[i]);
    if (status == 0)
        status = ringcache_client_new(&client, loop, config);
    if (status != 0) {
        fprintf(stderr, "%s: %s\n", ringcache_strerror(status),
            config != NULL ? ringcache_config_error(config) : "");
        exit(1);
    }
    ringcache_config_free(config);
    return client;
}

/* SPDX-License-Identifier: MIT */
/* A program of somebody else: built against the installed library alone, by pkg-config. */
#include <ringcache/ringcache.h>
#include <uv.h>

#include <stdio.h>
#include <string.h>

static void closed(ringcache_client *client, void *user)
{
    (void)client;
    *(int *)user = 1;
}

/* A client that asked nobody closes without ever having opened a connection. */
static int open_and_close(const ringcache_config *config)
{
    uv_loop_t loop;
    ringcache_client *client = NULL;
    int seen = 0;
    if (uv_loop_init(&loop) != 0)
        return 1;
    if (ringcache_client_new(&client, &loop, config) != 0)
        return 1;
    ringcache_client_close(client, closed, &seen);
    uv_run(&loop, UV_RUN_DEFAULT);
    return uv_loop_close(&loop) != 0 || !seen;
}

int main(void)
{
    ringcache_config *config = NULL;
    if (strcmp(ringcache_version(), RINGCACHE_VERSION) != 0)
        return 1;
    if (ringcache_config_new(&config) != 0)
        return 1;
    int failed = ringcache_config_add_server(config, "memcached://127.0.0.1:1?name=one") != 0 ||
                 open_and_close(config) != 0;
    ringcache_config_free(config);
    puts(failed ? "failed" : "ringcache " RINGCACHE_VERSION);
    return failed;
}

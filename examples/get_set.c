/* SPDX-License-Identifier: MIT */
/* Store one value, read it back, close.  Usage: get_set URI… */
#include <stdio.h>

#include <ringcache/ringcache.h>
#include <uv.h>

static void on_get(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    int *result = user;
    if (reply->status == RINGCACHE_OK) {
        printf("greeting = %.*s\n", (int)reply->value.len, (const char *)reply->value.data);
        *result = 0;
    } else {
        fprintf(stderr, "get: %s %s\n", ringcache_strerror(reply->status), reply->message);
    }
    ringcache_client_close(client, NULL, NULL);
}

static void on_set(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    int status = reply->status;
    if (status == RINGCACHE_OK)
        status = ringcache_get(client, "greeting", 8, on_get, user);
    if (status == RINGCACHE_OK)
        return;
    fprintf(stderr, "set: %s %s\n", ringcache_strerror(status), reply->message);
    ringcache_client_close(client, NULL, NULL);
}

int main(int argc, char **argv)
{
    ringcache_config *config = NULL;
    ringcache_client *client = NULL;
    int result = 1;
    int status = ringcache_config_new(&config);
    for (int i = 1; status == 0 && i < argc; i++)
        status = ringcache_config_add_server(config, argv[i]);
    if (status == 0)
        status = ringcache_client_new(&client, uv_default_loop(), config);
    if (status != 0)
        fprintf(stderr, "get_set: %s\n", config ? ringcache_config_error(config) : "out of memory");
    ringcache_config_free(config);
    if (client == NULL)
        return 1;

    status = ringcache_set(client, "greeting", 8, "hello, ring", 11, 60 * 1000, on_set, &result);
    if (status != 0) {
        fprintf(stderr, "get_set: %s\n", ringcache_client_error(client));
        ringcache_client_close(client, NULL, NULL);
    }
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    return uv_loop_close(uv_default_loop()) == 0 ? result : 1;
}

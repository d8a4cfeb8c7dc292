/* SPDX-License-Identifier: MIT */
/* Ten changes of one value by what it is, none of them lost.  Usage: update URI… */
#include <stdio.h>
#include <string.h>

#include <ringcache/ringcache.h>
#include <uv.h>

enum { UPDATES = 10 };

static unsigned answered, updated;

/* The value with one more star. */
static void add_star(
    ringcache_client *client, const ringcache_reply *now, ringcache_change *change, void *user)
{
    char stars[64] = "";
    (void)client;
    (void)user;
    size_t len = now->value.len < sizeof stars - 1 ? now->value.len : sizeof stars - 1;
    if (now->status == RINGCACHE_OK && len > 0)
        memcpy(stars, now->value.data, len);
    stars[len] = '*';
    ringcache_change_store(change, stars, len + 1, 60 * 1000);
}

static void on_updated(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)user;
    if (reply->status != RINGCACHE_OK)
        fprintf(stderr, "update: %s %s\n", ringcache_strerror(reply->status), reply->message);
    updated += reply->status == RINGCACHE_OK;
    if (++answered == UPDATES)
        ringcache_client_close(client, NULL, NULL);
}

int main(int argc, char **argv)
{
    ringcache_config *config = NULL;
    ringcache_client *client = NULL;
    int status = ringcache_config_new(&config);
    for (int i = 1; status == 0 && i < argc; i++)
        status = ringcache_config_add_server(config, argv[i]);
    if (status == 0)
        status = ringcache_client_new(&client, uv_default_loop(), config);
    if (status != 0)
        fprintf(stderr, "update: %s\n", config ? ringcache_config_error(config) : "out of memory");
    ringcache_config_free(config);
    if (client == NULL)
        return 1;

    const ringcache_request stars = {.key = {"stars", 5}};
    for (int i = 0; status == 0 && i < UPDATES; i++)
        status = ringcache_update(client, &stars, add_star, on_updated, NULL, NULL);
    if (status != 0)
        ringcache_client_close(client, NULL, NULL);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    printf("%u updates\n", updated);
    return uv_loop_close(uv_default_loop()) == 0 && updated == UPDATES ? 0 : 1;
}

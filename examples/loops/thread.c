/* SPDX-License-Identifier: MIT */
/* The loop has a thread of its own; another one hands it work: a thousand items to store.
 * Usage: thread URI… */
#include "open.h"
#include <stdio.h>
#include <uv.h>

enum { ITEMS = 1000 };
struct item {
    char key[16];
    int status;
};

static void on_set(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client;
    ((struct item *)user)->status = reply->status;
}

static void store(ringcache_client *client, void *user)
{
    struct item *item = user;
    item->status = ringcache_set(client, item->key, 9, "stored", 6, 0, on_set, item);
}

/* Runs behind all that was posted before: with the last answer the loop ends. */
static void finish(ringcache_client *client, void *user)
{
    (void)user;
    ringcache_client_unref(client);
}

static void run(void *loop)
{
    uv_run(loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv)
{
    static struct item items[ITEMS];
    uv_loop_t *loop = uv_default_loop();
    ringcache_client *client = open_client(argc, argv, loop);
    uv_thread_t thread;
    ringcache_client_ref(client); /* no request is pending yet, but some will be */
    int status = uv_thread_create(&thread, run, loop);
    for (unsigned i = 0; i < ITEMS && status == 0; i++) {
        snprintf(items[i].key, sizeof items[i].key, "item:%04u", i);
        status = ringcache_post(client, store, &items[i]);
    }
    if (status != 0 || ringcache_post(client, finish, NULL) != 0)
        return 1;
    uv_thread_join(&thread);
    ringcache_client_close(client, NULL, NULL); /* the loop's thread has ended: it is ours again */
    run(loop);
    unsigned stored = 0;
    for (unsigned i = 0; i < ITEMS; i++)
        stored += items[i].status == RINGCACHE_OK;
    printf("%u stored\n", stored);
    return uv_loop_close(loop) != 0 || stored != ITEMS;
}

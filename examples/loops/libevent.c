/* SPDX-License-Identifier: MIT */
/* ringcache inside libevent: one event, for the descriptor and for the time.
 * Usage: libevent URI… */
#include <event2/event.h>
#include <stdio.h>

#include "open.h"

struct cache {
    ringcache_client *client;
    struct event *event;
    int result;
};

/* After a call to the client that is made outside its callbacks, this has to run once more:
 * event_active(cache->event, EV_TIMEOUT, 0). */
static void step(evutil_socket_t fd, short what, void *user)
{
    struct cache *cache = user;
    (void)fd, (void)what;
    if (ringcache_loop_step(cache->client) != 0)
        return; /* gone, and the event with it */
    int ms = ringcache_loop_timeout_ms(cache->client);
    const struct timeval wait = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    event_add(cache->event, ms < 0 ? NULL : &wait);
}

static void on_close(ringcache_client *client, void *user)
{
    (void)client;
    event_free(((struct cache *)user)->event); /* while the descriptor is still open */
}

static void on_set(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct cache *cache = user;
    cache->result = reply->status != RINGCACHE_OK;
    printf("set: %s\n", ringcache_strerror(reply->status));
    ringcache_client_close(client, on_close, cache);
}

int main(int argc, char **argv)
{
    struct cache cache = {.client = open_client(argc, argv, NULL), .result = 1};
    struct event_base *base = event_base_new();
    cache.event = event_new(base, ringcache_loop_fd(cache.client), EV_READ, step, &cache);
    if (ringcache_set(cache.client, "greeting", 8, "hello, libevent", 15, 0, on_set, &cache) != 0)
        ringcache_client_close(cache.client, on_close, &cache);
    event_active(cache.event, EV_TIMEOUT, 0);
    event_base_dispatch(base); /* until no event is left */
    event_base_free(base);
    return cache.result;
}

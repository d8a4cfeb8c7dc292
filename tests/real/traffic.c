/* SPDX-License-Identifier: MIT */
#include "traffic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct one {
    struct traffic *traffic;
    uint64_t deadline_ns;
};

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct one *one = user;
    struct traffic *traffic = one->traffic;
    int64_t late_us = ((int64_t)uv_hrtime() - (int64_t)one->deadline_ns) / 1000;
    (void)client;
    if (late_us > traffic->worst_late_us)
        traffic->worst_late_us = late_us;
    traffic->answered++;
    traffic->pending--;
    traffic->failed += reply->status < 0;
    traffic->timed_out += reply->status == RINGCACHE_ETIMEDOUT;
    free(one);
}

static void submit_one(struct traffic *traffic)
{
    struct one *one = malloc(sizeof *one);
    char key[32];
    unsigned number = traffic->next++;
    int len = snprintf(key, sizeof key, "user:%u", number % TRAFFIC_KEYS);
    int status;
    assert_non_null(one);
    one->traffic = traffic;
    one->deadline_ns = uv_hrtime() + traffic->timeout_ms * 1000000;
    if (number % 2 == 0)
        status = ringcache_set(
            traffic->cache->client, key, (size_t)len, key, (size_t)len, 0, on_reply, one);
    else
        status = ringcache_get(traffic->cache->client, key, (size_t)len, on_reply, one);
    if (status != 0)
        free(one);
    traffic->refused += status != 0;
    traffic->accepted += status == 0;
    traffic->pending += status == 0;
}

static void on_tick(uv_timer_t *tick)
{
    struct traffic *traffic = tick->data;
    uint64_t now_ns = uv_hrtime();
    int64_t lag_us = (int64_t)(now_ns - traffic->last_tick_ns) / 1000 - TRAFFIC_TICK_MS * 1000;
    if (lag_us > traffic->worst_lag_us)
        traffic->worst_lag_us = lag_us;
    traffic->last_tick_ns = now_ns;
    for (unsigned i = 0; i < traffic->per_tick; i++)
        submit_one(traffic);
}

void traffic_start(
    struct traffic *traffic, struct cache *cache, unsigned per_tick, uint64_t timeout_ms)
{
    memset(traffic, 0, sizeof *traffic);
    traffic->cache = cache;
    traffic->per_tick = per_tick;
    traffic->timeout_ms = timeout_ms;
    traffic->last_tick_ns = uv_hrtime();
    traffic->worst_late_us = INT64_MIN;
    uv_timer_init(&cache->loop, &traffic->tick);
    traffic->tick.data = traffic;
    uv_timer_start(&traffic->tick, on_tick, TRAFFIC_TICK_MS, TRAFFIC_TICK_MS);
}

bool traffic_stop(struct traffic *traffic, uint64_t ms)
{
    uv_close((uv_handle_t *)&traffic->tick, NULL);
    for (uint64_t waited = 0; traffic->pending > 0 && waited < ms; waited += 10)
        cache_run(traffic->cache, 10);
    cache_run(traffic->cache, 1);
    return traffic->pending == 0;
}

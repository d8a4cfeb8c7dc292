/* SPDX-License-Identifier: MIT */
#include "cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    struct cache *cache = user;
    size_t told = strlen(cache->told);
    (void)client;
    cache->events[event->type]++;
    snprintf(cache->told + told, sizeof cache->told - told, "%s %s: %s\n",
        ringcache_event_name(event->type), event->server, event->text);
}

static ringcache_config *config_of(const char *const *uris, const char *const *options)
{
    ringcache_config *config = NULL;
    assert_int_equal(ringcache_config_new(&config), 0);
    for (; options != NULL && *options != NULL; options += 2)
        if (ringcache_config_set(config, options[0], options[1]) != 0)
            fail_msg("%s", ringcache_config_error(config));
    for (; *uris != NULL; uris++)
        if (ringcache_config_add_server(config, *uris) != 0)
            fail_msg("%s", ringcache_config_error(config));
    return config;
}

void cache_open(struct cache *cache, const char *const *uris, const char *const *options)
{
    ringcache_config *config = config_of(uris, options);
    memset(cache, 0, sizeof *cache);
    assert_int_equal(uv_loop_init(&cache->loop), 0);
    assert_int_equal(ringcache_client_new(&cache->client, &cache->loop, config), 0);
    ringcache_config_free(config);
    ringcache_client_on_event(cache->client, on_event, cache);
}

static void on_closed(ringcache_client *client, void *user)
{
    struct cache *cache = user;
    (void)client;
    cache->closed++;
}

void cache_close(struct cache *cache)
{
    ringcache_client_close(cache->client, on_closed, cache);
    uv_run(&cache->loop, UV_RUN_DEFAULT);
    assert_int_equal(cache->closed, 1);
    assert_int_equal(uv_loop_close(&cache->loop), 0);
}

/* It may ring before the loop waits for anything: then it is not to wait. */
static void on_alarm(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
    uv_stop(timer->loop);
}

/* An alarm on the loop; the caller closes it. */
static void set_alarm(struct cache *cache, uv_timer_t *timer, bool *rang, uint64_t ms)
{
    uv_timer_init(&cache->loop, timer);
    timer->data = rang;
    uv_update_time(&cache->loop);
    uv_timer_start(timer, on_alarm, ms, 0);
}

static void end_alarm(struct cache *cache, uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
    uv_run(&cache->loop, UV_RUN_NOWAIT); /* closes it */
}

void cache_run(struct cache *cache, uint64_t ms)
{
    uv_timer_t alarm;
    bool rang = false;
    set_alarm(cache, &alarm, &rang, ms);
    while (!rang)
        uv_run(&cache->loop, UV_RUN_ONCE);
    end_alarm(cache, &alarm);
}

bool cache_hears(struct cache *cache, ringcache_event_type type, unsigned least, uint64_t ms)
{
    uv_timer_t alarm;
    bool rang = false;
    set_alarm(cache, &alarm, &rang, ms);
    while (!rang && cache->events[type] < least)
        uv_run(&cache->loop, UV_RUN_ONCE);
    end_alarm(cache, &alarm);
    return cache->events[type] >= least;
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct outcome *outcome = user;
    (void)client;
    assert_false(outcome->done);
    outcome->done = true;
    outcome->status = reply->status;
    outcome->maybe_applied = reply->maybe_applied;
    snprintf(outcome->message, sizeof outcome->message, "%s", reply->message);
    if (reply->status == RINGCACHE_OK && reply->value.data != NULL)
        snprintf(outcome->value, sizeof outcome->value, "%.*s", (int)reply->value.len,
            (const char *)reply->value.data);
}

static struct outcome await(struct cache *cache, int submitted, struct outcome *outcome)
{
    if (submitted != 0)
        fail_msg("refused: %s", ringcache_client_error(cache->client));
    while (!outcome->done)
        if (uv_run(&cache->loop, UV_RUN_ONCE) == 0 && !outcome->done)
            fail_msg("the loop ran out before the callback came");
    return *outcome;
}

struct outcome cache_get(struct cache *cache, const char *key)
{
    struct outcome outcome = {0};
    return await(
        cache, ringcache_get(cache->client, key, strlen(key), on_reply, &outcome), &outcome);
}

struct outcome cache_set(struct cache *cache, const char *key, const char *value)
{
    struct outcome outcome = {0};
    return await(cache,
        ringcache_set(cache->client, key, strlen(key), value, strlen(value), 0, on_reply, &outcome),
        &outcome);
}

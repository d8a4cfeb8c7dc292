/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringcache/config.h>
#include <ringcache/ring.h>

void plan_uri(const struct plan *plan, size_t server, char uri[URI_SIZE])
{
    const char *scheme = plan->protocol == PROTOCOL_REDIS ? "redis" : "memcached";
    snprintf(
        uri, URI_SIZE, "%s://127.0.0.1:%" PRIu32 "?name=s%zu", scheme, plan->ports[server], server);
}

static bool find_owners(struct work *work)
{
    ringcache_config *config = NULL;
    ringcache_ring *ring = NULL;
    int status = ringcache_config_new(&config);
    for (size_t i = 0; i < work->plan->port_count && status == 0; i++) {
        char uri[URI_SIZE];
        plan_uri(work->plan, i, uri);
        status = ringcache_config_add_server(config, uri);
    }
    status = status == 0 ? ringcache_ring_new(&ring, config) : status;
    for (size_t i = 0; i < work->plan->keys && status == 0; i++) {
        work->owners[i] = (uint32_t)ringcache_ring_locate(ring, work->keys[i], KEY_SIZE);
    }
    ringcache_ring_unref(ring);
    ringcache_config_free(config);
    return status == 0;
}

static void fill(unsigned char *bytes, size_t len)
{
    uint32_t x = 1;
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525 + 1013904223;
        bytes[i] = (unsigned char)(x >> 24);
    }
}

bool work_init(struct work *work, const struct plan *plan)
{
    size_t pool = (size_t)plan->value_bytes + 2 * (size_t)plan->keys;
    *work = (struct work){
        .plan = plan,
        .keys = calloc(plan->keys, sizeof *work->keys),
        .pool = malloc(pool),
        .owners = calloc(plan->keys, sizeof *work->owners),
    };
    bool good = work->keys != NULL && work->pool != NULL && work->owners != NULL;
    for (uint32_t i = 0; i < plan->keys && good; i++) {
        snprintf(work->keys[i], sizeof work->keys[i], "user:%010" PRIu32 ":name", i);
    }
    if (good) {
        fill(work->pool, pool);
        good = find_owners(work);
    }
    if (!good) {
        fprintf(stderr, "bench: no memory for %" PRIu32 " keys\n", plan->keys);
    }
    return good;
}

void work_deinit(struct work *work)
{
    free(work->keys);
    free(work->pool);
    free(work->owners);
}

uint32_t key_number(const char *key)
{
    uint32_t number = 0;
    for (const char *p = key + 5; p < key + 15; p++) {
        number = number * 10 + (uint32_t)(*p - '0');
    }
    return number;
}

bool load_init(struct load *load, const struct work *work, const struct plan *plan, uint32_t ops)
{
    bool batched = plan->op == OP_GET_MANY;
    *load = (struct load){
        .plan = plan,
        .work = work,
        .op = plan->op,
        .window = batched ? 1 : plan->window,
        .step = batched ? plan->window : 1,
        .ops = ops,
        /* Two clock readings are nothing beside a round trip, and much beside a reply of many. */
        .sample_mask = batched || plan->window == 1 ? 0 : 15,
        .verify = plan->verify,
    };
    load->flights = calloc(load->window, sizeof *load->flights);
    for (uint32_t i = 0; i < load->window && load->flights != NULL; i++) {
        load->flights[i].load = load;
    }
    return load->flights != NULL;
}

void load_deinit(struct load *load)
{
    free(load->flights);
}

void load_fail(struct load *load, const char *why)
{
    if (load->why[0] == '\0') {
        snprintf(load->why, sizeof load->why, "%s", why);
    }
}

void load_check(struct load *load, uint32_t key, const void *value, size_t len)
{
    enum { GLANCE_BYTES = 8 };
    size_t due = load->plan->value_bytes;
    size_t compared = load->verify || due < GLANCE_BYTES ? due : GLANCE_BYTES;
    if (len != due || memcmp(value, load_value(load, key), compared) != 0) {
        load_fail(load, "a value that is not the key's");
    }
}

/* SPDX-License-Identifier: MIT */
/* ringcache through its public headers, with its defaults and what options change of them; but for
 * deadlines, since a machine that is busy with something else shall be slow, not wrong, and for the
 * bound on a connection's requests where more are under way. Each reply's callback submits the next
 * request. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include <ringcache/ringcache.h>

enum { INFLIGHT_DEFAULT = 1024 };

struct self {
    uv_loop_t loop;
    ringcache_client *client;
    ringcache_slice *keys;
};

static bool serves(enum protocol protocol, enum op op)
{
    (void)protocol;
    (void)op;
    return true;
}

static int set_number(ringcache_config *config, const char *name, uint32_t number)
{
    char text[16];
    snprintf(text, sizeof text, "%u", (unsigned)number);
    return ringcache_config_set(config, name, text);
}

static int set_option(ringcache_config *config, const char *option)
{
    char name[64];
    const char *sign = strchr(option, '=');
    snprintf(name, sizeof name, "%.*s", (int)(sign - option), option);
    return ringcache_config_set(config, name, sign + 1);
}

static int configure(ringcache_config *config, const struct plan *plan)
{
    int status = ringcache_config_set(config, "timeout_ms", "30000");
    if (status == 0 && plan->op != OP_GET_MANY && plan->window > INFLIGHT_DEFAULT) {
        status = set_number(config, "max_inflight", plan->window);
    }
    if (status == 0 && plan->protocol != PROTOCOL_REDIS) {
        const char *protocol = plan->protocol == PROTOCOL_META ? "meta" : "classic";
        status = ringcache_config_set(config, "protocol", protocol);
    }
    for (size_t i = 0; i < plan->option_count && status == 0; i++) {
        status = set_option(config, plan->options[i]);
    }
    for (size_t i = 0; i < plan->port_count && status == 0; i++) {
        char uri[URI_SIZE];
        plan_uri(plan, i, uri);
        status = ringcache_config_add_server(config, uri);
    }
    return status;
}

static bool list_keys(struct self *self, const struct work *work)
{
    self->keys = calloc(work->plan->keys, sizeof *self->keys);
    for (size_t i = 0; self->keys != NULL && i < work->plan->keys; i++) {
        self->keys[i] = (ringcache_slice){work->keys[i], KEY_SIZE};
    }
    return self->keys != NULL;
}

static bool open_client(struct load *load, void **out)
{
    struct self *self = calloc(1, sizeof *self);
    ringcache_config *config = NULL;
    *out = self;
    if (self == NULL || uv_loop_init(&self->loop) != 0) {
        free(self);
        *out = NULL;
        return false;
    }
    int status = ringcache_config_new(&config);
    status = status == 0 ? configure(config, load->plan) : status;
    status = status == 0 ? ringcache_client_new(&self->client, &self->loop, config) : status;
    if (status != 0) {
        const char *why = config != NULL ? ringcache_config_error(config) : "";
        load_fail(load, why[0] != '\0' ? why : ringcache_strerror(status));
    }
    ringcache_config_free(config);
    return status == 0 && list_keys(self, load->work);
}

static void close_client(void *own)
{
    struct self *self = own;
    if (self == NULL) {
        return;
    }
    if (self->client != NULL) {
        ringcache_client_close(self->client, NULL, NULL);
    }
    uv_run(&self->loop, UV_RUN_DEFAULT);
    uv_loop_close(&self->loop);
    free(self->keys);
    free(self);
}

static void fail(struct load *load, const ringcache_reply *reply)
{
    char why[sizeof load->why];
    snprintf(why, sizeof why, "%s: %s", ringcache_err_name(reply->status), reply->message);
    load_fail(load, why);
}

static void next(struct load *load, struct flight *flight);

static void on_got(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct flight *flight = user;
    struct load *load = flight->load;
    (void)client;
    if (reply->status != RINGCACHE_OK) {
        fail(load, reply);
        return;
    }
    load_check(load, flight->key, reply->value.data, reply->value.len);
    load_end(load, flight);
    next(load, flight);
}

static void on_set(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct flight *flight = user;
    struct load *load = flight->load;
    (void)client;
    if (reply->status != RINGCACHE_OK) {
        fail(load, reply);
        return;
    }
    load_end(load, flight);
    next(load, flight);
}

static void on_each(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct flight *flight = user;
    (void)client;
    if (reply->status != RINGCACHE_OK) {
        fail(flight->load, reply);
        return;
    }
    load_check(
        flight->load, flight->key + (uint32_t)reply->index, reply->value.data, reply->value.len);
}

static void on_done(ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    struct flight *flight = user;
    struct load *load = flight->load;
    (void)client;
    (void)missed;
    (void)failed;
    if (ok != load->step) {
        load_fail(load, "keys of a get_many that were not found");
        return;
    }
    load_end(load, flight);
    next(load, flight);
}

static int submit(struct load *load, struct flight *flight)
{
    struct self *self = load->self;
    const char *key = load->work->keys[flight->key];
    switch (load->op) {
    case OP_GET:
        return ringcache_get(self->client, key, KEY_SIZE, on_got, flight);
    case OP_SET:
        return ringcache_set(self->client, key, KEY_SIZE, load_value(load, flight->key),
            load->plan->value_bytes, 0, on_set, flight);
    case OP_GET_MANY:
        return ringcache_get_many(
            self->client, self->keys + flight->key, load->step, NULL, on_each, on_done, flight);
    }
    return RINGCACHE_EINVAL;
}

static void next(struct load *load, struct flight *flight)
{
    struct self *self = load->self;
    if (load_begin(load, flight) && submit(load, flight) != 0) {
        load_fail(load, ringcache_client_error(self->client));
    }
}

static bool run(void *own, struct load *load)
{
    struct self *self = own;
    load->self = self;
    for (uint32_t i = 0; i < load->window; i++) {
        next(load, &load->flights[i]);
    }
    uv_run(&self->loop, UV_RUN_DEFAULT);
    return load->why[0] == '\0';
}

/* Servers that do not exist: a lookup asks none. */
static void *ring_new(size_t servers)
{
    ringcache_config *config = NULL;
    ringcache_ring *ring = NULL;
    int status = ringcache_config_new(&config);
    for (size_t i = 0; i < servers && status == 0; i++) {
        char uri[URI_SIZE];
        snprintf(uri, sizeof uri, "memcached://cache-%zu.example.com", i);
        status = ringcache_config_add_server(config, uri);
    }
    if (status == 0 && ringcache_ring_new(&ring, config) != 0) {
        ring = NULL;
    }
    ringcache_config_free(config);
    return ring;
}

static size_t ring_locate(const void *ring, const char *key)
{
    return ringcache_ring_locate(ring, key, KEY_SIZE);
}

static void ring_free(void *ring)
{
    ringcache_ring_unref(ring);
}

const struct driver ringcache_driver = {
    .name = "ringcache",
    .option = "integrity=strict",
    .serves = serves,
    .open = open_client,
    .run = run,
    .close = close_client,
    .ring_most = 65535,
    .ring_new = ring_new,
    .ring_locate = ring_locate,
    .ring_free = ring_free,
};

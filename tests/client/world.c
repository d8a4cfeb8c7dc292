/* SPDX-License-Identifier: MIT */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

uint32_t world_batch_least = 2;

bool __real_rc_meta_batch_close(struct rc_buf *out, const struct rc_batch *batch);
bool __wrap_rc_meta_batch_close(struct rc_buf *out, const struct rc_batch *batch);

bool __wrap_rc_meta_batch_close(struct rc_buf *out, const struct rc_batch *batch)
{
    struct rc_batch of_few = *batch;
    of_few.least = world_batch_least;
    return __real_rc_meta_batch_close(out, &of_few);
}

struct world *world_new(uint64_t seed)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    struct sim_options options = sim_options(seed);
    options.start_ms = 1000000;
    options.wall_s = 1700000000;
    world->sim = sim_new(&options);
    world->host = sim_client_new(world->sim);
    assert_int_equal(ringcache_config_new(&world->config), 0);
    return world;
}

void world_option(struct world *world, const char *option, const char *value)
{
    if (ringcache_config_set(world->config, option, value) != 0) {
        fail_msg("%s", ringcache_config_error(world->config));
    }
}

static struct sim_server *add_server(
    struct world *world, const char *scheme, const char *host, uint16_t port, const char *query)
{
    char uri[128];
    snprintf(uri, sizeof uri, "%s://%s:%u%s", scheme, host, port, query);
    world_option(world, "server", uri);
    enum engine_kind kind = strcmp(scheme, "redis") == 0 ? ENGINE_REDIS : ENGINE_MEMCACHED;
    return sim_server_add(world->sim, host, port, kind);
}

struct sim_server *world_memcached(struct world *world, const char *host, uint16_t port)
{
    return add_server(world, "memcached", host, port, "");
}

struct sim_server *world_redis(struct world *world, const char *host, uint16_t port)
{
    return add_server(world, "redis", host, port, "");
}

struct sim_server *world_spare_memcached(struct world *world, const char *host, uint16_t port)
{
    return add_server(world, "memcached", host, port, "?pool=gutter");
}

struct sim_server *world_spare_redis(struct world *world, const char *host, uint16_t port)
{
    return add_server(world, "redis", host, port, "?pool=gutter");
}

uint64_t world_now(const struct world *world)
{
    return sim_now_ms(world->sim);
}

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from != NULL ? from : "");
}

/* The place of an answer knows no world; both are reached from one of these. */
struct waiting {
    struct world *world;
    struct world_reply *place;
};

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct waiting *waiting = user;
    struct world *world = waiting->world;
    struct world_reply *place = waiting->place;
    free(waiting);
    assert_ptr_equal(client, world->client);
    assert_false(world->in_call);
    assert_int_equal(world->closed, 0);
    place->status = reply->status;
    place->value_len = reply->value.len;
    size_t shown =
        reply->value.len < sizeof place->value - 1 ? reply->value.len : sizeof place->value - 1;
    if (shown > 0) {
        memcpy(place->value, reply->value.data, shown);
    }
    copy_text(place->server, sizeof place->server, reply->server);
    copy_text(place->message, sizeof place->message, reply->message);
    place->maybe_applied = reply->maybe_applied;
    place->attempts = reply->attempts;
    place->flags = reply->flags;
    place->at_ms = world_now(world);
    place->elapsed_us = reply->elapsed_us;
    place->cas = reply->cas;
    place->marks = reply->marks;
    place->number = reply->number;
    place->ttl_ms = reply->ttl_ms;
    place->digest = reply->ring_digest;
    place->calls++;
    world->answered++;
    if (world->on_reply != NULL) {
        world->on_reply(world, place);
    }
}

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    struct world *world = user;
    assert_ptr_equal(client, world->client);
    assert_false(world->in_call);
    assert_int_equal(world->closed, 0);
    assert_true(world->event_count < WORLD_EVENTS);
    struct world_event *place = &world->events[world->event_count++];
    place->type = event->type;
    place->reason = event->reason;
    place->at_ms = world_now(world);
    place->digest = event->ring_digest;
    copy_text(place->server, sizeof place->server, event->server);
    copy_text(place->text, sizeof place->text, event->text);
    if (world->on_event != NULL) {
        world->on_event(world, event);
    }
}

static void transport_stays(struct rc_transport *transport)
{
    (void)transport; /* the simulator frees it */
}

void world_begin(struct world *world)
{
    int rc = rc_client_new(
        &world->client, sim_client_transport(world->host), transport_stays, world->config);
    if (rc != 0) {
        fail_msg("%s", ringcache_config_error(world->config));
    }
    ringcache_client_on_event(world->client, on_event, world);
}

static void on_close(ringcache_client *client, void *user)
{
    struct world *world = user;
    assert_ptr_equal(client, world->client);
    assert_false(world->in_call);
    world->closed++;
    /* Every call is legal in every callback, this one included. */
    assert_int_equal(world_try_get(world, "k"), RINGCACHE_ECLOSING);
    ringcache_client_ref(client);
    ringcache_client_unref(client);
    ringcache_client_on_event(client, NULL, NULL);
    assert_null(ringcache_client_ring(client));
    assert_string_not_equal(ringcache_client_error(client), "");
}

void world_close(struct world *world)
{
    world->in_call = true;
    ringcache_client_close(world->client, on_close, world);
    world->in_call = false;
}

void world_end(struct world *world)
{
    if (world->closed == 0) {
        world->on_reply = NULL;
        world->on_event = NULL;
        world_close(world);
    }
    assert_true(sim_run_idle(world->sim, 5000));
    assert_int_equal(world->closed, 1);
    assert_int_equal(world->answered, world->submitted);
    for (size_t i = 0; i < world->submitted && i < WORLD_REPLIES; i++) {
        assert_int_equal(world->replies[i].calls, 1);
    }
    assert_int_equal(sim_client_streams(world->host), 0);
    ringcache_config_free(world->config);
    sim_free(world->sim);
    free(world);
}

static struct waiting *wait_for(struct world *world)
{
    struct waiting *waiting = malloc(sizeof *waiting);
    assert_non_null(waiting);
    *waiting = (struct waiting){world, &world->replies[world->submitted % WORLD_REPLIES]};
    return waiting;
}

/* The call was accepted: its place is its own from here on. */
static struct world_reply *take_place(struct world *world, struct world_reply *place)
{
    *place = (struct world_reply){0};
    world->submitted++;
    return place;
}

struct world_call world_call(struct world *world)
{
    struct waiting *waiting = wait_for(world);
    assert_false(world->in_call);
    world->in_call = true;
    return (struct world_call){on_reply, waiting, waiting->place};
}

struct world_reply *world_called(struct world *world, const struct world_call *call, int rc)
{
    if (rc != 0) {
        fail_msg("%s: %s", ringcache_err_name(rc), ringcache_client_error(world->client));
    }
    world->in_call = false;
    return take_place(world, call->place);
}

void world_refused(struct world *world, const struct world_call *call, int rc, int status)
{
    if (rc != status) {
        fail_msg("%s, expected %s", ringcache_err_name(rc), ringcache_err_name(status));
    }
    world->in_call = false;
    free(call->user);
}

int world_try(struct world *world, const ringcache_request *request, ringcache_id *id,
    struct world_reply **place)
{
    struct waiting *waiting = wait_for(world);
    bool outer = world->in_call;
    world->in_call = true;
    int rc = ringcache_submit(world->client, request, on_reply, waiting, id);
    world->in_call = outer;
    if (rc != 0) {
        free(waiting);
        return rc;
    }
    *place = take_place(world, waiting->place);
    return 0;
}

struct world_reply *world_submit(
    struct world *world, const ringcache_request *request, ringcache_id *id)
{
    struct world_reply *place = NULL;
    int rc = world_try(world, request, id, &place);
    if (rc != 0) {
        fail_msg("%s: %s", ringcache_err_name(rc), ringcache_client_error(world->client));
    }
    return place;
}

static ringcache_request request_of(ringcache_op op, const char *key, const char *value)
{
    ringcache_request request = {.op = op, .key = {key, strlen(key)}};
    if (value != NULL) {
        request.value = (ringcache_slice){value, strlen(value)};
    }
    return request;
}

struct world_reply *world_get(struct world *world, const char *key)
{
    ringcache_request request = request_of(RINGCACHE_GET, key, NULL);
    return world_submit(world, &request, NULL);
}

struct world_reply *world_set(struct world *world, const char *key, const char *value)
{
    ringcache_request request = request_of(RINGCACHE_SET, key, value);
    return world_submit(world, &request, NULL);
}

struct world_reply *world_delete(struct world *world, const char *key)
{
    ringcache_request request = request_of(RINGCACHE_DELETE, key, NULL);
    return world_submit(world, &request, NULL);
}

int world_try_get(struct world *world, const char *key)
{
    ringcache_request request = request_of(RINGCACHE_GET, key, NULL);
    struct world_reply *place;
    return world_try(world, &request, NULL, &place);
}

void world_run_for(struct world *world, uint64_t ms)
{
    sim_run_for(world->sim, ms);
}

void world_settle(struct world *world, uint64_t ms)
{
    uint64_t until = world_now(world) + ms;
    while (world->answered < world->submitted && world_now(world) < until && sim_step(world->sim)) {
    }
    assert_int_equal(world->answered, world->submitted);
}

size_t world_count(const struct world *world, ringcache_event_type type)
{
    size_t count = 0;
    for (size_t i = 0; i < world->event_count; i++) {
        count += world->events[i].type == type;
    }
    return count;
}

const struct world_event *world_last(const struct world *world, ringcache_event_type type)
{
    for (size_t i = world->event_count; i-- > 0;) {
        if (world->events[i].type == type) {
            return &world->events[i];
        }
    }
    return NULL;
}

void world_key_of(
    struct world *world, const char *server, const char *prefix, unsigned *next, char key[32])
{
    ringcache_ring *ring = ringcache_client_ring(world->client);
    for (;;) {
        int len = snprintf(key, 32, "%s%u", prefix, (*next)++);
        size_t owner = ringcache_ring_locate(ring, key, (size_t)len);
        if (strcmp(ringcache_ring_server_name(ring, owner), server) == 0) {
            break;
        }
    }
    ringcache_ring_unref(ring);
}

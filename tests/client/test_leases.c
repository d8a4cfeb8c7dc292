/* SPDX-License-Identifier: MIT */
/* What becomes of the right to fill a key in, and of those who wait for it: nobody holds a lease
 * that he has no use for, and no loader runs for one who is gone. */
#include "world.h"

#include <stdio.h>

#include "ringcache/fetch.h"

enum { MAX_LOADS = 8, STALE_MS = 20000 };

struct backend {
    const char *name;
    struct sim_server *(*add)(struct world *world, const char *host, uint16_t port);
    const char *leases;
    const char *store; /* what a loaded value is stored by */
    const char *refusal;
};

static const struct backend backends[] = {
    {"memcached", world_memcached, "no", "ms", "SERVER_ERROR out of memory\r\n"},
    {"redis", world_redis, "no", "set", "-OOM command not allowed\r\n"},
    {"memcached with leases", world_memcached, "yes", "ms", "SERVER_ERROR out of memory\r\n"},
    {"redis with leases", world_redis, "yes", "evalsha", "-OOM command not allowed\r\n"},
};

static struct stage {
    struct world *world;
    struct sim_server *server;
    ringcache_load *loads[MAX_LOADS];
    void *users[MAX_LOADS];
    unsigned begun;
} stage;

static void loader(ringcache_client *client, ringcache_load *load, void *user)
{
    assert_ptr_equal(client, stage.world->client);
    assert_true(stage.begun < MAX_LOADS);
    stage.users[stage.begun] = user;
    stage.loads[stage.begun++] = load;
}

static struct world *begin(const struct backend *backend)
{
    struct world *world = world_new(81);
    stage = (struct stage){.world = world};
    stage.server = backend->add(world, "10.0.0.1", 11000);
    world_option(world, "leases", backend->leases);
    world_begin(world);
    world_get(world, "j");
    world_settle(world, 100);
    return world;
}

static void on(size_t first, void (*scenario)(const struct backend *backend))
{
    for (size_t i = first; i < sizeof backends / sizeof *backends; i++) {
        print_message("  on %s\n", backends[i].name);
        scenario(&backends[i]);
    }
}

static void on_all(void (*scenario)(const struct backend *backend))
{
    on(0, scenario);
}

static void on_those_with_leases(void (*scenario)(const struct backend *backend))
{
    on(2, scenario);
}

static struct world_reply *fetch_with(
    struct world *world, ringcache_fetch_request request, ringcache_id *id, void **user)
{
    request.key = (ringcache_slice){"k", 1};
    request.loader = loader;
    struct world_call call = world_call(world);
    if (user != NULL) {
        *user = call.user;
    }
    return world_called(
        world, &call, ringcache_fetch(world->client, &request, call.cb, call.user, id));
}

static struct world_reply *fetch(struct world *world, uint32_t stale_ms)
{
    return fetch_with(world, (ringcache_fetch_request){.stale_ms = stale_ms}, NULL, NULL);
}

static void done(unsigned load, const char *value)
{
    ringcache_load_done(stage.loads[load], value, strlen(value), 60000);
}

static void put(const char *value, uint64_t ttl_ms)
{
    engine_put(sim_server_engine(stage.server), 0, "k", rc_slice_text(value), ttl_ms);
}

/* Somebody may fill the key in at once, and it is stored. */
static void assert_free(struct world *world)
{
    unsigned begun = stage.begun;
    struct world_reply *reply = fetch(world, 0);
    world_run_for(world, 5);
    assert_int_equal(stage.begun, begun + 1);
    done(begun, "free");
    world_settle(world, 100);
    assert_value(reply, "free");
    assert_string_equal(reply->message, "");
    world_run_for(world, 20);
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 100);
    assert_value(get, "free");
}

static void is_given_back_unused(const struct backend *backend)
{
    struct world *world = begin(backend);
    sim_settings(world->sim)->latency_us = 15000;
    const ringcache_fetch_request hasty = {.timeout_ms = 20, .stale_ms = STALE_MS};
    struct world_reply *reply = fetch_with(world, hasty, NULL, NULL);
    world_settle(world, 100);
    assert_reply(reply, RINGCACHE_ETIMEDOUT);
    world_run_for(world, 100);
    sim_settings(world->sim)->latency_us = 100;
    assert_int_equal(stage.begun, 0);
    assert_free(world);
    world_end(world);
}

static void a_lease_that_comes_when_nobody_waits_is_given_back(void **state)
{
    (void)state;
    on_those_with_leases(is_given_back_unused);
}

static void is_not_joined(const struct backend *backend)
{
    struct world *world = begin(backend);
    sim_settings(world->sim)->latency_us = 15000;
    const ringcache_fetch_request hasty = {.timeout_ms = 20, .stale_ms = STALE_MS};
    fetch_with(world, hasty, NULL, NULL);
    world_run_for(world, 35); /* it is on its way back */
    struct world_reply *behind = fetch(world, STALE_MS);
    world_run_for(world, 100);
    assert_int_equal(stage.begun, 1);
    done(0, "v1");
    world_settle(world, 100);
    assert_value(behind, "v1");
    world_end(world);
}

static void who_asks_while_a_lease_is_given_back_asks_anew(void **state)
{
    (void)state;
    on_those_with_leases(is_not_joined);
}

static void is_given_back_after_a_write(const struct backend *backend)
{
    struct world *world = begin(backend);
    fetch(world, 0);
    world_run_for(world, 20);
    const ringcache_request brief = {
        .op = RINGCACHE_SET, .key = {"k", 1}, .value = {"brief", 5}, .ttl_ms = 1000};
    world_submit(world, &brief, NULL);
    done(0, "older");
    world_run_for(world, 2000);
    assert_free(world);
    world_end(world);
}

static void a_lease_whose_key_was_written_is_given_back(void **state)
{
    (void)state;
    on_those_with_leases(is_given_back_after_a_write);
}

static void is_given_back_when_refused(const struct backend *backend)
{
    struct world *world = begin(backend);
    assert_free(world); /* the scripts are known */
    world_delete(world, "k");
    struct world_reply *reply = fetch(world, 0);
    world_run_for(world, 20);
    engine_answer_next(sim_server_engine(stage.server), backend->store, 1, backend->refusal);
    done(1, "refused");
    world_settle(world, 100);
    assert_value(reply, "refused");
    world_run_for(world, 20);
    assert_free(world);
    world_end(world);
}

static void a_lease_is_given_back_when_its_value_is_refused(void **state)
{
    (void)state;
    on_those_with_leases(is_given_back_when_refused);
}

static void waits_for_the_same_load(const struct backend *backend)
{
    struct world *world = begin(backend);
    bool leased_anew = backend->add == world_memcached && strcmp(backend->leases, "yes") == 0;
    put("v1", 1500);
    struct world_reply *stale = fetch(world, STALE_MS);
    world_settle(world, 100);
    assert_value(stale, "v1");
    assert_int_equal(stale->marks, RINGCACHE_STALE | RINGCACHE_WON);
    world_run_for(world, 2000); /* by now it has ended */
    struct world_reply *waits = fetch(world, STALE_MS);
    ringcache_id id;
    struct world_reply *leaves =
        fetch_with(world, (ringcache_fetch_request){.stale_ms = STALE_MS}, &id, NULL);
    world_run_for(world, 50);
    assert_int_equal(ringcache_cancel(world->client, id), 0);
    world_run_for(world, 1);
    assert_reply(leaves, RINGCACHE_ECANCELED);
    assert_int_equal(stage.begun, leased_anew ? 2 : 1); /* a stub knows of no lease before it */
    done(stage.begun - 1, "v2");
    world_settle(world, 5);
    assert_value(waits, "v2");
    assert_int_equal(waits->marks, RINGCACHE_WON);
    if (leased_anew) {
        done(0, "v2");
    }
    world_end(world);
}

static void a_stale_value_that_ends_while_it_is_made_anew_is_waited_for(void **state)
{
    (void)state;
    on_all(waits_for_the_same_load);
}

static void is_not_said_to_load(const struct backend *backend)
{
    struct world *world = begin(backend);
    put("v1", 1500);
    struct world_reply *reply = fetch(world, STALE_MS);
    world_set(world, "k", "newer");
    world_settle(world, 100);
    assert_value(reply, "v1");
    assert_int_equal(reply->marks, RINGCACHE_STALE | RINGCACHE_FILLING);
    assert_int_equal(stage.begun, 0);
    world_end(world);
}

static void a_stale_value_that_was_replaced_is_not_made_anew(void **state)
{
    (void)state;
    on_all(is_not_said_to_load);
}

static void loads_for_who_waits(const struct backend *backend)
{
    struct world *world = begin(backend);
    ringcache_id id;
    void *user;
    struct world_reply *first = fetch_with(world, (ringcache_fetch_request){0}, &id, NULL);
    struct world_reply *second = fetch_with(world, (ringcache_fetch_request){0}, NULL, &user);
    assert_int_equal(ringcache_cancel(world->client, id), 0);
    world_run_for(world, 20);
    assert_reply(first, RINGCACHE_ECANCELED);
    assert_int_equal(stage.begun, 1);
    assert_ptr_equal(stage.users[0], user);
    done(0, "v1");
    world_settle(world, 100);
    assert_value(second, "v1");
    world_end(world);
}

static void a_loader_is_that_of_a_fetch_that_still_waits(void **state)
{
    (void)state;
    on_all(loads_for_who_waits);
}

static void a_server_without_room_for_a_lease_is_done_without(void **state)
{
    (void)state;
    char absent[32];
    struct world *world = begin(&backends[2]);
    uint32_t opaque = (uint32_t)world->client->env.next_token;
    snprintf(absent, sizeof absent, "EN O%08x\r\n", opaque);
    engine_answer_next(sim_server_engine(stage.server), "mg", 1, absent);
    struct world_reply *reply = fetch(world, STALE_MS);
    world_run_for(world, 5);
    assert_int_equal(stage.begun, 1);
    done(0, "v1");
    world_settle(world, 100);
    assert_value(reply, "v1");
    assert_string_equal(reply->message, "not stored: the server has no room for a lease");
    assert_free(world);
    world_end(world);
}

/* As memcached says it of a value that another program invalidated (md with I). */
static void a_value_that_another_program_marked_is_made_anew(void **state)
{
    (void)state;
    char marked[40];
    struct world *world = begin(&backends[0]);
    put("v1", 60000);
    uint32_t opaque = (uint32_t)world->client->env.next_token;
    snprintf(marked, sizeof marked, "VA 2 f0 O%08x X W\r\nv1\r\n", opaque);
    engine_answer_next(sim_server_engine(stage.server), "mg", 1, marked);
    struct world_reply *reply = fetch(world, 0);
    world_settle(world, 100);
    assert_value(reply, "v1");
    assert_int_equal(reply->marks, RINGCACHE_STALE | RINGCACHE_WON);
    assert_int_equal(stage.begun, 1);
    done(0, "v2");
    world_run_for(world, 20);
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 100);
    assert_value(get, "v2");
    world_end(world);
}

static void a_lease_of_many_days_is_one(void **state)
{
    (void)state;
    struct world *world = begin(&backends[2]);
    const ringcache_fetch_request patient = {.lease_ms = UINT32_MAX, .stale_ms = UINT32_MAX};
    struct world_reply *reply = fetch_with(world, patient, NULL, NULL);
    world_run_for(world, 4000);
    assert_non_null(engine_get(sim_server_engine(stage.server), 0, "k"));
    done(0, "v1");
    world_settle(world, 100);
    assert_value(reply, "v1");
    world_run_for(world, 20);
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 100);
    assert_value(get, "v1");
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_that_comes_when_nobody_waits_is_given_back),
        cmocka_unit_test(who_asks_while_a_lease_is_given_back_asks_anew),
        cmocka_unit_test(a_lease_whose_key_was_written_is_given_back),
        cmocka_unit_test(a_lease_is_given_back_when_its_value_is_refused),
        cmocka_unit_test(a_stale_value_that_ends_while_it_is_made_anew_is_waited_for),
        cmocka_unit_test(a_stale_value_that_was_replaced_is_not_made_anew),
        cmocka_unit_test(a_loader_is_that_of_a_fetch_that_still_waits),
        cmocka_unit_test(a_server_without_room_for_a_lease_is_done_without),
        cmocka_unit_test(a_value_that_another_program_marked_is_made_anew),
        cmocka_unit_test(a_lease_of_many_days_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

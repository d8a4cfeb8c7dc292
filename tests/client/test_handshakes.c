/* SPDX-License-Identifier: MIT */
/* So many connections of a process are in the making together: who comes later waits its turn, and
 * no longer than its own deadline. */
#include "world.h"

#include <errno.h>

enum { CONNECT_MS = 1000, AGAIN_MS = 10 };

/* Two servers, a key of each, and so many places for connections in the making. */
struct stage {
    struct world *world;
    struct sim_server *servers[2];
    char keys[2][32];
};

static void open_stage(struct stage *s, size_t places)
{
    s->world = world_new(91);
    s->servers[0] = world_memcached(s->world, "10.0.0.1", 11000);
    s->servers[1] = world_redis(s->world, "10.0.0.2", 6379);
    sim_settings(s->world->sim)->handshakes = places;
    world_begin(s->world);
    unsigned next = 0;
    world_key_of(s->world, "10.0.0.1:11000", "a", &next, s->keys[0]);
    world_key_of(s->world, "10.0.0.2:6379", "b", &next, s->keys[1]);
}

static struct world_reply *ask(struct stage *s, int server, uint32_t timeout_ms)
{
    const char *key = s->keys[server];
    const ringcache_request set = {.op = RINGCACHE_SET,
        .key = {key, strlen(key)},
        .value = {"v", 1},
        .timeout_ms = timeout_ms};
    return world_submit(s->world, &set, NULL);
}

static size_t outages(const struct world *world)
{
    return world_count(world, RINGCACHE_EVENT_DOWN) + world_count(world, RINGCACHE_EVENT_EJECTED);
}

static void who_finds_no_place_waits_until_one_is_left(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s, 1);
    sim_server_pause_accept(s.servers[0], true);
    struct world_reply *first = ask(&s, 0, 5000), *second = ask(&s, 1, 5000);
    world_run_for(s.world, 300);
    assert_int_equal(sim_server_connects(s.servers[0]), 1);
    assert_int_equal(sim_server_connects(s.servers[1]), 0);
    sim_server_pause_accept(s.servers[0], false);
    world_run_for(s.world, 2);
    assert_reply(first, RINGCACHE_OK);
    world_run_for(s.world, AGAIN_MS);
    assert_reply(second, RINGCACHE_OK);
    world_end(s.world);
}

static void a_server_that_is_removed_while_it_is_dialled_leaves_its_place(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s, 1);
    sim_server_blackhole(s.servers[0], true);
    struct world_reply *first = ask(&s, 0, 100), *second = ask(&s, 1, 5000);
    world_run_for(s.world, 200);
    assert_reply(first, RINGCACHE_ETIMEDOUT);
    assert_int_equal(second->calls, 0);
    assert_int_equal(ringcache_server_remove(s.world->client, "10.0.0.1:11000"), 0);
    world_run_for(s.world, AGAIN_MS + 2);
    assert_reply(second, RINGCACHE_OK);
    world_end(s.world);
}

static void who_waited_for_all_of_its_deadline_goes_beyond_the_bound(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s, 0);
    uint64_t began = world_now(s.world);
    struct world_reply *set = ask(&s, 0, 5000);
    sim_run_until(s.world->sim, began + CONNECT_MS - 1);
    assert_int_equal(sim_server_connects(s.servers[0]), 0);
    sim_run_until(s.world->sim, began + CONNECT_MS + 2);
    assert_reply(set, RINGCACHE_OK);
    assert_int_equal(set->attempts, 1);
    assert_int_equal(outages(s.world), 0);
    world_end(s.world);
}

/* Its deadline runs from when it is dialled: that nobody was asked is no fault of the server's. */
static void what_was_waited_for_a_place_is_not_the_servers(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s, 0);
    uint64_t began = world_now(s.world);
    sim_server_pause_accept(s.servers[0], true);
    struct world_reply *set = ask(&s, 0, 5000);
    sim_run_until(s.world->sim, began + 2 * CONNECT_MS - 1);
    assert_int_equal(outages(s.world), 0);
    assert_int_equal(set->calls, 0);
    sim_run_until(s.world->sim, began + 2 * CONNECT_MS + 1);
    assert_int_equal(outages(s.world), 1);
    assert_reply(set, RINGCACHE_EDOWN);
    world_end(s.world);
}

static void a_request_whose_connection_waits_ends_at_its_deadline(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s, 0);
    uint64_t began = world_now(s.world);
    struct world_reply *set = ask(&s, 0, 500);
    world_settle(s.world, 2000);
    assert_reply(set, RINGCACHE_ETIMEDOUT);
    assert_int_equal(set->at_ms, began + 500);
    assert_int_equal(set->attempts, 0);
    assert_int_equal(set->maybe_applied, 0);
    assert_int_equal(outages(s.world), 0);
    world_end(s.world);
}

static void probes_wait_their_turn_too(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s, 1);
    struct world_reply *set = ask(&s, 0, 0);
    world_settle(s.world, 100);
    assert_reply(set, RINGCACHE_OK);
    sim_server_kill(s.servers[0]);
    world_run_for(s.world, 1);
    assert_int_equal(outages(s.world), 1);
    sim_settings(s.world->sim)->handshakes = 0;
    sim_server_restart(s.servers[0], true);
    world_run_for(s.world, CONNECT_MS / 2); /* the first pause is of 150 ms at most */
    assert_int_equal(sim_server_connections(s.servers[0]), 0);
    sim_settings(s.world->sim)->handshakes = 1;
    world_run_for(s.world, AGAIN_MS + 2);
    assert_int_equal(sim_server_connections(s.servers[0]), 1);
    set = ask(&s, 0, 0);
    world_settle(s.world, 100);
    assert_reply(set, RINGCACHE_OK);
    world_end(s.world);
}

static void closing_while_a_connection_waits_leaves_nothing_behind(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s, 0);
    struct world_reply *sets[] = {ask(&s, 0, 0), ask(&s, 1, 0)};
    world_run_for(s.world, 50);
    world_close(s.world);
    world_run_for(s.world, 1);
    assert_reply(sets[0], RINGCACHE_ECANCELED);
    assert_reply(sets[1], RINGCACHE_ECANCELED);
    assert_int_equal(s.world->closed, 1);
    world_end(s.world);
}

static unsigned refused;

static int refuse_to_resolve(struct rc_transport *t, const struct rc_endpoint *endpoint,
    rc_resolved_fn done, void *owner, struct rc_lookup **lookup)
{
    (void)t;
    (void)endpoint;
    (void)done;
    (void)owner;
    (void)lookup;
    refused++;
    return -ENOMEM;
}

/* Trouble of our own, tried again 100 ms later. */
static void a_look_up_that_cannot_begin_when_its_turn_comes_is_tried_again(void **state)
{
    (void)state;
    struct stage s;
    open_stage(&s, 0);
    struct rc_transport *transport = sim_client_transport(s.world->host);
    const struct rc_transport_ops *real = transport->ops;
    struct rc_transport_ops failing = *real;
    failing.resolve = refuse_to_resolve;
    struct world_reply *set = ask(&s, 0, 5000);
    world_run_for(s.world, 50);
    transport->ops = &failing;
    refused = 0;
    sim_settings(s.world->sim)->handshakes = 1;
    world_run_for(s.world, AGAIN_MS + 2);
    assert_int_equal(refused, 1);
    transport->ops = real;
    world_run_for(s.world, 100 + AGAIN_MS);
    assert_reply(set, RINGCACHE_OK);
    assert_int_equal(outages(s.world), 0);
    world_end(s.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_finds_no_place_waits_until_one_is_left),
        cmocka_unit_test(a_server_that_is_removed_while_it_is_dialled_leaves_its_place),
        cmocka_unit_test(who_waited_for_all_of_its_deadline_goes_beyond_the_bound),
        cmocka_unit_test(what_was_waited_for_a_place_is_not_the_servers),
        cmocka_unit_test(a_request_whose_connection_waits_ends_at_its_deadline),
        cmocka_unit_test(probes_wait_their_turn_too),
        cmocka_unit_test(closing_while_a_connection_waits_leaves_nothing_behind),
        cmocka_unit_test(a_look_up_that_cannot_begin_when_its_turn_comes_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* A ring of thousands of servers changes while requests flow: it is built aside, and one moment
 * parts what goes by the old one from what goes by the new one. */
#include "world.h"

#include <stdio.h>

#include "base/alloc.h"

enum { SERVERS = 2000, WORK_MS = 10 };

/* ---- memory that runs out ---- */

enum { LARGE_BYTES = 256 * 1024 };

static bool large_fails;

void *__real_rc_resize(void *old, size_t count, size_t size);
void *__wrap_rc_resize(void *old, size_t count, size_t size);

/* Nothing but a ring needs so much at once. */
void *__wrap_rc_resize(void *old, size_t count, size_t size)
{
    return large_fails && count * size > LARGE_BYTES ? NULL : __real_rc_resize(old, count, size);
}

/* ---- the scene ---- */

static void write_uri(char uri[64], unsigned n)
{
    snprintf(uri, 64, "memcached://10.0.%u.%u:11000?name=s%u", n / 250, n % 250 + 1, n);
}

static void add_machine(struct world *world, unsigned n)
{
    char host[32];
    snprintf(host, sizeof host, "10.0.%u.%u", n / 250, n % 250 + 1);
    sim_server_add(world->sim, host, 11000, ENGINE_MEMCACHED);
}

static struct world *begin_with(uint64_t seed, const char *distribution, unsigned servers)
{
    struct world *world = world_new(seed);
    char uri[64];
    sim_settings(world->sim)->work_ms = WORK_MS;
    world_option(world, "distribution", distribution);
    world_option(world, "points", "40");
    for (unsigned n = 0; n < servers; n++) {
        add_machine(world, n);
        write_uri(uri, n);
        world_option(world, "server", uri);
    }
    world_begin(world);
    return world;
}

static struct world *begin(uint64_t seed)
{
    return begin_with(seed, "ring", SERVERS);
}

static void add(struct world *world, unsigned n)
{
    char uri[64];
    add_machine(world, n);
    write_uri(uri, n);
    assert_int_equal(ringcache_server_add(world->client, uri), 0);
}

/* The ring in force is what those names and weights give by themselves. */
static void assert_in_force(struct world *world)
{
    ringcache_ring *anew = NULL;
    assert_int_equal(ringcache_ring_new(&anew, world->client->config), 0);
    assert_true(world->client->table->digest == ringcache_ring_digest(anew));
    ringcache_ring_unref(anew);
}

static uint64_t digest(const struct world *world)
{
    return world->client->table->digest;
}

static size_t changes(const struct world *world)
{
    return world_count(world, RINGCACHE_EVENT_RING_CHANGED);
}

/* ---- what holds ---- */

static void requests_go_by_the_old_ring_until_the_event(void **state)
{
    (void)state;
    struct world *world = begin(701);
    uint64_t before = digest(world);
    add(world, SERVERS);
    struct world_reply *early = world_set(world, "k", "v");
    world_run_for(world, WORK_MS - 1);
    struct world_reply *last = world_get(world, "k");
    assert_int_equal(changes(world), 0);
    world_run_for(world, 5);
    assert_value(last, "v");
    assert_reply(early, RINGCACHE_OK);
    assert_true(early->digest == before && last->digest == before);
    assert_int_equal(changes(world), 1);
    assert_true(digest(world) != before);
    assert_true(world_last(world, RINGCACHE_EVENT_RING_CHANGED)->digest == digest(world));
    assert_in_force(world);
    struct world_reply *late = world_get(world, "k2");
    world_settle(world, 1000);
    assert_true(late->digest == digest(world));
    world_end(world);
}

static void every_change_of_several_is_told_and_all_are_in_force(void **state)
{
    (void)state;
    struct world *world = begin(702);
    uint64_t tables = world->client->table_number;
    add(world, SERVERS);
    add(world, SERVERS + 1);
    assert_int_equal(ringcache_server_remove(world->client, "s7"), 0);
    assert_int_equal(ringcache_server_weight(world->client, "s8", 3), 0);
    assert_int_equal(world->client->table_number, tables);
    world_run_for(world, WORK_MS + 1);
    assert_int_equal(changes(world), 1);
    world_run_for(world, WORK_MS + 1);
    assert_int_equal(changes(world), 4);
    assert_int_equal(world->client->table_number, tables + 2);
    assert_int_equal(ringcache_ring_server_count(world->client->table->owners.ring), SERVERS + 1);
    assert_null(rc_members_find(world->client, "s7"));
    assert_in_force(world);
    world_run_for(world, 100);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_REMOVED), 1);
    world_end(world);
}

/* A change knows those that were accepted before it, what asks servers knows those in force. */
static void a_change_edits_what_was_accepted(void **state)
{
    (void)state;
    struct world *world = begin(703);
    char uri[64];
    add(world, SERVERS);
    write_uri(uri, SERVERS);
    assert_int_equal(ringcache_server_add(world->client, uri), RINGCACHE_ECONFIG);
    assert_int_equal(ringcache_server_weight(world->client, "s2000", 2), 0);
    assert_int_equal(ringcache_server_weight(world->client, "s2000", 101), RINGCACHE_ECONFIG);
    assert_int_equal(ringcache_server_remove(world->client, "s2000"), 0);
    assert_int_equal(ringcache_server_remove(world->client, "s2000"), RINGCACHE_EINVAL);
    assert_null(rc_members_find(world->client, "s2000"));
    uint64_t before = digest(world);
    world_run_for(world, 3 * WORK_MS);
    assert_int_equal(changes(world), 3);
    assert_true(digest(world) == before);
    world_end(world);
}

static void closing_waits_for_no_ring(void **state)
{
    (void)state;
    struct world *world = begin(704);
    sim_settings(world->sim)->work_ms = 1000;
    add(world, SERVERS);
    add(world, SERVERS + 1);
    struct world_reply *get = world_get(world, "k");
    world_run_for(world, 1);
    world_close(world);
    world_run_for(world, 1);
    assert_int_equal(world->closed, 1);
    assert_int_equal(get->calls, 1);
    assert_int_equal(changes(world), 0);
    world_end(world);
}

static void close_on_change(struct world *world, const ringcache_event *event)
{
    if (event->type == RINGCACHE_EVENT_RING_CHANGED) {
        world_close(world);
    }
}

static void the_event_may_close_what_is_next(void **state)
{
    (void)state;
    struct world *world = begin(705);
    world->on_event = close_on_change;
    add(world, SERVERS);
    add(world, SERVERS + 1);
    world_run_for(world, 2 * WORK_MS);
    assert_int_equal(world->closed, 1);
    assert_int_equal(changes(world), 1);
    world_end(world);
}

static void add_on_change(struct world *world, const ringcache_event *event)
{
    if (event->type == RINGCACHE_EVENT_RING_CHANGED && changes(world) <= 3) {
        add(world, SERVERS + 10 + (unsigned)changes(world));
    }
}

static void the_event_may_change_the_ring_again(void **state)
{
    (void)state;
    struct world *world = begin(706);
    world->on_event = add_on_change;
    add(world, SERVERS);
    add(world, SERVERS + 1);
    world_run_for(world, 10 * WORK_MS);
    world->on_event = NULL;
    assert_in_force(world);
    assert_true(changes(world) >= 4);
    world_end(world);
}

static void without_a_thread_the_call_builds_it(void **state)
{
    (void)state;
    struct world *world = begin(707);
    uint64_t before = digest(world);
    sim_client_fail_work(world->host, 1);
    add(world, SERVERS);
    assert_true(digest(world) != before);
    assert_in_force(world);
    world_run_for(world, 1);
    assert_int_equal(changes(world), 1);
    add(world, SERVERS + 1);
    add(world, SERVERS + 2);
    sim_client_fail_work(world->host, 1);
    world_run_for(world, WORK_MS + 1);
    assert_int_equal(changes(world), 3);
    assert_in_force(world);
    world_end(world);
}

static void without_memory_the_ring_in_force_stays(void **state)
{
    (void)state;
    struct world *world = begin(708);
    uint64_t before = digest(world);
    add(world, SERVERS);
    large_fails = true;
    world_run_for(world, WORK_MS + 1);
    large_fails = false;
    assert_int_equal(changes(world), 0);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_RING_KEPT), 1);
    assert_int_equal(world_last(world, RINGCACHE_EVENT_RING_KEPT)->reason, RINGCACHE_ENOMEM);
    assert_true(digest(world) == before);
    add(world, SERVERS);
    world_run_for(world, WORK_MS + 1);
    assert_int_equal(changes(world), 1);
    assert_in_force(world);
    world_end(world);
}

/* ---- what is large ---- */

static uint64_t tables(const struct world *world)
{
    return world->client->table_number;
}

/* The change is in force when its call returns. */
static void weigh_at_once(struct world *world, const char *name, uint32_t weight)
{
    uint64_t before = tables(world);
    assert_int_equal(ringcache_server_weight(world->client, name, weight), 0);
    assert_int_equal(tables(world), before + 1);
    world_run_for(world, 1);
}

static void weigh_aside(struct world *world, const char *name, uint32_t weight)
{
    uint64_t before = tables(world);
    assert_int_equal(ringcache_server_weight(world->client, name, weight), 0);
    world_run_for(world, WORK_MS - 1);
    assert_int_equal(tables(world), before);
    world_run_for(world, 2);
    assert_int_equal(tables(world), before + 1);
    assert_in_force(world);
}

static void a_ring_of_65536_points_at_most_is_in_force_at_once(void **state)
{
    (void)state;
    struct world *world = begin_with(710, "ring", 1600);
    weigh_at_once(world, "s0", 39);
    weigh_aside(world, "s0", 40);
    weigh_aside(world, "s0", 39); /* what is left behind is as large */
    weigh_at_once(world, "s0", 38);
    world_end(world);
}

static void the_slots_of_a_modulo_table_count_as_points(void **state)
{
    (void)state;
    struct world *world = begin_with(711, "twemproxy_modula", 2);
    weigh_at_once(world, "s0", 65535);
    weigh_aside(world, "s0", 65536);
    weigh_aside(world, "s0", 1);
    weigh_at_once(world, "s0", 2);
    world_end(world);
}

/* One point each for modula, 100 for consistent. */
static void many_servers_of_few_points_are_in_force_at_once(void **state)
{
    (void)state;
    struct world *world = begin_with(712, "modula", 1000);
    weigh_at_once(world, "s0", 1);
    world_end(world);
    world = begin_with(713, "consistent", 655);
    weigh_at_once(world, "s0", 1);
    add(world, 655);
    assert_int_equal(changes(world), 1);
    world_run_for(world, WORK_MS + 1);
    assert_int_equal(changes(world), 2);
    world_end(world);
}

static size_t points_of(const ringcache_ring *ring)
{
    size_t points = 0;
    for (size_t i = 0; i < ringcache_ring_server_count(ring); i++) {
        points += ringcache_ring_points(ring, i);
    }
    return points;
}

static size_t points_in_force(const struct world *world)
{
    const struct rc_table *table = world->client->table;
    return points_of(table->owners.ring) + points_of(table->spares.ring);
}

/* Of ketama's 160 points a server has fewer where its share is rounded down; the spares' come on
 * top of the owners'. */
static void both_rings_count_as_they_are(void **state)
{
    (void)state;
    struct world *world = begin_with(714, "ketama", 380);
    char uri[96];
    size_t points = points_in_force(world);
    for (unsigned n = 380; points <= 65536; n++) {
        uint64_t before = tables(world);
        size_t was = points;
        snprintf(uri, sizeof uri, "memcached://10.0.%u.%u:11000%s", n / 250, n % 250 + 1,
            n % 3 == 0 ? "?pool=gutter" : "");
        assert_int_equal(ringcache_server_add(world->client, uri), 0);
        bool aside = tables(world) == before;
        world_run_for(world, WORK_MS + 1);
        assert_int_equal(tables(world), before + 1);
        points = points_in_force(world);
        assert_int_equal(aside, points > 65536 || was > 65536);
    }
    world_end(world);
}

/* ---- memory that ran out ---- */

/* What could not be built is in force with what came behind it. */
static void a_change_that_found_no_memory_is_made_with_the_next(void **state)
{
    (void)state;
    struct world *world = begin(709);
    add(world, SERVERS);
    add(world, SERVERS + 1);
    large_fails = true;
    world_run_for(world, WORK_MS + 1);
    large_fails = false;
    assert_int_equal(changes(world), 0);
    world_run_for(world, WORK_MS + 1);
    assert_int_equal(changes(world), 2);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_RING_KEPT), 0);
    assert_int_equal(ringcache_ring_server_count(world->client->table->owners.ring), SERVERS + 2);
    assert_in_force(world);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_go_by_the_old_ring_until_the_event),
        cmocka_unit_test(every_change_of_several_is_told_and_all_are_in_force),
        cmocka_unit_test(a_change_edits_what_was_accepted),
        cmocka_unit_test(closing_waits_for_no_ring),
        cmocka_unit_test(the_event_may_close_what_is_next),
        cmocka_unit_test(the_event_may_change_the_ring_again),
        cmocka_unit_test(without_a_thread_the_call_builds_it),
        cmocka_unit_test(without_memory_the_ring_in_force_stays),
        cmocka_unit_test(a_ring_of_65536_points_at_most_is_in_force_at_once),
        cmocka_unit_test(the_slots_of_a_modulo_table_count_as_points),
        cmocka_unit_test(many_servers_of_few_points_are_in_force_at_once),
        cmocka_unit_test(both_rings_count_as_they_are),
        cmocka_unit_test(a_change_that_found_no_memory_is_made_with_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Which topologies are refused, whom the refusal names, and in which words. */
#include "fleet.h"

static void assert_accepted(struct fleet *fleet)
{
    char why[256] = "";
    size_t member = 77;
    fleet->topology.members = fleet->members;
    assert_int_equal(rc_topology_check(&fleet->topology, why, sizeof why, &member), 0);
    assert_string_equal(why, "");
    assert_int_equal(member, 77);
}

/* Frees the fleet. */
static void assert_refused(struct fleet *fleet, size_t offender, const char *sentence)
{
    char why[256];
    size_t member = 77;
    fleet->topology.members = fleet->members;
    assert_int_equal(
        rc_topology_check(&fleet->topology, why, sizeof why, &member), RINGCACHE_ECONFIG);
    assert_string_equal(why, sentence);
    assert_int_equal(member, offender);
    ringcache_ring *ring = NULL;
    assert_int_equal(rc_ring_new(&ring, &fleet->topology, NULL), RINGCACHE_ECONFIG);
    assert_null(ring);
    fleet_free(fleet);
}

static void two_servers_of_one_name_are_refused(void **state)
{
    (void)state;
    for (int d = RC_DISTRIBUTION_RING; d <= RC_DISTRIBUTION_TWEMPROXY_MODULA; d++) {
        struct fleet fleet = fleet_of((enum rc_distribution)d, RC_HASH_MD5);
        fleet_add(&fleet, "a", 1, 1, "twin");
        fleet_add(&fleet, "b", 2, 1, NULL);
        fleet_add(&fleet, "c", 3, 1, "twin");
        assert_refused(&fleet, 2, "two servers are named \"twin\"");
    }
}

static void two_names_that_hash_as_one_text_are_refused(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_KETAMA, RC_HASH_MD5);
    fleet_add(&fleet, "10.0.0.1", 11211, 1, NULL);
    fleet_add(&fleet, "10.0.0.2", 11211, 1, "10.0.0.1");
    assert_refused(&fleet, 1,
        "servers \"10.0.0.1:11211\" and \"10.0.0.1\" both hash as \"10.0.0.1\", one would get no "
        "key");
}

static void the_native_ring_takes_weights_from_1_to_100(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_RING, RC_HASH_XXH3);
    fleet_add(&fleet, "a", 1, 1, NULL);
    fleet_add(&fleet, "b", 2, 100, NULL);
    assert_accepted(&fleet);
    fleet.members[1].weight = 101;
    assert_refused(&fleet, 1, "server \"b:2\" has weight 101, distribution ring takes 1 to 100");
}

static void weight_0_is_refused(void **state)
{
    (void)state;
    for (int d = RC_DISTRIBUTION_RING; d <= RC_DISTRIBUTION_TWEMPROXY_MODULA; d++) {
        struct fleet fleet = fleet_of((enum rc_distribution)d, RC_HASH_MD5);
        fleet_add(&fleet, "a", 1, 0, NULL);
        assert_refused(&fleet, 0, "server \"a:1\" has weight 0, the least is 1");
    }
}

static void consistent_takes_no_weight(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_CONSISTENT, RC_HASH_MD5);
    fleet_add(&fleet, "a", 1, 1, NULL);
    assert_accepted(&fleet);
    fleet.members[0].weight = 2;
    assert_refused(&fleet, 0,
        "server \"a:1\" has weight 2, distribution consistent takes no weight above 1 "
        "(ketama does)");
}

static void ketama_takes_the_largest_weights(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_KETAMA, RC_HASH_MD5);
    fleet_add(&fleet, "a", 1, UINT32_MAX, NULL);
    fleet_add(&fleet, "b", 1, UINT32_MAX, NULL);
    assert_accepted(&fleet);
    ringcache_ring *ring = fleet_ring(&fleet);
    assert_int_equal(ringcache_ring_points(ring, 0), 160);
    ringcache_ring_unref(ring);
    fleet_free(&fleet);
}

static void a_ring_of_0_points_is_refused(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_RING, RC_HASH_XXH3);
    fleet.topology.points = 0;
    fleet_add(&fleet, "a", 1, 1, NULL);
    assert_refused(&fleet, SIZE_MAX, "a ring of 0 points per server places nothing");
}

static void more_points_than_the_bound_are_refused(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_TWEMPROXY_MODULA, RC_HASH_MD5);
    fleet_add(&fleet, "a", 1, 1, NULL);
    fleet_add(&fleet, "b", 1, (1U << 28) - 1, NULL);
    assert_accepted(&fleet);
    fleet.members[0].weight = 2;
    assert_refused(&fleet, SIZE_MAX,
        "268435457 points in all are too many, the most is 268435456: lower the points or the "
        "weights");
}

static void more_servers_than_65535_are_refused(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_MODULA, RC_HASH_MD5);
    fleet_add_many(&fleet, "h", RC_SERVERS_MAX);
    assert_accepted(&fleet);
    fleet_add(&fleet, "more", 1, 1, NULL);
    assert_refused(&fleet, SIZE_MAX, "65536 servers are too many, the most is 65535");
}

static void no_server_at_all_is_accepted(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_KETAMA, RC_HASH_MD5);
    assert_accepted(&fleet);
}

static void a_reason_is_cut_to_its_room(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_MODULA, RC_HASH_MD5);
    fleet_add(&fleet, "a", 1, 0, NULL);
    fleet.topology.members = fleet.members;
    char why[8];
    size_t member;
    assert_int_equal(
        rc_topology_check(&fleet.topology, why, sizeof why, &member), RINGCACHE_ECONFIG);
    assert_string_equal(why, "server ");
    fleet_free(&fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_servers_of_one_name_are_refused),
        cmocka_unit_test(two_names_that_hash_as_one_text_are_refused),
        cmocka_unit_test(the_native_ring_takes_weights_from_1_to_100),
        cmocka_unit_test(weight_0_is_refused),
        cmocka_unit_test(consistent_takes_no_weight),
        cmocka_unit_test(ketama_takes_the_largest_weights),
        cmocka_unit_test(a_ring_of_0_points_is_refused),
        cmocka_unit_test(more_points_than_the_bound_are_refused),
        cmocka_unit_test(more_servers_than_65535_are_refused),
        cmocka_unit_test(no_server_at_all_is_accepted),
        cmocka_unit_test(a_reason_is_cut_to_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

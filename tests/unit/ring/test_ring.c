/* SPDX-License-Identifier: MIT */
/* What holds for every ring: properties over many drawn ones, and the edges. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "ring/points.h"
#include "ring/snapshot.h"

enum { DISTRIBUTIONS = RC_DISTRIBUTION_TWEMPROXY_MODULA + 1, HASHES = RC_HASH_JENKINS + 1 };

/* A ring of some distribution, hash, size and weights. */
static struct fleet draw_fleet(uint64_t *seed, enum rc_distribution distribution)
{
    struct fleet fleet = fleet_of(distribution, (enum rc_hash)(draw(seed) % HASHES));
    size_t count = 1 + draw(seed) % 12;
    fleet.topology.points = 1 + (uint32_t)(draw(seed) % 200);
    for (size_t i = 0; i < count; i++) {
        char host[32];
        snprintf(host, sizeof host, "h%u", (unsigned)(draw(seed) % 90000 * 16 + i));
        uint32_t weight = 1 + (uint32_t)(draw(seed) % 5);
        weight = distribution == RC_DISTRIBUTION_CONSISTENT ? 1 : weight;
        fleet_add(&fleet, host, 11211, weight, NULL);
    }
    return fleet;
}

static size_t first_not_below(const ringcache_ring *ring, uint32_t hash)
{
    for (size_t i = 0; i < ring->size; i++) {
        if (rc_ring_value(ring, i) >= hash) {
            return i;
        }
    }
    return 0;
}

/* At a point, just before and just after it, as far as the hash reaches. */
static void assert_points_found(const ringcache_ring *ring)
{
    for (size_t i = 0; i < ring->size; i++) {
        for (uint64_t d = 0; d < 3; d++) {
            uint64_t hash = (uint64_t)rc_ring_value(ring, i) + d - 1;
            if (hash < rc_ring_range(ring)) {
                size_t expected = first_not_below(ring, (uint32_t)hash);
                size_t found = rc_ring_point(ring, (uint32_t)hash);
                assert_int_equal(found < ring->size ? found : 0, expected);
            }
        }
    }
}

static void the_index_finds_what_a_search_from_the_start_finds(void **state)
{
    (void)state;
    uint64_t seed = 11;
    for (int i = 0; i < 60; i++) {
        static const enum rc_distribution rings[] = {
            RC_DISTRIBUTION_RING, RC_DISTRIBUTION_CONSISTENT, RC_DISTRIBUTION_KETAMA};
        struct fleet fleet = draw_fleet(&seed, rings[i % 3]);
        ringcache_ring *ring = fleet_ring(&fleet);
        if (ring->size < 1000) {
            assert_points_found(ring);
        }
        uint32_t top = (uint32_t)(rc_ring_range(ring) - 1);
        assert_int_equal(rc_ring_owner(ring, 0), rc_ring_server(ring, 0));
        assert_int_equal(
            rc_ring_owner(ring, top), rc_ring_server(ring, first_not_below(ring, top)));
        ringcache_ring_unref(ring);
        fleet_free(&fleet);
    }
}

/* Points as an adversary would choose them: all in one bucket, over many blocks. */
static void a_crowded_bucket_is_searched_to_the_right_point(void **state)
{
    (void)state;
    enum { BLOCKS = 11, COUNT = (BLOCKS - 1) * RC_BLOCK_POINTS };
    static struct rc_block blocks[BLOCKS]; /* a frame of a sanitizer is not aligned as much */
    uint32_t starts[3] = {0, BLOCKS - 1, BLOCKS - 1};
    for (uint32_t i = 0; i < BLOCKS * RC_BLOCK_POINTS; i++) {
        struct rc_block *block = &blocks[i / RC_BLOCK_POINTS];
        block->values[i % RC_BLOCK_POINTS] = i < COUNT ? 1000 + 2 * i : UINT32_MAX;
        block->servers[i % RC_BLOCK_POINTS] = (uint16_t)(i < COUNT ? i : 0);
    }
    struct ringcache_ring ring = {
        .bits = 32, .size = COUNT, .blocks = blocks, .starts = starts, .buckets = 2};
    for (uint32_t hash = 990; hash <= 1000 + 2 * COUNT; hash++) {
        size_t expected = hash <= 1000 ? 0 : (hash - 999) / 2;
        assert_int_equal(rc_ring_point(&ring, hash), expected);
        assert_int_equal(rc_ring_point_owner(&ring, hash), expected < COUNT ? expected : 0);
    }
}

static void the_order_of_configuration_does_not_matter_to_the_native_ring(void **state)
{
    (void)state;
    uint64_t seed = 12;
    for (int i = 0; i < 40; i++) {
        struct fleet fleet = draw_fleet(&seed, RC_DISTRIBUTION_RING);
        ringcache_ring *one = fleet_ring(&fleet);
        fleet_shuffle(&fleet, &seed);
        ringcache_ring *other = fleet_ring(&fleet);
        assert_int_equal(ringcache_ring_digest(one), ringcache_ring_digest(other));
        for (int k = 0; k < 200; k++) {
            char key[32];
            size_t len = draw_key(&seed, key);
            assert_string_equal(
                ringcache_ring_server_name(one, ringcache_ring_locate(one, key, len)),
                ringcache_ring_server_name(other, ringcache_ring_locate(other, key, len)));
        }
        ringcache_ring_unref(one);
        ringcache_ring_unref(other);
        fleet_free(&fleet);
    }
}

static void a_name_that_another_begins_with_comes_first_however_they_are_listed(void **state)
{
    (void)state;
    static const char *const names[] = {"cache", "cache2", "cache"};
    uint64_t digests[2];
    for (size_t i = 0; i < 2; i++) {
        struct fleet fleet = fleet_of(RC_DISTRIBUTION_RING, RC_HASH_XXH3);
        fleet_add(&fleet, "h", 1, 1, names[i]);
        fleet_add(&fleet, "h", 1, 1, names[i + 1]);
        ringcache_ring *ring = fleet_ring(&fleet);
        assert_string_equal(ringcache_ring_server_name(ring, ring->by_name[0]), "cache");
        digests[i] = ringcache_ring_digest(ring);
        ringcache_ring_unref(ring);
        fleet_free(&fleet);
    }
    assert_int_equal(digests[0], digests[1]);
}

static void shares_sum_to_1_and_are_what_a_count_finds(void **state)
{
    (void)state;
    uint64_t seed = 13;
    for (int i = 0; i < 70; i++) {
        struct fleet fleet = draw_fleet(&seed, (enum rc_distribution)(i % DISTRIBUTIONS));
        fleet.topology.hash = RC_HASH_CRC;
        ringcache_ring *ring = fleet_ring(&fleet);
        size_t owned[16] = {0};
        for (uint32_t hash = 0; hash < 1 << 15; hash++) {
            owned[rc_ring_owner(ring, hash)]++;
        }
        double sum = 0;
        for (size_t s = 0; s < ringcache_ring_server_count(ring); s++) {
            assert_true(ringcache_ring_share(ring, s) == (double)owned[s] / (1 << 15));
            sum += ringcache_ring_share(ring, s);
        }
        assert_true(sum == 1);
        ringcache_ring_unref(ring);
        fleet_free(&fleet);
    }
}

static void shares_of_a_wide_hash_sum_to_1(void **state)
{
    (void)state;
    uint64_t seed = 14;
    for (int i = 0; i < 70; i++) {
        struct fleet fleet = draw_fleet(&seed, (enum rc_distribution)(i % DISTRIBUTIONS));
        ringcache_ring *ring = fleet_ring(&fleet);
        double sum = 0;
        for (size_t s = 0; s < ringcache_ring_server_count(ring); s++) {
            sum += ringcache_ring_share(ring, s);
        }
        assert_true(sum == 1);
        ringcache_ring_unref(ring);
        fleet_free(&fleet);
    }
}

static void assert_distinct(const size_t *owners, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_true(owners[i] != owners[j]);
        }
    }
}

static void owners_are_distinct_and_complete_and_begin_with_the_owner(void **state)
{
    (void)state;
    uint64_t seed = 15;
    for (int i = 0; i < 140; i++) {
        struct fleet fleet = draw_fleet(&seed, (enum rc_distribution)(i % DISTRIBUTIONS));
        ringcache_ring *ring = fleet_ring(&fleet);
        size_t owners[40];
        char key[32];
        size_t len = draw_key(&seed, key);
        size_t found = ringcache_ring_owners(ring, key, len, owners, 40);
        assert_int_equal(found, ring->holders);
        assert_distinct(owners, found);
        assert_int_equal(owners[0], ringcache_ring_locate(ring, key, len));
        size_t fewer[2];
        size_t two = ringcache_ring_owners(ring, key, len, fewer, 2);
        assert_int_equal(two, found < 2 ? found : 2);
        assert_memory_equal(fewer, owners, two * sizeof owners[0]);
        assert_int_equal(ringcache_ring_owners(ring, key, len, owners, 0), 0);
        ringcache_ring_unref(ring);
        fleet_free(&fleet);
    }
}

static void many_owners_are_those_that_a_walk_round_the_ring_meets(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_RING, RC_HASH_XXH3);
    fleet_add_many(&fleet, "h", 300);
    ringcache_ring *ring = fleet_ring(&fleet);
    size_t owners[300];
    assert_int_equal(ringcache_ring_owners(ring, "k", 1, owners, 300), 300);
    size_t at = rc_ring_point(ring, rc_ring_hash(ring, "k", 1));
    bool seen[300] = {false};
    for (size_t found = 0; found < 300; at = (at + 1) % ring->size) {
        size_t server = rc_ring_server(ring, at);
        if (!seen[server]) {
            seen[server] = true;
            assert_int_equal(owners[found++], server);
        }
    }
    ringcache_ring_unref(ring);
    fleet_free(&fleet);
}

static void replicas_of_modula_follow_in_the_order_of_the_list(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_MODULA, RC_HASH_MD5);
    fleet_add_many(&fleet, "h", 5);
    ringcache_ring *ring = fleet_ring(&fleet);
    size_t owners[5];
    assert_int_equal(ringcache_ring_owners(ring, "foo", 3, owners, 5), 5);
    size_t first = rc_hash(RC_HASH_MD5, "foo", 3) % 5;
    for (size_t r = 0; r < 5; r++) {
        assert_int_equal(owners[r], (first + r) % 5);
    }
    ringcache_ring_unref(ring);
    fleet_free(&fleet);
}

static void a_join_moves_keys_to_the_newcomer_alone(void **state)
{
    (void)state;
    uint64_t seed = 16;
    for (int i = 0; i < 20; i++) {
        struct fleet fleet = draw_fleet(&seed, RC_DISTRIBUTION_RING);
        size_t newcomer = fleet.topology.count;
        ringcache_ring *before = fleet_ring(&fleet);
        fleet_add(&fleet, "newcomer", 11211, 2, NULL);
        ringcache_ring *after = fleet_ring(&fleet);
        for (int k = 0; k < 500; k++) {
            char key[32];
            size_t len = draw_key(&seed, key);
            size_t now = ringcache_ring_locate(after, key, len);
            assert_true(now == newcomer || now == ringcache_ring_locate(before, key, len));
        }
        ringcache_ring_unref(before);
        ringcache_ring_unref(after);
        fleet_free(&fleet);
    }
}

static void digests_differ_when_anything_that_places_keys_differs(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_RING, RC_HASH_XXH3);
    fleet_add_many(&fleet, "h", 3);
    uint64_t digests[7];
    for (size_t i = 0; i < 7; i++) {
        struct rc_topology *t = &fleet.topology;
        t->hash = i == 1 ? RC_HASH_MD5 : RC_HASH_XXH3;
        t->tagged = i == 2 || i == 3;
        memcpy(t->tag, i == 2 ? "{}" : "[]", 2);
        t->name_space = rc_slice_text("n:");
        t->hash_namespace = i == 4;
        t->points = i == 5 ? 511 : 512;
        fleet.members[0].weight = i == 6 ? 2 : 1;
        ringcache_ring *ring = fleet_ring(&fleet);
        digests[i] = ringcache_ring_digest(ring);
        for (size_t j = 0; j < i; j++) {
            assert_true(digests[i] != digests[j]);
        }
        ringcache_ring_unref(ring);
    }
    fleet_free(&fleet);
}

static void the_order_of_configuration_shows_in_the_digest_of_modula(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_MODULA, RC_HASH_MD5);
    fleet_add_many(&fleet, "h", 2);
    ringcache_ring *one = fleet_ring(&fleet);
    struct rc_member first = fleet.members[0];
    fleet.members[0] = fleet.members[1];
    fleet.members[1] = first;
    ringcache_ring *other = fleet_ring(&fleet);
    assert_true(ringcache_ring_digest(one) != ringcache_ring_digest(other));
    ringcache_ring_unref(one);
    ringcache_ring_unref(other);
    fleet_free(&fleet);
}

static void a_hundred_servers_of_512_points_are_even(void **state)
{
    (void)state;
    double sum = 0;
    for (unsigned set = 0; set < 60; set++) {
        struct fleet fleet = fleet_of(RC_DISTRIBUTION_RING, RC_HASH_XXH3);
        char prefix[32];
        snprintf(prefix, sizeof prefix, "cache-%u-", set);
        fleet_add_many(&fleet, prefix, 100);
        ringcache_ring *ring = fleet_ring(&fleet);
        double most = 0;
        for (size_t s = 0; s < 100; s++) {
            double share = ringcache_ring_share(ring, s);
            most = share > most ? share : most;
        }
        sum += most * 100;
        ringcache_ring_unref(ring);
        fleet_free(&fleet);
    }
    print_message("largest share over the mean, mean of 60 sets of names: %.4f\n", sum / 60);
    assert_true(sum / 60 <= 1.13);
}

static void a_ring_of_no_server_owns_no_key(void **state)
{
    (void)state;
    for (int d = 0; d < DISTRIBUTIONS; d++) {
        struct fleet fleet = fleet_of((enum rc_distribution)d, RC_HASH_XXH3);
        ringcache_ring *ring = fleet_ring(&fleet);
        size_t owners[2];
        assert_int_equal(ringcache_ring_server_count(ring), 0);
        assert_int_equal(ringcache_ring_locate(ring, "k", 1), RINGCACHE_NONE);
        assert_int_equal(ringcache_ring_owners(ring, "k", 1, owners, 2), 0);
        ringcache_ring_unref(ring);
    }
}

static void a_sole_server_owns_every_key(void **state)
{
    (void)state;
    uint64_t seed = 17;
    for (int d = 0; d < DISTRIBUTIONS; d++) {
        struct fleet fleet = fleet_of((enum rc_distribution)d, RC_HASH_ONE_AT_A_TIME);
        fleet_add(&fleet, "h", 11211, 1, NULL);
        ringcache_ring *ring = fleet_ring(&fleet);
        assert_true(ringcache_ring_share(ring, 0) == 1);
        for (int k = 0; k < 100; k++) {
            char key[32];
            assert_int_equal(ringcache_ring_locate(ring, key, draw_key(&seed, key)), 0);
        }
        ringcache_ring_unref(ring);
        fleet_free(&fleet);
    }
}

static void what_lies_past_the_end_has_no_name_weight_points_or_share(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_RING, RC_HASH_XXH3);
    fleet_add(&fleet, "h", 11211, 3, NULL);
    ringcache_ring *ring = fleet_ring(&fleet);
    assert_string_equal(ringcache_ring_server_name(ring, 0), "h:11211");
    assert_int_equal(ringcache_ring_weight(ring, 0), 3);
    assert_int_equal(ringcache_ring_points(ring, 0), 3 * RC_POINTS_DEFAULT);
    assert_null(ringcache_ring_server_name(ring, 1));
    assert_int_equal(ringcache_ring_weight(ring, 1), 0);
    assert_int_equal(ringcache_ring_points(ring, 1), 0);
    assert_true(ringcache_ring_share(ring, 1) == 0);
    ringcache_ring_unref(ring);
    fleet_free(&fleet);
}

static void a_ring_lives_until_its_last_reference_goes(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_RING, RC_HASH_XXH3);
    fleet_add_many(&fleet, "h", 2);
    ringcache_ring *ring = fleet_ring(&fleet);
    fleet_free(&fleet);
    assert_ptr_equal(ringcache_ring_ref(ring), ring);
    ringcache_ring_unref(ring);
    assert_string_equal(ringcache_ring_server_name(ring, 1), "h1:11211");
    ringcache_ring_unref(ring);
    ringcache_ring_unref(NULL);
}

static void the_largest_fleet_is_placed_whole(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_RING, RC_HASH_XXH3);
    fleet.topology.points = 8;
    fleet_add_many(&fleet, "h", RC_SERVERS_MAX);
    ringcache_ring *ring = fleet_ring(&fleet);
    size_t *owners = malloc(RC_SERVERS_MAX * sizeof *owners);
    assert_non_null(owners);
    assert_int_equal(ringcache_ring_owners(ring, "k", 1, owners, RC_SERVERS_MAX), RC_SERVERS_MAX);
    uint64_t sum = 0;
    for (size_t i = 0; i < RC_SERVERS_MAX; i++) {
        sum += owners[i];
    }
    assert_int_equal(sum, (uint64_t)RC_SERVERS_MAX * (RC_SERVERS_MAX - 1) / 2);
    uint64_t seed = 18;
    for (int i = 0; i < 100; i++) {
        uint32_t hash = (uint32_t)draw(&seed);
        size_t point = rc_ring_point(ring, hash);
        assert_true(point == ring->size || rc_ring_value(ring, point) >= hash);
        assert_true(point == 0 || rc_ring_value(ring, point - 1) < hash);
    }
    free(owners);
    ringcache_ring_unref(ring);
    fleet_free(&fleet);
}

static void a_namespace_and_key_of_more_than_250_bytes_hash_as_0(void **state)
{
    (void)state;
    enum { MOST = 250 };
    char text[MOST + 1];
    memset(text, 'n', sizeof text);
    for (size_t prefix = MOST - 1; prefix <= MOST + 1; prefix++) {
        struct fleet fleet = fleet_of(RC_DISTRIBUTION_KETAMA, RC_HASH_MD5);
        fleet_add_many(&fleet, "h", 3);
        fleet.topology.hash_namespace = true;
        fleet.topology.name_space = rc_slice(text, prefix);
        ringcache_ring *ring = fleet_ring(&fleet);
        for (size_t key = 0; key <= 2; key++) {
            uint32_t hash = rc_hash(RC_HASH_MD5, text, prefix + key <= MOST ? prefix + key : 0);
            assert_int_equal(rc_ring_hash(ring, text, key), prefix + key <= MOST ? hash : 0);
        }
        ringcache_ring_unref(ring);
        fleet_free(&fleet);
    }
}

static void a_table_has_slots_and_no_values_of_points(void **state)
{
    (void)state;
    static const enum rc_distribution tables[] = {
        RC_DISTRIBUTION_MODULA, RC_DISTRIBUTION_TWEMPROXY_MODULA};
    for (size_t i = 0; i < 2; i++) {
        const struct rc_topology topology = {.distribution = tables[i]};
        char name[64] = "h";
        const struct rc_text text = {.bytes = name, .len = 1, .member = 7};
        struct rc_point points[2] = {{.value = 1}, {.value = 2}};
        rc_points_write(&topology, &text, points, 2);
        for (uint32_t p = 0; p < 2; p++) {
            assert_int_equal(points[p].server, 7);
            assert_int_equal(points[p].value, p + 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_finds_what_a_search_from_the_start_finds),
        cmocka_unit_test(a_crowded_bucket_is_searched_to_the_right_point),
        cmocka_unit_test(the_order_of_configuration_does_not_matter_to_the_native_ring),
        cmocka_unit_test(a_name_that_another_begins_with_comes_first_however_they_are_listed),
        cmocka_unit_test(shares_sum_to_1_and_are_what_a_count_finds),
        cmocka_unit_test(shares_of_a_wide_hash_sum_to_1),
        cmocka_unit_test(owners_are_distinct_and_complete_and_begin_with_the_owner),
        cmocka_unit_test(many_owners_are_those_that_a_walk_round_the_ring_meets),
        cmocka_unit_test(replicas_of_modula_follow_in_the_order_of_the_list),
        cmocka_unit_test(a_join_moves_keys_to_the_newcomer_alone),
        cmocka_unit_test(digests_differ_when_anything_that_places_keys_differs),
        cmocka_unit_test(the_order_of_configuration_shows_in_the_digest_of_modula),
        cmocka_unit_test(a_hundred_servers_of_512_points_are_even),
        cmocka_unit_test(a_ring_of_no_server_owns_no_key),
        cmocka_unit_test(a_sole_server_owns_every_key),
        cmocka_unit_test(what_lies_past_the_end_has_no_name_weight_points_or_share),
        cmocka_unit_test(a_ring_lives_until_its_last_reference_goes),
        cmocka_unit_test(the_largest_fleet_is_placed_whole),
        cmocka_unit_test(a_namespace_and_key_of_more_than_250_bytes_hash_as_0),
        cmocka_unit_test(a_table_has_slots_and_no_values_of_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

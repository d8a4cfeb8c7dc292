/* SPDX-License-Identifier: MIT */
/* What moves between two rings, against a count of every hash value and against arithmetic. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "ring/snapshot.h"

enum { DISTRIBUTIONS = RC_DISTRIBUTION_TWEMPROXY_MODULA + 1, MOST = 16 };

static ringcache_ring_change *diff(const ringcache_ring *from, const ringcache_ring *to)
{
    ringcache_ring_change *change = NULL;
    assert_int_equal(ringcache_ring_diff(from, to, &change), 0);
    return change;
}

static bool near(double a, double b, double margin)
{
    return fabs(a - b) <= margin;
}

/* Servers "h0".."h19" of which about half, in any order. */
static struct fleet draw_fleet(uint64_t *seed, enum rc_distribution distribution, enum rc_hash hash)
{
    struct fleet fleet = fleet_of(distribution, hash);
    fleet.topology.points = 1 + (uint32_t)(draw(seed) % 60);
    for (unsigned i = 0; i < 12; i++) {
        char host[8];
        snprintf(host, sizeof host, "h%u", i);
        bool weighted = distribution != RC_DISTRIBUTION_CONSISTENT && draw(seed) % 2 > 0;
        if (draw(seed) % 2 > 0 || (i == 11 && fleet.topology.count == 0)) {
            fleet_add(&fleet, host, 11211, weighted ? 1 + (uint32_t)(draw(seed) % 4) : 1, NULL);
        }
    }
    fleet_shuffle(&fleet, seed);
    return fleet;
}

static void assert_ordered(const ringcache_ring_change *change)
{
    double last = 1;
    double sum = 0;
    for (size_t i = 0; i < ringcache_ring_change_count(change); i++) {
        double share = 0;
        assert_int_equal(ringcache_ring_change_at(change, i, NULL, NULL, &share), 0);
        assert_true(share > 0 && share <= last);
        last = share;
        sum += share;
    }
    assert_true(near(sum, ringcache_ring_change_moved(change), 1e-12));
}

static bool same_name(const ringcache_ring *from, size_t f, const ringcache_ring *to, size_t t)
{
    return strcmp(ringcache_ring_server_name(from, f), ringcache_ring_server_name(to, t)) == 0;
}

/* Every hash value of crc is tried: both tables must be the same to the last value. */
static void assert_counted(const ringcache_ring *from, const ringcache_ring *to)
{
    ringcache_ring_change *change = diff(from, to);
    uint64_t table[MOST][MOST] = {{0}};
    uint64_t moved = 0;
    for (uint32_t hash = 0; hash < 1 << 15; hash++) {
        uint32_t f = rc_ring_owner(from, hash);
        uint32_t t = rc_ring_owner(to, hash);
        if (!same_name(from, f, to, t)) {
            table[f][t]++;
            moved++;
        }
    }
    assert_int_equal(ringcache_ring_change_exact(change), 1);
    assert_true(ringcache_ring_change_moved(change) == (double)moved / (1 << 15));
    assert_ordered(change);
    for (size_t i = 0; i < ringcache_ring_change_count(change); i++) {
        size_t f;
        size_t t;
        double share;
        assert_int_equal(ringcache_ring_change_at(change, i, &f, &t, &share), 0);
        assert_true(share == (double)table[f][t] / (1 << 15));
        assert_true(table[f][t] > 0);
        table[f][t] = 0;
    }
    ringcache_ring_change_free(change);
}

static void every_pair_of_distributions_is_counted_to_the_last_value(void **state)
{
    (void)state;
    uint64_t seed = 21;
    for (int i = 0; i < DISTRIBUTIONS * DISTRIBUTIONS * 3; i++) {
        enum rc_distribution a = (enum rc_distribution)(i % DISTRIBUTIONS);
        enum rc_distribution b = (enum rc_distribution)(i / DISTRIBUTIONS % DISTRIBUTIONS);
        struct fleet one = draw_fleet(&seed, a, RC_HASH_CRC);
        struct fleet other = draw_fleet(&seed, b, RC_HASH_CRC);
        ringcache_ring *from = fleet_ring(&one);
        ringcache_ring *to = fleet_ring(&other);
        assert_counted(from, to);
        ringcache_ring_unref(from);
        ringcache_ring_unref(to);
        fleet_free(&one);
        fleet_free(&other);
    }
}

static void assert_counted_both_ways(struct fleet *one, struct fleet *other)
{
    ringcache_ring *from = fleet_ring(one);
    ringcache_ring *to = fleet_ring(other);
    assert_counted(from, to);
    assert_counted(to, from);
    ringcache_ring_unref(from);
    ringcache_ring_unref(to);
}

/* Points of 15 bits: of 1,600, some are sure to be the same. The first of them owns the value. */
static void points_on_one_value_are_counted_once(void **state)
{
    (void)state;
    uint64_t seed = 27;
    struct fleet one = fleet_of(RC_DISTRIBUTION_CONSISTENT, RC_HASH_CRC);
    struct fleet other = fleet_of(RC_DISTRIBUTION_CONSISTENT, RC_HASH_CRC);
    for (size_t i = 0; i < MOST; i++) {
        char name[24];
        snprintf(name, sizeof name, "%llx", (unsigned long long)(draw(&seed) >> draw(&seed) % 32));
        fleet_add(&one, "h", 11211, 1, name);
        snprintf(name, sizeof name, "%llx", (unsigned long long)(draw(&seed) >> draw(&seed) % 32));
        fleet_add(&other, "h", 11211, 1, name);
    }
    ringcache_ring *ring = fleet_ring(&other);
    size_t same = 0;
    for (size_t i = 1; i < ring->size; i++) {
        same += rc_ring_value(ring, i) == rc_ring_value(ring, i - 1);
    }
    assert_true(same > 0);
    ringcache_ring_unref(ring);
    assert_counted_both_ways(&one, &other);
    fleet_free(&one);
    fleet_free(&other);
}

/* 1,009 and 1,013 slots: their pattern is longer than the 32,768 values that the hash has. */
static void tables_whose_pattern_never_repeats_are_counted_to_the_last_value(void **state)
{
    (void)state;
    struct fleet one = fleet_of(RC_DISTRIBUTION_TWEMPROXY_MODULA, RC_HASH_CRC);
    fleet_add(&one, "a", 11211, 500, NULL);
    fleet_add(&one, "b", 11211, 509, NULL);
    struct fleet other = fleet_of(RC_DISTRIBUTION_TWEMPROXY_MODULA, RC_HASH_CRC);
    fleet_add(&other, "a", 11211, 300, NULL);
    fleet_add(&other, "b", 11211, 400, NULL);
    fleet_add(&other, "c", 11211, 313, NULL);
    assert_counted_both_ways(&one, &other);
    fleet_free(&one);
    fleet_free(&other);
}

/* `sample` hash values of 32 bits; the margin is six standard deviations. */
static void assert_sampled(const ringcache_ring *from, const ringcache_ring *to, uint64_t *seed)
{
    enum { SAMPLE = 40000 };
    ringcache_ring_change *change = diff(from, to);
    double table[MOST][MOST] = {{0}};
    for (int i = 0; i < SAMPLE; i++) {
        uint32_t hash = (uint32_t)(draw(seed) >> 32);
        uint32_t f = rc_ring_owner(from, hash);
        uint32_t t = rc_ring_owner(to, hash);
        table[f][t] += same_name(from, f, to, t) ? 0 : 1.0 / (double)SAMPLE;
    }
    for (size_t i = 0; i < ringcache_ring_change_count(change); i++) {
        size_t f;
        size_t t;
        double share;
        assert_int_equal(ringcache_ring_change_at(change, i, &f, &t, &share), 0);
        assert_true(
            near(table[f][t], share, 6 * sqrt(share / (double)SAMPLE) + 1.0 / (double)SAMPLE));
        table[f][t] = 0;
    }
    for (size_t i = 0; i < MOST * MOST; i++) {
        assert_true(table[i / MOST][i % MOST] == 0);
    }
    assert_ordered(change);
    ringcache_ring_change_free(change);
}

static void a_diff_over_32_bits_is_what_samples_find(void **state)
{
    (void)state;
    uint64_t seed = 22;
    for (int i = 0; i < DISTRIBUTIONS * DISTRIBUTIONS; i++) {
        enum rc_distribution a = (enum rc_distribution)(i % DISTRIBUTIONS);
        enum rc_distribution b = (enum rc_distribution)(i / DISTRIBUTIONS);
        struct fleet one = draw_fleet(&seed, a, RC_HASH_MD5);
        struct fleet other = draw_fleet(&seed, b, RC_HASH_MD5);
        ringcache_ring *from = fleet_ring(&one);
        ringcache_ring *to = fleet_ring(&other);
        assert_sampled(from, to, &seed);
        ringcache_ring_unref(from);
        ringcache_ring_unref(to);
        fleet_free(&one);
        fleet_free(&other);
    }
}

static void the_way_back_moves_what_the_way_there_moved(void **state)
{
    (void)state;
    uint64_t seed = 23;
    for (int i = 0; i < DISTRIBUTIONS * DISTRIBUTIONS; i++) {
        struct fleet one =
            draw_fleet(&seed, (enum rc_distribution)(i % DISTRIBUTIONS), RC_HASH_MD5);
        struct fleet other =
            draw_fleet(&seed, (enum rc_distribution)(i / DISTRIBUTIONS), RC_HASH_MD5);
        ringcache_ring *from = fleet_ring(&one);
        ringcache_ring *to = fleet_ring(&other);
        ringcache_ring_change *there = diff(from, to);
        ringcache_ring_change *back = diff(to, from);
        assert_true(ringcache_ring_change_moved(there) == ringcache_ring_change_moved(back));
        assert_int_equal(ringcache_ring_change_count(there), ringcache_ring_change_count(back));
        assert_true(
            near(ringcache_ring_change_ideal(there), ringcache_ring_change_ideal(back), 1e-12));
        ringcache_ring_change_free(there);
        ringcache_ring_change_free(back);
        ringcache_ring_unref(from);
        ringcache_ring_unref(to);
        fleet_free(&one);
        fleet_free(&other);
    }
}

static void a_join_moves_exactly_the_newcomers_share(void **state)
{
    (void)state;
    uint64_t seed = 24;
    for (int i = 0; i < 30; i++) {
        struct fleet fleet = draw_fleet(&seed, RC_DISTRIBUTION_RING, RC_HASH_XXH3);
        size_t newcomer = fleet.topology.count;
        ringcache_ring *before = fleet_ring(&fleet);
        fleet_add(&fleet, "newcomer", 11211, 3, NULL);
        ringcache_ring *after = fleet_ring(&fleet);
        ringcache_ring_change *change = diff(before, after);
        assert_true(ringcache_ring_change_moved(change) == ringcache_ring_share(after, newcomer));
        assert_true(ringcache_ring_change_needless(change) == 0);
        for (size_t m = 0; m < ringcache_ring_change_count(change); m++) {
            size_t to;
            assert_int_equal(ringcache_ring_change_at(change, m, NULL, &to, NULL), 0);
            assert_int_equal(to, newcomer);
        }
        ringcache_ring_change_free(change);
        ringcache_ring_unref(before);
        ringcache_ring_unref(after);
        fleet_free(&fleet);
    }
}

static void a_leave_moves_exactly_the_share_of_who_left(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_RING, RC_HASH_XXH3);
    fleet_add_many(&fleet, "h", 20);
    ringcache_ring *before = fleet_ring(&fleet);
    fleet_remove(&fleet, 7);
    ringcache_ring *after = fleet_ring(&fleet);
    ringcache_ring_change *change = diff(before, after);
    assert_true(ringcache_ring_change_moved(change) == ringcache_ring_share(before, 7));
    assert_true(ringcache_ring_change_needless(change) == 0);
    for (size_t m = 0; m < ringcache_ring_change_count(change); m++) {
        size_t from;
        assert_int_equal(ringcache_ring_change_at(change, m, &from, NULL, NULL), 0);
        assert_int_equal(from, 7);
    }
    ringcache_ring_change_free(change);
    ringcache_ring_unref(before);
    ringcache_ring_unref(after);
    fleet_free(&fleet);
}

static void ketamas_25th_server_moves_keys_between_old_ones(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_KETAMA, RC_HASH_MD5);
    fleet_add_many(&fleet, "node", 24);
    ringcache_ring *before = fleet_ring(&fleet);
    fleet_add(&fleet, "node24", 11211, 1, NULL);
    ringcache_ring *after = fleet_ring(&fleet);
    ringcache_ring_change *change = diff(before, after);
    assert_true(near(ringcache_ring_change_moved(change), 0.07, 0.015));
    assert_true(ringcache_ring_change_needless(change) > 0.01);
    ringcache_ring_change_free(change);
    ringcache_ring_unref(before);
    ringcache_ring_unref(after);
    fleet_free(&fleet);
}

static void one_more_server_moves_nearly_everything_under_modula(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_MODULA, RC_HASH_MD5);
    fleet_add_many(&fleet, "h", 10);
    ringcache_ring *before = fleet_ring(&fleet);
    fleet_add(&fleet, "h10", 11211, 1, NULL);
    ringcache_ring *after = fleet_ring(&fleet);
    ringcache_ring_change *change = diff(before, after);
    /* of 110 values in a row, 10 have the same remainder by 10 and by 11 */
    assert_true(near(ringcache_ring_change_moved(change), 100.0 / 110, 1e-7));
    assert_true(near(ringcache_ring_change_ideal(change), 1.0 / 11, 1e-7));
    assert_int_equal(ringcache_ring_change_count(change), 100);
    ringcache_ring_change_free(change);
    ringcache_ring_unref(before);
    ringcache_ring_unref(after);
    fleet_free(&fleet);
}

static void equal_rings_move_nothing(void **state)
{
    (void)state;
    uint64_t seed = 25;
    for (int d = 0; d < DISTRIBUTIONS; d++) {
        struct fleet fleet = draw_fleet(&seed, (enum rc_distribution)d, RC_HASH_MD5);
        ringcache_ring *ring = fleet_ring(&fleet);
        ringcache_ring_change *change = diff(ring, ring);
        assert_true(ringcache_ring_change_moved(change) == 0);
        assert_true(ringcache_ring_change_ideal(change) == 0);
        assert_int_equal(ringcache_ring_change_count(change), 0);
        assert_int_equal(ringcache_ring_change_at(change, 0, NULL, NULL, NULL), RINGCACHE_EINVAL);
        ringcache_ring_change_free(change);
        ringcache_ring_unref(ring);
        fleet_free(&fleet);
    }
}

/* "light" weighs too little for ketama to give it a point. */
static void a_server_without_points_neither_gives_nor_gets(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_KETAMA, RC_HASH_MD5);
    ringcache_ring *empty = fleet_ring(&fleet);
    fleet_add(&fleet, "light", 11211, 1, NULL);
    fleet_add(&fleet, "heavy", 11211, 1000, NULL);
    ringcache_ring *ring = fleet_ring(&fleet);
    fleet.topology.hash = RC_HASH_MURMUR;
    fleet_add(&fleet, "new", 11211, 1000, NULL);
    ringcache_ring *unlike = fleet_ring(&fleet);
    const ringcache_ring *const pairs[][2] = {{empty, ring}, {ring, empty}, {ring, unlike}};
    for (size_t i = 0; i < 3; i++) {
        ringcache_ring_change *change = diff(pairs[i][0], pairs[i][1]);
        size_t from, to;
        double share;
        assert_int_equal(ringcache_ring_change_count(change), 1);
        assert_int_equal(ringcache_ring_change_at(change, 0, &from, &to, &share), 0);
        assert_int_equal(from, i > 0 ? 1 : RINGCACHE_NONE);
        assert_int_equal(to, i == 0 ? 1 : i == 1 ? RINGCACHE_NONE : 2);
        assert_true(share == (i < 2 ? 1 : ringcache_ring_share(unlike, 2)));
        ringcache_ring_change_free(change);
    }
    ringcache_ring_unref(empty);
    ringcache_ring_unref(ring);
    ringcache_ring_unref(unlike);
    fleet_free(&fleet);
}

static void two_unlike_hashes_are_taken_as_independent(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_RING, RC_HASH_XXH3);
    fleet_add_many(&fleet, "h", 4);
    ringcache_ring *from = fleet_ring(&fleet);
    fleet.topology.tagged = true;
    memcpy(fleet.topology.tag, "{}", 2);
    ringcache_ring *to = fleet_ring(&fleet);
    ringcache_ring_change *change = diff(from, to);
    assert_int_equal(ringcache_ring_change_exact(change), 0);
    assert_int_equal(ringcache_ring_change_count(change), 12);
    double stay = 0;
    for (size_t i = 0; i < 4; i++) {
        stay += ringcache_ring_share(from, i) * ringcache_ring_share(to, i);
    }
    assert_true(near(ringcache_ring_change_moved(change), 1 - stay, 1e-12));
    assert_true(ringcache_ring_change_ideal(change) == 0);
    assert_ordered(change);
    ringcache_ring_change_free(change);
    ringcache_ring_unref(from);
    ringcache_ring_unref(to);
    fleet_free(&fleet);
}

static void assert_exact(struct fleet *one, struct fleet *other, int exact)
{
    ringcache_ring *from = fleet_ring(one);
    ringcache_ring *to = fleet_ring(other);
    ringcache_ring_change *change = diff(from, to);
    assert_int_equal(ringcache_ring_change_exact(change), exact);
    ringcache_ring_change_free(change);
    ringcache_ring_unref(from);
    ringcache_ring_unref(to);
}

static void hash_tag_and_hashed_namespace_decide_whether_figures_are_exact(void **state)
{
    (void)state;
    struct fleet one = fleet_of(RC_DISTRIBUTION_KETAMA, RC_HASH_MD5);
    struct fleet other = fleet_of(RC_DISTRIBUTION_TWEMPROXY, RC_HASH_MD5);
    fleet_add_many(&one, "h", 3);
    fleet_add_many(&other, "h", 3);
    assert_exact(&one, &other, 1);
    one.topology.name_space = rc_slice_text("a:");
    assert_exact(&one, &other, 1);
    one.topology.hash_namespace = true;
    assert_exact(&one, &other, 0);
    other.topology.hash_namespace = true;
    other.topology.name_space = rc_slice_text("a:");
    assert_exact(&one, &other, 1);
    one.topology.tagged = true;
    memcpy(one.topology.tag, "{}", 2);
    assert_exact(&one, &other, 0);
    other.topology.tagged = true;
    memcpy(other.topology.tag, "[]", 2);
    assert_exact(&one, &other, 0);
    memcpy(other.topology.tag, "{}", 2);
    assert_exact(&one, &other, 1);
    other.topology.hash = RC_HASH_MURMUR;
    assert_exact(&one, &other, 0);
    fleet_free(&one);
    fleet_free(&other);
}

static void everything_moves_from_and_to_an_empty_ring(void **state)
{
    (void)state;
    struct fleet none = fleet_of(RC_DISTRIBUTION_RING, RC_HASH_XXH3);
    struct fleet three = fleet_of(RC_DISTRIBUTION_RING, RC_HASH_XXH3);
    fleet_add_many(&three, "h", 3);
    ringcache_ring *empty = fleet_ring(&none);
    ringcache_ring *ring = fleet_ring(&three);
    for (int i = 0; i < 2; i++) {
        ringcache_ring_change *change = i == 0 ? diff(empty, ring) : diff(ring, empty);
        assert_true(ringcache_ring_change_moved(change) == 1);
        assert_true(ringcache_ring_change_ideal(change) == 1);
        assert_true(ringcache_ring_change_needless(change) == 0);
        assert_int_equal(ringcache_ring_change_exact(change), 1);
        assert_int_equal(ringcache_ring_change_count(change), 3);
        size_t ends[2];
        assert_int_equal(ringcache_ring_change_at(change, 0, &ends[0], &ends[1], NULL), 0);
        assert_int_equal(ends[i], RINGCACHE_NONE);
        assert_in_range(ends[1 - i], 0, 2);
        assert_ordered(change);
        ringcache_ring_change_free(change);
    }
    ringcache_ring_change *change = diff(empty, empty);
    assert_true(ringcache_ring_change_moved(change) == 0);
    assert_int_equal(ringcache_ring_change_count(change), 0);
    ringcache_ring_change_free(change);
    ringcache_ring_unref(empty);
    ringcache_ring_unref(ring);
    fleet_free(&three);
}

static void a_table_of_moves_past_its_bound_is_refused(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_MODULA, RC_HASH_MD5);
    fleet_add_many(&fleet, "h", 2100);
    ringcache_ring *from = fleet_ring(&fleet);
    fleet_remove(&fleet, 0);
    ringcache_ring *to = fleet_ring(&fleet);
    ringcache_ring_change *change = NULL;
    assert_int_equal(ringcache_ring_diff(from, to, &change), RINGCACHE_ETOOBIG);
    fleet.topology.hash = RC_HASH_CRC16;
    ringcache_ring *unlike = fleet_ring(&fleet);
    assert_int_equal(ringcache_ring_diff(from, unlike, &change), RINGCACHE_ETOOBIG);
    assert_null(change);
    ringcache_ring_unref(from);
    ringcache_ring_unref(to);
    ringcache_ring_unref(unlike);
    fleet_free(&fleet);
}

static void a_missing_argument_is_refused(void **state)
{
    (void)state;
    struct fleet none = fleet_of(RC_DISTRIBUTION_RING, RC_HASH_XXH3);
    ringcache_ring *ring = fleet_ring(&none);
    ringcache_ring_change *change = NULL;
    assert_int_equal(ringcache_ring_diff(NULL, ring, &change), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_ring_diff(ring, NULL, &change), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_ring_diff(ring, ring, NULL), RINGCACHE_EINVAL);
    ringcache_ring_change_free(NULL);
    ringcache_ring_unref(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_distributions_is_counted_to_the_last_value),
        cmocka_unit_test(a_diff_over_32_bits_is_what_samples_find),
        cmocka_unit_test(the_way_back_moves_what_the_way_there_moved),
        cmocka_unit_test(a_join_moves_exactly_the_newcomers_share),
        cmocka_unit_test(a_leave_moves_exactly_the_share_of_who_left),
        cmocka_unit_test(ketamas_25th_server_moves_keys_between_old_ones),
        cmocka_unit_test(one_more_server_moves_nearly_everything_under_modula),
        cmocka_unit_test(equal_rings_move_nothing),
        cmocka_unit_test(points_on_one_value_are_counted_once),
        cmocka_unit_test(tables_whose_pattern_never_repeats_are_counted_to_the_last_value),
        cmocka_unit_test(a_server_without_points_neither_gives_nor_gets),
        cmocka_unit_test(two_unlike_hashes_are_taken_as_independent),
        cmocka_unit_test(hash_tag_and_hashed_namespace_decide_whether_figures_are_exact),
        cmocka_unit_test(everything_moves_from_and_to_an_empty_ring),
        cmocka_unit_test(a_table_of_moves_past_its_bound_is_refused),
        cmocka_unit_test(a_missing_argument_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

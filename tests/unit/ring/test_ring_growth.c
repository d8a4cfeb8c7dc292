/* SPDX-License-Identifier: MIT */
/* A ring that is made from the one before it is the ring that is made from nothing. */
#include <stdio.h>
#include <string.h>

#include "fleet.h"
#include "ring/snapshot.h"

enum {
    DISTRIBUTIONS = RC_DISTRIBUTION_TWEMPROXY_MODULA + 1,
    HASHES = RC_HASH_JENKINS + 1,
    STEPS = 60,
};

static void assert_same_servers(const ringcache_ring *one, const ringcache_ring *other)
{
    assert_int_equal(one->count, other->count);
    assert_int_equal(one->holders, other->holders);
    for (size_t i = 0; i < one->count; i++) {
        const struct rc_ring_server *a = &one->servers[i];
        const struct rc_ring_server *b = &other->servers[i];
        assert_string_equal(a->name, b->name);
        assert_int_equal(a->weight, b->weight);
        assert_int_equal(a->points, b->points);
        assert_int_equal(a->place, b->place);
        assert_int_equal(a->owned, b->owned);
    }
}

static void assert_same_rings(const ringcache_ring *one, const ringcache_ring *other)
{
    assert_same_servers(one, other);
    assert_int_equal(one->size, other->size);
    assert_int_equal(one->buckets, other->buckets);
    assert_int_equal(one->is_plain, other->is_plain);
    assert_true(ringcache_ring_digest(one) == ringcache_ring_digest(other));
    assert_true((one->blocks == NULL) == (other->blocks == NULL));
    if (one->blocks == NULL) {
        return;
    }
    assert_memory_equal(one->starts, other->starts, (one->buckets + 1) * sizeof *one->starts);
    size_t stored = (one->size / RC_BLOCK_POINTS + 1) * RC_BLOCK_POINTS;
    for (size_t i = 0; i < stored; i++) {
        assert_int_equal(rc_ring_value(one, i), rc_ring_value(other, i));
        assert_int_equal(rc_ring_server(one, i), rc_ring_server(other, i));
    }
}

/* Put the ring of `fleet` in the place of `*ring`, made from it. */
static void grow(struct fleet *fleet, ringcache_ring **ring)
{
    ringcache_ring *next = NULL;
    ringcache_ring *anew = fleet_ring(fleet);
    assert_int_equal(rc_ring_new(&next, &fleet->topology, *ring), 0);
    assert_same_rings(next, anew);
    ringcache_ring_unref(*ring);
    ringcache_ring_unref(anew);
    *ring = next;
}

static uint32_t draw_weight(uint64_t *seed, const struct fleet *fleet)
{
    bool weighted = fleet->topology.distribution != RC_DISTRIBUTION_CONSISTENT;
    return weighted && draw(seed) % 3 == 0 ? 1 + (uint32_t)(draw(seed) % 4) : 1;
}

static void move_to_front(struct fleet *fleet)
{
    size_t last = fleet->topology.count - 1;
    const struct rc_member first = fleet->members[last];
    memmove(fleet->members + 1, fleet->members, last * sizeof first);
    fleet->members[0] = first;
}

/* In front of those that stay, or behind them. */
static void join(uint64_t *seed, struct fleet *fleet, uint32_t *next)
{
    char host[32];
    snprintf(host, sizeof host, "h%u", (unsigned)(*next)++);
    fleet_add(fleet, host, (uint16_t)(draw(seed) % 2 == 0 ? 11211 : 11212), 1, NULL);
    fleet->members[fleet->topology.count - 1].weight = draw_weight(seed, fleet);
    if (draw(seed) % 2 == 0) {
        move_to_front(fleet);
    }
}

static void step(uint64_t *seed, struct fleet *fleet, uint32_t *next)
{
    size_t count = fleet->topology.count;
    size_t at = count > 0 ? draw(seed) % count : 0;
    switch (count > 0 ? draw(seed) % 6 : 0) {
    case 0:
    case 1:
        join(seed, fleet, next);
        return;
    case 2:
    case 3:
        fleet_remove(fleet, at);
        return;
    case 4:
        fleet->members[at].weight = draw_weight(seed, fleet);
        return;
    default:
        fleet_shuffle(fleet, seed);
    }
}

static void walk(uint64_t *seed, struct fleet *fleet)
{
    uint32_t next = 0;
    ringcache_ring *ring = NULL;
    for (size_t i = 0; i < 8; i++) {
        join(seed, fleet, &next);
    }
    for (size_t i = 0; i < STEPS; i++) {
        grow(fleet, &ring);
        for (uint64_t changes = 1 + draw(seed) % 3; changes > 0; changes--) {
            step(seed, fleet, &next);
        }
    }
    ringcache_ring_unref(ring);
}

static void a_ring_from_the_one_before_is_the_ring_from_nothing(void **state)
{
    (void)state;
    uint64_t seed = 21;
    for (int i = 0; i < 4 * DISTRIBUTIONS; i++) {
        struct fleet fleet = fleet_of(
            (enum rc_distribution)(i % DISTRIBUTIONS), (enum rc_hash)(draw(&seed) % HASHES));
        fleet.topology.points = 1 + (uint32_t)(draw(&seed) % 100);
        walk(&seed, &fleet);
        fleet_free(&fleet);
    }
}

/* 100 points of each among 2^15 values: those that stay and those that come have some in common. */
static void ties_with_who_comes_go_by_the_dialects_order(void **state)
{
    (void)state;
    uint64_t seed = 22;
    for (int i = 0; i < 10; i++) {
        struct fleet fleet = fleet_of(RC_DISTRIBUTION_CONSISTENT, RC_HASH_CRC);
        walk(&seed, &fleet);
        fleet_free(&fleet);
    }
}

/* Of other rules, nothing is taken but what is the same by them. */
static void any_ring_may_be_the_one_before(void **state)
{
    (void)state;
    uint64_t seed = 23;
    ringcache_ring *ring = NULL;
    for (int i = 0; i < 200; i++) {
        uint32_t next = (uint32_t)(draw(&seed) % 4);
        struct fleet fleet = fleet_of((enum rc_distribution)(draw(&seed) % DISTRIBUTIONS),
            (enum rc_hash)(draw(&seed) % HASHES));
        fleet.topology.points = 1 + (uint32_t)(draw(&seed) % 3);
        for (uint64_t count = draw(&seed) % 6; count > 0; count--) {
            join(&seed, &fleet, &next);
        }
        grow(&fleet, &ring);
        fleet_free(&fleet);
    }
    ringcache_ring_unref(ring);
}

/* The same name by another address: ketama hashes the address, the native ring the name. */
static void what_hashes_as_another_text_is_another_server(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_KETAMA, RC_HASH_MD5);
    ringcache_ring *ring = NULL;
    fleet_add_many(&fleet, "h", 4);
    grow(&fleet, &ring);
    fleet.members[1].port = 4711;
    grow(&fleet, &ring);
    ringcache_ring_unref(ring);
    fleet_free(&fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_from_the_one_before_is_the_ring_from_nothing),
        cmocka_unit_test(ties_with_who_comes_go_by_the_dialects_order),
        cmocka_unit_test(any_ring_may_be_the_one_before),
        cmocka_unit_test(what_hashes_as_another_text_is_another_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Every allocation fails once: the call says so, leaves its output alone, and leaks nothing (the
 * sanitizers look for that at the end). The linker puts the functions below in malloc's place. */
#include <stdlib.h>

#include "fleet.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

/* Allocations until one fails; 0: none does. */
static size_t until_failure;

static bool fails_now(void)
{
    return until_failure > 0 && --until_failure == 0;
}

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

static void a_ring_is_built_whole_or_not_at_all(void **state)
{
    (void)state;
    for (int d = RC_DISTRIBUTION_RING; d <= RC_DISTRIBUTION_TWEMPROXY_MODULA; d++) {
        struct fleet fleet = fleet_of((enum rc_distribution)d, RC_HASH_MD5);
        fleet_add_many(&fleet, "h", 3);
        fleet.topology.members = fleet.members;
        ringcache_ring *ring = NULL;
        size_t failures = 0;
        for (int status = RINGCACHE_ENOMEM; status != 0; failures++) {
            until_failure = failures + 1;
            status = rc_ring_new(&ring, &fleet.topology, NULL);
            assert_true(status == 0 ? ring != NULL : status == RINGCACHE_ENOMEM && ring == NULL);
        }
        until_failure = 0;
        assert_true(failures > 8);
        ringcache_ring_unref(ring);
        fleet_free(&fleet);
    }
}

static void a_ring_from_another_is_built_whole_or_not_at_all(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_KETAMA, RC_HASH_MD5);
    fleet_add_many(&fleet, "h", 4);
    ringcache_ring *base = fleet_ring(&fleet);
    fleet_remove(&fleet, 1);
    ringcache_ring *ring = NULL;
    size_t failures = 0;
    for (int status = RINGCACHE_ENOMEM; status != 0; failures++) {
        until_failure = failures + 1;
        status = rc_ring_new(&ring, &fleet.topology, base);
        assert_true(status == 0 ? ring != NULL : status == RINGCACHE_ENOMEM && ring == NULL);
    }
    until_failure = 0;
    assert_true(failures > 14);
    ringcache_ring_unref(base);
    ringcache_ring_unref(ring);
    fleet_free(&fleet);
}

static void assert_diff_survives(const ringcache_ring *from, const ringcache_ring *to)
{
    ringcache_ring_change *change = NULL;
    size_t failures = 0;
    for (int status = RINGCACHE_ENOMEM; status != 0; failures++) {
        until_failure = failures + 1;
        status = ringcache_ring_diff(from, to, &change);
        assert_true(status == 0 ? change != NULL : status == RINGCACHE_ENOMEM && change == NULL);
    }
    until_failure = 0;
    assert_true(failures > 3);
    ringcache_ring_change_free(change);
}

static void a_diff_is_made_whole_or_not_at_all(void **state)
{
    (void)state;
    struct fleet fleet = fleet_of(RC_DISTRIBUTION_RING, RC_HASH_MD5);
    fleet_add_many(&fleet, "h", 20);
    ringcache_ring *ring = fleet_ring(&fleet);
    fleet.topology.distribution = RC_DISTRIBUTION_MODULA;
    ringcache_ring *table = fleet_ring(&fleet);
    fleet.topology.hash = RC_HASH_MURMUR;
    fleet_remove(&fleet, 0);
    ringcache_ring *unlike = fleet_ring(&fleet);
    fleet.topology.count = 0;
    ringcache_ring *empty = fleet_ring(&fleet);
    fleet.topology.count = 19;
    assert_diff_survives(ring, table);
    assert_diff_survives(table, ring);
    assert_diff_survives(ring, unlike);
    assert_diff_survives(ring, empty);
    ringcache_ring_unref(ring);
    ringcache_ring_unref(table);
    ringcache_ring_unref(unlike);
    ringcache_ring_unref(empty);
    fleet_free(&fleet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_is_built_whole_or_not_at_all),
        cmocka_unit_test(a_ring_from_another_is_built_whole_or_not_at_all),
        cmocka_unit_test(a_diff_is_made_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

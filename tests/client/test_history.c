/* SPDX-License-Identifier: MIT */
/* Single cases that a storm would meet only now and then: each was a server left out, a request left
 * behind, or memory that grew. */
#include "world.h"

#include <errno.h>
#include <stdio.h>

static char big[40000];

static struct world_reply *set_big(struct world *world, const char *key, size_t len)
{
    const ringcache_request set = {
        .op = RINGCACHE_SET, .key = {key, strlen(key)}, .value = {big, len}};
    return world_submit(world, &set, NULL);
}

static void more_than_a_connection_takes_at_once_flows_all_the_same(void **state)
{
    (void)state;
    struct world *world = world_new(31);
    world_memcached(world, "10.0.0.1", 11000);
    world_option(world, "max_queued_bytes", "65536");
    world_begin(world);
    struct world_reply *sets[40];
    for (int i = 0; i < 40; i++) { /* all wait for the connection */
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        sets[i] = set_big(world, key, 1000);
    }
    world_run_for(world, 50);
    for (int i = 0; i < 40; i++) {
        assert_reply(sets[i], RINGCACHE_OK);
    }
    world_end(world);
}

static void a_request_that_was_accepted_is_not_refused_later(void **state)
{
    (void)state;
    struct world *world = world_new(32);
    world_memcached(world, "10.0.0.1", 11000);
    world_option(world, "max_queued_bytes", "65536");
    world_option(world, "max_value_bytes", "40000");
    world_begin(world);
    struct world_reply *set =
        set_big(world, "k", 40000); /* its copy and its encoding: over 65536 */
    world_run_for(world, 50);
    assert_reply(set, RINGCACHE_OK);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_than_a_connection_takes_at_once_flows_all_the_same),
        cmocka_unit_test(a_request_that_was_accepted_is_not_refused_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Equal gets under way at the same time are one request, and nobody is told what was before his
 * own write. */
#include "world.h"

#include <stdio.h>

static struct world *begin(struct sim_server **server)
{
    struct world *world = world_new(41);
    *server = world_memcached(world, "10.0.0.1", 11000);
    world_option(world, "single_flight", "yes");
    world_option(world, "merge_gets", "no"); /* commands are counted */
    world_begin(world);
    assert_reply((world_set(world, "k", "v1"), world_settle(world, 100), &world->replies[0]), 0);
    return world;
}

static uint64_t gets(struct sim_server *server)
{
    return engine_count(sim_server_engine(server), "mg");
}

static void equal_gets_are_asked_once(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin(&server);
    struct world_reply *all[50];
    for (int i = 0; i < 50; i++) {
        all[i] = world_get(world, "k");
    }
    struct world_reply *other = world_get(world, "j");
    world_settle(world, 100);
    for (int i = 0; i < 50; i++) {
        assert_value(all[i], "v1");
        assert_string_equal(all[i]->server, "10.0.0.1:11000");
        assert_int_equal(all[i]->attempts, 1);
        assert_int_equal(all[i]->digest, other->digest);
    }
    assert_reply(other, RINGCACHE_MISS);
    assert_int_equal(gets(server), 2);
    struct world_reply *later = world_get(world, "k");
    world_settle(world, 100);
    assert_value(later, "v1");
    assert_int_equal(gets(server), 3);
    world_end(world);
}

static void gets_that_want_something_else_or_go_elsewhere_are_their_own(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin(&server);
    ringcache_request cas = {.op = RINGCACHE_GET, .key = {"k", 1}, .options = RINGCACHE_WANT_CAS};
    ringcache_request routed = {.op = RINGCACHE_GET, .key = {"k", 1}, .route = {"r", 1}};
    struct world_reply *with_cas = world_submit(world, &cas, NULL);
    struct world_reply *with_route = world_submit(world, &routed, NULL);
    struct world_reply *plain = world_get(world, "k");
    world_settle(world, 100);
    assert_value(with_cas, "v1");
    assert_true(with_cas->cas > 0);
    assert_value(with_route, "v1");
    assert_value(plain, "v1");
    assert_int_equal(plain->cas, 0);
    assert_int_equal(gets(server), 3);
    world_end(world);
}

static void an_empty_route_is_another_than_none(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin(&server);
    char key[32];
    unsigned next = 0;
    sim_server_add(world->sim, "10.0.0.2", 11000, ENGINE_MEMCACHED);
    assert_int_equal(ringcache_server_add(world->client, "memcached://10.0.0.2:11000"), 0);
    ringcache_request routed = {.op = RINGCACHE_GET, .key = {"k", 1}, .route = {"", 0}};
    struct world_reply *reply = world_submit(world, &routed, NULL);
    world_settle(world, 100);
    const char *other =
        strcmp(reply->server, "10.0.0.1:11000") == 0 ? "10.0.0.2:11000" : "10.0.0.1:11000";
    world_key_of(world, other, "k", &next, key);
    routed.key = (ringcache_slice){key, strlen(key)};
    struct world_reply *plain = world_get(world, key);
    struct world_reply *with_route = world_submit(world, &routed, NULL);
    world_settle(world, 100);
    assert_string_equal(plain->server, other);
    assert_string_equal(with_route->server, reply->server);
    world_end(world);
}

static void a_get_behind_a_write_does_not_join_one_before_it(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin(&server);
    struct world_reply *before = world_get(world, "k");
    world_set(world, "k", "v2");
    struct world_reply *behind = world_get(world, "k");
    struct world_reply *joins = world_get(world, "k");
    world_set(world, "j", "w");
    struct world_reply *joins_too = world_get(world, "k");
    world_delete(world, "k");
    struct world_reply *last = world_get(world, "k");
    world_settle(world, 100);
    assert_value(before, "v1");
    assert_value(behind, "v2");
    assert_value(joins, "v2");
    assert_value(joins_too, "v2");
    assert_reply(last, RINGCACHE_MISS);
    assert_int_equal(gets(server), 3);
    world_end(world);
}

static void each_caller_has_a_deadline_of_its_own(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin(&server);
    sim_server_stop(server);
    uint64_t began = world_now(world);
    ringcache_request soon = {.op = RINGCACHE_GET, .key = {"k", 1}, .timeout_ms = 100};
    ringcache_request late = {.op = RINGCACHE_GET, .key = {"k", 1}, .timeout_ms = 300};
    struct world_reply *first = world_submit(world, &soon, NULL);
    struct world_reply *second = world_submit(world, &late, NULL);
    world_run_for(world, 200);
    assert_reply(first, RINGCACHE_ETIMEDOUT);
    assert_int_equal(first->at_ms, began + 100);
    assert_int_equal(first->attempts, 1); /* it was sent on its behalf too */
    assert_int_equal(second->calls, 0);
    sim_server_continue(server); /* the answer comes for the one who still waits */
    world_settle(world, 200);
    assert_value(second, "v1");
    assert_int_equal(gets(server), 1);
    world_end(world);
}

static void the_last_to_leave_takes_an_unsent_request_along(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = world_new(42);
    server = world_memcached(world, "10.0.0.1", 11000);
    world_option(world, "single_flight", "yes");
    world_option(world, "merge_gets", "no"); /* commands are counted */
    world_begin(world);
    ringcache_request get = {.op = RINGCACHE_GET, .key = {"k", 1}};
    ringcache_id one, two;
    struct world_reply *first = world_submit(world, &get, &one);
    struct world_reply *second = world_submit(world, &get, &two);
    assert_int_equal(ringcache_cancel(world->client, one), 0);
    assert_int_equal(ringcache_cancel(world->client, one), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_cancel(world->client, two), 0);
    struct world_reply *next = world_get(world, "k"); /* does not join what was given up */
    world_settle(world, 100);
    assert_reply(first, RINGCACHE_ECANCELED);
    assert_reply(second, RINGCACHE_ECANCELED);
    assert_int_equal(second->attempts, 0);
    assert_reply(next, RINGCACHE_MISS);
    assert_int_equal(gets(server), 1);
    world_end(world);
}

/* Inside the first callback the others are still waiting. */
static ringcache_id waiting[3];

static void cancel_the_others(struct world *world, struct world_reply *reply)
{
    if (reply == &world->replies[1]) {
        assert_int_equal(ringcache_cancel(world->client, waiting[0]), RINGCACHE_EINVAL);
        assert_int_equal(ringcache_cancel(world->client, waiting[1]), RINGCACHE_EINVAL);
        world_get(world, "k");
    }
}

static void a_callback_may_ask_again_and_cannot_cancel_what_is_answered(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin(&server);
    ringcache_request get = {.op = RINGCACHE_GET, .key = {"k", 1}};
    for (int i = 0; i < 3; i++) {
        world_submit(world, &get, &waiting[i]);
    }
    world->on_reply = cancel_the_others;
    world_settle(world, 100);
    for (int i = 1; i <= 4; i++) {
        assert_value(&world->replies[i], "v1");
    }
    assert_int_equal(gets(server), 2);
    world_end(world);
}

static void close_in_callback(struct world *world, struct world_reply *reply)
{
    (void)reply;
    world_close(world);
}

static void a_callback_may_close(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin(&server);
    world_get(world, "k");
    world_get(world, "k");
    world->on_reply = close_in_callback;
    world_settle(world, 100);
    world_end(world);
}

static void closing_ends_all_that_wait(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin(&server);
    struct world_reply *first = world_get(world, "k"), *second = world_get(world, "k");
    world_close(world);
    world_settle(world, 100);
    assert_reply(first, RINGCACHE_ECANCELED);
    assert_reply(second, RINGCACHE_ECANCELED);
    world_end(world);
}

static void a_failure_is_told_to_all(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin(&server);
    engine_answer_next(sim_server_engine(server), "mg", 1, "SERVER_ERROR out of memory\r\n");
    struct world_reply *first = world_get(world, "k"), *second = world_get(world, "k");
    world_settle(world, 100);
    assert_reply(first, RINGCACHE_ESERVER);
    assert_reply(second, RINGCACHE_ESERVER);
    assert_string_equal(second->message, "SERVER_ERROR out of memory");
    world_end(world);
}

static void a_change_of_the_ring_is_followed(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin(&server);
    sim_server_add(world->sim, "10.0.0.2", 11000, ENGINE_MEMCACHED);
    struct world_reply *before = world_get(world, "k");
    assert_int_equal(ringcache_server_add(world->client, "memcached://10.0.0.2:11000"), 0);
    assert_int_equal(ringcache_server_remove(world->client, "10.0.0.1:11000"), 0);
    struct world_reply *behind = world_get(world, "k");
    world_settle(world, 1000);
    assert_value(before, "v1");
    assert_reply(behind, RINGCACHE_MISS);
    assert_string_equal(behind->server, "10.0.0.2:11000");
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_gets_are_asked_once),
        cmocka_unit_test(gets_that_want_something_else_or_go_elsewhere_are_their_own),
        cmocka_unit_test(an_empty_route_is_another_than_none),
        cmocka_unit_test(a_get_behind_a_write_does_not_join_one_before_it),
        cmocka_unit_test(each_caller_has_a_deadline_of_its_own),
        cmocka_unit_test(the_last_to_leave_takes_an_unsent_request_along),
        cmocka_unit_test(a_callback_may_ask_again_and_cannot_cancel_what_is_answered),
        cmocka_unit_test(a_callback_may_close),
        cmocka_unit_test(closing_ends_all_that_wait),
        cmocka_unit_test(a_failure_is_told_to_all),
        cmocka_unit_test(a_change_of_the_ring_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

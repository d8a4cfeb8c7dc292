/* SPDX-License-Identifier: MIT */
/* Updates in the way of others: of a lease, of a new ring, of a client without room. */
#include "world.h"

#include <stdio.h>

#include "ringcache/fetch.h"
#include "ringcache/update.h"

static struct stage {
    struct world *world;
    struct sim_server *server;
    unsigned calls;
    bool deletes, keeps, changes_ring;
    ringcache_load *load;
    ringcache_id leaves;
    int told; /* what the last change was told */
} stage;

static void assert_stored(const char *value)
{
    const struct store_item *item = engine_get(sim_server_engine(stage.server), 0, "k");
    struct rc_slice now = item != NULL ? store_value(item) : rc_slice_text("(none)");
    if (!rc_slice_equal(now, rc_slice_text(value))) {
        fail_msg("stored is \"%.*s\", not \"%s\"", (int)now.len, (const char *)now.data, value);
    }
}

static void change_ring(void)
{
    ringcache_client *client = stage.world->client;
    assert_int_equal(ringcache_server_add(client, "memcached://10.0.0.2:11000"), 0);
    assert_int_equal(ringcache_server_remove(client, "10.0.0.1:11000"), 0);
    stage.changes_ring = false;
}

/* Appends a letter. */
static void update(
    ringcache_client *client, const ringcache_reply *now, ringcache_change *change, void *user)
{
    char next[80];
    (void)user;
    assert_ptr_equal(client, stage.world->client);
    bool there = now->status == RINGCACHE_OK;
    int len = snprintf(next, sizeof next, "%.*sx", there ? (int)now->value.len : 1,
        there ? (const char *)now->value.data : "-");
    stage.calls++;
    if (stage.changes_ring) {
        change_ring();
    }
    if (!stage.keeps) {
        stage.told = stage.deletes ? ringcache_change_delete(change)
                                   : ringcache_change_store(change, next, (size_t)len, 0);
    }
}

static struct world *begin(const char *option, const char *value)
{
    struct world *world = world_new(51);
    stage = (struct stage){.world = world};
    stage.server = world_memcached(world, "10.0.0.1", 11000);
    world_option(world, option, value);
    world_begin(world);
    world_get(world, "j");
    world_settle(world, 100);
    return world;
}

static struct world_reply *begin_update(struct world *world, ringcache_id *id)
{
    const ringcache_request request = {.key = {"k", 1}};
    struct world_call call = world_call(world);
    return world_called(
        world, &call, ringcache_update(world->client, &request, update, call.cb, call.user, id));
}

static void begin_loading(ringcache_client *client, ringcache_load *load, void *user)
{
    (void)client;
    (void)user;
    stage.load = load;
}

/* A lease's stub would be in the way of an ADD. */
static void a_key_that_somebody_is_to_fill_in_can_be_updated(void **state)
{
    (void)state;
    for (int deletes = 0; deletes < 2; deletes++) {
        struct world *world = begin("leases", "yes");
        stage.deletes = deletes != 0;
        const ringcache_fetch_request request = {.key = {"k", 1}, .loader = begin_loading};
        struct world_call call = world_call(world);
        struct world_reply *fetch = world_called(
            world, &call, ringcache_fetch(world->client, &request, call.cb, call.user, NULL));
        world_run_for(world, 20);
        assert_stored(""); /* the stub */
        struct world_reply *reply = begin_update(world, NULL);
        world_run_for(world, 20);
        assert_reply(reply, RINGCACHE_OK);
        assert_int_equal(reply->attempts, 2);
        assert_int_equal(stage.calls, 1);
        ringcache_load_done(stage.load, "older", 5, 0);
        world_settle(world, 20);
        assert_value(fetch, "older");
        world_run_for(world, 20);
        assert_stored(deletes != 0 ? "(none)" : "-x");
        world_end(world);
    }
}

/* ---- the ring changes ---- */

/* Tokens of two servers may be equal; they say nothing of each other. */
static void a_token_of_another_server_is_not_used(void **state)
{
    (void)state;
    for (int inside = 0; inside < 2; inside++) {
        struct world *world = begin("leases", "no");
        struct sim_server *newer = sim_server_add(world->sim, "10.0.0.2", 11000, ENGINE_MEMCACHED);
        engine_put(sim_server_engine(stage.server), 0, "k", rc_slice_text("older"), 0);
        engine_put(sim_server_engine(newer), 0, "k", rc_slice_text("newer"), 0);
        stage.changes_ring = inside != 0;
        struct world_reply *reply = begin_update(world, NULL);
        if (inside == 0) {
            change_ring();
        }
        world_settle(world, 1000);
        assert_reply(reply, RINGCACHE_OK);
        assert_string_equal(reply->server, "10.0.0.2:11000");
        assert_int_equal(reply->attempts, 3);
        assert_stored("older");
        stage.server = newer;
        assert_stored("newerx");
        world_end(world);
    }
}

/* ---- no tokens ---- */

static void a_server_without_tokens_cannot_be_updated(void **state)
{
    (void)state;
    char reply[64];
    struct world *world = begin("leases", "no");
    uint32_t opaque = (uint32_t)world->client->env.next_token;
    snprintf(reply, sizeof reply, "VA 1 f0 c0 O%08x\r\nv\r\n", opaque);
    engine_answer_next(sim_server_engine(stage.server), "mg", 1, reply);
    struct world_reply *first = begin_update(world, NULL);
    struct world_reply *second = begin_update(world, NULL);
    world_settle(world, 100);
    assert_reply(first, RINGCACHE_ENOTSUP);
    assert_reply(second, RINGCACHE_OK);
    assert_int_equal(stage.calls, 1);
    world_end(world);
}

/* ---- room ---- */

static void take_all_room(struct world *world, struct world_reply *reply)
{
    (void)reply;
    world->on_reply = NULL;
    while (world_try_get(world, "j") == 0) {
    }
}

/* Of the first, the function is told; the others had no say. */
static void updates_that_wait_for_their_turn_wait_for_room_too(void **state)
{
    (void)state;
    struct world *world = begin("max_inflight", "2");
    world->on_reply = take_all_room;
    world_get(world, "j");
    struct world_reply *first = begin_update(world, NULL);
    struct world_reply *second = begin_update(world, NULL);
    struct world_reply *third = begin_update(world, NULL);
    world_settle(world, 400);
    assert_reply(first, RINGCACHE_EBUSY);
    assert_reply(second, RINGCACHE_OK);
    assert_reply(third, RINGCACHE_OK);
    assert_stored("-xx");
    world_end(world);
}

static void leave(void *owner)
{
    struct world *world = owner;
    if (stage.leaves != 0) {
        assert_int_equal(ringcache_cancel(world->client, stage.leaves), 0);
    } else {
        world_close(world);
    }
}

static void take_room_and_leave(struct world *world, struct world_reply *reply)
{
    (void)reply;
    take_all_room(world, reply);
    sim_at(world->sim, world_now(world) + 2, leave, world);
}

/* One that waits for room may leave, and the next one begins; or all do. */
static void an_update_may_leave_while_it_waits_for_room(void **state)
{
    (void)state;
    for (int closes = 0; closes < 2; closes++) {
        struct world *world = begin("max_inflight", "2");
        world->on_reply = take_room_and_leave;
        world_get(world, "j");
        begin_update(world, NULL);
        struct world_reply *second = begin_update(world, &stage.leaves);
        stage.leaves = closes != 0 ? 0 : stage.leaves;
        struct world_reply *third = begin_update(world, NULL);
        world_settle(world, 400);
        assert_reply(second, RINGCACHE_ECANCELED);
        assert_reply(third, closes != 0 ? RINGCACHE_ECANCELED : RINGCACHE_OK);
        world_end(world);
    }
}

/* ---- one change ---- */

static void store_and_change_again(
    ringcache_client *client, const ringcache_reply *now, ringcache_change *change, void *user)
{
    (void)now;
    (void)user;
    assert_int_equal(ringcache_change_store(change, "once", 4, 0), 0);
    assert_int_equal(ringcache_change_store(change, "twice", 5, 0), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_change_delete(change), RINGCACHE_EINVAL);
    assert_string_equal(
        ringcache_client_error(client), "a second change, or one outside of an update's function");
}

static void a_second_change_is_refused_and_the_first_stands(void **state)
{
    (void)state;
    struct world *world = begin("integrity", "auto");
    const ringcache_request request = {.key = {"k", 1}};
    struct world_call call = world_call(world);
    struct world_reply *reply = world_called(world, &call,
        ringcache_update(
            world->client, &request, store_and_change_again, call.cb, call.user, NULL));
    world_settle(world, 100);
    assert_reply(reply, RINGCACHE_OK);
    assert_stored("once");
    world_end(world);
}

/* ---- what never left ---- */

static const char large[900000];
static unsigned released;

static void count_release(void *user, const void *value, size_t len)
{
    assert_ptr_equal(user, &released);
    assert_ptr_equal(value, large);
    assert_int_equal(len, sizeof large);
    released++;
}

/* The server takes nothing any more, and there is so much in front of the change that it waits
 * un-encoded. */
static void store_behind_a_loan(
    ringcache_client *client, const ringcache_reply *now, ringcache_change *change, void *user)
{
    struct world *world = stage.world;
    (void)user;
    assert_int_equal(now->status, RINGCACHE_OK);
    const ringcache_request lends = {.op = RINGCACHE_SET,
        .options = RINGCACHE_LEND_VALUE,
        .key = {"j", 1},
        .value = {large, sizeof large},
        .release = count_release,
        .release_user = &released};
    struct world_reply *lent;
    sim_server_stop(stage.server);
    assert_int_equal(world_try(world, &lends, NULL, &lent), 0);
    assert_int_equal(ringcache_change_store(change, "new", 3, 0), 0);
    assert_ptr_equal(client, world->client);
}

static void store_and_leave(
    ringcache_client *client, const ringcache_reply *now, ringcache_change *change, void *user)
{
    struct world *world = stage.world;
    store_behind_a_loan(client, now, change, user);
    sim_at(world->sim, world_now(world) + 5, leave, world);
}

/* An update of "old" whose change does not leave before it ends so. */
static void end_unsent(uint32_t timeout_ms, ringcache_update_fn change, int status)
{
    struct world *world = begin("integrity", "auto");
    world_set(world, "k", "old");
    world_settle(world, 100);
    const ringcache_request request = {.key = {"k", 1}, .timeout_ms = timeout_ms};
    struct world_call call = world_call(world);
    released = 0;
    struct world_reply *update = world_called(world, &call,
        ringcache_update(world->client, &request, change, call.cb, call.user, &stage.leaves));
    world_run_for(world, 10);
    assert_reply(update, status);
    assert_int_equal(update->maybe_applied, 0);
    sim_server_continue(stage.server);
    world_settle(world, 1000);
    world_run_for(world, 100);
    assert_int_equal(released, 1);
}

static void a_change_that_never_left_was_not_applied(void **state)
{
    (void)state;
    end_unsent(0, store_and_leave, RINGCACHE_ECANCELED);
    assert_stored("old");
    world_end(stage.world);
}

static void a_change_that_expired_unsent_leaves_no_old_value(void **state)
{
    (void)state;
    end_unsent(5, store_behind_a_loan, RINGCACHE_ETIMEDOUT);
    assert_stored("(none)");
    world_end(stage.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_somebody_is_to_fill_in_can_be_updated),
        cmocka_unit_test(a_token_of_another_server_is_not_used),
        cmocka_unit_test(a_server_without_tokens_cannot_be_updated),
        cmocka_unit_test(updates_that_wait_for_their_turn_wait_for_room_too),
        cmocka_unit_test(a_second_change_is_refused_and_the_first_stands),
        cmocka_unit_test(a_change_that_never_left_was_not_applied),
        cmocka_unit_test(a_change_that_expired_unsent_leaves_no_old_value),
        cmocka_unit_test(an_update_may_leave_while_it_waits_for_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Optimistic updates and locks, on every backend. */
#include "world.h"

#include <stdio.h>

#include "ringcache/update.h"

struct backend {
    const char *name;
    struct sim_server *(*add)(struct world *world, const char *host, uint16_t port);
    const char *version;
};

static const struct backend backends[] = {
    {"memcached meta", world_memcached, NULL},
    {"memcached classic", world_memcached, "1.4.39"},
    {"redis", world_redis, NULL},
};

/* What the updates' function is to do, and what it saw. */
static struct stage {
    struct world *world;
    struct sim_server *server;
    unsigned calls;
    unsigned interferers; /* so often the key is written behind its back */
    bool deletes, keeps, closes;
    ringcache_id cancels;
    size_t value_len;  /* of what it stores, instead */
    int first, second; /* what its first change was told, and another one behind it */
    char seen[64];
} stage;

static void put(const char *value)
{
    engine_put(sim_server_engine(stage.server), 0, "k", rc_slice_text(value), 0);
}

static struct rc_slice stored(void)
{
    const struct store_item *item = engine_get(sim_server_engine(stage.server), 0, "k");
    return item != NULL ? store_value(item) : rc_slice_text("(none)");
}

static void assert_stored(const char *value)
{
    struct rc_slice now = stored();
    if (!rc_slice_equal(now, rc_slice_text(value))) {
        fail_msg("stored is \"%.*s\", not \"%s\"", (int)now.len, (const char *)now.data, value);
    }
}

static void interfere(void)
{
    char other[32];
    if (stage.interferers > 0) {
        snprintf(other, sizeof other, "other %u ", stage.interferers--);
        put(other);
    }
}

static void change_it(ringcache_change *change)
{
    char next[80];
    int len = snprintf(next, sizeof next, "%sx", stage.seen);
    size_t size = stage.value_len > 0 ? stage.value_len : (size_t)len;
    stage.first = stage.deletes ? ringcache_change_delete(change)
                                : ringcache_change_store(change, next, size, 0);
    memset(next, '!', sizeof next); /* it was copied */
    stage.second = ringcache_change_store(change, "y", 1, 0);
}

/* Appends a letter. */
static void update(
    ringcache_client *client, const ringcache_reply *now, ringcache_change *change, void *user)
{
    (void)user;
    assert_ptr_equal(client, stage.world->client);
    assert_false(stage.world->in_call);
    assert_in_range(now->status, RINGCACHE_OK, RINGCACHE_MISS);
    bool there = now->status == RINGCACHE_OK;
    snprintf(stage.seen, sizeof stage.seen, "%.*s", there ? (int)now->value.len : 1,
        there ? (const char *)now->value.data : "-");
    stage.calls++;
    interfere();
    if (stage.cancels != 0) {
        assert_int_equal(ringcache_cancel(client, stage.cancels), 0);
        stage.cancels = 0;
    }
    if (!stage.keeps) {
        change_it(change);
    }
    if (stage.closes) {
        world_close(stage.world);
    }
}

static struct world *begin(const struct backend *backend)
{
    struct world *world = world_new(51);
    stage = (struct stage){.world = world};
    stage.server = backend->add(world, "10.0.0.1", 11000);
    if (backend->version != NULL) {
        engine_set_version(sim_server_engine(stage.server), backend->version);
    }
    world_begin(world);
    return world;
}

static void on_all(void (*scenario)(const struct backend *backend))
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        print_message("  on %s\n", backends[i].name);
        scenario(&backends[i]);
    }
}

static struct world_reply *begin_update(struct world *world, uint32_t timeout_ms, ringcache_id *id)
{
    const ringcache_request request = {.key = {"k", 1}, .timeout_ms = timeout_ms};
    struct world_call call = world_call(world);
    return world_called(
        world, &call, ringcache_update(world->client, &request, update, call.cb, call.user, id));
}

static struct world_reply *run_update(struct world *world)
{
    struct world_reply *reply = begin_update(world, 0, NULL);
    world_settle(world, 1000);
    return reply;
}

static void stores_what_the_function_made(const struct backend *backend)
{
    struct world *world = begin(backend);
    assert_reply(run_update(world), RINGCACHE_OK);
    assert_stored("-x");
    assert_int_equal(stage.second, RINGCACHE_EINVAL);
    struct world_reply *again = run_update(world);
    assert_reply(again, RINGCACHE_OK);
    assert_int_equal(again->attempts, 2);
    assert_int_equal(again->maybe_applied, 0);
    assert_stored("-xx");
    put("");
    assert_reply(run_update(world), RINGCACHE_OK);
    assert_stored("x");
    world_end(world);
}

static void an_update_stores_what_its_function_made(void **state)
{
    (void)state;
    on_all(stores_what_the_function_made);
}

static void reads_again(const struct backend *backend)
{
    struct world *world = begin(backend);
    stage.interferers = 3; /* the first time it is absent, and is not when it is added */
    struct world_reply *reply = run_update(world);
    assert_reply(reply, RINGCACHE_OK);
    assert_int_equal(stage.calls, 4);
    assert_int_equal(reply->attempts, 8);
    assert_stored("other 1 x");
    world_end(world);
}

static void what_was_written_in_between_is_read_and_not_written_over(void **state)
{
    (void)state;
    on_all(reads_again);
}

static void leaves_it(const struct backend *backend)
{
    struct world *world = begin(backend);
    put("v");
    stage.keeps = true;
    assert_reply(run_update(world), RINGCACHE_NOT_STORED);
    assert_stored("v");
    stage.keeps = false;
    stage.deletes = true;
    stage.interferers = 1;
    assert_reply(run_update(world), RINGCACHE_OK);
    assert_stored("(none)");
    assert_int_equal(stage.calls, 3);
    stage.calls = 0;
    assert_reply(run_update(world), RINGCACHE_MISS);
    assert_int_equal(stage.calls, 1);
    world_end(world);
}

static void a_function_may_leave_the_key_or_remove_it(void **state)
{
    (void)state;
    on_all(leaves_it);
}

static void takes_turns(const struct backend *backend)
{
    enum { UPDATES = 20 };
    struct world_reply *replies[UPDATES];
    ringcache_id ids[UPDATES];
    struct world *world = begin(backend);
    put("");
    for (int i = 0; i < UPDATES; i++) {
        replies[i] = begin_update(world, 0, &ids[i]);
    }
    assert_int_equal(ringcache_cancel(world->client, ids[7]), 0);
    world_settle(world, 1000);
    for (int i = 0; i < UPDATES; i++) {
        assert_reply(replies[i], i == 7 ? RINGCACHE_ECANCELED : RINGCACHE_OK);
        assert_int_equal(replies[i]->maybe_applied, 0);
    }
    assert_int_equal(stage.calls, UPDATES - 1);
    assert_stored("xxxxxxxxxxxxxxxxxxx");
    world_end(world);
}

static void updates_of_one_key_take_turns(void **state)
{
    (void)state;
    on_all(takes_turns);
}

static void ends_at_the_deadline(const struct backend *backend)
{
    struct world *world = begin(backend);
    uint64_t began = world_now(world);
    stage.interferers = 1000000;
    struct world_reply *reply = begin_update(world, 50, NULL);
    struct world_reply *queued = begin_update(world, 40, NULL);
    world_settle(world, 1000);
    assert_reply(reply, RINGCACHE_ETIMEDOUT);
    assert_reply(queued, RINGCACHE_ETIMEDOUT);
    assert_int_equal(reply->at_ms, began + 50);
    assert_int_equal(queued->at_ms, began + 40);
    assert_int_equal(queued->maybe_applied, 0);
    assert_true(stage.calls > 20);
    world_end(world);
}

static void one_that_is_always_overtaken_ends_at_its_deadline(void **state)
{
    (void)state;
    on_all(ends_at_the_deadline);
}

/* Stopped once the function has run: its write may be carried out. */
static void stop_server(void *owner)
{
    (void)owner;
    sim_server_stop(stage.server);
}

static void says_when_it_may_be_applied(const struct backend *backend)
{
    struct world *world = begin(backend);
    put("v");
    assert_reply(run_update(world), RINGCACHE_OK); /* the connection stands */
    sim_server_stop(stage.server);
    struct world_reply *unread = begin_update(world, 100, NULL);
    world_settle(world, 1000);
    assert_reply(unread, RINGCACHE_ETIMEDOUT);
    assert_int_equal(unread->maybe_applied, 0);
    sim_server_continue(stage.server);
    world_run_for(world, 50);
    sim_settings(world->sim)->latency_us = 10000;
    struct world_reply *unsure = begin_update(world, 100, NULL);
    sim_at(world->sim, world_now(world) + 25, stop_server, NULL);
    world_settle(world, 1000);
    assert_reply(unsure, RINGCACHE_ETIMEDOUT);
    assert_int_equal(unsure->maybe_applied, 1);
    world_end(world);
}

static void a_failed_update_says_whether_it_may_be_applied(void **state)
{
    (void)state;
    on_all(says_when_it_may_be_applied);
}

static void is_canceled_inside(const struct backend *backend)
{
    struct world *world = begin(backend);
    put("v");
    struct world_reply *reply = begin_update(world, 0, &stage.cancels);
    struct world_reply *next = begin_update(world, 0, NULL);
    world_settle(world, 1000);
    assert_reply(reply, RINGCACHE_ECANCELED);
    assert_int_equal(reply->maybe_applied, 0);
    assert_reply(next, RINGCACHE_OK);
    assert_stored("vx"); /* by the second alone */
    assert_int_equal(stage.calls, 2);
    world_end(world);
}

static void an_update_canceled_by_its_function_writes_nothing(void **state)
{
    (void)state;
    on_all(is_canceled_inside);
}

static void is_closed_inside(const struct backend *backend)
{
    for (int keeps = 0; keeps < 2; keeps++) {
        struct world *world = begin(backend);
        put("v");
        stage.closes = true;
        stage.keeps = keeps != 0;
        struct world_reply *reply = begin_update(world, 0, NULL);
        struct world_reply *queued = begin_update(world, 0, NULL);
        world_settle(world, 1000);
        assert_reply(reply, RINGCACHE_ECANCELED);
        assert_reply(queued, RINGCACHE_ECANCELED);
        world_end(world);
    }
}

static void the_function_may_close_the_client(void **state)
{
    (void)state;
    on_all(is_closed_inside);
}

static void refuses_too_much(const struct backend *backend)
{
    struct world *world = begin(backend);
    stage.value_len = (size_t)1 << 40;
    assert_reply(run_update(world), RINGCACHE_OK);
    assert_int_equal(stage.first, RINGCACHE_ETOOBIG);
    assert_int_equal(stage.second, 0); /* a second try is no second change */
    assert_stored("y");
    world_end(world);
}

static void what_is_refused_may_be_tried_again_in_the_function(void **state)
{
    (void)state;
    on_all(refuses_too_much);
}

static void a_server_that_is_down_ends_all_updates(void **state)
{
    (void)state;
    struct world *world = begin(&backends[0]);
    sim_server_kill(stage.server);
    struct world_reply *first = begin_update(world, 0, NULL);
    struct world_reply *second = begin_update(world, 0, NULL);
    world_settle(world, 1000);
    assert_true(first->status < 0);
    assert_true(second->status < 0);
    assert_int_equal(stage.calls, 0);
    struct world_reply *third = run_update(world);
    assert_reply(third, RINGCACHE_EDOWN);
    assert_string_equal(third->server, "10.0.0.1:11000");
    world_end(world);
}

static void an_update_without_key_function_or_callback_is_refused(void **state)
{
    (void)state;
    struct world *world = begin(&backends[0]);
    ringcache_client *client = world->client;
    ringcache_request request = {.key = {"k", 1}};
    struct world_call call = world_call(world);
    assert_int_equal(
        ringcache_update(client, &request, NULL, call.cb, NULL, NULL), RINGCACHE_EINVAL);
    assert_int_equal(
        ringcache_update(client, &request, update, NULL, NULL, NULL), RINGCACHE_EINVAL);
    request.options = RINGCACHE_WANT_CAS;
    assert_int_equal(
        ringcache_update(client, &request, update, call.cb, NULL, NULL), RINGCACHE_ENOTSUP);
    request = (ringcache_request){.op = RINGCACHE_SET, .key = {"k", 1}};
    assert_int_equal(
        ringcache_update(client, &request, update, call.cb, NULL, NULL), RINGCACHE_ENOTSUP);
    request = (ringcache_request){0};
    world_refused(world, &call,
        ringcache_update(client, &request, update, call.cb, call.user, NULL), RINGCACHE_EINVAL);
    world_end(world);
}

/* ---- locks ---- */

static struct world_reply *lock(struct world *world, int64_t ttl_ms, uint64_t *token)
{
    struct world_call call = world_call(world);
    struct world_reply *reply = world_called(
        world, &call, ringcache_lock(world->client, "k", 1, ttl_ms, token, call.cb, call.user));
    world_settle(world, 1000);
    return reply;
}

static struct world_reply *extend(struct world *world, int64_t ttl_ms, uint64_t token)
{
    struct world_call call = world_call(world);
    struct world_reply *reply = world_called(world, &call,
        ringcache_lock_extend(world->client, "k", 1, token, ttl_ms, call.cb, call.user));
    world_settle(world, 1000);
    return reply;
}

static struct world_reply *release(struct world *world, uint64_t token)
{
    struct world_call call = world_call(world);
    struct world_reply *reply = world_called(
        world, &call, ringcache_lock_release(world->client, "k", 1, token, call.cb, call.user));
    world_settle(world, 1000);
    return reply;
}

static void locks(const struct backend *backend)
{
    struct world *world = begin(backend);
    uint64_t mine = 0, other = 0;
    assert_reply(lock(world, 10000, &mine), RINGCACHE_OK);
    assert_reply(lock(world, 10000, &other), RINGCACHE_NOT_STORED);
    assert_true(mine != other);
    assert_reply(release(world, other), RINGCACHE_EXISTS);
    assert_reply(extend(world, 60000, other), RINGCACHE_EXISTS);
    world_run_for(world, 8000);
    assert_reply(extend(world, 10000, mine), RINGCACHE_OK);
    world_run_for(world, 8000);
    assert_reply(lock(world, 10000, &other), RINGCACHE_NOT_STORED);
    assert_reply(release(world, mine), RINGCACHE_OK);
    assert_reply(release(world, mine), RINGCACHE_MISS);
    assert_reply(extend(world, 10000, mine), RINGCACHE_MISS);
    assert_reply(lock(world, 2000, &other), RINGCACHE_OK);
    world_run_for(world, 3100);
    assert_reply(release(world, other), RINGCACHE_MISS);
    assert_reply(lock(world, 2000, &mine), RINGCACHE_OK);
    world_end(world);
}

static void a_lock_is_its_holders_until_it_ends(void **state)
{
    (void)state;
    on_all(locks);
}

/* The connection ends at every place between two events of the extension. */
static void extensions_in_vain(const struct backend *backend)
{
    for (unsigned steps = 0; steps < 12; steps++) {
        struct world *world = begin(backend);
        uint64_t mine = 0, other = 0;
        assert_reply(lock(world, 60000, &mine), RINGCACHE_OK);
        struct world_call call = world_call(world);
        world_called(world, &call,
            ringcache_lock_extend(world->client, "k", 1, mine, 60000, call.cb, call.user));
        for (unsigned n = 0; n < steps; n++) {
            sim_step(world->sim);
        }
        sim_end(stage.server, sim_server_newest(stage.server), SIM_RST);
        world_run_for(world, 1000);
        assert_reply(lock(world, 60000, &other), RINGCACHE_NOT_STORED);
        world_end(world);
    }
}

static void a_lock_whose_extension_failed_is_held_to_its_end(void **state)
{
    (void)state;
    on_all(extensions_in_vain);
}

static void a_lock_without_ttl_or_token_is_refused(void **state)
{
    (void)state;
    struct world *world = begin(&backends[0]);
    uint64_t token = 5;
    struct world_call call = world_call(world);
    ringcache_client *client = world->client;
    assert_int_equal(
        ringcache_lock(client, "k", 1, 0, &token, call.cb, call.user), RINGCACHE_EINVAL);
    assert_int_equal(
        ringcache_lock(client, "k", 1, 1000, NULL, call.cb, call.user), RINGCACHE_EINVAL);
    assert_int_equal(
        ringcache_lock(client, "k", 0, 1000, &token, call.cb, call.user), RINGCACHE_EINVAL);
    assert_int_equal(
        ringcache_lock_extend(client, "k", 1, token, 0, call.cb, call.user), RINGCACHE_EINVAL);
    assert_int_equal(
        ringcache_lock_release(client, "k", 1, token, NULL, call.user), RINGCACHE_EINVAL);
    world_refused(world, &call, ringcache_lock(client, NULL, 1, 1000, &token, call.cb, call.user),
        RINGCACHE_EINVAL);
    assert_int_equal(token, 5);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_update_stores_what_its_function_made),
        cmocka_unit_test(what_was_written_in_between_is_read_and_not_written_over),
        cmocka_unit_test(a_function_may_leave_the_key_or_remove_it),
        cmocka_unit_test(updates_of_one_key_take_turns),
        cmocka_unit_test(one_that_is_always_overtaken_ends_at_its_deadline),
        cmocka_unit_test(a_failed_update_says_whether_it_may_be_applied),
        cmocka_unit_test(an_update_canceled_by_its_function_writes_nothing),
        cmocka_unit_test(the_function_may_close_the_client),
        cmocka_unit_test(what_is_refused_may_be_tried_again_in_the_function),
        cmocka_unit_test(a_server_that_is_down_ends_all_updates),
        cmocka_unit_test(an_update_without_key_function_or_callback_is_refused),
        cmocka_unit_test(a_lock_is_its_holders_until_it_ends),
        cmocka_unit_test(a_lock_whose_extension_failed_is_held_to_its_end),
        cmocka_unit_test(a_lock_without_ttl_or_token_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

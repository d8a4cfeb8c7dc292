/* SPDX-License-Identifier: MIT */
/* Many keys in one call: every key once, whatever becomes of its server, and no server's trouble is
 * another's. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEYS_MAX = 60000 };

/* One many under way, and what was told of it. */
struct many {
    struct world *world;
    size_t count;
    ringcache_slice keys[KEYS_MAX];
    char names[KEYS_MAX][12];
    int status[KEYS_MAX];
    unsigned calls[KEYS_MAX];
    uint64_t at_ms[KEYS_MAX];
    unsigned done;
    size_t ok, missed, failed;
    void (*on_each)(struct many *many, const ringcache_reply *reply);
};

static void on_each(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct many *many = user;
    assert_ptr_equal(client, many->world->client);
    assert_false(many->world->in_call);
    assert_int_equal(many->done, 0);
    assert_true(reply->index < many->count);
    many->calls[reply->index]++;
    many->status[reply->index] = reply->status;
    many->at_ms[reply->index] = world_now(many->world);
    if (reply->status == RINGCACHE_OK) { /* a value is its own key */
        ringcache_slice key = many->keys[reply->index];
        assert_int_equal(reply->value.len, key.len);
        assert_memory_equal(reply->value.data, key.data, key.len);
    }
    if (many->on_each != NULL) {
        many->on_each(many, reply);
    }
}

static void on_done(ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    struct many *many = user;
    assert_ptr_equal(client, many->world->client);
    assert_false(many->world->in_call);
    assert_int_equal(ok + missed + failed, many->count);
    many->ok = ok;
    many->missed = missed;
    many->failed = failed;
    many->done++;
}

static struct many *begin(struct world *world, size_t count)
{
    struct many *many = calloc(1, sizeof *many);
    assert_non_null(many);
    many->world = world;
    many->count = count;
    for (size_t i = 0; i < count; i++) {
        int len = snprintf(many->names[i], sizeof many->names[i], "key%zu", i);
        many->keys[i] = (ringcache_slice){many->names[i], (size_t)len};
    }
    return many;
}

static void ask(struct many *many, const ringcache_request *defaults)
{
    many->world->in_call = true;
    int rc = ringcache_get_many(
        many->world->client, many->keys, many->count, defaults, on_each, on_done, many);
    many->world->in_call = false;
    assert_int_equal(rc, 0);
}

static void wait_for(struct many *many, uint64_t ms)
{
    uint64_t until = world_now(many->world) + ms;
    while (many->done == 0 && world_now(many->world) < until && sim_step(many->world->sim)) {
    }
    assert_int_equal(many->done, 1);
    for (size_t i = 0; i < many->count; i++) {
        assert_int_equal(many->calls[i], 1);
    }
}

/* Two of three keys are there. */
static void store(struct many *many)
{
    for (size_t i = 0; i < many->count; i++) {
        if (i % 3 != 0) {
            world_set(many->world, many->names[i], many->names[i]);
        }
        if (i % 500 == 499) {
            world_settle(many->world, 1000);
        }
    }
    world_settle(many->world, 1000);
}

static struct world *begin_four(const char *integrity)
{
    struct world *world = world_new(71);
    world_memcached(world, "10.0.0.1", 11000);
    world_redis(world, "10.0.0.2", 6379);
    struct sim_server *old = world_memcached(world, "10.0.0.3", 11000);
    engine_set_version(sim_server_engine(old), "1.5.6");
    world_redis(world, "10.0.0.4", 6379);
    world_option(world, "integrity", integrity);
    world_begin(world);
    return world;
}

static void assert_all_told(struct many *many)
{
    for (size_t i = 0; i < many->count; i++) {
        assert_int_equal(many->status[i], i % 3 != 0 ? RINGCACHE_OK : RINGCACHE_MISS);
    }
    assert_int_equal(many->missed, (many->count + 2) / 3);
    assert_int_equal(many->failed, 0);
}

static void every_key_is_answered_once_on_every_protocol(void **state)
{
    (void)state;
    static const char *const integrities[] = {"auto", "strict"};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = begin_four(integrities[i]);
        struct many *many = begin(world, 3000);
        store(many);
        ask(many, NULL);
        wait_for(many, 400);
        assert_all_told(many);
        free(many);
        world_end(world);
    }
}

static struct world *begin_redis(const char *merge_gets, struct engine **engine)
{
    struct world *world = world_new(72);
    *engine = sim_server_engine(world_redis(world, "10.0.0.1", 6379));
    world_option(world, "merge_gets", merge_gets);
    world_begin(world);
    return world;
}

static const char *const merges[] = {"yes", "no"};

static void keys_leave_in_batches_whatever_single_gets_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct engine *redis;
        struct world *world = begin_redis(merges[i], &redis);
        struct many *many = begin(world, 1000);
        store(many);
        uint64_t before = engine_count(redis, "");
        ask(many, NULL);
        wait_for(many, 400);
        assert_all_told(many);
        assert_in_range(engine_count(redis, "mget"), 1000 / 255, 1000 / 64 + 1);
        assert_true(engine_count(redis, "") - before <= 1000 / 32);
        before = engine_count(redis, "mget");
        for (int get = 0; get < 4; get++) { /* the first stays alone, the second proves the step */
            world_get(world, "single");
        }
        world_settle(world, 100);
        assert_int_equal(engine_count(redis, "mget") - before, i == 0);
        free(many);
        world_end(world);
    }
}

static void keys_that_waited_for_a_connection_leave_in_batches_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct engine *redis;
        struct world *world = begin_redis(merges[i], &redis);
        struct many *many = begin(world, 1000);
        ask(many, NULL);
        wait_for(many, 400);
        assert_int_equal(many->missed, 1000);
        assert_in_range(engine_count(redis, "mget"), 1000 / 255, 1000 / 64 + 1);
        assert_true(engine_count(redis, "") <= 1000 / 32);
        free(many);
        world_end(world);
    }
}

static void marks_are_fetched_key_by_key(void **state)
{
    (void)state;
    struct world *world = world_new(73);
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11000);
    world_begin(world);
    struct many *many = begin(world, 100);
    store(many);
    const ringcache_request defaults = {.options = RINGCACHE_WANT_CAS | RINGCACHE_WANT_TTL};
    ask(many, &defaults);
    wait_for(many, 400);
    assert_all_told(many);
    assert_int_equal(engine_count(sim_server_engine(server), "mg"), 100);
    free(many);
    world_end(world);
}

static void what_a_server_cannot_do_is_said_at_once(void **state)
{
    (void)state;
    static const char *const integrities[] = {"auto", "strict"};
    for (size_t i = 0; i < 2; i++) {
        struct world *world = world_new(77);
        struct sim_server *old = world_memcached(world, "10.0.0.1", 11000);
        engine_set_version(sim_server_engine(old), "1.5.6");
        world_option(world, "integrity", integrities[i]);
        world_begin(world);
        struct many *many = begin(world, 300);
        store(many);
        uint64_t began = world_now(world);
        const ringcache_request defaults = {.options = RINGCACHE_WANT_TTL};
        ask(many, &defaults);
        wait_for(many, 400);
        assert_true(world_now(world) <= began + 1);
        assert_int_equal(many->failed, 300);
        assert_int_equal(many->status[299], RINGCACHE_ENOTSUP);
        free(many);
        world_end(world);
    }
}

static size_t owned_by(struct many *many, size_t i, const char *name)
{
    ringcache_ring *ring = ringcache_client_ring(many->world->client);
    size_t owner = ringcache_ring_locate(ring, many->keys[i].data, many->keys[i].len);
    bool same = strcmp(ringcache_ring_server_name(ring, owner), name) == 0;
    ringcache_ring_unref(ring);
    return same;
}

static void a_stopped_server_holds_up_its_own_keys_alone(void **state)
{
    (void)state;
    struct world *world = world_new(74);
    struct sim_server *servers[4];
    for (uint16_t i = 0; i < 4; i++) {
        servers[i] = world_memcached(world, "10.0.0.1", (uint16_t)(11000 + i));
    }
    world_begin(world);
    struct many *many = begin(world, 6000);
    store(many);
    ask(many, NULL);
    uint64_t began = world_now(world);
    wait_for(many, 1000);
    uint64_t alone = world_now(world) - began;
    memset(many->calls, 0, sizeof many->calls);
    many->done = 0;
    sim_server_stop(servers[2]);
    began = world_now(world);
    ask(many, NULL);
    wait_for(many, 1000);
    assert_in_range(world_now(world), began + 500, began + 501);
    for (size_t i = 0; i < many->count; i++) {
        if (owned_by(many, i, "10.0.0.1:11002")) {
            assert_int_equal(many->status[i], RINGCACHE_ETIMEDOUT);
        } else {
            assert_int_equal(many->status[i], i % 3 != 0 ? RINGCACHE_OK : RINGCACHE_MISS);
            assert_true(many->at_ms[i] <= began + alone + alone / 5 + 2);
        }
    }
    sim_server_continue(servers[2]);
    free(many);
    world_end(world);
}

static void a_dead_server_changes_no_other_keys_status(void **state)
{
    (void)state;
    struct world *world = begin_four("auto");
    struct many *many = begin(world, 4000);
    store(many);
    struct sim_server *dead = sim_server_add(world->sim, "10.0.0.9", 1, ENGINE_REDIS);
    sim_server_kill(dead);
    assert_int_equal(ringcache_server_add(world->client, "redis://10.0.0.9:1"), 0);
    world_run_for(world, 10);
    ask(many, NULL);
    wait_for(many, 400);
    size_t lost = 0;
    for (size_t i = 0; i < many->count; i++) {
        if (owned_by(many, i, "10.0.0.9:1")) {
            assert_int_equal(many->status[i], RINGCACHE_EDOWN);
            lost++;
        } else {
            assert_int_equal(many->status[i], i % 3 != 0 ? RINGCACHE_OK : RINGCACHE_MISS);
        }
    }
    assert_true(lost > 100);
    assert_int_equal(many->failed, lost);
    free(many);
    world_end(world);
}

static void small_bounds_slow_it_down_and_lose_nothing(void **state)
{
    (void)state;
    struct world *world = world_new(75);
    world_memcached(world, "10.0.0.1", 11000);
    world_redis(world, "10.0.0.2", 6379);
    world_option(world, "max_inflight", "10");
    world_option(world, "max_queued_bytes", "65536");
    world_option(world, "timeout_ms", "60000");
    world_option(world, "connections", "2");
    world_begin(world);
    struct many *many = begin(world, KEYS_MAX);
    ask(many, NULL);
    uint64_t most = 0;
    while (many->done == 0 && sim_step(world->sim)) {
        uint64_t used = world->client->env.budget.used;
        most = used > most ? used : most;
    }
    wait_for(many, 1);
    assert_int_equal(many->missed, KEYS_MAX);
    assert_true(most <= 65536);
    free(many);
    world_end(world);
}

static void keys_of_any_length_fit_through_small_bounds(void **state)
{
    (void)state;
    enum { COUNT = 300, LEN = 4000 };
    static char names[COUNT][LEN];
    struct world *world = world_new(81);
    world_redis(world, "10.0.0.1", 6379);
    world_option(world, "max_queued_bytes", "65536");
    world_begin(world);
    struct many *many = begin(world, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        memset(names[i], 'a', LEN);
        memcpy(names[i], many->names[i], many->keys[i].len);
        many->keys[i] = (ringcache_slice){names[i], LEN};
    }
    ask(many, NULL);
    wait_for(many, 400);
    assert_int_equal(many->missed, COUNT);
    free(many);
    world_end(world);
}

static void a_short_one_overtakes_a_long_one(void **state)
{
    (void)state;
    struct world *world = world_new(82);
    world_memcached(world, "10.0.0.1", 11000);
    world_option(world, "timeout_ms", "60000");
    world_begin(world);
    struct many *longer = begin(world, KEYS_MAX);
    struct many *shorter = begin(world, 1000);
    ask(longer, NULL);
    world_run_for(world, 1);
    ask(shorter, NULL);
    wait_for(shorter, 60000);
    assert_int_equal(longer->done, 0);
    wait_for(longer, 60000);
    free(longer);
    free(shorter);
    world_end(world);
}

static unsigned busy_submitted;

/* As many requests as the bound allows, all of the time. */
static void keep_busy(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)reply;
    bool *stop = user;
    const ringcache_request get = {.op = RINGCACHE_GET, .key = {"k", 1}};
    while (!*stop && ringcache_submit(client, &get, keep_busy, user, NULL) == 0) {
        busy_submitted++;
    }
}

static void a_lane_that_others_keep_full_lets_it_through(void **state)
{
    (void)state;
    bool stop = false;
    struct world *world = world_new(83);
    world_memcached(world, "10.0.0.1", 11000);
    world_option(world, "max_inflight", "16");
    world_begin(world);
    world->in_call = false;
    keep_busy(world->client, NULL, &stop);
    world_run_for(world, 5);
    struct many *many = begin(world, 200);
    ask(many, NULL);
    wait_for(many, 450);
    assert_int_equal(many->missed, 200);
    assert_true(busy_submitted > 200);
    stop = true;
    world_settle(world, 1000);
    free(many);
    world_end(world);
}

static void keys_that_are_not_valid_end_alone(void **state)
{
    (void)state;
    struct world *world = begin_four("auto");
    struct many *many = begin(world, 300);
    store(many);
    many->keys[0].len = 0;
    many->keys[150] = (ringcache_slice){"a b", 3};
    many->keys[299] = (ringcache_slice){NULL, 5};
    ask(many, NULL);
    wait_for(many, 400);
    assert_int_equal(many->failed, 3);
    assert_int_equal(many->status[0], RINGCACHE_EINVAL);
    assert_int_equal(many->status[150], RINGCACHE_EINVAL);
    assert_int_equal(many->status[299], RINGCACHE_EINVAL);
    free(many);
    world_end(world);
}

static void a_key_may_be_asked_for_twice(void **state)
{
    (void)state;
    struct world *world = begin_four("auto");
    struct many *many = begin(world, 500);
    store(many);
    for (size_t i = 0; i < 500; i++) {
        many->keys[i] = (ringcache_slice){many->names[i % 5], 4};
    }
    ask(many, NULL);
    wait_for(many, 400);
    for (size_t i = 0; i < 500; i++) {
        assert_int_equal(many->status[i], i % 5 == 0 || i % 5 == 3 ? RINGCACHE_MISS : RINGCACHE_OK);
    }
    free(many);
    world_end(world);
}

static void no_key_is_done_at_once(void **state)
{
    (void)state;
    struct world *world = begin_four("auto");
    struct many *many = begin(world, 0);
    ringcache_client *client = world->client;
    ask(many, NULL);
    wait_for(many, 10);
    many->done = 0;
    assert_int_equal(ringcache_get_many(client, NULL, 0, NULL, on_each, on_done, many), 0);
    wait_for(many, 10);
    assert_int_equal(
        ringcache_get_many(client, NULL, 1, NULL, on_each, on_done, many), RINGCACHE_EINVAL);
    assert_int_equal(
        ringcache_get_many(client, many->keys, 1, NULL, on_each, NULL, many), RINGCACHE_EINVAL);
    const ringcache_request set = {.op = RINGCACHE_SET};
    assert_int_equal(
        ringcache_get_many(client, many->keys, 1, &set, on_each, on_done, many), RINGCACHE_ENOTSUP);
    free(many);
    world_end(world);
}

static void close_midway(struct many *many, const ringcache_reply *reply)
{
    (void)reply;
    if (many->world->closed == 0 && many->calls[17] == 1) {
        world_close(many->world);
        many->on_each = NULL;
    }
}

static void closing_midway_ends_every_key(void **state)
{
    (void)state;
    struct world *world = begin_four("auto");
    struct many *many = begin(world, 20000);
    many->on_each = close_midway;
    ask(many, NULL);
    wait_for(many, 1000);
    size_t canceled = 0;
    for (size_t i = 0; i < many->count; i++) {
        canceled += many->status[i] == RINGCACHE_ECANCELED;
    }
    assert_true(canceled > 0);
    assert_true(sim_run_idle(world->sim, 1000));
    free(many);
    world_end(world);
}

static void close_on_refusal(struct many *many, const ringcache_reply *reply)
{
    if (reply->status == RINGCACHE_EINVAL && many->world->closed == 0) {
        world_close(many->world);
        many->on_each = NULL;
    }
}

static void closing_on_a_key_that_is_not_valid_ends_every_key(void **state)
{
    (void)state;
    struct world *world = begin_four("auto");
    struct many *many = begin(world, 100);
    many->keys[20].len = 0;
    many->on_each = close_on_refusal;
    ask(many, NULL);
    wait_for(many, 1000);
    assert_int_equal(many->failed, 100);
    assert_int_equal(many->status[99], RINGCACHE_ECANCELED);
    assert_true(sim_run_idle(world->sim, 1000));
    assert_int_equal(sim_client_streams(world->host), 0);
    free(many);
    world_end(world);
}

static void ask_and_be_busy(void *owner)
{
    struct many *many = owner;
    const ringcache_request defaults = {.timeout_ms = 100};
    ask(many, &defaults);
    sim_block(many->world->sim, 400);
}

static void a_program_that_was_busy_is_given_its_time_back(void **state)
{
    (void)state;
    struct world *world = world_new(78);
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11000);
    world_option(world, "max_inflight", "4");
    world_begin(world);
    world_get(world, "any");
    world_settle(world, 100);
    struct many *many = begin(world, 40);
    sim_server_slow(server, 9000);
    uint64_t began = world_now(world);
    sim_at(world->sim, began, ask_and_be_busy, many);
    wait_for(many, 1000);
    assert_in_range(world_now(world), began + 500, began + 501);
    assert_in_range(many->missed, 8, 39);
    assert_int_equal(many->failed, 40 - many->missed);
    free(many);
    world_end(world);
}

static void change_midway(struct many *many, const ringcache_reply *reply)
{
    ringcache_client *client = many->world->client;
    if (reply->index % 1000 == 0) {
        ringcache_server_remove(client, "10.0.0.4:6379");
    } else if (reply->index % 1000 == 500) {
        ringcache_server_add(client, "redis://10.0.0.4:6379");
    }
}

static void the_ring_may_change_midway(void **state)
{
    (void)state;
    struct world *world = begin_four("auto");
    struct many *many = begin(world, 20000);
    many->on_each = change_midway;
    ask(many, NULL);
    wait_for(many, 1000);
    assert_int_equal(many->missed, 20000);
    free(many);
    world_end(world);
}

static void a_reply_for_another_key_is_none(void **state)
{
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        struct world *world = world_new(76);
        struct sim_server *server = kind == 2 ? world_redis(world, "10.0.0.1", 11000)
                                              : world_memcached(world, "10.0.0.1", 11000);
        engine_set_version(sim_server_engine(server), kind == 1 ? "1.5.6" : "1.6.18");
        world_begin(world);
        struct many *many = begin(world, 64);
        store(many);
        sim_replace_reply(server, sim_server_newest(server),
            rc_slice_text(kind == 0   ? "VA 4 f0 O00000001\r\nkey7\r\nMN\r\n"
                          : kind == 1 ? "VALUE other 0 5\r\nother\r\nEND\r\n"
                                      : "*1\r\n$4\r\nkey7\r\n"));
        ask(many, NULL);
        wait_for(many, 1000);
        assert_int_equal(many->ok, 0);
        assert_true(many->failed > 0);
        free(many);
        world_end(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_answered_once_on_every_protocol),
        cmocka_unit_test(keys_leave_in_batches_whatever_single_gets_do),
        cmocka_unit_test(keys_that_waited_for_a_connection_leave_in_batches_too),
        cmocka_unit_test(marks_are_fetched_key_by_key),
        cmocka_unit_test(what_a_server_cannot_do_is_said_at_once),
        cmocka_unit_test(a_stopped_server_holds_up_its_own_keys_alone),
        cmocka_unit_test(a_dead_server_changes_no_other_keys_status),
        cmocka_unit_test(small_bounds_slow_it_down_and_lose_nothing),
        cmocka_unit_test(keys_of_any_length_fit_through_small_bounds),
        cmocka_unit_test(a_short_one_overtakes_a_long_one),
        cmocka_unit_test(a_lane_that_others_keep_full_lets_it_through),
        cmocka_unit_test(keys_that_are_not_valid_end_alone),
        cmocka_unit_test(a_key_may_be_asked_for_twice),
        cmocka_unit_test(no_key_is_done_at_once),
        cmocka_unit_test(closing_midway_ends_every_key),
        cmocka_unit_test(closing_on_a_key_that_is_not_valid_ends_every_key),
        cmocka_unit_test(a_program_that_was_busy_is_given_its_time_back),
        cmocka_unit_test(the_ring_may_change_midway),
        cmocka_unit_test(a_reply_for_another_key_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Every operation means the same on every backend: one table of steps, run on memcached (meta and
 * classic text) and on Redis, plain and strict. */
#include "world.h"

#include <stdio.h>

struct backend {
    const char *name;
    struct sim_server *(*add)(struct world *world, const char *host, uint16_t port);
    const char *version;
    bool strict;
    bool classic; /* no counters that are made, no remaining TTL */
};

static const struct backend backends[] = {
    {"memcached meta", world_memcached, NULL, false, false},
    {"memcached meta, strict", world_memcached, NULL, true, false},
    {"memcached classic", world_memcached, "1.4.39", false, true},
    {"redis", world_redis, NULL, false, false},
    {"redis, strict", world_redis, NULL, true, false},
};

static struct world *begin(const struct backend *backend, struct sim_server **server)
{
    struct world *world = world_new(31);
    *server = backend->add(world, "10.0.0.1", 11000);
    if (backend->version != NULL) {
        engine_set_version(sim_server_engine(*server), backend->version);
    }
    world_option(world, "integrity", backend->strict ? "strict" : "auto");
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

/* Carry out one request to its end. */
static struct world_reply *run(struct world *world, ringcache_request request)
{
    request.key = (ringcache_slice){"k", 1};
    struct world_reply *reply = world_submit(world, &request, NULL);
    world_settle(world, 1000);
    return reply;
}

static struct world_reply *store(struct world *world, ringcache_op op, const char *value)
{
    return run(world, (ringcache_request){.op = op, .value = {value, strlen(value)}});
}

static void assert_stored(struct world *world, const char *value)
{
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 1000);
    assert_value(get, value);
}

static void conditional_stores(const struct backend *backend)
{
    struct sim_server *server;
    struct world *world = begin(backend, &server);
    assert_reply(store(world, RINGCACHE_REPLACE, "no"), RINGCACHE_NOT_STORED);
    assert_reply(store(world, RINGCACHE_APPEND, "no"), RINGCACHE_NOT_STORED);
    assert_reply(store(world, RINGCACHE_PREPEND, "no"), RINGCACHE_NOT_STORED);
    assert_reply(store(world, RINGCACHE_ADD, "b"), RINGCACHE_OK);
    assert_reply(store(world, RINGCACHE_ADD, "no"), RINGCACHE_NOT_STORED);
    assert_stored(world, "b");
    assert_reply(store(world, RINGCACHE_APPEND, "c"), RINGCACHE_OK);
    assert_reply(store(world, RINGCACHE_PREPEND, "a"), RINGCACHE_OK);
    assert_stored(world, "abc");
    assert_reply(store(world, RINGCACHE_REPLACE, ""), RINGCACHE_OK);
    assert_stored(world, "");
    assert_reply(store(world, RINGCACHE_APPEND, ""), RINGCACHE_OK);
    assert_stored(world, "");
    world_end(world);
}

static void stores_keep_their_conditions(void **state)
{
    (void)state;
    on_all(conditional_stores);
}

static void compare_and_swap(const struct backend *backend)
{
    struct sim_server *server;
    struct world *world = begin(backend, &server);
    ringcache_request cas = {.op = RINGCACHE_CAS, .value = {"new", 3}, .cas = 12345};
    assert_reply(run(world, cas), RINGCACHE_MISS);
    assert_reply(store(world, RINGCACHE_SET, "old"), RINGCACHE_OK);
    assert_reply(run(world, cas), RINGCACHE_EXISTS);
    struct world_reply *get =
        run(world, (ringcache_request){.op = RINGCACHE_GET, .options = RINGCACHE_WANT_CAS});
    assert_value(get, "old");
    cas.cas = get->cas;
    assert_reply(store(world, RINGCACHE_SET, "between"), RINGCACHE_OK);
    assert_reply(run(world, cas), RINGCACHE_EXISTS);
    assert_stored(world, "between");
    get = run(world, (ringcache_request){.op = RINGCACHE_GET, .options = RINGCACHE_WANT_CAS});
    cas.cas = get->cas;
    assert_reply(run(world, cas), RINGCACHE_OK);
    assert_stored(world, "new");
    world_end(world);
}

/* The token of what is stored now. */
static uint64_t token(struct world *world)
{
    struct world_reply *get =
        run(world, (ringcache_request){.op = RINGCACHE_GET, .options = RINGCACHE_WANT_CAS});
    assert_reply(get, RINGCACHE_OK);
    return get->cas;
}

static void compare_and_delete(const struct backend *backend)
{
    struct sim_server *server;
    struct world *world = begin(backend, &server);
    ringcache_request delete = {.op = RINGCACHE_DELETE, .cas = 12345};
    assert_reply(run(world, delete), RINGCACHE_MISS);
    assert_reply(store(world, RINGCACHE_SET, "old"), RINGCACHE_OK);
    assert_reply(run(world, delete), RINGCACHE_EXISTS);
    delete.cas = token(world);
    assert_reply(store(world, RINGCACHE_SET, "between"), RINGCACHE_OK);
    assert_reply(run(world, delete), RINGCACHE_EXISTS);
    assert_stored(world, "between");
    delete.cas = token(world);
    assert_reply(run(world, delete), RINGCACHE_OK);
    assert_reply(run(world, delete), RINGCACHE_MISS);
    assert_reply(run(world, (ringcache_request){.op = RINGCACHE_GET}), RINGCACHE_MISS);
    world_end(world);
}

static void a_delete_with_a_token_spares_what_changed(void **state)
{
    (void)state;
    on_all(compare_and_delete);
}

static void a_token_holds_until_the_value_changes(void **state)
{
    (void)state;
    on_all(compare_and_swap);
}

static struct world_reply *count(
    struct world *world, ringcache_op op, uint64_t delta, uint32_t options, uint64_t initial)
{
    return run(world,
        (ringcache_request){.op = op, .delta = delta, .options = options, .initial = initial});
}

static void counters(const struct backend *backend)
{
    struct sim_server *server;
    struct world *world = begin(backend, &server);
    assert_reply(count(world, RINGCACHE_INCREMENT, 1, 0, 0), RINGCACHE_MISS);
    assert_reply(count(world, RINGCACHE_DECREMENT, 1, 0, 0), RINGCACHE_MISS);
    assert_reply(store(world, RINGCACHE_SET, "40"), RINGCACHE_OK);
    struct world_reply *reply = count(world, RINGCACHE_INCREMENT, 2, 0, 0);
    assert_reply(reply, RINGCACHE_OK);
    assert_int_equal(reply->number, 42);
    reply = count(world, RINGCACHE_DECREMENT, 40, 0, 0);
    assert_int_equal(reply->number, 2);
    reply = count(world, RINGCACHE_DECREMENT, 40, 0, 0);
    assert_reply(reply, RINGCACHE_OK);
    assert_int_equal(reply->number, 0);
    assert_reply(store(world, RINGCACHE_SET, "9223372036854775800"), RINGCACHE_OK);
    reply = count(world, RINGCACHE_INCREMENT, 7, 0, 0);
    assert_reply(reply, RINGCACHE_OK);
    assert_true(reply->number == INT64_MAX);
    assert_reply(count(world, RINGCACHE_INCREMENT, 1, 0, 0), RINGCACHE_NOT_STORED);
    assert_reply(count(world, RINGCACHE_INCREMENT, INT64_MAX, 0, 0), RINGCACHE_NOT_STORED);
    struct world_reply *still = world_get(world, "k");
    world_settle(world, 1000);
    still->value[19] = '\0'; /* memcached pads a counter that became shorter with blanks */
    assert_value(still, "9223372036854775807");
    assert_reply(store(world, RINGCACHE_SET, "text"), RINGCACHE_OK);
    assert_reply(count(world, RINGCACHE_INCREMENT, 1, 0, 0), RINGCACHE_ESERVER);
    assert_stored(world, "text");
    assert_int_equal(sim_server_connects(server), 1); /* a counter on text is no broken stream */
    world_end(world);
}

static void counters_stay_between_0_and_2_to_the_63_less_1(void **state)
{
    (void)state;
    on_all(counters);
}

static void made_counters(const struct backend *backend)
{
    struct sim_server *server;
    struct world *world = begin(backend, &server);
    struct world_reply *reply = count(world, RINGCACHE_INCREMENT, 5, RINGCACHE_WITH_INITIAL, 100);
    if (backend->classic) {
        assert_reply(reply, RINGCACHE_ENOTSUP);
        world_end(world);
        return;
    }
    assert_reply(reply, RINGCACHE_OK);
    assert_int_equal(reply->number, 100);
    reply = count(world, RINGCACHE_INCREMENT, 5, RINGCACHE_WITH_INITIAL, 100);
    assert_int_equal(reply->number, 105);
    world_end(world);
}

static void a_counter_that_is_absent_begins_where_it_is_told(void **state)
{
    (void)state;
    on_all(made_counters);
}

static void times_to_live(const struct backend *backend)
{
    struct sim_server *server;
    struct world *world = begin(backend, &server);
    ringcache_request touch = {.op = RINGCACHE_TOUCH, .ttl_ms = 5000};
    assert_reply(run(world, touch), RINGCACHE_MISS);
    assert_reply(store(world, RINGCACHE_SET, "v"), RINGCACHE_OK);
    assert_reply(run(world, touch), RINGCACHE_OK);
    if (!backend->classic) {
        struct world_reply *get =
            run(world, (ringcache_request){.op = RINGCACHE_GET, .options = RINGCACHE_WANT_TTL});
        assert_value(get, "v");
        assert_in_range(get->ttl_ms, 3900, 5000);
    }
    world_run_for(world, 2000);
    struct world_reply *gat =
        run(world, (ringcache_request){.op = RINGCACHE_GET_AND_TOUCH, .ttl_ms = 60000});
    assert_value(gat, "v");
    world_run_for(world, 20000);
    assert_stored(world, "v");
    gat =
        run(world, (ringcache_request){
                       .op = RINGCACHE_GET_AND_TOUCH,
                       .ttl_ms = 50000,
                       .options = RINGCACHE_WANT_CAS | (backend->classic ? 0 : RINGCACHE_WANT_TTL),
                   });
    assert_value(gat, "v");
    assert_true(gat->cas != 0);
    assert_true(backend->classic || (gat->ttl_ms > 48000 && gat->ttl_ms <= 50000));
    touch.ttl_ms = 0;
    assert_reply(run(world, touch), RINGCACHE_OK);
    world_run_for(world, 100000);
    assert_stored(world, "v");
    if (!backend->classic) {
        struct world_reply *get =
            run(world, (ringcache_request){.op = RINGCACHE_GET, .options = RINGCACHE_WANT_TTL});
        assert_int_equal(get->ttl_ms, -1);
    }
    world_end(world);
}

static void a_touch_moves_the_end_and_removes_it(void **state)
{
    (void)state;
    on_all(times_to_live);
}

static void a_script_that_redis_may_not_have_is_sent_whole(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin(&backends[3], &server);
    assert_reply(store(world, RINGCACHE_SET, "b"), RINGCACHE_OK);
    assert_reply(store(world, RINGCACHE_APPEND, "c"), RINGCACHE_OK);
    assert_reply(store(world, RINGCACHE_APPEND, "d"), RINGCACHE_OK);
    sim_server_restart(server, true);
    world_run_for(world, 1500);
    struct world_reply *third = store(world, RINGCACHE_APPEND, "e");
    assert_reply(third, RINGCACHE_OK);
    assert_int_equal(third->attempts, 1);
    assert_stored(world, "bcde");
    world_end(world);
}

/* What was submitted behind a script must not be run before it, known or not. */
static void a_script_keeps_its_place_among_writes(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin(&backends[3], &server);
    assert_reply(store(world, RINGCACHE_SET, "a"), RINGCACHE_OK);
    const ringcache_request append = {.op = RINGCACHE_APPEND, .key = {"k", 1}, .value = {"b", 1}};
    struct world_reply *first = world_submit(world, &append, NULL);
    struct world_reply *last = world_set(world, "k", "c");
    world_settle(world, 1000);
    assert_reply(first, RINGCACHE_OK);
    assert_reply(last, RINGCACHE_OK);
    assert_stored(world, "c");
    world_end(world);
}

static void a_script_that_redis_lost_fails_once(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin(&backends[3], &server);
    assert_reply(store(world, RINGCACHE_SET, "a"), RINGCACHE_OK);
    assert_reply(store(world, RINGCACHE_APPEND, "b"), RINGCACHE_OK);
    engine_answer_next(sim_server_engine(server), "evalsha", 1, "-NOSCRIPT No matching script\r\n");
    struct world_reply *lost = store(world, RINGCACHE_APPEND, "c");
    assert_reply(lost, RINGCACHE_ESERVER);
    assert_false(lost->maybe_applied);
    assert_int_equal(lost->attempts, 1);
    engine_answer_next(sim_server_engine(server), "evalsha", 1, "-NOSCRIPT No matching script\r\n");
    assert_reply(store(world, RINGCACHE_APPEND, "d"), RINGCACHE_OK); /* by EVAL */
    assert_stored(world, "abd");
    world_end(world);
}

/* Its value is held once, so behind other output it may be as large as that of a SET. */
static void a_script_takes_the_room_of_its_value_once(void **state)
{
    (void)state;
    enum { LEN = 20000 }; /* of the 25,000 bytes that one connection may have unsent */
    static char value[LEN];
    static const ringcache_op ops[] = {RINGCACHE_SET, RINGCACHE_APPEND, RINGCACHE_PREPEND};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        struct world *world = world_new(32);
        world_redis(world, "10.0.0.1", 6379);
        world_option(world, "max_queued_bytes", "100000");
        world_begin(world);
        memset(value, 'v', LEN);
        const ringcache_request large = {.op = ops[i], .key = {"k", 1}, .value = {value, LEN}};
        world_set(world, "k", "a");
        world_settle(world, 1000); /* connected: the next one is output at once */
        world_set(world, "k", "b");
        struct world_reply *reply = world_submit(world, &large, NULL);
        world_settle(world, 1000);
        assert_reply(reply, RINGCACHE_OK);
        world_end(world);
    }
}

static void an_overflow_is_taken_back_though_its_caller_left(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin(&backends[0], &server);
    assert_reply(store(world, RINGCACHE_SET, "9223372036854775807"), RINGCACHE_OK);
    sim_server_slow(server, 50000);
    ringcache_request request = {.op = RINGCACHE_INCREMENT, .key = {"k", 1}, .delta = 10};
    ringcache_id id;
    struct world_reply *reply = world_submit(world, &request, &id);
    world_run_for(world, 20);
    assert_int_equal(ringcache_cancel(world->client, id), 0);
    world_run_for(world, 1000);
    assert_reply(reply, RINGCACHE_ECANCELED);
    assert_int_equal(reply->maybe_applied, 1);
    sim_server_slow(server, 0);
    assert_stored(world, "9223372036854775807");
    world_end(world);
}

/* Begin a sum that has to be taken back, up to when the server has done it. */
static struct world_reply *begin_overflow(
    struct world *world, struct sim_server *server, const char *verb)
{
    assert_reply(store(world, RINGCACHE_SET, "9223372036854775807"), RINGCACHE_OK);
    sim_server_slow(server, 50000);
    const ringcache_request request = {.op = RINGCACHE_INCREMENT, .key = {"k", 1}, .delta = 10};
    struct world_reply *reply = world_submit(world, &request, NULL);
    while (engine_count(sim_server_engine(server), verb) == 0 && sim_step(world->sim)) {
    }
    assert_int_equal(reply->calls, 0);
    return reply;
}

static void an_overflow_whose_taking_back_is_refused_may_be_applied(void **state)
{
    (void)state;
    static const char *const verbs[][2] = {{"ma", "ma"}, {"incr", "decr"}};
    for (size_t i = 0; i < 2; i++) {
        struct sim_server *server;
        struct world *world = begin(&backends[2 * i], &server);
        struct world_reply *reply = begin_overflow(world, server, verbs[i][0]);
        struct engine *engine = sim_server_engine(server);
        engine_answer_next(engine, verbs[i][1], 1, "SERVER_ERROR out of memory\r\n");
        world_settle(world, 1000);
        assert_reply(reply, RINGCACHE_ESERVER);
        assert_int_equal(reply->maybe_applied, 1);
        assert_string_equal(engine_get(engine, 0, "k")->value, "9223372036854775817");
        world_end(world);
    }
}

static void an_overflow_whose_taking_back_never_left_may_be_applied(void **state)
{
    (void)state;
    struct sim_server *server;
    struct world *world = begin(&backends[0], &server);
    struct world_reply *reply = begin_overflow(world, server, "ma");
    struct engine *engine = sim_server_engine(server);
    sim_inject(server, sim_server_newest(server), rc_slice_text("?\r\n"));
    world_settle(world, 1000);
    assert_reply(reply, RINGCACHE_EPROTOCOL);
    assert_int_equal(reply->attempts, 2);
    assert_int_equal(engine_count(engine, "ma"), 1);
    assert_int_equal(reply->maybe_applied, 1);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stores_keep_their_conditions),
        cmocka_unit_test(a_token_holds_until_the_value_changes),
        cmocka_unit_test(a_delete_with_a_token_spares_what_changed),
        cmocka_unit_test(counters_stay_between_0_and_2_to_the_63_less_1),
        cmocka_unit_test(a_counter_that_is_absent_begins_where_it_is_told),
        cmocka_unit_test(a_touch_moves_the_end_and_removes_it),
        cmocka_unit_test(a_script_that_redis_may_not_have_is_sent_whole),
        cmocka_unit_test(a_script_keeps_its_place_among_writes),
        cmocka_unit_test(a_script_that_redis_lost_fails_once),
        cmocka_unit_test(a_script_takes_the_room_of_its_value_once),
        cmocka_unit_test(an_overflow_is_taken_back_though_its_caller_left),
        cmocka_unit_test(an_overflow_whose_taking_back_is_refused_may_be_applied),
        cmocka_unit_test(an_overflow_whose_taking_back_never_left_may_be_applied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* The item size that a memcached takes: what is certainly larger is refused by the library, before
 * a byte is sent, so that the server does not delete the item that is there. */
#include "world.h"

#include "ringcache/fetch.h"

enum { MOST = 2000 };

#define TOO_BIG "key and value are larger than the item_size_max of their memcached"

struct scene {
    struct world *world;
    struct sim_server *server;
    struct engine *engine;
};

/* `option` (NULL: none) is set to `value`. */
static void open_scene(struct scene *s, const char *option, const char *value)
{
    *s = (struct scene){.world = world_new(47)};
    s->server = world_memcached(s->world, "10.0.0.1", 11211);
    s->engine = sim_server_engine(s->server);
    engine_set_max_item(s->engine, MOST);
    engine_put(s->engine, 0, "key", rc_slice_text("old"), 0);
    if (option != NULL) {
        world_option(s->world, option, value);
    }
    world_begin(s->world);
}

static const char *bytes(void)
{
    static char value[2 * MOST];
    memset(value, 'v', sizeof value);
    return value;
}

/* A request that stores `len` bytes under "key". */
static ringcache_request store(ringcache_op op, size_t len)
{
    return (ringcache_request){
        .op = op, .key = {"key", 3}, .value = {bytes(), len}, .cas = op == RINGCACHE_CAS};
}

static void greet(struct scene *s)
{
    struct world_reply *get = world_get(s->world, "another");
    world_settle(s->world, 100);
    assert_reply(get, RINGCACHE_MISS);
}

static void assert_refused(struct scene *s, const ringcache_request *request)
{
    struct world_reply *place;
    uint64_t keyed = engine_count_keyed(s->engine);
    assert_int_equal(world_try(s->world, request, NULL, &place), RINGCACHE_ETOOBIG);
    assert_string_equal(ringcache_client_error(s->world->client), TOO_BIG);
    world_run_for(s->world, 100);
    assert_int_equal(engine_count_keyed(s->engine), keyed);
    assert_non_null(engine_get(s->engine, 0, "key"));
}

/* The same, of one that waited for the connection. */
static void assert_refused_late(const struct world_reply *reply)
{
    assert_reply(reply, RINGCACHE_ETOOBIG);
    assert_string_equal(reply->message, TOO_BIG);
    assert_int_equal(reply->attempts, 0);
    assert_int_equal(reply->maybe_applied, 0);
}

static void what_is_one_byte_too_large_with_its_key_is_refused_at_submission(void **state)
{
    static const ringcache_op ops[] = {RINGCACHE_SET, RINGCACHE_ADD, RINGCACHE_REPLACE,
        RINGCACHE_CAS, RINGCACHE_APPEND, RINGCACHE_PREPEND};
    (void)state;
    struct scene s;
    open_scene(&s, NULL, NULL);
    greet(&s);
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        ringcache_request request = store(ops[i], MOST - 3 + 1);
        assert_refused(&s, &request);
        request = store(ops[i], 2 * MOST);
        assert_refused(&s, &request);
    }
    world_end(s.world);
}

/* An item has a header: only the server knows how large, and it is asked. */
static void what_might_fit_is_left_to_the_server(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, NULL, NULL);
    greet(&s);
    ringcache_request request = store(RINGCACHE_SET, MOST - 3);
    struct world_reply *refused = world_submit(s.world, &request, NULL);
    world_settle(s.world, 100);
    assert_reply(refused, RINGCACHE_ETOOBIG);
    assert_string_equal(refused->message, "SERVER_ERROR object too large for cache");
    assert_null(engine_get(s.engine, 0, "key"));
    request = store(RINGCACHE_SET, MOST - 100);
    struct world_reply *stored = world_submit(s.world, &request, NULL);
    world_settle(s.world, 100);
    assert_reply(stored, RINGCACHE_OK);
    assert_int_equal(sim_server_connects(s.server), 1);
    world_end(s.world);
}

static void the_namespace_is_part_of_the_key(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, "namespace", "space:");
    greet(&s);
    ringcache_request request = store(RINGCACHE_SET, MOST - 3 - 6 + 1);
    assert_refused(&s, &request);
    request.value.len--;
    struct world_reply *sent = world_submit(s.world, &request, NULL);
    world_settle(s.world, 100);
    assert_reply(sent, RINGCACHE_ETOOBIG);
    assert_int_equal(sent->attempts, 1);
    world_end(s.world);
}

static void what_waited_for_the_connection_is_refused_in_its_reply(void **state)
{
    static const char *const protocols[] = {"meta", "classic"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct scene s;
        open_scene(&s, "protocol", protocols[i]);
        ringcache_request request = store(RINGCACHE_SET, MOST - 3 + 1);
        struct world_reply *before = world_get(s.world, "key");
        struct world_reply *refused = world_submit(s.world, &request, NULL);
        struct world_reply *behind = world_get(s.world, "key");
        assert_int_equal(refused->calls, 0);
        world_settle(s.world, 100);
        assert_value(before, "old");
        assert_refused_late(refused);
        assert_value(behind, "old");
        assert_int_equal(engine_count_keyed(s.engine), 2);
        world_end(s.world);
    }
}

/* Each connection asks anew. */
static void a_server_that_comes_back_with_another_size_is_believed(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, NULL, NULL);
    greet(&s);
    ringcache_request request = store(RINGCACHE_SET, MOST);
    assert_refused(&s, &request);
    engine_set_max_item(s.engine, 2 * MOST);
    sim_server_restart(s.server, true);
    world_run_for(s.world, 10);
    struct world_reply *stored = world_submit(s.world, &request, NULL);
    world_settle(s.world, 2000);
    assert_reply(stored, RINGCACHE_OK);
    engine_set_max_item(s.engine, MOST);
    sim_server_restart(s.server, true);
    world_run_for(s.world, 10);
    struct world_reply *refused = world_submit(s.world, &request, NULL);
    world_settle(s.world, 2000);
    assert_refused_late(refused);
    world_end(s.world);
}

static void where_the_size_is_unknown_the_server_decides(void **state)
{
    static const char *const replies[] = {
        "ERROR\r\n", "END\r\n", "STAT item_size_max 0\r\nEND\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        struct scene s;
        open_scene(&s, NULL, NULL);
        engine_answer_next(s.engine, "stats", 1, replies[i]);
        greet(&s);
        ringcache_request request = store(RINGCACHE_SET, 2 * MOST);
        struct world_reply *sent = world_submit(s.world, &request, NULL);
        world_settle(s.world, 100);
        assert_reply(sent, RINGCACHE_ETOOBIG);
        assert_string_equal(sent->message, "SERVER_ERROR object too large for cache");
        assert_int_equal(sim_server_connects(s.server), 1);
        world_end(s.world);
    }
}

/* Requests that carry no value pass whatever the server claims. */
static void a_size_that_no_key_fits_stops_no_read(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, NULL, NULL);
    engine_answer_next(s.engine, "stats", 1, "STAT item_size_max 1\r\nEND\r\n");
    greet(&s);
    struct world_reply *get = world_get(s.world, "key");
    world_settle(s.world, 100);
    assert_value(get, "old");
    ringcache_request request = store(RINGCACHE_SET, 1);
    assert_refused(&s, &request);
    struct world_reply *removed = world_delete(s.world, "key");
    world_settle(s.world, 100);
    assert_reply(removed, RINGCACHE_OK);
    world_end(s.world);
}

/* The loader is given what the callback is given, the world's own. */
static unsigned loads;

static void make_too_much(ringcache_client *client, ringcache_load *load, void *user)
{
    (void)client, (void)user;
    loads++;
    ringcache_load_done(load, bytes(), MOST, 0);
}

/* Who waits gets what was loaded, and the lease does not outlive it: the next one loads at once. */
static void a_load_too_large_to_be_kept_gives_its_lease_back(void **state)
{
    (void)state;
    struct scene s;
    loads = 0;
    open_scene(&s, "leases", "yes");
    greet(&s);
    const ringcache_fetch_request fetch = {.key = {"absent", 6}, .loader = make_too_much};
    for (unsigned i = 1; i <= 3; i++) {
        struct world_call call = world_call(s.world);
        uint64_t began = world_now(s.world);
        struct world_reply *reply = world_called(
            s.world, &call, ringcache_fetch(s.world->client, &fetch, call.cb, call.user, NULL));
        world_settle(s.world, 1000);
        assert_reply(reply, RINGCACHE_OK);
        assert_int_equal(reply->value_len, MOST);
        assert_int_equal(loads, i);
        assert_in_range(world_now(s.world) - began, 0, 10);
        world_run_for(s.world, 10);
        assert_null(engine_get(s.engine, 0, "absent"));
    }
    world_end(s.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_one_byte_too_large_with_its_key_is_refused_at_submission),
        cmocka_unit_test(what_might_fit_is_left_to_the_server),
        cmocka_unit_test(the_namespace_is_part_of_the_key),
        cmocka_unit_test(what_waited_for_the_connection_is_refused_in_its_reply),
        cmocka_unit_test(a_server_that_comes_back_with_another_size_is_believed),
        cmocka_unit_test(where_the_size_is_unknown_the_server_decides),
        cmocka_unit_test(a_size_that_no_key_fits_stops_no_read),
        cmocka_unit_test(a_load_too_large_to_be_kept_gives_its_lease_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

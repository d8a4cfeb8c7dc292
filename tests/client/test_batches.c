/* SPDX-License-Identifier: MIT */
/* Batches of gets on a memcached: the form they go in, what is asked for once more, and that no
 * value is handed out which the last key's token did not prove. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    KEYS_MAX = 255,
    BATCH = 64,
    NAME_SIZE = 8,
    LARGE = 100000,
    HELD_BYTES = 1024 * 1024,
    SLACK = 640 * 1024
};

/* A memcached, and one call for many keys "k000", "k001" … */
struct stage {
    struct world *world;
    struct sim_server *server;
    struct engine *engine;
    uint64_t connection;
    size_t count;
    char names[KEYS_MAX][NAME_SIZE];
    ringcache_slice keys[KEYS_MAX];
    int status[KEYS_MAX];
    size_t len[KEYS_MAX];
    uint32_t attempts[KEYS_MAX];
    unsigned calls, done;
    size_t ok, missed, failed;
    unsigned char *large;
    size_t most; /* bytes of input at a time */
};

static struct rc_conn *conn_of(const struct stage *s)
{
    return s->world->client->table->owners.servers[0]->lanes[0].conn;
}

static struct stage *begin(const char *option, const char *value)
{
    struct stage *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->world = world_new(91);
    s->server = world_memcached(s->world, "10.0.0.1", 11000);
    s->engine = sim_server_engine(s->server);
    world_option(s->world, option, value);
    world_begin(s->world);
    world_get(s->world, "warm");
    world_settle(s->world, 100);
    s->connection = sim_server_newest(s->server);
    return s;
}

static void end(struct stage *s)
{
    world_end(s->world);
    free(s->large);
    free(s);
}

static void on_each(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct stage *s = user;
    (void)client;
    s->calls++;
    s->status[reply->index] = reply->status;
    s->len[reply->index] = reply->value.len;
    s->attempts[reply->index] = reply->attempts;
    bool own = s->large != NULL || reply->value.len == 0 ||
               rc_slice_equal(rc_slice(reply->value.data, reply->value.len),
                   rc_slice_text(s->names[reply->index]));
    assert_true(own);
}

static void on_done(ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    struct stage *s = user;
    (void)client;
    s->ok = ok;
    s->missed = missed;
    s->failed = failed;
    s->done++;
}

static void name_keys(struct stage *s, size_t count)
{
    s->count = count;
    for (size_t i = 0; i < count; i++) {
        int len = snprintf(s->names[i], NAME_SIZE, "k%03zu", i);
        s->keys[i] = (ringcache_slice){s->names[i], (size_t)len};
    }
}

static void put(struct stage *s, size_t i, struct rc_slice value)
{
    engine_put(s->engine, 0, s->names[i], value, 0);
}

/* A value is its own key. */
static void put_all(struct stage *s, size_t count)
{
    name_keys(s, count);
    for (size_t i = 0; i < count; i++) {
        put(s, i, rc_slice_text(s->names[i]));
    }
}

static void ask(struct stage *s, uint32_t timeout_ms)
{
    const ringcache_request defaults = {.timeout_ms = timeout_ms};
    s->calls = s->done = 0;
    assert_int_equal(
        ringcache_get_many(s->world->client, s->keys, s->count, &defaults, on_each, on_done, s), 0);
}

static void wait_for(struct stage *s)
{
    for (size_t steps = 0; s->done == 0 && steps < 1000000 && sim_step(s->world->sim); steps++) {
        size_t len = conn_of(s) != NULL ? conn_of(s)->in.cap : 0;
        s->most = len > s->most ? len : s->most;
    }
    assert_int_equal(s->done, 1);
    assert_int_equal(s->calls, s->count);
}

/* An engine counts each key of a get. */
static uint64_t classic_keys(const struct stage *s)
{
    return engine_count(s->engine, "get");
}

static void all_but_the_last_key_go_as_one_classic_get(void **state)
{
    (void)state;
    struct stage *s = begin("integrity", "auto");
    put_all(s, BATCH);
    uint64_t meta = engine_count(s->engine, "mg");
    ask(s, 0);
    wait_for(s);
    assert_int_equal(s->ok, BATCH);
    assert_int_equal(classic_keys(s), BATCH - 1);
    assert_int_equal(engine_count(s->engine, "mg") - meta, 1);
    end(s);
}

/* Marks of leases, and keys that come back, are what mg alone shows. */
static void with_leases_or_strict_each_key_has_an_mg_of_its_own(void **state)
{
    (void)state;
    static const char *const options[][2] = {{"leases", "yes"}, {"integrity", "strict"}};
    for (size_t i = 0; i < 2; i++) {
        struct stage *s = begin(options[i][0], options[i][1]);
        put_all(s, BATCH);
        uint64_t meta = engine_count(s->engine, "mg");
        ask(s, 0);
        wait_for(s);
        assert_int_equal(s->ok, BATCH);
        assert_int_equal(classic_keys(s), 0);
        assert_int_equal(engine_count(s->engine, "mg") - meta, BATCH);
        end(s);
    }
}

/* Another client's lease leaves its stub under a key. */
static void leave_stub(struct stage *s, size_t i)
{
    char line[32];
    struct sim_bytes reply = {0};
    struct engine_session *other = engine_accept(s->engine, 99, "10.0.0.9:4711", &reply);
    assert_non_null(other);
    snprintf(line, sizeof line, "mg %s N30 v\r\n", s->names[i]);
    engine_receive(other, rc_slice_text(line));
    assert_int_equal(engine_step(other, &reply), ENGINE_RAN);
    assert_true(rc_slice_equal(sim_bytes_view(&reply), rc_slice_text("VA 0 W\r\n\r\n")));
    engine_session_free(other);
    sim_bytes_deinit(&reply);
}

/* A classic get shows both as a value of no bytes. */
static void an_empty_value_is_there_and_what_a_lease_left_is_not(void **state)
{
    (void)state;
    struct stage *s = begin("integrity", "auto");
    put_all(s, 3);
    name_keys(s, 5);
    put(s, 1, rc_slice_text(""));
    put(s, 4, rc_slice_text(s->names[4]));
    leave_stub(s, 3);
    ask(s, 0);
    wait_for(s);
    for (size_t i = 0; i < s->count; i++) {
        assert_int_equal(s->status[i], i == 3 ? RINGCACHE_MISS : RINGCACHE_OK);
        assert_int_equal(s->len[i], i == 1 || i == 3 ? 0 : 4);
        assert_int_equal(s->attempts[i], i == 1 || i == 3 ? 2 : 1);
    }
    assert_int_equal(sim_server_connects(s->server), 1);
    end(s);
}

/* Who gave up meanwhile is not asked for. */
static void an_empty_value_that_nobody_waits_for_is_not_asked_for_again(void **state)
{
    (void)state;
    struct stage *s = begin("integrity", "auto");
    put_all(s, 3);
    put(s, 0, rc_slice_text(""));
    sim_server_slow(s->server, 60000);
    uint64_t meta = engine_count(s->engine, "mg");
    ask(s, 50);
    wait_for(s);
    assert_int_equal(s->failed, 3);
    world_run_for(s->world, 300);
    assert_int_equal(engine_count(s->engine, "mg") - meta, 1);
    assert_int_equal(sim_server_connects(s->server), 1);
    end(s);
}

/* The reply to the classic get as it should not be, and what every key is told then. */
static void a_batch_that_is_not_proven_is_no_ones(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "VALUE k009 0 4\r\nk009\r\nEND\r\n",
        "VALUE k001 0 4\r\nk001\r\nVALUE k000 0 4\r\nk000\r\nEND\r\n",
        "VALUE k003 0 4\r\nk003\r\nEND\r\n",
        "VALUE k000 0 4\r\nk000\r\nEND\r\nEND\r\n",
        "VALUE k000 0 4\r\nk000\r\n",
        "VALUE k000 0 4\r\nk000\r\nEND\r\nVA 4 f0 O00000000\r\nk003\r\n",
        "ERROR\r\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct stage *s = begin("integrity", "auto");
        put_all(s, 4);
        sim_replace_reply(s->server, s->connection, rc_slice_text(wrong[i]));
        ask(s, 0);
        wait_for(s);
        assert_int_equal(s->failed, 4);
        world_run_for(s->world, 1200);
        assert_true(sim_server_newest(s->server) != s->connection);
        ask(s, 0);
        wait_for(s);
        assert_int_equal(s->ok, 4);
        end(s);
    }
}

/* In step: the keys that it took the place of fail, the connection goes on. */
static void a_server_without_memory_fails_the_rest_of_the_batch_alone(void **state)
{
    (void)state;
    struct stage *s = begin("integrity", "auto");
    put_all(s, 4);
    sim_replace_reply(s->server, s->connection,
        rc_slice_text("VALUE k001 0 4\r\nk001\r\n"
                      "SERVER_ERROR out of memory writing get response\r\n"));
    ask(s, 0);
    wait_for(s);
    static const int expected[] = {RINGCACHE_MISS, RINGCACHE_OK, RINGCACHE_ESERVER, RINGCACHE_OK};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(s->status[i], expected[i]);
    }
    world_run_for(s->world, 1200);
    assert_int_equal(sim_server_connects(s->server), 1);
    end(s);
}

/* The round trip ends with the last of them: an idle hour behind it is no part of it, or silence
 * would be noticed after four. */
static void a_batch_that_fails_as_a_whole_ends_its_round_trip(void **state)
{
    (void)state;
    struct stage *s = begin("integrity", "auto");
    put_all(s, 4);
    engine_answer_next(s->engine, "mg", 1, "SERVER_ERROR out of memory\r\n");
    ask(s, 0);
    wait_for(s);
    assert_int_equal(s->failed, 4);
    world_run_for(s->world, 3600000);
    ask(s, 0);
    wait_for(s);
    assert_int_equal(s->ok, 4);
    assert_int_equal(sim_server_connects(s->server), 1);
    assert_in_range(conn_of(s)->liveness.round_trip_us, 1, 1000);
    end(s);
}

static void put_large(struct stage *s, size_t count)
{
    s->large = malloc(LARGE);
    assert_non_null(s->large);
    memset(s->large, 'x', LARGE);
    name_keys(s, count);
    for (size_t i = 0; i < count; i++) {
        put(s, i, rc_slice(s->large, LARGE));
    }
}

/* The first batch had too much of it; the keys behind go one by one for a while. */
static void values_beyond_what_is_held_come_all_the_same(void **state)
{
    (void)state;
    struct stage *s = begin("timeout_ms", "60000");
    put_large(s, 192);
    ask(s, 0);
    wait_for(s);
    assert_int_equal(s->ok, 192);
    for (size_t i = 0; i < s->count; i++) {
        assert_int_equal(s->len[i], LARGE);
    }
    assert_in_range(s->most, HELD_BYTES / 2, HELD_BYTES + SLACK);
    uint64_t together = classic_keys(s); /* all had left when the first batch was too much */
    assert_int_equal(together, 3 * (BATCH - 1));
    ask(s, 0);
    wait_for(s);
    assert_int_equal(s->ok, 192);
    assert_int_equal(classic_keys(s), together);
    end(s);
}

/* Half of what is held. */
static void a_batch_has_as_many_keys_as_values_of_their_size_let_through(void **state)
{
    (void)state;
    static const struct {
        size_t bytes, batch;
    } steps[] = {{1, 255}, {100, 255}, {2000, 255}, {4000, 131}, {7000, 74}, {12000, 43},
        {20000, 26}, {30000, 17}};
    struct stage *s = begin("max_inflight", "4096");
    put_large(s, KEYS_MAX);
    for (size_t step = 0; step < sizeof steps / sizeof *steps; step++) {
        for (size_t i = 0; i < s->count; i++) {
            put(s, i, rc_slice(s->large, steps[step].bytes));
        }
        ask(s, 0);
        wait_for(s);
        uint64_t meta = engine_count(s->engine, "mg");
        ask(s, 0);
        wait_for(s);
        assert_int_equal(s->ok, KEYS_MAX);
        uint64_t batches = engine_count(s->engine, "mg") - meta;
        assert_int_equal(batches, (KEYS_MAX + steps[step].batch - 1) / steps[step].batch);
        assert_true(s->most <= HELD_BYTES + SLACK);
    }
    end(s);
}

static void after_a_while_keys_go_in_batches_again(void **state)
{
    (void)state;
    struct stage *s = begin("timeout_ms", "60000");
    put_large(s, BATCH);
    ask(s, 0);
    wait_for(s);
    assert_int_equal(classic_keys(s), BATCH - 1);
    for (size_t i = 0; i < s->count; i++) {
        put(s, i, rc_slice(s->large, 1));
    }
    for (int call = 0; call < 16; call++) {
        ask(s, 0);
        wait_for(s);
        assert_int_equal(classic_keys(s), BATCH - 1);
    }
    ask(s, 0);
    wait_for(s);
    assert_int_equal(classic_keys(s), 2 * (BATCH - 1));
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_but_the_last_key_go_as_one_classic_get),
        cmocka_unit_test(with_leases_or_strict_each_key_has_an_mg_of_its_own),
        cmocka_unit_test(an_empty_value_is_there_and_what_a_lease_left_is_not),
        cmocka_unit_test(an_empty_value_that_nobody_waits_for_is_not_asked_for_again),
        cmocka_unit_test(a_batch_that_is_not_proven_is_no_ones),
        cmocka_unit_test(a_server_without_memory_fails_the_rest_of_the_batch_alone),
        cmocka_unit_test(a_batch_that_fails_as_a_whole_ends_its_round_trip),
        cmocka_unit_test(values_beyond_what_is_held_come_all_the_same),
        cmocka_unit_test(a_batch_has_as_many_keys_as_values_of_their_size_let_through),
        cmocka_unit_test(after_a_while_keys_go_in_batches_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

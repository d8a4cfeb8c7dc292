/* SPDX-License-Identifier: MIT */
/* Large values. Those that come: received where they are handed out, into memory that grows with
 * what came and goes when they are delivered; and those that are too large, which are not kept at
 * all. Those that go: copied once, into memory that goes with their last byte. */
#include "world.h"

#include <stdlib.h>

enum {
    CHUNK = 64 * 1024, /* what a connection's input begins with */
    VALUE = 8 * 1024 * 1024,
};

struct stage {
    struct world *world;
    struct sim_server *server;
    unsigned char *value;
    unsigned delivered;
    size_t moved; /* bytes that the growing input copied */
    size_t most;  /* its largest size */
};

static const struct rc_buf *input_of(const struct stage *stage)
{
    const struct rc_conn *conn = stage->world->client->table->all[0]->lanes[0].conn;
    return conn != NULL ? &conn->in : NULL;
}

static struct stage *begin(void)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    stage->world = world_new(81);
    stage->server = world_redis(stage->world, "10.0.0.1", 6379);
    engine_answer_next(sim_server_engine(stage->server), "echo", 1, "-ERR unknown command\r\n");
    world_begin(stage->world);
    world_get(stage->world, "warm");
    world_settle(stage->world, 100);
    stage->value = malloc(VALUE);
    assert_non_null(stage->value);
    for (size_t i = 0; i < VALUE; i++) {
        stage->value[i] = (unsigned char)(i ^ i >> 8 ^ i >> 16);
    }
    engine_put(sim_server_engine(stage->server), 0, "big", rc_slice(stage->value, VALUE), 0);
    return stage;
}

static void end(struct stage *stage)
{
    world_end(stage->world);
    free(stage->value);
    free(stage);
}

static void on_value(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct stage *stage = user;
    const struct rc_buf *in = input_of(stage);
    const unsigned char *at = reply->value.data;
    assert_ptr_equal(client, stage->world->client);
    assert_int_equal(reply->status, RINGCACHE_OK);
    assert_int_equal(reply->value.len, VALUE);
    assert_memory_equal(at, stage->value, VALUE);
    assert_true(at >= in->base && at + VALUE <= in->base + in->cap);
    stage->delivered++;
}

/* Step by step until the value was delivered; every step it is looked at where the input lies. */
static void receive(struct stage *stage)
{
    const unsigned char *base = input_of(stage)->base;
    while (stage->delivered == 0 && sim_step(stage->world->sim)) {
        const struct rc_buf *in = input_of(stage);
        stage->moved += in->base != base && in->len > 0 ? in->len : 0;
        stage->most = in->cap > stage->most ? in->cap : stage->most;
        base = in->base;
    }
    assert_int_equal(stage->delivered, 1);
}

static void a_large_value_is_handed_out_where_it_was_received(void **state)
{
    (void)state;
    struct stage *stage = begin();
    assert_int_equal(ringcache_get(stage->world->client, "big", 3, on_value, stage), 0);
    receive(stage);
    assert_true(stage->moved < VALUE / 2);
    assert_true(stage->most < VALUE + CHUNK);
    world_run_for(stage->world, 1);
    assert_true(input_of(stage)->cap <= CHUNK);
    end(stage);
}

/* With a small request behind it, which does not make it move. */
static void a_large_value_that_is_not_lent_is_copied_once(void **state)
{
    (void)state;
    struct stage *stage = begin();
    const struct rc_buf *out = &stage->world->client->table->all[0]->lanes[0].conn->out.own;
    const ringcache_request set = {.op = RINGCACHE_SET,
        .key = {"new", 3},
        .value = {stage->value, VALUE},
        .timeout_ms = 10000};
    struct world_reply *stored = world_submit(stage->world, &set, NULL);
    struct world_reply *behind = world_get(stage->world, "warm");
    const unsigned char *base = out->base;
    assert_true(out->len > VALUE);
    assert_true(out->cap < VALUE + VALUE / 4);
    while (behind->calls == 0 && sim_step(stage->world->sim)) {
        assert_true(out->len == 0 || out->base == base);
    }
    assert_reply(stored, RINGCACHE_OK);
    assert_true(out->cap <= CHUNK);
    end(stage);
}

/* A peer's header costs nothing; its bytes cost at most eight times themselves, and that in
 * addresses alone. */
static void what_a_header_promises_takes_no_memory(void **state)
{
    (void)state;
    struct stage *stage = begin();
    uint64_t connection = sim_server_newest(stage->server);
    sim_replace_reply(stage->server, connection, rc_slice_text("$60000000\r\n"));
    struct world_reply *get = world_get(stage->world, "big");
    world_run_for(stage->world, 5);
    assert_int_equal(get->calls, 0);
    assert_true(input_of(stage)->cap <= CHUNK + CHUNK);
    size_t came = 0;
    while (came < VALUE / 2) {
        sim_inject(stage->server, connection, rc_slice(stage->value, 100000));
        world_run_for(stage->world, 5);
        came += 100000;
        assert_true(input_of(stage)->len >= came);
        assert_true(input_of(stage)->cap <= 3 * came + CHUNK);
    }
    end(stage);
}

/* The value's reply, with the first bytes of the one behind it. */
static struct rc_slice reply_and_a_half(const struct stage *stage)
{
    static const char head[] = "$8388608\r\n", tail[] = "\r\n$4\r\nwa";
    unsigned char *bytes = malloc(sizeof head - 1 + VALUE + sizeof tail - 1);
    assert_non_null(bytes);
    memcpy(bytes, head, sizeof head - 1);
    memcpy(bytes + sizeof head - 1, stage->value, VALUE);
    memcpy(bytes + sizeof head - 1 + VALUE, tail, sizeof tail - 1);
    return rc_slice(bytes, sizeof head - 1 + VALUE + sizeof tail - 1);
}

static void the_start_of_the_next_reply_does_not_keep_the_memory(void **state)
{
    (void)state;
    struct stage *stage = begin();
    uint64_t connection = sim_server_newest(stage->server);
    struct rc_slice bytes = reply_and_a_half(stage);
    sim_replace_reply(stage->server, connection, bytes);
    assert_int_equal(ringcache_get(stage->world->client, "big", 3, on_value, stage), 0);
    world_run_for(stage->world, 1); /* the reply is on its way */
    sim_drop_replies(stage->server, connection, 1);
    struct world_reply *next = world_get(stage->world, "next");
    receive(stage);
    assert_true(input_of(stage)->len > 0);
    assert_true(input_of(stage)->cap <= CHUNK);
    sim_inject(stage->server, connection, rc_slice_text("rm\r\n"));
    world_settle(stage->world, 1000);
    assert_value(next, "warm");
    free((void *)(uintptr_t)bytes.data);
    end(stage);
}

/* ---- values beyond max_value_bytes ---- */

static const struct peer {
    bool redis;
    const char *version, *integrity;
} peers[] = {
    {false, NULL, "auto"},
    {false, NULL, "strict"},
    {false, "1.5.6", "auto"},
    {true, NULL, "auto"},
    {true, NULL, "strict"},
};

static struct stage *begin_bounded(const struct peer *peer)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    stage->world = world_new(82);
    stage->server = peer->redis ? world_redis(stage->world, "10.0.0.1", 6379)
                                : world_memcached(stage->world, "10.0.0.1", 11000);
    struct engine *engine = sim_server_engine(stage->server);
    engine_set_version(engine, peer->version);
    world_option(stage->world, "max_value_bytes", "100000");
    world_option(stage->world, "integrity", peer->integrity);
    world_begin(stage->world);
    stage->value = calloc(1, VALUE);
    assert_non_null(stage->value);
    engine_put(engine, 0, "big", rc_slice(stage->value, VALUE), 0);
    engine_put(engine, 0, "edge", rc_slice(stage->value, 100000), 0);
    engine_put(engine, 0, "small", rc_slice_text("value"), 0);
    return stage;
}

static struct world_reply *ask_for(
    struct stage *stage, ringcache_op op, const char *key, uint32_t options)
{
    const ringcache_request request = {
        .op = op, .options = options, .key = {key, strlen(key)}, .timeout_ms = 10000};
    return world_submit(stage->world, &request, NULL);
}

static void a_value_that_is_too_long_fails_alone(void **state)
{
    (void)state;
    static const size_t segments[] = {0, 999, 16384};
    for (size_t i = 0; i < 3 * (sizeof peers / sizeof *peers); i++) {
        struct stage *stage = begin_bounded(&peers[i / 3]);
        sim_settings(stage->world->sim)->segment_bytes = segments[i % 3];
        struct world_reply *before = ask_for(stage, RINGCACHE_GET, "small", 0);
        struct world_reply *big = ask_for(stage, RINGCACHE_GET, "big", 0);
        struct world_reply *with = ask_for(stage, RINGCACHE_GET, "big", RINGCACHE_WANT_CAS);
        struct world_reply *touched = ask_for(stage, RINGCACHE_GET_AND_TOUCH, "big", 0);
        struct world_reply *edge = ask_for(stage, RINGCACHE_GET, "edge", 0);
        struct world_reply *behind = ask_for(stage, RINGCACHE_GET, "small", 0);
        while (stage->world->answered < stage->world->submitted && sim_step(stage->world->sim)) {
            const struct rc_buf *in = input_of(stage);
            stage->most = in != NULL && in->cap > stage->most ? in->cap : stage->most;
        }
        assert_value(before, "value");
        assert_reply(big, RINGCACHE_ETOOBIG);
        assert_string_equal(big->message, "the value is larger than max_value_bytes");
        assert_reply(with, RINGCACHE_ETOOBIG);
        assert_reply(touched, RINGCACHE_ETOOBIG);
        assert_int_equal(big->maybe_applied, 0);
        assert_int_equal(touched->maybe_applied, 1);
        assert_reply(edge, RINGCACHE_OK);
        assert_int_equal(edge->value_len, 100000);
        assert_value(behind, "value");
        assert_int_equal(sim_server_connects(stage->server), 1);
        assert_true(stage->most <= 4 * CHUNK); /* of the value that is within the bound */
        end(stage);
    }
}

/* The others keep their answers when it was canceled, too. */
static void a_long_value_that_nobody_waits_for_is_dropped(void **state)
{
    (void)state;
    struct stage *stage = begin_bounded(&peers[4]);
    ringcache_id id;
    const ringcache_request get = {.op = RINGCACHE_GET, .key = {"big", 3}};
    struct world_reply *big = world_submit(stage->world, &get, &id);
    struct world_reply *behind = ask_for(stage, RINGCACHE_GET, "small", 0);
    world_run_for(stage->world, 5);
    assert_int_equal(ringcache_cancel(stage->world->client, id), 0);
    world_settle(stage->world, 1000);
    assert_reply(big, RINGCACHE_ECANCELED);
    assert_value(behind, "value");
    assert_int_equal(sim_server_connects(stage->server), 1);
    end(stage);
}

struct many {
    int status[4];
    size_t ok, missed, failed;
    unsigned done;
};

static void on_each(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct many *many = user;
    (void)client;
    many->status[reply->index] = reply->status;
}

static void on_done(ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    struct many *many = user;
    (void)client;
    many->ok = ok;
    many->missed = missed;
    many->failed = failed;
    many->done++;
}

static void of_many_keys_one_that_is_too_long_fails_alone(void **state)
{
    (void)state;
    static const ringcache_slice keys[] = {{"small", 5}, {"big", 3}, {"absent", 6}, {"edge", 4}};
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
        struct stage *stage = begin_bounded(&peers[i]);
        const ringcache_request defaults = {.op = RINGCACHE_GET, .timeout_ms = 10000};
        world_get(stage->world, "small");
        world_settle(stage->world, 100); /* connected: they leave as one batch */
        struct many many = {0};
        assert_int_equal(
            ringcache_get_many(stage->world->client, keys, 4, &defaults, on_each, on_done, &many),
            0);
        world_run_for(stage->world, 5000);
        assert_int_equal(many.done, 1);
        assert_int_equal(many.status[0], RINGCACHE_OK);
        assert_int_equal(many.status[1], RINGCACHE_ETOOBIG);
        assert_int_equal(many.status[2], RINGCACHE_MISS);
        assert_int_equal(many.status[3], RINGCACHE_OK);
        assert_int_equal(many.ok, 2);
        assert_int_equal(many.missed, 1);
        assert_int_equal(many.failed, 1);
        assert_int_equal(sim_server_connects(stage->server), 1);
        end(stage);
    }
}

/* Else a server that waits for its replies to be read, and a client that waits for its writes to be
 * taken, would wait for each other. */
static void replies_are_read_while_output_is_blocked(void **state)
{
    (void)state;
    enum { BEYOND_BOTH_KERNELS = 1000000 };
    struct stage *stage = begin();
    struct world *world = stage->world;
    uint64_t connection = sim_server_newest(stage->server);
    sim_stall(stage->server, connection, true);
    struct world_reply *get = world_get(world, "warm");
    const ringcache_request request = {
        .op = RINGCACHE_SET, .key = {"k", 1}, .value = {stage->value, BEYOND_BOTH_KERNELS}};
    struct world_reply *set = world_submit(world, &request, NULL);
    world_run_for(world, 2);
    sim_inject(stage->server, connection, rc_slice_text("$-1\r\n"));
    world_run_for(world, 1);
    assert_reply(get, RINGCACHE_MISS);
    assert_int_equal(set->calls, 0);
    sim_drop_replies(stage->server, connection, 1); /* that of the GET, which came already */
    sim_stall(stage->server, connection, false);
    world_settle(world, 400);
    assert_reply(set, RINGCACHE_OK);
    end(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_value_is_handed_out_where_it_was_received),
        cmocka_unit_test(a_large_value_that_is_not_lent_is_copied_once),
        cmocka_unit_test(what_a_header_promises_takes_no_memory),
        cmocka_unit_test(the_start_of_the_next_reply_does_not_keep_the_memory),
        cmocka_unit_test(a_value_that_is_too_long_fails_alone),
        cmocka_unit_test(a_long_value_that_nobody_waits_for_is_dropped),
        cmocka_unit_test(of_many_keys_one_that_is_too_long_fails_alone),
        cmocka_unit_test(replies_are_read_while_output_is_blocked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

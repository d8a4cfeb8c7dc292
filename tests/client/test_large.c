/* SPDX-License-Identifier: MIT */
/* Large values that come: received where they are handed out, into memory that grows with what came
 * and goes when they are delivered. */
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
    const struct rc_conn *conn = stage->world->client->table->servers[0]->lanes[0].conn;
    return conn != NULL ? &conn->in : NULL;
}

static struct stage *begin(void)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    stage->world = world_new(81);
    stage->server = world_redis(stage->world, "10.0.0.1", 6379);
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
    assert_true(stage->most < VALUE + VALUE / 2);
    world_run_for(stage->world, 1);
    assert_true(input_of(stage)->cap <= CHUNK);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_value_is_handed_out_where_it_was_received),
        cmocka_unit_test(what_a_header_promises_takes_no_memory),
        cmocka_unit_test(the_start_of_the_next_reply_does_not_keep_the_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

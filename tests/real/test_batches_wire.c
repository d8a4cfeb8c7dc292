/* SPDX-License-Identifier: MIT */
/* Batches of gets, asked of real servers by each codec over a blocking socket: what real servers
 * are silent about, how they end, and what they say when they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../unit/codec/batch_encode.h"
#include "base/key_run.h"
#include "servers.h"

enum { INPUT_SIZE = 16 << 20, LARGE = 1000000, KEY_SIZE = 256, RUN_SIZE = 512, ALL_BYTES = 256 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A connection on which one protocol is spoken. `input` holds all that came since it was opened. */
struct wire {
    const char *name;
    const struct rc_codec *codec;
    struct server server;
    int fd;
    uint64_t token;
    struct rc_decoder decoder;
    size_t received, understood;
    unsigned char *input;
};

struct batch {
    size_t count;
    char keys[RC_BATCH_MAX][KEY_SIZE];
    struct rc_command commands[RC_BATCH_MAX];
    struct rc_answer answers[RC_BATCH_MAX];
    unsigned char run[RC_BATCH_MAX * RUN_SIZE]; /* the keys, as a connection remembers them */
    size_t run_at[RC_BATCH_MAX];
};

static bool is_redis(const struct wire *wire)
{
    return wire->server.kind == SERVER_REDIS;
}

static void add_key(struct batch *batch, const char *key)
{
    struct rc_command *command = &batch->commands[batch->count];
    char *copy = batch->keys[batch->count++];
    snprintf(copy, KEY_SIZE, "%s", key);
    *command = (struct rc_command){.prefix = rc_slice_text("n:"), .key = rc_slice_text(copy)};
}

static void add_keys(struct batch *batch, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char key[KEY_SIZE];
        snprintf(key, sizeof key, "k%zu", i);
        add_key(batch, key);
    }
}

/* ---- asking ---- */

static void put_out(struct wire *wire, struct rc_buf *out)
{
    for (size_t sent = 0; sent < out->len;) {
        ssize_t n = send(wire->fd, out->data + sent, out->len - sent, MSG_NOSIGNAL);
        assert_true(n > 0);
        sent += (size_t)n;
    }
    rc_buf_deinit(out);
}

/* Take what has come of a value that is not to be held out of the input. */
static bool drop_excess(struct wire *wire)
{
    struct rc_excess *excess = &wire->decoder.excess;
    unsigned char *hole = wire->input + wire->understood + excess->at;
    size_t came = excess->left > 0 ? wire->received - wire->understood - excess->at : 0;
    size_t n = came < excess->left ? came : excess->left;
    memmove(hole, hole + n, came - n);
    wire->received -= n;
    excess->left -= n;
    return excess->left == 0;
}

static enum rc_decoded receive(
    struct wire *wire, const struct rc_expect *expect, struct rc_answer *answer)
{
    for (;;) {
        bool whole = drop_excess(wire);
        size_t consumed = 0;
        struct rc_slice input =
            rc_slice(wire->input + wire->understood, wire->received - wire->understood);
        enum rc_decoded got = RC_DECODED_MORE;
        if (whole)
            got = wire->codec->decode(&wire->decoder, input, expect, answer, &consumed);
        wire->understood += consumed;
        if (got != RC_DECODED_MORE)
            return got;
        if (wire->decoder.excess.left > 0 && drop_excess(wire))
            continue;
        ssize_t n = recv(wire->fd, wire->input + wire->received, INPUT_SIZE - wire->received, 0);
        if (n <= 0)
            fail_msg("%s: no answer behind %.*s", wire->name, (int)input.len, (char *)wire->input);
        wire->received += (size_t)n;
    }
}

static struct rc_answer ask_one(struct wire *wire, struct rc_command command)
{
    struct rc_buf out = {0};
    struct rc_answer answer;
    command.token = ++wire->token;
    const struct rc_expect expect = {
        .verb = command.verb, .token = command.token, .prefix = command.prefix, .key = command.key};
    assert_int_equal(wire->codec->encode(&out, &command), 0);
    put_out(wire, &out);
    assert_int_equal(receive(wire, &expect, &answer), RC_DECODED_ONE);
    return answer;
}

static void put(struct wire *wire, struct rc_command command, struct rc_slice value, unsigned flags)
{
    command.verb = RC_VERB_SET;
    command.value = value;
    command.flags = flags;
    assert_int_equal(ask_one(wire, command).status, RINGCACHE_OK);
}

static void encode(struct wire *wire, struct batch *batch, struct rc_buf *out)
{
    unsigned char *at = batch->run;
    for (size_t i = 0; i < batch->count; i++) {
        batch->commands[i].token = ++wire->token;
        batch->run_at[i] = (size_t)(at - batch->run);
        at = rc_key_run_put(at, batch->commands[i].prefix, batch->commands[i].key);
    }
    assert_int_equal(batch_encode(wire->codec, out, batch->commands, batch->count, false), 0);
}

/* The answer number `i` of the batch. */
static enum rc_decoded receive_number(struct wire *wire, struct batch *batch, size_t i)
{
    const struct rc_expect expect = {.token = batch->commands[i].token,
        .prefix = batch->commands[i].prefix,
        .key = batch->commands[i].key,
        .due = (uint32_t)(batch->count - i),
        .first = i == 0,
        .keys = batch->run + batch->run_at[i]};
    return receive(wire, &expect, &batch->answers[i]);
}

static void receive_all(struct wire *wire, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        assert_int_equal(receive_number(wire, batch, i), RC_DECODED_ONE);
        assert_in_range(batch->answers[i].status, RINGCACHE_OK, RINGCACHE_MISS);
        assert_false(batch->answers[i].all);
    }
}

/* What a batch of memcached could not tell, or not hold, is asked for alone. */
static void ask_again(struct wire *wire, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        if (batch->answers[i].again)
            batch->answers[i] = ask_one(wire, batch->commands[i]);
}

static void ask(struct wire *wire, struct batch *batch)
{
    struct rc_buf out = {0};
    encode(wire, batch, &out);
    put_out(wire, &out);
    receive_all(wire, batch);
    assert_int_equal(wire->understood, wire->received);
    ask_again(wire, batch);
}

static void assert_hit(const struct rc_answer *answer, struct rc_slice value)
{
    assert_int_equal(answer->status, RINGCACHE_OK);
    assert_true(rc_slice_equal(answer->value, value));
}

/* `command` past the codec. */
static void tell(struct wire *wire, const char *command, const char *end)
{
    char reply[256] = "";
    assert_true(server_ask(wire->fd, command, end, reply, sizeof reply));
}

/* ---- on every protocol ---- */

static void hits_and_misses_of_as_many_keys_as_may_be_are_told_apart(void **state)
{
    struct wire *wire = *state;
    static const uint64_t patterns[] = {0, 1, UINT64_C(1) << 63, 0x9249249249249249, UINT64_MAX};
    struct batch batch = {0};
    add_keys(&batch, RC_BATCH_MAX);
    uint64_t stored = 0; /* what one pattern stored stays for the next */
    for (size_t p = 0; p < COUNT(patterns); p++) {
        stored |= patterns[p];
        for (size_t i = 0; i < batch.count; i++)
            if (patterns[p] >> i % 64 & 1)
                put(wire, batch.commands[i], batch.commands[i].key, 0);
        ask(wire, &batch);
        for (size_t i = 0; i < batch.count; i++)
            if (stored >> i % 64 & 1)
                assert_hit(&batch.answers[i], batch.commands[i].key);
            else
                assert_int_equal(batch.answers[i].status, RINGCACHE_MISS);
    }
}

static void keys_asked_twice_are_answered_twice(void **state)
{
    struct wire *wire = *state;
    struct batch batch = {0};
    static const char *const keys[] = {"a", "a", "absent", "b", "a", "absent", "b"};
    for (size_t i = 0; i < COUNT(keys); i++)
        add_key(&batch, keys[i]);
    put(wire, batch.commands[0], rc_slice_text("of a"), 0);
    put(wire, batch.commands[3], rc_slice_text("of b"), 0);
    ask(wire, &batch);
    for (size_t i = 0; i < COUNT(keys); i++) {
        if (keys[i][0] == 'b')
            assert_hit(&batch.answers[i], rc_slice_text("of b"));
        else if (keys[i][1] == 'b')
            assert_int_equal(batch.answers[i].status, RINGCACHE_MISS);
        else
            assert_hit(&batch.answers[i], rc_slice_text("of a"));
    }
}

static void values_of_every_byte_and_of_none_come_back_with_their_flags(void **state)
{
    struct wire *wire = *state;
    struct batch batch = {0};
    unsigned char all[ALL_BYTES];
    for (unsigned i = 0; i < ALL_BYTES; i++)
        all[i] = (unsigned char)i;
    add_keys(&batch, 4);
    put(wire, batch.commands[0], rc_slice(all, sizeof all), UINT32_MAX);
    put(wire, batch.commands[1], rc_slice_text(""), 7);
    put(wire, batch.commands[3], rc_slice_text("\r\nEND\r\nMN\r\n$-1\r\n"), 0);
    ask(wire, &batch);
    assert_hit(&batch.answers[0], rc_slice(all, sizeof all));
    assert_hit(&batch.answers[1], rc_slice_text(""));
    assert_int_equal(batch.answers[2].status, RINGCACHE_MISS);
    assert_hit(&batch.answers[3], rc_slice_text("\r\nEND\r\nMN\r\n$-1\r\n"));
    assert_int_equal(batch.answers[0].flags, is_redis(wire) ? 0 : UINT32_MAX);
    assert_int_equal(batch.answers[1].flags, is_redis(wire) ? 0 : 7);
}

static void large_values_come_back_whole(void **state)
{
    struct wire *wire = *state;
    static unsigned char value[LARGE];
    struct batch batch = {0};
    add_keys(&batch, 6);
    for (size_t i = 0; i < batch.count; i += 2) {
        memset(value, 'a' + (int)i, sizeof value);
        put(wire, batch.commands[i], rc_slice(value, sizeof value - i), 0);
    }
    ask(wire, &batch);
    for (size_t i = 0; i < batch.count; i++) {
        memset(value, 'a' + (int)i, sizeof value);
        if (i % 2 == 0)
            assert_hit(&batch.answers[i], rc_slice(value, sizeof value - i));
        else
            assert_int_equal(batch.answers[i].status, RINGCACHE_MISS);
    }
}

static void as_many_of_the_longest_keys_as_may_be_are_one_batch(void **state)
{
    struct wire *wire = *state;
    struct batch batch = {0};
    for (size_t i = 0; i < RC_BATCH_MAX; i++) {
        char key[KEY_SIZE];
        snprintf(key, sizeof key, "%0248zu", i);
        add_key(&batch, key);
        put(wire, batch.commands[i], rc_slice_text(batch.keys[i]), 0);
    }
    ask(wire, &batch);
    for (size_t i = 0; i < batch.count; i++)
        assert_hit(&batch.answers[i], batch.commands[i].key);
}

static void batches_in_one_packet_each_end_where_the_next_begins(void **state)
{
    struct wire *wire = *state;
    struct batch first = {0}, second = {0};
    struct rc_buf out = {0};
    add_keys(&first, 3);
    add_keys(&second, 2);
    put(wire, first.commands[1], rc_slice_text("one"), 0);
    encode(wire, &first, &out);
    encode(wire, &second, &out);
    put_out(wire, &out);
    receive_all(wire, &first);
    receive_all(wire, &second);
    for (size_t i = 0; i < first.count; i++)
        assert_int_equal(first.answers[i].status, i == 1 ? RINGCACHE_OK : RINGCACHE_MISS);
    for (size_t i = 0; i < second.count; i++)
        assert_int_equal(second.answers[i].status, i == 1 ? RINGCACHE_OK : RINGCACHE_MISS);
    first.commands[1].verb = RC_VERB_GET;
    struct rc_answer answer = ask_one(wire, first.commands[1]);
    assert_hit(&answer, rc_slice_text("one"));
}

/* ---- where they differ ---- */

static void a_key_of_another_type_reads_as_absent(void **state)
{
    struct wire *wire = *state;
    struct batch batch = {0};
    add_keys(&batch, 3);
    put(wire, batch.commands[2], rc_slice_text("text"), 0);
    tell(wire, "RPUSH n:k0 x\r\n", ":1\r\n");
    tell(wire, "HSET n:k1 x 1\r\n", ":1\r\n");
    ask(wire, &batch);
    assert_int_equal(batch.answers[0].status, RINGCACHE_MISS);
    assert_int_equal(batch.answers[1].status, RINGCACHE_MISS);
    assert_hit(&batch.answers[2], rc_slice_text("text"));
}

static void redis_refuses_all_keys_at_once_and_the_connection_goes_on(void **state)
{
    struct wire *wire = *state;
    struct batch batch = {0};
    struct rc_buf out = {0};
    add_keys(&batch, RC_BATCH_MAX);
    tell(wire, "ACL SETUSER default -mget\r\n", "+OK\r\n");
    encode(wire, &batch, &out);
    put_out(wire, &out);
    assert_int_equal(receive_number(wire, &batch, 0), RC_DECODED_ONE);
    assert_int_equal(batch.answers[0].status, RINGCACHE_EAUTH);
    assert_true(batch.answers[0].all);
    assert_false(batch.answers[0].close);
    assert_int_equal(wire->understood, wire->received);
    tell(wire, "ACL SETUSER default +mget\r\n", "+OK\r\n");
    ask(wire, &batch);
}

/* Longer by one than memcached takes. The library refuses such a key itself. */
static void ask_too_long_a_key(struct wire *wire, struct batch *batch)
{
    char key[KEY_SIZE];
    struct rc_buf out = {0};
    add_key(batch, "k0");
    put(wire, batch->commands[0], rc_slice_text("one"), 0);
    snprintf(key, sizeof key, "%0249d", 1);
    add_key(batch, key);
    add_key(batch, "k2");
    encode(wire, batch, &out);
    put_out(wire, &out);
}

static void classic_refuses_what_is_left_of_a_batch_with_one_error(void **state)
{
    struct wire *wire = *state;
    struct batch batch = {0};
    ask_too_long_a_key(wire, &batch);
    size_t i = 0;
    while (i < batch.count && receive_number(wire, &batch, i) == RC_DECODED_ONE &&
           batch.answers[i].status == RINGCACHE_OK)
        i++;
    assert_in_range(i, 0, 1);
    assert_int_equal(batch.answers[i].status, RINGCACHE_ESERVER);
    assert_true(batch.answers[i].all);
    assert_true(batch.answers[i].close);
}

static void meta_refuses_all_keys_of_a_batch_for_one_that_is_too_long(void **state)
{
    struct wire *wire = *state;
    struct batch batch = {0};
    ask_too_long_a_key(wire, &batch);
    assert_int_equal(receive_number(wire, &batch, 0), RC_DECODED_ONE);
    assert_int_equal(batch.answers[0].status, RINGCACHE_ESERVER);
    assert_true(batch.answers[0].all);
    assert_true(batch.answers[0].close);
}

static void a_stub_that_somebody_is_filling_is_a_miss(void **state)
{
    struct wire *wire = *state;
    struct batch batch = {0};
    add_keys(&batch, 3);
    put(wire, batch.commands[1], rc_slice_text("one"), 0);
    tell(wire, "mg n:k0 N30 v\r\n", "VA 0 W\r\n\r\n");
    tell(wire, "mg n:k2 N30 v\r\n", "VA 0 W\r\n\r\n");
    ask(wire, &batch);
    assert_int_equal(batch.answers[0].status, RINGCACHE_MISS);
    assert_hit(&batch.answers[1], rc_slice_text("one"));
    assert_int_equal(batch.answers[2].status, RINGCACHE_MISS);
}

/* ---- running each on each ---- */

static int open_wire(void **state)
{
    struct wire *wire = *state;
    wire->fd = server_connect(&wire->server);
    if (wire->fd < 0)
        return -1;
    wire->decoder = (struct rc_decoder){.limits.max_value_bytes = LARGE};
    wire->received = 0;
    wire->understood = 0;
    if (is_redis(wire))
        tell(wire, "FLUSHALL\r\n", "+OK\r\n");
    else
        tell(wire, "flush_all\r\n", "OK\r\n");
    return 0;
}

static int close_wire(void **state)
{
    struct wire *wire = *state;
    return close(wire->fd);
}

#define PROVED(test) cmocka_unit_test_setup_teardown(test, open_wire, close_wire)
#define RUN(tests, wire)                                                                           \
    (for_wire((tests), COUNT(tests), (wire)),                                                      \
        cmocka_run_group_tests_name((wire)->name, (tests), NULL, NULL))

static void for_wire(struct CMUnitTest *tests, size_t count, struct wire *wire)
{
    for (size_t i = 0; i < count; i++)
        tests[i].initial_state = wire;
}

static int run_alike(struct wire *wire)
{
    struct CMUnitTest tests[] = {
        PROVED(hits_and_misses_of_as_many_keys_as_may_be_are_told_apart),
        PROVED(keys_asked_twice_are_answered_twice),
        PROVED(values_of_every_byte_and_of_none_come_back_with_their_flags),
        PROVED(large_values_come_back_whole),
        PROVED(as_many_of_the_longest_keys_as_may_be_are_one_batch),
        PROVED(batches_in_one_packet_each_end_where_the_next_begins),
    };
    return RUN(tests, wire);
}

static int run_on_one(struct wire *wire)
{
    struct CMUnitTest meta[] = {
        PROVED(meta_refuses_all_keys_of_a_batch_for_one_that_is_too_long),
        PROVED(a_stub_that_somebody_is_filling_is_a_miss),
    };
    struct CMUnitTest classic[] = {
        PROVED(classic_refuses_what_is_left_of_a_batch_with_one_error),
    };
    struct CMUnitTest redis[] = {
        PROVED(a_key_of_another_type_reads_as_absent),
        PROVED(redis_refuses_all_keys_at_once_and_the_connection_goes_on),
    };
    if (is_redis(wire))
        return RUN(redis, wire);
    return wire->codec == &rc_codec_meta ? RUN(meta, wire) : RUN(classic, wire);
}

static int run(struct wire wire)
{
    static unsigned char input[INPUT_SIZE];
    wire.input = input;
    if (!server_start(&wire.server))
        return 1;
    int failed = run_alike(&wire) + run_on_one(&wire);
    server_discard(&wire.server);
    return failed;
}

int main(void)
{
    const struct server memcached = {.kind = SERVER_MEMCACHED}, redis = {.kind = SERVER_REDIS};
    if (!servers_available())
        return 77;
    int failed = run((struct wire){"meta", &rc_codec_meta, memcached});
    failed += run((struct wire){"classic", &rc_codec_classic, memcached});
    failed += run((struct wire){"redis", &rc_codec_resp, redis});
    return failed != 0;
}

/* SPDX-License-Identifier: MIT */
/* Whole batches of gets, on every protocol: encoded to the byte, and decoded from what a server
 * would answer, however that is split. Every value says whose it is. */
#include "batch_encode.h"
#include "reply_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/key_run.h"

enum { KEY_SIZE = 16, RUN_SIZE = 32, VALUE_SIZE = 48, FIRST_TOKEN = 0x7fffffe0, NOT_DUE = 999 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct rc_codec *const codecs[] = {&rc_codec_meta, &rc_codec_classic, &rc_codec_resp};

struct batch {
    const struct rc_codec *codec;
    size_t count;
    char keys[RC_BATCH_MAX][KEY_SIZE];
    unsigned char own[RC_BATCH_MAX][VALUE_SIZE];
    struct rc_command commands[RC_BATCH_MAX];
    struct rc_slice values[RC_BATCH_MAX];
    bool here[RC_BATCH_MAX];
    unsigned char run[RC_BATCH_MAX * RUN_SIZE]; /* the keys, as a connection remembers them */
    size_t run_at[RC_BATCH_MAX];
};

/* What was received of a batch's replies, and how far it was understood. */
struct taking {
    const struct batch *batch;
    struct rc_slice bytes;
    struct rc_decoder decoder;
    size_t offset, answered;
};

static void set_key(struct batch *batch, size_t i, size_t number)
{
    static const char tricky[] = ":\0\r\nEND\r\nMN\r\n$-1\r\n*2\r\nVA 1 f0\r\n";
    struct rc_command *command = &batch->commands[i];
    int key_len = snprintf(batch->keys[i], KEY_SIZE, "key%zu", number);
    size_t len = (size_t)key_len;
    memcpy(batch->own[i], batch->keys[i], len);
    memcpy(batch->own[i] + len, tricky, sizeof tricky - 1);
    batch->values[i] = rc_slice(batch->own[i], len + number % sizeof tricky);
    command->prefix = rc_slice_text("ns:");
    command->key = rc_slice(batch->keys[i], len);
}

static void write_run(struct batch *batch)
{
    unsigned char *at = batch->run;
    for (size_t i = 0; i < batch->count; i++) {
        batch->run_at[i] = (size_t)(at - batch->run);
        at = rc_key_run_put(at, batch->commands[i].prefix, batch->commands[i].key);
    }
}

/* `count` keys of their own, all of them there; the tokens pass the end of 31 bits. */
static void batch_init(struct batch *batch, const struct rc_codec *codec, size_t count)
{
    *batch = (struct batch){.codec = codec, .count = count};
    for (size_t i = 0; i < count; i++) {
        batch->commands[i].token = FIRST_TOKEN + i;
        batch->here[i] = true;
        set_key(batch, i, i);
    }
}

static unsigned flags_of(const struct batch *batch, size_t i)
{
    return batch->codec == &rc_codec_resp ? 0 : (unsigned)batch->values[i].len * 1000;
}

static void append_text(struct rc_buf *out, const char *text)
{
    assert_int_equal(rc_buf_append(out, text, strlen(text)), 0);
}

/* In meta, the last key's reply is one of its own, behind the end of the others'. */
static bool is_proof(const struct batch *batch, size_t i)
{
    return batch->codec == &rc_codec_meta && i == batch->count - 1;
}

static void append_proof(const struct batch *batch, size_t i, struct rc_buf *out)
{
    char head[64];
    unsigned token = (unsigned)batch->commands[i].token;
    if (batch->here[i]) {
        snprintf(head, sizeof head, "END\r\nVA %zu f%u O%08x\r\n", batch->values[i].len,
            flags_of(batch, i), token);
    } else {
        snprintf(head, sizeof head, "END\r\nEN O%08x\r\n", token);
    }
    append_text(out, head);
}

/* One reply as a server says it, nothing for what memcached is silent about. */
static void append_reply(const struct batch *batch, size_t i, struct rc_buf *out)
{
    char head[64] = "";
    size_t len = batch->values[i].len;
    if (is_proof(batch, i)) {
        append_proof(batch, i, out);
    }
    if (!batch->here[i]) {
        append_text(out, batch->codec == &rc_codec_resp ? "$-1\r\n" : "");
        return;
    }
    if (batch->codec != &rc_codec_resp && !is_proof(batch, i)) {
        snprintf(
            head, sizeof head, "VALUE ns:%s %u %zu\r\n", batch->keys[i], flags_of(batch, i), len);
    } else if (batch->codec == &rc_codec_resp) {
        snprintf(head, sizeof head, "$%zu\r\n", len);
    }
    append_text(out, head);
    assert_int_equal(rc_buf_append(out, batch->values[i].data, len), 0);
    append_text(out, "\r\n");
}

static void append_start(const struct batch *batch, struct rc_buf *out)
{
    char head[16];
    snprintf(head, sizeof head, "*%zu\r\n", batch->count);
    append_text(out, batch->codec == &rc_codec_resp ? head : "");
}

static void append_end(const struct batch *batch, struct rc_buf *out)
{
    append_text(out, batch->codec == &rc_codec_classic ? "END\r\n" : "");
}

static struct rc_buf replies_to(const struct batch *batch)
{
    struct rc_buf out = {0};
    append_start(batch, &out);
    for (size_t i = 0; i < batch->count; i++) {
        append_reply(batch, i, &out);
    }
    append_end(batch, &out);
    return out;
}

static struct rc_expect expectation(const struct taking *taking)
{
    const struct rc_command *command = &taking->batch->commands[taking->answered];
    return (struct rc_expect){
        .verb = RC_VERB_GET,
        .token = command->token,
        .prefix = command->prefix,
        .key = command->key,
        .due = (uint32_t)(taking->batch->count - taking->answered),
        .first = taking->answered == 0,
        .keys = taking->batch->run + taking->batch->run_at[taking->answered],
    };
}

static struct taking taking_of(struct batch *batch, struct rc_slice bytes)
{
    write_run(batch);
    return (struct taking){
        .batch = batch, .bytes = bytes, .decoder.limits.max_value_bytes = TEST_MAX_VALUE_BYTES};
}

/* Is the value the key's own, and the flags the value's? */
static void assert_own(const struct taking *taking, const struct rc_answer *answer)
{
    const struct batch *batch = taking->batch;
    size_t i = taking->answered;
    if (answer->status == RINGCACHE_OK) {
        assert_true(rc_slice_equal(answer->value, batch->values[i]));
        assert_int_equal(answer->flags, flags_of(batch, i));
    } else {
        assert_int_equal(answer->status, RINGCACHE_MISS);
        assert_int_equal(answer->value.len, 0);
    }
    assert_false(answer->all);
    assert_false(answer->close);
}

/* The next reply from the first `arrived` bytes, an exact copy of them as always. */
static enum rc_decoded take_one(struct taking *taking, size_t arrived, struct rc_answer *answer)
{
    size_t consumed = 0;
    struct rc_expect expect = expectation(taking);
    struct rc_slice input =
        copy_bytes(rc_slice(taking->bytes.data + taking->offset, arrived - taking->offset));
    enum rc_decoded got =
        taking->batch->codec->decode(&taking->decoder, input, &expect, answer, &consumed);
    if (got == RC_DECODED_ONE) {
        assert_own(taking, answer);
        assert_true(consumed > 0 || answer->status == RINGCACHE_MISS);
        assert_true(consumed <= input.len);
        taking->offset += consumed;
        taking->answered++;
    } else if (got == RC_DECODED_MORE) {
        assert_true(taking->decoder.need > input.len);
    }
    free_bytes(input);
    return got;
}

/* All replies that `arrived` bytes hold, each as it must be. */
static void take_arrived(struct taking *taking, size_t arrived)
{
    struct rc_answer answer;
    enum rc_decoded got = RC_DECODED_ONE;
    while (got == RC_DECODED_ONE && taking->answered < taking->batch->count) {
        size_t i = taking->answered;
        got = take_one(taking, arrived, &answer);
        assert_true(got != RC_DECODED_BAD);
        if (got == RC_DECODED_ONE) {
            assert_int_equal(answer.status, taking->batch->here[i] ? RINGCACHE_OK : RINGCACHE_MISS);
        }
    }
    assert_true(taking->offset + taking->decoder.need <= taking->bytes.len);
}

static void assert_complete(const struct taking *taking)
{
    assert_int_equal(taking->answered, taking->batch->count);
    assert_int_equal(taking->offset, taking->bytes.len);
}

/* Whole, cut in two anywhere (of many keys at some 500 places), byte by byte; and with more behind,
 * which is left alone. */
static void check_batch(struct batch *batch)
{
    struct rc_buf replies = replies_to(batch);
    struct rc_slice bytes = rc_slice(replies.data, replies.len);
    struct taking bytewise = taking_of(batch, bytes);
    size_t stride = 1 + bytes.len / 1000 * 2;
    for (size_t cut = 0; cut <= bytes.len; cut++) {
        struct taking taking = taking_of(batch, bytes);
        if (cut % stride == 0) {
            take_arrived(&taking, cut);
            take_arrived(&taking, bytes.len);
            assert_complete(&taking);
        }
        take_arrived(&bytewise, cut);
    }
    assert_complete(&bytewise);
    size_t len = replies.len;
    append_text(&replies, "MN\r\nEND\r\n*2\r\n");
    struct taking followed = taking_of(batch, rc_slice(replies.data, replies.len));
    take_arrived(&followed, replies.len);
    assert_int_equal(followed.answered, batch->count);
    assert_int_equal(followed.offset, len);
    rc_buf_deinit(&replies);
}

static void two_keys_are_told_apart_whichever_of_them_is_there(void **state)
{
    (void)state;
    struct batch batch;
    for (size_t c = 0; c < COUNT(codecs); c++) {
        for (unsigned pattern = 0; pattern < 4; pattern++) {
            batch_init(&batch, codecs[c], 2);
            batch.here[0] = (pattern & 1) != 0;
            batch.here[1] = (pattern & 2) != 0;
            check_batch(&batch);
        }
    }
}

static void as_many_keys_as_may_be_are_told_apart_whichever_of_them_are_there(void **state)
{
    (void)state;
    static const uint64_t patterns[] = {UINT64_MAX, 0, 1, UINT64_C(1) << 63, 0x5555555555555555,
        0xaaaaaaaaaaaaaaaa, 0x00ff00ff0f0f3c5a};
    struct batch batch;
    for (size_t c = 0; c < COUNT(codecs); c++) {
        for (size_t p = 0; p < COUNT(patterns); p++) {
            batch_init(&batch, codecs[c], RC_BATCH_MAX);
            for (size_t i = 0; i < RC_BATCH_MAX; i++) {
                batch.here[i] = (patterns[p] >> i % 64 & 1) != 0;
            }
            check_batch(&batch);
        }
    }
}

static void a_key_that_is_asked_for_twice_is_answered_twice(void **state)
{
    (void)state;
    static const size_t numbers[][4] = {{1, 1, 1, 1}, {1, 2, 1, 2}, {1, 1, 2, 2}, {2, 1, 1, 2}};
    struct batch batch;
    for (size_t c = 0; c < COUNT(codecs); c++) {
        for (unsigned pattern = 0; pattern < 4 * COUNT(numbers); pattern++) {
            batch_init(&batch, codecs[c], 4);
            for (size_t i = 0; i < 4; i++) {
                size_t number = numbers[pattern / 4][i];
                set_key(&batch, i, number);
                batch.here[i] = (pattern >> (number - 1) & 1) != 0;
            }
            check_batch(&batch);
        }
    }
}

/* But in meta, where the last key's reply proves the others'. */
static void values_of_the_cap_are_taken_one_at_a_time(void **state)
{
    (void)state;
    struct batch batch;
    unsigned char *large = calloc(1, TEST_MAX_VALUE_BYTES);
    assert_non_null(large);
    for (size_t c = 1; c < COUNT(codecs); c++) {
        batch_init(&batch, codecs[c], 2);
        batch.values[0] = rc_slice(large, TEST_MAX_VALUE_BYTES);
        batch.values[1] = batch.values[0];
        struct rc_buf replies = replies_to(&batch);
        struct taking taking = taking_of(&batch, rc_slice(replies.data, replies.len));
        take_arrived(&taking, 40);
        size_t first = taking.decoder.need;
        assert_in_range(first, TEST_MAX_VALUE_BYTES, TEST_MAX_VALUE_BYTES + 40);
        take_arrived(&taking, first - 1);
        assert_int_equal(taking.answered, 0);
        take_arrived(&taking, first);
        assert_int_equal(taking.answered, 1);
        assert_int_equal(taking.offset, first);
        take_arrived(&taking, first + 40);
        assert_int_equal(taking.decoder.need, replies.len - first);
        take_arrived(&taking, replies.len - 1);
        assert_int_equal(taking.answered, 1);
        take_arrived(&taking, replies.len);
        assert_complete(&taking);
        rc_buf_deinit(&replies);
    }
    free(large);
}

/* The replies with up to three of them lost, said twice, or exchanged with others. */
static struct rc_buf displaced_replies_to(const struct batch *batch, uint32_t *seed)
{
    size_t order[RC_BATCH_MAX];
    struct rc_buf out = {0};
    for (size_t i = 0; i < batch->count; i++) {
        order[i] = i;
    }
    for (uint32_t changes = next_random(seed) % 3; changes < 3; changes++) {
        size_t to = next_random(seed) % batch->count, from = next_random(seed) % batch->count;
        size_t moved = order[to];
        order[to] = order[from];
        order[from] = next_random(seed) % 2 == 0 ? moved : NOT_DUE;
    }
    bool ends = batch->codec != &rc_codec_meta;
    append_start(batch, &out);
    for (size_t i = 0; i < batch->count; i++) {
        if (order[i] != NOT_DUE) {
            append_reply(batch, order[i], &out);
            ends = ends || order[i] == batch->count - 1;
        }
    }
    append_end(batch, &out);
    append_text(&out, ends ? "" : "END\r\nEN O00000001\r\n");
    return out;
}

static void no_displaced_value_of_memcached_is_taken_for_another_keys(void **state)
{
    (void)state;
    enum { ROUNDS = 4000 };
    uint32_t seed = 2463534242;
    size_t refused = 0, delivered = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct batch batch;
        batch_init(&batch, codecs[round % 2], 2 + next_random(&seed) % 15);
        struct rc_buf replies = displaced_replies_to(&batch, &seed);
        struct taking taking = taking_of(&batch, rc_slice(replies.data, replies.len));
        struct rc_answer answer;
        enum rc_decoded got = RC_DECODED_ONE;
        while (got == RC_DECODED_ONE && taking.answered < batch.count) {
            got = take_one(&taking, replies.len, &answer); /* asserts whose value it is */
            delivered += got == RC_DECODED_ONE && answer.status == RINGCACHE_OK;
        }
        assert_true(got != RC_DECODED_MORE);
        /* behind the proof, what is left over is no reply to anything */
        bool proven = batch.codec == &rc_codec_meta && taking.answered == batch.count;
        assert_true(got == RC_DECODED_BAD || proven || taking.offset == replies.len);
        refused += got == RC_DECODED_BAD;
        rc_buf_deinit(&replies);
    }
    assert_in_range(refused, ROUNDS / 4, ROUNDS - 1);
    assert_true(delivered > ROUNDS);
}

static void a_key_asked_for_twice_and_there_but_once_is_delivered_once(void **state)
{
    (void)state;
    for (size_t absent = 0; absent < 3; absent += 2) {
        struct batch batch;
        batch_init(&batch, &rc_codec_classic, 3);
        set_key(&batch, 2, 0);
        batch.here[absent] = false; /* stored, or deleted, between the server's two looks */
        struct rc_buf replies = replies_to(&batch);
        struct taking taking = taking_of(&batch, rc_slice(replies.data, replies.len));
        unsigned hits = 0;
        while (taking.answered < batch.count) {
            struct rc_answer answer;
            size_t i = taking.answered;
            assert_int_equal(take_one(&taking, replies.len, &answer), RC_DECODED_ONE);
            hits += i != 1 && answer.status == RINGCACHE_OK;
        }
        assert_complete(&taking);
        assert_int_equal(hits, 1);
        rc_buf_deinit(&replies);
    }
}

static void commands_that_ask_for_two_keys_are_encoded_to_the_byte(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "get ns:key0\r\nmg ns:key1 v f O7fffffe1\r\n",
        "get ns:key0 ns:key1\r\n",
        "*3\r\n$4\r\nMGET\r\n$7\r\nns:key0\r\n$7\r\nns:key1\r\n",
    };
    struct batch batch;
    for (size_t c = 0; c < COUNT(codecs); c++) {
        struct rc_buf out = {0};
        batch_init(&batch, codecs[c], 2);
        append_text(&out, "before");
        assert_int_equal(batch_encode(codecs[c], &out, batch.commands, 2, false), 0);
        assert_int_equal(out.len, 6 + strlen(expected[c]));
        assert_memory_equal(out.data, "before", 6);
        assert_memory_equal(out.data + 6, expected[c], strlen(expected[c]));
        rc_buf_deinit(&out);
    }
}

static void commands_that_want_tokens_say_so(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "gets ns:key0\r\nmg ns:key1 v f c O7fffffe1\r\n",
        "gets ns:key0 ns:key1\r\n",
    };
    struct batch batch;
    for (size_t c = 0; c < COUNT(expected); c++) {
        struct rc_buf out = {0};
        batch_init(&batch, codecs[c], 2);
        assert_int_equal(batch_encode(codecs[c], &out, batch.commands, 2, true), 0);
        assert_int_equal(out.len, strlen(expected[c]));
        assert_memory_equal(out.data, expected[c], out.len);
        size_t bound = codecs[c]->bound(&batch.commands[0]) + codecs[c]->bound(&batch.commands[1]);
        assert_true(out.len <= bound);
        rc_buf_deinit(&out);
    }
}

static struct rc_buf expected_gets(const struct batch *batch)
{
    struct rc_buf out = {0};
    bool resp = batch->codec == &rc_codec_resp;
    append_text(&out, resp ? "*256\r\n$4\r\nMGET\r\n" : "get");
    for (size_t i = 0; i < batch->count; i++) {
        char text[64];
        const char *key = batch->keys[i];
        if (is_proof(batch, i)) {
            snprintf(text, sizeof text, "\r\nmg ns:%s v f O%08x", key,
                (unsigned)batch->commands[i].token);
        } else if (resp) {
            snprintf(text, sizeof text, "$%zu\r\nns:%s\r\n", strlen(key) + 3, key);
        } else {
            snprintf(text, sizeof text, " ns:%s", key);
        }
        append_text(&out, text);
    }
    append_text(&out, resp ? "" : "\r\n");
    return out;
}

static void commands_that_ask_for_as_many_keys_as_may_be_are_encoded_to_the_byte(void **state)
{
    (void)state;
    struct batch batch;
    for (size_t c = 0; c < COUNT(codecs); c++) {
        batch_init(&batch, codecs[c], RC_BATCH_MAX);
        struct rc_buf out = {0}, expected = expected_gets(&batch);
        assert_int_equal(batch_encode(codecs[c], &out, batch.commands, RC_BATCH_MAX, false), 0);
        assert_int_equal(out.len, expected.len);
        assert_memory_equal(out.data, expected.data, out.len);
        rc_buf_deinit(&out);
        rc_buf_deinit(&expected);
    }
}

static void the_longest_keys_stay_within_the_sum_of_their_bounds(void **state)
{
    (void)state;
    static unsigned char key[65536];
    memset(key, 'k', sizeof key);
    for (size_t c = 0; c < COUNT(codecs); c++) {
        struct rc_command commands[RC_BATCH_MAX] = {0};
        struct rc_buf out = {0};
        size_t bound = 0;
        for (size_t i = 0; i < RC_BATCH_MAX; i++) {
            commands[i].key = rc_slice(key, codecs[c]->max_key_bytes);
            commands[i].token = UINT64_MAX - RC_BATCH_MAX + i;
            bound += codecs[c]->bound(&commands[i]);
        }
        assert_int_equal(batch_encode(codecs[c], &out, commands, RC_BATCH_MAX, false), 0);
        assert_in_range(out.len, RC_BATCH_MAX * codecs[c]->max_key_bytes, bound);
        rc_buf_deinit(&out);
    }
}

static void room_is_made_for_all_of_a_batch_when_one_byte_is_missing(void **state)
{
    (void)state;
    struct batch batch;
    for (size_t c = 0; c < COUNT(codecs); c++) {
        batch_init(&batch, codecs[c], RC_BATCH_MAX);
        struct rc_buf out = {0}, expected = expected_gets(&batch);
        assert_int_equal(rc_buf_reserve(&out, expected.len), 0);
        size_t before = rc_buf_room(&out) - (expected.len - 1);
        memset(rc_buf_end(&out), 'x', before);
        rc_buf_commit(&out, before);
        assert_int_equal(batch_encode(codecs[c], &out, batch.commands, RC_BATCH_MAX, false), 0);
        assert_int_equal(out.len, before + expected.len);
        assert_true(out.len <= out.cap);
        assert_memory_equal(out.data + before, expected.data, expected.len);
        rc_buf_deinit(&out);
        rc_buf_deinit(&expected);
    }
}

static void keys_beyond_memory_are_refused_before_a_byte_is_written(void **state)
{
    (void)state;
    static const size_t lengths[] = {SIZE_MAX / 2, SIZE_MAX - 40, SIZE_MAX};
    struct batch batch;
    for (size_t c = 0; c < COUNT(codecs); c++) {
        for (size_t i = 0; i < COUNT(lengths); i++) {
            struct rc_buf out = {0};
            batch_init(&batch, codecs[c], 3);
            batch.commands[1].key.len = lengths[i];
            append_text(&out, "before");
            assert_int_equal(
                batch_encode(codecs[c], &out, batch.commands, 3, false), RINGCACHE_ENOMEM);
            assert_int_equal(out.len, 6);
            assert_memory_equal(out.data, "before", 6);
            rc_buf_deinit(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_keys_are_told_apart_whichever_of_them_is_there),
        cmocka_unit_test(as_many_keys_as_may_be_are_told_apart_whichever_of_them_are_there),
        cmocka_unit_test(a_key_that_is_asked_for_twice_is_answered_twice),
        cmocka_unit_test(values_of_the_cap_are_taken_one_at_a_time),
        cmocka_unit_test(no_displaced_value_of_memcached_is_taken_for_another_keys),
        cmocka_unit_test(a_key_asked_for_twice_and_there_but_once_is_delivered_once),
        cmocka_unit_test(commands_that_ask_for_two_keys_are_encoded_to_the_byte),
        cmocka_unit_test(commands_that_want_tokens_say_so),
        cmocka_unit_test(commands_that_ask_for_as_many_keys_as_may_be_are_encoded_to_the_byte),
        cmocka_unit_test(the_longest_keys_stay_within_the_sum_of_their_bounds),
        cmocka_unit_test(room_is_made_for_all_of_a_batch_when_one_byte_is_missing),
        cmocka_unit_test(keys_beyond_memory_are_refused_before_a_byte_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

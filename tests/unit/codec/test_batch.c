/* SPDX-License-Identifier: MIT */
/* A batch that is opened, grows key by key, and is closed. */
#include "batch_encode.h"
#include "reply_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct rc_codec *const codecs[] = {&rc_codec_meta, &rc_codec_classic, &rc_codec_resp};

static struct rc_command get_of(const char *key, uint64_t token)
{
    return (struct rc_command){.verb = RC_VERB_GET, .token = token, .key = rc_slice_text(key)};
}

static void assert_bytes(const struct rc_buf *out, const char *bytes)
{
    assert_int_equal(out->len, strlen(bytes));
    assert_memory_equal(out->data, bytes, out->len);
}

static void extend(
    const struct rc_codec *codec, struct rc_buf *out, struct rc_batch *batch, const char *key)
{
    const struct rc_command get = get_of(key, 0x10 + batch->count);
    assert_int_equal(codec->batch_extend(out, batch, get.prefix, get.key), 0);
}

static void it_may_be_closed_after_any_number_of_keys(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "bcd", "a"};
    static const char *const bytes[][COUNT(keys)] = {
        {
            "+mg a v f O00000010\r\n",
            "+get a\r\nmg bcd v f O00000011\r\n",
            "+get a bcd\r\nmg a v f O00000012\r\n",
        },
        {"+get a\r\n", "+get a bcd\r\n", "+get a bcd a\r\n"},
        {
            "+*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
            "+*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$3\r\nbcd\r\n",
            "+*4\r\n$4\r\nMGET\r\n$1\r\na\r\n$3\r\nbcd\r\n$1\r\na\r\n",
        },
    };
    for (size_t c = 0; c < COUNT(codecs); c++) {
        for (size_t count = 1; count <= COUNT(keys); count++) {
            struct rc_buf out = {0};
            assert_int_equal(rc_buf_append(&out, "+", 1), 0);
            struct rc_batch batch = rc_batch_open(&out, 0x10, 2, false);
            for (size_t i = 0; i < count; i++) {
                extend(codecs[c], &out, &batch, keys[i]);
                assert_int_equal(batch.count, i + 1);
                assert_int_equal(rc_batch_token(&batch), 0x10 + i);
            }
            codecs[c]->batch_close(&out, &batch);
            assert_bytes(&out, bytes[c][count - 1]);
            rc_buf_deinit(&out);
        }
    }
}

static void memcached_is_asked_one_by_one_for_a_few(void **state)
{
    (void)state;
    struct rc_buf out = {0};
    struct rc_batch batch = rc_batch_open(&out, 0x10, 3, false);
    extend(&rc_codec_meta, &out, &batch, "a");
    extend(&rc_codec_meta, &out, &batch, "bcd");
    assert_false(rc_codec_meta.batch_close(&out, &batch));
    assert_bytes(&out, "mg a v f O00000010\r\nmg bcd v f O00000011\r\n");
    rc_buf_truncate(&out, 0);
    batch = rc_batch_open(&out, 0x20, 3, false);
    extend(&rc_codec_meta, &out, &batch, "a");
    extend(&rc_codec_meta, &out, &batch, "bcd");
    extend(&rc_codec_meta, &out, &batch, "ef");
    assert_true(rc_codec_meta.batch_close(&out, &batch));
    assert_bytes(&out, "get a bcd\r\nmg ef v f O00000022\r\n");
    rc_buf_deinit(&out);
}

static void memcached_is_asked_for_the_tokens_of_all_or_none(void **state)
{
    (void)state;
    static const char *const bytes[][2] = {
        {"mg a v f c O00000010\r\n", "gets a\r\nmg b v f c O00000011\r\n"},
        {"gets a\r\n", "gets a b\r\n"},
    };
    for (size_t c = 0; c < COUNT(bytes); c++) {
        for (size_t count = 1; count <= 2; count++) {
            struct rc_buf out = {0};
            struct rc_batch batch = rc_batch_open(&out, 0x10, 2, true);
            extend(codecs[c], &out, &batch, "a");
            if (count == 2) {
                extend(codecs[c], &out, &batch, "b");
            }
            codecs[c]->batch_close(&out, &batch);
            assert_bytes(&out, bytes[c][count - 1]);
            rc_buf_deinit(&out);
        }
    }
}

/* One of a single key is the plain GET. */
static void a_batch_of_one_is_what_a_get_is(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(codecs); c++) {
        const struct rc_command get = get_of("some:key", UINT64_MAX);
        struct rc_buf out = {0};
        struct rc_slice plain = encode_copy(codecs[c], &get);
        assert_int_equal(batch_encode(codecs[c], &out, &get, 1, false), 0);
        assert_int_equal(out.len, plain.len);
        assert_memory_equal(out.data, plain.data, plain.len);
        free_bytes(plain);
        rc_buf_deinit(&out);
    }
}

static void what_was_there_before_stays_and_what_comes_behind_follows(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(codecs); c++) {
        const struct rc_command gets[] = {get_of("a", 1), get_of("b", 2)};
        struct rc_buf twice = {0}, once = {0};
        assert_int_equal(batch_encode(codecs[c], &once, gets, 2, false), 0);
        assert_int_equal(batch_encode(codecs[c], &twice, gets, 2, false), 0);
        assert_int_equal(batch_encode(codecs[c], &twice, gets, 2, false), 0);
        assert_int_equal(twice.len, 2 * once.len);
        assert_memory_equal(twice.data, once.data, once.len);
        assert_memory_equal(twice.data + once.len, once.data, once.len);
        rc_buf_deinit(&once);
        rc_buf_deinit(&twice);
    }
}

/* Each key finds its room as it comes; once there is none, nothing of that key is there, and the
 * batch can be closed all the same. */
static void a_key_without_memory_leaves_the_batch_as_it_is(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(codecs); c++) {
        struct rc_command much = get_of("b", 2);
        struct rc_buf out = {0}, alone = {0};
        struct rc_batch batch = rc_batch_open(&out, 0x10, 2, false);
        const struct rc_command first = get_of("a", 0x10);
        much.key.len = SIZE_MAX / 2;
        extend(codecs[c], &out, &batch, "a");
        assert_int_equal(
            codecs[c]->batch_extend(&out, &batch, much.prefix, much.key), RINGCACHE_ENOMEM);
        codecs[c]->batch_close(&out, &batch);
        assert_int_equal(batch_encode(codecs[c], &alone, &first, 1, false), 0);
        assert_int_equal(out.len, alone.len);
        assert_memory_equal(out.data, alone.data, alone.len);
        rc_buf_deinit(&out);
        rc_buf_deinit(&alone);
    }
}

/* The room that closing takes was made before: a buffer that is filled to its last byte is not
 * outgrown. */
static void closing_needs_no_more_room(void **state)
{
    (void)state;
    static char key[251];
    memset(key, 'k', sizeof key - 1);
    for (size_t c = 0; c < COUNT(codecs); c++) {
        for (size_t before = 0; before < 64; before++) {
            struct rc_buf out = {0};
            assert_int_equal(rc_buf_reserve(&out, before), 0);
            memset(rc_buf_end(&out), 'x', before);
            rc_buf_commit(&out, before);
            struct rc_batch batch = rc_batch_open(&out, 0x10, 2, true);
            for (size_t i = 0; i < RC_BATCH_MAX; i++) {
                extend(codecs[c], &out, &batch, key);
            }
            const unsigned char *base = out.base;
            codecs[c]->batch_close(&out, &batch);
            assert_ptr_equal(out.base, base);
            assert_true(out.len <= out.cap);
            rc_buf_deinit(&out);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_may_be_closed_after_any_number_of_keys),
        cmocka_unit_test(memcached_is_asked_one_by_one_for_a_few),
        cmocka_unit_test(memcached_is_asked_for_the_tokens_of_all_or_none),
        cmocka_unit_test(a_batch_of_one_is_what_a_get_is),
        cmocka_unit_test(what_was_there_before_stays_and_what_comes_behind_follows),
        cmocka_unit_test(a_key_without_memory_leaves_the_batch_as_it_is),
        cmocka_unit_test(closing_needs_no_more_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

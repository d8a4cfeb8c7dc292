/* SPDX-License-Identifier: MIT */
#include "reply_check.h"

#include <stdlib.h>
#include <string.h>

static struct rc_decoder new_decoder(void)
{
    return (struct rc_decoder){.limits.max_value_bytes = TEST_MAX_VALUE_BYTES};
}

struct rc_slice copy_bytes(struct rc_slice bytes)
{
    unsigned char *copy = malloc(bytes.len > 0 ? bytes.len : 1);
    assert_non_null(copy);
    if (bytes.len > 0) {
        memcpy(copy, bytes.data, bytes.len);
    }
    return rc_slice(copy, bytes.len);
}

void free_bytes(struct rc_slice bytes)
{
    free((void *)(uintptr_t)bytes.data);
}

uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void assert_slice_equal(struct rc_slice got, struct rc_slice wanted)
{
    assert_int_equal(got.len, wanted.len);
    if (wanted.len > 0) {
        assert_memory_equal(got.data, wanted.data, wanted.len);
    }
}

static void assert_inside(struct rc_slice part, struct rc_slice whole)
{
    if (part.len > 0) {
        assert_true(part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
    }
}

void assert_answer(
    const struct rc_answer *got, const struct rc_answer *wanted, struct rc_slice input)
{
    assert_int_equal(got->status, wanted->status);
    assert_int_equal(got->refusal, wanted->refusal);
    assert_slice_equal(got->value, wanted->value);
    assert_slice_equal(got->message, wanted->message);
    assert_inside(got->value, input);
    if (got->status < 0) {
        assert_inside(got->message, input); /* any other has words of our own */
    }
    assert_int_equal(got->flags, wanted->flags);
    assert_int_equal(got->number, wanted->number);
    assert_int_equal(got->marks, wanted->marks);
    assert_int_equal(got->close, wanted->close);
    assert_int_equal(got->all, wanted->all);
    assert_int_equal(got->again, wanted->again);
    assert_int_equal(got->more, wanted->more);
    assert_int_equal(got->cas, wanted->cas);
    assert_int_equal(got->ttl_ms, wanted->ttl_ms);
}

enum rc_decoded decode_copy(const struct rc_codec *codec, struct rc_decoder *decoder,
    struct rc_slice bytes, const struct reply_case *expected)
{
    struct rc_slice input = copy_bytes(bytes);
    struct rc_answer answer;
    size_t consumed = 0;
    enum rc_decoded got = codec->decode(decoder, input, &expected->expect, &answer, &consumed);
    if (got == RC_DECODED_ONE) {
        assert_null(expected->bad);
        assert_int_equal(consumed, expected->left ? 0 : expected->bytes.len);
        assert_answer(&answer, &expected->answer, input);
    } else if (got == RC_DECODED_BAD) {
        assert_int_equal(answer.status, RINGCACHE_EPROTOCOL);
        assert_true(answer.message.len > 0);
        if (expected->bad != NULL) {
            assert_slice_equal(answer.message, rc_slice_text(expected->bad));
        }
    } else {
        assert_true(decoder->need > bytes.len);
    }
    if (got != RC_DECODED_MORE) {
        assert_int_equal(decoder->need, 0);
    }
    free_bytes(input);
    return got;
}

static void check_followed_by_another(const struct rc_codec *codec, const struct reply_case *reply)
{
    size_t len = reply->bytes.len;
    unsigned char *twice = malloc(2 * len);
    assert_non_null(twice);
    memcpy(twice, reply->bytes.data, len);
    memcpy(twice + len, reply->bytes.data, len);
    for (size_t more = 0; more <= len; more++) {
        struct rc_decoder decoder = new_decoder();
        enum rc_decoded got = decode_copy(codec, &decoder, rc_slice(twice, len + more), reply);
        assert_int_equal(got, RC_DECODED_ONE);
    }
    free(twice);
}

static void check_cut_in_two(const struct rc_codec *codec, const struct reply_case *reply)
{
    for (size_t cut = 0; cut < reply->bytes.len; cut++) {
        struct rc_decoder decoder = new_decoder();
        struct rc_slice part = rc_slice(reply->bytes.data, cut);
        assert_int_equal(decode_copy(codec, &decoder, part, reply), RC_DECODED_MORE);
        assert_true(decoder.need <= reply->bytes.len);
        assert_int_equal(decode_copy(codec, &decoder, reply->bytes, reply), RC_DECODED_ONE);
    }
}

static void check_bytewise(const struct rc_codec *codec, const struct reply_case *reply)
{
    struct rc_decoder decoder = new_decoder();
    for (size_t len = 0; len < reply->bytes.len; len++) {
        struct rc_slice part = rc_slice(reply->bytes.data, len);
        assert_int_equal(decode_copy(codec, &decoder, part, reply), RC_DECODED_MORE);
        assert_true(decoder.need <= reply->bytes.len);
    }
    assert_int_equal(decode_copy(codec, &decoder, reply->bytes, reply), RC_DECODED_ONE);
}

void check_reply(const struct rc_codec *codec, const struct reply_case *reply)
{
    check_followed_by_another(codec, reply);
    check_cut_in_two(codec, reply);
    check_bytewise(codec, reply);
}

void check_refusal(const struct rc_codec *codec, const struct reply_case *reply)
{
    struct rc_decoder stream = new_decoder();
    for (size_t cut = 0; cut <= reply->bytes.len; cut++) {
        struct rc_slice part = rc_slice(reply->bytes.data, cut);
        struct rc_decoder decoder = new_decoder();
        enum rc_decoded got = decode_copy(codec, &decoder, part, reply);
        assert_true(got != RC_DECODED_ONE);
        if (decode_copy(codec, &stream, part, reply) == RC_DECODED_BAD) {
            assert_int_equal(got, RC_DECODED_BAD);
            return;
        }
    }
    fail_msg("not refused: %.*s", (int)reply->bytes.len, (const char *)reply->bytes.data);
}

size_t mutate_bytes(unsigned char *bytes, size_t len, uint32_t *seed)
{
    size_t at = next_random(seed) % len;
    switch (next_random(seed) % 4) {
    case 0:
        bytes[at] = (unsigned char)next_random(seed);
        return len;
    case 1:
        memmove(bytes + at, bytes + at + 1, len - at - 1);
        return len > 1 ? len - 1 : len;
    case 2:
        memmove(bytes + at + 1, bytes + at, len - at);
        return len + 1;
    default:
        memmove(bytes + at + 1, bytes + at, len - at);
        bytes[at] = (unsigned char)"0123456789\r\n \0$-+:*OkVfE"[next_random(seed) % 24];
        return len + 1;
    }
}

void check_mutations(const struct rc_codec *codec, struct rc_slice bytes,
    const struct rc_expect *stranger, unsigned rounds)
{
    enum { CHANGES_MAX = 4, LEN_MAX = 256 };
    unsigned char mutant[LEN_MAX + CHANGES_MAX];
    uint32_t seed = 2463534242;
    assert_in_range(bytes.len, 1, LEN_MAX);
    for (unsigned round = 0; round < rounds; round++) {
        size_t len = bytes.len;
        memcpy(mutant, bytes.data, len);
        for (uint32_t changes = next_random(&seed) % (CHANGES_MAX + 1); changes > 0; changes--) {
            len = mutate_bytes(mutant, len, &seed);
        }
        struct rc_slice input = copy_bytes(rc_slice(mutant, len));
        struct rc_decoder decoder = new_decoder();
        struct rc_answer answer = {0};
        size_t consumed = 0;
        enum rc_decoded got = codec->decode(&decoder, input, stranger, &answer, &consumed);
        bool passed_on = stranger->due > 1 && answer.status == RINGCACHE_MISS && consumed == 0;
        assert_true(got != RC_DECODED_ONE || passed_on);
        free_bytes(input);
    }
}

struct rc_slice encode_copy(const struct rc_codec *codec, const struct rc_command *command)
{
    struct rc_buf out = {0};
    assert_int_equal(rc_buf_append(&out, "before", 6), 0);
    assert_int_equal(codec->encode(&out, command), 0);
    assert_memory_equal(out.data, "before", 6);
    assert_true(out.len - 6 <= codec->bound(command));
    struct rc_slice copy = copy_bytes(rc_slice(out.data + 6, out.len - 6));
    rc_buf_deinit(&out);
    return copy;
}

void check_encoding(
    const struct rc_codec *codec, const struct rc_command *command, struct rc_slice bytes)
{
    struct rc_slice got = encode_copy(codec, command);
    assert_slice_equal(got, bytes);
    free_bytes(got);
}

void check_unsupported(const struct rc_codec *codec, const struct rc_command *command)
{
    struct rc_buf out = {0};
    assert_int_equal(codec->encode(&out, command), RINGCACHE_ENOTSUP);
    assert_int_equal(out.len, 0);
    rc_buf_deinit(&out);
}

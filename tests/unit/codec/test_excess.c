/* SPDX-License-Identifier: MIT */
/* Values longer than max_value_bytes: taken out of the input as they come, told of their own key,
 * and the replies behind them as if nothing had been. */
#include "reply_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 10, LONG = 1000, STREAM_MAX = 4096 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TOKEN 0x1234abcdU
#define ECHOED "$16\r\n000000001234abcd\r\n"

/* A reply is `head`, LONG bytes, `tail`; as often as it is due, with what is still due. */
static const struct shape {
    const struct rc_codec *codec;
    const char *head, *tail;
    struct rc_expect expect;
} shapes[] = {
    {&rc_codec_meta, "VA 1000 f7 O1234abcd\r\n", "\r\n", {.token = TOKEN}},
    {&rc_codec_meta, "VA 1000 f7 O1234abcd kk\r\n", "\r\n",
        {.token = TOKEN, .strict = true, .key = BYTES("k")}},
    {&rc_codec_meta, "VA 1000 f7 c3 t5 O1234abcd\r\n", "\r\n",
        {.token = TOKEN, .verb = RC_VERB_GET_AND_TOUCH, .want_cas = true, .want_ttl = true}},
    {&rc_codec_meta, "VA 1000 f7 c3 O1234abcd W X\r\n", "\r\n",
        {.token = TOKEN, .verb = RC_VERB_LEASE, .want_cas = true}},
    {&rc_codec_meta, "VA 1000 f7 O1234abcd\r\n", "\r\n", {.token = TOKEN, .due = 1}},
    {&rc_codec_classic, "VALUE k 7 1000\r\n", "\r\nEND\r\n", {.key = BYTES("k")}},
    {&rc_codec_classic, "VALUE k 7 1000 3\r\n", "\r\nEND\r\n",
        {.key = BYTES("k"), .verb = RC_VERB_GET_AND_TOUCH, .want_cas = true}},
    {&rc_codec_classic, "VALUE k 7 1000\r\n", "\r\n", {.key = BYTES("k"), .due = 2, .first = true}},
    {&rc_codec_resp, "$1000\r\n", "\r\n", {.verb = RC_VERB_GET}},
    {&rc_codec_resp, "$1000\r\n", "\r\n" ECHOED, {.token = TOKEN, .strict = true}},
    {&rc_codec_resp, "*3\r\n$1000\r\n", "\r\n$16\r\n0123456789abcdef\r\n:5\r\n",
        {.want_cas = true, .want_ttl = true}},
    {&rc_codec_resp, "*3\r\n$1000\r\n", "\r\n$16\r\n0123456789abcdef\r\n:1\r\n",
        {.verb = RC_VERB_LEASE, .want_cas = true}},
    {&rc_codec_resp, "*2\r\n$1000\r\n", "\r\n", {.due = 2, .first = true}},
    {&rc_codec_resp, "$1000\r\n", "\r\n", {.due = 1}},
};

/* What a connection does with its input. */
struct feed {
    struct rc_decoder decoder;
    unsigned char input[STREAM_MAX];
    size_t len;
    size_t most; /* bytes of input kept at a time */
    struct rc_answer answer;
    size_t consumed;
};

static void take_out(struct feed *f)
{
    struct rc_excess *excess = &f->decoder.excess;
    if (excess->left == 0) {
        return;
    }
    assert_true(excess->at <= f->len);
    size_t came = f->len - excess->at;
    size_t n = came < excess->left ? came : excess->left;
    memmove(f->input + excess->at, f->input + excess->at + n, came - n);
    f->len -= n;
    excess->left -= n;
}

static enum rc_decoded feed(
    struct feed *f, const struct shape *shape, const void *bytes, size_t len)
{
    assert_true(f->len + len <= sizeof f->input);
    memcpy(f->input + f->len, bytes, len);
    f->len += len;
    enum rc_decoded got = RC_DECODED_MORE;
    bool again = true;
    while (again) {
        take_out(f);
        if (f->decoder.excess.left > 0 || f->len < f->decoder.need) {
            break;
        }
        struct rc_slice input = copy_bytes(rc_slice(f->input, f->len));
        got = shape->codec->decode(&f->decoder, input, &shape->expect, &f->answer, &f->consumed);
        free_bytes(input);
        again = got == RC_DECODED_MORE && f->decoder.excess.left > 0;
    }
    f->most = f->len > f->most ? f->len : f->most;
    return got;
}

static struct rc_slice reply_of(const struct shape *shape)
{
    static unsigned char bytes[STREAM_MAX];
    size_t head = strlen(shape->head), tail = strlen(shape->tail);
    memcpy(bytes, shape->head, head);
    memset(bytes + head, '$', LONG); /* what looks like a reply inside is none */
    memcpy(bytes + head + LONG, shape->tail, tail);
    return rc_slice(bytes, head + LONG + tail);
}

static struct feed new_feed(void)
{
    return (struct feed){.decoder.limits.max_value_bytes = LIMIT};
}

static void assert_too_long(const struct feed *f, const struct shape *shape)
{
    assert_int_equal(f->answer.status, RINGCACHE_ETOOBIG);
    assert_int_equal(f->answer.value.len, 0);
    assert_true(f->answer.message.len > 0);
    assert_false(f->answer.close);
    assert_false(f->answer.all);
    assert_int_equal(f->consumed, strlen(shape->head) + strlen(shape->tail));
    assert_false(f->decoder.excess.found);
    assert_int_equal(f->decoder.need, 0);
}

static void a_long_value_is_told_of_its_key_at_every_split(void **state)
{
    (void)state;
    for (const struct shape *shape = shapes; shape < shapes + COUNT(shapes); shape++) {
        struct rc_slice reply = reply_of(shape);
        for (size_t cut = 0; cut < reply.len; cut++) {
            struct feed f = new_feed();
            assert_int_equal(feed(&f, shape, reply.data, cut), RC_DECODED_MORE);
            assert_int_equal(feed(&f, shape, reply.data + cut, reply.len - cut), RC_DECODED_ONE);
            assert_too_long(&f, shape);
        }
    }
}

static void byte_by_byte_nothing_of_it_is_kept(void **state)
{
    (void)state;
    for (const struct shape *shape = shapes; shape < shapes + COUNT(shapes); shape++) {
        struct rc_slice reply = reply_of(shape);
        struct feed f = new_feed();
        for (size_t i = 0; i + 1 < reply.len; i++) {
            assert_int_equal(feed(&f, shape, reply.data + i, 1), RC_DECODED_MORE);
        }
        assert_int_equal(feed(&f, shape, reply.data + reply.len - 1, 1), RC_DECODED_ONE);
        assert_too_long(&f, shape);
        assert_true(f.most <= strlen(shape->head) + strlen(shape->tail));
    }
}

static void what_follows_stays_in_the_input(void **state)
{
    (void)state;
    for (const struct shape *shape = shapes; shape < shapes + COUNT(shapes); shape++) {
        struct rc_slice reply = reply_of(shape);
        struct feed f = new_feed();
        unsigned char twice[STREAM_MAX];
        memcpy(twice, reply.data, reply.len);
        memcpy(twice + reply.len, reply.data, reply.len);
        assert_int_equal(feed(&f, shape, twice, 2 * reply.len), RC_DECODED_ONE);
        assert_too_long(&f, shape);
        assert_int_equal(f.len, f.consumed + reply.len);
        assert_memory_equal(f.input + f.consumed, reply.data, reply.len);
    }
}

static void a_value_of_the_bound_is_kept(void **state)
{
    (void)state;
    static const char kept[] = "$10\r\n0123456789\r\n", above[] = "$11\r\n01234567890\r\n";
    const struct shape *shape = &shapes[8];
    struct feed f = new_feed();
    assert_int_equal(feed(&f, shape, kept, sizeof kept - 1), RC_DECODED_ONE);
    assert_int_equal(f.answer.status, RINGCACHE_OK);
    f = new_feed();
    assert_int_equal(feed(&f, shape, above, sizeof above - 1), RC_DECODED_ONE);
    assert_int_equal(f.answer.status, RINGCACHE_ETOOBIG);
}

/* Its end, and with `strict` its token, are where they have to be, or the stream is broken. */
static void the_end_of_a_long_value_is_checked(void **state)
{
    (void)state;
    for (const struct shape *shape = shapes; shape < shapes + COUNT(shapes); shape++) {
        struct rc_slice reply = reply_of(shape);
        struct feed f = new_feed();
        size_t end = strlen(shape->head) + LONG;
        assert_int_equal(feed(&f, shape, reply.data, end), RC_DECODED_MORE);
        unsigned char wrong[STREAM_MAX];
        memset(wrong, 'x', sizeof wrong);
        assert_int_equal(feed(&f, shape, wrong, reply.len - end), RC_DECODED_BAD);
    }
}

static void a_long_value_of_another_command_is_no_ones(void **state)
{
    (void)state;
    for (const struct shape *shape = shapes; shape < shapes + COUNT(shapes); shape++) {
        struct shape other = *shape;
        bool told = other.expect.token != 0 || other.expect.key.len > 0;
        other.expect.token += 5;
        other.expect.key = rc_slice("j", 1);
        struct rc_slice reply = reply_of(shape);
        struct feed f = new_feed();
        enum rc_decoded got = feed(&f, &other, reply.data, reply.len);
        bool passed_on = other.expect.due > 1 && got == RC_DECODED_ONE &&
                         f.answer.status == RINGCACHE_MISS && f.consumed == 0;
        assert_true(!told || got == RC_DECODED_BAD || passed_on);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_value_is_told_of_its_key_at_every_split),
        cmocka_unit_test(byte_by_byte_nothing_of_it_is_kept),
        cmocka_unit_test(what_follows_stays_in_the_input),
        cmocka_unit_test(a_value_of_the_bound_is_kept),
        cmocka_unit_test(the_end_of_a_long_value_is_checked),
        cmocka_unit_test(a_long_value_of_another_command_is_no_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

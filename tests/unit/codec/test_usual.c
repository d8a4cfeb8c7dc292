/* SPDX-License-Identifier: MIT */
/* The replies that are recognised at one look are what the readers of every reply take them for:
 * the same bytes are looked at and decoded. */
#include <stdlib.h>
#include <string.h>

#include "base/key_run.h"
#include "codec/usual.h"
#include "reply_check.h"

enum { TOKEN = 0x00c0ffee, ROUNDS = 20000, LEN_MAX = 256 };

static unsigned recognised;

static struct rc_decoder fresh_decoder(void)
{
    return (struct rc_decoder){.limits.max_value_bytes = 100};
}

/* What is understood at one look is what `decode` takes it for. */
static void assert_alike(
    const struct rc_codec *codec, struct rc_slice bytes, const struct rc_expect *expect)
{
    struct rc_slice input = copy_bytes(bytes);
    struct rc_decoder looking = fresh_decoder(), decoding = fresh_decoder();
    const struct rc_asked asked = {
        .verb = expect->verb, .due = expect->due, .first = expect->first, .token = expect->token};
    struct rc_usual usual;
    if (codec->usual(&looking, input, &asked, &usual)) {
        recognised++;
        struct rc_answer answer = {0};
        size_t consumed = 0;
        assert_int_equal(
            codec->decode(&decoding, input, expect, &answer, &consumed), RC_DECODED_ONE);
        const struct rc_answer looked = {
            .status = usual.status, .flags = usual.flags, .value = usual.value};
        assert_int_equal(usual.len, consumed);
        assert_answer(&looked, &answer, input);
    }
    free_bytes(input);
}

static void check_alike(const struct rc_codec *codec, enum rc_verb verb, struct rc_slice usual)
{
    const struct rc_expect expect = {.verb = verb, .token = TOKEN};
    unsigned before = recognised;
    assert_alike(codec, usual, &expect);
    assert_int_equal(recognised, before + 1);
    uint32_t seed = 88675123;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned char mutant[LEN_MAX];
        size_t len = usual.len;
        memcpy(mutant, usual.data, len);
        for (uint32_t changes = 1 + next_random(&seed) % 3; changes > 0; changes--) {
            len = mutate_bytes(mutant, len, &seed);
        }
        assert_alike(codec, rc_slice(mutant, len), &expect);
    }
}

static void the_usual_replies_of_memcached_are_what_they_seem(void **state)
{
    (void)state;
    static const struct {
        enum rc_verb verb;
        const char *reply;
    } cases[] = {
        {RC_VERB_GET, "VA 5 f0 O00c0ffee\r\nhello\r\n"},
        {RC_VERB_GET, "VA 0 f4294967 O00c0ffee\r\n\r\n"},
        {RC_VERB_GET, "VA 20 f7 O00c0ffee\r\n01234567890123456789\r\n"},
        {RC_VERB_GET, "EN O00c0ffee\r\n"},
        {RC_VERB_SET, "HD O00c0ffee\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_alike(&rc_codec_meta, cases[i].verb, rc_slice_text(cases[i].reply));
    }
}

static void the_usual_replies_of_redis_are_what_they_seem(void **state)
{
    (void)state;
    static const struct {
        enum rc_verb verb;
        const char *reply;
    } cases[] = {
        {RC_VERB_GET, "$5\r\nhello\r\n"},
        {RC_VERB_GET, "$0\r\n\r\n"},
        {RC_VERB_GET, "$20\r\n01234567890123456789\r\n"},
        {RC_VERB_GET, "$-1\r\n"},
        {RC_VERB_SET, "+OK\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_alike(&rc_codec_resp, cases[i].verb, rc_slice_text(cases[i].reply));
    }
}

/* ---- batches ---- */

enum { KEYS = 4, KEY_BYTES = sizeof(uint32_t) + 1 };

/* The keys a, b, c and d, as they are remembered. */
static void make_keys(unsigned char run[KEYS * KEY_BYTES])
{
    static const unsigned char names[] = "abcd";
    unsigned char *at = run;
    for (size_t i = 0; i < KEYS; i++) {
        at = rc_key_run_put(at, rc_slice(NULL, 0), rc_slice(&names[i], 1));
    }
}

/* The answers to a batch, as far as they could be understood. */
struct told {
    enum rc_decoded got;
    struct rc_answer answers[KEYS];
    size_t count, consumed;
};

static bool look(const struct rc_codec *codec, struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *len)
{
    const struct rc_asked asked = {
        .verb = RC_VERB_GET, .due = expect->due, .first = expect->first, .token = expect->token};
    struct rc_usual usual;
    if (!codec->usual(decoder, input, &asked, &usual)) {
        return false;
    }
    recognised++;
    *answer =
        (struct rc_answer){.status = usual.status, .flags = usual.flags, .value = usual.value};
    *len = usual.len;
    return true;
}

static struct told decode_batch(const struct rc_codec *codec, struct rc_slice input, bool looks)
{
    struct rc_decoder decoder = fresh_decoder();
    struct told told = {.got = RC_DECODED_ONE};
    unsigned char run[KEYS * KEY_BYTES];
    make_keys(run);
    while (told.got == RC_DECODED_ONE && told.count < KEYS) {
        uint32_t i = (uint32_t)told.count;
        const struct rc_expect expect = {
            .verb = RC_VERB_GET,
            .token = TOKEN + i,
            .due = KEYS - i,
            .first = i == 0,
            .keys = run + i * KEY_BYTES,
        };
        struct rc_slice rest = rc_slice(input.data + told.consumed, input.len - told.consumed);
        size_t len = 0;
        if (!looks || !look(codec, &decoder, rest, &expect, &told.answers[i], &len)) {
            told.got = codec->decode(&decoder, rest, &expect, &told.answers[i], &len);
        }
        told.count += told.got == RC_DECODED_ONE;
        told.consumed += told.got == RC_DECODED_ONE ? len : 0;
        if (told.answers[i].all || told.answers[i].again) {
            break;
        }
    }
    return told;
}

static void assert_batches_alike(const struct rc_codec *codec, struct rc_slice bytes)
{
    struct rc_slice input = copy_bytes(bytes);
    const struct told with = decode_batch(codec, input, true);
    const struct told without = decode_batch(codec, input, false);
    assert_int_equal(with.got, without.got);
    assert_int_equal(with.count, without.count);
    assert_int_equal(with.consumed, without.consumed);
    for (size_t i = 0; i < with.count; i++) {
        assert_answer(&with.answers[i], &without.answers[i], input);
    }
    free_bytes(input);
}

static void check_batch(const struct rc_codec *codec, struct rc_slice usual, unsigned looked_at)
{
    unsigned before = recognised;
    assert_batches_alike(codec, usual);
    assert_int_equal(recognised, before + looked_at);
    uint32_t seed = 521288629;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned char mutant[LEN_MAX];
        size_t len = usual.len;
        memcpy(mutant, usual.data, len);
        for (uint32_t changes = next_random(&seed) % 3; changes > 0; changes--) {
            len = mutate_bytes(mutant, len, &seed);
        }
        assert_batches_alike(codec, rc_slice(mutant, len));
    }
}

/* The first of them takes the closer look that proves them all. */
static void a_batch_of_memcached_is_what_it_seems(void **state)
{
    (void)state;
    check_batch(&rc_codec_meta,
        rc_slice_text("VALUE a 0 5\r\nhello\r\nVALUE b 77 1\r\nx\r\nVALUE c 0 3\r\nend\r\n"
                      "END\r\nVA 2 f0 O00c0fff1\r\nhi\r\n"),
        KEYS - 1);
    check_batch(
        &rc_codec_meta, rc_slice_text("VALUE b 0 5\r\nhello\r\nEND\r\nEN O00c0fff1\r\n"), KEYS - 1);
    check_batch(&rc_codec_meta, rc_slice_text("END\r\nEN O00c0fff1\r\n"), KEYS - 1);
    check_batch(&rc_codec_meta, rc_slice_text("VALUE c 0 0\r\n\r\nEND\r\nEN O00c0fff1\r\n"), 1);
}

static void a_batch_of_redis_is_what_it_seems(void **state)
{
    (void)state;
    check_batch(&rc_codec_resp,
        rc_slice_text("*4\r\n$5\r\nhello\r\n$-1\r\n$0\r\n\r\n$10\r\n0123456789\r\n"), KEYS);
    check_batch(&rc_codec_resp, rc_slice_text("*4\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n"), KEYS);
}

/* The reply to another command, or what cannot be told yet. */
static void what_needs_a_closer_look_gets_it(void **state)
{
    (void)state;
    static const struct rc_expect expectations[] = {
        {.verb = RC_VERB_GET, .token = TOKEN, .due = 2, .first = true},
        {.verb = RC_VERB_GET, .token = TOKEN + 1},
        {.verb = RC_VERB_DELETE, .token = TOKEN},
        {.verb = RC_VERB_SET, .token = TOKEN},
    };
    for (size_t i = 0; i < sizeof expectations / sizeof *expectations; i++) {
        unsigned before = recognised;
        assert_alike(
            &rc_codec_meta, rc_slice_text("VA 5 f0 O00c0ffee\r\nhello\r\n"), &expectations[i]);
        assert_alike(&rc_codec_meta, rc_slice_text("EN O00c0ffee\r\n"), &expectations[i]);
        assert_int_equal(recognised, before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_replies_of_memcached_are_what_they_seem),
        cmocka_unit_test(the_usual_replies_of_redis_are_what_they_seem),
        cmocka_unit_test(a_batch_of_memcached_is_what_it_seems),
        cmocka_unit_test(a_batch_of_redis_is_what_it_seems),
        cmocka_unit_test(what_needs_a_closer_look_gets_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

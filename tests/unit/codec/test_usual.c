/* SPDX-License-Identifier: MIT */
/* The replies that are recognised at one look are what the readers of every reply take them for:
 * the same bytes are decoded with that look and without it. */
#include <stdlib.h>
#include <string.h>

#include "codec/usual.h"
#include "reply_check.h"

enum { TOKEN = 0x00c0ffee, ROUNDS = 20000, LEN_MAX = 256 };

typedef bool look(const struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed);

look __real_rc_usual_meta, __wrap_rc_usual_meta, __real_rc_usual_resp, __wrap_rc_usual_resp;

static bool blind;
static unsigned recognised;

static bool note(bool taken)
{
    recognised += taken;
    return taken;
}

bool __wrap_rc_usual_meta(const struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed)
{
    return !blind && note(__real_rc_usual_meta(decoder, input, expect, answer, consumed));
}

bool __wrap_rc_usual_resp(const struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed)
{
    return !blind && note(__real_rc_usual_resp(decoder, input, expect, answer, consumed));
}

struct decoded {
    enum rc_decoded got;
    struct rc_answer answer;
    size_t consumed;
};

static struct decoded decode(const struct rc_codec *codec, struct rc_slice input,
    const struct rc_expect *expect, bool without)
{
    struct decoded d = {0};
    struct rc_decoder decoder = {.limits.max_value_bytes = 100};
    blind = without;
    d.got = codec->decode(&decoder, input, expect, &d.answer, &d.consumed);
    return d;
}

static void assert_alike(
    const struct rc_codec *codec, struct rc_slice bytes, const struct rc_expect *expect)
{
    struct rc_slice input = copy_bytes(bytes);
    unsigned before = recognised;
    struct decoded with = decode(codec, input, expect, false);
    if (recognised > before) {
        struct decoded without = decode(codec, input, expect, true);
        assert_int_equal(with.got, RC_DECODED_ONE);
        assert_int_equal(without.got, RC_DECODED_ONE);
        assert_int_equal(with.consumed, without.consumed);
        assert_answer(&with.answer, &without.answer, input);
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

/* What asks for more than the value, or has to be proven, or belongs to a batch. */
static void what_needs_a_closer_look_gets_it(void **state)
{
    (void)state;
    static const unsigned char two_empty_keys[2 * sizeof(uint32_t)];
    static const struct rc_expect expectations[] = {
        {.verb = RC_VERB_GET, .token = TOKEN, .strict = true},
        {.verb = RC_VERB_GET, .token = TOKEN, .want_cas = true},
        {.verb = RC_VERB_GET, .token = TOKEN, .want_ttl = true},
        {.verb = RC_VERB_GET, .token = TOKEN, .due = 2, .first = true, .keys = two_empty_keys},
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

/* Whatever becomes of its bytes, a line that is recognised says what the closer reader finds. */
static void a_value_line_that_is_recognised_is_one(void **state)
{
    (void)state;
    enum { LINES = 100000, CHANGES_MAX = 3 };
    static const char *const lines[] = {"VALUE key 7 12\r\n", "VALUE key 0 0\r\n",
        "VALUE key 4294967295 1073741824\r\n", "VALUE key 999999999 999999999\r\n"};
    const struct rc_slice key = rc_slice_text("key");
    uint32_t seed = 88172645;
    size_t taken = 0;
    for (unsigned round = 0; round < LINES; round++) {
        unsigned char bytes[64];
        size_t len = strlen(lines[round % 4]);
        memcpy(bytes, lines[round % 4], len);
        for (uint32_t changes = next_random(&seed) % (CHANGES_MAX + 1); changes > 0; changes--) {
            len = mutate_bytes(bytes, len, &seed);
        }
        struct rc_slice input = copy_bytes(rc_slice(bytes, len));
        struct rc_memcached_value quick, close;
        size_t line_len = rc_usual_value(input, key, &quick);
        if (line_len > 0) {
            const struct rc_slice line = rc_slice(input.data, line_len - 2);
            assert_true(line_len <= len);
            assert_null(rc_memcached_read_value(line, false, &close));
            assert_true(rc_slice_equal(close.key, key));
            assert_int_equal(quick.flags, close.flags);
            assert_int_equal(quick.size, close.size);
            taken++;
        }
        free_bytes(input);
    }
    assert_in_range(taken, LINES / 10, LINES - LINES / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_replies_of_memcached_are_what_they_seem),
        cmocka_unit_test(the_usual_replies_of_redis_are_what_they_seem),
        cmocka_unit_test(what_needs_a_closer_look_gets_it),
        cmocka_unit_test(a_value_line_that_is_recognised_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

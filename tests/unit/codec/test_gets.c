/* SPDX-License-Identifier: MIT */
/* One reply of a batch of gets, on every protocol. */
#include "reply_check.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ASKED(left)                                                                                \
    {                                                                                              \
        .token = 0xaaaaaaaa0000000a, .prefix = BYTES("ns:"), .key = BYTES("key"), .due = (left)    \
    }
#define ASKED_FIRST(left)                                                                          \
    {                                                                                              \
        .due = (left), .first = true                                                               \
    }
#define HIT(...)                                                                                   \
    {                                                                                              \
        .value = __VA_ARGS__                                                                       \
    }
#define STUB                                                                                       \
    {                                                                                              \
        .status = RINGCACHE_MISS, .marks = RC_MARK_FILLING                                         \
    }
#define MISS                                                                                       \
    {                                                                                              \
        .status = RINGCACHE_MISS                                                                   \
    }
#define ALL_FAILED(code, text, closes)                                                             \
    {                                                                                              \
        .status = (code), .message = BYTES(text), .all = true, .close = (closes)                   \
    }

/* ---- meta ---- */

/* The last key's reply: those of the others are test_meta_batch.c's. */
static const struct reply_case meta_good[] = {
    {BYTES("VA 5 f7 O0000000a\r\nhello\r\n"), ASKED(1), HIT(BYTES("hello"), .flags = 7)},
    {BYTES("VA 0 f0 O0000000a\r\n\r\n"), ASKED(1), .answer = {.status = RINGCACHE_OK}},
    {BYTES("VA 6 f0 O0000000a\r\n\0\nMN\r\n\r\n"), ASKED(1), HIT(BYTES("\0\nMN\r\n"))},
    {BYTES("EN O0000000a\r\n"), ASKED(1), MISS},
    {BYTES("VA 0 f0 O0000000a Z\r\n\r\n"), ASKED(1), STUB},
    {BYTES("SERVER_ERROR out of memory\r\n"), ASKED(1),
        .answer = {.status = RINGCACHE_ESERVER, .message = BYTES("SERVER_ERROR out of memory")}},
};

#define OTHER_OPAQUE "the reply carries another command's opaque"
#define NO_OPAQUE "the reply has no opaque"
#define BAD_REPLY "a reply that this command cannot have"
#define BAD_FLAG "a flag of the reply is malformed"
#define BAD_END "the value does not end where its length says"
#define TOO_LARGE "a value of the reply is too long"

static const struct reply_case meta_bad[] = {
    {BYTES("VA 5 f0 O0000000b\r\n"), ASKED(1), .bad = OTHER_OPAQUE},
    {BYTES("VA 5 f0 O00000009\r\n"), ASKED(1), .bad = OTHER_OPAQUE},
    {BYTES("VA 5 f0 O0000000A\r\n"), ASKED(1), .bad = OTHER_OPAQUE},
    {BYTES("VA 5 f0 O00000000a\r\n"), ASKED(1), .bad = OTHER_OPAQUE},
    {BYTES("VA 5 f0 Oa\r\n"), ASKED(1), .bad = OTHER_OPAQUE},
    {BYTES("VA 5 f0 O\r\n"), ASKED(1), .bad = OTHER_OPAQUE},
    {BYTES("EN O0000000c\r\n"), ASKED(1), .bad = OTHER_OPAQUE},
    {BYTES("VA 5 f0\r\n"), ASKED(1), .bad = NO_OPAQUE},
    {BYTES("EN\r\n"), ASKED(1), .bad = NO_OPAQUE},
    {BYTES("VA 5 f0 O0000000b O0000000a\r\n"), ASKED(1), .bad = BAD_FLAG},
    {BYTES("VA 1073741825 f0 O0000000a\r\n"), ASKED(1),
        .bad = "the length of the value is malformed"},
    {BYTES("HD O0000000a\r\n"), ASKED(1), .bad = BAD_REPLY},
    {BYTES("NF O0000000a\r\n"), ASKED(1), .bad = BAD_REPLY},
    {BYTES("MN\r\n"), ASKED(1), .bad = BAD_REPLY},
    {BYTES("END\r\n"), ASKED(1), .bad = BAD_REPLY},
    {BYTES("VERSION 1.6.18\r\n"), ASKED(1), .bad = BAD_REPLY},
    {BYTES("VA 5 f0 O0000000a\r\nhelloo\r"), ASKED(1), .bad = BAD_END},
};

/* ---- classic ---- */

static const struct reply_case classic_good[] = {
    {BYTES("VALUE ns:key 7 5\r\nhello\r\n"), ASKED(2), HIT(BYTES("hello"), .flags = 7)},
    {BYTES("VALUE ns:key 0 0\r\n\r\n"), ASKED(64), .answer = {.status = RINGCACHE_OK}},
    {BYTES("VALUE ns:key 0 7\r\n\r\nEND\r\n\r\n"), ASKED(2), HIT(BYTES("\r\nEND\r\n"))},
    {BYTES("VALUE ns:key 0 2\r\n\0\n\r\nEND\r\n"), ASKED(1), HIT(BYTES("\0\n"))},
    {BYTES("VALUE ns:kez 7 5\r\n"), ASKED(2), MISS, .left = true},
    {BYTES("VALUE key 0 70000\r\n"), ASKED(64), MISS, .left = true},
    {BYTES("END\r\n"), ASKED(2), MISS, .left = true},
    {BYTES("END\r\n"), ASKED(64), MISS, .left = true},
    {BYTES("END\r\n"), ASKED(1), MISS},
    {BYTES("SERVER_ERROR out of memory writing get response\r\n"), ASKED(64),
        ALL_FAILED(RINGCACHE_ESERVER, "SERVER_ERROR out of memory writing get response", false)},
    {BYTES("CLIENT_ERROR unauthenticated\r\n"), ASKED(2),
        ALL_FAILED(RINGCACHE_EAUTH, "CLIENT_ERROR unauthenticated", true)},
    {BYTES("ERROR\r\n"), ASKED(1), ALL_FAILED(RINGCACHE_ESERVER, "ERROR", true)},
};

#define OTHER_KEY "the value carries another key"
#define BAD_FLAGS "the client flags of the value are missing or malformed"
#define BAD_LENGTH "the length of the value is missing or malformed"
#define TOO_MANY "more behind a value's length than was asked for"
#define NO_END "the value is not followed by END"

static const struct reply_case classic_bad[] = {
    {BYTES("VALUE ns:kez 0 5\r\n"), ASKED(1), .bad = OTHER_KEY},
    {BYTES("VALUE ns:kez\r\n"), ASKED(2), .bad = BAD_FLAGS},
    {BYTES("VALUE ns:kez x 5\r\n"), ASKED(2), .bad = BAD_FLAGS},
    {BYTES("VALUE ns:kez 0 05\r\n"), ASKED(2), .bad = BAD_LENGTH},
    {BYTES("VALUE ns:kez 0 1073741825\r\n"), ASKED(2), .bad = BAD_LENGTH},
    {BYTES("VALUE ns:key 0 1073741825\r\n"), ASKED(2), .bad = BAD_LENGTH},
    {BYTES("VALUE ns:kez 0 5 9\r\n"), ASKED(2), .bad = TOO_MANY},
    {BYTES("VALUE ns:key 0 5\r\nhelloo\r"), ASKED(2), .bad = BAD_END},
    {BYTES("VALUE ns:key 0 5\r\nhell\r\nE"), ASKED(2), .bad = BAD_END},
    {BYTES("VALUE ns:key 0 5\r\nhello\r\nVALUE"), ASKED(1), .bad = NO_END},
    {BYTES("STORED\r\n"), ASKED(2), .bad = BAD_REPLY},
    {BYTES("END \r\n"), ASKED(2), .bad = BAD_REPLY},
    {BYTES("VERSION 1.6.18\r\n"), ASKED(2), .bad = BAD_REPLY},
};

/* ---- RESP ---- */

static const struct reply_case resp_good[] = {
    {BYTES("*2\r\n$5\r\nhello\r\n"), ASKED_FIRST(2), HIT(BYTES("hello"))},
    {BYTES("*64\r\n$0\r\n\r\n"), ASKED_FIRST(64), .answer = {.status = RINGCACHE_OK}},
    {BYTES("*2\r\n$-1\r\n"), ASKED_FIRST(2), MISS},
    {BYTES("$8\r\n\0$-1\r\n*2\r\n"), ASKED(63), HIT(BYTES("\0$-1\r\n*2"))},
    {BYTES("$-1\r\n"), ASKED(2), MISS},
    {BYTES("$5\r\nhello\r\n"), ASKED(1), HIT(BYTES("hello"))},
    {BYTES("$-1\r\n"), ASKED(1), MISS},
    {BYTES("-LOADING dataset in memory\r\n"), ASKED_FIRST(64),
        .answer = {.status = RINGCACHE_ESERVER,
            .refusal = RC_REFUSAL_NOT_NOW,
            .message = BYTES("LOADING dataset in memory"),
            .all = true}},
    {BYTES("-NOPERM no permissions\r\n"), ASKED_FIRST(2),
        .answer = {.status = RINGCACHE_EAUTH,
            .message = BYTES("NOPERM no permissions"),
            .all = true,
            .again = true}},
    {BYTES("-ERR Protocol error: invalid bulk length\r\n"), ASKED_FIRST(2),
        ALL_FAILED(RINGCACHE_ESERVER, "ERR Protocol error: invalid bulk length", true)},
};

#define NO_ARRAY "not an array of values"
#define OTHER_COUNT "an array of another length than asked for"

static const struct reply_case resp_bad[] = {
    {BYTES("$5\r\nhello\r\n"), ASKED_FIRST(2), .bad = NO_ARRAY},
    {BYTES("+OK\r\n"), ASKED_FIRST(2), .bad = NO_ARRAY},
    {BYTES("*1\r\n"), ASKED_FIRST(2), .bad = OTHER_COUNT},
    {BYTES("*3\r\n"), ASKED_FIRST(2), .bad = OTHER_COUNT},
    {BYTES("*0\r\n"), ASKED_FIRST(2), .bad = OTHER_COUNT},
    {BYTES("*-1\r\n"), ASKED_FIRST(2), .bad = OTHER_COUNT},
    {BYTES("*63\r\n"), ASKED_FIRST(64), .bad = OTHER_COUNT},
    {BYTES("*2\r\n-"), ASKED_FIRST(2), .bad = NO_ARRAY},
    {BYTES("*2\r\n*"), ASKED_FIRST(2), .bad = NO_ARRAY},
    {BYTES("*2\r\n$1073741825\r\n"), ASKED_FIRST(2), .bad = TOO_LARGE},
    {BYTES("-ERR x\r\n"), ASKED(2), .bad = NO_ARRAY},
    {BYTES(":1\r\n"), ASKED(2), .bad = NO_ARRAY},
    {BYTES("*2\r\n"), ASKED(2), .bad = NO_ARRAY},
    {BYTES("+OK\r\n"), ASKED(1), .bad = NO_ARRAY},
    {BYTES("$1073741825\r\n"), ASKED(2), .bad = TOO_LARGE},
    {BYTES("$5\r\nhelloo\r"), ASKED(1), .bad = BAD_END},
};

static const struct protocol {
    const struct rc_codec *codec;
    const struct reply_case *good, *bad;
    size_t good_len, bad_len;
} protocols[] = {
    {&rc_codec_meta, meta_good, meta_bad, COUNT(meta_good), COUNT(meta_bad)},
    {&rc_codec_classic, classic_good, classic_bad, COUNT(classic_good), COUNT(classic_bad)},
    {&rc_codec_resp, resp_good, resp_bad, COUNT(resp_good), COUNT(resp_bad)},
};

static void every_reply_means_the_same_at_every_split(void **state)
{
    (void)state;
    for (const struct protocol *p = protocols; p < protocols + COUNT(protocols); p++) {
        for (size_t i = 0; i < p->good_len; i++) {
            check_reply(p->codec, &p->good[i]);
        }
    }
}

static void every_broken_reply_is_refused_with_its_reason(void **state)
{
    (void)state;
    for (const struct protocol *p = protocols; p < protocols + COUNT(protocols); p++) {
        for (size_t i = 0; i < p->bad_len; i++) {
            check_refusal(p->codec, &p->bad[i]);
        }
    }
}

static void no_mutated_value_of_a_later_key_becomes_the_due_ones(void **state)
{
    (void)state;
    const struct rc_expect by_key = {.key = BYTES("another"), .due = 2};
    const struct rc_slice value_by_key = BYTES("VALUE ns:key 0 5\r\nhello\r\n");
    check_mutations(&rc_codec_classic, value_by_key, &by_key, 200000);
}

static void no_mutated_value_of_another_batch_is_delivered(void **state)
{
    (void)state;
    /* All eight digits of the two opaques differ, so that no few changes make one the other. */
    const struct rc_expect by_token = {.token = 0x97ef6980, .due = 1};
    const struct rc_expect by_key = {.key = BYTES("another"), .due = 1};
    const struct rc_slice value_by_token = BYTES("VA 5 f0 O0000000a\r\nhello\r\n");
    const struct rc_slice value_by_key = BYTES("VALUE ns:key 0 5\r\nhello\r\nEND\r\n");
    check_mutations(&rc_codec_meta, value_by_token, &by_token, 200000);
    check_mutations(&rc_codec_classic, value_by_key, &by_key, 200000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reply_means_the_same_at_every_split),
        cmocka_unit_test(every_broken_reply_is_refused_with_its_reason),
        cmocka_unit_test(no_mutated_value_of_a_later_key_becomes_the_due_ones),
        cmocka_unit_test(no_mutated_value_of_another_batch_is_delivered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

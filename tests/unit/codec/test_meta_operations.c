/* SPDX-License-Identifier: MIT */
/* memcached meta beyond get, set and delete: conditions, times, counters, tokens. */
#include "reply_check.h"

#include <string.h>

#define TOKEN 0xaaaaaaaa1234abcdU
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ASKED(...)                                                                                 \
    {                                                                                              \
        .token = TOKEN, .verb = __VA_ARGS__                                                        \
    }
#define ASKED_STRICT(...)                                                                          \
    {                                                                                              \
        .token = TOKEN, .strict = true, .prefix = BYTES("ns:"), .key = BYTES("key"),               \
        .verb = __VA_ARGS__                                                                        \
    }
#define BOTH .want_cas = true, .want_ttl = true
#define NOT_NUMERIC "CLIENT_ERROR cannot increment or decrement non-numeric value"
#define TOO_MUCH "the counter would exceed 9223372036854775807"

static const struct reply_case good[] = {
    /* conditional stores */
    {BYTES("HD O1234abcd\r\n"), ASKED(RC_VERB_ADD), .answer = {.status = RINGCACHE_OK}},
    {BYTES("NS O1234abcd\r\n"), ASKED(RC_VERB_ADD), .answer = {.status = RINGCACHE_NOT_STORED}},
    {BYTES("HD O1234abcd\r\n"), ASKED(RC_VERB_REPLACE), .answer = {.status = RINGCACHE_OK}},
    {BYTES("NS O1234abcd\r\n"), ASKED(RC_VERB_REPLACE), .answer = {.status = RINGCACHE_NOT_STORED}},
    {BYTES("HD O1234abcd kns:key\r\n"), ASKED_STRICT(RC_VERB_APPEND),
        .answer = {.status = RINGCACHE_OK}},
    {BYTES("NS O1234abcd kns:key\r\n"), ASKED_STRICT(RC_VERB_APPEND),
        .answer = {.status = RINGCACHE_NOT_STORED}},
    {BYTES("HD O1234abcd\r\n"), ASKED(RC_VERB_PREPEND), .answer = {.status = RINGCACHE_OK}},
    {BYTES("NS O1234abcd\r\n"), ASKED(RC_VERB_PREPEND), .answer = {.status = RINGCACHE_NOT_STORED}},
    {BYTES("HD O1234abcd\r\n"), ASKED(RC_VERB_CAS), .answer = {.status = RINGCACHE_OK}},
    {BYTES("EX O1234abcd\r\n"), ASKED(RC_VERB_CAS), .answer = {.status = RINGCACHE_EXISTS}},
    {BYTES("NF O1234abcd\r\n"), ASKED(RC_VERB_CAS), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("SERVER_ERROR object too large for cache\r\n"), ASKED(RC_VERB_APPEND),
        .answer = {.status = RINGCACHE_ETOOBIG,
            .message = BYTES("SERVER_ERROR object too large for cache")}},
    /* times */
    {BYTES("HD O1234abcd\r\n"), ASKED(RC_VERB_TOUCH), .answer = {.status = RINGCACHE_OK}},
    {BYTES("HD O1234abcd W\r\n"), ASKED(RC_VERB_TOUCH), .answer = {.status = RINGCACHE_OK}},
    {BYTES("EN O1234abcd\r\n"), ASKED(RC_VERB_TOUCH), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("VA 2 f7 O1234abcd\r\nhi\r\n"), ASKED(RC_VERB_GET_AND_TOUCH),
        .answer = {.value = BYTES("hi"), .flags = 7}},
    {BYTES("EN O1234abcd\r\n"), ASKED(RC_VERB_GET_AND_TOUCH), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("VA 0 f0 c5 t9 O1234abcd Z\r\n\r\n"), ASKED(RC_VERB_GET_AND_TOUCH, BOTH),
        .answer = {.status = RINGCACHE_MISS, .cas = 5, .marks = RC_MARK_FILLING}},
    {BYTES("VA 2 f0 O1234abcd X W\r\nhi\r\n"), ASKED(RC_VERB_GET),
        .answer = {.value = BYTES("hi"), .marks = RC_MARK_STALE | RC_MARK_WON}},
    /* leases */
    {BYTES("VA 2 f0 c5 O1234abcd\r\nhi\r\n"), ASKED(RC_VERB_LEASE, .want_cas = true),
        .answer = {.value = BYTES("hi"), .cas = 5}},
    {BYTES("VA 0 f0 c5 O1234abcd\r\n\r\n"), ASKED(RC_VERB_LEASE, .want_cas = true),
        .answer = {.value = BYTES(""), .cas = 5}},
    {BYTES("VA 0 f0 c5 O1234abcd W\r\n\r\n"), ASKED(RC_VERB_LEASE, .want_cas = true),
        .answer = {.status = RINGCACHE_MISS, .cas = 5, .marks = RC_MARK_WON}},
    {BYTES("VA 0 f0 c5 O1234abcd kns:key Z\r\n\r\n"), ASKED_STRICT(RC_VERB_LEASE, .want_cas = true),
        .answer = {.status = RINGCACHE_MISS, .cas = 5, .marks = RC_MARK_FILLING}},
    {BYTES("VA 2 f7 c5 O1234abcd W\r\nhi\r\n"), ASKED(RC_VERB_LEASE, .want_cas = true),
        .answer =
            {.value = BYTES("hi"), .flags = 7, .cas = 5, .marks = RC_MARK_STALE | RC_MARK_WON}},
    {BYTES("VA 2 f0 c5 O1234abcd Z X\r\nhi\r\n"), ASKED(RC_VERB_LEASE, .want_cas = true),
        .answer = {.value = BYTES("hi"), .cas = 5, .marks = RC_MARK_STALE | RC_MARK_FILLING}},
    {BYTES("EN O1234abcd\r\n"), ASKED(RC_VERB_LEASE, .want_cas = true),
        .answer = {.status = RINGCACHE_MISS}},
    {BYTES("HD O1234abcd\r\n"), ASKED(RC_VERB_FILL), .answer = {.status = RINGCACHE_OK}},
    {BYTES("EX O1234abcd\r\n"), ASKED(RC_VERB_FILL), .answer = {.status = RINGCACHE_EXISTS}},
    {BYTES("NF O1234abcd\r\n"), ASKED(RC_VERB_FILL), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("HD O1234abcd\r\n"), ASKED(RC_VERB_UNLEASE), .answer = {.status = RINGCACHE_OK}},
    {BYTES("EX O1234abcd\r\n"), ASKED(RC_VERB_UNLEASE), .answer = {.status = RINGCACHE_EXISTS}},
    {BYTES("NF O1234abcd\r\n"), ASKED(RC_VERB_UNLEASE), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("EX O1234abcd\r\n"), ASKED(RC_VERB_DELETE), .answer = {.status = RINGCACHE_EXISTS}},
    /* the token and the time that is left */
    {BYTES("VA 2 f0 c18446744073709551615 O1234abcd\r\nhi\r\n"),
        ASKED(RC_VERB_GET, .want_cas = true), .answer = {.value = BYTES("hi"), .cas = UINT64_MAX}},
    {BYTES("VA 2 f0 c0 O1234abcd\r\nhi\r\n"), ASKED(RC_VERB_GET, .want_cas = true),
        .answer = {.value = BYTES("hi")}},
    {BYTES("VA 2 f0 t-1 O1234abcd\r\nhi\r\n"), ASKED(RC_VERB_GET, .want_ttl = true),
        .answer = {.value = BYTES("hi"), .ttl_ms = -1}},
    {BYTES("VA 2 f0 t0 O1234abcd\r\nhi\r\n"), ASKED(RC_VERB_GET, .want_ttl = true),
        .answer = {.value = BYTES("hi"), .ttl_ms = 1}},
    {BYTES("VA 2 f0 t1 O1234abcd\r\nhi\r\n"), ASKED(RC_VERB_GET, .want_ttl = true),
        .answer = {.value = BYTES("hi"), .ttl_ms = 1000}},
    {BYTES("VA 2 f0 t4294967295 O1234abcd\r\nhi\r\n"), ASKED(RC_VERB_GET, .want_ttl = true),
        .answer = {.value = BYTES("hi"), .ttl_ms = INT64_C(4294967295000)}},
    {BYTES("VA 2 f9 c5 t60 O1234abcd kns:key\r\nhi\r\n"), ASKED_STRICT(RC_VERB_GET_AND_TOUCH, BOTH),
        .answer = {.value = BYTES("hi"), .flags = 9, .cas = 5, .ttl_ms = 60000}},
    {BYTES("VA 2 f0 cx tx O1234abcd\r\nhi\r\n"), ASKED(RC_VERB_GET),
        .answer = {.value = BYTES("hi")}},
    {BYTES("EN O1234abcd\r\n"), ASKED(RC_VERB_GET, BOTH), .answer = {.status = RINGCACHE_MISS}},
    /* counters */
    {BYTES("VA 2 O1234abcd\r\n42\r\n"), ASKED(RC_VERB_INCREMENT), .answer = {.number = 42}},
    {BYTES("VA 1 O1234abcd\r\n0\r\n"), ASKED(RC_VERB_DECREMENT), .answer = {.number = 0}},
    {BYTES("VA 2 O1234abcd kns:key\r\n42\r\n"), ASKED_STRICT(RC_VERB_INCREMENT),
        .answer = {.number = 42}},
    {BYTES("VA 19 O1234abcd\r\n9223372036854775807\r\n"), ASKED(RC_VERB_INCREMENT),
        .answer = {.number = INT64_MAX}},
    {BYTES("VA 20 O1234abcd\r\n18446744073709551615\r\n"), ASKED(RC_VERB_DECREMENT),
        .answer = {.number = UINT64_MAX}},
    {BYTES("NF O1234abcd\r\n"), ASKED(RC_VERB_INCREMENT), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("NF O1234abcd\r\n"), ASKED(RC_VERB_DECREMENT), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("NS O1234abcd\r\n"), ASKED(RC_VERB_INCREMENT),
        .answer = {.status = RINGCACHE_NOT_STORED}},
    {BYTES(NOT_NUMERIC "\r\n"), ASKED(RC_VERB_INCREMENT),
        .answer = {.status = RINGCACHE_ESERVER, .message = BYTES(NOT_NUMERIC)}},
    {BYTES(NOT_NUMERIC "\r\n"), ASKED(RC_VERB_DECREMENT),
        .answer = {.status = RINGCACHE_ESERVER, .message = BYTES(NOT_NUMERIC)}},
    {BYTES(NOT_NUMERIC "s\r\n"), ASKED(RC_VERB_INCREMENT),
        .answer = {.status = RINGCACHE_ESERVER, .message = BYTES(NOT_NUMERIC "s"), .close = true}},
    {BYTES(NOT_NUMERIC "\r\n"), ASKED(RC_VERB_SET),
        .answer = {.status = RINGCACHE_ESERVER, .message = BYTES(NOT_NUMERIC), .close = true}},
    {BYTES("CLIENT_ERROR bad token in command line format\r\n"), ASKED(RC_VERB_INCREMENT),
        .answer = {.status = RINGCACHE_ESERVER,
            .message = BYTES("CLIENT_ERROR bad token in command line format"),
            .close = true}},
    /* a sum beyond the range, and what comes of taking it back */
    {BYTES("VA 19 O1234abcd\r\n9223372036854775808\r\n"), ASKED(RC_VERB_INCREMENT),
        .answer = {.status = RINGCACHE_NOT_STORED, .again = true}},
    {BYTES("VA 20 O1234abcd\r\n18446744073709551614\r\n"), ASKED(RC_VERB_INCREMENT),
        .answer = {.status = RINGCACHE_NOT_STORED, .again = true}},
    {BYTES("VA 19 O1234abcd\r\n9223372036854775807\r\n"), ASKED(RC_VERB_INCREMENT, .again = true),
        .answer = {.status = RINGCACHE_NOT_STORED, .message = BYTES(TOO_MUCH)}},
    {BYTES("VA 19 O1234abcd\r\n9223372036854775808\r\n"), ASKED(RC_VERB_INCREMENT, .again = true),
        .answer = {.status = RINGCACHE_NOT_STORED, .message = BYTES(TOO_MUCH)}},
    {BYTES("NF O1234abcd\r\n"), ASKED(RC_VERB_INCREMENT, .again = true),
        .answer = {.status = RINGCACHE_NOT_STORED, .message = BYTES(TOO_MUCH)}},
    {BYTES("SERVER_ERROR out of memory\r\n"), ASKED(RC_VERB_INCREMENT, .again = true),
        .answer = {.status = RINGCACHE_ESERVER, .message = BYTES("SERVER_ERROR out of memory")}},
};

#define BAD_CODE "a reply that this command cannot have"
#define BAD_CAS "the CAS token of the value is missing or malformed"
#define BAD_TTL "the TTL of the value is missing or malformed"
#define BAD_COUNTER "the counter is not a number"

static const struct reply_case bad[] = {
    /* codes that belong to other commands */
    {BYTES("EX O1234abcd\r\n"), ASKED(RC_VERB_ADD), .bad = BAD_CODE},
    {BYTES("NF O1234abcd\r\n"), ASKED(RC_VERB_ADD), .bad = BAD_CODE},
    {BYTES("NF O1234abcd\r\n"), ASKED(RC_VERB_REPLACE), .bad = BAD_CODE},
    {BYTES("EX O1234abcd\r\n"), ASKED(RC_VERB_APPEND), .bad = BAD_CODE},
    {BYTES("NF O1234abcd\r\n"), ASKED(RC_VERB_PREPEND), .bad = BAD_CODE},
    {BYTES("NS O1234abcd\r\n"), ASKED(RC_VERB_CAS), .bad = BAD_CODE},
    {BYTES("VA 1 f0 O1234abcd\r\nx\r\n"), ASKED(RC_VERB_CAS), .bad = BAD_CODE},
    {BYTES("VA 1 f0 O1234abcd\r\nx\r\n"), ASKED(RC_VERB_TOUCH), .bad = BAD_CODE},
    {BYTES("NF O1234abcd\r\n"), ASKED(RC_VERB_TOUCH), .bad = BAD_CODE},
    {BYTES("HD O1234abcd\r\n"), ASKED(RC_VERB_GET_AND_TOUCH), .bad = BAD_CODE},
    {BYTES("HD O1234abcd\r\n"), ASKED(RC_VERB_INCREMENT), .bad = BAD_CODE},
    {BYTES("EN O1234abcd\r\n"), ASKED(RC_VERB_INCREMENT), .bad = BAD_CODE},
    {BYTES("EX O1234abcd\r\n"), ASKED(RC_VERB_DECREMENT), .bad = BAD_CODE},
    {BYTES("MN\r\n"), ASKED(RC_VERB_INCREMENT), .bad = BAD_CODE},
    {BYTES("42\r\n"), ASKED(RC_VERB_INCREMENT),
        .bad = "not a reply of the memcached meta protocol"},
    {BYTES("HD O1234abcd\r\n"), ASKED(RC_VERB_LEASE, .want_cas = true), .bad = BAD_CODE},
    {BYTES("VA 0 f0 O1234abcd W\r\n"), ASKED(RC_VERB_LEASE, .want_cas = true), .bad = BAD_CAS},
    {BYTES("NS O1234abcd\r\n"), ASKED(RC_VERB_FILL), .bad = BAD_CODE},
    {BYTES("VA 1 f0 O1234abcd\r\nx\r\n"), ASKED(RC_VERB_UNLEASE), .bad = BAD_CODE},
    /* whose reply it is */
    {BYTES("HD\r\n"), ASKED(RC_VERB_CAS), .bad = "the reply has no opaque"},
    {BYTES("VA 2\r\n42\r\n"), ASKED(RC_VERB_INCREMENT), .bad = "the reply has no opaque"},
    {BYTES("VA 2 O1234abce\r\n"), ASKED(RC_VERB_DECREMENT),
        .bad = "the reply carries another command's opaque"},
    {BYTES("VA 2 O1234abcd kns:kez\r\n"), ASKED_STRICT(RC_VERB_INCREMENT),
        .bad = "the reply carries another key"},
    /* what was asked of a value */
    {BYTES("VA 2 f0 O1234abcd\r\nhi\r\n"), ASKED(RC_VERB_GET, .want_cas = true), .bad = BAD_CAS},
    {BYTES("VA 2 f0 c O1234abcd\r\n"), ASKED(RC_VERB_GET, .want_cas = true), .bad = BAD_CAS},
    {BYTES("VA 2 f0 c-1 O1234abcd\r\n"), ASKED(RC_VERB_GET, .want_cas = true), .bad = BAD_CAS},
    {BYTES("VA 2 f0 c18446744073709551616 O1234abcd\r\n"), ASKED(RC_VERB_GET, .want_cas = true),
        .bad = BAD_CAS},
    {BYTES("VA 2 f0 O1234abcd\r\nhi\r\n"), ASKED(RC_VERB_GET, .want_ttl = true), .bad = BAD_TTL},
    {BYTES("VA 2 f0 t-2 O1234abcd\r\n"), ASKED(RC_VERB_GET, .want_ttl = true), .bad = BAD_TTL},
    {BYTES("VA 2 f0 t-01 O1234abcd\r\n"), ASKED(RC_VERB_GET, .want_ttl = true), .bad = BAD_TTL},
    {BYTES("VA 2 f0 t4294967296 O1234abcd\r\n"), ASKED(RC_VERB_GET, .want_ttl = true),
        .bad = BAD_TTL},
    {BYTES("VA 2 f0 c1 O1234abcd\r\n"), ASKED(RC_VERB_GET_AND_TOUCH, BOTH), .bad = BAD_TTL},
    /* numbers */
    {BYTES("VA 0 O1234abcd\r\n\r\n"), ASKED(RC_VERB_INCREMENT), .bad = BAD_COUNTER},
    {BYTES("VA 2 O1234abcd\r\n5 \r\n"), ASKED(RC_VERB_DECREMENT), .bad = BAD_COUNTER},
    {BYTES("VA 2 O1234abcd\r\n05\r\n"), ASKED(RC_VERB_INCREMENT), .bad = BAD_COUNTER},
    {BYTES("VA 2 O1234abcd\r\n-5\r\n"), ASKED(RC_VERB_INCREMENT), .bad = BAD_COUNTER},
    {BYTES("VA 3 O1234abcd\r\nabc\r\n"), ASKED(RC_VERB_INCREMENT), .bad = BAD_COUNTER},
    {BYTES("VA 20 O1234abcd\r\n18446744073709551616\r\n"), ASKED(RC_VERB_INCREMENT),
        .bad = BAD_COUNTER},
    {BYTES("VA 21 O1234abcd\r\n"), ASKED(RC_VERB_INCREMENT),
        .bad = "the length of the value is malformed"},
    {BYTES("VA 2 O1234abcd\r\n423\r\n"), ASKED(RC_VERB_INCREMENT),
        .bad = "the value does not end where its length says"},
};

static void every_reply_means_the_same_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        check_reply(&rc_codec_meta, &good[i]);
    }
}

static void every_broken_reply_is_refused_with_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        check_refusal(&rc_codec_meta, &bad[i]);
    }
}

static void no_mutated_reply_is_delivered_to_another_token(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct rc_expect stranger = good[i].expect;
        stranger.token = 0x97ef6980;
        if (memmem(good[i].bytes.data, good[i].bytes.len, " O1234abcd", 10) != NULL) {
            check_mutations(&rc_codec_meta, good[i].bytes, &stranger, 10000);
        }
    }
}

#define ASK(...) .key = BYTES("k"), .token = TOKEN, .verb = __VA_ARGS__

static const struct {
    struct rc_command command;
    struct rc_slice bytes;
} encodings[] = {
    {{ASK(RC_VERB_ADD), .value = BYTES("hello"), .flags = 7, .exptime_s = 60},
        BYTES("ms k 5 ME F7 T60 O1234abcd\r\nhello\r\n")},
    {{ASK(RC_VERB_REPLACE), .value = BYTES("hello"), .strict = true},
        BYTES("ms k 5 MR O1234abcd k\r\nhello\r\n")},
    {{ASK(RC_VERB_APPEND), .value = BYTES("hello"), .flags = 7, .exptime_s = 60},
        BYTES("ms k 5 MA O1234abcd\r\nhello\r\n")},
    {{ASK(RC_VERB_PREPEND), .prefix = BYTES("n:"), .flags = 7, .exptime_s = 60},
        BYTES("ms n:k 0 MP O1234abcd\r\n\r\n")},
    {{ASK(RC_VERB_CAS), .value = BYTES("hello"), .cas = 0},
        BYTES("ms k 5 C0 O1234abcd\r\nhello\r\n")},
    {{ASK(RC_VERB_CAS), .cas = UINT64_MAX, .flags = UINT32_MAX, .exptime_s = INT64_MIN,
         .strict = true},
        BYTES("ms k 0 C18446744073709551615 F4294967295 T-9223372036854775808 O1234abcd k\r\n"
              "\r\n")},
    {{ASK(RC_VERB_TOUCH), .exptime_s = 60}, BYTES("mg k T60 O1234abcd\r\n")},
    {{ASK(RC_VERB_TOUCH)}, BYTES("mg k T0 O1234abcd\r\n")},
    {{ASK(RC_VERB_GET_AND_TOUCH), .exptime_s = 60}, BYTES("mg k v f T60 O1234abcd\r\n")},
    {{ASK(RC_VERB_GET_AND_TOUCH), BOTH, .strict = true}, BYTES("mg k v f T0 c t O1234abcd k\r\n")},
    {{ASK(RC_VERB_GET), .want_cas = true}, BYTES("mg k v f c O1234abcd\r\n")},
    {{ASK(RC_VERB_GET), .want_ttl = true, .exptime_s = 60}, BYTES("mg k v f t O1234abcd\r\n")},
    {{ASK(RC_VERB_INCREMENT), .delta = 3, .exptime_s = 60, .initial = 9},
        BYTES("ma k MI D3 v O1234abcd\r\n")},
    {{ASK(RC_VERB_INCREMENT), .delta = 3, .with_initial = true, .initial = 10},
        BYTES("ma k MI D3 N0 J10 v O1234abcd\r\n")},
    {{ASK(RC_VERB_DECREMENT), .delta = INT64_MAX, .with_initial = true, .initial = INT64_MAX,
         .exptime_s = INT64_MIN, .strict = true},
        BYTES("ma k MD D9223372036854775807 N-9223372036854775808 J9223372036854775807 v "
              "O1234abcd k\r\n")},
    {{ASK(RC_VERB_INCREMENT), .delta = 0}, BYTES("ma k MI D0 v O1234abcd\r\n")},
    {{ASK(RC_VERB_INCREMENT), .delta = 3, .with_initial = true, .initial = 10, .exptime_s = 60,
         .again = true},
        BYTES("ma k MD D3 v O1234abcd\r\n")},
};

static void commands_are_encoded_to_the_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(encodings); i++) {
        check_encoding(&rc_codec_meta, &encodings[i].command, encodings[i].bytes);
    }
}

static void keys_are_kept_to_compare_them_and_to_take_a_sum_back(void **state)
{
    (void)state;
    for (int verb = RC_VERB_GET; verb <= RC_VERB_CLIENT_KILL; verb++) {
        struct rc_command command = {.verb = (enum rc_verb)verb};
        assert_int_equal(rc_codec_meta.keeps_key(&command), verb == RC_VERB_INCREMENT);
        command.strict = true;
        assert_true(rc_codec_meta.keeps_key(&command));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reply_means_the_same_at_every_split),
        cmocka_unit_test(every_broken_reply_is_refused_with_its_reason),
        cmocka_unit_test(no_mutated_reply_is_delivered_to_another_token),
        cmocka_unit_test(commands_are_encoded_to_the_byte),
        cmocka_unit_test(keys_are_kept_to_compare_them_and_to_take_a_sum_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "reply_check.h"

#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ASKED(...)                                                                                 \
    {                                                                                              \
        .prefix = BYTES("ns:"), .key = BYTES("key"), .verb = __VA_ARGS__                           \
    }
#define FAILED(code, text, closes)                                                                 \
    {                                                                                              \
        .status = (code), .message = BYTES(text), .close = (closes)                                \
    }
#define NOT_NUMERIC "CLIENT_ERROR cannot increment or decrement non-numeric value"
#define TOO_MUCH "the counter would exceed 9223372036854775807"

static const struct reply_case good[] = {
    /* values */
    {BYTES("VALUE ns:key 0 5\r\nhello\r\nEND\r\n"), ASKED(RC_VERB_GET),
        .answer = {.value = BYTES("hello")}},
    {BYTES("VALUE ns:key 4294967295 0\r\n\r\nEND\r\n"), ASKED(RC_VERB_GET),
        .answer = {.flags = UINT32_MAX}},
    {BYTES("VALUE ns:key 7 7\r\n\r\nEND\r\n\r\nEND\r\n"), ASKED(RC_VERB_GET),
        .answer = {.value = BYTES("\r\nEND\r\n"), .flags = 7}},
    {BYTES("VALUE ns:key 0 2\r\n\0\n\r\nEND\r\n"), ASKED(RC_VERB_GET_AND_TOUCH),
        .answer = {.value = BYTES("\0\n")}},
    {BYTES("VALUE ns:key 1 2 18446744073709551615\r\nhi\r\nEND\r\n"),
        ASKED(RC_VERB_GET, .want_cas = true),
        .answer = {.value = BYTES("hi"), .flags = 1, .cas = UINT64_MAX}},
    {BYTES("VALUE ns:key 1 2 0\r\nhi\r\nEND\r\n"), ASKED(RC_VERB_GET_AND_TOUCH, .want_cas = true),
        .answer = {.value = BYTES("hi"), .flags = 1}},
    {BYTES("END\r\n"), ASKED(RC_VERB_GET), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("END\r\n"), ASKED(RC_VERB_GET, .want_cas = true), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("END\r\n"), ASKED(RC_VERB_GET_AND_TOUCH), .answer = {.status = RINGCACHE_MISS}},
    /* stores */
    {BYTES("STORED\r\n"), ASKED(RC_VERB_SET), .answer = {.status = RINGCACHE_OK}},
    {BYTES("NOT_STORED\r\n"), ASKED(RC_VERB_SET), .answer = {.status = RINGCACHE_NOT_STORED}},
    {BYTES("STORED\r\n"), ASKED(RC_VERB_ADD), .answer = {.status = RINGCACHE_OK}},
    {BYTES("NOT_STORED\r\n"), ASKED(RC_VERB_ADD), .answer = {.status = RINGCACHE_NOT_STORED}},
    {BYTES("STORED\r\n"), ASKED(RC_VERB_REPLACE), .answer = {.status = RINGCACHE_OK}},
    {BYTES("NOT_STORED\r\n"), ASKED(RC_VERB_REPLACE), .answer = {.status = RINGCACHE_NOT_STORED}},
    {BYTES("STORED\r\n"), ASKED(RC_VERB_APPEND), .answer = {.status = RINGCACHE_OK}},
    {BYTES("NOT_STORED\r\n"), ASKED(RC_VERB_APPEND), .answer = {.status = RINGCACHE_NOT_STORED}},
    {BYTES("STORED\r\n"), ASKED(RC_VERB_PREPEND), .answer = {.status = RINGCACHE_OK}},
    {BYTES("NOT_STORED\r\n"), ASKED(RC_VERB_PREPEND), .answer = {.status = RINGCACHE_NOT_STORED}},
    {BYTES("STORED\r\n"), ASKED(RC_VERB_CAS), .answer = {.status = RINGCACHE_OK}},
    {BYTES("EXISTS\r\n"), ASKED(RC_VERB_CAS), .answer = {.status = RINGCACHE_EXISTS}},
    {BYTES("NOT_FOUND\r\n"), ASKED(RC_VERB_CAS), .answer = {.status = RINGCACHE_MISS}},
    /* the rest */
    {BYTES("DELETED\r\n"), ASKED(RC_VERB_DELETE), .answer = {.status = RINGCACHE_OK}},
    {BYTES("NOT_FOUND\r\n"), ASKED(RC_VERB_DELETE), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("TOUCHED\r\n"), ASKED(RC_VERB_TOUCH), .answer = {.status = RINGCACHE_OK}},
    {BYTES("NOT_FOUND\r\n"), ASKED(RC_VERB_TOUCH), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("VERSION 1.5.3\r\n"), ASKED(RC_VERB_VERSION), .answer = {.value = BYTES("1.5.3")}},
    {BYTES("VERSION 1.5.3\r\n"), ASKED(RC_VERB_NOOP), .answer = {.status = RINGCACHE_OK}},
    /* counters */
    {BYTES("42\r\n"), ASKED(RC_VERB_INCREMENT), .answer = {.number = 42}},
    {BYTES("0\r\n"), ASKED(RC_VERB_DECREMENT), .answer = {.number = 0}},
    {BYTES("9223372036854775807\r\n"), ASKED(RC_VERB_INCREMENT), .answer = {.number = INT64_MAX}},
    {BYTES("18446744073709551615\r\n"), ASKED(RC_VERB_DECREMENT), .answer = {.number = UINT64_MAX}},
    {BYTES("NOT_FOUND\r\n"), ASKED(RC_VERB_INCREMENT), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("NOT_FOUND\r\n"), ASKED(RC_VERB_DECREMENT), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("9223372036854775808\r\n"), ASKED(RC_VERB_INCREMENT),
        .answer = {.status = RINGCACHE_NOT_STORED, .again = true}},
    {BYTES("9223372036854775807\r\n"), ASKED(RC_VERB_INCREMENT, .again = true),
        .answer = {.status = RINGCACHE_NOT_STORED, .message = BYTES(TOO_MUCH)}},
    {BYTES("NOT_FOUND\r\n"), ASKED(RC_VERB_INCREMENT, .again = true),
        .answer = {.status = RINGCACHE_NOT_STORED, .message = BYTES(TOO_MUCH)}},
    /* errors */
    {BYTES(NOT_NUMERIC "\r\n"), ASKED(RC_VERB_INCREMENT),
        .answer = FAILED(RINGCACHE_ESERVER, NOT_NUMERIC, false)},
    {BYTES(NOT_NUMERIC "\r\n"), ASKED(RC_VERB_DECREMENT),
        .answer = FAILED(RINGCACHE_ESERVER, NOT_NUMERIC, false)},
    {BYTES(NOT_NUMERIC "\r\n"), ASKED(RC_VERB_GET),
        .answer = FAILED(RINGCACHE_ESERVER, NOT_NUMERIC, true)},
    {BYTES("CLIENT_ERROR bad data chunk\r\n"), ASKED(RC_VERB_ADD),
        .answer = FAILED(RINGCACHE_ESERVER, "CLIENT_ERROR bad data chunk", true)},
    {BYTES("CLIENT_ERROR unauthenticated\r\n"), ASKED(RC_VERB_NOOP),
        .answer = FAILED(RINGCACHE_EAUTH, "CLIENT_ERROR unauthenticated", true)},
    {BYTES("ERROR\r\n"), ASKED(RC_VERB_GET_AND_TOUCH),
        .answer = FAILED(RINGCACHE_ESERVER, "ERROR", true)},
    {BYTES("SERVER_ERROR out of memory storing object\r\n"), ASKED(RC_VERB_CAS),
        .answer = FAILED(RINGCACHE_ESERVER, "SERVER_ERROR out of memory storing object", false)},
    {BYTES("SERVER_ERROR object too large for cache\r\n"), ASKED(RC_VERB_SET),
        .answer = FAILED(RINGCACHE_ETOOBIG, "SERVER_ERROR object too large for cache", false)},
};

#define OTHER_KEY "the value carries another key"
#define BAD_FLAGS "the client flags of the value are missing or malformed"
#define BAD_LENGTH "the length of the value is missing or malformed"
#define BAD_CAS "the CAS token of the value is missing or malformed"
#define TOO_MANY "more behind a value's length than was asked for"
#define BAD_END "the value does not end where its length says"
#define NO_END "the value is not followed by END"
#define BAD_REPLY "a reply that this command cannot have"
#define BAD_LINE "a line of the reply does not end in CR LF"
#define BAD_SPEECH "not a reply of the memcached classic protocol"

static const struct reply_case bad[] = {
    /* whose value it is */
    {BYTES("VALUE ns:kez 0 5\r\n"), ASKED(RC_VERB_GET), .bad = OTHER_KEY},
    {BYTES("VALUE ns:key2 0 5\r\n"), ASKED(RC_VERB_GET), .bad = OTHER_KEY},
    {BYTES("VALUE ns:ke 0 5\r\n"), ASKED(RC_VERB_GET), .bad = OTHER_KEY},
    {BYTES("VALUE xs:key 0 5\r\n"), ASKED(RC_VERB_GET_AND_TOUCH), .bad = OTHER_KEY},
    {BYTES("VALUE key 0 5\r\n"), ASKED(RC_VERB_GET), .bad = OTHER_KEY},
    {BYTES("VALUE  0 5\r\n"), ASKED(RC_VERB_GET), .bad = OTHER_KEY},
    {BYTES("VALUE \r\n"), ASKED(RC_VERB_GET), .bad = OTHER_KEY},
    /* what the line of a value says */
    {BYTES("VALUE ns:key\r\n"), ASKED(RC_VERB_GET), .bad = BAD_FLAGS},
    {BYTES("VALUE ns:key 4294967296 5\r\n"), ASKED(RC_VERB_GET), .bad = BAD_FLAGS},
    {BYTES("VALUE ns:key -1 5\r\n"), ASKED(RC_VERB_GET), .bad = BAD_FLAGS},
    {BYTES("VALUE ns:key  0 5\r\n"), ASKED(RC_VERB_GET), .bad = BAD_FLAGS},
    {BYTES("VALUE ns:key 0\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VALUE ns:key 0 \r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VALUE ns:key 0 05\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VALUE ns:key 0 -5\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VALUE ns:key 0 +5\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VALUE ns:key 0 18446744073709551616\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VALUE ns:key 0 1073741825\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VALUE ns:key 0 2147483648\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VALUE ns:key 0 18446744073709551615\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VALUE ns:key 0 5 9\r\n"), ASKED(RC_VERB_GET), .bad = TOO_MANY},
    {BYTES("VALUE ns:key 0 5 \r\n"), ASKED(RC_VERB_GET), .bad = TOO_MANY},
    {BYTES("VALUE ns:key 0 5 9 9\r\n"), ASKED(RC_VERB_GET, .want_cas = true), .bad = TOO_MANY},
    {BYTES("VALUE ns:key 0 5\r\n"), ASKED(RC_VERB_GET, .want_cas = true), .bad = BAD_CAS},
    {BYTES("VALUE ns:key 0 5 x\r\n"), ASKED(RC_VERB_GET, .want_cas = true), .bad = BAD_CAS},
    /* ends */
    {BYTES("VALUE ns:key 0 5\r\nhelloo\r\nEND\r"), ASKED(RC_VERB_GET), .bad = BAD_END},
    {BYTES("VALUE ns:key 0 5\r\nhell\r\nEND\r\n0"), ASKED(RC_VERB_GET), .bad = BAD_END},
    {BYTES("VALUE ns:key 0 5\r\nhello\r\nVALUE"), ASKED(RC_VERB_GET), .bad = NO_END},
    {BYTES("VALUE ns:key 0 5\r\nhello\r\nEND \r"), ASKED(RC_VERB_GET), .bad = NO_END},
    {BYTES("END\n"), ASKED(RC_VERB_GET), .bad = BAD_LINE},
    {BYTES("END\r\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LINE},
    {BYTES("STO\rRED\r\n"), ASKED(RC_VERB_SET), .bad = BAD_LINE},
    /* lines that belong to other commands, or to none */
    {BYTES("STORED\r\n"), ASKED(RC_VERB_GET), .bad = BAD_REPLY},
    {BYTES("NOT_FOUND\r\n"), ASKED(RC_VERB_GET), .bad = BAD_REPLY},
    {BYTES("VALUES ns:key 0 5\r\n"), ASKED(RC_VERB_GET), .bad = BAD_REPLY},
    {BYTES("END \r\n"), ASKED(RC_VERB_GET), .bad = BAD_REPLY},
    {BYTES("42\r\n"), ASKED(RC_VERB_GET), .bad = BAD_REPLY},
    {BYTES("END\r\n"), ASKED(RC_VERB_SET), .bad = BAD_REPLY},
    {BYTES("EXISTS\r\n"), ASKED(RC_VERB_SET), .bad = BAD_REPLY},
    {BYTES("VALUE ns:key 0 5\r\n"), ASKED(RC_VERB_SET), .bad = BAD_REPLY},
    {BYTES("EXISTS\r\n"), ASKED(RC_VERB_ADD), .bad = BAD_REPLY},
    {BYTES("NOT_FOUND\r\n"), ASKED(RC_VERB_REPLACE), .bad = BAD_REPLY},
    {BYTES("NOT_FOUND\r\n"), ASKED(RC_VERB_APPEND), .bad = BAD_REPLY},
    {BYTES("STOREDX\r\n"), ASKED(RC_VERB_PREPEND), .bad = BAD_REPLY},
    {BYTES("NOT_STORED\r\n"), ASKED(RC_VERB_CAS), .bad = BAD_REPLY},
    {BYTES("TOUCHED\r\n"), ASKED(RC_VERB_DELETE), .bad = BAD_REPLY},
    {BYTES("DELETED\r\n"), ASKED(RC_VERB_TOUCH), .bad = BAD_REPLY},
    {BYTES("VERSION 1.6.18\r\n"), ASKED(RC_VERB_TOUCH), .bad = BAD_REPLY},
    {BYTES("VERSION\r\n"), ASKED(RC_VERB_NOOP), .bad = BAD_REPLY},
    {BYTES("STORED\r\n"), ASKED(RC_VERB_INCREMENT), .bad = BAD_REPLY},
    {BYTES("042\r\n"), ASKED(RC_VERB_INCREMENT), .bad = BAD_REPLY},
    {BYTES("42 \r\n"), ASKED(RC_VERB_DECREMENT), .bad = BAD_REPLY},
    {BYTES("18446744073709551616\r\n"), ASKED(RC_VERB_INCREMENT), .bad = BAD_REPLY},
    {BYTES("ERRORS\r\n"), ASKED(RC_VERB_GET), .bad = BAD_REPLY},
    {BYTES("VERSION 1.6.18\r\n"), ASKED(RC_VERB_AUTH), .bad = BAD_REPLY},
    /* other protocols */
    {BYTES("HD\r\n"), ASKED(RC_VERB_SET), .bad = BAD_SPEECH},
    {BYTES("MN\r\n"), ASKED(RC_VERB_NOOP), .bad = BAD_SPEECH},
    {BYTES("+OK\r\n"), ASKED(RC_VERB_SET), .bad = BAD_SPEECH},
    {BYTES("-5\r\n"), ASKED(RC_VERB_INCREMENT), .bad = BAD_SPEECH},
    {BYTES("\r\n"), ASKED(RC_VERB_GET), .bad = BAD_SPEECH},
    {BYTES("EN O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_REPLY},
};

static void every_reply_means_the_same_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        check_reply(&rc_codec_classic, &good[i]);
    }
}

static void every_broken_reply_is_refused_with_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        check_refusal(&rc_codec_classic, &bad[i]);
    }
}

static void no_mutated_value_is_delivered_under_another_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct rc_expect stranger = good[i].expect;
        stranger.key = rc_slice_text("another");
        if (rc_slice_starts(good[i].bytes, "VALUE ")) {
            check_mutations(&rc_codec_classic, good[i].bytes, &stranger, 50000);
        }
    }
}

static void a_value_of_exactly_the_cap_is_taken_and_needs_exactly_its_length(void **state)
{
    (void)state;
    static const char head[] = "VALUE ns:key 0 70000\r\n";
    static const char tail[] = "\r\nEND\r\n";
    size_t len = sizeof head - 1 + TEST_MAX_VALUE_BYTES + sizeof tail - 1;
    unsigned char *bytes = calloc(1, len);
    assert_non_null(bytes);
    memcpy(bytes, head, sizeof head - 1);
    memcpy(bytes + len - (sizeof tail - 1), tail, sizeof tail - 1);
    struct reply_case reply = {
        .bytes = rc_slice(bytes, len),
        .expect = ASKED(RC_VERB_GET),
        .answer.value = rc_slice(bytes + sizeof head - 1, TEST_MAX_VALUE_BYTES),
    };
    struct rc_decoder decoder = {.limits.max_value_bytes = TEST_MAX_VALUE_BYTES};
    struct rc_slice part = rc_slice(bytes, sizeof head - 1);
    assert_int_equal(decode_copy(&rc_codec_classic, &decoder, part, &reply), RC_DECODED_MORE);
    assert_int_equal(decoder.need, len);
    part.len = len - 1;
    assert_int_equal(decode_copy(&rc_codec_classic, &decoder, part, &reply), RC_DECODED_MORE);
    assert_int_equal(decode_copy(&rc_codec_classic, &decoder, reply.bytes, &reply), RC_DECODED_ONE);
    free(bytes);
}

#define ASK(...) .prefix = BYTES("n:"), .key = BYTES("k"), .verb = __VA_ARGS__

static const struct {
    struct rc_command command;
    struct rc_slice bytes;
} encodings[] = {
    {{ASK(RC_VERB_GET), .strict = true, .token = 5}, BYTES("get n:k\r\n")},
    {{ASK(RC_VERB_GET), .want_cas = true}, BYTES("gets n:k\r\n")},
    {{ASK(RC_VERB_GET_AND_TOUCH), .exptime_s = 60}, BYTES("gat 60 n:k\r\n")},
    {{ASK(RC_VERB_GET_AND_TOUCH), .want_cas = true}, BYTES("gats 0 n:k\r\n")},
    {{ASK(RC_VERB_SET), .value = BYTES("hello"), .flags = 7, .exptime_s = 60},
        BYTES("set n:k 7 60 5\r\nhello\r\n")},
    {{ASK(RC_VERB_ADD), .value = BYTES("a\r\nb")}, BYTES("add n:k 0 0 4\r\na\r\nb\r\n")},
    {{ASK(RC_VERB_REPLACE), .exptime_s = -1}, BYTES("replace n:k 0 -1 0\r\n\r\n")},
    {{ASK(RC_VERB_APPEND), .value = BYTES("x")}, BYTES("append n:k 0 0 1\r\nx\r\n")},
    {{ASK(RC_VERB_PREPEND), .value = BYTES("x")}, BYTES("prepend n:k 0 0 1\r\nx\r\n")},
    {{ASK(RC_VERB_CAS), .value = BYTES("x"), .cas = 17}, BYTES("cas n:k 0 0 1 17\r\nx\r\n")},
    {{ASK(RC_VERB_CAS), .flags = UINT32_MAX, .exptime_s = INT64_MIN, .cas = UINT64_MAX},
        BYTES("cas n:k 4294967295 -9223372036854775808 0 18446744073709551615\r\n\r\n")},
    {{ASK(RC_VERB_DELETE)}, BYTES("delete n:k\r\n")},
    {{ASK(RC_VERB_DELETE), .cas = UINT64_MAX},
        BYTES("cas n:k 0 -1 0 18446744073709551615\r\n\r\n")},
    {{ASK(RC_VERB_TOUCH), .exptime_s = INT64_MAX}, BYTES("touch n:k 9223372036854775807\r\n")},
    {{ASK(RC_VERB_TOUCH)}, BYTES("touch n:k 0\r\n")},
    {{ASK(RC_VERB_INCREMENT), .delta = INT64_MAX}, BYTES("incr n:k 9223372036854775807\r\n")},
    {{ASK(RC_VERB_DECREMENT), .delta = 3}, BYTES("decr n:k 3\r\n")},
    {{ASK(RC_VERB_INCREMENT), .delta = 3, .again = true}, BYTES("decr n:k 3\r\n")},
    {{.verb = RC_VERB_VERSION}, BYTES("version\r\n")},
    {{.verb = RC_VERB_NOOP}, BYTES("version\r\n")},
};

static void commands_are_encoded_to_the_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(encodings); i++) {
        check_encoding(&rc_codec_classic, &encodings[i].command, encodings[i].bytes);
    }
}

static void what_classic_lacks_is_not_supported(void **state)
{
    (void)state;
    static const struct rc_command lacking[] = {
        {ASK(RC_VERB_GET), .want_ttl = true},
        {ASK(RC_VERB_GET_AND_TOUCH), .want_ttl = true, .want_cas = true},
        {ASK(RC_VERB_INCREMENT), .with_initial = true},
        {ASK(RC_VERB_DECREMENT), .with_initial = true},
        {ASK(RC_VERB_LEASE), .lease_ms = 1000, .want_cas = true},
        {ASK(RC_VERB_FILL), .cas = 1},
        {ASK(RC_VERB_UNLEASE), .cas = 1},
        {.verb = RC_VERB_SETTINGS},
        {.verb = RC_VERB_AUTH},
        {.verb = RC_VERB_SELECT},
        {.verb = RC_VERB_CLIENT_ID},
        {.verb = RC_VERB_INFO},
        {.verb = RC_VERB_CLIENT_KILL},
        {.verb = RC_VERB_ECHO},
    };
    for (size_t i = 0; i < COUNT(lacking); i++) {
        check_unsupported(&rc_codec_classic, &lacking[i]);
    }
}

static void a_value_beyond_memory_is_refused_before_a_byte_is_written(void **state)
{
    (void)state;
    struct rc_buf out = {0};
    struct rc_command command = {.verb = RC_VERB_APPEND, .key = BYTES("k")};
    command.value = rc_slice("", SIZE_MAX / 2);
    assert_int_equal(rc_codec_classic.encode(&out, &command), RINGCACHE_ENOMEM);
    command.value.len = SIZE_MAX;
    assert_int_equal(rc_codec_classic.bound(&command), SIZE_MAX);
    assert_int_equal(out.len, 0);
    rc_buf_deinit(&out);
}

static void keys_of_values_and_of_sums_are_kept(void **state)
{
    (void)state;
    for (int verb = RC_VERB_GET; verb <= RC_VERB_CLIENT_KILL; verb++) {
        const struct rc_command command = {.verb = (enum rc_verb)verb, .strict = true};
        bool kept = verb == RC_VERB_GET_AND_TOUCH || verb == RC_VERB_INCREMENT;
        assert_int_equal(rc_codec_classic.keeps_key(&command), kept);
    }
}

static void unsolicited_error_lines_are_quoted(void **state)
{
    (void)state;
    struct rc_slice said =
        rc_codec_classic.unsolicited(rc_slice_text("ERROR Too many open connections\r\n"));
    assert_true(rc_slice_equal(said, rc_slice_text("ERROR Too many open connections")));
    said = rc_codec_classic.unsolicited(rc_slice_text("STORED\r\n"));
    assert_true(rc_slice_equal(said, rc_slice_text("bytes came that nothing had asked for")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reply_means_the_same_at_every_split),
        cmocka_unit_test(every_broken_reply_is_refused_with_its_reason),
        cmocka_unit_test(no_mutated_value_is_delivered_under_another_key),
        cmocka_unit_test(a_value_of_exactly_the_cap_is_taken_and_needs_exactly_its_length),
        cmocka_unit_test(commands_are_encoded_to_the_byte),
        cmocka_unit_test(what_classic_lacks_is_not_supported),
        cmocka_unit_test(a_value_beyond_memory_is_refused_before_a_byte_is_written),
        cmocka_unit_test(keys_of_values_and_of_sums_are_kept),
        cmocka_unit_test(unsolicited_error_lines_are_quoted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

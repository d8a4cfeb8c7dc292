/* SPDX-License-Identifier: MIT */
#include "reply_check.h"

#include <stdlib.h>
#include <string.h>

#include "codec/resp_frame.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { ANY_LENGTH = 1 << 20 };

/* A reply, and what its scan must have counted. */
static const struct {
    struct rc_slice bytes;
    uint32_t elements;
    size_t text_bytes;
} frames[] = {
    {BYTES("+OK\r\n"), 1, 2},
    {BYTES("-ERR no\r\n"), 1, 6},
    {BYTES(":-9223372036854775808\r\n"), 1, 0},
    {BYTES("$-1\r\n"), 1, 0},
    {BYTES("$5\r\n*1\r\n:\r\n"), 1, 5},
    {BYTES("*0\r\n"), 1, 0},
    {BYTES("*-1\r\n"), 1, 0},
    {BYTES("*2\r\n$3\r\nfoo\r\n$-1\r\n"), 3, 3},
    {BYTES("*3\r\n*0\r\n*-1\r\n*1\r\n*1\r\n+a\r\n"), 6, 1},
    {BYTES("*2\r\n*2\r\n:1\r\n$2\r\n\r\n\r\n*2\r\n+x\r\n-E y\r\n"), 7, 6},
};

static void a_frame_ends_at_its_last_byte_however_it_was_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(frames); i++) {
        size_t len = frames[i].bytes.len;
        for (size_t cut = 0; cut <= len; cut++) {
            struct rc_resp_scan scan = {0};
            const char *why = NULL;
            struct rc_slice part = copy_bytes(rc_slice(frames[i].bytes.data, cut));
            enum rc_decoded got = rc_resp_frame(&scan, part, ANY_LENGTH, &why);
            free_bytes(part);
            assert_int_equal(got, cut < len ? RC_DECODED_MORE : RC_DECODED_ONE);
            if (cut < len) {
                assert_in_range(scan.need, cut + 1, len);
                struct rc_slice whole = copy_bytes(frames[i].bytes);
                assert_int_equal(rc_resp_frame(&scan, whole, len, &why), RC_DECODED_ONE);
                free_bytes(whole);
            }
            assert_int_equal(scan.offset, len);
            assert_int_equal(scan.elements, frames[i].elements);
            assert_int_equal(scan.text_bytes, frames[i].text_bytes);
        }
    }
}

static void a_frame_that_arrives_bytewise_counts_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(frames); i++) {
        struct rc_resp_scan scan = {0};
        const char *why = NULL;
        for (size_t cut = 0; cut < frames[i].bytes.len; cut++) {
            struct rc_slice part = copy_bytes(rc_slice(frames[i].bytes.data, cut));
            assert_int_equal(rc_resp_frame(&scan, part, ANY_LENGTH, &why), RC_DECODED_MORE);
            assert_in_range(scan.need, cut + 1, frames[i].bytes.len);
            free_bytes(part);
        }
        assert_int_equal(rc_resp_frame(&scan, frames[i].bytes, ANY_LENGTH, &why), RC_DECODED_ONE);
        assert_int_equal(scan.elements, frames[i].elements);
    }
}

static void of_two_frames_back_to_back_the_first_alone_is_taken(void **state)
{
    (void)state;
    const struct rc_slice both = BYTES("*1\r\n*1\r\n+a\r\n*2\r\n");
    struct rc_resp_scan scan = {0};
    const char *why = NULL;
    assert_int_equal(rc_resp_frame(&scan, both, ANY_LENGTH, &why), RC_DECODED_ONE);
    assert_int_equal(scan.offset, 12);
}

#define BAD_LENGTH "a length in the reply is malformed"
#define NOT_A_NUMBER "a number of the reply is malformed"
#define BAD_LINE "a line of the reply does not end in CR LF"
#define TOO_LONG "a line of the reply is too long"
#define TOO_MANY "an array of the reply has too many elements"
#define TOO_LARGE "the reply is larger than its bound"
#define RESP3 "a RESP3 reply on a RESP2 connection"

static const struct {
    struct rc_slice bytes;
    const char *why;
} broken[] = {
    {BYTES("*1048577\r\n"), TOO_MANY},
    {BYTES("*2147483648\r\n"), TOO_MANY},
    {BYTES("*4294967296\r\n"), TOO_MANY},
    {BYTES("*9223372036854775808\r\n"), TOO_MANY},
    {BYTES("*18446744073709551616\r\n"), BAD_LENGTH},
    {BYTES("*99999999999999999999999999"), TOO_LONG},
    {BYTES("*-2\r\n"), BAD_LENGTH},
    {BYTES("*+1\r\n"), BAD_LENGTH},
    {BYTES("*01\r\n"), BAD_LENGTH},
    {BYTES("*\r\n"), BAD_LENGTH},
    {BYTES("*1 \r\n"), BAD_LENGTH},
    {BYTES("*1\n"), BAD_LINE},
    {BYTES("*2\r\n*1048575\r\n"), "the reply has too many elements"},
    {BYTES("*2\r\n:1\r\n:x\r\n"), NOT_A_NUMBER},
    {BYTES("*2\r\n$1\r\naXX"), "the value does not end where its length says"},
    {BYTES("*2\r\n$1048577\r\n"), "a value of the reply is too long"},
    {BYTES("*2\r\n$1048561\r\n"), TOO_LARGE},
    {BYTES("*2\r\n%1\r\n"), RESP3},
    {BYTES("*2\r\n#t\r\n"), RESP3},
    {BYTES(">2\r\n"), RESP3},
    {BYTES("*1\r\nx"), "not a reply of the RESP2 protocol"},
    {BYTES("*1\r\n\r\n"), "not a reply of the RESP2 protocol"},
};

static void broken_and_hostile_frames_are_refused_as_soon_as_it_shows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(broken); i++) {
        struct rc_resp_scan scan = {0};
        const char *why = NULL;
        enum rc_decoded got = RC_DECODED_MORE;
        for (size_t cut = 0; cut <= broken[i].bytes.len && got == RC_DECODED_MORE; cut++) {
            struct rc_slice part = copy_bytes(rc_slice(broken[i].bytes.data, cut));
            got = rc_resp_frame(&scan, part, ANY_LENGTH, &why);
            free_bytes(part);
        }
        assert_int_equal(got, RC_DECODED_BAD);
        assert_string_equal(why, broken[i].why);
    }
}

/* `depth` arrays within each other around one number. */
static size_t write_nested(unsigned char *out, size_t depth)
{
    for (size_t i = 0; i < depth; i++) {
        memcpy(out + 4 * i, "*1\r\n", 4);
    }
    memcpy(out + 4 * depth, ":1\r\n", 4);
    return 4 * depth + 4;
}

static void arrays_nest_32_deep_and_not_33(void **state)
{
    (void)state;
    unsigned char bytes[4 * 34];
    struct rc_resp_scan scan = {0};
    const char *why = NULL;
    size_t len = write_nested(bytes, 32);
    assert_int_equal(rc_resp_frame(&scan, rc_slice(bytes, len), len, &why), RC_DECODED_ONE);
    assert_int_equal(scan.elements, 33);
    scan = (struct rc_resp_scan){0};
    len = write_nested(bytes, 33);
    assert_int_equal(rc_resp_frame(&scan, rc_slice(bytes, len), len, &why), RC_DECODED_BAD);
    assert_string_equal(why, "the arrays of the reply nest too deep");
}

static void a_reply_has_a_mebi_of_elements_and_not_one_more(void **state)
{
    (void)state;
    struct rc_resp_scan scan = {0};
    const char *why = NULL;
    size_t len = 10 + 4 * (size_t)RC_RESP_ELEMENTS_MAX;
    unsigned char *bytes = malloc(len);
    assert_non_null(bytes);
    memcpy(bytes, "*1048576\r\n", 10);
    for (size_t at = 10; at < len; at += 4) {
        memcpy(bytes + at, ":1\r\n", 4);
    }
    /* in pieces, so that work that grows with what was understood before would show */
    for (size_t part = 0; part < len; part += 64) {
        rc_resp_frame(&scan, rc_slice(bytes, part), len, &why);
    }
    assert_int_equal(rc_resp_frame(&scan, rc_slice(bytes, len), len, &why), RC_DECODED_ONE);
    assert_int_equal(scan.elements, RC_RESP_ELEMENTS_MAX + 1);
    scan = (struct rc_resp_scan){0};
    memcpy(bytes + 10, "*0\r\n", 4);
    assert_int_equal(rc_resp_frame(&scan, rc_slice(bytes, len), len, &why), RC_DECODED_ONE);
    scan = (struct rc_resp_scan){0};
    memcpy(bytes + 10, "*1\r\n", 4);
    assert_int_equal(rc_resp_frame(&scan, rc_slice(bytes, len), len, &why), RC_DECODED_BAD);
    free(bytes);
}

static void a_frame_of_exactly_its_bound_is_taken_and_a_longer_one_is_not(void **state)
{
    (void)state;
    const char *why = NULL;
    for (size_t i = 0; i < COUNT(frames); i++) {
        struct rc_resp_scan scan = {0};
        size_t len = frames[i].bytes.len;
        assert_int_equal(rc_resp_frame(&scan, frames[i].bytes, len, &why), RC_DECODED_ONE);
        scan = (struct rc_resp_scan){0};
        assert_int_equal(rc_resp_frame(&scan, frames[i].bytes, len - 1, &why), RC_DECODED_BAD);
    }
}

/* Walk `bytes` up to `cut` and then to the end; the walk's state carries over. */
static void walk_with_cut(struct rc_slice bytes, size_t cut)
{
    static const char *const wanted[] = {"one", NULL, ""};
    struct rc_resp_bulks bulks = {.bulk_bytes = 3};
    struct rc_resp_token element;
    const char *why = NULL;
    struct rc_slice part = copy_bytes(rc_slice(bytes.data, cut));
    bool begun = rc_resp_bulks_begin(&bulks, part, 3, &why) == RC_DECODED_ONE;
    while (begun && bulks.left > 0 &&
           rc_resp_bulks_next(&bulks, part, &element, &why) == RC_DECODED_ONE) {
    }
    free_bytes(part);
    if (cut < bytes.len) {
        assert_in_range(bulks.need, cut + 1, bytes.len);
    }
    if (!begun) {
        assert_int_equal(rc_resp_bulks_begin(&bulks, bytes, 3, &why), RC_DECODED_ONE);
    }
    while (bulks.left > 0) {
        const char *text = wanted[3 - bulks.left];
        assert_int_equal(rc_resp_bulks_next(&bulks, bytes, &element, &why), RC_DECODED_ONE);
        assert_int_equal(element.nil, text == NULL);
        assert_true(rc_slice_equal(element.text, rc_slice_text(text != NULL ? text : "")));
    }
    assert_int_equal(bulks.offset, bytes.len);
}

static void an_array_of_bulks_is_walked_while_it_arrives(void **state)
{
    (void)state;
    const struct rc_slice bytes = BYTES("*3\r\n$3\r\none\r\n$-1\r\n$0\r\n\r\n");
    for (size_t cut = 0; cut <= bytes.len; cut++) {
        walk_with_cut(bytes, cut);
    }
}

static enum rc_decoded walk_all(struct rc_slice bytes, uint64_t count, const char **why)
{
    struct rc_resp_bulks bulks = {.bulk_bytes = 3};
    struct rc_resp_token element;
    enum rc_decoded got = rc_resp_bulks_begin(&bulks, bytes, count, why);
    while (got == RC_DECODED_ONE && bulks.left > 0) {
        got = rc_resp_bulks_next(&bulks, bytes, &element, why);
    }
    return got;
}

static void a_walk_refuses_other_counts_types_and_lengths(void **state)
{
    (void)state;
    static const struct rc_slice wrong[] = {
        BYTES("*1\r\n$1\r\na\r\n"),
        BYTES("*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n"),
        BYTES("*-1\r\n"),
        BYTES("$-1\r\n"),
        BYTES("-ERR\r\n"),
        BYTES("*2\r\n:1\r\n"),
        BYTES("*2\r\n$1\r\na\r\n*0\r\n"),
        BYTES("*2\r\n$4\r\n"),
        BYTES("*2\r\n$01\r\n"),
        BYTES("*2\r\n$1\r\nab\r\n"),
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        const char *why = NULL;
        assert_int_equal(walk_all(wrong[i], 2, &why), RC_DECODED_BAD);
        assert_non_null(why);
    }
    const char *why = NULL;
    assert_int_equal(walk_all(wrong[0], 1, &why), RC_DECODED_ONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_ends_at_its_last_byte_however_it_was_split),
        cmocka_unit_test(a_frame_that_arrives_bytewise_counts_the_same),
        cmocka_unit_test(of_two_frames_back_to_back_the_first_alone_is_taken),
        cmocka_unit_test(broken_and_hostile_frames_are_refused_as_soon_as_it_shows),
        cmocka_unit_test(arrays_nest_32_deep_and_not_33),
        cmocka_unit_test(a_reply_has_a_mebi_of_elements_and_not_one_more),
        cmocka_unit_test(a_frame_of_exactly_its_bound_is_taken_and_a_longer_one_is_not),
        cmocka_unit_test(an_array_of_bulks_is_walked_while_it_arrives),
        cmocka_unit_test(a_walk_refuses_other_counts_types_and_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

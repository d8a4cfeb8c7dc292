/* SPDX-License-Identifier: MIT */
#include "reply_check.h"

#include <stdlib.h>
#include <string.h>

#define TOKEN 0xaaaaaaaa1234abcdU
#define ASKED(which)                                                                               \
    {                                                                                              \
        .verb = (which), .token = TOKEN                                                            \
    }
#define ASKED_STRICT(which)                                                                        \
    {                                                                                              \
        .verb = (which), .strict = true, .token = TOKEN, .prefix = BYTES("ns:"),                   \
        .key = BYTES("key")                                                                        \
    }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct reply_case good[] = {
    {BYTES("VA 5 f0 O1234abcd\r\nhello\r\n"), ASKED(RC_VERB_GET),
        .answer = {.value = BYTES("hello")}},
    {BYTES("VA 5 f4294967295 O1234abcd\r\nhello\r\n"), ASKED(RC_VERB_GET),
        .answer = {.value = BYTES("hello"), .flags = UINT32_MAX}},
    {BYTES("VA 0 f7 O1234abcd\r\n\r\n"), ASKED(RC_VERB_GET), .answer = {.flags = 7}},
    {BYTES("VA 4 f0 O1234abcd\r\n 7  \r\n"), ASKED(RC_VERB_GET),
        .answer = {.value = BYTES(" 7  ")}},
    {BYTES("VA 1 O1234abcd f0\r\n\n\r\n"), ASKED(RC_VERB_GET), .answer = {.value = BYTES("\n")}},
    {BYTES("VA 20 f0 O1234abcd\r\nEN O1234abcd\r\n\r\nHD\r\n\r\n"), ASKED(RC_VERB_GET),
        .answer = {.value = BYTES("EN O1234abcd\r\n\r\nHD\r\n")}},
    {BYTES("VA 2 f1 O1234abcd W X Z y123 s2 kother\r\n\0\r\r\n"), ASKED(RC_VERB_GET),
        .answer = {.marks = RC_MARK_STALE | RC_MARK_WON | RC_MARK_FILLING,
            .value = BYTES("\0\r"),
            .flags = 1}},
    {BYTES("VA 5 kns:key f0 O1234abcd\r\nhello\r\n"), ASKED_STRICT(RC_VERB_GET),
        .answer = {.value = BYTES("hello")}},
    {BYTES("VA 0 f0 O1234abcd Z\r\n\r\n"), ASKED(RC_VERB_GET),
        .answer = {.status = RINGCACHE_MISS, .marks = RC_MARK_FILLING}},
    {BYTES("EN O1234abcd\r\n"), ASKED(RC_VERB_GET), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("EN O1234abcd kns:key\r\n"), ASKED_STRICT(RC_VERB_GET),
        .answer = {.status = RINGCACHE_MISS}},
    {BYTES("HD O1234abcd\r\n"), ASKED(RC_VERB_SET), .answer = {.status = RINGCACHE_OK}},
    {BYTES("HD O1234abcd kns:key\r\n"), ASKED_STRICT(RC_VERB_SET),
        .answer = {.status = RINGCACHE_OK}},
    {BYTES("NS O1234abcd\r\n"), ASKED(RC_VERB_SET), .answer = {.status = RINGCACHE_NOT_STORED}},
    {BYTES("EX O1234abcd c17\r\n"), ASKED(RC_VERB_SET), .answer = {.status = RINGCACHE_EXISTS}},
    {BYTES("NF O1234abcd\r\n"), ASKED(RC_VERB_SET), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("HD O1234abcd\r\n"), ASKED(RC_VERB_DELETE), .answer = {.status = RINGCACHE_OK}},
    {BYTES("NF O1234abcd\r\n"), ASKED(RC_VERB_DELETE), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("NF O1234abcd kns:key\r\n"), ASKED_STRICT(RC_VERB_DELETE),
        .answer = {.status = RINGCACHE_MISS}},
    {BYTES("MN\r\n"), ASKED(RC_VERB_NOOP), .answer = {.status = RINGCACHE_OK}},
    {BYTES("VERSION 1.6.18\r\n"), ASKED(RC_VERB_VERSION), .answer = {.value = BYTES("1.6.18")}},
    {BYTES("SERVER_ERROR out of memory storing object\r\n"), ASKED(RC_VERB_SET),
        .answer = {.status = RINGCACHE_ESERVER,
            .message = BYTES("SERVER_ERROR out of memory storing object")}},
    {BYTES("SERVER_ERROR object too large for cache\r\n"), ASKED_STRICT(RC_VERB_SET),
        .answer = {.status = RINGCACHE_ETOOBIG,
            .message = BYTES("SERVER_ERROR object too large for cache")}},
    {BYTES("SERVER_ERROR\r\n"), ASKED(RC_VERB_NOOP),
        .answer = {.status = RINGCACHE_ESERVER, .message = BYTES("SERVER_ERROR")}},
    {BYTES("CLIENT_ERROR bad data chunk\r\n"), ASKED(RC_VERB_SET),
        .answer = {.status = RINGCACHE_ESERVER,
            .message = BYTES("CLIENT_ERROR bad data chunk"),
            .close = true}},
    {BYTES("CLIENT_ERROR unauthenticated\r\n"), ASKED(RC_VERB_VERSION),
        .answer = {.status = RINGCACHE_EAUTH,
            .message = BYTES("CLIENT_ERROR unauthenticated"),
            .close = true}},
    {BYTES("STORED\r\n"), ASKED(RC_VERB_AUTH), .answer = {.status = RINGCACHE_OK}},
    {BYTES("CLIENT_ERROR authentication failure\r\n"), ASKED(RC_VERB_AUTH),
        .answer = {.status = RINGCACHE_EAUTH,
            .message = BYTES("CLIENT_ERROR authentication failure"),
            .close = true}},
    {BYTES("CLIENT_ERROR bad authentication token format\r\n"), ASKED(RC_VERB_AUTH),
        .answer = {.status = RINGCACHE_EAUTH,
            .message = BYTES("CLIENT_ERROR bad authentication token format"),
            .close = true}},
    {BYTES("SERVER_ERROR out of memory storing object\r\n"), ASKED(RC_VERB_AUTH),
        .answer = {.status = RINGCACHE_ESERVER,
            .message = BYTES("SERVER_ERROR out of memory storing object")}},
    {BYTES("ERROR\r\n"), ASKED(RC_VERB_GET),
        .answer = {.status = RINGCACHE_ESERVER, .message = BYTES("ERROR"), .close = true}},
    {BYTES("ERROR Too many open connections\r\n"), ASKED(RC_VERB_DELETE),
        .answer = {.status = RINGCACHE_ESERVER,
            .message = BYTES("ERROR Too many open connections"),
            .close = true}},
};

#define NO_OPAQUE "the reply has no opaque"
#define OTHER_OPAQUE "the reply carries another command's opaque"
#define NO_KEY "the reply has no key"
#define OTHER_KEY "the reply carries another key"
#define BAD_FLAG "a flag of the reply is malformed"
#define BAD_CODE "a reply that this command cannot have"
#define BAD_LENGTH "the length of the value is malformed"
#define BAD_CLIENT_FLAGS "the client flags of the value are missing or malformed"
#define BAD_END "the value does not end where its length says"
#define BAD_LINE "a line of the reply does not end in CR LF"
#define BAD_SPEECH "not a reply of the memcached meta protocol"

static const struct reply_case bad[] = {
    /* whose reply it is */
    {BYTES("EN\r\n"), ASKED(RC_VERB_GET), .bad = NO_OPAQUE},
    {BYTES("HD\r\n"), ASKED(RC_VERB_SET), .bad = NO_OPAQUE},
    {BYTES("NF\r\n"), ASKED(RC_VERB_DELETE), .bad = NO_OPAQUE},
    {BYTES("VA 5 f0\r\n"), ASKED(RC_VERB_GET), .bad = NO_OPAQUE},
    {BYTES("VA 5 f0 O1234abce\r\n"), ASKED(RC_VERB_GET), .bad = OTHER_OPAQUE},
    {BYTES("HD O1234abc\r\n"), ASKED(RC_VERB_SET), .bad = OTHER_OPAQUE},
    {BYTES("HD O1234abcd0\r\n"), ASKED(RC_VERB_SET), .bad = OTHER_OPAQUE},
    {BYTES("HD O1234ABCD\r\n"), ASKED(RC_VERB_SET), .bad = OTHER_OPAQUE},
    {BYTES("HD O\r\n"), ASKED(RC_VERB_SET), .bad = OTHER_OPAQUE},
    {BYTES("NS Oaaaaaaaa\r\n"), ASKED(RC_VERB_SET), .bad = OTHER_OPAQUE},
    {BYTES("EX Oaaaaaaaa\r\n"), ASKED(RC_VERB_SET), .bad = OTHER_OPAQUE},
    {BYTES("EN O1234abcd\r\n"), ASKED_STRICT(RC_VERB_GET), .bad = NO_KEY},
    {BYTES("HD O1234abcd kns:kez\r\n"), ASKED_STRICT(RC_VERB_SET), .bad = OTHER_KEY},
    {BYTES("HD O1234abcd knt:key\r\n"), ASKED_STRICT(RC_VERB_SET), .bad = OTHER_KEY},
    {BYTES("HD O1234abcd kkey\r\n"), ASKED_STRICT(RC_VERB_SET), .bad = OTHER_KEY},
    {BYTES("HD O1234abcd kns:keyy\r\n"), ASKED_STRICT(RC_VERB_SET), .bad = OTHER_KEY},
    {BYTES("VA 1 f0 O1234abcd k\r\n"), ASKED_STRICT(RC_VERB_GET), .bad = OTHER_KEY},
    /* flags */
    {BYTES("HD O1234abcd O1234abcd\r\n"), ASKED(RC_VERB_SET), .bad = BAD_FLAG},
    {BYTES("VA 1 f0 f0 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_FLAG},
    {BYTES("HD O1234abcd \r\n"), ASKED(RC_VERB_SET), .bad = BAD_FLAG},
    {BYTES("HD  O1234abcd\r\n"), ASKED(RC_VERB_SET), .bad = BAD_FLAG},
    {BYTES("HD O1234abcd 7\r\n"), ASKED(RC_VERB_SET), .bad = BAD_FLAG},
    {BYTES("HD O1234abcd [\r\n"), ASKED(RC_VERB_SET), .bad = BAD_FLAG},
    {BYTES("HD O1234abcd \xff\r\n"), ASKED(RC_VERB_SET), .bad = BAD_FLAG},
    {BYTES("MN O1234abcd\r\n"), ASKED(RC_VERB_NOOP), .bad = BAD_FLAG},
    {BYTES("VA 1 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_CLIENT_FLAGS},
    {BYTES("VA 1 f O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_CLIENT_FLAGS},
    {BYTES("VA 1 f4294967296 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_CLIENT_FLAGS},
    {BYTES("VA 1 f-1 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_CLIENT_FLAGS},
    {BYTES("VA 1 f00 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_CLIENT_FLAGS},
    /* codes that belong to other commands */
    {BYTES("HD O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_CODE},
    {BYTES("MN\r\n"), ASKED(RC_VERB_GET), .bad = BAD_CODE},
    {BYTES("NF O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_CODE},
    {BYTES("NS O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_CODE},
    {BYTES("EX O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_CODE},
    {BYTES("VERSION 1.6.18\r\n"), ASKED(RC_VERB_GET), .bad = BAD_CODE},
    {BYTES("VA 1 f0 O1234abcd\r\nx\r\n"), ASKED(RC_VERB_SET), .bad = BAD_CODE},
    {BYTES("EN O1234abcd\r\n"), ASKED(RC_VERB_SET), .bad = BAD_CODE},
    {BYTES("MN\r\n"), ASKED(RC_VERB_SET), .bad = BAD_CODE},
    {BYTES("EN O1234abcd\r\n"), ASKED(RC_VERB_DELETE), .bad = BAD_CODE},
    {BYTES("NS O1234abcd\r\n"), ASKED(RC_VERB_DELETE), .bad = BAD_CODE},
    {BYTES("VA 1 f0 O1234abcd\r\nx\r\n"), ASKED(RC_VERB_DELETE), .bad = BAD_CODE},
    {BYTES("HD O1234abcd\r\n"), ASKED(RC_VERB_NOOP), .bad = BAD_CODE},
    {BYTES("VERSION 1.6.18\r\n"), ASKED(RC_VERB_NOOP), .bad = BAD_CODE},
    {BYTES("MN\r\n"), ASKED(RC_VERB_VERSION), .bad = BAD_CODE},
    {BYTES("VERSION\r\n"), ASKED(RC_VERB_VERSION), .bad = BAD_CODE},
    {BYTES("ERRORS\r\n"), ASKED(RC_VERB_GET), .bad = BAD_CODE},
    {BYTES("SERVER_ERRORS x\r\n"), ASKED(RC_VERB_GET), .bad = BAD_CODE},
    {BYTES("HDO1234abcd\r\n"), ASKED(RC_VERB_SET), .bad = BAD_CODE},
    {BYTES("H\r\n"), ASKED(RC_VERB_SET), .bad = BAD_CODE},
    {BYTES("MN\r\n"), ASKED(RC_VERB_AUTH), .bad = BAD_CODE},
    {BYTES("STORED\r\n"), ASKED(RC_VERB_SET), .bad = BAD_CODE},
    {BYTES("STORED\r\n"), ASKED(RC_VERB_VERSION), .bad = BAD_CODE},
    {BYTES("STORED again\r\n"), ASKED(RC_VERB_AUTH), .bad = BAD_CODE},
    {BYTES("NOT_STORED\r\n"), ASKED(RC_VERB_AUTH), .bad = BAD_CODE},
    {BYTES("VERSION 1.6.18\r\n"), ASKED(RC_VERB_AUTH), .bad = BAD_CODE},
    {BYTES("HTTP/1.1 400 Bad Request\r\n"), ASKED(RC_VERB_GET), .bad = BAD_CODE},
    /* other protocols */
    {BYTES("$5\r\nhello\r\n"), ASKED(RC_VERB_GET), .bad = BAD_SPEECH},
    {BYTES("\x15\x03\x03"), ASKED(RC_VERB_GET), .bad = BAD_SPEECH},
    {BYTES("\r\n"), ASKED(RC_VERB_GET), .bad = BAD_SPEECH},
    {BYTES("en O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_SPEECH},
    /* ends of lines */
    {BYTES("EN O1234abcd\n"), ASKED(RC_VERB_GET), .bad = BAD_LINE},
    {BYTES("EN O1234abcd\r\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LINE},
    {BYTES("EN\r O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LINE},
    {BYTES("EN\nO1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LINE},
    {BYTES("VA 5 f0 O1234abcd\r\nhelloo\r\n"), ASKED(RC_VERB_GET), .bad = BAD_END},
    {BYTES("VA 5 f0 O1234abcd\r\nhello\n\r"), ASKED(RC_VERB_GET), .bad = BAD_END},
    {BYTES("VA 5 f0 O1234abcd\r\nhell\r\nEN"), ASKED(RC_VERB_GET), .bad = BAD_END},
    {BYTES("VA 0 f0 O1234abcd\r\nEN"), ASKED(RC_VERB_GET), .bad = BAD_END},
    /* lengths */
    {BYTES("VA\r\n"), ASKED(RC_VERB_GET), .bad = "a value without its length"},
    {BYTES("VA \r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VA  5 f0 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VA -1 f0 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VA +5 f0 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VA 05 f0 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VA 5x f0 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VA 0x5 f0 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VA f0 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VA 1073741825 f0 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VA 2147483648 f0 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VA 4294967296 f0 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VA 9223372036854775808 f0 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VA 18446744073709551615 f0 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("VA 18446744073709551616 f0 O1234abcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
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
        bool has_opaque = memmem(good[i].bytes.data, good[i].bytes.len, " O1234abcd", 10) != NULL;
        if (has_opaque) {
            check_mutations(&rc_codec_meta, good[i].bytes, &stranger, 50000);
        }
    }
}

static void no_mutated_reply_is_delivered_to_another_key_when_strict(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct rc_expect stranger = good[i].expect;
        stranger.key = rc_slice_text("another");
        if (stranger.prefix.len > 0 && good[i].answer.status >= 0) {
            check_mutations(&rc_codec_meta, good[i].bytes, &stranger, 50000);
        }
    }
}

static void a_value_of_exactly_the_cap_is_taken_and_needs_exactly_its_length(void **state)
{
    (void)state;
    static const char head[] = "VA 70000 f0 O1234abcd\r\n";
    size_t len = sizeof head - 1 + TEST_MAX_VALUE_BYTES + 2;
    unsigned char *bytes = calloc(1, len);
    assert_non_null(bytes);
    memcpy(bytes, head, sizeof head - 1);
    memcpy(bytes + len - 2, "\r\n", 2);
    struct reply_case reply = {
        .bytes = rc_slice(bytes, len),
        .expect = ASKED(RC_VERB_GET),
        .answer.value = rc_slice(bytes + sizeof head - 1, TEST_MAX_VALUE_BYTES),
    };
    struct rc_decoder decoder = {.limits.max_value_bytes = TEST_MAX_VALUE_BYTES};
    struct rc_slice part = rc_slice(bytes, sizeof head - 1);
    assert_int_equal(decode_copy(&rc_codec_meta, &decoder, part, &reply), RC_DECODED_MORE);
    assert_int_equal(decoder.need, len);
    part.len = len - 1;
    assert_int_equal(decode_copy(&rc_codec_meta, &decoder, part, &reply), RC_DECODED_MORE);
    assert_int_equal(decode_copy(&rc_codec_meta, &decoder, reply.bytes, &reply), RC_DECODED_ONE);
    free(bytes);
}

static void a_line_of_2_KiB_is_taken_and_one_byte_more_is_not(void **state)
{
    (void)state;
    char line[2049];
    memset(line, 'x', sizeof line);
    memcpy(line, "SERVER_ERROR ", 13);
    memcpy(line + 2046, "\r\n", 2);
    struct reply_case reply = {
        .bytes = rc_slice(line, 2048),
        .expect = ASKED(RC_VERB_GET),
        .answer = {.status = RINGCACHE_ESERVER, .message = rc_slice(line, 2046)},
    };
    struct rc_decoder decoder = {0};
    assert_int_equal(decode_copy(&rc_codec_meta, &decoder, reply.bytes, &reply), RC_DECODED_ONE);
    memcpy(line + 2046, "x\r\n", 3);
    reply.bytes.len = 2047;
    assert_int_equal(decode_copy(&rc_codec_meta, &decoder, reply.bytes, &reply), RC_DECODED_MORE);
    reply.bytes.len = 2048;
    reply.bad = "a line of the reply is too long";
    decoder.need = 0;
    assert_int_equal(decode_copy(&rc_codec_meta, &decoder, reply.bytes, &reply), RC_DECODED_BAD);
}

static const struct {
    struct rc_command command;
    const char *bytes;
} encodings[] = {
    {{.verb = RC_VERB_GET, .key = BYTES("k"), .token = TOKEN}, "mg k v f O1234abcd\r\n"},
    {{.verb = RC_VERB_GET, .prefix = BYTES("ns:"), .key = BYTES("k"), .strict = true},
        "mg ns:k v f O00000000 k\r\n"},
    {{.verb = RC_VERB_SET, .key = BYTES("k"), .value = BYTES("hello"), .token = TOKEN},
        "ms k 5 O1234abcd\r\nhello\r\n"},
    {{.verb = RC_VERB_SET,
         .prefix = BYTES("ns:"),
         .key = BYTES("k"),
         .token = TOKEN,
         .flags = UINT32_MAX,
         .exptime_s = INT64_MAX,
         .strict = true},
        "ms ns:k 0 F4294967295 T9223372036854775807 O1234abcd k\r\n\r\n"},
    {{.verb = RC_VERB_SET, .key = BYTES("k"), .token = TOKEN, .exptime_s = -1},
        "ms k 0 T-1 O1234abcd\r\n\r\n"},
    {{.verb = RC_VERB_SET, .key = BYTES("k"), .token = TOKEN, .exptime_s = INT64_MIN},
        "ms k 0 T-9223372036854775808 O1234abcd\r\n\r\n"},
    {{.verb = RC_VERB_SET, .key = BYTES("k"), .token = TOKEN, .ttl_ms = 5, .flags = 1},
        "ms k 0 F1 O1234abcd\r\n\r\n"},
    {{.verb = RC_VERB_DELETE, .prefix = BYTES("p"), .key = BYTES("k"), .token = TOKEN},
        "md pk O1234abcd\r\n"},
    {{.verb = RC_VERB_DELETE, .key = BYTES("k"), .token = TOKEN, .strict = true},
        "md k O1234abcd k\r\n"},
    {{.verb = RC_VERB_VERSION}, "version\r\n"},
    {{.verb = RC_VERB_NOOP, .strict = true}, "mn\r\n"},
    {{.verb = RC_VERB_SETTINGS}, "stats settings\r\n"},
    {{.verb = RC_VERB_AUTH, .key = BYTES("cart"), .value = BYTES("open:sesame")},
        "set ringcache.authentication 0 -1 16\r\ncart open:sesame\r\n"},
};

static void commands_are_encoded_to_the_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(encodings); i++) {
        struct rc_slice got = encode_copy(&rc_codec_meta, &encodings[i].command);
        assert_int_equal(got.len, strlen(encodings[i].bytes));
        assert_memory_equal(got.data, encodings[i].bytes, got.len);
        free_bytes(got);
    }
}

static void commands_of_redis_are_not_supported_and_leave_nothing_behind(void **state)
{
    (void)state;
    static const enum rc_verb verbs[] = {
        RC_VERB_SELECT, RC_VERB_CLIENT_ID, RC_VERB_INFO, RC_VERB_CLIENT_KILL, RC_VERB_ECHO};
    struct rc_buf out = {0};
    for (size_t i = 0; i < COUNT(verbs); i++) {
        struct rc_command command = {.verb = verbs[i]};
        assert_int_equal(rc_codec_meta.encode(&out, &command), RINGCACHE_ENOTSUP);
        assert_int_equal(out.len, 0);
    }
    rc_buf_deinit(&out);
}

static void a_value_beyond_memory_is_refused_before_a_byte_is_written(void **state)
{
    (void)state;
    struct rc_buf out = {0};
    struct rc_command command = {.verb = RC_VERB_SET, .key = BYTES("k")};
    command.value = rc_slice("", SIZE_MAX / 2);
    assert_int_equal(rc_codec_meta.encode(&out, &command), RINGCACHE_ENOMEM);
    command.value.len = SIZE_MAX;
    assert_int_equal(rc_codec_meta.bound(&command), SIZE_MAX);
    assert_int_equal(rc_codec_meta.encode(&out, &command), RINGCACHE_ENOMEM);
    assert_int_equal(out.len, 0);
    rc_buf_deinit(&out);
}

/* Take the token up to the next space or line's end, as a server's tokeniser would. */
static struct rc_slice next_word(struct rc_slice *rest)
{
    size_t len = 0;
    while (len < rest->len && rest->data[len] != ' ' && rest->data[len] != '\r') {
        len++;
    }
    struct rc_slice word = rc_slice(rest->data, len);
    size_t skip = len < rest->len && rest->data[len] == ' ' ? len + 1 : len;
    *rest = rc_slice(rest->data + skip, rest->len - skip);
    return word;
}

static void a_server_reads_back_every_byte_that_a_key_and_a_value_may_hold(void **state)
{
    (void)state;
    unsigned char key[250];
    size_t key_len = 0;
    for (unsigned byte = 0x21; byte <= 0xff; byte++) {
        if (byte != 0x7f) {
            key[key_len++] = (unsigned char)byte;
        }
    }
    unsigned char value[512];
    for (unsigned i = 0; i < sizeof value; i++) {
        value[i] = (unsigned char)i;
    }
    struct rc_command command = {.verb = RC_VERB_SET, .token = TOKEN, .strict = true};
    command.prefix = rc_slice(key, 10);
    command.key = rc_slice(key + 10, key_len - 10);
    command.value = rc_slice(value, sizeof value);
    struct rc_slice bytes = encode_copy(&rc_codec_meta, &command);
    struct rc_slice rest = bytes;
    assert_true(rc_slice_equal(next_word(&rest), rc_slice_text("ms")));
    assert_true(rc_slice_equal(next_word(&rest), rc_slice(key, key_len)));
    assert_true(rc_slice_equal(next_word(&rest), rc_slice_text("512")));
    assert_true(rc_slice_equal(next_word(&rest), rc_slice_text("O1234abcd")));
    assert_true(rc_slice_equal(next_word(&rest), rc_slice_text("k")));
    assert_int_equal(rest.len, 2 + sizeof value + 2);
    assert_memory_equal(rest.data, "\r\n", 2);
    assert_memory_equal(rest.data + 2, value, sizeof value);
    assert_memory_equal(rest.data + 2 + sizeof value, "\r\n", 2);
    free_bytes(bytes);
}

static void versions_from_1_6_18_on_are_spoken_to(void **state)
{
    (void)state;
    static const char *const enough[] = {"1.6.18", "1.6.19", "1.6.18_beta", "1.7.0-rc1",
        "1.6.38 (Ubuntu)", "1.10.0", "2.0.0", "1.6.100"};
    static const char *const too_little[] = {"1.6.9", "1.6.17", "VERSION 1.6.18", "1.5.22",
        "1.4.39", "0.9.99", "", "VERSION ", "VERSION", "unknown", "1", "1.6", "1.6.", "1..18",
        "v1.6.18", "1.6.x18", "-1.6.18", "1.6.018", "1.6.99999999999999999999", " 1.6.18"};
    for (size_t i = 0; i < COUNT(enough); i++) {
        assert_true(rc_meta_version_ok(rc_slice_text(enough[i])));
    }
    for (size_t i = 0; i < COUNT(too_little); i++) {
        assert_false(rc_meta_version_ok(rc_slice_text(too_little[i])));
    }
}

static void unsolicited_error_lines_are_quoted_and_nothing_else_is(void **state)
{
    (void)state;
    struct rc_slice said =
        rc_codec_meta.unsolicited(rc_slice_text("ERROR Too many open connections\r\nmore"));
    assert_true(rc_slice_equal(said, rc_slice_text("ERROR Too many open connections")));
    said = rc_codec_meta.unsolicited(rc_slice_text("SERVER_ERROR busy\x1b[2J\r\n"));
    assert_true(rc_slice_equal(said, rc_slice_text("SERVER_ERROR busy")));
    said = rc_codec_meta.unsolicited(rc_slice_text("HD O1234abcd\r\n"));
    assert_true(rc_slice_equal(said, rc_slice_text("bytes came that nothing had asked for")));
    char endless[1000];
    memset(endless, 'x', sizeof endless);
    memcpy(endless, "ERROR ", 6);
    assert_in_range(rc_codec_meta.unsolicited(rc_slice(endless, sizeof endless)).len, 100, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reply_means_the_same_at_every_split),
        cmocka_unit_test(every_broken_reply_is_refused_with_its_reason),
        cmocka_unit_test(no_mutated_reply_is_delivered_to_another_token),
        cmocka_unit_test(no_mutated_reply_is_delivered_to_another_key_when_strict),
        cmocka_unit_test(a_value_of_exactly_the_cap_is_taken_and_needs_exactly_its_length),
        cmocka_unit_test(a_line_of_2_KiB_is_taken_and_one_byte_more_is_not),
        cmocka_unit_test(commands_are_encoded_to_the_byte),
        cmocka_unit_test(commands_of_redis_are_not_supported_and_leave_nothing_behind),
        cmocka_unit_test(a_value_beyond_memory_is_refused_before_a_byte_is_written),
        cmocka_unit_test(a_server_reads_back_every_byte_that_a_key_and_a_value_may_hold),
        cmocka_unit_test(versions_from_1_6_18_on_are_spoken_to),
        cmocka_unit_test(unsolicited_error_lines_are_quoted_and_nothing_else_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "reply_check.h"

#include <stdio.h>

#include <stdlib.h>
#include <string.h>

#define TOKEN 0x0123456789abcdefU
#define ECHOED "$16\r\n0123456789abcdef\r\n"
#define ASKED(which)                                                                               \
    {                                                                                              \
        .verb = (which), .token = TOKEN                                                            \
    }
#define ASKED_STRICT(which)                                                                        \
    {                                                                                              \
        .verb = (which), .strict = true, .token = TOKEN                                            \
    }
#define REFUSED(text)                                                                              \
    {                                                                                              \
        .status = RINGCACHE_ESERVER, .message = BYTES(text)                                        \
    }
#define REFUSED_AS(what, text)                                                                     \
    {                                                                                              \
        .status = RINGCACHE_ESERVER, .refusal = RC_REFUSAL_##what, .message = BYTES(text)          \
    }
#define UNKNOWN_TO_IT(text)                                                                        \
    {                                                                                              \
        .status = RINGCACHE_EAUTH, .message = BYTES(text)                                          \
    }
#define INFO_TEXT                                                                                  \
    "# Server\r\nredis_version:7.0.15\r\nnot_run_id:x\r\nrun_id:5f0c\r\ntcp_port:6379\r\n"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct reply_case good[] = {
    {BYTES("$5\r\nhello\r\n"), ASKED(RC_VERB_GET), .answer = {.value = BYTES("hello")}},
    {BYTES("$0\r\n\r\n"), ASKED(RC_VERB_GET), .answer = {.status = RINGCACHE_OK}},
    {BYTES("$1\r\n\n\r\n"), ASKED(RC_VERB_GET), .answer = {.value = BYTES("\n")}},
    {BYTES("$10\r\n\0\r\n$3\r\n+OK\r\n"), ASKED(RC_VERB_GET),
        .answer = {.value = BYTES("\0\r\n$3\r\n+OK")}},
    {BYTES("$-1\r\n"), ASKED(RC_VERB_GET), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("-WRONGTYPE Operation against a key\r\n"), ASKED(RC_VERB_GET),
        .answer = REFUSED("WRONGTYPE Operation against a key")},
    {BYTES("$5\r\nhello\r\n" ECHOED), ASKED_STRICT(RC_VERB_GET),
        .answer = {.value = BYTES("hello")}},
    {BYTES("$23\r\n" ECHOED "\r\n" ECHOED), ASKED_STRICT(RC_VERB_GET),
        .answer = {.value = BYTES(ECHOED)}},
    {BYTES("$-1\r\n" ECHOED), ASKED_STRICT(RC_VERB_GET), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("-LOADING dataset in memory\r\n" ECHOED), ASKED_STRICT(RC_VERB_GET),
        .answer = REFUSED_AS(NOT_NOW, "LOADING dataset in memory")},
    {BYTES("+OK\r\n"), ASKED(RC_VERB_SET), .answer = {.status = RINGCACHE_OK}},
    {BYTES("+OK\r\n" ECHOED), ASKED_STRICT(RC_VERB_SET), .answer = {.status = RINGCACHE_OK}},
    {BYTES("-OOM command not allowed\r\n"), ASKED(RC_VERB_SET),
        .answer = REFUSED_AS(UNRUN, "OOM command not allowed")},
    {BYTES("-READONLY You can't write\r\n" ECHOED), ASKED_STRICT(RC_VERB_SET),
        .answer = REFUSED_AS(REPLICA, "READONLY You can't write")},
    {BYTES("-MOVED 1234 10.0.0.9:6379\r\n"), ASKED(RC_VERB_SET),
        .answer = REFUSED_AS(CLUSTER, "MOVED 1234 10.0.0.9:6379")},
    {BYTES("-BUSY Redis is busy\r\n"), ASKED(RC_VERB_NOOP),
        .answer = REFUSED_AS(NOT_NOW, "BUSY Redis is busy")},
    {BYTES("-ERR max number of clients reached\r\n"), ASKED(RC_VERB_CLIENT_ID),
        .answer = REFUSED("ERR max number of clients reached")},
    {BYTES("-ERR Protocol error: invalid bulk length\r\n"), ASKED(RC_VERB_SET),
        .answer = {.status = RINGCACHE_ESERVER,
            .close = true,
            .message = BYTES("ERR Protocol error: invalid bulk length")}},
    {BYTES("-\r\n"), ASKED(RC_VERB_SET), .answer = {.status = RINGCACHE_ESERVER}},
    {BYTES(":1\r\n"), ASKED(RC_VERB_DELETE), .answer = {.status = RINGCACHE_OK}},
    {BYTES(":0\r\n"), ASKED(RC_VERB_DELETE), .answer = {.status = RINGCACHE_MISS}},
    {BYTES(":1\r\n" ECHOED), ASKED_STRICT(RC_VERB_DELETE), .answer = {.status = RINGCACHE_OK}},
    {BYTES("+PONG\r\n"), ASKED(RC_VERB_NOOP), .answer = {.status = RINGCACHE_OK}},
    {BYTES("+PONG\r\n"), ASKED_STRICT(RC_VERB_NOOP), .answer = {.status = RINGCACHE_OK}},
    {BYTES("+OK\r\n"), ASKED_STRICT(RC_VERB_AUTH), .answer = {.status = RINGCACHE_OK}},
    {BYTES("-WRONGPASS invalid pair\r\n"), ASKED(RC_VERB_AUTH),
        .answer = UNKNOWN_TO_IT("WRONGPASS invalid pair")},
    {BYTES("-ERR invalid password\r\n"), ASKED(RC_VERB_AUTH),
        .answer = UNKNOWN_TO_IT("ERR invalid password")},
    {BYTES("-ERR AUTH <password> called without any\r\n"), ASKED(RC_VERB_AUTH),
        .answer = UNKNOWN_TO_IT("ERR AUTH <password> called without any")},
    {BYTES("-ERR Client sent AUTH, but no password is set\r\n"), ASKED(RC_VERB_AUTH),
        .answer = UNKNOWN_TO_IT("ERR Client sent AUTH, but no password is set")},
    {BYTES("-NOAUTH Authentication required.\r\n"), ASKED(RC_VERB_NOOP),
        .answer = {.status = RINGCACHE_EAUTH,
            .close = true,
            .message = BYTES("NOAUTH Authentication required.")}},
    {BYTES("-NOPERM no permissions\r\n"), ASKED(RC_VERB_GET),
        .answer = UNKNOWN_TO_IT("NOPERM no permissions")},
    {BYTES("+OK\r\n"), ASKED(RC_VERB_SELECT), .answer = {.status = RINGCACHE_OK}},
    {BYTES("-ERR DB index is out of range\r\n"), ASKED(RC_VERB_SELECT),
        .answer = REFUSED("ERR DB index is out of range")},
    {BYTES(":9223372036854775807\r\n"), ASKED(RC_VERB_CLIENT_ID), .answer = {.number = INT64_MAX}},
    {BYTES("$74\r\n" INFO_TEXT "\r\n"), ASKED(RC_VERB_INFO), .answer = {.value = BYTES("5f0c")}},
    {BYTES("$13\r\nrun_id:abc\r\n\n\r\n"), ASKED(RC_VERB_INFO), .answer = {.value = BYTES("abc")}},
    {BYTES("$10\r\nrun_id:abc\r\n"), ASKED(RC_VERB_INFO), .answer = {.value = BYTES("abc")}},
    {BYTES("$7\r\nrun_id:\r\n"), ASKED(RC_VERB_INFO), .answer = {.status = RINGCACHE_OK}},
    {BYTES("$8\r\n# Server\r\n"), ASKED(RC_VERB_INFO), .answer = {.status = RINGCACHE_OK}},
    {BYTES(":1\r\n"), ASKED(RC_VERB_CLIENT_KILL), .answer = {.number = 1}},
    {BYTES(ECHOED), ASKED(RC_VERB_ECHO), .answer = {.status = RINGCACHE_OK}},
    {BYTES("-ERR unknown command 'ECHO'\r\n"), ASKED(RC_VERB_ECHO),
        .answer = REFUSED("ERR unknown command 'ECHO'")},
    {BYTES(":0\r\n"), ASKED(RC_VERB_CLIENT_KILL), .answer = {.number = 0}},
};

#define BAD_TYPE "a reply of a type that this command cannot have"
#define BAD_STATUS "a status that this command cannot answer"
#define BAD_NUMBER "a number that this command cannot answer"
#define NOT_A_NUMBER "a number of the reply is malformed"
#define BAD_LENGTH "a length in the reply is malformed"
#define TOO_LARGE "a value of the reply is too long"
#define TOO_LONG "a line of the reply is too long"
#define BAD_LINE "a line of the reply does not end in CR LF"
#define BAD_END "the value does not end where its length says"
#define BAD_TOKEN "the reply was not followed by its own token"
#define BAD_ECHO "an echo of something else"
#define NO_ECHO "the server refused ECHO, which integrity=strict needs"
#define RESP3 "a RESP3 reply on a RESP2 connection"
#define BAD_SPEECH "not a reply of the RESP2 protocol"

static const struct reply_case bad[] = {
    /* types and values of other commands */
    {BYTES("+OK\r\n"), ASKED(RC_VERB_GET), .bad = BAD_TYPE},
    {BYTES(":1\r\n"), ASKED(RC_VERB_GET), .bad = BAD_TYPE},
    {BYTES("*0\r\n"), ASKED(RC_VERB_GET), .bad = BAD_TYPE},
    {BYTES("$2\r\nOK\r\n"), ASKED(RC_VERB_SET), .bad = BAD_TYPE},
    {BYTES(":1\r\n"), ASKED(RC_VERB_SET), .bad = BAD_TYPE},
    {BYTES("+PONG\r\n"), ASKED(RC_VERB_SET), .bad = BAD_STATUS},
    {BYTES("+QUEUED\r\n"), ASKED(RC_VERB_SET), .bad = BAD_STATUS},
    {BYTES("+ok\r\n"), ASKED(RC_VERB_SET), .bad = BAD_STATUS},
    {BYTES("+\r\n"), ASKED(RC_VERB_SET), .bad = BAD_STATUS},
    {BYTES("+OK\r\n"), ASKED(RC_VERB_DELETE), .bad = BAD_STATUS},
    {BYTES("$1\r\n1\r\n"), ASKED(RC_VERB_DELETE), .bad = BAD_TYPE},
    {BYTES(":2\r\n"), ASKED(RC_VERB_DELETE), .bad = BAD_NUMBER},
    {BYTES(":-1\r\n"), ASKED(RC_VERB_DELETE), .bad = BAD_NUMBER},
    {BYTES("+OK\r\n"), ASKED(RC_VERB_NOOP), .bad = BAD_STATUS},
    {BYTES("$4\r\nPONG\r\n"), ASKED(RC_VERB_NOOP), .bad = BAD_TYPE},
    {BYTES("+PONG\r\n"), ASKED(RC_VERB_AUTH), .bad = BAD_STATUS},
    {BYTES("+PONG\r\n"), ASKED(RC_VERB_SELECT), .bad = BAD_STATUS},
    {BYTES(":0\r\n"), ASKED(RC_VERB_CLIENT_ID), .bad = BAD_NUMBER},
    {BYTES(":-5\r\n"), ASKED(RC_VERB_CLIENT_ID), .bad = BAD_NUMBER},
    {BYTES("$-1\r\n"), ASKED(RC_VERB_INFO), .bad = "no text in answer to INFO"},
    {BYTES("+OK\r\n"), ASKED(RC_VERB_INFO), .bad = BAD_TYPE},
    {BYTES("+OK\r\n"), ASKED(RC_VERB_CLIENT_KILL), .bad = BAD_TYPE},
    {BYTES("$16\r\n0123456789abcdee\r\n"), ASKED(RC_VERB_ECHO), .bad = BAD_ECHO},
    {BYTES("$15\r\n0123456789abcde\r\n"), ASKED(RC_VERB_ECHO), .bad = BAD_ECHO},
    {BYTES("$-1\r\n"), ASKED(RC_VERB_ECHO), .bad = BAD_ECHO},
    {BYTES("+0123456789abcdef\r\n"), ASKED(RC_VERB_ECHO), .bad = BAD_TYPE},
    {BYTES(":2\r\n"), ASKED(RC_VERB_CLIENT_KILL), .bad = BAD_NUMBER},
    {BYTES("+7.0.15\r\n"), ASKED(RC_VERB_VERSION), .bad = BAD_TYPE},
    {BYTES("*-1\r\n"), ASKED(RC_VERB_GET), .bad = BAD_TYPE},
    /* other protocols */
    {BYTES("%1\r\n"), ASKED(RC_VERB_GET), .bad = RESP3},
    {BYTES("~1\r\n"), ASKED(RC_VERB_GET), .bad = RESP3},
    {BYTES("#t\r\n"), ASKED(RC_VERB_DELETE), .bad = RESP3},
    {BYTES(",1.5\r\n"), ASKED(RC_VERB_DELETE), .bad = RESP3},
    {BYTES("_\r\n"), ASKED(RC_VERB_GET), .bad = RESP3},
    {BYTES("(1\r\n"), ASKED(RC_VERB_DELETE), .bad = RESP3},
    {BYTES("=5\r\ntxt:a\r\n"), ASKED(RC_VERB_GET), .bad = RESP3},
    {BYTES(">2\r\n"), ASKED(RC_VERB_GET), .bad = RESP3},
    {BYTES("|1\r\n"), ASKED(RC_VERB_GET), .bad = RESP3},
    {BYTES("!3\r\n"), ASKED(RC_VERB_GET), .bad = RESP3},
    {BYTES("VA 5 f0\r\n"), ASKED(RC_VERB_GET), .bad = BAD_SPEECH},
    {BYTES("\0"), ASKED(RC_VERB_GET), .bad = BAD_SPEECH},
    {BYTES("\r\n"), ASKED(RC_VERB_GET), .bad = BAD_SPEECH},
    {BYTES("HTTP/1.1 400\r\n"), ASKED(RC_VERB_VERSION), .bad = BAD_SPEECH},
    /* lengths and numbers */
    {BYTES("$1073741825\r\n"), ASKED(RC_VERB_GET), .bad = TOO_LARGE},
    {BYTES("$65537\r\n"), ASKED(RC_VERB_INFO), .bad = TOO_LARGE},
    {BYTES("$2147483648\r\n"), ASKED(RC_VERB_GET), .bad = TOO_LARGE},
    {BYTES("$4294967296\r\n"), ASKED(RC_VERB_GET), .bad = TOO_LARGE},
    {BYTES("$9223372036854775808\r\n"), ASKED(RC_VERB_GET), .bad = TOO_LARGE},
    {BYTES("$18446744073709551615\r\n"), ASKED(RC_VERB_GET), .bad = TOO_LARGE},
    {BYTES("$18446744073709551616\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("$000000000000000000000000"), ASKED(RC_VERB_GET), .bad = TOO_LONG},
    {BYTES("$-2\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("$-01\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("$-\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("$+5\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("$05\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("$ 5\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("$5 \r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("$\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES("$0x5\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LENGTH},
    {BYTES(":\r\n"), ASKED(RC_VERB_DELETE), .bad = NOT_A_NUMBER},
    {BYTES(":-0\r\n"), ASKED(RC_VERB_DELETE), .bad = NOT_A_NUMBER},
    {BYTES(":01\r\n"), ASKED(RC_VERB_DELETE), .bad = NOT_A_NUMBER},
    {BYTES(":+1\r\n"), ASKED(RC_VERB_DELETE), .bad = NOT_A_NUMBER},
    {BYTES(":1.0\r\n"), ASKED(RC_VERB_DELETE), .bad = NOT_A_NUMBER},
    {BYTES(":9223372036854775808\r\n"), ASKED(RC_VERB_CLIENT_ID), .bad = NOT_A_NUMBER},
    /* ends of lines and values */
    {BYTES("+OK\n"), ASKED(RC_VERB_SET), .bad = BAD_LINE},
    {BYTES("+OK\r\r\n"), ASKED(RC_VERB_SET), .bad = BAD_LINE},
    {BYTES("+O\rK\r\n"), ASKED(RC_VERB_SET), .bad = BAD_LINE},
    {BYTES("-ERR a\nb\r\n"), ASKED(RC_VERB_SET), .bad = BAD_LINE},
    {BYTES(":1\n"), ASKED(RC_VERB_DELETE), .bad = BAD_LINE},
    {BYTES("$3\nabc\r\n"), ASKED(RC_VERB_GET), .bad = BAD_LINE},
    {BYTES("$3\r\nabcXX"), ASKED(RC_VERB_GET), .bad = BAD_END},
    {BYTES("$3\r\nabcd\r\n"), ASKED(RC_VERB_GET), .bad = BAD_END},
    {BYTES("$3\r\nab\r\n+"), ASKED(RC_VERB_GET), .bad = BAD_END},
    {BYTES("$0\r\n+O"), ASKED(RC_VERB_GET), .bad = BAD_END},
    {BYTES("$3\r\nabc\n\r"), ASKED(RC_VERB_GET), .bad = BAD_END},
    /* echoes */
    {BYTES("$5\r\nhello\r\n$16\r\n1123456789abcdef\r\n"), ASKED_STRICT(RC_VERB_GET),
        .bad = BAD_TOKEN},
    {BYTES("$5\r\nhello\r\n$16\r\n0123456789abcdee\r\n"), ASKED_STRICT(RC_VERB_GET),
        .bad = BAD_TOKEN},
    {BYTES("$5\r\nhello\r\n$16\r\n0123456789ABCDEF\r\n"), ASKED_STRICT(RC_VERB_GET),
        .bad = BAD_TOKEN},
    {BYTES("$5\r\nhello\r\n$16\r\n0123456789abcdef\n"), ASKED_STRICT(RC_VERB_GET),
        .bad = BAD_TOKEN},
    {BYTES("$5\r\nhello\r\n$5\r\nworld\r\n"), ASKED_STRICT(RC_VERB_GET), .bad = BAD_TOKEN},
    {BYTES("$-1\r\n$-1\r\n"), ASKED_STRICT(RC_VERB_GET), .bad = BAD_TOKEN},
    {BYTES(ECHOED ECHOED "\r\n"), ASKED_STRICT(RC_VERB_SET), .bad = BAD_TYPE},
    {BYTES("+OK\r\n+OK\r\n"), ASKED_STRICT(RC_VERB_SET), .bad = BAD_TOKEN},
    {BYTES(":1\r\n:1\r\n"), ASKED_STRICT(RC_VERB_DELETE), .bad = BAD_TOKEN},
    {BYTES("+OK\r\n-NOPERM\r\n"), ASKED_STRICT(RC_VERB_SET), .bad = NO_ECHO},
    {BYTES("+PONG\r\n" ECHOED), ASKED_STRICT(RC_VERB_SET), .bad = BAD_STATUS},
};

static void every_reply_means_the_same_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        check_reply(&rc_codec_resp, &good[i]);
    }
}

static void every_broken_reply_is_refused_with_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        check_refusal(&rc_codec_resp, &bad[i]);
    }
}

static void a_token_in_place_of_its_reply_is_no_value(void **state)
{
    (void)state;
    const struct rc_expect expect = {.verb = RC_VERB_GET, .strict = true, .token = TOKEN};
    char input[64];
    int len = snprintf(input, sizeof input, "$16\r\n%016llx\r\n$16\r\n%016llx\r\n",
        (unsigned long long)TOKEN, (unsigned long long)TOKEN);
    struct rc_decoder decoder = {.limits.max_value_bytes = 1000};
    struct rc_answer answer = {0};
    size_t consumed = 0;
    assert_int_equal(
        rc_codec_resp.decode(&decoder, rc_slice(input, (size_t)len), &expect, &answer, &consumed),
        RC_DECODED_BAD);
}

static void no_mutated_reply_is_delivered_to_another_token_when_strict(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct rc_expect stranger = good[i].expect;
        stranger.token = 0xfedcba9876543210U;
        if (stranger.strict && stranger.verb <= RC_VERB_DECREMENT) {
            check_mutations(&rc_codec_resp, good[i].bytes, &stranger, 100000);
        }
    }
}

static void a_value_of_exactly_the_cap_is_taken(void **state)
{
    (void)state;
    static const char head[] = "$70000\r\n";
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
    assert_int_equal(decode_copy(&rc_codec_resp, &decoder, part, &reply), RC_DECODED_MORE);
    assert_int_equal(decoder.need, len);
    assert_int_equal(decode_copy(&rc_codec_resp, &decoder, reply.bytes, &reply), RC_DECODED_ONE);
    free(bytes);
}

static void a_line_of_4_KiB_is_taken_and_one_byte_more_is_not(void **state)
{
    (void)state;
    char line[4097];
    memset(line, 'x', sizeof line);
    line[0] = '-';
    memcpy(line + 4094, "\r\n", 2);
    struct reply_case reply = {
        .bytes = rc_slice(line, 4096),
        .expect = ASKED(RC_VERB_GET),
        .answer = {.status = RINGCACHE_ESERVER, .message = rc_slice(line + 1, 4093)},
    };
    struct rc_decoder decoder = {0};
    assert_int_equal(decode_copy(&rc_codec_resp, &decoder, reply.bytes, &reply), RC_DECODED_ONE);
    memcpy(line + 4094, "x\r\n", 3);
    reply.bytes.len = 4095;
    assert_int_equal(decode_copy(&rc_codec_resp, &decoder, reply.bytes, &reply), RC_DECODED_MORE);
    reply.bytes.len = 4096;
    reply.bad = TOO_LONG;
    assert_int_equal(decode_copy(&rc_codec_resp, &decoder, reply.bytes, &reply), RC_DECODED_BAD);
}

#define ECHO_COMMAND "*2\r\n$4\r\nECHO\r\n$16\r\n0123456789abcdef\r\n"

static const struct {
    struct rc_command command;
    struct rc_slice bytes;
} encodings[] = {
    {{.verb = RC_VERB_GET, .key = BYTES("k"), .token = TOKEN},
        BYTES("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")},
    {{.verb = RC_VERB_GET,
         .prefix = BYTES("n:"),
         .key = BYTES("\r\n\0"),
         .token = TOKEN,
         .strict = true},
        BYTES("*2\r\n$3\r\nGET\r\n$5\r\nn:\r\n\0\r\n" ECHO_COMMAND)},
    {{.verb = RC_VERB_SET,
         .key = BYTES("k"),
         .value = BYTES("hello"),
         .token = TOKEN,
         .flags = 7,
         .exptime_s = 9},
        BYTES("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhello\r\n")},
    {{.verb = RC_VERB_SET,
         .prefix = BYTES("n:"),
         .key = BYTES("k"),
         .token = TOKEN,
         .ttl_ms = INT64_MAX,
         .strict = true},
        BYTES("*5\r\n$3\r\nSET\r\n$3\r\nn:k\r\n$0\r\n\r\n$2\r\nPX\r\n"
              "$19\r\n9223372036854775807\r\n" ECHO_COMMAND)},
    {{.verb = RC_VERB_DELETE, .prefix = BYTES("n:"), .key = BYTES("k")},
        BYTES("*2\r\n$3\r\nDEL\r\n$3\r\nn:k\r\n")},
    {{.verb = RC_VERB_NOOP, .strict = true}, BYTES("*1\r\n$4\r\nPING\r\n")},
    {{.verb = RC_VERB_AUTH, .prefix = BYTES("n:"), .value = BYTES("se cret"), .strict = true},
        BYTES("*2\r\n$4\r\nAUTH\r\n$7\r\nse cret\r\n")},
    {{.verb = RC_VERB_AUTH, .prefix = BYTES("n:"), .key = BYTES("user"), .value = BYTES("pw")},
        BYTES("*3\r\n$4\r\nAUTH\r\n$4\r\nuser\r\n$2\r\npw\r\n")},
    {{.verb = RC_VERB_SELECT, .number = 15}, BYTES("*2\r\n$6\r\nSELECT\r\n$2\r\n15\r\n")},
    {{.verb = RC_VERB_CLIENT_ID}, BYTES("*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n")},
    {{.verb = RC_VERB_INFO}, BYTES("*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n")},
    {{.verb = RC_VERB_ECHO, .token = TOKEN}, BYTES(ECHO_COMMAND)},
    {{.verb = RC_VERB_CLIENT_KILL, .number = UINT64_MAX},
        BYTES("*4\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$2\r\nID\r\n"
              "$20\r\n18446744073709551615\r\n")},
};

static void commands_are_encoded_to_the_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(encodings); i++) {
        struct rc_slice got = encode_copy(&rc_codec_resp, &encodings[i].command);
        assert_int_equal(got.len, encodings[i].bytes.len);
        assert_memory_equal(got.data, encodings[i].bytes.data, got.len);
        free_bytes(got);
    }
}

static void what_redis_lacks_or_memory_cannot_hold_leaves_nothing_behind(void **state)
{
    (void)state;
    struct rc_buf out = {0};
    struct rc_command command = {.verb = RC_VERB_SETTINGS};
    assert_int_equal(rc_codec_resp.encode(&out, &command), RINGCACHE_ENOTSUP);
    command = (struct rc_command){.verb = RC_VERB_SET, .value = rc_slice("", SIZE_MAX / 2)};
    assert_int_equal(rc_codec_resp.encode(&out, &command), RINGCACHE_ENOMEM);
    command.value.len = SIZE_MAX;
    assert_int_equal(rc_codec_resp.encode(&out, &command), RINGCACHE_ENOMEM);
    assert_int_equal(out.len, 0);
    rc_buf_deinit(&out);
}

#define LACKING "a reply to a command that Redis does not have"

static void no_reply_answers_what_redis_lacks(void **state)
{
    (void)state;
    static const struct reply_case replies[] = {
        {BYTES("+OK\r\n"), {.verb = RC_VERB_SETTINGS}, .bad = LACKING},
        {BYTES(":1\r\n"), {.verb = RC_VERB_SETTINGS}, .bad = LACKING},
        {BYTES("$1\r\n1\r\n"), {.verb = RC_VERB_SETTINGS}, .bad = LACKING},
    };
    for (size_t i = 0; i < COUNT(replies); i++) {
        check_refusal(&rc_codec_resp, &replies[i]);
    }
}

/* "*<n>" or "$<n>", as a server reads it. */
static size_t read_count(struct rc_slice *rest, char kind)
{
    assert_true(rest->len > 0 && rest->data[0] == (unsigned char)kind);
    char *end;
    size_t count = strtoul((const char *)rest->data + 1, &end, 10);
    assert_memory_equal(end, "\r\n", 2);
    size_t used = (size_t)((const unsigned char *)end + 2 - rest->data);
    *rest = rc_slice(rest->data + used, rest->len - used);
    return count;
}

static struct rc_slice read_argument(struct rc_slice *rest)
{
    size_t len = read_count(rest, '$');
    assert_true(rest->len >= len + 2);
    struct rc_slice argument = rc_slice(rest->data, len);
    assert_memory_equal(rest->data + len, "\r\n", 2);
    *rest = rc_slice(rest->data + len + 2, rest->len - len - 2);
    return argument;
}

static void a_server_reads_back_keys_and_values_of_every_byte(void **state)
{
    (void)state;
    unsigned char all[512];
    for (unsigned i = 0; i < sizeof all; i++) {
        all[i] = (unsigned char)i;
    }
    struct rc_command command = {.verb = RC_VERB_SET, .strict = true, .token = TOKEN};
    command.prefix = rc_slice(all, 100);
    command.key = rc_slice(all + 100, 412);
    command.value = rc_slice(all, sizeof all);
    command.ttl_ms = 1500;
    struct rc_slice bytes = encode_copy(&rc_codec_resp, &command);
    struct rc_slice rest = bytes;
    assert_int_equal(read_count(&rest, '*'), 5);
    assert_true(rc_slice_equal(read_argument(&rest), rc_slice_text("SET")));
    assert_true(rc_slice_equal(read_argument(&rest), rc_slice(all, sizeof all)));
    assert_true(rc_slice_equal(read_argument(&rest), rc_slice(all, sizeof all)));
    assert_true(rc_slice_equal(read_argument(&rest), rc_slice_text("PX")));
    assert_true(rc_slice_equal(read_argument(&rest), rc_slice_text("1500")));
    assert_int_equal(read_count(&rest, '*'), 2);
    assert_true(rc_slice_equal(read_argument(&rest), rc_slice_text("ECHO")));
    assert_true(rc_slice_equal(read_argument(&rest), rc_slice_text("0123456789abcdef")));
    assert_int_equal(rest.len, 0);
    free_bytes(bytes);
}

static void unsolicited_error_lines_are_quoted_and_nothing_else_is(void **state)
{
    (void)state;
    struct rc_slice said =
        rc_codec_resp.unsolicited(rc_slice_text("-ERR max number of clients reached\r\n+OK"));
    assert_true(rc_slice_equal(said, rc_slice_text("ERR max number of clients reached")));
    said = rc_codec_resp.unsolicited(rc_slice_text("-DENIED\x1b[2J"));
    assert_true(rc_slice_equal(said, rc_slice_text("DENIED")));
    said = rc_codec_resp.unsolicited(rc_slice_text("+OK\r\n"));
    assert_true(rc_slice_equal(said, rc_slice_text("bytes came that nothing had asked for")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reply_means_the_same_at_every_split),
        cmocka_unit_test(every_broken_reply_is_refused_with_its_reason),
        cmocka_unit_test(a_token_in_place_of_its_reply_is_no_value),
        cmocka_unit_test(no_mutated_reply_is_delivered_to_another_token_when_strict),
        cmocka_unit_test(a_value_of_exactly_the_cap_is_taken),
        cmocka_unit_test(a_line_of_4_KiB_is_taken_and_one_byte_more_is_not),
        cmocka_unit_test(commands_are_encoded_to_the_byte),
        cmocka_unit_test(no_reply_answers_what_redis_lacks),
        cmocka_unit_test(what_redis_lacks_or_memory_cannot_hold_leaves_nothing_behind),
        cmocka_unit_test(a_server_reads_back_keys_and_values_of_every_byte),
        cmocka_unit_test(unsolicited_error_lines_are_quoted_and_nothing_else_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

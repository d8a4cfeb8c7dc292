/* SPDX-License-Identifier: MIT */
/* RESP beyond GET, SET and DEL: conditions, times, and what runs by scripts. */
#include "reply_check.h"

#include <stdio.h>
#include <string.h>

#include "codec/scripts.h"

#define TOKEN 0x0123456789abcdefU
#define ECHOED "$16\r\n0123456789abcdef\r\n"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ASKED(...)                                                                                 \
    {                                                                                              \
        .token = TOKEN, .verb = __VA_ARGS__                                                        \
    }
#define ASKED_STRICT(...)                                                                          \
    {                                                                                              \
        .token = TOKEN, .strict = true, .verb = __VA_ARGS__                                        \
    }
#define BOTH .want_cas = true, .want_ttl = true
#define REFUSED(text)                                                                              \
    {                                                                                              \
        .status = RINGCACHE_ESERVER, .message = BYTES(text)                                        \
    }
#define NOSCRIPT "NOSCRIPT No matching script. Please use EVAL."
#define NO_SUCH_SCRIPT                                                                             \
    {                                                                                              \
        .status = RINGCACHE_ESERVER, .refusal = RC_REFUSAL_UNRUN, .message = BYTES(NOSCRIPT),      \
        .again = true                                                                              \
    }
#define NO_SCRIPT_OF_OURS                                                                          \
    {                                                                                              \
        .status = RINGCACHE_ESERVER, .refusal = RC_REFUSAL_UNRUN, .message = BYTES(NOSCRIPT)       \
    }
#define NOT_INTEGER "ERR value is not an integer or out of range"
#define WRONGTYPE "WRONGTYPE Operation against a key holding the wrong kind of value"

static const struct reply_case good[] = {
    /* conditional stores */
    {BYTES("+OK\r\n"), ASKED(RC_VERB_ADD), .answer = {.status = RINGCACHE_OK}},
    {BYTES("$-1\r\n"), ASKED(RC_VERB_ADD), .answer = {.status = RINGCACHE_NOT_STORED}},
    {BYTES("+OK\r\n" ECHOED), ASKED_STRICT(RC_VERB_REPLACE), .answer = {.status = RINGCACHE_OK}},
    {BYTES("$-1\r\n" ECHOED), ASKED_STRICT(RC_VERB_REPLACE),
        .answer = {.status = RINGCACHE_NOT_STORED}},
    {BYTES("+OK\r\n"), ASKED(RC_VERB_APPEND), .answer = {.status = RINGCACHE_OK}},
    {BYTES("$-1\r\n"), ASKED(RC_VERB_APPEND), .answer = {.status = RINGCACHE_NOT_STORED}},
    {BYTES("+OK\r\n"), ASKED(RC_VERB_PREPEND), .answer = {.status = RINGCACHE_OK}},
    {BYTES("$-1\r\n"), ASKED(RC_VERB_PREPEND), .answer = {.status = RINGCACHE_NOT_STORED}},
    {BYTES("+OK\r\n" ECHOED), ASKED_STRICT(RC_VERB_CAS), .answer = {.status = RINGCACHE_OK}},
    {BYTES("+EXISTS\r\n"), ASKED(RC_VERB_CAS), .answer = {.status = RINGCACHE_EXISTS}},
    {BYTES("$-1\r\n"), ASKED(RC_VERB_CAS), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("-" WRONGTYPE "\r\n"), ASKED(RC_VERB_APPEND), .answer = REFUSED(WRONGTYPE)},
    {BYTES("-OOM command not allowed\r\n" ECHOED), ASKED_STRICT(RC_VERB_CAS),
        .answer = {.status = RINGCACHE_ESERVER,
            .refusal = RC_REFUSAL_UNRUN,
            .message = BYTES("OOM command not allowed")}},
    /* times */
    {BYTES(":1\r\n"), ASKED(RC_VERB_TOUCH), .answer = {.status = RINGCACHE_OK}},
    {BYTES(":0\r\n" ECHOED), ASKED_STRICT(RC_VERB_TOUCH), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("$2\r\nhi\r\n"), ASKED(RC_VERB_GET_AND_TOUCH), .answer = {.value = BYTES("hi")}},
    {BYTES("$-1\r\n"), ASKED(RC_VERB_GET_AND_TOUCH), .answer = {.status = RINGCACHE_MISS}},
    /* the token and the time that is left */
    {BYTES("*3\r\n$2\r\nhi\r\n$16\r\n0123456789abcdef\r\n:1500\r\n"), ASKED(RC_VERB_GET, BOTH),
        .answer = {.value = BYTES("hi"), .cas = 0x0123456789abcdefU, .ttl_ms = 1500}},
    {BYTES("*3\r\n$2\r\n\r\n\r\n$16\r\nffffffffffffffff\r\n:-1\r\n" ECHOED),
        ASKED_STRICT(RC_VERB_GET_AND_TOUCH, BOTH),
        .answer = {.value = BYTES("\r\n"), .cas = UINT64_MAX, .ttl_ms = -1}},
    {BYTES("*3\r\n$0\r\n\r\n$16\r\n0000000000000000\r\n:5\r\n"),
        ASKED(RC_VERB_GET, .want_cas = true), .answer = {.status = RINGCACHE_OK}},
    {BYTES("*3\r\n$2\r\nhi\r\n$0\r\n\r\n:0\r\n"), ASKED(RC_VERB_GET, .want_ttl = true),
        .answer = {.value = BYTES("hi"), .ttl_ms = 1}},
    {BYTES("*3\r\n$2\r\nhi\r\n$0\r\n\r\n:9223372036854775807\r\n"),
        ASKED(RC_VERB_GET, .want_ttl = true),
        .answer = {.value = BYTES("hi"), .ttl_ms = INT64_MAX}},
    {BYTES("$-1\r\n"), ASKED(RC_VERB_GET, .want_cas = true), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("$-1\r\n" ECHOED), ASKED_STRICT(RC_VERB_GET_AND_TOUCH, .want_ttl = true),
        .answer = {.status = RINGCACHE_MISS}},
    {BYTES("-" WRONGTYPE "\r\n"), ASKED(RC_VERB_GET, BOTH), .answer = REFUSED(WRONGTYPE)},
    /* counters */
    {BYTES("$2\r\n42\r\n"), ASKED(RC_VERB_INCREMENT), .answer = {.number = 42}},
    {BYTES("$1\r\n0\r\n" ECHOED), ASKED_STRICT(RC_VERB_DECREMENT), .answer = {.number = 0}},
    {BYTES("$19\r\n9223372036854775807\r\n"), ASKED(RC_VERB_INCREMENT),
        .answer = {.number = INT64_MAX}},
    {BYTES("$-1\r\n"), ASKED(RC_VERB_INCREMENT), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("$-1\r\n"), ASKED(RC_VERB_DECREMENT), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("+NOT_STORED\r\n"), ASKED(RC_VERB_INCREMENT),
        .answer = {.status = RINGCACHE_NOT_STORED}},
    {BYTES("-" NOT_INTEGER "\r\n"), ASKED(RC_VERB_INCREMENT), .answer = REFUSED(NOT_INTEGER)},
    /* leases */
    {BYTES("*3\r\n$-1\r\n$0\r\n\r\n:1\r\n"), ASKED(RC_VERB_LEASE, .want_cas = true),
        .answer = {.status = RINGCACHE_MISS, .marks = RC_MARK_WON}},
    {BYTES("*3\r\n$-1\r\n$0\r\n\r\n:2\r\n" ECHOED), ASKED_STRICT(RC_VERB_LEASE),
        .answer = {.status = RINGCACHE_MISS, .marks = RC_MARK_FILLING}},
    {BYTES("*3\r\n$2\r\nhi\r\n$0\r\n\r\n:0\r\n"), ASKED(RC_VERB_LEASE),
        .answer = {.value = BYTES("hi")}},
    {BYTES("*3\r\n$2\r\nhi\r\n$16\r\n00000000000000ff\r\n:1\r\n"), ASKED(RC_VERB_LEASE),
        .answer = {.value = BYTES("hi"), .cas = 255, .marks = RC_MARK_STALE | RC_MARK_WON}},
    {BYTES("*3\r\n$0\r\n\r\n$16\r\n00000000000000ff\r\n:2\r\n"), ASKED(RC_VERB_LEASE),
        .answer = {.value = BYTES(""), .cas = 255, .marks = RC_MARK_STALE | RC_MARK_FILLING}},
    {BYTES("-" NOSCRIPT "\r\n"), ASKED(RC_VERB_LEASE, .scripted = true), .answer = NO_SUCH_SCRIPT},
    {BYTES("+OK\r\n"), ASKED(RC_VERB_FILL), .answer = {.status = RINGCACHE_OK}},
    {BYTES("+EXISTS\r\n"), ASKED(RC_VERB_FILL), .answer = {.status = RINGCACHE_EXISTS}},
    {BYTES("-" WRONGTYPE "\r\n"), ASKED(RC_VERB_FILL), .answer = REFUSED(WRONGTYPE)},
    {BYTES(":1\r\n"), ASKED(RC_VERB_UNLEASE), .answer = {.status = RINGCACHE_OK}},
    {BYTES(":0\r\n" ECHOED), ASKED_STRICT(RC_VERB_UNLEASE), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("+EXISTS\r\n"), ASKED(RC_VERB_DELETE), .answer = {.status = RINGCACHE_EXISTS}},
    {BYTES("-" NOSCRIPT "\r\n"), ASKED(RC_VERB_DELETE, .scripted = true), .answer = NO_SUCH_SCRIPT},
    /* scripts that the server does not know */
    {BYTES("-" NOSCRIPT "\r\n"), ASKED(RC_VERB_APPEND, .scripted = true), .answer = NO_SUCH_SCRIPT},
    {BYTES("-" NOSCRIPT "\r\n"), ASKED(RC_VERB_PREPEND, .scripted = true),
        .answer = NO_SUCH_SCRIPT},
    {BYTES("-" NOSCRIPT "\r\n" ECHOED), ASKED_STRICT(RC_VERB_CAS, .scripted = true),
        .answer = NO_SUCH_SCRIPT},
    {BYTES("-" NOSCRIPT "\r\n"), ASKED(RC_VERB_TOUCH, .scripted = true), .answer = NO_SUCH_SCRIPT},
    {BYTES("-" NOSCRIPT "\r\n"), ASKED(RC_VERB_INCREMENT, .scripted = true),
        .answer = NO_SUCH_SCRIPT},
    {BYTES("-" NOSCRIPT "\r\n"), ASKED(RC_VERB_DECREMENT, .scripted = true),
        .answer = NO_SUCH_SCRIPT},
    {BYTES("-" NOSCRIPT "\r\n"), ASKED(RC_VERB_GET, .scripted = true, .want_cas = true),
        .answer = NO_SUCH_SCRIPT},
    {BYTES("-" NOSCRIPT "\r\n"), ASKED(RC_VERB_GET_AND_TOUCH, .scripted = true, .want_ttl = true),
        .answer = NO_SUCH_SCRIPT},
    {BYTES("-" NOSCRIPT "\r\n"), ASKED(RC_VERB_GET), .answer = NO_SCRIPT_OF_OURS},
    {BYTES("-" NOSCRIPT "\r\n"), ASKED(RC_VERB_GET_AND_TOUCH), .answer = NO_SCRIPT_OF_OURS},
    {BYTES("-" NOSCRIPT "\r\n"), ASKED(RC_VERB_SET), .answer = NO_SCRIPT_OF_OURS},
    {BYTES("-" NOSCRIPT "\r\n"), ASKED(RC_VERB_ADD), .answer = NO_SCRIPT_OF_OURS},
    {BYTES("-" NOSCRIPT "\r\n"), ASKED(RC_VERB_TOUCH), .answer = NO_SCRIPT_OF_OURS},
    {BYTES("-" NOSCRIPT "\r\n"), ASKED(RC_VERB_DELETE), .answer = NO_SCRIPT_OF_OURS},
    {BYTES("-" NOSCRIPT "\r\n"), ASKED(RC_VERB_CAS, .scripted = true, .again = true),
        .answer = NO_SCRIPT_OF_OURS},
    {BYTES("-NOSCRIPTS\r\n"), ASKED(RC_VERB_CAS, .scripted = true), .answer = REFUSED("NOSCRIPTS")},
    {BYTES("+OK\r\n"), ASKED(RC_VERB_CAS, .again = true), .answer = {.status = RINGCACHE_OK}},
};

#define BAD_TYPE "a reply of a type that this command cannot have"
#define BAD_STATUS "a status that this command cannot answer"
#define BAD_VALUE "a value that this command cannot answer"
#define BAD_DIGEST "the digest of the value is malformed"
#define BAD_LEASE "a number that this command cannot answer"
#define BAD_TTL "the TTL of the value is malformed"
#define BAD_COUNTER "the counter is not a number"
#define BAD_LEN "an array of another length than asked for"
#define TOO_LARGE "a value of the reply is too long"
#define BAD_TOKEN "the reply was not followed by its own token"

static const struct reply_case bad[] = {
    /* types and words of other commands */
    {BYTES(":1\r\n"), ASKED(RC_VERB_ADD), .bad = BAD_TYPE},
    {BYTES("$2\r\nOK\r\n"), ASKED(RC_VERB_ADD), .bad = BAD_VALUE},
    {BYTES("+NOT_STORED\r\n"), ASKED(RC_VERB_ADD), .bad = BAD_STATUS},
    {BYTES("*-1\r\n"), ASKED(RC_VERB_REPLACE), .bad = BAD_TYPE},
    {BYTES(":5\r\n"), ASKED(RC_VERB_APPEND), .bad = BAD_TYPE},
    {BYTES("+EXISTS\r\n"), ASKED(RC_VERB_PREPEND), .bad = BAD_STATUS},
    {BYTES("+QUEUED\r\n"), ASKED(RC_VERB_CAS), .bad = BAD_STATUS},
    {BYTES("$-1\r\n"), ASKED(RC_VERB_LEASE), .bad = BAD_TYPE},
    {BYTES("*3\r\n$-1\r\n$0\r\n\r\n:0\r\n"), ASKED(RC_VERB_LEASE), .bad = BAD_LEASE},
    {BYTES("*3\r\n$-1\r\n$0\r\n\r\n:3\r\n"), ASKED(RC_VERB_LEASE), .bad = BAD_LEASE},
    {BYTES("*3\r\n$1\r\nx\r\n$0\r\n\r\n:-1\r\n"), ASKED(RC_VERB_LEASE), .bad = BAD_LEASE},
    {BYTES("*3\r\n$-1\r\n$1\r\na\r\n:1\r\n"), ASKED(RC_VERB_LEASE), .bad = BAD_LEASE},
    {BYTES("*3\r\n$1\r\nx\r\n$1\r\na\r\n:1\r\n"), ASKED(RC_VERB_LEASE), .bad = BAD_DIGEST},
    {BYTES("*2\r\n$1\r\nx\r\n$0\r\n\r\n"), ASKED(RC_VERB_LEASE), .bad = BAD_LEN},
    {BYTES("$-1\r\n"), ASKED(RC_VERB_FILL), .bad = BAD_TYPE},
    {BYTES("+NOT_STORED\r\n"), ASKED(RC_VERB_FILL), .bad = BAD_STATUS},
    {BYTES(":2\r\n"), ASKED(RC_VERB_UNLEASE), .bad = "a number that this command cannot answer"},
    {BYTES("+EXISTS\r\n"), ASKED(RC_VERB_UNLEASE), .bad = BAD_TYPE},
    {BYTES("+PONG\r\n"), ASKED(RC_VERB_DELETE), .bad = BAD_STATUS},
    {BYTES("$2\r\nOK\r\n"), ASKED(RC_VERB_CAS), .bad = BAD_VALUE},
    {BYTES(":0\r\n"), ASKED(RC_VERB_CAS), .bad = BAD_TYPE},
    {BYTES("$-1\r\n"), ASKED(RC_VERB_TOUCH), .bad = BAD_TYPE},
    {BYTES(":2\r\n"), ASKED(RC_VERB_TOUCH), .bad = "a number that this command cannot answer"},
    {BYTES("*3\r\n"), ASKED(RC_VERB_GET), .bad = BAD_TYPE},
    {BYTES("+OK\r\n"), ASKED(RC_VERB_GET_AND_TOUCH), .bad = BAD_TYPE},
    {BYTES(":42\r\n"), ASKED(RC_VERB_INCREMENT), .bad = BAD_TYPE},
    {BYTES("+OK\r\n"), ASKED(RC_VERB_INCREMENT), .bad = BAD_STATUS},
    /* numbers */
    {BYTES("$0\r\n\r\n"), ASKED(RC_VERB_INCREMENT), .bad = BAD_COUNTER},
    {BYTES("$2\r\n-1\r\n"), ASKED(RC_VERB_DECREMENT), .bad = BAD_COUNTER},
    {BYTES("$2\r\n05\r\n"), ASKED(RC_VERB_INCREMENT), .bad = BAD_COUNTER},
    {BYTES("$3\r\n1e3\r\n"), ASKED(RC_VERB_INCREMENT), .bad = BAD_COUNTER},
    {BYTES("$19\r\n9223372036854775808\r\n"), ASKED(RC_VERB_INCREMENT), .bad = BAD_COUNTER},
    {BYTES("$20\r\n"), ASKED(RC_VERB_INCREMENT), .bad = TOO_LARGE},
    /* a value with its token and its time */
    {BYTES("$2\r\nhi\r\n"), ASKED(RC_VERB_GET, BOTH), .bad = BAD_VALUE},
    {BYTES("*-1\r\n"), ASKED(RC_VERB_GET, BOTH), .bad = BAD_LEN},
    {BYTES("*2\r\n"), ASKED(RC_VERB_GET, BOTH), .bad = BAD_LEN},
    {BYTES("*4\r\n"), ASKED(RC_VERB_GET, BOTH), .bad = BAD_LEN},
    {BYTES("*3\r\n:"), ASKED(RC_VERB_GET, BOTH), .bad = BAD_TYPE},
    {BYTES("*3\r\n-"), ASKED(RC_VERB_GET, BOTH), .bad = BAD_TYPE},
    {BYTES("*3\r\n*"), ASKED(RC_VERB_GET, BOTH), .bad = BAD_TYPE},
    {BYTES("*3\r\n_"), ASKED(RC_VERB_GET, BOTH), .bad = "a RESP3 reply on a RESP2 connection"},
    {BYTES("*3\r\n$1073741825\r\n"), ASKED(RC_VERB_GET, BOTH), .bad = TOO_LARGE},
    {BYTES("*3\r\n$2\r\nhi\r\n:"), ASKED(RC_VERB_GET, BOTH), .bad = BAD_TYPE},
    {BYTES("*3\r\n$2\r\nhi\r\n$17\r\n"), ASKED(RC_VERB_GET, BOTH), .bad = TOO_LARGE},
    {BYTES("*3\r\n$2\r\nhi\r\n$0\r\n\r\n$"), ASKED(RC_VERB_GET, BOTH), .bad = BAD_TYPE},
    {BYTES("*3\r\n$-1\r\n$0\r\n\r\n:1\r\n"), ASKED(RC_VERB_GET, BOTH), .bad = BAD_VALUE},
    {BYTES("*3\r\n$2\r\nhi\r\n$-1\r\n:1\r\n"), ASKED(RC_VERB_GET, BOTH), .bad = BAD_VALUE},
    {BYTES("*3\r\n$2\r\nhi\r\n$0\r\n\r\n:1\r\n"), ASKED(RC_VERB_GET, BOTH), .bad = BAD_DIGEST},
    {BYTES("*3\r\n$2\r\nhi\r\n$15\r\n0123456789abcde\r\n:1\r\n"), ASKED(RC_VERB_GET, BOTH),
        .bad = BAD_DIGEST},
    {BYTES("*3\r\n$2\r\nhi\r\n$16\r\n0123456789ABCDEF\r\n:1\r\n"), ASKED(RC_VERB_GET, BOTH),
        .bad = BAD_DIGEST},
    {BYTES("*3\r\n$2\r\nhi\r\n$16\r\n0123456789abcdeg\r\n:1\r\n"), ASKED(RC_VERB_GET, BOTH),
        .bad = BAD_DIGEST},
    {BYTES("*3\r\n$2\r\nhi\r\n$16\r\n0123456789abcdef\r\n:-2\r\n"), ASKED(RC_VERB_GET, BOTH),
        .bad = BAD_TTL},
    /* echoes */
    {BYTES("+OK\r\n+OK\r\n"), ASKED_STRICT(RC_VERB_ADD), .bad = BAD_TOKEN},
    {BYTES("$-1\r\n$16\r\n1123456789abcdef\r\n"), ASKED_STRICT(RC_VERB_CAS), .bad = BAD_TOKEN},
    {BYTES("*3\r\n$2\r\nhi\r\n$16\r\n0123456789abcdef\r\n:1\r\n$16\r\nf"),
        ASKED_STRICT(RC_VERB_GET, BOTH), .bad = BAD_TOKEN},
    {BYTES("-" NOSCRIPT "\r\n-" NOSCRIPT "\r\n"), ASKED_STRICT(RC_VERB_APPEND),
        .bad = "the server refused ECHO, which integrity=strict needs"},
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

static void no_mutated_reply_is_delivered_to_another_token_when_strict(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct rc_expect stranger = good[i].expect;
        stranger.token = 0xfedcba9876543210U;
        if (stranger.strict) {
            check_mutations(&rc_codec_resp, good[i].bytes, &stranger, 50000);
        }
    }
}

#define ECHO_COMMAND "*2\r\n$4\r\nECHO\r\n$16\r\n0123456789abcdef\r\n"
#define ASK(...) .prefix = BYTES("n:"), .key = BYTES("k"), .token = TOKEN, .verb = __VA_ARGS__

static const struct {
    struct rc_command command;
    struct rc_slice bytes;
} plain[] = {
    {{ASK(RC_VERB_ADD), .value = BYTES("hello")},
        BYTES("*4\r\n$3\r\nSET\r\n$3\r\nn:k\r\n$5\r\nhello\r\n$2\r\nNX\r\n")},
    {{ASK(RC_VERB_ADD), .value = BYTES("hello"), .ttl_ms = 1500, .strict = true},
        BYTES("*6\r\n$3\r\nSET\r\n$3\r\nn:k\r\n$5\r\nhello\r\n$2\r\nNX\r\n$2\r\nPX\r\n"
              "$4\r\n1500\r\n" ECHO_COMMAND)},
    {{ASK(RC_VERB_REPLACE), .ttl_ms = INT64_MAX, .flags = 7},
        BYTES("*6\r\n$3\r\nSET\r\n$3\r\nn:k\r\n$0\r\n\r\n$2\r\nXX\r\n$2\r\nPX\r\n"
              "$19\r\n9223372036854775807\r\n")},
    {{ASK(RC_VERB_TOUCH), .ttl_ms = 1500, .strict = true},
        BYTES("*3\r\n$7\r\nPEXPIRE\r\n$3\r\nn:k\r\n$4\r\n1500\r\n" ECHO_COMMAND)},
    {{ASK(RC_VERB_TOUCH), .ttl_ms = 1500, .again = true},
        BYTES("*3\r\n$7\r\nPEXPIRE\r\n$3\r\nn:k\r\n$4\r\n1500\r\n")},
    {{ASK(RC_VERB_GET_AND_TOUCH), .ttl_ms = 1500},
        BYTES("*4\r\n$5\r\nGETEX\r\n$3\r\nn:k\r\n$2\r\nPX\r\n$4\r\n1500\r\n")},
    {{ASK(RC_VERB_GET_AND_TOUCH), .strict = true},
        BYTES("*3\r\n$5\r\nGETEX\r\n$3\r\nn:k\r\n$7\r\nPERSIST\r\n" ECHO_COMMAND)},
};

static void plain_commands_are_encoded_to_the_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(plain); i++) {
        check_encoding(&rc_codec_resp, &plain[i].command, plain[i].bytes);
    }
}

#define MOST "9223372036854775807"

/* The arguments behind the key, and how many words the whole command has. */
static const struct {
    struct rc_command command;
    enum rc_script_name script;
    char words;
    const char *arguments;
} scripted[] = {
    {{ASK(RC_VERB_APPEND), .value = BYTES("hello"), .ttl_ms = 5}, RC_SCRIPT_APPEND, '5',
        "$5\r\nhello\r\n"},
    {{ASK(RC_VERB_PREPEND), .strict = true}, RC_SCRIPT_PREPEND, '5', "$0\r\n\r\n" ECHO_COMMAND},
    {{ASK(RC_VERB_CAS), .value = BYTES("v"), .cas = 0xabc}, RC_SCRIPT_CAS, '6',
        "$1\r\nv\r\n$16\r\n0000000000000abc\r\n"},
    {{ASK(RC_VERB_CAS), .cas = UINT64_MAX, .ttl_ms = INT64_MAX, .strict = true}, RC_SCRIPT_CAS, '7',
        "$0\r\n\r\n$16\r\nffffffffffffffff\r\n$19\r\n" MOST "\r\n" ECHO_COMMAND},
    {{ASK(RC_VERB_TOUCH)}, RC_SCRIPT_PERSIST, '4', ""},
    {{ASK(RC_VERB_INCREMENT), .delta = 3, .initial = 9, .ttl_ms = 5}, RC_SCRIPT_COUNT, '6',
        "$6\r\nINCRBY\r\n$1\r\n3\r\n"},
    {{ASK(RC_VERB_INCREMENT), .with_initial = true}, RC_SCRIPT_COUNT, '7',
        "$6\r\nINCRBY\r\n$1\r\n0\r\n$1\r\n0\r\n"},
    {{ASK(RC_VERB_DECREMENT), .delta = INT64_MAX, .with_initial = true, .initial = INT64_MAX,
         .ttl_ms = INT64_MAX, .strict = true},
        RC_SCRIPT_COUNT, '8',
        "$6\r\nDECRBY\r\n$19\r\n" MOST "\r\n$19\r\n" MOST "\r\n$19\r\n" MOST "\r\n" ECHO_COMMAND},
    {{ASK(RC_VERB_GET), .want_cas = true, .ttl_ms = 5}, RC_SCRIPT_READ, '5', "$1\r\n1\r\n"},
    {{ASK(RC_VERB_GET), .want_ttl = true}, RC_SCRIPT_READ, '5', "$1\r\n0\r\n"},
    {{ASK(RC_VERB_GET_AND_TOUCH), .want_ttl = true}, RC_SCRIPT_READ, '6',
        "$1\r\n0\r\n$7\r\nPERSIST\r\n"},
    {{ASK(RC_VERB_GET_AND_TOUCH), BOTH, .ttl_ms = 1500, .strict = true}, RC_SCRIPT_READ, '7',
        "$1\r\n1\r\n$2\r\nPX\r\n$4\r\n1500\r\n" ECHO_COMMAND},
};

static void check_scripted(size_t i, const char *name, const char *script, bool again)
{
    enum { ROOM = 2048 };
    char bytes[ROOM];
    struct rc_command command = scripted[i].command;
    command.again = again;
    int len = snprintf(bytes, sizeof bytes, "*%c\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n%s%s",
        scripted[i].words, strlen(name), name, strlen(script), script, "$1\r\n1\r\n$3\r\nn:k\r\n",
        scripted[i].arguments);
    assert_in_range(len, 1, ROOM - 1);
    check_encoding(&rc_codec_resp, &command, rc_slice(bytes, (size_t)len));
}

static void scripts_run_by_their_text_or_by_their_digest(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(scripted); i++) {
        const struct rc_script *script = &rc_scripts[scripted[i].script];
        check_scripted(i, "EVALSHA", script->sha1, false);
        check_scripted(i, "EVAL", script->text, true);
    }
}

static void scripts_are_told_from_plain_commands(void **state)
{
    (void)state;
    for (int verb = RC_VERB_GET; verb <= RC_VERB_CLIENT_KILL; verb++) {
        struct rc_command command = {.verb = (enum rc_verb)verb, .strict = true, .ttl_ms = 5};
        bool reads = verb == RC_VERB_GET || verb == RC_VERB_GET_AND_TOUCH;
        bool always = verb >= RC_VERB_APPEND && verb <= RC_VERB_UNLEASE && !reads;
        bool ever = always || reads;
        assert_false(rc_codec_resp.keeps_key(&command));
        assert_int_equal(rc_codec_resp.scripted(&command), always && verb != RC_VERB_TOUCH);
        command.want_cas = true;
        command.ttl_ms = 0; /* a touch that takes the time away */
        assert_int_equal(rc_codec_resp.scripted(&command), ever);
        command.want_cas = false;
        command.want_ttl = true;
        assert_int_equal(rc_codec_resp.scripted(&command), ever);
    }
}

/* The key of a lease stands twice in its command. */
static void a_lease_of_a_key_beyond_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    struct rc_buf out = {0};
    struct rc_command command = {.verb = RC_VERB_LEASE, .again = true, .key = BYTES("k")};
    size_t bound = rc_codec_resp.bound(&command);
    command.prefix = rc_slice_text("prefix");
    assert_int_equal(rc_codec_resp.bound(&command), bound + 2 * strlen("prefix"));
    command.key = rc_slice("", SIZE_MAX / 2 + 1);
    assert_int_equal(rc_codec_resp.bound(&command), SIZE_MAX);
    assert_int_equal(rc_codec_resp.encode(&out, &command), RINGCACHE_ENOMEM);
    assert_int_equal(out.len, 0);
    rc_buf_deinit(&out);
}

static void words_beyond_memory_leave_nothing_behind(void **state)
{
    (void)state;
    struct rc_buf out = {0};
    const struct rc_slice words[] = {
        BYTES("ECHO"), rc_slice("", SIZE_MAX / 2), rc_slice("", SIZE_MAX)};
    for (size_t count = 2; count <= COUNT(words); count++) {
        assert_int_equal(rc_resp_encode_raw(&out, words, count), RINGCACHE_ENOMEM);
        assert_int_equal(out.len, 0);
    }
    assert_int_equal(rc_resp_encode_raw(&out, words, 1), 0);
    assert_true(rc_slice_equal(rc_slice(out.data, out.len), rc_slice_text("*1\r\n$4\r\nECHO\r\n")));
    rc_buf_deinit(&out);
}

static void a_text_and_a_value_beyond_memory_leave_nothing_behind(void **state)
{
    (void)state;
    struct rc_buf out = {0};
    struct rc_command command = {.verb = RC_VERB_APPEND, .again = true};
    size_t bound = rc_codec_resp.bound(&command);
    assert_true(bound > strlen(rc_scripts[RC_SCRIPT_APPEND].text));
    command.value = rc_slice("", SIZE_MAX - bound + 1);
    assert_int_equal(rc_codec_resp.bound(&command), SIZE_MAX);
    assert_int_equal(rc_codec_resp.encode(&out, &command), RINGCACHE_ENOMEM);
    assert_int_equal(out.len, 0);
    rc_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reply_means_the_same_at_every_split),
        cmocka_unit_test(every_broken_reply_is_refused_with_its_reason),
        cmocka_unit_test(no_mutated_reply_is_delivered_to_another_token_when_strict),
        cmocka_unit_test(plain_commands_are_encoded_to_the_byte),
        cmocka_unit_test(scripts_run_by_their_text_or_by_their_digest),
        cmocka_unit_test(scripts_are_told_from_plain_commands),
        cmocka_unit_test(a_text_and_a_value_beyond_memory_leave_nothing_behind),
        cmocka_unit_test(a_lease_of_a_key_beyond_memory_leaves_nothing_behind),
        cmocka_unit_test(words_beyond_memory_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

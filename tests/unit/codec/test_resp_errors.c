/* SPDX-License-Identifier: MIT */
/* What an error of Redis says beyond its words, and how integrity=strict reads a server that
 * refuses ECHO as well. */
#include "reply_check.h"

#include <stdio.h>
#include <string.h>

#define TOKEN 0x0123456789abcdefU
#define ECHOED "$16\r\n0123456789abcdef\r\n"
#define LOADING "LOADING Redis is loading the dataset in memory"
#define BUSY "BUSY Redis is busy running a script."
#define NOAUTH "NOAUTH Authentication required."
#define NO_ECHO "the server refused ECHO, which integrity=strict needs"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
    const char *words;
    enum rc_refusal refusal;
    bool close;
    int status; /* 0: RINGCACHE_ESERVER */
} errors[] = {
    {LOADING, RC_REFUSAL_NOT_NOW},
    {BUSY, RC_REFUSAL_NOT_NOW},
    {"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        RC_REFUSAL_NOT_NOW},
    {"READONLY You can't write against a read only replica.", RC_REFUSAL_REPLICA},
    {"MOVED 1234 10.0.0.9:6379", RC_REFUSAL_CLUSTER},
    {"ASK 1234 10.0.0.9:6379", RC_REFUSAL_CLUSTER},
    {"CLUSTERDOWN Hash slot not served", RC_REFUSAL_CLUSTER},
    {"CROSSSLOT Keys in request don't hash to the same slot", RC_REFUSAL_CLUSTER},
    {"TRYAGAIN Multiple keys request during rehashing of slot", RC_REFUSAL_CLUSTER},
    {"OOM command not allowed when used memory > 'maxmemory'.", RC_REFUSAL_UNRUN},
    {"NOREPLICAS Not enough good replicas to write.", RC_REFUSAL_UNRUN},
    {"MISCONF Redis is configured to save RDB snapshots", RC_REFUSAL_UNRUN},
    {"NOSCRIPT No matching script. Please use EVAL.", RC_REFUSAL_UNRUN},
    {NOAUTH, RC_REFUSAL_NONE, true, RINGCACHE_EAUTH},
    {"NOPERM this user has no permissions", RC_REFUSAL_NONE, false, RINGCACHE_EAUTH},
    {"ERR Protocol error: invalid bulk length", RC_REFUSAL_NONE, true},
    /* only a whole word at the start is one */
    {"ERR LOADING is not a command", RC_REFUSAL_NONE},
    {"BUSYGROUP Consumer Group name already exists", RC_REFUSAL_NONE},
    {"BUSYKEY Target key name already exists.", RC_REFUSAL_NONE},
    {"NOTBUSY No scripts in execution right now.", RC_REFUSAL_NONE},
    {"LOADINGS", RC_REFUSAL_NONE},
    {"loading in small letters", RC_REFUSAL_NONE},
    {"WRONGTYPE Operation against a key", RC_REFUSAL_NONE},
    {"", RC_REFUSAL_NONE},
};

static void check_error(size_t i, const struct rc_expect *expect, bool raw)
{
    char bytes[160];
    int len =
        snprintf(bytes, sizeof bytes, "-%s\r\n%s", errors[i].words, expect->strict ? ECHOED : "");
    size_t line = strlen(errors[i].words) + 3;
    const struct reply_case reply = {
        .bytes = rc_slice(bytes, (size_t)len),
        .expect = *expect,
        .answer = {.status = errors[i].status != 0 ? errors[i].status : RINGCACHE_ESERVER,
            .refusal = errors[i].refusal,
            .close = errors[i].close,
            .message = rc_slice_text(errors[i].words),
            .value = raw ? rc_slice(bytes, line) : rc_slice(NULL, 0)},
    };
    check_reply(&rc_codec_resp, &reply);
}

static void the_first_word_of_an_error_says_what_follows_from_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(errors); i++) {
        print_message("  %s\n", errors[i].words);
        for (int strict = 0; strict < 2; strict++) {
            const struct rc_expect get = {
                .verb = RC_VERB_GET, .token = TOKEN, .strict = strict == 1};
            const struct rc_expect raw = {
                .verb = RC_VERB_RAW, .token = TOKEN, .strict = strict == 1};
            check_error(i, &get, false);
            check_error(i, &raw, true);
        }
    }
}

/* `words` twice, the second time in the echo's place. */
static struct reply_case refused_twice(enum rc_verb verb, struct rc_slice bytes, const char *words)
{
    bool known = strncmp(words, "NOAUTH", 6) != 0;
    return (struct reply_case){
        .bytes = bytes,
        .expect = {.verb = verb, .token = TOKEN, .strict = true},
        .answer = {.status = known ? RINGCACHE_ESERVER : RINGCACHE_EAUTH,
            .refusal = known ? RC_REFUSAL_NOT_NOW : RC_REFUSAL_NONE,
            .close = !known,
            .message = rc_slice_text(words),
            .value =
                verb == RC_VERB_RAW ? rc_slice(bytes.data, strlen(words) + 3) : rc_slice(NULL, 0)},
    };
}

static void a_server_that_serves_nobody_need_not_echo(void **state)
{
    static const struct {
        struct rc_slice bytes;
        const char *words;
    } cases[] = {
        {BYTES("-" LOADING "\r\n-" LOADING "\r\n"), LOADING},
        {BYTES("-" BUSY "\r\n-" BUSY "\r\n"), BUSY},
        {BYTES("-" LOADING "\r\n-" BUSY "\r\n"), LOADING},
        {BYTES("-" NOAUTH "\r\n-" NOAUTH "\r\n"), NOAUTH},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct reply_case get = refused_twice(RC_VERB_GET, cases[i].bytes, cases[i].words);
        const struct reply_case raw = refused_twice(RC_VERB_RAW, cases[i].bytes, cases[i].words);
        check_reply(&rc_codec_resp, &get);
        check_reply(&rc_codec_resp, &raw);
    }
}

/* Without its token, neither a value nor an error of another command is this one's reply. */
static void any_other_reply_needs_its_echo(void **state)
{
    static const struct rc_slice bytes[] = {
        BYTES("$5\r\nhello\r\n-" LOADING "\r\n"),
        BYTES("$-1\r\n-" BUSY "\r\n"),
        BYTES("-WRONGTYPE of a list\r\n-" LOADING "\r\n"),
        BYTES("-READONLY replica\r\n-READONLY replica\r\n"),
        BYTES("-" LOADING "\r\n-WRONGTYPE of a list\r\n"),
        BYTES("-" LOADING "\r\n-NOPERM no permissions\r\n"),
    };
    (void)state;
    for (size_t i = 0; i < COUNT(bytes); i++) {
        const struct reply_case get = {.bytes = bytes[i],
            .expect = {.verb = RC_VERB_GET, .token = TOKEN, .strict = true},
            .bad = NO_ECHO};
        struct reply_case raw = get;
        raw.expect.verb = RC_VERB_RAW;
        check_refusal(&rc_codec_resp, &get);
        check_refusal(&rc_codec_resp, &raw);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_word_of_an_error_says_what_follows_from_it),
        cmocka_unit_test(a_server_that_serves_nobody_need_not_echo),
        cmocka_unit_test(any_other_reply_needs_its_echo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

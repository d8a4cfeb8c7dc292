/* SPDX-License-Identifier: MIT */
/* What is asked of a server itself, on every protocol: figures, keys, its version, a flush. */
#include "reply_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define STATS                                                                                      \
    {                                                                                              \
        .verb = RC_VERB_STATS                                                                      \
    }
#define KEYS                                                                                       \
    {                                                                                              \
        .verb = RC_VERB_KEYS                                                                       \
    }
#define FLUSH                                                                                      \
    {                                                                                              \
        .verb = RC_VERB_FLUSH                                                                      \
    }
#define VERSION                                                                                    \
    {                                                                                              \
        .verb = RC_VERB_VERSION                                                                    \
    }
#define STRICT(which)                                                                              \
    {                                                                                              \
        .verb = (which), .strict = true, .token = 0xfedcba9876543210                               \
    }
#define ECHOED "$16\r\nfedcba9876543210\r\n"
#define SAYS(...)                                                                                  \
    {                                                                                              \
        .value = __VA_ARGS__                                                                       \
    }
#define DONE                                                                                       \
    {                                                                                              \
        .status = RINGCACHE_OK                                                                     \
    }
#define REFUSES(...)                                                                               \
    {                                                                                              \
        .status = RINGCACHE_ESERVER, .message = __VA_ARGS__                                        \
    }

static const struct rc_codec *const memcacheds[] = {&rc_codec_meta, &rc_codec_classic};

/* ---- memcached ---- */

static const struct reply_case memcached_good[] = {
    {BYTES("STAT pid 17\r\nSTAT inter \r\nSTAT eol\r\nSTAT lib event 2.1\r\nEND\r\n"), STATS,
        SAYS(BYTES("STAT pid 17\r\nSTAT inter \r\nSTAT eol\r\nSTAT lib event 2.1\r\n"))},
    {BYTES("END\r\n"), STATS, DONE},
    {BYTES("ERROR\r\n"), STATS, REFUSES(BYTES("ERROR"))},
    {BYTES("SERVER_ERROR out of memory\r\n"), STATS, REFUSES(BYTES("SERVER_ERROR out of memory"))},
    {BYTES("CLIENT_ERROR bad\r\n"), STATS, REFUSES(BYTES("CLIENT_ERROR bad"), .close = true)},
    {BYTES("END\r\n"), KEYS, DONE},
    {BYTES("BUSY currently processing crawler request\r\n"), KEYS,
        REFUSES(BYTES("BUSY currently processing crawler request"), .again = true)},
    {BYTES("CLIENT_ERROR lru crawler disabled\r\n"), KEYS,
        REFUSES(BYTES("CLIENT_ERROR lru crawler disabled"), .close = true)},
    {BYTES("ERROR\r\n"), KEYS, REFUSES(BYTES("ERROR"), .close = true)},
    {BYTES("OK\r\n"), FLUSH, DONE},
    {BYTES("CLIENT_ERROR flush_all not allowed\r\n"), FLUSH,
        REFUSES(BYTES("CLIENT_ERROR flush_all not allowed"))},
    {BYTES("CLIENT_ERROR bad\r\n"), FLUSH, REFUSES(BYTES("CLIENT_ERROR bad"), .close = true)},
    {BYTES("VERSION 1.6.38\r\n"), VERSION, SAYS(BYTES("1.6.38"))},
};

#define FOREIGN "a reply that this command cannot have"
#define NO_FIGURE "a line that is no figure"
#define NO_CRLF "a line of the reply does not end in CR LF"

static const struct reply_case memcached_bad[] = {
    {BYTES("STATS 1\r\nEND\r\n"), STATS, .bad = NO_FIGURE},
    {BYTES("STAT \r\nEND\r\n"), STATS, .bad = NO_FIGURE},
    {BYTES("STAT  1\r\nEND\r\n"), STATS, .bad = NO_FIGURE},
    {BYTES("OK\r\n"), STATS, .bad = NO_FIGURE},
    {BYTES("STAT a 1\nEND\r\n"), STATS, .bad = NO_CRLF},
    {BYTES("STAT a 1\r\nERROR\r\n"), STATS, .bad = NO_FIGURE},
    {BYTES("STAT a 1\r\nVA 1 f0\r\n"), STATS, .bad = NO_FIGURE},
    {BYTES("key=%2 exp=-1 la=1\n"), KEYS, .bad = NO_CRLF},
    {BYTES("key=%2g exp=-1 la=1\r\n"), KEYS, .bad = FOREIGN},
    {BYTES("key= exp=-1\r\n"), KEYS, .bad = FOREIGN},
    {BYTES("key=a exp=-2\r\n"), KEYS, .bad = FOREIGN},
    {BYTES("key=a exp=\r\n"), KEYS, .bad = FOREIGN},
    {BYTES("key=a\r\n"), KEYS, .bad = FOREIGN},
    {BYTES("key=a la=1\r\n"), KEYS, .bad = FOREIGN},
    {BYTES("STAT a 1\r\n"), KEYS, .bad = FOREIGN},
    {BYTES("END\n"), KEYS, .bad = NO_CRLF},
    {BYTES("HD\r\n"), FLUSH, .bad = FOREIGN},
    {BYTES("END\r\n"), FLUSH, .bad = FOREIGN},
};

static void memcacheds_answers_mean_the_same_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(memcached_good); i++) {
        check_reply(memcacheds[0], &memcached_good[i]);
        check_reply(memcacheds[1], &memcached_good[i]);
    }
}

static void what_memcached_cannot_say_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(memcached_bad); i++) {
        check_refusal(memcacheds[0], &memcached_bad[i]);
        check_refusal(memcacheds[1], &memcached_bad[i]);
    }
}

/* Walk the value of an answer, each key followed by its time and a blank. */
static void write_keys(
    const struct rc_codec *codec, const struct rc_answer *answer, char *at, size_t room)
{
    struct rc_listed listed;
    struct rc_slice rest = answer->value;
    while (codec->next_key(&rest, &listed)) {
        int len = snprintf(at, room, "%.*s/%lld ", (int)listed.key.len,
            (const char *)listed.key.data, (long long)listed.exptime_s);
        assert_in_range(len, 1, room - 1);
        at += len;
        room -= (size_t)len;
    }
    assert_int_equal(rest.len, 0);
}

static const char dump[] =
    "key=a exp=-1 la=17 cas=1 fetch=no cls=1 size=63\n"
    "key=b%20%25%c3%A9 exp=1700000100 la=17 cas=2 fetch=yes cls=1 size=64 flags=0\r\n"
    "key=c exp=0\n"
    "END\r\n";

/* Feed a dump in two pieces and take what each of them gives. */
static void check_dump_cut_at(size_t cut)
{
    struct rc_decoder decoder = {.limits.max_value_bytes = TEST_MAX_VALUE_BYTES};
    const struct rc_expect expect = KEYS;
    struct rc_answer answer = {0};
    char told[128] = "";
    size_t start = 0, consumed = 0;
    bool ended = false;
    for (size_t arrived = cut; !ended; arrived = sizeof dump - 1) {
        enum rc_decoded got = RC_DECODED_ONE;
        while (got == RC_DECODED_ONE && !ended) {
            struct rc_slice input = copy_bytes(rc_slice(dump + start, arrived - start));
            got = rc_codec_meta.decode(&decoder, input, &expect, &answer, &consumed);
            assert_int_not_equal(got, RC_DECODED_BAD);
            if (got == RC_DECODED_ONE) {
                write_keys(
                    &rc_codec_meta, &answer, told + strlen(told), sizeof told - strlen(told));
                start += consumed;
                ended = !answer.more;
            }
            free_bytes(input);
        }
    }
    assert_int_equal(start, sizeof dump - 1);
    assert_string_equal(told, "a/-1 b %\xc3\xa9/1700000100 c/0 ");
}

static void a_dump_tells_each_key_once_wherever_it_is_cut(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < sizeof dump - 1; cut++) {
        check_dump_cut_at(cut);
    }
}

static void a_key_longer_than_memcacheds_is_none(void **state)
{
    (void)state;
    char line[300] = "key=";
    memset(line + 4, 'k', 251);
    for (size_t len = 250; len <= 251; len++) {
        snprintf(line + 4 + len, sizeof line - 4 - len, " exp=-1\r\n");
        const struct reply_case reply = {.bytes = rc_slice_text(line),
            .expect = KEYS,
            .answer = {.value = rc_slice_text(line), .more = true}};
        struct rc_decoder decoder = {0};
        if (len == 250) {
            assert_int_equal(
                decode_copy(&rc_codec_meta, &decoder, reply.bytes, &reply), RC_DECODED_ONE);
        } else {
            const struct reply_case bad = {reply.bytes, KEYS, .bad = FOREIGN};
            check_refusal(&rc_codec_meta, &bad);
        }
        memset(line + 4, 'k', 251);
    }
}

/* Lines of 1 KiB, so that 1,024 of them are 1 MiB. */
static struct rc_slice many_figures(size_t lines)
{
    enum { LINE = 1024, END_BYTES = 5 };
    size_t len = lines * LINE + END_BYTES;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, 'x', len);
    for (size_t i = 0; i < lines; i++) {
        memcpy(text + i * LINE, "STAT n ", 7);
        memcpy(text + (i + 1) * LINE - 2, "\r\n", 2);
    }
    memcpy(text + lines * LINE, "END\r\n", END_BYTES);
    return rc_slice(text, len);
}

static void figures_are_kept_up_to_one_mebibyte(void **state)
{
    (void)state;
    struct rc_slice text = many_figures(1024);
    const struct reply_case reply = {
        .bytes = text, .expect = STATS, .answer.value = rc_slice(text.data, text.len - 5)};
    struct rc_decoder decoder = {0};
    assert_int_equal(decode_copy(&rc_codec_meta, &decoder, text, &reply), RC_DECODED_ONE);
    free_bytes(text);
}

/* Feed all of `text` but what is to be left out of it; the answer to the last try. */
static enum rc_decoded decode_leaving_out(
    struct rc_decoder *decoder, struct rc_slice text, struct rc_answer *answer)
{
    const struct rc_expect expect = STATS;
    enum rc_decoded got;
    size_t at = 0, consumed = 0;
    do {
        at += decoder->excess.left;
        decoder->excess.left = 0;
        struct rc_slice rest = rc_slice(text.data + at, text.len - at);
        got = rc_codec_meta.decode(decoder, rest, &expect, answer, &consumed);
        assert_int_equal(decoder->excess.at, 0);
    } while (got == RC_DECODED_MORE && decoder->excess.left > 0);
    assert_int_equal(at + consumed, got == RC_DECODED_ONE ? text.len : at);
    return got;
}

static void more_figures_are_left_out_up_to_their_end(void **state)
{
    (void)state;
    for (size_t lines = 1025; lines < 5000; lines += 511) {
        struct rc_slice text = many_figures(lines);
        struct rc_decoder decoder = {0};
        struct rc_answer answer;
        assert_int_equal(decode_leaving_out(&decoder, text, &answer), RC_DECODED_ONE);
        assert_int_equal(answer.status, RINGCACHE_ETOOBIG);
        assert_int_equal(answer.value.len, 0);
        assert_true(
            rc_slice_equal(answer.message, rc_slice_text("the figures are more than 1 MiB")));
        assert_false(decoder.excess.found);
        const struct reply_case next = {
            .bytes = BYTES("STAT a b\r\nEND\r\n"), STATS, SAYS(BYTES("STAT a b\r\n"))};
        assert_int_equal(decode_copy(&rc_codec_meta, &decoder, next.bytes, &next), RC_DECODED_ONE);
        free_bytes(text);
    }
}

/* An error line is an answer where nothing was told yet, and nowhere else. */
static void broken_figures_are_no_answer_however_many_came_before(void **state)
{
    (void)state;
    struct rc_slice text = many_figures(1026);
    memcpy((unsigned char *)(uintptr_t)text.data + 1025 * 1024, "ERROR\r\n", 7);
    struct rc_decoder decoder = {0};
    struct rc_answer answer;
    assert_int_equal(decode_leaving_out(&decoder, text, &answer), RC_DECODED_BAD);
    free_bytes(text);
}

/* As if the first gibibyte had been left out before. */
static void figures_beyond_any_value_are_no_answer(void **state)
{
    (void)state;
    struct rc_slice text = many_figures(1026);
    struct rc_decoder decoder = {.left_out = RC_VALUE_MAX_BYTES};
    struct rc_answer answer;
    assert_int_equal(decode_leaving_out(&decoder, text, &answer), RC_DECODED_BAD);
    assert_true(rc_slice_equal(answer.message, rc_slice_text("more figures than a server has")));
    free_bytes(text);
}

/* ---- Redis ---- */

#define INFO                                                                                       \
    "# Server\r\nredis_version:7.2.4\r\nvalkey_version:8.1.1\r\nrun_id:0123\r\nos:Linux 6.1:x\r\n" \
    "\r\n# Empty\r\nlast:\r\n"

static const struct reply_case redis_good[] = {
    {BYTES("$17\r\nredis_version:7\r\n\r\n"), STATS, SAYS(BYTES("redis_version:7\r\n"))},
    {BYTES("$0\r\n\r\n"), STATS, DONE},
    {BYTES("$0\r\n\r\n" ECHOED), STRICT(RC_VERB_STATS), DONE},
    {BYTES("-ERR no\r\n"), STATS, REFUSES(BYTES("ERR no"))},
    {BYTES("$17\r\nredis_version:7\r\n\r\n"), VERSION, SAYS(BYTES("7"))},
    {BYTES("$35\r\nredis_version:7\r\nvalkey_version:8\r\n\r\n"), VERSION, SAYS(BYTES("8"))},
    {BYTES("$3\r\na:b\r\n" ECHOED), STRICT(RC_VERB_VERSION), .answer = {.status = RINGCACHE_MISS}},
    {BYTES("+OK\r\n"), FLUSH, DONE},
    {BYTES("+OK\r\n" ECHOED), STRICT(RC_VERB_FLUSH), DONE},
    {BYTES("-NOPERM x\r\n"), FLUSH,
        .answer = {.status = RINGCACHE_EAUTH, .message = BYTES("NOPERM x")}},
    {BYTES("*2\r\n$1\r\n0\r\n*0\r\n"), KEYS, DONE},
    {BYTES("*2\r\n$2\r\n17\r\n*2\r\n$1\r\na\r\n$3\r\n\0\r\n\r\n"), KEYS,
        SAYS(BYTES("$1\r\na\r\n$3\r\n\0\r\n\r\n"), .number = 17)},
    {BYTES("*2\r\n$20\r\n18446744073709551615\r\n*1\r\n$0\r\n\r\n" ECHOED), STRICT(RC_VERB_KEYS),
        SAYS(BYTES("$0\r\n\r\n"), .number = UINT64_MAX)},
    {BYTES("-ERR invalid cursor\r\n"), KEYS, REFUSES(BYTES("ERR invalid cursor"))},
};

#define WRONG_TYPE "a reply of a type that this command cannot have"
#define NO_PAGE "not a page of keys and where to go on"

static const struct reply_case redis_bad[] = {
    {BYTES("+OK\r\n"), STATS, .bad = WRONG_TYPE},
    {BYTES("$-1\r\n"), STATS, .bad = "no text in answer to INFO"},
    {BYTES("$1048577\r\n"), STATS, .bad = "a value of the reply is too long"},
    {BYTES("$65537\r\n"), VERSION, .bad = "a value of the reply is too long"},
    {BYTES(":1\r\n"), FLUSH, .bad = WRONG_TYPE},
    {BYTES("+QUEUED\r\n"), FLUSH, .bad = "a status that this command cannot answer"},
    {BYTES("+OK\r\n$16\r\n0000000000000000\r\n"), STRICT(RC_VERB_FLUSH),
        .bad = "the reply was not followed by its own token"},
    {BYTES("$1\r\n0\r\n"), KEYS, .bad = NO_PAGE},
    {BYTES("*-1\r\n"), KEYS, .bad = NO_PAGE},
    {BYTES("*1\r\n$1\r\n0\r\n"), KEYS, .bad = NO_PAGE},
    {BYTES("*3\r\n$1\r\n0\r\n*0\r\n*0\r\n"), KEYS, .bad = NO_PAGE},
    {BYTES("*2\r\n$2\r\n-1\r\n*0\r\n"), KEYS, .bad = NO_PAGE},
    {BYTES("*2\r\n:0\r\n*0\r\n"), KEYS, .bad = NO_PAGE},
    {BYTES("*2\r\n$-1\r\n*0\r\n"), KEYS, .bad = NO_PAGE},
    {BYTES("*2\r\n$1\r\n0\r\n*-1\r\n"), KEYS, .bad = NO_PAGE},
    {BYTES("*2\r\n$1\r\n0\r\n*1\r\n$-1\r\n"), KEYS, .bad = NO_PAGE},
    {BYTES("*2\r\n$1\r\n0\r\n*1\r\n*0\r\n"), KEYS, .bad = NO_PAGE},
    {BYTES("*2\r\n$1\r\n0\r\n*1\r\n:7\r\n"), KEYS, .bad = NO_PAGE},
};

static void redis_answers_mean_the_same_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(redis_good); i++) {
        check_reply(&rc_codec_resp, &redis_good[i]);
    }
}

static void what_redis_cannot_say_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(redis_bad); i++) {
        check_refusal(&rc_codec_resp, &redis_bad[i]);
    }
}

static void a_page_tells_its_keys(void **state)
{
    (void)state;
    char told[64] = "";
    const struct rc_answer answer = {.value = BYTES("$1\r\na\r\n$3\r\nb c\r\n")};
    write_keys(&rc_codec_resp, &answer, told, sizeof told);
    assert_string_equal(told, "a/0 b c/0 ");
}

/* ---- figures ---- */

static void check_figures(const struct rc_codec *codec, struct rc_slice text, const char *expected)
{
    char told[256] = "";
    size_t used = 0;
    struct rc_figure figure;
    while (codec->next_figure(&text, &figure)) {
        used += (size_t)snprintf(told + used, sizeof told - used, "%.*s=%.*s;",
            (int)figure.name.len, (const char *)figure.name.data, (int)figure.value.len,
            (const char *)figure.value.data);
    }
    assert_int_equal(text.len, 0);
    assert_string_equal(told, expected);
}

static void figures_are_names_and_values_on_both(void **state)
{
    (void)state;
    struct rc_slice stats = rc_slice_text("STAT pid 17\r\nSTAT inter \r\nSTAT a b c\r\n");
    check_figures(&rc_codec_meta, stats, "pid=17;inter=;a=b c;");
    check_figures(&rc_codec_classic, stats, "pid=17;inter=;a=b c;");
    check_figures(&rc_codec_resp, rc_slice_text(INFO),
        "redis_version=7.2.4;valkey_version=8.1.1;run_id=0123;os=Linux 6.1:x;last=;");
    check_figures(&rc_codec_resp, rc_slice_text("\n:x\r\nno colon\r\na b:c\r\nz:1"), "z=1;");
}

static void what_is_no_figure_or_no_key_ends_the_walk(void **state)
{
    (void)state;
    static const struct {
        const struct rc_codec *codec;
        const char *text;
    } rows[] = {
        {&rc_codec_meta, ""},
        {&rc_codec_meta, "\n"},
        {&rc_codec_meta, "\r\n"},
        {&rc_codec_meta, "END\r\n"},
        {&rc_codec_resp, ""},
        {&rc_codec_resp, "\r\n"},
        {&rc_codec_resp, ":1\r\n"},
        {&rc_codec_resp, "$-1\r\n"},
        {&rc_codec_resp, "$3\r\nab"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rc_figure figure;
        struct rc_listed listed;
        struct rc_slice bytes = copy_bytes(rc_slice_text(rows[i].text));
        struct rc_slice figures = bytes, keys = bytes;
        assert_false(rows[i].codec->next_figure(&figures, &figure));
        assert_false(rows[i].codec->next_key(&keys, &listed));
        free_bytes(bytes);
    }
}

/* ---- commands ---- */

static const struct {
    struct rc_command command;
    struct rc_slice memcached, redis;
} encodings[] = {
    {{.verb = RC_VERB_FLUSH}, BYTES("flush_all\r\n"),
        BYTES("*2\r\n$7\r\nFLUSHDB\r\n$5\r\nASYNC\r\n")},
    {{.verb = RC_VERB_STATS}, BYTES("stats\r\n"), BYTES("*1\r\n$4\r\nINFO\r\n")},
    {{.verb = RC_VERB_STATS, .key = BYTES("items")}, BYTES("stats items\r\n"),
        BYTES("*2\r\n$4\r\nINFO\r\n$5\r\nitems\r\n")},
    {{.verb = RC_VERB_KEYS}, BYTES("lru_crawler metadump all\r\n"),
        BYTES("*4\r\n$4\r\nSCAN\r\n$1\r\n0\r\n$5\r\nCOUNT\r\n$3\r\n512\r\n")},
    {{.verb = RC_VERB_KEYS, .number = UINT64_MAX, .prefix = BYTES("a*?[\\]:")},
        BYTES("lru_crawler metadump all\r\n"),
        BYTES("*6\r\n$4\r\nSCAN\r\n$20\r\n18446744073709551615\r\n$5\r\nMATCH\r\n"
              "$12\r\na\\*\\?\\[\\\\]:*\r\n$5\r\nCOUNT\r\n$3\r\n512\r\n")},
    {{.verb = RC_VERB_VERSION}, BYTES("version\r\n"),
        BYTES("*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n")},
};

static void questions_are_encoded_to_the_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(encodings); i++) {
        check_encoding(&rc_codec_meta, &encodings[i].command, encodings[i].memcached);
        check_encoding(&rc_codec_classic, &encodings[i].command, encodings[i].memcached);
        check_encoding(&rc_codec_resp, &encodings[i].command, encodings[i].redis);
    }
}

/* The longest namespace, of nothing but bytes that are special in a pattern. */
static void any_namespace_is_within_the_bound(void **state)
{
    (void)state;
    char stars[250];
    memset(stars, '*', sizeof stars);
    const struct rc_command command = {.verb = RC_VERB_KEYS,
        .strict = true,
        .number = UINT64_MAX,
        .prefix = rc_slice(stars, sizeof stars)};
    free_bytes(encode_copy(&rc_codec_resp, &command));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memcacheds_answers_mean_the_same_at_every_split),
        cmocka_unit_test(what_memcached_cannot_say_is_refused),
        cmocka_unit_test(a_dump_tells_each_key_once_wherever_it_is_cut),
        cmocka_unit_test(a_key_longer_than_memcacheds_is_none),
        cmocka_unit_test(figures_are_kept_up_to_one_mebibyte),
        cmocka_unit_test(more_figures_are_left_out_up_to_their_end),
        cmocka_unit_test(broken_figures_are_no_answer_however_many_came_before),
        cmocka_unit_test(figures_beyond_any_value_are_no_answer),
        cmocka_unit_test(redis_answers_mean_the_same_at_every_split),
        cmocka_unit_test(what_redis_cannot_say_is_refused),
        cmocka_unit_test(a_page_tells_its_keys),
        cmocka_unit_test(figures_are_names_and_values_on_both),
        cmocka_unit_test(what_is_no_figure_or_no_key_ends_the_walk),
        cmocka_unit_test(questions_are_encoded_to_the_byte),
        cmocka_unit_test(any_namespace_is_within_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

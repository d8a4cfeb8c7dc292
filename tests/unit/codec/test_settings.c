/* SPDX-License-Identifier: MIT */
/* What a memcached says of its settings, of which the largest item is read: in any order, in any
 * pieces. */
#include "reply_check.h"

#define ASKED                                                                                      \
    {                                                                                              \
        .verb = RC_VERB_SETTINGS                                                                   \
    }
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* A refusal is an answer, and what follows it is still in step. */
#define REFUSED(code, words)                                                                       \
    {                                                                                              \
        .status = (code), .message = BYTES(words)                                                  \
    }

static const struct reply_case good[] = {
    {BYTES("STAT item_size_max 1048576\r\nEND\r\n"), ASKED, .answer = {.number = 1048576}},
    {BYTES("STAT maxbytes 67108864\r\nSTAT inter NULL\r\nSTAT stat_key_prefix :\r\n"
           "STAT item_size_max 524288\r\nSTAT ssl_chain_cert (null)\r\nEND\r\n"),
        ASKED, .answer = {.number = 524288}},
    {BYTES("STAT inter \r\nSTAT inter\r\nSTAT path a b c\r\nSTAT item_size_max 1\r\nEND\r\n"),
        ASKED, .answer = {.number = 1}},
    {BYTES("STAT item_size_max 18446744073709551615\r\nEND\r\n"), ASKED,
        .answer = {.number = UINT64_MAX}},
    /* A server that does not say it, and names that only resemble it. */
    {BYTES("END\r\n"), ASKED, .answer = {.status = RINGCACHE_OK}},
    {BYTES("STAT item_size_max_x 5\r\nSTAT xitem_size_max 5\r\nEND\r\n"), ASKED,
        .answer = {.status = RINGCACHE_OK}},
    {BYTES("STAT x END\r\nSTAT ENDING 1\r\nEND\r\n"), ASKED, .answer = {.status = RINGCACHE_OK}},
    {BYTES("ERROR\r\n"), ASKED, .answer = REFUSED(RINGCACHE_ESERVER, "ERROR")},
    {BYTES("CLIENT_ERROR no stats here\r\n"), ASKED,
        .answer = REFUSED(RINGCACHE_ESERVER, "CLIENT_ERROR no stats here")},
    {BYTES("SERVER_ERROR out of memory writing stats\r\n"), ASKED,
        .answer = REFUSED(RINGCACHE_ESERVER, "SERVER_ERROR out of memory writing stats")},
};

#define NO_SETTING "a line that is no figure"
#define BAD_SIZE "the item_size_max is malformed"
#define BAD_LINE "a line of the reply does not end in CR LF"

static const struct reply_case bad[] = {
    {BYTES("STAT\r\n"), ASKED, .bad = NO_SETTING},
    {BYTES("STAT \r\n"), ASKED, .bad = NO_SETTING},
    {BYTES("STATS x 1\r\n"), ASKED, .bad = NO_SETTING},
    {BYTES("STAT a 1\r\n\r\n"), ASKED, .bad = NO_SETTING},
    {BYTES("STAT a 1\r\nstat b 2\r\n"), ASKED, .bad = NO_SETTING},
    {BYTES("STAT a 1\r\nERROR\r\n"), ASKED, .bad = NO_SETTING},
    {BYTES("STAT a 1\r\nSERVER_ERROR x\r\n"), ASKED, .bad = NO_SETTING},
    {BYTES("ENDING\r\n"), ASKED, .bad = NO_SETTING},
    {BYTES("VERSION 1.6.18\r\n"), ASKED, .bad = NO_SETTING},
    {BYTES("MN\r\n"), ASKED, .bad = NO_SETTING},
    {BYTES("STAT item_size_max \r\nEND\r\n"), ASKED, .bad = BAD_SIZE},
    {BYTES("STAT item_size_max -1\r\nEND\r\n"), ASKED, .bad = BAD_SIZE},
    {BYTES("STAT item_size_max 01\r\nEND\r\n"), ASKED, .bad = BAD_SIZE},
    {BYTES("STAT item_size_max 1m\r\nEND\r\n"), ASKED, .bad = BAD_SIZE},
    {BYTES("STAT item_size_max 5 \r\nEND\r\n"), ASKED, .bad = BAD_SIZE},
    {BYTES("STAT item_size_max 18446744073709551616\r\nEND\r\n"), ASKED, .bad = BAD_SIZE},
    {BYTES("STAT a 1\n"), ASKED, .bad = BAD_LINE},
    {BYTES("STAT a 1\r\nSTAT b\r2\r\n"), ASKED, .bad = BAD_LINE},
    {BYTES("END\n"), ASKED, .bad = BAD_LINE},
    {BYTES("+OK\r\n"), ASKED, .bad = NO_SETTING},
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

/* The connection goes on with the same decoder. */
static void a_second_reply_is_read_from_its_start(void **state)
{
    (void)state;
    struct rc_decoder decoder = {0};
    assert_int_equal(
        decode_copy(&rc_codec_meta, &decoder, good[0].bytes, &good[0]), RC_DECODED_ONE);
    assert_int_equal(
        decode_copy(&rc_codec_meta, &decoder, good[4].bytes, &good[4]), RC_DECODED_ONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reply_means_the_same_at_every_split),
        cmocka_unit_test(every_broken_reply_is_refused_with_its_reason),
        cmocka_unit_test(a_second_reply_is_read_from_its_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

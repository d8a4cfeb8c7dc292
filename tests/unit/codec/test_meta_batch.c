/* SPDX-License-Identifier: MIT */
/* Batches of gets in memcached meta: a classic get, and the mg whose token proves what came before
 * it. Every reply is fed whole, cut anywhere, and byte by byte. */
#include "reply_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/key_run.h"

enum { TOKEN = 7, KEYS_MAX = RC_BATCH_MAX, STORY_SIZE = 512, HELD_BYTES = 1024 * 1024 };
enum { LARGE_MAX_VALUE_BYTES = 2 * HELD_BYTES };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Keys "a", "b" … are asked for, the last one by mg with the token TOKEN + count - 1. */
struct taking {
    size_t count;
    bool dated;
    struct rc_decoder decoder;
    unsigned char run[KEYS_MAX * 8];
    size_t answered;
    char story[STORY_SIZE]; /* what each key was told */
    unsigned tries;
};

static void begin(struct taking *taking, size_t count)
{
    *taking =
        (struct taking){.count = count, .decoder.limits.max_value_bytes = TEST_MAX_VALUE_BYTES};
    unsigned char *at = taking->run;
    for (size_t i = 0; i < count; i++) {
        const unsigned char name = (unsigned char)('a' + i);
        at = rc_key_run_put(at, rc_slice(NULL, 0), rc_slice(&name, 1));
    }
}

static void tell(struct taking *taking, const struct rc_answer *answer)
{
    size_t len = strlen(taking->story);
    char *at = taking->story + len;
    size_t room = sizeof taking->story - len;
    if (answer->again) {
        snprintf(at, room, "again ");
    } else if (answer->status == RINGCACHE_OK && answer->cas > 0) {
        snprintf(at, room, "%.*s@%u ", (int)answer->value.len, answer->value.data,
            (unsigned)answer->cas);
    } else if (answer->status == RINGCACHE_OK) {
        snprintf(at, room, "%.*s ", answer->value.len > 9 ? 9 : (int)answer->value.len,
            answer->value.data);
    } else if (answer->status == RINGCACHE_MISS) {
        snprintf(at, room, "- ");
    } else {
        snprintf(at, room, "%s%s:%.*s ", ringcache_err_name(answer->status),
            answer->close ? "!" : "", (int)answer->message.len, answer->message.data);
    }
}

static struct rc_expect expectation(const struct taking *taking)
{
    return (struct rc_expect){
        .verb = RC_VERB_GET,
        .token = TOKEN + taking->answered,
        .want_cas = taking->dated,
        .due = (uint32_t)(taking->count - taking->answered),
        .first = taking->answered == 0,
        .keys = taking->run + taking->answered * (sizeof(uint32_t) + 1),
    };
}

/* The next reply from exactly these bytes, some of which it may take. */
static enum rc_decoded take_one(struct taking *taking, struct rc_buf *in)
{
    const struct rc_expect expect = expectation(taking);
    struct rc_answer answer = {0};
    size_t consumed = 0;
    struct rc_slice input = copy_bytes(rc_slice(in->data, in->len));
    enum rc_decoded got =
        rc_codec_meta.decode(&taking->decoder, input, &expect, &answer, &consumed);
    taking->tries++;
    if (got == RC_DECODED_ONE) {
        assert_true(consumed <= input.len);
        tell(taking, &answer);
        taking->answered += answer.all ? expect.due : 1;
        rc_buf_consume(in, consumed);
    } else if (got == RC_DECODED_BAD) {
        tell(taking, &answer);
    } else {
        assert_true(taking->decoder.need > input.len || taking->decoder.excess.left > 0);
    }
    free_bytes(input);
    return got;
}

/* Take what has come of a value that is not to be held out. */
static bool drop_excess(struct taking *taking, struct rc_buf *in)
{
    struct rc_excess *excess = &taking->decoder.excess;
    size_t came = excess->left > 0 ? in->len - excess->at : 0;
    size_t n = came < excess->left ? came : excess->left;
    memmove(in->data + excess->at, in->data + excess->at + n, came - n);
    rc_buf_truncate(in, in->len - n);
    excess->left -= n;
    return excess->left == 0;
}

/* As a connection does. */
static enum rc_decoded understand(struct taking *taking, struct rc_buf *in)
{
    enum rc_decoded got = RC_DECODED_ONE;
    while (taking->answered < taking->count) {
        if (!drop_excess(taking, in) || in->len < taking->decoder.need) {
            return RC_DECODED_MORE;
        }
        got = take_one(taking, in);
        if (got == RC_DECODED_BAD || (got == RC_DECODED_MORE && taking->decoder.excess.left == 0)) {
            break;
        }
        taking->decoder.need = got == RC_DECODED_ONE ? 0 : taking->decoder.need;
    }
    return got;
}

/* `pieces` at a time; where it ended, all but what follows was taken. */
static enum rc_decoded feed(
    struct taking *taking, struct rc_slice bytes, size_t piece, size_t *held)
{
    struct rc_buf in = {0};
    enum rc_decoded got = RC_DECODED_MORE;
    size_t most = 0;
    for (size_t at = 0; at < bytes.len && got != RC_DECODED_BAD; at += piece) {
        size_t len = piece < bytes.len - at ? piece : bytes.len - at;
        assert_int_equal(rc_buf_append(&in, bytes.data + at, len), 0);
        got = understand(taking, &in);
        most = in.len > most ? in.len : most;
    }
    if (taking->answered == taking->count) {
        assert_int_equal(in.len, 0);
        const struct rc_batch_look none = {0};
        assert_memory_equal(&taking->decoder.batch, &none, sizeof none);
    }
    *held = most;
    rc_buf_deinit(&in);
    return got;
}

/* What `count` keys are told by these bytes, in pieces of any size. */
static void check(size_t count, bool dated, const char *bytes, const char *story)
{
    size_t held;
    for (size_t piece = 1; piece <= strlen(bytes); piece++) {
        struct taking taking;
        begin(&taking, count);
        taking.dated = dated;
        feed(&taking, rc_slice_text(bytes), piece, &held);
        assert_string_equal(taking.story, story);
    }
}

static void what_is_proven_is_told_key_by_key(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *story;
    } cases[] = {
        {"VALUE a 0 2\r\nva\r\nVALUE b 0 2\r\nvb\r\nVALUE c 0 2\r\nvc\r\nEND\r\n"
         "VA 2 f0 O0000000a\r\nvd\r\n",
            "va vb vc vd "},
        {"END\r\nEN O0000000a\r\n", "- - - - "},
        {"END\r\nVA 2 f0 O0000000a\r\nvd\r\n", "- - - vd "},
        {"VALUE b 7 5\r\nEND\r\n\r\nEND\r\nEN O0000000a\r\n", "- END\r\n - - "},
        {"VALUE c 0 1\r\nc\r\nEND\r\nEN O0000000a\r\n", "- - c - "},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        check(4, false, cases[i].bytes, cases[i].story);
    }
    check(2, true, "VALUE a 0 1 12\r\nx\r\nEND\r\nVA 1 f0 c13 O00000008\r\ny\r\n", "x@12 y@13 ");
}

static void nothing_is_told_before_the_token_has_come(void **state)
{
    (void)state;
    static const char values[] = "VALUE a 0 2\r\nva\r\nVALUE b 0 2\r\nvb\r\nEND\r\n";
    static const char proof[] = "VA 2 f0 O00000009\r\n";
    struct taking taking;
    struct rc_buf in = {0};
    begin(&taking, 3);
    assert_int_equal(rc_buf_append(&in, values, sizeof values - 1), 0);
    for (size_t i = 0; i < sizeof proof - 1; i++) {
        assert_int_equal(understand(&taking, &in), RC_DECODED_MORE);
        assert_int_equal(taking.answered, 0);
        assert_int_equal(rc_buf_append(&in, proof + i, 1), 0);
    }
    assert_int_equal(understand(&taking, &in), RC_DECODED_MORE);
    assert_int_equal(taking.answered, 2);
    assert_string_equal(taking.story, "va vb ");
    rc_buf_deinit(&in);
}

static void what_is_not_the_batchs_reply_is_refused_and_nothing_told(void **state)
{
    (void)state;
#define A "VALUE a 0 1\r\nx\r\n"
#define PROOF "EN O00000009\r\n"
#define NOT_IT "a reply that this command cannot have "
#define OTHER_KEY "the value carries another key "
#define OTHER_TOKEN "the reply carries another command's opaque "
    static const struct {
        const char *bytes, *why;
    } cases[] = {
        {"VALUE d 0 1\r\nx\r\nEND\r\n" PROOF, OTHER_KEY},
        {"VALUE ab 0 1\r\nx\r\nEND\r\n" PROOF, OTHER_KEY},
        {"VALUE  0 1\r\nx\r\nEND\r\n" PROOF, OTHER_KEY},
        {"VALUE b 0 1\r\nx\r\n" A "END\r\n" PROOF, OTHER_KEY},
        {A A "END\r\n" PROOF, OTHER_KEY},
        {"VALUE c 0 1\r\nx\r\nEND\r\n" PROOF, OTHER_KEY}, /* which is mg's */
        {A "END\r\nEN O0000000a\r\n", OTHER_TOKEN},
        {A "END\r\nEN O00000007\r\n", OTHER_TOKEN},
        {A "END\r\nEN\r\n", "the reply has no opaque "},
        {A "END\r\nHD O00000009\r\n", NOT_IT},
        {A "END\r\nEND\r\n" PROOF, NOT_IT},
        {A "END\r\n" A "END\r\n", NOT_IT},
        {A PROOF, NOT_IT},
        {PROOF, NOT_IT},
        {A "MN\r\n", NOT_IT},
        {"VALUE a 0 1\r\nxy\r\nEND\r\n" PROOF, "the value does not end where its length says "},
        {"VALUE a 0\r\nx\r\nEND\r\n" PROOF, "the length of the value is missing or malformed "},
        {"VALUE a -1 1\r\nx\r\nEND\r\n" PROOF,
            "the client flags of the value are missing or malformed "},
        {"VALUE a 0 1 5\r\nx\r\nEND\r\n" PROOF, "more behind a value's length than was asked for "},
        {"VALUE a 0 1073741825\r\nx\r\n", "the length of the value is missing or malformed "},
        {A "\nEND\r\n" PROOF, "a line of the reply does not end in CR LF "},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char story[STORY_SIZE];
        snprintf(story, sizeof story, "EPROTOCOL:%s", cases[i].why);
        check(3, false, cases[i].bytes, story);
    }
}

/* All eight digits of the two opaques differ, so that no few changes make one the other. */
static void no_mutated_batch_of_other_requests_is_told(void **state)
{
    (void)state;
    struct taking taking;
    begin(&taking, 3);
    const struct rc_expect stranger = {
        .token = 0x97ef6980 - 2, .due = 3, .first = true, .keys = taking.run};
    const struct rc_slice reply =
        BYTES("VALUE a 0 1\r\nx\r\nVALUE b 0 1\r\ny\r\nEND\r\nVA 1 f0 O0000000a\r\nz\r\n");
    check_mutations(&rc_codec_meta, reply, &stranger, 200000);
}

static void an_error_that_ends_the_values_is_the_answer_of_the_rest(void **state)
{
    (void)state;
    static const char oom[] = "SERVER_ERROR out of memory writing get response";
    char bytes[300], story[STORY_SIZE];
    snprintf(bytes, sizeof bytes, "VALUE b 0 1\r\nx\r\n%s\r\nVA 1 f0 O0000000a\r\ny\r\n", oom);
    snprintf(story, sizeof story, "- x ESERVER:%s y ", oom);
    check(4, false, bytes, story);
    snprintf(bytes, sizeof bytes, "%s\r\nEN O00000008\r\n", oom);
    snprintf(story, sizeof story, "ESERVER:%s - ", oom);
    check(2, false, bytes, story);
    snprintf(bytes, sizeof bytes, "%s\r\nEN O00000007\r\n", oom);
    check(2, false, bytes, "EPROTOCOL:the reply carries another command's opaque ");
}

static void an_error_without_a_proof_behind_it_is_every_keys(void **state)
{
    (void)state;
    check(3, false, "VALUE b 0 1\r\nx\r\nERROR\r\n", "ESERVER!:ERROR ");
    check(3, false, "CLIENT_ERROR unauthenticated\r\n", "EAUTH!:CLIENT_ERROR unauthenticated ");
    check(3, false, "VALUE b 0 1\r\nx\r\nEND\r\nSERVER_ERROR out of memory\r\n",
        "ESERVER:SERVER_ERROR out of memory ");
    check(3, false, "END\r\nCLIENT_ERROR bad command line format\r\n",
        "ESERVER!:CLIENT_ERROR bad command line format ");
}

static void an_empty_value_is_asked_for_once_more(void **state)
{
    (void)state;
    check(3, false, "VALUE a 0 0\r\n\r\nVALUE b 0 1\r\nx\r\nEND\r\nVA 0 f0 O00000009\r\n\r\n",
        "again x  ");
    check(3, false, "VALUE b 0 0\r\n\r\nEND\r\nVA 0 f0 W O00000009\r\n\r\n", "- again - ");
}

static void a_value_beyond_the_cap_is_too_large_and_the_others_are_told(void **state)
{
    (void)state;
    static char bytes[TEST_MAX_VALUE_BYTES + 100];
    char *at = bytes + sprintf(bytes, "VALUE a 0 %d\r\n", TEST_MAX_VALUE_BYTES + 1);
    memset(at, 'x', TEST_MAX_VALUE_BYTES + 1);
    strcpy(at + TEST_MAX_VALUE_BYTES + 1,
        "\r\nVALUE b 0 2\r\nvb\r\nEND\r\nVA 1 f0 O00000009\r\ny\r\n");
    static const size_t pieces[] = {1, 20, 4096, sizeof bytes};
    for (size_t i = 0; i < COUNT(pieces); i++) {
        struct taking taking;
        size_t held;
        begin(&taking, 3);
        feed(&taking, rc_slice_text(bytes), pieces[i], &held);
        assert_string_equal(taking.story, "ETOOBIG:the value is larger than max_value_bytes vb y ");
        assert_true(held < 100 + pieces[i]);
        assert_false(taking.decoder.crowded);
    }
}

/* The values of all keys but the last, of `len` bytes each. */
static struct rc_buf large_values(size_t count, size_t len)
{
    struct rc_buf out = {0};
    for (size_t i = 0; i + 1 < count; i++) {
        char head[40];
        int head_len = snprintf(head, sizeof head, "VALUE %c 0 %zu\r\n", (char)('a' + i), len);
        assert_int_equal(rc_buf_append(&out, head, (size_t)head_len), 0);
        assert_int_equal(rc_buf_reserve(&out, len), 0);
        memset(rc_buf_end(&out), 'A' + (int)i, len);
        rc_buf_commit(&out, len);
        assert_int_equal(rc_buf_append(&out, "\r\n", 2), 0);
    }
    char proof[40];
    int len_of = snprintf(proof, sizeof proof, "END\r\nEN O%08x\r\n", TOKEN + (unsigned)count - 1);
    assert_int_equal(rc_buf_append(&out, proof, (size_t)len_of), 0);
    return out;
}

static void no_more_is_held_for_the_proof_than_a_mebibyte(void **state)
{
    (void)state;
    enum { EACH = 300000, PIECE = 65536 };
    struct rc_buf bytes = large_values(6, EACH);
    struct taking taking;
    size_t held;
    begin(&taking, 6);
    feed(&taking, rc_slice(bytes.data, bytes.len), PIECE, &held);
    assert_string_equal(taking.story, "ETOOBIG:the value is larger than max_value_bytes "
                                      "ETOOBIG:the value is larger than max_value_bytes "
                                      "ETOOBIG:the value is larger than max_value_bytes "
                                      "ETOOBIG:the value is larger than max_value_bytes "
                                      "ETOOBIG:the value is larger than max_value_bytes - ");
    begin(&taking, 6);
    taking.decoder.limits.max_value_bytes = LARGE_MAX_VALUE_BYTES;
    feed(&taking, rc_slice(bytes.data, bytes.len), PIECE, &held);
    assert_string_equal(taking.story, "AAAAAAAAA BBBBBBBBB CCCCCCCCC again again - ");
    assert_in_range(held, 3 * EACH, HELD_BYTES + PIECE);
    assert_true(taking.decoder.crowded);
    rc_buf_deinit(&bytes);
}

static void one_value_may_take_all_that_is_held_and_not_a_byte_more(void **state)
{
    (void)state;
    const size_t most = HELD_BYTES - strlen("VALUE a 0 1048557\r\n");
    for (size_t more = 0; more < 2; more++) {
        struct rc_buf bytes = large_values(2, most + more);
        struct taking taking;
        size_t held;
        begin(&taking, 2);
        taking.decoder.limits.max_value_bytes = LARGE_MAX_VALUE_BYTES;
        feed(&taking, rc_slice(bytes.data, bytes.len), bytes.len, &held);
        assert_string_equal(taking.story, more == 0 ? "AAAAAAAAA - " : "again - ");
        rc_buf_deinit(&bytes);
    }
}

/* A try looks at what came since the last one, and none is made before the value that is due is
 * there; so the tries are two for each value, whatever the pieces. */
static void values_that_come_in_pieces_are_looked_at_once(void **state)
{
    (void)state;
    enum { KEYS = 20, EACH = 40000 };
    struct rc_buf bytes = large_values(KEYS, EACH);
    struct taking taking;
    size_t held;
    begin(&taking, KEYS);
    feed(&taking, rc_slice(bytes.data, bytes.len), 100, &held);
    assert_int_equal(taking.answered, KEYS);
    assert_in_range(taking.tries, KEYS, 4 * KEYS);
    rc_buf_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_proven_is_told_key_by_key),
        cmocka_unit_test(nothing_is_told_before_the_token_has_come),
        cmocka_unit_test(what_is_not_the_batchs_reply_is_refused_and_nothing_told),
        cmocka_unit_test(no_mutated_batch_of_other_requests_is_told),
        cmocka_unit_test(an_error_that_ends_the_values_is_the_answer_of_the_rest),
        cmocka_unit_test(an_error_without_a_proof_behind_it_is_every_keys),
        cmocka_unit_test(an_empty_value_is_asked_for_once_more),
        cmocka_unit_test(a_value_beyond_the_cap_is_too_large_and_the_others_are_told),
        cmocka_unit_test(no_more_is_held_for_the_proof_than_a_mebibyte),
        cmocka_unit_test(one_value_may_take_all_that_is_held_and_not_a_byte_more),
        cmocka_unit_test(values_that_come_in_pieces_are_looked_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* A value that is lent: the same command, with the value's bytes left out at their place. */
#include "reply_check.h"

#include <string.h>

#include "base/loan.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct rc_codec *const codecs[] = {&rc_codec_meta, &rc_codec_classic, &rc_codec_resp};
static const enum rc_verb stores[] = {RC_VERB_SET, RC_VERB_ADD, RC_VERB_REPLACE, RC_VERB_APPEND,
    RC_VERB_PREPEND, RC_VERB_CAS, RC_VERB_FILL};

/* Where an encoder left the bytes out, the value is put in. */
static void fill_gap(struct rc_buf *whole, const struct rc_buf *out, const struct rc_loan *loan)
{
    size_t before = (size_t)(loan->gap - out->data);
    assert_true(before <= out->len);
    rc_buf_append(whole, out->data, before);
    rc_buf_append(whole, loan->bytes.data, loan->bytes.len);
    rc_buf_append(whole, loan->gap, out->len - before);
}

static void check_lending(const struct rc_codec *codec, struct rc_command command)
{
    if (codec == &rc_codec_classic && command.verb == RC_VERB_FILL) {
        check_unsupported(codec, &command);
        return;
    }
    struct rc_slice copied = encode_copy(codec, &command);
    struct rc_loan loan = {.bytes = command.value};
    command.loan = &loan;
    struct rc_buf out = {0}, whole = {0};
    assert_int_equal(codec->encode(&out, &command), 0);
    assert_true(out.len <= codec->bound(&command));
    assert_int_equal(out.len, copied.len - command.value.len);
    fill_gap(&whole, &out, &loan);
    assert_true(rc_slice_equal(rc_slice(whole.data, whole.len), copied));
    rc_buf_deinit(&out);
    rc_buf_deinit(&whole);
    free_bytes(copied);
}

static void a_lent_value_is_left_out_at_its_place(void **state)
{
    (void)state;
    unsigned char value[20000];
    memset(value, 'v', sizeof value);
    for (size_t i = 0; i < COUNT(codecs) * COUNT(stores) * 8; i++) {
        const struct rc_command command = {
            .verb = stores[i / 8 % COUNT(stores)],
            .strict = (i & 1) != 0,
            .again = (i & 2) != 0, /* of Redis, the script's text */
            .ttl_ms = (i & 4) != 0 ? 90000 : 0,
            .exptime_s = (i & 4) != 0 ? 90 : 0,
            .token = 7,
            .cas = 5,
            .prefix = BYTES("ns:"),
            .key = BYTES("key"),
            .value = rc_slice(value, sizeof value),
        };
        check_lending(codecs[i / 8 / COUNT(stores)], command);
    }
}

static void the_bound_does_not_count_what_is_lent(void **state)
{
    (void)state;
    struct rc_loan loan = {.bytes = rc_slice("", 1)};
    struct rc_command command = {
        .verb = RC_VERB_SET, .key = BYTES("key"), .value = rc_slice("", SIZE_MAX / 2)};
    command.loan = &loan;
    for (size_t i = 0; i < COUNT(codecs); i++) {
        assert_true(codecs[i]->bound(&command) < 1000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lent_value_is_left_out_at_its_place),
        cmocka_unit_test(the_bound_does_not_count_what_is_lent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

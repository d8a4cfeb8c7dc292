/* SPDX-License-Identifier: MIT */
/* What a connection sends, with lent runs between its own bytes: the same stream however the kernel
 * takes it, and every loan over exactly when its last byte is. */
#include "unit.h"

#include <stdlib.h>

#include "server/output.h"

enum { COMMANDS = 12, STREAM_MAX = 4096, PARTS_MAX = 64 };

/* Commands of "<", a head, a value, a tail, ">"; every second value is lent. */
struct stage {
    struct rc_output out;
    struct rc_list over;
    struct rc_loan loans[COMMANDS];
    unsigned char values[COMMANDS][64];
    size_t ends[COMMANDS + 1]; /* of the commands, in the stream */
    unsigned char stream[STREAM_MAX];
    size_t len;
};

static void say(struct stage *s, struct rc_buf *to, const void *bytes, size_t len)
{
    memcpy(s->stream + s->len, bytes, len);
    s->len += len;
    if (to != NULL) {
        assert_int_equal(rc_buf_append(to, bytes, len), 0);
    }
}

static void append_command(struct stage *s, size_t i, uint64_t *random)
{
    static const char filler[] = "....................";
    struct rc_loan *loan = &s->loans[i];
    size_t len = 1 + next_random(random) % sizeof s->values[i];
    bool lent = next_random(random) % 2 == 0;
    memset(s->values[i], 'a' + (int)i, len);
    say(s, &s->out.own, "<", 1);
    say(s, &s->out.own, filler, next_random(random) % sizeof filler);
    size_t before = s->out.own.len;
    say(s, lent ? NULL : &s->out.own, s->values[i], len);
    say(s, &s->out.own, filler, next_random(random) % sizeof filler);
    say(s, &s->out.own, ">", 1);
    if (lent) {
        loan->bytes = rc_slice(s->values[i], len);
        loan->gap = s->out.own.data + before;
        rc_output_lend(&s->out, loan);
    }
    s->ends[i + 1] = s->len;
}

static void begin(struct stage *s, uint64_t *random)
{
    memset(s, 0, sizeof *s);
    rc_output_init(&s->out);
    rc_list_init(&s->over);
    for (size_t i = 0; i < COMMANDS; i++) {
        rc_list_init(&s->loans[i].link);
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        append_command(s, i, random);
    }
}

/* What there is to send is the stream from what was taken to before `end`. */
static void assert_offers(const struct stage *s, size_t end, size_t most)
{
    struct rc_slice parts[PARTS_MAX];
    size_t count = rc_output_parts(&s->out, parts, most);
    size_t at = s->out.taken;
    assert_true(count <= most);
    assert_int_equal(rc_output_len(&s->out), end - at);
    assert_true(count > 0 || at == end);
    for (size_t i = 0; i < count; i++) {
        assert_true(parts[i].len > 0 && at + parts[i].len <= end);
        assert_memory_equal(parts[i].data, s->stream + at, parts[i].len);
        at += parts[i].len;
    }
    assert_true(at == end || count + 1 >= most);
}

/* Over are the loans whose last byte was taken, and those of commands from `cut` on. */
static void assert_over(const struct stage *s, size_t cut)
{
    size_t over = 0;
    for (const struct rc_list *n = s->over.next; n != &s->over; n = n->next) {
        over++;
    }
    size_t expected = 0;
    for (size_t i = 0; i < COMMANDS; i++) {
        const struct rc_loan *loan = &s->loans[i];
        bool taken = loan->at + loan->bytes.len <= s->out.taken;
        expected += loan->bytes.len > 0 && (taken || i >= cut);
    }
    assert_int_equal(over, expected);
}

static void end(struct stage *s)
{
    rc_output_cut(&s->out, 0, &s->over);
    assert_int_equal(rc_output_len(&s->out), 0);
    assert_over(s, 0);
    rc_buf_deinit(&s->out.own);
}

static void the_stream_is_the_same_however_it_is_taken(void **state)
{
    (void)state;
    uint64_t random = 5;
    struct stage s;
    for (int round = 0; round < 2000; round++) {
        begin(&s, &random);
        size_t step = 1 + next_random(&random) % (round % 2 == 0 ? 10 : 300);
        while (s.out.taken < s.len) {
            assert_offers(&s, s.len, 2 + next_random(&random) % (PARTS_MAX - 2));
            size_t left = s.len - (size_t)s.out.taken;
            rc_output_take(&s.out, left < step ? left : step, &s.over);
            assert_over(&s, COMMANDS);
        }
        assert_int_equal(s.out.lent, 0);
        end(&s);
    }
}

/* The first command of which no byte was taken. */
static size_t first_unsent(const struct stage *s)
{
    size_t i = 0;
    while (i < COMMANDS && s->ends[i] < s->out.taken) {
        i++;
    }
    return i;
}

static void what_is_cut_off_is_over_and_the_rest_is_sent(void **state)
{
    (void)state;
    uint64_t random = 6;
    struct stage s;
    for (int round = 0; round < 2000; round++) {
        begin(&s, &random);
        rc_output_take(&s.out, next_random(&random) % (s.len + 1), &s.over);
        size_t first = first_unsent(&s);
        size_t cut = first + next_random(&random) % (COMMANDS + 1 - first);
        rc_output_cut(&s.out, s.ends[cut] - (size_t)s.out.taken, &s.over);
        assert_over(&s, cut);
        assert_offers(&s, s.ends[cut], PARTS_MAX);
        rc_output_take(&s.out, s.ends[cut] - (size_t)s.out.taken, &s.over);
        assert_over(&s, cut);
        assert_int_equal(rc_output_len(&s.out), 0);
        end(&s);
    }
}

static void what_is_half_taken_is_over_when_all_is_dropped(void **state)
{
    (void)state;
    uint64_t random = 7;
    struct stage s;
    for (int round = 0; round < 2000; round++) {
        begin(&s, &random);
        rc_output_take(&s.out, next_random(&random) % (s.len + 1), &s.over);
        end(&s);
    }
}

/* What a command's bytes are, joined again, and its loan given up by the output. */
static void assert_front(struct stage *s, size_t i)
{
    struct rc_front front = rc_output_front(&s->out, s->ends[i + 1] - s->ends[i]);
    const unsigned char *at = s->stream + s->ends[i];
    size_t lent = front.loan != NULL ? front.loan->bytes.len : 0;
    size_t gap = front.loan != NULL ? front.gap : front.own.len;
    assert_ptr_equal(front.loan, s->loans[i].bytes.len > 0 ? &s->loans[i] : NULL);
    assert_int_equal(front.own.len + lent, s->ends[i + 1] - s->ends[i]);
    assert_memory_equal(front.own.data, at, gap);
    if (lent > 0) {
        assert_memory_equal(front.loan->bytes.data, at + gap, lent);
    }
    if (front.own.len > gap) {
        assert_memory_equal(front.own.data + gap, at + gap + lent, front.own.len - gap);
    }
    rc_output_release(&s->out, &front);
    assert_true(rc_list_empty(&s->loans[i].link));
}

static void what_goes_elsewhere_goes_whole_and_is_not_over(void **state)
{
    (void)state;
    uint64_t random = 8;
    struct stage s;
    for (int round = 0; round < 2000; round++) {
        begin(&s, &random);
        rc_output_take(&s.out, next_random(&random) % (s.len + 1), &s.over);
        size_t first = first_unsent(&s);
        rc_output_take(&s.out, s.ends[first] - (size_t)s.out.taken, &s.over);
        for (size_t i = first; i < COMMANDS; i++) {
            assert_front(&s, i);
            assert_offers(&s, s.len, PARTS_MAX);
        }
        assert_int_equal(rc_output_len(&s.out), 0);
        rc_buf_deinit(&s.out.own);
    }
}

/* What is to be sent first stays, and the rest goes elsewhere as if it had been alone. */
static void an_output_is_split_between_two_commands(void **state)
{
    (void)state;
    uint64_t random = 9;
    struct stage s;
    for (int round = 0; round < 2000; round++) {
        begin(&s, &random);
        rc_output_take(&s.out, next_random(&random) % (s.len + 1), &s.over);
        size_t first = first_unsent(&s),
               cut = first + next_random(&random) % (COMMANDS + 1 - first);
        struct rc_output rest;
        assert_int_equal(rc_output_split(&s.out, s.ends[cut] - (size_t)s.out.taken, &rest), 0);
        assert_offers(&s, s.ends[cut], PARTS_MAX);
        rc_output_take(&s.out, s.ends[cut] - (size_t)s.out.taken, &s.over);
        assert_over(&s, COMMANDS);
        assert_int_equal(rc_output_len(&s.out), 0);
        rc_buf_deinit(&s.out.own);
        s.out = rest;
        rc_list_init(&s.out.loans);
        rc_list_splice(&s.out.loans, &rest.loans);
        for (size_t i = cut; i < COMMANDS; i++) {
            assert_front(&s, i);
        }
        assert_int_equal(rc_output_len(&s.out), 0);
        rc_buf_deinit(&s.out.own);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stream_is_the_same_however_it_is_taken),
        cmocka_unit_test(what_is_cut_off_is_over_and_the_rest_is_sent),
        cmocka_unit_test(what_is_half_taken_is_over_when_all_is_dropped),
        cmocka_unit_test(what_goes_elsewhere_goes_whole_and_is_not_over),
        cmocka_unit_test(an_output_is_split_between_two_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

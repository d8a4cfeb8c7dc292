/* SPDX-License-Identifier: MIT */
/* The wheel against the plainest clock there is: every deadline at its own millisecond, in
 * order. */
#include "unit.h"

#include <stdlib.h>

#include "base/wheel.h"

enum { ALARMS = 64 };

struct clock;

/* A deadline that notes when it fired. */
struct alarm {
    struct rc_deadline deadline;
    struct clock *clock;
    unsigned fired; /* how often */
    uint64_t fired_ms;
    size_t place; /* in the order of all that fired */
    /* With `again`: armed once more from inside `due`, `again_ms` later. */
    unsigned again;
    uint64_t again_ms;
    struct alarm *disarms, *arms; /* from inside `due`, the latter at the same time */
};

struct clock {
    struct rc_wheel wheel;
    struct alarm alarms[ALARMS];
    size_t fired;
};

static void note(struct rc_deadline *deadline, uint64_t now_ms)
{
    struct alarm *alarm = rc_container(deadline, struct alarm, deadline);
    struct rc_wheel *wheel = &alarm->clock->wheel;
    assert_false(rc_deadline_armed(deadline));
    alarm->fired++;
    alarm->fired_ms = now_ms;
    alarm->place = alarm->clock->fired++;
    if (alarm->again > 0) {
        alarm->again--;
        rc_wheel_arm(wheel, deadline, now_ms + alarm->again_ms);
    }
    if (alarm->disarms != NULL) {
        rc_wheel_disarm(wheel, &alarm->disarms->deadline);
    }
    if (alarm->arms != NULL) {
        rc_wheel_arm(wheel, &alarm->arms->deadline, now_ms);
    }
}

static void start_at(struct clock *clock, uint64_t now_ms)
{
    memset(clock, 0, sizeof *clock);
    rc_wheel_init(&clock->wheel, now_ms);
    for (size_t i = 0; i < ALARMS; i++) {
        clock->alarms[i].clock = clock;
        rc_deadline_init(&clock->alarms[i].deadline, note);
    }
}

static int begin(void **state)
{
    static struct clock clock;
    start_at(&clock, 0);
    *state = &clock;
    return 0;
}

static void arm(struct clock *clock, size_t which, uint64_t at_ms)
{
    rc_wheel_arm(&clock->wheel, &clock->alarms[which].deadline, at_ms);
}

static void advance(struct clock *clock, uint64_t now_ms)
{
    rc_wheel_advance(&clock->wheel, now_ms);
}

static void assert_fired(const struct alarm *alarm, unsigned times, uint64_t at_ms)
{
    assert_int_equal(alarm->fired, times);
    assert_true(alarm->fired_ms == at_ms);
}

static void assert_fires_exactly(struct clock *clock, uint64_t start_ms, uint64_t at_ms)
{
    start_at(clock, start_ms);
    arm(clock, 0, at_ms);
    assert_true(rc_deadline_armed(&clock->alarms[0].deadline));
    assert_true(rc_wheel_next(&clock->wheel) <= at_ms);
    advance(clock, at_ms - 1);
    assert_int_equal(clock->fired, 0);
    assert_true(rc_wheel_next(&clock->wheel) == at_ms);
    advance(clock, at_ms);
    assert_fired(&clock->alarms[0], 1, at_ms);
    assert_true(rc_wheel_next(&clock->wheel) == RC_NEVER);
}

/* Starting points on both sides of the borders at which the wheel's levels turn over. */
static const uint64_t starts[] = {0, 1, 62, 63, 64, 65, 4095, 4096, 262143, 262144, 123456789,
    ((uint64_t)1 << 36) - 1, ((uint64_t)1 << 36), ((uint64_t)63 << 36) - 1, (uint64_t)63 << 36,
    ((uint64_t)1 << 42) - 2, ((uint64_t)1 << 42) - 1, (uint64_t)1 << 42, ((uint64_t)1 << 60) - 1};

enum { STARTS = sizeof starts / sizeof *starts };

static void a_deadline_fires_at_its_millisecond_at_every_level(void **state)
{
    struct clock *clock = *state;
    for (size_t i = 0; i < STARTS; i++) {
        for (int bit = 0; bit < 63; bit++) {
            uint64_t border_ms = starts[i] + ((uint64_t)1 << bit);
            assert_fires_exactly(clock, starts[i], border_ms);
            assert_fires_exactly(clock, starts[i], border_ms + 1);
            if (bit > 0) {
                assert_fires_exactly(clock, starts[i], border_ms - 1);
            }
        }
    }
}

static void waking_when_the_wheel_asks_reaches_a_deadline_in_a_step_per_level(void **state)
{
    struct clock *clock = *state;
    for (size_t i = 0; i < STARTS; i++) {
        for (int bit = 0; bit < 63; bit++) {
            uint64_t at_ms = starts[i] + ((uint64_t)1 << bit) + 77;
            start_at(clock, starts[i]);
            arm(clock, 0, at_ms);
            int steps = 0;
            for (; clock->fired == 0; steps++) {
                assert_in_range(steps, 0, RC_WHEEL_LEVELS);
                advance(clock, rc_wheel_next(&clock->wheel));
            }
            assert_fired(&clock->alarms[0], 1, at_ms);
        }
    }
}

static void the_end_of_time_is_within_reach_but_never_comes(void **state)
{
    struct clock *clock = *state;
    arm(clock, 0, UINT64_MAX - 1);
    arm(clock, 1, RC_NEVER);
    advance(clock, UINT64_MAX - 2);
    assert_int_equal(clock->fired, 0);
    assert_true(rc_wheel_next(&clock->wheel) == UINT64_MAX - 1);
    advance(clock, UINT64_MAX - 1);
    assert_fired(&clock->alarms[0], 1, UINT64_MAX - 1);
    assert_true(rc_wheel_next(&clock->wheel) == RC_NEVER);
    advance(clock, UINT64_MAX);
    assert_int_equal(clock->fired, 1);
}

static void nothing_armed_asks_for_no_waking(void **state)
{
    struct clock *clock = *state;
    assert_true(rc_wheel_next(&clock->wheel) == RC_NEVER);
    advance(clock, 1000);
    assert_true(rc_wheel_next(&clock->wheel) == RC_NEVER);
    assert_int_equal(clock->fired, 0);
}

static void a_time_that_has_passed_fires_at_the_next_advance(void **state)
{
    struct clock *clock = *state;
    advance(clock, 500);
    arm(clock, 0, 500);
    arm(clock, 1, 20);
    arm(clock, 2, 499);
    assert_int_equal(clock->fired, 0);
    assert_true(rc_wheel_next(&clock->wheel) == 500);
    advance(clock, 500);
    for (size_t i = 0; i < 3; i++) {
        assert_fired(&clock->alarms[i], 1, 500);
        assert_int_equal(clock->alarms[i].place, i);
    }
}

static void a_clock_that_goes_back_fires_nothing(void **state)
{
    struct clock *clock = *state;
    advance(clock, 500);
    arm(clock, 0, 510);
    advance(clock, 100);
    advance(clock, 509);
    assert_int_equal(clock->fired, 0);
    advance(clock, 510);
    assert_fired(&clock->alarms[0], 1, 510);
}

static void equal_times_fire_in_arming_order_at_one_level(void **state)
{
    struct clock *clock = *state;
    for (size_t i = 0; i < ALARMS; i++) {
        arm(clock, i, 20 + i % 2);
    }
    advance(clock, 30);
    for (size_t i = 0; i < ALARMS; i++) {
        assert_int_equal(clock->alarms[i].place, i / 2 + (i % 2) * (ALARMS / 2));
    }
}

static void equal_times_fire_in_arming_order_after_cascades(void **state)
{
    struct clock *clock = *state;
    const uint64_t at_ms = 16777216 + 262144 * 5 + 4096 * 9 + 64 * 3 + 17;
    static const uint64_t before_ms[] = {
        17000000, 300000, 262144, 40000, 4097, 4096, 4095, 100, 64, 63, 40, 18, 17, 16, 2, 1};
    enum { STAGES = sizeof before_ms / sizeof *before_ms };
    for (size_t i = 0; i < STAGES; i++) {
        advance(clock, at_ms - before_ms[i]);
        arm(clock, i, at_ms);
    }
    advance(clock, at_ms);
    for (size_t i = 0; i < STAGES; i++) {
        assert_fired(&clock->alarms[i], 1, at_ms);
        assert_int_equal(clock->alarms[i].place, i);
    }
}

static void arming_again_moves_a_deadline_behind_its_equals(void **state)
{
    struct clock *clock = *state;
    arm(clock, 0, 100);
    arm(clock, 1, 5000);
    arm(clock, 0, 5000);
    advance(clock, 4999);
    assert_int_equal(clock->fired, 0);
    advance(clock, 5000);
    assert_fired(&clock->alarms[0], 1, 5000);
    assert_int_equal(clock->alarms[0].place, 1);
}

static void a_disarmed_deadline_does_not_fire(void **state)
{
    struct clock *clock = *state;
    static const uint64_t times_ms[] = {0, 1, 63, 64, 5000, (uint64_t)1 << 50};
    for (size_t i = 0; i < sizeof times_ms / sizeof *times_ms; i++) {
        arm(clock, i, times_ms[i]);
        rc_wheel_disarm(&clock->wheel, &clock->alarms[i].deadline);
        rc_wheel_disarm(&clock->wheel, &clock->alarms[i].deadline);
        assert_false(rc_deadline_armed(&clock->alarms[i].deadline));
        assert_true(rc_wheel_next(&clock->wheel) == RC_NEVER);
    }
    advance(clock, (uint64_t)1 << 51);
    assert_int_equal(clock->fired, 0);
    assert_true(rc_wheel_next(&clock->wheel) == RC_NEVER);
}

static void a_deadline_may_disarm_another_of_its_own_millisecond(void **state)
{
    struct clock *clock = *state;
    for (size_t i = 0; i < 4; i++) {
        arm(clock, i, 100);
    }
    clock->alarms[1].disarms = &clock->alarms[2];
    advance(clock, 100);
    assert_int_equal(clock->fired, 3);
    assert_int_equal(clock->alarms[2].fired, 0);
    assert_int_equal(clock->alarms[3].fired, 1);
}

static void what_is_armed_for_now_inside_due_waits_for_the_next_advance(void **state)
{
    struct clock *clock = *state;
    arm(clock, 0, 100);
    clock->alarms[0].arms = &clock->alarms[1];
    advance(clock, 100);
    assert_int_equal(clock->fired, 1);
    assert_true(rc_wheel_next(&clock->wheel) == 100);
    advance(clock, 100);
    assert_fired(&clock->alarms[1], 1, 100);
}

static void a_deadline_that_always_arms_itself_for_now_fires_once_per_advance(void **state)
{
    struct clock *clock = *state;
    arm(clock, 0, 5);
    clock->alarms[0].again = 1000;
    for (unsigned i = 1; i <= 100; i++) {
        advance(clock, 10);
        assert_int_equal(clock->alarms[0].fired, i);
    }
}

static void a_deadline_taken_over_by_another_of_its_millisecond_fires_once(void **state)
{
    struct clock *clock = *state;
    arm(clock, 0, 100);
    arm(clock, 1, 100);
    clock->alarms[0].arms = &clock->alarms[1];
    advance(clock, 100);
    assert_int_equal(clock->alarms[1].fired, 0);
    advance(clock, 101);
    assert_int_equal(clock->alarms[1].fired, 1);
}

static void a_jump_in_time_fires_everything_in_order_at_its_own_time(void **state)
{
    struct clock *clock = *state;
    for (size_t i = 0; i < ALARMS; i++) {
        arm(clock, i, (uint64_t)1 << (ALARMS - 1 - i) >> 1);
    }
    arm(clock, ALARMS - 1, 7);
    advance(clock, (uint64_t)1 << 62);
    assert_int_equal(clock->fired, ALARMS);
    for (size_t i = 0; i + 1 < ALARMS; i++) {
        assert_fired(&clock->alarms[i], 1, (uint64_t)1 << (ALARMS - 1 - i) >> 1);
    }
    assert_int_equal(clock->alarms[ALARMS - 2].place, 0);
    assert_int_equal(clock->alarms[ALARMS - 1].place, 3); /* behind 1, 2 and 4 */
    assert_int_equal(clock->alarms[0].place, ALARMS - 1);
}

static void a_beat_is_caught_up_with_within_a_jump(void **state)
{
    struct clock *clock = *state;
    arm(clock, 0, 10);
    clock->alarms[0].again = 1000;
    clock->alarms[0].again_ms = 10;
    advance(clock, 999);
    assert_fired(&clock->alarms[0], 99, 990);
    advance(clock, 1000);
    assert_fired(&clock->alarms[0], 100, 1000);
}

static void free_own_memory(struct rc_deadline *deadline, uint64_t now_ms)
{
    (void)now_ms;
    free(deadline);
}

static void a_deadline_may_free_its_own_memory(void **state)
{
    struct clock *clock = *state;
    for (uint64_t at_ms = 1; at_ms < 200; at_ms += 66) {
        for (int i = 0; i < 3; i++) {
            struct rc_deadline *deadline = malloc(sizeof *deadline);
            assert_non_null(deadline);
            rc_deadline_init(deadline, free_own_memory);
            rc_wheel_arm(&clock->wheel, deadline, at_ms);
        }
    }
    arm(clock, 0, 199);
    advance(clock, 200);
    assert_fired(&clock->alarms[0], 1, 199);
}

/* The plainest clock: when each alarm is due, and since when it waits. */
struct plain {
    uint64_t due_ms[ALARMS]; /* RC_NEVER: not armed */
    uint64_t turn[ALARMS];
    uint64_t turns;
};

static size_t earliest(const struct plain *plain)
{
    size_t first = 0;
    for (size_t i = 1; i < ALARMS; i++) {
        if (plain->due_ms[i] < plain->due_ms[first] ||
            (plain->due_ms[i] == plain->due_ms[first] && plain->turn[i] < plain->turn[first])) {
            first = i;
        }
    }
    return first;
}

static void arm_both(struct clock *clock, struct plain *plain, size_t which, uint64_t at_ms)
{
    uint64_t now_ms = clock->wheel.now_ms;
    arm(clock, which, at_ms);
    plain->due_ms[which] = at_ms > now_ms ? at_ms : now_ms;
    plain->turn[which] = plain->turns++;
}

static void advance_both(struct clock *clock, struct plain *plain, uint64_t now_ms)
{
    size_t place = clock->fired;
    advance(clock, now_ms);
    for (size_t i; i = earliest(plain), plain->due_ms[i] <= now_ms; place++) {
        assert_true(clock->alarms[i].fired_ms == plain->due_ms[i]);
        assert_int_equal(clock->alarms[i].place, place);
        assert_false(rc_deadline_armed(&clock->alarms[i].deadline));
        plain->due_ms[i] = RC_NEVER;
    }
    assert_int_equal(clock->fired, place);
}

static void run_against_plain(struct clock *clock, uint64_t start_ms, uint64_t seed)
{
    struct plain plain = {.turns = 0};
    start_at(clock, start_ms);
    memset(plain.due_ms, 0xff, sizeof plain.due_ms);
    for (int round = 0; round < 8000; round++) {
        uint64_t dice = next_random(&seed);
        uint64_t span_ms = (dice >> 16) >> (dice % 40 + 8);
        size_t which = (size_t)(dice >> 8) % ALARMS;
        uint64_t now_ms = clock->wheel.now_ms;
        uint64_t asked_ms = rc_wheel_next(&clock->wheel);
        assert_true(asked_ms <= plain.due_ms[earliest(&plain)]);
        switch (next_random(&seed) % 8) {
        case 0:
            rc_wheel_disarm(&clock->wheel, &clock->alarms[which].deadline);
            plain.due_ms[which] = RC_NEVER;
            break;
        case 1:
            advance_both(clock, &plain, now_ms + span_ms % 10000);
            break;
        case 2:
            advance_both(clock, &plain, asked_ms != RC_NEVER ? asked_ms : now_ms);
            break;
        case 3: /* often the same moments, some of them over */
            arm_both(clock, &plain, which, (now_ms & ~(uint64_t)63) + dice % 4 * 32);
            break;
        default:
            arm_both(clock, &plain, which, now_ms + span_ms);
            break;
        }
    }
    advance_both(clock, &plain, (uint64_t)1 << 61);
}

static void random_deadlines_fire_as_a_plain_list_would_have_them(void **state)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        run_against_plain(*state, 0, seed * 77);
        run_against_plain(*state, starts[seed % STARTS] % ((uint64_t)1 << 43), seed * 131);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_deadline_fires_at_its_millisecond_at_every_level, begin),
        cmocka_unit_test_setup(
            waking_when_the_wheel_asks_reaches_a_deadline_in_a_step_per_level, begin),
        cmocka_unit_test_setup(the_end_of_time_is_within_reach_but_never_comes, begin),
        cmocka_unit_test_setup(nothing_armed_asks_for_no_waking, begin),
        cmocka_unit_test_setup(a_time_that_has_passed_fires_at_the_next_advance, begin),
        cmocka_unit_test_setup(a_clock_that_goes_back_fires_nothing, begin),
        cmocka_unit_test_setup(equal_times_fire_in_arming_order_at_one_level, begin),
        cmocka_unit_test_setup(equal_times_fire_in_arming_order_after_cascades, begin),
        cmocka_unit_test_setup(arming_again_moves_a_deadline_behind_its_equals, begin),
        cmocka_unit_test_setup(a_disarmed_deadline_does_not_fire, begin),
        cmocka_unit_test_setup(a_deadline_may_disarm_another_of_its_own_millisecond, begin),
        cmocka_unit_test_setup(what_is_armed_for_now_inside_due_waits_for_the_next_advance, begin),
        cmocka_unit_test_setup(
            a_deadline_that_always_arms_itself_for_now_fires_once_per_advance, begin),
        cmocka_unit_test_setup(
            a_deadline_taken_over_by_another_of_its_millisecond_fires_once, begin),
        cmocka_unit_test_setup(a_jump_in_time_fires_everything_in_order_at_its_own_time, begin),
        cmocka_unit_test_setup(a_beat_is_caught_up_with_within_a_jump, begin),
        cmocka_unit_test_setup(a_deadline_may_free_its_own_memory, begin),
        cmocka_unit_test_setup(random_deadlines_fire_as_a_plain_list_would_have_them, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

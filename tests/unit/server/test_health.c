/* SPDX-License-Identifier: MIT */
/* Outages and whose fault an error is: to the millisecond, on both sides. */
#include "unit.h"

#include <errno.h>

#include "ringcache/status.h"
#include "server/health.h"

/* ---- outages ---- */

/* The next delay is anything from exactly `least_ms` to exactly `most_ms`. */
static void assert_next_between(
    struct rc_outage *o, uint64_t now_ms, uint32_t least_ms, uint32_t most_ms)
{
    static const uint64_t randoms[] = {0, 1, UINT32_MAX, (uint64_t)1 << 63, UINT64_MAX};
    for (size_t i = 0; i < sizeof randoms / sizeof *randoms; i++) {
        struct rc_outage copy = *o;
        assert_in_range(rc_outage_next_probe(&copy, now_ms, randoms[i]), least_ms, most_ms);
    }
    uint64_t width = most_ms - least_ms;
    struct rc_outage least = *o, most = *o;
    assert_int_equal(rc_outage_next_probe(&least, now_ms, width + 1), least_ms);
    assert_int_equal(rc_outage_next_probe(&most, now_ms, width), most_ms);
    rc_outage_next_probe(o, now_ms, 0);
}

static void the_first_pause_is_drawn_from_all_of_its_span_and_later_ones_from_half(void **state)
{
    (void)state;
    struct rc_outage o = {0};
    rc_outage_begin(&o, 1000);
    assert_next_between(&o, 1000, 1, 150);
    assert_next_between(&o, 1000, 76, 153);
    assert_next_between(&o, 1000, 78, 156);
    assert_next_between(&o, 1000, 79, 159);
}

static void the_span_grows_evenly_to_a_second_within_the_first_minute(void **state)
{
    (void)state;
    struct rc_outage o = {0};
    rc_outage_begin(&o, 1000);
    for (int i = 0; i < 283; i++) {
        assert_int_equal(o.span_ms, 150 + 3 * i);
        rc_outage_next_probe(&o, 1000 + 59999, 0);
    }
    assert_next_between(&o, 1000 + 59999, 499, 999);
    assert_next_between(&o, 1000 + 59999, 500, 1000);
    assert_next_between(&o, 1000 + 59999, 500, 1000);
}

static void the_span_doubles_to_ten_seconds_once_the_first_minute_is_over(void **state)
{
    (void)state;
    struct rc_outage o = {0};
    rc_outage_begin(&o, 1000);
    rc_outage_next_probe(&o, 1000 + 59999, 0);
    static const uint32_t spans_ms[] = {153, 306, 612, 1224, 2448, 4896, 9792, 10000, 10000};
    for (size_t i = 0; i < sizeof spans_ms / sizeof *spans_ms; i++) {
        assert_next_between(&o, 1000 + 60000 + i, spans_ms[i] / 2, spans_ms[i]);
    }
    assert_next_between(&o, 1000 + 86400000, 5000, 10000);
}

static void a_new_outage_begins_low_again(void **state)
{
    (void)state;
    struct rc_outage o = {0};
    rc_outage_begin(&o, 1000);
    for (int i = 0; i < 100; i++) {
        rc_outage_next_probe(&o, 90000, 0);
    }
    rc_outage_end(&o, 91000);
    rc_outage_begin(&o, 91000 + 60000);
    assert_int_equal(o.flaps, 0);
    assert_next_between(&o, 91000 + 60000, 1, 150);
}

static void an_outage_within_a_minute_of_the_last_starts_higher(void **state)
{
    (void)state;
    struct rc_outage o = {0};
    rc_outage_begin(&o, 10);
    assert_int_equal(o.flaps, 0); /* the first of all follows none, however early */
    rc_outage_end(&o, 1000);
    rc_outage_begin(&o, 1000 + 59999);
    assert_int_equal(o.flaps, 1);
    assert_next_between(&o, 61000, 1, 300);
    rc_outage_end(&o, 62000);
    rc_outage_begin(&o, 62000);
    assert_int_equal(o.flaps, 2);
    assert_next_between(&o, 62000, 1, 600);
    rc_outage_end(&o, 63000);
    rc_outage_begin(&o, 63000 + 60000);
    assert_int_equal(o.flaps, 0);
}

static void flaps_lengthen_the_wait_up_to_a_second(void **state)
{
    (void)state;
    static const uint32_t spans_ms[] = {150, 300, 600, 1000, 1000};
    struct rc_outage o = {0};
    uint64_t now_ms = 1000;
    for (size_t i = 0; i < sizeof spans_ms / sizeof *spans_ms; i++) {
        rc_outage_begin(&o, now_ms++);
        assert_int_equal(o.flaps, i);
        assert_next_between(&o, now_ms, 1, spans_ms[i]);
        rc_outage_end(&o, now_ms++);
    }
    o.flaps = UINT32_MAX - 1;
    rc_outage_begin(&o, now_ms);
    assert_next_between(&o, now_ms, 1, 1000);
}

static void trouble_of_our_own_machine_is_not_the_servers(void **state)
{
    (void)state;
    static const int ours[] = {EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL, EADDRINUSE,
        ENETUNREACH, ENETDOWN, EPERM, EAFNOSUPPORT, EPROTONOSUPPORT, ENOSPC};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        assert_true(rc_error_is_local(-ours[i]));
        assert_false(rc_error_is_local(ours[i]));
        assert_false(rc_error_is_peers(-ours[i]));
    }
    static const int theirs[] = {0, -ECONNREFUSED, -ECONNRESET, -ETIMEDOUT, -EHOSTUNREACH, -EPIPE,
        -EACCES, -ENOENT, RINGCACHE_ETIMEDOUT, RINGCACHE_EAUTH, RINGCACHE_ESERVER};
    for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++) {
        assert_false(rc_error_is_local(theirs[i]));
    }
}

static void only_the_peers_own_end_proves_that_it_is_over(void **state)
{
    (void)state;
    assert_true(rc_error_is_peers(0));
    assert_true(rc_error_is_peers(-ECONNRESET));
    assert_true(rc_error_is_peers(-EPIPE));
    static const int opinions[] = {-ETIMEDOUT, -EHOSTUNREACH, -ENETUNREACH, -ECONNREFUSED,
        -ECONNABORTED, -ENETDOWN, ECONNRESET, RINGCACHE_ETIMEDOUT, RINGCACHE_EPROTOCOL};
    for (size_t i = 0; i < sizeof opinions / sizeof *opinions; i++) {
        assert_false(rc_error_is_peers(opinions[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_pause_is_drawn_from_all_of_its_span_and_later_ones_from_half),
        cmocka_unit_test(the_span_grows_evenly_to_a_second_within_the_first_minute),
        cmocka_unit_test(the_span_doubles_to_ten_seconds_once_the_first_minute_is_over),
        cmocka_unit_test(a_new_outage_begins_low_again),
        cmocka_unit_test(an_outage_within_a_minute_of_the_last_starts_higher),
        cmocka_unit_test(flaps_lengthen_the_wait_up_to_a_second),
        cmocka_unit_test(trouble_of_our_own_machine_is_not_the_servers),
        cmocka_unit_test(only_the_peers_own_end_proves_that_it_is_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* The contract of transport.h as the simulated transport keeps it: the turn of the loop, time,
 * chance, look-ups, the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <string.h>

#include "sim_inside.h"
#include "witness.h"

static struct scene scene(void)
{
    return scene_open(ENGINE_MEMCACHED, sim_options(1));
}

static struct scene connected(void)
{
    struct scene s = scene_open(ENGINE_MEMCACHED, sim_options(1));
    scene_connect(&s);
    return s;
}

static const struct rc_transport_ops *ops(const struct scene *s)
{
    return s->w->transport->ops;
}

static void defer_brings_before_poll_once(void **state)
{
    (void)state;
    struct scene s = scene();
    ops(&s)->defer(s.w->transport);
    ops(&s)->defer(s.w->transport);
    assert_string_equal(witness_told(s.w), "");
    sim_run_for(s.sim, 10);
    assert_string_equal(witness_told(s.w), "before_poll");
    assert_int_equal(s.w->told_at_ms, sim_now_ms(s.sim) - 10);
    scene_close(&s);
}

static void defer_on_receipt(struct witness *w, const char *event)
{
    if (strcmp(event, "received") == 0) {
        rc_transport_defer(w->transport);
    }
}

static void deferred_work_runs_before_the_loop_sleeps_again(void **state)
{
    (void)state;
    struct scene s = connected();
    uint64_t now_ms = sim_now_ms(s.sim);
    s.w->act = defer_on_receipt;
    witness_write(s.w, "mn\r\n");
    sim_run_for(s.sim, 50);
    assert_string_equal(witness_told(s.w), "received(4) before_poll");
    assert_int_equal(s.w->told_at_ms, now_ms);
    scene_close(&s);
}

static void after_poll_comes_at_the_moment_asked_for_and_once(void **state)
{
    (void)state;
    struct scene s = scene();
    uint64_t start_ms = sim_now_ms(s.sim);
    ops(&s)->wake_at(s.w->transport, start_ms + 20);
    sim_run_until(s.sim, start_ms + 19);
    assert_string_equal(witness_told(s.w), "");
    sim_run_until(s.sim, start_ms + 20);
    assert_string_equal(witness_told(s.w), "after_poll(1000020)");
    sim_run_for(s.sim, 100);
    assert_string_equal(witness_told(s.w), "");
    scene_close(&s);
}

static void a_new_wish_to_wake_replaces_the_former(void **state)
{
    (void)state;
    struct scene s = scene();
    ops(&s)->wake_at(s.w->transport, 1000010);
    ops(&s)->wake_at(s.w->transport, 1000030);
    sim_run_until(s.sim, 1000029);
    assert_string_equal(witness_told(s.w), "");
    ops(&s)->wake_at(s.w->transport, 1000040);
    ops(&s)->wake_at(s.w->transport, 1000035);
    sim_run_until(s.sim, 1000100);
    assert_string_equal(witness_told(s.w), "after_poll(1000035)");
    ops(&s)->wake_at(s.w->transport, 1000200);
    ops(&s)->wake_at(s.w->transport, UINT64_MAX);
    sim_run_for(s.sim, 1000);
    assert_string_equal(witness_told(s.w), "");
    scene_close(&s);
}

static void a_moment_that_has_passed_wakes_at_once(void **state)
{
    (void)state;
    struct scene s = scene();
    ops(&s)->wake_at(s.w->transport, 5);
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "after_poll(1000000)");
    scene_close(&s);
}

static void what_arrived_is_read_before_anything_expires(void **state)
{
    (void)state;
    struct sim_options options = sim_options(1);
    options.latency_us = 5000;
    struct scene s = scene_open(ENGINE_MEMCACHED, options);
    witness_connect(s.w, "10.0.0.1", 11211);
    sim_run_for(s.sim, 10);
    witness_told(s.w);
    ops(&s)->wake_at(s.w->transport, sim_now_ms(s.sim) + 10);
    witness_write(s.w, "mn\r\n");
    sim_run_for(s.sim, 20);
    assert_string_equal(witness_told(s.w), "received(4) after_poll(1000020)");
    scene_close(&s);
}

static void block_on_receipt(struct witness *w, const char *event)
{
    if (strcmp(event, "received") == 0 && w->acts++ == 0) {
        sim_block(w->sim, 100);
    }
}

static void a_loop_that_was_kept_busy_reads_first_and_expires_then(void **state)
{
    (void)state;
    struct scene s = connected();
    struct sim_server *far = sim_server_add(s.sim, "10.0.0.2", 11211, ENGINE_MEMCACHED);
    struct witness *second = witness_new(s.sim, s.client);
    sim_server_slow(far, 10000);
    witness_connect(second, "10.0.0.2", 11211);
    sim_run_for(s.sim, 30);
    witness_told(second);
    uint64_t now_ms = sim_now_ms(s.sim);
    ops(&s)->wake_at(s.w->transport, now_ms + 50);
    s.w->act = block_on_receipt;
    witness_write(s.w, "mn\r\n");
    witness_write(second, "mn\r\n");
    sim_run_for(s.sim, 200);
    assert_string_equal(witness_told(s.w), "received(4) after_poll(1000131)");
    assert_string_equal(witness_told(second), "received(4)");
    assert_int_equal(second->told_at_ms, now_ms + 100);
    witness_free(second);
    scene_close(&s);
}

static uint64_t readings[3];

static void read_clock(struct witness *w, const char *event)
{
    (void)event;
    readings[w->acts++] = rc_transport_clock(w->transport)->ms;
    sim_block(w->sim, 30);
    readings[w->acts++] = rc_transport_clock(w->transport)->ms;
    w->act = NULL;
}

static void the_clock_is_read_once_a_turn(void **state)
{
    (void)state;
    struct scene s = connected();
    s.w->act = read_clock;
    witness_write(s.w, "mn\r\n");
    sim_run_for(s.sim, 1);
    assert_int_equal(readings[0], 1000001);
    assert_int_equal(readings[1], 1000001);
    assert_int_equal(sim_now_ms(s.sim), 1000031);
    assert_int_equal(rc_transport_clock(s.w->transport)->ms, 1000031);
    scene_close(&s);
}

static void the_wall_clock_goes_on_and_can_be_set(void **state)
{
    (void)state;
    struct scene s = scene();
    assert_int_equal(ops(&s)->wall_s(s.w->transport), 1700000000);
    sim_run_for(s.sim, 2500);
    assert_int_equal(ops(&s)->wall_s(s.w->transport), 1700000002);
    sim_set_wall(s.sim, 5);
    assert_int_equal(ops(&s)->wall_s(s.w->transport), 5);
    sim_run_for(s.sim, 1000);
    assert_int_equal(ops(&s)->wall_s(s.w->transport), 6);
    sim_client_leap(s.client, -10); /* that one's alone */
    assert_int_equal(ops(&s)->wall_s(s.w->transport), -4);
    struct rc_transport *second = sim_client_transport(sim_client_new(s.sim));
    assert_int_equal(second->ops->wall_s(second), 6);
    scene_close(&s);
}

static void chance_comes_from_the_seed_and_the_client(void **state)
{
    (void)state;
    struct scene a = scene();
    struct scene b = scene();
    struct scene c = scene_open(ENGINE_MEMCACHED, sim_options(2));
    struct rc_transport *second = sim_client_transport(sim_client_new(a.sim));
    uint64_t drawn = ops(&a)->random(a.w->transport);
    assert_int_equal(drawn, ops(&b)->random(b.w->transport));
    assert_int_not_equal(drawn, ops(&c)->random(c.w->transport));
    assert_int_not_equal(drawn, second->ops->random(second));
    scene_close(&a);
    scene_close(&b);
    scene_close(&c);
}

static struct rc_lookup *resolve(struct scene *s, const char *host)
{
    struct rc_lookup *lookup = NULL;
    s->w->in_call = true;
    const struct rc_endpoint endpoint = {host, 11211, host[0] == '/'};
    assert_int_equal(
        ops(s)->resolve(s->w->transport, &endpoint, witness_resolved, s->w, &lookup), 0);
    s->w->in_call = false;
    return lookup;
}

static void assert_address(const struct scene *s, size_t i, const char *host)
{
    struct rc_address address;
    assert_true(sim_address(host, 11211, host[0] == '/', &address));
    assert_int_equal(s->w->addresses[i].len, address.len);
    assert_memory_equal(s->w->addresses[i].bytes, address.bytes, address.len);
}

static void literals_and_paths_are_their_own_addresses_and_answered_later(void **state)
{
    (void)state;
    static const char *const hosts[] = {"10.0.0.1", "fd00::1", "/run/cache.sock"};
    struct scene s = scene();
    for (size_t i = 0; i < 3; i++) {
        resolve(&s, hosts[i]);
        assert_string_equal(witness_told(s.w), "");
        sim_run_for(s.sim, 0);
        assert_string_equal(witness_told(s.w), "resolved(0)");
        assert_int_equal(s.w->address_count, 1);
        assert_address(&s, 0, hosts[i]);
    }
    scene_close(&s);
}

static void a_name_has_its_addresses_in_order(void **state)
{
    (void)state;
    struct scene s = scene();
    sim_dns_set(s.sim, "cache.example", "fd00::1 10.0.0.1");
    resolve(&s, "cache.example");
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "resolved(0)");
    assert_int_equal(s.w->address_count, 2);
    assert_address(&s, 0, "fd00::1");
    assert_address(&s, 1, "10.0.0.1");
    scene_close(&s);
}

static void a_name_may_fail_be_unknown_late_or_hang(void **state)
{
    (void)state;
    struct scene s = scene();
    resolve(&s, "nobody.example");
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "resolved(-3008)");
    sim_dns_fail(s.sim, "cache.example", -3001);
    resolve(&s, "cache.example");
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "resolved(-3001)");
    sim_dns_set(s.sim, "cache.example", "10.0.0.1");
    sim_dns_delay(s.sim, "cache.example", 700);
    resolve(&s, "cache.example");
    sim_run_for(s.sim, 699);
    assert_string_equal(witness_told(s.w), "");
    sim_run_for(s.sim, 1);
    assert_string_equal(witness_told(s.w), "resolved(0)");
    sim_dns_delay(s.sim, "cache.example", SIM_NEVER);
    resolve(&s, "cache.example");
    sim_run_for(s.sim, 100000);
    assert_string_equal(witness_told(s.w), "");
    scene_close(&s);
}

static void a_forgotten_lookup_is_never_answered(void **state)
{
    (void)state;
    struct scene s = scene();
    sim_dns_delay(s.sim, "cache.example", SIM_NEVER);
    rc_lookup_forget(resolve(&s, "cache.example"));
    rc_lookup_forget(resolve(&s, "10.0.0.1"));
    sim_run_for(s.sim, 100);
    assert_string_equal(witness_told(s.w), "");
    scene_close(&s);
}

static void stop_ends_with_closed_and_nothing_behind_it(void **state)
{
    (void)state;
    struct scene s = connected();
    rc_stream_close(s.w->stream);
    ops(&s)->wake_at(s.w->transport, sim_now_ms(s.sim) + 5);
    ops(&s)->defer(s.w->transport);
    s.w->in_call = true;
    ops(&s)->stop(s.w->transport, witness_closed, s.w);
    s.w->in_call = false;
    assert_string_equal(witness_told(s.w), "");
    assert_true(sim_run_idle(s.sim, 100));
    assert_string_equal(witness_told(s.w), "closed");
    sim_run_for(s.sim, 100);
    assert_string_equal(witness_told(s.w), "");
    scene_close(&s);
}

static void the_loop_lives_while_the_transport_is_held(void **state)
{
    (void)state;
    struct scene s = scene();
    ops(&s)->wake_at(s.w->transport, 1000050);
    assert_false(sim_client_held(s.client));
    assert_true(sim_run_idle(s.sim, 100));
    assert_string_equal(witness_told(s.w), "");
    ops(&s)->hold(s.w->transport, true);
    assert_true(sim_client_held(s.client));
    assert_false(sim_run_idle(s.sim, 100));
    assert_string_equal(witness_told(s.w), "after_poll(1000050)");
    ops(&s)->hold(s.w->transport, false);
    assert_true(sim_run_idle(s.sim, 100));
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defer_brings_before_poll_once),
        cmocka_unit_test(deferred_work_runs_before_the_loop_sleeps_again),
        cmocka_unit_test(after_poll_comes_at_the_moment_asked_for_and_once),
        cmocka_unit_test(a_new_wish_to_wake_replaces_the_former),
        cmocka_unit_test(a_moment_that_has_passed_wakes_at_once),
        cmocka_unit_test(what_arrived_is_read_before_anything_expires),
        cmocka_unit_test(a_loop_that_was_kept_busy_reads_first_and_expires_then),
        cmocka_unit_test(the_clock_is_read_once_a_turn),
        cmocka_unit_test(the_wall_clock_goes_on_and_can_be_set),
        cmocka_unit_test(chance_comes_from_the_seed_and_the_client),
        cmocka_unit_test(literals_and_paths_are_their_own_addresses_and_answered_later),
        cmocka_unit_test(a_name_has_its_addresses_in_order),
        cmocka_unit_test(a_name_may_fail_be_unknown_late_or_hang),
        cmocka_unit_test(a_forgotten_lookup_is_never_answered),
        cmocka_unit_test(stop_ends_with_closed_and_nothing_behind_it),
        cmocka_unit_test(the_loop_lives_while_the_transport_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* From a name to a standing stream, over a world of one look-up and sixteen addresses. */
#include "unit.h"

#include <errno.h>

#include "server/dial.h"
#include "server/env.h"

enum { ADDRESSES = 16 };

struct world;

/* The stream to one address, whose number stands in the address's first byte. */
struct stream {
    struct rc_stream base;
    struct world *world;
    const struct rc_stream_events *events;
    void *owner;
    unsigned opened, closed; /* how often */
    uint64_t opened_ms;
    int refuses_at_once; /* what connecting returns */
};

struct world {
    struct rc_transport transport;
    struct rc_env env;
    uint64_t now_ms, wake_ms;
    struct rc_lookup lookup;
    int refuses_lookup; /* what resolving returns */
    rc_resolved_fn resolved;
    void *resolved_owner;
    unsigned lookups, forgotten;
    struct stream streams[ADDRESSES];
    unsigned drained;
    /* What the dial's owner heard. */
    struct rc_dial dial;
    struct rc_dead dead;
    uint64_t deadline_ms;
    unsigned told;
    int status;
    bool closes_when_told;
    size_t received;
    unsigned ended, writable;
};

/* ---- the transport ---- */

static struct world *world_of(struct rc_transport *t)
{
    return rc_container(t, struct world, transport);
}

static int start_connecting(struct rc_transport *t, const struct rc_address *address,
    const struct rc_stream_events *events, void *owner, struct rc_stream **stream)
{
    struct stream *s = &world_of(t)->streams[address->bytes[0]];
    assert_int_equal(address->len, 1);
    assert_int_equal(s->opened, 0);
    if (s->refuses_at_once < 0) {
        return s->refuses_at_once;
    }
    s->opened++;
    s->opened_ms = s->world->now_ms;
    s->events = events;
    s->owner = owner;
    *stream = &s->base;
    return 0;
}

static void close_stream(struct rc_stream *base)
{
    struct stream *s = rc_container(base, struct stream, base);
    assert_int_equal(s->opened, 1);
    assert_int_equal(s->closed, 0);
    s->closed++;
}

static const struct rc_endpoint cache = {"cache.example", 11211, false};

static int start_resolving(struct rc_transport *t, const struct rc_endpoint *endpoint,
    rc_resolved_fn done, void *owner, struct rc_lookup **lookup)
{
    struct world *w = world_of(t);
    assert_string_equal(endpoint->host, "cache.example");
    assert_int_equal(endpoint->port, 11211);
    assert_false(endpoint->is_path);
    if (w->refuses_lookup < 0) {
        return w->refuses_lookup;
    }
    w->lookups++;
    w->resolved = done;
    w->resolved_owner = owner;
    *lookup = &w->lookup;
    return 0;
}

static void forget_lookup(struct rc_lookup *lookup)
{
    struct world *w = rc_container(lookup, struct world, lookup);
    assert_non_null(w->resolved);
    w->resolved = NULL;
    w->forgotten++;
}

static void read_clock(struct rc_transport *t)
{
    t->clock.ms = world_of(t)->now_ms;
}

static void ask_to_wake(struct rc_transport *t, uint64_t at_ms)
{
    world_of(t)->wake_ms = at_ms;
}

static const struct rc_transport_ops ops = {
    .connect = start_connecting,
    .close = close_stream,
    .resolve = start_resolving,
    .forget = forget_lookup,
    .read_clock = read_clock,
    .wake_at = ask_to_wake,
};

/* ---- the owner ---- */

static void hear_connected(void *owner, int status)
{
    struct world *w = owner;
    assert_true(w->env.in_event);
    w->told++;
    w->status = status;
    if (w->closes_when_told) {
        rc_dial_close(&w->dial);
    }
}

static void *hear_reserve(void *owner, size_t *len)
{
    *len = 17;
    return owner;
}

static void hear_received(void *owner, size_t n)
{
    ((struct world *)owner)->received += n;
}

static void hear_ended(void *owner, int status)
{
    ((struct world *)owner)->status = status;
    ((struct world *)owner)->ended++;
}

static void hear_writable(void *owner)
{
    ((struct world *)owner)->writable++;
}

static const struct rc_stream_events events = {
    .connected = hear_connected,
    .reserve = hear_reserve,
    .received = hear_received,
    .ended = hear_ended,
    .writable = hear_writable,
};

static void count_drain(void *owner)
{
    ((struct world *)owner)->drained++;
}

static int begin(void **state)
{
    static struct world w;
    w = (struct world){
        .transport = {.ops = &ops},
        .env = {.transport = &w.transport, .wake_ms = RC_NEVER, .drain = count_drain, .owner = &w},
        .now_ms = 5000,
        .wake_ms = RC_NEVER,
        .deadline_ms = 105000,
        .lookup = {.ops = &ops},
    };
    rc_wheel_init(&w.env.wheel, w.now_ms);
    for (size_t i = 0; i < ADDRESSES; i++) {
        w.streams[i].base.ops = &ops;
        w.streams[i].world = &w;
    }
    rc_dial_init(&w.dial, &w.env, &events, &w);
    *state = &w;
    return 0;
}

/* ---- what happens ---- */

static void start(struct world *w)
{
    assert_int_equal(rc_dial_start(&w->dial, &cache, &w->dead, w->deadline_ms), 0);
    assert_int_equal(w->lookups, 1);
    assert_int_equal(w->told, 0);
}

static void resolve(struct world *w, int status, size_t count)
{
    struct rc_address addresses[ADDRESSES] = {0};
    for (size_t i = 0; i < count; i++) {
        addresses[i].bytes[0] = (unsigned char)i;
        addresses[i].len = 1;
    }
    rc_resolved_fn done = w->resolved;
    w->resolved = NULL;
    done(w->resolved_owner, status, addresses, count);
    memset(addresses, 0xff, sizeof addresses); /* they were valid during the call */
}

static void dial_addresses(struct world *w, size_t count)
{
    start(w);
    resolve(w, 0, count);
}

static void connected(struct world *w, size_t which, int status)
{
    w->streams[which].events->connected(w->streams[which].owner, status);
}

static void pass_to(struct world *w, uint64_t now_ms)
{
    w->now_ms = now_ms;
    rc_env_advance(&w->env, now_ms);
}

static unsigned opened(const struct world *w)
{
    unsigned count = 0;
    for (size_t i = 0; i < ADDRESSES; i++) {
        count += w->streams[i].opened;
    }
    return count;
}

static unsigned still_open(const struct world *w)
{
    unsigned count = 0;
    for (size_t i = 0; i < ADDRESSES; i++) {
        count += w->streams[i].opened - w->streams[i].closed;
    }
    return count;
}

static void assert_told(const struct world *w, int status)
{
    assert_int_equal(w->told, 1);
    assert_int_equal(w->status, status);
}

/* ---- names ---- */

static void a_look_up_that_cannot_begin_is_said_at_once_and_never_told(void **state)
{
    struct world *w = *state;
    w->refuses_lookup = -EMFILE;
    assert_int_equal(rc_dial_start(&w->dial, &cache, &w->dead, w->deadline_ms), -EMFILE);
    rc_dial_close(&w->dial);
    assert_int_equal(w->forgotten, 0);
    assert_int_equal(w->told, 0);
}

static void a_name_that_is_not_known_is_told(void **state)
{
    struct world *w = *state;
    start(w);
    resolve(w, -3008, 0);
    assert_told(w, -3008);
    assert_int_equal(opened(w), 0);
    assert_int_equal(w->drained, 1);
    rc_dial_close(&w->dial);
    assert_int_equal(w->forgotten, 0);
}

static void a_name_without_an_address_is_told_as_no_fault_of_our_machine(void **state)
{
    struct world *w = *state;
    start(w);
    resolve(w, 0, 0);
    assert_told(w, -EHOSTUNREACH);
}

/* ---- addresses ---- */

static void the_first_address_that_stands_is_the_stream(void **state)
{
    struct world *w = *state;
    dial_addresses(w, 1);
    assert_int_equal(w->told, 0);
    connected(w, 0, 0);
    assert_told(w, 0);
    assert_ptr_equal(w->dial.stream, &w->streams[0].base);
    assert_int_equal(w->drained, 2);
    pass_to(w, 60000);
    assert_told(w, 0);
    rc_dial_close(&w->dial);
    assert_int_equal(still_open(w), 0);
    assert_null(w->dial.stream);
}

static void a_refused_address_makes_way_for_the_next_at_once(void **state)
{
    struct world *w = *state;
    dial_addresses(w, 2);
    w->now_ms += 3;
    connected(w, 0, -ECONNREFUSED);
    assert_int_equal(w->streams[0].closed, 1);
    assert_int_equal(w->streams[1].opened, 1);
    assert_int_equal(w->told, 0);
    connected(w, 1, 0);
    assert_told(w, 0);
    assert_ptr_equal(w->dial.stream, &w->streams[1].base);
    rc_dial_close(&w->dial);
    assert_int_equal(still_open(w), 0);
}

static void a_quiet_address_gets_250_ms_before_the_next_is_tried(void **state)
{
    struct world *w = *state;
    dial_addresses(w, 3);
    assert_int_equal(w->wake_ms, 5250);
    pass_to(w, 5249);
    assert_int_equal(opened(w), 1);
    pass_to(w, 5250);
    assert_int_equal(w->streams[1].opened_ms, 5250);
    pass_to(w, 5499);
    assert_int_equal(opened(w), 2);
    pass_to(w, 5500);
    assert_int_equal(w->streams[2].opened_ms, 5500);
    pass_to(w, 60000);
    assert_int_equal(opened(w), 3);
    assert_int_equal(still_open(w), 3);
    assert_int_equal(w->told, 0);
    rc_dial_close(&w->dial);
    assert_int_equal(still_open(w), 0);
}

static void each_address_has_its_own_250_ms(void **state)
{
    struct world *w = *state;
    dial_addresses(w, 3);
    pass_to(w, 5100);
    connected(w, 0, -ECONNREFUSED);
    assert_int_equal(w->streams[1].opened_ms, 5100);
    pass_to(w, 5349);
    assert_int_equal(opened(w), 2);
    pass_to(w, 5350);
    assert_int_equal(w->streams[2].opened_ms, 5350);
    rc_dial_close(&w->dial);
}

static void a_winner_closes_the_others_and_nothing_more_is_tried(void **state)
{
    struct world *w = *state;
    dial_addresses(w, 4);
    pass_to(w, 5250);
    pass_to(w, 5500);
    connected(w, 1, 0);
    assert_told(w, 0);
    assert_ptr_equal(w->dial.stream, &w->streams[1].base);
    assert_int_equal(w->streams[0].closed, 1);
    assert_int_equal(w->streams[1].closed, 0);
    assert_int_equal(w->streams[2].closed, 1);
    pass_to(w, 60000);
    assert_int_equal(opened(w), 3);
    rc_dial_close(&w->dial);
    assert_int_equal(still_open(w), 0);
}

static void a_failure_waits_for_the_addresses_that_are_still_open(void **state)
{
    struct world *w = *state;
    dial_addresses(w, 2);
    pass_to(w, 5250);
    connected(w, 1, -ECONNREFUSED);
    assert_int_equal(w->told, 0);
    connected(w, 0, 0);
    assert_told(w, 0);
    rc_dial_close(&w->dial);
    assert_int_equal(still_open(w), 0);
}

static void the_last_failure_is_told_once_when_no_address_is_left(void **state)
{
    struct world *w = *state;
    dial_addresses(w, 3);
    connected(w, 0, -ECONNREFUSED);
    connected(w, 1, -ETIMEDOUT);
    assert_int_equal(w->told, 0);
    connected(w, 2, -EHOSTUNREACH);
    assert_told(w, -EHOSTUNREACH);
    assert_int_equal(still_open(w), 0);
    pass_to(w, 60000); /* the stagger of the last was still armed */
    assert_told(w, -EHOSTUNREACH);
    rc_dial_close(&w->dial);
}

static void a_refusal_outweighs_what_fails_on_our_own_machine(void **state)
{
    struct world *w = *state;
    w->streams[1].refuses_at_once = -ENETUNREACH;
    dial_addresses(w, 3);
    connected(w, 0, -ECONNREFUSED);
    connected(w, 2, -ENETUNREACH);
    assert_told(w, -ECONNREFUSED);
    rc_dial_close(&w->dial);
}

static void our_own_failure_is_told_when_there_is_no_other(void **state)
{
    struct world *w = *state;
    dial_addresses(w, 2);
    connected(w, 0, -ENETUNREACH);
    connected(w, 1, -EADDRNOTAVAIL);
    assert_told(w, -EADDRNOTAVAIL);
    rc_dial_close(&w->dial);
}

/* ---- connecting that fails at once ---- */

static void an_address_that_fails_at_once_is_skipped(void **state)
{
    struct world *w = *state;
    w->streams[0].refuses_at_once = w->streams[1].refuses_at_once = -ENETUNREACH;
    dial_addresses(w, 3);
    assert_int_equal(w->streams[2].opened_ms, 5000);
    assert_int_equal(w->told, 0);
    connected(w, 2, 0);
    assert_told(w, 0);
    rc_dial_close(&w->dial);
}

static void all_that_fail_at_once_are_told_with_the_last_failure(void **state)
{
    struct world *w = *state;
    w->streams[0].refuses_at_once = -EMFILE;
    w->streams[1].refuses_at_once = -ENETUNREACH;
    dial_addresses(w, 2);
    assert_told(w, -ENETUNREACH);
    assert_int_equal(opened(w), 0);
    assert_int_equal(w->wake_ms, RC_NEVER);
    assert_int_equal(w->drained, 1);
    rc_dial_close(&w->dial);
}

static void what_fails_at_once_when_it_is_its_turn_leaves_the_quiet_ones(void **state)
{
    struct world *w = *state;
    w->streams[1].refuses_at_once = w->streams[2].refuses_at_once = -ENETUNREACH;
    dial_addresses(w, 3);
    pass_to(w, 5250);
    assert_int_equal(w->told, 0);
    assert_int_equal(still_open(w), 1);
    connected(w, 0, -ECONNREFUSED);
    assert_told(w, -ECONNREFUSED);
    rc_dial_close(&w->dial);
}

static void every_address_is_tried_up_to_the_eighth(void **state)
{
    for (size_t count = 1; count <= 12; count++) {
        begin(state);
        struct world *w = *state;
        size_t tried = count < RC_DIAL_ADDRESSES ? count : RC_DIAL_ADDRESSES;
        dial_addresses(w, count);
        for (size_t i = 0; i < tried; i++) {
            assert_int_equal(w->told, 0);
            assert_int_equal(opened(w), i + 1);
            connected(w, i, -ECONNREFUSED);
        }
        assert_told(w, -ECONNREFUSED);
        assert_int_equal(opened(w), tried);
        rc_dial_close(&w->dial);
    }
}

static void all_eight_may_be_open_together(void **state)
{
    struct world *w = *state;
    dial_addresses(w, 9);
    for (uint64_t i = 1; i <= 20; i++) {
        pass_to(w, 5000 + RC_DIAL_STAGGER_MS * i);
    }
    assert_int_equal(still_open(w), RC_DIAL_ADDRESSES);
    connected(w, 7, 0);
    assert_told(w, 0);
    assert_int_equal(still_open(w), 1);
    rc_dial_close(&w->dial);
    assert_int_equal(still_open(w), 0);
}

static void many_addresses_share_the_time_that_is_left(void **state)
{
    struct world *w = *state;
    w->deadline_ms = 6000;
    dial_addresses(w, 8);
    for (uint64_t i = 1; i < 8; i++) {
        pass_to(w, 5000 + 125 * i - 1);
        assert_int_equal(opened(w), i);
        pass_to(w, 5000 + 125 * i);
        assert_int_equal(opened(w), i + 1);
    }
    rc_dial_close(&w->dial);
}

static void what_one_address_leaves_of_its_time_is_the_others(void **state)
{
    struct world *w = *state;
    w->deadline_ms = 5300;
    dial_addresses(w, 3);
    pass_to(w, 5020);
    connected(w, 0, -ECONNREFUSED);
    assert_int_equal(opened(w), 2);
    pass_to(w, 5159);
    assert_int_equal(opened(w), 2);
    pass_to(w, 5160);
    assert_int_equal(opened(w), 3);
    rc_dial_close(&w->dial);
}

static void behind_the_deadline_nobody_waits_for_the_next(void **state)
{
    struct world *w = *state;
    w->deadline_ms = 4000;
    dial_addresses(w, 2);
    pass_to(w, 5000);
    assert_int_equal(opened(w), 2);
    rc_dial_close(&w->dial);
}

/* ---- addresses that lead nowhere ---- */

/* Dial the same addresses once more, of which `first` is begun with. */
static void redial(struct world *w, size_t count, size_t first)
{
    rc_dial_close(&w->dial);
    for (size_t i = 0; i < ADDRESSES; i++) {
        w->streams[i].opened = w->streams[i].closed = 0;
    }
    w->lookups = w->told = 0;
    rc_dial_init(&w->dial, &w->env, &events, w);
    dial_addresses(w, count);
    assert_int_equal(opened(w), 1);
    assert_int_equal(w->streams[first].opened, 1);
}

static void a_refused_address_is_tried_last_the_next_time(void **state)
{
    struct world *w = *state;
    dial_addresses(w, 3);
    connected(w, 0, -ECONNREFUSED);
    connected(w, 1, 0);
    redial(w, 3, 1);
    connected(w, 1, -ECONNREFUSED);
    connected(w, 2, -ECONNREFUSED);
    connected(w, 0, 0);
    assert_told(w, 0);
    redial(w, 3, 0);
    connected(w, 0, 0);
    rc_dial_close(&w->dial);
}

static void a_quiet_address_is_tried_last_once_another_stood(void **state)
{
    struct world *w = *state;
    dial_addresses(w, 4);
    pass_to(w, 5250);
    pass_to(w, 5500);
    connected(w, 1, 0);
    redial(w, 4, 1);
    connected(w, 1, -ECONNREFUSED);
    assert_int_equal(w->streams[2].opened, 1); /* it began behind the winner, and had no time */
    rc_dial_close(&w->dial);
}

static void where_all_lead_nowhere_the_order_is_the_names(void **state)
{
    struct world *w = *state;
    dial_addresses(w, 2);
    connected(w, 0, -ECONNREFUSED);
    connected(w, 1, -ETIMEDOUT);
    redial(w, 2, 0);
    rc_dial_close(&w->dial);
}

static void trouble_of_our_own_is_no_reason_to_try_an_address_last(void **state)
{
    struct world *w = *state;
    dial_addresses(w, 2);
    connected(w, 0, -ENETUNREACH);
    connected(w, 1, 0);
    redial(w, 2, 0);
    rc_dial_close(&w->dial);
}

static void a_winner_that_is_blamed_is_tried_last_the_next_time(void **state)
{
    struct world *w = *state;
    dial_addresses(w, 2);
    connected(w, 0, 0);
    rc_dial_blame(&w->dial);
    redial(w, 2, 1);
    rc_dial_close(&w->dial);
}

static void the_ninth_address_takes_the_place_of_one_that_leads_nowhere(void **state)
{
    struct world *w = *state;
    dial_addresses(w, 9);
    for (size_t i = 0; i < 8; i++) {
        connected(w, i, -ECONNREFUSED);
    }
    redial(w, 9, 8);
    connected(w, 8, -ECONNREFUSED);
    assert_int_equal(w->streams[0].opened, 1);
    redial(
        w, 10, 0); /* the oldest of nine is forgotten, the first: like the tenth, it may be well */
    connected(w, 0, -ECONNREFUSED);
    assert_int_equal(w->streams[9].opened, 1);
    rc_dial_close(&w->dial);
}

/* ---- closing ---- */

static void closing_while_the_name_is_looked_up_forgets_it(void **state)
{
    struct world *w = *state;
    start(w);
    rc_dial_close(&w->dial);
    rc_dial_close(&w->dial);
    assert_int_equal(w->forgotten, 1);
    assert_int_equal(w->told, 0);
}

static void closing_while_addresses_are_tried_closes_them_all(void **state)
{
    struct world *w = *state;
    dial_addresses(w, 4);
    pass_to(w, 5250);
    connected(w, 0, -ECONNREFUSED);
    assert_int_equal(still_open(w), 2);
    rc_dial_close(&w->dial);
    rc_dial_close(&w->dial);
    assert_int_equal(still_open(w), 0);
    pass_to(w, 60000);
    assert_int_equal(opened(w), 3);
    assert_int_equal(w->told, 0);
    assert_int_equal(w->forgotten, 0);
}

static void the_owner_may_close_when_it_is_told(void **state)
{
    struct world *w = *state;
    w->closes_when_told = true;
    dial_addresses(w, 2);
    connected(w, 0, -ECONNREFUSED);
    connected(w, 1, 0);
    assert_told(w, 0);
    assert_int_equal(still_open(w), 0);
    assert_false(w->env.in_event);
}

static void the_owner_may_close_when_it_is_told_of_a_failure(void **state)
{
    struct world *w = *state;
    w->closes_when_told = true;
    dial_addresses(w, 1);
    connected(w, 0, -ECONNREFUSED);
    assert_told(w, -ECONNREFUSED);
    assert_false(rc_deadline_armed(&w->dial.stagger));
    assert_int_equal(w->drained, 2);
}

/* ---- afterwards ---- */

static void the_winners_events_are_the_owners(void **state)
{
    struct world *w = *state;
    dial_addresses(w, 1);
    connected(w, 0, 0);
    const struct stream *s = &w->streams[0];
    size_t len = 0;
    assert_ptr_equal(s->events->reserve(s->owner, &len), w);
    assert_int_equal(len, 17);
    s->events->received(s->owner, 9);
    s->events->writable(s->owner);
    s->events->ended(s->owner, -ECONNRESET);
    assert_int_equal(w->received, 9);
    assert_int_equal(w->writable, 1);
    assert_int_equal(w->ended, 1);
    assert_int_equal(w->status, -ECONNRESET);
    assert_int_equal(still_open(w), 1); /* it stays to be closed */
    rc_dial_close(&w->dial);
    assert_int_equal(still_open(w), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_look_up_that_cannot_begin_is_said_at_once_and_never_told, begin),
        cmocka_unit_test_setup(a_name_that_is_not_known_is_told, begin),
        cmocka_unit_test_setup(a_name_without_an_address_is_told_as_no_fault_of_our_machine, begin),
        cmocka_unit_test_setup(the_first_address_that_stands_is_the_stream, begin),
        cmocka_unit_test_setup(a_refused_address_makes_way_for_the_next_at_once, begin),
        cmocka_unit_test_setup(a_quiet_address_gets_250_ms_before_the_next_is_tried, begin),
        cmocka_unit_test_setup(each_address_has_its_own_250_ms, begin),
        cmocka_unit_test_setup(a_winner_closes_the_others_and_nothing_more_is_tried, begin),
        cmocka_unit_test_setup(a_failure_waits_for_the_addresses_that_are_still_open, begin),
        cmocka_unit_test_setup(the_last_failure_is_told_once_when_no_address_is_left, begin),
        cmocka_unit_test_setup(a_refusal_outweighs_what_fails_on_our_own_machine, begin),
        cmocka_unit_test_setup(our_own_failure_is_told_when_there_is_no_other, begin),
        cmocka_unit_test_setup(an_address_that_fails_at_once_is_skipped, begin),
        cmocka_unit_test_setup(all_that_fail_at_once_are_told_with_the_last_failure, begin),
        cmocka_unit_test_setup(what_fails_at_once_when_it_is_its_turn_leaves_the_quiet_ones, begin),
        cmocka_unit_test_setup(every_address_is_tried_up_to_the_eighth, begin),
        cmocka_unit_test_setup(all_eight_may_be_open_together, begin),
        cmocka_unit_test_setup(many_addresses_share_the_time_that_is_left, begin),
        cmocka_unit_test_setup(what_one_address_leaves_of_its_time_is_the_others, begin),
        cmocka_unit_test_setup(behind_the_deadline_nobody_waits_for_the_next, begin),
        cmocka_unit_test_setup(a_refused_address_is_tried_last_the_next_time, begin),
        cmocka_unit_test_setup(a_quiet_address_is_tried_last_once_another_stood, begin),
        cmocka_unit_test_setup(where_all_lead_nowhere_the_order_is_the_names, begin),
        cmocka_unit_test_setup(trouble_of_our_own_is_no_reason_to_try_an_address_last, begin),
        cmocka_unit_test_setup(a_winner_that_is_blamed_is_tried_last_the_next_time, begin),
        cmocka_unit_test_setup(the_ninth_address_takes_the_place_of_one_that_leads_nowhere, begin),
        cmocka_unit_test_setup(closing_while_the_name_is_looked_up_forgets_it, begin),
        cmocka_unit_test_setup(closing_while_addresses_are_tried_closes_them_all, begin),
        cmocka_unit_test_setup(the_owner_may_close_when_it_is_told, begin),
        cmocka_unit_test_setup(the_owner_may_close_when_it_is_told_of_a_failure, begin),
        cmocka_unit_test_setup(the_winners_events_are_the_owners, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

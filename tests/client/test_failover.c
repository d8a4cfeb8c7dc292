/* SPDX-License-Identifier: MIT */
/* Failover to other servers: who is asked while an owner is out of service, and that nothing is
 * read afterwards, from whomever, that is older than what was acknowledged. */
#include "failover_scene.h"

#include <stdio.h>

enum { SERVERS = FAILOVER_SERVERS };

static size_t guests_at(struct scene *s, size_t server)
{
    return engine_items(engine_of(s, server), 0);
}

static const char *numbered(unsigned n)
{
    static char key[16];
    snprintf(key, sizeof key, "key%u", n);
    return key;
}

/* ---- one key ---- */

static void while_its_owner_is_out_the_next_server_serves_a_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIVERTING; i++) {
        struct scene s = open_scene(&kinds[i], 3);
        size_t order[SERVERS];
        order_of(&s, s.key, order);
        assert_by_owner(set(&s, s.key, "v0"));
        take_out(&s, 0);
        struct world_reply *absent = get(&s, s.key);
        assert_reply(absent, RINGCACHE_MISS);
        assert_elsewhere(absent, order[1]);
        struct world_reply *stored = set(&s, s.key, "v1");
        assert_reply(stored, RINGCACHE_OK);
        assert_elsewhere(stored, order[1]);
        struct world_reply *there = get(&s, s.key);
        assert_value(there, "v1");
        assert_elsewhere(there, order[1]);
        take_back(&s, 0);
        struct world_reply *back = get(&s, s.key);
        assert_reply(back, RINGCACHE_MISS);
        assert_by_owner(back);
        take_out(&s, 0); /* what was stored in its first outage is not read in the second */
        struct world_reply *again = get(&s, s.key);
        assert_reply(again, RINGCACHE_MISS);
        assert_elsewhere(again, order[1]);
        world_end(s.world);
    }
}

static void a_guest_lives_for_failover_ttl_ms_at_most(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIVERTING; i++) {
        struct scene s = open_scene(&kinds[i], 3);
        take_out(&s, 0);
        const ringcache_request brief = {.op = RINGCACHE_SET,
            .key = {"brief", 5},
            .value = {"v", 1},
            .ttl_ms = 2000,
            .route = {s.key, strlen(s.key)}};
        const ringcache_request read = {
            .op = RINGCACHE_GET, .key = {"brief", 5}, .route = brief.route};
        set(&s, s.key, "lasting");
        settled(&s, world_submit(s.world, &brief, NULL));
        world_run_for(s.world, 900);
        assert_value(settled(&s, world_submit(s.world, &read, NULL)), "v");
        world_run_for(s.world, 2200);
        assert_reply(settled(&s, world_submit(s.world, &read, NULL)), RINGCACHE_MISS);
        world_run_for(s.world, GUEST_TTL_MS - 4500);
        assert_value(get(&s, s.key), "lasting");
        world_run_for(s.world, 3500);
        assert_reply(get(&s, s.key), RINGCACHE_MISS);
        world_end(s.world);
    }
}

static void what_a_substitute_holds_of_an_earlier_ring_is_not_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIVERTING; i++) {
        struct scene s = open_scene(&kinds[i], 3);
        for (size_t server = 1; server < 3; server++) {
            engine_put(engine_of(&s, server), 0, s.key, rc_slice_text("leftover"), 0);
        }
        take_out(&s, 0);
        assert_reply(get(&s, s.key), RINGCACHE_MISS);
        assert_reply(settled(&s, world_delete(s.world, s.key)), RINGCACHE_MISS);
        assert_reply(get(&s, s.key), RINGCACHE_MISS);
        world_end(s.world);
    }
}

static void a_guest_has_a_key_of_its_own(void **state)
{
    (void)state;
    struct scene s = plan_scene(&kinds[0], 2);
    world_option(s.world, "namespace", "app:");
    begin_scene(&s);
    take_out(&s, 0);
    set(&s, s.key, "v");
    const char *mark = rc_member_of(s.world->client->table->owners.servers[0])->guest_mark;
    char prefixed[64];
    snprintf(prefixed, sizeof prefixed, "%sapp:%s", mark, s.key);
    assert_int_equal(strlen(mark), 16);
    assert_int_equal(strspn(mark + 3, "0123456789abcdef"), 12);
    assert_memory_equal(mark, "~rc", 3);
    assert_int_equal(guests_at(&s, 1), 1);
    assert_non_null(engine_get(engine_of(&s, 1), 0, prefixed));
    world_end(s.world);
}

static void a_key_that_would_become_too_long_stays_with_its_owner(void **state)
{
    (void)state;
    enum { FITS = 250 - 16 };
    struct scene s = open_scene(&kinds[0], 2);
    char key[FITS + 2];
    memset(key, 'x', sizeof key);
    take_out(&s, 0);
    for (size_t len = FITS; len <= FITS + 1; len++) {
        const ringcache_request request = {
            .op = RINGCACHE_GET, .key = {key, len}, .route = {s.key, strlen(s.key)}};
        struct world_reply *reply = settled(&s, world_submit(s.world, &request, NULL));
        assert_reply(reply, len == FITS ? RINGCACHE_MISS : RINGCACHE_EDOWN);
    }
    world_end(s.world);
}

/* ---- deletes ---- */

static void a_delete_during_the_outage_holds_on_both_sides(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIVERTING; i++) {
        struct scene s = open_scene(&kinds[i], 3);
        set(&s, s.key, "v0");
        take_out(&s, 0);
        set(&s, s.key, "v1");
        assert_reply(settled(&s, world_delete(s.world, s.key)), RINGCACHE_OK);
        assert_reply(get(&s, s.key), RINGCACHE_MISS);
        assert_reply(settled(&s, world_delete(s.world, s.key)), RINGCACHE_MISS);
        take_back(&s, 0);
        assert_reply(get(&s, s.key), RINGCACHE_MISS);
        assert_by_owner(get(&s, s.key));
        world_end(s.world);
    }
}

static void a_delete_behind_the_outage_is_not_undone_by_the_next_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIVERTING; i++) {
        struct scene s = open_scene(&kinds[i], 3);
        take_out(&s, 0);
        set(&s, s.key, "v1");
        take_back(&s, 0);
        assert_reply(settled(&s, world_delete(s.world, s.key)), RINGCACHE_MISS);
        take_out(&s, 0);
        assert_reply(get(&s, s.key), RINGCACHE_MISS);
        world_end(s.world);
    }
}

/* ---- which requests ---- */

static void what_depends_on_the_owners_value_ends_as_without_failover(void **state)
{
    (void)state;
    struct scene s = open_scene(&kinds[0], 3);
    take_out(&s, 0);
    const ringcache_slice key = {s.key, strlen(s.key)}, value = {"v", 1};
    const ringcache_request kept[] = {
        {.op = RINGCACHE_ADD, .value = value},
        {.op = RINGCACHE_REPLACE, .value = value},
        {.op = RINGCACHE_APPEND, .value = value},
        {.op = RINGCACHE_PREPEND, .value = value},
        {.op = RINGCACHE_CAS, .value = value, .cas = 5},
        {.op = RINGCACHE_DELETE, .cas = 5},
        {.op = RINGCACHE_TOUCH, .ttl_ms = 1000},
        {.op = RINGCACHE_INCREMENT, .delta = 1},
        {.op = RINGCACHE_DECREMENT, .delta = 1},
        {.op = RINGCACHE_GET, .options = RINGCACHE_WANT_CAS},
        {.op = RINGCACHE_GET, .options = RINGCACHE_NO_FAILOVER},
        {.op = RINGCACHE_SET, .options = RINGCACHE_NO_FAILOVER, .value = value},
        {.op = RINGCACHE_DELETE, .options = RINGCACHE_NO_FAILOVER},
    };
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        ringcache_request request = kept[i];
        request.key = key;
        struct world_reply *reply = settled(&s, world_submit(s.world, &request, NULL));
        assert_reply(reply, RINGCACHE_EDOWN);
        assert_by_owner(reply);
    }
    assert_int_equal(guests_at(&s, 1) + guests_at(&s, 2), 0);
    world_end(s.world);
}

static void a_get_and_touch_reads_elsewhere_and_touches_nothing(void **state)
{
    (void)state;
    struct scene s = open_scene(&kinds[0], 3);
    take_out(&s, 0);
    set(&s, s.key, "v");
    const ringcache_request touch = {.op = RINGCACHE_GET_AND_TOUCH,
        .options = RINGCACHE_WANT_TTL,
        .key = {s.key, strlen(s.key)},
        .ttl_ms = 3600000};
    struct world_reply *reply = settled(&s, world_submit(s.world, &touch, NULL));
    assert_value(reply, "v");
    assert_true(reply->ttl_ms > 0 && reply->ttl_ms <= GUEST_TTL_MS);
    world_run_for(s.world, GUEST_TTL_MS + 2000);
    assert_reply(get(&s, s.key), RINGCACHE_MISS);
    world_end(s.world);
}

/* A write that its caller was told had failed means the old value to be gone, wherever it is. */
static void a_write_left_to_the_owner_takes_the_guest_with_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIVERTING; i++) {
        struct scene s = open_scene(&kinds[i], 3);
        take_out(&s, 0);
        set(&s, s.key, "v1");
        const ringcache_request bound = {.op = RINGCACHE_SET,
            .options = RINGCACHE_NO_FAILOVER,
            .key = {s.key, strlen(s.key)},
            .value = {"v2", 2}};
        assert_reply(settled(&s, world_submit(s.world, &bound, NULL)), RINGCACHE_EDOWN);
        assert_reply(get(&s, s.key), RINGCACHE_MISS);
        world_end(s.world);
    }
}

/* ---- several substitutes ---- */

static void with_the_substitute_out_too_the_next_one_is_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIVERTING; i++) {
        struct scene s = open_scene(&kinds[i], 4);
        size_t order[SERVERS];
        order_of(&s, s.key, order);
        take_out(&s, 0);
        assert_elsewhere(set(&s, s.key, "v1"), order[1]);
        take_out(&s, order[1]);
        struct world_reply *moved = get(&s, s.key);
        assert_reply(moved, RINGCACHE_MISS);
        assert_elsewhere(moved, order[2]);
        assert_elsewhere(set(&s, s.key, "v2"), order[2]);
        assert_value(get(&s, s.key), "v2");
        take_back(&s, order[1]); /* what it had of the key is gone */
        assert_reply(get(&s, s.key), RINGCACHE_MISS);
        assert_elsewhere(set(&s, s.key, "v3"), order[1]);
        take_out(&s, order[1]); /* and what the other had */
        assert_reply(get(&s, s.key), RINGCACHE_MISS);
        world_end(s.world);
    }
}

static void a_delete_reaches_the_guest_wherever_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIVERTING; i++) {
        struct scene s = open_scene(&kinds[i], 4);
        size_t order[SERVERS];
        order_of(&s, s.key, order);
        take_out(&s, 0);
        assert_elsewhere(set(&s, s.key, "v1"), order[1]);
        take_out(&s, order[1]);
        struct world_reply *deleted = settled(&s, world_delete(s.world, s.key));
        assert_reply(deleted, RINGCACHE_MISS);
        assert_elsewhere(deleted, order[2]);
        take_back(&s, order[1]);
        struct world_reply *read = get(&s, s.key);
        assert_reply(read, RINGCACHE_MISS);
        assert_elsewhere(read, order[1]);
        world_end(s.world);
    }
}

static void with_all_servers_out_requests_end_at_once(void **state)
{
    (void)state;
    struct scene s = open_scene(&kinds[0], 3);
    set(&s, s.key, "v");
    for (size_t server = 0; server < 3; server++) {
        sim_server_kill(s.servers[server]);
    }
    world_run_for(s.world, 50);
    for (unsigned n = 0; n < 12; n++) {
        world_get(s.world, numbered(n));
    }
    until(&s, RINGCACHE_EVENT_DOWN, 3);
    world_settle(s.world, 1000);
    uint64_t before = world_now(s.world);
    struct world_reply *read = get(&s, s.key), *write = set(&s, s.key, "v2");
    assert_reply(read, RINGCACHE_EDOWN);
    assert_by_owner(read);
    assert_reply(write, RINGCACHE_EDOWN);
    assert_int_equal(world_now(s.world), before);
    world_end(s.world);
}

/* ---- while it is under way ---- */

/* The substitute is slow, so that the owner is back before it has answered. */
static void a_store_under_way_when_the_owner_returns_leaves_no_guest(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIVERTING; i++) {
        struct scene s = open_scene(&kinds[i], 2);
        set(&s, numbered(0), "x"); /* whoever has it: connections are made */
        take_out(&s, 0);
        assert_reply(set(&s, s.key, "v0"), RINGCACHE_OK);
        sim_server_stop(s.servers[1]);
        struct world_reply *late = world_set(s.world, s.key, "v1");
        world_run_for(s.world, 1);
        take_back(&s, 0);
        assert_int_equal(late->calls, 0);
        struct world_reply *newer = world_set(s.world, s.key, "v2");
        world_run_for(s.world, 5);
        assert_reply(newer, RINGCACHE_OK);
        sim_server_continue(s.servers[1]);
        world_settle(s.world, 1000);
        take_out(&s, 0);
        assert_reply(get(&s, s.key), RINGCACHE_MISS);
        world_end(s.world);
    }
}

/* It waits for its connection: a delete would pass it. */
static void a_store_that_waits_when_the_owner_returns_leaves_no_guest(void **state)
{
    (void)state;
    struct scene s = plan_scene(&kinds[0], 2);
    world_option(s.world, "connect_timeout_ms", "20000");
    world_option(s.world, "timeout_ms", "5000");
    begin_scene(&s);
    sim_server_kill(s.servers[0]);
    world_get(s.world, s.key);
    until(&s, RINGCACHE_EVENT_DOWN, 1);
    sim_server_pause_accept(s.servers[1], true);
    sim_server_blackhole(s.servers[1], true);
    struct world_reply *waits = world_set(s.world, s.key, "v1");
    sim_server_restart(s.servers[0], false);
    until(&s, RINGCACHE_EVENT_UP, 1);
    assert_int_equal(waits->calls, 0);
    struct world_reply *newer = world_set(s.world, s.key, "v2");
    world_run_for(s.world, 5);
    assert_reply(newer, RINGCACHE_OK);
    sim_server_kill(s.servers[0]);
    until(&s, RINGCACHE_EVENT_DOWN, 2);
    struct world_reply *early = world_get(s.world, s.key); /* the store is still to come */
    sim_server_blackhole(s.servers[1], false);
    sim_server_pause_accept(s.servers[1], false);
    world_settle(s.world, 6000);
    assert_int_equal(waits->calls, 1);
    assert_reply(early, RINGCACHE_MISS);
    assert_reply(get(&s, s.key), RINGCACHE_MISS);
    world_end(s.world);
}

static void in_doubt_at_the_owner_a_key_is_a_miss_elsewhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIVERTING; i++) {
        struct scene s = open_scene(&kinds[i], 3);
        set(&s, s.key, "v0");
        sim_server_stop(s.servers[0]);
        world_set(s.world, s.key, "v1");
        until(&s, RINGCACHE_EVENT_EJECTED, 1);
        world_settle(s.world, 1000);
        assert_reply(get(&s, s.key), RINGCACHE_MISS);
        assert_reply(set(&s, s.key, "v2"), RINGCACHE_OK);
        assert_value(get(&s, s.key), "v2");
        take_back(&s, 0);
        assert_reply(get(&s, s.key), RINGCACHE_MISS);
        world_end(s.world);
    }
}

/* ---- the ring changes ---- */

static void a_change_of_the_ring_ends_all_guests(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIVERTING; i++) {
        struct scene s = open_scene(&kinds[i], 3);
        size_t order[SERVERS];
        order_of(&s, s.key, order);
        take_out(&s, 0);
        set(&s, s.key, "v1");
        assert_int_equal(ringcache_server_weight(s.world->client, name_of(order[2]), 2), 0);
        assert_reply(get(&s, s.key), RINGCACHE_MISS);
        assert_reply(set(&s, s.key, "v2"), RINGCACHE_OK);
        assert_value(get(&s, s.key), "v2");
        world_end(s.world);
    }
}

/* What it may have from before would not be known. */
static void a_server_that_joins_is_no_substitute_before_its_old_guests_have_ended(void **state)
{
    (void)state;
    struct scene s = open_scene(&kinds[0], 5);
    size_t order[SERVERS];
    order_of(&s, s.key, order);
    take_out(&s, 0);
    assert_elsewhere(set(&s, s.key, "v1"), order[1]);
    take_out(&s, order[1]);
    assert_int_equal(ringcache_server_remove(s.world->client, name_of(order[1])), 0);
    world_run_for(s.world, 70000);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_REMOVED), 1);
    char uri[64];
    snprintf(uri, sizeof uri, "memcached://%s", name_of(order[1]));
    sim_server_continue(s.servers[order[1]]);
    assert_int_equal(ringcache_server_add(s.world->client, uri), 0);
    assert_elsewhere(get(&s, s.key), order[2]);
    world_run_for(s.world, GUEST_TTL_MS + 1900);
    assert_elsewhere(get(&s, s.key), order[2]);
    world_run_for(s.world, 100);
    assert_elsewhere(get(&s, s.key), order[1]);
    world_end(s.world);
}

static void an_owner_may_leave_while_its_guests_are_under_way(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIVERTING; i++) {
        struct scene s = open_scene(&kinds[i], 3);
        take_out(&s, 0);
        struct world_reply *set = world_set(s.world, s.key, "v1");
        assert_int_equal(ringcache_server_remove(s.world->client, name_of(0)), 0);
        world_settle(s.world, 1000);
        assert_reply(set, RINGCACHE_OK);
        world_run_for(s.world, 70000);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_REMOVED), 1);
        assert_true(rc_list_empty(&s.world->client->ended_guests));
        world_end(s.world);
    }
}

/* ---- bounds ---- */

static void beyond_the_failover_budget_requests_end_as_without(void **state)
{
    (void)state;
    enum { ASKED = 400, PER_CENT = 20 };
    struct scene s = plan_scene(&kinds[0], 2);
    world_option(s.world, "failover_budget", "20");
    begin_scene(&s);
    take_out(&s, 0);
    world_run_for(s.world, 5000);
    unsigned elsewhere = 0, refused = 0;
    for (unsigned n = 0; n < ASKED; n++) {
        const struct world_reply *reply = get(&s, s.key);
        elsewhere += reply->status == RINGCACHE_MISS;
        refused += reply->status == RINGCACHE_EDOWN;
    }
    assert_int_equal(elsewhere + refused, ASKED);
    assert_int_equal(elsewhere, ASKED * PER_CENT / 100);
    world_end(s.world);
}

static void what_cannot_be_remembered_is_not_stored_elsewhere(void **state)
{
    (void)state;
    struct scene s = plan_scene(&kinds[0], 2);
    world_option(s.world, "journal_entries", "2");
    begin_scene(&s);
    take_out(&s, 0);
    unsigned next = 0;
    char keys[3][32];
    for (unsigned n = 0; n < 3; n++) {
        world_key_of(s.world, name_of(0), "few", &next, keys[n]);
        assert_reply(set(&s, keys[n], "v"), n < 2 ? RINGCACHE_OK : RINGCACHE_EDOWN);
    }
    assert_value(get(&s, keys[1]), "v");
    assert_reply(set(&s, keys[1], "w"), RINGCACHE_OK); /* it is remembered already */
    assert_reply(get(&s, keys[2]), RINGCACHE_MISS);
    world_end(s.world);
}

static void without_a_journal_nobody_else_is_asked(void **state)
{
    (void)state;
    struct scene s = plan_scene(&kinds[0], 2);
    world_option(s.world, "journal_entries", "0");
    begin_scene(&s);
    take_out(&s, 0);
    assert_reply(get(&s, s.key), RINGCACHE_EDOWN);
    world_end(s.world);
}

/* ---- an explanation ---- */

static void an_explanation_names_the_substitute(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIVERTING; i++) {
        struct scene s = open_scene(&kinds[i], 3);
        ringcache_explanation *e = NULL;
        size_t order[SERVERS];
        order_of(&s, s.key, order);
        take_out(&s, 0);
        assert_int_equal(ringcache_explain(s.world->client, s.key, strlen(s.key), &e), 0);
        assert_int_equal(ringcache_explanation_count(e), 3);
        assert_int_equal(ringcache_explanation_target(e), 1);
        assert_int_equal(ringcache_explanation_status(e), 0);
        for (size_t j = 0; j < 3; j++) {
            bool spare = order[j] >= s.owners;
            assert_string_equal(ringcache_explanation_server(e, j), name_of(order[j]));
            assert_int_equal(ringcache_explanation_spare(e, j), spare);
        }
        assert_int_equal(ringcache_explanation_spare(e, 3), 0);
        ringcache_explanation_free(e);
        world_end(s.world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_its_owner_is_out_the_next_server_serves_a_key),
        cmocka_unit_test(a_guest_lives_for_failover_ttl_ms_at_most),
        cmocka_unit_test(what_a_substitute_holds_of_an_earlier_ring_is_not_read),
        cmocka_unit_test(a_guest_has_a_key_of_its_own),
        cmocka_unit_test(a_key_that_would_become_too_long_stays_with_its_owner),
        cmocka_unit_test(a_delete_during_the_outage_holds_on_both_sides),
        cmocka_unit_test(a_delete_behind_the_outage_is_not_undone_by_the_next_one),
        cmocka_unit_test(what_depends_on_the_owners_value_ends_as_without_failover),
        cmocka_unit_test(a_get_and_touch_reads_elsewhere_and_touches_nothing),
        cmocka_unit_test(a_write_left_to_the_owner_takes_the_guest_with_it),
        cmocka_unit_test(with_the_substitute_out_too_the_next_one_is_asked),
        cmocka_unit_test(a_delete_reaches_the_guest_wherever_it_is),
        cmocka_unit_test(with_all_servers_out_requests_end_at_once),
        cmocka_unit_test(a_store_under_way_when_the_owner_returns_leaves_no_guest),
        cmocka_unit_test(a_store_that_waits_when_the_owner_returns_leaves_no_guest),
        cmocka_unit_test(in_doubt_at_the_owner_a_key_is_a_miss_elsewhere),
        cmocka_unit_test(a_change_of_the_ring_ends_all_guests),
        cmocka_unit_test(a_server_that_joins_is_no_substitute_before_its_old_guests_have_ended),
        cmocka_unit_test(an_owner_may_leave_while_its_guests_are_under_way),
        cmocka_unit_test(beyond_the_failover_budget_requests_end_as_without),
        cmocka_unit_test(what_cannot_be_remembered_is_not_stored_elsewhere),
        cmocka_unit_test(without_a_journal_nobody_else_is_asked),
        cmocka_unit_test(an_explanation_names_the_substitute),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* No stale data after an outage: what was written in vain, or is in doubt, is deleted before its
 * server answers anybody again, and nothing else is. */
#include "world.h"

#include <stdio.h>

struct kind {
    const char *name;
    struct sim_server *(*add)(struct world *world, const char *host, uint16_t port);
    const char *version; /* of the memcached, or NULL */
    const char *connections;
    const char *integrity;
};

static const struct kind kinds[] = {
    {"memcached", world_memcached, NULL, "1", "auto"},
    {"memcached, strict", world_memcached, NULL, "1", "strict"},
    {"memcached, 3 connections", world_memcached, NULL, "3", "auto"},
    {"memcached, classic text", world_memcached, "1.4.39", "1", "auto"},
    {"redis", world_redis, NULL, "1", "auto"},
    {"redis, strict, 3 connections", world_redis, NULL, "3", "strict"},
};

enum { KINDS = sizeof kinds / sizeof *kinds, KEYS = 50 };

struct scene {
    struct world *world;
    struct sim_server *server;
    struct engine *engine;
};

static struct scene open_scene(const struct kind *kind)
{
    print_message("  on %s\n", kind->name);
    struct scene s = {.world = world_new(5)};
    world_option(s.world, "connections", kind->connections);
    world_option(s.world, "integrity", kind->integrity);
    s.server = kind->add(s.world, "10.0.0.1", 11000);
    s.engine = sim_server_engine(s.server);
    if (kind->version != NULL) {
        engine_set_version(s.engine, kind->version);
    }
    world_begin(s.world);
    return s;
}

static const char *key_of(unsigned n)
{
    static char key[16];
    snprintf(key, sizeof key, "k%u", n);
    return key;
}

/* Each key gets this value, or the request ends as it may. */
static void write_all(struct scene *s, const char *value)
{
    for (unsigned n = 0; n < KEYS; n++) {
        world_set(s->world, key_of(n), value);
    }
    world_settle(s->world, 2000);
}

/* Every key has this value or, where `missing` allows it, none. */
static void expect_all(struct scene *s, const char *value, bool missing)
{
    for (unsigned n = 0; n < KEYS; n++) {
        struct world_reply *get = world_get(s->world, key_of(n));
        world_settle(s->world, 100);
        if (missing && get->status == RINGCACHE_MISS) {
            continue;
        }
        assert_value(get, value);
    }
}

static void until(struct scene *s, ringcache_event_type type, size_t count)
{
    for (unsigned ms = 0; world_count(s->world, type) < count && ms < 30000; ms++) {
        world_run_for(s->world, 1);
    }
    assert_int_equal(world_count(s->world, type), count);
}

/* ---- the script that broke others ---- */

/* Stop it, overwrite, let it return, read; twice. */
static void on_return_nothing_old_is_read(const struct kind *kind)
{
    struct scene s = open_scene(kind);
    write_all(&s, "v0");
    sim_server_stop(s.server);
    write_all(&s, "v1"); /* in doubt */
    until(&s, RINGCACHE_EVENT_EJECTED, 1);
    write_all(&s, "v2"); /* refused */
    sim_server_continue(s.server);
    until(&s, RINGCACHE_EVENT_READMITTED, 1);
    expect_all(&s, "v2", true);
    write_all(&s, "v3");
    expect_all(&s, "v3", false);
    sim_server_stop(s.server);
    world_get(s.world, "k0");
    until(&s, RINGCACHE_EVENT_EJECTED, 2);
    world_delete(s.world, "k7");
    world_settle(s.world, 1);
    sim_server_continue(s.server);
    until(&s, RINGCACHE_EVENT_READMITTED, 2);
    struct world_reply *deleted = world_get(s.world, "k7");
    struct world_reply *untouched = world_get(s.world, "k8");
    world_settle(s.world, 100);
    assert_reply(deleted, RINGCACHE_MISS);
    assert_value(untouched, "v3");
    world_end(s.world);
}

static void after_an_outage_nothing_old_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        on_return_nothing_old_is_read(&kinds[i]);
    }
}

static void killed_and_back_with_its_items(const struct kind *kind)
{
    struct scene s = open_scene(kind);
    write_all(&s, "v0");
    sim_server_kill(s.server);
    world_run_for(s.world, 5);
    write_all(&s, "v1");
    sim_server_restart(s.server, true);
    until(&s, RINGCACHE_EVENT_DOWN, 1);
    until(&s, RINGCACHE_EVENT_UP, 2);
    for (unsigned n = 0; n < KEYS; n++) {
        struct world_reply *get = world_get(s.world, key_of(n));
        world_settle(s.world, 100);
        assert_reply(get, RINGCACHE_MISS);
    }
    world_end(s.world);
}

static void a_server_that_restarts_with_old_items_serves_none_that_were_overwritten(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        killed_and_back_with_its_items(&kinds[i]);
    }
}

/* ---- doubt without an outage ---- */

static void a_write_in_doubt_is_deleted_when_its_connection_was_lost(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s = open_scene(&kinds[i]);
        struct world_reply *first = world_set(s.world, "k", "v0");
        world_settle(s.world, 100);
        assert_reply(first, RINGCACHE_OK);
        uint64_t connection = sim_server_newest(s.server);
        sim_stall(s.server, connection, true);
        struct world_reply *doubtful = world_set(s.world, "k", "v1");
        world_run_for(s.world, 5);
        sim_end(s.server, connection, SIM_RST);
        struct world_reply *get = world_get(s.world, "k");
        world_settle(s.world, 1000);
        assert_reply(doubtful, RINGCACHE_ECONNECT);
        assert_int_equal(doubtful->maybe_applied, 1);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 0);
        struct world_reply *again = world_get(s.world, "k");
        world_settle(s.world, 100);
        assert_true(get->status == RINGCACHE_MISS || get->status == RINGCACHE_ECONNECT);
        assert_reply(again, RINGCACHE_MISS);
        world_end(s.world);
    }
}

static void a_write_that_was_taken_back_unsent_leaves_no_old_value(void **state)
{
    (void)state;
    static char much[200000]; /* more than the kernels take */
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s = open_scene(&kinds[i]);
        world_set(s.world, "k", "v0");
        world_settle(s.world, 100);
        sim_server_stop(s.server);
        for (unsigned n = 0; n < KEYS; n++) { /* on every connection */
            const char *key = key_of(n);
            const ringcache_request fill = {
                .op = RINGCACHE_SET, .key = {key, strlen(key)}, .value = {much, sizeof much}};
            world_submit(s.world, &fill, NULL);
        }
        const ringcache_request patient = {
            .op = RINGCACHE_SET, .key = {"k", 1}, .value = {"v1", 2}, .timeout_ms = 5000};
        struct world_reply *unsent = world_submit(s.world, &patient, NULL);
        world_run_for(s.world, 3000);
        assert_reply(unsent, RINGCACHE_EDOWN);
        assert_int_equal(unsent->maybe_applied, 0);
        sim_server_continue(s.server);
        world_run_for(s.world, 3000);
        struct world_reply *get = world_get(s.world, "k");
        world_settle(s.world, 100);
        assert_reply(get, RINGCACHE_MISS);
        world_end(s.world);
    }
}

enum { LANES = 3 };

/* A server of LANES connections, a key for each of them with its old value, and their numbers. */
static struct scene open_lanes(
    const struct kind *kind, unsigned keys[LANES], uint64_t connections[LANES])
{
    struct scene s = open_scene(kind);
    for (unsigned n = 0, found = 0; found < LANES; n++) {
        uint64_t connects = sim_server_connects(s.server);
        world_set(s.world, key_of(n), "v0");
        world_settle(s.world, 100);
        if (sim_server_connects(s.server) > connects) {
            keys[found] = n;
            connections[found++] = sim_server_newest(s.server);
        }
    }
    return s;
}

/* Lose that connection with a write in doubt while the others are stuck. */
static void lose_one_of_several(const struct kind *kind, unsigned lost)
{
    unsigned keys[LANES];
    uint64_t connections[LANES];
    struct scene s = open_lanes(kind, keys, connections);
    for (unsigned i = 0; i < LANES; i++) {
        sim_stall(s.server, connections[i], true);
    }
    world_set(s.world, key_of(keys[lost]), "v1");
    world_run_for(s.world, 5);
    sim_end(s.server, connections[lost], SIM_RST);
    world_run_for(s.world, 5);
    struct world_reply *get = world_get(s.world, key_of(keys[lost]));
    world_run_for(s.world, 5);
    assert_reply(get, RINGCACHE_MISS);
    world_end(s.world);
}

static void deletes_go_on_the_connection_that_carries_their_keys(void **state)
{
    (void)state;
    for (unsigned lost = 0; lost < LANES; lost++) {
        lose_one_of_several(&kinds[2], lost);
        lose_one_of_several(&kinds[5], lost);
    }
}

static void a_write_that_timed_out_and_was_answered_late_is_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s = open_scene(&kinds[i]);
        world_set(s.world, "k", "v0");
        world_settle(s.world, 100);
        sim_server_stop(s.server);
        struct world_reply *late = world_set(s.world, "k", "v1");
        world_run_for(s.world, 600); /* suspect, not down */
        sim_server_continue(s.server);
        world_run_for(s.world, 10);
        assert_reply(late, RINGCACHE_ETIMEDOUT);
        struct world_reply *get = world_get(s.world, "k");
        world_settle(s.world, 100);
        assert_value(get, "v1");
        world_end(s.world);
    }
}

static void a_write_refused_when_its_caller_had_left_holds_nobody_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s = open_scene(&kinds[i]);
        bool redis = kinds[i].add == world_redis;
        world_set(s.world, "k", "v0");
        world_settle(s.world, 100);
        sim_server_stop(s.server);
        const ringcache_request brief = {
            .op = RINGCACHE_SET, .key = {"k", 1}, .value = {"v1", 2}, .timeout_ms = 20};
        struct world_reply *late = world_submit(s.world, &brief, NULL);
        world_run_for(s.world, 30);
        assert_reply(late, RINGCACHE_ETIMEDOUT);
        engine_answer_next(s.engine, redis || kinds[i].version != NULL ? "set" : "ms", 1,
            redis ? "-OOM command not allowed\r\n" : "SERVER_ERROR out of memory\r\n");
        sim_server_continue(s.server);
        world_run_for(s.world, 5);
        struct world_reply *get = world_get(s.world, "k");
        world_run_for(s.world, 5);
        assert_reply(get, RINGCACHE_MISS);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 0);
        world_end(s.world);
    }
}

/* ---- what is not deleted ---- */

struct verb {
    ringcache_op op;
    bool deletes;
};

static void what_overwrites_nothing_leaves_nothing_to_delete(void **state)
{
    (void)state;
    static const struct verb verbs[] = {
        {RINGCACHE_GET, false},
        {RINGCACHE_ADD, false},
        {RINGCACHE_TOUCH, false},
        {RINGCACHE_GET_AND_TOUCH, false},
        {RINGCACHE_SET, true},
        {RINGCACHE_REPLACE, true},
        {RINGCACHE_APPEND, true},
        {RINGCACHE_PREPEND, true},
        {RINGCACHE_DELETE, true},
        {RINGCACHE_INCREMENT, true},
        {RINGCACHE_DECREMENT, true},
    };
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        bool counts = verbs[i].op == RINGCACHE_INCREMENT || verbs[i].op == RINGCACHE_DECREMENT;
        bool stores = verbs[i].op != RINGCACHE_GET && verbs[i].op != RINGCACHE_TOUCH &&
                      verbs[i].op != RINGCACHE_GET_AND_TOUCH && verbs[i].op != RINGCACHE_DELETE &&
                      !counts;
        struct scene s = open_scene(&kinds[0]);
        world_set(s.world, "k", "10");
        world_settle(s.world, 100);
        sim_server_stop(s.server);
        world_get(s.world, "other");
        until(&s, RINGCACHE_EVENT_EJECTED, 1);
        const ringcache_request request = {
            .op = verbs[i].op,
            .key = {"k", 1},
            .value = {stores ? "7" : NULL, stores},
            .delta = counts,
            .ttl_ms = verbs[i].op == RINGCACHE_TOUCH || verbs[i].op == RINGCACHE_GET_AND_TOUCH
                          ? 60000
                          : 0,
        };
        struct world_reply *refused = world_submit(s.world, &request, NULL);
        world_settle(s.world, 1);
        assert_reply(refused, RINGCACHE_EDOWN);
        sim_server_continue(s.server);
        until(&s, RINGCACHE_EVENT_READMITTED, 1);
        struct world_reply *get = world_get(s.world, "k");
        world_settle(s.world, 100);
        assert_reply(get, verbs[i].deletes ? RINGCACHE_MISS : RINGCACHE_OK);
        world_end(s.world);
    }
}

/* Store, read its token, and write under it once the server is out. */
static struct world_reply *write_under_token(struct scene *s, ringcache_op op, bool still_holds)
{
    const ringcache_request read = {
        .op = RINGCACHE_GET, .key = {"k", 1}, .options = RINGCACHE_WANT_CAS};
    world_set(s->world, "k", "v0");
    struct world_reply *now = world_submit(s->world, &read, NULL);
    world_settle(s->world, 100);
    assert_reply(now, RINGCACHE_OK);
    if (!still_holds) {
        world_set(s->world, "k", "v1");
        world_settle(s->world, 100);
    }
    sim_server_stop(s->server);
    world_get(s->world, "k");
    until(s, RINGCACHE_EVENT_EJECTED, 1);
    const ringcache_request write = {
        .op = op,
        .key = {"k", 1},
        .value = {op == RINGCACHE_CAS ? "w" : NULL, op == RINGCACHE_CAS},
        .cas = now->cas,
    };
    struct world_reply *refused = world_submit(s->world, &write, NULL);
    world_settle(s->world, 1);
    assert_reply(refused, RINGCACHE_EDOWN);
    sim_server_continue(s->server);
    until(s, RINGCACHE_EVENT_READMITTED, 1);
    struct world_reply *get = world_get(s->world, "k");
    world_settle(s->world, 100);
    return get;
}

static void a_write_under_a_token_is_made_good_under_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        for (int op = 0; op < 2; op++) {
            ringcache_op how = op == 0 ? RINGCACHE_CAS : RINGCACHE_DELETE;
            struct scene held = open_scene(&kinds[i]);
            assert_reply(write_under_token(&held, how, true), RINGCACHE_MISS);
            world_end(held.world);
            struct scene changed = open_scene(&kinds[i]);
            struct world_reply *kept = write_under_token(&changed, how, false);
            assert_value(kept, "v1");
            world_end(changed.world);
        }
    }
}

/* ---- its way back ---- */

static void while_writes_go_on_failing_a_server_comes_back_all_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s = open_scene(&kinds[i]);
        write_all(&s, "v0");
        sim_server_stop(s.server);
        write_all(&s, "v1");
        until(&s, RINGCACHE_EVENT_EJECTED, 1);
        write_all(&s, "v2");
        sim_server_continue(s.server);
        unsigned n = 0;
        for (; world_count(s.world, RINGCACHE_EVENT_READMITTED) == 0 && n < 4000; n++) {
            world_set(s.world, key_of(n % KEYS), "v2");
            world_run_for(s.world, 1);
        }
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_READMITTED), 1);
        expect_all(&s, "v2", true);
        world_end(s.world);
    }
}

static void a_server_that_refuses_the_deletes_stays_out(void **state)
{
    (void)state;
    struct scene s = open_scene(&kinds[4]);
    write_all(&s, "v0");
    sim_server_stop(s.server);
    write_all(&s, "v1");
    until(&s, RINGCACHE_EVENT_EJECTED, 1);
    write_all(&s, "v2");
    engine_answer_next(s.engine, "del", 10, "-NOPERM no permission to run 'del'\r\n");
    sim_server_continue(s.server);
    world_run_for(s.world, 700);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_READMITTED), 0);
    struct world_reply *refused = world_get(s.world, "k1");
    world_settle(s.world, 1);
    assert_reply(refused, RINGCACHE_EAUTH);
    assert_non_null(strstr(refused->message, "cannot be deleted: NOPERM"));
    until(&s, RINGCACHE_EVENT_READMITTED, 1);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_EJECTED), 1);
    expect_all(&s, "v2", true);
    world_end(s.world);
}

static void deletes_lost_with_their_connection_are_sent_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        for (unsigned steps = 0; steps < 24; steps++) {
            struct scene s = open_scene(&kinds[i]);
            write_all(&s, "v0");
            sim_server_kill(s.server);
            world_run_for(s.world, 5);
            write_all(&s, "v1");
            until(&s, RINGCACHE_EVENT_DOWN, 1);
            sim_server_restart(s.server, true);
            uint64_t keyed = engine_count_keyed(s.engine);
            while (engine_count_keyed(s.engine) == keyed) {
                sim_step(s.world->sim);
            }
            for (unsigned n = 0; n < steps; n++) {
                sim_step(s.world->sim);
            }
            sim_end(s.server, sim_server_newest(s.server), SIM_RST);
            world_run_for(s.world, 3000);
            for (unsigned n = 0; n < KEYS; n++) {
                struct world_reply *get = world_get(s.world, key_of(n));
                world_settle(s.world, 1000);
                assert_reply(get, RINGCACHE_MISS);
            }
            world_end(s.world);
        }
    }
}

/* What expired before it left a server in service is made good in front of what comes behind. */
static void a_write_that_expired_unsent_leaves_no_old_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s = open_scene(&kinds[i]);
        struct world_reply *first = world_set(s.world, "k", "v0");
        world_settle(s.world, 100);
        assert_reply(first, RINGCACHE_OK);
        uint64_t connection = sim_server_newest(s.server);
        sim_end(s.server, connection, SIM_RST);
        sim_server_pause_accept(s.server, true);
        world_run_for(s.world, 5);
        const ringcache_request brief = {
            .op = RINGCACHE_SET, .key = {"k", 1}, .value = {"v1", 2}, .timeout_ms = 20};
        struct world_reply *expired = world_submit(s.world, &brief, NULL);
        struct world_reply *get = world_get(s.world, "k");
        world_run_for(s.world, 50);
        assert_reply(expired, RINGCACHE_ETIMEDOUT);
        assert_int_equal(expired->maybe_applied, 0);
        sim_server_pause_accept(s.server, false);
        world_settle(s.world, 1000);
        assert_reply(get, RINGCACHE_MISS);
        world_end(s.world);
    }
}

/* Its connections stayed. One of them may be slow to delete: the others wait for it. */
static void deletes_on_one_connection_precede_requests_on_all(void **state)
{
    (void)state;
    for (unsigned steps = 0; steps < 120; steps++) {
        struct scene s = open_scene(&kinds[KINDS - 1]);
        write_all(&s, "v0");
        engine_set_mood(s.engine, ENGINE_LOADING);
        write_all(&s, "v1");
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 1);
        engine_set_mood(s.engine, ENGINE_SERVES);
        uint64_t deletes = engine_count(s.engine, "del");
        while (engine_count(s.engine, "del") == deletes) {
            sim_step(s.world->sim);
        }
        for (unsigned n = 0; n < steps / 3; n++) {
            sim_step(s.world->sim);
        }
        uint64_t slow = sim_server_newest(s.server) - steps % 3;
        sim_stall(s.server, slow, true);
        struct world_reply *sets[KEYS];
        for (unsigned n = 0; n < KEYS; n++) {
            sets[n] = world_set(s.world, key_of(n), "v2");
        }
        world_run_for(s.world, 20);
        sim_stall(s.server, slow, false);
        world_settle(s.world, 1000);
        for (unsigned n = 0; n < KEYS; n++) {
            struct world_reply *get = world_get(s.world, key_of(n));
            world_settle(s.world, 100);
            assert_reply(get, sets[n]->status == RINGCACHE_OK ? RINGCACHE_OK : RINGCACHE_MISS);
        }
        world_end(s.world);
    }
}

/* Two writes wait for a connection, and the later one expires there. */
static void what_waits_in_front_of_a_lost_write_leaves_no_old_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s = open_scene(&kinds[i]);
        world_set(s.world, "k", "v0");
        world_settle(s.world, 100);
        sim_end(s.server, sim_server_newest(s.server), SIM_RST);
        sim_server_pause_accept(s.server, true);
        world_run_for(s.world, 5);
        struct world_reply *older = world_set(s.world, "k", "v1");
        const ringcache_request brief = {
            .op = RINGCACHE_SET, .key = {"k", 1}, .value = {"v2", 2}, .timeout_ms = 20};
        struct world_reply *expired = world_submit(s.world, &brief, NULL);
        struct world_reply *get = world_get(s.world, "k");
        world_run_for(s.world, 50);
        assert_reply(expired, RINGCACHE_ETIMEDOUT);
        struct world_reply *newer = world_set(s.world, "n", "v3");
        sim_server_pause_accept(s.server, false);
        world_settle(s.world, 1000);
        assert_reply(older, RINGCACHE_OK);
        assert_reply(get, RINGCACHE_MISS);
        assert_reply(newer, RINGCACHE_OK);
        struct world_reply *set = world_set(s.world, "k", "v4");
        struct world_reply *again = world_get(s.world, "k");
        world_settle(s.world, 100);
        assert_reply(set, RINGCACHE_OK);
        assert_value(again, "v4");
        world_end(s.world);
    }
}

static void a_journal_of_no_keys_keeps_old_values(void **state)
{
    (void)state;
    struct world *world = world_new(5);
    world_option(world, "journal_entries", "0");
    struct scene s = {.world = world, .server = world_memcached(world, "10.0.0.1", 11000)};
    world_begin(world);
    write_all(&s, "v0");
    sim_server_stop(s.server);
    world_get(world, "other");
    until(&s, RINGCACHE_EVENT_EJECTED, 1);
    write_all(&s, "v1");
    sim_server_continue(s.server);
    until(&s, RINGCACHE_EVENT_READMITTED, 1);
    expect_all(&s, "v0", false);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_an_outage_nothing_old_is_read),
        cmocka_unit_test(a_server_that_restarts_with_old_items_serves_none_that_were_overwritten),
        cmocka_unit_test(a_write_in_doubt_is_deleted_when_its_connection_was_lost),
        cmocka_unit_test(a_write_that_was_taken_back_unsent_leaves_no_old_value),
        cmocka_unit_test(deletes_go_on_the_connection_that_carries_their_keys),
        cmocka_unit_test(a_write_that_timed_out_and_was_answered_late_is_kept),
        cmocka_unit_test(a_write_refused_when_its_caller_had_left_holds_nobody_up),
        cmocka_unit_test(what_overwrites_nothing_leaves_nothing_to_delete),
        cmocka_unit_test(a_write_under_a_token_is_made_good_under_it),
        cmocka_unit_test(while_writes_go_on_failing_a_server_comes_back_all_the_same),
        cmocka_unit_test(a_server_that_refuses_the_deletes_stays_out),
        cmocka_unit_test(deletes_lost_with_their_connection_are_sent_again),
        cmocka_unit_test(a_write_that_expired_unsent_leaves_no_old_value),
        cmocka_unit_test(deletes_on_one_connection_precede_requests_on_all),
        cmocka_unit_test(what_waits_in_front_of_a_lost_write_leaves_no_old_value),
        cmocka_unit_test(a_journal_of_no_keys_keeps_old_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* A server that says itself that it serves nobody for now: it is out of service in its own words,
 * its connections stay, and a PING on one of them tells when it is back. */
#include "world.h"

#include <errno.h>
#include <stdio.h>

static const struct {
    enum engine_mood mood;
    const char *words;
} moods[] = {
    {ENGINE_LOADING, "LOADING Redis is loading the dataset in memory"},
    {ENGINE_BUSY, "BUSY Redis is busy running a script."},
    {ENGINE_MASTERDOWN, "MASTERDOWN Link with MASTER is down"},
};

enum { MOODS = sizeof moods / sizeof *moods };

struct scene {
    struct world *world;
    struct sim_server *server;
    struct engine *engine;
};

/* One Redis that answered once, on `connections` connections. */
static struct scene open_scene(const char *integrity, const char *connections)
{
    struct scene s = {.world = world_new(61)};
    s.server = world_redis(s.world, "10.0.0.1", 6379);
    s.engine = sim_server_engine(s.server);
    world_option(s.world, "integrity", integrity);
    world_option(s.world, "connections", connections);
    world_begin(s.world);
    struct world_reply *set = world_set(s.world, "k", "v");
    world_settle(s.world, 100);
    assert_reply(set, RINGCACHE_OK);
    return s;
}

static void assert_says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", text, words);
    }
}

static bool is_up(const struct scene *s)
{
    return world_count(s->world, RINGCACHE_EVENT_UP) > world_count(s->world, RINGCACHE_EVENT_DOWN);
}

static void is_out_in_its_words_and_back_by_a_ping(size_t mood, const char *integrity)
{
    struct scene s = open_scene(integrity, "1");
    engine_set_mood(s.engine, moods[mood].mood);
    struct world_reply *first = world_get(s.world, "k");
    struct world_reply *behind = world_get(s.world, "k");
    world_settle(s.world, 10);
    uint64_t began = world_now(s.world);
    assert_reply(first, RINGCACHE_ESERVER);
    assert_says(first->message, moods[mood].words);
    assert_reply(behind, RINGCACHE_ESERVER); /* it was under way, and is answered as ever */
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 1);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_EJECTED), 0);
    const struct world_event *down = world_last(s.world, RINGCACHE_EVENT_DOWN);
    assert_int_equal(down->at_ms, began);
    assert_int_equal(down->reason, RINGCACHE_ESERVER);
    assert_says(down->text, moods[mood].words);

    uint64_t keyed = engine_count_keyed(s.engine);
    for (int i = 0; i < 40; i++) {
        struct world_reply *refused = world_set(s.world, "k", "w");
        world_settle(s.world, 1);
        assert_reply(refused, RINGCACHE_EDOWN);
        assert_says(refused->message, moods[mood].words);
        assert_int_equal(refused->attempts, 0);
        assert_int_equal(refused->maybe_applied, 0);
        world_run_for(s.world, 50);
    }
    assert_int_equal(engine_count_keyed(s.engine), keyed);
    assert_int_equal(sim_server_connections(s.server), 1); /* it stayed */

    engine_set_mood(s.engine, ENGINE_SERVES);
    world_run_for(s.world, 1001);
    assert_true(is_up(&s));
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 10);
    assert_reply(get, RINGCACHE_MISS); /* "w" was to be there, so "v" is out of date */
    world_end(s.world);
}

static void a_server_that_serves_nobody_is_out_in_its_words_and_back_by_a_ping(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOODS; i++) {
        is_out_in_its_words_and_back_by_a_ping(i, "auto");
        is_out_in_its_words_and_back_by_a_ping(i, "strict");
    }
}

/* The answer to the first PING of an outage comes within 100 ms, and back is back at once. */
static void the_first_ping_goes_out_within_100_ms(void **state)
{
    (void)state;
    struct scene s = open_scene("auto", "1");
    engine_set_mood(s.engine, ENGINE_LOADING);
    world_get(s.world, "k");
    world_settle(s.world, 10);
    uint64_t pings = engine_count(s.engine, "ping");
    uint64_t began = world_now(s.world);
    engine_set_mood(s.engine, ENGINE_SERVES);
    while (!is_up(&s) && world_now(s.world) < began + 1000) {
        world_run_for(s.world, 1);
    }
    assert_in_range(world_now(s.world), began + 1, began + 102);
    assert_int_equal(engine_count(s.engine, "ping"), pings + 1);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 10);
    assert_value(get, "v");
    assert_int_equal(sim_server_connects(s.server), 1); /* the connection is the one it was */
    world_end(s.world);
}

/* Backs off as after any outage: at most every second in the first minute, every ten after it, of
 * which the jitter halves the mean. Every fourth begins with the name, on a connection of its
 * own. */
static void pings_back_off_like_any_probe(void **state)
{
    (void)state;
    struct scene s = open_scene("auto", "1");
    engine_set_mood(s.engine, ENGINE_LOADING);
    world_get(s.world, "k");
    world_settle(s.world, 10);
    uint64_t before = engine_count(s.engine, "ping");
    world_run_for(s.world, 60000);
    assert_in_range(engine_count(s.engine, "ping") - before, 60, 250);
    before = engine_count(s.engine, "ping");
    world_run_for(s.world, 600000);
    uint64_t pings = engine_count(s.engine, "ping") - before;
    assert_in_range(pings, 60, 250);
    assert_in_range(sim_server_connects(s.server), pings / 4, pings / 4 + 100);
    assert_in_range(sim_server_connections(s.server), 1, 2);
    world_end(s.world);
}

/* Refusals are no failed writes: nothing was applied, and what was before stays. */
static void what_was_refused_was_not_applied(void **state)
{
    (void)state;
    for (size_t i = 0; i < MOODS; i++) {
        struct scene s = open_scene("auto", "1");
        const ringcache_request append = {
            .op = RINGCACHE_APPEND, .key = {"k", 1}, .value = {"x", 1}};
        engine_set_mood(s.engine, moods[i].mood);
        struct world_reply *replies[] = {world_set(s.world, "k", "w"), world_delete(s.world, "k"),
            world_submit(s.world, &append, NULL)};
        world_settle(s.world, 10);
        for (size_t r = 0; r < 3; r++) {
            assert_reply(replies[r], RINGCACHE_ESERVER);
            assert_int_equal(replies[r]->maybe_applied, 0);
        }
        assert_string_equal((const char *)engine_get(s.engine, 0, "k")->value, "v");
        world_end(s.world);
    }
}

/* Of what is submitted while the kernel takes no more, nothing is sent into the outage. */
static void what_never_left_is_taken_back(void **state)
{
    (void)state;
    static char big[100000];
    memset(big, 'x', sizeof big);
    struct scene s = open_scene("auto", "1");
    engine_set_mood(s.engine, ENGINE_LOADING);
    struct world_reply *first = world_get(s.world, "k");
    struct world_reply *sets[20];
    for (int i = 0; i < 20; i++) {
        const ringcache_request set = {
            .op = RINGCACHE_SET, .key = {"big", 3}, .value = {big, sizeof big}};
        sets[i] = world_submit(s.world, &set, NULL);
    }
    world_settle(s.world, 100);
    assert_reply(first, RINGCACHE_ESERVER);
    assert_reply(sets[19], RINGCACHE_EDOWN);
    assert_int_equal(sets[19]->maybe_applied, 0);
    assert_true(engine_count(s.engine, "set") < 20);
    assert_int_equal(s.world->client->env.budget.used, 0);
    engine_set_mood(s.engine, ENGINE_SERVES);
    world_run_for(s.world, 1001);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 10);
    assert_value(get, "v"); /* in step */
    world_end(s.world);
}

/* Of several connections all stay but those in the making, and the news of one are those of all. */
static void every_connection_stays(void **state)
{
    (void)state;
    struct scene s = open_scene("auto", "4");
    for (int i = 0; i < 40; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        world_get(s.world, key);
    }
    world_settle(s.world, 100);
    assert_int_equal(sim_server_connects(s.server), 4);
    engine_set_mood(s.engine, ENGINE_BUSY);
    world_get(s.world, "k");
    world_settle(s.world, 10);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 1);
    uint64_t keyed = engine_count_keyed(s.engine);
    world_run_for(s.world, 5000);
    assert_int_equal(engine_count_keyed(s.engine), keyed);
    assert_in_range(sim_server_connections(s.server), 4, 5);
    engine_set_mood(s.engine, ENGINE_SERVES);
    world_run_for(s.world, 1001);
    size_t before = s.world->submitted;
    for (int i = 0; i < 40; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        world_get(s.world, key);
    }
    world_settle(s.world, 100);
    for (size_t i = before; i < s.world->submitted; i++) {
        assert_reply(&s.world->replies[i], RINGCACHE_MISS);
    }
    assert_int_equal(sim_server_connections(s.server), 4);
    world_end(s.world);
}

/* The first key of the wanted one of two connections. */
static void key_of_lane(const struct world *world, uint32_t lane, char key[16])
{
    struct rc_choice choice;
    unsigned i = 0;
    do {
        int len = snprintf(key, 16, "lane%u", i++);
        choice = rc_table_owner(world->client->table, rc_slice(key, (size_t)len));
    } while (choice.lane % 2 != lane);
}

/* A second connection hears it in its greeting: that too is the server's word, and the first one
 * stays. */
static void a_greeting_tells_for_all_connections(void **state)
{
    (void)state;
    struct scene s = open_scene("auto", "2");
    const struct rc_choice k = rc_table_owner(s.world->client->table, rc_slice("k", 1));
    char other[16];
    key_of_lane(s.world, 1 - k.lane % 2, other);
    engine_set_mood(s.engine, ENGINE_LOADING);
    struct world_reply *waiting = world_set(s.world, other, "v");
    world_settle(s.world, 10);
    assert_reply(waiting, RINGCACHE_EDOWN);
    assert_says(waiting->message, "PING: LOADING");
    assert_int_equal(waiting->attempts, 0);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 1);
    assert_reply(get, RINGCACHE_EDOWN);
    world_run_for(s.world, 2);
    assert_int_equal(sim_server_connections(s.server), 1);
    engine_set_mood(s.engine, ENGINE_SERVES);
    world_run_for(s.world, 1001);
    get = world_get(s.world, "k");
    world_settle(s.world, 10);
    assert_value(get, "v");
    assert_int_equal(sim_server_connects(s.server), 2);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 1);
    world_end(s.world);
}

/* After a failover the old master loads, for long, what the new one sends it. */
static void a_name_that_leads_elsewhere_by_now_is_followed(void **state)
{
    (void)state;
    struct world *world = world_new(62);
    sim_dns_set(world->sim, "cache.example", "10.0.0.1");
    struct sim_server *first = sim_server_add(world->sim, "10.0.0.1", 6379, ENGINE_REDIS);
    struct sim_server *second = sim_server_add(world->sim, "10.0.0.2", 6379, ENGINE_REDIS);
    world_option(world, "server", "redis://cache.example:6379");
    world_option(world, "connections", "2");
    world_begin(world);
    for (int i = 0; i < 10; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        world_get(world, key);
    }
    world_settle(world, 100);
    engine_set_mood(sim_server_engine(first), ENGINE_LOADING);
    sim_dns_set(world->sim, "cache.example", "10.0.0.2");
    struct world_reply *get = world_get(world, "k0");
    world_settle(world, 10);
    assert_reply(get, RINGCACHE_ESERVER);
    world_run_for(world, 1600); /* four probes: within 100, 200, 400 and 800 ms */
    for (int i = 0; i < 10; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        get = world_get(world, key);
        world_settle(world, 10);
        assert_reply(get, RINGCACHE_MISS);
    }
    assert_int_equal(sim_server_connections(first), 0);
    assert_int_equal(sim_server_connections(second), 2);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_DOWN), 1);
    world_end(world);
}

/* Whatever becomes of the connection that stayed, the server is found again: also with a PING under
 * way on it. */
static void a_connection_that_stayed_may_end(void **state)
{
    static const enum sim_end_kind ends[] = {SIM_FIN, SIM_RST};
    (void)state;
    for (uint64_t at = 0; at < 400; at += 7) {
        struct scene s = open_scene("auto", "1");
        engine_set_mood(s.engine, ENGINE_LOADING);
        world_get(s.world, "k");
        world_settle(s.world, 10);
        sim_stall(s.server, sim_server_newest(s.server), at % 3 == 0);
        world_run_for(s.world, at);
        sim_end(s.server, sim_server_newest(s.server), ends[at % 2]);
        world_run_for(s.world, 2000);
        assert_false(is_up(&s));
        engine_set_mood(s.engine, ENGINE_SERVES);
        world_run_for(s.world, 1010);
        struct world_reply *get = world_get(s.world, "k");
        world_settle(s.world, 10);
        assert_value(get, "v");
        world_end(s.world);
    }
}

static void a_server_killed_while_it_loads_is_found_again(void **state)
{
    (void)state;
    struct scene s = open_scene("auto", "2");
    engine_set_mood(s.engine, ENGINE_LOADING);
    world_get(s.world, "k");
    world_settle(s.world, 10);
    sim_server_kill(s.server);
    world_run_for(s.world, 3000);
    engine_set_mood(s.engine, ENGINE_SERVES);
    sim_server_restart(s.server, true);
    world_run_for(s.world, 1010);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 10);
    assert_value(get, "v");
    world_end(s.world);
}

static void a_connection_that_stayed_and_is_silent_is_replaced(void **state)
{
    (void)state;
    struct scene s = open_scene("auto", "1");
    uint64_t connection = sim_server_newest(s.server);
    engine_set_mood(s.engine, ENGINE_LOADING);
    world_get(s.world, "k");
    world_settle(s.world, 10);
    sim_stall(s.server, connection, true);
    engine_set_mood(s.engine, ENGINE_SERVES);
    uint64_t began = world_now(s.world);
    while (!is_up(&s) && world_now(s.world) < began + 3000) {
        struct world_reply *refused = world_get(s.world, "k");
        world_run_for(s.world, 1);
        assert_true(is_up(&s) || refused->status == RINGCACHE_EDOWN);
    }
    /* a PING within 100 ms, silence of 500, the next probe within 200 */
    assert_in_range(world_now(s.world), began + 501, began + 805);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 10);
    assert_value(get, "v");
    assert_int_equal(sim_server_connects(s.server), 2);
    world_end(s.world);
}

/* The whole server falls silent: it was out before, and stays out. */
static void a_server_that_loads_and_falls_silent_is_asked_for_nothing(void **state)
{
    (void)state;
    struct scene s = open_scene("auto", "1");
    engine_set_mood(s.engine, ENGINE_LOADING);
    world_get(s.world, "k");
    world_settle(s.world, 10);
    sim_server_stop(s.server);
    for (int i = 0; i < 300; i++) {
        struct world_reply *get = world_get(s.world, "k");
        world_run_for(s.world, 10);
        assert_reply(get, RINGCACHE_EDOWN);
        assert_int_equal(get->attempts, 0);
    }
    engine_set_mood(s.engine, ENGINE_SERVES);
    sim_server_continue(s.server);
    world_run_for(s.world, 1010);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 10);
    assert_value(get, "v");
    world_end(s.world);
}

/* A connection that was silent when another one heard the news does not stay: nobody would notice
 * that its PING is not answered. */
static void a_silent_connection_does_not_stay(void **state)
{
    (void)state;
    struct scene s = open_scene("auto", "2");
    uint64_t numbers[2] = {0};
    char keys[2][16];
    for (uint32_t lane = 0; lane < 2; lane++) {
        key_of_lane(s.world, lane, keys[lane]);
        world_set(s.world, keys[lane], "v");
        world_settle(s.world, 10);
        const struct rc_conn *conn = s.world->client->table->all[0]->lanes[lane].conn;
        numbers[lane] = conn->greeting.client_id;
    }
    sim_server_slow(s.server, 20000);
    sim_stall(s.server, numbers[0], true); /* the simulated Redis numbers clients as they come */
    world_get(s.world, keys[0]);
    world_run_for(s.world, 490);
    engine_set_mood(s.engine, ENGINE_LOADING);
    struct world_reply *heard = world_get(s.world, keys[1]);
    world_run_for(s.world, 45);
    assert_int_equal(heard->status, RINGCACHE_ESERVER);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 1);
    engine_set_mood(s.engine, ENGINE_SERVES);
    world_run_for(s.world, 1200);
    assert_true(is_up(&s));
    struct world_reply *get = world_get(s.world, keys[0]);
    world_settle(s.world, 400);
    assert_value(get, "v");
    world_end(s.world);
}

/* A server that was ejected wakes, and says so: its fence is answered, and it stays out. */
static void a_server_that_wakes_busy_stays_out(void **state)
{
    (void)state;
    struct scene s = open_scene("auto", "1");
    sim_server_stop(s.server);
    world_set(s.world, "k", "w");
    world_run_for(s.world, 1200);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_EJECTED), 1);
    engine_set_mood(s.engine, ENGINE_BUSY);
    sim_server_continue(s.server);
    world_run_for(s.world, 5);
    uint64_t keyed = engine_count_keyed(s.engine);
    for (int i = 0; i < 300; i++) {
        struct world_reply *get = world_get(s.world, "k");
        world_run_for(s.world, 10);
        assert_reply(get, RINGCACHE_EDOWN);
        assert_says(get->message, "BUSY");
    }
    assert_int_equal(engine_count_keyed(s.engine), keyed);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_READMITTED), 0);
    engine_set_mood(s.engine, ENGINE_SERVES);
    world_run_for(s.world, 1010);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_READMITTED), 1);
    world_end(s.world);
}

/* The outage began while a write was on its way, which gets stuck on the connection that stayed:
 * whenever it is carried out after all, it undoes no newer one. */
static struct scene begin_stuck(uint64_t *stuck)
{
    enum { GET_BYTES = 20 };
    struct scene s = open_scene("auto", "1");
    uint64_t connection = sim_server_newest(s.server);
    sim_settings(s.world->sim)->segment_bytes = GET_BYTES;
    sim_settings(s.world->sim)->segment_gap_us = 2000;
    engine_set_mood(s.engine, ENGINE_LOADING);
    char old_value[400] = "";
    memset(old_value, 'x', sizeof old_value - 1);
    struct world_reply *refused = world_get(s.world, "k");
    struct world_reply *first = world_set(s.world, "k", old_value);
    while (refused->calls == 0) {
        world_run_for(s.world, 1);
    }
    assert_reply(refused, RINGCACHE_ESERVER);
    assert_int_equal(first->calls, 0);
    sim_stall(s.server, connection, true);
    engine_set_mood(s.engine, ENGINE_SERVES);
    sim_settings(s.world->sim)->segment_bytes = 0;
    *stuck = connection;
    return s;
}

static void stuck_write_undoes_nothing(uint64_t stuck_for)
{
    enum { STEP_MS = 10, LIMIT_MS = 8000 };
    uint64_t connection;
    struct scene s = begin_stuck(&connection);
    bool acknowledged = false;
    for (uint64_t ms = 0; ms < LIMIT_MS && (!acknowledged || ms <= stuck_for); ms += STEP_MS) {
        bool wakes = ms / STEP_MS == stuck_for / STEP_MS;
        if (wakes && sim_server_holds(s.server, connection)) {
            sim_stall(s.server, connection, false);
        }
        struct world_reply *second = world_set(s.world, "k", "v2");
        world_run_for(s.world, STEP_MS);
        acknowledged = acknowledged || (second->calls == 1 && second->status == RINGCACHE_OK);
    }
    assert_true(acknowledged);
    world_run_for(s.world, 3000);
    assert_string_equal((const char *)engine_get(s.engine, 0, "k")->value, "v2");
    world_end(s.world);
}

static void a_write_stuck_while_the_server_loads_undoes_no_newer_one(void **state)
{
    (void)state;
    for (uint64_t stuck_for = 5; stuck_for < 4000; stuck_for += 111) {
        stuck_write_undoes_nothing(stuck_for);
    }
}

/* Our own kernel gives that connection up, which proves nothing, while a PING is due on it. The
 * server has to. */
static void a_stuck_write_that_our_kernel_gave_up_is_killed(void **state)
{
    (void)state;
    uint64_t connection;
    struct scene s = begin_stuck(&connection);
    world_run_for(s.world, 150);
    sim_local_error(s.server, connection, -ETIMEDOUT);
    assert_false(is_up(&s));
    world_run_for(s.world, 1500);
    assert_true(is_up(&s));
    assert_false(sim_server_holds(s.server, connection));
    struct world_reply *set = world_set(s.world, "k", "v2");
    world_settle(s.world, 100);
    assert_reply(set, RINGCACHE_OK);
    world_end(s.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_serves_nobody_is_out_in_its_words_and_back_by_a_ping),
        cmocka_unit_test(the_first_ping_goes_out_within_100_ms),
        cmocka_unit_test(pings_back_off_like_any_probe),
        cmocka_unit_test(what_was_refused_was_not_applied),
        cmocka_unit_test(what_never_left_is_taken_back),
        cmocka_unit_test(every_connection_stays),
        cmocka_unit_test(a_greeting_tells_for_all_connections),
        cmocka_unit_test(a_name_that_leads_elsewhere_by_now_is_followed),
        cmocka_unit_test(a_connection_that_stayed_may_end),
        cmocka_unit_test(a_server_killed_while_it_loads_is_found_again),
        cmocka_unit_test(a_connection_that_stayed_and_is_silent_is_replaced),
        cmocka_unit_test(a_server_that_loads_and_falls_silent_is_asked_for_nothing),
        cmocka_unit_test(a_silent_connection_does_not_stay),
        cmocka_unit_test(a_server_that_wakes_busy_stays_out),
        cmocka_unit_test(a_write_stuck_while_the_server_loads_undoes_no_newer_one),
        cmocka_unit_test(a_stuck_write_that_our_kernel_gave_up_is_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

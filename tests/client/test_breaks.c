/* SPDX-License-Identifier: MIT */
/* Connections that break off: behind any byte of a pipeline's replies, by an end or a reset, in one
 * direction alone, or just as a request is written. What was whole is delivered, the rest fails,
 * once, and nothing is sent a second time but a read of whose reply nothing had come. */
#include "world.h"

#include <stdio.h>

enum { ASKED = 9 };

struct kind {
    const char *name;
    bool redis;
    const char *version; /* of a memcached */
};

static const struct kind kinds[] = {
    {"meta", false, "1.6.18"},
    {"classic text", false, "1.5.6"},
    {"redis", true, NULL},
};

/* One request of every shape of reply, and its answer. */
static const struct {
    ringcache_request request;
    int status;
    const char *value;
    uint64_t number;
} asked[ASKED] = {
    {{.op = RINGCACHE_GET, .key = {"here", 4}}, RINGCACHE_OK, "twelve bytes", 0},
    {{.op = RINGCACHE_SET, .key = {"new", 3}, .value = {"v", 1}}, RINGCACHE_OK, "", 0},
    {{.op = RINGCACHE_GET, .key = {"absent", 6}}, RINGCACHE_MISS, "", 0},
    {{.op = RINGCACHE_ADD, .key = {"here", 4}, .value = {"w", 1}}, RINGCACHE_NOT_STORED, "", 0},
    {{.op = RINGCACHE_INCREMENT, .key = {"count", 5}, .delta = 1}, RINGCACHE_OK, "", 42},
    {{.op = RINGCACHE_GET_AND_TOUCH, .key = {"here", 4}, .ttl_ms = 60000}, RINGCACHE_OK,
        "twelve bytes", 0},
    {{.op = RINGCACHE_APPEND, .key = {"here", 4}, .value = {"!", 1}}, RINGCACHE_OK, "", 0},
    {{.op = RINGCACHE_DELETE, .key = {"old", 3}}, RINGCACHE_OK, "", 0},
    {{.op = RINGCACHE_GET, .key = {"empty", 5}}, RINGCACHE_OK, "", 0},
};

struct scene {
    const struct kind *kind;
    struct world *world;
    struct sim_server *server;
    struct engine *engine;
    uint64_t connection;
    struct world_reply *replies;
    size_t serve; /* so many commands, then the server's direction ends */
};

static void open_scene(struct scene *s, const struct kind *kind)
{
    *s = (struct scene){.kind = kind, .world = world_new(91)};
    s->server = kind->redis ? world_redis(s->world, "10.0.0.1", 11000)
                            : world_memcached(s->world, "10.0.0.1", 11000);
    s->engine = sim_server_engine(s->server);
    world_option(s->world, "journal_entries", "0"); /* what is in doubt stays to be counted */
    if (kind->version != NULL) {
        engine_set_version(s->engine, kind->version);
    }
    engine_put(s->engine, 0, "here", rc_slice_text("twelve bytes"), 0);
    engine_put(s->engine, 0, "count", rc_slice_text("41"), 0);
    engine_put(s->engine, 0, "old", rc_slice_text("x"), 0);
    engine_put(s->engine, 0, "empty", rc_slice_text(""), 0);
    world_begin(s->world);
    struct world_reply *first = world_get(s->world, "warm");
    world_settle(s->world, 100);
    assert_reply(first, RINGCACHE_MISS);
    s->connection = sim_server_newest(s->server);
}

static void ask_all(struct scene *s)
{
    s->replies = &s->world->replies[s->world->submitted];
    for (size_t i = 0; i < ASKED; i++) {
        world_submit(s->world, &asked[i].request, NULL);
    }
}

static bool is_write(ringcache_op op)
{
    return op != RINGCACHE_GET;
}

/* What is read on the second connection may have been appended to by then. */
static void assert_read_again(const struct world_reply *reply, size_t i)
{
    assert_false(is_write(asked[i].request.op));
    assert_reply(reply, asked[i].status);
    assert_memory_equal(reply->value, asked[i].value, strlen(asked[i].value));
}

static bool is_whole(const struct world_reply *reply, size_t i)
{
    if (reply->attempts == 2) {
        assert_read_again(reply, i);
        return false;
    }
    if (reply->status == RINGCACHE_ECONNECT) {
        assert_int_equal(reply->value_len, 0);
        assert_int_equal(reply->number, 0);
        assert_int_equal(reply->attempts, 1);
        assert_int_equal(reply->maybe_applied, is_write(asked[i].request.op));
        return false;
    }
    assert_reply(reply, asked[i].status);
    assert_string_equal(reply->value, asked[i].value);
    assert_int_equal(reply->value_len, strlen(asked[i].value));
    assert_int_equal(reply->number, asked[i].number);
    return true;
}

/* How many answers came whole: the first ones, and none behind one that did not. */
static size_t count_whole(const struct scene *s)
{
    size_t whole = 0;
    for (size_t i = 0; i < ASKED; i++) {
        assert_int_equal(s->replies[i].calls, 1);
        bool this_one = is_whole(&s->replies[i], i);
        assert_true(!this_one || whole == i);
        whole += this_one;
    }
    return whole;
}

/* No outage: the next connection serves at once. */
static void close_scene(struct scene *s)
{
    struct world_reply *get = world_get(s->world, "warm");
    world_settle(s->world, 20);
    assert_reply(get, RINGCACHE_MISS);
    assert_int_equal(world_count(s->world, RINGCACHE_EVENT_DOWN), 0);
    const struct store_item *count = engine_get(s->engine, 0, "count");
    assert_true(count->value_len == 2 && (count->value[1] == '1' || count->value[1] == '2'));
    world_end(s->world);
}

/* ---- behind every byte ---- */

static size_t whole_when_cut_after(
    const struct kind *kind, size_t bytes, enum sim_end_kind how, size_t least)
{
    struct scene s;
    open_scene(&s, kind);
    sim_cut_after(s.server, s.connection, bytes, how);
    ask_all(&s);
    world_settle(s.world, 20); /* long before any deadline */
    size_t whole = count_whole(&s);
    assert_in_range(whole, least, least + 1);
    if (whole < ASKED) {
        close_scene(&s);
    } else {
        world_end(s.world);
    }
    return whole;
}

static void cut_everywhere(enum sim_end_kind how)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t bytes = 0, whole = 0;
        while ((whole = whole_when_cut_after(&kinds[i], bytes, how, whole)) < ASKED) {
            bytes++;
        }
        print_message("  %s: %zu places\n", kinds[i].name, bytes);
        assert_true(bytes > 5 * ASKED);
    }
}

static void a_reply_of_any_kind_that_ends_early_is_none(void **state)
{
    (void)state;
    cut_everywhere(SIM_FIN);
}

static void a_reset_ends_each_request_that_is_under_way_once(void **state)
{
    (void)state;
    cut_everywhere(SIM_RST);
}

/* ---- one direction alone ---- */

static void end_its_direction(void *owner, const struct engine_command *command)
{
    struct scene *s = owner;
    bool proves = strcmp(command->verb, "echo") == 0; /* the command in front of it */
    if (command->connection == s->connection && !proves && s->serve-- == 0) {
        sim_half_close(s->server, s->connection);
    }
}

static void what_a_server_said_before_it_closed_its_half_is_delivered(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        for (size_t serve = 0; serve < ASKED; serve++) {
            struct scene s;
            open_scene(&s, &kinds[i]);
            s.serve = serve;
            engine_set_log(s.engine, end_its_direction, &s);
            ask_all(&s);
            world_settle(s.world, 20);
            assert_int_equal(count_whole(&s), serve);
            world_run_for(s.world, 1);
            assert_true(!sim_server_holds(s.server, s.connection));
            close_scene(&s);
        }
    }
}

/* ---- as a request is written ---- */

/* The end of an idle connection is on its way while a counter is moved: `ahead_us` earlier. */
static int moved_when_it_ended(const struct kind *kind, uint64_t ahead_us)
{
    struct scene s;
    open_scene(&s, kind);
    sim_settings(s.world->sim)->latency_us = 1000;
    sim_end(s.server, s.connection, SIM_FIN);
    sim_settings(s.world->sim)->latency_us = 100;
    for (uint64_t until = sim_now_us(s.world->sim) + ahead_us;
         sim_now_us(s.world->sim) < until && sim_step(s.world->sim);) {
    }
    struct world_reply *moved = world_submit(s.world, &asked[4].request, NULL);
    world_settle(s.world, 20);
    const struct store_item *count = engine_get(s.engine, 0, "count");
    bool applied = count->value[1] == '2';
    if (moved->status == RINGCACHE_OK) {
        assert_true(applied);
    } else {
        assert_reply(moved, RINGCACHE_ECONNECT);
        assert_false(applied);
        assert_int_equal(moved->maybe_applied, 1);
    }
    assert_int_equal(moved->attempts, 1);
    int status = moved->status;
    close_scene(&s);
    return status;
}

static void a_request_that_meets_the_end_of_an_idle_connection_is_not_sent_twice(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        assert_int_equal(moved_when_it_ended(&kinds[i], 0), RINGCACHE_ECONNECT);
        assert_int_equal(moved_when_it_ended(&kinds[i], 1500), RINGCACHE_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_of_any_kind_that_ends_early_is_none),
        cmocka_unit_test(a_reset_ends_each_request_that_is_under_way_once),
        cmocka_unit_test(what_a_server_said_before_it_closed_its_half_is_delivered),
        cmocka_unit_test(a_request_that_meets_the_end_of_an_idle_connection_is_not_sent_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

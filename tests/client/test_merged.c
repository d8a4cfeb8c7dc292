/* SPDX-License-Identifier: MIT */
/* Gets that left together for a Redis which refuses them together: MGET is a command of its own,
 * that a user may not be allowed, and its keys may be another's in part, or of several slots. Each
 * is asked for alone then, so that none fares worse than it would have by itself. */
#include "world.h"

#include <stdio.h>

enum { GETS = 8 };

struct stage {
    struct world *world;
    struct sim_server *server;
    struct engine *engine;
};

static struct stage begin(const char *integrity)
{
    struct stage s = {.world = world_new(17)};
    s.server = world_redis(s.world, "10.0.0.1", 11000);
    s.engine = sim_server_engine(s.server);
    world_option(s.world, "integrity", integrity);
    world_begin(s.world);
    world_get(s.world, "warm");
    world_settle(s.world, 100);
    for (int i = 0; i < GETS; i++) {
        char key[] = {'k', (char)('0' + i), '\0'};
        engine_put(s.engine, 0, key, rc_slice_text(key), 0);
    }
    return s;
}

static struct world_reply *get_all(struct stage *s)
{
    struct world_reply *first = NULL;
    for (int i = 0; i < GETS; i++) {
        char key[] = {'k', (char)('0' + i), '\0'};
        struct world_reply *reply = world_get(s->world, key);
        first = i == 0 ? reply : first;
    }
    return first;
}

static void assert_all(const struct world_reply *replies)
{
    for (int i = 0; i < GETS; i++) {
        char key[] = {'k', (char)('0' + i), '\0'};
        assert_value(&replies[i], key);
    }
}

static void what_is_refused_together_is_asked_for_alone(void **state)
{
    (void)state;
    static const char *const refusals[] = {
        "-NOPERM this user has no permissions to run the 'mget' command\r\n",
        "-NOPERM No permissions to access a key\r\n",
        "-CROSSSLOT Keys in request don't hash to the same slot\r\n",
        "-TRYAGAIN Multiple keys request during rehashing of slot\r\n",
        "-ERR unknown command 'MGET'\r\n",
    };
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct stage s = begin("auto");
        engine_answer_next(s.engine, "mget", 1000, refusals[i]);
        struct world_reply *replies = get_all(&s);
        world_settle(s.world, 100);
        assert_all(replies);
        assert_int_equal(sim_server_connects(s.server), 1);
        world_end(s.world);
    }
}

/* Once it was refused, not for every few of them. */
static void those_behind_go_one_by_one_for_a_while(void **state)
{
    (void)state;
    struct stage s = begin("auto");
    engine_answer_next(s.engine, "mget", 1000, "-NOPERM no permissions\r\n");
    uint64_t before = engine_count(s.engine, "mget");
    for (int turn = 0; turn < 20; turn++) {
        struct world_reply *replies = get_all(&s);
        world_settle(s.world, 100);
        assert_all(replies);
    }
    assert_int_equal(engine_count(s.engine, "mget"), before + 1);
    world_end(s.world);
}

/* Who has left is not asked for, who has not gets the words of its own refusal. */
static void what_is_refused_alone_too_fails(void **state)
{
    (void)state;
    struct stage s = begin("auto");
    engine_answer_next(s.engine, "mget", 1000, "-NOPERM all\r\n");
    engine_answer_next(s.engine, "get", 1000, "-NOPERM one\r\n");
    struct world_reply *replies = get_all(&s);
    world_settle(s.world, 100);
    for (int i = 0; i < GETS; i++) {
        assert_reply(&replies[i], RINGCACHE_EAUTH);
        assert_string_equal(replies[i].message, "NOPERM one");
    }
    world_end(s.world);
}

/* A server that serves nobody is not asked twice. */
static void a_server_that_loads_refuses_each_of_them(void **state)
{
    (void)state;
    struct stage s = begin("auto");
    engine_answer_next(s.engine, "mget", 1000, "-LOADING Redis is loading\r\n");
    uint64_t before = engine_count(s.engine, "get");
    struct world_reply *replies = get_all(&s);
    world_settle(s.world, 100);
    for (int i = 2; i < GETS; i++) {
        assert_reply(&replies[i], RINGCACHE_ESERVER);
    }
    assert_in_range(engine_count(s.engine, "get"), before, before + 2);
    world_end(s.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_refused_together_is_asked_for_alone),
        cmocka_unit_test(those_behind_go_one_by_one_for_a_while),
        cmocka_unit_test(what_is_refused_alone_too_fails),
        cmocka_unit_test(a_server_that_loads_refuses_each_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

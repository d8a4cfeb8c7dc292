/* SPDX-License-Identifier: MIT */
/* What the library asks for itself, its users never having asked: a refusal is an answer, and a
 * server or proxy that cannot bear the question is spared it. */
#include "world.h"

#include <stdio.h>

/* One server, and the question at which its connections end. */
struct scene {
    struct world *world;
    struct sim_server *server;
    struct engine *engine;
    const char *ends_at; /* NULL: none */
    uint64_t ended;      /* the connection to be ended */
};

static const struct question {
    const char *uri, *verb, *refusal;
} questions[] = {
    {"memcached://10.0.0.1:6379", "stats", "ERROR\r\n"},
    {"memcached://10.0.0.1:6379", "stats", "CLIENT_ERROR unsupported\r\n"},
    {"memcached://10.0.0.1:6379", "stats", "SERVER_ERROR out of memory writing stats\r\n"},
    {"redis://10.0.0.1:6379", "client", "-NOPERM no permission\r\n"},
    {"redis://10.0.0.1:6379", "client", "-ERR unknown command 'CLIENT'\r\n"},
    {"redis://10.0.0.1:6379", "info", "-NOPERM no permission\r\n"},
    {"redis://10.0.0.1:6379", "echo", "-ERR unknown command 'ECHO'\r\n"},
};
enum { QUESTIONS = sizeof questions / sizeof *questions };

static void end_connection(void *owner)
{
    struct scene *s = owner;
    sim_end(s->server, s->ended, SIM_FIN);
}

static void hear(void *owner, const struct engine_command *command)
{
    struct scene *s = owner;
    if (s->ends_at != NULL && strcmp(command->verb, s->ends_at) == 0) {
        s->ended = command->connection;
        sim_at(s->world->sim, world_now(s->world), end_connection, s);
    }
}

static void open_scene(struct scene *s, const struct question *q, const char *reply)
{
    bool redis = strncmp(q->uri, "redis", 5) == 0;
    *s = (struct scene){.world = world_new(43)};
    s->server =
        sim_server_add(s->world->sim, "10.0.0.1", 6379, redis ? ENGINE_REDIS : ENGINE_MEMCACHED);
    s->engine = sim_server_engine(s->server);
    engine_set_log(s->engine, hear, s);
    engine_answer_next(s->engine, q->verb, 100000, reply);
    world_option(s->world, "server", q->uri);
    world_begin(s->world);
}

static void assert_serves(struct scene *s)
{
    struct world_reply *set = world_set(s->world, "k", "v");
    struct world_reply *get = world_get(s->world, "k");
    world_settle(s->world, 200);
    assert_reply(set, RINGCACHE_OK);
    assert_value(get, "v");
}

static void a_refusal_is_an_answer_and_the_connection_stays(void **state)
{
    (void)state;
    for (size_t i = 0; i < QUESTIONS; i++) {
        print_message("  %s", questions[i].refusal);
        struct scene s;
        open_scene(&s, &questions[i], questions[i].refusal);
        assert_serves(&s);
        world_run_for(s.world, 5000);
        assert_serves(&s);
        assert_int_equal(sim_server_connects(s.server), 1);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 0);
        world_end(s.world);
    }
}

/* The next connection is made at once, the waiting requests are served by it, and later ones do not
 * ask either. */
static void assert_spared(struct scene *s, const struct question *q)
{
    assert_serves(s);
    assert_int_equal(engine_count(s->engine, q->verb), 1);
    assert_int_equal(sim_server_connects(s->server), 2);
    sim_end(s->server, sim_server_newest(s->server), SIM_RST);
    world_run_for(s->world, 200);
    assert_serves(s);
    world_run_for(s->world, 5000);
    assert_serves(s);
    assert_int_equal(engine_count(s->engine, q->verb), 1);
    assert_int_equal(sim_server_connects(s->server), 3);
    assert_int_equal(world_count(s->world, RINGCACHE_EVENT_DOWN), 0);
}

static void who_ends_the_connection_over_a_question_is_not_asked_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < QUESTIONS; i++) {
        struct scene s;
        open_scene(&s, &questions[i], "");
        s.ends_at = questions[i].verb;
        assert_spared(&s, &questions[i]);
        world_end(s.world);
    }
}

static void who_answers_nonsense_is_not_asked_again(void **state)
{
    static const char *const nonsense[] = {
        "STAT item_size_max many\r\nEND\r\n", "HD\r\n", "HTTP/1.1 400 Bad Request\r\n", "+OK\r\n"};
    (void)state;
    for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
        struct scene s;
        open_scene(&s, &questions[0], nonsense[i]);
        assert_spared(&s, &questions[0]);
        world_end(s.world);
    }
}

/* The connection serves already when it ends: what was sent on it is lost once, not for ever. */
static void who_refuses_a_question_and_hangs_up_is_not_asked_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < QUESTIONS; i++) {
        struct scene s;
        open_scene(&s, &questions[i], questions[i].refusal);
        s.ends_at = questions[i].verb;
        world_get(s.world, "k");
        world_settle(s.world, 200);
        assert_serves(&s);
        assert_int_equal(engine_count(s.engine, questions[i].verb), 1);
        assert_int_equal(sim_server_connects(s.server), 2);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 0);
        world_end(s.world);
    }
}

/* A server that was out is asked by its probe first. */
static void a_probe_that_ends_over_a_question_is_made_anew(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &questions[0], "");
    s.ends_at = questions[0].verb;
    sim_server_kill(s.server);
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 100);
    assert_reply(get, RINGCACHE_EDOWN);
    sim_server_restart(s.server, false);
    world_run_for(s.world, 1100);
    assert_serves(&s);
    assert_int_equal(engine_count(s.engine, "stats"), 1);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 1);
    world_end(s.world);
}

/* What ended it may have been the server's own end, and what is there now another one. */
static void a_server_that_was_out_is_asked_anew(void **state)
{
    (void)state;
    for (size_t i = 0; i < QUESTIONS; i++) {
        struct scene s;
        open_scene(&s, &questions[i], questions[i].refusal);
        assert_serves(&s);
        sim_server_kill(s.server);
        world_run_for(s.world, 10);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 1);
        sim_server_restart(s.server, false);
        world_run_for(s.world, 1100);
        assert_serves(&s);
        assert_int_equal(engine_count(s.engine, questions[i].verb), 2);
        world_end(s.world);
    }
}

/* Silence is no answer: it may be the server's own trouble, and it is asked again. */
static void a_question_that_is_never_answered_is_asked_again(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &questions[0], "");
    struct world_reply *get = world_get(s.world, "k");
    world_settle(s.world, 1100);
    assert_true(get->status < 0);
    world_run_for(s.world, 1000);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 1);
    engine_answer_next(s.engine, "", 0, "");
    world_run_for(s.world, 3000);
    assert_serves(&s);
    assert_true(engine_count(s.engine, "stats") > 1);
    world_end(s.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refusal_is_an_answer_and_the_connection_stays),
        cmocka_unit_test(who_ends_the_connection_over_a_question_is_not_asked_again),
        cmocka_unit_test(who_answers_nonsense_is_not_asked_again),
        cmocka_unit_test(who_refuses_a_question_and_hangs_up_is_not_asked_again),
        cmocka_unit_test(a_probe_that_ends_over_a_question_is_made_anew),
        cmocka_unit_test(a_server_that_was_out_is_asked_anew),
        cmocka_unit_test(a_question_that_is_never_answered_is_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

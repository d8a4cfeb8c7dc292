/* SPDX-License-Identifier: MIT */
/* Three requests on one connection, each of which is answered, canceled or timed out, in every
 * order in which that can happen. Whatever ended a request early, its reply is swallowed and
 * nobody else's is; and whoever is not concerned never notices. */
#include "world.h"

#include <stdio.h>

enum { REQUESTS = 3, STEPS_MAX = 3 * REQUESTS, STEP_MS = 4, MANY = 8 };

enum end { ANSWERED, CANCELED, TIMED_OUT, ENDS };
enum what { SENT, REPLIED, ENDED };

static const int statuses[ENDS] = {RINGCACHE_OK, RINGCACHE_ECANCELED, RINGCACHE_ETIMEDOUT};

struct step {
    enum what what;
    unsigned request;
};

/* One order of events. A request that is to end early may do so behind its reply, too late. */
struct order {
    struct step steps[STEPS_MAX];
    unsigned count;
    enum end ends[REQUESTS];
    unsigned at[REQUESTS][ENDED + 1]; /* the place of each event, plus one; 0: not yet */
};

struct scene {
    struct world *world;
    struct sim_server *server;
    uint64_t connection;
    bool redis;
    uint64_t orders;
    uint64_t began;
    ringcache_id ids[REQUESTS];
    uint64_t tokens[REQUESTS];
    struct world_reply *replies[REQUESTS];
};

/* ---- one order, played ---- */

static uint64_t time_of(const struct scene *s, unsigned place)
{
    return s->began + (uint64_t)place * STEP_MS;
}

/* A deadline passes half-way to the event that it is. */
static void submit(struct scene *s, const struct order *order, unsigned request)
{
    char key[8];
    snprintf(key, sizeof key, "k%u", request);
    ringcache_request get = {.op = RINGCACHE_GET, .key = {key, 2}};
    if (order->ends[request] == TIMED_OUT) {
        uint64_t deadline = time_of(s, order->at[request][ENDED]) - STEP_MS / 2;
        get.timeout_ms = (uint32_t)(deadline - world_now(s->world));
    }
    s->tokens[request] = s->world->client->env.next_token;
    s->replies[request] = world_submit(s->world, &get, &s->ids[request]);
}

/* The server's thread is stuck, and its words are ours. */
static void reply(struct scene *s, unsigned request, uint64_t token)
{
    char bytes[64];
    if (s->redis) {
        snprintf(bytes, sizeof bytes, "$8\r\nvalue %02u\r\n", request);
    } else {
        snprintf(bytes, sizeof bytes, "VA 8 f0 O%08x\r\nvalue %02u\r\n", (uint32_t)token, request);
    }
    sim_inject(s->server, s->connection, rc_slice_text(bytes));
}

static bool ends_first(const struct order *order, unsigned request)
{
    return order->ends[request] != ANSWERED &&
           order->at[request][ENDED] < order->at[request][REPLIED];
}

static void cancel(struct scene *s, const struct order *order, unsigned request)
{
    int expected = ends_first(order, request) ? 0 : RINGCACHE_EINVAL;
    assert_int_equal(ringcache_cancel(s->world->client, s->ids[request]), expected);
}

static void assert_ended(const struct scene *s, const struct order *order, unsigned request)
{
    const struct world_reply *answer = s->replies[request];
    if (ends_first(order, request)) {
        assert_reply(answer, statuses[order->ends[request]]);
        assert_int_equal(answer->value_len, 0);
    } else {
        char value[16];
        snprintf(value, sizeof value, "value %02u", request);
        assert_value(answer, value);
    }
}

static void play(struct scene *s, const struct order *order)
{
    s->began = world_now(s->world);
    for (unsigned i = 0; i < order->count; i++) {
        const struct step *step = &order->steps[i];
        sim_run_until(s->world->sim, time_of(s, i + 1));
        switch (step->what) {
        case SENT:
            submit(s, order, step->request);
            break;
        case REPLIED:
            reply(s, step->request, s->tokens[step->request]);
            break;
        case ENDED:
            if (order->ends[step->request] == CANCELED) {
                cancel(s, order, step->request);
            }
            break;
        }
    }
    world_settle(s->world, 2 * STEP_MS);
    for (unsigned i = 0; i < REQUESTS; i++) {
        assert_ended(s, order, i);
    }
    s->orders++;
}

/* ---- every order ---- */

/* Requests are sent one behind the other, and so are replies; both follow what they are of. */
static bool may_follow(const struct order *order, struct step next)
{
    unsigned n = next.request;
    if (order->at[n][next.what] != 0) {
        return false;
    }
    switch (next.what) {
    case SENT:
        return n == 0 || order->at[n - 1][SENT] != 0;
    case REPLIED:
        return order->at[n][SENT] != 0 && (n == 0 || order->at[n - 1][REPLIED] != 0);
    case ENDED:
        return order->ends[n] != ANSWERED && order->at[n][SENT] != 0;
    }
    return false;
}

static unsigned steps_of(const enum end ends[REQUESTS])
{
    unsigned count = 2 * REQUESTS;
    for (unsigned i = 0; i < REQUESTS; i++) {
        count += ends[i] != ANSWERED;
    }
    return count;
}

static void play_all_from(struct scene *s, struct order *order, unsigned count)
{
    if (order->count == count) {
        play(s, order);
        return;
    }
    for (unsigned i = 0; i < STEPS_MAX; i++) {
        const struct step next = {(enum what)(i / REQUESTS), i % REQUESTS};
        if (may_follow(order, next)) {
            order->steps[order->count++] = next;
            order->at[next.request][next.what] = order->count;
            play_all_from(s, order, count);
            order->at[next.request][next.what] = 0;
            order->count--;
        }
    }
}

static void open_scene(struct scene *s, bool redis)
{
    *s = (struct scene){.world = world_new(97), .redis = redis};
    s->server = redis ? world_redis(s->world, "10.0.0.1", 11000)
                      : world_memcached(s->world, "10.0.0.1", 11000);
    /* The words here know no ECHO. */
    engine_answer_next(sim_server_engine(s->server), "echo", 1, "-ERR unknown command\r\n");
    sim_settings(s->world->sim)->receive_bytes = 16 * 1024 * 1024; /* nobody will read it */
    world_option(s->world, "merge_gets", "no");                    /* each reply has its own time */
    world_begin(s->world);
    world_get(s->world, "warm");
    world_settle(s->world, 100);
    s->connection = sim_server_newest(s->server);
    sim_stall(s->server, s->connection, true);
}

static void play_every_order(bool redis)
{
    struct scene s;
    open_scene(&s, redis);
    for (unsigned which = 0; which < ENDS * ENDS * ENDS; which++) {
        struct order order = {.ends = {(enum end)(which % ENDS), (enum end)(which / ENDS % ENDS),
                                  (enum end)(which / ENDS / ENDS)}};
        play_all_from(&s, &order, steps_of(order.ends));
    }
    print_message(
        "  %s: %llu orders\n", redis ? "redis" : "memcached", (unsigned long long)s.orders);
    assert_true(s.orders > 1000);
    assert_int_equal(sim_server_connects(s.server), 1);
    s.world->submitted = s.world->answered = 0; /* the places were used many times over */
    world_end(s.world);
}

static void in_every_order_of_ends_and_replies_each_request_gets_its_own(void **state)
{
    (void)state;
    play_every_order(false);
    play_every_order(true);
}

/* ---- one of many ---- */

static void one_times_out_alone(bool redis, unsigned late)
{
    struct scene s;
    struct world_reply *replies[MANY];
    uint64_t tokens[MANY];
    open_scene(&s, redis);
    for (unsigned i = 0; i < MANY; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%u", i);
        const ringcache_request get = {
            .op = RINGCACHE_GET, .key = {key, 2}, .timeout_ms = i == late ? 50 : 450};
        tokens[i] = s.world->client->env.next_token;
        replies[i] = world_submit(s.world, &get, NULL);
    }
    world_run_for(s.world, 200);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(replies[i]->calls, i == late);
        reply(&s, i, tokens[i]);
    }
    world_settle(s.world, 10);
    for (unsigned i = 0; i < MANY; i++) {
        char value[16];
        snprintf(value, sizeof value, "value %02u", i);
        if (i == late) {
            assert_reply(replies[i], RINGCACHE_ETIMEDOUT);
        } else {
            assert_value(replies[i], value);
        }
    }
    assert_int_equal(sim_server_connects(s.server), 1);
    world_end(s.world);
}

static void one_that_times_out_at_any_place_takes_no_other_along(void **state)
{
    (void)state;
    for (unsigned late = 0; late < MANY; late++) {
        one_times_out_alone(false, late);
        one_times_out_alone(true, late);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_every_order_of_ends_and_replies_each_request_gets_its_own),
        cmocka_unit_test(one_that_times_out_at_any_place_takes_no_other_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

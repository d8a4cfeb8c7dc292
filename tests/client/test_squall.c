/* SPDX-License-Identifier: MIT */
/* Hundreds of squalls, each from its seed. One alone: SQUALL_SEED=n; another number of them:
 * SQUALL_COUNT=n. */
#include "squall.h"

#include <stdlib.h>

#include "sim_inside.h"

enum { SQUALLS = 400, MOVES = 120, CALM_MS = 30000 };

/* ---- faults ---- */

static uint64_t any_connection(struct squall *s)
{
    uint64_t numbers[16];
    size_t count = 0;
    const struct rc_list *peers = &s->server->peers;
    for (struct rc_list *n = peers->next; n != peers && count < 16; n = n->next) {
        numbers[count++] = rc_container(n, struct sim_peer, node)->end->connection->number;
    }
    return count > 0 ? numbers[squall_draw(s, count)] : 0;
}

static void heal(struct squall *s)
{
    sim_server_continue(s->server);
    sim_server_blackhole(s->server, false);
    sim_server_slow(s->server, 0);
    sim_server_pause_accept(s->server, false);
    engine_answer_next(sim_server_engine(s->server), "", 0, NULL);
    if (s->dead) {
        sim_server_restart(s->server, true);
        s->dead = false;
    }
    const struct rc_list *peers = &s->server->peers;
    for (struct rc_list *n = peers->next; n != peers; n = n->next) {
        sim_stall(
            s->server, rc_container(n, struct sim_peer, node)->end->connection->number, false);
    }
}

static void refuse_some(struct squall *s)
{
    static const char *const memcached[] = {"mg", "ms", "md", "ms"};
    static const char *const redis[] = {"evalsha", "eval", "get", "set"};
    const char *reply = squall_draw(s, 2) == 0 && s->rules.redis
                            ? "-NOSCRIPT No matching script\r\n"
                        : s->rules.redis ? "-OOM command not allowed\r\n"
                                         : "SERVER_ERROR out of memory\r\n";
    engine_answer_next(sim_server_engine(s->server),
        s->rules.redis ? redis[squall_draw(s, 4)] : memcached[squall_draw(s, 4)],
        1 + squall_draw(s, 3), reply);
}

static void fault(struct squall *s)
{
    uint64_t connection = any_connection(s);
    switch (squall_draw(s, 9)) {
    case 0:
        sim_server_stop(s->server);
        break;
    case 1:
        sim_server_kill(s->server);
        s->dead = true;
        break;
    case 2:
        sim_server_blackhole(s->server, true);
        break;
    case 3:
        sim_server_slow(s->server, squall_draw(s, 60000));
        break;
    case 4:
        refuse_some(s);
        break;
    case 5:
        if (connection != 0) {
            sim_stall(s->server, connection, true);
        }
        break;
    case 6:
        if (connection != 0) {
            sim_cut_after(
                s->server, connection, squall_draw(s, 60), squall_draw(s, 2) ? SIM_FIN : SIM_RST);
        }
        break;
    case 7:
        if (connection != 0) {
            sim_end(s->server, connection, squall_draw(s, 2) ? SIM_FIN : SIM_RST);
        }
        break;
    default:
        sim_settings(s->sim)->jitter_us = squall_draw(s, 5000);
        break;
    }
}

/* ---- a squall ---- */

static void draw_rules(struct squall *s)
{
    struct rules *r = &s->rules;
    r->redis = squall_draw(s, 2) == 0;
    r->classic = !r->redis && squall_draw(s, 6) == 0;
    r->leases = !r->classic && squall_draw(s, 3) > 0;
    r->single = squall_draw(s, 2) == 0;
    r->strict = squall_draw(s, 3) == 0;
    r->members = squall_draw(s, 6) == 0;
    r->blocks = squall_draw(s, 5) == 0;
    r->early = squall_draw(s, 4) == 0;
    r->narrow = squall_draw(s, 4) == 0;
    r->faults = squall_draw(s, 4) > 0;
    r->journal = squall_draw(s, 2) == 0;
    r->stale_ms = squall_draw(s, 2) == 0 ? 0 : 500 + (uint32_t)squall_draw(s, 3000);
    r->clients = 1 + (unsigned)squall_draw(s, CLIENTS);
}

static void transport_stays(struct rc_transport *transport)
{
    (void)transport; /* the simulator frees it */
}

static void configure(struct squall *s, ringcache_config *config)
{
    const struct rules *r = &s->rules;
    assert_int_equal(ringcache_config_add_server(config,
                         r->redis ? "redis://10.0.0.1:11000" : "memcached://10.0.0.1:11000"),
        0);
    assert_int_equal(ringcache_config_set(config, "leases", r->leases ? "yes" : "no"), 0);
    assert_int_equal(ringcache_config_set(config, "single_flight", r->single ? "yes" : "no"), 0);
    assert_int_equal(ringcache_config_set(config, "integrity", r->strict ? "strict" : "auto"), 0);
    assert_int_equal(
        ringcache_config_set(config, "journal_entries", r->journal ? "1048576" : "0"), 0);
    assert_int_equal(ringcache_config_set(config, "max_inflight", r->narrow ? "4" : "1024"), 0);
    assert_int_equal(
        ringcache_config_set(config, "connections", squall_draw(s, 3) == 0 ? "3" : "1"), 0);
}

static struct squall *begin(uint64_t seed)
{
    struct squall *s = calloc(1, sizeof *s);
    ringcache_config *config;
    assert_non_null(s);
    s->seed = seed;
    squall_begin(s);
    s->random = seed * UINT64_C(0x9e3779b97f4a7c15);
    draw_rules(s);
    struct sim_options options = sim_options(seed);
    options.start_ms = 1000000;
    options.wall_s = 1700000000;
    s->sim = sim_new(&options);
    s->server =
        sim_server_add(s->sim, "10.0.0.1", 11000, s->rules.redis ? ENGINE_REDIS : ENGINE_MEMCACHED);
    sim_server_add(s->sim, "10.0.0.2", 11000, s->rules.redis ? ENGINE_REDIS : ENGINE_MEMCACHED);
    if (s->rules.classic) {
        engine_set_version(sim_server_engine(s->server), "1.4.39");
    }
    assert_int_equal(ringcache_config_new(&config), 0);
    configure(s, config);
    for (unsigned i = 0; i < s->rules.clients; i++) {
        struct peer *peer = &s->peers[i];
        peer->squall = s;
        peer->host = sim_client_new(s->sim);
        assert_int_equal(
            rc_client_new(&peer->client, sim_client_transport(peer->host), transport_stays, config),
            0);
    }
    ringcache_config_free(config);
    return s;
}

static void rage(struct squall *s)
{
    for (int move = 0; move < MOVES; move++) {
        uint64_t dice = squall_draw(s, 20);
        if (dice < 3 && s->rules.faults) {
            fault(s);
        } else if (dice < 7) {
            heal(s);
        }
        for (uint64_t n = squall_draw(s, dice == 19 ? 60 : 6); n > 0; n--) {
            squall_act(s);
        }
        sim_run_for(s->sim, squall_draw(s, 40));
    }
}

static void calm_down(struct squall *s)
{
    s->calm = true;
    heal(s);
    sim_settings(s->sim)->jitter_us = 0;
    while (s->load_count > 0) {
        squall_end_load(s, 0);
    }
    sim_run_for(s->sim, CALM_MS);
    for (unsigned i = 0; i < s->rules.clients; i++) {
        struct peer *peer = &s->peers[i];
        squall_must(s, peer->pending_count == 0, "a request without an end");
        if (peer->closed == 0) {
            squall_must(s, peer->client->env.budget.used == 0, "bytes are held by nobody");
            squall_must(s, rc_list_empty(&peer->client->flights), "a flight without an end");
            squall_must(s, peer->client->reads.root == NULL && peer->client->updates.root == NULL,
                "a flight that is found for ever");
        }
    }
    if (squall_exact(s)) {
        squall_check_letters(s);
    }
}

static void end(struct squall *s)
{
    for (unsigned i = 0; i < s->rules.clients; i++) {
        squall_close(&s->peers[i]);
    }
    assert_true(sim_run_idle(s->sim, 5000));
    for (unsigned i = 0; i < s->rules.clients; i++) {
        squall_must(s, s->peers[i].closed == 1, "not closed once");
        squall_must(s, sim_client_streams(s->peers[i].host) == 0, "a stream is left");
    }
    while (s->load_count > 0) {
        squall_end_load(s, 0);
    }
    sim_free(s->sim);
    free(s);
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void no_squall_breaks_a_promise(void **state)
{
    (void)state;
    uint64_t done[SORTS] = {0};
    uint64_t first = number_from("SQUALL_SEED", 1);
    uint64_t count = number_from("SQUALL_COUNT", getenv("SQUALL_SEED") != NULL ? 1 : SQUALLS);
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct squall *s = begin(seed);
        rage(s);
        if (!s->rules.early || squall_draw(s, 2) == 0) {
            calm_down(s);
        }
        for (unsigned sort = 0; sort < SORTS; sort++) {
            done[sort] += s->done[sort];
        }
        end(s);
    }
    for (unsigned sort = 0; sort < SORTS && count > 50; sort++) {
        assert_true(done[sort] > count); /* it was no storm in a glass of water */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_squall_breaks_a_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

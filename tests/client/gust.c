/* SPDX-License-Identifier: MIT */
/* One history: its world, its moves, the calm behind them, its end. */
#include "gust.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim_inside.h"

enum {
    FIRST_PORT = 11000,
    STEPS_MAX = 12,
    PAUSE_MAX_MS = 12,
    LONG_PAUSE_MAX_MS = 600,
    UNPROVEN_PAUSE_MAX_MS = 150, /* so that all is over before such a connection is forgotten */
    CALM_MS = 20000,             /* behind the faults' end, until everything succeeds again */
    UNPROVEN_CALM_MS = 80000,
    ROUND_MS = 450, /* longer than any deadline */
};

#define ADDRESS "10.0.0.1"

uint64_t gust_draw(struct gust *g, uint64_t below)
{
    uint64_t z = g->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % below;
}

void gust_fail(const struct gust *g, const char *what, const char *of)
{
    fail_msg("at %" PRIu64 " us: %s (%s); again: GUST_SEED=%" PRIu64
             " GUST_TELL=1 test_client_gust",
        sim_now_us(g->sim), what, of, g->seed);
}

void gust_tell(const struct gust *g, const char *who, const char *what, int64_t number)
{
    if (g->tells) {
        print_message("%" PRIu64 " %s: %s %" PRId64 "\n", sim_now_us(g->sim), who, what, number);
    }
}

/* ---- the world ---- */

/* No draw of its own, so that every other gust stays what it was. */
static unsigned spares_of(const struct gust *g)
{
    bool may = g->rules.promises && g->seed % 2 == 0;
    unsigned most = g->rules.servers - 1, wanted = 1 + (unsigned)(g->seed / 2 % 2);
    return may ? (wanted < most ? wanted : most) : 0;
}

static void draw_rules(struct gust *g)
{
    struct gust_rules *rules = &g->rules;
    rules->clients = 1 + (unsigned)gust_draw(g, GUST_CLIENTS);
    rules->servers = gust_draw(g, 2) == 0 ? 1 : 2 + (unsigned)gust_draw(g, GUST_SERVERS - 1);
    rules->keys = 2 + (unsigned)gust_draw(g, GUST_KEYS - 1);
    rules->moves = 12 + (unsigned)gust_draw(g, 60);
    rules->unproven = gust_draw(g, 10) == 0;
    rules->shares = gust_draw(g, 4) == 0;
    rules->merges = gust_draw(g, 3) != 0;
    rules->promises = gust_draw(g, 12) > 0;
    rules->early = gust_draw(g, 16) == 0;
    rules->slices = gust_draw(g, 4) == 0;
    rules->spares = spares_of(g);
}

static void set_option(ringcache_config *config, const char *option, const char *value)
{
    if (ringcache_config_set(config, option, value) != 0) {
        fail_msg("%s", ringcache_config_error(config));
    }
}

static void set_number(ringcache_config *config, const char *option, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    set_option(config, option, text);
}

static void draw_options(struct gust *g, ringcache_config *config)
{
    g->timeout_ms = 50 + (uint32_t)gust_draw(g, gust_draw(g, 4) == 0 ? 350 : 50);
    set_number(config, "points", 8);
    set_number(config, "timeout_ms", g->timeout_ms);
    set_number(config, "connect_timeout_ms", 50 + gust_draw(g, 200));
    set_number(config, "connections", 1 + gust_draw(g, 2));
    set_option(config, "integrity", gust_draw(g, 3) == 0 ? "strict" : "auto");
    set_option(config, "single_flight", g->rules.shares ? "yes" : "no");
    set_option(config, "merge_gets", g->rules.merges ? "yes" : "no");
    set_number(config, "journal_entries", g->rules.promises ? 1000 : gust_draw(g, 3));
    set_option(config, "failover", g->rules.spares > 0 ? "gutter" : "none");
    set_number(config, "failover_budget", 100);
}

static void add_server(struct gust *g, unsigned number, ringcache_config *config)
{
    struct gust_server *server = &g->servers[number];
    uint16_t port = (uint16_t)(FIRST_PORT + number);
    uint64_t kind = gust_draw(g, 5);
    char uri[64];
    bool spare = number + g->rules.spares >= g->rules.servers;
    *server = (struct gust_server){
        .redis = kind < 2, .refuses = kind == 0 && !spare, .classic = kind == 2};
    snprintf(uri, sizeof uri, "%s://" ADDRESS ":%u%s", server->redis ? "redis" : "memcached", port,
        spare ? "?pool=gutter" : "");
    set_option(config, "server", uri);
    server->sim =
        sim_server_add(g->sim, ADDRESS, port, server->redis ? ENGINE_REDIS : ENGINE_MEMCACHED);
    if (server->classic) {
        engine_set_version(sim_server_engine(server->sim), "1.5.6");
    }
}

/* Every client's ring is the same, and stays. */
static void find_owners(struct gust *g)
{
    ringcache_ring *ring = ringcache_client_ring(g->clients[0].client);
    for (unsigned i = 0; i < g->rules.keys; i++) {
        struct gust_key *key = &g->keys[i];
        size_t index = ringcache_ring_locate(ring, key->name, strlen(key->name));
        const char *name = ringcache_ring_server_name(ring, index);
        key->owner = (size_t)(strtoul(strrchr(name, ':') + 1, NULL, 10) - FIRST_PORT);
    }
    ringcache_ring_unref(ring);
}

static void begin(struct gust *g, uint64_t seed)
{
    ringcache_config *config;
    memset(g, 0, sizeof *g);
    struct sim_options options = sim_options(seed);
    g->sim = sim_new(&options);
    g->seed = g->random = seed;
    g->tells = getenv("GUST_TELL") != NULL;
    draw_rules(g);
    assert_int_equal(ringcache_config_new(&config), 0);
    for (unsigned i = 0; i < g->rules.servers; i++) {
        add_server(g, i, config);
    }
    draw_options(g, config);
    for (unsigned i = 0; i < g->rules.clients; i++) {
        gust_client_begin(g, i, config);
    }
    ringcache_config_free(config);
    gust_model_begin(g);
    find_owners(g);
}

/* ---- moves ---- */

static void slice(struct gust *g)
{
    struct sim_options *options = sim_settings(g->sim);
    options->segment_bytes = 1 + gust_draw(g, 30);
    options->segment_gap_us = gust_draw(g, 30);
    options->write_bytes = gust_draw(g, 2) == 0 ? 0 : 1 + gust_draw(g, 60);
    options->jitter_us = gust_draw(g, 3000);
}

/* A step from event to event may else be one of minutes. */
static bool is_soon(const struct sim *sim)
{
    return sim->event_count > 0 && sim->events[0].at_us <= sim->now_us + 1000 * PAUSE_MAX_MS;
}

/* Faults strike between any two events, also within a millisecond. */
static void pass_time(struct gust *g)
{
    uint64_t dice = gust_draw(g, 16);
    if (dice < 5) {
        for (uint64_t steps = gust_draw(g, STEPS_MAX); steps > 0 && is_soon(g->sim); steps--) {
            (void)sim_step(g->sim);
        }
    } else if (dice < 10) {
        sim_run_for(g->sim, gust_draw(g, PAUSE_MAX_MS));
    } else if (dice < 12) {
        sim_run_for(
            g->sim, gust_draw(g, g->rules.unproven ? UNPROVEN_PAUSE_MAX_MS : LONG_PAUSE_MAX_MS));
    }
}

static void move(struct gust *g)
{
    uint64_t dice = gust_draw(g, 32);
    if (dice < 5) {
        gust_fault(g);
    } else if (dice < 8) {
        gust_heal(g, &g->servers[gust_draw(g, g->rules.servers)]);
    } else if (dice < 9) {
        gust_cancel_any(g);
    } else {
        gust_ask_any(g);
    }
    pass_time(g);
}

static void blow(struct gust *g)
{
    unsigned leaves = g->rules.early ? (unsigned)gust_draw(g, g->rules.moves) : g->rules.moves;
    if (g->rules.slices) {
        slice(g);
    }
    for (unsigned i = 0; i < g->rules.moves; i++) {
        if (i == leaves) {
            gust_client_close(&g->clients[g->rules.clients - 1]);
        }
        move(g);
    }
}

/* ---- calm ---- */

/* Every client asks for every key; whether all answers were good. */
static bool read_all(struct gust *g)
{
    bool good = true;
    uint64_t before[GUST_CLIENTS];
    for (unsigned i = 0; i < g->rules.clients; i++) {
        before[i] = g->clients[i].succeeded;
        for (unsigned k = 0; k < g->rules.keys && !g->clients[i].closing; k++) {
            gust_ask(&g->clients[i], &g->keys[k], RINGCACHE_GET);
        }
    }
    sim_run_for(g->sim, ROUND_MS);
    for (unsigned i = 0; i < g->rules.clients; i++) {
        bool whole = g->clients[i].succeeded == before[i] + g->rules.keys;
        good = good && (whole || g->clients[i].closing);
    }
    return good;
}

static void write_all(struct gust *g)
{
    for (unsigned k = 0; k < g->rules.keys; k++) {
        struct gust_client *c = &g->clients[gust_draw(g, g->rules.clients)];
        if (!c->closing) {
            gust_ask(c, &g->keys[k], RINGCACHE_SET);
            sim_run_for(g->sim, 2);
            if (g->keys[k].writes[g->keys[k].written].fate != GUST_DONE) {
                gust_fail(g, "a write fails after the faults' end", g->keys[k].name);
            }
        }
    }
}

static void expect_nothing_held(const struct gust_client *c)
{
    const struct gust *g = c->gust;
    for (unsigned i = 0; i < g->rules.servers && !c->closing; i++) {
        const struct rc_server *server = c->client->table->all[i];
        if (server->journal.count > 0) {
            gust_fail(g, "the journal was not made good", server->backend.name);
        }
    }
    if (!c->closing && c->client->env.budget.used > 0) {
        gust_fail(g, "bytes are held by nobody", "");
    }
}

/* A Redis whose journal was too small waits until somebody says how it comes back. */
static void readmit_all(struct gust *g)
{
    for (unsigned i = 0; i < g->rules.clients; i++) {
        ringcache_client *client = g->clients[i].client;
        for (unsigned n = 0; n < g->rules.servers && !g->clients[i].closing; n++) {
            const char *name = client->table->all[n]->backend.name;
            (void)ringcache_server_readmit(client, name, RINGCACHE_READMIT_AS_IT_IS);
        }
    }
}

/* Where spares stand in, requests succeed without their owners; and while keys are in doubt, which
 * takes memory, reads do. */
static bool all_settled(const struct gust *g)
{
    bool all = true;
    for (unsigned i = 0; i < g->rules.clients; i++) {
        const struct gust_client *c = &g->clients[i];
        for (unsigned n = 0; n < g->rules.servers && !c->closing; n++) {
            const struct rc_server *server = c->client->table->all[n];
            all = all && rc_server_available(server) && rc_list_empty(&server->old);
        }
    }
    return all;
}

static void calm_down(struct gust *g)
{
    g->calm = true;
    gust_heal_all(g);
    sim_run_for(g->sim, ROUND_MS); /* what is under way ends */
    uint64_t limit_ms = sim_now_ms(g->sim) + (g->rules.unproven ? UNPROVEN_CALM_MS : CALM_MS);
    while (!read_all(g) || !all_settled(g)) {
        if (sim_now_ms(g->sim) > limit_ms) {
            gust_fail(g, "not every request succeeds after the faults' end", "");
        }
        if (!g->rules.promises) {
            readmit_all(g);
        }
        sim_run_for(g->sim, g->rules.unproven ? 10 * ROUND_MS : 0);
    }
    write_all(g);
    if (!read_all(g)) {
        gust_fail(g, "what succeeded does no longer", "");
    }
    for (unsigned i = 0; i < g->rules.clients; i++) {
        expect_nothing_held(&g->clients[i]);
    }
    for (unsigned k = 0; k < g->rules.keys; k++) {
        gust_check_store(g, &g->keys[k]);
    }
}

static void end(struct gust *g)
{
    for (unsigned i = 0; i < g->rules.clients; i++) {
        if (!g->clients[i].closing) {
            gust_client_close(&g->clients[i]);
        }
    }
    assert_true(sim_run_idle(g->sim, 5000));
    for (unsigned i = 0; i < g->rules.clients; i++) {
        gust_client_check_end(&g->clients[i]);
    }
    sim_free(g->sim);
}

struct gust_result gust_run(uint64_t seed)
{
    struct gust g;
    begin(&g, seed);
    blow(&g);
    calm_down(&g);
    struct gust_result result = {.trace = sim_trace_hash(g.sim)};
    for (unsigned i = 0; i < g.rules.clients; i++) {
        result.requests += g.clients[i].accepted;
    }
    end(&g);
    return result;
}

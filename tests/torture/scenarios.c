/* SPDX-License-Identifier: MIT */
#include "scenarios.h"

#include "asks.h"
#include "ringcache/shared.h"

#define BASIC "timeout_ms", "100"

/* A little of everything that reads and writes. */
static void ask_mixed(struct life *life)
{
    static const ringcache_op ops[] = {
        RINGCACHE_SET, RINGCACHE_GET, RINGCACHE_APPEND, RINGCACHE_DELETE};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        ask_operation(life, ops[i], (unsigned)i);
        ask_operation(life, ops[i], (unsigned)i + 1);
    }
    ask_operation(life, RINGCACHE_INCREMENT, 0);
    ask_many(life);
}

static void ask_once(struct life *life)
{
    ask_operation(life, RINGCACHE_GET, 0);
}

static void ask_classic(struct life *life)
{
    ask_operations(life);
    ask_many(life);
}

static void ask_flights(struct life *life)
{
    ask_fetch(life);
    ask_update(life);
}

/* ---- what happens ---- */

/* They may wait for their connection, or hear at once that they are too large. */
static void go_too_large(struct life *life)
{
    ask_too_large(life);
    life_run(life, 20);
    ask_too_large(life);
    life_run(life, 20);
}

static void go_canceled(struct life *life)
{
    ask_canceled(life);
    life_run(life, 20);
    ask_mixed(life);
    ask_canceled(life);
    life_run(life, 20);
}

/* More than there is room for; who was told so hears when there is room again. */
static void go_room(struct life *life)
{
    for (unsigned round = 0; round < 4; round++) {
        ask_mixed(life);
        life_run(life, 5);
    }
}

static const char deep_reply[] =
    "*2\r\n$1\r\na\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*2\r\n*1\r\n:9\r\n$2\r\nbc\r\n";

static void go_raw(struct life *life)
{
    engine_answer_next(sim_server_engine(life->redis), "mget", 1000, deep_reply);
    ask_raw(life);
    life_run(life, 20);
    ask_raw(life);
    life_run(life, 200);
}

/* One that takes any password. */
static const char third[] = "memcached://user:secret@10.0.0.3:11211?name=third";

/* The third is greeted otherwise. */
static void change_password(struct life *life)
{
    ringcache_config *config;
    if (life_config(life, &config) == 0) {
        if (life_did(life, ringcache_config_add_server(
                               config, "memcached://user:other@10.0.0.3:11211?name=third"))) {
            life_did(life, ringcache_servers_replace(life->client, config));
        }
        ringcache_config_free(config);
    }
    ask_mixed(life);
    life_run(life, 20);
}

static void go_membership(struct life *life)
{
    sim_server_add(life->sim, "10.0.0.3", 11211, ENGINE_MEMCACHED);
    ask_mixed(life);
    bool added = life_did(life, ringcache_server_add(life->client, third));
    ask_mixed(life);
    life_run(life, 20);
    if (added) {
        life_did(life, ringcache_server_weight(life->client, "third", 2));
        change_password(life);
        life_did(life, ringcache_server_remove(life->client, "third"));
    }
    ringcache_config *config;
    if (life_config(life, &config) == 0) {
        life_did(life, ringcache_servers_replace(life->client, config));
        ringcache_config_free(config);
    }
    ask_mixed(life);
    life_run(life, 300);
}

/* Few servers of many points: the ring is large enough to be built aside. */
static void go_growth(struct life *life)
{
    sim_server_add(life->sim, "10.0.0.3", 11211, ENGINE_MEMCACHED);
    if (life_did(life, ringcache_server_add(life->client, third))) {
        life_did(life, ringcache_server_remove(life->client, "third"));
    }
    ask_mixed(life);
    life_run(life, 50);
}

static void go_outage(struct life *life)
{
    life->scenario->ask(life);
    life_run(life, 20);
    sim_server_kill(life->memcached);
    life->scenario->ask(life);
    life_run(life, 50);
    sim_server_restart(life->memcached, true);
    life_run(life, 300);
    life->scenario->ask(life);
    life_run(life, 100);
}

/* A spare serves while an owner is out; then its ring changes, and it goes. */
static void go_spares(struct life *life)
{
    life->scenario->ask(life);
    life_run(life, 20);
    sim_server_kill(life->memcached);
    life->scenario->ask(life);
    life_run(life, 50);
    life->scenario->ask(life);
    life_run(life, 50);
    life_did(life, ringcache_server_weight(life->client, "spare", 2));
    sim_server_restart(life->memcached, true);
    life_run(life, 300);
    life_did(life, ringcache_server_remove(life->client, "spare"));
    life->scenario->ask(life);
    life_run(life, 100);
}

/* What is lost is told, be anybody there or not. */
static void go_shared(struct life *life)
{
    ringcache_shared *shared = NULL;
    if (life_did(life, ringcache_shared_new(&shared))) {
        life_did(life, ringcache_client_share(life->client, shared));
        ringcache_shared_free(shared);
    }
    go_outage(life);
}

static void go_overtaken(struct life *life)
{
    sim_server_pause_accept(life->memcached, true);
    sim_server_pause_accept(life->redis, true);
    life->scenario->ask(life);
    life_run(life, 30);
    sim_server_pause_accept(life->memcached, false);
    sim_server_pause_accept(life->redis, false);
    life_run(life, 200);
}

static void go_silence(struct life *life)
{
    life->scenario->ask(life);
    life_run(life, 20);
    sim_server_stop(life->redis);
    life->scenario->ask(life);
    life_run(life, 400);
    sim_server_continue(life->redis);
    life_run(life, 500);
    life->scenario->ask(life);
    life_run(life, 100);
}

/* A Redis that loads stays connected to and is asked by PING; one that is a replica is connected to
 * anew, under requests. */
static void go_not_now(struct life *life)
{
    struct engine *redis = sim_server_engine(life->redis);
    engine_set_mood(redis, ENGINE_LOADING);
    ask_mixed(life);
    life_run(life, 250);
    engine_set_mood(redis, ENGINE_SERVES);
    life_run(life, 500);
    engine_set_mood(redis, ENGINE_REPLICA);
    sim_server_slow(life->redis, 2000);
    ask_mixed(life);
    life_run(life, 6);
    ask_mixed(life);
    life_run(life, 40);
    sim_server_slow(life->redis, 0);
    engine_set_mood(redis, ENGINE_SERVES);
}

static void inject_into(struct sim_server *server)
{
    uint64_t connection = sim_server_newest(server);
    if (connection != 0) {
        sim_inject(server, connection, rc_slice_text("what nobody asked for\r\n"));
    }
}

/* Connections that are not in step are given up, with writes on them unanswered. */
static void go_out_of_step(struct life *life)
{
    ask_mixed(life);
    life_run(life, 20);
    sim_server_slow(life->redis, 5000);
    sim_server_slow(life->memcached, 5000);
    ask_mixed(life);
    life_run(life, 2);
    inject_into(life->redis);
    inject_into(life->memcached);
    life_run(life, 100);
    sim_server_slow(life->redis, 0);
    sim_server_slow(life->memcached, 0);
}

/* Connections end while the kernels take no more: what never left goes on the next ones. */
static void go_unsent(struct life *life)
{
    struct sim_options *net = sim_settings(life->sim);
    const size_t room = net->send_bytes;
    struct sim_server *const servers[] = {life->memcached, life->redis};
    net->send_bytes = net->receive_bytes = 64;
    ask_mixed(life);
    life_run(life, 20);
    sim_server_stop(servers[0]);
    sim_server_stop(servers[1]);
    ask_mixed(life);
    ask_large(life);
    life_run(life, 2);
    net->send_bytes = net->receive_bytes = room;
    for (size_t i = 0; i < 2; i++) {
        uint64_t connection = sim_server_newest(servers[i]);
        sim_server_continue(servers[i]);
        if (connection != 0) {
            sim_end(servers[i], connection, SIM_RST);
        }
    }
    life_run(life, 200);
}

/* The server answers, and a connection with unanswered writes does not, for a while. */
static void go_doubt(struct life *life)
{
    ask_mixed(life);
    life_run(life, 20);
    uint64_t connection = sim_server_newest(life->memcached);
    if (connection != 0) {
        sim_stall(life->memcached, connection, true);
    }
    ask_mixed(life);
    life_run(life, 500);
    ask_mixed(life);
    ask_flights(life);
    life_run(life, 50);
    if (connection != 0 && sim_server_holds(life->memcached, connection)) {
        sim_stall(life->memcached, connection, false);
    }
    life_run(life, 300);
}

/* Gets that leave together: in the way of their first values, and on a connection that ends. */
static void go_gets(struct life *life)
{
    ask_gets(life);
    life_run(life, 20);
    ask_gets(life);
    uint64_t connection = sim_server_newest(life->memcached);
    life_run(life, 1);
    if (connection != 0 && sim_server_holds(life->memcached, connection)) {
        sim_end(life->memcached, connection, SIM_RST);
    }
    life_run(life, 300);
}

static void go_gets_unsent(struct life *life)
{
    struct sim_options *net = sim_settings(life->sim);
    const size_t room = net->send_bytes;
    struct sim_server *const servers[] = {life->memcached, life->redis};
    ask_gets(life);
    life_run(life, 20);
    net->send_bytes = net->receive_bytes = 64;
    sim_server_stop(servers[0]);
    sim_server_stop(servers[1]);
    ask_gets(life);
    life_run(life, 2);
    net->send_bytes = net->receive_bytes = room;
    for (size_t i = 0; i < 2; i++) {
        uint64_t connection = sim_server_newest(servers[i]);
        sim_server_continue(servers[i]);
        if (connection != 0) {
            sim_end(servers[i], connection, SIM_RST);
        }
    }
    life_run(life, 200);
}

const struct scenario life_scenarios[] = {
    {.name = "operations", .options = {BASIC}, .ask = ask_operations},
    {.name = "strict", .options = {BASIC, "integrity", "strict"}, .ask = ask_operations},
    {.name = "lanes", .options = {BASIC, "connections", "2"}, .ask = ask_operations},
    {.name = "namespace", .options = {BASIC, "namespace", "n:"}, .ask = ask_mixed},
    {.name = "classic", .options = {BASIC}, .memcached = "1.4.39", .ask = ask_classic},
    {.name = "lent", .options = {BASIC}, .ask = ask_large},
    {.name = "huge",
        .options = {BASIC, "max_value_bytes", "2097152"},
        .redis_alone = true,
        .ask = ask_huge},
    {.name = "too large", .options = {BASIC}, .ask = ask_once, .go = go_too_large},
    {.name = "canceled", .options = {BASIC}, .ask = ask_once, .go = go_canceled},
    {.name = "many", .options = {BASIC}, .ask = ask_many},
    {.name = "many empty", .options = {BASIC}, .ask = ask_many_empty},
    {.name = "gets", .options = {BASIC}, .outages = true, .ask = ask_gets, .go = go_gets},
    {.name = "gets unsent",
        .options = {BASIC},
        .outages = true,
        .ask = ask_gets,
        .go = go_gets_unsent},
    {.name = "raw", .options = {BASIC}, .redis_alone = true, .ask = ask_raw, .go = go_raw},
    {.name = "fetch", .options = {BASIC}, .ask = ask_fetch},
    {.name = "leases", .options = {BASIC, "leases", "yes"}, .ask = ask_fetch},
    {.name = "single flight", .options = {BASIC, "single_flight", "yes"}, .ask = ask_twice},
    {.name = "update", .options = {BASIC}, .ask = ask_update},
    {.name = "lock", .options = {BASIC}, .ask = ask_lock},
    {.name = "servers", .options = {BASIC}, .ask = ask_servers},
    {.name = "listing", .options = {BASIC, "namespace", "n:"}, .ask = ask_listings},
    {.name = "post", .options = {BASIC}, .ask = ask_posted},
    {.name = "figures", .options = {BASIC}, .ask = ask_figures},
    {.name = "room", .options = {BASIC, "max_inflight", "1"}, .ask = ask_once, .go = go_room},
    {.name = "membership", .options = {BASIC}, .ask = ask_mixed, .go = go_membership},
    {.name = "growth", .options = {BASIC, "points", "33000"}, .ask = ask_mixed, .go = go_growth},
    {.name = "outage",
        .options = {BASIC, "connections", "2"},
        .outages = true,
        .ask = ask_mixed,
        .go = go_outage},
    {.name = "overflow",
        .options = {BASIC, "connections", "2", "journal_entries", "1"},
        .outages = true,
        .ask = ask_mixed,
        .go = go_outage},
    {.name = "overflow and flush",
        .options = {BASIC, "journal_entries", "1", "on_overflow", "flush"},
        .outages = true,
        .ask = ask_mixed,
        .go = go_silence},
    {.name = "later writes end first",
        .options = {BASIC},
        .outages = true,
        .ask = ask_overtaken,
        .go = go_overtaken},
    {.name = "outage under flights",
        .options = {BASIC, "leases", "yes", "namespace", "n:"},
        .outages = true,
        .ask = ask_flights,
        .go = go_outage},
    {.name = "shared", .options = {BASIC}, .outages = true, .ask = ask_mixed, .go = go_shared},
    {.name = "silence",
        .options = {BASIC, "connections", "2", "integrity", "strict"},
        .outages = true,
        .ask = ask_mixed,
        .go = go_silence},
    {.name = "silence under flights",
        .options = {BASIC, "leases", "yes", "single_flight", "yes"},
        .outages = true,
        .ask = ask_flights,
        .go = go_silence},
    {.name = "failover",
        .options = {BASIC, "failover", "remap", "failover_budget", "100"},
        .outages = true,
        .ask = ask_mixed,
        .go = go_outage},
    {.name = "failover under flights",
        .options = {BASIC, "failover", "remap", "leases", "yes", "single_flight", "yes"},
        .outages = true,
        .ask = ask_flights,
        .go = go_silence},
    {.name = "spares",
        .options = {BASIC, "failover", "gutter", "failover_budget", "100", "server",
            "redis://user:secret@10.0.0.2:6379/1?name=spare&pool=gutter"},
        .outages = true,
        .ask = ask_mixed,
        .go = go_spares},
    {.name = "not now", .options = {BASIC}, .outages = true, .ask = ask_mixed, .go = go_not_now},
    {.name = "out of step",
        .options = {BASIC},
        .outages = true,
        .ask = ask_mixed,
        .go = go_out_of_step},
    {.name = "unsent", .options = {BASIC}, .outages = true, .ask = ask_mixed, .go = go_unsent},
    {.name = "doubt",
        .options = {BASIC, "fence_limit_ms", "100"},
        .outages = true,
        .ask = ask_mixed,
        .go = go_doubt},
    {.name = NULL},
};

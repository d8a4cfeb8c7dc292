/* SPDX-License-Identifier: MIT */
/* Fetches of one key by many clients, as of so many processes: with leases one of them loads. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "ringcache/fetch.h"

enum { PEERS = 1000, LEASE_MS = 3000 };

struct peer {
    struct crowd *crowd;
    struct sim_client *host;
    ringcache_client *client;
    unsigned answered, closed;
    int status;
    uint32_t marks;
    char value[16];
};

/* Clients of one server. */
struct crowd {
    struct sim *sim;
    struct sim_server *server;
    size_t count;
    struct peer peers[PEERS];
    ringcache_load *loads[8];
    size_t begun;
};

static void transport_stays(struct rc_transport *transport)
{
    (void)transport; /* the simulator frees it */
}

static void begin_peer(struct crowd *crowd, struct peer *peer, const ringcache_config *config)
{
    peer->crowd = crowd;
    peer->host = sim_client_new(crowd->sim);
    assert_int_equal(
        rc_client_new(&peer->client, sim_client_transport(peer->host), transport_stays, config), 0);
}

static struct crowd *begin(enum engine_kind kind, size_t count)
{
    ringcache_config *config;
    struct crowd *crowd = calloc(1, sizeof *crowd);
    assert_non_null(crowd);
    struct sim_options options = sim_options(71);
    options.start_ms = 1000000;
    options.wall_s = 1700000000;
    crowd->sim = sim_new(&options);
    crowd->server = sim_server_add(crowd->sim, "10.0.0.1", 11000, kind);
    crowd->count = count;
    bool redis = kind == ENGINE_REDIS;
    assert_int_equal(ringcache_config_new(&config), 0);
    assert_int_equal(ringcache_config_add_server(
                         config, redis ? "redis://10.0.0.1:11000" : "memcached://10.0.0.1:11000"),
        0);
    assert_int_equal(ringcache_config_set(config, "leases", "yes"), 0);
    for (size_t i = 0; i < count; i++) {
        begin_peer(crowd, &crowd->peers[i], config);
    }
    ringcache_config_free(config);
    return crowd;
}

static void on_close(ringcache_client *client, void *user)
{
    struct peer *peer = user;
    assert_ptr_equal(client, peer->client);
    peer->closed++;
}

static void end(struct crowd *crowd)
{
    for (size_t i = 0; i < crowd->count; i++) {
        if (crowd->peers[i].closed == 0) {
            ringcache_client_close(crowd->peers[i].client, on_close, &crowd->peers[i]);
        }
    }
    assert_true(sim_run_idle(crowd->sim, 5000));
    for (size_t i = 0; i < crowd->count; i++) {
        assert_int_equal(crowd->peers[i].closed, 1);
        assert_int_equal(sim_client_streams(crowd->peers[i].host), 0);
    }
    sim_free(crowd->sim);
    free(crowd);
}

static void loader(ringcache_client *client, ringcache_load *load, void *user)
{
    struct peer *peer = user;
    struct crowd *crowd = peer->crowd;
    assert_ptr_equal(client, peer->client);
    assert_true(crowd->begun < sizeof crowd->loads / sizeof *crowd->loads);
    crowd->loads[crowd->begun++] = load;
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct peer *peer = user;
    assert_ptr_equal(client, peer->client);
    peer->answered++;
    peer->status = reply->status;
    peer->marks = reply->marks;
    snprintf(peer->value, sizeof peer->value, "%.*s", (int)reply->value.len,
        reply->value.len > 0 ? (const char *)reply->value.data : "");
}

static void fetch(struct peer *peer, uint32_t stale_ms)
{
    const ringcache_fetch_request request = {
        .key = {"k", 1},
        .loader = loader,
        .timeout_ms = 20000,
        .lease_ms = LEASE_MS,
        .stale_ms = stale_ms,
    };
    peer->answered = 0;
    assert_int_equal(ringcache_fetch(peer->client, &request, on_reply, peer, NULL), 0);
}

static void remove_key(struct peer *peer)
{
    peer->answered = 0;
    assert_int_equal(ringcache_delete(peer->client, "k", 1, on_reply, peer), 0);
}

static void run_for(struct crowd *crowd, uint64_t ms)
{
    sim_run_for(crowd->sim, ms);
}

static void done(struct crowd *crowd, size_t load, const char *value)
{
    ringcache_load_done(crowd->loads[load], value, strlen(value), 60000);
}

static void assert_got(const struct peer *peer, const char *value, uint32_t marks)
{
    assert_int_equal(peer->answered, 1);
    assert_int_equal(peer->status, RINGCACHE_OK);
    assert_string_equal(peer->value, value);
    assert_int_equal(peer->marks, marks);
}

static void on_both(void (*scenario)(enum engine_kind kind))
{
    print_message("  on memcached\n");
    scenario(ENGINE_MEMCACHED);
    print_message("  on redis\n");
    scenario(ENGINE_REDIS);
}

static void one_loads(enum engine_kind kind)
{
    struct crowd *crowd = begin(kind, PEERS);
    size_t won = 0;
    for (size_t i = 0; i < PEERS; i++) {
        fetch(&crowd->peers[i], 0);
    }
    run_for(crowd, 500);
    assert_int_equal(crowd->begun, 1);
    done(crowd, 0, "v1");
    run_for(crowd, 500);
    for (size_t i = 0; i < PEERS; i++) {
        assert_got(&crowd->peers[i], "v1", crowd->peers[i].marks & RINGCACHE_WON);
        won += crowd->peers[i].marks == RINGCACHE_WON;
    }
    assert_int_equal(won, 1);
    assert_int_equal(crowd->begun, 1);
    end(crowd);
}

static void of_a_thousand_clients_one_loads(void **state)
{
    (void)state;
    on_both(one_loads);
}

static void takes_over(enum engine_kind kind)
{
    struct crowd *crowd = begin(kind, 3);
    fetch(&crowd->peers[0], 0);
    run_for(crowd, 20);
    fetch(&crowd->peers[1], 0);
    fetch(&crowd->peers[2], 0);
    run_for(crowd, 20);
    ringcache_client_close(crowd->peers[0].client, on_close, &crowd->peers[0]);
    run_for(crowd, LEASE_MS - 200);
    assert_int_equal(crowd->begun, 1);
    run_for(crowd, 1400);
    assert_int_equal(crowd->begun, 2);
    done(crowd, 1, "v2");
    run_for(crowd, 300);
    assert_string_equal(crowd->peers[1].value, "v2");
    assert_string_equal(crowd->peers[2].value, "v2");
    assert_int_equal(crowd->begun, 2);
    ringcache_load *late = crowd->loads[0];
    end(crowd);
    ringcache_load_done(late, "late", 4, 0);
}

static void is_refused_after(enum engine_kind kind)
{
    struct crowd *crowd = begin(kind, 3);
    fetch(&crowd->peers[0], 0);
    run_for(crowd, 20);
    assert_int_equal(crowd->begun, 1); /* it has read what was true before … */
    remove_key(&crowd->peers[1]);      /* … this, and must not store it */
    run_for(crowd, 20);
    done(crowd, 0, "old");
    run_for(crowd, 20);
    assert_got(&crowd->peers[0], "old", RINGCACHE_WON);
    fetch(&crowd->peers[2], 0);
    run_for(crowd, 20);
    assert_int_equal(crowd->begun, 2);
    done(crowd, 1, "new");
    run_for(crowd, 20);
    assert_got(&crowd->peers[2], "new", RINGCACHE_WON);
    fetch(&crowd->peers[0], 0);
    run_for(crowd, 20);
    assert_got(&crowd->peers[0], "new", 0);
    end(crowd);
}

static void what_another_client_removed_is_not_brought_back(void **state)
{
    (void)state;
    on_both(is_refused_after);
}

static void shares_what_is_stale(enum engine_kind kind)
{
    struct crowd *crowd = begin(kind, 20);
    engine_put(sim_server_engine(crowd->server), 0, "k", rc_slice_text("v1"), 5000);
    size_t won = 0;
    for (size_t i = 0; i < crowd->count; i++) {
        fetch(&crowd->peers[i], 20000);
    }
    run_for(crowd, 20);
    for (size_t i = 0; i < crowd->count; i++) {
        bool first = (crowd->peers[i].marks & RINGCACHE_WON) != 0;
        won += first;
        assert_got(&crowd->peers[i], "v1",
            RINGCACHE_STALE | (uint32_t)(first ? RINGCACHE_WON : RINGCACHE_FILLING));
    }
    assert_int_equal(won, 1);
    assert_int_equal(crowd->begun, 1);
    done(crowd, 0, "v2");
    run_for(crowd, 20);
    for (size_t i = 0; i < crowd->count; i++) {
        fetch(&crowd->peers[i], 20000);
    }
    run_for(crowd, 20);
    for (size_t i = 0; i < crowd->count; i++) {
        assert_got(&crowd->peers[i], "v2", 0);
    }
    end(crowd);
}

static void a_stale_value_is_given_to_all_and_made_anew_by_one(void **state)
{
    (void)state;
    on_both(shares_what_is_stale);
}

static void gives_back(enum engine_kind kind)
{
    struct crowd *crowd = begin(kind, 2);
    fetch(&crowd->peers[0], 0);
    run_for(crowd, 20);
    fetch(&crowd->peers[1], 0);
    run_for(crowd, 20);
    ringcache_load_failed(crowd->loads[0], RINGCACHE_ESERVER, "no database");
    run_for(crowd, 200); /* at its next try */
    assert_int_equal(crowd->peers[0].status, RINGCACHE_ESERVER);
    assert_int_equal(crowd->begun, 2);
    done(crowd, 1, "v1");
    run_for(crowd, 20);
    assert_got(&crowd->peers[1], "v1", RINGCACHE_WON);
    end(crowd);
}

static void who_fails_lets_another_try_at_once(void **state)
{
    (void)state;
    on_both(gives_back);
}

static void who_vanishes_is_replaced_when_the_lease_ends(void **state)
{
    (void)state;
    on_both(takes_over);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_thousand_clients_one_loads),
        cmocka_unit_test(what_another_client_removed_is_not_brought_back),
        cmocka_unit_test(a_stale_value_is_given_to_all_and_made_anew_by_one),
        cmocka_unit_test(who_fails_lets_another_try_at_once),
        cmocka_unit_test(who_vanishes_is_replaced_when_the_lease_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

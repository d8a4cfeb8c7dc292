/* SPDX-License-Identifier: MIT */
/* Five hundred clients lose the same server in the same moment: it is not they who keep it down. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

enum { CLIENTS = 500, RETURN_MS = 1100, MOST_MS = 30000 + RETURN_MS };

struct peer {
    struct sim_client *host;
    ringcache_client *client;
    unsigned up, closed;
};

struct herd {
    struct sim *sim;
    struct sim_server *server;
    struct peer peers[CLIENTS];
    size_t lasted_ms;           /* from when they lost it until the last was back */
    uint64_t connects[MOST_MS]; /* in each millisecond of that */
};

static void transport_stays(struct rc_transport *transport)
{
    (void)transport; /* the simulator frees it */
}

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    struct peer *peer = user;
    assert_ptr_equal(client, peer->client);
    peer->up += event->type == RINGCACHE_EVENT_UP;
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client;
    (void)user;
    assert_int_equal(reply->status, RINGCACHE_MISS);
}

static void on_close(ringcache_client *client, void *user)
{
    struct peer *peer = user;
    assert_ptr_equal(client, peer->client);
    peer->closed++;
}

/* All of them connected. */
static struct herd *begin(uint64_t seed)
{
    struct herd *herd = calloc(1, sizeof *herd);
    ringcache_config *config;
    assert_non_null(herd);
    struct sim_options options = sim_options(seed);
    options.start_ms = 1000000;
    options.wall_s = 1700000000;
    herd->sim = sim_new(&options);
    herd->server = sim_server_add(herd->sim, "10.0.0.1", 11000, ENGINE_MEMCACHED);
    assert_int_equal(ringcache_config_new(&config), 0);
    assert_int_equal(ringcache_config_add_server(config, "memcached://10.0.0.1:11000"), 0);
    for (size_t i = 0; i < CLIENTS; i++) {
        struct peer *peer = &herd->peers[i];
        peer->host = sim_client_new(herd->sim);
        assert_int_equal(
            rc_client_new(&peer->client, sim_client_transport(peer->host), transport_stays, config),
            0);
        ringcache_client_on_event(peer->client, on_event, peer);
        assert_int_equal(ringcache_get(peer->client, "k", 1, on_reply, NULL), 0);
    }
    ringcache_config_free(config);
    sim_run_for(herd->sim, 100);
    return herd;
}

static void end(struct herd *herd)
{
    for (size_t i = 0; i < CLIENTS; i++) {
        ringcache_client_close(herd->peers[i].client, on_close, &herd->peers[i]);
    }
    assert_true(sim_run_idle(herd->sim, 5000));
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(herd->peers[i].closed, 1);
    }
    sim_free(herd->sim);
    free(herd);
}

static size_t count_up(const struct herd *herd, unsigned times)
{
    size_t count = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        count += herd->peers[i].up >= times;
    }
    return count;
}

/* It ends all connections, and lets nobody in for so long. */
static void lose(struct herd *herd, size_t outage_ms)
{
    engine_set_max_sessions(sim_server_engine(herd->server), 0);
    sim_server_restart(herd->server, false);
    size_t ms = 0;
    for (; count_up(herd, 2) < CLIENTS; ms++) {
        assert_in_range(ms, 0, outage_ms + RETURN_MS - 1);
        if (ms == outage_ms) {
            assert_int_equal(count_up(herd, 2), 0);
            engine_set_max_sessions(sim_server_engine(herd->server), 1000000);
        }
        uint64_t before = sim_server_connects(herd->server);
        sim_run_for(herd->sim, 1);
        herd->connects[ms] = sim_server_connects(herd->server) - before;
    }
    herd->lasted_ms = ms;
}

static uint64_t sum(const struct herd *herd, size_t from, size_t to)
{
    uint64_t count = 0;
    for (size_t i = from; i < to; i++) {
        count += herd->connects[i];
    }
    return count;
}

/* Of the attempts from that millisecond on, the share in the busiest tenth of the time, in %. */
static unsigned busiest(const struct herd *herd, size_t from)
{
    size_t width = (herd->lasted_ms - from) / 10;
    uint64_t most = 0;
    for (size_t i = from; i + width <= herd->lasted_ms; i++) {
        uint64_t count = sum(herd, i, i + width);
        most = count > most ? count : most;
    }
    return (unsigned)(most * 100 / sum(herd, from, herd->lasted_ms));
}

static void clients_that_lose_a_server_together_come_back_apart(void **state)
{
    (void)state;
    static const size_t outages_ms[] = {1000, 5000, 30000};
    for (size_t i = 0; i < sizeof outages_ms / sizeof *outages_ms; i++) {
        /* Those of the clients are the numbers behind it. */
        for (uint64_t seed = 0; seed < 3 * CLIENTS; seed += CLIENTS) {
            struct herd *herd = begin(seed);
            assert_int_equal(count_up(herd, 1), CLIENTS);
            lose(herd, outages_ms[i]);
            const size_t back = outages_ms[i], all = sum(herd, 0, herd->lasted_ms);
            unsigned most = busiest(herd, 0), most_back = busiest(herd, back);
            print_message("  %zu ms, seed %u: %zu attempts, %u%% in the busiest tenth of the time; "
                          "of those that came back, %zu ms, %u%%\n",
                back, (unsigned)seed, all, most, herd->lasted_ms - back, most_back);
            assert_in_range(all, 5 * CLIENTS, (3 + back / 100) * CLIENTS);
            assert_in_range(most, 10, 20);
            assert_int_equal(sum(herd, back, herd->lasted_ms), CLIENTS); /* by one attempt each … */
            assert_in_range(most_back, 10, 20); /* … and not all at once */
            end(herd);
        }
    }
}

/* Begun, and not greeted since they lost it. */
static size_t count_in_the_making(const struct herd *herd)
{
    size_t streams = 0;
    for (size_t i = 0; i < CLIENTS; i++) {
        streams += sim_client_streams(herd->peers[i].host);
    }
    return streams - count_up(herd, 2);
}

static void clients_of_one_process_come_back_a_few_at_a_time(void **state)
{
    (void)state;
    struct herd *herd = begin(7);
    sim_settings(herd->sim)->latency_us = 5000;
    sim_server_restart(herd->server, false);
    sim_run_for(herd->sim, 6); /* they see it, and may dial at once */
    size_t most = 0, ms = 0;
    for (; count_up(herd, 2) < CLIENTS; ms++) {
        assert_in_range(ms, 0, 400); /* of some 30 for each */
        size_t now = count_in_the_making(herd);
        most = now > most ? now : most;
        sim_run_for(herd->sim, 1);
    }
    assert_int_equal(most, RC_HANDSHAKES_MAX);
    assert_int_equal(sim_server_connects(herd->server), 2 * CLIENTS);
    end(herd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_that_lose_a_server_together_come_back_apart),
        cmocka_unit_test(clients_of_one_process_come_back_a_few_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

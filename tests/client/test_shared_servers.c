/* SPDX-License-Identifier: MIT */
/* What a client hears of a peer's losses when it hardly takes part: it keeps no journal, asks for
 * nothing, or has let the server go. The first client is the scene's. */
#include "failover_scene.h"

#include <errno.h>
#include <stdio.h>

#include "client/shared.h"
#include "ringcache/server.h"

enum { MEMCACHED = 6, REDIS = 7, SOON_MS = 100, LONG_MS = 70000 };

struct other {
    struct world *world;
    ringcache_client *client;
    int status;
    char value[16];
    unsigned answered, closed, held, full;
};

static void transport_stays(struct rc_transport *transport)
{
    (void)transport; /* the simulator frees it */
}

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    (void)client;
    struct other *other = user;
    other->held += event->type == RINGCACHE_EVENT_HELD;
    other->full += event->type == RINGCACHE_EVENT_JOURNAL_FULL;
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client;
    struct other *other = user;
    other->status = reply->status;
    snprintf(other->value, sizeof other->value, "%.*s", (int)reply->value.len,
        (const char *)reply->value.data);
    other->answered++;
}

static void on_close(ringcache_client *client, void *user)
{
    (void)client;
    ((struct other *)user)->closed++;
}

/* A scene of `count` owners, and a second client of the same ring, with an option of its own. */
static struct scene begin(
    struct other *other, size_t kind, size_t count, const char *option, const char *value)
{
    struct scene s = plan_owners(&kinds[kind], count, count);
    begin_scene(&s);
    ringcache_config *config;
    ringcache_shared *shared;
    assert_int_equal(rc_config_copy(&config, s.world->config), 0);
    if (option != NULL) {
        assert_int_equal(ringcache_config_set(config, option, value), 0);
    }
    *other = (struct other){.world = s.world};
    struct sim_client *host = sim_client_new(s.world->sim);
    assert_int_equal(
        rc_client_new(&other->client, sim_client_transport(host), transport_stays, config), 0);
    ringcache_client_on_event(other->client, on_event, other);
    ringcache_config_free(config);
    assert_int_equal(ringcache_shared_new(&shared), 0);
    assert_int_equal(ringcache_client_share(s.world->client, shared), 0);
    assert_int_equal(ringcache_client_share(other->client, shared), 0);
    ringcache_shared_free(shared);
    return s;
}

static void end(struct scene *s, struct other *other)
{
    ringcache_client_close(other->client, on_close, other);
    world_run_for(s->world, SOON_MS);
    assert_int_equal(other->closed, 1);
    world_end(s->world);
}

static void read_as(struct other *other, const char *key)
{
    unsigned before = other->answered;
    assert_int_equal(ringcache_get(other->client, key, strlen(key), on_reply, other), 0);
    for (unsigned ms = 0; ms < 5000 && other->answered == before; ms++) {
        world_run_for(other->world, 1);
    }
    assert_int_equal(other->answered, before + 1);
}

static void expect(struct other *other, const char *key, const char *value)
{
    read_as(other, key);
    assert_int_equal(other->status, value != NULL ? RINGCACHE_OK : RINGCACHE_MISS);
    assert_string_equal(other->value, value != NULL ? value : "");
}

/* ---- no journal, or hardly one ---- */

/* Two servers refuse the first client in one turn. */
static void expect_no_outage(const char *journal_entries)
{
    struct other other;
    struct scene s = begin(&other, REDIS, 3, "journal_entries", journal_entries);
    char keys[3][32];
    for (size_t i = 0; i < 3; i++) {
        unsigned next = 0;
        world_key_of(s.world, name_of(i), "q", &next, keys[i]);
        assert_reply(set(&s, keys[i], "v"), RINGCACHE_OK);
        expect(&other, keys[i], "v");
    }
    sim_server_kill(s.servers[0]);
    sim_server_kill(s.servers[1]);
    until(&s, RINGCACHE_EVENT_DOWN, 2);
    assert_reply(set(&s, keys[0], "w"), RINGCACHE_EDOWN);
    world_run_for(s.world, 2000);
    expect(&other, keys[2], "v");
    assert_int_equal(other.held, 0);
    assert_int_equal(other.full, 0);
    end(&s, &other);
}

static void who_keeps_no_journal_misses_nothing(void **state)
{
    (void)state;
    expect_no_outage("0");
}

static void news_of_servers_take_no_room_from_those_of_keys(void **state)
{
    (void)state;
    expect_no_outage("1");
}

/* ---- idle ---- */

enum { OUTAGES = 3, LOST = 20, ENTRIES = 50 };

static void expect_no_pile(size_t kind, bool used)
{
    struct other other;
    char entries[8];
    snprintf(entries, sizeof entries, "%d", ENTRIES);
    struct scene s = begin(&other, kind, 1, "journal_entries", entries);
    assert_reply(set(&s, "keep", "v"), RINGCACHE_OK);
    if (used) {
        expect(&other, "keep", "v");
    }
    for (unsigned outage = 0; outage < OUTAGES; outage++) {
        take_out(&s, 0);
        for (unsigned i = 0; i < LOST; i++) {
            char key[16];
            snprintf(key, sizeof key, "o%uk%u", outage, i);
            assert_reply(set(&s, key, "v"), RINGCACHE_EDOWN);
        }
        take_back(&s, 0);
        world_run_for(s.world, LONG_MS);
        assert_int_equal(other.client->table->all[0]->journal.count, 0);
    }
    expect(&other, "keep", "v");
    assert_int_equal(other.full, 0);
    end(&s, &other);
}

static void what_an_idle_client_hears_of_does_not_pile_up(void **state)
{
    (void)state;
    for (size_t kind = MEMCACHED; kind <= REDIS; kind++) {
        expect_no_pile(kind, false);
        expect_no_pile(kind, true);
    }
}

/* ---- the server has left, or is leaving ---- */

/* The first client's key is "v0", which the second has read; then its connection ends, with a write
 * on it, and no other one is made: the write is in vain. */
static void lose_the_write(struct scene *s, uint64_t connection)
{
    sim_client_fail_connects(s->world->host, -ECONNREFUSED, 100000);
    sim_end(s->servers[0], connection, SIM_RST);
    world_run_for(s->world, 20);
    struct world_reply *lost = set(s, s->key, "v1");
    assert_true(lost->status < 0);
}

/* A Redis, since a memcached serves nothing from before it left anyway. */
static void expect_heard(bool gone)
{
    struct other other, keeper = {.answered = 0};
    struct scene s = begin(&other, REDIS, 1, NULL, NULL);
    assert_reply(set(&s, s.key, "v0"), RINGCACHE_OK);
    uint64_t connection = sim_server_newest(s.servers[0]);
    expect(&other, s.key, "v0");
    uint64_t others = sim_server_newest(s.servers[0]);
    if (!gone) { /* a request keeps it */
        sim_stall(s.servers[0], others, true);
        assert_int_equal(ringcache_get(other.client, "x", 1, on_reply, &keeper), 0);
    }
    assert_int_equal(ringcache_server_remove(other.client, name_of(0)), 0);
    world_run_for(s.world, 10);
    assert_int_equal(other.client->leaving, !gone);
    assert_int_equal(other.client->departures.count, gone);
    lose_the_write(&s, connection);
    assert_int_equal(other.client->departures.entries, gone);
    if (!gone) {
        sim_stall(s.servers[0], others, false);
    }
    assert_int_equal(ringcache_server_add(other.client, "redis://10.0.0.1:11000"), 0);
    expect(&other, s.key, NULL);
    end(&s, &other);
}

static void a_server_that_left_joins_again_without_what_a_peer_was_to_replace(void **state)
{
    (void)state;
    expect_heard(true);
}

static void so_does_one_that_is_leaving(void **state)
{
    (void)state;
    expect_heard(false);
}

/* As if its own journal had been too small. */
static void what_was_missed_is_missed_of_servers_that_left_too(void **state)
{
    (void)state;
    struct other other;
    struct scene s = begin(&other, REDIS, 1, "journal_entries", "3");
    assert_reply(set(&s, s.key, "v0"), RINGCACHE_OK);
    uint64_t connection = sim_server_newest(s.servers[0]);
    expect(&other, s.key, "v0");
    assert_int_equal(ringcache_server_remove(other.client, name_of(0)), 0);
    world_run_for(s.world, 10);
    assert_int_equal(other.client->departures.count, 1);
    lose_the_write(&s, connection);
    for (unsigned i = 0; i < 5; i++) { /* in one turn */
        world_set(s.world, s.key, "v1");
    }
    world_run_for(s.world, 10);
    assert_int_equal(ringcache_server_add(other.client, "redis://10.0.0.1:11000"), 0);
    read_as(&other, s.key);
    world_run_for(s.world, SOON_MS);
    assert_int_equal(other.held, 1);
    end(&s, &other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_keeps_no_journal_misses_nothing),
        cmocka_unit_test(news_of_servers_take_no_room_from_those_of_keys),
        cmocka_unit_test(what_an_idle_client_hears_of_does_not_pile_up),
        cmocka_unit_test(a_server_that_left_joins_again_without_what_a_peer_was_to_replace),
        cmocka_unit_test(so_does_one_that_is_leaving),
        cmocka_unit_test(what_was_missed_is_missed_of_servers_that_left_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

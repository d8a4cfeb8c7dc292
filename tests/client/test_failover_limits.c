/* SPDX-License-Identifier: MIT */
/* What is not promised of values after an outage: each limit that docs/failover.md names is real,
 * and ends where the page says that it does. */
#include "world.h"

#include <stdio.h>

static void transport_stays(struct rc_transport *transport)
{
    (void)transport; /* the simulator frees it */
}

/* A second client in the same world, as of another process. */
struct other {
    struct world *world;
    ringcache_client *client;
    int status;
    char value[16];
    unsigned answered;
};

static void on_other(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct other *other = user;
    (void)client;
    other->answered++;
    other->status = reply->status;
    other->value[0] = '\0';
    if (reply->status == RINGCACHE_OK) {
        strncat(other->value, reply->value.data, reply->value.len);
    }
}

static void open_other(struct other *other, struct world *world)
{
    *other = (struct other){.world = world};
    struct sim_client *host = sim_client_new(world->sim);
    assert_int_equal(
        rc_client_new(&other->client, sim_client_transport(host), transport_stays, world->config),
        0);
}

static void other_reads(struct other *other, int status, const char *value)
{
    unsigned before = other->answered;
    assert_int_equal(ringcache_get(other->client, "k", 1, on_other, other), 0);
    world_run_for(other->world, 200);
    assert_int_equal(other->answered, before + 1);
    assert_int_equal(other->status, status);
    assert_string_equal(other->value, value);
}

static void close_other(struct other *other)
{
    ringcache_client_close(other->client, NULL, NULL);
    world_run_for(other->world, 10);
}

/* ---- one server with `k` = v0 ---- */

static struct world *begin(bool redis, struct sim_server **server)
{
    struct world *world = world_new(9);
    *server =
        redis ? world_redis(world, "10.0.0.1", 11000) : world_memcached(world, "10.0.0.1", 11000);
    world_begin(world);
    struct world_reply *first = world_set(world, "k", "v0");
    world_settle(world, 100);
    assert_reply(first, RINGCACHE_OK);
    return world;
}

static void until(struct world *world, ringcache_event_type type, size_t count)
{
    for (unsigned ms = 0; world_count(world, type) < count && ms < 30000; ms++) {
        world_run_for(world, 1);
    }
    assert_int_equal(world_count(world, type), count);
}

static void take_out(struct world *world, struct sim_server *server)
{
    sim_server_stop(server);
    world_get(world, "other");
    until(world, RINGCACHE_EVENT_EJECTED, 1);
}

static void assert_reads(struct world *world, const char *value)
{
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 1000);
    assert_value(get, value);
}

/* ---- one client ---- */

static void a_write_canceled_before_it_left_leaves_what_was_there(void **state)
{
    struct sim_server *server;
    struct world *world = begin(false, &server);
    (void)state;
    sim_server_stop(server); /* the next connection's greeting stays without an answer */
    sim_end(server, sim_server_newest(server), SIM_RST);
    world_run_for(world, 5);
    ringcache_id id;
    const ringcache_request set = {.op = RINGCACHE_SET, .key = {"k", 1}, .value = {"v1", 2}};
    struct world_reply *canceled = world_submit(world, &set, &id);
    assert_int_equal(ringcache_cancel(world->client, id), 0);
    world_settle(world, 100);
    assert_reply(canceled, RINGCACHE_ECANCELED);
    assert_int_equal(canceled->maybe_applied, 0);
    sim_server_continue(server);
    assert_reads(world, "v0");
    world_end(world);
}

static void a_command_in_the_callers_words_is_not_made_good(void **state)
{
    struct sim_server *server;
    struct world *world = begin(true, &server);
    const ringcache_slice words[] = {{"SET", 3}, {"k", 1}, {"v1", 2}};
    (void)state;
    take_out(world, server);
    struct world_call call = world_call(world);
    struct world_reply *refused = world_called(
        world, &call, ringcache_command(world->client, words, 3, NULL, call.cb, call.user));
    world_settle(world, 10);
    assert_reply(refused, RINGCACHE_EDOWN);
    sim_server_continue(server);
    until(world, RINGCACHE_EVENT_READMITTED, 1);
    assert_reads(world, "v0");
    world_end(world);
}

/* ---- keys that come home ---- */

enum { KEYS = 40, LIFE_MS = 10000 };

struct homes {
    char server[KEYS][64]; /* of "v0" */
    bool away[KEYS];       /* another server has "v1" */
    size_t moved;
};

static struct world_reply *write_one(struct world *world, int i, const char *value, int64_t ttl_ms)
{
    char key[8];
    int len = snprintf(key, sizeof key, "k%d", i);
    const ringcache_request set = {.op = RINGCACHE_SET,
        .key = {key, (size_t)len},
        .value = {value, strlen(value)},
        .ttl_ms = ttl_ms};
    struct world_reply *reply = world_submit(world, &set, NULL);
    world_settle(world, 100);
    assert_reply(reply, RINGCACHE_OK);
    return reply;
}

static struct world *begin_at_home(bool redis, struct homes *homes)
{
    struct world *world = world_new(10);
    world_add add = redis ? world_redis : world_memcached;
    add(world, "10.0.0.1", 11000);
    add(world, "10.0.0.2", 11000);
    world_begin(world);
    *homes = (struct homes){.moved = 0};
    for (int i = 0; i < KEYS; i++) {
        const struct world_reply *set = write_one(world, i, "v0", LIFE_MS);
        snprintf(homes->server[i], sizeof homes->server[i], "%s", set->server);
    }
    return world;
}

static void write_where_they_are(struct world *world, struct homes *homes)
{
    for (int i = 0; i < KEYS; i++) {
        const struct world_reply *set = write_one(world, i, "v1", 0);
        homes->away[i] = strcmp(set->server, homes->server[i]) != 0;
        homes->moved += homes->away[i];
    }
    assert_in_range(homes->moved, 1, KEYS - 1);
}

/* `old`: what those read that were away, or NULL where that has ended. */
static void read_at_home(struct world *world, const struct homes *homes, const char *old)
{
    for (int i = 0; i < KEYS; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%d", i);
        struct world_reply *get = world_get(world, key);
        world_settle(world, 100);
        assert_string_equal(get->server, homes->server[i]);
        if (!homes->away[i]) {
            assert_value(get, "v1");
        } else if (old != NULL) {
            assert_value(get, old);
        } else {
            assert_reply(get, RINGCACHE_MISS);
        }
    }
}

static void a_key_that_comes_home_reads_what_was_left_there(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct homes homes;
        bool redis = i % 2 != 0, ended = i / 2 != 0;
        struct world *world = begin_at_home(redis, &homes);
        sim_server_add(world->sim, "10.0.0.3", 11000, redis ? ENGINE_REDIS : ENGINE_MEMCACHED);
        const char *uri = redis ? "redis://10.0.0.3:11000" : "memcached://10.0.0.3:11000";
        assert_int_equal(ringcache_server_add(world->client, uri), 0);
        write_where_they_are(world, &homes);
        world_run_for(world, ended ? LIFE_MS + 2000 : 0);
        assert_int_equal(ringcache_server_remove(world->client, "10.0.0.3:11000"), 0);
        read_at_home(world, &homes, ended ? NULL : "v0");
        world_end(world);
    }
}

static void so_does_one_that_a_weight_moved_there_and_back(void **state)
{
    (void)state;
    for (unsigned redis = 0; redis < 2; redis++) {
        struct homes homes;
        struct world *world = begin_at_home(redis != 0, &homes);
        assert_int_equal(ringcache_server_weight(world->client, "10.0.0.2:11000", 10), 0);
        write_where_they_are(world, &homes);
        assert_int_equal(ringcache_server_weight(world->client, "10.0.0.2:11000", 1), 0);
        read_at_home(world, &homes, "v0");
        world_end(world);
    }
}

/* ---- several ---- */

static void a_journal_ends_with_its_client(void **state)
{
    struct sim_server *server;
    struct world *world = begin(false, &server);
    struct other other;
    (void)state;
    take_out(world, server);
    struct world_reply *refused = world_set(world, "k", "v1");
    world_settle(world, 10);
    assert_reply(refused, RINGCACHE_EDOWN);
    world_close(world);
    sim_server_continue(server);
    open_other(&other, world);
    other_reads(&other, RINGCACHE_OK, "v0");
    close_other(&other);
    world_end(world);
}

static void another_client_reads_the_old_value_until_the_writers_journal_is_replayed(void **state)
{
    enum { ATTEMPTS = 3 };
    struct sim_server *server;
    struct world *world = begin(false, &server);
    struct other other;
    (void)state;
    sim_client_fail_connects(world->host, UV_ECONNREFUSED, ATTEMPTS);
    sim_end(server, sim_server_newest(server), SIM_RST);
    world_run_for(world, 5);
    open_other(&other, world);
    struct world_reply *refused = world_set(world, "k", "v1");
    world_settle(world, 10);
    assert_reply(refused, RINGCACHE_EDOWN);
    other_reads(&other, RINGCACHE_OK, "v0");
    until(world, RINGCACHE_EVENT_UP, 2);
    other_reads(&other, RINGCACHE_MISS, "");
    close_other(&other);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_canceled_before_it_left_leaves_what_was_there),
        cmocka_unit_test(a_command_in_the_callers_words_is_not_made_good),
        cmocka_unit_test(a_key_that_comes_home_reads_what_was_left_there),
        cmocka_unit_test(so_does_one_that_a_weight_moved_there_and_back),
        cmocka_unit_test(a_journal_ends_with_its_client),
        cmocka_unit_test(another_client_reads_the_old_value_until_the_writers_journal_is_replayed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Guests, which are what a client stored elsewhere for an owner that is out of service: whose they
 * are, how long they are remembered, and what their end costs their hosts. */
#include "failover_scene.h"

#include <stdio.h>

#include "ringcache/shared.h"

/* Kinds that differ in what becomes of guests. */
static const struct kind *const hosts[] = {&kinds[0], &kinds[3], &kinds[4], &kinds[5]};
enum { HOSTS = sizeof hosts / sizeof *hosts };

/* ---- another client ---- */

struct other {
    struct scene *scene;
    ringcache_client *client;
    int status;
    char value[16];
    unsigned answered;
};

static void transport_stays(struct rc_transport *transport)
{
    (void)transport; /* the simulator frees it */
}

static struct other open_other(struct scene *s)
{
    struct other o = {.scene = s};
    struct sim_client *host = sim_client_new(s->world->sim);
    assert_int_equal(
        rc_client_new(&o.client, sim_client_transport(host), transport_stays, s->world->config), 0);
    return o;
}

static void close_other(struct other *o)
{
    ringcache_client_close(o->client, NULL, NULL);
    world_run_for(o->scene->world, 10);
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client;
    struct other *o = user;
    o->answered++;
    o->status = reply->status;
    snprintf(o->value, sizeof o->value, "%.*s", (int)reply->value.len,
        reply->value.data != NULL ? (const char *)reply->value.data : "");
}

/* It asks for, or stores a value under, the scene's key. */
static void ask_as(struct other *o, const char *value)
{
    const ringcache_request request = {.op = value != NULL ? RINGCACHE_SET : RINGCACHE_GET,
        .key = {o->scene->key, strlen(o->scene->key)},
        .value = {value, value != NULL ? strlen(value) : 0}};
    unsigned before = o->answered;
    assert_int_equal(ringcache_submit(o->client, &request, on_reply, o, NULL), 0);
    for (int ms = 0; ms < 1000 && o->answered == before; ms++) {
        world_run_for(o->scene->world, 1);
    }
    assert_int_equal(o->answered, before + 1);
}

/* The owner refuses; both clients have noticed, and the other one has stored elsewhere. */
static void lose_the_owner(struct scene *s, struct other *o, const char *value)
{
    ask_as(o, NULL);
    get(s, s->key);
    sim_server_kill(s->servers[0]);
    world_run_for(s->world, 50);
    get(s, s->key);
    ask_as(o, NULL);
    ask_as(o, value);
    assert_int_equal(o->status, RINGCACHE_OK);
    ask_as(o, NULL);
    assert_string_equal(o->value, value);
}

static void regain_the_owner(struct scene *s)
{
    sim_server_restart(s->servers[0], false);
    until(s, RINGCACHE_EVENT_UP, world_count(s->world, RINGCACHE_EVENT_UP) + 1);
}

/* ---- whose they are ---- */

/* What it stored would be older than what was written at the owner between two outages. */
static void what_another_client_stored_elsewhere_is_not_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < HOSTS; i++) {
        struct scene s = plan_owners(hosts[i], 1, 3);
        world_option(s.world, "failover_budget", "100");
        begin_scene(&s);
        struct other o = open_other(&s);
        lose_the_owner(&s, &o, "v1");
        assert_reply(get(&s, s.key), RINGCACHE_MISS);
        close_other(&o); /* its process ends, and nobody ends its guests */
        regain_the_owner(&s);
        assert_reply(set(&s, s.key, "v2"), RINGCACHE_OK);
        assert_value(get(&s, s.key), "v2");
        sim_server_kill(s.servers[0]);
        world_run_for(s.world, 50);
        get(&s, s.key);
        struct world_reply *again = get(&s, s.key);
        assert_reply(again, RINGCACHE_MISS);
        assert_int_equal(again->marks & RINGCACHE_SUBSTITUTE, RINGCACHE_SUBSTITUTE);
        world_end(s.world);
    }
}

/* Two clients that share. */
static struct other open_peer(struct scene *s)
{
    struct other o = open_other(s);
    ringcache_shared *shared;
    assert_int_equal(ringcache_shared_new(&shared), 0);
    assert_int_equal(ringcache_client_share(s->world->client, shared), 0);
    assert_int_equal(ringcache_client_share(o.client, shared), 0);
    ringcache_shared_free(shared);
    return o;
}

/* One of them has a guest; then a write of the other one's fails, or is carried out elsewhere. */
static void peers(const struct kind *kind, const ringcache_request *write, int status)
{
    struct scene s = plan_owners(kind, 1, 3);
    world_option(s.world, "failover_budget", "100");
    begin_scene(&s);
    struct other o = open_peer(&s);
    lose_the_owner(&s, &o, "v1");
    ringcache_request request = *write;
    request.key = (ringcache_slice){s.key, strlen(s.key)};
    struct world_reply *written = world_submit(s.world, &request, NULL);
    while (written->calls == 0) {
        world_run_for(s.world, 0);
        sim_step(s.world->sim);
    }
    assert_reply(written, status);
    ask_as(&o, NULL);
    assert_int_equal(o.status, RINGCACHE_MISS);
    assert_string_not_equal(get(&s, s.key)->value, "v1");
    close_other(&o);
    world_end(s.world);
}

static void what_a_peer_failed_to_replace_is_not_read_elsewhere(void **state)
{
    (void)state;
    static const struct {
        ringcache_request write;
        int status;
    } rows[] = {
        {{.op = RINGCACHE_APPEND, .value = {"x", 1}}, RINGCACHE_EDOWN},
        {{.op = RINGCACHE_DELETE, .options = RINGCACHE_NO_FAILOVER}, RINGCACHE_EDOWN},
        {{.op = RINGCACHE_SET, .value = {"v2", 2}}, RINGCACHE_OK},
        {{.op = RINGCACHE_DELETE}, RINGCACHE_MISS},
    };
    for (size_t i = 0; i < HOSTS; i++) {
        for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
            peers(hosts[i], &rows[row].write, rows[row].status);
        }
    }
}

/* The other one stores anew before its loop has turned. */
static void what_is_stored_behind_a_peers_lost_write_stays(void **state)
{
    (void)state;
    for (size_t i = 0; i < HOSTS; i++) {
        struct scene s = plan_owners(hosts[i], 1, 3);
        world_option(s.world, "failover_budget", "100");
        begin_scene(&s);
        struct other o = open_peer(&s);
        lose_the_owner(&s, &o, "v1");
        const ringcache_request bound = {.op = RINGCACHE_DELETE,
            .options = RINGCACHE_NO_FAILOVER,
            .key = {s.key, strlen(s.key)}};
        world_submit(s.world, &bound, NULL);
        ask_as(&o, "v3");
        assert_int_equal(o.status, RINGCACHE_OK);
        ask_as(&o, NULL);
        assert_string_equal(o.value, "v3");
        close_other(&o);
        world_end(s.world);
    }
}

/* ---- how long they are remembered ---- */

static void guests_that_have_ended_leave_room_for_others(void **state)
{
    (void)state;
    enum { ROOM = 5 };
    struct scene s = plan_scene(&kinds[5], 2);
    world_option(s.world, "journal_entries", "5");
    begin_scene(&s);
    take_out(&s, 0);
    unsigned next = 0;
    char key[32];
    for (unsigned n = 0; n < 4 * ROOM; n++) {
        world_key_of(s.world, name_of(0), "g", &next, key);
        assert_elsewhere(set(&s, key, "v"), 1);
        if (n % ROOM == ROOM - 1) {
            world_key_of(s.world, name_of(0), "g", &next, key);
            assert_reply(set(&s, key, "v"), RINGCACHE_EDOWN); /* there is no room */
            world_run_for(s.world, GUEST_TTL_MS + 2000);
        }
    }
    world_end(s.world);
}

/* Nobody waits for its answer any more, but it may be carried out yet, and lives from then on. */
static void a_store_in_doubt_is_remembered_for_a_minute_more(void **state)
{
    (void)state;
    struct scene s = plan_scene(&kinds[5], 2);
    world_option(s.world, "journal_entries", "1");
    begin_scene(&s);
    take_out(&s, 0);
    assert_elsewhere(set(&s, s.key, "v0"), 1);
    sim_server_stop(s.servers[1]);
    struct world_reply *late = set(&s, s.key, "v1");
    assert_reply(late, RINGCACHE_ETIMEDOUT);
    assert_int_equal(late->maybe_applied, 1);
    sim_server_continue(s.servers[1]);
    unsigned next = 0;
    char key[32];
    world_key_of(s.world, name_of(0), "g", &next, key);
    world_run_for(s.world, GUEST_TTL_MS + 2000 + 59000);
    assert_reply(set(&s, key, "v"), RINGCACHE_EDOWN);
    world_run_for(s.world, 1000);
    assert_elsewhere(set(&s, key, "v"), 1);
    world_end(s.world);
}

/* ---- what their end costs ---- */

/* Two owners have as many guests as a journal holds, at one host. */
static struct scene two_owners_out(const struct kind *kind, unsigned guests)
{
    struct scene s = plan_owners(kind, 2, 3);
    world_option(s.world, "failover_budget", "100");
    world_option(s.world, "journal_entries", "4");
    begin_scene(&s);
    for (size_t owner = 0; owner < 2; owner++) {
        unsigned next = 0;
        char key[32];
        sim_server_kill(s.servers[owner]);
        world_key_of(s.world, name_of(owner), "g", &next, key);
        get(&s, key); /* so it is noticed */
        for (unsigned n = 0; n < guests; n++) {
            world_key_of(s.world, name_of(owner), "g", &next, key);
            assert_elsewhere(set(&s, key, "v"), 2);
        }
    }
    return s;
}

static void guests_that_all_end_cost_their_host_nothing(void **state)
{
    (void)state;
    static const struct kind *const redis[] = {&kinds[3], &kinds[5]};
    for (size_t i = 0; i < sizeof redis / sizeof *redis; i++) {
        struct scene s = two_owners_out(redis[i], 4);
        assert_int_equal(ringcache_server_weight(s.world->client, name_of(0), 2), 0);
        assert_int_equal(rc_members_find(s.world->client, name_of(2))->journal.count, 0);
        world_run_for(s.world, 3000);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_HELD), 0);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_JOURNAL_FULL), 0);
        world_end(s.world);
    }
}

/* Each is deleted by itself, while its host is out: more than its journal may hold. */
static void guests_that_end_one_by_one_overflow_no_journal(void **state)
{
    (void)state;
    struct scene s = two_owners_out(&kinds[5], 4);
    sim_server_kill(s.servers[2]);
    world_run_for(s.world, 50);
    for (size_t owner = 0; owner < 2; owner++) {
        unsigned next = 0;
        char key[32];
        world_key_of(s.world, name_of(owner), "g", &next, key);
        get(&s, key);
        for (unsigned n = 0; n < 4; n++) {
            world_key_of(s.world, name_of(owner), "g", &next, key);
            assert_reply(set(&s, key, "w"), RINGCACHE_EDOWN);
        }
    }
    assert_int_equal(rc_members_find(s.world->client, name_of(2))->journal.count, 8);
    sim_server_restart(s.servers[2], true);
    world_run_for(s.world, 5000);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_HELD), 0);
    assert_int_equal(rc_members_find(s.world->client, name_of(2))->journal.count, 0);
    assert_int_equal(engine_items(engine_of(&s, 2), 0), 0);
    world_end(s.world);
}

/* More than are freed in one turn. */
static void many_guests_are_freed_in_many_turns(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    struct scene s = open_scene(&kinds[4], 2);
    take_out(&s, 0);
    for (unsigned n = 0; n < MANY; n++) {
        char key[16];
        int len = snprintf(key, sizeof key, "key%u", n);
        const ringcache_request store = {.op = RINGCACHE_SET, .key = {key, (size_t)len}};
        assert_reply(settled(&s, world_submit(s.world, &store, NULL)), RINGCACHE_OK);
    }
    const struct rc_member_server *owner =
        rc_member_of(rc_members_find(s.world->client, name_of(0)));
    assert_int_equal(owner->guests.count, MANY);
    take_back(&s, 0);
    assert_int_equal(owner->guests.count, 0);
    world_run_for(s.world, 10);
    assert_true(rc_list_empty(&s.world->client->ended_guests));
    world_end(s.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_another_client_stored_elsewhere_is_not_read),
        cmocka_unit_test(what_a_peer_failed_to_replace_is_not_read_elsewhere),
        cmocka_unit_test(what_is_stored_behind_a_peers_lost_write_stays),
        cmocka_unit_test(guests_that_have_ended_leave_room_for_others),
        cmocka_unit_test(a_store_in_doubt_is_remembered_for_a_minute_more),
        cmocka_unit_test(guests_that_all_end_cost_their_host_nothing),
        cmocka_unit_test(guests_that_end_one_by_one_overflow_no_journal),
        cmocka_unit_test(many_guests_are_freed_in_many_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

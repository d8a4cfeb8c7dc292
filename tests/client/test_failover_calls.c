/* SPDX-License-Identifier: MIT */
/* Calls that are more than one request, while the owner of their keys is out of service. */
#include "failover_scene.h"

#include <stdio.h>

#include "ringcache/fetch.h"
#include "ringcache/update.h"

/* ---- many keys ---- */

enum { KEYS = 2000 };

static struct {
    struct scene *scene;
    char names[KEYS][12];
    ringcache_slice keys[KEYS];
    unsigned calls[KEYS];
    size_t ok, missed, failed, elsewhere;
    unsigned done;
    void (*at_each)(struct scene *s);
} many;

static void on_each(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client;
    (void)user;
    many.calls[reply->index]++;
    many.elsewhere += (reply->marks & RINGCACHE_SUBSTITUTE) != 0;
    if (reply->status == RINGCACHE_OK) { /* a value is its own key */
        assert_int_equal(reply->value.len, many.keys[reply->index].len);
        assert_memory_equal(
            reply->value.data, many.keys[reply->index].data, many.keys[reply->index].len);
    }
    if (many.at_each != NULL) {
        many.at_each(many.scene);
        many.at_each = NULL;
    }
}

static void on_done(ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    (void)client;
    (void)user;
    many.ok = ok;
    many.missed = missed;
    many.failed = failed;
    many.done++;
}

static void begin_many(struct scene *s)
{
    memset(&many, 0, sizeof many);
    many.scene = s;
    for (size_t i = 0; i < KEYS; i++) {
        int len = snprintf(many.names[i], sizeof many.names[i], "key%zu", i);
        many.keys[i] = (ringcache_slice){many.names[i], (size_t)len};
    }
}

static void get_many(struct scene *s, const ringcache_request *defaults)
{
    memset(many.calls, 0, sizeof many.calls);
    many.done = 0;
    many.elsewhere = 0;
    s->world->in_call = true;
    assert_int_equal(
        ringcache_get_many(s->world->client, many.keys, KEYS, defaults, on_each, on_done, NULL), 0);
    s->world->in_call = false;
    world_run_for(s->world, 2000);
    assert_int_equal(many.done, 1);
    for (size_t i = 0; i < KEYS; i++) {
        assert_int_equal(many.calls[i], 1);
    }
}

static void store_all(struct scene *s)
{
    for (size_t i = 0; i < KEYS; i++) {
        assert_reply(set(s, many.names[i], many.names[i]), RINGCACHE_OK);
    }
}

static void many_keys_are_asked_of_their_substitutes(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIVERTING; i++) {
        struct scene s = plan_owners(&kinds[i], 3, 4);
        begin_scene(&s);
        begin_many(&s);
        take_out(&s, 0);
        store_all(&s);
        get_many(&s, NULL);
        assert_int_equal(many.ok, KEYS);
        assert_true(many.elsewhere > KEYS / 8 && many.elsewhere < KEYS / 2);
        take_back(&s, 0);
        get_many(&s, NULL);
        assert_int_equal(many.failed, 0);
        assert_int_equal(many.elsewhere, 0);
        world_end(s.world);
    }
}

static void many_keys_may_be_bound_to_their_owners(void **state)
{
    (void)state;
    static const ringcache_request bound[] = {
        {.options = RINGCACHE_NO_FAILOVER}, {.options = RINGCACHE_WANT_CAS}};
    struct scene s = open_scene(&kinds[0], 4);
    begin_many(&s);
    store_all(&s);
    take_out(&s, 0);
    for (size_t i = 0; i < sizeof bound / sizeof *bound; i++) {
        get_many(&s, &bound[i]);
        assert_int_equal(many.elsewhere, 0);
        assert_true(many.failed > KEYS / 8);
        assert_int_equal(many.ok + many.failed, KEYS);
    }
    world_end(s.world);
}

static void many_keys_stay_within_the_failover_budget(void **state)
{
    (void)state;
    struct scene s = plan_scene(&kinds[0], 2);
    world_option(s.world, "failover_budget", "10");
    begin_scene(&s);
    begin_many(&s);
    take_out(&s, 0);
    world_run_for(s.world, 3000);
    get_many(&s, NULL);
    assert_in_range(many.elsewhere, 10, KEYS / 10);
    assert_int_equal(many.missed + many.failed, KEYS);
    assert_true(many.failed > KEYS / 4);
    world_end(s.world);
}

/* What waits for room at its substitute is tried again in every turn, and diverted once. */
static void many_keys_that_wait_for_room_spend_the_failover_budget_once(void **state)
{
    (void)state;
    struct scene s = plan_scene(&kinds[0], 4);
    world_option(s.world, "max_inflight", "8");
    begin_scene(&s);
    begin_many(&s);
    take_out(&s, 0);
    world_run_for(s.world, 3000);
    get_many(&s, NULL);
    assert_true(many.elsewhere > KEYS / 8);
    assert_int_equal(many.missed, KEYS);
    world_end(s.world);
}

static void kill_the_owner(struct scene *s)
{
    sim_server_kill(s->servers[0]);
}

/* Keys that were in the owner's queue when it went are asked of others. */
static void an_owner_that_dies_amid_many_keys_leaves_the_rest_to_others(void **state)
{
    (void)state;
    struct scene s = plan_scene(&kinds[0], 2);
    world_option(s.world, "max_inflight", "64");
    begin_scene(&s);
    begin_many(&s);
    store_all(&s);
    many.at_each = kill_the_owner;
    get_many(&s, NULL);
    assert_true(many.elsewhere > 0 && many.ok > 0);
    assert_int_equal(many.ok + many.missed + many.failed, KEYS);
    world_end(s.world);
}

static void close_all(struct scene *s)
{
    world_close(s->world);
}

static void a_close_amid_diverted_keys_ends_them_all(void **state)
{
    (void)state;
    struct scene s = open_scene(&kinds[0], 4);
    begin_many(&s);
    take_out(&s, 0);
    many.at_each = close_all;
    get_many(&s, NULL);
    assert_int_equal(many.ok + many.missed + many.failed, KEYS);
    world_end(s.world);
}

/* ---- equal gets ---- */

static void gets_that_are_one_go_to_the_substitute_once(void **state)
{
    (void)state;
    struct scene s = plan_scene(&kinds[0], 3);
    world_option(s.world, "single_flight", "yes");
    begin_scene(&s);
    size_t order[FAILOVER_SERVERS];
    order_of(&s, s.key, order);
    take_out(&s, 0);
    set(&s, s.key, "v1");
    uint64_t before = engine_count(engine_of(&s, order[1]), "mg");
    struct world_reply *one = world_get(s.world, s.key), *two = world_get(s.world, s.key);
    const ringcache_request bound = {
        .op = RINGCACHE_GET, .options = RINGCACHE_NO_FAILOVER, .key = {s.key, strlen(s.key)}};
    struct world_reply *other = settled(&s, world_submit(s.world, &bound, NULL));
    assert_value(one, "v1");
    assert_value(two, "v1");
    assert_elsewhere(one, order[1]);
    assert_elsewhere(two, order[1]);
    assert_reply(other, RINGCACHE_EDOWN);
    assert_int_equal(engine_count(engine_of(&s, order[1]), "mg"), before + 1);
    world_end(s.world);
}

/* ---- fetches ---- */

static struct {
    ringcache_load *load;
    unsigned begun;
    uint32_t stale_ms; /* that the backend can do */
    bool leased;
    const char *at_once;
} loads;

static void loader(ringcache_client *client, ringcache_load *load, void *user)
{
    (void)client;
    (void)user;
    loads.begun++;
    loads.load = load;
    if (loads.at_once != NULL) {
        ringcache_load_done(load, loads.at_once, strlen(loads.at_once), 60000);
    }
}

static struct world_reply *fetch(struct scene *s, uint32_t stale_ms)
{
    struct world_call call = world_call(s->world);
    const ringcache_fetch_request request = {
        .key = {s->key, strlen(s->key)}, .loader = loader, .stale_ms = stale_ms};
    int rc = ringcache_fetch(s->world->client, &request, call.cb, call.user, NULL);
    return world_called(s->world, &call, rc);
}

static void each_with_and_without_leases(void (*scenario)(struct scene *s))
{
    for (size_t i = 0; i < 2 * DIVERTING; i++) {
        bool classic = kinds[i / 2].version != NULL;
        if (classic && i % 2 == 1) {
            continue; /* classic text has no leases */
        }
        struct scene s = plan_scene(&kinds[i / 2], 3);
        world_option(s.world, "leases", i % 2 == 1 ? "yes" : "no");
        begin_scene(&s);
        memset(&loads, 0, sizeof loads);
        loads.leased = i % 2 == 1;
        loads.stale_ms = classic ? 0 : 60000;
        scenario(&s);
        world_end(s.world);
    }
}

static void loads_once(struct scene *s)
{
    take_out(s, 0);
    loads.at_once = "v1";
    assert_value(settled(s, fetch(s, 0)), "v1");
    world_run_for(s->world, 5);
    assert_int_equal(loads.begun, 1);
    struct world_reply *again = settled(s, fetch(s, loads.stale_ms));
    assert_value(again, "v1");
    assert_int_equal(again->marks, RINGCACHE_SUBSTITUTE); /* not stale by its short life */
    assert_int_equal(loads.begun, 1);
    take_back(s, 0);
    loads.at_once = "v2";
    assert_value(settled(s, fetch(s, 0)), "v2");
    assert_int_equal(loads.begun, 2);
    world_run_for(s->world, 5);
    take_out(s, 0);
    loads.at_once = "v3";
    assert_value(settled(s, fetch(s, 0)), "v3");
    assert_int_equal(loads.begun, 3);
}

static void a_fetch_is_filled_in_at_the_substitute_and_forgotten_with_the_outage(void **state)
{
    (void)state;
    each_with_and_without_leases(loads_once);
}

/* The load began at the substitute and ends when the owner is back: its lease is the other's. */
static void ends_behind_the_return(struct scene *s)
{
    take_out(s, 0);
    struct world_reply *waits = fetch(s, 0);
    world_run_for(s->world, 20);
    assert_int_equal(loads.begun, 1);
    take_back(s, 0);
    if (waits->calls == 0) {
        uint64_t before = engine_count_keyed(engine_of(s, 0));
        ringcache_load_done(loads.load, "v1", 2, 60000);
        world_settle(s->world, 1000);
        assert_value(waits, "v1");
        world_run_for(s->world, 5);
        bool stored = engine_count_keyed(engine_of(s, 0)) > before;
        assert_int_equal(stored, !loads.leased); /* a lease is its server's alone */
    }
    loads.at_once = "v2";
    struct world_reply *next = settled(s, fetch(s, 0));
    assert_int_equal(next->status, RINGCACHE_OK);
    assert_int_equal(next->marks & RINGCACHE_SUBSTITUTE, 0);
}

static void a_load_that_outlasts_the_outage_ends_well(void **state)
{
    (void)state;
    each_with_and_without_leases(ends_behind_the_return);
}

/* ---- updates ---- */

static void change(
    ringcache_client *client, const ringcache_reply *now, ringcache_change *change, void *user)
{
    (void)client;
    (void)now;
    (void)user;
    assert_int_equal(ringcache_change_store(change, "new", 3, 0), 0);
}

static void updates_and_locks_are_the_owners_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIVERTING; i++) {
        struct scene s = open_scene(&kinds[i], 3);
        uint64_t token;
        take_out(&s, 0);
        const ringcache_request request = {.key = {s.key, strlen(s.key)}};
        struct world_call call = world_call(s.world);
        int rc = ringcache_update(s.world->client, &request, change, call.cb, call.user, NULL);
        struct world_reply *update = settled(&s, world_called(s.world, &call, rc));
        call = world_call(s.world);
        rc = ringcache_lock(
            s.world->client, s.key, strlen(s.key), 60000, &token, call.cb, call.user);
        struct world_reply *lock = settled(&s, world_called(s.world, &call, rc));
        assert_reply(update, RINGCACHE_EDOWN);
        assert_reply(lock, RINGCACHE_EDOWN);
        world_end(s.world);
    }
}

/* ---- calls inside callbacks ---- */

static struct scene *stage;

static void ask_more(struct world *world, struct world_reply *reply)
{
    (void)reply;
    if (world->submitted < 40) {
        world_set(world, stage->key, "more");
        world_get(world, stage->key);
        world_delete(world, stage->key);
    }
}

static void drop_the_owner(struct world *world, struct world_reply *reply)
{
    (void)reply;
    world->on_reply = NULL;
    assert_int_equal(ringcache_server_remove(world->client, name_of(0)), 0);
}

static void close_it(struct world *world, struct world_reply *reply)
{
    (void)reply;
    world->on_reply = NULL;
    world_close(world);
}

static void in_the_callback_of_a_diverted_request_every_call_is_legal(void **state)
{
    (void)state;
    void (*const acts[])(struct world *, struct world_reply *) = {
        ask_more, drop_the_owner, close_it};
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        struct scene s = open_scene(&kinds[0], 3);
        stage = &s;
        take_out(&s, 0);
        s.world->on_reply = acts[i];
        for (unsigned n = 0; n < 4; n++) {
            world_set(s.world, s.key, "v");
            world_get(s.world, s.key);
            world_delete(s.world, s.key);
        }
        world_run_for(s.world, 70000);
        world_end(s.world);
    }
}

static void a_diverted_request_may_be_canceled(void **state)
{
    (void)state;
    for (size_t i = 0; i < DIVERTING; i++) {
        struct scene s = open_scene(&kinds[i], 3);
        ringcache_id id;
        const ringcache_request request = {
            .op = RINGCACHE_SET, .key = {s.key, strlen(s.key)}, .value = {"v", 1}};
        take_out(&s, 0);
        struct world_reply *canceled = world_submit(s.world, &request, &id);
        assert_int_equal(ringcache_cancel(s.world->client, id), 0);
        world_settle(s.world, 10);
        assert_reply(canceled, RINGCACHE_ECANCELED);
        take_back(&s, 0);
        take_out(&s, 0);
        assert_reply(get(&s, s.key), RINGCACHE_MISS);
        world_end(s.world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_keys_are_asked_of_their_substitutes),
        cmocka_unit_test(many_keys_may_be_bound_to_their_owners),
        cmocka_unit_test(many_keys_stay_within_the_failover_budget),
        cmocka_unit_test(many_keys_that_wait_for_room_spend_the_failover_budget_once),
        cmocka_unit_test(an_owner_that_dies_amid_many_keys_leaves_the_rest_to_others),
        cmocka_unit_test(a_close_amid_diverted_keys_ends_them_all),
        cmocka_unit_test(gets_that_are_one_go_to_the_substitute_once),
        cmocka_unit_test(a_fetch_is_filled_in_at_the_substitute_and_forgotten_with_the_outage),
        cmocka_unit_test(a_load_that_outlasts_the_outage_ends_well),
        cmocka_unit_test(updates_and_locks_are_the_owners_alone),
        cmocka_unit_test(in_the_callback_of_a_diverted_request_every_call_is_legal),
        cmocka_unit_test(a_diverted_request_may_be_canceled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

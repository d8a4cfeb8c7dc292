/* SPDX-License-Identifier: MIT */
/* Cache-aside: who loads, who waits, who is given what; with and without leases. */
#include "world.h"

#include <stdio.h>

#include "ringcache/fetch.h"
#include "ringcache/update.h"

enum { MAX_LOADS = 64 };

struct backend {
    const char *name;
    struct sim_server *(*add)(struct world *world, const char *host, uint16_t port);
    const char *leases;
};

static const struct backend backends[] = {
    {"memcached", world_memcached, "no"},
    {"memcached with leases", world_memcached, "yes"},
    {"redis", world_redis, "no"},
    {"redis with leases", world_redis, "yes"},
};

/* The loads that were begun. */
static struct stage {
    struct world *world;
    struct sim_server *server;
    ringcache_load *loads[MAX_LOADS];
    unsigned begun;
    const char *at_once; /* what the loader answers inside its call */
    int fails;           /* or what it fails with */
    bool closes;
    ringcache_id cancels;
} stage;

static void loader(ringcache_client *client, ringcache_load *load, void *user)
{
    (void)user;
    assert_ptr_equal(client, stage.world->client);
    assert_false(stage.world->in_call);
    ringcache_slice key = ringcache_load_key(load);
    assert_int_equal(key.len, 1);
    assert_memory_equal(key.data, "k", 1);
    assert_true(stage.begun < MAX_LOADS);
    stage.loads[stage.begun++] = load;
    if (stage.cancels != 0) {
        assert_int_equal(ringcache_cancel(client, stage.cancels), 0);
        stage.cancels = 0;
    }
    if (stage.closes) {
        world_close(stage.world);
    }
    if (stage.at_once != NULL) {
        ringcache_load_done(load, stage.at_once, strlen(stage.at_once), 60000);
    } else if (stage.fails != 0) {
        ringcache_load_failed(load, stage.fails, "the database is away");
    }
}

static struct world *begin(const struct backend *backend)
{
    struct world *world = world_new(61);
    stage = (struct stage){.world = world};
    stage.server = backend->add(world, "10.0.0.1", 11000);
    world_option(world, "leases", backend->leases);
    world_begin(world);
    return world;
}

static void on_all(void (*scenario)(const struct backend *backend))
{
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++) {
        print_message("  on %s\n", backends[i].name);
        scenario(&backends[i]);
    }
}

static struct world_reply *fetch_with(struct world *world, ringcache_fetch_request request)
{
    request.key = (ringcache_slice){"k", 1};
    request.loader = loader;
    struct world_call call = world_call(world);
    return world_called(
        world, &call, ringcache_fetch(world->client, &request, call.cb, call.user, &stage.cancels));
}

/* Cancels nothing inside the loader. */
static struct world_reply *fetch(struct world *world, uint32_t stale_ms)
{
    struct world_reply *reply = fetch_with(world, (ringcache_fetch_request){.stale_ms = stale_ms});
    stage.cancels = 0;
    return reply;
}

static void done(unsigned load, const char *value, int64_t ttl_ms)
{
    ringcache_load_done(stage.loads[load], value, strlen(value), ttl_ms);
}

static void assert_stored(const char *value)
{
    const struct store_item *item = engine_get(sim_server_engine(stage.server), 0, "k");
    struct rc_slice now = item != NULL ? store_value(item) : rc_slice_text("(none)");
    if (!rc_slice_equal(now, rc_slice_text(value))) {
        fail_msg("stored is \"%.*s\", not \"%s\"", (int)now.len, (const char *)now.data, value);
    }
}

static void loads_once(const struct backend *backend)
{
    enum { CALLERS = 100 };
    struct world_reply *callers[CALLERS];
    struct world *world = begin(backend);
    for (int i = 0; i < CALLERS / 2; i++) {
        callers[i] = fetch(world, 0);
    }
    world_run_for(world, 20);
    assert_int_equal(stage.begun, 1);
    for (int i = CALLERS / 2; i < CALLERS; i++) {
        callers[i] = fetch(world, 0);
    }
    world_run_for(world, 20);
    assert_int_equal(callers[0]->calls, 0);
    char value[] = "v1";
    done(0, value, 60000);
    value[0] = '!'; /* it was copied */
    world_settle(world, 100);
    for (int i = 0; i < CALLERS; i++) {
        assert_value(callers[i], "v1");
        assert_int_equal(callers[i]->marks, RINGCACHE_WON);
        assert_string_equal(callers[i]->message, "");
        assert_int_equal(callers[i]->maybe_applied, 0);
    }
    assert_int_equal(stage.begun, 1);
    world_run_for(world, 20);
    assert_stored("v1");
    struct world_reply *hit = fetch(world, 0);
    world_settle(world, 100);
    assert_value(hit, "v1");
    assert_int_equal(hit->marks, 0);
    assert_string_equal(hit->server, "10.0.0.1:11000");
    assert_int_equal(stage.begun, 1);
    world_run_for(world, 61000);
    fetch(world, 0);
    world_run_for(world, 20);
    assert_int_equal(stage.begun, 2); /* the TTL was the loader's */
    done(1, "", 0);
    struct world_reply *empty = fetch(world, 0);
    world_settle(world, 100);
    assert_value(empty, "");
    assert_int_equal(stage.begun, 2);
    world_end(world);
}

static void callers_of_one_key_have_it_loaded_once(void **state)
{
    (void)state;
    on_all(loads_once);
}

static void answers_at_once(const struct backend *backend)
{
    struct world *world = begin(backend);
    stage.at_once = "v1";
    struct world_reply *one = fetch(world, 0), *two = fetch(world, 0);
    world_settle(world, 100);
    assert_value(one, "v1");
    assert_value(two, "v1");
    world_run_for(world, 20);
    assert_stored("v1");
    world_end(world);
}

static void a_loader_may_answer_inside_its_call(void **state)
{
    (void)state;
    on_all(answers_at_once);
}

static void fails(const struct backend *backend)
{
    static const int statuses[][2] = {{RINGCACHE_MISS, RINGCACHE_MISS},
        {RINGCACHE_ESERVER, RINGCACHE_ESERVER}, {RINGCACHE_EXISTS, RINGCACHE_ESERVER}};
    struct world *world = begin(backend);
    for (unsigned i = 0; i < 3; i++) {
        stage.fails = statuses[i][0];
        struct world_reply *one = fetch(world, 0), *two = fetch(world, 0);
        world_settle(world, 100);
        assert_reply(one, statuses[i][1]);
        assert_reply(two, statuses[i][1]);
        assert_string_equal(one->message, "the database is away");
        assert_int_equal(stage.begun, i + 1);
        world_run_for(world, 5); /* the lease is given back */
    }
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 100);
    assert_reply(get, RINGCACHE_MISS);
    assert_int_equal(get->marks, 0);
    world_end(world);
}

static void a_loader_that_fails_is_followed_by_another(void **state)
{
    (void)state;
    on_all(fails);
}

static void survives_the_cache(const struct backend *backend)
{
    struct world *world = begin(backend);
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 100);
    assert_reply(get, RINGCACHE_MISS);
    sim_server_kill(stage.server);
    world_run_for(world, 100);
    struct world_reply *one = fetch(world, 0), *two = fetch(world, 0);
    world_run_for(world, 50);
    assert_int_equal(stage.begun, 1);
    done(0, "v1", 0);
    world_settle(world, 100);
    assert_value(one, "v1");
    assert_value(two, "v1");
    assert_string_equal(two->server, "");
    assert_memory_equal(two->message, "not stored: ", 12);
    sim_server_restart(stage.server, false);
    world_run_for(world, 2000);
    assert_stored("(none)");
    world_end(world);
}

static void a_cache_that_is_away_is_no_failure(void **state)
{
    (void)state;
    on_all(survives_the_cache);
}

static void spares_what_was_written(const struct backend *backend)
{
    struct world *world = begin(backend);
    struct world_reply *waits = fetch(world, 0);
    world_run_for(world, 20);
    world_set(world, "k", "newer");
    struct world_reply *behind = fetch(world, 0);
    world_run_for(world, 20);
    assert_value(behind, "newer");
    done(0, "older", 0);
    world_settle(world, 100);
    assert_value(waits, "older");
    assert_memory_equal(waits->message, "not stored: the key was written", 31);
    world_run_for(world, 20);
    assert_stored("newer");
    world_delete(world, "k");
    waits = fetch(world, 0);
    world_run_for(world, 20);
    assert_int_equal(stage.begun, 2);
    world_delete(world, "k");
    done(1, "older", 0);
    world_settle(world, 100);
    assert_value(waits, "older");
    world_run_for(world, 20);
    assert_stored("(none)");
    assert_int_equal(stage.begun, 2);
    world_end(world);
}

static void what_is_written_meanwhile_is_not_written_over(void **state)
{
    (void)state;
    on_all(spares_what_was_written);
}

static void remove_it(
    ringcache_client *client, const ringcache_reply *now, ringcache_change *change, void *user)
{
    (void)client;
    (void)user;
    assert_int_equal(now->status, RINGCACHE_MISS);
    assert_int_equal(ringcache_change_delete(change), 0);
}

static void spares_what_an_update_removed(const struct backend *backend)
{
    static const ringcache_request of_k = {.key = {"k", 1}};
    struct world *world = begin(backend);
    struct world_reply *waits = fetch(world, 0);
    world_run_for(world, 20);
    const struct world_call call = world_call(world);
    struct world_reply *removed = world_called(
        world, &call, ringcache_update(world->client, &of_k, remove_it, call.cb, call.user, NULL));
    world_run_for(world, 20);
    assert_true(removed->calls == 1 && removed->status >= 0);
    done(0, "older", 0);
    world_settle(world, 100);
    assert_value(waits, "older");
    world_run_for(world, 20);
    assert_stored("(none)");
    world_end(world);
}

static void what_an_update_found_absent_is_not_brought_back(void **state)
{
    (void)state;
    on_all(spares_what_an_update_removed);
}

static void gives_what_is_stale(const struct backend *backend)
{
    enum { FRESH_MS = 10000, STALE_MS = 20000 };
    struct world *world = begin(backend);
    fetch(world, STALE_MS);
    world_run_for(world, 20);
    done(0, "v1", FRESH_MS);
    world_settle(world, 100);
    world_run_for(world, FRESH_MS - 2000);
    struct world_reply *fresh = fetch(world, STALE_MS);
    world_settle(world, 100);
    assert_value(fresh, "v1");
    assert_int_equal(fresh->marks, 0);
    world_run_for(world, 4000);
    struct world_reply *stale = fetch(world, STALE_MS), *joined = fetch(world, STALE_MS);
    world_settle(world, 100); /* nobody waits for the loader */
    assert_value(stale, "v1");
    assert_int_equal(stale->marks, RINGCACHE_STALE | RINGCACHE_WON);
    assert_int_equal(joined->marks, RINGCACHE_STALE | RINGCACHE_WON);
    assert_int_equal(stage.begun, 2);
    struct world_reply *other = fetch(world, STALE_MS);
    world_settle(world, 100);
    assert_value(other, "v1");
    assert_int_equal(other->marks, RINGCACHE_STALE | RINGCACHE_FILLING);
    assert_int_equal(stage.begun, 2);
    done(1, "v2", FRESH_MS);
    world_run_for(world, 20);
    struct world_reply *anew = fetch(world, STALE_MS);
    world_settle(world, 100);
    assert_value(anew, "v2");
    assert_int_equal(anew->marks, 0);
    world_run_for(world, FRESH_MS + STALE_MS + 1000);
    assert_stored("(none)");
    world_end(world);
}

static void a_value_about_to_end_is_given_while_it_is_made_anew(void **state)
{
    (void)state;
    on_all(gives_what_is_stale);
}

static void spares_what_replaced_the_stale(const struct backend *backend)
{
    struct world *world = begin(backend);
    engine_put(sim_server_engine(stage.server), 0, "k", rc_slice_text("v1"), 5000);
    struct world_reply *stale = fetch(world, 20000);
    world_settle(world, 100);
    assert_int_equal(stale->marks, RINGCACHE_STALE | RINGCACHE_WON);
    world_set(world, "k", "newer");
    done(0, "older", 60000);
    world_run_for(world, 20);
    assert_stored("newer");
    world_end(world);
}

static void what_replaced_a_stale_value_stays(void **state)
{
    (void)state;
    on_all(spares_what_replaced_the_stale);
}

static void outlives_its_callers(const struct backend *backend)
{
    struct world *world = begin(backend);
    uint64_t began = world_now(world);
    struct world_reply *waits = fetch_with(world, (ringcache_fetch_request){.timeout_ms = 200});
    stage.cancels = 0;
    world_settle(world, 1000);
    assert_reply(waits, RINGCACHE_ETIMEDOUT);
    assert_int_equal(waits->at_ms, began + 200);
    assert_string_equal(waits->message, "no answer within the deadline: the loader has not ended");
    struct world_reply *joins = fetch(world, 0);
    done(0, "v1", 0);
    world_settle(world, 100);
    assert_value(joins, "v1");
    world_run_for(world, 20);
    assert_stored("v1");
    assert_int_equal(stage.begun, 1);
    world_end(world);
}

static void a_load_goes_on_when_its_callers_are_gone(void **state)
{
    (void)state;
    on_all(outlives_its_callers);
}

static void is_replaced_when_late(const struct backend *backend)
{
    struct world *world = begin(backend);
    struct world_reply *waits =
        fetch_with(world, (ringcache_fetch_request){.lease_ms = 1000, .timeout_ms = 60000});
    stage.cancels = 0;
    world_run_for(world, 2100);
    struct world_reply *second = fetch(world, 0);
    world_run_for(world, 500);
    assert_int_equal(stage.begun, 2);
    done(1, "second", 0);
    world_run_for(world, 100);
    assert_value(second, "second");
    assert_int_equal(waits->calls, 0);
    done(0, "first", 0);
    world_settle(world, 100);
    assert_value(waits, "first");
    world_run_for(world, 100);
    assert_stored("second");
    world_end(world);
}

static void a_loader_that_takes_too_long_is_not_waited_for(void **state)
{
    (void)state;
    on_all(is_replaced_when_late);
}

static void is_canceled_inside(const struct backend *backend)
{
    struct world *world = begin(backend);
    struct world_reply *reply = fetch_with(world, (ringcache_fetch_request){0});
    world_settle(world, 100);
    assert_reply(reply, RINGCACHE_ECANCELED);
    done(0, "v1", 0);
    world_run_for(world, 20);
    assert_stored("v1");
    world_end(world);
}

static void a_fetch_may_be_canceled_inside_its_loader(void **state)
{
    (void)state;
    on_all(is_canceled_inside);
}

static void is_closed_inside(const struct backend *backend)
{
    for (int at_once = 0; at_once < 2; at_once++) {
        struct world *world = begin(backend);
        stage.closes = true;
        stage.at_once = at_once != 0 ? "v1" : NULL;
        struct world_reply *reply = fetch(world, 0);
        world_settle(world, 100);
        assert_reply(reply, RINGCACHE_ECANCELED);
        world_end(world);
        if (at_once == 0) { /* the load ends behind its client */
            assert_int_equal(ringcache_load_key(stage.loads[0]).len, 0);
            ringcache_load_failed(stage.loads[0], RINGCACHE_ECANCELED, NULL);
        }
    }
}

static void a_client_may_be_closed_inside_a_loader(void **state)
{
    (void)state;
    on_all(is_closed_inside);
}

static void is_closed_while_it_waits(const struct backend *backend)
{
    struct world *world = begin(backend);
    engine_put(sim_server_engine(stage.server), 0, "k", rc_slice_text("v1"), 5000);
    struct world_reply *stale = fetch(world, 20000);
    world_settle(world, 100);
    assert_value(stale, "v1");
    struct world_reply *reads = fetch(world, 0);
    world_close(world);
    world_settle(world, 100);
    assert_reply(reads, RINGCACHE_ECANCELED);
    world_end(world);
    done(0, "v2", 0);
}

static void closing_ends_reading_and_loading(void **state)
{
    (void)state;
    on_all(is_closed_while_it_waits);
}

static void gives_what_it_cannot_store(const struct backend *backend)
{
    struct world *world = world_new(62);
    stage = (struct stage){.world = world};
    stage.server = backend->add(world, "10.0.0.1", 11000);
    world_option(world, "leases", backend->leases);
    world_option(world, "max_value_bytes", "5");
    world_begin(world);
    struct world_reply *large = fetch(world, 0);
    world_run_for(world, 20);
    done(0, "123456", 0);
    world_settle(world, 100);
    assert_value(large, "123456");
    assert_string_equal(large->message, "not stored: the value is larger than max_value_bytes");
    world_run_for(world, 20);
    struct world_reply *timeless = fetch(world, 0);
    world_run_for(world, 20);
    done(1, "12345", -1);
    world_settle(world, 100);
    assert_reply(timeless, RINGCACHE_EINVAL);
    world_run_for(world, 20);
    struct world_reply *fits = fetch(world, 0);
    world_run_for(world, 20);
    done(2, "12345", 0);
    world_settle(world, 100);
    assert_value(fits, "12345");
    world_run_for(world, 20);
    assert_stored("12345");
    world_end(world);
}

static void a_value_that_cannot_be_stored_is_given_all_the_same(void **state)
{
    (void)state;
    on_all(gives_what_it_cannot_store);
}

static void classic_text_has_no_leases(void **state)
{
    (void)state;
    struct world *world = begin(&backends[1]);
    engine_set_version(sim_server_engine(stage.server), "1.4.39");
    struct world_reply *reply = fetch(world, 0);
    world_settle(world, 100);
    assert_reply(reply, RINGCACHE_ENOTSUP);
    assert_int_equal(stage.begun, 0);
    world_end(world);
}

static void a_fetch_without_key_loader_or_callback_is_refused(void **state)
{
    (void)state;
    struct world *world = begin(&backends[0]);
    ringcache_client *client = world->client;
    ringcache_fetch_request request = {.key = {"k", 1}};
    struct world_call call = world_call(world);
    assert_int_equal(ringcache_fetch(client, &request, call.cb, NULL, NULL), RINGCACHE_EINVAL);
    request.loader = loader;
    assert_int_equal(ringcache_fetch(client, &request, NULL, NULL, NULL), RINGCACHE_EINVAL);
    request.key.len = 251;
    world_refused(world, &call, ringcache_fetch(client, &request, call.cb, call.user, NULL),
        RINGCACHE_EINVAL);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(callers_of_one_key_have_it_loaded_once),
        cmocka_unit_test(a_loader_may_answer_inside_its_call),
        cmocka_unit_test(a_loader_that_fails_is_followed_by_another),
        cmocka_unit_test(a_cache_that_is_away_is_no_failure),
        cmocka_unit_test(what_is_written_meanwhile_is_not_written_over),
        cmocka_unit_test(what_an_update_found_absent_is_not_brought_back),
        cmocka_unit_test(a_value_about_to_end_is_given_while_it_is_made_anew),
        cmocka_unit_test(what_replaced_a_stale_value_stays),
        cmocka_unit_test(a_load_goes_on_when_its_callers_are_gone),
        cmocka_unit_test(a_loader_that_takes_too_long_is_not_waited_for),
        cmocka_unit_test(a_fetch_may_be_canceled_inside_its_loader),
        cmocka_unit_test(a_client_may_be_closed_inside_a_loader),
        cmocka_unit_test(closing_ends_reading_and_loading),
        cmocka_unit_test(a_value_that_cannot_be_stored_is_given_all_the_same),
        cmocka_unit_test(classic_text_has_no_leases),
        cmocka_unit_test(a_fetch_without_key_loader_or_callback_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

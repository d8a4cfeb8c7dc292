/* SPDX-License-Identifier: MIT */
/* The contract of every call: one callback, later, whatever is done inside it. */
#include "world.h"

#include <stdio.h>

static struct world *begin_mixed(uint64_t seed)
{
    struct world *world = world_new(seed);
    world_memcached(world, "10.0.0.1", 11000);
    world_redis(world, "10.0.0.2", 6379);
    world_begin(world);
    return world;
}

static void a_value_comes_back_as_it_was_stored(void **state)
{
    (void)state;
    struct world *world = begin_mixed(1);
    for (int i = 0; i < 50; i++) {
        char key[16], value[32];
        snprintf(key, sizeof key, "key%d", i);
        snprintf(value, sizeof value, "value of %d", i);
        world_set(world, key, value);
        world_settle(world, 50);
        struct world_reply *get = world_get(world, key);
        struct world_reply *delete = world_delete(world, key);
        struct world_reply *miss = world_get(world, key);
        struct world_reply *again = world_delete(world, key);
        world_settle(world, 50);
        assert_value(get, value);
        assert_reply(delete, RINGCACHE_OK);
        assert_reply(miss, RINGCACHE_MISS);
        assert_reply(again, RINGCACHE_MISS);
    }
    world_end(world);
}

static void an_answer_says_how_long_it_took(void **state)
{
    (void)state;
    struct world *world = world_new(20);
    world_memcached(world, "10.0.0.1", 11000);
    world_begin(world);
    world_get(world, "k");
    world_settle(world, 100);
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 100);
    assert_in_range(get->elapsed_us, 200, 400); /* 100 us each way */
    world_end(world);
}

static void block_and_ask(struct world *world, struct world_reply *reply)
{
    assert_reply(reply, RINGCACHE_MISS);
    world->on_reply = NULL;
    sim_block(world->sim, 1200);
    world_get(world, "k");
}

static void time_that_a_callback_takes_is_not_the_requests(void **state)
{
    (void)state;
    struct world *world = world_new(24);
    world_memcached(world, "10.0.0.1", 11000);
    world_begin(world);
    world->on_reply = block_and_ask;
    world_get(world, "k");
    world_run_for(world, 3000);
    assert_int_equal(world->answered, 2);
    assert_reply(&world->replies[1], RINGCACHE_MISS);
    world_end(world);
}

static void a_ttl_runs_out_on_both_backends(void **state)
{
    (void)state;
    struct world *world = begin_mixed(2);
    struct world_reply *before[20], *after[20];
    char keys[20][16];
    for (int i = 0; i < 20; i++) {
        snprintf(keys[i], sizeof keys[i], "key%d", i);
        ringcache_request set = {.op = RINGCACHE_SET,
            .key = {keys[i], strlen(keys[i])},
            .value = {"v", 1},
            .ttl_ms = 3000};
        world_submit(world, &set, NULL);
    }
    world_run_for(world, 1900);
    for (int i = 0; i < 20; i++) {
        before[i] = world_get(world, keys[i]);
    }
    world_run_for(world, 2200);
    for (int i = 0; i < 20; i++) {
        after[i] = world_get(world, keys[i]);
    }
    world_settle(world, 100);
    for (int i = 0; i < 20; i++) {
        assert_value(before[i], "v");
        assert_reply(after[i], RINGCACHE_MISS);
    }
    world_end(world);
}

static void a_ttl_beyond_thirty_days_is_no_date_in_the_past(void **state)
{
    (void)state;
    struct world *world = world_new(3);
    world_memcached(world, "10.0.0.1", 11000);
    world_begin(world);
    ringcache_request set = {.op = RINGCACHE_SET,
        .key = {"k", 1},
        .value = {"v", 1},
        .ttl_ms = INT64_C(40) * 24 * 3600 * 1000};
    world_submit(world, &set, NULL);
    set.key.data = "m";
    set.ttl_ms = INT64_C(100) * 365 * 24 * 3600 * 1000; /* past memcached's 32 bits */
    world_submit(world, &set, NULL);
    world_settle(world, 100);
    struct world_reply *k = world_get(world, "k"), *m = world_get(world, "m");
    world_settle(world, 100);
    assert_value(k, "v");
    assert_value(m, "v");
    world_end(world);
}

static void client_flags_travel_on_memcached_alone(void **state)
{
    (void)state;
    struct world *world = world_new(4);
    world_memcached(world, "10.0.0.1", 11000);
    world_begin(world);
    ringcache_request set = {
        .op = RINGCACHE_SET, .key = {"k", 1}, .value = {"v", 1}, .flags = 4294967295u};
    world_submit(world, &set, NULL);
    world_settle(world, 100);
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 100);
    assert_value(get, "v");
    assert_int_equal(get->flags, 4294967295u);
    assert_int_equal(ringcache_server_add(world->client, "redis://10.0.0.2:6379"), 0);
    ringcache_id id = 0;
    assert_int_equal(ringcache_submit(world->client, &set, NULL, NULL, &id), RINGCACHE_EINVAL);
    world_end(world);
}

/* ---- bad arguments: refused at the call, and no callback ever ---- */

static void never(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client;
    (void)reply;
    (void)user;
    fail_msg("a refused request was answered");
}

static void bad_arguments_are_refused_and_nothing_is_sent(void **state)
{
    (void)state;
    struct world *world = world_new(5);
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11000);
    world_option(world, "max_value_bytes", "100");
    world_begin(world);
    ringcache_client *client = world->client;
    char long_key[251], value[101] = {0};
    memset(long_key, 'k', sizeof long_key);
    assert_int_equal(ringcache_get(client, long_key, 251, never, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_get(client, "a b", 3, never, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_get(client, "a\r\nb", 4, never, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_get(client, "a\x7f", 2, never, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_get(client, "a\0b", 3, never, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_get(client, "", 0, never, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_get(client, NULL, 1, never, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_get(client, "k", 1, NULL, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_set(client, "k", 1, value, 101, 0, never, NULL), RINGCACHE_ETOOBIG);
    assert_int_equal(ringcache_set(client, "k", 1, NULL, 1, 0, never, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_set(client, "k", 1, value, 1, -1, never, NULL), RINGCACHE_EINVAL);
    assert_int_equal(
        ringcache_set(client, "k", 1, value, 1, INT64_MAX, never, NULL), RINGCACHE_EINVAL);
    ringcache_request spare = {.op = RINGCACHE_GET, .key = {"k", 1}, .ttl_ms = 5};
    assert_int_equal(ringcache_submit(client, &spare, never, NULL, NULL), RINGCACHE_EINVAL);
    spare = (ringcache_request){.op = (ringcache_op)99, .key = {"k", 1}};
    assert_int_equal(ringcache_submit(client, &spare, never, NULL, NULL), RINGCACHE_ENOTSUP);
    spare =
        (ringcache_request){.op = RINGCACHE_SET, .options = RINGCACHE_WANT_CAS, .key = {"k", 1}};
    assert_int_equal(ringcache_submit(client, &spare, never, NULL, NULL), RINGCACHE_ENOTSUP);
    spare =
        (ringcache_request){.op = RINGCACHE_GET, .options = RINGCACHE_LEND_VALUE, .key = {"k", 1}};
    assert_int_equal(ringcache_submit(client, &spare, never, NULL, NULL), RINGCACHE_ENOTSUP);
    spare = (ringcache_request){
        .op = RINGCACHE_INCREMENT, .key = {"k", 1}, .delta = (uint64_t)INT64_MAX + 1};
    assert_int_equal(ringcache_submit(client, &spare, never, NULL, NULL), RINGCACHE_EINVAL);
    spare = (ringcache_request){.op = RINGCACHE_INCREMENT, .key = {"k", 1}, .initial = 1};
    assert_int_equal(ringcache_submit(client, &spare, never, NULL, NULL), RINGCACHE_EINVAL);
    assert_true(ringcache_client_error(client)[0] != '\0');
    assert_int_equal(ringcache_ping(client, "nobody", never, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_cancel(client, 0), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_cancel(client, 12345678901234), RINGCACHE_EINVAL);
    world_run_for(world, 1000);
    assert_int_equal(sim_server_connects(server), 0);
    world_end(world);
}

static void a_namespace_is_part_of_a_keys_length(void **state)
{
    (void)state;
    struct world *world = world_new(21);
    world_memcached(world, "10.0.0.1", 11000);
    world_option(world, "namespace", "app:");
    world_begin(world);
    char key[248] = {0};
    memset(key, 'k', 246);
    struct world_reply *longest = world_set(world, key, "v");
    world_settle(world, 100);
    assert_reply(longest, RINGCACHE_OK);
    key[246] = 'k';
    assert_int_equal(ringcache_get(world->client, key, 247, never, NULL), RINGCACHE_EINVAL);
    assert_string_equal(ringcache_client_error(world->client),
        "the key with its namespace is longer than 250 bytes");
    world_end(world);
}

static void an_empty_ring_answers_that_there_is_no_server(void **state)
{
    (void)state;
    struct world *world = world_new(6);
    world_begin(world);
    assert_int_equal(world_try_get(world, "k"), RINGCACHE_ENOSERVER);
    sim_server_add(world->sim, "10.0.0.1", 11000, ENGINE_MEMCACHED);
    assert_int_equal(ringcache_server_add(world->client, "memcached://10.0.0.1:11000"), 0);
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 100);
    assert_reply(get, RINGCACHE_MISS);
    assert_int_equal(ringcache_server_remove(world->client, "10.0.0.1:11000"), 0);
    assert_int_equal(world_try_get(world, "k"), RINGCACHE_ENOSERVER);
    world_run_for(world, 100);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_REMOVED), 1);
    world_end(world);
}

/* ---- bounds ---- */

static void the_bound_on_requests_refuses_and_room_is_told(void **state)
{
    (void)state;
    struct world *world = world_new(8);
    world_memcached(world, "10.0.0.1", 11000);
    world_option(world, "max_inflight", "8");
    world_begin(world);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(world_try_get(world, "k"), 0);
    }
    assert_int_equal(world_try_get(world, "k"), RINGCACHE_EBUSY);
    world_settle(world, 100);
    world_run_for(world, 1);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_ROOM), 1);
    assert_int_equal(world_try_get(world, "k"), 0);
    world_settle(world, 100);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_ROOM), 1);
    world_end(world);
}

static void tombstones_count_until_their_replies_came(void **state)
{
    (void)state;
    struct world *world = world_new(9);
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11000);
    world_option(world, "max_inflight", "4");
    world_begin(world);
    world_get(world, "k");
    world_settle(world, 100);
    sim_server_stop(server);
    ringcache_id ids[4];
    ringcache_request get = {.op = RINGCACHE_GET, .key = {"k", 1}};
    for (int i = 0; i < 4; i++) {
        world_submit(world, &get, &ids[i]);
    }
    world_run_for(world, 5);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ringcache_cancel(world->client, ids[i]), 0);
        assert_int_equal(ringcache_cancel(world->client, ids[i]), RINGCACHE_EINVAL);
    }
    world_settle(world, 5);
    assert_reply(&world->replies[1], RINGCACHE_ECANCELED);
    assert_int_equal(world_try_get(world, "k"), RINGCACHE_EBUSY);
    sim_server_continue(server);
    world_run_for(world, 20);
    assert_int_equal(world_try_get(world, "k"), 0);
    world_settle(world, 100);
    assert_reply(&world->replies[5], RINGCACHE_MISS);
    world_end(world);
}

static void queued_bytes_stay_under_their_bound(void **state)
{
    (void)state;
    struct world *world = world_new(10);
    struct sim_server *server = world_redis(world, "10.0.0.1", 6379);
    world_option(world, "max_queued_bytes", "100000");
    world_option(world, "max_inflight", "1000000");
    world_begin(world);
    sim_server_stop(server);
    int refused = 0;
    for (int i = 0; i < 2000; i++) {
        refused += world_try_get(world, "some-key") == RINGCACHE_EBUSY;
        assert_true(world->client->env.budget.used <= 100000);
    }
    assert_true(refused > 1000);
    sim_server_continue(server);
    world_settle(world, 1000);
    world_run_for(world, 1000);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_ROOM), 1);
    assert_int_equal(world->client->env.budget.used, 0);
    world_end(world);
}

static int try_set(struct world *world, const char *key, const char *value, size_t len)
{
    const ringcache_request request = {
        .op = RINGCACHE_SET, .key = {key, strlen(key)}, .value = {value, len}};
    struct world_reply *place;
    return world_try(world, &request, NULL, &place);
}

/* One that is large may not pass where a small one still would. */
static void a_large_value_does_not_pass_the_bound(void **state)
{
    (void)state;
    static const char value[60000];
    struct world *world = world_new(10);
    world_redis(world, "10.0.0.1", 6379);
    world_option(world, "max_queued_bytes", "100000");
    world_begin(world);
    assert_int_equal(try_set(world, "first", value, sizeof value), 0);
    assert_int_equal(try_set(world, "second", value, sizeof value), RINGCACHE_EBUSY);
    assert_true(world->client->env.budget.used <= 100000);
    assert_int_equal(try_set(world, "third", value, 100), 0);
    world_settle(world, 1000);
    assert_int_equal(world->client->env.budget.used, 0);
    world_end(world);
}

/* ---- inside callbacks ---- */

static void close_inside(struct world *world, struct world_reply *reply)
{
    (void)reply;
    if (world->answered == 3) {
        world_close(world);
    }
}

static void closing_inside_a_callback_cancels_the_rest(void **state)
{
    (void)state;
    struct world *world = begin_mixed(12);
    world->on_reply = close_inside;
    for (int i = 0; i < 40; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%d", i);
        world_get(world, key);
    }
    assert_true(sim_run_idle(world->sim, 5000));
    assert_int_equal(world->closed, 1);
    size_t canceled = 0;
    for (size_t i = 0; i < world->submitted; i++) {
        canceled += world->replies[i].status == RINGCACHE_ECANCELED;
    }
    assert_true(canceled > 0);
    world_end(world);
}

static void everything_is_refused_while_closing(void **state)
{
    (void)state;
    struct world *world = begin_mixed(13);
    world_get(world, "k");
    world_run_for(world, 10);
    world_close(world);
    world_close(world); /* once more does nothing */
    ringcache_client *client = world->client;
    assert_int_equal(ringcache_get(client, "k", 1, never, NULL), RINGCACHE_ECLOSING);
    assert_int_equal(ringcache_set(client, "k", 1, "v", 1, 0, never, NULL), RINGCACHE_ECLOSING);
    assert_int_equal(ringcache_ping(client, "10.0.0.1:11000", never, NULL), RINGCACHE_ECLOSING);
    assert_int_equal(ringcache_cancel(client, 1), RINGCACHE_ECLOSING);
    assert_int_equal(ringcache_server_add(client, "memcached://10.0.0.9:1"), RINGCACHE_ECLOSING);
    assert_int_equal(ringcache_server_remove(client, "10.0.0.1:11000"), RINGCACHE_ECLOSING);
    assert_int_equal(ringcache_server_weight(client, "10.0.0.1:11000", 2), RINGCACHE_ECLOSING);
    assert_int_equal(ringcache_servers_replace(client, world->config), RINGCACHE_ECLOSING);
    assert_null(ringcache_client_ring(client));
    ringcache_explanation *explanation;
    assert_int_equal(ringcache_explain(client, "k", 1, &explanation), RINGCACHE_ECLOSING);
    assert_true(sim_run_idle(world->sim, 5000));
    world_end(world);
}

static void ask_again(struct world *world, struct world_reply *reply)
{
    assert_int_equal(reply->calls, 1);
    if (world->submitted < 100000) {
        world_get(world, "k");
    }
}

static void a_callback_may_ask_again_for_ever_without_starving_the_loop(void **state)
{
    (void)state;
    struct world *world = world_new(14);
    struct sim_server *server = world_memcached(world, "10.0.0.1", 11000);
    sim_server_kill(server);
    world_begin(world);
    world->on_reply = ask_again; /* each is refused at once: the server is down */
    world_get(world, "k");
    uint64_t began = world_now(world);
    while (world->submitted < 100000 && sim_step(world->sim)) {
        assert_true(world_now(world) < began + 100000);
    }
    world->on_reply = NULL;
    world_settle(world, 1000);
    assert_int_equal(world->answered, 100000);
    world->submitted = world->answered = 0; /* the places were used many times over */
    world_end(world);
}

static void remove_inside(struct world *world, struct world_reply *reply)
{
    if (strcmp(reply->server, "10.0.0.1:11000") == 0) {
        ringcache_server_remove(world->client, "10.0.0.1:11000");
    } else {
        ringcache_server_add(world->client, "memcached://10.0.0.1:11000");
    }
}

static void servers_may_come_and_go_inside_callbacks(void **state)
{
    (void)state;
    struct world *world = begin_mixed(15);
    world->on_reply = remove_inside;
    for (int i = 0; i < 400; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%d", i);
        world_get(world, key);
        world_run_for(world, (uint64_t)i % 3);
    }
    world_settle(world, 1000);
    for (size_t i = 0; i < world->submitted; i++) {
        assert_reply(&world->replies[i], RINGCACHE_MISS);
    }
    world_end(world);
}

/* ---- membership ---- */

static void a_server_that_leaves_finishes_what_it_has(void **state)
{
    (void)state;
    struct world *world = begin_mixed(16);
    struct world_reply *gets[50];
    for (int i = 0; i < 50; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%d", i);
        gets[i] = world_get(world, key);
    }
    uint64_t before = world->client->table->digest;
    assert_int_equal(ringcache_server_remove(world->client, "10.0.0.2:6379"), 0);
    struct world_reply *after = world_get(world, "key1");
    world_settle(world, 200);
    for (int i = 0; i < 50; i++) {
        assert_reply(gets[i], RINGCACHE_MISS);
        assert_int_equal(gets[i]->digest, before);
    }
    assert_reply(after, RINGCACHE_MISS);
    assert_string_equal(after->server, "10.0.0.1:11000");
    world_run_for(world, 10);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_RING_CHANGED), 1);
    const struct world_event *changed = world_last(world, RINGCACHE_EVENT_RING_CHANGED);
    assert_true(changed->digest == after->digest && changed->digest != before);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_REMOVED), 1);
    world_end(world);
}

static void a_refused_change_of_membership_changes_nothing(void **state)
{
    (void)state;
    struct world *world = begin_mixed(17);
    uint64_t before = world->client->table->digest;
    ringcache_client *client = world->client;
    assert_int_equal(ringcache_server_add(client, "memcached://10.0.0.1:11000"), RINGCACHE_ECONFIG);
    assert_non_null(strstr(ringcache_client_error(client), "10.0.0.1:11000"));
    assert_int_equal(ringcache_server_add(client, "http://x"), RINGCACHE_ECONFIG);
    assert_int_equal(ringcache_server_add(client, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_server_remove(client, "nobody"), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_server_remove(client, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_server_weight(client, "nobody", 2), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_server_weight(client, "10.0.0.1:11000", 0), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_server_weight(client, "10.0.0.1:11000", 101), RINGCACHE_ECONFIG);
    assert_int_equal(ringcache_servers_replace(client, NULL), RINGCACHE_EINVAL);
    world_run_for(world, 10);
    assert_true(world->client->table->digest == before);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_RING_CHANGED), 0);
    assert_int_equal(ringcache_server_weight(client, "10.0.0.1:11000", 3), 0);
    world_run_for(world, 10);
    assert_true(world->client->table->digest != before);
    world_end(world);
}

static void replacing_the_servers_keeps_those_that_stay(void **state)
{
    (void)state;
    struct world *world = world_new(18);
    struct sim_server *stays = world_memcached(world, "10.0.0.1", 11000);
    struct sim_server *goes = world_memcached(world, "10.0.0.2", 11000);
    world_begin(world);
    for (int i = 0; i < 20; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%d", i);
        world_get(world, key);
    }
    world_settle(world, 100);
    ringcache_config *next;
    assert_int_equal(ringcache_config_new(&next), 0);
    assert_int_equal(ringcache_config_add_server(next, "memcached://10.0.0.1:11000"), 0);
    assert_int_equal(ringcache_config_add_server(next, "memcached://10.0.0.3:11000"), 0);
    sim_server_add(world->sim, "10.0.0.3", 11000, ENGINE_MEMCACHED);
    assert_int_equal(ringcache_servers_replace(world->client, next), 0);
    ringcache_config_free(next);
    for (int i = 0; i < 20; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%d", i);
        world_get(world, key);
    }
    world_settle(world, 100);
    world_run_for(world, 10);
    assert_int_equal(sim_server_connects(stays), 1);
    assert_int_equal(sim_server_connections(goes), 0);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_REMOVED), 1);
    world_end(world);
}

/* ---- explaining ---- */

static void an_explanation_names_owner_state_and_target(void **state)
{
    (void)state;
    struct world *world = world_new(19);
    struct sim_server *one = world_memcached(world, "10.0.0.1", 11000);
    world_memcached(world, "10.0.0.2", 11000);
    world_begin(world);
    unsigned next = 0;
    char key[32];
    world_key_of(world, "10.0.0.1:11000", "key", &next, key);
    ringcache_explanation *e;
    assert_int_equal(ringcache_explain(world->client, key, strlen(key), &e), 0);
    assert_int_equal(ringcache_explanation_count(e), 2);
    assert_string_equal(ringcache_explanation_server(e, 0), "10.0.0.1:11000");
    assert_string_equal(ringcache_explanation_state(e, 0), "idle");
    assert_int_equal(ringcache_explanation_target(e), 0);
    assert_null(ringcache_explanation_server(e, 2));
    ringcache_explanation_free(e);
    assert_int_equal(ringcache_explain(world->client, "a b", 3, &e), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_explain(world->client, "", 0, &e), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_explain(world->client, key, 1, NULL), RINGCACHE_EINVAL);
    sim_server_kill(one);
    world_get(world, key);
    world_settle(world, 100);
    assert_int_equal(ringcache_explain(world->client, key, strlen(key), &e), 0);
    assert_string_equal(ringcache_explanation_state(e, 0), "down");
    assert_true(ringcache_explanation_reason(e, 0)[0] != '\0');
    assert_int_equal(ringcache_explanation_status(e), RINGCACHE_EDOWN);
    assert_true(ringcache_explanation_target(e) == RINGCACHE_NONE);
    ringcache_explanation_free(e);
    world_end(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_comes_back_as_it_was_stored),
        cmocka_unit_test(an_answer_says_how_long_it_took),
        cmocka_unit_test(time_that_a_callback_takes_is_not_the_requests),
        cmocka_unit_test(a_ttl_runs_out_on_both_backends),
        cmocka_unit_test(a_ttl_beyond_thirty_days_is_no_date_in_the_past),
        cmocka_unit_test(client_flags_travel_on_memcached_alone),
        cmocka_unit_test(bad_arguments_are_refused_and_nothing_is_sent),
        cmocka_unit_test(a_namespace_is_part_of_a_keys_length),
        cmocka_unit_test(an_empty_ring_answers_that_there_is_no_server),
        cmocka_unit_test(the_bound_on_requests_refuses_and_room_is_told),
        cmocka_unit_test(tombstones_count_until_their_replies_came),
        cmocka_unit_test(queued_bytes_stay_under_their_bound),
        cmocka_unit_test(a_large_value_does_not_pass_the_bound),
        cmocka_unit_test(closing_inside_a_callback_cancels_the_rest),
        cmocka_unit_test(everything_is_refused_while_closing),
        cmocka_unit_test(a_callback_may_ask_again_for_ever_without_starving_the_loop),
        cmocka_unit_test(servers_may_come_and_go_inside_callbacks),
        cmocka_unit_test(a_server_that_leaves_finishes_what_it_has),
        cmocka_unit_test(a_refused_change_of_membership_changes_nothing),
        cmocka_unit_test(replacing_the_servers_keeps_those_that_stay),
        cmocka_unit_test(an_explanation_names_owner_state_and_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

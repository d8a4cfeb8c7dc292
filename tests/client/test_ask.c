/* SPDX-License-Identifier: MIT */
/* Questions to one server by its name: its version, its figures, and to forget all that it has. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const MC = "10.0.0.1:11000";
static const char *const RD = "10.0.0.2:6379";

/* One answer, with the whole of a value. */
struct told {
    struct world *world;
    unsigned calls;
    int status, maybe_applied;
    char value[1024];
    char message[128];
    char server[64];
};

static void on_told(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct told *told = user;
    assert_ptr_equal(client, told->world->client);
    assert_true(reply->value.len < sizeof told->value);
    told->calls++;
    told->status = reply->status;
    told->maybe_applied = reply->maybe_applied;
    snprintf(told->value, sizeof told->value, "%.*s", (int)reply->value.len,
        reply->value.len > 0 ? (const char *)reply->value.data : "");
    snprintf(told->message, sizeof told->message, "%s", reply->message);
    snprintf(told->server, sizeof told->server, "%s", reply->server);
}

/* The answer to an accepted question, within a second. */
static void wait_for(struct told *told)
{
    for (int i = 0; i < 1000 && told->calls == 0; i++) {
        world_run_for(told->world, 1);
    }
    assert_int_equal(told->calls, 1);
}

static struct told version(struct world *world, const char *name)
{
    struct told told = {.world = world};
    assert_int_equal(ringcache_server_version(world->client, name, on_told, &told), 0);
    assert_int_equal(told.calls, 0);
    wait_for(&told);
    assert_string_equal(told.server, name);
    return told;
}

static struct told stats(struct world *world, const char *name, const char *section)
{
    struct told told = {.world = world};
    assert_int_equal(ringcache_server_stats(world->client, name, section, on_told, &told), 0);
    assert_int_equal(told.calls, 0);
    wait_for(&told);
    return told;
}

static struct told flush(struct world *world, const char *name)
{
    struct told told = {.world = world};
    assert_int_equal(ringcache_flush_all_data(world->client, name, on_told, &told), 0);
    assert_int_equal(told.calls, 0);
    wait_for(&told);
    return told;
}

struct pair {
    struct world *world;
    struct sim_server *memcached, *redis;
};

static const char *const ways[][2] = {
    {"integrity", "auto"}, {"integrity", "strict"}, {"protocol", "classic"}, {"connections", "3"}};

enum { WAYS = sizeof ways / sizeof *ways };

static struct pair begin(uint64_t seed, const char *option, const char *value)
{
    struct pair pair = {.world = world_new(seed)};
    pair.memcached = world_memcached(pair.world, "10.0.0.1", 11000);
    pair.redis = world_redis(pair.world, "10.0.0.2", 6379);
    world_option(pair.world, option, value);
    world_begin(pair.world);
    return pair;
}

static void a_server_says_its_version(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        struct pair pair = begin(91, ways[i][0], ways[i][1]);
        assert_string_equal(version(pair.world, MC).value, "1.6.18");
        engine_set_version(sim_server_engine(pair.memcached), "1.6.99-beta");
        assert_string_equal(version(pair.world, MC).value, "1.6.99-beta");
        assert_string_equal(version(pair.world, RD).value, "7.0.15");
        world_end(pair.world);
    }
}

static void figures_have_one_shape_on_both(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        struct pair pair = begin(92, ways[i][0], ways[i][1]);
        struct told told = stats(pair.world, MC, NULL);
        assert_int_equal(told.status, RINGCACHE_OK);
        assert_non_null(strstr(told.value, "version 1.6.18\n"));
        assert_non_null(strstr(told.value, "\ncurr_items 0\n"));
        assert_null(strstr(told.value, "STAT"));
        assert_null(strchr(told.value, '\r'));
        assert_non_null(strstr(stats(pair.world, MC, "settings").value, "item_size_max 1048576\n"));
        told = stats(pair.world, RD, NULL);
        assert_ptr_equal(
            strstr(told.value, "redis_version 7.0.15\nredis_mode standalone\n"), told.value);
        assert_string_equal(stats(pair.world, RD, "server").value, told.value);
        told = stats(pair.world, RD, "nothing");
        assert_int_equal(told.status, RINGCACHE_OK);
        assert_string_equal(told.value, "");
        world_end(pair.world);
    }
}

/* The connection stays, with all that is under way on it. */
static void a_section_that_memcached_lacks_harms_no_request(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        struct pair pair = begin(93, ways[i][0], ways[i][1]);
        stats(pair.world, MC, NULL);
        uint64_t connects = sim_server_connects(pair.memcached);
        struct told told = stats(pair.world, MC, "nonsense");
        assert_int_equal(told.status, RINGCACHE_ESERVER);
        assert_string_equal(told.message, "ERROR");
        assert_int_equal(stats(pair.world, MC, NULL).status, RINGCACHE_OK);
        assert_int_equal(sim_server_connects(pair.memcached), connects);
        world_end(pair.world);
    }
}

static void what_is_no_section_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a b", "a\r\nflush_all", "a-b", "\xc3\xa9", "a\n",
        "a1234567890123456789012345678901234567890123456789012345678901234"};
    static const char *const deeds[] = {
        "reset", "detail", "cachedump", "sizes_enable", "sizes_disable"};
    struct pair pair = begin(94, "integrity", "auto");
    ringcache_client *client = pair.world->client;
    struct told told = {.world = pair.world};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(
            ringcache_server_stats(client, MC, bad[i], on_told, &told), RINGCACHE_EINVAL);
        assert_int_equal(
            ringcache_server_stats(client, RD, bad[i], on_told, &told), RINGCACHE_EINVAL);
    }
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        assert_int_equal(
            ringcache_server_stats(client, MC, deeds[i], on_told, &told), RINGCACHE_ENOTSUP);
        assert_string_equal(stats(pair.world, RD, deeds[i]).value, "");
    }
    assert_int_equal(told.calls, 0);
    world_end(pair.world);
}

static void a_flush_empties_the_one_server_that_was_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        struct pair pair = begin(95, ways[i][0], ways[i][1]);
        struct engine *memcached = sim_server_engine(pair.memcached);
        struct engine *redis = sim_server_engine(pair.redis);
        engine_put(memcached, 0, "a", rc_slice_text("1"), 0);
        engine_put(redis, 0, "b", rc_slice_text("1"), 0);
        engine_put(redis, 1, "c", rc_slice_text("1"), 0);
        assert_int_equal(flush(pair.world, MC).status, RINGCACHE_OK);
        assert_int_equal(engine_items(memcached, 0), 0);
        assert_int_equal(engine_items(redis, 0), 1);
        assert_int_equal(flush(pair.world, RD).status, RINGCACHE_OK);
        assert_int_equal(engine_items(redis, 0), 0);
        assert_int_equal(engine_items(redis, 1), 1); /* another database */
        world_end(pair.world);
    }
}

/* Equal gets share one answer, but not across a write of this client's. */
static void a_get_behind_a_flush_shares_no_answer_from_before_it(void **state)
{
    (void)state;
    struct pair pair = begin(102, "single_flight", "yes");
    struct told flushed = {.world = pair.world};
    unsigned next = 0;
    char key[32];
    world_key_of(pair.world, RD, "key", &next, key);
    engine_put(sim_server_engine(pair.redis), 0, key, rc_slice_text("v"), 0);
    struct world_reply *before = world_get(pair.world, key);
    assert_int_equal(ringcache_flush_all_data(pair.world->client, RD, on_told, &flushed), 0);
    struct world_reply *behind = world_get(pair.world, key);
    world_settle(pair.world, 100);
    assert_value(before, "v");
    assert_reply(behind, RINGCACHE_MISS);
    assert_int_equal(flushed.status, RINGCACHE_OK);
    world_end(pair.world);
}

static void a_flush_that_is_not_answered_may_have_been_applied(void **state)
{
    (void)state;
    struct pair pair = begin(96, "timeout_ms", "100");
    assert_int_equal(version(pair.world, RD).status, RINGCACHE_OK);
    sim_server_stop(pair.redis);
    struct told told = flush(pair.world, RD);
    assert_int_equal(told.status, RINGCACHE_ETIMEDOUT);
    assert_int_equal(told.maybe_applied, 1);
    sim_server_continue(pair.redis);
    told = flush(pair.world, MC);
    assert_int_equal(told.status, RINGCACHE_OK);
    assert_int_equal(told.maybe_applied, 0);
    world_end(pair.world);
}

static void a_flush_that_memcached_forbids_is_told_in_its_words(void **state)
{
    (void)state;
    struct pair pair = begin(97, "integrity", "auto");
    version(pair.world, MC);
    engine_answer_next(sim_server_engine(pair.memcached), "flush_all", 1,
        "CLIENT_ERROR flush_all not allowed\r\n");
    struct told told = flush(pair.world, MC);
    assert_int_equal(told.status, RINGCACHE_ESERVER);
    assert_string_equal(told.message, "CLIENT_ERROR flush_all not allowed");
    assert_int_equal(told.maybe_applied, 0);
    assert_int_equal(sim_server_connects(pair.memcached), 1);
    world_end(pair.world);
}

static void within_a_namespace_nothing_is_flushed(void **state)
{
    (void)state;
    struct pair pair = begin(98, "namespace", "app:");
    struct told told = {.world = pair.world};
    engine_put(sim_server_engine(pair.redis), 0, "other", rc_slice_text("1"), 0);
    assert_int_equal(
        ringcache_flush_all_data(pair.world->client, RD, on_told, &told), RINGCACHE_ENOTSUP);
    assert_int_equal(
        ringcache_flush_all_data(pair.world->client, MC, on_told, &told), RINGCACHE_ENOTSUP);
    world_run_for(pair.world, 100);
    assert_int_equal(told.calls, 0);
    assert_int_equal(engine_items(sim_server_engine(pair.redis), 0), 1);
    assert_string_equal(version(pair.world, RD).value, "7.0.15");
    world_end(pair.world);
}

static void who_asks_nobody_is_refused(void **state)
{
    (void)state;
    struct pair pair = begin(99, "integrity", "auto");
    ringcache_client *c = pair.world->client;
    assert_int_equal(ringcache_server_version(c, "x", on_told, NULL), RINGCACHE_EINVAL);
    assert_string_equal(ringcache_client_error(c), "no server has this name");
    assert_int_equal(ringcache_server_version(c, NULL, on_told, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_server_version(c, MC, NULL, NULL), RINGCACHE_EINVAL);
    assert_string_equal(ringcache_client_error(c), "no callback");
    assert_int_equal(ringcache_server_stats(c, "x", NULL, on_told, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_flush_all_data(c, "x", on_told, NULL), RINGCACHE_EINVAL);
    world_close(pair.world);
    assert_int_equal(ringcache_server_version(c, MC, on_told, NULL), RINGCACHE_ECLOSING);
    assert_int_equal(ringcache_server_stats(c, MC, NULL, on_told, NULL), RINGCACHE_ECLOSING);
    assert_int_equal(ringcache_flush_all_data(c, MC, on_told, NULL), RINGCACHE_ECLOSING);
    world_end(pair.world);
}

static void a_question_under_way_ends_with_the_client(void **state)
{
    (void)state;
    struct pair pair = begin(100, "integrity", "auto");
    struct told told = {.world = pair.world};
    assert_int_equal(ringcache_server_stats(pair.world->client, MC, NULL, on_told, &told), 0);
    world_close(pair.world);
    world_run_for(pair.world, 10);
    assert_int_equal(told.calls, 1);
    assert_int_equal(told.status, RINGCACHE_ECANCELED);
    world_end(pair.world);
}

/* Broken in the middle: the connection goes, and with it the question. */
static void figures_that_break_off_are_none(void **state)
{
    (void)state;
    struct pair pair = begin(101, "integrity", "auto");
    version(pair.world, MC);
    sim_replace_reply(pair.memcached, sim_server_newest(pair.memcached),
        rc_slice_text("STAT a 1\r\nVALUE k 0 1\r\n"));
    struct told told = stats(pair.world, MC, NULL);
    assert_int_equal(told.status, RINGCACHE_EPROTOCOL);
    assert_string_equal(told.value, "");
    assert_int_equal(stats(pair.world, MC, NULL).status, RINGCACHE_OK);
    sim_cut_after(pair.memcached, sim_server_newest(pair.memcached), 30, SIM_FIN);
    told = stats(pair.world, MC, NULL);
    assert_int_equal(told.status, RINGCACHE_ECONNECT);
    assert_string_equal(told.value, "");
    world_end(pair.world);
}

/* As `stats conns` of a memcached with many clients: requests on the connection go on. */
static void figures_that_are_too_many_fail_alone(void **state)
{
    enum { LINES = 40000, TEXT = LINES * 40 };
    (void)state;
    char *text = malloc(TEXT);
    assert_non_null(text);
    size_t len = 0;
    for (int i = 0; i < LINES; i++) {
        len += (size_t)snprintf(text + len, TEXT - len, "STAT %d:state conn_parse_cmd\r\n", i);
    }
    snprintf(text + len, TEXT - len, "END\r\n");
    static const char *const versions[] = {"1.6.18", "1.5.6"};
    for (size_t i = 0; i < 2; i++) {
        struct pair pair = begin(101, "integrity", "auto");
        engine_set_version(sim_server_engine(pair.memcached), versions[i]);
        version(pair.world, MC);
        sim_replace_reply(pair.memcached, sim_server_newest(pair.memcached), rc_slice_text(text));
        struct told told = {.world = pair.world};
        assert_int_equal(
            ringcache_server_stats(pair.world->client, MC, "conns", on_told, &told), 0);
        struct told behind = version(pair.world, MC);
        assert_int_equal(behind.status, RINGCACHE_OK);
        assert_int_equal(told.calls, 1);
        assert_int_equal(told.status, RINGCACHE_ETOOBIG);
        assert_string_equal(told.message, "the figures are more than 1 MiB");
        assert_int_equal(stats(pair.world, MC, NULL).status, RINGCACHE_OK);
        assert_int_equal(sim_server_connects(pair.memcached), 1);
        world_end(pair.world);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_says_its_version),
        cmocka_unit_test(figures_have_one_shape_on_both),
        cmocka_unit_test(a_section_that_memcached_lacks_harms_no_request),
        cmocka_unit_test(what_is_no_section_is_refused),
        cmocka_unit_test(a_flush_empties_the_one_server_that_was_named),
        cmocka_unit_test(a_get_behind_a_flush_shares_no_answer_from_before_it),
        cmocka_unit_test(a_flush_that_is_not_answered_may_have_been_applied),
        cmocka_unit_test(a_flush_that_memcached_forbids_is_told_in_its_words),
        cmocka_unit_test(within_a_namespace_nothing_is_flushed),
        cmocka_unit_test(who_asks_nobody_is_refused),
        cmocka_unit_test(a_question_under_way_ends_with_the_client),
        cmocka_unit_test(figures_that_break_off_are_none),
        cmocka_unit_test(figures_that_are_too_many_fail_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

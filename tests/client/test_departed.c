/* SPDX-License-Identifier: MIT */
/* A server leaves the ring and joins again: what was written there in vain is made good first, and
 * where old can be told from new, nothing is read of what it held before. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/departed.h"
#include "ringcache/server.h"
#include "ringcache/stats.h"

enum { LINGER_MS = 60000 };

struct kind {
    const char *name;
    struct sim_server *(*add)(struct world *world, const char *host, uint16_t port);
    const char *uri;
    const char *version; /* of the memcached, or NULL */
    const char *connections;
};

static const struct kind kinds[] = {
    {"memcached", world_memcached, "memcached://10.0.0.1:11000", NULL, "1"},
    {"memcached, 3 connections", world_memcached, "memcached://10.0.0.1:11000", NULL, "3"},
    {"memcached, classic text", world_memcached, "memcached://10.0.0.1:11000", "1.4.39", "1"},
    {"redis", world_redis, "redis://10.0.0.1:11000", NULL, "1"},
    {"redis, 3 connections", world_redis, "redis://10.0.0.1:11000", NULL, "3"},
};

enum { KINDS = sizeof kinds / sizeof *kinds, MEMCACHEDS = 3, REDIS = 3 };

#define NAME "10.0.0.1:11000"

struct scene {
    struct world *world;
    struct sim_server *server;
    struct engine *engine;
    const struct kind *kind;
};

static struct scene open_scene(const struct kind *kind)
{
    print_message("  on %s\n", kind->name);
    struct scene s = {.world = world_new(11), .kind = kind};
    world_option(s.world, "connections", kind->connections);
    s.server = kind->add(s.world, "10.0.0.1", 11000);
    s.engine = sim_server_engine(s.server);
    if (kind->version != NULL) {
        engine_set_version(s.engine, kind->version);
    }
    return s;
}

static void write_one(struct scene *s, const char *key, const char *value)
{
    struct world_reply *set = world_set(s->world, key, value);
    world_settle(s->world, 1000);
    assert_reply(set, RINGCACHE_OK);
}

/* `k` and `l` are "v0". */
static struct scene begin(const struct kind *kind, const char *option, const char *value)
{
    struct scene s = open_scene(kind);
    if (option != NULL) {
        world_option(s.world, option, value);
    }
    world_begin(s.world);
    write_one(&s, "k", "v0");
    write_one(&s, "l", "v0");
    return s;
}

static void expect(struct scene *s, const char *key, const char *value)
{
    struct world_reply *get = world_get(s->world, key);
    world_settle(s->world, 1000);
    if (value != NULL) {
        assert_value(get, value);
    } else {
        assert_reply(get, RINGCACHE_MISS);
    }
}

static void until(struct scene *s, ringcache_event_type type, size_t count)
{
    for (unsigned ms = 0; world_count(s->world, type) < count && ms < 30000; ms++) {
        world_run_for(s->world, 1);
    }
    assert_int_equal(world_count(s->world, type), count);
}

static bool is_out(const struct scene *s)
{
    return world_count(s->world, RINGCACHE_EVENT_EJECTED) +
               world_count(s->world, RINGCACHE_EVENT_DOWN) >
           0;
}

static void until_out(struct scene *s)
{
    for (unsigned ms = 0; !is_out(s) && ms < 30000; ms++) {
        world_run_for(s->world, 1);
    }
    assert_true(is_out(s));
}

static void take_out(struct scene *s)
{
    sim_server_stop(s->server);
    world_get(s->world, "k");
    until_out(s);
}

static void write_in_vain(struct scene *s, const char *key)
{
    struct world_reply *refused = world_set(s->world, key, "v1");
    world_settle(s->world, 10);
    assert_reply(refused, RINGCACHE_EDOWN);
}

static void leave(struct scene *s)
{
    assert_int_equal(ringcache_server_remove(s->world->client, NAME), 0);
    until(s, RINGCACHE_EVENT_REMOVED, 1);
}

static void join(struct scene *s)
{
    assert_int_equal(ringcache_server_add(s->world->client, s->kind->uri), 0);
}

static const struct rc_departures *departures(const struct scene *s)
{
    return &s->world->client->departures;
}

/* ---- what was written in vain ---- */

static void a_server_that_left_joins_again_without_what_was_to_be_replaced(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s = begin(&kinds[i], NULL, NULL);
        take_out(&s);
        write_in_vain(&s, "k");
        leave(&s);
        assert_int_equal(departures(&s)->entries, 1);
        sim_server_continue(s.server);
        join(&s);
        assert_int_equal(departures(&s)->count, 0);
        expect(&s, "k", NULL);
        assert_null(engine_get(s.engine, 0, "k"));
        assert_non_null(engine_get(s.engine, 0, "l"));
        write_one(&s, "k", "v2");
        expect(&s, "k", "v2");
        world_end(s.world);
    }
}

/* A minute behind its leaving the old connection is waited for no more. */
static void what_was_unanswered_when_it_had_to_go_is_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s = begin(&kinds[i], "fence_limit_ms", "60000");
        engine_answer_next(s.engine, "client", 1000000, "-NOPERM no permission\r\n");
        world_set(s.world, "k", "v1");
        sim_server_stop(s.server);
        until_out(&s);
        assert_int_equal(ringcache_server_remove(s.world->client, NAME), 0);
        world_run_for(s.world, LINGER_MS - 100);
        assert_int_equal(departures(&s)->count, 0);
        until(&s, RINGCACHE_EVENT_REMOVED, 1);
        assert_int_equal(departures(&s)->entries, 1);
        sim_server_continue(s.server);
        world_run_for(s.world, 100);
        join(&s);
        expect(&s, "k", NULL);
        assert_null(engine_get(s.engine, 0, "k"));
        world_end(s.world);
    }
}

static void what_the_journal_missed_is_missed_when_it_joins_again(void **state)
{
    (void)state;
    struct scene s = begin(&kinds[REDIS], "journal_entries", "1");
    take_out(&s);
    write_in_vain(&s, "k");
    write_in_vain(&s, "l");
    leave(&s);
    sim_server_continue(s.server);
    join(&s);
    struct world_reply *get = world_get(s.world, "l");
    world_settle(s.world, 1000);
    assert_reply(get, RINGCACHE_EDOWN);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_HELD), 1);
    assert_int_equal(ringcache_server_readmit(s.world->client, NAME, RINGCACHE_READMIT_FLUSHED), 0);
    world_run_for(s.world, 1000);
    expect(&s, "l", NULL);
    world_end(s.world);
}

static void one_at_another_address_is_another_server(void **state)
{
    (void)state;
    struct scene s = begin(&kinds[REDIS], NULL, NULL);
    take_out(&s);
    write_in_vain(&s, "k");
    leave(&s);
    world_redis(s.world, "10.0.0.2", 11000); /* in the world; the ring is the client's own */
    assert_int_equal(ringcache_server_add(s.world->client, "redis://10.0.0.2:11000?name=" NAME), 0);
    expect(&s, "k", NULL);
    assert_int_equal(departures(&s)->entries, 1);
    world_end(s.world);
}

/* ---- what it held ---- */

static void a_memcached_that_was_elsewhere_serves_nothing_from_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEMCACHEDS; i++) {
        struct scene s = begin(&kinds[i], NULL, NULL);
        write_one(&s, "n", "7");
        leave(&s);
        join(&s);
        const ringcache_request add = {.op = RINGCACHE_INCREMENT, .key = {"n", 1}, .delta = 1};
        struct world_reply *sum = world_submit(s.world, &add, NULL);
        world_settle(s.world, 1000);
        assert_reply(sum, RINGCACHE_MISS);
        expect(&s, "k", NULL);
        write_one(&s, "k", "v1");
        expect(&s, "k", "v1");
        assert_int_equal(ringcache_server_remove(s.world->client, NAME), 0);
        until(&s, RINGCACHE_EVENT_REMOVED, 2);
        join(&s);
        expect(&s, "k", NULL);
        expect(&s, "l", NULL);
        world_end(s.world);
    }
}

static void so_does_one_that_is_back_before_it_was_gone(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEMCACHEDS; i++) {
        struct scene s = begin(&kinds[i], NULL, NULL);
        world_get(s.world, "l"); /* under way: it drains */
        assert_int_equal(ringcache_server_remove(s.world->client, NAME), 0);
        join(&s);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_REMOVED), 0);
        expect(&s, "k", NULL);
        write_one(&s, "k", "v1");
        expect(&s, "k", "v1");
        world_end(s.world);
    }
}

/* A write to `k` ends without an answer, and the ring changes twice; of the three connections one
 * goes on hanging for a while. */
static void carry_out_late(const struct kind *kind, uint64_t held)
{
    struct scene s = begin(kind, NULL, NULL);
    for (char key[] = "a"; key[0] <= 'z'; key[0]++) { /* every lane has its connection */
        world_set(s.world, key, "v0");
    }
    world_settle(s.world, 1000);
    uint64_t newest = sim_server_newest(s.server);
    for (uint64_t connection = 1; connection <= newest; connection++) {
        sim_stall(s.server, connection, true);
    }
    const ringcache_request set = {
        .op = RINGCACHE_SET, .key = {"k", 1}, .value = {"v1", 2}, .timeout_ms = 20};
    struct world_reply *late = world_submit(s.world, &set, NULL);
    world_settle(s.world, 100);
    assert_reply(late, RINGCACHE_ETIMEDOUT);
    assert_int_equal(ringcache_server_remove(s.world->client, NAME), 0);
    join(&s);
    for (uint64_t connection = 1; connection <= newest; connection++) {
        sim_stall(s.server, connection, connection == held);
    }
    world_run_for(s.world, 30);
    sim_stall(s.server, held <= newest ? held : newest, false);
    expect(&s, "k", NULL);
    world_end(s.world);
}

/* Its caller was told that it failed; carried out behind the mark of another lane, it would look
 * new. */
static void a_write_of_before_that_is_carried_out_late_is_from_before(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEMCACHEDS; i++) {
        for (uint64_t held = 1; held <= 3; held++) {
            carry_out_late(&kinds[i], held);
        }
    }
}

static void a_redis_serves_what_it_held(void **state)
{
    (void)state;
    for (size_t i = MEMCACHEDS; i < KINDS; i++) {
        struct scene s = begin(&kinds[i], NULL, NULL);
        leave(&s);
        join(&s);
        expect(&s, "k", "v0");
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_HELD), 0);
        world_end(s.world);
    }
}

static void a_redis_is_flushed_where_that_is_configured(void **state)
{
    (void)state;
    for (size_t i = MEMCACHEDS; i < KINDS; i++) {
        struct scene s = begin(&kinds[i], "on_overflow", "flush");
        leave(&s);
        join(&s);
        expect(&s, "k", NULL);
        assert_int_equal(engine_count(s.engine, "flushdb"), 1);
        write_one(&s, "k", "v1");
        expect(&s, "k", "v1");
        world_end(s.world);
    }
}

static void without_a_journal_it_serves_what_it_held(void **state)
{
    (void)state;
    struct scene s = begin(&kinds[0], "journal_entries", "0");
    leave(&s);
    assert_int_equal(departures(&s)->count, 0);
    join(&s);
    expect(&s, "k", "v0");
    world_end(s.world);
}

static void who_stays_in_the_ring_serves_what_it_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s = begin(&kinds[i], NULL, NULL);
        ringcache_client *client = s.world->client;
        assert_int_equal(ringcache_server_weight(client, NAME, 3), 0);
        assert_int_equal(ringcache_servers_replace(client, s.world->config), 0);
        world_run_for(s.world, 100);
        expect(&s, "k", "v0");
        world_end(s.world);
    }
}

/* ---- bounds ---- */

static struct rc_departed *departed(const char *name, size_t entries)
{
    char why[64], uri[64], key[24];
    struct rc_departed *d = rc_departed_new();
    assert_non_null(d);
    snprintf(uri, sizeof uri, "redis://10.0.0.1:11000?name=%s", name);
    assert_int_equal(rc_server_uri_parse(uri, &d->uri, why, sizeof why), 0);
    assert_int_equal(rc_journal_init(&d->journal, 1, 1000), 0);
    for (size_t i = 0; i < entries; i++) {
        int len = snprintf(key, sizeof key, "%zu", i);
        const struct rc_lost lost = {.key = rc_slice(key, (size_t)len)};
        rc_journal_note(&d->journal, 0, &lost, (uint64_t)i * 7919);
    }
    return d;
}

static bool is_kept(struct rc_departures *all, const char *name)
{
    struct rc_departed *like = departed(name, 0);
    struct rc_departed *found = rc_departures_take(all, &like->uri);
    bool kept = found != NULL;
    rc_departed_free(found);
    rc_departed_free(like);
    return kept;
}

/* Nobody ever asked them for anything: there is nothing to know of them. */
static void what_comes_and_goes_unasked_forgets_none_that_matters(void **state)
{
    (void)state;
    struct scene s = begin(&kinds[0], NULL, NULL);
    take_out(&s);
    write_in_vain(&s, "k");
    leave(&s);
    for (unsigned i = 0; i <= RC_DEPARTED_MAX; i++) {
        char uri[64], name[16];
        snprintf(name, sizeof name, "spare-%u", i);
        snprintf(uri, sizeof uri, "memcached://10.0.0.9:11000?name=%s&pool=gutter", name);
        assert_int_equal(ringcache_server_add(s.world->client, uri), 0);
        assert_int_equal(ringcache_server_remove(s.world->client, name), 0);
        world_run_for(s.world, 1);
    }
    assert_int_equal(s.world->client->leaving, 0);
    assert_int_equal(departures(&s)->count, 1);
    sim_server_continue(s.server);
    join(&s);
    expect(&s, "k", NULL);
    world_end(s.world);
}

static void one_that_left_before_is_known_unasked(void **state)
{
    (void)state;
    struct scene s = begin(&kinds[0], NULL, NULL);
    leave(&s);
    join(&s);
    assert_int_equal(ringcache_server_remove(s.world->client, NAME), 0);
    until(&s, RINGCACHE_EVENT_REMOVED, 2);
    assert_int_equal(departures(&s)->count, 1);
    join(&s);
    expect(&s, "k", NULL);
    world_end(s.world);
}

/* Others wrote there while it owned the keys. */
static void an_owner_that_was_never_asked_is_known_too(void **state)
{
    (void)state;
    struct scene s = open_scene(&kinds[0]);
    engine_put(s.engine, 0, "k", rc_slice_text("v0"), 0);
    world_begin(s.world);
    leave(&s);
    assert_int_equal(departures(&s)->count, 1);
    join(&s);
    expect(&s, "k", NULL);
    world_end(s.world);
}

static void those_with_nothing_to_make_good_are_forgotten_first(void **state)
{
    struct rc_departures all;
    char name[16];
    (void)state;
    rc_departures_init(&all, 1000);
    struct rc_departed *missed = departed("missed", 0);
    rc_journal_miss(&missed->journal);
    rc_departures_keep(&all, missed);
    for (unsigned i = 1; i < RC_DEPARTED_MAX + 2; i++) {
        snprintf(name, sizeof name, "s%u", i);
        rc_departures_keep(&all, departed(name, i == 2 || i == 3 ? 0 : 1));
    }
    assert_int_equal(all.forgotten, 2);
    assert_true(is_kept(&all, "missed"));
    assert_true(is_kept(&all, "s1"));
    assert_false(is_kept(&all, "s2"));
    assert_false(is_kept(&all, "s3"));
    rc_departures_deinit(&all);
}

static void of_too_many_the_oldest_is_forgotten(void **state)
{
    struct rc_departures all;
    char name[16];
    (void)state;
    rc_departures_init(&all, 1000);
    for (unsigned i = 0; i < RC_DEPARTED_MAX + 2; i++) {
        snprintf(name, sizeof name, "s%u", i);
        rc_departures_keep(&all, departed(name, 0));
    }
    assert_int_equal(all.count, RC_DEPARTED_MAX);
    assert_int_equal(all.forgotten, 2);
    assert_false(is_kept(&all, "s1"));
    assert_true(is_kept(&all, "s2"));
    assert_false(is_kept(&all, "s2"));
    rc_departures_deinit(&all);
    assert_int_equal(all.count, 0);
}

static struct rc_departed *take(struct rc_departures *all, const char *name)
{
    struct rc_departed *like = departed(name, 0);
    struct rc_departed *found = rc_departures_take(all, &like->uri);
    rc_departed_free(like);
    assert_non_null(found);
    return found;
}

static void of_more_keys_than_one_journal_holds_the_oldest_overflow(void **state)
{
    struct rc_departures all;
    (void)state;
    rc_departures_init(&all, 10);
    rc_departures_keep(&all, departed("none", 0));
    rc_departures_keep(&all, departed("a", 4));
    rc_departures_keep(&all, departed("b", 6));
    assert_int_equal(all.entries, 10);
    rc_departures_keep(&all, departed("c", 3));
    assert_int_equal(all.entries, 9);
    assert_int_equal(all.count, 4);
    assert_int_equal(all.forgotten, 0);
    struct rc_departed *a = take(&all, "a"), *b = take(&all, "b"), *none = take(&all, "none");
    assert_int_equal(a->journal.count, 0);
    assert_true(rc_journal_overflowed(&a->journal));
    assert_int_equal(b->journal.count, 6);
    assert_false(rc_journal_overflowed(&b->journal));
    assert_false(rc_journal_overflowed(&none->journal));
    rc_departed_free(a);
    rc_departed_free(b);
    rc_departed_free(none);
    assert_int_equal(all.entries, 3);
    rc_departures_deinit(&all);
}

static int append(void *user, const void *data, size_t len)
{
    strncat(user, data, len);
    return 0;
}

static void the_figures_tell_of_what_is_kept(void **state)
{
    char text[8192] = "";
    (void)state;
    struct scene s = begin(&kinds[REDIS], NULL, NULL);
    take_out(&s);
    write_in_vain(&s, "k");
    leave(&s);
    assert_int_equal(ringcache_stats_write(s.world->client, RINGCACHE_TEXT, append, text), 0);
    assert_non_null(
        strstr(text, "departed 1\ndeparted_journal_entries 1\ndeparted_forgotten_total 0\n"));
    assert_int_equal(ringcache_stats_write(s.world->client, RINGCACHE_PROMETHEUS, append, text), 0);
    assert_non_null(strstr(text, "# TYPE ringcache_departed gauge\nringcache_departed 1\n"));
    world_end(s.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_left_joins_again_without_what_was_to_be_replaced),
        cmocka_unit_test(what_was_unanswered_when_it_had_to_go_is_kept),
        cmocka_unit_test(what_the_journal_missed_is_missed_when_it_joins_again),
        cmocka_unit_test(one_at_another_address_is_another_server),
        cmocka_unit_test(a_memcached_that_was_elsewhere_serves_nothing_from_before),
        cmocka_unit_test(so_does_one_that_is_back_before_it_was_gone),
        cmocka_unit_test(a_write_of_before_that_is_carried_out_late_is_from_before),
        cmocka_unit_test(a_redis_serves_what_it_held),
        cmocka_unit_test(a_redis_is_flushed_where_that_is_configured),
        cmocka_unit_test(without_a_journal_it_serves_what_it_held),
        cmocka_unit_test(who_stays_in_the_ring_serves_what_it_holds),
        cmocka_unit_test(what_comes_and_goes_unasked_forgets_none_that_matters),
        cmocka_unit_test(one_that_left_before_is_known_unasked),
        cmocka_unit_test(an_owner_that_was_never_asked_is_known_too),
        cmocka_unit_test(those_with_nothing_to_make_good_are_forgotten_first),
        cmocka_unit_test(of_too_many_the_oldest_is_forgotten),
        cmocka_unit_test(of_more_keys_than_one_journal_holds_the_oldest_overflow),
        cmocka_unit_test(the_figures_tell_of_what_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

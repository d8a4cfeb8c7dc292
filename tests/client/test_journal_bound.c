/* SPDX-License-Identifier: MIT */
/* When more is written in vain than the journal holds, nothing old is read all the same. */
#include "ringcache/update.h"
#include "world.h"

#include <stdio.h>

struct kind {
    const char *name;
    struct sim_server *(*add)(struct world *world, const char *host, uint16_t port);
    const char *version; /* of the memcached, or NULL */
    const char *connections;
    const char *integrity;
};

static const struct kind memcacheds[] = {
    {"memcached", world_memcached, NULL, "1", "auto"},
    {"memcached, strict", world_memcached, NULL, "1", "strict"},
    {"memcached, 3 connections", world_memcached, NULL, "3", "auto"},
    {"memcached, classic text", world_memcached, "1.4.39", "1", "auto"}, /* the last */
};
static const struct kind redises[] = {
    {"redis", world_redis, NULL, "1", "auto"},
    {"redis, strict, 3 connections", world_redis, NULL, "3", "strict"},
};

enum {
    MEMCACHEDS = sizeof memcacheds / sizeof *memcacheds,
    REDISES = sizeof redises / sizeof *redises,
    KEYS = 20,
    ENTRIES = 3,
};

struct scene {
    struct world *world;
    struct sim_server *server;
    struct engine *engine;
};

static struct scene open_with(const struct kind *kind, const char *option, const char *value)
{
    print_message("  on %s\n", kind->name);
    struct scene s = {.world = world_new(5)};
    world_option(s.world, "connections", kind->connections);
    world_option(s.world, "integrity", kind->integrity);
    world_option(s.world, "journal_entries", "3");
    if (option != NULL) {
        world_option(s.world, option, value);
    }
    s.server = kind->add(s.world, "10.0.0.1", 11000);
    s.engine = sim_server_engine(s.server);
    if (kind->version != NULL) {
        engine_set_version(s.engine, kind->version);
    }
    world_begin(s.world);
    return s;
}

static struct scene open_scene(const struct kind *kind)
{
    return open_with(kind, NULL, NULL);
}

static const char *key_of(unsigned n)
{
    static char key[16];
    snprintf(key, sizeof key, "k%u", n);
    return key;
}

static void write_all(struct scene *s, const char *value)
{
    for (unsigned n = 0; n < KEYS; n++) {
        world_set(s->world, key_of(n), value);
    }
    world_settle(s->world, 2000);
}

static void expect_none(struct scene *s)
{
    for (unsigned n = 0; n < KEYS; n++) {
        struct world_reply *get = world_get(s->world, key_of(n));
        world_settle(s->world, 100);
        assert_reply(get, RINGCACHE_MISS);
    }
}

static void expect_all(struct scene *s, const char *value)
{
    for (unsigned n = 0; n < KEYS; n++) {
        struct world_reply *get = world_get(s->world, key_of(n));
        world_settle(s->world, 100);
        assert_value(get, value);
    }
}

static void until(struct scene *s, ringcache_event_type type, size_t count)
{
    for (unsigned ms = 0; world_count(s->world, type) < count && ms < 30000; ms++) {
        world_run_for(s->world, 1);
    }
    assert_int_equal(world_count(s->world, type), count);
}

/* Every key has "10"; the server falls silent, and more keys are written in vain than the journal
 * holds. */
static void overflow(struct scene *s)
{
    write_all(s, "10");
    sim_server_stop(s->server);
    world_get(s->world, "other");
    until(s, RINGCACHE_EVENT_EJECTED, 1);
    write_all(s, "11");
    assert_int_equal(world_count(s->world, RINGCACHE_EVENT_JOURNAL_HALF), 1);
    assert_int_equal(world_count(s->world, RINGCACHE_EVENT_JOURNAL_FULL), 1);
}

static void overflow_and_return(struct scene *s)
{
    overflow(s);
    sim_server_continue(s->server);
    until(s, RINGCACHE_EVENT_READMITTED, 1);
    assert_int_equal(world_count(s->world, RINGCACHE_EVENT_HELD), 0);
}

static struct world_reply *ask(struct scene *s, const ringcache_request *request)
{
    struct world_reply *reply = world_submit(s->world, request, NULL);
    world_settle(s->world, 100);
    return reply;
}

/* ---- memcached: told by their ids ---- */

static void a_memcached_comes_back_and_its_old_items_are_misses(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEMCACHEDS; i++) {
        struct scene s = open_scene(&memcacheds[i]);
        overflow_and_return(&s);
        expect_none(&s);
        world_run_for(s.world, 5);
        for (unsigned n = 0; n < KEYS; n++) {
            assert_null(engine_get(s.engine, 0, key_of(n))); /* and were deleted, once met */
        }
        write_all(&s, "12");
        expect_all(&s, "12");
        world_end(s.world);
    }
}

static void an_old_item_that_nobody_reads_is_overwritten_as_any(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEMCACHEDS; i++) {
        struct scene s = open_scene(&memcacheds[i]);
        overflow_and_return(&s);
        struct world_reply *replaced = ask(&s,
            &(ringcache_request){.op = RINGCACHE_REPLACE, .key = {"k9", 2}, .value = {"12", 2}});
        assert_reply(replaced, RINGCACHE_OK);
        struct world_reply *get = world_get(s.world, "k9");
        world_settle(s.world, 100);
        assert_value(get, "12");
        world_end(s.world);
    }
}

static void no_token_is_told_that_nobody_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEMCACHEDS; i++) {
        struct scene s = open_scene(&memcacheds[i]);
        overflow_and_return(&s);
        write_all(&s, "12");
        struct world_reply *plain = world_get(s.world, "k3");
        world_settle(s.world, 100);
        assert_value(plain, "12");
        assert_int_equal(plain->cas, 0);
        struct world_reply *token =
            ask(&s, &(ringcache_request){
                        .op = RINGCACHE_GET, .key = {"k3", 2}, .options = RINGCACHE_WANT_CAS});
        assert_value(token, "12");
        assert_int_not_equal(token->cas, 0);
        world_end(s.world);
    }
}

struct tally {
    size_t ok, missed, failed;
    unsigned done;
};

static void tally_done(
    ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    (void)client;
    struct tally *tally = user;
    *tally = (struct tally){ok, missed, failed, tally->done + 1};
}

static struct tally get_all(struct scene *s)
{
    char names[KEYS][16];
    ringcache_slice keys[KEYS];
    struct tally tally = {0};
    for (unsigned n = 0; n < KEYS; n++) {
        snprintf(names[n], sizeof names[n], "%s", key_of(n));
        keys[n] = (ringcache_slice){names[n], strlen(names[n])};
    }
    assert_int_equal(
        ringcache_get_many(s->world->client, keys, KEYS, NULL, NULL, tally_done, &tally), 0);
    world_run_for(s->world, 100);
    assert_int_equal(tally.done, 1);
    return tally;
}

static void many_keys_at_once_are_told_old_from_new_one_by_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEMCACHEDS; i++) {
        struct scene s = open_scene(&memcacheds[i]);
        overflow_and_return(&s);
        struct world_reply *set = world_set(s.world, "k5", "12");
        world_settle(s.world, 100);
        assert_reply(set, RINGCACHE_OK);
        struct tally tally = get_all(&s);
        assert_int_equal(tally.ok, 1);
        assert_int_equal(tally.missed, KEYS - 1);
        world_end(s.world);
    }
}

struct building {
    ringcache_op op;
    const char *value;
    const char *fresh; /* of "20", what it makes */
    int absent;        /* how it ends where there is nothing */
};

static const struct building buildings[] = {
    {RINGCACHE_APPEND, "7", "207", RINGCACHE_NOT_STORED},
    {RINGCACHE_PREPEND, "7", "720", RINGCACHE_NOT_STORED},
    {RINGCACHE_INCREMENT, NULL, "21", RINGCACHE_MISS},
    {RINGCACHE_DECREMENT, NULL, "19", RINGCACHE_MISS},
};

static ringcache_request building_of(const struct building *b, const char *key)
{
    return (ringcache_request){
        .op = b->op,
        .key = {key, strlen(key)},
        .value = {b->value, b->value != NULL ? 1 : 0},
        .delta = b->value == NULL,
    };
}

/* What is built on an old item would look new. */
static void nothing_is_built_on_an_old_item(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEMCACHEDS; i++) {
        for (size_t b = 0; b < sizeof buildings / sizeof *buildings; b++) {
            struct scene s = open_scene(&memcacheds[i]);
            overflow_and_return(&s);
            const ringcache_request old = building_of(&buildings[b], "k7");
            const ringcache_request fresh = building_of(&buildings[b], "k8");
            struct world_reply *built = world_submit(s.world, &old, NULL);
            struct world_reply *set = world_set(s.world, "k8", "20");
            struct world_reply *extended = world_submit(s.world, &fresh, NULL);
            struct world_reply *behind = world_get(s.world, "k8");
            world_settle(s.world, 100);
            assert_reply(built, buildings[b].absent);
            assert_reply(set, RINGCACHE_OK);
            assert_reply(extended, RINGCACHE_OK);
            assert_memory_equal(behind->value, buildings[b].fresh, strlen(buildings[b].fresh));
            struct world_reply *get = world_get(s.world, "k7");
            world_settle(s.world, 100);
            assert_reply(get, RINGCACHE_MISS);
            world_end(s.world);
        }
    }
}

static void what_is_written_behind_a_look_stays_behind_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEMCACHEDS - 1; i++) { /* classic text knows no initial */
        struct scene s = open_scene(&memcacheds[i]);
        overflow_and_return(&s);
        const ringcache_request count = {.op = RINGCACHE_INCREMENT,
            .options = RINGCACHE_WITH_INITIAL,
            .key = {"k7", 2},
            .delta = 1,
            .initial = 5};
        struct world_reply *counted = world_submit(s.world, &count, NULL);
        struct world_reply *again = world_submit(s.world, &count, NULL);
        struct world_reply *deleted = world_delete(s.world, "k7");
        struct world_reply *get = world_get(s.world, "k7");
        world_settle(s.world, 100);
        assert_reply(counted, RINGCACHE_OK);
        assert_int_equal(counted->number, 5);
        assert_reply(again, RINGCACHE_OK);
        assert_int_equal(again->number, 6);
        assert_reply(deleted, RINGCACHE_OK);
        assert_reply(get, RINGCACHE_MISS);
        world_end(s.world);
    }
}

static void a_look_that_is_lost_is_taken_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEMCACHEDS; i++) {
        struct scene s = open_scene(&memcacheds[i]);
        overflow_and_return(&s);
        const ringcache_request old = building_of(&buildings[0], "k7");
        struct world_reply *built = world_submit(s.world, &old, NULL);
        sim_step(s.world->sim);
        while (sim_server_newest(s.server) != 0) {
            sim_end(s.server, sim_server_newest(s.server), SIM_RST);
        }
        world_settle(s.world, 1000);
        assert_reply(built, RINGCACHE_NOT_STORED);
        world_end(s.world);
    }
}

static void a_token_from_before_holds_for_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEMCACHEDS; i++) {
        struct scene s = open_scene(&memcacheds[i]);
        write_all(&s, "10");
        struct world_reply *token =
            ask(&s, &(ringcache_request){
                        .op = RINGCACHE_GET, .key = {"k7", 2}, .options = RINGCACHE_WANT_CAS});
        overflow_and_return(&s);
        struct world_reply *cas = ask(
            &s, &(ringcache_request){
                    .op = RINGCACHE_CAS, .key = {"k7", 2}, .value = {"12", 2}, .cas = token->cas});
        assert_true(cas->status == RINGCACHE_EXISTS || cas->status == RINGCACHE_MISS);
        struct world_reply *get = world_get(s.world, "k7");
        world_settle(s.world, 100);
        assert_reply(get, RINGCACHE_MISS);
        world_end(s.world);
    }
}

static void a_lease_is_given_in_place_of_an_old_item(void **state)
{
    (void)state;
    struct scene s = open_with(&memcacheds[0], "leases", "yes");
    overflow_and_return(&s);
    struct world_reply *get = world_get(s.world, "k2");
    world_settle(s.world, 100);
    assert_reply(get, RINGCACHE_MISS);
    world_end(s.world);
}

static void the_divide_goes_with_the_process_that_had_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEMCACHEDS; i++) {
        struct scene s = open_scene(&memcacheds[i]);
        overflow_and_return(&s);
        sim_server_restart(s.server, false);
        engine_set_cas(s.engine, 0);
        world_run_for(s.world, 2000);
        write_all(&s, "12");
        expect_all(&s, "12");
        world_end(s.world);
    }
}

/* ---- those that have no mark ---- */

static void a_redis_is_held_until_it_is_readmitted(void **state)
{
    (void)state;
    for (size_t i = 0; i < REDISES; i++) {
        struct scene s = open_scene(&redises[i]);
        overflow(&s);
        sim_server_continue(s.server);
        until(&s, RINGCACHE_EVENT_HELD, 1);
        world_run_for(s.world, 20000);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_READMITTED), 0);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_HELD), 1);
        struct world_reply *refused = world_get(s.world, "k1");
        world_settle(s.world, 1);
        assert_reply(refused, RINGCACHE_EDOWN);
        assert_non_null(strstr(refused->message, "ringcache_server_readmit"));
        assert_int_equal(
            ringcache_server_readmit(s.world->client, "10.0.0.1:11000", RINGCACHE_READMIT_AS_IT_IS),
            0);
        world_run_for(s.world, 10);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_READMITTED), 1);
        struct world_reply *as_it_is = world_get(s.world, "k15");
        world_settle(s.world, 100);
        assert_value(as_it_is, "10");
        world_end(s.world);
    }
}

static void a_redis_comes_back_flushed_when_it_is_said(void **state)
{
    (void)state;
    for (size_t i = 0; i < REDISES; i++) {
        struct scene s = open_scene(&redises[i]);
        overflow(&s);
        assert_int_equal(
            ringcache_server_readmit(s.world->client, "10.0.0.1:11000", RINGCACHE_READMIT_AS_IT_IS),
            0);
        assert_int_equal(
            ringcache_server_readmit(s.world->client, "10.0.0.1:11000", RINGCACHE_READMIT_FLUSHED),
            0); /* the last word counts */
        sim_server_continue(s.server);
        until(&s, RINGCACHE_EVENT_READMITTED, 1);
        assert_int_equal(engine_count(s.engine, "flushdb"), 1);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_HELD), 0);
        expect_none(&s);
        write_all(&s, "12");
        expect_all(&s, "12");
        world_end(s.world);
    }
}

static void a_redis_is_flushed_where_that_is_configured(void **state)
{
    (void)state;
    for (size_t i = 0; i < REDISES; i++) {
        struct scene s = open_with(&redises[i], "on_overflow", "flush");
        overflow_and_return(&s);
        assert_int_equal(engine_count(s.engine, "flushdb"), 1);
        expect_none(&s);
        world_end(s.world);
    }
}

static void a_flush_that_is_refused_is_tried_again(void **state)
{
    (void)state;
    struct scene s = open_with(&redises[0], "on_overflow", "flush");
    overflow(&s);
    engine_answer_next(s.engine, "flushdb", 6, "-NOPERM no permission to run 'flushdb'\r\n");
    sim_server_continue(s.server);
    world_run_for(s.world, 300);
    struct world_reply *refused = world_get(s.world, "k1");
    world_settle(s.world, 1);
    assert_reply(refused, RINGCACHE_EAUTH);
    assert_non_null(strstr(refused->message, "cannot be flushed: NOPERM"));
    until(&s, RINGCACHE_EVENT_READMITTED, 1);
    expect_none(&s);
    world_end(s.world);
}

static void a_flush_stays_within_no_namespace_and_is_not_done(void **state)
{
    (void)state;
    struct world *world = world_new(5);
    world_option(world, "journal_entries", "3");
    world_option(world, "on_overflow", "flush");
    world_option(world, "namespace", "app:");
    struct scene s = {.world = world, .server = world_redis(world, "10.0.0.1", 11000)};
    s.engine = sim_server_engine(s.server);
    world_begin(world);
    overflow(&s);
    assert_int_equal(
        ringcache_server_readmit(world->client, "10.0.0.1:11000", RINGCACHE_READMIT_FLUSHED),
        RINGCACHE_ENOTSUP);
    sim_server_continue(s.server);
    until(&s, RINGCACHE_EVENT_HELD, 1);
    assert_int_equal(engine_count(s.engine, "flushdb"), 0);
    world_end(world);
}

static void what_does_not_wait_cannot_be_readmitted(void **state)
{
    (void)state;
    struct scene s = open_scene(&redises[0]);
    ringcache_client *client = s.world->client;
    const char *name = "10.0.0.1:11000";
    assert_int_equal(
        ringcache_server_readmit(client, name, RINGCACHE_READMIT_AS_IT_IS), RINGCACHE_EINVAL);
    assert_int_equal(
        ringcache_server_readmit(client, "nobody", RINGCACHE_READMIT_AS_IT_IS), RINGCACHE_EINVAL);
    overflow(&s);
    assert_int_equal(
        ringcache_server_readmit(client, name, (ringcache_readmission)0), RINGCACHE_EINVAL);
    world_close(s.world);
    assert_int_equal(
        ringcache_server_readmit(client, name, RINGCACHE_READMIT_AS_IT_IS), RINGCACHE_ECLOSING);
    world_end(s.world);
}

/* A write that expires unsent while its server is in service may be one too many. */
static void a_redis_in_service_is_held_as_well(void **state)
{
    (void)state;
    struct scene s = open_scene(&redises[0]);
    write_all(&s, "10");
    sim_end(s.server, sim_server_newest(s.server), SIM_RST);
    sim_server_pause_accept(s.server, true);
    world_run_for(s.world, 5);
    for (unsigned n = 0; n < KEYS; n++) {
        const ringcache_request brief = {.op = RINGCACHE_SET,
            .key = {key_of(n), strlen(key_of(n))},
            .value = {"11", 2},
            .timeout_ms = 20};
        world_submit(s.world, &brief, NULL);
    }
    struct world_reply *get = world_get(s.world, "k15");
    world_run_for(s.world, 50);
    sim_server_pause_accept(s.server, false);
    world_settle(s.world, 1000);
    assert_int_equal(world_count(s.world, RINGCACHE_EVENT_HELD), 1);
    assert_reply(get, RINGCACHE_EDOWN);
    world_end(s.world);
}

/* ---- what an operator sees ---- */

struct page {
    char text[16384];
    size_t len;
};

static int put(void *user, const void *data, size_t len)
{
    struct page *page = user;
    assert_true(page->len + len < sizeof page->text);
    memcpy(page->text + page->len, data, len);
    page->len += len;
    page->text[page->len] = '\0';
    return 0;
}

static void the_figures_of_the_journal_are_told(void **state)
{
    (void)state;
    struct scene s = open_scene(&redises[0]);
    static struct page page;
    overflow(&s);
    page.len = 0;
    assert_int_equal(ringcache_stats_write(s.world->client, RINGCACHE_TEXT, put, &page), 0);
    assert_non_null(strstr(page.text, " state down "));
    assert_non_null(strstr(page.text,
        " held 1 journal_entries 3 journal_noted_total 20 journal_missed_total 17 "
        "journal_deleted_total 0 "));
    sim_server_continue(s.server);
    until(&s, RINGCACHE_EVENT_HELD, 1);
    assert_int_equal(
        ringcache_server_readmit(s.world->client, "10.0.0.1:11000", RINGCACHE_READMIT_AS_IT_IS), 0);
    until(&s, RINGCACHE_EVENT_READMITTED, 1);
    page.len = 0;
    assert_int_equal(ringcache_stats_write(s.world->client, RINGCACHE_TEXT, put, &page), 0);
    assert_non_null(strstr(page.text, " held 0 journal_entries 0 "));
    assert_non_null(strstr(page.text, " journal_deleted_total 3 "));
    world_end(s.world);
}

static void an_explanation_says_what_a_key_waits_for(void **state)
{
    (void)state;
    struct scene s = open_with(&redises[0], "namespace", "n:");
    overflow(&s);
    sim_server_continue(s.server);
    until(&s, RINGCACHE_EVENT_HELD, 1);
    ringcache_explanation *first, *last;
    assert_int_equal(ringcache_explain(s.world->client, "k0", 2, &first), 0);
    assert_int_equal(ringcache_explain(s.world->client, "k19", 3, &last), 0);
    assert_string_equal(ringcache_explanation_state(first, 0), "held");
    assert_int_equal(ringcache_explanation_journalled(first, 0), 1);
    assert_int_equal(ringcache_explanation_journalled(last, 0), 0);
    assert_int_equal(ringcache_explanation_journalled(last, 1), 0);
    ringcache_explanation_free(first);
    ringcache_explanation_free(last);
    world_end(s.world);
}

/* ---- locks ---- */

/* One ends by itself, and nobody wrote in vain what it guards: the divide is none for it. */
static void a_lock_that_is_held_stays_held(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEMCACHEDS; i++) {
        struct scene s = open_scene(&memcacheds[i]);
        uint64_t token = 0, other = 0;
        struct world_call call = world_call(s.world);
        struct world_reply *taken = world_called(s.world, &call,
            ringcache_lock(s.world->client, "l", 1, 600000, &token, call.cb, call.user));
        world_settle(s.world, 100);
        assert_reply(taken, RINGCACHE_OK);
        overflow_and_return(&s);
        call = world_call(s.world);
        struct world_reply *refused = world_called(s.world, &call,
            ringcache_lock(s.world->client, "l", 1, 600000, &other, call.cb, call.user));
        call = world_call(s.world);
        struct world_reply *extended = world_called(s.world, &call,
            ringcache_lock_extend(s.world->client, "l", 1, token, 600000, call.cb, call.user));
        world_settle(s.world, 100);
        assert_reply(refused, RINGCACHE_NOT_STORED);
        assert_reply(extended, RINGCACHE_OK);
        call = world_call(s.world);
        struct world_reply *released = world_called(s.world, &call,
            ringcache_lock_release(s.world->client, "l", 1, token, call.cb, call.user));
        world_settle(s.world, 100);
        assert_reply(released, RINGCACHE_OK);
        world_end(s.world);
    }
}

/* ---- empty ---- */

static void on_an_empty_server_nothing_is_deleted(const struct kind *kind)
{
    struct scene s = open_scene(kind);
    overflow(&s);
    uint64_t deletes = engine_count(s.engine, "md") + engine_count(s.engine, "delete") +
                       engine_count(s.engine, "del");
    sim_server_restart(s.server, false);
    until(&s, RINGCACHE_EVENT_READMITTED, 1);
    expect_none(&s);
    assert_int_equal(engine_count(s.engine, "md") + engine_count(s.engine, "delete") +
                         engine_count(s.engine, "del"),
        deletes);
    write_all(&s, "12");
    expect_all(&s, "12");
    world_end(s.world);
}

static void a_server_that_comes_back_empty_serves_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < MEMCACHEDS; i++) {
        on_an_empty_server_nothing_is_deleted(&memcacheds[i]);
    }
    for (size_t i = 0; i < REDISES; i++) {
        on_an_empty_server_nothing_is_deleted(&redises[i]);
    }
}

static void a_server_that_does_not_say_how_much_it_has_is_not_empty(void **state)
{
    (void)state;
    struct scene s = open_scene(&redises[0]);
    overflow(&s);
    sim_server_restart(s.server, false);
    engine_answer_next(s.engine, "info", 100, "-NOPERM no permission to run 'info'\r\n");
    until(&s, RINGCACHE_EVENT_HELD, 1);
    world_end(s.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_memcached_comes_back_and_its_old_items_are_misses),
        cmocka_unit_test(an_old_item_that_nobody_reads_is_overwritten_as_any),
        cmocka_unit_test(no_token_is_told_that_nobody_asked_for),
        cmocka_unit_test(many_keys_at_once_are_told_old_from_new_one_by_one),
        cmocka_unit_test(nothing_is_built_on_an_old_item),
        cmocka_unit_test(what_is_written_behind_a_look_stays_behind_it),
        cmocka_unit_test(a_look_that_is_lost_is_taken_again),
        cmocka_unit_test(a_token_from_before_holds_for_nothing),
        cmocka_unit_test(a_lease_is_given_in_place_of_an_old_item),
        cmocka_unit_test(the_divide_goes_with_the_process_that_had_it),
        cmocka_unit_test(a_redis_is_held_until_it_is_readmitted),
        cmocka_unit_test(a_redis_comes_back_flushed_when_it_is_said),
        cmocka_unit_test(a_redis_is_flushed_where_that_is_configured),
        cmocka_unit_test(a_flush_that_is_refused_is_tried_again),
        cmocka_unit_test(a_flush_stays_within_no_namespace_and_is_not_done),
        cmocka_unit_test(what_does_not_wait_cannot_be_readmitted),
        cmocka_unit_test(a_redis_in_service_is_held_as_well),
        cmocka_unit_test(the_figures_of_the_journal_are_told),
        cmocka_unit_test(an_explanation_says_what_a_key_waits_for),
        cmocka_unit_test(a_lock_that_is_held_stays_held),
        cmocka_unit_test(a_server_that_comes_back_empty_serves_at_once),
        cmocka_unit_test(a_server_that_does_not_say_how_much_it_has_is_not_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Two clients of one process and one server: what one of them finds out, the other knows. Each has
 * its own connection, and only that of the first is in trouble. The linker puts the wrapper below
 * in the place of the function of src/base/alloc.c. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/shared.h"
#include "ringcache/fetch.h"

enum { CLIENTS = 2, TIMEOUT = 500 };

static bool starves;

void *__real_rc_alloc(size_t size);
void *__wrap_rc_alloc(size_t size);

void *__wrap_rc_alloc(size_t size)
{
    return starves ? NULL : __real_rc_alloc(size);
}

struct told {
    int status;
    char value[16];
    unsigned calls;
};

struct member {
    struct sim_client *host;
    ringcache_client *client;
    unsigned closed;
    unsigned events[RINGCACHE_EVENT_HELD + 1];
    uint64_t readmitted_ms;
    struct scene *scene;
};

struct scene {
    struct sim *sim;
    struct sim_server *server;
    struct engine *engine;
    ringcache_shared *shared;
    struct member members[CLIENTS];
    struct told after; /* what the second read in the callback of the first */
};

static void transport_stays(struct rc_transport *transport)
{
    (void)transport; /* the simulator frees it */
}

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    (void)client;
    struct member *member = user;
    member->events[event->type]++;
    if (event->type == RINGCACHE_EVENT_READMITTED) {
        member->readmitted_ms = sim_now_ms(member->scene->sim);
    }
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client;
    struct told *told = user;
    told->status = reply->status;
    snprintf(told->value, sizeof told->value, "%.*s", (int)reply->value.len,
        (const char *)reply->value.data);
    told->calls++;
}

static ringcache_config *config_of(const char *uri, const char *option, const char *value)
{
    ringcache_config *config;
    assert_int_equal(ringcache_config_new(&config), 0);
    assert_int_equal(ringcache_config_add_server(config, uri), 0);
    if (option != NULL) {
        assert_int_equal(ringcache_config_set(config, option, value), 0);
    }
    return config;
}

static void begin_member(struct scene *s, struct member *member, const ringcache_config *config)
{
    member->scene = s;
    member->host = sim_client_new(s->sim);
    assert_int_equal(
        rc_client_new(&member->client, sim_client_transport(member->host), transport_stays, config),
        0);
    ringcache_client_on_event(member->client, on_event, member);
}

static struct scene *begin(bool redis, bool share, const char *option, const char *value)
{
    struct scene *s = calloc(1, sizeof *s);
    assert_non_null(s);
    struct sim_options options = sim_options(31);
    options.start_ms = 1000000;
    s->sim = sim_new(&options);
    s->server = sim_server_add(s->sim, "10.0.0.1", 11000, redis ? ENGINE_REDIS : ENGINE_MEMCACHED);
    s->engine = sim_server_engine(s->server);
    ringcache_config *config =
        config_of(redis ? "redis://10.0.0.1:11000" : "memcached://10.0.0.1:11000", option, value);
    assert_int_equal(ringcache_shared_new(&s->shared), 0);
    for (size_t i = 0; i < CLIENTS; i++) {
        begin_member(s, &s->members[i], config);
        if (share) {
            assert_int_equal(ringcache_client_share(s->members[i].client, s->shared), 0);
        }
    }
    ringcache_config_free(config);
    return s;
}

static void on_close(ringcache_client *client, void *user)
{
    (void)client;
    ((struct member *)user)->closed++;
}

static void end(struct scene *s)
{
    ringcache_shared_free(s->shared); /* those who take part hold it */
    for (size_t i = 0; i < CLIENTS; i++) {
        if (s->members[i].closed == 0) {
            ringcache_client_close(s->members[i].client, on_close, &s->members[i]);
        }
    }
    assert_true(sim_run_idle(s->sim, 5000));
    for (size_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(s->members[i].closed, 1);
    }
    sim_free(s->sim);
    free(s);
}

static struct told *ask(struct member *member, ringcache_op op, const char *key, const char *value)
{
    static struct told told[64];
    static size_t next;
    struct told *place = &told[next++ % 64];
    const ringcache_request request = {
        .op = op, .key = {key, strlen(key)}, .value = {value, value != NULL ? strlen(value) : 0}};
    *place = (struct told){.calls = 0};
    assert_int_equal(ringcache_submit(member->client, &request, on_reply, place, NULL), 0);
    return place;
}

static void settle(struct scene *s, const struct told *told)
{
    for (unsigned ms = 0; told->calls == 0 && ms < 5000; ms++) {
        sim_run_for(s->sim, 1);
    }
    assert_int_equal(told->calls, 1);
}

static void expect(
    struct scene *s, struct member *member, const char *key, int status, const char *value)
{
    struct told *told = ask(member, RINGCACHE_GET, key, NULL);
    settle(s, told);
    assert_int_equal(told->status, status);
    assert_string_equal(told->value, value);
}

/* Both have connected, and "k" is "v0"; the first one's connection then hangs, and no other one is
 * served. */
static void hang_the_first(struct scene *s)
{
    struct told *set = ask(&s->members[0], RINGCACHE_SET, "k", "v0");
    settle(s, set);
    uint64_t connection = sim_server_newest(s->server);
    expect(s, &s->members[1], "k", RINGCACHE_OK, "v0");
    sim_stall(s->server, connection, true);
    sim_server_pause_accept(s->server, true);
}

static void until_it_is_out(struct scene *s, struct member *member)
{
    ask(member, RINGCACHE_GET, "k", NULL);
    for (unsigned ms = 0; member->events[RINGCACHE_EVENT_EJECTED] == 0 && ms < 5000; ms++) {
        sim_run_for(s->sim, 1);
    }
    assert_int_equal(member->events[RINGCACHE_EVENT_EJECTED], 1);
}

static void read_by_the_second(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client;
    struct scene *s = user;
    assert_int_equal(reply->status, RINGCACHE_EDOWN);
    assert_int_equal(ringcache_get(s->members[1].client, "k", 1, on_reply, &s->after), 0);
}

static void write_in_vain(struct scene *s)
{
    hang_the_first(s);
    until_it_is_out(s, &s->members[0]);
    assert_int_equal(
        ringcache_set(s->members[0].client, "k", 1, "v1", 2, 0, read_by_the_second, s), 0);
    settle(s, &s->after);
}

static void what_one_wrote_in_vain_no_other_reads_as_it_was(void **state)
{
    (void)state;
    for (int redis = 0; redis < 2; redis++) {
        struct scene *s = begin(redis != 0, true, NULL, NULL);
        write_in_vain(s);
        assert_int_equal(s->after.status, RINGCACHE_MISS);
        end(s);
    }
}

static void those_that_do_not_share_read_it_as_it_was(void **state)
{
    (void)state;
    struct scene *s = begin(false, false, NULL, NULL);
    write_in_vain(s);
    assert_int_equal(s->after.status, RINGCACHE_OK);
    assert_string_equal(s->after.value, "v0");
    end(s);
}

static void a_write_in_doubt_is_told_too(void **state)
{
    (void)state;
    struct scene *s = begin(false, true, NULL, NULL);
    struct told *set = ask(&s->members[0], RINGCACHE_SET, "k", "v0");
    settle(s, set);
    uint64_t connection = sim_server_newest(s->server);
    expect(s, &s->members[1], "k", RINGCACHE_OK, "v0");
    sim_stall(s->server, connection, true);
    set = ask(&s->members[0], RINGCACHE_SET, "k", "v1");
    sim_run_for(s->sim, 5);
    sim_server_pause_accept(s->server, true);
    sim_end(s->server, connection, SIM_RST);
    settle(s, set);
    assert_int_equal(set->status, RINGCACHE_ECONNECT);
    expect(s, &s->members[1], "k", RINGCACHE_MISS, "");
    end(s);
}

static void what_is_told_is_deleted_in_front_of_later_writes(void **state)
{
    (void)state;
    struct scene *s = begin(false, true, "connections", "3");
    write_in_vain(s);
    struct told *set = ask(&s->members[1], RINGCACHE_SET, "k", "v2");
    settle(s, set);
    sim_run_for(s->sim, 100);
    expect(s, &s->members[1], "k", RINGCACHE_OK, "v2");
    end(s);
}

static void an_idle_client_is_told_of_an_outage_and_of_its_end(void **state)
{
    (void)state;
    for (int redis = 0; redis < 2; redis++) {
        struct scene *s = begin(redis != 0, true, NULL, NULL);
        expect(s, &s->members[0], "k", RINGCACHE_MISS, "");
        expect(s, &s->members[1], "k", RINGCACHE_MISS, "");
        sim_server_stop(s->server);
        until_it_is_out(s, &s->members[0]);
        sim_run_for(s->sim, 2 * TIMEOUT + 10); /* silence, and a probe of its own */
        assert_int_equal(s->members[1].events[RINGCACHE_EVENT_EJECTED], 1);
        sim_run_for(s->sim, 20000); /* probes are far apart by now */
        sim_server_continue(s->server);
        for (unsigned ms = 0;
             ms < 20000 && (s->members[0].readmitted_ms == 0 || s->members[1].readmitted_ms == 0);
             ms++) {
            sim_run_for(s->sim, 1);
        }
        assert_true(s->members[0].readmitted_ms > 0 && s->members[1].readmitted_ms > 0);
        int64_t apart = (int64_t)(s->members[0].readmitted_ms - s->members[1].readmitted_ms);
        assert_true(llabs(apart) <= 10);
        end(s);
    }
}

/* ---- keys in doubt ---- */

enum { FENCE_LIMIT_MS = 10000, MINUTE_MS = 60000, SOON_MS = 50 };

static bool server_holds(const struct scene *s, const char *key, const char *value)
{
    const struct store_item *item = engine_get(s->engine, 0, key);
    return item != NULL && item->value_len == strlen(value) &&
           memcmp(item->value, value, item->value_len) == 0;
}

static void write_as(struct scene *s, struct member *member, const char *key, const char *value)
{
    struct told *set = ask(member, RINGCACHE_SET, key, value);
    settle(s, set);
    assert_int_equal(set->status, RINGCACHE_OK);
}

static bool is_out(const struct member *member)
{
    return member->events[RINGCACHE_EVENT_EJECTED] + member->events[RINGCACHE_EVENT_DOWN] > 0;
}

/* "k" and "l" are "v0"; the first client writes "v1" to "k", on a connection that hangs, and gives
 * it up. Its number. */
static uint64_t give_up_the_first(struct scene *s)
{
    write_as(s, &s->members[0], "k", "v0");
    uint64_t connection = sim_server_newest(s->server);
    write_as(s, &s->members[1], "l", "v0");
    engine_answer_next(s->engine, "client", 1000000, "-NOPERM no permission\r\n");
    sim_stall(s->server, connection, true);
    ask(&s->members[0], RINGCACHE_SET, "k", "v1");
    for (unsigned ms = 0; !is_out(&s->members[0]) && ms < 5000; ms++) {
        sim_run_for(s->sim, 1);
    }
    assert_true(is_out(&s->members[0]));
    return connection;
}

static struct scene *begin_doubt(bool redis, uint64_t *connection)
{
    struct scene *s = begin(redis, true, NULL, NULL);
    *connection = give_up_the_first(s);
    return s;
}

static void what_one_gave_up_undoes_no_newer_write_of_another(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t connection;
        struct scene *s = begin_doubt(i % 2 != 0, &connection);
        bool late = i / 2 != 0; /* the first serves meanwhile, with keys in doubt of its own */
        write_as(s, &s->members[1], "k", "v2");
        expect(s, &s->members[1], "k", RINGCACHE_MISS, "");
        expect(s, &s->members[1], "l", RINGCACHE_OK, "v0");
        sim_run_for(s->sim, late ? FENCE_LIMIT_MS + SOON_MS : 0);
        struct told *add = ask(&s->members[1], RINGCACHE_ADD, "k", "v2");
        settle(s, add);
        assert_int_equal(add->status, RINGCACHE_EDOWN);
        sim_stall(s->server, connection, false);
        while (!server_holds(s, "k", "v1")) {
            assert_true(sim_step(s->sim));
        }
        expect(s, &s->members[1], "k", RINGCACHE_MISS, "");
        sim_run_for(s->sim, 1000);
        expect(s, &s->members[1], "k", RINGCACHE_MISS, "");
        assert_null(engine_get(s->engine, 0, "k"));
        write_as(s, &s->members[1], "k", "v3");
        expect(s, &s->members[0], "k", RINGCACHE_OK, "v3");
        expect(s, &s->members[1], "k", RINGCACHE_OK, "v3");
        end(s);
    }
}

/* The end is seen between any two steps of the world: never is the old value read. */
static void in_the_moment_that_a_doubt_ends_nothing_old_is_read(void **state)
{
    (void)state;
    uint64_t connection;
    struct scene *s = begin_doubt(false, &connection);
    write_as(s, &s->members[1], "k", "v2");
    sim_run_for(s->sim, FENCE_LIMIT_MS + SOON_MS);
    sim_stall(s->server, connection, false);
    struct told *reads[400];
    for (unsigned i = 0; i < 400; i++) {
        reads[i] = ask(&s->members[1], RINGCACHE_GET, "k", NULL);
        if (i >= 40) {
            assert_true(reads[i - 40]->calls == 0 || reads[i - 40]->status == RINGCACHE_MISS);
        }
        (void)sim_step(s->sim);
    }
    end(s);
}

static void a_doubt_ends_with_what_told_of_it(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 4; how++) {
        uint64_t connection;
        struct scene *s = begin_doubt(false, &connection);
        write_as(s, &s->members[1], "k", "v2");
        expect(s, &s->members[1], "k", RINGCACHE_MISS, "");
        if (how == 0) { /* its client */
            ringcache_client_close(s->members[0].client, on_close, &s->members[0]);
        } else if (how == 1) { /* its server, which waits a minute for it */
            assert_int_equal(ringcache_server_remove(s->members[0].client, "10.0.0.1:11000"), 0);
            expect(s, &s->members[1], "k", RINGCACHE_MISS, "");
            sim_run_for(s->sim, MINUTE_MS + SOON_MS);
        } else if (how == 2) { /* its peer's word */
            sim_end(s->server, connection, SIM_RST);
        } else { /* its time */
            sim_run_for(s->sim, FENCE_LIMIT_MS + MINUTE_MS + 2000);
        }
        sim_run_for(s->sim, SOON_MS);
        expect(s, &s->members[1], "k", RINGCACHE_MISS, "");
        write_as(s, &s->members[1], "k", "v3");
        expect(s, &s->members[1], "k", RINGCACHE_OK, "v3");
        end(s);
    }
}

static void expect_in_own_words(struct scene *s, const char *value)
{
    static const ringcache_slice words[] = {{"GET", 3}, {"k", 1}};
    struct told told = {.calls = 0};
    assert_int_equal(ringcache_command(s->members[1].client, words, 2, NULL, on_reply, &told), 0);
    settle(s, &told);
    assert_int_equal(told.status, RINGCACHE_OK);
    assert_string_equal(told.value, value);
}

/* No answer of the client's own is kept from the server, nor is anything deleted for them before
 * the connection is waited for no more. */
static void a_callers_own_words_read_what_is_in_doubt(void **state)
{
    (void)state;
    uint64_t connection;
    struct scene *s = begin_doubt(true, &connection);
    expect(s, &s->members[1], "k", RINGCACHE_MISS, "");
    expect_in_own_words(s, "v0");
    sim_run_for(s->sim, FENCE_LIMIT_MS + SOON_MS);
    expect_in_own_words(s, "");
    write_as(s, &s->members[1], "k", "v2");
    expect_in_own_words(s, "v2");
    sim_stall(s->server, connection, false);
    while (!server_holds(s, "k", "v1")) {
        assert_true(sim_step(s->sim));
    }
    expect_in_own_words(s, "v1"); /* carried out late */
    sim_run_for(s->sim, SOON_MS);
    expect_in_own_words(s, "");
    end(s);
}

static void without_memory_for_the_keys_all_are_in_doubt(void **state)
{
    (void)state;
    struct scene *s = begin(false, false, NULL, NULL);
    uint64_t connection = give_up_the_first(s);
    starves = true;
    assert_int_equal(ringcache_client_share(s->members[0].client, s->shared), 0);
    starves = false;
    assert_int_equal(ringcache_client_share(s->members[1].client, s->shared), 0);
    write_as(s, &s->members[1], "k", "v2");
    expect(s, &s->members[1], "k", RINGCACHE_MISS, "");
    expect(s, &s->members[1], "l", RINGCACHE_MISS, "");
    sim_stall(s->server, connection, false);
    while (!server_holds(s, "k", "v1")) {
        assert_true(sim_step(s->sim));
    }
    for (unsigned ms = 0; ms < 1000; ms += 20) {
        expect(s, &s->members[1], "k", RINGCACHE_MISS, "");
        sim_run_for(s->sim, 20);
    }
    expect(s, &s->members[0], "k", RINGCACHE_MISS, "");
    write_as(s, &s->members[1], "k", "v3");
    expect(s, &s->members[1], "k", RINGCACHE_OK, "v3");
    end(s);
}

static void who_comes_later_is_told_of_keys_in_doubt(void **state)
{
    (void)state;
    struct scene *s = begin(false, false, NULL, NULL);
    (void)give_up_the_first(s);
    expect(s, &s->members[1], "k", RINGCACHE_OK, "v0");
    assert_int_equal(ringcache_client_share(s->members[0].client, s->shared), 0);
    assert_int_equal(ringcache_client_share(s->members[1].client, s->shared), 0);
    expect(s, &s->members[1], "k", RINGCACHE_MISS, "");
    end(s);
}

static void the_bytes_of_what_is_told_are_counted(void **state)
{
    (void)state;
    uint64_t connection;
    struct scene *s = begin_doubt(false, &connection);
    sim_run_for(s->sim, FENCE_LIMIT_MS + SOON_MS);
    assert_true(s->members[0].client->env.budget.used > 0);
    sim_end(s->server, connection, SIM_RST);
    sim_run_for(s->sim, SOON_MS);
    assert_int_equal(s->members[0].client->env.budget.used, 0);
    end(s);
}

/* ---- reads under way ---- */

static struct told *get_k(struct member *member)
{
    return ask(member, RINGCACHE_GET, "k", NULL);
}

static void make(ringcache_client *client, ringcache_load *load, void *user)
{
    (void)client;
    (void)user;
    ringcache_load_done(load, "made", 4, 0);
}

static struct told *fetch_k(struct member *member)
{
    static struct told told[4];
    static size_t next;
    struct told *place = &told[next++ % 4];
    const ringcache_fetch_request request = {.key = {"k", 1}, .loader = make};
    *place = (struct told){.calls = 0};
    assert_int_equal(ringcache_fetch(member->client, &request, on_reply, place, NULL), 0);
    return place;
}

/* The second client reads "v0". While the answer is under way a write of the first one's fails: its
 * connection ends, or hangs until it is given up and the key is in doubt. Who reads then? */
static struct told *read_behind_a_failure(
    struct scene *s, bool hangs, struct told *(*read)(struct member *))
{
    write_as(s, &s->members[0], "k", "v0");
    uint64_t writing = sim_server_newest(s->server);
    expect(s, &s->members[1], "k", RINGCACHE_OK, "v0");
    uint64_t reading = sim_server_newest(s->server);
    engine_answer_next(s->engine, "client", 1000000, "-NOPERM no permission\r\n");
    sim_stall(s->server, writing, true);
    struct told *set = ask(&s->members[0], RINGCACHE_SET, "k", "v1");
    sim_run_for(s->sim, hangs ? TIMEOUT - 100 : 5);
    sim_stall(s->server, reading, true);
    struct told *before = read(&s->members[1]);
    sim_run_for(s->sim, 5);
    if (!hangs) {
        sim_server_pause_accept(
            s->server, true); /* or it deletes the key itself, before the read */
        sim_end(s->server, writing, SIM_RST);
    }
    settle(s, set);
    assert_int_equal(set->status, hangs ? RINGCACHE_ETIMEDOUT : RINGCACHE_ECONNECT);
    for (unsigned ms = 0; hangs && !is_out(&s->members[0]) && ms < TIMEOUT; ms++) {
        sim_run_for(s->sim, 1);
    }
    assert_int_equal(before->calls, 0);
    struct told *behind = read(&s->members[1]);
    sim_stall(s->server, reading, false);
    settle(s, behind);
    assert_int_equal(before->calls, 1);
    assert_string_equal(before->value, "v0");
    return behind;
}

static void who_asks_behind_a_failed_write_joins_no_read_from_before_it(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct scene *s = begin(i % 2 != 0, true, "single_flight", "yes");
        struct told *behind = read_behind_a_failure(s, i / 2 != 0, get_k);
        assert_int_equal(behind->status, RINGCACHE_MISS);
        end(s);
    }
}

static void a_fetch_behind_a_failed_write_joins_none_from_before_it(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        struct scene *s = begin(i % 2 != 0, true, NULL, NULL);
        struct told *behind = read_behind_a_failure(s, i / 2 != 0, fetch_k);
        assert_int_equal(behind->status, RINGCACHE_OK);
        assert_string_equal(behind->value, "made");
        end(s);
    }
}

/* A fetch whose loader waits. */
struct held {
    struct told told;
    ringcache_load *load;
};

static void hold(ringcache_client *client, ringcache_load *load, void *user)
{
    (void)client;
    ((struct held *)user)->load = load;
}

static void load_is_done(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client;
    assert_int_equal(reply->status, RINGCACHE_ECONNECT);
    ringcache_load_done(user, "older", 5, 0);
}

static void what_was_loaded_before_a_failed_write_is_not_stored(void **state)
{
    (void)state;
    for (int redis = 0; redis < 2; redis++) {
        struct scene *s = begin(redis != 0, true, NULL, NULL);
        struct held held = {.load = NULL};
        const ringcache_fetch_request fetch = {.key = {"l", 1}, .loader = hold};
        hang_the_first(s);
        uint64_t writing = sim_server_newest(s->server) - 1;
        assert_int_equal(
            ringcache_fetch(s->members[1].client, &fetch, on_reply, &held.told, NULL), 0);
        sim_run_for(s->sim, 5);
        assert_non_null(held.load);
        assert_int_equal(
            ringcache_set(s->members[0].client, "l", 1, "newer", 5, 0, load_is_done, held.load), 0);
        sim_run_for(s->sim, 5);
        sim_end(s->server, writing, SIM_RST);
        settle(s, &held.told);
        assert_string_equal(held.told.value, "older");
        sim_run_for(s->sim, 10);
        expect(s, &s->members[1], "l", RINGCACHE_MISS, "");
        end(s);
    }
}

static void who_cannot_keep_up_knows_that_it_missed_something(void **state)
{
    (void)state;
    struct scene *s = begin(false, true, "journal_entries", "3");
    hang_the_first(s);
    until_it_is_out(s, &s->members[0]);
    for (int n = 0; n < 5; n++) { /* between two turns of the second */
        char key[8];
        snprintf(key, sizeof key, "k%d", n);
        ask(&s->members[0], RINGCACHE_SET, key, "v");
    }
    assert_int_equal(s->members[1].client->peer->unread_count, 0);
    sim_run_for(s->sim, 5);
    assert_int_equal(s->members[1].client->table->all[0]->journal.missed, 1);
    end(s);
}

static void only_clients_that_place_keys_alike_may_share(void **state)
{
    (void)state;
    static const char *const others[][2] = {{"connections", "2"}, {"namespace", "x:"},
        {"hash", "md5"}, {"hash_tag", "{}"}, {"hash_namespace", "yes"}};
    struct scene *s = begin(false, true, NULL, NULL);
    assert_int_equal(ringcache_client_share(s->members[0].client, s->shared), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_client_share(s->members[0].client, NULL), RINGCACHE_EINVAL);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct member other = {.closed = 0};
        ringcache_config *config =
            config_of("memcached://10.0.0.1:11000", others[i][0], others[i][1]);
        begin_member(s, &other, config);
        ringcache_config_free(config);
        assert_int_equal(ringcache_client_share(other.client, s->shared), RINGCACHE_EINVAL);
        ringcache_client_close(other.client, on_close, &other);
        assert_int_equal(ringcache_client_share(other.client, s->shared), RINGCACHE_ECLOSING);
        assert_true(sim_run_idle(s->sim, 5000));
        assert_int_equal(other.closed, 1);
    }
    end(s);
}

static void one_that_leaves_takes_its_unread_news_along(void **state)
{
    (void)state;
    struct scene *s = begin(false, true, NULL, NULL);
    hang_the_first(s);
    until_it_is_out(s, &s->members[0]);
    ask(&s->members[0], RINGCACHE_SET, "k", "v1");
    ringcache_client_close(s->members[1].client, on_close, &s->members[1]);
    ask(&s->members[0], RINGCACHE_SET, "k", "v2"); /* told to nobody */
    sim_run_for(s->sim, 10);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_wrote_in_vain_no_other_reads_as_it_was),
        cmocka_unit_test(those_that_do_not_share_read_it_as_it_was),
        cmocka_unit_test(a_write_in_doubt_is_told_too),
        cmocka_unit_test(what_is_told_is_deleted_in_front_of_later_writes),
        cmocka_unit_test(an_idle_client_is_told_of_an_outage_and_of_its_end),
        cmocka_unit_test(what_one_gave_up_undoes_no_newer_write_of_another),
        cmocka_unit_test(in_the_moment_that_a_doubt_ends_nothing_old_is_read),
        cmocka_unit_test(a_doubt_ends_with_what_told_of_it),
        cmocka_unit_test(a_callers_own_words_read_what_is_in_doubt),
        cmocka_unit_test(without_memory_for_the_keys_all_are_in_doubt),
        cmocka_unit_test(who_comes_later_is_told_of_keys_in_doubt),
        cmocka_unit_test(the_bytes_of_what_is_told_are_counted),
        cmocka_unit_test(who_asks_behind_a_failed_write_joins_no_read_from_before_it),
        cmocka_unit_test(a_fetch_behind_a_failed_write_joins_none_from_before_it),
        cmocka_unit_test(what_was_loaded_before_a_failed_write_is_not_stored),
        cmocka_unit_test(who_cannot_keep_up_knows_that_it_missed_something),
        cmocka_unit_test(only_clients_that_place_keys_alike_may_share),
        cmocka_unit_test(one_that_leaves_takes_its_unread_news_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

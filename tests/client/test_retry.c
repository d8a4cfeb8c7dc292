/* SPDX-License-Identifier: MIT */
/* Connections that end under requests: what provably never left goes on the next one and is carried
 * out once, a read of which nothing was answered is asked once more, and nothing else ever is. */
#include "world.h"

#include <stdio.h>

enum {
    BIG = 300000, /* more than both kernels hold between them */
    RETRY_MS = 50,
};

struct kind {
    const char *name;
    bool redis;
    const char *version; /* of a memcached */
    const char *integrity;
};

static const struct kind kinds[] = {
    {"meta", false, "1.6.18", "auto"},
    {"meta, strict", false, "1.6.18", "strict"},
    {"classic text", false, "1.5.6", "auto"},
    {"redis", true, NULL, "auto"},
    {"redis, strict", true, NULL, "strict"},
};

enum { KINDS = sizeof kinds / sizeof *kinds, META = 0, CLASSIC = 2, REDIS = 3 };

struct scene {
    struct world *world;
    struct sim_server *server;
    struct engine *engine;
    uint64_t held; /* bytes of an idle client */
};

/* With a connection that is ready, and a server that knows the script of a counter. */
static void open_scene(struct scene *s, const struct kind *kind)
{
    print_message("  %s\n", kind->name);
    *s = (struct scene){.world = world_new(17)};
    s->server = kind->redis ? world_redis(s->world, "10.0.0.1", 11000)
                            : world_memcached(s->world, "10.0.0.1", 11000);
    s->engine = sim_server_engine(s->server);
    if (kind->version != NULL) {
        engine_set_version(s->engine, kind->version);
    }
    world_option(s->world, "integrity", kind->integrity);
    world_option(s->world, "timeout_ms", "2000");
    engine_put(s->engine, 0, "here", rc_slice_text("v0"), 0);
    engine_put(s->engine, 0, "count", rc_slice_text("40"), 0);
    world_begin(s->world);
    const ringcache_request up = {.op = RINGCACHE_INCREMENT, .key = {"count", 5}, .delta = 1};
    struct world_reply *first = world_submit(s->world, &up, NULL);
    world_settle(s->world, 100);
    assert_reply(first, RINGCACHE_OK);
    s->held = s->world->client->env.budget.used;
}

/* What was held for requests is given back, and nothing was called an outage. */
static void close_scene(struct scene *s)
{
    world_settle(s->world, 5000);
    assert_int_equal(s->world->client->env.budget.used, s->held);
    assert_int_equal(world_count(s->world, RINGCACHE_EVENT_DOWN), 0);
    world_end(s->world);
}

/* A request of which the kernels take a part, and then no more. */
static struct world_reply *block(struct scene *s)
{
    static const char big[BIG];
    const ringcache_request set = {
        .op = RINGCACHE_SET, .key = {"plug", 4}, .value = {big, sizeof big}};
    sim_server_stop(s->server);
    struct world_reply *plug = world_submit(s->world, &set, NULL);
    world_run_for(s->world, 2);
    return plug;
}

/* Nothing more of what waits finds its way to the connection before it ends. */
static void cut(struct scene *s)
{
    sim_end(s->server, sim_server_newest(s->server), SIM_RST);
    world_run_for(s->world, 1);
    sim_server_continue(s->server);
}

static struct world_reply *ask(struct scene *s, const ringcache_request *request)
{
    return world_submit(s->world, request, NULL);
}

static bool holds(const struct scene *s, const char *key, const char *value)
{
    const struct store_item *item = engine_get(s->engine, 0, key);
    return item != NULL && item->value_len == strlen(value) &&
           memcmp(item->value, value, item->value_len) == 0;
}

static uint64_t retries(const struct scene *s)
{
    return s->world->client->table->all[0]->counts.retries;
}

/* ---- what never left ---- */

static const struct {
    ringcache_request request;
    int status;
    const char *value;
    uint64_t number;
} unsent[] = {
    {{.op = RINGCACHE_INCREMENT, .key = {"count", 5}, .delta = 1}, RINGCACHE_OK, "", 42},
    {{.op = RINGCACHE_SET, .key = {"new", 3}, .value = {"v", 1}}, RINGCACHE_OK, "", 0},
    {{.op = RINGCACHE_GET, .key = {"new", 3}}, RINGCACHE_OK, "v", 0},
    {{.op = RINGCACHE_APPEND, .key = {"new", 3}, .value = {"w", 1}}, RINGCACHE_OK, "", 0},
    {{.op = RINGCACHE_INCREMENT, .key = {"count", 5}, .delta = 1}, RINGCACHE_OK, "", 43},
    {{.op = RINGCACHE_ADD, .key = {"here", 4}, .value = {"x", 1}}, RINGCACHE_NOT_STORED, "", 0},
    {{.op = RINGCACHE_GET_AND_TOUCH, .key = {"here", 4}, .ttl_ms = 60000}, RINGCACHE_OK, "v0", 0},
    {{.op = RINGCACHE_GET, .options = RINGCACHE_WANT_CAS, .key = {"new", 3}}, RINGCACHE_OK, "vw",
        0},
    {{.op = RINGCACHE_TOUCH, .key = {"new", 3}}, RINGCACHE_OK, "", 0},
    {{.op = RINGCACHE_DELETE, .key = {"here", 4}}, RINGCACHE_OK, "", 0},
    {{.op = RINGCACHE_GET, .key = {"here", 4}}, RINGCACHE_MISS, "", 0},
};

enum { UNSENT = sizeof unsent / sizeof *unsent };

static void never_left(const struct kind *kind, bool restarts)
{
    struct scene s;
    struct world_reply *replies[UNSENT];
    open_scene(&s, kind);
    struct world_reply *plug = block(&s);
    for (size_t i = 0; i < UNSENT; i++) {
        replies[i] = ask(&s, &unsent[i].request);
    }
    world_run_for(s.world, 2);
    if (restarts) {
        sim_server_restart(s.server, true); /* it has forgotten its scripts */
    } else {
        cut(&s);
    }
    world_settle(s.world, RETRY_MS);
    assert_reply(plug, RINGCACHE_ECONNECT);
    assert_int_equal(plug->maybe_applied, 1);
    for (size_t i = 0; i < UNSENT; i++) {
        assert_reply(replies[i], unsent[i].status);
        assert_string_equal(replies[i]->value, unsent[i].value);
        assert_int_equal(replies[i]->number, unsent[i].number);
        assert_int_equal(replies[i]->attempts, 2);
    }
    assert_int_equal(retries(&s), UNSENT);
    assert_true(holds(&s, "count", "43"));
    close_scene(&s);
}

static void what_never_left_leaves_on_the_next_connection_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        never_left(&kinds[i], false);
    }
}

static void a_script_that_never_left_goes_whole_where_nobody_knows_it(void **state)
{
    (void)state;
    never_left(&kinds[REDIS], true);
}

static void on_each(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client;
    unsigned *hits = user;
    *hits += reply->status == RINGCACHE_OK && reply->value.len == 2;
}

static void on_done(ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    (void)client;
    (void)user;
    assert_true(ok == 2 && missed == 1 && failed == 0);
}

static void get_many(struct scene *s, unsigned *hits)
{
    static const ringcache_slice keys[] = {{"here", 4}, {"absent", 6}, {"count", 5}};
    *hits = 0;
    assert_int_equal(
        ringcache_get_many(s->world->client, keys, 3, NULL, on_each, on_done, hits), 0);
}

static void a_batch_goes_once_more_be_it_sent_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * KINDS; i++) {
        struct scene s;
        unsigned hits;
        open_scene(&s, &kinds[i / 2]);
        if (i % 2 == 0) {
            (void)block(&s);
        } else {
            sim_server_stop(s.server);
        }
        get_many(&s, &hits);
        world_run_for(s.world, 5);
        cut(&s);
        world_run_for(s.world, RETRY_MS);
        assert_int_equal(hits, 2);
        assert_int_equal(retries(&s), 3);
        close_scene(&s);
    }
}

/* What is sent a second time is under way like what is sent a first time. */
static void a_write_that_moved_and_was_lost_leaves_no_old_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s;
        open_scene(&s, &kinds[i]);
        (void)block(&s);
        struct world_reply *set = world_set(s.world, "here", "v1");
        world_run_for(s.world, 2);
        sim_server_slow(s.server, 5000);
        cut(&s);
        while (retries(&s) == 0) {
            assert_true(sim_step(s.world->sim));
        }
        world_run_for(s.world, 1);
        engine_put(s.engine, 0, "here", rc_slice_text("v0"), 0);
        sim_server_slow(s.server, 0);
        sim_end(s.server, sim_server_newest(s.server), SIM_RST);
        struct world_reply *get = world_get(s.world, "here");
        world_settle(s.world, 500);
        assert_reply(set, RINGCACHE_ECONNECT);
        assert_int_equal(set->maybe_applied, 1);
        assert_reply(get, RINGCACHE_MISS);
        close_scene(&s);
    }
}

/* The later of two writes to a key ends while the earlier one is still to leave. */
static void what_is_older_than_a_lost_write_does_not_stay(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s;
        open_scene(&s, &kinds[i]);
        (void)block(&s);
        struct world_reply *older = world_set(s.world, "here", "v1");
        const ringcache_request set = {
            .op = RINGCACHE_SET, .key = {"here", 4}, .value = {"v2", 2}, .timeout_ms = 10};
        struct world_reply *newer = ask(&s, &set);
        world_run_for(s.world, 20);
        assert_reply(newer, RINGCACHE_ETIMEDOUT);
        cut(&s);
        world_settle(s.world, RETRY_MS);
        assert_reply(older, RINGCACHE_OK);
        struct world_reply *get = world_get(s.world, "here");
        world_settle(s.world, RETRY_MS);
        assert_reply(get, RINGCACHE_MISS);
        close_scene(&s);
    }
}

static void count_release(void *user, const void *value, size_t len)
{
    unsigned *released = user;
    (void)value;
    (void)len;
    ++*released;
}

/* So much is lent behind that nothing more is encoded. */
static void lend(struct scene *s, unsigned *released)
{
    static const char large[3 * BIG];
    const ringcache_request set = {.op = RINGCACHE_SET,
        .options = RINGCACHE_LEND_VALUE,
        .key = {"lent", 4},
        .value = {large, sizeof large},
        .release = count_release,
        .release_user = released};
    (void)ask(s, &set);
}

/* The earlier of two writes to a key stands in the output, and the later one waits behind it and
 * expires there; and a third one may come. */
static void what_stood_in_front_of_a_lost_write_does_not_stay(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * KINDS; i++) {
        struct scene s;
        unsigned released = 0;
        bool third = i >= KINDS;
        open_scene(&s, &kinds[i % KINDS]);
        (void)block(&s);
        struct world_reply *older = world_set(s.world, "here", "v1");
        struct world_reply *other = world_set(s.world, "there", "v1");
        lend(&s, &released);
        const ringcache_request set = {
            .op = RINGCACHE_SET, .key = {"here", 4}, .value = {"v2", 2}, .timeout_ms = 10};
        struct world_reply *newer = ask(&s, &set);
        world_run_for(s.world, 20);
        assert_reply(newer, RINGCACHE_ETIMEDOUT);
        struct world_reply *newest = third ? world_set(s.world, "here", "v3") : NULL;
        cut(&s);
        world_settle(s.world, RETRY_MS);
        assert_reply(older, RINGCACHE_OK);
        assert_reply(other, RINGCACHE_OK);
        assert_true(!third || newest->status == RINGCACHE_OK);
        world_run_for(s.world, 1);
        assert_int_equal(holds(&s, "here", "v3"), third);
        assert_int_equal(holds(&s, "here", "v1"), false);
        assert_true(holds(&s, "there", "v1"));
        assert_int_equal(released, 1);
        close_scene(&s);
    }
}

/* A write is lost with its connection, and one behind it goes on the next. */
static void what_stood_behind_a_lost_write_stays(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s;
        open_scene(&s, &kinds[i]);
        sim_server_stop(s.server);
        struct world_reply *lost = world_set(s.world, "here", "v1");
        (void)block(&s);
        struct world_reply *newer = world_set(s.world, "here", "v2");
        cut(&s);
        world_settle(s.world, RETRY_MS);
        assert_reply(lost, RINGCACHE_ECONNECT);
        assert_reply(newer, RINGCACHE_OK);
        world_run_for(s.world, 1);
        assert_true(holds(&s, "here", "v2"));
        close_scene(&s);
    }
}

/* ---- while it waits once more ---- */

/* An unsent write of "here", to which no connection can be made. */
static struct world_reply *strand(struct scene *s, uint32_t timeout_ms, ringcache_id *id)
{
    (void)block(s);
    const ringcache_request set = {
        .op = RINGCACHE_SET, .key = {"here", 4}, .value = {"v1", 2}, .timeout_ms = timeout_ms};
    struct world_reply *reply = world_submit(s->world, &set, id);
    world_run_for(s->world, 2);
    sim_server_pause_accept(s->server, true);
    cut(s);
    world_run_for(s->world, 10);
    assert_int_equal(reply->calls, 0);
    return reply;
}

static void it_can_be_canceled_and_leaves_what_was_there(void **state)
{
    (void)state;
    struct scene s;
    ringcache_id id;
    open_scene(&s, &kinds[META]);
    struct world_reply *set = strand(&s, 0, &id);
    assert_int_equal(ringcache_cancel(s.world->client, id), 0);
    sim_server_pause_accept(s.server, false);
    world_settle(s.world, 100);
    assert_reply(set, RINGCACHE_ECANCELED);
    assert_int_equal(set->maybe_applied, 0);
    assert_true(holds(&s, "here", "v0"));
    close_scene(&s);
}

static void it_ends_at_its_deadline_and_leaves_no_old_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s;
        open_scene(&s, &kinds[i]);
        struct world_reply *set = strand(&s, 50, NULL);
        world_settle(s.world, 100);
        assert_reply(set, RINGCACHE_ETIMEDOUT);
        assert_int_equal(set->maybe_applied, 0);
        sim_server_pause_accept(s.server, false);
        world_run_for(s.world, 1500);
        struct world_reply *get = world_get(s.world, "here");
        world_settle(s.world, 100);
        assert_reply(get, RINGCACHE_MISS);
        close_scene(&s);
    }
}

static void the_client_can_be_closed(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &kinds[META]);
    struct world_reply *set = strand(&s, 0, NULL);
    world_close(s.world);
    world_run_for(s.world, 10);
    assert_reply(set, RINGCACHE_ECANCELED);
    assert_int_equal(set->maybe_applied, 0);
    world_end(s.world);
}

static void with_a_server_that_is_gone_it_ends_as_unapplied(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s;
        open_scene(&s, &kinds[i]);
        (void)block(&s);
        struct world_reply *set = world_set(s.world, "here", "v1");
        struct world_reply *get = world_get(s.world, "here");
        world_run_for(s.world, 2);
        sim_server_kill(s.server);
        world_settle(s.world, 50);
        assert_reply(set, RINGCACHE_EDOWN);
        assert_int_equal(set->maybe_applied, 0);
        assert_reply(get, RINGCACHE_EDOWN);
        world_end(s.world);
    }
}

/* The bytes of a write are of the protocol that was spoken; a read is asked for in the new one. */
static void what_is_spoken_to_otherwise_gets_no_bytes_of_before(void **state)
{
    (void)state;
    struct scene s;
    open_scene(&s, &kinds[META]);
    (void)block(&s);
    struct world_reply *get = world_get(s.world, "count");
    struct world_reply *set = world_set(s.world, "here", "v1");
    world_run_for(s.world, 2);
    engine_set_version(s.engine, "1.5.6");
    cut(&s);
    world_settle(s.world, RETRY_MS);
    assert_value(get, "41");
    assert_reply(set, RINGCACHE_ECONNECT);
    assert_int_equal(set->maybe_applied, 0);
    get = world_get(s.world, "here");
    world_settle(s.world, RETRY_MS);
    assert_reply(get, RINGCACHE_MISS);
    close_scene(&s);
}

/* A connection that is given up keeps what it was sent, and no more. */
static void what_never_left_leaves_a_connection_that_is_out_of_step(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s;
        open_scene(&s, &kinds[i]);
        (void)block(&s);
        const ringcache_request up = {.op = RINGCACHE_INCREMENT, .key = {"count", 5}, .delta = 1};
        struct world_reply *moved = ask(&s, &up);
        world_run_for(s.world, 2);
        sim_inject(s.server, sim_server_newest(s.server), rc_slice_text("nonsense\r\n"));
        world_run_for(s.world, 2);
        sim_server_continue(s.server);
        world_settle(s.world, 200);
        assert_reply(moved, RINGCACHE_OK);
        assert_true(holds(&s, "count", "42"));
        close_scene(&s);
    }
}

enum {
    SILENCE_MS = 2000,           /* timeout_ms */
    PATIENT_MS = 3 * SILENCE_MS, /* of requests that outlast it */
    READS = 900,
    READ_KEY_BYTES = 200 /* … that are more than both kernels hold between them */
};

static struct world_reply *ask_patiently(struct scene *s, ringcache_request request)
{
    request.timeout_ms = PATIENT_MS;
    return world_submit(s->world, &request, NULL);
}

/* On the connection, which is silent from now on while its server answers others. */
static void fall_silent_under_reads(struct scene *s)
{
    sim_stall(s->server, sim_server_newest(s->server), true);
    for (unsigned i = 0; i < READS; i++) {
        char key[READ_KEY_BYTES + 1];
        snprintf(key, sizeof key, "%0*u", READ_KEY_BYTES, i);
        (void)ask_patiently(
            s, (ringcache_request){.op = RINGCACHE_GET, .key = {key, READ_KEY_BYTES}});
    }
    world_run_for(s->world, 2);
}

static void what_never_left_leaves_a_connection_that_is_silent(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s;
        open_scene(&s, &kinds[i]);
        size_t first = s.world->submitted;
        fall_silent_under_reads(&s);
        struct world_reply *up = ask_patiently(
            &s, (ringcache_request){.op = RINGCACHE_INCREMENT, .key = {"count", 5}, .delta = 1});
        world_settle(s.world, SILENCE_MS + RETRY_MS);
        assert_reply(&s.world->replies[first], RINGCACHE_ECONNECT);
        assert_reply(&s.world->replies[first + READS - 1], RINGCACHE_MISS);
        assert_reply(up, RINGCACHE_OK);
        assert_int_equal(up->number, 42);
        assert_int_equal(up->attempts, 2);
        close_scene(&s);
    }
}

/* With a write that left on the silent connection none goes on another one, until it is known to be
 * no more: Redis can be asked to end it, memcached is out of service. */
static void what_never_left_waits_behind_writes_that_did(void **state)
{
    (void)state;
    static const char big[BIG];
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s;
        open_scene(&s, &kinds[i]);
        sim_stall(s.server, sim_server_newest(s.server), true);
        struct world_reply *plug = ask_patiently(
            &s, (ringcache_request){
                    .op = RINGCACHE_SET, .key = {"plug", 4}, .value = {big, sizeof big}});
        world_run_for(s.world, 2);
        struct world_reply *set = ask_patiently(
            &s, (ringcache_request){.op = RINGCACHE_SET, .key = {"here", 4}, .value = {"v1", 2}});
        world_settle(s.world, SILENCE_MS + RETRY_MS);
        assert_reply(plug, RINGCACHE_ECONNECT);
        assert_int_equal(plug->maybe_applied, 1);
        assert_reply(set, kinds[i].redis ? RINGCACHE_OK : RINGCACHE_EDOWN);
        assert_int_equal(set->maybe_applied, 0);
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), !kinds[i].redis);
        world_end(s.world);
    }
}

/* ---- what left ---- */

static void a_read_is_asked_once_more(void **state)
{
    (void)state;
    static const uint32_t wanted[] = {0, RINGCACHE_WANT_CAS, RINGCACHE_WANT_TTL};
    for (size_t i = 0; i < 3 * KINDS; i++) {
        struct scene s;
        open_scene(&s, &kinds[i / 3]);
        const ringcache_request read = {
            .op = RINGCACHE_GET, .options = wanted[i % 3], .key = {"here", 4}};
        if (i % 3 == 2 && i / 3 == CLASSIC) {
            world_end(s.world); /* it cannot tell the time left */
            continue;
        }
        sim_server_stop(s.server);
        struct world_reply *get = ask(&s, &read);
        world_run_for(s.world, 5);
        cut(&s);
        world_settle(s.world, RETRY_MS);
        assert_value(get, "v0");
        assert_true((get->cas != 0) == (i % 3 == 1));
        assert_int_equal(get->ttl_ms, i % 3 == 2 ? -1 : 0);
        assert_int_equal(get->attempts, 2);
        assert_int_equal(retries(&s), 1);
        close_scene(&s);
    }
}

static void a_read_is_asked_no_third_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s;
        open_scene(&s, &kinds[i]);
        sim_server_stop(s.server);
        struct world_reply *get = world_get(s.world, "here");
        world_run_for(s.world, 5);
        sim_server_slow(s.server, 2000);
        cut(&s);
        while (retries(&s) == 0) {
            assert_true(sim_step(s.world->sim));
        }
        world_run_for(s.world, 1);
        sim_server_slow(s.server, 0);
        sim_end(s.server, sim_server_newest(s.server), SIM_RST);
        world_settle(s.world, 200);
        assert_reply(get, RINGCACHE_ECONNECT);
        assert_int_equal(get->maybe_applied, 0);
        assert_int_equal(get->attempts, 2);
        close_scene(&s);
    }
}

/* Whatever may change something, a caller's own words too, is sent once. */
static void nothing_else_that_left_is_sent_again(void **state)
{
    (void)state;
    static const ringcache_request left[] = {
        {.op = RINGCACHE_INCREMENT, .key = {"count", 5}, .delta = 1},
        {.op = RINGCACHE_GET_AND_TOUCH, .key = {"here", 4}, .ttl_ms = 60000},
        {.op = RINGCACHE_TOUCH, .key = {"here", 4}, .ttl_ms = 60000},
        {.op = RINGCACHE_DELETE, .key = {"here", 4}},
        {.op = RINGCACHE_ADD, .key = {"new", 3}},
    };
    static const ringcache_slice words[] = {{"GET", 3}, {"here", 4}};
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s;
        open_scene(&s, &kinds[i]);
        sim_server_stop(s.server);
        size_t first = s.world->submitted;
        for (size_t n = 0; n < sizeof left / sizeof *left; n++) {
            (void)ask(&s, &left[n]);
        }
        if (kinds[i].redis) {
            const struct world_call call = world_call(s.world);
            world_called(s.world, &call,
                ringcache_command(s.world->client, words, 2, NULL, call.cb, call.user));
        }
        world_run_for(s.world, 5);
        cut(&s);
        world_settle(s.world, RETRY_MS);
        for (size_t n = first; n < s.world->submitted; n++) {
            assert_reply(&s.world->replies[n], RINGCACHE_ECONNECT);
            assert_int_equal(s.world->replies[n].maybe_applied, 1);
            assert_int_equal(s.world->replies[n].attempts, 1);
        }
        assert_int_equal(retries(&s), 0);
        close_scene(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_never_left_leaves_on_the_next_connection_once),
        cmocka_unit_test(a_script_that_never_left_goes_whole_where_nobody_knows_it),
        cmocka_unit_test(a_batch_goes_once_more_be_it_sent_or_not),
        cmocka_unit_test(a_write_that_moved_and_was_lost_leaves_no_old_value),
        cmocka_unit_test(what_is_older_than_a_lost_write_does_not_stay),
        cmocka_unit_test(what_stood_in_front_of_a_lost_write_does_not_stay),
        cmocka_unit_test(what_stood_behind_a_lost_write_stays),
        cmocka_unit_test(it_can_be_canceled_and_leaves_what_was_there),
        cmocka_unit_test(it_ends_at_its_deadline_and_leaves_no_old_value),
        cmocka_unit_test(the_client_can_be_closed),
        cmocka_unit_test(with_a_server_that_is_gone_it_ends_as_unapplied),
        cmocka_unit_test(what_is_spoken_to_otherwise_gets_no_bytes_of_before),
        cmocka_unit_test(what_never_left_leaves_a_connection_that_is_out_of_step),
        cmocka_unit_test(what_never_left_leaves_a_connection_that_is_silent),
        cmocka_unit_test(what_never_left_waits_behind_writes_that_did),
        cmocka_unit_test(a_read_is_asked_once_more),
        cmocka_unit_test(a_read_is_asked_no_third_time),
        cmocka_unit_test(nothing_else_that_left_is_sent_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

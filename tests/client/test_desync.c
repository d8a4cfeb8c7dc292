/* SPDX-License-Identifier: MIT */
/* A reply for another request: values describe their key, so a wrong one shows. Each fault strikes
 * at each reply of a full pipeline, on memcached and on Redis, with and without
 * integrity=strict. */
#include "world.h"

#include <stdio.h>

enum { IN_FLIGHT = 8, KEYS = 2 * IN_FLIGHT, QUIET_MS = 1200 };
enum { BATCH = 5, AT_ONCE = 3, CALLS = 200 }; /* of many keys */

struct kind {
    const char *name;
    bool redis, strict;
    size_t replies; /* of a get */
};

static const struct kind kinds[] = {
    {"memcached", false, false, 1},
    {"memcached strict", false, true, 1},
    {"redis", true, false, 1},
    {"redis strict", true, true, 2},
};

struct scene;

struct fault {
    const char *name;
    /* Called in front of the replies number `at` and later, counted from the first of the requests
     * in flight. */
    void (*strike)(struct scene *s, size_t number);
    bool pairs; /* it strikes at two requests in a row */
};

struct scene {
    const struct kind *kind;
    const struct fault *fault;
    struct world *world;
    struct sim_server *server;
    uint64_t connection;
    uint64_t token; /* of the first request in flight */
    size_t at, count;
    bool armed;
};

/* ---- what a server says ---- */

static void value_of(size_t key, char value[32])
{
    snprintf(value, 32, "value of k%02zu", key);
}

/* Reply `number` of those in flight, as a server would say it that mistook the key for `key`. */
static void reply_of(const struct scene *s, size_t number, size_t key, char bytes[96])
{
    char value[32];
    value_of(key, value);
    uint64_t token = s->token + number / s->kind->replies;
    if (s->kind->redis && number % s->kind->replies == 1) {
        snprintf(bytes, 96, "$16\r\n%016llx\r\n", (unsigned long long)token);
    } else if (s->kind->redis) {
        snprintf(bytes, 96, "$%zu\r\n%s\r\n", strlen(value), value);
    } else if (s->kind->strict) {
        snprintf(bytes, 96, "VA %zu f0 O%08x kk%02zu\r\n%s\r\n", strlen(value), (uint32_t)token,
            key, value);
    } else {
        snprintf(bytes, 96, "VA %zu f0 O%08x\r\n%s\r\n", strlen(value), (uint32_t)token, value);
    }
}

static void replace(struct scene *s, size_t number, size_t key)
{
    char bytes[96];
    reply_of(s, number, key, bytes);
    sim_replace_reply(s->server, s->connection, rc_slice_text(bytes));
}

/* ---- the faults ---- */

static void duplicate(struct scene *s, size_t number)
{
    if (number == s->at) {
        sim_double_replies(s->server, s->connection, 1);
    }
}

static void lose(struct scene *s, size_t number)
{
    if (number == s->at) {
        sim_drop_replies(s->server, s->connection, 1);
    }
}

/* A reply that was due to a request of long ago. */
static void insert(struct scene *s, size_t number)
{
    if (number == s->at) {
        struct scene before = *s;
        char bytes[96];
        before.token -= 1000;
        reply_of(&before, number, KEYS - 1, bytes);
        sim_inject(s->server, s->connection, rc_slice_text(bytes));
    }
}

/* The replies to two requests that follow each other change places. */
static void swap(struct scene *s, size_t number)
{
    size_t n = s->kind->replies;
    size_t first = s->at / n * n;
    if (number >= first && number < first + n) {
        replace(s, number + n, number / n + 1);
    } else if (number >= first + n && number < first + 2 * n) {
        replace(s, number - n, number / n - 1);
    }
}

/* The request's own token, another's value. */
static void mistake(struct scene *s, size_t number)
{
    if (number == s->at) {
        replace(s, number, KEYS - 1);
    }
}

static const struct fault duplicated = {"duplicated", duplicate, false};
static const struct fault lost = {"lost", lose, false};
static const struct fault inserted = {"inserted", insert, false};
static const struct fault swapped = {"swapped", swap, true};
static const struct fault mistaken = {"mistaken", mistake, false};

static void note(void *owner, const struct engine_command *command)
{
    struct scene *s = owner;
    if (s->armed && command->connection == s->connection) {
        s->fault->strike(s, s->count++);
    }
}

/* ---- the course of a scene ---- */

static void open_scene(struct scene *s)
{
    struct world *world = world_new(51);
    s->world = world;
    s->server = s->kind->redis ? world_redis(world, "10.0.0.1", 6379)
                               : world_memcached(world, "10.0.0.1", 11000);
    world_option(world, "integrity", s->kind->strict ? "strict" : "auto");
    world_option(world, "merge_gets", "no");
    struct engine *engine = sim_server_engine(s->server);
    for (size_t i = 0; i < KEYS; i++) {
        char key[8], value[32];
        snprintf(key, sizeof key, "k%02zu", i);
        value_of(i, value);
        engine_put(engine, 0, key, rc_slice_text(value), 0);
    }
    engine_set_log(engine, note, s);
    world_begin(world);
    struct world_reply *first = world_get(world, "k00");
    world_settle(world, 100);
    assert_value(first, "value of k00");
    s->connection = sim_server_newest(s->server);
    s->token = world->client->env.next_token;
}

static struct world_reply *ask(struct scene *s, uint32_t timeout_ms, ringcache_id ids[])
{
    struct world_reply *first = &s->world->replies[s->world->submitted];
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%02zu", i);
        const ringcache_request get = {
            .op = RINGCACHE_GET, .key = {key, 3}, .timeout_ms = timeout_ms};
        world_submit(s->world, &get, ids != NULL ? &ids[i] : NULL);
    }
    return first;
}

/* Answers that are not what was stored: a miss is one too. */
static size_t wrong(const struct world_reply *replies)
{
    size_t count = 0;
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        char value[32];
        value_of(i, value);
        bool answered = replies[i].status >= 0;
        count += answered && (replies[i].status > 0 || strcmp(replies[i].value, value) != 0);
    }
    return count;
}

static void assert_all_right(const struct world_reply *replies)
{
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        char value[32];
        value_of(i, value);
        assert_value(&replies[i], value);
    }
}

/* The fault strikes among the replies of eight requests; how many answers were wrong. */
static size_t struck(struct scene *s)
{
    open_scene(s);
    struct world_reply *replies = ask(s, 0, NULL);
    s->armed = true;
    world_settle(s->world, 1000);
    s->armed = false;
    assert_true(s->count > s->at);
    return wrong(replies);
}

/* Whatever it was, it is over: the same requests again have the right answers. */
static void close_scene(struct scene *s)
{
    world_run_for(s->world, QUIET_MS);
    struct world_reply *replies = ask(s, 0, NULL);
    world_settle(s->world, 1000);
    assert_all_right(replies);
    world_end(s->world);
}

static void on_each_reply(const struct kind *kind, const struct fault *fault,
    void (*check)(struct scene *s, size_t wrong))
{
    size_t step = fault->pairs ? kind->replies : 1;
    size_t end = (IN_FLIGHT - fault->pairs) * kind->replies;
    print_message("  %s on %s\n", fault->name, kind->name);
    for (size_t at = 0; at < end; at += step) {
        struct scene s = {.kind = kind, .fault = fault, .at = at};
        check(&s, struck(&s));
        close_scene(&s);
    }
}

static void assert_given_up(struct scene *s)
{
    world_run_for(s->world, QUIET_MS);
    assert_int_equal(sim_server_connections(s->server), 1);
    assert_true(sim_server_newest(s->server) != s->connection);
}

/* No pause: what was broken is not met again by requests that follow at once. */
static void none_is_wrong(struct scene *s, size_t count)
{
    assert_int_equal(count, 0);
    struct world_reply *replies = ask(s, 0, NULL);
    world_settle(s->world, 1000);
    assert_int_equal(wrong(replies), 0);
    assert_given_up(s);
}

static void displaced_replies_are_never_taken_where_there_is_a_token(void **state)
{
    static const struct fault *const faults[] = {&duplicated, &lost, &inserted, &swapped};
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        bool token = !kinds[i].redis || kinds[i].strict;
        for (size_t j = 0; token && j < sizeof faults / sizeof *faults; j++) {
            on_each_reply(&kinds[i], faults[j], none_is_wrong);
        }
    }
}

/* So it is with `auto`: the server's word is taken for it that this is the value of that key. */
static void one_is_wrong(struct scene *s, size_t count)
{
    (void)s;
    assert_int_equal(count, 1);
}

static void another_keys_value_under_the_right_token_is_caught_by_strict_alone(void **state)
{
    (void)state;
    on_each_reply(&kinds[0], &mistaken, one_is_wrong);
    on_each_reply(&kinds[1], &mistaken, none_is_wrong);
}

/* Redis' protocol has nothing that ties a reply to its command: those in flight may be wrong. Not
 * the ones on the next connection. */
static void closed_for_good(struct scene *s, size_t count)
{
    assert_in_range(count, 0, IN_FLIGHT);
    assert_given_up(s);
}

static void without_a_token_the_connection_is_given_up(void **state)
{
    static const struct fault *const faults[] = {&duplicated, &lost, &inserted};
    (void)state;
    for (size_t j = 0; j < sizeof faults / sizeof *faults; j++) {
        on_each_reply(&kinds[2], faults[j], closed_for_good);
    }
}

/* ---- many keys ---- */

/* Batches that follow each other without a pause, each of other keys. */
struct stream {
    struct scene scene;
    struct call {
        struct stream *stream;
        char names[BATCH][8];
        ringcache_slice keys[BATCH];
    } calls[CALLS];
    size_t begun, ended, wrong;
    size_t last_wrong; /* the last call that got a wrong value */
};

static void begin_call(struct stream *stream);

static void key_came(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    const struct call *call = user;
    struct stream *stream = call->stream;
    char value[32];
    (void)client;
    snprintf(value, sizeof value, "value of %s", call->names[reply->index]);
    struct rc_slice came = rc_slice(reply->value.data, reply->value.len);
    if (reply->status >= 0 && !rc_slice_equal(came, rc_slice_text(value))) {
        stream->wrong++;
        stream->last_wrong = (size_t)(call - stream->calls);
    }
}

static void call_ended(
    ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    const struct call *call = user;
    (void)client;
    assert_int_equal(ok + missed + failed, BATCH);
    call->stream->ended++;
    if (call->stream->begun < CALLS) {
        begin_call(call->stream);
    }
}

static void begin_call(struct stream *stream)
{
    struct call *call = &stream->calls[stream->begun++];
    call->stream = stream;
    for (size_t i = 0; i < BATCH; i++) {
        size_t key = (stream->begun * BATCH + i) % KEYS;
        int len = snprintf(call->names[i], sizeof call->names[i], "k%02zu", key);
        call->keys[i] = (ringcache_slice){call->names[i], (size_t)len};
    }
    assert_int_equal(ringcache_get_many(stream->scene.world->client, call->keys, BATCH, NULL,
                         key_came, call_ended, call),
        0);
}

/* Three calls at a time, until the last one ended; the fault strikes at the reply `at`. */
static void run_stream(
    struct stream *stream, const struct kind *kind, const struct fault *fault, size_t at)
{
    *stream = (struct stream){.scene = {.kind = kind, .fault = fault, .at = at}};
    struct scene *s = &stream->scene;
    open_scene(s);
    s->armed = true;
    for (int i = 0; i < AT_ONCE; i++) {
        begin_call(stream);
    }
    while (stream->ended < CALLS && sim_step(s->world->sim)) {
    }
    s->armed = false;
    assert_int_equal(stream->ended, CALLS);
}

static void a_lost_batch_displaces_no_more_than_is_in_flight(void **state)
{
    static struct stream stream;
    (void)state;
    for (size_t at = 0; at < 2 * AT_ONCE; at++) {
        run_stream(&stream, &kinds[2], &lost, at);
        assert_in_range(stream.wrong, 0, AT_ONCE * BATCH);
        assert_in_range(stream.last_wrong, 0, 2 * AT_ONCE);
        assert_given_up(&stream.scene);
        close_scene(&stream.scene);
    }
}

/* The values of a batch that nobody asked for. */
static void mix_up(struct scene *s, size_t number)
{
    static const char values[] = "VALUE k99 0 12\r\nvalue of k99\r\nEND\r\n";
    if (number == s->at) {
        sim_replace_reply(s->server, s->connection, rc_slice_text(values));
    }
}

/* Each batch has two replies there: the values of all keys but the last, and the last one's, whose
 * token proves both. The server counts keys. */
static void displaced_batches_are_never_taken_where_there_is_a_token(void **state)
{
    static const struct fault mixed_up = {"mixed up", mix_up, false};
    static const struct fault *const faults[] = {&duplicated, &lost, &inserted, &mixed_up};
    static struct stream stream;
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        for (size_t at = 0; at < 2 * BATCH; at++) {
            print_message("  %s, reply %zu\n", faults[i]->name, at);
            run_stream(&stream, &kinds[0], faults[i], at);
            assert_int_equal(stream.wrong, 0);
            assert_given_up(&stream.scene);
            close_scene(&stream.scene);
        }
    }
}

/* ---- late ---- */

static void let_time_out(struct scene *s)
{
    struct world_reply *early = ask(s, 50, NULL);
    world_run_for(s->world, 60);
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        assert_reply(&early[i], RINGCACHE_ETIMEDOUT);
    }
}

static void let_be_canceled(struct scene *s)
{
    ringcache_id ids[IN_FLIGHT];
    struct world_reply *early = ask(s, 50, ids);
    world_run_for(s->world, 20);
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        assert_int_equal(ringcache_cancel(s->world->client, ids[i]), 0);
    }
    world_run_for(s->world, 40);
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        assert_reply(&early[i], RINGCACHE_ECANCELED);
    }
}

static void key_ended(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client;
    (void)user;
    assert_int_equal(reply->status, RINGCACHE_ETIMEDOUT);
}

static void batch_ended(
    ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    (void)client;
    assert_int_equal(ok + missed, 0);
    *(size_t *)user = failed;
}

static void let_a_batch_time_out(struct scene *s)
{
    char names[IN_FLIGHT][8];
    ringcache_slice keys[IN_FLIGHT];
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        keys[i] = (ringcache_slice){
            names[i], (size_t)snprintf(names[i], sizeof names[i], "k%02zu", KEYS / 2 + i)};
    }
    size_t failed = 0;
    const ringcache_request defaults = {.timeout_ms = 50};
    int rc = ringcache_get_many(
        s->world->client, keys, IN_FLIGHT, &defaults, key_ended, batch_ended, &failed);
    assert_int_equal(rc, 0);
    world_run_for(s->world, 60);
    assert_int_equal(failed, IN_FLIGHT);
}

/* In the reverse order of keys, a request behind the late ones would get another's value. */
static void late_replies_on(const struct kind *kind, void (*let_end_early)(struct scene *s))
{
    struct scene s = {.kind = kind};
    open_scene(&s);
    sim_server_stop(s.server);
    let_end_early(&s);
    struct world_reply *replies[IN_FLIGHT];
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%02zu", KEYS - 1 - i);
        replies[i] = world_get(s.world, key);
    }
    world_run_for(s.world, 20);
    sim_server_continue(s.server);
    world_settle(s.world, 1000);
    for (size_t i = 0; i < IN_FLIGHT; i++) {
        char value[32];
        value_of(KEYS - 1 - i, value);
        assert_value(replies[i], value);
    }
    assert_int_equal(sim_server_connects(s.server), 1);
    close_scene(&s);
}

static void a_reply_after_the_timeout_is_swallowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        late_replies_on(&kinds[i], let_time_out);
    }
}

static void a_reply_after_the_cancel_is_swallowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        late_replies_on(&kinds[i], let_be_canceled);
    }
}

static void replies_to_a_batch_after_its_timeout_are_swallowed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        late_replies_on(&kinds[i], let_a_batch_time_out);
    }
}

/* Late, and then displaced as well: the tombstones' tokens are compared like any other. */
static void late_replies_that_are_displaced_are_never_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct scene s = {.kind = &kinds[i]};
        if (s.kind->redis && !s.kind->strict) {
            continue;
        }
        open_scene(&s);
        sim_server_stop(s.server);
        let_be_canceled(&s);
        struct world_reply *replies = ask(&s, 0, NULL);
        world_run_for(s.world, 20);
        sim_drop_replies(s.server, s.connection, IN_FLIGHT / 2 * s.kind->replies);
        sim_server_continue(s.server);
        world_settle(s.world, 1000);
        assert_int_equal(wrong(replies), 0);
        close_scene(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(displaced_replies_are_never_taken_where_there_is_a_token),
        cmocka_unit_test(another_keys_value_under_the_right_token_is_caught_by_strict_alone),
        cmocka_unit_test(without_a_token_the_connection_is_given_up),
        cmocka_unit_test(a_lost_batch_displaces_no_more_than_is_in_flight),
        cmocka_unit_test(displaced_batches_are_never_taken_where_there_is_a_token),
        cmocka_unit_test(a_reply_after_the_timeout_is_swallowed),
        cmocka_unit_test(a_reply_after_the_cancel_is_swallowed),
        cmocka_unit_test(replies_to_a_batch_after_its_timeout_are_swallowed),
        cmocka_unit_test(late_replies_that_are_displaced_are_never_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

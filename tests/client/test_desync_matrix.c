/* SPDX-License-Identifier: MIT */
/* How many wrong values a reply out of its place brings: each codec, each way to lose the step, at
 * the first, the middle and the last of a pipeline, under traffic that never pauses. Values name
 * their key, so that a wrong one shows. */
#include "world.h"

#include <stdio.h>

enum {
    WINDOW = 8,
    KEYS = 64,
    AFTER = 200, /* rounds of the window behind the one that is struck */
    LATENCY_US = 2000,
    LATE_MS = 40,
};

struct codec {
    const char *name;
    bool redis, strict;
    const char *version; /* of a memcached */
    const char *get;     /* its verb */
};

static const struct codec codecs[] = {
    {"memcached meta", false, false, NULL, "mg"},
    {"memcached meta, strict", false, true, NULL, "mg"},
    {"memcached classic", false, false, "1.4.39", "get"},
    {"memcached classic, strict", false, true, "1.4.39", "get"},
    {"redis", true, false, NULL, "get"},
    {"redis, strict", true, true, NULL, "get"},
};
enum { CODECS = sizeof codecs / sizeof *codecs };

struct scene {
    const struct codec *codec;
    const struct way *way;
    size_t at; /* of the window, the one that is struck */
    struct world *world;
    struct sim_server *server;
    uint64_t connection;
    bool armed, struck;
    size_t gets; /* that the server was asked for since it was armed */
    size_t submitted, unanswered, wrong, failed;
    size_t wrong_later; /* of those that were not in flight when the fault struck */
};

/* How a reply comes to be out of place. */
struct way {
    const char *name;
    void (*strike)(struct scene *s);
    bool late; /* the request has a short deadline, and the server stands still */
};

static void value_of(size_t key, char value[32])
{
    snprintf(value, 32, "value of k%02zu", key);
}

/* ---- the ways ---- */

static void lose(struct scene *s)
{
    sim_drop_replies(s->server, s->connection, 1);
}

static void duplicate(struct scene *s)
{
    sim_double_replies(s->server, s->connection, 1);
}

static void swap(struct scene *s)
{
    sim_swap_replies(s->server, s->connection, true);
}

/* Somebody else's whole reply: of another key, with a token of long ago. */
static void insert(struct scene *s)
{
    char bytes[128], value[32];
    value_of(KEYS - 1, value);
    if (s->codec->redis && s->codec->strict) {
        snprintf(bytes, sizeof bytes, "$%zu\r\n%s\r\n$16\r\n%016x\r\n", strlen(value), value, 1);
    } else if (s->codec->redis) {
        snprintf(bytes, sizeof bytes, "$%zu\r\n%s\r\n", strlen(value), value);
    } else if (s->codec->version != NULL) {
        snprintf(bytes, sizeof bytes, "VALUE k%02d 0 %zu\r\n%s\r\nEND\r\n", KEYS - 1, strlen(value),
            value);
    } else {
        snprintf(bytes, sizeof bytes, "VA %zu f0 O%08x%s\r\n%s\r\n", strlen(value), 1,
            s->codec->strict ? " kk63" : "", value);
    }
    sim_inject(s->server, s->connection, rc_slice_text(bytes));
}

static void replace_bytes(struct sim_bytes *reply, size_t from, size_t to, const char *text)
{
    char changed[256];
    struct rc_slice view = sim_bytes_view(reply);
    int len = snprintf(changed, sizeof changed, "%.*s%s%.*s", (int)from, (const char *)view.data,
        text, (int)(view.len - to), (const char *)view.data + to);
    assert_in_range(len, 1, sizeof changed - 1);
    sim_bytes_clear(reply);
    sim_bytes_append(reply, changed, (size_t)len);
}

/* Where `text` begins in the reply. */
static size_t place_of(const struct sim_bytes *reply, const char *text)
{
    struct rc_slice view = sim_bytes_view(reply);
    const void *at = memmem(view.data, view.len, text, strlen(text));
    assert_non_null(at);
    return (size_t)((const unsigned char *)at - view.data);
}

/* Every key in the reply, and the value with it, is another's; the token stays. */
static void make_anothers(struct sim_bytes *reply)
{
    struct rc_slice view = sim_bytes_view(reply);
    char changed[256];
    assert_in_range(view.len, 1, sizeof changed);
    memcpy(changed, view.data, view.len);
    for (size_t i = 0; i + 3 <= view.len; i++) {
        bool is_key = changed[i] == 'k' && changed[i + 1] >= '0' && changed[i + 1] <= '9';
        if (is_key) {
            memcpy(changed + i + 1, "63", 2);
        }
    }
    sim_bytes_clear(reply);
    sim_bytes_append(reply, changed, view.len);
}

static void mistake(struct scene *s)
{
    sim_alter_reply(s->server, s->connection, make_anothers);
}

/* The value has 12 bytes. */
static void make_longer(struct sim_bytes *reply)
{
    size_t at = place_of(reply, "12");
    replace_bytes(reply, at, at + 2, "13");
}

static void lengthen(struct scene *s)
{
    sim_alter_reply(s->server, s->connection, make_longer);
}

static void make_shorter(struct sim_bytes *reply)
{
    size_t at = place_of(reply, "12");
    replace_bytes(reply, at, at + 2, "11");
}

static void shorten(struct scene *s)
{
    sim_alter_reply(s->server, s->connection, make_shorter);
}

static void make_half(struct sim_bytes *reply)
{
    struct rc_slice view = sim_bytes_view(reply);
    replace_bytes(reply, view.len / 2, view.len, "");
}

static void truncate_it(struct scene *s)
{
    sim_alter_reply(s->server, s->connection, make_half);
}

static void make_garbage(struct sim_bytes *reply)
{
    struct rc_slice view = sim_bytes_view(reply);
    char changed[256];
    assert_in_range(view.len, 1, sizeof changed);
    for (size_t i = 0; i < view.len; i++) {
        changed[i] = (char)(view.data[i] ^ (0x55 + i));
    }
    sim_bytes_clear(reply);
    sim_bytes_append(reply, changed, view.len);
}

static void garble(struct scene *s)
{
    sim_alter_reply(s->server, s->connection, make_garbage);
}

static void go_on(void *owner)
{
    struct scene *s = owner;
    sim_server_continue(s->server);
}

static void delay(struct scene *s)
{
    sim_server_stop(s->server);
    sim_at(s->world->sim, world_now(s->world) + LATE_MS, go_on, s);
}

enum { SWAPPED = 3, MISTAKEN = 5 };

static const struct way ways[] = {
    {"lost", lose, false},
    {"duplicated", duplicate, false},
    {"inserted", insert, false},
    [SWAPPED] = {"swapped", swap, false},
    {"late", delay, true},
    [MISTAKEN] = {"of another key, under the right token", mistake, false},
    {"longer than it says", shorten, false},
    {"shorter than it says", lengthen, false},
    {"truncated", truncate_it, false},
    {"garbage", garble, false},
};
enum { WAYS = sizeof ways / sizeof *ways };

static void note(void *owner, const struct engine_command *command)
{
    struct scene *s = owner;
    if (s->armed && !s->struck && strcmp(command->verb, s->codec->get) == 0 && s->gets++ == s->at) {
        s->struck = true;
        s->way->strike(s);
    }
}

/* ---- traffic ---- */

/* One request of the traffic: its key, and whether it left behind the fault. */
struct asked {
    struct scene *scene;
    size_t number;
};

static struct asked asks[WINDOW * (AFTER + 1)];

static void on_answer(ringcache_client *client, const ringcache_reply *reply, void *user);

static void ask(struct scene *s)
{
    char key[8];
    struct asked *asked = &asks[s->submitted];
    *asked = (struct asked){s, s->submitted};
    snprintf(key, sizeof key, "k%02zu", s->submitted % (KEYS - 1));
    bool is_late = s->way->late && s->submitted == s->at;
    const ringcache_request get = {
        .op = RINGCACHE_GET, .key = {key, 3}, .timeout_ms = is_late ? LATE_MS / 2 : 0};
    s->submitted++;
    s->unanswered++;
    assert_int_equal(ringcache_submit(s->world->client, &get, on_answer, asked, NULL), 0);
}

/* Each answer leads to the next question: the pipeline never runs dry. */
static void on_answer(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    const struct asked *asked = user;
    struct scene *s = asked->scene;
    char value[32];
    (void)client;
    value_of(asked->number % (KEYS - 1), value);
    struct rc_slice came = rc_slice(reply->value.data, reply->value.len);
    bool right = reply->status == RINGCACHE_OK && rc_slice_equal(came, rc_slice_text(value));
    s->unanswered--;
    s->wrong += reply->status >= 0 && !right;
    s->wrong_later += reply->status >= 0 && !right && asked->number >= WINDOW;
    s->failed += reply->status < 0;
    if (s->submitted < WINDOW * (AFTER + 1)) {
        ask(s);
    }
}

static void open_scene(struct scene *s)
{
    struct world *world = world_new(57);
    s->world = world;
    sim_settings(world->sim)->latency_us = LATENCY_US;
    s->server = s->codec->redis ? world_redis(world, "10.0.0.1", 6379)
                                : world_memcached(world, "10.0.0.1", 11000);
    struct engine *engine = sim_server_engine(s->server);
    if (s->codec->version != NULL) {
        engine_set_version(engine, s->codec->version);
    }
    world_option(world, "integrity", s->codec->strict ? "strict" : "auto");
    world_option(world, "merge_gets", "no");
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
}

/* May the connection stay? A late reply is in its place. What a server mistakes may not show, and
 * of Redis neither do two replies that changed places, which displace no third one. */
static bool may_stay(const struct scene *s)
{
    bool by_place = s->codec->redis && !s->codec->strict;
    bool mistaken = s->way == &ways[MISTAKEN] && (by_place || s->wrong == 1);
    return s->way->late || mistaken || (s->way == &ways[SWAPPED] && by_place && s->wrong == 2);
}

/* What is wrong goes with its connection, and all is well behind it. */
static void run_scene(struct scene *s)
{
    open_scene(s);
    s->armed = true;
    for (size_t i = 0; i < WINDOW; i++) {
        ask(s);
    }
    while (s->unanswered > 0 && sim_step(s->world->sim)) {
    }
    assert_true(s->struck);
    assert_int_equal(s->unanswered, 0);
    assert_int_equal(s->submitted, WINDOW * (AFTER + 1));
    bool stayed = sim_server_newest(s->server) == s->connection;
    assert_int_equal(stayed, may_stay(s));
    assert_true(s->wrong_later == 0 || s->way == &ways[SWAPPED]);
    struct world_reply *last = world_get(s->world, "k07");
    world_settle(s->world, 2000);
    assert_value(last, "value of k07");
    world_end(s->world);
}

/* ---- the matrix ---- */

/* At most so many wrong values. A reply of Redis has neither key nor token of its own: what the
 * server itself mistakes nobody can see. */
static size_t limit(const struct codec *codec, const struct way *way)
{
    bool classic = codec->version != NULL;
    if (way == &ways[MISTAKEN]) {
        return codec->redis || (!classic && !codec->strict) ? 1 : 0;
    }
    return codec->redis && !codec->strict ? WINDOW : 0;
}

struct tally {
    size_t cells, displaced, mistaken, worst;
};

static void run_cell(const struct codec *codec, const struct way *way, struct tally *tally)
{
    static const size_t positions[] = {0, WINDOW / 2, WINDOW - 1};
    for (size_t i = 0; i < sizeof positions / sizeof *positions; i++) {
        struct scene s = {.codec = codec, .way = way, .at = positions[i]};
        run_scene(&s);
        print_message("  %s, %s at %zu: %zu wrong, %zu failed\n", codec->name, way->name,
            positions[i], s.wrong, s.failed);
        assert_in_range(s.wrong, 0, limit(codec, way));
        tally->cells++;
        if (way == &ways[MISTAKEN]) {
            tally->mistaken += s.wrong;
        } else {
            tally->displaced += s.wrong;
            tally->worst = s.wrong > tally->worst ? s.wrong : tally->worst;
        }
    }
}

static void run_codec(const struct codec *codec)
{
    struct tally tally = {0};
    for (size_t i = 0; i < WAYS; i++) {
        run_cell(codec, &ways[i], &tally);
    }
    assert_int_equal(tally.cells, 3 * WAYS);
    print_message("# desync: %s: %zu wrong values of displaced replies in %zu cells, at most %zu "
                  "of %d in flight; %zu of mistaken ones\n",
        codec->name, tally.displaced, tally.cells, tally.worst, WINDOW, tally.mistaken);
}

static void meta_never_takes_a_displaced_reply(void **state)
{
    (void)state;
    run_codec(&codecs[0]);
}

static void strict_meta_takes_no_other_keys_value_either(void **state)
{
    (void)state;
    run_codec(&codecs[1]);
}

static void classic_never_takes_another_keys_value(void **state)
{
    (void)state;
    run_codec(&codecs[2]);
}

static void strict_classic_never_takes_another_keys_value(void **state)
{
    (void)state;
    run_codec(&codecs[3]);
}

static void redis_takes_no_more_than_was_in_flight(void **state)
{
    (void)state;
    run_codec(&codecs[4]);
}

static void strict_redis_never_takes_a_displaced_reply(void **state)
{
    (void)state;
    run_codec(&codecs[5]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meta_never_takes_a_displaced_reply),
        cmocka_unit_test(strict_meta_takes_no_other_keys_value_either),
        cmocka_unit_test(classic_never_takes_another_keys_value),
        cmocka_unit_test(strict_classic_never_takes_another_keys_value),
        cmocka_unit_test(redis_takes_no_more_than_was_in_flight),
        cmocka_unit_test(strict_redis_never_takes_a_displaced_reply),
    };
    _Static_assert(sizeof tests / sizeof *tests == CODECS, "each codec has its case");
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Rings without servers: what a lookup costs, what building a ring takes, and what it takes until a
 * client has let one more server in.
 *
 * Independent lookups overlap in the processor, as those of a batch do; dependent ones wait for
 * each other, as those of a program between which other work stands. */
#include "bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <uv.h>

#include <ringcache/ringcache.h>

enum {
    LOOKUP_KEYS = 4096,
    RING_SERVERS_MAX = 10000,
    LOOKUPS = 1 << 20,
    JOINED = 1000,
    JOINED_MANY = 10000
};

struct key {
    char text[KEY_SIZE + 4];
};

static struct key *make_keys(void)
{
    struct key *keys = calloc(LOOKUP_KEYS, sizeof *keys);
    uint32_t x = 1;
    for (size_t i = 0; keys != NULL && i < LOOKUP_KEYS; i++) {
        x = x * 1664525 + 1013904223;
        snprintf(keys[i].text, sizeof keys[i].text, "user:%010" PRIu32 ":name", x);
    }
    return keys;
}

static double used_ns(void)
{
    return (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static size_t look_up(
    const struct driver *driver, const void *ring, const struct key *keys, size_t lookups)
{
    size_t sum = 0;
    for (size_t i = 0; i < lookups; i++) {
        sum += driver->ring_locate(ring, keys[i % LOOKUP_KEYS].text);
    }
    return sum;
}

static size_t look_up_in_turn(
    const struct driver *driver, const void *ring, const struct key *keys, size_t lookups)
{
    size_t owner = 0;
    for (size_t i = 0; i < lookups; i++) {
        owner = driver->ring_locate(ring, keys[(i + owner) % LOOKUP_KEYS].text);
    }
    return owner;
}

static int measure(const struct driver *driver, size_t servers, const struct key *keys)
{
    double begun = used_ns();
    void *ring = driver->ring_new(servers);
    double built = used_ns();
    if (ring == NULL) {
        fprintf(stderr, "bench: %s: no ring of %zu servers\n", driver->name, servers);
        return 1;
    }
    size_t sum = look_up(driver, ring, keys, LOOKUP_KEYS);
    double warm = used_ns();
    sum += look_up(driver, ring, keys, LOOKUPS);
    double independent = used_ns();
    sum += look_up_in_turn(driver, ring, keys, LOOKUPS);
    double dependent = used_ns();
    printf("{\"driver\": \"%s\", \"servers\": %zu, \"lookup_ns\": %.2f, "
           "\"dependent_ns\": %.2f, \"build_ms\": %.3f, \"check\": %zu}\n",
        driver->name, servers, (independent - warm) / (double)LOOKUPS,
        (dependent - independent) / (double)LOOKUPS, (built - begun) / 1e6, sum);
    driver->ring_free(ring);
    return 0;
}

static int measure_all(const struct key *keys)
{
    int status = 0;
    for (size_t i = 0; drivers[i] != NULL; i++) {
        for (size_t n = 10; n <= RING_SERVERS_MAX && n <= drivers[i]->ring_most; n *= 10) {
            status |= measure(drivers[i], n, keys);
        }
    }
    return status;
}

/* For a profiler: nothing but lookups, but for the ring's making. */
static int look_up_alone(size_t servers, size_t lookups, const struct key *keys)
{
    void *ring = ringcache_driver.ring_new(servers);
    if (ring == NULL) {
        fprintf(stderr, "bench: no ring of %zu servers\n", servers);
        return 1;
    }
    printf("%zu\n", look_up(&ringcache_driver, ring, keys, lookups));
    ringcache_driver.ring_free(ring);
    return 0;
}

int command_lookup(int argc, char **argv)
{
    uint32_t servers = 0, lookups = 0;
    bool alone = argc == 2 && parse_number(argv[0], &servers) && parse_number(argv[1], &lookups);
    if (argc != 0 && !alone) {
        return 2;
    }
    struct key *keys = make_keys();
    if (keys == NULL) {
        fprintf(stderr, "bench: no memory for keys\n");
        return 1;
    }
    int status = alone ? look_up_alone(servers, lookups, keys) : measure_all(keys);
    free(keys);
    return status;
}

/* ---- one more server ---- */

/* How long a turn keeps its loop, in processor time of its thread: what else runs on the machine is
 * not counted. */
struct join {
    uint64_t begun_ns, done_ns;
    uint64_t turned_ns, longest_turn_ns; /* processor time */
    uv_prepare_t prepare;
};

static void on_turn(uv_prepare_t *prepare)
{
    struct join *join = prepare->data;
    uint64_t now = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    uint64_t turn_ns = now - join->turned_ns;
    join->longest_turn_ns = turn_ns > join->longest_turn_ns ? turn_ns : join->longest_turn_ns;
    join->turned_ns = now;
}

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    struct join *join = user;
    if (event->type == RINGCACHE_EVENT_RING_CHANGED) {
        join->done_ns = now_ns();
        uv_stop(join->prepare.loop);
    }
    (void)client;
}

static ringcache_client *make_client(uv_loop_t *loop, uint32_t servers)
{
    ringcache_config *config = NULL;
    ringcache_client *client = NULL;
    int status = ringcache_config_new(&config);
    for (size_t i = 0; i < servers && status == 0; i++) {
        char uri[URI_SIZE];
        snprintf(uri, sizeof uri, "memcached://cache-%zu.example.com", i);
        status = ringcache_config_add_server(config, uri);
    }
    if (status == 0 && ringcache_client_new(&client, loop, config) != 0) {
        client = NULL;
    }
    ringcache_config_free(config);
    return client;
}

static void begin_turns(uv_loop_t *loop, struct join *join)
{
    uv_prepare_init(loop, &join->prepare);
    join->prepare.data = join;
    uv_prepare_start(&join->prepare, on_turn);
    join->begun_ns = now_ns();
    join->turned_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* The first turn, which greets nobody, is not the join's. */
static int let_join(uv_loop_t *loop, ringcache_client *client, struct join *join)
{
    ringcache_client_on_event(client, on_event, join);
    ringcache_client_ref(client);
    uv_run(loop, UV_RUN_NOWAIT);
    begin_turns(loop, join);
    int status = ringcache_server_add(client, "memcached://one-more.example.com");
    if (status == 0) {
        uv_run(loop, UV_RUN_DEFAULT);
        on_turn(&join->prepare);
    }
    uv_close((uv_handle_t *)&join->prepare, NULL);
    return status;
}

static int measure_join(uint32_t servers)
{
    uv_loop_t loop;
    if (uv_loop_init(&loop) != 0) {
        return 1;
    }
    struct join join = {0};
    ringcache_client *client = make_client(&loop, servers);
    int status = RINGCACHE_ENOMEM;
    if (client != NULL) {
        status = let_join(&loop, client, &join);
        ringcache_client_close(client, NULL, NULL);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    if (status != 0 || join.done_ns == 0) {
        fprintf(stderr, "bench: a join failed: %s\n", ringcache_strerror(status));
        return 1;
    }
    printf("{\"servers\": %u, \"join_ms\": %.3f, \"longest_turn_ms\": %.3f}\n", servers,
        (double)(join.done_ns - join.begun_ns) / 1e6, (double)join.longest_turn_ns / 1e6);
    return 0;
}

int command_join(int argc, char **argv)
{
    uint32_t servers = JOINED;
    if (argc > 1 || (argc == 1 && !parse_number(argv[0], &servers))) {
        return 2;
    }
    return argc == 1 ? measure_join(servers) : measure_join(JOINED) | measure_join(JOINED_MANY);
}

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

/* ---- another ring for a client ---- */

/* How long a turn keeps its loop, in processor time of its thread: what else runs on the machine is
 * not counted. */
struct wait {
    ringcache_config *others; /* as many servers as there are */
    uint64_t begun_ns, done_ns;
    uint64_t turned_ns, longest_turn_ns; /* processor time */
    uv_prepare_t prepare;
};

static void on_turn(uv_prepare_t *prepare)
{
    struct wait *wait = prepare->data;
    uint64_t now = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    uint64_t turn_ns = now - wait->turned_ns;
    wait->longest_turn_ns = turn_ns > wait->longest_turn_ns ? turn_ns : wait->longest_turn_ns;
    wait->turned_ns = now;
}

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    struct wait *wait = user;
    if (event->type == RINGCACHE_EVENT_RING_CHANGED) {
        wait->done_ns = now_ns();
        uv_stop(wait->prepare.loop);
    }
    (void)client;
}

static int make_config(ringcache_config **config, uint32_t first, uint32_t servers)
{
    int status = ringcache_config_new(config);
    for (uint32_t i = first; i < first + servers && status == 0; i++) {
        char uri[URI_SIZE];
        snprintf(uri, sizeof uri, "memcached://cache-%u.example.com", i);
        status = ringcache_config_add_server(*config, uri);
    }
    return status;
}

static ringcache_client *make_client(uv_loop_t *loop, uint32_t servers)
{
    ringcache_config *config = NULL;
    ringcache_client *client = NULL;
    int status = make_config(&config, 0, servers);
    if (status == 0 && ringcache_client_new(&client, loop, config) != 0) {
        client = NULL;
    }
    ringcache_config_free(config);
    return client;
}

static int add_one(ringcache_client *client, const ringcache_config *others)
{
    (void)others;
    return ringcache_server_add(client, "memcached://one-more.example.com");
}

static int replace_all(ringcache_client *client, const ringcache_config *others)
{
    return ringcache_servers_replace(client, others);
}

static const struct change {
    const char *name;
    int (*make)(ringcache_client *client, const ringcache_config *others);
} changes[] = {{"one more joins", add_one}, {"all give way to as many others", replace_all}};

static void begin_turns(uv_loop_t *loop, struct wait *wait)
{
    uv_prepare_init(loop, &wait->prepare);
    wait->prepare.data = wait;
    uv_prepare_start(&wait->prepare, on_turn);
    wait->begun_ns = now_ns();
    wait->turned_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* The first turn, which greets nobody, is not the change's; those are in which servers go. */
static int let_join(
    uv_loop_t *loop, ringcache_client *client, struct wait *wait, const struct change *change)
{
    enum { TURNS_BEHIND = 20 };
    ringcache_client_on_event(client, on_event, wait);
    ringcache_client_ref(client);
    uv_run(loop, UV_RUN_NOWAIT);
    begin_turns(loop, wait);
    int status = change->make(client, wait->others);
    if (status == 0) {
        uv_run(loop, UV_RUN_DEFAULT);
        on_turn(&wait->prepare);
    }
    for (int i = 0; status == 0 && i < TURNS_BEHIND; i++) {
        uv_run(loop, UV_RUN_NOWAIT);
    }
    uv_close((uv_handle_t *)&wait->prepare, NULL);
    return status;
}

static int measure_change(const struct change *change, uint32_t servers)
{
    uv_loop_t loop;
    if (uv_loop_init(&loop) != 0) {
        return 1;
    }
    struct wait wait = {.others = NULL};
    ringcache_client *client = make_client(&loop, servers);
    int status = make_config(&wait.others, servers, servers);
    if (client != NULL) {
        status = status == 0 ? let_join(&loop, client, &wait, change) : status;
        ringcache_client_close(client, NULL, NULL);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    ringcache_config_free(wait.others);
    if (status != 0 || wait.done_ns == 0) {
        fprintf(stderr, "bench: a change failed: %s\n", ringcache_strerror(status));
        return 1;
    }
    printf("{\"change\": \"%s\", \"servers\": %u, \"join_ms\": %.3f, \"longest_turn_ms\": %.3f}\n",
        change->name, servers, (double)(wait.done_ns - wait.begun_ns) / 1e6,
        (double)wait.longest_turn_ns / 1e6);
    return 0;
}

static int measure_join(uint32_t servers)
{
    int status = 0;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        status |= measure_change(&changes[i], servers);
    }
    return status;
}

int command_join(int argc, char **argv)
{
    uint32_t servers = JOINED;
    if (argc > 1 || (argc == 1 && !parse_number(argv[0], &servers))) {
        return 2;
    }
    return argc == 1 ? measure_join(servers) : measure_join(JOINED) | measure_join(JOINED_MANY);
}

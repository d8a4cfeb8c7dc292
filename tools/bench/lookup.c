/* SPDX-License-Identifier: MIT */
/* What a lookup costs in processor time, by the number of servers.
 *
 *   lookup              a table: nanoseconds per lookup, and the time to build the ring
 *   lookup SERVERS N    N lookups on a ring of SERVERS and nothing else, for a profiler
 *
 * Independent lookups overlap in the processor, as those of a batch do; dependent ones wait for
 * each other, as those of a program between which other work stands. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <ringcache/config.h>
#include <ringcache/ring.h>

enum { KEYS = 4096, KEY_SIZE = 20, URI_SIZE = 64, SERVERS_MAX = 10000, LOOKUPS = 4 << 20 };

struct key {
    char text[KEY_SIZE + 1];
};

static struct key *make_keys(void)
{
    struct key *keys = calloc(KEYS, sizeof *keys);
    uint32_t x = 1;
    for (size_t i = 0; keys != NULL && i < KEYS; i++) {
        x = x * 1664525 + 1013904223;
        snprintf(keys[i].text, sizeof keys[i].text, "user:%010u:name", (unsigned)x);
    }
    return keys;
}

static ringcache_config *make_config(size_t servers)
{
    ringcache_config *config = NULL;
    int status = ringcache_config_new(&config);
    for (size_t i = 0; i < servers && status == 0; i++) {
        char uri[URI_SIZE];
        snprintf(uri, sizeof uri, "memcached://cache-%zu.example.com", i);
        status = ringcache_config_add_server(config, uri);
    }
    if (status != 0) {
        ringcache_config_free(config);
        return NULL;
    }
    return config;
}

static double used_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* NULL without memory. */
static ringcache_ring *make_ring(size_t servers, double *build_ns)
{
    ringcache_ring *ring = NULL;
    ringcache_config *config = make_config(servers);
    double begun = used_ns();
    if (config != NULL && ringcache_ring_new(&ring, config) != 0) {
        ring = NULL;
    }
    *build_ns = used_ns() - begun;
    ringcache_config_free(config);
    return ring;
}

static size_t look_up(const ringcache_ring *ring, const struct key *keys, size_t lookups)
{
    size_t sum = 0;
    for (size_t i = 0; i < lookups; i++) {
        sum += ringcache_ring_locate(ring, keys[i % KEYS].text, KEY_SIZE);
    }
    return sum;
}

static size_t look_up_in_turn(const ringcache_ring *ring, const struct key *keys, size_t lookups)
{
    size_t owner = 0;
    for (size_t i = 0; i < lookups; i++) {
        owner = ringcache_ring_locate(ring, keys[(i + owner) % KEYS].text, KEY_SIZE);
    }
    return owner;
}

static int measure(size_t servers, const struct key *keys)
{
    double build_ns;
    ringcache_ring *ring = make_ring(servers, &build_ns);
    if (ring == NULL) {
        fprintf(stderr, "lookup: no ring of %zu servers\n", servers);
        return 1;
    }
    size_t sum = look_up(ring, keys, KEYS);
    double warm = used_ns();
    sum += look_up(ring, keys, LOOKUPS);
    double independent = used_ns();
    sum += look_up_in_turn(ring, keys, LOOKUPS);
    double dependent = used_ns();
    printf("%8zu %14.1f %14.1f %12.2f   (check %zu)\n", servers,
        (independent - warm) / (double)LOOKUPS, (dependent - independent) / (double)LOOKUPS,
        build_ns / 1e6, sum);
    ringcache_ring_unref(ring);
    return 0;
}

static int print_table(const struct key *keys)
{
    printf("%8s %14s %14s %12s\n", "servers", "ns/lookup", "ns, dependent", "build ms");
    for (size_t servers = 10; servers <= SERVERS_MAX; servers *= 10) {
        if (measure(servers, keys) != 0) {
            return 1;
        }
    }
    return 0;
}

static int run_once(size_t servers, size_t lookups, const struct key *keys)
{
    double build_ns;
    ringcache_ring *ring = make_ring(servers, &build_ns);
    if (ring == NULL) {
        fprintf(stderr, "lookup: no ring of %zu servers\n", servers);
        return 1;
    }
    printf("%zu\n", look_up(ring, keys, lookups));
    ringcache_ring_unref(ring);
    return 0;
}

/* Decimal digits alone; 0 for anything else. */
static size_t number_in(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || n > SIZE_MAX / 20) {
            return 0;
        }
        n = n * 10 + (size_t)(*text - '0');
    }
    return n;
}

static int run(int argc, char **argv, const struct key *keys)
{
    if (argc == 1) {
        return print_table(keys);
    }
    size_t servers = argc == 3 ? number_in(argv[1]) : 0;
    size_t lookups = argc == 3 ? number_in(argv[2]) : 0;
    if (servers == 0 || lookups == 0) {
        fprintf(stderr, "usage: lookup [SERVERS LOOKUPS]\n");
        return 2;
    }
    return run_once(servers, lookups, keys);
}

int main(int argc, char **argv)
{
    struct key *keys = make_keys();
    if (keys == NULL) {
        fprintf(stderr, "lookup: out of memory\n");
        return 1;
    }
    int status = run(argc, argv, keys);
    free(keys);
    return status;
}

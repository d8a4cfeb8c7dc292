/* SPDX-License-Identifier: MIT */
/* Bytes that ringcache takes from the heap: for a client, an idle connection, a request under way
 * and a point of the ring. The C library counts what it has given out. */
#include "bench.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <uv.h>

#include <ringcache/ringcache.h>

enum { UNDER_WAY = 1000, RING_SERVERS = 1000, KEYS_EACH = 100, TURNS = 20 };

static double heap_bytes(void)
{
    struct mallinfo2 heap = mallinfo2();
    return (double)(heap.uordblks + heap.hblkhd);
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    unsigned *failed = user;
    (void)client;
    *failed += reply->status < 0;
}

static int get(ringcache_client *client, unsigned number, unsigned *failed)
{
    char key[KEY_SIZE + 4];
    snprintf(key, sizeof key, "user:%010u:name", number);
    return ringcache_get(client, key, KEY_SIZE, on_reply, failed);
}

/* Every server is asked, so that each has a connection; then nothing is under way. */
static bool connect_all(ringcache_client *client, uv_loop_t *loop, size_t servers)
{
    unsigned failed = 0;
    for (unsigned i = 0; i < KEYS_EACH * (unsigned)servers; i++) {
        failed += get(client, i, &failed) != 0;
    }
    uv_run(loop, UV_RUN_DEFAULT);
    return failed == 0;
}

/* With the servers stopped, so that all of it is sent and nothing answered. */
static double measure_requests(ringcache_client *client, uv_loop_t *loop, const struct plan *plan)
{
    unsigned failed = 0;
    for (size_t i = 0; i < plan->pid_count; i++) {
        kill((pid_t)plan->pids[i], SIGSTOP);
    }
    double before = heap_bytes();
    for (unsigned i = 0; i < UNDER_WAY; i++) {
        failed += get(client, i, &failed) != 0;
    }
    for (unsigned i = 0; i < TURNS; i++) {
        uv_run(loop, UV_RUN_NOWAIT);
    }
    double bytes = (heap_bytes() - before) / (double)UNDER_WAY;
    for (size_t i = 0; i < plan->pid_count; i++) {
        kill((pid_t)plan->pids[i], SIGCONT);
    }
    uv_run(loop, UV_RUN_DEFAULT);
    return failed == 0 ? bytes : -1;
}

static int configure(ringcache_config *config, const struct plan *plan)
{
    int status = ringcache_config_set(config, "timeout_ms", "30000");
    for (size_t i = 0; i < plan->port_count && status == 0; i++) {
        char uri[URI_SIZE];
        plan_uri(plan, i, uri);
        status = ringcache_config_add_server(config, uri);
    }
    return status;
}

static bool measure_client(uv_loop_t *loop, const ringcache_config *config, const struct plan *plan)
{
    ringcache_client *client = NULL;
    const double begun = heap_bytes();
    if (ringcache_client_new(&client, loop, config) != 0) {
        return false;
    }
    const double made = heap_bytes();
    bool good = connect_all(client, loop, plan->port_count);
    const double connected = heap_bytes();
    const double request = good ? measure_requests(client, loop, plan) : -1;
    ringcache_client_close(client, NULL, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    printf("{\"protocol\": \"%s\", \"servers\": %zu, \"client_bytes\": %.0f, "
           "\"connection_bytes\": %.0f, \"request_bytes\": %.1f}\n",
        protocol_names[plan->protocol], plan->port_count, made - begun,
        (connected - made) / (double)plan->port_count, request);
    return good && request >= 0;
}

static bool measure_points(void)
{
    const double before = heap_bytes();
    ringcache_ring *ring = ringcache_driver.ring_new(RING_SERVERS);
    double points = 0;
    for (size_t i = 0; ring != NULL && i < RING_SERVERS; i++) {
        points += (double)ringcache_ring_points(ring, i);
    }
    if (ring == NULL) {
        return false;
    }
    printf("{\"servers\": %d, \"point_bytes\": %.2f}\n", RING_SERVERS,
        (heap_bytes() - before) / points);
    ringcache_ring_unref(ring);
    return true;
}

int command_points(int argc, char **argv)
{
    (void)argv;
    if (argc != 0) {
        return 2;
    }
    if (!measure_points()) {
        fprintf(stderr, "bench: no ring of %d servers\n", RING_SERVERS);
        return 1;
    }
    return 0;
}

int command_memory(int argc, char **argv)
{
    struct plan plan;
    uv_loop_t loop;
    ringcache_config *config = NULL;
    if (!plan_parse(&plan, argc, argv) || uv_loop_init(&loop) != 0) {
        return 2;
    }
    int status = ringcache_config_new(&config);
    status = status == 0 ? configure(config, &plan) : status;
    bool good = status == 0 && measure_client(&loop, config, &plan);
    ringcache_config_free(config);
    uv_loop_close(&loop);
    if (!good) {
        fprintf(stderr, "bench: the memory of %s was not measured: %s\n",
            protocol_names[plan.protocol], status != 0 ? ringcache_strerror(status) : "a failure");
    }
    return good ? 0 : 1;
}

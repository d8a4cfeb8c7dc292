/* SPDX-License-Identifier: MIT */
/* How many requests a second one client does to one server, with integrity=auto and with strict.
 *
 *   requests URI [WINDOW]     gets and sets of 100 bytes, WINDOW (64) under way at any time
 *
 * The runs take turns, so that whatever else the machine does meets both; told is the median of
 * each. Processor time is that of this process, the server's not counted. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <uv.h>

#include <ringcache/ringcache.h>

enum { KEYS = 1024, VALUE_BYTES = 100, ROUNDS = 11, ROUND_REQUESTS = 100000, WINDOW_MAX = 1000 };

struct run {
    ringcache_client *client;
    ringcache_op op;
    uint32_t submitted, answered, failed;
};

static double now_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user);

static bool ask(struct run *run)
{
    static const char value[VALUE_BYTES];
    char key[16];
    int len = snprintf(key, sizeof key, "bench:%04u", (unsigned)(run->submitted++ % KEYS));
    ringcache_request request = {.op = run->op, .key = {key, (size_t)len}};
    if (run->op == RINGCACHE_SET) {
        request.value = (ringcache_slice){value, sizeof value};
    }
    return ringcache_submit(run->client, &request, on_reply, run, NULL) == 0;
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct run *run = user;
    (void)client;
    run->answered++;
    run->failed += reply->status != RINGCACHE_OK;
    if (run->submitted < ROUND_REQUESTS && !ask(run)) {
        run->failed++;
    }
}

struct figures {
    double wall_us, cpu_us; /* of one request */
};

/* False when a request failed. */
static bool measure(
    uv_loop_t *loop, ringcache_client *client, ringcache_op op, uint32_t window, struct figures *f)
{
    struct run run = {.client = client, .op = op};
    double wall = now_s(CLOCK_MONOTONIC), cpu = now_s(CLOCK_PROCESS_CPUTIME_ID);
    bool good = true;
    for (uint32_t i = 0; i < window && good; i++) {
        good = ask(&run);
    }
    uv_run(loop, UV_RUN_DEFAULT);
    f->wall_us = (now_s(CLOCK_MONOTONIC) - wall) * 1e6 / (double)ROUND_REQUESTS;
    f->cpu_us = (now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e6 / (double)ROUND_REQUESTS;
    return good && run.failed == 0 && run.answered == ROUND_REQUESTS;
}

static int order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *numbers)
{
    qsort(numbers, ROUNDS, sizeof *numbers, order);
    return numbers[ROUNDS / 2];
}

/* Both clients in turn; a line for the operation. */
static bool compare(uv_loop_t *loop, ringcache_client *const clients[2], ringcache_op op,
    const char *name, uint32_t window)
{
    double wall_us[2][ROUNDS], cpu_us[2][ROUNDS];
    for (size_t i = 0; i < 2 * ROUNDS; i++) {
        struct figures f;
        if (!measure(loop, clients[i % 2], op, window, &f)) {
            fprintf(stderr, "a %s failed\n", name);
            return false;
        }
        wall_us[i % 2][i / 2] = f.wall_us;
        cpu_us[i % 2][i / 2] = f.cpu_us;
    }
    double wall[2] = {median(wall_us[0]), median(wall_us[1])};
    double cpu[2] = {median(cpu_us[0]), median(cpu_us[1])};
    printf("%s, %u under way: auto %.0f/s, %.2f us of processor; strict %.0f/s, %.2f us; "
           "strict/auto %.2f, processor %.2f\n",
        name, window, 1e6 / wall[0], cpu[0], 1e6 / wall[1], cpu[1], wall[0] / wall[1],
        cpu[1] / cpu[0]);
    return true;
}

static ringcache_client *make_client(uv_loop_t *loop, const char *uri, const char *integrity)
{
    ringcache_config *config = NULL;
    ringcache_client *client = NULL;
    int rc = ringcache_config_new(&config);
    rc = rc == 0 ? ringcache_config_set(config, "server", uri) : rc;
    rc = rc == 0 ? ringcache_config_set(config, "integrity", integrity) : rc;
    rc = rc == 0 ? ringcache_config_set(config, "timeout_ms", "5000") : rc;
    rc = rc == 0 ? ringcache_client_new(&client, loop, config) : rc;
    if (rc != 0) {
        fprintf(stderr, "%s: %s\n", uri, ringcache_strerror(rc));
    }
    ringcache_config_free(config);
    return client;
}

/* 0: it is none, or too large. */
static uint32_t window_in(const char *text)
{
    uint32_t number = 0;
    for (; *text >= '0' && *text <= '9' && number <= WINDOW_MAX; text++) {
        number = number * 10 + (uint32_t)(*text - '0');
    }
    return *text == '\0' && number <= WINDOW_MAX ? number : 0;
}

int main(int argc, char **argv)
{
    uint32_t window = argc > 2 ? window_in(argv[2]) : 64;
    if (argc < 2 || argc > 3 || window == 0) {
        fprintf(stderr, "usage: requests URI [WINDOW]\n");
        return 2;
    }
    uv_loop_t loop;
    if (uv_loop_init(&loop) != 0) {
        return 1;
    }
    ringcache_client *clients[2] = {
        make_client(&loop, argv[1], "auto"), make_client(&loop, argv[1], "strict")};
    bool good = clients[0] != NULL && clients[1] != NULL &&
                compare(&loop, clients, RINGCACHE_SET, "sets", window) &&
                compare(&loop, clients, RINGCACHE_GET, "gets", window);
    for (size_t i = 0; i < 2; i++) {
        if (clients[i] != NULL) {
            ringcache_client_close(clients[i], NULL, NULL);
        }
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return good ? 0 : 1;
}

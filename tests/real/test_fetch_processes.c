/* SPDX-License-Identifier: MIT */
/* Sixteen processes fetch one cold key from a real server at the same moment: one of them loads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <ringcache/ringcache.h>
#include <uv.h>

#include "servers.h"

enum { PROCESSES = 16, CALLERS = 8, ROUNDS = 3, LOAD_MS = 150 };

/* Between the processes. */
struct shared {
    atomic_uint ready, loads;
    atomic_bool go;
};

struct process {
    struct shared *shared;
    uv_loop_t loop;
    ringcache_client *client;
    uv_timer_t timer; /* what the loader waits for */
    ringcache_load *load;
    const char *value;
    unsigned answered, right;
};

static void on_loaded(uv_timer_t *timer)
{
    struct process *process = timer->data;
    ringcache_load_done(process->load, process->value, strlen(process->value), 60000);
    uv_close((uv_handle_t *)timer, NULL);
}

static void load(ringcache_client *client, ringcache_load *load, void *user)
{
    struct process *process = user;
    (void)client;
    atomic_fetch_add(&process->shared->loads, 1);
    process->load = load;
    process->timer.data = process;
    uv_timer_init(&process->loop, &process->timer);
    uv_timer_start(&process->timer, on_loaded, LOAD_MS, 0);
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct process *process = user;
    size_t len = strlen(process->value);
    process->answered++;
    process->right += reply->status == RINGCACHE_OK && reply->value.len == len &&
                      memcmp(reply->value.data, process->value, len) == 0;
    if (process->answered == CALLERS) {
        ringcache_client_close(client, NULL, NULL);
    }
}

static int open_client(struct process *process, const char *uri)
{
    ringcache_config *config;
    int rc = ringcache_config_new(&config);
    rc = rc < 0 ? rc : ringcache_config_add_server(config, uri);
    rc = rc < 0 ? rc : ringcache_config_set(config, "leases", "yes");
    rc = rc < 0 ? rc : ringcache_client_new(&process->client, &process->loop, config);
    ringcache_config_free(config);
    return rc;
}

/* The life of one process; its exit code. */
static int fetch(struct shared *shared, const char *uri, const char *key)
{
    struct process process = {.shared = shared, .value = "made once"};
    const ringcache_fetch_request request = {.key = {key, strlen(key)}, .loader = load};
    if (uv_loop_init(&process.loop) < 0 || open_client(&process, uri) < 0) {
        return 2;
    }
    atomic_fetch_add(&shared->ready, 1);
    while (!atomic_load(&shared->go)) {
        usleep(100);
    }
    for (int i = 0; i < CALLERS; i++) {
        if (ringcache_fetch(process.client, &request, on_reply, &process, NULL) < 0) {
            return 3;
        }
    }
    uv_run(&process.loop, UV_RUN_DEFAULT);
    return uv_loop_close(&process.loop) < 0 || process.right != CALLERS ? 4 : 0;
}

static void begin(struct shared *shared, pid_t *children, const char *uri, const char *key)
{
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            _exit(fetch(shared, uri, key));
        }
    }
    for (int ms = 0; ms < 10000 && atomic_load(&shared->ready) < PROCESSES; ms++) {
        usleep(1000);
    }
    atomic_store(&shared->go, true);
}

static void one_of_them_loads(struct server *server, struct shared *shared)
{
    pid_t children[PROCESSES];
    char uri[SERVER_URI_SIZE], key[16];
    for (int round = 0; round < ROUNDS; round++) {
        snprintf(key, sizeof key, "key%d", round);
        atomic_store(&shared->go, false);
        atomic_store(&shared->ready, 0);
        atomic_store(&shared->loads, 0);
        begin(shared, children, server_uri(server, NULL, uri), key);
        for (int i = 0; i < PROCESSES; i++) {
            int status = 0;
            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_true(WIFEXITED(status));
            assert_int_equal(WEXITSTATUS(status), 0);
        }
        assert_int_equal(atomic_load(&shared->loads), 1);
    }
}

static void on_server(enum server_kind kind)
{
    struct server server = {.kind = kind};
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    if (!server_start(&server)) {
        fail_msg("%s", server.why);
    }
    one_of_them_loads(&server, shared);
    server_discard(&server);
    munmap(shared, sizeof *shared);
}

static void of_sixteen_processes_on_memcached_one_loads(void **state)
{
    (void)state;
    on_server(SERVER_MEMCACHED);
}

static void of_sixteen_processes_on_redis_one_loads(void **state)
{
    (void)state;
    on_server(SERVER_REDIS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_sixteen_processes_on_memcached_one_loads),
        cmocka_unit_test(of_sixteen_processes_on_redis_one_loads),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}

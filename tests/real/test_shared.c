/* SPDX-License-Identifier: MIT */
/* Clients on four threads that share, and a port at which nobody listens: every write is lost, and
 * told to the others; or a memcached that falls silent and wakes, over and over: what was
 * unanswered then is in doubt to the others. Built a second time with ThreadSanitizer. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "ringcache/ringcache.h"
#include "servers.h"

enum { THREADS = 4, WRITES = 2000, AT_ONCE = 20 };

struct worker {
    pthread_t thread;
    ringcache_shared *shared;
    const char *uri;
    const char *journal_entries;
    unsigned number, submitted, failed, closed;
    int trouble; /* the first call that was refused said so */
};

/* Held, so that nobody else listens there. */
static int refuse_at(char uri[64])
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(uri, 64, "memcached://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    return fd;
}

static void on_close(ringcache_client *client, void *user)
{
    (void)client;
    ((struct worker *)user)->closed++;
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user);

static void write_one(ringcache_client *client, struct worker *w)
{
    char key[32];
    int len = snprintf(key, sizeof key, "%u-%u", w->number, w->submitted++);
    int rc = ringcache_set(client, key, (size_t)len, "v", 1, 0, on_reply, w);
    w->trouble = w->trouble == 0 ? rc : w->trouble;
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct worker *w = user;
    w->failed += reply->status < 0;
    if (w->submitted < WRITES) {
        write_one(client, w);
    } else if (w->failed == WRITES || w->trouble != 0) {
        ringcache_client_close(client, on_close, w);
    }
}

static int begin(struct worker *w, uv_loop_t *loop, ringcache_client **client)
{
    ringcache_config *config;
    int rc = ringcache_config_new(&config);
    if (rc != 0) {
        return rc;
    }
    rc = ringcache_config_add_server(config, w->uri);
    rc = rc == 0 ? ringcache_config_set(config, "journal_entries", w->journal_entries) : rc;
    rc = rc == 0 ? ringcache_config_set(config, "timeout_ms", "100") : rc;
    rc = rc == 0 ? ringcache_client_new(client, loop, config) : rc;
    ringcache_config_free(config);
    return rc == 0 ? ringcache_client_share(*client, w->shared) : rc;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    uv_loop_t loop;
    ringcache_client *client = NULL;
    w->trouble = uv_loop_init(&loop);
    w->trouble = w->trouble == 0 ? begin(w, &loop, &client) : w->trouble;
    for (unsigned i = 0; i < AT_ONCE && w->trouble == 0; i++) {
        write_one(client, w);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    int rc = uv_loop_close(&loop);
    w->trouble = w->trouble == 0 ? rc : w->trouble;
    return NULL;
}

static void lose_everything(const char *journal_entries)
{
    struct worker workers[THREADS];
    char uri[64];
    int fd = refuse_at(uri);
    ringcache_shared *shared;
    assert_int_equal(ringcache_shared_new(&shared), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){
            .shared = shared, .uri = uri, .journal_entries = journal_entries, .number = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].trouble, 0);
        assert_int_equal(workers[i].failed, WRITES);
        assert_int_equal(workers[i].closed, 1);
    }
    ringcache_shared_free(shared);
    close(fd);
}

static void what_four_threads_lose_is_told_to_all(void **state)
{
    (void)state;
    lose_everything("1048576");
}

static void those_that_cannot_keep_up_hold_up_nobody(void **state)
{
    (void)state;
    lose_everything("50");
}

/* ---- keys in doubt ---- */

enum { OUTAGES = 3, SILENT_MS = 500, AWAKE_MS = 300, SAME_KEYS = 8 };

static atomic_bool over;

static void on_any(ringcache_client *client, const ringcache_reply *reply, void *user);

static void ask_any(ringcache_client *client, struct worker *w)
{
    char key[16];
    unsigned n = w->submitted++;
    int len = snprintf(key, sizeof key, "same%u", n / 2 % SAME_KEYS);
    int rc = n % 2 == 0 ? ringcache_set(client, key, (size_t)len, "v", 1, 0, on_any, w)
                        : ringcache_get(client, key, (size_t)len, on_any, w);
    w->trouble = w->trouble == 0 && rc != RINGCACHE_EBUSY ? rc : w->trouble;
}

static void pause_then_ask(uv_timer_t *timer)
{
    ringcache_client *client = uv_handle_get_data((uv_handle_t *)timer);
    struct worker *w = uv_loop_get_data(uv_handle_get_loop((uv_handle_t *)timer));
    if (!atomic_load(&over)) {
        for (unsigned i = 0; i < AT_ONCE && w->trouble == 0; i++) {
            ask_any(client, w);
        }
        return;
    }
    ringcache_client_close(client, on_close, w);
    uv_close((uv_handle_t *)timer, NULL);
}

static void on_any(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct worker *w = user;
    (void)client;
    w->failed += reply->status < 0;
}

static void *work_amid_outages(void *arg)
{
    struct worker *w = arg;
    uv_loop_t loop;
    uv_timer_t timer;
    ringcache_client *client = NULL;
    w->trouble = uv_loop_init(&loop);
    w->trouble = w->trouble == 0 ? begin(w, &loop, &client) : w->trouble;
    if (w->trouble == 0) {
        uv_loop_set_data(&loop, w);
        uv_timer_init(&loop, &timer);
        uv_handle_set_data((uv_handle_t *)&timer, client);
        uv_timer_start(&timer, pause_then_ask, 0, 5);
        uv_run(&loop, UV_RUN_DEFAULT);
    }
    int rc = uv_loop_close(&loop);
    w->trouble = w->trouble == 0 ? rc : w->trouble;
    return NULL;
}

static void what_four_threads_give_up_is_in_doubt_to_all(void **state)
{
    struct worker workers[THREADS];
    struct server server = {.kind = SERVER_MEMCACHED};
    char uri[SERVER_URI_SIZE];
    ringcache_shared *shared;
    (void)state;
    assert_true(server_start(&server));
    server_uri(&server, "s", uri);
    assert_int_equal(ringcache_shared_new(&shared), 0);
    atomic_store(&over, false);
    for (unsigned i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){
            .shared = shared, .uri = uri, .journal_entries = "1048576", .number = i};
        assert_int_equal(
            pthread_create(&workers[i].thread, NULL, work_amid_outages, &workers[i]), 0);
    }
    for (unsigned i = 0; i < OUTAGES; i++) {
        uv_sleep(AWAKE_MS);
        server_pause(&server);
        uv_sleep(SILENT_MS);
        server_resume(&server);
    }
    uv_sleep(AWAKE_MS);
    atomic_store(&over, true);
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        assert_int_equal(workers[i].trouble, 0);
        assert_true(workers[i].failed > 0);
        assert_int_equal(workers[i].closed, 1);
    }
    ringcache_shared_free(shared);
    server_discard(&server);
}

int main(void)
{
    if (!servers_available()) {
        return 77;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_four_threads_lose_is_told_to_all),
        cmocka_unit_test(those_that_cannot_keep_up_hold_up_nobody),
        cmocka_unit_test(what_four_threads_give_up_is_in_doubt_to_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

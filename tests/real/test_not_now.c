/* SPDX-License-Identifier: MIT */
/* Real servers that say "not now" or "not here": what each of these answers leads to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache.h"
#include "servers.h"

enum { VALUE_BYTES = 100000, TOO_LARGE_BYTES = 1048570 /* but for the header it fits */ };

/* One server and a client of it that stored `k`. */
struct pair {
    struct server server;
    struct cache cache;
    char folder[64]; /* of what the server writes; "": nothing */
};

static void open_pair(struct pair *pair)
{
    char uri[SERVER_URI_SIZE];
    assert_true(server_start(&pair->server));
    cache_open(&pair->cache, (const char *const[]){server_uri(&pair->server, NULL, uri), NULL},
        (const char *const[]){"timeout_ms", "2000", NULL});
}

static void make_folder(struct pair *pair)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(pair->folder, sizeof pair->folder, "%s/ringcache.XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(pair->folder));
}

static void close_pair(struct pair *pair)
{
    static const char *const files[] = {"dump.rdb", "nodes.conf"};
    cache_close(&pair->cache);
    server_discard(&pair->server);
    for (size_t i = 0; i < 2 && pair->folder[0] != '\0'; i++) {
        char file[96];
        snprintf(file, sizeof file, "%s/%s", pair->folder, files[i]);
        unlink(file);
    }
    if (pair->folder[0] != '\0')
        assert_int_equal(rmdir(pair->folder), 0);
}

/* Past the library, on a connection of its own. */
static void tell(const struct pair *pair, const char *command, const char *expected)
{
    char reply[4096] = "";
    int fd = server_connect(&pair->server);
    assert_true(fd >= 0);
    if (!server_ask(fd, command, "\r\n", reply, sizeof reply) ||
        strncmp(reply, expected, strlen(expected)) != 0)
        fail_msg("to %s came %s", command, reply);
    close(fd);
}

/* Send a command that is not answered for long; the connection has to stay open. */
static int begin(const struct pair *pair, const char *command)
{
    int fd = server_connect(&pair->server);
    assert_true(fd >= 0);
    assert_int_equal(send(fd, command, strlen(command), MSG_NOSIGNAL), strlen(command));
    return fd;
}

static int put(void *user, const void *bytes, size_t len)
{
    char *text = user;
    strncat(text, bytes, len);
    return 0;
}

static bool stats_say(struct pair *pair, const char *words)
{
    char text[4096] = "";
    assert_int_equal(ringcache_stats_write(pair->cache.client, RINGCACHE_TEXT, put, text), 0);
    return strstr(text, words) != NULL;
}

static void assert_refused(struct outcome outcome, int status, const char *words)
{
    assert_int_equal(outcome.status, status);
    if (strncmp(outcome.message, words, strlen(words)) != 0)
        fail_msg("%s", outcome.message);
    assert_false(outcome.maybe_applied);
}

static void assert_in_service(struct pair *pair)
{
    assert_int_equal(pair->cache.events[RINGCACHE_EVENT_DOWN], 0);
    assert_int_equal(pair->cache.events[RINGCACHE_EVENT_EJECTED], 0);
}

/* Ask until the server refuses in `words`: it may take a moment to get there. */
static void await_refusal(struct pair *pair, const char *words)
{
    struct outcome got = {0};
    for (int i = 0; i < 400 && got.status != RINGCACHE_ESERVER; i++) {
        cache_run(&pair->cache, 5);
        got = cache_get(&pair->cache, "k");
    }
    assert_refused(got, RINGCACHE_ESERVER, words);
    assert_refused(cache_set(&pair->cache, "k", "w"), RINGCACHE_EDOWN, words);
    assert_int_equal(pair->cache.events[RINGCACHE_EVENT_DOWN], 1);
    assert_int_equal(pair->cache.events[RINGCACHE_EVENT_EJECTED], 0);
    assert_true(stats_say(pair, " state down up 0 spare 0 in_flight 0 connections 1 "));
}

/* … and serves again, but for the value that "w" was to replace. */
static void await_return(struct pair *pair)
{
    ringcache_client_ref(pair->cache.client);
    assert_true(cache_hears(&pair->cache, RINGCACHE_EVENT_UP, 2, 10000));
    assert_int_equal(cache_get(&pair->cache, "k").status, RINGCACHE_MISS);
    assert_int_equal(cache_set(&pair->cache, "k", "w").status, 0);
}

static void redis_that_loads_is_out_until_it_has_loaded(void **state)
{
    struct pair pair = {.server = {.kind = SERVER_REDIS}};
    (void)state;
    make_folder(&pair);
    pair.server.extra[0] = "--enable-debug-command";
    pair.server.extra[1] = "yes";
    pair.server.extra[2] = "--dir";
    pair.server.extra[3] = pair.folder;
    open_pair(&pair);
    assert_int_equal(cache_set(&pair.cache, "k", "v").status, 0);
    tell(&pair, "DEBUG POPULATE 10000\r\n", "+OK");
    tell(&pair, "CONFIG SET key-load-delay 100 loading-process-events-interval-bytes 1024\r\n",
        "+OK");
    int fd = begin(&pair, "DEBUG RELOAD\r\n");
    await_refusal(&pair, "LOADING Redis is loading the dataset in memory");
    assert_true(stats_say(&pair, "LOADING%20Redis%20is%20loading"));
    await_return(&pair);
    close(fd);
    close_pair(&pair);
}

static void redis_that_runs_a_script_too_long_is_out_until_it_ends(void **state)
{
    struct pair pair = {
        .server = {.kind = SERVER_REDIS, .extra = {"--busy-reply-threshold", "50"}}};
    (void)state;
    open_pair(&pair);
    assert_int_equal(cache_set(&pair.cache, "k", "v").status, 0);
    int fd = begin(&pair, "EVAL \"while true do end\" 0\r\n");
    await_refusal(&pair, "BUSY Redis is busy running a script.");
    tell(&pair, "SCRIPT KILL\r\n", "+OK");
    await_return(&pair);
    close(fd);
    close_pair(&pair);
}

static void replica_without_its_master_is_out_until_it_serves(void **state)
{
    struct pair pair = {
        .server = {.kind = SERVER_REDIS, .extra = {"--replica-serve-stale-data", "no"}}};
    (void)state;
    open_pair(&pair);
    assert_int_equal(cache_set(&pair.cache, "k", "v").status, 0);
    tell(&pair, "REPLICAOF 127.0.0.1 1\r\n", "+OK");
    await_refusal(&pair, "MASTERDOWN Link with MASTER is down");
    tell(&pair, "REPLICAOF NO ONE\r\n", "+OK");
    await_return(&pair);
    close_pair(&pair);
}

static void replica_is_connected_to_anew_and_serves_reads(void **state)
{
    struct pair pair = {.server = {.kind = SERVER_REDIS}};
    (void)state;
    open_pair(&pair);
    assert_int_equal(cache_set(&pair.cache, "k", "v").status, 0);
    tell(&pair, "REPLICAOF 127.0.0.1 1\r\n", "+OK");
    for (int i = 0; i < 10; i++) {
        assert_refused(cache_set(&pair.cache, "k", "w"), RINGCACHE_ESERVER, "READONLY You can't");
        struct outcome got = cache_get(&pair.cache, "k");
        assert_int_equal(got.status, 0);
        assert_string_equal(got.value, "v");
        cache_run(&pair.cache, 20);
    }
    assert_false(stats_say(&pair, " connects_total 1 "));
    tell(&pair, "REPLICAOF NO ONE\r\n", "+OK");
    assert_int_equal(cache_set(&pair.cache, "k", "w").status, 0);
    assert_in_service(&pair);
    close_pair(&pair);
}

/* Writes are refused in `words`, reads are served, to a client that comes new as well. */
static void refuses_writes_alone(struct pair *pair, const char *words)
{
    char uri[SERVER_URI_SIZE];
    struct cache other;
    for (int i = 0; i < 20; i++) {
        assert_refused(cache_set(&pair->cache, "k", "w"), RINGCACHE_ESERVER, words);
        assert_true(cache_get(&pair->cache, "k").status >= 0);
    }
    cache_open(&other, (const char *const[]){server_uri(&pair->server, NULL, uri), NULL}, NULL);
    assert_true(cache_get(&other, "k").status >= 0);
    assert_refused(cache_set(&other, "k", "w"), RINGCACHE_ESERVER, words);
    cache_close(&other);
    assert_in_service(pair);
    assert_true(stats_say(pair, " connects_total 1 "));
    close_pair(pair);
}

static void full_redis_serves_reads(void **state)
{
    struct pair pair = {.server = {.kind = SERVER_REDIS, .extra = {"--maxmemory", "1"}}};
    (void)state;
    open_pair(&pair);
    refuses_writes_alone(&pair, "OOM command not allowed");
}

static void redis_that_lacks_replicas_serves_reads(void **state)
{
    struct pair pair = {
        .server = {.kind = SERVER_REDIS, .extra = {"--min-replicas-to-write", "1"}}};
    (void)state;
    open_pair(&pair);
    refuses_writes_alone(&pair, "NOREPLICAS Not enough good replicas to write.");
}

static void redis_that_could_not_save_serves_reads(void **state)
{
    struct pair pair = {
        .server = {.kind = SERVER_REDIS, .extra = {"--dir", "/proc", "--save", "1 1"}}};
    struct outcome set = {0};
    (void)state;
    open_pair(&pair);
    assert_int_equal(cache_set(&pair.cache, "k", "v").status, 0);
    tell(&pair, "BGSAVE\r\n", "+Background saving started");
    for (int i = 0; i < 400 && set.status == 0; i++) {
        cache_run(&pair.cache, 10);
        set = cache_set(&pair.cache, "k", "v");
    }
    refuses_writes_alone(&pair, "MISCONF ");
}

struct raw {
    bool done;
    int status;
    char message[256];
};

static void on_raw(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct raw *raw = user;
    (void)client;
    raw->done = true;
    raw->status = reply->status;
    snprintf(raw->message, sizeof raw->message, "%s", reply->message);
}

static void node_of_a_cluster_is_told_as_such_and_no_redirect_is_followed(void **state)
{
    static const char remark[] = " (ringcache is not a cluster client and follows no redirect)";
    static const char script[] = "return redis.error_reply('MOVED 1 127.0.0.1:1')";
    const ringcache_slice args[] = {{"EVAL", 4}, {script, sizeof script - 1}, {"0", 1}};
    const ringcache_request defaults = {.route = {"k", 1}};
    struct pair pair = {.server = {.kind = SERVER_REDIS}};
    struct raw raw = {0};
    (void)state;
    make_folder(&pair);
    pair.server.extra[0] = "--cluster-enabled";
    pair.server.extra[1] = "yes";
    pair.server.extra[2] = "--dir";
    pair.server.extra[3] = pair.folder;
    open_pair(&pair);
    struct outcome get = cache_get(&pair.cache, "k");
    assert_refused(get, RINGCACHE_ESERVER, "CLUSTERDOWN Hash slot not served");
    assert_non_null(strstr(get.message, remark));
    assert_int_equal(ringcache_command(pair.cache.client, args, 3, &defaults, on_raw, &raw), 0);
    for (int i = 0; i < 200 && !raw.done; i++)
        cache_run(&pair.cache, 5);
    assert_int_equal(raw.status, RINGCACHE_ESERVER);
    assert_int_equal(strncmp(raw.message, "MOVED 1 127.0.0.1:1", 19), 0);
    assert_non_null(strstr(raw.message, remark));
    assert_in_service(&pair);
    assert_true(stats_say(&pair, " connects_total 1 "));
    close_pair(&pair);
}

static void full_memcached_refuses_that_value_alone(void **state)
{
    static char value[VALUE_BYTES + 1];
    struct pair pair = {.server = {.kind = SERVER_MEMCACHED, .extra = {"-M", "-m", "2"}}};
    struct outcome set = {0};
    (void)state;
    memset(value, 'v', VALUE_BYTES);
    open_pair(&pair);
    assert_int_equal(cache_set(&pair.cache, "k", "v").status, 0);
    for (int i = 0; i < 1000 && set.status == 0; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%d", i);
        set = cache_set(&pair.cache, key, value);
    }
    assert_refused(set, RINGCACHE_ESERVER, "SERVER_ERROR out of memory storing object");
    struct outcome got = cache_get(&pair.cache, "k");
    assert_int_equal(got.status, 0);
    assert_string_equal(got.value, "v");
    assert_in_service(&pair);
    assert_true(stats_say(&pair, " connects_total 1 "));
    close_pair(&pair);
}

static void value_too_large_for_memcached_is_told_as_such(void **state)
{
    static char value[TOO_LARGE_BYTES + 1];
    struct pair pair = {.server = {.kind = SERVER_MEMCACHED}};
    (void)state;
    memset(value, 'v', TOO_LARGE_BYTES);
    open_pair(&pair);
    assert_int_equal(cache_set(&pair.cache, "k", "v").status, 0);
    struct outcome set = cache_set(&pair.cache, "big", value);
    assert_int_equal(set.status, RINGCACHE_ETOOBIG);
    assert_false(set.maybe_applied);
    assert_int_equal(cache_get(&pair.cache, "k").status, 0);
    assert_in_service(&pair);
    assert_true(stats_say(&pair, " connects_total 1 "));
    close_pair(&pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(redis_that_loads_is_out_until_it_has_loaded),
        cmocka_unit_test(redis_that_runs_a_script_too_long_is_out_until_it_ends),
        cmocka_unit_test(replica_without_its_master_is_out_until_it_serves),
        cmocka_unit_test(replica_is_connected_to_anew_and_serves_reads),
        cmocka_unit_test(full_redis_serves_reads),
        cmocka_unit_test(redis_that_lacks_replicas_serves_reads),
        cmocka_unit_test(redis_that_could_not_save_serves_reads),
        cmocka_unit_test(node_of_a_cluster_is_told_as_such_and_no_redirect_is_followed),
        cmocka_unit_test(full_memcached_refuses_that_value_alone),
        cmocka_unit_test(value_too_large_for_memcached_is_told_as_such),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}

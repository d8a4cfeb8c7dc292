/* SPDX-License-Identifier: MIT */
/* The script by which others were made to answer with what is out of date: one server of five goes,
 * its keys are overwritten, it returns and all is read; then the same once more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache.h"

enum { SERVERS = 5, SPARES = 2, KEYS = 3000, AT_A_TIME = 300, SETTLED_MS = 15000 };

/* How the first server goes, and comes back. */
enum going { PAUSED, KILLED };

static struct stage {
    struct cache cache;
    struct server servers[SERVERS];
    char folder[32]; /* of the snapshot */
    unsigned acknowledged[KEYS], written[KEYS];
    unsigned pending, hits, stale, failed, elsewhere;
} stage;

struct asked {
    unsigned key, value;
};

static void on_written(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct asked *asked = user;
    (void)client;
    stage.pending--;
    stage.failed += reply->status != RINGCACHE_OK;
    stage.elsewhere += (reply->marks & RINGCACHE_SUBSTITUTE) != 0;
    if (reply->status == RINGCACHE_OK) {
        stage.acknowledged[asked->key] = asked->value;
    }
    free(asked);
}

static void on_read(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct asked *asked = user;
    (void)client;
    stage.pending--;
    stage.failed += reply->status < 0;
    stage.elsewhere += (reply->marks & RINGCACHE_SUBSTITUTE) != 0;
    if (reply->status == RINGCACHE_OK) {
        char text[16] = "";
        memcpy(text, reply->value.data, reply->value.len < 15 ? reply->value.len : 15);
        unsigned value = (unsigned)strtoul(text, NULL, 10);
        stage.hits++;
        stage.stale += value < stage.acknowledged[asked->key] || value > stage.written[asked->key];
    }
    free(asked);
}

static int submit(struct asked *asked, bool writes)
{
    char name[16], value[16];
    int name_len = snprintf(name, sizeof name, "key%u", asked->key);
    int value_len = snprintf(value, sizeof value, "%u", asked->value);
    ringcache_client *client = stage.cache.client;
    return writes ? ringcache_set(client, name, (size_t)name_len, value, (size_t)value_len, 0,
                        on_written, asked)
                  : ringcache_get(client, name, (size_t)name_len, on_read, asked);
}

/* On a busy machine, more may time out than a connection has room for before its silence shows. */
static void ask(unsigned key, bool writes)
{
    struct asked *asked = malloc(sizeof *asked);
    assert_non_null(asked);
    stage.written[key] += writes;
    *asked = (struct asked){key, stage.written[key]};
    int rc;
    while ((rc = submit(asked, writes)) == RINGCACHE_EBUSY && stage.pending > 0) {
        uv_run(&stage.cache.loop, UV_RUN_ONCE);
    }
    assert_int_equal(rc, 0);
    stage.pending++;
}

static void ask_all(bool writes)
{
    stage.hits = stage.failed = stage.elsewhere = 0;
    for (unsigned key = 0; key < KEYS; key++) {
        ask(key, writes);
        while (stage.pending >= AT_A_TIME || (key + 1 == KEYS && stage.pending > 0)) {
            uv_run(&stage.cache.loop, UV_RUN_ONCE);
        }
    }
    assert_int_equal(stage.stale, 0);
}

static void begin(enum server_kind kind, const char *failover)
{
    char uris[SERVERS][SERVER_URI_SIZE];
    const char *list[SERVERS + 1] = {0};
    memset(&stage, 0, sizeof stage);
    snprintf(stage.folder, sizeof stage.folder, "/tmp/failover.XXXXXX");
    assert_non_null(mkdtemp(stage.folder));
    bool spared = strcmp(failover, "gutter") == 0;
    for (unsigned i = 0; i < SERVERS; i++) {
        char name[8];
        snprintf(name, sizeof name, "s%u", i);
        struct server *server = &stage.servers[i];
        server->kind = kind;
        if (kind == SERVER_REDIS && i == 0) {
            const char *const extra[] = {
                "--dir", stage.folder, "--save", "3600 1 300 100 60 10000"};
            memcpy(server->extra, extra, sizeof extra);
        }
        assert_true(server_start(server));
        list[i] = server_uri(server, name, uris[i]);
        if (spared && i >= SERVERS - SPARES) {
            strcat(uris[i], "&pool=gutter");
        }
    }
    const char *const options[] = {"timeout_ms", "200", "failover", failover, NULL};
    cache_open(&stage.cache, list, options);
}

static void end(void)
{
    char snapshot[64];
    cache_close(&stage.cache);
    for (unsigned i = 0; i < SERVERS; i++) {
        server_discard(&stage.servers[i]);
    }
    snprintf(snapshot, sizeof snapshot, "%s/dump.rdb", stage.folder);
    unlink(snapshot);
    assert_int_equal(rmdir(stage.folder), 0);
}

static void save_snapshot(void)
{
    char reply[16];
    int fd = server_connect(&stage.servers[0]);
    assert_true(fd >= 0);
    assert_true(server_ask(fd, "SAVE\r\n", "\r\n", reply, sizeof reply));
    assert_string_equal(reply, "+OK\r\n");
    close(fd);
}

static unsigned outages(void)
{
    return stage.cache.events[RINGCACHE_EVENT_EJECTED] + stage.cache.events[RINGCACHE_EVENT_DOWN];
}

static unsigned returns(void)
{
    return stage.cache.events[RINGCACHE_EVENT_READMITTED] + stage.cache.events[RINGCACHE_EVENT_UP];
}

static void go(enum going going)
{
    unsigned before = outages();
    if (going == KILLED) {
        save_snapshot();
        server_kill(&stage.servers[0]);
    } else {
        server_pause(&stage.servers[0]);
    }
    for (unsigned ms = 0; outages() == before && ms < SETTLED_MS; ms += 50) {
        ask_all(false);
        cache_run(&stage.cache, 50);
    }
    assert_int_equal(outages(), before + 1);
}

static void come_back(enum going going)
{
    unsigned before = returns();
    if (going == KILLED) {
        assert_true(server_start(&stage.servers[0]));
    } else {
        server_resume(&stage.servers[0]);
    }
    for (unsigned ms = 0; returns() == before && ms < SETTLED_MS; ms += 50) {
        cache_run(&stage.cache, 50);
    }
    assert_int_equal(returns(), before + 1);
}

static void the_script(enum server_kind kind, enum going going, const char *failover)
{
    bool diverts = strcmp(failover, "none") != 0;
    print_message("failover = %s\n", failover);
    begin(kind, failover);
    ask_all(true);
    assert_int_equal(stage.failed, 0);
    for (unsigned outage = 0; outage < 2; outage++) {
        go(going);
        ask_all(false);
        ask_all(true);
        assert_int_equal(stage.failed > 0, !diverts);
        assert_int_equal(stage.elsewhere > 0, diverts);
        ask_all(false);
        assert_int_equal(stage.hits == KEYS, diverts);
        come_back(going);
        ask_all(false);
        assert_int_equal(stage.failed, 0);
        assert_int_equal(stage.elsewhere, 0);
        print_message(
            "%u of %u keys read behind the outage, none of them old\n", stage.hits, (unsigned)KEYS);
        assert_true(stage.hits > KEYS / 2 && stage.hits < KEYS);
        ask_all(true);
        assert_int_equal(stage.failed, 0);
    }
    end();
}

static void under_each_policy(enum server_kind kind, enum going going)
{
    static const char *const policies[] = {"remap", "gutter", "none"};
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        the_script(kind, going, policies[i]);
    }
}

static void a_memcached_that_stood_still_serves_nothing_old(void **state)
{
    (void)state;
    under_each_policy(SERVER_MEMCACHED, PAUSED);
}

static void a_redis_that_stood_still_serves_nothing_old(void **state)
{
    (void)state;
    under_each_policy(SERVER_REDIS, PAUSED);
}

static void a_redis_that_is_back_with_its_snapshot_serves_nothing_old(void **state)
{
    (void)state;
    under_each_policy(SERVER_REDIS, KILLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_memcached_that_stood_still_serves_nothing_old),
        cmocka_unit_test(a_redis_that_stood_still_serves_nothing_old),
        cmocka_unit_test(a_redis_that_is_back_with_its_snapshot_serves_nothing_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* What real servers hold, and what they say of themselves. */
#include <errno.h>
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

enum { KEYS = 100000, CHUNK = 500, KEY_ROOM = 64 };

/* One server, a client of its own, and what a listing told. */
struct holding {
    struct server server;
    struct cache cache;
    const char *name;
    char uri[SERVER_URI_SIZE];
    unsigned *told; /* of each key */
    size_t count, foreign;
    bool done;
    int status;
    char message[128];
    int (*act)(struct holding *holding);
};

/* Bytes that a server may write otherwise than they are; blanks where only a Redis takes them. */
static int name_key(char key[KEY_ROOM], enum server_kind kind, unsigned number)
{
    const char *format =
        kind == SERVER_REDIS ? "%u 100%%25 \xc3\xa9\xff\r\n*" : "%u:100%%25+\xc3\xa9\xff";
    return snprintf(key, KEY_ROOM, format, number);
}

/* ---- filling past the library ---- */

static void send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        assert_true(sent > 0);
        bytes += sent;
        len -= (size_t)sent;
    }
}

static int write_item(char *at, size_t room, enum server_kind kind, unsigned number)
{
    char key[KEY_ROOM];
    int len = name_key(key, kind, number);
    if (kind == SERVER_REDIS)
        return snprintf(at, room, "$%d\r\n%s\r\n$1\r\nv\r\n", len, key);
    return snprintf(at, room, "set %s 0 0 1 noreply\r\nv\r\n", key);
}

/* A chunk of items in words that are answered once. */
static size_t write_chunk(char *at, size_t room, enum server_kind kind, unsigned first)
{
    size_t len = 0;
    if (kind == SERVER_REDIS)
        len = (size_t)snprintf(at, room, "*%d\r\n$4\r\nMSET\r\n", 2 * CHUNK + 1);
    for (unsigned i = first; i < first + CHUNK; i++)
        len += (size_t)write_item(at + len, room - len, kind, i);
    if (kind == SERVER_MEMCACHED)
        len += (size_t)snprintf(at + len, room - len, "mn\r\n");
    assert_true(len < room);
    return len;
}

static void fill(const struct server *server, unsigned count)
{
    static char bytes[CHUNK * 2 * KEY_ROOM];
    const char *end = server->kind == SERVER_REDIS ? "+OK\r\n" : "MN\r\n";
    char reply[64];
    int fd = server_connect(server);
    assert_true(fd >= 0);
    for (unsigned first = 0; first < count; first += CHUNK) {
        size_t len = write_chunk(bytes, sizeof bytes, server->kind, first);
        send_all(fd, bytes, len);
        memset(reply, 0, sizeof reply);
        if (!server_ask(fd, "", end, reply, sizeof reply))
            fail_msg("item %u: \"%.40s\", %s", first, reply, strerror(errno));
    }
    close(fd);
}

/* ---- listing ---- */

static void open_with(struct holding *h, const struct server *server, const char *const *options)
{
    *h = (struct holding){.server = *server, .name = "one"};
    assert_true(server_start(&h->server));
    const char *const uris[] = {server_uri(&h->server, h->name, h->uri), NULL};
    cache_open(&h->cache, uris, options);
    h->told = calloc(KEYS, sizeof *h->told);
    assert_non_null(h->told);
}

static void open_holding(struct holding *h, enum server_kind kind, const char *const *options)
{
    open_with(h, &(struct server){.kind = kind}, options);
}

static void close_holding(struct holding *h)
{
    cache_close(&h->cache);
    server_discard(&h->server);
    free(h->told);
}

static int on_key(ringcache_client *client, const ringcache_listed_key *listed, void *user)
{
    struct holding *h = user;
    char shown[KEY_ROOM] = "", key[KEY_ROOM];
    (void)client;
    assert_false(h->done);
    if (listed->key.len < KEY_ROOM)
        memcpy(shown, listed->key.data, listed->key.len);
    unsigned number = (unsigned)strtoul(shown, NULL, 10);
    int len = name_key(key, h->server.kind, number);
    bool ours = number < KEYS && (size_t)len == listed->key.len &&
                memcmp(key, listed->key.data, listed->key.len) == 0;
    if (ours)
        h->told[number]++;
    h->foreign += !ours;
    h->count++;
    return h->act != NULL ? h->act(h) : 0;
}

static void on_done(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct holding *h = user;
    (void)client;
    assert_false(h->done);
    assert_int_equal(reply->number, h->count);
    h->done = true;
    h->status = reply->status;
    snprintf(h->message, sizeof h->message, "%s", reply->message);
}

static void list(struct holding *h)
{
    h->done = false;
    h->count = h->foreign = 0;
    memset(h->told, 0, KEYS * sizeof *h->told);
    assert_int_equal(ringcache_server_keys(h->cache.client, h->name, on_key, on_done, h), 0);
}

static void list_to_the_end(struct holding *h)
{
    list(h);
    while (!h->done)
        uv_run(&h->cache.loop, UV_RUN_ONCE);
}

static void assert_all_told(const struct holding *h, unsigned count, unsigned most)
{
    if (h->status != RINGCACHE_OK)
        fail_msg("%s: %s", ringcache_err_name(h->status), h->message);
    assert_int_equal(h->foreign, 0);
    for (unsigned i = 0; i < count; i++)
        assert_in_range(h->told[i], 1, most);
}

/* memcached passes over items that it has a hand on just then: because it moves them between its
 * lists, or because its table grows. Here it does neither. */
static void tells_each_of_100000_keys(enum server_kind kind, const char *const *options)
{
    struct holding h;
    struct server server = {.kind = kind};
    if (kind == SERVER_MEMCACHED) {
        server.extra[0] = "-o";
        server.extra[1] = "no_lru_maintainer,lru_crawler,hashpower=20";
    }
    open_with(&h, &server, options);
    fill(&h.server, KEYS);
    uint64_t begun_ns = uv_hrtime();
    list_to_the_end(&h);
    print_message("  %zu keys in %.0f ms\n", h.count, (double)(uv_hrtime() - begun_ns) / 1e6);
    /* A Redis may tell a key again when its table is resized. */
    assert_all_told(&h, KEYS, kind == SERVER_REDIS ? 9 : 1);
    close_holding(&h);
}

static void memcached_tells_each_of_100000_keys_once(void **state)
{
    (void)state;
    tells_each_of_100000_keys(SERVER_MEMCACHED, NULL);
    tells_each_of_100000_keys(SERVER_MEMCACHED, (const char *const[]){"protocol", "classic", NULL});
}

static void redis_tells_each_of_100000_keys(void **state)
{
    (void)state;
    tells_each_of_100000_keys(SERVER_REDIS, NULL);
    tells_each_of_100000_keys(SERVER_REDIS, (const char *const[]){"integrity", "strict", NULL});
}

static void two_listings_of_one_memcached_both_end(void **state)
{
    (void)state;
    struct holding h;
    open_holding(&h, SERVER_MEMCACHED, (const char *const[]){"timeout_ms", "5000", NULL});
    fill(&h.server, 2000); /* too few to be moved about */
    struct holding second = {.server = {.kind = SERVER_MEMCACHED}, .name = h.name};
    second.told = calloc(KEYS, sizeof *second.told);
    assert_non_null(second.told);
    list(&h);
    assert_int_equal(ringcache_server_keys(h.cache.client, h.name, on_key, on_done, &second), 0);
    while (!h.done || !second.done)
        uv_run(&h.cache.loop, UV_RUN_ONCE);
    assert_all_told(&h, 2000, 1);
    assert_all_told(&second, 2000, 1);
    free(second.told);
    close_holding(&h);
}

/* ---- trouble ---- */

static int pause_at_ten(struct holding *h)
{
    if (h->count == 10)
        server_pause(&h->server);
    return 0;
}

static int kill_at_ten(struct holding *h)
{
    if (h->count == 10)
        server_kill(&h->server);
    return 0;
}

static void a_server_that_stops_in_the_middle_ends_it(void **state)
{
    (void)state;
    for (int kind = SERVER_MEMCACHED; kind <= SERVER_REDIS; kind++) {
        struct holding h;
        open_holding(&h, (enum server_kind)kind, (const char *const[]){"timeout_ms", "300", NULL});
        fill(&h.server, KEYS);
        h.act = pause_at_ten;
        list_to_the_end(&h);
        assert_int_equal(h.status, RINGCACHE_ETIMEDOUT);
        assert_in_range(h.count, 10, KEYS - 1);
        server_resume(&h.server);
        close_holding(&h);
        open_holding(&h, (enum server_kind)kind, NULL);
        fill(&h.server, KEYS);
        h.act = kill_at_ten;
        list_to_the_end(&h);
        assert_true(h.status == RINGCACHE_ECONNECT || h.status == RINGCACHE_EDOWN);
        assert_in_range(h.count, 10, KEYS - 1);
        close_holding(&h);
    }
}

/* ---- memcached's refusals ---- */

static void a_crawler_that_is_off_is_told_in_memcacheds_words(void **state)
{
    (void)state;
    struct holding h;
    open_with(
        &h, &(struct server){.kind = SERVER_MEMCACHED, .extra = {"-o", "no_lru_crawler"}}, NULL);
    list_to_the_end(&h);
    assert_int_equal(h.status, RINGCACHE_ESERVER);
    assert_string_equal(h.message, "CLIENT_ERROR lru crawler disabled");
    close_holding(&h);
}

/* ---- flush, figures, version ---- */

static void on_asked(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct outcome *outcome = user;
    (void)client;
    outcome->done = true;
    outcome->status = reply->status;
    snprintf(outcome->message, sizeof outcome->message, "%s", reply->message);
    snprintf(outcome->value, sizeof outcome->value, "%.*s", (int)reply->value.len,
        reply->value.len > 0 ? (const char *)reply->value.data : "");
}

static struct outcome wait_for(struct holding *h, struct outcome *outcome)
{
    while (!outcome->done)
        uv_run(&h->cache.loop, UV_RUN_ONCE);
    return *outcome;
}

static struct outcome flush(struct holding *h)
{
    struct outcome outcome = {0};
    assert_int_equal(ringcache_flush_all_data(h->cache.client, h->name, on_asked, &outcome), 0);
    return wait_for(h, &outcome);
}

static struct outcome version(struct holding *h)
{
    struct outcome outcome = {0};
    assert_int_equal(ringcache_server_version(h->cache.client, h->name, on_asked, &outcome), 0);
    return wait_for(h, &outcome);
}

static struct outcome stats(struct holding *h, const char *section)
{
    struct outcome outcome = {0};
    assert_int_equal(
        ringcache_server_stats(h->cache.client, h->name, section, on_asked, &outcome), 0);
    return wait_for(h, &outcome);
}

static void a_flush_leaves_nothing(void **state)
{
    (void)state;
    for (int kind = SERVER_MEMCACHED; kind <= SERVER_REDIS; kind++) {
        struct holding h;
        open_holding(&h, (enum server_kind)kind, NULL);
        fill(&h.server, 10000);
        assert_int_equal(cache_set(&h.cache, "k", "v").status, RINGCACHE_OK);
        assert_int_equal(flush(&h).status, RINGCACHE_OK);
        assert_int_equal(cache_get(&h.cache, "k").status, RINGCACHE_MISS);
        list_to_the_end(&h);
        assert_int_equal(h.status, RINGCACHE_OK);
        assert_int_equal(h.count, 0);
        close_holding(&h);
    }
}

static void a_flush_that_is_forbidden_harms_nobody(void **state)
{
    (void)state;
    struct holding h;
    open_with(&h, &(struct server){.kind = SERVER_MEMCACHED, .extra = {"-F"}}, NULL);
    assert_int_equal(cache_set(&h.cache, "k", "v").status, RINGCACHE_OK);
    struct outcome refused = flush(&h);
    assert_int_equal(refused.status, RINGCACHE_ESERVER);
    assert_string_equal(refused.message, "CLIENT_ERROR flush_all not allowed");
    assert_string_equal(cache_get(&h.cache, "k").value, "v");
    assert_int_equal(h.cache.events[RINGCACHE_EVENT_CONNECTING], 1);
    close_holding(&h);
}

static void servers_tell_version_and_figures(void **state)
{
    (void)state;
    static const char *const sections[][4] = {
        [SERVER_MEMCACHED] = {NULL, "settings", "slabs", "items"},
        [SERVER_REDIS] = {NULL, "server", "memory", "everything"},
    };
    for (int kind = SERVER_MEMCACHED; kind <= SERVER_REDIS; kind++) {
        struct holding h;
        open_holding(&h, (enum server_kind)kind, NULL);
        assert_int_equal(cache_set(&h.cache, "k", "v").status, RINGCACHE_OK);
        struct outcome said = version(&h);
        assert_int_equal(said.status, RINGCACHE_OK);
        assert_true(said.value[0] >= '0' && said.value[0] <= '9');
        assert_non_null(strchr(said.value, '.'));
        for (size_t i = 0; i < 4; i++) {
            said = stats(&h, sections[kind][i]);
            assert_int_equal(said.status, RINGCACHE_OK);
            assert_non_null(strchr(said.value, '\n'));
            assert_null(strstr(said.value, "STAT"));
            assert_null(strchr(said.value, '\r'));
            assert_null(strchr(said.value, '#'));
        }
        said = stats(&h, "nonsense");
        assert_int_equal(said.status, kind == SERVER_REDIS ? RINGCACHE_OK : RINGCACHE_ESERVER);
        assert_string_equal(cache_get(&h.cache, "k").value, "v");
        assert_int_equal(h.cache.events[RINGCACHE_EVENT_CONNECTING], 1);
        close_holding(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memcached_tells_each_of_100000_keys_once),
        cmocka_unit_test(redis_tells_each_of_100000_keys),
        cmocka_unit_test(two_listings_of_one_memcached_both_end),
        cmocka_unit_test(a_server_that_stops_in_the_middle_ends_it),
        cmocka_unit_test(a_crawler_that_is_off_is_told_in_memcacheds_words),
        cmocka_unit_test(a_flush_leaves_nothing),
        cmocka_unit_test(a_flush_that_is_forbidden_harms_nobody),
        cmocka_unit_test(servers_tell_version_and_figures),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}

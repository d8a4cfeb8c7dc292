/* SPDX-License-Identifier: MIT */
/* One table of operations, carried out through the public calls on every backend there is:
 * memcached in meta and in classic text, Redis, and the simulated ones of both, plain and strict.
 * All of them have to say the same, but where the table says what one cannot do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ringcache/mock.h>
#include <ringcache/ringcache.h>
#include <uv.h>

#include "servers.h"

enum {
    LONG_KEY = 250,                  /* the longest on memcached */
    LONGER_KEY = 65536,              /* … and on Redis */
    LARGE = 1000000,                 /* fits into a memcached's item of 1 MiB, */
    LARGER = 1100000,                /* does not */
    TOO_LARGE = 8 * 1024 * 1024 + 1, /* for the client */
    PAUSE_MS =
        2200, /* ends a time to live of one second, wherever in it the server's clock stands */
};

enum speech { META, CLASSIC, REDIS, SPEECHES };

static const struct kind {
    const char *name;
    enum speech speech;
    bool simulated;
    const char *protocol, *integrity;
} kinds[] = {
    {"memcached, meta", META, false, "meta", "auto"},
    {"memcached, meta, strict", META, false, "meta", "strict"},
    {"memcached, classic", CLASSIC, false, "classic", "auto"},
    {"redis", REDIS, false, "auto", "auto"},
    {"redis, strict", REDIS, false, "auto", "strict"},
    {"simulated memcached, meta", META, true, "meta", "auto"},
    {"simulated memcached, classic", CLASSIC, true, "classic", "auto"},
    {"simulated redis", REDIS, true, "auto", "auto"},
    {"simulated redis, strict", REDIS, true, "auto", "strict"},
};
enum { BACKENDS = sizeof kinds / sizeof *kinds };

/* ---- the table ---- */

/* Where a step takes its CAS token from. */
enum token { NO_TOKEN, LAST_READ, WRONG };

/* Values that a literal cannot be. */
static char large[TOO_LARGE], longer_key[LONGER_KEY + 1];

#define TEXT(literal) .value = (literal), .value_len = sizeof(literal) - 1
#define KEY(literal) .key = (literal), .key_len = sizeof(literal) - 1
#define ALL(status) .expected = {(status), (status), (status)}
#define EACH(meta, classic, redis) .expected = {(meta), (classic), (redis)}
#define GOT(literal) .got = (literal), .got_len = sizeof(literal) - 1

/* A step goes on from the one before; without a key it has "k". */
static const struct step {
    ringcache_op op;
    const char *key;
    size_t key_len;
    const char *value;
    size_t value_len;
    enum token token;
    uint32_t options, flags;
    uint64_t delta, initial;
    int64_t ttl_ms;
    bool pauses; /* before it */
    int expected[SPEECHES];
    const char *got; /* the value, where it is OK */
    size_t got_len;
    uint64_t number; /* of a counter */
} steps[] = {
    /* absent */
    {RINGCACHE_GET, ALL(RINGCACHE_MISS)},
    {RINGCACHE_GET, .options = RINGCACHE_WANT_CAS, ALL(RINGCACHE_MISS)},
    {RINGCACHE_GET, .options = RINGCACHE_WANT_TTL,
        EACH(RINGCACHE_MISS, RINGCACHE_ENOTSUP, RINGCACHE_MISS)},
    {RINGCACHE_REPLACE, TEXT("no"), ALL(RINGCACHE_NOT_STORED)},
    {RINGCACHE_APPEND, TEXT("no"), ALL(RINGCACHE_NOT_STORED)},
    {RINGCACHE_PREPEND, TEXT("no"), ALL(RINGCACHE_NOT_STORED)},
    {RINGCACHE_CAS, TEXT("no"), .token = WRONG, ALL(RINGCACHE_MISS)},
    {RINGCACHE_DELETE, ALL(RINGCACHE_MISS)},
    {RINGCACHE_DELETE, .token = WRONG, ALL(RINGCACHE_MISS)},
    {RINGCACHE_TOUCH, ALL(RINGCACHE_MISS)},
    {RINGCACHE_TOUCH, .ttl_ms = 90000, ALL(RINGCACHE_MISS)},
    {RINGCACHE_GET_AND_TOUCH, ALL(RINGCACHE_MISS)},
    {RINGCACHE_GET_AND_TOUCH, .ttl_ms = 90000, ALL(RINGCACHE_MISS)},
    {RINGCACHE_INCREMENT, .delta = 1, ALL(RINGCACHE_MISS)},
    {RINGCACHE_DECREMENT, .delta = 1, ALL(RINGCACHE_MISS)},
    /* present */
    {RINGCACHE_ADD, TEXT("b"), ALL(RINGCACHE_OK)},
    {RINGCACHE_ADD, TEXT("no"), ALL(RINGCACHE_NOT_STORED)},
    {RINGCACHE_GET, ALL(RINGCACHE_OK), GOT("b")},
    {RINGCACHE_APPEND, TEXT("c"), ALL(RINGCACHE_OK)},
    {RINGCACHE_PREPEND, TEXT("a"), ALL(RINGCACHE_OK)},
    {RINGCACHE_GET_AND_TOUCH, .ttl_ms = 90000, ALL(RINGCACHE_OK), GOT("abc")},
    {RINGCACHE_TOUCH, ALL(RINGCACHE_OK)},
    {RINGCACHE_GET_AND_TOUCH, .options = RINGCACHE_WANT_CAS, ALL(RINGCACHE_OK), GOT("abc")},
    {RINGCACHE_CAS, TEXT("no"), .token = WRONG, ALL(RINGCACHE_EXISTS)},
    {RINGCACHE_DELETE, .token = WRONG, ALL(RINGCACHE_EXISTS)},
    {RINGCACHE_CAS, TEXT("swapped"), .token = LAST_READ, ALL(RINGCACHE_OK)},
    {RINGCACHE_CAS, TEXT("no"), .token = LAST_READ, ALL(RINGCACHE_EXISTS)},
    {RINGCACHE_GET, .options = RINGCACHE_WANT_CAS, ALL(RINGCACHE_OK), GOT("swapped")},
    {RINGCACHE_DELETE, .token = LAST_READ, ALL(RINGCACHE_OK)},
    {RINGCACHE_SET, TEXT("v"), ALL(RINGCACHE_OK)},
    {RINGCACHE_REPLACE, TEXT("w"), .ttl_ms = 90000, ALL(RINGCACHE_OK)},
    {RINGCACHE_GET, ALL(RINGCACHE_OK), GOT("w")},
    {RINGCACHE_DELETE, ALL(RINGCACHE_OK)},
    /* counters */
    {RINGCACHE_SET, TEXT("40"), ALL(RINGCACHE_OK)},
    {RINGCACHE_INCREMENT, .delta = 2, ALL(RINGCACHE_OK), .number = 42},
    {RINGCACHE_INCREMENT, .delta = 0, ALL(RINGCACHE_OK), .number = 42},
    {RINGCACHE_DECREMENT, .delta = 43, ALL(RINGCACHE_OK), .number = 0},
    {RINGCACHE_SET, TEXT("9223372036854775800"), ALL(RINGCACHE_OK)},
    {RINGCACHE_INCREMENT, .delta = 8, ALL(RINGCACHE_NOT_STORED)},
    {RINGCACHE_INCREMENT, .delta = 7, ALL(RINGCACHE_OK), .number = INT64_MAX},
    {RINGCACHE_DECREMENT, .delta = INT64_MAX, ALL(RINGCACHE_OK), .number = 0},
    {RINGCACHE_DELETE, ALL(RINGCACHE_OK)},
    {RINGCACHE_DECREMENT, .delta = 5, .options = RINGCACHE_WITH_INITIAL, .initial = 10,
        EACH(RINGCACHE_OK, RINGCACHE_ENOTSUP, RINGCACHE_OK), .number = 10},
    {RINGCACHE_DECREMENT, .delta = 4, .options = RINGCACHE_WITH_INITIAL, .initial = 10,
        EACH(RINGCACHE_OK, RINGCACHE_ENOTSUP, RINGCACHE_OK), .number = 6},
    {RINGCACHE_SET, TEXT("text"), ALL(RINGCACHE_OK)},
    {RINGCACHE_INCREMENT, .delta = 1, ALL(RINGCACHE_ESERVER)},
    {RINGCACHE_DECREMENT, .delta = 1, ALL(RINGCACHE_ESERVER)},
    {RINGCACHE_GET, ALL(RINGCACHE_OK), GOT("text")},
    /* wrong types: "l" is a list on Redis */
    {RINGCACHE_GET, KEY("l"), EACH(RINGCACHE_MISS, RINGCACHE_MISS, RINGCACHE_ESERVER)},
    {RINGCACHE_GET, KEY("l"), .options = RINGCACHE_WANT_CAS,
        EACH(RINGCACHE_MISS, RINGCACHE_MISS, RINGCACHE_ESERVER)},
    {RINGCACHE_APPEND, KEY("l"), TEXT("x"),
        EACH(RINGCACHE_NOT_STORED, RINGCACHE_NOT_STORED, RINGCACHE_ESERVER)},
    {RINGCACHE_CAS, KEY("l"), TEXT("x"), .token = WRONG,
        EACH(RINGCACHE_MISS, RINGCACHE_MISS, RINGCACHE_ESERVER)},
    {RINGCACHE_INCREMENT, KEY("l"), .delta = 1,
        EACH(RINGCACHE_MISS, RINGCACHE_MISS, RINGCACHE_ESERVER)},
    {RINGCACHE_GET_AND_TOUCH, KEY("l"), .ttl_ms = 90000,
        EACH(RINGCACHE_MISS, RINGCACHE_MISS, RINGCACHE_ESERVER)},
    {RINGCACHE_TOUCH, KEY("l"), .ttl_ms = 90000,
        EACH(RINGCACHE_MISS, RINGCACHE_MISS, RINGCACHE_OK)},
    {RINGCACHE_DELETE, KEY("l"), EACH(RINGCACHE_MISS, RINGCACHE_MISS, RINGCACHE_OK)},
    /* keys of all lengths and bytes */
    {RINGCACHE_SET, .key = "", TEXT("no"), ALL(RINGCACHE_EINVAL)},
    {RINGCACHE_SET, .key = longer_key, .key_len = LONG_KEY, TEXT("long"), ALL(RINGCACHE_OK)},
    {RINGCACHE_GET, .key = longer_key, .key_len = LONG_KEY, ALL(RINGCACHE_OK), GOT("long")},
    {RINGCACHE_SET, .key = longer_key, .key_len = LONG_KEY + 1, TEXT("longer"),
        EACH(RINGCACHE_EINVAL, RINGCACHE_EINVAL, RINGCACHE_OK)},
    {RINGCACHE_SET, .key = longer_key, .key_len = LONGER_KEY, TEXT("longest"),
        EACH(RINGCACHE_EINVAL, RINGCACHE_EINVAL, RINGCACHE_OK)},
    {RINGCACHE_GET, .key = longer_key, .key_len = LONGER_KEY,
        EACH(RINGCACHE_EINVAL, RINGCACHE_EINVAL, RINGCACHE_OK), GOT("longest")},
    {RINGCACHE_SET, .key = longer_key, .key_len = LONGER_KEY + 1, TEXT("no"),
        ALL(RINGCACHE_EINVAL)},
    {RINGCACHE_SET, KEY("\xff\x80\xc3\xa9"), TEXT("bytes"), ALL(RINGCACHE_OK)},
    {RINGCACHE_GET, KEY("\xff\x80\xc3\xa9"), ALL(RINGCACHE_OK), GOT("bytes")},
    {RINGCACHE_SET, KEY("a b"), TEXT("no"), EACH(RINGCACHE_EINVAL, RINGCACHE_EINVAL, RINGCACHE_OK)},
    {RINGCACHE_SET, KEY("a\r\nflush_all\r\n\0\x7f"), TEXT("any"),
        EACH(RINGCACHE_EINVAL, RINGCACHE_EINVAL, RINGCACHE_OK)},
    {RINGCACHE_GET, KEY("a\r\nflush_all\r\n\0\x7f"),
        EACH(RINGCACHE_EINVAL, RINGCACHE_EINVAL, RINGCACHE_OK), GOT("any")},
    /* values of all lengths and bytes */
    {RINGCACHE_SET, TEXT(""), ALL(RINGCACHE_OK)},
    {RINGCACHE_GET, ALL(RINGCACHE_OK), GOT("")},
    {RINGCACHE_APPEND, TEXT(""), ALL(RINGCACHE_OK)},
    {RINGCACHE_GET, .options = RINGCACHE_WANT_CAS, ALL(RINGCACHE_OK), GOT("")},
    {RINGCACHE_CAS, TEXT("\r\nEND\r\n$-1\r\n\0\xff"), .token = LAST_READ, ALL(RINGCACHE_OK)},
    {RINGCACHE_GET, ALL(RINGCACHE_OK), GOT("\r\nEND\r\n$-1\r\n\0\xff")},
    {RINGCACHE_SET, .value = large, .value_len = LARGE, ALL(RINGCACHE_OK)},
    {RINGCACHE_GET, ALL(RINGCACHE_OK), .got = large, .got_len = LARGE},
    {RINGCACHE_SET, .value = large, .value_len = LARGER,
        EACH(RINGCACHE_ETOOBIG, RINGCACHE_ETOOBIG, RINGCACHE_OK)},
    {RINGCACHE_SET, .value = large, .value_len = TOO_LARGE, ALL(RINGCACHE_ETOOBIG)},
    {RINGCACHE_SET, TEXT("flagged"), .flags = UINT32_MAX,
        EACH(RINGCACHE_OK, RINGCACHE_OK, RINGCACHE_ENOTSUP)},
    /* expired */
    {RINGCACHE_SET, KEY("e"), TEXT("short"), .ttl_ms = 1000, ALL(RINGCACHE_OK)},
    {RINGCACHE_SET, KEY("f"), TEXT("touched"), ALL(RINGCACHE_OK)},
    {RINGCACHE_TOUCH, KEY("f"), .ttl_ms = 1000, ALL(RINGCACHE_OK)},
    {RINGCACHE_SET, KEY("g"), TEXT("kept"), .ttl_ms = 1000, ALL(RINGCACHE_OK)},
    {RINGCACHE_GET_AND_TOUCH, KEY("g"), ALL(RINGCACHE_OK), GOT("kept")},
    {RINGCACHE_SET, KEY("h"), TEXT("months"), .ttl_ms = INT64_C(90) * 24 * 3600 * 1000,
        ALL(RINGCACHE_OK)},
    {RINGCACHE_GET, KEY("e"), .pauses = true, ALL(RINGCACHE_MISS)},
    {RINGCACHE_REPLACE, KEY("e"), TEXT("no"), ALL(RINGCACHE_NOT_STORED)},
    {RINGCACHE_DELETE, KEY("e"), ALL(RINGCACHE_MISS)},
    {RINGCACHE_ADD, KEY("e"), TEXT("again"), ALL(RINGCACHE_OK)},
    {RINGCACHE_APPEND, KEY("f"), TEXT("no"), ALL(RINGCACHE_NOT_STORED)},
    {RINGCACHE_INCREMENT, KEY("f"), .delta = 1, ALL(RINGCACHE_MISS)},
    {RINGCACHE_GET, KEY("g"), ALL(RINGCACHE_OK), GOT("kept")},
    {RINGCACHE_GET, KEY("h"), ALL(RINGCACHE_OK), GOT("months")},
};

/* ---- backends ---- */

struct backend {
    const struct kind *kind;
    struct server server; /* or: */
    ringcache_mock *mock;
    ringcache_client *client;
    const struct step *step; /* under way; NULL: answered */
    uint64_t cas;            /* the last that was read */
};

static struct backend backends[BACKENDS];

static bool is_redis(const struct backend *backend)
{
    return backend->kind->speech == REDIS;
}

static const char *start(struct backend *backend, char uri[SERVER_URI_SIZE])
{
    if (backend->kind->simulated) {
        const ringcache_mock_options options = {
            .kind = is_redis(backend) ? RINGCACHE_MOCK_REDIS : RINGCACHE_MOCK_MEMCACHED};
        assert_int_equal(ringcache_mock_start(&backend->mock, uv_default_loop(), &options), 0);
        return ringcache_mock_uri(backend->mock);
    }
    backend->server.kind = is_redis(backend) ? SERVER_REDIS : SERVER_MEMCACHED;
    if (!server_start(&backend->server)) {
        fail_msg("%s", backend->server.why);
    }
    return server_uri(&backend->server, NULL, uri);
}

static void on_list(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct backend *backend = user;
    assert_ptr_equal(client, backend->client);
    assert_int_equal(reply->status, RINGCACHE_OK);
}

/* A client of its own for each, and on Redis a list that is in the way. */
static void open_backend(struct backend *backend, const struct kind *kind)
{
    static const ringcache_slice push[] = {{"LPUSH", 5}, {"l", 1}, {"x", 1}};
    ringcache_config *config;
    char uri[SERVER_URI_SIZE];
    backend->kind = kind;
    assert_int_equal(ringcache_config_new(&config), 0);
    assert_int_equal(ringcache_config_add_server(config, start(backend, uri)), 0);
    assert_int_equal(ringcache_config_set(config, "protocol", kind->protocol), 0);
    assert_int_equal(ringcache_config_set(config, "integrity", kind->integrity), 0);
    assert_int_equal(ringcache_config_set(config, "max_value_bytes", "8388608"), 0);
    assert_int_equal(ringcache_config_set(config, "timeout_ms", "10000"), 0);
    assert_int_equal(ringcache_client_new(&backend->client, uv_default_loop(), config), 0);
    ringcache_config_free(config);
    if (is_redis(backend)) {
        assert_int_equal(ringcache_command(backend->client, push, 3, NULL, on_list, backend), 0);
    }
}

static void close_backend(struct backend *backend)
{
    ringcache_client_close(backend->client, NULL, NULL);
    if (backend->mock != NULL) {
        ringcache_mock_close(backend->mock, NULL, NULL);
    } else {
        server_discard(&backend->server);
    }
}

/* ---- carrying it out ---- */

static void judge(struct backend *backend, const struct step *step, int status, const char *words)
{
    int expected = step->expected[backend->kind->speech];
    if (status != expected) {
        fail_msg("step %zu on %s: %s (%s), not %s", (size_t)(step - steps), backend->kind->name,
            ringcache_err_name(status), words, ringcache_err_name(expected));
    }
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct backend *backend = user;
    const struct step *step = backend->step;
    assert_ptr_equal(client, backend->client);
    assert_non_null(step);
    backend->step = NULL;
    judge(backend, step, reply->status, reply->message);
    assert_int_equal(reply->maybe_applied, 0);
    if (reply->status != RINGCACHE_OK) {
        return;
    }
    assert_int_equal(reply->number, step->number);
    assert_int_equal(reply->value.len, step->got_len);
    if (step->got_len > 0) {
        assert_memory_equal(reply->value.data, step->got, step->got_len);
    }
    if ((step->options & RINGCACHE_WANT_CAS) != 0) {
        backend->cas = reply->cas;
    }
}

static void ask(struct backend *backend, const struct step *step)
{
    const ringcache_request request = {
        .op = step->op,
        .options = step->options,
        .key = {step->key != NULL ? step->key : "k", step->key != NULL ? step->key_len : 1},
        .value = {step->value, step->value_len},
        .cas = step->token == WRONG       ? 12345
               : step->token == LAST_READ ? backend->cas
                                          : 0,
        .delta = step->delta,
        .initial = step->initial,
        .ttl_ms = step->ttl_ms,
        .flags = step->flags,
    };
    backend->step = step;
    int rc = ringcache_submit(backend->client, &request, on_reply, backend, NULL);
    if (rc < 0) {
        backend->step = NULL;
        judge(backend, step, rc, ringcache_client_error(backend->client));
    }
}

static void on_paused(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
}

static void pause_all(void)
{
    uv_timer_t timer;
    uv_timer_init(uv_default_loop(), &timer);
    uv_timer_start(&timer, on_paused, PAUSE_MS, 0);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}

/* Step by step, each on all of them. */
static void every_operation_means_the_same_everywhere(void **state)
{
    (void)state;
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
        if (steps[s].pauses) {
            pause_all();
        }
        for (size_t i = 0; i < BACKENDS; i++) {
            ask(&backends[i], &steps[s]);
        }
        uv_run(uv_default_loop(), UV_RUN_DEFAULT);
        for (size_t i = 0; i < BACKENDS; i++) {
            assert_null(backends[i].step);
        }
    }
}

static int open_all(void **state)
{
    (void)state;
    memset(longer_key, 'k', sizeof longer_key);
    for (size_t i = 0; i < sizeof large; i++) {
        large[i] = (char)(i * 31 % 251);
    }
    for (size_t i = 0; i < BACKENDS; i++) {
        open_backend(&backends[i], &kinds[i]);
    }
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    for (size_t i = 0; i < BACKENDS; i++) {
        close_backend(&backends[i]);
    }
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    return uv_loop_close(uv_default_loop());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_means_the_same_everywhere),
    };
    return servers_available() ? cmocka_run_group_tests(tests, open_all, close_all) : 1;
}

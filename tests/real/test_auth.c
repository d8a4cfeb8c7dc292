/* SPDX-License-Identifier: MIT */
/* A memcached that asks for user and password (-Y), and one that does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache.h"
#include "servers.h"

#define USER "cart"
#define PASSWORD "open:s/same"
#define PASSWORD_IN_URI "open%3As%2Fsame"

static const char *const dialects[] = {"auto", "meta", "classic"};
enum { DIALECTS = sizeof dialects / sizeof *dialects };

static void start_guarded(struct server *server, enum server_listen listen)
{
    static char path[SERVER_FILE_SIZE];
    assert_true(server_file("reader:other\n" USER ":" PASSWORD "\n", path));
    *server = (struct server){.kind = SERVER_MEMCACHED, .listen = listen, .extra = {"-Y", path}};
    if (!server_start(server))
        fail_msg("%s", server->why);
}

/* Its URI with `credentials` ("user:password@" or "") in it. */
static const char *uri_with(const struct server *server, const char *credentials, char *uri)
{
    if (server->listen == LISTEN_UNIX)
        snprintf(uri, SERVER_URI_SIZE, "memcached+unix://%s%s", credentials, server->path);
    else
        snprintf(uri, SERVER_URI_SIZE, "memcached://%s127.0.0.1:%u", credentials, server->port);
    return uri;
}

static void open_one(struct cache *cache, const char *uri, const char *dialect)
{
    cache_open(
        cache, (const char *const[]){uri, NULL}, (const char *const[]){"protocol", dialect, NULL});
}

static void assert_serves(struct cache *cache)
{
    assert_int_equal(cache_set(cache, "k", "v").status, 0);
    struct outcome got = cache_get(cache, "k");
    assert_int_equal(got.status, 0);
    assert_string_equal(got.value, "v");
}

static void serves_who_is_known(enum server_listen listen)
{
    struct server server;
    struct cache cache;
    char uri[SERVER_URI_SIZE];
    start_guarded(&server, listen);
    for (size_t i = 0; i < DIALECTS; i++) {
        open_one(&cache, uri_with(&server, USER ":" PASSWORD_IN_URI "@", uri), dialects[i]);
        assert_serves(&cache);
        cache_close(&cache);
    }
    server_discard(&server);
}

static void the_right_user_and_password_are_let_in(void **state)
{
    (void)state;
    serves_who_is_known(LISTEN_IPV4);
}

static void the_right_user_and_password_are_let_in_on_a_unix_socket(void **state)
{
    (void)state;
    serves_who_is_known(LISTEN_UNIX);
}

/* No word that the program hears repeats the password. */
static void assert_refused(const char *uri, const char *dialect, const char *words)
{
    struct cache cache;
    open_one(&cache, uri, dialect);
    struct outcome refused = cache_set(&cache, "k", "v");
    assert_int_equal(refused.status, RINGCACHE_EAUTH);
    assert_false(refused.maybe_applied);
    if (strstr(refused.message, words) == NULL || strstr(cache.told, words) == NULL)
        fail_msg("%s / %s", refused.message, cache.told);
    assert_null(strstr(refused.message, "same"));
    assert_null(strstr(cache.told, "same"));
    assert_int_equal(cache.events[RINGCACHE_EVENT_UP], 0);
    cache_close(&cache);
}

static void who_is_not_known_is_told_so(void **state)
{
    static const struct {
        const char *credentials, *words;
    } cases[] = {
        {USER ":wrong-sesame@", "CLIENT_ERROR authentication failure"},
        {"nobody:" PASSWORD_IN_URI "@", "CLIENT_ERROR authentication failure"},
        {USER ":open%3As%2Fsam@", "CLIENT_ERROR authentication failure"},
        {"", "it wants a user and a password: CLIENT_ERROR unauthenticated"},
    };
    (void)state;
    struct server server;
    char uri[SERVER_URI_SIZE];
    start_guarded(&server, LISTEN_IPV4);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t d = 0; d < DIALECTS; d++)
            assert_refused(
                uri_with(&server, cases[i].credentials, uri), dialects[d], cases[i].words);
    server_discard(&server);
}

/* How many items the server holds, asked by one that it knows. */
static unsigned items_of(const struct server *server)
{
    char reply[8192];
    unsigned items = 0;
    int fd = server_connect(server);
    assert_true(fd >= 0);
    assert_true(server_ask(fd, "stats\r\n", "END\r\n", reply, sizeof reply));
    const char *line = strstr(reply, "STAT curr_items ");
    assert_non_null(line);
    for (line += 16; *line >= '0' && *line <= '9'; line++)
        items = items * 10 + (unsigned)(*line - '0');
    close(fd);
    return items;
}

static void a_memcached_that_asks_for_nothing_serves_and_forgets_the_password(void **state)
{
    (void)state;
    struct server server = {.kind = SERVER_MEMCACHED};
    struct cache cache;
    char uri[SERVER_URI_SIZE], reply[256];
    assert_true(server_start(&server));
    open_one(&cache, uri_with(&server, USER ":" PASSWORD_IN_URI "@", uri), "auto");
    assert_serves(&cache);
    int fd = server_connect(&server);
    assert_true(server_ask(fd, "get ringcache.authentication\r\n", "END\r\n", reply, sizeof reply));
    assert_string_equal(reply, "END\r\n");
    close(fd);
    assert_int_equal(items_of(&server), 1);
    cache_close(&cache);
    server_discard(&server);
}

/* A connection that is lost is made again, and named again. */
static void a_server_that_was_gone_is_told_again(void **state)
{
    (void)state;
    struct server server;
    struct cache cache;
    char uri[SERVER_URI_SIZE];
    start_guarded(&server, LISTEN_IPV4);
    open_one(&cache, uri_with(&server, USER ":" PASSWORD_IN_URI "@", uri), "auto");
    assert_serves(&cache);
    ringcache_client_ref(cache.client);
    server_kill(&server);
    assert_true(cache_hears(&cache, RINGCACHE_EVENT_DOWN, 1, 5000));
    assert_true(server_start(&server));
    assert_true(cache_hears(&cache, RINGCACHE_EVENT_UP, 2, 5000));
    assert_serves(&cache);
    ringcache_client_unref(cache.client);
    cache_close(&cache);
    server_discard(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_user_and_password_are_let_in),
        cmocka_unit_test(the_right_user_and_password_are_let_in_on_a_unix_socket),
        cmocka_unit_test(who_is_not_known_is_told_so),
        cmocka_unit_test(a_memcached_that_asks_for_nothing_serves_and_forgets_the_password),
        cmocka_unit_test(a_server_that_was_gone_is_told_again),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}

/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/slice.h"

static const char secret[] = "s3cr3t";

struct good {
    const char *uri;
    enum rc_protocol protocol;
    const char *name, *host, *address;
    uint16_t port;
    uint32_t weight;
    const char *user, *password;
    uint32_t database;
    const char *display;
};

#define M RC_PROTOCOL_MEMCACHED
#define R RC_PROTOCOL_REDIS

static const struct good goods[] = {
    {"memcached://h", M, "h:11211", "h", "h", 11211, 1, NULL, NULL, 0, "memcached://h:11211"},
    {"memcached://h/", M, "h:11211", "h", "h", 11211, 1, NULL, NULL, 0, "memcached://h:11211"},
    {"memcached://Cache-1.Example.ORG:1?name=a&weight=4294967295", M, "a", "Cache-1.Example.ORG",
        "Cache-1.Example.ORG", 1, UINT32_MAX, NULL, NULL, 0,
        "memcached://Cache-1.Example.ORG:1?name=a&weight=4294967295"},
    {"memcached://10.0.0.1:65535?weight=2", M, "10.0.0.1:65535", "10.0.0.1", "10.0.0.1", 65535, 2,
        NULL, NULL, 0, "memcached://10.0.0.1:65535?weight=2"},
    {"memcached://[::1]", M, "[::1]:11211", "[::1]", "::1", 11211, 1, NULL, NULL, 0,
        "memcached://[::1]:11211"},
    {"redis://[FE80::1%25eth0]:7000", R, "[FE80::1%25eth0]:7000", "[FE80::1%25eth0]",
        "FE80::1%eth0", 7000, 1, NULL, NULL, 0, NULL},
    {"redis://h", R, "h:6379", "h", "h", 6379, 1, NULL, NULL, 0, "redis://h:6379"},
    {"redis://h/", R, "h:6379", "h", "h", 6379, 1, NULL, NULL, 0, "redis://h:6379"},
    {"redis://h/0", R, "h:6379", "h", "h", 6379, 1, NULL, NULL, 0, "redis://h:6379"},
    {"redis://h/2147483647?weight=3&name=x", R, "x", "h", "h", 6379, 3, NULL, NULL, 2147483647,
        "redis://h:6379/2147483647?name=x&weight=3"},
    {"redis://:s3cr3t@h", R, "h:6379", "h", "h", 6379, 1, NULL, "s3cr3t", 0, "redis://:***@h:6379"},
    {"redis://u:s3cr3t@h:1/2", R, "h:1", "h", "h", 1, 1, "u", "s3cr3t", 2, "redis://u:***@h:1/2"},
    {"redis://u%3Av:p:%40%2f%3F%23%20%25@h", R, "h:6379", "h", "h", 6379, 1, "u:v", "p:@/?# %", 0,
        NULL},
    {"redis://u@h", R, "h:6379", "h", "h", 6379, 1, "u", "", 0, "redis://***@h:6379"},
    {"redis://u:@h", R, "h:6379", "h", "h", 6379, 1, "u", "", 0, "redis://***@h:6379"},
    {"redis://h?name=a%20b%26c@d=e", R, "a b&c@d=e", "h", "h", 6379, 1, NULL, NULL, 0,
        "redis://h:6379?name=a%20b%26c%40d%3De"},
    {"memcached+unix:///run/mc.sock", M, "/run/mc.sock", "/run/mc.sock", "/run/mc.sock", 0, 1, NULL,
        NULL, 0, "memcached+unix:///run/mc.sock"},
    {"memcached://u:s3cr3t@h?name=a", M, "a", "h", "h", 11211, 1, "u", "s3cr3t", 0,
        "memcached://u:***@h:11211?name=a"},
    {"memcached://%C3%A4%3A:p:%40%21@h", M, "h:11211", "h", "h", 11211, 1, "\xc3\xa4:", "p:@!", 0,
        NULL},
    {"memcached+unix://u:s3cr3t@/run/m", M, "/run/m", "/run/m", "/run/m", 0, 1, "u", "s3cr3t", 0,
        "memcached+unix://u:***@/run/m"},
    {"redis+unix:///run/a%20b?db=3&name=n&weight=9", R, "n", "/run/a b", "/run/a b", 0, 9, NULL,
        NULL, 3, "redis+unix:///run/a%20b?db=3&name=n&weight=9"},
    {"redis+unix:///s?pool=gutter&db=3", R, "/s", "/s", "/s", 0, 1, NULL, NULL, 3,
        "redis+unix:///s?db=3&pool=gutter"},
    {"memcached://h?pool=gutter", M, "h:11211", "h", "h", 11211, 1, NULL, NULL, 0,
        "memcached://h:11211?pool=gutter"},
    {"memcached://h?weight=2&pool=gutter", M, "h:11211", "h", "h", 11211, 2, NULL, NULL, 0,
        "memcached://h:11211?weight=2&pool=gutter"},
    {"redis+unix://u:s3cr3t@/run/r", R, "/run/r", "/run/r", "/run/r", 0, 1, "u", "s3cr3t", 0,
        "redis+unix://u:***@/run/r"},
};

static void assert_text(const char *text, const char *expected)
{
    if (expected == NULL) {
        assert_null(text);
        return;
    }
    assert_non_null(text);
    assert_string_equal(text, expected);
}

static void assert_is(const struct rc_server_uri *server, const struct good *g)
{
    assert_int_equal(server->protocol, g->protocol);
    assert_text(server->member.name, g->name);
    assert_text(server->member.host, g->host);
    assert_text(server->address, g->address);
    assert_int_equal(server->member.port, g->port);
    assert_int_equal(server->member.weight, g->weight);
    assert_text(server->user, g->user);
    assert_text(server->password, g->password);
    assert_int_equal(server->database, g->database);
    bool spare = strstr(g->uri, "pool=gutter") != NULL;
    assert_int_equal(server->role, spare ? RC_ROLE_SPARE : RC_ROLE_OWNER);
    assert_int_equal(server->member.named, strstr(g->uri, "name=") != NULL);
    assert_int_equal(server->member.is_path, strstr(g->uri, "+unix") != NULL);
    if (g->display != NULL) {
        assert_text(server->display, g->display);
    }
}

static void parse(const char *uri, struct rc_server_uri *server)
{
    char why[512];
    if (rc_server_uri_parse(uri, server, why, sizeof why) != 0) {
        fail_msg("%s: %s", uri, why);
    }
}

static void a_uri_becomes_the_server_it_describes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof goods / sizeof goods[0]; i++) {
        struct rc_server_uri server;
        parse(goods[i].uri, &server);
        assert_is(&server, &goods[i]);
        assert_string_equal(server.place, "");
        rc_server_uri_deinit(&server);
    }
}

static void a_display_without_password_parses_to_the_same_server(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof goods / sizeof goods[0]; i++) {
        struct rc_server_uri first;
        struct rc_server_uri second;
        parse(goods[i].uri, &first);
        if (first.password == NULL) {
            parse(first.display, &second);
            assert_true(rc_server_uri_same_backend(&first, &second));
            assert_string_equal(first.display, second.display);
            assert_string_equal(first.member.name, second.member.name);
            assert_int_equal(first.member.weight, second.member.weight);
            rc_server_uri_deinit(&second);
        }
        rc_server_uri_deinit(&first);
    }
}

static void a_copy_is_equal_and_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof goods / sizeof goods[0]; i++) {
        struct rc_server_uri server;
        parse(goods[i].uri, &server);
        struct rc_server_uri copy = rc_server_uri_copy(&server);
        assert_true(rc_server_uri_same_backend(&copy, &server));
        rc_server_uri_deinit(&server);
        assert_is(&copy, &goods[i]);
        rc_server_uri_deinit(&copy);
    }
}

#define REDIS_NUMBER "the database is not a number of 0..2147483647"
#define PERCENT "a '%' is followed by two hexadecimal digits, and never by 00"
#define SCHEMES                                                                                    \
    "a server's URI begins with memcached://, redis://, memcached+unix:// or redis+unix://"
#define BOTH "a memcached server takes a user and a password, or neither"
#define BYTES "memcached takes no blank or control byte in a user or password"
#define POOL(name) "the pool is \"" name "\", and the only one with a name is \"gutter\""
#define HINT " (in a user or password, '/' is written %2F and '?' %3F)"

static const struct {
    const char *uri, *why;
} bads[] = {
    {"", "***: " SCHEMES},
    {"10.0.0.1:11211", "***: " SCHEMES},
    {"h", "***: " SCHEMES},
    {"http://h", "***: " SCHEMES},
    {"Redis://h", "***: " SCHEMES},
    {"redis:/h", "***: " SCHEMES},
    {"redis+unix:/run/s", "***: " SCHEMES},
    {"memcacheds://h", "memcacheds://***: TLS is not offered by this version yet"},
    {"rediss://h", "rediss://***: TLS is not offered by this version yet"},
    {"redis://h?pool=hot", "redis://h:6379: " POOL("hot")},
    {"redis://h?pool=", "redis://h:6379: " POOL("")},
    {"redis://:x@h?pool=GUTTER", "redis://:***@h:6379: " POOL("GUTTER")},
    {"redis://h?pool=%67utter", "redis://h:6379: " POOL("%67utter")},
    {"redis://h?pool=redis://g", "redis://h:6379: " POOL("***")},
    {"redis://h?pool=GUTTER@g", "redis://***: " POOL("***")},
    {"redis://h?pool=gutter&pool=gutter", "redis://h:6379: a parameter is given twice"},
    {"redis://h x", "***: a blank or control byte is written %XX"},
    {"redis://h\n", "***: a blank or control byte is written %XX"},
    {"redis://", "redis://***: the host is empty"},
    {"redis://:6379", "redis://***: the host is empty"},
    {"memcached:///x", "memcached://***: the host is empty"},
    {"memcached://?name=x", "memcached://***: the host is empty"},
    {"redis://:pw@", "redis://***: the host is empty"},
    {"redis://:pw@:6379", "redis://***: the host is empty"},
    {"memcached://h:0", "memcached://h:***: the port is not a number of 1..65535"},
    {"memcached://h:65536", "memcached://h:***: the port is not a number of 1..65535"},
    {"memcached://h:70000", "memcached://h:***: the port is not a number of 1..65535"},
    {"memcached://h:", "memcached://h:***: the port is not a number of 1..65535"},
    {"memcached://h:011", "memcached://h:***: the port is not a number of 1..65535"},
    {"redis://u:pw@h:x", "redis://u:***@h:***: the port is not a number of 1..65535"},
    {"memcached://::1",
        "memcached://***: a host has one ':' in front of its port, and an IPv6 address brackets"},
    {"memcached://[::1", "memcached://***: the '[' of an IPv6 address has no ']'"},
    {"memcached://[::1]x",
        "memcached://***: after the ']' of an IPv6 address comes a ':' and the port, or nothing"},
    {"memcached://[h]", "memcached://***: what stands in brackets is not an IPv6 address"},
    {"memcached://[]", "memcached://***: what stands in brackets is not an IPv6 address"},
    {"memcached://[::1%25]", "memcached://***: what stands in brackets is not an IPv6 address"},
    {"memcached://[::1%25eth\xff]",
        "memcached://***: what stands in brackets is not an IPv6 address"},
    {"memcached://[::1%25eth%7F]",
        "memcached://***: what stands in brackets is not an IPv6 address"},
    {"memcached://[1:2:3]:1", "memcached://***: what stands in brackets is not an IPv6 address"},
    {"memcached://a,b", "memcached://***: a host is letters, digits, '.', '-' and '_'"},
    {"memcached://h%zz", "memcached://***: " PERCENT},
    {"memcached://h%", "memcached://***: " PERCENT},
    {"memcached://h%0", "memcached://***: " PERCENT},
    {"redis://:%00@h", "redis://***: " PERCENT},
    {"redis://:%4g@h", "redis://***: " PERCENT},
    {"memcached://h#f", "memcached://***: a server's URI has no fragment; a '#' is written %23"},
    {"memcached://u@h", "memcached://***: " BOTH},
    {"memcached://u:@h", "memcached://***: " BOTH},
    {"memcached://:pw@h", "memcached://***: " BOTH},
    {"memcached+unix://u@/s", "memcached+unix://***: " BOTH},
    {"memcached://u:p%20w@h", "memcached://***: " BYTES},
    {"memcached://u%20v:pw@h", "memcached://***: " BYTES},
    {"memcached://u:p%0d%0aflush_all@h", "memcached://***: " BYTES},
    {"memcached://u%0a:pw@h", "memcached://***: " BYTES},
    {"memcached://u:p%09@h", "memcached://***: " BYTES},
    {"memcached://u:%7f@h", "memcached://***: " BYTES},
    {"memcached+unix://u:p%20@/s", "memcached+unix://***: " BYTES},
    {"memcached://@h", "memcached://***: the password is empty"},
    {"memcached://:@h", "memcached://***: the password is empty"},
    {"memcached://u:1?w@h", "memcached://***: a parameter is name=value" HINT},
    {"memcached://h:7/x",
        "memcached://h:***: a memcached server has no databases, so nothing follows the '/'"},
    {"redis://@h", "redis://***: the password is empty"},
    {"redis://:@h", "redis://***: the password is empty"},
    {"redis://:p@w@h", "redis://***: an '@' in a user or password is written %40"},
    {"redis://:p/w@h", "redis://***: the host is empty" HINT},
    {"redis://u:1/w@h", "redis://***: " REDIS_NUMBER HINT},
    {"redis://u:1?w@h", "redis://***: a parameter is name=value" HINT},
    {"memcached://h/1",
        "memcached://h:11211: a memcached server has no databases, so nothing follows the '/'"},
    {"redis://h/x", "redis://h:6379: " REDIS_NUMBER},
    {"redis://h/1/", "redis://h:6379: " REDIS_NUMBER},
    {"redis://h/2147483648", "redis://h:6379: " REDIS_NUMBER},
    {"redis://h:7/x", "redis://h:***: " REDIS_NUMBER},
    {"redis://u:pw@h:7/x", "redis://u:***@h:7: " REDIS_NUMBER},
    {"memcached://h?", "memcached://h:11211: a parameter is name=value"},
    {"memcached://h?name", "memcached://h:11211: a parameter is name=value"},
    {"memcached://h?name=a&", "memcached://h:11211: a parameter is name=value"},
    {"memcached://h?wieght=2",
        "memcached://h:11211: the parameter \"wieght\" is not one of name, weight, pool"},
    {"redis://h?db=2", "redis://h:6379: the parameter \"db\" is not one of name, weight, pool"},
    {"redis+unix:///s?DB=2",
        "redis+unix:///s: the parameter \"***\" is not one of name, weight, pool, db"},
    {"memcached://h?name=a&name=a", "memcached://h:11211: a parameter is given twice"},
    {"memcached://h?weight=1&weight=1", "memcached://h:11211: a parameter is given twice"},
    {"memcached://h?weight=0", "memcached://h:11211: the weight is not a number of 1..4294967295"},
    {"memcached://h?weight=4294967296",
        "memcached://h:11211: the weight is not a number of 1..4294967295"},
    {"memcached://h?weight=", "memcached://h:11211: the weight is not a number of 1..4294967295"},
    {"memcached://h?name=",
        "memcached://h:11211: a name is 1..255 bytes, none of them a control byte"},
    {"memcached://h?name=a%09",
        "memcached://h:11211: a name is 1..255 bytes, none of them a control byte"},
    {"memcached://h?name=%", "memcached://h:11211: " PERCENT},
    {"memcached+unix://", "memcached+unix://***: the socket's path is empty"},
    {"memcached+unix:///", "memcached+unix://***: the socket's path is empty"},
    {"memcached+unix://h/s",
        "memcached+unix://***: a socket has a path and no host: scheme:///path"},
    {"redis+unix://:1/s", "redis+unix://***: a socket has a path and no host: scheme:///path"},
    {"redis+unix:///a%0a", "redis+unix://***: the socket's path holds a control byte"},
    {"redis+unix:///a%zz", "redis+unix://***: " PERCENT},
};

static void a_malformed_uri_is_refused_with_its_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bads / sizeof bads[0]; i++) {
        char why[512] = "";
        struct rc_server_uri server = {.database = 77};
        if (rc_server_uri_parse(bads[i].uri, &server, why, sizeof why) != RINGCACHE_ECONFIG) {
            fail_msg("%s was accepted", bads[i].uri);
        }
        assert_string_equal(why, bads[i].why);
        assert_int_equal(server.database, 77);
    }
}

static void a_refused_uri_changes_nothing_and_is_told_with_its_option(void **state)
{
    must_set(*state, "server", "memcached://a");
    must_refuse(*state, "server", "memcached://b:70000",
        "server: memcached://b:***: the port is not a number of 1..65535");
    assert_int_equal(ringcache_config_add_server(*state, "redis://u:pw@h/x"), RINGCACHE_ECONFIG);
    assert_string_equal(
        ringcache_config_error(*state), "server: redis://u:***@h:6379: " REDIS_NUMBER);
    assert_int_equal(rc_config_server_count(*state), 1);
}

/* Wherever a password may be put by mistake; %s is where it stands. */
static const char *const slips[] = {
    "redis://:%s",
    "redis://u:%s",
    "redis://u:%s/0",
    "redis://u:%s?name=x",
    "redis://u:%s@",
    "redis://u:%s@:1",
    "redis://u:%s@h:70000",
    "redis://u:%s@h/x",
    "redis://u:%s@h?x=1",
    "redis://u:%s@h?weight=0",
    "redis://u:%s@h#f",
    "redis://u:%s@h,g",
    "redis://u:%s@[::g]",
    "redis://u:%s%%zz@h",
    "redis://u:%%00%s@h",
    "redis://u:%s@x@h",
    "redis://u:x@%s@h",
    "redis://u:x/%s@h",
    "redis://u:1/%s@h",
    "redis://u:1/%s",
    "redis://u:1?%s@h",
    "redis://u:1?%s",
    "redis://u:1#%s@h",
    "redis://u%%:%s@h",
    "redis://u:1?x=%s@h",
    "redis://%s@h:x",
    "redis://u:%s h",
    "redis:/u:%s@h",
    "redis:u:%s@h",
    "//u:%s@h",
    ":%s@h",
    "u:%s@h",
    "server = redis://:%s@h",
    "rediss://u:%s@h",
    "http://u:%s@h",
    "memcached://:%s@h",
    "memcached://%s@h",
    "memcached://u:%s%%20@h",
    "memcached://u%%20:%s@h",
    "memcached://u:%s@h:70000",
    "memcached://u:%s@h/1",
    "memcached://u:1?%s",
    "memcached://u:1/%s",
    "memcached://u:%s",
    "memcached+unix://:%s@/s",
    "memcached+unix://u:%s/s",
    "memcached+unix:///%s?x=y@z",
    "redis+unix://u:%s/s",
    "redis+unix://:%s@h/s",
    "redis+unix://:%s@",
    "redis+unix://:%s@/s?db=x",
    "redis://h?password=%s",
    "redis://:1?pool=%s@h",
    "redis://h?pool=redis://:%s",
    "redis://h?auth=x:%s@h",
    "redis://h/%s",
    "redis://h/?%s=1@x",
    "redis://h#%s",
};

static void no_error_shows_a_password(void **state)
{
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        char uri[128];
        snprintf(uri, sizeof uri, slips[i], secret);
        if (ringcache_config_add_server(*state, uri) != RINGCACHE_ECONFIG) {
            fail_msg("%s was accepted", uri);
        }
        if (strstr(ringcache_config_error(*state), secret) != NULL) {
            fail_msg("%s is told as %s", uri, ringcache_config_error(*state));
        }
    }
}

/* Take one byte out of a good URI, put one in, or cut it: whatever comes of it, the password that
 * stays whole is not shown, neither in an error nor in a display. */
static void must_not_show(const char *uri)
{
    char why[512] = "";
    struct rc_server_uri server;
    int rc = rc_server_uri_parse(uri, &server, why, sizeof why);
    const char *shown = rc == 0 ? server.display : why;
    if (strstr(shown, secret) != NULL) {
        fail_msg("%s is told as %s", uri, shown);
    }
    if (rc == 0) {
        rc_server_uri_deinit(&server);
    }
}

static void must_not_slip(const char *uri)
{
    static const char bytes[] = ":/?#[]@&=% x0\n";
    char slip[64];
    size_t secret_at = (size_t)(strstr(uri, secret) - uri);
    for (size_t at = 0; at < strlen(uri); at++) {
        bool inside = at >= secret_at && at < secret_at + strlen(secret);
        snprintf(slip, sizeof slip, "%.*s%s", (int)at, uri, uri + at + 1);
        must_not_show(slip);
        for (size_t b = 0; b < sizeof bytes - 1 && !inside; b++) {
            snprintf(slip, sizeof slip, "%.*s%c%s", (int)at, uri, bytes[b], uri + at);
            must_not_show(slip);
            snprintf(slip, sizeof slip, "%.*s%c%s", (int)at, uri, bytes[b], uri + at + 1);
            must_not_show(slip);
        }
    }
}

static void no_slip_of_one_byte_shows_a_password(void **state)
{
    (void)state;
    must_not_slip("redis://user:s3cr3t@host:6379/3?name=n&weight=2");
    must_not_slip("memcached://user:s3cr3t@host:11211?name=n&weight=2");
}

static void foreign_bytes_are_escaped_in_a_display(void **state)
{
    (void)state;
    struct rc_server_uri server;
    parse("redis://\xc3\xa4%1b:x@h?name=\xff", &server);
    assert_string_equal(server.display, "redis://%C3%A4%1B:***@h:6379?name=%FF");
    rc_server_uri_deinit(&server);
}

static void the_lengths_of_a_name_a_host_and_a_path_are_bounded(void **state)
{
    char text[300];
    char uri[400];
    memset(text, 'a', sizeof text);
    snprintf(uri, sizeof uri, "memcached://h?name=%.255s", text);
    must_set(*state, "server", uri);
    snprintf(uri, sizeof uri, "memcached://h?name=%.256s", text);
    must_refuse(*state, "server", uri,
        "server: memcached://h:11211: a name is 1..255 bytes, none of them a control byte");
    snprintf(uri, sizeof uri, "memcached://%.249s", text);
    must_set(*state, "server", uri);
    snprintf(uri, sizeof uri, "memcached://%.250s", text);
    assert_int_equal(ringcache_config_add_server(*state, uri), RINGCACHE_ECONFIG);
    assert_non_null(strstr(ringcache_config_error(*state), "host:port is longer than a name's"));
    snprintf(uri, sizeof uri, "memcached://%.255s?name=n", text);
    must_set(*state, "server", uri);
    snprintf(uri, sizeof uri, "memcached://%.256s?name=n", text);
    must_refuse(
        *state, "server", uri, "server: memcached://***: the host is longer than 255 bytes");
    snprintf(uri, sizeof uri, "redis+unix:///%.106s", text);
    must_set(*state, "server", uri);
    snprintf(uri, sizeof uri, "redis+unix:///%.107s", text);
    must_refuse(*state, "server", uri,
        "server: redis+unix://***: the socket's path is longer than 107 bytes");
}

static void a_small_room_for_the_reason_cuts_it(void **state)
{
    (void)state;
    char why[8];
    struct rc_server_uri server;
    assert_int_equal(rc_server_uri_parse("redis://", &server, why, sizeof why), RINGCACHE_ECONFIG);
    assert_string_equal(why, "redis:/");
}

static void backends_are_the_same_whoever_asks_them(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"redis://h", "redis://h:6379?name=x&weight=7", true},
        {"redis://[::1]", "redis://[::1]:6379", true},
        {"redis://h", "redis://g", false},
        {"redis://h", "redis://h:1", false},
        {"redis://h", "redis://h/1", false},
        {"redis://h", "memcached://h:6379", false},
        {"redis://h", "redis://:x@h", true},
        {"redis://:y@h", "redis://:x@h", true},
        {"memcached://u:y@h", "memcached://u:x@h", true},
        {"memcached://u:x@h", "memcached://h", true},
        {"redis://u:x@h", "redis://:x@h", true},
        {"redis+unix:///s", "redis+unix:///s?name=x", true},
        {"redis+unix:///s", "redis+unix:///t", false},
        {"redis+unix:///s", "redis://s", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rc_server_uri a;
        struct rc_server_uri b;
        parse(rows[i].a, &a);
        parse(rows[i].b, &b);
        assert_int_equal(rc_server_uri_same_backend(&a, &b), rows[i].same);
        assert_int_equal(rc_server_uri_same_backend(&b, &a), rows[i].same);
        rc_server_uri_deinit(&a);
        rc_server_uri_deinit(&b);
    }
}

static void credentials_are_user_and_password(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"redis://h", "redis://g:1/2", true},
        {"redis://u:x@h", "redis://u:x@g", true},
        {"redis://h", "redis://:x@h", false},
        {"redis://:y@h", "redis://:x@h", false},
        {"redis://u:x@h", "redis://:x@h", false},
        {"redis://u:x@h", "redis://v:x@h", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rc_server_uri a;
        struct rc_server_uri b;
        parse(rows[i].a, &a);
        parse(rows[i].b, &b);
        assert_int_equal(rc_server_uri_same_credentials(&a, &b), rows[i].same);
        assert_int_equal(rc_server_uri_same_credentials(&b, &a), rows[i].same);
        rc_server_uri_deinit(&a);
        rc_server_uri_deinit(&b);
    }
}

static void servers_keep_their_order_and_reach_the_topology(void **state)
{
    must_set(*state, "server", "memcached://b?weight=2");
    must_set(*state, "server", "redis+unix:///a");
    must_set(*state, "server", "redis://:x@c/1?name=n");
    struct rc_topology topology;
    struct rc_member members[3];
    assert_int_equal(rc_config_server_count(*state), 3);
    rc_config_topology(*state, RC_ROLE_ANY, &topology, members);
    assert_ptr_equal(topology.members, members);
    assert_int_equal(topology.count, 3);
    assert_string_equal(members[0].name, "b:11211");
    assert_int_equal(members[0].weight, 2);
    assert_string_equal(members[1].name, "/a");
    assert_true(members[1].is_path);
    assert_string_equal(members[2].name, "n");
    assert_string_equal(members[2].host, "c");
    assert_true(members[2].named);
    assert_string_equal(rc_config_server(*state, 2)->password, "x");
    assert_string_equal(rc_config_server(*state, 2)->place, "");
}

static void a_server_is_removed_by_its_name_and_the_others_stay(void **state)
{
    must_set(*state, "server", "memcached://a");
    must_set(*state, "server", "redis://:secret@b?name=n");
    must_set(*state, "server", "redis+unix:///c");
    assert_int_equal(ringcache_config_remove_server(*state, "b:6379"), RINGCACHE_EINVAL);
    assert_string_equal(ringcache_config_error(*state), "no server has this name");
    assert_int_equal(ringcache_config_remove_server(*state, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_config_remove_server(NULL, "n"), RINGCACHE_EINVAL);
    assert_int_equal(rc_config_server_count(*state), 3);
    assert_int_equal(ringcache_config_remove_server(*state, "n"), 0);
    assert_int_equal(ringcache_config_remove_server(*state, "n"), RINGCACHE_EINVAL);
    assert_int_equal(rc_config_server_count(*state), 2);
    assert_string_equal(rc_config_server(*state, 0)->member.name, "a:11211");
    assert_string_equal(rc_config_server(*state, 1)->member.name, "/c");
    assert_int_equal(ringcache_config_remove_server(*state, "/c"), 0);
    assert_int_equal(ringcache_config_remove_server(*state, "a:11211"), 0);
    assert_int_equal(rc_config_server_count(*state), 0);
    must_set(*state, "server", "memcached://a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_uri_becomes_the_server_it_describes),
        cmocka_unit_test(a_display_without_password_parses_to_the_same_server),
        cmocka_unit_test(a_copy_is_equal_and_its_own),
        cmocka_unit_test(a_malformed_uri_is_refused_with_its_reason),
        with_config(a_refused_uri_changes_nothing_and_is_told_with_its_option),
        with_config(no_error_shows_a_password),
        cmocka_unit_test(no_slip_of_one_byte_shows_a_password),
        cmocka_unit_test(foreign_bytes_are_escaped_in_a_display),
        with_config(the_lengths_of_a_name_a_host_and_a_path_are_bounded),
        cmocka_unit_test(a_small_room_for_the_reason_cuts_it),
        cmocka_unit_test(backends_are_the_same_whoever_asks_them),
        cmocka_unit_test(credentials_are_user_and_password),
        with_config(servers_keep_their_order_and_reach_the_topology),
        with_config(a_server_is_removed_by_its_name_and_the_others_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

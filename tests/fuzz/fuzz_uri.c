/* SPDX-License-Identifier: MIT */
/* The URI of a server. Whatever it is, what is said of it shows no password and nothing that a
 * terminal would take for more than text; and the canonical form of one that was understood means
 * the same server. It ends at a zero byte, and a byte behind that says which allocation fails. */
#include "config/config.h"
#include "shortage.h"

enum { WHY_BYTES = 512 };

static const char secret[] = "Tr0ub4dor";

static void check_line(const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        FUZZ_MUST(*at >= 0x20 && *at < 0x7f);
    }
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void check_same(const struct rc_server_uri *a, const struct rc_server_uri *b)
{
    FUZZ_MUST(same_text(a->member.name, b->member.name));
    FUZZ_MUST(same_text(a->member.host, b->member.host));
    FUZZ_MUST(same_text(a->display, b->display));
    FUZZ_MUST(a->member.weight == b->member.weight && a->member.port == b->member.port);
    FUZZ_MUST(a->member.named == b->member.named && a->member.is_path == b->member.is_path);
    FUZZ_MUST(rc_server_uri_same_backend(a, b));
}

static void check_server(const struct rc_server_uri *server)
{
    char why[WHY_BYTES];
    struct rc_server_uri other;
    FUZZ_MUST(server->member.weight > 0 && server->member.name[0] != '\0');
    FUZZ_MUST(server->member.is_path == (server->member.port == 0));
    FUZZ_MUST(server->user == NULL || server->password != NULL);
    check_line(server->display);
    bool secretive = server->password != NULL && strstr(server->password, secret) != NULL;
    FUZZ_MUST(!secretive || strstr(server->display, secret) == NULL);
    other = rc_server_uri_copy(server);
    check_same(server, &other);
    rc_server_uri_deinit(&other);
    if (server->password == NULL) {
        FUZZ_MUST(rc_server_uri_parse(server->display, &other, why, sizeof why) == 0);
        check_same(server, &other);
        rc_server_uri_deinit(&other);
    }
}

static void parse(const char *uri, uint64_t starve)
{
    char why[WHY_BYTES] = "";
    struct rc_server_uri server;
    fuzz_starve(starve);
    int rc = rc_server_uri_parse(uri, &server, why, sizeof why);
    bool starved = fuzz_relent();
    FUZZ_MUST((rc == RINGCACHE_ENOMEM) == starved);
    if (rc == 0) {
        check_server(&server);
        rc_server_uri_deinit(&server);
        return;
    }
    FUZZ_MUST(starved || (rc == RINGCACHE_ECONFIG && why[0] != '\0'));
    FUZZ_MUST(strstr(why, secret) == NULL);
    check_line(why);
}

/* The same with a password at the place that has one: of the input, what stands in front of its
 * first blank is the user, and what stands behind is the rest. */
static void parse_with_secret(const char *input, uint64_t starve)
{
    static const char *const schemes[] = {
        "memcached://", "redis://", "memcached+unix://", "redis+unix://", "rediss://", ""};
    size_t user_len = strcspn(input, " ");
    const char *rest = input + user_len + (input[user_len] == ' ' ? 1 : 0);
    size_t size = strlen(input) + 64;
    char *uri = (char *)fuzz_copy(rc_slice(NULL, 0), size);
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        snprintf(uri, size, "%s%.*s:%s@%s", schemes[i], (int)user_len, input, secret, rest);
        parse(uri, starve);
    }
    free(uri);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *uri = (char *)fuzz_copy(rc_slice(bytes, len), 1);
    size_t end = strlen(uri);
    uint64_t starve = end + 1 < len ? bytes[end + 1] : 0;
    if (strstr(uri, secret) == NULL) {
        parse(uri, starve);
        parse_with_secret(uri, starve);
    }
    free(uri);
    return 0;
}

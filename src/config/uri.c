/* SPDX-License-Identifier: MIT */
/* scheme://[user[:password]@]host[:port][/db][?name=value&name=value]
 * scheme+unix://[user[:password]@]/path[?name=value&name=value]
 *
 * First the text is cut into pieces, then each piece becomes a part of the server. A refusal shows
 * the parts that exist so far, never a piece, so that a password that stands where another piece
 * was expected is not shown either. */
#include "config/uri.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/alloc.h"
#include "base/number.h"
#include "base/percent.h"

enum {
    NAME_MAX_BYTES = 255,
    PATH_MAX_BYTES = 107, /* sun_path holds 108 with its NUL */
    PORT_MAX = 65535,
    DATABASE_MAX = 2147483647,
};

struct scheme {
    const char *name;
    enum rc_protocol protocol;
    uint16_t port; /* the default */
    bool is_path;
    bool tls;
};

static const struct scheme schemes[] = {
    {"memcached", RC_PROTOCOL_MEMCACHED, 11211, false, false},
    {"redis", RC_PROTOCOL_REDIS, 6379, false, false},
    {"memcached+unix", RC_PROTOCOL_MEMCACHED, 0, true, false},
    {"redis+unix", RC_PROTOCOL_REDIS, 0, true, false},
    {"memcacheds", RC_PROTOCOL_MEMCACHED, 11211, false, true},
    {"rediss", RC_PROTOCOL_REDIS, 6379, false, true},
};

struct parse {
    const struct scheme *scheme; /* NULL until known */
    struct rc_slice credentials, host, port, path, query;
    bool has_credentials, has_port, has_query;
    bool stray_at; /* an '@' behind the authority: perhaps all in front of it is a password */
    bool weighted;
    char *name;                  /* given by name=, else NULL */
    struct rc_server_uri server; /* its parts appear as they are understood */
    struct rc_message *why;
};

static void add_credentials(struct rc_message *text, const struct rc_server_uri *server)
{
    if (server->password == NULL) { /* which is empty with a user alone */
        return;
    }
    /* A user without a password may be a password whose colon was forgotten. */
    if (server->password[0] == '\0') {
        rc_message_add(text, "***@");
        return;
    }
    if (server->user != NULL) {
        rc_message_add_encoded(text, rc_slice_text(server->user));
    }
    rc_message_add(text, ":***@");
}

/* A host stands as it was written, so that %25 in it stays one; a path was decoded. */
static void add_host(struct rc_message *text, const struct rc_server_uri *server)
{
    struct rc_slice host = rc_slice_text(server->member.host);
    if (server->member.is_path) {
        rc_message_add_encoded(text, host);
    } else {
        rc_message_add_shown(text, host);
    }
}

static void add_target(struct rc_message *text, const struct rc_server_uri *server)
{
    add_host(text, server);
    if (!server->member.is_path) {
        rc_message_add(text, ":");
        rc_message_add_number(text, server->member.port);
    }
}

static void add_database(struct rc_message *text, const struct rc_server_uri *server)
{
    if (server->database > 0) {
        rc_message_add(text, server->member.is_path ? "?db=" : "/");
        rc_message_add_number(text, server->database);
    }
}

/* The whole URI of a server in its canonical form, the password replaced. */
static void add_display(struct rc_message *text, const struct parse *p)
{
    const struct rc_server_uri *server = &p->server;
    bool asked = server->member.is_path && server->database > 0;
    rc_message_add(text, p->scheme->name);
    rc_message_add(text, "://");
    add_credentials(text, server);
    add_target(text, server);
    add_database(text, server);
    if (server->member.named) {
        rc_message_add(text, asked ? "&name=" : "?name=");
        rc_message_add_encoded(text, rc_slice_text(server->member.name));
        asked = true;
    }
    if (p->weighted) {
        rc_message_add(text, asked ? "&weight=" : "?weight=");
        rc_message_add_number(text, server->member.weight);
        asked = true;
    }
    if (server->role == RC_ROLE_SPARE) {
        rc_message_add(text, asked ? "&pool=gutter" : "?pool=gutter");
    }
}

/* What was understood so far. Without credentials, what stands as the port may be the start of a
 * password whose host was forgotten. */
static void add_understood(struct rc_message *text, const struct parse *p)
{
    const struct rc_server_uri *server = &p->server;
    if (p->scheme == NULL) {
        rc_message_add(text, "***");
        return;
    }
    rc_message_add(text, p->scheme->name);
    rc_message_add(text, "://");
    if (server->member.host == NULL || p->stray_at) {
        rc_message_add(text, "***");
        return;
    }
    add_credentials(text, server);
    bool doubtful = p->has_port && !p->has_credentials;
    if (!server->member.is_path && (doubtful || server->member.port == 0)) {
        add_host(text, server);
        rc_message_add(text, ":***");
        return;
    }
    add_target(text, server);
}

static int refuse(const struct parse *p, const char *reason)
{
    add_understood(p->why, p);
    rc_message_add(p->why, ": ");
    rc_message_add(p->why, reason);
    if (p->stray_at) {
        rc_message_add(p->why, " (in a user or password, '/' is written %2F and '?' %3F)");
    }
    return RINGCACHE_ECONFIG;
}

static struct rc_slice from(struct rc_slice text, size_t at)
{
    return rc_slice(text.data + at, text.len - at);
}

/* Undo percent-encoding; `*out` is untouched on failure, and what was written is wiped. */
static int decode(const struct parse *p, struct rc_slice raw, char **out)
{
    char *text = rc_alloc(raw.len + 1);
    if (text == NULL) {
        return RINGCACHE_ENOMEM;
    }
    size_t len = 0;
    for (struct rc_slice rest = raw; rest.len > 0; len++) {
        unsigned char byte = 0;
        size_t written = rc_percent_read(rest, &byte);
        if (written == 0 || byte == 0) {
            rc_wipe(text, len);
            rc_free(text);
            return refuse(p, "a '%' is followed by two hexadecimal digits, and never by 00");
        }
        text[len] = (char)byte;
        rest = from(rest, written);
    }
    text[len] = '\0';
    *out = text;
    return 0;
}

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            return true;
        }
    }
    return false;
}

static size_t find_any(struct rc_slice text, const char *stops)
{
    size_t at = 0;
    while (at < text.len && strchr(stops, text.data[at]) == NULL) {
        at++;
    }
    return at;
}

/* Bytes that a URI never has raw: they are told before anything is cut, and end strings safely. */
static int check_bytes(const struct parse *p, struct rc_slice uri)
{
    for (size_t i = 0; i < uri.len; i++) {
        if (uri.data[i] <= 0x20 || uri.data[i] == 0x7f) {
            return refuse(p, "a blank or control byte is written %XX");
        }
    }
    return 0;
}

static int find_scheme(struct parse *p, struct rc_slice uri, struct rc_slice *rest)
{
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        size_t len = strlen(schemes[i].name);
        if (rc_slice_starts(uri, schemes[i].name) && rc_slice_starts(from(uri, len), "://")) {
            p->scheme = &schemes[i];
            p->server.protocol = schemes[i].protocol;
            p->server.member.is_path = schemes[i].is_path;
            *rest = from(uri, len + 3);
            return schemes[i].tls ? refuse(p, "TLS is not offered by this version yet") : 0;
        }
    }
    return refuse(
        p, "a server's URI begins with memcached://, redis://, memcached+unix:// or redis+unix://");
}

static int cut_credentials(struct parse *p, struct rc_slice *authority)
{
    const unsigned char *at = memrchr(authority->data, '@', authority->len);
    if (at == NULL) {
        return 0;
    }
    size_t len = (size_t)(at - authority->data);
    p->has_credentials = true;
    p->credentials = rc_slice(authority->data, len);
    *authority = from(*authority, len + 1);
    if (memchr(p->credentials.data, '@', len) != NULL) {
        return refuse(p, "an '@' in a user or password is written %40");
    }
    return 0;
}

static int cut_host_and_port(struct parse *p, struct rc_slice authority)
{
    size_t end = find_any(authority, ":");
    if (authority.len > 0 && authority.data[0] == '[') {
        end = find_any(authority, "]");
        if (end == authority.len) {
            return refuse(p, "the '[' of an IPv6 address has no ']'");
        }
        end++;
    }
    p->host = rc_slice(authority.data, end);
    if (end == authority.len) {
        return 0;
    }
    if (authority.data[end] != ':') {
        return refuse(p, "after the ']' of an IPv6 address comes a ':' and the port, or nothing");
    }
    p->port = from(authority, end + 1);
    p->has_port = true;
    if (memchr(p->port.data, ':', p->port.len) != NULL) {
        return refuse(p, "a host has one ':' in front of its port, and an IPv6 address brackets");
    }
    return 0;
}

/* The pieces, none of them looked into. */
static int cut(struct parse *p, struct rc_slice uri)
{
    struct rc_slice rest = uri;
    int rc = check_bytes(p, uri);
    if (rc == 0) {
        rc = find_scheme(p, uri, &rest);
    }
    if (rc != 0) {
        return rc;
    }
    if (memchr(rest.data, '#', rest.len) != NULL) {
        return refuse(p, "a server's URI has no fragment; a '#' is written %23");
    }
    size_t authority_end = find_any(rest, "/?");
    size_t path_end = authority_end + find_any(from(rest, authority_end), "?");
    struct rc_slice authority = rc_slice(rest.data, authority_end);
    p->path = rc_slice(rest.data + authority_end, path_end - authority_end);
    p->has_query = path_end < rest.len;
    p->query = p->has_query ? from(rest, path_end + 1) : rc_slice(NULL, 0);
    p->stray_at = memchr(rest.data + authority_end, '@', rest.len - authority_end) != NULL;
    rc = cut_credentials(p, &authority);
    return rc == 0 ? cut_host_and_port(p, authority) : rc;
}

/* memcached reads both as the words of one line. */
static int check_memcached_credentials(const struct parse *p)
{
    const char *user = p->server.user, *password = p->server.password;
    if (user == NULL || password[0] == '\0') {
        return refuse(p, "a memcached server takes a user and a password, or neither");
    }
    if (has_control(user) || has_control(password) || strchr(user, ' ') != NULL ||
        strchr(password, ' ') != NULL) {
        return refuse(p, "memcached takes no blank or control byte in a user or password");
    }
    return 0;
}

static int read_credentials(struct parse *p)
{
    if (!p->has_credentials) {
        return 0;
    }
    size_t user_len = find_any(p->credentials, ":");
    bool colon = user_len < p->credentials.len;
    /* A user alone authenticates with an empty password, which Redis takes for `nopass` users. */
    struct rc_slice password = from(p->credentials, colon ? user_len + 1 : user_len);
    if (user_len == 0 && password.len == 0) {
        return refuse(p, "the password is empty");
    }
    int rc = decode(p, password, &p->server.password);
    if (rc == 0 && user_len > 0) {
        rc = decode(p, rc_slice(p->credentials.data, user_len), &p->server.user);
    }
    bool memcached = p->scheme->protocol == RC_PROTOCOL_MEMCACHED;
    return rc == 0 && memcached ? check_memcached_credentials(p) : rc;
}

/* An address between brackets, with or without its %zone. */
static bool is_ipv6(const char *address)
{
    char digits[INET6_ADDRSTRLEN];
    struct in6_addr parsed;
    size_t len = strcspn(address, "%");
    if (len >= sizeof digits || (address[len] == '%' && address[len + 1] == '\0')) {
        return false;
    }
    memcpy(digits, address, len);
    digits[len] = '\0';
    return inet_pton(AF_INET6, digits, &parsed) == 1 && !has_control(address + len);
}

static bool is_host_name(const char *address)
{
    static const char bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    return address[strspn(address, bytes)] == '\0';
}

static int read_host(struct parse *p)
{
    if (p->host.len == 0) {
        return refuse(p, "the host is empty");
    }
    if (p->host.len > NAME_MAX_BYTES) {
        return refuse(p, "the host is longer than 255 bytes");
    }
    bool bracketed = p->host.data[0] == '[';
    struct rc_slice inside = bracketed ? rc_slice(p->host.data + 1, p->host.len - 2) : p->host;
    int rc = decode(p, inside, &p->server.address);
    if (rc != 0) {
        return rc;
    }
    if (bracketed && !(rc_slice_is_ascii(inside) && is_ipv6(p->server.address))) {
        return refuse(p, "what stands in brackets is not an IPv6 address");
    }
    if (!bracketed && !is_host_name(p->server.address)) {
        return refuse(p, "a host is letters, digits, '.', '-' and '_'");
    }
    p->server.member.host = rc_copy_text((const char *)p->host.data, p->host.len);
    return p->server.member.host != NULL ? 0 : RINGCACHE_ENOMEM;
}

static int read_port(struct parse *p)
{
    uint64_t port = p->scheme->port;
    if (p->has_port &&
        (!rc_number_parse(p->port.data, p->port.len, PORT_MAX, &port) || port == 0)) {
        return refuse(p, "the port is not a number of 1..65535");
    }
    p->server.member.port = (uint16_t)port;
    return 0;
}

static int read_database(struct parse *p, struct rc_slice text)
{
    uint64_t database;
    if (!rc_number_parse(text.data, text.len, DATABASE_MAX, &database)) {
        return refuse(p, "the database is not a number of 0..2147483647");
    }
    p->server.database = (uint32_t)database;
    return 0;
}

static int read_socket_path(struct parse *p)
{
    if (p->host.len > 0 || p->has_port) {
        return refuse(p, "a socket has a path and no host: scheme:///path");
    }
    if (p->path.len < 2) {
        return refuse(p, "the socket's path is empty");
    }
    int rc = decode(p, p->path, &p->server.address);
    if (rc != 0) {
        return rc;
    }
    if (has_control(p->server.address)) {
        return refuse(p, "the socket's path holds a control byte");
    }
    if (strlen(p->server.address) > PATH_MAX_BYTES) {
        return refuse(p, "the socket's path is longer than 107 bytes");
    }
    p->server.member.host = rc_copy_text(p->server.address, strlen(p->server.address));
    return p->server.member.host != NULL ? 0 : RINGCACHE_ENOMEM;
}

static int read_target(struct parse *p)
{
    if (p->scheme->is_path) {
        return read_socket_path(p);
    }
    int rc = read_host(p);
    if (rc == 0) {
        rc = read_port(p);
    }
    if (rc != 0 || p->path.len < 2) {
        return rc;
    }
    if (p->scheme->protocol == RC_PROTOCOL_MEMCACHED) {
        return refuse(p, "a memcached server has no databases, so nothing follows the '/'");
    }
    return read_database(p, from(p->path, 1));
}

static int read_name(struct parse *p, struct rc_slice value)
{
    int rc = decode(p, value, &p->name);
    if (rc != 0) {
        return rc;
    }
    size_t len = strlen(p->name);
    if (len == 0 || len > NAME_MAX_BYTES || has_control(p->name)) {
        return refuse(p, "a name is 1..255 bytes, none of them a control byte");
    }
    return 0;
}

static int read_weight(struct parse *p, struct rc_slice value)
{
    uint64_t weight;
    if (!rc_number_parse(value.data, value.len, UINT32_MAX, &weight) || weight == 0) {
        return refuse(p, "the weight is not a number of 1..4294967295");
    }
    p->server.member.weight = (uint32_t)weight;
    p->weighted = true;
    return 0;
}

static int refuse_parameter(const struct parse *p, struct rc_slice key, bool with_db)
{
    add_understood(p->why, p);
    rc_message_add(p->why, ": the parameter ");
    rc_message_add_quoted(
        p->why, rc_message_is_word(key) && !p->stray_at ? key : rc_slice_text("***"));
    rc_message_add(p->why,
        with_db ? " is not one of name, weight, pool, db" : " is not one of name, weight, pool");
    return RINGCACHE_ECONFIG;
}

static int read_pool(struct parse *p, struct rc_slice value)
{
    if (rc_slice_equal(value, rc_slice_text("gutter"))) {
        p->server.role = RC_ROLE_SPARE;
        return 0;
    }
    add_understood(p->why, p);
    rc_message_add(p->why, ": the pool is ");
    rc_message_add_value(p->why, p->stray_at ? rc_slice_text("***") : value);
    rc_message_add(p->why, ", and the only one with a name is \"gutter\"");
    return RINGCACHE_ECONFIG;
}

static int read_parameter(struct parse *p, struct rc_slice pair, unsigned *seen)
{
    static const char *const known[] = {"name", "weight", "db", "pool"};
    bool with_db = p->scheme->is_path && p->scheme->protocol == RC_PROTOCOL_REDIS;
    size_t key_len = find_any(pair, "=");
    struct rc_slice key = rc_slice(pair.data, key_len);
    if (key_len == pair.len) {
        return refuse(p, "a parameter is name=value");
    }
    unsigned which = 0;
    while (which < 4 && !rc_slice_equal(key, rc_slice_text(known[which]))) {
        which++;
    }
    if (which == 4 || (which == 2 && !with_db)) {
        return refuse_parameter(p, key, with_db);
    }
    if ((*seen & 1U << which) != 0) {
        return refuse(p, "a parameter is given twice");
    }
    *seen |= 1U << which;
    struct rc_slice value = from(pair, key_len + 1);
    switch (which) {
    case 0:
        return read_name(p, value);
    case 1:
        return read_weight(p, value);
    case 2:
        return read_database(p, value);
    default:
        return read_pool(p, value);
    }
}

static int read_query(struct parse *p)
{
    unsigned seen = 0;
    struct rc_slice rest = p->query;
    while (p->has_query) {
        size_t end = find_any(rest, "&");
        int rc = read_parameter(p, rc_slice(rest.data, end), &seen);
        if (rc != 0 || end == rest.len) {
            return rc;
        }
        rest = from(rest, end + 1);
    }
    return 0;
}

/* The default name: always with the port, so that it does not change when a default is spelled
 * out. */
static int default_name(struct parse *p)
{
    char room[NAME_MAX_BYTES + 8];
    struct rc_message text = rc_message_start(room, sizeof room);
    rc_message_add(&text, p->server.member.host);
    if (!p->scheme->is_path) {
        rc_message_add(&text, ":");
        rc_message_add_number(&text, p->server.member.port);
    }
    if (text.len > NAME_MAX_BYTES) {
        return refuse(p, "host:port is longer than a name's 255 bytes; give it a name=");
    }
    p->name = rc_copy_text(room, text.len);
    return p->name != NULL ? 0 : RINGCACHE_ENOMEM;
}

static int settle_name(struct parse *p)
{
    p->server.member.named = p->name != NULL;
    int rc = p->name == NULL ? default_name(p) : 0;
    p->server.member.name = p->name;
    p->name = NULL;
    return rc;
}

static int make_display(struct parse *p)
{
    struct rc_message measure = rc_message_start(NULL, 0);
    add_display(&measure, p);
    p->server.display = rc_alloc(measure.len + 1);
    if (p->server.display == NULL) {
        return RINGCACHE_ENOMEM;
    }
    struct rc_message text = rc_message_start(p->server.display, measure.len + 1);
    add_display(&text, p);
    return 0;
}

static int count_references(struct parse *p)
{
    p->server.references = rc_alloc(sizeof *p->server.references);
    if (p->server.references == NULL) {
        return RINGCACHE_ENOMEM;
    }
    atomic_init(p->server.references, 1);
    return 0;
}

int rc_uri_parse(struct rc_slice uri, struct rc_server_uri *server, struct rc_message *why)
{
    static int (*const steps[])(struct parse *) = {
        read_credentials, read_target, read_query, settle_name, make_display, count_references};
    struct parse p = {.server = {.member.weight = 1, .role = RC_ROLE_OWNER}, .why = why};
    int rc = cut(&p, uri);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && rc == 0; i++) {
        rc = steps[i](&p);
    }
    if (rc != 0) {
        rc_free(p.name);
        rc_server_uri_deinit(&p.server);
        return rc;
    }
    *server = p.server;
    return 0;
}

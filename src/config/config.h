/* SPDX-License-Identifier: MIT */
#ifndef RC_CONFIG_CONFIG_H
#define RC_CONFIG_CONFIG_H

/* What a configuration says, for the layer that joins everything. The public verbs
 * (ringcache/config.h) are implemented in this layer. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring/topology.h"
#include "ringcache/config.h"

enum rc_protocol { RC_PROTOCOL_MEMCACHED, RC_PROTOCOL_REDIS };

/* What a server is there for: bits, so that one word also says which servers are meant. */
enum rc_role {
    RC_ROLE_OWNER = 1 << 0, /* it owns keys */
    RC_ROLE_SPARE = 1 << 1, /* pool=gutter: it stands in for owners, on a ring of spares */
    RC_ROLE_ANY = RC_ROLE_OWNER | RC_ROLE_SPARE,
};

/* One parsed server URI. Its texts never change, and are shared with its copies. */
struct rc_server_uri {
    struct rc_member member; /* name, host as written, port, weight */
    enum rc_role role;
    enum rc_protocol protocol;
    char *address;             /* host without brackets, percent-decoded; or the socket's path */
    char *user;                /* NULL: none */
    char *password;            /* NULL: none; wiped when freed */
    uint32_t database;         /* redis: SELECT; 0 is not sent */
    char *display;             /* the URI without its password, for messages */
    char *place;               /* "file:line:column", or "" when it came by a call */
    atomic_size_t *references; /* to the texts, from any thread */
};

enum rc_failover { RC_FAILOVER_NONE, RC_FAILOVER_REMAP, RC_FAILOVER_GUTTER };
enum rc_on_overflow { RC_ON_OVERFLOW_HOLD, RC_ON_OVERFLOW_FLUSH };
enum rc_integrity { RC_INTEGRITY_AUTO, RC_INTEGRITY_STRICT };
enum rc_dialect { RC_DIALECT_AUTO, RC_DIALECT_META, RC_DIALECT_CLASSIC };

enum { RC_NAMESPACE_MAX_BYTES = 200 };

/* The values of the options that are not placement. */
struct rc_settings {
    uint32_t timeout_ms;
    uint32_t connect_timeout_ms;
    uint32_t fence_limit_ms;
    uint32_t connections;
    uint32_t max_inflight;
    uint32_t hold_back; /* requests in flight; 0: never */
    uint64_t max_queued_bytes;
    uint64_t max_value_bytes;
    uint32_t failover_ttl_ms;
    uint32_t journal_entries;
    uint32_t failover_budget; /* per cent */
    enum rc_failover failover;
    enum rc_on_overflow on_overflow;
    enum rc_integrity integrity;
    enum rc_dialect dialect; /* option `protocol` */
    uint32_t single_flight;  /* 0 or 1 */
    uint32_t merge_gets;     /* 0 or 1 */
    uint32_t leases;         /* 0 or 1 */
};

const struct rc_settings *rc_config_settings(const ringcache_config *config);
size_t rc_config_server_count(const ringcache_config *config);
const struct rc_server_uri *rc_config_server(const ringcache_config *config, size_t index);
/* The server of this name, or SIZE_MAX. */
size_t rc_config_find(const ringcache_config *config, const char *name);
/* Whether the distribution allows it shows at the next check. */
void rc_config_set_weight(ringcache_config *config, size_t index, uint32_t weight);
/* Condenses what besides the servers tells where on a ring a key is: hash, tag and namespace. */
uint64_t rc_config_key_digest(const ringcache_config *config);
/* How many points, or slots of a modulo table, the rings of it have together. */
uint64_t rc_config_points(const ringcache_config *config);
/* What goes in front of every key; borrowed. */
struct rc_slice rc_config_namespace(const ringcache_config *config);

/* The placement half, borrowed from `config`: `members` (room for rc_config_server_count) is filled
 * with a copy of the member of each server in one of these roles, in order, and becomes
 * topology->members. */
void rc_config_topology(const ringcache_config *config, enum rc_role roles,
    struct rc_topology *topology, struct rc_member *members);

/* Parse one URI on its own (the client's ringcache_server_add). 0, RINGCACHE_ECONFIG with a
 * sentence in `why`, or RINGCACHE_ENOMEM. `*server` is owned by the caller. */
int rc_server_uri_parse(const char *uri, struct rc_server_uri *server, char *why, size_t why_size);
struct rc_server_uri rc_server_uri_copy(const struct rc_server_uri *server);
void rc_server_uri_deinit(struct rc_server_uri *server);
/* Same address, protocol and database: do both hold the same items? */
bool rc_server_uri_same_backend(const struct rc_server_uri *a, const struct rc_server_uri *b);
bool rc_server_uri_same_credentials(const struct rc_server_uri *a, const struct rc_server_uri *b);

/* A copy, for the client that outlives the caller's. 0 or RINGCACHE_ENOMEM. */
int rc_config_copy(ringcache_config **to, const ringcache_config *from);

/* ringcache_config_check for a configuration that is const: no warnings are collected. 0,
 * RINGCACHE_ECONFIG or RINGCACHE_ENOMEM, the reason in ringcache_config_error. */
int rc_config_check(const ringcache_config *config);

/* Let ringcache_config_error(config) say `text` (cut at 511 bytes). The text is the one mutable
 * part of a configuration that is otherwise const. */
void rc_config_set_error(const ringcache_config *config, const char *text);

#endif

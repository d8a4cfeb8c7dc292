/* SPDX-License-Identifier: MIT */
/* What only the whole configuration shows. Errors are the ring's to find; the warnings are rules of
 * this file, one function each: things that work, but rarely as they are meant. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "config/state.h"

enum { FEW_POINTS = 100, FEW_ENTRIES = 10000 };

static int keep_warning(ringcache_config *config, const char *text)
{
    if (config->warning_count == config->warning_room) {
        size_t room = config->warning_room > 0 ? config->warning_room * 2 : 8;
        char **warnings = rc_resize(config->warnings, room, sizeof *warnings);
        if (warnings == NULL) {
            return RINGCACHE_ENOMEM;
        }
        config->warnings = warnings;
        config->warning_room = room;
    }
    char *copy = rc_copy_text(text, strlen(text));
    if (copy == NULL) {
        return RINGCACHE_ENOMEM;
    }
    config->warnings[config->warning_count++] = copy;
    return 0;
}

static void add_place(struct rc_message *text, const char *place, const char *option)
{
    if (place[0] != '\0') {
        rc_message_add(text, place);
        rc_message_add(text, ": ");
    }
    rc_message_add(text, option);
    rc_message_add(text, ": ");
}

static int warn_option(ringcache_config *config, const char *option, const char *reason)
{
    char room[RC_CONFIG_ERROR_SIZE];
    struct rc_message text = rc_message_start(room, sizeof room);
    add_place(&text, rc_config_origin(config, option), option);
    rc_message_add(&text, reason);
    return keep_warning(config, room);
}

static int warn_server(
    ringcache_config *config, const struct rc_server_uri *server, const char *reason)
{
    char room[RC_CONFIG_ERROR_SIZE];
    struct rc_message text = rc_message_start(room, sizeof room);
    add_place(&text, server->place, "server");
    rc_message_add_quoted(&text, rc_slice_text(server->member.name));
    rc_message_add(&text, reason);
    return keep_warning(config, room);
}

static bool is_modulo(enum rc_distribution distribution)
{
    return distribution == RC_DISTRIBUTION_MODULA ||
           distribution == RC_DISTRIBUTION_TWEMPROXY_MODULA;
}

static size_t count_of(const ringcache_config *config, enum rc_role role)
{
    size_t count = 0;
    for (size_t i = 0; i < config->server_count; i++) {
        count += config->servers[i].role == role;
    }
    return count;
}

static int no_server(ringcache_config *config)
{
    if (count_of(config, RC_ROLE_OWNER) > 0) {
        return 0;
    }
    return warn_option(config, "server",
        config->server_count > 0 ? "all are spares, so every request ends with ENOSERVER"
                                 : "there is none, so every request ends with ENOSERVER");
}

static int short_hash(ringcache_config *config)
{
    enum rc_hash hash = rc_values_hash(&config->values);
    if (is_modulo(config->values.distribution) || rc_hash_bits(hash) >= 32) {
        return 0;
    }
    return warn_option(config, "hash",
        "crc has 15 bits, so that on a ring of points nearly all keys fall on one server");
}

static int few_points(ringcache_config *config)
{
    const struct rc_values *values = &config->values;
    if (values->distribution != RC_DISTRIBUTION_RING || values->points >= FEW_POINTS ||
        count_of(config, RC_ROLE_OWNER) < 2) {
        return 0;
    }
    return warn_option(config, "points",
        "with fewer than 100 points the servers' shares of the keys differ widely");
}

static bool was_set(const ringcache_config *config, const char *option)
{
    return config->origins[rc_option_index(rc_option_find(rc_slice_text(option)))] != NULL;
}

static int idle_points(ringcache_config *config)
{
    if (config->values.distribution == RC_DISTRIBUTION_RING || !was_set(config, "points")) {
        return 0;
    }
    return warn_option(config, "points", "it counts for the distribution ring alone");
}

static int idle_namespace_hash(ringcache_config *config)
{
    if (config->values.hash_namespace == 0 || config->values.name_space != NULL) {
        return 0;
    }
    return warn_option(config, "hash_namespace", "there is no namespace to hash");
}

static int idle_failover_bounds(ringcache_config *config)
{
    static const char *const bounds[] = {"failover_ttl_ms", "failover_budget"};
    bool idle = config->values.settings.failover == RC_FAILOVER_NONE;
    int rc = 0;
    for (size_t i = 0; idle && rc == 0 && i < sizeof bounds / sizeof *bounds; i++) {
        if (was_set(config, bounds[i])) {
            rc = warn_option(config, bounds[i], "with failover = none it has no effect");
        }
    }
    return rc;
}

static int idle_failover(ringcache_config *config)
{
    const struct rc_settings *settings = &config->values.settings;
    if (settings->failover == RC_FAILOVER_NONE || settings->journal_entries > 0) {
        return 0;
    }
    return warn_option(config, "failover", "with journal_entries = 0 no other server is asked");
}

/* No error: the last spare may have to leave before the next one joins. */
static int no_spare(ringcache_config *config)
{
    if (config->values.settings.failover != RC_FAILOVER_GUTTER ||
        count_of(config, RC_ROLE_SPARE) > 0) {
        return 0;
    }
    return warn_option(
        config, "failover", "there is no spare server (pool=gutter), so no other server is asked");
}

static int idle_spares(ringcache_config *config)
{
    int rc = 0;
    bool idle = config->values.settings.failover != RC_FAILOVER_GUTTER;
    for (size_t i = 0; idle && rc == 0 && i < config->server_count; i++) {
        const struct rc_server_uri *server = &config->servers[i];
        if (server->role == RC_ROLE_SPARE) {
            rc = warn_server(
                config, server, " is a spare, which only failover = gutter asks for anything");
        }
    }
    return rc;
}

static bool has_redis(const ringcache_config *config)
{
    size_t i = 0;
    while (i < config->server_count && config->servers[i].protocol != RC_PROTOCOL_REDIS) {
        i++;
    }
    return i < config->server_count;
}

static int small_journal(ringcache_config *config)
{
    const struct rc_settings *settings = &config->values.settings;
    if (settings->journal_entries == 0) {
        return warn_option(config, "journal_entries",
            "with 0, values that were overwritten while their server was out are served again");
    }
    bool held = has_redis(config) && settings->on_overflow == RC_ON_OVERFLOW_HOLD;
    if (settings->journal_entries >= FEW_ENTRIES || !held) {
        return 0;
    }
    return warn_option(config, "journal_entries",
        "an outage under writes soon fills that few, and a Redis then stays out of service until "
        "it is readmitted");
}

static int idle_on_overflow(ringcache_config *config)
{
    const struct rc_values *values = &config->values;
    if (values->settings.on_overflow != RC_ON_OVERFLOW_FLUSH) {
        return 0;
    }
    if (values->name_space != NULL) {
        return warn_option(config, "on_overflow",
            "with a namespace nothing is flushed, since that would wipe what lies outside");
    }
    return values->settings.journal_entries > 0
               ? 0
               : warn_option(config, "on_overflow", "with journal_entries = 0 it has no effect");
}

static int value_beyond_queue(ringcache_config *config)
{
    const struct rc_settings *settings = &config->values.settings;
    if (settings->max_value_bytes <= settings->max_queued_bytes) {
        return 0;
    }
    return warn_option(config, "max_value_bytes",
        "it is above max_queued_bytes, so that the largest values can be read but not written");
}

static int idle_weights(ringcache_config *config)
{
    if (config->values.distribution != RC_DISTRIBUTION_MODULA) {
        return 0;
    }
    for (size_t i = 0; i < config->server_count; i++) {
        const struct rc_server_uri *server = &config->servers[i];
        int rc =
            server->member.weight == 1
                ? 0
                : warn_server(config, server, " has a weight, which does not count with modula");
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static uint64_t weight_of(const ringcache_config *config, enum rc_role role)
{
    uint64_t weight = 0;
    for (size_t i = 0; i < config->server_count; i++) {
        weight += config->servers[i].role == role ? config->servers[i].member.weight : 0;
    }
    return weight;
}

/* Some dialects give a server floor(weight / total * 40 * servers) groups of points, computed in
 * single precision; a light one gets none. */
static int weightless_of(ringcache_config *config, enum rc_role role)
{
    float total = (float)weight_of(config, role), count = (float)count_of(config, role);
    for (size_t i = 0; i < config->server_count; i++) {
        const struct rc_server_uri *server = &config->servers[i];
        float share = (float)server->member.weight / total;
        float groups = share * 160.0F / 4.0F * count + 1e-10F;
        int rc = server->role != role || groups >= 1.0F
                     ? 0
                     : warn_server(
                           config, server, " weighs too little to get a point, so it gets no keys");
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int weightless(ringcache_config *config)
{
    enum rc_distribution distribution = config->values.distribution;
    if (distribution != RC_DISTRIBUTION_KETAMA && distribution != RC_DISTRIBUTION_SPY &&
        distribution != RC_DISTRIBUTION_TWEMPROXY) {
        return 0;
    }
    int rc = weightless_of(config, RC_ROLE_OWNER);
    return rc == 0 ? weightless_of(config, RC_ROLE_SPARE) : rc;
}

static bool is_loopback(const struct rc_server_uri *server)
{
    struct in_addr v4;
    struct in6_addr v6;
    if (server->member.is_path || strcmp(server->address, "localhost") == 0) {
        return true;
    }
    if (inet_pton(AF_INET, server->address, &v4) == 1) {
        return ntohl(v4.s_addr) >> 24 == 127;
    }
    return inet_pton(AF_INET6, server->address, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

static int plain_passwords(ringcache_config *config)
{
    for (size_t i = 0; i < config->server_count; i++) {
        const struct rc_server_uri *server = &config->servers[i];
        int rc =
            server->password == NULL || is_loopback(server)
                ? 0
                : warn_server(config, server, " gets its password over the network unencrypted");
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int compare_backends(const void *left, const void *right)
{
    const struct rc_server_uri *a = *(const struct rc_server_uri *const *)left;
    const struct rc_server_uri *b = *(const struct rc_server_uri *const *)right;
    int order = strcmp(a->address, b->address);
    if (order == 0) {
        order = (a->member.port > b->member.port) - (a->member.port < b->member.port);
    }
    if (order == 0) {
        order = (a->database > b->database) - (a->database < b->database);
    }
    /* The order of the configuration, which is that of the array they stand in. */
    return order != 0 ? order : (a > b) - (a < b);
}

static bool same_cache(const struct rc_server_uri *a, const struct rc_server_uri *b)
{
    return strcmp(a->address, b->address) == 0 && a->member.port == b->member.port &&
           a->database == b->database;
}

static int tell_twins(
    ringcache_config *config, const struct rc_server_uri *const *sorted, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        bool renamed = strcmp(sorted[i - 1]->member.name, sorted[i]->member.name) != 0;
        int rc = renamed && same_cache(sorted[i - 1], sorted[i])
                     ? warn_server(
                           config, sorted[i], " is the same server as one above, by another name")
                     : 0;
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

/* One server under two names counts twice; equal names are an error and told elsewhere. */
static int twins(ringcache_config *config)
{
    size_t count = config->server_count;
    const struct rc_server_uri **sorted = rc_resize(NULL, count, sizeof *sorted);
    if (sorted == NULL) {
        return RINGCACHE_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &config->servers[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_backends);
    int rc = tell_twins(config, sorted, count);
    rc_free(sorted);
    return rc;
}

static int (*const rules[])(ringcache_config *) = {
    no_server,
    short_hash,
    few_points,
    idle_points,
    idle_namespace_hash,
    idle_failover_bounds,
    idle_failover,
    no_spare,
    idle_spares,
    small_journal,
    idle_on_overflow,
    value_beyond_queue,
    idle_weights,
    weightless,
    plain_passwords,
    twins,
};

static void drop_warnings(ringcache_config *config)
{
    while (config->warning_count > 0) {
        rc_free(config->warnings[--config->warning_count]);
    }
}

static void tell_error(const ringcache_config *config, size_t member, const char *reason)
{
    char room[RC_CONFIG_ERROR_SIZE];
    struct rc_message text = rc_message_start(room, sizeof room);
    add_place(&text, member < config->server_count ? config->servers[member].place : "", "server");
    rc_message_add_shown(&text, rc_slice_text(reason)); /* it quotes names as they are */
    rc_config_set_error(config, room);
}

int rc_config_check_topology(const ringcache_config *config, size_t *member)
{
    struct rc_member *members = rc_resize(NULL, config->server_count, sizeof *members);
    if (members == NULL) {
        rc_config_set_error(config, ringcache_strerror(RINGCACHE_ENOMEM));
        return RINGCACHE_ENOMEM;
    }
    char reason[RC_CONFIG_ERROR_SIZE];
    struct rc_topology topology;
    size_t offender = SIZE_MAX;
    rc_config_topology(config, RC_ROLE_ANY, &topology, members);
    int rc = rc_topology_check(&topology, reason, sizeof reason, &offender);
    rc_free(members);
    if (rc == RINGCACHE_ECONFIG) {
        tell_error(config, offender, reason);
        *member = offender;
    } else if (rc != 0) {
        rc_config_set_error(config, ringcache_strerror(rc));
    }
    return rc;
}

int rc_config_check(const ringcache_config *config)
{
    size_t ignored;
    return rc_config_check_topology(config, &ignored);
}

int ringcache_config_check(ringcache_config *config)
{
    if (config == NULL) {
        return RINGCACHE_EINVAL;
    }
    drop_warnings(config);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        int rc = rules[i](config);
        if (rc != 0) {
            rc_config_set_error(config, ringcache_strerror(rc));
            return rc;
        }
    }
    return rc_config_check(config);
}

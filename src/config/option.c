/* SPDX-License-Identifier: MIT */
#include "config/option.h"

#include <string.h>

#include "base/alloc.h"
#include "base/number.h"

/* A choice's place in its list is its enum's value, and all of them are stored as 32 bits. */
_Static_assert(sizeof(enum rc_distribution) == sizeof(uint32_t), "distribution is 32 bits");
_Static_assert(sizeof(enum rc_failover) == sizeof(uint32_t), "failover is 32 bits");
_Static_assert(sizeof(enum rc_on_overflow) == sizeof(uint32_t), "on_overflow is 32 bits");
_Static_assert(sizeof(enum rc_integrity) == sizeof(uint32_t), "integrity is 32 bits");
_Static_assert(sizeof(enum rc_dialect) == sizeof(uint32_t), "dialect is 32 bits");

#define FIELD(field) offsetof(struct rc_values, field), sizeof(((struct rc_values *)0)->field)
#define NUMBER(name, field, unit, min, max, fallback, summary)                                     \
    {                                                                                              \
        {name, "number", unit, #min ".." #max, #fallback, summary}, RC_OPTION_NUMBER, min, max,    \
            FIELD(field)                                                                           \
    }
#define CHOICE(name, field, choices, fallback, summary)                                            \
    {                                                                                              \
        {name, "choice", "", choices, fallback, summary}, RC_OPTION_CHOICE, 0, 0, FIELD(field)     \
    }
#define SPECIAL(name, type, kind, range, fallback, summary)                                        \
    {                                                                                              \
        {name, type, "", range, fallback, summary}, kind, 0, 0, 0, 0                               \
    }

static const struct rc_option options[] = {
    SPECIAL("server", "uri", RC_OPTION_SERVER, "", "",
        "One more server, by its URI; may be given any number of times."),
    CHOICE("distribution", distribution,
        "ring|ketama|consistent|spy|modula|twemproxy|twemproxy_modula", "ring",
        "How keys are spread over the servers: ringcache's own ring, or the placement of another "
        "client."),
    SPECIAL("hash", "choice", RC_OPTION_HASH,
        "auto|xxh3|one_at_a_time|md5|crc|crc16|crc32a|fnv1_64|fnv1a_64|fnv1_32|fnv1a_32|hsieh|"
        "murmur|murmur3|jenkins",
        "auto", "The hash of keys; auto is the one that belongs to the distribution."),
    NUMBER("points", points, "points", 1, 65536, 512,
        "Points on the ring per unit of weight; of the distribution ring alone."),
    SPECIAL("hash_tag", "text", RC_OPTION_TAG, "", "",
        "Two characters, such as {}: only what stands between them in a key is hashed; empty means "
        "the whole key."),
    SPECIAL("namespace", "text", RC_OPTION_NAMESPACE, "", "",
        "Sent in front of every key: up to 200 bytes, no blanks, no control bytes."),
    CHOICE("hash_namespace", hash_namespace, "no|yes", "no",
        "Whether the namespace is hashed together with the key."),
    NUMBER("timeout_ms", settings.timeout_ms, "ms", 1, 3600000, 500,
        "Deadline of a request, with queueing and retries."),
    NUMBER("connect_timeout_ms", settings.connect_timeout_ms, "ms", 1, 3600000, 1000,
        "Deadline of a connection's making, with its authentication."),
    NUMBER("fence_limit_ms", settings.fence_limit_ms, "ms", 100, 60000, 10000,
        "How long a server that answers again is left out for an older connection with unanswered "
        "writes; from then on only their keys read as absent."),
    NUMBER("connections", settings.connections, "connections", 1, 64, 1,
        "Connections to each server; a key always uses the same one."),
    NUMBER("max_inflight", settings.max_inflight, "requests", 1, 1048576, 1024,
        "Unanswered requests on one connection before more are refused."),
    NUMBER("hold_back", settings.hold_back, "requests", 0, 1048576, 0,
        "Unanswered requests on one connection from which on small output waits, a millisecond at "
        "most, for replies that are due, so that one write carries more; 0 is never."),
    NUMBER("max_queued_bytes", settings.max_queued_bytes, "bytes", 65536, 68719476736, 67108864,
        "Bytes of requests that one client holds before more are refused."),
    NUMBER("max_value_bytes", settings.max_value_bytes, "bytes", 1, 536870912, 67108864,
        "Largest value that is sent or accepted."),
    CHOICE("failover", settings.failover, "none|remap|gutter", "none",
        "What is done with requests whose server is out of service: none ends them with an error, "
        "remap asks the next server of the ring, gutter one of the spare servers (pool=gutter)."),
    NUMBER("failover_ttl_ms", settings.failover_ttl_ms, "ms", 1, 86400000, 10000,
        "Longest life of a value that another server holds for one that is out of service."),
    NUMBER("failover_budget", settings.failover_budget, "%", 1, 100, 50,
        "Share of a client's requests in the last second or two that may go to other servers than "
        "their own; the others end with an error; 100 is no bound."),
    NUMBER("journal_entries", settings.journal_entries, "keys", 0, 16777216, 1048576,
        "Keys of one server, written in vain while it was out, that are deleted before it serves "
        "again; more are an overflow (on_overflow); with 0 it may serve values that are out of "
        "date."),
    CHOICE("on_overflow", settings.on_overflow, "hold|flush", "hold",
        "What is done with a server that comes back after more was written in vain than its "
        "journal holds, and that has no CAS ids to tell old from new, as no Redis has: hold keeps "
        "it out of service until the program says how it comes back, flush removes all that it "
        "holds."),
    CHOICE("integrity", settings.integrity, "auto|strict", "auto",
        "How replies are proven to belong to their requests; strict adds a check to each one."),
    CHOICE("protocol", settings.dialect, "auto|meta|classic", "auto",
        "What is spoken to memcached: auto is meta from 1.6.18 on and classic text to older ones."),
    CHOICE("single_flight", settings.single_flight, "no|yes", "no",
        "Whether equal gets under way at the same time are asked as one."),
    CHOICE("merge_gets", settings.merge_gets, "no|yes", "yes",
        "Whether gets that leave for one server together leave as one command."),
    CHOICE("leases", settings.leases, "no|yes", "no",
        "Whether a fetch takes a lease, so that of all processes one loads; the same in all of "
        "them."),
};

_Static_assert(
    sizeof options / sizeof options[0] == RC_OPTION_COUNT, "RC_OPTION_COUNT counts the table");

/* The hash of each distribution, where none is set. */
static const enum rc_hash own_hashes[] = {
    [RC_DISTRIBUTION_RING] = RC_HASH_XXH3,
    [RC_DISTRIBUTION_KETAMA] = RC_HASH_MD5,
    [RC_DISTRIBUTION_CONSISTENT] = RC_HASH_ONE_AT_A_TIME,
    [RC_DISTRIBUTION_SPY] = RC_HASH_MD5,
    [RC_DISTRIBUTION_MODULA] = RC_HASH_ONE_AT_A_TIME,
    [RC_DISTRIBUTION_TWEMPROXY] = RC_HASH_FNV1A_64,
    [RC_DISTRIBUTION_TWEMPROXY_MODULA] = RC_HASH_FNV1A_64,
};

/* Where `value` stands in a list like "a|b|c". */
static bool find_choice(const char *choices, struct rc_slice value, uint32_t *index)
{
    uint32_t at = 0;
    for (const char *p = choices;; at++) {
        size_t len = strcspn(p, "|");
        if (rc_slice_equal(rc_slice(p, len), value)) {
            *index = at;
            return true;
        }
        if (p[len] == '\0') {
            return false;
        }
        p += len + 1;
    }
}

static void add_choices(struct rc_message *why, const char *choices)
{
    for (const char *p = choices;;) {
        size_t len = strcspn(p, "|");
        rc_message_add_shown(why, rc_slice(p, len));
        if (p[len] == '\0') {
            return;
        }
        rc_message_add(why, ", ");
        p += len + 1;
    }
}

static int refuse_choice(
    const struct rc_option *option, struct rc_slice value, struct rc_message *why)
{
    rc_message_add_value(why, value);
    rc_message_add(why, " is not one of ");
    add_choices(why, option->row.range);
    return RINGCACHE_ECONFIG;
}

static void store(struct rc_values *values, const struct rc_option *option, uint64_t value)
{
    unsigned char *field = (unsigned char *)values + option->offset;
    if (option->width == sizeof value) {
        memcpy(field, &value, sizeof value);
        return;
    }
    uint32_t narrow = (uint32_t)value;
    memcpy(field, &narrow, sizeof narrow);
}

static int apply_number(struct rc_values *values, const struct rc_option *option,
    struct rc_slice value, struct rc_message *why)
{
    uint64_t number;
    if (!rc_number_parse(value.data, value.len, option->max, &number) || number < option->min) {
        rc_message_add_value(why, value);
        rc_message_add(why, " is not a number of ");
        rc_message_add(why, option->row.range);
        return RINGCACHE_ECONFIG;
    }
    store(values, option, number);
    return 0;
}

static int apply_choice(struct rc_values *values, const struct rc_option *option,
    struct rc_slice value, struct rc_message *why)
{
    uint32_t index;
    if (!find_choice(option->row.range, value, &index)) {
        return refuse_choice(option, value, why);
    }
    store(values, option, index);
    return 0;
}

static int apply_hash(struct rc_values *values, const struct rc_option *option,
    struct rc_slice value, struct rc_message *why)
{
    enum rc_hash hash;
    if (rc_slice_equal(value, rc_slice_text(option->row.fallback))) {
        values->hash = 0;
        return 0;
    }
    if (!rc_hash_by_name((const char *)value.data, value.len, &hash)) {
        return refuse_choice(option, value, why);
    }
    values->hash = 1 + (uint32_t)hash;
    return 0;
}

static bool is_visible(unsigned char byte)
{
    return byte > 0x20 && byte != 0x7f;
}

static int apply_tag(struct rc_values *values, struct rc_slice value, struct rc_message *why)
{
    bool pair = value.len == 2 && is_visible(value.data[0]) && is_visible(value.data[1]) &&
                value.data[0] < 0x80 && value.data[1] < 0x80;
    if (value.len > 0 && !pair) {
        rc_message_add_value(why, value);
        rc_message_add(why, " is not two visible ASCII characters");
        return RINGCACHE_ECONFIG;
    }
    values->tagged = pair;
    values->tag[0] = pair ? value.data[0] : 0;
    values->tag[1] = pair ? value.data[1] : 0;
    return 0;
}

static int apply_namespace(struct rc_values *values, struct rc_slice value, struct rc_message *why)
{
    if (value.len > RC_NAMESPACE_MAX_BYTES) {
        rc_message_add(why, "it is longer than 200 bytes");
        return RINGCACHE_ECONFIG;
    }
    for (size_t i = 0; i < value.len; i++) {
        if (!is_visible(value.data[i])) {
            rc_message_add_value(why, value);
            rc_message_add(why, " holds a blank or control byte, which no key may");
            return RINGCACHE_ECONFIG;
        }
    }
    char *copy = value.len > 0 ? rc_copy_text((const char *)value.data, value.len) : NULL;
    if (value.len > 0 && copy == NULL) {
        return RINGCACHE_ENOMEM;
    }
    rc_free(values->name_space);
    values->name_space = copy;
    return 0;
}

const ringcache_option *ringcache_option_at(size_t index)
{
    return index < RC_OPTION_COUNT ? &options[index].row : NULL;
}

const struct rc_option *rc_option_find(struct rc_slice name)
{
    for (size_t i = 0; i < RC_OPTION_COUNT; i++) {
        if (rc_slice_equal(name, rc_slice_text(options[i].row.name))) {
            return &options[i];
        }
    }
    return NULL;
}

size_t rc_option_index(const struct rc_option *option)
{
    return (size_t)(option - options);
}

void rc_values_init(struct rc_values *values)
{
    *values = (struct rc_values){0};
    struct rc_message unread = rc_message_start(NULL, 0);
    for (size_t i = 0; i < RC_OPTION_COUNT; i++) {
        if (options[i].kind != RC_OPTION_SERVER) {
            struct rc_slice fallback = rc_slice_text(options[i].row.fallback);
            (void)rc_option_apply(values, &options[i], fallback, &unread);
        }
    }
}

int rc_values_copy(struct rc_values *to, const struct rc_values *from)
{
    char *copy = NULL;
    if (from->name_space != NULL) {
        copy = rc_copy_text(from->name_space, strlen(from->name_space));
        if (copy == NULL) {
            return RINGCACHE_ENOMEM;
        }
    }
    *to = *from;
    to->name_space = copy;
    return 0;
}

void rc_values_deinit(struct rc_values *values)
{
    rc_free(values->name_space);
    values->name_space = NULL;
}

int rc_option_apply(struct rc_values *values, const struct rc_option *option, struct rc_slice value,
    struct rc_message *why)
{
    switch (option->kind) {
    case RC_OPTION_NUMBER:
        return apply_number(values, option, value, why);
    case RC_OPTION_CHOICE:
        return apply_choice(values, option, value, why);
    case RC_OPTION_HASH:
        return apply_hash(values, option, value, why);
    case RC_OPTION_TAG:
        return apply_tag(values, value, why);
    case RC_OPTION_NAMESPACE:
        return apply_namespace(values, value, why);
    case RC_OPTION_SERVER:
        break;
    }
    return RINGCACHE_EINVAL;
}

enum rc_hash rc_values_hash(const struct rc_values *values)
{
    return values->hash > 0 ? (enum rc_hash)(values->hash - 1) : own_hashes[values->distribution];
}

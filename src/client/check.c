/* SPDX-License-Identifier: MIT */
#include "client/check.h"

#include <string.h>

#include "base/number.h"

enum { MEMCACHED_KEY_MAX = 250, REDIS_KEY_MAX = 64 * 1024 };

/* A hundred years: beyond it a TTL is a mistake, and no conversion of it can overflow. */
#define TTL_MAX_MS (INT64_C(100) * 366 * 24 * 3600 * 1000)

enum {
    VALUE = 1 << 0,
    TTL = 1 << 1,
    FLAGS = 1 << 2,
    CAS = 1 << 3,
    DELTA = 1 << 4,
    WANTS = 1 << 5, /* may be asked for the CAS token and the remaining TTL */
};

/* What each operation takes; everything else of a request must be zero. */
static const unsigned takes[] = {
    [RINGCACHE_GET] = WANTS,
    [RINGCACHE_SET] = VALUE | TTL | FLAGS,
    [RINGCACHE_ADD] = VALUE | TTL | FLAGS,
    [RINGCACHE_REPLACE] = VALUE | TTL | FLAGS,
    [RINGCACHE_APPEND] = VALUE,
    [RINGCACHE_PREPEND] = VALUE,
    [RINGCACHE_CAS] = VALUE | TTL | FLAGS | CAS,
    [RINGCACHE_DELETE] = CAS,
    [RINGCACHE_TOUCH] = TTL,
    [RINGCACHE_GET_AND_TOUCH] = TTL | WANTS,
    [RINGCACHE_INCREMENT] = DELTA | TTL,
    [RINGCACHE_DECREMENT] = DELTA | TTL,
};

bool rc_op_stores(ringcache_op op)
{
    return (takes[op] & VALUE) != 0;
}

bool rc_op_takes_ttl(ringcache_op op)
{
    return (takes[op] & TTL) != 0;
}

static int refuse(int status, const char *reason, const char **why)
{
    *why = reason;
    return status;
}

/* As many bytes as are looked at together. */
typedef unsigned char vector __attribute__((vector_size(16)));

enum { HALF = sizeof(vector) / 2, WHOLE = sizeof(vector) };

/* Not zero where one of them is a blank or a control byte. */
static inline vector bad_of(vector bytes)
{
    return (vector)(bytes <= 0x20) | (vector)(bytes == 0x7f);
}

static inline vector load(const unsigned char *bytes)
{
    vector loaded;
    memcpy(&loaded, bytes, sizeof loaded);
    return loaded;
}

static inline bool none(vector bad)
{
    uint64_t halves[2];
    memcpy(halves, &bad, sizeof halves);
    return (halves[0] | halves[1]) == 0;
}

/* Apart from key_bytes_ok, so that its stack frame costs longer keys nothing. */
__attribute__((noinline)) static bool short_key_ok(const unsigned char *key, size_t len)
{
    unsigned char bytes[WHOLE];
    memset(bytes, '.', sizeof bytes);
    if (len >= HALF) {
        memcpy(bytes, key, HALF);
        memcpy(bytes + HALF, key + len - HALF, HALF);
    } else {
        memcpy(bytes, key, len);
    }
    return none(bad_of(load(bytes)));
}

/* The last bytes are looked at twice where they do not come out even. */
static inline bool key_bytes_ok(const unsigned char *key, size_t len)
{
    if (len < WHOLE) {
        return short_key_ok(key, len);
    }
    vector bad = bad_of(load(key + len - WHOLE));
    for (size_t i = 0; i < len - WHOLE; i += WHOLE) {
        bad |= bad_of(load(key + i));
    }
    return none(bad);
}

int rc_check_key(const struct rc_means *means, ringcache_slice key, const char **why)
{
    bool strict = means->has_memcached || !means->has_redis;
    size_t bound = strict ? MEMCACHED_KEY_MAX : REDIS_KEY_MAX;
    if (key.data == NULL || key.len == 0) {
        return refuse(RINGCACHE_EINVAL, "a key of no bytes", why);
    }
    if (key.len > bound || means->prefix_len > bound - key.len) {
        return refuse(RINGCACHE_EINVAL,
            strict ? "the key with its namespace is longer than 250 bytes"
                   : "the key with its namespace is longer than 65536 bytes",
            why);
    }
    if (strict && !key_bytes_ok(key.data, key.len)) {
        return refuse(RINGCACHE_EINVAL, "the key has a blank or a control byte", why);
    }
    return 0;
}

static int check_value(const struct rc_means *means, ringcache_slice value, const char **why)
{
    if (value.len > 0 && value.data == NULL) {
        return refuse(RINGCACHE_EINVAL, "a value without bytes", why);
    }
    if (value.len > means->max_value_bytes) {
        return refuse(RINGCACHE_ETOOBIG, "the value is larger than max_value_bytes", why);
    }
    return 0;
}

static int check_counter(const ringcache_request *request, const char **why)
{
    if (request->delta > INT64_MAX || request->initial > INT64_MAX) {
        return refuse(RINGCACHE_EINVAL, "a counter and its steps are at most 2^63-1", why);
    }
    bool made = (request->options & RINGCACHE_WITH_INITIAL) != 0;
    if (!made && (request->initial != 0 || request->ttl_ms != 0)) {
        return refuse(
            RINGCACHE_EINVAL, "an initial value or a TTL, without RINGCACHE_WITH_INITIAL", why);
    }
    return 0;
}

bool rc_check_ttl(int64_t ttl_ms)
{
    return ttl_ms >= 0 && ttl_ms <= TTL_MAX_MS;
}

static int check_fields(const ringcache_request *request, unsigned taken, const char **why)
{
    bool lends = (request->options & RINGCACHE_LEND_VALUE) != 0;
    bool spare = ((taken & VALUE) == 0 && request->value.len > 0) ||
                 (!lends && (request->release != NULL || request->release_user != NULL)) ||
                 ((taken & TTL) == 0 && request->ttl_ms != 0) ||
                 ((taken & FLAGS) == 0 && request->flags != 0) ||
                 ((taken & CAS) == 0 && request->cas != 0) ||
                 ((taken & DELTA) == 0 && (request->delta != 0 || request->initial != 0));
    return spare ? refuse(RINGCACHE_EINVAL, "a field is set that this operation does not take", why)
                 : 0;
}

static int check_options(
    const struct rc_means *means, const ringcache_request *request, const char **why)
{
    unsigned taken = takes[request->op];
    uint32_t wants = RINGCACHE_WANT_CAS | RINGCACHE_WANT_TTL;
    uint32_t known = RINGCACHE_NO_FAILOVER;
    known |= (taken & WANTS) != 0 ? wants : 0;
    known |= (taken & VALUE) != 0 ? (uint32_t)RINGCACHE_LEND_VALUE : 0;
    known |= (taken & DELTA) != 0 ? (uint32_t)RINGCACHE_WITH_INITIAL : 0;
    if ((request->options & ~known) != 0) {
        return refuse(RINGCACHE_ENOTSUP, "an option that this operation does not take", why);
    }
    if (request->flags != 0 && means->has_redis) {
        return refuse(RINGCACHE_ENOTSUP, "client flags, on a ring with a Redis server", why);
    }
    return 0;
}

/* A TTL and a value. */
static inline int check_load(
    const struct rc_means *means, const ringcache_request *request, const char **why)
{
    if (!rc_check_ttl(request->ttl_ms)) {
        return refuse(RINGCACHE_EINVAL, "ttl_ms is negative or above a hundred years", why);
    }
    return rc_op_stores(request->op) ? check_value(means, request->value, why) : 0;
}

int rc_check_plain(const struct rc_means *means, const ringcache_request *request, const char **why)
{
    int rc = check_load(means, request, why);
    return rc < 0 ? rc : rc_check_key(means, request->key, why);
}

int rc_check_rest(const struct rc_means *means, const ringcache_request *request, const char **why)
{
    if ((unsigned)request->op >= sizeof takes / sizeof *takes) {
        return refuse(RINGCACHE_ENOTSUP, "an operation that this version does not know", why);
    }
    unsigned taken = takes[request->op];
    int rc = check_options(means, request, why);
    rc = rc < 0 ? rc : check_fields(request, taken, why);
    rc = rc < 0 ? rc : check_load(means, request, why);
    return rc == 0 && (taken & DELTA) != 0 ? check_counter(request, why) : rc;
}

int rc_check_request(
    const struct rc_means *means, const ringcache_request *request, const char **why)
{
    int rc = rc_check_rest(means, request, why);
    return rc < 0 ? rc : rc_check_key(means, request->key, why);
}

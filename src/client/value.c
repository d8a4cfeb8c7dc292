/* SPDX-License-Identifier: MIT */
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "ringcache/request.h"

struct ringcache_value {
    atomic_size_t references;
    size_t len;
    unsigned char bytes[];
};

ringcache_value *ringcache_value_ref(const ringcache_reply *reply)
{
    size_t len = reply->value.len, size;
    if (__builtin_add_overflow(len, sizeof(struct ringcache_value), &size)) {
        return NULL;
    }
    ringcache_value *value = rc_alloc(size);
    if (value == NULL) {
        return NULL;
    }
    atomic_init(&value->references, 1);
    value->len = len;
    if (len > 0) {
        memcpy(value->bytes, reply->value.data, len);
    }
    return value;
}

ringcache_value *ringcache_value_retain(ringcache_value *value)
{
    atomic_fetch_add_explicit(&value->references, 1, memory_order_relaxed);
    return value;
}

void ringcache_value_unref(ringcache_value *value)
{
    if (value != NULL &&
        atomic_fetch_sub_explicit(&value->references, 1, memory_order_acq_rel) == 1) {
        rc_free(value);
    }
}

ringcache_slice ringcache_value_bytes(const ringcache_value *value)
{
    return (ringcache_slice){.data = value->bytes, .len = value->len};
}

/* SPDX-License-Identifier: MIT */
#ifndef RINGCACHE_REQUEST_H
#define RINGCACHE_REQUEST_H

/** @file What is asked of the cache, and what comes back. Plain structures, no function but those
 * that keep a value beyond its callback. */

#include <stddef.h>
#include <stdint.h>

#include "ringcache/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A run of bytes that somebody else owns. */
typedef struct ringcache_slice {
    const void *data;
    size_t len;
} ringcache_slice;

/** What a request does. What each means on which server, byte for byte: docs/operations.md. */
typedef enum ringcache_op {
    RINGCACHE_GET,
    RINGCACHE_SET,
    RINGCACHE_ADD,
    RINGCACHE_REPLACE,
    RINGCACHE_APPEND,
    RINGCACHE_PREPEND,
    RINGCACHE_CAS,
    RINGCACHE_DELETE,
    RINGCACHE_TOUCH,
    RINGCACHE_GET_AND_TOUCH,
    RINGCACHE_INCREMENT,
    RINGCACHE_DECREMENT
} ringcache_op;

/** Bits of ringcache_request.options. One that the operation does not take is refused at submission
 * with RINGCACHE_ENOTSUP. */
enum {
    RINGCACHE_WITH_INITIAL = 1 << 0, /**< a counter that is absent starts at `initial` */
    RINGCACHE_WANT_CAS = 1 << 1,     /**< reply->cas */
    RINGCACHE_WANT_TTL = 1 << 2,     /**< reply->ttl_ms */
    RINGCACHE_LEND_VALUE = 1 << 3,   /**< `value` is lent until `release` is called, not copied */
    RINGCACHE_NO_FAILOVER = 1 << 4   /**< only ever ask the owner; see ringcache_submit */
};

/** One request in full. All bits zero are the defaults; `key` is copied at submission, and so is
 * `value`, unless it is lent.
 *
 * With RINGCACHE_LEND_VALUE, for every operation that takes a value, `value` is sent from where it
 * lies: its bytes stay valid and unchanged until `release` is called. If and only if the submission
 * returned 0 it is called, exactly once, later, on the loop's thread and before the client's close
 * callback; every call is legal in it. That is when the bytes are needed no more, be it before the
 * reply or behind it: a request that timed out or was canceled when it had its place in what is
 * being sent lends them until they are sent or the connection has ended, which with a server that
 * fell silent takes as long as its outage, where the kernel has some of them. Below 16 KiB the
 * value is copied all the same, which costs no more, and given back at once. `release` NULL: nobody
 * is told, the bytes stay valid until the close callback. What is lent is not held by the client:
 * it does not count in max_queued_bytes, while max_value_bytes holds. */
typedef struct ringcache_request {
    ringcache_op op;
    uint32_t options;      /**< RINGCACHE_WITH_INITIAL … */
    ringcache_slice key;   /**< see ringcache_get */
    ringcache_slice value; /**< what is stored, put in front or behind: at most max_value_bytes */
    ringcache_slice route; /**< with data != NULL: hashed instead of the key */
    /** Of a CAS or a DELETE: reply->cas of the GET before it. A DELETE without has 0. */
    uint64_t cas;
    uint64_t delta;   /**< of a counter, at most 2^63-1 */
    uint64_t initial; /**< with WITH_INITIAL, at most 2^63-1 */
    /** Of what is stored, touched, or with WITH_INITIAL made: 0 never expires. Memcached counts
     * whole seconds, rounded up. Of other operations: 0. */
    int64_t ttl_ms;
    uint32_t timeout_ms; /**< 0: the client's timeout_ms */
    uint32_t flags;      /**< memcached client flags; not 0 on a ring with a Redis: ENOTSUP */
    /** With LEND_VALUE, else NULL as is `release_user`: `value` is needed no more. */
    void (*release)(void *release_user, const void *data, size_t len);
    void *release_user;
} ringcache_request;

/** Bits of ringcache_reply.marks: the first three of a fetch, and of a read on memcached where
 * other clients use the meta protocol's leases; a miss with FILLING is one that somebody is about
 * to fill. */
enum {
    RINGCACHE_STALE = 1 << 0,   /**< the value is older than it should be */
    RINGCACHE_WON = 1 << 1,     /**< this caller was chosen to make it anew */
    RINGCACHE_FILLING = 1 << 2, /**< another one was */
    /** Of any reply: reply->server was asked in place of the key's owner, which is out of service
     * (failover). What it does not have the owner may have; what it has is at most failover_ttl_ms
     * old. */
    RINGCACHE_SUBSTITUTE = 1 << 3
};

/** One node of the reply to a raw command (ringcache_command). It and all below it are valid until
 * the callback returns. */
typedef struct ringcache_data ringcache_data;

typedef enum ringcache_data_type {
    RINGCACHE_DATA_NIL,
    RINGCACHE_DATA_STATUS, /**< a word like OK */
    RINGCACHE_DATA_ERROR,  /**< within an array; an error as a whole is a reply that failed */
    RINGCACHE_DATA_NUMBER,
    RINGCACHE_DATA_TEXT,
    RINGCACHE_DATA_ARRAY
} ringcache_data_type;

/** What a node is. */
RINGCACHE_API ringcache_data_type ringcache_data_kind(const ringcache_data *data);

/** The bytes of a TEXT, STATUS or ERROR; else none. */
RINGCACHE_API ringcache_slice ringcache_data_text(const ringcache_data *data);

/** The value of a NUMBER; else 0. */
RINGCACHE_API int64_t ringcache_data_number(const ringcache_data *data);

/** How many elements an ARRAY has; else 0. */
RINGCACHE_API size_t ringcache_data_count(const ringcache_data *data);

/** Element `index` of an ARRAY, or NULL past the end. */
RINGCACHE_API const ringcache_data *ringcache_data_at(const ringcache_data *data, size_t index);

/** One answer. It and everything it points to is valid until the callback returns. */
typedef struct ringcache_reply {
    int status; /**< see ringcache/status.h */
    uint32_t marks;
    ringcache_slice value; /**< of a GET or GET_AND_TOUCH that hit; ringcache_value_ref keeps it */
    uint32_t flags;        /**< memcached client flags of that value */
    /** A write that failed: may the server have carried it out all the same? Not when no byte of it
     * left this process, nor when the server refused the request, but for a program of the caller's
     * (EVAL …) that failed in its own words. */
    int maybe_applied;
    uint64_t cas;       /**< with WANT_CAS; of a miss only where a memcached holds a lease's stub */
    int64_t ttl_ms;     /**< with WANT_TTL: what remains, -1 for ever */
    uint64_t number;    /**< of a counter, after the change */
    const char *server; /**< name of the server that was asked or would have been; NULL: none */
    const char
        *message; /**< one line why it failed, the server's own words where it spoke; or "" */
    /** How often it was handed to a connection: 0 when it never was. More than once, within its
     * deadline, where a connection ended before any of it had left, or under a read (GET) of which
     * nothing had been answered, which is asked once more; nothing else goes to a second one. Of
     * many keys also where a batch did not tell enough of one. */
    uint32_t attempts;
    uint64_t elapsed_us;        /**< from submission to the answer's arrival */
    size_t index;               /**< of a ringcache_get_many: the key's place in `keys` */
    const ringcache_data *data; /**< of a raw command that was answered; else NULL */
    uint64_t ring_digest;       /**< of the ring that routed it */
} ringcache_reply;

/** A value kept beyond its callback. */
typedef struct ringcache_value ringcache_value;

/** Keep reply->value: a counted copy with one reference, of `reply->value.len` bytes. Call it
 * inside the callback; the copy may then be used and released on any thread. NULL when out of
 * memory. */
RINGCACHE_API ringcache_value *ringcache_value_ref(const ringcache_reply *reply);

/** One more reference; returns `value`. Any thread. */
RINGCACHE_API ringcache_value *ringcache_value_retain(ringcache_value *value);

/** One reference less; the last frees. NULL is allowed. Any thread. */
RINGCACHE_API void ringcache_value_unref(ringcache_value *value);

/** The bytes, valid as long as a reference is held; never NULL data, also for an empty value. */
RINGCACHE_API ringcache_slice ringcache_value_bytes(const ringcache_value *value);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: MIT */
#ifndef RINGCACHE_STATUS_H
#define RINGCACHE_STATUS_H

/** @file Every status a call returns or a reply carries, in one table.
 *
 * 0: done. Positive: an ordinary answer, nothing failed. Negative: a failure; ringcache's own codes
 * run from −10001 down, and what libuv reported (−4095..−1) passes through unchanged. */

#include "ringcache/version.h"

#ifdef __cplusplus
extern "C" {
#endif

/* X(name without prefix, value, one sentence) */
#define RINGCACHE_STATUS_MAP(X)                                                                    \
    X(OK, 0, "done")                                                                               \
    X(MISS, 1, "the key is not in the cache")                                                      \
    X(NOT_STORED, 2, "not stored: its condition did not hold")                                     \
    X(EXISTS, 3, "not stored: the value changed since it was read")                                \
    X(EINVAL, -10001, "an argument is not valid")                                                  \
    X(ENOMEM, -10002, "out of memory")                                                             \
    X(ECLOSING, -10003, "the client is closing")                                                   \
    X(EBUSY, -10004, "a bound on requests or queued bytes is reached")                             \
    X(ENOSERVER, -10005, "the ring has no server")                                                 \
    X(EDOWN, -10006, "the server that owns the key is out of service")                             \
    X(ECONNECT, -10007, "the connection to the server failed")                                     \
    X(ETIMEDOUT, -10008, "the deadline passed")                                                    \
    X(ECANCELED, -10009, "canceled")                                                               \
    X(EAUTH, -10010, "the server refused the credentials")                                         \
    X(ETLS, -10011, "TLS could not be set up or verified")                                         \
    X(EPROTOCOL, -10012, "the server broke the protocol")                                          \
    X(ESERVER, -10013, "the server refused the request")                                           \
    X(ETOOBIG, -10014, "a key, value or reply is larger than its bound")                           \
    X(ENOTSUP, -10015, "this backend cannot do that")                                              \
    X(ECONFIG, -10016, "the configuration is not valid")

typedef enum ringcache_status {
#define RINGCACHE_STATUS_ENUM(name, value, text) RINGCACHE_##name = (value),
    RINGCACHE_STATUS_MAP(RINGCACHE_STATUS_ENUM)
#undef RINGCACHE_STATUS_ENUM
} ringcache_status;

/** One English sentence without a full stop for `code`: ringcache's own, an errno of libuv's range
 * (negative), or "unknown status". Static storage, except that an errno's text is valid until the
 * same thread's next call. Any thread. */
RINGCACHE_API const char *ringcache_strerror(int code);

/** The name of `code` without its prefix ("MISS", "ETIMEDOUT"), "ERRNO" for an errno of libuv's
 * range, or "UNKNOWN"; static storage. Any thread. */
RINGCACHE_API const char *ringcache_err_name(int code);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: MIT */
#ifndef RINGCACHE_MOCK_H
#define RINGCACHE_MOCK_H

/** @file Simulated servers for your tests: libringcache-mock, a library of its own (pkg-config
 * `ringcache-mock`), which needs neither libringcache nor any server installed.
 *
 * A mock stores what it is told and speaks as memcached 1.6.18 (meta, classic text, -Y, -I) or
 * Redis 7.0 (RESP2; strings, expiry, AUTH, SCAN, the scripts of ringcache) does, on a real socket
 * served by your loop. What else there is, it does not know and says so, as those servers do with
 * a command that they never heard of; and it never evicts. See docs/mock.md.
 *
 * Holds for every function here:
 * - One mock, one loop, one thread.
 * - No callback runs inside a call, and every call is legal in every callback.
 * - Texts and bytes are copied.
 * - Where memory runs out, a mock ends the program: it is made for tests. */

#include <stddef.h>
#include <stdint.h>

#include "ringcache/request.h"
#include "ringcache/status.h"
#include "ringcache/version.h"

/* uv.h needs POSIX names, which a strict -std=c11 hides; a loop is only pointed at here. */
#ifdef _POSIX_C_SOURCE
#include <uv.h>
#else
typedef struct uv_loop_s uv_loop_t;
#endif

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ringcache_mock ringcache_mock;

typedef enum ringcache_mock_kind {
    RINGCACHE_MOCK_MEMCACHED,
    RINGCACHE_MOCK_REDIS
} ringcache_mock_kind;

/** How a mock is started. Zero-initialised: a memcached on a free port of 127.0.0.1. */
typedef struct ringcache_mock_options {
    ringcache_mock_kind kind;
    uint16_t port; /**< 0: any that is free */
    /** An address of this machine in figures (NULL: 127.0.0.1), or the path of a Unix socket,
     * which begins with a slash and whose file takes the place of a socket's that is there. */
    const char *address;
    const char *version;    /**< what it says of itself; NULL: 1.6.18 or 7.0.15 */
    const char *user;       /**< NULL: on Redis "default"; on memcached with a password EINVAL */
    const char *password;   /**< NULL: none is asked for */
    size_t max_connections; /**< those beyond are refused in the server's words; 0: no bound */
    size_t max_item_bytes;  /**< memcached's -I; 0: 1 MiB */
    /** Not 0: it keeps uv_run going until it is closed, as a server alone on its loop needs. By
     * default only the pending requests of its clients do. */
    int holds_loop;
} ringcache_mock_options;

/** Start a server on `loop`, which is borrowed and must outlive the close callback. It accepts
 * connections from here on, and serves them while the loop runs.
 * Returns 0, RINGCACHE_EINVAL (an option that is none), or a negative errno such as UV_EADDRINUSE;
 * `*mock` is untouched on failure. */
#define ringcache_mock_start(mock, loop, options)                                                  \
    ringcache_mock_start_sized(mock, loop, options, sizeof *(options))

/** ringcache_mock_start with the size of the caller's ringcache_mock_options, so that a program
 * compiled against a smaller one stays right. */
RINGCACHE_API int ringcache_mock_start_sized(ringcache_mock **mock, uv_loop_t *loop,
    const ringcache_mock_options *options, size_t options_size);

typedef void (*ringcache_mock_close_cb)(ringcache_mock *mock, void *user);

/** End the server and all that it holds: its connections are reset and its place is free at once;
 * then `cb` (may be NULL) runs, later on the loop. Once it returned, the memory is gone and nothing
 * is left on the loop. Closing again does nothing, and its callback never runs. */
RINGCACHE_API void ringcache_mock_close(
    ringcache_mock *mock, ringcache_mock_close_cb cb, void *user);

/** Where it is, as ringcache_config_add_server takes it: "memcached://127.0.0.1:40211", with user
 * and password where it has them, without a query. The same until the close callback returns. */
RINGCACHE_API const char *ringcache_mock_uri(const ringcache_mock *mock);

/** Its port; 0: a Unix socket. */
RINGCACHE_API uint16_t ringcache_mock_port(const ringcache_mock *mock);

/** As by SIGKILL: connections are reset, later ones refused, until it is restarted. Its place is
 * kept for it. */
RINGCACHE_API void ringcache_mock_kill(ringcache_mock *mock);

/** Start it again in its place, killed first when it still runs: as a new process, with its items
 * (`keep_items` not 0, as a Redis that saves) or without. Scripts and settings stay.
 * Returns 0, RINGCACHE_ECLOSING or a negative errno; then it stays killed. */
RINGCACHE_API int ringcache_mock_restart(ringcache_mock *mock, int keep_items);

/** As by SIGSTOP: the kernel goes on accepting connections and bytes, and nobody serves them. */
RINGCACHE_API void ringcache_mock_stop(ringcache_mock *mock);

/** As by SIGCONT: what piled up is served, also for clients that have long gone. */
RINGCACHE_API void ringcache_mock_continue(ringcache_mock *mock);

/* A verb is a command's first word ("get", "mg", "EVALSHA"), in either case; NULL means all. It is
 * at most 15 bytes: a longer one is RINGCACHE_EINVAL. Memcached's user and password, which come as
 * a `set`, have the verb "auth". A client's greeting asks for things of its own ("version",
 * "stats", "ping", "client", "info"), which NULL means too. */

/** Answer the next `count` commands of `verb` with `line` (without its line end) instead of running
 * them: "SERVER_ERROR out of memory", "-LOADING not yet", "HD". One script for each verb, a later
 * one takes its place, and one for NULL is for those without. `count` 0 takes it back, and with
 * NULL those of all verbs. Returns 0 or RINGCACHE_EINVAL. */
RINGCACHE_API int ringcache_mock_answer(
    ringcache_mock *mock, const char *verb, size_t count, const char *line);

/** End the connection at each of the next `count` commands of `verb`, which is not run. A script
 * like that of ringcache_mock_answer, and instead of it. Returns 0 or RINGCACHE_EINVAL. */
RINGCACHE_API int ringcache_mock_disconnect_at(
    ringcache_mock *mock, const char *verb, size_t count);

/** End a connection behind the next `bytes` bytes that the server sends, to all of them together;
 * once. 0: instead of the next reply. What was to follow is lost though its commands were run.
 * UINT64_MAX takes it back. */
RINGCACHE_API void ringcache_mock_disconnect_after(ringcache_mock *mock, uint64_t bytes);

/** End every connection now; new ones are welcome. */
RINGCACHE_API void ringcache_mock_disconnect(ringcache_mock *mock);

/** From now on let replies to `verb` leave `delay_ms` after their command was run; NULL: those to
 * all verbs without a delay of their own. Replies of one connection keep their order, so that what
 * is behind a slow one waits with it. 0: no delay. Returns 0 or RINGCACHE_EINVAL. */
RINGCACHE_API int ringcache_mock_delay(ringcache_mock *mock, const char *verb, uint64_t delay_ms);

/** Put its clock forward, by at most a thousand years in all, so that times to live end early.
 * Otherwise it goes with the loop's time (uv_now). Delays are not touched. */
RINGCACHE_API void ringcache_mock_advance(ringcache_mock *mock, uint64_t ms);

/** What is stored under a key. */
typedef struct ringcache_mock_item {
    ringcache_slice value;
    int64_t ttl_ms; /**< to put: 0 never expires; got: what remains, -1 for ever */
    uint32_t flags; /**< memcached's */
    unsigned db;    /**< Redis' database, 0..15; 0 on memcached */
    uint64_t cas;   /**< got: memcached's token; to put: not read, it gets a new one */
} ringcache_mock_item;

/** Store an item, as if another client had. Its length has no bound here.
 * Returns 0 or RINGCACHE_EINVAL (no key, no such database, a negative TTL). */
RINGCACHE_API int ringcache_mock_put(
    ringcache_mock *mock, const void *key, size_t key_len, const ringcache_mock_item *item);

/** What is under a key of database `item->db`, which is the field to set. The value is borrowed
 * until the next call or turn of the loop.
 * Returns 0, RINGCACHE_MISS, RINGCACHE_EINVAL (no such database) or RINGCACHE_ENOTSUP (no string);
 * then `*item` is untouched. */
RINGCACHE_API int ringcache_mock_get(
    ringcache_mock *mock, const void *key, size_t key_len, ringcache_mock_item *item);

/** Remove a key, as an eviction would. Returns as ringcache_mock_get. */
RINGCACHE_API int ringcache_mock_remove(
    ringcache_mock *mock, unsigned db, const void *key, size_t key_len);

/** How many keys database `db` holds, expired ones among them until they are asked for. */
RINGCACHE_API size_t ringcache_mock_items(const ringcache_mock *mock, unsigned db);

/** How many connections it has now. */
RINGCACHE_API size_t ringcache_mock_connections(const ringcache_mock *mock);

/** How many it has accepted since it was made. */
RINGCACHE_API uint64_t ringcache_mock_accepted(const ringcache_mock *mock);

/** How many commands of `verb` (NULL: of all) arrived since it was made; a memcached's `get` counts
 * once for each key. */
RINGCACHE_API uint64_t ringcache_mock_commands(const ringcache_mock *mock, const char *verb);

/** A command that arrived; valid during the callback. */
typedef struct ringcache_mock_command {
    const char *verb; /**< lower case */
    ringcache_slice
        key; /**< empty: it has none; of many the first, but of memcached's `get` each */
    uint64_t connection; /**< from 1, in the order of their accepting */
} ringcache_mock_command;

typedef void (*ringcache_mock_command_cb)(
    ringcache_mock *mock, const ringcache_mock_command *command, void *user);

/** Hear of every command once it was run (or its script was), before its reply is sent. One
 * listener, NULL for none. */
RINGCACHE_API void ringcache_mock_on_command(
    ringcache_mock *mock, ringcache_mock_command_cb cb, void *user);

#ifdef __cplusplus
}
#endif
#endif

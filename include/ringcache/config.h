/* SPDX-License-Identifier: MIT */
#ifndef RINGCACHE_CONFIG_H
#define RINGCACHE_CONFIG_H

/** @file What a client or a ring is made from: options by name, and servers by URI.
 *
 * A `ringcache_config` is plain data: it opens nothing and may be freed as soon as
 * ringcache_client_new or ringcache_ring_new returned, since both copy it. Options, their units,
 * ranges and defaults: docs/configuration.md and ring-inspect(1).
 * One thread at a time. */

#include <stddef.h>

#include "ringcache/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ringcache_config ringcache_config;

/** Make an empty configuration: every option at its default, no server.
 * Returns 0 or RINGCACHE_ENOMEM; `*config` is untouched on failure. */
RINGCACHE_API int ringcache_config_new(ringcache_config **config);

/** Set one option from its text form, exactly as a file would ("timeout_ms", "200"), except that
 * blanks around the value count. Setting "server" adds one more server; every other option replaces
 * its former value.
 * Returns 0, RINGCACHE_ECONFIG (unknown option, value out of range, malformed URI: the text is in
 * ringcache_config_error), RINGCACHE_EINVAL (a NULL argument) or RINGCACHE_ENOMEM. A refused call
 * changes nothing. */
RINGCACHE_API int ringcache_config_set(
    ringcache_config *config, const char *option, const char *value);

/** Add a server: `memcached://host[:port]`, `redis://[[user]:password@]host[:port][/db]`,
 * `memcached+unix:///path`, `redis+unix://[[user]:password@]/path[?db=N]`, each with
 * `?name=…&weight=…`. A memcached takes `user:password@` too: it is told both at the start of each
 * connection, as `memcached -Y` wants. The same as setting "server"; same returns. */
RINGCACHE_API int ringcache_config_add_server(ringcache_config *config, const char *uri);

/** Take out the server of this name: the `name=` of its URI, else host:port or the socket's path.
 * Returns 0, or RINGCACHE_EINVAL when no server has it or an argument is NULL. */
RINGCACHE_API int ringcache_config_remove_server(ringcache_config *config, const char *name);

/** Read a file of `option = value` lines into `config`, on top of what it holds. The first line
 * that is refused ends the reading with RINGCACHE_ECONFIG and its file:line:column in
 * ringcache_config_error, and `config` is as it was before the call. Returns also RINGCACHE_EINVAL,
 * RINGCACHE_ENOMEM, or the negative errno of opening or reading. */
RINGCACHE_API int ringcache_config_load_file(ringcache_config *config, const char *path);

/** Is the configuration whole and consistent (no two servers of one name, weights that the
 * distribution allows, …)? ringcache_client_new and ringcache_ring_new ask the same.
 * Returns 0, RINGCACHE_ECONFIG or RINGCACHE_ENOMEM with the reason in ringcache_config_error, or
 * RINGCACHE_EINVAL. */
RINGCACHE_API int ringcache_config_check(ringcache_config *config);

/** How many warnings the last ringcache_config_check found, also when it failed: things that work
 * but rarely as meant. */
RINGCACHE_API size_t ringcache_config_warning_count(const ringcache_config *config);

/** Warning `index` in one line, or NULL past the end; valid until the next call with `config`. */
RINGCACHE_API const char *ringcache_config_warning(const ringcache_config *config, size_t index);

/** One finding of ringcache_config_judge_file: `text` is a line `file:line:column: option: reason`,
 * valid during the call. */
typedef void (*ringcache_finding_cb)(int is_error, const char *text, void *user);

/** Judge a whole file: `cb` gets every error and every warning, in the file's order, those that
 * only the whole shows last (at most 100 errors of that kind); reading does not stop at the first,
 * but at a byte that no text file has. `*errors` is how many were errors.
 * Returns 0, RINGCACHE_EINVAL, RINGCACHE_ENOMEM, or the negative errno of opening or reading. */
RINGCACHE_API int ringcache_config_judge_file(
    const char *path, ringcache_finding_cb cb, void *user, size_t *errors);

/** Why the last call that failed did, in one line: `file:line:column: option: reason`, without the
 * place when the value came by a call. "" when nothing failed yet. Never NULL, never a password;
 * valid until the next call with `config`. */
RINGCACHE_API const char *ringcache_config_error(const ringcache_config *config);

/** Free; NULL is allowed. Passwords are overwritten. */
RINGCACHE_API void ringcache_config_free(ringcache_config *config);

/** One row of the table of options, for programs that list them. */
typedef struct ringcache_option {
    const char *name;     /**< as in a file */
    const char *type;     /**< "number", "choice", "text", "uri" */
    const char *unit;     /**< "ms", "bytes", "requests" …, or "" */
    const char *range;    /**< "1..3600000", or the choices separated by "|", or "" */
    const char *fallback; /**< the default as text; "" is none */
    const char *summary;  /**< one sentence */
} ringcache_option;

/** Row `index` of the table of options in a fixed order, or NULL past the end; static storage. */
RINGCACHE_API const ringcache_option *ringcache_option_at(size_t index);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: MIT */
#ifndef RC_CODEC_MEMCACHED_H
#define RC_CODEC_MEMCACHED_H

/* What memcached's two text protocols, meta and classic, have in common: keys, times, counters,
 * error lines, versions, and what is asked of the server itself (memcached_server.c). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "codec/codec.h"
#include "codec/wire.h"

enum {
    RC_MEMCACHED_KEY_MAX_BYTES = 250,
    /* A counter has 64 bits. */
    RC_MEMCACHED_COUNTER_MAX_BYTES = 20,
};

/* `name` and the whole key behind it. */
__attribute__((always_inline)) static inline unsigned char *rc_memcached_put_key(
    unsigned char *at, const char *name, const struct rc_command *command)
{
    at = rc_wire_put_text(at, name);
    at = rc_wire_put_slice(at, command->prefix);
    return rc_wire_put_slice(at, command->key);
}

/* `before` and a time; one before now says that the item is not to be kept at all. */
unsigned char *rc_memcached_put_exptime(unsigned char *at, const char *before, int64_t exptime_s);

/* Milliseconds in what memcached counts: whole seconds, rounded up; at most 30 days, more would be
 * a Unix time. */
static inline uint64_t rc_memcached_seconds(uint32_t ms)
{
    uint64_t seconds = ms / 1000 + (ms % 1000 != 0);
    uint64_t most = UINT64_C(30) * 24 * 3600;
    return seconds < most ? seconds : most;
}

static inline bool rc_memcached_counts(enum rc_verb verb)
{
    return verb == RC_VERB_INCREMENT || verb == RC_VERB_DECREMENT;
}

/* The first line of a reply; an answer begins with nothing but RINGCACHE_OK. */
enum rc_decoded rc_memcached_take_line(struct rc_decoder *decoder, struct rc_slice input,
    struct rc_slice *line, struct rc_answer *answer);

/* Is `echoed` the key that was asked for, namespace and all? */
bool rc_memcached_is_key(struct rc_slice echoed, const struct rc_expect *expect);

/* What the line of a classic value says. */
struct rc_memcached_value {
    struct rc_slice key;
    uint32_t flags;
    size_t size;
    uint64_t cas;    /* 0: not asked for */
    size_t line_len; /* of the line that says so, with its end */
};

/* Read "VALUE <key> <flags> <size>", and the CAS token if it was asked for. NULL, or why the line
 * is none. */
const char *rc_memcached_read_value(
    struct rc_slice line, bool has_cas, struct rc_memcached_value *value);

/* The strict decimal number that `text` is, as the answer of a counter; false when it is none. */
bool rc_memcached_read_counter(struct rc_slice text, struct rc_answer *answer);

/* Once an answer is whole: a counter that an INCREMENT drove beyond 2^63-1 asks to be taken back,
 * and what comes of that, the counter as it was or gone meanwhile, is told as not stored. */
void rc_memcached_settle(const struct rc_expect *expect, struct rc_answer *answer);

/* Is it one of the three error lines? Then it is the answer. */
bool rc_memcached_read_error(struct rc_slice line, enum rc_verb verb, struct rc_answer *answer);

/* Is it the line of a version? Then what follows the word is the value. */
bool rc_memcached_read_version(struct rc_slice line, struct rc_answer *answer);

/* rc_codec.unsolicited of both. */
struct rc_slice rc_memcached_unsolicited(struct rc_slice input);

/* Is it one of FLUSH, STATS, KEYS and SETTINGS, which are answered alike in both? */
static inline bool rc_memcached_asks_server(enum rc_verb verb)
{
    return (verb >= RC_VERB_FLUSH && verb <= RC_VERB_KEYS) || verb == RC_VERB_SETTINGS;
}

/* Append one of them. */
unsigned char *rc_memcached_put_question(unsigned char *at, const struct rc_command *command);
/* rc_codec.decode of their answers. */
enum rc_decoded rc_memcached_decode_answer(struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed);
/* rc_codec.next_figure and .next_key of both. */
bool rc_memcached_next_figure(struct rc_slice *rest, struct rc_figure *figure);
bool rc_memcached_next_key(struct rc_slice *rest, struct rc_listed *listed);

#endif

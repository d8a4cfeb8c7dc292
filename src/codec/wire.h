/* SPDX-License-Identifier: MIT */
#ifndef RC_CODEC_WIRE_H
#define RC_CODEC_WIRE_H

/* What the line protocols share: writing into room that was reserved before, and taking one line
 * from what has arrived. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "base/number.h"
#include "base/slice.h"
#include "codec/codec.h"

/* The writers return where the next byte goes. `bytes` are never NULL; those of a slice may be. */
static inline unsigned char *rc_wire_put(unsigned char *at, const void *bytes, size_t n)
{
    memcpy(at, bytes, n);
    return at + n;
}

/* With a literal the compiler knows the length, and stores words. */
__attribute__((always_inline)) static inline unsigned char *rc_wire_put_text(
    unsigned char *at, const char *text)
{
    return rc_wire_put(at, text, strlen(text));
}

static inline unsigned char *rc_wire_put_slice(unsigned char *at, struct rc_slice slice)
{
    return rc_slice_put(at, slice);
}

/* A value, or where it is lent a note of its place. */
static inline unsigned char *rc_wire_put_value(unsigned char *at, const struct rc_command *command)
{
    if (command->loan != NULL) {
        command->loan->gap = at;
        return at;
    }
    return rc_wire_put_slice(at, command->value);
}

static inline unsigned char *rc_wire_put_number(unsigned char *at, uint64_t number)
{
    return at + rc_number_write(at, number);
}

/* `fixed` and what prefix, key and value of `command` take, unless it is lent; SIZE_MAX when that
 * overflows. */
static inline size_t rc_wire_bound(const struct rc_command *command, size_t fixed)
{
    size_t key_len = rc_sum_sizes(command->prefix.len, command->key.len);
    size_t value_len = command->loan == NULL ? command->value.len : 0;
    return rc_sum_sizes(fixed, rc_sum_sizes(key_len, value_len));
}

/* The line at the start of `input`, without its CRLF. MORE while its end has not arrived, BAD with
 * a sentence in `*why` when it has a stray CR or LF, or `max_bytes` do not hold it and its end. */
enum rc_decoded rc_wire_line(
    struct rc_slice input, size_t max_bytes, struct rc_slice *line, const char **why);

/* The first line of `input`, or what has arrived of it, up to the first byte that is not printable
 * and no longer than a log can bear. */
struct rc_slice rc_wire_printable(struct rc_slice input);

/* Is it too early for another try? Then `decoder->need` says when; else it is 0 again. */
bool rc_wire_too_early(struct rc_decoder *decoder, struct rc_slice input);

/* A value of `*len` bytes begins at `at` of the input: may the reply be taken? Where it is longer
 * than `bound`, only without its bytes: then `*len` becomes 0. */
bool rc_wire_admit(struct rc_decoder *decoder, uint64_t bound, size_t at, size_t *len);

/* A reply is complete: its answer, where its value was left out, is that it is too long. */
void rc_wire_settle(struct rc_decoder *decoder, struct rc_answer *answer);

/* The answer of a value that is longer than max_value_bytes. */
void rc_wire_too_large(struct rc_answer *answer);

/* RC_DECODED_BAD, with the reason as the answer's message. */
enum rc_decoded rc_wire_bad(struct rc_answer *answer, const char *why);

#endif

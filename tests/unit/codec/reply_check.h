/* SPDX-License-Identifier: MIT */
#ifndef RC_TESTS_CODEC_REPLY_CHECK_H
#define RC_TESTS_CODEC_REPLY_CHECK_H

/* One reply and what it must be decoded to, however its bytes arrive. Every input is an exact copy
 * on the heap, so that a sanitizer sees the first byte read too much. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "codec/codec.h"

enum { TEST_MAX_VALUE_BYTES = 70000 };

#define BYTES(literal)                                                                             \
    {                                                                                              \
        (const unsigned char *)(literal), sizeof(literal) - 1                                      \
    }

/* What `bytes` must be decoded to: `answer`, or with `bad` the sentence it must be refused with. */
struct reply_case {
    struct rc_slice bytes;
    struct rc_expect expect;
    struct rc_answer answer;
    const char *bad;
    bool left; /* it is a miss that leaves all bytes to the rest of its batch */
};

/* One answer is what the other one is, its texts are parts of the input or our own. */
void assert_answer(
    const struct rc_answer *got, const struct rc_answer *wanted, struct rc_slice input);

/* Decode exactly these bytes with `decoder`, check what every outcome promises. */
enum rc_decoded decode_copy(const struct rc_codec *codec, struct rc_decoder *decoder,
    struct rc_slice bytes, const struct reply_case *expected);

/* The reply is decoded alike whole, followed by another, cut in two anywhere, and byte by byte. */
void check_reply(const struct rc_codec *codec, const struct reply_case *reply);
/* It is refused with its sentence once all is there, and never taken for an answer before. */
void check_refusal(const struct rc_codec *codec, const struct reply_case *reply);
/* However bytes of the reply are changed, it is no answer to `stranger`; to one of a batch that has
 * more to come, at most a miss that leaves them to the others. */
void check_mutations(const struct rc_codec *codec, struct rc_slice bytes,
    const struct rc_expect *stranger, unsigned rounds);

/* Change, drop, repeat or insert one of the bytes, at most `len` + 1 in the end; how many there
 * are. */
size_t mutate_bytes(unsigned char *bytes, size_t len, uint32_t *seed);

/* A small deterministic sequence; `state` starts anywhere but 0. */
uint32_t next_random(uint32_t *state);

struct rc_slice copy_bytes(struct rc_slice bytes);
void free_bytes(struct rc_slice bytes);

/* What `codec` appends for `command`, after checking the bound and that nothing before it moved.
 * To be freed with free_bytes. */
struct rc_slice encode_copy(const struct rc_codec *codec, const struct rc_command *command);
/* `codec` appends exactly `bytes` for `command`. */
void check_encoding(
    const struct rc_codec *codec, const struct rc_command *command, struct rc_slice bytes);
/* `codec` has no such command, and leaves nothing behind. */
void check_unsupported(const struct rc_codec *codec, const struct rc_command *command);

#endif

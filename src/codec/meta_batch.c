/* SPDX-License-Identifier: MIT */
/* All keys but the last are asked for by one classic get, which costs memcached half of what as
 * many gets of meta's do, and the last by an mg behind it:
 *
 *     get <a> <b> <c>\r\n           ->  VALUE <b> 0 5\r\nhello\r\nEND\r\n
 *     mg <d> v f O1a2b3c4d\r\n          VA 2 f0 O1a2b3c4d\r\nhi\r\n
 *
 * A classic value has no opaque, but its key. So the values are looked at as they come, and stay
 * where they are: their keys must be some of those asked for, in order. Not before the line of the
 * last key's own reply has proven by its opaque that all this is the reply to the batch is any of
 * it told, misses included; then key by key. What is wrong before ends the connection.
 *
 * The values that wait for that are HELD_BYTES at most. One that goes beyond is taken out of the
 * input like one that is too long, and its key is asked for once more, alone. So is an empty one:
 * it may be what a lease left there, which a classic value cannot say. */
#include "codec/meta_batch.h"

#include "base/key_run.h"
#include "codec/memcached.h"
#include "codec/usual.h"
#include "codec/wire.h"

enum { HELD_BYTES = 1024 * 1024, CRLF_LEN = 2 };

/* ---- looking ahead ---- */

/* The end of the values, or an error in its place. One behind which nothing counts is the answer to
 * all keys; else those behind the last value have it, once the batch is proven. */
static enum rc_decoded look_at_end(
    struct rc_batch_look *look, struct rc_slice line, struct rc_answer *answer, size_t *consumed)
{
    struct rc_answer error = {.status = RINGCACHE_OK};
    if (!rc_slice_equal(line, rc_slice_text("END")) &&
        !rc_memcached_read_error(line, RC_VERB_GET, &error)) {
        return rc_wire_bad(answer, "a reply that this command cannot have");
    }
    look->end_len = (uint32_t)line.len + CRLF_LEN;
    look->at += look->end_len;
    if (error.close) {
        *answer = error;
        answer->all = true;
        *consumed = look->at;
    }
    return RC_DECODED_ONE;
}

/* The first line of the last key's own reply. */
static enum rc_decoded look_at_proof(struct rc_batch_look *look, struct rc_slice line,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed)
{
    struct rc_expect last = *expect;
    last.token += expect->due - 1;
    last.due = 1;
    struct rc_answer first = {.status = RINGCACHE_OK};
    const char *why = rc_meta_check_line(line, &last, &first);
    if (why != NULL) {
        return rc_wire_bad(answer, why);
    }
    if (first.status < 0) { /* nothing is proven, and nothing else comes */
        *answer = first;
        answer->all = true;
        *consumed = look->at + line.len + CRLF_LEN;
    }
    look->proven = true;
    return RC_DECODED_ONE;
}

/* The key that is next to be passed; the batch's last one never is. */
static bool next_key(
    struct rc_batch_look *look, const struct rc_expect *expect, struct rc_slice *key)
{
    if (look->keys + 1 >= expect->due) {
        return false;
    }
    look->keys++;
    *key = rc_key_run_next(expect->keys, &look->keys_at);
    return true;
}

/* Find the key of a value among those that the values before it left; `*look` moves behind it. */
static bool pass_key(
    struct rc_batch_look *look, const struct rc_expect *expect, struct rc_slice key)
{
    struct rc_slice asked;
    while (next_key(look, expect, &asked)) {
        if (rc_slice_equal(asked, key)) {
            return true;
        }
    }
    return false;
}

/* How long may a value be that begins there? */
static uint64_t bound_at(const struct rc_decoder *decoder, size_t at)
{
    uint64_t left = at < HELD_BYTES ? HELD_BYTES - at : 0;
    return left < decoder->limits.max_value_bytes ? left : decoder->limits.max_value_bytes;
}

/* What a value's line says of itself and of the value. */
struct lengths {
    size_t line, value;
};

/* A value, whose line was read: where all of it is there, it is held, or left out, and `look` is
 * how far the batch was looked at. */
static enum rc_decoded hold_value(struct rc_decoder *decoder, struct rc_slice input,
    struct rc_batch_look look, struct lengths lengths, struct rc_answer *answer)
{
    size_t at = look.at + lengths.line, len = lengths.value;
    if (!rc_wire_admit(decoder, bound_at(decoder, at), at, &len)) {
        return RC_DECODED_MORE;
    }
    look.at = at + len + CRLF_LEN;
    if (input.len < look.at) {
        decoder->need = look.at;
        return RC_DECODED_MORE;
    }
    if (memcmp(input.data + at + len, "\r\n", CRLF_LEN) != 0) {
        return rc_wire_bad(answer, "the value does not end where its length says");
    }
    uint64_t bit = UINT64_C(1) << (look.keys - 1);
    look.here |= bit;
    if (decoder->excess.found) {
        look.left_out |= bit;
        decoder->crowded = decoder->crowded || lengths.value <= decoder->limits.max_value_bytes;
        decoder->excess = (struct rc_excess){0};
    }
    decoder->batch = look;
    return RC_DECODED_ONE;
}

static enum rc_decoded look_at_value(struct rc_decoder *decoder, struct rc_slice input,
    struct rc_slice line, const struct rc_expect *expect, struct rc_answer *answer)
{
    struct rc_batch_look look = decoder->batch;
    struct rc_memcached_value value;
    const char *why = rc_memcached_read_value(line, expect->want_cas, &value);
    if (why == NULL && !pass_key(&look, expect, value.key)) {
        why = "the value carries another key";
    }
    if (why != NULL) {
        return rc_wire_bad(answer, why);
    }
    const struct lengths lengths = {line.len + CRLF_LEN, value.size};
    return hold_value(decoder, input, look, lengths, answer);
}

/* Any line. */
static enum rc_decoded look_closely(struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed)
{
    struct rc_batch_look *look = &decoder->batch;
    struct rc_slice rest = rc_slice(input.data + look->at, input.len - look->at), line;
    enum rc_decoded got = rc_memcached_take_line(decoder, rest, &line, answer);
    if (got == RC_DECODED_MORE) {
        decoder->need = input.len + 1;
    }
    if (got != RC_DECODED_ONE) {
        return got;
    }
    if (look->end_len > 0) {
        return look_at_proof(look, line, expect, answer, consumed);
    }
    if (rc_slice_starts(line, "VALUE ")) {
        return look_at_value(decoder, input, line, expect, answer);
    }
    return look_at_end(look, line, answer, consumed);
}

/* Most lines are values, each of the key that is next. */
static enum rc_decoded look_at_line(struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed)
{
    struct rc_batch_look look = decoder->batch;
    struct rc_slice rest = rc_slice(input.data + look.at, input.len - look.at), key;
    struct rc_memcached_value value = {.size = 0};
    struct lengths lengths = {0, 0};
    if (look.end_len == 0 && !expect->want_cas && next_key(&look, expect, &key)) {
        lengths.line = rc_usual_value(rest, key, &value);
        lengths.value = value.size;
    }
    return lengths.line > 0 ? hold_value(decoder, input, look, lengths, answer)
                            : look_closely(decoder, input, expect, answer, consumed);
}

/* ---- telling ---- */

/* The line of the value that comes next in the input, and is the key's: how long it is. */
static size_t read_line(
    struct rc_slice input, const struct rc_expect *expect, struct rc_memcached_value *value)
{
    size_t keys_at = 0;
    struct rc_slice key = rc_key_run_next(expect->keys, &keys_at);
    size_t len = expect->want_cas ? 0 : rc_usual_value(input, key, value);
    if (len == 0) {
        const unsigned char *lf = memchr(input.data, '\n', input.len);
        len = (size_t)(lf + 1 - input.data);
        (void)rc_memcached_read_value(
            rc_slice(input.data, len - CRLF_LEN), expect->want_cas, value);
    }
    return len;
}

/* How much of the input that is. */
static size_t tell_value(const struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer)
{
    struct rc_memcached_value value;
    size_t line_len = read_line(input, expect, &value);
    bool left_out = (decoder->batch.left_out & 1) != 0;
    answer->status = RINGCACHE_OK;
    answer->flags = value.flags;
    answer->cas = value.cas;
    if (left_out && value.size > decoder->limits.max_value_bytes) {
        rc_wire_too_large(answer);
    } else if (left_out || value.size == 0) {
        answer->again = true;
    } else {
        answer->value = rc_slice(input.data + line_len, value.size);
    }
    return line_len + (left_out ? 0 : value.size) + CRLF_LEN;
}

/* No value is left: an error that ended them is the key's. */
static void tell_end(
    const struct rc_batch_look *look, struct rc_slice input, struct rc_answer *answer)
{
    struct rc_slice line = rc_slice(input.data, look->end_len - CRLF_LEN);
    (void)rc_memcached_read_error(line, RC_VERB_GET, answer);
}

/* The batch is proven, the next of its keys is told. */
static size_t tell_key(struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer)
{
    struct rc_batch_look *look = &decoder->batch;
    size_t len = 0;
    *answer = (struct rc_answer){.status = RINGCACHE_MISS};
    if ((look->here & 1) != 0) {
        len = tell_value(decoder, input, expect, answer);
    } else if (look->here == 0) {
        tell_end(look, input, answer);
    }
    look->here >>= 1;
    look->left_out >>= 1;
    if (expect->due == 2) { /* the last one's reply is its own */
        len += look->end_len;
        *look = (struct rc_batch_look){0};
    }
    return len;
}

enum rc_decoded rc_meta_decode_batch(struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed)
{
    *answer = (struct rc_answer){.status = RINGCACHE_OK};
    while (!decoder->batch.proven) {
        enum rc_decoded got = look_at_line(decoder, input, expect, answer, consumed);
        if (got != RC_DECODED_ONE) {
            return got;
        }
        if (answer->all) {
            decoder->batch = (struct rc_batch_look){0};
            return got;
        }
    }
    *consumed = tell_key(decoder, input, expect, answer);
    return RC_DECODED_ONE;
}

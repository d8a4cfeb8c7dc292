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

enum { HELD_BYTES = 1024 * 1024, CRLF_LEN = 2, END_LEN = 5 };

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

/* Where the keys are that were not passed yet (rc_batch_look). */
struct place {
    size_t keys_at;
    uint32_t keys;
};

/* The key that is next to be passed; the batch's last one never is. */
static bool next_key(struct place *place, const struct rc_expect *expect, struct rc_slice *key)
{
    if (place->keys + 1 >= expect->due) {
        return false;
    }
    place->keys++;
    *key = rc_key_run_next(expect->keys, &place->keys_at);
    return true;
}

/* Find the key of a value among those that the values before it left; `*place` moves behind it. */
static bool pass_key(struct place *place, const struct rc_expect *expect, struct rc_slice key)
{
    struct rc_slice asked;
    while (next_key(place, expect, &asked)) {
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

/* It was looked at as far as there, behind the key at `place`. Field by field: a processor that
 * copies in wide words what it has just written in narrow ones waits for those. */
static void note_value(struct rc_decoder *decoder, const struct rc_memcached_value *value,
    const struct place *place, size_t at)
{
    struct rc_batch_look *look = &decoder->batch;
    struct rc_batch_value *noted = &decoder->values[look->values++];
    noted->at = (uint32_t)at;
    noted->size = (uint32_t)value->size;
    noted->flags = value->flags;
    noted->key = (uint8_t)(place->keys - 1);
    noted->left_out = decoder->excess.found;
    noted->cas = value->cas;
    look->keys = place->keys;
    look->keys_at = place->keys_at;
}

/* A value, whose line was read, of the key in front of `place`: where all of it is there, it is
 * held, or left out, and the batch was looked at so far. */
static enum rc_decoded hold_value(struct rc_decoder *decoder, struct rc_slice input,
    const struct place *place, const struct rc_memcached_value *value, struct rc_answer *answer)
{
    size_t at = decoder->batch.at + value->line_len, len = value->size;
    if (!rc_wire_admit(decoder, bound_at(decoder, at), at, &len)) {
        return RC_DECODED_MORE;
    }
    size_t end = at + len + CRLF_LEN;
    if (input.len < end) {
        decoder->need = end;
        return RC_DECODED_MORE;
    }
    if (memcmp(input.data + at + len, "\r\n", CRLF_LEN) != 0) {
        return rc_wire_bad(answer, "the value does not end where its length says");
    }
    note_value(decoder, value, place, at);
    if (decoder->excess.found) {
        decoder->crowded = decoder->crowded || value->size <= decoder->limits.max_value_bytes;
        decoder->excess = (struct rc_excess){0};
    }
    decoder->batch.at = end;
    return RC_DECODED_ONE;
}

static struct place place_of(const struct rc_batch_look *look)
{
    return (struct place){.keys_at = look->keys_at, .keys = look->keys};
}

static enum rc_decoded look_at_value(struct rc_decoder *decoder, struct rc_slice input,
    struct rc_slice line, const struct rc_expect *expect, struct rc_answer *answer)
{
    struct place place = place_of(&decoder->batch);
    struct rc_memcached_value value;
    const char *why = rc_memcached_read_value(line, expect->want_cas, &value);
    if (why == NULL && !pass_key(&place, expect, value.key)) {
        why = "the value carries another key";
    }
    if (why != NULL) {
        return rc_wire_bad(answer, why);
    }
    return hold_value(decoder, input, &place, &value, answer);
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
    const struct rc_batch_look *look = &decoder->batch;
    struct place place = place_of(look);
    struct rc_slice rest = rc_slice(input.data + look->at, input.len - look->at), key;
    struct rc_memcached_value value = {.size = 0};
    bool usual = look->end_len == 0 && !expect->want_cas && next_key(&place, expect, &key) &&
                 rc_usual_value(rest, key, &value);
    return usual ? hold_value(decoder, input, &place, &value, answer)
                 : look_closely(decoder, input, expect, answer, consumed);
}

/* ---- telling ---- */

/* The next key's value, or NULL. */
static inline const struct rc_batch_value *next_value(const struct rc_decoder *decoder)
{
    const struct rc_batch_look *look = &decoder->batch;
    const struct rc_batch_value *value = &decoder->values[look->told_values];
    return look->told_values < look->values && value->key == look->told ? value : NULL;
}

/* How much of the input is the next key's, whose value that is, or the line of it alone; NULL: it
 * has none. */
static inline size_t bytes_of(const struct rc_batch_look *look, const struct rc_batch_value *value)
{
    if (value == NULL) {
        return 0;
    }
    return value->at - look->told_at + (value->left_out ? 0 : value->size) + CRLF_LEN;
}

/* The next key was told, with that value: how many bytes go with it. The last one's reply is its
 * own. */
static inline size_t told(
    struct rc_batch_look *look, uint32_t due, const struct rc_batch_value *value)
{
    size_t len = bytes_of(look, value);
    size_t with_it = len + (due == 2 ? look->end_len : 0);
    look->told++;
    look->told_values += value != NULL;
    look->told_at += len;
    if (due == 2) {
        *look = (struct rc_batch_look){0};
    }
    return with_it;
}

static void tell_value(const struct rc_decoder *decoder, const struct rc_batch_value *value,
    struct rc_slice input, struct rc_answer *answer)
{
    answer->status = RINGCACHE_OK;
    answer->flags = value->flags;
    answer->cas = value->cas;
    if (value->left_out && value->size > decoder->limits.max_value_bytes) {
        rc_wire_too_large(answer);
    } else if (value->left_out || value->size == 0) {
        answer->again = true;
    } else {
        answer->value = rc_slice(input.data + (value->at - decoder->batch.told_at), value->size);
    }
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
    const struct rc_batch_value *value = next_value(decoder);
    *answer = (struct rc_answer){.status = RINGCACHE_MISS};
    if (value != NULL) {
        tell_value(decoder, value, input, answer);
    } else if (look->told_values == look->values) {
        tell_end(look, input, answer);
    }
    return told(look, expect->due, value);
}

bool rc_meta_usual_of_batch(struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_asked *asked, struct rc_usual *reply)
{
    struct rc_batch_look *look = &decoder->batch;
    const struct rc_batch_value *value = next_value(decoder);
    bool ended_well = look->end_len == END_LEN;
    if (!look->proven || (value != NULL ? value->left_out || value->size == 0 : !ended_well)) {
        return false;
    }
    reply->status = RINGCACHE_MISS;
    if (value != NULL) {
        reply->status = RINGCACHE_OK;
        reply->flags = value->flags;
        reply->value = rc_slice(input.data + (value->at - look->told_at), value->size);
    }
    reply->len = told(look, asked->due, value);
    return true;
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

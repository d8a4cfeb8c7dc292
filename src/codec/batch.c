/* SPDX-License-Identifier: MIT */
#include "codec/batch.h"

#include <string.h>

#include "codec/memcached.h"
#include "codec/wire.h"

enum {
    /* What a key and the batch's end may add to the bytes of a key. */
    MEMCACHED_ROOM_BYTES = 32,
    RESP_ROOM_BYTES = 48,
    RESP_HEAD_MAX_BYTES = 16, /* that of 255 keys */
};

/* A key was written, up to `end`. */
static inline void extended(struct rc_buf *out, struct rc_batch *batch, unsigned char *end)
{
    batch->count++;
    rc_buf_commit(out, (size_t)(end - rc_buf_end(out)));
}

/* ---- memcached meta ---- */

static const char get_name[] = "get ", gets_name[] = "gets ", mg_name[] = "mg ";

/* Each key as a command of its own, until it shows how many there are. */
int rc_meta_batch_extend(
    struct rc_buf *out, struct rc_batch *batch, struct rc_slice prefix, struct rc_slice key)
{
    int rc = rc_buf_reserve(out, rc_sum_sizes(MEMCACHED_ROOM_BYTES + prefix.len, key.len));
    if (rc < 0) {
        return rc;
    }
    unsigned char *at = rc_wire_put_text(rc_buf_end(out), mg_name);
    at = rc_wire_put_slice(rc_wire_put_slice(at, prefix), key);
    at = batch->want_cas ? rc_wire_put_text(at, " v f c O") : rc_wire_put_text(at, " v f O");
    rc_number_write_hex8(at, (uint32_t)(batch->token + batch->count));
    extended(out, batch, rc_wire_put_text(at + 8, "\r\n"));
    return 0;
}

/* The keys but the last move together, to become those of one command. */
bool rc_meta_batch_close(struct rc_buf *out, const struct rc_batch *batch)
{
    enum { MG_LEN = sizeof mg_name - 1, TAIL_LEN = 16, CAS_LEN = 2 };
    if (batch->count < batch->least) {
        return false;
    }
    size_t tail_len = TAIL_LEN + (batch->want_cas ? CAS_LEN : 0);
    unsigned char *from = out->data + batch->start, *end = rc_buf_end(out), *to = from;
    for (uint32_t i = 0; i + 1 < batch->count; i++) {
        unsigned char *key = from + MG_LEN, *behind = memchr(key, ' ', (size_t)(end - key));
        const char *before = i > 0 ? " " : batch->want_cas ? gets_name : get_name;
        size_t len = (size_t)(behind - key), gap = strlen(before);
        memmove(to + gap, key, len);
        to = rc_wire_put(to, before, gap) + len;
        from = behind + tail_len;
    }
    to = rc_wire_put_text(to, "\r\n");
    memmove(to, from, (size_t)(end - from));
    rc_buf_truncate(out, (size_t)(to - out->data) + (size_t)(end - from));
    return true;
}

/* ---- memcached classic ---- */

int rc_classic_batch_extend(
    struct rc_buf *out, struct rc_batch *batch, struct rc_slice prefix, struct rc_slice key)
{
    int rc = rc_buf_reserve(out, rc_sum_sizes(MEMCACHED_ROOM_BYTES + prefix.len, key.len));
    if (rc < 0) {
        return rc;
    }
    const char *before = batch->count > 0 ? " " : batch->want_cas ? gets_name : get_name;
    unsigned char *at = rc_wire_put_text(rc_buf_end(out), before);
    extended(out, batch, rc_wire_put_slice(rc_wire_put_slice(at, prefix), key));
    return 0;
}

bool rc_classic_batch_close(struct rc_buf *out, const struct rc_batch *batch)
{
    rc_wire_put_text(rc_buf_end(out), "\r\n");
    rc_buf_commit(out, 2);
    return batch->count > 1;
}

/* ---- RESP ---- */

/* The head has its place in front; how many keys it announces is known at the end. */
int rc_resp_batch_extend(
    struct rc_buf *out, struct rc_batch *batch, struct rc_slice prefix, struct rc_slice key)
{
    int rc = rc_buf_reserve(out, rc_sum_sizes(RESP_ROOM_BYTES + prefix.len, key.len));
    if (rc < 0) {
        return rc;
    }
    unsigned char *at = rc_buf_end(out) + (batch->count == 0 ? RESP_HEAD_MAX_BYTES : 0);
    *at++ = '$';
    at = rc_wire_put_number(at, prefix.len + key.len);
    at = rc_wire_put_text(at, "\r\n");
    at = rc_wire_put_slice(rc_wire_put_slice(at, prefix), key);
    extended(out, batch, rc_wire_put_text(at, "\r\n"));
    return 0;
}

bool rc_resp_batch_close(struct rc_buf *out, const struct rc_batch *batch)
{
    unsigned char head[RESP_HEAD_MAX_BYTES];
    unsigned char *at = rc_wire_put_number(rc_wire_put_text(head, "*"), batch->count + 1);
    at = rc_wire_put_text(at, batch->count > 1 ? "\r\n$4\r\nMGET\r\n" : "\r\n$3\r\nGET\r\n");
    size_t head_len = (size_t)(at - head), gap = RESP_HEAD_MAX_BYTES - head_len;
    unsigned char *start = out->data + batch->start;
    if (gap > 0) {
        memmove(start + head_len, start + RESP_HEAD_MAX_BYTES,
            out->len - batch->start - RESP_HEAD_MAX_BYTES);
    }
    rc_wire_put(start, head, head_len);
    rc_buf_truncate(out, out->len - gap);
    return batch->count > 1;
}

/* SPDX-License-Identifier: MIT */
#include "codec/batch.h"

#include <string.h>

#include "codec/memcached.h"
#include "codec/wire.h"

enum {
    /* What a key and the batch's end may add to the bytes of a key. */
    MEMCACHED_ROOM_BYTES = 32,
    RESP_ROOM_BYTES = 48,
    RESP_HEAD_MAX_BYTES = 15,
};

int rc_batch_encode(const struct rc_codec *codec, struct rc_buf *out,
    const struct rc_command *commands, size_t count, bool want_cas)
{
    struct rc_batch batch = rc_batch_open(out, want_cas);
    for (size_t i = 0; i < count; i++) {
        int rc = codec->batch_extend(out, &batch, &commands[i]);
        if (rc < 0) {
            rc_buf_truncate(out, batch.start);
            return rc;
        }
    }
    codec->batch_close(out, &batch);
    return 0;
}

/* A key was written, up to `end`. */
static void extended(struct rc_buf *out, struct rc_batch *batch, uint64_t token, unsigned char *end)
{
    batch->last = out->len;
    batch->token = token;
    batch->count++;
    rc_buf_commit(out, (size_t)(end - rc_buf_end(out)));
}

/* ---- memcached ---- */

/* What stands before the key of that number while the batch is open. */
static const char *before_key(const struct rc_batch *batch, uint32_t number)
{
    return number > 0 ? " " : batch->want_cas ? "gets " : "get ";
}

int rc_memcached_batch_extend(
    struct rc_buf *out, struct rc_batch *batch, const struct rc_command *command)
{
    int rc = rc_buf_reserve(out, rc_wire_bound(command, MEMCACHED_ROOM_BYTES));
    if (rc < 0) {
        return rc;
    }
    const char *before = before_key(batch, batch->count);
    unsigned char *end = rc_memcached_put_key(rc_buf_end(out), before, command);
    extended(out, batch, command->token, end);
    return 0;
}

/* The last key is asked for by a command that has a token. */
void rc_meta_batch_close(struct rc_buf *out, const struct rc_batch *batch)
{
    const char *name = batch->count > 1 ? "\r\nmg " : "mg ";
    unsigned char *start = out->data + batch->last;
    size_t name_len = strlen(name), before_len = strlen(before_key(batch, batch->count - 1));
    size_t key_len = out->len - batch->last - before_len;
    memmove(start + name_len, start + before_len, key_len);
    unsigned char *at = rc_wire_put(start, name, name_len) + key_len;
    at = rc_wire_put_text(at, batch->want_cas ? " v f c O" : " v f O");
    rc_number_write_hex8(at, (uint32_t)batch->token);
    at = rc_wire_put_text(at + 8, "\r\n");
    rc_buf_truncate(out, batch->last);
    rc_buf_commit(out, (size_t)(at - start));
}

void rc_classic_batch_close(struct rc_buf *out, const struct rc_batch *batch)
{
    (void)batch;
    rc_wire_put_text(rc_buf_end(out), "\r\n");
    rc_buf_commit(out, 2);
}

/* ---- RESP ---- */

/* The head has its place in front; how many keys it announces is known at the end. */
int rc_resp_batch_extend(
    struct rc_buf *out, struct rc_batch *batch, const struct rc_command *command)
{
    int rc = rc_buf_reserve(out, rc_wire_bound(command, RESP_ROOM_BYTES));
    if (rc < 0) {
        return rc;
    }
    unsigned char *at = rc_buf_end(out) + (batch->count == 0 ? RESP_HEAD_MAX_BYTES : 0);
    *at++ = '$';
    at = rc_wire_put_number(at, command->prefix.len + command->key.len);
    at = rc_wire_put_text(at, "\r\n");
    at = rc_wire_put_slice(rc_wire_put_slice(at, command->prefix), command->key);
    extended(out, batch, command->token, rc_wire_put_text(at, "\r\n"));
    return 0;
}

void rc_resp_batch_close(struct rc_buf *out, const struct rc_batch *batch)
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
}

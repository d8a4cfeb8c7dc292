/* SPDX-License-Identifier: MIT */
#include "codec/codec.h"

#include "codec/batch.h"
#include "codec/memcached.h"
#include "codec/wire.h"

/* The classic text protocol of memcached, which proxies and relatives of memcached speak too.
 *
 *     get <key>\r\n                        ->  VALUE <key> 0 5\r\nhello\r\nEND\r\n   or   END\r\n
 *     set <key> 0 0 5\r\nhello\r\n         ->  STORED\r\n
 *     incr <key> 3\r\n                     ->  42\r\n                        or   NOT_FOUND\r\n
 *
 * A batch of gets is one command with many keys. The values of those that are there come in their
 * order, and one END behind them:
 *
 *     get <a> <b> <c>\r\n                  ->  VALUE <b> 0 5\r\nhello\r\nEND\r\n
 *
 * Nothing ties a reply to its command but the order of both, and, where there is a value, its key;
 * so the key of every value is compared. In a batch, a value under another key is left to the keys
 * behind, and the last of them refuses it: a value that is foreign, or out of order, is no one's.
 * Times that are left cannot be asked for, nor can a counter be made by counting, nor a lease be
 * had. gat and gats need
 * memcached 1.5.3. */

/* A command without key and value: the name, four numbers, ends of lines. */
enum { FIXED_MAX_BYTES = 112 };

/* What follows every value; in a batch, END follows the last key's alone. */
static const char value_end[] = "\r\nEND\r\n";
enum { VALUE_END_LEN = sizeof value_end - 1 };

/* The lines that may answer a verb, and what they mean for it. Values, numbers, versions and errors
 * are told apart from them by their form; anything else is a broken stream. */
static const struct outcome {
    enum rc_verb verb;
    int status;
    const char *line;
} outcomes[] = {
    {RC_VERB_GET, RINGCACHE_MISS, "END"},
    {RC_VERB_GET_AND_TOUCH, RINGCACHE_MISS, "END"},
    {RC_VERB_SET, RINGCACHE_OK, "STORED"},
    {RC_VERB_SET, RINGCACHE_NOT_STORED, "NOT_STORED"},
    {RC_VERB_ADD, RINGCACHE_OK, "STORED"},
    {RC_VERB_ADD, RINGCACHE_NOT_STORED, "NOT_STORED"},
    {RC_VERB_REPLACE, RINGCACHE_OK, "STORED"},
    {RC_VERB_REPLACE, RINGCACHE_NOT_STORED, "NOT_STORED"},
    {RC_VERB_APPEND, RINGCACHE_OK, "STORED"},
    {RC_VERB_APPEND, RINGCACHE_NOT_STORED, "NOT_STORED"},
    {RC_VERB_PREPEND, RINGCACHE_OK, "STORED"},
    {RC_VERB_PREPEND, RINGCACHE_NOT_STORED, "NOT_STORED"},
    {RC_VERB_CAS, RINGCACHE_OK, "STORED"},
    {RC_VERB_CAS, RINGCACHE_EXISTS, "EXISTS"},
    {RC_VERB_CAS, RINGCACHE_MISS, "NOT_FOUND"},
    {RC_VERB_DELETE, RINGCACHE_OK, "DELETED"},
    {RC_VERB_DELETE, RINGCACHE_MISS, "NOT_FOUND"},
    {RC_VERB_DELETE, RINGCACHE_OK, "STORED"},
    {RC_VERB_DELETE, RINGCACHE_EXISTS, "EXISTS"},
    {RC_VERB_TOUCH, RINGCACHE_OK, "TOUCHED"},
    {RC_VERB_TOUCH, RINGCACHE_MISS, "NOT_FOUND"},
    {RC_VERB_INCREMENT, RINGCACHE_MISS, "NOT_FOUND"},
    {RC_VERB_DECREMENT, RINGCACHE_MISS, "NOT_FOUND"},
};

/* What the first line of a reply says. */
struct head {
    struct rc_slice line;
    bool has_value;
    size_t value_len;
    bool later; /* it is for the rest of the batch: the key that is due is absent */
};

static bool reads(enum rc_verb verb)
{
    return verb == RC_VERB_GET || verb == RC_VERB_GET_AND_TOUCH;
}

/* An INCREMENT may have to be sent once more, as what takes it back. */
static bool classic_keeps_key(const struct rc_command *command)
{
    return command->verb == RC_VERB_GET_AND_TOUCH || command->verb == RC_VERB_INCREMENT;
}

static size_t classic_bound(const struct rc_command *command)
{
    return rc_wire_bound(command, FIXED_MAX_BYTES);
}

static unsigned char *put_store(
    unsigned char *at, const char *name, const struct rc_command *command)
{
    at = rc_memcached_put_key(at, name, command);
    *at++ = ' ';
    at = rc_wire_put_number(at, command->flags);
    at = rc_memcached_put_exptime(at, " ", command->exptime_s);
    *at++ = ' ';
    at = rc_wire_put_number(at, command->value.len);
    if (command->verb == RC_VERB_CAS) {
        *at++ = ' ';
        at = rc_wire_put_number(at, command->cas);
    }
    at = rc_wire_put_text(at, "\r\n");
    at = rc_wire_put_value(at, command);
    return rc_wire_put_text(at, "\r\n");
}

static unsigned char *put_key_line(
    unsigned char *at, const char *name, const struct rc_command *command)
{
    at = rc_memcached_put_key(at, name, command);
    return rc_wire_put_text(at, "\r\n");
}

static unsigned char *put_touch(unsigned char *at, const struct rc_command *command)
{
    at = rc_memcached_put_key(at, "touch ", command);
    at = rc_memcached_put_exptime(at, " ", command->exptime_s);
    return rc_wire_put_text(at, "\r\n");
}

static unsigned char *put_get_and_touch(unsigned char *at, const struct rc_command *command)
{
    at = rc_memcached_put_exptime(at, command->want_cas ? "gats " : "gat ", command->exptime_s);
    return put_key_line(at, " ", command);
}

static unsigned char *put_count(unsigned char *at, const struct rc_command *command)
{
    bool up = command->verb == RC_VERB_INCREMENT && !command->again;
    at = rc_memcached_put_key(at, up ? "incr " : "decr ", command);
    *at++ = ' ';
    at = rc_wire_put_number(at, command->delta);
    return rc_wire_put_text(at, "\r\n");
}

/* Only what is stored can be conditional: nothing, which has expired before it is there. */
static unsigned char *put_delete(unsigned char *at, const struct rc_command *command)
{
    if (command->cas == 0) {
        return put_key_line(at, "delete ", command);
    }
    at = rc_memcached_put_key(at, "cas ", command);
    at = rc_wire_put_text(at, " 0 -1 0 ");
    at = rc_wire_put_number(at, command->cas);
    return rc_wire_put_text(at, "\r\n\r\n");
}

/* NULL for a verb that memcached does not have. */
static unsigned char *put_command(unsigned char *at, const struct rc_command *command)
{
    switch (command->verb) {
    case RC_VERB_GET:
        return put_key_line(at, command->want_cas ? "gets " : "get ", command);
    case RC_VERB_SET:
        return put_store(at, "set ", command);
    case RC_VERB_DELETE:
        return put_delete(at, command);
    case RC_VERB_ADD:
        return put_store(at, "add ", command);
    case RC_VERB_REPLACE:
        return put_store(at, "replace ", command);
    case RC_VERB_APPEND:
        return put_store(at, "append ", command);
    case RC_VERB_PREPEND:
        return put_store(at, "prepend ", command);
    case RC_VERB_CAS:
        return put_store(at, "cas ", command);
    case RC_VERB_TOUCH:
        return put_touch(at, command);
    case RC_VERB_GET_AND_TOUCH:
        return put_get_and_touch(at, command);
    case RC_VERB_INCREMENT:
    case RC_VERB_DECREMENT:
        return put_count(at, command);
    case RC_VERB_FLUSH:
    case RC_VERB_STATS:
    case RC_VERB_KEYS:
        return rc_memcached_put_question(at, command);
    case RC_VERB_VERSION:
    case RC_VERB_NOOP:
        return rc_wire_put_text(at, "version\r\n");
    case RC_VERB_LEASE:
    case RC_VERB_FILL:
    case RC_VERB_UNLEASE:
    case RC_VERB_SETTINGS: /* the greeting is held in meta */
    case RC_VERB_AUTH:
    case RC_VERB_RAW:
    case RC_VERB_SELECT:
    case RC_VERB_CLIENT_ID:
    case RC_VERB_INFO:
    case RC_VERB_CLIENT_KILL:
    case RC_VERB_ECHO:
        break;
    }
    return NULL;
}

/* Does the command ask for what only meta has? */
static bool asks_too_much(const struct rc_command *command)
{
    return (reads(command->verb) && command->want_ttl) ||
           (rc_memcached_counts(command->verb) && command->with_initial);
}

static int classic_encode(struct rc_buf *out, const struct rc_command *command)
{
    if (asks_too_much(command)) {
        return RINGCACHE_ENOTSUP;
    }
    int rc = rc_buf_reserve(out, classic_bound(command));
    if (rc < 0) {
        return rc;
    }
    unsigned char *start = rc_buf_end(out);
    unsigned char *end = put_command(start, command);
    if (end == NULL) {
        return RINGCACHE_ENOTSUP;
    }
    rc_buf_commit(out, (size_t)(end - start));
    return 0;
}

static const char *read_value_line(
    const struct rc_expect *expect, struct head *head, struct rc_answer *answer)
{
    struct rc_memcached_value value;
    const char *why = rc_memcached_read_value(head->line, expect->want_cas, &value);
    bool mine = rc_memcached_is_key(value.key, expect);
    if (!mine && expect->due <= 1) {
        return "the value carries another key";
    }
    if (why != NULL || !mine) {
        head->later = !mine;
        return why;
    }
    answer->flags = value.flags;
    answer->cas = value.cas;
    head->has_value = true;
    head->value_len = value.size;
    return NULL;
}

static bool find_outcome(
    struct rc_slice line, const struct rc_expect *expect, struct rc_answer *answer)
{
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        if (outcomes[i].verb == expect->verb &&
            rc_slice_equal(line, rc_slice_text(outcomes[i].line))) {
            answer->status = outcomes[i].status;
            return true;
        }
    }
    return false;
}

/* The line of a version: the answer to itself and, as the fence, to NOOP, which has no value. */
static bool read_version(
    struct rc_slice line, const struct rc_expect *expect, struct rc_answer *answer)
{
    bool asked = expect->verb == RC_VERB_VERSION || expect->verb == RC_VERB_NOOP;
    if (!asked || !rc_memcached_read_version(line, answer)) {
        return false;
    }
    if (expect->verb == RC_VERB_NOOP) {
        answer->value = rc_slice(NULL, 0);
    }
    return true;
}

static const char *read_head_line(
    const struct rc_expect *expect, struct head *head, struct rc_answer *answer)
{
    struct rc_slice line = head->line;
    if (reads(expect->verb) && rc_slice_starts(line, "VALUE ")) {
        return read_value_line(expect, head, answer);
    }
    if (find_outcome(line, expect, answer)) {
        head->later = expect->due > 1;
        return NULL;
    }
    if (read_version(line, expect, answer)) {
        return NULL;
    }
    if (rc_memcached_read_error(line, expect->verb, answer)) {
        answer->all = expect->due > 0;
        return NULL;
    }
    if (rc_memcached_counts(expect->verb) && rc_memcached_read_counter(line, answer)) {
        return NULL;
    }
    return "a reply that this command cannot have";
}

static size_t value_end_len(const struct rc_expect *expect)
{
    return expect->due > 1 ? 2 : VALUE_END_LEN;
}

static size_t frame_len(const struct head *head, const struct rc_expect *expect)
{
    size_t line_len = head->line.len + 2;
    return head->has_value ? line_len + head->value_len + value_end_len(expect) : line_len;
}

/* `frame` is all of a reply that has a value. */
static enum rc_decoded take_value(struct rc_slice frame, const struct head *head,
    const struct rc_expect *expect, struct rc_answer *answer)
{
    struct rc_slice value = rc_slice(frame.data + head->line.len + 2, head->value_len);
    const unsigned char *end = value.data + value.len;
    if (memcmp(end, value_end, 2) != 0) {
        return rc_wire_bad(answer, "the value does not end where its length says");
    }
    if (memcmp(end, value_end, value_end_len(expect)) != 0) {
        return rc_wire_bad(answer, "the value is not followed by END");
    }
    answer->value = value;
    return RC_DECODED_ONE;
}

/* A value's head is read a second time when all of the reply is there, and in a batch once for each
 * key before it that is absent; nothing else is. */
static enum rc_decoded classic_decode(struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed)
{
    if (rc_memcached_asks_server(expect->verb)) {
        return rc_memcached_decode_answer(decoder, input, expect, answer, consumed);
    }
    if (rc_wire_too_early(decoder, input)) {
        return RC_DECODED_MORE;
    }
    if (memchr("VESNDTC0123456789", input.data[0], 17) == NULL) {
        return rc_wire_bad(answer, "not a reply of the memcached classic protocol");
    }
    struct head head = {0};
    enum rc_decoded got = rc_memcached_take_line(decoder, input, &head.line, answer);
    if (got != RC_DECODED_ONE) {
        return got;
    }
    const char *why = read_head_line(expect, &head, answer);
    if (why != NULL) {
        return rc_wire_bad(answer, why);
    }
    if (head.later) {
        *answer = (struct rc_answer){.status = RINGCACHE_MISS};
        *consumed = 0;
        return RC_DECODED_ONE;
    }
    if (!rc_wire_admit(
            decoder, decoder->limits.max_value_bytes, head.line.len + 2, &head.value_len)) {
        return RC_DECODED_MORE;
    }
    size_t len = frame_len(&head, expect);
    if (input.len < len) {
        decoder->need = len;
        return RC_DECODED_MORE;
    }
    if (head.has_value) {
        got = take_value(rc_slice(input.data, len), &head, expect, answer);
    }
    if (got == RC_DECODED_ONE) {
        rc_memcached_settle(expect, answer);
        rc_wire_settle(decoder, answer);
        *consumed = len;
    }
    return got;
}

const struct rc_codec rc_codec_classic = {
    .name = "memcached classic",
    .binary_keys = false,
    .max_key_bytes = RC_MEMCACHED_KEY_MAX_BYTES,
    .keeps_key = classic_keeps_key,
    .bound = classic_bound,
    .encode = classic_encode,
    .batch_least = 2,
    .batch_extend = rc_classic_batch_extend,
    .batch_close = rc_classic_batch_close,
    .decode = classic_decode,
    .unsolicited = rc_memcached_unsolicited,
    .next_figure = rc_memcached_next_figure,
    .next_key = rc_memcached_next_key,
};

/* SPDX-License-Identifier: MIT */
#include "codec/codec.h"

#include "base/number.h"
#include "codec/batch.h"
#include "codec/memcached.h"
#include "codec/meta_batch.h"
#include "codec/meta_command.h"
#include "codec/usual.h"
#include "codec/wire.h"

/* The memcached meta protocol.
 *
 * Replies come in the order of the commands; each carries the opaque of its command, which is what
 * makes a reply to something else recognisable:
 *
 *     mg <key> v f O1a2b3c4d\r\n       ->  VA 5 f0 O1a2b3c4d\r\nhello\r\n   or   EN O1a2b3c4d\r\n
 *     ms <key> 5 O…\r\nhello\r\n       ->  HD O…\r\n                        or   NS, EX, NF
 *     md <key> O…\r\n                  ->  HD O…\r\n                        or   NF O…\r\n
 *     ma <key> MI D3 v O…\r\n          ->  VA 2 O…\r\n42\r\n                or   NF O…\r\n
 *
 * A batch of gets is for the most part a classic get: meta_batch.c.
 *
 * A touch is an `mg` that asks for nothing but T. A lease is an `mg` that leaves a stub where there
 * is nothing: W says that this caller may fill it in, and by which CAS token, Z that another one
 * may, X that the value is marked as stale:
 *
 *     mg <key> v f c N3 O1a2b3c4d\r\n  ->  VA 0 f0 c7 O1a2b3c4d W\r\n\r\n
 *     ms <key> 5 C7 T60 O…\r\nhello…   ->  HD O…\r\n   or, once somebody wrote the key, EX or NF
 *
 * Only MN, the error lines and what answers a greeting, which is classic text, have no opaque.
 * Counters have 64 bits here and 63 everywhere else: a sum beyond is taken back by a second
 * command, the only case in which other clients may see a value that never was. */

enum { MS_PER_S = 1000, OPAQUE_DIGITS = 8 };

/* What the flags of a reply say that this library asked for. */
struct reply_flags {
    uint64_t seen; /* one bit per letter */
    struct rc_slice opaque, key, client_flags, cas, ttl;
};

/* What the first line of a reply says. */
struct head {
    struct rc_slice line;
    bool has_value;
    size_t value_len;
};

/* The codes that may answer a verb, and what they mean for it. Anything else is a broken stream. */
static const struct outcome {
    enum rc_verb verb;
    char code[3];
    int status;
} outcomes[] = {
    {RC_VERB_GET, "VA", RINGCACHE_OK},
    {RC_VERB_GET, "EN", RINGCACHE_MISS},
    {RC_VERB_SET, "HD", RINGCACHE_OK},
    {RC_VERB_SET, "NS", RINGCACHE_NOT_STORED},
    {RC_VERB_SET, "EX", RINGCACHE_EXISTS},
    {RC_VERB_SET, "NF", RINGCACHE_MISS},
    {RC_VERB_DELETE, "HD", RINGCACHE_OK},
    {RC_VERB_DELETE, "NF", RINGCACHE_MISS},
    {RC_VERB_DELETE, "EX", RINGCACHE_EXISTS},
    {RC_VERB_ADD, "HD", RINGCACHE_OK},
    {RC_VERB_ADD, "NS", RINGCACHE_NOT_STORED},
    {RC_VERB_REPLACE, "HD", RINGCACHE_OK},
    {RC_VERB_REPLACE, "NS", RINGCACHE_NOT_STORED},
    {RC_VERB_APPEND, "HD", RINGCACHE_OK},
    {RC_VERB_APPEND, "NS", RINGCACHE_NOT_STORED},
    {RC_VERB_PREPEND, "HD", RINGCACHE_OK},
    {RC_VERB_PREPEND, "NS", RINGCACHE_NOT_STORED},
    {RC_VERB_CAS, "HD", RINGCACHE_OK},
    {RC_VERB_CAS, "EX", RINGCACHE_EXISTS},
    {RC_VERB_CAS, "NF", RINGCACHE_MISS},
    {RC_VERB_TOUCH, "HD", RINGCACHE_OK},
    {RC_VERB_TOUCH, "EN", RINGCACHE_MISS},
    {RC_VERB_GET_AND_TOUCH, "VA", RINGCACHE_OK},
    {RC_VERB_GET_AND_TOUCH, "EN", RINGCACHE_MISS},
    {RC_VERB_INCREMENT, "VA", RINGCACHE_OK},
    {RC_VERB_INCREMENT, "NF", RINGCACHE_MISS},
    {RC_VERB_INCREMENT, "NS", RINGCACHE_NOT_STORED},
    {RC_VERB_DECREMENT, "VA", RINGCACHE_OK},
    {RC_VERB_DECREMENT, "NF", RINGCACHE_MISS},
    {RC_VERB_DECREMENT, "NS", RINGCACHE_NOT_STORED},
    {RC_VERB_LEASE, "VA", RINGCACHE_OK},
    {RC_VERB_LEASE, "EN", RINGCACHE_MISS}, /* there is no memory for a stub */
    {RC_VERB_FILL, "HD", RINGCACHE_OK},
    {RC_VERB_FILL, "EX", RINGCACHE_EXISTS},
    {RC_VERB_FILL, "NF", RINGCACHE_MISS},
    {RC_VERB_UNLEASE, "HD", RINGCACHE_OK},
    {RC_VERB_UNLEASE, "EX", RINGCACHE_EXISTS},
    {RC_VERB_UNLEASE, "NF", RINGCACHE_MISS},
    {RC_VERB_NOOP, "MN", RINGCACHE_OK},
};

static uint64_t letter_bit(unsigned char letter)
{
    return (uint64_t)1 << (letter - 'A');
}

/* An INCREMENT may have to be sent once more, as what takes it back. */
static bool meta_keeps_key(const struct rc_command *command)
{
    return command->strict || command->verb == RC_VERB_INCREMENT;
}

/* A flag is a letter and what follows it. Letters that nobody asked for are later inventions and
 * pass; one that comes twice, or is no letter, is a sign of two replies run into one. */
static bool note_flag(struct rc_slice flag, struct reply_flags *flags)
{
    unsigned char letter = flag.len > 0 ? flag.data[0] : 0;
    bool is_letter = (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z');
    if (!is_letter || (flags->seen & letter_bit(letter)) != 0) {
        return false;
    }
    flags->seen |= letter_bit(letter);
    struct rc_slice argument = rc_slice(flag.data + 1, flag.len - 1);
    if (letter == 'O') {
        flags->opaque = argument;
    } else if (letter == 'k') {
        flags->key = argument;
    } else if (letter == 'f') {
        flags->client_flags = argument;
    } else if (letter == 'c') {
        flags->cas = argument;
    } else if (letter == 't') {
        flags->ttl = argument;
    }
    return true;
}

/* `text` is what follows the code and the length: nothing, or " flag flag". */
static bool read_flags(struct rc_slice text, struct reply_flags *flags)
{
    const unsigned char *at = text.data;
    const unsigned char *end = text.data + text.len;
    while (at < end) {
        const unsigned char *flag = at + 1;
        for (at = flag; at < end && *at != ' '; at++) {
        }
        if (!note_flag(rc_slice(flag, (size_t)(at - flag)), flags)) {
            return false;
        }
    }
    return true;
}

/* Is this the reply to that command? NULL, or why not. */
static const char *check_identity(const struct reply_flags *flags, const struct rc_expect *expect)
{
    if ((flags->seen & letter_bit('O')) == 0) {
        return "the reply has no opaque";
    }
    if (flags->opaque.len != OPAQUE_DIGITS ||
        !rc_number_is_hex8(flags->opaque.data, (uint32_t)expect->token)) {
        return "the reply carries another command's opaque";
    }
    if (!expect->strict) {
        return NULL;
    }
    if ((flags->seen & letter_bit('k')) == 0) {
        return "the reply has no key";
    }
    return rc_memcached_is_key(flags->key, expect) ? NULL : "the reply carries another key";
}

static const char *check_flags(
    struct rc_slice text, const struct rc_expect *expect, struct reply_flags *flags)
{
    if (!read_flags(text, flags)) {
        return "a flag of the reply is malformed";
    }
    return check_identity(flags, expect);
}

/* `t`: whole seconds, of which the last has begun at 0; -1 for an item that never expires. */
static bool read_ttl(struct rc_slice text, int64_t *ttl_ms)
{
    if (rc_slice_equal(text, rc_slice_text("-1"))) {
        *ttl_ms = -1;
        return true;
    }
    uint64_t seconds;
    if (!rc_number_parse(text.data, text.len, UINT32_MAX, &seconds)) {
        return false;
    }
    *ttl_ms = seconds > 0 ? (int64_t)seconds * MS_PER_S : 1;
    return true;
}

static uint32_t read_marks(const struct reply_flags *flags)
{
    bool won = (flags->seen & letter_bit('W')) != 0;
    bool other = (flags->seen & letter_bit('Z')) != 0;
    bool stale = (flags->seen & letter_bit('X')) != 0 || won || other;
    return (stale ? RC_MARK_STALE : 0U) | (won ? RC_MARK_WON : 0U) | (other ? RC_MARK_FILLING : 0U);
}

/* What was asked of a value beside itself; NULL, or what of it is not there. */
static const char *read_attributes(
    const struct reply_flags *flags, const struct rc_expect *expect, struct rc_answer *answer)
{
    uint64_t client_flags;
    if (!rc_number_parse(
            flags->client_flags.data, flags->client_flags.len, UINT32_MAX, &client_flags)) {
        return "the client flags of the value are missing or malformed";
    }
    answer->flags = (uint32_t)client_flags;
    answer->marks = read_marks(flags);
    if (expect->want_cas &&
        !rc_number_parse(flags->cas.data, flags->cas.len, UINT64_MAX, &answer->cas)) {
        return "the CAS token of the value is missing or malformed";
    }
    if (expect->want_ttl && !read_ttl(flags->ttl, &answer->ttl_ms)) {
        return "the TTL of the value is missing or malformed";
    }
    return NULL;
}

/* The line is "VA <size> flags"; `*rest` becomes the flags. NULL, or why the size is none. */
static const char *read_size(
    struct rc_slice line, uint64_t max_bytes, struct head *head, struct rc_slice *rest)
{
    if (line.len < 3) {
        return "a value without its length";
    }
    struct rc_slice text = rc_slice(line.data + 3, line.len - 3);
    const unsigned char *space = text.len > 0 ? memchr(text.data, ' ', text.len) : NULL;
    size_t digits = space != NULL ? (size_t)(space - text.data) : text.len;
    uint64_t size;
    if (!rc_number_parse(text.data, digits, max_bytes, &size)) {
        return "the length of the value is malformed";
    }
    head->has_value = true;
    head->value_len = (size_t)size;
    *rest = rc_slice(text.data + digits, text.len - digits);
    return NULL;
}

/* The empty stub of a lease says W or Z: nobody stored that value, so it is a miss. */
static void read_stub(const struct head *head, struct rc_answer *answer)
{
    uint32_t marks = answer->marks & (RC_MARK_WON | RC_MARK_FILLING);
    if (head->value_len == 0 && marks != 0) {
        *answer = (struct rc_answer){
            .status = RINGCACHE_MISS,
            .marks = marks,
            .cas = answer->cas, /* whoever stores under it takes the stub's place */
        };
    }
}

static const char *read_value_line(
    const struct rc_expect *expect, struct head *head, struct rc_answer *answer)
{
    bool counts = rc_memcached_counts(expect->verb);
    uint64_t max_bytes = counts ? RC_MEMCACHED_COUNTER_MAX_BYTES : RC_VALUE_MAX_BYTES;
    struct rc_slice rest;
    struct reply_flags flags = {0};
    const char *why = read_size(head->line, max_bytes, head, &rest);
    if (why == NULL) {
        why = check_flags(rest, expect, &flags);
    }
    if (why != NULL || counts) {
        return why;
    }
    why = read_attributes(&flags, expect, answer);
    read_stub(head, answer);
    return why;
}

/* The value of a counter is the number that it became. */
static enum rc_decoded take_number(struct rc_answer *answer)
{
    if (!rc_memcached_read_counter(answer->value, answer)) {
        return rc_wire_bad(answer, "the counter is not a number");
    }
    answer->value = rc_slice(NULL, 0);
    return RC_DECODED_ONE;
}

static size_t frame_len(const struct head *head)
{
    return head->line.len + 2 + (head->has_value ? head->value_len + 2 : 0);
}

/* Take from all of a reply what its line did not say. */
static enum rc_decoded take_frame(struct rc_slice frame, const struct head *head,
    const struct rc_expect *expect, struct rc_answer *answer)
{
    size_t head_len = head->line.len + 2;
    if (memcmp(frame.data + frame.len - 2, "\r\n", 2) != 0) {
        return rc_wire_bad(answer, "the value does not end where its length says");
    }
    if (head->has_value && answer->status == RINGCACHE_OK) {
        answer->value = rc_slice(frame.data + head_len, head->value_len);
    }
    return head->has_value && rc_memcached_counts(expect->verb) ? take_number(answer)
                                                                : RC_DECODED_ONE;
}

static const struct outcome *find_outcome(enum rc_verb verb, struct rc_slice line)
{
    if (line.len < 2 || (line.len > 2 && line.data[2] != ' ')) {
        return NULL;
    }
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
        if (outcomes[i].verb == verb && memcmp(outcomes[i].code, line.data, 2) == 0) {
            return &outcomes[i];
        }
    }
    return NULL;
}

/* NULL, or why the line of anything but a value cannot be the reply. */
static const char *read_plain_line(const struct rc_expect *expect, const struct head *head)
{
    struct rc_slice rest = rc_slice(head->line.data + 2, head->line.len - 2);
    if (expect->verb == RC_VERB_NOOP) {
        return rest.len == 0 ? NULL : "a flag of the reply is malformed";
    }
    struct reply_flags flags = {0};
    return check_flags(rest, expect, &flags);
}

/* A line without an opaque: an error, or what answers a command of our own. NULL, or why it is
 * neither. */
static const char *read_bare_line(
    struct rc_slice line, const struct rc_expect *expect, struct rc_answer *answer)
{
    if (rc_memcached_read_error(line, expect->verb, answer)) {
        return NULL;
    }
    if (expect->verb == RC_VERB_VERSION && rc_memcached_read_version(line, answer)) {
        return NULL;
    }
    if (expect->verb == RC_VERB_AUTH && rc_slice_equal(line, rc_slice_text("STORED"))) {
        return NULL;
    }
    return "a reply that this command cannot have";
}

static const char *read_head_line(
    const struct rc_expect *expect, struct head *head, struct rc_answer *answer)
{
    const struct outcome *outcome = find_outcome(expect->verb, head->line);
    if (outcome == NULL) {
        return read_bare_line(head->line, expect, answer);
    }
    answer->status = outcome->status;
    if (outcome->code[0] == 'V') {
        return read_value_line(expect, head, answer);
    }
    return read_plain_line(expect, head);
}

const char *rc_meta_check_line(
    struct rc_slice line, const struct rc_expect *expect, struct rc_answer *answer)
{
    struct head head = {.line = line};
    return read_head_line(expect, &head, answer);
}

/* A value's head is read a second time when all of the value is there; nothing else is. */
static enum rc_decoded meta_decode(struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed)
{
    if (rc_memcached_asks_server(expect->verb)) {
        return rc_memcached_decode_answer(decoder, input, expect, answer, consumed);
    }
    if (rc_wire_too_early(decoder, input)) {
        return RC_DECODED_MORE;
    }
    if (expect->due > 1) {
        return rc_meta_decode_batch(decoder, input, expect, answer, consumed);
    }
    if (memchr("VHENMSC", input.data[0], 7) == NULL) {
        return rc_wire_bad(answer, "not a reply of the memcached meta protocol");
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
    if (!rc_memcached_counts(expect->verb) &&
        !rc_wire_admit(
            decoder, decoder->limits.max_value_bytes, head.line.len + 2, &head.value_len)) {
        return RC_DECODED_MORE;
    }
    size_t len = frame_len(&head);
    if (input.len < len) {
        decoder->need = len;
        return RC_DECODED_MORE;
    }
    got = take_frame(rc_slice(input.data, len), &head, expect, answer);
    if (got == RC_DECODED_ONE) {
        rc_memcached_settle(expect, answer);
        rc_wire_settle(decoder, answer);
        *consumed = len;
    }
    return got;
}

const struct rc_codec rc_codec_meta = {
    .name = "memcached meta",
    .binary_keys = false,
    .max_key_bytes = RC_MEMCACHED_KEY_MAX_BYTES,
    .merges = true,
    .keeps_key = meta_keeps_key,
    .bound = rc_meta_bound,
    .usual = rc_usual_meta,
    .encode = rc_meta_encode,
    .batch_hides_marks = true, /* a value may be one that nobody stored, or a stale one */
    .batch_least = 24,         /* docs/performance.md has what that was measured by */
    .batch_extend = rc_meta_batch_extend,
    .batch_close = rc_meta_batch_close,
    .decode = meta_decode,
    .unsolicited = rc_memcached_unsolicited,
    .next_figure = rc_memcached_next_figure,
    .next_key = rc_memcached_next_key,
};

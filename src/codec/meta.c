/* SPDX-License-Identifier: MIT */
#include "codec/codec.h"

#include "base/number.h"
#include "codec/memcached.h"
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
 * A touch is an `mg` that asks for nothing but T. Only MN, VERSION and the error lines have no
 * opaque. Counters have 64 bits here and 63 everywhere else: a sum beyond is taken back by a second
 * command, the only case in which other clients may see a value that never was. */

enum {
    /* A command without key and value: the name, four numbers with their letters, the opaque, k,
     * ends of lines. */
    FIXED_MAX_BYTES = 128,
    MS_PER_S = 1000,
};

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

static size_t meta_bound(const struct rc_command *command)
{
    return rc_wire_bound(command, FIXED_MAX_BYTES);
}

static unsigned char *put_opaque(unsigned char *at, const struct rc_command *command)
{
    at = rc_wire_put_text(at, " O");
    rc_number_write_hex8(at, (uint32_t)command->token);
    at += 8;
    return rc_wire_put_text(at, command->strict ? " k\r\n" : "\r\n");
}

static unsigned char *put_flag(unsigned char *at, const char *flag, uint64_t number)
{
    at = rc_wire_put_text(at, flag);
    return rc_wire_put_number(at, number);
}

/* T stands before t: flags are carried out in their order, and the TTL asked for is the new one. */
static unsigned char *put_get(unsigned char *at, const struct rc_command *command)
{
    at = rc_memcached_put_key(at, "mg ", command);
    at = rc_wire_put_text(at, " v f");
    if (command->verb == RC_VERB_GET_AND_TOUCH) {
        at = rc_memcached_put_exptime(at, " T", command->exptime_s);
    }
    if (command->want_cas) {
        at = rc_wire_put_text(at, " c");
    }
    if (command->want_ttl) {
        at = rc_wire_put_text(at, " t");
    }
    return put_opaque(at, command);
}

/* The mode of a store, or the token it depends on. */
static unsigned char *put_condition(unsigned char *at, const struct rc_command *command)
{
    static const char *const modes[] = {
        [RC_VERB_ADD] = " ME",
        [RC_VERB_REPLACE] = " MR",
        [RC_VERB_APPEND] = " MA",
        [RC_VERB_PREPEND] = " MP",
    };
    if (command->verb == RC_VERB_CAS) {
        return put_flag(at, " C", command->cas);
    }
    return rc_wire_put_text(at, modes[command->verb]);
}

/* What is appended to keeps its flags and its time. */
static unsigned char *put_store(unsigned char *at, const struct rc_command *command)
{
    bool extends = command->verb == RC_VERB_APPEND || command->verb == RC_VERB_PREPEND;
    at = rc_memcached_put_key(at, "ms ", command);
    *at++ = ' ';
    at = rc_wire_put_number(at, command->value.len);
    if (command->verb != RC_VERB_SET) {
        at = put_condition(at, command);
    }
    if (command->flags != 0 && !extends) {
        at = put_flag(at, " F", command->flags);
    }
    if (command->exptime_s != 0 && !extends) {
        at = rc_memcached_put_exptime(at, " T", command->exptime_s);
    }
    at = put_opaque(at, command);
    at = rc_wire_put_slice(at, command->value);
    return rc_wire_put_text(at, "\r\n");
}

static unsigned char *put_count(unsigned char *at, const struct rc_command *command)
{
    bool up = command->verb == RC_VERB_INCREMENT && !command->again;
    at = rc_memcached_put_key(at, "ma ", command);
    at = put_flag(at, up ? " MI D" : " MD D", command->delta);
    if (command->with_initial && !command->again) {
        at = rc_memcached_put_exptime(at, " N", command->exptime_s);
        at = put_flag(at, " J", command->initial);
    }
    at = rc_wire_put_text(at, " v");
    return put_opaque(at, command);
}

/* NULL for a verb that memcached does not have. */
static unsigned char *put_command(unsigned char *at, const struct rc_command *command)
{
    switch (command->verb) {
    case RC_VERB_GET:
    case RC_VERB_GET_AND_TOUCH:
        return put_get(at, command);
    case RC_VERB_SET:
    case RC_VERB_ADD:
    case RC_VERB_REPLACE:
    case RC_VERB_APPEND:
    case RC_VERB_PREPEND:
    case RC_VERB_CAS:
        return put_store(at, command);
    case RC_VERB_DELETE:
        at = rc_memcached_put_key(at, "md ", command);
        return put_opaque(at, command);
    case RC_VERB_TOUCH:
        at = rc_memcached_put_key(at, "mg ", command);
        at = rc_memcached_put_exptime(at, " T", command->exptime_s);
        return put_opaque(at, command);
    case RC_VERB_INCREMENT:
    case RC_VERB_DECREMENT:
        return put_count(at, command);
    case RC_VERB_VERSION:
        return rc_wire_put_text(at, "version\r\n");
    case RC_VERB_NOOP:
        return rc_wire_put_text(at, "mn\r\n");
    case RC_VERB_AUTH:
    case RC_VERB_SELECT:
    case RC_VERB_CLIENT_ID:
    case RC_VERB_INFO:
    case RC_VERB_CLIENT_KILL:
        break;
    }
    return NULL;
}

static int meta_encode(struct rc_buf *out, const struct rc_command *command)
{
    int rc = rc_buf_reserve(out, meta_bound(command));
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
    unsigned char opaque[8];
    rc_number_write_hex8(opaque, (uint32_t)expect->token);
    if ((flags->seen & letter_bit('O')) == 0) {
        return "the reply has no opaque";
    }
    if (!rc_slice_equal(flags->opaque, rc_slice(opaque, sizeof opaque))) {
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
    if (!rc_number_parse(text.data, digits, UINT64_MAX, &size)) {
        return "the length of the value is malformed";
    }
    if (size > max_bytes || size > SIZE_MAX / 2) {
        return "value larger than max_value_bytes";
    }
    head->has_value = true;
    head->value_len = (size_t)size;
    *rest = rc_slice(text.data + digits, text.len - digits);
    return NULL;
}

/* A lease's empty stub, which other clients may have left in the cache, says Z ("somebody is filling
 * this"): nobody stored that value, so it is a miss. */
static const char *read_value_line(const struct rc_expect *expect, uint64_t max_value_bytes,
    struct head *head, struct rc_answer *answer)
{
    bool counts = rc_memcached_counts(expect->verb);
    uint64_t max_bytes = counts ? RC_MEMCACHED_COUNTER_MAX_BYTES : max_value_bytes;
    struct rc_slice rest;
    struct reply_flags flags = {0};
    const char *why = read_size(head->line, max_bytes, head, &rest);
    if (why == NULL) {
        why = check_flags(rest, expect, &flags);
    }
    if (why != NULL || counts) {
        return why;
    }
    if (head->value_len == 0 && (flags.seen & letter_bit('Z')) != 0) {
        answer->status = RINGCACHE_MISS;
        return NULL;
    }
    return read_attributes(&flags, expect, answer);
}

static enum rc_decoded take_value(struct rc_decoder *decoder, struct rc_slice input,
    const struct head *head, struct rc_answer *answer, size_t *consumed)
{
    size_t head_len = head->line.len + 2;
    size_t total = head_len + head->value_len + 2;
    if (input.len < total) {
        decoder->need = total;
        return RC_DECODED_MORE;
    }
    struct rc_slice value = rc_slice(input.data + head_len, head->value_len);
    if (memcmp(value.data + value.len, "\r\n", 2) != 0) {
        return rc_wire_bad(answer, "the value does not end where its length says");
    }
    if (answer->status == RINGCACHE_OK) {
        answer->value = value;
    }
    *consumed = total;
    return RC_DECODED_ONE;
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

/* NULL, or why `line` (anything but a value) cannot be the reply. */
static const char *read_plain_line(struct rc_slice line, const struct rc_expect *expect)
{
    struct rc_slice rest = rc_slice(line.data + 2, line.len - 2);
    if (expect->verb == RC_VERB_NOOP) {
        return rest.len == 0 ? NULL : "a flag of the reply is malformed";
    }
    struct reply_flags flags = {0};
    return check_flags(rest, expect, &flags);
}

/* A line without an opaque: VERSION or an error. NULL, or why it is neither. */
static const char *read_bare_line(
    struct rc_slice line, const struct rc_expect *expect, struct rc_answer *answer)
{
    if (rc_memcached_read_error(line, expect->verb, answer)) {
        return NULL;
    }
    if (expect->verb == RC_VERB_VERSION && rc_memcached_read_version(line, answer)) {
        return NULL;
    }
    return "a reply that this command cannot have";
}

static const char *read_head_line(const struct rc_expect *expect, uint64_t max_value_bytes,
    struct head *head, struct rc_answer *answer)
{
    const struct outcome *outcome = find_outcome(expect->verb, head->line);
    if (outcome == NULL) {
        return read_bare_line(head->line, expect, answer);
    }
    answer->status = outcome->status;
    if (outcome->code[0] == 'V') {
        return read_value_line(expect, max_value_bytes, head, answer);
    }
    return read_plain_line(head->line, expect);
}

/* The head of a value is read a second time when all of the value is there; nothing else is. */
static enum rc_decoded meta_decode(struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed)
{
    if (rc_wire_too_early(decoder, input)) {
        return RC_DECODED_MORE;
    }
    if (memchr("VHENMSC", input.data[0], 7) == NULL) {
        return rc_wire_bad(answer, "not a reply of the memcached meta protocol");
    }
    struct head head = {0};
    enum rc_decoded got = rc_memcached_take_line(decoder, input, &head.line, answer);
    if (got != RC_DECODED_ONE) {
        return got;
    }
    const char *why = read_head_line(expect, decoder->limits.max_value_bytes, &head, answer);
    if (why != NULL) {
        return rc_wire_bad(answer, why);
    }
    if (head.has_value) {
        got = take_value(decoder, input, &head, answer, consumed);
    } else {
        *consumed = head.line.len + 2;
    }
    if (got == RC_DECODED_ONE && head.has_value && rc_memcached_counts(expect->verb)) {
        got = take_number(answer);
    }
    if (got == RC_DECODED_ONE) {
        rc_memcached_settle(expect, answer);
    }
    return got;
}

const struct rc_codec rc_codec_meta = {
    .name = "memcached meta",
    .binary_keys = false,
    .max_key_bytes = RC_MEMCACHED_KEY_MAX_BYTES,
    .keeps_key = meta_keeps_key,
    .bound = meta_bound,
    .encode = meta_encode,
    .decode = meta_decode,
    .unsolicited = rc_memcached_unsolicited,
};

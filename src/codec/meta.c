/* SPDX-License-Identifier: MIT */
#include "codec/codec.h"

#include "base/number.h"
#include "codec/wire.h"

/* The memcached meta protocol.
 *
 * Replies come in the order of the commands; each carries the opaque of its command, which is what
 * makes a reply to something else recognisable:
 *
 *     mg <key> v f O1a2b3c4d\r\n     ->  VA 5 f0 O1a2b3c4d\r\nhello\r\n   or   EN O1a2b3c4d\r\n
 *     ms <key> 5 O…\r\nhello\r\n     ->  HD O…\r\n
 *     md <key> O…\r\n                ->  HD O…\r\n                        or   NF O…\r\n
 *
 * Only MN, VERSION and the three error lines have none. */

/* memcached itself cuts request lines there; a reply line is a code, a length and some flags. */
enum { LINE_MAX_BYTES = 2048 };

/* An `ms` without key and value: the name, three numbers, letters, opaque, k, ends of lines. */
enum { FIXED_MAX_BYTES = 96 };

/* What the flags of a reply say that this library asked for. */
struct reply_flags {
    uint64_t seen; /* one bit per letter */
    struct rc_slice opaque, key, client_flags;
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
    {RC_VERB_NOOP, "MN", RINGCACHE_OK},
};

static uint64_t letter_bit(unsigned char letter)
{
    return (uint64_t)1 << (letter - 'A');
}

static size_t meta_bound(const struct rc_command *command)
{
    return rc_wire_bound(command, FIXED_MAX_BYTES);
}

static unsigned char *put_key(unsigned char *at, const char *name, const struct rc_command *command)
{
    at = rc_wire_put_text(at, name);
    at = rc_wire_put_slice(at, command->prefix);
    return rc_wire_put_slice(at, command->key);
}

static unsigned char *put_opaque(unsigned char *at, const struct rc_command *command)
{
    at = rc_wire_put_text(at, " O");
    rc_number_write_hex8(at, (uint32_t)command->token);
    at += 8;
    return rc_wire_put_text(at, command->strict ? " k\r\n" : "\r\n");
}

/* A time before now says that the item is not to be kept at all. */
static unsigned char *put_exptime(unsigned char *at, int64_t exptime_s)
{
    at = rc_wire_put_text(at, exptime_s < 0 ? " T-" : " T");
    uint64_t magnitude = (uint64_t)exptime_s;
    return rc_wire_put_number(at, exptime_s < 0 ? 0 - magnitude : magnitude);
}

static unsigned char *put_set(unsigned char *at, const struct rc_command *command)
{
    at = put_key(at, "ms ", command);
    *at++ = ' ';
    at = rc_wire_put_number(at, command->value.len);
    if (command->flags != 0) {
        at = rc_wire_put_text(at, " F");
        at = rc_wire_put_number(at, command->flags);
    }
    if (command->exptime_s != 0) {
        at = put_exptime(at, command->exptime_s);
    }
    at = put_opaque(at, command);
    at = rc_wire_put_slice(at, command->value);
    return rc_wire_put_text(at, "\r\n");
}

/* NULL for a verb that memcached does not have. */
static unsigned char *put_command(unsigned char *at, const struct rc_command *command)
{
    switch (command->verb) {
    case RC_VERB_GET:
        at = put_key(at, "mg ", command);
        at = rc_wire_put_text(at, " v f");
        return put_opaque(at, command);
    case RC_VERB_SET:
        return put_set(at, command);
    case RC_VERB_DELETE:
        at = put_key(at, "md ", command);
        return put_opaque(at, command);
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

static bool is_whole_key(struct rc_slice echoed, const struct rc_expect *expect)
{
    size_t prefix_len = expect->prefix.len;
    if (echoed.len != prefix_len + expect->key.len) {
        return false;
    }
    return rc_slice_equal(rc_slice(echoed.data, prefix_len), expect->prefix) &&
           rc_slice_equal(rc_slice(echoed.data + prefix_len, expect->key.len), expect->key);
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
    return is_whole_key(flags->key, expect) ? NULL : "the reply carries another key";
}

static const char *check_flags(
    struct rc_slice text, const struct rc_expect *expect, struct reply_flags *flags)
{
    if (!read_flags(text, flags)) {
        return "a flag of the reply is malformed";
    }
    return check_identity(flags, expect);
}

/* The line is "VA <size> flags". A lease's empty stub, which other clients may have left in the
 * cache, says Z ("somebody is filling this"): nobody stored that value, so it is a miss. */
static const char *read_value_line(const struct rc_expect *expect, uint64_t max_value_bytes,
    struct head *head, struct rc_answer *answer)
{
    if (head->line.len < 3) {
        return "a value without its length";
    }
    struct rc_slice rest = rc_slice(head->line.data + 3, head->line.len - 3);
    const unsigned char *space = rest.len > 0 ? memchr(rest.data, ' ', rest.len) : NULL;
    size_t digits = space != NULL ? (size_t)(space - rest.data) : rest.len;
    uint64_t size;
    if (!rc_number_parse(rest.data, digits, UINT64_MAX, &size)) {
        return "the length of the value is malformed";
    }
    if (size > max_value_bytes || size > SIZE_MAX / 2) {
        return "value larger than max_value_bytes";
    }
    struct reply_flags flags = {0};
    const char *why = check_flags(rc_slice(rest.data + digits, rest.len - digits), expect, &flags);
    if (why != NULL) {
        return why;
    }
    uint64_t client_flags;
    if (!rc_number_parse(
            flags.client_flags.data, flags.client_flags.len, UINT32_MAX, &client_flags)) {
        return "the client flags of the value are missing or malformed";
    }
    head->has_value = true;
    head->value_len = (size_t)size;
    answer->flags = (uint32_t)client_flags;
    if (size == 0 && (flags.seen & letter_bit('Z')) != 0) {
        answer->status = RINGCACHE_MISS;
    }
    return NULL;
}

static enum rc_decoded take_value(struct rc_decoder *decoder, struct rc_slice input,
    struct rc_slice value, struct rc_answer *answer, size_t *consumed)
{
    size_t total = (size_t)(value.data - input.data) + value.len + 2;
    if (input.len < total) {
        decoder->need = total;
        return RC_DECODED_MORE;
    }
    if (memcmp(value.data + value.len, "\r\n", 2) != 0) {
        return rc_wire_bad(answer, "the value does not end where its length says");
    }
    if (answer->status == RINGCACHE_OK) {
        answer->value = value;
    }
    *consumed = total;
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

static bool has_word(struct rc_slice line, const char *word)
{
    size_t len = strlen(word);
    return rc_slice_starts(line, word) && (line.len == len || line.data[len] == ' ');
}

/* SERVER_ERROR: the command was read to its end and refused; the stream is in step. ERROR and
 * CLIENT_ERROR: the server may have taken a value for commands, so nothing behind it counts. */
static bool read_error_line(struct rc_slice line, struct rc_answer *answer)
{
    bool in_step = has_word(line, "SERVER_ERROR");
    if (!in_step && !has_word(line, "CLIENT_ERROR") && !has_word(line, "ERROR")) {
        return false;
    }
    answer->status = RINGCACHE_ESERVER;
    if (rc_slice_starts(line, "SERVER_ERROR object too large")) {
        answer->status = RINGCACHE_ETOOBIG;
    } else if (rc_slice_starts(line, "CLIENT_ERROR unauthenticated")) {
        answer->status = RINGCACHE_EAUTH;
    }
    answer->message = line;
    answer->close = !in_step;
    return true;
}

static bool read_version_line(
    struct rc_slice line, const struct rc_expect *expect, struct rc_answer *answer)
{
    enum { WORD = 8 };
    if (expect->verb != RC_VERB_VERSION || !rc_slice_starts(line, "VERSION ")) {
        return false;
    }
    answer->value = rc_slice(line.data + WORD, line.len - WORD);
    return true;
}

/* A line without an opaque: VERSION or an error. NULL, or why it is neither. */
static const char *read_bare_line(
    struct rc_slice line, const struct rc_expect *expect, struct rc_answer *answer)
{
    if (read_error_line(line, answer) || read_version_line(line, expect, answer)) {
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

static enum rc_decoded read_head(struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct head *head, struct rc_answer *answer)
{
    const char *why;
    enum rc_decoded got = rc_wire_line(input, LINE_MAX_BYTES, &head->line, &why);
    if (got == RC_DECODED_MORE) {
        decoder->need = input.len + 1;
        return got;
    }
    if (got == RC_DECODED_BAD) {
        return rc_wire_bad(answer, why);
    }
    *answer = (struct rc_answer){.status = RINGCACHE_OK};
    why = read_head_line(expect, decoder->limits.max_value_bytes, head, answer);
    return why == NULL ? RC_DECODED_ONE : rc_wire_bad(answer, why);
}

/* The head of a value is read a second time when all of the value is there; nothing else is. */
static enum rc_decoded meta_decode(struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed)
{
    if (input.len == 0 || input.len < decoder->need) {
        decoder->need = decoder->need > 0 ? decoder->need : 1;
        return RC_DECODED_MORE;
    }
    decoder->need = 0;
    if (memchr("VHENMSC", input.data[0], 7) == NULL) {
        return rc_wire_bad(answer, "not a reply of the memcached meta protocol");
    }
    struct head head = {0};
    enum rc_decoded got = read_head(decoder, input, expect, &head, answer);
    if (got != RC_DECODED_ONE) {
        return got;
    }
    size_t head_len = head.line.len + 2;
    if (head.has_value) {
        struct rc_slice value = rc_slice(input.data + head_len, head.value_len);
        return take_value(decoder, input, value, answer, consumed);
    }
    *consumed = head_len;
    return RC_DECODED_ONE;
}

static struct rc_slice meta_unsolicited(struct rc_slice input)
{
    struct rc_slice line = rc_wire_printable(input);
    struct rc_answer answer;
    if (read_error_line(line, &answer)) {
        return line;
    }
    return rc_slice_text("bytes came that nothing had asked for");
}

/* One of the three numbers of a version, and where it ended. */
static bool take_version_part(struct rc_slice *text, uint64_t *part)
{
    size_t len = 0;
    while (len < text->len && text->data[len] >= '0' && text->data[len] <= '9') {
        len++;
    }
    if (!rc_number_parse(text->data, len, UINT32_MAX, part)) {
        return false;
    }
    *text = rc_slice(text->data + len, text->len - len);
    return true;
}

static bool take_dot(struct rc_slice *text)
{
    if (!rc_slice_starts(*text, ".")) {
        return false;
    }
    *text = rc_slice(text->data + 1, text->len - 1);
    return true;
}

bool rc_meta_version_ok(struct rc_slice version)
{
    enum { WORD_LEN = 8, MAJOR = 1, MINOR = 6, PATCH = 18 };
    if (rc_slice_starts(version, "VERSION ")) {
        version = rc_slice(version.data + WORD_LEN, version.len - WORD_LEN);
    }
    uint64_t major, minor, patch;
    if (!take_version_part(&version, &major) || !take_dot(&version) ||
        !take_version_part(&version, &minor) || !take_dot(&version) ||
        !take_version_part(&version, &patch)) {
        return false;
    }
    if (major != MAJOR) {
        return major > MAJOR;
    }
    return minor > MINOR || (minor == MINOR && patch >= PATCH);
}

const struct rc_codec rc_codec_meta = {
    .name = "memcached meta",
    .binary_keys = false,
    .max_key_bytes = 250,
    .bound = meta_bound,
    .encode = meta_encode,
    .decode = meta_decode,
    .unsolicited = meta_unsolicited,
};

/* SPDX-License-Identifier: MIT */
#include "codec/memcached.h"

#include "base/number.h"

/* memcached itself cuts request lines there; a line of a reply is far shorter. */
enum { LINE_MAX_BYTES = 2048 };

unsigned char *rc_memcached_put_exptime(unsigned char *at, const char *before, int64_t exptime_s)
{
    at = rc_wire_put_text(at, before);
    uint64_t magnitude = (uint64_t)exptime_s;
    if (exptime_s < 0) {
        *at++ = '-';
        magnitude = 0 - magnitude;
    }
    return rc_wire_put_number(at, magnitude);
}

enum rc_decoded rc_memcached_take_line(struct rc_decoder *decoder, struct rc_slice input,
    struct rc_slice *line, struct rc_answer *answer)
{
    const char *why;
    enum rc_decoded got = rc_wire_line(input, LINE_MAX_BYTES, line, &why);
    if (got == RC_DECODED_BAD) {
        return rc_wire_bad(answer, why);
    }
    if (got == RC_DECODED_MORE) {
        decoder->need = input.len + 1;
        return got;
    }
    *answer = (struct rc_answer){.status = RINGCACHE_OK};
    return RC_DECODED_ONE;
}

bool rc_memcached_is_key(struct rc_slice echoed, const struct rc_expect *expect)
{
    size_t prefix_len = expect->prefix.len;
    if (echoed.len != prefix_len + expect->key.len) {
        return false;
    }
    return rc_slice_equal(rc_slice(echoed.data, prefix_len), expect->prefix) &&
           rc_slice_equal(rc_slice(echoed.data + prefix_len, expect->key.len), expect->key);
}

/* The next word of `rest`: what is before the space that it leaves out, or all of it. */
static struct rc_slice take_word(struct rc_slice *rest)
{
    const unsigned char *space = rest->len > 0 ? memchr(rest->data, ' ', rest->len) : NULL;
    struct rc_slice word = *rest;
    if (space == NULL) {
        *rest = rc_slice(NULL, 0);
        return word;
    }
    word.len = (size_t)(space - rest->data);
    *rest = rc_slice(space + 1, rest->len - word.len - 1);
    return word;
}

static bool take_number(struct rc_slice *rest, uint64_t cap, uint64_t *number)
{
    struct rc_slice word = take_word(rest);
    return rc_number_parse(word.data, word.len, cap, number);
}

const char *rc_memcached_read_value(
    struct rc_slice line, bool has_cas, struct rc_memcached_value *value)
{
    enum { WORD_LEN = 6 };
    struct rc_slice rest = rc_slice(line.data + WORD_LEN, line.len - WORD_LEN);
    uint64_t flags, size;
    value->key = take_word(&rest);
    value->cas = 0;
    if (!take_number(&rest, UINT32_MAX, &flags)) {
        return "the client flags of the value are missing or malformed";
    }
    if (!take_number(&rest, RC_VALUE_MAX_BYTES, &size)) {
        return "the length of the value is missing or malformed";
    }
    if (has_cas && !take_number(&rest, UINT64_MAX, &value->cas)) {
        return "the CAS token of the value is missing or malformed";
    }
    value->flags = (uint32_t)flags;
    value->size = (size_t)size;
    value->line_len = line.len + 2;
    return rest.data == NULL ? NULL : "more behind a value's length than was asked for";
}

bool rc_memcached_read_counter(struct rc_slice text, struct rc_answer *answer)
{
    return rc_number_parse(text.data, text.len, UINT64_MAX, &answer->number);
}

void rc_memcached_settle(const struct rc_expect *expect, struct rc_answer *answer)
{
    if (!rc_memcached_counts(expect->verb) || answer->status < 0) {
        return;
    }
    if (expect->again) {
        *answer = (struct rc_answer){
            .status = RINGCACHE_NOT_STORED,
            .message = rc_slice_text("the counter would exceed 9223372036854775807"),
        };
    } else if (expect->verb == RC_VERB_INCREMENT && answer->number > INT64_MAX) {
        *answer = (struct rc_answer){.status = RINGCACHE_NOT_STORED, .again = true};
    }
}

static bool has_word(struct rc_slice line, const char *word)
{
    size_t len = strlen(word);
    return rc_slice_starts(line, word) && (line.len == len || line.data[len] == ' ');
}

/* Words for a command that was understood: a counter that is none, a flush that the server was
 * started without, a section of figures that it does not have. */
static bool is_understood(struct rc_slice line, enum rc_verb verb)
{
    static const struct {
        enum rc_verb verb;
        const char *line;
    } refusals[] = {
        {RC_VERB_INCREMENT, "CLIENT_ERROR cannot increment or decrement non-numeric value"},
        {RC_VERB_DECREMENT, "CLIENT_ERROR cannot increment or decrement non-numeric value"},
        {RC_VERB_FLUSH, "CLIENT_ERROR flush_all not allowed"},
        {RC_VERB_STATS, "ERROR"},
    };
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        if (refusals[i].verb == verb && rc_slice_equal(line, rc_slice_text(refusals[i].line))) {
            return true;
        }
    }
    return false;
}

static int status_of_error(struct rc_slice line, enum rc_verb verb)
{
    if (rc_slice_starts(line, "SERVER_ERROR object too large")) {
        return RINGCACHE_ETOOBIG;
    }
    bool unknown = rc_slice_starts(line, "CLIENT_ERROR unauthenticated") ||
                   (verb == RC_VERB_AUTH && has_word(line, "CLIENT_ERROR"));
    return unknown ? RINGCACHE_EAUTH : RINGCACHE_ESERVER;
}

/* SERVER_ERROR: the command was read to its end and refused; the stream is in step. ERROR and
 * CLIENT_ERROR: the server may have taken a value for commands, so nothing behind it counts, unless
 * the command was a line alone that not every server knows. */
bool rc_memcached_read_error(struct rc_slice line, enum rc_verb verb, struct rc_answer *answer)
{
    bool in_step = has_word(line, "SERVER_ERROR") || is_understood(line, verb);
    if (!in_step && !has_word(line, "CLIENT_ERROR") && !has_word(line, "ERROR")) {
        return false;
    }
    answer->status = status_of_error(line, verb);
    answer->message = line;
    answer->close = !in_step && verb != RC_VERB_SETTINGS;
    return true;
}

bool rc_memcached_read_version(struct rc_slice line, struct rc_answer *answer)
{
    enum { WORD_LEN = 8 };
    if (!rc_slice_starts(line, "VERSION ")) {
        return false;
    }
    answer->value = rc_slice(line.data + WORD_LEN, line.len - WORD_LEN);
    return true;
}

struct rc_slice rc_memcached_unsolicited(struct rc_slice input)
{
    struct rc_slice line = rc_wire_printable(input);
    struct rc_answer answer;
    if (rc_memcached_read_error(line, RC_VERB_NOOP, &answer)) {
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
    enum { MAJOR = 1, MINOR = 6, PATCH = 18 };
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

/* SPDX-License-Identifier: MIT */
#include "codec/memcached.h"

#include "base/number.h"
#include "base/percent.h"
#include "codec/wire.h"

/* What is asked of a memcached itself, in words that meta and classic share.
 *
 *     flush_all\r\n                   ->  OK\r\n
 *     stats settings\r\n              ->  STAT maxbytes 67108864\r\nSTAT …\r\nEND\r\n
 *     lru_crawler metadump all\r\n    ->  key=a%20b exp=-1 la=… cas=… …\nkey=…\nEND\r\n
 *
 * Figures are taken as a whole, line by line as they come, so that none is looked at twice. Keys
 * may be millions: what has come of them is an answer of its own, and so is the end. Nothing ties
 * such a reply to its command but its place and its form. */

enum {
    STATS_MAX_BYTES = 1024 * 1024,
    LINE_MAX_BYTES = 2048,
};

unsigned char *rc_memcached_put_question(unsigned char *at, const struct rc_command *command)
{
    if (command->verb == RC_VERB_FLUSH) {
        return rc_wire_put_text(at, "flush_all\r\n");
    }
    if (command->verb == RC_VERB_KEYS) {
        return rc_wire_put_text(at, "lru_crawler metadump all\r\n");
    }
    if (command->verb == RC_VERB_SETTINGS) {
        return rc_wire_put_text(at, "stats settings\r\n");
    }
    at = rc_wire_put_text(at, command->key.len > 0 ? "stats " : "stats");
    at = rc_wire_put_slice(at, command->key);
    return rc_wire_put_text(at, "\r\n");
}

/* ---- figures ---- */

/* The line at the start of `rest`, which has one, without its end. */
static struct rc_slice take_line(struct rc_slice *rest)
{
    const unsigned char *lf = memchr(rest->data, '\n', rest->len);
    size_t len = (size_t)(lf - rest->data);
    struct rc_slice line = rc_slice(rest->data, len);
    *rest = rc_slice(lf + 1, rest->len - len - 1);
    if (len > 0 && line.data[len - 1] == '\r') {
        line.len--;
    }
    return line;
}

/* "STAT <name> <value>"; the value may be empty, or have blanks. */
static bool read_figure(struct rc_slice line, struct rc_figure *figure)
{
    enum { WORD_LEN = 5 };
    if (!rc_slice_starts(line, "STAT ")) {
        return false;
    }
    struct rc_slice rest = rc_slice(line.data + WORD_LEN, line.len - WORD_LEN);
    const unsigned char *blank = rest.len > 0 ? memchr(rest.data, ' ', rest.len) : NULL;
    size_t len = blank != NULL ? (size_t)(blank - rest.data) : rest.len;
    figure->name = rc_slice(rest.data, len);
    figure->value =
        blank != NULL ? rc_slice(blank + 1, rest.len - len - 1) : rc_slice(rest.data + len, 0);
    return len > 0;
}

bool rc_memcached_next_figure(struct rc_slice *rest, struct rc_figure *figure)
{
    return rest->len > 0 && read_figure(take_line(rest), figure);
}

/* One line further: ONE when it was the last, MORE when another one is to be read. */
static enum rc_decoded step_figures(struct rc_decoder *decoder, struct rc_slice input,
    struct rc_slice line, struct rc_answer *answer, size_t *consumed)
{
    struct rc_figure figure;
    if (rc_slice_equal(line, rc_slice_text("END"))) {
        answer->value = rc_slice(input.data, decoder->lines);
        *consumed = decoder->lines + line.len + 2;
        return RC_DECODED_ONE;
    }
    if (!read_figure(line, &figure)) {
        return rc_wire_bad(answer, "a line that is no figure");
    }
    decoder->lines += line.len + 2;
    return RC_DECODED_MORE;
}

/* There are more than are kept: those that came are left out, and the others as they come. */
static enum rc_decoded leave_out_figures(struct rc_decoder *decoder, struct rc_answer *answer)
{
    decoder->excess = (struct rc_excess){.found = true, .left = decoder->lines};
    decoder->left_out += decoder->lines;
    decoder->lines = 0;
    if (decoder->left_out > RC_VALUE_MAX_BYTES) {
        return rc_wire_bad(answer, "more figures than a server has");
    }
    decoder->need = 1;
    return RC_DECODED_MORE;
}

/* Their end has come. */
static void settle_figures(struct rc_decoder *decoder, struct rc_answer *answer)
{
    decoder->lines = 0;
    if (decoder->left_out > 0) {
        decoder->left_out = 0;
        rc_wire_settle(decoder, answer);
        answer->message = rc_slice_text("the figures are more than 1 MiB");
    }
}

static enum rc_decoded take_figures(struct rc_decoder *decoder, struct rc_slice input,
    enum rc_verb verb, struct rc_answer *answer, size_t *consumed)
{
    enum rc_decoded got = RC_DECODED_MORE;
    while (got == RC_DECODED_MORE) {
        struct rc_slice line;
        const char *why;
        struct rc_slice rest = rc_slice(input.data + decoder->lines, input.len - decoder->lines);
        if (decoder->lines > STATS_MAX_BYTES) {
            return leave_out_figures(decoder, answer);
        }
        got = rc_wire_line(rest, LINE_MAX_BYTES, &line, &why);
        if (got == RC_DECODED_MORE) {
            decoder->need = input.len + 1;
            return got;
        }
        bool first = decoder->lines == 0 && decoder->left_out == 0;
        if (got == RC_DECODED_BAD) {
            return rc_wire_bad(answer, why);
        }
        if (first && rc_memcached_read_error(line, verb, answer)) {
            *consumed = line.len + 2;
        } else {
            got = step_figures(decoder, input, line, answer, consumed);
        }
    }
    if (got == RC_DECODED_ONE) {
        settle_figures(decoder, answer);
    }
    return got;
}

/* Of the settings, how large an item may be; 0 when that is not among them. */
static enum rc_decoded read_item_size(struct rc_answer *answer)
{
    struct rc_figure figure;
    struct rc_slice rest = answer->value;
    answer->value = rc_slice(NULL, 0);
    while (rc_memcached_next_figure(&rest, &figure)) {
        if (rc_slice_equal(figure.name, rc_slice_text("item_size_max")) &&
            !rc_number_parse(figure.value.data, figure.value.len, UINT64_MAX, &answer->number)) {
            return rc_wire_bad(answer, "the item_size_max is malformed");
        }
    }
    return RC_DECODED_ONE;
}

static enum rc_decoded take_settings(
    struct rc_decoder *decoder, struct rc_slice input, struct rc_answer *answer, size_t *consumed)
{
    enum rc_decoded got = take_figures(decoder, input, RC_VERB_SETTINGS, answer, consumed);
    return got == RC_DECODED_ONE ? read_item_size(answer) : got;
}

/* ---- keys ---- */

static bool read_key(struct rc_slice text, struct rc_listed *listed)
{
    size_t len = 0;
    while (text.len > 0) {
        unsigned char byte = 0;
        size_t written = len < sizeof listed->decoded ? rc_percent_read(text, &byte) : 0;
        if (written == 0) {
            return false;
        }
        listed->decoded[len++] = byte;
        text = rc_slice(text.data + written, text.len - written);
    }
    listed->key = rc_slice(listed->decoded, len);
    return len > 0;
}

static bool read_time(struct rc_slice text, int64_t *exptime_s)
{
    uint64_t seconds;
    if (rc_slice_equal(text, rc_slice_text("-1"))) {
        *exptime_s = -1;
        return true;
    }
    if (!rc_number_parse(text.data, text.len, INT64_MAX, &seconds)) {
        return false;
    }
    *exptime_s = (int64_t)seconds;
    return true;
}

/* What stands behind `name` at the start of `rest`, up to the blank that it leaves out. */
static bool take_field(struct rc_slice *rest, const char *name, struct rc_slice *field)
{
    size_t skip = strlen(name);
    if (!rc_slice_starts(*rest, name)) {
        return false;
    }
    const unsigned char *start = rest->data + skip;
    const unsigned char *blank = memchr(start, ' ', rest->len - skip);
    size_t len = blank != NULL ? (size_t)(blank - start) : rest->len - skip;
    size_t used = skip + len + (blank != NULL ? 1 : 0);
    *field = rc_slice(start, len);
    *rest = rc_slice(rest->data + used, rest->len - used);
    return true;
}

/* "key=<key> exp=<time> …": versions differ in what follows. */
static bool read_listed(struct rc_slice line, struct rc_listed *listed)
{
    struct rc_slice key, time;
    return take_field(&line, "key=", &key) && take_field(&line, "exp=", &time) &&
           read_key(key, listed) && read_time(time, &listed->exptime_s);
}

bool rc_memcached_next_key(struct rc_slice *rest, struct rc_listed *listed)
{
    return rest->len > 0 && read_listed(take_line(rest), listed);
}

/* How many bytes of whole lines with keys `input` begins with; one that is broken ends them too. */
static size_t lines_of_keys(struct rc_slice input)
{
    struct rc_listed listed;
    struct rc_slice rest = input;
    size_t len = 0;
    while (rc_slice_starts(rest, "key=") && memchr(rest.data, '\n', rest.len) != NULL &&
           rc_memcached_next_key(&rest, &listed)) {
        len = input.len - rest.len;
    }
    return len;
}

/* A line that is no key, nor the end: an error, or nothing that is known. */
static enum rc_decoded take_refusal(
    struct rc_slice line, enum rc_verb verb, struct rc_answer *answer, size_t *consumed)
{
    if (!rc_memcached_read_error(line, verb, answer)) {
        return rc_wire_bad(answer, "a reply that this command cannot have");
    }
    *consumed = line.len + 2;
    return RC_DECODED_ONE;
}

/* What is no key: the end, that the crawler is at work for somebody else, or an error. */
static enum rc_decoded take_end_of_keys(
    struct rc_decoder *decoder, struct rc_slice input, struct rc_answer *answer, size_t *consumed)
{
    struct rc_slice line;
    enum rc_decoded got = rc_memcached_take_line(decoder, input, &line, answer);
    if (got != RC_DECODED_ONE) {
        return got;
    }
    *consumed = line.len + 2;
    if (rc_slice_equal(line, rc_slice_text("END"))) {
        return got;
    }
    if (rc_slice_starts(line, "BUSY")) {
        answer->status = RINGCACHE_ESERVER;
        answer->message = line;
        answer->again = true;
        return got;
    }
    return take_refusal(line, RC_VERB_KEYS, answer, consumed);
}

static enum rc_decoded take_keys(
    struct rc_decoder *decoder, struct rc_slice input, struct rc_answer *answer, size_t *consumed)
{
    size_t len = lines_of_keys(input);
    if (len == 0) {
        return take_end_of_keys(decoder, input, answer, consumed);
    }
    answer->value = rc_slice(input.data, len);
    answer->more = true;
    *consumed = len;
    return RC_DECODED_ONE;
}

/* ---- answers ---- */

static enum rc_decoded take_flushed(
    struct rc_decoder *decoder, struct rc_slice input, struct rc_answer *answer, size_t *consumed)
{
    struct rc_slice line;
    enum rc_decoded got = rc_memcached_take_line(decoder, input, &line, answer);
    if (got != RC_DECODED_ONE) {
        return got;
    }
    *consumed = line.len + 2;
    return rc_slice_equal(line, rc_slice_text("OK"))
               ? got
               : take_refusal(line, RC_VERB_FLUSH, answer, consumed);
}

enum rc_decoded rc_memcached_decode_answer(struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed)
{
    if (rc_wire_too_early(decoder, input)) {
        return RC_DECODED_MORE;
    }
    *answer = (struct rc_answer){.status = RINGCACHE_OK};
    if (expect->verb == RC_VERB_STATS) {
        return take_figures(decoder, input, RC_VERB_STATS, answer, consumed);
    }
    if (expect->verb == RC_VERB_SETTINGS) {
        return take_settings(decoder, input, answer, consumed);
    }
    return expect->verb == RC_VERB_KEYS ? take_keys(decoder, input, answer, consumed)
                                        : take_flushed(decoder, input, answer, consumed);
}

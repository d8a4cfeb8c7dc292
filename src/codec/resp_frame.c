/* SPDX-License-Identifier: MIT */
#include "codec/resp_frame.h"

#include "base/number.h"
#include "codec/wire.h"

/* A type byte, a sign, 20 digits, CR LF. */
enum { NUMBER_LINE_MAX = 24 };

static enum rc_decoded take_line(struct rc_slice input, size_t max_bytes,
    struct rc_resp_token *token, struct rc_slice *content, const char **why)
{
    struct rc_slice line;
    enum rc_decoded got = rc_wire_line(input, max_bytes, &line, why);
    if (got == RC_DECODED_MORE) {
        token->len = input.len + 1;
    }
    if (got != RC_DECODED_ONE) {
        return got;
    }
    *content = rc_slice(line.data + 1, line.len - 1);
    token->len = line.len + 2;
    return RC_DECODED_ONE;
}

static enum rc_decoded take_integer(
    struct rc_slice input, struct rc_resp_token *token, const char **why)
{
    struct rc_slice text;
    enum rc_decoded got = take_line(input, NUMBER_LINE_MAX, token, &text, why);
    if (got != RC_DECODED_ONE) {
        return got;
    }
    bool negative = rc_slice_starts(text, "-");
    size_t sign = negative ? 1 : 0;
    uint64_t magnitude;
    /* One more than INT64_MAX has a negative only; "-0" is nobody's number. */
    uint64_t cap = (uint64_t)INT64_MAX + sign;
    if (!rc_number_parse(text.data + sign, text.len - sign, cap, &magnitude) ||
        (negative && magnitude == 0)) {
        *why = "a number of the reply is malformed";
        return RC_DECODED_BAD;
    }
    token->number = negative ? -(int64_t)(magnitude - 1) - 1 : (int64_t)magnitude;
    return RC_DECODED_ONE;
}

/* The length of a bulk or an array: digits, or -1 for nil. */
static enum rc_decoded take_length(
    struct rc_slice input, uint64_t cap, struct rc_resp_token *token, const char **why)
{
    struct rc_slice text;
    enum rc_decoded got = take_line(input, NUMBER_LINE_MAX, token, &text, why);
    if (got != RC_DECODED_ONE) {
        return got;
    }
    if (rc_slice_equal(text, rc_slice_text("-1"))) {
        token->nil = true;
        return RC_DECODED_ONE;
    }
    uint64_t length;
    if (!rc_number_parse(text.data, text.len, UINT64_MAX, &length)) {
        *why = "a length in the reply is malformed";
        return RC_DECODED_BAD;
    }
    if (length > cap) {
        *why = input.data[0] == '$' ? "a value of the reply is too long"
                                    : "an array of the reply has too many elements";
        return RC_DECODED_BAD;
    }
    token->number = (int64_t)length;
    return RC_DECODED_ONE;
}

static enum rc_decoded take_bulk(struct rc_slice input, const struct rc_resp_bounds *bounds,
    struct rc_resp_token *token, const char **why)
{
    uint64_t addressable = SIZE_MAX / 2;
    uint64_t cap = bounds->bulk_bytes < addressable ? bounds->bulk_bytes : addressable;
    enum rc_decoded got = take_length(input, cap, token, why);
    if (got != RC_DECODED_ONE || token->nil) {
        return got;
    }
    size_t head = token->len;
    size_t length = (size_t)token->number;
    token->number = 0;
    if (bounds->decoder != NULL &&
        !rc_wire_admit(
            bounds->decoder, bounds->decoder->limits.max_value_bytes, bounds->at + head, &length)) {
        token->len = head + 1;
        return RC_DECODED_MORE;
    }
    token->len = head + length + 2;
    if (input.len < token->len) {
        return RC_DECODED_MORE;
    }
    if (memcmp(input.data + head + length, "\r\n", 2) != 0) {
        *why = "the value does not end where its length says";
        return RC_DECODED_BAD;
    }
    token->text = rc_slice(input.data + head, length);
    return RC_DECODED_ONE;
}

enum rc_decoded rc_resp_token(struct rc_slice input, const struct rc_resp_bounds *bounds,
    struct rc_resp_token *token, const char **why)
{
    *token = (struct rc_resp_token){.len = 1};
    if (input.len == 0) {
        return RC_DECODED_MORE;
    }
    token->kind = input.data[0];
    switch (token->kind) {
    case '+':
    case '-':
        return take_line(input, bounds->line_bytes, token, &token->text, why);
    case ':':
        return take_integer(input, token, why);
    case '$':
        return take_bulk(input, bounds, token, why);
    case '*':
        return take_length(input, RC_RESP_ELEMENTS_MAX, token, why);
    default:
        *why = memchr("%~#,_(=>|!", token->kind, 10) != NULL ? "a RESP3 reply on a RESP2 connection"
                                                             : "not a reply of the RESP2 protocol";
        return RC_DECODED_BAD;
    }
}

static const char *open_array(struct rc_resp_scan *scan, const struct rc_resp_token *token)
{
    if (scan->depth == RC_RESP_DEPTH_MAX) {
        return "the arrays of the reply nest too deep";
    }
    uint32_t count = (uint32_t)token->number;
    if (count > RC_RESP_ELEMENTS_MAX - scan->announced) {
        return "the reply has too many elements";
    }
    scan->announced += count;
    if (count > 0) {
        scan->left[scan->depth++] = count;
    }
    return NULL;
}

/* An element is complete; so is each array whose last element it was. */
static void close_arrays(struct rc_resp_scan *scan)
{
    while (scan->depth > 0 && --scan->left[scan->depth - 1] == 0) {
        scan->depth--;
    }
}

enum rc_decoded rc_resp_scan_step(
    struct rc_resp_scan *scan, struct rc_slice input, size_t max_bytes, const char **why)
{
    struct rc_resp_bounds bounds = {.line_bytes = RC_RESP_SCRIPT_LINE_MAX, .bulk_bytes = max_bytes};
    struct rc_resp_token token;
    struct rc_slice rest = rc_slice(input.data + scan->offset, input.len - scan->offset);
    enum rc_decoded got = rc_resp_token(rest, &bounds, &token, why);
    if (got == RC_DECODED_BAD) {
        return got;
    }
    if (token.len > max_bytes - scan->offset) {
        *why = "the reply is larger than its bound";
        return RC_DECODED_BAD;
    }
    if (got == RC_DECODED_MORE) {
        scan->need = scan->offset + token.len;
        return got;
    }
    uint32_t depth = scan->depth;
    if (token.kind == '*' && (*why = open_array(scan, &token)) != NULL) {
        return RC_DECODED_BAD;
    }
    scan->offset += token.len;
    scan->elements++;
    scan->text_bytes += token.text.len;
    if (scan->depth == depth) {
        close_arrays(scan);
    }
    return RC_DECODED_ONE;
}

enum rc_decoded rc_resp_frame(
    struct rc_resp_scan *scan, struct rc_slice input, size_t max_bytes, const char **why)
{
    do {
        enum rc_decoded got = rc_resp_scan_step(scan, input, max_bytes, why);
        if (got != RC_DECODED_ONE) {
            return got;
        }
    } while (scan->depth > 0);
    scan->need = 0;
    return RC_DECODED_ONE;
}

/* The token at the walk's offset must be of `kind`; a wrong type byte says so at once. */
static enum rc_decoded walk_token(struct rc_resp_bulks *bulks, struct rc_slice input,
    unsigned char kind, struct rc_resp_token *token, const char **why)
{
    struct rc_slice rest = rc_slice(input.data + bulks->offset, input.len - bulks->offset);
    if (rest.len > 0 && rest.data[0] != kind) {
        *why = "not an array of values";
        return RC_DECODED_BAD;
    }
    struct rc_resp_bounds bounds = {
        RC_RESP_LINE_MAX, bulks->bulk_bytes, bulks->decoder, bulks->offset};
    enum rc_decoded got = rc_resp_token(rest, &bounds, token, why);
    bulks->need = got == RC_DECODED_MORE ? bulks->offset + token->len : 0;
    return got;
}

enum rc_decoded rc_resp_bulks_begin(
    struct rc_resp_bulks *bulks, struct rc_slice input, uint64_t count, const char **why)
{
    struct rc_resp_token head;
    enum rc_decoded got = walk_token(bulks, input, '*', &head, why);
    if (got != RC_DECODED_ONE) {
        return got;
    }
    if (head.nil || (uint64_t)head.number != count) {
        *why = "an array of another length than asked for";
        return RC_DECODED_BAD;
    }
    bulks->offset = head.len;
    bulks->left = count;
    return RC_DECODED_ONE;
}

enum rc_decoded rc_resp_bulks_next(struct rc_resp_bulks *bulks, struct rc_slice input,
    struct rc_resp_token *element, const char **why)
{
    enum rc_decoded got = walk_token(bulks, input, '$', element, why);
    if (got == RC_DECODED_ONE) {
        bulks->offset += element->len;
        bulks->left--;
    }
    return got;
}

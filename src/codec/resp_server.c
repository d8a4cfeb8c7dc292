/* SPDX-License-Identifier: MIT */
#include "codec/resp_server.h"

#include <string.h>

#include "base/number.h"
#include "codec/resp_frame.h"

/* ---- INFO ---- */

static struct rc_slice take_line(struct rc_slice *rest)
{
    const unsigned char *lf = memchr(rest->data, '\n', rest->len);
    size_t len = lf != NULL ? (size_t)(lf - rest->data) : rest->len;
    size_t used = len + (lf != NULL ? 1 : 0);
    struct rc_slice line = rc_slice(rest->data, len);
    *rest = rc_slice(rest->data + used, rest->len - used);
    if (len > 0 && line.data[len - 1] == '\r') {
        line.len--;
    }
    return line;
}

/* "<name>:<value>", the name without blanks; sections and empty lines are none. */
static bool read_figure(struct rc_slice line, struct rc_figure *figure)
{
    const unsigned char *colon = line.len > 0 ? memchr(line.data, ':', line.len) : NULL;
    size_t len = colon != NULL ? (size_t)(colon - line.data) : 0;
    if (len == 0 || line.data[0] == '#' || memchr(line.data, ' ', len) != NULL) {
        return false;
    }
    figure->name = rc_slice(line.data, len);
    figure->value = rc_slice(colon + 1, line.len - len - 1);
    return true;
}

bool rc_resp_next_figure(struct rc_slice *rest, struct rc_figure *figure)
{
    while (rest->len > 0) {
        if (read_figure(take_line(rest), figure)) {
            return true;
        }
    }
    return false;
}

struct rc_slice rc_resp_find_field(struct rc_slice text, const char *name)
{
    struct rc_figure figure;
    while (rc_resp_next_figure(&text, &figure)) {
        if (rc_slice_equal(figure.name, rc_slice_text(name))) {
            return figure.value;
        }
    }
    return rc_slice(NULL, 0);
}

void rc_resp_read_version(struct rc_slice text, struct rc_answer *answer)
{
    answer->value = rc_resp_find_field(text, "valkey_version");
    if (answer->value.len == 0) {
        answer->value = rc_resp_find_field(text, "redis_version");
    }
    answer->status = answer->value.len > 0 ? RINGCACHE_OK : RINGCACHE_MISS;
}

/* ---- SCAN ---- */

/* The next token of a frame that was scanned before: it is whole. */
static bool take_token(struct rc_slice *rest, unsigned char kind, struct rc_resp_token *token)
{
    const char *why;
    const struct rc_resp_bounds bounds = {RC_RESP_LINE_MAX, rest->len};
    if (rest->len == 0 || rest->data[0] != kind ||
        rc_resp_token(*rest, &bounds, token, &why) != RC_DECODED_ONE || token->nil) {
        return false;
    }
    *rest = rc_slice(rest->data + token->len, rest->len - token->len);
    return true;
}

const char *rc_resp_read_page(struct rc_slice frame, struct rc_answer *answer)
{
    static const char broken[] = "not a page of keys and where to go on";
    struct rc_resp_token page, cursor, keys, key;
    bool good = take_token(&frame, '*', &page) && page.number == 2 &&
                take_token(&frame, '$', &cursor) &&
                rc_number_parse(cursor.text.data, cursor.text.len, UINT64_MAX, &answer->number) &&
                take_token(&frame, '*', &keys);
    struct rc_slice rest = frame;
    for (int64_t i = 0; good && i < keys.number; i++) {
        good = take_token(&rest, '$', &key);
    }
    answer->value = frame;
    return good ? NULL : broken;
}

bool rc_resp_next_key(struct rc_slice *rest, struct rc_listed *listed)
{
    struct rc_resp_token key;
    if (!take_token(rest, '$', &key)) {
        return false;
    }
    listed->key = key.text;
    listed->exptime_s = 0;
    return true;
}

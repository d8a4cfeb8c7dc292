/* SPDX-License-Identifier: MIT */
#include "codec/wire.h"

enum { PRINTABLE_MAX_BYTES = 256 };

enum rc_decoded rc_wire_line(
    struct rc_slice input, size_t max_bytes, struct rc_slice *line, const char **why)
{
    size_t searched = input.len < max_bytes ? input.len : max_bytes;
    const unsigned char *lf = searched > 0 ? memchr(input.data, '\n', searched) : NULL;
    if (lf == NULL && searched < max_bytes) {
        return RC_DECODED_MORE;
    }
    if (lf == NULL) {
        *why = "a line of the reply is too long";
        return RC_DECODED_BAD;
    }
    size_t len = (size_t)(lf - input.data);
    if (len == 0 || memchr(input.data, '\r', len) != lf - 1) {
        *why = "a line of the reply does not end in CR LF";
        return RC_DECODED_BAD;
    }
    *line = rc_slice(input.data, len - 1);
    return RC_DECODED_ONE;
}

struct rc_slice rc_wire_printable(struct rc_slice input)
{
    size_t len = 0;
    while (len < input.len && len < PRINTABLE_MAX_BYTES && input.data[len] >= 0x20 &&
           input.data[len] < 0x7f) {
        len++;
    }
    return rc_slice(input.data, len);
}

bool rc_wire_too_early(struct rc_decoder *decoder, struct rc_slice input)
{
    if (input.len > 0 && input.len >= decoder->need) {
        decoder->need = 0;
        return false;
    }
    decoder->need = decoder->need > 0 ? decoder->need : 1;
    return true;
}

bool rc_wire_admit(struct rc_decoder *decoder, uint64_t bound, size_t at, size_t *len)
{
    if (*len <= bound) {
        return true;
    }
    if (!decoder->excess.found) {
        decoder->excess = (struct rc_excess){.found = true, .at = at, .left = *len};
        decoder->need = at + 1;
        return false;
    }
    *len = 0;
    return true;
}

void rc_wire_settle(struct rc_decoder *decoder, struct rc_answer *answer)
{
    if (decoder->excess.found) {
        decoder->excess = (struct rc_excess){0};
        rc_wire_too_large(answer);
    }
}

void rc_wire_too_large(struct rc_answer *answer)
{
    answer->status = RINGCACHE_ETOOBIG;
    answer->value = rc_slice(NULL, 0);
    answer->message = rc_slice_text("the value is larger than max_value_bytes");
}

enum rc_decoded rc_wire_bad(struct rc_answer *answer, const char *why)
{
    *answer = (struct rc_answer){
        .status = RINGCACHE_EPROTOCOL,
        .message = rc_slice_text(why),
    };
    return RC_DECODED_BAD;
}

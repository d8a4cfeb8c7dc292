/* SPDX-License-Identifier: MIT */
/* What a memcached says of its settings, of which the largest item is wanted:
 *
 *     stats settings\r\n   ->  STAT maxbytes 67108864\r\n
 *                               STAT item_size_max 1048576\r\n   and some sixty more
 *                               END\r\n
 *
 * A server that does not know the question answers with one line of an error, which is an answer
 * as well. */
#include "base/number.h"
#include "codec/memcached.h"

enum { REPLY_MAX_BYTES = 64 * 1024 };

static const char stat_word[] = "STAT ";
static const char wanted[] = "item_size_max ";

static struct rc_slice behind(struct rc_slice text, size_t len)
{
    return rc_slice(text.data + len, text.len - len);
}

/* NULL, or why the line is no setting. */
static const char *read_setting(struct rc_slice line, uint64_t *item_max_bytes)
{
    if (!rc_slice_starts(line, stat_word) || line.len == sizeof stat_word - 1) {
        return "a line that is no setting";
    }
    struct rc_slice setting = behind(line, sizeof stat_word - 1);
    if (!rc_slice_starts(setting, wanted)) {
        return NULL;
    }
    struct rc_slice value = behind(setting, sizeof wanted - 1);
    return rc_number_parse(value.data, value.len, UINT64_MAX, item_max_bytes)
               ? NULL
               : "the item_size_max is malformed";
}

/* Is the line the reply's last one? Then the answer is whole. */
static bool read_end(
    struct rc_slice line, const struct rc_settings_scan *scan, struct rc_answer *answer)
{
    if (rc_slice_equal(line, rc_slice_text("END"))) {
        answer->number = scan->item_max_bytes;
        return true;
    }
    return scan->read == 0 && rc_memcached_read_error(line, RC_VERB_SETTINGS, answer);
}

enum rc_decoded rc_memcached_read_settings(
    struct rc_decoder *decoder, struct rc_slice input, struct rc_answer *answer, size_t *consumed)
{
    struct rc_settings_scan *scan = &decoder->settings;
    for (;;) {
        struct rc_slice line;
        enum rc_decoded got =
            rc_memcached_take_line(decoder, behind(input, scan->read), &line, answer);
        if (got != RC_DECODED_ONE) {
            decoder->need += got == RC_DECODED_MORE ? scan->read : 0;
            return got;
        }
        size_t end = scan->read + line.len + 2;
        if (end > REPLY_MAX_BYTES) {
            return rc_wire_bad(answer, "the settings are longer than 64 KiB");
        }
        if (read_end(line, scan, answer)) {
            *consumed = end;
            *scan = (struct rc_settings_scan){0};
            return RC_DECODED_ONE;
        }
        const char *why = read_setting(line, &scan->item_max_bytes);
        if (why != NULL) {
            return rc_wire_bad(answer, why);
        }
        scan->read = end;
    }
}

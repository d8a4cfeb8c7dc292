/* SPDX-License-Identifier: MIT */
/* By the book: memcached's doc/protocol.txt. A line ends with CR LF, words are divided by a blank,
 * numbers are decimal. What a server would forgive, this one does not. */
#include "injection.h"

#include <stdio.h>

enum { LINE_MAX_BYTES = 2048 /* memcached drops who sends more, but for a get of many keys */ };

static bool split(struct rc_slice line, struct words *words)
{
    size_t start = 0;
    words->count = 0;
    for (size_t i = 0; i <= line.len; i++) {
        if (i < line.len && line.data[i] != ' ') {
            continue;
        }
        if (i == start || words->count == WORDS_MAX) {
            return false;
        }
        words->word[words->count++] = rc_slice(line.data + start, i - start);
        start = i + 1;
    }
    return true;
}

size_t text_line(struct peer *peer, struct rc_slice bytes, struct words *words)
{
    const unsigned char *lf = memchr(bytes.data, '\n', bytes.len);
    size_t len = lf != NULL ? (size_t)(lf - bytes.data) + 1 : bytes.len;
    if (len > LINE_MAX_BYTES && !rc_slice_starts(bytes, "get ")) {
        trial_fail(peer->trial, "a line longer than memcached takes", bytes);
        return 0;
    }
    if (lf == NULL) {
        return 0;
    }
    if (len < 2 || lf[-1] != '\r') {
        trial_fail(peer->trial, "a line that does not end in CR LF", bytes);
        return 0;
    }
    struct rc_slice line = rc_slice(bytes.data, len - 2);
    for (size_t i = 0; i < line.len; i++) {
        if (line.data[i] < 0x20 || line.data[i] == 0x7f) {
            trial_fail(peer->trial, "a control byte in a line", bytes);
            return 0;
        }
    }
    if (!split(line, words)) {
        trial_fail(peer->trial, "a line with an empty word, or too many", bytes);
        return 0;
    }
    return len;
}

bool text_number(struct rc_slice text, uint64_t most, uint64_t *number)
{
    uint64_t sum = 0;
    if (text.len == 0 || text.len > 20 || (text.len > 1 && text.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = text.data[i] - (unsigned)'0';
        if (digit > 9 || sum > (UINT64_MAX - digit) / 10) {
            return false;
        }
        sum = sum * 10 + digit;
    }
    *number = sum;
    return sum <= most;
}

bool text_time(struct rc_slice text, int64_t *time)
{
    uint64_t magnitude;
    bool negative = rc_slice_starts(text, "-");
    if (negative) {
        text = rc_slice(text.data + 1, text.len - 1);
    }
    if (!text_number(text, INT32_MAX, &magnitude)) {
        return false;
    }
    *time = negative ? -(int64_t)magnitude : (int64_t)magnitude;
    return true;
}

bool text_hex(struct rc_slice text, size_t digits, uint64_t *number)
{
    static const char all[] = "0123456789abcdef";
    uint64_t sum = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *digit = memchr(all, text.data[i], 16);
        if (digit == NULL) {
            return false;
        }
        sum = sum << 4 | (uint64_t)(digit - all);
    }
    *number = sum;
    return text.len == digits;
}

bool text_is(struct rc_slice word, const char *text)
{
    return rc_slice_equal(word, rc_slice_text(text));
}

bool text_is_key(struct rc_slice word)
{
    return word.len >= 1 && word.len <= 250; /* blanks and control bytes do not come this far */
}

void text_say(struct peer *peer, const char *format, ...)
{
    char line[400];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    assert_in_range(len, 0, sizeof line - 1);
    sim_bytes_append(&peer->out, line, (size_t)len);
}

bool text_data(struct peer *peer, struct rc_slice bytes, size_t from, uint64_t len)
{
    if (len > MAX_VALUE_BYTES) {
        trial_fail(peer->trial, "data of a length that was never submitted", bytes);
        return false;
    }
    if (bytes.len < from + len + 2) {
        return false;
    }
    if (memcmp(bytes.data + from + len, "\r\n", 2) != 0) {
        trial_fail(peer->trial, "data that does not end where its length says", bytes);
        return false;
    }
    return true;
}

bool text_settings(struct peer *peer, const struct words *words)
{
    if (peer->greeted != 1 || words->count != 2 || !text_is(words->word[0], "stats") ||
        !text_is(words->word[1], "settings")) {
        return false;
    }
    peer->greeted++;
    text_say(peer, "STAT maxbytes 67108864\r\nEND\r\n");
    return true;
}

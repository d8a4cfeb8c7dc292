/* SPDX-License-Identifier: MIT */
#include "codec/usual.h"

#include <string.h>

#include "base/number.h"

enum {
    CRLF_LEN = 2,
    CODE_LEN = 2,  /* VA, HD, EN */
    TAIL_LEN = 12, /* " O", eight digits, CR LF */
    DIGITS_MAX = 9,
};

/* One reply that asks for one look: nothing beside the value, no proof behind it. */
static bool is_plain(const struct rc_expect *expect)
{
    return !expect->strict && !expect->want_cas && !expect->want_ttl;
}

/* The number at `at`, without needless zeros; where it ends, or NULL when there is none. */
static const unsigned char *take_digits(
    const unsigned char *at, const unsigned char *end, uint32_t *number)
{
    const unsigned char *first = at;
    uint32_t n = 0;
    for (; at < end && at - first < DIGITS_MAX && *at >= '0' && *at <= '9'; at++) {
        n = n * 10 + (*at - (uint32_t)'0');
    }
    *number = n;
    return at == first || (*first == '0' && at - first > 1) ? NULL : at;
}

/* `size` bytes from `at` on, and the end of their line behind them: the value of the reply. */
static bool take_value(const struct rc_decoder *decoder, struct rc_slice input,
    const unsigned char *at, uint32_t size, struct rc_answer *answer)
{
    size_t left = input.len - (size_t)(at - input.data);
    if (size > decoder->limits.max_value_bytes || left < (size_t)size + CRLF_LEN ||
        memcmp(at + size, "\r\n", CRLF_LEN) != 0) {
        return false;
    }
    *answer = (struct rc_answer){.status = RINGCACHE_OK, .value = rc_slice(at, size)};
    return true;
}

/* ---- memcached meta ---- */

static bool is_tail(const unsigned char *at, uint64_t token)
{
    return memcmp(at, " O", 2) == 0 && rc_number_is_hex8(at + 2, (uint32_t)token) &&
           memcmp(at + TAIL_LEN - CRLF_LEN, "\r\n", CRLF_LEN) == 0;
}

/* VA <size> f<flags> O<opaque>, and the value. */
static bool take_hit(const struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed)
{
    const unsigned char *end = input.data + input.len;
    uint32_t size, flags;
    const unsigned char *at = take_digits(input.data + CODE_LEN + 1, end, &size);
    if (at == NULL || end - at < CRLF_LEN || memcmp(at, " f", 2) != 0) {
        return false;
    }
    at = take_digits(at + 2, end, &flags);
    if (at == NULL || end - at < TAIL_LEN || !is_tail(at, expect->token) ||
        !take_value(decoder, input, at + TAIL_LEN, size, answer)) {
        return false;
    }
    answer->flags = flags;
    *consumed = (size_t)(at - input.data) + TAIL_LEN + size + CRLF_LEN;
    return true;
}

bool rc_usual_meta(const struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed)
{
    bool gets = expect->verb == RC_VERB_GET;
    if (!is_plain(expect) || input.len < CODE_LEN + TAIL_LEN) {
        return false;
    }
    if (gets && memcmp(input.data, "VA ", CODE_LEN + 1) == 0) {
        return take_hit(decoder, input, expect, answer, consumed);
    }
    bool missed = gets && memcmp(input.data, "EN", CODE_LEN) == 0;
    bool done = expect->verb == RC_VERB_SET && memcmp(input.data, "HD", CODE_LEN) == 0;
    if ((!missed && !done) || !is_tail(input.data + CODE_LEN, expect->token)) {
        return false;
    }
    *answer = (struct rc_answer){.status = missed ? RINGCACHE_MISS : RINGCACHE_OK};
    *consumed = CODE_LEN + TAIL_LEN;
    return true;
}

/* VALUE <key> <flags> <size> */
size_t rc_usual_value(struct rc_slice input, struct rc_slice key, struct rc_memcached_value *value)
{
    enum { WORD_LEN = 6, LINE_MIN = WORD_LEN + 4 + CRLF_LEN };
    if (input.len < key.len + LINE_MIN || memcmp(input.data, "VALUE ", WORD_LEN) != 0 ||
        memcmp(input.data + WORD_LEN, key.data, key.len) != 0) {
        return 0;
    }
    const unsigned char *end = input.data + input.len;
    const unsigned char *at = input.data + WORD_LEN + key.len;
    uint32_t flags, size;
    if (*at != ' ' || (at = take_digits(at + 1, end, &flags)) == NULL || at == end || *at != ' ' ||
        (at = take_digits(at + 1, end, &size)) == NULL || end - at < CRLF_LEN ||
        memcmp(at, "\r\n", CRLF_LEN) != 0) {
        return 0;
    }
    *value = (struct rc_memcached_value){.key = key, .flags = flags, .size = size};
    return (size_t)(at - input.data) + CRLF_LEN;
}

/* ---- RESP ---- */

enum { LINE_LEN = 5 };

static const char ok_line[] = "+OK\r\n", nil_line[] = "$-1\r\n";

/* $<size>, and the value. */
static bool take_bulk(const struct rc_decoder *decoder, struct rc_slice input,
    struct rc_answer *answer, size_t *consumed)
{
    const unsigned char *end = input.data + input.len;
    uint32_t size;
    const unsigned char *at = take_digits(input.data + 1, end, &size);
    if (at == NULL || end - at < CRLF_LEN || memcmp(at, "\r\n", CRLF_LEN) != 0 ||
        !take_value(decoder, input, at + CRLF_LEN, size, answer)) {
        return false;
    }
    *consumed = (size_t)(at - input.data) + CRLF_LEN + size + CRLF_LEN;
    return true;
}

/* In a batch the array's head stands before the first element; the others are like single ones. */
bool rc_usual_resp(const struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed)
{
    bool gets = expect->verb == RC_VERB_GET, headed = expect->due > 0 && expect->first;
    if (headed || !is_plain(expect) || input.len < LINE_LEN) {
        return false;
    }
    if (gets && input.data[0] == '$' && take_bulk(decoder, input, answer, consumed)) {
        return true;
    }
    bool missed = gets && memcmp(input.data, nil_line, LINE_LEN) == 0;
    bool done = expect->verb == RC_VERB_SET && memcmp(input.data, ok_line, LINE_LEN) == 0;
    if (missed || done) {
        *answer = (struct rc_answer){.status = missed ? RINGCACHE_MISS : RINGCACHE_OK};
        *consumed = LINE_LEN;
    }
    return missed || done;
}

/* SPDX-License-Identifier: MIT */
#include "codec/usual.h"

#include <limits.h>
#include <string.h>

#include "base/number.h"
#include "codec/meta_batch.h"

enum {
    CRLF_LEN = 2,
    CODE_LEN = 2,  /* VA, HD, EN */
    TAIL_LEN = 12, /* " O", eight digits, CR LF */
    FLAGS_LEN = 3, /* " f0" */
    WORD = sizeof(uint64_t),
};

/* Is that text, a word long at most, what is at `at`? */
static inline bool is_text(const unsigned char *at, const char *text)
{
    return memcmp(at, text, strlen(text)) == 0;
}

/* Apart from `load`, so that its call costs the usual case nothing. */
__attribute__((noinline)) static uint64_t load_last(const unsigned char *at, size_t left)
{
    uint64_t bytes = 0;
    memcpy(&bytes, at, left);
    return bytes;
}

/* Eight bytes as they stand in memory, the first of them lowest; behind the end, none. */
static inline uint64_t load(const unsigned char *at, const unsigned char *end)
{
    uint64_t bytes;
    size_t left = (size_t)(end - at);
    if (left >= WORD) {
        memcpy(&bytes, at, sizeof bytes);
    } else {
        bytes = load_last(at, left);
    }
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bytes = __builtin_bswap64(bytes);
#endif
    return bytes;
}

/* The number that eight digits are, the first of them in the lowest byte: two, four and eight are
 * put together at once. */
static inline uint32_t value_of(uint64_t digits)
{
    uint64_t pairs = (digits * 10 + (digits >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
    uint64_t fours = (pairs * 100 + (pairs >> 16)) & UINT64_C(0x0000ffff0000ffff);
    return (uint32_t)(fours * 10000 + (fours >> 32));
}

/* The number at `at`, of less than eight digits and without needless zeros; where it ends, which is
 * before `end`, or NULL when there is none. */
static inline const unsigned char *take_digits(
    const unsigned char *at, const unsigned char *end, uint32_t *number)
{
    uint64_t digits = load(at, end) ^ RC_EACH_BYTE('0');
    uint64_t others = (digits | (digits + RC_EACH_BYTE(0x76))) & RC_EACH_BYTE(0x80);
    if (others == 0) {
        return NULL;
    }
    unsigned bits = (unsigned)__builtin_ctzll(others) & ~(CHAR_BIT - 1U);
    bool needless = bits > CHAR_BIT && (digits & 0xff) == 0;
    if (bits == 0 || needless) {
        return NULL;
    }
    *number = value_of(digits << (64 - bits));
    at += bits / CHAR_BIT;
    return at < end ? at : NULL;
}

/* `size` bytes from `at` on, and the end of their line behind them: the value of the reply. */
static inline bool take_value(const struct rc_decoder *decoder, struct rc_slice input,
    const unsigned char *at, uint32_t size, struct rc_usual *reply)
{
    size_t len = (size_t)(at - input.data) + size + CRLF_LEN;
    reply->value = rc_slice(at, size);
    reply->len = len;
    return size <= decoder->limits.max_value_bytes && len <= input.len &&
           is_text(at + size, "\r\n");
}

/* ---- memcached meta ---- */

static inline bool is_tail(const unsigned char *at, uint64_t token)
{
    return is_text(at, " O") && rc_number_is_hex8(at + 2, (uint32_t)token) &&
           is_text(at + TAIL_LEN - CRLF_LEN, "\r\n");
}

/* VA <size> f<flags> O<opaque>, and the value. */
static inline bool take_hit(const struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_asked *asked, struct rc_usual *reply)
{
    const unsigned char *end = input.data + input.len;
    uint32_t size = 0;
    const unsigned char *at = take_digits(input.data + CODE_LEN + 1, end, &size);
    if (at == NULL || end - at < FLAGS_LEN + TAIL_LEN || !is_text(at, " f")) {
        return false;
    }
    at = is_text(at + 2, "0 ") ? at + FLAGS_LEN : take_digits(at + 2, end, &reply->flags);
    return at != NULL && end - at >= TAIL_LEN && is_tail(at, asked->token) &&
           take_value(decoder, input, at + TAIL_LEN, size, reply);
}

bool rc_usual_meta(struct rc_decoder *decoder, struct rc_slice input, const struct rc_asked *asked,
    struct rc_usual *reply)
{
    *reply = (struct rc_usual){.status = RINGCACHE_OK, .len = CODE_LEN + TAIL_LEN};
    if (asked->due > 1) {
        return rc_meta_usual_of_batch(decoder, input, asked, reply);
    }
    bool gets = asked->verb == RC_VERB_GET;
    if (input.len < CODE_LEN + TAIL_LEN) {
        return false;
    }
    if (gets && is_text(input.data, "VA ")) {
        return take_hit(decoder, input, asked, reply);
    }
    bool missed = gets && is_text(input.data, "EN");
    bool done = asked->verb == RC_VERB_SET && is_text(input.data, "HD");
    reply->status = missed ? RINGCACHE_MISS : RINGCACHE_OK;
    return (missed || done) && is_tail(input.data + CODE_LEN, asked->token);
}

/* VALUE <key> <flags> <size> */
bool rc_usual_value(struct rc_slice input, struct rc_slice key, struct rc_memcached_value *value)
{
    enum { WORD_LEN = 6, NUMBERS_LEN = 6 }; /* " 0 0", CR LF */
    const unsigned char *end = input.data + input.len;
    const unsigned char *at = input.data + WORD_LEN + key.len;
    if (input.len < WORD_LEN + key.len + NUMBERS_LEN || !is_text(input.data, "VALUE ") ||
        *at != ' ' || memcmp(input.data + WORD_LEN, key.data, key.len) != 0) {
        return false;
    }
    value->flags = 0;
    at = is_text(at + 1, "0 ") ? at + 2 : take_digits(at + 1, end, &value->flags);
    if (at == NULL || *at != ' ') {
        return false;
    }
    uint32_t size = 0;
    at = take_digits(at + 1, end, &size);
    if (at == NULL || end - at < CRLF_LEN || !is_text(at, "\r\n")) {
        return false;
    }
    value->key = key;
    value->size = size;
    value->cas = 0;
    value->line_len = (size_t)(at - input.data) + CRLF_LEN;
    return true;
}

/* ---- RESP ---- */

enum { LINE_LEN = 5 };

/* $<size>, and the value; or that there is none. */
static inline bool take_bulk(
    const struct rc_decoder *decoder, struct rc_slice input, struct rc_usual *reply)
{
    const unsigned char *end = input.data + input.len;
    uint32_t size = 0;
    if (input.len < LINE_LEN || input.data[0] != '$') {
        return false;
    }
    if (is_text(input.data, "$-1\r\n")) {
        reply->status = RINGCACHE_MISS;
        reply->len = LINE_LEN;
        return true;
    }
    const unsigned char *at = take_digits(input.data + 1, end, &size);
    return at != NULL && end - at >= CRLF_LEN && is_text(at, "\r\n") &&
           take_value(decoder, input, at + CRLF_LEN, size, reply);
}

/* The first of a batch's replies, behind their number. */
static inline bool take_first(const struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_asked *asked, struct rc_usual *reply)
{
    const unsigned char *end = input.data + input.len;
    uint32_t count = 0;
    if (input.data[0] != '*') {
        return false;
    }
    const unsigned char *at = take_digits(input.data + 1, end, &count);
    if (at == NULL || count != asked->due || end - at < CRLF_LEN || !is_text(at, "\r\n")) {
        return false;
    }
    size_t head = (size_t)(at - input.data) + CRLF_LEN;
    bool taken = take_bulk(decoder, rc_slice(input.data + head, input.len - head), reply);
    reply->len += head;
    return taken;
}

bool rc_usual_resp(struct rc_decoder *decoder, struct rc_slice input, const struct rc_asked *asked,
    struct rc_usual *reply)
{
    *reply = (struct rc_usual){.status = RINGCACHE_OK, .len = LINE_LEN};
    if (asked->verb == RC_VERB_GET) {
        return asked->due > 0 && asked->first ? take_first(decoder, input, asked, reply)
                                              : take_bulk(decoder, input, reply);
    }
    return asked->verb == RC_VERB_SET && input.len >= LINE_LEN && is_text(input.data, "+OK\r\n");
}

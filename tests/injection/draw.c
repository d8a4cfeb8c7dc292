/* SPDX-License-Identifier: MIT */
#include "injection.h"

#include <stdio.h>

uint64_t draw(struct trial *trial, uint64_t below)
{
    uint64_t z = trial->random += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % below;
}

uint64_t draw_number(struct trial *trial)
{
    static const uint64_t bounds[] = {0, 1, 9, 10, 99, 100, INT16_MAX, UINT16_MAX, INT32_MAX,
        (uint64_t)INT32_MAX + 1, UINT32_MAX, (uint64_t)UINT32_MAX + 1, INT64_MAX - 1, INT64_MAX,
        (uint64_t)INT64_MAX + 1, UINT64_MAX - 1, UINT64_MAX};
    uint64_t dice = draw(trial, 4);
    if (dice == 0) {
        return draw(trial, 1000);
    }
    if (dice == 1) {
        return draw(trial, UINT64_MAX) >> draw(trial, 64);
    }
    return bounds[draw(trial, sizeof bounds / sizeof *bounds)];
}

int64_t draw_ttl_ms(struct trial *trial)
{
    enum { MONTH_MS = 2592000 };
    static const int64_t most = INT64_C(100) * 366 * 24 * 3600 * 1000;
    const int64_t bounds[] = {0, 1, 999, 1000, 1001, MONTH_MS * INT64_C(1000) - 1000,
        MONTH_MS * INT64_C(1000) - 999, MONTH_MS * INT64_C(1000) - 1, MONTH_MS * INT64_C(1000),
        MONTH_MS * INT64_C(1000) + 1, MONTH_MS * INT64_C(1000) + 1000, INT32_MAX,
        (int64_t)INT32_MAX * 1000, most - 1, most, most + 1, -1, INT64_MAX, INT64_MIN};
    uint64_t dice = draw(trial, 8);
    if (dice < 3) {
        return 0;
    }
    if (dice < 6) {
        return (int64_t)(draw(trial, UINT64_C(1) << 42) >> draw(trial, 42));
    }
    return bounds[draw(trial, sizeof bounds / sizeof *bounds)];
}

/* What stands between commands, begins them, ends them, or answers them. */
#define PIECE(text)                                                                                \
    {                                                                                              \
        (const unsigned char *)(text), sizeof(text) - 1                                            \
    }
static const struct rc_slice pieces[] = {
    PIECE("\r\n"),
    PIECE("\n"),
    PIECE("\r"),
    PIECE(" "),
    PIECE("\t"),
    PIECE("\0"),
    PIECE("\x7f"),
    PIECE("\x80"),
    PIECE("\xff"),
    PIECE("\xc2\xa0"),
    PIECE("\r\n\r\n"),
    PIECE("get x\r\n"),
    PIECE("set x 0 0 1\r\nx\r\n"),
    PIECE("flush_all\r\n"),
    PIECE("delete x\r\n"),
    PIECE("mg x v\r\n"),
    PIECE("ms x 1\r\nx\r\n"),
    PIECE("mn\r\n"),
    PIECE("mn"),
    PIECE("get"),
    PIECE("quit\r\n"),
    PIECE("VALUE x 0 1\r\n"),
    PIECE("VALUE"),
    PIECE("END\r\n"),
    PIECE("STORED\r\n"),
    PIECE("VA 1 f0 O00000000\r\n"),
    PIECE("HD\r\n"),
    PIECE("O00000000"),
    PIECE(" q"),
    PIECE(" k"),
    PIECE(" noreply"),
    PIECE("*1\r\n"),
    PIECE("*2\r\n$3\r\nGET\r\n$1\r\nx\r\n"),
    PIECE("*2"),
    PIECE("$5\r\n"),
    PIECE("$-1\r\n"),
    PIECE("$"),
    PIECE("FLUSHALL\r\n"),
    PIECE("FLUSHALL"),
    PIECE("ECHO"),
    PIECE("+OK\r\n"),
    PIECE("-ERR\r\n"),
    PIECE(":1\r\n"),
    PIECE("0"),
    PIECE("-1"),
    PIECE("18446744073709551616"),
    PIECE("{"),
    PIECE("}"),
};

size_t draw_bytes(struct trial *trial, unsigned char *out, size_t most)
{
    size_t len = 0;
    for (uint64_t n = 1 + draw(trial, 6); n > 0; n--) {
        struct rc_slice piece = pieces[draw(trial, sizeof pieces / sizeof *pieces)];
        unsigned char byte = (unsigned char)draw(trial, 256);
        if (one_in(trial, 3)) {
            piece = rc_slice(&byte, 1);
        }
        if (piece.len > most - len) {
            break;
        }
        memcpy(out + len, piece.data, piece.len);
        len += piece.len;
    }
    return len;
}

static bool is_clean(unsigned char byte)
{
    return byte > 0x20 && byte != 0x7f;
}

size_t draw_clean(struct trial *trial, unsigned char *out, size_t len)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < len; i++, bits >>= 8) {
        bits = i % 7 == 0 ? draw(trial, UINT64_MAX) : bits;
        out[i] = is_clean((unsigned char)bits) ? (unsigned char)bits : 'a';
    }
    return len;
}

/* The same pieces without what no key of memcached may have. */
static size_t draw_clean_pieces(struct trial *trial, unsigned char *out, size_t most)
{
    size_t kept = 0, len = draw_bytes(trial, out, most);
    for (size_t i = 0; i < len; i++) {
        if (is_clean(out[i])) {
            out[kept++] = out[i];
        }
    }
    return kept;
}

size_t draw_key(struct trial *trial, unsigned char *out)
{
    size_t bound = trial->rules.all_redis && one_in(trial, 8) ? KEY_MAX_BYTES : 250;
    size_t near = bound - trial->rules.prefix_len - 1 + draw(trial, 3);
    uint64_t dice = draw(trial, 20);
    if (dice < 10) {
        return draw_clean(trial, out, 1 + draw(trial, 40));
    }
    if (dice < 13) {
        return draw_clean_pieces(trial, out, 50);
    }
    if (dice < 16) {
        return draw_bytes(trial, out, 50);
    }
    if (dice < 18) {
        return draw_clean(trial, out, near);
    }
    size_t len = draw_clean(trial, out, 1 + draw(trial, 40)); /* with one byte in it that is not */
    static const unsigned char wrong[] = {0, 1, '\t', '\n', '\r', 0x1f, ' ', 0x7f};
    out[draw(trial, len)] = wrong[draw(trial, sizeof wrong)];
    return dice < 19 ? len : draw(trial, 2);
}

static size_t draw_digits(struct trial *trial, unsigned char *out)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)draw_number(trial));
    memcpy(out, text, (size_t)len);
    return (size_t)len;
}

/* Pieces all the way, each followed by ends of lines. */
static size_t fill(struct trial *trial, unsigned char *out, size_t len)
{
    enum { STRIDE_BYTES = 64 };
    for (size_t i = 0; i < len; i += STRIDE_BYTES) {
        size_t room = len - i < STRIDE_BYTES ? len - i : STRIDE_BYTES;
        memset(out + i, '\r', room);
        draw_bytes(trial, out + i, room);
    }
    return len;
}

size_t draw_value(struct trial *trial, unsigned char *out)
{
    static const size_t bounds[] = {0, 1, 2, 249, 250, 251, 2046, 2047, 2048, 2049, 16383, 16384,
        16385, 65535, 65536, MAX_VALUE_BYTES - 1, MAX_VALUE_BYTES, MAX_VALUE_BYTES + 1};
    uint64_t dice = draw(trial, 400);
    if (trial->rules.heavy && one_in(trial, 2)) {
        return fill(trial, out, MAX_VALUE_BYTES - draw(trial, 1000));
    }
    if (dice < 12) {
        return 0; /* of which a batch says too little */
    }
    if (dice < 120) {
        return draw_digits(trial, out);
    }
    if (dice < 300) {
        return draw_bytes(trial, out, 300);
    }
    if (dice < 396) {
        return draw_clean(trial, out, draw(trial, 100));
    }
    return fill(trial, out, bounds[draw(trial, sizeof bounds / sizeof *bounds)]);
}

/* SPDX-License-Identifier: MIT */
/* The flags of the meta commands. */
#include "engine/memcached_flags.h"

#include <string.h>

enum { MAX_FLAG_WORDS = 18, MAX_OPAQUE = 32 };

static int base64_digit(unsigned char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c != 0 ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* Four digits to three bytes, fewer where '=' pads; 0: not base64. */
static size_t decode_quad(const unsigned char *in, bool last, unsigned char *out)
{
    size_t padding = last && in[3] == '=' ? (in[2] == '=' ? 2 : 1) : 0;
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i < 4 - padding ? base64_digit(in[i]) : 0;
        if (digit < 0) {
            return 0;
        }
        bits = bits << 6 | (uint32_t)digit;
    }
    for (size_t i = 0; i < 3; i++) {
        out[i] = (unsigned char)(bits >> (16 - 8 * i));
    }
    return 3 - padding;
}

static bool decode_key(struct mc_flags *f)
{
    size_t len = 0;
    if (f->shown.len % 4 != 0) {
        return false;
    }
    for (size_t i = 0; i < f->shown.len; i += 4) {
        size_t n = decode_quad(f->shown.data + i, i + 4 == f->shown.len, f->decoded + len);
        if (n == 0) {
            return false;
        }
        len += n;
    }
    f->key = rc_slice(f->decoded, len);
    f->binary = true;
    return true;
}

/* A flag that is understood badly does not end the reading of the others, and the last complaint
 * is the one that is told; one that is unknown or comes twice does. */
static void complain(struct mc_flags *f, bool ok, const char *error)
{
    if (!ok) {
        f->error = error;
    }
}

/* The flags whose number must be one. */
static void take_number(struct mc_flags *f, char name, struct rc_slice argument)
{
    static const char bad_token[] = "CLIENT_ERROR bad token in command line format";
    uint64_t number = 0;
    switch (name) {
    case 'N':
        f->vivify = true;
        complain(f, mc_signed(argument, &f->vivify_ttl), bad_token);
        break;
    case 'T':
        f->touch = true;
        complain(f, mc_signed(argument, &f->ttl), bad_token);
        break;
    case 'R':
        f->recache = true;
        complain(f, mc_signed(argument, &f->recache_ttl), bad_token);
        break;
    case 'C':
        f->has_cas = true;
        complain(f, mc_unsigned(argument, &f->cas), bad_token);
        break;
    case 'F':
        complain(f, mc_unsigned(argument, &number) || f->error != NULL,
            "CLIENT_ERROR bad command line format");
        f->client_flags = (uint32_t)number;
        break;
    case 'D':
        complain(f, mc_unsigned(argument, &f->delta), "CLIENT_ERROR invalid numeric delta value");
        break;
    case 'J':
        complain(
            f, mc_unsigned(argument, &f->initial), "CLIENT_ERROR invalid numeric initial value");
        break;
    default:
        break;
    }
}

/* False: no such flag. */
static bool take_flag(struct mc_flags *f, struct rc_slice word)
{
    char name = (char)word.data[0];
    switch (name) {
    case 'b':
        complain(f, decode_key(f), "CLIENT_ERROR error decoding key");
        return true;
    case 'q':
        f->quiet = true;
        return true;
    case 'v':
        f->value = true;
        return true;
    case 'I':
        f->stale = true;
        return true;
    case 'M':
        complain(f, word.len == 2, "CLIENT_ERROR incorrect length for M token");
        f->mode = word.len > 1 ? (char)word.data[1] : name;
        return true;
    default:
        break;
    }
    take_number(f, name, rc_slice(word.data + 1, word.len - 1));
    return word.data[0] != 0 && strchr("NTRCFDJOPLkstcfhlu", name) != NULL;
}

static const char *take_flags(struct mc_flags *f)
{
    bool seen[256] = {false};
    bool opaque_ok = true;
    for (size_t i = 0; i < f->count; i++) {
        unsigned char name = f->words[i].data[0];
        if (seen[name]) {
            return "CLIENT_ERROR duplicate flag";
        }
        seen[name] = true;
        if (!take_flag(f, f->words[i])) {
            return "CLIENT_ERROR invalid flag";
        }
        opaque_ok = opaque_ok && (name != 'O' || f->words[i].len <= MAX_OPAQUE);
    }
    if (f->error == NULL && !opaque_ok) {
        return "CLIENT_ERROR opaque token too long";
    }
    return f->error;
}

const char *mc_flags_parse(struct mc_call *c, size_t first, struct mc_flags *f)
{
    *f = (struct mc_flags){.words = c->words.at + first, .shown = c->words.at[0], .delta = 1};
    f->count = c->words.count - first;
    f->key = f->shown;
    if (c->words.count > MAX_FLAG_WORDS) {
        return "CLIENT_ERROR options flags are too long";
    }
    return take_flags(f);
}

void mc_say_flag(struct sim_bytes *out, char name, int64_t value)
{
    char text[2] = {' ', name};
    sim_bytes_append(out, text, 2);
    sim_bytes_number(out, value);
}

void mc_say_key_or_opaque(struct sim_bytes *out, const struct mc_flags *f, struct rc_slice word)
{
    if (word.data[0] == 'O') {
        sim_bytes_text(out, " ");
        sim_bytes_append(out, word.data, word.len);
    }
    if (word.data[0] == 'k') {
        sim_bytes_text(out, " k");
        sim_bytes_append(out, f->shown.data, f->shown.len);
        sim_bytes_text(out, f->binary ? " b" : "");
    }
}

void mc_say_code(struct mc_call *c, const char *code, const struct mc_flags *f)
{
    sim_bytes_text(c->reply, code);
    for (size_t i = 0; i < f->count; i++) {
        mc_say_key_or_opaque(c->reply, f, f->words[i]);
    }
    sim_bytes_text(c->reply, "\r\n");
}

/* SPDX-License-Identifier: MIT */
#include "ring/points.h"

#include <string.h>

#include "base/number.h"

enum {
    KETAMA_POINTS = 160, /* of a server of mean weight */
    DIGEST_POINTS = 4,   /* words of one MD5 digest */
    CONSISTENT_POINTS = 100,
};

bool rc_distribution_is_modulo(enum rc_distribution distribution)
{
    return distribution == RC_DISTRIBUTION_MODULA ||
           distribution == RC_DISTRIBUTION_TWEMPROXY_MODULA;
}

uint64_t rc_total_weight(const struct rc_topology *topology)
{
    uint64_t total = 0;
    for (size_t i = 0; i < topology->count; i++) {
        total += topology->members[i].weight;
    }
    return total;
}

/* libmemcached and twemproxy compute in binary32 from left to right, and its rounding decides:
 * equal weights give 156 points at some counts and 160 at others. Each step is assigned, so that a
 * wider register is rounded too. */
uint32_t rc_ketama_points(uint32_t weight, uint64_t total, size_t count)
{
    float share = (float)weight / (float)total;
    float scaled = share * (float)KETAMA_POINTS;
    float strings = scaled / (float)DIGEST_POINTS;
    float of_all = strings * (float)count;
    float nudged = of_all + 1e-10f;
    return (uint32_t)nudged * DIGEST_POINTS;
}

uint64_t rc_points_of(
    const struct rc_topology *topology, const struct rc_member *member, uint64_t total_weight)
{
    switch (topology->distribution) {
    case RC_DISTRIBUTION_RING:
        return (uint64_t)topology->points * member->weight;
    case RC_DISTRIBUTION_KETAMA:
    case RC_DISTRIBUTION_SPY:
    case RC_DISTRIBUTION_TWEMPROXY:
        return rc_ketama_points(member->weight, total_weight, topology->count);
    case RC_DISTRIBUTION_CONSISTENT:
        return CONSISTENT_POINTS;
    case RC_DISTRIBUTION_TWEMPROXY_MODULA:
        return member->weight;
    case RC_DISTRIBUTION_MODULA:
        break;
    }
    return 1;
}

/* Append "-i" in the room behind the text; returns the whole length. */
static size_t number_text(const struct rc_text *text, size_t i)
{
    text->bytes[text->len] = '-';
    return text->len + 1 + rc_number_write((unsigned char *)text->bytes + text->len + 1, i);
}

static uint32_t digest_word(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void write_seeded(const struct rc_text *text, struct rc_point *points, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        points[i].value = (uint32_t)(rc_xxh3(text->bytes, text->len, i) >> 32);
    }
}

static void write_hashed(
    enum rc_hash hash, const struct rc_text *text, struct rc_point *points, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        points[i].value = rc_hash(hash, text->bytes, number_text(text, i));
    }
}

static void write_digests(const struct rc_text *text, struct rc_point *points, size_t count)
{
    unsigned char digest[16];
    for (size_t i = 0; i < count; i++) {
        size_t word = i % DIGEST_POINTS;
        if (word == 0) {
            rc_md5(text->bytes, number_text(text, i / DIGEST_POINTS), digest);
        }
        points[i].value = digest_word(digest + word * 4);
    }
}

void rc_points_write(const struct rc_topology *topology, const struct rc_text *text,
    struct rc_point *points, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        points[i].server = text->member;
    }
    switch (topology->distribution) {
    case RC_DISTRIBUTION_RING:
        write_seeded(text, points, count);
        return;
    case RC_DISTRIBUTION_CONSISTENT:
        write_hashed(topology->hash, text, points, count);
        return;
    case RC_DISTRIBUTION_KETAMA:
    case RC_DISTRIBUTION_SPY:
    case RC_DISTRIBUTION_TWEMPROXY:
        write_digests(text, points, count);
        return;
    case RC_DISTRIBUTION_MODULA:
    case RC_DISTRIBUTION_TWEMPROXY_MODULA:
        return;
    }
}

/* One pass of a radix sort: stable, by the eight bits above `shift`. */
static void sort_by_digit(
    struct rc_point *to, const struct rc_point *from, size_t count, unsigned shift)
{
    size_t next[256] = {0};
    for (size_t i = 0; i < count; i++) {
        next[from[i].value >> shift & 0xff]++;
    }
    size_t start = 0;
    for (size_t digit = 0; digit < 256; digit++) {
        size_t n = next[digit];
        next[digit] = start;
        start += n;
    }
    for (size_t i = 0; i < count; i++) {
        to[next[from[i].value >> shift & 0xff]++] = from[i];
    }
}

/* Least digit first, so that ties stay in the order the dialect gave the servers; an even number of
 * passes, so that the result ends where it began. */
void rc_points_sort(struct rc_point *points, struct rc_point *spare, size_t count)
{
    for (unsigned shift = 0; shift < 32; shift += 16) {
        sort_by_digit(spare, points, count, shift);
        sort_by_digit(points, spare, count, shift + 8);
    }
}

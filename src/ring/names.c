/* SPDX-License-Identifier: MIT */
#include "ring/names.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/number.h"

/* The port that memcached's dialects leave out. */
enum { PORT_UNSAID = 11211 };

/* What a dialect may put around a host: "/", ":" and a port. */
enum { DECORATION = 24 };

static size_t write_text(char *out, const char *text)
{
    size_t len = strlen(text);
    memcpy(out, text, len);
    return len;
}

static size_t write_address(char *out, const struct rc_member *m)
{
    size_t n = write_text(out, m->host);
    out[n++] = ':';
    return n + rc_number_write((unsigned char *)out + n, m->port);
}

/* libmemcached writes a socket as "/path:0", by the same rule as any other port. */
static size_t write_libmemcached(char *out, const struct rc_member *m)
{
    return m->port == PORT_UNSAID ? write_text(out, m->host) : write_address(out, m);
}

static size_t write_spy(char *out, const struct rc_member *m)
{
    out[0] = '/';
    return 1 + write_address(out + 1, m);
}

static size_t write_twemproxy(char *out, const struct rc_member *m)
{
    if (!m->is_path) {
        return write_libmemcached(out, m);
    }
    size_t n = write_text(out, m->host);
    out[n] = ':';
    return n + 1;
}

static size_t write_member(char *out, const struct rc_member *m, enum rc_distribution distribution)
{
    if (m->named) {
        return write_text(out, m->name);
    }
    switch (distribution) {
    case RC_DISTRIBUTION_KETAMA:
    case RC_DISTRIBUTION_CONSISTENT:
        return write_libmemcached(out, m);
    case RC_DISTRIBUTION_SPY:
        return write_spy(out, m);
    case RC_DISTRIBUTION_TWEMPROXY:
    case RC_DISTRIBUTION_TWEMPROXY_MODULA:
        return write_twemproxy(out, m);
    case RC_DISTRIBUTION_RING:
    case RC_DISTRIBUTION_MODULA:
        break;
    }
    return write_text(out, m->name);
}

static size_t room_for(const struct rc_member *m)
{
    return strlen(m->name) + strlen(m->host) + DECORATION + RC_TEXT_SUFFIX;
}

static struct rc_text *new_texts(const struct rc_topology *t, enum rc_distribution distribution)
{
    size_t size = t->count * sizeof(struct rc_text);
    for (size_t i = 0; i < t->count; i++) {
        size = rc_sum_sizes(size, room_for(&t->members[i]));
    }
    struct rc_text *texts = rc_alloc(size);
    if (texts == NULL) {
        return NULL;
    }
    char *out = (char *)(texts + t->count);
    for (size_t i = 0; i < t->count; i++) {
        size_t len = write_member(out, &t->members[i], distribution);
        texts[i] = (struct rc_text){.bytes = out, .len = len, .member = (uint32_t)i};
        out += room_for(&t->members[i]);
    }
    return texts;
}

struct rc_text *rc_texts_new(const struct rc_topology *topology)
{
    return new_texts(topology, topology->distribution);
}

struct rc_text *rc_texts_new_of_names(const struct rc_topology *topology)
{
    return new_texts(topology, RC_DISTRIBUTION_RING);
}

static int by_bytes(const void *left, const void *right)
{
    const struct rc_text *a = left;
    const struct rc_text *b = right;
    int order = memcmp(a->bytes, b->bytes, a->len < b->len ? a->len : b->len);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

static int by_length(const void *left, const void *right)
{
    const struct rc_text *a = left;
    const struct rc_text *b = right;
    if (a->len != b->len) {
        return a->len > b->len ? 1 : -1;
    }
    return by_bytes(a, b);
}

void rc_texts_sort(struct rc_text *texts, size_t count)
{
    if (count > 0) {
        qsort(texts, count, sizeof *texts, by_bytes);
    }
}

void rc_texts_arrange(struct rc_text *texts, size_t count, enum rc_distribution distribution)
{
    switch (distribution) {
    case RC_DISTRIBUTION_RING:
        rc_texts_sort(texts, count);
        return;
    case RC_DISTRIBUTION_TWEMPROXY:
    case RC_DISTRIBUTION_TWEMPROXY_MODULA:
        if (count > 0) {
            qsort(texts, count, sizeof *texts, by_length);
        }
        return;
    case RC_DISTRIBUTION_KETAMA:
    case RC_DISTRIBUTION_CONSISTENT:
    case RC_DISTRIBUTION_SPY:
    case RC_DISTRIBUTION_MODULA:
        return;
    }
}

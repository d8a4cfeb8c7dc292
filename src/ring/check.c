/* SPDX-License-Identifier: MIT */
#include "ring/topology.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/places.h"
#include "ring/names.h"
#include "ring/points.h"
#include "ringcache/status.h"

/* Where the reason goes. */
struct reason {
    char *text;
    size_t size;
    size_t *member;
};

__attribute__((format(printf, 3, 4))) static int refuse(
    const struct reason *reason, size_t member, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason->text, reason->size, format, arguments);
    va_end(arguments);
    *reason->member = member;
    return RINGCACHE_ECONFIG;
}

static int check_weight(const struct rc_topology *t, size_t i, const struct reason *reason)
{
    const struct rc_member *m = &t->members[i];
    if (m->weight == 0) {
        return refuse(reason, i, "server \"%s\" has weight 0, the least is 1", m->name);
    }
    if (t->distribution == RC_DISTRIBUTION_RING && m->weight > RC_WEIGHT_MAX) {
        return refuse(reason, i, "server \"%s\" has weight %u, distribution ring takes 1 to %d",
            m->name, (unsigned)m->weight, RC_WEIGHT_MAX);
    }
    if (t->distribution == RC_DISTRIBUTION_CONSISTENT && m->weight > 1) {
        return refuse(reason, i,
            "server \"%s\" has weight %u, distribution consistent takes no weight above 1 "
            "(ketama does)",
            m->name, (unsigned)m->weight);
    }
    return 0;
}

static int check_sizes(const struct rc_topology *t, const struct reason *reason)
{
    if (t->count > RC_SERVERS_MAX) {
        return refuse(
            reason, SIZE_MAX, "%zu servers are too many, the most is %d", t->count, RC_SERVERS_MAX);
    }
    if (t->distribution == RC_DISTRIBUTION_RING && t->points == 0) {
        return refuse(reason, SIZE_MAX, "a ring of 0 points per server places nothing");
    }
    uint64_t points = 0;
    uint64_t total_weight = rc_total_weight(t);
    for (size_t i = 0; i < t->count; i++) {
        int status = check_weight(t, i, reason);
        if (status != 0) {
            return status;
        }
        points += rc_points_of(t, &t->members[i], total_weight);
    }
    if (points > RC_POINTS_MAX) {
        return refuse(reason, SIZE_MAX,
            "%llu points in all are too many, the most is %d: lower the points or the weights",
            (unsigned long long)points, RC_POINTS_MAX);
    }
    return 0;
}

static int refuse_same(const struct rc_topology *t, const struct rc_text *one,
    const struct rc_text *other, const struct reason *reason)
{
    const char *a = t->members[one->member].name;
    const char *b = t->members[other->member].name;
    if (strcmp(a, b) == 0) {
        return refuse(reason, other->member, "two servers are named \"%s\"", a);
    }
    return refuse(reason, other->member,
        "servers \"%s\" and \"%s\" both hash as \"%.*s\", one would get no key", a, b,
        (int)one->len, one->bytes);
}

static bool is_same(const struct rc_text *a, const struct rc_text *b)
{
    return rc_slice_equal(rc_slice(a->bytes, a->len), rc_slice(b->bytes, b->len));
}

/* The place of text `i`, or of an equal one before it. */
static uint32_t *find_place(const struct rc_places *places, const struct rc_text *texts, size_t i)
{
    size_t at = rc_places_first(places, rc_xxh3(texts[i].bytes, texts[i].len, 0));
    while (
        places->numbers[at] != RC_NO_NUMBER && !is_same(&texts[places->numbers[at]], &texts[i])) {
        at = rc_places_next(places, at);
    }
    return &places->numbers[at];
}

/* Takes `texts` over. */
static int check_distinct(
    const struct rc_topology *t, struct rc_text *texts, const struct reason *reason)
{
    struct rc_places places = {.numbers = NULL};
    int status = 0;
    if (texts == NULL || !rc_places_init(&places, t->count)) {
        status = RINGCACHE_ENOMEM;
    }
    for (uint32_t i = 0; status == 0 && i < t->count; i++) {
        uint32_t *place = find_place(&places, texts, i);
        if (*place != RC_NO_NUMBER) {
            status = refuse_same(t, &texts[*place], &texts[i], reason);
        }
        *place = i;
    }
    rc_free(places.numbers);
    rc_free(texts);
    return status;
}

int rc_topology_check(
    const struct rc_topology *topology, char *why, size_t why_size, size_t *member)
{
    const struct reason reason = {.text = why, .size = why_size, .member = member};
    int status = check_sizes(topology, &reason);
    if (status == 0) {
        status = check_distinct(topology, rc_texts_new_of_names(topology), &reason);
    }
    if (status == 0 && topology->distribution != RC_DISTRIBUTION_RING) { /* which hashes names */
        status = check_distinct(topology, rc_texts_new(topology), &reason);
    }
    return status;
}

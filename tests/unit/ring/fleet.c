/* SPDX-License-Identifier: MIT */
#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fleet fleet_of(enum rc_distribution distribution, enum rc_hash hash)
{
    return (struct fleet){
        .topology = {.distribution = distribution, .hash = hash, .points = RC_POINTS_DEFAULT},
    };
}

static char *text_of(const char *format, const char *text, unsigned number)
{
    int len = snprintf(NULL, 0, format, text, number);
    assert_true(len >= 0);
    char *out = malloc((size_t)len + 1);
    assert_non_null(out);
    snprintf(out, (size_t)len + 1, format, text, number);
    return out;
}

void fleet_add(
    struct fleet *fleet, const char *host, uint16_t port, uint32_t weight, const char *name)
{
    size_t count = fleet->topology.count;
    if (count == fleet->room) {
        fleet->room = fleet->room > 0 ? fleet->room * 2 : 8;
        fleet->members = realloc(fleet->members, fleet->room * sizeof *fleet->members);
        assert_non_null(fleet->members);
    }
    bool is_path = host[0] == '/';
    const char *format = name != NULL || is_path ? "%s" : "%s:%u";
    fleet->members[count] = (struct rc_member){
        .name = text_of(format, name != NULL ? name : host, port),
        .host = text_of("%s", host, 0),
        .weight = weight,
        .port = port,
        .named = name != NULL,
        .is_path = is_path,
    };
    fleet->topology.count = count + 1;
}

void fleet_add_many(struct fleet *fleet, const char *prefix, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *host = text_of("%s%u", prefix, (unsigned)i);
        fleet_add(fleet, host, 11211, 1, NULL);
        free(host);
    }
}

static void free_member(const struct rc_member *member)
{
    free((void *)(uintptr_t)member->name);
    free((void *)(uintptr_t)member->host);
}

void fleet_remove(struct fleet *fleet, size_t index)
{
    free_member(&fleet->members[index]);
    fleet->topology.count--;
    memmove(fleet->members + index, fleet->members + index + 1,
        (fleet->topology.count - index) * sizeof *fleet->members);
}

void fleet_shuffle(struct fleet *fleet, uint64_t *seed)
{
    for (size_t i = fleet->topology.count; i > 1; i--) {
        size_t other = (size_t)(draw(seed) % i);
        struct rc_member kept = fleet->members[other];
        fleet->members[other] = fleet->members[i - 1];
        fleet->members[i - 1] = kept;
    }
}

ringcache_ring *fleet_ring(struct fleet *fleet)
{
    char why[256] = "";
    size_t member = RINGCACHE_NONE;
    fleet->topology.members = fleet->members;
    if (rc_topology_check(&fleet->topology, why, sizeof why, &member) != 0) {
        fail_msg("%s", why);
    }
    ringcache_ring *ring = NULL;
    assert_int_equal(rc_ring_new(&ring, &fleet->topology, NULL), 0);
    return ring;
}

void fleet_free(struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->topology.count; i++) {
        free_member(&fleet->members[i]);
    }
    free(fleet->members);
    *fleet = (struct fleet){.members = NULL};
}

uint64_t draw(uint64_t *seed)
{
    *seed += 0x9e3779b97f4a7c15U;
    uint64_t x = *seed;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
    x = (x ^ x >> 27) * 0x94d049bb133111ebU;
    return x ^ x >> 31;
}

size_t draw_key(uint64_t *seed, char *key)
{
    return (size_t)snprintf(key, 32, "user:%llu", (unsigned long long)(draw(seed) >> 20));
}

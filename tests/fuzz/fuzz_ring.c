/* SPDX-License-Identifier: MIT */
/* Rings of any names, weights and rules, and what moves between two of them.
 *
 *     input:   rules ── servers ── the one that leaves ── keys …        a key ends with a newline
 */
#include "fuzz.h"

#include <math.h>

#include "ring/ring.h"

enum {
    SERVERS = 10,
    TEXT_BYTES = 24,
    BUILD_WEIGHT = 3000, /* rings of more are judged, not built: too slow for a fuzzer */
    EXTREME = 250,
};

struct fleet {
    struct rc_topology topology;
    struct rc_member members[SERVERS];
    char names[SERVERS][TEXT_BYTES + 1], hosts[SERVERS][TEXT_BYTES + 1];
    char name_space[TEXT_BYTES + 1];
};

/* ---- what is built ---- */

/* As much as one byte says, without a NUL; 'x' where that is nothing. */
static const char *draw_text(struct rc_slice *input, char text[TEXT_BYTES + 1])
{
    struct rc_slice bytes = fuzz_take(input, (size_t)fuzz_draw(input, TEXT_BYTES + 1));
    memset(text, 0, TEXT_BYTES + 1);
    for (size_t i = 0; i < bytes.len; i++) {
        text[i] = (char)(bytes.data[i] != 0 ? bytes.data[i] : ' ');
    }
    text[0] = text[0] != '\0' ? text[0] : 'x';
    return text;
}

static uint32_t draw_weight(struct rc_slice *input)
{
    uint32_t weight = (uint32_t)fuzz_draw(input, 256);
    return weight < EXTREME ? weight % 8 : (uint32_t)fuzz_draw(input, (uint64_t)1 << 32);
}

static void draw_member(struct rc_slice *input, struct fleet *fleet, size_t i)
{
    uint64_t bits = fuzz_draw(input, 4);
    fleet->members[i] = (struct rc_member){
        .name = draw_text(input, fleet->names[i]),
        .host = draw_text(input, fleet->hosts[i]),
        .weight = draw_weight(input),
        .named = (bits & 1) != 0,
        .is_path = (bits & 2) != 0,
    };
    fleet->members[i].port = (bits & 2) != 0 ? 0 : (uint16_t)(1 + fuzz_draw(input, UINT16_MAX));
}

static void draw_fleet(struct rc_slice *input, struct fleet *fleet)
{
    struct rc_topology *t = &fleet->topology;
    *t = (struct rc_topology){
        .distribution =
            (enum rc_distribution)fuzz_draw(input, RC_DISTRIBUTION_TWEMPROXY_MODULA + 1),
        .hash = (enum rc_hash)fuzz_draw(input, RC_HASH_JENKINS + 1),
        .points = (uint32_t)fuzz_draw(input, 40),
        .members = fleet->members,
    };
    uint64_t bits = fuzz_draw(input, 4);
    t->tagged = (bits & 1) != 0;
    t->hash_namespace = (bits & 2) != 0;
    t->tag[0] = (unsigned char)fuzz_draw(input, 256);
    t->tag[1] = (unsigned char)fuzz_draw(input, 256);
    t->name_space = rc_slice_text(draw_text(input, fleet->name_space));
    t->count = (size_t)fuzz_draw(input, SERVERS + 1);
    for (size_t i = 0; i < t->count; i++) {
        draw_member(input, fleet, i);
    }
}

/* NULL: not buildable, or too large to be. */
static ringcache_ring *build(const struct rc_topology *t)
{
    char why[256] = "";
    size_t member = t->count;
    uint64_t weight = 0;
    ringcache_ring *ring = NULL;
    int rc = rc_topology_check(t, why, sizeof why, &member);
    FUZZ_MUST(rc == 0 || (rc == RINGCACHE_ECONFIG && why[0] != '\0'));
    FUZZ_MUST(rc == 0 || member == SIZE_MAX || member < t->count);
    for (size_t i = 0; i < t->count; i++) {
        weight += t->members[i].weight;
    }
    if (weight <= BUILD_WEIGHT || rc != 0) {
        FUZZ_MUST(rc_ring_new(&ring, t, NULL) == rc);
    }
    return ring;
}

/* ---- what a ring promises ---- */

static void check_shares(const ringcache_ring *ring)
{
    double sum = 0;
    size_t count = ringcache_ring_server_count(ring);
    for (size_t i = 0; i < count; i++) {
        double share = ringcache_ring_share(ring, i);
        FUZZ_MUST(share >= 0 && share <= 1);
        FUZZ_MUST(share == 0 || ringcache_ring_points(ring, i) > 0);
        sum += share;
    }
    FUZZ_MUST(count == 0 || fabs(sum - 1) < 1e-9);
}

static void check_owners(const ringcache_ring *ring, struct rc_slice key)
{
    size_t owners[SERVERS + 1];
    bool seen[SERVERS] = {false};
    size_t count = ringcache_ring_server_count(ring);
    size_t owner = ringcache_ring_locate(ring, key.data, key.len);
    size_t found = ringcache_ring_owners(ring, key.data, key.len, owners, SERVERS + 1);
    FUZZ_MUST(count > 0 ? owner < count : owner == RINGCACHE_NONE);
    FUZZ_MUST(found <= count && (found > 0) == (count > 0));
    FUZZ_MUST(found == 0 || owners[0] == owner);
    for (size_t i = 0; i < found; i++) {
        FUZZ_MUST(owners[i] < count && !seen[owners[i]]);
        FUZZ_MUST(ringcache_ring_points(ring, owners[i]) > 0);
        seen[owners[i]] = true;
    }
}

static const char *owner_name(const ringcache_ring *ring, struct rc_slice key)
{
    size_t owner = ringcache_ring_locate(ring, key.data, key.len);
    return owner == RINGCACHE_NONE ? "" : ringcache_ring_server_name(ring, owner);
}

/* ---- what moves between two ---- */

static bool is_row(const ringcache_ring_change *change, size_t from, size_t to)
{
    size_t f, t;
    for (size_t i = 0; ringcache_ring_change_at(change, i, &f, &t, NULL) == 0; i++) {
        if (f == from && t == to) {
            return true;
        }
    }
    return false;
}

static void check_rows(const ringcache_ring_change *change)
{
    double sum = 0, last = 1, share = 0;
    for (size_t i = 0; ringcache_ring_change_at(change, i, NULL, NULL, &share) == 0; i++) {
        FUZZ_MUST(share > 0 && share <= last);
        last = share;
        sum += share;
    }
    double moved = ringcache_ring_change_moved(change);
    FUZZ_MUST(fabs(sum - moved) < 1e-9);
    FUZZ_MUST(moved >= 0 && moved <= 1 + 1e-9);
    FUZZ_MUST(ringcache_ring_change_ideal(change) <= moved + 1e-9);
}

static void check_move(const ringcache_ring *from, const ringcache_ring *to,
    const ringcache_ring_change *change, struct rc_slice key)
{
    size_t f = ringcache_ring_locate(from, key.data, key.len);
    size_t t = ringcache_ring_locate(to, key.data, key.len);
    if (strcmp(owner_name(from, key), owner_name(to, key)) != 0) {
        FUZZ_MUST(is_row(change, f, t));
    }
}

static struct rc_slice next_key(struct rc_slice *keys)
{
    const unsigned char *end = keys->len > 0 ? memchr(keys->data, '\n', keys->len) : NULL;
    struct rc_slice key = fuzz_take(keys, end != NULL ? (size_t)(end - keys->data) : keys->len);
    fuzz_take(keys, 1);
    return key;
}

static void compare(const ringcache_ring *from, const ringcache_ring *to, struct rc_slice keys)
{
    ringcache_ring_change *change;
    FUZZ_MUST(ringcache_ring_diff(from, to, &change) == 0);
    check_rows(change);
    bool same = ringcache_ring_digest(from) == ringcache_ring_digest(to);
    FUZZ_MUST(!same || ringcache_ring_change_count(change) == 0);
    FUZZ_MUST(ringcache_ring_change_exact(change) || ringcache_ring_server_count(from) == 0 ||
              ringcache_ring_server_count(to) == 0);
    while (keys.len > 0) {
        check_move(from, to, change, next_key(&keys));
    }
    ringcache_ring_change_free(change);
}

/* The same servers in reverse. */
static void check_order(const struct fleet *fleet, const ringcache_ring *ring, struct rc_slice keys)
{
    struct rc_member reversed[SERVERS];
    struct rc_topology t = fleet->topology;
    for (size_t i = 0; i < t.count; i++) {
        reversed[i] = t.members[t.count - 1 - i];
    }
    t.members = reversed;
    ringcache_ring *other = build(&t);
    FUZZ_MUST(other != NULL);
    FUZZ_MUST(t.distribution != RC_DISTRIBUTION_RING ||
              ringcache_ring_digest(ring) == ringcache_ring_digest(other));
    compare(ring, other, keys);
    ringcache_ring_unref(other);
}

/* One server less: on the native ring, nothing moves between those that stay. */
static void check_leave(
    struct fleet *fleet, size_t leaver, const ringcache_ring *ring, struct rc_slice keys)
{
    struct rc_topology *t = &fleet->topology;
    t->count--;
    memmove(fleet->members + leaver, fleet->members + leaver + 1,
        (t->count - leaver) * sizeof *fleet->members);
    ringcache_ring *other = build(t);
    FUZZ_MUST(other != NULL);
    compare(ring, other, keys);
    compare(other, ring, keys);
    while (keys.len > 0 && t->distribution == RC_DISTRIBUTION_RING) {
        struct rc_slice key = next_key(&keys);
        FUZZ_MUST(ringcache_ring_locate(ring, key.data, key.len) == leaver ||
                  strcmp(owner_name(ring, key), owner_name(other, key)) == 0);
    }
    ringcache_ring_unref(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct fleet fleet;
    struct rc_slice input = rc_slice(bytes, len);
    draw_fleet(&input, &fleet);
    size_t leaver = (size_t)fuzz_draw(&input, SERVERS);
    ringcache_ring *ring = build(&fleet.topology);
    if (ring == NULL) {
        return 0;
    }
    check_shares(ring);
    check_owners(ring, rc_slice(NULL, 0));
    for (struct rc_slice keys = input; keys.len > 0;) {
        check_owners(ring, next_key(&keys));
    }
    check_order(&fleet, ring, input);
    if (leaver < fleet.topology.count) {
        check_leave(&fleet, leaver, ring, input);
    }
    ringcache_ring_unref(ring);
    return 0;
}

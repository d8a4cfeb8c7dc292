/* SPDX-License-Identifier: MIT */
/* A ring from a topology: copy the rules and the servers, put points or slots down, index them,
 * measure who owns how much. */
#include "ring/ring.h"

#include <string.h>

#include "base/alloc.h"
#include "ring/snapshot.h"

static void *new_array(size_t count, size_t size)
{
    return rc_resize(NULL, count, size);
}

static int copy_rules(ringcache_ring *ring, const struct rc_topology *t)
{
    ring->hash = t->hash;
    ring->bits = rc_hash_bits(t->hash);
    ring->tagged = t->tagged;
    memcpy(ring->tag, t->tag, sizeof ring->tag);
    ring->empty_is_0 = t->distribution == RC_DISTRIBUTION_TWEMPROXY ||
                       t->distribution == RC_DISTRIBUTION_TWEMPROXY_MODULA;
    ring->prefix_len = t->hash_namespace ? t->name_space.len : 0;
    ring->hashes_key_alone = !ring->tagged && !ring->empty_is_0 && ring->prefix_len == 0;
    ring->prefix = rc_copy_text((const char *)t->name_space.data, ring->prefix_len);
    return ring->prefix != NULL ? 0 : RINGCACHE_ENOMEM;
}

static int copy_names(ringcache_ring *ring, const struct rc_topology *t)
{
    size_t size = 0;
    for (size_t i = 0; i < t->count; i++) {
        size = rc_sum_sizes(size, strlen(t->members[i].name) + 1);
    }
    ring->names = rc_alloc(size);
    if (ring->names == NULL) {
        return RINGCACHE_ENOMEM;
    }
    char *out = ring->names;
    for (size_t i = 0; i < t->count; i++) {
        size_t len = strlen(t->members[i].name) + 1;
        memcpy(out, t->members[i].name, len);
        ring->servers[i].name = out;
        out += len;
    }
    return 0;
}

static int copy_servers(ringcache_ring *ring, const struct rc_topology *t)
{
    ring->count = t->count;
    ring->servers = rc_alloc_zeroed(t->count, sizeof *ring->servers);
    if (ring->servers == NULL) {
        return RINGCACHE_ENOMEM;
    }
    uint64_t total_weight = rc_total_weight(t);
    for (size_t i = 0; i < t->count; i++) {
        struct rc_ring_server *server = &ring->servers[i];
        server->weight = t->members[i].weight;
        server->points = (uint32_t)rc_points_of(t, &t->members[i], total_weight);
        ring->size += server->points;
        ring->holders += server->points > 0;
    }
    return copy_names(ring, t);
}

static uint32_t *members_of(const struct rc_text *texts, size_t count)
{
    uint32_t *members = new_array(count, sizeof *members);
    for (size_t i = 0; members != NULL && i < count; i++) {
        members[i] = texts[i].member;
    }
    return members;
}

static int index_names(ringcache_ring *ring, const struct rc_topology *t)
{
    struct rc_text *names = rc_texts_new_of_names(t);
    if (names == NULL) {
        return RINGCACHE_ENOMEM;
    }
    rc_texts_sort(names, t->count);
    ring->by_name = members_of(names, t->count);
    rc_free(names);
    return ring->by_name != NULL ? 0 : RINGCACHE_ENOMEM;
}

static int put_slots(ringcache_ring *ring)
{
    ring->slots = new_array(ring->size, sizeof *ring->slots);
    if (ring->slots == NULL) {
        return RINGCACHE_ENOMEM;
    }
    uint32_t slot = 0;
    for (uint32_t place = 0; place < ring->count; place++) {
        struct rc_ring_server *server = &ring->servers[ring->order[place]];
        server->place = place;
        server->first_slot = slot;
        for (uint32_t i = 0; i < server->points; i++) {
            ring->slots[slot++] = ring->order[place];
        }
    }
    return 0;
}

/* Point numbers are 32 bits wide: rc_topology_check bounds their count. */
static int index_points(ringcache_ring *ring)
{
    ring->starts = new_array(ring->size + 1, sizeof *ring->starts);
    if (ring->starts == NULL) {
        return RINGCACHE_ENOMEM;
    }
    uint64_t range = rc_ring_range(ring);
    size_t bucket = 0;
    uint32_t i = 0;
    for (; i < ring->size && ring->points[i].value < range; i++) {
        size_t last = (size_t)((uint64_t)ring->points[i].value * ring->size >> ring->bits);
        while (bucket <= last) {
            ring->starts[bucket++] = i;
        }
    }
    while (bucket <= ring->size) {
        ring->starts[bucket++] = i;
    }
    return 0;
}

static int sort_points(ringcache_ring *ring)
{
    struct rc_point *spare = new_array(ring->size, sizeof *spare);
    if (spare == NULL) {
        return RINGCACHE_ENOMEM;
    }
    rc_points_sort(ring->points, spare, ring->size);
    rc_free(spare);
    for (size_t i = 0; i < RC_RING_SCAN; i++) {
        ring->points[ring->size + i] =
            (struct rc_point){.value = UINT32_MAX, .server = ring->points[0].server};
    }
    return 0;
}

static int put_points(
    ringcache_ring *ring, const struct rc_topology *t, const struct rc_text *arranged)
{
    ring->points = new_array(ring->size + RC_RING_SCAN, sizeof *ring->points);
    if (ring->points == NULL) {
        return RINGCACHE_ENOMEM;
    }
    struct rc_point *out = ring->points;
    for (size_t i = 0; i < t->count; i++) {
        size_t count = ring->servers[arranged[i].member].points;
        rc_points_write(t, &arranged[i], out, count);
        out += count;
    }
    int status = ring->size > 0 ? sort_points(ring) : 0;
    return status != 0 ? status : index_points(ring);
}

static int place_servers(ringcache_ring *ring, const struct rc_topology *t)
{
    struct rc_text *texts = rc_texts_new(t);
    if (texts == NULL) {
        return RINGCACHE_ENOMEM;
    }
    rc_texts_arrange(texts, t->count, t->distribution);
    int status = RINGCACHE_ENOMEM;
    ring->order = members_of(texts, t->count);
    if (ring->order != NULL) {
        status = rc_distribution_is_modulo(t->distribution) ? put_slots(ring)
                                                            : put_points(ring, t, texts);
    }
    rc_free(texts);
    return status;
}

/* Slot s takes the hashes s, s + size, s + 2 size … below the range. */
static void measure_slots(ringcache_ring *ring)
{
    uint64_t range = rc_ring_range(ring);
    for (size_t slot = 0; slot < ring->size; slot++) {
        ring->servers[ring->slots[slot]].owned += range / ring->size + (slot < range % ring->size);
    }
}

/* A point owns from behind the one before it up to itself; the first also what lies behind the
 * last. Points that the hash cannot reach own nothing. */
static void measure_arcs(ringcache_ring *ring)
{
    uint64_t range = rc_ring_range(ring);
    uint64_t low = 0;
    for (size_t i = 0; i < ring->size && low < range; i++) {
        uint64_t end = (uint64_t)ring->points[i].value + 1;
        end = end < range ? end : range;
        ring->servers[ring->points[i].server].owned += end - low;
        low = end;
    }
    if (ring->size > 0) {
        ring->servers[ring->points[0].server].owned += range - low;
    }
}

static int fill(ringcache_ring *ring, const struct rc_topology *t)
{
    int status = copy_rules(ring, t);
    status = status != 0 ? status : copy_servers(ring, t);
    status = status != 0 ? status : index_names(ring, t);
    status = status != 0 ? status : place_servers(ring, t);
    if (status != 0) {
        return status;
    }
    if (ring->slots != NULL) {
        measure_slots(ring);
    } else {
        measure_arcs(ring);
    }
    return rc_ring_make_digest(ring);
}

int rc_ring_new(struct ringcache_ring **ring, const struct rc_topology *topology)
{
    size_t member;
    int status = rc_topology_check(topology, NULL, 0, &member);
    if (status != 0) {
        return status;
    }
    ringcache_ring *built = rc_alloc_zeroed(1, sizeof *built);
    if (built == NULL) {
        return RINGCACHE_ENOMEM;
    }
    atomic_init(&built->references, 1);
    status = fill(built, topology);
    if (status != 0) {
        ringcache_ring_unref(built);
        return status;
    }
    *ring = built;
    return 0;
}

ringcache_ring *ringcache_ring_ref(ringcache_ring *ring)
{
    atomic_fetch_add_explicit(&ring->references, 1, memory_order_relaxed);
    return ring;
}

void ringcache_ring_unref(ringcache_ring *ring)
{
    if (ring == NULL || atomic_fetch_sub_explicit(&ring->references, 1, memory_order_acq_rel) > 1) {
        return;
    }
    rc_free(ring->prefix);
    rc_free(ring->points);
    rc_free(ring->starts);
    rc_free(ring->slots);
    rc_free(ring->servers);
    rc_free(ring->order);
    rc_free(ring->by_name);
    rc_free(ring->names);
    rc_free(ring);
}

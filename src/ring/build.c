/* SPDX-License-Identifier: MIT */
/* A ring from a topology: copy the rules and the servers, put points or slots down, measure who
 * owns how much. */
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
    ring->distribution = t->distribution;
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

static bool hashes_as_named(const struct rc_member *member, const struct rc_text *text)
{
    return rc_slice_equal(rc_slice_text(member->name), rc_slice(text->bytes, text->len));
}

/* Names, each with its end, and behind it the text where that is another. */
static size_t names_size(const struct rc_topology *t, const struct rc_text *texts)
{
    size_t size = 0;
    for (size_t i = 0; i < t->count; i++) {
        size = rc_sum_sizes(size, strlen(t->members[i].name) + 1);
        size = hashes_as_named(&t->members[i], &texts[i]) ? size : rc_sum_sizes(size, texts[i].len);
    }
    return size;
}

static char *write_bytes(char *out, const char *bytes, size_t len)
{
    memcpy(out, bytes, len);
    return out + len;
}

static int copy_names(
    ringcache_ring *ring, const struct rc_topology *t, const struct rc_text *texts)
{
    ring->names = rc_alloc(names_size(t, texts));
    if (ring->names == NULL) {
        return RINGCACHE_ENOMEM;
    }
    char *out = ring->names;
    for (size_t i = 0; i < t->count; i++) {
        struct rc_ring_server *server = &ring->servers[i];
        server->name = server->text = out;
        server->text_len = texts[i].len;
        out = write_bytes(out, t->members[i].name, strlen(t->members[i].name) + 1);
        if (!hashes_as_named(&t->members[i], &texts[i])) {
            server->text = out;
            out = write_bytes(out, texts[i].bytes, texts[i].len);
        }
    }
    return 0;
}

/* `texts` in the topology's order. */
static int copy_servers(
    ringcache_ring *ring, const struct rc_topology *t, const struct rc_text *texts)
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
    return copy_names(ring, t, texts);
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
        server->first_slot = slot;
        for (uint32_t i = 0; i < server->points; i++) {
            ring->slots[slot++] = ring->order[place];
        }
    }
    return 0;
}

/* Slot s takes the hashes s, s + size, s + 2 size … below the range. */
static void measure_slots(ringcache_ring *ring)
{
    uint64_t range = rc_ring_range(ring);
    for (size_t slot = 0; slot < ring->size; slot++) {
        ring->servers[ring->slots[slot]].owned += range / ring->size + (slot < range % ring->size);
    }
}

/* The points or slots of all servers; `texts` are put in the dialect's order. */
static int place_servers(ringcache_ring *ring, const struct rc_topology *t, struct rc_text *texts,
    const ringcache_ring *base)
{
    rc_texts_arrange(texts, t->count, t->distribution);
    ring->order = members_of(texts, t->count);
    if (ring->order == NULL) {
        return RINGCACHE_ENOMEM;
    }
    for (uint32_t place = 0; place < ring->count; place++) {
        ring->servers[ring->order[place]].place = place;
    }
    if (!rc_distribution_is_modulo(t->distribution)) {
        return rc_ring_place_points(ring, t, texts, base);
    }
    int status = put_slots(ring);
    if (status == 0) {
        measure_slots(ring);
    }
    return status;
}

static int fill(ringcache_ring *ring, const struct rc_topology *t, const ringcache_ring *base)
{
    struct rc_text *texts = rc_texts_new(t);
    int status = texts != NULL ? copy_rules(ring, t) : RINGCACHE_ENOMEM;
    status = status != 0 ? status : copy_servers(ring, t, texts);
    status = status != 0 ? status : index_names(ring, t);
    status = status != 0 ? status : place_servers(ring, t, texts, base);
    rc_free(texts);
    ring->is_plain = ring->hashes_key_alone && ring->hash == RC_HASH_XXH3 && ring->blocks != NULL;
    return status != 0 ? status : rc_ring_make_digest(ring);
}

int rc_ring_new(struct ringcache_ring **ring, const struct rc_topology *topology,
    const struct ringcache_ring *base)
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
    status = fill(built, topology, base);
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
    rc_free(ring->block_memory);
    rc_free(ring->starts);
    rc_free(ring->slots);
    rc_free(ring->servers);
    rc_free(ring->order);
    rc_free(ring->by_name);
    rc_free(ring->names);
    rc_free(ring);
}

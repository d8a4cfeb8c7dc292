/* SPDX-License-Identifier: MIT */
#include "base/slab.h"

#include <string.h>

#include "base/alloc.h"

enum { PER_CHUNK = 64 };

struct chunk {
    struct rc_list link; /* in with_room, or in no list when full */
    uint32_t index;
    uint64_t used; /* a bit for each object */
    _Alignas(16) unsigned char objects[];
};

void rc_slab_init(struct rc_slab *slab, size_t size)
{
    *slab = (struct rc_slab){.size = (size + 15) / 16 * 16};
    rc_list_init(&slab->with_room);
}

/* A free place in the table of chunks, grown by doubling; SIZE_MAX when there is no memory. */
static size_t free_index(struct rc_slab *slab)
{
    for (size_t i = 0; i < slab->chunk_count; i++) {
        if (slab->chunks[i] == NULL) {
            return i;
        }
    }
    size_t count = slab->chunk_count > 0 ? slab->chunk_count * 2 : 8;
    void **chunks = rc_resize(slab->chunks, count, sizeof *chunks);
    if (chunks == NULL) {
        return SIZE_MAX;
    }
    memset(chunks + slab->chunk_count, 0, (count - slab->chunk_count) * sizeof *chunks);
    size_t index = slab->chunk_count;
    slab->chunks = chunks;
    slab->chunk_count = count;
    return index;
}

static struct chunk *add_chunk(struct rc_slab *slab)
{
    size_t index = free_index(slab);
    if (index == SIZE_MAX) {
        return NULL;
    }
    struct chunk *chunk = rc_alloc_zeroed(1, sizeof *chunk + PER_CHUNK * slab->size);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->index = (uint32_t)index;
    slab->chunks[index] = chunk;
    rc_list_append(&slab->with_room, &chunk->link);
    return chunk;
}

void *rc_slab_take(struct rc_slab *slab, uint32_t *number)
{
    struct rc_list *first = rc_list_first(&slab->with_room);
    struct chunk *chunk = first != NULL ? rc_container(first, struct chunk, link) : add_chunk(slab);
    if (chunk == NULL) {
        return NULL;
    }
    unsigned place = (unsigned)__builtin_ctzll(~chunk->used);
    chunk->used |= (uint64_t)1 << place;
    if (chunk->used == UINT64_MAX) {
        rc_list_remove(&chunk->link);
    }
    *number = chunk->index * PER_CHUNK + place;
    return chunk->objects + place * slab->size;
}

void rc_slab_give(struct rc_slab *slab, uint32_t number)
{
    struct chunk *chunk = slab->chunks[number / PER_CHUNK];
    unsigned place = number % PER_CHUNK;
    memset(chunk->objects + place * slab->size, 0, slab->size);
    if (chunk->used == UINT64_MAX) {
        rc_list_append(&slab->with_room, &chunk->link);
    }
    chunk->used &= ~((uint64_t)1 << place);
    bool alone = chunk->link.next == &slab->with_room && chunk->link.prev == &slab->with_room;
    if (chunk->used == 0 && !alone) {
        rc_list_remove(&chunk->link);
        slab->chunks[chunk->index] = NULL;
        rc_free(chunk);
    }
}

void *rc_slab_at(const struct rc_slab *slab, uint32_t number)
{
    size_t index = number / PER_CHUNK;
    if (index >= slab->chunk_count || slab->chunks[index] == NULL) {
        return NULL;
    }
    struct chunk *chunk = slab->chunks[index];
    return chunk->objects + (number % PER_CHUNK) * slab->size;
}

void rc_slab_deinit(struct rc_slab *slab)
{
    for (size_t i = 0; i < slab->chunk_count; i++) {
        rc_free(slab->chunks[i]);
    }
    rc_free(slab->chunks);
    slab->chunks = NULL;
    slab->chunk_count = 0;
}

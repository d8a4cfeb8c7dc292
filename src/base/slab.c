/* SPDX-License-Identifier: MIT */
#include "base/slab.h"

#include <string.h>

#include "base/alloc.h"
#include "base/line.h"

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
    struct rc_slab_chunk **chunks = rc_resize(slab->chunks, count, sizeof *chunks);
    if (chunks == NULL) {
        return SIZE_MAX;
    }
    memset(chunks + slab->chunk_count, 0, (count - slab->chunk_count) * sizeof *chunks);
    size_t index = slab->chunk_count;
    slab->chunks = chunks;
    slab->chunk_count = count;
    return index;
}

struct rc_slab_chunk *rc_slab_grow(struct rc_slab *slab)
{
    size_t index = free_index(slab);
    if (index == SIZE_MAX) {
        return NULL;
    }
    struct rc_slab_chunk *chunk =
        rc_alloc_zeroed(1, sizeof *chunk + RC_LINE - 1 + RC_SLAB_CHUNK * slab->size);
    if (chunk == NULL) {
        return NULL;
    }
    unsigned char *behind = (unsigned char *)(chunk + 1);
    chunk->objects = behind + (RC_LINE - (uintptr_t)behind % RC_LINE) % RC_LINE;
    chunk->index = (uint32_t)index;
    slab->chunks[index] = chunk;
    rc_list_append(&slab->with_room, &chunk->link);
    return chunk;
}

void rc_slab_shrink(struct rc_slab *slab, struct rc_slab_chunk *chunk)
{
    bool alone = chunk->link.next == &slab->with_room && chunk->link.prev == &slab->with_room;
    if (!alone) {
        rc_list_remove(&chunk->link);
        slab->chunks[chunk->index] = NULL;
        rc_free(chunk);
    }
}

void *rc_slab_at(const struct rc_slab *slab, uint32_t number)
{
    size_t index = number / RC_SLAB_CHUNK;
    if (index >= slab->chunk_count || slab->chunks[index] == NULL) {
        return NULL;
    }
    struct rc_slab_chunk *chunk = slab->chunks[index];
    return chunk->objects + (number % RC_SLAB_CHUNK) * slab->size;
}

void rc_slab_deinit(struct rc_slab *slab)
{
    for (size_t i = 0; i < slab->chunk_count; i++) {
        rc_free(slab->chunks[i]);
    }
    rc_free(slab->chunks);
    slab->chunks = NULL;
    slab->chunk_count = 0;
    slab->last = NULL;
}

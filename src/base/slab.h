/* SPDX-License-Identifier: MIT */
#ifndef RC_BASE_SLAB_H
#define RC_BASE_SLAB_H

/* Objects of one size in chunks, each with a number by which it is found again; those of whole
 * lines of the cache begin at one. Taking and giving back are a few instructions, and what was
 * given back last is taken first. A chunk that becomes wholly free goes back to the system if
 * another has room: at most one is kept empty, and one for what was given back last. */

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

enum { RC_SLAB_CHUNK = 64 };

struct rc_slab_chunk {
    struct rc_list link; /* in with_room, or in no list when full */
    uint32_t index;
    uint64_t used;          /* a bit for each object */
    unsigned char *objects; /* from a line of the cache on */
};

struct rc_slab {
    size_t size;                   /* of one object */
    struct rc_slab_chunk **chunks; /* by number / chunk size; NULL where given back */
    size_t chunk_count;
    struct rc_list with_room; /* chunks that have a free object */
    void *last;               /* what was given back last; in use to its chunk; or NULL */
    uint32_t last_number;
};

void rc_slab_init(struct rc_slab *slab, size_t size);

/* A chunk more; NULL when there is no memory. */
struct rc_slab_chunk *rc_slab_grow(struct rc_slab *slab);
/* Give back what chunks are free, but for one. */
void rc_slab_shrink(struct rc_slab *slab, struct rc_slab_chunk *chunk);

/* An object and its number, or NULL. It is as it was given back, or all zero. */
static inline void *rc_slab_take(struct rc_slab *slab, uint32_t *number)
{
    void *last = slab->last;
    if (last != NULL) {
        slab->last = NULL;
        *number = slab->last_number;
        return last;
    }
    struct rc_list *first = rc_list_first(&slab->with_room);
    struct rc_slab_chunk *chunk =
        first != NULL ? rc_container(first, struct rc_slab_chunk, link) : rc_slab_grow(slab);
    if (chunk == NULL) {
        return NULL;
    }
    unsigned place = (unsigned)__builtin_ctzll(~chunk->used);
    chunk->used |= (uint64_t)1 << place;
    if (chunk->used == UINT64_MAX) {
        rc_list_remove(&chunk->link);
    }
    *number = chunk->index * RC_SLAB_CHUNK + place;
    return chunk->objects + place * slab->size;
}

/* Its chunk has it again. */
static inline void rc_slab_free(struct rc_slab *slab, uint32_t number)
{
    struct rc_slab_chunk *chunk = slab->chunks[number / RC_SLAB_CHUNK];
    if (chunk->used == UINT64_MAX) { /* to the front: it is in the cache, too */
        rc_list_append(slab->with_room.next, &chunk->link);
    }
    chunk->used &= ~((uint64_t)1 << number % RC_SLAB_CHUNK);
    if (chunk->used == 0) {
        rc_slab_shrink(slab, chunk);
    }
}

static inline void rc_slab_give(struct rc_slab *slab, void *object, uint32_t number)
{
    if (slab->last != NULL) {
        rc_slab_free(slab, slab->last_number);
    }
    slab->last = object;
    slab->last_number = number;
}

/* The object of a number that was ever given out, be it out or not, or NULL when its chunk is
 * gone. */
void *rc_slab_at(const struct rc_slab *slab, uint32_t number);
/* All chunks go, whatever is still out. */
void rc_slab_deinit(struct rc_slab *slab);

#endif

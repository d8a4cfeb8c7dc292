/* SPDX-License-Identifier: MIT */
#ifndef RC_BASE_SLAB_H
#define RC_BASE_SLAB_H

/* Objects of one size in chunks, each with a number by which it is found again. Taking and giving
 * back are a few instructions; a chunk that becomes wholly free goes back to the system if another
 * has room, so that at most one is kept empty. */

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct rc_slab {
    size_t size;   /* of one object */
    void **chunks; /* by number / chunk size; NULL where given back */
    size_t chunk_count;
    struct rc_list with_room; /* chunks that have a free object */
};

void rc_slab_init(struct rc_slab *slab, size_t size);
/* A zeroed object and its number, or NULL. */
void *rc_slab_take(struct rc_slab *slab, uint32_t *number);
void rc_slab_give(struct rc_slab *slab, uint32_t number);
/* The object of a number that was ever given out, or NULL when its chunk is gone. It may be free:
 * then it is all zero. */
void *rc_slab_at(const struct rc_slab *slab, uint32_t number);
/* All chunks go, whatever is still out. */
void rc_slab_deinit(struct rc_slab *slab);

#endif

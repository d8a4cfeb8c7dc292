/* SPDX-License-Identifier: MIT */
#include "server/told.h"

void rc_told_fill(struct rc_told *told, const struct rc_key_log *keys)
{
    bool whole = rc_key_log_copy(&told->keys, keys) == 0 &&
                 rc_key_index_init(&told->index, &told->keys) == 0;
    if (!whole) {
        rc_told_clear(told);
    }
    told->all = !whole;
}

void rc_told_clear(struct rc_told *told)
{
    rc_key_index_deinit(&told->index);
    rc_key_log_deinit(&told->keys);
    told->all = false;
}

/* SPDX-License-Identifier: MIT */
#include "server/key_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "server/journal.h"

enum { KEEP = 16 * 1024 }; /* memory that an empty one keeps */

/* In front of each key's bytes: its CAS, then its length, which is doubled, and one more where the
 * write adds. */
enum { HEAD = 2 * sizeof(uint64_t) };

static inline unsigned char *put_word(unsigned char *at, uint64_t word)
{
    memcpy(at, &word, sizeof word);
    return at + sizeof word;
}

static inline uint64_t read_word(const unsigned char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

int rc_key_log_push(struct rc_key_log *log, const struct rc_lost *lost)
{
    size_t len = lost->prefix.len + lost->key.len;
    if (rc_buf_reserve(&log->bytes, HEAD + len) < 0) {
        return RINGCACHE_ENOMEM;
    }
    unsigned char *at = put_word(rc_buf_end(&log->bytes), lost->cas);
    at = put_word(at, (uint64_t)len << 1 | lost->adds);
    rc_slice_put(rc_slice_put(at, lost->prefix), lost->key);
    rc_buf_commit(&log->bytes, HEAD + len);
    return 0;
}

struct rc_lost rc_key_log_next(const struct rc_key_log *log, size_t *at)
{
    const unsigned char *head = log->bytes.data + *at;
    uint64_t second = read_word(head + HEAD / 2);
    const struct rc_lost lost = {
        .key = rc_slice(head + HEAD, (size_t)(second >> 1)),
        .cas = read_word(head),
        .adds = (second & 1) != 0,
    };
    *at += HEAD + lost.key.len;
    return lost;
}

void rc_key_log_pop(struct rc_key_log *log)
{
    size_t behind = 0;
    (void)rc_key_log_next(log, &behind);
    rc_buf_consume(&log->bytes, behind);
    rc_buf_trim(&log->bytes, KEEP);
}

void rc_key_log_cut(struct rc_key_log *log, size_t at)
{
    rc_buf_truncate(&log->bytes, at);
    rc_buf_trim(&log->bytes, KEEP);
}

int rc_key_log_copy(struct rc_key_log *to, const struct rc_key_log *from)
{
    return rc_buf_append(&to->bytes, from->bytes.data, from->bytes.len);
}

void rc_key_log_deinit(struct rc_key_log *log)
{
    rc_buf_deinit(&log->bytes);
}

/* ---- the index ---- */

static int order(const void *a, const void *b)
{
    const struct rc_lost lost = {.key = *(const struct rc_slice *)a};
    return rc_lost_compare(&lost, *(const struct rc_slice *)b);
}

static size_t count_keys(const struct rc_key_log *log)
{
    size_t count = 0;
    for (size_t at = 0; at < rc_key_log_len(log); count++) {
        (void)rc_key_log_next(log, &at);
    }
    return count;
}

int rc_key_index_init(struct rc_key_index *index, const struct rc_key_log *log)
{
    size_t count = count_keys(log), at = 0;
    *index = (struct rc_key_index){.keys = NULL};
    if (count == 0) {
        return 0;
    }
    index->keys = rc_alloc_zeroed(count, sizeof *index->keys);
    if (index->keys == NULL) {
        return RINGCACHE_ENOMEM;
    }
    while (index->count < count) {
        index->keys[index->count++] = rc_key_log_next(log, &at).key;
    }
    qsort(index->keys, count, sizeof *index->keys, order);
    return 0;
}

bool rc_key_index_has(const struct rc_key_index *index, struct rc_slice prefix, struct rc_slice key)
{
    const struct rc_lost wanted = {.prefix = prefix, .key = key};
    size_t from = 0, to = index->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int side = rc_lost_compare(&wanted, index->keys[middle]);
        if (side == 0) {
            return true;
        }
        from = side > 0 ? middle + 1 : from;
        to = side < 0 ? middle : to;
    }
    return false;
}

void rc_key_index_deinit(struct rc_key_index *index)
{
    rc_free(index->keys);
    *index = (struct rc_key_index){.keys = NULL};
}

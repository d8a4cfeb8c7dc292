/* SPDX-License-Identifier: MIT */
#include "server/key_log.h"

#include <string.h>

#include "server/journal.h"

enum { KEEP = 16 * 1024 }; /* memory that an empty one keeps */

/* In front of each key's bytes. */
struct head {
    uint64_t cas;
    size_t len;
};

int rc_key_log_push(struct rc_key_log *log, const struct rc_lost *lost)
{
    const struct head head = {lost->cas, lost->prefix.len + lost->key.len};
    if (rc_buf_reserve(&log->bytes, sizeof head + head.len) < 0) {
        return RINGCACHE_ENOMEM;
    }
    unsigned char *at = rc_buf_end(&log->bytes);
    memcpy(at, &head, sizeof head);
    rc_slice_put(rc_slice_put(at + sizeof head, lost->prefix), lost->key);
    rc_buf_commit(&log->bytes, sizeof head + head.len);
    return 0;
}

struct rc_lost rc_key_log_next(const struct rc_key_log *log, size_t *at)
{
    struct head head;
    memcpy(&head, log->bytes.data + *at, sizeof head);
    const struct rc_lost lost = {
        .key = rc_slice(log->bytes.data + *at + sizeof head, head.len), .cas = head.cas};
    *at += sizeof head + head.len;
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
}

void rc_key_log_deinit(struct rc_key_log *log)
{
    rc_buf_deinit(&log->bytes);
}

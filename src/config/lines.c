/* SPDX-License-Identifier: MIT */
#include "config/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "ringcache/status.h"

enum { FIRST_CAP = 64 * 1024 };

static void release(struct rc_lines *lines)
{
    if (lines->base != NULL) {
        rc_wipe(lines->base, lines->cap);
    }
    rc_free(lines->base);
}

/* Twice the room, the unread bytes in front. No block takes half of what a size can say, so that
 * its double is a size. */
static int grow(struct rc_lines *lines)
{
    size_t cap = lines->cap > 0 ? lines->cap * 2 : FIRST_CAP;
    unsigned char *base = rc_alloc(cap);
    if (base == NULL) {
        return RINGCACHE_ENOMEM;
    }
    if (lines->end > 0) {
        memcpy(base, lines->base, lines->end);
    }
    release(lines);
    lines->base = base;
    lines->cap = cap;
    return 0;
}

static int make_room(struct rc_lines *lines)
{
    if (lines->from > 0) {
        memmove(lines->base, lines->base + lines->from, lines->end - lines->from);
        lines->end -= lines->from;
        lines->scanned -= lines->from;
        lines->from = 0;
    }
    return lines->end == lines->cap ? grow(lines) : 0;
}

static int fill(struct rc_lines *lines)
{
    int rc = make_room(lines);
    if (rc != 0) {
        return rc;
    }
    ssize_t n;
    do {
        n = read(lines->fd, lines->base + lines->end, lines->cap - lines->end);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return -errno;
    }
    const unsigned char *nul = memchr(lines->base + lines->end, '\0', (size_t)n);
    lines->ended = n == 0 || nul != NULL;
    lines->end = nul != NULL ? (size_t)(nul - lines->base) + 1 : lines->end + (size_t)n;
    return 0;
}

static int take(struct rc_lines *lines, size_t len, size_t skip, struct rc_slice *line)
{
    *line = rc_slice(lines->base + lines->from, len);
    lines->from += len + skip;
    lines->scanned = lines->from;
    return 1;
}

int rc_lines_open(struct rc_lines *lines, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    *lines = (struct rc_lines){.fd = fd};
    return 0;
}

int rc_lines_next(struct rc_lines *lines, struct rc_slice *line)
{
    for (;;) {
        size_t unseen = lines->end - lines->scanned;
        const unsigned char *stop =
            unseen > 0 ? memchr(lines->base + lines->scanned, '\n', unseen) : NULL;
        if (stop != NULL) {
            return take(lines, (size_t)(stop - lines->base) - lines->from, 1, line);
        }
        lines->scanned = lines->end;
        if (lines->ended) {
            size_t rest = lines->end - lines->from;
            return rest > 0 ? take(lines, rest, 0, line) : 0;
        }
        int rc = fill(lines);
        if (rc != 0) {
            return rc;
        }
    }
}

void rc_lines_close(struct rc_lines *lines)
{
    release(lines);
    (void)close(lines->fd);
}

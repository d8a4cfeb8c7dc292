/* SPDX-License-Identifier: MIT */
#ifndef RC_CONFIG_LINES_H
#define RC_CONFIG_LINES_H

/* A file, line by line, of whatever length. Only the line being read is held, every byte is looked
 * at once, and what was held is overwritten before it is given back, because it may be a password;
 * for the same reason nothing of stdio, whose buffer cannot be overwritten, is used. */

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct rc_lines {
    int fd;
    unsigned char *base;
    size_t cap;
    size_t from, scanned, end; /* the unread bytes, and how far no line end is among them */
    bool ended;
};

/* 0 or a negative errno. */
int rc_lines_open(struct rc_lines *lines, const char *path);
/* 1 with the next line, without its '\n' and valid until the next call; 0 at the end; else
 * RINGCACHE_ENOMEM or a negative errno. A NUL byte ends the reading: it is the last byte of the
 * last line, so that a file which is no text is not read to its end. */
int rc_lines_next(struct rc_lines *lines, struct rc_slice *line);
void rc_lines_close(struct rc_lines *lines);

#endif

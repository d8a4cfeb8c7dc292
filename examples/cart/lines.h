/* SPDX-License-Identifier: MIT */
#ifndef LINES_H
#define LINES_H

/* A line protocol on a Unix socket: a visitor sends one line, gets one answer, and is hung up
 * on. */
#include <uv.h>

#include "visitor.h"

struct lines {
    uv_pipe_t listener;
    struct visitor *first;
    void (*on_line)(struct visitor *visitor);
    void *user;
};

/* Listen at `path` and call `on_line` for every visitor; 0 or a negative errno. */
int lines_open(struct lines *lines, uv_loop_t *loop, const char *path);

/* Listen no more, and hang up on all whose line has not come; the others are still to be
 * answered. */
void lines_close(struct lines *lines);

#endif

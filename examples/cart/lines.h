/* SPDX-License-Identifier: MIT */
#ifndef LINES_H
#define LINES_H

/* A line protocol on a Unix socket: a visitor sends one line, gets one answer, and is hung up on. */
#include <stddef.h>
#include <uv.h>

struct lines;

struct visitor {
    uv_pipe_t pipe;
    struct lines *lines;
    char line[96]; /* without its end */
    size_t line_len;
    char answer[512]; /* room for whoever composes one */
    size_t answer_len, item;
};

struct lines {
    uv_pipe_t listener;
    void (*on_line)(struct visitor *visitor);
    void *user;
};

/* Listen at `path` and call `on_line` for every visitor; 0 or a negative errno. */
int lines_open(struct lines *lines, uv_loop_t *loop, const char *path);

/* Send `text` and hang up; every visitor has to be answered once. */
void lines_answer(struct visitor *visitor, const char *text);

#endif

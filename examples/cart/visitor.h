/* SPDX-License-Identifier: MIT */
#ifndef VISITOR_H
#define VISITOR_H

/* One visitor of the line protocol, in the list of those who have not been hung up on. */
#include <stddef.h>
#include <uv.h>

struct lines;

struct visitor {
    uv_pipe_t pipe;
    struct lines *lines;
    struct visitor *next, **link; /* what points at this one */
    char line[96];                /* without its end */
    size_t line_len;
    char answer[512]; /* room for whoever composes one */
    size_t answer_len, item;
};

/* A new visitor at the front of the list `first`; NULL when out of memory. */
struct visitor *visitor_new(uv_loop_t *loop, struct visitor **first);

/* Send `text` and hang up; every visitor whose line came has to be answered once. */
void visitor_answer(struct visitor *visitor, const char *text);

/* Hang up without a word. */
void visitor_hang_up(struct visitor *visitor);

#endif

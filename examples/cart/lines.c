/* SPDX-License-Identifier: MIT */
#include "lines.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
static void on_closed(uv_handle_t *pipe)
{
    free(pipe->data);
}

void lines_answer(struct visitor *visitor, const char *text)
{
    uv_buf_t buf = uv_buf_init((char *)text, (unsigned)strlen(text));
    if (uv_try_write((uv_stream_t *)&visitor->pipe, &buf, 1) < 0)
        fputs("lines: a visitor left early\n", stderr);
    uv_close((uv_handle_t *)&visitor->pipe, on_closed);
}

static void on_room(uv_handle_t *pipe, size_t suggested, uv_buf_t *buf)
{
    struct visitor *visitor = pipe->data;
    buf->base = visitor->line + visitor->line_len;
    size_t room = sizeof visitor->line - visitor->line_len;
    buf->len = room < suggested ? room : suggested;
}

static void on_bytes(uv_stream_t *pipe, ssize_t count, const uv_buf_t *buf)
{
    struct visitor *visitor = pipe->data;
    char *end = count > 0 ? memchr(buf->base, '\n', (size_t)count) : NULL;
    visitor->line_len += count > 0 ? (size_t)count : 0;
    if (end != NULL) {
        *end = '\0';
        uv_read_stop(pipe);
        visitor->lines->on_line(visitor);
    } else if (count < 0) { /* gone, or its line has no end */
        uv_close((uv_handle_t *)pipe, on_closed);
    }
}

static void on_visitor(uv_stream_t *listener, int status)
{
    struct visitor *visitor = status == 0 ? calloc(1, sizeof *visitor) : NULL;
    if (visitor == NULL)
        return;
    uv_stream_t *pipe = (uv_stream_t *)&visitor->pipe;
    uv_pipe_init(listener->loop, &visitor->pipe, 0);
    pipe->data = visitor;
    visitor->lines = listener->data;
    if (uv_accept(listener, pipe) != 0 || uv_read_start(pipe, on_room, on_bytes) != 0)
        uv_close((uv_handle_t *)pipe, on_closed);
}

int lines_open(struct lines *lines, uv_loop_t *loop, const char *path)
{
    uv_pipe_init(loop, &lines->listener, 0); /* always 0 */
    lines->listener.data = lines;
    int status = uv_pipe_bind(&lines->listener, path);
    return status != 0 ? status : uv_listen((uv_stream_t *)&lines->listener, 16, on_visitor);
}

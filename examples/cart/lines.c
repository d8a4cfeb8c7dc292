/* SPDX-License-Identifier: MIT */
#include "lines.h"

#include <string.h>

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
        visitor_hang_up(visitor);
    }
}

static void on_visitor(uv_stream_t *listener, int status)
{
    struct lines *lines = listener->data;
    struct visitor *visitor = status == 0 ? visitor_new(listener->loop, &lines->first) : NULL;
    if (visitor == NULL)
        return;
    uv_stream_t *pipe = (uv_stream_t *)&visitor->pipe;
    visitor->lines = lines;
    if (uv_accept(listener, pipe) != 0 || uv_read_start(pipe, on_room, on_bytes) != 0)
        visitor_hang_up(visitor);
}

int lines_open(struct lines *lines, uv_loop_t *loop, const char *path)
{
    uv_pipe_init(loop, &lines->listener, 0); /* always 0 */
    lines->listener.data = lines;
    int status = uv_pipe_bind(&lines->listener, path);
    return status != 0 ? status : uv_listen((uv_stream_t *)&lines->listener, 16, on_visitor);
}

void lines_close(struct lines *lines)
{
    uv_close((uv_handle_t *)&lines->listener, NULL);
    for (struct visitor *visitor = lines->first, *next; visitor != NULL; visitor = next) {
        next = visitor->next;
        if (uv_is_active((uv_handle_t *)&visitor->pipe)) /* still reading */
            visitor_hang_up(visitor);
    }
}

/* SPDX-License-Identifier: MIT */
#include "visitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct visitor *visitor_new(uv_loop_t *loop, struct visitor **first)
{
    struct visitor *visitor = calloc(1, sizeof *visitor);
    if (visitor == NULL)
        return NULL;
    uv_pipe_init(loop, &visitor->pipe, 0); /* always 0 */
    visitor->pipe.data = visitor;
    visitor->next = *first;
    visitor->link = first;
    if (*first != NULL)
        (*first)->link = &visitor->next;
    *first = visitor;
    return visitor;
}

static void on_closed(uv_handle_t *pipe)
{
    free(pipe->data);
}

void visitor_hang_up(struct visitor *visitor)
{
    if (visitor->next != NULL)
        visitor->next->link = visitor->link;
    *visitor->link = visitor->next;
    uv_close((uv_handle_t *)&visitor->pipe, on_closed);
}

void visitor_answer(struct visitor *visitor, const char *text)
{
    uv_buf_t buf = uv_buf_init((char *)text, (unsigned)strlen(text));
    if (uv_try_write((uv_stream_t *)&visitor->pipe, &buf, 1) < 0)
        fputs("cart: a visitor left early\n", stderr);
    visitor_hang_up(visitor);
}

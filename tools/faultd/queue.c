/* SPDX-License-Identifier: MIT */
/* A list of pieces, each in one allocation with its bytes. */
#include "queue.h"

#include <stdlib.h>
#include <string.h>

static struct piece *append(struct queue *queue, uint64_t due_ms, size_t len)
{
    struct piece *piece = malloc(sizeof *piece + len);
    if (piece == NULL)
        return NULL;
    *piece = (struct piece){.due_ms = due_ms, .len = len};
    if (queue->first == NULL)
        queue->first = piece;
    else
        queue->last->next = piece;
    queue->last = piece;
    queue->bytes += len;
    return piece;
}

bool queue_bytes(struct queue *queue, uint64_t due_ms, const char *bytes, size_t len)
{
    struct piece *piece = len == 0 ? NULL : append(queue, due_ms, len);
    if (piece != NULL)
        memcpy(piece->bytes, bytes, len);
    return len == 0 || piece != NULL;
}

bool queue_mark(struct queue *queue, enum piece_kind kind, uint64_t due_ms, struct command *cause,
    uint64_t offset)
{
    struct piece *piece = append(queue, due_ms, 0);
    if (piece == NULL)
        return false;
    piece->kind = kind;
    piece->cause = cause != NULL ? command_hold(cause) : NULL;
    piece->offset = offset;
    return true;
}

void queue_pop(struct queue *queue)
{
    struct piece *piece = queue->first;
    queue->first = piece->next;
    queue->bytes -= piece->len - piece->sent;
    command_release(piece->cause);
    free(piece);
}

void queue_sent(struct queue *queue, size_t len)
{
    struct piece *piece = queue->first;
    piece->sent += len;
    queue->bytes -= len;
    if (piece->sent == piece->len)
        queue_pop(queue);
}

void queue_release(struct queue *queue)
{
    struct piece **place = &queue->first;
    queue->last = NULL;
    while (*place != NULL) {
        struct piece *piece = *place;
        if (piece->kind == PIECE_STALL) {
            *place = piece->next;
            command_release(piece->cause);
            free(piece);
            continue;
        }
        piece->due_ms = 0;
        queue->last = piece;
        place = &piece->next;
    }
}

void queue_clear(struct queue *queue)
{
    while (queue->first != NULL)
        queue_pop(queue);
}

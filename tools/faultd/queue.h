/* SPDX-License-Identifier: MIT */
#ifndef FAULTD_QUEUE_H
#define FAULTD_QUEUE_H

/* What a direction still has to pass, in order: bytes, each piece with the time before which it
 * does not leave, and between them the marks of what happens when all before them has left. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"

enum piece_kind { PIECE_BYTES, PIECE_STALL, PIECE_END, PIECE_CLOSE, PIECE_RESET };

struct piece {
    struct piece *next;
    enum piece_kind kind;
    uint64_t due_ms;
    struct command *cause; /* of a mark; NULL: the sender's own doing */
    uint64_t offset;       /* of a mark: bytes that its sender had sent */
    size_t sent, len;
    char bytes[];
};

struct queue {
    struct piece *first, *last;
    size_t bytes;
};

/* Append; false when memory runs out. Bytes are copied. */
bool queue_bytes(struct queue *queue, uint64_t due_ms, const char *bytes, size_t len);
bool queue_mark(struct queue *queue, enum piece_kind kind, uint64_t due_ms, struct command *cause,
    uint64_t offset);

/* `len` bytes of the first piece have left; the piece goes with its last. */
void queue_sent(struct queue *queue, size_t len);
/* Remove the first piece. */
void queue_pop(struct queue *queue);
/* Everything is due at once, and nothing stalls on its way. */
void queue_release(struct queue *queue);
void queue_clear(struct queue *queue);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef FLOOR_H
#define FLOOR_H

/* What no client can do without: the bytes of every request, encoded beforehand just as ringcache
 * encodes them, out to the key's owner in one write for each server and turn of the loop, and the
 * replies counted by their lengths. No hash, no lookup, no parser, no deadline, no error but first
 * bytes of a reply that are others than they should be. Common to floor_uv and floor_epoll. */

#include "bench.h"

/* Bytes that grow. */
struct text {
    unsigned char *data;
    size_t len, size;
    bool failed; /* there was no memory */
};

void text_put(struct text *text, const void *bytes, size_t len);

/* So many bytes of a reply are looked at. Where nothing comes for so long, they were too few. */
enum { HEAD_BYTES = 8, STALL_MS = 5000 };

/* One command. The replies to it are as long as they should be, or wrong. */
struct message {
    size_t at, reply_at; /* in the script's texts */
    uint32_t len, reply_len;
    uint32_t server;
    unsigned char reply_head[HEAD_BYTES]; /* or less, where the reply is shorter */
};

/* All that a load sends: the messages of each unit, which is a key or the keys of a get_many. */
struct script {
    struct text commands, replies;
    struct message *messages;
    uint32_t message_count, message_room;
    uint32_t *first; /* of each unit, and one behind the last */
};

bool script_init(struct script *script, const struct load *load);
void script_deinit(struct script *script);

struct sent {
    uint32_t message;
    struct flight *flight;
};

/* One server. */
struct line {
    struct text out;   /* not written yet */
    struct sent *sent; /* a ring of a power of two */
    uint32_t head, tail;
    uint32_t got; /* bytes of the oldest one's reply */
    bool dirty;
    struct line *next_dirty;
};

struct floor {
    struct load *load;
    struct script script;
    struct line lines[SERVERS_MAX];
    uint32_t sent_mask;
    struct line *dirty;
};

bool floor_serves(enum protocol protocol, enum op op);

/* Encode all that `load` will send. */
bool floor_prepare(struct floor *floor, struct load *load);
void floor_deinit(struct floor *floor);

/* Fill the window. */
void floor_begin(struct floor *floor);

/* Replies, or a part of them, came from a server; what they make room for goes to the lines. */
void floor_take(struct floor *floor, struct line *line, const unsigned char *bytes, size_t len);

/* A line with something to write, which it is no longer after this; NULL: none is left. */
struct line *floor_next_dirty(struct floor *floor);

#endif

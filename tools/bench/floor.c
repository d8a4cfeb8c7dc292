/* SPDX-License-Identifier: MIT */
#include "floor.h"

#include <stdlib.h>
#include <string.h>

bool floor_serves(enum protocol protocol, enum op op)
{
    (void)protocol;
    (void)op;
    return true;
}

/* The messages that one unit can have at most, and so one server's. */
static uint32_t longest_unit(const struct script *script, uint32_t units)
{
    uint32_t most = 1;
    for (uint32_t i = 0; i < units; i++) {
        uint32_t count = script->first[i + 1] - script->first[i];
        most = count > most ? count : most;
    }
    return most;
}

static void forget(struct floor *floor)
{
    script_deinit(&floor->script);
    for (size_t i = 0; i < SERVERS_MAX; i++) {
        free(floor->lines[i].sent);
        floor->lines[i].sent = NULL;
    }
}

bool floor_prepare(struct floor *floor, struct load *load)
{
    forget(floor);
    floor->load = load;
    bool good = script_init(&floor->script, load);
    uint32_t most = good ? longest_unit(&floor->script, load->plan->keys / load->step) : 0;
    uint32_t size = 1;
    while (size < most * load->window) {
        size *= 2;
    }
    floor->sent_mask = size - 1;
    for (size_t i = 0; i < load->plan->port_count && good; i++) {
        floor->lines[i].sent = calloc(size, sizeof(struct sent));
        floor->lines[i].head = floor->lines[i].tail = 0;
        good = floor->lines[i].sent != NULL;
    }
    if (!good) {
        load_fail(load, "no memory for the requests");
    }
    return good;
}

void floor_deinit(struct floor *floor)
{
    forget(floor);
    for (size_t i = 0; i < SERVERS_MAX; i++) {
        free(floor->lines[i].out.data);
    }
}

static void send_unit(struct floor *floor, struct flight *flight)
{
    const uint32_t *first = &floor->script.first[flight->key / floor->load->step];
    flight->pending = first[1] - first[0];
    for (uint32_t i = first[0]; i < first[1]; i++) {
        const struct message *message = &floor->script.messages[i];
        struct line *line = &floor->lines[message->server];
        text_put(&line->out, floor->script.commands.data + message->at, message->len);
        line->sent[line->tail++ & floor->sent_mask] = (struct sent){i, flight};
        if (!line->dirty) {
            line->dirty = true;
            line->next_dirty = floor->dirty;
            floor->dirty = line;
        }
    }
}

void floor_begin(struct floor *floor)
{
    for (uint32_t i = 0; i < floor->load->window; i++) {
        if (load_begin(floor->load, &floor->load->flights[i])) {
            send_unit(floor, &floor->load->flights[i]);
        }
    }
}

/* The oldest message of the line is answered. */
static void count_reply(struct floor *floor, struct line *line)
{
    struct flight *flight = line->sent[line->head++ & floor->sent_mask].flight;
    line->got = 0;
    if (--flight->pending > 0) {
        return;
    }
    load_end(floor->load, flight);
    if (load_begin(floor->load, flight)) {
        send_unit(floor, flight);
    }
}

/* Is this how the rest of the oldest reply goes on? */
static bool is_right(const struct floor *floor, const struct line *line,
    const struct message *message, const unsigned char *bytes, size_t len)
{
    if (floor->load->verify) {
        const unsigned char *reply = floor->script.replies.data + message->reply_at;
        return memcmp(bytes, reply + line->got, len) == 0;
    }
    if (len >= HEAD_BYTES) {
        return line->got > 0 || memcmp(bytes, message->reply_head, HEAD_BYTES) == 0;
    }
    return line->got > 0 || memcmp(bytes, message->reply_head, len) == 0;
}

void floor_take(struct floor *floor, struct line *line, const unsigned char *bytes, size_t len)
{
    while (len > 0) {
        if (line->head == line->tail) {
            load_fail(floor->load, "a reply that nobody waits for");
            return;
        }
        const struct sent *sent = &line->sent[line->head & floor->sent_mask];
        const struct message *message = &floor->script.messages[sent->message];
        size_t due = message->reply_len - line->got;
        size_t part = len < due ? len : due;
        if (!is_right(floor, line, message, bytes, part)) {
            load_fail(floor->load, "a reply that is another than it should be");
            return;
        }
        bytes += part;
        len -= part;
        line->got += (uint32_t)part;
        if (part == due) {
            count_reply(floor, line);
        }
    }
}

struct line *floor_next_dirty(struct floor *floor)
{
    struct line *line = floor->dirty;
    if (line != NULL) {
        floor->dirty = line->next_dirty;
        line->dirty = false;
    }
    return line;
}

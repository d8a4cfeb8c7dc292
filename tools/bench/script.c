/* SPDX-License-Identifier: MIT */
/* The bytes that ringcache sends, and what servers answer to them. */
#include "floor.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As many keys as ringcache asks for in one command. */
enum { BATCH_KEYS = 64 };

void text_put(struct text *text, const void *bytes, size_t len)
{
    if (text->size - text->len < len) {
        size_t size = 2 * text->size + len;
        unsigned char *data = realloc(text->data, size);
        if (data == NULL) {
            text->failed = true;
            return;
        }
        text->data = data;
        text->size = size;
    }
    memcpy(text->data + text->len, bytes, len);
    text->len += len;
}

/* At most 127 bytes. */
__attribute__((format(printf, 2, 3))) static void put(struct text *text, const char *format, ...)
{
    char words[128];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    text_put(text, words, (size_t)len);
}

/* The value of a key, and the end of its line. */
static void put_value(struct text *text, const struct load *load, uint32_t key)
{
    text_put(text, load_value(load, key), load->plan->value_bytes);
    put(text, "\r\n");
}

static void write_get(struct script *script, const struct load *load, uint32_t key)
{
    const char *name = load->work->keys[key];
    const uint32_t size = load->plan->value_bytes;
    switch (load->plan->protocol) {
    case PROTOCOL_META:
        put(&script->commands, "mg %s v f O%08" PRIx32 "\r\n", name, key);
        put(&script->replies, "VA %" PRIu32 " f0 O%08" PRIx32 "\r\n", size, key);
        put_value(&script->replies, load, key);
        break;
    case PROTOCOL_CLASSIC:
        put(&script->commands, "get %s\r\n", name);
        put(&script->replies, "VALUE %s 0 %" PRIu32 "\r\n", name, size);
        put_value(&script->replies, load, key);
        put(&script->replies, "END\r\n");
        break;
    case PROTOCOL_REDIS:
        put(&script->commands, "*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n", KEY_SIZE, name);
        put(&script->replies, "$%" PRIu32 "\r\n", size);
        put_value(&script->replies, load, key);
        break;
    }
}

static void write_set(struct script *script, const struct load *load, uint32_t key)
{
    const char *name = load->work->keys[key];
    const uint32_t size = load->plan->value_bytes;
    switch (load->plan->protocol) {
    case PROTOCOL_META:
        put(&script->commands, "ms %s %" PRIu32 " O%08" PRIx32 "\r\n", name, size, key);
        put(&script->replies, "HD O%08" PRIx32 "\r\n", key);
        break;
    case PROTOCOL_CLASSIC:
        put(&script->commands, "set %s 0 0 %" PRIu32 "\r\n", name, size);
        put(&script->replies, "STORED\r\n");
        break;
    case PROTOCOL_REDIS:
        put(&script->commands, "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%" PRIu32 "\r\n", KEY_SIZE, name,
            size);
        put(&script->replies, "+OK\r\n");
        break;
    }
    put_value(&script->commands, load, key);
}

/* From so many keys on ringcache asks a memcached in meta for all but the last by one classic get,
 * of fewer for each by itself. */
enum { CLASSIC_KEYS_MIN = 24 };

static void write_classic_batch(
    struct script *script, const struct load *load, const uint32_t *keys, uint32_t count)
{
    const uint32_t size = load->plan->value_bytes;
    put(&script->commands, "get");
    for (uint32_t i = 0; i < count; i++) {
        const char *name = load->work->keys[keys[i]];
        put(&script->commands, " %s", name);
        put(&script->replies, "VALUE %s 0 %" PRIu32 "\r\n", name, size);
        put_value(&script->replies, load, keys[i]);
    }
    put(&script->commands, "\r\n");
    put(&script->replies, "END\r\n");
}

static void write_meta_batch(
    struct script *script, const struct load *load, const uint32_t *keys, uint32_t count)
{
    uint32_t together = count >= CLASSIC_KEYS_MIN ? count - 1 : 0;
    if (together > 0) {
        write_classic_batch(script, load, keys, together);
    }
    for (uint32_t i = together; i < count; i++) {
        write_get(script, load, keys[i]);
    }
}

static void write_redis_batch(
    struct script *script, const struct load *load, const uint32_t *keys, uint32_t count)
{
    put(&script->commands, "*%" PRIu32 "\r\n$4\r\nMGET\r\n", count + 1);
    put(&script->replies, "*%" PRIu32 "\r\n", count);
    for (uint32_t i = 0; i < count; i++) {
        put(&script->commands, "$%d\r\n%s\r\n", KEY_SIZE, load->work->keys[keys[i]]);
        put(&script->replies, "$%" PRIu32 "\r\n", load->plan->value_bytes);
        put_value(&script->replies, load, keys[i]);
    }
}

static void write_batch(
    struct script *script, const struct load *load, const uint32_t *keys, uint32_t count)
{
    switch (load->plan->protocol) {
    case PROTOCOL_META:
        write_meta_batch(script, load, keys, count);
        break;
    case PROTOCOL_CLASSIC:
        write_classic_batch(script, load, keys, count);
        break;
    case PROTOCOL_REDIS:
        write_redis_batch(script, load, keys, count);
        break;
    }
}

static void write_message(
    struct script *script, const struct load *load, const uint32_t *keys, uint32_t count)
{
    if (load->op == OP_SET) {
        write_set(script, load, keys[0]);
    } else if (count == 1) {
        write_get(script, load, keys[0]);
    } else {
        write_batch(script, load, keys, count);
    }
}

static bool add_message(
    struct script *script, const struct load *load, const uint32_t *keys, uint32_t count)
{
    if (script->message_count == script->message_room) {
        script->message_room = 2 * script->message_room + 64;
        struct message *messages =
            realloc(script->messages, script->message_room * sizeof *messages);
        if (messages == NULL) {
            return false;
        }
        script->messages = messages;
    }
    struct message *message = &script->messages[script->message_count++];
    *message = (struct message){.at = script->commands.len, .reply_at = script->replies.len};
    write_message(script, load, keys, count);
    if (script->commands.failed || script->replies.failed) {
        return false;
    }
    message->len = (uint32_t)(script->commands.len - message->at);
    message->reply_len = (uint32_t)(script->replies.len - message->reply_at);
    message->server = load->work->owners[keys[0]];
    const size_t head = message->reply_len < HEAD_BYTES ? message->reply_len : HEAD_BYTES;
    memcpy(message->reply_head, script->replies.data + message->reply_at, head);
    return true;
}

/* The keys `from` … `to` − 1, one server after the other. */
static bool add_unit(struct script *script, const struct load *load, uint32_t from, uint32_t to)
{
    for (uint32_t server = 0; server < load->plan->port_count; server++) {
        uint32_t keys[BATCH_KEYS], count = 0;
        for (uint32_t key = from; key <= to; key++) {
            bool full = key == to || count == BATCH_KEYS;
            if (full && count > 0) {
                if (!add_message(script, load, keys, count)) {
                    return false;
                }
                count = 0;
            }
            if (key < to && load->work->owners[key] == server) {
                keys[count++] = key;
            }
        }
    }
    return true;
}

bool script_init(struct script *script, const struct load *load)
{
    const uint32_t units = load->plan->keys / load->step;
    *script = (struct script){.first = calloc(units + 1, sizeof *script->first)};
    bool good = script->first != NULL;
    for (uint32_t i = 0; i < units && good; i++) {
        script->first[i] = script->message_count;
        good = add_unit(script, load, i * load->step, (i + 1) * load->step);
        script->first[i + 1] = script->message_count;
    }
    return good;
}

void script_deinit(struct script *script)
{
    free(script->commands.data);
    free(script->replies.data);
    free(script->messages);
    free(script->first);
    *script = (struct script){0};
}

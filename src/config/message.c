/* SPDX-License-Identifier: MIT */
#include "config/message.h"

#include <string.h>

#include "base/number.h"

enum { QUOTED_MAX = 80, WORD_MAX = 32 };

static void add_byte(struct rc_message *message, char byte)
{
    if (message->size > 0 && message->len < message->size - 1) {
        message->out[message->len] = byte;
        message->out[message->len + 1] = '\0';
    }
    message->len++;
}

static void add_hex(
    struct rc_message *message, const char *lead, unsigned char byte, const char *digits)
{
    rc_message_add(message, lead);
    add_byte(message, digits[byte >> 4]);
    add_byte(message, digits[byte & 15]);
}

static bool is_letter_or_digit(unsigned char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

struct rc_message rc_message_start(char *out, size_t size)
{
    if (size > 0) {
        out[0] = '\0';
    }
    return (struct rc_message){.out = out, .size = size};
}

void rc_message_add(struct rc_message *message, const char *words)
{
    for (const char *p = words; *p != '\0'; p++) {
        add_byte(message, *p);
    }
}

void rc_message_add_number(struct rc_message *message, uint64_t number)
{
    unsigned char digits[20];
    size_t count = rc_number_write(digits, number);
    rc_message_add_shown(message, rc_slice(digits, count));
}

void rc_message_add_shown(struct rc_message *message, struct rc_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = bytes.data[i];
        if (byte >= 0x20 && byte < 0x7f) {
            add_byte(message, (char)byte);
        } else {
            add_hex(message, "\\x", byte, "0123456789abcdef");
        }
    }
}

void rc_message_add_quoted(struct rc_message *message, struct rc_slice bytes)
{
    bool cut = bytes.len > QUOTED_MAX;
    rc_message_add(message, "\"");
    rc_message_add_shown(message, rc_slice(bytes.data, cut ? QUOTED_MAX : bytes.len));
    rc_message_add(message, cut ? "...\"" : "\"");
}

void rc_message_add_value(struct rc_message *message, struct rc_slice value)
{
    bool astray = value.len > 0 && (memchr(value.data, '@', value.len) != NULL ||
                                       memmem(value.data, value.len, "//", 2) != NULL);
    rc_message_add_quoted(message, astray ? rc_slice_text("***") : value);
}

void rc_message_add_encoded(struct rc_message *message, struct rc_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = bytes.data[i];
        if (is_letter_or_digit(byte) || memchr("-._~/:[]", byte, 8) != NULL) {
            add_byte(message, (char)byte);
        } else {
            add_hex(message, "%", byte, "0123456789ABCDEF");
        }
    }
}

bool rc_message_is_word(struct rc_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = bytes.data[i];
        bool lower = byte >= 'a' && byte <= 'z';
        if (!lower && !(byte >= '0' && byte <= '9') && byte != '_') {
            return false;
        }
    }
    return bytes.len > 0 && bytes.len <= WORD_MAX;
}

/* SPDX-License-Identifier: MIT */
#ifndef RC_CONFIG_MESSAGE_H
#define RC_CONFIG_MESSAGE_H

/* One line for a person, written into a fixed room and cut where that ends. `len` goes on
 * counting, so that a first pass without room tells how much a second one needs. Bytes that came
 * from outside are only ever added through a verb that escapes them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct rc_message {
    char *out;
    size_t size;
    size_t len;
};

/* Start an empty text in `size` bytes at `out`; without room `out` may be NULL. */
struct rc_message rc_message_start(char *out, size_t size);
/* Our own words, as they are. */
void rc_message_add(struct rc_message *message, const char *words);
void rc_message_add_number(struct rc_message *message, uint64_t number);
/* Foreign bytes: what is not printable ASCII as \xNN. */
void rc_message_add_shown(struct rc_message *message, struct rc_slice bytes);
/* The same between quotes, cut after 80 bytes. */
void rc_message_add_quoted(struct rc_message *message, struct rc_slice bytes);
/* A value that was refused, between quotes; "***" when it may be a URI that went astray, and so
 * hold a password. */
void rc_message_add_value(struct rc_message *message, struct rc_slice value);
/* Bytes in the form a URI carries them: all but letters, digits and "-._~/:[]" as %XX. */
void rc_message_add_encoded(struct rc_message *message, struct rc_slice bytes);

/* Is it 1..32 of a..z, 0..9, '_': what an option or parameter looks like, and no password with its
 * surroundings does? */
bool rc_message_is_word(struct rc_slice bytes);

#endif

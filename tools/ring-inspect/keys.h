/* SPDX-License-Identifier: MIT */
#ifndef INSPECT_KEYS_H
#define INSPECT_KEYS_H

/* The keys of a command line, one after the other. */

#include <stdbool.h>
#include <stddef.h>

struct key {
    const void *bytes;
    size_t len;
    size_t line; /* of the standard input, from 1; 0: an operand */
};

/* Anything but EXIT_DONE ends the walk. */
typedef int (*key_visit)(void *user, const struct key *key);

/* Does this operand stand for the keys on the standard input? */
bool keys_streamed(const char *operand);

/* Visit each operand; for "-" each line of the standard input, of which only the line feed is taken
 * away. Whenever no whole line is left and more must be waited for, the output is flushed. Returns
 * what the last visit returned, or EXIT_LIVE or EXIT_USAGE after complaining. */
int keys_each(char **operands, size_t count, key_visit visit, void *user);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef TEST_VECTORS_H
#define TEST_VECTORS_H

/* Files of tests/data/placement: lines of text, "#" begins a comment. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { VECTOR_KEYS = 300, VECTOR_KEY_MAX = 256 };

struct vector_key {
    unsigned char bytes[VECTOR_KEY_MAX];
    size_t len;
};

struct vector_keys {
    struct vector_key keys[VECTOR_KEYS];
};

FILE *vector_open(const char *name);

/* The next line that says something, without its end; false at the end of the file. */
bool vector_line(FILE *file, char *line, size_t size);

/* Bytes from hexadecimal digits, which end at a space or the end of the text. */
struct vector_key vector_key(const char *hex);

/* keys.txt. */
struct vector_keys vector_keys_read(void);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef INSPECT_JSON_H
#define INSPECT_JSON_H

/* What programs read. A NULL document stands for memory that ran out while it was built. */

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes under `name` when they are UTF-8, else in hexadecimal under `name_hex`: a new object, or
 * NULL. */
json_t *json_bytes(const char *name, const void *bytes, size_t len);
/* Text likewise, or null when there is none. */
json_t *json_text(const char *name, const char *text);
/* A list of texts likewise: all of them are in hexadecimal when one has to be. */
json_t *json_texts(const char *name, const char *const *texts, size_t count);
/* Sixteen hexadecimal digits, or NULL. */
json_t *json_digest(uint64_t digest);
/* All of `more` into `to`; both are taken. NULL when either is. */
json_t *json_joined(json_t *to, json_t *more);
/* Print one document over several lines, or on a line of its own, and release it. Both return
 * EXIT_DONE or EXIT_LIVE. */
int json_print(json_t *document);
int json_print_line(json_t *document);

#endif

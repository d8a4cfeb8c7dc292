/* SPDX-License-Identifier: MIT */
/* JSON out of jansson. */

#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "report.h"

enum { REAL_DIGITS = 15 };

/* NULL when they are not UTF-8, or memory ran out. */
static json_t *verbatim(const void *bytes, size_t len)
{
    return json_stringn(bytes, len);
}

static json_t *hexadecimal(const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;
    size_t size;

    if (__builtin_mul_overflow(len, 2, &size))
        return NULL;
    char *text = malloc(size + 1);
    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[from[i] >> 4];
        text[2 * i + 1] = digits[from[i] & 15];
    }
    json_t *value = json_stringn_nocheck(text, size);
    free(text);
    return value;
}

json_t *json_bytes(const char *name, const void *bytes, size_t len)
{
    json_t *value = verbatim(bytes, len);

    if (value != NULL)
        return json_pack("{s:o}", name, value);
    value = hexadecimal(bytes, len);
    return value == NULL ? NULL : json_pack("{s+:o}", name, "_hex", value);
}

json_t *json_text(const char *name, const char *text)
{
    return text != NULL ? json_bytes(name, text, strlen(text)) : json_pack("{s:n}", name);
}

static json_t *list(
    const char *const *texts, size_t count, json_t *(*value)(const void *bytes, size_t len))
{
    json_t *values = json_array();

    for (size_t i = 0; i < count; i++) {
        if (json_array_append_new(values, value(texts[i], strlen(texts[i]))) != 0) {
            json_decref(values);
            return NULL;
        }
    }
    return values;
}

json_t *json_texts(const char *name, const char *const *texts, size_t count)
{
    json_t *values = list(texts, count, verbatim);

    if (values != NULL)
        return json_pack("{s:o}", name, values);
    values = list(texts, count, hexadecimal);
    return values == NULL ? NULL : json_pack("{s+:o}", name, "_hex", values);
}

json_t *json_digest(uint64_t digest)
{
    return json_sprintf("%016" PRIx64, digest);
}

json_t *json_joined(json_t *to, json_t *more)
{
    bool joined = to != NULL && more != NULL && json_object_update(to, more) == 0;

    json_decref(more);
    if (joined)
        return to;
    json_decref(to);
    return NULL;
}

static int print(json_t *document, size_t layout)
{
    if (document == NULL)
        return complain_memory();
    /* A failed write is remembered by stdout and reported at the end. */
    json_dumpf(document, stdout, layout | JSON_REAL_PRECISION(REAL_DIGITS));
    putchar('\n');
    json_decref(document);
    return ferror(stdout) ? EXIT_LIVE : EXIT_DONE;
}

int json_print(json_t *document)
{
    return print(document, JSON_INDENT(2));
}

int json_print_line(json_t *document)
{
    return print(document, JSON_COMPACT);
}

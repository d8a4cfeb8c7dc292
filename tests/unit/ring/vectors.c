/* SPDX-License-Identifier: MIT */
#include "vectors.h"

#include <string.h>

#include "fleet.h"

FILE *vector_open(const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", PLACEMENT_DIR, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    return file;
}

bool vector_line(FILE *file, char *line, size_t size)
{
    while (fgets(line, (int)size, file) != NULL) {
        size_t len = strcspn(line, "\n");
        assert_true(len < size - 1);
        line[len] = '\0';
        if (len > 0 && line[0] != '#') {
            return true;
        }
    }
    return false;
}

struct vector_key vector_key(const char *hex)
{
    struct vector_key key = {.len = strcspn(hex, " ") / 2};
    assert_in_range(key.len, 1, VECTOR_KEY_MAX);
    for (size_t i = 0; i < key.len; i++) {
        unsigned byte = 0;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
        key.bytes[i] = (unsigned char)byte;
    }
    return key;
}

struct vector_keys vector_keys_read(void)
{
    struct vector_keys keys;
    FILE *file = vector_open("keys.txt");
    char line[2 * VECTOR_KEY_MAX + 2];
    for (size_t i = 0; i < VECTOR_KEYS; i++) {
        assert_true(vector_line(file, line, sizeof line));
        keys.keys[i] = vector_key(line);
    }
    assert_false(vector_line(file, line, sizeof line));
    fclose(file);
    return keys;
}

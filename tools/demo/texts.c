/* SPDX-License-Identifier: MIT */
#include "texts.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    MOST_BYTES = 16 * 1024 * 1024,
    LARGEST_FILE = 512 * 1024,
    SHORTEST_PIECE = 300,
    PIECE_SPREAD = 1200, /* pieces are of SHORTEST_PIECE and up to as many bytes more */
};

static int make_room(struct texts *texts, size_t len)
{
    if (texts->len + len <= texts->room)
        return 0;
    size_t room = 2 * (texts->len + len);
    char *bytes = realloc(texts->bytes, room);
    if (bytes == NULL)
        return -1;
    texts->bytes = bytes;
    texts->room = room;
    return 0;
}

/* What cannot be read, or is not text, adds nothing. */
static int add_file(struct texts *texts, const char *path, size_t size)
{
    if (make_room(texts, size) != 0)
        return -1;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return 0;
    char *start = texts->bytes + texts->len;
    size_t len = fread(start, 1, size, file);
    fclose(file);
    if (memchr(start, '\0', len) != NULL)
        return 0;
    texts->len += len;
    texts->files++;
    return 0;
}

static int add_entry(struct texts *texts, const char *path)
{
    struct stat stat;
    if (lstat(path, &stat) != 0 || texts->len >= MOST_BYTES)
        return 0;
    if (S_ISDIR(stat.st_mode))
        return texts_add(texts, path);
    if (!S_ISREG(stat.st_mode) || stat.st_size < SHORTEST_PIECE || stat.st_size > LARGEST_FILE)
        return 0;
    return add_file(texts, path, (size_t)stat.st_size);
}

int texts_add(struct texts *texts, const char *folder)
{
    DIR *entries = opendir(folder);
    int status = 0;
    if (entries == NULL)
        return 0;
    for (struct dirent *entry; status == 0 && (entry = readdir(entries)) != NULL;) {
        char path[4096];
        int len = snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.' && len < (int)sizeof path)
            status = add_entry(texts, path);
    }
    closedir(entries);
    return status;
}

size_t texts_key(unsigned n, char key[ITEM_KEY_SIZE])
{
    return (size_t)snprintf(key, ITEM_KEY_SIZE, "text:%05u", n);
}

/* Pieces begin at even distances over the whole text; one that meets the end goes on at the
 * start. */
size_t texts_value(const struct texts *texts, unsigned n, char value[ITEM_VALUE_SIZE])
{
    size_t used = texts_key(n, value);
    size_t piece = SHORTEST_PIECE + n * UINT64_C(7919) % PIECE_SPREAD;
    size_t from = (size_t)((uint64_t)n * texts->len / texts->items);
    value[used++] = '\n';
    if (piece > texts->len)
        piece = texts->len;
    size_t first = piece < texts->len - from ? piece : texts->len - from;
    memcpy(value + used, texts->bytes + from, first);
    memcpy(value + used + first, texts->bytes, piece - first);
    return used + piece;
}

void texts_deinit(struct texts *texts)
{
    free(texts->bytes);
    texts->bytes = NULL;
}

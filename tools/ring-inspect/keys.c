/* SPDX-License-Identifier: MIT */
/* Keys from operands and from lines. Memory is bounded by the longest line. */

#include "keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "report.h"

enum { FIRST_BYTES = 64 * 1024, LINE_MAX_BYTES = 64 * 1024 * 1024 };

struct lines {
    char *bytes;
    size_t len;
    size_t cap;
    size_t searched; /* no line feed before this */
    size_t number;   /* of the line that was visited last */
};

bool keys_streamed(const char *operand)
{
    return strcmp(operand, "-") == 0;
}

static int reserve(struct lines *lines)
{
    if (lines->len < lines->cap)
        return EXIT_DONE;
    if (lines->cap >= LINE_MAX_BYTES) {
        complain("line %zu: a key of more than %d bytes", lines->number + 1, LINE_MAX_BYTES);
        return EXIT_USAGE;
    }
    size_t cap = lines->cap == 0 ? FIRST_BYTES : lines->cap * 2;
    char *bytes = realloc(lines->bytes, cap);
    if (bytes == NULL)
        return complain_memory();
    lines->bytes = bytes;
    lines->cap = cap;
    return EXIT_DONE;
}

/* The line of `len` bytes that begins at `start`. */
static int visit_line(struct lines *lines, size_t start, size_t len, key_visit visit, void *user)
{
    return visit(user, &(struct key){lines->bytes + start, len, ++lines->number});
}

/* Visit every whole line and keep what is left over. */
static int visit_lines(struct lines *lines, key_visit visit, void *user)
{
    size_t start = 0;
    int status = EXIT_DONE;

    while (status == EXIT_DONE && lines->searched < lines->len) {
        char *from = lines->bytes + lines->searched;
        char *end = memchr(from, '\n', lines->len - lines->searched);
        if (end == NULL) {
            lines->searched = lines->len;
            break;
        }
        size_t len = (size_t)(end - lines->bytes) - start;
        status = visit_line(lines, start, len, visit, user);
        start += len + 1;
        lines->searched = start;
    }
    memmove(lines->bytes, lines->bytes + start, lines->len - start);
    lines->len -= start;
    lines->searched -= start;
    return status;
}

static int read_lines(struct lines *lines, key_visit visit, void *user)
{
    for (;;) {
        int status = reserve(lines);
        if (status != EXIT_DONE)
            return status;
        if (fflush(stdout) != 0)
            return EXIT_LIVE; /* finish_output says why */
        ssize_t n = read(STDIN_FILENO, lines->bytes + lines->len, lines->cap - lines->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            complain("standard input: %s", strerror(errno));
            return EXIT_LIVE;
        }
        if (n == 0)
            return lines->len == 0 ? EXIT_DONE : visit_line(lines, 0, lines->len, visit, user);
        lines->len += (size_t)n;
        status = visit_lines(lines, visit, user);
        if (status != EXIT_DONE)
            return status;
    }
}

int keys_each(char **operands, size_t count, key_visit visit, void *user)
{
    int status = EXIT_DONE;

    for (size_t i = 0; i < count && status == EXIT_DONE; i++) {
        if (!keys_streamed(operands[i])) {
            status = visit(user, &(struct key){operands[i], strlen(operands[i]), 0});
            continue;
        }
        struct lines lines = {0};
        status = read_lines(&lines, visit, user);
        free(lines.bytes);
    }
    return status;
}

/* SPDX-License-Identifier: MIT */
/* Each line is flushed, so that a reader sees a fault when it is done. A failure to write is kept
 * by stdout and told at the end. */
#include "journal.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>

void journal_open(struct journal *journal, uv_loop_t *loop, bool json)
{
    *journal = (struct journal){.loop = loop, .start_ms = uv_now(loop), .json = json};
}

static void write_json(uint64_t ms, const struct note *note)
{
    json_t *line = json_pack("{s:I, s:s, s:s*, s:s*, s:s*}", "ms", (json_int_t)ms, "event",
        note->what, "pair", note->pair, "direction", note->direction, "text", note->text);
    if (note->connection != 0)
        json_object_set_new(line, "connection", json_integer((json_int_t)note->connection));
    if (note->direction != NULL)
        json_object_set_new(line, "offset", json_integer((json_int_t)note->offset));
    if (line == NULL)
        complain("out of memory");
    else
        json_dumpf(line, stdout, JSON_COMPACT);
    json_decref(line);
    putchar('\n');
}

static void write_text(uint64_t ms, const struct note *note)
{
    printf("%6" PRIu64 " ms  %s", ms, note->what);
    if (note->pair != NULL)
        printf(" %s", note->pair);
    if (note->connection != 0)
        printf(" %" PRIu64, note->connection);
    if (note->direction != NULL)
        printf(" %s %" PRIu64, note->direction, note->offset);
    printf(": %s\n", note->text);
}

void journal_write(const struct journal *journal, const struct note *note)
{
    if (journal == NULL)
        return;
    const uint64_t ms = uv_now(journal->loop) - journal->start_ms;
    if (journal->json)
        write_json(ms, note);
    else
        write_text(ms, note);
    fflush(stdout);
}

void complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("faultd: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

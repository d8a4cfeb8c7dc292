/* SPDX-License-Identifier: MIT */
#ifndef FAULTD_JOURNAL_H
#define FAULTD_JOURNAL_H

/* The log on the standard output: a line for each fault done, for people or as JSON. */

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "command.h"

struct journal {
    uv_loop_t *loop;
    uint64_t start_ms;
    bool json;
};

/* What a line tells; of what is empty or zero it does not speak. */
struct note {
    const char *what; /* "listening", "fault", "trouble" */
    const char *pair;
    uint64_t connection;
    const char *direction; /* with `offset` */
    uint64_t offset;
    const char *text;
};

void journal_open(struct journal *journal, uv_loop_t *loop, bool json);

/* Write one line; nothing where `journal` is NULL. */
void journal_write(const struct journal *journal, const struct note *note);

/* A line on stderr behind "faultd: ". */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

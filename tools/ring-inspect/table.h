/* SPDX-License-Identifier: MIT */
#ifndef INSPECT_TABLE_H
#define INSPECT_TABLE_H

/* Aligned columns. Cells are added row by row; running out of memory is remembered and reported
 * once, when the table is printed. */

#include <stdbool.h>
#include <stddef.h>

struct table {
    const char *align; /* 'l' or 'r' for each column */
    char **cells;
    size_t count;
    size_t cap;
    bool failed;
};

void table_init(struct table *table, const char *align);
/* Add one cell, escaped. */
void table_text(struct table *table, const char *text);
void table_format(struct table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* "12.345%", and with its sign "+12.345%"; never "-0.000%". */
void table_percent(struct table *table, double share);
void table_change(struct table *table, double share);
/* Print to stdout and free. Returns EXIT_DONE or EXIT_LIVE. */
int table_print(struct table *table);

#endif

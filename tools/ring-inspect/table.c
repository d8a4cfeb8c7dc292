/* SPDX-License-Identifier: MIT */
/* Aligned columns, two blanks apart, no blanks at a line's end. */

#include "table.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "report.h"

enum { GAP = 2, FIRST_CELLS = 64 };

/* What three decimals of a percentage show as zero. */
static const double nothing = 0.000005;

void table_init(struct table *table, const char *align)
{
    *table = (struct table){.align = align};
}

/* Takes `cell`, which may be NULL. */
static void add(struct table *table, char *cell)
{
    if (cell != NULL && table->count == table->cap) {
        size_t cap = table->cap == 0 ? FIRST_CELLS : table->cap * 2;
        char **cells = reallocarray(table->cells, cap, sizeof *cells);
        if (cells == NULL) {
            free(cell);
            cell = NULL;
        } else {
            table->cells = cells;
            table->cap = cap;
        }
    }
    if (cell == NULL)
        table->failed = true;
    else
        table->cells[table->count++] = cell;
}

void table_text(struct table *table, const char *text)
{
    add(table, escape(text, strlen(text)));
}

void table_format(struct table *table, const char *format, ...)
{
    char *cell = NULL;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&cell, format, arguments) < 0)
        cell = NULL;
    va_end(arguments);
    add(table, cell);
}

void table_percent(struct table *table, double share)
{
    table_format(table, "%.3f%%", fabs(share) < nothing ? 0.0 : share * 100);
}

void table_change(struct table *table, double share)
{
    table_format(table, "%+.3f%%", fabs(share) < nothing ? 0.0 : share * 100);
}

static void print_row(const struct table *table, const size_t *widths, size_t row)
{
    size_t columns = strlen(table->align);
    size_t blanks = 0; /* owed to what comes next in the row, if anything does */

    for (size_t i = 0; i < columns; i++) {
        const char *cell = table->cells[row * columns + i];
        size_t spare = widths[i] - text_columns(cell);
        if (table->align[i] == 'r')
            blanks += spare;
        if (*cell != '\0') {
            printf("%*s%s", (int)blanks, "", cell);
            blanks = 0;
        }
        if (table->align[i] == 'l')
            blanks += spare;
        blanks += GAP;
    }
    putchar('\n');
}

static void print_rows(const struct table *table, size_t *widths)
{
    size_t columns = strlen(table->align);

    for (size_t i = 0; i < table->count; i++) {
        size_t width = text_columns(table->cells[i]);
        if (width > widths[i % columns])
            widths[i % columns] = width;
    }
    for (size_t row = 0; row < table->count / columns; row++)
        print_row(table, widths, row);
}

int table_print(struct table *table)
{
    size_t *widths = calloc(strlen(table->align), sizeof *widths);
    bool failed = table->failed || widths == NULL;

    if (!failed)
        print_rows(table, widths);
    free(widths);
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    return failed ? complain_memory() : EXIT_DONE;
}

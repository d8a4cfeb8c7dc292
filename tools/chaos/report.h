/* SPDX-License-Identifier: MIT */
#ifndef CHAOS_REPORT_H
#define CHAOS_REPORT_H

/* Rows of figures, as tables for people or as lines of JSON, and whether each is within its
 * bound. */

#include <stdbool.h>
#include <stdint.h>

enum { RUNS_MAX = 15, FIGURES_MAX = 12 };

/* What stands for several runs of a row. */
enum figure_kind { FIGURE_MEDIAN, FIGURE_WORST, FIGURE_SUM };

struct figure {
    const char *head; /* of its column; as JSON with _ for blanks */
    enum figure_kind kind;
    unsigned decimals;
    double most; /* the bound; beyond it the row is missed. Negative: none */
};

/* A figure that there is none of. */
#define NO_FIGURE (-1.0)

struct table {
    const char *title;
    const char *const *labels; /* heads of the columns of words, up to a NULL */
    const struct figure *figures;
    unsigned count;
};

struct report {
    bool json;
    unsigned missed;
};

void report_begin(const struct report *report, const struct table *table);

/* One row: `words`, and `runs` times the figures. */
void report_row(struct report *report, const struct table *table, const char *const *words,
    double (*runs)[FIGURES_MAX], unsigned count);

/* A row for which there is nothing to say but why. */
void report_left_out(const struct report *report, const char *what, const char *why);

#endif

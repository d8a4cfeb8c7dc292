/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <stdio.h>

void report_begin(const struct report *report, const struct table *table)
{
    if (report->json)
        return;
    printf("\n%s\n\n|", table->title);
    for (unsigned i = 0; table->labels[i] != NULL; i++)
        printf(" %s |", table->labels[i]);
    for (unsigned i = 0; i < table->count; i++)
        printf(" %s |", table->figures[i].head);
    printf("\n|");
    for (unsigned i = 0; table->labels[i] != NULL; i++)
        printf("---|");
    for (unsigned i = 0; i < table->count; i++)
        printf("--:|");
    printf("\n");
}

static void sort(double *values, unsigned count)
{
    for (unsigned i = 1; i < count; i++)
        for (unsigned j = i; j > 0 && values[j - 1] > values[j]; j--) {
            double value = values[j];
            values[j] = values[j - 1];
            values[j - 1] = value;
        }
}

/* One figure for all runs; none where one of them has none. */
static double figure_of(
    const struct figure *figure, double (*runs)[FIGURES_MAX], unsigned count, unsigned column)
{
    double values[RUNS_MAX], sum = 0;
    for (unsigned i = 0; i < count; i++) {
        values[i] = runs[i][column];
        sum += values[i];
    }
    sort(values, count);
    if (values[0] < 0)
        return NO_FIGURE;
    switch (figure->kind) {
    case FIGURE_MEDIAN:
        return values[count / 2];
    case FIGURE_WORST:
        return values[count - 1];
    case FIGURE_SUM:
        return sum;
    }
    return sum;
}

static void print_head(const char *head)
{
    putchar('"');
    for (; *head != '\0'; head++)
        putchar(*head == ' ' ? '_' : *head);
    fputs("\":", stdout);
}

static void print_word(const struct report *report, const char *head, const char *word)
{
    if (!report->json) {
        printf(" %s |", word);
        return;
    }
    print_head(head);
    printf("\"%s\",", word);
}

static void print_figure(
    const struct report *report, const struct figure *figure, double value, bool holds)
{
    if (report->json)
        print_head(figure->head);
    if (report->json && value < 0)
        fputs("null,", stdout);
    else if (report->json)
        printf("%.*f,", (int)figure->decimals, value);
    else if (value < 0)
        fputs(" – |", stdout);
    else
        printf(holds ? " %.*f |" : " **%.*f** |", (int)figure->decimals, value);
}

void report_row(struct report *report, const struct table *table, const char *const *words,
    double (*runs)[FIGURES_MAX], unsigned count)
{
    bool all_hold = true;
    putchar(report->json ? '{' : '|');
    for (unsigned i = 0; table->labels[i] != NULL; i++)
        print_word(report, table->labels[i], words[i]);
    for (unsigned i = 0; i < table->count; i++) {
        const struct figure *figure = &table->figures[i];
        const double value = figure_of(figure, runs, count, i);
        const bool holds = figure->most < 0 || value <= figure->most;
        print_figure(report, figure, value, holds);
        all_hold &= holds;
    }
    if (report->json)
        printf("\"runs\":%u,\"holds\":%s}", count, all_hold ? "true" : "false");
    putchar('\n');
    fflush(stdout);
    report->missed += !all_hold;
}

void report_left_out(const struct report *report, const char *what, const char *why)
{
    if (report->json)
        printf("{\"left_out\":\"%s\",\"why\":\"%s\"}\n", what, why);
    else
        printf("| %s | left out: %s |\n", what, why);
    fflush(stdout);
}

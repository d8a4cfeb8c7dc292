/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <uv.h>

void report_init(struct report *report)
{
    *report = (struct report){.began_ns = uv_hrtime()};
}

static void print_time(const struct report *report)
{
    printf("[%5.1f s] ", (double)(uv_hrtime() - report->began_ns) / 1e9);
}

void report_progress(const struct report *report, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_time(report);
    vprintf(format, arguments);
    putchar('\n');
    fflush(stdout);
    va_end(arguments);
}

void report_claim(struct report *report, bool holds, const char *format, ...)
{
    va_list arguments;
    char text[REPORT_LINE_SIZE];
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    report_progress(report, "  %s%s", holds ? "" : "NOT TRUE: ", text);
    report->failed += !holds;
    if (report->lines == REPORT_LINES)
        return;
    report->line[report->lines].holds = holds;
    snprintf(report->line[report->lines++].text, REPORT_LINE_SIZE, "%s", text);
}

bool report_print(const struct report *report)
{
    puts("\nReport\n------");
    for (unsigned i = 0; i < report->lines; i++)
        printf("%s  %s\n", report->line[i].holds ? "  ok  " : "FAILED", report->line[i].text);
    printf("\n%u claims, %u of them not true. %.1f seconds.\n", report->lines, report->failed,
        (double)(uv_hrtime() - report->began_ns) / 1e9);
    return report->failed == 0;
}

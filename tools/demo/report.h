/* SPDX-License-Identifier: MIT */
#ifndef DEMO_REPORT_H
#define DEMO_REPORT_H

/* What the demo claims: each line is printed when it is made and once more, all together, at the
 * end; one that does not hold makes the whole run fail. */

#include <stdbool.h>
#include <stdint.h>

enum { REPORT_LINES = 40, REPORT_LINE_SIZE = 160 };

struct report {
    uint64_t began_ns;
    unsigned lines, failed;
    struct {
        bool holds;
        char text[REPORT_LINE_SIZE];
    } line[REPORT_LINES];
};

void report_init(struct report *report);

/* A line of progress, with the time since the beginning. */
void report_progress(const struct report *report, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A claim: `holds` says whether it is true. */
void report_claim(struct report *report, bool holds, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* All claims; true when every one holds. */
bool report_print(const struct report *report);

#endif

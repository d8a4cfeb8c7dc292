/* SPDX-License-Identifier: MIT */
#ifndef INSPECT_REPORT_H
#define INSPECT_REPORT_H

/* What people read. Foreign bytes never reach a terminal as they are: UTF-8 that shows something is
 * kept, a backslash becomes "\\", everything else "\xHH". */

#include <stddef.h>

/* One line on stderr behind "ring-inspect: ". */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same behind "ring-inspect: warning: ". */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Complain about memory; returns EXIT_LIVE. */
int complain_memory(void);

/* An escaped, NUL-terminated copy to be freed, or NULL. */
char *escape(const void *bytes, size_t len);
/* How many columns escaped text takes, one for each code point. */
size_t text_columns(const char *text);

/* Has everything reached stdout? Complains when not; returns `status`, or EXIT_LIVE. */
int finish_output(int status);

#endif

/* SPDX-License-Identifier: MIT */
/* Messages, escaping, and the end of the output. */

#include "report.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

enum { HEX_ESCAPE_BYTES = 4 };

/* Length of the UTF-8 sequence that `lead` opens, and the bounds of its second byte, which rule out
 * over-long forms, surrogates and everything past U+10FFFF. 0: opens none. */
static size_t utf8_lead(unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

/* Length of the code point at `s` when it is valid and no control character, else 0. */
static size_t printable(const unsigned char *s, size_t len)
{
    unsigned char low, high;
    size_t need = utf8_lead(s[0], &low, &high);

    if (need == 0 || need > len)
        return 0;
    if (need == 1)
        return s[0] >= 0x20 && s[0] != 0x7f;
    if (s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    return s[0] == 0xc2 && s[1] < 0xa0 ? 0 : need;
}

char *escape(const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;
    size_t size;

    if (__builtin_mul_overflow(len, HEX_ESCAPE_BYTES, &size) || size == SIZE_MAX)
        return NULL;
    char *text = malloc(size + 1);
    if (text == NULL)
        return NULL;
    char *to = text;
    for (size_t i = 0; i < len;) {
        size_t run = printable(from + i, len - i);
        if (run == 0) {
            *to++ = '\\';
            *to++ = 'x';
            *to++ = digits[from[i] >> 4];
            *to++ = digits[from[i] & 15];
            i++;
            continue;
        }
        if (from[i] == '\\')
            *to++ = '\\';
        memcpy(to, from + i, run);
        to += run;
        i += run;
    }
    *to = '\0';
    return text;
}

size_t text_columns(const char *text)
{
    size_t columns = 0;

    for (; *text != '\0'; text++)
        columns += ((unsigned char)*text & 0xc0) != 0x80;
    return columns;
}

static void say(const char *prefix, const char *format, va_list arguments)
{
    char *raw = NULL;
    int len = vasprintf(&raw, format, arguments);
    char *line = len < 0 ? NULL : escape(raw, (size_t)len);

    fprintf(stderr, "ring-inspect: %s%s\n", prefix, line != NULL ? line : "out of memory");
    free(line);
    if (len >= 0)
        free(raw);
}

void complain(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say("", format, arguments);
    va_end(arguments);
}

void warn(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say("warning: ", format, arguments);
    va_end(arguments);
}

int complain_memory(void)
{
    complain("out of memory");
    return EXIT_LIVE;
}

int finish_output(int status)
{
    errno = 0;
    bool failed = fflush(stdout) != 0 || ferror(stdout);
    int cause = errno;
    if (fclose(stdout) != 0 && !failed) {
        failed = true;
        cause = errno;
    }
    if (!failed)
        return status;
    complain("standard output: %s", cause != 0 ? strerror(cause) : "write error");
    return EXIT_LIVE;
}

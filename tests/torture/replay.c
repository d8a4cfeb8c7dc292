/* SPDX-License-Identifier: MIT */
#include "replay.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CASE_SIZE = 160 };

static struct {
    const char *program;
    bool running, failed, found;
    char text[CASE_SIZE];
} replay;

/* Of a sanitizer's runtime, where there is one. */
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void tell(void)
{
    if (replay.running) {
        fprintf(stderr, "replay: TORTURE_CASE='%s' %s\n", replay.text, replay.program);
        replay.running = false;
        replay.failed = true;
    }
}

static void tell_and_abort(int number)
{
    tell();
    signal(number, SIG_DFL);
    raise(number);
}

void replay_init(const char *program)
{
    replay.program = program;
    setvbuf(stdout, NULL, _IOLBF, 0); /* one that is ended has told how far it came */
    signal(SIGABRT, tell_and_abort);
    if (__sanitizer_set_death_callback != NULL) {
        __sanitizer_set_death_callback(tell);
    }
}

void replay_begin(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(replay.text, sizeof replay.text, format, args);
    va_end(args);
    replay.running = true;
}

void replay_end(void)
{
    replay.running = false;
}

int replay_tell(void **state)
{
    (void)state;
    tell();
    return 0;
}

bool replay_failed(void)
{
    return replay.failed;
}

const char *replay_wanted(void)
{
    return getenv("TORTURE_CASE");
}

bool replay_runs(const char *format, ...)
{
    const char *wanted = replay_wanted();
    char text[CASE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    replay.found = replay.found || (wanted != NULL && strcmp(wanted, text) == 0);
    return wanted == NULL || strcmp(wanted, text) == 0;
}

bool replay_found(void)
{
    return replay.found;
}

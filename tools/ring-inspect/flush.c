/* SPDX-License-Identifier: MIT */
/* flush: servers by name forget all that they hold, for everybody; nobody asks for that by
 * accident. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringcache/server.h>

#include "command.h"
#include "report.h"
#include "survey.h"

static int ask(ringcache_client *client, const struct call *call, struct answer *answer)
{
    (void)call;
    return ringcache_flush_all_data(client, answer->name, survey_answered, answer);
}

static const struct survey flushes = {.ask = ask};

/* The names with blanks between them, or NULL. */
static char *join(const struct call *call)
{
    size_t size = 1;

    for (size_t i = 0; i < call->operand_count; i++)
        size += strlen(call->operands[i]) + 1;
    char *names = calloc(size, 1);
    for (size_t i = 0, len = 0; names != NULL && i < call->operand_count; i++)
        len +=
            (size_t)snprintf(names + len, size - len, "%s%s", i > 0 ? " " : "", call->operands[i]);
    return names;
}

/* Say what would go. */
static int refuse(const struct call *call)
{
    struct session session;
    int status = session_open(&session, call);

    if (status == EXIT_DONE)
        status = survey_check_names(&session, call);
    if (status == EXIT_DONE) {
        char *names = join(call);
        complain("without --all-data nothing is removed; with it, everything would be that these "
                 "servers hold, for every program that uses them: %s",
            names != NULL ? names : "");
        free(names);
        status = EXIT_USAGE;
    }
    return session_close(&session, status);
}

int run_flush(const struct call *call)
{
    return (call->given & TAKES_ALL_DATA) != 0 ? survey_run(call, &flushes) : refuse(call);
}

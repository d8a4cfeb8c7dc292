/* SPDX-License-Identifier: MIT */
/* version: what software answers at each server. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringcache/server.h>

#include "command.h"
#include "json.h"
#include "report.h"
#include "survey.h"

static int ask(ringcache_client *client, const struct call *call, struct answer *answer)
{
    (void)call;
    return ringcache_server_version(client, answer->name, survey_answered, answer);
}

static int print(const struct answer *answer)
{
    char *name = escape(answer->name, strlen(answer->name));
    char *version = escape(answer->value, answer->len);
    bool good = name != NULL && version != NULL;

    if (good)
        printf("%s\t%s\n", name, version);
    free(name);
    free(version);
    return good ? EXIT_DONE : complain_memory();
}

static json_t *json(const struct answer *answer)
{
    return json_bytes("version", answer->value, answer->len);
}

static const struct survey versions = {.ask = ask, .print = print, .json = json};

int run_version(const struct call *call)
{
    return survey_run(call, &versions);
}

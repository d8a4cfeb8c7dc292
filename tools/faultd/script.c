/* SPDX-License-Identifier: MIT */
/* Line by line by getline. */
#include "script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"

static bool add(struct script *script, struct command *command)
{
    struct command **more =
        realloc(script->commands, (script->count + 1) * sizeof *script->commands);
    if (more == NULL) {
        command_release(command);
        complain("out of memory");
        return false;
    }
    script->commands = more;
    script->commands[script->count++] = command;
    return true;
}

static bool add_line(struct script *script, const char *line, size_t len, struct problem *problem)
{
    struct command *command;
    problem->column = 0;
    switch (command_parse(line, len, &command, problem)) {
    case PARSED_NOTHING:
        return true;
    case PARSED_COMMAND:
        return add(script, command);
    case PARSED_PROBLEM:
        break;
    }
    return false;
}

/* A line gives at most one command; those of earlier lines have their numbers. */
static void number_new(struct script *script, unsigned number)
{
    if (script->count != 0 && script->commands[script->count - 1]->number == 0)
        script->commands[script->count - 1]->number = number;
}

bool script_read(struct script *script, FILE *file, const char *name)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    bool good = true;
    struct problem problem;
    script->name = name;
    for (unsigned number = 1; (len = getline(&line, &size, file)) >= 0; number++) {
        if (len > 0 && line[len - 1] == '\n')
            len--;
        if (add_line(script, line, (size_t)len, &problem)) {
            number_new(script, number);
            continue;
        }
        good = false;
        if (problem.column != 0)
            complain("%s:%u:%u: %s", name, number, problem.column, problem.text);
    }
    free(line);
    if (!ferror(file) && feof(file))
        return good;
    complain("%s: %s", name, strerror(errno));
    return false;
}

void script_free(struct script *script)
{
    for (size_t i = 0; i < script->count; i++)
        command_release(script->commands[i]);
    free(script->commands);
    *script = (struct script){0};
}

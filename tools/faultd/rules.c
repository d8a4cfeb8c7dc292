/* SPDX-License-Identifier: MIT */
/* A short array: what a person or a test writes. */
#include "rules.h"

#include <stdlib.h>

enum { RULES_MAX = 10000 };

static void remove_superseded(struct rules *rules, const struct command *later)
{
    size_t kept = 0;
    for (size_t i = 0; i < rules->count; i++) {
        if (command_supersedes(later, rules->commands[i]))
            command_release(rules->commands[i]);
        else
            rules->commands[kept++] = rules->commands[i];
    }
    rules->count = kept;
}

bool rules_add(struct rules *rules, struct command *command)
{
    remove_superseded(rules, command);
    if (rules->count == RULES_MAX)
        return false;
    struct command **more = realloc(rules->commands, (rules->count + 1) * sizeof *rules->commands);
    if (more == NULL)
        return false;
    rules->commands = more;
    rules->commands[rules->count++] = command_hold(command);
    return true;
}

void rules_heal(struct rules *rules, const struct command *heal)
{
    remove_superseded(rules, heal);
}

void rules_clear(struct rules *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        command_release(rules->commands[i]);
    free(rules->commands);
    *rules = (struct rules){0};
}

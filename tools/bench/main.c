/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *arguments;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"load",
        "--driver NAME --protocol meta|classic|redis --op get|set|get_many --ports PORT,… "
        "[--option NAME=VALUE]… …",
        command_load},
    {"verify", "URI…", command_verify},
    {"lookup", "[SERVERS LOOKUPS]", command_lookup},
    {"join", "", command_join},
    {"memory", "--driver ringcache --protocol … --ports PORT,…", command_memory},
    {"points", "", command_points},
    {"drivers", "", command_drivers},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static int usage(void)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        fprintf(stderr, "%s bench %s %s\n", i == 0 ? "usage:" : "      ", commands[i].name,
            commands[i].arguments);
    }
    return 2;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < COMMANDS; i++) {
        if (strcmp(commands[i].name, argv[1]) == 0) {
            int status = commands[i].run(argc - 2, argv + 2);
            return status == 2 ? usage() : status;
        }
    }
    return usage();
}

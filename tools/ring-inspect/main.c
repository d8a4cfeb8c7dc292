/* SPDX-License-Identifier: MIT */
/* ring-inspect: shows and explains a ring, and asks one thing of its servers. */

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <ringcache/version.h>

#include "arguments.h"
#include "command.h"
#include "report.h"

/* Of the list of commands. */
enum { USAGE_COLUMNS = 27, SUMMARY_COLUMN = 10 + USAGE_COLUMNS };

static const struct command commands[] = {
    {"locate", "[--owners N] KEY...", "which server owns a key", TAKES_CONFIG | TAKES_OWNERS, 1,
        SIZE_MAX, run_locate},
    {"show", "", "the servers: weight, points, share of the keys", TAKES_CONFIG, 0, 0, run_show},
    {"check", "FILE", "every error and every warning of a configuration file", 0, 1, 1, run_check},
    {"diff", "[--all] OLD NEW", "which keys move from one configuration file to another", TAKES_ALL,
        2, 2, run_diff},
    {"lose", "[--all] NAME...", "who inherits what when these servers go", TAKES_CONFIG | TAKES_ALL,
        1, SIZE_MAX, run_lose},
    {"options", "", "every option of a configuration", 0, 0, 0, run_options},
    {"explain", "KEY...", "where a request for a key would go now, and why", TAKES_CONFIG, 1,
        SIZE_MAX, run_explain},
    {"ping", "[NAME...]", "the servers' round trips", TAKES_CONFIG, 0, SIZE_MAX, run_ping},
    {"stats", "[--prometheus | --servers[=SECTION] [NAME...]]",
        "what a client counts, or the servers' own figures",
        TAKES_CONFIG | TAKES_PROMETHEUS | TAKES_SERVERS, 0, SIZE_MAX, run_stats},
    {"version", "[NAME...]", "the versions of the servers' software", TAKES_CONFIG, 0, SIZE_MAX,
        run_version},
    {"keys", "[--limit N] [NAME...]", "the keys that the servers hold", TAKES_CONFIG | TAKES_LIMIT,
        0, SIZE_MAX, run_keys},
    {"flush", "--all-data NAME...", "remove all that these servers hold",
        TAKES_CONFIG | TAKES_ALL_DATA, 1, SIZE_MAX, run_flush},
    {"get", "KEY", "print the value of a key", TAKES_CONFIG, 1, 1, run_get},
    {"set", "[--ttl SECONDS] KEY VALUE", "store a value", TAKES_CONFIG | TAKES_TTL, 2, 2, run_set},
    {"delete", "KEY", "remove a key", TAKES_CONFIG, 1, 1, run_delete},
    {NULL, NULL, NULL, 0, 0, 0, NULL},
};

static void print_command_help(const struct command *command)
{
    printf("usage: ring-inspect [OPTION...] %s%s%s\n\n%s\n", command->name,
        *command->usage == '\0' ? "" : " ", command->usage, command->summary);
}

static void print_help(void)
{
    puts("usage: ring-inspect [OPTION...] COMMAND [OPERAND...]\n");
    for (const struct command *command = commands; command->name != NULL; command++) {
        bool wide = strlen(command->usage) >= USAGE_COLUMNS;
        printf("  %-8s%-*s", command->name, USAGE_COLUMNS, command->usage);
        printf("%s%*s%s\n", wide ? "\n" : "", wide ? SUMMARY_COLUMN : 0, "", command->summary);
    }
    puts("\n"
         "  -c, --config FILE          read a configuration file\n"
         "  -s, --server URI           add a server\n"
         "  -o, --option NAME=VALUE    set an option of the configuration\n"
         "      --json                 print JSON\n"
         "  -h, --help                 print this, or a command's usage\n"
         "      --version              print the version\n"
         "\n"
         "A KEY of - reads keys from the standard input, one on each line.\n"
         "ring-inspect(1) is the manual.");
}

/* A file or socket opened later must not become a standard stream because that was closed. What
 * takes its place is open the wrong way round, so that its use fails as that of a closed one
 * does. */
static void hold_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) == -1)
            return;
}

static int run(const struct call *call)
{
    if (call->version)
        printf("ring-inspect %s\n", ringcache_version());
    else if (call->help && call->command != NULL)
        print_command_help(call->command);
    else if (call->help)
        print_help();
    else
        return call->command->run(call);
    return EXIT_DONE;
}

int main(int argc, char **argv)
{
    struct call call;

    /* Scripts read the figures: a decimal point, whatever a preloaded library chose. */
    setlocale(LC_ALL, "C");
    hold_standard_descriptors();
    /* A reader that went away is an error of the output, not a reason to die without a word. */
    signal(SIGPIPE, SIG_IGN);
    int status = arguments_read(argc, argv, commands, &call);
    if (status == EXIT_DONE)
        status = run(&call);
    arguments_free(&call);
    return finish_output(status);
}

/* SPDX-License-Identifier: MIT */
/* The command line by getopt_long, which moves operands behind options. */

#include "arguments.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

enum {
    OPTION_JSON = 256,
    OPTION_VERSION,
    OPTION_OWNERS,
    OPTION_ALL,
    OPTION_TTL,
    OPTION_PROMETHEUS,
    OPTION_SERVERS,
    OPTION_LIMIT,
    OPTION_ALL_DATA
};

enum { OWNERS_MAX = 65535, TTL_MAX_SECONDS = 1000000000, MS_PER_SECOND = 1000 };

static const int64_t limit_max = 1000000000000;

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},
    {"server", required_argument, NULL, 's'},
    {"option", required_argument, NULL, 'o'},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {"json", no_argument, NULL, OPTION_JSON},
    {"owners", required_argument, NULL, OPTION_OWNERS},
    {"all", no_argument, NULL, OPTION_ALL},
    {"ttl", required_argument, NULL, OPTION_TTL},
    {"prometheus", no_argument, NULL, OPTION_PROMETHEUS},
    {"servers", optional_argument, NULL, OPTION_SERVERS},
    {"limit", required_argument, NULL, OPTION_LIMIT},
    {"all-data", no_argument, NULL, OPTION_ALL_DATA},
    {NULL, 0, NULL, 0},
};

/* What may be shown of a word that is not understood: nothing behind a '=', ':' or '@'. */
static int shown(const char *word)
{
    return (int)strcspn(word, "=:@");
}

/* Decimal digits alone, `min`..`max`. */
static int read_number(const char *option, const char *text, int64_t min, int64_t max, int64_t *out)
{
    int64_t value = 0;
    bool good = *text != '\0';

    for (const char *digit = text; good && *digit != '\0'; digit++) {
        good = *digit >= '0' && *digit <= '9' && value <= max;
        value = value * 10 + (*digit - '0');
    }
    if (good && value >= min && value <= max) {
        *out = value;
        return EXIT_DONE;
    }
    complain("%s takes a number from %lld to %lld", option, (long long)min, (long long)max);
    return EXIT_USAGE;
}

static int refuse_option(int code, char **argv)
{
    const char *word = argv[optind - 1];

    if (code == ':' && optopt < OPTION_JSON)
        complain("-%c needs a value", optopt);
    else if (code == ':')
        complain("%s needs a value", word);
    else if (optopt >= OPTION_JSON)
        complain("%.*s takes no value", shown(word), word);
    else if (optopt != 0)
        complain("unknown option -%c", optopt);
    else
        complain("unknown option %.*s", shown(word), word);
    return EXIT_USAGE;
}

static int take_option(int code, char **argv, struct call *call)
{
    int64_t number = 0;
    int status = EXIT_DONE;

    switch (code) {
    case 'c':
    case 's':
    case 'o':
        call->settings[call->setting_count++] = (struct setting){(char)code, optarg};
        call->given |= TAKES_CONFIG;
        return EXIT_DONE;
    case 'h':
        call->help = true;
        return EXIT_DONE;
    case OPTION_VERSION:
        call->version = true;
        return EXIT_DONE;
    case OPTION_JSON:
        call->json = true;
        return EXIT_DONE;
    case OPTION_ALL:
        call->given |= TAKES_ALL;
        return EXIT_DONE;
    case OPTION_PROMETHEUS:
        call->given |= TAKES_PROMETHEUS;
        return EXIT_DONE;
    case OPTION_SERVERS:
        call->given |= TAKES_SERVERS;
        call->section = optarg;
        return EXIT_DONE;
    case OPTION_ALL_DATA:
        call->given |= TAKES_ALL_DATA;
        return EXIT_DONE;
    case OPTION_LIMIT:
        call->given |= TAKES_LIMIT;
        status = read_number("--limit", optarg, 1, limit_max, &number);
        call->limit = (uint64_t)number;
        return status;
    case OPTION_OWNERS:
        call->given |= TAKES_OWNERS;
        status = read_number("--owners", optarg, 1, OWNERS_MAX, &number);
        call->owners = (size_t)number;
        return status;
    case OPTION_TTL:
        call->given |= TAKES_TTL;
        status = read_number("--ttl", optarg, 0, TTL_MAX_SECONDS, &number);
        call->ttl_ms = number * MS_PER_SECOND;
        return status;
    default:
        return refuse_option(code, argv);
    }
}

static int find_command(const char *name, const struct command *commands, struct call *call)
{
    for (const struct command *command = commands; command->name != NULL; command++) {
        if (strcmp(command->name, name) == 0) {
            call->command = command;
            return EXIT_DONE;
        }
    }
    complain("unknown command %.*s (ring-inspect --help lists them)", shown(name), name);
    return EXIT_USAGE;
}

static const char *option_name(unsigned option)
{
    switch (option) {
    case TAKES_CONFIG:
        return "-c, -s or -o";
    case TAKES_OWNERS:
        return "--owners";
    case TAKES_ALL:
        return "--all";
    case TAKES_PROMETHEUS:
        return "--prometheus";
    case TAKES_SERVERS:
        return "--servers";
    case TAKES_LIMIT:
        return "--limit";
    case TAKES_ALL_DATA:
        return "--all-data";
    default:
        return "--ttl";
    }
}

/* Do the command, its options and its operands fit together? */
static int judge(const struct call *call)
{
    const struct command *command = call->command;
    unsigned foreign = call->given & ~command->options;

    if (foreign != 0) {
        complain("%s takes no %s", command->name, option_name(foreign & (~foreign + 1)));
        return EXIT_USAGE;
    }
    if (call->json && (call->given & TAKES_PROMETHEUS) != 0) {
        complain("--json and --prometheus exclude each other");
        return EXIT_USAGE;
    }
    if ((call->given & TAKES_SERVERS) != 0 && (call->given & TAKES_PROMETHEUS) != 0) {
        complain("--servers and --prometheus exclude each other");
        return EXIT_USAGE;
    }
    if (call->operand_count < command->operands_min ||
        call->operand_count > command->operands_max) {
        complain("usage: ring-inspect %s%s%s", command->name, *command->usage == '\0' ? "" : " ",
            command->usage);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

int arguments_read(int argc, char **argv, const struct command *commands, struct call *call)
{
    int code, status = EXIT_DONE;

    *call = (struct call){0};
    call->settings = calloc((size_t)argc + 1, sizeof *call->settings);
    if (call->settings == NULL)
        return complain_memory();
    opterr = 0;
    while (status == EXIT_DONE &&
           (code = getopt_long(argc, argv, ":c:s:o:h", long_options, NULL)) != -1)
        status = take_option(code, argv, call);
    if (status != EXIT_DONE)
        return status;
    if (optind < argc) {
        status = find_command(argv[optind], commands, call);
        call->operands = argv + optind + 1;
        call->operand_count = (size_t)(argc - optind - 1);
    }
    if (status != EXIT_DONE || call->help || call->version)
        return status;
    if (call->command == NULL) {
        complain("a command is needed (ring-inspect --help lists them)");
        return EXIT_USAGE;
    }
    return judge(call);
}

void arguments_free(struct call *call)
{
    free(call->settings);
}

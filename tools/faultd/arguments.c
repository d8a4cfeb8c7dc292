/* SPDX-License-Identifier: MIT */
/* The command line by getopt_long. */
#include "arguments.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"

enum { OPTION_VERSION = 256, OPTION_JSON, OPTION_SEED, OPTION_CONTROL };

static const struct option long_options[] = {
    {"script", required_argument, NULL, 'f'},
    {"control", required_argument, NULL, OPTION_CONTROL},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"json", no_argument, NULL, OPTION_JSON},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static int usage_error(const char *format, const char *word)
{
    complain(format, word);
    return EXIT_USAGE;
}

/* Decimal digits alone. */
static int read_seed(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    bool good = *text != '\0';
    for (; good && *text != '\0'; text++)
        good = *text >= '0' && *text <= '9' && !__builtin_mul_overflow(value, 10, &value) &&
               !__builtin_add_overflow(value, (uint64_t)(*text - '0'), &value);
    if (!good)
        return usage_error("%s takes a number of 64 bits", "--seed");
    *out = value;
    return EXIT_DONE;
}

static int read_place(const char *text, struct endpoint *out)
{
    int status = endpoint_parse(text, out);
    if (status == 0)
        return EXIT_DONE;
    complain("%s: %s (HOST:PORT, [IPv6]:PORT or unix:PATH)", text, uv_strerror(status));
    return EXIT_USAGE;
}

static int take_option(int code, char **argv, struct arguments *arguments)
{
    switch (code) {
    case 'f':
        arguments->script = optarg;
        return EXIT_DONE;
    case OPTION_CONTROL:
        arguments->control = optarg;
        return read_place(optarg, &arguments->control_place);
    case OPTION_SEED:
        return read_seed(optarg, &arguments->seed);
    case OPTION_JSON:
        arguments->json = true;
        return EXIT_DONE;
    case 'h':
        arguments->help = true;
        return EXIT_DONE;
    case OPTION_VERSION:
        arguments->version = true;
        return EXIT_DONE;
    case ':':
        return usage_error("%s needs a value", argv[optind - 1]);
    default:
        return usage_error("unknown option %s", argv[optind - 1]);
    }
}

static bool name_is_free(const struct arguments *arguments, const char *name)
{
    for (size_t i = 0; i < arguments->pair_count; i++)
        if (strcmp(arguments->pairs[i].name, name) == 0)
            return false;
    return true;
}

/* A name is a word of the language: letters, digits, '-', '_' and '.'. */
static bool is_name(const char *text, size_t len)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    return len > 0 && len < NAME_SIZE && strspn(text, letters) >= len;
}

/* NAME=LISTEN,SERVER; the operand is cut into its parts. */
static int read_pair(char *text, struct arguments *arguments)
{
    struct pair_argument *pair = &arguments->pairs[arguments->pair_count];
    char *listen = strchr(text, '=');
    char *server = listen == NULL ? NULL : strchr(listen, ',');
    if (server == NULL || !is_name(text, (size_t)(listen - text)))
        return usage_error("%s is not NAME=LISTEN,SERVER", text);
    *listen++ = '\0';
    *server++ = '\0';
    if (!name_is_free(arguments, text))
        return usage_error("two pairs are called %s", text);
    memcpy(pair->name, text, strlen(text) + 1);
    int status = read_place(listen, &pair->listen);
    if (status == EXIT_DONE)
        status = read_place(server, &pair->server);
    if (status == EXIT_DONE)
        arguments->pair_count++;
    return status;
}

int arguments_read(int argc, char **argv, struct arguments *arguments)
{
    int code, status = EXIT_DONE;
    *arguments = (struct arguments){0};
    opterr = 0;
    while (
        status == EXIT_DONE && (code = getopt_long(argc, argv, ":f:h", long_options, NULL)) != -1)
        status = take_option(code, argv, arguments);
    if (status != EXIT_DONE || arguments->help || arguments->version)
        return status;
    if (optind == argc)
        return usage_error("%s is needed (faultd --help)", "at least one NAME=LISTEN,SERVER");
    arguments->pairs = calloc((size_t)(argc - optind), sizeof *arguments->pairs);
    if (arguments->pairs == NULL) {
        complain("out of memory");
        return EXIT_TROUBLE;
    }
    while (status == EXIT_DONE && optind < argc)
        status = read_pair(argv[optind++], arguments);
    return status;
}

void arguments_free(struct arguments *arguments)
{
    free(arguments->pairs);
}

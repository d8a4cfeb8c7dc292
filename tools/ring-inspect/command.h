/* SPDX-License-Identifier: MIT */
#ifndef INSPECT_COMMAND_H
#define INSPECT_COMMAND_H

/* What a command is, and what the command line asked of it. Every command returns the program's
 * exit status and has then said on stderr what went wrong. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EXIT_DONE = 0,
    EXIT_LIVE = 1, /* a server, the input or the output failed; a key is not there */
    EXIT_USAGE = 2 /* the command line or the configuration is wrong */
};

/* Options that not every command takes: bits of command.options and call.given. */
enum {
    TAKES_CONFIG = 1 << 0, /* -c, -s, -o */
    TAKES_OWNERS = 1 << 1,
    TAKES_ALL = 1 << 2,
    TAKES_TTL = 1 << 3,
    TAKES_PROMETHEUS = 1 << 4,
    TAKES_SERVERS = 1 << 5,
    TAKES_LIMIT = 1 << 6,
    TAKES_ALL_DATA = 1 << 7
};

/* One -c, -s or -o, in the order of the command line. */
struct setting {
    char kind; /* 'c', 's', 'o' */
    const char *text;
};

struct command;

struct call {
    const struct command *command;
    char **operands; /* behind the command's name */
    size_t operand_count;
    struct setting *settings;
    size_t setting_count;
    unsigned given; /* TAKES_… */
    bool json;
    bool help;
    bool version;
    size_t owners; /* 0: --owners was not given */
    int64_t ttl_ms;
    const char *section; /* of --servers, or NULL */
    uint64_t limit;      /* 0: none */
};

struct command {
    const char *name;
    const char *usage; /* its operands and own options */
    const char *summary;
    unsigned options; /* TAKES_… */
    size_t operands_min;
    size_t operands_max;
    int (*run)(const struct call *call);
};

/* Without a network. */
int run_locate(const struct call *call);
int run_show(const struct call *call);
int run_check(const struct call *call);
int run_diff(const struct call *call);
int run_lose(const struct call *call);
int run_options(const struct call *call);

/* Through a client. */
int run_explain(const struct call *call);
int run_ping(const struct call *call);
int run_stats(const struct call *call);
int run_version(const struct call *call);
int run_keys(const struct call *call);
int run_flush(const struct call *call);
int run_get(const struct call *call);
int run_set(const struct call *call);
int run_delete(const struct call *call);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef FAULTD_COMMAND_H
#define FAULTD_COMMAND_H

/* One line of a script, understood. A command never changes once it is read, so that every
 * connection it concerns may hold it. faultd(1) describes the language. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From the client to the server, and back. */
enum direction { UP, DOWN };
enum { DIRECTIONS = 2 };

enum fault {
    /* How a direction passes bytes, until told otherwise. */
    FAULT_LATENCY,
    FAULT_BANDWIDTH,
    FAULT_SLICE,
    FAULT_STALL,
    FAULT_BLACKHOLE,
    FAULT_DISCARD,
    FAULT_FLOW,
    /* What is done to bytes, once. */
    FAULT_DROP,
    FAULT_DUPLICATE,
    FAULT_INSERT,
    FAULT_CORRUPT,
    FAULT_SWAP,
    /* How a connection ends. */
    FAULT_HALF_CLOSE,
    FAULT_CLOSE,
    FAULT_RESET,
    /* What becomes of new connections. */
    FAULT_REFUSE,
    FAULT_PAUSE,
    FAULT_ACCEPT,
    /* The end of all faults. */
    FAULT_HEAL,
};
enum { FAULTS = FAULT_HEAL + 1 };

enum operand { OPERAND_NONE, OPERAND_TIME, OPERAND_RATE, OPERAND_SIZE, OPERAND_TEXT };

enum {
    TAKES_CONNECTION = 1,
    TAKES_DIRECTION = 2,
    TAKES_PLACE = 4,
    STAYS = 8, /* for connections to come as well, without a place */
};

struct fault_form {
    const char *word;
    enum operand operand;
    const char *option; /* a word that a time may follow, or NULL */
    unsigned traits;
};

extern const struct fault_form fault_forms[FAULTS];

enum moment { MOMENT_NOW, MOMENT_AT, MOMENT_IN };

/* Where in a direction: behind so many of its bytes, or of those since the other one spoke. */
enum place { PLACE_ANY, PLACE_OFFSET, PLACE_TURN };

enum { NAME_SIZE = 32, LINE_BYTES_MAX = 64 * 1024 };

struct command {
    unsigned holders;
    unsigned number; /* of the line in its script */
    enum moment moment;
    uint64_t moment_ms;
    char pair[NAME_SIZE]; /* "": every pair */
    uint64_t connection;  /* 0: every one */
    enum place place;
    uint64_t place_bytes;
    enum fault fault;
    bool directions[DIRECTIONS];
    uint64_t amount;    /* milliseconds, bytes, or bytes in a second */
    uint64_t option_ms; /* of jitter or gap */
    char *text;         /* of an insertion */
    size_t text_len;
    char line[]; /* as it was written, without blanks around it and without a comment */
};

struct problem {
    unsigned column; /* from 1 */
    char text[96];
};

enum parsed { PARSED_NOTHING, PARSED_COMMAND, PARSED_PROBLEM };

/* Understand one line, without its newline. PARSED_NOTHING: it is blank or a comment.
 * PARSED_COMMAND: `*out` is a command held once. PARSED_PROBLEM: `*problem` says what and where. */
enum parsed command_parse(
    const char *line, size_t len, struct command **out, struct problem *problem);

struct command *command_hold(struct command *command);
/* NULL is fine. */
void command_release(struct command *command);

/* Does it keep concerning connections that are accepted later? */
bool command_stays(const struct command *command);
/* Would `later` leave nothing of what `earlier` keeps on doing? */
bool command_supersedes(const struct command *later, const struct command *earlier);

#endif

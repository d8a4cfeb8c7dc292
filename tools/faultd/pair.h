/* SPDX-License-Identifier: MIT */
#ifndef FAULTD_PAIR_H
#define FAULTD_PAIR_H

/* A place to listen and the server behind it: accepts connections, numbers them from 1, and lets
 * them do what commands say. This is the whole proxy; faultd is what feeds it commands. A program
 * that has a pair ignores SIGPIPE. */

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "command.h"
#include "endpoint.h"
#include "journal.h"

struct pair;

/* Looks at bytes as they come, before anything is done to them. `memory` is a number of this
 * direction of the connection, at first 0. */
typedef void pair_look(
    void *user, enum direction direction, const char *bytes, size_t len, size_t *memory);

struct pair_options {
    const char *name;
    struct endpoint listen, server;
    uint64_t seed;
    const struct journal *journal; /* or NULL; outlives the pair */
    pair_look *look;               /* or NULL */
    void *user;
};

/* Listen. Returns 0, or a libuv status; then the loop still has to run for what was begun. */
int pair_open(uv_loop_t *loop, const struct pair_options *options, struct pair **out);

/* End everything; the pair frees itself while the loop runs. NULL is fine. */
void pair_close(struct pair *pair);

/* Do what a command says, whatever its moment and its name of a pair. Returns 0, UV_ENOTCONN when
 * it is about a connection that is not there, UV_ENOMEM, or what listening again said. */
int pair_command(struct pair *pair, struct command *command);

const char *pair_name(const struct pair *pair);
/* Where it listens; 0: at a Unix socket. */
unsigned pair_port(const struct pair *pair);
/* How many connections it has accepted. */
uint64_t pair_accepted(const struct pair *pair);

#endif

/* SPDX-License-Identifier: MIT */
#include "gate.h"

#include <stdio.h>
#include <string.h>

#include "command.h"
#include "load.h"
#include "pair.h"

/* What was under way when the client heard of the outage has come after so long. */
enum { UNDER_WAY_NS = 50 * 1000 * 1000 };

/* How a get and a set begin, on both kinds of server. The first byte of each occurs in it once, so
 * a mismatch may start anew at the byte that differed. */
#define REDIS_KEY "\r\n$10\r\n" KEY_MARK
static const char *const beginnings[] = {
    "mg " KEY_MARK,
    "ms " KEY_MARK,
    "GET" REDIS_KEY,
    "SET" REDIS_KEY,
};
enum { BEGINNINGS = sizeof beginnings / sizeof *beginnings };

/* What is remembered of a connection: how much of each beginning has come, and in which era it was
 * accepted. */
struct memory {
    uint8_t matched[BEGINNINGS];
    uint32_t era;
};
_Static_assert(sizeof(struct memory) <= sizeof(size_t), "it is kept in a number");

/* A request that comes while the client knows better. What the system still had of a connection of
 * before the fault comes later, and was sent in good faith. */
static bool is_in_vain(const struct gate *gate, const struct memory *memory)
{
    if (!gate->fate->out || gate->clock->since_ns < gate->fate->out_ns + UNDER_WAY_NS)
        return false;
    return gate->is_struck || memory->era == gate->era;
}

static void look_at(struct gate *gate, struct memory *memory, char byte)
{
    for (unsigned i = 0; i < BEGINNINGS; i++) {
        uint8_t *matched = &memory->matched[i];
        if (byte != beginnings[i][*matched])
            *matched = 0;
        if (byte == beginnings[i][*matched])
            ++*matched;
        if (beginnings[i][*matched] != '\0')
            continue;
        *matched = 0;
        gate->requests++;
        gate->in_vain += is_in_vain(gate, memory);
    }
}

static void look(
    void *user, enum direction direction, const char *bytes, size_t len, size_t *number)
{
    struct gate *gate = user;
    struct memory memory;
    memcpy(&memory, number, sizeof memory);
    if (memory.era == 0)
        memory.era = gate->era;
    for (size_t i = 0; direction == UP && i < len; i++)
        look_at(gate, &memory, bytes[i]);
    memcpy(number, &memory, sizeof memory);
}

int gate_open(struct gate *gate, uv_loop_t *loop, const char *listen, unsigned server_port)
{
    char server[32];
    struct pair_options options = {.name = "gate", .look = look, .user = gate};
    gate->era = 1;
    snprintf(server, sizeof server, "127.0.0.1:%u", server_port);
    int status = endpoint_parse(listen, &options.listen);
    if (status == 0)
        status = endpoint_parse(server, &options.server);
    if (status == 0)
        status = pair_open(loop, &options, &gate->pair);
    if (status == 0)
        gate->port = pair_port(gate->pair);
    return status;
}

void gate_strike(struct gate *gate)
{
    gate->era++;
    gate->is_struck = true;
}

void gate_heal(struct gate *gate)
{
    gate->is_struck = false;
}

bool gate_do(struct gate *gate, const char *line)
{
    struct command *command = NULL;
    struct problem problem;
    if (command_parse(line, strlen(line), &command, &problem) != PARSED_COMMAND)
        return false;
    int status = pair_command(gate->pair, command);
    command_release(command);
    if (status != 0)
        fprintf(stderr, "chaos: %s: %s\n", line, uv_strerror(status));
    return status == 0;
}

void gate_close(struct gate *gate)
{
    pair_close(gate->pair);
    gate->pair = NULL;
}

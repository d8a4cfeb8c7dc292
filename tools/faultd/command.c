/* SPDX-License-Identifier: MIT */
/* The words of the language, and the commands they make. */
#include "command.h"

#include <stdlib.h>
#include <string.h>

enum {
    CONDUCT = TAKES_CONNECTION | TAKES_DIRECTION | STAYS,
    EDIT = TAKES_CONNECTION | TAKES_DIRECTION | TAKES_PLACE,
};

const struct fault_form fault_forms[FAULTS] = {
    [FAULT_LATENCY] = {"latency", OPERAND_TIME, "jitter", CONDUCT},
    [FAULT_BANDWIDTH] = {"bandwidth", OPERAND_RATE, NULL, CONDUCT},
    [FAULT_SLICE] = {"slice", OPERAND_SIZE, "gap", CONDUCT},
    [FAULT_STALL] = {"stall", OPERAND_NONE, NULL, CONDUCT | TAKES_PLACE},
    [FAULT_BLACKHOLE] = {"blackhole", OPERAND_NONE, NULL, CONDUCT},
    [FAULT_DISCARD] = {"discard", OPERAND_NONE, NULL, CONDUCT},
    [FAULT_FLOW] = {"flow", OPERAND_NONE, NULL, CONDUCT},
    [FAULT_DROP] = {"drop", OPERAND_SIZE, NULL, EDIT},
    [FAULT_DUPLICATE] = {"duplicate", OPERAND_SIZE, NULL, EDIT},
    [FAULT_INSERT] = {"insert", OPERAND_TEXT, NULL, EDIT},
    [FAULT_CORRUPT] = {"corrupt", OPERAND_SIZE, NULL, EDIT},
    [FAULT_SWAP] = {"swap", OPERAND_SIZE, NULL, EDIT},
    [FAULT_HALF_CLOSE] = {"half-close", OPERAND_NONE, NULL, EDIT},
    [FAULT_CLOSE] = {"close", OPERAND_NONE, NULL, TAKES_CONNECTION | TAKES_PLACE},
    [FAULT_RESET] = {"reset", OPERAND_NONE, NULL, TAKES_CONNECTION | TAKES_PLACE},
    [FAULT_REFUSE] = {"refuse", OPERAND_NONE, NULL, 0},
    [FAULT_PAUSE] = {"pause", OPERAND_NONE, NULL, 0},
    [FAULT_ACCEPT] = {"accept", OPERAND_NONE, NULL, 0},
    [FAULT_HEAL] = {"heal", OPERAND_NONE, NULL, TAKES_CONNECTION | STAYS},
};

struct command *command_hold(struct command *command)
{
    command->holders++;
    return command;
}

void command_release(struct command *command)
{
    if (command == NULL || --command->holders != 0)
        return;
    free(command->text);
    free(command);
}

bool command_stays(const struct command *command)
{
    return command->place != PLACE_ANY || (fault_forms[command->fault].traits & STAYS) != 0;
}

bool command_supersedes(const struct command *later, const struct command *earlier)
{
    if (later->fault == FAULT_HEAL)
        return later->connection == 0 || later->connection == earlier->connection;
    return later->fault == earlier->fault && later->connection == earlier->connection &&
           later->place == PLACE_ANY && earlier->place == PLACE_ANY &&
           memcmp(later->directions, earlier->directions, sizeof later->directions) == 0;
}

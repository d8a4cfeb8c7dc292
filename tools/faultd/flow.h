/* SPDX-License-Identifier: MIT */
#ifndef FAULTD_FLOW_H
#define FAULTD_FLOW_H

/* One direction of one connection: takes in what the sender sends, and gives out what the receiver
 * gets and when. Pure state: no socket, time is an argument.
 *
 *   received -> edits at their places -> queue (latency, jitter) -> pace, stall -> to be sent
 *
 * Places count the bytes as the sender sent them. One edit is done at a time: a place inside the
 * bytes that an edit works on is reached when that edit is done. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "command.h"
#include "pace.h"
#include "queue.h"

/* A fault was done at a byte of this flow. */
typedef void flow_report(void *owner, const struct command *cause, uint64_t offset);

/* A fault that waits for its place. */
struct trigger {
    struct command *command;
    uint64_t at; /* UINT64_MAX: the next turn says where */
};

/* The fault that works on the next `left` bytes; FAULT_FLOW: none does. */
struct edit {
    enum fault fault;
    size_t left;
    char *held; /* a copy of what comes once more, or later */
    size_t held_len, half;
};

struct flow {
    uint64_t received;
    uint64_t latency_ms, jitter_ms, last_due_ms;
    bool stalled, blackholed, discarding;
    bool over; /* nothing that comes now goes on */
    struct pace pace;
    struct queue queue;
    struct edit edit;
    struct trigger *triggers;
    size_t trigger_count;
    /* Each its own, so that bytes become the same ones however they are split. */
    uint64_t jitter_random, corrupt_random;
    flow_report *report;
    void *owner;
};

enum step_kind { STEP_IDLE, STEP_LATER, STEP_BYTES, STEP_END, STEP_CLOSE, STEP_RESET };

/* What to do next for the receiver. */
struct step {
    enum step_kind kind;
    uint64_t at_ms;    /* STEP_LATER: ask again then */
    const char *bytes; /* STEP_BYTES: there until flow_sent */
    size_t len;
};

void flow_init(struct flow *flow, uint64_t seed, flow_report *report, void *owner);
void flow_deinit(struct flow *flow);

/* A command that concerns this flow; without a place, an edit begins with the next byte. One
 * whose place has passed does nothing. All of these return false when memory runs out. */
bool flow_command(struct flow *flow, struct command *command, uint64_t now_ms);
bool flow_heal(struct flow *flow);

/* The other direction has spoken since this one last did. */
bool flow_turn(struct flow *flow, uint64_t now_ms);
bool flow_receive(struct flow *flow, const char *bytes, size_t len, uint64_t now_ms);
/* The sender sends no more. */
bool flow_end(struct flow *flow, uint64_t now_ms);

/* May more be received? A bound on what waits here is a bound on what a sender can get rid of. */
bool flow_has_room(const struct flow *flow);

/* The next step; a step other than STEP_BYTES is taken by being asked for. */
struct step flow_step(struct flow *flow, uint64_t now_ms);
/* The receiver was given so many bytes of the last STEP_BYTES. */
void flow_sent(struct flow *flow, size_t len, uint64_t now_ms);

#endif

/* SPDX-License-Identifier: MIT */
/* Received bytes are cut at the places of triggers and at the ends of edits; each span between is
 * passed, dropped or changed as a whole, so that it does not matter how the bytes were split. */
#include "flow.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"

enum { QUEUE_BYTES_MAX = 1024 * 1024, TRIGGERS_STEP = 8 };

static const uint64_t never = UINT64_MAX;

void flow_init(struct flow *flow, uint64_t seed, flow_report *report, void *owner)
{
    *flow = (struct flow){.jitter_random = random_branch(seed, 0),
        .corrupt_random = random_branch(seed, 1),
        .report = report,
        .owner = owner,
        .edit = {.fault = FAULT_FLOW}};
}

static void drop_triggers(struct flow *flow)
{
    for (size_t i = 0; i < flow->trigger_count; i++)
        command_release(flow->triggers[i].command);
    free(flow->triggers);
    flow->triggers = NULL;
    flow->trigger_count = 0;
}

void flow_deinit(struct flow *flow)
{
    drop_triggers(flow);
    queue_clear(&flow->queue);
    free(flow->edit.held);
}

/* Jitter delays, it does not reorder. */
static uint64_t due(struct flow *flow, uint64_t now_ms)
{
    uint64_t due_ms = now_ms + flow->latency_ms;
    if (flow->jitter_ms != 0)
        due_ms += random_upto(&flow->jitter_random, flow->jitter_ms);
    if (due_ms < flow->last_due_ms)
        due_ms = flow->last_due_ms;
    return flow->last_due_ms = due_ms;
}

static bool pass(struct flow *flow, const char *bytes, size_t len, uint64_t now_ms)
{
    return queue_bytes(&flow->queue, due(flow, now_ms), bytes, len);
}

/* The edit has had all its bytes, or gets no more. */
static bool edit_finish(struct flow *flow, uint64_t now_ms)
{
    struct edit *edit = &flow->edit;
    bool good = edit->held == NULL || pass(flow, edit->held, edit->held_len, now_ms);
    free(edit->held);
    *edit = (struct edit){.fault = FAULT_FLOW};
    return good;
}

static void hold(struct edit *edit, const char *bytes, size_t len)
{
    memcpy(edit->held + edit->held_len, bytes, len);
    edit->held_len += len;
}

/* Each byte becomes another one. */
static bool pass_corrupted(struct flow *flow, const char *bytes, size_t len, uint64_t now_ms)
{
    char *changed = malloc(len);
    if (changed == NULL)
        return false;
    for (size_t i = 0; i < len; i++)
        changed[i] =
            (char)(bytes[i] ^ (char)(1 + random_upto(&flow->corrupt_random, UINT8_MAX - 1)));
    bool good = pass(flow, changed, len, now_ms);
    free(changed);
    return good;
}

/* Of the two chunks that change places, the first waits. */
static bool pass_swapped(struct flow *flow, const char *bytes, size_t len, uint64_t now_ms)
{
    struct edit *edit = &flow->edit;
    size_t first = edit->half - edit->held_len;
    if (first > len)
        first = len;
    hold(edit, bytes, first);
    return pass(flow, bytes + first, len - first, now_ms);
}

/* `len` bytes, none of them beyond the edit. */
static bool edit_span(struct flow *flow, const char *bytes, size_t len, uint64_t now_ms)
{
    struct edit *edit = &flow->edit;
    edit->left -= len;
    if (edit->fault == FAULT_SWAP)
        return pass_swapped(flow, bytes, len, now_ms);
    if (edit->fault == FAULT_CORRUPT)
        return pass_corrupted(flow, bytes, len, now_ms);
    if (edit->fault == FAULT_DROP)
        return true;
    hold(edit, bytes, len);
    return pass(flow, bytes, len, now_ms);
}

static bool edit_begin(struct flow *flow, enum fault fault, size_t bytes)
{
    struct edit *edit = &flow->edit;
    char *held = NULL;
    if (fault == FAULT_DUPLICATE || fault == FAULT_SWAP) {
        held = malloc(bytes);
        if (held == NULL)
            return false;
    }
    *edit = (struct edit){.fault = fault, .left = bytes, .held = held, .half = bytes};
    if (fault == FAULT_SWAP)
        edit->left *= 2;
    return true;
}

static bool mark(struct flow *flow, enum piece_kind kind, struct command *cause, uint64_t now_ms)
{
    flow->over = flow->over || kind != PIECE_STALL;
    return queue_mark(&flow->queue, kind, due(flow, now_ms), cause, flow->received);
}

/* The place of this fault is reached. Marks are reported when they have their effect. */
static bool fire(struct flow *flow, struct command *command, uint64_t now_ms)
{
    switch (command->fault) {
    case FAULT_STALL:
        return mark(flow, PIECE_STALL, command, now_ms);
    case FAULT_HALF_CLOSE:
        return mark(flow, PIECE_END, command, now_ms);
    case FAULT_CLOSE:
        return mark(flow, PIECE_CLOSE, command, now_ms);
    case FAULT_RESET:
        return mark(flow, PIECE_RESET, command, now_ms);
    case FAULT_INSERT:
        flow->report(flow->owner, command, flow->received);
        return pass(flow, command->text, command->text_len, now_ms);
    case FAULT_DROP:
    case FAULT_DUPLICATE:
    case FAULT_CORRUPT:
    case FAULT_SWAP:
        flow->report(flow->owner, command, flow->received);
        return edit_begin(flow, command->fault, (size_t)command->amount);
    case FAULT_LATENCY:
    case FAULT_BANDWIDTH:
    case FAULT_SLICE:
    case FAULT_BLACKHOLE:
    case FAULT_DISCARD:
    case FAULT_FLOW:
    case FAULT_REFUSE:
    case FAULT_PAUSE:
    case FAULT_ACCEPT:
    case FAULT_HEAL:
        break; /* the language has no place for these */
    }
    return true;
}

/* The trigger whose place comes first, the oldest of equal ones; NULL: none has a place. */
static struct trigger *first_trigger(const struct flow *flow)
{
    struct trigger *first = NULL;
    for (size_t i = 0; i < flow->trigger_count; i++) {
        struct trigger *trigger = &flow->triggers[i];
        if (trigger->at != never && (first == NULL || trigger->at < first->at))
            first = trigger;
    }
    return first;
}

/* One of every turn waits for the next; any other has done its duty. */
static void retire(struct flow *flow, struct trigger *trigger)
{
    trigger->at = never;
    if (trigger->command->place == PLACE_TURN)
        return;
    command_release(trigger->command);
    size_t behind = (size_t)(flow->triggers + flow->trigger_count - (trigger + 1));
    memmove(trigger, trigger + 1, behind * sizeof *trigger);
    flow->trigger_count--;
}

/* Do what has its place here, until an edit needs bytes. */
static bool fire_all(struct flow *flow, uint64_t now_ms)
{
    struct trigger *trigger;
    while (flow->edit.left == 0 && !flow->over && (trigger = first_trigger(flow)) != NULL &&
           trigger->at <= flow->received) {
        struct command *command = command_hold(trigger->command);
        retire(flow, trigger);
        bool good = fire(flow, command, now_ms);
        command_release(command);
        if (!good)
            return false;
    }
    return true;
}

/* How many of `len` bytes there are up to the next place or the end of the edit. */
static size_t span(const struct flow *flow, size_t len)
{
    if (flow->edit.left != 0)
        return flow->edit.left < len ? flow->edit.left : len;
    const struct trigger *trigger = first_trigger(flow);
    if (trigger == NULL || trigger->at - flow->received >= len)
        return len;
    return (size_t)(trigger->at - flow->received);
}

bool flow_receive(struct flow *flow, const char *bytes, size_t len, uint64_t now_ms)
{
    while (len > 0 && !flow->over) {
        size_t count = span(flow, len);
        bool edited = flow->edit.left != 0;
        flow->received += count;
        if (edited && !edit_span(flow, bytes, count, now_ms))
            return false;
        if (!edited && !flow->discarding && !pass(flow, bytes, count, now_ms))
            return false;
        if (edited && flow->edit.left == 0 && !edit_finish(flow, now_ms))
            return false;
        if (!fire_all(flow, now_ms))
            return false;
        bytes += count;
        len -= count;
    }
    return true;
}

bool flow_turn(struct flow *flow, uint64_t now_ms)
{
    for (size_t i = 0; i < flow->trigger_count; i++) {
        const struct command *command = flow->triggers[i].command;
        if (command->place == PLACE_TURN)
            flow->triggers[i].at = flow->received + command->place_bytes;
    }
    return fire_all(flow, now_ms);
}

bool flow_end(struct flow *flow, uint64_t now_ms)
{
    if (flow->over)
        return true;
    return edit_finish(flow, now_ms) && mark(flow, PIECE_END, NULL, now_ms);
}

static bool add_trigger(struct flow *flow, struct command *command)
{
    if (command->place == PLACE_OFFSET && command->place_bytes < flow->received)
        return true;
    if (flow->trigger_count % TRIGGERS_STEP == 0) {
        struct trigger *more =
            realloc(flow->triggers, (flow->trigger_count + TRIGGERS_STEP) * sizeof *flow->triggers);
        if (more == NULL)
            return false;
        flow->triggers = more;
    }
    uint64_t at = command->place == PLACE_TURN ? never : flow->received;
    if (command->place == PLACE_OFFSET)
        at = command->place_bytes;
    flow->triggers[flow->trigger_count++] = (struct trigger){command_hold(command), at};
    return true;
}

/* From now on, without a place. */
static void conduct(struct flow *flow, const struct command *command, uint64_t now_ms)
{
    if (command->fault == FAULT_LATENCY) {
        flow->latency_ms = command->amount;
        flow->jitter_ms = command->option_ms;
    } else if (command->fault == FAULT_BANDWIDTH) {
        pace_limit(&flow->pace, command->amount, now_ms);
    } else if (command->fault == FAULT_SLICE) {
        pace_slice(&flow->pace, command->amount, command->option_ms);
    } else {
        const bool flows = command->fault == FAULT_FLOW;
        flow->stalled = !flows && (flow->stalled || command->fault == FAULT_STALL);
        flow->blackholed = !flows && (flow->blackholed || command->fault == FAULT_BLACKHOLE);
        flow->discarding = !flows && (flow->discarding || command->fault == FAULT_DISCARD);
    }
}

bool flow_command(struct flow *flow, struct command *command, uint64_t now_ms)
{
    const bool stays = (fault_forms[command->fault].traits & STAYS) != 0;
    if (stays && command->place == PLACE_ANY) {
        conduct(flow, command, now_ms);
        return true;
    }
    return add_trigger(flow, command) && fire_all(flow, now_ms);
}

bool flow_heal(struct flow *flow)
{
    drop_triggers(flow);
    flow->latency_ms = flow->jitter_ms = flow->last_due_ms = 0;
    flow->stalled = flow->blackholed = flow->discarding = false;
    flow->pace = (struct pace){0};
    queue_release(&flow->queue);
    return edit_finish(flow, 0);
}

bool flow_has_room(const struct flow *flow)
{
    return flow->over || (!flow->blackholed && flow->queue.bytes < QUEUE_BYTES_MAX);
}

static struct step take_mark(struct flow *flow)
{
    static const enum step_kind steps[] = {
        [PIECE_BYTES] = STEP_IDLE,
        [PIECE_STALL] = STEP_IDLE,
        [PIECE_END] = STEP_END,
        [PIECE_CLOSE] = STEP_CLOSE,
        [PIECE_RESET] = STEP_RESET,
    };
    const struct piece *piece = flow->queue.first;
    const struct step step = {.kind = steps[piece->kind]};
    if (piece->kind == PIECE_STALL)
        flow->stalled = true;
    if (piece->cause != NULL)
        flow->report(flow->owner, piece->cause, piece->offset);
    queue_pop(&flow->queue);
    return step;
}

struct step flow_step(struct flow *flow, uint64_t now_ms)
{
    struct step step = {.kind = STEP_IDLE};
    const struct piece *piece = flow->queue.first;
    if (piece == NULL || flow->stalled)
        return step;
    if (piece->due_ms > now_ms)
        return (struct step){.kind = STEP_LATER, .at_ms = piece->due_ms};
    if (piece->len == 0)
        return take_mark(flow);
    step.kind = STEP_LATER;
    step.len = pace_allows(&flow->pace, piece->len - piece->sent, now_ms, &step.at_ms);
    if (step.len != 0) {
        step.kind = STEP_BYTES;
        step.bytes = piece->bytes + piece->sent;
    }
    return step;
}

void flow_sent(struct flow *flow, size_t len, uint64_t now_ms)
{
    pace_spend(&flow->pace, len, now_ms);
    queue_sent(&flow->queue, len);
}

/* SPDX-License-Identifier: MIT */
/* Lines of a script of faultd, and behind an empty line what they are done to. A problem is told
 * within its line; and what leaves a direction is the same however it came in, whole or byte by
 * byte. */
#include "flow.h"
#include "fuzz.h"

enum { OUT_BYTES = 64 * 1024, TURN_BYTES = 16, STEPS_MAX = 4 * OUT_BYTES };

struct outcome {
    struct flow flow;
    uint64_t now_ms;
    unsigned faults;
    size_t len;
    char bytes[OUT_BYTES];
};

static void count_fault(void *owner, const struct command *cause, uint64_t offset)
{
    struct outcome *outcome = owner;
    FUZZ_MUST(cause->line[0] != '\0' && offset <= outcome->flow.received);
    outcome->faults++;
}

static void put(struct outcome *outcome, const char *bytes, size_t len)
{
    if (len > OUT_BYTES - outcome->len)
        len = OUT_BYTES - outcome->len;
    memcpy(outcome->bytes + outcome->len, bytes, len);
    outcome->len += len;
}

/* Wait for whatever is to come. */
static void drain(struct outcome *outcome)
{
    for (unsigned steps = 0; steps < STEPS_MAX; steps++) {
        const struct step step = flow_step(&outcome->flow, outcome->now_ms);
        switch (step.kind) {
        case STEP_IDLE:
            return;
        case STEP_LATER:
            FUZZ_MUST(step.at_ms > outcome->now_ms);
            outcome->now_ms = step.at_ms;
            break;
        case STEP_BYTES:
            FUZZ_MUST(step.len > 0);
            put(outcome, step.bytes, step.len);
            flow_sent(&outcome->flow, step.len, outcome->now_ms);
            break;
        case STEP_END:
            put(outcome, "$", 1);
            break;
        case STEP_CLOSE:
        case STEP_RESET:
            put(outcome, "!", 1);
            return;
        }
    }
}

static void do_line(struct outcome *outcome, const char *line, size_t len)
{
    struct command *command = NULL;
    struct problem problem = {.column = 0, .text = ""};
    switch (command_parse(line, len, &command, &problem)) {
    case PARSED_NOTHING:
        break;
    case PARSED_COMMAND:
        FUZZ_MUST(command->text_len <= len && strlen(command->line) <= len);
        if (command->fault == FAULT_HEAL)
            FUZZ_MUST(flow_heal(&outcome->flow));
        else if (command->directions[DOWN])
            FUZZ_MUST(flow_command(&outcome->flow, command, outcome->now_ms));
        break;
    case PARSED_PROBLEM:
        FUZZ_MUST(problem.column >= 1 && problem.column <= len + 1 && problem.text[0] != '\0');
        break;
    }
    command_release(command);
}

/* Do the lines; what is left of the input behind an empty one is what they are done to. */
static size_t do_script(struct outcome *outcome, const char *input, size_t len)
{
    size_t at = 0;
    while (at < len) {
        const char *end = memchr(input + at, '\n', len - at);
        size_t line_len = end == NULL ? len - at : (size_t)(end - input) - at;
        do_line(outcome, input + at, line_len);
        at += line_len + (end != NULL);
        if (line_len == 0)
            break;
    }
    return at;
}

static void pass(struct outcome *outcome, const char *input, size_t len, bool whole)
{
    memset(outcome, 0, sizeof *outcome);
    flow_init(&outcome->flow, 1, count_fault, outcome);
    size_t at = do_script(outcome, input, len);
    while (at < len) {
        size_t turn = len - at < TURN_BYTES ? len - at : TURN_BYTES;
        FUZZ_MUST(flow_turn(&outcome->flow, outcome->now_ms));
        for (size_t i = 0; i < turn; i += whole ? turn : 1)
            FUZZ_MUST(
                flow_receive(&outcome->flow, input + at + i, whole ? turn : 1, outcome->now_ms));
        at += turn;
    }
    FUZZ_MUST(flow_end(&outcome->flow, outcome->now_ms));
    drain(outcome);
    flow_deinit(&outcome->flow);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct outcome whole, split;
    char *input = (char *)fuzz_copy(rc_slice(bytes, len), 1);
    pass(&whole, input, len, true);
    pass(&split, input, len, false);
    FUZZ_MUST(whole.faults == split.faults && whole.len == split.len);
    FUZZ_MUST(memcmp(whole.bytes, split.bytes, whole.len) == 0);
    free(input);
    return 0;
}

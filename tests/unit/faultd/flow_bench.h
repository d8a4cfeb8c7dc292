/* SPDX-License-Identifier: MIT */
#ifndef FAULTD_FLOW_BENCH_H
#define FAULTD_FLOW_BENCH_H

/* A flow with what it gives out and what it reports, on virtual time. */

#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "flow.h"

struct bench {
    struct flow flow;
    uint64_t now_ms;
    char out[256]; /* '$' FIN, '&' both FIN, '!' RST */
    size_t len;
    char told[256]; /* "WORD@OFFSET " for each fault */
};

static inline void bench_told(void *owner, const struct command *cause, uint64_t offset)
{
    struct bench *bench = owner;
    size_t len = strlen(bench->told);
    snprintf(bench->told + len, sizeof bench->told - len, "%s@%llu ",
        fault_forms[cause->fault].word, (unsigned long long)offset);
}

static inline void bench_open(struct bench *bench)
{
    memset(bench, 0, sizeof *bench);
    bench->now_ms = 1000;
    flow_init(&bench->flow, 1, bench_told, bench);
}

/* False when memory ran out. */
static inline bool bench_command(struct bench *bench, const char *line)
{
    struct command *command = NULL;
    struct problem problem;
    if (command_parse(line, strlen(line), &command, &problem) != PARSED_COMMAND)
        return false;
    bool good = flow_command(&bench->flow, command, bench->now_ms);
    command_release(command);
    return good;
}

static inline void bench_put(struct bench *bench, const char *bytes, size_t len)
{
    assert_true(bench->len + len < sizeof bench->out);
    memcpy(bench->out + bench->len, bytes, len);
    bench->len += len;
}

/* Take what is to be had now; returns when to ask again, UINT64_MAX: nobody knows. */
static inline uint64_t bench_drain(struct bench *bench)
{
    for (;;) {
        const struct step step = flow_step(&bench->flow, bench->now_ms);
        switch (step.kind) {
        case STEP_IDLE:
            return UINT64_MAX;
        case STEP_LATER:
            return step.at_ms;
        case STEP_BYTES:
            bench_put(bench, step.bytes, step.len);
            flow_sent(&bench->flow, step.len, bench->now_ms);
            break;
        case STEP_END:
            bench_put(bench, "$", 1);
            break;
        case STEP_CLOSE:
            bench_put(bench, "&", 1);
            return UINT64_MAX;
        case STEP_RESET:
            bench_put(bench, "!", 1);
            return UINT64_MAX;
        }
    }
}

#endif

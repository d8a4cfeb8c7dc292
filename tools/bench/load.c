/* SPDX-License-Identifier: MIT */
/* One run of one driver. Filling, warming up and reading back are not measured. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

enum { FILL_WINDOW = 64, WARM_UP_OPS = 2000 };

/* A driver that is connected. */
struct session {
    const struct driver *driver;
    void *self;
    const struct work *work;
};

/* One phase: `ops` of `op` on values of `version`; NULL in `result`: not measured. */
struct phase {
    struct plan plan;
    uint32_t ops, version;
    struct result *result;
};

static void measure(const struct session *session, struct load *load, struct result *result)
{
    const struct plan *plan = load->plan;
    uint64_t servers = processes_ns(plan->pids, plan->pid_count);
    uint64_t begun = now_ns();
    struct cost before = cost_now();
    session->driver->run(session->self, load);
    struct cost after = cost_now();
    result->seconds = (double)(now_ns() - begun) / 1e9;
    result->server_ns = processes_ns(plan->pids, plan->pid_count) - servers;
    result->client = cost_between(&before, &after);
    result->latency = load->latency;
}

/* A reason why it failed goes into `why`. */
static bool run_phase(const struct session *session, const struct phase *phase, char why[160])
{
    struct load load;
    if (!load_init(&load, session->work, &phase->plan, phase->ops)) {
        snprintf(why, 160, "no memory for %u requests", (unsigned)phase->plan.window);
        return false;
    }
    load.version = phase->version;
    const struct driver *driver = session->driver;
    if (driver->prepare == NULL || driver->prepare(session->self, &load)) {
        if (phase->result != NULL) {
            measure(session, &load, phase->result);
        } else {
            driver->run(session->self, &load);
        }
    }
    if (load.why[0] == '\0' && load.ended != load.ops) {
        load_fail(&load, "it ended before all was answered");
    }
    memcpy(why, load.why, sizeof load.why);
    load_deinit(&load);
    return why[0] == '\0';
}

static struct phase phase_of(const struct plan *plan, enum op op, uint32_t ops, uint32_t version)
{
    struct phase phase = {.plan = *plan, .ops = ops, .version = version};
    phase.plan.op = op;
    if (op != plan->op) {
        phase.plan.window = FILL_WINDOW;
    }
    return phase;
}

/* Twice what is under way at least, so that all of its memory is there. */
static uint32_t warm_up_ops(const struct plan *plan)
{
    return 2 * plan->window > WARM_UP_OPS ? 2 * plan->window : WARM_UP_OPS;
}

static bool run_session(const struct session *session, struct result *result)
{
    const struct plan *plan = session->work->plan;
    const bool batched = plan->op == OP_GET_MANY;
    const uint32_t step = batched ? plan->window : 1;
    const uint32_t version = plan->op == OP_SET ? 1 : 0;
    struct phase fill = phase_of(plan, OP_SET, plan->keys, 0);
    fill.plan.window = FILL_WINDOW;
    struct phase warm_up = phase_of(plan, plan->op, warm_up_ops(plan) / step * step, version);
    struct phase measured = phase_of(plan, plan->op, plan->ops, version);
    measured.result = result;
    struct phase read_back =
        phase_of(plan, OP_GET, plan->ops < plan->keys ? plan->ops : plan->keys, version);
    return (!plan->filled || run_phase(session, &fill, result->why)) &&
           run_phase(session, &warm_up, result->why) &&
           run_phase(session, &measured, result->why) &&
           (!plan->verify || run_phase(session, &read_back, result->why));
}

static bool run_work(const struct work *work, struct result *result)
{
    struct session session = {.driver = work->plan->driver, .work = work};
    struct load load;
    if (!load_init(&load, work, work->plan, 0)) {
        return false;
    }
    bool good = session.driver->open(&load, &session.self);
    memcpy(result->why, load.why, sizeof result->why);
    good = good && run_session(&session, result);
    session.driver->close(session.self);
    load_deinit(&load);
    return good;
}

bool run_plan(const struct plan *plan, struct result *result)
{
    struct work work;
    memset(result, 0, sizeof *result);
    bool good = work_init(&work, plan) && run_work(&work, result);
    if (!good && result->why[0] == '\0') {
        snprintf(result->why, sizeof result->why, "no memory");
    }
    work_deinit(&work);
    return good;
}

static void tell(const struct plan *plan, const struct result *result)
{
    const double ops = plan->ops;
    printf("{\"driver\": \"%s\", \"protocol\": \"%s\", \"op\": \"%s\", \"window\": %u, "
           "\"value_bytes\": %u, \"servers\": %zu, \"ops\": %u, ",
        plan->driver->name, protocol_names[plan->protocol], op_names[plan->op],
        (unsigned)plan->window, (unsigned)plan->value_bytes, plan->port_count, (unsigned)plan->ops);
    printf("\"ops_per_s\": %.0f, \"cpu_ns\": %.1f, \"user_ns\": %.1f, \"system_ns\": %.1f, ",
        ops / result->seconds, (double)result->client.cpu_ns / ops,
        (double)result->client.user_ns / ops, (double)result->client.system_ns / ops);
    if (plan->pid_count > 0) {
        printf("\"server_ns\": %.1f, ", (double)result->server_ns / ops);
    }
    if (result->client.calls != UINT64_MAX) {
        printf("\"calls\": %.4f, ", (double)result->client.calls / ops);
    }
    printf("\"p50_us\": %.2f, \"p99_us\": %.2f, \"p999_us\": %.2f}\n",
        histogram_us(&result->latency, 0.5), histogram_us(&result->latency, 0.99),
        histogram_us(&result->latency, 0.999));
}

int command_load(int argc, char **argv)
{
    struct plan plan;
    struct result result;
    if (!plan_parse(&plan, argc, argv)) {
        return 2;
    }
    if (!run_plan(&plan, &result)) {
        fprintf(stderr, "bench: %s, %s %s, window %u, %u bytes: %s\n", plan.driver->name,
            protocol_names[plan.protocol], op_names[plan.op], (unsigned)plan.window,
            (unsigned)plan.value_bytes, result.why);
        return 1;
    }
    tell(&plan, &result);
    return 0;
}

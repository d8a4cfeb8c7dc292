/* SPDX-License-Identifier: MIT */
/* What the command line asks for. */
#include "bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_MAX = 1000000000, VALUE_MAX = 1 << 20 };

const char *const protocol_names[] = {
    [PROTOCOL_META] = "meta",
    [PROTOCOL_CLASSIC] = "classic",
    [PROTOCOL_REDIS] = "redis",
    NULL,
};
const char *const op_names[] = {
    [OP_GET] = "get",
    [OP_SET] = "set",
    [OP_GET_MANY] = "get_many",
    NULL,
};

bool parse_number(const char *text, uint32_t *number)
{
    uint64_t n = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9' && n <= NUMBER_MAX; p++) {
        n = n * 10 + (uint64_t)(*p - '0');
    }
    if (p == text || *p != '\0' || n > NUMBER_MAX) {
        return false;
    }
    *number = (uint32_t)n;
    return true;
}

size_t parse_list(const char *text, uint32_t *numbers, size_t most)
{
    size_t count = 0;
    while (*text != '\0') {
        char part[16];
        size_t len = strcspn(text, ",");
        if (count == most || len >= sizeof part) {
            return 0;
        }
        memcpy(part, text, len);
        part[len] = '\0';
        if (!parse_number(part, &numbers[count++])) {
            return 0;
        }
        text += len + (text[len] == ',');
    }
    return count;
}

static bool find_name(const char *const *names, const char *text, size_t *index)
{
    for (*index = 0; names[*index] != NULL; ++*index) {
        if (strcmp(names[*index], text) == 0) {
            return true;
        }
    }
    return false;
}

static bool set_driver(struct plan *plan, const char *value)
{
    for (size_t i = 0; drivers[i] != NULL; i++) {
        if (strcmp(drivers[i]->name, value) == 0) {
            plan->driver = drivers[i];
        }
    }
    return plan->driver != NULL;
}

static bool set_protocol(struct plan *plan, const char *value)
{
    size_t index;
    bool found = find_name(protocol_names, value, &index);
    plan->protocol = (enum protocol)index;
    return found;
}

static bool set_op(struct plan *plan, const char *value)
{
    size_t index;
    bool found = find_name(op_names, value, &index);
    plan->op = (enum op)index;
    return found;
}

static bool set_window(struct plan *plan, const char *value)
{
    return parse_number(value, &plan->window);
}

static bool set_ops(struct plan *plan, const char *value)
{
    return parse_number(value, &plan->ops);
}

static bool set_value(struct plan *plan, const char *value)
{
    return parse_number(value, &plan->value_bytes);
}

static bool set_keys(struct plan *plan, const char *value)
{
    return parse_number(value, &plan->keys);
}

static bool set_ports(struct plan *plan, const char *value)
{
    plan->port_count = parse_list(value, plan->ports, SERVERS_MAX);
    return plan->port_count > 0;
}

static bool set_pids(struct plan *plan, const char *value)
{
    plan->pid_count = parse_list(value, plan->pids, PIDS_MAX);
    return plan->pid_count > 0;
}

static bool add_option(struct plan *plan, const char *value)
{
    const char *sign = strchr(value, '=');
    if (plan->option_count == OPTIONS_MAX || sign == NULL || sign == value) {
        return false;
    }
    plan->options[plan->option_count++] = value;
    return true;
}

static const struct option {
    const char *name;
    bool (*set)(struct plan *plan, const char *value);
} options[] = {
    {"--driver", set_driver},
    {"--protocol", set_protocol},
    {"--op", set_op},
    {"--window", set_window},
    {"--ops", set_ops},
    {"--value", set_value},
    {"--keys", set_keys},
    {"--ports", set_ports},
    {"--pids", set_pids},
    {"--option", add_option},
};

static bool apply(struct plan *plan, const char *name, const char *value)
{
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (strcmp(options[i].name, name) == 0) {
            return value != NULL && options[i].set(plan, value);
        }
    }
    return false;
}

/* NULL: it can be run. */
static const char *problem(const struct plan *plan)
{
    const bool batched = plan->op == OP_GET_MANY;
    if (plan->driver == NULL || plan->port_count == 0) {
        return "--driver and --ports are needed";
    }
    if (plan->driver->absent != NULL) {
        return plan->driver->absent;
    }
    if (!plan->driver->serves(plan->protocol, plan->op)) {
        return "the driver does not do that";
    }
    if (plan->option_count > 0 && plan->driver->option == NULL) {
        return "the driver has no options";
    }
    if (plan->window == 0 || plan->keys == 0 || plan->ops == 0 || plan->value_bytes > VALUE_MAX) {
        return "a number is 0 or too large";
    }
    if (batched && (plan->keys % plan->window != 0 || plan->ops % plan->window != 0)) {
        return "keys and ops of get_many are multiples of the window";
    }
    return NULL;
}

bool plan_parse(struct plan *plan, int argc, char **argv)
{
    *plan = (struct plan){
        .window = 64, .ops = 100000, .value_bytes = 100, .keys = 10000, .filled = true};
    for (int i = 0; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!apply(plan, argv[i], value)) {
            fprintf(stderr, "bench: %s %s: no such option or value\n", argv[i],
                value != NULL ? value : "");
            return false;
        }
    }
    const char *why = problem(plan);
    if (why != NULL) {
        fprintf(stderr, "bench: %s: %s\n", plan->driver != NULL ? plan->driver->name : "load", why);
    }
    return why == NULL;
}

/* SPDX-License-Identifier: MIT */
/* Does each driver what it says? One short run of every kind with every byte compared and every set
 * read back; and none may take a miss, or another value, for a success. A line of TAP for each. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

enum { VERIFY_KEYS = 600, ABSENT_KEYS = 1200, VERIFY_VALUE = 100, VERIFY_LARGE = 65536 };

struct tally {
    unsigned told, bad;
};

static void tell(struct tally *tally, const struct plan *plan, bool good, const char *what)
{
    tally->told++;
    tally->bad += !good;
    printf("%sok %u - %s%s%s: %s, %s, window %u, %u bytes: %s\n", good ? "" : "not ", tally->told,
        plan->driver->name, plan->option_count > 0 ? " " : "",
        plan->option_count > 0 ? plan->options[0] : "", protocol_names[plan->protocol],
        op_names[plan->op], (unsigned)plan->window, (unsigned)plan->value_bytes, what);
}

static void check_right(struct tally *tally, const struct plan *plan)
{
    struct result result;
    bool good = run_plan(plan, &result);
    tell(tally, plan, good, "every value is right");
    if (!good) {
        printf("# %s\n", result.why);
    }
}

/* Keys that were never set: half of them. In a batch the floors see that by its length alone, and
 * wait for the rest, but for the bytes being compared. */
static void check_miss(struct tally *tally, struct plan plan)
{
    struct result result;
    plan.filled = false;
    plan.verify = plan.op == OP_GET_MANY;
    plan.keys = plan.ops = ABSENT_KEYS;
    tell(tally, &plan, !run_plan(&plan, &result), "a miss is seen");
}

/* Values that were set for a set of other size are other values. */
static void check_foreign(struct tally *tally, struct plan plan)
{
    struct result result;
    plan.filled = false;
    plan.verify = true;
    plan.value_bytes--;
    tell(tally, &plan, !run_plan(&plan, &result), "a value that is another one is seen");
}

static void check_plan(struct tally *tally, struct plan plan)
{
    if (!plan.driver->serves(plan.protocol, plan.op)) {
        return;
    }
    if (plan.driver->absent != NULL) {
        printf("# skipped: %s: %s\n", plan.driver->name, plan.driver->absent);
        return;
    }
    check_right(tally, &plan);
    plan.verify = false;
    if (plan.op != OP_SET && plan.value_bytes == VERIFY_VALUE) {
        check_miss(tally, plan);
        check_foreign(tally, plan);
    }
}

static void check_kinds(struct tally *tally, struct plan plan)
{
    static const struct {
        enum op op;
        uint32_t window, value_bytes;
    } kinds[] = {
        {OP_GET, 1, VERIFY_VALUE},
        {OP_GET, 64, VERIFY_VALUE},
        {OP_GET, 8, VERIFY_LARGE},
        {OP_SET, 1, VERIFY_VALUE},
        {OP_SET, 64, VERIFY_VALUE},
        {OP_SET, 8, VERIFY_LARGE},
        {OP_GET_MANY, 100, VERIFY_VALUE},
        {OP_GET_MANY, VERIFY_KEYS, VERIFY_VALUE},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        plan.op = kinds[i].op;
        plan.window = kinds[i].window;
        plan.value_bytes = kinds[i].value_bytes;
        check_plan(tally, plan);
    }
}

/* As it is, and with its option. */
static void check_driver(struct tally *tally, struct plan plan)
{
    check_kinds(tally, plan);
    if (plan.driver->option != NULL) {
        plan.options[plan.option_count++] = plan.driver->option;
        check_kinds(tally, plan);
    }
}

/* The servers whose URIs begin with `scheme`. */
static void choose_servers(struct plan *plan, const char *scheme, char **uris, int count)
{
    plan->port_count = 0;
    for (int i = 0; i < count && plan->port_count < SERVERS_MAX; i++) {
        const char *colon = strrchr(uris[i], ':');
        uint32_t *port = &plan->ports[plan->port_count];
        if (strncmp(uris[i], scheme, strlen(scheme)) == 0 && parse_number(colon + 1, port)) {
            plan->port_count++;
        }
    }
}

int command_verify(int argc, char **argv)
{
    static const char *const schemes[] = {
        [PROTOCOL_META] = "memcached:",
        [PROTOCOL_CLASSIC] = "memcached:",
        [PROTOCOL_REDIS] = "redis:",
    };
    struct tally tally = {0};
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        struct plan plan = {
            .protocol = (enum protocol)i,
            .keys = VERIFY_KEYS,
            .ops = VERIFY_KEYS,
            .filled = true,
            .verify = true,
        };
        choose_servers(&plan, schemes[i], argv, argc);
        for (size_t j = 0; drivers[j] != NULL && plan.port_count > 0; j++) {
            plan.driver = drivers[j];
            check_driver(&tally, plan);
        }
    }
    printf("1..%u\n", tally.told);
    return tally.bad > 0 || tally.told == 0;
}

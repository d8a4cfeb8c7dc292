/* SPDX-License-Identifier: MIT */
/* What a connection accepted later has to know. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "rules.h"

static struct command *command_of(const char *line)
{
    struct command *command = NULL;
    struct problem problem;
    assert_int_equal(command_parse(line, strlen(line), &command, &problem), PARSED_COMMAND);
    return command;
}

static void add(struct rules *rules, const char *line)
{
    struct command *command = command_of(line);
    assert_true(rules_add(rules, command));
    command_release(command);
}

static void heal(struct rules *rules, const char *line)
{
    struct command *command = command_of(line);
    rules_heal(rules, command);
    command_release(command);
}

static void assert_rules(const struct rules *rules, const char *lines)
{
    char all[512];
    size_t len = 0;
    all[0] = '\0';
    for (size_t i = 0; i < rules->count; i++)
        len += (size_t)snprintf(
            all + len, sizeof all - len, "%s%s", i == 0 ? "" : "; ", rules->commands[i]->line);
    assert_string_equal(all, lines);
}

static void a_rule_takes_the_place_of_its_like(void **state)
{
    struct rules rules = {0};
    (void)state;
    for (unsigned i = 0; i < 1000; i++) {
        add(&rules, "stall");
        add(&rules, "flow");
        add(&rules, "latency 1ms up");
    }
    add(&rules, "latency 2ms up");
    add(&rules, "latency 3ms down");
    add(&rules, "connection 4 latency 5ms up");
    assert_rules(
        &rules, "stall; flow; latency 2ms up; latency 3ms down; connection 4 latency 5ms up");
    rules_clear(&rules);
}

static void rules_of_places_add_up(void **state)
{
    struct rules rules = {0};
    (void)state;
    add(&rules, "after 1 bytes up drop 1");
    add(&rules, "after 1 bytes up drop 1");
    add(&rules, "after 1 bytes up stall");
    add(&rules, "stall up");
    assert_rules(&rules,
        "after 1 bytes up drop 1; after 1 bytes up drop 1; after 1 bytes up stall; stall up");
    rules_clear(&rules);
}

static void healing_forgets_all_or_one_connection(void **state)
{
    struct rules rules = {0};
    (void)state;
    add(&rules, "stall");
    add(&rules, "connection 2 blackhole");
    add(&rules, "connection 3 after 1 bytes up reset");
    heal(&rules, "connection 2 heal");
    assert_rules(&rules, "stall; connection 3 after 1 bytes up reset");
    heal(&rules, "heal");
    assert_rules(&rules, "");
    rules_clear(&rules);
}

static void there_is_a_bound(void **state)
{
    struct rules rules = {0};
    struct command *command = command_of("after 1 bytes up drop 1");
    size_t added = 0;
    (void)state;
    while (added < 100000 && rules_add(&rules, command))
        added++;
    assert_int_equal(added, 10000);
    assert_int_equal(rules.count, 10000);
    command_release(command);
    rules_clear(&rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_takes_the_place_of_its_like),
        cmocka_unit_test(rules_of_places_add_up),
        cmocka_unit_test(healing_forgets_all_or_one_connection),
        cmocka_unit_test(there_is_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Lines of a script: what they mean, and where what is wrong with them begins. */
#include "unit.h"

#include <string.h>

#include "command.h"

static struct command *understood(const char *line)
{
    struct command *command = NULL;
    struct problem problem = {.text = "nothing to do"};
    if (command_parse(line, strlen(line), &command, &problem) != PARSED_COMMAND)
        fail_msg("%s: %u: %s", line, problem.column, problem.text);
    return command;
}

static void every_fault_is_understood_with_its_operands(void **state)
{
    static const struct {
        const char *line;
        enum fault fault;
        uint64_t amount, option_ms;
        bool up, down;
    } rows[] = {
        {"latency 20ms", FAULT_LATENCY, 20, 0, true, true},
        {"latency 2s jitter 5ms up", FAULT_LATENCY, 2000, 5, true, false},
        {"latency 0ms", FAULT_LATENCY, 0, 0, true, true},
        {"bandwidth 64KiB down", FAULT_BANDWIDTH, 65536, 0, false, true},
        {"slice 1", FAULT_SLICE, 1, 0, true, true},
        {"slice 3 gap 7ms down", FAULT_SLICE, 3, 7, false, true},
        {"stall", FAULT_STALL, 0, 0, true, true},
        {"blackhole up", FAULT_BLACKHOLE, 0, 0, true, false},
        {"discard down", FAULT_DISCARD, 0, 0, false, true},
        {"flow", FAULT_FLOW, 0, 0, true, true},
        {"drop 1 up", FAULT_DROP, 1, 0, true, false},
        {"duplicate 1MiB down", FAULT_DUPLICATE, 1048576, 0, false, true},
        {"corrupt 9", FAULT_CORRUPT, 9, 0, true, true},
        {"swap 12 down", FAULT_SWAP, 12, 0, false, true},
        {"half-close up", FAULT_HALF_CLOSE, 0, 0, true, false},
        {"close", FAULT_CLOSE, 0, 0, false, false},
        {"reset", FAULT_RESET, 0, 0, false, false},
        {"refuse", FAULT_REFUSE, 0, 0, false, false},
        {"pause", FAULT_PAUSE, 0, 0, false, false},
        {"accept", FAULT_ACCEPT, 0, 0, false, false},
        {"heal", FAULT_HEAL, 0, 0, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct command *command = understood(rows[i].line);
        assert_int_equal(command->fault, rows[i].fault);
        assert_int_equal(command->amount, rows[i].amount);
        assert_int_equal(command->option_ms, rows[i].option_ms);
        assert_int_equal(command->directions[UP], rows[i].up);
        assert_int_equal(command->directions[DOWN], rows[i].down);
        assert_int_equal(command->moment, MOMENT_NOW);
        assert_string_equal(command->line, rows[i].line);
        command_release(command);
    }
}

static void what_stands_before_a_fault_says_when_and_where(void **state)
{
    (void)state;
    struct command *command =
        understood("\tat 3s pair cache  connection 7 after 1KiB bytes up drop 2 # why\r");
    assert_string_equal(command->line, "at 3s pair cache  connection 7 after 1KiB bytes up drop 2");
    assert_int_equal(command->moment, MOMENT_AT);
    assert_int_equal(command->moment_ms, 3000);
    assert_string_equal(command->pair, "cache");
    assert_int_equal(command->connection, 7);
    assert_int_equal(command->place, PLACE_OFFSET);
    assert_int_equal(command->place_bytes, 1024);
    assert_true(command->directions[UP] && !command->directions[DOWN]);
    command_release(command);

    command = understood("in 9ms after 0 bytes of each reply reset");
    assert_int_equal(command->moment, MOMENT_IN);
    assert_int_equal(command->place, PLACE_TURN);
    assert_true(!command->directions[UP] && command->directions[DOWN]);
    command_release(command);

    command = understood("after 4 bytes of each request corrupt 1");
    assert_true(command->directions[UP] && !command->directions[DOWN]);
    command_release(command);
}

static void texts_hold_any_byte(void **state)
{
    static const char bytes[] = "a #\r\n\t\0\\\"\x01\xff.";
    (void)state;
    struct command *command = understood("insert \"a #\\r\\n\\t\\0\\\\\\\"\\x01\\xFf.\" down # \"");
    assert_int_equal(command->text_len, sizeof bytes - 1);
    assert_memory_equal(command->text, bytes, sizeof bytes - 1);
    command_release(command);
}

static void blank_lines_and_comments_say_nothing(void **state)
{
    static const char *const lines[] = {"", "   ", "\t\r", "# reset", "  # \xc3\xa4"};
    struct command *command = NULL;
    struct problem problem;
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_int_equal(
            command_parse(lines[i], strlen(lines[i]), &command, &problem), PARSED_NOTHING);
    assert_null(command);
}

static void a_problem_is_told_with_its_column(void **state)
{
    static const struct {
        const char *line;
        unsigned column;
        const char *text;
    } rows[] = {
        {"bogus", 1, "unknown word"},
        {"  at", 5, "a time such as 20ms or 3s is missing"},
        {"at 5", 4, "not a time such as 20ms or 3s"},
        {"at 5m heal", 4, "not a time such as 20ms or 3s"},
        {"at 5ms", 7, "a fault is missing"},
        {"at 8days heal", 4, "not a time such as 20ms or 3s"},
        {"at 604801s heal", 4, "out of range: 0 to 604800000"},
        {"at 99999999999999999999s heal", 4, "the number is too large"},
        {"at 18446744073709551615s heal", 4, "out of range: 0 to 604800000"},
        {"at 1s in 1s heal", 7, "unknown word"},
        {"connection 0 reset", 12, "out of range: 1 to 1125899906842624"},
        {"connection x reset", 12, "a number such as 100 or 64KiB is missing"},
        {"connection -1 reset", 12, "a number such as 100 or 64KiB is missing"},
        {"connection 1 pair a reset", 14, "unknown word"},
        {"pair", 5, "the name of a pair is missing or too long"},
        {"pair aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa heal", 6,
            "the name of a pair is missing or too long"},
        {"after 3 down drop 1", 9, "'bytes' is missing"},
        {"after 3 bytes drop 1", 15, "'down' is missing"},
        {"after 3 bytes of reply drop 1", 18, "'each' is missing"},
        {"after 3 bytes of each answer drop 1", 23, "'reply' is missing"},
        {"after 3 bytes down latency 1ms", 20, "latency takes no place"},
        {"after 3 bytes down drop 1 up", 27, "the line goes on behind its command"},
        {"connection 1 refuse", 14, "refuse is not of one connection"},
        {"drop", 5, "a number such as 100 or 64KiB is missing"},
        {"drop 0", 6, "out of range: 1 to 1048576"},
        {"drop 2MiB", 6, "out of range: 1 to 1048576"},
        {"drop 1kb", 6, "not a number such as 100 or 64KiB"},
        {"latency 1ms jitter", 19, "a time such as 20ms or 3s is missing"},
        {"latency 1ms gap 1ms", 13, "the line goes on behind its command"},
        {"stall up down", 10, "the line goes on behind its command"},
        {"reset down", 7, "the line goes on behind its command"},
        {"insert", 7, "a text in double quotes is missing"},
        {"insert x", 8, "a text in double quotes is missing"},
        {"insert \"", 8, "the text does not end with a double quote"},
        {"insert \"x", 8, "the text does not end with a double quote"},
        {"insert \"x\\\"", 8, "the text does not end with a double quote"},
        {"insert \"x\"y", 8, "the text does not end with a double quote"},
        {"insert \"\"", 8, "the text is empty"},
        {"insert \"ab\\q\"", 12, "unknown escape: \\r \\n \\t \\0 \\\\ \\\" \\xHH are known"},
        {"insert \"ab\\x1\"", 12, "unknown escape: \\r \\n \\t \\0 \\\\ \\\" \\xHH are known"},
        {"insert \"\xff\" up", 9, "not printable ASCII"},
        {"heal\x01", 5, "not printable ASCII"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct command *command = NULL;
        struct problem problem = {.column = 0, .text = ""};
        assert_int_equal(
            command_parse(rows[i].line, strlen(rows[i].line), &command, &problem), PARSED_PROBLEM);
        assert_null(command);
        if (problem.column != rows[i].column || strcmp(problem.text, rows[i].text) != 0)
            fail_msg("%s: %u: %s", rows[i].line, problem.column, problem.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_fault_is_understood_with_its_operands),
        cmocka_unit_test(what_stands_before_a_fault_says_when_and_where),
        cmocka_unit_test(texts_hold_any_byte),
        cmocka_unit_test(blank_lines_and_comments_say_nothing),
        cmocka_unit_test(a_problem_is_told_with_its_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* From a line to a command, word by word:
 *
 *   [at TIME | in TIME] [pair NAME] [connection N]
 *   [after N bytes (up | down | of each reply | of each request)]
 *   FAULT [OPERAND] [jitter TIME | gap TIME] [up | down]
 *
 * The parser always holds the next word; a failure is said of that word. */
#include "command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t time_max_ms = UINT64_C(7) * 24 * 3600 * 1000;
static const uint64_t size_max = UINT64_C(1) << 20; /* of bytes that are held back at most */
static const uint64_t rate_max = UINT64_C(1) << 34;
static const uint64_t offset_max = UINT64_C(1) << 50;

struct parser {
    const char *line;
    size_t len;
    size_t start, end; /* of the next word; empty at the end of the line */
    struct command *command;
    struct problem *problem;
};

struct unit {
    const char *word;
    uint64_t factor;
};

static const struct unit times[] = {{"ms", 1}, {"s", 1000}, {NULL, 0}};
static const struct unit sizes[] = {{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {NULL, 0}};

__attribute__((format(printf, 2, 3))) static bool fail(
    struct parser *parser, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    parser->problem->column = (unsigned)parser->start + 1;
    vsnprintf(parser->problem->text, sizeof parser->problem->text, format, arguments);
    va_end(arguments);
    return false;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Where the quoted text that begins at `at` ends, behind its closing quote or with the line. */
static size_t quoted_end(const char *line, size_t len, size_t at)
{
    for (at++; at < len && line[at] != '"'; at++)
        if (line[at] == '\\' && at + 1 < len)
            at++;
    return at < len ? at + 1 : len;
}

static void next(struct parser *parser)
{
    size_t at = parser->end;
    while (at < parser->len && blank(parser->line[at]))
        at++;
    parser->start = at;
    if (at < parser->len && parser->line[at] == '"')
        at = quoted_end(parser->line, parser->len, at);
    while (at < parser->len && !blank(parser->line[at]))
        at++;
    parser->end = at;
}

static bool at_end(const struct parser *parser)
{
    return parser->start == parser->end;
}

static bool is(const struct parser *parser, const char *word)
{
    size_t len = parser->end - parser->start;
    return strlen(word) == len && memcmp(parser->line + parser->start, word, len) == 0;
}

/* Step behind the next word if it is this one. */
static bool skip(struct parser *parser, const char *word)
{
    bool there = is(parser, word);
    if (there)
        next(parser);
    return there;
}

static bool expect(struct parser *parser, const char *word)
{
    return skip(parser, word) || fail(parser, "'%s' is missing", word);
}

/* Where the digits that the next word begins with end. */
static size_t digits_end(const struct parser *parser)
{
    size_t at = parser->start;
    while (at < parser->end && parser->line[at] >= '0' && parser->line[at] <= '9')
        at++;
    return at;
}

/* The number that they are; false: it is beyond 64 bits. */
static bool number(const struct parser *parser, size_t end, uint64_t *value)
{
    *value = 0;
    for (size_t at = parser->start; at < end; at++)
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(parser->line[at] - '0'), value))
            return false;
    return true;
}

/* A number in one of these units, within the bounds in the smallest of them. */
static bool quantity(struct parser *parser, const struct unit *units, const uint64_t bounds[2],
    const char *what, uint64_t *out)
{
    uint64_t value;
    const size_t at = digits_end(parser);
    if (at == parser->start)
        return fail(parser, "%s is missing", what);
    if (!number(parser, at, &value))
        return fail(parser, "the number is too large");
    const size_t len = parser->end - at;
    while (units->word != NULL &&
           (strlen(units->word) != len || memcmp(units->word, parser->line + at, len) != 0))
        units++;
    if (units->word == NULL)
        return fail(parser, "not %s", what);
    if (__builtin_mul_overflow(value, units->factor, &value) || value < bounds[0] ||
        value > bounds[1])
        return fail(parser, "out of range: %llu to %llu", (unsigned long long)bounds[0],
            (unsigned long long)bounds[1]);
    *out = value;
    next(parser);
    return true;
}

static bool time_ms(struct parser *parser, uint64_t *out)
{
    const uint64_t bounds[] = {0, time_max_ms};
    return quantity(parser, times, bounds, "a time such as 20ms or 3s", out);
}

static bool size_upto(struct parser *parser, uint64_t min, uint64_t max, uint64_t *out)
{
    const uint64_t bounds[] = {min, max};
    return quantity(parser, sizes, bounds, "a number such as 100 or 64KiB", out);
}

static bool moment(struct parser *parser)
{
    struct command *command = parser->command;
    if (skip(parser, "at"))
        command->moment = MOMENT_AT;
    else if (skip(parser, "in"))
        command->moment = MOMENT_IN;
    else
        return true;
    return time_ms(parser, &command->moment_ms);
}

static bool pair(struct parser *parser)
{
    if (!skip(parser, "pair"))
        return true;
    size_t len = parser->end - parser->start;
    if (len == 0 || len >= NAME_SIZE)
        return fail(parser, "the name of a pair is missing or too long");
    memcpy(parser->command->pair, parser->line + parser->start, len);
    next(parser);
    return true;
}

static bool connection(struct parser *parser)
{
    return !skip(parser, "connection") ||
           size_upto(parser, 1, offset_max, &parser->command->connection);
}

/* "up", or the end of "of each request": the direction is that of the word read. */
static bool way(struct parser *parser, const char *up, const char *down)
{
    bool *of = parser->command->directions;
    of[UP] = is(parser, up);
    of[DOWN] = !of[UP];
    return skip(parser, up) || expect(parser, down);
}

static bool place(struct parser *parser)
{
    struct command *command = parser->command;
    if (!skip(parser, "after"))
        return true;
    if (!size_upto(parser, 0, offset_max, &command->place_bytes) || !expect(parser, "bytes"))
        return false;
    command->place = PLACE_OFFSET;
    if (!skip(parser, "of"))
        return way(parser, "up", "down");
    command->place = PLACE_TURN;
    return expect(parser, "each") && way(parser, "request", "reply");
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that an escape behind a backslash at `*at` means, or -1; `*at` goes to its last
 * character. */
static int escaped(const char *text, size_t end, size_t *at)
{
    static const char letters[] = "rnt0\\\"", bytes[] = "\r\n\t\0\\\"";
    if (*at + 1 >= end)
        return -1;
    const char c = text[++*at];
    const char *letter = strchr(letters, c);
    if (letter != NULL)
        return (unsigned char)bytes[letter - letters];
    if (c != 'x' || *at + 2 >= end || hex(text[*at + 1]) < 0 || hex(text[*at + 2]) < 0)
        return -1;
    *at += 2;
    return hex(text[*at - 1]) * 16 + hex(text[*at]);
}

static bool text(struct parser *parser)
{
    struct command *command = parser->command;
    const char *line = parser->line;
    const size_t last = parser->end - 1;
    if (at_end(parser) || line[parser->start] != '"')
        return fail(parser, "a text in double quotes is missing");
    if (quoted_end(line, parser->len, parser->start) != parser->end || last == parser->start ||
        line[last] != '"')
        return fail(parser, "the text does not end with a double quote");
    command->text = malloc(last - parser->start);
    if (command->text == NULL)
        return fail(parser, "out of memory");
    size_t at = parser->start + 1;
    for (; at < last; at++) {
        int byte = line[at] == '\\' ? escaped(line, parser->end, &at) : line[at];
        if (byte < 0) {
            parser->start = at;
            return fail(parser, "unknown escape: \\r \\n \\t \\0 \\\\ \\\" \\xHH are known");
        }
        command->text[command->text_len++] = (char)byte;
    }
    if (at != last)
        return fail(parser, "the text does not end with a double quote");
    if (command->text_len == 0)
        return fail(parser, "the text is empty");
    next(parser);
    return true;
}

static bool operand(struct parser *parser, enum operand operand)
{
    uint64_t *amount = &parser->command->amount;
    switch (operand) {
    case OPERAND_NONE:
        return true;
    case OPERAND_TIME:
        return time_ms(parser, amount);
    case OPERAND_RATE:
        return size_upto(parser, 1, rate_max, amount);
    case OPERAND_SIZE:
        return size_upto(parser, 1, size_max, amount);
    case OPERAND_TEXT:
        return text(parser);
    }
    return false;
}

/* Up, down, or, where nothing is said, both. */
static bool directions(struct parser *parser)
{
    bool *of = parser->command->directions;
    if (parser->command->place != PLACE_ANY)
        return true;
    of[UP] = is(parser, "up") || !is(parser, "down");
    of[DOWN] = !is(parser, "up");
    if (!at_end(parser) && of[UP] != of[DOWN])
        next(parser);
    return true;
}

/* Does what stands before the fault go with it? */
static bool judge(struct parser *parser)
{
    const struct command *command = parser->command;
    const struct fault_form *form = &fault_forms[command->fault];
    if (command->connection != 0 && (form->traits & TAKES_CONNECTION) == 0)
        return fail(parser, "%s is not of one connection", form->word);
    if (command->place != PLACE_ANY && (form->traits & TAKES_PLACE) == 0)
        return fail(parser, "%s takes no place", form->word);
    return true;
}

static bool fault(struct parser *parser)
{
    struct command *command = parser->command;
    unsigned kind = 0;
    while (kind < FAULTS && !is(parser, fault_forms[kind].word))
        kind++;
    if (kind == FAULTS)
        return fail(parser, at_end(parser) ? "a fault is missing" : "unknown word");
    const struct fault_form *form = &fault_forms[kind];
    command->fault = (enum fault)kind;
    if (!judge(parser))
        return false;
    next(parser);
    if (!operand(parser, form->operand))
        return false;
    if (form->option != NULL && skip(parser, form->option) && !time_ms(parser, &command->option_ms))
        return false;
    return (form->traits & TAKES_DIRECTION) == 0 || directions(parser);
}

static bool parse(struct parser *parser)
{
    if (!moment(parser) || !pair(parser) || !connection(parser) || !place(parser) || !fault(parser))
        return false;
    return at_end(parser) || fail(parser, "the line goes on behind its command");
}

/* Where a comment begins, outside quotes, or the line ends; blanks before it do not count. */
static size_t content_end(const char *line, size_t len)
{
    size_t end = 0;
    while (end < len && line[end] != '#')
        end = line[end] == '"' ? quoted_end(line, len, end) : end + 1;
    while (end > 0 && blank(line[end - 1]))
        end--;
    return end;
}

/* A log of it, in JSON too, can show all of it. */
static bool all_printable(struct parser *parser)
{
    const size_t word = parser->start;
    for (size_t at = 0; at < parser->len; at++) {
        const char c = parser->line[at];
        parser->start = at;
        if ((c < ' ' && c != '\t') || c > '~')
            return fail(parser, "not printable ASCII");
    }
    parser->start = word;
    return true;
}

enum parsed command_parse(
    const char *line, size_t len, struct command **out, struct problem *problem)
{
    struct parser parser = {.line = line, .problem = problem};
    if (len > 0 && line[len - 1] == '\r')
        len--;
    parser.len = content_end(line, len);
    next(&parser);
    if (at_end(&parser))
        return PARSED_NOTHING;
    const size_t first = parser.start;
    parser.command = calloc(1, sizeof *parser.command + parser.len - first + 1);
    if (parser.command == NULL) {
        fail(&parser, "out of memory");
        return PARSED_PROBLEM;
    }
    parser.command->holders = 1;
    memcpy(parser.command->line, line + first, parser.len - first);
    if (all_printable(&parser) && parse(&parser)) {
        *out = parser.command;
        return PARSED_COMMAND;
    }
    command_release(parser.command);
    return PARSED_PROBLEM;
}

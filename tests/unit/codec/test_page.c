/* SPDX-License-Identifier: MIT */
/* docs/operations.md says what is sent: each cell of its tables is spelled out with the numbers of
 * a command and compared with what the codec makes of that command. */
#include "batch_encode.h"
#include "reply_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/scripts.h"

enum { PAGE_BYTES = 64 * 1024, SENT_BYTES = 1024 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ASK(...)                                                                                   \
    {                                                                                              \
        .prefix = BYTES("ns:"), .key = BYTES("key"), .token = 0xfedcba9876543210,                  \
        .verb = __VA_ARGS__                                                                        \
    }
#define TTL .exptime_s = 61, .ttl_ms = 60500
#define STORE .value = BYTES("hello"), .flags = 7, TTL
#define EXTEND .value = BYTES("hello")
#define COUNTER .delta = 3
#define LEASE .lease = 0x1234, .lease_ms = 2500, .stale_ms = 9001
#define INITIAL .delta = 3, .with_initial = true, .initial = 10, TTL

/* The table's rows. Of one that varies, flags and TTL may be 0 as well. */
static const struct row {
    const char *name;
    struct rc_command command;
    bool varies, two;
} rows[] = {
    {"`GET`", ASK(RC_VERB_GET)},
    {"`GET`, `WANT_CAS`", ASK(RC_VERB_GET, .want_cas = true)},
    {"`GET`, `WANT_TTL`", ASK(RC_VERB_GET, .want_ttl = true)},
    {"`GET` of two keys at once", ASK(RC_VERB_GET), .two = true},
    {"`SET`", ASK(RC_VERB_SET, STORE), .varies = true},
    {"`ADD`", ASK(RC_VERB_ADD, STORE), .varies = true},
    {"`REPLACE`", ASK(RC_VERB_REPLACE, STORE), .varies = true},
    {"`APPEND`", ASK(RC_VERB_APPEND, EXTEND)},
    {"`PREPEND`", ASK(RC_VERB_PREPEND, EXTEND)},
    {"`CAS`", ASK(RC_VERB_CAS, STORE, .cas = 0xabcdef), .varies = true},
    {"`DELETE`", ASK(RC_VERB_DELETE)},
    {"`DELETE`, `cas`", ASK(RC_VERB_DELETE, .cas = 0xabcdef)},
    {"`DELETE`, `leases = yes`", ASK(RC_VERB_DELETE, .leases = true)},
    {"`TOUCH`", ASK(RC_VERB_TOUCH, TTL)},
    {"`TOUCH`, for ever", ASK(RC_VERB_TOUCH)},
    {"`GET_AND_TOUCH`", ASK(RC_VERB_GET_AND_TOUCH, TTL)},
    {"`GET_AND_TOUCH`, for ever", ASK(RC_VERB_GET_AND_TOUCH)},
    {"`GET_AND_TOUCH`, `WANT_CAS`", ASK(RC_VERB_GET_AND_TOUCH, TTL, .want_cas = true)},
    {"`GET_AND_TOUCH`, `WANT_TTL`, for ever", ASK(RC_VERB_GET_AND_TOUCH, .want_ttl = true)},
    {"`INCREMENT`", ASK(RC_VERB_INCREMENT, COUNTER)},
    {"`DECREMENT`", ASK(RC_VERB_DECREMENT, COUNTER)},
    {"`INCREMENT`, `WITH_INITIAL`", ASK(RC_VERB_INCREMENT, INITIAL), .varies = true},
    {"`DECREMENT`, `WITH_INITIAL`", ASK(RC_VERB_DECREMENT, INITIAL), .varies = true},
    {"a fetch reads", ASK(RC_VERB_LEASE, LEASE)},
    {"a fetch fills in", ASK(RC_VERB_FILL, STORE, .cas = 0xabcdef, LEASE), .varies = true},
    {"a fetch gives up", ASK(RC_VERB_UNLEASE, .cas = 0xabcdef, LEASE)},
};

/* Those of the table of what is asked of one server. */
static const struct row questions[] = {
    {"`ringcache_ping`", {.verb = RC_VERB_NOOP}},
    {"`ringcache_server_version`", {.verb = RC_VERB_VERSION}},
    {"`ringcache_server_stats`", {.verb = RC_VERB_STATS}},
    {"`ringcache_server_stats` of a section", {.verb = RC_VERB_STATS, .key = BYTES("items")}},
    {"`ringcache_flush_all_data`", {.verb = RC_VERB_FLUSH}},
    {"`ringcache_server_keys`", {.verb = RC_VERB_KEYS, .number = 17}},
    {"`ringcache_server_keys` in a namespace",
        {.verb = RC_VERB_KEYS, .number = 17, .prefix = BYTES("ns:")}},
};

/* The tables' columns. */
enum { META = 1, CLASSIC = 2, REDIS = 3, QUESTION_COLUMNS = 4, COLUMNS = 6 };

static const struct rc_codec *const codecs[] = {
    [META] = &rc_codec_meta,
    [CLASSIC] = &rc_codec_classic,
    [REDIS] = &rc_codec_resp,
};

/* ---- reading the page ---- */

struct page {
    char bytes[PAGE_BYTES];
    struct rc_slice cells[COUNT(rows)][COLUMNS];
    struct rc_slice asked[COUNT(questions)][COLUMNS];
};

/* Take from `rest` what is before `end`, and `end` with it. */
static bool take_until(struct rc_slice *rest, const char *end, struct rc_slice *taken)
{
    const unsigned char *found = memmem(rest->data, rest->len, end, strlen(end));
    if (found == NULL) {
        return false;
    }
    *taken = rc_slice(rest->data, (size_t)(found - rest->data));
    const unsigned char *next = found + strlen(end);
    *rest = rc_slice(next, (size_t)(rest->data + rest->len - next));
    return true;
}

static void read_cells(struct rc_slice line, size_t columns, struct rc_slice *cells)
{
    struct rc_slice before = {0};
    assert_true(take_until(&line, "| ", &before));
    for (size_t i = 0; i < columns; i++) {
        assert_true(take_until(&line, i + 1 < columns ? " | " : " |", &cells[i]));
    }
    assert_int_equal(line.len, 0);
}

/* The row that is named so. */
static void read_row(
    struct rc_slice *rest, const char *name, size_t columns, struct rc_slice *cells)
{
    struct rc_slice line = {0};
    assert_true(take_until(rest, "\n", &line));
    read_cells(line, columns, cells);
    assert_int_equal(cells[0].len, strlen(name));
    assert_memory_equal(cells[0].data, name, strlen(name));
}

static void read_page(struct page *page)
{
    static const char heading[] = "| operation | memcached meta | memcached classic | Redis | "
                                  "absent | present |\n|---|---|---|---|---|---|\n";
    static const char asked[] =
        "| question | memcached meta | memcached classic | Redis |\n|---|---|---|---|\n";
    struct rc_slice rest = {0}, line = {0};
    FILE *file = fopen(DOCUMENTATION, "rb");
    assert_non_null(file);
    rest = rc_slice(page->bytes, fread(page->bytes, 1, PAGE_BYTES, file));
    fclose(file);
    assert_in_range(rest.len, 1, PAGE_BYTES - 1);
    assert_true(take_until(&rest, heading, &line));
    for (size_t i = 0; i < COUNT(rows); i++) {
        read_row(&rest, rows[i].name, COLUMNS, page->cells[i]);
    }
    assert_true(rc_slice_starts(rest, "\n"));
    assert_true(take_until(&rest, asked, &line));
    for (size_t i = 0; i < COUNT(questions); i++) {
        read_row(&rest, questions[i].name, QUESTION_COLUMNS, page->asked[i]);
    }
    assert_true(rc_slice_starts(rest, "\n"));
}

/* ---- spelling a cell out ---- */

/* What a cell says is sent. */
struct sent {
    int column;
    const struct rc_command *command;
    size_t words, len;
    char bytes[SENT_BYTES];
};

static void put(struct sent *sent, struct rc_slice bytes)
{
    assert_true(bytes.len <= sizeof sent->bytes - sent->len);
    if (bytes.len > 0) {
        memcpy(sent->bytes + sent->len, bytes.data, bytes.len);
    }
    sent->len += bytes.len;
}

static void put_text(struct sent *sent, const char *text)
{
    put(sent, rc_slice_text(text));
}

static bool is(struct rc_slice name, const char *text)
{
    return rc_slice_equal(name, rc_slice_text(text));
}

static uint64_t number_of(const struct rc_command *command, struct rc_slice name)
{
    const struct {
        const char *name;
        uint64_t number;
    } numbers[] = {
        {"e", (uint64_t)command->exptime_s},
        {"ms", (uint64_t)command->ttl_ms},
        {"len", command->value.len},
        {"flags", command->flags},
        {"cas", command->cas},
        {"delta", command->delta},
        {"initial", command->initial},
        {"lease_ms", command->lease_ms},
        {"lease_s", (command->lease_ms + 999) / 1000},
        {"stale_ms", command->stale_ms},
        {"stale_s", (command->stale_ms + 999) / 1000},
        {"cursor", command->number},
    };
    for (size_t i = 0; i < COUNT(numbers); i++) {
        if (is(name, numbers[i].name)) {
            return numbers[i].number;
        }
    }
    fail_msg("<%.*s> stands for nothing", (int)name.len, (const char *)name.data);
    return 0;
}

/* Its SHA-1, or NULL when no script has the name. */
static const char *script_of(struct rc_slice name)
{
    static const char *const names[RC_SCRIPTS_LEN] = {
        [RC_SCRIPT_APPEND] = "APPEND",
        [RC_SCRIPT_PREPEND] = "PREPEND",
        [RC_SCRIPT_CAS] = "CAS",
        [RC_SCRIPT_PERSIST] = "PERSIST",
        [RC_SCRIPT_COUNT] = "COUNT",
        [RC_SCRIPT_READ] = "READ",
        [RC_SCRIPT_DELETE] = "DELETE",
        [RC_SCRIPT_LEASE] = "LEASE",
        [RC_SCRIPT_FILL] = "FILL",
        [RC_SCRIPT_UNLEASE] = "UNLEASE",
    };
    for (size_t i = 0; i < RC_SCRIPTS_LEN; i++) {
        if (is(name, names[i])) {
            return rc_scripts[i].sha1;
        }
    }
    return NULL;
}

static void put_hex(struct sent *sent, uint64_t number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%016" PRIx64, number);
    put_text(sent, digits);
}

static void put_number(struct sent *sent, struct rc_slice name)
{
    char digits[24];
    bool opaque = is(name, "t");
    snprintf(digits, sizeof digits, opaque ? "%08" PRIx64 : "%" PRIu64,
        opaque ? (uint64_t)(uint32_t)sent->command->token : number_of(sent->command, name));
    put_text(sent, digits);
}

/* What `<name>` stands for. */
static void put_meaning(struct sent *sent, struct rc_slice name)
{
    const struct rc_command *command = sent->command;
    const char *script = script_of(name);
    if (is(name, "k") || is(name, "lease")) {
        put(sent, command->prefix);
        put_text(sent, is(name, "lease") ? "ringcache:lease:" : "");
        put(sent, command->key);
    } else if (is(name, "section")) {
        put(sent, command->key);
    } else if (is(name, "namespace")) {
        put(sent, command->prefix);
    } else if (is(name, "value")) {
        put(sent, command->value);
    } else if (script != NULL) {
        put_text(sent, script);
    } else if (is(name, "holder")) {
        put_hex(sent, command->lease);
    } else if (is(name, "t") && sent->column == REDIS) {
        put_hex(sent, command->token);
    } else if (!is(name, "digest")) {
        put_number(sent, name);
    } else if (command->cas != 0) {
        put_hex(sent, command->cas);
    }
}

/* One word: on Redis a bulk, else behind a blank. */
static void put_word(struct sent *sent, struct rc_slice word)
{
    struct sent spelled = {.column = sent->column, .command = sent->command};
    struct rc_slice verbatim = {0}, name = {0};
    while (take_until(&word, "<", &verbatim)) {
        put(&spelled, verbatim);
        assert_true(take_until(&word, ">", &name));
        put_meaning(&spelled, name);
    }
    put(&spelled, word);
    char head[24] = " ";
    if (sent->column == REDIS) {
        snprintf(head, sizeof head, "$%zu\r\n", spelled.len);
    }
    put_text(sent, sent->column == REDIS || sent->words > 0 ? head : "");
    put(sent, rc_slice(spelled.bytes, spelled.len));
    put_text(sent, sent->column == REDIS ? "\r\n" : "");
    sent->words++;
}

static void put_words(struct sent *sent, struct rc_slice words)
{
    struct rc_slice word = {0};
    while (take_until(&words, " ", &word)) {
        if (word.len > 0) {
            put_word(sent, word);
        }
    }
    if (words.len > 0) {
        put_word(sent, words);
    }
}

/* What stands in brackets is sent unless its number is 0. */
static void put_optional(struct sent *sent, struct rc_slice words)
{
    struct rc_slice rest = words, before = {0}, name = {0};
    assert_true(take_until(&rest, "<", &before));
    assert_true(take_until(&rest, ">", &name));
    if (number_of(sent->command, name) != 0) {
        put_words(sent, words);
    }
}

/* One command as the page writes it. */
static void put_command(struct sent *sent, struct rc_slice line)
{
    struct sent body = {.column = sent->column, .command = sent->command};
    struct rc_slice part = {0};
    while (take_until(&line, "[", &part)) {
        put_words(&body, part);
        assert_true(take_until(&line, "]", &part));
        put_optional(&body, part);
    }
    put_words(&body, line);
    if (sent->column == META && sent->command->strict) {
        put_word(&body, rc_slice_text("k"));
    }
    char head[24];
    snprintf(head, sizeof head, "*%zu\r\n", body.words);
    put_text(sent, sent->column == REDIS ? head : "");
    put(sent, rc_slice(body.bytes, body.len));
    put_text(sent, sent->column == REDIS ? "" : "\r\n");
}

static void put_cell(struct sent *sent, struct rc_slice cell)
{
    struct rc_slice before = {0}, line = {0};
    while (take_until(&cell, "`", &before)) {
        assert_true(take_until(&cell, "`", &line));
        put_command(sent, line);
    }
    assert_int_equal(cell.len, 0);
    if (sent->column != REDIS && sent->command->value.data != NULL) {
        put(sent, sent->command->value);
        put_text(sent, "\r\n");
    }
    if (sent->column == REDIS && sent->command->strict) {
        put_command(sent, rc_slice_text("ECHO <t>"));
    }
}

/* ---- comparing ---- */

static struct rc_slice encode_two(const struct rc_codec *codec, const struct rc_command *command)
{
    struct rc_command both[] = {*command, *command};
    both[0].token--; /* tokens of a batch follow one upon the other */
    struct rc_buf out = {0};
    assert_int_equal(batch_encode(codec, &out, both, COUNT(both), command->want_cas), 0);
    struct rc_slice copy = copy_bytes(rc_slice(out.data, out.len));
    rc_buf_deinit(&out);
    return copy;
}

static void check_cell(
    const struct row *row, struct rc_slice cell, int column, const struct rc_command *command)
{
    if (is(cell, "`ENOTSUP`")) {
        check_unsupported(codecs[column], command);
        return;
    }
    struct sent sent = {.column = column, .command = command};
    put_cell(&sent, cell);
    struct rc_slice got =
        row->two ? encode_two(codecs[column], command) : encode_copy(codecs[column], command);
    if (!rc_slice_equal(got, rc_slice(sent.bytes, sent.len))) {
        fail_msg("%s: the page says\n%.*s, but sent is\n%.*s", row->name, (int)sent.len, sent.bytes,
            (int)got.len, (const char *)got.data);
    }
    free_bytes(got);
}

/* With and without flags, with and without a TTL, where the row varies. */
static void check_row(const struct page *page, size_t index, int column, bool strict)
{
    for (unsigned given = rows[index].varies ? 0 : 3; given < 4; given++) {
        struct rc_command command = rows[index].command;
        command.strict = strict;
        if ((given & 1) == 0) {
            command.flags = 0;
        }
        if ((given & 2) == 0) {
            command.exptime_s = command.ttl_ms = 0;
        }
        check_cell(&rows[index], page->cells[index][column], column, &command);
    }
}

static void check_column(const struct page *page, int column, bool strict)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (!strict || !rows[i].two) {
            check_row(page, i, column, strict);
        }
    }
}

static void the_page_has_a_row_for_every_operation(void **state)
{
    (void)state;
    for (int verb = RC_VERB_GET; verb <= RC_VERB_UNLEASE; verb++) {
        size_t found = 0;
        for (size_t i = 0; i < COUNT(rows); i++) {
            found += rows[i].command.verb == (enum rc_verb)verb;
        }
        assert_true(found > 0);
    }
}

static void memcached_is_sent_in_meta_what_the_page_says(void **state)
{
    check_column(*state, META, false);
    check_column(*state, META, true);
}

static void memcached_is_sent_in_classic_text_what_the_page_says(void **state)
{
    check_column(*state, CLASSIC, false);
}

static void redis_is_sent_what_the_page_says(void **state)
{
    check_column(*state, REDIS, false);
    check_column(*state, REDIS, true);
}

static void servers_are_asked_what_the_page_says(void **state)
{
    const struct page *page = *state;
    for (size_t i = 0; i < COUNT(questions); i++) {
        for (int column = META; column <= REDIS; column++) {
            check_cell(&questions[i], page->asked[i][column], column, &questions[i].command);
        }
    }
}

static int open_page(void **state)
{
    struct page *page = calloc(1, sizeof *page);
    assert_non_null(page);
    read_page(page);
    *state = page;
    return 0;
}

static int close_page(void **state)
{
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_has_a_row_for_every_operation),
        cmocka_unit_test(memcached_is_sent_in_meta_what_the_page_says),
        cmocka_unit_test(memcached_is_sent_in_classic_text_what_the_page_says),
        cmocka_unit_test(redis_is_sent_what_the_page_says),
        cmocka_unit_test(servers_are_asked_what_the_page_says),
    };
    return cmocka_run_group_tests(tests, open_page, close_page);
}

/* SPDX-License-Identifier: MIT */
/* Every command of every codec, carried out by real servers: it means the same on each of them. The
 * codecs are asked directly, over a blocking socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "codec/codec.h"
#include "codec/scripts.h"
#include "servers.h"

enum { INPUT_SIZE = 65536, LONG_MS = 100000, AGES_MS = 1000000, MS_PER_S = 1000 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MOST "9223372036854775807"

/* A connection on which one protocol is spoken. */
struct wire {
    const char *name;
    const struct rc_codec *codec;
    struct server server;
    bool strict;
    int fd;
    uint64_t token;
    unsigned second_tries; /* so far */
    unsigned char input[INPUT_SIZE];
};

static bool is_redis(const struct wire *wire)
{
    return wire->server.kind == SERVER_REDIS;
}

static bool is_classic(const struct wire *wire)
{
    return wire->codec == &rc_codec_classic;
}

/* ---- asking ---- */

static void send_command(struct wire *wire, const struct rc_command *command)
{
    struct rc_buf out = {0};
    assert_int_equal(wire->codec->encode(&out, command), 0);
    assert_int_equal(send(wire->fd, out.data, out.len, MSG_NOSIGNAL), (ssize_t)out.len);
    rc_buf_deinit(&out);
}

static struct rc_answer receive_answer(struct wire *wire, const struct rc_expect *expect)
{
    struct rc_decoder decoder = {.limits.max_value_bytes = INPUT_SIZE};
    struct rc_answer answer = {0};
    size_t len = 0, consumed = 0;
    enum rc_decoded got = RC_DECODED_MORE;
    while (got == RC_DECODED_MORE) {
        ssize_t n = recv(wire->fd, wire->input + len, INPUT_SIZE - len, 0);
        if (n <= 0)
            fail_msg("%s: no answer behind %.*s", wire->name, (int)len, (char *)wire->input);
        len += (size_t)n;
        got = wire->codec->decode(&decoder, rc_slice(wire->input, len), expect, &answer, &consumed);
    }
    if (got == RC_DECODED_BAD)
        fail_msg("%s: %s: %.*s", wire->name, (const char *)answer.message.data, (int)len,
            (char *)wire->input);
    assert_int_equal(consumed, len);
    assert_false(answer.close);
    return answer;
}

/* One command and its answer, which is valid until the next. */
static struct rc_answer try_once(struct wire *wire, const struct rc_command *command)
{
    const struct rc_expect expect = {
        .verb = command->verb,
        .strict = command->strict,
        .token = command->token,
        .prefix = command->prefix,
        .key = command->key,
        .want_cas = command->want_cas,
        .want_ttl = command->want_ttl,
        .again = command->again,
        .scripted = wire->codec->scripted != NULL && wire->codec->scripted(command),
    };
    send_command(wire, command);
    return receive_answer(wire, &expect);
}

static struct rc_answer ask(struct wire *wire, struct rc_command command)
{
    command.strict = wire->strict;
    command.token = ++wire->token;
    command.prefix = rc_slice_text("n:");
    if (command.key.len == 0)
        command.key = rc_slice_text("k");
    if (command.exptime_s == 0)
        command.exptime_s = command.ttl_ms / MS_PER_S;
    struct rc_answer answer = try_once(wire, &command);
    if (answer.again) {
        assert_true(
            is_redis(wire) ? wire->codec->scripted(&command) : wire->codec->keeps_key(&command));
        wire->second_tries++;
        command.again = true;
        command.token = ++wire->token;
        answer = try_once(wire, &command);
        assert_false(answer.again);
    }
    return answer;
}

#define ASK(wire, ...) ask((wire), (struct rc_command){.verb = __VA_ARGS__})
#define TEXT(literal) .value = {(const unsigned char *)(literal), sizeof(literal) - 1}

static void put(struct wire *wire, const char *value)
{
    struct rc_command command = {.verb = RC_VERB_SET, .value = rc_slice_text(value)};
    assert_int_equal(ask(wire, command).status, RINGCACHE_OK);
}

static void put_expired(struct wire *wire)
{
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    assert_int_equal(
        ASK(wire, RC_VERB_SET, TEXT("7"), .ttl_ms = 1, .exptime_s = -1).status, RINGCACHE_OK);
    nanosleep(&pause, NULL);
}

/* memcached fills up with spaces what became shorter. */
static void assert_value(const struct rc_answer *answer, const char *value)
{
    size_t len = strlen(value);
    assert_int_equal(answer->status, RINGCACHE_OK);
    assert_true(answer->value.len >= len);
    assert_memory_equal(answer->value.data, value, len);
    for (size_t i = len; i < answer->value.len; i++)
        assert_int_equal(answer->value.data[i], ' ');
}

static void assert_holds(struct wire *wire, const char *value)
{
    struct rc_answer answer = ASK(wire, RC_VERB_GET);
    assert_value(&answer, value);
}

/* `ttl_ms` is what was given, -1 for ever; classic cannot ask. */
static void assert_ttl(struct wire *wire, int64_t ttl_ms)
{
    if (is_classic(wire))
        return;
    int64_t left = ASK(wire, RC_VERB_GET, .want_ttl = true).ttl_ms;
    if (ttl_ms < 0)
        assert_int_equal(left, -1);
    else
        assert_in_range(left, ttl_ms - ttl_ms / 4, ttl_ms);
}

static void assert_counted(const struct rc_answer *answer, uint64_t number)
{
    assert_int_equal(answer->status, RINGCACHE_OK);
    assert_int_equal(answer->number, number);
    assert_int_equal(answer->value.len, 0);
}

static void assert_status(const struct rc_answer *answer, int status)
{
    assert_int_equal(answer->status, status);
}

/* ---- on every protocol ---- */

static void add_stores_what_is_absent_or_expired_alone(void **state)
{
    struct wire *wire = *state;
    assert_int_equal(ASK(wire, RC_VERB_ADD, TEXT("one"), .ttl_ms = LONG_MS).status, RINGCACHE_OK);
    assert_ttl(wire, LONG_MS);
    assert_int_equal(ASK(wire, RC_VERB_ADD, TEXT("two")).status, RINGCACHE_NOT_STORED);
    assert_holds(wire, "one");
    put_expired(wire);
    assert_int_equal(ASK(wire, RC_VERB_ADD, TEXT("three")).status, RINGCACHE_OK);
    assert_holds(wire, "three");
    assert_ttl(wire, -1);
}

static void replace_stores_over_what_is_there_alone(void **state)
{
    struct wire *wire = *state;
    assert_int_equal(ASK(wire, RC_VERB_REPLACE, TEXT("x")).status, RINGCACHE_NOT_STORED);
    put(wire, "one");
    assert_int_equal(
        ASK(wire, RC_VERB_REPLACE, TEXT("two"), .ttl_ms = LONG_MS).status, RINGCACHE_OK);
    assert_holds(wire, "two");
    assert_ttl(wire, LONG_MS);
    put_expired(wire);
    assert_int_equal(ASK(wire, RC_VERB_REPLACE, TEXT("x")).status, RINGCACHE_NOT_STORED);
    assert_int_equal(ASK(wire, RC_VERB_GET).status, RINGCACHE_MISS);
}

static void append_and_prepend_leave_ttl_and_flags(void **state)
{
    struct wire *wire = *state;
    assert_int_equal(ASK(wire, RC_VERB_APPEND, TEXT("x")).status, RINGCACHE_NOT_STORED);
    assert_int_equal(ASK(wire, RC_VERB_PREPEND, TEXT("x")).status, RINGCACHE_NOT_STORED);
    assert_int_equal(ASK(wire, RC_VERB_SET, .ttl_ms = LONG_MS, .flags = 7).status, RINGCACHE_OK);
    assert_int_equal(ASK(wire, RC_VERB_APPEND, TEXT("b\r\n")).status, RINGCACHE_OK);
    assert_int_equal(ASK(wire, RC_VERB_PREPEND, TEXT("\r\na"), .flags = 9).status, RINGCACHE_OK);
    assert_int_equal(ASK(wire, RC_VERB_APPEND, .ttl_ms = AGES_MS).status, RINGCACHE_OK);
    struct rc_answer answer = ASK(wire, RC_VERB_GET);
    assert_value(&answer, "\r\nab\r\n");
    assert_int_equal(answer.flags, is_redis(wire) ? 0 : 7);
    assert_ttl(wire, LONG_MS);
    put_expired(wire);
    assert_int_equal(ASK(wire, RC_VERB_APPEND, TEXT("x")).status, RINGCACHE_NOT_STORED);
    assert_int_equal(ASK(wire, RC_VERB_PREPEND, TEXT("x")).status, RINGCACHE_NOT_STORED);
}

static void cas_stores_while_its_token_holds(void **state)
{
    struct wire *wire = *state;
    assert_int_equal(ASK(wire, RC_VERB_CAS, TEXT("x"), .cas = 1).status, RINGCACHE_MISS);
    assert_int_equal(ASK(wire, RC_VERB_GET, .want_cas = true).status, RINGCACHE_MISS);
    put(wire, "one");
    struct rc_answer answer = ASK(wire, RC_VERB_GET, .want_cas = true);
    assert_value(&answer, "one");
    uint64_t cas = answer.cas;
    assert_int_equal(
        ASK(wire, RC_VERB_CAS, TEXT("two"), .cas = cas, .ttl_ms = LONG_MS).status, RINGCACHE_OK);
    assert_ttl(wire, LONG_MS);
    assert_int_equal(ASK(wire, RC_VERB_CAS, TEXT("x"), .cas = cas).status, RINGCACHE_EXISTS);
    assert_int_equal(ASK(wire, RC_VERB_CAS, TEXT("x"), .cas = 0).status, RINGCACHE_EXISTS);
    assert_int_equal(ASK(wire, RC_VERB_CAS, TEXT("x"), .cas = UINT64_MAX).status, RINGCACHE_EXISTS);
    cas = ASK(wire, RC_VERB_GET_AND_TOUCH, .want_cas = true).cas;
    assert_int_equal(ASK(wire, RC_VERB_CAS, TEXT("three"), .cas = cas).status, RINGCACHE_OK);
    assert_holds(wire, "three");
    assert_ttl(wire, -1);
}

static void touch_gives_a_new_ttl_or_takes_it_away(void **state)
{
    struct wire *wire = *state;
    assert_int_equal(ASK(wire, RC_VERB_TOUCH, .ttl_ms = LONG_MS).status, RINGCACHE_MISS);
    assert_int_equal(ASK(wire, RC_VERB_TOUCH).status, RINGCACHE_MISS);
    put(wire, "one");
    assert_ttl(wire, -1);
    assert_int_equal(ASK(wire, RC_VERB_TOUCH, .ttl_ms = LONG_MS).status, RINGCACHE_OK);
    assert_ttl(wire, LONG_MS);
    assert_int_equal(ASK(wire, RC_VERB_TOUCH).status, RINGCACHE_OK);
    assert_ttl(wire, -1);
    assert_int_equal(ASK(wire, RC_VERB_TOUCH).status, RINGCACHE_OK);
    assert_holds(wire, "one");
    put_expired(wire);
    assert_int_equal(ASK(wire, RC_VERB_TOUCH).status, RINGCACHE_MISS);
}

static void get_and_touch_answers_the_value_and_gives_a_new_ttl(void **state)
{
    struct wire *wire = *state;
    assert_int_equal(ASK(wire, RC_VERB_GET_AND_TOUCH, .ttl_ms = LONG_MS).status, RINGCACHE_MISS);
    assert_int_equal(ASK(wire, RC_VERB_GET_AND_TOUCH, .want_cas = true).status, RINGCACHE_MISS);
    assert_int_equal(ASK(wire, RC_VERB_SET, TEXT("one"), .flags = 7).status, RINGCACHE_OK);
    struct rc_answer answer = ASK(wire, RC_VERB_GET_AND_TOUCH, .ttl_ms = LONG_MS);
    assert_value(&answer, "one");
    assert_int_equal(answer.flags, is_redis(wire) ? 0 : 7);
    assert_ttl(wire, LONG_MS);
    answer = ASK(wire, RC_VERB_GET_AND_TOUCH);
    assert_value(&answer, "one");
    assert_ttl(wire, -1);
    put_expired(wire);
    assert_int_equal(ASK(wire, RC_VERB_GET_AND_TOUCH).status, RINGCACHE_MISS);
}

static void the_ttl_of_a_get_and_touch_is_the_new_one(void **state)
{
    struct wire *wire = *state;
    put(wire, "one");
    struct rc_answer answer = ASK(wire, RC_VERB_GET_AND_TOUCH, .want_ttl = true, .ttl_ms = LONG_MS);
    assert_value(&answer, "one");
    assert_in_range(answer.ttl_ms, LONG_MS - MS_PER_S, LONG_MS);
    answer = ASK(wire, RC_VERB_GET_AND_TOUCH, .want_ttl = true, .want_cas = true);
    assert_int_equal(answer.ttl_ms, -1);
    assert_true(answer.cas != 0);
}

static void counters_count_up_and_down_to_nought(void **state)
{
    struct wire *wire = *state;
    assert_int_equal(ASK(wire, RC_VERB_INCREMENT, .delta = 1).status, RINGCACHE_MISS);
    assert_int_equal(ASK(wire, RC_VERB_DECREMENT, .delta = 1).status, RINGCACHE_MISS);
    assert_int_equal(ASK(wire, RC_VERB_SET, TEXT("98"), .ttl_ms = LONG_MS).status, RINGCACHE_OK);
    struct rc_answer answer = ASK(wire, RC_VERB_INCREMENT, .delta = 5);
    assert_counted(&answer, 103);
    answer = ASK(wire, RC_VERB_DECREMENT, .delta = 98);
    assert_counted(&answer, 5);
    assert_holds(wire, "5");
    answer = ASK(wire, RC_VERB_INCREMENT, .delta = 0);
    assert_counted(&answer, 5);
    answer = ASK(wire, RC_VERB_DECREMENT, .delta = 5);
    assert_counted(&answer, 0);
    answer = ASK(wire, RC_VERB_DECREMENT, .delta = INT64_MAX);
    assert_counted(&answer, 0);
    assert_holds(wire, "0");
    assert_ttl(wire, LONG_MS);
    put_expired(wire);
    assert_int_equal(ASK(wire, RC_VERB_INCREMENT, .delta = 1).status, RINGCACHE_MISS);
}

static void a_counter_that_is_absent_begins_with_its_initial_value(void **state)
{
    struct wire *wire = *state;
    struct rc_command count = {.verb = RC_VERB_INCREMENT,
        .delta = 5,
        .with_initial = true,
        .initial = 10,
        .ttl_ms = LONG_MS};
    struct rc_answer answer = ask(wire, count);
    assert_counted(&answer, 10);
    assert_ttl(wire, LONG_MS);
    count.ttl_ms = AGES_MS;
    answer = ask(wire, count);
    assert_counted(&answer, 15);
    assert_ttl(wire, LONG_MS);
    put_expired(wire);
    count.verb = RC_VERB_DECREMENT;
    count.ttl_ms = 0;
    count.initial = INT64_MAX;
    answer = ask(wire, count);
    assert_counted(&answer, INT64_MAX);
    assert_ttl(wire, -1);
    answer = ask(wire, count);
    assert_counted(&answer, INT64_MAX - 5);
}

static void a_sum_beyond_the_range_is_not_stored(void **state)
{
    struct wire *wire = *state;
    static const char *const values[] = {"9223372036854775806", "1", "4611686018427387904"};
    static const uint64_t too_much[] = {2, INT64_MAX, INT64_MAX};
    for (size_t i = 0; i < COUNT(values); i++) {
        put(wire, values[i]);
        struct rc_answer answer = ASK(wire, RC_VERB_INCREMENT, .delta = too_much[i]);
        assert_status(&answer, RINGCACHE_NOT_STORED);
        assert_holds(wire, values[i]);
    }
    put(wire, "9223372036854775806");
    struct rc_answer answer = ASK(wire, RC_VERB_INCREMENT, .delta = 1);
    assert_counted(&answer, INT64_MAX);
    assert_holds(wire, MOST);
    answer = ASK(wire, RC_VERB_DECREMENT, .delta = INT64_MAX);
    assert_counted(&answer, 0);
}

static void what_is_no_number_is_not_counted_and_the_connection_goes_on(void **state)
{
    struct wire *wire = *state;
    static const char *const values[] = {"abc", "", "-5", "1x", "36893488147419103232"};
    for (size_t i = 0; i < COUNT(values); i++) {
        put(wire, values[i]);
        struct rc_answer answer = ASK(wire, RC_VERB_INCREMENT, .delta = 1);
        assert_status(&answer, RINGCACHE_ESERVER);
        assert_true(answer.message.len > 0);
        answer = ASK(wire, RC_VERB_DECREMENT, .delta = 1);
        assert_status(&answer, RINGCACHE_ESERVER);
        answer = ASK(wire, RC_VERB_GET);
        assert_int_equal(answer.value.len, strlen(values[i]));
        assert_holds(wire, values[i]);
    }
}

static void keys_are_deleted_once_and_the_fence_answers(void **state)
{
    struct wire *wire = *state;
    put(wire, "one");
    assert_int_equal(ASK(wire, RC_VERB_DELETE).status, RINGCACHE_OK);
    assert_int_equal(ASK(wire, RC_VERB_DELETE).status, RINGCACHE_MISS);
    assert_int_equal(ASK(wire, RC_VERB_NOOP).status, RINGCACHE_OK);
}

static void values_of_every_byte_come_back(void **state)
{
    struct wire *wire = *state;
    unsigned char all[256];
    for (unsigned i = 0; i < sizeof all; i++)
        all[i] = (unsigned char)i;
    struct rc_command command = {.verb = RC_VERB_ADD, .value = rc_slice(all, sizeof all)};
    assert_int_equal(ask(wire, command).status, RINGCACHE_OK);
    struct rc_answer answer = ASK(wire, RC_VERB_GET, .want_cas = true);
    assert_true(rc_slice_equal(answer.value, command.value));
    answer = ASK(wire, RC_VERB_GET_AND_TOUCH);
    assert_true(rc_slice_equal(answer.value, command.value));
    assert_int_equal(ASK(wire, RC_VERB_SET).status, RINGCACHE_OK);
    answer = ASK(wire, RC_VERB_GET, .want_cas = true);
    assert_status(&answer, RINGCACHE_OK);
    assert_int_equal(answer.value.len, 0);
}

/* ---- on Redis alone ---- */

/* `command` inline, past the codec. */
static void tell(struct wire *wire, const char *command, const char *end)
{
    char reply[256] = "";
    assert_true(server_ask(wire->fd, command, end, reply, sizeof reply));
}

static void values_of_another_type_are_refused_in_the_servers_words(void **state)
{
    struct wire *wire = *state;
    static const struct rc_command commands[] = {{.verb = RC_VERB_GET},
        {.verb = RC_VERB_GET, .want_cas = true}, {.verb = RC_VERB_GET_AND_TOUCH},
        {.verb = RC_VERB_GET_AND_TOUCH, .want_ttl = true}, {.verb = RC_VERB_APPEND, TEXT("x")},
        {.verb = RC_VERB_PREPEND, TEXT("x")}, {.verb = RC_VERB_CAS, TEXT("x")},
        {.verb = RC_VERB_INCREMENT, .delta = 1},
        {.verb = RC_VERB_DECREMENT, .delta = 1, .with_initial = true}};
    tell(wire, "RPUSH n:k x\r\n", ":1\r\n");
    for (size_t i = 0; i < COUNT(commands); i++) {
        struct rc_answer answer = ask(wire, commands[i]);
        assert_status(&answer, RINGCACHE_ESERVER);
        assert_true(rc_slice_starts(answer.message, "WRONGTYPE "));
    }
    assert_int_equal(ASK(wire, RC_VERB_TOUCH).status, RINGCACHE_OK);
    assert_int_equal(ASK(wire, RC_VERB_TOUCH, .ttl_ms = LONG_MS).status, RINGCACHE_OK);
    tell(wire, "LLEN n:k\r\n", ":1\r\n");
}

static void scripts_that_were_forgotten_are_known_once_sent_whole(void **state)
{
    struct wire *wire = *state;
    static const struct rc_command commands[] = {{.verb = RC_VERB_GET, .want_cas = true},
        {.verb = RC_VERB_GET_AND_TOUCH, .want_ttl = true}, {.verb = RC_VERB_APPEND, TEXT("1")},
        {.verb = RC_VERB_PREPEND, TEXT("1")}, {.verb = RC_VERB_TOUCH},
        {.verb = RC_VERB_INCREMENT, .delta = 1}, {.verb = RC_VERB_DECREMENT, .delta = 1}};
    put(wire, "5");
    for (size_t i = 0; i < COUNT(commands); i++) {
        tell(wire, "SCRIPT FLUSH\r\n", "+OK\r\n");
        for (unsigned round = 0; round < 2; round++) {
            unsigned before = wire->second_tries;
            assert_int_equal(ask(wire, commands[i]).status, RINGCACHE_OK);
            assert_int_equal(wire->second_tries - before, round == 0 ? 1 : 0);
        }
    }
    tell(wire, "SCRIPT FLUSH\r\n", "+OK\r\n");
    assert_int_equal(ASK(wire, RC_VERB_CAS, TEXT("x")).status, RINGCACHE_EXISTS);
}

static void scripts_bear_the_names_that_the_server_gives_them(void **state)
{
    struct wire *wire = *state;
    for (size_t i = 0; i < RC_SCRIPTS_LEN; i++) {
        const struct rc_script *script = &rc_scripts[i];
        char command[2048], name[64];
        int len =
            snprintf(command, sizeof command, "*3\r\n$6\r\nSCRIPT\r\n$4\r\nLOAD\r\n$%zu\r\n%s\r\n",
                strlen(script->text), script->text);
        assert_in_range(len, 1, (int)sizeof command - 1);
        snprintf(name, sizeof name, "$40\r\n%s\r\n", script->sha1);
        tell(wire, command, name);
    }
}

static void a_server_without_memory_refuses_and_changes_nothing(void **state)
{
    struct wire *wire = *state;
    static const struct rc_command commands[] = {{.verb = RC_VERB_ADD, TEXT("x")},
        {.verb = RC_VERB_APPEND, TEXT("x")}, {.verb = RC_VERB_PREPEND, TEXT("x")},
        {.verb = RC_VERB_INCREMENT, .delta = 1}, {.verb = RC_VERB_DECREMENT, .delta = INT64_MAX}};
    put(wire, "5");
    tell(wire, "CONFIG SET maxmemory 1\r\n", "+OK\r\n");
    for (size_t i = 0; i < COUNT(commands); i++) {
        struct rc_answer answer = ask(wire, commands[i]);
        assert_status(&answer, RINGCACHE_ESERVER);
        assert_true(rc_slice_starts(answer.message, "OOM "));
    }
    assert_holds(wire, "5");
    tell(wire, "CONFIG SET maxmemory 0\r\n", "+OK\r\n");
}

/* ---- running each on each ---- */

static int open_wire(void **state)
{
    struct wire *wire = *state;
    wire->fd = server_connect(&wire->server);
    if (wire->fd < 0)
        return -1;
    return ASK(wire, RC_VERB_DELETE).status < 0;
}

static int close_wire(void **state)
{
    struct wire *wire = *state;
    return close(wire->fd);
}

#define PROVED(test) cmocka_unit_test_setup_teardown(test, open_wire, close_wire)
#define FOR_WIRE(tests, wire)                                                                      \
    do {                                                                                           \
        for (size_t i = 0; i < COUNT(tests); i++)                                                  \
            (tests)[i].initial_state = (wire);                                                     \
    } while (0)

static int run_alike(struct wire *wire)
{
    struct CMUnitTest tests[] = {
        PROVED(add_stores_what_is_absent_or_expired_alone),
        PROVED(replace_stores_over_what_is_there_alone),
        PROVED(append_and_prepend_leave_ttl_and_flags),
        PROVED(cas_stores_while_its_token_holds),
        PROVED(touch_gives_a_new_ttl_or_takes_it_away),
        PROVED(get_and_touch_answers_the_value_and_gives_a_new_ttl),
        PROVED(counters_count_up_and_down_to_nought),
        PROVED(a_sum_beyond_the_range_is_not_stored),
        PROVED(what_is_no_number_is_not_counted_and_the_connection_goes_on),
        PROVED(keys_are_deleted_once_and_the_fence_answers),
        PROVED(values_of_every_byte_come_back),
    };
    FOR_WIRE(tests, wire);
    return cmocka_run_group_tests_name(wire->name, tests, NULL, NULL);
}

static int run_beyond_classic(struct wire *wire)
{
    struct CMUnitTest tests[] = {
        PROVED(the_ttl_of_a_get_and_touch_is_the_new_one),
        PROVED(a_counter_that_is_absent_begins_with_its_initial_value),
    };
    FOR_WIRE(tests, wire);
    return cmocka_run_group_tests_name(wire->name, tests, NULL, NULL);
}

static int run_on_redis(struct wire *wire)
{
    struct CMUnitTest tests[] = {
        PROVED(values_of_another_type_are_refused_in_the_servers_words),
        PROVED(scripts_that_were_forgotten_are_known_once_sent_whole),
        PROVED(scripts_bear_the_names_that_the_server_gives_them),
        PROVED(a_server_without_memory_refuses_and_changes_nothing),
    };
    FOR_WIRE(tests, wire);
    return cmocka_run_group_tests_name(wire->name, tests, NULL, NULL);
}

static int run(struct wire wire)
{
    if (!server_start(&wire.server))
        return 1;
    int failed = run_alike(&wire);
    if (!is_classic(&wire))
        failed += run_beyond_classic(&wire);
    if (is_redis(&wire))
        failed += run_on_redis(&wire);
    server_discard(&wire.server);
    return failed;
}

int main(void)
{
    const struct server memcached = {.kind = SERVER_MEMCACHED}, redis = {.kind = SERVER_REDIS};
    if (!servers_available())
        return 77;
    int failed = run((struct wire){"meta", &rc_codec_meta, memcached, .strict = false});
    failed += run((struct wire){"meta, strict", &rc_codec_meta, memcached, .strict = true});
    failed += run((struct wire){"classic", &rc_codec_classic, memcached, .strict = false});
    failed += run((struct wire){"redis", &rc_codec_resp, redis, .strict = false});
    failed += run((struct wire){"redis, strict", &rc_codec_resp, redis, .strict = true});
    return failed != 0;
}

/* SPDX-License-Identifier: MIT */
#include "talk.h"

#include <stdio.h>
#include <string.h>

#include "codec/scripts.h"
#include "engine/sha1.h"

static const char not_loaded[] = "-NOSCRIPT No matching script. Please use EVAL.\r\n";

/* One step on a connection of its own. */
static void check_step(
    struct engine *e, const struct exchange_script *step, enum exchange_naming naming)
{
    struct sim_bytes send = {0};
    exchange_script_bytes(step, naming, &send);
    struct talk t = talk_to(e, sim_bytes_view(&send), 7);
    assert_reply(&t, rc_slice_text(step->reply), step->words[0]);
    sim_bytes_deinit(&send);
}

static void load_all(struct engine *e)
{
    struct sim_bytes send = {0}, reply = {0};
    for (size_t i = 0; i < RC_SCRIPTS_LEN; i++) {
        char line[64];
        snprintf(line, sizeof line, "$40\r\n%s\r\n", rc_scripts[i].sha1);
        sim_bytes_text(&reply, line);
    }
    exchange_load_bytes(&send);
    struct talk t = talk_to(e, sim_bytes_view(&send), 65536);
    assert_reply(&t, sim_bytes_view(&reply), "SCRIPT LOAD");
    sim_bytes_deinit(&send);
    sim_bytes_deinit(&reply);
}

static void a_loaded_script_answers_as_on_a_real_server(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    load_all(e);
    for (size_t i = 0; i < exchange_scripts_count; i++) {
        check_step(e, &exchange_scripts[i], EXCHANGE_BY_DIGEST);
    }
    engine_free(e);
}

static void a_script_sent_as_text_answers_as_on_a_real_server(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    for (size_t i = 0; i < exchange_scripts_count; i++) {
        check_step(e, &exchange_scripts[i], EXCHANGE_BY_TEXT);
    }
    engine_free(e);
}

/* Is every script known, or none? */
static void assert_known(struct engine *e, bool known)
{
    for (int i = 0; i < RC_SCRIPTS_LEN; i++) {
        char line[64];
        snprintf(line, sizeof line, "SCRIPT EXISTS %s\r\n", rc_scripts[i].sha1);
        expect(e, line, known ? "*1\r\n:1\r\n" : "*1\r\n:0\r\n");
        if (!known) {
            struct exchange_script step = {i, {"k"}, not_loaded};
            check_step(e, &step, EXCHANGE_BY_DIGEST);
        }
    }
}

static void a_script_is_unknown_until_it_was_loaded(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    assert_known(e, false);
    load_all(e);
    assert_known(e, true);
    engine_free(e);
}

static void a_script_once_sent_as_text_is_known_by_its_digest(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    static const struct exchange_script unknown = {RC_SCRIPT_PERSIST, {"k"}, not_loaded};
    static const struct exchange_script known = {RC_SCRIPT_PERSIST, {"k"}, ":0\r\n"};
    check_step(e, &unknown, EXCHANGE_BY_DIGEST);
    check_step(e, &known, EXCHANGE_BY_TEXT);
    check_step(e, &known, EXCHANGE_BY_DIGEST);
    engine_free(e);
}

static void scripts_are_forgotten_when_flushed_and_at_a_restart(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    load_all(e);
    expect(e, "SCRIPT FLUSH\r\n", "+OK\r\n");
    assert_known(e, false);
    load_all(e);
    expect(e, "FLUSHALL\r\n", "+OK\r\n");
    assert_known(e, true);
    engine_restart(e, true);
    assert_known(e, false);
    engine_free(e);
}

static void a_text_that_the_engine_does_not_know_is_refused(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    expect(e, "SCRIPT LOAD text\r\nEVAL text 0\r\nPING\r\n",
        "-ERR Error compiling script (new function): user_script:1: none that this engine knows\r\n"
        "-ERR Error compiling script (new function): user_script:1: none that this engine knows\r\n"
        "+PONG\r\n");
    engine_free(e);
}

/* What it would read is nil, which no command of its takes. */
static void a_script_without_its_key_fails_inside(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    for (int script = 0; script < RC_SCRIPTS_LEN; script++) {
        char send[2048];
        const char *text = rc_scripts[script].text;
        snprintf(
            send, sizeof send, "*3\r\n$4\r\nEVAL\r\n$%zu\r\n%s\r\n$1\r\n0\r\n", strlen(text), text);
        expect(e, send, "-ERR Lua redis lib command arguments must be strings or integers\r\n");
    }
    assert_int_equal(engine_items(e, 0), 0);
    engine_free(e);
}

static void a_script_reads_the_ttl_to_the_millisecond(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    load_all(e);
    engine_put(e, 0, "k", rc_slice_text("v"), 100);
    engine_set_time(e, START_MS + 99, WALL_S);
    static const struct exchange_script steps[] = {
        {RC_SCRIPT_READ, {"k", "0"}, "*3\r\n$1\r\nv\r\n$0\r\n\r\n:1\r\n"},
        {RC_SCRIPT_READ, {"k", "0", "PX", "70"}, "*3\r\n$1\r\nv\r\n$0\r\n\r\n:70\r\n"},
        {RC_SCRIPT_CAS, {"k", "w", "7a38d8cbd20d9932", "50"}, "+OK\r\n"},
        {RC_SCRIPT_READ, {"k", "0"}, "*3\r\n$1\r\nw\r\n$0\r\n\r\n:50\r\n"},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        check_step(e, &steps[i], EXCHANGE_BY_DIGEST);
    }
    engine_set_time(e, START_MS + 149, WALL_S);
    static const struct exchange_script gone = {RC_SCRIPT_READ, {"k", "0"}, "$-1\r\n"};
    check_step(e, &gone, EXCHANGE_BY_DIGEST);
    engine_free(e);
}

static void a_script_counts_as_one_command_with_its_key(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    static const struct exchange_script append = {RC_SCRIPT_APPEND, {"k", "v"}, "+OK\r\n"};
    engine_put(e, 0, "k", rc_slice_text("v"), 0);
    check_step(e, &append, EXCHANGE_BY_TEXT);
    check_step(e, &append, EXCHANGE_BY_DIGEST);
    assert_string_equal(engine_get(e, 0, "k")->value, "vvv");
    assert_int_equal(engine_count(e, "eval"), 1);
    assert_int_equal(engine_count(e, "evalsha"), 1);
    assert_int_equal(engine_count(e, ""), 2);
    assert_int_equal(engine_count_keyed(e), 2);
    engine_free(e);
}

/* The library's texts, and the lengths around a block. */
static void a_digest_is_the_sha1_of_the_text(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        const char *hex;
    } of_a[] = {
        {0, "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {1, "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"},
        {55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"},
        {56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"},
        {63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"},
        {64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"},
        {65, "11655326c708d70319be2610e8a57d9a5b959d3b"},
        {119, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56"},
        {120, "f34c1488385346a55709ba056ddd08280dd4c6d6"},
        {128, "ad5b3fdbcb526778c2839d2f151ea753995e26a0"},
    };
    char hex[SHA1_HEX + 1], text[128];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof of_a / sizeof of_a[0]; i++) {
        sha1_hex(rc_slice(text, of_a[i].len), hex);
        assert_string_equal(hex, of_a[i].hex);
    }
    for (size_t i = 0; i < RC_SCRIPTS_LEN; i++) {
        sha1_hex(rc_slice_text(rc_scripts[i].text), hex);
        assert_string_equal(hex, rc_scripts[i].sha1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loaded_script_answers_as_on_a_real_server),
        cmocka_unit_test(a_script_sent_as_text_answers_as_on_a_real_server),
        cmocka_unit_test(a_script_is_unknown_until_it_was_loaded),
        cmocka_unit_test(a_script_once_sent_as_text_is_known_by_its_digest),
        cmocka_unit_test(scripts_are_forgotten_when_flushed_and_at_a_restart),
        cmocka_unit_test(a_text_that_the_engine_does_not_know_is_refused),
        cmocka_unit_test(a_script_without_its_key_fails_inside),
        cmocka_unit_test(a_script_reads_the_ttl_to_the_millisecond),
        cmocka_unit_test(a_script_counts_as_one_command_with_its_key),
        cmocka_unit_test(a_digest_is_the_sha1_of_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

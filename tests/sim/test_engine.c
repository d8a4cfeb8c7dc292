/* SPDX-License-Identifier: MIT */
#include "talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/scripts.h"

enum { WHOLE = 65536 }; /* longer than any exchange */

static void memcached_answers_as_the_real_one_byte_for_byte(void **state)
{
    (void)state;
    check_table(engine_of(ENGINE_MEMCACHED), &exchange_memcached, WHOLE);
    check_table(engine_of(ENGINE_MEMCACHED), &exchange_memcached_operations, WHOLE);
    check_table(engine_of(ENGINE_MEMCACHED), &exchange_memcached_numbers, WHOLE);
}

static void memcached_answers_alike_however_its_input_is_split(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= 7; piece += 2) {
        check_table(engine_of(ENGINE_MEMCACHED), &exchange_memcached, piece);
        check_table(engine_of(ENGINE_MEMCACHED), &exchange_memcached_operations, piece);
        check_table(engine_of(ENGINE_MEMCACHED), &exchange_memcached_numbers, piece);
    }
}

static void redis_answers_as_the_real_one_byte_for_byte(void **state)
{
    (void)state;
    check_table(engine_of(ENGINE_REDIS), &exchange_redis, WHOLE);
    check_table(engine_of(ENGINE_REDIS), &exchange_redis_operations, WHOLE);
}

static void redis_answers_alike_however_its_input_is_split(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= 7; piece += 2) {
        check_table(engine_of(ENGINE_REDIS), &exchange_redis, piece);
        check_table(engine_of(ENGINE_REDIS), &exchange_redis_operations, piece);
    }
}

static void redis_with_a_password_answers_as_the_real_one(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= 7; piece += 2) {
        struct engine *e = engine_of(ENGINE_REDIS);
        engine_set_password(e, NULL, "secret");
        check_table(e, &exchange_redis_auth, piece);
    }
}

static void memcached_with_a_password_answers_as_the_real_one(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= 7; piece += 2) {
        struct engine *e = engine_of(ENGINE_MEMCACHED);
        engine_set_password(e, "cart", "sesame");
        check_table(e, &exchange_memcached_auth, piece);
        check_table(engine_of(ENGINE_MEMCACHED), &exchange_memcached_no_auth, piece);
    }
}

static void redis_lets_a_named_user_in_by_name_alone(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    engine_set_password(e, "app", "secret");
    expect(e, "AUTH app secret\r\nPING\r\n", "+OK\r\n+PONG\r\n");
    expect(
        e, "AUTH secret\r\n", "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    engine_free(e);
}

static void an_item_too_large_is_refused_and_its_old_value_is_gone(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_MEMCACHED);
    struct sim_bytes send = {0};
    char *value = sim_alloc(1048576);
    memset(value, 'x', 1048576);
    sim_bytes_text(&send, "ms z 1048516\r\n");
    sim_bytes_append(&send, value, 1048516);
    sim_bytes_text(&send, "\r\nms z 1048517 q\r\n");
    sim_bytes_append(&send, value, 1048517);
    sim_bytes_text(&send, "\r\nmg z v\r\n");
    struct talk t = talk_to(e, sim_bytes_view(&send), 1000);
    assert_reply(&t, rc_slice_text("HD\r\nSERVER_ERROR object too large for cache\r\nEN\r\n"),
        "two large values");
    free(value);
    sim_bytes_deinit(&send);
    engine_free(e);
}

static void a_value_too_large_is_passed_over_in_silence_for_noreply(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_MEMCACHED);
    char send[400];
    engine_set_max_item(e, 100);
    snprintf(
        send, sizeof send, "set k 0 0 1\r\nv\r\nset k 0 0 200 noreply\r\n%0200d\r\nmg k v\r\n", 0);
    expect(e, send, "STORED\r\nEN\r\n");
    engine_free(e);
}

static void redis_gives_up_a_line_that_does_not_end(void **state)
{
    (void)state;
    static const char *const openings[] = {"", "*", "*1\r\n$"};
    static const char *const words[] = {
        "inline request", "mbulk count string", "bulk count string"};
    enum { LINE_MAX_BYTES = 65536 };
    static char line[LINE_MAX_BYTES + 16];
    for (size_t i = 0; i < 3; i++) {
        char reply[80];
        struct engine *e = engine_of(ENGINE_REDIS);
        size_t opening = strlen(openings[i]);
        size_t header = i == 2 ? strlen("*1\r\n") : 0; /* a line of its own */
        memset(line, '1', sizeof line);
        memcpy(line, openings[i], opening);
        struct talk t = talk_to(e, rc_slice(line, header + LINE_MAX_BYTES), WHOLE);
        assert_false(t.ended);
        assert_reply(&t, rc_slice(NULL, 0), "a line of 64 KiB");
        t = talk_to(e, rc_slice(line, header + LINE_MAX_BYTES + 1), WHOLE * 2);
        assert_true(t.ended);
        snprintf(reply, sizeof reply, "-ERR Protocol error: too big %s\r\n", words[i]);
        assert_reply(&t, rc_slice_text(reply), "a longer line");
        engine_free(e);
    }
}

static void memcached_expires_by_whole_seconds_of_its_clock(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_MEMCACHED);
    engine_set_time(e, 5900, WALL_S);
    expect(e, "ms k 2 T2\r\nhi\r\n", "HD\r\n");
    engine_set_time(e, 6999, WALL_S + 1);
    expect(e, "mg k t\r\n", "HD t1\r\n");
    engine_set_time(e, 7000, WALL_S + 1);
    expect(e, "mg k\r\n", "EN\r\n");
    engine_free(e);
}

static void a_ttl_beyond_thirty_days_is_a_date(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_MEMCACHED);
    char send[64];
    snprintf(send, sizeof send, "ms k 2 T%d\r\nhi\r\nmg k t\r\n", WALL_S + 60);
    expect(e, send, "HD\r\nHD t60\r\n");
    engine_free(e);
}

static void redis_expires_to_the_millisecond(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    expect(e, "SET k v PX 10\r\n", "+OK\r\n");
    engine_set_time(e, START_MS + 9, WALL_S);
    expect(e, "GET k\r\n", "$1\r\nv\r\n");
    engine_set_time(e, START_MS + 10, WALL_S);
    expect(e, "GET k\r\n", "$-1\r\n");
    engine_free(e);
}

static void a_touched_item_lives_as_long_as_it_was_told(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_MEMCACHED);
    expect(e, "set a 0 1 1\r\n1\r\nset b 0 1 1\r\n1\r\nset c 0 1 1\r\n1\r\nset d 0 1 1\r\n1\r\n",
        "STORED\r\nSTORED\r\nSTORED\r\nSTORED\r\n");
    expect(e, "touch a 3\r\ngat 3 b\r\nmg c T3\r\nma d T3\r\n",
        "TOUCHED\r\nVALUE b 0 1\r\n1\r\nEND\r\nHD\r\nHD\r\n");
    engine_set_time(e, START_MS + 2999, WALL_S + 2);
    expect(e, "mg a t\r\nmg b t\r\nmg c t\r\nmg d t\r\n", "HD t1\r\nHD t1\r\nHD t1\r\nHD t1\r\n");
    engine_set_time(e, START_MS + 3000, WALL_S + 3);
    expect(e, "touch a 3\r\ngat 3 b\r\nmg c\r\nincr d 1\r\n",
        "NOT_FOUND\r\nEND\r\nEN\r\nNOT_FOUND\r\n");
    engine_free(e);
}

static void what_changes_a_redis_value_keeps_its_ttl(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    expect(e, "SET k 1 PX 1000\r\n", "+OK\r\n");
    engine_set_time(e, START_MS + 400, WALL_S);
    expect(e, "INCR k\r\nAPPEND k 0\r\nSET k 5 KEEPTTL\r\nDECRBY k 9\r\nPTTL k\r\nTTL k\r\n",
        ":2\r\n:2\r\n+OK\r\n:-4\r\n:600\r\n:1\r\n");
    engine_set_time(e, START_MS + 501, WALL_S);
    expect(e, "PTTL k\r\nTTL k\r\n", ":499\r\n:0\r\n");
    expect(e, "GETEX k PX 20\r\nPTTL k\r\n", "$2\r\n-4\r\n:20\r\n");
    expect(e, "PEXPIRE k 30\r\nPTTL k\r\n", ":1\r\n:30\r\n");
    engine_set_time(e, START_MS + 530, WALL_S);
    expect(e, "PTTL k\r\n", ":1\r\n");
    engine_set_time(e, START_MS + 531, WALL_S);
    expect(e, "EXISTS k\r\nPTTL k\r\nPEXPIRE k 30\r\nGETEX k\r\nINCR k\r\nPTTL k\r\n",
        ":0\r\n:-2\r\n:0\r\n$-1\r\n:1\r\n:-1\r\n");
    engine_free(e);
}

static void a_connection_too_many_is_told_so_and_refused(void **state)
{
    (void)state;
    static const char *const words[] = {
        "ERROR Too many open connections\r\n", "-ERR max number of clients reached\r\n"};
    for (int kind = ENGINE_MEMCACHED; kind <= ENGINE_REDIS; kind++) {
        struct engine *e = engine_of((enum engine_kind)kind);
        struct talk t = {0};
        engine_set_max_sessions(e, 1);
        struct engine_session *first = engine_accept(e, 1, "a:1", &t.reply);
        assert_non_null(first);
        assert_int_equal(t.reply.len, 0);
        assert_null(engine_accept(e, 2, "a:2", &t.reply));
        assert_reply(&t, rc_slice_text(words[kind]), "a second connection");
        engine_session_free(first);
        engine_free(e);
    }
}

static void the_version_can_be_another(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_MEMCACHED);
    engine_set_version(e, "1.4.39");
    expect(e, "version\r\n", "VERSION 1.4.39\r\n");
    engine_set_version(e, NULL);
    expect(e, "version\r\n", "VERSION 1.6.18\r\n");
    engine_free(e);
}

static void client_kill_ends_the_session_it_names_and_no_other(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    struct talk t = {0};
    struct engine_session *a = engine_accept(e, 1, "10.0.0.9:1", &t.reply);
    struct engine_session *b = engine_accept(e, 2, "10.0.0.9:2", &t.reply);
    expect(e, "CLIENT KILL ID 1 ADDR 10.0.0.9:2\r\n", ":0\r\n");
    expect(e, "CLIENT KILL ID 1 ADDR 10.0.0.9:1\r\n", ":1\r\n");
    expect(e, "CLIENT KILL ID 1\r\n", ":0\r\n");
    assert_true(engine_session_killed(a));
    assert_false(engine_session_killed(b));
    engine_receive(a, rc_slice_text("SET k v\r\n"));
    assert_int_equal(engine_step(a, &t.reply), ENGINE_ENDED);
    assert_null(engine_get(e, 0, "k"));
    engine_free(e);
}

static void client_kill_by_address_says_whether_there_was_one(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    struct talk t = {0};
    struct engine_session *a = engine_accept(e, 1, "10.0.0.9:1", &t.reply);
    expect(e, "CLIENT KILL 10.0.0.9:2\r\n", "-ERR No such client\r\n");
    assert_false(engine_session_killed(a));
    expect(e, "CLIENT KILL 10.0.0.9:1\r\n", "+OK\r\n");
    assert_true(engine_session_killed(a));
    engine_free(e);
}

static void a_client_may_end_itself_behind_the_reply(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    static const char send[] = "CLIENT KILL ID 1\r\nCLIENT KILL ID 1 SKIPME no\r\nPING\r\n";
    struct talk t = talk_to(e, rc_slice_text(send), WHOLE);
    assert_true(t.ended);
    assert_reply(&t, rc_slice_text(":0\r\n:1\r\n"), send);
    engine_free(e);
}

static void info_shows_a_run_id_that_a_restart_changes(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    char before[41];
    memcpy(before, engine_run_id(e), sizeof before);
    struct talk t = talk_to(e, rc_slice_text("INFO server\r\n"), WHOLE);
    sim_bytes_append(&t.reply, "", 1);
    assert_non_null(strstr((const char *)sim_bytes_view(&t.reply).data, before));
    sim_bytes_deinit(&t.reply);
    engine_restart(e, true);
    assert_int_equal(strlen(engine_run_id(e)), 40);
    assert_string_not_equal(before, engine_run_id(e));
    engine_free(e);
}

static void a_restart_keeps_the_items_when_asked_and_else_none(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    engine_put(e, 0, "k", rc_slice_text("v"), 0);
    engine_restart(e, true);
    assert_string_equal(engine_get(e, 0, "k")->value, "v");
    engine_restart(e, false);
    assert_null(engine_get(e, 0, "k"));
    assert_int_equal(engine_items(e, 0), 0);
    engine_free(e);
}

struct heard {
    size_t count;
    struct engine_command last;
    char key[16];
};

static void hear(void *owner, const struct engine_command *command)
{
    struct heard *h = owner;
    h->count++;
    h->last = *command;
    snprintf(h->key, sizeof h->key, "%.*s", (int)command->key.len, (const char *)command->key.data);
}

static void every_command_is_logged_and_counted(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_MEMCACHED);
    struct heard h = {0};
    engine_set_log(e, hear, &h);
    expect(e, "mn\r\nmg a v\r\nms b 2\r\nhi\r\n", "MN\r\nEN\r\nHD\r\n");
    assert_int_equal(h.count, 3);
    assert_string_equal(h.last.verb, "ms");
    assert_string_equal(h.key, "b");
    assert_int_equal(h.last.connection, 1);
    assert_int_equal(h.last.now_ms, START_MS);
    assert_int_equal(engine_count(e, "mg"), 1);
    assert_int_equal(engine_count(e, ""), 3);
    assert_int_equal(engine_count_keyed(e), 2);
    expect(e, "ms b 5\r\nhi", "");
    assert_int_equal(h.count, 3);
    engine_free(e);
}

static void a_scripted_answer_takes_the_place_of_the_command(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    engine_answer_next(e, "set", 2, "-OOM command not allowed\r\n");
    expect(e, "SET k v\r\nGET k\r\nSET k v\r\nSET k v\r\n",
        "-OOM command not allowed\r\n$-1\r\n-OOM command not allowed\r\n+OK\r\n");
    assert_int_equal(engine_count(e, "set"), 3);
    engine_free(e);
}

static void each_verb_has_a_script_of_its_own_before_that_of_any(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    engine_answer_next(e, "get", 1, "$3\r\none\r\n");
    engine_answer_next(e, "", 1, "-ERR any\r\n");
    engine_answer_next(e, "ping", 9, "+LATER\r\n");
    expect(e, "GET k\r\nGET k\r\nGET k\r\nPING\r\n", "$3\r\none\r\n-ERR any\r\n$-1\r\n+LATER\r\n");
    engine_answer_next(e, "ping", 0, NULL);
    engine_answer_next(e, "get", 9, "-ERR never\r\n");
    engine_answer_next(e, "", 0, NULL);
    expect(e, "PING\r\nGET k\r\n", "+PONG\r\n$-1\r\n");
    engine_free(e);
}

static void every_verb_of_memcached_can_be_scripted(void **state)
{
    (void)state;
    static const char *const lines[] = {"get k", "gets k", "gat 0 k", "gats 0 k", "touch k 0",
        "incr k 1", "decr k 1", "delete k", "mg k v", "md k", "ma k", "mn", "version", "flush_all",
        "stats", "lru_crawler metadump all", "set k 0 0 1\r\nv", "add k 0 0 1\r\nv",
        "replace k 0 0 1\r\nv", "append k 0 0 1\r\nv", "prepend k 0 0 1\r\nv", "cas k 0 0 1 1\r\nv",
        "ms k 1\r\nv"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct engine *e = engine_of(ENGINE_MEMCACHED);
        char verb[16], send[64];
        snprintf(verb, sizeof verb, "%.*s", (int)strcspn(lines[i], " "), lines[i]);
        snprintf(send, sizeof send, "%s\r\nmn\r\n", lines[i]);
        engine_put(e, 0, "k", rc_slice_text("7"), 0);
        engine_answer_next(e, verb, 1, "AS TOLD\r\n");
        expect(e, send, "AS TOLD\r\nMN\r\n");
        assert_string_equal(engine_get(e, 0, "k")->value, "7");
        engine_free(e);
    }
}

static void a_script_may_end_the_connection_instead(void **state)
{
    (void)state;
    static const struct {
        enum engine_kind kind;
        const char *verb, *send, *before;
    } cases[] = {
        {ENGINE_REDIS, "set", "GET k\r\nSET k v\r\nPING\r\n", "$-1\r\n"},
        {ENGINE_MEMCACHED, "ms", "mg k v\r\nms k 1\r\nv\r\nmn\r\n", "EN\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct engine *e = engine_of(cases[i].kind);
        engine_answer_next(e, cases[i].verb, 1, NULL);
        struct talk t = talk_to(e, rc_slice_text(cases[i].send), SIZE_MAX / 2);
        assert_true(t.ended);
        assert_reply(&t, rc_slice_text(cases[i].before), cases[i].send);
        assert_int_equal(engine_items(e, 0), 0);
        engine_free(e);
    }
}

static void a_store_grows_and_forgets(void **state)
{
    (void)state;
    struct store s;
    char key[16];
    store_init(&s);
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key-%d", i);
        store_put(&s, rc_slice_text(key), rc_slice_text(key), 0);
    }
    for (int i = 0; i < 1000; i += 2) {
        snprintf(key, sizeof key, "key-%d", i);
        assert_true(store_delete(&s, rc_slice_text(key), 0));
        assert_false(store_delete(&s, rc_slice_text(key), 0));
    }
    assert_int_equal(s.count, 500);
    assert_string_equal(store_find(&s, rc_slice_text("key-999"), 0)->value, "key-999");
    store_deinit(&s);
}

static void expect_opening(struct engine *e, const char *send, const char *opening)
{
    struct talk t = talk_to(e, rc_slice_text(send), SIZE_MAX / 2);
    struct rc_slice got = sim_bytes_view(&t.reply);
    if (!rc_slice_starts(got, opening)) {
        fail_msg("to %s came %.*s", send, (int)got.len, (const char *)got.data);
    }
    sim_bytes_deinit(&t.reply);
}

/* Its lines hold times; the key stands in front of them. */
static void a_dump_of_keys_writes_control_bytes_in_hexadecimal(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_MEMCACHED);
    expect(e, "ms YQBiCg== 1 b\r\nx\r\n", "HD\r\n");
    expect_opening(e, "lru_crawler metadump all\r\n", "key=a%00b%0A exp=-1 ");
    engine_free(e);
}

static void info_has_one_section_under_four_names(void **state)
{
    (void)state;
    static const char *const sections[] = {"", " server", " Default", " all", " x everything"};
    struct engine *e = engine_of(ENGINE_REDIS);
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        char send[32];
        snprintf(send, sizeof send, "INFO%s\r\n", sections[i]);
        struct talk t = talk_to(e, rc_slice_text(send), WHOLE);
        struct rc_slice got = sim_bytes_view(&t.reply);
        assert_non_null(memmem(got.data, got.len, "\r\n# Server\r\n", 12));
        sim_bytes_deinit(&t.reply);
    }
    expect(e, "INFO clients\r\n", "$0\r\n\r\n");
    engine_free(e);
}

/* Whoever is let in is let in while a script runs, too. */
static void a_busy_redis_takes_a_password(void **state)
{
    (void)state;
    struct engine *e = engine_of(ENGINE_REDIS);
    engine_set_password(e, NULL, "secret");
    engine_set_mood(e, ENGINE_BUSY);
    expect_opening(e, "AUTH secret\r\nPING\r\n", "+OK\r\n-BUSY ");
    engine_free(e);
}

/* PING, ECHO, GET, SET, and a SET within a script, as they are refused: by the first letters. */
static void redis_refuses_by_its_mood_as_the_real_one(void **state)
{
    static const struct {
        enum engine_mood mood;
        const char *answers[6]; /* NULL: as ever */
    } cases[] = {
        {ENGINE_SERVES, {NULL}},
        {ENGINE_LOADING, {"-LOADING", NULL, "-LOADING", "-LOADING", "-LOADING", NULL}},
        {ENGINE_BUSY, {"-BUSY", "-BUSY", "-BUSY", "-BUSY", "-BUSY", "-BUSY"}},
        {ENGINE_MASTERDOWN, {"-MASTERDOWN", NULL, "-MASTERDOWN", "-READONLY", "-MASTERDOWN", NULL}},
        {ENGINE_REPLICA, {NULL, NULL, NULL, "-READONLY", "-READONLY", NULL}},
        {ENGINE_FULL, {NULL, NULL, NULL, "-OOM", "-OOM", NULL}},
        {ENGINE_LONELY, {NULL, NULL, NULL, "-NOREPLICAS", "-NOREPLICAS", NULL}},
        {ENGINE_UNSAVED, {"-MISCONF", NULL, NULL, "-MISCONF", "-MISCONF", NULL}},
        {ENGINE_SLOTLESS, {NULL, NULL, "-CLUSTERDOWN", "-CLUSTERDOWN", "-CLUSTERDOWN", NULL}},
    };
    static const char *const usual[] = {"+PONG", "$1\r\nx", "$1\r\nv", "+OK", "+OK", ":"};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct engine *e = engine_of(ENGINE_REDIS);
        engine_put(e, 0, "k", rc_slice_text("v"), 0);
        char eval[512];
        const char *text = rc_scripts[RC_SCRIPT_APPEND].text;
        snprintf(eval, sizeof eval,
            "*5\r\n$4\r\nEVAL\r\n$%zu\r\n%s\r\n$1\r\n1\r\n$1\r\nk\r\n$1\r\nx\r\n", strlen(text),
            text);
        const char *const asked[] = {
            "PING\r\n", "ECHO x\r\n", "GET k\r\n", "SET k v\r\n", eval, "CLIENT ID\r\n"};
        engine_set_mood(e, cases[i].mood);
        for (size_t n = 0; n < 6; n++) {
            const char *opening = cases[i].answers[n] != NULL ? cases[i].answers[n] : usual[n];
            expect_opening(e, asked[n], opening);
        }
        engine_free(e);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memcached_answers_as_the_real_one_byte_for_byte),
        cmocka_unit_test(memcached_answers_alike_however_its_input_is_split),
        cmocka_unit_test(redis_answers_as_the_real_one_byte_for_byte),
        cmocka_unit_test(redis_answers_alike_however_its_input_is_split),
        cmocka_unit_test(redis_with_a_password_answers_as_the_real_one),
        cmocka_unit_test(memcached_with_a_password_answers_as_the_real_one),
        cmocka_unit_test(redis_refuses_by_its_mood_as_the_real_one),
        cmocka_unit_test(redis_lets_a_named_user_in_by_name_alone),
        cmocka_unit_test(an_item_too_large_is_refused_and_its_old_value_is_gone),
        cmocka_unit_test(a_value_too_large_is_passed_over_in_silence_for_noreply),
        cmocka_unit_test(redis_gives_up_a_line_that_does_not_end),
        cmocka_unit_test(memcached_expires_by_whole_seconds_of_its_clock),
        cmocka_unit_test(a_ttl_beyond_thirty_days_is_a_date),
        cmocka_unit_test(redis_expires_to_the_millisecond),
        cmocka_unit_test(a_touched_item_lives_as_long_as_it_was_told),
        cmocka_unit_test(what_changes_a_redis_value_keeps_its_ttl),
        cmocka_unit_test(a_connection_too_many_is_told_so_and_refused),
        cmocka_unit_test(the_version_can_be_another),
        cmocka_unit_test(client_kill_ends_the_session_it_names_and_no_other),
        cmocka_unit_test(client_kill_by_address_says_whether_there_was_one),
        cmocka_unit_test(a_client_may_end_itself_behind_the_reply),
        cmocka_unit_test(info_shows_a_run_id_that_a_restart_changes),
        cmocka_unit_test(a_restart_keeps_the_items_when_asked_and_else_none),
        cmocka_unit_test(every_command_is_logged_and_counted),
        cmocka_unit_test(a_scripted_answer_takes_the_place_of_the_command),
        cmocka_unit_test(each_verb_has_a_script_of_its_own_before_that_of_any),
        cmocka_unit_test(every_verb_of_memcached_can_be_scripted),
        cmocka_unit_test(a_script_may_end_the_connection_instead),
        cmocka_unit_test(a_store_grows_and_forgets),
        cmocka_unit_test(a_dump_of_keys_writes_control_bytes_in_hexadecimal),
        cmocka_unit_test(info_has_one_section_under_four_names),
        cmocka_unit_test(a_busy_redis_takes_a_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

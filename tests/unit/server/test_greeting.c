/* SPDX-License-Identifier: MIT */
/* What is said before the first request, and what every answer to it means. */
#include "unit.h"

#include "server/greeting.h"

static const struct rc_credentials memcached = {.redis = false};
static const struct rc_credentials meta_alone = {.speech = RC_SPEECH_META};
static const struct rc_credentials classic_alone = {.speech = RC_SPEECH_CLASSIC};
static const struct rc_credentials known_memcached = {.user = "cart", .password = "open sesame"};
static const struct rc_credentials plain_redis = {.redis = true};

#define RUN_ID "0123456789abcdef0123456789abcdef01234567"

static struct rc_answer ok_with(const char *value)
{
    return (struct rc_answer){.status = RINGCACHE_OK, .value = rc_slice_text(value)};
}

static struct rc_answer refusal(int status, const char *message)
{
    return (struct rc_answer){.status = status, .message = rc_slice_text(message)};
}

/* The next command has this verb; its command. */
static struct rc_command expect_step(
    struct rc_greeting *g, const struct rc_credentials *who, enum rc_verb verb)
{
    struct rc_command command;
    memset(&command, 0xff, sizeof command);
    assert_true(rc_greeting_next(g, who, &command));
    assert_int_equal(command.verb, verb);
    assert_false(command.strict);
    assert_int_equal(command.prefix.len, 0);
    return command;
}

static void expect_end(struct rc_greeting *g, const struct rc_credentials *who)
{
    struct rc_command command;
    assert_false(rc_greeting_next(g, who, &command));
    assert_false(rc_greeting_next(g, who, &command));
}

static void accept(struct rc_greeting *g, enum rc_verb verb, struct rc_answer answer)
{
    char why[200] = "untouched";
    assert_int_equal(rc_greeting_answer(g, verb, &answer, why, sizeof why), 0);
    assert_string_equal(why, "untouched");
}

static void refuse_to(const struct rc_credentials *who, enum rc_verb verb, struct rc_answer answer,
    int status, const char *text)
{
    struct rc_greeting g = {.who = who};
    char why[200] = "";
    assert_int_equal(rc_greeting_answer(&g, verb, &answer, why, sizeof why), status);
    assert_string_equal(why, text);
}

static void refuse(enum rc_verb verb, struct rc_answer answer, int status, const char *text)
{
    static const struct rc_credentials who = {.redis = true, .password = "open sesame"};
    refuse_to(verb == RC_VERB_VERSION ? &meta_alone : &who, verb, answer, status, text);
}

/* ---- memcached ---- */

static void memcached_is_asked_for_its_version_and_its_item_size(void **state)
{
    (void)state;
    struct rc_greeting g = {0};
    expect_step(&g, &memcached, RC_VERB_VERSION);
    accept(&g, RC_VERB_VERSION, ok_with("1.6.18"));
    expect_step(&g, &memcached, RC_VERB_SETTINGS);
    accept(&g, RC_VERB_SETTINGS, (struct rc_answer){.status = RINGCACHE_OK, .number = 524288});
    expect_end(&g, &memcached);
    assert_int_equal(g.item_max_bytes, 524288);
    assert_int_equal(g.vain, 0);
}

static void a_memcached_that_does_not_say_its_item_size_is_welcome(void **state)
{
    (void)state;
    static const char *const refusals[] = {"ERROR", "CLIENT_ERROR no", "SERVER_ERROR no"};
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct rc_greeting g = {0};
        expect_step(&g, &memcached, RC_VERB_VERSION);
        accept(&g, RC_VERB_VERSION, ok_with("1.6.18"));
        expect_step(&g, &memcached, RC_VERB_SETTINGS);
        accept(&g, RC_VERB_SETTINGS, refusal(RINGCACHE_ESERVER, refusals[i]));
        expect_end(&g, &memcached);
        assert_int_equal(g.item_max_bytes, 0);
        assert_int_equal(g.vain, 1U << RC_VERB_SETTINGS);
    }
}

static void user_and_password_come_before_the_version(void **state)
{
    (void)state;
    const struct rc_credentials who = {.user = "u", .password = "p"};
    struct rc_greeting g = {0};
    struct rc_command auth = expect_step(&g, &who, RC_VERB_AUTH);
    assert_true(rc_slice_equal(auth.key, rc_slice_text("u")));
    assert_true(rc_slice_equal(auth.value, rc_slice_text("p")));
    accept(&g, RC_VERB_AUTH, ok_with(""));
    expect_step(&g, &who, RC_VERB_VERSION);
    expect_step(&g, &who, RC_VERB_SETTINGS);
    expect_end(&g, &who);
}

static void what_memcached_says_of_user_and_password_is_told_from_what_ails_itself(void **state)
{
    (void)state;
    const struct rc_credentials *who = &known_memcached;
    refuse_to(who, RC_VERB_AUTH, refusal(RINGCACHE_EAUTH, "CLIENT_ERROR authentication failure"),
        RINGCACHE_EAUTH, "user and password: CLIENT_ERROR authentication failure");
    refuse_to(who, RC_VERB_AUTH, refusal(RINGCACHE_ESERVER, "ERROR"), RINGCACHE_EAUTH,
        "user and password: ERROR");
    refuse_to(who, RC_VERB_AUTH, refusal(RINGCACHE_EAUTH, "CLIENT_ERROR open sesame?"),
        RINGCACHE_EAUTH, "user and password: refused, in words that repeat the password");
    refuse_to(who, RC_VERB_AUTH, refusal(RINGCACHE_ESERVER, "ERROR Too many open connections"),
        RINGCACHE_ESERVER, "user and password: ERROR Too many open connections");
    refuse_to(who, RC_VERB_AUTH,
        refusal(RINGCACHE_ESERVER, "SERVER_ERROR out of memory storing object"), RINGCACHE_ESERVER,
        "user and password: SERVER_ERROR out of memory storing object");
}

/* What is spoken after this version. */
static bool speaks_classic(const struct rc_credentials *who, const char *version)
{
    struct rc_greeting g = {0};
    expect_step(&g, who, RC_VERB_VERSION);
    accept(&g, RC_VERB_VERSION, ok_with(version));
    return g.classic;
}

static void a_memcached_that_knows_meta_is_spoken_to_in_meta(void **state)
{
    (void)state;
    static const char *const versions[] = {"1.6.18", "1.6.100", "1.7.0", "2.0.0", "1.6.18-rc1"};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        assert_false(speaks_classic(&memcached, versions[i]));
        assert_false(speaks_classic(&meta_alone, versions[i]));
        assert_true(speaks_classic(&classic_alone, versions[i]));
    }
}

static void an_older_one_or_a_proxy_is_spoken_to_in_classic_text(void **state)
{
    (void)state;
    static const char *const versions[] = {
        "1.6.17", "1.4.15", "0.9.99", "", "1.6", "37.mcrouter", "-1.6.18", "01.6.18"};
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        assert_true(speaks_classic(&memcached, versions[i]));
        assert_true(speaks_classic(&classic_alone, versions[i]));
    }
}

static void who_wants_meta_refuses_an_older_one_by_its_version(void **state)
{
    (void)state;
    refuse(RC_VERB_VERSION, ok_with("1.6.17"), RINGCACHE_ENOTSUP,
        "memcached 1.6.17 is older than 1.6.18");
    refuse(RC_VERB_VERSION, ok_with("0.9.99"), RINGCACHE_ENOTSUP,
        "memcached 0.9.99 is older than 1.6.18");
}

static void an_error_line_of_memcached_is_passed_on(void **state)
{
    (void)state;
    refuse(RC_VERB_VERSION, refusal(RINGCACHE_ESERVER, "ERROR Too many open connections"),
        RINGCACHE_ESERVER, "version: ERROR Too many open connections");
    refuse(RC_VERB_VERSION, refusal(RINGCACHE_EAUTH, "CLIENT_ERROR unauthenticated"),
        RINGCACHE_EAUTH, "it wants a user and a password: CLIENT_ERROR unauthenticated");
    refuse_to(&known_memcached, RC_VERB_VERSION,
        refusal(RINGCACHE_EAUTH, "CLIENT_ERROR unauthenticated"), RINGCACHE_EAUTH,
        "version: CLIENT_ERROR unauthenticated");
}

/* ---- Redis ---- */

static void redis_without_credentials_is_pinged_and_asked_who_it_is(void **state)
{
    (void)state;
    struct rc_greeting g = {0};
    expect_step(&g, &plain_redis, RC_VERB_NOOP);
    accept(&g, RC_VERB_NOOP, ok_with(""));
    expect_step(&g, &plain_redis, RC_VERB_CLIENT_ID);
    accept(&g, RC_VERB_CLIENT_ID, (struct rc_answer){.status = RINGCACHE_OK, .number = 42});
    expect_step(&g, &plain_redis, RC_VERB_INFO);
    accept(&g, RC_VERB_INFO, ok_with(RUN_ID));
    assert_false(g.echoes);
    expect_step(&g, &plain_redis, RC_VERB_ECHO);
    accept(&g, RC_VERB_ECHO, ok_with(""));
    expect_end(&g, &plain_redis);
    assert_true(g.echoes);
    assert_int_equal(g.client_id, 42);
    assert_string_equal(g.run_id, RUN_ID);
}

static void a_password_alone_is_sent_without_a_user(void **state)
{
    (void)state;
    const struct rc_credentials who = {.redis = true, .password = "secret"};
    struct rc_greeting g = {0};
    struct rc_command auth = expect_step(&g, &who, RC_VERB_AUTH);
    assert_int_equal(auth.key.len, 0);
    assert_true(rc_slice_equal(auth.value, rc_slice_text("secret")));
    accept(&g, RC_VERB_AUTH, ok_with(""));
    expect_step(&g, &who, RC_VERB_NOOP);
}

static void user_password_and_database_come_before_everything_else(void **state)
{
    (void)state;
    const struct rc_credentials who = {
        .redis = true, .user = "reader", .password = "", .database = 7};
    struct rc_greeting g = {0};
    struct rc_command auth = expect_step(&g, &who, RC_VERB_AUTH);
    assert_true(rc_slice_equal(auth.key, rc_slice_text("reader")));
    assert_int_equal(auth.value.len, 0);
    struct rc_command select = expect_step(&g, &who, RC_VERB_SELECT);
    assert_int_equal(select.number, 7);
    assert_int_equal(select.key.len + select.value.len, 0);
    expect_step(&g, &who, RC_VERB_NOOP);
    expect_step(&g, &who, RC_VERB_CLIENT_ID);
    expect_step(&g, &who, RC_VERB_INFO);
    expect_step(&g, &who, RC_VERB_ECHO);
    expect_end(&g, &who);
}

static void a_database_is_selected_without_a_password_too(void **state)
{
    (void)state;
    const struct rc_credentials who = {.redis = true, .database = 1};
    struct rc_greeting g = {0};
    assert_int_equal(expect_step(&g, &who, RC_VERB_SELECT).number, 1);
    accept(&g, RC_VERB_SELECT, ok_with(""));
    expect_step(&g, &who, RC_VERB_NOOP);
}

static void a_refused_password_is_an_authentication_failure_in_the_servers_words(void **state)
{
    (void)state;
    static const char words[] = "WRONGPASS invalid username-password pair or user is disabled.";
    refuse(RC_VERB_AUTH, refusal(RINGCACHE_EAUTH, words), RINGCACHE_EAUTH,
        "AUTH: WRONGPASS invalid username-password pair or user is disabled.");
    refuse(RC_VERB_AUTH, refusal(RINGCACHE_ESERVER, "ERR no password is set"), RINGCACHE_EAUTH,
        "AUTH: ERR no password is set");
}

static void a_password_that_the_server_repeats_is_kept_back(void **state)
{
    (void)state;
    refuse(RC_VERB_AUTH, refusal(RINGCACHE_ESERVER, "ERR unknown command 'AUTH' 'open sesame'"),
        RINGCACHE_EAUTH, "AUTH: refused, in words that repeat the password");
    refuse(RC_VERB_AUTH, refusal(RINGCACHE_ESERVER, "ERR unknown command 'AUTH' 'open ses"),
        RINGCACHE_EAUTH, "AUTH: refused, in words that repeat the password");
}

/* There is nothing in an empty password that words could repeat. */
static void without_a_password_its_user_is_kept_back(void **state)
{
    (void)state;
    const struct rc_credentials user_alone = {.redis = true, .user = "hunter2", .password = ""};
    const struct rc_credentials nobody = {.redis = true, .password = ""};
    const struct rc_answer answer = refusal(RINGCACHE_ESERVER, "ERR unknown command 'hunter2'");
    refuse_to(&user_alone, RC_VERB_AUTH, answer, RINGCACHE_EAUTH,
        "AUTH: refused, in words that repeat the password");
    refuse_to(
        &nobody, RC_VERB_AUTH, answer, RINGCACHE_EAUTH, "AUTH: ERR unknown command 'hunter2'");
}

static void a_server_of_few_words_is_quoted_with_none(void **state)
{
    (void)state;
    const struct rc_answer nothing = {.status = RINGCACHE_ESERVER};
    refuse(RC_VERB_SELECT, nothing, RINGCACHE_ESERVER, "SELECT: ");
    const struct rc_answer no_version = {.status = RINGCACHE_OK};
    refuse(RC_VERB_VERSION, no_version, RINGCACHE_ENOTSUP, "memcached  is older than 1.6.18");
}

static void a_full_server_is_not_one_that_refuses_the_password(void **state)
{
    (void)state;
    refuse(RC_VERB_AUTH, refusal(RINGCACHE_ESERVER, "ERR max number of clients reached"),
        RINGCACHE_ESERVER, "AUTH: ERR max number of clients reached");
}

static void a_refused_database_ends_the_greeting(void **state)
{
    (void)state;
    refuse(RC_VERB_SELECT, refusal(RINGCACHE_ESERVER, "ERR DB index is out of range"),
        RINGCACHE_ESERVER, "SELECT: ERR DB index is out of range");
}

static void a_server_that_does_not_say_who_it_is_is_unknown_but_welcome(void **state)
{
    (void)state;
    struct rc_greeting g = {0};
    expect_step(&g, &plain_redis, RC_VERB_NOOP);
    accept(&g, RC_VERB_NOOP, ok_with(""));
    expect_step(&g, &plain_redis, RC_VERB_CLIENT_ID);
    accept(&g, RC_VERB_CLIENT_ID, refusal(RINGCACHE_ESERVER, "ERR unknown command"));
    expect_step(&g, &plain_redis, RC_VERB_INFO);
    accept(&g, RC_VERB_INFO, refusal(RINGCACHE_EAUTH, "NOPERM"));
    expect_step(&g, &plain_redis, RC_VERB_ECHO);
    accept(&g, RC_VERB_ECHO, refusal(RINGCACHE_ESERVER, "ERR unknown command"));
    expect_end(&g, &plain_redis);
    assert_false(g.echoes);
    assert_int_equal(g.client_id, 0);
    assert_string_equal(g.run_id, "");
}

/* A question is in vain from its asking on, until it is answered; a server that is spared it is
 * asked the others. */
static void a_question_that_a_server_is_spared_is_not_asked(void **state)
{
    (void)state;
    const struct rc_credentials spared = {
        .redis = true, .unasked = 1U << RC_VERB_CLIENT_ID | 1U << RC_VERB_ECHO};
    struct rc_greeting g = {0};
    expect_step(&g, &spared, RC_VERB_NOOP);
    assert_int_equal(g.vain, 0);
    expect_step(&g, &spared, RC_VERB_INFO);
    assert_int_equal(g.vain, 1U << RC_VERB_INFO);
    accept(&g, RC_VERB_INFO, ok_with(RUN_ID));
    assert_int_equal(g.vain, 0);
    expect_end(&g, &spared);
    const struct rc_credentials proxy = {.unasked = 1U << RC_VERB_SETTINGS};
    g = (struct rc_greeting){0};
    expect_step(&g, &proxy, RC_VERB_VERSION);
    expect_end(&g, &proxy);
}

static void a_run_id_of_another_length_is_none(void **state)
{
    (void)state;
    static const char *const ids[] = {"", "0", RUN_ID "8"};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        struct rc_greeting g = {0};
        accept(&g, RC_VERB_INFO, ok_with(ids[i]));
        assert_string_equal(g.run_id, "");
    }
    struct rc_greeting g = {0};
    accept(&g, RC_VERB_INFO,
        (struct rc_answer){.status = RINGCACHE_OK, .value = rc_slice(RUN_ID, RC_RUN_ID_BYTES - 1)});
    assert_string_equal(g.run_id, "");
}

static void a_server_that_is_not_ready_is_refused_at_its_ping(void **state)
{
    (void)state;
    refuse(RC_VERB_NOOP, refusal(RINGCACHE_ESERVER, "LOADING Redis is loading the dataset"),
        RINGCACHE_ESERVER, "PING: LOADING Redis is loading the dataset");
    refuse(RC_VERB_NOOP, refusal(RINGCACHE_EAUTH, "NOAUTH Authentication required."),
        RINGCACHE_EAUTH, "PING: NOAUTH Authentication required.");
}

static void what_a_refusal_says_of_the_server_is_kept(void **state)
{
    (void)state;
    static const struct rc_credentials who = {.redis = true, .password = "open sesame"};
    static const enum rc_verb steps[] = {RC_VERB_AUTH, RC_VERB_SELECT, RC_VERB_NOOP};
    struct rc_answer busy = refusal(RINGCACHE_ESERVER, "BUSY Redis is busy running a script");
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct rc_greeting g = {.who = &who};
        char why[200] = "";
        busy.refusal = RC_REFUSAL_NOT_NOW;
        assert_int_equal(
            rc_greeting_answer(&g, steps[i], &busy, why, sizeof why), RINGCACHE_ESERVER);
        assert_true(g.not_now);
        busy.refusal = RC_REFUSAL_NONE;
        assert_true(rc_greeting_answer(&g, steps[i], &busy, why, sizeof why) < 0);
        assert_false(g.not_now);
    }
}

/* Redis tells PING that its last snapshot failed, and serves all that does not write. */
static void a_ping_that_is_refused_as_a_write_is_an_answer(void **state)
{
    (void)state;
    struct rc_greeting g = {.who = &plain_redis};
    struct rc_answer unsaved = refusal(RINGCACHE_ESERVER, "MISCONF Redis is configured to save");
    unsaved.refusal = RC_REFUSAL_UNRUN;
    accept(&g, RC_VERB_NOOP, unsaved);
    assert_false(g.not_now);
}

static void a_reason_is_cut_to_its_room(void **state)
{
    (void)state;
    static char words[3000];
    memset(words, 'w', sizeof words - 1);
    struct rc_greeting g = {.who = &meta_alone};
    struct rc_answer answer = refusal(RINGCACHE_ESERVER, words);
    char why[16];
    assert_int_equal(
        rc_greeting_answer(&g, RC_VERB_NOOP, &answer, why, sizeof why), RINGCACHE_ESERVER);
    assert_string_equal(why, "PING: wwwwwwwww");
    answer = ok_with(words);
    assert_int_equal(
        rc_greeting_answer(&g, RC_VERB_VERSION, &answer, why, sizeof why), RINGCACHE_ENOTSUP);
    assert_string_equal(why, "memcached wwwww");
}

static void an_answer_to_what_is_no_step_breaks_the_protocol(void **state)
{
    (void)state;
    static const enum rc_verb verbs[] = {
        RC_VERB_GET, RC_VERB_SET, RC_VERB_DELETE, RC_VERB_CLIENT_KILL};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        refuse(verbs[i], ok_with(""), RINGCACHE_EPROTOCOL, "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memcached_is_asked_for_its_version_and_its_item_size),
        cmocka_unit_test(a_memcached_that_does_not_say_its_item_size_is_welcome),
        cmocka_unit_test(user_and_password_come_before_the_version),
        cmocka_unit_test(what_memcached_says_of_user_and_password_is_told_from_what_ails_itself),
        cmocka_unit_test(a_memcached_that_knows_meta_is_spoken_to_in_meta),
        cmocka_unit_test(an_older_one_or_a_proxy_is_spoken_to_in_classic_text),
        cmocka_unit_test(who_wants_meta_refuses_an_older_one_by_its_version),
        cmocka_unit_test(an_error_line_of_memcached_is_passed_on),
        cmocka_unit_test(redis_without_credentials_is_pinged_and_asked_who_it_is),
        cmocka_unit_test(a_password_alone_is_sent_without_a_user),
        cmocka_unit_test(user_password_and_database_come_before_everything_else),
        cmocka_unit_test(a_database_is_selected_without_a_password_too),
        cmocka_unit_test(a_refused_password_is_an_authentication_failure_in_the_servers_words),
        cmocka_unit_test(a_password_that_the_server_repeats_is_kept_back),
        cmocka_unit_test(without_a_password_its_user_is_kept_back),
        cmocka_unit_test(a_server_of_few_words_is_quoted_with_none),
        cmocka_unit_test(a_full_server_is_not_one_that_refuses_the_password),
        cmocka_unit_test(a_refused_database_ends_the_greeting),
        cmocka_unit_test(a_server_that_does_not_say_who_it_is_is_unknown_but_welcome),
        cmocka_unit_test(a_question_that_a_server_is_spared_is_not_asked),
        cmocka_unit_test(a_run_id_of_another_length_is_none),
        cmocka_unit_test(a_server_that_is_not_ready_is_refused_at_its_ping),
        cmocka_unit_test(what_a_refusal_says_of_the_server_is_kept),
        cmocka_unit_test(a_ping_that_is_refused_as_a_write_is_an_answer),
        cmocka_unit_test(a_reason_is_cut_to_its_room),
        cmocka_unit_test(an_answer_to_what_is_no_step_breaks_the_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

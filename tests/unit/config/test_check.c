/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char path[] = "check.conf";

static void must_fail_check(ringcache_config *config, const char *error)
{
    assert_int_equal(ringcache_config_check(config), RINGCACHE_ECONFIG);
    assert_string_equal(ringcache_config_error(config), error);
    assert_int_equal(rc_config_check(config), RINGCACHE_ECONFIG);
    assert_string_equal(ringcache_config_error(config), error);
}

static void must_warn(ringcache_config *config, const char *warning)
{
    if (ringcache_config_check(config) != 0) {
        fail_msg("%s", ringcache_config_error(config));
    }
    if (ringcache_config_warning_count(config) != 1) {
        fail_msg("%zu warnings", ringcache_config_warning_count(config));
    }
    assert_string_equal(ringcache_config_warning(config, 0), warning);
    assert_null(ringcache_config_warning(config, 1));
}

static void must_be_quiet(ringcache_config *config)
{
    if (ringcache_config_check(config) != 0) {
        fail_msg("%s", ringcache_config_error(config));
    }
    if (ringcache_config_warning_count(config) != 0) {
        fail_msg("%s", ringcache_config_warning(config, 0));
    }
}

static void a_plain_configuration_has_no_warning(void **state)
{
    must_set(*state, "server", "memcached://10.0.0.1?name=a&weight=2");
    must_set(*state, "server", "redis://10.0.0.2?name=b");
    must_be_quiet(*state);
}

static void two_servers_of_one_name_are_an_error_at_the_second(void **state)
{
    write_text(path, "server = memcached://a\nserver = memcached://b\nserver = redis://a:11211\n");
    assert_int_equal(ringcache_config_load_file(*state, path), 0);
    must_fail_check(*state, "check.conf:3:10: server: two servers are named \"a:11211\"");
}

static void an_error_of_a_server_that_came_by_a_call_has_no_place(void **state)
{
    must_set(*state, "server", "memcached://a");
    must_set(*state, "server", "memcached://b?name=a:11211");
    must_fail_check(*state, "server: two servers are named \"a:11211\"");
}

static void a_name_that_is_not_ascii_is_shown_as_ascii(void **state)
{
    must_set(*state, "server", "memcached://a?name=\x85");
    must_set(*state, "server", "memcached://b?name=%85");
    must_fail_check(*state, "server: two servers are named \"\\x85\"");
}

static void weights_are_held_against_the_distribution(void **state)
{
    must_set(*state, "server", "memcached://a?weight=100");
    must_be_quiet(*state);
    must_set(*state, "server", "memcached://b?weight=101");
    assert_int_equal(ringcache_config_check(*state), RINGCACHE_ECONFIG);
    assert_non_null(strstr(ringcache_config_error(*state), "\"b:11211\""));
    must_set(*state, "distribution", "ketama");
    must_be_quiet(*state);
    must_set(*state, "distribution", "consistent");
    assert_int_equal(ringcache_config_check(*state), RINGCACHE_ECONFIG);
    assert_non_null(strstr(ringcache_config_error(*state), "\"a:11211\""));
}

static void no_server_is_warned_about(void **state)
{
    must_warn(*state, "server: there is none, so every request ends with ENOSERVER");
}

static void crc_on_a_ring_is_warned_about(void **state)
{
    static const char *const rings[] = {"ring", "ketama", "consistent", "spy", "twemproxy"};
    must_set(*state, "server", "memcached://a");
    must_set(*state, "hash", "crc32");
    for (size_t i = 0; i < sizeof rings / sizeof rings[0]; i++) {
        must_set(*state, "distribution", rings[i]);
        must_warn(*state,
            "hash: crc has 15 bits, so that on a ring of points nearly all keys fall on one "
            "server");
    }
    must_set(*state, "distribution", "modula");
    must_be_quiet(*state);
    must_set(*state, "distribution", "twemproxy_modula");
    must_be_quiet(*state);
}

static void few_points_for_two_servers_are_warned_about(void **state)
{
    must_set(*state, "server", "memcached://a");
    must_set(*state, "points", "99");
    must_be_quiet(*state);
    must_set(*state, "server", "memcached://b");
    must_warn(
        *state, "points: with fewer than 100 points the servers' shares of the keys differ widely");
    must_set(*state, "points", "100");
    must_be_quiet(*state);
}

static void points_of_another_distribution_are_warned_about(void **state)
{
    must_set(*state, "server", "memcached://a");
    must_set(*state, "distribution", "ketama");
    must_be_quiet(*state);
    must_set(*state, "points", "512");
    must_warn(*state, "points: it counts for the distribution ring alone");
}

static void hashing_no_namespace_is_warned_about(void **state)
{
    must_set(*state, "server", "memcached://a");
    must_set(*state, "hash_namespace", "yes");
    must_warn(*state, "hash_namespace: there is no namespace to hash");
    must_set(*state, "namespace", "n");
    must_be_quiet(*state);
}

static void a_failover_ttl_without_failover_is_warned_about(void **state)
{
    must_set(*state, "server", "memcached://a");
    must_set(*state, "failover_ttl_ms", "1");
    must_warn(*state, "failover_ttl_ms: with failover = none it has no effect");
    must_set(*state, "failover", "remap");
    must_be_quiet(*state);
}

static void a_failover_budget_without_failover_is_warned_about(void **state)
{
    must_set(*state, "server", "memcached://a");
    must_set(*state, "failover_budget", "1");
    must_warn(*state, "failover_budget: with failover = none it has no effect");
}

static void failover_without_a_journal_is_warned_about(void **state)
{
    must_set(*state, "server", "memcached://a");
    must_set(*state, "failover", "remap");
    must_set(*state, "journal_entries", "0");
    assert_int_equal(ringcache_config_check(*state), 0);
    assert_int_equal(ringcache_config_warning_count(*state), 2); /* that it is 0 is another */
    assert_string_equal(ringcache_config_warning(*state, 0),
        "failover: with journal_entries = 0 no other server is asked");
}

/* No error, so that the last spare may leave before the next one joins. */
static void a_gutter_without_a_spare_is_warned_about(void **state)
{
    must_set(*state, "failover", "gutter");
    must_set(*state, "server", "memcached://a");
    must_warn(
        *state, "failover: there is no spare server (pool=gutter), so no other server is asked");
    must_set(*state, "server", "memcached://b?pool=gutter");
    must_be_quiet(*state);
}

static void a_spare_that_nobody_asks_is_warned_about(void **state)
{
    must_set(*state, "server", "memcached://a");
    must_set(*state, "server", "memcached://b?pool=gutter");
    must_warn(
        *state, "server: \"b:11211\" is a spare, which only failover = gutter asks for anything");
    must_set(*state, "failover", "gutter");
    must_be_quiet(*state);
}

static void spares_alone_are_warned_about(void **state)
{
    must_set(*state, "failover", "gutter");
    must_set(*state, "server", "memcached://b?pool=gutter");
    must_warn(*state, "server: all are spares, so every request ends with ENOSERVER");
}

static void a_weight_counts_among_servers_of_its_kind(void **state)
{
    must_set(*state, "failover", "gutter");
    must_set(*state, "distribution", "ketama");
    must_set(*state, "server", "memcached://a?weight=4000");
    must_set(*state, "server", "memcached://b?pool=gutter");
    must_be_quiet(*state);
    must_set(*state, "server", "memcached://c?pool=gutter&weight=4000");
    must_warn(*state, "server: \"b:11211\" weighs too little to get a point, so it gets no keys");
}

static void a_name_is_unique_among_owners_and_spares(void **state)
{
    must_set(*state, "server", "memcached://a?name=one");
    must_set(*state, "server", "memcached://b?name=one&pool=gutter");
    must_fail_check(*state, "server: two servers are named \"one\"");
}

static void a_journal_that_is_soon_full_is_warned_about(void **state)
{
    must_set(*state, "server", "memcached://a");
    must_set(*state, "journal_entries", "9999");
    must_be_quiet(*state); /* a memcached comes back by itself */
    must_set(*state, "server", "redis://b");
    must_warn(*state,
        "journal_entries: an outage under writes soon fills that few, and a Redis then stays out "
        "of service until it is readmitted");
    must_set(*state, "on_overflow", "flush");
    must_be_quiet(*state);
    must_set(*state, "on_overflow", "hold");
    must_set(*state, "journal_entries", "10000");
    must_be_quiet(*state);
}

static void no_journal_is_warned_about(void **state)
{
    must_set(*state, "server", "memcached://a");
    must_set(*state, "journal_entries", "0");
    must_warn(*state,
        "journal_entries: with 0, values that were overwritten while their server was out are "
        "served again");
}

static void a_flush_that_cannot_be_is_warned_about(void **state)
{
    must_set(*state, "server", "redis://a");
    must_set(*state, "on_overflow", "flush");
    must_set(*state, "namespace", "n");
    must_warn(*state,
        "on_overflow: with a namespace nothing is flushed, since that would wipe what lies "
        "outside");
}

static void values_beyond_the_queue_are_warned_about(void **state)
{
    must_set(*state, "server", "memcached://a");
    must_set(*state, "max_queued_bytes", "65536");
    must_set(*state, "max_value_bytes", "65536");
    must_be_quiet(*state);
    must_set(*state, "max_value_bytes", "65537");
    must_warn(*state,
        "max_value_bytes: it is above max_queued_bytes, so that the largest values can be read but "
        "not written");
}

static void a_weight_with_modula_is_warned_about(void **state)
{
    must_set(*state, "server", "memcached://a");
    must_set(*state, "server", "memcached://b?weight=2");
    must_set(*state, "distribution", "twemproxy_modula");
    must_be_quiet(*state);
    must_set(*state, "distribution", "modula");
    must_warn(*state, "server: \"b:11211\" has a weight, which does not count with modula");
}

static void a_weight_that_gives_no_point_is_warned_about(void **state)
{
    static const char *const dialects[] = {"ketama", "spy", "twemproxy"};
    must_set(*state, "server", "memcached://a?weight=79");
    must_set(*state, "server", "memcached://b");
    for (size_t i = 0; i < sizeof dialects / sizeof dialects[0]; i++) {
        must_set(*state, "distribution", dialects[i]);
        must_be_quiet(*state);
    }
    must_set(*state, "server", "memcached://c?weight=100");
    must_warn(*state, "server: \"b:11211\" weighs too little to get a point, so it gets no keys");
}

static void a_password_in_the_clear_is_warned_about_unless_it_stays_here(void **state)
{
    must_set(*state, "server", "redis://:pw@localhost");
    must_set(*state, "server", "redis://:pw@127.3.2.1");
    must_set(*state, "server", "redis://:pw@[::1]");
    must_set(*state, "server", "redis+unix://:pw@/s");
    must_set(*state, "server", "redis://10.0.0.1");
    must_set(*state, "server", "memcached://u:pw@localhost");
    must_set(*state, "server", "memcached+unix://u:pw@/m");
    must_be_quiet(*state);
    must_set(*state, "server", "redis://:pw@127.0.0.1.example.org");
    must_warn(*state,
        "server: \"127.0.0.1.example.org:6379\" gets its password over the network unencrypted");
}

static void an_address_that_resembles_the_loopback_is_elsewhere(void **state)
{
    static const char *const addresses[] = {"[1::1]", "[0:0:1::1]", "[::1:0:1]", "[::2]"};
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        char uri[64], name[64], warning[128];
        snprintf(uri, sizeof uri, "redis://:pw@%s", addresses[i]);
        snprintf(name, sizeof name, "%s:6379", addresses[i]);
        snprintf(warning, sizeof warning,
            "server: \"%s\" gets its password over the network unencrypted", name);
        must_set(*state, "server", uri);
        must_warn(*state, warning);
        assert_int_equal(ringcache_config_remove_server(*state, name), 0);
    }
}

static void a_password_for_a_memcached_elsewhere_is_warned_about(void **state)
{
    must_set(*state, "server", "memcached://u:pw@10.0.0.1");
    must_warn(*state, "server: \"10.0.0.1:11211\" gets its password over the network unencrypted");
}

static void one_server_under_two_names_is_warned_about(void **state)
{
    must_set(*state, "server", "memcached://b");
    must_set(*state, "server", "redis://h/1?name=r1");
    must_set(*state, "server", "redis://h/2?name=r2");
    must_set(*state, "server", "memcached://a");
    must_be_quiet(*state);
    must_set(*state, "server", "memcached://b:11211?name=c");
    must_warn(*state, "server: \"c\" is the same server as one above, by another name");
}

static void warnings_are_those_of_the_last_check(void **state)
{
    must_warn(*state, "server: there is none, so every request ends with ENOSERVER");
    must_set(*state, "server", "memcached://a");
    must_set(*state, "server", "memcached://a");
    must_set(*state, "hash", "crc");
    assert_int_equal(ringcache_config_check(*state), RINGCACHE_ECONFIG);
    assert_int_equal(ringcache_config_warning_count(*state), 1);
    assert_memory_equal(ringcache_config_warning(*state, 0), "hash: crc", 9);
}

struct findings {
    size_t count;
    char text[16384];
};

static void note(int is_error, const char *text, void *user)
{
    struct findings *findings = user;
    size_t len = strlen(findings->text);
    findings->count++;
    snprintf(
        findings->text + len, sizeof findings->text - len, "%c %s\n", is_error ? 'E' : 'W', text);
}

static size_t must_judge(const char *text, struct findings *findings)
{
    size_t errors = 77;
    *findings = (struct findings){0};
    write_text(path, text);
    assert_int_equal(ringcache_config_judge_file(path, note, findings, &errors), 0);
    return errors;
}

static void judging_tells_every_error_and_every_warning_in_order(void **state)
{
    (void)state;
    struct findings findings;
    assert_int_equal(must_judge("hash = crc\n"
                                "points = 0\n"
                                "server = memcached://a\n"
                                "nonsense\n"
                                "server = memcached://a:x\n"
                                "server = redis://:s3cr3t@a:11211\n"
                                "server = memcached://b?weight=101\n"
                                "server = memcached://a\n",
                         &findings),
        6);
    assert_string_equal(findings.text,
        "E check.conf:2:10: points: \"0\" is not a number of 1..65536\n"
        "E check.conf:4:1: a line is option = value, a # comment, or empty\n"
        "E check.conf:5:10: server: memcached://a:***: the port is not a number of 1..65535\n"
        "E check.conf:7:10: server: server \"b:11211\" has weight 101, distribution ring takes 1 "
        "to 100\n"
        "E check.conf:6:10: server: two servers are named \"a:11211\"\n"
        "E check.conf:8:10: server: two servers are named \"a:11211\"\n"
        "W check.conf:1:8: hash: crc has 15 bits, so that on a ring of points nearly all keys fall "
        "on one server\n"
        "W check.conf:6:10: server: \"a:11211\" gets its password over the network unencrypted\n");
}

static void a_finding_without_a_line_begins_with_the_file(void **state)
{
    (void)state;
    struct findings findings;
    assert_int_equal(must_judge("# nothing\n", &findings), 0);
    assert_string_equal(findings.text,
        "W check.conf: server: there is none, so every request ends with ENOSERVER\n");
    assert_int_equal(must_judge("server = memcached://a\n", &findings), 0);
    assert_string_equal(findings.text, "");
}

static void an_error_of_all_servers_together_names_none(void **state)
{
    (void)state;
    struct findings findings;
    char text[64 * 42] = "points = 65536\n";
    for (int i = 0; i < 41; i++) {
        size_t len = strlen(text);
        snprintf(text + len, sizeof text - len, "server = memcached://h%d?weight=100\n", i);
    }
    assert_int_equal(must_judge(text, &findings), 1);
    assert_string_equal(findings.text,
        "E check.conf: server: 268697600 points in all are too many, the most is 268435456: lower "
        "the points or the weights\n");
}

static void judging_ends_at_a_byte_that_is_no_text(void **state)
{
    (void)state;
    struct findings findings;
    assert_int_equal(must_judge("server = memcached://a\n\x01\nx\n\x02\n", &findings), 1);
    assert_string_equal(findings.text, "E check.conf:2:1: the byte \\x01 stands in no text file\n");
}

static void at_most_100_errors_of_the_whole_are_told(void **state)
{
    (void)state;
    struct findings findings;
    char text[150 * 24] = "";
    for (int i = 0; i < 150; i++) {
        strcat(text, "server = memcached://a\n");
    }
    assert_int_equal(must_judge(text, &findings), 100);
    assert_int_equal(findings.count, 100);
}

static void a_file_that_cannot_be_judged_leaves_the_count_alone(void **state)
{
    (void)state;
    struct findings findings = {0};
    size_t errors = 77;
    assert_int_equal(
        ringcache_config_judge_file("missing.conf", note, &findings, &errors), -ENOENT);
    assert_int_equal(ringcache_config_judge_file(NULL, note, NULL, &errors), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_config_judge_file(path, NULL, NULL, &errors), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_config_judge_file(path, note, NULL, NULL), RINGCACHE_EINVAL);
    assert_int_equal(errors, 77);
    assert_int_equal(findings.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_config(a_plain_configuration_has_no_warning),
        with_config(two_servers_of_one_name_are_an_error_at_the_second),
        with_config(an_error_of_a_server_that_came_by_a_call_has_no_place),
        with_config(a_name_that_is_not_ascii_is_shown_as_ascii),
        with_config(weights_are_held_against_the_distribution),
        with_config(no_server_is_warned_about),
        with_config(crc_on_a_ring_is_warned_about),
        with_config(few_points_for_two_servers_are_warned_about),
        with_config(points_of_another_distribution_are_warned_about),
        with_config(hashing_no_namespace_is_warned_about),
        with_config(a_failover_ttl_without_failover_is_warned_about),
        with_config(a_journal_that_is_soon_full_is_warned_about),
        with_config(no_journal_is_warned_about),
        with_config(a_flush_that_cannot_be_is_warned_about),
        with_config(a_failover_budget_without_failover_is_warned_about),
        with_config(failover_without_a_journal_is_warned_about),
        with_config(a_gutter_without_a_spare_is_warned_about),
        with_config(a_spare_that_nobody_asks_is_warned_about),
        with_config(spares_alone_are_warned_about),
        with_config(a_weight_counts_among_servers_of_its_kind),
        with_config(a_name_is_unique_among_owners_and_spares),
        with_config(values_beyond_the_queue_are_warned_about),
        with_config(a_weight_with_modula_is_warned_about),
        with_config(a_weight_that_gives_no_point_is_warned_about),
        with_config(a_password_in_the_clear_is_warned_about_unless_it_stays_here),
        with_config(an_address_that_resembles_the_loopback_is_elsewhere),
        with_config(a_password_for_a_memcached_elsewhere_is_warned_about),
        with_config(one_server_under_two_names_is_warned_about),
        with_config(warnings_are_those_of_the_last_check),
        cmocka_unit_test(judging_tells_every_error_and_every_warning_in_order),
        cmocka_unit_test(a_finding_without_a_line_begins_with_the_file),
        cmocka_unit_test(an_error_of_all_servers_together_names_none),
        cmocka_unit_test(judging_ends_at_a_byte_that_is_no_text),
        cmocka_unit_test(at_most_100_errors_of_the_whole_are_told),
        cmocka_unit_test(a_file_that_cannot_be_judged_leaves_the_count_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

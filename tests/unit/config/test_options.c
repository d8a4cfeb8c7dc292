/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/option.h"

static struct rc_topology topology_of(const ringcache_config *config)
{
    struct rc_topology topology;
    struct rc_member members[8];
    assert_true(rc_config_server_count(config) <= 8);
    rc_config_topology(config, RC_ROLE_ANY, &topology, members);
    topology.members = NULL;
    return topology;
}

static void a_new_configuration_has_the_documented_defaults(void **state)
{
    const struct rc_settings *settings = rc_config_settings(*state);
    assert_int_equal(settings->timeout_ms, 500);
    assert_int_equal(settings->connect_timeout_ms, 1000);
    assert_int_equal(settings->connections, 1);
    assert_int_equal(settings->max_inflight, 1024);
    assert_int_equal(settings->hold_back, 0);
    assert_int_equal(settings->max_queued_bytes, 64U << 20);
    assert_int_equal(settings->max_value_bytes, 64U << 20);
    assert_int_equal(settings->failover_ttl_ms, 10000);
    assert_int_equal(settings->failover_budget, 50);
    assert_int_equal(settings->failover, RC_FAILOVER_NONE);
    assert_int_equal(settings->integrity, RC_INTEGRITY_AUTO);
    assert_int_equal(settings->dialect, RC_DIALECT_AUTO);
    struct rc_topology topology = topology_of(*state);
    assert_int_equal(topology.distribution, RC_DISTRIBUTION_RING);
    assert_int_equal(topology.hash, RC_HASH_XXH3);
    assert_int_equal(topology.points, RC_POINTS_DEFAULT);
    assert_false(topology.tagged);
    assert_false(topology.hash_namespace);
    assert_int_equal(topology.name_space.len, 0);
    assert_int_equal(topology.count, 0);
    assert_string_equal(ringcache_config_error(*state), "");
}

/* The two bounds of a row's range, as text. */
static void split_range(const char *range, char *least, char *most)
{
    const char *dots = strstr(range, "..");
    assert_non_null(dots);
    memcpy(least, range, (size_t)(dots - range));
    least[dots - range] = '\0';
    strcpy(most, dots + 2);
}

static void must_refuse_number(
    ringcache_config *config, const ringcache_option *row, const char *value)
{
    char error[256];
    snprintf(error, sizeof error, "%s: \"%s\" is not a number of %s", row->name, value, row->range);
    must_refuse(config, row->name, value, error);
}

static void a_number_is_taken_up_to_both_bounds_and_refused_beyond(void **state)
{
    size_t numbers = 0;
    for (size_t i = 0; ringcache_option_at(i) != NULL; i++) {
        const ringcache_option *row = ringcache_option_at(i);
        if (strcmp(row->type, "number") != 0) {
            continue;
        }
        char least[32];
        char most[32];
        char beyond[32];
        split_range(row->range, least, most);
        must_set(*state, row->name, least);
        must_set(*state, row->name, most);
        must_set(*state, row->name, row->fallback);
        snprintf(beyond, sizeof beyond, "%llu", strtoull(least, NULL, 10) - 1);
        must_refuse_number(*state, row, beyond);
        snprintf(beyond, sizeof beyond, "%llu", strtoull(most, NULL, 10) + 1);
        must_refuse_number(*state, row, beyond);
        numbers++;
    }
    assert_int_equal(numbers, 12);
}

static void a_number_is_nothing_but_digits(void **state)
{
    static const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "01", "1k", "0x10", "1.5", "abc",
        "1e3", "18446744073709551616", "184467440737095516160"};
    const ringcache_option *row = NULL;
    for (size_t i = 0; (row = ringcache_option_at(i)) != NULL; i++) {
        for (size_t b = 0; strcmp(row->type, "number") == 0 && b < sizeof bad / sizeof bad[0];
             b++) {
            must_refuse_number(*state, row, bad[b]);
        }
    }
    assert_int_equal(rc_config_settings(*state)->timeout_ms, 500);
}

static void each_number_lands_in_its_own_place(void **state)
{
    must_set(*state, "timeout_ms", "11");
    must_set(*state, "connect_timeout_ms", "12");
    must_set(*state, "connections", "13");
    must_set(*state, "max_inflight", "14");
    must_set(*state, "hold_back", "13");
    must_set(*state, "max_queued_bytes", "68719476736");
    must_set(*state, "max_value_bytes", "16");
    must_set(*state, "failover_ttl_ms", "17");
    must_set(*state, "points", "18");
    must_set(*state, "journal_entries", "19");
    must_set(*state, "fence_limit_ms", "120");
    must_set(*state, "on_overflow", "flush");
    must_set(*state, "failover_budget", "20");
    const struct rc_settings *settings = rc_config_settings(*state);
    assert_int_equal(settings->timeout_ms, 11);
    assert_int_equal(settings->connect_timeout_ms, 12);
    assert_int_equal(settings->connections, 13);
    assert_int_equal(settings->max_inflight, 14);
    assert_int_equal(settings->hold_back, 13);
    assert_true(settings->max_queued_bytes == 68719476736U);
    assert_int_equal(settings->max_value_bytes, 16);
    assert_int_equal(settings->failover_ttl_ms, 17);
    assert_int_equal(topology_of(*state).points, 18);
    assert_int_equal(settings->journal_entries, 19);
    assert_int_equal(settings->fence_limit_ms, 120);
    assert_int_equal(settings->on_overflow, RC_ON_OVERFLOW_FLUSH);
    assert_int_equal(settings->failover_budget, 20);
}

static void every_distribution_has_its_name_and_its_own_hash(void **state)
{
    static const struct {
        const char *name;
        enum rc_distribution distribution;
        enum rc_hash hash;
    } rows[] = {
        {"ring", RC_DISTRIBUTION_RING, RC_HASH_XXH3},
        {"ketama", RC_DISTRIBUTION_KETAMA, RC_HASH_MD5},
        {"consistent", RC_DISTRIBUTION_CONSISTENT, RC_HASH_ONE_AT_A_TIME},
        {"spy", RC_DISTRIBUTION_SPY, RC_HASH_MD5},
        {"modula", RC_DISTRIBUTION_MODULA, RC_HASH_ONE_AT_A_TIME},
        {"twemproxy", RC_DISTRIBUTION_TWEMPROXY, RC_HASH_FNV1A_64},
        {"twemproxy_modula", RC_DISTRIBUTION_TWEMPROXY_MODULA, RC_HASH_FNV1A_64},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        must_set(*state, "distribution", rows[i].name);
        assert_int_equal(topology_of(*state).distribution, rows[i].distribution);
        assert_int_equal(topology_of(*state).hash, rows[i].hash);
    }
}

static void a_hash_that_is_set_holds_whatever_the_order(void **state)
{
    must_set(*state, "hash", "murmur");
    must_set(*state, "distribution", "ketama");
    assert_int_equal(topology_of(*state).hash, RC_HASH_MURMUR);
    must_set(*state, "distribution", "modula");
    must_set(*state, "hash", "crc32a");
    assert_int_equal(topology_of(*state).hash, RC_HASH_CRC32A);
    must_set(*state, "hash", "auto");
    assert_int_equal(topology_of(*state).hash, RC_HASH_ONE_AT_A_TIME);
}

static void the_hashes_of_the_table_are_those_of_the_hash_module(void **state)
{
    const char *range = rc_option_find(rc_slice_text("hash"))->row.range;
    char expected[512] = "auto";
    for (int kind = RC_HASH_XXH3; kind <= RC_HASH_JENKINS; kind++) {
        const char *name = rc_hash_name((enum rc_hash)kind);
        must_set(*state, "hash", name);
        assert_int_equal(topology_of(*state).hash, kind);
        strcat(strcat(expected, "|"), name);
    }
    assert_string_equal(range, expected);
    must_set(*state, "hash", "crc32");
    assert_int_equal(topology_of(*state).hash, RC_HASH_CRC);
}

static void an_unknown_choice_is_refused_with_the_known_ones(void **state)
{
    static const char *const others[] = {"jump", "maglev", "rendezvous", "memcached_proxy",
        "evcache", "envoy_ring", "", "Ring", "rin", "rings", "ring|ketama"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char error[256];
        snprintf(error, sizeof error,
            "distribution: \"%s\" is not one of ring, ketama, consistent, spy, modula, twemproxy, "
            "twemproxy_modula",
            others[i]);
        must_refuse(*state, "distribution", others[i], error);
    }
    must_refuse(*state, "hash", "sha1",
        "hash: \"sha1\" is not one of auto, xxh3, one_at_a_time, md5, crc, crc16, crc32a, fnv1_64, "
        "fnv1a_64, fnv1_32, fnv1a_32, hsieh, murmur, murmur3, jenkins");
    must_refuse(*state, "hash_namespace", "true", "hash_namespace: \"true\" is not one of no, yes");
    must_refuse(*state, "integrity", "STRICT", "integrity: \"STRICT\" is not one of auto, strict");
    must_refuse(
        *state, "protocol", "binary", "protocol: \"binary\" is not one of auto, meta, classic");
    must_refuse(
        *state, "failover", "random", "failover: \"random\" is not one of none, remap, gutter");
}

static void each_choice_is_stored(void **state)
{
    must_set(*state, "failover", "remap");
    assert_int_equal(rc_config_settings(*state)->failover, RC_FAILOVER_REMAP);
    must_set(*state, "failover", "gutter");
    assert_int_equal(rc_config_settings(*state)->failover, RC_FAILOVER_GUTTER);
    must_set(*state, "integrity", "strict");
    must_set(*state, "protocol", "classic");
    must_set(*state, "protocol", "meta");
    must_set(*state, "hash_namespace", "yes");
    assert_int_equal(rc_config_settings(*state)->integrity, RC_INTEGRITY_STRICT);
    assert_int_equal(rc_config_settings(*state)->dialect, RC_DIALECT_META);
    assert_true(topology_of(*state).hash_namespace);
    must_set(*state, "hash_namespace", "no");
    assert_false(topology_of(*state).hash_namespace);
}

static void a_hash_tag_is_two_visible_characters_or_nothing(void **state)
{
    must_set(*state, "hash_tag", "{}");
    assert_true(topology_of(*state).tagged);
    assert_memory_equal(topology_of(*state).tag, "{}", 2);
    must_refuse(*state, "hash_tag", "{", "hash_tag: \"{\" is not two visible ASCII characters");
    must_refuse(*state, "hash_tag", "{}}", "hash_tag: \"{}}\" is not two visible ASCII characters");
    must_refuse(*state, "hash_tag", "\xc3\xa4",
        "hash_tag: \"\\xc3\\xa4\" is not two visible ASCII characters");
    must_refuse(*state, "hash_tag", "{ ", "hash_tag: \"{ \" is not two visible ASCII characters");
    assert_true(topology_of(*state).tagged);
    must_set(*state, "hash_tag", "");
    assert_false(topology_of(*state).tagged);
}

static void a_namespace_is_what_may_begin_a_key(void **state)
{
    char longest[202];
    memset(longest, 'n', sizeof longest);
    longest[200] = '\0';
    must_set(*state, "namespace", "a#b=\xff:");
    assert_true(rc_slice_equal(topology_of(*state).name_space, rc_slice_text("a#b=\xff:")));
    must_refuse(*state, "namespace", "a b",
        "namespace: \"a b\" holds a blank or control byte, which no key may");
    must_refuse(*state, "namespace", "a\tb\x1b\x7f",
        "namespace: \"a\\x09b\\x1b\\x7f\" holds a blank or control byte, which no key may");
    assert_true(rc_slice_equal(topology_of(*state).name_space, rc_slice_text("a#b=\xff:")));
    must_set(*state, "namespace", longest);
    assert_int_equal(topology_of(*state).name_space.len, 200);
    longest[200] = 'n';
    longest[201] = '\0';
    must_refuse(*state, "namespace", longest, "namespace: it is longer than 200 bytes");
    must_set(*state, "namespace", "");
    assert_int_equal(topology_of(*state).name_space.len, 0);
}

static void an_unknown_option_is_named_only_when_it_looks_like_one(void **state)
{
    must_refuse(*state, "time_out", "1", "time_out: there is no such option");
    must_refuse(*state, "", "1", "there is no such option");
    must_refuse(*state,
        "a_name_longer_than_any_option_may_well_be_a_password_of_lower_case_letters", "1",
        "there is no such option");
    must_refuse(*state, "Timeout_ms", "1", "there is no such option");
    must_refuse(*state, "redis://:s3cr3t@host", "x", "there is no such option");
}

static void a_value_that_may_hold_a_password_is_not_repeated(void **state)
{
    must_refuse(*state, "timeout_ms", "redis://:s3cr3t@host",
        "timeout_ms: \"***\" is not a number of 1..3600000");
    must_refuse(
        *state, "hash_tag", "s3cr3t@host", "hash_tag: \"***\" is not two visible ASCII characters");
    must_refuse(*state, "integrity", "redis://user:s3cr3t",
        "integrity: \"***\" is not one of auto, strict");
}

static void a_long_value_is_cut_in_its_error(void **state)
{
    char value[2000];
    memset(value, 'x', sizeof value);
    value[sizeof value - 1] = '\0';
    assert_int_equal(ringcache_config_set(*state, "timeout_ms", value), RINGCACHE_ECONFIG);
    assert_non_null(strstr(ringcache_config_error(*state), "xxx...\" is not a number of 1.."));
    assert_true(strlen(ringcache_config_error(*state)) < 160);
}

static void a_missing_argument_is_refused(void **state)
{
    assert_int_equal(ringcache_config_new(NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_config_set(NULL, "points", "1"), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_config_set(*state, NULL, "1"), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_config_set(*state, "points", NULL), RINGCACHE_EINVAL);
    assert_string_equal(ringcache_config_error(*state), "an option and its value must not be NULL");
    assert_int_equal(ringcache_config_add_server(*state, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_config_check(NULL), RINGCACHE_EINVAL);
    assert_string_equal(ringcache_config_error(NULL), "");
    assert_int_equal(ringcache_config_warning_count(NULL), 0);
    ringcache_config_free(NULL);
}

static void an_error_stays_until_the_next_one_and_may_be_set(void **state)
{
    char text[600];
    memset(text, 'e', sizeof text);
    text[sizeof text - 1] = '\0';
    must_refuse(*state, "points", "0", "points: \"0\" is not a number of 1..65536");
    must_set(*state, "points", "1");
    assert_string_equal(
        ringcache_config_error(*state), "points: \"0\" is not a number of 1..65536");
    rc_config_set_error(*state, text);
    assert_int_equal(strlen(ringcache_config_error(*state)), 511);
    rc_config_set_error(*state, ringcache_config_error(*state) + 509);
    assert_string_equal(ringcache_config_error(*state), "ee");
}

static char *read_documentation(void)
{
    FILE *file = fopen(DOCUMENTATION, "rb");
    assert_non_null(file);
    char *text = calloc(1, 64 * 1024);
    assert_non_null(text);
    assert_in_range(fread(text, 1, 64 * 1024 - 1, file), 1, 64 * 1024 - 2);
    fclose(file);
    return text;
}

/* "a|b" as the page writes it: "a, b". */
static void spell_range(char *out, const char *range)
{
    for (; *range != '\0'; range++) {
        if (*range == '|') {
            *out++ = ',';
        }
        *out++ = (char)(*range == '|' ? ' ' : *range);
    }
    *out = '\0';
}

static void the_documentation_lists_exactly_the_table_of_options(void **state)
{
    (void)state;
    char *text = read_documentation();
    char *heading = strstr(text, "| option | type | unit | range | default | what it says |\n");
    assert_non_null(heading);
    char *line = strchr(strchr(heading, '\n') + 1, '\n') + 1;
    for (size_t i = 0; ringcache_option_at(i) != NULL; i++) {
        const ringcache_option *row = ringcache_option_at(i);
        char range[512];
        char expected[1024];
        spell_range(range, row->range);
        int len = snprintf(expected, sizeof expected, "| `%s` | %s | %s | %s | %s | %s |\n",
            row->name, row->type, row->unit, range, row->fallback, row->summary);
        assert_memory_equal(line, expected, (size_t)len);
        line += len;
    }
    assert_int_equal(*line, '\n');
    free(text);
}

static void the_table_ends_with_null_and_its_defaults_are_accepted(void **state)
{
    size_t count = 0;
    for (; ringcache_option_at(count) != NULL; count++) {
        const ringcache_option *row = ringcache_option_at(count);
        if (strcmp(row->type, "uri") != 0) {
            must_set(*state, row->name, row->fallback);
        }
        assert_true(row->summary[strlen(row->summary) - 1] == '.');
    }
    assert_int_equal(count, RC_OPTION_COUNT);
    assert_null(ringcache_option_at(SIZE_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_config(a_new_configuration_has_the_documented_defaults),
        with_config(a_number_is_taken_up_to_both_bounds_and_refused_beyond),
        with_config(a_number_is_nothing_but_digits),
        with_config(each_number_lands_in_its_own_place),
        with_config(every_distribution_has_its_name_and_its_own_hash),
        with_config(a_hash_that_is_set_holds_whatever_the_order),
        with_config(the_hashes_of_the_table_are_those_of_the_hash_module),
        with_config(an_unknown_choice_is_refused_with_the_known_ones),
        with_config(each_choice_is_stored),
        with_config(a_hash_tag_is_two_visible_characters_or_nothing),
        with_config(a_namespace_is_what_may_begin_a_key),
        with_config(an_unknown_option_is_named_only_when_it_looks_like_one),
        with_config(a_value_that_may_hold_a_password_is_not_repeated),
        with_config(a_long_value_is_cut_in_its_error),
        with_config(a_missing_argument_is_refused),
        with_config(an_error_stays_until_the_next_one_and_may_be_set),
        cmocka_unit_test(the_documentation_lists_exactly_the_table_of_options),
        with_config(the_table_ends_with_null_and_its_defaults_are_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

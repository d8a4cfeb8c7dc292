/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char path[] = "cache.conf";

/* Reads that a signal interrupts before any comes through. The linker puts this in read's place. */
static unsigned interruptions;

ssize_t __real_read(int fd, void *room, size_t len);
ssize_t __wrap_read(int fd, void *room, size_t len);

ssize_t __wrap_read(int fd, void *room, size_t len)
{
    if (interruptions > 0) {
        interruptions--;
        errno = EINTR;
        return -1;
    }
    return __real_read(fd, room, len);
}

static void must_load(ringcache_config *config, const char *text)
{
    write_text(path, text);
    if (ringcache_config_load_file(config, path) != 0) {
        fail_msg("%s", ringcache_config_error(config));
    }
}

static void must_not_load(
    ringcache_config *config, const void *bytes, size_t len, const char *error)
{
    write_file(path, bytes, len);
    assert_int_equal(ringcache_config_load_file(config, path), RINGCACHE_ECONFIG);
    assert_string_equal(ringcache_config_error(config), error);
}

static struct rc_slice name_space_of(const ringcache_config *config)
{
    struct rc_topology topology;
    struct rc_member members[4];
    rc_config_topology(config, RC_ROLE_ANY, &topology, members);
    return topology.name_space;
}

static void a_file_sets_options_and_adds_servers(void **state)
{
    must_set(*state, "server", "memcached://first");
    must_set(*state, "timeout_ms", "7");
    must_set(*state, "connections", "2");
    must_load(*state, "# two caches\n"
                      "\n"
                      "timeout_ms = 200\n"
                      "   \t \n"
                      "\tnamespace=app#1:\n"
                      "  # indented\n"
                      "server = memcached://10.0.0.1:11211?name=cache-1&weight=2\n"
                      "server=redis://:pw@10.0.0.2?name=cache-2  \t\n"
                      "hash_tag =\n"
                      "integrity   =\t strict");
    assert_int_equal(rc_config_settings(*state)->timeout_ms, 200);
    assert_int_equal(rc_config_settings(*state)->connections, 2);
    assert_int_equal(rc_config_settings(*state)->integrity, RC_INTEGRITY_STRICT);
    assert_true(rc_slice_equal(name_space_of(*state), rc_slice_text("app#1:")));
    assert_int_equal(rc_config_server_count(*state), 3);
    assert_string_equal(rc_config_server(*state, 0)->member.name, "first:11211");
    assert_string_equal(rc_config_server(*state, 1)->member.name, "cache-1");
    assert_string_equal(rc_config_server(*state, 1)->place, "cache.conf:7:10");
    assert_string_equal(rc_config_server(*state, 2)->place, "cache.conf:8:8");
    assert_string_equal(rc_config_server(*state, 2)->password, "pw");
}

static void a_read_that_is_interrupted_goes_on(void **state)
{
    interruptions = 3;
    must_load(*state, "timeout_ms = 8\n");
    assert_int_equal(interruptions, 0);
    assert_int_equal(rc_config_settings(*state)->timeout_ms, 8);
}

static void the_later_of_two_values_counts(void **state)
{
    must_load(*state, "points = 3\npoints = 4\n");
    must_load(*state, "timeout_ms = 5\n");
    struct rc_topology topology;
    rc_config_topology(*state, RC_ROLE_ANY, &topology, NULL);
    assert_int_equal(topology.points, 4);
    assert_int_equal(rc_config_settings(*state)->timeout_ms, 5);
}

static void line_ends_of_both_kinds_and_a_byte_order_mark_are_read(void **state)
{
    must_load(*state, "\xef\xbb\xbfnamespace = a\r\n\r\n# x\r\ntimeout_ms = 9\r");
    assert_true(rc_slice_equal(name_space_of(*state), rc_slice_text("a")));
    assert_int_equal(rc_config_settings(*state)->timeout_ms, 9);
}

static void an_empty_file_changes_nothing(void **state)
{
    must_load(*state, "");
    must_load(*state, "\n");
    assert_int_equal(rc_config_settings(*state)->timeout_ms, 500);
}

static void a_refused_line_is_told_with_its_place(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"\n\n\n\n\n\n\n\n\n\n\ntimeout_ms   = abc\n",
            "cache.conf:12:16: timeout_ms: \"abc\" is not a number of 1..3600000"},
        {"timeout_ms=0", "cache.conf:1:12: timeout_ms: \"0\" is not a number of 1..3600000"},
        {"# a\r\n\r\n timeout_ms = \r\n",
            "cache.conf:3:15: timeout_ms: \"\" is not a number of 1..3600000"},
        {"timeout_ms = 1 # one",
            "cache.conf:1:14: timeout_ms: \"1 # one\" is not a number of 1..3600000"},
        {"points = 1\n  time_out = 1\n", "cache.conf:2:3: time_out: there is no such option"},
        {"two words = 1\n", "cache.conf:1:1: there is no such option"},
        {"= 1\n", "cache.conf:1:1: there is no such option"},
        {"\n  timeout_ms 5\n", "cache.conf:2:3: a line is option = value, a # comment, or empty"},
        {"redis://:s3cr3t@h\n", "cache.conf:1:1: a line is option = value, a # comment, or empty"},
        {"redis://:s3cr3t@h?name=x\n", "cache.conf:1:1: there is no such option"},
        {"server = redis://u:s3cr3t@h:x\n",
            "cache.conf:1:10: server: redis://u:***@h:***: the port is not a number of 1..65535"},
        {"timeout_ms = 1\x1b[31m\n", "cache.conf:1:15: the byte \\x1b stands in no text file"},
        {"# \x07\n", "cache.conf:1:3: the byte \\x07 stands in no text file"},
        {"points = 1\r0\n", "cache.conf:1:11: the byte \\x0d stands in no text file"},
        {"\xef\xbb\xbfpoints = x\n", "cache.conf:1:13: points: \"x\" is not a number of 1..65536"},
        {"failover = replicas\n",
            "cache.conf:1:12: failover: \"replicas\" is not one of none, remap, gutter"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        must_not_load(*state, rows[i].text, strlen(rows[i].text), rows[i].error);
    }
}

static void a_file_that_is_refused_changes_nothing(void **state)
{
    static const char text[] = "namespace = b\nserver = redis://h\ntimeout_ms = 1\nx = 1\n";
    must_set(*state, "namespace", "a");
    must_set(*state, "server", "memcached://kept");
    must_not_load(*state, text, strlen(text), "cache.conf:4:1: x: there is no such option");
    assert_true(rc_slice_equal(name_space_of(*state), rc_slice_text("a")));
    assert_int_equal(rc_config_settings(*state)->timeout_ms, 500);
    assert_int_equal(rc_config_server_count(*state), 1);
}

static void a_binary_file_is_refused_at_its_first_such_byte(void **state)
{
    static const char nul[] = "points = 1\npoints\0= 2\n";
    static const char elf[] = "\x7f"
                              "ELF\x02\x01";
    static const char utf16[] = "p\0o\0";
    must_not_load(
        *state, nul, sizeof nul - 1, "cache.conf:2:7: the byte \\x00 stands in no text file");
    must_not_load(
        *state, elf, sizeof elf - 1, "cache.conf:1:1: the byte \\x7f stands in no text file");
    must_not_load(
        *state, utf16, sizeof utf16 - 1, "cache.conf:1:2: the byte \\x00 stands in no text file");
    must_not_load(*state, "\0\n", 2, "cache.conf:1:1: the byte \\x00 stands in no text file");
}

static void a_huge_file_of_nul_bytes_is_refused_at_its_first_one(void **state)
{
    write_text(path, "# ");
    assert_int_equal(truncate(path, (off_t)1 << 33), 0);
    assert_int_equal(ringcache_config_load_file(*state, path), RINGCACHE_ECONFIG);
    assert_string_equal(
        ringcache_config_error(*state), "cache.conf:1:3: the byte \\x00 stands in no text file");
    assert_int_equal(truncate(path, 0), 0);
}

static void a_file_that_cannot_be_read_is_a_negative_errno(void **state)
{
    (void)mkdir("directory.conf", 0700);
    assert_int_equal(ringcache_config_load_file(*state, "directory.conf"), -EISDIR);
    assert_non_null(strstr(ringcache_config_error(*state), "directory.conf: "));
    assert_int_equal(ringcache_config_load_file(*state, "missing.conf"), -ENOENT);
    assert_non_null(strstr(ringcache_config_error(*state), "missing.conf: "));
    assert_int_equal(ringcache_config_load_file(*state, "cache.conf/x"), -ENOTDIR);
    assert_int_equal(ringcache_config_load_file(*state, NULL), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_config_load_file(NULL, path), RINGCACHE_EINVAL);
}

static void the_name_of_a_file_is_escaped_and_shortened_in_a_place(void **state)
{
    char name[256];
    memset(name, 'd', sizeof name);
    memcpy(name + 240, "\x1b.conf", 7);
    write_text(name, "x = 1\n");
    assert_int_equal(ringcache_config_load_file(*state, name), RINGCACHE_ECONFIG);
    const char *error = ringcache_config_error(*state);
    assert_memory_equal(error, "...ddd", 6);
    assert_non_null(strstr(error, "d\\x1b.conf:1:1: x: there is no such option"));
    assert_int_equal(unlink(name), 0);
}

static void a_line_may_have_any_length(void **state)
{
    size_t len = 3U << 20;
    char *text = malloc(len + 64);
    assert_non_null(text);
    memset(text, ' ', len);
    text[0] = '#';
    text[len / 2] = '\n';
    strcpy(text + len, "timeout_ms = 8\npoints = x");
    write_text(path, text);
    assert_int_equal(ringcache_config_load_file(*state, path), RINGCACHE_ECONFIG);
    char error[128];
    snprintf(error, sizeof error, "cache.conf:3:10: points: \"x\" is not a number of 1..65536");
    assert_string_equal(ringcache_config_error(*state), error);
    strcpy(text + len, "timeout_ms = 8");
    must_load(*state, text);
    assert_int_equal(rc_config_settings(*state)->timeout_ms, 8);
    free(text);
}

static char *server_lines(size_t count, size_t *len)
{
    enum { LINE = 40 };
    char *text = malloc(count * LINE + 1);
    assert_non_null(text);
    *len = 0;
    for (size_t i = 0; i < count; i++) {
        *len += (size_t)snprintf(text + *len, LINE, "server = memcached://cache-%zu\n", i);
    }
    return text;
}

static void a_file_of_100000_servers_stops_at_the_65536th(void **state)
{
    size_t len;
    char *text = server_lines(100000, &len);
    must_not_load(*state, text, len, "cache.conf:65536:10: server: there are more than 65535");
    assert_int_equal(rc_config_server_count(*state), 0);
    free(text);
}

static void a_file_of_65535_servers_is_read_whole(void **state)
{
    size_t len;
    char *text = server_lines(65535, &len);
    write_file(path, text, len);
    assert_int_equal(ringcache_config_load_file(*state, path), 0);
    assert_int_equal(rc_config_server_count(*state), 65535);
    assert_string_equal(rc_config_server(*state, 65534)->place, "cache.conf:65535:10");
    must_refuse(*state, "server", "memcached://more", "server: there are more than 65535");
    free(text);
}

static void a_copy_of_a_configuration_lives_on_its_own(void **state)
{
    ringcache_config *copy;
    must_load(*state, "namespace = n\nhash = crc\nserver = redis://u:pw@10.0.0.1/2\npoints = 9\n");
    assert_int_equal(rc_config_copy(&copy, *state), 0);
    must_set(*state, "namespace", "other");
    must_set(*state, "points", "10");
    must_set(*state, "server", "memcached://b");
    struct rc_topology topology;
    struct rc_member member;
    assert_int_equal(rc_config_server_count(copy), 1);
    rc_config_topology(copy, RC_ROLE_ANY, &topology, &member);
    assert_true(rc_slice_equal(topology.name_space, rc_slice_text("n")));
    assert_int_equal(topology.points, 9);
    assert_int_equal(topology.hash, RC_HASH_CRC);
    const struct rc_server_uri *server = rc_config_server(copy, 0);
    assert_string_equal(server->password, "pw");
    assert_string_equal(server->place, "cache.conf:3:10");
    assert_int_equal(server->database, 2);
    assert_int_equal(ringcache_config_check(copy), 0);
    assert_memory_equal(ringcache_config_warning(copy, 0), "cache.conf:2:8: hash: ", 22);
    must_set(copy, "server", "memcached://c");
    ringcache_config_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_config(a_file_sets_options_and_adds_servers),
        with_config(a_read_that_is_interrupted_goes_on),
        with_config(the_later_of_two_values_counts),
        with_config(line_ends_of_both_kinds_and_a_byte_order_mark_are_read),
        with_config(an_empty_file_changes_nothing),
        with_config(a_refused_line_is_told_with_its_place),
        with_config(a_file_that_is_refused_changes_nothing),
        with_config(a_binary_file_is_refused_at_its_first_such_byte),
        with_config(a_huge_file_of_nul_bytes_is_refused_at_its_first_one),
        with_config(a_file_that_cannot_be_read_is_a_negative_errno),
        with_config(the_name_of_a_file_is_escaped_and_shortened_in_a_place),
        with_config(a_line_may_have_any_length),
        with_config(a_file_of_100000_servers_stops_at_the_65536th),
        with_config(a_file_of_65535_servers_is_read_whole),
        with_config(a_copy_of_a_configuration_lives_on_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

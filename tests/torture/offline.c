/* SPDX-License-Identifier: MIT */
#include "scenarios.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"
#include "ringcache/ring.h"

enum { SERVERS = 20, COMMENT_BYTES = 200 * 1024 };

static bool worked(int rc)
{
    assert_true(rc == 0 || rc == RINGCACHE_ENOMEM);
    return rc == 0;
}

/* ---- files ---- */

/* Longer than one read, with a warning in the whole: a weight that its distribution leaves out. */
static void write_file(char path[32])
{
    strcpy(path, "/tmp/torture.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");
    assert_non_null(file);
    fprintf(file, "#%*s\nnamespace = n:\ndistribution = modula\n", COMMENT_BYTES, "");
    fprintf(file, "server = redis://user:secret@10.0.0.1/3?name=r&weight=2\n");
    fprintf(file, "server = memcached+unix:///run/memcached\nserver = memcached://[::1]:11211\n");
    assert_int_equal(fclose(file), 0);
}

static void read_file(const char *path)
{
    ringcache_config *config;
    if (worked(ringcache_config_new(&config))) {
        if (worked(ringcache_config_load_file(config, path))) {
            worked(ringcache_config_remove_server(config, "r"));
            worked(ringcache_config_check(config));
        }
        ringcache_config_free(config);
    }
}

static void note_finding(int is_error, const char *text, void *user)
{
    unsigned *findings = user;
    assert_false(is_error);
    assert_null(strstr(text, "secret"));
    ++*findings;
}

static void judge_file(const char *path)
{
    unsigned findings = 0;
    size_t errors = 0;
    if (worked(ringcache_config_judge_file(path, note_finding, &findings, &errors))) {
        assert_int_equal(errors, 0);
    }
}

/* `act` on the file, first under failures, then without: then it has to work. */
static void with_file(void (*act)(const char *path))
{
    char path[32];
    write_file(path);
    act(path);
    torture_memory_relent();
    act(path);
    unlink(path);
}

static void run_reading(const struct scenario *scenario)
{
    (void)scenario;
    with_file(read_file);
}

static void run_judging(const struct scenario *scenario)
{
    (void)scenario;
    with_file(judge_file);
}

/* ---- rings ---- */

static int add_servers(ringcache_config *config, unsigned from, unsigned to)
{
    int rc = 0;
    for (unsigned i = from; rc == 0 && i < to; i++) {
        char uri[64];
        snprintf(uri, sizeof uri, "memcached://10.0.0.%u:11211", i);
        rc = ringcache_config_add_server(config, uri);
    }
    return rc;
}

static ringcache_ring *make_ring(const char *distribution, unsigned from, unsigned to)
{
    ringcache_config *config;
    ringcache_ring *ring = NULL;
    if (!worked(ringcache_config_new(&config))) {
        return NULL;
    }
    int rc = ringcache_config_set(config, "distribution", distribution);
    rc = rc == 0 ? add_servers(config, from, to) : rc;
    if (worked(rc) && worked(ringcache_ring_new(&ring, config))) {
        assert_int_equal(ringcache_ring_server_count(ring), to - from);
    }
    ringcache_config_free(config);
    return ring;
}

static bool compare_rings(const struct scenario *scenario)
{
    ringcache_ring *from = make_ring(scenario->options[0], 1, SERVERS);
    ringcache_ring *to = make_ring(scenario->options[1], 3, SERVERS + 3);
    ringcache_ring_change *change = NULL;
    bool compared = from != NULL && to != NULL && worked(ringcache_ring_diff(from, to, &change));
    if (compared) {
        assert_true(ringcache_ring_change_moved(change) > 0);
    }
    ringcache_ring_change_free(change);
    ringcache_ring_unref(from);
    ringcache_ring_unref(to);
    return compared;
}

static void run_rings(const struct scenario *scenario)
{
    compare_rings(scenario);
    torture_memory_relent();
    assert_true(compare_rings(scenario));
}

static void run_address(const struct scenario *scenario)
{
    struct rc_server_uri uri;
    char why[256];
    (void)scenario;
    if (worked(rc_server_uri_parse("redis://user:secret@h?name=r", &uri, why, sizeof why))) {
        assert_string_equal(uri.member.name, "r");
        rc_server_uri_deinit(&uri);
    }
}

const struct scenario offline_scenarios[] = {
    {.name = "reading a file", .run = run_reading},
    {.name = "judging a file", .run = run_judging},
    {.name = "rings", .run = run_rings, .options = {"ring", "ring"}},
    {.name = "ketama rings", .run = run_rings, .options = {"ketama", "ketama"}},
    {.name = "modula rings", .run = run_rings, .options = {"modula", "modula"}},
    {.name = "twemproxy rings", .run = run_rings, .options = {"twemproxy", "twemproxy"}},
    {.name = "rings of two kinds", .run = run_rings, .options = {"ring", "ketama"}},
    {.name = "an address", .run = run_address},
    {.name = NULL},
};

/* SPDX-License-Identifier: MIT */
/* A program that forks, or starts another one, with live connections: they stay its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cache.h"
#include "servers.h"

enum { SERVERS = 2, KEYS = 200, DESCRIPTORS = 256 };

struct stage {
    struct server servers[SERVERS];
    struct cache cache;
    unsigned answered;
};

/* One key of many, and what is known of it. */
struct question {
    struct stage *stage;
    char key[16];
};

static void open_stage(struct stage *stage)
{
    char uris[SERVERS][SERVER_URI_SIZE];
    const char *list[SERVERS + 1] = {0};
    memset(stage, 0, sizeof *stage);
    stage->servers[1].kind = SERVER_REDIS;
    for (unsigned i = 0; i < SERVERS; i++) {
        assert_true(server_start(&stage->servers[i]));
        list[i] = server_uri(&stage->servers[i], NULL, uris[i]);
    }
    cache_open(&stage->cache, list, NULL);
    for (unsigned i = 0; i < KEYS; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%u", i);
        assert_int_equal(cache_set(&stage->cache, key, key).status, RINGCACHE_OK);
    }
    assert_int_equal(stage->cache.events[RINGCACHE_EVENT_UP], SERVERS);
}

/* Both servers were in service all the time. */
static void close_stage(struct stage *stage)
{
    assert_int_equal(stage->cache.events[RINGCACHE_EVENT_UP], SERVERS);
    assert_int_equal(stage->cache.events[RINGCACHE_EVENT_DOWN], 0);
    assert_int_equal(stage->cache.events[RINGCACHE_EVENT_EJECTED], 0);
    cache_close(&stage->cache);
    for (unsigned i = 0; i < SERVERS; i++)
        server_discard(&stage->servers[i]);
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    const struct question *question = user;
    (void)client;
    assert_int_equal(reply->status, RINGCACHE_OK);
    assert_int_equal(reply->value.len, strlen(question->key));
    assert_memory_equal(reply->value.data, question->key, reply->value.len);
    question->stage->answered++;
}

/* All keys at once; half of the questions are on their way when `meanwhile` runs. */
static void ask_for_all(struct stage *stage, void (*meanwhile)(void))
{
    static struct question questions[KEYS];
    stage->answered = 0;
    for (unsigned i = 0; i < KEYS; i++) {
        questions[i].stage = stage;
        int len = snprintf(questions[i].key, sizeof questions[i].key, "key%u", i);
        assert_int_equal(ringcache_get(stage->cache.client, questions[i].key, (size_t)len, on_reply,
                             &questions[i]),
            0);
        if (i == KEYS / 2)
            uv_run(&stage->cache.loop, UV_RUN_NOWAIT);
    }
    meanwhile();
    cache_run(&stage->cache, 100);
    assert_int_equal(stage->answered, KEYS);
}

/* As a daemon does: the child closes all that it has inherited, and ends. */
static void fork_and_close_everything(void)
{
    int status = -1;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (int fd = 0; fd < DESCRIPTORS; fd++)
            close(fd);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void nothing(void)
{
}

static void a_child_that_leaves_the_client_alone_costs_its_parent_no_request(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage);
    for (int round = 0; round < 5; round++) {
        ask_for_all(&stage, fork_and_close_everything);
        ask_for_all(&stage, nothing);
    }
    close_stage(&stage);
}

/* Descriptors of sockets and loops that a program sees which this one starts. */
static unsigned inherited(void)
{
    char line[512];
    unsigned count = 0;
    FILE *listing = popen("ls -l /proc/self/fd", "r");
    assert_non_null(listing);
    while (fgets(line, sizeof line, listing) != NULL)
        count += strstr(line, "socket:") != NULL || strstr(line, "anon_inode:") != NULL;
    assert_int_equal(pclose(listing), 0);
    return count;
}

static void a_program_that_is_started_inherits_no_connection(void **state)
{
    struct stage stage;
    (void)state;
    unsigned before = inherited();
    open_stage(&stage);
    assert_int_equal(inherited(), before);
    close_stage(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_that_leaves_the_client_alone_costs_its_parent_no_request),
        cmocka_unit_test(a_program_that_is_started_inherits_no_connection),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}

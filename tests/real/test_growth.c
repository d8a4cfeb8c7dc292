/* SPDX-License-Identifier: MIT */
/* Rings that are built aside, on a real loop: by changes that other threads have posted, until the
 * loop ends, and when it ends before. No server is needed; all of it is built a second time with
 * ThreadSanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ringcache/ringcache.h"

enum { SERVERS = 2000, THREADS = 3, CHANGES = 30, CLOSINGS = 20 };

struct stage {
    uv_loop_t loop;
    ringcache_client *client;
    unsigned changed, others; /* events */
    uint64_t digest;          /* of the last ring that was told */
};

static void write_uri(char uri[64], unsigned n)
{
    snprintf(uri, 64, "memcached://127.0.0.1:1?name=s%u", n);
}

static ringcache_config *config_of(unsigned servers)
{
    ringcache_config *config;
    char uri[64];
    assert_int_equal(ringcache_config_new(&config), 0);
    assert_int_equal(ringcache_config_set(config, "points", "40"), 0);
    for (unsigned n = 0; n < servers; n++) {
        write_uri(uri, n);
        assert_int_equal(ringcache_config_add_server(config, uri), 0);
    }
    return config;
}

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    struct stage *stage = user;
    assert_ptr_equal(client, stage->client);
    stage->changed += event->type == RINGCACHE_EVENT_RING_CHANGED;
    stage->others += event->type != RINGCACHE_EVENT_RING_CHANGED;
    stage->digest = event->ring_digest;
}

static void open_stage(struct stage *stage)
{
    ringcache_config *config = config_of(SERVERS);
    *stage = (struct stage){.changed = 0};
    assert_int_equal(uv_loop_init(&stage->loop), 0);
    assert_int_equal(ringcache_client_new(&stage->client, &stage->loop, config), 0);
    ringcache_client_on_event(stage->client, on_event, stage);
    ringcache_config_free(config);
}

/* The loop runs to its end, and then nothing is left. */
static void close_stage(struct stage *stage)
{
    ringcache_client_close(stage->client, NULL, NULL);
    assert_int_equal(uv_run(&stage->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&stage->loop), 0);
}

static void add(ringcache_client *client, unsigned n)
{
    char uri[64];
    write_uri(uri, n);
    assert_int_equal(ringcache_server_add(client, uri), 0);
}

/* The digest of a ring does not depend on the order in which its servers came. */
static void assert_told(const struct stage *stage, unsigned changes, unsigned servers)
{
    ringcache_config *config = config_of(servers);
    ringcache_ring *ring;
    assert_int_equal(ringcache_ring_new(&ring, config), 0);
    assert_int_equal(stage->changed, changes);
    assert_int_equal(stage->others, 0);
    assert_true(stage->digest == ringcache_ring_digest(ring));
    ringcache_ring_unref(ring);
    ringcache_config_free(config);
}

/* What the loop waits for is nothing but the ring. */
static void the_loop_does_not_end_before_the_ring_is_in_force(void **state)
{
    (void)state;
    struct stage stage;
    open_stage(&stage);
    add(stage.client, SERVERS);
    add(stage.client, SERVERS + 1);
    assert_int_equal(uv_run(&stage.loop, UV_RUN_DEFAULT), 0);
    assert_told(&stage, 2, SERVERS + 2);
    close_stage(&stage);
}

struct poster {
    uv_thread_t thread;
    ringcache_client *client;
    unsigned first; /* of the servers that it adds */
    unsigned next;  /* in the loop's thread */
};

static void post_add(ringcache_client *client, void *user)
{
    struct poster *poster = user;
    add(client, poster->first + poster->next++);
}

static void post_all(void *argument)
{
    struct poster *poster = argument;
    for (unsigned i = 0; i < CHANGES; i++) {
        assert_int_equal(ringcache_post(poster->client, post_add, poster), 0);
        uv_sleep(1);
    }
}

static void changes_that_threads_post_are_all_told_and_in_force(void **state)
{
    (void)state;
    struct stage stage;
    struct poster posters[THREADS];
    open_stage(&stage);
    ringcache_client_ref(stage.client);
    for (unsigned i = 0; i < THREADS; i++) {
        posters[i] = (struct poster){.client = stage.client, .first = SERVERS + i * CHANGES};
        assert_int_equal(uv_thread_create(&posters[i].thread, post_all, &posters[i]), 0);
    }
    while (stage.changed < THREADS * CHANGES) {
        uv_run(&stage.loop, UV_RUN_ONCE);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        uv_thread_join(&posters[i].thread);
    }
    assert_told(&stage, THREADS * CHANGES, SERVERS + THREADS * CHANGES);
    close_stage(&stage);
}

/* Before its thread has begun, in the midst of it, and when it is done and not yet told. */
static void a_loop_may_end_while_a_ring_is_built(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CLOSINGS; i++) {
        struct stage stage;
        open_stage(&stage);
        add(stage.client, SERVERS);
        add(stage.client, SERVERS + 1);
        uv_sleep(i);
        if (i % 2 == 0) {
            uv_run(&stage.loop, UV_RUN_NOWAIT);
        }
        close_stage(&stage);
        assert_int_equal(stage.others, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_loop_does_not_end_before_the_ring_is_in_force),
        cmocka_unit_test(changes_that_threads_post_are_all_told_and_in_force),
        cmocka_unit_test(a_loop_may_end_while_a_ring_is_built),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

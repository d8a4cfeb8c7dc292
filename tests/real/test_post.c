/* SPDX-License-Identifier: MIT */
/* ringcache_post, from threads that are not the loop's. No server is needed; what may race is built
 * a second time with ThreadSanitizer. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/epoll.h>

#include <cmocka.h>

#include "ringcache/ringcache.h"

enum { THREADS = 4, POSTS = 10000, CLOSINGS = 20, PATIENCE_MS = 20000 };

/* A client without servers on the program's loop, or on one of its own. */
struct stage {
    uv_loop_t loop;
    ringcache_client *client;
    unsigned closed;
    char log[32]; /* a letter for each thing that ran */
};

/* ---- memory that runs out ---- */

static int allocations_left = -1; /* -1: any number */

void *__real_rc_alloc(size_t size);
void *__wrap_rc_alloc(size_t size);
void *__real_rc_alloc_zeroed(size_t count, size_t size);
void *__wrap_rc_alloc_zeroed(size_t count, size_t size);

/* Read by posting threads as well, which change nothing while any number is left. */
static bool memory_is_left(void)
{
    if (allocations_left < 0)
        return true;
    if (allocations_left == 0)
        return false;
    allocations_left--;
    return true;
}

void *__wrap_rc_alloc(size_t size)
{
    return memory_is_left() ? __real_rc_alloc(size) : NULL;
}

void *__wrap_rc_alloc_zeroed(size_t count, size_t size)
{
    return memory_is_left() ? __real_rc_alloc_zeroed(count, size) : NULL;
}

/* ---- a wake that takes its time ---- */

static bool wake_is_slow;

int __real_uv_async_send(uv_async_t *async);
int __wrap_uv_async_send(uv_async_t *async);

static void sleep_ms(unsigned ms)
{
    const struct timespec wait = {.tv_nsec = ms * 1000000L};
    nanosleep(&wait, NULL);
}

int __wrap_uv_async_send(uv_async_t *async)
{
    if (wake_is_slow)
        sleep_ms(5);
    return async->type == UV_ASYNC ? __real_uv_async_send(async) : UV_EINVAL;
}

/* ---- the stage ---- */

static void note(struct stage *stage, char letter)
{
    size_t len = strlen(stage->log);
    assert_true(len + 1 < sizeof stage->log);
    stage->log[len] = letter;
}

static void on_close(ringcache_client *client, void *user)
{
    struct stage *stage = user;
    assert_ptr_equal(client, stage->client);
    stage->closed++;
    note(stage, 'X');
}

static void open_client(struct stage *stage, uv_loop_t *loop)
{
    ringcache_config *config;
    assert_int_equal(ringcache_config_new(&config), 0);
    assert_int_equal(ringcache_client_new(&stage->client, loop, config), 0);
    ringcache_config_free(config);
}

static void open_stage(struct stage *stage)
{
    memset(stage, 0, sizeof *stage);
    assert_int_equal(uv_loop_init(&stage->loop), 0);
    open_client(stage, &stage->loop);
}

/* The loop runs to its end, and then nothing is left. */
static void close_stage(struct stage *stage)
{
    ringcache_client_close(stage->client, on_close, stage);
    assert_int_equal(uv_run(&stage->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(stage->closed, 1);
    assert_int_equal(uv_loop_close(&stage->loop), 0);
}

static void post_a(ringcache_client *client, void *user)
{
    (void)client;
    note(user, 'a');
}

static void post_b(ringcache_client *client, void *user)
{
    (void)client;
    note(user, 'b');
}

static void post_close(ringcache_client *client, void *user)
{
    note(user, 'c');
    ringcache_client_close(client, on_close, user);
}

/* Sleep and step as another event loop would, until the client is gone. */
static unsigned drive(ringcache_client *client)
{
    unsigned steps = 0;
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event ready = {.events = EPOLLIN};
    assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, ringcache_loop_fd(client), &ready), 0);
    while (ringcache_loop_step(client) == 0) {
        int timeout_ms = ringcache_loop_timeout_ms(client);
        steps++;
        if (epoll_wait(epoll, &ready, 1, timeout_ms < 0 ? PATIENCE_MS : timeout_ms) == 0)
            assert_true(timeout_ms >= 0);
    }
    close(epoll);
    return steps;
}

/* ---- many threads ---- */

struct crowd {
    struct stage stage;
    struct member {
        struct crowd *crowd;
        pthread_t thread;
        unsigned ran; /* of its posts */
        int refused;  /* by whatever code */
        struct stamp {
            struct member *member;
            unsigned number;
        } stamps[POSTS];
    } members[THREADS];
    unsigned ran;
    unsigned out_of_order;
};

static void on_stamp(ringcache_client *client, void *user)
{
    const struct stamp *stamp = user;
    struct crowd *crowd = stamp->member->crowd;
    crowd->out_of_order += stamp->number != stamp->member->ran;
    stamp->member->ran++;
    if (++crowd->ran == THREADS * POSTS)
        ringcache_client_close(client, on_close, &crowd->stage);
}

static void *post_all(void *user)
{
    struct member *member = user;
    for (unsigned i = 0; i < POSTS; i++) {
        member->stamps[i] = (struct stamp){member, i};
        member->refused |=
            ringcache_post(member->crowd->stage.client, on_stamp, &member->stamps[i]);
    }
    return NULL;
}

static void start_crowd(struct crowd *crowd)
{
    for (unsigned i = 0; i < THREADS; i++) {
        struct member *member = &crowd->members[i];
        member->crowd = crowd;
        assert_int_equal(pthread_create(&member->thread, NULL, post_all, member), 0);
    }
}

static void end_crowd(struct crowd *crowd)
{
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(crowd->members[i].thread, NULL), 0);
        assert_int_equal(crowd->members[i].refused, 0);
        assert_int_equal(crowd->members[i].ran, POSTS);
    }
    assert_int_equal(crowd->out_of_order, 0);
    assert_int_equal(crowd->stage.closed, 1);
}

static void posts_of_four_threads_run_once_each_and_in_order(void **state)
{
    static struct crowd crowd;
    (void)state;
    open_stage(&crowd.stage);
    ringcache_client_ref(crowd.stage.client);
    start_crowd(&crowd);
    assert_int_equal(uv_run(&crowd.stage.loop, UV_RUN_DEFAULT), 0);
    end_crowd(&crowd);
    assert_int_equal(uv_loop_close(&crowd.stage.loop), 0);
}

static void posts_of_four_threads_run_once_each_on_a_loop_of_the_clients_own(void **state)
{
    static struct crowd crowd;
    (void)state;
    open_client(&crowd.stage, NULL);
    start_crowd(&crowd);
    drive(crowd.stage.client);
    end_crowd(&crowd);
}

/* ---- one thread ---- */

struct visitor {
    struct stage *stage;
    pthread_t thread;
    ringcache_post_cb fn;
    unsigned wait_ms;
    int result;
};

static void *post_one(void *user)
{
    struct visitor *visitor = user;
    sleep_ms(visitor->wait_ms);
    visitor->result = ringcache_post(visitor->stage->client, visitor->fn, visitor->stage);
    return NULL;
}

static void send_visitor(struct visitor *visitor)
{
    assert_int_equal(pthread_create(&visitor->thread, NULL, post_one, visitor), 0);
}

static void await_visitor(struct visitor *visitor)
{
    assert_int_equal(pthread_join(visitor->thread, NULL), 0);
    assert_int_equal(visitor->result, 0);
}

static void on_answer(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    int status = ringcache_get(client, "key", 3, on_answer, user);
    assert_int_equal(status, reply->status == RINGCACHE_ECANCELED ? RINGCACHE_ECLOSING : status);
}

/* The loop is busy, and would find the post while its thread is still in ringcache_post. */
static void a_post_may_close_the_client_that_it_was_posted_to(void **state)
{
    (void)state;
    wake_is_slow = true;
    for (unsigned i = 0; i < CLOSINGS; i++) {
        struct stage stage;
        struct visitor visitor = {.stage = &stage, .fn = post_close};
        open_stage(&stage);
        assert_int_equal(ringcache_server_add(stage.client, "memcached://127.0.0.1:1"), 0);
        assert_int_equal(ringcache_get(stage.client, "key", 3, on_answer, &stage), 0);
        send_visitor(&visitor);
        assert_int_equal(uv_run(&stage.loop, UV_RUN_DEFAULT), 0);
        assert_string_equal(stage.log, "cX");
        await_visitor(&visitor);
        assert_int_equal(uv_loop_close(&stage.loop), 0);
    }
    wake_is_slow = false;
}

static void a_post_wakes_a_program_that_sleeps_on_the_descriptor(void **state)
{
    struct stage stage = {0};
    struct visitor visitor = {.stage = &stage, .fn = post_close, .wait_ms = 100};
    (void)state;
    open_client(&stage, NULL);
    send_visitor(&visitor);
    unsigned steps = drive(stage.client);
    assert_string_equal(stage.log, "cX");
    assert_true(steps < 10);
    await_visitor(&visitor);
}

static void what_was_posted_before_the_loop_runs_is_not_forgotten(void **state)
{
    struct stage stage;
    struct visitor visitor = {.stage = &stage, .fn = post_a};
    (void)state;
    open_stage(&stage);
    send_visitor(&visitor);
    await_visitor(&visitor);
    assert_int_equal(uv_run(&stage.loop, UV_RUN_DEFAULT), 0);
    assert_string_equal(stage.log, "a");
    close_stage(&stage);
}

/* ---- the loop's own thread ---- */

static void post_chain(ringcache_client *client, void *user)
{
    struct stage *stage = user;
    note(stage, '.');
    if (strlen(stage->log) < 3)
        assert_int_equal(ringcache_post(client, post_chain, stage), 0);
}

static void the_loop_does_not_end_before_a_post_of_a_post_has_run(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage);
    assert_int_equal(ringcache_post(stage.client, post_chain, &stage), 0);
    assert_string_equal(stage.log, "");
    assert_int_equal(uv_run(&stage.loop, UV_RUN_DEFAULT), 0);
    assert_string_equal(stage.log, "...");
    close_stage(&stage);
}

static void on_refused(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    note(user, reply->status < 0 ? 'r' : '?');
    assert_int_equal(ringcache_post(client, post_a, user), 0);
}

static void the_loop_does_not_end_before_a_post_of_its_last_callback_has_run(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage);
    assert_int_equal(ringcache_server_add(stage.client, "memcached://127.0.0.1:1"), 0);
    assert_int_equal(ringcache_get(stage.client, "key", 3, on_refused, &stage), 0);
    assert_int_equal(uv_run(&stage.loop, UV_RUN_DEFAULT), 0);
    assert_string_equal(stage.log, "ra");
    close_stage(&stage);
}

static void on_other(uv_async_t *other)
{
    uv_close((uv_handle_t *)other, NULL);
}

/* In one poll: the post is noticed, and the last that kept the loop goes. */
static void a_post_that_the_loop_has_noticed_runs_before_it_ends(void **state)
{
    struct stage stage;
    uv_async_t other;
    (void)state;
    open_stage(&stage);
    assert_int_equal(uv_run(&stage.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_async_init(&stage.loop, &other, on_other), 0);
    assert_int_equal(ringcache_post(stage.client, post_a, &stage), 0);
    assert_int_equal(uv_async_send(&other), 0);
    assert_int_equal(uv_run(&stage.loop, UV_RUN_DEFAULT), 0);
    assert_string_equal(stage.log, "a");
    close_stage(&stage);
}

static void on_prepare(uv_prepare_t *prepare)
{
    note(prepare->data, '|');
}

static void what_a_post_posts_waits_for_the_next_turn(void **state)
{
    struct stage stage;
    uv_prepare_t turns;
    (void)state;
    open_stage(&stage);
    uv_prepare_init(&stage.loop, &turns);
    turns.data = &stage;
    uv_prepare_start(&turns, on_prepare);
    uv_unref((uv_handle_t *)&turns);
    assert_int_equal(ringcache_post(stage.client, post_chain, &stage), 0);
    assert_int_equal(uv_run(&stage.loop, UV_RUN_DEFAULT), 0);
    assert_non_null(strstr(stage.log, "."));
    assert_null(strstr(stage.log, ".."));
    uv_close((uv_handle_t *)&turns, NULL);
    close_stage(&stage);
}

static void a_client_that_waits_for_posts_does_not_keep_the_loop(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage);
    assert_int_equal(uv_run(&stage.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(ringcache_post(stage.client, post_a, &stage), 0);
    assert_int_equal(uv_run(&stage.loop, UV_RUN_DEFAULT), 0);
    ringcache_client_ref(stage.client);
    while (stage.log[0] == '\0')
        assert_int_not_equal(uv_run(&stage.loop, UV_RUN_ONCE), 0);
    ringcache_client_unref(stage.client);
    assert_int_equal(uv_run(&stage.loop, UV_RUN_DEFAULT), 0);
    assert_string_equal(stage.log, "a");
    close_stage(&stage);
}

/* ---- the end ---- */

static void on_get(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client, (void)reply, (void)user;
    fail_msg("a refused request was answered");
}

static void post_late(ringcache_client *client, void *user)
{
    note(user, 'l');
    assert_int_equal(ringcache_post(client, post_a, user), RINGCACHE_ECLOSING);
    assert_int_equal(ringcache_get(client, "k", 1, on_get, user), RINGCACHE_ECLOSING);
}

static void posts_that_closing_finds_run_before_the_close_callback(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage);
    assert_int_equal(ringcache_post(stage.client, post_a, &stage), 0);
    assert_int_equal(ringcache_post(stage.client, post_late, &stage), 0);
    assert_int_equal(ringcache_post(stage.client, post_b, &stage), 0);
    close_stage(&stage);
    assert_string_equal(stage.log, "albX");
}

static void posts_behind_one_that_closes_still_run(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage);
    assert_int_equal(ringcache_post(stage.client, post_close, &stage), 0);
    assert_int_equal(ringcache_post(stage.client, post_a, &stage), 0);
    assert_int_equal(uv_run(&stage.loop, UV_RUN_DEFAULT), 0);
    assert_string_equal(stage.log, "caX");
    assert_int_equal(uv_loop_close(&stage.loop), 0);
}

static void a_post_after_closing_is_refused(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage);
    ringcache_client_close(stage.client, on_close, &stage);
    assert_int_equal(ringcache_post(stage.client, post_a, &stage), RINGCACHE_ECLOSING);
    assert_int_equal(uv_run(&stage.loop, UV_RUN_DEFAULT), 0);
    assert_string_equal(stage.log, "X");
    assert_int_equal(uv_loop_close(&stage.loop), 0);
}

/* ---- refusals ---- */

static void a_post_of_nothing_is_refused(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage);
    assert_int_equal(ringcache_post(stage.client, NULL, &stage), RINGCACHE_EINVAL);
    assert_string_equal(ringcache_client_error(stage.client), "");
    close_stage(&stage);
}

static void a_post_without_memory_is_refused_and_the_next_one_runs(void **state)
{
    struct stage stage;
    (void)state;
    open_stage(&stage);
    allocations_left = 0;
    assert_int_equal(ringcache_post(stage.client, post_a, &stage), RINGCACHE_ENOMEM);
    allocations_left = -1;
    assert_int_equal(ringcache_post(stage.client, post_b, &stage), 0);
    close_stage(&stage);
    assert_string_equal(stage.log, "bX");
}

static void a_loop_of_its_own_that_finds_no_memory_leaves_nothing(void **state)
{
    struct stage stage = {0};
    ringcache_config *config;
    int rc = RINGCACHE_ENOMEM, refusals = 0;
    (void)state;
    assert_int_equal(ringcache_config_new(&config), 0);
    assert_int_equal(ringcache_config_add_server(config, "memcached://127.0.0.1:1"), 0);
    for (int n = 0; rc != 0; n++) {
        allocations_left = n;
        rc = ringcache_client_new(&stage.client, NULL, config);
        allocations_left = -1;
        refusals += rc != 0;
        assert_true(rc == 0 || (rc == RINGCACHE_ENOMEM && stage.client == NULL));
    }
    assert_true(refusals > 5);
    ringcache_config_free(config);
    ringcache_client_close(stage.client, on_close, &stage);
    drive(stage.client);
    assert_int_equal(stage.closed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(posts_of_four_threads_run_once_each_and_in_order),
        cmocka_unit_test(posts_of_four_threads_run_once_each_on_a_loop_of_the_clients_own),
        cmocka_unit_test(a_post_may_close_the_client_that_it_was_posted_to),
        cmocka_unit_test(a_post_wakes_a_program_that_sleeps_on_the_descriptor),
        cmocka_unit_test(what_was_posted_before_the_loop_runs_is_not_forgotten),
        cmocka_unit_test(the_loop_does_not_end_before_a_post_of_a_post_has_run),
        cmocka_unit_test(the_loop_does_not_end_before_a_post_of_its_last_callback_has_run),
        cmocka_unit_test(a_post_that_the_loop_has_noticed_runs_before_it_ends),
        cmocka_unit_test(what_a_post_posts_waits_for_the_next_turn),
        cmocka_unit_test(a_client_that_waits_for_posts_does_not_keep_the_loop),
        cmocka_unit_test(posts_that_closing_finds_run_before_the_close_callback),
        cmocka_unit_test(posts_behind_one_that_closes_still_run),
        cmocka_unit_test(a_post_after_closing_is_refused),
        cmocka_unit_test(a_post_of_nothing_is_refused),
        cmocka_unit_test(a_post_without_memory_is_refused_and_the_next_one_runs),
        cmocka_unit_test(a_loop_of_its_own_that_finds_no_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

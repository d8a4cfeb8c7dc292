/* SPDX-License-Identifier: MIT */
/* A client with a loop of its own, driven by a program that knows epoll and nothing of libuv. The
 * system's resolver is replaced by one that hangs while the test wants it to. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/resource.h>

#include <cmocka.h>
#include <ringcache/ringcache.h>

#include "servers.h"

enum { SERVERS = 4, NAMES = 8, KEYS = 1000, TIMEOUT_MS = 200, PATIENCE_MS = 10000 };

/* ---- a resolver that hangs ---- */

static sem_t resolver_asked, resolver_released;

int getaddrinfo(
    const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **results)
{
    (void)host, (void)service, (void)hints;
    *results = NULL;
    sem_post(&resolver_asked);
    sem_wait(&resolver_released);
    return EAI_NONAME;
}

void freeaddrinfo(struct addrinfo *results)
{
    assert_null(results);
}

/* ---- the program's loop ---- */

struct loop {
    int epoll;
    unsigned sleeps;
};

struct guest {
    ringcache_client *client;
    struct loop *loop;
    int fd;
    bool gone;
    unsigned closed;
    unsigned answers, failures, mismatches;
    int status; /* of the last answer */
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void loop_open(struct loop *loop)
{
    *loop = (struct loop){.epoll = epoll_create1(EPOLL_CLOEXEC)};
    assert_true(loop->epoll >= 0);
}

static ringcache_config *config_of(const struct server *servers, unsigned count)
{
    ringcache_config *config;
    assert_int_equal(ringcache_config_new(&config), 0);
    assert_int_equal(ringcache_config_set(config, "timeout_ms", "200"), 0);
    for (unsigned i = 0; i < count; i++) {
        char uri[SERVER_URI_SIZE];
        assert_int_equal(
            ringcache_config_add_server(config, server_uri(&servers[i], NULL, uri)), 0);
    }
    return config;
}

static void guest_open(
    struct guest *guest, struct loop *loop, const struct server *servers, unsigned count)
{
    struct epoll_event ready = {.events = EPOLLIN, .data.ptr = guest};
    ringcache_config *config = config_of(servers, count);
    *guest = (struct guest){.loop = loop};
    assert_int_equal(ringcache_client_new(&guest->client, NULL, config), 0);
    ringcache_config_free(config);
    guest->fd = ringcache_loop_fd(guest->client);
    assert_int_equal(epoll_ctl(loop->epoll, EPOLL_CTL_ADD, guest->fd, &ready), 0);
}

static int sooner(int a_ms, int b_ms)
{
    return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

/* Sleep as long as every guest permits, at most `most_ms`, then let each do a step. */
static void turn(struct loop *loop, struct guest *guests, unsigned count, int most_ms)
{
    struct epoll_event ready[4];
    int timeout_ms = most_ms;
    for (unsigned i = 0; i < count; i++)
        if (!guests[i].gone)
            timeout_ms = sooner(timeout_ms, ringcache_loop_timeout_ms(guests[i].client));
    assert_true(epoll_wait(loop->epoll, ready, 4, timeout_ms) >= 0 || errno == EINTR);
    loop->sleeps++;
    for (unsigned i = 0; i < count; i++) {
        int stepped = guests[i].gone ? 1 : ringcache_loop_step(guests[i].client);
        assert_true(stepped == 0 || stepped == 1);
        guests[i].gone = stepped == 1;
    }
}

/* Returns how often the program had to wake up. */
static unsigned run_for(struct guest *guest, int ms)
{
    unsigned before = guest->loop->sleeps;
    for (int64_t end = now_ms() + ms; now_ms() < end;)
        turn(guest->loop, guest, 1, (int)(end - now_ms()));
    return guest->loop->sleeps - before;
}

static void run_until_answers(struct guest *guest, unsigned count)
{
    for (int64_t end = now_ms() + PATIENCE_MS; guest->answers < count; assert_true(now_ms() < end))
        turn(guest->loop, guest, 1, PATIENCE_MS);
}

/* The close callback: the last moment for everything that can still be asked. */
static void on_close(ringcache_client *client, void *user)
{
    struct guest *guest = user;
    guest->closed++;
    assert_ptr_equal(client, guest->client);
    assert_int_equal(ringcache_loop_fd(client), guest->fd);
    assert_int_equal(epoll_ctl(guest->loop->epoll, EPOLL_CTL_DEL, guest->fd, NULL), 0);
    assert_int_equal(ringcache_loop_step(client), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_post(client, on_close, user), RINGCACHE_ECLOSING);
}

static void run_until_gone(struct guest *guests, unsigned count)
{
    unsigned left = count;
    for (int64_t end = now_ms() + PATIENCE_MS; left > 0; assert_true(now_ms() < end)) {
        turn(guests[0].loop, guests, count, PATIENCE_MS);
        left = count;
        for (unsigned i = 0; i < count; i++)
            left -= guests[i].gone;
    }
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(guests[i].closed, 1);
        assert_int_equal(fcntl(guests[i].fd, F_GETFD), -1);
        assert_int_equal(errno, EBADF);
    }
}

static void guest_close(struct guest *guest)
{
    ringcache_client_close(guest->client, on_close, guest);
    assert_int_equal(guest->closed, 0);
    run_until_gone(guest, 1);
}

/* ---- the stage: real servers and one guest ---- */

struct stage {
    struct server servers[SERVERS];
    struct loop loop;
    struct guest guest;
};

static int stage_open(void **state)
{
    static struct stage stage;
    memset(&stage, 0, sizeof stage);
    for (unsigned i = 0; i < SERVERS; i++) {
        stage.servers[i].kind = i % 2 == 0 ? SERVER_MEMCACHED : SERVER_REDIS;
        assert_true(server_start(&stage.servers[i]));
    }
    loop_open(&stage.loop);
    guest_open(&stage.guest, &stage.loop, stage.servers, SERVERS);
    *state = &stage;
    return 0;
}

static int stage_close(void **state)
{
    struct stage *stage = *state;
    if (!stage->guest.gone)
        guest_close(&stage->guest);
    close(stage->loop.epoll);
    for (unsigned i = 0; i < SERVERS; i++)
        server_discard(&stage->servers[i]);
    return 0;
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct guest *guest = user;
    assert_ptr_equal(client, guest->client);
    guest->answers++;
    guest->failures += reply->status != RINGCACHE_OK;
    guest->status = reply->status;
}

static void on_value(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct guest *guest = user;
    char expected[32];
    int len = snprintf(expected, sizeof expected, "value %u", guest->answers % KEYS);
    on_reply(client, reply, user);
    guest->mismatches += (int)reply->value.len != len || reply->value.data == NULL ||
                         memcmp(reply->value.data, expected, (size_t)len) != 0;
}

static void set(struct guest *guest, unsigned number)
{
    char key[32], value[32];
    int key_len = snprintf(key, sizeof key, "key:%u", number);
    int len = snprintf(value, sizeof value, "value %u", number);
    assert_int_equal(
        ringcache_set(guest->client, key, (size_t)key_len, value, (size_t)len, 0, on_reply, guest),
        0);
}

static void get(struct guest *guest, unsigned number, ringcache_reply_cb cb)
{
    char key[32];
    int len = snprintf(key, sizeof key, "key:%u", number);
    assert_int_equal(ringcache_get(guest->client, key, (size_t)len, cb, guest), 0);
}

/* Connections to every server stand, and what began them is over. */
static void warm_up(struct guest *guest)
{
    unsigned before = guest->answers;
    for (unsigned i = 0; i < 100; i++)
        set(guest, i);
    run_until_answers(guest, before + 100);
    assert_int_equal(guest->failures, 0);
}

/* ---- what is due is done ---- */

static void requests_to_real_servers_are_answered_under_epoll(void **state)
{
    struct guest *guest = &((struct stage *)*state)->guest;
    for (unsigned i = 0; i < KEYS; i++)
        set(guest, i);
    run_until_answers(guest, KEYS);
    for (unsigned i = 0; i < KEYS; i++) {
        get(guest, i, on_value);
        run_until_answers(guest, KEYS + i + 1);
    }
    assert_int_equal(guest->failures, 0);
    assert_int_equal(guest->mismatches, 0);
}

/* Otherwise each reply would cost the program a sleep of no time as well. */
static void on_chained(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct guest *guest = user;
    on_reply(client, reply, user);
    if (guest->answers < 200)
        get(guest, 1, on_chained);
}

static void a_step_writes_what_its_callbacks_submit(void **state)
{
    struct guest *guest = &((struct stage *)*state)->guest;
    warm_up(guest);
    get(guest, 1, on_chained);
    unsigned before = guest->loop->sleeps;
    run_until_answers(guest, 200);
    unsigned woken = guest->loop->sleeps - before;
    print_message("woken %u times for 100 requests in a row\n", woken);
    assert_true(woken <= 120);
    assert_int_equal(guest->failures, 0);
}

static void a_program_may_not_sleep_while_output_or_events_wait(void **state)
{
    struct guest *guest = &((struct stage *)*state)->guest;
    warm_up(guest);
    assert_true(ringcache_loop_timeout_ms(guest->client) != 0);
    get(guest, 1, on_reply);
    assert_int_equal(ringcache_loop_timeout_ms(guest->client), 0);
    run_until_answers(guest, 101);
    assert_true(ringcache_loop_timeout_ms(guest->client) != 0);
    assert_int_equal(ringcache_server_remove(guest->client, "nobody"), RINGCACHE_EINVAL);
    assert_true(ringcache_loop_timeout_ms(guest->client) != 0);
    assert_int_equal(ringcache_server_add(guest->client, "memcached://127.0.0.1:1"), 0);
    assert_int_equal(ringcache_loop_timeout_ms(guest->client), 0);
}

static void an_idle_client_lets_the_program_sleep_for_ever(void **state)
{
    struct guest *guest = &((struct stage *)*state)->guest;
    run_for(guest, 1);
    assert_int_equal(ringcache_loop_timeout_ms(guest->client), -1);
    warm_up(guest);
    unsigned woken = run_for(guest, 1000);
    print_message("woken %u times in the second after 100 requests\n", woken);
    assert_true(woken <= 20);                  /* a few timers, not one for each request */
    assert_int_equal(run_for(guest, 1000), 1); /* by the test's own patience */
    assert_int_equal(ringcache_loop_timeout_ms(guest->client), -1);
}

static void a_deadline_holds_when_the_program_sleeps_as_long_as_it_is_told(void **state)
{
    struct stage *stage = *state;
    struct guest *guest = &stage->guest;
    warm_up(guest);
    run_for(guest, 500);
    for (unsigned i = 0; i < SERVERS; i++)
        server_pause(&stage->servers[i]);
    int64_t start = now_ms();
    unsigned before = guest->loop->sleeps;
    get(guest, 1, on_reply);
    run_until_answers(guest, 101);
    int64_t took_ms = now_ms() - start;
    print_message("%d ms, woken %u times\n", (int)took_ms, guest->loop->sleeps - before);
    assert_int_equal(guest->status, RINGCACHE_ETIMEDOUT);
    assert_true(took_ms >= TIMEOUT_MS && took_ms < TIMEOUT_MS + 100);
    assert_true(guest->loop->sleeps - before < 20);
    for (unsigned i = 0; i < SERVERS; i++)
        server_resume(&stage->servers[i]);
}

/* The sleep told may be shorter than the deadline, never longer: see rc_wheel_next. */
static void time_that_the_program_spends_elsewhere_counts(void **state)
{
    struct stage *stage = *state;
    struct guest *guest = &stage->guest;
    warm_up(guest);
    for (unsigned i = 0; i < SERVERS; i++)
        server_pause(&stage->servers[i]);
    int64_t start = now_ms();
    get(guest, 1, on_reply);
    assert_int_equal(ringcache_loop_step(guest->client), 0);
    int sleep_ms = ringcache_loop_timeout_ms(guest->client);
    assert_in_range(sleep_ms, 0, TIMEOUT_MS);
    usleep(TIMEOUT_MS / 2 * 1000);
    int left_ms = sleep_ms > TIMEOUT_MS / 2 ? sleep_ms - TIMEOUT_MS / 2 : 0;
    assert_in_range(ringcache_loop_timeout_ms(guest->client), 0, left_ms);
    run_until_answers(guest, 101);
    assert_int_equal(guest->status, RINGCACHE_ETIMEDOUT);
    assert_true(now_ms() - start >= TIMEOUT_MS);
    for (unsigned i = 0; i < SERVERS; i++)
        server_resume(&stage->servers[i]);
}

static void two_clients_share_the_programs_loop(void **state)
{
    struct stage *stage = *state;
    struct guest pair[2];
    for (unsigned i = 0; i < 2; i++)
        guest_open(&pair[i], &stage->loop, stage->servers, SERVERS);
    for (unsigned i = 0; i < KEYS; i++) {
        set(&pair[0], i);
        set(&pair[1], i);
    }
    for (int64_t end = now_ms() + PATIENCE_MS; pair[0].answers < KEYS || pair[1].answers < KEYS;
         assert_true(now_ms() < end))
        turn(&stage->loop, pair, 2, PATIENCE_MS);
    assert_int_equal(pair[0].failures + pair[1].failures, 0);
    ringcache_client_close(pair[0].client, on_close, &pair[0]);
    ringcache_client_close(pair[1].client, on_close, &pair[1]);
    run_until_gone(pair, 2);
}

/* ---- the end ---- */

static void on_last(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct guest *guest = user;
    on_reply(client, reply, user);
    assert_int_equal(ringcache_loop_step(client), RINGCACHE_EINVAL);
    ringcache_client_close(client, on_close, guest);
}

static void a_client_may_close_within_a_step(void **state)
{
    struct guest *guest = &((struct stage *)*state)->guest;
    get(guest, 1, on_last);
    run_until_gone(guest, 1);
    assert_int_equal(guest->answers, 1);
}

static void on_canceled(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    on_reply(client, reply, user);
    assert_int_equal(reply->status, RINGCACHE_ECANCELED);
    assert_int_equal(((struct guest *)user)->closed, 0);
}

static void count_post(ringcache_client *client, void *user)
{
    struct guest *guest = user;
    assert_ptr_equal(client, guest->client);
    assert_int_equal(guest->closed, 0);
    guest->answers++;
}

static void what_is_pending_ends_before_the_close_callback(void **state)
{
    struct guest *guest = &((struct stage *)*state)->guest;
    warm_up(guest);
    for (unsigned i = 0; i < 10; i++) {
        get(guest, i, on_canceled);
        assert_int_equal(ringcache_post(guest->client, count_post, guest), 0);
    }
    guest_close(guest);
    assert_int_equal(guest->answers, 120);
}

static void on_last_post(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct guest *guest = user;
    on_reply(client, reply, user);
    assert_int_equal(ringcache_post(client, count_post, guest), 0);
    ringcache_client_close(client, on_close, guest);
}

static void a_post_made_in_the_callback_that_closes_still_runs(void **state)
{
    struct guest *guest = &((struct stage *)*state)->guest;
    warm_up(guest);
    get(guest, 1, on_last_post);
    run_until_gone(guest, 1);
    assert_int_equal(guest->answers, 102);
}

static void a_client_is_gone_at_once_while_its_look_up_hangs(void **state)
{
    struct loop loop;
    struct guest guest;
    (void)state;
    loop_open(&loop);
    guest_open(&guest, &loop, NULL, 0);
    assert_int_equal(ringcache_server_add(guest.client, "memcached://cache.example"), 0);
    get(&guest, 1, on_canceled);
    run_for(&guest, 1);
    sem_wait(&resolver_asked);
    int64_t start = now_ms();
    guest_close(&guest);
    assert_in_range(now_ms() - start, 0, 99);
    assert_int_equal(guest.answers, 1);
    sem_post(&resolver_released);
    close(loop.epoll);
}

static void on_stat(uv_fs_t *request)
{
    (void)request;
}

/* More names than libuv has threads: its pool, which is the program's, has none of them. */
static void a_program_reads_files_while_all_look_ups_hang(void **state)
{
    uv_loop_t files;
    uv_fs_t stat;
    struct loop loop;
    struct guest guest;
    (void)state;
    assert_int_equal(uv_loop_init(&files), 0);
    loop_open(&loop);
    guest_open(&guest, &loop, NULL, 0);
    for (unsigned i = 0; i < NAMES; i++) {
        char uri[64];
        snprintf(uri, sizeof uri, "memcached://cache%u.example", i);
        assert_int_equal(ringcache_server_add(guest.client, uri), 0);
    }
    for (unsigned i = 0; i < KEYS; i++)
        get(&guest, i, on_reply);
    run_for(&guest, 1);
    for (unsigned i = 0; i < 2; i++)
        sem_wait(&resolver_asked);
    int64_t start = now_ms();
    assert_int_equal(uv_fs_stat(&files, &stat, "/", on_stat), 0);
    assert_int_equal(uv_run(&files, UV_RUN_DEFAULT), 0);
    assert_in_range(now_ms() - start, 0, 99);
    assert_int_equal(stat.result, 0);
    uv_fs_req_cleanup(&stat);
    assert_int_equal(uv_loop_close(&files), 0);
    run_until_answers(&guest, KEYS); /* by their deadlines */
    assert_int_equal(guest.failures, KEYS);
    assert_int_not_equal(sem_trywait(&resolver_asked), 0);
    guest_close(&guest);
    for (unsigned i = 0; i < 2; i++)
        sem_post(&resolver_released);
    close(loop.epoll);
}

/* ---- refusals ---- */

static void a_client_on_the_programs_loop_has_nothing_to_drive(void **state)
{
    uv_loop_t loop;
    ringcache_client *client;
    ringcache_config *config = config_of(NULL, 0);
    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(ringcache_client_new(&client, &loop, config), 0);
    ringcache_config_free(config);
    assert_int_equal(ringcache_loop_fd(client), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_loop_timeout_ms(client), RINGCACHE_EINVAL);
    assert_int_equal(ringcache_loop_step(client), RINGCACHE_EINVAL);
    assert_string_not_equal(ringcache_client_error(client), "");
    ringcache_client_close(client, NULL, NULL);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void a_loop_without_descriptors_is_refused(void **state)
{
    struct rlimit limit;
    ringcache_client *client = NULL;
    ringcache_config *config = config_of(NULL, 0);
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int rc = ringcache_client_new(&client, NULL, config);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(rc, -EMFILE);
    assert_null(client);
    ringcache_config_free(config);
}

#define stage_test(f) cmocka_unit_test_setup_teardown(f, stage_open, stage_close)

int main(void)
{
    sem_init(&resolver_asked, 0, 0);
    sem_init(&resolver_released, 0, 0);
    const struct CMUnitTest tests[] = {
        stage_test(requests_to_real_servers_are_answered_under_epoll),
        stage_test(a_step_writes_what_its_callbacks_submit),
        stage_test(a_program_may_not_sleep_while_output_or_events_wait),
        stage_test(an_idle_client_lets_the_program_sleep_for_ever),
        stage_test(a_deadline_holds_when_the_program_sleeps_as_long_as_it_is_told),
        stage_test(time_that_the_program_spends_elsewhere_counts),
        stage_test(two_clients_share_the_programs_loop),
        stage_test(a_client_may_close_within_a_step),
        stage_test(what_is_pending_ends_before_the_close_callback),
        stage_test(a_post_made_in_the_callback_that_closes_still_runs),
        cmocka_unit_test(a_client_is_gone_at_once_while_its_look_up_hangs),
        cmocka_unit_test(a_program_reads_files_while_all_look_ups_hang),
        cmocka_unit_test(a_client_on_the_programs_loop_has_nothing_to_drive),
        cmocka_unit_test(a_loop_without_descriptors_is_refused),
    };
    return servers_available() ? cmocka_run_group_tests(tests, NULL, NULL) : 77;
}

/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "transport/handshakes.h"
#include "transport/transport.h"

static void end_all(unsigned count)
{
    while (count-- > 0) {
        rc_handshakes_end();
    }
}

static void one_more_than_the_bound_is_refused_until_one_ends(void **state)
{
    (void)state;
    for (int i = 0; i < RC_HANDSHAKES_MAX; i++) {
        assert_true(rc_handshakes_begin(false));
    }
    assert_false(rc_handshakes_begin(false));
    assert_false(rc_handshakes_begin(false));
    rc_handshakes_end();
    assert_true(rc_handshakes_begin(false));
    assert_false(rc_handshakes_begin(false));
    end_all(RC_HANDSHAKES_MAX);
}

static void what_goes_beyond_the_bound_counts(void **state)
{
    (void)state;
    for (int i = 0; i < RC_HANDSHAKES_MAX + 1; i++) {
        assert_true(rc_handshakes_begin(true));
    }
    rc_handshakes_end();
    assert_false(rc_handshakes_begin(false));
    rc_handshakes_end();
    assert_true(rc_handshakes_begin(false));
    end_all(RC_HANDSHAKES_MAX);
}

static void a_process_that_forks_leaves_them_to_its_parent(void **state)
{
    (void)state;
    for (int i = 0; i < RC_HANDSHAKES_MAX; i++) {
        assert_true(rc_handshakes_begin(false));
    }
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(rc_handshakes_begin(false) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_false(rc_handshakes_begin(false));
    end_all(RC_HANDSHAKES_MAX);
}

enum { THREADS = 4, ROUNDS = 20000 };

static atomic_int under_way, most;

static void *begin_and_end(void *unused)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (rc_handshakes_begin(false)) {
            int now = atomic_fetch_add(&under_way, 1) + 1;
            int seen = atomic_load(&most);
            while (now > seen && !atomic_compare_exchange_weak(&most, &seen, now)) {
            }
            atomic_fetch_sub(&under_way, 1);
            rc_handshakes_end();
        }
    }
    return unused;
}

static void the_bound_holds_for_all_threads_together(void **state)
{
    (void)state;
    for (int i = 0; i < RC_HANDSHAKES_MAX - 2; i++) {
        assert_true(rc_handshakes_begin(false));
    }
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, begin_and_end, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_in_range(atomic_load(&most), 1, 2);
    assert_true(rc_handshakes_begin(false));
    assert_true(rc_handshakes_begin(false));
    assert_false(rc_handshakes_begin(false));
    end_all(RC_HANDSHAKES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_more_than_the_bound_is_refused_until_one_ends),
        cmocka_unit_test(what_goes_beyond_the_bound_counts),
        cmocka_unit_test(a_process_that_forks_leaves_them_to_its_parent),
        cmocka_unit_test(the_bound_holds_for_all_threads_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

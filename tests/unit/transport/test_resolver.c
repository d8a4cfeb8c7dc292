/* SPDX-License-Identifier: MIT */
/* Threads that resolve names, over a resolver that takes as long as a test wants and a clock that
 * stands still unless it is moved. */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "transport/resolver.h"

enum { BEGUN_MAX = 16, PATIENCE_S = 10, NAME_SIZE = RC_HOST_MAX + 2 };

/* ---- the resolver that is asked ---- */

/* What threads wait for and note, under the lock. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char begun[BEGUN_MAX][NAME_SIZE]; /* in this order */
    bool released[BEGUN_MAX];
    unsigned count, returned, knocks;
    bool hangs; /* until it is released */
    int status; /* what it says then */
    sigset_t mask;
} system_names = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static atomic_uint_fast64_t clock_ms;
static unsigned threads_refused;       /* the next ones that cannot be begun */
static atomic_uint refused_allocation; /* the one that fails, counted from now on; 0: none */
static struct rc_resolver resolver;

static int answer_when_released(const char *name, struct rc_found *found)
{
    pthread_mutex_lock(&system_names.lock);
    unsigned mine = system_names.count++;
    snprintf(system_names.begun[mine], NAME_SIZE, "%s", name);
    pthread_sigmask(SIG_SETMASK, NULL, &system_names.mask);
    pthread_cond_broadcast(&system_names.changed);
    while (system_names.hangs && !system_names.released[mine]) {
        pthread_cond_wait(&system_names.changed, &system_names.lock);
    }
    found->count = 1;
    found->addresses[0].len = (unsigned)strlen(name);
    memcpy(found->addresses[0].bytes, name, strlen(name));
    system_names.returned++;
    int status = system_names.status;
    pthread_mutex_unlock(&system_names.lock);
    return status;
}

static uint64_t read_clock(void)
{
    return atomic_load(&clock_ms);
}

int __real_pthread_create(
    pthread_t *thread, const pthread_attr_t *attributes, void *(*work)(void *), void *arg);
int __wrap_pthread_create(
    pthread_t *thread, const pthread_attr_t *attributes, void *(*work)(void *), void *arg);
void *__real_rc_alloc_zeroed(size_t count, size_t size);
void *__wrap_rc_alloc_zeroed(size_t count, size_t size);

int __wrap_pthread_create(
    pthread_t *thread, const pthread_attr_t *attributes, void *(*work)(void *), void *arg)
{
    if (threads_refused > 0) {
        threads_refused--;
        return EAGAIN;
    }
    return __real_pthread_create(thread, attributes, work, arg);
}

void *__wrap_rc_alloc_zeroed(size_t count, size_t size)
{
    unsigned left = atomic_load(&refused_allocation);
    atomic_store(&refused_allocation, left > 0 ? left - 1 : 0);
    return left == 1 ? NULL : __real_rc_alloc_zeroed(count, size);
}

/* ---- what a test does and waits for ---- */

static void note_knock(struct rc_mailbox *mailbox)
{
    (void)mailbox;
    pthread_mutex_lock(&system_names.lock);
    system_names.knocks++;
    pthread_cond_broadcast(&system_names.changed);
    pthread_mutex_unlock(&system_names.lock);
}

static struct rc_mailbox mailbox_of_test(void)
{
    return (struct rc_mailbox){.knock = note_knock};
}

static int open_resolver(void **state)
{
    (void)state;
    rc_resolver_init(&resolver, answer_when_released, read_clock);
    memset(system_names.begun, 0, sizeof system_names.begun);
    memset(system_names.released, 0, sizeof system_names.released);
    system_names.count = system_names.returned = system_names.knocks = 0;
    system_names.hangs = true;
    system_names.status = 0;
    return 0;
}

/* Wait until `*number` is `wanted`, which threads change under the lock. */
static void await(const unsigned *number, unsigned wanted)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&system_names.lock);
    int late = 0;
    while (*number != wanted && late == 0) {
        late = pthread_cond_timedwait(&system_names.changed, &system_names.lock, &end);
    }
    assert_int_equal(*number, wanted);
    pthread_mutex_unlock(&system_names.lock);
}

static unsigned begun(void)
{
    pthread_mutex_lock(&system_names.lock);
    unsigned count = system_names.count;
    pthread_mutex_unlock(&system_names.lock);
    return count;
}

static void assert_begun(unsigned number, const char *name)
{
    pthread_mutex_lock(&system_names.lock);
    assert_true(number < system_names.count);
    assert_string_equal(system_names.begun[number], name);
    pthread_mutex_unlock(&system_names.lock);
}

static void let(unsigned number)
{
    pthread_mutex_lock(&system_names.lock);
    system_names.released[number] = true;
    pthread_cond_broadcast(&system_names.changed);
    pthread_mutex_unlock(&system_names.lock);
}

static unsigned threads(void)
{
    pthread_mutex_lock(&resolver.lock);
    unsigned count = resolver.threads;
    pthread_mutex_unlock(&resolver.lock);
    return count;
}

static void await_threads(unsigned wanted)
{
    const struct timespec moment = {.tv_nsec = 100000};
    for (unsigned i = 0; i < PATIENCE_S * 10000 && threads() != wanted; i++) {
        nanosleep(&moment, NULL);
    }
    assert_int_equal(threads(), wanted);
}

/* Everything that hangs returns, and the threads end. */
static int close_resolver(void **state)
{
    (void)state;
    pthread_mutex_lock(&system_names.lock);
    system_names.hangs = false;
    pthread_cond_broadcast(&system_names.changed);
    pthread_mutex_unlock(&system_names.lock);
    await_threads(0);
    assert_true(rc_list_empty(&resolver.waiting));
    assert_true(rc_list_empty(&resolver.under_way));
    pthread_mutex_destroy(&resolver.lock);
    return 0;
}

struct asker {
    struct rc_mailbox mailbox;
    struct rc_question question;
};

static int try_to_ask(struct asker *asker, const char *name)
{
    asker->mailbox = mailbox_of_test();
    rc_list_init(&asker->mailbox.answered);
    return rc_resolver_ask(&resolver, name, &asker->mailbox, &asker->question);
}

static void ask(struct asker *asker, const char *name)
{
    assert_int_equal(try_to_ask(asker, name), 0);
}

static void forget(struct asker *asker)
{
    rc_resolver_forget(&resolver, &asker->question);
}

static bool is_answered(struct asker *asker)
{
    pthread_mutex_lock(&resolver.lock);
    bool answered = !rc_list_empty(&asker->mailbox.answered);
    pthread_mutex_unlock(&resolver.lock);
    return answered;
}

static void assert_found(struct asker *asker, const char *name)
{
    struct rc_question *question = rc_resolver_collect(&resolver, &asker->mailbox);
    assert_ptr_equal(question, &asker->question);
    assert_null(rc_resolver_collect(&resolver, &asker->mailbox));
    assert_int_equal(question->status, 0);
    assert_int_equal(question->found->count, 1);
    assert_int_equal(question->found->addresses[0].len, strlen(name));
    assert_memory_equal(question->found->addresses[0].bytes, name, strlen(name));
    forget(asker);
}

/* ---- one name ---- */

static void a_name_is_resolved_in_a_thread_that_ends(void **state)
{
    (void)state;
    struct asker a;
    ask(&a, "cache.example");
    await(&system_names.count, 1);
    assert_int_equal(threads(), 1);
    assert_null(rc_resolver_collect(&resolver, &a.mailbox));
    let(0);
    await(&system_names.knocks, 1);
    assert_found(&a, "cache.example");
    await_threads(0);
}

static void a_thread_takes_no_signal_of_the_programs(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD, SIGUSR1, SIGALRM, SIGPIPE};
    sigset_t before, after;
    struct asker a;
    (void)state;
    sigemptyset(&before);
    sigaddset(&before, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    ask(&a, "cache.example");
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    await(&system_names.count, 1);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        assert_int_equal(sigismember(&system_names.mask, signals[i]), 1);
        assert_int_equal(sigismember(&after, signals[i]), 0);
    }
    assert_int_equal(sigismember(&after, SIGUSR2), 1);
    forget(&a);
}

static void a_name_of_255_bytes_is_asked_for_and_one_of_256_is_not(void **state)
{
    char name[RC_HOST_MAX + 2];
    struct asker a;
    (void)state;
    memset(name, 'n', sizeof name);
    name[RC_HOST_MAX + 1] = '\0';
    assert_int_equal(try_to_ask(&a, name), -ENAMETOOLONG);
    name[RC_HOST_MAX] = '\0';
    ask(&a, name);
    await(&system_names.count, 1);
    assert_begun(0, name);
    forget(&a);
}

static void what_the_resolver_says_is_told(void **state)
{
    struct asker a;
    (void)state;
    system_names.status = -3008;
    system_names.hangs = false;
    ask(&a, "nowhere.example");
    await(&system_names.knocks, 1);
    struct rc_question *question = rc_resolver_collect(&resolver, &a.mailbox);
    assert_ptr_equal(question, &a.question);
    assert_int_equal(question->status, -3008);
    forget(&a);
}

/* ---- several ---- */

static void two_are_under_way_and_the_others_wait_in_order(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    struct asker askers[5];
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        ask(&askers[i], names[i]);
    }
    await(&system_names.count, 2);
    assert_int_equal(threads(), 2);
    for (unsigned i = 0; i < 3; i++) {
        let(i);
        await(&system_names.count, i + 3);
        assert_begun(i + 2, names[i + 2]);
        assert_int_equal(threads(), 2);
    }
    let(3);
    let(4);
    await(&system_names.knocks, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_found(&askers[i], names[i]);
    }
}

static void equal_names_share_one_look_up(void **state)
{
    struct asker under_way[2], waiting[2], other;
    (void)state;
    ask(&under_way[0], "a");
    await(&system_names.count, 1);
    ask(&under_way[1], "a");
    ask(&other, "b");
    await(&system_names.count, 2);
    ask(&waiting[0], "c");
    ask(&waiting[1], "c");
    let(0);
    await(&system_names.count, 3);
    let(1);
    let(2);
    await(&system_names.knocks, 5);
    for (unsigned i = 0; i < 2; i++) {
        assert_found(&under_way[i], "a");
        assert_found(&waiting[i], "c");
    }
    assert_found(&other, "b");
    assert_int_equal(begun(), 3);
}

static void a_mailbox_is_knocked_at_once_for_all_that_it_holds(void **state)
{
    struct asker a;
    struct rc_question more;
    (void)state;
    ask(&a, "a");
    assert_int_equal(rc_resolver_ask(&resolver, "b", &a.mailbox, &more), 0);
    await(&system_names.count, 2);
    let(0);
    let(1);
    await(&system_names.returned, 2);
    await_threads(0);
    assert_int_equal(system_names.knocks, 1);
    for (unsigned i = 0; i < 2; i++) {
        struct rc_question *question = rc_resolver_collect(&resolver, &a.mailbox);
        assert_non_null(question);
        rc_resolver_forget(&resolver, question);
    }
    assert_null(rc_resolver_collect(&resolver, &a.mailbox));
}

/* ---- questions that are forgotten ---- */

static void what_waits_and_is_forgotten_is_never_begun(void **state)
{
    struct asker a, b, c, d;
    (void)state;
    ask(&a, "a");
    ask(&b, "b");
    await(&system_names.count, 2);
    ask(&c, "c");
    ask(&d, "d");
    forget(&c);
    let(0);
    await(&system_names.count, 3);
    assert_begun(2, "d");
    forget(&a);
    forget(&b);
    forget(&d);
}

static void one_of_two_that_share_may_forget(void **state)
{
    struct asker a, b;
    (void)state;
    ask(&a, "a");
    ask(&b, "a");
    await(&system_names.count, 1);
    forget(&a);
    let(0);
    await(&system_names.knocks, 1);
    assert_false(is_answered(&a));
    assert_found(&b, "a");
}

static void a_forgotten_look_up_ends_in_its_thread_and_tells_nobody(void **state)
{
    struct asker a;
    (void)state;
    ask(&a, "a");
    await(&system_names.count, 1);
    forget(&a);
    assert_int_equal(threads(), 1);
    let(0);
    await_threads(0);
    assert_int_equal(system_names.returned, 1);
    assert_int_equal(system_names.knocks, 0);
}

static void a_forgotten_look_up_answers_who_asks_again(void **state)
{
    struct asker a;
    (void)state;
    ask(&a, "a");
    await(&system_names.count, 1);
    forget(&a);
    ask(&a, "a");
    let(0);
    await(&system_names.knocks, 1);
    assert_found(&a, "a");
    assert_int_equal(begun(), 1);
}

static void an_answer_may_be_forgotten_unread(void **state)
{
    struct asker a;
    (void)state;
    ask(&a, "a");
    await(&system_names.count, 1);
    let(0);
    await(&system_names.knocks, 1);
    forget(&a);
    assert_null(rc_resolver_collect(&resolver, &a.mailbox));
}

/* ---- look-ups that hang ---- */

static void look_ups_that_are_stuck_leave_their_places(void **state)
{
    struct asker a, b, c, d;
    (void)state;
    ask(&a, "a");
    await(&system_names.count, 1);
    ask(&b, "b");
    await(&system_names.count, 2);
    atomic_fetch_add(&clock_ms, RC_LOOK_UP_STUCK_MS - 1);
    ask(&c, "c");
    assert_int_equal(threads(), 2);
    atomic_fetch_add(&clock_ms, 1);
    ask(&d, "d");
    await(&system_names.count, 4);
    let(2);
    let(3);
    await(&system_names.knocks, 2);
    assert_found(&c, "c");
    assert_found(&d, "d");
    await_threads(2);
    forget(&a);
    let(1);
    await(&system_names.knocks, 3);
    assert_found(&b, "b");
}

/* Who was stuck and comes back finds his place taken. */
static void those_that_were_stuck_do_not_add_to_the_two(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    struct asker askers[5];
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        ask(&askers[i], names[i]);
    }
    await(&system_names.count, 2);
    atomic_fetch_add(&clock_ms, RC_LOOK_UP_STUCK_MS);
    for (unsigned i = 2; i < 5; i++) {
        ask(&askers[i], names[i]);
    }
    await(&system_names.count, 4);
    let(0);
    let(1);
    await_threads(2);
    assert_int_equal(begun(), 4);
    for (unsigned i = 0; i < 5; i++) {
        forget(&askers[i]);
    }
}

static void one_dead_name_takes_two_threads_and_no_more(void **state)
{
    struct asker dead, other;
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        ask(&dead, "dead");
        await(&system_names.count, i == 0 ? 1 : 2);
        forget(&dead);
        atomic_fetch_add(&clock_ms, RC_LOOK_UP_STUCK_MS);
    }
    assert_int_equal(threads(), 2);
    ask(&other, "other");
    await(&system_names.count, 3);
    let(2);
    await(&system_names.knocks, 1);
    assert_found(&other, "other");
}

static void there_are_eight_threads_at_most(void **state)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    struct asker askers[RC_LOOK_UP_THREADS], ninth;
    (void)state;
    for (unsigned i = 0; i < RC_LOOK_UP_THREADS; i++) {
        ask(&askers[i], names[i]);
        await(&system_names.count, i + 1);
        atomic_fetch_add(&clock_ms, RC_LOOK_UP_STUCK_MS);
    }
    ask(&ninth, "ninth");
    assert_int_equal(threads(), RC_LOOK_UP_THREADS);
    let(4);
    await(&system_names.count, RC_LOOK_UP_THREADS + 1);
    assert_begun(RC_LOOK_UP_THREADS, "ninth");
    assert_int_equal(threads(), RC_LOOK_UP_THREADS);
    forget(&ninth);
    for (unsigned i = 0; i < RC_LOOK_UP_THREADS; i++) {
        forget(&askers[i]);
    }
}

/* ---- trouble of our own ---- */

static void no_thread_is_an_error_and_the_next_may_be_begun(void **state)
{
    struct asker a;
    (void)state;
    threads_refused = 1;
    assert_int_equal(try_to_ask(&a, "a"), -EAGAIN);
    assert_int_equal(threads(), 0);
    assert_true(rc_list_empty(&resolver.waiting));
    ask(&a, "a");
    await(&system_names.count, 1);
    let(0);
    await(&system_names.knocks, 1);
    assert_found(&a, "a");
}

static void a_thread_at_work_serves_those_for_whom_none_could_be_begun(void **state)
{
    struct asker a, b;
    (void)state;
    ask(&a, "a");
    await(&system_names.count, 1);
    threads_refused = 1;
    ask(&b, "b");
    assert_int_equal(threads_refused, 0);
    assert_int_equal(threads(), 1);
    let(0);
    await(&system_names.count, 2);
    let(1);
    await(&system_names.knocks, 2);
    assert_found(&a, "a");
    assert_found(&b, "b");
}

static void no_memory_is_an_error_in_the_call(void **state)
{
    struct asker a, b;
    (void)state;
    refused_allocation = 1;
    assert_int_equal(try_to_ask(&a, "a"), -ENOMEM);
    assert_int_equal(threads(), 0);
    ask(&a, "a");
    await(&system_names.count, 1);
    refused_allocation = 1;
    ask(&b, "a"); /* sharing takes no memory */
    refused_allocation = 0;
    forget(&a);
    forget(&b);
}

static void no_memory_in_the_thread_is_told(void **state)
{
    struct asker a;
    (void)state;
    refused_allocation = 2;
    ask(&a, "a");
    await(&system_names.knocks, 1);
    struct rc_question *question = rc_resolver_collect(&resolver, &a.mailbox);
    assert_ptr_equal(question, &a.question);
    assert_int_equal(question->status, -ENOMEM);
    assert_int_equal(begun(), 0);
    forget(&a);
}

#define resolver_test(f) cmocka_unit_test_setup_teardown(f, open_resolver, close_resolver)

int main(void)
{
    const struct CMUnitTest tests[] = {
        resolver_test(a_name_is_resolved_in_a_thread_that_ends),
        resolver_test(a_thread_takes_no_signal_of_the_programs),
        resolver_test(a_name_of_255_bytes_is_asked_for_and_one_of_256_is_not),
        resolver_test(what_the_resolver_says_is_told),
        resolver_test(two_are_under_way_and_the_others_wait_in_order),
        resolver_test(equal_names_share_one_look_up),
        resolver_test(a_mailbox_is_knocked_at_once_for_all_that_it_holds),
        resolver_test(what_waits_and_is_forgotten_is_never_begun),
        resolver_test(one_of_two_that_share_may_forget),
        resolver_test(a_forgotten_look_up_ends_in_its_thread_and_tells_nobody),
        resolver_test(a_forgotten_look_up_answers_who_asks_again),
        resolver_test(an_answer_may_be_forgotten_unread),
        resolver_test(look_ups_that_are_stuck_leave_their_places),
        resolver_test(those_that_were_stuck_do_not_add_to_the_two),
        resolver_test(one_dead_name_takes_two_threads_and_no_more),
        resolver_test(there_are_eight_threads_at_most),
        resolver_test(no_thread_is_an_error_and_the_next_may_be_begun),
        resolver_test(a_thread_at_work_serves_those_for_whom_none_could_be_begun),
        resolver_test(no_memory_is_an_error_in_the_call),
        resolver_test(no_memory_in_the_thread_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

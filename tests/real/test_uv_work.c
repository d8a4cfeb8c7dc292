/* SPDX-License-Identifier: MIT */
/* Work aside on a real loop, which turns meanwhile and ends without it. */
#include "uv_world.h"

struct errand {
    struct rc_work work;
    uv_thread_t loops, runs;
    uv_sem_t begun, may_end, freed;
    int done;
};

static struct errand *errand_of(struct rc_work *work)
{
    return (struct errand *)(void *)work;
}

static void run_work(struct rc_work *work)
{
    struct errand *e = errand_of(work);
    e->runs = uv_thread_self();
    uv_sem_post(&e->begun);
    uv_sem_wait(&e->may_end);
}

static void work_done(struct rc_work *work)
{
    struct errand *e = errand_of(work);
    uv_thread_t self = uv_thread_self();
    assert_true(uv_thread_equal(&self, &e->loops));
    assert_false(uv_thread_equal(&self, &e->runs));
    e->done++;
}

static void work_over(struct rc_work *work)
{
    uv_sem_post(&errand_of(work)->freed);
}

static void begin(struct world *w, struct errand *e)
{
    *e = (struct errand){.work = {run_work, work_done, work_over}, .loops = uv_thread_self()};
    assert_int_equal(uv_sem_init(&e->begun, 0), 0);
    assert_int_equal(uv_sem_init(&e->may_end, 0), 0);
    assert_int_equal(uv_sem_init(&e->freed, 0), 0);
    assert_int_equal(w->t->ops->begin_work(w->t, &e->work), 0);
    uv_sem_wait(&e->begun);
}

static void end(struct errand *e)
{
    uv_sem_destroy(&e->begun);
    uv_sem_destroy(&e->may_end);
    uv_sem_destroy(&e->freed);
}

static void work_is_told_in_the_loops_thread(void **state)
{
    (void)state;
    struct world w;
    struct errand e;
    world_open(&w);
    for (int i = 1; i <= 3; i++) {
        begin(&w, &e);
        run_for(&w, 5);
        assert_int_equal(e.done, 0);
        uv_sem_post(&e.may_end);
        run_until(&w, &e.done, 1);
        run_for(&w, 5);
        assert_int_equal(e.done, 1);
        assert_int_equal(uv_sem_trywait(&e.freed), UV_EAGAIN); /* it may be needed for a while */
        w.t->ops->drop_work(w.t);
        uv_sem_wait(&e.freed);
        end(&e);
    }
    world_close(&w);
}

static void a_loop_ends_before_what_was_dropped(void **state)
{
    (void)state;
    struct world w;
    struct errand e;
    world_open(&w);
    begin(&w, &e);
    w.t->ops->drop_work(w.t);
    world_close(&w);
    uv_sem_post(&e.may_end);
    uv_sem_wait(&e.freed);
    assert_int_equal(e.done, 0);
    end(&e);
}

/* It was done, and its loop had not turned yet. */
static void work_that_is_done_can_be_dropped(void **state)
{
    (void)state;
    struct world w;
    struct errand e;
    world_open(&w);
    begin(&w, &e);
    uv_sem_post(&e.may_end);
    uv_sleep(20);
    w.t->ops->drop_work(w.t);
    uv_sem_wait(&e.freed);
    run_for(&w, 5);
    assert_int_equal(e.done, 0);
    end(&e);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_told_in_the_loops_thread),
        cmocka_unit_test(a_loop_ends_before_what_was_dropped),
        cmocka_unit_test(work_that_is_done_can_be_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Work aside: a thread of its own for each, since a program may keep libuv's pool busy for as long
 * as it likes, and its loop could not end before what is under way there.
 *
 * What was dropped is its thread's alone and knows no transport, so that neither its end nor the
 * loop's waits for it, and giving much memory back keeps no loop. */
#include "transport/uv_internal.h"

#include "base/alloc.h"
#include "transport/thread.h"

struct rc_uv_errand {
    pthread_mutex_t lock; /* of the rest; its thread has it while it knocks */
    pthread_cond_t parted;
    struct rc_uv *u; /* NULL: it was dropped */
    struct rc_work *work;
    bool finished, told;
};

static void errand_free(struct rc_uv_errand *errand)
{
    pthread_cond_destroy(&errand->parted);
    pthread_mutex_destroy(&errand->lock);
    rc_free(errand);
}

static void *do_errand(void *argument)
{
    struct rc_uv_errand *errand = argument;
    struct rc_work *work = errand->work;
    work->run(work);
    pthread_mutex_lock(&errand->lock);
    errand->finished = true;
    if (errand->u != NULL) {
        uv_async_send(&errand->u->async);
    }
    while (errand->u != NULL) {
        pthread_cond_wait(&errand->parted, &errand->lock);
    }
    pthread_mutex_unlock(&errand->lock);
    work->over(work);
    errand_free(errand);
    return NULL;
}

/* From here on it is its thread's. */
static void part(struct rc_uv_errand *errand)
{
    pthread_mutex_lock(&errand->lock);
    errand->u = NULL;
    pthread_cond_signal(&errand->parted);
    pthread_mutex_unlock(&errand->lock);
}

int rc_uv_work_begin(struct rc_transport *t, struct rc_work *work)
{
    struct rc_uv *u = rc_uv_of(t);
    struct rc_uv_errand *errand = rc_alloc_zeroed(1, sizeof *errand);
    if (errand == NULL) {
        return UV_ENOMEM;
    }
    errand->u = u;
    errand->work = work;
    pthread_mutex_init(&errand->lock, NULL);
    pthread_cond_init(&errand->parted, NULL);
    int status = rc_thread_start(do_errand, errand);
    if (status < 0) {
        errand_free(errand);
        return status;
    }
    u->errand = errand;
    return 0;
}

void rc_uv_work_drop(struct rc_transport *t)
{
    struct rc_uv *u = rc_uv_of(t);
    struct rc_uv_errand *errand = u->errand;
    u->errand = NULL;
    part(errand);
}

void rc_uv_work_collect(struct rc_uv *u)
{
    struct rc_uv_errand *errand = u->errand;
    if (errand == NULL) {
        return;
    }
    pthread_mutex_lock(&errand->lock);
    bool finished = errand->finished;
    pthread_mutex_unlock(&errand->lock);
    if (finished && !errand->told) {
        errand->told = true;
        errand->work->done(errand->work);
    }
}

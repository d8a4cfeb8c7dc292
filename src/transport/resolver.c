/* SPDX-License-Identifier: MIT */
/* Threads are started by those who ask, and end when nothing waits, so that an idle program has
 * none. They are detached: one that hangs is not waited for by anybody, and ends with the process.
 * Time is looked at when something is asked, which those who still want an answer do again. */
#include "transport/resolver.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "transport/thread.h"

enum state { WAITING, UNDER_WAY, ANSWERED };

struct rc_look_up {
    struct rc_list node;       /* in the resolver's list of its state; ANSWERED: in none */
    struct rc_tree_node named; /* WAITING: among the resolver's names */
    struct rc_list askers;     /* questions, until it is answered */
    unsigned questions;        /* not yet forgotten */
    enum state state;
    uint64_t began_ms;
    int status; /* ANSWERED */
    struct rc_found *found;
    char name[];
};

static struct rc_look_up *look_up_of(struct rc_list *node)
{
    return rc_container(node, struct rc_look_up, node);
}

static bool is_stuck(const struct rc_look_up *look_up, uint64_t now_ms)
{
    return look_up->state == UNDER_WAY && now_ms - look_up->began_ms >= RC_LOOK_UP_STUCK_MS;
}

/* Threads that work, or are about to. */
static unsigned at_work(const struct rc_resolver *resolver)
{
    uint64_t now_ms = resolver->now_ms();
    unsigned count = resolver->threads;
    const struct rc_list *head = &resolver->under_way;
    for (struct rc_list *node = head->next; node != head; node = node->next) {
        count -= is_stuck(look_up_of(node), now_ms);
    }
    return count;
}

/* ---- look-ups ---- */

static int compare(const void *name, const struct rc_tree_node *node)
{
    return strcmp(name, rc_container(node, struct rc_look_up, named)->name);
}

/* Names come from the configuration: where the heap put a look-up is as good as chance. */
static uint64_t priority_of(const struct rc_look_up *look_up)
{
    return (uint64_t)(uintptr_t)look_up * UINT64_C(0x9e3779b97f4a7c15);
}

static struct rc_look_up *look_up_new(struct rc_resolver *resolver, const char *name)
{
    size_t size = strlen(name) + 1;
    struct rc_look_up *look_up = rc_alloc_zeroed(1, sizeof *look_up + size);
    if (look_up == NULL) {
        return NULL;
    }
    memcpy(look_up->name, name, size);
    look_up->named.priority = priority_of(look_up);
    rc_list_init(&look_up->askers);
    rc_list_append(&resolver->waiting, &look_up->node);
    rc_tree_insert(&resolver->names, &look_up->named, compare, name);
    return look_up;
}

static void stop_waiting(struct rc_resolver *resolver, struct rc_look_up *look_up)
{
    rc_list_remove(&look_up->node);
    rc_tree_remove(&resolver->names, &look_up->named, compare, look_up->name);
}

/* What one more question for `name` may share of those under way. One that is stuck is begun once
 * more beside the first, but not again: otherwise one dead name would come to have all threads. */
static struct rc_look_up *shared_under_way(const struct rc_resolver *resolver, const char *name)
{
    struct rc_look_up *last = NULL;
    unsigned twins = 0;
    const struct rc_list *head = &resolver->under_way;
    for (struct rc_list *node = head->next; node != head; node = node->next) {
        if (strcmp(look_up_of(node)->name, name) == 0) {
            last = look_up_of(node);
            twins++;
        }
    }
    bool again = last != NULL && twins < RC_LOOK_UP_TWINS && is_stuck(last, resolver->now_ms());
    return again ? NULL : last;
}

static struct rc_look_up *shared(const struct rc_resolver *resolver, const char *name)
{
    struct rc_tree_node *waiting = rc_tree_find(&resolver->names, compare, name);
    return waiting != NULL ? rc_container(waiting, struct rc_look_up, named)
                           : shared_under_way(resolver, name);
}

/* Free it, unless somebody waits for it or a thread will come back to it. */
static void release(struct rc_resolver *resolver, struct rc_look_up *look_up)
{
    if (look_up->questions > 0 || look_up->state == UNDER_WAY) {
        return;
    }
    if (look_up->state == WAITING) {
        stop_waiting(resolver, look_up);
    }
    rc_free(look_up->found);
    rc_free(look_up);
}

/* ---- threads ---- */

static void deliver(struct rc_question *question)
{
    struct rc_mailbox *mailbox = question->mailbox;
    bool first = rc_list_empty(&mailbox->answered);
    rc_list_append(&mailbox->answered, &question->node);
    if (first) {
        mailbox->knock(mailbox);
    }
}

static void finish(struct rc_resolver *resolver, struct rc_look_up *look_up, int status)
{
    look_up->state = ANSWERED;
    look_up->status = status;
    rc_list_remove(&look_up->node);
    for (struct rc_list *node; (node = rc_list_first(&look_up->askers)) != NULL;) {
        rc_list_remove(node);
        deliver(rc_container(node, struct rc_question, node));
    }
    release(resolver, look_up);
}

/* The next one for a thread, which counts itself: while it was stuck, others may have come. */
static struct rc_look_up *take(struct rc_resolver *resolver)
{
    struct rc_list *node = rc_list_first(&resolver->waiting);
    if (node == NULL || at_work(resolver) > RC_LOOK_UPS) {
        return NULL;
    }
    struct rc_look_up *look_up = look_up_of(node);
    stop_waiting(resolver, look_up);
    rc_list_append(&resolver->under_way, node);
    look_up->state = UNDER_WAY;
    look_up->began_ms = resolver->now_ms();
    return look_up;
}

/* Without the lock. */
static int resolve(const struct rc_resolver *resolver, struct rc_look_up *look_up)
{
    look_up->found = rc_alloc_zeroed(1, sizeof *look_up->found);
    return look_up->found != NULL ? resolver->resolve(look_up->name, look_up->found) : -ENOMEM;
}

static void *work(void *arg)
{
    struct rc_resolver *resolver = arg;
    pthread_mutex_lock(&resolver->lock);
    resolver->coming--;
    for (struct rc_look_up *look_up; (look_up = take(resolver)) != NULL;) {
        pthread_mutex_unlock(&resolver->lock);
        int status = resolve(resolver, look_up);
        pthread_mutex_lock(&resolver->lock);
        finish(resolver, look_up, status);
    }
    resolver->threads--;
    pthread_mutex_unlock(&resolver->lock);
    return NULL;
}

static int start_thread(struct rc_resolver *resolver)
{
    int status = rc_thread_start(work, resolver);
    if (status == 0) {
        resolver->threads++;
        resolver->coming++;
    }
    return status;
}

static bool has_more_than(const struct rc_list *list, unsigned count)
{
    const struct rc_list *node = list->next;
    while (node != list && count > 0) {
        node = node->next;
        count--;
    }
    return node != list;
}

/* As many threads as are wanted and may be. That none can be begun matters only where nobody else
 * comes to what waits. */
static int staff(struct rc_resolver *resolver)
{
    unsigned busy = at_work(resolver);
    while (has_more_than(&resolver->waiting, resolver->coming) && busy < RC_LOOK_UPS &&
           resolver->threads < RC_LOOK_UP_THREADS) {
        int status = start_thread(resolver);
        if (status < 0) {
            return busy == 0 ? status : 0;
        }
        busy++;
    }
    return 0;
}

/* ---- questions ---- */

void rc_resolver_init(
    struct rc_resolver *resolver, rc_resolve_fn resolve_name, uint64_t (*now_ms)(void))
{
    *resolver = (struct rc_resolver){.resolve = resolve_name, .now_ms = now_ms};
    pthread_mutex_init(&resolver->lock, NULL);
    rc_list_init(&resolver->waiting);
    rc_list_init(&resolver->under_way);
}

static void detach(struct rc_resolver *resolver, struct rc_question *question)
{
    struct rc_look_up *look_up = question->look_up;
    rc_list_remove(&question->node);
    look_up->questions--;
    release(resolver, look_up);
}

static int attach(struct rc_resolver *resolver, const char *name, struct rc_question *question)
{
    struct rc_look_up *look_up = shared(resolver, name);
    if (look_up == NULL) {
        look_up = look_up_new(resolver, name);
    }
    if (look_up == NULL) {
        return -ENOMEM;
    }
    look_up->questions++;
    question->look_up = look_up;
    rc_list_append(&look_up->askers, &question->node);
    int status = staff(resolver);
    if (status < 0 && look_up->state == WAITING) {
        detach(resolver, question);
        return status;
    }
    return 0;
}

int rc_resolver_ask(struct rc_resolver *resolver, const char *name, struct rc_mailbox *mailbox,
    struct rc_question *question)
{
    if (strlen(name) > RC_HOST_MAX) {
        return -ENAMETOOLONG;
    }
    *question = (struct rc_question){.mailbox = mailbox};
    pthread_mutex_lock(&resolver->lock);
    int status = attach(resolver, name, question);
    pthread_mutex_unlock(&resolver->lock);
    return status;
}

struct rc_question *rc_resolver_collect(struct rc_resolver *resolver, struct rc_mailbox *mailbox)
{
    struct rc_question *question = NULL;
    pthread_mutex_lock(&resolver->lock);
    struct rc_list *node = rc_list_first(&mailbox->answered);
    if (node != NULL) {
        rc_list_remove(node);
        question = rc_container(node, struct rc_question, node);
        question->status = question->look_up->status;
        question->found = question->look_up->found;
    }
    pthread_mutex_unlock(&resolver->lock);
    return question;
}

void rc_resolver_forget(struct rc_resolver *resolver, struct rc_question *question)
{
    pthread_mutex_lock(&resolver->lock);
    detach(resolver, question);
    pthread_mutex_unlock(&resolver->lock);
}

/* ---- fork ---- */

void rc_resolver_hold(struct rc_resolver *resolver)
{
    pthread_mutex_lock(&resolver->lock);
}

void rc_resolver_resume(struct rc_resolver *resolver)
{
    pthread_mutex_unlock(&resolver->lock);
}

void rc_resolver_restart(struct rc_resolver *resolver)
{
    resolver->threads = 0;
    resolver->coming = 0;
    for (struct rc_list *node; (node = rc_list_first(&resolver->under_way)) != NULL;) {
        finish(resolver, look_up_of(node), -EINTR);
    }
    pthread_mutex_unlock(&resolver->lock);
}

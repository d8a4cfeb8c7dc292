/* SPDX-License-Identifier: MIT */
#include "transport/thread.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

/* Beyond what the system says that a thread needs, thread-local variables among it: the modules
 * behind getaddrinfo keep their buffers there. */
enum { STACK_BYTES = 512 * 1024 };

static size_t stack_bytes(void)
{
    long least = sysconf(_SC_THREAD_STACK_MIN);
    return STACK_BYTES + (least > 0 ? (size_t)least : 0);
}

int rc_thread_start(void *(*run)(void *argument), void *argument)
{
    pthread_t thread;
    pthread_attr_t attributes;
    sigset_t all, before;
    int error = pthread_attr_init(&attributes);
    if (error != 0) {
        return -error;
    }
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, stack_bytes());
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attributes, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return -error;
}

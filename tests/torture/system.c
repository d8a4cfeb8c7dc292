/* SPDX-License-Identifier: MIT */
#include "system.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { TIMERS = 4 /* two of each client */, THREADS = 2, SOON_MS = 10, START_MS = 1000000 };

struct timing {
    uv_timer_t *timer;
    uv_timer_cb cb;
};

struct thread {
    void *(*work)(void *);
    void *arg;
};

/* The calls take no argument of ours, hence one variable of the program. */
static struct {
    const struct torture_site *site;
    struct system_fault fault;
    uint64_t skip, times;
    uint64_t leapt_ms;
    struct timing timings[TIMERS];
    unsigned next_timing;
    const uv_timer_t *firing;
    struct thread threads[THREADS]; /* begun, and not yet run */
    unsigned thread_count;
} world;

void system_fail(const struct torture_site *site, const struct system_fault *fault, uint64_t skip,
    uint64_t times)
{
    world.site = site;
    world.fault = *fault;
    world.skip = skip;
    world.times = times;
}

void system_relent(void)
{
    world.site = NULL;
}

void system_pass(uint64_t ms)
{
    world.leapt_ms += ms;
}

/* Is it now that this call fails, in this way? Counts the call. */
static bool due(struct torture_site *site)
{
    site->reached++;
    if (world.site != site || world.times == 0) {
        return false;
    }
    if (world.skip > 0) {
        world.skip--;
        return false;
    }
    world.times--;
    site->failed++;
    errno = world.fault.error;
    return true;
}

static bool goes_on(int error)
{
    return error == EINTR || error == EINPROGRESS;
}

socklen_t system_address(uint16_t port, struct sockaddr_un *address)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    /* In the kernel alone: a name whose first byte is zero has no file. */
    int len = snprintf(address->sun_path + 1, sizeof address->sun_path - 1,
        "ringcache-torture-%d-%u", (int)getpid(), port);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
}

int torture_socket(struct torture_site *site, int family, int type, int protocol)
{
    (void)family;
    return due(site) ? -1 : socket(AF_UNIX, type, protocol);
}

static int connect_here(int fd, const struct sockaddr *to)
{
    struct sockaddr_un here;
    const struct sockaddr_in *in = (const void *)to;
    if (to->sa_family != AF_INET) {
        errno = ECONNREFUSED;
        return -1;
    }
    socklen_t len = system_address(ntohs(in->sin_port), &here);
    return connect(fd, (struct sockaddr *)&here, len);
}

/* A connect that was interrupted has begun all the same. */
int torture_connect(struct torture_site *site, int fd, const struct sockaddr *to, socklen_t len)
{
    (void)len;
    if (!due(site)) {
        return connect_here(fd, to);
    }
    if (goes_on(world.fault.error)) {
        connect_here(fd, to);
    }
    errno = world.fault.error;
    return -1;
}

int torture_getsockopt(
    struct torture_site *site, int fd, int level, int option, void *value, socklen_t *len)
{
    bool fails = due(site);
    if (fails && world.fault.way == SYSTEM_FAILS) {
        return -1;
    }
    int rc = getsockopt(fd, level, option, value, len);
    if (fails) {
        *(int *)value = world.fault.error;
    }
    return rc;
}

int torture_setsockopt(
    struct torture_site *site, int fd, int level, int option, const void *value, socklen_t len)
{
    return due(site) ? -1 : setsockopt(fd, level, option, value, len);
}

ssize_t torture_recv(struct torture_site *site, int fd, void *where, size_t room, int flags)
{
    if (!due(site)) {
        return recv(fd, where, room, flags);
    }
    return world.fault.way == SYSTEM_LESS ? recv(fd, where, 1, flags) : -1;
}

ssize_t torture_send(struct torture_site *site, int fd, const void *bytes, size_t len, int flags)
{
    if (!due(site)) {
        return send(fd, bytes, len, flags);
    }
    return world.fault.way == SYSTEM_LESS ? send(fd, bytes, 1, flags) : -1;
}

ssize_t torture_sendmsg(struct torture_site *site, int fd, const struct msghdr *message, int flags)
{
    if (!due(site)) {
        return sendmsg(fd, message, flags);
    }
    return world.fault.way == SYSTEM_LESS ? send(fd, message->msg_iov[0].iov_base, 1, flags) : -1;
}

/* It fails for a connection that is no more, which this one then is. */
int torture_shutdown(struct torture_site *site, int fd, int how)
{
    bool fails = due(site);
    int rc = shutdown(fd, fails ? SHUT_RDWR : how);
    errno = fails ? world.fault.error : errno;
    return fails ? -1 : rc;
}

/* The descriptor is gone whatever is told. */
int torture_close(struct torture_site *site, int fd)
{
    bool fails = due(site);
    int rc = close(fd);
    errno = fails ? world.fault.error : errno;
    return fails ? -1 : rc;
}

int torture_poll_init(struct torture_site *site, uv_loop_t *loop, uv_poll_t *poll, uv_os_sock_t fd)
{
    return due(site) ? world.fault.error : uv_poll_init_socket(loop, poll, fd);
}

int torture_poll_start(struct torture_site *site, uv_poll_t *poll, int events, uv_poll_cb cb)
{
    return due(site) ? world.fault.error : uv_poll_start(poll, events, cb);
}

int torture_async_init(
    struct torture_site *site, uv_loop_t *loop, uv_async_t *async, uv_async_cb cb)
{
    return due(site) ? world.fault.error : uv_async_init(loop, async, cb);
}

int torture_mutex_init(struct torture_site *site, uv_mutex_t *mutex)
{
    return due(site) ? world.fault.error : uv_mutex_init(mutex);
}

int torture_loop_init(struct torture_site *site, uv_loop_t *loop)
{
    return due(site) ? world.fault.error : uv_loop_init(loop);
}

int torture_random(struct torture_site *site, uv_loop_t *loop, uv_random_t *request, void *bytes,
    size_t len, unsigned flags, uv_random_cb cb)
{
    return due(site) ? world.fault.error : uv_random(loop, request, bytes, len, flags, cb);
}

int torture_getaddrinfo(struct torture_site *site, const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **results)
{
    if (!due(site)) {
        return getaddrinfo(node, service, hints, results);
    }
    return world.fault.way == SYSTEM_ERRNO ? EAI_SYSTEM : world.fault.error;
}

int torture_attr_init(struct torture_site *site, pthread_attr_t *attributes)
{
    return due(site) ? world.fault.error : pthread_attr_init(attributes);
}

int torture_create(struct torture_site *site, pthread_t *thread, const pthread_attr_t *attributes,
    void *(*work)(void *), void *arg)
{
    (void)thread, (void)attributes;
    if (due(site)) {
        return world.fault.error;
    }
    if (world.thread_count == THREADS) {
        abort();
    }
    world.threads[world.thread_count++] = (struct thread){work, arg};
    return 0;
}

void system_run_threads(void)
{
    while (world.thread_count > 0) {
        struct thread thread = world.threads[--world.thread_count];
        thread.work(thread.arg);
    }
}

uint64_t torture_now(const uv_loop_t *loop)
{
    (void)loop;
    return START_MS + world.leapt_ms;
}

uint64_t torture_hrtime(void)
{
    return (START_MS + world.leapt_ms) * 1000000;
}

static struct timing *timing_of(uv_timer_t *timer)
{
    size_t i = 0;
    while (i < TIMERS && world.timings[i].timer != timer) {
        i++;
    }
    return i < TIMERS ? &world.timings[i] : &world.timings[world.next_timing++ % TIMERS];
}

static void fire(uv_timer_t *timer)
{
    world.firing = timer;
    timing_of(timer)->cb(timer);
    world.firing = NULL;
}

/* Nobody waits: a timer fires in the next turn, since its owner looks at the clock, or tries once
 * more. One that sets itself again would be found due for ever in one turn: it takes a moment of
 * the wall's, which is spent here when it is to be soon. */
int torture_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t ms, uint64_t repeat)
{
    bool again = world.firing == timer;
    *timing_of(timer) = (struct timing){timer, cb};
    int rc = uv_timer_start(timer, fire, again ? 1 : 0, repeat);
    if (again && ms <= SOON_MS) {
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return rc;
}

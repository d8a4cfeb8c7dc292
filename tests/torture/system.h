/* SPDX-License-Identifier: MIT */
#ifndef TORTURE_SYSTEM_H
#define TORTURE_SYSTEM_H

/* The system's calls and libuv's, which fail on demand; a clock that only moves when it is told to,
 * so that nobody waits and no stall of this machine shows; and a loopback of Unix sockets behind
 * the addresses of IP, since what is sent there has arrived: TCP takes a time of its own. */

#include <netdb.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <uv.h>

#include "sites.h"

/* How a call fails. */
enum system_way {
    SYSTEM_FAILS,
    SYSTEM_LESS,    /* it moves one byte */
    SYSTEM_PENDING, /* it tells of an error that waited: getsockopt with SO_ERROR */
    SYSTEM_ERRNO,   /* it says to look at errno: getaddrinfo with EAI_SYSTEM */
};

struct system_fault {
    const char *call; /* as in torture_site */
    enum system_way way;
    int error;  /* an errno, or libuv's negative code */
    bool peers; /* it says something of the server: it may be found out of service */
};

/* Of the calls that `site` makes from now on, `skip` are as ever, then `times` fail. */
void system_fail(const struct torture_site *site, const struct system_fault *fault, uint64_t skip,
    uint64_t times);
void system_relent(void);

/* Where 127.0.0.1 at `port` is found; nothing listens at any other address. */
socklen_t system_address(uint16_t port, struct sockaddr_un *address);

/* Time passes. */
void system_pass(uint64_t ms);
/* What threads that were begun have to do is done here, by the only one there is. */
void system_run_threads(void);

/* What stands in the place of the calls. */
int torture_socket(struct torture_site *site, int family, int type, int protocol);
int torture_connect(struct torture_site *site, int fd, const struct sockaddr *to, socklen_t len);
int torture_getsockopt(
    struct torture_site *site, int fd, int level, int option, void *value, socklen_t *len);
int torture_setsockopt(
    struct torture_site *site, int fd, int level, int option, const void *value, socklen_t len);
ssize_t torture_recv(struct torture_site *site, int fd, void *where, size_t room, int flags);
ssize_t torture_send(struct torture_site *site, int fd, const void *bytes, size_t len, int flags);
ssize_t torture_sendmsg(struct torture_site *site, int fd, const struct msghdr *message, int flags);
int torture_shutdown(struct torture_site *site, int fd, int how);
int torture_close(struct torture_site *site, int fd);
int torture_getaddrinfo(struct torture_site *site, const char *node, const char *service,
    const struct addrinfo *hints, struct addrinfo **results);
int torture_attr_init(struct torture_site *site, pthread_attr_t *attributes);
int torture_create(struct torture_site *site, pthread_t *thread, const pthread_attr_t *attributes,
    void *(*work)(void *), void *arg);
int torture_poll_init(struct torture_site *site, uv_loop_t *loop, uv_poll_t *poll, uv_os_sock_t fd);
int torture_poll_start(struct torture_site *site, uv_poll_t *poll, int events, uv_poll_cb cb);
int torture_async_init(
    struct torture_site *site, uv_loop_t *loop, uv_async_t *async, uv_async_cb cb);
int torture_mutex_init(struct torture_site *site, uv_mutex_t *mutex);
int torture_loop_init(struct torture_site *site, uv_loop_t *loop);
int torture_random(struct torture_site *site, uv_loop_t *loop, uv_random_t *request, void *bytes,
    size_t len, unsigned flags, uv_random_cb cb);
uint64_t torture_now(const uv_loop_t *loop);
uint64_t torture_hrtime(void);
int torture_timer_start(uv_timer_t *timer, uv_timer_cb cb, uint64_t ms, uint64_t repeat);

#endif

/* SPDX-License-Identifier: MIT */
/* Loaded in front of the C library (LD_PRELOAD), counts the system calls of a network client: all
 * that libuv, hiredis and libmemcached make between requests. One thread. */
#include <dlfcn.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

extern uint64_t bench_system_calls;
uint64_t bench_system_calls;

/* A function of the same name and type that counts and then calls the next one. */
#define COUNTED(result, name, parameters, arguments)                                               \
    result name parameters;                                                                        \
    result name parameters                                                                         \
    {                                                                                              \
        static __typeof__(name) *next;                                                             \
        if (next == NULL) {                                                                        \
            *(void **)&next = dlsym(RTLD_NEXT, #name);                                             \
        }                                                                                          \
        bench_system_calls++;                                                                      \
        return next arguments;                                                                     \
    }

COUNTED(ssize_t, read, (int fd, void *bytes, size_t len), (fd, bytes, len))
COUNTED(ssize_t, write, (int fd, const void *bytes, size_t len), (fd, bytes, len))
COUNTED(ssize_t, readv, (int fd, const struct iovec *parts, int count), (fd, parts, count))
COUNTED(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))
COUNTED(ssize_t, recv, (int fd, void *bytes, size_t len, int flags), (fd, bytes, len, flags))
COUNTED(ssize_t, send, (int fd, const void *bytes, size_t len, int flags), (fd, bytes, len, flags))
COUNTED(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags))
COUNTED(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
COUNTED(int, poll, (struct pollfd * fds, nfds_t count, int timeout_ms), (fds, count, timeout_ms))
COUNTED(int, epoll_ctl, (int fd, int op, int of, struct epoll_event *event), (fd, op, of, event))
COUNTED(int, epoll_wait, (int fd, struct epoll_event *events, int most, int timeout_ms),
    (fd, events, most, timeout_ms))
COUNTED(int, epoll_pwait,
    (int fd, struct epoll_event *events, int most, int timeout_ms, const sigset_t *signals),
    (fd, events, most, timeout_ms, signals))
COUNTED(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t size),
    (fd, level, name, value, size))
COUNTED(int, getsockopt,
    (int fd, int level, int name, void *restrict value, socklen_t *restrict size),
    (fd, level, name, value, size))

/* Those that the C library has no function for, such as io_uring's. */
long syscall(long number, ...)
{
    static long (*next)(long number, ...);
    long words[6];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < 6; i++) {
        words[i] = va_arg(arguments, long);
    }
    va_end(arguments);
    if (next == NULL) {
        *(void **)&next = dlsym(RTLD_NEXT, "syscall");
    }
    bench_system_calls++;
    return next(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

/* SPDX-License-Identifier: MIT */
/* System calls and allocations of the transport, wrapped by the linker: each fails when told to. */
#include "uv_faults.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <uv.h>

struct faults faults;

static bool fails(struct fault *fault)
{
    fault->calls++;
    if (fault->times == 0) {
        return false;
    }
    fault->times--;
    errno = fault->error;
    return true;
}

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);
int __real_connect(int fd, const struct sockaddr *to, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len);
ssize_t __real_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __real_recv(int fd, void *where, size_t room, int flags);
ssize_t __wrap_recv(int fd, void *where, size_t room, int flags);
int __real_uv_poll_start(uv_poll_t *poll, int events, uv_poll_cb ready);
int __wrap_uv_poll_start(uv_poll_t *poll, int events, uv_poll_cb ready);
void *__real_rc_alloc_zeroed(size_t count, size_t size);
void *__wrap_rc_alloc_zeroed(size_t count, size_t size);

int __wrap_socket(int family, int type, int protocol)
{
    return fails(&faults.socket) ? -1 : __real_socket(family, type, protocol);
}

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t len)
{
    return fails(&faults.connect) ? -1 : __real_connect(fd, to, len);
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
    return fails(&faults.send) ? -1 : __real_send(fd, bytes, len, flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return fails(&faults.send) ? -1 : __real_sendmsg(fd, message, flags);
}

ssize_t __wrap_recv(int fd, void *where, size_t room, int flags)
{
    return fails(&faults.recv) ? -1 : __real_recv(fd, where, room, flags);
}

int __wrap_uv_poll_start(uv_poll_t *poll, int events, uv_poll_cb ready)
{
    return fails(&faults.poll) ? UV_EEXIST : __real_uv_poll_start(poll, events, ready);
}

void *__wrap_rc_alloc_zeroed(size_t count, size_t size)
{
    return fails(&faults.alloc) ? NULL : __real_rc_alloc_zeroed(count, size);
}

struct fault fault(int times, int error)
{
    return (struct fault){.times = times, .error = error};
}

/* SPDX-License-Identifier: MIT */
/* From the manual pages of Linux, and what libuv says. Left out are failures that a mistake of the
 * library's alone could bring about, since its sockets are open, are sockets, and are given whole
 * addresses and memory of its own: EBADF, EFAULT, ENOTSOCK, EINVAL, EISCONN, EALREADY,
 * EDESTADDRREQ, EOPNOTSUPP; and uv_timer_start, uv_idle_start, uv_prepare_start, uv_check_start and
 * uv_async_send, which fail for handles without a callback, or that are closing, alone. */
#include "faults.h"

#include <errno.h>

#include "ringcache/status.h"

#define OURS(name, error)                                                                          \
    {                                                                                              \
#name, SYSTEM_FAILS, error, false                                                          \
    }
#define PEERS(name, error)                                                                         \
    {                                                                                              \
#name, SYSTEM_FAILS, error, true                                                           \
    }
#define PENDING(error, peers)                                                                      \
    {                                                                                              \
        "getsockopt", SYSTEM_PENDING, error, peers                                                 \
    }
#define BEHIND(error, peers)                                                                       \
    {                                                                                              \
        "getaddrinfo", SYSTEM_ERRNO, error, peers                                                  \
    }

const struct system_fault system_faults[] = {
    OURS(socket, EMFILE),
    OURS(socket, ENFILE),
    OURS(socket, ENOBUFS),
    OURS(socket, ENOMEM),
    OURS(socket, EPERM),
    OURS(socket, EACCES),
    OURS(socket, EAFNOSUPPORT),
    OURS(socket, EPROTONOSUPPORT),

    OURS(connect, EADDRNOTAVAIL),
    OURS(connect, EADDRINUSE),
    OURS(connect, EAGAIN),
    OURS(connect, ENETUNREACH),
    OURS(connect, ENETDOWN),
    OURS(connect, ENOBUFS),
    OURS(connect, ENOMEM),
    OURS(connect, EPERM),
    OURS(connect, EACCES),
    OURS(connect, EINTR),
    OURS(connect, EINPROGRESS),
    PEERS(connect, ECONNREFUSED),
    PEERS(connect, ECONNRESET),
    PEERS(connect, EHOSTUNREACH),
    PEERS(connect, ETIMEDOUT),

    OURS(getsockopt, ENOBUFS),
    OURS(getsockopt, ENOMEM),
    PENDING(ENETUNREACH, false),
    PENDING(ENETDOWN, false),
    PENDING(ENOBUFS, false),
    PENDING(EPERM, false),
    PENDING(ECONNREFUSED, true),
    PENDING(ECONNRESET, true),
    PENDING(EHOSTUNREACH, true),
    PENDING(ETIMEDOUT, true),
    PENDING(EACCES, true),

    OURS(setsockopt, ENOBUFS),
    OURS(setsockopt, ENOMEM),
    OURS(setsockopt, ENOPROTOOPT),
    OURS(setsockopt, EINVAL),

    {"recv", SYSTEM_LESS, 0, false},
    OURS(recv, EAGAIN),
    OURS(recv, EINTR),
    OURS(recv, ENOMEM),
    OURS(recv, ENOBUFS),
    PEERS(recv, ECONNRESET),
    PEERS(recv, ECONNREFUSED),
    PEERS(recv, EPIPE),
    PEERS(recv, ETIMEDOUT),
    PEERS(recv, EHOSTUNREACH),
    PEERS(recv, ENETUNREACH),
    PEERS(recv, ENETDOWN),
    PEERS(recv, ENOTCONN),
    PEERS(recv, EIO),

    {"send", SYSTEM_LESS, 0, false},
    OURS(send, EAGAIN),
    OURS(send, EINTR),
    OURS(send, ENOBUFS),
    OURS(send, ENOMEM),
    PEERS(send, ECONNRESET),
    PEERS(send, EPIPE),
    PEERS(send, ETIMEDOUT),
    PEERS(send, EHOSTUNREACH),
    PEERS(send, ENETUNREACH),
    PEERS(send, ENETDOWN),
    PEERS(send, EPERM),
    PEERS(send, EACCES),
    PEERS(send, ENOTCONN),
    PEERS(send, EMSGSIZE),

    OURS(shutdown, ENOTCONN),

    OURS(close, EINTR),
    OURS(close, EIO),
    OURS(close, ENOSPC),
    OURS(close, EDQUOT),

    OURS(uv_poll_init_socket, UV_ENOMEM),
    OURS(uv_poll_init_socket, UV_ENOSPC),
    OURS(uv_poll_init_socket, UV_EPERM),
    OURS(uv_poll_start, UV_EEXIST),

    OURS(pthread_attr_init, ENOMEM),
    OURS(pthread_create, EAGAIN),
    OURS(pthread_create, EPERM),
    OURS(getaddrinfo, EAI_MEMORY),
    BEHIND(ENOMEM, false),
    BEHIND(EMFILE, false),
    BEHIND(ENFILE, false),
    BEHIND(ECONNREFUSED, true),
    BEHIND(0, true),
    PEERS(getaddrinfo, EAI_AGAIN),
    PEERS(getaddrinfo, EAI_FAIL),
    PEERS(getaddrinfo, EAI_NODATA),
    PEERS(getaddrinfo, EAI_NONAME),
    PEERS(getaddrinfo, EAI_FAMILY),
    PEERS(getaddrinfo, EAI_BADFLAGS),
    PEERS(getaddrinfo, EAI_SERVICE),
    PEERS(getaddrinfo, EAI_SOCKTYPE),
    PEERS(getaddrinfo, EAI_ADDRFAMILY),

    OURS(uv_async_init, UV_EMFILE),
    OURS(uv_async_init, UV_ENFILE),
    OURS(uv_async_init, UV_ENOMEM),
    OURS(uv_mutex_init, UV_EAGAIN),
    OURS(uv_mutex_init, UV_ENOMEM),
    OURS(uv_mutex_init, UV_EPERM),
    OURS(uv_loop_init, UV_EMFILE),
    OURS(uv_loop_init, UV_ENFILE),
    OURS(uv_loop_init, UV_ENOMEM),
    OURS(uv_random, UV_EIO),
    OURS(uv_random, UV_ENOSYS),
    OURS(uv_random, UV_EAGAIN),

    OURS(rc_alloc, RINGCACHE_ENOMEM),
    OURS(rc_alloc_zeroed, RINGCACHE_ENOMEM),

    {NULL, SYSTEM_FAILS, 0, false},
};

/* SPDX-License-Identifier: MIT */
#ifndef TORTURE_SYSTEM_SITES_H
#define TORTURE_SYSTEM_SITES_H

/* Included in front of the sources that bind the library to libuv and the system: what they call of
 * both, and what may fail, becomes a site, besides the allocations. Time is the world's. */

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "memory_sites.h"
#include "system.h"
#include "transport/transport.h"

#define socket(...) torture_socket(TORTURE_SITE(socket), __VA_ARGS__)
#define connect(...) torture_connect(TORTURE_SITE(connect), __VA_ARGS__)
#define getsockopt(...) torture_getsockopt(TORTURE_SITE(getsockopt), __VA_ARGS__)
#define setsockopt(...) torture_setsockopt(TORTURE_SITE(setsockopt), __VA_ARGS__)
#define recv(...) torture_recv(TORTURE_SITE(recv), __VA_ARGS__)
#define send(...) torture_send(TORTURE_SITE(send), __VA_ARGS__)
#define sendmsg(...) torture_sendmsg(TORTURE_SITE(send), __VA_ARGS__)
#define shutdown(...) torture_shutdown(TORTURE_SITE(shutdown), __VA_ARGS__)
#define close(...) torture_close(TORTURE_SITE(close), __VA_ARGS__)
#define getaddrinfo(...) torture_getaddrinfo(TORTURE_SITE(getaddrinfo), __VA_ARGS__)
#define pthread_attr_init(...) torture_attr_init(TORTURE_SITE(pthread_attr_init), __VA_ARGS__)
#define pthread_create(...) torture_create(TORTURE_SITE(pthread_create), __VA_ARGS__)

#define uv_poll_init_socket(...) torture_poll_init(TORTURE_SITE(uv_poll_init_socket), __VA_ARGS__)
#define uv_poll_start(...) torture_poll_start(TORTURE_SITE(uv_poll_start), __VA_ARGS__)
#define uv_async_init(...) torture_async_init(TORTURE_SITE(uv_async_init), __VA_ARGS__)
#define uv_mutex_init(...) torture_mutex_init(TORTURE_SITE(uv_mutex_init), __VA_ARGS__)
#define uv_loop_init(...) torture_loop_init(TORTURE_SITE(uv_loop_init), __VA_ARGS__)
#define uv_random(...) torture_random(TORTURE_SITE(uv_random), __VA_ARGS__)

#define uv_now(loop) torture_now(loop)
#define uv_hrtime() torture_hrtime()
#define uv_timer_start(timer, cb, ms, repeat) torture_timer_start(timer, cb, ms, repeat)

#endif

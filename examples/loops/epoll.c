/* SPDX-License-Identifier: MIT */
/* A program with a loop of its own: ringcache is one more descriptor under epoll.
 * Usage: epoll URI… */
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "open.h"

static void on_get(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    int *result = user;
    if (reply->status == RINGCACHE_OK) {
        printf("greeting = %.*s\n", (int)reply->value.len, (const char *)reply->value.data);
        *result = 0;
    }
    ringcache_client_close(client, NULL, NULL);
}

static void on_set(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    if (reply->status == RINGCACHE_OK && ringcache_get(client, "greeting", 8, on_get, user) == 0)
        return;
    fprintf(stderr, "set: %s\n", ringcache_strerror(reply->status));
    ringcache_client_close(client, NULL, NULL);
}

int main(int argc, char **argv)
{
    int result = 1;
    ringcache_client *client = open_client(argc, argv, NULL);
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event ready = {.events = EPOLLIN};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, ringcache_loop_fd(client), &ready) != 0)
        perror("epoll");
    if (ringcache_set(client, "greeting", 8, "hello, epoll", 12, 0, on_set, &result) != 0)
        ringcache_client_close(client, NULL, NULL);
    while (ringcache_loop_step(client) == 0) /* 1: it was closed and is gone */
        epoll_wait(epoll, &ready, 1, ringcache_loop_timeout_ms(client));
    close(epoll); /* the descriptor left it when it was closed */
    return result;
}

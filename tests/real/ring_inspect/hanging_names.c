/* SPDX-License-Identifier: MIT */
/* Loaded in front of a program: its resolver, which never answers. */
#include <netdb.h>
#include <unistd.h>

int getaddrinfo(
    const char *host, const char *service, const struct addrinfo *hints, struct addrinfo **results)
{
    (void)host, (void)service, (void)hints, (void)results;
    for (;;) {
        pause();
    }
}

/* SPDX-License-Identifier: MIT */
/* Run a program with the URIs of real servers as its last arguments; its exit status is ours.
 *
 *     with_servers MEMCACHED REDIS PROGRAM [ARGUMENT…]
 *
 * MEMCACHED and REDIS: how many of each, one digit. 77 when they are not installed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "servers.h"

enum { MOST = 18 };

static int run(char **arguments)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        execvp(arguments[0], arguments);
        perror(arguments[0]);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static unsigned digit(const char *text)
{
    return strlen(text) == 1 && *text >= '0' && *text <= '9' ? (unsigned)(*text - '0') : 0;
}

int main(int argc, char **argv)
{
    struct server servers[MOST] = {0};
    char uris[MOST][SERVER_URI_SIZE];
    if (argc < 4)
        return 2;
    const unsigned memcached = digit(argv[1]), count = memcached + digit(argv[2]);
    char **arguments = calloc((size_t)argc + count, sizeof *arguments);
    if (arguments == NULL)
        return 2;
    if (!servers_available())
        return 77;
    memcpy(arguments, argv + 3, (size_t)(argc - 3) * sizeof *arguments);
    int status = 0;
    for (unsigned i = 0; i < count && status == 0; i++) {
        servers[i].kind = i < memcached ? SERVER_MEMCACHED : SERVER_REDIS;
        if (servers[i].kind == SERVER_MEMCACHED) {
            /* One thread: 1.6.18 with four was seen to leave a new connection unread for ever while
             * others were closed in quick succession. */
            servers[i].extra[0] = "-t";
            servers[i].extra[1] = "1";
        }
        status = server_start(&servers[i]) ? 0 : 1;
        if (status != 0)
            fprintf(stderr, "with_servers: a server did not start: %s\n", servers[i].why);
        arguments[argc - 3 + (int)i] = (char *)server_uri(&servers[i], NULL, uris[i]);
    }
    if (status == 0)
        status = run(arguments);
    for (unsigned i = 0; i < count; i++)
        server_discard(&servers[i]);
    free(arguments);
    return status;
}

/* SPDX-License-Identifier: MIT */
#ifndef REAL_SERVERS_H
#define REAL_SERVERS_H

/* Real servers as children of this process: started on a free loopback port or a Unix socket,
 * paused, killed, started again in the same place. They die with this process, however it ends. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum server_kind { SERVER_MEMCACHED, SERVER_REDIS };
enum server_listen { LISTEN_IPV4, LISTEN_IPV6, LISTEN_UNIX };

enum { SERVER_URI_SIZE = 160, SERVER_WHY_SIZE = 320, SERVER_FILE_SIZE = 64 };

/* `kind`, `listen` and `extra` are the caller's; the rest begins as zero. */
struct server {
    enum server_kind kind;
    enum server_listen listen;
    const char *extra[6]; /* further arguments, up to the first NULL */
    pid_t pid;            /* 0: not running */
    unsigned port;        /* 0: a Unix socket */
    char path[96];        /* of the Unix socket */
    /* Why it did not start: its own last words where it spoke, else the system's; "" when it
     * did. */
    char why[SERVER_WHY_SIZE];
};

/* Are both programs on the PATH? Says on stderr which one is not. */
bool servers_available(void);

/* Start, and wait until it answers; the second time in the same place. False after 10 s, and when
 * it ended before; server->why says why. */
bool server_start(struct server *server);

/* SIGSTOP, and wait until it stands still. */
void server_pause(const struct server *server);

/* SIGCONT. */
void server_resume(const struct server *server);

/* SIGKILL, and wait until it is gone; nothing when it is not running. */
void server_kill(struct server *server);

/* Kill, and forget the place. */
void server_discard(struct server *server);

/* A file in memory that says `words`, for a server's arguments: its path goes into `path`. It is
 * there as long as this process. */
bool server_file(const char *words, char path[SERVER_FILE_SIZE]);

/* Its URI with `name` as its name (NULL: the default) into `uri`; returns `uri`. */
const char *server_uri(const struct server *server, const char *name, char uri[SERVER_URI_SIZE]);

/* A blocking connection past the library, which gives up after 10 s; -1 with errno when there is
 * none. */
int server_connect(const struct server *server);

/* Send `command` on `fd` and read what comes, up to `end` at its end, into `reply` as a string. */
bool server_ask(int fd, const char *command, const char *end, char *reply, size_t size);

#endif

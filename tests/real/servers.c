/* SPDX-License-Identifier: MIT */
/* Ports are taken below the range from which the kernel serves outgoing connections, so that the
 * port of a killed server is still free when it starts again. */
#include "servers.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_PORT = 15000, PORTS = 16000, START_ATTEMPTS = 20, ANSWER_ATTEMPTS = 2000 };

/* What a server says goes to memory, and so much of its end is read when it does not start. */
enum { WORDS_BYTES = 4096 };

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
        struct sockaddr_un unix_path;
    } of;
    socklen_t len;
};

static const char *program_of(const struct server *server)
{
    return server->kind == SERVER_MEMCACHED ? "memcached" : "redis-server";
}

static bool on_path(const char *program)
{
    const char *path = getenv("PATH");
    while (path != NULL && *path != '\0') {
        int len = (int)strcspn(path, ":");
        char file[4096];
        snprintf(file, sizeof file, "%.*s/%s", len, path, program);
        if (access(file, X_OK) == 0)
            return true;
        path += len + (path[len] == ':');
    }
    fprintf(stderr, "%s is not installed\n", program);
    return false;
}

bool servers_available(void)
{
    bool memcached = on_path("memcached"), redis = on_path("redis-server");
    return memcached && redis;
}

static struct address address_of(const struct server *server)
{
    struct address address = {0};
    if (server->listen == LISTEN_UNIX) {
        address.of.unix_path.sun_family = AF_UNIX;
        snprintf(address.of.unix_path.sun_path, sizeof address.of.unix_path.sun_path, "%s",
            server->path);
        address.len = sizeof address.of.unix_path;
    } else if (server->listen == LISTEN_IPV6) {
        address.of.ip6.sin6_family = AF_INET6;
        address.of.ip6.sin6_port = htons((uint16_t)server->port);
        address.of.ip6.sin6_addr = in6addr_loopback;
        address.len = sizeof address.of.ip6;
    } else {
        address.of.ip4.sin_family = AF_INET;
        address.of.ip4.sin_port = htons((uint16_t)server->port);
        address.of.ip4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.len = sizeof address.of.ip4;
    }
    return address;
}

/* `what` failed, and errno says how. */
static bool fail(struct server *server, const char *what)
{
    snprintf(server->why, sizeof server->why, "%s: %s", what, strerror(errno));
    return false;
}

static bool port_is_free(struct server *server)
{
    struct address address = address_of(server);
    int fd = socket(address.of.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool free_port = fd >= 0 && bind(fd, &address.of.any, address.len) == 0;
    if (!free_port)
        fail(server, server->listen == LISTEN_IPV6 ? "a port of ::1" : "a port of 127.0.0.1");
    if (fd >= 0)
        close(fd);
    return free_port;
}

/* A place nobody listens at: a port, or a path in a folder of its own. */
static bool choose_place(struct server *server)
{
    if (server->listen == LISTEN_UNIX) {
        const char *tmp = getenv("TMPDIR");
        char folder[64];
        snprintf(folder, sizeof folder, "%s/ringcache.XXXXXX", tmp != NULL ? tmp : "/tmp");
        if (mkdtemp(folder) == NULL)
            return fail(server, folder);
        snprintf(server->path, sizeof server->path, "%s/socket", folder);
        return true;
    }
    for (int i = 0; i < 100; i++) {
        unsigned random = 0;
        if (getrandom(&random, sizeof random, 0) != sizeof random)
            return fail(server, "getrandom");
        server->port = FIRST_PORT + random % PORTS;
        if (port_is_free(server))
            return true;
    }
    return false;
}

static void memcached_arguments(const struct server *server, const char *port, const char **next)
{
    *next++ = "memcached";
    *next++ = "-U";
    *next++ = "0";
    if (geteuid() == 0) {
        /* Its own user again: a change of user would make it outlive this process. */
        *next++ = "-u";
        *next++ = "root";
    }
    if (server->listen == LISTEN_UNIX) {
        *next++ = "-s";
        *next++ = server->path;
        return;
    }
    *next++ = "-l";
    *next++ = server->listen == LISTEN_IPV6 ? "::1" : "127.0.0.1";
    *next++ = "-p";
    *next++ = port;
}

static void redis_arguments(const struct server *server, const char *port, const char **next)
{
    const bool is_path = server->listen == LISTEN_UNIX;
    const char *arguments[] = {"redis-server", "--save", "", "--appendonly", "no", "--bind",
        server->listen == LISTEN_IPV6 ? "::1" : "127.0.0.1", "--port", is_path ? "0" : port,
        is_path ? "--unixsocket" : NULL, server->path};
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments && arguments[i] != NULL; i++)
        next[i] = arguments[i];
}

/* What it says on both outputs goes to `words`. */
static void become_server(const struct server *server, pid_t parent, int words)
{
    char port[8];
    const char *arguments[24] = {0};
    snprintf(port, sizeof port, "%u", server->port);
    if (server->kind == SERVER_MEMCACHED)
        memcached_arguments(server, port, arguments);
    else
        redis_arguments(server, port, arguments);
    size_t count = 0;
    while (arguments[count] != NULL)
        count++;
    for (size_t i = 0; i < sizeof server->extra / sizeof *server->extra; i++)
        arguments[count + i] = server->extra[i];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDWR);
    if (getppid() != parent || null < 0)
        _exit(127);
    dup2(null, 0);
    dup2(words, 1);
    dup2(words, 2);
    execvp(program_of(server), (char *const *)arguments);
    perror(program_of(server));
    _exit(127);
}

int server_connect(const struct server *server)
{
    const struct timeval patience = {.tv_sec = 10};
    struct address address = address_of(server);
    int fd = socket(address.of.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, &address.of.any, address.len) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool ends_with(const char *text, size_t len, const char *end)
{
    size_t end_len = strlen(end);
    return len >= end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

bool server_ask(int fd, const char *command, const char *end, char *reply, size_t size)
{
    size_t len = 0;
    if (send(fd, command, strlen(command), MSG_NOSIGNAL) != (ssize_t)strlen(command))
        return false;
    while (len + 1 < size && !ends_with(reply, len, end)) {
        ssize_t n = recv(fd, reply + len, size - 1 - len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        len += (size_t)n;
    }
    reply[len] = '\0';
    return ends_with(reply, len, end);
}

/* Does anything come back? A refusal is an answer too. */
static bool answers(const struct server *server)
{
    char reply[256];
    int fd = server_connect(server);
    if (fd < 0)
        return false;
    bool answered =
        server_ask(fd, server->kind == SERVER_MEMCACHED ? "version\r\n" : "*1\r\n$4\r\nPING\r\n",
            "\n", reply, sizeof reply);
    close(fd);
    return answered;
}

/* What became of a start. A server that ended may have lost its port to another; trying one that is
 * silent elsewhere would be no use. */
enum outcome { ANSWERS, ENDED, SILENT };

/* Wait for the child's first answer; when none comes, it is gone. */
static enum outcome await_answer(struct server *server, pid_t pid)
{
    const struct timespec pause = {.tv_nsec = 5 * 1000 * 1000};
    bool possible = true;
    for (int i = 0; i < ANSWER_ATTEMPTS && possible; i++) {
        if (waitpid(pid, NULL, WNOHANG) == pid)
            return ENDED;
        errno = 0;
        if (answers(server))
            return ANSWERS;
        possible = errno != ENETUNREACH && errno != EHOSTUNREACH;
        if (possible)
            nanosleep(&pause, NULL);
    }
    fail(server, "it runs, but nothing comes back");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return SILENT;
}

/* Take the last line away from `text`. */
static const char *cut_last_line(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        text[--len] = '\0';
    char *before = strrchr(text, '\n');
    if (before == NULL)
        return text;
    *before = '\0';
    return before + 1;
}

/* The last two lines of `words` become the reason: what failed, and what came of it. */
static void keep_last_words(struct server *server, int words)
{
    char text[WORDS_BYTES + 1] = "";
    off_t end = lseek(words, 0, SEEK_END);
    if (pread(words, text, WORDS_BYTES, end > WORDS_BYTES ? end - WORDS_BYTES : 0) <= 0)
        snprintf(text, sizeof text, "it said nothing");
    const char *last = cut_last_line(text), *first = last != text ? cut_last_line(text) : "";
    snprintf(server->why, sizeof server->why, "%s%s%s", first, *first != '\0' ? "; " : "", last);
}

static enum outcome start_here(struct server *server)
{
    int words = memfd_create("words", MFD_CLOEXEC);
    pid_t parent = getpid(), pid = words < 0 ? -1 : fork();
    if (pid == 0)
        become_server(server, parent, words);
    if (pid < 0)
        fail(server, "a new process");
    enum outcome outcome = pid < 0 ? ENDED : await_answer(server, pid);
    if (outcome == ANSWERS) {
        server->pid = pid;
        server->why[0] = '\0';
    } else if (outcome == ENDED && pid > 0) {
        keep_last_words(server, words);
    }
    if (words >= 0)
        close(words);
    return outcome;
}

bool server_start(struct server *server)
{
    if (server->port != 0 || server->path[0] != '\0')
        return start_here(server) == ANSWERS;
    for (int i = 0; i < START_ATTEMPTS; i++) {
        enum outcome outcome = choose_place(server) ? start_here(server) : ENDED;
        if (outcome == ANSWERS)
            return true;
        server_discard(server);
        if (outcome == SILENT)
            return false;
    }
    return false;
}

void server_pause(const struct server *server)
{
    kill(server->pid, SIGSTOP);
    waitpid(server->pid, NULL, WUNTRACED);
}

void server_resume(const struct server *server)
{
    kill(server->pid, SIGCONT);
}

void server_kill(struct server *server)
{
    if (server->pid == 0)
        return;
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    server->pid = 0;
}

void server_discard(struct server *server)
{
    server_kill(server);
    if (server->path[0] != '\0') {
        unlink(server->path);
        *strrchr(server->path, '/') = '\0';
        rmdir(server->path);
    }
    server->path[0] = '\0';
    server->port = 0;
}

bool server_file(const char *words, char path[SERVER_FILE_SIZE])
{
    ssize_t len = (ssize_t)strlen(words);
    int fd = memfd_create("words", MFD_CLOEXEC);
    snprintf(path, SERVER_FILE_SIZE, "/proc/%d/fd/%d", (int)getpid(), fd);
    return fd >= 0 && write(fd, words, (size_t)len) == len;
}

const char *server_uri(const struct server *server, const char *name, char uri[SERVER_URI_SIZE])
{
    const char *scheme = server->kind == SERVER_MEMCACHED ? "memcached" : "redis";
    const char *query = name != NULL ? "?name=" : "";
    if (name == NULL)
        name = "";
    if (server->listen == LISTEN_UNIX)
        snprintf(uri, SERVER_URI_SIZE, "%s+unix://%s%s%s", scheme, server->path, query, name);
    else
        snprintf(uri, SERVER_URI_SIZE, "%s://%s:%u%s%s", scheme,
            server->listen == LISTEN_IPV6 ? "[::1]" : "127.0.0.1", server->port, query, name);
    return uri;
}

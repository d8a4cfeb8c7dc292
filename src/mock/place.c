/* SPDX-License-Identifier: MIT */
/* Where a simulated server listens: addresses, their sockets, and their URI. */
#include "mock/inside.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 511 };

static int init_unix(struct mock_place *place, const char *path)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&place->address;
    size_t len = strlen(path);
    if (len >= sizeof address->sun_path) {
        return RINGCACHE_EINVAL;
    }
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, len + 1);
    place->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1);
    return 0;
}

int mock_place_init(struct mock_place *place, const ringcache_mock_options *options)
{
    const char *address = options->address != NULL ? options->address : "127.0.0.1";
    memset(place, 0, sizeof *place);
    if (address[0] == '/') {
        return options->port == 0 ? init_unix(place, address) : RINGCACHE_EINVAL;
    }
    if (uv_ip4_addr(address, options->port, (struct sockaddr_in *)&place->address) == 0) {
        place->len = sizeof(struct sockaddr_in);
        return 0;
    }
    if (uv_ip6_addr(address, options->port, (struct sockaddr_in6 *)&place->address) == 0) {
        place->len = sizeof(struct sockaddr_in6);
        return 0;
    }
    return RINGCACHE_EINVAL;
}

static const char *unix_path(const struct mock_place *place)
{
    return place->address.ss_family == AF_UNIX
               ? ((const struct sockaddr_un *)&place->address)->sun_path
               : NULL;
}

static int occupy(struct mock_place *place, int fd)
{
    const int on = 1;
    socklen_t len = sizeof place->address;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (const struct sockaddr *)&place->address, place->len) != 0) {
        return -errno;
    }
    if (unix_path(place) == NULL &&
        getsockname(fd, (struct sockaddr *)&place->address, &len) != 0) {
        return -errno;
    }
    return 0;
}

int mock_place_open(struct mock_place *place, int *fd)
{
    int made = socket(place->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0) {
        return -errno;
    }
    mock_place_clear(place);
    int status = occupy(place, made);
    if (status != 0) {
        close(made);
        return status;
    }
    *fd = made;
    return 0;
}

int mock_place_listen(int fd)
{
    return listen(fd, BACKLOG) == 0 ? 0 : -errno;
}

void mock_place_clear(const struct mock_place *place)
{
    struct stat found;
    const char *path = unix_path(place);
    if (path != NULL && lstat(path, &found) == 0 && S_ISSOCK(found.st_mode)) {
        unlink(path);
    }
}

uint16_t mock_place_port(const struct mock_place *place)
{
    switch (place->address.ss_family) {
    case AF_INET:
        return ntohs(((const struct sockaddr_in *)&place->address)->sin_port);
    case AF_INET6:
        return ntohs(((const struct sockaddr_in6 *)&place->address)->sin6_port);
    default:
        return 0;
    }
}

/* `slash`: it stands for itself, too. */
static void add_encoded(struct sim_bytes *uri, const char *text, bool slash)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    for (; *text != '\0'; text++) {
        char encoded[4];
        bool shown = strchr(plain, *text) != NULL || (slash && *text == '/');
        snprintf(encoded, sizeof encoded, shown ? "%c" : "%%%02X", (unsigned char)*text);
        sim_bytes_text(uri, encoded);
    }
}

static void add_credentials(struct sim_bytes *uri, const ringcache_mock_options *options)
{
    if (options->password == NULL) {
        return;
    }
    add_encoded(uri, options->user != NULL ? options->user : "", false);
    sim_bytes_text(uri, ":");
    add_encoded(uri, options->password, false);
    sim_bytes_text(uri, "@");
}

static void add_address(struct sim_bytes *uri, const struct mock_place *place)
{
    char text[64];
    const struct sockaddr *address = (const struct sockaddr *)&place->address;
    bool brackets = address->sa_family == AF_INET6;
    uv_ip_name(address, text, sizeof text);
    sim_bytes_text(uri, brackets ? "[" : "");
    sim_bytes_text(uri, text);
    sim_bytes_text(uri, brackets ? "]:" : ":");
    sim_bytes_number(uri, mock_place_port(place));
}

char *mock_place_uri(const struct mock_place *place, const ringcache_mock_options *options)
{
    struct sim_bytes uri = {0};
    const char *path = unix_path(place);
    sim_bytes_text(&uri, options->kind == RINGCACHE_MOCK_MEMCACHED ? "memcached" : "redis");
    sim_bytes_text(&uri, path != NULL ? "+unix://" : "://");
    add_credentials(&uri, options);
    if (path != NULL) {
        add_encoded(&uri, path, true);
    } else {
        add_address(&uri, place);
    }
    struct rc_slice view = sim_bytes_view(&uri);
    char *copy = sim_copy(view.data, view.len);
    sim_bytes_deinit(&uri);
    return copy;
}

/* SPDX-License-Identifier: MIT */
/* One of libuv's two kinds of streams, chosen by the address. */
#include "endpoint.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { BACKLOG = 511, PORT_DIGITS = 5, HOST_SIZE = 256 };

static const char local_prefix[] = "unix:";

static bool is_port(const char *text)
{
    size_t len = strspn(text, "0123456789");
    return len > 0 && len <= PORT_DIGITS && text[len] == '\0';
}

static int look_up(const char *host, const char *port, struct endpoint *out)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return UV_EAI_NONAME;
    memcpy(&out->address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return 0;
}

static int parse_local(const char *path, struct endpoint *out)
{
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof out->path)
        return len == 0 ? UV_EINVAL : UV_ENAMETOOLONG;
    out->local = true;
    memcpy(out->path, path, len + 1);
    return 0;
}

int endpoint_parse(const char *text, struct endpoint *out)
{
    char host[HOST_SIZE];
    struct endpoint parsed = {.local = false};
    int status;
    if (strncmp(text, local_prefix, sizeof local_prefix - 1) == 0) {
        status = parse_local(text + sizeof local_prefix - 1, &parsed);
    } else {
        const char *colon = strrchr(text, ':');
        if (colon == NULL || !is_port(colon + 1))
            return UV_EINVAL;
        size_t len = (size_t)(colon - text);
        const bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
        len -= bracketed ? 2 : 0;
        if (len == 0 || len >= sizeof host)
            return UV_EINVAL;
        memcpy(host, text + bracketed, len);
        host[len] = '\0';
        status = look_up(host, colon + 1, &parsed);
    }
    if (status == 0)
        *out = parsed;
    return status;
}

int endpoint_init(const struct endpoint *endpoint, uv_loop_t *loop, union stream *stream)
{
    return endpoint->local ? uv_pipe_init(loop, &stream->pipe, 0) : uv_tcp_init(loop, &stream->tcp);
}

int endpoint_listen(struct endpoint *endpoint, union stream *stream, uv_connection_cb cb)
{
    struct sockaddr *address = (struct sockaddr *)&endpoint->address;
    int len = sizeof endpoint->address;
    int status = endpoint->local ? uv_pipe_bind(&stream->pipe, endpoint->path)
                                 : uv_tcp_bind(&stream->tcp, address, 0);
    if (status == 0)
        status = uv_listen(&stream->stream, BACKLOG, cb);
    if (status == 0 && !endpoint->local)
        status = uv_tcp_getsockname(&stream->tcp, address, &len);
    return status;
}

int endpoint_connect(
    const struct endpoint *endpoint, union stream *stream, uv_connect_t *connect, uv_connect_cb cb)
{
    if (!endpoint->local)
        return uv_tcp_connect(
            connect, &stream->tcp, (const struct sockaddr *)&endpoint->address, cb);
    uv_pipe_connect(connect, &stream->pipe, endpoint->path, cb);
    return 0;
}

unsigned endpoint_port(const struct endpoint *endpoint)
{
    if (endpoint->local)
        return 0;
    return ntohs(endpoint->address.ss_family == AF_INET6
                     ? ((const struct sockaddr_in6 *)&endpoint->address)->sin6_port
                     : ((const struct sockaddr_in *)&endpoint->address)->sin_port);
}

const char *endpoint_text(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "";
    const bool six = !endpoint->local && endpoint->address.ss_family == AF_INET6;
    if (endpoint->local) {
        snprintf(text, ENDPOINT_TEXT_SIZE, "%s%s", local_prefix, endpoint->path);
        return text;
    }
    if (six)
        uv_ip6_name((const struct sockaddr_in6 *)&endpoint->address, host, sizeof host);
    else
        uv_ip4_name((const struct sockaddr_in *)&endpoint->address, host, sizeof host);
    snprintf(text, ENDPOINT_TEXT_SIZE, six ? "[%s]:%u" : "%s:%u", host, endpoint_port(endpoint));
    return text;
}

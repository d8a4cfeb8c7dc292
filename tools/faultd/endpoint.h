/* SPDX-License-Identifier: MIT */
#ifndef FAULTD_ENDPOINT_H
#define FAULTD_ENDPOINT_H

/* Where to listen and where to connect: HOST:PORT, [IPv6]:PORT or unix:PATH. */

#include <stdbool.h>
#include <sys/socket.h>
#include <uv.h>

enum { ENDPOINT_TEXT_SIZE = 128 };

struct endpoint {
    bool local; /* a Unix socket at `path` */
    struct sockaddr_storage address;
    char path[108];
};

union stream {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

/* Understand `text`; a name is looked up now, and the first of its addresses taken. Returns 0 or a
 * libuv status. */
int endpoint_parse(const char *text, struct endpoint *out);

/* These return 0 or a libuv status. Once initialized, a stream has to be closed by uv_close. */
int endpoint_init(const struct endpoint *endpoint, uv_loop_t *loop, union stream *stream);
/* A port that was chosen for port 0 is kept in `endpoint`: it stays the same. */
int endpoint_listen(struct endpoint *endpoint, union stream *stream, uv_connection_cb cb);
int endpoint_connect(
    const struct endpoint *endpoint, union stream *stream, uv_connect_t *connect, uv_connect_cb cb);

/* As a person writes it; returns `text`. */
const char *endpoint_text(const struct endpoint *endpoint, char text[ENDPOINT_TEXT_SIZE]);
/* 0: a Unix socket. */
unsigned endpoint_port(const struct endpoint *endpoint);

#endif

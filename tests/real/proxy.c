/* SPDX-License-Identifier: MIT */
/* Each accepted connection is a link of two sides. Reading from one side goes on only while what it
 * sent before has been written to the other, so a side that does not read holds back its peer as it
 * would without the proxy. A side's end closes the link. */
#include "proxy.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 * 1024 };

struct side {
    uv_tcp_t tcp; /* first: a handle is its side */
    struct proxy_link *link;
    struct side *peer;
    uv_write_t write; /* of what this side received, to its peer */
    uv_read_cb on_bytes;
    char chunk[CHUNK];
};

struct proxy_link {
    struct side client, server;
    uv_connect_t connect;
    struct proxy *proxy;
    struct proxy_link *next, **place;
    size_t matched; /* bytes of the mark that the last bytes were */
    int open;       /* handles not closed yet */
};

static void on_side_closed(uv_handle_t *handle)
{
    struct proxy_link *link = ((struct side *)handle)->link;
    if (--link->open == 0)
        free(link);
}

static void link_close(struct proxy_link *link)
{
    if (uv_is_closing((uv_handle_t *)&link->client.tcp))
        return;
    *link->place = link->next;
    if (link->next != NULL)
        link->next->place = link->place;
    uv_close((uv_handle_t *)&link->client.tcp, on_side_closed);
    uv_close((uv_handle_t *)&link->server.tcp, on_side_closed);
}

/* A mark's first byte occurs in it once, so a mismatch may start anew at the byte that differed. */
static void count_marks(struct proxy_link *link, const char *bytes, size_t len)
{
    const char *mark = link->proxy->mark;
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != mark[link->matched])
            link->matched = 0;
        link->matched += bytes[i] == mark[link->matched];
        if (mark[link->matched] != '\0')
            continue;
        link->proxy->marks++;
        link->matched = 0;
    }
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    *buf = uv_buf_init(((struct side *)handle)->chunk, CHUNK);
}

/* The peer took all of it: receive more. */
static void on_written(uv_write_t *write, int status)
{
    struct side *side = write->data;
    if (uv_is_closing((uv_handle_t *)&side->tcp))
        return;
    if (status != 0 || uv_read_start((uv_stream_t *)&side->tcp, on_room, side->on_bytes) != 0)
        link_close(side->link);
}

static void on_bytes(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    struct side *side = (struct side *)stream;
    struct proxy_link *link = side->link;
    if (count < 0) {
        link_close(link);
        return;
    }
    if (side == &link->client) {
        link->proxy->bytes += (uint64_t)count;
        count_marks(link, buf->base, (size_t)count);
    }
    uv_buf_t all = uv_buf_init(buf->base, (unsigned)count);
    uv_read_stop(stream);
    side->write.data = side;
    if (uv_write(&side->write, (uv_stream_t *)&side->peer->tcp, &all, 1, on_written) != 0)
        link_close(link);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct proxy_link *link = connect->data;
    uv_stream_t *client = (uv_stream_t *)&link->client.tcp;
    uv_stream_t *server = (uv_stream_t *)&link->server.tcp;
    if (uv_is_closing((uv_handle_t *)client))
        return;
    if (status != 0 || uv_read_start(client, on_room, on_bytes) != 0 ||
        uv_read_start(server, on_room, on_bytes) != 0)
        link_close(link);
}

static void side_init(struct side *side, struct proxy_link *link, struct side *peer)
{
    uv_tcp_init(link->proxy->listener.loop, &side->tcp);
    side->link = link;
    side->peer = peer;
    side->on_bytes = on_bytes;
    link->open++;
}

static void link_add(struct proxy_link *link, struct proxy *proxy)
{
    link->proxy = proxy;
    link->next = proxy->links;
    link->place = &proxy->links;
    if (link->next != NULL)
        link->next->place = &link->next;
    proxy->links = link;
    side_init(&link->client, link, &link->server);
    side_init(&link->server, link, &link->client);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct proxy *proxy = listener->data;
    struct proxy_link *link = status == 0 ? calloc(1, sizeof *link) : NULL;
    if (link == NULL)
        return;
    link_add(link, proxy);
    proxy->connections++;
    link->connect.data = link;
    if (uv_accept(listener, (uv_stream_t *)&link->client.tcp) != 0 ||
        uv_tcp_connect(&link->connect, &link->server.tcp, (const struct sockaddr *)&proxy->target,
            on_connected) != 0)
        link_close(link);
}

int proxy_open(struct proxy *proxy, uv_loop_t *loop, unsigned target_port, const char *mark)
{
    struct sockaddr_in here;
    int len = sizeof here;
    memset(proxy, 0, sizeof *proxy);
    proxy->mark = mark;
    uv_ip4_addr("127.0.0.1", (int)target_port, &proxy->target);
    uv_ip4_addr("127.0.0.1", 0, &here);
    uv_tcp_init(loop, &proxy->listener);
    proxy->listener.data = proxy;
    int status = uv_tcp_bind(&proxy->listener, (const struct sockaddr *)&here, 0);
    if (status == 0)
        status = uv_listen((uv_stream_t *)&proxy->listener, 64, on_connection);
    if (status == 0)
        status = uv_tcp_getsockname(&proxy->listener, (struct sockaddr *)&here, &len);
    proxy->port = ntohs(here.sin_port);
    return status;
}

void proxy_close(struct proxy *proxy)
{
    while (proxy->links != NULL)
        link_close(proxy->links);
    uv_close((uv_handle_t *)&proxy->listener, NULL);
}

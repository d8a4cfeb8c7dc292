/* SPDX-License-Identifier: MIT */
/* The floor on libuv: what any client on libuv pays at least. */
#include "floor.h"

#include <stdlib.h>
#include <string.h>

#include <uv.h>

enum { INPUT_BYTES = 65536 };

struct link {
    uv_tcp_t tcp;
    uv_connect_t connecting;
    struct self *self;
    size_t number;
};

struct self {
    struct floor floor;
    struct load *load;
    uv_loop_t loop;
    uv_prepare_t turn;
    uv_timer_t stall;
    uint32_t seen; /* of the load's replies, when the timer ran last */
    size_t connected;
    struct link links[SERVERS_MAX];
    char input[INPUT_BYTES];
};

/* What did not go at once; freed when it went. */
struct rest {
    uv_write_t write;
    uv_buf_t bytes;
    struct self *self;
};

static void stop_when_over(struct self *self)
{
    if (load_over(self->load)) {
        uv_stop(&self->loop);
    }
}

static void fail(struct self *self, int status)
{
    load_fail(self->load, uv_strerror(status));
    uv_stop(&self->loop);
}

static void on_stall(uv_timer_t *timer)
{
    struct self *self = timer->data;
    if (self->seen == self->load->ended) {
        load_fail(self->load, "replies that do not come");
        uv_stop(&self->loop);
    }
    self->seen = self->load->ended;
}

static void on_written(uv_write_t *write, int status)
{
    struct rest *rest = write->data;
    if (status < 0 && status != UV_ECANCELED) {
        fail(rest->self, status);
    }
    free(rest);
}

static void write_rest(struct link *link, const struct text *out, size_t written)
{
    struct self *self = link->self;
    size_t len = out->len - written;
    struct rest *rest = malloc(sizeof *rest + len);
    if (rest == NULL) {
        fail(self, UV_ENOMEM);
        return;
    }
    rest->self = self;
    rest->write.data = rest;
    rest->bytes = uv_buf_init((char *)(rest + 1), (unsigned)len);
    memcpy(rest->bytes.base, out->data + written, len);
    uv_write(&rest->write, (uv_stream_t *)&link->tcp, &rest->bytes, 1, on_written);
}

static void on_turn(uv_prepare_t *turn)
{
    struct self *self = turn->data;
    struct line *line;
    while ((line = floor_next_dirty(&self->floor)) != NULL) {
        struct link *link = &self->links[line - self->floor.lines];
        uv_buf_t out = uv_buf_init((char *)line->out.data, (unsigned)line->out.len);
        int written = uv_try_write((uv_stream_t *)&link->tcp, &out, 1);
        if (written < 0 && written != UV_EAGAIN) {
            fail(self, written);
        } else if ((size_t)(written < 0 ? 0 : written) < line->out.len) {
            write_rest(link, &line->out, written < 0 ? 0 : (size_t)written);
        }
        line->out.len = 0;
    }
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *into)
{
    struct link *link = handle->data;
    (void)suggested;
    *into = uv_buf_init(link->self->input, INPUT_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *from)
{
    struct link *link = stream->data;
    struct self *self = link->self;
    if (len < 0) {
        fail(self, (int)len);
        return;
    }
    floor_take(&self->floor, &self->floor.lines[link->number], (const unsigned char *)from->base,
        (size_t)len);
    stop_when_over(self);
}

static void on_connected(uv_connect_t *connecting, int status)
{
    struct link *link = connecting->data;
    struct self *self = link->self;
    if (status < 0) {
        fail(self, status);
        return;
    }
    uv_tcp_nodelay(&link->tcp, 1);
    uv_read_start((uv_stream_t *)&link->tcp, on_alloc, on_read);
    if (++self->connected == self->load->plan->port_count) {
        uv_stop(&self->loop);
    }
}

static void connect_link(struct self *self, size_t number)
{
    struct link *link = &self->links[number];
    struct sockaddr_in address;
    link->self = self;
    link->number = number;
    link->tcp.data = link->connecting.data = link;
    uv_ip4_addr("127.0.0.1", (int)self->load->plan->ports[number], &address);
    uv_tcp_init(&self->loop, &link->tcp);
    int status = uv_tcp_connect(
        &link->connecting, &link->tcp, (const struct sockaddr *)&address, on_connected);
    if (status < 0) {
        fail(self, status);
    }
}

static bool open_links(struct load *load, void **out)
{
    struct self *self = calloc(1, sizeof *self);
    *out = self;
    if (self == NULL || uv_loop_init(&self->loop) != 0) {
        free(self);
        *out = NULL;
        return false;
    }
    self->load = load;
    uv_prepare_init(&self->loop, &self->turn);
    self->turn.data = self;
    uv_prepare_start(&self->turn, on_turn);
    uv_timer_init(&self->loop, &self->stall);
    self->stall.data = self;
    self->seen = UINT32_MAX;
    uv_timer_start(&self->stall, on_stall, STALL_MS, STALL_MS);
    for (size_t i = 0; i < load->plan->port_count; i++) {
        connect_link(self, i);
    }
    if (load->why[0] == '\0') {
        uv_run(&self->loop, UV_RUN_DEFAULT);
    }
    return load->why[0] == '\0';
}

static bool prepare(void *own, struct load *load)
{
    struct self *self = own;
    self->load = load;
    self->seen = UINT32_MAX;
    return floor_prepare(&self->floor, load);
}

static bool run(void *own, struct load *load)
{
    struct self *self = own;
    floor_begin(&self->floor);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    return load->why[0] == '\0';
}

static void close_handle(uv_handle_t *handle, void *unused)
{
    (void)unused;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

static void close_links(void *own)
{
    struct self *self = own;
    if (self == NULL) {
        return;
    }
    uv_walk(&self->loop, close_handle, NULL);
    uv_run(&self->loop, UV_RUN_DEFAULT);
    uv_loop_close(&self->loop);
    floor_deinit(&self->floor);
    free(self);
}

const struct driver floor_uv_driver = {
    .name = "floor_uv",
    .serves = floor_serves,
    .open = open_links,
    .prepare = prepare,
    .run = run,
    .close = close_links,
};

/* SPDX-License-Identifier: MIT */
/* The floor on bare epoll: what the loop itself costs is the difference to floor_uv. */
#include "floor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { INPUT_BYTES = 65536, EVENTS = 64 };

struct link {
    int fd;
    bool blocked; /* wants to hear when it can be written to */
};

struct self {
    struct floor floor;
    struct load *load;
    int epoll;
    struct link links[SERVERS_MAX];
    unsigned char input[INPUT_BYTES];
};

static void fail(struct self *self)
{
    load_fail(self->load, strerror(errno));
}

static void watch(struct self *self, size_t number, int how, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = number};
    if (epoll_ctl(self->epoll, how, self->links[number].fd, &event) != 0) {
        fail(self);
    }
}

static void write_out(struct self *self, size_t number)
{
    struct text *out = &self->floor.lines[number].out;
    struct link *link = &self->links[number];
    ssize_t n = write(link->fd, out->data, out->len);
    if (n < 0 && errno != EAGAIN) {
        fail(self);
        return;
    }
    size_t written = n < 0 ? 0 : (size_t)n;
    memmove(out->data, out->data + written, out->len - written);
    out->len -= written;
    if (link->blocked != (out->len > 0)) {
        link->blocked = out->len > 0;
        watch(self, number, EPOLL_CTL_MOD, link->blocked ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

/* Until less comes than there is room for: then nothing is left. */
static void read_in(struct self *self, size_t number)
{
    ssize_t n;
    do {
        n = read(self->links[number].fd, self->input, INPUT_BYTES);
        if (n == 0) {
            load_fail(self->load, "the server closed the connection");
        } else if (n < 0 && errno != EAGAIN) {
            fail(self);
        } else if (n > 0) {
            floor_take(&self->floor, &self->floor.lines[number], self->input, (size_t)n);
        }
    } while (n == INPUT_BYTES && !load_over(self->load));
}

static void turn(struct self *self)
{
    struct epoll_event events[EVENTS];
    struct line *line;
    while ((line = floor_next_dirty(&self->floor)) != NULL) {
        size_t number = (size_t)(line - self->floor.lines);
        if (!self->links[number].blocked) {
            write_out(self, number);
        }
    }
    int count = epoll_wait(self->epoll, events, EVENTS, STALL_MS);
    if (count == 0) {
        load_fail(self->load, "replies that do not come");
    }
    for (int i = 0; i < count; i++) {
        size_t number = (size_t)events[i].data.u64;
        if ((events[i].events & EPOLLOUT) != 0) {
            write_out(self, number);
        }
        if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0) {
            read_in(self, number);
        }
    }
}

static bool connect_link(struct self *self, size_t number)
{
    const int yes = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)self->load->plan->ports[number]),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    self->links[number].fd = fd;
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        fail(self);
        return false;
    }
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    watch(self, number, EPOLL_CTL_ADD, EPOLLIN);
    return true;
}

static bool open_links(struct load *load, void **out)
{
    struct self *self = calloc(1, sizeof *self);
    *out = self;
    if (self == NULL) {
        return false;
    }
    self->load = load;
    for (size_t i = 0; i < SERVERS_MAX; i++) {
        self->links[i].fd = -1;
    }
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    bool good = true;
    for (size_t i = 0; i < load->plan->port_count && good; i++) {
        good = connect_link(self, i);
    }
    return good && load->why[0] == '\0';
}

static bool prepare(void *own, struct load *load)
{
    struct self *self = own;
    self->load = load;
    return floor_prepare(&self->floor, load);
}

static bool run(void *own, struct load *load)
{
    struct self *self = own;
    floor_begin(&self->floor);
    while (!load_over(load)) {
        turn(self);
    }
    return load->why[0] == '\0';
}

static void close_links(void *own)
{
    struct self *self = own;
    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < SERVERS_MAX; i++) {
        if (self->links[i].fd >= 0) {
            close(self->links[i].fd);
        }
    }
    close(self->epoll);
    floor_deinit(&self->floor);
    free(self);
}

const struct driver floor_epoll_driver = {
    .name = "floor_epoll",
    .serves = floor_serves,
    .open = open_links,
    .prepare = prepare,
    .run = run,
    .close = close_links,
};

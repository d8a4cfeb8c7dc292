/* SPDX-License-Identifier: MIT */
/* libmemcached in its quickest forms, all of them blocking: one get or set at a time where the
 * window is 1; one multi-get of the whole window, and the next one after its last value; sets that
 * are buffered and of which no answer is read, so that one that failed is not noticed. With the
 * option replies=yes their answers are read before the next ones are sent, though what they say is
 * told nobody; and no more are buffered than its buffer holds, since it waits for the answer to
 * what it has sent a part of, and gives up. It speaks classic text. Its own ring (ketama) finds the
 * owners. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libmemcached/memcached.h>

/* Of more servers at once it makes no ring, but ends the program. */
enum { RING_MOST = 100 };
/* Of a server, and what a set has of it beside its value. */
enum { BUFFER_BYTES = 8192, SET_HEAD_BYTES = 64 };

struct self {
    memcached_st *memc;
    bool replies; /* to buffered sets are read */
    const char **keys;
    size_t *sizes;
};

static bool serves(enum protocol protocol, enum op op)
{
    (void)op;
    return protocol == PROTOCOL_CLASSIC;
}

static void fail(struct self *self, struct load *load, memcached_return_t status)
{
    char why[sizeof load->why];
    snprintf(why, sizeof why, "%s", memcached_strerror(self->memc, status));
    load_fail(load, why);
}

static memcached_st *connect_to(const struct plan *plan)
{
    memcached_st *memc = memcached_create(NULL);
    memcached_behavior_set(
        memc, MEMCACHED_BEHAVIOR_DISTRIBUTION, MEMCACHED_DISTRIBUTION_CONSISTENT);
    memcached_behavior_set(memc, MEMCACHED_BEHAVIOR_TCP_NODELAY, 1);
    for (size_t i = 0; i < plan->port_count; i++) {
        memcached_server_add(memc, "127.0.0.1", (in_port_t)plan->ports[i]);
    }
    return memc;
}

/* Answers that are due are read whenever something is sent. */
static bool set_options(struct self *self, const struct plan *plan)
{
    for (size_t i = 0; i < plan->option_count; i++) {
        if (strcmp(plan->options[i], "replies=yes") != 0) {
            return false;
        }
        self->replies = true;
        memcached_behavior_set(self->memc, MEMCACHED_BEHAVIOR_IO_MSG_WATERMARK, 2);
    }
    return true;
}

static bool open_servers(struct load *load, void **out)
{
    const struct plan *plan = load->plan;
    struct self *self = calloc(1, sizeof *self);
    *out = self;
    if (self == NULL) {
        return false;
    }
    self->memc = connect_to(plan);
    if (!set_options(self, plan)) {
        load_fail(load, "no such option");
        return false;
    }
    self->keys = calloc(plan->keys, sizeof *self->keys);
    self->sizes = calloc(plan->keys, sizeof *self->sizes);
    if (self->memc == NULL || self->keys == NULL || self->sizes == NULL) {
        return false;
    }
    for (size_t i = 0; i < plan->keys; i++) {
        self->keys[i] = load->work->keys[i];
        self->sizes[i] = KEY_SIZE;
    }
    return true;
}

static void close_servers(void *own)
{
    struct self *self = own;
    if (self != NULL) {
        memcached_free(self->memc);
        free(self->keys);
        free(self->sizes);
        free(self);
    }
}

static void get_one(struct self *self, struct load *load, uint32_t key)
{
    size_t len = 0;
    uint32_t flags = 0;
    memcached_return_t status = MEMCACHED_SUCCESS;
    char *value = memcached_get(self->memc, self->keys[key], KEY_SIZE, &len, &flags, &status);
    if (status != MEMCACHED_SUCCESS) {
        fail(self, load, status);
    } else {
        load_check(load, key, value, len);
    }
    free(value);
}

static void get_together(struct self *self, struct load *load, uint32_t key, uint32_t count)
{
    memcached_result_st result;
    memcached_return_t status =
        memcached_mget(self->memc, self->keys + key, self->sizes + key, count);
    memcached_result_create(self->memc, &result);
    uint32_t found = 0;
    while (memcached_fetch_result(self->memc, &result, &status) != NULL) {
        found++;
        load_check(load, key_number(memcached_result_key_value(&result)),
            memcached_result_value(&result), memcached_result_length(&result));
    }
    memcached_result_free(&result);
    if (found != count) {
        load_fail(load, "keys that were not found");
    }
}

static void set_one(struct self *self, struct load *load, uint32_t key)
{
    memcached_return_t status = memcached_set(self->memc, self->keys[key], KEY_SIZE,
        (const char *)load_value(load, key), load->plan->value_bytes, 0, 0);
    if (status != MEMCACHED_SUCCESS && status != MEMCACHED_BUFFERED) {
        fail(self, load, status);
    }
}

static void buffer_sets(struct self *self, bool on)
{
    memcached_behavior_set(self->memc, MEMCACHED_BEHAVIOR_BUFFER_REQUESTS, on);
    memcached_behavior_set(self->memc, MEMCACHED_BEHAVIOR_NOREPLY, on && !self->replies);
}

/* What is buffered goes out, and before it the answers to what went out last are read. */
static void send_buffered(struct self *self, struct load *load)
{
    memcached_return_t status = memcached_flush_buffers(self->memc);
    if (status != MEMCACHED_SUCCESS) {
        fail(self, load, status);
    }
}

/* Behind its answer, all that was buffered is done. */
static void settle(struct self *self, struct load *load)
{
    send_buffered(self, load);
    buffer_sets(self, false);
    memcached_return_t status = memcached_version(self->memc);
    if (status != MEMCACHED_SUCCESS) {
        fail(self, load, status);
    }
}

static void do_one(struct self *self, struct load *load)
{
    struct flight *flight = load->flights;
    if (load_begin(load, flight)) {
        if (load->op == OP_SET) {
            set_one(self, load, flight->key);
        } else {
            get_one(self, load, flight->key);
        }
        load_end(load, flight);
    }
}

static void set_buffered(struct self *self, struct load *load)
{
    const uint32_t fit = BUFFER_BYTES / (load->plan->value_bytes + SET_HEAD_BYTES);
    const uint32_t most = load->window < fit ? load->window : fit;
    buffer_sets(self, !self->replies || most > 1);
    uint32_t held = 0;
    while (!load_over(load)) {
        do_one(self, load);
        if (self->replies && ++held == most) {
            send_buffered(self, load);
            held = 0;
        }
    }
    settle(self, load);
}

/* A multi-get ends at the last key at the latest, where the keys begin anew. */
static void do_many(struct self *self, struct load *load)
{
    uint32_t begun = 0, key = load->next;
    uint32_t left = (load->plan->keys - key) / load->step;
    uint32_t most = load->window < left ? load->window : left;
    while (begun < most && load_begin(load, &load->flights[begun])) {
        begun++;
    }
    get_together(self, load, key, begun * load->step);
    for (uint32_t i = 0; i < begun; i++) {
        load_end(load, &load->flights[i]);
    }
}

static bool run(void *own, struct load *load)
{
    struct self *self = own;
    const bool together = load->op != OP_SET && load->window * load->step > 1;
    if (load->op == OP_SET && load->window > 1) {
        set_buffered(self, load);
    }
    while (!load_over(load)) {
        if (together) {
            do_many(self, load);
        } else {
            do_one(self, load);
        }
    }
    return load->why[0] == '\0';
}

static void *ring_new(size_t servers)
{
    memcached_st *memc = memcached_create(NULL);
    memcached_server_list_st list = NULL;
    memcached_return_t status = MEMCACHED_SUCCESS;
    memcached_behavior_set(
        memc, MEMCACHED_BEHAVIOR_DISTRIBUTION, MEMCACHED_DISTRIBUTION_CONSISTENT);
    for (size_t i = 0; i < servers && status == MEMCACHED_SUCCESS; i++) {
        char name[URI_SIZE];
        snprintf(name, sizeof name, "cache-%zu.example.com", i);
        list = memcached_server_list_append(list, name, 11211, &status);
    }
    memcached_server_push(memc, list);
    memcached_server_list_free(list);
    return memc;
}

static size_t ring_locate(const void *ring, const char *key)
{
    return memcached_generate_hash((const memcached_st *)ring, key, KEY_SIZE);
}

static void ring_free(void *ring)
{
    memcached_free(ring);
}

const struct driver libmemcached_driver = {
    .name = "libmemcached",
    .option = "replies=yes",
    .serves = serves,
    .open = open_servers,
    .run = run,
    .close = close_servers,
    .ring_most = RING_MOST,
    .ring_new = ring_new,
    .ring_locate = ring_locate,
    .ring_free = ring_free,
};

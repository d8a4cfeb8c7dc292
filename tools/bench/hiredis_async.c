/* SPDX-License-Identifier: MIT */
/* hiredis' asynchronous API on libuv, with the adapter that it ships. It has no ring, so the owner
 * of each key was looked up beforehand; no deadlines; no bounds; and it does not reconnect. */
#include <stdlib.h>

#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include <hiredis/adapters/libuv.h>

#include "mget.h"

struct self;

/* Whom a context belongs to. */
struct server {
    struct self *self;
    redisAsyncContext *context;
};

struct self {
    uv_loop_t loop;
    struct load *load;
    struct mget mget;
    size_t connected;
    uint32_t pending; /* unanswered */
    struct server servers[SERVERS_MAX];
};

static bool serves(enum protocol protocol, enum op op)
{
    (void)op;
    return protocol == PROTOCOL_REDIS;
}

static void fail(struct self *self, const char *why)
{
    load_fail(self->load, why);
    uv_stop(&self->loop);
}

static void on_connect(const redisAsyncContext *context, int status)
{
    struct self *self = ((struct server *)context->data)->self;
    if (status != REDIS_OK) {
        fail(self, context->errstr);
    } else if (++self->connected == self->load->plan->port_count) {
        uv_stop(&self->loop);
    }
}

static bool connect_to(struct self *self, size_t number)
{
    redisAsyncContext *context =
        redisAsyncConnect("127.0.0.1", (int)self->load->plan->ports[number]);
    self->servers[number] = (struct server){self, context};
    if (context == NULL || context->err != 0) {
        load_fail(self->load, context != NULL ? context->errstr : "no memory");
        return false;
    }
    context->data = &self->servers[number];
    return redisLibuvAttach(context, &self->loop) == REDIS_OK &&
           redisAsyncSetConnectCallback(context, on_connect) == REDIS_OK;
}

static bool open_contexts(struct load *load, void **out)
{
    struct self *self = calloc(1, sizeof *self);
    *out = self;
    if (self == NULL || uv_loop_init(&self->loop) != 0) {
        free(self);
        *out = NULL;
        return false;
    }
    self->load = load;
    bool good = true;
    for (size_t i = 0; i < load->plan->port_count && good; i++) {
        good = connect_to(self, i);
    }
    if (good) {
        uv_run(&self->loop, UV_RUN_DEFAULT);
    }
    return good && load->why[0] == '\0';
}

static void close_contexts(void *own)
{
    struct self *self = own;
    if (self == NULL) {
        return;
    }
    for (size_t i = 0; i < SERVERS_MAX; i++) {
        if (self->servers[i].context != NULL && self->connected > 0) {
            redisAsyncFree(self->servers[i].context);
        }
    }
    uv_run(&self->loop, UV_RUN_DEFAULT);
    uv_loop_close(&self->loop);
    mget_deinit(&self->mget);
    free(self);
}

static void next(struct load *load, struct flight *flight);

static void judge(struct load *load, const struct flight *flight, const redisReply *reply)
{
    if (reply == NULL) {
        load_fail(load, "the connection was lost");
    } else if (load->op == OP_GET && reply->type == REDIS_REPLY_STRING) {
        load_check(load, flight->key, reply->str, reply->len);
    } else if (load->op == OP_GET || reply->type != REDIS_REPLY_STATUS) {
        load_fail(load, reply->type == REDIS_REPLY_ERROR ? reply->str : "a key is not there");
    }
}

/* Behind a failure the rest is awaited, since each of them has a flight. */
static void on_reply(redisAsyncContext *context, void *reply, void *user)
{
    struct flight *flight = user;
    struct load *load = flight->load;
    struct self *self = load->self;
    (void)context;
    self->pending--;
    judge(load, flight, reply);
    load_end(load, flight);
    next(load, flight);
    if (self->pending == 0) {
        uv_stop(&self->loop);
    }
}

/* To one of the servers that a get_many asked. */
static void on_values(redisAsyncContext *context, void *reply, void *user)
{
    struct flight *flight = user;
    struct load *load = flight->load;
    struct self *self = load->self;
    const struct server *server = context->data;
    self->pending--;
    if (reply == NULL) {
        load_fail(load, "the connection was lost");
    } else {
        mget_check(&self->mget, flight, (size_t)(server - self->servers), reply);
    }
    if (self->pending == 0) {
        load_end(load, flight);
        next(load, flight);
    }
    if (self->pending == 0) {
        uv_stop(&self->loop);
    }
}

static void ask_all(struct self *self, struct load *load, struct flight *flight)
{
    for (size_t i = 0; i < load->plan->port_count; i++) {
        redisAsyncContext *context = self->servers[i].context;
        int words = mget_command(&self->mget, flight, i);
        if (words == 0) {
            continue;
        }
        if (redisAsyncCommandArgv(context, on_values, flight, words, self->mget.words,
                self->mget.sizes) != REDIS_OK) {
            load_fail(load, context->errstr);
            return;
        }
        self->pending++;
    }
}

static void ask_owner(struct self *self, struct load *load, struct flight *flight)
{
    const struct work *work = load->work;
    const char *words[3] = {"GET", work->keys[flight->key]};
    size_t sizes[3] = {3, KEY_SIZE};
    int count = 2;
    if (load->op == OP_SET) {
        words[0] = "SET";
        words[2] = (const char *)load_value(load, flight->key);
        sizes[2] = load->plan->value_bytes;
        count = 3;
    }
    redisAsyncContext *owner = self->servers[work->owners[flight->key]].context;
    if (redisAsyncCommandArgv(owner, on_reply, flight, count, words, sizes) != REDIS_OK) {
        load_fail(load, owner->errstr);
        return;
    }
    self->pending++;
}

static void next(struct load *load, struct flight *flight)
{
    if (!load_begin(load, flight)) {
        return;
    }
    if (load->op == OP_GET_MANY) {
        ask_all(load->self, load, flight);
    } else {
        ask_owner(load->self, load, flight);
    }
}

static bool prepare(void *own, struct load *load)
{
    struct self *self = own;
    if (load->op == OP_GET_MANY && !mget_init(&self->mget, load)) {
        load_fail(load, "no memory");
    }
    return load->why[0] == '\0';
}

static bool run(void *own, struct load *load)
{
    struct self *self = own;
    self->load = load;
    load->self = self;
    for (uint32_t i = 0; i < load->window; i++) {
        next(load, &load->flights[i]);
    }
    if (self->pending > 0) {
        uv_run(&self->loop, UV_RUN_DEFAULT);
    }
    return load->why[0] == '\0';
}

const struct driver hiredis_async_driver = {
    .name = "hiredis_async",
    .serves = serves,
    .open = open_contexts,
    .prepare = prepare,
    .run = run,
    .close = close_contexts,
};

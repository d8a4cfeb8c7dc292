/* SPDX-License-Identifier: MIT */
/* hiredis' blocking API, pipelined: as many requests as the window holds are sent to all servers
 * before the first reply is read, and the next ones after the last. No ring (the owners were looked
 * up beforehand), no deadlines, and nothing else can be done meanwhile. */
#include <stdlib.h>

#include "mget.h"

struct self {
    struct mget mget;
    size_t count;
    redisContext *servers[SERVERS_MAX];
};

static bool serves(enum protocol protocol, enum op op)
{
    (void)op;
    return protocol == PROTOCOL_REDIS;
}

static bool open_contexts(struct load *load, void **out)
{
    struct self *self = calloc(1, sizeof *self);
    *out = self;
    for (size_t i = 0; self != NULL && i < load->plan->port_count; i++) {
        redisContext *context = redisConnect("127.0.0.1", (int)load->plan->ports[i]);
        self->servers[self->count++] = context;
        if (context == NULL || context->err != 0) {
            load_fail(load, context != NULL ? context->errstr : "no memory");
            return false;
        }
    }
    return self != NULL;
}

static void close_contexts(void *own)
{
    struct self *self = own;
    for (size_t i = 0; self != NULL && i < self->count; i++) {
        redisFree(self->servers[i]);
    }
    if (self != NULL) {
        mget_deinit(&self->mget);
    }
    free(self);
}

static void append(struct self *self, struct load *load, uint32_t key)
{
    redisContext *owner = self->servers[load->work->owners[key]];
    const bool set = load->op == OP_SET;
    const char *words[3] = {
        set ? "SET" : "GET", load->work->keys[key], (const char *)load_value(load, key)};
    const size_t sizes[3] = {3, KEY_SIZE, load->plan->value_bytes};
    if (redisAppendCommandArgv(owner, set ? 3 : 2, words, sizes) != REDIS_OK) {
        load_fail(load, owner->errstr);
    }
}

/* All servers work at the same time. */
static void flush(struct self *self, struct load *load)
{
    for (size_t i = 0; i < self->count; i++) {
        int done = 0;
        while (done == 0) {
            if (redisBufferWrite(self->servers[i], &done) != REDIS_OK) {
                load_fail(load, self->servers[i]->errstr);
                return;
            }
        }
    }
}

/* NULL, and told to the load, when there is none. */
static redisReply *next_reply(redisContext *owner, struct load *load)
{
    void *reply = NULL;
    if (redisGetReply(owner, &reply) != REDIS_OK) {
        load_fail(load, owner->errstr);
        return NULL;
    }
    return reply;
}

static void receive(struct self *self, struct load *load, const struct flight *flight)
{
    redisReply *reply = next_reply(self->servers[load->work->owners[flight->key]], load);
    if (reply == NULL) {
        return;
    }
    if (load->op == OP_GET && reply->type == REDIS_REPLY_STRING) {
        load_check(load, flight->key, reply->str, reply->len);
    } else if (load->op == OP_GET || reply->type != REDIS_REPLY_STATUS) {
        load_fail(load, reply->type == REDIS_REPLY_ERROR ? reply->str : "a key is not there");
    }
    load_end(load, flight);
    freeReplyObject(reply);
}

static void do_window(struct self *self, struct load *load)
{
    uint32_t sent = 0;
    while (sent < load->window && load_begin(load, &load->flights[sent])) {
        append(self, load, load->flights[sent++].key);
    }
    flush(self, load);
    for (uint32_t i = 0; i < sent && load->why[0] == '\0'; i++) {
        receive(self, load, &load->flights[i]);
    }
}

/* One get_many: an MGET to each server, then all answers. */
static void do_many(struct self *self, struct load *load)
{
    struct flight *flight = load->flights;
    bool asked[SERVERS_MAX] = {false};
    load_begin(load, flight);
    for (size_t i = 0; i < self->count; i++) {
        int words = mget_command(&self->mget, flight, i);
        asked[i] = words > 0;
        if (asked[i] && redisAppendCommandArgv(self->servers[i], words, self->mget.words,
                            self->mget.sizes) != REDIS_OK) {
            load_fail(load, self->servers[i]->errstr);
        }
    }
    flush(self, load);
    for (size_t i = 0; i < self->count && load->why[0] == '\0'; i++) {
        redisReply *reply = asked[i] ? next_reply(self->servers[i], load) : NULL;
        if (reply != NULL) {
            mget_check(&self->mget, flight, i, reply);
            freeReplyObject(reply);
        }
    }
    load_end(load, flight);
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
    while (!load_over(load)) {
        if (load->op == OP_GET_MANY) {
            do_many(self, load);
        } else {
            do_window(self, load);
        }
    }
    return load->why[0] == '\0';
}

const struct driver hiredis_sync_driver = {
    .name = "hiredis_sync",
    .serves = serves,
    .open = open_contexts,
    .prepare = prepare,
    .run = run,
    .close = close_contexts,
};

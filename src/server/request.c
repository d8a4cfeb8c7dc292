/* SPDX-License-Identifier: MIT */
#include "server/request.h"

#include <string.h>

#include "base/alloc.h"
#include "server/env.h"
#include "server/output.h"
#include "server/server.h"

/* What is left of it is its callback: its result is to be written in the deadline's place. */
static inline void conclude(struct rc_env *env, struct rc_request *request, struct rc_list *queue)
{
    uint64_t elapsed_us = rc_env_now_us(env) - request->started_us;
    rc_env_disarm(env, &request->deadline);
    request->elapsed_us = elapsed_us;
    request->state = RC_REQUEST_FINISHED;
    rc_list_append(queue, &request->link);
}

/* The result is written where it stays: a processor that copies in wide words what it has just
 * written in narrow ones waits for those. */
void rc_request_answer(struct rc_env *env, struct rc_request *request, const struct rc_usual *reply)
{
    conclude(env, request, &env->finished);
    const struct rc_usual came = *reply;
    request->result =
        (struct rc_result){.status = came.status, .flags = came.flags, .value = came.value};
    rc_env_want_drain(env);
}

void rc_request_finish_into(struct rc_env *env, struct rc_request *request,
    const struct rc_result *result, struct rc_list *queue)
{
    if (request->state == RC_REQUEST_WAITING) {
        rc_lane_forget(request->lane, request);
    } else if (request->state == RC_REQUEST_JOINED) {
        rc_list_remove(&request->link);
    }
    conclude(env, request, queue);
    request->result = *result;
}

void rc_request_finish(
    struct rc_env *env, struct rc_request *request, const struct rc_result *result)
{
    rc_request_finish_into(env, request, result, &env->finished);
    rc_env_want_drain(env);
}

void rc_request_delivered(struct rc_request *request)
{
    request->state = RC_REQUEST_DELIVERED;
    if (request->lane != NULL) {
        request->lane->server->live--;
        request->lane->bulk -= request->bulk;
    }
}

static unsigned char *copy_part(unsigned char *at, struct rc_slice *part)
{
    unsigned char *behind = rc_slice_put(at, *part);
    part->data = at;
    return behind;
}

int rc_request_keep(
    struct rc_env *env, struct rc_request *request, const struct rc_command *command)
{
    bool copied = command->loan == NULL;
    size_t size = sizeof *request->body + command->prefix.len + command->key.len;
    if (__builtin_add_overflow(size, copied ? command->value.len : 0, &size)) {
        return RINGCACHE_ENOMEM;
    }
    struct rc_body *body = rc_alloc(size);
    if (body == NULL) {
        return RINGCACHE_ENOMEM;
    }
    body->size = size;
    body->command = *command;
    body->wire = NULL;
    unsigned char *at = copy_part(body->bytes, &body->command.prefix);
    at = copy_part(at, &body->command.key);
    if (copied) {
        copy_part(at, &body->command.value);
    }
    env->budget.used += size;
    request->body = body;
    return 0;
}

void rc_request_forget_value(struct rc_env *env, struct rc_request *request)
{
    struct rc_body *body = request->body;
    size_t size = body->size - body->command.value.len;
    struct rc_body *shorter = rc_resize(body, 1, size);
    if (shorter == NULL) {
        return;
    }
    env->budget.used -= shorter->size - size;
    shorter->size = size;
    shorter->command.value = rc_slice(NULL, 0);
    shorter->command.prefix.data = shorter->bytes;
    shorter->command.key.data = shorter->bytes + shorter->command.prefix.len;
    request->body = shorter;
}

int rc_request_keep_wire(struct rc_env *env, struct rc_request *request,
    const struct rc_front *front, const struct rc_manner *manner)
{
    struct rc_wire *wire = rc_alloc(sizeof *wire + front->own.len);
    if (wire == NULL) {
        return RINGCACHE_ENOMEM;
    }
    wire->manner = *manner;
    wire->gap = front->gap;
    wire->len = front->own.len;
    rc_slice_put(wire->bytes, front->own);
    env->budget.used += sizeof *wire + wire->len;
    request->body->wire = wire;
    return 0;
}

void rc_request_forget_wire(struct rc_env *env, struct rc_request *request)
{
    struct rc_wire *wire = rc_request_wire(request);
    if (wire != NULL) {
        env->budget.used -= sizeof *wire + wire->len;
        rc_free(wire);
        request->body->wire = NULL;
    }
}

void rc_request_forget_body(struct rc_env *env, struct rc_request *request)
{
    rc_request_forget_wire(env, request);
    if (request->body != NULL) {
        rc_env_give_back(env, request->body->command.loan);
        env->budget.used -= request->body->size;
        rc_free(request->body);
        request->body = NULL;
    }
}

void rc_request_abandon(
    struct rc_env *env, struct rc_request *request, int status, const char *message)
{
    const struct rc_result result = {
        .status = status,
        .message = rc_slice_text(message),
        .maybe_applied =
            request->state == RC_REQUEST_SENT && rc_verb_writes((enum rc_verb)request->slot.verb),
    };
    if (request->state == RC_REQUEST_WAITING && status != RINGCACHE_ECANCELED) {
        rc_lane_lose_waiting(request->lane, request);
    }
    request->slot.tombstone = true;
    rc_request_finish(env, request, &result);
}

void rc_request_expire(struct rc_deadline *deadline, uint64_t now_ms)
{
    (void)now_ms;
    struct rc_request *request = rc_container(deadline, struct rc_request, deadline);
    const struct rc_server *server = request->lane->server;
    struct rc_env *env = server->env;
    if (rc_env_put_off(env, deadline, request->started_us, &request->lagged)) {
        return;
    }
    const char *reason = rc_text_bytes(server->reason);
    bool waited = request->state == RC_REQUEST_WAITING && reason[0] != '\0';
    rc_request_abandon(
        env, request, RINGCACHE_ETIMEDOUT, waited ? reason : "no answer within the deadline");
}

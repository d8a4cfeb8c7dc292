/* SPDX-License-Identifier: MIT */
/* How a connection is opened and ends. */
#include "server/conn_inside.h"

#include "base/alloc.h"
#include "server/health.h"
#include "server/journal.h"

const char *rc_conn_quote(struct rc_conn *conn, struct rc_slice text)
{
    size_t len = text.len < sizeof conn->why - 1 ? text.len : sizeof conn->why - 1;
    for (size_t i = 0; i < len; i++) {
        bool printable = text.data[i] >= 0x20 && text.data[i] < 0x7f;
        conn->why[i] = printable ? (char)text.data[i] : '?';
    }
    conn->why[len] = '\0';
    return conn->why;
}

/* ---- ending ---- */

bool rc_conn_ran_before(const struct rc_slot *slot)
{
    const struct rc_body *body = slot->request != NULL ? slot->request->body : NULL;
    return body != NULL && body->command.again;
}

void rc_conn_slot_over(struct rc_conn *conn, struct rc_slot *slot, const struct rc_result *result)
{
    struct rc_request *request = slot->request;
    if (slot->sweep) {
        conn->sweeps--;
        conn->events->swept(conn, rc_container(slot, struct rc_sweep, slot), NULL);
        return;
    }
    if (request == NULL) {
        return;
    }
    request->conn = NULL;
    if (!slot->tombstone) {
        rc_request_finish(conn->env, request, result);
    } else if (request->state == RC_REQUEST_DELIVERED) {
        conn->env->release(conn->env->owner, request);
    }
}

void rc_conn_charge_keys(struct rc_conn *conn, size_t before)
{
    conn->env->budget.used += rc_key_log_len(&conn->keys) - before;
}

void rc_conn_unlog_keys(struct rc_conn *conn, size_t from)
{
    size_t before = rc_key_log_len(&conn->keys);
    rc_key_log_cut(&conn->keys, from);
    rc_conn_charge_keys(conn, before);
}

void rc_conn_forget_key(struct rc_conn *conn)
{
    size_t before = rc_key_log_len(&conn->keys);
    rc_key_log_pop(&conn->keys);
    rc_conn_charge_keys(conn, before);
}

void rc_conn_lose_key(struct rc_conn *conn)
{
    size_t behind = 0;
    const struct rc_lost lost = rc_key_log_next(&conn->keys, &behind);
    conn->events->lost(conn, &lost);
    rc_conn_forget_key(conn);
}

/* The keys of what left stay in the log: it may still be carried out. */
static void lose_all(struct rc_conn *conn, int status, const char *message)
{
    size_t at = 0, kept = 0;
    while (conn->pipeline.oldest != NULL) {
        bool left = rc_pipeline_oldest_left(&conn->pipeline);
        struct rc_slot *slot = rc_pipeline_pop(&conn->pipeline);
        if (slot->logged) {
            const struct rc_lost lost = rc_key_log_next(&conn->keys, &at);
            conn->events->lost(conn, &lost);
        }
        kept = left ? at : kept;
        conn->owed_raw = conn->owed_raw || (left && slot->verb == RC_VERB_RAW);
        const struct rc_result result = {
            .status = status,
            .message = rc_slice_text(message),
            .maybe_applied =
                (left && rc_verb_writes((enum rc_verb)slot->verb)) || rc_conn_ran_before(slot),
        };
        rc_conn_slot_over(conn, slot, &result);
    }
    rc_conn_unlog_keys(conn, kept);
}

void rc_conn_close(struct rc_conn *conn, int status, const char *message)
{
    if (conn->state == RC_CONN_CLOSED) {
        return;
    }
    conn->state = RC_CONN_CLOSED;
    rc_env_disarm(conn->env, &conn->timer);
    rc_turnstile_leave(conn->env, &conn->ticket);
    rc_dial_close(&conn->dial);
    lose_all(conn, status, message);
    rc_conn_drop_output(conn);
}

void rc_conn_free(struct rc_conn *conn)
{
    if (conn == NULL) {
        return;
    }
    rc_conn_close(conn, RINGCACHE_ECANCELED, "the connection was closed");
    rc_env_disarm(conn->env, &conn->timer);
    conn->env->budget.used -= rc_key_index_bytes(&conn->doubt);
    rc_key_index_deinit(&conn->doubt);
    rc_conn_unlog_keys(conn, 0);
    rc_list_remove(&conn->link);
    rc_list_append(&conn->env->closed, &conn->link);
    rc_env_want_drain(conn->env);
}

void rc_conns_bury(struct rc_env *env, struct rc_list *closed)
{
    struct rc_list pinned;
    rc_list_init(&pinned);
    for (struct rc_list *node; (node = rc_list_first(closed)) != NULL;) {
        struct rc_conn *conn = rc_container(node, struct rc_conn, link);
        rc_list_remove(node);
        if (conn->pins > 0) {
            rc_list_append(&pinned, node);
            continue;
        }
        rc_buf_deinit(&conn->in);
        rc_key_log_deinit(&conn->keys);
        rc_free(conn);
    }
    rc_list_splice(&env->closed, &pinned);
}

/* A proxy may end a connection, or lose its step, over a question that it does not know. */
static void spare_questions(struct rc_conn *conn, int status)
{
    if (rc_error_is_peers(status) || status == RINGCACHE_EPROTOCOL) {
        conn->backend->credentials.unasked |= conn->greeting.vain;
    }
}

void rc_conn_fail(struct rc_conn *conn, int status, struct rc_slice why)
{
    rc_conn_quote(conn, why);
    spare_questions(conn, status);
    if (conn->state == RC_CONN_GREETING && !rc_error_is_local(status)) {
        rc_dial_blame(&conn->dial);
    }
    bool was_ready = conn->state == RC_CONN_READY || conn->state == RC_CONN_LAME;
    conn->owed_writes = rc_conn_holds_writes(conn);
    rc_conn_close(conn, RINGCACHE_ECONNECT, conn->why);
    if (was_ready) {
        conn->events->ended(conn, status, conn->why);
    } else {
        conn->events->failed(conn, status, conn->why);
    }
}

bool rc_conn_holds_writes(const struct rc_conn *conn)
{
    return conn->state == RC_CONN_LAME ||
           (conn->state == RC_CONN_READY && conn->pipeline.writes > 0) ||
           (conn->state == RC_CONN_CLOSED && conn->owed_writes);
}

/* The keys of what was cut off the pipeline's end, oldest first. */
static void lose_keys_of(struct rc_conn *conn, const struct rc_slot *cut)
{
    size_t at = 0;
    for (const struct rc_slot *slot = conn->pipeline.oldest; slot != NULL; slot = slot->next) {
        if (slot->logged) {
            (void)rc_key_log_next(&conn->keys, &at);
        }
    }
    size_t kept = at;
    for (const struct rc_slot *slot = cut; slot != NULL; slot = slot->next) {
        if (slot->logged) {
            const struct rc_lost lost = rc_key_log_next(&conn->keys, &at);
            conn->events->lost(conn, &lost);
        }
    }
    rc_conn_unlog_keys(conn, kept);
}

void rc_conn_withhold(struct rc_conn *conn, int status, const char *message)
{
    struct rc_pipeline *p = &conn->pipeline;
    struct rc_slot *next, *cut = rc_pipeline_cut_unsent(p);
    lose_keys_of(conn, cut);
    for (struct rc_slot *slot = cut; slot != NULL; slot = next) {
        next = slot->next;
        const struct rc_result result = {
            .status = status,
            .message = rc_slice_text(message),
            .maybe_applied = rc_conn_ran_before(slot),
        };
        rc_conn_slot_over(conn, slot, &result);
    }
    rc_conn_cut_output(conn, (size_t)(p->encoded - p->sent));
}

/* Read from here on only for the peer's end. */
static void go_lame(struct rc_conn *conn, int status)
{
    uint32_t patience = rc_liveness_patience(&conn->liveness, conn->env->timeout_ms);
    conn->state = RC_CONN_LAME;
    lose_all(conn, status, conn->why);
    rc_conn_drop_output(conn);
    rc_stream_shutdown(conn->dial.stream);
    rc_env_arm(conn->env, &conn->timer, rc_env_now_ms(conn->env) + patience);
}

void rc_conn_shut(struct rc_conn *conn)
{
    if (conn->state == RC_CONN_READY) {
        rc_conn_quote(conn, rc_slice_text("the connection did not answer"));
        go_lame(conn, RINGCACHE_ECONNECT);
    }
}

void rc_conn_distrust(struct rc_conn *conn, int status, struct rc_slice why)
{
    if (conn->state != RC_CONN_READY) {
        rc_conn_fail(conn, status, why);
        return;
    }
    rc_conn_quote(conn, why);
    spare_questions(conn, status);
    rc_conn_withhold(conn, status, conn->why);
    if (conn->pipeline.writes == 0) {
        rc_conn_close(conn, status, conn->why);
    } else {
        go_lame(conn, status);
    }
    conn->events->distrusted(conn, status, conn->why);
}

/* ---- what the stream tells ---- */

static void on_connected(void *owner, int status)
{
    struct rc_conn *conn = owner;
    if (status < 0) {
        rc_conn_fail(conn, status, rc_slice_text(ringcache_strerror(status)));
        return;
    }
    conn->state = RC_CONN_GREETING;
    rc_conn_greet(conn);
}

static void on_ended(void *owner, int status)
{
    struct rc_conn *conn = owner;
    struct rc_env *env = conn->env;
    rc_env_enter(env);
    const char *why = status == 0 ? "the server closed the connection" : ringcache_strerror(status);
    rc_conn_fail(conn, status, rc_slice_text(why));
    rc_env_leave(env);
}

static void on_writable(void *owner)
{
    struct rc_conn *conn = owner;
    struct rc_env *env = conn->env;
    rc_env_enter(env);
    conn->blocked = false;
    rc_liveness_sent(&conn->liveness, &conn->pipeline, conn->pipeline.sent, rc_env_now_ms(env));
    rc_conn_flush(conn);
    rc_env_leave(env);
}

static const struct rc_stream_events stream_events = {
    .connected = on_connected,
    .reserve = rc_conn_reserve,
    .received = rc_conn_received,
    .ended = on_ended,
    .writable = on_writable,
};

static void setup_due(struct rc_conn *conn)
{
    if (conn->env->stalled_ms > conn->opened_ms && !conn->lagged) {
        conn->lagged = true; /* our own loop was late: once, all of the time again */
        rc_env_arm(conn->env, &conn->timer, rc_env_now_ms(conn->env) + conn->setup_ms);
        return;
    }
    const char *why = conn->state == RC_CONN_DIALING ? "no connection within the deadline"
                                                     : "no greeting within the deadline";
    rc_conn_fail(conn, RINGCACHE_ETIMEDOUT, rc_slice_text(why));
}

void rc_conn_watch(struct rc_conn *conn)
{
    if (!rc_deadline_armed(&conn->timer) && !conn->suspect) {
        uint32_t patience = rc_liveness_patience(&conn->liveness, conn->env->timeout_ms);
        rc_env_arm(conn->env, &conn->timer, rc_env_now_ms(conn->env) + patience);
    }
}

static void silence_due(struct rc_conn *conn, uint64_t now_ms)
{
    if (conn->pipeline.oldest == NULL) {
        return;
    }
    uint32_t patience = rc_liveness_patience(&conn->liveness, conn->env->timeout_ms);
    uint64_t ends_ms = rc_liveness_since(&conn->liveness) + patience;
    if (ends_ms > now_ms) {
        rc_env_arm(conn->env, &conn->timer, ends_ms);
        return;
    }
    conn->suspect = true;
    conn->suspect_ms = now_ms;
    rc_liveness_stalled(&conn->liveness);
    conn->events->silent(conn);
}

static void timer_due(struct rc_deadline *deadline, uint64_t now_ms)
{
    struct rc_conn *conn = rc_container(deadline, struct rc_conn, timer);
    if (rc_ticket_waits(&conn->ticket)) {
        rc_turnstile_hurry(conn->env, &conn->ticket);
    } else if (conn->state == RC_CONN_DIALING || conn->state == RC_CONN_GREETING) {
        setup_due(conn);
    } else if (conn->state == RC_CONN_READY) {
        silence_due(conn, now_ms);
    } else {
        conn->events->silent(conn); /* LAME, and the peer does not end it; or CLOSED */
    }
}

static int dial(struct rc_conn *conn)
{
    conn->opened_ms = rc_env_now_ms(conn->env);
    uint64_t ends_ms = conn->opened_ms + conn->setup_ms;
    rc_env_arm(conn->env, &conn->timer, ends_ms);
    return rc_dial_start(&conn->dial, &conn->backend->endpoint, &conn->backend->dead, ends_ms);
}

static void its_turn(struct rc_ticket *ticket)
{
    struct rc_conn *conn = rc_container(ticket, struct rc_conn, ticket);
    if (dial(conn) < 0) {
        rc_conn_fail(conn, RINGCACHE_ENOMEM, rc_slice_text("no look-up could be begun"));
    }
}

struct rc_conn *rc_conn_open(struct rc_env *env, struct rc_backend *backend,
    const struct rc_conn_events *events, void *owner, uint32_t deadline_ms)
{
    struct rc_conn *conn = rc_alloc_zeroed(1, sizeof *conn);
    if (conn == NULL) {
        return NULL;
    }
    conn->env = env;
    conn->backend = backend;
    conn->codec = backend->codec;
    conn->events = events;
    conn->owner = owner;
    conn->decoder.limits.max_value_bytes = env->max_value_bytes;
    rc_list_init(&conn->link);
    rc_list_init(&conn->unsent_link);
    rc_output_init(&conn->out);
    rc_deadline_init(&conn->timer, timer_due);
    rc_ticket_init(&conn->ticket, its_turn);
    conn->setup_ms = deadline_ms;
    rc_dial_init(&conn->dial, env, &stream_events, conn);
    if (!rc_turnstile_enter(env, &conn->ticket)) {
        rc_env_arm(env, &conn->timer, rc_env_now_ms(env) + deadline_ms);
    } else if (dial(conn) < 0) {
        rc_turnstile_leave(env, &conn->ticket);
        rc_env_disarm(env, &conn->timer);
        rc_free(conn);
        return NULL;
    }
    return conn;
}

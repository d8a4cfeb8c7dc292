/* SPDX-License-Identifier: MIT */
/* How a connection is opened and ends. */
#include "server/conn_inside.h"

#include "base/alloc.h"
#include "server/health.h"
#include "server/journal.h"

enum { VALUE_BYTES = 8 * 1024 }; /* what values are taken for before any came */

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

void rc_conn_close(struct rc_conn *conn, int status, const char *message)
{
    if (conn->state == RC_CONN_CLOSED) {
        return;
    }
    conn->state = RC_CONN_CLOSED;
    rc_env_disarm(conn->env, &conn->timer);
    rc_turnstile_leave(conn->env, &conn->ticket);
    rc_dial_close(&conn->dial);
    rc_conn_end_all(conn, status, message);
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
        rc_read_log_deinit(&conn->reads);
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

/* What the next connection is to have goes back to where it waits for that. */
static void give_back(struct rc_conn *conn, struct rc_list *again)
{
    if (!rc_list_empty(again)) {
        conn->events->returned(conn, again);
    }
}

void rc_conn_fail(struct rc_conn *conn, int status, struct rc_slice why)
{
    rc_conn_quote(conn, why);
    spare_questions(conn, status);
    if (conn->state == RC_CONN_GREETING && !rc_error_is_local(status)) {
        rc_dial_blame(&conn->dial);
    }
    struct rc_list again;
    rc_list_init(&again);
    bool was_ready = conn->state == RC_CONN_READY || conn->state == RC_CONN_LAME;
    conn->owed_writes = conn->state == RC_CONN_LAME;
    if (conn->state == RC_CONN_READY) {
        conn->owed_writes = rc_conn_end(conn, RINGCACHE_ECONNECT, true, &again);
    }
    rc_conn_close(conn, RINGCACHE_ECONNECT, conn->why);
    give_back(conn, &again);
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

/* Read from here on only for the peer's end. */
static void go_lame(struct rc_conn *conn, int status)
{
    uint32_t patience = rc_liveness_patience(&conn->liveness, conn->env->timeout_ms);
    conn->state = RC_CONN_LAME;
    rc_conn_end_all(conn, status, conn->why);
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
    struct rc_list again;
    rc_list_init(&again);
    if (rc_conn_end(conn, status, false, &again)) {
        go_lame(conn, status);
    } else {
        rc_conn_close(conn, status, conn->why);
    }
    give_back(conn, &again);
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
    rc_liveness_sent(&conn->liveness, &conn->pipeline, conn->pipeline.sent, rc_env_now_ms(env),
        rc_env_now_us(env));
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
    rc_told_init(&conn->told);
    rc_output_init(&conn->out);
    rc_deadline_init(&conn->timer, timer_due);
    rc_ticket_init(&conn->ticket, its_turn);
    conn->value_bytes = VALUE_BYTES;
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

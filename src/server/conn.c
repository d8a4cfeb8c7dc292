/* SPDX-License-Identifier: MIT */
/* How a connection is opened, sends and ends. */
#include "server/conn_inside.h"

#include "base/alloc.h"
#include "server/health.h"
#include "server/journal.h"

enum {
    OUT_KEEP = 16 * 1024, /* output memory an idle connection keeps */
    WRITE_PARTS = 32,     /* of one write: our own bytes, and what is lent between them */
};

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

static void charge_keys(struct rc_conn *conn, size_t before)
{
    conn->env->budget.used += rc_key_log_len(&conn->keys) - before;
}

/* Forget all logged keys but those in front of the offset `from`. */
static void unlog_keys(struct rc_conn *conn, size_t from)
{
    size_t before = rc_key_log_len(&conn->keys);
    rc_key_log_cut(&conn->keys, from);
    charge_keys(conn, before);
}

void rc_conn_forget_key(struct rc_conn *conn)
{
    size_t before = rc_key_log_len(&conn->keys);
    rc_key_log_pop(&conn->keys);
    charge_keys(conn, before);
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
    unlog_keys(conn, kept);
}

/* Drop all output but the first `keep` bytes. */
static void cut_output(struct rc_conn *conn, size_t keep)
{
    struct rc_env *env = conn->env;
    env->budget.used -= conn->out.own.len;
    rc_output_cut(&conn->out, keep, &env->returned);
    env->budget.used += conn->out.own.len;
    if (!rc_list_empty(&env->returned)) {
        rc_env_want_drain(env);
    }
}

static void drop_output(struct rc_conn *conn)
{
    cut_output(conn, 0);
    rc_buf_deinit(&conn->out.own);
    rc_list_remove(&conn->unsent_link);
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
    drop_output(conn);
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
    unlog_keys(conn, 0);
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
    unlog_keys(conn, kept);
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
    cut_output(conn, (size_t)(p->encoded - p->sent));
}

/* Read from here on only for the peer's end. */
static void go_lame(struct rc_conn *conn, int status)
{
    uint32_t patience = rc_liveness_patience(&conn->liveness, conn->env->timeout_ms);
    conn->state = RC_CONN_LAME;
    lose_all(conn, status, conn->why);
    drop_output(conn);
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

/* ---- sending ---- */

static void mark_unsent(struct rc_conn *conn)
{
    if (rc_list_empty(&conn->unsent_link)) {
        rc_list_append(&conn->env->unsent, &conn->unsent_link);
        rc_env_defer(conn->env);
    }
}

void rc_conn_watch(struct rc_conn *conn)
{
    if (!rc_deadline_armed(&conn->timer) && !conn->suspect) {
        uint32_t patience = rc_liveness_patience(&conn->liveness, conn->env->timeout_ms);
        rc_env_arm(conn->env, &conn->timer, rc_env_now_ms(conn->env) + patience);
    }
}

/* The command of `slot` was appended: `bytes` of our own, and what its caller lends. */
static void queue(
    struct rc_conn *conn, struct rc_slot *slot, const struct rc_command *command, size_t bytes)
{
    if (conn->pipeline.oldest == NULL) {
        rc_liveness_began(&conn->liveness, rc_env_now_ms(conn->env));
    }
    slot->verb = (uint8_t)command->verb;
    slot->token = command->token;
    slot->strict = command->strict;
    slot->program = command->program;
    slot->want_cas = command->want_cas;
    slot->want_ttl = command->want_ttl;
    conn->env->budget.used += bytes;
    if (command->loan != NULL) {
        rc_output_lend(&conn->out, command->loan);
        bytes += command->loan->bytes.len;
    }
    rc_pipeline_push(&conn->pipeline, slot, bytes);
}

/* Output was queued: let it be written, and its answer be waited for. */
static void queued(struct rc_conn *conn)
{
    mark_unsent(conn);
    if (conn->state == RC_CONN_READY) {
        rc_conn_watch(conn);
    }
}

/* Scripts go whole until one of the kind was answered on this connection. To try the digest first
 * and the text behind it would let a write pass the writes submitted after it. */
static int encode(struct rc_conn *conn, const struct rc_command *command)
{
    struct rc_command whole;
    if (conn->codec->scripted != NULL && conn->codec->scripted(command) &&
        (conn->known_scripts & 1U << command->verb) == 0) {
        whole = *command;
        whole.again = true;
        command = &whole;
    }
    return conn->codec->encode(&conn->out.own, command);
}

/* Remember the key of a write until it is answered. */
static int log_key(struct rc_conn *conn, const struct rc_command *command)
{
    const struct rc_lost lost = rc_lost_by(command);
    size_t before = rc_key_log_len(&conn->keys);
    int rc = rc_key_log_push(&conn->keys, &lost);
    charge_keys(conn, before);
    return rc;
}

int rc_conn_push(struct rc_conn *conn, struct rc_slot *slot, const struct rc_command *command)
{
    size_t before = conn->out.own.len, keys = rc_key_log_len(&conn->keys);
    bool logged = rc_lost_is_logged(command);
    int rc = logged ? log_key(conn, command) : 0;
    if (rc == 0) {
        rc = encode(conn, command);
    }
    if (rc < 0) {
        unlog_keys(conn, keys);
        return rc;
    }
    slot->logged = logged;
    slot->left = 0;
    slot->joined = false;
    slot->scripted = conn->codec->scripted != NULL && conn->codec->scripted(command);
    queue(conn, slot, command, conn->out.own.len - before);
    queued(conn);
    return 0;
}

static void sent(struct rc_conn *conn, struct rc_request *request)
{
    request->slot.request = request;
    request->conn = conn;
    request->state = RC_REQUEST_SENT;
    request->attempts++;
}

/* A token from before the divide is of an item that is out of date, or of one that is gone: the
 * divide's own, which no item of a user's has, holds for neither. */
static uint64_t token_today(const struct rc_conn *conn, const struct rc_command *command)
{
    bool depends = command->verb == RC_VERB_CAS || command->verb == RC_VERB_FILL;
    return depends && !command->fleeting && command->cas < conn->divide ? conn->divide
                                                                        : command->cas;
}

bool rc_conn_dates(const struct rc_conn *conn, const struct rc_command *command)
{
    return conn->divide != 0 && !command->fleeting && rc_verb_reads_item(command->verb);
}

/* Where replies show their command by their place alone, one that goes missing shifts all others,
 * for as long as the pipeline never runs dry. So what is sent behind others proves that they were
 * in step, unless a proof is due already: what a lost reply displaces was in flight with it. */
static bool is_to_prove(const struct rc_conn *conn, const struct rc_command *command)
{
    return conn->codec->proves != NULL && conn->greeting.echoes && conn->pipeline.count > 0 &&
           conn->pipeline.proofs == 0 && conn->codec->proves(command);
}

/* The command as it is sent: what proves the step, and what is old, asks for more than its caller
 * did. In `room`, if there is a difference. */
static const struct rc_command *as_sent(
    const struct rc_conn *conn, const struct rc_command *command, struct rc_command *room)
{
    bool proves = is_to_prove(conn, command), dates = rc_conn_dates(conn, command);
    uint64_t cas = token_today(conn, command);
    if (!proves && !dates && cas == command->cas) {
        return command;
    }
    *room = *command;
    room->strict = command->strict || proves;
    room->want_cas = command->want_cas || dates;
    room->cas = cas;
    return room;
}

int rc_conn_send(struct rc_conn *conn, struct rc_request *request, const struct rc_command *command)
{
    struct rc_command room;
    int rc = rc_conn_push(conn, &request->slot, as_sent(conn, command, &room));
    if (rc == 0) {
        request->slot.dated = rc_conn_dates(conn, command);
        request->slot.unasked_cas = request->slot.dated && !command->want_cas;
        sent(conn, request);
    }
    return rc;
}

static int encode_dated_gets(struct rc_conn *conn, const struct rc_command *commands, size_t count)
{
    struct rc_command dated[RC_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        dated[i] = commands[i];
        dated[i].want_cas = true;
    }
    return conn->codec->encode_gets(&conn->out.own, dated, count);
}

static int send_batch(struct rc_conn *conn, struct rc_request *const *requests,
    const struct rc_command *commands, size_t count)
{
    size_t before = conn->out.own.len;
    bool dates = rc_conn_dates(conn, &commands[0]);
    int rc = dates ? encode_dated_gets(conn, commands, count)
                   : conn->codec->encode_gets(&conn->out.own, commands, count);
    if (rc < 0) {
        return rc;
    }
    size_t first_bytes = conn->out.own.len - before - (count - 1);
    for (size_t i = 0; i < count; i++) {
        struct rc_slot *slot = &requests[i]->slot;
        slot->left = (uint8_t)(count - i);
        slot->joined = i > 0;
        slot->scripted = false;
        slot->logged = false;
        queue(conn, slot, &commands[i], i == 0 ? first_bytes : 1);
        slot->want_cas = slot->dated = slot->unasked_cas = dates;
        sent(conn, requests[i]);
    }
    queued(conn);
    return 0;
}

/* Room for all that the commands may take. */
static int reserve(struct rc_conn *conn, const struct rc_command *commands, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (__builtin_add_overflow(bytes, conn->codec->bound(&commands[i]), &bytes)) {
            return RINGCACHE_ENOMEM;
        }
    }
    return rc_buf_reserve(&conn->out.own, bytes);
}

/* The first one leaves alone where it is to prove something: no batch is strict. */
int rc_conn_send_gets(struct rc_conn *conn, struct rc_request *const *requests,
    const struct rc_command *commands, size_t count)
{
    if (!is_to_prove(conn, &commands[0])) {
        return send_batch(conn, requests, commands, count);
    }
    int rc = reserve(conn, commands, count);
    if (rc == 0) {
        rc = rc_conn_send(conn, requests[0], &commands[0]);
    }
    if (rc == 0 && count == 2) {
        return rc_conn_send(conn, requests[1], &commands[1]);
    }
    return rc == 0 ? send_batch(conn, requests + 1, commands + 1, count - 1) : rc;
}

int rc_conn_ask(struct rc_conn *conn, const struct rc_command *command)
{
    conn->own.request = NULL;
    conn->own_key = command->key;
    return rc_conn_push(conn, &conn->own, command);
}

int rc_conn_sweep(struct rc_conn *conn, struct rc_sweep *sweep, const struct rc_command *command)
{
    sweep->slot.sweep = true;
    int rc = rc_conn_push(conn, &sweep->slot, command);
    conn->sweeps += rc == 0;
    return rc;
}

void rc_conn_fence(struct rc_conn *conn, int status, const char *message)
{
    rc_conn_withhold(conn, status, message);
    for (struct rc_slot *slot = conn->pipeline.oldest; slot != NULL; slot = slot->next) {
        if (slot->request != NULL && !slot->tombstone) {
            rc_request_abandon(conn->env, slot->request, status, message);
        }
    }
    if (!conn->own.due) {
        const struct rc_command fence = {.verb = RC_VERB_NOOP};
        (void)rc_conn_ask(conn, &fence); /* without memory for it, only the peer's end is proof */
    }
}

static size_t bytes_of(const struct rc_slice *parts, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += parts[i].len;
    }
    return bytes;
}

/* The kernel took `n` bytes. */
static void took(struct rc_conn *conn, size_t n)
{
    struct rc_env *env = conn->env;
    env->budget.used -= conn->out.own.len;
    rc_output_take(&conn->out, n, &env->returned);
    env->budget.used += conn->out.own.len;
    rc_pipeline_hand(&conn->pipeline, n);
}

/* One gathering write, or several where more is lent than it has parts for: how much the kernel
 * took, or a negative errno. */
static ptrdiff_t write_out(struct rc_conn *conn)
{
    struct rc_slice parts[WRITE_PARTS];
    ptrdiff_t total = 0;
    bool whole = true;
    while (whole && rc_output_len(&conn->out) > 0) {
        size_t count = rc_output_parts(&conn->out, parts, WRITE_PARTS);
        ptrdiff_t taken = rc_stream_write(conn->dial.stream, parts, count);
        if (taken < 0) {
            return taken;
        }
        took(conn, (size_t)taken);
        total += taken;
        whole = (size_t)taken == bytes_of(parts, count);
    }
    return total;
}

static void flush(struct rc_conn *conn)
{
    if (conn->blocked || rc_output_len(&conn->out) == 0) {
        return;
    }
    ptrdiff_t taken = write_out(conn);
    if (taken < 0) {
        rc_conn_fail(conn, (int)taken, rc_slice_text(ringcache_strerror((int)taken)));
        return;
    }
    rc_liveness_sent(&conn->liveness, &conn->pipeline,
        conn->pipeline.sent - rc_stream_held(conn->dial.stream), rc_env_now_ms(conn->env));
    conn->blocked = rc_output_len(&conn->out) > 0;
    rc_buf_trim(&conn->out.own, OUT_KEEP);
    if (conn->state == RC_CONN_READY && taken > 0) {
        conn->events->room(conn);
    }
}

void rc_conns_flush(struct rc_env *env)
{
    for (struct rc_list *node; (node = rc_list_first(&env->unsent)) != NULL;) {
        rc_list_remove(node);
        flush(rc_container(node, struct rc_conn, unsent_link));
    }
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
    flush(conn);
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

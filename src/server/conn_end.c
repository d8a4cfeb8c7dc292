/* SPDX-License-Identifier: MIT */
/* What becomes of the requests that a connection was given, when it ends or is taken out of use:
 *
 *   output:   ── answered ──────── sent ──────────────── encoded
 *                      │ may have been │ provably never left │
 *                      │  carried out  │                     │
 *   reads:             │ once more, if │        again        │
 *   writes:            │    never      │        again        │
 *
 * What goes again waits in front of all that its lane has, in its order, as bytes where it is a
 * write: the next connection sends them as they are, if it speaks the same way. Nothing is kept for
 * that while all is well but the keys of reads. */
#include "server/conn_inside.h"

#include "server/journal.h"
#include "server/outrun.h"

bool rc_conn_ran_before(const struct rc_slot *slot)
{
    const struct rc_body *body = rc_slot_body(slot);
    return body != NULL && body->command.again;
}

void rc_conn_slot_over(struct rc_conn *conn, struct rc_slot *slot, const struct rc_result *result)
{
    struct rc_request *request = rc_slot_request(slot);
    if (slot->sweep) {
        conn->sweeps--;
        conn->events->swept(conn, rc_container(slot, struct rc_sweep, slot), NULL);
        return;
    }
    if (request == NULL) {
        return;
    }
    if (!slot->tombstone) {
        rc_request_finish(conn->env, request, result);
    } else if (request->state == RC_REQUEST_DELIVERED) {
        conn->env->release(conn->env->owner, request);
    }
}

void rc_conn_unlog_keys(struct rc_conn *conn, size_t from)
{
    rc_key_log_cut(&conn->keys, from);
    rc_conn_charge(conn);
}

void rc_conn_lose_key(struct rc_conn *conn)
{
    size_t behind = 0;
    const struct rc_lost lost = rc_key_log_next(&conn->keys, &behind);
    conn->events->lost(conn, &lost);
    rc_key_log_pop(&conn->keys);
}

/* How far the logs of keys were read. */
struct place {
    size_t writes, reads;
};

static struct rc_lost key_of(
    const struct rc_conn *conn, const struct rc_slot *slot, struct place *place)
{
    if (slot->logged) {
        return rc_key_log_next(&conn->keys, &place->writes);
    }
    if (slot->noted) {
        return (struct rc_lost){.key = rc_read_log_next(&conn->reads, &place->reads)};
    }
    return (struct rc_lost){.cas = 0};
}

/* An end, as requests are told of it. */
struct ending {
    int status;
    const char *message;
    struct rc_list *again; /* rc_request.link: those that the next connection is to have; or NULL */
    bool rereads;          /* … reads that left among them */
    struct rc_outrun lost; /* what never left and does not go again */
    struct place place;
};

static void lose(struct rc_conn *conn, const struct ending *ending, struct rc_slot *slot,
    const struct rc_lost *lost, bool left)
{
    if (slot->logged) {
        conn->events->lost(conn, lost);
    }
    const struct rc_result result = {
        .status = ending->status,
        .message = rc_slice_text(ending->message),
        .maybe_applied =
            (left && rc_verb_writes((enum rc_verb)slot->verb)) || rc_conn_ran_before(slot),
    };
    rc_conn_slot_over(conn, slot, &result);
}

/* ---- what goes again ---- */

static bool is_awaited(const struct rc_slot *slot)
{
    return slot->requested && !slot->tombstone;
}

/* Make sure that there is a copy of the command, or of as much of it as is known here; `more` bytes
 * are to be kept beside it. */
static bool keep_command(
    struct rc_conn *conn, const struct rc_slot *slot, const struct rc_lost *lost, size_t more)
{
    struct rc_request *request = rc_slot_request(slot);
    const struct rc_command command = {
        .verb = (enum rc_verb)slot->verb,
        .strict = slot->verb == RC_VERB_GET ? conn->env->strict : slot->strict,
        .token = slot->token,
        .key = lost->key,
        .cas = lost->cas,
        .want_cas = slot->want_cas && !slot->unasked_cas,
        .want_ttl = slot->want_ttl,
        .fleeting = slot->fleeting,
    };
    size_t body = request->body == NULL ? sizeof *request->body + lost->key.len : 0;
    return rc_budget_allows(&conn->env->budget, body + more) &&
           (body == 0 || rc_request_keep(conn->env, request, &command) == 0);
}

static void wait_again(struct ending *ending, struct rc_request *request)
{
    request->slot.replaced = false; /* it goes behind what the journal deletes */
    request->state = RC_REQUEST_WAITING;
    rc_list_append(ending->again, &request->link);
}

/* As a command: the next connection may have to ask otherwise. */
static bool keep_read(
    struct rc_conn *conn, struct ending *ending, struct rc_slot *slot, const struct rc_lost *lost)
{
    if (!keep_command(conn, slot, lost, 0)) {
        return false;
    }
    wait_again(ending, rc_slot_request(slot));
    return true;
}

static bool keep_sent(
    struct rc_conn *conn, struct ending *ending, struct rc_slot *slot, const struct rc_lost *lost)
{
    struct rc_request *request = rc_slot_request(slot);
    bool wanted =
        ending->rereads && is_awaited(slot) && slot->verb == RC_VERB_GET && !request->reread;
    if (!wanted || !keep_read(conn, ending, slot, lost)) {
        return false;
    }
    request->reread = true;
    return true;
}

static bool keep_unsent(struct rc_conn *conn, struct ending *ending, struct rc_slot *slot,
    const struct rc_lost *lost, const struct rc_front *front)
{
    struct rc_request *request = rc_slot_request(slot);
    bool wanted = ending->again != NULL && is_awaited(slot) && !rc_conn_ran_before(slot);
    if (!wanted || slot->verb == RC_VERB_GET) {
        return wanted && keep_read(conn, ending, slot, lost);
    }
    const struct rc_manner manner = rc_conn_manner(conn);
    bool had_body = request->body != NULL;
    if (!keep_command(conn, slot, lost, sizeof(struct rc_wire))) {
        return false;
    }
    if (rc_request_keep_wire(conn->env, request, front, &manner) < 0) {
        if (!had_body) {
            rc_request_forget_body(conn->env, request);
        }
        return false;
    }
    request->body->command.loan = front->loan;
    wait_again(ending, request);
    return true;
}

/* ---- ending ---- */

static void end_sent(struct rc_conn *conn, struct ending *ending)
{
    struct rc_pipeline *p = &conn->pipeline;
    bool begun = conn->parsed < conn->in.len || conn->decoder.excess.found;
    while (p->oldest != NULL) {
        struct rc_slot *slot = rc_pipeline_pop(p);
        const struct rc_lost lost = key_of(conn, slot, &ending->place);
        conn->owed_raw = conn->owed_raw || slot->verb == RC_VERB_RAW;
        if (begun || !keep_sent(conn, ending, slot, &lost)) {
            lose(conn, ending, slot, &lost, true);
        }
        begun = false;
    }
}

static void give_up_unsent(
    struct rc_conn *conn, struct ending *ending, struct rc_slot *slot, const struct rc_lost *lost)
{
    if (ending->again != NULL && !rc_list_empty(ending->again) && slot->logged) {
        rc_outrun_note(&ending->lost, lost, slot->token);
    }
    lose(conn, ending, slot, lost, false);
}

/* It is kept, with its loan, or given up: its bytes in the output are no more either way. */
static void end_one_unsent(
    struct rc_conn *conn, struct ending *ending, struct rc_slot *slot, struct rc_output *out)
{
    const struct rc_lost lost = key_of(conn, slot, &ending->place);
    const struct rc_front front = rc_output_front(out, slot->bytes);
    bool kept = keep_unsent(conn, ending, slot, &lost, &front);
    conn->env->budget.used -= front.own.len;
    rc_output_release(out, &front);
    if (!kept) {
        rc_env_give_back(conn->env, front.loan);
        give_up_unsent(conn, ending, slot, &lost);
    }
}

/* `out` has what they were encoded to. It counts for what it holds while that moves, not for the
 * room that it had grown: there would be none for the copies, and it is not to grow any more. */
static void move_unsent(
    struct rc_conn *conn, struct ending *ending, struct rc_slot *unsent, struct rc_output *out)
{
    struct rc_slot *next;
    rc_conn_charge(conn);
    conn->env->budget.used += out->own.len;
    for (struct rc_slot *slot = unsent; slot != NULL; slot = next) {
        next = slot->next;
        end_one_unsent(conn, ending, slot, out);
    }
    rc_buf_deinit(&out->own);
    rc_outrun_mark(&ending->lost, ending->again);
    rc_outrun_deinit(&ending->lost);
}

static void lose_unsent(
    struct rc_conn *conn, struct ending *ending, struct rc_slot *unsent, size_t keep)
{
    struct rc_slot *next;
    rc_conn_cut_output(conn, keep);
    for (struct rc_slot *slot = unsent; slot != NULL; slot = next) {
        next = slot->next;
        const struct rc_lost lost = key_of(conn, slot, &ending->place);
        lose(conn, ending, slot, &lost, false);
    }
}

/* The output behind what left, in whole or in part, is theirs. */
static void end_unsent(struct rc_conn *conn, struct ending *ending, struct rc_slot *unsent)
{
    const struct rc_pipeline *p = &conn->pipeline;
    size_t keep = (size_t)(p->encoded - p->sent);
    struct rc_output out = {.taken = 0};
    if (unsent == NULL) {
        return;
    }
    if (ending->again != NULL && rc_output_split(&conn->out, keep, &out) == 0) {
        move_unsent(conn, ending, unsent, &out);
    } else {
        lose_unsent(conn, ending, unsent, keep);
    }
}

static void forget_reads(struct rc_conn *conn, size_t from)
{
    rc_read_log_cut(&conn->reads, from);
    rc_conn_charge(conn);
}

/* The keys of the writes that left stay in the log: they may still be carried out. */
static bool end(struct rc_conn *conn, struct ending *ending)
{
    struct rc_pipeline *p = &conn->pipeline;
    if (p->oldest == NULL) {
        return false; /* what the log has is of an end that was before */
    }
    rc_conn_close_batch(conn);
    struct rc_slot *unsent = rc_pipeline_cut_unsent(p);
    bool owed = p->writes > 0;
    end_sent(conn, ending);
    size_t kept = ending->place.writes;
    rc_conn_took(conn, (size_t)(p->encoded - p->sent)); /* the rest of what left in part */
    end_unsent(conn, ending, unsent);
    rc_conn_unlog_keys(conn, kept);
    forget_reads(conn, 0);
    return owed;
}

bool rc_conn_end(struct rc_conn *conn, int status, bool rereads, struct rc_list *again)
{
    struct ending ending = {
        .status = status,
        .message = conn->why,
        .again = again,
        .rereads = rereads,
    };
    return end(conn, &ending);
}

void rc_conn_end_all(struct rc_conn *conn, int status, const char *message)
{
    struct ending ending = {.status = status, .message = message};
    (void)end(conn, &ending);
}

void rc_conn_withhold(struct rc_conn *conn, int status, const char *message, struct rc_list *again)
{
    struct ending ending = {.status = status, .message = message, .again = again};
    rc_conn_close_batch(conn);
    struct rc_slot *unsent = rc_pipeline_cut_unsent(&conn->pipeline);
    for (const struct rc_slot *slot = conn->pipeline.oldest; slot != NULL; slot = slot->next) {
        (void)key_of(conn, slot, &ending.place);
    }
    const struct place kept = ending.place;
    end_unsent(conn, &ending, unsent);
    rc_conn_unlog_keys(conn, kept.writes);
    forget_reads(conn, kept.reads);
}

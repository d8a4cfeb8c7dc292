/* SPDX-License-Identifier: MIT */
/* What goes out on a connection: commands are encoded straight into its output, each with the slot
 * of its reply, and one write a turn hands that to the kernel. */
#include "server/conn_inside.h"

#include "base/line.h"
#include "codec/batch.h"
#include "server/journal.h"

enum {
    BATCH_BYTES = 512 * 1024, /* of values that a batch is to bring, about: as much again is held */
    OUT_KEEP = 16 * 1024,     /* output memory an idle connection keeps */
    SLACK_MIN = 64 * 1024,    /* a buffer up to this size is charged for what it holds alone */
    WRITE_PARTS = 32,         /* of one write: our own bytes, and what is lent between them */
};

static size_t memory_of(const struct rc_buf *b)
{
    return b->cap > SLACK_MIN ? b->cap : b->len;
}

/* A large buffer counts with the room that it has grown ahead of its bytes, or many of them would
 * pass the bound. */
void rc_conn_charge(struct rc_conn *conn)
{
    size_t bytes =
        memory_of(&conn->out.own) + memory_of(&conn->keys.bytes) + memory_of(&conn->reads.bytes);
    conn->env->budget.used += bytes - conn->charged;
    conn->charged = bytes;
}

/* ---- encoding ---- */

static inline void mark_unsent(struct rc_conn *conn)
{
    if (rc_list_empty(&conn->unsent_link)) {
        rc_list_append(&conn->env->unsent, &conn->unsent_link);
        rc_env_defer(conn->env);
    } else if (conn->hold == RC_HOLD_LASTS) { /* what is held may be too much now */
        rc_env_defer(conn->env);
    }
}

/* The command of `slot` was appended: `bytes` of our own, and what its caller lends. */
static inline void enqueue(
    struct rc_conn *conn, struct rc_slot *slot, struct rc_loan *loan, size_t bytes)
{
    if (conn->pipeline.oldest == NULL) {
        rc_liveness_began(&conn->liveness, rc_env_now_ms(conn->env));
    }
    if (loan != NULL) {
        rc_output_lend(&conn->out, loan);
        bytes += loan->bytes.len;
    }
    rc_pipeline_push(&conn->pipeline, slot, bytes);
}

static inline void queue(
    struct rc_conn *conn, struct rc_slot *slot, const struct rc_command *command, size_t bytes)
{
    slot->verb = (uint8_t)command->verb;
    slot->token = command->token;
    slot->strict = command->strict;
    slot->want_cas = command->want_cas;
    slot->want_ttl = command->want_ttl;
    slot->program = command->program;
    slot->fleeting = command->fleeting;
    enqueue(conn, slot, command->loan, bytes);
}

/* Output was queued: let it be written, and its answer be waited for. */
static inline void queued(struct rc_conn *conn)
{
    rc_conn_charge(conn);
    mark_unsent(conn);
    if (conn->state == RC_CONN_READY) {
        rc_conn_watch(conn);
    }
}

static inline bool is_scripted(const struct rc_conn *conn, const struct rc_command *command)
{
    return conn->codec->scripted != NULL && conn->codec->scripted(command);
}

/* Scripts go whole until one of the kind was answered on this connection. To try the digest first
 * and the text behind it would let a write pass the writes submitted after it. */
static int encode_script(struct rc_conn *conn, const struct rc_command *command)
{
    struct rc_command script = *command;
    script.again = script.again || (conn->known_scripts & 1U << command->verb) == 0;
    return conn->codec->encode(&conn->out.own, &script);
}

/* Remember the key of a write until it is answered. */
static int log_key(struct rc_conn *conn, const struct rc_command *command)
{
    const struct rc_lost lost = rc_lost_by(command);
    return rc_key_log_push(&conn->keys, &lost);
}

/* rc_conn_push, all but what follows once for all that is queued. */
static inline int push(struct rc_conn *conn, struct rc_slot *slot, const struct rc_command *command)
{
    rc_conn_close_batch(conn);
    size_t before = conn->out.own.len, keys = rc_key_log_len(&conn->keys);
    bool logged = rc_lost_is_logged(command), scripted = is_scripted(conn, command);
    int rc = logged ? log_key(conn, command) : 0;
    if (rc == 0) {
        rc = scripted ? encode_script(conn, command) : conn->codec->encode(&conn->out.own, command);
    }
    if (rc < 0) {
        rc_conn_unlog_keys(conn, keys);
        return rc;
    }
    slot->logged = logged;
    slot->left = 0;
    slot->joined = false;
    slot->scripted = scripted;
    queue(conn, slot, command, conn->out.own.len - before);
    return 0;
}

int rc_conn_push(struct rc_conn *conn, struct rc_slot *slot, const struct rc_command *command)
{
    int rc = push(conn, slot, command);
    if (rc == 0) {
        queued(conn);
    }
    return rc;
}

/* Is its key to be remembered until it is answered? Not where a copy of it is kept anyway. */
static inline bool is_to_note(const struct rc_request *request, const struct rc_command *command)
{
    return rc_verb_reads_item(command->verb) && request->body == NULL;
}

static inline void sent(struct rc_request *request)
{
    request->state = RC_REQUEST_SENT;
    request->attempts++;
}

/* A token from before the divide is of an item that is out of date, or of one that is gone: the
 * divide's own, which no item of a user's has, holds for neither. */
static inline uint64_t token_today(const struct rc_conn *conn, const struct rc_command *command)
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
static inline bool is_to_prove(const struct rc_conn *conn, enum rc_verb verb)
{
    return conn->greeting.echoes && conn->pipeline.count > 0 && conn->pipeline.proofs == 0 &&
           conn->codec->proves != NULL && conn->codec->proves(verb);
}

/* The command as it is sent: what proves the step, and what is old, asks for more than its caller
 * did. In `room`, if there is a difference. */
static inline const struct rc_command *as_sent(
    const struct rc_conn *conn, const struct rc_command *command, struct rc_command *room)
{
    bool proves = is_to_prove(conn, command->verb), dates = rc_conn_dates(conn, command);
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

int rc_conn_send_alone(
    struct rc_conn *conn, struct rc_request *request, const struct rc_command *command)
{
    struct rc_command room;
    struct rc_slot *slot = &request->slot;
    bool notes = is_to_note(request, command), dates = rc_conn_dates(conn, command);
    bool unasked_cas = dates && !command->want_cas;
    /* At once: a processor that reads a word of which it has just written a part waits for that. */
    slot->requested = true;
    slot->noted = notes;
    slot->dated = dates;
    slot->unasked_cas = unasked_cas;
    int rc = notes ? rc_read_log_reserve(&conn->reads, command->prefix, command->key) : 0;
    if (rc == 0) {
        rc = push(conn, slot, as_sent(conn, command, &room));
    }
    if (rc < 0) {
        return rc;
    }
    if (notes) {
        rc_read_log_put(&conn->reads, command->prefix, command->key);
    }
    sent(request);
    queued(conn);
    return 0;
}

/* ---- batches ---- */

/* Of one command with many replies the first slot has all bytes but one for each other. */
static void join_slots(struct rc_slot *first, uint32_t count)
{
    uint32_t bytes = first->bytes;
    first->left = (uint8_t)count;
    for (struct rc_slot *slot = first->next; --count > 0; slot = slot->next) {
        rc_line_fetch(slot->ahead, sizeof *slot);
        bytes += slot->bytes - 1;
        slot->bytes = 1;
        slot->left = (uint8_t)count;
        slot->joined = true;
    }
    first->bytes = bytes;
}

void rc_conn_close_batch(struct rc_conn *conn)
{
    if (conn->batch.count == 0) {
        return;
    }
    size_t before = conn->out.own.len;
    bool joined = conn->codec->batch_close(&conn->out.own, &conn->batch);
    rc_pipeline_correct(&conn->pipeline, conn->out.own.len - before);
    if (joined) {
        join_slots(conn->batch_first, conn->batch.count);
    }
    conn->batch.count = 0;
}

/* Does a plain GET of that request leave in a batch there? One of many does, whatever is said of
 * single ones. */
static inline bool joins(const struct rc_conn *conn, const struct rc_request *request)
{
    return request->bulk ? conn->batches : conn->merges;
}

/* May the command be one of a batch? Not what asks for more than a value, nor what is to prove the
 * step, since no batch is strict; and none for a while where one had more than could be held. */
static inline bool is_for_batch(struct rc_conn *conn, const struct rc_command *command)
{
    bool plain = !command->strict && !command->want_cas && !command->want_ttl;
    if (!plain || is_to_prove(conn, command->verb)) {
        return false;
    }
    bool spread = conn->spread > 0;
    conn->spread -= spread;
    return !spread;
}

/* As many as their values are to let through, judged by those that came: what comes for a batch
 * holds up what was asked behind it. */
static inline void open_batch(struct rc_conn *conn, struct rc_slot *first, uint64_t token)
{
    uint32_t fit = BATCH_BYTES / conn->value_bytes;
    conn->batch_most = fit < 1 ? 1 : fit < RC_BATCH_MAX ? fit : RC_BATCH_MAX;
    conn->batch_first = first;
    conn->batch = rc_batch_open(&conn->out.own, token, conn->codec->batch_least, conn->divide != 0);
}

/* A GET of that key is the next one of the batch, or the first of a new one. */
static inline int join_batch(
    struct rc_conn *conn, struct rc_request *request, const struct rc_get *get)
{
    struct rc_slot *slot = &request->slot;
    bool dates = conn->divide != 0;
    if (conn->batch.count == conn->batch_most || conn->batch.want_cas != dates) {
        rc_conn_close_batch(conn);
    }
    int rc = rc_read_log_reserve(&conn->reads, get->prefix, get->key);
    if (rc < 0) {
        return rc;
    }
    if (conn->batch.count == 0) {
        open_batch(conn, slot, get->token);
    }
    size_t before = conn->out.own.len;
    rc = conn->codec->batch_extend(&conn->out.own, &conn->batch, get->prefix, get->key);
    if (rc < 0) {
        return rc;
    }
    *slot = (struct rc_slot){
        .verb = RC_VERB_GET,
        .token = rc_batch_token(&conn->batch),
        .requested = true,
        .noted = true, /* for the codec, whatever else has a copy */
        .want_cas = dates,
        .dated = dates,
        .unasked_cas = dates,
    };
    rc_read_log_put(&conn->reads, get->prefix, get->key);
    enqueue(conn, slot, NULL, conn->out.own.len - before);
    sent(request);
    return 0;
}

bool rc_conn_get(struct rc_conn *conn, struct rc_request *request, const struct rc_get *get)
{
    if (!joins(conn, request) || conn->divide != 0 || conn->spread > 0 ||
        is_to_prove(conn, RC_VERB_GET) || join_batch(conn, request, get) < 0) {
        return false;
    }
    queued(conn);
    return true;
}

int rc_conn_send(struct rc_conn *conn, struct rc_request *request, const struct rc_command *command)
{
    if (command->verb != RC_VERB_GET || !joins(conn, request) || !is_for_batch(conn, command)) {
        return rc_conn_send_alone(conn, request, command);
    }
    const struct rc_get get = {command->prefix, command->key, command->token};
    int rc = join_batch(conn, request, &get);
    queued(conn);
    return rc;
}

/* ---- once more ---- */

struct rc_manner rc_conn_manner(const struct rc_conn *conn)
{
    return (struct rc_manner){
        .codec = conn->codec,
        .divide = conn->divide,
        .item_max_bytes = conn->greeting.item_max_bytes,
        .echoes = conn->greeting.echoes,
    };
}

bool rc_conn_takes(const struct rc_conn *conn, const struct rc_wire *wire)
{
    const struct rc_manner *there = &wire->manner, here = rc_conn_manner(conn);
    return here.codec == there->codec && here.divide == there->divide &&
           here.item_max_bytes == there->item_max_bytes && here.echoes == there->echoes;
}

/* The bytes, of which `instead` have other ones in their place by now: a script whose digest was
 * sent goes whole where no script of the kind was answered yet. */
static int append_wire(
    struct rc_conn *conn, const struct rc_slot *slot, const struct rc_wire *wire, size_t *instead)
{
    const struct rc_slice bytes = rc_slice(wire->bytes, wire->len);
    bool whole = slot->scripted && (conn->known_scripts & 1U << slot->verb) == 0;
    int rc = rc_buf_reserve(&conn->out.own, wire->len);
    *instead = 0;
    if (rc == 0 && whole) {
        rc = conn->codec->spell_out(&conn->out.own, (enum rc_verb)slot->verb, bytes, instead);
    }
    return rc < 0 ? rc : rc_buf_append(&conn->out.own, bytes.data + *instead, bytes.len - *instead);
}

/* What is sent behind others proves the step here, whatever it did there. */
static int append_proof(struct rc_conn *conn, struct rc_slot *slot)
{
    const struct rc_command echo = {.verb = RC_VERB_ECHO, .token = slot->token};
    if (slot->strict || !is_to_prove(conn, (enum rc_verb)slot->verb)) {
        return 0;
    }
    int rc = conn->codec->encode(&conn->out.own, &echo);
    slot->strict = rc == 0;
    return rc;
}

int rc_conn_resend(struct rc_conn *conn, struct rc_request *request)
{
    struct rc_slot *slot = &request->slot;
    const struct rc_command *command = &request->body->command;
    const struct rc_wire *wire = request->body->wire;
    struct rc_loan *loan = command->loan;
    rc_conn_close_batch(conn);
    size_t before = conn->out.own.len, keys = rc_key_log_len(&conn->keys), instead = 0;
    int rc = slot->logged ? log_key(conn, command) : 0;
    slot->noted = false; /* its body has it */
    if (rc == 0) {
        rc = append_wire(conn, slot, wire, &instead);
    }
    size_t behind = conn->out.own.len - (wire->len - wire->gap);
    if (rc == 0) {
        rc = append_proof(conn, slot);
    }
    if (rc < 0) {
        rc_buf_truncate(&conn->out.own, before);
        rc_conn_unlog_keys(conn, keys);
        return rc;
    }
    if (loan != NULL) {
        loan->gap = conn->out.own.data + behind;
    }
    enqueue(conn, slot, loan, conn->out.own.len - before);
    queued(conn);
    sent(request);
    return 0;
}

int rc_conn_ask(struct rc_conn *conn, const struct rc_command *command)
{
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
    for (struct rc_slot *slot = conn->pipeline.oldest; slot != NULL; slot = slot->next) {
        if (slot->requested && !slot->tombstone) {
            rc_request_abandon(conn->env, rc_slot_request(slot), status, message);
        }
    }
    if (!conn->own.due) {
        const struct rc_command fence = {.verb = RC_VERB_NOOP};
        (void)rc_conn_ask(conn, &fence); /* without memory for it, only the peer's end is proof */
    }
}

/* ---- writing ---- */

void rc_conn_cut_output(struct rc_conn *conn, size_t keep)
{
    struct rc_env *env = conn->env;
    rc_output_cut(&conn->out, keep, &env->returned);
    rc_conn_charge(conn);
    if (!rc_list_empty(&env->returned)) {
        rc_env_want_drain(env);
    }
}

void rc_conn_drop_output(struct rc_conn *conn)
{
    rc_conn_cut_output(conn, 0);
    rc_buf_deinit(&conn->out.own);
    rc_conn_charge(conn);
    rc_list_remove(&conn->unsent_link);
}

static size_t bytes_of(const struct rc_slice *parts, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += parts[i].len;
    }
    return bytes;
}

void rc_conn_took(struct rc_conn *conn, size_t n)
{
    struct rc_env *env = conn->env;
    rc_output_take(&conn->out, n, &env->returned);
    rc_pipeline_hand(&conn->pipeline, n);
    if (!rc_list_empty(&env->returned)) {
        rc_env_want_drain(env);
    }
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
        rc_conn_took(conn, (size_t)taken);
        total += taken;
        whole = (size_t)taken == bytes_of(parts, count);
    }
    return total;
}

void rc_conn_flush(struct rc_conn *conn)
{
    if (conn->blocked || rc_output_len(&conn->out) == 0) {
        return;
    }
    rc_conn_close_batch(conn);
    ptrdiff_t taken = write_out(conn);
    if (taken < 0) {
        rc_conn_fail(conn, (int)taken, rc_slice_text(ringcache_strerror((int)taken)));
        return;
    }
    rc_liveness_sent(&conn->liveness, &conn->pipeline,
        conn->pipeline.sent - rc_stream_held(conn->dial.stream), rc_env_now_ms(conn->env),
        rc_env_now_us(conn->env));
    conn->blocked = rc_output_len(&conn->out) > 0;
    rc_buf_trim(&conn->out.own, OUT_KEEP);
    rc_conn_charge(conn);
    if (conn->state == RC_CONN_READY && taken > 0) {
        conn->events->room(conn);
    }
}

static struct rc_conn *unsent_of(struct rc_list *node)
{
    return rc_container(node, struct rc_conn, unsent_link);
}

void rc_conn_let_go(struct rc_conn *conn)
{
    if (conn->hold == RC_HOLD_LASTS) {
        conn->hold = RC_HOLD_OVER;
        rc_env_defer(conn->env);
    }
}

void rc_conns_let_go(struct rc_deadline *hold_end, uint64_t now_ms)
{
    struct rc_env *env = rc_container(hold_end, struct rc_env, hold_end);
    (void)now_ms;
    for (struct rc_list *node = env->unsent.next; node != &env->unsent; node = node->next) {
        rc_conn_let_go(unsent_of(node));
    }
}

/* A server that is suspected is waited for by nobody. */
static bool is_to_hold(const struct rc_conn *conn)
{
    return conn->state == RC_CONN_READY && !conn->blocked && !conn->suspect &&
           conn->hold != RC_HOLD_OVER &&
           rc_hold_pays(&conn->pipeline, conn->env->hold_back, conn->liveness.round_trip_us);
}

/* One deadline serves all holds: those that begin after it was armed end early. */
static void hold(struct rc_conn *conn)
{
    struct rc_env *env = conn->env;
    conn->hold = RC_HOLD_LASTS;
    if (!rc_deadline_armed(&env->hold_end)) {
        rc_env_arm(env, &env->hold_end, rc_env_now_ms(env) + RC_HOLD_MOST_MS);
    }
}

void rc_conns_flush(struct rc_env *env)
{
    struct rc_list held;
    rc_list_init(&held);
    for (struct rc_list *node; (node = rc_list_first(&env->unsent)) != NULL;) {
        struct rc_conn *conn = unsent_of(node);
        rc_list_remove(node);
        if (is_to_hold(conn)) {
            hold(conn);
            rc_list_append(&held, node);
        } else {
            conn->hold = RC_HOLD_NONE;
            rc_conn_flush(conn);
        }
    }
    rc_list_splice(&env->unsent, &held);
}

/* SPDX-License-Identifier: MIT */
/* What comes in on a connection: the greeting's answers, then replies, each matched to the oldest
 * slot and checked; in place, so that a request that finishes has a view into the input. */
#include "server/conn_inside.h"

#include "server/journal.h"

enum {
    IN_CHUNK = 64 * 1024, /* input memory a connection keeps */
    IN_ROOM = 16 * 1024,  /* room offered to a read, at least */
    IN_TRUST = 8,         /* once this part of a reply came, all of it has room */
    SPREAD = 1024,        /* gets that go one by one once a batch could not be held */
};

/* ---- greeting ---- */

void rc_conn_greet(struct rc_conn *conn)
{
    struct rc_command command;
    if (!rc_greeting_next(&conn->greeting, &conn->backend->credentials, &command)) {
        conn->codec = conn->greeting.classic ? &rc_codec_classic : conn->codec;
        rc_env_disarm(conn->env, &conn->timer);
        rc_turnstile_leave(conn->env, &conn->ticket);
        conn->state = RC_CONN_READY;
        conn->batches =
            !conn->env->strict && !(conn->env->leases && conn->codec->batch_hides_marks);
        conn->merges = conn->batches && conn->env->merges && conn->codec->merges;
        conn->events->ready(conn);
    } else if (rc_conn_ask(conn, &command) < 0) {
        rc_conn_fail(conn, RINGCACHE_ENOMEM, rc_slice_text("out of memory"));
    }
}

static void own_answered(struct rc_conn *conn, const struct rc_answer *answer)
{
    if (conn->state != RC_CONN_GREETING) {
        rc_conn_quote(conn, answer->message);
        conn->events->answered(conn, answer);
        return;
    }
    enum rc_verb verb = (enum rc_verb)conn->own.verb;
    char why[sizeof conn->why] = "";
    int rc = rc_greeting_answer(&conn->greeting, verb, answer, why, sizeof why);
    if (rc < 0) {
        rc_conn_fail(conn, rc, rc_slice_text(why));
    } else {
        rc_conn_greet(conn);
    }
}

/* ---- receiving ---- */

/* The codec asks for the command once more, be its caller still there or not: what it takes back
 * has to be taken back. The bounds let it through, it had its place. */
static bool send_again(struct rc_conn *conn, struct rc_slot *slot)
{
    struct rc_request *request = rc_slot_request(slot);
    struct rc_command *command = &request->body->command;
    command->again = true;
    if (rc_conn_push(conn, slot, command) < 0) {
        return false;
    }
    request->attempts++;
    return true;
}

/* A server forgets scripts one and all. */
static void learn_script(
    struct rc_conn *conn, const struct rc_slot *slot, const struct rc_answer *answer)
{
    if (answer->again) {
        conn->known_scripts = 0;
    } else if (answer->status >= 0) {
        conn->known_scripts |= 1U << slot->verb;
    }
}

/* May the command have been carried out, though its answer is a failure? */
static bool was_applied(const struct rc_slot *slot, const struct rc_answer *answer)
{
    bool told = slot->verb == RC_VERB_GET_AND_TOUCH || slot->verb == RC_VERB_LEASE;
    /* A program may end in any word, BUSY for one. */
    bool own_words = answer->refusal == RC_REFUSAL_NONE || answer->refusal == RC_REFUSAL_NOT_NOW;
    bool half_run = slot->program && own_words;
    return (told && answer->status == RINGCACHE_ETOOBIG) ||
           ((rc_conn_ran_before(slot) || half_run) && answer->status < 0);
}

static struct rc_result result_of(const struct rc_slot *slot, const struct rc_answer *answer)
{
    if (answer->again && !slot->scripted) {
        return (struct rc_result){
            .status = RINGCACHE_ENOMEM,
            .maybe_applied = rc_conn_ran_before(slot),
            .message = rc_slice_text("no memory to ask once more"),
        };
    }
    struct rc_result result = {
        .status = answer->status,
        .maybe_applied = was_applied(slot, answer),
        .refusal = (uint8_t)answer->refusal,
        .marks = answer->marks,
        .flags = answer->flags,
        .cas = slot->unasked_cas ? 0 : answer->cas,
        .ttl_ms = answer->ttl_ms,
        .value = answer->value,
        .message = answer->message,
    };
    if (rc_verb_brings_number((enum rc_verb)slot->verb)) {
        result.number = answer->number;
    }
    return result;
}

static void tell_refusal(struct rc_conn *conn, const struct rc_answer *answer, bool program)
{
    switch (answer->refusal) {
    case RC_REFUSAL_NONE:
    case RC_REFUSAL_UNRUN:
    case RC_REFUSAL_CLUSTER:
        return;
    case RC_REFUSAL_NOT_NOW:
    case RC_REFUSAL_REPLICA:
        rc_conn_quote(conn, answer->message);
        conn->events->refused(conn, answer->refusal, program);
    }
}

/* A refusal is told to its caller, who knows then what is there still. One whose caller had left,
 * or with which the server goes out of service, is like no answer. */
static bool is_lost(const struct rc_slot *slot, const struct rc_answer *answer)
{
    return answer->status < 0 &&
           (slot->tombstone || (answer->refusal == RC_REFUSAL_NOT_NOW && !slot->program));
}

/* The key that a read is of; `*at` moves along the log of reads. */
static struct rc_lost key_of_read(
    const struct rc_conn *conn, const struct rc_slot *slot, size_t *at)
{
    const struct rc_body *body = rc_slot_body(slot);
    struct rc_lost read = {.cas = 0};
    if (slot->noted) {
        read.key = rc_read_log_next(&conn->reads, at);
    } else if (body != NULL) {
        read.prefix = body->command.prefix;
        read.key = body->command.key;
    }
    return read;
}

/* The oldest logged write is refused behind its caller, for whom it had failed before that: who
 * reads its key behind it may have asked since, and is to read nothing older. */
static void note_replaced(struct rc_conn *conn)
{
    size_t behind = 0, at = 0;
    const struct rc_lost lost = rc_key_log_next(&conn->keys, &behind);
    if (lost.adds) {
        return; /* it would have replaced nothing */
    }
    for (struct rc_slot *slot = conn->pipeline.oldest; slot != NULL; slot = slot->next) {
        const struct rc_lost read = key_of_read(conn, slot, &at);
        bool reads = rc_verb_reads_item((enum rc_verb)slot->verb) && slot->requested;
        if (reads && rc_lost_compare(&read, lost.key) == 0) {
            slot->replaced = true;
        }
    }
}

/* One with which the server goes out of service is made good when it is back. */
static void lose(struct rc_conn *conn, const struct rc_slot *slot, const struct rc_answer *answer)
{
    if (slot->tombstone && conn->env->journal_entries > 0) {
        note_replaced(conn);
    }
    rc_conn_lose_key(conn);
    if (answer->refusal != RC_REFUSAL_NOT_NOW) {
        conn->events->owing(conn);
    }
}

static void sweep_answered(
    struct rc_conn *conn, struct rc_slot *slot, const struct rc_answer *answer)
{
    if (slot->scripted) {
        learn_script(conn, slot, answer);
    }
    conn->sweeps--;
    rc_conn_quote(conn, answer->message);
    conn->events->swept(conn, rc_container(slot, struct rc_sweep, slot), answer);
}

static bool is_outdated(
    const struct rc_conn *conn, const struct rc_slot *slot, const struct rc_answer *answer)
{
    return slot->dated && answer->cas != 0 && answer->cas < conn->divide;
}

/* What was read is older than a write that nobody can name any more: it goes, and was not there. A
 * lease is asked for once more behind that, since what there is to fill in is another item then. */
static bool turn_away(struct rc_conn *conn, struct rc_slot *slot, struct rc_answer *answer)
{
    const struct rc_body *body = rc_slot_body(slot);
    if (body != NULL) {
        const struct rc_lost seen = {body->command.prefix, body->command.key, answer->cas};
        conn->events->outdated(conn, &seen);
    }
    bool leases = slot->verb == RC_VERB_LEASE && body != NULL && !slot->tombstone;
    *answer = (struct rc_answer){.status = RINGCACHE_MISS};
    return leases && rc_conn_push(conn, slot, &body->command) == 0;
}

/* The oldest slot, whose reply is here. */
static struct rc_slot *take_oldest(struct rc_conn *conn)
{
    struct rc_slot *slot = rc_pipeline_pop(&conn->pipeline);
    if (slot->noted) {
        rc_read_log_pop(&conn->reads);
    }
    rc_liveness_answered(&conn->liveness, conn->pipeline.answered);
    return slot;
}

/* The oldest note in the log becomes the newest, by a command that is made from it. */
static int send_alone(struct rc_conn *conn, struct rc_slot *slot)
{
    size_t at = 0, behind = 0;
    struct rc_command get = {.verb = RC_VERB_GET, .token = slot->token};
    get.key = rc_read_log_next(&conn->reads, &at);
    int rc = rc_read_log_reserve(&conn->reads, get.prefix, get.key); /* is all, may move the key */
    get.key = rc_read_log_next(&conn->reads, &behind);
    return rc < 0 ? rc : rc_conn_send_alone(conn, rc_slot_request(slot), &get);
}

/* The oldest slot's key is asked for alone, if one waits. */
static void ask_one_alone(struct rc_conn *conn)
{
    const struct rc_result no_memory = {
        .status = RINGCACHE_ENOMEM, .message = rc_slice_text("no memory to ask once more")};
    struct rc_slot *slot = rc_pipeline_pop(&conn->pipeline);
    rc_liveness_answered(&conn->liveness, conn->pipeline.answered);
    if (slot->tombstone || send_alone(conn, slot) < 0) {
        rc_conn_slot_over(conn, slot, &no_memory);
    }
    rc_read_log_pop(&conn->reads);
}

/* A batch says of this key only that there is something; or it was refused, and so may the next
 * ones be. */
static void ask_alone(struct rc_conn *conn, const struct rc_answer *answer)
{
    uint8_t count = answer->all ? conn->pipeline.oldest->left : 1;
    conn->spread = answer->all ? SPREAD : conn->spread;
    for (; count > 0; count--) {
        ask_one_alone(conn);
    }
}

/* A get brought a value of that size. */
static inline void learn_size(struct rc_conn *conn, size_t len)
{
    conn->value_bytes += (uint32_t)(len >> 3) - (conn->value_bytes >> 3);
}

static void deliver(struct rc_conn *conn, const struct rc_answer *came)
{
    struct rc_answer outdated;
    const struct rc_answer *answer = came;
    if (answer->more) { /* to a question of our own, which stays due */
        own_answered(conn, answer);
        return;
    }
    if (answer->again && conn->pipeline.oldest->left > 0) {
        ask_alone(conn, answer);
        return;
    }
    struct rc_slot *slot = take_oldest(conn);
    if (slot->logged && is_lost(slot, answer)) {
        lose(conn, slot, answer);
    } else if (slot->logged) {
        rc_key_log_pop(&conn->keys);
    }
    if (slot->sweep) {
        sweep_answered(conn, slot, answer);
        return;
    }
    if (!slot->requested) {
        own_answered(conn, answer);
        return;
    }
    if (slot->replaced && answer->status == RINGCACHE_OK) {
        outdated = (struct rc_answer){.status = RINGCACHE_MISS};
        answer = &outdated;
    } else if (is_outdated(conn, slot, answer)) {
        outdated = *came;
        if (turn_away(conn, slot, &outdated)) {
            return;
        }
        answer = &outdated;
    }
    if (slot->scripted) {
        learn_script(conn, slot, answer);
    } else if (answer->again && send_again(conn, slot)) {
        return;
    }
    if (slot->verb == RC_VERB_GET && answer->value.len > 0) {
        learn_size(conn, answer->value.len);
    }
    bool program = slot->program;
    const struct rc_result result = result_of(slot, answer);
    rc_conn_slot_over(conn, slot, &result);
    while (answer->all && conn->pipeline.oldest != NULL && conn->pipeline.oldest->joined) {
        rc_conn_slot_over(conn, take_oldest(conn), &result);
    }
    tell_refusal(conn, answer, program);
}

/* The usual reply to the oldest slot, where it is one: that of a request that is waited for, and
 * none of the cases in `deliver`. */
static bool read_usual(struct rc_conn *conn, struct rc_slice input)
{
    struct rc_slot *oldest = conn->pipeline.oldest;
    if (oldest->unusual != 0 || oldest->tombstone || !oldest->requested) {
        return false;
    }
    const struct rc_asked asked = {
        .verb = (enum rc_verb)oldest->verb,
        .due = oldest->left,
        .first = !oldest->joined,
        .token = oldest->token,
    };
    struct rc_usual reply;
    if (!conn->codec->usual(&conn->decoder, input, &asked, &reply)) {
        return false;
    }
    conn->parsed += reply.len;
    (void)take_oldest(conn);
    if (oldest->logged) {
        rc_key_log_pop(&conn->keys);
    }
    if (reply.value.len > 0) {
        learn_size(conn, reply.value.len);
    }
    rc_request_answer(conn->env, rc_slot_request(oldest), &reply);
    return true;
}

static struct rc_expect expectation(const struct rc_conn *conn, const struct rc_slot *slot)
{
    struct rc_expect expect = {
        .verb = (enum rc_verb)slot->verb,
        .strict = slot->strict,
        .token = slot->token,
        .want_cas = slot->want_cas,
        .want_ttl = slot->want_ttl,
        .scripted = slot->scripted,
        .due = slot->left,
        .first = !slot->joined,
        .keys = conn->reads.bytes.data,
    };
    const struct rc_body *body = rc_slot_body(slot);
    if (slot->noted) {
        size_t at = 0;
        expect.key = rc_read_log_next(&conn->reads, &at);
    } else if (body != NULL) {
        expect.prefix = body->command.prefix;
        expect.key = body->command.key;
        expect.again = body->command.again;
    } else if (slot == &conn->own) {
        expect.key = conn->own_key;
    } else if (slot->sweep) {
        expect.key = rc_container(slot, struct rc_sweep, slot)->key;
    }
    return expect;
}

static struct rc_slice unparsed(const struct rc_conn *conn)
{
    return rc_slice(conn->in.data + conn->parsed, conn->in.len - conn->parsed);
}

/* Take what has come of a value that is not to be held out of the input: false while more of it is
 * to come. The smaller of both sides moves, the start of its reply or what came behind it. */
static bool drop_excess(struct rc_conn *conn)
{
    struct rc_excess *excess = &conn->decoder.excess;
    if (excess->left == 0) {
        return true;
    }
    size_t came = conn->in.len - conn->parsed - excess->at;
    size_t n = came < excess->left ? came : excess->left, behind = came - n;
    unsigned char *start = conn->in.data + conn->parsed, *hole = start + excess->at;
    if (behind < excess->at) {
        memmove(hole, hole + n, behind);
        rc_buf_truncate(&conn->in, conn->in.len - n);
    } else {
        memmove(start + n, start, excess->at);
        conn->parsed += n;
    }
    excess->left -= n;
    return excess->left == 0;
}

/* Understand one reply; false when the rest has to wait, or nothing more is to be read. */
static bool read_one(struct rc_conn *conn)
{
    const struct rc_codec *codec = conn->codec;
    if (!rc_pipeline_oldest_left(&conn->pipeline)) {
        rc_conn_distrust(conn, RINGCACHE_EPROTOCOL, codec->unsolicited(unparsed(conn)));
        return false;
    }
    bool whole = drop_excess(conn);
    struct rc_slice input = unparsed(conn);
    if (!whole || input.len < conn->decoder.need) {
        return false;
    }
    struct rc_expect expect = expectation(conn, conn->pipeline.oldest);
    struct rc_answer answer = {0};
    size_t consumed = 0;
    enum rc_decoded got = codec->decode(&conn->decoder, input, &expect, &answer, &consumed);
    if (conn->decoder.crowded) {
        conn->decoder.crowded = false;
        conn->spread = SPREAD;
    }
    switch (got) {
    case RC_DECODED_MORE:
        return conn->decoder.excess.left > 0;
    case RC_DECODED_BAD:
        rc_conn_distrust(conn, RINGCACHE_EPROTOCOL, answer.message);
        return false;
    case RC_DECODED_ONE:
        break;
    }
    conn->parsed += consumed;
    conn->decoder.need = 0;
    deliver(conn, &answer);
    if (answer.close && conn->state == RC_CONN_READY) {
        rc_conn_distrust(conn, RINGCACHE_EPROTOCOL, answer.message);
    }
    return true;
}

/* The input grows with what came, not with what a header promises: it doubles when it is full,
 * until so much of a reply is there that the rest may be believed in. From there on nothing of it
 * moves any more. */
static size_t room_wanted(const struct rc_conn *conn)
{
    size_t came = conn->in.len;
    size_t need = conn->decoder.need;
    if (need <= came || conn->decoder.excess.found) {
        return conn->in.base == NULL ? IN_CHUNK : IN_ROOM;
    }
    size_t missing = need - came;
    size_t bound = came > IN_CHUNK ? came : IN_CHUNK;
    if (missing <= bound || came >= need / IN_TRUST) {
        return missing;
    }
    return rc_buf_room(&conn->in) >= IN_ROOM ? IN_ROOM : bound;
}

void *rc_conn_reserve(void *owner, size_t *len)
{
    struct rc_conn *conn = owner;
    size_t room = room_wanted(conn);
    int rc = room > IN_CHUNK ? rc_buf_fit(&conn->in, room) : rc_buf_reserve(&conn->in, room);
    if (rc < 0) {
        return NULL;
    }
    *len = rc_buf_room(&conn->in);
    return rc_buf_end(&conn->in);
}

/* As many as come one behind another. */
static void read_usual_run(struct rc_conn *conn)
{
    if (conn->codec->usual == NULL || conn->decoder.need > 0 || conn->decoder.excess.found) {
        return;
    }
    while (conn->parsed < conn->in.len && rc_pipeline_oldest_left(&conn->pipeline) &&
           read_usual(conn, unparsed(conn))) {
    }
}

static void understand(struct rc_conn *conn)
{
    bool more = true;
    while (more && conn->parsed < conn->in.len &&
           (conn->state == RC_CONN_GREETING || conn->state == RC_CONN_READY)) {
        read_usual_run(conn);
        more = conn->parsed < conn->in.len && read_one(conn);
    }
    if (conn->state == RC_CONN_LAME) {
        conn->parsed = conn->in.len;
    }
}

/* Has it all the requests that it may have? */
static bool is_full(const struct rc_conn *conn)
{
    return conn->pipeline.count >= conn->env->max_inflight;
}

void rc_conn_received(void *owner, size_t n)
{
    struct rc_conn *conn = owner;
    struct rc_env *env = conn->env;
    conn->pins++;
    rc_env_enter(env);
    rc_buf_commit(&conn->in, n);
    rc_liveness_received(&conn->liveness, rc_env_now_ms(env), rc_env_now_us(env));
    rc_conn_let_go(conn);
    bool was_silent = conn->suspect, was_full = is_full(conn);
    bool wrote = conn->pipeline.writes > 0;
    conn->suspect = false;
    understand(conn);
    rc_conn_charge(conn);
    if (wrote && conn->state == RC_CONN_READY && conn->pipeline.writes == 0) {
        conn->events->settled(conn);
    }
    if (was_silent && conn->state == RC_CONN_READY) {
        conn->events->spoke(conn);
    }
    if (was_silent && conn->state == RC_CONN_READY && conn->pipeline.oldest != NULL) {
        rc_conn_watch(conn);
    }
    if (was_full && conn->state == RC_CONN_READY && !is_full(conn)) {
        conn->events->room(conn);
    }
    rc_env_leave(env); /* callbacks run here, on views into conn->in */
    conn->pins--;
    if (conn->state != RC_CONN_CLOSED) {
        rc_buf_consume(&conn->in, conn->parsed);
        conn->parsed = 0;
        rc_buf_trim(&conn->in, IN_CHUNK);
    }
}

/* SPDX-License-Identifier: MIT */
/* Reading with a CAS token and writing under it, until nobody came in between: a flight of one
 * caller whose steps are
 *
 *     GET ──► decide ──► CAS, ADD or DELETE ──┬─ done, or it failed ──► the caller has it
 *      ▲                                      └─ changed since ─┐
 *      └────────────────────────────────────────────────────────┘
 *
 * Of several updates of one key, one has its turn and the others wait behind it. The extension and
 * the release of a lock are updates whose decision is a comparison. */
#include "client/client.h"
#include "client/flight.h"
#include "ringcache/update.h"

#include <string.h>

#include "base/number.h"

enum job { JOB_CALL, JOB_EXTEND, JOB_RELEASE };

enum {
    HOLDER_DIGITS = 16,
    PAUSE_MS = 10, /* until room is looked for again */
};

struct ringcache_change {
    struct rc_flight flight;
    enum job job;
    ringcache_update_fn fn; /* of JOB_CALL */
    void *user;
    uint64_t holder; /* of a lock */
    int64_t ttl_ms;
    struct rc_list behind; /* of the one whose turn it is: those that wait */
    struct rc_list turn;   /* in that list */
    uint64_t until_ms;
    bool present; /* what was read: */
    bool empty;   /* not even a stub that somebody is to fill in */
    uint64_t cas;
    uint32_t flags;
    bool deciding; /* its function runs */
    bool decided;
    bool strayed; /* by a ring that was changed in its function */
    int refused;  /* 0, or how the change was refused */
};

typedef struct ringcache_change update;

static update *update_of(struct rc_flight *flight)
{
    return rc_container(flight, update, flight);
}

/* ---- turns ---- */

static int ask_value(update *u)
{
    struct rc_command command = {
        .verb = RC_VERB_GET, .want_cas = true, .fleeting = u->job != JOB_CALL};
    return rc_flight_ask(&u->flight, &command, u->until_ms);
}

static void tell(update *u, int status, const char *message)
{
    const struct rc_result result = {.status = status, .message = rc_slice_text(message)};
    rc_flight_tell(&u->flight, &result);
}

static void end(update *u)
{
    rc_list_remove(&u->turn);
    rc_flight_end(&u->flight);
}

/* The next one, which takes the others along. */
static update *pass_turn(update *u)
{
    struct rc_list *first = rc_list_first(&u->behind);
    rc_flight_shut(&u->flight);
    if (first == NULL) {
        return NULL;
    }
    update *next = rc_container(first, update, turn);
    rc_list_remove(first);
    rc_list_splice(&next->behind, &u->behind);
    rc_flight_open(&next->flight, &next->flight.client->updates);
    return next;
}

/* It was accepted: what is refused for lack of room is asked for later. */
static int ask_again(update *u)
{
    struct rc_env *env = &u->flight.client->env;
    int rc = ask_value(u);
    if (rc == RINGCACHE_EBUSY) {
        rc_env_arm(env, &u->flight.pause, rc_env_now_ms(env) + PAUSE_MS);
        return 0;
    }
    if (rc < 0) {
        tell(u, rc, ringcache_strerror(rc));
    }
    return rc;
}

/* Where the client closes, those behind are ended one by one. */
static void finish(update *u)
{
    while (u != NULL) {
        bool closing = u->flight.client->closing;
        update *next = pass_turn(u);
        end(u);
        bool begun = next == NULL || closing || ask_again(next) == 0;
        u = begun ? NULL : next;
    }
}

static void begin_again(update *u)
{
    if (ask_again(u) < 0) {
        finish(u);
    }
}

/* ---- deciding ---- */

/* Of another server than the one that would be asked, what was read says nothing. */
static int ask_change(update *u, struct rc_command *command)
{
    u->strayed = rc_flight_strayed(&u->flight);
    command->cas = u->cas;
    command->fleeting = u->job != JOB_CALL;
    int rc = u->strayed ? 0 : rc_flight_ask(&u->flight, command, u->until_ms);
    u->decided = rc == 0;
    return rc;
}

static int store(update *u, struct rc_slice value, int64_t ttl_ms)
{
    struct rc_command command = {
        .verb = u->empty ? RC_VERB_ADD : RC_VERB_CAS,
        .value = value,
        .flags = u->flags,
        .ttl_ms = ttl_ms,
        .exptime_s = rc_client_exptime(u->flight.client, ttl_ms),
    };
    return ask_change(u, &command);
}

static int remove_key(update *u)
{
    if (u->empty) { /* what a loader began before is not to come in its place */
        rc_flights_overtake(u->flight.client, u->flight.key);
        u->decided = true;
        tell(u, RINGCACHE_MISS, "");
        return 0;
    }
    struct rc_command command = {
        .verb = RC_VERB_DELETE, .leases = u->flight.client->settings.leases};
    return ask_change(u, &command);
}

/* The function is the caller's own code: it may cancel the update, or close the client. */
static void call(update *u, const struct rc_request *step)
{
    ringcache_client *client = u->flight.client;
    const ringcache_reply now = rc_client_reply(client, step);
    u->decided = false;
    u->strayed = false;
    u->refused = 0;
    u->deciding = true;
    u->fn(client, &now, u, u->user);
    u->deciding = false;
    if (u->flight.step != 0) {
        return;
    }
    if (u->strayed && rc_flight_awaited(&u->flight)) {
        begin_again(u);
        return;
    }
    if (u->refused < 0) {
        tell(u, u->refused, ringcache_strerror(u->refused));
    } else if (!u->decided) {
        tell(u, RINGCACHE_NOT_STORED, "the update left it as it was");
    }
    finish(u);
}

static void compare(update *u, const struct rc_request *step)
{
    unsigned char holder[HOLDER_DIGITS];
    rc_number_write_hex16(holder, u->holder);
    struct rc_slice mine = rc_slice(holder, sizeof holder);
    int rc = 0;
    if (!u->present) {
        tell(u, RINGCACHE_MISS, "");
    } else if (!rc_slice_equal(step->result.value, mine)) {
        tell(u, RINGCACHE_EXISTS, "another holds the lock");
    } else {
        rc = u->job == JOB_EXTEND ? store(u, mine, u->ttl_ms) : remove_key(u);
    }
    if (rc < 0) {
        tell(u, rc, ringcache_strerror(rc));
    }
    if (u->flight.step == 0) {
        finish(u);
    }
}

static void decide(update *u, const struct rc_request *step)
{
    u->present = step->result.status == RINGCACHE_OK;
    u->cas = step->result.cas;
    u->empty = !u->present && u->cas == 0;
    u->flags = step->result.flags;
    if (u->present && u->cas == 0) { /* memcached -C */
        tell(u, RINGCACHE_ENOTSUP, "the server gives no CAS tokens");
        finish(u);
    } else if (u->job == JOB_CALL) {
        call(u, step);
    } else {
        compare(u, step);
    }
}

/* ---- steps ---- */

static void answered(struct rc_flight *flight, const struct rc_request *step)
{
    update *u = update_of(flight);
    int status = step->result.status;
    bool read = flight->verb == RC_VERB_GET;
    if (flight->client->closing || !rc_flight_awaited(flight)) {
        finish(u);
    } else if (status < 0 || (!read && status == RINGCACHE_OK)) {
        rc_flight_pass_on(flight, step);
        finish(u);
    } else if (read && !rc_flight_strayed(flight)) {
        decide(u, step);
    } else { /* somebody came in between, or it is another server's by now: once more */
        begin_again(u);
    }
}

static void due(struct rc_flight *flight)
{
    begin_again(update_of(flight));
}

static void left(struct rc_flight *flight)
{
    update *u = update_of(flight);
    bool rests = flight->step == 0 && !u->deciding;
    if (!rc_list_empty(&u->turn)) { /* it had not begun */
        end(u);
    } else if (rests) {
        finish(u);
    }
}

static const struct rc_flight_kind kind = {sizeof(update), answered, due, left};

/* ---- public ---- */

static int check_change(update *u, const ringcache_request *like)
{
    ringcache_client *client = u->flight.client;
    if (!u->deciding || u->decided) {
        return rc_client_refuse(
            client, RINGCACHE_EINVAL, "a second change, or one outside of an update's function");
    }
    int rc = rc_client_check(client, like);
    if (rc == 0 && !rc_flight_awaited(&u->flight)) {
        return rc_client_refuse(client, RINGCACHE_ECANCELED, "the update was canceled");
    }
    return rc;
}

int ringcache_change_store(
    ringcache_change *change, const void *value, size_t value_len, int64_t ttl_ms)
{
    const struct rc_slice key = change->flight.key;
    const ringcache_request like = {
        .op = RINGCACHE_SET,
        .key = {key.data, key.len},
        .value = {value, value_len},
        .ttl_ms = ttl_ms,
    };
    int rc = check_change(change, &like);
    rc = rc < 0 ? rc : store(change, rc_slice(value, value_len), ttl_ms);
    change->refused = rc;
    return rc;
}

int ringcache_change_delete(ringcache_change *change)
{
    const struct rc_slice key = change->flight.key;
    const ringcache_request like = {.op = RINGCACHE_DELETE, .key = {key.data, key.len}};
    int rc = check_change(change, &like);
    rc = rc < 0 ? rc : remove_key(change);
    change->refused = rc;
    return rc;
}

/* What an update is to do. */
struct plan {
    enum job job;
    ringcache_update_fn fn;
    uint64_t holder;
    int64_t ttl_ms;
};

static int take_off(ringcache_client *client, const ringcache_request *request,
    const struct plan *plan, const struct rc_submission *s, struct rc_flight **flight)
{
    const struct rc_flight_subject subject = {
        .sort = RC_FLIGHT_UPDATE,
        .key = rc_slice(request->key.data, request->key.len),
        .route = rc_slice(request->route.data, request->route.len),
    };
    struct rc_flight *first = rc_flight_find(&client->updates, &subject);
    int rc = rc_flight_new(client, &kind, &subject, flight);
    if (rc < 0) {
        return rc;
    }
    update *u = update_of(*flight);
    u->job = plan->job;
    u->fn = plan->fn;
    u->user = s->user;
    u->holder = plan->holder;
    u->ttl_ms = plan->ttl_ms;
    u->until_ms = rc_env_now_ms(&client->env) + rc_client_timeout(client, s);
    (*flight)->waits_for = "no answer within the deadline";
    rc_list_init(&u->behind);
    rc_list_init(&u->turn);
    if (first != NULL) {
        rc_list_append(&update_of(first)->behind, &u->turn);
        return 0;
    }
    rc = ask_value(u);
    if (rc < 0) {
        end(u);
        return rc;
    }
    rc_flight_open(*flight, &client->updates);
    return 0;
}

static int submit(ringcache_client *client, const ringcache_request *request,
    const struct plan *plan, const struct rc_submission *s, ringcache_id *id)
{
    struct rc_operation *op;
    struct rc_flight *flight;
    int rc = rc_client_begin(client, s, &op);
    if (rc < 0) {
        return rc;
    }
    rc = take_off(client, request, plan, s, &flight);
    if (rc < 0) {
        rc_client_release(client, &op->request);
        return rc;
    }
    rc_flight_board(flight, op, s, id);
    return 0;
}

int ringcache_update_sized(ringcache_client *client, const ringcache_request *request,
    size_t request_size, ringcache_update_fn fn, ringcache_reply_cb cb, void *user,
    ringcache_id *id)
{
    if (client == NULL || request == NULL) {
        return RINGCACHE_EINVAL;
    }
    ringcache_request whole = {0};
    int rc = rc_client_take_struct(client, &whole, sizeof whole, request, request_size);
    rc = rc < 0 ? rc : rc_client_check(client, &whole);
    if (rc == 0 && (whole.op != RINGCACHE_GET || whole.options != 0)) {
        rc = rc_client_refuse(client, RINGCACHE_ENOTSUP, "an update has no operation, no option");
    }
    if (rc == 0 && (cb == NULL || fn == NULL)) {
        rc = rc_client_refuse(client, RINGCACHE_EINVAL, "no callback or no function");
    }
    const struct plan plan = {.job = JOB_CALL, .fn = fn};
    const struct rc_submission s = {.timeout_ms = whole.timeout_ms, .cb = cb, .user = user};
    return rc < 0 ? rc : submit(client, &whole, &plan, &s, id);
}

int ringcache_lock(ringcache_client *client, const void *key, size_t key_len, int64_t ttl_ms,
    uint64_t *token, ringcache_reply_cb cb, void *user)
{
    unsigned char holder[HOLDER_DIGITS];
    if (token == NULL || (!client->closing && ttl_ms < 1)) {
        return rc_client_refuse(
            client, RINGCACHE_EINVAL, "a lock without a place for its token, or without a TTL");
    }
    uint64_t name = rc_env_random(&client->env);
    rc_number_write_hex16(holder, name);
    const ringcache_request request = {
        .op = RINGCACHE_ADD,
        .key = {key, key_len},
        .value = {holder, sizeof holder},
        .ttl_ms = ttl_ms,
    };
    struct rc_submission s = {.cb = cb, .user = user, .fleeting = true};
    int rc = rc_client_submit(client, &request, &s, NULL);
    if (rc == 0) {
        *token = name;
    }
    return rc;
}

static int change_lock(ringcache_client *client, ringcache_slice key, const struct plan *plan,
    ringcache_reply_cb cb, void *user)
{
    const ringcache_request like = {.op = RINGCACHE_SET, .key = key, .ttl_ms = plan->ttl_ms};
    int rc = rc_client_check(client, &like);
    if (rc == 0 && (cb == NULL || (plan->job == JOB_EXTEND && plan->ttl_ms < 1))) {
        rc = rc_client_refuse(client, RINGCACHE_EINVAL, "no callback, or a lock without a TTL");
    }
    const struct rc_submission s = {.cb = cb, .user = user};
    return rc < 0 ? rc : submit(client, &like, plan, &s, NULL);
}

int ringcache_lock_extend(ringcache_client *client, const void *key, size_t key_len, uint64_t token,
    int64_t ttl_ms, ringcache_reply_cb cb, void *user)
{
    const struct plan plan = {.job = JOB_EXTEND, .holder = token, .ttl_ms = ttl_ms};
    return change_lock(client, (ringcache_slice){key, key_len}, &plan, cb, user);
}

int ringcache_lock_release(ringcache_client *client, const void *key, size_t key_len,
    uint64_t token, ringcache_reply_cb cb, void *user)
{
    const struct plan plan = {.job = JOB_RELEASE, .holder = token};
    return change_lock(client, (ringcache_slice){key, key_len}, &plan, cb, user);
}

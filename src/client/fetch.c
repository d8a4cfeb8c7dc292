/* SPDX-License-Identifier: MIT */
/* Cache-aside: a flight whose steps are
 *
 *     READ ──┬─ fresh ─────────────────────────────────────────────► callers have it
 *            ├─ stale, and ours to make anew ─► callers have it ─► LOAD ─► FILL
 *            ├─ stale, and another's ──────────────────────────────► callers have it
 *            ├─ absent, and another's ──► PAUSE ──► READ
 *            ├─ absent ────────────────► LOAD ────► callers have it, FILL
 *            └─ the cache fails ───────► LOAD ────► callers have it
 *
 * With leases READ is a LEASE, or first a GET where no value is ever stale: what is there is read
 * at the price of a GET. Without, LOAD follows on a GET, and FILL is a SET.
 *
 * Callers join until the value is on its way to them. A flight that makes a stale value anew stays
 * open under another sort, RC_FLIGHT_REFRESH, so that nobody else begins to. */
#include "client/client.h"
#include "client/flight.h"
#include "ringcache/fetch.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "server/text.h"

enum {
    TIMEOUTS = 10, /* of a request, in that of a fetch */
    LEASE_MS = 3000,
    PAUSE_MS = 10, /* doubling up to */
    PAUSE_MAX_MS = 160,
};

/* What its loader has of it. */
struct ringcache_load {
    struct fetch *fetch; /* NULL once the client is closing */
};

struct fetch {
    struct rc_flight flight;
    ringcache_loader loader; /* of a caller who waits, or waited until now */
    void *user;
    struct ringcache_load *load; /* the loader's from the call of it on */
    uint32_t lease_ms, stale_ms;
    uint64_t holder;
    uint64_t cas; /* of what is to be filled in */
    uint64_t asked_ms;
    uint32_t pauses;
    bool loading;
    bool leased;   /* the server lets this client fill it in */
    bool absent;   /* when it was read there was nothing */
    char why[200]; /* "", or why nothing is to be stored */
};

static struct fetch *fetch_of(struct rc_flight *flight)
{
    return rc_container(flight, struct fetch, flight);
}

static void end(struct fetch *fetch)
{
    if (fetch->loading) {
        fetch->load->fetch = NULL; /* its loader frees it */
    } else {
        rc_free(fetch->load);
    }
    rc_flight_end(&fetch->flight);
}

/* ---- loading ---- */

/* Who comes from here on begins anew, once the lease is over; not before it is at the server, which
 * counts from some time behind the question. */
static void load(struct fetch *fetch)
{
    struct rc_flight *flight = &fetch->flight;
    struct rc_env *env = &flight->client->env;
    flight->waits_for = "no answer within the deadline: the loader has not ended";
    fetch->loading = true;
    uint64_t began_ms = fetch->leased ? fetch->asked_ms : rc_env_now_ms(env);
    rc_env_arm(env, &flight->pause, began_ms + fetch->lease_ms);
    fetch->loader(flight->client, fetch->load, fetch->user);
}

static void load_without_cache(struct fetch *fetch, struct rc_slice why)
{
    int len = why.len < sizeof fetch->why ? (int)why.len : (int)sizeof fetch->why;
    snprintf(fetch->why, sizeof fetch->why, "not stored: %.*s", len,
        len > 0 ? (const char *)why.data : "the cache failed");
    load(fetch);
}

/* ---- asking ---- */

static int ask(struct fetch *fetch, struct rc_command *command)
{
    ringcache_client *client = fetch->flight.client;
    fetch->asked_ms = rc_env_now_ms(&client->env);
    return rc_flight_ask(&fetch->flight, command, fetch->asked_ms + client->settings.timeout_ms);
}

static int ask_lease(struct fetch *fetch)
{
    struct rc_command command = {
        .verb = RC_VERB_LEASE,
        .want_cas = true,
        .lease = fetch->holder,
        .lease_ms = fetch->lease_ms,
        .stale_ms = fetch->stale_ms,
    };
    fetch->flight.overtaken = false; /* it is read behind whatever was written */
    return ask(fetch, &command);
}

static int ask_value(struct fetch *fetch)
{
    if (fetch->flight.client->settings.leases && fetch->stale_ms > 0) {
        return ask_lease(fetch);
    }
    struct rc_command command = {.verb = RC_VERB_GET, .want_ttl = fetch->stale_ms > 0};
    return ask(fetch, &command);
}

/* The end. Others may try; where a stale value is still given, not before the lease has ended. */
static void give_up(struct fetch *fetch)
{
    struct rc_command command = {
        .verb = RC_VERB_UNLEASE, .lease = fetch->holder, .cas = fetch->cas};
    bool held = fetch->leased && fetch->absent && !rc_flight_strayed(&fetch->flight);
    rc_flight_shut(&fetch->flight);
    if (!held || ask(fetch, &command) < 0) {
        end(fetch);
    }
}

/* ---- reading ---- */

/* A little longer each time, and not in step with others. */
static void put_off(struct fetch *fetch)
{
    struct rc_flight *flight = &fetch->flight;
    struct rc_env *env = &flight->client->env;
    uint32_t ms = fetch->pauses < 4 ? (uint32_t)PAUSE_MS << fetch->pauses : PAUSE_MAX_MS;
    fetch->pauses++;
    flight->waits_for = "no answer within the deadline: another client is filling the key in";
    rc_env_arm(env, &flight->pause, rc_env_now_ms(env) + ms / 2 + rc_env_random(env) % (ms / 2));
}

/* The flight of this client that makes the value anew, or NULL. */
static struct rc_flight *find_refresh(const struct fetch *fetch)
{
    const struct rc_flight *flight = &fetch->flight;
    const struct rc_flight_subject refresh = {
        RC_FLIGHT_REFRESH, flight->options, flight->key, flight->route};
    return rc_flight_find(&flight->client->reads, &refresh);
}

/* Is it this client that makes it anew, and nobody yet? */
static bool takes_refresh(struct fetch *fetch)
{
    struct rc_flight *flight = &fetch->flight;
    if (flight->overtaken || find_refresh(fetch) != NULL) {
        return false;
    }
    rc_flight_shut(flight);
    flight->sort = RC_FLIGHT_REFRESH;
    rc_flight_open(flight, &flight->client->reads);
    return true;
}

/* A value: fresh, or stale and whose to make anew? */
static void take_value(struct fetch *fetch, const struct rc_request *step)
{
    struct rc_request marked = *step;
    uint32_t *marks = &marked.result.marks;
    bool asked_lease = fetch->flight.verb == RC_VERB_LEASE;
    int64_t left_ms = step->result.ttl_ms;
    bool lasts = asked_lease || (*marks & RC_MARK_SUBSTITUTE) != 0; /* a guest's life is short */
    bool ends_soon = !lasts && left_ms > 0 && left_ms < (int64_t)fetch->stale_ms;
    bool won = (*marks & RC_MARK_WON) != 0; /* without a lease: somebody marked it as stale */
    bool may_store = fetch->leased || !fetch->flight.client->settings.leases;
    bool refreshes = (ends_soon || (won && may_store)) && takes_refresh(fetch);
    if (ends_soon || won) {
        *marks &= (uint32_t) ~(RC_MARK_WON | RC_MARK_FILLING);
        *marks |= RC_MARK_STALE | (refreshes ? RC_MARK_WON : RC_MARK_FILLING);
    }
    rc_flight_pass_on(&fetch->flight, &marked);
    if (refreshes) {
        load(fetch);
    } else {
        end(fetch);
    }
}

/* The server is not even asked. That it has no leases is a mistake to be told of; all else is a
 * cache that fails. */
static void take_refusal(struct fetch *fetch, int status)
{
    const struct rc_result result = {
        .status = status, .message = rc_slice_text(ringcache_strerror(status))};
    if (status == RINGCACHE_ENOTSUP) {
        rc_flight_tell(&fetch->flight, &result);
        end(fetch);
    } else {
        load_without_cache(fetch, result.message);
    }
}

static void take_absence(struct fetch *fetch, uint32_t marks)
{
    struct rc_flight *refresh = find_refresh(fetch);
    if (refresh != NULL && !fetch->leased) { /* it ended while this client still makes it anew */
        rc_flight_hand_over(&fetch->flight, refresh);
        end(fetch);
    } else if (fetch->leased || !fetch->flight.client->settings.leases) {
        load(fetch);
    } else if (fetch->flight.verb != RC_VERB_LEASE) {
        int rc = ask_lease(fetch);
        if (rc < 0) {
            take_refusal(fetch, rc);
        }
    } else if ((marks & RC_MARK_FILLING) != 0) {
        put_off(fetch);
    } else {
        load_without_cache(fetch, rc_slice_text("the server has no room for a lease"));
    }
}

static void take_failure(struct fetch *fetch, const struct rc_request *step)
{
    bool by_owner = (step->result.marks & RC_MARK_SUBSTITUTE) == 0;
    if (step->result.status == RINGCACHE_ENOTSUP && by_owner) {
        rc_flight_pass_on(&fetch->flight, step);
        end(fetch);
    } else {
        load_without_cache(fetch, step->result.message);
    }
}

static void read_answered(struct fetch *fetch, const struct rc_request *step)
{
    const struct rc_result *result = &step->result;
    const struct rc_operation *first = rc_flight_first(&fetch->flight);
    bool leases = fetch->flight.verb == RC_VERB_LEASE;
    fetch->leased = leases && (result->marks & RC_MARK_WON) != 0;
    fetch->absent = result->status == RINGCACHE_MISS;
    fetch->cas = result->cas;
    if (first == NULL) {
        give_up(fetch);
        return;
    }
    fetch->loader = first->loader;
    fetch->user = first->user;
    if (result->status == RINGCACHE_OK) {
        take_value(fetch, step);
    } else if (result->status == RINGCACHE_MISS) {
        take_absence(fetch, result->marks);
    } else {
        take_failure(fetch, step);
    }
}

static void answered(struct rc_flight *flight, const struct rc_request *step)
{
    struct fetch *fetch = fetch_of(flight);
    bool read = flight->verb == RC_VERB_GET || flight->verb == RC_VERB_LEASE;
    bool failed = step->result.status < 0 && flight->verb != RC_VERB_UNLEASE;
    if (flight->client->closing) {
        end(fetch);
    } else if (read) {
        read_answered(fetch, step);
    } else if (failed) {
        give_up(fetch);
    } else {
        end(fetch);
    }
}

/* Somebody waits: with the last caller a pause would have ended. No loader is called from here: the
 * wheel is being turned. */
static void due(struct rc_flight *flight)
{
    struct fetch *fetch = fetch_of(flight);
    if (fetch->loading) {
        rc_flight_shut(flight); /* the lease is over: who comes next begins anew */
        flight->overtaken = true;
    } else if (ask_lease(fetch) < 0) {
        put_off(fetch);
    }
}

static void left(struct rc_flight *flight)
{
    struct fetch *fetch = fetch_of(flight);
    bool goes_on = flight->step != 0 || (fetch->loading && !flight->client->closing);
    if (!goes_on && !rc_flight_awaited(flight)) {
        end(fetch);
    }
}

static const struct rc_flight_kind kind = {sizeof(struct fetch), answered, due, left};

/* ---- what the loader says ---- */

/* The load is over: what it was for, or NULL when that is gone. What a peer failed to write
 * meanwhile is heard while the flight can be overtaken. */
static struct fetch *take_over(ringcache_load *load)
{
    struct fetch *fetch = load->fetch;
    rc_free(load);
    if (fetch != NULL) {
        rc_client_hear(fetch->flight.client);
        fetch->load = NULL;
        fetch->loading = false;
        rc_flight_shut(&fetch->flight);
        rc_env_disarm(&fetch->flight.client->env, &fetch->flight.pause);
    }
    return fetch;
}

/* The callers end; `result` borrows nothing that outlives this call. */
static void tell(struct fetch *fetch, const struct rc_result *result)
{
    struct rc_env *env = &fetch->flight.client->env;
    struct rc_result lent = *result;
    lent.value.data = rc_text_lend(env, result->value.data, result->value.len);
    lent.message.data = rc_text_lend(env, result->message.data, result->message.len);
    if (lent.value.data == NULL || lent.message.data == NULL) {
        lent = (struct rc_result){.status = RINGCACHE_ENOMEM};
    }
    rc_flight_tell(&fetch->flight, &lent);
}

static void fill(struct fetch *fetch, struct rc_slice value, int64_t ttl_ms)
{
    const struct rc_settings *settings = &fetch->flight.client->settings;
    int64_t kept_ms = ttl_ms > 0 ? ttl_ms + (int64_t)fetch->stale_ms : 0;
    struct rc_command command = {
        .verb = fetch->leased ? RC_VERB_FILL : RC_VERB_SET,
        .value = value,
        .ttl_ms = kept_ms,
        .exptime_s = rc_client_exptime(fetch->flight.client, kept_ms),
        .lease = fetch->holder,
        .cas = fetch->leased ? fetch->cas : 0,
    };
    bool stores =
        !fetch->flight.overtaken && fetch->why[0] == '\0' && value.len <= settings->max_value_bytes;
    if (!stores || ask(fetch, &command) < 0) {
        give_up(fetch);
    }
}

static const char *why_not_stored(const struct fetch *fetch, size_t value_len)
{
    if (fetch->flight.overtaken) {
        return "not stored: the key was written meanwhile, or the lease had ended";
    }
    return value_len > fetch->flight.client->settings.max_value_bytes
               ? "not stored: the value is larger than max_value_bytes"
               : fetch->why;
}

void ringcache_load_done(ringcache_load *load, const void *value, size_t value_len, int64_t ttl_ms)
{
    struct fetch *fetch = take_over(load);
    if (fetch == NULL) {
        return;
    }
    bool valid = rc_check_ttl(ttl_ms) && (value != NULL || value_len == 0);
    const struct rc_result result = {
        .status = valid ? RINGCACHE_OK : RINGCACHE_EINVAL,
        .marks = valid ? RC_MARK_WON : 0,
        .value = valid ? rc_slice(value, value_len) : rc_slice(NULL, 0),
        .message = rc_slice_text(valid ? why_not_stored(fetch, value_len)
                                       : "the loader gave a value without bytes, or no TTL"),
    };
    tell(fetch, &result);
    if (valid) {
        fill(fetch, result.value, ttl_ms);
    } else {
        give_up(fetch);
    }
}

void ringcache_load_failed(ringcache_load *load, int status, const char *message)
{
    struct fetch *fetch = take_over(load);
    if (fetch == NULL) {
        return;
    }
    bool answer = status == RINGCACHE_MISS || status < 0;
    const struct rc_result result = {
        .status = answer ? status : RINGCACHE_ESERVER,
        .message = rc_slice_text(message != NULL ? message : ""),
    };
    tell(fetch, &result);
    give_up(fetch);
}

ringcache_slice ringcache_load_key(const ringcache_load *load)
{
    struct rc_slice key = load->fetch != NULL ? load->fetch->flight.key : rc_slice(NULL, 0);
    return (ringcache_slice){key.data, key.len};
}

/* ---- beginning ---- */

static int take_off(ringcache_client *client, const ringcache_fetch_request *request,
    const struct rc_flight_subject *subject, struct rc_flight **flight)
{
    int rc = rc_flight_new(client, &kind, subject, flight);
    if (rc < 0) {
        return rc;
    }
    struct fetch *fetch = fetch_of(*flight);
    fetch->load = rc_alloc_zeroed(1, sizeof *fetch->load);
    fetch->lease_ms = request->lease_ms > 0 ? request->lease_ms : LEASE_MS;
    fetch->stale_ms = request->stale_ms;
    fetch->holder = rc_env_random(&client->env);
    (*flight)->waits_for = "no answer within the deadline";
    rc = fetch->load == NULL ? rc_client_refuse_full(client, RINGCACHE_ENOMEM) : ask_value(fetch);
    if (rc < 0) {
        end(fetch);
        return rc;
    }
    fetch->load->fetch = fetch;
    rc_flight_open(*flight, &client->reads);
    return 0;
}

static int fetch(ringcache_client *client, const ringcache_fetch_request *request,
    const struct rc_submission *s, ringcache_id *id)
{
    const struct rc_flight_subject subject = {
        .sort = RC_FLIGHT_FETCH,
        .key = rc_slice(request->key.data, request->key.len),
        .route = rc_slice(request->route.data, request->route.len),
    };
    struct rc_operation *op;
    int rc = rc_client_begin(client, s, &op);
    if (rc < 0) {
        return rc;
    }
    struct rc_flight *flight = rc_flight_to_join(client, &subject);
    if (flight == NULL) {
        rc = take_off(client, request, &subject, &flight);
    }
    if (rc < 0) {
        rc_client_release(client, &op->request);
        return rc;
    }
    op->loader = request->loader;
    rc_flight_board(flight, op, s, id);
    return 0;
}

int ringcache_fetch_sized(ringcache_client *client, const ringcache_fetch_request *request,
    size_t request_size, ringcache_reply_cb cb, void *user, ringcache_id *id)
{
    if (client == NULL || request == NULL) {
        return RINGCACHE_EINVAL;
    }
    ringcache_fetch_request whole = {0};
    int rc = rc_client_take_struct(client, &whole, sizeof whole, request, request_size);
    const ringcache_request like = {.op = RINGCACHE_GET, .key = whole.key, .route = whole.route};
    rc = rc < 0 ? rc : rc_client_check(client, &like);
    if (rc == 0 && (cb == NULL || whole.loader == NULL)) {
        rc = rc_client_refuse(client, RINGCACHE_EINVAL, "no callback or no loader");
    }
    const struct rc_submission s = {
        .timeout_ms =
            whole.timeout_ms > 0 ? whole.timeout_ms : TIMEOUTS * client->settings.timeout_ms,
        .cb = cb,
        .user = user,
    };
    return rc < 0 ? rc : fetch(client, &whole, &s, id);
}

/* SPDX-License-Identifier: MIT */
/* One client: what goes in and comes out of it. */
#include "storm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_MAX_MS = 300 };

/* ---- answers ---- */

static void forget(struct storm_request *r)
{
    struct storm_client *c = r->client;
    struct storm_request *last = c->pending[--c->pending_count];
    last->place = r->place;
    c->pending[r->place] = last;
}

static const char *name_of(const struct storm_request *r)
{
    if (r->key != NULL) {
        return r->key->name;
    }
    if (r->lock != NULL) {
        return r->lock->name;
    }
    return r->counter != NULL ? r->counter->name : r->many != NULL ? "many" : "server";
}

static const char *op_of(const struct storm_request *r)
{
    static const char *const names[] = {"get", "set", "add", "replace", "append", "prepend", "cas",
        "delete", "touch", "get and touch", "increment", "decrement"};
    return r->slow && r->op == RINGCACHE_GET ? "fetch" : r->slow ? "update" : names[r->op];
}

/* One line of the story: who asked what, or was told what, of which key. */
static void tell(const struct storm_request *r, const char *what)
{
    const struct storm *storm = r->storm;
    if (storm->tells) {
        print_message("%" PRIu64 " client %d: %s %s %" PRIu32 ": %s\n", sim_now_ms(storm->sim),
            (int)(r->client - storm->clients), op_of(r), name_of(r), r->number, what);
    }
}

static void tell_answer(const struct storm_request *r, const ringcache_reply *reply)
{
    char value[48] = "";
    snprintf(value, sizeof value, "%.*s", (int)reply->value.len, (const char *)reply->value.data);
    tell(r, reply->message[0] != '\0' ? reply->message : ringcache_err_name(reply->status));
    if (reply->value.len > 0) {
        tell(r, value);
    }
    if ((reply->marks & RINGCACHE_STALE) != 0) {
        tell(r, "stale");
    }
}

static void judge_time(const struct storm_request *r)
{
    const struct storm *storm = r->storm;
    uint64_t now_ms = sim_now_ms(storm->sim);
    uint64_t latest_ms =
        storm->blocked_until_ms > r->deadline_ms ? storm->blocked_until_ms : r->deadline_ms;
    /* What the program kept from it, the turn of its submission included, is given to it. */
    uint64_t granted_ms = r->deadline_ms + storm->blocked_ms - r->blocked_before_ms;
    latest_ms = granted_ms > latest_ms ? granted_ms : latest_ms;
    if (now_ms > latest_ms + 1) {
        storm_fail(storm, "an answer behind its deadline", name_of(r));
    }
}

/* The ordinary answers that an operation may have, beside being done. */
static bool is_ordinary(ringcache_op op, int status)
{
    static const unsigned char ordinary[] = {
        [RINGCACHE_GET] = 1 << RINGCACHE_MISS,
        [RINGCACHE_ADD] = 1 << RINGCACHE_NOT_STORED,
        [RINGCACHE_REPLACE] = 1 << RINGCACHE_NOT_STORED,
        [RINGCACHE_APPEND] = 1 << RINGCACHE_NOT_STORED,
        [RINGCACHE_PREPEND] = 1 << RINGCACHE_NOT_STORED,
        [RINGCACHE_CAS] = 1 << RINGCACHE_EXISTS | 1 << RINGCACHE_MISS,
        [RINGCACHE_DELETE] = 1 << RINGCACHE_MISS,
        [RINGCACHE_TOUCH] = 1 << RINGCACHE_MISS,
        [RINGCACHE_GET_AND_TOUCH] = 1 << RINGCACHE_MISS,
        [RINGCACHE_INCREMENT] = 1 << RINGCACHE_MISS | 1 << RINGCACHE_NOT_STORED,
        [RINGCACHE_DECREMENT] = 1 << RINGCACHE_MISS,
    };
    return status <= RINGCACHE_EXISTS && (ordinary[op] >> status & 1) != 0;
}

/* Older memcached cannot be asked for everything, nor when a value ends. */
static bool is_beyond_classic(const struct storm_request *r)
{
    bool fetches = r->slow && r->op == RINGCACHE_GET;
    bool asks = fetches || (r->options & (RINGCACHE_WANT_TTL | RINGCACHE_WITH_INITIAL)) != 0;
    return asks && r->owner < r->storm->server_count && r->storm->servers[r->owner].classic;
}

/* Statuses of what takes several requests, and of what is worded otherwise. */
static bool is_peculiar(const struct storm_request *r, int status)
{
    if (r->slow) {
        return status == RINGCACHE_EBUSY || status == RINGCACHE_NOT_STORED ||
               status == RINGCACHE_MISS || (status == RINGCACHE_ENOTSUP && r->key->loaded) ||
               status == RINGCACHE_ENOSERVER;
    }
    if (r->lock != NULL) {
        return status == RINGCACHE_ENOSERVER || status == RINGCACHE_EBUSY;
    }
    return r->call != NULL && r->key == NULL && status == RINGCACHE_MISS;
}

static void judge_status(const struct storm_request *r, const ringcache_reply *reply)
{
    bool known =
        is_peculiar(r, reply->status) ||
        (reply->status > 0 && (r->storm->rules.lawless || is_ordinary(r->op, reply->status)));
    switch (reply->status) {
    case RINGCACHE_OK:
    case RINGCACHE_EDOWN:
    case RINGCACHE_ECONNECT:
    case RINGCACHE_ETIMEDOUT:
    case RINGCACHE_ECANCELED:
    case RINGCACHE_EPROTOCOL:
    case RINGCACHE_ESERVER:
        known = true;
        break;
    case RINGCACHE_ENOMEM:
        known = storm_starving() > 0;
        break;
    case RINGCACHE_ENOTSUP:
        known = known || is_beyond_classic(r) || r->many != NULL ||
                (reply->marks & RINGCACHE_SUBSTITUTE) != 0;
        break;
    case RINGCACHE_ENOSERVER: /* the last one left while they waited */
        known = known || r->many != NULL;
        break;
    default:
        break;
    }
    if (!known) {
        storm_fail(r->storm, ringcache_err_name(reply->status), name_of(r));
    }
}

/* A command in the caller's own words finds nothing where a get misses. */
static void judge_as_get(struct storm_request *r, const ringcache_reply *reply)
{
    bool nil = reply->data != NULL && ringcache_data_kind(reply->data) == RINGCACHE_DATA_NIL;
    ringcache_reply told = *reply;
    told.status = nil ? RINGCACHE_MISS : reply->status;
    storm_key_judge(r, &told);
}

void storm_judge(struct storm_request *r, const ringcache_reply *reply)
{
    if (r->storm->tells) {
        tell_answer(r, reply);
    }
    judge_time(r);
    judge_status(r, reply);
    storm_note_departed(r, reply->status);
    if (r->key != NULL) {
        judge_as_get(r, reply);
    } else if (r->counter != NULL) {
        storm_counter_judge(r, reply);
    } else if (r->lock != NULL) {
        storm_lock_judge(r, reply);
    } else if (r->flushed != NULL) {
        storm_flush_judge(r, reply);
    }
}

static void note_block(struct storm *storm, uint64_t ms)
{
    uint64_t now_ms = sim_now_ms(storm->sim);
    if (now_ms != storm->blocked_at_ms) {
        storm->blocked_earlier_ms = storm->blocked_ms;
        storm->blocked_at_ms = now_ms;
    }
    storm->blocked_ms += ms;
    storm->blocked_until_ms = now_ms + ms;
}

void storm_act(struct storm_client *c)
{
    struct storm *storm = c->storm;
    if (storm->calm || c->closing || storm->plan->calm_callbacks) {
        return;
    }
    switch (storm_draw(storm, 24)) {
    case 0:
    case 1:
    case 2:
    case 3:
        storm_ask(c);
        break;
    case 4:
        storm_cancel(c);
        break;
    case 5:
        if (storm->rules.members && storm_draw(storm, 8) == 0) {
            storm_change_members(storm);
        }
        break;
    case 6:
        if (storm->rules.blocks && storm_draw(storm, 16) == 0) {
            uint64_t ms = 1 + storm_draw(storm, BLOCK_MAX_MS);
            note_block(storm, ms);
            sim_block(storm->sim, ms);
        }
        break;
    case 7:
    case 8:
        if (storm->load_count > 0) {
            storm_end_load(storm, storm_draw(storm, storm->load_count));
        }
        break;
    case 9:
        if (storm->rules.early && storm_draw(storm, 64) == 0) {
            storm_client_close(c);
        }
        break;
    default:
        break;
    }
}

void storm_must_be_due(const struct storm_client *c, const ringcache_client *client, bool due)
{
    if (client != c->client || c->storm->in_call || c->closed > 0 || !due) {
        storm_fail(c->storm, "a callback inside a call, behind the end, or twice", "");
    }
}

void storm_on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct storm_request *r = user;
    struct storm_client *c = r->client;
    storm_must_be_due(c, client, c->pending[r->place] == r);
    forget(r);
    c->answered++;
    c->succeeded += reply->status >= 0;
    storm_judge(r, reply);
    free(r);
    storm_act(c);
}

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    struct storm_client *c = user;
    storm_must_be_due(c, client, !c->closing);
    storm_tell(c->storm, event->server, ringcache_event_name(event->type), event->reason);
    if (event->type == RINGCACHE_EVENT_ROOM) {
        c->room_is_owed = false;
    }
    storm_act(c);
}

static void on_close(ringcache_client *client, void *user)
{
    struct storm_client *c = user;
    storm_must_be_due(c, client, c->closing);
    if (c->many_count > 0 || c->posted != c->ran || c->lent != c->returned) {
        storm_fail(c->storm, "the client is gone, and something of it is not", "");
    }
    c->closed++;
    ringcache_client_unref(client);
    assert_int_equal(ringcache_server_remove(client, "any"), RINGCACHE_ECLOSING);
}

/* ---- the way in ---- */

struct storm_request *storm_request_new(struct storm_client *c)
{
    struct storm_request *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->storm = c->storm;
    r->client = c;
    r->past.at = c->storm->ticks;
    return r;
}

uint32_t storm_draw_timeout(struct storm *storm)
{
    bool own = !storm->calm && storm_draw(storm, 3) == 0;
    return own ? 20 + (uint32_t)storm_draw(storm, 800) : 0;
}

void storm_note_deadline(struct storm_request *r, uint32_t timeout_ms)
{
    const struct storm *storm = r->storm;
    uint64_t now_ms = sim_now_ms(storm->sim);
    r->deadline_ms = now_ms + timeout_ms;
    r->blocked_before_ms =
        storm->blocked_at_ms == now_ms ? storm->blocked_earlier_ms : storm->blocked_ms;
}

static void refused(struct storm_request *r, int rc)
{
    struct storm_client *c = r->client;
    bool asks_server = r->key == NULL && r->counter == NULL && r->lock == NULL;
    c->refused++;
    c->room_is_owed = c->room_is_owed || rc == RINGCACHE_EBUSY;
    bool known = rc == RINGCACHE_EBUSY || rc == RINGCACHE_ENOSERVER ||
                 (rc == RINGCACHE_ENOMEM && storm_starving() > 0) ||
                 (rc == RINGCACHE_EINVAL && asks_server) ||
                 (rc == RINGCACHE_ENOTSUP && is_beyond_classic(r));
    if (!known) {
        storm_fail(r->storm, "a call refused", ringcache_client_error(c->client));
    }
    if (r->key != NULL) {
        storm_key_refused(r);
    } else if (r->counter != NULL) {
        storm_counter_refused(r);
    }
    free(r->loan);
    free(r);
}

static void on_release(void *user, const void *data, size_t len)
{
    struct storm_loan *loan = user;
    struct storm_client *c = loan->client;
    storm_must_be_due(c, c->client, data == loan->bytes && len == loan->len);
    c->returned++;
    free(loan); /* a second time would be seen */
    storm_act(c);
}

void storm_lend(struct storm_request *r, ringcache_request *request)
{
    size_t len = request->value.len;
    struct storm_loan *loan = malloc(sizeof *loan + len);
    assert_non_null(loan);
    *loan = (struct storm_loan){.client = r->client, .len = len};
    memcpy(loan->bytes, request->value.data, len);
    r->loan = loan;
    request->options |= RINGCACHE_LEND_VALUE;
    request->value.data = loan->bytes;
    request->release = on_release;
    request->release_user = loan;
}

/* A get that nobody will cancel, of which nothing but the key is given. */
static bool is_bare(const struct storm_request *r, const ringcache_request *request)
{
    return request->op == RINGCACHE_GET && request->options == 0 && request->timeout_ms == 0 &&
           request->route.data == NULL && r->client->accepted % 4 != 0;
}

static int call(struct storm_request *r, const ringcache_request *request)
{
    ringcache_client *client = r->client->client;
    if (r->call != NULL) {
        return r->call(r, request);
    }
    return is_bare(r, request)
               ? ringcache_get(client, request->key.data, request->key.len, storm_on_reply, r)
               : ringcache_submit(client, request, storm_on_reply, r, &r->id);
}

void storm_submit(struct storm_request *r, const ringcache_request *request)
{
    struct storm *storm = r->storm;
    struct storm_client *c = r->client;
    if (c->pending_count == STORM_PENDING) {
        refused(r, RINGCACHE_EBUSY);
        return;
    }
    storm_note_deadline(r, request->timeout_ms > 0 ? request->timeout_ms : storm->timeout_ms);
    storm->in_call = true;
    int rc = call(r, request);
    storm->in_call = false;
    if (rc < 0) {
        refused(r, rc);
        return;
    }
    tell(r, "?");
    c->lent += r->loan != NULL;
    r->loan = NULL;
    r->place = c->pending_count;
    c->pending[c->pending_count++] = r;
    c->accepted++;
    c->requests++;
}

static void run_post(ringcache_client *client, void *user)
{
    struct storm_client *c = user;
    storm_must_be_due(c, client, c->ran < c->posted);
    c->ran++;
    storm_act(c);
}

void storm_post(struct storm_client *c)
{
    c->posted++;
    c->storm->in_call = true;
    int rc = ringcache_post(c->client, run_post, c);
    c->storm->in_call = false;
    if (rc == RINGCACHE_ENOMEM && storm_starving() > 0) {
        c->posted--;
        return;
    }
    assert_int_equal(rc, 0);
}

void storm_cancel(struct storm_client *c)
{
    if (c->pending_count == 0) {
        return;
    }
    ringcache_id id = c->pending[storm_draw(c->storm, c->pending_count)]->id;
    c->storm->in_call = true;
    int rc = ringcache_cancel(c->client, id);
    c->storm->in_call = false;
    assert_true(rc == 0 || rc == RINGCACHE_EINVAL); /* one that ended waits for its callback */
}

/* ---- beginning and end ---- */

static void transport_stays(struct rc_transport *transport)
{
    (void)transport; /* the simulator frees it */
}

void storm_client_begin(struct storm *storm, struct storm_client *c, ringcache_config *config)
{
    c->storm = storm;
    c->host = sim_client_new(storm->sim);
    int rc = rc_client_new(&c->client, sim_client_transport(c->host), transport_stays, config);
    if (rc != 0) {
        fail_msg("%s", ringcache_config_error(config));
    }
    ringcache_client_on_event(c->client, on_event, c);
    if (storm->rules.joint) {
        assert_int_equal(ringcache_client_share(c->client, storm->shared), 0);
    }
}

void storm_client_close(struct storm_client *c)
{
    c->closing = true;
    c->storm->in_call = true;
    ringcache_client_close(c->client, on_close, c);
    c->storm->in_call = false;
}

void storm_client_check_end(const struct storm_client *c)
{
    if (c->closed != 1 || c->accepted != c->answered || sim_client_streams(c->host) != 0) {
        storm_fail(c->storm, "something is left behind the end", "");
    }
}

/* SPDX-License-Identifier: MIT */
#include "storm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BLOCK_MAX_MS = 300,
    VALUE_BYTES = 65536, /* one large piece, and all the small ones there may be */
};

uint64_t storm_draw(struct storm *storm, uint64_t below)
{
    /* splitmix64: the storm's own, so that the world draws the same whatever is asked of it */
    uint64_t z = storm->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % below;
}

void storm_fail(const struct storm *storm, const char *what, const char *of)
{
    fail_msg("STORM_SEED=%" PRIu64 " at %" PRIu64 " ms: %s (%s)", storm->seed,
        world_now(storm->world), what, of);
}

void storm_tell(const struct storm *storm, const char *who, const char *what, int64_t number)
{
    if (storm->tells) {
        print_message(
            "%" PRIu64 " %s: %s %" PRId64 "\n", world_now(storm->world), who, what, number);
    }
}

/* ---- owners ---- */

size_t storm_owner_of(const struct storm *storm, ringcache_ring *ring, const char *key)
{
    size_t index = ringcache_ring_locate(ring, key, strlen(key));
    const char *name = index == RINGCACHE_NONE ? "" : ringcache_ring_server_name(ring, index);
    size_t i = 0;
    while (i < storm->server_count && strcmp(storm->servers[i].name, name) != 0) {
        i++;
    }
    return i < storm->server_count ? i : STORM_SERVERS;
}

void storm_note_owners(struct storm *storm)
{
    ringcache_ring *ring = ringcache_client_ring(storm->world->client);
    for (size_t i = 0; i < STORM_KEYS; i++) {
        size_t owner = storm_owner_of(storm, ring, storm->keys[i].name);
        if (owner != storm->keys[i].owner) {
            storm->keys[i].owner = owner;
            storm_key_begin_epoch(&storm->keys[i]);
        }
    }
    for (size_t i = 0; i < STORM_COUNTERS; i++) {
        struct storm_counter *counter = &storm->counters[i];
        if (storm_owner_of(storm, ring, counter->name) != counter->owner) {
            storm_counter_begin(storm, counter);
        }
    }
    ringcache_ring_unref(ring);
}

void storm_note_loss(struct storm *storm, const struct storm_server *server)
{
    size_t owner = (size_t)(server - storm->servers);
    for (size_t i = 0; i < STORM_KEYS; i++) {
        if (storm->keys[i].owner == owner) {
            storm_key_begin_epoch(&storm->keys[i]);
        }
    }
    for (size_t i = 0; i < STORM_COUNTERS; i++) {
        if (storm->counters[i].owner == owner) {
            storm_counter_begin(storm, &storm->counters[i]);
        }
    }
}

static void must_be_right(const struct storm *storm, const char *wrong, const char *of)
{
    if (wrong != NULL) {
        storm_fail(storm, wrong, of);
    }
}

static void check_store(const struct storm *storm, struct engine *engine)
{
    for (size_t i = 0; i < STORM_KEYS; i++) {
        const struct storm_key *key = &storm->keys[i];
        const struct store_item *item = engine_get(engine, 0, key->name);
        if (item != NULL) {
            must_be_right(storm, storm_key_wrong(key, item->value, item->value_len), key->name);
        }
    }
    for (size_t i = 0; i < STORM_COUNTERS; i++) {
        const struct storm_counter *counter = &storm->counters[i];
        const struct store_item *item = engine_get(engine, 0, counter->name);
        if (item != NULL) {
            must_be_right(storm, storm_counter_wrong(counter, item->value), counter->name);
        }
    }
}

void storm_check_stores(struct storm *storm)
{
    for (size_t i = 0; i < storm->server_count && !storm->rules.lawless; i++) {
        check_store(storm, sim_server_engine(storm->servers[i].sim));
    }
}

/* ---- answers ---- */

static void forget(struct storm_request *r)
{
    struct storm *storm = r->storm;
    struct storm_request *last = storm->pending[--storm->pending_count];
    last->place = r->place;
    storm->pending[r->place] = last;
}

static const char *name_of(const struct storm_request *r)
{
    if (r->key != NULL) {
        return r->key->name;
    }
    return r->counter != NULL ? r->counter->name : r->many != NULL ? "many" : "ping";
}

static void judge_time(const struct storm_request *r)
{
    const struct storm *storm = r->storm;
    uint64_t now_ms = world_now(storm->world);
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

/* Older memcached cannot be asked for everything. */
static bool is_beyond_classic(const struct storm_request *r)
{
    bool asks = (r->options & (RINGCACHE_WANT_TTL | RINGCACHE_WITH_INITIAL)) != 0;
    return asks && r->owner < r->storm->server_count && r->storm->servers[r->owner].classic;
}

static void judge_status(const struct storm_request *r, const ringcache_reply *reply)
{
    bool known =
        reply->status > 0 && (r->storm->rules.lawless || is_ordinary(r->op, reply->status));
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
    case RINGCACHE_ENOTSUP:
        known = is_beyond_classic(r) || r->many != NULL;
        break;
    case RINGCACHE_ENOSERVER: /* the last one left while they waited */
        known = r->many != NULL;
        break;
    default:
        break;
    }
    if (!known) {
        storm_fail(r->storm, ringcache_err_name(reply->status), name_of(r));
    }
}

void storm_judge(struct storm_request *r, const ringcache_reply *reply)
{
    storm_tell(r->storm, name_of(r),
        reply->message[0] != '\0' ? reply->message : ringcache_err_name(reply->status), r->number);
    judge_time(r);
    judge_status(r, reply);
    if (r->key != NULL) {
        storm_key_judge(r, reply);
    } else if (r->counter != NULL) {
        storm_counter_judge(r, reply);
    }
}

static void note_block(struct storm *storm, uint64_t ms)
{
    uint64_t now_ms = world_now(storm->world);
    if (now_ms != storm->blocked_at_ms) {
        storm->blocked_earlier_ms = storm->blocked_ms;
        storm->blocked_at_ms = now_ms;
    }
    storm->blocked_ms += ms;
    storm->blocked_until_ms = now_ms + ms;
}

void storm_act(struct storm *storm)
{
    if (storm->calm || storm->closing) {
        return;
    }
    switch (storm_draw(storm, 24)) {
    case 0:
    case 1:
    case 2:
    case 3:
        storm_ask(storm);
        break;
    case 4:
        storm_cancel(storm);
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
            sim_block(storm->world->sim, ms);
        }
        break;
    default:
        break;
    }
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct storm_request *r = user;
    struct storm *storm = r->storm;
    assert_ptr_equal(client, storm->world->client);
    if (storm->in_call || storm->closed > 0 || storm->pending[r->place] != r) {
        storm_fail(storm, "a callback inside a call, behind the end, or twice", "");
    }
    forget(r);
    storm->answered++;
    storm->succeeded += reply->status >= 0;
    storm_judge(r, reply);
    free(r);
    storm_act(storm);
}

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    struct storm *storm = user;
    assert_ptr_equal(client, storm->world->client);
    if (storm->in_call || storm->closed > 0 || storm->closing) {
        storm_fail(storm, "an event inside a call or behind the end", event->text);
    }
    storm_tell(storm, event->server, ringcache_event_name(event->type), event->reason);
    if (event->type == RINGCACHE_EVENT_ROOM) {
        storm->room_is_owed = false;
    }
    storm_act(storm);
}

static void on_close(ringcache_client *client, void *user)
{
    struct storm *storm = user;
    assert_ptr_equal(client, storm->world->client);
    if (storm->in_call || storm->many_count > 0 || storm->posted != storm->ran ||
        storm->lent != storm->returned) {
        storm_fail(storm, "the client is gone, and something of it is not", "");
    }
    storm->closed++;
    ringcache_client_unref(client);
    assert_int_equal(ringcache_server_remove(client, "any"), RINGCACHE_ECLOSING);
}

/* ---- the way in ---- */

struct storm_request *storm_request_new(struct storm *storm)
{
    struct storm_request *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->storm = storm;
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
    uint64_t now_ms = world_now(storm->world);
    r->deadline_ms = now_ms + timeout_ms;
    r->blocked_before_ms =
        storm->blocked_at_ms == now_ms ? storm->blocked_earlier_ms : storm->blocked_ms;
}

static void refused(struct storm_request *r, int rc)
{
    struct storm *storm = r->storm;
    bool pings = r->key == NULL && r->counter == NULL;
    storm->refused++;
    storm->room_is_owed = storm->room_is_owed || rc == RINGCACHE_EBUSY;
    bool known = rc == RINGCACHE_EBUSY || rc == RINGCACHE_ENOSERVER ||
                 (rc == RINGCACHE_EINVAL && pings) ||
                 (rc == RINGCACHE_ENOTSUP && is_beyond_classic(r));
    if (!known) {
        storm_fail(storm, "a call refused", ringcache_client_error(storm->world->client));
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
    struct storm *storm = loan->storm;
    if (storm->in_call || storm->closed > 0 || data != loan->bytes || len != loan->len) {
        storm_fail(storm, "a value given back inside a call, behind the end, or another one", "");
    }
    storm->returned++;
    free(loan); /* a second time would be seen */
    storm_act(storm);
}

void storm_lend(struct storm_request *r, ringcache_request *request)
{
    size_t len = request->value.len;
    struct storm_loan *loan = malloc(sizeof *loan + len);
    assert_non_null(loan);
    *loan = (struct storm_loan){.storm = r->storm, .len = len};
    memcpy(loan->bytes, request->value.data, len);
    r->loan = loan;
    request->options |= RINGCACHE_LEND_VALUE;
    request->value.data = loan->bytes;
    request->release = on_release;
    request->release_user = loan;
}

void storm_submit(struct storm *storm, struct storm_request *r, const ringcache_request *request)
{
    bool pings = r->key == NULL && r->counter == NULL;
    if (storm->pending_count == STORM_PENDING) {
        refused(r, RINGCACHE_EBUSY);
        return;
    }
    storm_note_deadline(r, request->timeout_ms > 0 ? request->timeout_ms : storm->timeout_ms);
    storm->in_call = true;
    int rc = pings ? ringcache_ping(storm->world->client,
                         storm->servers[storm_draw(storm, storm->server_count)].name, on_reply, r)
                   : ringcache_submit(storm->world->client, request, on_reply, r, &r->id);
    storm->in_call = false;
    if (rc < 0) {
        refused(r, rc);
        return;
    }
    storm->lent += r->loan != NULL;
    r->loan = NULL;
    r->place = storm->pending_count;
    storm->pending[storm->pending_count++] = r;
    storm->accepted++;
}

void storm_close(struct storm *storm)
{
    storm->closing = true;
    storm->in_call = true;
    ringcache_client_close(storm->world->client, on_close, storm);
    storm->in_call = false;
}

/* ---- beginning and end ---- */

static void add_server(struct storm *storm, bool named)
{
    struct storm_server *server = &storm->servers[storm->server_count];
    uint16_t port = (uint16_t)(11000 + storm->server_count);
    uint64_t kind = storm_draw(storm, 5);
    server->redis = kind < 2;
    server->classic = kind == 2;
    char host[16] = "10.0.0.1";
    if (named) {
        snprintf(host, sizeof host, "cache%zu", storm->server_count);
        memcpy(server->host, host, sizeof host);
        sim_dns_set(storm->world->sim, host, "10.0.0.1");
    }
    snprintf(server->name, sizeof server->name, "%s:%u", host, port);
    snprintf(server->uri, sizeof server->uri, "%s://%s:%u", server->redis ? "redis" : "memcached",
        host, port);
    world_option(storm->world, "server", server->uri);
    server->sim = sim_server_add(
        storm->world->sim, "10.0.0.1", port, server->redis ? ENGINE_REDIS : ENGINE_MEMCACHED);
    if (server->classic) {
        engine_set_version(sim_server_engine(server->sim), "1.5.6");
    }
    storm->server_count++;
}

static void set_number(struct storm *storm, const char *option, uint64_t from, uint64_t to)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, from + storm_draw(storm, to - from + 1));
    world_option(storm->world, option, text);
}

static void draw_rules(struct storm *storm)
{
    struct storm_rules *rules = &storm->rules;
    rules->fury = 5 + storm_draw(storm, 30);
    rules->lawless = storm_draw(storm, 8) == 0;
    rules->corrupt = storm_draw(storm, 2) == 0;
    rules->strict = storm_draw(storm, 2) == 0;
    rules->unproven = rules->lawless || storm_draw(storm, 8) == 0;
    rules->blocks = storm_draw(storm, 4) == 0;
    rules->members = storm_draw(storm, 2) == 0;
    rules->early = storm_draw(storm, 4) == 0;
}

struct storm *storm_new(uint64_t seed)
{
    struct storm *storm = calloc(1, sizeof *storm);
    assert_non_null(storm);
    storm->seed = storm->random = seed;
    storm->tells = getenv("STORM_TELL") != NULL;
    storm->world = world_new(seed);
    draw_rules(storm);
    for (uint64_t left = 2 + storm_draw(storm, STORM_SERVERS - 1); left > 0; left--) {
        add_server(storm, storm_draw(storm, 3) == 0);
    }
    storm->timeout_ms = 50 + (uint32_t)storm_draw(storm, 350);
    set_number(storm, "timeout_ms", storm->timeout_ms, storm->timeout_ms);
    set_number(storm, "connect_timeout_ms", 100, 600);
    set_number(storm, "connections", 1, 3);
    set_number(storm, "max_inflight", 2, 64);
    set_number(storm, "max_queued_bytes", 65536, 300000);
    set_number(storm, "max_value_bytes", VALUE_BYTES, VALUE_BYTES);
    world_option(storm->world, "integrity", storm->rules.strict ? "strict" : "auto");
    world_option(storm->world, "single_flight", storm_draw(storm, 2) == 0 ? "yes" : "no");
    world_option(storm->world, "leases", storm_draw(storm, 2) == 0 ? "yes" : "no");
    world_begin(storm->world);
    ringcache_client_on_event(storm->world->client, on_event, storm);
    for (size_t i = 0; i < STORM_KEYS; i++) {
        snprintf(storm->keys[i].name, sizeof storm->keys[i].name, "key%zu", i);
        storm->keys[i].epoch = 1;
    }
    for (size_t i = 0; i < STORM_COUNTERS; i++) {
        storm_counter_begin(storm, &storm->counters[i]);
    }
    storm_note_owners(storm);
    return storm;
}

void storm_free(struct storm *storm)
{
    assert_true(sim_run_idle(storm->world->sim, 5000));
    if (storm->closed != 1 || storm->accepted != storm->answered ||
        sim_client_streams(storm->world->host) != 0) {
        storm_fail(storm, "something is left behind the end", "");
    }
    storm->world->closed = 1;
    world_end(storm->world);
    free(storm);
}

/* SPDX-License-Identifier: MIT */
#include "storm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { VALUE_MAX = 30000, BLOCK_MAX_MS = 300 };

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

/* ---- the history of a key ---- */

static size_t owner_of(const struct storm *storm, ringcache_ring *ring, const char *key)
{
    size_t index = ringcache_ring_locate(ring, key, strlen(key));
    const char *name = index == RINGCACHE_NONE ? "" : ringcache_ring_server_name(ring, index);
    size_t i = 0;
    while (i < storm->server_count && strcmp(storm->servers[i].name, name) != 0) {
        i++;
    }
    return i < storm->server_count ? i : STORM_SERVERS;
}

static void begin_epoch(struct storm_key *key)
{
    key->epoch++;
    key->floor = 0;
}

void storm_note_owners(struct storm *storm)
{
    ringcache_ring *ring = ringcache_client_ring(storm->world->client);
    for (size_t i = 0; i < STORM_KEYS; i++) {
        size_t owner = owner_of(storm, ring, storm->keys[i].name);
        if (owner != storm->keys[i].owner) {
            storm->keys[i].owner = owner;
            begin_epoch(&storm->keys[i]);
        }
    }
    ringcache_ring_unref(ring);
}

void storm_note_loss(struct storm *storm, const struct storm_server *server)
{
    for (size_t i = 0; i < STORM_KEYS; i++) {
        if (storm->keys[i].owner == (size_t)(server - storm->servers)) {
            begin_epoch(&storm->keys[i]);
        }
    }
}

/* A value is "<key>:<number>:" and filling. */
static size_t make_value(struct storm *storm, const struct storm_key *key, char *value)
{
    size_t len = storm_draw(storm, 20) == 0 ? storm_draw(storm, VALUE_MAX) : storm_draw(storm, 30);
    int head = sprintf(value, "%s:%" PRIu32 ":", key->name, key->written);
    memset(value + head, '.', len);
    return (size_t)head + len;
}

/* The number in a value of `key`; 0 when it is none. */
static uint32_t number_of(const struct storm_key *key, const char *value, size_t len)
{
    char head[40];
    size_t key_len = strlen(key->name);
    snprintf(head, sizeof head, "%.*s", (int)(len < 30 ? len : 30), value);
    if (strncmp(head, key->name, key_len) != 0 || head[key_len] != ':') {
        return 0;
    }
    unsigned long number = strtoul(head + key_len + 1, NULL, 10);
    return number <= key->written ? (uint32_t)number : 0;
}

static void judge_hit(const struct storm_request *r, const ringcache_reply *reply)
{
    const struct storm *storm = r->storm;
    uint32_t number = number_of(r->key, reply->value.data, reply->value.len);
    if (number == 0 || r->key->writes[number].removes) {
        storm_fail(storm, "a value that was never written under this key", r->key->name);
    }
    if (r->key->writes[number].fate == STORM_DENIED) {
        storm_fail(storm, "a write said to be not applied was read", r->key->name);
    }
    if (r->epoch == r->key->epoch && number < r->floor) {
        storm_fail(storm, "an older value than the last acknowledged write", r->key->name);
    }
}

static void judge_miss(const struct storm_request *r)
{
    const struct storm_key *key = r->key;
    if (r->epoch != key->epoch || r->floor == 0 || key->writes[r->floor].removes) {
        return;
    }
    for (uint32_t n = r->floor + 1; n <= key->written; n++) {
        if (key->writes[n].removes && key->writes[n].fate != STORM_DENIED) {
            return;
        }
    }
    storm_fail(r->storm, "an acknowledged write is missing", key->name);
}

static void judge_read(const struct storm_request *r, const ringcache_reply *reply)
{
    if (r->storm->rules.lawless) {
        return;
    }
    if (reply->status == RINGCACHE_OK) {
        judge_hit(r, reply);
    } else if (reply->status == RINGCACHE_MISS) {
        judge_miss(r);
    }
}

void storm_check_stores(struct storm *storm)
{
    for (size_t i = 0; i < storm->server_count * STORM_KEYS; i++) {
        const struct storm_key *key = &storm->keys[i % STORM_KEYS];
        const struct store_item *item =
            engine_get(sim_server_engine(storm->servers[i / STORM_KEYS].sim), 0, key->name);
        uint32_t number = item != NULL ? number_of(key, item->value, item->value_len) : 0;
        if (number > 0 && key->writes[number].fate == STORM_DENIED && !storm->rules.lawless) {
            storm_fail(storm, "a write said to be not applied is stored", key->name);
        }
    }
}

static void judge_write(struct storm_request *r, const ringcache_reply *reply)
{
    struct storm_write *write = &r->key->writes[r->number];
    bool done = reply->status == RINGCACHE_OK ||
                (reply->status == RINGCACHE_MISS && r->op == RINGCACHE_DELETE);
    if (done) {
        write->fate = STORM_DONE;
        if (write->epoch == r->key->epoch && r->number > r->key->floor) {
            r->key->floor = r->number;
        }
        return;
    }
    write->fate = reply->maybe_applied ? STORM_DOUBTFUL : STORM_DENIED;
    if (reply->status > 0) {
        storm_fail(r->storm, "no answer to a write", ringcache_err_name(reply->status));
    }
    storm_check_stores(r->storm);
}

/* ---- answers ---- */

static void forget(struct storm_request *r)
{
    struct storm *storm = r->storm;
    struct storm_request *last = storm->pending[--storm->pending_count];
    last->place = r->place;
    storm->pending[r->place] = last;
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
        storm_fail(storm, "an answer behind its deadline", r->key != NULL ? r->key->name : "ping");
    }
}

static void judge_status(const struct storm *storm, int status)
{
    switch (status) {
    case RINGCACHE_OK:
    case RINGCACHE_MISS:
    case RINGCACHE_EDOWN:
    case RINGCACHE_ECONNECT:
    case RINGCACHE_ETIMEDOUT:
    case RINGCACHE_ECANCELED:
    case RINGCACHE_EPROTOCOL:
    case RINGCACHE_ESERVER:
        return;
    default:
        storm_fail(storm, "an answer that no fault here leads to", ringcache_err_name(status));
    }
}

/* What a callback does besides. */
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

static void act_in_callback(struct storm *storm)
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
    storm_tell(storm, r->key != NULL ? r->key->name : "ping",
        reply->message[0] != '\0' ? reply->message : ringcache_err_name(reply->status), r->number);
    storm->answered++;
    storm->succeeded += reply->status >= 0;
    judge_time(r);
    judge_status(storm, reply->status);
    if (r->key != NULL && r->op == RINGCACHE_GET) {
        judge_read(r, reply);
    } else if (r->key != NULL) {
        judge_write(r, reply);
    }
    free(r);
    act_in_callback(storm);
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
    act_in_callback(storm);
}

static void on_close(ringcache_client *client, void *user)
{
    struct storm *storm = user;
    assert_ptr_equal(client, storm->world->client);
    assert_false(storm->in_call);
    storm->closed++;
    ringcache_client_unref(client);
    assert_int_equal(ringcache_server_remove(client, "any"), RINGCACHE_ECLOSING);
}

/* ---- moves ---- */

static void submit(struct storm *storm, struct storm_request *r, const ringcache_request *request)
{
    if (storm->pending_count == STORM_PENDING) {
        free(r);
        return;
    }
    uint32_t timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : storm->timeout_ms;
    r->deadline_ms = world_now(storm->world) + timeout_ms;
    r->blocked_before_ms = storm->blocked_at_ms == world_now(storm->world)
                               ? storm->blocked_earlier_ms
                               : storm->blocked_ms;
    storm->in_call = true;
    int rc = r->key == NULL
                 ? ringcache_ping(storm->world->client,
                       storm->servers[storm_draw(storm, storm->server_count)].name, on_reply, r)
                 : ringcache_submit(storm->world->client, request, on_reply, r, &r->id);
    storm->in_call = false;
    if (rc == 0) {
        r->place = storm->pending_count;
        storm->pending[storm->pending_count++] = r;
        storm->accepted++;
        return;
    }
    storm->refused++;
    storm->room_is_owed = storm->room_is_owed || rc == RINGCACHE_EBUSY;
    bool known = rc == RINGCACHE_EBUSY || rc == RINGCACHE_ENOSERVER ||
                 (rc == RINGCACHE_EINVAL && r->key == NULL);
    if (!known) {
        storm_fail(storm, "a call refused", ringcache_client_error(storm->world->client));
    }
    if (r->number > 0) {
        r->key->writes[r->number].fate = STORM_DENIED;
    }
    free(r);
}

static struct storm_request *new_request(
    struct storm *storm, struct storm_key *key, ringcache_op op)
{
    struct storm_request *r = calloc(1, sizeof *r);
    assert_non_null(r);
    *r = (struct storm_request){.storm = storm, .key = key, .op = op};
    return r;
}

void storm_ask_key(struct storm *storm, struct storm_key *key, ringcache_op op)
{
    static char value[VALUE_MAX + 64];
    struct storm_request *r = new_request(storm, key, op);
    ringcache_request request = {.op = op, .key = {key->name, strlen(key->name)}};
    if (!storm->calm && storm_draw(storm, 3) == 0) {
        request.timeout_ms = 20 + (uint32_t)storm_draw(storm, 800);
    }
    if (op != RINGCACHE_GET) {
        r->number = ++key->written;
        key->writes[r->number] =
            (struct storm_write){.epoch = key->epoch, .removes = op == RINGCACHE_DELETE};
    } else {
        r->floor = key->floor;
        r->epoch = key->epoch;
    }
    if (op == RINGCACHE_SET) {
        request.value = (ringcache_slice){value, make_value(storm, key, value)};
    }
    submit(storm, r, &request);
}

void storm_ask(struct storm *storm)
{
    struct storm_key *key = &storm->keys[storm_draw(storm, STORM_KEYS)];
    uint64_t dice = storm_draw(storm, 20);
    if (dice == 0) {
        static const ringcache_request none;
        submit(storm, new_request(storm, NULL, RINGCACHE_GET), &none);
    } else if (dice < 10 || key->written == STORM_WRITES) {
        storm_ask_key(storm, key, RINGCACHE_GET);
    } else {
        storm_ask_key(storm, key, dice < 18 ? RINGCACHE_SET : RINGCACHE_DELETE);
    }
}

void storm_cancel(struct storm *storm)
{
    if (storm->pending_count == 0) {
        return;
    }
    ringcache_id id = storm->pending[storm_draw(storm, storm->pending_count)]->id;
    storm->in_call = true;
    int rc = ringcache_cancel(storm->world->client, id);
    storm->in_call = false;
    assert_true(rc == 0 || rc == RINGCACHE_EINVAL); /* one that ended waits for its callback */
}

/* The servers of one random subset, in a random order. */
static int replace_all(struct storm *storm)
{
    ringcache_config *config;
    assert_int_equal(ringcache_config_new(&config), 0);
    size_t first = storm_draw(storm, storm->server_count);
    size_t count = storm_draw(storm, storm->server_count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct storm_server *server = &storm->servers[(first + i) % storm->server_count];
        assert_int_equal(ringcache_config_add_server(config, server->uri), 0);
    }
    int rc = ringcache_servers_replace(storm->world->client, config);
    ringcache_config_free(config);
    return rc;
}

void storm_change_members(struct storm *storm)
{
    ringcache_client *client = storm->world->client;
    const struct storm_server *server = &storm->servers[storm_draw(storm, storm->server_count)];
    int rc = 0;
    storm->in_call = true;
    switch (storm_draw(storm, 8)) {
    case 0:
    case 1:
        rc = ringcache_server_remove(client, server->name);
        break;
    case 2:
        rc = ringcache_server_weight(client, server->name, 1 + (uint32_t)storm_draw(storm, 3));
        break;
    case 3:
        rc = replace_all(storm);
        break;
    default:
        rc = ringcache_server_add(client, server->uri);
        break;
    }
    storm->in_call = false;
    assert_true(rc == 0 || rc == RINGCACHE_EINVAL || rc == RINGCACHE_ECONFIG);
    storm_note_owners(storm);
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
    server->redis = storm_draw(storm, 2) == 0;
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
    set_number(storm, "max_value_bytes", VALUE_MAX + 64, VALUE_MAX + 64);
    /* Redis has no token in a reply of its own: a corrupt one is noticed with strict alone. */
    bool strict = (storm->rules.corrupt && !storm->rules.lawless) || storm_draw(storm, 3) == 0;
    world_option(storm->world, "integrity", strict ? "strict" : "auto");
    world_begin(storm->world);
    ringcache_client_on_event(storm->world->client, on_event, storm);
    for (size_t i = 0; i < STORM_KEYS; i++) {
        snprintf(storm->keys[i].name, sizeof storm->keys[i].name, "key%zu", i);
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

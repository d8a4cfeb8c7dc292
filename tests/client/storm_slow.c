/* SPDX-License-Identifier: MIT */
/* What takes several requests: updates, which put a piece of their own into what they find, and
 * fetches, whose loaders answer now, later, never, or fail. */
#include "storm.h"

#include <stdlib.h>

#include "ringcache/fetch.h"
#include "ringcache/update.h"

enum { SEEN_MAX = 4000, FETCH_TIMEOUTS = 10, LOADED_MS = 2000, STALE_MS = 4000 };

/* ---- updates ---- */

static int change_to(struct storm_request *r, const ringcache_reply *now, ringcache_change *change)
{
    struct storm *storm = r->storm;
    char value[SEEN_MAX + 100];
    size_t seen = r->op == RINGCACHE_APPEND ? now->value.len : 0;
    if (r->op == RINGCACHE_DELETE) {
        return ringcache_change_delete(change);
    }
    if (r->op == RINGCACHE_APPEND && (now->status == RINGCACHE_MISS || seen > SEEN_MAX)) {
        return 0; /* it stays as it is */
    }
    if (seen > 0) {
        memcpy(value, now->value.data, seen);
    }
    ringcache_slice piece = storm_key_piece(storm, r->key, r->number);
    memcpy(value + seen, piece.data, piece.len);
    return ringcache_change_store(change, value, seen + piece.len, 0);
}

static void change(
    ringcache_client *client, const ringcache_reply *now, ringcache_change *change, void *user)
{
    struct storm_request *r = user;
    struct storm_client *c = r->client;
    storm_must_be_due(c, client, c->pending[r->place] == r);
    storm_key_judge_seen(r, now);
    c->storm->in_call = true;
    change_to(r, now, change); /* what is refused is how the update ends */
    c->storm->in_call = false;
    storm_act(c);
}

static int call_update(struct storm_request *r, const ringcache_request *request)
{
    return ringcache_update(r->client->client, request, change, storm_on_reply, r, &r->id);
}

void storm_update(struct storm_client *c, struct storm_key *key)
{
    static const ringcache_op ops[] = {
        RINGCACHE_SET, RINGCACHE_APPEND, RINGCACHE_APPEND, RINGCACHE_DELETE};
    struct storm *storm = c->storm;
    if (key->written == STORM_WRITES) {
        return;
    }
    struct storm_request *r = storm_request_new(c);
    storm_key_note(r, key);
    storm_share_past(r);
    r->call = call_update;
    r->slow = true;
    r->op = ops[storm_draw(storm, 4)];
    r->number = storm_key_begin_write(c, key, r->op);
    key->writes[r->number].slow = true;
    if (r->op != RINGCACHE_DELETE) {
        storm_key_draw_piece(storm, key, r->number, false);
    }
    const ringcache_request request = {
        .key = {key->name, strlen(key->name)}, .timeout_ms = storm_draw_timeout(storm)};
    storm_submit(r, &request);
}

/* ---- fetches ---- */

void storm_end_load(struct storm *storm, size_t which)
{
    struct storm_load l = storm->loads[which];
    storm->loads[which] = storm->loads[--storm->load_count];
    if (!storm->calm && storm_draw(storm, 6) == 0) {
        l.key->writes[l.number].fate = STORM_DENIED;
        ringcache_load_failed(
            l.load, storm_draw(storm, 2) == 0 ? RINGCACHE_MISS : RINGCACHE_ESERVER, "no luck");
    } else {
        ringcache_slice value = storm_key_piece(storm, l.key, l.number);
        bool fleeting = !storm->calm && storm_draw(storm, 3) == 0;
        l.key->writes[l.number].fleeting = fleeting;
        ringcache_load_done(l.load, value.data, value.len,
            fleeting ? 1 + (int64_t)storm_draw(storm, LOADED_MS) : 0);
    }
}

/* `user` is the fetch that has waited longest. */
static void loader(ringcache_client *client, ringcache_load *load, void *user)
{
    struct storm_request *r = user;
    struct storm_client *c = r->client;
    struct storm *storm = c->storm;
    struct storm_key *key = r->key;
    storm_must_be_due(c, client, c->pending[r->place] == r);
    if (storm->load_count == STORM_LOADS || key->written == STORM_WRITES) {
        ringcache_load_failed(load, RINGCACHE_MISS, NULL);
        return;
    }
    uint32_t number = storm_key_begin_write(c, key, RINGCACHE_SET);
    key->writes[number].loaded = true;
    storm_key_draw_piece(storm, key, number, storm_draw(storm, 30) == 0);
    size_t place = storm->load_count++;
    storm->loads[place] = (struct storm_load){c, key, number, load};
    if (storm->calm || storm_draw(storm, 3) == 0) {
        storm_end_load(storm, place);
    }
    storm_act(c);
}

static int call_fetch(struct storm_request *r, const ringcache_request *request)
{
    struct storm *storm = r->storm;
    const ringcache_fetch_request fetch = {
        .key = request->key,
        .loader = loader,
        .timeout_ms = request->timeout_ms,
        .lease_ms = storm_draw(storm, 2) == 0 ? 0 : 1 + (uint32_t)storm_draw(storm, 2000),
        .stale_ms = storm_draw(storm, 2) == 0 ? 0 : 1 + (uint32_t)storm_draw(storm, STALE_MS),
    };
    return ringcache_fetch(r->client->client, &fetch, storm_on_reply, r, &r->id);
}

/* Of what other clients wrote it may know as little as the one it waits with. */
static void forget_others(struct storm_request *r)
{
    unsigned own = (unsigned)(r->client - r->storm->clients);
    uint32_t floor = r->past.floors[own];
    r->past = (struct storm_past){.at = 0};
    r->past.floors[own] = floor;
}

void storm_fetch(struct storm_client *c, struct storm_key *key)
{
    struct storm *storm = c->storm;
    struct storm_request *r = storm_request_new(c);
    uint32_t timeout_ms = storm_draw_timeout(storm);
    storm_key_note(r, key);
    forget_others(r);
    r->call = call_fetch;
    r->slow = true;
    const ringcache_request request = {.key = {key->name, strlen(key->name)},
        .timeout_ms = timeout_ms > 0 ? timeout_ms : FETCH_TIMEOUTS * storm->timeout_ms};
    storm_submit(r, &request);
}

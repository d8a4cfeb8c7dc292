/* SPDX-License-Identifier: MIT */
/* Locks: nobody takes one that is held, and one that is held can be extended. What a taking that
 * failed may have left is released by its token. */
#include "storm.h"

#include <stdlib.h>

#include "ringcache/update.h"

enum { LOCK_MS = 3600000 };

static int call_lock(struct storm_request *r, const ringcache_request *request)
{
    return ringcache_lock(r->client->client, request->key.data, request->key.len, LOCK_MS,
        &r->token, storm_on_reply, r);
}

static int call_extend(struct storm_request *r, const ringcache_request *request)
{
    return ringcache_lock_extend(r->client->client, request->key.data, request->key.len, r->token,
        LOCK_MS, storm_on_reply, r);
}

static int call_release(struct storm_request *r, const ringcache_request *request)
{
    return ringcache_lock_release(
        r->client->client, request->key.data, request->key.len, r->token, storm_on_reply, r);
}

static void submit(struct storm_client *c, struct storm_lock *lock,
    int (*call)(struct storm_request *, const ringcache_request *), uint64_t token)
{
    struct storm_request *r = storm_request_new(c);
    const ringcache_request request = {.key = {lock->name, strlen(lock->name)}};
    r->lock = lock;
    r->call = call;
    r->token = token;
    r->owner = lock->owner;
    r->epoch = lock->epoch;
    r->op = call == call_lock ? RINGCACHE_ADD : RINGCACHE_CAS; /* their answers are those */
    storm_submit(r, &request);
}

void storm_ask_lock(struct storm_client *c, struct storm_lock *lock)
{
    struct storm *storm = c->storm;
    bool mine = lock->held && lock->by == (unsigned)(c - storm->clients);
    uint64_t dice = storm_draw(storm, 3);
    if (mine && dice == 0) {
        lock->held = false;
        submit(c, lock, call_release, lock->token);
    } else if (mine && dice == 1) {
        submit(c, lock, call_extend, lock->token);
    } else {
        submit(c, lock, call_lock, 0);
    }
}

void storm_lock_begin_epoch(struct storm_lock *lock)
{
    lock->epoch++;
    lock->held = false;
}

static void judge_taken(struct storm_request *r)
{
    struct storm_lock *lock = r->lock;
    if (r->epoch != lock->epoch) {
        return;
    }
    if (lock->held && !r->storm->rules.lawless && !storm_may_overflow(r->storm)) {
        storm_fail(r->storm, "two hold a lock", lock->name);
    }
    lock->held = true;
    lock->by = (unsigned)(r->client - r->storm->clients);
    lock->token = r->token;
}

void storm_lock_judge(struct storm_request *r, const ringcache_reply *reply)
{
    const struct storm_lock *lock = r->lock;
    if (r->call == call_lock && reply->status == RINGCACHE_OK) {
        judge_taken(r);
    } else if (r->call == call_lock && reply->maybe_applied && !r->client->closing) {
        submit(r->client, r->lock, call_release, r->token);
    }
    bool held = lock->held && lock->token == r->token && lock->epoch == r->epoch;
    if (r->call == call_extend && held && reply->status > 0 && !r->storm->rules.lawless &&
        !storm_may_overflow(r->storm)) {
        storm_fail(r->storm, "a lock that is held was not found", lock->name);
    }
}

/* SPDX-License-Identifier: MIT */
/* What is asked in a squall, and how its answers are judged. */
#include "squall.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ringcache/fetch.h"
#include "ringcache/update.h"

uint64_t squall_draw(struct squall *s, uint64_t below)
{
    s->random = s->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (s->random >> 33) % below;
}

static void broken(const struct squall *s, const char *what)
{
    fail_msg("seed %" PRIu64 ", %" PRIu64 " ms: %s", s->seed, sim_now_ms(s->sim), what);
}

void squall_must(const struct squall *s, bool holds, const char *what)
{
    if (!holds) {
        broken(s, what);
    }
}

/* Inside of a callback. */
static void react(struct squall *s)
{
    if (s->rules.blocks && !s->calm && squall_draw(s, 60) == 0) {
        sim_block(s->sim, 1 + squall_draw(s, 200));
    }
    if (squall_draw(s, 4) == 0) {
        squall_act(s);
    }
}

static struct squall *the_squall; /* whose user a loader has, may be gone */

void squall_begin(struct squall *s)
{
    the_squall = s;
}

static struct peer *peer_of(struct squall *s, const ringcache_client *client)
{
    for (unsigned i = 0; i < s->rules.clients; i++) {
        if (s->peers[i].client == client) {
            return &s->peers[i];
        }
    }
    broken(s, "an unknown client");
    return NULL;
}

/* ---- loads ---- */

void squall_end_load(struct squall *s, size_t which)
{
    struct load l = s->loads[which];
    char value[32];
    s->loads[which] = s->loads[--s->load_count];
    int len = snprintf(value, sizeof value, "%u:%u", l.key, l.version);
    if (!s->calm && squall_draw(s, 6) == 0) {
        ringcache_load_failed(
            l.load, squall_draw(s, 2) ? RINGCACHE_MISS : RINGCACHE_ESERVER, "no luck");
    } else {
        ringcache_load_done(l.load, value, (size_t)len,
            s->rules.stale_ms > 0 ? 1 + (int64_t)squall_draw(s, 3000) : 0);
    }
}

static void end_some_load(struct squall *s)
{
    if (s->load_count > 0) {
        squall_end_load(s, squall_draw(s, s->load_count));
    }
}

static void loader(ringcache_client *client, ringcache_load *load, void *user)
{
    (void)user; /* of a fetch that may have ended since */
    struct squall *s = the_squall;
    struct peer *peer = peer_of(s, client);
    ringcache_slice key = ringcache_load_key(load);
    squall_must(s, peer->closed == 0 && !s->in_call, "a loader out of place");
    squall_must(s, key.len == 2, "the key of a load");
    unsigned number = (unsigned)(((const char *)key.data)[1] - '0');
    squall_must(s, s->load_count < LOADS, "too many loads");
    s->loads[s->load_count++] = (struct load){peer, load, number, s->truth[number]};
    react(s);
    if (s->calm || squall_draw(s, 3) == 0) {
        for (size_t i = 0; i < s->load_count; i++) {
            if (s->loads[i].load == load) {
                squall_end_load(s, i);
                return;
            }
        }
    }
}

/* ---- judging ---- */

/* How often each letter stands in a value. */
static void count_letters(const struct squall *s, struct rc_slice value, unsigned counts[LETTERS])
{
    memset(counts, 0, LETTERS * sizeof *counts);
    for (size_t i = 0; i < value.len; i += LETTER_BYTES) {
        uint64_t number = strtoul((const char *)value.data + i, NULL, 16);
        squall_must(
            s, i + LETTER_BYTES <= value.len && number < LETTERS, "a value that nobody wrote");
        counts[number]++;
    }
}

bool squall_exact(const struct squall *s)
{
    return !s->rules.members;
}

static void judge_update(struct squall *s, const struct ask *ask, const ringcache_reply *reply)
{
    bool written = reply->status == RINGCACHE_OK;
    squall_must(
        s, reply->status <= 0 || reply->status == RINGCACHE_NOT_STORED, "an update's status");
    s->letters[ask->key][ask->number] = written ? DONE : reply->maybe_applied ? DOUBTFUL : DENIED;
}

static void judge_fetch(struct squall *s, const struct ask *ask, const ringcache_reply *reply)
{
    char value[32];
    unsigned key = 0, version = 0;
    squall_must(s, !reply->maybe_applied, "a fetch that may be applied");
    if (reply->status != RINGCACHE_OK) {
        squall_must(s, reply->status < 0 || reply->status == RINGCACHE_MISS, "a fetch's status");
        return;
    }
    squall_must(s, reply->value.len < sizeof value, "a long value");
    snprintf(value, sizeof value, "%.*s", (int)reply->value.len, (const char *)reply->value.data);
    squall_must(
        s, sscanf(value, "%u:%u", &key, &version) == 2 && key == ask->key, "another's value");
    squall_must(s, version <= s->truth[key], "a version from the future");
    bool promised = squall_exact(s) && (s->rules.leases || s->rules.clients == 1);
    squall_must(s, !promised || version >= ask->floor, "older than what was acknowledged");
}

static void judge_get(struct squall *s, const struct ask *ask, const ringcache_reply *reply)
{
    char value[32] = "0";
    bool swept = s->rules.journal && reply->status == RINGCACHE_MISS;
    if (reply->status < 0 || !squall_exact(s) || swept) {
        return;
    }
    if (reply->status == RINGCACHE_OK) {
        squall_must(s, reply->value.len < sizeof value, "a long value");
        snprintf(
            value, sizeof value, "%.*s", (int)reply->value.len, (const char *)reply->value.data);
    }
    unsigned version = (unsigned)strtoul(value, NULL, 10);
    squall_must(s, version >= ask->floor, "a get older than what was acknowledged");
    squall_must(s, version <= ask->peer->set[ask->key], "a get from the future");
}

static void try_release(struct peer *peer, unsigned key, uint64_t token);

static void judge_lock(struct squall *s, struct ask *ask, const ringcache_reply *reply)
{
    if (reply->status == RINGCACHE_OK) {
        squall_must(s, !squall_exact(s) || s->holder[ask->key] == NULL, "two hold a lock");
        s->holders[ask->key] = *ask;
        s->holder[ask->key] = &s->holders[ask->key];
    } else if (reply->maybe_applied) {
        try_release(ask->peer, ask->key, ask->token);
    }
}

static void judge(struct squall *s, struct ask *ask, const ringcache_reply *reply)
{
    struct peer *peer = ask->peer;
    uint64_t now_ms = sim_now_ms(s->sim);
    squall_must(s, s->rules.blocks || now_ms <= ask->until_ms + 1, "an answer behind its deadline");
    switch (ask->sort) {
    case UPDATE:
        judge_update(s, ask, reply);
        break;
    case FETCH:
        judge_fetch(s, ask, reply);
        break;
    case REMOVE:
        if (reply->status >= 0 && ask->number > peer->removed[ask->key]) {
            peer->removed[ask->key] = ask->number;
        }
        break;
    case GET:
        judge_get(s, ask, reply);
        break;
    case SET:
        if (reply->status == RINGCACHE_OK && ask->number > peer->acknowledged[ask->key]) {
            peer->acknowledged[ask->key] = ask->number;
        }
        break;
    case LOCK:
        judge_lock(s, ask, reply);
        break;
    case EXTEND:
        squall_must(s,
            !squall_exact(s) || s->holder[ask->key] == NULL ||
                s->holder[ask->key]->token != ask->token || reply->status <= 0,
            "a lock that was held is not");
        break;
    case RELEASE:
    case SORTS:
        break;
    }
}

static void forget(struct ask *ask)
{
    struct peer *peer = ask->peer;
    for (size_t i = 0; i < peer->pending_count; i++) {
        if (peer->pending[i] == ask) {
            peer->pending[i] = peer->pending[--peer->pending_count];
            return;
        }
    }
    broken(peer->squall, "an answer twice, or to nothing");
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct ask *ask = user;
    struct peer *peer = ask->peer;
    struct squall *s = peer->squall;
    squall_must(
        s, client == peer->client && peer->closed == 0 && !s->in_call, "a callback out of place");
    forget(ask);
    judge(s, ask, reply);
    s->done[ask->sort] += reply->status == RINGCACHE_OK;
    free(ask);
    react(s);
}

/* ---- asking ---- */

static void change(
    ringcache_client *client, const ringcache_reply *now, ringcache_change *change, void *user)
{
    struct ask *ask = user;
    struct squall *s = ask->peer->squall;
    char value[LETTERS * LETTER_BYTES + 16];
    unsigned counts[LETTERS];
    squall_must(s, client == ask->peer->client && !s->in_call, "a function out of place");
    size_t len = now->status == RINGCACHE_OK ? now->value.len : 0;
    struct rc_slice seen = rc_slice(now->value.data, len);
    count_letters(s, seen, counts);
    for (unsigned n = 0; squall_exact(s) && n < s->letter_count[ask->key]; n++) {
        squall_must(s, counts[n] <= (n != ask->number), "an update carried out twice");
        squall_must(
            s, counts[n] == 0 || s->letters[ask->key][n] != DENIED, "a denied update is seen");
    }
    if (squall_draw(s, 16) == 0) {
        return;
    }
    if (squall_draw(s, 16) == 0) {
        ringcache_cancel(client, ask->id);
    }
    if (len > 0) {
        memcpy(value, now->value.data, len);
    }
    len += (size_t)snprintf(value + len, sizeof value - len, "%04x,", ask->number);
    s->in_call = true;
    ringcache_change_store(change, value, len, 0);
    s->in_call = false;
    if (squall_draw(s, 8) == 0) {
        squall_act(s);
    }
}

static struct ask *new_ask(struct peer *peer, enum sort sort, unsigned key, uint32_t timeout_ms)
{
    struct ask *ask = calloc(1, sizeof *ask);
    assert_non_null(ask);
    *ask = (struct ask){.peer = peer, .sort = sort, .key = key};
    ask->until_ms = sim_now_ms(peer->squall->sim) + timeout_ms;
    peer->squall->in_call = true;
    return ask;
}

static bool asked(struct ask *ask, int rc)
{
    struct peer *peer = ask->peer;
    peer->squall->in_call = false;
    if (rc < 0) {
        bool known = rc == RINGCACHE_EBUSY || rc == RINGCACHE_ECLOSING || rc == RINGCACHE_ENOTSUP ||
                     rc == RINGCACHE_ENOSERVER;
        squall_must(peer->squall, known, ringcache_err_name(rc));
        free(ask);
        return false;
    }
    peer->pending[peer->pending_count++] = ask;
    return true;
}

static void update(struct peer *peer, unsigned key, uint32_t timeout_ms)
{
    struct squall *s = peer->squall;
    char name[] = {'u', (char)('0' + key)};
    if (s->letter_count[key] == LETTERS) {
        return;
    }
    struct ask *ask = new_ask(peer, UPDATE, key, timeout_ms > 0 ? timeout_ms : 500);
    const ringcache_request request = {.key = {name, 2}, .timeout_ms = timeout_ms};
    ask->number = s->letter_count[key];
    s->letters[key][ask->number] = OPEN;
    if (asked(ask, ringcache_update(peer->client, &request, change, on_reply, ask, &ask->id))) {
        s->letter_count[key]++;
    }
}

static void fetch(struct peer *peer, unsigned key, uint32_t timeout_ms)
{
    struct squall *s = peer->squall;
    char name[] = {'f', (char)('0' + key)};
    struct ask *ask = new_ask(peer, FETCH, key, timeout_ms > 0 ? timeout_ms : 5000);
    ask->floor = peer->removed[key];
    const ringcache_fetch_request request = {
        .key = {name, 2},
        .loader = loader,
        .timeout_ms = timeout_ms,
        .lease_ms = s->rules.faults ? 1000 : 0,
        .stale_ms = s->rules.stale_ms,
    };
    asked(ask, ringcache_fetch(peer->client, &request, on_reply, ask, &ask->id));
}

static void try_release(struct peer *peer, unsigned key, uint64_t token)
{
    char name[] = {'l', (char)('0' + key)};
    struct ask *ask = new_ask(peer, RELEASE, key, 500);
    asked(ask, ringcache_lock_release(peer->client, name, 2, token, on_reply, ask));
}

static void lock(struct peer *peer, unsigned key)
{
    struct squall *s = peer->squall;
    char name[] = {'l', (char)('0' + key)};
    struct ask *holder = s->holder[key];
    bool mine = holder != NULL && holder->peer == peer;
    uint64_t dice = squall_draw(s, 3);
    if (mine && dice == 0) {
        s->holder[key] = NULL;
        try_release(peer, key, holder->token);
    } else if (mine && dice == 1) {
        struct ask *ask = new_ask(peer, EXTEND, key, 500);
        ask->token = holder->token;
        asked(ask,
            ringcache_lock_extend(peer->client, name, 2, holder->token, LOCK_MS, on_reply, ask));
    } else {
        struct ask *ask = new_ask(peer, LOCK, key, 500);
        asked(ask, ringcache_lock(peer->client, name, 2, LOCK_MS, &ask->token, on_reply, ask));
    }
}

static void own_key(struct peer *peer, unsigned key, bool writes, uint32_t timeout_ms)
{
    char name[] = {'g', (char)('0' + key), (char)('0' + (peer - peer->squall->peers))};
    char value[16];
    struct ask *ask = new_ask(peer, writes ? SET : GET, key, timeout_ms > 0 ? timeout_ms : 500);
    ask->number = peer->set[key] + 1;
    ask->floor = peer->acknowledged[key];
    int len = snprintf(value, sizeof value, "%u", ask->number);
    const ringcache_request request = {
        .op = writes ? RINGCACHE_SET : RINGCACHE_GET,
        .key = {name, 3},
        .value = {value, writes ? (size_t)len : 0},
        .timeout_ms = timeout_ms,
    };
    peer->set[key] += writes;
    bool bare = !writes && timeout_ms == 0;
    asked(ask, bare ? ringcache_get(peer->client, name, 3, on_reply, ask)
                    : ringcache_submit(peer->client, &request, on_reply, ask, &ask->id));
}

static void remove_fetched(struct peer *peer, unsigned key)
{
    char name[] = {'f', (char)('0' + key)};
    struct ask *ask = new_ask(peer, REMOVE, key, 500);
    ask->number = ++peer->squall->truth[key];
    asked(ask, ringcache_delete(peer->client, name, 2, on_reply, ask));
}

static void ask_something(struct squall *s)
{
    struct peer *peer = &s->peers[squall_draw(s, s->rules.clients)];
    unsigned key = (unsigned)squall_draw(s, KEYS);
    uint32_t timeout_ms = squall_draw(s, 3) == 0 ? 1 + (uint32_t)squall_draw(s, 700) : 0;
    if (peer->closed > 0 || peer->pending_count >= PENDING / 2) {
        return;
    }
    switch ((enum sort)squall_draw(s, SORTS)) {
    case UPDATE:
    case SORTS:
        update(peer, key, timeout_ms);
        break;
    case FETCH:
    case EXTEND:
        fetch(peer, key, timeout_ms);
        break;
    case REMOVE:
        remove_fetched(peer, key);
        break;
    case GET:
        own_key(peer, key, false, timeout_ms);
        break;
    case SET:
        own_key(peer, key, true, timeout_ms);
        break;
    case LOCK:
    case RELEASE:
        lock(peer, key);
        break;
    }
}

static void cancel_something(struct squall *s)
{
    struct peer *peer = &s->peers[squall_draw(s, s->rules.clients)];
    if (peer->closed == 0 && peer->pending_count > 0) {
        ringcache_cancel(peer->client, peer->pending[squall_draw(s, peer->pending_count)]->id);
    }
}

static void on_close(ringcache_client *client, void *user)
{
    struct peer *peer = user;
    squall_must(
        peer->squall, client == peer->client && peer->pending_count == 0, "closed too early");
    peer->closed++;
}

void squall_close(struct peer *peer)
{
    if (peer->closed == 0) {
        peer->closing = true;
        ringcache_client_close(peer->client, on_close, peer);
    }
}

static void change_members(struct squall *s)
{
    struct peer *peer = &s->peers[squall_draw(s, s->rules.clients)];
    if (peer->closed > 0 || peer->closing) {
        return;
    }
    if (squall_draw(s, 2) == 0) {
        ringcache_server_add(
            peer->client, s->rules.redis ? "redis://10.0.0.2:11000" : "memcached://10.0.0.2:11000");
    } else {
        ringcache_server_remove(
            peer->client, squall_draw(s, 2) ? "10.0.0.1:11000" : "10.0.0.2:11000");
    }
}

/* What programs do in callbacks, and between them. */
void squall_act(struct squall *s)
{
    uint64_t dice = squall_draw(s, 40);
    if (s->calm) {
        return;
    }
    if (dice < 4) {
        cancel_something(s);
    } else if (dice < 12) {
        end_some_load(s);
    } else if (dice == 12 && s->rules.early && squall_draw(s, 10) == 0) {
        squall_close(&s->peers[squall_draw(s, s->rules.clients)]);
    } else if (dice == 13 && s->rules.members) {
        change_members(s);
    } else {
        ask_something(s);
    }
}

void squall_check_letters(struct squall *s)
{
    unsigned counts[LETTERS];
    for (unsigned key = 0; key < KEYS; key++) {
        char name[] = {'u', (char)('0' + key), '\0'};
        const struct store_item *item = engine_get(sim_server_engine(s->server), 0, name);
        struct rc_slice value = item != NULL ? store_value(item) : rc_slice(NULL, 0);
        count_letters(s, value, counts);
        for (unsigned n = 0; n < s->letter_count[key]; n++) {
            enum fate fate = s->letters[key][n];
            squall_must(s, fate != OPEN, "an update without an end");
            bool there = counts[n] == 1 || s->rules.journal; /* what is swept takes all along */
            squall_must(s, fate != DONE || there, "an update that was done is not there once");
            squall_must(s, fate != DENIED || counts[n] == 0, "an update that was denied is there");
            squall_must(s, counts[n] <= 1, "an update is there twice");
        }
    }
}

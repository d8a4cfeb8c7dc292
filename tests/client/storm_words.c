/* SPDX-License-Identifier: MIT */
/* Questions to one server by its name, and Redis' commands in the caller's own words. */
#include "storm.h"

#include "ringcache/server.h"
#include "server/doubt.h"

/* ---- questions ---- */

static const char *any_server(struct storm *storm)
{
    return storm->servers[storm_draw(storm, storm->server_count)].name;
}

static int call_ping(struct storm_request *r, const ringcache_request *request)
{
    (void)request;
    return ringcache_ping(r->client->client, any_server(r->storm), storm_on_reply, r);
}

static int call_version(struct storm_request *r, const ringcache_request *request)
{
    (void)request;
    return ringcache_server_version(r->client->client, any_server(r->storm), storm_on_reply, r);
}

static int call_stats(struct storm_request *r, const ringcache_request *request)
{
    (void)request;
    return ringcache_server_stats(r->client->client, any_server(r->storm), NULL, storm_on_reply, r);
}

static int hear_key(ringcache_client *client, const ringcache_listed_key *key, void *user)
{
    static const char *const starts[] = {"key", "count", "lock", "ringcache:lease:", "~rc"};
    struct storm_request *r = user;
    struct storm_client *c = r->client;
    bool known = c->storm->rules.lawless || c->storm->rules.corrupt;
    storm_must_be_due(c, client, c->pending[r->place] == r);
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        size_t len = strlen(starts[i]);
        known = known || (key->key.len > len && memcmp(key->key.data, starts[i], len) == 0);
    }
    if (!known) {
        storm_fail(c->storm, "a key is listed that nobody wrote", "");
    }
    return storm_draw(c->storm, 100) == 0;
}

static int call_keys(struct storm_request *r, const ringcache_request *request)
{
    (void)request;
    r->deadline_ms = UINT64_MAX / 2; /* the whole may take as long as it will */
    return ringcache_server_keys(
        r->client->client, any_server(r->storm), hear_key, storm_on_reply, r);
}

static int call_flush(struct storm_request *r, const ringcache_request *request)
{
    (void)request;
    r->flushed = &r->storm->servers[storm_draw(r->storm, r->storm->server_count)];
    r->flushes = r->flushed->flushes;
    return ringcache_flush_all_data(r->client->client, r->flushed->name, storm_on_reply, r);
}

/* The moment at which a flush takes effect, whatever becomes of its reply: what is submitted from
 * here on finds nothing of before. */
void storm_hear_command(void *owner, const struct engine_command *command)
{
    struct storm_server *server = owner;
    const struct storm *storm = server->storm;
    bool flush = strcmp(command->verb, "flush_all") == 0 || strcmp(command->verb, "flushdb") == 0;
    bool asked = false; /* somebody is left who asks */
    for (size_t i = 0; i < storm->rules.clients; i++) {
        asked = asked || !storm->clients[i].closing;
    }
    if (flush && asked) {
        server->flushes++;
        storm_tell(storm, server->name, "flushed", (int64_t)server->flushes);
        storm_note_loss(server->storm, server);
    }
}

void storm_flush_judge(const struct storm_request *r, const ringcache_reply *reply)
{
    bool flushed = r->flushed->flushes > r->flushes || r->client->closing;
    if (reply->status == RINGCACHE_OK && !flushed && !r->storm->rules.lawless) {
        storm_fail(r->storm, "a flush was acknowledged and not done", r->flushed->name);
    }
}

void storm_ask_server(struct storm_client *c)
{
    static int (*const calls[])(struct storm_request *, const ringcache_request *) = {call_ping,
        call_ping, call_ping, call_version, call_version, call_stats, call_stats, call_keys,
        call_keys, call_flush};
    static const ringcache_request none;
    struct storm_request *r = storm_request_new(c);
    r->call = calls[storm_draw(c->storm, sizeof calls / sizeof *calls)];
    storm_submit(r, &none);
}

/* ---- commands ---- */

/* Such a key reads as absent, but for who asks in words of his own: they are sent all the same. */
static bool doubts_key(const ringcache_client *client, ringcache_slice key)
{
    const struct rc_command get = {.verb = RC_VERB_GET, .key = rc_slice(key.data, key.len)};
    const struct rc_server *owner = rc_table_owner(client->table, get.key).server;
    return owner != NULL && rc_doubt_answer(owner, &get) != RINGCACHE_OK;
}

static int call_command(struct storm_request *r, const ringcache_request *request)
{
    r->doubted = doubts_key(r->client->client, request->key);
    ringcache_slice args[3] = {{"GET", 3}, request->key, request->value};
    const ringcache_request defaults = {.timeout_ms = request->timeout_ms};
    if (r->op == RINGCACHE_SET) {
        args[0].data = "SET";
    }
    return ringcache_command(
        r->client->client, args, r->op == RINGCACHE_SET ? 3 : 2, &defaults, storm_on_reply, r);
}

void storm_phrase(struct storm_request *r, const ringcache_request *request)
{
    const struct storm_key *key = r->key;
    bool redis = r->owner < r->storm->server_count && r->storm->servers[r->owner].redis;
    bool plain = request->options == 0 && request->ttl_ms == 0 && !key->loaded;
    bool worded = r->op == RINGCACHE_GET || r->op == RINGCACHE_SET;
    if (redis && plain && worded && storm_draw(r->storm, 6) == 0) {
        r->call = call_command;
    }
}

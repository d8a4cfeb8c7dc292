/* SPDX-License-Identifier: MIT */
#include "client/member.h"

#include "base/alloc.h"
#include "client/client.h"
#include "client/failover.h"
#include "client/regreeting.h"
#include "client/shared.h"

/* ---- what a server tells and asks ---- */

static void on_changed(
    struct rc_server *server, enum rc_server_change change, int reason, const char *text)
{
    static const ringcache_event_type types[] = {
        [RC_CHANGE_CONNECTING] = RINGCACHE_EVENT_CONNECTING,
        [RC_CHANGE_UP] = RINGCACHE_EVENT_UP,
        [RC_CHANGE_DOWN] = RINGCACHE_EVENT_DOWN,
        [RC_CHANGE_EJECTED] = RINGCACHE_EVENT_EJECTED,
        [RC_CHANGE_READMITTED] = RINGCACHE_EVENT_READMITTED,
        [RC_CHANGE_JOURNAL_HALF] = RINGCACHE_EVENT_JOURNAL_HALF,
        [RC_CHANGE_JOURNAL_FULL] = RINGCACHE_EVENT_JOURNAL_FULL,
        [RC_CHANGE_HELD] = RINGCACHE_EVENT_HELD,
    };
    struct rc_member_server *member = server->owner;
    rc_event_queue(member->client, rc_event_new(types[change], server->backend.name, reason, text));
    bool up = change == RC_CHANGE_UP || change == RC_CHANGE_READMITTED;
    bool out = change == RC_CHANGE_DOWN || change == RC_CHANGE_EJECTED;
    if (member->client->peer != NULL && (up || out)) {
        rc_shared_tell_state(member->client->peer, server->backend.name, up);
    }
    if (up) {
        rc_failover_returned(member);
    }
}

static void on_lost(struct rc_server *server, uint32_t lane, const struct rc_lost *lost)
{
    struct rc_member_server *member = server->owner;
    if (member->client->peer != NULL) {
        rc_shared_tell_lost(member->client->peer, server->backend.name, lane, lost);
    }
}

static void on_begin_doubt(struct rc_server *server, struct rc_conn *conn)
{
    const struct rc_member_server *member = server->owner;
    if (member->client->peer != NULL) {
        rc_shared_begin_doubt(member->client->peer, server->backend.name, conn);
    }
}

static void on_end_doubt(struct rc_server *server, struct rc_conn *conn)
{
    const struct rc_member_server *member = server->owner;
    rc_shared_end_doubt(member->client->peer, conn);
}

/* What ended a doubt was told before it ended. */
static bool is_doubted(const struct rc_server *server, const struct rc_command *command)
{
    const struct rc_member_server *member = server->owner;
    ringcache_client *client = member->client;
    if (client->peer == NULL) {
        return false;
    }
    bool doubted = rc_shared_doubts(client->peer, server->backend.name, command);
    if (!doubted) {
        rc_client_hear(client);
    }
    return doubted;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Of the owners no more than without spares may go by silence, which may be many and idle; of the
 * spares so many by themselves, since what stood in for an owner may fall silent too. */
static void count_ejected(struct rc_census *census, const struct rc_pool *pool)
{
    census->count = pool->count;
    for (size_t i = 0; i < pool->count; i++) {
        const struct rc_server *s = pool->servers[i];
        census->ejected += !rc_server_available(s) && s->health.ejected;
    }
}

static void count_silent(struct rc_census *census, const struct rc_server *s)
{
    uint64_t silent_ms = rc_server_silent_since(s);
    if (rc_server_available(s) && silent_ms != 0) {
        census->serving++;
        census->silent++;
        census->fell_ms = later(census->fell_ms, silent_ms);
    }
}

/* Nobody asks a spare while the ring is well: that it is not silent says nothing for our network
 * before it was heard behind the last that fell. */
static void count_others(struct rc_census *census, const struct rc_server *s)
{
    uint64_t heard_ms = rc_server_heard_ms(s);
    bool witness = !rc_member_of(s)->spare || heard_ms > census->fell_ms;
    if (rc_server_available(s) && rc_server_silent_since(s) == 0 && witness) {
        census->serving++;
        census->heard_ms = later(census->heard_ms, heard_ms);
    }
}

static void take_census(struct rc_server *server, struct rc_census *census)
{
    const struct rc_member_server *member = server->owner;
    const struct rc_table *table = member->client->table;
    *census = (struct rc_census){0};
    count_ejected(census, member->spare ? &table->spares : &table->owners);
    for (size_t i = 0; i < table->count; i++) {
        count_silent(census, table->all[i]);
    }
    for (size_t i = 0; i < table->count; i++) {
        count_others(census, table->all[i]);
    }
}

/* Nobody may have asked them anything: of the spares most likely so, which under a policy that has
 * no use for them are asked nothing at all. */
static void ask_others(struct rc_server *server)
{
    const struct rc_member_server *member = server->owner;
    const struct rc_table *table = member->client->table;
    for (size_t i = 0; i < table->count; i++) {
        struct rc_server *other = table->all[i];
        bool used = !rc_member_of(other)->spare || rc_failover_on(member->client);
        if (used && rc_server_available(other) && rc_server_silent_since(other) == 0) {
            rc_server_ask_for_sign(other);
        }
    }
}

static const struct rc_server_events server_events = {
    .changed = on_changed,
    .lost = on_lost,
    .take_census = take_census,
    .ask_others = ask_others,
    .begin_doubt = on_begin_doubt,
    .end_doubt = on_end_doubt,
    .doubted = is_doubted,
};

/* ---- beginning and end ---- */

static void linger_due(struct rc_deadline *deadline, uint64_t now_ms)
{
    (void)now_ms;
    rc_container(deadline, struct rc_member_server, linger)->forced = true;
}

void rc_member_free(struct rc_member_server *member)
{
    rc_list_remove(&member->link);
    rc_wheel_disarm(&member->client->env.wheel, &member->linger);
    rc_guests_deinit(&member->guests);
    rc_server_free(member->server);
    rc_departed_free(member->departed);
    rc_server_uri_deinit(&member->uri);
    rc_free(member);
}

struct rc_member_server *rc_member_new(ringcache_client *client, const struct rc_server_uri *uri)
{
    struct rc_member_server *member = rc_alloc_zeroed(1, sizeof *member);
    if (member == NULL) {
        return NULL;
    }
    bool redis = uri->protocol == RC_PROTOCOL_REDIS;
    const struct rc_backend backend = {
        .name = uri->member.name,
        .endpoint = {uri->address, uri->member.port, uri->member.is_path},
        .credentials = rc_credentials_of(client, uri),
        .codec = redis ? &rc_codec_resp : &rc_codec_meta,
    };
    member->client = client;
    rc_list_init(&member->link);
    rc_deadline_init(&member->linger, linger_due);
    rc_guests_init(&member->guests, client->settings.journal_entries);
    member->departed = rc_departed_new();
    member->uri = rc_server_uri_copy(uri);
    if (member->departed == NULL ||
        rc_server_new(&member->server, &client->env, &backend, client->settings.connections) < 0) {
        rc_member_free(member);
        return NULL;
    }
    member->server->events = &server_events;
    member->server->owner = member;
    rc_failover_mark(member);
    return member;
}

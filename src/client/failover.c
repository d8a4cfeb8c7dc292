/* SPDX-License-Identifier: MIT */
#include "client/failover.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/client.h"
#include "hash/hash.h"
#include "server/sweep.h"

/* How long a memcached may keep an item beyond its TTL: that is rounded up to whole seconds, and
 * its clock ticks once a second. */
enum { LATE_MS = 2000 };

void rc_failover_init(ringcache_client *client)
{
    static const struct rc_policy *const policies[] = {
        [RC_FAILOVER_NONE] = &rc_policy_none,
        [RC_FAILOVER_REMAP] = &rc_policy_remap,
        [RC_FAILOVER_GUTTER] = &rc_policy_gutter,
    };
    /* Without a journal nothing could be made good. */
    bool may = client->settings.journal_entries > 0;
    client->policy = policies[may ? client->settings.failover : RC_FAILOVER_NONE];
    rc_failover_budget_init(&client->failover_budget, client->settings.failover_budget);
}

bool rc_failover_on(const ringcache_client *client)
{
    return client->policy->substitutes != NULL;
}

void rc_failover_mark(struct rc_member_server *member)
{
    const char *name = member->uri.member.name;
    uint64_t digest = rc_xxh3(name, strlen(name), 0) >> 16; /* 48 bits */
    snprintf(member->guest_mark, sizeof member->guest_mark, "~rc%012" PRIx64 "~", digest);
}

uint64_t rc_failover_trusted_ms(ringcache_client *client)
{
    return rc_env_now_ms(&client->env) + client->settings.failover_ttl_ms + LATE_MS;
}

bool rc_failover_is_guest(struct rc_slice key)
{
    return key.len > RC_GUEST_MARK_BYTES && memcmp(key.data, "~rc", 3) == 0;
}

/* ---- guests leave ---- */

static void have_deleted(const struct rc_guest *guest)
{
    const struct rc_lost lost = {.key = rc_slice(guest->key, guest->len)};
    rc_sweep_note(&guest->host->lanes[guest->lane], &lost);
}

static void sweep(struct rc_server *server)
{
    if (rc_server_available(server)) {
        rc_sweep_go(server);
    }
}

/* One that is under way goes to its host behind this delete, or has not left: there it is deleted
 * once more when it is answered. */
static void expel(struct rc_guests *guests, struct rc_guest *guest)
{
    have_deleted(guest);
    if (guest->under_way > 0) {
        guest->expelled = true;
    } else {
        rc_guests_forget(guests, guest);
    }
}

static void expel_now(struct rc_guests *guests, struct rc_guest *guest)
{
    struct rc_server *host = guest->host;
    expel(guests, guest);
    sweep(host);
}

static bool expel_all(struct rc_guests *guests)
{
    struct rc_list *next;
    bool any = !rc_list_empty(&guests->all);
    for (struct rc_list *node = guests->all.next; node != &guests->all; node = next) {
        next = node->next;
        expel(guests, rc_container(node, struct rc_guest, link));
    }
    return any;
}

static void sweep_members(ringcache_client *client)
{
    for (struct rc_list *l = client->members.next; l != &client->members; l = l->next) {
        sweep(rc_container(l, struct rc_member_server, link)->server);
    }
}

void rc_failover_returned(struct rc_member_server *member)
{
    if (expel_all(&member->guests)) {
        sweep_members(member->client);
    }
}

void rc_failover_moved(ringcache_client *client)
{
    bool any = false;
    for (struct rc_list *l = client->members.next; l != &client->members; l = l->next) {
        any = expel_all(&rc_container(l, struct rc_member_server, link)->guests) || any;
    }
    if (any) {
        sweep_members(client);
    }
}

/* ---- which, and to whom ---- */

/* Those that do not depend on what the owner has. A CAS token is of the server that gave it. */
static bool goes_elsewhere(const struct rc_command *command)
{
    switch (command->verb) {
    case RC_VERB_GET:
    case RC_VERB_GET_AND_TOUCH:
        return !command->want_cas;
    case RC_VERB_DELETE:
        return command->cas == 0;
    case RC_VERB_SET:
    case RC_VERB_LEASE:
    case RC_VERB_FILL:
    case RC_VERB_UNLEASE:
        return true;
    case RC_VERB_ADD:
    case RC_VERB_REPLACE:
    case RC_VERB_APPEND:
    case RC_VERB_PREPEND:
    case RC_VERB_CAS:
    case RC_VERB_TOUCH:
    case RC_VERB_INCREMENT:
    case RC_VERB_DECREMENT:
    case RC_VERB_RAW:
    case RC_VERB_FLUSH:
    case RC_VERB_STATS:
    case RC_VERB_KEYS:
    case RC_VERB_VERSION:
    case RC_VERB_SETTINGS:
    case RC_VERB_NOOP:
    case RC_VERB_AUTH:
    case RC_VERB_SELECT:
    case RC_VERB_CLIENT_ID:
    case RC_VERB_INFO:
    case RC_VERB_CLIENT_KILL:
    case RC_VERB_ECHO:
        return false;
    }
    return false;
}

static bool stores(enum rc_verb verb)
{
    return verb == RC_VERB_SET || verb == RC_VERB_FILL;
}

struct rc_choice rc_failover_substitute(ringcache_client *client, struct rc_slice route)
{
    struct rc_choice others[RC_SUBSTITUTES_MAX];
    size_t count =
        rc_failover_on(client) ? client->policy->substitutes(client->table, route, others) : 0;
    uint64_t now_ms = rc_env_now_ms(&client->env);
    for (size_t i = 0; i < count; i++) {
        bool trusted = rc_member_of(others[i].server)->trusted_ms <= now_ms;
        if (trusted && rc_server_available(others[i].server)) {
            return others[i];
        }
    }
    return (struct rc_choice){0};
}

static struct rc_guest_name name_of(
    ringcache_client *client, const struct rc_server *owner, const struct rc_command *command)
{
    size_t mark = sizeof rc_member_of(owner)->guest_mark - 1;
    memcpy(client->guest_prefix, rc_member_of(owner)->guest_mark, mark);
    rc_slice_put(client->guest_prefix + mark, client->prefix);
    return (struct rc_guest_name){
        rc_slice(client->guest_prefix, mark + client->prefix.len), command->key};
}

/* ---- a request ---- */

/* May the key be asked for there now? Not before what was expelled has gone, nor may a write pass
 * one that is on its way to another host. */
static bool settled(const struct rc_guest *guest, const struct rc_server *host, enum rc_verb verb)
{
    bool overtakes = guest != NULL && guest->under_way > 0 && guest->host != host;
    return guest == NULL || (!guest->expelled && !(overtakes && rc_verb_writes(verb)));
}

/* The guest that is stored at `at` from here on, and nowhere else; NULL: it cannot be noted. */
static struct rc_guest *lodge(struct rc_guests *guests, const struct rc_guest_name *name,
    struct rc_guest *guest, const struct rc_choice *at)
{
    if (guest == NULL) {
        guest = rc_guests_add(guests, name, rc_env_random(at->server->env));
    }
    if (guest == NULL) {
        return NULL;
    }
    if (guest->host != NULL && guest->host != at->server) {
        have_deleted(guest);
        sweep(guest->host);
    }
    guest->host = at->server;
    guest->lane = at->lane;
    return guest;
}

/* As it is put to a substitute: what is stored there does not last, what is read is not touched,
 * and with its short life is not stale. */
static void adapt(ringcache_client *client, struct rc_command *command, struct rc_slice prefix)
{
    int64_t most_ms = client->settings.failover_ttl_ms;
    command->prefix = prefix;
    command->stale_ms = 0;
    if (command->verb == RC_VERB_GET_AND_TOUCH) {
        command->verb = RC_VERB_GET;
        command->ttl_ms = 0;
        command->exptime_s = 0;
    }
    if (stores(command->verb) && (command->ttl_ms == 0 || command->ttl_ms > most_ms)) {
        command->ttl_ms = most_ms;
        command->exptime_s = rc_client_exptime(client, most_ms);
    }
}

/* Can it be said there, as far as is known? Classic text has no word for some of it. */
static bool fits(
    const struct rc_choice *at, const struct rc_guest_name *name, const struct rc_command *command)
{
    if (at->server == NULL) {
        return false;
    }
    const struct rc_conn *conn = at->server->lanes[at->lane].conn;
    const struct rc_codec *codec = conn != NULL ? conn->codec : at->server->backend.codec;
    bool modern = command->want_ttl || command->verb == RC_VERB_LEASE ||
                  command->verb == RC_VERB_FILL || command->verb == RC_VERB_UNLEASE;
    return name->prefix.len + name->key.len <= codec->max_key_bytes &&
           !(modern && codec == &rc_codec_classic);
}

static bool divert(ringcache_client *client, struct rc_submission *s, struct rc_command *command)
{
    struct rc_server *owner = s->choice.server;
    struct rc_guests *guests = &rc_member_of(owner)->guests;
    const struct rc_choice at = rc_failover_substitute(client, s->route);
    const struct rc_guest_name name = name_of(client, owner, command);
    struct rc_guest *guest = rc_guests_find(guests, &name);
    if (!fits(&at, &name, command) || !settled(guest, at.server, command->verb) ||
        !rc_failover_budget_spend(&client->failover_budget, rc_env_now_ms(&client->env))) {
        return false;
    }
    s->diversion = (struct rc_diversion){.owner = owner, .lane = s->choice.lane};
    if (stores(command->verb)) {
        s->diversion.guest = lodge(guests, &name, guest, &at);
        if (s->diversion.guest == NULL) {
            s->diversion.owner = NULL;
            return false;
        }
    } else if (command->verb == RC_VERB_DELETE && guest != NULL && guest->host != at.server) {
        expel_now(guests, guest);
    }
    s->choice = at;
    adapt(client, command, name.prefix);
    return true;
}

/* The owner is to have this write, or its caller an error: then nobody reads what another has. */
static void keep_at_owner(
    ringcache_client *client, const struct rc_submission *s, const struct rc_command *command)
{
    struct rc_server *owner = s->choice.server;
    struct rc_guests *guests = &rc_member_of(owner)->guests;
    if (guests->count == 0 || !rc_lost_matters(command)) {
        return;
    }
    const struct rc_guest_name name = name_of(client, owner, command);
    struct rc_guest *guest = rc_guests_find(guests, &name);
    if (guest != NULL) {
        expel_now(guests, guest);
    }
}

void rc_failover_divert(
    ringcache_client *client, struct rc_submission *s, struct rc_command *command)
{
    if (!rc_failover_on(client)) {
        return;
    }
    rc_failover_asked(client, 1);
    bool may = !s->bound && goes_elsewhere(command) && !rc_server_available(s->choice.server);
    if (!may || !divert(client, s, command)) {
        keep_at_owner(client, s, command);
    }
}

void rc_failover_accepted(ringcache_client *client, struct rc_operation *op,
    const struct rc_submission *s, const struct rc_command *command)
{
    const struct rc_diversion *diversion = &s->diversion;
    if (diversion->owner == NULL) {
        return;
    }
    op->diversion = *diversion;
    rc_server_hold(diversion->owner);
    if (diversion->guest != NULL) {
        diversion->guest->under_way++;
    }
    if (diversion->guest != NULL || command->verb == RC_VERB_DELETE) {
        const struct rc_lost lost = {.prefix = client->prefix, .key = command->key};
        rc_sweep_note(&diversion->owner->lanes[diversion->lane], &lost);
    }
}

void rc_failover_answered(struct rc_operation *op)
{
    struct rc_diversion diversion = op->diversion;
    if (diversion.owner == NULL) {
        return;
    }
    op->diversion = (struct rc_diversion){0};
    op->request.result.marks |= RC_MARK_SUBSTITUTE;
    struct rc_guest *guest = diversion.guest;
    if (guest != NULL && --guest->under_way == 0 && guest->expelled) {
        expel_now(&rc_member_of(diversion.owner)->guests, guest);
    }
    rc_server_let_go(diversion.owner);
}

void rc_failover_asked(ringcache_client *client, size_t count)
{
    if (rc_failover_on(client)) {
        rc_failover_budget_ask(&client->failover_budget, rc_env_now_ms(&client->env), count);
    }
}

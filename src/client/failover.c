/* SPDX-License-Identifier: MIT */
#include "client/failover.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/client.h"
#include "server/sweep.h"

/* How long a memcached may keep an item beyond its TTL: that is rounded up to whole seconds, and
 * its clock ticks once a second. */
enum { LATE_MS = 2000 };
/* … and how late a store may be carried out whose answer nobody waits for any more. */
enum { DOUBT_MS = 60000 };

enum {
    EXPIRED_AT_ONCE = 8,
    FREED_AT_ONCE = 8192, /* so that the loop goes on meanwhile */
};

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
    rc_list_init(&client->ended_guests);
}

void rc_failover_deinit(ringcache_client *client)
{
    rc_guests_free_ended(&client->ended_guests, SIZE_MAX);
}

bool rc_failover_on(const ringcache_client *client)
{
    return client->policy->substitutes != NULL;
}

void rc_failover_mark(struct rc_member_server *member)
{
    if (rc_failover_on(member->client)) {
        uint64_t bits = rc_env_random(&member->client->env) >> 16; /* 48 of them */
        snprintf(member->guest_mark, sizeof member->guest_mark, "~rc%012" PRIx64 "~", bits);
    }
}

/* What is stored elsewhere by now has ended then. */
static uint64_t end_of_life(ringcache_client *client)
{
    return rc_env_now_ms(&client->env) + client->settings.failover_ttl_ms + LATE_MS;
}

uint64_t rc_failover_trusted_ms(ringcache_client *client)
{
    return end_of_life(client);
}

bool rc_failover_is_guest(struct rc_slice key)
{
    return key.len > RC_GUEST_MARK_BYTES && memcmp(key.data, "~rc", 3) == 0;
}

/* ---- guests leave ---- */

static bool have_deleted(const struct rc_guest *guest)
{
    return rc_sweep_note_guest(&guest->host->lanes[guest->lane], rc_slice(guest->key, guest->len));
}

static void sweep(struct rc_server *server)
{
    if (rc_server_available(server)) {
        rc_sweep_go(server);
    }
}

/* Nobody reads it from here on. One that is under way goes to its host behind this delete, or has
 * not left: there it is deleted once more when it is answered. False: no memory for that. */
static bool expel(struct rc_guest *guest)
{
    guest->expelled = true;
    bool noted = have_deleted(guest);
    sweep(guest->host);
    return noted;
}

/* The same, and forget it where that may be. */
static void dismiss(struct rc_guests *guests, struct rc_guest *guest)
{
    bool noted = expel(guest);
    if (noted && guest->under_way == 0) {
        rc_guests_forget(guests, guest);
    }
}

static void end_guests(struct rc_member_server *member)
{
    ringcache_client *client = member->client;
    if (member->guests.count > 0) {
        rc_guests_end(&member->guests, &client->ended_guests);
        rc_failover_mark(member);
        rc_env_defer(&client->env);
    }
}

void rc_failover_returned(struct rc_member_server *member)
{
    end_guests(member);
}

void rc_failover_moved(ringcache_client *client)
{
    for (struct rc_list *l = client->members.next; l != &client->members; l = l->next) {
        end_guests(rc_container(l, struct rc_member_server, link));
    }
}

bool rc_failover_tidy(ringcache_client *client)
{
    return rc_guests_free_ended(&client->ended_guests, FREED_AT_ONCE);
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

static struct rc_guest *find(struct rc_guests *guests, const struct rc_guest_name *name)
{
    struct rc_guest *guest = rc_guests_find(guests, name);
    if (guest != NULL && guest->expelled && guest->under_way == 0) {
        dismiss(guests, guest);
        guest = rc_guests_find(guests, name);
    }
    return guest;
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
static struct rc_guest *lodge(ringcache_client *client, struct rc_guests *guests,
    const struct rc_guest_name *name, struct rc_guest *guest, const struct rc_choice *at)
{
    if (guest == NULL) {
        rc_guests_expire(guests, rc_env_now_ms(&client->env), EXPIRED_AT_ONCE);
        guest = rc_guests_add(guests, name, rc_env_random(at->server->env));
    }
    if (guest == NULL) {
        return NULL;
    }
    if (guest->host != NULL && guest->host != at->server) {
        if (!have_deleted(guest)) {
            return NULL;
        }
        sweep(guest->host);
    }
    guest->host = at->server;
    guest->lane = at->lane;
    rc_guests_renew(guests, guest, end_of_life(client));
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
    struct rc_guest *guest = find(guests, &name);
    if (!fits(&at, &name, command) || !settled(guest, at.server, command->verb) ||
        !rc_failover_budget_spend(&client->failover_budget, rc_env_now_ms(&client->env))) {
        return false;
    }
    s->diversion = (struct rc_diversion){.owner = &owner->lanes[s->choice.lane]};
    if (stores(command->verb)) {
        s->diversion.guest = lodge(client, guests, &name, guest, &at);
        if (s->diversion.guest == NULL) {
            s->diversion.owner = NULL;
            return false;
        }
    } else if (command->verb == RC_VERB_DELETE && guest != NULL && guest->host != at.server) {
        dismiss(guests, guest);
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
    struct rc_guest *guest = find(guests, &name);
    if (guest != NULL) {
        dismiss(guests, guest);
    }
}

void rc_failover_heard_lost(const struct rc_server *owner, struct rc_slice key)
{
    struct rc_member_server *member = rc_member_of(owner);
    const struct rc_guest_name name = {rc_slice_text(member->guest_mark), key};
    struct rc_guest *guest = rc_guests_find(&member->guests, &name);
    if (guest != NULL) {
        expel(guest);
    }
}

void rc_failover_divert(
    ringcache_client *client, struct rc_submission *s, struct rc_command *command)
{
    if (!rc_failover_on(client)) {
        return;
    }
    rc_client_hear(client); /* of guests that are old: what is stored now is newer */
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
    rc_server_hold(diversion->owner->server);
    if (diversion->guest != NULL) {
        diversion->guest->under_way++;
    }
    if (diversion->guest != NULL || command->verb == RC_VERB_DELETE) {
        const struct rc_lost lost = {.prefix = client->prefix, .key = command->key};
        rc_sweep_note(diversion->owner, &lost);
    }
}

/* As long as nobody knows whether it was, it may yet be. */
static void stored(struct rc_guests *guests, struct rc_operation *op, struct rc_guest *guest)
{
    ringcache_client *client = rc_member_of(guest->host)->client;
    uint64_t late_ms = op->request.result.maybe_applied ? DOUBT_MS : 0;
    rc_guests_renew(guests, guest, end_of_life(client) + late_ms);
    if (guest->expelled && guest->under_way == 0) {
        dismiss(guests, guest);
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
    struct rc_guests *guests = &rc_member_of(diversion.owner->server)->guests;
    if (diversion.guest != NULL && rc_guests_answered(guests, diversion.guest)) {
        stored(guests, op, diversion.guest);
    }
    rc_server_let_go(diversion.owner->server);
}

void rc_failover_asked(ringcache_client *client, size_t count)
{
    if (rc_failover_on(client)) {
        rc_failover_budget_ask(&client->failover_budget, rc_env_now_ms(&client->env), count);
    }
}

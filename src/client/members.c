/* SPDX-License-Identifier: MIT */
#include "client/client.h"
#include "client/failover.h"
#include "client/flight.h"
#include "client/known.h"
#include "client/member.h"
#include "client/regreeting.h"

#include "base/alloc.h"

/* How long a server that left may keep an old connection for the sake of its unanswered writes. */
enum { LINGER_MS = 60000 };

/* Servers that one turn makes, looks for or lets go, so that it takes a millisecond for them. */
enum { A_TURN = 1024 };

/* A change in the making: nothing of it is in force before commit. */
struct change {
    ringcache_config *config;
    struct rc_table *table;
    struct rc_member_server **members; /* in the order of the configuration */
    struct rc_regreeting *regreetings; /* … too */
    size_t count;
    struct rc_recruits *recruits;
    struct rc_list fresh; /* members that only the change knows */
};

/* ---- a change ---- */

/* Is there time for one more server in this turn? */
static bool takes_time(ringcache_client *client)
{
    bool time = client->handled_servers < A_TURN;
    client->handled_servers += time;
    return time;
}

int rc_members_recruit(
    ringcache_client *client, const ringcache_config *config, struct rc_recruits *recruits)
{
    struct rc_known known;
    if (client->handled_servers == A_TURN) {
        return 0;
    }
    int rc = rc_known_init(&known, &client->members);
    if (rc < 0) {
        return rc;
    }
    while (rc == 0 && recruits->looked_at < recruits->count && takes_time(client)) {
        const struct rc_server_uri *uri = rc_config_server(config, recruits->looked_at);
        if (rc_known_find(&known, uri) == NULL) {
            struct rc_member_server *member = rc_member_new(client, uri);
            recruits->members[recruits->looked_at] = member;
            rc = member != NULL ? 0 : RINGCACHE_ENOMEM;
        }
        recruits->looked_at++;
    }
    rc_known_deinit(&known);
    return rc;
}

bool rc_recruits_complete(const struct rc_recruits *recruits)
{
    return recruits->count <= A_TURN || recruits->looked_at == recruits->count;
}

void rc_recruits_free(struct rc_recruits *recruits)
{
    for (size_t i = 0; i < recruits->looked_at; i++) {
        if (recruits->members[i] != NULL) {
            rc_member_free(recruits->members[i]);
        }
    }
}

static struct rc_member_server *fresh_member(
    ringcache_client *client, struct change *change, size_t i)
{
    struct rc_recruits *recruits = change->recruits;
    struct rc_member_server *member = NULL;
    if (i < recruits->looked_at) {
        member = recruits->members[i];
        recruits->members[i] = NULL;
    }
    if (member == NULL) { /* none were made, or the one that was there has left */
        member = rc_member_new(client, rc_config_server(change->config, i));
    }
    if (member != NULL) {
        rc_list_append(&change->fresh, &member->link);
    }
    return member;
}

static int choose_members(ringcache_client *client, struct change *change)
{
    struct rc_known known;
    int rc = rc_known_init(&known, &client->members);
    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; rc == 0 && i < change->count; i++) {
        const struct rc_server_uri *uri = rc_config_server(change->config, i);
        struct rc_member_server *member = rc_known_find(&known, uri);
        change->members[i] = member != NULL ? member : fresh_member(client, change, i);
        rc = change->members[i] != NULL ? 0 : RINGCACHE_ENOMEM;
        rc = member != NULL ? rc_regreeting_init(&change->regreetings[i], member, uri) : rc;
    }
    rc_known_deinit(&known);
    return rc;
}

static bool is_spare(const struct change *change, size_t i)
{
    return rc_config_server(change->config, i)->role == RC_ROLE_SPARE;
}

/* Takes over the rings. */
static int make_table(struct change *change, struct rc_rings *rings)
{
    struct rc_seat *seats = rc_alloc_zeroed(change->count, sizeof *seats);
    if (seats == NULL) {
        rc_rings_unref(rings);
        return RINGCACHE_ENOMEM;
    }
    for (size_t i = 0; i < change->count; i++) {
        seats[i] = (struct rc_seat){change->members[i]->server, is_spare(change, i)};
    }
    int rc = rc_table_new(&change->table, rings->owners, rings->spares, seats);
    rc_free(seats);
    return rc;
}

static void discard(struct change *change)
{
    for (struct rc_list *node; (node = rc_list_first(&change->fresh)) != NULL;) {
        rc_member_free(rc_container(node, struct rc_member_server, link));
    }
    rc_table_free(change->table);
    rc_regreetings_free(change->regreetings, change->count);
    rc_free(change->members);
    ringcache_config_free(change->config);
}

/* Everything that can fail. Takes over `config` and the rings; on failure nothing is left of
 * them. */
static int prepare(ringcache_client *client, ringcache_config *config, struct rc_rings *rings,
    struct change *change)
{
    change->config = config;
    change->count = rc_config_server_count(config);
    rc_list_init(&change->fresh);
    change->members = rc_alloc_zeroed(change->count, sizeof *change->members);
    change->regreetings = rc_alloc_zeroed(change->count, sizeof *change->regreetings);
    bool room = change->members != NULL && change->regreetings != NULL;
    int rc = room ? choose_members(client, change) : RINGCACHE_ENOMEM;
    if (rc == 0) {
        rc = make_table(change, rings);
    } else {
        rc_rings_unref(rings);
    }
    if (rc < 0) {
        discard(change);
    }
    return rc;
}

/* Others had the keys meanwhile. */
static bool owns_again(const struct change *change, size_t i)
{
    const struct rc_member_server *member = change->members[i];
    return member->leaving || (member->spare && member->owned && !is_spare(change, i));
}

/* Members that were in the ring before, and were not of late. */
static void welcome_back(ringcache_client *client, const struct change *change)
{
    for (size_t i = 0; i < change->count; i++) {
        if (owns_again(change, i)) {
            rc_server_return(change->members[i]->server);
        }
    }
    for (struct rc_list *l = change->fresh.next; l != &change->fresh; l = l->next) {
        struct rc_member_server *member = rc_container(l, struct rc_member_server, link);
        struct rc_departed *departed = rc_departures_take(&client->departures, &member->uri);
        if (departed != NULL) {
            rc_server_rejoin(member->server, &departed->journal);
            rc_departed_free(departed);
        }
    }
}

static void commit(ringcache_client *client, struct change *change)
{
    struct rc_env *env = &client->env;
    rc_failover_moved(client);
    welcome_back(client, change);
    for (struct rc_list *l = change->fresh.next; client->table != NULL && l != &change->fresh;
         l = l->next) {
        rc_container(l, struct rc_member_server, link)->trusted_ms = rc_failover_trusted_ms(client);
    }
    rc_list_splice(&client->members, &change->fresh);
    for (struct rc_list *l = client->members.next; l != &client->members; l = l->next) {
        struct rc_member_server *member = rc_container(l, struct rc_member_server, link);
        if (!member->leaving) {
            member->leaving = true;
            client->leaving++;
            rc_env_arm(env, &member->linger, rc_env_now_ms(env) + LINGER_MS);
        }
    }
    for (size_t i = 0; i < change->count; i++) {
        change->members[i]->spare = is_spare(change, i);
        change->members[i]->owned = change->members[i]->owned || !change->members[i]->spare;
        change->members[i]->leaving = false;
        client->leaving--;
        change->members[i]->forced = false;
        rc_env_disarm(env, &change->members[i]->linger);
    }
    rc_table_free(client->table);
    ringcache_config_free(client->config);
    client->table = change->table;
    client->table_number++;
    client->config = change->config;
    client->prefix = rc_config_namespace(client->config);
    client->means = (struct rc_means){
        .has_memcached = client->table->has_memcached,
        .has_redis = client->table->has_redis,
        .prefix_len = client->prefix.len,
        .max_value_bytes = client->settings.max_value_bytes,
    };
    env->flushes_on_overflow =
        client->settings.on_overflow == RC_ON_OVERFLOW_FLUSH && client->prefix.len == 0;
    rc_regreetings_commit(change->regreetings, change->count);
    rc_free(change->members);
    rc_flights_overtake(client, rc_slice(NULL, 0)); /* another server may be asked from here on */
}

int rc_members_install(ringcache_client *client, ringcache_config *config, struct rc_rings *rings,
    struct rc_recruits *recruits)
{
    struct change change = {.recruits = recruits};
    int rc = prepare(client, config, rings, &change);
    if (rc == 0) {
        commit(client, &change);
    }
    return rc;
}

static int begin_with(ringcache_client *client, const ringcache_config *config)
{
    const struct rc_rings none = {.owners = NULL};
    struct rc_rings rings;
    struct rc_recruits nobody = {.count = 0};
    ringcache_config *copy;
    int rc = rc_config_copy(&copy, config);
    if (rc < 0) {
        return rc;
    }
    rc = rc_rings_new(&rings, copy, &none);
    if (rc < 0) {
        ringcache_config_free(copy);
        return rc;
    }
    return rc_members_install(client, copy, &rings, &nobody);
}

int rc_members_begin(ringcache_client *client, const ringcache_config *config)
{
    int rc = rc_config_check(config);
    if (rc < 0) {
        return rc;
    }
    rc = begin_with(client, config);
    if (rc < 0) {
        rc_config_set_error(config, ringcache_strerror(rc));
    }
    return rc;
}

/* A copy of the newest configuration, to be edited and put in force. */
static int begin_edit(ringcache_client *client, ringcache_config **copy)
{
    if (client->closing) {
        return rc_client_refuse(client, RINGCACHE_ECLOSING, "the client is closing");
    }
    int rc = rc_config_copy(copy, rc_growth_newest(client));
    return rc < 0 ? rc_client_refuse(client, rc, ringcache_strerror(rc)) : 0;
}

/* `edited` is the outcome of editing `config`, which is taken over. */
static int end_edit(ringcache_client *client, ringcache_config *config, int edited)
{
    struct rc_event_node *event =
        edited < 0 ? NULL
                   : rc_event_new(RINGCACHE_EVENT_RING_CHANGED, "", 0, "a new ring is in force");
    if (edited == 0) {
        edited = event != NULL ? rc_config_check(config) : RINGCACHE_ENOMEM;
    }
    if (edited < 0) {
        const char *why = ringcache_config_error(config);
        rc_client_refuse(client, edited, why[0] != '\0' ? why : ringcache_strerror(edited));
        ringcache_config_free(config);
        rc_free(event);
        return edited;
    }
    int rc = rc_growth_change(client, config, event);
    return rc < 0 ? rc_client_refuse(client, rc, ringcache_strerror(rc)) : 0;
}

/* ---- public ---- */

int ringcache_server_add(ringcache_client *client, const char *uri)
{
    ringcache_config *config;
    int rc = begin_edit(client, &config);
    return rc < 0 ? rc : end_edit(client, config, ringcache_config_add_server(config, uri));
}

int ringcache_server_remove(ringcache_client *client, const char *name)
{
    ringcache_config *config;
    int rc = begin_edit(client, &config);
    return rc < 0 ? rc : end_edit(client, config, ringcache_config_remove_server(config, name));
}

int ringcache_server_weight(ringcache_client *client, const char *name, uint32_t weight)
{
    ringcache_config *config;
    int rc = begin_edit(client, &config);
    if (rc < 0) {
        return rc;
    }
    size_t index = name != NULL ? rc_config_find(config, name) : SIZE_MAX;
    if (index == SIZE_MAX) {
        ringcache_config_free(config);
        return rc_client_refuse(client, RINGCACHE_EINVAL, "no server has this name");
    }
    rc_config_set_weight(config, index, weight);
    return end_edit(client, config, weight > 0 ? 0 : RINGCACHE_EINVAL);
}

int ringcache_servers_replace(ringcache_client *client, const ringcache_config *config)
{
    ringcache_config *copy;
    if (client->closing) {
        return rc_client_refuse(client, RINGCACHE_ECLOSING, "the client is closing");
    }
    int rc = config != NULL ? rc_config_copy(&copy, config) : RINGCACHE_EINVAL;
    if (rc < 0) {
        return rc_client_refuse(client, rc, ringcache_strerror(rc));
    }
    return end_edit(client, copy, 0);
}

struct rc_server *rc_members_find(const ringcache_client *client, const char *name)
{
    size_t index = rc_config_find(client->config, name);
    return index != SIZE_MAX ? client->table->all[index] : NULL;
}

/* ---- leaving ---- */

/* What is kept of it is what it cannot do any more. */
static void depart(struct rc_member_server *member)
{
    ringcache_client *client = member->client;
    struct rc_departed *departed = member->departed;
    rc_event_queue(
        client, rc_event_new(RINGCACHE_EVENT_REMOVED, member->uri.member.name, 0, "drained"));
    client->leaving--;
    bool known = member->owned || rc_server_is_known(member->server);
    rc_server_depart(member->server, &departed->journal);
    if (departed->journal.limit > 0 && known) {
        departed->uri = member->uri;
        member->uri = (struct rc_server_uri){.database = 0};
        member->departed = NULL;
        rc_departures_keep(&client->departures, departed);
    }
    rc_member_free(member);
}

bool rc_members_settle(ringcache_client *client)
{
    if (client->closing || client->leaving == 0) {
        return false;
    }
    struct rc_list *next;
    bool time = true;
    for (struct rc_list *l = client->members.next; time && l != &client->members; l = next) {
        struct rc_member_server *member = rc_container(l, struct rc_member_server, link);
        next = l->next;
        bool free_to_go = member->leaving && (rc_server_quiet(member->server) ||
                                                 (member->forced && member->server->live == 0));
        time = !free_to_go || takes_time(client);
        if (free_to_go && time) {
            depart(member);
        }
    }
    return !time;
}

bool rc_members_have_room(ringcache_client *client)
{
    bool room = false, refused = false;
    for (struct rc_list *l = client->members.next; l != &client->members; l = l->next) {
        struct rc_server *server = rc_container(l, struct rc_member_server, link)->server;
        room = rc_server_has_room(server, &refused) || room;
    }
    client->wants_room = refused;
    return room || !refused;
}

void rc_members_close(ringcache_client *client)
{
    for (struct rc_list *l = client->members.next; l != &client->members; l = l->next) {
        rc_server_close(rc_container(l, struct rc_member_server, link)->server);
    }
}

void rc_members_free(ringcache_client *client)
{
    for (struct rc_list *node; (node = rc_list_first(&client->members)) != NULL;) {
        rc_member_free(rc_container(node, struct rc_member_server, link));
    }
}

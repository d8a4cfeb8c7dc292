/* SPDX-License-Identifier: MIT */
/* The moves of a program: what is asked, cancelled and posted, and what changes the ring. */
#include "storm.h"

void storm_ask(struct storm_client *c)
{
    struct storm *storm = c->storm;
    uint64_t dice = storm_draw(storm, 60);
    struct storm_key *key = &storm->keys[storm_draw(storm, STORM_KEYS)];
    if (dice == 0) {
        storm_ask_many(c, false);
    } else if (dice < 3) {
        storm_ask_server(c);
    } else if (dice < 14) {
        storm_ask_counter(c, &storm->counters[storm_draw(storm, STORM_COUNTERS)]);
    } else if (dice < 18) {
        storm_ask_lock(c, &storm->locks[storm_draw(storm, STORM_LOCKS)]);
    } else if (dice < 22) {
        storm_update(c, key);
    } else if (key->loaded && storm_draw(storm, 2) == 0) {
        storm_fetch(c, key);
    } else {
        storm_ask_key(c, key, storm_draw_op(storm, key));
    }
}

/* ---- members ---- */

enum change { REMOVE, WEIGH, REPLACE, ADD };

struct membership {
    enum change change;
    const struct storm_server *server;
    size_t count; /* of a new ring: so many from that server on */
    uint32_t weight;
};

/* Where there are spares, a new ring makes spares of owners and owners of spares now and then. */
static const char *uri_of(
    const struct storm *storm, const struct membership *m, const struct storm_server *server)
{
    bool turns =
        storm->rules.spares > 0 && (m->weight + (size_t)(server - storm->servers)) % 3 == 0;
    return turns ? server->turned_uri : server->uri;
}

static int replace_all(
    const struct storm *storm, ringcache_client *client, const struct membership *m)
{
    ringcache_config *config;
    assert_int_equal(ringcache_config_new(&config), 0);
    for (size_t i = 0; i < m->count; i++) {
        size_t place = (size_t)(m->server - storm->servers) + i;
        const struct storm_server *server = &storm->servers[place % storm->server_count];
        assert_int_equal(ringcache_config_add_server(config, uri_of(storm, m, server)), 0);
    }
    int rc = ringcache_servers_replace(client, config);
    ringcache_config_free(config);
    return rc;
}

static int change_of(
    const struct storm *storm, ringcache_client *client, const struct membership *m)
{
    switch (m->change) {
    case REMOVE:
        return ringcache_server_remove(client, m->server->name);
    case WEIGH:
        return ringcache_server_weight(client, m->server->name, m->weight);
    case REPLACE:
        return replace_all(storm, client, m);
    case ADD:
        return ringcache_server_add(client, m->server->uri);
    }
    return RINGCACHE_EINVAL;
}

void storm_change_members(struct storm *storm)
{
    static const enum change changes[] = {REMOVE, REMOVE, WEIGH, REPLACE, ADD, ADD, ADD, ADD};
    struct membership m = {.change = changes[storm_draw(storm, 8)]};
    m.server = &storm->servers[storm_draw(storm, storm->server_count)];
    m.count = storm_draw(storm, storm->server_count + 1);
    m.weight = 1 + (uint32_t)storm_draw(storm, 3);
    bool was[STORM_SERVERS];
    for (size_t i = 0; i < storm->server_count; i++) {
        was[i] = storm_is_member(storm, &storm->servers[i]);
    }
    uint64_t starving = storm_starving();
    storm_starve(storm, 0); /* all of them take the new ring, or their owners would differ */
    storm->in_call = true;
    for (size_t i = 0; i < storm->rules.clients; i++) {
        const struct storm_client *c = &storm->clients[i];
        int rc = c->closing ? 0 : change_of(storm, c->client, &m);
        assert_true(rc == 0 || rc == RINGCACHE_EINVAL || rc == RINGCACHE_ECONFIG);
    }
    storm->in_call = false;
    storm_starve(storm, starving);
    for (size_t i = 0; i < storm->server_count; i++) {
        if (was[i] && !storm_is_member(storm, &storm->servers[i])) {
            storm->servers[i].left_at = ++storm->ticks;
        }
    }
    storm_note_owners(storm);
}

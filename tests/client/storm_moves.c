/* SPDX-License-Identifier: MIT */
/* The moves of a program: what is asked, cancelled and posted, and what changes the ring. */
#include "storm.h"

void storm_ask(struct storm *storm)
{
    uint64_t dice = storm_draw(storm, 60);
    if (dice == 0) {
        storm_ask_many(storm, false);
    } else if (dice < 3) {
        static const ringcache_request none;
        storm_submit(storm, storm_request_new(storm), &none);
    } else if (dice < 15) {
        storm_ask_counter(storm, &storm->counters[storm_draw(storm, STORM_COUNTERS)]);
    } else {
        struct storm_key *key = &storm->keys[storm_draw(storm, STORM_KEYS)];
        storm_ask_key(storm, key, storm_draw_op(storm, key));
    }
}

static void run_post(ringcache_client *client, void *user)
{
    struct storm *storm = user;
    assert_ptr_equal(client, storm->world->client);
    if (storm->in_call || storm->closed > 0 || storm->ran == storm->posted) {
        storm_fail(storm, "a post was run inside a call, behind the end, or twice", "");
    }
    storm->ran++;
    storm_act(storm);
}

void storm_post(struct storm *storm)
{
    storm->posted++;
    storm->in_call = true;
    int rc = ringcache_post(storm->world->client, run_post, storm);
    storm->in_call = false;
    assert_int_equal(rc, 0);
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

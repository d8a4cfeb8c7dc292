/* SPDX-License-Identifier: MIT */
#include "reentrancy.h"

#include <stdio.h>

#include "ringcache/fetch.h"
#include "ringcache/server.h"
#include "ringcache/update.h"

static const char *const C_URI = "memcached://10.0.0.3:11000";

/* ---- what is done ---- */

/* A call that nothing speaks against: it succeeds, unless the client closes. */
static void expect_success(const struct cell *cell, int rc)
{
    assert_int_equal(rc, cell->row->closing ? RINGCACHE_ECLOSING : 0);
}

static void close_client(struct cell *cell, const char *server)
{
    (void)server;
    world_close(cell->world);
}

/* What is being answered is not pending any more; in an event it may be. */
static void cancel_self(struct cell *cell, const char *server)
{
    (void)server;
    int rc = ringcache_cancel(cell->world->client, cell->self);
    if (cell->row->closing) {
        assert_int_equal(rc, RINGCACHE_ECLOSING);
    } else if (cell->row->callback == CALLBACK_EVENT) {
        assert_true(rc == RINGCACHE_EINVAL || rc == 0);
    } else {
        assert_int_equal(rc, cell->row->pending ? 0 : RINGCACHE_EINVAL);
    }
}

static void cancel_another(struct cell *cell, const char *server)
{
    (void)server;
    expect_success(cell, ringcache_cancel(cell->world->client, cell->pending));
}

static void submit(struct cell *cell, const char *server)
{
    (void)server;
    for (int i = 0; i < 8; i++) {
        char key[16];
        snprintf(key, sizeof key, "more%d", i);
        int rc = world_try_get(cell->world, key);
        assert_true(rc == (cell->row->closing ? RINGCACHE_ECLOSING : 0) || rc == RINGCACHE_EBUSY);
    }
}

static void replied(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client;
    (void)reply;
    paid(user);
}

static void many_ended(
    ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    (void)client;
    assert_int_equal(ok + missed + failed, 2);
    paid(user);
}

static void load(ringcache_client *client, ringcache_load *load, void *user)
{
    (void)client;
    (void)user;
    ringcache_load_done(load, "v", 1, 60000);
}

static void change(
    ringcache_client *client, const ringcache_reply *now, ringcache_change *change, void *user)
{
    (void)client;
    (void)now;
    (void)user;
    (void)ringcache_change_store(change, "v", 1, 60000);
}

static int key_listed(ringcache_client *client, const ringcache_listed_key *key, void *user)
{
    (void)client;
    (void)key;
    (void)user;
    return 0;
}

static void posted(ringcache_client *client, void *user)
{
    (void)client;
    paid(user);
}

static void released(void *user, const void *data, size_t len)
{
    (void)data;
    (void)len;
    paid(user);
}

static void submit_requests(struct cell *cell, ringcache_client *client)
{
    static char large[32 * 1024];
    static const ringcache_slice keys[] = {{"many0", 5}, {"many1", 5}};
    const ringcache_request lent = {.op = RINGCACHE_SET,
        .options = RINGCACHE_LEND_VALUE,
        .key = {"lent", 4},
        .value = {large, sizeof large},
        .release = released,
        .release_user = cell};
    int rc = ringcache_submit(client, &lent, replied, cell, NULL);
    owe(cell, rc);
    owe(cell, rc);
    owe(cell, ringcache_get_many(client, keys, 2, NULL, NULL, many_ended, cell));
    const ringcache_fetch_request fetched = {.key = {"fetched", 7}, .loader = load};
    owe(cell, ringcache_fetch(client, &fetched, replied, cell, NULL));
    const ringcache_request changed = {.key = {"changed", 7}};
    owe(cell, ringcache_update(client, &changed, change, replied, cell, NULL));
    owe(cell, ringcache_lock(client, "lock", 4, 1000, &cell->token, replied, cell));
}

static void submit_every_kind(struct cell *cell, const char *server)
{
    (void)server;
    ringcache_client *client = cell->world->client;
    assert_false(cell->world->in_call);
    cell->world->in_call = true;
    submit_requests(cell, client);
    owe(cell, ringcache_ping(client, SERVER_E, replied, cell));
    owe(cell, ringcache_server_stats(client, SERVER_E, NULL, replied, cell));
    owe(cell, ringcache_server_keys(client, SERVER_E, key_listed, replied, cell));
    owe(cell, ringcache_post(client, posted, cell));
    cell->world->in_call = false;
}

static void add_a_server(struct cell *cell, const char *server)
{
    (void)server;
    expect_success(cell, ringcache_server_add(cell->world->client, C_URI));
}

static void remove_this(struct cell *cell, const char *server)
{
    bool gone = cell->row->callback == CALLBACK_EVENT && cell->row->what == RINGCACHE_EVENT_REMOVED;
    int rc = ringcache_server_remove(cell->world->client, server);
    if (gone) {
        assert_int_equal(rc, RINGCACHE_EINVAL);
    } else {
        expect_success(cell, rc);
    }
}

static void remove_another(struct cell *cell, const char *server)
{
    const char *another = strcmp(server, SERVER_D) == 0 ? SERVER_A : SERVER_D;
    expect_success(cell, ringcache_server_remove(cell->world->client, another));
}

static void replace_all(struct cell *cell, const char *server)
{
    (void)server;
    ringcache_config *config;
    assert_int_equal(ringcache_config_new(&config), 0);
    assert_int_equal(ringcache_config_add_server(config, C_URI), 0);
    expect_success(cell, ringcache_servers_replace(cell->world->client, config));
    ringcache_config_free(config);
}

const struct act acts[] = {
    {"close", close_client},
    {"cancel_self", cancel_self},
    {"cancel_another", cancel_another},
    {"submit", submit},
    {"submit_every_kind", submit_every_kind},
    {"add_a_server", add_a_server},
    {"remove_this_server", remove_this},
    {"remove_another", remove_another},
    {"replace_all", replace_all},
};
const size_t act_count = sizeof acts / sizeof *acts;

/* ---- when ---- */

void owe(struct cell *cell, int rc)
{
    assert_true(rc == (cell->row->closing ? RINGCACHE_ECLOSING : 0) || rc == RINGCACHE_EBUSY);
    cell->owed += rc == 0;
}

void paid(struct cell *cell)
{
    assert_false(cell->world->in_call);
    assert_true(cell->owed > 0);
    cell->owed--;
}

void heard(struct cell *cell, const char *server)
{
    assert_false(cell->world->in_call);
    if (cell->acts++ == 0) {
        cell->act->run(cell, server != NULL && server[0] != '\0' ? server : SERVER_A);
    }
}

static void hear_reply(struct world *world, struct world_reply *reply)
{
    struct cell *cell = world->stage;
    const struct row *row = cell->row;
    if (row->callback == CALLBACK_REPLY && !row->own && reply->status == row->what) {
        heard(cell, reply->server);
    }
}

static void hear_event(struct world *world, const ringcache_event *event)
{
    struct cell *cell = world->stage;
    if (cell->row->callback == CALLBACK_EVENT && (int)event->type == cell->row->what) {
        heard(cell, event->server);
    }
}

/* ---- the stage ---- */

ringcache_slice key_of(struct cell *cell, const char *server, char key[32])
{
    world_key_of(cell->world, server, "key", &cell->key, key);
    return (ringcache_slice){key, strlen(key)};
}

struct world_reply *get_of(
    struct cell *cell, const char *server, uint32_t timeout_ms, ringcache_id *id)
{
    char key[32];
    const ringcache_request get = {
        .op = RINGCACHE_GET, .key = key_of(cell, server, key), .timeout_ms = timeout_ms};
    return world_submit(cell->world, &get, id);
}

void leave_one_pending(struct cell *cell)
{
    sim_server_stop(cell->b);
    cell->canceled = get_of(cell, SERVER_B, 60000, &cell->pending);
}

static void begin_cell(struct cell *cell)
{
    struct world *world = world_new(31);
    cell->world = world;
    cell->a = world_memcached(world, "10.0.0.1", 11000);
    cell->b = world_memcached(world, "10.0.0.2", 11000);
    cell->d = world_redis(world, "10.0.0.4", 6379);
    world_redis(world, "10.0.0.5", 6379);
    sim_server_add(world->sim, "10.0.0.3", 11000, ENGINE_MEMCACHED);
    world_option(world, "max_inflight", "8");
    world_option(world, "journal_entries", "4");
    world_begin(world);
    get_of(cell, SERVER_B, 0, NULL);
    if (!cell->row->fresh) {
        get_of(cell, SERVER_A, 0, NULL);
    }
    world_settle(world, 100);
    world_run_for(world, 1);
    world->stage = cell;
    world->on_reply = hear_reply;
    world->on_event = hear_event;
}

static void assert_all_works(struct world *world)
{
    struct world_reply *gets[4];
    for (int i = 0; i < 4; i++) {
        char key[16];
        snprintf(key, sizeof key, "last%d", i);
        gets[i] = world_get(world, key);
    }
    world_settle(world, 1000);
    for (int i = 0; i < 4; i++) {
        assert_reply(gets[i], RINGCACHE_MISS);
    }
}

/* Whatever was done, the rest works on: every request has an answer, and a new one a good one. */
static void finish_cell(struct cell *cell)
{
    struct world *world = cell->world;
    world_run_for(world, 3000);
    assert_true(cell->acts > 0);
    sim_server_continue(cell->b);
    sim_server_continue(cell->d);
    sim_server_restart(cell->a, true);
    if (world->closed == 0) { /* after a row that let it be held */
        (void)ringcache_server_readmit(world->client, SERVER_D, RINGCACHE_READMIT_FLUSHED);
    }
    world_run_for(world, 3000);
    if (cell->load != NULL) {
        ringcache_load_failed(cell->load, RINGCACHE_ESERVER, NULL);
    }
    if (cell->act->run == cancel_another) {
        assert_reply(cell->canceled, RINGCACHE_ECANCELED);
    }
    if (cell->act->run == cancel_self && cell->row->pending) {
        assert_reply(cell->own, RINGCACHE_ECANCELED);
    }
    if (cell->act->run == close_client || cell->row->closing) {
        assert_int_equal(world->closed, 1);
    } else {
        assert_all_works(world);
    }
    assert_int_equal(cell->owed, 0);
    world_end(world);
}

void run_cell(const struct row *row, const struct act *act)
{
    struct cell cell = {.row = row, .act = act};
    begin_cell(&cell);
    row->provoke(&cell);
    finish_cell(&cell);
}

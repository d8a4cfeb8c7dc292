/* SPDX-License-Identifier: MIT */
/* What is heard of calls that are more than one request, and the functions that a program gives to
 * the library for other reasons than to hear an answer. */
#include "reentrancy.h"

#include "ringcache/fetch.h"
#include "ringcache/server.h"
#include "ringcache/update.h"

enum { MANY = 4, LARGE = 200000 };

/* ---- many keys ---- */

static void hear_each(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct cell *cell = user;
    (void)client;
    if (cell->row->callback == CALLBACK_REPLY && reply->status == cell->row->what) {
        heard(cell, reply->server);
    }
}

static void hear_done(ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    struct cell *cell = user;
    (void)client;
    assert_int_equal(ok + missed + failed, MANY);
    paid(cell);
    if (cell->row->callback == CALLBACK_MANY_END) {
        heard(cell, NULL);
    }
}

static void get_many_with(struct cell *cell, uint32_t timeout_ms)
{
    static char names[MANY][32];
    static ringcache_slice keys[MANY];
    for (size_t i = 0; i < MANY; i++) {
        keys[i] = key_of(cell, SERVER_A, names[i]);
    }
    const ringcache_request defaults = {.timeout_ms = timeout_ms};
    cell->owed++;
    int rc =
        ringcache_get_many(cell->world->client, keys, MANY, &defaults, hear_each, hear_done, cell);
    assert_int_equal(rc, 0);
}

static void get_many(struct cell *cell)
{
    leave_one_pending(cell);
    get_many_with(cell, 0);
}

static void get_many_in_vain(struct cell *cell)
{
    leave_one_pending(cell);
    sim_server_stop(cell->a);
    get_many_with(cell, 5);
}

static void get_many_of_a_dead_one(struct cell *cell)
{
    sim_server_kill(cell->a);
    world_run_for(cell->world, 20);
    get_many(cell);
}

static void close_before_many(struct cell *cell)
{
    get_many(cell);
    world_close(cell->world);
}

/* ---- fetches ---- */

static void load_ended(struct cell *cell, ringcache_load *load)
{
    cell->load = NULL;
    if (cell->row->what == RINGCACHE_ESERVER) {
        ringcache_load_failed(load, RINGCACHE_ESERVER, "the database is away");
    } else {
        ringcache_load_done(load, "v", 1, 60000);
    }
}

/* `user` is that of the reply, which is the world's. */
static struct cell *cell_of(ringcache_client *client)
{
    struct world *world = client->event_user;
    return world->stage;
}

static void hear_loader(ringcache_client *client, ringcache_load *load, void *user)
{
    struct cell *cell = cell_of(client);
    (void)user;
    cell->load = load;
    if (cell->row->callback == CALLBACK_LOADER) {
        heard(cell, NULL);
    }
    if (cell->row->what != RINGCACHE_ETIMEDOUT) {
        load_ended(cell, load);
    }
}

static void fetch_with(struct cell *cell, uint32_t timeout_ms)
{
    char key[32];
    const ringcache_fetch_request request = {
        .key = key_of(cell, SERVER_A, key), .loader = hear_loader, .timeout_ms = timeout_ms};
    struct world_call call = world_call(cell->world);
    cell->own = world_called(cell->world, &call,
        ringcache_fetch(cell->world->client, &request, call.cb, call.user, &cell->self));
}

static void fetch(struct cell *cell)
{
    leave_one_pending(cell);
    fetch_with(cell, 0);
}

static void fetch_for_a_moment(struct cell *cell)
{
    leave_one_pending(cell);
    fetch_with(cell, 20);
}

static void fetch_from_a_dead_one(struct cell *cell)
{
    sim_server_kill(cell->a);
    world_run_for(cell->world, 20);
    fetch(cell);
}

/* ---- updates and locks ---- */

static void hear_update(
    ringcache_client *client, const ringcache_reply *now, ringcache_change *change, void *user)
{
    struct cell *cell = cell_of(client);
    (void)user;
    if (cell->row->callback == CALLBACK_UPDATE) {
        heard(cell, now->server);
    }
    (void)ringcache_change_store(change, "v", 1, 60000);
}

static void update_with(struct cell *cell, uint32_t timeout_ms)
{
    char key[32];
    leave_one_pending(cell);
    const ringcache_request request = {
        .key = key_of(cell, SERVER_A, key), .timeout_ms = timeout_ms};
    struct world_call call = world_call(cell->world);
    cell->own = world_called(cell->world, &call,
        ringcache_update(
            cell->world->client, &request, hear_update, call.cb, call.user, &cell->self));
}

static void update(struct cell *cell)
{
    update_with(cell, 0);
}

static void update_refused(struct cell *cell)
{
    engine_answer_next(sim_server_engine(cell->a), "ms", 1, "SERVER_ERROR out of memory\r\n");
    update_with(cell, 0);
}

static void update_in_vain(struct cell *cell)
{
    sim_server_stop(cell->a);
    update_with(cell, 5);
}

static void lock(struct cell *cell)
{
    char key[32];
    leave_one_pending(cell);
    ringcache_slice of = key_of(cell, SERVER_A, key);
    struct world_call call = world_call(cell->world);
    world_called(cell->world, &call,
        ringcache_lock(
            cell->world->client, of.data, of.len, 60000, &cell->token, call.cb, call.user));
}

static void lock_refused(struct cell *cell)
{
    engine_answer_next(sim_server_engine(cell->a), "ms", 1, "SERVER_ERROR out of memory\r\n");
    lock(cell);
}

static void lock_and_lose_it(struct cell *cell)
{
    engine_answer_next(sim_server_engine(cell->a), "ms", 1, NULL);
    lock(cell);
}

static void lock_in_vain(struct cell *cell)
{
    sim_server_stop(cell->a);
    lock(cell);
}

/* A lock that nobody holds: the questions are the same, the answer a miss. */
static void extend_lock(struct cell *cell)
{
    char key[32];
    leave_one_pending(cell);
    ringcache_slice of = key_of(cell, SERVER_A, key);
    struct world_call call = world_call(cell->world);
    world_called(cell->world, &call,
        ringcache_lock_extend(cell->world->client, of.data, of.len, 1, 60000, call.cb, call.user));
}

static void release_lock(struct cell *cell)
{
    char key[32];
    leave_one_pending(cell);
    ringcache_slice of = key_of(cell, SERVER_A, key);
    struct world_call call = world_call(cell->world);
    world_called(cell->world, &call,
        ringcache_lock_release(cell->world->client, of.data, of.len, 1, call.cb, call.user));
}

/* ---- posts and loans ---- */

static void hear_post(ringcache_client *client, void *user)
{
    (void)client;
    paid(user);
    heard(user, NULL);
}

static void post(struct cell *cell)
{
    leave_one_pending(cell);
    cell->owed++;
    assert_int_equal(ringcache_post(cell->world->client, hear_post, cell), 0);
}

static void post_and_close(struct cell *cell)
{
    leave_one_pending(cell);
    cell->owed++;
    assert_int_equal(ringcache_post(cell->world->client, hear_post, cell), 0);
    world_close(cell->world);
}

static void hear_release(void *user, const void *data, size_t len)
{
    struct cell *cell = user;
    (void)data;
    assert_true(len > 0);
    paid(cell);
    heard(cell, NULL);
}

static void lend_with(struct cell *cell, size_t len)
{
    static char bytes[LARGE];
    char key[32];
    const ringcache_request set = {.op = RINGCACHE_SET,
        .options = RINGCACHE_LEND_VALUE,
        .key = key_of(cell, SERVER_A, key),
        .value = {bytes, len},
        .release = hear_release,
        .release_user = cell};
    cell->own = world_submit(cell->world, &set, &cell->self);
    cell->owed++;
}

static void lend_small(struct cell *cell)
{
    leave_one_pending(cell);
    lend_with(cell, 100);
}

static void lend_large(struct cell *cell)
{
    leave_one_pending(cell);
    lend_with(cell, LARGE);
}

static void lend_to_one_that_dies(struct cell *cell)
{
    sim_server_stop(cell->a);
    lend_large(cell);
    world_run_for(cell->world, 5);
    sim_server_kill(cell->a);
}

static void lend_and_close(struct cell *cell)
{
    sim_server_stop(cell->a);
    lend_large(cell);
    world_close(cell->world);
}

/* ---- listings and questions ---- */

static int hear_key(ringcache_client *client, const ringcache_listed_key *key, void *user)
{
    struct cell *cell = user;
    (void)client;
    assert_true(key->key.len > 0);
    if (cell->row->callback == CALLBACK_KEY) {
        heard(cell, cell->row->what == ENGINE_REDIS ? SERVER_D : SERVER_A);
    }
    return 0;
}

static void hear_listed(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct cell *cell = user;
    (void)client;
    paid(cell);
    if (cell->row->callback == CALLBACK_REPLY && reply->status == cell->row->what) {
        heard(cell, reply->server);
    }
}

static void list_of(struct cell *cell, struct sim_server *server, const char *name)
{
    engine_put(sim_server_engine(server), 0, "one", rc_slice_text("v"), 0);
    engine_put(sim_server_engine(server), 0, "two", rc_slice_text("v"), 0);
    leave_one_pending(cell);
    cell->owed++;
    int rc = ringcache_server_keys(cell->world->client, name, hear_key, hear_listed, cell);
    assert_int_equal(rc, 0);
}

static void list_memcached(struct cell *cell)
{
    list_of(cell, cell->a, SERVER_A);
}

static void list_redis(struct cell *cell)
{
    list_of(cell, cell->d, SERVER_D);
}

static void list_refused(struct cell *cell)
{
    engine_answer_next(sim_server_engine(cell->d), "scan", 1, "-ERR not today\r\n");
    list_redis(cell);
}

static void list_in_vain(struct cell *cell)
{
    sim_server_stop(cell->d);
    list_redis(cell);
}

static void list_and_close(struct cell *cell)
{
    list_memcached(cell);
    world_close(cell->world);
}

static void ask_for_figures(struct cell *cell)
{
    leave_one_pending(cell);
    struct world_call call = world_call(cell->world);
    world_called(cell->world, &call,
        ringcache_server_stats(cell->world->client, SERVER_A, NULL, call.cb, call.user));
}

static void flush(struct cell *cell)
{
    leave_one_pending(cell);
    struct world_call call = world_call(cell->world);
    world_called(cell->world, &call,
        ringcache_flush_all_data(cell->world->client, SERVER_D, call.cb, call.user));
}

static void command(struct cell *cell)
{
    char key[32];
    leave_one_pending(cell);
    const ringcache_slice args[] = {{"GET", 3}, key_of(cell, SERVER_D, key)};
    struct world_call call = world_call(cell->world);
    world_called(cell->world, &call,
        ringcache_command(cell->world->client, args, 2, NULL, call.cb, call.user));
}

const struct row call_rows[] = {
    {"a_key_of_many", CALLBACK_REPLY, RINGCACHE_MISS, .own = true, .provoke = get_many},
    {"a_key_of_many_that_timed_out", CALLBACK_REPLY, RINGCACHE_ETIMEDOUT, .own = true,
        .provoke = get_many_in_vain},
    {"a_key_of_many_whose_server_is_out", CALLBACK_REPLY, RINGCACHE_EDOWN, .own = true,
        .provoke = get_many_of_a_dead_one},
    {"a_key_of_many_ended_by_closing", CALLBACK_REPLY, RINGCACHE_ECANCELED, .own = true,
        .closing = true, .provoke = close_before_many},
    {"the_end_of_many", CALLBACK_MANY_END, .provoke = get_many},
    {"the_end_of_many_that_timed_out", CALLBACK_MANY_END, .provoke = get_many_in_vain},
    {"the_end_of_many_whose_server_is_out", CALLBACK_MANY_END, .provoke = get_many_of_a_dead_one},
    {"the_end_of_many_by_closing", CALLBACK_MANY_END, .closing = true,
        .provoke = close_before_many},
    {"a_loader", CALLBACK_LOADER, .pending = true, .provoke = fetch},
    {"a_loader_that_fails", CALLBACK_LOADER, RINGCACHE_ESERVER, .pending = true, .provoke = fetch},
    {"a_loader_without_its_server", CALLBACK_LOADER, .pending = true,
        .provoke = fetch_from_a_dead_one},
    {"what_was_fetched", CALLBACK_REPLY, RINGCACHE_OK, .provoke = fetch},
    {"a_fetch_that_failed", CALLBACK_REPLY, RINGCACHE_ESERVER, .provoke = fetch},
    {"a_fetch_that_timed_out", CALLBACK_REPLY, RINGCACHE_ETIMEDOUT, .provoke = fetch_for_a_moment},
    {"an_updates_function", CALLBACK_UPDATE, .pending = true, .provoke = update},
    {"an_update", CALLBACK_REPLY, RINGCACHE_OK, .provoke = update},
    {"an_update_that_was_refused", CALLBACK_REPLY, RINGCACHE_ESERVER, .provoke = update_refused},
    {"an_update_that_timed_out", CALLBACK_REPLY, RINGCACHE_ETIMEDOUT, .provoke = update_in_vain},
    {"a_lock", CALLBACK_REPLY, RINGCACHE_OK, .provoke = lock},
    {"a_lock_that_was_refused", CALLBACK_REPLY, RINGCACHE_ESERVER, .provoke = lock_refused},
    {"a_lock_whose_connection_was_lost", CALLBACK_REPLY, RINGCACHE_ECONNECT,
        .provoke = lock_and_lose_it},
    {"a_lock_that_timed_out", CALLBACK_REPLY, RINGCACHE_ETIMEDOUT, .provoke = lock_in_vain},
    {"a_lock_to_be_extended", CALLBACK_REPLY, RINGCACHE_MISS, .provoke = extend_lock},
    {"a_lock_to_be_released", CALLBACK_REPLY, RINGCACHE_MISS, .provoke = release_lock},
    {"a_post", CALLBACK_POST, .provoke = post},
    {"a_post_that_closing_found_waiting", CALLBACK_POST, .closing = true,
        .provoke = post_and_close},
    {"the_release_of_a_small_value", CALLBACK_RELEASE, .pending = true, .provoke = lend_small},
    {"the_release_of_a_large_value", CALLBACK_RELEASE, .pending = true, .provoke = lend_large},
    {"the_release_by_a_dead_server", CALLBACK_RELEASE, .provoke = lend_to_one_that_dies},
    {"the_release_by_closing", CALLBACK_RELEASE, .closing = true, .provoke = lend_and_close},
    {"a_listed_key_of_memcached", CALLBACK_KEY, ENGINE_MEMCACHED, .provoke = list_memcached},
    {"a_listed_key_of_redis", CALLBACK_KEY, ENGINE_REDIS, .provoke = list_redis},
    {"the_end_of_a_listing_of_memcached", CALLBACK_REPLY, RINGCACHE_OK, .own = true,
        .provoke = list_memcached},
    {"the_end_of_a_listing_of_redis", CALLBACK_REPLY, RINGCACHE_OK, .own = true,
        .provoke = list_redis},
    {"a_listing_that_was_refused", CALLBACK_REPLY, RINGCACHE_ESERVER, .own = true,
        .provoke = list_refused},
    {"a_listing_that_timed_out", CALLBACK_REPLY, RINGCACHE_ETIMEDOUT, .own = true,
        .provoke = list_in_vain},
    {"the_end_of_a_listing_by_closing", CALLBACK_REPLY, RINGCACHE_ECANCELED, .own = true,
        .closing = true, .provoke = list_and_close},
    {"figures", CALLBACK_REPLY, RINGCACHE_OK, .provoke = ask_for_figures},
    {"a_flush", CALLBACK_REPLY, RINGCACHE_OK, .provoke = flush},
    {"a_raw_command", CALLBACK_REPLY, RINGCACHE_OK, .provoke = command},
};
const size_t call_row_count = sizeof call_rows / sizeof *call_rows;

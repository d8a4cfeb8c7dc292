/* SPDX-License-Identifier: MIT */
/* Every call is legal in every callback: whatever a program hears, it may close, cancel, submit,
 * add or remove a server there and then. Each test is one row: what is heard; it tries
 * everything. */
#include "world.h"

#include <stdio.h>

/*     A   the server that the row is about          C   not in the ring at first
 *     B   stopped, with one request pending on it   D   idle, the one that is "another"
 *     E   makes them four, so that two may be ejected */
static const char *const A = "10.0.0.1:11000";
static const char *const D = "10.0.0.4:6379";
static const char *const C_URI = "memcached://10.0.0.3:11000";

enum { REPLIED, TOLD };

struct row;

/* One cell: something is done in one callback. */
struct cell {
    struct world *world;
    struct sim_server *a, *b, *d;
    const struct row *row;
    void (*act)(struct cell *cell, const char *server);
    ringcache_id self, pending;
    struct world_reply *canceled; /* by the act */
    unsigned key;
    unsigned acts;
};

/* What is heard, and how it comes about. */
struct row {
    int hears;  /* REPLIED or TOLD */
    int what;   /* a reply's status, or an event's type */
    bool fresh; /* A was never asked before */
    void (*provoke)(struct cell *cell);
};

/* ---- what is done ---- */

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
    assert_true(rc == RINGCACHE_EINVAL || (rc == 0 && cell->row->hears == TOLD));
}

static void cancel_another(struct cell *cell, const char *server)
{
    (void)server;
    assert_int_equal(ringcache_cancel(cell->world->client, cell->pending), 0);
}

static void submit(struct cell *cell, const char *server)
{
    (void)server;
    for (int i = 0; i < 8; i++) {
        char key[16];
        snprintf(key, sizeof key, "more%d", i);
        int rc = world_try_get(cell->world, key);
        assert_true(rc == 0 || rc == RINGCACHE_EBUSY);
    }
}

static void add_a_server(struct cell *cell, const char *server)
{
    (void)server;
    assert_int_equal(ringcache_server_add(cell->world->client, C_URI), 0);
}

static void remove_this(struct cell *cell, const char *server)
{
    bool gone = cell->row->hears == TOLD && cell->row->what == RINGCACHE_EVENT_REMOVED;
    int rc = ringcache_server_remove(cell->world->client, server[0] != '\0' ? server : A);
    assert_int_equal(rc, gone ? RINGCACHE_EINVAL : 0);
}

static void remove_another(struct cell *cell, const char *server)
{
    const char *another = strcmp(server, D) == 0 ? A : D;
    assert_int_equal(ringcache_server_remove(cell->world->client, another), 0);
}

static void replace_all(struct cell *cell, const char *server)
{
    (void)server;
    ringcache_config *config;
    assert_int_equal(ringcache_config_new(&config), 0);
    assert_int_equal(ringcache_config_add_server(config, C_URI), 0);
    assert_int_equal(ringcache_servers_replace(cell->world->client, config), 0);
    ringcache_config_free(config);
}

static const struct act {
    const char *name;
    void (*run)(struct cell *cell, const char *server);
} acts[] = {
    {"close", close_client},
    {"cancel self", cancel_self},
    {"cancel another", cancel_another},
    {"submit", submit},
    {"add a server", add_a_server},
    {"remove this server", remove_this},
    {"remove another", remove_another},
    {"replace all", replace_all},
};

static void hear_reply(struct world *world, struct world_reply *reply)
{
    struct cell *cell = world->stage;
    if (cell->row->hears == REPLIED && reply->status == cell->row->what && cell->acts++ == 0) {
        cell->act(cell, reply->server);
    }
}

static void hear_event(struct world *world, const ringcache_event *event)
{
    struct cell *cell = world->stage;
    if (cell->row->hears == TOLD && (int)event->type == cell->row->what && cell->acts++ == 0) {
        cell->act(cell, event->server);
    }
}

/* ---- the stage ---- */

static struct world_reply *get_of(
    struct cell *cell, const char *server, uint32_t timeout_ms, ringcache_id *id)
{
    char key[32];
    world_key_of(cell->world, server, "key", &cell->key, key);
    const ringcache_request get = {
        .op = RINGCACHE_GET, .key = {key, strlen(key)}, .timeout_ms = timeout_ms};
    return world_submit(cell->world, &get, id);
}

/* Something for `cancel another`, on a server that does not answer. */
static void leave_one_pending(struct cell *cell)
{
    sim_server_stop(cell->b);
    cell->canceled = get_of(cell, "10.0.0.2:11000", 60000, &cell->pending);
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
    world_begin(world);
    get_of(cell, "10.0.0.2:11000", 0, NULL);
    if (!cell->row->fresh) {
        get_of(cell, A, 0, NULL);
    }
    world_settle(world, 100);
    world_run_for(world, 1);
    world->stage = cell;
    world->on_reply = hear_reply;
    world->on_event = hear_event;
}

/* Whatever was done, the rest works on: every request has an answer, and a new one a good one. */
static void finish_cell(struct cell *cell)
{
    struct world *world = cell->world;
    world_run_for(world, 3000);
    assert_true(cell->acts > 0);
    sim_server_continue(cell->b);
    sim_server_restart(cell->a, true);
    world_run_for(world, 3000);
    if (cell->act == cancel_another) {
        assert_reply(cell->canceled, RINGCACHE_ECANCELED);
    }
    if (cell->act == close_client) {
        assert_int_equal(world->closed, 1);
    } else {
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
    world_end(world);
}

static void run_row(const struct row *row)
{
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        print_message("  %s\n", acts[i].name);
        struct cell cell = {.row = row, .act = acts[i].run};
        begin_cell(&cell);
        row->provoke(&cell);
        finish_cell(&cell);
    }
}

/* ---- the rows ---- */

static void answer(struct cell *cell)
{
    leave_one_pending(cell);
    get_of(cell, A, 0, &cell->self);
    get_of(cell, A, 0, NULL);
}

static void everything_is_legal_in_the_callback_of_a_reply(void **state)
{
    (void)state;
    run_row(&(struct row){.hears = REPLIED, .what = RINGCACHE_MISS, .provoke = answer});
}

static void refuse(struct cell *cell)
{
    engine_answer_next(sim_server_engine(cell->a), "mg", 1, "SERVER_ERROR out of memory\r\n");
    answer(cell);
}

static void everything_is_legal_in_the_callback_of_an_error_reply(void **state)
{
    (void)state;
    run_row(&(struct row){.hears = REPLIED, .what = RINGCACHE_ESERVER, .provoke = refuse});
}

static void let_time_out(struct cell *cell)
{
    sim_server_stop(cell->a);
    leave_one_pending(cell);
    get_of(cell, A, 5, &cell->self);
    get_of(cell, A, 5, NULL);
    get_of(cell, A, 6, NULL);
}

static void everything_is_legal_in_the_callback_of_a_timeout(void **state)
{
    (void)state;
    run_row(&(struct row){.hears = REPLIED, .what = RINGCACHE_ETIMEDOUT, .provoke = let_time_out});
}

static void cancel(struct cell *cell)
{
    sim_server_stop(cell->a);
    leave_one_pending(cell);
    get_of(cell, A, 0, &cell->self);
    get_of(cell, A, 0, NULL);
    world_run_for(cell->world, 5);
    assert_int_equal(ringcache_cancel(cell->world->client, cell->self), 0);
}

static void everything_is_legal_in_the_callback_of_a_cancel(void **state)
{
    (void)state;
    run_row(&(struct row){.hears = REPLIED, .what = RINGCACHE_ECANCELED, .provoke = cancel});
}

static void refuse_by_outage(struct cell *cell)
{
    sim_server_kill(cell->a);
    world_run_for(cell->world, 20);
    leave_one_pending(cell);
    get_of(cell, A, 0, &cell->self);
    get_of(cell, A, 0, NULL);
}

static void everything_is_legal_in_the_callback_of_a_request_for_a_server_that_is_out(void **state)
{
    (void)state;
    run_row(&(struct row){.hears = REPLIED, .what = RINGCACHE_EDOWN, .provoke = refuse_by_outage});
}

static void cut_off(struct cell *cell)
{
    sim_server_stop(cell->a);
    leave_one_pending(cell);
    get_of(cell, A, 0, &cell->self);
    get_of(cell, A, 0, NULL);
    world_run_for(cell->world, 5);
    sim_server_continue(cell->a);
    sim_end(cell->a, sim_server_newest(cell->a), SIM_RST);
}

static void everything_is_legal_in_the_callback_of_a_lost_connection(void **state)
{
    (void)state;
    run_row(&(struct row){.hears = REPLIED, .what = RINGCACHE_ECONNECT, .provoke = cut_off});
}

static void everything_is_legal_in_the_event_up(void **state)
{
    (void)state;
    run_row(
        &(struct row){.hears = TOLD, .what = RINGCACHE_EVENT_UP, .fresh = true, .provoke = answer});
}

static void die(struct cell *cell)
{
    leave_one_pending(cell);
    get_of(cell, A, 0, &cell->self);
    sim_server_kill(cell->a);
}

static void everything_is_legal_in_the_event_down(void **state)
{
    (void)state;
    run_row(&(struct row){.hears = TOLD, .what = RINGCACHE_EVENT_DOWN, .provoke = die});
}

static void fall_silent(struct cell *cell)
{
    sim_server_stop(cell->a);
    get_of(cell, A, 0, &cell->self);
    world_run_for(cell->world, 20);
    leave_one_pending(cell);
}

static void everything_is_legal_in_the_event_ejected(void **state)
{
    (void)state;
    run_row(&(struct row){.hears = TOLD, .what = RINGCACHE_EVENT_EJECTED, .provoke = fall_silent});
}

static void change_a_weight(struct cell *cell)
{
    answer(cell);
    assert_int_equal(ringcache_server_weight(cell->world->client, A, 2), 0);
}

static void everything_is_legal_in_the_event_ring_changed(void **state)
{
    (void)state;
    run_row(&(struct row){
        .hears = TOLD, .what = RINGCACHE_EVENT_RING_CHANGED, .provoke = change_a_weight});
}

static void remove_d(struct cell *cell)
{
    answer(cell);
    assert_int_equal(ringcache_server_remove(cell->world->client, D), 0);
}

static void everything_is_legal_in_the_event_removed(void **state)
{
    (void)state;
    run_row(&(struct row){.hears = TOLD, .what = RINGCACHE_EVENT_REMOVED, .provoke = remove_d});
}

static void fill(struct cell *cell)
{
    char key[32];
    leave_one_pending(cell);
    sim_server_stop(cell->a);
    for (int i = 0; i < 8; i++) {
        get_of(cell, A, 0, &cell->self);
    }
    world_key_of(cell->world, A, "key", &cell->key, key);
    assert_int_equal(world_try_get(cell->world, key), RINGCACHE_EBUSY);
    world_run_for(cell->world, 5);
    sim_server_continue(cell->a);
}

static void everything_is_legal_in_the_event_room(void **state)
{
    (void)state;
    run_row(&(struct row){.hears = TOLD, .what = RINGCACHE_EVENT_ROOM, .provoke = fill});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_is_legal_in_the_callback_of_a_reply),
        cmocka_unit_test(everything_is_legal_in_the_callback_of_an_error_reply),
        cmocka_unit_test(everything_is_legal_in_the_callback_of_a_timeout),
        cmocka_unit_test(everything_is_legal_in_the_callback_of_a_cancel),
        cmocka_unit_test(everything_is_legal_in_the_callback_of_a_request_for_a_server_that_is_out),
        cmocka_unit_test(everything_is_legal_in_the_callback_of_a_lost_connection),
        cmocka_unit_test(everything_is_legal_in_the_event_up),
        cmocka_unit_test(everything_is_legal_in_the_event_down),
        cmocka_unit_test(everything_is_legal_in_the_event_ejected),
        cmocka_unit_test(everything_is_legal_in_the_event_ring_changed),
        cmocka_unit_test(everything_is_legal_in_the_event_removed),
        cmocka_unit_test(everything_is_legal_in_the_event_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

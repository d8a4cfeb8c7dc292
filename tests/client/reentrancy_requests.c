/* SPDX-License-Identifier: MIT */
/* What is heard of single requests, and what is told of servers. */
#include "reentrancy.h"

static void answer(struct cell *cell)
{
    leave_one_pending(cell);
    get_of(cell, SERVER_A, 0, &cell->self);
    get_of(cell, SERVER_A, 0, NULL);
}

static void refuse(struct cell *cell)
{
    engine_answer_next(sim_server_engine(cell->a), "mg", 1, "SERVER_ERROR out of memory\r\n");
    answer(cell);
}

static void let_time_out(struct cell *cell)
{
    sim_server_stop(cell->a);
    leave_one_pending(cell);
    get_of(cell, SERVER_A, 5, &cell->self);
    get_of(cell, SERVER_A, 5, NULL);
    get_of(cell, SERVER_A, 6, NULL);
}

static void cancel(struct cell *cell)
{
    sim_server_stop(cell->a);
    leave_one_pending(cell);
    get_of(cell, SERVER_A, 0, &cell->self);
    get_of(cell, SERVER_A, 0, NULL);
    world_run_for(cell->world, 5);
    assert_int_equal(ringcache_cancel(cell->world->client, cell->self), 0);
}

static void refuse_by_outage(struct cell *cell)
{
    sim_server_kill(cell->a);
    world_run_for(cell->world, 20);
    leave_one_pending(cell);
    get_of(cell, SERVER_A, 0, &cell->self);
    get_of(cell, SERVER_A, 0, NULL);
}

static void set_of(struct cell *cell, const char *server, ringcache_id *id)
{
    char key[32];
    const ringcache_request set = {
        .op = RINGCACHE_SET, .key = key_of(cell, server, key), .value = {"v", 1}};
    world_submit(cell->world, &set, id);
}

static void cut_off(struct cell *cell)
{
    sim_server_stop(cell->a);
    leave_one_pending(cell);
    set_of(cell, SERVER_A, &cell->self);
    set_of(cell, SERVER_A, NULL);
    world_run_for(cell->world, 5);
    sim_server_continue(cell->a);
    sim_end(cell->a, sim_server_newest(cell->a), SIM_RST);
}

static void die(struct cell *cell)
{
    leave_one_pending(cell);
    get_of(cell, SERVER_A, 0, &cell->self);
    sim_server_kill(cell->a);
}

static void fall_silent(struct cell *cell)
{
    sim_server_stop(cell->a);
    get_of(cell, SERVER_A, 0, &cell->self);
    world_run_for(cell->world, 20);
    leave_one_pending(cell);
}

static void change_a_weight(struct cell *cell)
{
    answer(cell);
    assert_int_equal(ringcache_server_weight(cell->world->client, SERVER_A, 2), 0);
}

static void remove_d(struct cell *cell)
{
    answer(cell);
    assert_int_equal(ringcache_server_remove(cell->world->client, SERVER_D), 0);
}

static void fill(struct cell *cell)
{
    char key[32];
    leave_one_pending(cell);
    sim_server_stop(cell->a);
    for (int i = 0; i < 8; i++) {
        get_of(cell, SERVER_A, 0, &cell->self);
    }
    world_key_of(cell->world, SERVER_A, "key", &cell->key, key);
    assert_int_equal(world_try_get(cell->world, key), RINGCACHE_EBUSY);
    world_run_for(cell->world, 5);
    sim_server_continue(cell->a);
}

static void fall_into_silence_and_return(struct cell *cell)
{
    sim_server_stop(cell->a);
    get_of(cell, SERVER_A, 0, &cell->self);
    while (world_count(cell->world, RINGCACHE_EVENT_EJECTED) == 0) {
        world_run_for(cell->world, 1);
    }
    leave_one_pending(cell);
    sim_server_continue(cell->a);
}

/* Of a server that is silent: one key too many for its journal. */
static void write_in_vain(struct cell *cell, struct sim_server *silent, const char *name)
{
    set_of(cell, name, NULL);
    world_run_for(cell->world, 20);
    sim_server_stop(silent);
    get_of(cell, name, 0, &cell->self);
    while (world_count(cell->world, RINGCACHE_EVENT_EJECTED) == 0) {
        world_run_for(cell->world, 1);
    }
    leave_one_pending(cell);
    for (int i = 0; i < 5; i++) {
        set_of(cell, name, NULL);
    }
}

static void fill_the_journal(struct cell *cell)
{
    write_in_vain(cell, cell->a, SERVER_A);
}

static void fill_the_journal_and_return(struct cell *cell)
{
    write_in_vain(cell, cell->d, SERVER_D);
    sim_server_continue(cell->d);
}

static void close_with_one_pending(struct cell *cell)
{
    answer(cell);
    world_close(cell->world);
}

static void closed(ringcache_client *client, void *user)
{
    struct cell *cell = user;
    assert_ptr_equal(client, cell->world->client);
    cell->world->closed++;
    heard(cell, NULL);
}

static void close_and_hear_of_it(struct cell *cell)
{
    answer(cell);
    ringcache_client_close(cell->world->client, closed, cell);
}

const struct row request_rows[] = {
    {"a_reply", CALLBACK_REPLY, RINGCACHE_MISS, .provoke = answer},
    {"an_error", CALLBACK_REPLY, RINGCACHE_ESERVER, .provoke = refuse},
    {"a_timeout", CALLBACK_REPLY, RINGCACHE_ETIMEDOUT, .provoke = let_time_out},
    {"a_cancel", CALLBACK_REPLY, RINGCACHE_ECANCELED, .provoke = cancel},
    {"a_server_that_is_out", CALLBACK_REPLY, RINGCACHE_EDOWN, .provoke = refuse_by_outage},
    {"a_lost_connection", CALLBACK_REPLY, RINGCACHE_ECONNECT, .provoke = cut_off},
    {"the_end_of_a_request_by_closing", CALLBACK_REPLY, RINGCACHE_ECANCELED, .closing = true,
        .provoke = close_with_one_pending},
    {"event_connecting", CALLBACK_EVENT, RINGCACHE_EVENT_CONNECTING, .fresh = true,
        .provoke = answer},
    {"event_up", CALLBACK_EVENT, RINGCACHE_EVENT_UP, .fresh = true, .provoke = answer},
    {"event_down", CALLBACK_EVENT, RINGCACHE_EVENT_DOWN, .provoke = die},
    {"event_ejected", CALLBACK_EVENT, RINGCACHE_EVENT_EJECTED, .provoke = fall_silent},
    {"event_readmitted", CALLBACK_EVENT, RINGCACHE_EVENT_READMITTED,
        .provoke = fall_into_silence_and_return},
    {"event_ring_changed", CALLBACK_EVENT, RINGCACHE_EVENT_RING_CHANGED,
        .provoke = change_a_weight},
    {"event_removed", CALLBACK_EVENT, RINGCACHE_EVENT_REMOVED, .provoke = remove_d},
    {"event_journal_half", CALLBACK_EVENT, RINGCACHE_EVENT_JOURNAL_HALF,
        .provoke = fill_the_journal},
    {"event_journal_full", CALLBACK_EVENT, RINGCACHE_EVENT_JOURNAL_FULL,
        .provoke = fill_the_journal},
    {"event_held", CALLBACK_EVENT, RINGCACHE_EVENT_HELD, .provoke = fill_the_journal_and_return},
    {"event_room", CALLBACK_EVENT, RINGCACHE_EVENT_ROOM, .provoke = fill},
    {"the_end_of_the_client", CALLBACK_CLOSE, .own = true, .closing = true,
        .provoke = close_and_hear_of_it},
};
const size_t request_row_count = sizeof request_rows / sizeof *request_rows;

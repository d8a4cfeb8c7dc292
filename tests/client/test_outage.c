/* SPDX-License-Identifier: MIT */
/* Silence, death and return of one server, on both protocols, to the millisecond. */
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { TIMEOUT = 500 };

struct kind {
    const char *name;
    struct sim_server *(*add)(struct world *world, const char *host, uint16_t port);
};

static const struct kind kinds[] = {{"memcached", world_memcached}, {"redis", world_redis}};

/* Run a scenario on either kind of server; the state names the one that failed. */
static void on_both(void (*scenario)(const struct kind *kind))
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        print_message("  on %s\n", kinds[i].name);
        scenario(&kinds[i]);
    }
}

/* A world of one server that answered once; its journal has room for so many keys. */
static struct world *begin_with(
    const struct kind *kind, struct sim_server **server, const char *journal_entries)
{
    struct world *world = world_new(7);
    world_option(world, "journal_entries", journal_entries);
    *server = kind->add(world, "10.0.0.1", 11000);
    world_begin(world);
    struct world_reply *set = world_set(world, "k", "v0");
    world_settle(world, 100);
    assert_reply(set, RINGCACHE_OK);
    return world;
}

static struct world *begin_one(const struct kind *kind, struct sim_server **server)
{
    return begin_with(kind, server, "1048576");
}

static void times_out_at_its_deadline(const struct kind *kind)
{
    struct sim_server *server;
    struct world *world = begin_one(kind, &server);
    sim_server_stop(server);
    uint64_t began = world_now(world);
    struct world_reply *get = world_get(world, "k");
    struct world_reply *set = world_set(world, "k", "v1");
    world_run_for(world, TIMEOUT - 1);
    assert_int_equal(get->calls, 0);
    world_run_for(world, 1);
    assert_reply(get, RINGCACHE_ETIMEDOUT);
    assert_reply(set, RINGCACHE_ETIMEDOUT);
    assert_int_equal(get->at_ms, began + TIMEOUT);
    assert_int_equal(get->maybe_applied, 0);
    assert_int_equal(set->maybe_applied, 1);
    world_end(world);
}

static void a_silent_server_times_requests_out_at_their_deadline(void **state)
{
    (void)state;
    on_both(times_out_at_its_deadline);
}

static void is_ejected_after_silence_and_probe(const struct kind *kind)
{
    struct sim_server *server;
    struct world *world = begin_one(kind, &server);
    sim_server_stop(server);
    uint64_t began = world_now(world);
    world_set(world, "k", "v1");
    /* silence for timeout_ms, then a probe of timeout_ms in all */
    sim_run_until(world->sim, began + 2 * TIMEOUT - 1);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_EJECTED), 0);
    sim_run_until(world->sim, began + 2 * TIMEOUT + 1);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_EJECTED), 1);
    /* nobody is asked any more */
    uint64_t keyed = engine_count_keyed(sim_server_engine(server));
    struct world_reply *refused = world_get(world, "k");
    world_settle(world, 1);
    assert_reply(refused, RINGCACHE_EDOWN);
    assert_int_equal(refused->attempts, 0);
    assert_int_equal(engine_count_keyed(sim_server_engine(server)), keyed);
    world_end(world);
}

static void a_silent_server_is_ejected_after_a_silent_probe(void **state)
{
    (void)state;
    on_both(is_ejected_after_silence_and_probe);
}

static void comes_back_within_a_second(const struct kind *kind)
{
    struct sim_server *server;
    struct world *world = begin_one(kind, &server);
    sim_server_stop(server);
    struct world_reply *lost = world_set(world, "k", "v1");
    world_run_for(world, 3000);
    assert_reply(lost, RINGCACHE_ETIMEDOUT);
    sim_server_continue(server);
    world_run_for(world, 1000);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_READMITTED), 1);
    struct world_reply *set = world_set(world, "k", "v2");
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 100);
    assert_reply(set, RINGCACHE_OK);
    assert_value(get, "v2");
    world_run_for(world, 5000);
    struct world_reply *later = world_get(world, "k");
    world_settle(world, 100);
    assert_value(later, "v2");
    world_end(world);
}

static void a_server_that_was_stopped_serves_within_a_second(void **state)
{
    (void)state;
    on_both(comes_back_within_a_second);
}

/* The order of writes: v1 lies in a stopped server's socket; whatever the moment of its waking,
 * once v2 was acknowledged it stays. */
static void never_goes_back_to_the_older(const struct kind *kind)
{
    for (uint64_t stopped_for = 50; stopped_for <= 4000; stopped_for += 150) {
        struct sim_server *server;
        struct world *world = begin_one(kind, &server);
        sim_server_stop(server);
        world_set(world, "k", "v1");
        world_run_for(world, stopped_for);
        sim_server_continue(server);
        struct world_reply *second = NULL;
        for (int i = 0; i < 200; i++) {
            second = world_set(world, "k", "v2");
            world_settle(world, 1000);
            if (second->status == RINGCACHE_OK) {
                break;
            }
            world_run_for(world, 10);
        }
        assert_reply(second, RINGCACHE_OK);
        world_run_for(world, 3000);
        struct world_reply *get = world_get(world, "k");
        world_settle(world, 1000);
        assert_value(get, "v2");
        world_end(world);
    }
}

static void an_old_connection_never_undoes_a_newer_write(void **state)
{
    (void)state;
    on_both(never_goes_back_to_the_older);
}

static void refused_is_down_at_once(const struct kind *kind)
{
    struct world *world = world_new(3);
    struct sim_server *server = kind->add(world, "10.0.0.1", 11000);
    sim_server_kill(server);
    world_begin(world);
    uint64_t began = world_now(world);
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 20);
    assert_reply(get, RINGCACHE_EDOWN);
    assert_true(get->at_ms <= began + 2);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_DOWN), 1);
    sim_server_restart(server, false);
    world_run_for(world, 1200);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_UP), 1);
    get = world_get(world, "k");
    world_settle(world, 20);
    assert_reply(get, RINGCACHE_MISS);
    world_end(world);
}

static void a_refused_connection_takes_the_server_out_at_once(void **state)
{
    (void)state;
    on_both(refused_is_down_at_once);
}

static void killed_under_requests(const struct kind *kind)
{
    struct sim_server *server;
    struct world *world = begin_one(kind, &server);
    struct world_reply *set = world_set(world, "k", "v1");
    world_run_for(world, 0);
    sim_server_kill(server);
    world_settle(world, 50);
    assert_reply(set, RINGCACHE_ECONNECT);
    assert_int_equal(set->maybe_applied, 1);
    world_run_for(world, 50);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_DOWN), 1);
    world_end(world);
}

static void a_killed_server_ends_its_requests_and_is_down(void **state)
{
    (void)state;
    on_both(killed_under_requests);
}

/* The server ends the connection behind `bytes` of its reply. */
static int status_of_a_get_cut_after(const struct kind *kind, size_t bytes, enum sim_end_kind how)
{
    struct sim_server *server;
    struct world *world = begin_one(kind, &server);
    sim_cut_after(server, sim_server_newest(server), bytes, how);
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 100);
    int status = get->status;
    if (status == RINGCACHE_OK) {
        assert_value(get, "v0");
    } else {
        assert_reply(get, RINGCACHE_ECONNECT);
        assert_int_equal(get->value_len, 0);
    }
    world_end(world);
    return status;
}

static void is_whole_or_none(const struct kind *kind)
{
    static const enum sim_end_kind hows[] = {SIM_FIN, SIM_RST};
    for (size_t i = 0; i < sizeof hows / sizeof *hows; i++) {
        size_t bytes = 1; /* before the first one, it is asked once more */
        while (status_of_a_get_cut_after(kind, bytes, hows[i]) != RINGCACHE_OK) {
            bytes++;
        }
        assert_true(bytes >= strlen("$2\r\nv0\r\n"));
    }
}

static void a_value_that_breaks_off_is_none(void **state)
{
    (void)state;
    on_both(is_whole_or_none);
}

static void idle_end_is_no_outage(const struct kind *kind)
{
    struct sim_server *server;
    struct world *world = begin_one(kind, &server);
    sim_end(server, sim_server_newest(server), SIM_FIN);
    world_run_for(world, 20);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_DOWN), 0);
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 20);
    assert_value(get, "v0");
    assert_int_equal(world_count(world, RINGCACHE_EVENT_DOWN), 0);
    world_end(world);
}

static void a_connection_ended_by_the_server_is_no_outage(void **state)
{
    (void)state;
    on_both(idle_end_is_no_outage);
}

static void wrong_bytes_close(const struct kind *kind)
{
    struct sim_server *server;
    struct world *world = begin_one(kind, &server);
    sim_inject(server, sim_server_newest(server), rc_slice_text("HD O00000000\r\n"));
    world_run_for(world, 10);
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 100);
    assert_value(get, "v0");
    assert_int_equal(sim_server_connects(server), 2);
    world_end(world);
}

static void bytes_nobody_asked_for_close_the_connection(void **state)
{
    (void)state;
    on_both(wrong_bytes_close);
}

/* Its machine or the way to it is gone, nothing is under way, and our kernel is the one to tell. */
static void idle_loss_is_no_outage(const struct kind *kind)
{
    struct sim_server *server;
    struct world *world = begin_one(kind, &server);
    uint64_t connects = sim_server_connects(server);
    sim_local_error(server, sim_server_newest(server), -ETIMEDOUT);
    world_run_for(world, 20);
    assert_int_equal(sim_server_connects(server), connects + 1);
    struct world_reply *get = world_get(world, "k");
    world_settle(world, 20);
    assert_value(get, "v0");
    assert_int_equal(sim_server_connects(server), connects + 1);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_DOWN), 0);
    world_end(world);
}

static void an_idle_connection_that_our_kernel_gives_up_is_replaced_before_its_use(void **state)
{
    (void)state;
    on_both(idle_loss_is_no_outage);
}

/* Every server silent, one after the other: at most half of them go. */
static void soft_evidence_takes_out_at_most_half(void **state)
{
    (void)state;
    struct world *world = world_new(11);
    struct sim_server *servers[4];
    for (uint16_t i = 0; i < 4; i++) {
        servers[i] = world_memcached(world, "10.0.0.1", (uint16_t)(11000 + i));
    }
    world_begin(world);
    for (int round = 0; round < 360; round++) {
        char key[16];
        snprintf(key, sizeof key, "key%d", round % 40);
        if (round % 80 == 40) {
            sim_server_stop(servers[round / 80]);
        }
        world_get(world, key);
        world_run_for(world, 25);
    }
    assert_int_equal(world_count(world, RINGCACHE_EVENT_EJECTED), 2);
    for (int i = 0; i < 4; i++) {
        sim_server_continue(servers[i]);
    }
    world_run_for(world, 1500);
    size_t answered = world->answered;
    for (int i = 0; i < 40; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%d", i);
        world_get(world, key);
    }
    world_settle(world, 1000);
    for (size_t i = answered; i < world->answered; i++) {
        assert_reply(&world->replies[i], RINGCACHE_MISS);
    }
    world_end(world);
}

/* Four servers of either kind, and a key of each. */
enum { SERVERS = 4 };

struct four {
    struct world *world;
    struct sim_server *servers[SERVERS];
    char keys[SERVERS][32];
};

static void open_four(struct four *four)
{
    unsigned next = 0;
    four->world = world_new(13);
    for (uint16_t i = 0; i < SERVERS; i++) {
        const struct kind *kind = &kinds[i % 2];
        four->servers[i] = kind->add(four->world, "10.0.0.1", (uint16_t)(11000 + i));
    }
    world_begin(four->world);
    for (int i = 0; i < SERVERS; i++) {
        char name[32];
        snprintf(name, sizeof name, "10.0.0.1:%d", 11000 + i);
        world_key_of(four->world, name, "key", &next, four->keys[i]);
        world_set(four->world, four->keys[i], "v0");
    }
    world_settle(four->world, 100);
}

static void with_all_servers_gone_each_request_ends_at_once_until_they_are_back(void **state)
{
    (void)state;
    struct four four;
    open_four(&four);
    for (int i = 0; i < SERVERS; i++) {
        sim_server_kill(four.servers[i]);
    }
    world_run_for(four.world, 5);
    assert_int_equal(world_count(four.world, RINGCACHE_EVENT_DOWN), SERVERS);
    for (int round = 0; round < 500; round++) {
        struct world_reply *get = world_get(four.world, four.keys[round % SERVERS]);
        uint64_t began = world_now(four.world);
        world_settle(four.world, 1);
        assert_reply(get, RINGCACHE_EDOWN);
        assert_int_equal(get->at_ms, began);
        world_run_for(four.world, 10);
    }
    for (int i = 0; i < SERVERS; i++) {
        sim_server_restart(four.servers[i], true);
    }
    world_run_for(four.world, 1100);
    for (int i = 0; i < SERVERS; i++) {
        struct world_reply *get = world_get(four.world, four.keys[i]);
        world_settle(four.world, 10);
        assert_value(get, "v0");
    }
    world_end(four.world);
}

static void a_key_whose_server_is_out_is_asked_of_no_other(void **state)
{
    (void)state;
    struct four four;
    open_four(&four);
    uint64_t keyed[SERVERS];
    sim_server_kill(four.servers[0]);
    world_run_for(four.world, 5);
    for (int i = 0; i < SERVERS; i++) {
        keyed[i] = engine_count_keyed(sim_server_engine(four.servers[i]));
    }
    for (int round = 0; round < 50; round++) {
        struct world_reply *set = world_set(four.world, four.keys[0], "v1");
        struct world_reply *get = world_get(four.world, four.keys[0]);
        world_run_for(four.world, 20);
        assert_reply(set, RINGCACHE_EDOWN);
        assert_int_equal(set->maybe_applied, 0);
        assert_reply(get, RINGCACHE_EDOWN);
    }
    sim_server_restart(four.servers[0], true);
    world_run_for(four.world, 1100);
    for (int i = 0; i < SERVERS; i++) {
        struct engine *engine = sim_server_engine(four.servers[i]);
        assert_int_equal(engine_count_keyed(engine), keyed[i] + (i == 0));
    }
    struct world_reply *get = world_get(four.world, four.keys[0]);
    world_settle(four.world, 10);
    assert_reply(get, RINGCACHE_MISS); /* that one was a delete: "v1" was meant to be there */
    world_end(four.world);
}

static void comes_back_empty(const struct kind *kind)
{
    struct sim_server *server;
    struct world *world = begin_one(kind, &server);
    sim_server_restart(server, false);
    world_run_for(world, 10);
    struct world_reply *get = world_get(world, "k");
    struct world_reply *set = world_set(world, "k", "v1");
    world_settle(world, 20);
    assert_reply(get, RINGCACHE_MISS);
    assert_reply(set, RINGCACHE_OK);
    assert_int_equal(world_count(world, RINGCACHE_EVENT_DOWN), 0);
    world_end(world);
}

static void a_server_that_restarted_empty_misses_and_no_more_than_that(void **state)
{
    (void)state;
    on_both(comes_back_empty);
}

static void is_told_behind_the_call(const struct kind *kind)
{
    struct sim_server *server;
    struct world *world = begin_one(kind, &server);
    sim_server_kill(server);
    world_run_for(world, 5);
    uint64_t began = world_now(world);
    struct world_reply *get = world_get(world, "k");
    assert_int_equal(get->calls, 0);
    sim_run_until(world->sim, began);
    assert_reply(get, RINGCACHE_EDOWN);
    assert_int_equal(get->at_ms, began);
    world_end(world);
}

static void an_answer_that_is_known_at_once_is_told_behind_the_call(void **state)
{
    (void)state;
    on_both(is_told_behind_the_call);
}

/* ---- no request twice ---- */

/* Steps of a counter while its server stands still, dies, or loses its connections in turn. */
struct steps {
    struct world *world;
    struct sim_server *server;
    uint64_t done, unknown; /* acknowledged; failed, but perhaps applied */
};

static void step_for(struct steps *steps, int count)
{
    static const ringcache_request step = {.op = RINGCACHE_INCREMENT,
        .options = RINGCACHE_WITH_INITIAL,
        .key = {"count", 5},
        .delta = 1,
        .initial = 1};
    for (int i = 0; i < count; i++) {
        world_submit(steps->world, &step, NULL);
        world_run_for(steps->world, 7);
    }
}

static void trouble(struct steps *steps, uint64_t lasts_ms)
{
    sim_server_stop(steps->server);
    step_for(steps, (int)lasts_ms / 7);
    sim_server_continue(steps->server);
    step_for(steps, 50);
    sim_cut_after(steps->server, sim_server_newest(steps->server), lasts_ms % 11, SIM_RST);
    step_for(steps, 50);
    sim_server_restart(steps->server, true);
    step_for(steps, 50);
}

static void count_steps(struct steps *steps, size_t from)
{
    for (size_t i = from; i < steps->world->submitted; i++) {
        const struct world_reply *reply = &steps->world->replies[i];
        assert_int_equal(reply->calls, 1);
        assert_true(reply->attempts <= 1);
        steps->done += reply->status == RINGCACHE_OK;
        steps->unknown += reply->status != RINGCACHE_OK && reply->maybe_applied != 0;
    }
}

static void is_counted_once(const struct kind *kind)
{
    for (uint64_t lasts_ms = 30; lasts_ms < 2500; lasts_ms += 190) {
        struct steps steps = {0};
        steps.world = begin_with(kind, &steps.server, "0"); /* what is in doubt stays */
        size_t from = steps.world->submitted;
        trouble(&steps, lasts_ms);
        world_run_for(steps.world, 5000);
        count_steps(&steps, from);
        const struct store_item *item = engine_get(sim_server_engine(steps.server), 0, "count");
        uint64_t counted = strtoull(item->value, NULL, 10);
        assert_in_range(counted, steps.done, steps.done + steps.unknown);
        assert_true(steps.done > 100 && steps.unknown > 0);
        world_end(steps.world);
    }
}

static void a_step_of_a_counter_is_applied_once_or_said_to_be_in_doubt(void **state)
{
    (void)state;
    on_both(is_counted_once);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_silent_server_times_requests_out_at_their_deadline),
        cmocka_unit_test(a_silent_server_is_ejected_after_a_silent_probe),
        cmocka_unit_test(a_server_that_was_stopped_serves_within_a_second),
        cmocka_unit_test(an_old_connection_never_undoes_a_newer_write),
        cmocka_unit_test(a_refused_connection_takes_the_server_out_at_once),
        cmocka_unit_test(a_killed_server_ends_its_requests_and_is_down),
        cmocka_unit_test(a_value_that_breaks_off_is_none),
        cmocka_unit_test(a_connection_ended_by_the_server_is_no_outage),
        cmocka_unit_test(an_idle_connection_that_our_kernel_gives_up_is_replaced_before_its_use),
        cmocka_unit_test(bytes_nobody_asked_for_close_the_connection),
        cmocka_unit_test(soft_evidence_takes_out_at_most_half),
        cmocka_unit_test(with_all_servers_gone_each_request_ends_at_once_until_they_are_back),
        cmocka_unit_test(a_key_whose_server_is_out_is_asked_of_no_other),
        cmocka_unit_test(a_server_that_restarted_empty_misses_and_no_more_than_that),
        cmocka_unit_test(an_answer_that_is_known_at_once_is_told_behind_the_call),
        cmocka_unit_test(a_step_of_a_counter_is_applied_once_or_said_to_be_in_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

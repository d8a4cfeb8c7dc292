/* SPDX-License-Identifier: MIT */
/* Values that are lent: sent from where they lie, and given back exactly once, whatever becomes of
 * their request. A value that came back is freed at once, so that a later look at it is seen. */
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    LARGE = 100000,
    HUGE = 1000000, /* beyond what both kernels hold between them */
    SMALL = 16 * 1024 - 1,
    LOANS = 256,
};

struct stage;

struct loan {
    struct stage *stage;
    char *bytes;
    size_t len;
    struct world_reply *reply;
    ringcache_id id;
    unsigned released; /* how often */
    uint64_t at_ms;
    size_t order; /* among the returned */
};

struct stage {
    struct world *world;
    struct sim_server *server;
    struct loan loans[LOANS];
    size_t lent, returned;
    /* Run inside each release, or NULL. */
    void (*on_release)(struct stage *stage, struct loan *loan);
};

static void release(void *user, const void *data, size_t len)
{
    struct loan *loan = user;
    struct stage *stage = loan->stage;
    assert_false(stage->world->in_call);
    assert_int_equal(stage->world->closed, 0);
    assert_ptr_equal(data, loan->bytes);
    assert_int_equal(len, loan->len);
    loan->released++;
    loan->at_ms = world_now(stage->world);
    loan->order = stage->returned++;
    free(loan->bytes);
    loan->bytes = NULL;
    if (stage->on_release != NULL) {
        stage->on_release(stage, loan);
    }
}

/* Every byte says where in the value it stands. */
static char byte_at(size_t i)
{
    return (char)('a' + (i / 26 + i) % 26);
}

static struct loan *new_loan(struct stage *stage, size_t len)
{
    assert_true(stage->lent < LOANS);
    struct loan *loan = &stage->loans[stage->lent++];
    *loan = (struct loan){.stage = stage, .bytes = malloc(len + 1), .len = len};
    assert_non_null(loan->bytes);
    for (size_t i = 0; i < len; i++) {
        loan->bytes[i] = byte_at(i);
    }
    return loan;
}

static int try_lend(struct stage *stage, ringcache_request request, size_t len, struct loan **lent)
{
    struct loan *loan = new_loan(stage, len);
    request.options |= RINGCACHE_LEND_VALUE;
    request.value = (ringcache_slice){loan->bytes, len};
    request.release = release;
    request.release_user = loan;
    int rc = world_try(stage->world, &request, &loan->id, &loan->reply);
    if (rc < 0) {
        free(loan->bytes);
        stage->lent--;
    }
    *lent = loan;
    return rc;
}

static struct loan *lend(struct stage *stage, ringcache_op op, const char *key, size_t len)
{
    struct loan *loan;
    const ringcache_request request = {.op = op, .key = {key, strlen(key)}};
    if (try_lend(stage, request, len, &loan) != 0) {
        fail_msg("%s", ringcache_client_error(stage->world->client));
    }
    return loan;
}

static struct stage *begin_with(bool redis, const char *option, const char *value)
{
    struct stage *stage = calloc(1, sizeof *stage);
    assert_non_null(stage);
    stage->world = world_new(71);
    stage->server = redis ? world_redis(stage->world, "10.0.0.1", 6379)
                          : world_memcached(stage->world, "10.0.0.1", 11000);
    engine_set_max_item(sim_server_engine(stage->server), 2 * HUGE);
    if (option != NULL) {
        world_option(stage->world, option, value);
    }
    world_begin(stage->world);
    return stage;
}

/* With a connection that is ready. */
static struct stage *begin(void)
{
    struct stage *stage = begin_with(false, NULL, NULL);
    world_get(stage->world, "warm");
    world_settle(stage->world, 100);
    return stage;
}

static void end(struct stage *stage)
{
    world_end(stage->world);
    assert_int_equal(stage->returned, stage->lent);
    for (size_t i = 0; i < stage->lent; i++) {
        assert_int_equal(stage->loans[i].released, 1);
    }
    free(stage);
}

static void assert_stored(const struct stage *stage, const char *key, size_t len)
{
    const struct store_item *item = engine_get(sim_server_engine(stage->server), 0, key);
    assert_non_null(item);
    assert_int_equal(item->value_len, len);
    for (size_t i = 0; i < len; i++) {
        assert_int_equal(item->value[i], byte_at(i));
    }
}

/* ---- what is sent ---- */

static void assert_every_store_lends(struct stage *stage)
{
    struct world *world = stage->world;
    struct loan *set = lend(stage, RINGCACHE_SET, "set", LARGE);
    struct loan *add = lend(stage, RINGCACHE_ADD, "add", LARGE);
    struct loan *again = lend(stage, RINGCACHE_ADD, "add", LARGE);
    world_set(world, "replaced", "x");
    struct loan *replace = lend(stage, RINGCACHE_REPLACE, "replaced", LARGE);
    world_set(world, "behind", "");
    struct loan *append = lend(stage, RINGCACHE_APPEND, "behind", LARGE);
    world_set(world, "front", "");
    struct loan *prepend = lend(stage, RINGCACHE_PREPEND, "front", LARGE);
    world_settle(world, 1000);
    assert_reply(set->reply, RINGCACHE_OK);
    assert_reply(add->reply, RINGCACHE_OK);
    assert_reply(again->reply, RINGCACHE_NOT_STORED);
    assert_reply(replace->reply, RINGCACHE_OK);
    assert_reply(append->reply, RINGCACHE_OK);
    assert_reply(prepend->reply, RINGCACHE_OK);
    assert_stored(stage, "set", LARGE);
    assert_stored(stage, "add", LARGE);
    assert_stored(stage, "replaced", LARGE);
    assert_stored(stage, "behind", LARGE);
    assert_stored(stage, "front", LARGE);
}

static void assert_cas_lends(struct stage *stage)
{
    struct world *world = stage->world;
    const ringcache_request get = {
        .op = RINGCACHE_GET, .options = RINGCACHE_WANT_CAS, .key = {"set", 3}};
    struct world_reply *got = world_submit(world, &get, NULL);
    world_settle(world, 1000);
    assert_reply(got, RINGCACHE_OK);
    struct loan *cas, *late;
    const ringcache_request with = {
        .op = RINGCACHE_CAS, .key = {"set", 3}, .cas = got->cas, .ttl_ms = 90000};
    assert_int_equal(try_lend(stage, with, LARGE + 1, &cas), 0);
    assert_int_equal(try_lend(stage, with, LARGE + 2, &late), 0);
    world_settle(world, 1000);
    assert_reply(cas->reply, RINGCACHE_OK);
    assert_reply(late->reply, RINGCACHE_EXISTS);
    assert_stored(stage, "set", LARGE + 1);
}

static void every_store_sends_what_is_lent(void **state)
{
    (void)state;
    static const char *const integrities[] = {"auto", "strict"};
    for (int i = 0; i < 6; i++) {
        struct stage *stage = begin_with(i % 3 == 0, "integrity", integrities[i / 3]);
        if (i % 3 == 1) {
            engine_set_version(sim_server_engine(stage->server), "1.5.6");
        }
        assert_every_store_lends(stage);
        assert_cas_lends(stage);
        end(stage);
    }
}

/* What a kernel takes ends anywhere: in a head, in a value, between two. */
static void the_kernel_may_take_any_part(void **state)
{
    (void)state;
    for (size_t most = 1000; most < 70000; most += 6007) {
        struct stage *stage = begin_with(true, "integrity", "strict");
        sim_settings(stage->world->sim)->write_bytes = most;
        for (int i = 0; i < 8; i++) {
            char key[8];
            snprintf(key, sizeof key, "k%d", i);
            lend(stage, RINGCACHE_SET, key, SMALL + 1 + (size_t)i * 4999);
            world_set(stage->world, "between", "them");
        }
        world_settle(stage->world, 1000);
        for (int i = 0; i < 8; i++) {
            char key[8];
            snprintf(key, sizeof key, "k%d", i);
            assert_reply(stage->loans[i].reply, RINGCACHE_OK);
            assert_stored(stage, key, SMALL + 1 + (size_t)i * 4999);
            assert_int_equal(stage->loans[i].order, i);
        }
        end(stage);
    }
}

/* More than one gathering write has parts for. */
static void many_values_are_lent_at_once(void **state)
{
    (void)state;
    struct stage *stage = begin();
    sim_settings(stage->world->sim)->send_bytes = 100 * LARGE;
    sim_settings(stage->world->sim)->receive_bytes = 100 * LARGE;
    for (int i = 0; i < 200; i++) {
        lend(stage, RINGCACHE_SET, i % 2 == 0 ? "even" : "odd", SMALL + 1);
    }
    world_settle(stage->world, 1000);
    for (size_t i = 0; i < 200; i++) {
        assert_reply(stage->loans[i].reply, RINGCACHE_OK);
    }
    assert_stored(stage, "odd", SMALL + 1);
    end(stage);
}

/* ---- when it is given back ---- */

static void what_the_kernel_has_is_given_back_before_the_reply(void **state)
{
    (void)state;
    struct stage *stage = begin();
    sim_server_slow(stage->server, 20000);
    struct loan *loan = lend(stage, RINGCACHE_SET, "k", SMALL + 1);
    assert_int_equal(loan->released, 0);
    world_run_for(stage->world, 1);
    assert_int_equal(loan->released, 1);
    assert_int_equal(loan->reply->calls, 0);
    world_settle(stage->world, 1000);
    assert_reply(loan->reply, RINGCACHE_OK);
    assert_stored(stage, "k", SMALL + 1);
    end(stage);
}

/* Behind a request of which the kernels have a part, two values are lent as the connection ends. */
static void lend_unsent(struct stage *stage, struct loan *loans[2])
{
    static const char big[300000];
    const ringcache_request plug = {
        .op = RINGCACHE_SET, .key = {"plug", 4}, .value = {big, sizeof big}};
    sim_server_stop(stage->server);
    world_submit(stage->world, &plug, NULL);
    loans[0] = lend(stage, RINGCACHE_SET, "one", LARGE);
    loans[1] = lend(stage, RINGCACHE_SET, "two", LARGE);
    world_set(stage->world, "behind", "them");
    world_run_for(stage->world, 2);
    sim_server_pause_accept(stage->server, true);
    sim_end(stage->server, sim_server_newest(stage->server), SIM_RST);
    world_run_for(stage->world, 5);
    assert_int_equal(loans[0]->released + loans[1]->released, 0);
    sim_server_continue(stage->server);
}

static void what_never_left_is_lent_to_the_next_connection(void **state)
{
    (void)state;
    for (int redis = 0; redis < 2; redis++) {
        struct stage *stage = begin_with(redis, NULL, NULL);
        struct loan *loans[2];
        world_get(stage->world, "warm");
        world_settle(stage->world, 100);
        lend_unsent(stage, loans);
        sim_server_pause_accept(stage->server, false);
        world_settle(stage->world, 1000);
        assert_reply(loans[0]->reply, RINGCACHE_OK);
        assert_reply(loans[1]->reply, RINGCACHE_OK);
        assert_stored(stage, "one", LARGE);
        assert_stored(stage, "two", LARGE);
        end(stage);
    }
}

static void what_never_left_and_is_canceled_is_given_back(void **state)
{
    (void)state;
    struct stage *stage = begin();
    struct loan *loans[2];
    lend_unsent(stage, loans);
    assert_int_equal(ringcache_cancel(stage->world->client, loans[0]->id), 0);
    world_run_for(stage->world, 1);
    assert_reply(loans[0]->reply, RINGCACHE_ECANCELED);
    assert_int_equal(loans[0]->reply->maybe_applied, 0);
    assert_int_equal(loans[0]->released, 1);
    assert_int_equal(loans[1]->released, 0);
    world_close(stage->world);
    world_run_for(stage->world, 1);
    end(stage);
}

static void a_small_value_is_copied_and_given_back_at_once(void **state)
{
    (void)state;
    struct stage *stage = begin_with(false, NULL, NULL); /* nothing is connected yet */
    sim_server_pause_accept(stage->server, true);
    struct loan *small = lend(stage, RINGCACHE_SET, "small", SMALL);
    struct loan *large = lend(stage, RINGCACHE_SET, "large", SMALL + 1);
    struct loan *empty = lend(stage, RINGCACHE_SET, "empty", 0);
    assert_int_equal(stage->returned, 0);
    world_run_for(stage->world, 5);
    assert_int_equal(small->released, 1);
    assert_int_equal(empty->released, 1);
    assert_int_equal(large->released, 0);
    sim_server_pause_accept(stage->server, false);
    world_settle(stage->world, 1000);
    assert_reply(small->reply, RINGCACHE_OK);
    assert_stored(stage, "small", SMALL);
    assert_stored(stage, "large", SMALL + 1);
    end(stage);
}

/* The bound on bytes is about what the client holds; that on one value is about the value. */
static void what_is_lent_is_not_held(void **state)
{
    (void)state;
    struct stage *stage = begin_with(false, "max_queued_bytes", "100000");
    sim_server_pause_accept(stage->server, true);
    for (int i = 0; i < 20; i++) {
        lend(stage, RINGCACHE_SET, "k", LARGE);
    }
    assert_true(stage->world->client->env.budget.used < 20000);
    struct loan *loan;
    const ringcache_request set = {.op = RINGCACHE_SET, .key = {"k", 1}};
    while (try_lend(stage, set, LARGE, &loan) == 0) {
        assert_true(stage->world->client->env.budget.used <= 100000);
    }
    sim_server_pause_accept(stage->server, false);
    world_settle(stage->world, 1000);
    assert_stored(stage, "k", LARGE);
    world_run_for(stage->world, 5);
    assert_int_equal(stage->world->client->env.budget.used, 0);
    end(stage);
}

static void a_refused_value_is_never_given_back(void **state)
{
    (void)state;
    struct stage *stage = begin_with(false, "max_value_bytes", "50000");
    struct loan *loan;
    const ringcache_request set = {.op = RINGCACHE_SET, .key = {"k", 1}};
    assert_int_equal(try_lend(stage, set, 50001, &loan), RINGCACHE_ETOOBIG);
    assert_int_equal(try_lend(stage, set, 50000, &loan), 0);
    const ringcache_request get = {.op = RINGCACHE_GET, .key = {"k", 1}};
    assert_int_equal(try_lend(stage, get, 0, &loan), RINGCACHE_ENOTSUP);
    const ringcache_request spare = {.op = RINGCACHE_SET, .key = {"k", 1}, .release = release};
    struct world_reply *place;
    assert_int_equal(world_try(stage->world, &spare, NULL, &place), RINGCACHE_EINVAL);
    world_settle(stage->world, 1000);
    end(stage);
}

/* The bytes live as long as the program. */
static void without_release_nobody_is_told(void **state)
{
    (void)state;
    static char value[LARGE];
    memset(value, 'v', sizeof value);
    struct stage *stage = begin();
    const ringcache_request set = {.op = RINGCACHE_SET,
        .options = RINGCACHE_LEND_VALUE,
        .key = {"k", 1},
        .value = {value, sizeof value}};
    struct world_reply *reply = world_submit(stage->world, &set, NULL);
    world_settle(stage->world, 1000);
    assert_reply(reply, RINGCACHE_OK);
    assert_memory_equal(
        engine_get(sim_server_engine(stage->server), 0, "k")->value, value, sizeof value);
    end(stage);
}

/* ---- every end ---- */

/* The others of its bytes are sent from the caller's memory, or the server would take what follows
 * for a part of the value. */
static void a_request_that_timed_out_half_written_lends_to_the_end(void **state)
{
    (void)state;
    struct stage *stage = begin();
    sim_server_stop(stage->server);
    struct loan *loan = lend(stage, RINGCACHE_SET, "k", HUGE);
    world_settle(stage->world, 600);
    assert_reply(loan->reply, RINGCACHE_ETIMEDOUT);
    assert_int_equal(loan->reply->maybe_applied, 1);
    assert_int_equal(loan->released, 0);
    world_run_for(stage->world, 20);
    sim_server_continue(stage->server);
    world_run_for(stage->world, 3000);
    assert_int_equal(loan->released, 1);
    assert_stored(stage, "k", HUGE);
    struct world_reply *get = world_get(stage->world, "k");
    world_settle(stage->world, 1000);
    assert_int_equal(get->value_len, HUGE);
    end(stage);
}

static void a_canceled_request_gives_back_what_was_not_sent(void **state)
{
    (void)state;
    struct stage *stage = begin();
    sim_server_stop(stage->server);
    struct loan *half = lend(stage, RINGCACHE_SET, "half", HUGE);
    struct loan *waiting = lend(stage, RINGCACHE_SET, "waiting", HUGE);
    world_run_for(stage->world, 2);
    assert_int_equal(ringcache_cancel(stage->world->client, half->id), 0);
    assert_int_equal(ringcache_cancel(stage->world->client, waiting->id), 0);
    world_run_for(stage->world, 2);
    assert_reply(half->reply, RINGCACHE_ECANCELED);
    assert_reply(waiting->reply, RINGCACHE_ECANCELED);
    assert_int_equal(half->reply->maybe_applied, 1);
    assert_int_equal(waiting->reply->maybe_applied, 0);
    assert_int_equal(half->released, 0);
    assert_int_equal(waiting->released, 1);
    sim_server_continue(stage->server);
    world_run_for(stage->world, 3000);
    assert_int_equal(half->released, 1);
    assert_stored(stage, "half", HUGE);
    assert_null(engine_get(sim_server_engine(stage->server), 0, "waiting"));
    end(stage);
}

/* Its bytes stand between those of others: what is canceled there is sent all the same. */
static void a_canceled_request_that_stands_in_the_output_lends_until_it_is_sent(void **state)
{
    (void)state;
    struct stage *stage = begin();
    sim_server_stop(stage->server);
    struct loan *half = lend(stage, RINGCACHE_SET, "half", LARGE + LARGE);
    struct loan *behind = lend(stage, RINGCACHE_SET, "behind", SMALL + 1);
    world_run_for(stage->world, 2);
    assert_int_equal(ringcache_cancel(stage->world->client, behind->id), 0);
    world_run_for(stage->world, 2);
    assert_reply(behind->reply, RINGCACHE_ECANCELED);
    assert_int_equal(behind->reply->maybe_applied, 1);
    assert_int_equal(behind->released, 0);
    sim_server_continue(stage->server);
    world_settle(stage->world, 100);
    assert_reply(half->reply, RINGCACHE_OK);
    world_run_for(stage->world, 100);
    assert_int_equal(behind->released, 1);
    assert_stored(stage, "behind", SMALL + 1);
    end(stage);
}

static void a_lost_connection_gives_back_all(void **state)
{
    (void)state;
    struct stage *stage = begin();
    sim_server_stop(stage->server);
    struct loan *half = lend(stage, RINGCACHE_SET, "half", HUGE);
    lend(stage, RINGCACHE_SET, "waiting", HUGE);
    world_run_for(stage->world, 2);
    sim_server_kill(stage->server);
    world_settle(stage->world, 100);
    world_run_for(stage->world, 1);
    assert_reply(half->reply, RINGCACHE_ECONNECT);
    assert_int_equal(stage->returned, 2);
    struct loan *turned_away = lend(stage, RINGCACHE_SET, "k", HUGE);
    assert_int_equal(turned_away->released, 0);
    world_settle(stage->world, 100);
    assert_reply(turned_away->reply, RINGCACHE_EDOWN);
    world_run_for(stage->world, 1);
    assert_int_equal(turned_away->released, 1);
    end(stage);
}

/* What never left is taken back when the server is declared down; what left in part stays whole. */
static void a_silent_server_gives_back_what_never_left(void **state)
{
    (void)state;
    struct stage *stage = begin();
    sim_server_stop(stage->server);
    const ringcache_request patient = {
        .op = RINGCACHE_SET, .key = {"half", 4}, .timeout_ms = 60000};
    const ringcache_request behind = {
        .op = RINGCACHE_SET, .key = {"behind", 6}, .timeout_ms = 60000};
    struct loan *half, *unsent;
    assert_int_equal(try_lend(stage, patient, LARGE + LARGE, &half), 0);
    assert_int_equal(try_lend(stage, behind, SMALL + 1, &unsent), 0);
    world_settle(stage->world, 5000);
    world_run_for(stage->world, 1);
    assert_reply(half->reply, RINGCACHE_EDOWN);
    assert_reply(unsent->reply, RINGCACHE_EDOWN);
    assert_int_equal(half->reply->maybe_applied, 1);
    assert_int_equal(unsent->reply->maybe_applied, 0);
    assert_int_equal(half->released, 0);
    assert_int_equal(unsent->released, 1);
    sim_server_continue(stage->server);
    world_run_for(stage->world, 12000);
    assert_int_equal(half->released, 1);
    assert_stored(stage, "half", LARGE + LARGE);
    assert_null(engine_get(sim_server_engine(stage->server), 0, "behind"));
    end(stage);
}

/* The reply is there, the request is gone, and the value is still being written. */
static void an_early_refusal_leaves_the_value_lent(void **state)
{
    (void)state;
    struct stage *stage = begin();
    uint64_t connection = sim_server_newest(stage->server);
    sim_stall(stage->server, connection, true);
    struct loan *loan = lend(stage, RINGCACHE_SET, "k", HUGE);
    world_run_for(stage->world, 2);
    sim_inject(
        stage->server, connection, rc_slice_text("SERVER_ERROR object too large for cache\r\n"));
    world_settle(stage->world, 100);
    assert_reply(loan->reply, RINGCACHE_ETOOBIG);
    world_run_for(stage->world, 5);
    assert_int_equal(loan->released, 0);
    sim_drop_replies(stage->server, connection, 1);
    sim_stall(stage->server, connection, false);
    world_run_for(stage->world, 100);
    assert_int_equal(loan->released, 1);
    world_set(stage->world, "next", "is in step");
    struct world_reply *get = world_get(stage->world, "next");
    world_settle(stage->world, 1000);
    assert_value(get, "is in step");
    end(stage);
}

static void a_distrusted_connection_gives_back_all(void **state)
{
    (void)state;
    struct stage *stage = begin();
    uint64_t connection = sim_server_newest(stage->server);
    sim_stall(stage->server, connection, true);
    struct loan *half = lend(stage, RINGCACHE_SET, "half", HUGE);
    world_run_for(stage->world, 2);
    sim_inject(stage->server, connection, rc_slice_text("WHAT\r\n"));
    world_settle(stage->world, 100);
    world_run_for(stage->world, 1);
    assert_reply(half->reply, RINGCACHE_EPROTOCOL);
    assert_int_equal(half->released, 1);
    end(stage);
}

static void close_gives_back_before_it_is_over(void **state)
{
    (void)state;
    struct stage *stage = begin();
    sim_server_stop(stage->server);
    struct loan *half = lend(stage, RINGCACHE_SET, "half", HUGE);
    struct loan *waiting = lend(stage, RINGCACHE_SET, "waiting", HUGE);
    world_run_for(stage->world, 2);
    world_close(stage->world);
    assert_int_equal(stage->returned, 0);
    world_settle(stage->world, 100);
    assert_reply(half->reply, RINGCACHE_ECANCELED);
    assert_reply(waiting->reply, RINGCACHE_ECANCELED);
    end(stage); /* its loans came back before the close callback: `release` says so */
}

/* ---- every call in it ---- */

static void close_in_release(struct stage *stage, struct loan *loan)
{
    (void)loan;
    world_close(stage->world);
}

static void submit_in_release(struct stage *stage, struct loan *loan)
{
    (void)loan;
    if (stage->lent < 20) {
        lend(stage, RINGCACHE_SET, "more", stage->lent % 2 == 0 ? LARGE : SMALL);
    }
}

static void cancel_in_release(struct stage *stage, struct loan *loan)
{
    (void)loan;
    for (size_t i = 0; i < stage->lent; i++) {
        (void)ringcache_cancel(stage->world->client, stage->loans[i].id);
    }
}

static void remove_in_release(struct stage *stage, struct loan *loan)
{
    (void)loan;
    (void)ringcache_server_remove(stage->world->client, "10.0.0.1:11000");
}

static void every_call_is_legal_in_release(void **state)
{
    (void)state;
    static void (*const acts[])(struct stage * stage, struct loan * loan) = {
        close_in_release, submit_in_release, cancel_in_release, remove_in_release};
    for (size_t i = 0; i < 2 * (sizeof acts / sizeof *acts); i++) {
        struct stage *stage = begin();
        stage->on_release = acts[i / 2];
        lend(stage, RINGCACHE_SET, "a", SMALL);
        lend(stage, RINGCACHE_SET, "b", SMALL + 1);
        lend(stage, RINGCACHE_SET, "c", HUGE);
        lend(stage, RINGCACHE_SET, "d", HUGE);
        if (i % 2 == 1) {
            world_run_for(stage->world, 1);
            sim_server_kill(stage->server);
        }
        world_settle(stage->world, 2000);
        world_run_for(stage->world, 10);
        assert_int_equal(stage->returned, stage->lent);
        stage->on_release = NULL;
        end(stage);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_store_sends_what_is_lent),
        cmocka_unit_test(the_kernel_may_take_any_part),
        cmocka_unit_test(many_values_are_lent_at_once),
        cmocka_unit_test(what_the_kernel_has_is_given_back_before_the_reply),
        cmocka_unit_test(what_never_left_is_lent_to_the_next_connection),
        cmocka_unit_test(what_never_left_and_is_canceled_is_given_back),
        cmocka_unit_test(a_small_value_is_copied_and_given_back_at_once),
        cmocka_unit_test(what_is_lent_is_not_held),
        cmocka_unit_test(a_refused_value_is_never_given_back),
        cmocka_unit_test(without_release_nobody_is_told),
        cmocka_unit_test(a_request_that_timed_out_half_written_lends_to_the_end),
        cmocka_unit_test(a_canceled_request_gives_back_what_was_not_sent),
        cmocka_unit_test(a_canceled_request_that_stands_in_the_output_lends_until_it_is_sent),
        cmocka_unit_test(a_lost_connection_gives_back_all),
        cmocka_unit_test(a_silent_server_gives_back_what_never_left),
        cmocka_unit_test(an_early_refusal_leaves_the_value_lent),
        cmocka_unit_test(a_distrusted_connection_gives_back_all),
        cmocka_unit_test(close_gives_back_before_it_is_over),
        cmocka_unit_test(every_call_is_legal_in_release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

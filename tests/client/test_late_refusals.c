/* SPDX-License-Identifier: MIT */
/* A write that is refused when its caller had left failed before that: whoever asked for its key
 * since, behind it on the same connection, reads nothing that is older. */
#include "world.h"

struct kind {
    const char *name;
    world_add add;
    const char *version; /* of the memcached, or NULL */
    const char *integrity;
    const char *merges;
    const char *set, *delete; /* the command's word */
    const char *refusal;
};

#define MEMCACHED_FULL "SERVER_ERROR out of memory\r\n"
#define REDIS_FULL "-OOM command not allowed\r\n"

static const struct kind kinds[] = {
    {"memcached", world_memcached, NULL, "auto", "no", "ms", "md", MEMCACHED_FULL},
    {"memcached, merged", world_memcached, NULL, "auto", "yes", "ms", "md", MEMCACHED_FULL},
    {"memcached, strict", world_memcached, NULL, "strict", "no", "ms", "md", MEMCACHED_FULL},
    {"memcached, classic text", world_memcached, "1.5.10", "auto", "no", "set", "delete",
        MEMCACHED_FULL},
    {"redis", world_redis, NULL, "auto", "no", "set", "del", REDIS_FULL},
    {"redis, merged", world_redis, NULL, "auto", "yes", "set", "del", REDIS_FULL},
    {"redis, strict", world_redis, NULL, "strict", "no", "set", "del", REDIS_FULL},
};

enum { KINDS = sizeof kinds / sizeof *kinds, MEMCACHED = 0, REDIS = 4 };

struct scene {
    const struct kind *kind;
    struct world *world;
    struct sim_server *server;
    struct engine *engine;
};

/* "k" is what the tests write, "other" is nobody's concern. */
static void begin(struct scene *s, const char *leases)
{
    const struct kind *kind = s->kind;
    print_message("  on %s\n", kind->name);
    world_option(s->world, "integrity", kind->integrity);
    world_option(s->world, "merge_gets", kind->merges);
    world_option(s->world, "leases", leases);
    s->server = kind->add(s->world, "10.0.0.1", 11000);
    s->engine = sim_server_engine(s->server);
    if (kind->version != NULL) {
        engine_set_version(s->engine, kind->version);
    }
    world_begin(s->world);
    world_set(s->world, "k", "v0");
    world_set(s->world, "other", "o0");
    world_settle(s->world, 100);
}

static struct scene open_scene(const struct kind *kind, const char *leases)
{
    struct scene s = {.kind = kind, .world = world_new(61)};
    begin(&s, leases);
    return s;
}

/* It left, its caller too, and it is about to be refused. */
static void leave_a_write(const struct scene *s, ringcache_op op, const char *refusal)
{
    ringcache_request write = {.op = op, .key = {"k", 1}, .timeout_ms = 20};
    if (op == RINGCACHE_SET) {
        write.value = (ringcache_slice){"v1", 2};
    }
    engine_answer_next(s->engine, op == RINGCACHE_SET ? s->kind->set : s->kind->delete, 1, refusal);
    sim_server_stop(s->server);
    struct world_reply *left = world_submit(s->world, &write, NULL);
    world_run_for(s->world, 30);
    assert_reply(left, RINGCACHE_ETIMEDOUT);
    assert_int_equal(left->maybe_applied, 1);
}

static struct world_reply *read_key(
    const struct scene *s, ringcache_op op, uint32_t options, const char *key)
{
    ringcache_request read = {.op = op, .key = {key, strlen(key)}, .options = options};
    read.ttl_ms = op == RINGCACHE_GET_AND_TOUCH ? 60000 : 0;
    return world_submit(s->world, &read, NULL);
}

/* ---- single reads ---- */

static void is_read_as_absent(const struct kind *kind, ringcache_op write)
{
    struct scene s = open_scene(kind, "no");
    leave_a_write(&s, write, kind->refusal);
    struct world_reply *reads[] = {
        read_key(&s, RINGCACHE_GET, 0, "k"),
        read_key(&s, RINGCACHE_GET, RINGCACHE_WANT_CAS, "k"),
        read_key(&s, RINGCACHE_GET_AND_TOUCH, 0, "k"),
        read_key(&s, RINGCACHE_GET, 0, "k"),
    };
    struct world_reply *others[] = {
        read_key(&s, RINGCACHE_GET, 0, "other"),
        read_key(&s, RINGCACHE_GET, RINGCACHE_WANT_CAS, "other"),
        read_key(&s, RINGCACHE_GET_AND_TOUCH, 0, "other"),
    };
    world_run_for(s.world, 5);
    sim_server_continue(s.server);
    world_settle(s.world, 20);
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        assert_reply(reads[i], RINGCACHE_MISS);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_value(others[i], "o0");
    }
    struct world_reply *again = world_get(s.world, "k");
    world_settle(s.world, 20);
    assert_reply(again, RINGCACHE_MISS);
    world_set(s.world, "k", "v2");
    again = world_get(s.world, "k");
    world_settle(s.world, 20);
    assert_value(again, "v2");
    assert_int_equal(sim_server_connects(s.server), 1);
    world_end(s.world);
}

static void what_is_read_behind_it_is_absent(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        is_read_as_absent(&kinds[i], RINGCACHE_SET);
        is_read_as_absent(&kinds[i], RINGCACHE_DELETE);
    }
}

/* By the delete, which goes when the refusal comes; that is a miss, and no older value. */
static void what_was_stored_behind_it_goes_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s = open_scene(&kinds[i], "no");
        leave_a_write(&s, RINGCACHE_SET, kinds[i].refusal);
        struct world_reply *set = world_set(s.world, "k", "v2");
        struct world_reply *get = read_key(&s, RINGCACHE_GET, 0, "k");
        world_run_for(s.world, 5);
        sim_server_continue(s.server);
        world_settle(s.world, 20);
        assert_reply(set, RINGCACHE_OK);
        assert_reply(get, RINGCACHE_MISS);
        get = read_key(&s, RINGCACHE_GET, 0, "k");
        world_settle(s.world, 20);
        assert_reply(get, RINGCACHE_MISS);
        world_end(s.world);
    }
}

/* What was submitted before there was a connection keeps a copy of its own until it leaves. */
static void so_is_what_waited_for_the_connection(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s = open_scene(&kinds[i], "no");
        sim_server_slow(s.server, 20000);
        sim_end(s.server, sim_server_newest(s.server), SIM_FIN);
        world_run_for(s.world, 25);
        const ringcache_request write = {.op = RINGCACHE_SET, .key = {"k", 1}, .value = {"v1", 2}};
        ringcache_id id;
        uint64_t run = engine_count(s.engine, kinds[i].set);
        engine_answer_next(s.engine, kinds[i].set, 1, kinds[i].refusal);
        struct world_reply *left = world_submit(s.world, &write, &id);
        struct world_reply *get = read_key(&s, RINGCACHE_GET, 0, "k");
        struct world_reply *touched = read_key(&s, RINGCACHE_GET_AND_TOUCH, 0, "k");
        struct world_reply *other = read_key(&s, RINGCACHE_GET_AND_TOUCH, 0, "other");
        assert_int_equal(sim_server_connects(s.server), 1);
        while (engine_count(s.engine, kinds[i].set) == run) {
            world_run_for(s.world, 1);
        }
        assert_int_equal(ringcache_cancel(s.world->client, id), 0);
        world_settle(s.world, 100);
        assert_reply(left, RINGCACHE_ECANCELED);
        assert_int_equal(left->maybe_applied, 1);
        assert_reply(get, RINGCACHE_MISS);
        assert_reply(touched, RINGCACHE_MISS);
        assert_value(other, "o0");
        world_end(s.world);
    }
}

/* ---- many keys ---- */

struct many {
    int status[4];
    unsigned done;
};

static void on_each(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct many *many = user;
    (void)client;
    many->status[reply->index] = reply->status;
}

static void on_done(ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    struct many *many = user;
    (void)client;
    assert_int_equal(ok + missed + failed, 4);
    many->done++;
}

static void of_many_keys_it_alone_is_absent(void **state)
{
    static const ringcache_slice keys[] = {{"other", 5}, {"k", 1}, {"none", 4}, {"other", 5}};
    static const int expected[] = {RINGCACHE_OK, RINGCACHE_MISS, RINGCACHE_MISS, RINGCACHE_OK};
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s = open_scene(&kinds[i], "no");
        struct many many = {{0}, 0};
        leave_a_write(&s, RINGCACHE_SET, kinds[i].refusal);
        s.world->in_call = true;
        int rc = ringcache_get_many(s.world->client, keys, 4, NULL, on_each, on_done, &many);
        s.world->in_call = false;
        assert_int_equal(rc, 0);
        world_run_for(s.world, 5);
        sim_server_continue(s.server);
        world_run_for(s.world, 20);
        assert_int_equal(many.done, 1);
        assert_memory_equal(many.status, expected, sizeof expected);
        world_end(s.world);
    }
}

/* ---- fetches ---- */

static unsigned loads;

static void load(ringcache_client *client, ringcache_load *load, void *user)
{
    (void)client;
    (void)user;
    loads++;
    ringcache_load_done(load, "loaded", 6, 60000);
}

static void a_fetch_behind_it_loads(void **state)
{
    static const char *const leases[] = {"no", "yes"};
    (void)state;
    for (size_t i = 0; i < 2 * KINDS; i++) {
        const struct kind *kind = &kinds[i / 2];
        if (kind->version != NULL && i % 2 == 1) {
            continue; /* classic text has no leases */
        }
        struct scene s = open_scene(kind, leases[i % 2]);
        leave_a_write(&s, RINGCACHE_SET, kind->refusal);
        const ringcache_fetch_request request = {.key = {"k", 1}, .loader = load};
        struct world_call call = world_call(s.world);
        struct world_reply *fetched = world_called(
            s.world, &call, ringcache_fetch(s.world->client, &request, call.cb, call.user, NULL));
        world_run_for(s.world, 5);
        loads = 0;
        sim_server_continue(s.server);
        world_settle(s.world, 100);
        assert_value(fetched, "loaded");
        assert_int_equal(loads, 1);
        world_end(s.world);
    }
}

/* ---- with the refusal goes more ---- */

/* Nothing is made good then, and so nothing is absent. */
static void without_a_journal_what_is_there_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s = {.kind = &kinds[i], .world = world_new(62)};
        world_option(s.world, "journal_entries", "0");
        begin(&s, "no");
        leave_a_write(&s, RINGCACHE_SET, kinds[i].refusal);
        struct world_reply *get = read_key(&s, RINGCACHE_GET, 0, "k");
        world_run_for(s.world, 5);
        sim_server_continue(s.server);
        world_settle(s.world, 20);
        assert_value(get, "v0");
        world_end(s.world);
    }
}

/* The server goes out with it; what it answers of what it had is older all the same. */
static void what_is_read_behind_not_now_is_absent(void **state)
{
    (void)state;
    for (size_t i = REDIS; i < KINDS; i++) {
        struct scene s = open_scene(&kinds[i], "no");
        leave_a_write(&s, RINGCACHE_SET, "-LOADING the dataset\r\n");
        struct world_reply *get = read_key(&s, RINGCACHE_GET, 0, "k");
        struct world_reply *other = read_key(&s, RINGCACHE_GET, 0, "other");
        world_run_for(s.world, 5);
        sim_server_continue(s.server);
        world_settle(s.world, 20);
        assert_reply(get, RINGCACHE_MISS);
        assert_value(other, "o0");
        assert_int_equal(world_count(s.world, RINGCACHE_EVENT_DOWN), 1);
        world_end(s.world);
    }
}

/* … and asked for once more behind the delete, where the connection ends first. */
static void what_is_read_behind_it_goes_on_the_next_connection(void **state)
{
    (void)state;
    for (size_t i = 0; i < KINDS; i++) {
        struct scene s = open_scene(&kinds[i], "no");
        leave_a_write(&s, RINGCACHE_SET, kinds[i].refusal);
        struct world_reply *get = read_key(&s, RINGCACHE_GET, 0, "k");
        struct world_reply *other = read_key(&s, RINGCACHE_GET, 0, "other");
        world_run_for(s.world, 5);
        sim_cut_after(s.server, sim_server_newest(s.server), strlen(kinds[i].refusal), SIM_FIN);
        sim_server_continue(s.server);
        world_settle(s.world, 200);
        assert_reply(get, RINGCACHE_MISS);
        assert_value(other, "o0");
        assert_int_equal(get->attempts, 2);
        world_end(s.world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_behind_it_is_absent),
        cmocka_unit_test(what_was_stored_behind_it_goes_too),
        cmocka_unit_test(so_is_what_waited_for_the_connection),
        cmocka_unit_test(of_many_keys_it_alone_is_absent),
        cmocka_unit_test(a_fetch_behind_it_loads),
        cmocka_unit_test(without_a_journal_what_is_there_is_read),
        cmocka_unit_test(what_is_read_behind_not_now_is_absent),
        cmocka_unit_test(what_is_read_behind_it_goes_on_the_next_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
/* Every allocation of the library fails once, alone or with all that follow: a life of a client,
 * from its configuration to its close, ends in clean codes, one callback each, and nothing left
 * behind. The linker puts the wrappers below in the place of src/base/alloc.c's functions. */
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ringcache/fetch.h"
#include "ringcache/update.h"

enum {
    REQUESTS_MAX = 512,
    RECOVERY_MS = 3000,
    KEYS = 6, /* and as many counters; both servers get some of each */
    SERVERS = 2,
    ASKED = 7 * KEYS + 3 + 2 * SERVERS, /* in one go, and a many and listings besides */
    LENT_BYTES = 20000,
    ITEM_MAX_BYTES = 24000,
};

/* ---- an allocator that fails on demand ---- */

/* The wrappers take no argument of ours, hence the one variable of this program. */
static struct {
    uint64_t made; /* allocations asked for since `fail_at` was set */
    uint64_t fail_at;
    bool fail_on; /* also all that follow */
    bool failed;
    int64_t live;
} memory;

void *__real_rc_alloc(size_t size);
void *__real_rc_alloc_zeroed(size_t count, size_t size);
void *__real_rc_resize(void *old, size_t count, size_t size);
char *__real_rc_copy_text(const char *text, size_t len);
void __real_rc_free(void *block);
void *__wrap_rc_alloc(size_t size);
void *__wrap_rc_alloc_zeroed(size_t count, size_t size);
void *__wrap_rc_resize(void *old, size_t count, size_t size);
char *__wrap_rc_copy_text(const char *text, size_t len);
void __wrap_rc_free(void *block);

static bool fails(void)
{
    if (memory.fail_at == 0) {
        return false;
    }
    memory.made++;
    bool now = memory.made == memory.fail_at || (memory.fail_on && memory.made > memory.fail_at);
    memory.failed = memory.failed || now;
    return now;
}

static void *counted(void *block)
{
    memory.live += block != NULL;
    return block;
}

void *__wrap_rc_alloc(size_t size)
{
    return fails() ? NULL : counted(__real_rc_alloc(size));
}

void *__wrap_rc_alloc_zeroed(size_t count, size_t size)
{
    return fails() ? NULL : counted(__real_rc_alloc_zeroed(count, size));
}

void *__wrap_rc_resize(void *old, size_t count, size_t size)
{
    if (fails()) {
        return NULL;
    }
    memory.live -= old != NULL;
    return counted(__real_rc_resize(old, count, size));
}

char *__wrap_rc_copy_text(const char *text, size_t len)
{
    return fails() ? NULL : counted(__real_rc_copy_text(text, len));
}

void __wrap_rc_free(void *block)
{
    memory.live -= block != NULL;
    __real_rc_free(block);
}

static void fail_at(uint64_t n, bool on)
{
    memory.made = 0;
    memory.fail_at = n;
    memory.fail_on = on;
    memory.failed = false;
}

/* ---- one life of a client ---- */

struct life {
    struct sim *sim;
    struct sim_client *host;
    struct sim_server *memcached, *redis;
    ringcache_client *client;
    const char *integrity;
    unsigned accepted, answered, succeeded, closed;
    unsigned manys, failed;    /* under way; keys of theirs that failed */
    unsigned listings, listed; /* under way; done as a whole */
    unsigned lent, returned;
    unsigned calls[REQUESTS_MAX];
};

struct ticket {
    struct life *life;
    unsigned place;
};

static const struct ticket *ticket_of(struct life *life, unsigned place)
{
    static struct ticket tickets[REQUESTS_MAX];
    tickets[place] = (struct ticket){life, place};
    return &tickets[place];
}

static void judge(const ringcache_reply *reply)
{
    switch (reply->status) {
    case RINGCACHE_OK:
    case RINGCACHE_MISS:
    case RINGCACHE_NOT_STORED:
    case RINGCACHE_ENOMEM:
    case RINGCACHE_ETIMEDOUT:
    case RINGCACHE_ECONNECT:
    case RINGCACHE_EDOWN:
    case RINGCACHE_ECANCELED:
    case RINGCACHE_ETOOBIG:
    case RINGCACHE_ESERVER: /* of a Redis that refuses, below */
        break;
    default:
        fail_msg("a request ended with %s: %s", ringcache_err_name(reply->status), reply->message);
    }
    if (reply->status == RINGCACHE_OK) {
        ringcache_value_unref(ringcache_value_ref(reply));
    }
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    const struct ticket *ticket = user;
    struct life *life = ticket->life;
    assert_ptr_equal(client, life->client);
    life->calls[ticket->place]++;
    life->answered++;
    life->succeeded += reply->status >= 0;
    judge(reply);
}

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    (void)user;
    if (event->type == RINGCACHE_EVENT_DOWN && event->reason == RINGCACHE_ENOMEM) {
        fail_msg("%s was blamed for our own memory: %s", event->server, event->text);
    }
    ringcache_ring_unref(ringcache_client_ring(client));
}

static void on_close(ringcache_client *client, void *user)
{
    struct life *life = user;
    assert_ptr_equal(client, life->client);
    life->closed++;
}

static void transport_stays(struct rc_transport *transport)
{
    (void)transport; /* the simulator frees it */
}

static void out_of_memory_or(int rc, int otherwise)
{
    if (rc != RINGCACHE_ENOMEM && rc != otherwise) {
        fail_msg("%s", ringcache_err_name(rc));
    }
}

static void *next_ticket(struct life *life)
{
    assert_true(life->accepted < REQUESTS_MAX);
    return (void *)(uintptr_t)ticket_of(life, life->accepted);
}

/* The call that was given the next ticket returned `rc`. */
static void asked(struct life *life, int rc)
{
    if (rc == 0) {
        life->accepted++;
    } else if (rc == RINGCACHE_ENOMEM) {
        assert_string_equal(ringcache_client_error(life->client), "out of memory");
    } else {
        assert_int_equal(rc, RINGCACHE_ETOOBIG);
        assert_string_equal(ringcache_client_error(life->client), rc_server_too_big);
    }
}

static ringcache_slice name_of(unsigned key, char name[16])
{
    int len = snprintf(name, 16, "key%u", key);
    return (ringcache_slice){name, (size_t)len};
}

static void on_release(void *user, const void *data, size_t len)
{
    struct life *life = user;
    assert_non_null(data);
    assert_int_equal(len, LENT_BYTES);
    assert_int_equal(life->closed, 0);
    life->returned++;
}

static void ask(struct life *life, ringcache_op op, unsigned key, size_t value_len)
{
    static char value[ITEM_MAX_BYTES];
    char name[16];
    ringcache_request request = {.op = op, .key = name_of(key, name), .value = {value, value_len}};
    if (op == RINGCACHE_INCREMENT) {
        request.options = RINGCACHE_WITH_INITIAL;
        request.delta = 1;
    }
    if (value_len == LENT_BYTES) {
        request.options = RINGCACHE_LEND_VALUE;
        request.release = on_release;
        request.release_user = life;
    }
    int rc = ringcache_submit(life->client, &request, on_reply, next_ticket(life), NULL);
    life->lent += rc == 0 && value_len == LENT_BYTES;
    asked(life, rc);
}

static void load(ringcache_client *client, ringcache_load *load, void *user)
{
    (void)client;
    (void)user;
    ringcache_load_done(load, "loaded", 6, 1000);
}

static void ask_fetch(struct life *life, unsigned key)
{
    char name[16];
    const ringcache_fetch_request request = {.key = name_of(key, name), .loader = load};
    asked(life, ringcache_fetch(life->client, &request, on_reply, next_ticket(life), NULL));
}

static void change(
    ringcache_client *client, const ringcache_reply *now, ringcache_change *change, void *user)
{
    (void)client;
    (void)now;
    (void)user;
    out_of_memory_or(ringcache_change_store(change, "changed", 7, 0), 0);
}

static void ask_update(struct life *life, unsigned key)
{
    char name[16];
    const ringcache_request request = {.key = name_of(key, name)};
    asked(
        life, ringcache_update(life->client, &request, change, on_reply, next_ticket(life), NULL));
}

/* The keys of one call, and whether each was told of. */
struct many {
    struct life *life;
    ringcache_slice keys[KEYS];
    char names[KEYS][16];
    unsigned told[KEYS];
};

static void on_each(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct many *many = user;
    assert_ptr_equal(client, many->life->client);
    assert_true(reply->index < KEYS);
    many->told[reply->index]++;
    judge(reply);
}

static void on_done(ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    struct many *many = user;
    assert_ptr_equal(client, many->life->client);
    assert_int_equal(ok + missed + failed, KEYS);
    for (unsigned i = 0; i < KEYS; i++) {
        assert_int_equal(many->told[i], 1);
    }
    many->life->manys--;
    many->life->failed += (unsigned)failed;
    free(many);
}

static void ask_many(struct life *life)
{
    struct many *many = calloc(1, sizeof *many);
    assert_non_null(many);
    many->life = life;
    for (unsigned i = 0; i < KEYS; i++) {
        many->keys[i] = name_of(i, many->names[i]);
    }
    int rc = ringcache_get_many(life->client, many->keys, KEYS, NULL, on_each, on_done, many);
    if (rc == 0) {
        life->manys++;
    } else {
        assert_int_equal(rc, RINGCACHE_ENOMEM);
        free(many);
    }
}

static int on_key(ringcache_client *client, const ringcache_listed_key *key, void *user)
{
    const struct life *life = user;
    assert_ptr_equal(client, life->client);
    assert_true(key->key.len > 0);
    return 0;
}

static void on_listed(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct life *life = user;
    assert_ptr_equal(client, life->client);
    life->listings--;
    life->listed += reply->status == RINGCACHE_OK;
    judge(reply);
}

/* What one server is asked by its name. */
static void ask_server(struct life *life, const char *name)
{
    ringcache_client *client = life->client;
    void *ticket = next_ticket(life);
    asked(life, ringcache_server_stats(client, name, NULL, on_reply, ticket));
    ticket = next_ticket(life);
    asked(life, ringcache_server_version(client, name, on_reply, ticket));
    int rc = ringcache_server_keys(client, name, on_key, on_listed, life);
    life->listings += rc == 0;
    if (rc != 0) {
        assert_int_equal(rc, RINGCACHE_ENOMEM);
    }
}

/* Both servers get some of these. */
static void ask_all(struct life *life)
{
    for (unsigned key = 0; key < KEYS; key++) {
        ask(life, RINGCACHE_SET, key, key % 3 == 0 ? 3000 : 10);
        ask(life, RINGCACHE_GET, key, 0);
        ask(life, RINGCACHE_APPEND, key, 10);
        ask(life, RINGCACHE_INCREMENT, KEYS + key, 0);
        ask_fetch(life, 2 * KEYS + key);
        ask_update(life, 3 * KEYS + key);
        ask_update(life, 3 * KEYS + key);
    }
    ask(life, RINGCACHE_SET, 0, LENT_BYTES);
    ask(life, RINGCACHE_SET, KEYS - 1, LENT_BYTES);
    ask_many(life);
    ask(life, RINGCACHE_DELETE, 1, 0);
    ask_server(life, "10.0.0.1:11211");
    ask_server(life, "10.0.0.2:6379");
}

static int make_config(const struct life *life, ringcache_config **config)
{
    const char *const options[][2] = {{"connections", "2"}, {"integrity", life->integrity},
        {"namespace", "n:"}, {"timeout_ms", "100"}, {"single_flight", "yes"}, {"leases", "yes"},
        {"server", "memcached://user:secret@10.0.0.1:11211"},
        {"server", "redis://user:secret@10.0.0.2:6379/1"}};
    int rc = ringcache_config_new(config);
    for (size_t i = 0; rc == 0 && i < sizeof options / sizeof *options; i++) {
        rc = ringcache_config_set(*config, options[i][0], options[i][1]);
        if (rc < 0) {
            ringcache_config_free(*config);
        }
    }
    out_of_memory_or(rc, 0);
    return rc;
}

static int begin(struct life *life)
{
    ringcache_config *config;
    int rc = make_config(life, &config);
    if (rc == 0) {
        rc =
            rc_client_new(&life->client, sim_client_transport(life->host), transport_stays, config);
        ringcache_config_free(config);
    }
    out_of_memory_or(rc, 0);
    if (rc == 0) {
        ringcache_client_on_event(life->client, on_event, life);
    }
    return rc;
}

static void change_servers(struct life *life)
{
    static const char *const third = "memcached://user:secret@10.0.0.1:11211?name=third";
    int added = ringcache_server_add(life->client, third);
    out_of_memory_or(added, 0);
    ask_all(life);
    sim_run_for(life->sim, 20);
    out_of_memory_or(
        ringcache_server_weight(life->client, "third", 2), added == 0 ? 0 : RINGCACHE_EINVAL);
    out_of_memory_or(
        ringcache_server_remove(life->client, "third"), added == 0 ? 0 : RINGCACHE_EINVAL);
    ringcache_config *config;
    if (make_config(life, &config) == 0) {
        out_of_memory_or(ringcache_servers_replace(life->client, config), 0);
        ringcache_config_free(config);
    }
}

static void explain(struct life *life)
{
    ringcache_explanation *explanation;
    int rc = ringcache_explain(life->client, "key1", 4, &explanation);
    out_of_memory_or(rc, 0);
    if (rc == 0) {
        ringcache_explanation_free(explanation);
    }
}

/* The memcached's may wait for their connection, or hear at once that they are too large. */
static void ask_too_much(struct life *life)
{
    for (unsigned key = 0; key < KEYS; key++) {
        ask(life, RINGCACHE_ADD, key, ITEM_MAX_BYTES);
    }
}

/* A Redis that loads stays connected to and is asked by PING; one that is a replica is connected to
 * anew, under requests. */
static void refuse(struct life *life)
{
    struct engine *redis = sim_server_engine(life->redis);
    engine_set_mood(redis, ENGINE_LOADING);
    ask_all(life);
    sim_run_for(life->sim, 250);
    engine_set_mood(redis, ENGINE_SERVES);
    sim_run_for(life->sim, 500);
    engine_set_mood(redis, ENGINE_REPLICA);
    sim_server_slow(life->redis, 2000);
    ask_all(life);
    sim_run_for(life->sim, 6);
    ask(life, RINGCACHE_SET, 1, 10);
    sim_run_for(life->sim, 40);
    sim_server_slow(life->redis, 0);
    engine_set_mood(redis, ENGINE_SERVES);
}

/* Everything at least once: connect, store, fetch, lose a server and get it back, change the
 * ring. */
static void live(struct life *life)
{
    ask_all(life);
    ask_too_much(life);
    sim_run_for(life->sim, 20);
    ask_too_much(life);
    explain(life);
    sim_server_kill(life->memcached);
    ask_all(life);
    sim_run_for(life->sim, 50);
    sim_server_restart(life->memcached, true);
    sim_server_stop(life->redis);
    ask_all(life);
    sim_run_for(life->sim, 400);
    sim_server_continue(life->redis);
    sim_run_for(life->sim, 1000);
    refuse(life);
    change_servers(life);
    ask_all(life);
    sim_run_for(life->sim, 1000);
    ask_all(life);
    sim_run_for(life->sim, 20);
}

/* With memory again, everything works. */
static void recover(struct life *life)
{
    sim_run_for(life->sim, RECOVERY_MS);
    assert_int_equal(life->manys + life->listings, 0);
    unsigned accepted = life->accepted, succeeded = life->succeeded, failed = life->failed;
    unsigned listed = life->listed;
    ask_all(life);
    assert_int_equal(life->manys, 1);
    sim_run_for(life->sim, 300);
    assert_int_equal(life->accepted, accepted + ASKED);
    assert_int_equal(life->succeeded, succeeded + ASKED);
    assert_int_equal(life->manys, 0);
    assert_int_equal(life->failed, failed);
    assert_int_equal(life->listings, 0);
    assert_int_equal(life->listed, listed + SERVERS);
}

static void finish(struct life *life)
{
    ringcache_client_close(life->client, on_close, life);
    assert_true(sim_run_idle(life->sim, 5000));
    assert_int_equal(life->closed, 1);
    assert_int_equal(life->answered, life->accepted);
    assert_int_equal(life->returned, life->lent);
    for (unsigned i = 0; i < life->accepted; i++) {
        assert_int_equal(life->calls[i], 1);
    }
}

/* Was allocation `n` reached? */
static bool run(uint64_t n, bool on, const char *integrity)
{
    struct life life = {.integrity = integrity};
    struct sim_options options = sim_options(n);
    life.sim = sim_new(&options);
    life.host = sim_client_new(life.sim);
    life.memcached = sim_server_add(life.sim, "10.0.0.1", 11211, ENGINE_MEMCACHED);
    life.redis = sim_server_add(life.sim, "10.0.0.2", 6379, ENGINE_REDIS);
    engine_set_password(sim_server_engine(life.redis), "user", "secret");
    engine_set_password(sim_server_engine(life.memcached), "user", "secret");
    engine_set_max_item(sim_server_engine(life.memcached), ITEM_MAX_BYTES);
    int64_t live_before = memory.live;
    fail_at(n, on);
    if (begin(&life) == 0) {
        live(&life);
        memory.fail_at = 0;
        recover(&life);
        finish(&life);
    }
    memory.fail_at = 0;
    assert_int_equal(sim_client_streams(life.host), 0);
    if (memory.live != live_before) {
        fail_msg("%" PRId64 " blocks are left", memory.live - live_before);
    }
    sim_free(life.sim);
    return memory.failed;
}

static void every(bool on)
{
    static const char *const integrities[] = {"auto", "strict"};
    for (size_t i = 0; i < 2; i++) {
        uint64_t n = 1;
        while (run(n, on, integrities[i])) {
            n++;
        }
        print_message("  %" PRIu64 " allocations\n", n - 1);
        assert_true(n > 100);
    }
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    every(false);
}

static void from_any_allocation_on_all_may_fail(void **state)
{
    (void)state;
    every(true);
}

static unsigned rooms_told_when_allocation_fails(uint64_t n)
{
    struct world *world = world_new(n);
    world_memcached(world, "10.0.0.1", 11211);
    world_option(world, "max_inflight", "1");
    world_begin(world);
    world_get(world, "a");
    world_settle(world, 100);
    world_get(world, "b");
    assert_int_equal(world_try_get(world, "c"), RINGCACHE_EBUSY);
    fail_at(n, false);
    world_settle(world, 1000);
    world_run_for(world, 5);
    memory.fail_at = 0;
    world_get(world, "d");
    world_settle(world, 1000);
    unsigned told = (unsigned)world_count(world, RINGCACHE_EVENT_ROOM);
    world_end(world);
    return told;
}

static void who_waits_for_room_is_told_whatever_fails(void **state)
{
    (void)state;
    for (uint64_t n = 1; n <= 6; n++) {
        assert_true(rooms_told_when_allocation_fails(n) > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(from_any_allocation_on_all_may_fail),
        cmocka_unit_test(who_waits_for_room_is_told_whatever_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

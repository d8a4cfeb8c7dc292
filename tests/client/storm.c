/* SPDX-License-Identifier: MIT */
#include "storm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { VALUE_BYTES = 65536 }; /* one large piece, and all the small ones there may be */

/* splitmix64: the storm's own, so that the world draws the same whatever is asked of it. */
static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* As many bytes of the script as have room for it. */
static uint64_t draw_scripted(struct storm *storm, uint64_t below)
{
    uint64_t number = 0;
    for (uint64_t room = below - 1; room > 0 && storm->script.len > 0; room >>= 8) {
        number = number << 8 | storm->script.data[0];
        storm->script = rc_slice(storm->script.data + 1, storm->script.len - 1);
    }
    return number % below;
}

uint64_t storm_draw(struct storm *storm, uint64_t below)
{
    if (storm->script.len > 0) {
        return draw_scripted(storm, below);
    }
    storm->random += UINT64_C(0x9e3779b97f4a7c15);
    return mix(storm->random) % below;
}

void storm_draw_from(struct storm *storm, uint64_t stream)
{
    storm->random = mix(storm->seed ^ mix(stream + 1));
}

void storm_fail(const struct storm *storm, const char *what, const char *of)
{
    fail_msg("STORM_SEED=%" PRIu64 " at %" PRIu64 " ms: %s (%s)", storm->seed,
        sim_now_ms(storm->sim), what, of);
}

void storm_tell(const struct storm *storm, const char *who, const char *what, int64_t number)
{
    if (storm->tells) {
        print_message(
            "%" PRIu64 " %s: %s %" PRId64 "\n", sim_now_ms(storm->sim), who, what, number);
    }
}

/* ---- owners ---- */

struct storm_client *storm_any_client(struct storm *storm)
{
    size_t first = storm_draw(storm, storm->rules.clients);
    for (size_t i = 0; i < storm->rules.clients; i++) {
        struct storm_client *c = &storm->clients[(first + i) % storm->rules.clients];
        if (!c->closing) {
            return c;
        }
    }
    return NULL;
}

/* Their rings are all the same; one of them is always left to ask. */
static ringcache_ring *ring_of(const struct storm *storm)
{
    const struct storm_client *c = storm->clients;
    while (c->closing) {
        c++;
    }
    return ringcache_client_ring(c->client);
}

size_t storm_owner_of(const struct storm *storm, const char *key)
{
    ringcache_ring *ring = ring_of(storm);
    size_t index = ringcache_ring_locate(ring, key, strlen(key));
    const char *name = index == RINGCACHE_NONE ? "" : ringcache_ring_server_name(ring, index);
    size_t i = 0;
    while (i < storm->server_count && strcmp(storm->servers[i].name, name) != 0) {
        i++;
    }
    ringcache_ring_unref(ring);
    return i < storm->server_count ? i : STORM_SERVERS;
}

bool storm_is_member(const struct storm *storm, const struct storm_server *server)
{
    ringcache_ring *ring = ring_of(storm);
    size_t i = ringcache_ring_server_count(ring);
    while (i > 0 && strcmp(ringcache_ring_server_name(ring, i - 1), server->name) != 0) {
        i--;
    }
    ringcache_ring_unref(ring);
    return i > 0;
}

void storm_note_owners(struct storm *storm)
{
    for (size_t i = 0; i < STORM_KEYS; i++) {
        size_t owner = storm_owner_of(storm, storm->keys[i].name);
        if (owner != storm->keys[i].owner) {
            storm->keys[i].owner = owner;
            storm_key_begin_epoch(&storm->keys[i]);
        }
    }
    for (size_t i = 0; i < STORM_COUNTERS; i++) {
        struct storm_counter *counter = &storm->counters[i];
        if (storm_owner_of(storm, counter->name) != counter->owner) {
            storm_counter_begin(storm, counter);
        }
    }
    for (size_t i = 0; i < STORM_LOCKS; i++) {
        struct storm_lock *lock = &storm->locks[i];
        size_t owner = storm_owner_of(storm, lock->name);
        if (owner != lock->owner) {
            lock->owner = owner;
            storm_lock_begin_epoch(lock);
        }
    }
}

void storm_note_loss(struct storm *storm, const struct storm_server *server)
{
    size_t owner = (size_t)(server - storm->servers);
    for (size_t i = 0; i < STORM_KEYS; i++) {
        if (storm->keys[i].owner == owner) {
            storm_key_begin_epoch(&storm->keys[i]);
        }
    }
    for (size_t i = 0; i < STORM_COUNTERS; i++) {
        if (storm->counters[i].owner == owner) {
            storm_counter_begin(storm, &storm->counters[i]);
        }
    }
    for (size_t i = 0; i < STORM_LOCKS; i++) {
        if (storm->locks[i].owner == owner) {
            storm_lock_begin_epoch(&storm->locks[i]);
        }
    }
}

static void must_be_right(const struct storm *storm, const char *wrong, const char *of)
{
    if (wrong != NULL) {
        storm_fail(storm, wrong, of);
    }
}

static void check_store(const struct storm *storm, struct engine *engine)
{
    for (size_t i = 0; i < STORM_KEYS; i++) {
        const struct storm_key *key = &storm->keys[i];
        const struct store_item *item = engine_get(engine, 0, key->name);
        bool stub = key->loaded && item != NULL && item->value_len == 0;
        if (item != NULL && !stub) {
            must_be_right(storm, storm_key_wrong(key, item->value, item->value_len), key->name);
        }
    }
    for (size_t i = 0; i < STORM_COUNTERS; i++) {
        const struct storm_counter *counter = &storm->counters[i];
        const struct store_item *item = engine_get(engine, 0, counter->name);
        if (item != NULL) {
            must_be_right(storm, storm_counter_wrong(counter, item->value), counter->name);
        }
    }
}

void storm_check_stores(struct storm *storm)
{
    for (size_t i = 0; i < storm->server_count && !storm->rules.lawless; i++) {
        check_store(storm, sim_server_engine(storm->servers[i].sim));
    }
}

/* ---- beginning and end ---- */

static void set_option(ringcache_config *config, const char *option, const char *value)
{
    if (ringcache_config_set(config, option, value) != 0) {
        fail_msg("%s", ringcache_config_error(config));
    }
}

static void add_server(struct storm *storm, ringcache_config *config, const char *pool)
{
    struct storm_server *server = &storm->servers[storm->server_count];
    uint16_t port = (uint16_t)(11000 + storm->server_count);
    uint64_t kind = storm_draw(storm, 5);
    server->redis = kind < 2;
    server->classic = kind == 2;
    char host[16] = STORM_ADDRESS;
    if (storm_draw(storm, 3) == 0) {
        snprintf(host, sizeof host, "cache%zu", storm->server_count);
        memcpy(server->host, host, sizeof host);
        sim_dns_set(storm->sim, host, STORM_ADDRESS);
    }
    snprintf(server->name, sizeof server->name, "%s:%u", host, port);
    snprintf(server->uri, sizeof server->uri, "%s://%s:%u%s", server->redis ? "redis" : "memcached",
        host, port, pool);
    snprintf(server->turned_uri, sizeof server->turned_uri, "%s://%s:%u%s",
        server->redis ? "redis" : "memcached", host, port, pool[0] == '\0' ? "?pool=gutter" : "");
    set_option(config, "server", server->uri);
    server->sim = sim_server_add(
        storm->sim, STORM_ADDRESS, port, server->redis ? ENGINE_REDIS : ENGINE_MEMCACHED);
    sim_server_listen(server->sim, STORM_SECOND_ADDRESS, port);
    if (server->classic) {
        engine_set_version(sim_server_engine(server->sim), "1.5.6");
    }
    server->storm = storm;
    engine_set_log(sim_server_engine(server->sim), storm_hear_command, server);
    storm->server_count++;
}

static void set_number(ringcache_config *config, const char *option, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    set_option(config, option, text);
}

static void draw_rules(struct storm *storm)
{
    struct storm_rules *rules = &storm->rules;
    rules->fury = 5 + storm_draw(storm, 30);
    rules->lawless = storm_draw(storm, 8) == 0;
    rules->corrupt = storm_draw(storm, 2) == 0;
    rules->strict = storm_draw(storm, 2) == 0;
    rules->unproven = rules->lawless || storm_draw(storm, 8) == 0;
    rules->blocks = storm_draw(storm, 4) == 0;
    rules->members = storm_draw(storm, 2) == 0;
    rules->early = storm_draw(storm, 4) == 0;
    rules->shares = storm_draw(storm, 2) == 0;
    rules->merges = storm_draw(storm, 3) != 0;
    rules->few = storm_draw(storm, 2) == 0;
    rules->leases = storm_draw(storm, 2) == 0;
    rules->starves = storm_draw(storm, 4) == 0;
    rules->journal = storm_draw(storm, 3) > 0;
    rules->narrow = storm_draw(storm, 3) == 0;
    rules->clients = storm_draw(storm, 3) == 0 ? 1 : 2 + (unsigned)storm_draw(storm, 3);
    rules->diverts = rules->journal && storm_draw(storm, 3) == 0;
    rules->clients = rules->diverts ? 1 : rules->clients; /* others may reach what it does not */
    rules->spares = rules->diverts ? (unsigned)(storm->seed % 3) : 0; /* no draw of its own */
    bool alone = rules->clients == 1;
    rules->joint = rules->journal && !alone && storm_draw(storm, 2) == 0;
    /* What one client does not read in its doubt, another does that does not know of it. */
    rules->doubts = rules->journal && (alone || rules->joint) && storm_draw(storm, 3) > 0;
}

static uint64_t journal_entries(const struct storm *storm)
{
    uint64_t most = storm->rules.narrow ? 3 : 1048576;
    return storm->rules.journal ? most : 0;
}

bool storm_may_overflow(const struct storm *storm)
{
    return storm->rules.journal && (storm->rules.narrow || storm->rules.starves);
}

bool storm_may_miss(const struct storm *storm, size_t owner)
{
    const struct storm_server *server = &storm->servers[owner % STORM_SERVERS];
    bool divided = owner < storm->server_count && server->left_at > 0 && !server->redis;
    return storm_may_overflow(storm) ||
           (divided && storm->rules.journal && storm->rules.clients > 1);
}

static void draw_options(struct storm *storm, ringcache_config *config)
{
    storm->timeout_ms = 50 + (uint32_t)storm_draw(storm, 351);
    set_number(config, "timeout_ms", storm->timeout_ms);
    set_number(config, "connect_timeout_ms", 100 + storm_draw(storm, 501));
    set_number(config, "connections", 1 + storm_draw(storm, 3));
    set_number(config, "max_inflight", 2 + storm_draw(storm, 63));
    set_number(config, "hold_back", storm->seed % 4); /* no draw of its own */
    set_number(config, "max_queued_bytes", 65536 + storm_draw(storm, 234465));
    set_number(config, "max_value_bytes", VALUE_BYTES);
    set_option(config, "integrity", storm->rules.strict ? "strict" : "auto");
    set_option(config, "single_flight", storm->rules.shares ? "yes" : "no");
    set_option(config, "merge_gets", storm->rules.merges ? "yes" : "no");
    world_batch_least = storm->rules.few ? 2 : 5;
    set_option(config, "leases", storm->rules.leases ? "yes" : "no");
    set_number(
        config, "fence_limit_ms", storm->rules.doubts ? 100 + storm_draw(storm, 200) : 10000);
    set_number(config, "journal_entries", journal_entries(storm));
    const char *elsewhere = storm->rules.spares > 0 ? "gutter" : "remap";
    set_option(config, "failover", storm->rules.diverts ? elsewhere : "none");
    set_number(config, "failover_budget", 20 + storm_draw(storm, 81));
}

static void begin_clients(struct storm *storm)
{
    ringcache_config *config;
    assert_int_equal(ringcache_config_new(&config), 0);
    for (uint64_t left = 2 + storm_draw(storm, STORM_SERVERS - 1); left > 0; left--) {
        bool spare = left <= storm->rules.spares && storm->server_count > 0;
        add_server(storm, config, spare ? "?pool=gutter" : "");
    }
    draw_options(storm, config);
    if (storm->rules.joint) {
        assert_int_equal(ringcache_shared_new(&storm->shared), 0);
    }
    for (size_t i = 0; i < storm->rules.clients; i++) {
        storm_client_begin(storm, &storm->clients[i], config);
    }
    ringcache_shared_free(storm->shared); /* those who take part hold it */
    ringcache_config_free(config);
}

struct storm *storm_new(uint64_t seed, const struct storm_plan *plan)
{
    struct storm *storm = calloc(1, sizeof *storm);
    assert_non_null(storm);
    struct sim_options options = sim_options(seed);
    if (seed % 4 == 0) {
        options.handshakes = 1 + seed / 4 % 3;
    }
    storm->sim = sim_new(&options);
    storm->plan = plan;
    storm->seed = storm->random = seed;
    storm->script = plan->script;
    storm->ticks = 1;
    storm->tells = getenv("STORM_TELL") != NULL;
    draw_rules(storm);
    begin_clients(storm);
    for (size_t i = 0; i < STORM_KEYS; i++) {
        snprintf(storm->keys[i].name, sizeof storm->keys[i].name, "key%zu", i);
        storm->keys[i].epoch = 1;
        storm->keys[i].loaded = i < STORM_LOADED;
    }
    for (size_t i = 0; i < STORM_COUNTERS; i++) {
        storm_counter_begin(storm, &storm->counters[i]);
    }
    for (size_t i = 0; i < STORM_LOCKS; i++) {
        snprintf(storm->locks[i].name, sizeof storm->locks[i].name, "lock%zu", i);
    }
    storm_note_owners(storm);
    return storm;
}

void storm_free(struct storm *storm)
{
    storm_starve(storm, 0);
    while (storm->load_count > 0) { /* also behind the end of their clients */
        storm_end_load(storm, 0);
    }
    assert_true(sim_run_idle(storm->sim, 5000));
    for (size_t i = 0; i < storm->rules.clients; i++) {
        storm_client_check_end(&storm->clients[i]);
    }
    sim_free(storm->sim);
    free(storm);
}

/* SPDX-License-Identifier: MIT */
/* The same programs, run as they are and with every get taking the long way: not a byte on any wire
 * may differ, nor an answer. Where nothing fails, gets that leave one by one are answered alike.
 * One alone: TWINS_SEED=n; another number of them: TWINS_COUNT=n. */
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim_inside.h"

enum { PROGRAMS = 300, SERVERS = 3, KEYS = 24, ASKS = 4000, MOVES = 60, IDS = 64 };

enum way { SHORT_WAY, LONG_WAY, ONE_BY_ONE, WAYS };

/* What a seed draws. */
struct rules {
    bool redis, classic, strict, leases, single, journal, members, faults, reacts, blocks, empties,
        large, patient;
    unsigned servers, connections, inflight, hold_back, failover;
    uint64_t queued;
    uint32_t least;
};

struct answer {
    int status;
    size_t len;
    uint64_t hash;
    unsigned calls;
};

struct twin {
    uint64_t random, reactions;
    struct rules rules;
    enum way way;
    struct sim *sim;
    struct sim_client *host;
    ringcache_client *client;
    struct sim_server *servers[SERVERS];
    bool dead[SERVERS];
    struct answer answers[ASKS];
    int refused[ASKS]; /* what each call said */
    size_t asked, answered, accepted;
    ringcache_id ids[IDS];
    size_t id_count;
    unsigned version, closed;
    bool closing, in_call;
};

struct ticket {
    struct twin *twin;
    size_t number;
    char key[40];
};

static uint64_t next(uint64_t *random, uint64_t below)
{
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (*random >> 33) % below;
}

static uint64_t draw(struct twin *t, uint64_t below)
{
    return next(&t->random, below);
}

static void act(struct twin *t, uint64_t *random);

static uint64_t hash_of(const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct ticket *ticket = user;
    struct twin *t = ticket->twin;
    assert_ptr_equal(client, t->client);
    assert_false(t->in_call);
    assert_int_equal(t->closed, 0);
    struct answer *answer = &t->answers[ticket->number];
    answer->calls++;
    assert_int_equal(answer->calls, 1);
    answer->status = reply->status;
    answer->len = reply->value.len;
    answer->hash = hash_of(reply->value.data, reply->value.len);
    size_t key_len = strlen(ticket->key);
    if (reply->status == RINGCACHE_OK && reply->value.len > 0) {
        const char *value = reply->value.data;
        assert_true(reply->value.len > key_len && memcmp(value, ticket->key, key_len) == 0 &&
                    value[key_len] == '=');
    }
    free(ticket);
    t->answered++;
    if (t->rules.blocks && next(&t->reactions, 80) == 0) {
        sim_block(t->sim, 1 + next(&t->reactions, 60));
    }
    if (t->rules.reacts && !t->closing && next(&t->reactions, 6) == 0) {
        act(t, &t->reactions);
    }
}

static void name_key(char *key, uint64_t number)
{
    snprintf(key, 40, number % 5 == 0 ? "a-key-of-many-bytes-%" PRIu64 : "k%" PRIu64, number);
}

static struct ticket *ticket_of(struct twin *t, uint64_t key)
{
    struct ticket *ticket = calloc(1, sizeof *ticket);
    assert_non_null(ticket);
    assert_true(t->asked < ASKS);
    *ticket = (struct ticket){.twin = t, .number = t->asked++};
    name_key(ticket->key, key);
    return ticket;
}

static void said(struct twin *t, struct ticket *ticket, int rc)
{
    t->in_call = false;
    t->refused[ticket->number] = rc;
    if (rc < 0) {
        free(ticket);
    } else {
        t->accepted++;
    }
}

static void get(struct twin *t, uint64_t key)
{
    struct ticket *ticket = ticket_of(t, key);
    t->in_call = true;
    said(t, ticket, ringcache_get(t->client, ticket->key, strlen(ticket->key), on_reply, ticket));
}

static void submit(struct twin *t, uint64_t key, uint64_t *random)
{
    static const ringcache_op ops[] = {RINGCACHE_SET, RINGCACHE_SET, RINGCACHE_SET,
        RINGCACHE_DELETE, RINGCACHE_GET, RINGCACHE_GET, RINGCACHE_ADD, RINGCACHE_TOUCH,
        RINGCACHE_GET_AND_TOUCH};
    struct ticket *ticket = ticket_of(t, key);
    const size_t most = t->rules.large ? 120000 : 18000;
    char *value = calloc(1, most + 64);
    ringcache_request request = {.op = ops[next(random, sizeof ops / sizeof *ops)],
        .key = {ticket->key, strlen(ticket->key)}};
    if (request.op == RINGCACHE_SET || request.op == RINGCACHE_ADD) {
        int len = snprintf(value, 64, "%s=%u", ticket->key, ++t->version);
        size_t more = next(random, t->rules.large ? 2 : 8) == 0 ? next(random, most) : 0;
        bool empty = next(random, 12) == 0 && t->rules.empties;
        request.value = (ringcache_slice){value, empty ? 0 : (size_t)len + more};
    } else if (request.op == RINGCACHE_GET && next(random, 2) == 0) {
        request.options = next(random, 2) == 0 ? RINGCACHE_WANT_CAS : RINGCACHE_WANT_TTL;
    } else if (request.op == RINGCACHE_TOUCH || request.op == RINGCACHE_GET_AND_TOUCH) {
        request.ttl_ms = 100000;
    }
    if (next(random, 4) == 0) {
        request.timeout_ms = 1 + (uint32_t)next(random, 60);
    }
    ringcache_id *id = &t->ids[t->id_count++ % IDS];
    t->in_call = true;
    said(t, ticket, ringcache_submit(t->client, &request, on_reply, ticket, id));
    free(value);
}

static void cancel(struct twin *t, uint64_t *random)
{
    size_t most = t->id_count < IDS ? t->id_count : IDS;
    if (most > 0) {
        (void)ringcache_cancel(t->client, t->ids[next(random, most)]);
    }
}

/* ---- many ---- */

struct many {
    struct ticket *tickets[IDS];
    char names[IDS][40];
    ringcache_slice keys[IDS];
    size_t count;
};

static void on_each(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct many *many = user;
    on_reply(client, reply, many->tickets[reply->index]);
}

static void on_done(ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    (void)client;
    (void)ok;
    (void)missed;
    (void)failed;
    free(user);
}

static void get_many(struct twin *t, uint64_t *random)
{
    struct many *many = calloc(1, sizeof *many);
    assert_non_null(many);
    many->count = 1 + next(random, IDS - 1);
    for (size_t i = 0; i < many->count; i++) {
        many->tickets[i] = ticket_of(t, next(random, KEYS));
        strcpy(many->names[i], many->tickets[i]->key);
        many->keys[i] = (ringcache_slice){many->names[i], strlen(many->names[i])};
    }
    t->in_call = true;
    int rc = ringcache_get_many(t->client, many->keys, many->count, NULL, on_each, on_done, many);
    t->in_call = false;
    for (size_t i = 0; i < many->count; i++) {
        t->refused[many->tickets[i]->number] = rc;
        if (rc < 0) {
            free(many->tickets[i]);
        } else {
            t->accepted++;
        }
    }
    if (rc < 0) {
        free(many);
    }
}

/* ---- what programs do ---- */

static const char *uri_of(const struct twin *t, unsigned server, bool whole)
{
    static char uri[64];
    const char *scheme = !whole ? "" : t->rules.redis ? "redis://" : "memcached://";
    snprintf(uri, sizeof uri, "%s10.0.0.%u:11000", scheme, server + 1);
    return uri;
}

static void act(struct twin *t, uint64_t *random)
{
    uint64_t dice = next(random, 30);
    if (t->asked + 2 * IDS > ASKS || t->closing) {
        return;
    }
    if (dice < 16) {
        for (uint64_t n = 1 + next(random, dice == 0 ? 90 : 5); n > 0 && t->asked < ASKS; n--) {
            get(t, next(random, KEYS));
        }
    } else if (dice < 24) {
        submit(t, next(random, KEYS), random);
    } else if (dice < 26) {
        get_many(t, random);
    } else if (dice < 28) {
        cancel(t, random);
    } else if (t->rules.members && dice == 28) {
        unsigned server = (unsigned)next(random, t->rules.servers);
        (void)(next(random, 2) == 0 ? ringcache_server_remove(t->client, uri_of(t, server, false))
                                    : ringcache_server_add(t->client, uri_of(t, server, true)));
    }
}

static uint64_t a_connection(const struct twin *t, unsigned server)
{
    return sim_server_newest(t->servers[server]);
}

static void fault(struct twin *t)
{
    unsigned at = (unsigned)draw(t, t->rules.servers);
    struct sim_server *server = t->servers[at];
    uint64_t connection = a_connection(t, at), how = draw(t, 10);
    enum sim_end_kind kind = draw(t, 2) ? SIM_FIN : SIM_RST;
    uint64_t bytes = draw(t, 400);
    if (how == 0) {
        sim_server_stop(server);
    } else if (how == 1) {
        sim_server_kill(server);
        t->dead[at] = true;
    } else if (how == 2) {
        sim_server_slow(server, draw(t, 30000));
    } else if (connection == 0) {
        return;
    } else if (how == 3) {
        sim_end(server, connection, kind);
    } else if (how == 4) {
        sim_cut_after(server, connection, bytes, kind);
    } else if (how == 5 || (t->rules.patient && how < 9)) {
        sim_stall(server, connection, true);
    } else if (how == 6) {
        sim_settings(t->sim)->write_bytes = 1 + draw(t, 40);
    } else if (how == 7) {
        sim_settings(t->sim)->segment_bytes = 1 + draw(t, 40);
    } else if (how == 8 && (!t->rules.redis || t->rules.strict)) {
        sim_drop_replies(server, connection, 1);
    } else {
        sim_client_fail_writes(t->host, -104, 1);
    }
}

static void heal(struct twin *t)
{
    for (unsigned i = 0; i < t->rules.servers; i++) {
        sim_server_continue(t->servers[i]);
        sim_server_slow(t->servers[i], 0);
        if (t->dead[i]) {
            sim_server_restart(t->servers[i], true);
            t->dead[i] = false;
        }
        const struct rc_list *peers = &t->servers[i]->peers;
        for (struct rc_list *n = peers->next; n != peers; n = n->next) {
            sim_stall(t->servers[i],
                rc_container(n, struct sim_peer, node)->end->connection->number, false);
        }
    }
    sim_settings(t->sim)->write_bytes = 0;
    sim_settings(t->sim)->segment_bytes = 0;
}

/* ---- a run ---- */

static void draw_rules(struct twin *t, bool faults)
{
    struct rules *r = &t->rules;
    r->redis = draw(t, 2) == 0;
    r->classic = !r->redis && draw(t, 6) == 0;
    r->strict = draw(t, 6) == 0;
    r->leases = !r->classic && draw(t, 5) == 0;
    r->single = draw(t, 8) == 0;
    r->journal = draw(t, 4) > 0;
    r->members = faults && draw(t, 4) == 0;
    r->faults = faults && draw(t, 4) > 0;
    r->reacts = faults && draw(t, 3) > 0;
    r->blocks = faults && draw(t, 4) == 0;
    r->empties = faults || r->redis; /* memcached is asked once more for those of a batch */
    r->large = draw(t, 5) == 0 && r->empties;
    r->patient = draw(t, 3) == 0;
    r->servers = 1 + (unsigned)draw(t, SERVERS);
    r->connections = draw(t, 3) == 0 ? 2 : 1;
    r->inflight = faults && draw(t, 3) == 0 ? 2 + (unsigned)draw(t, 60) : 1024;
    r->hold_back = draw(t, 3) == 0 ? 1 + (unsigned)draw(t, 8) : 32;
    r->failover = draw(t, 6) == 0;
    r->queued = draw(t, 3) == 0 ? 65536 + draw(t, 300000) : 67108864;
    r->least = draw(t, 2) == 0 ? 2 : 24;
}

static void set_option(ringcache_config *config, const char *name, const char *value)
{
    assert_int_equal(ringcache_config_set(config, name, value), 0);
}

static void set_number(ringcache_config *config, const char *name, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    set_option(config, name, text);
}

static void transport_stays(struct rc_transport *transport)
{
    (void)transport;
}

static struct twin *begin(uint64_t seed, enum way way, bool faults)
{
    struct twin *t = calloc(1, sizeof *t);
    ringcache_config *config;
    assert_non_null(t);
    t->way = way;
    t->random = seed * UINT64_C(0x9e3779b97f4a7c15);
    t->reactions = seed;
    draw_rules(t, faults);
    const struct rules *r = &t->rules;
    struct sim_options options = sim_options(seed);
    options.start_ms = 1000000;
    options.wall_s = 1700000000;
    t->sim = sim_new(&options);
    t->host = sim_client_new(t->sim);
    assert_int_equal(ringcache_config_new(&config), 0);
    for (unsigned i = 0; i < r->servers; i++) {
        char host[24];
        snprintf(host, sizeof host, "10.0.0.%u", i + 1);
        t->servers[i] =
            sim_server_add(t->sim, host, 11000, r->redis ? ENGINE_REDIS : ENGINE_MEMCACHED);
        if (r->classic) {
            engine_set_version(sim_server_engine(t->servers[i]), "1.4.39");
        }
        set_option(config, "server", uri_of(t, i, true));
    }
    set_option(config, "integrity", r->strict ? "strict" : "auto");
    set_option(config, "leases", r->leases ? "yes" : "no");
    set_option(config, "single_flight", r->single ? "yes" : "no");
    set_option(config, "merge_gets", way == ONE_BY_ONE ? "no" : "yes");
    set_option(config, "failover", r->failover && r->journal ? "remap" : "none");
    set_number(config, "journal_entries", r->journal ? (draw(t, 2) ? 1048576 : 3) : 0);
    set_number(config, "connections", r->connections);
    set_number(config, "max_inflight", r->inflight);
    set_number(config, "max_queued_bytes", faults ? r->queued : 67108864);
    set_number(config, "hold_back", faults ? r->hold_back : 0); /* which bytes decide */
    set_number(config, "fence_limit_ms", draw(t, 2) == 0 ? 100 : 10000);
    set_number(config, "timeout_ms", 100 + draw(t, 400));
    world_batch_least = r->least;
    if (rc_client_new(&t->client, sim_client_transport(t->host), transport_stays, config) != 0) {
        fail_msg("%s", ringcache_config_error(config));
    }
    ringcache_config_free(config);
    if (way == LONG_WAY) {
        t->client->usual_gets = false;
    }
    return t;
}

static void go(struct twin *t)
{
    for (int move = 0; move < MOVES; move++) {
        uint64_t dice = draw(t, 20), acts = draw(t, 4);
        if (t->rules.faults && dice < 3) {
            fault(t);
        } else if (dice < 6 && (!t->rules.patient || draw(t, 4) == 0)) {
            heal(t);
        }
        for (uint64_t n = 0; n < acts; n++) {
            act(t, &t->random);
        }
        if (draw(t, 3) == 0) {
            sim_run_for(t->sim, draw(t, 60));
        } else {
            sim_run_for_us(t->sim, draw(t, 700));
        }
    }
}

static void on_close(ringcache_client *client, void *user)
{
    struct twin *t = user;
    assert_ptr_equal(client, t->client);
    t->closed++;
}

static void calm_down(struct twin *t)
{
    heal(t);
    t->rules.reacts = t->rules.blocks = false;
    sim_run_for(t->sim, 90000);
    assert_int_equal(t->answered, t->accepted);
    assert_int_equal(t->client->env.budget.used, 0);
}

static void end(struct twin *t)
{
    t->closing = true;
    ringcache_client_close(t->client, on_close, t);
    assert_true(sim_run_idle(t->sim, 5000));
    assert_int_equal(t->closed, 1);
    assert_int_equal(t->answered, t->accepted);
    assert_int_equal(sim_client_streams(t->host), 0);
}

static void dispose(struct twin *t)
{
    sim_free(t->sim);
    free(t);
}

static struct twin *run(uint64_t seed, enum way way, bool faults)
{
    struct twin *t = begin(seed, way, faults);
    const char *trace = getenv("TWINS_TRACE");
    FILE *file = NULL;
    if (trace != NULL) {
        char name[256];
        snprintf(name, sizeof name, "%s.%d", trace, (int)way);
        file = fopen(name, "w");
        sim_trace_to(t->sim, file);
    }
    go(t);
    if (seed % 3 > 0 || !faults) {
        calm_down(t);
    }
    end(t);
    if (file != NULL) {
        sim_trace_to(t->sim, NULL);
        fclose(file);
    }
    return t;
}

static uint64_t number_from(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void compare(uint64_t seed, const struct twin *a, const struct twin *b, bool bytes)
{
    if (bytes && sim_trace_hash(a->sim) != sim_trace_hash(b->sim)) {
        fail_msg("seed %" PRIu64 ": other bytes", seed);
    }
    for (size_t i = 0; i < a->asked; i++) {
        const struct answer *x = &a->answers[i], *y = &b->answers[i];
        if (a->refused[i] != b->refused[i] || x->status != y->status || x->len != y->len ||
            x->hash != y->hash) {
            fail_msg("seed %" PRIu64 ", ask %zu: %s/%s/%zu against %s/%s/%zu", seed, i,
                ringcache_err_name(a->refused[i]), ringcache_err_name(x->status), x->len,
                ringcache_err_name(b->refused[i]), ringcache_err_name(y->status), y->len);
        }
    }
    assert_int_equal(a->asked, b->asked);
}

static void compare_ways(enum way other, bool faults)
{
    uint64_t first = number_from("TWINS_SEED", 1);
    uint64_t count = number_from("TWINS_COUNT", getenv("TWINS_SEED") != NULL ? 1 : PROGRAMS);
    uint64_t asked = 0, answered = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct twin *a = run(seed, SHORT_WAY, faults);
        struct twin *b = run(seed, other, faults);
        asked += a->asked;
        for (size_t i = 0; i < a->asked; i++) {
            answered += a->answers[i].status == RINGCACHE_OK && a->answers[i].calls > 0;
        }
        compare(seed, a, b, other == LONG_WAY);
        dispose(a);
        dispose(b);
    }
    if (getenv("TWINS_TELL") != NULL) {
        print_message("%" PRIu64 " asked, %" PRIu64 " ok\n", asked, answered);
    }
}

static void the_short_way_is_the_long_one(void **state)
{
    (void)state;
    compare_ways(LONG_WAY, true);
}

static void gets_that_leave_together_are_answered_as_single_ones_are(void **state)
{
    (void)state;
    compare_ways(ONE_BY_ONE, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_short_way_is_the_long_one),
        cmocka_unit_test(gets_that_leave_together_are_answered_as_single_ones_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

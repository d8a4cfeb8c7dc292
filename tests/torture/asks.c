/* SPDX-License-Identifier: MIT */
#include "asks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ringcache/fetch.h"
#include "ringcache/server.h"
#include "ringcache/stats.h"
#include "ringcache/update.h"

/* Each kind has keys of its own. */
static ringcache_slice key_of(const char *kind, unsigned number, char room[24])
{
    int len = snprintf(room, 24, "%s%u", kind, number);
    return (ringcache_slice){room, (size_t)len};
}

static ringcache_id submit(struct life *life, const ringcache_request *request)
{
    ringcache_id id = 0;
    life_asked(life, ringcache_submit(life->client, request, life_reply, life_ticket(life), &id));
    return id;
}

/* ---- operations ---- */

static bool is_counter(ringcache_op op)
{
    return op == RINGCACHE_INCREMENT || op == RINGCACHE_DECREMENT;
}

static bool takes_value(ringcache_op op)
{
    return op >= RINGCACHE_SET && op <= RINGCACHE_CAS;
}

void ask_operation(struct life *life, ringcache_op op, unsigned number)
{
    static const char value[3000];
    char room[24];
    ringcache_request request = {
        .op = op, .key = key_of(is_counter(op) ? "counter" : "key", number, room)};
    if (takes_value(op)) {
        request.value = (ringcache_slice){value, number % 3 == 0 ? sizeof value : 10};
    }
    if (op == RINGCACHE_CAS) {
        request.cas = 1;
    }
    if (is_counter(op)) {
        request.options = RINGCACHE_WITH_INITIAL;
        request.delta = 1;
    }
    submit(life, &request);
}

void ask_operations(struct life *life)
{
    for (ringcache_op op = RINGCACHE_GET; op <= RINGCACHE_DECREMENT; op++) {
        for (unsigned i = 0; i < LIFE_KEYS / 2; i++) {
            ask_operation(life, op, i);
        }
    }
}

void ask_overtaken(struct life *life)
{
    for (unsigned i = 0; i < 2 * LIFE_KEYS; i++) {
        char room[24];
        const ringcache_request set = {.op = RINGCACHE_SET,
            .key = key_of("key", i % LIFE_KEYS, room),
            .value = {"v", 1},
            .timeout_ms = i < LIFE_KEYS ? 0 : 10};
        submit(life, &set);
    }
}

static void on_release(void *user, const void *data, size_t len)
{
    struct life *life = user;
    assert_non_null(data);
    assert_int_equal(len, LIFE_LENT_BYTES);
    assert_int_equal(life->closed, 0);
    life->returned++;
}

void ask_large(struct life *life)
{
    static const char value[LIFE_LENT_BYTES];
    for (unsigned i = 0; i < LIFE_KEYS; i++) {
        char room[24];
        ringcache_request request = {.op = RINGCACHE_SET,
            .key = key_of("large", i, room),
            .value = {value, sizeof value},
            .options = RINGCACHE_LEND_VALUE,
            .release = on_release,
            .release_user = life};
        unsigned accepted = life->accepted;
        submit(life, &request);
        life->lent += life->accepted - accepted;
        request = (ringcache_request){.op = RINGCACHE_GET, .key = request.key};
        submit(life, &request);
    }
}

void ask_huge(struct life *life)
{
    static const char value[LIFE_HUGE_BYTES];
    ringcache_request request = {
        .op = RINGCACHE_SET, .key = {"huge", 4}, .value = {value, sizeof value}};
    submit(life, &request);
    request = (ringcache_request){.op = RINGCACHE_GET, .key = request.key};
    for (unsigned i = 0; i < LIFE_KEYS; i++) {
        submit(life, &request);
    }
}

void ask_too_large(struct life *life)
{
    static const char value[LIFE_ITEM_MAX_BYTES];
    for (unsigned i = 0; i < LIFE_KEYS; i++) {
        char room[24];
        ringcache_request request = {
            .op = RINGCACHE_ADD, .key = key_of("too", i, room), .value = {value, sizeof value}};
        submit(life, &request);
    }
}

void ask_canceled(struct life *life)
{
    char room[24];
    ringcache_request request = {.op = RINGCACHE_GET, .key = key_of("key", 1, room)};
    ringcache_id id = submit(life, &request);
    if (id != 0) { /* it may have ended in the call, and wait to be told */
        int rc = ringcache_cancel(life->client, id);
        assert_true(rc == 0 || rc == RINGCACHE_EINVAL);
    }
}

void ask_twice(struct life *life)
{
    for (unsigned i = 0; i < 2 * LIFE_KEYS; i++) {
        ask_operation(life, RINGCACHE_GET, i % 2);
    }
}

/* ---- what takes many requests ---- */

/* The keys of one call, and whether each was told of. */
struct many {
    struct life *life;
    ringcache_slice keys[LIFE_KEYS];
    char names[LIFE_KEYS][24];
    unsigned told[LIFE_KEYS];
};

static void on_each(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct many *many = user;
    assert_ptr_equal(client, many->life->client);
    assert_true(reply->index < LIFE_KEYS);
    many->told[reply->index]++;
    life_judge(many->life, reply);
}

static void on_done(ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    struct many *many = user;
    assert_ptr_equal(client, many->life->client);
    assert_int_equal(ok + missed + failed, LIFE_KEYS);
    for (unsigned i = 0; i < LIFE_KEYS; i++) {
        assert_int_equal(many->told[i], 1);
    }
    many->life->open--;
    free(many);
}

void ask_many(struct life *life)
{
    struct many *many = calloc(1, sizeof *many);
    assert_non_null(many);
    many->life = life;
    for (unsigned i = 0; i < LIFE_KEYS; i++) {
        many->keys[i] = key_of("key", i, many->names[i]);
    }
    int rc = ringcache_get_many(life->client, many->keys, LIFE_KEYS, NULL, on_each, on_done, many);
    if (life_did(life, rc)) {
        life->open++;
    } else {
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
    life->open--;
    life_judge(life, reply);
}

static void ask_server(struct life *life, const char *name)
{
    ringcache_client *client = life->client;
    life_asked(life, ringcache_ping(client, name, life_reply, life_ticket(life)));
    life_asked(life, ringcache_server_stats(client, name, NULL, life_reply, life_ticket(life)));
    life_asked(life, ringcache_server_version(client, name, life_reply, life_ticket(life)));
    life_asked(life, ringcache_flush_all_data(client, name, life_reply, life_ticket(life)));
}

void ask_servers(struct life *life)
{
    ask_server(life, "10.0.0.1:11211");
    ask_server(life, "10.0.0.2:6379");
}

static void ask_listing(struct life *life, const char *name)
{
    if (life_did(life, ringcache_server_keys(life->client, name, on_key, on_listed, life))) {
        life->open++;
    }
}

void ask_listings(struct life *life)
{
    ask_operation(life, RINGCACHE_SET, 0);
    ask_operation(life, RINGCACHE_SET, 1);
    ask_listing(life, "10.0.0.1:11211");
    ask_listing(life, "10.0.0.2:6379");
}

void ask_many_empty(struct life *life)
{
    for (unsigned i = 0; i < LIFE_KEYS; i++) {
        char room[24];
        const ringcache_request set = {
            .op = RINGCACHE_SET, .key = key_of("key", i, room), .value = {"", 0}};
        submit(life, &set);
    }
    ask_many(life);
}

void ask_gets(struct life *life)
{
    static const char value[300];
    char key[200];
    memset(key, 'k', sizeof key);
    for (unsigned i = 0; i < LIFE_GETS; i++) {
        key[0] = (char)('a' + i % 16);
        if (i % 32 == 20) {
            const ringcache_request set = {.op = RINGCACHE_SET,
                .key = {key, sizeof key},
                .value = {value, i % 64 == 20 ? 0 : sizeof value}};
            submit(life, &set);
        }
        life_asked(life,
            ringcache_get(life->client, key, sizeof key - i % 2, life_reply, life_ticket(life)));
    }
}

void ask_raw(struct life *life)
{
    static const ringcache_slice words[] = {{"MGET", 4}, {"a", 1}, {"b", 1}};
    for (unsigned i = 0; i < LIFE_KEYS; i++) {
        life_asked(
            life, ringcache_command(life->client, words, 3, NULL, life_reply, life_ticket(life)));
    }
}

/* ---- what several wait for ---- */

static void load(ringcache_client *client, ringcache_load *load, void *user)
{
    (void)client;
    (void)user;
    ringcache_load_done(load, "loaded", 6, 1000);
}

static void load_nothing(ringcache_client *client, ringcache_load *load, void *user)
{
    (void)client;
    (void)user;
    ringcache_load_failed(load, RINGCACHE_MISS, "there is no such thing");
}

void ask_fetch(struct life *life)
{
    for (unsigned i = 0; i < 2 * LIFE_KEYS; i++) {
        char room[24];
        const ringcache_fetch_request request = {.key = key_of("fetched", i / 2, room),
            .loader = i / 2 % 3 == 2 ? load_nothing : load,
            .stale_ms = i / 2 % 3 == 1 ? 2000 : 0};
        life_asked(
            life, ringcache_fetch(life->client, &request, life_reply, life_ticket(life), NULL));
    }
}

static void change(
    ringcache_client *client, const ringcache_reply *now, ringcache_change *change, void *user)
{
    (void)client;
    (void)user;
    int rc = now->status == RINGCACHE_OK ? ringcache_change_delete(change)
                                         : ringcache_change_store(change, "changed", 7, 0);
    if (rc != RINGCACHE_ENOMEM) {
        assert_int_equal(rc, 0);
    }
}

void ask_update(struct life *life)
{
    for (unsigned i = 0; i < 2 * LIFE_KEYS; i++) {
        char room[24];
        const ringcache_request request = {.key = key_of("updated", i / 2, room)};
        life_asked(life,
            ringcache_update(life->client, &request, change, life_reply, life_ticket(life), NULL));
    }
}

void ask_lock(struct life *life)
{
    ringcache_client *client = life->client;
    for (unsigned i = 0; i < LIFE_KEYS; i++) {
        char room[24];
        uint64_t token = 1;
        ringcache_slice key = key_of("lock", i, room);
        life_asked(life,
            ringcache_lock(client, key.data, key.len, 1000, &token, life_reply, life_ticket(life)));
        life_asked(life, ringcache_lock_extend(client, key.data, key.len, token, 2000, life_reply,
                             life_ticket(life)));
        life_asked(life, ringcache_lock_release(
                             client, key.data, key.len, token, life_reply, life_ticket(life)));
    }
}

/* ---- what asks nobody ---- */

static void on_post(ringcache_client *client, void *user)
{
    struct life *life = user;
    assert_ptr_equal(client, life->client);
    life->ran++;
    ask_operation(life, RINGCACHE_GET, life->ran % LIFE_KEYS);
}

void ask_posted(struct life *life)
{
    for (unsigned i = 0; i < LIFE_KEYS; i++) {
        if (life_did(life, ringcache_post(life->client, on_post, life))) {
            life->posted++;
        }
    }
}

static int swallow(void *user, const void *data, size_t len)
{
    (void)user;
    assert_true(data != NULL || len == 0);
    return 0;
}

void ask_figures(struct life *life)
{
    ringcache_explanation *explanation;
    if (life_did(life, ringcache_explain(life->client, "key1", 4, &explanation))) {
        ringcache_explanation_free(explanation);
    }
    for (ringcache_format format = RINGCACHE_TEXT; format <= RINGCACHE_PROMETHEUS; format++) {
        assert_int_equal(ringcache_stats_write(life->client, format, swallow, NULL), 0);
    }
    ask_operation(life, RINGCACHE_GET, 0);
}

/* SPDX-License-Identifier: MIT */
#include "binding.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "system.h"

enum {
    KEYS = 8,
    MEMCACHED_PORT = 11211,
    REDIS_PORT = 6379,
    VALUE_BYTES = 400 * 1024, /* more than the sockets take at once */
    VALUES = 2,
    ANSWERS_MS = 400, /* for a round of requests, with their deadlines */
    TRIES = 250,      /* and for the recovery behind a connection that proves nothing, 60 s */
    END_TURNS = 20000,
};

/* ---- time ---- */

static void turn(struct binding *b)
{
    system_run_threads();
    uv_run(&b->loop, UV_RUN_NOWAIT);
    if (b->own_loop && !b->gone) {
        b->gone = ringcache_loop_step(b->client) == 1;
    }
}

static void pass(struct binding *b, unsigned ms)
{
    for (unsigned i = 0; i < ms; i++) {
        turn(b);
        turn(b);
        system_pass(1);
    }
}

/* ---- requests ---- */

struct ticket {
    struct binding *binding;
    unsigned place;
};

static struct ticket *next_ticket(struct binding *b)
{
    static struct ticket tickets[BINDING_CALLS_MAX];
    assert_true(b->accepted < BINDING_CALLS_MAX);
    tickets[b->accepted] = (struct ticket){b, b->accepted};
    return &tickets[b->accepted];
}

/* What a server out of service ends with is judged once it is known why it was: the event follows
 * the answers. */
static void judge(struct binding *b, const ringcache_reply *reply)
{
    switch (reply->status) {
    case RINGCACHE_EDOWN:
        b->found_down = true;
        return;
    case RINGCACHE_OK:
    case RINGCACHE_MISS:
    case RINGCACHE_ETIMEDOUT:
    case RINGCACHE_ECONNECT:
    case RINGCACHE_EPROTOCOL:
    case RINGCACHE_ECANCELED:
        return;
    default:
        fail_msg("a request ended with %s: %s", ringcache_err_name(reply->status), reply->message);
    }
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    const struct ticket *ticket = user;
    struct binding *b = ticket->binding;
    assert_ptr_equal(client, b->client);
    assert_int_equal(b->closed, 0);
    b->calls[ticket->place]++;
    b->answered++;
    b->succeeded += reply->status >= 0;
    judge(b, reply);
}

static void asked(struct binding *b, int rc)
{
    if (rc == 0) {
        b->accepted++;
    } else if (rc != RINGCACHE_ENOMEM || b->recovering) {
        fail_msg("%s: %s", ringcache_err_name(rc), ringcache_client_error(b->client));
    }
}

static void on_release(void *user, const void *data, size_t len)
{
    struct binding *b = user;
    assert_non_null(data);
    assert_int_equal(len, VALUE_BYTES);
    b->returned++;
}

static void ask_value(struct binding *b, unsigned number)
{
    static const char value[VALUE_BYTES];
    char key[24];
    int len = snprintf(key, sizeof key, "value%u", number);
    const ringcache_request request = {.op = RINGCACHE_SET,
        .key = {key, (size_t)len},
        .value = {value, sizeof value},
        .options = RINGCACHE_LEND_VALUE,
        .release = on_release,
        .release_user = b};
    unsigned accepted = b->accepted;
    asked(b, ringcache_submit(b->client, &request, on_reply, next_ticket(b), NULL));
    b->lent += b->accepted - accepted;
    asked(b, ringcache_get(b->client, key, (size_t)len, on_reply, next_ticket(b)));
}

static void ask_small(struct binding *b)
{
    for (unsigned i = 0; i < KEYS; i++) {
        char key[24];
        int len = snprintf(key, sizeof key, "key%u", i);
        asked(b, ringcache_set(b->client, key, (size_t)len, "v", 1, 0, on_reply, next_ticket(b)));
        asked(b, ringcache_get(b->client, key, (size_t)len, on_reply, next_ticket(b)));
    }
}

static void on_post(ringcache_client *client, void *user)
{
    struct binding *b = user;
    assert_ptr_equal(client, b->client);
    b->ran++;
}

static void ask(struct binding *b)
{
    ask_small(b);
    for (unsigned i = 0; i < VALUES; i++) {
        ask_value(b, i);
    }
    assert_int_equal(ringcache_post(b->client, on_post, b), 0);
    b->posted++;
}

/* ---- the client's life ---- */

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    struct binding *b = user;
    (void)client;
    bool blamed = event->type == RINGCACHE_EVENT_DOWN || event->type == RINGCACHE_EVENT_EJECTED;
    b->garbled = b->garbled || (blamed && event->reason == RINGCACHE_EPROTOCOL);
    if (blamed && event->reason != RINGCACHE_EPROTOCOL && !b->outages) {
        fail_msg("%s was blamed for trouble of our own: %s", event->server, event->text);
    }
}

static ringcache_config *config_of(const struct binding *b)
{
    char memcached[64], redis[64];
    snprintf(memcached, sizeof memcached, "memcached://127.0.0.1:%u", b->memcached.port);
    snprintf(redis, sizeof redis, "redis://localhost:%u", b->redis.port);
    ringcache_config *config;
    assert_int_equal(ringcache_config_new(&config), 0);
    assert_int_equal(ringcache_config_set(config, "timeout_ms", "100"), 0);
    assert_int_equal(ringcache_config_add_server(config, memcached), 0);
    assert_int_equal(ringcache_config_add_server(config, redis), 0);
    return config;
}

static int open_client(struct binding *b)
{
    ringcache_config *config = config_of(b);
    int rc = ringcache_client_new(&b->client, b->own_loop ? NULL : &b->loop, config);
    ringcache_config_free(config);
    if (rc == 0) {
        ringcache_client_on_event(b->client, on_event, b);
    }
    return rc;
}

/* What cannot begin says so, and can begin later. */
static void begin(struct binding *b, int begin_fails, void (*relent)(void))
{
    int rc = open_client(b);
    if (rc != 0) {
        assert_int_equal(rc, begin_fails == UV_ENOMEM ? RINGCACHE_ENOMEM : begin_fails);
        relent();
        rc = open_client(b);
    }
    assert_int_equal(rc, 0);
}

static void check_all_answered(const struct binding *b)
{
    assert_true(!b->found_down || b->outages || b->garbled);
    assert_int_equal(b->answered, b->accepted);
    assert_int_equal(b->returned, b->lent);
    assert_int_equal(b->ran, b->posted);
    for (unsigned i = 0; i < b->accepted; i++) {
        assert_int_equal(b->calls[i], 1);
    }
}

/* Until every request has its answer, and a little longer. */
static void settle(struct binding *b)
{
    for (unsigned i = 0; b->answered < b->accepted && i < ANSWERS_MS; i++) {
        pass(b, 1);
    }
    assert_int_equal(b->answered, b->accepted);
    pass(b, 5);
}

static void live(struct binding *b)
{
    ask(b);
    settle(b);
    mock_restart(&b->memcached);
    mock_restart(&b->redis);
    ask(b);
    settle(b);
    ask(b);
    mock_say(&b->memcached, "what nobody asked for\r\n");
    mock_say(&b->redis, "what nobody asked for\r\n");
    settle(b);
    ask(b);
    settle(b);
}

/* Does every one of a round of small requests succeed? */
static bool serves(struct binding *b)
{
    unsigned succeeded = b->succeeded;
    ask_small(b);
    settle(b);
    return b->succeeded == succeeded + 2 * KEYS;
}

static void recover(struct binding *b)
{
    b->recovering = true;
    pass(b, ANSWERS_MS);
    unsigned tries = 0;
    while (!serves(b) && tries < TRIES) {
        system_pass(ANSWERS_MS);
        tries++;
    }
    assert_true(tries < TRIES);
    unsigned succeeded = b->succeeded, accepted = b->accepted;
    ask(b);
    pass(b, ANSWERS_MS);
    check_all_answered(b);
    assert_int_equal(b->succeeded - succeeded, b->accepted - accepted);
}

static void on_close(ringcache_client *client, void *user)
{
    struct binding *b = user;
    assert_ptr_equal(client, b->client);
    b->closed++;
}

static void finish(struct binding *b)
{
    ringcache_client_close(b->client, on_close, b);
    for (unsigned i = 0; i < END_TURNS && (b->closed == 0 || (b->own_loop && !b->gone)); i++) {
        turn(b);
    }
    assert_int_equal(b->closed, 1);
    check_all_answered(b);
    mock_close(&b->memcached);
    mock_close(&b->redis);
    assert_int_equal(uv_run(&b->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&b->loop), 0);
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while (readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

void binding_lead(bool own_loop, bool outages, int begin_fails, void (*relent)(void))
{
    struct binding b = {.own_loop = own_loop, .outages = outages};
    unsigned descriptors = open_descriptors();
    assert_int_equal(uv_loop_init(&b.loop), 0);
    mock_open(&b.memcached, &b.loop, ENGINE_MEMCACHED, MEMCACHED_PORT);
    mock_open(&b.redis, &b.loop, ENGINE_REDIS, REDIS_PORT);
    begin(&b, begin_fails, relent);
    live(&b);
    relent();
    recover(&b);
    finish(&b);
    assert_int_equal(open_descriptors(), descriptors);
}

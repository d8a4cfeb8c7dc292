/* SPDX-License-Identifier: MIT */
#include "injection.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MOVES = 400,
    SETTLE_MS = 120000, /* of virtual time, for the last callback to come */
    SCRATCH_BYTES = 2 * (KEY_MAX_BYTES + MAX_VALUE_BYTES),
};

void trial_fail(struct trial *trial, const char *what, struct rc_slice of)
{
    size_t size = sizeof trial->failure;
    if (trial->failure[0] != '\0') {
        return;
    }
    int at = snprintf(trial->failure, size, "INJECTION_SEED=%" PRIu64 ": %s: ", trial->seed, what);
    for (size_t i = 0; i < of.len && (size_t)at < size - 8; i++) {
        bool printable = of.data[i] >= 0x20 && of.data[i] < 0x7f;
        at += snprintf(
            trial->failure + at, size - (size_t)at, printable ? "%c" : "\\x%02x", of.data[i]);
    }
}

/* ---- the beginning ---- */

static void set(ringcache_config *config, const char *option, const char *value)
{
    if (ringcache_config_set(config, option, value) != 0) {
        fail_msg("%s", ringcache_config_error(config));
    }
}

static void set_number(ringcache_config *config, const char *option, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    set(config, option, text);
}

/* From how many keys on a batch is one command on memcached's meta: of many, or of any. */
static uint32_t batch_least = 2;

bool __real_rc_meta_batch_close(struct rc_buf *out, const struct rc_batch *batch);
bool __wrap_rc_meta_batch_close(struct rc_buf *out, const struct rc_batch *batch);

bool __wrap_rc_meta_batch_close(struct rc_buf *out, const struct rc_batch *batch)
{
    struct rc_batch of_few = *batch;
    of_few.least = batch_least;
    return __real_rc_meta_batch_close(out, &of_few);
}

static void draw_rules(struct trial *trial)
{
    static const size_t slices[] = {1, 3, 17, 300, 5000, SIZE_MAX, SIZE_MAX, SIZE_MAX};
    struct rules *rules = &trial->rules;
    rules->strict = one_in(trial, 3);
    rules->merges = one_in(trial, 2);
    batch_least = one_in(trial, 4) ? rc_codec_meta.batch_least : 2;
    rules->faults = one_in(trial, 2);
    rules->moves_a_fault = 3 + draw(trial, 30);
    rules->heavy = one_in(trial, 10);
    rules->slice_bytes = slices[draw(trial, sizeof slices / sizeof *slices)];
    rules->connections = one_in(trial, 2) ? 1 : 1 + (unsigned)draw(trial, 4);
    rules->burst = 1 + draw(trial, 24);
    if (rules->heavy) { /* so much for one connection that some of it has to wait */
        rules->slice_bytes = SIZE_MAX;
        rules->connections = 1;
        rules->burst = SLOTS;
    }
    if (one_in(trial, 2)) {
        rules->prefix_len = one_in(trial, 4) ? PREFIX_MAX_BYTES - draw(trial, 2) : draw(trial, 20);
    }
    draw_clean(trial, trial->prefix, rules->prefix_len);
}

/* Bytes of any kind but NUL, for which a URI has no place. */
static struct rc_slice draw_secret(struct trial *trial)
{
    unsigned char *bytes = sim_alloc(20);
    size_t len = 1 + draw_bytes(trial, bytes + 1, 19);
    bytes[0] = 's';
    for (size_t i = 0; i < len; i++) {
        bytes[i] = bytes[i] != 0 ? bytes[i] : '\n';
    }
    return rc_slice(bytes, len);
}

static void draw_credentials(struct trial *trial)
{
    if (one_in(trial, 2)) {
        trial->password = draw_secret(trial);
        trial->user = one_in(trial, 2) ? draw_secret(trial) : rc_slice(NULL, 0);
    }
    trial->database = one_in(trial, 2) ? (uint32_t)draw(trial, 16) : 0;
}

static size_t escape(char *out, struct rc_slice bytes)
{
    enum { ESCAPED_BYTES = 3 };
    for (size_t i = 0; i < bytes.len; i++) {
        snprintf(out + i * ESCAPED_BYTES, ESCAPED_BYTES + 1, "%%%02x", bytes.data[i]);
    }
    return bytes.len * ESCAPED_BYTES;
}

static void add_redis(struct trial *trial, ringcache_config *config, const char *name)
{
    char uri[256] = "redis://";
    size_t len = strlen(uri);
    len += escape(uri + len, trial->user);
    if (trial->password.data != NULL) {
        uri[len++] = ':';
        len += escape(uri + len, trial->password);
        uri[len++] = '@';
    }
    snprintf(uri + len, sizeof uri - len, "%s/%" PRIu32, name, trial->database);
    set(config, "server", uri);
}

/* The port's last digit is the server's number. */
static void add_server(struct trial *trial, ringcache_config *config, const struct speech *speech)
{
    struct trial_server *server = &trial->servers[trial->server_count];
    char uri[64];
    server->speech = speech;
    snprintf(server->name, sizeof server->name, "10.0.0.1:700%zu", trial->server_count++);
    if (speech->redis) {
        add_redis(trial, config, server->name);
    } else {
        snprintf(uri, sizeof uri, "memcached://%s", server->name);
        set(config, "server", uri);
    }
    trial->rules.any_redis = trial->rules.any_redis || speech->redis;
    trial->rules.all_redis = trial->rules.all_redis && speech->redis;
}

static void draw_servers(struct trial *trial, ringcache_config *config)
{
    static const struct speech *const speeches[] = {&speech_meta, &speech_classic, &speech_redis};
    const struct speech *speech = speeches[draw(trial, 3)];
    bool mixed = one_in(trial, 4);
    trial->rules.all_redis = true;
    for (uint64_t n = 1 + draw(trial, SERVERS); n > 0; n--) {
        add_server(trial, config, mixed ? speeches[draw(trial, 3)] : speech);
    }
}

static void configure(struct trial *trial, ringcache_config *config)
{
    char prefix[PREFIX_MAX_BYTES + 1] = "";
    memcpy(prefix, trial->prefix, trial->rules.prefix_len);
    set(config, "namespace", prefix);
    set(config, "integrity", trial->rules.strict ? "strict" : "auto");
    set(config, "merge_gets", trial->rules.merges ? "yes" : "no");
    set_number(config, "journal_entries", 0); /* its deletes are nobody's commands */
    set_number(config, "connections", trial->rules.connections);
    set_number(config, "points", 16);
    set_number(config, "timeout_ms", 20 + draw(trial, 500));
    set_number(config, "max_value_bytes", MAX_VALUE_BYTES);
    set_number(config, "max_inflight", one_in(trial, 4) ? 1 + draw(trial, 10) : 1024);
    set_number(
        config, "max_queued_bytes", !trial->rules.heavy && one_in(trial, 4) ? 65536 : 1 << 24);
    draw_credentials(trial);
    draw_servers(trial, config);
}

static void transport_stays(struct rc_transport *transport)
{
    (void)transport;
}

struct trial *trial_new(uint64_t seed)
{
    struct trial *trial = sim_alloc(sizeof *trial);
    ringcache_config *config;
    trial->seed = seed;
    trial->random = seed;
    trial->hash = UINT64_C(0xcbf29ce484222325);
    trial->scratch = sim_alloc(SCRATCH_BYTES);
    draw_rules(trial);
    assert_int_equal(ringcache_config_new(&config), 0);
    configure(trial, config);
    for (size_t i = 0; i < SLOTS; i++) {
        trial->slots[i].trial = trial;
        slot_renew(trial, &trial->slots[i]);
    }
    trial->wire = wire_new(trial);
    assert_int_equal(
        rc_client_new(&trial->client, wire_transport(trial->wire), transport_stays, config), 0);
    ringcache_config_free(config);
    return trial;
}

/* ---- the moves ---- */

static void move(struct trial *trial)
{
    for (uint64_t n = draw(trial, trial->rules.burst + 1); n > 0; n--) {
        ask(trial);
    }
    if (trial->rules.faults && one_in(trial, trial->rules.moves_a_fault)) {
        wire_fault(trial->wire);
    }
    for (uint64_t n = 1 + draw(trial, 4); n > 0; n--) {
        wire_turn(trial->wire);
    }
}

static bool goes_on(const struct trial *trial, uint64_t until_ms)
{
    return trial->failure[0] == '\0' && wire_now_ms(trial->wire) < until_ms;
}

static void settle(struct trial *trial)
{
    uint64_t until_ms = wire_now_ms(trial->wire) + SETTLE_MS;
    while ((trial->pending > 0 || trial->many_count > 0) && goes_on(trial, until_ms)) {
        wire_turn(trial->wire);
    }
}

static void on_close(ringcache_client *client, void *user)
{
    struct trial *trial = user;
    (void)client;
    trial->closed = true;
}

static void close_client(struct trial *trial)
{
    uint64_t until_ms = wire_now_ms(trial->wire) + SETTLE_MS;
    trial->closing = true;
    ringcache_client_close(trial->client, on_close, trial);
    while (!trial->closed && wire_now_ms(trial->wire) < until_ms) {
        wire_turn(trial->wire);
    }
    if (!trial->closed || trial->pending > 0 || trial->lent > 0 || wire_links(trial->wire) > 0) {
        trial_fail(trial, "closed, and something of it is left", rc_slice(NULL, 0));
    }
}

bool trial_run(struct trial *trial)
{
    for (int i = 0; i < MOVES && trial->failure[0] == '\0'; i++) {
        move(trial);
    }
    if (one_in(trial, 4)) { /* closed in the middle of it all */
        close_client(trial);
        return trial->failure[0] == '\0';
    }
    wire_heal(trial->wire);
    settle(trial);
    if (trial->pending > 0) {
        trial_fail(trial, "callbacks that never ran", rc_slice(NULL, 0));
    }
    if (trial->pings_heard < trial->pongs) {
        trial_fail(trial, "pings were answered that were never heard", rc_slice(NULL, 0));
    }
    close_client(trial);
    return trial->failure[0] == '\0';
}

void trial_free(struct trial *trial)
{
    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *slot = &trial->slots[i];
        sim_bytes_deinit(&slot->sent);
        for (size_t j = 0; j < SERVERS; j++) {
            sim_bytes_deinit(&slot->items[j].value);
        }
        free(slot->key);
    }
    wire_free(trial->wire);
    free((void *)(uintptr_t)trial->user.data);
    free((void *)(uintptr_t)trial->password.data);
    free(trial->scratch);
    free(trial);
}

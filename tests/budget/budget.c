/* SPDX-License-Identifier: MIT */
/* A fixed load on a simulated world: four servers, 64 requests under way, keys of 20 bytes, values
 * of 100. What it costs the library is counted from outside (boundary.h); budget.py does.
 *
 * usage: budget memcached|redis get|set REQUESTS    or: budget compiler */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "boundary.h"
#include "client/client.h"
#include "sim.h"

enum { SERVERS = 4, WINDOW = 64, KEYS = 1024, KEY_SIZE = 20, VALUE_SIZE = 100 };
enum { REQUESTS_MAX = 10000000, PATIENCE_MS = 600000 };

struct load {
    ringcache_client *client;
    enum engine_kind kind;
    bool gets;
    uint64_t begun, ended, wanted;
    bool wrong; /* an answer was, or a call was refused */
    char keys[KEYS][KEY_SIZE + 1];
    char value[VALUE_SIZE];
};

static void next(struct load *load);

static BOUNDARY void outside_answered(
    ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct load *load = user;
    (void)client;
    load->ended++;
    if (reply->status != RINGCACHE_OK ||
        (load->gets && (reply->value.len != VALUE_SIZE ||
                           memcmp(reply->value.data, load->value, VALUE_SIZE) != 0))) {
        load->wrong = true;
    }
    next(load);
}

static BOUNDARY int inside_submit(struct load *load, const char *key)
{
    if (load->gets) {
        return ringcache_get(load->client, key, KEY_SIZE, outside_answered, load);
    }
    return ringcache_set(
        load->client, key, KEY_SIZE, load->value, VALUE_SIZE, 0, outside_answered, load);
}

static void next(struct load *load)
{
    if (load->begun < load->wanted && !load->wrong) {
        const char *key = load->keys[load->begun++ % KEYS];
        load->wrong = inside_submit(load, key) != 0;
    }
}

static bool run_load(struct sim *sim, struct load *load, bool gets, uint64_t requests)
{
    load->gets = gets;
    load->begun = load->ended = 0;
    load->wanted = requests;
    for (size_t i = 0; i < WINDOW; i++) {
        next(load);
    }
    bool idle = sim_run_idle(sim, PATIENCE_MS);
    return idle && !load->wrong && load->ended == requests;
}

static int configure(ringcache_config *config, struct sim *sim, enum engine_kind kind)
{
    int status = 0;
    for (int i = 0; i < SERVERS && status == 0; i++) {
        char host[24], uri[64];
        snprintf(host, sizeof host, "10.0.0.%d", i + 1);
        snprintf(
            uri, sizeof uri, "%s://%s:7000", kind == ENGINE_REDIS ? "redis" : "memcached", host);
        sim_server_add(sim, host, 7000, kind);
        status = ringcache_config_add_server(config, uri);
    }
    return status;
}

static void transport_stays(struct rc_transport *transport)
{
    (void)transport; /* main frees it */
}

static bool make_client(struct load *load, struct sim *sim, struct boundary *boundary)
{
    ringcache_config *config = NULL;
    int status = ringcache_config_new(&config);
    status = status == 0 ? configure(config, sim, load->kind) : status;
    status = status == 0 ? rc_client_new(
                               &load->client, boundary_transport(boundary), transport_stays, config)
                         : status;
    ringcache_config_free(config);
    return status == 0;
}

static bool run(struct load *load, bool gets, uint64_t requests)
{
    struct sim_options options = sim_options(1);
    struct sim *sim = sim_new(&options);
    struct boundary *boundary = boundary_new(sim_client_transport(sim_client_new(sim)));
    bool good = boundary != NULL && make_client(load, sim, boundary) &&
                run_load(sim, load, false, KEYS) && run_load(sim, load, gets, requests);
    if (load->client != NULL) {
        ringcache_client_close(load->client, NULL, NULL);
        good = sim_run_idle(sim, PATIENCE_MS) && good;
    }
    sim_free(sim);
    boundary_free(boundary);
    return good;
}

static int tell_compiler(void)
{
#ifdef __clang__
    printf("clang-%d\n", __clang_major__);
#else
    printf("gcc-%d\n", __GNUC__);
#endif
    return 0;
}

static bool parse(struct load *load, bool *gets, uint64_t *requests, char **words)
{
    load->kind = strcmp(words[0], "redis") == 0 ? ENGINE_REDIS : ENGINE_MEMCACHED;
    *gets = strcmp(words[1], "get") == 0;
    return (load->kind == ENGINE_REDIS || strcmp(words[0], "memcached") == 0) &&
           (*gets || strcmp(words[1], "set") == 0) &&
           rc_number_parse(words[2], strlen(words[2]), REQUESTS_MAX, requests);
}

int main(int argc, char **argv)
{
    static struct load load;
    bool gets = false;
    uint64_t requests = 0;
    if (argc == 2 && strcmp(argv[1], "compiler") == 0) {
        return tell_compiler();
    }
    if (argc != 4 || !parse(&load, &gets, &requests, argv + 1)) {
        fputs("usage: budget memcached|redis get|set REQUESTS\n       budget compiler\n", stderr);
        return 2;
    }
    for (unsigned i = 0; i < KEYS; i++) {
        snprintf(load.keys[i], sizeof load.keys[i], "user:%010u:name", i);
    }
    memset(load.value, 'v', sizeof load.value);
    if (!run(&load, gets, requests)) {
        fputs("budget: a request went wrong\n", stderr);
        return 1;
    }
    return 0;
}

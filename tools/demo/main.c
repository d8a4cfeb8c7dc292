/* SPDX-License-Identifier: MIT */
/* The whole demo: starts six servers and a seventh that joins later, plays the scenes, and prints
 * what held. Exit status 1 when a claim did not.
 *
 *     ringcache-demo [--embedded] RING_INSPECT FOLDER TEXTS…
 *
 * --embedded: on simulated servers in this very process. RING_INSPECT: that program's path. FOLDER:
 * for two small configuration files, and `pids`, the process ids of the servers. TEXTS: folders of
 * text. */
#include "demo.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLACK_MS = 20 };

/* It may ring before the loop waits for anything: then it is not to wait. */
static void on_rang(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
    uv_stop(timer->loop);
}

static bool run_until(struct demo *demo, const uint64_t *heard_ns, uint64_t ms)
{
    uv_timer_t alarm;
    bool rang = false;
    uv_update_time(&demo->loop);
    uv_timer_init(&demo->loop, &alarm);
    alarm.data = &rang;
    uv_timer_start(&alarm, on_rang, ms, 0);
    while (!rang && (heard_ns == NULL || *heard_ns == 0))
        uv_run(&demo->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&alarm, NULL);
    uv_run(&demo->loop, UV_RUN_NOWAIT);
    return !rang;
}

void demo_run(struct demo *demo, uint64_t ms)
{
    run_until(demo, NULL, ms);
}

bool demo_await(struct demo *demo, ringcache_event_type type, uint64_t ms)
{
    return run_until(demo, &demo->event_ns[type], ms);
}

const char *demo_uri(const struct demo *demo, unsigned server, char uri[PEER_URI_SIZE])
{
    return peer_uri(&demo->servers[server], demo->names[server], uri);
}

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    struct demo *demo = user;
    (void)client;
    demo->event_ns[event->type] = uv_hrtime();
    if (event->server[0] != '\0' && event->type != RINGCACHE_EVENT_CONNECTING)
        report_progress(&demo->report, "  event: %s %s (%s)", event->server,
            ringcache_event_name(event->type), event->text);
}

bool demo_start_server(struct demo *demo, unsigned server)
{
    char path[512];
    snprintf(path, sizeof path, "%s/pids", demo->folder);
    struct peer *at = &demo->servers[server];
    FILE *pids = fopen(path, "a");
    if (pids == NULL) {
        snprintf(at->process.why, sizeof at->process.why, "%.200s: %s", path, strerror(errno));
        return false;
    }
    bool started = peer_start(at);
    if (at->process.pid != 0)
        fprintf(pids, "%ld\n", (long)at->process.pid);
    return fclose(pids) == 0 && started;
}

/* Three of each, and one more memcached that is not in the ring yet. */
static bool start_servers(struct demo *demo)
{
    for (unsigned i = 0; i < SERVERS; i++) {
        bool redis = i >= 3 && i < AT_FIRST;
        peer_init(&demo->servers[i], redis ? SERVER_REDIS : SERVER_MEMCACHED,
            demo->embedded ? &demo->loop : NULL);
        snprintf(demo->names[i], NAME_SIZE, "%s-%u", redis ? "redis" : "memcached",
            redis           ? i - 2
            : i == AT_FIRST ? 4
                            : i + 1);
        if (!demo_start_server(demo, i)) {
            fprintf(stderr, "demo: %s could not be started: %s\n", demo->names[i],
                demo->servers[i].process.why);
            return false;
        }
    }
    return true;
}

static void discard_servers(struct demo *demo)
{
    for (unsigned i = 0; i < SERVERS; i++)
        peer_discard(&demo->servers[i]);
    uv_run(&demo->loop, UV_RUN_DEFAULT);
}

static bool open_client(struct demo *demo)
{
    ringcache_config *config = NULL;
    int status = ringcache_config_new(&config);
    for (unsigned i = 0; i < AT_FIRST && status == 0; i++) {
        char uri[PEER_URI_SIZE];
        status = ringcache_config_add_server(config, demo_uri(demo, i, uri));
    }
    if (status == 0)
        status = ringcache_client_new(&demo->client, &demo->loop, config);
    if (status != 0)
        fprintf(stderr, "demo: %s\n", ringcache_strerror(status));
    ringcache_config_free(config);
    return status == 0;
}

static void on_closed(ringcache_client *client, void *user)
{
    (void)client;
    ((struct demo *)user)->closed++;
}

static void close_client(struct demo *demo)
{
    struct load *load = &demo->load;
    uv_close((uv_handle_t *)&load->tick, NULL);
    ringcache_client_close(demo->client, on_closed, demo);
    uv_run(&demo->loop, UV_RUN_DEFAULT);
    discard_servers(demo);
    report_claim(&demo->report, load->total_accepted == load->total_answered,
        "%" PRIu64 " requests in all, %" PRIu64 " callbacks: nothing hung", load->total_accepted,
        load->total_answered);
    report_claim(&demo->report, load->worst_late_us <= SLACK_MS * 1000 + load->worst_lag_us,
        "no callback came later than its deadline of %d ms + %d ms + the loop's own lag of %.1f ms",
        TIMEOUT_MS, SLACK_MS, (double)load->worst_lag_us / 1e3);
    report_claim(&demo->report, demo->closed == 1 && uv_loop_close(&demo->loop) == 0,
        "closed: one close callback, nothing left on the loop");
}

static void play(struct demo *demo)
{
    load_init(&demo->load, &demo->loop, demo->client, &demo->texts, TIMEOUT_MS);
    ringcache_client_on_event(demo->client, on_event, demo);
    scene_store_and_read(demo);
    scene_shares(demo);
    scene_kill(demo);
    scene_bring_back(demo);
    scene_join(demo);
    scene_leave(demo);
    close_client(demo);
}

static bool gather_texts(struct demo *demo, char **folders)
{
    demo->texts.items = ITEMS;
    for (; *folders != NULL; folders++) {
        if (texts_add(&demo->texts, *folders) != 0) {
            fputs("demo: out of memory\n", stderr);
            return false;
        }
    }
    if (demo->texts.len == 0)
        fputs("demo: no text found\n", stderr);
    return demo->texts.len > 0;
}

static bool take_arguments(struct demo *demo, int argc, char ***argv)
{
    demo->embedded = argc > 1 && strcmp((*argv)[1], "--embedded") == 0;
    *argv += demo->embedded ? 2 : 1;
    if (argc < (demo->embedded ? 5 : 4))
        return false;
    demo->inspect = *(*argv)++;
    demo->folder = *(*argv)++;
    return true;
}

int main(int argc, char **argv)
{
    struct demo *demo = calloc(1, sizeof *demo);
    bool held = false;
    if (demo == NULL || !take_arguments(demo, argc, &argv) || uv_loop_init(&demo->loop) != 0)
        return 2;
    report_init(&demo->report);
    if (gather_texts(demo, argv) && (demo->embedded || servers_available()) &&
        start_servers(demo) && open_client(demo)) {
        play(demo);
        held = report_print(&demo->report);
    } else {
        discard_servers(demo);
        uv_loop_close(&demo->loop);
    }
    texts_deinit(&demo->texts);
    free(demo);
    return held ? 0 : 1;
}

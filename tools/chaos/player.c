/* SPDX-License-Identifier: MIT */
#include "player.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "load.h"
#include "stall.h"

struct player {
    uv_loop_t loop;
    uv_poll_t orders;
    int director;
    struct stall stall;
    struct load load;
    ringcache_client *client;
    char order; /* under way */
};

/* Servers are named s0, s1 … */
static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    struct book *book = user;
    unsigned server =
        (unsigned char)event->server[0] == 's' ? (unsigned)event->server[1] - '0' : SERVERS;
    const bool ends = event->type == RINGCACHE_EVENT_DOWN || event->type == RINGCACHE_EVENT_EJECTED;
    const bool begins =
        event->type == RINGCACHE_EVENT_UP || event->type == RINGCACHE_EVENT_READMITTED;
    (void)client;
    if (server >= SERVERS)
        return;
    struct fate *fate = &book->fates[server];
    if (ends && !fate->out) {
        fate->out_ns = uv_hrtime();
        if (fate->outages == 0)
            fate->first_out_ns = fate->out_ns;
        fate->out = true;
        fate->outages++;
    } else if (begins && fate->out) {
        fate->back_ns = uv_hrtime();
        fate->out = false;
    }
}

static void on_done(struct load *load)
{
    struct player *player = load->tick.loop->data;
    if (write(player->director, &player->order, 1) != 1)
        uv_stop(&player->loop);
}

static void finish(struct player *player)
{
    uv_close((uv_handle_t *)&player->orders, NULL);
    load_close(&player->load);
    stall_close(&player->stall);
    ringcache_client_close(player->client, NULL, NULL);
}

static void obey(struct player *player, char order)
{
    struct load *load = &player->load;
    player->order = order;
    switch ((enum order)order) {
    case ORDER_GREET:
        on_done(load);
        return;
    case ORDER_TRAFFIC:
        load_traffic(load);
        on_done(load);
        return;
    case ORDER_REST:
        load_rest(load, on_done);
        return;
    case ORDER_WRITE:
    case ORDER_READ:
        load_sweep(load, order == ORDER_WRITE, on_done);
        return;
    case ORDER_END:
        break;
    }
    finish(player);
}

static void on_order(uv_poll_t *poll, int status, int events)
{
    struct player *player = poll->data;
    char order = ORDER_END;
    (void)status;
    (void)events;
    if (read(player->director, &order, 1) != 1)
        order = ORDER_END;
    obey(player, order);
}

static int make_client(struct player *player, const char *policy, char **uris)
{
    ringcache_config *config = NULL;
    char number[12];
    int status = ringcache_config_new(&config);
    snprintf(number, sizeof number, "%d", TIMEOUT_MS);
    if (status == 0)
        status = ringcache_config_set(config, "timeout_ms", number);
    snprintf(number, sizeof number, "%d", CONNECT_TIMEOUT_MS);
    if (status == 0)
        status = ringcache_config_set(config, "connect_timeout_ms", number);
    if (status == 0)
        status = ringcache_config_set(config, "failover", policy);
    for (; status == 0 && *uris != NULL; uris++)
        status = ringcache_config_add_server(config, *uris);
    if (status == 0)
        status = ringcache_client_new(&player->client, &player->loop, config);
    if (status != 0)
        fprintf(stderr, "chaos: %s\n",
            config != NULL ? ringcache_config_error(config) : ringcache_strerror(status));
    ringcache_config_free(config);
    return status;
}

static int open_player(struct player *player, struct shared *shared, char **arguments)
{
    struct book *book = &shared->books[arguments[0][0] - '0'];
    player->load.book = book;
    player->load.meant = shared->meant;
    uv_loop_init(&player->loop);
    player->loop.data = player;
    int status = stall_watch(&player->stall, &player->loop, &book->stall_ns);
    if (status == 0)
        status = make_client(player, arguments[1], arguments + 4);
    if (status != 0)
        return status;
    ringcache_client_on_event(player->client, on_event, book);
    load_init(&player->load, &player->loop, player->client);
    uv_poll_init(&player->loop, &player->orders, player->director);
    player->orders.data = player;
    return uv_poll_start(&player->orders, UV_READABLE, on_order);
}

/* A descriptor that the director gave us. */
static int descriptor(const char *digits)
{
    int number = 0;
    for (; *digits >= '0' && *digits <= '9'; digits++)
        number = 10 * number + *digits - '0';
    return number;
}

int player_play(char **arguments)
{
    struct player *player = calloc(1, sizeof *player);
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor(arguments[3]), 0);
    if (player == NULL || shared == MAP_FAILED)
        return 2;
    player->director = descriptor(arguments[2]);
    signal(SIGPIPE, SIG_IGN);
    int status = open_player(player, shared, arguments);
    if (status == 0)
        uv_run(&player->loop, UV_RUN_DEFAULT);
    if (status == 0)
        status = uv_loop_close(&player->loop);
    munmap(shared, sizeof *shared);
    free(player);
    return status == 0 ? 0 : 1;
}

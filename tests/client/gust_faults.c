/* SPDX-License-Identifier: MIT */
/* What goes wrong: only what an outage may do, so that every answer can be judged. */
#include "gust.h"

#include <errno.h>

#include "sim_inside.h"

enum { CONNECTIONS_MAX = 16, CUT_BYTES = 80 };

static size_t standing(const struct gust_server *server, uint64_t numbers[CONNECTIONS_MAX])
{
    size_t count = 0;
    const struct rc_list *peers = &server->sim->peers;
    for (struct rc_list *n = peers->next; n != peers && count < CONNECTIONS_MAX; n = n->next) {
        numbers[count++] = rc_container(n, struct sim_peer, node)->end->connection->number;
    }
    return count;
}

static enum sim_end_kind any_end(struct gust *g)
{
    return gust_draw(g, 3) == 0 ? SIM_FIN : SIM_RST;
}

static void hurt_connection(struct gust *g, struct gust_server *server)
{
    uint64_t numbers[CONNECTIONS_MAX];
    size_t count = standing(server, numbers);
    if (count == 0) {
        return;
    }
    uint64_t connection = numbers[gust_draw(g, count)], dice = gust_draw(g, 8);
    gust_tell(g, "a connection suffers", server->redis ? "redis" : "memcached", (int64_t)dice);
    switch (dice) {
    case 0:
    case 1:
    case 2:
        sim_stall(server->sim, connection, true);
        break;
    case 3:
    case 4:
        sim_cut_after(server->sim, connection, gust_draw(g, CUT_BYTES), any_end(g));
        break;
    case 5:
        if (g->rules.unproven) {
            sim_local_error(server->sim, connection, -ETIMEDOUT);
        }
        break;
    default:
        sim_end(server->sim, connection, any_end(g));
        break;
    }
}

/* Only those in which nobody is served; what the others refuse is told to its caller and left as
 * it is. */
static void change_mood(struct gust *g, struct gust_server *server)
{
    static const enum engine_mood moods[] = {ENGINE_LOADING, ENGINE_BUSY, ENGINE_MASTERDOWN};
    engine_set_mood(sim_server_engine(server->sim), moods[gust_draw(g, 3)]);
}

static void hurt_process(struct gust *g, struct gust_server *server)
{
    uint64_t dice = gust_draw(g, 8);
    gust_tell(g, "a process suffers", server->redis ? "redis" : "memcached", (int64_t)dice);
    switch (dice) {
    case 0:
    case 1:
    case 2:
        sim_server_stop(server->sim);
        break;
    case 3:
    case 4:
        sim_server_kill(server->sim);
        server->dead = true;
        break;
    case 5:
        sim_server_restart(server->sim, true);
        server->dead = false;
        break;
    case 6:
        if (gust_draw(g, 3) == 0) {
            sim_server_restart(server->sim, false);
            server->dead = false;
            server->emptied_at = ++g->ticks;
        }
        break;
    default:
        if (server->refuses) {
            change_mood(g, server);
        }
        break;
    }
}

static void hurt_network(struct gust *g, struct gust_server *server)
{
    struct sim_client *host = g->clients[gust_draw(g, g->rules.clients)].host;
    uint64_t dice = gust_draw(g, 6);
    gust_tell(g, "the network suffers", "", (int64_t)dice);
    switch (dice) {
    case 0:
    case 1:
        sim_server_blackhole(server->sim, true);
        break;
    case 2:
        sim_server_pause_accept(server->sim, true);
        break;
    case 3:
        sim_server_slow(server->sim, gust_draw(g, 80000));
        break;
    case 4:
        sim_client_fail_connects(host, -ECONNREFUSED, 1 + gust_draw(g, 2));
        break;
    default:
        if (g->rules.unproven) {
            sim_client_fail_writes(host, -EHOSTUNREACH, 1);
        }
        break;
    }
}

void gust_fault(struct gust *g)
{
    struct gust_server *server = &g->servers[gust_draw(g, g->rules.servers)];
    switch (gust_draw(g, 8)) {
    case 0:
    case 1:
    case 2:
        hurt_process(g, server);
        break;
    case 3:
    case 4:
        hurt_network(g, server);
        break;
    default:
        hurt_connection(g, server);
        break;
    }
}

void gust_heal(struct gust *g, struct gust_server *server)
{
    uint64_t numbers[CONNECTIONS_MAX];
    gust_tell(g, "healed", server->redis ? "redis" : "memcached", server - g->servers);
    sim_server_continue(server->sim);
    sim_server_blackhole(server->sim, false);
    sim_server_slow(server->sim, 0);
    sim_server_pause_accept(server->sim, false);
    engine_set_mood(sim_server_engine(server->sim), ENGINE_SERVES);
    for (size_t i = standing(server, numbers); i-- > 0;) {
        sim_stall(server->sim, numbers[i], false);
        sim_cut_after(server->sim, numbers[i], SIZE_MAX, SIM_FIN);
    }
    if (server->dead) {
        sim_server_restart(server->sim, true);
        server->dead = false;
    }
}

void gust_heal_all(struct gust *g)
{
    struct sim_options *options = sim_settings(g->sim);
    for (size_t i = 0; i < g->rules.servers; i++) {
        gust_heal(g, &g->servers[i]);
    }
    for (size_t i = 0; i < g->rules.clients; i++) {
        sim_client_fail_connects(g->clients[i].host, 0, 0);
        sim_client_fail_writes(g->clients[i].host, 0, 0);
    }
    options->segment_bytes = 0;
    options->write_bytes = 0;
    options->jitter_us = 0;
}

/* SPDX-License-Identifier: MIT */
/* What goes wrong at a server: its process, its network, the replies of one connection. */
#include "sim_inside.h"

#include <stdlib.h>
#include <string.h>

static void wake_all(struct sim_server *server)
{
    for (struct rc_list *n = server->peers.next; n != &server->peers; n = n->next) {
        sim_peer_ready(rc_container(n, struct sim_peer, node));
    }
}

void sim_server_stop(struct sim_server *server)
{
    server->stopped = true;
    sim_trace(server->sim, "stop", server->number, 0);
}

void sim_server_continue(struct sim_server *server)
{
    server->stopped = false;
    sim_trace(server->sim, "continue", server->number, 0);
    wake_all(server);
}

void sim_server_kill(struct sim_server *server)
{
    struct rc_list *node;
    sim_trace(server->sim, "kill", server->number, 0);
    server->running = false;
    server->stopped = false;
    while ((node = rc_list_first(&server->peers)) != NULL) {
        sim_peer_end(rc_container(node, struct sim_peer, node), SIM_RST);
    }
}

void sim_server_restart(struct sim_server *server, bool keep_items)
{
    sim_server_kill(server);
    sim_trace(server->sim, "restart", server->number, keep_items);
    engine_restart(sim_server_engine(server), keep_items);
    server->running = true;
}

void sim_server_blackhole(struct sim_server *server, bool on)
{
    sim_trace(server->sim, "blackhole", server->number, on);
    server->blackhole = on;
    if (on) {
        return;
    }
    for (size_t i = 0; i < server->held_count; i++) {
        sim_packet_resend(server->held[i]);
    }
    server->held_count = 0;
}

void sim_server_pause_accept(struct sim_server *server, bool on)
{
    server->accept_paused = on;
    if (!on) {
        wake_all(server);
    }
}

void sim_server_slow(struct sim_server *server, uint64_t latency_us)
{
    server->slow_us = latency_us;
}

void sim_server_greet(struct sim_server *server, const char *greeting)
{
    free(server->greeting);
    server->greeting = greeting != NULL ? sim_copy(greeting, strlen(greeting)) : NULL;
}

uint64_t sim_server_newest(const struct sim_server *server)
{
    if (rc_list_empty(&server->peers)) {
        return 0;
    }
    return rc_container(server->peers.prev, struct sim_peer, node)->end->connection->number;
}

static struct sim_peer *find(struct sim_server *server, uint64_t connection)
{
    for (struct rc_list *n = server->peers.next; n != &server->peers; n = n->next) {
        struct sim_peer *p = rc_container(n, struct sim_peer, node);
        if (p->end->connection->number == connection) {
            return p;
        }
    }
    return NULL;
}

bool sim_server_holds(struct sim_server *server, uint64_t connection)
{
    return find(server, connection) != NULL;
}

/* The connection of that number: a fault that is aimed at nothing is a mistake of the test. */
static struct sim_peer *peer_of(struct sim_server *server, uint64_t connection)
{
    struct sim_peer *p = find(server, connection);
    if (p == NULL) {
        fprintf(stderr, "the simulated server has no connection %llu\n",
            (unsigned long long)connection);
        abort();
    }
    return p;
}

void sim_inject(struct sim_server *server, uint64_t connection, struct rc_slice bytes)
{
    struct sim_peer *p = peer_of(server, connection);
    sim_bytes_append(&p->out, bytes.data, bytes.len);
    sim_peer_ready(p);
}

void sim_drop_replies(struct sim_server *server, uint64_t connection, size_t count)
{
    peer_of(server, connection)->drop = count;
}

void sim_double_replies(struct sim_server *server, uint64_t connection, size_t count)
{
    peer_of(server, connection)->twice = count;
}

void sim_replace_reply(struct sim_server *server, uint64_t connection, struct rc_slice bytes)
{
    struct sim_peer *p = peer_of(server, connection);
    sim_bytes_clear(&p->replacement);
    sim_bytes_append(&p->replacement, bytes.data, bytes.len);
    p->replaced = true;
}

void sim_alter_reply(
    struct sim_server *server, uint64_t connection, void (*alter)(struct sim_bytes *reply))
{
    peer_of(server, connection)->alter = alter;
}

void sim_swap_replies(struct sim_server *server, uint64_t connection, bool on)
{
    struct sim_peer *p = peer_of(server, connection);
    struct rc_slice waiting = sim_bytes_view(&p->swapped);
    sim_bytes_append(&p->out, waiting.data, waiting.len);
    sim_bytes_clear(&p->swapped);
    p->swapping = on;
    sim_peer_ready(p);
}

void sim_cut_after(
    struct sim_server *server, uint64_t connection, size_t bytes, enum sim_end_kind how)
{
    struct sim_peer *p = peer_of(server, connection);
    p->cut = true;
    p->cut_left = bytes;
    p->cut_how = how;
    sim_peer_ready(p);
}

void sim_end(struct sim_server *server, uint64_t connection, enum sim_end_kind how)
{
    sim_peer_end(peer_of(server, connection), how);
}

void sim_stall(struct sim_server *server, uint64_t connection, bool on)
{
    struct sim_peer *p = peer_of(server, connection);
    sim_trace(server->sim, on ? "stall" : "flow", server->number, connection);
    p->stalled = on;
    sim_peer_ready(p);
}

void sim_half_close(struct sim_server *server, uint64_t connection)
{
    struct sim_peer *p = peer_of(server, connection);
    p->half_closed = true;
    sim_end_shutdown(p->end);
}

void sim_local_error(struct sim_server *server, uint64_t connection, int status)
{
    struct sim_connection *c = peer_of(server, connection)->end->connection;
    sim_end_fail(&c->ends[SIM_CLIENT_END], status);
}

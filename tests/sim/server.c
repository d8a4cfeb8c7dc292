/* SPDX-License-Identifier: MIT */
/* Server processes. One runs when a connection of its has news, unless it is stopped; then its
 * kernel alone goes on, and what piled up is served once it continues, also for clients that have
 * long gone: a reply that nobody will read does not keep a command from being run. */
#include "sim_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_BYTES = 16384 };

static void free_peer(struct sim_peer *p)
{
    rc_list_remove(&p->node);
    rc_list_remove(&p->ready);
    engine_session_free(p->session);
    sim_bytes_deinit(&p->out);
    sim_bytes_deinit(&p->replacement);
    sim_bytes_deinit(&p->swapped);
    free(p);
}

void sim_peer_end(struct sim_peer *p, enum sim_end_kind how)
{
    if (how == SIM_RST) {
        sim_end_reset(p->end);
    } else {
        sim_end_close(p->end);
    }
    free_peer(p);
}

void sim_peer_ready(struct sim_peer *p)
{
    struct sim_server *server = p->server;
    if (rc_list_empty(&p->ready)) {
        rc_list_append(&server->ready, &p->ready);
    }
    if (!server->stopped) {
        sim_actor_ready(server->sim, &server->actor, SIM_SERVERS);
    }
}

static void peer_woken(void *owner)
{
    sim_peer_ready(owner);
}

bool sim_server_knock(struct sim_server *server, struct sim_end *end)
{
    if (!server->running) {
        return false;
    }
    struct sim_peer *p = sim_alloc(sizeof *p);
    p->server = server;
    p->end = end;
    rc_list_append(&server->peers, &p->node);
    rc_list_init(&p->ready);
    end->open = true;
    end->woken = peer_woken;
    end->owner = p;
    server->connects++;
    sim_peer_ready(p);
    return true;
}

static void set_time(struct sim_server *server)
{
    engine_set_time(server->engine, sim_now_ms(server->sim), sim_wall_s(server->sim));
}

static void accept_peer(struct sim_peer *p)
{
    struct sim_server *server = p->server;
    const struct sim_connection *c = p->end->connection;
    char address[64];
    snprintf(address, sizeof address, "198.51.%u.%u:%u", (unsigned)(c->client >> 8 & 255),
        (unsigned)(c->client & 255), (unsigned)(c->number & 65535));
    p->accepted = true;
    if (server->greeting != NULL) {
        sim_bytes_text(&p->out, server->greeting);
    }
    p->session = engine_accept(server->engine, c->number, address, &p->out);
    p->finishing = p->session == NULL;
}

/* Hand replies to the kernel; true when all are. Those for a connection that is gone vanish. */
static bool flush(struct sim_peer *p)
{
    struct rc_slice view = sim_bytes_view(&p->out);
    if (p->half_closed || p->end->failure != 0) {
        sim_bytes_clear(&p->out);
        return true;
    }
    if (p->cut && view.len > p->cut_left) {
        view.len = p->cut_left;
    }
    size_t taken = sim_end_write(p->end, view);
    sim_bytes_consume(&p->out, taken);
    p->cut_left -= p->cut ? taken : 0;
    return p->out.len == 0;
}

/* The faults that a test asked for, between the engine and the kernel. */
static void send_reply(struct sim_peer *p, struct sim_bytes *reply)
{
    if (reply->len > 0 && p->alter != NULL) {
        p->alter(reply);
        p->alter = NULL;
    }
    struct rc_slice bytes = sim_bytes_view(reply);
    if (bytes.len == 0) {
        return;
    }
    if (p->drop > 0) {
        p->drop--;
        return;
    }
    if (p->replaced) {
        p->replaced = false;
        bytes = sim_bytes_view(&p->replacement);
    }
    if (p->swapping) {
        p->swapping = false;
        sim_bytes_append(&p->swapped, bytes.data, bytes.len);
        return;
    }
    sim_bytes_append(&p->out, bytes.data, bytes.len);
    if (p->twice > 0) {
        p->twice--;
        sim_bytes_append(&p->out, bytes.data, bytes.len);
    }
    bytes = sim_bytes_view(&p->swapped);
    sim_bytes_append(&p->out, bytes.data, bytes.len);
    sim_bytes_clear(&p->swapped);
}

static bool read_more(struct sim_peer *p)
{
    unsigned char bytes[READ_BYTES];
    size_t n = sim_end_read(p->end, bytes, sizeof bytes);
    engine_receive(p->session, rc_slice(bytes, n));
    return n > 0;
}

/* One command, or some more input; false when there is neither. */
static bool progress(struct sim_peer *p)
{
    struct sim_bytes reply = {0};
    enum engine_step step = engine_step(p->session, &reply);
    send_reply(p, &reply);
    sim_bytes_deinit(&reply);
    p->finishing = step == ENGINE_ENDED;
    return step == ENGINE_RAN || (step == ENGINE_STARVED && read_more(p));
}

static bool cut_short(const struct sim_peer *p)
{
    return p->cut && p->cut_left == 0;
}

static void serve(struct sim_peer *p)
{
    if (p->stalled) {
        flush(p);
        return;
    }
    if (!p->accepted) {
        if (p->server->accept_paused) {
            return;
        }
        accept_peer(p);
    }
    bool flushed = flush(p);
    while (flushed && !p->finishing && !cut_short(p) && progress(p)) {
        flushed = flush(p);
    }
    flushed = flush(p);
    bool drained = flushed && (p->end->failure != 0 || p->end->fin_arrived);
    if (cut_short(p)) {
        sim_peer_end(p, p->cut_how);
    } else if (drained || (flushed && p->finishing)) {
        sim_peer_end(p, SIM_FIN);
    }
}

/* Sessions that another one's command ended. */
static void bury_killed(struct sim_server *server)
{
    struct rc_list *next;
    for (struct rc_list *n = server->peers.next; n != &server->peers; n = next) {
        struct sim_peer *p = rc_container(n, struct sim_peer, node);
        next = n->next;
        if (p->session != NULL && engine_session_killed(p->session)) {
            sim_peer_end(p, SIM_FIN);
        }
    }
}

static void server_turn(void *owner)
{
    struct sim_server *server = owner;
    struct rc_list due, *node;
    if (server->stopped || !server->running) {
        return;
    }
    set_time(server);
    rc_list_init(&due);
    rc_list_splice(&due, &server->ready);
    while ((node = rc_list_first(&due)) != NULL) {
        rc_list_remove(node);
        serve(rc_container(node, struct sim_peer, ready));
    }
    bury_killed(server);
}

struct sim_server *sim_server_add(
    struct sim *sim, const char *host, uint16_t port, enum engine_kind kind)
{
    struct sim_server *server = sim_alloc(sizeof *server);
    server->sim = sim;
    server->number = ++sim->last_server;
    server->engine = engine_new(kind, sim->options.seed ^ server->number << 32);
    server->running = true;
    rc_list_init(&server->peers);
    rc_list_init(&server->ready);
    sim_actor_init(&server->actor, server_turn, server);
    rc_list_append(&sim->servers, &server->node);
    sim_server_listen(server, host, port);
    set_time(server);
    return server;
}

void sim_server_listen(struct sim_server *server, const char *host, uint16_t port)
{
    struct rc_address *address = &server->listens[server->listen_count];
    if (server->listen_count == SIM_LISTENS || !sim_address(host, port, port == 0, address)) {
        fprintf(stderr, "no simulated server can listen at %s\n", host);
        abort();
    }
    server->listen_count++;
}

static bool listens_at(const struct sim_server *server, const struct rc_address *address)
{
    for (size_t i = 0; i < server->listen_count; i++) {
        const struct rc_address *own = &server->listens[i];
        if (own->len == address->len && memcmp(own->bytes, address->bytes, own->len) == 0) {
            return true;
        }
    }
    return false;
}

struct sim_server *sim_server_at(struct sim *sim, const struct rc_address *address)
{
    for (struct rc_list *n = sim->servers.next; n != &sim->servers; n = n->next) {
        struct sim_server *server = rc_container(n, struct sim_server, node);
        if (listens_at(server, address)) {
            return server;
        }
    }
    return NULL;
}

struct engine *sim_server_engine(struct sim_server *server)
{
    set_time(server);
    return server->engine;
}

uint64_t sim_server_connects(const struct sim_server *server)
{
    return server->connects;
}

size_t sim_server_connections(const struct sim_server *server)
{
    size_t count = 0;
    for (const struct rc_list *n = server->peers.next; n != &server->peers; n = n->next) {
        count++;
    }
    return count;
}

void sim_server_hold(struct sim_server *server, struct sim_packet *packet)
{
    if (server->held_count == server->held_cap) {
        server->held_cap = server->held_cap > 0 ? server->held_cap * 2 : 16;
        server->held = sim_resize(server->held, server->held_cap * sizeof *server->held);
    }
    server->held[server->held_count++] = packet;
}

void sim_server_free(struct sim_server *server)
{
    struct rc_list *node;
    while ((node = rc_list_first(&server->peers)) != NULL) {
        free_peer(rc_container(node, struct sim_peer, node));
    }
    for (size_t i = 0; i < server->held_count; i++) {
        sim_packet_free(server->held[i]);
    }
    rc_list_remove(&server->node);
    rc_list_remove(&server->actor.node);
    engine_free(server->engine);
    free(server->held);
    free(server->greeting);
    free(server);
}

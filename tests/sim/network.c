/* SPDX-License-Identifier: MIT */
/* Connections, as two kernels see them.
 *
 *     write ─► outgoing ──packets, at most `window`──► incoming ─► read
 *                 ▲                                        │
 *                 └──────────── room that reading made ────┘
 *
 * What was written travels on when its process has closed, stopped or died of old age: only a reset
 * takes back what is still `outgoing`, and nothing takes back what is under way or has arrived. */
#include "sim_inside.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum packet_type {
    PACKET_OPEN,
    PACKET_ACCEPTED,
    PACKET_REFUSED,
    PACKET_BYTES,
    PACKET_FIN,
    PACKET_RESET,
    PACKET_WINDOW,
};

struct sim_packet {
    struct sim_connection *connection;
    enum packet_type type;
    unsigned to;     /* which end */
    uint64_t number; /* of those that its end sent, from 1 */
    size_t len;      /* of `bytes`; of the room announced by PACKET_WINDOW */
    unsigned char bytes[];
};

static unsigned side_of(const struct sim_end *end)
{
    return end == &end->connection->ends[SIM_SERVER_END];
}

static void wake(struct sim_end *end)
{
    if (end->open) {
        end->woken(end->owner);
    }
}

static void free_connection(struct sim_connection *c)
{
    for (unsigned i = 0; i < 2; i++) {
        sim_bytes_deinit(&c->ends[i].outgoing);
        sim_bytes_deinit(&c->ends[i].incoming);
    }
    rc_list_remove(&c->node);
    free(c);
}

static void free_if_over(struct sim_connection *c)
{
    if (!c->ends[0].open && !c->ends[1].open && c->packets == 0) {
        free_connection(c);
    }
}

static uint64_t latency_us(struct sim_connection *c)
{
    struct sim *sim = c->sim;
    uint64_t us = sim->options.latency_us + (c->server != NULL ? c->server->slow_us : 0);
    if (sim->options.jitter_us > 0) {
        us += sim_random(sim) % (sim->options.jitter_us + 1);
    }
    return us;
}

/* When a packet sent now arrives: never before the one sent before it. */
static uint64_t arrival_us(struct sim_end *from, enum packet_type type)
{
    struct sim *sim = from->connection->sim;
    uint64_t gap_us = type == PACKET_BYTES ? sim->options.segment_gap_us : 0;
    uint64_t at_us = sim->now_us + latency_us(from->connection);
    if (from->last_arrival_us > 0 && at_us < from->last_arrival_us + gap_us) {
        at_us = from->last_arrival_us + gap_us;
    }
    from->last_arrival_us = at_us;
    return at_us;
}

static void send(struct sim_end *from, enum packet_type type, size_t len)
{
    struct sim_connection *c = from->connection;
    size_t carried = type == PACKET_BYTES ? len : 0;
    struct sim_packet *packet = sim_alloc(sizeof *packet + carried);
    packet->connection = c;
    packet->type = type;
    packet->to = !side_of(from);
    packet->len = len;
    packet->number = ++from->sent;
    if (carried > 0) {
        memcpy(packet->bytes, sim_bytes_view(&from->outgoing).data, carried);
    }
    c->packets++;
    sim_schedule(c->sim, arrival_us(from, type), &sim_packet_kind, packet);
}

/* Put on the wire what the other end has room for, and the FIN behind the last of it. */
static void transmit(struct sim_end *end)
{
    size_t most = end->connection->sim->options.segment_bytes;
    while (end->outgoing.len > 0 && end->window > 0) {
        size_t n = end->outgoing.len < end->window ? end->outgoing.len : end->window;
        n = most > 0 && n > most ? most : n;
        send(end, PACKET_BYTES, n);
        sim_bytes_consume(&end->outgoing, n);
        end->window -= n;
    }
    if (end->fin_wanted && !end->fin_sent && end->outgoing.len == 0) {
        end->fin_sent = true;
        send(end, PACKET_FIN, 0);
    }
}

struct sim_end *sim_network_connect(
    struct sim *sim, struct sim_server *server, uint64_t client, void (*woken)(void *), void *owner)
{
    struct sim_connection *c = sim_alloc(sizeof *c);
    c->sim = sim;
    c->server = server;
    c->number = ++sim->last_connection;
    c->receive_bytes = sim->options.receive_bytes;
    c->client = client;
    for (unsigned i = 0; i < 2; i++) {
        c->ends[i].connection = c;
        c->ends[i].window = c->receive_bytes;
    }
    struct sim_end *end = &c->ends[SIM_CLIENT_END];
    end->open = true;
    end->woken = woken;
    end->owner = owner;
    rc_list_append(&sim->connections, &c->node);
    send(end, PACKET_OPEN, 0);
    return end;
}

size_t sim_end_room(const struct sim_end *end)
{
    size_t cap = end->connection->sim->options.send_bytes;
    return end->outgoing.len < cap ? cap - end->outgoing.len : 0;
}

size_t sim_end_write(struct sim_end *end, struct rc_slice bytes)
{
    size_t n = sim_end_room(end);
    n = bytes.len < n ? bytes.len : n;
    sim_bytes_append(&end->outgoing, bytes.data, n);
    transmit(end);
    return n;
}

/* The sender learns of the room in larger pieces, lest every read cost a packet. */
size_t sim_end_read(struct sim_end *end, void *bytes, size_t cap)
{
    const struct sim_options *options = &end->connection->sim->options;
    size_t n = end->incoming.len < cap ? end->incoming.len : cap;
    n = options->segment_bytes > 0 && n > options->segment_bytes ? options->segment_bytes : n;
    if (n == 0) {
        return 0;
    }
    memcpy(bytes, sim_bytes_view(&end->incoming).data, n);
    sim_bytes_consume(&end->incoming, n);
    end->unannounced += n;
    if (end->failure == 0 && end->unannounced * 2 >= end->connection->receive_bytes) {
        send(end, PACKET_WINDOW, end->unannounced);
        end->unannounced = 0;
    }
    return n;
}

void sim_end_shutdown(struct sim_end *end)
{
    end->fin_wanted = true;
    if (end->failure == 0) {
        transmit(end);
    }
}

static void let_go(struct sim_end *end)
{
    end->open = false;
    sim_bytes_clear(&end->incoming);
    free_if_over(end->connection);
}

void sim_end_close(struct sim_end *end)
{
    if (end->incoming.len > 0) {
        sim_end_reset(end);
        return;
    }
    if (end->established) {
        sim_end_shutdown(end);
    }
    let_go(end);
}

void sim_end_reset(struct sim_end *end)
{
    sim_bytes_clear(&end->outgoing);
    if (end->established && end->failure == 0) {
        end->failure = -ECONNRESET;
        send(end, PACKET_RESET, 0);
    }
    let_go(end);
}

void sim_end_fail(struct sim_end *end, int status)
{
    if (end->failure == 0) {
        end->failure = status;
        sim_bytes_clear(&end->outgoing);
        wake(end);
    }
}

static void arrive_open(struct sim_end *server_end)
{
    struct sim_server *server = server_end->connection->server;
    bool listens = server != NULL && sim_server_knock(server, server_end);
    server_end->established = listens;
    send(server_end, listens ? PACKET_ACCEPTED : PACKET_REFUSED, 0);
}

static void arrive_bytes(struct sim_end *end, const struct sim_packet *packet)
{
    if (!end->open || end->failure != 0) {
        send(end, PACKET_RESET, 0);
        return;
    }
    sim_bytes_append(&end->incoming, packet->bytes, packet->len);
    wake(end);
}

static void arrive_accepted(struct sim_end *end)
{
    if (!end->open || end->failure != 0) {
        send(end, PACKET_RESET, 0);
        return;
    }
    end->established = true;
    wake(end);
}

static void arrive_window(struct sim_end *end, size_t len)
{
    end->window += len;
    if (end->failure == 0) {
        transmit(end);
        wake(end);
    }
}

static void arrive(struct sim_end *end, const struct sim_packet *packet)
{
    switch (packet->type) {
    case PACKET_OPEN:
        arrive_open(end);
        break;
    case PACKET_ACCEPTED:
        arrive_accepted(end);
        break;
    case PACKET_REFUSED:
        sim_end_fail(end, -ECONNREFUSED);
        break;
    case PACKET_BYTES:
        arrive_bytes(end, packet);
        break;
    case PACKET_FIN:
        end->fin_arrived = true;
        wake(end);
        break;
    case PACKET_RESET:
        sim_end_fail(end, -ECONNRESET);
        break;
    case PACKET_WINDOW:
        arrive_window(end, packet->len);
        break;
    }
}

static const char *name_of(enum packet_type type)
{
    static const char *const names[] = {
        "open", "accepted", "refused", "bytes", "fin", "reset", "window"};
    return names[type];
}

static void packet_fire(struct sim *sim, void *subject)
{
    struct sim_packet *packet = subject;
    struct sim_connection *c = packet->connection;
    struct sim_end *from = &c->ends[!packet->to];
    if (c->server != NULL && c->server->blackhole) {
        sim_server_hold(c->server, packet);
        return;
    }
    if (packet->number != from->delivered + 1) {
        sim_packet_resend(packet); /* an older one is still behind it */
        return;
    }
    from->delivered++;
    sim_trace(sim, name_of(packet->type), 2 * c->number + packet->to, packet->len);
    if (packet->type == PACKET_BYTES) {
        sim_trace_bytes(sim, rc_slice(packet->bytes, packet->len));
    }
    arrive(&c->ends[packet->to], packet);
    c->packets--;
    free_if_over(c);
    free(packet);
}

static void packet_drop(void *subject)
{
    sim_packet_free(subject);
}

const struct sim_event_kind sim_packet_kind = {"packet", true, packet_fire, packet_drop};

void sim_packet_resend(struct sim_packet *packet)
{
    struct sim_connection *c = packet->connection;
    struct sim_end *from = &c->ends[!packet->to];
    sim_schedule(c->sim, arrival_us(from, packet->type), &sim_packet_kind, packet);
}

/* The connection goes with the world. */
void sim_packet_free(struct sim_packet *packet)
{
    free(packet);
}

void sim_network_deinit(struct sim *sim)
{
    struct rc_list *node;
    while ((node = rc_list_first(&sim->connections)) != NULL) {
        free_connection(rc_container(node, struct sim_connection, node));
    }
}

/* SPDX-License-Identifier: MIT */
#ifndef SIM_INSIDE_H
#define SIM_INSIDE_H

/* What the parts of the simulated world share; for their own sources alone.
 *
 *     world.c      the clock, the queue of events, who runs next, the trace
 *     network.c    connections: two ends, packets, windows, FIN and RST
 *     server.c     processes that serve the ends of connections with an engine
 *     faults.c     what goes wrong at a server
 *     names.c      addresses and look-ups
 *     client.c     the transport: what the owner calls
 *     turn.c       the transport: what the owner is told */

#include "base/list.h"
#include "sim.h"

/* ---- world.c ---- */

struct sim_event_kind {
    const char *name;
    bool work; /* while one is due the world is not idle */
    void (*fire)(struct sim *sim, void *subject);
    void (*drop)(void *subject); /* it will never fire; NULL: nothing to give back */
};

struct sim_event {
    uint64_t at_us, sequence;
    const struct sim_event_kind *kind;
    void *subject;
};

/* A process: it runs whenever it was made ready, but never inside another one. */
struct sim_actor {
    struct rc_list node;
    void (*turn)(void *owner);
    void *owner;
};

enum { SIM_SERVERS, SIM_CLIENTS };

/* xoshiro256**, seeded by splitmix64. */
struct sim_random {
    uint64_t s[4];
};

struct sim {
    struct sim_options options;
    uint64_t now_us, sequence;
    uint64_t acts; /* since it last did */
    struct sim_random random;
    uint64_t trace;
    FILE *trace_file;
    struct sim_event *events; /* a binary heap */
    size_t event_count, event_cap, work_count;
    struct rc_list ready[2]; /* actors, by rank */
    struct rc_list clients, servers, connections, names;
    uint64_t last_connection, last_client, last_server;
    size_t handshakes; /* under way */
    bool running;
};

void sim_random_init(struct sim_random *r, uint64_t seed);
uint64_t sim_random_next(struct sim_random *r);
int64_t sim_wall_s(const struct sim *sim);

void sim_schedule(
    struct sim *sim, uint64_t at_us, const struct sim_event_kind *kind, void *subject);
void sim_actor_init(struct sim_actor *actor, void (*turn)(void *owner), void *owner);
void sim_actor_ready(struct sim *sim, struct sim_actor *actor, unsigned rank);
void sim_trace(struct sim *sim, const char *what, uint64_t id, uint64_t number);
void sim_trace_bytes(struct sim *sim, struct rc_slice bytes);

/* ---- network.c ---- */

enum { SIM_CLIENT_END, SIM_SERVER_END };

struct sim_connection;

struct sim_end {
    struct sim_connection *connection;
    struct sim_bytes outgoing; /* taken by a write, not yet on the wire */
    struct sim_bytes incoming; /* arrived, not yet read */
    size_t window;             /* bytes that the other end still has room for */
    size_t unannounced;        /* room made by reading that the other end does not know of */
    uint64_t last_arrival_us;  /* of what was sent from here */
    uint64_t sent, delivered;  /* packets from here */
    int failure;               /* a negative errno once there is no connection any more */
    bool open;                 /* some process holds it */
    bool established;
    bool fin_wanted, fin_sent, fin_arrived;
    void (*woken)(void *owner); /* something about it changed */
    void *owner;
};

struct sim_connection {
    struct rc_list node;
    struct sim *sim;
    struct sim_server *server; /* NULL: nobody lives at that address */
    uint64_t number, client;
    size_t receive_bytes; /* of the kernel's buffer at either end */
    size_t packets;       /* under way */
    struct sim_end ends[2];
};

struct sim_packet;
extern const struct sim_event_kind sim_packet_kind;

/* Begin to connect; the client's end is returned. */
struct sim_end *sim_network_connect(struct sim *sim, struct sim_server *server, uint64_t client,
    void (*woken)(void *), void *owner);
/* Take what fits into the kernel's buffer. */
size_t sim_end_write(struct sim_end *end, struct rc_slice bytes);
size_t sim_end_room(const struct sim_end *end);
size_t sim_end_read(struct sim_end *end, void *bytes, size_t cap);
void sim_end_shutdown(struct sim_end *end);
/* FIN behind what was written; RST when there are bytes nobody read, as the kernel does it. */
void sim_end_close(struct sim_end *end);
void sim_end_reset(struct sim_end *end);
/* This end's kernel gives up, and tells its process alone. */
void sim_end_fail(struct sim_end *end, int status);
/* Send a packet again that was held back. */
void sim_packet_resend(struct sim_packet *packet);
void sim_packet_free(struct sim_packet *packet);
void sim_network_deinit(struct sim *sim);

/* ---- server.c ---- */

enum { SIM_LISTENS = 4 };

struct sim_server {
    struct rc_list node;
    struct sim *sim;
    struct sim_actor actor;
    struct engine *engine;
    uint64_t number, connects;
    struct rc_address listens[SIM_LISTENS];
    size_t listen_count;
    bool running, stopped, blackhole, accept_paused;
    uint64_t slow_us;
    char *greeting;
    struct rc_list peers, ready;
    struct sim_packet **held; /* by the black hole */
    size_t held_count, held_cap;
};

/* The server's side of a connection, as its process sees it. */
struct sim_peer {
    struct rc_list node, ready;
    struct sim_server *server;
    struct sim_end *end;
    struct engine_session *session; /* NULL: not accepted yet, or refused */
    struct sim_bytes out;
    bool accepted, finishing; /* to be ended once `out` has left */
    bool half_closed, stalled;
    size_t drop, twice;
    bool replaced, cut, swapping;
    struct sim_bytes replacement;
    struct sim_bytes swapped; /* waits for the next one */
    void (*alter)(struct sim_bytes *reply);
    size_t cut_left;
    enum sim_end_kind cut_how;
};

/* A connection arrives at the kernel; false: nobody listens. */
bool sim_server_knock(struct sim_server *server, struct sim_end *end);
void sim_server_hold(struct sim_server *server, struct sim_packet *packet);
struct sim_server *sim_server_at(struct sim *sim, const struct rc_address *address);
void sim_peer_ready(struct sim_peer *peer);
void sim_peer_end(struct sim_peer *peer, enum sim_end_kind how);
void sim_server_free(struct sim_server *server);

/* ---- names.c ---- */

struct sim_lookup;

struct sim_name {
    struct rc_list node;
    char *name, *addresses;
    int status;
    uint64_t delay_ms;
};

enum { SIM_ANSWERS = 16 };

bool sim_address(const char *host, uint16_t port, bool is_path, struct rc_address *address);
uint64_t sim_name_delay_ms(struct sim *sim, const char *host, bool is_path);
/* 0 and at most SIM_ANSWERS addresses, or a negative status. */
int sim_name_resolve(
    struct sim *sim, const struct sim_lookup *lookup, struct rc_address *addresses, size_t *count);
void sim_names_deinit(struct sim *sim);

/* ---- client.c, turn.c ---- */

struct sim_client {
    struct rc_transport base;
    struct rc_list node;
    struct sim *sim;
    struct sim_actor actor;
    uint64_t number;
    struct sim_random random;
    struct rc_list streams, ready;
    struct rc_list lookups, answered;
    struct sim_errand *errand; /* not dropped yet; NULL: none */
    size_t stream_count;
    bool alive, in_turn, in_call, stopping, stopped, retrying;
    void (*closed)(void *owner);
    void *closed_owner;
    uint64_t wake_at_ms, armed_at_ms;
    int64_t leapt_s; /* of its wall clock */
    int connect_status, write_status;
    size_t connect_failures, write_failures, work_failures;
};

struct sim_stream {
    struct rc_stream base;
    struct rc_list node, ready;
    struct sim_client *client;
    struct sim_end *end;
    const struct rc_stream_events *events;
    void *owner;
    bool told_connected, told_ended, blocked, hungry, delivering, closed;
};

struct sim_lookup {
    struct rc_lookup base;
    struct rc_list node, ready;
    struct sim_client *client;
    char *host;
    uint16_t port;
    bool is_path, scheduled, forgotten, delivering;
    rc_resolved_fn done;
    void *owner;
};

/* Work aside. */
struct sim_errand {
    struct sim_client *client; /* NULL: dropped */
    struct rc_work *work;
    bool finished, told;
};

extern const struct sim_event_kind sim_wake_kind;

void sim_client_turn(void *client);
void sim_client_ready(struct sim_client *client);
void sim_stream_ready(void *stream);
void sim_stream_free(struct sim_stream *stream);
void sim_lookup_free(struct sim_lookup *lookup);
void sim_client_free(struct sim_client *client);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SIM_SIM_H
#define SIM_SIM_H

/* A world in a box: a clock that only moves when nothing is left to do, a network with faults,
 * simulated servers, and a transport for each simulated client. One thread, no system call.
 *
 *     kernels: packets arrive ──► servers run ──► clients' loops turn ──► time passes
 *                    ▲________________│___________________│
 *
 * The same seed and the same calls give the same run, bit for bit: sim_trace_hash tells. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "engine/engine.h"
#include "transport/transport.h"

struct sim;
struct sim_client;
struct sim_server;

enum { SIM_EAI_NONAME = -3008 }; /* what libuv reports of a name nobody knows */
#define SIM_NEVER UINT64_MAX

struct sim_options {
    uint64_t seed;
    uint64_t start_ms;   /* the clock's first reading */
    int64_t wall_s;      /* the same moment, in seconds since 1970 */
    uint64_t latency_us; /* one way */
    uint64_t jitter_us;  /* at most this is added, by chance; bytes never overtake each other */
    size_t send_bytes, receive_bytes; /* the kernel's buffers at each end */
    size_t segment_bytes;    /* bytes travel and are read in pieces of at most that; 0: whole */
    uint64_t segment_gap_us; /* between two pieces */
    size_t write_bytes;      /* a client's write takes at most that; 0: what fits */
    uint64_t work_ms;        /* how long work aside takes */
    size_t handshakes;       /* connections of all clients that may be in the making together */
};

/* A quiet network: 100 us one way, 64 KiB buffers, nothing sliced. */
struct sim_options sim_options(uint64_t seed);
struct sim *sim_new(const struct sim_options *options);
/* Everything goes, whatever state it is in; no event is delivered any more. */
void sim_free(struct sim *sim);
/* To be changed at any time between two steps, except for the seed and the clocks. */
struct sim_options *sim_settings(struct sim *sim);

/* Running. Never from inside an event. */

/* One thing happens: a packet arrives, a server or a client's loop runs, or time passes. False:
 * nothing will ever happen again. */
bool sim_step(struct sim *sim);
/* Until the clock shows `ms`, and all that is due then has happened. */
void sim_run_until(struct sim *sim, uint64_t ms);
void sim_run_for(struct sim *sim, uint64_t ms);
void sim_run_for_us(struct sim *sim, uint64_t us);
/* Until the network is quiet and no client holds its loop alive; false: still not after
 * `limit_ms`. */
bool sim_run_idle(struct sim *sim, uint64_t limit_ms);

uint64_t sim_now_ms(const struct sim *sim);
uint64_t sim_now_us(const struct sim *sim);
void sim_set_wall(struct sim *sim, int64_t wall_s);
/* Somebody sets one client's wall clock, by so many seconds from what it shows. */
void sim_client_leap(struct sim_client *client, int64_t by_s);
uint64_t sim_random(struct sim *sim);
/* Call `run` when the clock shows `at_ms`: a fault, or the next move of the test. */
void sim_at(struct sim *sim, uint64_t at_ms, void (*run)(void *owner), void *owner);
/* From inside an event: the clients' loops are busy for `ms`; the rest of the world goes on. */
void sim_block(struct sim *sim, uint64_t ms);

uint64_t sim_trace_hash(const struct sim *sim);
/* Also write what is hashed, a line each; NULL: no more. */
void sim_trace_to(struct sim *sim, FILE *file);

/* Names. An address in textual form is its own. */

/* `addresses`: separated by spaces, in the order to try; none: the name resolves to nothing. */
void sim_dns_set(struct sim *sim, const char *name, const char *addresses);
/* Look-ups end with `status` (a negative code); 0: with the addresses again. */
void sim_dns_fail(struct sim *sim, const char *name, int status);
/* How long a look-up takes; SIM_NEVER: it hangs. */
void sim_dns_delay(struct sim *sim, const char *name, uint64_t delay_ms);

/* Clients: one transport each. */
struct sim_client *sim_client_new(struct sim *sim);
struct rc_transport *sim_client_transport(struct sim_client *client);
bool sim_client_held(const struct sim_client *client);
size_t sim_client_streams(const struct sim_client *client);
/* The next `count` connects fail at once with `status`. */
void sim_client_fail_connects(struct sim_client *client, int status, size_t count);
/* No thread can be had for the next `count`. */
void sim_client_fail_work(struct sim_client *client, size_t count);
void sim_client_fail_writes(struct sim_client *client, int status, size_t count);

/* Servers. `host` is an address, or with port 0 a Unix socket's path. It listens at once. */
struct sim_server *sim_server_add(
    struct sim *sim, const char *host, uint16_t port, enum engine_kind kind);
/* One more address of the same server. */
void sim_server_listen(struct sim_server *server, const char *host, uint16_t port);
struct engine *sim_server_engine(struct sim_server *server);
/* Connections that were begun, and those that the server holds now. */
uint64_t sim_server_connects(const struct sim_server *server);
size_t sim_server_connections(const struct sim_server *server);

/* SIGSTOP and SIGCONT: the kernel goes on accepting connections and bytes; they are served late. */
void sim_server_stop(struct sim_server *server);
void sim_server_continue(struct sim_server *server);
/* kill -9: its connections are reset, later ones refused. */
void sim_server_kill(struct sim_server *server);
/* Start again; a server that still ran is killed first. */
void sim_server_restart(struct sim_server *server, bool keep_items);
/* No packet comes or goes; what was sent meanwhile arrives when it is over. */
void sim_server_blackhole(struct sim_server *server, bool on);
/* Established connections stay in the kernel's queue, unserved. */
void sim_server_pause_accept(struct sim_server *server, bool on);
/* One way, in addition to the network's. */
void sim_server_slow(struct sim_server *server, uint64_t latency_us);
/* What each new connection is told unasked; NULL: nothing. */
void sim_server_greet(struct sim_server *server, const char *greeting);

/* Faults of one connection, by its number as the engine's log has it. */

/* The newest connection that still stands at the server; 0: there is none. */
uint64_t sim_server_newest(const struct sim_server *server);
/* Does it stand there still? */
bool sim_server_holds(struct sim_server *server, uint64_t connection);

enum sim_end_kind { SIM_FIN, SIM_RST };

/* Bytes nobody asked for, behind what was already sent. */
void sim_inject(struct sim_server *server, uint64_t connection, struct rc_slice bytes);
void sim_drop_replies(struct sim_server *server, uint64_t connection, size_t count);
void sim_double_replies(struct sim_server *server, uint64_t connection, size_t count);
/* The next reply is `bytes` instead. */
void sim_replace_reply(struct sim_server *server, uint64_t connection, struct rc_slice bytes);
/* The next reply passes `alter` before it is sent. */
void sim_alter_reply(
    struct sim_server *server, uint64_t connection, void (*alter)(struct sim_bytes *reply));
/* The next two replies change places: the first waits for the second, or for `on` false. */
void sim_swap_replies(struct sim_server *server, uint64_t connection, bool on);
/* The server ends the connection after `bytes` more bytes of replies. */
void sim_cut_after(
    struct sim_server *server, uint64_t connection, size_t bytes, enum sim_end_kind how);
/* The server ends the connection now. */
void sim_end(struct sim_server *server, uint64_t connection, enum sim_end_kind how);
/* The server's thread for this one connection is stuck: its input waits, the others are served. */
void sim_stall(struct sim_server *server, uint64_t connection, bool on);
/* The server ends its direction alone; it goes on reading, and its replies go nowhere. */
void sim_half_close(struct sim_server *server, uint64_t connection);
/* The client's kernel gives up with `status` (-ETIMEDOUT); the server hears nothing of it. */
void sim_local_error(struct sim_server *server, uint64_t connection, int status);

#endif

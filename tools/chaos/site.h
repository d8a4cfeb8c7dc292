/* SPDX-License-Identifier: MIT */
#ifndef CHAOS_SITE_H
#define CHAOS_SITE_H

/* Where it all happens: real servers, a gate in front of each for every player, and the players,
 * which are processes of their own. Server 0 is the one that things happen to.
 *
 * In a network of our own (tools/chaos.sh makes it), the gates of a server have an address and a
 * name; else all of them are on 127.0.0.1. */

#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "book.h"
#include "gate.h"
#include "servers.h"

struct plan {
    unsigned servers;
    enum server_kind kind; /* of server 0 */
    bool mixed;            /* every other server is of the other kind */
    bool keeps;            /* server 0 can restart with what it had */
    unsigned players;
    const char *policy;
    const char *folder; /* for what servers keep */
    bool own_network;
};

struct player_process {
    pid_t pid;
    int orders;
    struct book *book;
    struct gate gates[SERVERS];
};

struct site {
    struct plan plan;
    uv_loop_t loop;
    struct server servers[SERVERS];
    uv_prepare_t prepare;
    struct gate_clock clock;
    char snapshot[128];   /* names of files that server 0 keeps */
    struct gate impostor; /* at another address, in front of a server of the other kind */
    struct shared *shared;
    int memory;
    struct player_process players[PLAYERS];
};

/* False: a line on stderr says why. site_close is due in any case. */
bool site_open(struct site *site, const struct plan *plan);
/* False: a client did not end as it should. */
bool site_close(struct site *site);

/* Run the gates for so long. */
void site_run(struct site *site, uint64_t ms);
/* Run the gates until the player has done what is ordered; false: it did not within 30 s. */
bool site_order(struct site *site, unsigned player, enum order order);
/* Run the gates until player 0 sees server 0 (`all`: all servers) out of service, or not, for `ms`
 * at most. */
bool site_awaits(struct site *site, bool out, bool all, uint64_t ms);
void site_kill_player(struct site *site, unsigned player);

/* What faults are made of: a line of faultd(1) for the gates of server 0 that player 0 uses, or of
 * all servers; server 0's restart; where its name leads; its address. */
bool site_gate(struct site *site, const char *line);
bool site_gates(struct site *site, const char *line);
bool site_end_server(struct site *site, int signal); /* waits until it is gone */
bool site_start_server(struct site *site);
enum lead { LEADS_HOME, LEADS_ASTRAY, LEADS_NOWHERE };
bool site_name(struct site *site, enum lead lead);
bool site_address(struct site *site, bool reachable);

#endif

/* SPDX-License-Identifier: MIT */
#include "faults.h"

#include <signal.h>
#include <stddef.h>

enum { FLAPS = 4, FLAP_MS = 100, MID_REPLY_MS = 20, RESTART_MS = 2500 };

static bool refuse(struct site *site)
{
    return site_gate(site, "refuse") && site_gate(site, "reset");
}

static bool accept_again(struct site *site)
{
    return site_gate(site, "heal") && site_gate(site, "accept");
}

static bool vanish(struct site *site)
{
    return site_address(site, false);
}

static bool reappear(struct site *site)
{
    return site_address(site, true);
}

static bool stop(struct site *site)
{
    server_pause(&site->servers[0]);
    return true;
}

static bool resume(struct site *site)
{
    server_resume(&site->servers[0]);
    return true;
}

static bool die(struct site *site)
{
    return refuse(site) && site_end_server(site, SIGKILL);
}

static bool restart(struct site *site)
{
    return site_start_server(site) && accept_again(site);
}

static bool die_in_mid_reply(struct site *site)
{
    bool cut = site_gate(site, "after 7 bytes of each reply reset");
    site_run(site, MID_REPLY_MS);
    return cut && die(site);
}

static bool flap(struct site *site)
{
    bool done = true;
    for (unsigned i = 0; i < FLAPS; i++) {
        done = done && refuse(site);
        site_run(site, FLAP_MS);
        done = done && accept_again(site);
        site_run(site, FLAP_MS);
    }
    return done && refuse(site);
}

static bool all_die(struct site *site)
{
    return site_gates(site, "refuse") && site_gates(site, "reset");
}

static bool all_accept(struct site *site)
{
    return site_gates(site, "accept");
}

/* Every answer comes behind its deadline. */
static bool all_slow(struct site *site)
{
    return site_gates(site, "latency 150ms");
}

static bool all_quick(struct site *site)
{
    return site_gates(site, "heal");
}

/* Its connections end, and its name leads to a machine where another program listens. */
static bool lead_astray(struct site *site)
{
    return site_name(site, LEADS_ASTRAY) && site_gate(site, "reset");
}

static bool lead_nowhere(struct site *site)
{
    return site_name(site, LEADS_NOWHERE) && site_gate(site, "reset");
}

static bool lead_home(struct site *site)
{
    return site_name(site, LEADS_HOME);
}

/* A Redis writes its snapshot when it is asked to end, a memcached closes its memory's file. */
static bool end_orderly(struct site *site)
{
    const bool redis = site->servers[0].kind == SERVER_REDIS;
    return refuse(site) && site_end_server(site, redis ? SIGTERM : SIGUSR1);
}

/* A memcached takes its memory back only when its clock, which is coarse, has passed the time at
 * which it ended. */
static bool restart_full(struct site *site)
{
    if (site->servers[0].kind == SERVER_MEMCACHED)
        site_run(site, RESTART_MS);
    return restart(site);
}

static const struct fault_case cases[] = {
    {"refused", QUICK, refuse, accept_again},
    {"blackholed", OWN_NETWORK | SOFT, vanish, reappear},
    {"stopped", QUICK | SOFT, stop, resume},
    {"killed in mid-reply", 0, die_in_mid_reply, restart},
    {"flapping", 0, flap, accept_again},
    {"all dead", EVERYWHERE, all_die, all_accept},
    {"all slow", EVERYWHERE | STAYS_IN, all_slow, all_quick},
    {"wrong DNS", OWN_NETWORK, lead_astray, lead_home},
    {"DNS hanging", OWN_NETWORK, lead_nowhere, lead_home},
    {"restarted empty", 0, die, restart},
    {"restarted full", QUICK | KEEPS, end_orderly, restart_full},
};

const struct fault_case *fault_case_at(unsigned index)
{
    return index < sizeof cases / sizeof *cases ? &cases[index] : NULL;
}

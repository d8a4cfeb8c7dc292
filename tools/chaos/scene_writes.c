/* SPDX-License-Identifier: MIT */
/* A server that misses writes, twice over, and two processes of which one misses what the other
 * sees. */
#include <signal.h>
#include <stddef.h>

#include "scenes.h"

enum { NOTICE_MS = 2000, RETURN_MS = 10 * 1000 };

/* ---- missed writes ---- */

enum { RETRIED, WINDOW, AT_ONCE, STALE_FIRST, STALE_SECOND, WRONG, MISSED, CHECKED, FIGURES };
_Static_assert((int)FIGURES <= (int)FIGURES_MAX, "a row has room");

static const char *const labels[] = {"missed writes", "server", "policy", NULL};

static const struct figure figures[FIGURES] = {
    [RETRIED] = {"failed in the window", FIGURE_MEDIAN, 0, -1},
    [WINDOW] = {"window ms", FIGURE_MEDIAN, 1, 1000},
    [AT_ONCE] = {"failed at once", FIGURE_MEDIAN, 0, -1},
    [STALE_FIRST] = {"stale after the first", FIGURE_WORST, 0, 0},
    [STALE_SECOND] = {"stale after the second", FIGURE_WORST, 0, 0},
    [WRONG] = {"wrong", FIGURE_WORST, 0, 0},
    [MISSED] = {"missed", FIGURE_MEDIAN, 0, -1},
    [CHECKED] = {"checked", FIGURE_SUM, 0, -1},
};

static const struct table missed_writes = {
    .title = "Five servers, one of which misses writes, twice",
    .labels = labels,
    .figures = figures,
    .count = FIGURES,
};

struct absence {
    const char *name;
    enum server_kind kind;
    bool keeps, restarts;
};

static const struct absence absences[] = {
    {"stopped", SERVER_MEMCACHED, false, false},
    {"stopped, default save", SERVER_REDIS, true, false},
    {"restarted from its snapshot", SERVER_REDIS, true, true},
};
enum { ABSENCES = sizeof absences / sizeof *absences };

static bool leave(struct site *site, const struct absence *absence)
{
    if (absence->restarts)
        return site_gate(site, "refuse") && site_gate(site, "reset") &&
               site_end_server(site, SIGTERM);
    server_pause(&site->servers[0]);
    return true;
}

static bool come_back(struct site *site, const struct absence *absence)
{
    if (absence->restarts)
        return site_start_server(site) && site_gate(site, "accept");
    server_resume(&site->servers[0]);
    return true;
}

/* The server is away while all keys are written, or read, and comes back. */
static bool away(
    struct site *site, const struct absence *absence, enum order meanwhile, double run[FIGURES_MAX])
{
    const struct book *book = site->players[0].book;
    const uint64_t failed = book->failed, at_once = book->at_once, since_ns = uv_hrtime();
    if (!leave(site, absence) || !site_order(site, 0, meanwhile))
        return false;
    if (book->last_failure_ns > since_ns) {
        const double window_ms = (double)(book->last_failure_ns - since_ns) / 1e6;
        run[WINDOW] = window_ms > run[WINDOW] ? window_ms : run[WINDOW];
    }
    run[AT_ONCE] += (double)(book->at_once - at_once);
    run[RETRIED] += (double)(book->failed - failed) - (double)(book->at_once - at_once);
    return site_awaits(site, true, false, NOTICE_MS) && come_back(site, absence) &&
           site_awaits(site, false, false, RETURN_MS);
}

static bool play_missed(struct site *site, const struct absence *absence, double run[FIGURES_MAX])
{
    const struct book *book = site->players[0].book;
    if (!site_order(site, 0, ORDER_WRITE) || !away(site, absence, ORDER_WRITE, run) ||
        !site_order(site, 0, ORDER_READ))
        return false;
    run[STALE_FIRST] = (double)book->stale;
    if (!site_order(site, 0, ORDER_WRITE) || !away(site, absence, ORDER_READ, run) ||
        !site_order(site, 0, ORDER_READ))
        return false;
    run[STALE_SECOND] = (double)book->stale - run[STALE_FIRST];
    run[WRONG] = (double)book->wrong;
    run[MISSED] = (double)book->missed;
    run[CHECKED] = (double)book->checked;
    return true;
}

static bool play_absence(struct stage *stage, const struct absence *absence, const char *policy)
{
    const struct plan plan = {
        .servers = SERVERS,
        .kind = absence->kind,
        .keeps = absence->keeps,
        .players = 1,
        .policy = policy,
        .folder = stage->folder,
        .own_network = stage->own_network,
    };
    const char *const words[] = {
        absence->name, plan.kind == SERVER_REDIS ? "Redis" : "memcached", policy};
    double runs[RUNS_MAX][FIGURES_MAX] = {{0}};
    bool fine = true;
    for (unsigned i = 0; fine && i < stage->runs; i++) {
        struct site site;
        fine = site_open(&site, &plan) && play_missed(&site, absence, runs[i]);
        fine &= site_close(&site);
    }
    if (fine)
        report_row(&stage->report, &missed_writes, words, runs, stage->runs);
    return fine;
}

bool scene_missed_writes(struct stage *stage, const char *policy)
{
    bool fine = true;
    report_begin(&stage->report, &missed_writes);
    for (unsigned i = 0; fine && i < ABSENCES; i++)
        fine = play_absence(stage, &absences[i], policy);
    return fine;
}

/* ---- two processes ---- */

enum { BEFORE, MEANWHILE, AFTER, BEREFT, PROCESS_FIGURES };

static const char *const process_labels[] = {"two processes", "server", "policy", NULL};

/* How often the reader gets what the writer meant to be gone, of all keys. Nothing bounds the
 * middle one and the last: they show what is not promised. */
static const struct figure process_figures[PROCESS_FIGURES] = {
    [BEFORE] = {"before", FIGURE_WORST, 0, 0},
    [MEANWHILE] = {"while the writer is cut off", FIGURE_MEDIAN, 0, -1},
    [AFTER] = {"once it was back", FIGURE_WORST, 0, 0},
    [BEREFT] = {"when it died instead", FIGURE_MEDIAN, 0, -1},
};

static const struct table two_processes = {
    .title = "Stale reads of a process that still reaches a server which the writing one does not",
    .labels = process_labels,
    .figures = process_figures,
    .count = PROCESS_FIGURES,
};

/* Of one reading of all keys by the second process. */
static bool read_all(struct site *site, double *stale)
{
    const struct book *book = site->players[1].book;
    const uint64_t before = book->stale;
    bool fine = site_order(site, 1, ORDER_READ);
    *stale = (double)(book->stale - before);
    return fine;
}

/* The writer alone is cut off from server 0, and writes all keys. */
static bool cut_off(struct site *site)
{
    return site_gate(site, "refuse") && site_gate(site, "reset") &&
           site_order(site, 0, ORDER_WRITE) && site_awaits(site, true, false, NOTICE_MS);
}

static bool play_two(struct site *site, double run[FIGURES_MAX])
{
    bool fine = site_order(site, 0, ORDER_WRITE) && read_all(site, &run[BEFORE]) && cut_off(site) &&
                read_all(site, &run[MEANWHILE]) && site_gate(site, "accept") &&
                site_awaits(site, false, false, RETURN_MS) && read_all(site, &run[AFTER]) &&
                site_order(site, 0, ORDER_WRITE) && cut_off(site);
    site_kill_player(site, 0);
    return fine && site_gate(site, "accept") && read_all(site, &run[BEREFT]);
}

bool scene_two_processes(struct stage *stage, const char *policy)
{
    bool fine = true;
    report_begin(&stage->report, &two_processes);
    for (unsigned kind = 0; fine && kind < 2; kind++) {
        const struct plan plan = {
            .servers = SERVERS,
            .kind = kind == 0 ? SERVER_MEMCACHED : SERVER_REDIS,
            .players = PLAYERS,
            .policy = policy,
            .folder = stage->folder,
            .own_network = stage->own_network,
        };
        const char *const words[] = {"one cut off", kind == 0 ? "memcached" : "Redis", policy};
        double runs[RUNS_MAX][FIGURES_MAX] = {{0}};
        for (unsigned i = 0; fine && i < stage->runs; i++) {
            struct site site;
            fine = site_open(&site, &plan) && play_two(&site, runs[i]);
            fine &= site_close(&site);
        }
        if (fine)
            report_row(&stage->report, &two_processes, words, runs, stage->runs);
    }
    return fine;
}

/* SPDX-License-Identifier: MIT */
/* Every fault, under traffic: how soon it is noticed, what it costs, and how soon it is over. */
#include <stdio.h>
#include <string.h>

#include "faults.h"
#include "scenes.h"

enum { WARM_MS = 300, OUTAGE_MS = 1000, NOTICE_MS = 2000, RETURN_MS = 10 * 1000, AFTER_MS = 300 };
enum { RING = 4 };

enum {
    DETECT,
    FAILED,
    SHARE,
    IN_VAIN,
    READMIT,
    STALL,
    STALE,
    WRONG,
    CHECKED,
    FIGURES,
};
_Static_assert((int)FIGURES <= (int)FIGURES_MAX, "a row has room");

static const char *const labels[] = {"fault", "server", "policy", NULL};

/* Silence is judged after two timeouts and a little, an end of service by evidence at once. */
static const struct figure in_full[FIGURES] = {
    [DETECT] = {"detect ms", FIGURE_MEDIAN, 1, 1000},
    [FAILED] = {"failed", FIGURE_MEDIAN, 0, -1},
    [SHARE] = {"percent of all", FIGURE_MEDIAN, 1, -1},
    [IN_VAIN] = {"sent while down", FIGURE_WORST, 0, 0},
    [READMIT] = {"readmit ms", FIGURE_MEDIAN, 1, 5000},
    [STALL] = {"stall ms", FIGURE_MEDIAN, 1, 5},
    [STALE] = {"stale", FIGURE_WORST, 0, 0},
    [WRONG] = {"wrong", FIGURE_WORST, 0, 0},
    [CHECKED] = {"checked", FIGURE_SUM, 0, -1},
};

/* What the book says at a moment. */
struct moment {
    uint64_t answered, failed, ns;
};

static struct moment moment_of(const struct book *book)
{
    return (struct moment){.answered = book->answered, .failed = book->failed, .ns = uv_hrtime()};
}

static double ms_between(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? (double)(to_ns - from_ns) / 1e6 : 0;
}

static void mark(struct site *site, void (*gate)(struct gate *gate))
{
    for (unsigned i = 0; i < site->plan.servers; i++)
        gate(&site->players[0].gates[i]);
}

/* When the first outage behind a moment was noticed; none where none had to be. */
static double detected(const struct site *site, const struct fault_case *fault, uint64_t since_ns)
{
    const struct fate *fate = &site->players[0].book->fates[0];
    if (fate->outages > 0)
        return ms_between(since_ns, fate->first_out_ns);
    return (fault->traits & STAYS_IN) != 0 ? NO_FIGURE : (double)NOTICE_MS;
}

/* Strike, and wait until it was noticed; the time that took into `*ms`. */
static bool outage(struct site *site, const struct fault_case *fault, double *ms)
{
    const uint64_t begin_ns = uv_hrtime();
    mark(site, gate_strike);
    if (!fault->strike(site))
        return false;
    if ((fault->traits & STAYS_IN) == 0)
        site_awaits(site, true, false, NOTICE_MS);
    *ms = detected(site, fault, begin_ns);
    const double passed_ms = ms_between(begin_ns, uv_hrtime());
    if (passed_ms < (double)OUTAGE_MS)
        site_run(site, OUTAGE_MS - (uint64_t)passed_ms);
    return true;
}

/* The end of the fault, and how long the client took to believe it. */
static bool recovery(struct site *site, const struct fault_case *fault, double *ms)
{
    if (!fault->heal(site))
        return false;
    const uint64_t begin_ns = uv_hrtime();
    mark(site, gate_heal);
    const bool was_out = site->players[0].book->fates[0].outages > 0;
    const bool back = site_awaits(site, false, true, RETURN_MS);
    *ms = ms_between(begin_ns, back ? site->players[0].book->fates[0].back_ns : uv_hrtime());
    if (!was_out)
        *ms = NO_FIGURE;
    site_run(site, AFTER_MS);
    return true;
}

static void keep_figures(
    const struct site *site, struct moment from, struct moment to, double figures[FIGURES_MAX])
{
    const struct player_process *player = &site->players[0];
    const struct book *book = player->book;
    const uint64_t answered = to.answered - from.answered;
    uint64_t in_vain = site->impostor.requests;
    for (unsigned i = 0; i < site->plan.servers; i++)
        in_vain += player->gates[i].in_vain;
    figures[FAILED] = (double)(to.failed - from.failed);
    figures[SHARE] = answered > 0 ? 100 * figures[FAILED] / (double)answered : 0;
    figures[IN_VAIN] = (double)in_vain;
    figures[STALL] = (double)book->stall_ns / 1e6;
    figures[STALE] = (double)book->stale;
    figures[WRONG] = (double)book->wrong;
    figures[CHECKED] = (double)book->checked;
}

/* A proxy that recognises no request would find none in vain, either. */
static bool counter_counts(const struct site *site)
{
    if (site->players[0].gates[0].requests > 0)
        return true;
    fputs("chaos: the proxy has recognised no request\n", stderr);
    return false;
}

static bool play(struct site *site, const struct fault_case *fault, double figures[FIGURES_MAX])
{
    struct book *book = site->players[0].book;
    if (!site_order(site, 0, ORDER_WRITE) || !site_order(site, 0, ORDER_TRAFFIC))
        return false;
    site_run(site, WARM_MS);
    book->stall_ns = 0;
    const struct moment from = moment_of(book);
    if (!outage(site, fault, &figures[DETECT]))
        return false;
    const struct moment to = moment_of(book);
    if (!recovery(site, fault, &figures[READMIT]) || !site_order(site, 0, ORDER_REST) ||
        !site_order(site, 0, ORDER_READ))
        return false;
    keep_figures(site, from, to, figures);
    return counter_counts(site);
}

static bool play_runs(struct stage *stage, const struct plan *plan, const struct fault_case *fault,
    double (*runs)[FIGURES_MAX])
{
    bool fine = true;
    for (unsigned i = 0; fine && i < stage->runs; i++) {
        struct site site;
        fine = site_open(&site, plan) && play(&site, fault, runs[i]);
        fine &= site_close(&site);
    }
    return fine;
}

static bool play_row(struct stage *stage, const struct table *table, const struct fault_case *fault,
    const struct plan *plan)
{
    const char *const words[] = {
        fault->name, plan->kind == SERVER_REDIS ? "Redis" : "memcached", plan->policy};
    double runs[RUNS_MAX][FIGURES_MAX] = {{0}};
    if (!play_runs(stage, plan, fault, runs))
        return false;
    report_row(&stage->report, table, words, runs, stage->runs);
    return true;
}

static bool play_fault(struct stage *stage, const struct table *table,
    const struct fault_case *fault, const char *policy)
{
    struct plan plan = {
        .servers = RING,
        .mixed = true,
        .keeps = (fault->traits & KEEPS) != 0,
        .players = 1,
        .policy = policy,
        .folder = stage->folder,
        .own_network = stage->own_network,
    };
    if ((fault->traits & OWN_NETWORK) != 0 && !stage->own_network) {
        report_left_out(&stage->report, fault->name, "it needs a network of its own");
        return true;
    }
    plan.kind = stage->quick ? SERVER_REDIS : SERVER_MEMCACHED;
    bool fine = play_row(stage, table, fault, &plan);
    plan.kind = SERVER_REDIS;
    return fine && (stage->quick || play_row(stage, table, fault, &plan));
}

bool scene_faults(struct stage *stage, const char *policy)
{
    struct figure figures[FIGURES];
    const struct table table = {
        .title = "Faults under traffic", .labels = labels, .figures = figures, .count = FIGURES};
    const struct fault_case *fault;
    bool fine = true;
    memcpy(figures, in_full, sizeof figures);
    /* Spares are only asked elsewhere than the next servers of the ring are: a few faults tell. */
    bool few = stage->quick || strcmp(policy, "gutter") == 0;
    if (stage->quick)
        figures[STALL].most = -1;
    report_begin(&stage->report, &table);
    for (unsigned i = 0; fine && (fault = fault_case_at(i)) != NULL; i++)
        if (!few || (fault->traits & QUICK) != 0)
            fine = play_fault(stage, &table, fault, policy);
    return fine;
}

/* SPDX-License-Identifier: MIT */
/* What happens to the cache, and what is claimed of it. The bounds of the claims are wide enough
 * for a slow machine, and far from what a fault would look like. */
#include "demo.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VICTIM = 4, NEWCOMER = AT_FIRST };

static double ms_between(uint64_t from_ns, uint64_t to_ns)
{
    return to_ns > from_ns ? (double)(to_ns - from_ns) / 1e6 : 0;
}

static double percent(double share)
{
    return 100 * share;
}

void scene_store_and_read(struct demo *demo)
{
    struct load *load = &demo->load;
    struct report *report = &demo->report;
    report_progress(report, "storing %d items, cut from %u files of real text (%.1f MB)", ITEMS,
        demo->texts.files, (double)demo->texts.len / 1e6);
    load_new_book(load);
    load_store_all(load);
    report_claim(report, load->book.answered == ITEMS && load->book.failed == 0,
        "%d items stored on %d servers, %" PRIu64 " failed", ITEMS, AT_FIRST, load->book.failed);

    load_new_book(load);
    uint64_t began_ns = uv_hrtime();
    load_get_all(load);
    double ms = ms_between(began_ns, uv_hrtime());
    struct book *book = &load->book;
    report_claim(report,
        book->answered == ITEMS && book->failed + book->refilled + book->wrong == 0,
        "all %d read back, every byte as stored (%.0f reads a second)", ITEMS,
        (double)ITEMS / (ms / 1e3));
}

/* How many items `server` answered for in the last sweep. */
static unsigned items_of(const struct load *load, const char *server)
{
    unsigned count = 0;
    for (unsigned i = 0; i < ITEMS; i++)
        count += strcmp(load->owner[i], server) == 0;
    return count;
}

void scene_shares(struct demo *demo)
{
    ringcache_ring *ring = ringcache_client_ring(demo->client);
    double worst = 0, apart = 0, ideal = 1.0 / (double)AT_FIRST;
    report_progress(&demo->report, "who holds what");
    printf("            %-12s %6s  %7s  %7s  %6s\n", "server", "items", "share", "ring's", "ideal");
    for (unsigned i = 0; i < AT_FIRST; i++) {
        unsigned items = items_of(&demo->load, demo->names[i]);
        double share = (double)items / (double)ITEMS, due = ringcache_ring_share(ring, i);
        printf("            %-12s %6u  %5.2f %%  %5.2f %%  %4.1f %%\n", demo->names[i], items,
            percent(share), percent(due), percent(ideal));
        worst = fmax(worst, fabs(share / ideal - 1));
        apart = fmax(apart, fabs(share - due));
    }
    ringcache_ring_unref(ring);
    report_claim(&demo->report, worst < 0.25,
        "no server is further from its ideal share than %.0f %% of it", percent(worst));
    report_claim(&demo->report, apart < 0.015,
        "the shares are those the ring has by arithmetic, within %.1f points", percent(apart));
}

void scene_kill(struct demo *demo)
{
    struct load *load = &demo->load;
    struct report *report = &demo->report;
    report_progress(report, "%d requests a second, then %s is killed", PER_TICK * 1000 / TICK_MS,
        demo->names[VICTIM]);
    load_new_book(load);
    load_start(load);
    demo_run(demo, 1000);
    report_claim(report, load->book.failed == 0 && load->book.answered > 0,
        "before the kill: %" PRIu64 " requests, %" PRIu64 " failed", load->book.answered,
        load->book.failed);

    snprintf(load->suspect, NAME_SIZE, "%s", demo->names[VICTIM]);
    load_new_book(load);
    uint64_t killed_ns = uv_hrtime();
    peer_kill(&demo->servers[VICTIM]);
    demo_run(demo, 2000);
    struct book *book = &load->book;
    double fast_ms = ms_between(killed_ns, book->first_fast_ns);
    report_claim(report, book->failed_fast > 0 && fast_ms < 100,
        "first request refused at once, without asking anybody, %.1f ms after the kill", fast_ms);
    report_claim(report, book->failed - book->failed_fast <= 50,
        "%" PRIu64 " requests lost with the server, %" PRIu64 " refused at once in 2 s of outage",
        book->failed - book->failed_fast, book->failed_fast);
    report_claim(report,
        book->elsewhere == 0 && book->refused == 0 && book->answered > book->failed,
        "%" PRIu64 " requests to the others went on, none failed", book->answered - book->failed);
}

void scene_bring_back(struct demo *demo)
{
    struct load *load = &demo->load;
    struct report *report = &demo->report;
    report_progress(report, "starting %s again, empty", demo->names[VICTIM]);
    demo->event_ns[RINGCACHE_EVENT_UP] = 0;
    bool started = demo_start_server(demo, VICTIM);
    uint64_t started_ns = uv_hrtime();
    bool up = started && demo_await(demo, RINGCACHE_EVENT_UP, 3000);
    double ms = ms_between(started_ns, demo->event_ns[RINGCACHE_EVENT_UP]);
    report_claim(report, up && ms <= 1200, "back in service %.0f ms after it answered again", ms);

    demo_run(demo, 20); /* what was refused before it came back has been told */
    load_new_book(load);
    demo_run(demo, 1000);
    load_stop(load);
    load_get_all(load);
    struct book *book = &load->book;
    report_claim(report, book->failed + book->refused + book->wrong == 0,
        "after its return: %" PRIu64 " requests, none failed; %" PRIu64 " lost items stored anew",
        book->answered, book->refilled);
    load->suspect[0] = '\0';
}

/* A configuration of the first `count` servers, as ring-inspect reads it. */
static bool write_config(const struct demo *demo, const char *path, unsigned count)
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return false;
    for (unsigned i = 0; i < count; i++) {
        char uri[PEER_URI_SIZE];
        fprintf(file, "server = %s\n", demo_uri(demo, i, uri));
    }
    return fclose(file) == 0;
}

/* A decimal fraction without a sign or an exponent. */
static double fraction(const char *digits)
{
    double value = 0, unit = 1;
    bool after_point = false;
    for (; (*digits >= '0' && *digits <= '9') || *digits == '.'; digits++) {
        after_point |= *digits == '.';
        if (*digits == '.')
            continue;
        unit = after_point ? unit / 10 : unit;
        value = after_point ? value + (*digits - '0') * unit : value * 10 + (*digits - '0');
    }
    return value;
}

/* The number after `"moved":` in what ring-inspect prints; -1 when there is none. */
static double moved_in(FILE *json)
{
    static const char name[] = "\"moved\":";
    char text[8192];
    size_t len = fread(text, 1, sizeof text - 1, json);
    text[len] = '\0';
    const char *found = strstr(text, name);
    if (found == NULL)
        return -1;
    found += strlen(name);
    return fraction(found + strspn(found, " "));
}

/* The share of keys that ring-inspect says will move when the newcomer joins. */
static double forecast(const struct demo *demo)
{
    char before[512], after[512], command[2048];
    snprintf(before, sizeof before, "%s/before.conf", demo->folder);
    snprintf(after, sizeof after, "%s/after.conf", demo->folder);
    snprintf(command, sizeof command, "'%s' --json diff '%s' '%s'", demo->inspect, before, after);
    if (!write_config(demo, before, AT_FIRST) || !write_config(demo, after, SERVERS))
        return -1;
    FILE *json = popen(command, "r");
    if (json == NULL)
        return -1;
    double moved = moved_in(json);
    return pclose(json) == 0 ? moved : -1;
}

/* Items whose owner is another than before the join, and those of them that went to the
 * newcomer. */
static unsigned count_moves(const struct demo *demo, unsigned *to_newcomer)
{
    unsigned moved = 0;
    *to_newcomer = 0;
    for (unsigned i = 0; i < ITEMS; i++) {
        bool differs = strcmp(demo->load.owner[i], demo->owner_of_six[i]) != 0;
        moved += differs;
        *to_newcomer += differs && strcmp(demo->load.owner[i], demo->names[NEWCOMER]) == 0;
    }
    return moved;
}

static void claim_moves(struct demo *demo, double expected, unsigned moved, unsigned to_newcomer)
{
    double share = (double)moved / (double)ITEMS;
    if (expected < 0)
        report_claim(&demo->report, false, "ring-inspect gave no forecast");
    report_claim(&demo->report, fabs(share - expected) < 0.01,
        "%.2f %% of the items moved; ring-inspect had forecast %.2f %%", percent(share),
        percent(expected));
    report_claim(&demo->report, moved > 0 && moved == to_newcomer,
        "%u items moved to the newcomer, %u between the others", to_newcomer, moved - to_newcomer);
}

void scene_join(struct demo *demo)
{
    struct load *load = &demo->load;
    char uri[PEER_URI_SIZE];
    unsigned to_newcomer;
    report_progress(
        &demo->report, "a seventh server, %s, joins under traffic", demo->names[NEWCOMER]);
    double expected = forecast(demo);
    memcpy(demo->owner_of_six, load->owner, sizeof demo->owner_of_six);
    load_new_book(load);
    load_start(load);
    demo_run(demo, 300);
    demo->event_ns[RINGCACHE_EVENT_RING_CHANGED] = 0;
    uint64_t asked_ns = uv_hrtime();
    int status = ringcache_server_add(demo->client, demo_uri(demo, NEWCOMER, uri));
    bool changed = status == 0 && demo_await(demo, RINGCACHE_EVENT_RING_CHANGED, 2000);
    double ms = ms_between(asked_ns, demo->event_ns[RINGCACHE_EVENT_RING_CHANGED]);
    demo_run(demo, 1000);
    load_stop(load);
    load_get_all(load);
    struct book *book = &load->book;
    report_claim(&demo->report, changed && book->failed + book->refused + book->wrong == 0,
        "joined in %.1f ms; %" PRIu64 " requests meanwhile, none failed", ms, book->answered);
    unsigned moved = count_moves(demo, &to_newcomer);
    claim_moves(demo, expected, moved, to_newcomer);
}

void scene_leave(struct demo *demo)
{
    struct load *load = &demo->load;
    unsigned to_newcomer;
    report_progress(&demo->report, "and leaves again, under traffic");
    load_new_book(load);
    load_start(load);
    demo_run(demo, 300);
    demo->event_ns[RINGCACHE_EVENT_REMOVED] = 0;
    uint64_t asked_ns = uv_hrtime();
    int status = ringcache_server_remove(demo->client, demo->names[NEWCOMER]);
    bool removed = status == 0 && demo_await(demo, RINGCACHE_EVENT_REMOVED, 2000);
    double ms = ms_between(asked_ns, demo->event_ns[RINGCACHE_EVENT_REMOVED]);
    demo_run(demo, 500);
    load_stop(load);
    load_get_all(load);
    struct book *book = &load->book;
    report_claim(&demo->report, removed && book->failed + book->refused + book->wrong == 0,
        "gone in %.1f ms; %" PRIu64 " requests meanwhile, none failed", ms, book->answered);
    unsigned elsewhere = count_moves(demo, &to_newcomer);
    report_claim(&demo->report, elsewhere == 0,
        "%u of %d items are back with the server that had them before the join", ITEMS - elsewhere,
        ITEMS);
}

/* SPDX-License-Identifier: MIT */
/* show: how the ring divides the keys, and how that of the spares, where there are some, divides
 * those whose owner is out. The ideal share of a server is its part of all weights; the fullest
 * server's share by its ideal is, with equal weights, the familiar max/mean. */

#include <inttypes.h>
#include <stdio.h>

#include "command.h"
#include "json.h"
#include "report.h"
#include "setup.h"
#include "table.h"

struct division {
    const ringcache_ring *ring;
    double weights; /* their sum */
    double fullest;
};

static double ideal(const struct division *division, size_t server)
{
    return ringcache_ring_weight(division->ring, server) / division->weights;
}

/* By how much the share misses the ideal, as a part of the ideal. */
static double deviation(const struct division *division, size_t server)
{
    return ringcache_ring_share(division->ring, server) / ideal(division, server) - 1;
}

static void divide(struct division *division)
{
    size_t count = ringcache_ring_server_count(division->ring);

    for (size_t i = 0; i < count; i++)
        division->weights += ringcache_ring_weight(division->ring, i);
    for (size_t i = 0; i < count; i++) {
        double fullness = 1 + deviation(division, i);
        if (fullness > division->fullest)
            division->fullest = fullness;
    }
}

static int print_servers(const struct division *division, const char *heading)
{
    const ringcache_ring *ring = division->ring;
    struct table table;

    table_init(&table, "lrrrrr");
    table_text(&table, heading);
    table_text(&table, "weight");
    table_text(&table, "points");
    table_text(&table, "share");
    table_text(&table, "ideal");
    table_text(&table, "deviation");
    for (size_t i = 0; i < ringcache_ring_server_count(ring); i++) {
        table_text(&table, ringcache_ring_server_name(ring, i));
        table_format(&table, "%" PRIu32, ringcache_ring_weight(ring, i));
        table_format(&table, "%zu", ringcache_ring_points(ring, i));
        table_percent(&table, ringcache_ring_share(ring, i));
        table_percent(&table, ideal(division, i));
        table_change(&table, deviation(division, i));
    }
    return table_print(&table);
}

static int print_text(const struct division *owners, const struct division *spares)
{
    int status = print_servers(owners, "server");

    printf("max/mean  %.3f\ndigest    %016" PRIx64 "\n", owners->fullest,
        ringcache_ring_digest(owners->ring));
    if (status != EXIT_DONE || ringcache_ring_server_count(spares->ring) == 0)
        return status;
    putchar('\n');
    return print_servers(spares, "spare");
}

static json_t *server_rows(const struct division *division)
{
    const ringcache_ring *ring = division->ring;
    json_t *rows = json_array();

    for (size_t i = 0; i < ringcache_ring_server_count(ring); i++) {
        json_t *row = json_joined(json_text("name", ringcache_ring_server_name(ring, i)),
            json_pack("{s:I, s:I, s:f, s:f, s:f}", "weight",
                (json_int_t)ringcache_ring_weight(ring, i), "points",
                (json_int_t)ringcache_ring_points(ring, i), "share", ringcache_ring_share(ring, i),
                "ideal", ideal(division, i), "deviation", deviation(division, i)));
        if (json_array_append_new(rows, row) != 0) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}

static int print_json(const struct division *owners, const struct division *spares)
{
    return json_print(json_pack("{s:o, s:f, s:o, s:o}", "servers", server_rows(owners), "max_mean",
        owners->fullest, "digest", json_digest(ringcache_ring_digest(owners->ring)), "spares",
        server_rows(spares)));
}

int run_show(const struct call *call)
{
    struct setup setup;
    int status = setup_open(&setup, call);

    if (status == EXIT_DONE) {
        struct division owners = {.ring = setup.ring}, spares = {.ring = setup.spares};
        divide(&owners);
        divide(&spares);
        status = call->json ? print_json(&owners, &spares) : print_text(&owners, &spares);
    }
    setup_close(&setup);
    return status;
}

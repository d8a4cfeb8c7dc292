/* SPDX-License-Identifier: MIT */
/* What moves between two rings, as text and as JSON. */

#include "moves.h"

#include <stdio.h>

#include "json.h"
#include "report.h"
#include "table.h"

enum { ROWS_WITHOUT_ALL = 20 };

struct move {
    const char *from; /* NULL: a ring without a server */
    const char *to;
    double share;
};

int moves_open(struct moves *moves, const ringcache_ring *from, const ringcache_ring *to)
{
    *moves = (struct moves){.from = from, .to = to};
    int status = ringcache_ring_diff(from, to, &moves->change);
    if (status == 0)
        return EXIT_DONE;
    if (status == RINGCACHE_ETOOBIG)
        complain("these rings differ in too many pairs of servers to list");
    else
        complain("%s", ringcache_strerror(status));
    return EXIT_LIVE;
}

void moves_close(struct moves *moves)
{
    ringcache_ring_change_free(moves->change);
}

static struct move move_at(const struct moves *moves, size_t index)
{
    size_t from = RINGCACHE_NONE, to = RINGCACHE_NONE;
    struct move move = {0};

    ringcache_ring_change_at(moves->change, index, &from, &to, &move.share);
    move.from = ringcache_ring_server_name(moves->from, from);
    move.to = ringcache_ring_server_name(moves->to, to);
    return move;
}

static int print_sums(const struct moves *moves)
{
    struct table table;

    table_init(&table, "lr");
    table_text(&table, "moved");
    table_percent(&table, ringcache_ring_change_moved(moves->change));
    table_text(&table, "ideal");
    table_percent(&table, ringcache_ring_change_ideal(moves->change));
    table_text(&table, "needless");
    table_percent(&table, ringcache_ring_change_needless(moves->change));
    int status = table_print(&table);
    if (!ringcache_ring_change_exact(moves->change))
        puts("not exact: the two rings hash keys differently, so their hashes are taken as "
             "independent");
    return status;
}

static void print_rest(const struct moves *moves, size_t shown)
{
    size_t count = ringcache_ring_change_count(moves->change);
    double share = 0;

    for (size_t i = shown; i < count; i++)
        share += move_at(moves, i).share;
    if (shown < count)
        printf("and %zu smaller, together %.3f%% (--all lists them)\n", count - shown, share * 100);
}

int moves_print(const struct moves *moves, bool all)
{
    size_t count = ringcache_ring_change_count(moves->change);
    size_t shown = all || count < ROWS_WITHOUT_ALL ? count : ROWS_WITHOUT_ALL;
    struct table table;
    int status = print_sums(moves);

    if (status != EXIT_DONE || count == 0)
        return status;
    putchar('\n');
    table_init(&table, "llr");
    table_text(&table, "from");
    table_text(&table, "to");
    table_text(&table, "share");
    for (size_t i = 0; i < shown; i++) {
        struct move move = move_at(moves, i);
        table_text(&table, move.from != NULL ? move.from : "(none)");
        table_text(&table, move.to != NULL ? move.to : "(none)");
        table_percent(&table, move.share);
    }
    status = table_print(&table);
    print_rest(moves, shown);
    return status;
}

static json_t *move_rows(const struct moves *moves)
{
    json_t *rows = json_array();

    for (size_t i = 0; i < ringcache_ring_change_count(moves->change); i++) {
        struct move move = move_at(moves, i);
        json_t *row =
            json_joined(json_joined(json_text("from", move.from), json_text("to", move.to)),
                json_pack("{s:f}", "share", move.share));
        if (json_array_append_new(rows, row) != 0) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}

json_t *moves_json(const struct moves *moves)
{
    const ringcache_ring_change *change = moves->change;

    return json_pack("{s:f, s:f, s:f, s:b, s:o, s:o, s:o}", "moved",
        ringcache_ring_change_moved(change), "ideal", ringcache_ring_change_ideal(change),
        "needless", ringcache_ring_change_needless(change), "exact",
        ringcache_ring_change_exact(change), "from_digest",
        json_digest(ringcache_ring_digest(moves->from)), "to_digest",
        json_digest(ringcache_ring_digest(moves->to)), "moves", move_rows(moves));
}

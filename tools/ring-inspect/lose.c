/* SPDX-License-Identifier: MIT */
/* lose: the ring with and without some of its servers. The second ring is built anew from what is
 * left of the configuration, so that the dialects whose points depend on the number of servers and
 * their weights are told truly. */

#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "json.h"
#include "moves.h"
#include "report.h"
#include "setup.h"
#include "table.h"

struct loss {
    const struct call *call;
    struct setup before; /* its configuration loses the servers, its ring stays */
    ringcache_ring *after;
    bool *lost; /* by index in the ring before */
};

/* One server before and after. */
struct heir {
    const char *name;
    double before;
    double after; /* 0 when lost */
    bool lost;
};

/* Survivors keep their order, so `*next`, the index after, moves on with each of them. */
static struct heir heir_at(const struct loss *loss, size_t index, size_t *next)
{
    struct heir heir = {ringcache_ring_server_name(loss->before.ring, index),
        ringcache_ring_share(loss->before.ring, index), 0, loss->lost[index]};

    if (!heir.lost)
        heir.after = ringcache_ring_share(loss->after, (*next)++);
    return heir;
}

static int print_text(const struct loss *loss, const struct moves *moves)
{
    struct table table;
    size_t next = 0;

    table_init(&table, "lrrr");
    table_text(&table, "server");
    table_text(&table, "before");
    table_text(&table, "after");
    table_text(&table, "gained");
    for (size_t i = 0; i < ringcache_ring_server_count(loss->before.ring); i++) {
        struct heir heir = heir_at(loss, i, &next);
        table_text(&table, heir.name);
        table_percent(&table, heir.before);
        if (heir.lost)
            table_text(&table, "lost");
        else
            table_percent(&table, heir.after);
        table_change(&table, heir.after - heir.before);
    }
    int status = table_print(&table);
    putchar('\n');
    return status == EXIT_DONE ? moves_print(moves, (loss->call->given & TAKES_ALL) != 0) : status;
}

static json_t *heir_rows(const struct loss *loss)
{
    json_t *rows = json_array();
    size_t next = 0;

    for (size_t i = 0; i < ringcache_ring_server_count(loss->before.ring); i++) {
        struct heir heir = heir_at(loss, i, &next);
        json_t *row = json_joined(json_text("name", heir.name),
            json_pack("{s:b, s:f, s:f, s:f}", "lost", (int)heir.lost, "before", heir.before,
                "after", heir.after, "gained", heir.after - heir.before));
        if (json_array_append_new(rows, row) != 0) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}

static int mark_lost(struct loss *loss)
{
    const struct call *call = loss->call;

    for (size_t i = 0; i < call->operand_count; i++) {
        size_t server = setup_find(&loss->before, call->operands[i]);
        if (server == RINGCACHE_NONE)
            return EXIT_USAGE;
        if (setup_is_spare(&loss->before, server)) {
            complain("%s is a spare server, which owns no key", call->operands[i]);
            return EXIT_USAGE;
        }
        loss->lost[server] = true;
    }
    return EXIT_DONE;
}

static int build_after(struct loss *loss)
{
    ringcache_config *config = loss->before.config;
    const ringcache_ring *ring = loss->before.ring;

    for (size_t i = 0; i < ringcache_ring_server_count(ring); i++) {
        const char *name = ringcache_ring_server_name(ring, i);
        int status = loss->lost[i] ? ringcache_config_remove_server(config, name) : 0;
        if (status != 0)
            return setup_complain(config, status);
    }
    int status = ringcache_ring_new(&loss->after, config);
    return status == 0 ? EXIT_DONE : setup_complain(config, status);
}

static int report(const struct loss *loss)
{
    struct moves moves;
    int status = moves_open(&moves, loss->before.ring, loss->after);

    if (status == EXIT_DONE && loss->call->json)
        status = json_print(
            json_joined(json_pack("{s:o}", "servers", heir_rows(loss)), moves_json(&moves)));
    else if (status == EXIT_DONE)
        status = print_text(loss, &moves);
    moves_close(&moves);
    return status;
}

static int lose(struct loss *loss)
{
    loss->lost = calloc(ringcache_ring_server_count(loss->before.ring), sizeof *loss->lost);
    if (loss->lost == NULL)
        return complain_memory();
    int status = mark_lost(loss);
    if (status == EXIT_DONE)
        status = build_after(loss);
    return status == EXIT_DONE ? report(loss) : status;
}

int run_lose(const struct call *call)
{
    struct loss loss = {.call = call};
    int status = setup_open(&loss.before, call);

    if (status == EXIT_DONE)
        status = lose(&loss);
    ringcache_ring_unref(loss.after);
    free(loss.lost);
    setup_close(&loss.before);
    return status;
}

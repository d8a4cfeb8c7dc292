/* SPDX-License-Identifier: MIT */
/* ping: how long each server takes to answer. A server is asked twice, because its first answer
 * includes making the connection; the second is the round trip alone, with nothing else going
 * on. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "report.h"
#include "session.h"
#include "table.h"

/* So many servers are asked at a time: at first, and when their round trips are taken. */
enum { FIRST_BATCH = 256, ROUND_TRIP_BATCH = 1 };

/* One server's answers. */
struct echo {
    struct session *session;
    const char *name;
    bool spare;
    int status;
    char *message; /* why it failed, or NULL */
    uint64_t asked_ns;
    uint64_t first_ns; /* 0: not yet */
    uint64_t round_trip_ns;
};

static void answered(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct echo *echo = user;
    uint64_t elapsed_ns = uv_hrtime() - echo->asked_ns;

    (void)client;
    echo->session->pending--;
    echo->status = reply->status;
    if (reply->status != RINGCACHE_OK)
        echo->message = strdup(reply->message);
    else if (echo->first_ns == 0)
        echo->first_ns = elapsed_ns;
    else
        echo->round_trip_ns = elapsed_ns;
}

static void ask(struct echo *echo)
{
    ringcache_client *client = echo->session->client;

    echo->asked_ns = uv_hrtime();
    int status = ringcache_ping(client, echo->name, answered, echo);

    if (status == 0) {
        echo->session->pending++;
        return;
    }
    echo->status = status;
    echo->message = strdup(ringcache_client_error(client));
}

static void ask_all(struct session *session, struct echo *echoes, size_t count, size_t batch)
{
    for (size_t i = 0; i < count; i++) {
        if (echoes[i].status == RINGCACHE_OK)
            ask(&echoes[i]);
        if ((i + 1) % batch == 0)
            session_wait(session);
    }
    session_wait(session);
}

static const char *message_of(const struct echo *echo)
{
    return echo->message != NULL ? echo->message : "";
}

static int print_text(const struct echo *echoes, size_t count)
{
    struct table table;

    table_init(&table, "lllrrl");
    table_text(&table, "server");
    table_text(&table, "role");
    table_text(&table, "status");
    table_text(&table, "first ms");
    table_text(&table, "round trip ms");
    table_text(&table, "reason");
    for (size_t i = 0; i < count; i++) {
        bool ok = echoes[i].status == RINGCACHE_OK;
        table_text(&table, echoes[i].name);
        table_text(&table, echoes[i].spare ? "spare" : "owner");
        table_text(&table, ringcache_err_name(echoes[i].status));
        table_format(&table, ok ? "%.3f" : "-", session_ms(echoes[i].first_ns));
        table_format(&table, ok ? "%.3f" : "-", session_ms(echoes[i].round_trip_ns));
        table_text(&table, message_of(&echoes[i]));
    }
    return table_print(&table);
}

static int print_json(const struct echo *echoes, size_t count)
{
    json_t *rows = json_array();
    bool good = true;

    for (size_t i = 0; i < count && good; i++) {
        json_t *row = json_joined(json_text("name", echoes[i].name),
            json_pack("{s:b, s:s}", "spare", (int)echoes[i].spare, "status",
                ringcache_err_name(echoes[i].status)));
        if (echoes[i].status == RINGCACHE_OK)
            row =
                json_joined(row, json_pack("{s:f, s:f}", "first_ms", session_ms(echoes[i].first_ns),
                                     "round_trip_ms", session_ms(echoes[i].round_trip_ns)));
        else
            row = json_joined(row, json_text("message", message_of(&echoes[i])));
        good = json_array_append_new(rows, row) == 0;
    }
    if (good)
        return json_print(rows);
    json_decref(rows);
    return complain_memory();
}

/* All servers, or those named. */
static int choose(struct session *session, const struct call *call, struct echo *echoes)
{
    const struct setup *setup = &session->setup;
    size_t named = call->operand_count;
    size_t count = named > 0 ? named : setup_server_count(setup);

    for (size_t i = 0; i < count; i++) {
        size_t server = named > 0 ? setup_find(setup, call->operands[i]) : i;
        if (server == RINGCACHE_NONE)
            return EXIT_USAGE;
        echoes[i].session = session;
        echoes[i].name = setup_server_name(setup, server);
        echoes[i].spare = setup_is_spare(setup, server);
    }
    return EXIT_DONE;
}

static int ping(struct session *session, const struct call *call)
{
    size_t count = call->operand_count;
    bool failed = false;

    if (count == 0)
        count = setup_server_count(&session->setup);
    struct echo *echoes = calloc(count, sizeof *echoes);
    if (echoes == NULL)
        return complain_memory();
    int status = choose(session, call, echoes);
    if (status == EXIT_DONE) {
        ask_all(session, echoes, count, FIRST_BATCH);
        ask_all(session, echoes, count, ROUND_TRIP_BATCH);
        status = call->json ? print_json(echoes, count) : print_text(echoes, count);
    }
    for (size_t i = 0; i < count; i++) {
        failed = failed || echoes[i].status != RINGCACHE_OK;
        free(echoes[i].message);
    }
    free(echoes);
    return status == EXIT_DONE && failed ? EXIT_LIVE : status;
}

int run_ping(const struct call *call)
{
    struct session session;
    int status = session_open(&session, call);

    if (status == EXIT_DONE)
        status = ping(&session, call);
    return session_close(&session, status);
}

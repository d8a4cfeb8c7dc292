/* SPDX-License-Identifier: MIT */
/* stats: the figures of a client, as the library writes them. This process has just been started
 * and has none, so it first asks every server once whether it answers. Or the servers' own figures,
 * in their own words. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringcache/server.h>
#include <ringcache/stats.h>

#include "command.h"
#include "json.h"
#include "report.h"
#include "session.h"
#include "survey.h"

/* So many servers are asked at a time. */
enum { BATCH = 256 };

static void answered(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct session *session = user;

    (void)client;
    session->pending--;
    if (reply->status == RINGCACHE_OK)
        return;
    complain("stats: %s: %s%s%s", reply->server, ringcache_err_name(reply->status),
        *reply->message != '\0' ? ": " : "", reply->message);
    session_note(session, EXIT_LIVE);
}

static int ask_all(struct session *session)
{
    int status = 0;

    for (size_t i = 0; i < setup_server_count(&session->setup) && status == 0; i++) {
        const char *name = setup_server_name(&session->setup, i);
        status = ringcache_ping(session->client, name, answered, session);
        session->pending += status == 0;
        if ((i + 1) % BATCH == 0)
            session_wait(session);
    }
    if (status != 0)
        return session_refused(session, status);
    session_wait(session);
    return EXIT_DONE;
}

static ringcache_format format_of(const struct call *call)
{
    if (call->json)
        return RINGCACHE_JSON;
    return (call->given & TAKES_PROMETHEUS) != 0 ? RINGCACHE_PROMETHEUS : RINGCACHE_TEXT;
}

/* A failed write is remembered by stdout and reported at the end. */
static int put(void *user, const void *bytes, size_t len)
{
    (void)user;
    return fwrite(bytes, 1, len, stdout) == len ? EXIT_DONE : EXIT_LIVE;
}

static int print(struct session *session, const struct call *call)
{
    int status = ringcache_stats_write(session->client, format_of(call), put, NULL);

    return status < 0 ? session_refused(session, status) : status;
}

static int count(const struct call *call)
{
    struct session session;
    int status = session_open(&session, call);

    if (status == EXIT_DONE)
        status = ask_all(&session);
    if (status == EXIT_DONE)
        status = print(&session, call);
    return session_close(&session, status);
}

/* ---- the servers' own ---- */

/* One line of an answer, "name value", and what is behind it. */
struct figure {
    const char *name, *value, *rest;
    size_t name_len, value_len;
};

static bool next_figure(const char *text, const char *end, struct figure *figure)
{
    if (text == end)
        return false;
    const char *feed = memchr(text, '\n', (size_t)(end - text));
    const char *blank = memchr(text, ' ', (size_t)(feed - text));

    *figure = (struct figure){.name = text,
        .value = blank + 1,
        .rest = feed + 1,
        .name_len = (size_t)(blank - text),
        .value_len = (size_t)(feed - blank - 1)};
    return true;
}

static int ask_own(ringcache_client *client, const struct call *call, struct answer *answer)
{
    return ringcache_server_stats(client, answer->name, call->section, survey_answered, answer);
}

static int print_figure(const char *server, const struct figure *figure)
{
    char *name = escape(figure->name, figure->name_len);
    char *value = escape(figure->value, figure->value_len);
    bool good = name != NULL && value != NULL;

    if (good)
        printf("%s\t%s\t%s\n", server, name, value);
    free(name);
    free(value);
    return good ? EXIT_DONE : complain_memory();
}

static int print_own(const struct answer *answer)
{
    struct figure figure = {.rest = answer->value};
    char *server = escape(answer->name, strlen(answer->name));
    int status = server != NULL ? EXIT_DONE : complain_memory();

    while (status == EXIT_DONE && next_figure(figure.rest, answer->value + answer->len, &figure))
        status = print_figure(server, &figure);
    free(server);
    return status;
}

static json_t *own_json(const struct answer *answer)
{
    struct figure figure = {.rest = answer->value};
    json_t *figures = json_object();

    while (figures != NULL && next_figure(figure.rest, answer->value + answer->len, &figure)) {
        char *name = escape(figure.name, figure.name_len);
        figures = json_joined(
            figures, name != NULL ? json_bytes(name, figure.value, figure.value_len) : NULL);
        free(name);
    }
    return figures != NULL ? json_pack("{s:o}", "figures", figures) : NULL;
}

static const struct survey own = {.ask = ask_own, .print = print_own, .json = own_json};

int run_stats(const struct call *call)
{
    if ((call->given & TAKES_SERVERS) != 0)
        return survey_run(call, &own);
    if (call->operand_count == 0)
        return count(call);
    complain("stats names servers with --servers alone");
    return EXIT_USAGE;
}

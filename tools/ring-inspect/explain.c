/* SPDX-License-Identifier: MIT */
/* explain: where a request for a key would go now, and why. This process has just been started and
 * knows nothing of the servers, so it first asks each candidate whether it answers. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringcache/stats.h>

#include "command.h"
#include "json.h"
#include "keys.h"
#include "report.h"
#include "session.h"
#include "table.h"

struct inquiry {
    const struct call *call;
    struct session session;
    bool further; /* not the first key */
};

struct view {
    const ringcache_ring *ring;
    const ringcache_explanation *explanation;
    const struct key *key;
};

static void answered(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct session *session = user;

    (void)client;
    (void)reply;
    session->pending--;
}

/* Ask every candidate; what comes of it shows in the next explanation. */
static void probe(struct session *session, const ringcache_explanation *explanation)
{
    for (size_t i = 0; i < ringcache_explanation_count(explanation); i++) {
        const char *name = ringcache_explanation_server(explanation, i);
        if (ringcache_ping(session->client, name, answered, session) == 0)
            session->pending++;
    }
    session_wait(session);
}

static double share_of(const ringcache_ring *ring, const char *name)
{
    for (size_t i = 0; i < ringcache_ring_server_count(ring); i++)
        if (strcmp(ringcache_ring_server_name(ring, i), name) == 0)
            return ringcache_ring_share(ring, i);
    return 0;
}

/* The server a request would be sent to, or NULL. */
static const char *target_name(const ringcache_explanation *explanation)
{
    if (ringcache_explanation_status(explanation) != 0)
        return NULL;
    return ringcache_explanation_server(explanation, ringcache_explanation_target(explanation));
}

static int print_facts(const struct view *view)
{
    const ringcache_explanation *explanation = view->explanation;
    const char *target = target_name(explanation);
    char *key = escape(view->key->bytes, view->key->len);
    struct table table;

    table_init(&table, "ll");
    table_text(&table, "key");
    table_format(&table, "%s", key != NULL ? key : "");
    table_text(&table, "hash");
    table_format(&table, "%08" PRIx32, ringcache_explanation_hash(explanation));
    table_text(&table, "digest");
    table_format(&table, "%016" PRIx64, ringcache_explanation_digest(explanation));
    table_text(&table, "owner");
    table_text(&table, ringcache_explanation_server(explanation, 0));
    table_text(&table, "asks");
    if (target != NULL)
        table_text(&table, target);
    else
        table_format(
            &table, "nobody: %s", ringcache_strerror(ringcache_explanation_status(explanation)));
    table.failed = table.failed || key == NULL;
    free(key);
    return table_print(&table);
}

static int print_text(const struct view *view)
{
    const ringcache_explanation *explanation = view->explanation;
    struct table table;
    int status = print_facts(view);

    if (status != EXIT_DONE)
        return status;
    putchar('\n');
    table_init(&table, "lllrl");
    table_text(&table, "candidate");
    table_text(&table, "role");
    table_text(&table, "state");
    table_text(&table, "share");
    table_text(&table, "reason");
    for (size_t i = 0; i < ringcache_explanation_count(explanation); i++) {
        const char *name = ringcache_explanation_server(explanation, i);
        table_text(&table, name);
        table_text(&table, ringcache_explanation_spare(explanation, i) ? "spare" : "owner");
        table_text(&table, ringcache_explanation_state(explanation, i));
        table_percent(&table, share_of(view->ring, name));
        table_text(&table, ringcache_explanation_reason(explanation, i));
    }
    return table_print(&table);
}

static json_t *candidate_rows(const struct view *view)
{
    const ringcache_explanation *explanation = view->explanation;
    json_t *rows = json_array();

    for (size_t i = 0; i < ringcache_explanation_count(explanation); i++) {
        const char *name = ringcache_explanation_server(explanation, i);
        json_t *row = json_joined(json_text("name", name),
            json_pack("{s:b, s:s, s:f}", "spare", ringcache_explanation_spare(explanation, i),
                "state", ringcache_explanation_state(explanation, i), "share",
                share_of(view->ring, name)));
        row = json_joined(row, json_text("reason", ringcache_explanation_reason(explanation, i)));
        if (json_array_append_new(rows, row) != 0) {
            json_decref(rows);
            return NULL;
        }
    }
    return rows;
}

static int print_json(const struct view *view)
{
    const ringcache_explanation *explanation = view->explanation;
    json_t *hash = json_sprintf("%08" PRIx32, ringcache_explanation_hash(explanation));
    json_t *digest = json_digest(ringcache_explanation_digest(explanation));
    const char *status = ringcache_err_name(ringcache_explanation_status(explanation));

    json_t *document = json_joined(json_bytes("key", view->key->bytes, view->key->len),
        json_pack("{s:o, s:o}", "hash", hash, "digest", digest));
    document =
        json_joined(document, json_text("owner", ringcache_explanation_server(explanation, 0)));
    document = json_joined(document, json_text("target", target_name(explanation)));
    return json_print_line(json_joined(
        document, json_pack("{s:s, s:o}", "status", status, "candidates", candidate_rows(view))));
}

static int print_view(struct inquiry *inquiry, const struct view *view)
{
    if (target_name(view->explanation) == NULL)
        session_note(&inquiry->session, EXIT_LIVE);
    if (inquiry->further && !inquiry->call->json)
        putchar('\n');
    inquiry->further = true;
    return inquiry->call->json ? print_json(view) : print_text(view);
}

static int explain(void *user, const struct key *key)
{
    struct inquiry *inquiry = user;
    struct session *session = &inquiry->session;
    ringcache_explanation *before = NULL, *now = NULL;

    int code = ringcache_explain(session->client, key->bytes, key->len, &before);
    if (code == RINGCACHE_EINVAL)
        return session_refused_key(session, key, inquiry->call->json);
    if (code == 0) {
        probe(session, before);
        code = ringcache_explain(session->client, key->bytes, key->len, &now);
    }
    int status = code == 0 ? EXIT_DONE : session_refused(session, code);
    if (status == EXIT_DONE)
        status = print_view(inquiry, &(struct view){session->setup.ring, now, key});
    ringcache_explanation_free(now);
    ringcache_explanation_free(before);
    return status;
}

int run_explain(const struct call *call)
{
    struct inquiry inquiry = {.call = call};
    int status = session_open(&inquiry.session, call);

    if (status == EXIT_DONE)
        status = keys_each(call->operands, call->operand_count, explain, &inquiry);
    return session_close(&inquiry.session, status);
}

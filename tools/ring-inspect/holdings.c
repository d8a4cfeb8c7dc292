/* SPDX-License-Identifier: MIT */
/* keys: what the servers hold, one server after the other, each key printed as it comes. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringcache/server.h>

#include "command.h"
#include "json.h"
#include "report.h"
#include "session.h"
#include "survey.h"

struct listing {
    const struct call *call;
    struct session session;
    const char *server;
    uint64_t printed; /* of all servers together */
    int status;       /* of printing */
};

static int print_text(const struct listing *listing, const ringcache_slice *key)
{
    char *server = escape(listing->server, strlen(listing->server));
    char *shown = escape(key->data, key->len);
    bool good = server != NULL && shown != NULL;

    if (good)
        printf("%s\t%s\n", server, shown);
    free(server);
    free(shown);
    return good ? EXIT_DONE : complain_memory();
}

static int print_json(const struct listing *listing, const ringcache_listed_key *key)
{
    json_t *document = json_joined(
        json_text("server", listing->server), json_bytes("key", key->key.data, key->key.len));

    if (key->ttl_ms != 0)
        document = json_joined(document, json_pack("{s:I}", "ttl_ms", (json_int_t)key->ttl_ms));
    return json_print_line(document);
}

/* Enough has been seen, or can be. */
static bool ended(const struct listing *listing)
{
    bool full = listing->call->limit > 0 && listing->printed == listing->call->limit;

    return full || listing->status != EXIT_DONE;
}

static int print_key(ringcache_client *client, const ringcache_listed_key *key, void *user)
{
    struct listing *listing = user;

    (void)client;
    listing->status =
        listing->call->json ? print_json(listing, key) : print_text(listing, &key->key);
    if (listing->status == EXIT_DONE && ferror(stdout))
        listing->status = EXIT_LIVE;
    listing->printed++;
    return ended(listing);
}

static void listed(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct listing *listing = user;

    (void)client;
    listing->session.pending--;
    if (reply->status == RINGCACHE_OK)
        return;
    complain("keys: %s: %s%s%s", reply->server, ringcache_err_name(reply->status),
        *reply->message != '\0' ? ": " : "", reply->message);
    session_note(&listing->session, EXIT_LIVE);
}

static int list_all(struct listing *listing)
{
    struct session *session = &listing->session;

    for (size_t i = 0; !ended(listing); i++) {
        listing->server = survey_name(session, listing->call, i);
        if (listing->server == NULL)
            break;
        int status =
            ringcache_server_keys(session->client, listing->server, print_key, listed, listing);
        if (status != 0)
            return session_refused(session, status);
        session->pending++;
        session_wait(session);
    }
    return listing->status;
}

int run_keys(const struct call *call)
{
    struct listing listing = {.call = call};
    int status = session_open(&listing.session, call);

    if (status == EXIT_DONE)
        status = survey_check_names(&listing.session, call);
    if (status == EXIT_DONE)
        status = list_all(&listing);
    return session_close(&listing.session, status);
}

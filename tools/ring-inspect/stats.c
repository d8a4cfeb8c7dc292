/* SPDX-License-Identifier: MIT */
/* stats: the figures of a client, as the library writes them. This process has just been started
 * and has none, so it first asks every server once whether it answers. */

#include <stdio.h>

#include <ringcache/stats.h>

#include "command.h"
#include "report.h"
#include "session.h"

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
    const ringcache_ring *ring = session->setup.ring;
    int status = 0;

    for (size_t i = 0; i < ringcache_ring_server_count(ring) && status == 0; i++) {
        const char *name = ringcache_ring_server_name(ring, i);
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

int run_stats(const struct call *call)
{
    struct session session;
    int status = session_open(&session, call);

    if (status == EXIT_DONE)
        status = ask_all(&session);
    if (status == EXIT_DONE)
        status = print(&session, call);
    return session_close(&session, status);
}

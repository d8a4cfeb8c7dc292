/* SPDX-License-Identifier: MIT */
/* Open, run and close a client on its own loop. */

#include "session.h"

#include <stdlib.h>

#include "report.h"

int session_open(struct session *session, const struct call *call)
{
    *session = (struct session){0};
    int status = setup_open(&session->setup, call);
    if (status != EXIT_DONE)
        return status;
    int code = uv_loop_init(&session->loop);
    if (code != 0) {
        complain("%s", ringcache_strerror(code));
        return EXIT_LIVE;
    }
    session->looping = true;
    code = ringcache_client_new(&session->client, &session->loop, session->setup.config);
    if (code == 0)
        return EXIT_DONE;
    if (code == RINGCACHE_ECONFIG)
        return setup_complain(session->setup.config, code);
    complain("%s", ringcache_strerror(code));
    return EXIT_LIVE;
}

void session_wait(struct session *session)
{
    while (session->pending > 0 && uv_run(&session->loop, UV_RUN_ONCE) != 0)
        continue;
}

static void closed(ringcache_client *client, void *user)
{
    struct session *session = user;

    (void)client;
    session->closed = true;
}

int session_close(struct session *session, int status)
{
    if (session->client != NULL) {
        ringcache_client_close(session->client, closed, session);
        while (!session->closed && uv_run(&session->loop, UV_RUN_ONCE) != 0)
            continue;
    }
    setup_close(&session->setup);
    if (session->looping && uv_loop_close(&session->loop) == UV_EBUSY) {
        /* A name is still being looked up; an ordinary exit would wait for the resolver. */
        status = finish_output(status);
        _Exit(status);
    }
    return status;
}

int session_refused(const struct session *session, int status)
{
    const char *text = ringcache_client_error(session->client);

    complain("%s", *text != '\0' ? text : ringcache_strerror(status));
    return status == RINGCACHE_EINVAL || status == RINGCACHE_ETOOBIG ? EXIT_USAGE : EXIT_LIVE;
}

double session_ms(uint64_t elapsed_ns)
{
    return (double)elapsed_ns / 1e6;
}

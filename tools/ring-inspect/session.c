/* SPDX-License-Identifier: MIT */
/* Open, run and close a client on its own loop. */

#include "session.h"

#include <stdlib.h>

#include "json.h"
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

void session_note(struct session *session, int status)
{
    if (status > session->worst)
        session->worst = status;
}

int session_close(struct session *session, int status)
{
    if (status == EXIT_DONE)
        status = session->worst;
    if (session->client != NULL) {
        ringcache_client_close(session->client, closed, session);
        while (!session->closed && uv_run(&session->loop, UV_RUN_ONCE) != 0)
            continue;
    }
    setup_close(&session->setup);
    if (session->looping)
        uv_loop_close(&session->loop);
    return status;
}

static const char *refusal(const struct session *session, int status)
{
    const char *text = ringcache_client_error(session->client);

    return *text != '\0' ? text : ringcache_strerror(status);
}

int session_refused(const struct session *session, int status)
{
    bool asked_wrong =
        status == RINGCACHE_ETOOBIG || status == RINGCACHE_EINVAL || status == RINGCACHE_ENOTSUP;

    complain("%s", refusal(session, status));
    return asked_wrong ? EXIT_USAGE : EXIT_LIVE;
}

int session_refused_key(struct session *session, const struct key *key, bool json)
{
    const char *text = refusal(session, RINGCACHE_EINVAL);

    session_note(session, EXIT_USAGE);
    if (key->line > 0)
        complain("line %zu: %s", key->line, text);
    else
        complain("%s", text);
    if (!json)
        return EXIT_DONE;
    json_t *document = json_joined(json_bytes("key", key->bytes, key->len),
        json_pack("{s:s}", "status", ringcache_err_name(RINGCACHE_EINVAL)));
    if (key->line > 0)
        document = json_joined(document, json_pack("{s:I}", "line", (json_int_t)key->line));
    return json_print_line(json_joined(document, json_text("message", text)));
}

double session_ms(uint64_t elapsed_ns)
{
    return (double)elapsed_ns / 1e6;
}

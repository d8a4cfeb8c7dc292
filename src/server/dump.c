/* SPDX-License-Identifier: MIT */
#include "server/dump.h"

#include <string.h>

#include "server/server.h"

/* Between two questions to a crawler that is at work for somebody else. */
enum { PAUSE_MS = 100 };

void rc_dump_end(struct rc_dump *dump)
{
    rc_env_disarm(dump->server->env, &dump->pause);
    rc_conn_free(dump->conn);
    dump->conn = NULL;
}

static void finish(struct rc_dump *dump, int status, struct rc_slice why)
{
    size_t len = why.len < sizeof dump->why - 1 ? why.len : sizeof dump->why - 1;
    if (len > 0) {
        memcpy(dump->why, why.data, len);
    }
    dump->why[len] = '\0';
    dump->status = status;
    rc_dump_end(dump);
}

static void ask(struct rc_dump *dump)
{
    const struct rc_command command = {.verb = RC_VERB_KEYS};
    int rc = rc_conn_ask(dump->conn, &command);
    if (rc < 0) {
        finish(dump, rc, rc_slice_text(ringcache_strerror(rc)));
    }
}

static void pause_over(struct rc_deadline *deadline, uint64_t now_ms)
{
    (void)now_ms;
    ask(rc_container(deadline, struct rc_dump, pause));
}

/* The server's own crawls are put off for a while once it has said that it is busy. */
static bool ask_later(struct rc_dump *dump)
{
    struct rc_env *env = dump->server->env;
    uint64_t again_ms = rc_env_now_ms(env) + PAUSE_MS;
    if (again_ms > dump->asked_ms + env->timeout_ms) {
        return false;
    }
    rc_env_arm(env, &dump->pause, again_ms);
    return true;
}

/* ---- what the connection tells ---- */

static void on_ready(struct rc_conn *conn)
{
    struct rc_dump *dump = conn->owner;
    dump->asked_ms = rc_env_now_ms(conn->env);
    ask(dump);
}

static void on_failed(struct rc_conn *conn, int status, const char *why)
{
    bool telling = status == RINGCACHE_EAUTH || status == RINGCACHE_ENOTSUP;
    finish(conn->owner, telling ? status : RINGCACHE_ECONNECT, rc_slice_text(why));
}

static void on_ended(struct rc_conn *conn, int status, const char *why)
{
    (void)status;
    finish(conn->owner, RINGCACHE_ECONNECT, rc_slice_text(why));
}

static void on_distrusted(struct rc_conn *conn, int status, const char *why)
{
    finish(conn->owner, status, rc_slice_text(why));
}

static void on_silent(struct rc_conn *conn)
{
    finish(conn->owner, RINGCACHE_ETIMEDOUT, rc_slice_text("silent before the end of its keys"));
}

static void on_news(struct rc_conn *conn)
{
    (void)conn; /* nothing waits for it here */
}

static void on_answered(struct rc_conn *conn, const struct rc_answer *answer)
{
    struct rc_dump *dump = conn->owner;
    if (answer->more) {
        dump->lines = answer->value;
    } else if (!answer->again || !ask_later(dump)) {
        finish(dump, answer->status, answer->message);
    }
}

static const struct rc_conn_events conn_events = {
    .ready = on_ready,
    .failed = on_failed,
    .ended = on_ended,
    .distrusted = on_distrusted,
    .silent = on_silent,
    .spoke = on_news,
    .room = on_news,
    .answered = on_answered,
};

void rc_dump_begin(struct rc_dump *dump, struct rc_server *server)
{
    struct rc_env *env = server->env;
    *dump = (struct rc_dump){.server = server};
    rc_deadline_init(&dump->pause, pause_over);
    if (!rc_server_available(server)) {
        finish(dump, server->down_status, rc_slice_text(rc_text_bytes(server->reason)));
        return;
    }
    server->counts.connects++;
    dump->conn = rc_conn_open(env, &server->backend, &conn_events, dump, env->connect_timeout_ms);
    if (dump->conn == NULL) {
        finish(dump, RINGCACHE_ECONNECT, rc_slice_text("no connection could be begun"));
    }
}

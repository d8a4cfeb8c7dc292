/* SPDX-License-Identifier: MIT */
#include "server/doubt.h"

#include "server/sweep.h"

static struct rc_conn *conn_of(struct rc_list *node)
{
    return rc_container(node, struct rc_conn, link);
}

static size_t count_keys(const struct rc_server *server)
{
    size_t count = 0;
    for (struct rc_list *node = server->old.next; node != &server->old; node = node->next) {
        count += conn_of(node)->doubt.count;
    }
    return count;
}

/* As many as all connections of one generation can have left unanswered. */
static size_t most_keys(const struct rc_server *server)
{
    return (size_t)server->env->max_inflight * server->lane_count;
}

bool rc_doubt_begin(struct rc_server *server, struct rc_conn *conn)
{
    if (conn->owed_raw || server->journal.limit == 0 ||
        rc_key_index_init(&conn->doubt, &conn->keys) < 0) {
        return false;
    }
    if (count_keys(server) > most_keys(server)) {
        rc_key_index_deinit(&conn->doubt);
        return false;
    }
    server->env->budget.used += rc_key_index_bytes(&conn->doubt);
    conn->doubted = true;
    return true;
}

void rc_doubt_tell(struct rc_server *server, struct rc_conn *conn)
{
    if (rc_key_log_len(&conn->keys) > 0 && !rc_told_is(&conn->told)) {
        server->events->begin_doubt(server, conn);
        server->env->budget.used += rc_told_bytes(&conn->told);
    }
}

/* Whatever is there goes: what the key was last written with may have been carried out or not. */
static void delete_all(struct rc_server *server, const struct rc_conn *conn)
{
    if (conn->told.all && !server->closing) {
        rc_server_hear_gap(server); /* nobody knows the keys any more */
    }
    const struct rc_key_index *keys = conn->told.index.count > 0 ? &conn->told.index : &conn->doubt;
    for (size_t i = 0; i < keys->count; i++) {
        const struct rc_lost lost = {.key = keys->keys[i]};
        rc_sweep_note(&server->lanes[conn->lane], &lost);
    }
}

void rc_doubt_end(struct rc_server *server, struct rc_conn *conn)
{
    delete_all(server, conn);
    if (rc_told_is(&conn->told)) {
        server->env->budget.used -= rc_told_bytes(&conn->told);
        server->events->end_doubt(server, conn);
        rc_told_clear(&conn->told);
    }
}

bool rc_doubt_any(const struct rc_server *server)
{
    return count_keys(server) > 0;
}

bool rc_doubt_any_at_all(const struct rc_server *server)
{
    return rc_doubt_any(server) || server->events->doubted(server, NULL);
}

/* What becomes of a command whose key is in doubt. */
static int answer_in_doubt(const struct rc_command *command)
{
    switch (command->verb) {
    case RC_VERB_GET:
        return command->want_cas ? RINGCACHE_EDOWN : RINGCACHE_MISS; /* a write is to follow */
    case RC_VERB_GET_AND_TOUCH:
    case RC_VERB_TOUCH:
        return RINGCACHE_MISS;
    case RC_VERB_DELETE:
        return command->cas != 0 ? RINGCACHE_EDOWN : RINGCACHE_OK;
    case RC_VERB_ADD:
    case RC_VERB_REPLACE:
    case RC_VERB_APPEND:
    case RC_VERB_PREPEND:
    case RC_VERB_CAS:
    case RC_VERB_INCREMENT:
    case RC_VERB_DECREMENT:
    case RC_VERB_LEASE:
    case RC_VERB_FILL:
        return RINGCACHE_EDOWN;
    case RC_VERB_SET:
    case RC_VERB_UNLEASE:
    case RC_VERB_RAW: /* its caller's words: what they read is known to the caller alone */
    case RC_VERB_FLUSH:
    case RC_VERB_STATS:
    case RC_VERB_KEYS:
    case RC_VERB_VERSION:
    case RC_VERB_SETTINGS:
    case RC_VERB_NOOP:
    case RC_VERB_AUTH:
    case RC_VERB_SELECT:
    case RC_VERB_CLIENT_ID:
    case RC_VERB_INFO:
    case RC_VERB_CLIENT_KILL:
    case RC_VERB_ECHO:
        return RINGCACHE_OK;
    }
    return RINGCACHE_OK;
}

int rc_doubt_answer(const struct rc_server *server, const struct rc_command *command)
{
    for (struct rc_list *node = server->old.next; node != &server->old; node = node->next) {
        if (rc_key_index_has(&conn_of(node)->doubt, command->prefix, command->key)) {
            return answer_in_doubt(command);
        }
    }
    return server->events->doubted(server, command) ? answer_in_doubt(command) : RINGCACHE_OK;
}

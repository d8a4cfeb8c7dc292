/* SPDX-License-Identifier: MIT */
#include "server/divide.h"

#include "base/alloc.h"
#include "server/lane.h"
#include "server/sweep.h"

static bool builds_on_the_old(enum rc_verb verb)
{
    return verb == RC_VERB_APPEND || verb == RC_VERB_PREPEND || verb == RC_VERB_INCREMENT ||
           verb == RC_VERB_DECREMENT;
}

bool rc_divide_guards(const struct rc_lane *lane, const struct rc_command *command)
{
    return lane->conn->divide != 0 && builds_on_the_old(command->verb) &&
           (lane->looked == 0 || lane->looked != command->token);
}

/* ---- looking ---- */

static struct rc_sweep *look_at(const struct rc_command *command)
{
    size_t len = command->prefix.len + command->key.len;
    struct rc_sweep *look = rc_alloc_zeroed(1, sizeof *look + len);
    if (look == NULL) {
        return NULL;
    }
    look->request = command->token;
    look->key = rc_slice(look->bytes, len);
    rc_slice_put(rc_slice_put(look->bytes, command->prefix), command->key);
    return look;
}

int rc_divide_look(struct rc_lane *lane, const struct rc_command *command)
{
    struct rc_sweep *look = lane->looking ? NULL : look_at(command);
    if (look == NULL) {
        return lane->looking ? 0 : RINGCACHE_ENOMEM;
    }
    const struct rc_command get = {
        .verb = RC_VERB_GET,
        .token = lane->server->env->next_token++,
        .key = look->key,
        .want_cas = true,
    };
    int rc = rc_conn_sweep(lane->conn, look, &get);
    if (rc < 0) {
        rc_free(look);
        return rc;
    }
    lane->looking = true;
    return 0;
}

/* ---- what was seen ---- */

static bool note(struct rc_conn *conn, const struct rc_lost *seen)
{
    struct rc_server *server = conn->owner;
    uint64_t random = rc_env_random(server->env);
    bool noted = rc_journal_note_seen(&server->journal, conn->lane, seen, random);
    rc_sweep_go(server);
    return noted;
}

void rc_divide_outdated(struct rc_conn *conn, const struct rc_lost *seen)
{
    (void)note(conn, seen); /* without memory, whoever reads it next sees it again */
}

/* The request that waits first, if that is the one. */
static struct rc_request *waiting(const struct rc_lane *lane, uint64_t token)
{
    struct rc_list *first = rc_list_first(&lane->waiting);
    struct rc_request *request =
        first != NULL ? rc_container(first, struct rc_request, link) : NULL;
    return request != NULL && request->body->command.token == token ? request : NULL;
}

/* Its item could not be looked at, or not deleted. */
static void give_up(struct rc_lane *lane, uint64_t token, int status, const char *why)
{
    struct rc_request *request = waiting(lane, token);
    if (request != NULL) {
        rc_request_abandon(lane->server->env, request, status, why);
    }
}

static void judge(struct rc_conn *conn, struct rc_lane *lane, const struct rc_sweep *look,
    const struct rc_answer *answer)
{
    const struct rc_lost seen = {.key = look->key, .cas = answer->cas};
    bool told =
        answer->status >= 0 || answer->cas != 0; /* of a value too long, its id all the same */
    if (!told) {
        give_up(lane, look->request, answer->status, conn->why);
    } else if (answer->cas != 0 && answer->cas < conn->divide && !note(conn, &seen)) {
        give_up(lane, look->request, RINGCACHE_ENOMEM, ringcache_strerror(RINGCACHE_ENOMEM));
    } else {
        lane->looked = look->request;
    }
}

void rc_divide_looked(struct rc_conn *conn, struct rc_sweep *look, const struct rc_answer *answer)
{
    struct rc_server *server = conn->owner;
    struct rc_lane *lane = &server->lanes[conn->lane];
    lane->looking = false;
    if (answer != NULL) {
        judge(conn, lane, look, answer);
    }
    rc_free(look);
    if (answer != NULL && server->journal.count > 0) {
        rc_sweep_go(server); /* deletes may have waited for it */
    }
    if (answer != NULL && lane->conn == conn && rc_lane_ready(lane)) {
        rc_lane_flow(lane);
    }
}

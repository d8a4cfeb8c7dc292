/* SPDX-License-Identifier: MIT */
#include "server/lane.h"

#include "server/divide.h"
#include "server/sweep.h"

const char rc_server_too_big[] =
    "key and value are larger than the item_size_max of their memcached";

void rc_lane_forget(struct rc_lane *lane, struct rc_request *request)
{
    rc_list_remove(&request->link);
    lane->waiting_count--;
}

static void make_good(struct rc_lane *lane, const struct rc_lost *lost)
{
    rc_sweep_note(lane, lost);
    if (lane->server->health.state != RC_SERVER_DOWN) {
        rc_sweep_go(lane->server);
    }
}

void rc_lane_lose(struct rc_lane *lane, const struct rc_command *command)
{
    if (rc_lost_matters(command)) {
        const struct rc_lost lost = rc_lost_by(command);
        make_good(lane, &lost);
        lane->lost = lost.cas == 0 ? lane->server->journal.noted : lane->lost;
    }
}

void rc_lane_outrun(struct rc_lane *lane, const struct rc_command *last)
{
    if (!rc_lost_matters(last)) {
        return;
    }
    const struct rc_lost lost = rc_lost_by(last);
    rc_outrun_note(&lane->outrun, &lost, last->token);
    if (lane->outrun.count >= lane->waiting_count) {
        rc_outrun_mark(&lane->outrun, &lane->waiting);
    }
}

void rc_lane_lose_waiting(struct rc_lane *lane, const struct rc_request *request)
{
    if (lane->waiting.next != &request->link) {
        rc_lane_outrun(lane, &request->body->command);
    }
    rc_lane_lose(lane, &request->body->command);
}

/* It left: the delete that it outlived goes once more, right behind it. */
static void follow(struct rc_lane *lane, const struct rc_request *request)
{
    if (request->outrun) {
        const struct rc_command *command = &request->body->command;
        const struct rc_lost lost = {.prefix = command->prefix, .key = command->key};
        make_good(lane, &lost);
    }
}

void rc_lane_fail_waiting(struct rc_lane *lane, int status, const char *message)
{
    for (struct rc_list *node; (node = rc_list_first(&lane->waiting)) != NULL;) {
        rc_request_abandon(
            lane->server->env, rc_container(node, struct rc_request, link), status, message);
    }
}

/* While a write stood in the output, one that waited behind it may have been lost; what was lost
 * with the connection stood in front. */
static bool was_outrun(const struct rc_lane *lane, const struct rc_request *request)
{
    const struct rc_journal *journal = &lane->server->journal;
    const struct rc_command *command = &request->body->command;
    return rc_verb_writes(command->verb) && request->noted < lane->lost &&
           (rc_journal_overflowed(journal) ||
               rc_journal_has(journal, command->prefix, command->key));
}

void rc_lane_take_back(struct rc_lane *lane, struct rc_list *requests)
{
    for (struct rc_list *node = requests->next; node != requests; node = node->next) {
        struct rc_request *request = rc_container(node, struct rc_request, link);
        request->outrun = request->outrun || was_outrun(lane, request);
        lane->waiting_count++;
    }
    rc_list_splice(requests, &lane->waiting);
    rc_list_splice(&lane->waiting, requests);
}

/* Once encoded, only what a reply may still ask for is kept; what is lent is the connection's. */
static void shed(struct rc_lane *lane, struct rc_request *request)
{
    struct rc_command *command = &request->body->command;
    rc_request_forget_wire(lane->server->env, request);
    if (command->loan != NULL) {
        command->loan = NULL;
        command->value.len = 0;
    }
    bool kept = rc_lane_keeps_key(lane, command) ||
                rc_verb_reads_item(command->verb); /* it may go once more, or be in vain */
    if (!kept) {
        rc_request_forget_body(lane->server->env, request);
    } else if (command->value.len > 0) {
        rc_request_forget_value(lane->server->env, request);
    }
}

static int send_waiting(struct rc_lane *lane, struct rc_request *request)
{
    const struct rc_command *command = &request->body->command;
    lane->server->counts.retries += request->attempts > 0;
    request->noted = lane->server->journal.noted;
    if (rc_request_wire(request) != NULL) {
        return rc_conn_resend(lane->conn, request);
    }
    return rc_lane_is_too_big(lane, command) ? RINGCACHE_ETOOBIG
                                             : rc_conn_send(lane->conn, request, command);
}

static const char other_words[] =
    "its connection ended, and the next one has to be spoken to otherwise";

/* What an earlier connection had encoded, and this one would encode otherwise, ends. */
static bool is_unfit(const struct rc_lane *lane, const struct rc_request *request)
{
    return rc_request_wire(request) != NULL && !rc_conn_takes(lane->conn, rc_request_wire(request));
}

/* A little ahead of the kernel: what is encoded and what waits are not both held. What an earlier
 * connection returned comes on top of what this one was given. */
static bool takes_more(const struct rc_lane *lane)
{
    return rc_output_len(&lane->conn->out) < RC_LANE_FLOW_BYTES &&
           lane->conn->pipeline.count < lane->server->env->max_inflight && rc_lane_is_clean(lane);
}

void rc_lane_flow(struct rc_lane *lane)
{
    struct rc_env *env = lane->server->env;
    rc_outrun_mark(&lane->outrun, &lane->waiting);
    for (struct rc_list *node; (node = rc_list_first(&lane->waiting)) != NULL;) {
        struct rc_request *request = rc_container(node, struct rc_request, link);
        if (!takes_more(lane)) {
            return;
        }
        if (is_unfit(lane, request)) {
            rc_request_abandon(env, request, RINGCACHE_ECONNECT, other_words);
            continue;
        }
        bool guarded = rc_divide_guards(lane, &request->body->command);
        int rc =
            guarded ? rc_divide_look(lane, &request->body->command) : send_waiting(lane, request);
        if (guarded && rc == 0) {
            return;
        }
        rc_lane_forget(lane, request);
        if (rc < 0) {
            request->state = RC_REQUEST_NEW; /* it is in no list any more */
            rc_request_abandon(env, request, rc,
                rc == RINGCACHE_ETOOBIG ? rc_server_too_big : ringcache_strerror(rc));
        } else {
            follow(lane, request);
            shed(lane, request);
        }
    }
}

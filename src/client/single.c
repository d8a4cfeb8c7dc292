/* SPDX-License-Identifier: MIT */
/* Equal GETs under way at the same time are one: single_flight. */
#include "client/client.h"
#include "client/flight.h"

static void get_answered(struct rc_flight *flight, const struct rc_request *step)
{
    rc_flight_pass_on(flight, step);
    rc_flight_end(flight);
}

/* Its step is answered in any case. */
static void get_left(struct rc_flight *flight)
{
    (void)flight;
}

static const struct rc_flight_kind get_kind = {
    sizeof(struct rc_flight), get_answered, NULL, get_left};

/* The step lives as long as the caller who waits longest. */
static void extend(struct rc_flight *flight, uint64_t until_ms)
{
    struct rc_operation *step = rc_client_operation(flight->client, flight->step);
    bool pending = step != NULL && step->request.state != RC_REQUEST_FINISHED;
    if (pending && rc_deadline_armed(&step->request.deadline) &&
        step->request.deadline.at_ms < until_ms) {
        rc_env_arm(&flight->client->env, &step->request.deadline, until_ms);
    }
}

static struct rc_flight_subject subject_of(const ringcache_request *request)
{
    return (struct rc_flight_subject){
        .sort = RC_FLIGHT_GET,
        .options = request->options,
        .key = rc_slice(request->key.data, request->key.len),
        .route = rc_slice(request->route.data, request->route.len),
    };
}

static int take_off(ringcache_client *client, const ringcache_request *request, uint64_t until_ms,
    struct rc_flight **out)
{
    const struct rc_flight_subject subject = subject_of(request);
    struct rc_flight *flight;
    int rc = rc_flight_new(client, &get_kind, &subject, &flight);
    if (rc < 0) {
        return rc;
    }
    struct rc_command command;
    rc_client_command(client, request, &command);
    flight->waits_for = "no answer within the deadline";
    rc = rc_flight_ask(flight, &command, until_ms);
    if (rc < 0) {
        rc_flight_end(flight);
        return rc;
    }
    rc_flight_open(flight, &client->reads);
    *out = flight;
    return 0;
}

int rc_single_get(ringcache_client *client, const ringcache_request *request,
    const struct rc_submission *s, ringcache_id *id)
{
    struct rc_operation *op;
    int rc = rc_client_begin(client, s, &op);
    if (rc < 0) {
        return rc;
    }
    const struct rc_flight_subject subject = subject_of(request);
    uint64_t until_ms = rc_env_now_ms(&client->env) + rc_client_timeout(client, s);
    struct rc_flight *flight = rc_flight_to_join(client, &subject);
    if (flight != NULL) {
        extend(flight, until_ms);
    } else {
        rc = take_off(client, request, until_ms, &flight);
    }
    if (rc < 0) {
        rc_client_release(client, &op->request);
        return rc;
    }
    rc_flight_board(flight, op, s, id);
    return 0;
}

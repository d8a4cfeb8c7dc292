/* SPDX-License-Identifier: MIT */
/* What all flights have in common. Nothing here runs a caller's code. */
#include "client/flight.h"

#include <string.h>

#include "base/alloc.h"
#include "client/client.h"
#include "client/failover.h"
#include "server/doubt.h"

static struct rc_flight *flight_of(const struct rc_tree_node *node)
{
    return rc_container(node, struct rc_flight, node);
}

/* ---- by key ---- */

/* An order of bytes: shorter ones first. */
static int compare_slices(struct rc_slice a, struct rc_slice b)
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return a.len > 0 ? memcmp(a.data, b.data, a.len) : 0;
}

static int compare_keys(const void *key, const struct rc_tree_node *node)
{
    const struct rc_slice *wanted = key;
    return compare_slices(*wanted, flight_of(node)->key);
}

static int compare_subjects(const void *key, const struct rc_tree_node *node)
{
    const struct rc_flight_subject *wanted = key;
    const struct rc_flight *flight = flight_of(node);
    int order = compare_slices(wanted->key, flight->key);
    if (order == 0) {
        order = (int)wanted->sort - (int)flight->sort;
    }
    if (order == 0) {
        order = (wanted->options > flight->options) - (wanted->options < flight->options);
    }
    if (order == 0) { /* an empty route is one, too */
        order = (wanted->route.data != NULL) - (flight->route.data != NULL);
    }
    return order != 0 ? order : compare_slices(wanted->route, flight->route);
}

static struct rc_flight_subject subject_of(const struct rc_flight *flight)
{
    return (struct rc_flight_subject){flight->sort, flight->options, flight->key, flight->route};
}

struct rc_flight *rc_flight_find(
    const struct rc_tree *tree, const struct rc_flight_subject *subject)
{
    const struct rc_tree_node *node = rc_tree_find(tree, compare_subjects, subject);
    return node != NULL ? flight_of(node) : NULL;
}

void rc_flight_open(struct rc_flight *flight, struct rc_tree *tree)
{
    const struct rc_flight_subject subject = subject_of(flight);
    flight->node.priority = rc_env_random(&flight->client->env);
    flight->tree = tree;
    flight->open = true;
    rc_tree_insert(tree, &flight->node, compare_subjects, &subject);
}

void rc_flight_shut(struct rc_flight *flight)
{
    if (flight->open) {
        const struct rc_flight_subject subject = subject_of(flight);
        flight->open = false;
        rc_tree_remove(flight->tree, &flight->node, compare_subjects, &subject);
    }
}

static void overtake(struct rc_flight *flight)
{
    flight->overtaken = true;
    rc_flight_shut(flight);
}

void rc_flights_overtake(ringcache_client *client, struct rc_slice key)
{
    struct rc_tree_node *node = client->reads.root;
    while (node != NULL) {
        node = key.data != NULL ? rc_tree_find(&client->reads, compare_keys, &key) : node;
        if (node != NULL) {
            overtake(flight_of(node));
            node = client->reads.root;
        }
    }
}

/* What became of a peer's write is heard while its server is asked about the key. */
struct rc_flight *rc_flight_to_join(
    ringcache_client *client, const struct rc_flight_subject *subject)
{
    struct rc_slice route = subject->route.data != NULL ? subject->route : subject->key;
    const struct rc_server *owner = rc_table_owner(client->table, route).server;
    const struct rc_command get = {
        .verb = RC_VERB_GET, .prefix = client->prefix, .key = subject->key};
    if (owner != NULL && rc_doubt_answer(owner, &get) != RINGCACHE_OK) {
        rc_flights_overtake(client, subject->key);
    }
    return rc_flight_find(&client->reads, subject);
}

/* ---- beginning and end ---- */

static unsigned char *copy_slice(unsigned char *at, struct rc_slice *slice)
{
    if (slice->len > 0) {
        memcpy(at, slice->data, slice->len);
    }
    slice->data = slice->data != NULL ? at : NULL;
    return at + slice->len;
}

static void pause_due(struct rc_deadline *deadline, uint64_t now_ms)
{
    (void)now_ms;
    struct rc_flight *flight = rc_container(deadline, struct rc_flight, pause);
    flight->kind->due(flight);
}

int rc_flight_new(ringcache_client *client, const struct rc_flight_kind *kind,
    const struct rc_flight_subject *subject, struct rc_flight **out)
{
    struct rc_budget *budget = &client->env.budget;
    size_t whole = kind->size + subject->key.len + subject->route.len;
    bool room = rc_budget_allows(budget, whole);
    struct rc_flight *flight = room ? rc_alloc_zeroed(1, whole) : NULL;
    if (flight == NULL) {
        return rc_client_refuse_full(client, room ? RINGCACHE_ENOMEM : RINGCACHE_EBUSY);
    }
    flight->client = client;
    flight->kind = kind;
    flight->sort = subject->sort;
    flight->options = subject->options;
    flight->key = subject->key;
    flight->route = subject->route;
    flight->size = whole;
    copy_slice(copy_slice((unsigned char *)flight + kind->size, &flight->key), &flight->route);
    rc_list_init(&flight->callers);
    rc_deadline_init(&flight->pause, pause_due);
    rc_list_append(&client->flights, &flight->link);
    budget->used += whole;
    *out = flight;
    return 0;
}

void rc_flight_end(struct rc_flight *flight)
{
    struct rc_env *env = &flight->client->env;
    rc_flight_shut(flight);
    rc_env_disarm(env, &flight->pause);
    rc_list_remove(&flight->link);
    env->budget.used -= flight->size;
    rc_free(flight);
}

/* ---- callers ---- */

/* Is the step one that may have been carried out, or may yet? */
static bool may_apply(const struct rc_flight *flight)
{
    const struct rc_operation *step = rc_client_operation(flight->client, flight->step);
    if (step == NULL || flight->sort != RC_FLIGHT_UPDATE || !rc_verb_writes(flight->verb)) {
        return false;
    }
    const struct rc_request *request = &step->request;
    return request->state == RC_REQUEST_SENT ||
           (request->state == RC_REQUEST_FINISHED &&
               (request->result.status == RINGCACHE_OK || request->result.maybe_applied));
}

/* A step that nobody waits for and that never left ends as its last caller did, and nobody joins it
 * any more: it is taken back where that was canceled, and a write in vain where time was up. */
static void spare_step(struct rc_flight *flight, int status)
{
    ringcache_client *client = flight->client;
    struct rc_operation *step = rc_client_operation(client, flight->step);
    if (step == NULL || step->request.state != RC_REQUEST_WAITING) {
        return;
    }
    rc_request_abandon(&client->env, &step->request, status, "nobody waits for it");
    if (flight->tree == &client->reads) {
        rc_flight_shut(flight);
    }
}

/* What was handed to connections on its behalf, that which is under way included. */
static uint32_t attempts(const struct rc_flight *flight)
{
    const struct rc_operation *step = rc_client_operation(flight->client, flight->step);
    return flight->attempts + (step != NULL ? step->request.attempts : 0);
}

void rc_flight_leave(struct rc_operation *op, int status, const char *message)
{
    struct rc_flight *flight = op->flight;
    const struct rc_result result = {
        .status = status,
        .message = rc_slice_text(message),
        .maybe_applied = may_apply(flight),
    };
    op->flight = NULL;
    op->request.attempts = attempts(flight);
    rc_request_finish(&flight->client->env, &op->request, &result);
    if (!rc_flight_awaited(flight)) {
        spare_step(flight, status);
    }
    flight->kind->left(flight);
}

static void caller_due(struct rc_deadline *deadline, uint64_t now_ms)
{
    (void)now_ms;
    struct rc_request *request = rc_container(deadline, struct rc_request, deadline);
    struct rc_operation *op = rc_container(request, struct rc_operation, request);
    struct rc_env *env = &op->flight->client->env;
    if (!rc_env_put_off(env, deadline, request->started_us, &request->lagged)) {
        rc_flight_leave(op, RINGCACHE_ETIMEDOUT, op->flight->waits_for);
    }
}

void rc_flight_board(struct rc_flight *flight, struct rc_operation *op,
    const struct rc_submission *s, ringcache_id *id)
{
    op->flight = flight;
    op->request.audience = RC_TO_PASSENGER;
    op->request.state = RC_REQUEST_JOINED;
    rc_list_append(&flight->callers, &op->request.link);
    rc_deadline_init(&op->request.deadline, caller_due);
    rc_client_accept(flight->client, op, s, id);
}

struct rc_operation *rc_flight_first(const struct rc_flight *flight)
{
    struct rc_list *first = rc_list_first(&flight->callers);
    return first != NULL ? rc_container(first, struct rc_operation, request.link) : NULL;
}

void rc_flight_hand_over(struct rc_flight *flight, struct rc_flight *to)
{
    for (struct rc_operation *op; (op = rc_flight_first(flight)) != NULL;) {
        op->flight = to;
        rc_list_remove(&op->request.link);
        rc_list_append(&to->callers, &op->request.link);
    }
}

/* What a step brought is a view into a connection's input, which is there until this drain is
 * over: so within it the callers are told, before anybody whose answer came behind. */
void rc_flight_pass_on(struct rc_flight *flight, const struct rc_request *step)
{
    ringcache_client *client = flight->client;
    struct rc_list told;
    rc_list_init(&told);
    for (struct rc_operation *op; (op = rc_flight_first(flight)) != NULL;) {
        op->flight = NULL;
        op->request.attempts = flight->attempts;
        op->request.lane = step->lane;
        step->lane->server->live++;
        rc_request_finish_into(&client->env, &op->request, &step->result, &told);
    }
    rc_list_splice(&told, &client->batch);
    rc_list_splice(&client->batch, &told);
}

void rc_flight_tell(struct rc_flight *flight, const struct rc_result *result)
{
    for (struct rc_operation *op; (op = rc_flight_first(flight)) != NULL;) {
        op->flight = NULL;
        op->request.attempts = attempts(flight);
        rc_request_finish(&flight->client->env, &op->request, result);
    }
}

void rc_flights_close(ringcache_client *client)
{
    struct rc_list flights;
    rc_list_init(&flights);
    rc_list_splice(&flights, &client->flights);
    for (struct rc_list *node; (node = rc_list_first(&flights)) != NULL;) {
        struct rc_flight *flight = rc_container(node, struct rc_flight, link);
        rc_list_remove(node);
        rc_list_append(&client->flights, node);
        const struct rc_result result = {
            .status = RINGCACHE_ECANCELED,
            .message = rc_slice_text("the client is closing"),
            .maybe_applied = may_apply(flight),
        };
        rc_flight_shut(flight);
        rc_env_disarm(&client->env, &flight->pause);
        rc_flight_tell(flight, &result);
        flight->kind->left(flight);
    }
}

/* ---- steps ---- */

bool rc_flight_strayed(const struct rc_flight *flight)
{
    return flight->table_number != flight->client->table_number;
}

/* Does it change what others read? A lease is a right to do so. */
static bool changes(enum rc_verb verb)
{
    return rc_verb_writes(verb) && verb != RC_VERB_LEASE && verb != RC_VERB_UNLEASE;
}

/* Does it carry what only the server knows that the last step was sent to? */
static bool has_token(enum rc_verb verb)
{
    return verb == RC_VERB_FILL || verb == RC_VERB_UNLEASE;
}

int rc_flight_ask(struct rc_flight *flight, struct rc_command *command, uint64_t until_ms)
{
    ringcache_client *client = flight->client;
    uint64_t now_ms = rc_env_now_ms(&client->env);
    struct rc_slice route = flight->route.data != NULL ? flight->route : flight->key;
    command->strict = client->env.strict;
    command->token = client->env.next_token++;
    command->prefix = client->prefix;
    command->key = flight->key;
    struct rc_submission s = {
        .choice = rc_table_owner(client->table, route),
        .route = route,
        .bound = flight->sort == RC_FLIGHT_UPDATE ||
                 (flight->options & (uint32_t)RINGCACHE_NO_FAILOVER) != 0,
        .timeout_ms = until_ms > now_ms ? (uint32_t)(until_ms - now_ms) : 1,
        .audience = RC_TO_FLIGHT,
        .user = flight,
    };
    if (client->closing || s.choice.server == NULL) {
        int rc = client->closing ? RINGCACHE_ECLOSING : RINGCACHE_ENOSERVER;
        return rc_client_refuse(client, rc, ringcache_strerror(rc));
    }
    rc_failover_divert(client, &s, command);
    if (has_token(command->verb) && s.choice.server != flight->asked) {
        return rc_client_refuse(client, RINGCACHE_EDOWN, "the lease is another server's");
    }
    int rc = rc_client_enter(client, &s, command, &flight->step);
    if (rc == 0) {
        flight->verb = command->verb;
        flight->asked = s.choice.server;
        flight->table_number = client->table_number;
    }
    if (rc == 0 && changes(command->verb)) {
        rc_flights_overtake(client, flight->key);
    }
    return rc;
}

void rc_flight_answered(struct rc_flight *flight, const struct rc_request *step)
{
    flight->step = 0;
    flight->attempts += step->attempts;
    flight->kind->answered(flight, step);
}

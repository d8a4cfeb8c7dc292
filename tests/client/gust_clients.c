/* SPDX-License-Identifier: MIT */
/* What clients ask, and what they are told. */
#include "gust.h"

#include <inttypes.h>
#include <stdio.h>

enum { ACTS = 6 /* one callback in so many asks for more */ };

/* ---- answers ---- */

static const char *op_of(const struct gust_request *r)
{
    static const char *const names[] = {"get", "set", "add", "replace", "append", "prepend", "cas",
        "delete", "touch", "get and touch", "increment"};
    return names[r->op];
}

static void tell(const struct gust_request *r, const char *what, struct rc_slice value)
{
    if (r->client->gust->tells) {
        print_message("%" PRIu64 " client %u: %s %s %u: %s %.*s\n",
            sim_now_us(r->client->gust->sim), r->client->number, op_of(r), r->key->name, r->number,
            what, (int)value.len, (const char *)value.data);
    }
}

static void judge_status(const struct gust_request *r, int status)
{
    bool refuses = r->client->gust->servers[r->key->owner].refuses;
    bool known = status >= 0 || status == RINGCACHE_EDOWN || status == RINGCACHE_ECONNECT ||
                 status == RINGCACHE_ETIMEDOUT || status == RINGCACHE_ECANCELED;
    bool refused = status == RINGCACHE_ESERVER || status == RINGCACHE_EPROTOCOL; /* its ECHO was */
    if (!known && !(refuses && refused)) {
        gust_fail(r->client->gust, ringcache_err_name(status), r->key->name);
    }
}

static void must_be_due(const struct gust_client *c, bool due)
{
    if (c->gust->in_call || c->closed > 0 || !due) {
        gust_fail(c->gust, "a callback inside a call, behind the end, or twice", "");
    }
}

static void act(struct gust_client *c)
{
    if (!c->gust->calm && !c->closing && gust_draw(c->gust, ACTS) == 0) {
        gust_ask_any(c->gust);
    }
}

static void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct gust_request *r = user;
    struct gust_client *c = r->client;
    must_be_due(c, client == c->client && r->pending);
    struct rc_slice value = rc_slice(reply->value.data, reply->value.len);
    tell(r, reply->status < 0 ? reply->message : ringcache_err_name(reply->status), value);
    c->gust->ticks++;
    c->answered++;
    c->succeeded += reply->status >= 0;
    judge_status(r, reply->status);
    gust_judge(r, reply);
    r->pending = false;
    act(c);
}

static void on_event(ringcache_client *client, const ringcache_event *event, void *user)
{
    struct gust_client *c = user;
    must_be_due(c, client == c->client && !c->closing);
    gust_tell(c->gust, event->server, ringcache_event_name(event->type), event->reason);
    act(c);
}

static void on_close(ringcache_client *client, void *user)
{
    struct gust_client *c = user;
    must_be_due(c, client == c->client && c->closing);
    c->closed++;
    ringcache_client_unref(client);
}

/* ---- the way in ---- */

static struct gust_request *free_place(struct gust *g)
{
    for (size_t i = 0; i < GUST_PENDING; i++) {
        if (!g->requests[i].pending) {
            return &g->requests[i];
        }
    }
    return NULL;
}

static uint32_t draw_timeout(struct gust *g)
{
    bool own = !g->calm && gust_draw(g, 3) == 0;
    return own ? 5 + (uint32_t)gust_draw(g, 400) : 0;
}

static void submit(struct gust_request *r, const ringcache_request *request)
{
    struct gust_client *c = r->client;
    c->gust->in_call = true;
    int rc = ringcache_submit(c->client, request, on_reply, r, &r->id);
    c->gust->in_call = false;
    tell(r, rc == 0 ? "?" : ringcache_err_name(rc), rc_slice_text(""));
    if (rc == 0) {
        c->accepted++;
        r->pending = true;
        return;
    }
    gust_refused(r);
    if (rc != RINGCACHE_EBUSY) {
        gust_fail(c->gust, "a call refused", ringcache_client_error(c->client));
    }
}

static void take_token(struct gust_request *r, ringcache_request *request)
{
    r->token = r->key->tokens[r->client->number];
    request->cas = r->token.cas;
}

void gust_ask(struct gust_client *c, struct gust_key *key, ringcache_op op)
{
    struct gust *g = c->gust;
    struct gust_request *r = free_place(g);
    char text[24];
    if (r == NULL) {
        return;
    }
    *r = (struct gust_request){.client = c, .key = key, .op = op, .asked_at = ++g->ticks};
    ringcache_request request = {
        .op = op, .key = {key->name, strlen(key->name)}, .timeout_ms = draw_timeout(g)};
    bool under_token = op == RINGCACHE_CAS || (op == RINGCACHE_DELETE && gust_draw(g, 3) == 0);
    if (under_token && key->tokens[c->number].holds != 0) {
        take_token(r, &request);
    }
    if (op == RINGCACHE_GET) {
        request.options = RINGCACHE_WANT_CAS;
    } else {
        gust_begin_write(r, &request, text);
    }
    submit(r, &request);
}

static ringcache_op draw_op(struct gust *g, const struct gust_key *key, unsigned by)
{
    static const ringcache_op plain[] = {RINGCACHE_SET, RINGCACHE_SET, RINGCACHE_SET, RINGCACHE_ADD,
        RINGCACHE_REPLACE, RINGCACHE_DELETE, RINGCACHE_DELETE, RINGCACHE_CAS, RINGCACHE_CAS,
        RINGCACHE_APPEND, RINGCACHE_APPEND, RINGCACHE_PREPEND};
    static const ringcache_op counted[] = {RINGCACHE_SET, RINGCACHE_ADD, RINGCACHE_DELETE,
        RINGCACHE_CAS, RINGCACHE_INCREMENT, RINGCACHE_INCREMENT, RINGCACHE_INCREMENT};
    if (key->written == GUST_WRITES - 1 || gust_draw(g, 2) == 0) { /* the last is the calm's */
        return RINGCACHE_GET;
    }
    ringcache_op op = key->counts ? counted[gust_draw(g, sizeof counted / sizeof *counted)]
                                  : plain[gust_draw(g, sizeof plain / sizeof *plain)];
    return op == RINGCACHE_CAS && key->tokens[by].holds == 0 ? RINGCACHE_GET : op;
}

void gust_ask_any(struct gust *g)
{
    struct gust_client *c = &g->clients[gust_draw(g, g->rules.clients)];
    struct gust_key *key = &g->keys[gust_draw(g, g->rules.keys)];
    if (!c->closing) {
        gust_ask(c, key, draw_op(g, key, c->number));
    }
}

void gust_cancel_any(struct gust *g)
{
    const struct gust_request *r = &g->requests[gust_draw(g, 8)];
    if (r->pending) {
        tell(r, "canceled", rc_slice_text(""));
        g->in_call = true;
        (void)ringcache_cancel(r->client->client, r->id); /* it may have ended, untold as yet */
        g->in_call = false;
    }
}

/* ---- beginning and end ---- */

static void transport_stays(struct rc_transport *transport)
{
    (void)transport; /* the simulator frees it */
}

void gust_client_begin(struct gust *g, unsigned number, ringcache_config *config)
{
    struct gust_client *c = &g->clients[number];
    *c = (struct gust_client){.gust = g, .number = number, .host = sim_client_new(g->sim)};
    int rc = rc_client_new(&c->client, sim_client_transport(c->host), transport_stays, config);
    if (rc != 0) {
        fail_msg("%s", ringcache_config_error(config));
    }
    ringcache_client_on_event(c->client, on_event, c);
}

void gust_client_close(struct gust_client *c)
{
    c->closing = true;
    c->gust->in_call = true;
    ringcache_client_close(c->client, on_close, c);
    c->gust->in_call = false;
}

void gust_client_check_end(const struct gust_client *c)
{
    if (c->closed != 1 || c->accepted != c->answered || sim_client_streams(c->host) != 0) {
        gust_fail(c->gust, "something is left behind the end", "");
    }
}

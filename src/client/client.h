/* SPDX-License-Identifier: MIT */
#ifndef RC_CLIENT_CLIENT_H
#define RC_CLIENT_CLIENT_H

/* The client, for the files of this layer: submit.c takes requests in, failover.c says where else
 * they may go, ask.c takes questions to one server, client.c drives the turn and hands answers out,
 * many.c and listing.c do what takes many requests, member.c has one server, members.c changes the
 * ring, growth.c lets a large one be built aside, events.c tells, post.c lets other threads in,
 * loop.c turns a loop of the client's own. */

#include <uv.h>

#include "base/slab.h"
#include "base/tree.h"
#include "client/check.h"
#include "client/departed.h"
#include "client/growth.h"
#include "config/config.h"
#include "ringcache/client.h"
#include "ringcache/fetch.h"
#include "ringcache/server.h"
#include "ringcache/stats.h"
#include "route/failover_budget.h"
#include "route/guests.h"
#include "route/table.h"
#include "server/pipeline.h"

struct rc_flight;
struct rc_many;
struct rc_peer;

/* Of a request that goes to another server than its key's owner (failover.h). */
struct rc_diversion {
    struct rc_lane *owner;  /* that it would have had; NULL: it goes to the owner */
    struct rc_guest *guest; /* what it stores there; NULL: nothing */
};

/* Who is told of an operation's end (rc_request.audience). */
enum rc_audience {
    RC_TO_CALLER,    /* `cb` */
    RC_TO_PASSENGER, /* `cb`, of one that waited for a flight */
    RC_TO_MANY,
    RC_TO_FLIGHT, /* whose step it is */
};

/* A request and what its caller gave with it. */
struct rc_operation {
    struct rc_request request;
    union {
        ringcache_reply_cb cb;
        uint32_t index; /* of its key in the many */
    };
    union {
        void *user;
        struct rc_many *many;
        struct rc_flight *step_of;
    };
    union {
        struct rc_diversion diversion;
        struct {                      /* of a passenger: */
            struct rc_flight *flight; /* that it waits for; NULL: it ended */
            ringcache_loader loader;  /* of a fetch */
        };
    };
    uint64_t digest;     /* of the ring that routed it */
    uint32_t number;     /* in the slab */
    uint32_t generation; /* with the number: its ringcache_id */
};

_Static_assert(sizeof(struct rc_operation) <= RC_PIPELINE_FETCH, "fetched as a whole");

enum { RC_GUEST_MARK_BYTES = 16 }; /* in front of a guest's key */

/* A server of the client: in one of the rings, or draining after it left. */
struct rc_member_server {
    struct rc_list link; /* in client->members */
    struct ringcache_client *client;
    struct rc_server *server;
    struct rc_server_uri uri;
    struct rc_deadline linger;    /* how long a leaving one may wait for its old writes */
    struct rc_departed *departed; /* what is to be kept of it when it has left */
    struct rc_guests guests;      /* what others hold for it */
    char guest_mark[RC_GUEST_MARK_BYTES + 1];
    uint64_t trusted_ms; /* from then on it may be a substitute */
    bool spare;          /* in the ring of spares, or it was when it left */
    bool owned;          /* … or in that of the owners, ever */
    bool leaving;
    bool forced; /* lingered long enough */
};

struct rc_event_node {
    struct rc_list link;
    ringcache_event event; /* its texts follow */
    char texts[];
};

/* What other threads want done. */
struct rc_posts {
    uv_mutex_t lock; /* of the rest */
    struct rc_list waiting;
    bool closed; /* no more is taken */
};

struct ringcache_client {
    struct rc_env env;
    const struct rc_policy *policy;
    struct rc_failover_budget failover_budget;
    unsigned char guest_prefix[RC_GUEST_MARK_BYTES + RC_NAMESPACE_MAX_BYTES]; /* being submitted */
    struct rc_table *table;
    uint64_t table_number;       /* counts the tables there were, from 1 on */
    ringcache_config *config;    /* servers and placement in force */
    struct rc_slice prefix;      /* its namespace */
    struct rc_means means;       /* of the servers in force */
    struct rc_settings settings; /* everything else */
    struct rc_slab operations;
    struct rc_growth growth;
    struct rc_list members;
    size_t leaving;           /* of the members, those that are draining */
    uint32_t handled_servers; /* made, looked for or let go in this turn */
    struct rc_departures departures;
    struct rc_list manys;          /* rc_many.link */
    struct rc_list listings;       /* rc_listing.link */
    struct rc_list batch;          /* rc_request.link: what this drain hands out */
    struct rc_list flights;        /* rc_flight.link */
    struct rc_list ended_guests;   /* rc_guest.link: nobody reads them any more */
    struct rc_tree reads, updates; /* those that are open */
    struct rc_list events;         /* rc_event_node.link */
    ringcache_event_cb on_event;
    void *event_user;
    ringcache_close_cb on_close;
    void *close_user;
    void (*free_transport)(struct rc_transport *transport);
    uv_loop_t *own_loop; /* NULL: on a loop of the program's */
    struct rc_posts posts;
    struct rc_peer *peer; /* of ringcache_shared; NULL: it takes no part */
    uint64_t pending;     /* accepted, callback not run */
    uint32_t generation;
    bool usual_gets; /* nothing but an owner is asked, and for each caller */
    bool wants_room; /* RINGCACHE_EBUSY was said since there last was room */
    bool held;       /* ringcache_client_ref */
    bool turned;     /* the loop has run since the client is there */
    bool closing;
    bool stopping; /* the transport is being given back */
    bool stopped;  /* it is; all that is left is the close callback */
    bool stepping; /* inside ringcache_loop_step */
    char error[512];
    char message[256]; /* of the reply being delivered */
};

/* Everything of ringcache_client_new but the loop. Takes over `transport`, which `free_transport`
 * frees at the end or on failure. */
int rc_client_new(ringcache_client **client, struct rc_transport *transport,
    void (*free_transport)(struct rc_transport *transport), const ringcache_config *config);

/* Remember why a call is refused; returns `status`. */
int rc_client_refuse(ringcache_client *client, int status, const char *why);
/* The same for RINGCACHE_EBUSY, after which RINGCACHE_EVENT_ROOM follows, and _ENOMEM. */
int rc_client_refuse_full(ringcache_client *client, int status);

/* What a peer said as one printable line, which lasts until the next one. */
const char *rc_client_text(ringcache_client *client, struct rc_slice text);

/* Let the loop live as long as there is something to tell. */
void rc_client_update_hold(ringcache_client *client);

/* The close callback, then the client's memory. */
void rc_client_end(ringcache_client *client);

/* A loop for one client: 0, RINGCACHE_ENOMEM or a negative errno. */
int rc_loop_new(uv_loop_t **loop);
/* Once nothing but closing handles is on it. NULL is allowed. */
void rc_loop_free(uv_loop_t *loop);

/* 0 or a negative errno. */
int rc_posts_init(struct rc_posts *posts);
void rc_posts_deinit(struct rc_posts *posts);
/* Refuse further posts; those accepted still run. */
void rc_posts_close(struct rc_posts *posts);
bool rc_posts_waiting(struct rc_posts *posts);
/* Run those that wait now. Inside before_poll, which drains afterwards. */
void rc_posts_run(ringcache_client *client);

/* An operation whose slot fell after its callback had run. */
void rc_client_release(void *owner, struct rc_request *request);

/* A fresh operation, or NULL: no memory, or the bound on bytes is reached. */
struct rc_operation *rc_client_take(ringcache_client *client);
/* What every request has in common once its command and its server are known. */
struct rc_submission {
    struct rc_choice choice;
    struct rc_diversion diversion;
    struct rc_slice route; /* what is hashed; where rc_failover_divert is asked */
    bool bound;            /* to the owner */
    uint32_t timeout_ms;   /* 0: the client's */
    ringcache_reply_cb cb;
    void *user; /* of it; of a step, its flight */
    enum rc_audience audience;
    bool fleeting; /* rc_command.fleeting */
};

uint32_t rc_client_timeout(const ringcache_client *client, const struct rc_submission *s);
/* An operation for that caller, not accepted yet. 0, or RINGCACHE_EBUSY or _ENOMEM, noted. */
int rc_client_begin(
    ringcache_client *client, const struct rc_submission *s, struct rc_operation **op);
/* It is: its callback will run. */
void rc_client_accept(ringcache_client *client, struct rc_operation *op,
    const struct rc_submission *s, ringcache_id *id);
/* The operation of that id until its callback has run, then NULL. */
struct rc_operation *rc_client_operation(ringcache_client *client, ringcache_id id);
/* Seconds for memcached: rounded up, absolute beyond 30 days, never past what its 32 bits hold. */
int64_t rc_client_exptime(ringcache_client *client, int64_t ttl_ms);
/* A caller's structure, which may be of a younger or of an older version, into a zeroed one of this
 * version's. 0 or RINGCACHE_ENOTSUP, noted. */
int rc_client_take_struct(
    ringcache_client *client, void *known, size_t known_size, const void *given, size_t given_size);
/* Can that be asked for, of this client now? 0 or a status, noted. */
int rc_client_check(ringcache_client *client, const ringcache_request *request);

/* ringcache_submit; of `s` the callback, its user and `fleeting` are the caller's. */
int rc_client_submit(ringcache_client *client, const ringcache_request *request,
    struct rc_submission *s, ringcache_id *id);

/* A GET for that operation, which was not submitted yet, of that server, where nothing is in its
 * way; false: rc_server_submit is to see it. */
static inline bool rc_client_get(ringcache_client *client, const struct rc_choice *at,
    struct rc_operation *op, struct rc_slice key)
{
    const struct rc_get get = {client->prefix, key, client->env.next_token};
    bool done = rc_server_get(at->server, at->lane, &op->request, &get);
    client->env.next_token += done;
    return done;
}

/* Submit a GET, or join an equal one that is under way. As ringcache_submit. */
int rc_single_get(ringcache_client *client, const ringcache_request *request,
    const struct rc_submission *s, ringcache_id *id);

/* Submit a command. As ringcache_submit, and refusals are noted. */
int rc_client_enter(ringcache_client *client, const struct rc_submission *s,
    const struct rc_command *command, ringcache_id *id);
/* The same, for who tries again in every turn until there is room: a refusal leaves no trace, nor
 * does it make a turn. */
int rc_client_try(ringcache_client *client, const struct rc_submission *s,
    const struct rc_command *command, ringcache_id *id);

/* The server of this name in either ring, for a call with callback `cb`. 0, RINGCACHE_EINVAL or
 * RINGCACHE_ECLOSING, noted. */
int rc_client_find(
    ringcache_client *client, const char *name, ringcache_reply_cb cb, struct rc_server **server);

/* Do what the other clients of a ringcache_shared have told meanwhile. */
void rc_client_hear(ringcache_client *client);

/* What a finished request tells; its texts are valid while it is delivered. */
ringcache_reply rc_client_reply(ringcache_client *client, const struct rc_request *request);

struct rc_resp_tree;
/* Let the reply to a raw command show its tree, to be freed when the callback returned; NULL when
 * there is none to show, for lack of memory. */
struct rc_resp_tree *rc_raw_open(ringcache_reply *reply);

/* Let the reply to STATS show its figures as the public header says, to be freed when the callback
 * returned; NULL when there are none to show, for lack of memory too. */
void *rc_figures_open(ringcache_reply *reply, const struct rc_codec *codec);

/* A checked request as a command, with the next token. */
void rc_client_command(
    ringcache_client *client, const ringcache_request *request, struct rc_command *command);

/* A request of a many was answered. */
void rc_many_answered(struct rc_many *many, size_t index, ringcache_reply *reply);
/* Let every many submit what it can. Runs no callback: before those that would take the room. */
void rc_manys_feed(ringcache_client *client);
/* Let every many route, submit and end what it can. */
void rc_manys_pump(ringcache_client *client);

/* Let every listing hand out what came and ask for more. Runs callbacks. */
void rc_listings_pump(ringcache_client *client);

/* Make an event to be told later; NULL when out of memory. */
struct rc_event_node *rc_event_new(
    ringcache_event_type type, const char *server, int reason, const char *text);
void rc_event_queue(ringcache_client *client, struct rc_event_node *node);
void rc_events_deliver(ringcache_client *client);
void rc_events_drop(ringcache_client *client);

/* Both rings of a configuration; references. */
struct rc_rings {
    struct ringcache_ring *owners, *spares;
};

/* Servers that a configuration needs, made ahead of its being put in force. */
struct rc_recruits {
    struct rc_member_server **members; /* in its order; NULL where the client has one */
    size_t count, looked_at;           /* of its servers */
};

/* Put the first table in force. */
int rc_members_begin(ringcache_client *client, const ringcache_config *config);
/* Make some of the servers that `config` needs and the client has not, until all of them were
 * looked at: 0, or RINGCACHE_ENOMEM. */
int rc_members_recruit(
    ringcache_client *client, const ringcache_config *config, struct rc_recruits *recruits);
bool rc_recruits_complete(const struct rc_recruits *recruits);
/* Free those that were not taken. */
void rc_recruits_free(struct rc_recruits *recruits);
/* Put `config` in force with its rings, both of which are taken over, and with what is needed of
 * `recruits`: 0, or RINGCACHE_ENOMEM, and nothing has changed. */
int rc_members_install(ringcache_client *client, ringcache_config *config, struct rc_rings *rings,
    struct rc_recruits *recruits);
/* The server of this name in either ring, or NULL. */
struct rc_server *rc_members_find(const ringcache_client *client, const char *name);
static inline struct rc_member_server *rc_member_of(const struct rc_server *server)
{
    return server->owner;
}
/* Let servers go that left and have drained, so many in a turn; true when there may be more. */
bool rc_members_settle(ringcache_client *client);
void rc_members_close(ringcache_client *client);
void rc_members_free(ringcache_client *client);
/* After RINGCACHE_EBUSY: is there room again? Notes whether some lane still has none. */
bool rc_members_have_room(ringcache_client *client);

/* From a configuration that was checked: ring_new.c. What they have in common with those of `base`
 * (NULLs: nothing) is taken from there. 0, RINGCACHE_ECONFIG or RINGCACHE_ENOMEM. */
int rc_rings_new(
    struct rc_rings *rings, const ringcache_config *config, const struct rc_rings *base);
void rc_rings_unref(struct rc_rings *rings);

#endif

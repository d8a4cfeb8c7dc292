/* SPDX-License-Identifier: MIT */
/* The keys that one server holds, handed out as they come: from a memcached by a dump, on a
 * connection of its own, from a Redis page by page, each page a request like any other.
 *
 *     memcached   dump ── lines of an event ──────────► each …            over ──► done
 *     redis       page ── its answer ──► each … ── where to go on ──► page …
 *
 * A listing moves and is freed in rc_listings_pump alone, but for a page's keys, which are told
 * while its answer is delivered. It holds its server until the end. */
#include "client/client.h"

#include <string.h>

#include "base/alloc.h"
#include "server/dump.h"
#include "server/readmission.h"

enum { MS_PER_S = 1000 };

struct rc_listing {
    struct rc_list link; /* in client->listings */
    ringcache_client *client;
    struct rc_server *server;
    ringcache_key_cb each;
    ringcache_reply_cb done;
    void *user;
    uint64_t started_us;
    uint64_t told;
    uint32_t attempts;                 /* as of a request */
    struct rc_dump dump;               /* memcached */
    struct rc_deadline room;           /* redis: until when the next page waits for room */
    uint64_t cursor;                   /* redis: where that page begins … */
    char process[RC_RUN_ID_BYTES + 1]; /* … in that process; "": not known */
    bool begun;                        /* memcached: the dump is */
    bool asked;                        /* redis: a page is under way */
    bool over;                         /* no key is told any more */
    int status;                        /* how it ended */
    char why[256];                     /* in one line */
    struct rc_slice prefix;            /* what the keys begin with, and is not told: */
    unsigned char prefix_bytes[];      /* the client's may change */
};

static void finish(struct rc_listing *l, int status, struct rc_slice why)
{
    size_t len = why.len < sizeof l->why - 1 ? why.len : sizeof l->why - 1;
    if (len > 0) {
        memcpy(l->why, why.data, len);
    }
    l->why[len] = '\0';
    l->status = status;
    l->over = true;
}

/* Has the client been closed, or the server removed? Then it is over. */
static bool cut_off(struct rc_listing *l)
{
    const struct rc_member_server *member = l->server->owner;
    if (!l->over && (l->client->closing || member->leaving)) {
        finish(l, RINGCACHE_ECANCELED,
            rc_slice_text(l->client->closing ? "the client is closing" : "the server was removed"));
    }
    return l->over;
}

/* ---- telling ---- */

/* An item is told of as long as the server has it: of one whose time is over by our clock, the last
 * moment remains. */
static int64_t remaining_ms(struct rc_env *env, int64_t exptime_s)
{
    if (exptime_s <= 0) {
        return exptime_s;
    }
    int64_t left_s = exptime_s - env->transport->ops->wall_s(env->transport);
    if (left_s > INT64_MAX / MS_PER_S) {
        return INT64_MAX;
    }
    return left_s > 0 ? left_s * MS_PER_S : 1;
}

static void tell(struct rc_listing *l, const struct rc_listed *listed)
{
    struct rc_slice key = listed->key;
    size_t skip = l->prefix.len;
    bool within = key.len > skip && rc_slice_equal(rc_slice(key.data, skip), l->prefix);
    if (!within || rc_readmission_owns(key)) {
        return;
    }
    const ringcache_listed_key told = {
        .key = {key.data + skip, key.len - skip},
        .ttl_ms = remaining_ms(&l->client->env, listed->exptime_s),
    };
    l->told++;
    if (l->each(l->client, &told, l->user) != 0) {
        finish(l, RINGCACHE_OK, rc_slice(NULL, 0));
    }
}

static void tell_all(struct rc_listing *l, struct rc_slice rest)
{
    struct rc_listed listed;
    while (!cut_off(l) && l->server->backend.codec->next_key(&rest, &listed)) {
        tell(l, &listed);
    }
}

/* ---- memcached ---- */

static void pump_dump(struct rc_listing *l)
{
    if (!l->begun && !cut_off(l)) {
        l->begun = true;
        rc_dump_begin(&l->dump, l->server);
    }
    struct rc_slice lines = l->dump.lines;
    l->dump.lines = rc_slice(NULL, 0);
    tell_all(l, lines);
    if (!l->over && rc_dump_over(&l->dump)) {
        finish(l, l->dump.status, rc_slice_text(l->dump.why));
    }
    if (l->over && l->begun) {
        l->attempts = l->dump.asked_ms > 0;
        rc_dump_end(&l->dump);
    }
}

/* ---- Redis ---- */

/* Do pages come from another process than before, to whom the cursor means something else? Then it
 * is over. */
static bool strayed(struct rc_listing *l)
{
    const char *process = rc_server_process(l->server);
    if (l->process[0] == '\0') {
        memcpy(l->process, process, strlen(process) + 1);
    } else if (process[0] != '\0' && strcmp(l->process, process) != 0) {
        finish(l, RINGCACHE_ECONNECT, rc_slice_text("another process answers, amid the keys"));
    }
    return l->over;
}

static void page_answered(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    (void)client;
    struct rc_listing *l = user;
    l->asked = false;
    l->attempts += reply->attempts;
    if (reply->status < 0) {
        finish(l, reply->status, rc_slice_text(reply->message));
        return;
    }
    if (strayed(l)) {
        return;
    }
    tell_all(l, rc_slice(reply->value.data, reply->value.len));
    l->cursor = reply->number;
    if (!l->over && l->cursor == 0) {
        finish(l, RINGCACHE_OK, rc_slice(NULL, 0));
    }
}

static void no_room(struct rc_deadline *deadline, uint64_t now_ms)
{
    (void)now_ms;
    finish(rc_container(deadline, struct rc_listing, room), RINGCACHE_ETIMEDOUT,
        rc_slice_text("no room to ask for more keys within the deadline"));
}

static void ask_page(struct rc_listing *l)
{
    struct rc_env *env = &l->client->env;
    if (l->cursor == 0) {
        l->process[0] = '\0'; /* the first page may come from any */
    }
    if (strayed(l)) {
        return;
    }
    const struct rc_submission s = {
        .choice = {.server = l->server}, .cb = page_answered, .user = l};
    const struct rc_command command = {
        .verb = RC_VERB_KEYS,
        .strict = env->strict,
        .token = env->next_token++,
        .prefix = l->prefix,
        .number = l->cursor,
    };
    int rc = rc_client_try(l->client, &s, &command, NULL);
    l->asked = rc == 0;
    if (rc != RINGCACHE_EBUSY) {
        rc_env_disarm(env, &l->room);
    } else if (!rc_deadline_armed(&l->room)) {
        rc_env_arm(env, &l->room, rc_env_now_ms(env) + env->timeout_ms);
    }
    if (rc < 0 && rc != RINGCACHE_EBUSY) {
        finish(l, rc, rc_slice_text(ringcache_strerror(rc)));
    }
}

/* ---- the end ---- */

static void end(struct rc_listing *l)
{
    ringcache_client *client = l->client;
    const ringcache_reply reply = {
        .status = l->status,
        .number = l->told,
        .server = l->server->backend.name,
        .message = rc_client_text(client, rc_slice_text(l->why)),
        .attempts = l->attempts,
        .elapsed_us = rc_env_now_us(&client->env) - l->started_us,
        .ring_digest = client->table->digest,
    };
    rc_list_remove(&l->link);
    rc_env_disarm(&client->env, &l->room);
    l->done(client, &reply, l->user);
    rc_server_let_go(l->server);
    rc_free(l);
}

static void pump(struct rc_listing *l)
{
    if (!l->server->backend.credentials.redis) {
        pump_dump(l);
    } else if (!l->asked && !cut_off(l)) {
        ask_page(l);
    }
    if (l->over && !l->asked) {
        end(l);
    }
}

void rc_listings_pump(ringcache_client *client)
{
    struct rc_list turn;
    rc_list_init(&turn);
    rc_list_splice(&turn, &client->listings);
    for (struct rc_list *node; (node = rc_list_first(&turn)) != NULL;) {
        rc_list_remove(node);
        rc_list_append(&client->listings, node);
        pump(rc_container(node, struct rc_listing, link));
    }
}

int ringcache_server_keys(ringcache_client *client, const char *name, ringcache_key_cb each,
    ringcache_reply_cb done, void *user)
{
    struct rc_server *server = NULL;
    int rc = rc_client_find(client, name, each != NULL ? done : NULL, &server);
    if (rc < 0) {
        return rc;
    }
    struct rc_slice prefix = client->prefix;
    struct rc_listing *l = rc_alloc_zeroed(1, sizeof *l + prefix.len);
    if (l == NULL) {
        return rc_client_refuse(client, RINGCACHE_ENOMEM, ringcache_strerror(RINGCACHE_ENOMEM));
    }
    l->client = client;
    l->server = server;
    l->each = each;
    l->done = done;
    l->user = user;
    l->started_us = rc_env_now_us(&client->env);
    if (prefix.len > 0) {
        memcpy(l->prefix_bytes, prefix.data, prefix.len);
    }
    l->prefix = rc_slice(l->prefix_bytes, prefix.len);
    rc_deadline_init(&l->room, no_room);
    rc_server_hold(server);
    rc_list_append(&client->listings, &l->link);
    rc_client_update_hold(client);
    rc_env_defer(&client->env);
    return 0;
}

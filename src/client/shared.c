/* SPDX-License-Identifier: MIT */
#include "client/shared.h"

#include <string.h>

#include "base/alloc.h"
#include "client/client.h"
#include "client/failover.h"
#include "client/flight.h"
#include "server/doubt.h"

/* What all peers have in common. */
struct terms {
    uint32_t connections;
    uint64_t placement; /* digest of what tells a key's lane */
};

struct ringcache_shared {
    uv_mutex_t lock; /* of the rest */
    struct rc_list peers;
    struct rc_list news;   /* rc_news.link, oldest first */
    struct rc_list doubts; /* rc_told.link */
    struct terms terms;    /* of the peers there are */
    size_t holders;        /* peers, and the program until it lets go */
    atomic_size_t doubted; /* how many doubts there are, for who has not the lock */
};

enum kind { NEWS_LOST, NEWS_DOWN, NEWS_UP };

struct rc_news {
    struct rc_list link;
    size_t readers; /* peers that have not read it */
    const struct rc_peer *from;
    enum kind kind;
    uint32_t lane;
    uint64_t cas;
    size_t key_len;
    char *server; /* behind the key */
    unsigned char key[];
};

/* ---- appending ---- */

static struct rc_news *news_of(struct rc_list *link)
{
    return rc_container(link, struct rc_news, link);
}

static bool is_state(const struct rc_news *news)
{
    return news->kind != NEWS_LOST;
}

static void read_one(struct rc_news *news)
{
    if (--news->readers == 0) {
        rc_list_remove(&news->link);
        rc_free(news);
    }
}

/* The first one from `link` on that is for that peer. */
static struct rc_list *first_for(const struct rc_peer *peer, struct rc_list *link)
{
    while (news_of(link)->from == peer) {
        link = link->next;
    }
    return link;
}

static struct rc_news *take(struct rc_peer *peer)
{
    struct rc_news *news = news_of(peer->unread);
    peer->unread_count--;
    peer->unread_states -= is_state(news);
    peer->unread = peer->unread_count > 0 ? first_for(peer, peer->unread->next) : NULL;
    return news;
}

static void drop_unread(struct rc_peer *peer)
{
    while (peer->unread != NULL) {
        read_one(take(peer));
    }
}

static void call(struct rc_peer *peer)
{
    if (!atomic_load_explicit(&peer->called, memory_order_relaxed)) {
        atomic_store_explicit(&peer->called, true, memory_order_release);
        peer->transport->ops->wake(peer->transport);
    }
}

/* News of the one sort take no room from those of the other. */
static bool has_room(const struct rc_peer *peer, const struct rc_news *news)
{
    size_t unread = is_state(news) ? peer->unread_states : peer->unread_count - peer->unread_states;
    return unread < peer->limit;
}

/* `news` NULL: there was no memory for it. */
static void give(struct rc_peer *peer, struct rc_news *news)
{
    if (news == NULL || peer->missed || !has_room(peer, news)) {
        peer->missed = true;
        drop_unread(peer);
    } else {
        news->readers++;
        peer->unread_count++;
        peer->unread_states += is_state(news);
        peer->unread = peer->unread != NULL ? peer->unread : &news->link;
    }
    call(peer);
}

/* Who keeps no journal makes nothing good. */
static bool listens(const struct rc_peer *peer, const struct rc_peer *from)
{
    return peer != from && peer->limit > 0;
}

/* News of a state are no more than a hint: who has no room for one has missed nothing. But then
 * nobody gets it, since a peer reads all that was appended behind what it read last. */
static bool is_idle_talk(const struct rc_peer *from, const struct rc_news *news)
{
    const struct rc_list *peers = &from->shared->peers;
    bool fits = true;
    for (struct rc_list *link = peers->next; is_state(news) && link != peers; link = link->next) {
        const struct rc_peer *peer = rc_container(link, struct rc_peer, link);
        fits = fits && (!listens(peer, from) || has_room(peer, news));
    }
    return !fits;
}

static void append(struct rc_peer *from, struct rc_news *news)
{
    ringcache_shared *shared = from->shared;
    uv_mutex_lock(&shared->lock);
    if (news != NULL && is_idle_talk(from, news)) {
        rc_free(news);
        uv_mutex_unlock(&shared->lock);
        return;
    }
    if (news != NULL) {
        rc_list_append(&shared->news, &news->link);
        news->readers = 1;
    }
    for (struct rc_list *link = shared->peers.next; link != &shared->peers; link = link->next) {
        struct rc_peer *peer = rc_container(link, struct rc_peer, link);
        if (listens(peer, from)) {
            give(peer, news);
        }
    }
    if (news != NULL) {
        read_one(news); /* its author */
    }
    uv_mutex_unlock(&shared->lock);
}

static struct rc_news *make(struct rc_peer *from, const char *server, const struct rc_lost *lost)
{
    size_t name_size = strlen(server) + 1, key_len = lost->prefix.len + lost->key.len;
    struct rc_news *news = rc_alloc(sizeof *news + key_len + name_size);
    if (news == NULL) {
        return NULL;
    }
    *news = (struct rc_news){.from = from, .cas = lost->cas, .key_len = key_len};
    rc_list_init(&news->link);
    unsigned char *at = rc_slice_put(news->key, lost->prefix);
    at = rc_slice_put(at, lost->key);
    news->server = memcpy(at, server, name_size);
    return news;
}

void rc_shared_tell_lost(
    struct rc_peer *peer, const char *server, uint32_t lane, const struct rc_lost *lost)
{
    struct rc_news *news = make(peer, server, lost);
    if (news != NULL) {
        news->kind = NEWS_LOST;
        news->lane = lane;
    }
    append(peer, news);
}

void rc_shared_tell_state(struct rc_peer *peer, const char *server, bool up)
{
    static const struct rc_lost nothing;
    struct rc_news *news = make(peer, server, &nothing);
    if (news != NULL) { /* without memory the others find out themselves */
        news->kind = up ? NEWS_UP : NEWS_DOWN;
        append(peer, news);
    }
}

/* ---- keys in doubt ---- */

void rc_shared_begin_doubt(struct rc_peer *peer, const char *server, struct rc_conn *conn)
{
    ringcache_shared *shared = peer->shared;
    struct rc_told *told = &conn->told;
    rc_told_fill(told, &conn->keys);
    told->from = peer;
    told->server = server;
    uv_mutex_lock(&shared->lock);
    rc_list_append(&shared->doubts, &told->link);
    atomic_fetch_add_explicit(&shared->doubted, 1, memory_order_release);
    uv_mutex_unlock(&shared->lock);
}

void rc_shared_end_doubt(struct rc_peer *peer, struct rc_conn *conn)
{
    ringcache_shared *shared = peer->shared;
    if (conn->told.all) {
        append(peer, NULL); /* some of it was lost, and nobody knows what */
    }
    uv_mutex_lock(&shared->lock);
    rc_list_remove(&conn->told.link);
    atomic_fetch_sub_explicit(&shared->doubted, 1, memory_order_release);
    uv_mutex_unlock(&shared->lock);
}

static bool covers(const struct rc_told *told, const struct rc_command *command)
{
    return command == NULL || rc_told_has(told, command->prefix, command->key);
}

bool rc_shared_doubts(
    const struct rc_peer *peer, const char *server, const struct rc_command *command)
{
    ringcache_shared *shared = peer->shared;
    bool doubted = false;
    if (atomic_load_explicit(&shared->doubted, memory_order_acquire) == 0) {
        return false;
    }
    uv_mutex_lock(&shared->lock);
    for (struct rc_list *link = shared->doubts.next; link != &shared->doubts; link = link->next) {
        const struct rc_told *told = rc_container(link, struct rc_told, link);
        doubted = doubted || (told->from != peer && strcmp(told->server, server) == 0 &&
                                 covers(told, command));
    }
    uv_mutex_unlock(&shared->lock);
    return doubted;
}

/* ---- reading ---- */

static void tell(const struct rc_news *news, const struct rc_news_events *events, void *owner)
{
    const struct rc_lost lost = {.key = rc_slice(news->key, news->key_len), .cas = news->cas};
    switch (news->kind) {
    case NEWS_LOST:
        events->lost(owner, news->server, news->lane, &lost);
        return;
    case NEWS_DOWN:
        events->state(owner, news->server, false);
        return;
    case NEWS_UP:
        events->state(owner, news->server, true);
        return;
    }
}

void rc_shared_read(struct rc_peer *peer, const struct rc_news_events *events, void *owner)
{
    ringcache_shared *shared = peer->shared;
    uv_mutex_lock(&shared->lock);
    atomic_store_explicit(&peer->called, false, memory_order_relaxed);
    bool missed = peer->missed;
    peer->missed = false;
    while (peer->unread != NULL) {
        struct rc_news *news = take(peer);
        uv_mutex_unlock(&shared->lock); /* it stays as long as this peer has not read it */
        tell(news, events, owner);
        uv_mutex_lock(&shared->lock);
        read_one(news);
    }
    uv_mutex_unlock(&shared->lock);
    if (missed) {
        events->missed(owner);
    }
}

/* A guest's key is not the one that it is read by. */
static void overtake_reads(ringcache_client *client, struct rc_slice key)
{
    size_t prefix = client->prefix.len;
    bool known = key.len >= prefix && !rc_failover_is_guest(key);
    rc_flights_overtake(
        client, known ? rc_slice(key.data + prefix, key.len - prefix) : rc_slice(NULL, 0));
}

static void hear_lost(void *owner, const char *name, uint32_t lane, const struct rc_lost *lost)
{
    ringcache_client *client = owner;
    overtake_reads(client, lost->key);
    for (struct rc_list *l = client->members.next; l != &client->members; l = l->next) {
        struct rc_server *server = rc_container(l, struct rc_member_server, link)->server;
        if (strcmp(server->backend.name, name) == 0) { /* one that is leaving may come back */
            rc_failover_heard_lost(server, lost->key);
            rc_server_hear_lost(server, lane, lost);
        }
    }
    rc_departures_note(&client->departures, name, lane, lost, rc_env_random(&client->env));
}

static void hear_state(void *owner, const char *name, bool up)
{
    struct rc_server *server = rc_members_find(owner, name);
    if (server != NULL) {
        rc_server_hear_state(server, up);
    }
}

static void hear_gap(void *owner)
{
    ringcache_client *client = owner;
    rc_flights_overtake(client, rc_slice(NULL, 0));
    for (struct rc_list *l = client->members.next; l != &client->members; l = l->next) {
        rc_server_hear_gap(rc_container(l, struct rc_member_server, link)->server);
    }
    rc_departures_miss(&client->departures);
}

void rc_client_hear(ringcache_client *client)
{
    static const struct rc_news_events events = {hear_lost, hear_state, hear_gap};
    if (rc_shared_called(client->peer)) {
        rc_shared_read(client->peer, &events, client);
    }
}

/* ---- peers ---- */

int ringcache_shared_new(ringcache_shared **shared)
{
    ringcache_shared *s = rc_alloc_zeroed(1, sizeof *s);
    if (s == NULL) {
        return RINGCACHE_ENOMEM;
    }
    if (uv_mutex_init(&s->lock) < 0) {
        rc_free(s);
        return RINGCACHE_ENOMEM;
    }
    rc_list_init(&s->peers);
    rc_list_init(&s->news);
    rc_list_init(&s->doubts);
    atomic_init(&s->doubted, 0);
    s->holders = 1;
    *shared = s;
    return 0;
}

/* Gives the lock back. */
static void let_go(ringcache_shared *shared)
{
    bool last = --shared->holders == 0;
    uv_mutex_unlock(&shared->lock);
    if (last) {
        uv_mutex_destroy(&shared->lock);
        rc_free(shared);
    }
}

void ringcache_shared_free(ringcache_shared *shared)
{
    if (shared != NULL) {
        uv_mutex_lock(&shared->lock);
        let_go(shared);
    }
}

void rc_shared_leave(struct rc_peer *peer)
{
    if (peer == NULL) {
        return;
    }
    ringcache_shared *shared = peer->shared;
    uv_mutex_lock(&shared->lock);
    drop_unread(peer);
    rc_list_remove(&peer->link);
    let_go(shared);
    rc_free(peer);
}

static struct terms terms_of(const ringcache_client *client)
{
    return (struct terms){
        .connections = client->settings.connections,
        .placement = rc_config_key_digest(client->config),
    };
}

/* 0, or RINGCACHE_EINVAL where its terms are not those of the others. */
static int enter(ringcache_shared *shared, struct rc_peer *peer, struct terms terms)
{
    uv_mutex_lock(&shared->lock);
    bool first = rc_list_empty(&shared->peers);
    bool same = terms.connections == shared->terms.connections &&
                terms.placement == shared->terms.placement;
    if (first || same) {
        shared->terms = terms;
        shared->holders++;
        rc_list_append(&shared->peers, &peer->link);
    }
    uv_mutex_unlock(&shared->lock);
    return first || same ? 0 : RINGCACHE_EINVAL;
}

/* What was given up before it took part. */
static void tell_old(ringcache_client *client)
{
    for (struct rc_list *l = client->members.next; l != &client->members; l = l->next) {
        struct rc_server *server = rc_container(l, struct rc_member_server, link)->server;
        for (struct rc_list *old = server->old.next; old != &server->old; old = old->next) {
            rc_doubt_tell(server, rc_container(old, struct rc_conn, link));
        }
    }
}

int ringcache_client_share(ringcache_client *client, ringcache_shared *shared)
{
    if (client->closing) {
        return rc_client_refuse(client, RINGCACHE_ECLOSING, "the client is closing");
    }
    if (shared == NULL || client->peer != NULL) {
        return rc_client_refuse(client, RINGCACHE_EINVAL,
            shared == NULL ? "nothing to share" : "the client shares already");
    }
    struct rc_peer *peer = rc_alloc_zeroed(1, sizeof *peer);
    if (peer == NULL) {
        return rc_client_refuse(client, RINGCACHE_ENOMEM, ringcache_strerror(RINGCACHE_ENOMEM));
    }
    peer->shared = shared;
    peer->transport = client->env.transport;
    peer->limit = client->settings.journal_entries;
    if (enter(shared, peer, terms_of(client)) < 0) {
        rc_free(peer);
        return rc_client_refuse(client, RINGCACHE_EINVAL,
            "the clients that share have other connections, or place keys otherwise");
    }
    client->peer = peer;
    client->env.shares = true;
    tell_old(client);
    return 0;
}

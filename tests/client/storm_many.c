/* SPDX-License-Identifier: MIT */
/* Keys, counters and names that nobody ever stored, asked for in one call. */
#include "storm.h"

#include <stdio.h>
#include <stdlib.h>

enum { KEYS_MAX = 500, SMALL = 30 };

struct storm_many {
    struct storm_client *client;
    size_t count, told, ok, missed, failed;
    ringcache_slice keys[KEYS_MAX];
    struct storm_request requests[KEYS_MAX];
    bool answered[KEYS_MAX];
    char names[KEYS_MAX][24]; /* a counter goes on under another name meanwhile */
    size_t place;             /* in client->manys */
    bool counts_only;         /* no callback for each key */
};

static void check_moment(const struct storm_many *many, const ringcache_client *client)
{
    const struct storm_client *c = many->client;
    if (client != c->client || c->storm->in_call || c->closed > 0) {
        storm_fail(c->storm, "a callback of many inside a call, or behind the end", "");
    }
}

static void on_each(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct storm_many *many = user;
    struct storm *storm = many->client->storm;
    check_moment(many, client);
    if (reply->index >= many->count || many->answered[reply->index]) {
        storm_fail(storm, "a key of many was answered twice", "");
    }
    struct storm_request *r = &many->requests[reply->index];
    many->answered[reply->index] = true;
    many->told++;
    many->ok += reply->status == RINGCACHE_OK;
    many->missed += reply->status == RINGCACHE_MISS;
    many->failed += reply->status < 0;
    if (r->key == NULL && r->counter == NULL && reply->status == RINGCACHE_OK &&
        !storm->rules.lawless) {
        storm_fail(storm, "a value under a key that nobody wrote", many->names[reply->index]);
    }
    storm_judge(r, reply);
    if (storm_draw(storm, 8) == 0) {
        storm_act(many->client);
    }
}

static void forget(struct storm_many *many)
{
    struct storm_client *c = many->client;
    struct storm_many *last = c->manys[--c->many_count];
    last->place = many->place;
    c->manys[many->place] = last;
}

const struct storm_request *storm_many_oldest_read(const struct storm_request *r)
{
    const struct storm_request *oldest = NULL;
    for (size_t i = 0; i < r->client->many_count; i++) {
        const struct storm_many *many = r->client->manys[i];
        for (size_t k = 0; k < many->count; k++) {
            oldest = many->answered[k] ? oldest : storm_older_read(r, oldest, &many->requests[k]);
        }
    }
    return oldest;
}

static void on_done(ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    struct storm_many *many = user;
    struct storm_client *c = many->client;
    check_moment(many, client);
    bool each = many->told == many->count && many->ok == ok && many->missed == missed &&
                many->failed == failed;
    if (ok + missed + failed != many->count || !(each || many->counts_only)) {
        storm_fail(c->storm, "many ended with a wrong count", "");
    }
    storm_tell(c->storm, "many", "done, failed", (int64_t)failed);
    forget(many);
    c->answered++;
    c->succeeded += failed == 0;
    free(many);
    storm_act(c);
}

static size_t draw_count(struct storm *storm)
{
    return 1 + storm_draw(storm, storm_draw(storm, 4) == 0 ? KEYS_MAX : SMALL);
}

static void choose(struct storm_many *many, size_t i, uint64_t which)
{
    struct storm *storm = many->client->storm;
    struct storm_request *r = &many->requests[i];
    const char *name = NULL;
    r->storm = storm;
    r->client = many->client;
    r->many = many;
    r->op = RINGCACHE_GET;
    if (which < STORM_KEYS) {
        storm_key_note(r, &storm->keys[which]);
        name = storm->keys[which].name;
    } else if (which < STORM_KEYS + STORM_COUNTERS) {
        storm_counter_note(r, &storm->counters[which - STORM_KEYS]);
        name = storm->counters[which - STORM_KEYS].name;
    }
    if (name != NULL) {
        snprintf(many->names[i], sizeof many->names[i], "%s", name);
    } else {
        snprintf(many->names[i], sizeof many->names[i], "none%d", (int)(which % 1000));
    }
    many->keys[i] = (ringcache_slice){many->names[i], strlen(many->names[i])};
}

static struct storm_many *new_many(
    struct storm_client *c, bool all, const ringcache_request *defaults)
{
    struct storm *storm = c->storm;
    struct storm_many *many = calloc(1, sizeof *many);
    assert_non_null(many);
    many->client = c;
    many->count = all ? STORM_KEYS + STORM_COUNTERS : draw_count(storm);
    many->counts_only = !all && storm_draw(storm, 6) == 0;
    uint32_t timeout_ms = defaults->timeout_ms > 0 ? defaults->timeout_ms : storm->timeout_ms;
    for (size_t i = 0; i < many->count; i++) {
        choose(many, i, all ? i : storm_draw(storm, 2 * (STORM_KEYS + STORM_COUNTERS)));
        many->requests[i].options = defaults->options;
        storm_note_deadline(&many->requests[i], timeout_ms);
        if (many->requests[i].key != NULL || many->requests[i].counter != NULL) {
            storm_share_past(&many->requests[i]);
        }
    }
    return many;
}

static void refused(struct storm_many *many, int rc)
{
    struct storm_client *c = many->client;
    bool empty = ringcache_ring_server_count(c->client->table->owners.ring) == 0;
    bool known = rc == RINGCACHE_ENOSERVER ? empty : rc == RINGCACHE_ENOMEM && storm_starving() > 0;
    if (!known) {
        storm_fail(c->storm, "many were refused", ringcache_client_error(c->client));
    }
    c->refused++;
    free(many);
}

void storm_ask_many(struct storm_client *c, bool all)
{
    struct storm *storm = c->storm;
    if (c->many_count == STORM_MANYS) {
        return;
    }
    ringcache_request defaults = {.timeout_ms = storm_draw_timeout(storm)};
    if (!all && storm_draw(storm, 6) == 0) {
        defaults.options = storm_draw(storm, 2) == 0 ? RINGCACHE_WANT_CAS : RINGCACHE_WANT_TTL;
    }
    struct storm_many *many = new_many(c, all, &defaults);
    storm->in_call = true;
    int rc = ringcache_get_many(c->client, many->keys, many->count, &defaults,
        many->counts_only ? NULL : on_each, on_done, many);
    storm->in_call = false;
    storm_tell(storm, "many", ringcache_err_name(rc), (int64_t)many->count);
    if (rc < 0) {
        refused(many, rc);
        return;
    }
    many->place = c->many_count;
    c->manys[c->many_count++] = many;
    c->accepted++;
    c->requests += many->count;
}

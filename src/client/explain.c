/* SPDX-License-Identifier: MIT */
#include "client/client.h"
#include "client/failover.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

enum { CANDIDATES = 1 + RC_SUBSTITUTES_MAX };

struct candidate {
    char name[256];
    char reason[240];
    const char *state;
    bool spare;
    bool journalled;
};

struct ringcache_explanation {
    uint32_t hash;
    uint64_t digest;
    size_t count;
    size_t target;
    int status;
    struct candidate candidates[CANDIDATES];
};

/* The key's owner and whoever is tried in its place, or would be with failover. */
static size_t candidates_of(
    const ringcache_client *client, struct rc_slice key, struct rc_choice out[CANDIDATES])
{
    const struct rc_policy *policy =
        client->policy->substitutes != NULL ? client->policy : &rc_policy_remap;
    out[0] = rc_table_owner(client->table, key);
    return out[0].server != NULL ? 1 + policy->substitutes(client->table, key, out + 1) : 0;
}

static void describe(
    struct candidate *candidate, const struct rc_server *server, const struct rc_lost *key)
{
    candidate->journalled = rc_journal_has(&server->journal, key->prefix, key->key);
    snprintf(candidate->name, sizeof candidate->name, "%s", server->backend.name);
    snprintf(candidate->reason, sizeof candidate->reason, "%s", rc_text_bytes(server->reason));
    candidate->state = rc_server_state_name(server);
    candidate->spare = rc_member_of(server)->spare;
}

static void decide(struct ringcache_explanation *e, const struct rc_choice *candidates,
    const struct rc_choice *choice)
{
    e->target = RINGCACHE_NONE;
    e->status = RINGCACHE_ENOSERVER;
    for (size_t i = 0; i < e->count; i++) {
        if (candidates[i].server != choice->server) {
            continue;
        }
        bool available = rc_server_available(choice->server);
        e->target = available ? i : RINGCACHE_NONE;
        e->status = available ? 0 : choice->server->down_status;
    }
}

static struct rc_choice who_is_asked(ringcache_client *client, struct rc_slice key)
{
    struct rc_choice owner = rc_table_owner(client->table, key);
    bool out = owner.server != NULL && !rc_server_available(owner.server);
    struct rc_choice other = out ? rc_failover_substitute(client, key) : (struct rc_choice){0};
    return other.server != NULL ? other : owner;
}

int ringcache_explain(
    ringcache_client *client, const void *key, size_t key_len, ringcache_explanation **out)
{
    if (client->closing) {
        return rc_client_refuse(client, RINGCACHE_ECLOSING, "the client is closing");
    }
    const ringcache_request get = {.op = RINGCACHE_GET, .key = {key, key_len}};
    const char *why = "nowhere to put the explanation";
    int rc = out != NULL ? rc_check_request(&client->means, &get, &why) : RINGCACHE_EINVAL;
    if (rc < 0) {
        return rc_client_refuse(client, rc, why);
    }
    struct ringcache_explanation *e = rc_alloc_zeroed(1, sizeof *e);
    if (e == NULL) {
        return rc_client_refuse(client, RINGCACHE_ENOMEM, ringcache_strerror(RINGCACHE_ENOMEM));
    }
    const struct rc_table *table = client->table;
    struct rc_choice candidates[CANDIDATES];
    e->hash = rc_ring_hash(table->owners.ring, key, key_len);
    e->digest = table->digest;
    e->count = candidates_of(client, rc_slice(key, key_len), candidates);
    const struct rc_lost whole = {.prefix = client->prefix, .key = rc_slice(key, key_len)};
    for (size_t i = 0; i < e->count; i++) {
        describe(&e->candidates[i], candidates[i].server, &whole);
    }
    struct rc_choice choice = who_is_asked(client, rc_slice(key, key_len));
    decide(e, candidates, &choice);
    *out = e;
    return 0;
}

uint32_t ringcache_explanation_hash(const ringcache_explanation *explanation)
{
    return explanation->hash;
}

uint64_t ringcache_explanation_digest(const ringcache_explanation *explanation)
{
    return explanation->digest;
}

size_t ringcache_explanation_count(const ringcache_explanation *explanation)
{
    return explanation->count;
}

const char *ringcache_explanation_server(const ringcache_explanation *explanation, size_t index)
{
    return index < explanation->count ? explanation->candidates[index].name : NULL;
}

const char *ringcache_explanation_state(const ringcache_explanation *explanation, size_t index)
{
    return index < explanation->count ? explanation->candidates[index].state : NULL;
}

const char *ringcache_explanation_reason(const ringcache_explanation *explanation, size_t index)
{
    return index < explanation->count ? explanation->candidates[index].reason : NULL;
}

int ringcache_explanation_spare(const ringcache_explanation *explanation, size_t index)
{
    return index < explanation->count && explanation->candidates[index].spare;
}

int ringcache_explanation_journalled(const ringcache_explanation *explanation, size_t index)
{
    return index < explanation->count && explanation->candidates[index].journalled;
}

size_t ringcache_explanation_target(const ringcache_explanation *explanation)
{
    return explanation->target;
}

int ringcache_explanation_status(const ringcache_explanation *explanation)
{
    return explanation->status;
}

void ringcache_explanation_free(ringcache_explanation *explanation)
{
    rc_free(explanation);
}

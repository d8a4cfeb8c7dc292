/* SPDX-License-Identifier: MIT */
#include "injection.h"

void peer_receive(struct peer *peer, struct rc_slice bytes)
{
    struct trial *trial = peer->trial;
    for (size_t i = 0; i < bytes.len; i++) { /* FNV-1a */
        trial->hash = (trial->hash ^ bytes.data[i]) * UINT64_C(0x100000001b3);
    }
    sim_bytes_append(&peer->in, bytes.data, bytes.len);
    while (!peer->mute && peer->in.len > 0 && trial->failure[0] == '\0') {
        size_t len = peer->speech->hear(peer, sim_bytes_view(&peer->in));
        if (len == 0) {
            return;
        }
        sim_bytes_consume(&peer->in, len);
    }
}

static bool may_be_batched(const struct slot *slot, const struct peer *peer)
{
    uint32_t wants = RINGCACHE_WANT_CAS | RINGCACHE_WANT_TTL;
    const struct rules *rules = &peer->trial->rules;
    return (slot->many || rules->merges) && slot->request.op == RINGCACHE_GET && !rules->strict &&
           (slot->request.options & wants) == 0;
}

/* What the server is to hear of a request. */
static struct command expected_of(
    const struct slot *slot, const struct peer *peer, const struct command *heard)
{
    const ringcache_request *r = &slot->request;
    bool redis = peer->speech->redis;
    bool strict = peer->trial->rules.strict;
    bool want_cas = (r->options & RINGCACHE_WANT_CAS) != 0;
    bool want_ttl = (r->options & RINGCACHE_WANT_TTL) != 0;
    return (struct command){
        .op = r->op,
        .key = heard->key, /* by which the slot was found */
        .value = sim_bytes_view(&slot->sent),
        .flags = r->flags,
        .time = redis ? r->ttl_ms : slot->exptime,
        .cas = r->cas,
        .delta = r->delta,
        .initial = r->initial,
        .with_initial = (r->options & RINGCACHE_WITH_INITIAL) != 0,
        .want_cas = want_cas,
        .want_ttl = want_ttl || (redis && want_cas),
        .batched = heard->batched && may_be_batched(slot, peer),
        .key_back = strict && peer->speech == &speech_meta,
        .has_token = peer->speech == &speech_meta && !heard->batched,
        /* One that goes again among others has the token of its place there. */
        .token = slot->named && !may_be_batched(slot, peer) ? slot->token : heard->token,
    };
}

/* A memcached's counter beyond 2^63-1 is brought back where it was. */
static struct command taking_back(
    const struct slot *slot, const struct peer *peer, const struct command *heard)
{
    struct command c = expected_of(slot, peer, heard);
    c.op = RINGCACHE_DECREMENT;
    c.with_initial = false;
    c.initial = 0;
    c.time = 0;
    return c;
}

/* The first field that is not as it should be, or NULL. */
static const char *differs(const struct command *expected, const struct command *heard)
{
    const struct {
        const char *name;
        bool same;
    } fields[] = {
        {"the operation", expected->op == heard->op},
        {"the value", rc_slice_equal(expected->value, heard->value)},
        {"the client flags", expected->flags == heard->flags},
        {"the time to live", expected->time == heard->time},
        {"the CAS token", expected->cas == heard->cas},
        {"the delta", expected->delta == heard->delta},
        {"the initial value", expected->initial == heard->initial},
        {"whether there is an initial value", expected->with_initial == heard->with_initial},
        {"whether the CAS token is wanted", expected->want_cas == heard->want_cas},
        {"whether the time left is wanted", expected->want_ttl == heard->want_ttl},
        {"whether it is one of a batch", expected->batched == heard->batched},
        {"whether the key is wanted back", expected->key_back == heard->key_back},
        {"whether it has a token", expected->has_token == heard->has_token},
        {"the token", expected->token == heard->token},
    };
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!fields[i].same) {
            return fields[i].name;
        }
    }
    return NULL;
}

/* In the order of submission, which the tokens follow too. */
static const char *misplaced(struct peer *peer, const struct slot *slot, const struct command *c)
{
    uint64_t *last = slot->many ? &peer->last_many : &peer->last;
    if (slot->order <= *last) {
        return "a command before its turn";
    }
    *last = slot->order;
    if (c != NULL && c->has_token) {
        if (peer->had_token && (int32_t)(uint32_t)(c->token - peer->last_token) <= 0) {
            return "a token before its turn";
        }
        peer->had_token = true;
        peer->last_token = c->token;
    }
    return NULL;
}

static bool may_be_heard(const struct slot *slot)
{
    return slot != NULL && slot->state != SLOT_IDLE && (!slot->heard || slot->goes_back);
}

/* A read whose connection was lost is sent once more, and no third time. */
static bool may_be_heard_again(const struct peer *peer, const struct slot *slot)
{
    return slot != NULL && slot->state != SLOT_IDLE && !slot->raw &&
           slot->hearings == (slot->went_alone ? 2 : 1) && slot->request.op == RINGCACHE_GET &&
           slot->peer != peer->number;
}

/* What a batch of memcached says of an empty value is less than a get by itself does. */
static bool may_be_heard_alone(
    const struct peer *peer, const struct slot *slot, const struct command *c)
{
    return slot != NULL && slot->state != SLOT_IDLE && slot->goes_alone && !c->batched &&
           slot->peer == peer->number;
}

static const char *wrong_with(struct peer *peer, const struct slot *slot, const struct command *c)
{
    bool alone = may_be_heard_alone(peer, slot, c), again = may_be_heard_again(peer, slot);
    if (!alone && !again && (!may_be_heard(slot) || slot->raw)) {
        return "a command that nobody submitted";
    }
    bool goes_back = slot->goes_back;
    if (goes_back && slot->peer != peer->number) {
        return "a counter taken back on another connection";
    }
    struct command expected = goes_back ? taking_back(slot, peer, c) : expected_of(slot, peer, c);
    const char *field = differs(&expected, c);
    return field != NULL || goes_back || alone ? field : misplaced(peer, slot, c);
}

/* It was heard. */
static void note(struct peer *peer, struct slot *slot, const struct command *c)
{
    struct tally *tally = &peer->trial->tally;
    tally->late += slot->state == SLOT_LOST;
    tally->gone_back += slot->goes_back;
    bool alone = slot->goes_alone && slot->peer == peer->number;
    tally->again += slot->heard && !slot->goes_back && !alone;
    tally->gone_alone += alone;
    tally->raw += slot->raw;
    slot->went_back = slot->goes_back;
    slot->went_alone = alone;
    slot->hearings++;
    slot->goes_back = false;
    slot->heard = true;
    slot->named = c != NULL && c->has_token;
    slot->token = slot->named ? c->token : 0;
    slot->peer = peer->number;
    slot->item = &slot->items[peer->server];
    peer->trial->heard++;
}

static void let_go(struct slot *slot)
{
    if (slot->state == SLOT_LOST && !slot->goes_back) {
        slot->state = SLOT_IDLE;
    }
}

const struct slot *hear(struct peer *peer, const struct command *command)
{
    struct trial *trial = peer->trial;
    bool redis = peer->speech->redis;
    struct slot *slot = slot_find(trial, command->key);
    const char *wrong = wrong_with(peer, slot, command);
    if (wrong != NULL) {
        trial_fail(trial, wrong, command->key);
        return NULL;
    }
    note(peer, slot, command);
    trial->tally.ops[peer->speech->number][command->op]++;
    trial->tally.batched[peer->speech->number] += command->batched;
    slot->answer = cache_run(trial, redis, slot->item, command);
    slot->goes_back = !redis && command->op == RINGCACHE_INCREMENT && slot->answer.status == 0 &&
                      slot->answer.number > INT64_MAX;
    slot->goes_alone = command->batched && peer->speech == &speech_meta &&
                       slot->answer.status == RINGCACHE_OK && slot->item->value.len == 0;
    let_go(slot);
    return slot;
}

static bool same_words(const struct slot *slot, const struct words *words)
{
    const unsigned char *at = sim_bytes_view(&slot->sent).data;
    bool same = words->count == slot->word_count;
    for (size_t i = 0; same && i < words->count; i++) {
        same = rc_slice_equal(words->word[i], rc_slice(at, slot->word_lens[i]));
        at += slot->word_lens[i];
    }
    return same;
}

const struct slot *hear_raw(struct peer *peer, const struct words *words)
{
    struct slot *slot = words->count > 1 ? slot_find(peer->trial, words->word[1]) : NULL;
    if (!may_be_heard(slot) || !slot->raw) {
        return NULL;
    }
    const char *wrong =
        same_words(slot, words) ? misplaced(peer, slot, NULL) : "the words of a raw command";
    if (wrong != NULL) {
        trial_fail(peer->trial, wrong, words->word[0]);
        return NULL;
    }
    note(peer, slot, NULL);
    slot->answer = (struct answer){.status = RINGCACHE_OK};
    let_go(slot);
    return slot;
}

void hear_ping(struct peer *peer)
{
    peer->trial->pings_heard++;
}

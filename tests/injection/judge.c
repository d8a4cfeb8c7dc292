/* SPDX-License-Identifier: MIT */
#include "injection.h"

static bool is_write(const struct slot *slot)
{
    return slot->raw || slot->request.op != RINGCACHE_GET;
}

/* A failure that may come of what was done to the connections, or of the request itself. */
static bool is_explained(const struct trial *trial, const struct slot *slot, int status)
{
    switch (status) {
    case RINGCACHE_ETIMEDOUT:
        return true;
    case RINGCACHE_ECANCELED:
        return slot->canceled || trial->closing;
    case RINGCACHE_ECONNECT:
    case RINGCACHE_EDOWN:
        return trial->rules.faults;
    case RINGCACHE_ESERVER:
        return slot->heard && slot->answer.status == RINGCACHE_ESERVER;
    case RINGCACHE_EINVAL:
        return slot->not_permitted;
    case RINGCACHE_ENOTSUP:
        return slot->beyond_speech && !slot->heard;
    default:
        return false;
    }
}

static const char *wrong_failure(
    const struct trial *trial, const struct slot *slot, const ringcache_reply *reply)
{
    if (!is_explained(trial, slot, reply->status)) {
        return "a failure that nothing explains";
    }
    bool said_not_applied =
        reply->status != RINGCACHE_ESERVER && is_write(slot) && !reply->maybe_applied;
    if (slot->heard && (said_not_applied || reply->attempts == 0)) {
        return "heard, though the client says that it was not sent";
    }
    return NULL;
}

/* memcached tells whole seconds, Redis milliseconds. */
static int64_t time_left_ms(const struct slot *slot, bool redis)
{
    int64_t time = slot->item->time;
    if (time == 0) {
        return -1;
    }
    return redis ? time : time * 1000;
}

static const char *wrong_value(
    const struct trial *trial, const struct slot *slot, const ringcache_reply *reply)
{
    const struct item *item = slot->item;
    bool redis = trial->servers[item - slot->items].speech->redis;
    struct rc_slice value = rc_slice(reply->value.data, reply->value.len);
    uint32_t options = slot->request.options;
    if (!rc_slice_equal(value, sim_bytes_view(&item->value))) {
        return "another value than the server's";
    }
    if (reply->flags != (redis ? 0 : item->flags)) {
        return "other client flags than the server's";
    }
    if ((options & RINGCACHE_WANT_CAS) != 0 && reply->cas != item->cas) {
        return "another CAS token than the server's";
    }
    if ((options & RINGCACHE_WANT_TTL) != 0 && reply->ttl_ms != time_left_ms(slot, redis)) {
        return "another time to live than the server's";
    }
    return NULL;
}

static const char *wrong_raw(const struct slot *slot, const ringcache_reply *reply)
{
    size_t last = slot->word_lens[slot->word_count - 1];
    struct rc_slice sent = sim_bytes_view(&slot->sent);
    struct rc_slice word = rc_slice(sent.data + sent.len - last, last);
    return rc_slice_equal(rc_slice(reply->value.data, reply->value.len), word)
               ? NULL
               : "another text than the server's";
}

static const char *wrong_answer(
    const struct trial *trial, const struct slot *slot, const ringcache_reply *reply)
{
    if (!slot->heard) {
        return "answered, and was never heard";
    }
    if (slot->goes_back) {
        return "a counter out of its range was not taken back";
    }
    if (reply->status != (slot->went_back ? RINGCACHE_NOT_STORED : slot->answer.status)) {
        return "another status than the server's";
    }
    if (slot->raw) {
        return wrong_raw(slot, reply);
    }
    switch (slot->request.op) {
    case RINGCACHE_GET:
    case RINGCACHE_GET_AND_TOUCH:
        return reply->status == RINGCACHE_OK ? wrong_value(trial, slot, reply) : NULL;
    case RINGCACHE_INCREMENT:
    case RINGCACHE_DECREMENT:
        return reply->status == RINGCACHE_OK && reply->number != slot->answer.number
                   ? "another number than the server's"
                   : NULL;
    case RINGCACHE_SET:
    case RINGCACHE_ADD:
    case RINGCACHE_REPLACE:
    case RINGCACHE_APPEND:
    case RINGCACHE_PREPEND:
    case RINGCACHE_CAS:
    case RINGCACHE_DELETE:
    case RINGCACHE_TOUCH:
        break;
    }
    return NULL;
}

/* May it still be heard, behind its callback? */
static bool may_come(const struct slot *slot, const ringcache_reply *reply)
{
    if (slot->heard && is_write(slot)) {
        return slot->goes_back;
    }
    return reply->attempts > slot->hearings && (!is_write(slot) || reply->maybe_applied);
}

static void judge(struct trial *trial, struct slot *slot, const ringcache_reply *reply)
{
    const char *wrong = NULL;
    if (trial->in_call || trial->closed || slot->state != SLOT_PENDING) {
        wrong = "a callback inside a call, behind the end, or twice";
    } else if (reply->status < 0) {
        wrong = wrong_failure(trial, slot, reply);
    } else {
        wrong = wrong_answer(trial, slot, reply);
    }
    if (wrong != NULL) {
        trial_fail(trial, wrong, rc_slice_text(ringcache_err_name(reply->status)));
    }
    trial->pending--;
    trial->answered += reply->status >= 0;
    slot->peers_then = wire_connects(trial->wire);
    slot->state = may_come(slot, reply) ? SLOT_LOST : SLOT_IDLE;
}

void on_reply(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct slot *slot = user;
    (void)client;
    judge(slot->trial, slot, reply);
}

void on_each(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct trial *trial = user;
    (void)client;
    judge(trial, trial->many_slots[reply->index], reply);
}

void on_many_done(ringcache_client *client, size_t ok, size_t missed, size_t failed, void *user)
{
    struct trial *trial = user;
    (void)client;
    if (ok + missed + failed != trial->many_count) {
        trial_fail(trial, "not every key of many was told of", rc_slice(NULL, 0));
    }
    trial->many_count = 0;
}

void on_pong(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct trial *trial = user;
    (void)client;
    trial->pongs += reply->status == RINGCACHE_OK;
}

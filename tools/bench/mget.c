/* SPDX-License-Identifier: MIT */
#include "mget.h"

#include <stdlib.h>

void mget_deinit(struct mget *mget)
{
    free(mget->keys);
    free(mget->first);
    free(mget->words);
    free(mget->sizes);
    *mget = (struct mget){0};
}

static void sort_call(struct mget *mget, const struct load *load, uint32_t call)
{
    const size_t servers = load->plan->port_count;
    uint32_t at = call * load->step;
    for (size_t server = 0; server < servers; server++) {
        mget->first[call * servers + server] = at;
        for (uint32_t key = call * load->step; key < (call + 1) * load->step; key++) {
            if (load->work->owners[key] == server) {
                mget->keys[at++] = key;
            }
        }
    }
    mget->first[(call + 1) * servers] = at;
}

bool mget_init(struct mget *mget, const struct load *load)
{
    const uint32_t calls = load->plan->keys / load->step;
    mget_deinit(mget);
    mget->keys = calloc(load->plan->keys, sizeof *mget->keys);
    mget->first = calloc(calls * load->plan->port_count + 1, sizeof *mget->first);
    mget->words = calloc(load->step + 1, sizeof *mget->words);
    mget->sizes = calloc(load->step + 1, sizeof *mget->sizes);
    if (mget->keys == NULL || mget->first == NULL || mget->words == NULL || mget->sizes == NULL) {
        return false;
    }
    for (uint32_t call = 0; call < calls; call++) {
        sort_call(mget, load, call);
    }
    return true;
}

/* The place of the first key of that server, and behind it that of the next server. */
static const uint32_t *range_of(const struct mget *mget, const struct flight *flight, size_t server)
{
    const struct load *load = flight->load;
    return &mget->first[flight->key / load->step * load->plan->port_count + server];
}

int mget_command(struct mget *mget, const struct flight *flight, size_t server)
{
    const struct work *work = flight->load->work;
    const uint32_t *range = range_of(mget, flight, server);
    int count = 0;
    mget->words[count] = "MGET";
    mget->sizes[count++] = 4;
    for (uint32_t i = range[0]; i < range[1]; i++) {
        mget->words[count] = work->keys[mget->keys[i]];
        mget->sizes[count++] = KEY_SIZE;
    }
    return count > 1 ? count : 0;
}

void mget_check(
    const struct mget *mget, const struct flight *flight, size_t server, const redisReply *reply)
{
    const uint32_t *range = range_of(mget, flight, server);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != range[1] - range[0]) {
        load_fail(flight->load,
            reply->type == REDIS_REPLY_ERROR ? reply->str : "another reply than to an MGET");
        return;
    }
    for (uint32_t i = 0; i < reply->elements; i++) {
        const redisReply *value = reply->element[i];
        if (value->type != REDIS_REPLY_STRING) {
            load_fail(flight->load, "a key is not there");
            return;
        }
        load_check(flight->load, mget->keys[range[0] + i], value->str, value->len);
    }
}

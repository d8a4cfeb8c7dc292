/* SPDX-License-Identifier: MIT */
#include "server/outrun.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "server/journal.h"

/* A lost write; its key is a view into the log. */
struct lost_write {
    struct rc_slice key;
    uint64_t token;
};

static bool is_older(uint64_t token, uint64_t other)
{
    return (int64_t)(token - other) < 0; /* they begin anywhere */
}

static void go_blind(struct rc_outrun *o, uint64_t token)
{
    o->blind_to = o->blind && is_older(token, o->blind_to) ? o->blind_to : token;
    o->blind = true;
}

void rc_outrun_note(struct rc_outrun *o, const struct rc_lost *lost, uint64_t token)
{
    if (lost->adds || lost->cas != 0) {
        return;
    }
    /* in the place of a CAS token, which none has that comes so far */
    const struct rc_lost write = {.prefix = lost->prefix, .key = lost->key, .cas = token};
    if (rc_key_log_push(&o->keys, &write) < 0) {
        go_blind(o, token);
        return;
    }
    o->count++;
}

/* By key, and those of a key by age. */
static int order(const void *a, const void *b)
{
    const struct lost_write *one = a, *other = b;
    const struct rc_lost lost = {.key = one->key};
    int side = rc_lost_compare(&lost, other->key);
    if (side != 0) {
        return side;
    }
    return is_older(one->token, other->token) ? -1 : one->token != other->token;
}

/* What was lost, in order; NULL: nothing, or there is no memory. */
static struct lost_write *sorted(struct rc_outrun *o)
{
    struct lost_write *all = o->count > 0 ? rc_alloc_zeroed(o->count, sizeof *all) : NULL;
    size_t at = 0;
    for (size_t i = 0; i < o->count; i++) {
        const struct rc_lost lost = rc_key_log_next(&o->keys, &at);
        if (all == NULL) {
            go_blind(o, lost.cas);
        } else {
            all[i] = (struct lost_write){.key = lost.key, .token = lost.cas};
        }
    }
    if (all != NULL) {
        qsort(all, o->count, sizeof *all, order);
    }
    return all;
}

/* Is one of them to the key of `command`, and younger? */
static bool has_younger(
    const struct lost_write *all, size_t count, const struct rc_command *command)
{
    const struct rc_lost key = rc_lost_by(command);
    size_t from = 0, to = count; /* where those of higher keys begin is in there */
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (rc_lost_compare(&key, all[middle].key) < 0) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    return to > 0 && rc_lost_compare(&key, all[to - 1].key) == 0 &&
           is_older(command->token, all[to - 1].token);
}

static bool is_blind_for(const struct rc_outrun *o, const struct rc_command *command)
{
    return o->blind && is_older(command->token, o->blind_to);
}

void rc_outrun_mark(struct rc_outrun *o, const struct rc_list *requests)
{
    if (o->count == 0 && !o->blind) {
        return;
    }
    struct lost_write *all = sorted(o);
    size_t count = all != NULL ? o->count : 0;
    for (struct rc_list *node = requests->next; node != requests; node = node->next) {
        struct rc_request *request = rc_container(node, struct rc_request, link);
        const struct rc_command *command = &request->body->command;
        if (rc_verb_writes(command->verb) &&
            (is_blind_for(o, command) || has_younger(all, count, command))) {
            request->outrun = true;
        }
    }
    rc_free(all);
    rc_key_log_cut(&o->keys, 0);
    o->count = 0;
    o->blind = false;
}

void rc_outrun_deinit(struct rc_outrun *o)
{
    rc_key_log_deinit(&o->keys);
}

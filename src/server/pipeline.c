/* SPDX-License-Identifier: MIT */
#include "server/pipeline.h"

#include "base/line.h"
#include "server/request.h"

static inline void link_ahead(struct rc_pipeline *p, struct rc_slot *slot)
{
    slot->ahead = NULL;
    if (p->trailing == RC_PIPELINE_AHEAD) {
        p->trail->ahead = slot;
        p->trail = p->trail->next;
    } else if (p->trailing++ == 0) {
        p->trail = slot;
    }
}

static inline void fetch_ahead(struct rc_pipeline *p, const struct rc_slot *slot)
{
    if (slot->ahead != NULL) {
        rc_line_fetch(slot->ahead, RC_PIPELINE_FETCH);
    } else if (slot == p->trail) {
        p->trail = slot->next;
        p->trailing--;
    }
}

void rc_pipeline_push(struct rc_pipeline *p, struct rc_slot *slot, size_t bytes)
{
    p->encoded += bytes;
    slot->bytes = (uint32_t)bytes;
    slot->next = NULL;
    slot->due = true;
    if (p->newest != NULL) {
        p->newest->next = slot;
    } else {
        p->oldest = slot;
    }
    p->newest = slot;
    link_ahead(p, slot);
    p->count++;
    p->writes += rc_verb_writes((enum rc_verb)slot->verb);
    p->proofs += slot->strict;
}

void rc_pipeline_correct(struct rc_pipeline *p, size_t bytes)
{
    p->encoded += bytes;
    p->newest->bytes += (uint32_t)bytes;
}

static void take_out(struct rc_pipeline *p, struct rc_slot *slot)
{
    slot->due = false;
    p->count--;
    p->writes -= rc_verb_writes((enum rc_verb)slot->verb);
    p->proofs -= slot->strict;
}

struct rc_slot *rc_pipeline_pop(struct rc_pipeline *p)
{
    struct rc_slot *slot = p->oldest;
    p->oldest = slot->next;
    if (p->oldest == NULL) {
        p->newest = NULL;
    }
    p->answered += slot->bytes;
    fetch_ahead(p, slot);
    take_out(p, slot);
    return slot;
}

void rc_pipeline_hand(struct rc_pipeline *p, size_t bytes)
{
    p->sent += bytes;
}

struct rc_slot *rc_pipeline_cut_unsent(struct rc_pipeline *p)
{
    uint64_t start = p->answered;
    struct rc_slot *before = NULL;
    struct rc_slot *cut = p->oldest;
    while (cut != NULL && (start < p->sent || cut->joined)) {
        start += cut->bytes;
        before = cut;
        cut = cut->next;
    }
    if (cut == NULL) {
        return NULL;
    }
    for (struct rc_slot *s = cut; s != NULL; s = s->next) {
        take_out(p, s);
    }
    p->newest = before;
    p->trail = NULL;
    p->trailing = 0;
    if (before != NULL) {
        before->next = NULL;
    } else {
        p->oldest = NULL;
    }
    p->encoded = start;
    return cut;
}

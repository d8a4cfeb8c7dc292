/* SPDX-License-Identifier: MIT */
/* What moves between two rings: counted where both hash keys alike, else estimated from the
 * shares. */
#include "ring/ring.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "ring/change.h"

enum { MOVES_MAX = 4 << 20 };

int rc_change_append(ringcache_ring_change *change, uint32_t from, uint32_t to, double share)
{
    if (change->count == MOVES_MAX) {
        return RINGCACHE_ETOOBIG;
    }
    if (change->count == change->room) {
        size_t room = change->room > 0 ? change->room * 2 : 64;
        struct rc_move *moves = rc_resize(change->moves, room, sizeof *moves);
        if (moves == NULL) {
            return RINGCACHE_ENOMEM;
        }
        change->moves = moves;
        change->room = room;
    }
    change->moves[change->count++] = (struct rc_move){.from = from, .to = to, .share = share};
    change->moved += share;
    return 0;
}

/* Both lists of names are sorted: one pass matches them. */
void rc_match_names(const ringcache_ring *rows, const ringcache_ring *columns, uint32_t *same)
{
    size_t c = 0;
    for (size_t r = 0; r < rows->count; r++) {
        uint32_t row = rows->by_name[r];
        int order = -1;
        while (c < columns->count) {
            order = strcmp(rows->servers[row].name, columns->servers[columns->by_name[c]].name);
            if (order <= 0) {
                break;
            }
            c++;
        }
        same[row] = c < columns->count && order == 0 ? columns->by_name[c] : RC_NOBODY;
    }
}

static int multiply_row(const ringcache_ring *to, uint32_t from, uint32_t same, double share,
    ringcache_ring_change *change)
{
    int status = 0;
    for (uint32_t i = 0; i < to->count && share > 0 && status == 0; i++) {
        double product = share * ringcache_ring_share(to, i);
        if (product > 0 && i != same) {
            status = rc_change_append(change, from, i, product);
        }
    }
    return status;
}

/* Two unrelated hashes of a key: the chance of both owners is the product of their shares. */
static int multiply_shares(
    const ringcache_ring *from, const ringcache_ring *to, ringcache_ring_change *change)
{
    uint32_t *same = rc_resize(NULL, from->count, sizeof *same);
    if (same == NULL) {
        return RINGCACHE_ENOMEM;
    }
    rc_match_names(from, to, same);
    int status = 0;
    for (uint32_t i = 0; i < from->count && status == 0; i++) {
        status = multiply_row(to, i, same[i], ringcache_ring_share(from, i), change);
    }
    rc_free(same);
    return status;
}

/* From or to nobody: every share moves. */
static int list_shares(
    const ringcache_ring *from, const ringcache_ring *to, ringcache_ring_change *change)
{
    const ringcache_ring *ring = from->count > 0 ? from : to;
    int status = 0;
    for (uint32_t i = 0; i < ring->count && status == 0; i++) {
        double share = ringcache_ring_share(ring, i);
        if (share > 0) {
            status = from->count > 0 ? rc_change_append(change, i, RC_NOBODY, share)
                                     : rc_change_append(change, RC_NOBODY, i, share);
        }
    }
    return status;
}

/* Whatever a server gains must come from elsewhere: the sum of the gains. */
static int find_ideal(
    const ringcache_ring *from, const ringcache_ring *to, ringcache_ring_change *change)
{
    uint32_t *same = rc_resize(NULL, to->count, sizeof *same);
    if (same == NULL) {
        return RINGCACHE_ENOMEM;
    }
    rc_match_names(to, from, same);
    for (uint32_t i = 0; i < to->count; i++) {
        double gain = ringcache_ring_share(to, i) - ringcache_ring_share(from, same[i]);
        change->ideal += gain > 0 ? gain : 0;
    }
    if (to->count == 0 && from->count > 0) {
        change->ideal = 1;
    }
    rc_free(same);
    return 0;
}

static int by_share(const void *left, const void *right)
{
    const struct rc_move *a = left;
    const struct rc_move *b = right;
    if (a->share != b->share) {
        return a->share < b->share ? 1 : -1;
    }
    if (a->from != b->from) {
        return a->from > b->from ? 1 : -1;
    }
    return (a->to > b->to) - (a->to < b->to);
}

static int compare(
    const ringcache_ring *from, const ringcache_ring *to, ringcache_ring_change *change)
{
    change->exact = true;
    if (from->count == 0 || to->count == 0) {
        return list_shares(from, to, change);
    }
    if (rc_ring_hashes_like(from, to)) {
        return rc_tally_moves(from, to, change);
    }
    change->exact = false;
    return multiply_shares(from, to, change);
}

int ringcache_ring_diff(
    const ringcache_ring *from, const ringcache_ring *to, ringcache_ring_change **out)
{
    if (from == NULL || to == NULL || out == NULL) {
        return RINGCACHE_EINVAL;
    }
    ringcache_ring_change *change = rc_alloc_zeroed(1, sizeof *change);
    if (change == NULL) {
        return RINGCACHE_ENOMEM;
    }
    int status = compare(from, to, change);
    status = status != 0 ? status : find_ideal(from, to, change);
    if (status != 0) {
        ringcache_ring_change_free(change);
        return status;
    }
    if (change->count > 0) {
        qsort(change->moves, change->count, sizeof *change->moves, by_share);
    }
    *out = change;
    return 0;
}

double ringcache_ring_change_moved(const ringcache_ring_change *change)
{
    return change->moved;
}

double ringcache_ring_change_ideal(const ringcache_ring_change *change)
{
    return change->ideal;
}

double ringcache_ring_change_needless(const ringcache_ring_change *change)
{
    double needless = change->moved - change->ideal;
    return needless > 0 ? needless : 0;
}

int ringcache_ring_change_exact(const ringcache_ring_change *change)
{
    return change->exact;
}

size_t ringcache_ring_change_count(const ringcache_ring_change *change)
{
    return change->count;
}

static size_t public_index(uint32_t server)
{
    return server == RC_NOBODY ? RINGCACHE_NONE : server;
}

int ringcache_ring_change_at(
    const ringcache_ring_change *change, size_t index, size_t *from, size_t *to, double *share)
{
    if (index >= change->count) {
        return RINGCACHE_EINVAL;
    }
    const struct rc_move *move = &change->moves[index];
    if (from != NULL) {
        *from = public_index(move->from);
    }
    if (to != NULL) {
        *to = public_index(move->to);
    }
    if (share != NULL) {
        *share = move->share;
    }
    return 0;
}

void ringcache_ring_change_free(ringcache_ring_change *change)
{
    if (change == NULL) {
        return;
    }
    rc_free(change->moves);
    rc_free(change);
}

/* SPDX-License-Identifier: MIT */
/* What moves between two rings, counted exactly.
 *
 * One server of the first ring after another: each of its arcs (runs of hash values it owns) is
 * laid over the second ring, which adds up how many of the values each server there owns. The sums
 * are the server's row of the table of moves, and only what is not zero is kept, so memory does not
 * grow with the square of the servers.
 *
 * An arc over a ring is cut at the points it covers. An arc over a modulo table covers whole cycles
 * of the table and a rest, whose ends cut at most two servers' runs of slots; the runs between are
 * counted as a difference array. Thus an arc costs the same however long it is. Where both are
 * tables, the pattern repeats with the least common multiple of their sizes. */
#include "ring/change.h"

#include "base/alloc.h"

/* The table of moves while it is made: a row for each server of `rows`. */
struct tally {
    const ringcache_ring *rows;
    const ringcache_ring *columns;
    bool turned;       /* rows is the new ring */
    uint32_t *same;    /* by row: the column of the same name */
    uint32_t *arcs;    /* points of `rows`, grouped by server */
    uint64_t *sums;    /* by column: values in the row at hand */
    uint32_t *touched; /* columns that a ring's sums touched */
    size_t touched_count;
    uint64_t *edges; /* of a modulo table, by place: whole runs begun, less those ended */
    uint64_t cycles; /* of a modulo table */
    ringcache_ring_change *change;
};

/* The arcs of one server below `limit`. */
struct walk {
    const ringcache_ring *ring;
    const uint32_t *arcs; /* the server's points */
    size_t left;
    uint64_t next; /* of a modulo table: first value of the next run */
    uint32_t run;
    uint64_t limit;
    bool wrapped; /* the first point's second arc is due */
};

static int add_move(struct tally *t, uint32_t row, uint32_t column, uint64_t values)
{
    if (values == 0 || t->same[row] == column) {
        return 0;
    }
    double share = (double)values / (double)rc_ring_range(t->rows);
    return t->turned ? rc_change_append(t->change, column, row, share)
                     : rc_change_append(t->change, row, column, share);
}

/* Values [begin, end) over a ring. */
static void lay_on_ring(struct tally *t, uint64_t begin, uint64_t end)
{
    const ringcache_ring *ring = t->columns;
    for (size_t i = rc_ring_point(ring, (uint32_t)begin); begin < end; i++) {
        uint64_t cut = i < ring->size ? (uint64_t)rc_ring_value(ring, i) + 1 : end;
        cut = cut < end ? cut : end;
        uint32_t server = rc_ring_server(ring, i);
        if (cut > begin && t->sums[server] == 0) {
            t->touched[t->touched_count++] = server;
        }
        t->sums[server] += cut - begin;
        begin = cut;
    }
}

/* Slots [begin, end) of a table, begin < end. */
static void cover_slots(struct tally *t, uint64_t begin, uint64_t end, uint64_t times)
{
    const ringcache_ring *ring = t->columns;
    uint32_t first = ring->slots[begin];
    uint32_t last = ring->slots[end - 1];
    if (first == last) {
        t->sums[first] += (end - begin) * times;
        return;
    }
    const struct rc_ring_server *run = &ring->servers[first];
    t->sums[first] += (run->first_slot + run->points - begin) * times;
    t->sums[last] += (end - ring->servers[last].first_slot) * times;
    t->edges[run->place + 1] += times;
    t->edges[ring->servers[last].place] -= times;
}

/* Values [begin, end) over a table, begin < end. */
static void lay_on_table(struct tally *t, uint64_t begin, uint64_t end, uint64_t times)
{
    uint64_t size = t->columns->size;
    t->cycles += (end - begin) / size * times;
    uint64_t rest = (end - begin) % size;
    uint64_t first = begin % size;
    if (rest == 0) {
        return;
    }
    if (first + rest <= size) {
        cover_slots(t, first, first + rest, times);
        return;
    }
    cover_slots(t, first, size, times);
    cover_slots(t, 0, first + rest - size, times);
}

static struct walk walk_from(
    const struct tally *t, uint32_t row, const uint32_t *arcs, uint64_t limit)
{
    const struct rc_ring_server *server = &t->rows->servers[row];
    return (struct walk){
        .ring = t->rows,
        .arcs = arcs,
        .left = t->rows->slots == NULL ? server->points : 0,
        .next = server->first_slot,
        .run = server->points,
        .limit = limit,
    };
}

static bool next_run(struct walk *w, uint64_t *begin, uint64_t *end)
{
    if (w->next >= w->limit) {
        return false;
    }
    *begin = w->next;
    *end = w->next + w->run < w->limit ? w->next + w->run : w->limit;
    w->next += w->ring->size;
    return true;
}

static bool next_arc(struct walk *w, uint64_t *begin, uint64_t *end)
{
    const ringcache_ring *ring = w->ring;
    if (w->wrapped) {
        w->wrapped = false;
        *begin = (uint64_t)rc_ring_value(ring, ring->size - 1) + 1;
        *end = w->limit;
        return true;
    }
    if (w->left == 0) {
        return false;
    }
    size_t point = *w->arcs++;
    w->left--;
    w->wrapped = point == 0;
    *begin = point > 0 ? (uint64_t)rc_ring_value(ring, point - 1) + 1 : 0;
    *end = (uint64_t)rc_ring_value(ring, point) + 1;
    *end = *end < w->limit ? *end : w->limit;
    return true;
}

static void lay_row(struct tally *t, struct walk *w, uint64_t times)
{
    uint64_t begin;
    uint64_t end;
    while (w->ring->slots != NULL ? next_run(w, &begin, &end) : next_arc(w, &begin, &end)) {
        if (begin >= end) {
            continue;
        }
        if (t->columns->slots != NULL) {
            lay_on_table(t, begin, end, times);
        } else {
            lay_on_ring(t, begin, end);
        }
    }
}

static int close_row_of_ring(struct tally *t, uint32_t row)
{
    int status = 0;
    for (size_t i = 0; i < t->touched_count && status == 0; i++) {
        uint32_t column = t->touched[i];
        status = add_move(t, row, column, t->sums[column]);
        t->sums[column] = 0;
    }
    t->touched_count = 0;
    return status;
}

static int close_row_of_table(struct tally *t, uint32_t row)
{
    uint64_t whole = t->cycles;
    int status = 0;
    for (size_t place = 0; place < t->columns->count && status == 0; place++) {
        uint32_t column = t->columns->order[place];
        whole += t->edges[place];
        uint64_t values = t->sums[column] + whole * t->columns->servers[column].points;
        status = add_move(t, row, column, values);
        t->sums[column] = 0;
        t->edges[place] = 0;
    }
    t->cycles = 0;
    return status;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* After how many values the pair of owners repeats, which is the range when it never does. Rows are
 * of a table only where the columns are, too. */
static uint64_t period(const struct tally *t)
{
    if (t->rows->slots == NULL) {
        return rc_ring_range(t->rows);
    }
    return t->rows->size / common_divisor(t->rows->size, t->columns->size) * t->columns->size;
}

static int count_row(struct tally *t, uint32_t row, const uint32_t *arcs)
{
    uint64_t range = rc_ring_range(t->rows);
    uint64_t repeats_after = period(t);
    if (range / repeats_after > 0) {
        struct walk w = walk_from(t, row, arcs, repeats_after);
        lay_row(t, &w, range / repeats_after);
    }
    if (range % repeats_after > 0) {
        struct walk w = walk_from(t, row, arcs, range % repeats_after);
        lay_row(t, &w, 1);
    }
    return t->columns->slots != NULL ? close_row_of_table(t, row) : close_row_of_ring(t, row);
}

static int count_rows(struct tally *t)
{
    const uint32_t *arcs = t->arcs;
    int status = 0;
    for (uint32_t row = 0; row < t->rows->count && status == 0; row++) {
        status = count_row(t, row, arcs);
        if (t->rows->slots == NULL) {
            arcs += t->rows->servers[row].points;
        }
    }
    return status;
}

/* Points of a ring grouped by server, by counting. `next` is room for one number per server. */
static void group_points(const ringcache_ring *ring, uint32_t *arcs, uint32_t *next)
{
    uint32_t start = 0;
    for (size_t i = 0; i < ring->count; i++) {
        next[i] = start;
        start += ring->servers[i].points;
    }
    for (uint32_t point = 0; point < ring->size; point++) {
        arcs[next[rc_ring_server(ring, point)]++] = point;
    }
}

static int group_arcs(struct tally *t)
{
    if (t->rows->slots != NULL) {
        return 0;
    }
    uint32_t *next = rc_resize(NULL, t->rows->count, sizeof *next);
    t->arcs = rc_resize(NULL, t->rows->size, sizeof *t->arcs);
    int status = next != NULL && t->arcs != NULL ? 0 : RINGCACHE_ENOMEM;
    if (status == 0) {
        group_points(t->rows, t->arcs, next);
    }
    rc_free(next);
    return status;
}

static int count_with(struct tally *t)
{
    size_t columns = t->columns->count;
    t->same = rc_resize(NULL, t->rows->count, sizeof *t->same);
    t->sums = rc_alloc_zeroed(columns, sizeof *t->sums);
    t->touched = rc_resize(NULL, columns, sizeof *t->touched);
    t->edges = rc_alloc_zeroed(columns, sizeof *t->edges);
    if (t->same == NULL || t->sums == NULL || t->touched == NULL || t->edges == NULL) {
        return RINGCACHE_ENOMEM;
    }
    rc_match_names(t->rows, t->columns, t->same);
    int status = group_arcs(t);
    return status != 0 ? status : count_rows(t);
}

/* Arcs are what costs: a ring has few, a table one per run and cycle. */
static bool better_turned(const ringcache_ring *from, const ringcache_ring *to)
{
    if (from->slots == NULL || to->slots == NULL) {
        return from->slots != NULL;
    }
    return (uint64_t)from->count * to->size > (uint64_t)to->count * from->size;
}

int rc_tally_moves(
    const ringcache_ring *from, const ringcache_ring *to, ringcache_ring_change *change)
{
    bool turned = better_turned(from, to);
    struct tally t = {
        .rows = turned ? to : from,
        .columns = turned ? from : to,
        .turned = turned,
        .change = change,
    };
    int status = count_with(&t);
    rc_free(t.same);
    rc_free(t.arcs);
    rc_free(t.sums);
    rc_free(t.touched);
    rc_free(t.edges);
    return status;
}

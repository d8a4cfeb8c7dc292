/* SPDX-License-Identifier: MIT */
/* The clock, the queue of events, who runs next, and the trace.
 *
 * At one moment everything that is due happens, in this order: packets and timers, then servers,
 * then the clients' loops, and again from the start. Only then does the clock move, to the next
 * event. So a loop that turns sees all that had arrived, and nothing depends on an address or on
 * the machine. */
#include "sim_inside.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ACTS = 4 * 1000 * 1000 };

static uint64_t splitmix(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15u;
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

void sim_random_init(struct sim_random *r, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++) {
        r->s[i] = splitmix(&seed);
    }
}

uint64_t sim_random_next(struct sim_random *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

struct sim_options sim_options(uint64_t seed)
{
    return (struct sim_options){
        .seed = seed,
        .start_ms = 1000000,
        .wall_s = 1700000000,
        .latency_us = 100,
        .send_bytes = 65536,
        .receive_bytes = 65536,
        .work_ms = 10,
        .handshakes = RC_HANDSHAKES_MAX,
    };
}

struct sim *sim_new(const struct sim_options *options)
{
    struct sim *sim = sim_alloc(sizeof *sim);
    sim->options = *options;
    sim->now_us = options->start_ms * 1000;
    sim->trace = 0xcbf29ce484222325u;
    sim_random_init(&sim->random, options->seed);
    rc_list_init(&sim->ready[SIM_SERVERS]);
    rc_list_init(&sim->ready[SIM_CLIENTS]);
    rc_list_init(&sim->clients);
    rc_list_init(&sim->servers);
    rc_list_init(&sim->connections);
    rc_list_init(&sim->names);
    return sim;
}

void sim_free(struct sim *sim)
{
    struct rc_list *node;
    if (sim == NULL) {
        return;
    }
    assert(!sim->running);
    for (size_t i = 0; i < sim->event_count; i++) {
        if (sim->events[i].kind->drop != NULL) {
            sim->events[i].kind->drop(sim->events[i].subject);
        }
    }
    while ((node = rc_list_first(&sim->clients)) != NULL) {
        sim_client_free(rc_container(node, struct sim_client, node));
    }
    while ((node = rc_list_first(&sim->servers)) != NULL) {
        sim_server_free(rc_container(node, struct sim_server, node));
    }
    sim_network_deinit(sim);
    sim_names_deinit(sim);
    free(sim->events);
    free(sim);
}

struct sim_options *sim_settings(struct sim *sim)
{
    return &sim->options;
}

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->sequence < b->sequence;
}

static void swap_events(struct sim_event *a, struct sim_event *b)
{
    struct sim_event kept = *a;
    *a = *b;
    *b = kept;
}

void sim_schedule(struct sim *sim, uint64_t at_us, const struct sim_event_kind *kind, void *subject)
{
    if (sim->event_count == sim->event_cap) {
        sim->event_cap = sim->event_cap > 0 ? sim->event_cap * 2 : 64;
        sim->events = sim_resize(sim->events, sim->event_cap * sizeof *sim->events);
    }
    struct sim_event *heap = sim->events;
    size_t i = sim->event_count++;
    heap[i] = (struct sim_event){at_us, sim->sequence++, kind, subject};
    sim->work_count += kind->work;
    while (i > 0 && earlier(&heap[i], &heap[(i - 1) / 2])) {
        swap_events(&heap[i], &heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static struct sim_event take_event(struct sim *sim)
{
    struct sim_event *heap = sim->events;
    struct sim_event first = heap[0];
    size_t count = --sim->event_count;
    heap[0] = heap[count];
    for (size_t i = 0, child = 1; child < count; child = 2 * i + 1) {
        if (child + 1 < count && earlier(&heap[child + 1], &heap[child])) {
            child++;
        }
        if (!earlier(&heap[child], &heap[i])) {
            break;
        }
        swap_events(&heap[child], &heap[i]);
        i = child;
    }
    sim->work_count -= first.kind->work;
    return first;
}

void sim_actor_init(struct sim_actor *actor, void (*turn)(void *owner), void *owner)
{
    rc_list_init(&actor->node);
    actor->turn = turn;
    actor->owner = owner;
}

void sim_actor_ready(struct sim *sim, struct sim_actor *actor, unsigned rank)
{
    if (rc_list_empty(&actor->node)) {
        rc_list_append(&sim->ready[rank], &actor->node);
    }
}

static bool run_actor(struct sim *sim, unsigned rank)
{
    struct rc_list *node = rc_list_first(&sim->ready[rank]);
    if (node == NULL) {
        return false;
    }
    rc_list_remove(node);
    struct sim_actor *actor = rc_container(node, struct sim_actor, node);
    actor->turn(actor->owner);
    return true;
}

static void count_act(struct sim *sim)
{
    if (++sim->acts > MOST_ACTS) {
        fputs("the simulated world spins: millions of things happen and no time passes\n", stderr);
        abort();
    }
}

/* One thing that is due now; false when nothing is. */
static bool act(struct sim *sim, bool clients_too)
{
    count_act(sim);
    if (sim->event_count > 0 && sim->events[0].at_us <= sim->now_us) {
        struct sim_event event = take_event(sim);
        event.kind->fire(sim, event.subject);
        return true;
    }
    return run_actor(sim, SIM_SERVERS) || (clients_too && run_actor(sim, SIM_CLIENTS));
}

static void move_clock(struct sim *sim, uint64_t to_us)
{
    sim->now_us = to_us > sim->now_us ? to_us : sim->now_us;
    sim->acts = 0;
}

/* On to the next event, if it is not beyond `limit_us`. */
static bool pass_time(struct sim *sim, uint64_t limit_us)
{
    if (sim->event_count == 0 || sim->events[0].at_us > limit_us) {
        return false;
    }
    move_clock(sim, sim->events[0].at_us);
    return true;
}

static void begin_run(struct sim *sim)
{
    assert(!sim->running && "the world is run from inside an event");
    sim->running = true;
}

/* Time that passed while the loops waited is seen at once, time that passed while one was kept busy
 * only after its next poll. */
static void waited(struct sim *sim)
{
    for (struct rc_list *n = sim->clients.next; n != &sim->clients; n = n->next) {
        rc_container(n, struct sim_client, node)->base.clock.fresh = false;
    }
}

static bool step(struct sim *sim, uint64_t limit_us)
{
    if (act(sim, true)) {
        return true;
    }
    if (!pass_time(sim, limit_us)) {
        return false;
    }
    waited(sim);
    return true;
}

bool sim_step(struct sim *sim)
{
    begin_run(sim);
    bool more = step(sim, UINT64_MAX);
    sim->running = false;
    return more;
}

static void run_to(struct sim *sim, uint64_t limit_us)
{
    begin_run(sim);
    while (step(sim, limit_us)) {
    }
    move_clock(sim, limit_us);
    waited(sim);
    sim->running = false;
}

void sim_run_until(struct sim *sim, uint64_t ms)
{
    run_to(sim, ms * 1000);
}

void sim_run_for(struct sim *sim, uint64_t ms)
{
    run_to(sim, sim->now_us + ms * 1000);
}

void sim_run_for_us(struct sim *sim, uint64_t us)
{
    run_to(sim, sim->now_us + us);
}

static bool quiet(const struct sim *sim)
{
    for (struct rc_list *n = sim->clients.next; n != &sim->clients; n = n->next) {
        if (rc_container(n, struct sim_client, node)->alive) {
            return false;
        }
    }
    return sim->work_count == 0;
}

bool sim_run_idle(struct sim *sim, uint64_t limit_ms)
{
    uint64_t limit_us = sim->now_us + limit_ms * 1000;
    bool idle = false;
    begin_run(sim);
    for (bool more = true; more && !idle;) {
        more = act(sim, true);
        if (!more) {
            idle = quiet(sim);
            more = !idle && step(sim, limit_us);
        }
    }
    if (!idle) {
        move_clock(sim, limit_us);
        waited(sim);
    }
    sim->running = false;
    return idle;
}

uint64_t sim_now_us(const struct sim *sim)
{
    return sim->now_us;
}

uint64_t sim_now_ms(const struct sim *sim)
{
    return sim->now_us / 1000;
}

static int64_t elapsed_s(const struct sim *sim)
{
    return (int64_t)((sim->now_us - sim->options.start_ms * 1000) / 1000000);
}

void sim_set_wall(struct sim *sim, int64_t wall_s)
{
    sim->options.wall_s = wall_s - elapsed_s(sim);
}

int64_t sim_wall_s(const struct sim *sim)
{
    return sim->options.wall_s + elapsed_s(sim);
}

uint64_t sim_random(struct sim *sim)
{
    return sim_random_next(&sim->random);
}

struct appointment {
    void (*run)(void *owner);
    void *owner;
};

static void keep_appointment(struct sim *sim, void *subject)
{
    struct appointment *a = subject;
    sim_trace(sim, "at", 0, 0);
    a->run(a->owner);
    free(a);
}

void sim_at(struct sim *sim, uint64_t at_ms, void (*run)(void *owner), void *owner)
{
    static const struct sim_event_kind kind = {"at", true, keep_appointment, free};
    struct appointment *a = sim_alloc(sizeof *a);
    *a = (struct appointment){run, owner};
    sim_schedule(sim, at_ms * 1000, &kind, a);
}

void sim_block(struct sim *sim, uint64_t ms)
{
    uint64_t until_us = sim->now_us + ms * 1000;
    assert(sim->running && "only an event can keep a loop busy");
    do {
        while (act(sim, false)) {
        }
    } while (pass_time(sim, until_us));
    move_clock(sim, until_us);
}

uint64_t sim_trace_hash(const struct sim *sim)
{
    return sim->trace;
}

void sim_trace_to(struct sim *sim, FILE *file)
{
    sim->trace_file = file;
}

/* Everything that happens comes by here, so that it goes by words: FNV-1a, and what a product
 * carries upwards brought down again. */
static void stir(struct sim *sim, uint64_t word)
{
    uint64_t mixed = (sim->trace ^ word) * 0x100000001b3u;
    sim->trace = mixed ^ mixed >> 32;
}

void sim_trace_bytes(struct sim *sim, struct rc_slice bytes)
{
    stir(sim, bytes.len);
    for (size_t at = 0; at < bytes.len; at += sizeof(uint64_t)) {
        uint64_t word = 0;
        size_t left = bytes.len - at;
        memcpy(&word, bytes.data + at, left < sizeof word ? left : sizeof word);
        stir(sim, word);
    }
}

void sim_trace(struct sim *sim, const char *what, uint64_t id, uint64_t number)
{
    stir(sim, sim->now_us);
    stir(sim, id);
    stir(sim, number);
    sim_trace_bytes(sim, rc_slice_text(what));
    if (sim->trace_file != NULL) {
        fprintf(sim->trace_file, "%" PRIu64 " %s %" PRIu64 " %" PRIu64 "\n", sim->now_us, what, id,
            number);
    }
}

/* SPDX-License-Identifier: MIT */
/* What holds of the health of several servers, whatever the evidence and its order: one probe at a
 * time and always one to come, no way back but by an answer, no ejection beyond the cap or in doubt
 * of ourselves, pauses within their bounds. */
#include "unit.h"

#include "server/health.h"

enum {
    SERVERS = 6,
    SEEDS = 100,
    STEPS = 4000,
    TIMEOUT = 500,
    FENCE_LIMIT = 10000,
    KINDS = RC_EVIDENCE_HEARD_BACK + 1, /* of evidence */
};

struct one {
    struct rc_health health;
    bool probing, planned, silent;
    bool told_out; /* and not that it is back */
};

/* Some servers of one client, and their evidence by chance. */
struct walk {
    struct one servers[SERVERS];
    size_t count;
    uint64_t now_ms, random;
    size_t ejections, probes, returns;
};

static uint64_t below(struct walk *w, uint64_t bound)
{
    return next_random(&w->random) % bound;
}

static struct rc_census census_of(struct walk *w)
{
    uint64_t chance = next_random(&w->random);
    struct rc_census census = {.count = w->count,
        .fell_ms = w->now_ms - chance % 1000,
        .heard_ms = w->now_ms - (chance >> 32) % 1000};
    for (size_t i = 0; i < w->count; i++) {
        const struct one *s = &w->servers[i];
        bool serves = s->health.state != RC_SERVER_DOWN;
        census.serving += serves;
        census.silent += serves && s->silent;
        census.ejected += !serves && s->health.ejected;
    }
    return census;
}

static bool of_probe(enum rc_evidence evidence)
{
    return evidence >= RC_EVIDENCE_PROBE_GREETED && evidence <= RC_EVIDENCE_SERVES;
}

/* Evidence that is possible: a probe's only where there is one, and what is due was planned. */
static enum rc_evidence draw(struct walk *w, const struct one *s)
{
    for (;;) {
        enum rc_evidence evidence = (enum rc_evidence)(below(w, KINDS));
        bool asked = s->probing || s->health.state != RC_SERVER_DOWN;
        if ((!of_probe(evidence) || asked) && (evidence != RC_EVIDENCE_DUE || s->planned)) {
            return evidence;
        }
    }
}

static void plan(struct walk *w, struct one *s)
{
    struct rc_outage *o = &s->health.outage;
    assert_true(o->running);
    bool first = o->pauses == 0;
    uint32_t ms = rc_outage_next_probe(o, w->now_ms, next_random(&w->random));
    assert_in_range(ms, first ? 1 : RC_PROBE_FIRST_MS / 2, RC_PROBE_MAX_MS);
    if (w->now_ms - o->began_ms < 60000) {
        assert_true(ms <= RC_PROBE_MINUTE_MAX_MS);
    }
    s->planned = true;
}

static void follow(struct walk *w, struct one *s, const struct rc_verdict *verdict)
{
    switch (verdict->next) {
    case RC_NEXT_AS_IT_IS:
        break;
    case RC_NEXT_PING:
    case RC_NEXT_OPEN:
        assert_false(s->probing); /* never two at once */
        s->probing = true;
        w->probes++;
        break;
    case RC_NEXT_IN:
        s->planned = true;
        break;
    case RC_NEXT_PLAN:
        plan(w, s);
        break;
    case RC_NEXT_DROP_ALL:
        s->planned = false;
        s->probing = false;
        break;
    case RC_NEXT_DROP_PROBE:
        s->probing = false;
        break;
    }
}

/* Nobody hears twice in a row that it is out, nor that it is back. */
static void hear(struct one *s, enum rc_server_change told)
{
    bool out = told == RC_CHANGE_DOWN || told == RC_CHANGE_EJECTED;
    if (out || told == RC_CHANGE_READMITTED) {
        assert_int_equal(s->told_out, !out);
    }
    if (told != RC_CHANGE_NONE) {
        s->told_out = out || (s->told_out && told == RC_CHANGE_CONNECTING);
    }
}

static struct rc_facts facts_by_chance(struct walk *w, struct one *s)
{
    uint64_t chance = next_random(&w->random);
    s->silent = (chance & 1) != 0;
    return (struct rc_facts){
        .now_ms = w->now_ms,
        .silent_ms = s->silent ? w->now_ms - TIMEOUT : 0,
        .stalled_ms = w->now_ms - (chance >> 8) % 4000,
        .timeout_ms = TIMEOUT,
        .fence_limit_ms = FENCE_LIMIT,
        .probing = s->probing,
        .planned = s->planned,
        .healthy = (chance & 2) != 0,
        .dialing = (chance & 4) != 0,
        .obstructed = (chance & 8) != 0,
        .census = census_of(w),
    };
}

static void assert_allowed(const struct rc_census *census, uint64_t now_ms)
{
    size_t half = census->count / 2;
    assert_true(census->ejected < (half > 1 ? half : 1));
    bool most = census->silent >= 2 && 2 * census->silent > census->serving;
    bool heard = census->heard_ms > census->fell_ms && now_ms - census->fell_ms >= TIMEOUT;
    assert_true(!most || heard);
}

static void step(struct walk *w)
{
    struct one *s = &w->servers[below(w, w->count)];
    enum rc_evidence evidence = draw(w, s);
    bool was_out = s->health.state == RC_SERVER_DOWN;
    w->now_ms += below(w, 400);
    s->probing = s->probing && (!of_probe(evidence) || evidence == RC_EVIDENCE_PROBE_GREETED);
    s->planned = s->planned && evidence != RC_EVIDENCE_DUE;
    const struct rc_facts facts = facts_by_chance(w, s);
    const struct rc_verdict verdict = rc_health_judge(&s->health, evidence, &facts);
    bool out = s->health.state == RC_SERVER_DOWN;
    if (verdict.measure == RC_MEASURE_EJECT) {
        assert_allowed(&facts.census, w->now_ms);
        w->ejections++;
    }
    if (was_out && !out) { /* only by an answer */
        assert_true(evidence == RC_EVIDENCE_ANSWERS || evidence == RC_EVIDENCE_SERVES);
        w->returns++;
    }
    s->probing = s->probing && (was_out || !out); /* all connections go */
    follow(w, s, &verdict);
    hear(s, verdict.told);
    if (out) {
        assert_true(s->health.outage.running && (s->probing || s->planned));
    }
}

static void whatever_comes_the_promises_hold(void **state)
{
    (void)state;
    size_t ejections = 0, probes = 0, returns = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct walk w = {.count = 1 + seed % SERVERS, .now_ms = 100000, .random = seed};
        for (int i = 0; i < STEPS; i++) {
            step(&w);
        }
        ejections += w.ejections;
        probes += w.probes;
        returns += w.returns;
    }
    assert_true(ejections > SEEDS && probes > SEEDS && returns > SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_comes_the_promises_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#include "server/health.h"

#include <errno.h>

#include "ringcache/status.h"
#include "server/liveness.h"

/* The machine that a connection leads to may be loading because another has taken its place, and
 * its name: of the probes of an outage, one in NAMED_PROBE begins with the name. */
enum { MINUTE_MS = 60000, FLAPS_MAX = 3, NAMED_PROBE = 4 };

/* ---- outages ---- */

static uint32_t lesser(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void rc_outage_begin(struct rc_outage *o, uint64_t now_ms)
{
    bool flap = o->ended_ms != 0 && now_ms - o->ended_ms < MINUTE_MS;
    o->flaps = flap ? o->flaps + 1 : 0;
    o->running = true;
    o->began_ms = now_ms;
    o->answered_ms = 0;
    o->pauses = 0;
    o->probes = 0;
    o->span_ms =
        lesser((uint32_t)RC_PROBE_FIRST_MS << lesser(o->flaps, FLAPS_MAX), RC_PROBE_MINUTE_MAX_MS);
}

void rc_outage_end(struct rc_outage *o, uint64_t now_ms)
{
    o->running = false;
    o->ended_ms = now_ms;
}

uint32_t rc_outage_next_probe(struct rc_outage *o, uint64_t now_ms, uint64_t random)
{
    uint32_t span = o->span_ms;
    uint32_t least = o->pauses > 0 ? span / 2 : 1;
    bool first_minute = now_ms - o->began_ms < MINUTE_MS;
    o->span_ms = first_minute ? lesser(span + RC_PROBE_STEP_MS, RC_PROBE_MINUTE_MAX_MS)
                              : lesser(span * 2, RC_PROBE_MAX_MS);
    o->pauses++;
    return least + (uint32_t)(random % (span - least + 1));
}

/* ---- the probe ---- */

static struct rc_verdict nothing(void)
{
    return (struct rc_verdict){.measure = RC_MEASURE_NONE};
}

static struct rc_verdict only(enum rc_measure measure)
{
    return (struct rc_verdict){.measure = measure};
}

static struct rc_verdict wait_ms(enum rc_measure measure, uint32_t delay_ms)
{
    return (struct rc_verdict){.measure = measure, .next = RC_NEXT_IN, .delay_ms = delay_ms};
}

static enum rc_next next_probe(struct rc_health *h, const struct rc_facts *facts)
{
    if (facts->probing) {
        return RC_NEXT_AS_IT_IS;
    }
    if (h->state != RC_SERVER_DOWN) {
        return RC_NEXT_OPEN;
    }
    h->outage.probes++;
    return h->outage.probes % NAMED_PROBE == 0 ? RC_NEXT_OPEN : RC_NEXT_PING;
}

static struct rc_verdict probe(struct rc_health *h, const struct rc_facts *facts)
{
    return (struct rc_verdict){.next = next_probe(h, facts)};
}

/* There is reason to ask it before its time: when the event is over. */
static struct rc_verdict probe_soon(const struct rc_facts *facts)
{
    return facts->probing ? nothing() : wait_ms(RC_MEASURE_NONE, 0);
}

/* While it is out of service a probe is always planned or under way. */
static struct rc_verdict keep_probing(enum rc_measure measure, const struct rc_facts *facts)
{
    bool asked = facts->probing || facts->planned;
    return (struct rc_verdict){.measure = measure, .next = asked ? RC_NEXT_AS_IT_IS : RC_NEXT_PLAN};
}

static struct rc_verdict stay_out(void)
{
    return (struct rc_verdict){.measure = RC_MEASURE_STAY_OUT, .next = RC_NEXT_PLAN};
}

/* ---- out of service ---- */

static struct rc_verdict go_out(struct rc_health *h, enum rc_measure measure, uint64_t now_ms)
{
    struct rc_verdict verdict = {.measure = measure, .next = RC_NEXT_PLAN};
    h->state = RC_SERVER_DOWN;
    if (!h->outage.running) {
        h->ejected = measure == RC_MEASURE_EJECT;
        verdict.told = h->ejected ? RC_CHANGE_EJECTED : RC_CHANGE_DOWN;
        rc_outage_begin(&h->outage, now_ms);
    }
    return verdict;
}

/* Where our own loop was late while the server was asked, it is asked again at once; but once for
 * each silence, since a program may be late all the time. */
static bool excused(struct rc_health *h, const struct rc_facts *facts)
{
    bool late = facts->stalled_ms != 0 &&
                facts->now_ms - facts->stalled_ms < rc_silence_window_ms(facts->timeout_ms);
    if (!late || h->excused_ms == facts->silent_ms) {
        return false;
    }
    h->excused_ms = facts->silent_ms;
    return true;
}

static struct rc_verdict suspect(struct rc_health *h, enum rc_measure measure, uint32_t delay_ms)
{
    h->state = RC_SERVER_SUSPECT;
    return wait_ms(measure, delay_ms);
}

/* Silence is soft evidence: it may be our own loop or network, so only so many go by it. */
static struct rc_verdict weigh(struct rc_health *h, const struct rc_facts *facts)
{
    uint32_t pause_ms = RC_HEALTH_PAUSE_MS + facts->timeout_ms;
    uint32_t window_ms = rc_silence_window_ms(facts->timeout_ms);
    if (excused(h, facts)) {
        return suspect(h, RC_MEASURE_NONE, 0);
    }
    if (rc_census_doubts_us(&facts->census, facts->now_ms, window_ms)) {
        return suspect(h, RC_MEASURE_ASK_OTHERS, pause_ms);
    }
    if (!rc_census_allows_another(&facts->census)) {
        return suspect(h, RC_MEASURE_NONE, pause_ms);
    }
    return go_out(h, RC_MEASURE_EJECT, facts->now_ms);
}

/* Evidence for `measure`. Where it is out already, only a question of ours has news of that. */
static struct rc_verdict against(
    struct rc_health *h, const struct rc_facts *facts, enum rc_measure measure, bool asked)
{
    if (h->state == RC_SERVER_DOWN) {
        return asked ? stay_out() : nothing();
    }
    return measure == RC_MEASURE_EJECT ? weigh(h, facts) : go_out(h, measure, facts->now_ms);
}

/* ---- connections ---- */

static struct rc_verdict wanted(struct rc_health *h, const struct rc_facts *facts)
{
    bool pausing = facts->planned && h->state != RC_SERVER_SUSPECT;
    if (h->state == RC_SERVER_DOWN || pausing) {
        return nothing();
    }
    struct rc_verdict verdict = only(RC_MEASURE_DIAL);
    if (h->state == RC_SERVER_IDLE) {
        h->state = RC_SERVER_CONNECTING;
        verdict.told = RC_CHANGE_CONNECTING;
    }
    return verdict;
}

static struct rc_verdict fell_silent(struct rc_health *h, const struct rc_facts *facts)
{
    if (h->state == RC_SERVER_DOWN) {
        return keep_probing(RC_MEASURE_RETIRE_IT, facts);
    }
    h->state = RC_SERVER_SUSPECT;
    return probe(h, facts);
}

static struct rc_verdict spoke(const struct rc_health *h, const struct rc_facts *facts)
{
    if (h->state == RC_SERVER_DOWN) {
        return probe_soon(facts);
    }
    bool over = h->state == RC_SERVER_SUSPECT && facts->silent_ms == 0;
    return only(over ? RC_MEASURE_RESUME : RC_MEASURE_NONE);
}

/* One reconnect at once; the probe decides where it is out, and may have been due on this one. */
static struct rc_verdict lost(struct rc_health *h, const struct rc_facts *facts)
{
    if (h->state == RC_SERVER_DOWN) {
        return keep_probing(RC_MEASURE_NONE, facts);
    }
    struct rc_verdict verdict = only(RC_MEASURE_DIAL);
    bool silent = facts->silent_ms != 0;
    if (h->state == RC_SERVER_SUSPECT && !silent && !facts->obstructed) {
        h->state = RC_SERVER_UP;
        verdict.next = RC_NEXT_DROP_ALL;
    }
    if (!facts->healthy && !silent) {
        h->state = RC_SERVER_CONNECTING;
        verdict.told = RC_CHANGE_CONNECTING;
    }
    return verdict;
}

static struct rc_verdict connect_failed(struct rc_health *h, const struct rc_facts *facts)
{
    if (h->state != RC_SERVER_DOWN && facts->healthy) {
        return only(RC_MEASURE_CLOSE_LANE);
    }
    return facts->dialing ? nothing() : against(h, facts, RC_MEASURE_RETIRE_ALL, false);
}

static struct rc_verdict unproven(struct rc_health *h, const struct rc_facts *facts)
{
    return h->state == RC_SERVER_DOWN ? keep_probing(RC_MEASURE_NONE, facts)
                                      : go_out(h, RC_MEASURE_RETIRE_ALL, facts->now_ms);
}

static struct rc_verdict old_gone(const struct rc_health *h, const struct rc_facts *facts)
{
    return h->state == RC_SERVER_DOWN ? probe_soon(facts) : only(RC_MEASURE_RESUME);
}

/* ---- the way back ---- */

static struct rc_verdict greeted(struct rc_health *h)
{
    if (h->state != RC_SERVER_SUSPECT) {
        return nothing();
    }
    h->state = RC_SERVER_CONNECTING;
    return only(RC_MEASURE_RETIRE_SILENT);
}

/* Hard evidence, of a connection: the server answers, and cannot be written to all the same. */
static struct rc_verdict obstructed(struct rc_health *h, const struct rc_facts *facts)
{
    struct rc_outage *outage = &h->outage;
    if (h->state != RC_SERVER_DOWN) {
        const struct rc_verdict verdict = go_out(h, RC_MEASURE_RETIRE_ALL, facts->now_ms);
        outage->answered_ms = facts->now_ms;
        return verdict;
    }
    outage->answered_ms = outage->answered_ms > 0 ? outage->answered_ms : facts->now_ms;
    uint64_t until_ms = outage->answered_ms + facts->fence_limit_ms;
    return (struct rc_verdict){
        .measure = facts->now_ms < until_ms ? RC_MEASURE_WAIT_FOR_OLD : RC_MEASURE_GIVE_UP_OLD,
        .next = RC_NEXT_PLAN,
        .before_ms = until_ms,
    };
}

/* Requests wait from here on. */
static struct rc_verdict answers(struct rc_health *h)
{
    if (h->state != RC_SERVER_DOWN) {
        return nothing();
    }
    h->state = RC_SERVER_CONNECTING;
    return (struct rc_verdict){.next = RC_NEXT_DROP_ALL};
}

/* In service, a probe is wanted for a silent connection alone. */
static struct rc_verdict serves(struct rc_health *h, const struct rc_facts *facts)
{
    struct rc_verdict verdict = {.measure = RC_MEASURE_NONE};
    enum rc_server_state before = h->state;
    bool was_out = h->outage.running;
    h->state = facts->silent_ms != 0 ? RC_SERVER_SUSPECT : RC_SERVER_UP;
    if (was_out) {
        rc_outage_end(&h->outage, facts->now_ms);
    }
    if (was_out || before == RC_SERVER_CONNECTING) {
        verdict.told = was_out && h->ejected ? RC_CHANGE_READMITTED : RC_CHANGE_UP;
    }
    if (h->state == RC_SERVER_UP) {
        bool of_probe = was_out || before == RC_SERVER_SUSPECT; /* else the plan is another's */
        verdict.next = of_probe ? RC_NEXT_DROP_ALL : RC_NEXT_DROP_PROBE;
    } else if (!facts->planned) {
        verdict.next = next_probe(h, facts);
    }
    return verdict;
}

/* ---- evidence ---- */

struct rc_verdict rc_health_judge(
    struct rc_health *h, enum rc_evidence evidence, const struct rc_facts *facts)
{
    bool down = h->state == RC_SERVER_DOWN;
    switch (evidence) {
    case RC_EVIDENCE_WANTED:
        return wanted(h, facts);
    case RC_EVIDENCE_DUE:
        return down || h->state == RC_SERVER_SUSPECT ? probe(h, facts) : nothing();
    case RC_EVIDENCE_SILENT:
        return fell_silent(h, facts);
    case RC_EVIDENCE_SPOKE:
        return spoke(h, facts);
    case RC_EVIDENCE_LOST:
        return lost(h, facts);
    case RC_EVIDENCE_CONNECT_FAILED:
        return connect_failed(h, facts);
    case RC_EVIDENCE_UNPROVEN:
        return unproven(h, facts);
    case RC_EVIDENCE_REFUSED:
        return against(h, facts, RC_MEASURE_WITHHOLD, false);
    case RC_EVIDENCE_OWN_TROUBLE:
        return wait_ms(RC_MEASURE_NONE, RC_HEALTH_PAUSE_MS);
    case RC_EVIDENCE_OLD_SILENT:
        return against(h, facts, RC_MEASURE_EJECT, false);
    case RC_EVIDENCE_OLD_GONE:
        return old_gone(h, facts);
    case RC_EVIDENCE_PROBE_GREETED:
        return greeted(h);
    case RC_EVIDENCE_PROBE_SILENT:
        return against(h, facts, RC_MEASURE_EJECT, true);
    case RC_EVIDENCE_PROBE_FAILED:
        return against(h, facts, RC_MEASURE_RETIRE_ALL, true);
    case RC_EVIDENCE_PROBE_REFUSED:
        return against(h, facts, RC_MEASURE_WITHHOLD, true);
    case RC_EVIDENCE_PROBE_OBSTRUCTED:
        return obstructed(h, facts);
    case RC_EVIDENCE_PROBE_UNDECIDED:
        return down ? keep_probing(RC_MEASURE_NONE, facts) : nothing();
    case RC_EVIDENCE_ANSWERS:
        return answers(h);
    case RC_EVIDENCE_SERVES:
        return serves(h, facts);
    case RC_EVIDENCE_HEARD_GONE:
        return only(h->state == RC_SERVER_UP ? RC_MEASURE_ASK_IDLE : RC_MEASURE_NONE);
    case RC_EVIDENCE_HEARD_BACK:
        return down ? probe_soon(facts) : nothing();
    }
    return nothing();
}

bool rc_evidence_is_soft(enum rc_evidence evidence)
{
    return evidence == RC_EVIDENCE_OLD_SILENT || evidence == RC_EVIDENCE_PROBE_SILENT;
}

enum rc_evidence rc_evidence_of_probe(int status)
{
    if (rc_error_is_local(status)) {
        return RC_EVIDENCE_OWN_TROUBLE;
    }
    return status == RINGCACHE_ETIMEDOUT ? RC_EVIDENCE_PROBE_SILENT : RC_EVIDENCE_PROBE_FAILED;
}

enum rc_evidence rc_evidence_of_connect(int status)
{
    return rc_error_is_local(status) ? RC_EVIDENCE_OWN_TROUBLE : RC_EVIDENCE_CONNECT_FAILED;
}

bool rc_error_is_local(int status)
{
    if (status == RINGCACHE_ENOMEM) {
        return true;
    }
    switch (-status) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL:
    case EADDRINUSE:
    case ENETUNREACH:
    case ENETDOWN:
    case EAFNOSUPPORT: /* this kernel has no such network */
    case EPROTONOSUPPORT:
    case ENOSPC: /* of epoll: no more watches for this user */
    case EPERM:  /* a firewall of this machine's; EACCES is a Unix socket's mode */
        return true;
    default:
        return false;
    }
}

bool rc_error_is_peers(int status)
{
    return status == 0 || status == -ECONNRESET || status == -EPIPE;
}

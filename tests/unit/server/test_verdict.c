/* SPDX-License-Identifier: MIT */
/* The table of health.h, cell by cell, and its times: to the millisecond, on both sides. */
#include "unit.h"

#include <errno.h>

#include "ringcache/status.h"
#include "server/health.h"

enum {
    NOW = 100000,
    TIMEOUT = 500,
    FENCE_LIMIT = 10000,
    PAUSE = 100,
    KINDS = RC_EVIDENCE_HEARD_BACK + 1, /* of evidence */
};

/* ---- the table ---- */

/* Sets of states. */
enum {
    IDLE = 1 << RC_SERVER_IDLE,
    CONNECTING = 1 << RC_SERVER_CONNECTING,
    UP = 1 << RC_SERVER_UP,
    SUSPECT = 1 << RC_SERVER_SUSPECT,
    DOWN = 1 << RC_SERVER_DOWN,
    CALM = IDLE | CONNECTING | UP,
    IN = CALM | SUSPECT,
    ANY = IN | DOWN,
};

/* What else is so. */
enum {
    PROBING = 1 << 0,
    PLANNED = 1 << 1,
    HEALTHY = 1 << 2,
    DIALING = 1 << 3,
    OBSTRUCTED = 1 << 4,
    SILENT = 1 << 5,
    LATE = 1 << 6,
    MOST = 1 << 7,     /* are silent */
    CAPPED = 1 << 8,   /* no more may be ejected */
    OUT = 1 << 9,      /* the outage is not over; where it is DOWN, it never is */
    EJECTED = 1 << 10, /* it began so */
    WAITED = 1 << 11,  /* long enough for an old connection */
};

struct cell {
    const char *name;
    unsigned in;
    enum rc_evidence evidence;
    unsigned facts;
    unsigned to; /* 0: the state it was in */
    struct rc_verdict verdict;
};

#define DO(...) .verdict = {__VA_ARGS__}
#define MEASURE(what) .measure = RC_MEASURE_##what
#define NEXT(what) .next = RC_NEXT_##what
#define TOLD(what) .told = RC_CHANGE_##what
#define WAIT(ms) NEXT(IN), .delay_ms = (ms)

static const struct cell cells[] = {
    {"a request needs the first connection", IDLE, RC_EVIDENCE_WANTED, 0, CONNECTING,
        DO(MEASURE(DIAL), TOLD(CONNECTING))},
    {"a request needs another connection", CONNECTING | UP | SUSPECT, RC_EVIDENCE_WANTED, 0, 0,
        DO(MEASURE(DIAL))},
    {"none is made in a pause", CALM, RC_EVIDENCE_WANTED, PLANNED, 0, DO(0)},
    {"a planned probe is no pause", SUSPECT, RC_EVIDENCE_WANTED, PLANNED, 0, DO(MEASURE(DIAL))},
    {"none is made out of service", DOWN, RC_EVIDENCE_WANTED, 0, 0, DO(0)},

    {"a pause is over", CALM, RC_EVIDENCE_DUE, 0, 0, DO(0)},
    {"a suspect's probe is due", SUSPECT, RC_EVIDENCE_DUE, 0, 0, DO(NEXT(OPEN))},
    {"a probe is due", DOWN, RC_EVIDENCE_DUE, 0, 0, DO(NEXT(PING))},
    {"a probe is due while one is under way", SUSPECT | DOWN, RC_EVIDENCE_DUE, PROBING, 0, DO(0)},

    {"a connection is silent", IN, RC_EVIDENCE_SILENT, SILENT, SUSPECT, DO(NEXT(OPEN))},
    {"a connection is silent, a probe planned", IN, RC_EVIDENCE_SILENT, SILENT | PLANNED, SUSPECT,
        DO(NEXT(OPEN))},
    {"one more is silent", IN, RC_EVIDENCE_SILENT, SILENT | PROBING, SUSPECT, DO(0)},
    {"one that stayed is silent", DOWN, RC_EVIDENCE_SILENT, SILENT, 0,
        DO(MEASURE(RETIRE_IT), NEXT(PLAN))},
    {"one that stayed is silent, a probe planned", DOWN, RC_EVIDENCE_SILENT, SILENT | PLANNED, 0,
        DO(MEASURE(RETIRE_IT))},
    {"one that stayed is silent, a probe under way", DOWN, RC_EVIDENCE_SILENT, SILENT | PROBING, 0,
        DO(MEASURE(RETIRE_IT))},

    {"bytes of one of no consequence", CALM, RC_EVIDENCE_SPOKE, 0, 0, DO(0)},
    {"the last silent one speaks", SUSPECT, RC_EVIDENCE_SPOKE, PROBING, 0, DO(MEASURE(RESUME))},
    {"one speaks, another is silent", SUSPECT, RC_EVIDENCE_SPOKE, SILENT, 0, DO(0)},
    {"an old one speaks", DOWN, RC_EVIDENCE_SPOKE, PLANNED, 0, DO(WAIT(0))},
    {"an old one speaks, a probe under way", DOWN, RC_EVIDENCE_SPOKE, PROBING, 0, DO(0)},

    {"the only connection ended", CALM, RC_EVIDENCE_LOST, 0, CONNECTING,
        DO(MEASURE(DIAL), TOLD(CONNECTING))},
    {"one of several ended", CALM, RC_EVIDENCE_LOST, HEALTHY, 0, DO(MEASURE(DIAL))},
    {"one ended, another is silent", IN, RC_EVIDENCE_LOST, SILENT, 0, DO(MEASURE(DIAL))},
    {"the silent one ended", SUSPECT, RC_EVIDENCE_LOST, HEALTHY | PROBING, UP,
        DO(MEASURE(DIAL), NEXT(DROP_ALL))},
    {"the silent one ended, and was the only one", SUSPECT, RC_EVIDENCE_LOST, PROBING, CONNECTING,
        DO(MEASURE(DIAL), NEXT(DROP_ALL), TOLD(CONNECTING))},
    {"the silent one ended, older writes are in the way", SUSPECT, RC_EVIDENCE_LOST,
        HEALTHY | OBSTRUCTED, 0, DO(MEASURE(DIAL))},
    {"the only one ended, older writes are in the way", SUSPECT, RC_EVIDENCE_LOST, OBSTRUCTED,
        CONNECTING, DO(MEASURE(DIAL), TOLD(CONNECTING))},
    {"one that stayed ended", DOWN, RC_EVIDENCE_LOST, 0, 0, DO(NEXT(PLAN))},
    {"one that stayed ended, a probe planned", DOWN, RC_EVIDENCE_LOST, PLANNED, 0, DO(0)},
    {"one that stayed ended, a probe under way", DOWN, RC_EVIDENCE_LOST, PROBING, 0, DO(0)},

    {"no connection can be made", IN, RC_EVIDENCE_CONNECT_FAILED, 0, DOWN,
        DO(MEASURE(RETIRE_ALL), NEXT(PLAN), TOLD(DOWN))},
    {"none can be made on its way back", IN, RC_EVIDENCE_CONNECT_FAILED, OUT, DOWN,
        DO(MEASURE(RETIRE_ALL), NEXT(PLAN))},
    {"none can be made, another is healthy", IN, RC_EVIDENCE_CONNECT_FAILED, HEALTHY | DIALING, 0,
        DO(MEASURE(CLOSE_LANE))},
    {"none can be made, another is in the making", IN, RC_EVIDENCE_CONNECT_FAILED, DIALING, 0,
        DO(0)},
    {"none can be made out of service", DOWN, RC_EVIDENCE_CONNECT_FAILED, 0, 0, DO(0)},

    {"an end that proves nothing", IN, RC_EVIDENCE_UNPROVEN, HEALTHY, DOWN,
        DO(MEASURE(RETIRE_ALL), NEXT(PLAN), TOLD(DOWN))},
    {"an end that proves nothing, out of service", DOWN, RC_EVIDENCE_UNPROVEN, 0, 0,
        DO(NEXT(PLAN))},
    {"an end that proves nothing, a probe planned", DOWN, RC_EVIDENCE_UNPROVEN, PLANNED, 0, DO(0)},
    {"an end that proves nothing, a probe under way", DOWN, RC_EVIDENCE_UNPROVEN, PROBING, 0,
        DO(0)},

    {"it says that it serves nobody", IN, RC_EVIDENCE_REFUSED, HEALTHY, DOWN,
        DO(MEASURE(WITHHOLD), NEXT(PLAN), TOLD(DOWN))},
    {"the cap does not apply to its own word", IN, RC_EVIDENCE_REFUSED, CAPPED | MOST, DOWN,
        DO(MEASURE(WITHHOLD), NEXT(PLAN), TOLD(DOWN))},
    {"it says so on its way back", IN, RC_EVIDENCE_REFUSED, OUT, DOWN,
        DO(MEASURE(WITHHOLD), NEXT(PLAN))},
    {"what was under way is told so too", DOWN, RC_EVIDENCE_REFUSED, PLANNED, 0, DO(0)},

    {"trouble of our own", ANY, RC_EVIDENCE_OWN_TROUBLE, 0, 0, DO(WAIT(PAUSE))},

    {"an old one is silent", IN, RC_EVIDENCE_OLD_SILENT, 0, DOWN,
        DO(MEASURE(EJECT), NEXT(PLAN), TOLD(EJECTED))},
    {"an old one is silent and our loop late", IN, RC_EVIDENCE_OLD_SILENT,
        SILENT | LATE | MOST | CAPPED, SUSPECT, DO(WAIT(0))},
    {"an old one is silent like most servers", IN, RC_EVIDENCE_OLD_SILENT, MOST | CAPPED, SUSPECT,
        DO(MEASURE(ASK_OTHERS), WAIT(PAUSE + TIMEOUT))},
    {"an old one is silent beyond the cap", IN, RC_EVIDENCE_OLD_SILENT, CAPPED, SUSPECT,
        DO(WAIT(PAUSE + TIMEOUT))},
    {"an old one is silent out of service", DOWN, RC_EVIDENCE_OLD_SILENT, PLANNED, 0, DO(0)},

    {"an old one is gone", IN, RC_EVIDENCE_OLD_GONE, 0, 0, DO(MEASURE(RESUME))},
    {"an old one is gone out of service", DOWN, RC_EVIDENCE_OLD_GONE, PLANNED, 0, DO(WAIT(0))},
    {"an old one is gone, a probe under way", DOWN, RC_EVIDENCE_OLD_GONE, PROBING, 0, DO(0)},

    {"the probe of a suspect is greeted", SUSPECT, RC_EVIDENCE_PROBE_GREETED, PROBING, CONNECTING,
        DO(MEASURE(RETIRE_SILENT))},
    {"the probe is greeted", CALM | DOWN, RC_EVIDENCE_PROBE_GREETED, PROBING, 0, DO(0)},

    {"the probe is silent too", IN, RC_EVIDENCE_PROBE_SILENT, SILENT, DOWN,
        DO(MEASURE(EJECT), NEXT(PLAN), TOLD(EJECTED))},
    {"the probe is silent on its way back", IN, RC_EVIDENCE_PROBE_SILENT, SILENT | OUT, DOWN,
        DO(MEASURE(EJECT), NEXT(PLAN))},
    {"the probe is silent and our loop late", IN, RC_EVIDENCE_PROBE_SILENT,
        SILENT | LATE | MOST | CAPPED, SUSPECT, DO(WAIT(0))},
    {"the probe is silent like most servers", IN, RC_EVIDENCE_PROBE_SILENT, SILENT | MOST | CAPPED,
        SUSPECT, DO(MEASURE(ASK_OTHERS), WAIT(PAUSE + TIMEOUT))},
    {"the probe is silent beyond the cap", IN, RC_EVIDENCE_PROBE_SILENT, SILENT | CAPPED, SUSPECT,
        DO(WAIT(PAUSE + TIMEOUT))},
    {"the probe of an outage is silent", DOWN, RC_EVIDENCE_PROBE_SILENT, MOST | CAPPED | LATE, 0,
        DO(MEASURE(STAY_OUT), NEXT(PLAN))},

    {"the probe fails", IN, RC_EVIDENCE_PROBE_FAILED, SILENT, DOWN,
        DO(MEASURE(RETIRE_ALL), NEXT(PLAN), TOLD(DOWN))},
    {"the cap does not apply to hard evidence", IN, RC_EVIDENCE_PROBE_FAILED, CAPPED | MOST | LATE,
        DOWN, DO(MEASURE(RETIRE_ALL), NEXT(PLAN), TOLD(DOWN))},
    {"the probe fails on its way back", IN, RC_EVIDENCE_PROBE_FAILED, OUT, DOWN,
        DO(MEASURE(RETIRE_ALL), NEXT(PLAN))},
    {"the probe of an outage fails", DOWN, RC_EVIDENCE_PROBE_FAILED, 0, 0,
        DO(MEASURE(STAY_OUT), NEXT(PLAN))},

    {"a question is answered that it serves nobody", IN, RC_EVIDENCE_PROBE_REFUSED, 0, DOWN,
        DO(MEASURE(WITHHOLD), NEXT(PLAN), TOLD(DOWN))},
    {"a question is answered so on its way back", IN, RC_EVIDENCE_PROBE_REFUSED, OUT, DOWN,
        DO(MEASURE(WITHHOLD), NEXT(PLAN))},
    {"a question of an outage is answered so", DOWN, RC_EVIDENCE_PROBE_REFUSED, 0, 0,
        DO(MEASURE(STAY_OUT), NEXT(PLAN))},

    {"it answers, older writes are in the way", IN, RC_EVIDENCE_PROBE_OBSTRUCTED, OBSTRUCTED, DOWN,
        DO(MEASURE(RETIRE_ALL), NEXT(PLAN), TOLD(DOWN))},
    {"it answers again, older writes are in the way", DOWN, RC_EVIDENCE_PROBE_OBSTRUCTED,
        OBSTRUCTED, 0, DO(MEASURE(WAIT_FOR_OLD), NEXT(PLAN), .before_ms = NOW + FENCE_LIMIT)},
    {"it answers, and older writes had their time", DOWN, RC_EVIDENCE_PROBE_OBSTRUCTED,
        OBSTRUCTED | WAITED, 0, DO(MEASURE(GIVE_UP_OLD), NEXT(PLAN), .before_ms = NOW)},

    {"an answer decided nothing in service", IN, RC_EVIDENCE_PROBE_UNDECIDED, 0, 0, DO(0)},
    {"an answer decided nothing", DOWN, RC_EVIDENCE_PROBE_UNDECIDED, 0, 0, DO(NEXT(PLAN))},
    {"an answer decided nothing, a probe planned", DOWN, RC_EVIDENCE_PROBE_UNDECIDED, PLANNED, 0,
        DO(0)},
    {"an answer decided nothing, a probe under way", DOWN, RC_EVIDENCE_PROBE_UNDECIDED, PROBING, 0,
        DO(0)},

    {"the last deletes are under way", DOWN, RC_EVIDENCE_ANSWERS, 0, CONNECTING,
        DO(NEXT(DROP_ALL))},
    {"deletes of one in service", IN, RC_EVIDENCE_ANSWERS, 0, 0, DO(0)},

    {"it serves for the first time", CONNECTING, RC_EVIDENCE_SERVES, HEALTHY | PLANNED, UP,
        DO(NEXT(DROP_PROBE), TOLD(UP))},
    {"it serves all the time", IDLE | UP, RC_EVIDENCE_SERVES, HEALTHY | PLANNED, UP,
        DO(NEXT(DROP_PROBE))},
    {"it serves and is suspected no more", SUSPECT, RC_EVIDENCE_SERVES, HEALTHY | PROBING, UP,
        DO(NEXT(DROP_ALL))},
    {"it serves behind an outage", ANY, RC_EVIDENCE_SERVES, OUT | HEALTHY, UP,
        DO(NEXT(DROP_ALL), TOLD(UP))},
    {"it serves behind an ejection", ANY, RC_EVIDENCE_SERVES, OUT | EJECTED | HEALTHY, UP,
        DO(NEXT(DROP_ALL), TOLD(READMITTED))},
    {"an ejection of long ago is no news", CONNECTING, RC_EVIDENCE_SERVES, EJECTED, UP,
        DO(NEXT(DROP_PROBE), TOLD(UP))},
    {"it serves, but for a silent connection", IDLE | UP | SUSPECT, RC_EVIDENCE_SERVES,
        HEALTHY | SILENT, SUSPECT, DO(NEXT(OPEN))},
    {"it serves, but for a silent one, a probe planned", IDLE | UP | SUSPECT, RC_EVIDENCE_SERVES,
        SILENT | PLANNED, SUSPECT, DO(0)},
    {"it serves, but for a silent one, a probe under way", IDLE | UP | SUSPECT, RC_EVIDENCE_SERVES,
        SILENT | PROBING, SUSPECT, DO(0)},
    {"it serves behind an outage, but for a silent one", ANY, RC_EVIDENCE_SERVES, OUT | SILENT,
        SUSPECT, DO(NEXT(OPEN), TOLD(UP))},

    {"others tell that it is gone", UP, RC_EVIDENCE_HEARD_GONE, 0, 0, DO(MEASURE(ASK_IDLE))},
    {"others tell of one that does not serve here", ANY & ~UP, RC_EVIDENCE_HEARD_GONE, 0, 0, DO(0)},
    {"others tell that it is back", DOWN, RC_EVIDENCE_HEARD_BACK, PLANNED, 0, DO(WAIT(0))},
    {"others tell that it is back, a probe under way", DOWN, RC_EVIDENCE_HEARD_BACK, PROBING, 0,
        DO(0)},
    {"others tell that it is back, and it never was away", IN, RC_EVIDENCE_HEARD_BACK, 0, 0, DO(0)},
};

static struct rc_health health_of(enum rc_server_state state, unsigned facts)
{
    struct rc_health h = {.state = state, .ejected = (facts & EJECTED) != 0};
    if (state == RC_SERVER_DOWN || (facts & OUT) != 0) {
        rc_outage_begin(&h.outage, NOW - 90000);
    }
    if ((facts & WAITED) != 0) {
        h.outage.answered_ms = NOW - FENCE_LIMIT;
    }
    return h;
}

static struct rc_facts facts_of(unsigned facts)
{
    bool most = (facts & MOST) != 0;
    return (struct rc_facts){
        .now_ms = NOW,
        .silent_ms = (facts & SILENT) != 0 ? NOW - TIMEOUT : 0,
        .stalled_ms = (facts & LATE) != 0 ? NOW - 1 : 0,
        .timeout_ms = TIMEOUT,
        .fence_limit_ms = FENCE_LIMIT,
        .probing = (facts & PROBING) != 0,
        .planned = (facts & PLANNED) != 0,
        .healthy = (facts & HEALTHY) != 0,
        .dialing = (facts & DIALING) != 0,
        .obstructed = (facts & OBSTRUCTED) != 0,
        .census = {.count = 6,
            .ejected = (facts & CAPPED) != 0 ? 3 : 2,
            .serving = 3,
            .silent = most ? 2 : 1,
            .fell_ms = NOW - TIMEOUT,
            .heard_ms = NOW - (most ? TIMEOUT : 1)},
    };
}

static enum rc_server_state only_of(unsigned set)
{
    enum rc_server_state state = RC_SERVER_IDLE;
    while ((set & 1U << state) == 0) {
        state++;
    }
    return state;
}

static bool same(const struct rc_verdict *a, const struct rc_verdict *b)
{
    return a->measure == b->measure && a->next == b->next && a->delay_ms == b->delay_ms &&
           a->before_ms == b->before_ms && a->told == b->told;
}

static void check(const struct cell *cell, enum rc_server_state from)
{
    struct rc_health h = health_of(from, cell->facts);
    const struct rc_facts facts = facts_of(cell->facts);
    enum rc_server_state to = cell->to == 0 ? from : only_of(cell->to);
    const struct rc_verdict verdict = rc_health_judge(&h, cell->evidence, &facts);
    if (h.state != to || !same(&verdict, &cell->verdict)) {
        fail_msg("%s: from state %d to %d, not %d; measure %d, next %d in %u ms before %llu, "
                 "told %d",
            cell->name, (int)from, (int)h.state, (int)to, (int)verdict.measure, (int)verdict.next,
            (unsigned)verdict.delay_ms, (unsigned long long)verdict.before_ms, (int)verdict.told);
    }
}

static void every_cell_of_the_table_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        for (enum rc_server_state from = RC_SERVER_IDLE; from <= RC_SERVER_DOWN; from++) {
            if ((cells[i].in & 1U << from) != 0) {
                check(&cells[i], from);
            }
        }
    }
}

static void the_table_has_every_cell(void **state)
{
    (void)state;
    unsigned seen[KINDS] = {0};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        seen[cells[i].evidence] |= cells[i].in;
    }
    for (size_t evidence = 0; evidence < KINDS; evidence++) {
        assert_int_equal(seen[evidence], ANY);
    }
}

/* ---- times ---- */

static struct rc_verdict judge_at(
    struct rc_health *h, enum rc_evidence evidence, unsigned situation, uint64_t now_ms)
{
    struct rc_facts facts = facts_of(situation);
    facts.now_ms = now_ms;
    return rc_health_judge(h, evidence, &facts);
}

/* Silent since `silent_ms`, and the probe is too; our own loop was late at `stalled_ms`. */
static bool is_excused(
    struct rc_health *h, uint64_t silent_ms, uint64_t stalled_ms, uint32_t timeout_ms)
{
    struct rc_facts facts = facts_of(0);
    facts.silent_ms = silent_ms;
    facts.stalled_ms = stalled_ms;
    facts.timeout_ms = timeout_ms;
    h->state = RC_SERVER_SUSPECT;
    rc_health_judge(h, RC_EVIDENCE_PROBE_SILENT, &facts);
    return h->state == RC_SERVER_SUSPECT;
}

static void a_late_loop_is_an_excuse_for_one_window(void **state)
{
    (void)state;
    struct rc_health h = {0};
    assert_true(is_excused(&h, 1, NOW - 499, 500));
    assert_false(is_excused(&h, 2, NOW - 500, 500));
    assert_true(is_excused(&h, 3, NOW - 49, 20)); /* a window is never less than 50 ms */
    assert_false(is_excused(&h, 4, NOW - 50, 20));
    assert_false(is_excused(&h, 5, 0, 500));
}

static void a_late_loop_is_an_excuse_once_for_each_silence(void **state)
{
    (void)state;
    struct rc_health h = {0};
    assert_true(is_excused(&h, 1, NOW, 500));
    assert_false(is_excused(&h, 1, NOW, 500));
    assert_true(is_excused(&h, 2, NOW, 500));
}

static void the_guard_lasts_until_others_were_heard_for_a_window(void **state)
{
    (void)state;
    struct rc_facts facts = facts_of(MOST);
    facts.census.heard_ms = facts.census.fell_ms + 1;
    struct rc_health h = health_of(RC_SERVER_SUSPECT, 0);
    facts.now_ms = facts.census.fell_ms + TIMEOUT - 1;
    assert_int_equal(
        rc_health_judge(&h, RC_EVIDENCE_PROBE_SILENT, &facts).measure, RC_MEASURE_ASK_OTHERS);
    facts.now_ms++;
    assert_int_equal(
        rc_health_judge(&h, RC_EVIDENCE_PROBE_SILENT, &facts).measure, RC_MEASURE_EJECT);
}

static void old_connections_are_waited_for_from_the_first_answer_on(void **state)
{
    (void)state;
    struct rc_health h = health_of(RC_SERVER_UP, 0);
    judge_at(&h, RC_EVIDENCE_PROBE_OBSTRUCTED, OBSTRUCTED, NOW);
    const struct rc_verdict early =
        judge_at(&h, RC_EVIDENCE_PROBE_OBSTRUCTED, OBSTRUCTED, NOW + FENCE_LIMIT - 1);
    assert_int_equal(early.measure, RC_MEASURE_WAIT_FOR_OLD);
    assert_int_equal(early.before_ms, NOW + FENCE_LIMIT);
    const struct rc_verdict late =
        judge_at(&h, RC_EVIDENCE_PROBE_OBSTRUCTED, OBSTRUCTED, NOW + FENCE_LIMIT);
    assert_int_equal(late.measure, RC_MEASURE_GIVE_UP_OLD);
}

static void a_new_outage_waits_for_old_connections_anew(void **state)
{
    (void)state;
    struct rc_health h = health_of(RC_SERVER_DOWN, WAITED);
    judge_at(&h, RC_EVIDENCE_SERVES, 0, NOW);
    judge_at(&h, RC_EVIDENCE_PROBE_FAILED, 0, NOW + 1);
    const struct rc_verdict verdict =
        judge_at(&h, RC_EVIDENCE_PROBE_OBSTRUCTED, OBSTRUCTED, NOW + 2);
    assert_int_equal(verdict.measure, RC_MEASURE_WAIT_FOR_OLD);
    assert_int_equal(verdict.before_ms, NOW + 2 + FENCE_LIMIT);
}

static void flap_memory_forgets_after_a_minute(void **state)
{
    (void)state;
    struct rc_health h = health_of(RC_SERVER_UP, 0);
    judge_at(&h, RC_EVIDENCE_REFUSED, 0, NOW);
    assert_int_equal(h.outage.flaps, 0);
    judge_at(&h, RC_EVIDENCE_SERVES, 0, NOW + 1000);
    judge_at(&h, RC_EVIDENCE_REFUSED, 0, NOW + 1000 + 59999);
    assert_int_equal(h.outage.flaps, 1);
    judge_at(&h, RC_EVIDENCE_SERVES, 0, NOW + 62000);
    judge_at(&h, RC_EVIDENCE_REFUSED, 0, NOW + 62000 + 60000);
    assert_int_equal(h.outage.flaps, 0);
}

/* It was on its way back, and nobody was told: what it is called, and its pauses, go on. */
static void an_outage_that_goes_on_is_the_same_one(void **state)
{
    (void)state;
    struct rc_health h = health_of(RC_SERVER_UP, 0);
    judge_at(&h, RC_EVIDENCE_PROBE_SILENT, 0, NOW);
    rc_outage_next_probe(&h.outage, NOW, 0);
    judge_at(&h, RC_EVIDENCE_ANSWERS, 0, NOW + 50);
    judge_at(&h, RC_EVIDENCE_PROBE_FAILED, 0, NOW + 60);
    assert_true(h.ejected);
    assert_int_equal(h.outage.began_ms, NOW);
    assert_int_equal(h.outage.span_ms, RC_PROBE_FIRST_MS + RC_PROBE_STEP_MS);
    assert_int_equal(judge_at(&h, RC_EVIDENCE_SERVES, 0, NOW + 70).told, RC_CHANGE_READMITTED);
    assert_int_equal(h.outage.ended_ms, NOW + 70);
}

static void every_fourth_probe_of_an_outage_begins_with_the_name(void **state)
{
    (void)state;
    struct rc_health h = health_of(RC_SERVER_DOWN, 0);
    for (unsigned n = 1; n <= 12; n++) {
        assert_int_equal(judge_at(&h, RC_EVIDENCE_DUE, PROBING, NOW).next, RC_NEXT_AS_IT_IS);
        assert_int_equal(
            judge_at(&h, RC_EVIDENCE_DUE, 0, NOW).next, n % 4 == 0 ? RC_NEXT_OPEN : RC_NEXT_PING);
    }
}

static void what_a_status_says(void **state)
{
    (void)state;
    assert_int_equal(rc_evidence_of_probe(RINGCACHE_ETIMEDOUT), RC_EVIDENCE_PROBE_SILENT);
    assert_int_equal(rc_evidence_of_probe(RINGCACHE_EPROTOCOL), RC_EVIDENCE_PROBE_FAILED);
    assert_int_equal(rc_evidence_of_probe(-ETIMEDOUT), RC_EVIDENCE_PROBE_FAILED);
    assert_int_equal(rc_evidence_of_probe(-EMFILE), RC_EVIDENCE_OWN_TROUBLE);
    assert_int_equal(rc_evidence_of_connect(RINGCACHE_ETIMEDOUT), RC_EVIDENCE_CONNECT_FAILED);
    assert_int_equal(rc_evidence_of_connect(RINGCACHE_ENOMEM), RC_EVIDENCE_OWN_TROUBLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cell_of_the_table_holds),
        cmocka_unit_test(the_table_has_every_cell),
        cmocka_unit_test(a_late_loop_is_an_excuse_for_one_window),
        cmocka_unit_test(a_late_loop_is_an_excuse_once_for_each_silence),
        cmocka_unit_test(the_guard_lasts_until_others_were_heard_for_a_window),
        cmocka_unit_test(old_connections_are_waited_for_from_the_first_answer_on),
        cmocka_unit_test(a_new_outage_waits_for_old_connections_anew),
        cmocka_unit_test(flap_memory_forgets_after_a_minute),
        cmocka_unit_test(an_outage_that_goes_on_is_the_same_one),
        cmocka_unit_test(every_fourth_probe_of_an_outage_begins_with_the_name),
        cmocka_unit_test(what_a_status_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_HEALTH_H
#define RC_SERVER_HEALTH_H

/* Health of one server: pure state, no I/O, no allocation; time is an argument.
 *
 * Evidence comes in, together with the facts: what is so at that moment. The state changes, and a
 * verdict goes out: what is to be done with the connections (a measure), with the probe (next), and
 * what is told. service.c and recovery.c gather the facts and carry verdicts out.
 *
 * A cell names the new state, if it is another one, then what is done.
 *
 *   evidence          IDLE, CONNECTING     UP                   SUSPECT              DOWN
 *   ----------------  -------------------  -------------------  -------------------  -------------
 *   WANTED            CONNECTING dial (1)  dial (1)             dial                 -
 *   DUE               -                    -                    probe (2)            probe (2)
 *   SILENT            SUSPECT probe        SUSPECT probe        probe                retire it (3)
 *   SPOKE             -                    -                    resume (4)           probe now (2)
 *   LOST              CONNECTING dial (5)  CONNECTING dial (5)  CONNECTING dial (5)  (3)
 *   CONNECT_FAILED    DOWN retire all (6)  DOWN retire all (6)  DOWN retire all (6)  -
 *   UNPROVEN          DOWN retire all      DOWN retire all      DOWN retire all      (3)
 *   REFUSED           DOWN withhold        DOWN withhold        DOWN withhold        -
 *   OWN_TROUBLE       wait 100 ms          wait 100 ms          wait 100 ms          wait 100 ms
 *   OLD_SILENT        (7)                  (7)                  (7)                  -
 *   OLD_GONE          resume               resume               resume               probe now (2)
 *   PROBE_GREETED     -                    -                    CONNECTING           -
 *                                                               retire silent
 *   PROBE_SILENT      (7)                  (7)                  (7)                  stay out
 *   PROBE_FAILED      DOWN retire all      DOWN retire all      DOWN retire all      stay out
 *   PROBE_REFUSED     DOWN withhold        DOWN withhold        DOWN withhold        stay out
 *   PROBE_OBSTRUCTED  DOWN retire all      DOWN retire all      DOWN retire all      wait for the
 *                                                                                    old (8)
 *   PROBE_UNDECIDED   -                    -                    -                    (3)
 *   ANSWERS           -                    -                    -                    CONNECTING (9)
 *   SERVES            UP (10)              UP (10)              UP (10)              UP (10)
 *   HEARD_GONE        -                    ask idle             -                    -
 *   HEARD_BACK        -                    -                    -                    probe now (2)
 *
 *   Whatever leads to DOWN plans a probe and is told, but for an outage that goes on: that of a
 *   server on its way back, which nobody was told. What keeps it out plans a probe anew.
 *   (1) unless a pause is under way; told where it was IDLE
 *   (2) one probe at a time: nothing where one is under way. "Now" is when the event is over
 *   (3) plan a probe unless one is planned or under way
 *   (4) once no connection is silent any more
 *   (5) it stays as it is, and nothing is told, while another connection answers or is silent. A
 *       SUSPECT, whose silence ended so, is UP without its probe if no older writes are in the way
 *   (6) while another connection answers, its lane alone is closed; one in the making decides later
 *   (7) soft evidence, weighed in this order:
 *         our own loop was late, for the first time in this silence: SUSPECT, probe now
 *         most servers are silent: SUSPECT, wait timeout_ms + 100, ask the others
 *         the cap on ejections is reached: SUSPECT, wait timeout_ms + 100
 *         else: DOWN, eject
 *   (8) plan a probe; once fence_limit_ms are over since the first answer, give up the old ones
 *   (9) the outage goes on; the probe and its plan are dropped
 *   (10) SUSPECT while one is silent, with a probe if none is planned (2); else UP without. It ends
 *       an outage; that, and a connection that was being made, is told */

#include <stdbool.h>
#include <stdint.h>

#include "server/census.h"

enum {
    RC_HEALTH_PAUSE_MS = 100,      /* after trouble of our own machine, or in doubt of ourselves */
    RC_PROBE_FIRST_MS = 150,       /* the span of the first pause before a probe */
    RC_PROBE_STEP_MS = 3,          /* … what each adds to the next within the first minute */
    RC_PROBE_MINUTE_MAX_MS = 1000, /* … at most, within it */
    RC_PROBE_MAX_MS = 10000,       /* … at most, after it */
};

enum rc_server_state {
    RC_SERVER_IDLE,
    RC_SERVER_CONNECTING,
    RC_SERVER_UP,
    RC_SERVER_SUSPECT,
    RC_SERVER_DOWN,
};

/* What is told of a server. */
enum rc_server_change {
    RC_CHANGE_NONE,
    RC_CHANGE_CONNECTING,
    RC_CHANGE_UP,
    RC_CHANGE_DOWN,
    RC_CHANGE_EJECTED,
    RC_CHANGE_READMITTED,
    RC_CHANGE_JOURNAL_HALF,
    RC_CHANGE_JOURNAL_FULL,
    RC_CHANGE_HELD,
};

/* What was learnt. "One" is a connection that serves a lane; an "old" one was replaced. */
enum rc_evidence {
    RC_EVIDENCE_WANTED, /* a request needs one */
    RC_EVIDENCE_DUE,    /* the time of what was planned has come */
    /* of one */
    RC_EVIDENCE_SILENT,
    RC_EVIDENCE_SPOKE, /* it had been silent */
    RC_EVIDENCE_LOST,  /* it ended, or was given up */
    RC_EVIDENCE_CONNECT_FAILED,
    RC_EVIDENCE_UNPROVEN,    /* it ended, but not by its peer, with writes unanswered */
    RC_EVIDENCE_REFUSED,     /* the server's own word: it is there, and serves nobody for now */
    RC_EVIDENCE_OWN_TROUBLE, /* our machine's: descriptors, ports … */
    /* of an old one */
    RC_EVIDENCE_OLD_SILENT, /* its writes are in the way */
    RC_EVIDENCE_OLD_GONE,   /* or it holds no writes any more */
    /* of a question of ours: the probe's greeting, or a command on a connection that stayed */
    RC_EVIDENCE_PROBE_GREETED,
    RC_EVIDENCE_PROBE_SILENT,
    RC_EVIDENCE_PROBE_FAILED,
    RC_EVIDENCE_PROBE_REFUSED,    /* its answer is that it serves nobody for now */
    RC_EVIDENCE_PROBE_OBSTRUCTED, /* it answers, and an old one's writes are in the way */
    RC_EVIDENCE_PROBE_UNDECIDED,  /* there is more to be asked, later */
    RC_EVIDENCE_ANSWERS,          /* nothing is left but the journal's last deletes */
    RC_EVIDENCE_SERVES,           /* … and not even they */
    /* hearsay: what another client of this process told */
    RC_EVIDENCE_HEARD_GONE,
    RC_EVIDENCE_HEARD_BACK,
};

/* What is so when the evidence comes. */
struct rc_facts {
    uint64_t now_ms;
    uint64_t silent_ms;      /* since when one is silent, the longest; 0: none is */
    uint64_t stalled_ms;     /* when our own loop was last late; 0: never */
    uint32_t timeout_ms;     /* silence that makes a server suspect */
    uint32_t fence_limit_ms; /* that old ones may keep others waiting */
    bool probing;            /* a probe is under way */
    bool planned;            /* … is planned, or a pause is under way */
    bool healthy;            /* one answers */
    bool dialing;            /* one is in the making */
    bool obstructed;         /* an old one's writes are in the way */
    struct rc_census census; /* of soft evidence alone */
};

/* What is to be done with the connections. */
enum rc_measure {
    RC_MEASURE_NONE,
    RC_MEASURE_DIAL,          /* a lane gets one */
    RC_MEASURE_CLOSE_LANE,    /* … gets none for a while */
    RC_MEASURE_RETIRE_IT,     /* the silent one goes */
    RC_MEASURE_RETIRE_SILENT, /* all that are silent go */
    RC_MEASURE_RETIRE_ALL,    /* out of service: all go */
    RC_MEASURE_EJECT,         /* … by soft evidence */
    RC_MEASURE_WITHHOLD,      /* … but those that were greeted stay, in step */
    RC_MEASURE_STAY_OUT,      /* nothing, but there is news of why it is out of service */
    RC_MEASURE_WAIT_FOR_OLD,
    RC_MEASURE_GIVE_UP_OLD,
    RC_MEASURE_RESUME,     /* requests go on, if nothing else is in the way */
    RC_MEASURE_ASK_IDLE,   /* those that are idle give a sign of life */
    RC_MEASURE_ASK_OTHERS, /* … other servers do */
};

/* … with the probe, and with what is planned. */
enum rc_next {
    RC_NEXT_AS_IT_IS,
    RC_NEXT_PING, /* probe it on a connection that stayed, if there is one */
    RC_NEXT_OPEN, /* probe it on a new one */
    RC_NEXT_IN,   /* when delay_ms are over, or this event is */
    RC_NEXT_PLAN, /* by rc_outage_next_probe, and not behind `before_ms` if that is to come */
    RC_NEXT_DROP_PROBE,
    RC_NEXT_DROP_ALL, /* … and the plan */
};

struct rc_verdict {
    enum rc_measure measure;
    enum rc_next next;
    uint32_t delay_ms;
    uint64_t before_ms;
    enum rc_server_change told;
};

/* An outage, and how it is probed. */
struct rc_outage {
    uint64_t began_ms;
    uint64_t ended_ms;    /* of the one before */
    uint64_t answered_ms; /* the first answered probe that did not end it; 0: there was none */
    uint32_t pauses;      /* that were planned */
    uint32_t probes;      /* that were made: a pause may be planned anew */
    uint32_t span_ms;     /* of the pause before the next */
    uint32_t flaps;       /* outages that began within a minute of the end of the one before */
    bool running;         /* from the first evidence until requests are answered again */
};

struct rc_health {
    enum rc_server_state state;
    bool ejected; /* the outage began by soft evidence */
    struct rc_outage outage;
    uint64_t excused_ms; /* the silence for which our own late loop was excuse already */
};

/* All zero is IDLE. */
struct rc_verdict rc_health_judge(
    struct rc_health *h, enum rc_evidence evidence, const struct rc_facts *facts);

/* Is the evidence weighed against what the others say? */
bool rc_evidence_is_soft(enum rc_evidence evidence);

/* What it says of a server that a probe failed with `status`; a connection for a lane. */
enum rc_evidence rc_evidence_of_probe(int status);
enum rc_evidence rc_evidence_of_connect(int status);

void rc_outage_begin(struct rc_outage *o, uint64_t now_ms);
void rc_outage_end(struct rc_outage *o, uint64_t now_ms);
/* How long to wait before the next probe, drawn by chance: the first time up to the whole of a
 * span, so that those who lost a server together come apart; from then on between half of it and
 * all. The span hardly grows within the first minute, since pauses that double would put most
 * attempts of a short outage at its beginning; then it doubles. It starts higher with each flap. */
uint32_t rc_outage_next_probe(struct rc_outage *o, uint64_t now_ms, uint64_t random);

/* Is a negative status our own machine's trouble rather than a server's: descriptors, ports,
 * buffers, memory, no route? */
bool rc_error_is_local(int status);

/* Does a negative errno prove that the peer ended the connection? A time-out or an unreachable host
 * is our own kernel's opinion and proves nothing. */
bool rc_error_is_peers(int status);

#endif

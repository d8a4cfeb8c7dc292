/* SPDX-License-Identifier: MIT */
#ifndef RC_BASE_WHEEL_H
#define RC_BASE_WHEEL_H

/* Deadlines in a hierarchical timing wheel (Varghese and Lauck, 1987): arming, disarming and
 * finding the next one cost the same whatever their number. Pure: time is an argument.
 *
 *   level 0   64 slots of 1 ms      a deadline sits at the level of the highest 6-bit group in
 *   level 1   64 slots of 64 ms     which its time differs from the wheel's; when the wheel enters
 *   level 2   64 slots of 4,096 ms  its slot, it moves to a lower level, at last to level 0.
 *   …
 *
 * Eleven levels reach to the end of 64 bits. Equal times fire in the order in which they were
 * armed. */

#include <stdint.h>

#include "base/list.h"

enum { RC_WHEEL_LEVELS = 11, RC_WHEEL_SLOTS = 64 };

#define RC_NEVER UINT64_MAX

struct rc_deadline {
    struct rc_list link;
    uint64_t at_ms;
    void (*due)(struct rc_deadline *deadline, uint64_t now_ms);
};

struct rc_wheel {
    uint64_t now_ms;
    /* Where the time that was armed last belongs, until the wheel moves on: most are armed for the
     * same time as the one before. */
    uint64_t recent_ms;
    struct rc_list *recent;
    uint64_t occupied[RC_WHEEL_LEVELS]; /* a bit at least for each slot that is not empty */
    struct rc_list passed;              /* armed for a time that had come already */
    struct rc_list slots[RC_WHEEL_LEVELS][RC_WHEEL_SLOTS];
};

/* The rest of rc_wheel_arm, of one that is in no list. */
void rc_wheel_insert(struct rc_wheel *wheel, struct rc_deadline *deadline);

void rc_wheel_init(struct rc_wheel *wheel, uint64_t now_ms);
void rc_deadline_init(
    struct rc_deadline *deadline, void (*due)(struct rc_deadline *deadline, uint64_t now_ms));
static inline bool rc_deadline_armed(const struct rc_deadline *deadline)
{
    return !rc_list_empty(&deadline->link);
}

/* (Re-)arm. A time that has passed fires at the next advance, also when armed inside `due`;
 * RC_NEVER never does. */
static inline void rc_wheel_arm(
    struct rc_wheel *wheel, struct rc_deadline *deadline, uint64_t at_ms)
{
    rc_list_remove(&deadline->link);
    deadline->at_ms = at_ms;
    if (at_ms == wheel->recent_ms) {
        rc_list_append(wheel->recent, &deadline->link);
    } else {
        rc_wheel_insert(wheel, deadline);
    }
}

/* An empty slot's bit is cleared when the next one is looked for. */
static inline void rc_wheel_disarm(struct rc_wheel *wheel, struct rc_deadline *deadline)
{
    (void)wheel;
    rc_list_remove(&deadline->link);
}

/* When the wheel wants to be advanced next, never later than the earliest deadline; RC_NEVER when
 * none is armed. */
uint64_t rc_wheel_next(struct rc_wheel *wheel);

/* Fire everything due at `now_ms`, in order of time; `due` is told the wheel's time, which comes to
 * each deadline at its own millisecond. Every call is legal inside `due`. */
void rc_wheel_advance(struct rc_wheel *wheel, uint64_t now_ms);

#endif

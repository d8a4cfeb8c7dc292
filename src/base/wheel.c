/* SPDX-License-Identifier: MIT */
#include "base/wheel.h"

enum { BITS = 6, MASK = RC_WHEEL_SLOTS - 1 };

/* What has passed has its list whatever the wheel's time is. */
static void forget_recent(struct rc_wheel *wheel)
{
    wheel->recent_ms = 0;
    wheel->recent = &wheel->passed;
}

static void move_to(struct rc_wheel *wheel, uint64_t now_ms)
{
    wheel->now_ms = now_ms;
    forget_recent(wheel);
}

void rc_wheel_init(struct rc_wheel *wheel, uint64_t now_ms)
{
    move_to(wheel, now_ms);
    rc_list_init(&wheel->passed);
    for (int level = 0; level < RC_WHEEL_LEVELS; level++) {
        wheel->occupied[level] = 0;
        for (int slot = 0; slot < RC_WHEEL_SLOTS; slot++) {
            rc_list_init(&wheel->slots[level][slot]);
        }
    }
}

void rc_deadline_init(
    struct rc_deadline *deadline, void (*due)(struct rc_deadline *deadline, uint64_t now_ms))
{
    rc_list_init(&deadline->link);
    deadline->at_ms = RC_NEVER;
    deadline->due = due;
}

/* A time not before the wheel's. */
static void insert(struct rc_wheel *wheel, struct rc_deadline *deadline)
{
    uint64_t differs = deadline->at_ms ^ wheel->now_ms;
    int level = differs == 0 ? 0 : (63 - __builtin_clzll(differs)) / BITS;
    unsigned slot = (unsigned)(deadline->at_ms >> (BITS * level)) & MASK;
    wheel->recent_ms = deadline->at_ms;
    wheel->recent = &wheel->slots[level][slot];
    rc_list_append(wheel->recent, &deadline->link);
    wheel->occupied[level] |= (uint64_t)1 << slot;
}

void rc_wheel_insert(struct rc_wheel *wheel, struct rc_deadline *deadline)
{
    /* Kept apart, so that a deadline that arms itself for now cannot hold up an advance for
     * ever. */
    if (deadline->at_ms <= wheel->now_ms) {
        rc_list_append(&wheel->passed, &deadline->link);
    } else {
        insert(wheel, deadline);
    }
}

/* The next slot in time: its level, number and first millisecond. */
struct turn {
    int level;
    unsigned slot;
    uint64_t at_ms;
};

/* The first slot of a level that holds anything, or RC_WHEEL_SLOTS. Those that were left empty are
 * forgotten: each was filled once. */
static unsigned first_occupied(struct rc_wheel *wheel, int level)
{
    while (wheel->occupied[level] != 0) {
        unsigned slot = (unsigned)__builtin_ctzll(wheel->occupied[level]);
        if (!rc_list_empty(&wheel->slots[level][slot])) {
            return slot;
        }
        wheel->occupied[level] &= wheel->occupied[level] - 1;
        forget_recent(wheel);
    }
    return RC_WHEEL_SLOTS;
}

/* Nothing is ever left in a slot behind the wheel's time, and what is at one level comes before all
 * that is at a higher one. */
static struct turn next_turn(struct rc_wheel *wheel)
{
    for (int level = 0; level < RC_WHEEL_LEVELS; level++) {
        unsigned slot = first_occupied(wheel, level);
        if (slot < RC_WHEEL_SLOTS) {
            uint64_t around = wheel->now_ms >> (BITS * level) & ~(uint64_t)MASK;
            return (struct turn){level, slot, (around | slot) << (BITS * level)};
        }
    }
    return (struct turn){.at_ms = RC_NEVER};
}

uint64_t rc_wheel_next(struct rc_wheel *wheel)
{
    return rc_list_empty(&wheel->passed) ? next_turn(wheel).at_ms : wheel->now_ms;
}

static void fire(struct rc_wheel *wheel, struct rc_list *due)
{
    for (struct rc_list *node; (node = rc_list_first(due)) != NULL;) {
        struct rc_deadline *deadline = rc_container(node, struct rc_deadline, link);
        rc_list_remove(node);
        deadline->due(deadline, wheel->now_ms);
    }
}

static void cascade(struct rc_wheel *wheel, struct rc_list *moved)
{
    for (struct rc_list *node; (node = rc_list_first(moved)) != NULL;) {
        rc_list_remove(node);
        insert(wheel, rc_container(node, struct rc_deadline, link));
    }
}

void rc_wheel_advance(struct rc_wheel *wheel, uint64_t now_ms)
{
    struct rc_list taken;
    rc_list_init(&taken);
    rc_list_splice(&taken, &wheel->passed);
    fire(wheel, &taken);
    for (;;) {
        struct turn turn = next_turn(wheel);
        if (turn.at_ms > now_ms || turn.at_ms == RC_NEVER) {
            break;
        }
        move_to(wheel, turn.at_ms);
        rc_list_splice(&taken, &wheel->slots[turn.level][turn.slot]);
        wheel->occupied[turn.level] &= ~((uint64_t)1 << turn.slot);
        if (turn.level == 0) {
            fire(wheel, &taken);
        } else {
            cascade(wheel, &taken);
        }
    }
    if (now_ms > wheel->now_ms) {
        move_to(wheel, now_ms);
    }
}

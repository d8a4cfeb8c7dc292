/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_JOURNAL_H
#define RC_SERVER_JOURNAL_H

/* The keys of one server whose last write it may not have: the write failed, or nobody knows. What
 * the server still holds under them is older than what its callers meant to be there, so they are
 * deleted before it answers anybody again (sweep.h).
 *
 *     write failed ──► PENDING ── delete sent ──► UNDER WAY ── answered ──► gone
 *                         ▲                           │
 *                         └── connection lost, or ────┘
 *                             failed once more
 *
 * A set ordered by the whole key, namespace included, with a list of pending entries per lane. Its
 * size is bounded; past the bound it forgets nothing silently, but says that it overflowed. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tree.h"
#include "server/request.h"

/* A write that was not acknowledged. */
struct rc_lost {
    struct rc_slice prefix, key;
    /* What is there goes only if this is still its CAS token: it was a CAS, or a DELETE with one.
     * 0: whatever is there. */
    uint64_t cas;
    /* It was an ADD, and left nothing to make good; carried out late, it can still bring back what
     * was deleted since. */
    bool adds;
};

/* Is there anything to make good when such a command was not acknowledged? Not for what overwrites
 * nothing (ADD, TOUCH), nor for what a lease guards (FILL), nor for locks, which end by
 * themselves. */
bool rc_lost_matters(const struct rc_command *command);
/* Is its key to be known until it is answered? Also that of an ADD, but for a lock's. */
bool rc_lost_is_logged(const struct rc_command *command);
struct rc_lost rc_lost_by(const struct rc_command *command);
/* Where its whole key stands to another: shorter ones come first. */
int rc_lost_compare(const struct rc_lost *lost, struct rc_slice whole);

struct rc_sweep;

struct rc_journal_entry {
    struct rc_tree_node node;
    struct rc_list link;    /* in its lane's pending entries */
    struct rc_sweep *sweep; /* UNDER WAY: the delete; else NULL */
    uint64_t cas;
    size_t len;
    uint32_t lane;
    unsigned char key[];
};

/* A delete under way for an entry; NULL once the entry was noted anew. */
struct rc_sweep {
    struct rc_slot slot;
    struct rc_journal_entry *entry;
};

struct rc_journal_lane {
    struct rc_list pending; /* rc_journal_entry.link, oldest first */
    size_t count;           /* entries of this lane, those under way included */
};

struct rc_journal {
    struct rc_tree tree;
    struct rc_journal_lane *lanes;
    uint32_t lane_count;
    size_t count, limit;
    uint64_t noted;  /* in all */
    bool overflowed; /* something could not be noted */
};

/* 0 or RINGCACHE_ENOMEM. */
int rc_journal_init(struct rc_journal *journal, uint32_t lanes, size_t limit);
/* No delete is under way any more. */
void rc_journal_deinit(struct rc_journal *journal);

/* Note a lost write of a lane's key; one that is under way becomes pending once more. `random` is
 * the tree's. False: it is full, or there is no memory, and it has overflowed. */
bool rc_journal_note(
    struct rc_journal *journal, uint32_t lane, const struct rc_lost *lost, uint64_t random);

/* The oldest pending entry of a lane, or NULL. */
struct rc_journal_entry *rc_journal_pending(const struct rc_journal *journal, uint32_t lane);
bool rc_journal_any_pending(const struct rc_journal *journal);

/* `sweep` deletes it now. */
void rc_journal_take(struct rc_journal_entry *entry, struct rc_sweep *sweep);
/* It was deleted: forget it, unless it was noted anew. */
void rc_journal_done(struct rc_journal *journal, struct rc_sweep *sweep);
/* It was not, or nobody knows. */
void rc_journal_again(struct rc_journal *journal, struct rc_sweep *sweep);

#endif

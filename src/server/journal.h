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
 * size is bounded; past the bound it forgets nothing silently, but counts what it missed, until
 * that was made good in another way (readmission.h). */

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
static inline bool rc_lost_matters(const struct rc_command *command)
{
    switch (command->verb) {
    case RC_VERB_SET:
    case RC_VERB_DELETE:
    case RC_VERB_REPLACE:
    case RC_VERB_APPEND:
    case RC_VERB_PREPEND:
    case RC_VERB_CAS:
    case RC_VERB_INCREMENT:
    case RC_VERB_DECREMENT:
        return !command->fleeting;
    case RC_VERB_GET:
    case RC_VERB_ADD:
    case RC_VERB_TOUCH:
    case RC_VERB_GET_AND_TOUCH:
    case RC_VERB_LEASE:
    case RC_VERB_FILL:
    case RC_VERB_UNLEASE:
    case RC_VERB_RAW: /* what it writes is known to its caller alone */
    case RC_VERB_FLUSH:
    case RC_VERB_STATS:
    case RC_VERB_KEYS:
    case RC_VERB_VERSION:
    case RC_VERB_SETTINGS:
    case RC_VERB_NOOP:
    case RC_VERB_ECHO:
    case RC_VERB_AUTH:
    case RC_VERB_SELECT:
    case RC_VERB_CLIENT_ID:
    case RC_VERB_INFO:
    case RC_VERB_CLIENT_KILL:
        return false;
    }
    return false;
}

/* Is its key to be known until it is answered? Also that of an ADD, but for a lock's. */
static inline bool rc_lost_is_logged(const struct rc_command *command)
{
    return rc_lost_matters(command) || (command->verb == RC_VERB_ADD && !command->fleeting);
}

static inline struct rc_lost rc_lost_by(const struct rc_command *command)
{
    bool conditional = command->verb == RC_VERB_CAS || command->verb == RC_VERB_DELETE;
    return (struct rc_lost){
        .prefix = command->prefix,
        .key = command->key,
        .cas = conditional ? command->cas : 0,
        .adds = command->verb == RC_VERB_ADD,
    };
}

/* Where its whole key stands to another: shorter ones come first. */
int rc_lost_compare(const struct rc_lost *lost, struct rc_slice whole);

struct rc_sweep;

struct rc_journal_entry {
    struct rc_tree_node node;
    struct rc_list link;    /* in its lane's pending entries */
    struct rc_sweep *sweep; /* UNDER WAY: the delete; else NULL */
    uint64_t cas;
    uint64_t number; /* of its last note, by rc_journal.noted */
    size_t len;
    uint32_t lane;
    unsigned char key[];
};

/* A delete under way for an entry, NULL once the entry was noted anew; or a look at an item, to see
 * whether it is out of date (divide.h). */
struct rc_sweep {
    struct rc_slot slot;
    struct rc_journal_entry *entry;
    uint64_t request;    /* of a look: the token of the request that waits for it */
    struct rc_slice key; /* … and its key, namespace included, in `bytes` */
    unsigned char bytes[];
};

/* What an operator ought to hear. */
enum rc_journal_news {
    RC_JOURNAL_QUIET, /* nothing */
    RC_JOURNAL_HALF,  /* half of the entries are used */
    RC_JOURNAL_FULL,  /* something was missed */
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
    uint64_t noted;            /* in all, those that were missed included */
    uint64_t missed;           /* of them, those for which there was no room, or no memory */
    uint64_t settled;          /* of the missed, the first so many were made good all the same */
    uint64_t deleted;          /* keys, in all */
    uint64_t void_to;          /* entries of a number up to that need no delete */
    enum rc_journal_news told; /* since it was last empty */
};

/* 0 or RINGCACHE_ENOMEM. */
int rc_journal_init(struct rc_journal *journal, uint32_t lanes, size_t limit);
/* No delete is under way any more. */
void rc_journal_deinit(struct rc_journal *journal);

/* Note a lost write of a lane's key; one that is under way becomes pending once more. `random` is
 * the tree's. When it is full, or there is no memory, it has missed that write. */
void rc_journal_note(
    struct rc_journal *journal, uint32_t lane, const struct rc_lost *lost, uint64_t random);
/* Note an item that was seen and is out of date, or one that ends by itself. Whoever asks for it
 * once more knows that again, so that the bound does not count and nothing is missed: false when
 * there is no memory. */
bool rc_journal_note_seen(
    struct rc_journal *journal, uint32_t lane, const struct rc_lost *seen, uint64_t random);
/* Told once each until the journal is empty again. */
enum rc_journal_news rc_journal_news(struct rc_journal *journal);

/* Is something missed that was not made good? */
static inline bool rc_journal_overflowed(const struct rc_journal *journal)
{
    return journal->missed > journal->settled;
}

/* A write was lost, and nobody knows of which key. */
static inline void rc_journal_miss(struct rc_journal *journal)
{
    journal->missed++;
}

/* Forget all entries, none of which is under way: it is as if there had been no room for them. */
void rc_journal_drop(struct rc_journal *journal);

/* The first `missed` of the missed are made good. */
void rc_journal_settle(struct rc_journal *journal, uint64_t missed);
/* The server held nothing at all when rc_journal.noted was `noted`: what is pending since before
 * then needs no delete. To forget a million entries would take a second, so each goes when it is
 * come to: rc_journal_skip, true if it did. */
void rc_journal_void(struct rc_journal *journal, uint64_t noted);
bool rc_journal_skip(struct rc_journal *journal, struct rc_journal_entry *entry);

/* Is the key, in two parts, in it? */
bool rc_journal_has(const struct rc_journal *journal, struct rc_slice prefix, struct rc_slice key);

/* The oldest pending entry of a lane, or NULL. */
static inline struct rc_journal_entry *rc_journal_pending(
    const struct rc_journal *journal, uint32_t lane)
{
    struct rc_list *first = rc_list_first(&journal->lanes[lane].pending);
    return first != NULL ? rc_container(first, struct rc_journal_entry, link) : NULL;
}
bool rc_journal_any_pending(const struct rc_journal *journal);

/* `sweep` deletes it now. */
void rc_journal_take(struct rc_journal_entry *entry, struct rc_sweep *sweep);
/* It was deleted: forget it, unless it was noted anew. */
void rc_journal_done(struct rc_journal *journal, struct rc_sweep *sweep);
/* It was not, or nobody knows. */
void rc_journal_again(struct rc_journal *journal, struct rc_sweep *sweep);

#endif

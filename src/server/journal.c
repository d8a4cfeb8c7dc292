/* SPDX-License-Identifier: MIT */
#include "server/journal.h"

#include <string.h>

#include "base/alloc.h"

int rc_lost_compare(const struct rc_lost *lost, struct rc_slice whole)
{
    size_t len = lost->prefix.len + lost->key.len;
    if (len != whole.len) {
        return len < whole.len ? -1 : 1;
    }
    int order = lost->prefix.len > 0 ? memcmp(lost->prefix.data, whole.data, lost->prefix.len) : 0;
    if (order == 0 && lost->key.len > 0) {
        order = memcmp(lost->key.data, whole.data + lost->prefix.len, lost->key.len);
    }
    return order;
}

int rc_journal_init(struct rc_journal *journal, uint32_t lanes, size_t limit)
{
    *journal = (struct rc_journal){.lane_count = lanes, .limit = limit};
    journal->lanes = rc_alloc_zeroed(lanes, sizeof *journal->lanes);
    for (uint32_t i = 0; journal->lanes != NULL && i < lanes; i++) {
        rc_list_init(&journal->lanes[i].pending);
    }
    return journal->lanes != NULL ? 0 : RINGCACHE_ENOMEM;
}

static struct rc_journal_entry *entry_of(const struct rc_tree_node *node)
{
    return rc_container(node, struct rc_journal_entry, node);
}

static int compare(const void *key, const struct rc_tree_node *node)
{
    const struct rc_journal_entry *entry = entry_of(node);
    return rc_lost_compare(key, rc_slice(entry->key, entry->len));
}

static void forget(struct rc_journal *journal, struct rc_journal_entry *entry)
{
    const struct rc_lost lost = {.key = rc_slice(entry->key, entry->len)};
    rc_tree_remove(&journal->tree, &entry->node, compare, &lost);
    rc_list_remove(&entry->link);
    journal->lanes[entry->lane].count--;
    journal->count--;
    rc_free(entry);
}

static void forget_all(struct rc_journal *journal)
{
    for (uint32_t i = 0; journal->lanes != NULL && i < journal->lane_count; i++) {
        for (struct rc_journal_entry *entry; (entry = rc_journal_pending(journal, i)) != NULL;) {
            forget(journal, entry);
        }
    }
}

void rc_journal_drop(struct rc_journal *journal)
{
    forget_all(journal);
    rc_journal_miss(journal);
}

void rc_journal_deinit(struct rc_journal *journal)
{
    forget_all(journal);
    rc_free(journal->lanes);
    journal->lanes = NULL;
}

static void make_pending(struct rc_journal *journal, struct rc_journal_entry *entry)
{
    if (entry->sweep != NULL) {
        entry->sweep->entry = NULL;
        entry->sweep = NULL;
        rc_list_append(&journal->lanes[entry->lane].pending, &entry->link);
    }
}

static struct rc_journal_entry *make(const struct rc_lost *lost, uint64_t number)
{
    size_t len = lost->prefix.len + lost->key.len;
    struct rc_journal_entry *entry = rc_alloc(sizeof *entry + len);
    if (entry == NULL) {
        return NULL;
    }
    *entry = (struct rc_journal_entry){.len = len, .cas = lost->cas, .number = number};
    rc_slice_put(rc_slice_put(entry->key, lost->prefix), lost->key);
    return entry;
}

static bool renew(struct rc_journal *journal, const struct rc_lost *lost, uint64_t number)
{
    struct rc_tree_node *known = rc_tree_find(&journal->tree, compare, lost);
    if (known == NULL) {
        return false;
    }
    struct rc_journal_entry *entry = entry_of(known);
    entry->cas = entry->cas == lost->cas ? lost->cas : 0;
    entry->number = number;
    make_pending(journal, entry);
    return true;
}

/* `entry` is NULL when there is no memory. */
static bool insert(struct rc_journal *journal, struct rc_journal_entry *entry, uint32_t lane,
    const struct rc_lost *lost, uint64_t random)
{
    if (entry == NULL) {
        return false;
    }
    entry->lane = lane;
    entry->node.priority = random;
    rc_tree_insert(&journal->tree, &entry->node, compare, lost);
    rc_list_append(&journal->lanes[lane].pending, &entry->link);
    journal->lanes[lane].count++;
    journal->count++;
    return true;
}

void rc_journal_note(
    struct rc_journal *journal, uint32_t lane, const struct rc_lost *lost, uint64_t random)
{
    journal->noted++;
    bool kept = renew(journal, lost, journal->noted) ||
                (journal->count < journal->limit &&
                    insert(journal, make(lost, journal->noted), lane, lost, random));
    journal->missed += !kept;
}

bool rc_journal_note_seen(
    struct rc_journal *journal, uint32_t lane, const struct rc_lost *seen, uint64_t random)
{
    uint64_t number = journal->noted + 1; /* nothing that was void before makes it so */
    return renew(journal, seen, number) || insert(journal, make(seen, number), lane, seen, random);
}

enum rc_journal_news rc_journal_news(struct rc_journal *journal)
{
    enum rc_journal_news news = RC_JOURNAL_QUIET;
    if (rc_journal_overflowed(journal)) {
        news = RC_JOURNAL_FULL;
    } else if (journal->count >= (journal->limit + 1) / 2) {
        news = RC_JOURNAL_HALF;
    }
    if (news <= journal->told) {
        return RC_JOURNAL_QUIET;
    }
    journal->told = news;
    return news;
}

/* Empty and in order, it may fill once more, and that is news. */
static void relax(struct rc_journal *journal)
{
    if (journal->count == 0 && !rc_journal_overflowed(journal)) {
        journal->told = RC_JOURNAL_QUIET;
    }
}

void rc_journal_settle(struct rc_journal *journal, uint64_t missed)
{
    journal->settled = missed > journal->settled ? missed : journal->settled;
    relax(journal);
}

void rc_journal_void(struct rc_journal *journal, uint64_t noted)
{
    journal->void_to = noted > journal->void_to ? noted : journal->void_to;
}

bool rc_journal_skip(struct rc_journal *journal, struct rc_journal_entry *entry)
{
    if (entry->number > journal->void_to) {
        return false;
    }
    forget(journal, entry);
    relax(journal);
    return true;
}

bool rc_journal_has(const struct rc_journal *journal, struct rc_slice prefix, struct rc_slice key)
{
    const struct rc_lost lost = {.prefix = prefix, .key = key};
    return rc_tree_find(&journal->tree, compare, &lost) != NULL;
}

bool rc_journal_any_pending(const struct rc_journal *journal)
{
    for (uint32_t i = 0; i < journal->lane_count; i++) {
        if (rc_journal_pending(journal, i) != NULL) {
            return true;
        }
    }
    return false;
}

void rc_journal_take(struct rc_journal_entry *entry, struct rc_sweep *sweep)
{
    rc_list_remove(&entry->link);
    entry->sweep = sweep;
    sweep->entry = entry;
}

void rc_journal_done(struct rc_journal *journal, struct rc_sweep *sweep)
{
    if (sweep->entry != NULL) {
        forget(journal, sweep->entry);
        sweep->entry = NULL;
        journal->deleted++;
        relax(journal);
    }
}

void rc_journal_again(struct rc_journal *journal, struct rc_sweep *sweep)
{
    if (sweep->entry != NULL) {
        make_pending(journal, sweep->entry);
    }
}

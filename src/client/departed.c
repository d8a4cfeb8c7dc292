/* SPDX-License-Identifier: MIT */
#include "client/departed.h"

#include <string.h>

#include "base/alloc.h"

struct rc_departed *rc_departed_new(void)
{
    struct rc_departed *departed = rc_alloc_zeroed(1, sizeof *departed);
    if (departed != NULL) {
        rc_list_init(&departed->link);
    }
    return departed;
}

void rc_departed_free(struct rc_departed *departed)
{
    if (departed != NULL) {
        rc_server_uri_deinit(&departed->uri);
        rc_journal_deinit(&departed->journal);
        rc_free(departed);
    }
}

static struct rc_departed *departed_of(struct rc_list *link)
{
    return rc_container(link, struct rc_departed, link);
}

void rc_departures_init(struct rc_departures *departures, size_t most_entries)
{
    *departures = (struct rc_departures){.most_entries = most_entries};
    rc_list_init(&departures->all);
}

static void take_out(struct rc_departures *departures, struct rc_departed *departed)
{
    rc_list_remove(&departed->link);
    departures->count--;
    departures->entries -= departed->journal.count;
}

static bool owes_nothing(const struct rc_departed *departed)
{
    return departed->journal.count == 0 && !rc_journal_overflowed(&departed->journal);
}

/* One for which nothing is to be made good, or else the oldest of all. */
static void forget_one(struct rc_departures *departures)
{
    struct rc_list *l = departures->all.next;
    while (l != &departures->all && !owes_nothing(departed_of(l))) {
        l = l->next;
    }
    struct rc_departed *one = departed_of(l != &departures->all ? l : departures->all.next);
    take_out(departures, one);
    rc_departed_free(one);
}

void rc_departures_deinit(struct rc_departures *departures)
{
    while (departures->count > 0) {
        forget_one(departures);
    }
}

/* Of the oldest that has any. */
static void drop_oldest_keys(struct rc_departures *departures)
{
    struct rc_list *l = departures->all.next;
    while (departed_of(l)->journal.count == 0) {
        l = l->next;
    }
    departures->entries -= departed_of(l)->journal.count;
    rc_journal_drop(&departed_of(l)->journal);
}

static void hold_bound(struct rc_departures *departures)
{
    while (departures->entries > departures->most_entries) {
        drop_oldest_keys(departures);
    }
}

void rc_departures_keep(struct rc_departures *departures, struct rc_departed *departed)
{
    rc_list_append(&departures->all, &departed->link);
    departures->count++;
    departures->entries += departed->journal.count;
    if (departures->count > RC_DEPARTED_MAX) {
        forget_one(departures);
        departures->forgotten++;
    }
    hold_bound(departures);
}

static bool has_name(const struct rc_departed *departed, const char *name)
{
    return strcmp(departed->uri.member.name, name) == 0;
}

void rc_departures_note(struct rc_departures *departures, const char *name, uint32_t lane,
    const struct rc_lost *lost, uint64_t random)
{
    for (struct rc_list *l = departures->all.next; l != &departures->all; l = l->next) {
        struct rc_departed *departed = departed_of(l);
        if (has_name(departed, name)) {
            departures->entries -= departed->journal.count;
            rc_journal_note(&departed->journal, lane, lost, random);
            departures->entries += departed->journal.count;
        }
    }
    hold_bound(departures);
}

void rc_departures_miss(struct rc_departures *departures)
{
    for (struct rc_list *l = departures->all.next; l != &departures->all; l = l->next) {
        rc_journal_miss(&departed_of(l)->journal);
    }
}

struct rc_departed *rc_departures_take(
    struct rc_departures *departures, const struct rc_server_uri *uri)
{
    for (struct rc_list *l = departures->all.next; l != &departures->all; l = l->next) {
        struct rc_departed *departed = departed_of(l);
        if (has_name(departed, uri->member.name) &&
            rc_server_uri_same_backend(&departed->uri, uri)) {
            take_out(departures, departed);
            return departed;
        }
    }
    return NULL;
}

/* SPDX-License-Identifier: MIT */
#include "client/known.h"

#include <string.h>

#include "base/alloc.h"
#include "client/client.h"
#include "hash/hash.h"

static uint64_t name_hash(const struct rc_server_uri *uri)
{
    return rc_xxh3(uri->member.name, strlen(uri->member.name), 0);
}

/* Several may have one name: those that left go on for a while. */
static void know(struct rc_known *known, uint32_t number, struct rc_member_server *member)
{
    size_t at = rc_places_first(&known->places, name_hash(&member->uri));
    while (known->places.numbers[at] != RC_NO_NUMBER) {
        at = rc_places_next(&known->places, at);
    }
    known->places.numbers[at] = number;
    known->members[number] = member;
}

void rc_known_deinit(struct rc_known *known)
{
    rc_free(known->members);
    rc_free(known->places.numbers);
}

int rc_known_init(struct rc_known *known, const struct rc_list *members)
{
    uint32_t count = 0;
    for (const struct rc_list *l = members->next; l != members; l = l->next) {
        count++;
    }
    *known = (struct rc_known){.members = rc_alloc_zeroed(count, sizeof *known->members)};
    if (known->members == NULL || !rc_places_init(&known->places, count)) {
        rc_known_deinit(known);
        return RINGCACHE_ENOMEM;
    }
    uint32_t number = 0;
    for (struct rc_list *l = members->next; l != members; l = l->next) {
        know(known, number++, rc_container(l, struct rc_member_server, link));
    }
    return 0;
}

struct rc_member_server *rc_known_find(
    const struct rc_known *known, const struct rc_server_uri *uri)
{
    const struct rc_places *places = &known->places;
    for (size_t at = rc_places_first(places, name_hash(uri)); places->numbers[at] != RC_NO_NUMBER;
         at = rc_places_next(places, at)) {
        struct rc_member_server *member = known->members[places->numbers[at]];
        if (strcmp(member->uri.member.name, uri->member.name) == 0 &&
            rc_server_uri_same_backend(&member->uri, uri)) {
            return member;
        }
    }
    return NULL;
}

/* SPDX-License-Identifier: MIT */
#include "route/guests.h"

#include <string.h>

#include "base/alloc.h"

void rc_guests_init(struct rc_guests *guests, size_t limit)
{
    *guests = (struct rc_guests){.limit = limit};
    rc_list_init(&guests->all);
}

void rc_guests_deinit(struct rc_guests *guests)
{
    for (struct rc_list *node; (node = rc_list_first(&guests->all)) != NULL;) {
        rc_guests_forget(guests, rc_container(node, struct rc_guest, link));
    }
}

static struct rc_guest *guest_of(const struct rc_tree_node *node)
{
    return rc_container(node, struct rc_guest, node);
}

/* Shorter keys first. */
static int compare(const void *key, const struct rc_tree_node *node)
{
    const struct rc_guest_name *name = key;
    const struct rc_guest *guest = guest_of(node);
    size_t len = name->prefix.len + name->key.len;
    if (len != guest->len) {
        return len < guest->len ? -1 : 1;
    }
    int order = name->prefix.len > 0 ? memcmp(name->prefix.data, guest->key, name->prefix.len) : 0;
    if (order == 0 && name->key.len > 0) {
        order = memcmp(name->key.data, guest->key + name->prefix.len, name->key.len);
    }
    return order;
}

struct rc_guest *rc_guests_find(const struct rc_guests *guests, const struct rc_guest_name *name)
{
    const struct rc_tree_node *node = rc_tree_find(&guests->tree, compare, name);
    return node != NULL ? guest_of(node) : NULL;
}

static unsigned char *put(unsigned char *at, struct rc_slice part)
{
    if (part.len > 0) {
        memcpy(at, part.data, part.len);
    }
    return at + part.len;
}

struct rc_guest *rc_guests_add(
    struct rc_guests *guests, const struct rc_guest_name *name, uint64_t random)
{
    size_t len = name->prefix.len + name->key.len;
    struct rc_guest *guest = guests->count < guests->limit ? rc_alloc(sizeof *guest + len) : NULL;
    if (guest == NULL) {
        return NULL;
    }
    *guest = (struct rc_guest){.len = len, .node = {.priority = random}, .era = guests->era};
    put(put(guest->key, name->prefix), name->key);
    rc_tree_insert(&guests->tree, &guest->node, compare, name);
    rc_list_append(&guests->all, &guest->link);
    guests->count++;
    return guest;
}

void rc_guests_renew(struct rc_guests *guests, struct rc_guest *guest, uint64_t ends_ms)
{
    rc_list_remove(&guest->link);
    rc_list_append(&guests->all, &guest->link);
    guest->ends_ms = ends_ms > guest->ends_ms ? ends_ms : guest->ends_ms;
}

void rc_guests_forget(struct rc_guests *guests, struct rc_guest *guest)
{
    const struct rc_guest_name name = {.key = rc_slice(guest->key, guest->len)};
    rc_tree_remove(&guests->tree, &guest->node, compare, &name);
    rc_list_remove(&guest->link);
    guests->count--;
    rc_free(guest);
}

static struct rc_guest *first_of(const struct rc_list *list)
{
    struct rc_list *first = rc_list_first(list);
    return first != NULL ? rc_container(first, struct rc_guest, link) : NULL;
}

void rc_guests_expire(struct rc_guests *guests, uint64_t now_ms, size_t most)
{
    struct rc_guest *guest;
    while (most-- > 0 && (guest = first_of(&guests->all)) != NULL && guest->under_way == 0 &&
           guest->ends_ms <= now_ms) {
        rc_guests_forget(guests, guest);
    }
}

void rc_guests_end(struct rc_guests *guests, struct rc_list *ended)
{
    rc_list_splice(ended, &guests->all);
    guests->tree = (struct rc_tree){.root = NULL};
    guests->count = 0;
    guests->era++;
}

bool rc_guests_answered(struct rc_guests *guests, struct rc_guest *guest)
{
    guest->under_way--;
    if (guest->era == guests->era) {
        return true;
    }
    if (guest->under_way == 0) {
        rc_list_remove(&guest->link);
        rc_free(guest);
    }
    return false;
}

bool rc_guests_free_ended(struct rc_list *ended, size_t most)
{
    struct rc_guest *guest;
    while (most-- > 0 && (guest = first_of(ended)) != NULL) {
        rc_list_remove(&guest->link);
        if (guest->under_way == 0) {
            rc_free(guest);
        }
    }
    return !rc_list_empty(ended);
}

/* SPDX-License-Identifier: MIT */
#ifndef RC_BASE_LIST_H
#define RC_BASE_LIST_H

/* Intrusive circular doubly-linked list. A head is a node of its own; a node that is in no list
 * points at itself. */

#include <stdbool.h>
#include <stddef.h>

struct rc_list {
    struct rc_list *next, *prev;
};

#define rc_container(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void rc_list_init(struct rc_list *n)
{
    n->next = n;
    n->prev = n;
}

static inline bool rc_list_empty(const struct rc_list *head)
{
    return head->next == head;
}

static inline void rc_list_append(struct rc_list *head, struct rc_list *n)
{
    n->prev = head->prev;
    n->next = head;
    head->prev->next = n;
    head->prev = n;
}

static inline void rc_list_remove(struct rc_list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    rc_list_init(n);
}

/* The first node, or NULL. */
static inline struct rc_list *rc_list_first(const struct rc_list *head)
{
    return head->next == head ? NULL : head->next;
}

/* Move everything of `from` behind the end of `to`. */
static inline void rc_list_splice(struct rc_list *to, struct rc_list *from)
{
    if (rc_list_empty(from)) {
        return;
    }
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    rc_list_init(from);
}

#endif

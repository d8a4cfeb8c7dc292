/* SPDX-License-Identifier: MIT */
/* Each item of the cart is a key of its own, so no two visitors ever write over each other; an item
 * leaves the cart two seconds after it was put in. */
#include "cart.h"

#include <stdio.h>
#include <string.h>

static const char *const shelf[] = {"cart:apple", "cart:bread", "cart:cheese"};
enum { ITEMS = sizeof shelf / sizeof *shelf, PREFIX = 5, TTL_MS = 2000 };

static void on_changed(ringcache_client *client, const ringcache_reply *reply, void *visitor)
{
    (void)client;
    if (reply->status < 0)
        visitor_answer(visitor, "ERROR\n");
    else
        visitor_answer(visitor, reply->status == RINGCACHE_OK ? "OK\n" : "NONE\n");
}

static void on_item(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct visitor *visitor = user;
    int status = reply->status < 0 ? reply->status : 0;
    int shown = reply->value.len < 80 ? (int)reply->value.len : 80;
    if (reply->status == RINGCACHE_OK)
        visitor->answer_len += (size_t)snprintf(visitor->answer + visitor->answer_len, 96,
            "%s %.*s\n", shelf[visitor->item] + PREFIX, shown, (const char *)reply->value.data);
    const char *next = status == 0 && ++visitor->item < ITEMS ? shelf[visitor->item] : NULL;
    if (next != NULL)
        status = ringcache_get(client, next, strlen(next), on_item, visitor);
    if (next == NULL || status != 0)
        visitor_answer(visitor, status != 0        ? "ERROR\n"
                                : *visitor->answer ? visitor->answer
                                                   : "EMPTY\n");
}

void cart_obey(struct visitor *visitor)
{
    struct cart *cart = visitor->lines->user;
    char *rest = NULL;
    const char *verb = strtok_r(visitor->line, " ", &rest), *item = strtok_r(NULL, " ", &rest);
    const char *quantity = strtok_r(NULL, " ", &rest), *key = NULL;
    for (size_t i = 0; item != NULL && i < ITEMS; i++)
        if (strcmp(item, shelf[i] + PREFIX) == 0)
            key = shelf[i];

    int status = RINGCACHE_EINVAL;
    if (verb != NULL && strcmp(verb, "SHOW") == 0)
        status = ringcache_get(cart->client, shelf[0], strlen(shelf[0]), on_item, visitor);
    else if (key != NULL && quantity != NULL && strcmp(verb, "ADD") == 0)
        status = ringcache_set(cart->client, key, strlen(key), quantity, strlen(quantity), TTL_MS,
            on_changed, visitor);
    else if (key != NULL && strcmp(verb, "DROP") == 0)
        status = ringcache_delete(cart->client, key, strlen(key), on_changed, visitor);
    if (status != 0)
        visitor_answer(visitor, "ERROR\n");
}

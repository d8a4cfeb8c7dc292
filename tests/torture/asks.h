/* SPDX-License-Identifier: MIT */
#ifndef TORTURE_ASKS_H
#define TORTURE_ASKS_H

/* What a life's client is asked, kind by kind. */

#include "life.h"

/* One operation on the key of that number. */
void ask_operation(struct life *life, ringcache_op op, unsigned number);
/* Every operation on several keys. */
void ask_operations(struct life *life);
/* Values that are lent; that fill many reads; that are larger than the memcached takes. */
void ask_large(struct life *life);
void ask_huge(struct life *life);
void ask_too_large(struct life *life);
/* Many keys in one call. */
void ask_many(struct life *life);
/* … whose values are empty, which a batch of memcached cannot tell. */
void ask_many_empty(struct life *life);
/* Many gets in a turn, with some writes between them. */
void ask_gets(struct life *life);
/* Commands in the caller's own words, with nested and with deep replies. */
void ask_raw(struct life *life);
void ask_fetch(struct life *life);
/* Equal gets, which may become one. */
void ask_twice(struct life *life);
void ask_update(struct life *life);
void ask_lock(struct life *life);
/* Every question to one server by its name. */
void ask_servers(struct life *life);
/* The keys of each. */
void ask_listings(struct life *life);
void ask_posted(struct life *life);
/* Writes, and later ones to their keys whose time is over earlier. */
void ask_overtaken(struct life *life);
/* A request that is canceled at once. */
void ask_canceled(struct life *life);
/* What asks nobody: figures, explanations. */
void ask_figures(struct life *life);

#endif

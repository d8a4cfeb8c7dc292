/* SPDX-License-Identifier: MIT */
#ifndef RC_SERVER_TEXT_H
#define RC_SERVER_TEXT_H

/* Sentences that results borrow. One that is replaced lives on until all that was finished before
 * has been delivered. */

#include "base/list.h"

struct rc_env;

struct rc_text {
    struct rc_list link; /* in env->spent once it was replaced */
    char bytes[];
};

/* What it says; "" for none. */
const char *rc_text_bytes(const struct rc_text *text);

/* Make `*text` say `what` followed by `why`. Without memory it says nothing. */
void rc_text_replace(struct rc_env *env, struct rc_text **text, const char *what, const char *why);

/* A copy of bytes for results that are about to be finished: there until they were delivered. NULL
 * without memory. */
const unsigned char *rc_text_lend(struct rc_env *env, const void *bytes, size_t len);

/* Free what was replaced: a list taken from env->spent before the delivery. */
void rc_texts_free(struct rc_list *spent);

#endif

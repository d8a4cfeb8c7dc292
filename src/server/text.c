/* SPDX-License-Identifier: MIT */
#include "server/text.h"

#include <string.h>

#include "base/alloc.h"
#include "server/env.h"

const char *rc_text_bytes(const struct rc_text *text)
{
    return text != NULL ? text->bytes : "";
}

void rc_text_replace(struct rc_env *env, struct rc_text **text, const char *what, const char *why)
{
    size_t what_len = strlen(what), why_size = strlen(why) + 1;
    struct rc_text *next = rc_alloc(sizeof *next + what_len + why_size);
    if (next != NULL) {
        rc_list_init(&next->link);
        memcpy(next->bytes, what, what_len);
        memcpy(next->bytes + what_len, why, why_size);
    }
    if (*text != NULL) {
        rc_list_append(&env->spent, &(*text)->link);
    }
    *text = next;
}

const unsigned char *rc_text_lend(struct rc_env *env, const void *bytes, size_t len)
{
    struct rc_text *text = len < SIZE_MAX - sizeof *text ? rc_alloc(sizeof *text + len) : NULL;
    if (text == NULL) {
        return NULL;
    }
    rc_list_init(&text->link);
    rc_list_append(&env->spent, &text->link);
    if (len > 0) {
        memcpy(text->bytes, bytes, len);
    }
    return (const unsigned char *)text->bytes;
}

void rc_texts_free(struct rc_list *spent)
{
    for (struct rc_list *node; (node = rc_list_first(spent)) != NULL;) {
        rc_list_remove(node);
        rc_free(rc_container(node, struct rc_text, link));
    }
}

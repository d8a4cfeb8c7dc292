/* SPDX-License-Identifier: MIT */
#ifndef DEMO_TEXTS_H
#define DEMO_TEXTS_H

/* Real text, cut into numbered items: item `n` is always the same bytes, and no two are alike,
 * since each begins with its own key. */

#include <stddef.h>

enum { ITEM_KEY_SIZE = 16, ITEM_VALUE_SIZE = 2048 };

struct texts {
    char *bytes;
    size_t len, room;
    unsigned files;
    unsigned items; /* how many it is cut into */
};

/* Take in every plain text file below `folder`, up to a bound; a missing folder adds none. Returns
 * 0 or -1 when out of memory. */
int texts_add(struct texts *texts, const char *folder);

/* Key and value of item `n` into the buffers; return their lengths. */
size_t texts_key(unsigned n, char key[ITEM_KEY_SIZE]);
size_t texts_value(const struct texts *texts, unsigned n, char value[ITEM_VALUE_SIZE]);

void texts_deinit(struct texts *texts);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef CART_H
#define CART_H

#include <ringcache/ringcache.h>

#include "lines.h"

struct cart {
    struct lines lines;
    uv_signal_t sigterm;
    ringcache_client *client;
};

/* Carry out the visitor's line and answer it. */
void cart_obey(struct visitor *visitor);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef SIM_TALK_H
#define SIM_TALK_H

/* Talking to an engine and holding it to its word; a difference fails the test. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "engine/engine.h"
#include "exchange.h"

enum { WALL_S = 1700000000, START_MS = 5000 };

struct talk {
    struct sim_bytes reply;
    bool ended;
};

/* A new engine at START_MS. */
struct engine *engine_of(enum engine_kind kind);
/* Send `bytes` in pieces of `piece` bytes on a connection of its own. */
struct talk talk_to(struct engine *e, struct rc_slice bytes, size_t piece);
/* What came is `reply`; then it is forgotten. */
void assert_reply(struct talk *t, struct rc_slice reply, const char *send);
/* Send a text, expect a text. */
void expect(struct engine *e, const char *send, const char *reply);
/* Run the whole table; the engine ends with it. */
void check_table(struct engine *e, const struct exchange_table *table, size_t piece);

#endif

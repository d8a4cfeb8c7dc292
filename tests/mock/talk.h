/* SPDX-License-Identifier: MIT */
#ifndef MOCK_TALK_H
#define MOCK_TALK_H

/* A loop with simulated servers, and plain sockets that talk to them from the same thread: the loop
 * runs while they wait. A difference fails the test. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ringcache/mock.h>
#include <stdbool.h>
#include <uv.h>

enum { PATIENCE_MS = 5000 };

struct stage {
    uv_loop_t loop;
    ringcache_mock *mock;
    unsigned closed;
};

/* As cmocka's setup and teardown. The latter closes the mock, and finds nothing on the loop. */
int stage_new(void **state);
int stage_free(void **state);

/* Start `stage->mock` so that it holds the loop. */
void stage_start(struct stage *stage, ringcache_mock_options options);
void stage_close_mock(struct stage *stage);
/* Turn the loop `turns` times without waiting; for `ms`; until `*done` (false: not in time). */
void stage_turn(struct stage *stage, unsigned turns);
void stage_run(struct stage *stage, uint64_t ms);
bool stage_await(struct stage *stage, const bool *done);

/* A connection to the mock, or -1 with errno. */
int talk_connect(struct stage *stage);
void talk_send(int fd, const char *bytes);
/* Exactly these bytes come next. */
void talk_hear(struct stage *stage, int fd, const char *bytes);
/* Nothing comes in the next turns. */
void talk_hear_nothing(struct stage *stage, int fd);
/* It ends: 0 by its end, or the errno it failed with. */
int talk_hear_end(struct stage *stage, int fd);
/* On a connection of its own. */
void talk_ask(struct stage *stage, const char *send, const char *hear);

#endif

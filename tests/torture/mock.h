/* SPDX-License-Identifier: MIT */
#ifndef TORTURE_MOCK_H
#define TORTURE_MOCK_H

/* A simulated engine behind the sockets of system.h, on a libuv loop. Its own calls never
 * fail. */

#include <uv.h>

#include "base/list.h"
#include "engine/engine.h"

struct mock {
    uv_loop_t *loop;
    struct engine *engine;
    uv_poll_t listener;
    int fd;
    uint16_t port;
    uint64_t connections; /* that were accepted */
    struct rc_list peers;
};

void mock_open(struct mock *mock, uv_loop_t *loop, enum engine_kind kind, uint16_t port);
/* The process ends and starts again: its connections end. */
void mock_restart(struct mock *mock);
/* Say `text` unasked on every connection. */
void mock_say(struct mock *mock, const char *text);
/* Run the loop once more before its memory goes. */
void mock_close(struct mock *mock);

#endif

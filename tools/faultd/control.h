/* SPDX-License-Identifier: MIT */
#ifndef FAULTD_CONTROL_H
#define FAULTD_CONTROL_H

/* Commands that come while it runs: lines on the standard input, and on connections to a control
 * socket, where each is answered by "ok" or "error LINE:COLUMN: WHY". */

#include <stdint.h>
#include <uv.h>

#include "agenda.h"
#include "endpoint.h"

struct talk;

struct control {
    struct agenda *agenda;
    uv_loop_t *loop;
    struct endpoint place;
    union stream listener;
    bool listening;
    struct talk *talks;
};

void control_init(struct control *control, struct agenda *agenda);

/* These return 0 or a libuv status. */
int control_listen(struct control *control, const struct endpoint *place);
int control_read_stdin(struct control *control);

/* End every conversation; the loop has to run for it. */
void control_close(struct control *control);

#endif

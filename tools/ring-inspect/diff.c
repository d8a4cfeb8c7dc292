/* SPDX-License-Identifier: MIT */
/* diff: what moves from one configuration file to another. */

#include "command.h"
#include "json.h"
#include "moves.h"
#include "setup.h"

static int compare(const struct call *call, const ringcache_ring *from, const ringcache_ring *to)
{
    struct moves moves;
    int status = moves_open(&moves, from, to);

    if (status == EXIT_DONE)
        status = call->json ? json_print(moves_json(&moves))
                            : moves_print(&moves, (call->given & TAKES_ALL) != 0);
    moves_close(&moves);
    return status;
}

int run_diff(const struct call *call)
{
    struct setup from, to = {0};
    int status = setup_open_file(&from, call->operands[0]);

    if (status == EXIT_DONE)
        status = setup_open_file(&to, call->operands[1]);
    if (status == EXIT_DONE)
        status = compare(call, from.ring, to.ring);
    setup_close(&to);
    setup_close(&from);
    return status;
}

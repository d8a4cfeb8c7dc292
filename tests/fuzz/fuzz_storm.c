/* SPDX-License-Identifier: MIT */
/* A storm whose draws come from the input: the servers and the rules, what is asked, what goes
 * wrong; behind its end from the seed. */
#include "fuzz.h"
#include "storm.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct storm_plan plan; /* too large for the stack */
    plan.script = rc_slice(bytes, len);
    storm_run(1, &plan);
    return 0;
}

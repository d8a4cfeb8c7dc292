/* SPDX-License-Identifier: MIT */
/* A storm whose draws come from the input: the servers and the rules, what is asked, what goes
 * wrong, how long it lasts. */
#include "fuzz.h"
#include "storm.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len > 0) {
        struct storm *storm = storm_new(1, rc_slice(bytes, len));
        storm_run(storm);
        storm_free(storm);
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
#ifndef FUZZ_SHORTAGE_H
#define FUZZ_SHORTAGE_H

/* Memory that runs out within the library, hiredis included, and files that cannot be read: what an
 * input may come with besides its bytes. */

#include "fuzz.h"

/* From now on allocation number `n` fails; 0: none. */
void fuzz_starve(uint64_t n);
/* The next read of a file fails with that error of errno. */
void fuzz_fail_read(int error);
/* Nothing fails any more. Did that allocation? */
bool fuzz_relent(void);

#endif

/* SPDX-License-Identifier: MIT */
#ifndef TORTURE_FAULTS_H
#define TORTURE_FAULTS_H

/* What each call of the system, of libuv and of the allocator may fail with; the last has no
 * call. */

#include "system.h"

extern const struct system_fault system_faults[];

#endif

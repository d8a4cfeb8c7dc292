/* SPDX-License-Identifier: MIT */
#ifndef RC_TEST_CONFIG_FIXTURE_H
#define RC_TEST_CONFIG_FIXTURE_H

/* What the tests of the configuration share: a fresh one per test, and files to read. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/config.h"

/* cmocka set-up and tear-down: *state is an empty ringcache_config. */
int new_config(void **state);
int free_config(void **state);

#define with_config(test) cmocka_unit_test_setup_teardown(test, new_config, free_config)

/* Write `len` bytes to the file `path` in the working directory. */
void write_file(const char *path, const void *bytes, size_t len);
void write_text(const char *path, const char *text);

/* Setting `option` to `value` must succeed, saying why when it does not. */
void must_set(ringcache_config *config, const char *option, const char *value);
/* It must be refused with exactly this error. */
void must_refuse(
    ringcache_config *config, const char *option, const char *value, const char *error);

#endif

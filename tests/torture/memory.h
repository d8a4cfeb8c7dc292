/* SPDX-License-Identifier: MIT */
#ifndef TORTURE_MEMORY_H
#define TORTURE_MEMORY_H

/* An allocator that fails on demand, for the library compiled with memory_sites.h. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hiredis/hiredis.h>

#include "sites.h"

/* Allocation `n` from now on fails, and with `on` all behind it. 0: none does. */
void torture_memory_fail(uint64_t n, bool on);
/* Of those that `site` asks for, `skip` are as ever, then `times` fail. */
void torture_memory_fail_at(const struct torture_site *site, uint64_t skip, uint64_t times);
/* No more failures. How many allocations were asked for since torture_memory_fail, up to here? */
uint64_t torture_memory_relent(void);
/* Whose was allocation `n` (from 1 on) of those? Only of a run in which none failed. */
const struct torture_site *torture_memory_asker(uint64_t n);
/* Blocks that are not freed. */
int64_t torture_memory_live(void);

/* What stands in the place of src/base/alloc.c's functions. */
bool torture_memory_denies(struct torture_site *site);
void *torture_alloc(struct torture_site *site, size_t size);
void *torture_alloc_zeroed(struct torture_site *site, size_t count, size_t size);
void *torture_resize(struct torture_site *site, void *old, size_t count, size_t size);
char *torture_copy_text(struct torture_site *site, const char *text, size_t len);
void torture_free(void *block);

/* And of hiredis'. */
redisReader *torture_reader_new(struct torture_site *site, redisReplyObjectFunctions *functions);
int torture_reader_feed(
    struct torture_site *site, redisReader *reader, const char *bytes, size_t len);
int torture_reader_get(struct torture_site *site, redisReader *reader, void **reply);

#endif

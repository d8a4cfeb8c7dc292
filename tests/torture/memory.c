/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <stdlib.h>

#include "base/alloc.h"

enum { ASKERS_MAX = 1 << 16 };

/* The allocator takes no argument of ours, hence one variable of the program. */
static struct {
    uint64_t asked;
    uint64_t fail_at;
    bool fail_on;
    bool armed;
    const struct torture_site *site; /* that alone fails */
    uint64_t skip, times;
    int64_t live;
    const struct torture_site *askers[ASKERS_MAX];
} memory;

void torture_memory_fail(uint64_t n, bool on)
{
    memory.asked = 0;
    memory.fail_at = n;
    memory.fail_on = on;
    memory.armed = true;
}

void torture_memory_fail_at(const struct torture_site *site, uint64_t skip, uint64_t times)
{
    torture_memory_fail(0, false);
    memory.site = site;
    memory.skip = skip;
    memory.times = times;
}

uint64_t torture_memory_relent(void)
{
    memory.site = NULL;
    memory.armed = false;
    return memory.asked;
}

const struct torture_site *torture_memory_asker(uint64_t n)
{
    if (n == 0 || n > ASKERS_MAX) {
        abort();
    }
    return memory.askers[n - 1];
}

int64_t torture_memory_live(void)
{
    return memory.live;
}

static bool due_at(const struct torture_site *site)
{
    if (memory.site != site || memory.times == 0) {
        return false;
    }
    bool skipped = memory.skip > 0;
    memory.skip -= skipped;
    memory.times -= !skipped;
    return !skipped;
}

static bool due(void)
{
    return memory.fail_at != 0 &&
           (memory.asked == memory.fail_at || (memory.fail_on && memory.asked > memory.fail_at));
}

bool torture_memory_denies(struct torture_site *site)
{
    site->reached++;
    if (!memory.armed) {
        return false;
    }
    if (memory.asked < ASKERS_MAX) {
        memory.askers[memory.asked] = site;
    }
    memory.asked++;
    bool denied = due() || due_at(site);
    site->failed += denied;
    return denied;
}

static void *counted(void *block)
{
    memory.live += block != NULL;
    return block;
}

void *torture_alloc(struct torture_site *site, size_t size)
{
    return torture_memory_denies(site) ? NULL : counted(rc_alloc(size));
}

void *torture_alloc_zeroed(struct torture_site *site, size_t count, size_t size)
{
    return torture_memory_denies(site) ? NULL : counted(rc_alloc_zeroed(count, size));
}

void *torture_resize(struct torture_site *site, void *old, size_t count, size_t size)
{
    if (torture_memory_denies(site)) {
        return NULL;
    }
    void *block = rc_resize(old, count, size);
    memory.live += block != NULL && old == NULL;
    return block;
}

char *torture_copy_text(struct torture_site *site, const char *text, size_t len)
{
    return torture_memory_denies(site) ? NULL : counted(rc_copy_text(text, len));
}

void torture_free(void *block)
{
    memory.live -= block != NULL;
    rc_free(block);
}

redisReader *torture_reader_new(struct torture_site *site, redisReplyObjectFunctions *functions)
{
    return torture_memory_denies(site) ? NULL : redisReaderCreateWithFunctions(functions);
}

int torture_reader_feed(
    struct torture_site *site, redisReader *reader, const char *bytes, size_t len)
{
    return torture_memory_denies(site) ? REDIS_ERR : redisReaderFeed(reader, bytes, len);
}

int torture_reader_get(struct torture_site *site, redisReader *reader, void **reply)
{
    if (torture_memory_denies(site)) {
        reader->err = REDIS_ERR_OOM;
        return REDIS_ERR;
    }
    return redisReaderGetReply(reader, reply);
}

/* SPDX-License-Identifier: MIT */
/* Memory that runs out by chance. The linker puts the wrappers below in the place of the functions
 * of src/base/alloc.c; the simulated world has an allocator of its own. */
#include "storm.h"

/* The wrappers take no argument of ours, hence the one variable of this program. */
static struct {
    struct storm *storm;
    uint64_t every;
} memory;

void *__real_rc_alloc(size_t size);
void *__real_rc_alloc_zeroed(size_t count, size_t size);
void *__real_rc_resize(void *old, size_t count, size_t size);
char *__real_rc_copy_text(const char *text, size_t len);
void *__wrap_rc_alloc(size_t size);
void *__wrap_rc_alloc_zeroed(size_t count, size_t size);
void *__wrap_rc_resize(void *old, size_t count, size_t size);
char *__wrap_rc_copy_text(const char *text, size_t len);

void storm_starve(struct storm *storm, uint64_t every)
{
    memory.storm = storm;
    memory.every = every;
}

uint64_t storm_starving(void)
{
    return memory.every;
}

static bool fails(void)
{
    return memory.every > 0 && storm_draw(memory.storm, memory.every) == 0;
}

void *__wrap_rc_alloc(size_t size)
{
    return fails() ? NULL : __real_rc_alloc(size);
}

void *__wrap_rc_alloc_zeroed(size_t count, size_t size)
{
    return fails() ? NULL : __real_rc_alloc_zeroed(count, size);
}

void *__wrap_rc_resize(void *old, size_t count, size_t size)
{
    return fails() ? NULL : __real_rc_resize(old, count, size);
}

char *__wrap_rc_copy_text(const char *text, size_t len)
{
    return fails() ? NULL : __real_rc_copy_text(text, len);
}

/* SPDX-License-Identifier: MIT */
/* The linker puts the wrappers below in the place of the functions that are called. */
#include "shortage.h"

#include <errno.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

/* The wrappers take no argument of ours, hence the one variable of this program. */
static struct {
    uint64_t left; /* up to the one that fails; 0: none does */
    bool failed;
    int read_error; /* of the next read; 0: none */
} shortage;

void *__real_rc_alloc(size_t size);
void *__real_rc_alloc_zeroed(size_t count, size_t size);
void *__real_rc_resize(void *old, size_t count, size_t size);
char *__real_rc_copy_text(const char *text, size_t len);
redisReader *__real_redisReaderCreateWithFunctions(redisReplyObjectFunctions *functions);
int __real_redisReaderFeed(redisReader *reader, const char *bytes, size_t len);
int __real_redisReaderGetReply(redisReader *reader, void **reply);
ssize_t __real_read(int fd, void *bytes, size_t len);
void *__wrap_rc_alloc(size_t size);
void *__wrap_rc_alloc_zeroed(size_t count, size_t size);
void *__wrap_rc_resize(void *old, size_t count, size_t size);
char *__wrap_rc_copy_text(const char *text, size_t len);
redisReader *__wrap_redisReaderCreateWithFunctions(redisReplyObjectFunctions *functions);
int __wrap_redisReaderFeed(redisReader *reader, const char *bytes, size_t len);
int __wrap_redisReaderGetReply(redisReader *reader, void **reply);
ssize_t __wrap_read(int fd, void *bytes, size_t len);

void fuzz_starve(uint64_t n)
{
    shortage.left = n;
    shortage.failed = false;
}

void fuzz_fail_read(int error)
{
    shortage.read_error = error;
}

bool fuzz_relent(void)
{
    shortage.left = 0;
    shortage.read_error = 0;
    return shortage.failed;
}

static bool fails(void)
{
    bool due = shortage.left == 1;
    shortage.left -= shortage.left > 0;
    shortage.failed = shortage.failed || due;
    return due;
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

redisReader *__wrap_redisReaderCreateWithFunctions(redisReplyObjectFunctions *functions)
{
    return fails() ? NULL : __real_redisReaderCreateWithFunctions(functions);
}

int __wrap_redisReaderFeed(redisReader *reader, const char *bytes, size_t len)
{
    return fails() ? REDIS_ERR : __real_redisReaderFeed(reader, bytes, len);
}

int __wrap_redisReaderGetReply(redisReader *reader, void **reply)
{
    if (!fails()) {
        return __real_redisReaderGetReply(reader, reply);
    }
    reader->err = REDIS_ERR_OOM;
    return REDIS_ERR;
}

ssize_t __wrap_read(int fd, void *bytes, size_t len)
{
    if (shortage.read_error == 0) {
        return __real_read(fd, bytes, len);
    }
    errno = shortage.read_error;
    shortage.read_error = 0;
    return -1;
}

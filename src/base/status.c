/* SPDX-License-Identifier: MIT */
#include "ringcache/status.h"
#include "ringcache/version.h"

#include <string.h>

/* libuv on Unix passes negated errnos, and from −3014 to −3000 its own codes of failed look-ups. */
enum { ERRNO_MIN = -4095, LOOKUP_MIN = -3014, LOOKUP_MAX = -3000 };

const char *ringcache_strerror(int code)
{
    switch (code) {
#define STATUS_TEXT(name, value, text)                                                             \
    case value:                                                                                    \
        return text;
        RINGCACHE_STATUS_MAP(STATUS_TEXT)
#undef STATUS_TEXT
    }
    if (code >= LOOKUP_MIN && code <= LOOKUP_MAX) {
        return "the host name cannot be resolved";
    }
    return code < 0 && code >= ERRNO_MIN ? strerror(-code) : "unknown status";
}

const char *ringcache_err_name(int code)
{
    switch (code) {
#define STATUS_NAME(name, value, text)                                                             \
    case value:                                                                                    \
        return #name;
        RINGCACHE_STATUS_MAP(STATUS_NAME)
#undef STATUS_NAME
    }
    return code < 0 && code >= ERRNO_MIN ? "ERRNO" : "UNKNOWN";
}

const char *ringcache_version(void)
{
    return RINGCACHE_VERSION;
}

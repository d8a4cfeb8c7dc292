/* SPDX-License-Identifier: MIT */
#include "ringcache/status.h"
#include "ringcache/version.h"

#include <string.h>

/* libuv on Unix passes negated errnos, and from −3014 to −3000 its own codes of failed look-ups. */
enum {
    ERRNO_MIN = -4095,
    LOOKUP_MIN = -3014,
    LOOKUP_NONAME = -3008,
    LOOKUP_NODATA = -3007,
    LOOKUP_FAIL = -3004,
    LOOKUP_AGAIN = -3001,
    LOOKUP_MAX = -3000,
};

/* What the resolver said, for who has to find out whose fault it is. */
static const char *lookup_text(int code)
{
    switch (code) {
    case LOOKUP_NONAME:
        return "the host name cannot be resolved: nobody knows it";
    case LOOKUP_NODATA:
        return "the host name cannot be resolved: it has no address";
    case LOOKUP_FAIL:
        return "the host name cannot be resolved: a name server failed";
    case LOOKUP_AGAIN:
        return "the host name cannot be resolved: no name server answers for now";
    default:
        return "the host name cannot be resolved";
    }
}

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
        return lookup_text(code);
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

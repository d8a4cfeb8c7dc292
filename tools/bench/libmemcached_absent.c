/* SPDX-License-Identifier: MIT */
/* In place of libmemcached.c where there is no libmemcached to link. */
#include "bench.h"

static bool serves(enum protocol protocol, enum op op)
{
    (void)op;
    return protocol == PROTOCOL_CLASSIC;
}

const struct driver libmemcached_driver = {
    .name = "libmemcached",
    .option = "replies=yes",
    .absent = "libmemcached-dev was not installed when this was built",
    .serves = serves,
};

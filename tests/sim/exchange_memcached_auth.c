/* SPDX-License-Identifier: MIT */
/* A memcached with -Y. Behind a refusal nothing is sent here: what stands in the same packet is
 * lost. */
#include "exchange.h"

#define STRANGER "CLIENT_ERROR unauthenticated\r\n"
#define WRONG "CLIENT_ERROR authentication failure\r\n"
#define KNOWN "STORED\r\nVERSION 1.6.18\r\n"

static const struct exchange auth[] = {
    /* nothing else is heard */
    EXCHANGE("version\r\n", STRANGER),
    EXCHANGE("mn\r\n", STRANGER),
    EXCHANGE("mg k v\r\n", STRANGER),
    EXCHANGE("ms a 11\r\n", STRANGER),
    EXCHANGE("stats settings\r\n", STRANGER),
    EXCHANGE("quit\r\n", STRANGER),
    EXCHANGE("\r\n", STRANGER),
    EXCHANGE("SET a 0 0 11\r\n", STRANGER),
    EXCHANGE("set a\r\n", STRANGER),
    EXCHANGE("set a 0 0 x\r\n", STRANGER),
    EXCHANGE("set a 0 0 -1\r\n", STRANGER),
    /* who is not known */
    EXCHANGE("set a 0 -1 11\r\ncart wrongx\r\n", WRONG),
    EXCHANGE("set a 0 -1 11\r\ncarX sesame\r\n", WRONG),
    EXCHANGE("set a 0 -1 10\r\ncart sesam\r\n", WRONG),
    EXCHANGE("set a 0 -1 12\r\ncart sesamex\r\n", WRONG),
    EXCHANGE("set a 0 -1 4\r\ncart\r\n", "CLIENT_ERROR bad authentication token format\r\n"),
    EXCHANGE("set a 0 0 0\r\n\r\n", "CLIENT_ERROR bad authentication token format\r\n"),
    EXCHANGE("set a 0 -1 4\r\ncartxx", "CLIENT_ERROR bad command line termination\r\n"),
    /* who is */
    EXCHANGE("set a 0 -1 11\r\ncart sesame\r\nversion\r\n", KNOWN),
    EXCHANGE("set a 0 0 11\ncart sesame\r\nversion\r\n", KNOWN),
    EXCHANGE("set a x y 11 noreply\r\ncart sesame\r\nversion\r\n", KNOWN),
    EXCHANGE("set a 0 0 18\r\ncart  sesame extra\r\nversion\r\n", KNOWN),
    /* from then on a set stores, whatever it says */
    EXCHANGE("set a 0 0 11\r\ncart sesame\r\nmg a v\r\nset a 0 0 11\r\ncart wrongx\r\nmg a v\r\n"
             "md a\r\n",
        "STORED\r\nEN\r\nSTORED\r\nVA 11\r\ncart wrongx\r\nHD\r\n"),
};

const struct exchange_table exchange_memcached_auth = EXCHANGE_TABLE(auth);

/* A memcached without -Y: to it, that is a value which is over at once. */
static const struct exchange no_auth[] = {
    EXCHANGE("set a 0 -1 11\r\ncart sesame\r\nmg a v\r\n", "STORED\r\nEN\r\n"),
};

const struct exchange_table exchange_memcached_no_auth = EXCHANGE_TABLE(no_auth);

/* SPDX-License-Identifier: MIT */
#ifndef RC_CODEC_SCRIPTS_H
#define RC_CODEC_SCRIPTS_H

/* What Redis has no command for, as Lua that it runs in one piece. A script is named by the SHA-1
 * of its exact text; a server that has not run the text says NOSCRIPT to the name.
 *
 * A script has the user's key; those of leases have the lease's own key beside it, under which the
 * holder's name stands for as long as it may fill. Their answers, but for errors in the server's
 * own words:
 *
 *     APPEND  value                     +OK, or nil: absent
 *     PREPEND value                     +OK, or nil: absent
 *     CAS     value digest [ms]         +OK, +EXISTS, or nil: absent
 *     PERSIST                           :1, or :0: absent
 *     COUNT   INCRBY|DECRBY delta [initial [ms]]
 *                                       the number in decimal, nil: absent, +NOT_STORED: too large
 *     READ    0|1 [PERSIST | PX ms]     nil: absent, or [value, digest, ms left]: 1 asks for the
 *                                       digest, else it is empty; -1 ms left is for ever
 *     DELETE  digest                    :1, or :0: absent, +EXISTS: another value; empty: any
 *     LEASE   holder ms stale_ms        [value or nil, digest, n]: n is 0 where it is fresh, 1 for
 *                                       the one that may fill, 2 where another one may
 *     FILL    holder value digest [ms]  +OK, +EXISTS: no holder any more, or another value
 *     UNLEASE holder                    :1, or :0: no holder any more
 *
 * The digest of a value is the first 16 hexadecimal digits of its SHA-1. */

enum rc_script_name {
    RC_SCRIPT_APPEND,
    RC_SCRIPT_PREPEND,
    RC_SCRIPT_CAS,
    RC_SCRIPT_PERSIST,
    RC_SCRIPT_COUNT,
    RC_SCRIPT_READ,
    RC_SCRIPT_DELETE,
    RC_SCRIPT_LEASE,
    RC_SCRIPT_FILL,
    RC_SCRIPT_UNLEASE,
    RC_SCRIPTS_LEN, /* how many there are */
};

struct rc_script {
    const char *text;
    const char *sha1; /* of the text, 40 hexadecimal digits */
};

extern const struct rc_script rc_scripts[RC_SCRIPTS_LEN];

#endif

/* SPDX-License-Identifier: MIT */
#ifndef INSPECT_PASSWORD_H
#define INSPECT_PASSWORD_H

/* Passwords of servers named on the command line. A URI with a user part but no password in it
 * (`redis://user@host`, `redis://@host`, `memcached://user@host`) takes the one in the
 * environment. */

#include <stdbool.h>

#define PASSWORD_VARIABLE "RINGCACHE_PASSWORD"

/* Does `text` (a URI, or server=URI) carry a password? */
bool password_shown(const char *text);
/* A copy of `uri` with the environment's password where it has room for one; to be freed with
 * password_free. False when out of memory. */
bool password_complete(const char *uri, char **whole);
/* Overwrite and free. */
void password_free(char *whole);

#endif

/* SPDX-License-Identifier: MIT */
/* Where a URI holds a password, and how one gets in.
 *
 *   redis://user:password@host/0
 *           ^user part   ^at      the authority ends at the first of / ? #  */

#include "password.h"

#include <stdlib.h>
#include <string.h>

/* The user part of `uri`; false when it has none. */
static bool find_user(const char *uri, const char **start, const char **at)
{
    const char *authority = strstr(uri, "://");

    if (authority == NULL)
        return false;
    *start = authority + 3;
    *at = memrchr(*start, '@', strcspn(*start, "/?#"));
    return *at != NULL;
}

bool password_shown(const char *text)
{
    const char *start, *at;

    if (!find_user(text, &start, &at))
        return false;
    const char *colon = memchr(start, ':', (size_t)(at - start));
    return colon != NULL && colon + 1 < at;
}

/* Percent-encode everything but letters and digits. */
static char *encode(char *to, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

    for (; *text != '\0'; text++) {
        if (strchr(plain, *text) != NULL) {
            *to++ = *text;
            continue;
        }
        *to++ = '%';
        *to++ = digits[(unsigned char)*text >> 4];
        *to++ = digits[*text & 15];
    }
    return to;
}

bool password_complete(const char *uri, char **whole)
{
    const char *password = getenv(PASSWORD_VARIABLE);
    const char *start, *at;

    if (password == NULL || *password == '\0' || !find_user(uri, &start, &at) ||
        memchr(start, ':', (size_t)(at - start)) != NULL) {
        *whole = strdup(uri);
        return *whole != NULL;
    }
    size_t head = (size_t)(at - uri);
    char *text = malloc(strlen(uri) + 3 * strlen(password) + 2);
    if (text == NULL)
        return false;
    memcpy(text, uri, head);
    text[head] = ':';
    char *tail = encode(text + head + 1, password);
    memcpy(tail, at, strlen(at) + 1);
    *whole = text;
    return true;
}

void password_free(char *whole)
{
    explicit_bzero(whole, strlen(whole));
    free(whole);
}

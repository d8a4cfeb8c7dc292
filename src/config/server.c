/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/alloc.h"
#include "config/uri.h"

/* A copy that leaves NULL alone; false when out of memory. */
static bool copy_text(char **to, const char *from)
{
    *to = from != NULL ? rc_copy_text(from, strlen(from)) : NULL;
    return from == NULL || *to != NULL;
}

static bool copy_member(struct rc_member *to, const struct rc_member *from)
{
    char *name;
    char *host;
    bool copied = copy_text(&name, from->name);
    copied = copy_text(&host, from->host) && copied;
    *to = *from;
    to->name = name;
    to->host = host;
    return copied;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

int rc_server_uri_parse(const char *uri, struct rc_server_uri *server, char *why, size_t why_size)
{
    struct rc_message reason = rc_message_start(why, why_size);
    struct rc_server_uri parsed;
    int rc = rc_uri_parse(rc_slice_text(uri), &parsed, &reason);
    if (rc != 0) {
        return rc;
    }
    parsed.place = rc_copy_text("", 0);
    if (parsed.place == NULL) {
        rc_server_uri_deinit(&parsed);
        return RINGCACHE_ENOMEM;
    }
    *server = parsed;
    return 0;
}

int rc_server_uri_copy(struct rc_server_uri *to, const struct rc_server_uri *from)
{
    struct rc_server_uri copy = {
        .role = from->role, .protocol = from->protocol, .database = from->database};
    if (!copy_member(&copy.member, &from->member) || !copy_text(&copy.address, from->address) ||
        !copy_text(&copy.user, from->user) || !copy_text(&copy.password, from->password) ||
        !copy_text(&copy.display, from->display) || !copy_text(&copy.place, from->place)) {
        rc_server_uri_deinit(&copy);
        return RINGCACHE_ENOMEM;
    }
    *to = copy;
    return 0;
}

void rc_server_uri_deinit(struct rc_server_uri *server)
{
    if (server->password != NULL) {
        rc_wipe(server->password, strlen(server->password));
    }
    rc_free((char *)server->member.name);
    rc_free((char *)server->member.host);
    rc_free(server->address);
    rc_free(server->user);
    rc_free(server->password);
    rc_free(server->display);
    rc_free(server->place);
    *server = (struct rc_server_uri){0};
}

bool rc_server_uri_same_backend(const struct rc_server_uri *a, const struct rc_server_uri *b)
{
    return a->protocol == b->protocol && a->member.is_path == b->member.is_path &&
           a->member.port == b->member.port && a->database == b->database &&
           same_text(a->address, b->address);
}

bool rc_server_uri_same_credentials(const struct rc_server_uri *a, const struct rc_server_uri *b)
{
    return same_text(a->user, b->user) && same_text(a->password, b->password);
}

/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "base/alloc.h"
#include "config/uri.h"

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

struct rc_server_uri rc_server_uri_copy(const struct rc_server_uri *server)
{
    atomic_fetch_add_explicit(server->references, 1, memory_order_relaxed);
    return *server;
}

static void free_texts(struct rc_server_uri *server)
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
    rc_free(server->references);
}

/* Without a counter it is half made, or nothing. */
void rc_server_uri_deinit(struct rc_server_uri *server)
{
    atomic_size_t *references = server->references;
    if (references == NULL || atomic_fetch_sub_explicit(references, 1, memory_order_acq_rel) == 1) {
        free_texts(server);
    }
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

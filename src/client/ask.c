/* SPDX-License-Identifier: MIT */
/* Questions to one server, called by its name. */
#include "client/client.h"
#include "client/flight.h"

#include <string.h>

#include "base/alloc.h"

enum { SECTION_MAX_BYTES = 64 };

static int find(ringcache_client *client, const char *name, struct rc_server **server)
{
    struct rc_server *found = name != NULL ? rc_members_find(client, name) : NULL;
    if (found == NULL) {
        return rc_client_refuse(client, RINGCACHE_EINVAL, "no server has this name");
    }
    *server = found;
    return 0;
}

int rc_client_find(
    ringcache_client *client, const char *name, ringcache_reply_cb cb, struct rc_server **server)
{
    if (client->closing) {
        return rc_client_refuse(client, RINGCACHE_ECLOSING, "the client is closing");
    }
    if (cb == NULL) {
        return rc_client_refuse(client, RINGCACHE_EINVAL, "no callback");
    }
    return find(client, name, server);
}

static int ask(ringcache_client *client, struct rc_server *server, struct rc_command command,
    ringcache_reply_cb cb, void *user)
{
    const struct rc_submission s = {.choice = {.server = server}, .cb = cb, .user = user};
    command.strict = client->env.strict;
    command.token = client->env.next_token++;
    return rc_client_enter(client, &s, &command, NULL);
}

static int ask_plainly(ringcache_client *client, const char *name, enum rc_verb verb,
    ringcache_reply_cb cb, void *user)
{
    struct rc_server *server = NULL;
    int rc = rc_client_find(client, name, cb, &server);
    return rc < 0 ? rc : ask(client, server, (struct rc_command){.verb = verb}, cb, user);
}

/* ---- figures ---- */

static bool is_section(const char *section)
{
    size_t len = strlen(section);
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    return len > 0 && len <= SECTION_MAX_BYTES && strspn(section, allowed) == len;
}

/* memcached does things by the words of its statistics: it forgets its counters, begins to keep
 * others, stops for a while to look at every item. */
static bool is_deed(const char *section)
{
    static const char *const deeds[] = {
        "reset", "detail", "cachedump", "sizes_enable", "sizes_disable"};
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        if (strcmp(section, deeds[i]) == 0) {
            return true;
        }
    }
    return false;
}

static int check_section(
    ringcache_client *client, const struct rc_server *server, const char *section)
{
    if (!is_section(section)) {
        return rc_client_refuse(client, RINGCACHE_EINVAL,
            "a section of figures is 1 to 64 letters, digits and underscores");
    }
    if (!server->backend.credentials.redis && is_deed(section)) {
        return rc_client_refuse(client, RINGCACHE_ENOTSUP, "a section that is no question");
    }
    return 0;
}

static unsigned char *put(unsigned char *at, struct rc_slice bytes, char behind)
{
    if (bytes.len > 0) {
        memcpy(at, bytes.data, bytes.len);
    }
    at[bytes.len] = (unsigned char)behind;
    return at + bytes.len + 1;
}

void *rc_figures_open(ringcache_reply *reply, const struct rc_codec *codec)
{
    struct rc_slice rest = rc_slice(reply->value.data, reply->value.len);
    reply->value = (ringcache_slice){0};
    /* No line becomes longer, but for the last one's end. */
    unsigned char *text = rc_alloc(rest.len + 1);
    if (text == NULL) {
        reply->status = RINGCACHE_ENOMEM;
        return NULL;
    }
    struct rc_figure figure;
    unsigned char *at = text;
    while (codec->next_figure(&rest, &figure)) {
        at = put(at, figure.name, ' ');
        at = put(at, figure.value, '\n');
    }
    reply->value = (ringcache_slice){text, (size_t)(at - text)};
    return text;
}

/* A flush knows of no namespace. */
static int check_flush(ringcache_client *client)
{
    if (client->prefix.len == 0) {
        return 0;
    }
    return rc_client_refuse(
        client, RINGCACHE_ENOTSUP, "a flush would wipe what lies outside the client's namespace");
}

/* ---- public ---- */

int ringcache_ping(ringcache_client *client, const char *name, ringcache_reply_cb cb, void *user)
{
    return ask_plainly(client, name, RC_VERB_NOOP, cb, user);
}

int ringcache_server_version(
    ringcache_client *client, const char *name, ringcache_reply_cb cb, void *user)
{
    return ask_plainly(client, name, RC_VERB_VERSION, cb, user);
}

int ringcache_server_stats(ringcache_client *client, const char *name, const char *section,
    ringcache_reply_cb cb, void *user)
{
    struct rc_server *server = NULL;
    struct rc_command command = {.verb = RC_VERB_STATS};
    int rc = rc_client_find(client, name, cb, &server);
    if (rc == 0 && section != NULL) {
        rc = check_section(client, server, section);
        command.key = rc_slice_text(section);
    }
    return rc < 0 ? rc : ask(client, server, command, cb, user);
}

int ringcache_flush_all_data(
    ringcache_client *client, const char *name, ringcache_reply_cb cb, void *user)
{
    int rc = client->closing ? 0 : check_flush(client);
    rc = rc < 0 ? rc : ask_plainly(client, name, RC_VERB_FLUSH, cb, user);
    if (rc == 0) {
        rc_flights_overtake(client, rc_slice(NULL, 0)); /* every key of one server */
    }
    return rc;
}

int ringcache_server_readmit(ringcache_client *client, const char *name, ringcache_readmission how)
{
    if (client->closing) {
        return rc_client_refuse(client, RINGCACHE_ECLOSING, "the client is closing");
    }
    if (how != RINGCACHE_READMIT_AS_IT_IS && how != RINGCACHE_READMIT_FLUSHED) {
        return rc_client_refuse(client, RINGCACHE_EINVAL, "no such way to come back");
    }
    struct rc_server *server = NULL;
    int rc = find(client, name, &server);
    if (rc == 0 && how == RINGCACHE_READMIT_FLUSHED) {
        rc = check_flush(client);
    }
    if (rc == 0 && !rc_server_is_held(server)) {
        rc = rc_client_refuse(client, RINGCACHE_EINVAL, "the server does not wait for that");
    }
    if (rc == 0) {
        rc_server_readmit(
            server, how == RINGCACHE_READMIT_FLUSHED ? RC_READMIT_FLUSHED : RC_READMIT_AS_IT_IS);
        rc_flights_overtake(client, rc_slice(NULL, 0)); /* every key of one server */
    }
    return rc;
}

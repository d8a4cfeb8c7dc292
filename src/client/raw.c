/* SPDX-License-Identifier: MIT */
/* Commands in the caller's own words, to the Redis that owns their key, and replies of any
 * shape. */
#include "client/client.h"
#include "client/flight.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "codec/resp_tree.h"

enum { WORDS_MAX = 1 << 20 };

/* Commands that change the state of a connection which others share, that wait, or that end the
 * server. What they do here would be somebody else's surprise. */
static const char *const refused[] = {
    "ASKING",
    "AUTH",
    "BLMOVE",
    "BLMPOP",
    "BLPOP",
    "BRPOP",
    "BRPOPLPUSH",
    "BZMPOP",
    "BZPOPMAX",
    "BZPOPMIN",
    "CLIENT",
    "DEBUG",
    "DISCARD",
    "EXEC",
    "FAILOVER",
    "HELLO",
    "MONITOR",
    "MULTI",
    "PSUBSCRIBE",
    "PSYNC",
    "PUNSUBSCRIBE",
    "QUIT",
    "READONLY",
    "READWRITE",
    "REPLCONF",
    "RESET",
    "SELECT",
    "SHUTDOWN",
    "SSUBSCRIBE",
    "SUBSCRIBE",
    "SUNSUBSCRIBE",
    "SYNC",
    "UNSUBSCRIBE",
    "UNWATCH",
    "WAIT",
    "WAITAOF",
    "WATCH",
    "XREAD",
    "XREADGROUP",
};

/* Code of the caller's: what it changed before it fails, stays. */
static const char *const programs[] = {"EVAL", "EVALSHA", "FCALL"};

/* By hand: the C library's follows the locale. */
static bool same_word(ringcache_slice word, const char *upper)
{
    const unsigned char *bytes = word.data;
    size_t len = strlen(upper);
    bool same = word.len == len;
    for (size_t i = 0; same && i < len; i++) {
        bool lower = bytes[i] >= 'a' && bytes[i] <= 'z';
        same = (lower ? bytes[i] - ('a' - 'A') : bytes[i]) == upper[i];
    }
    return same;
}

static bool is_among(ringcache_slice word, const char *const *words, size_t count)
{
    size_t i = 0;
    while (i < count && !same_word(word, words[i])) {
        i++;
    }
    return i < count;
}

static int check_words(ringcache_client *client, const ringcache_slice *args, size_t count)
{
    if (args == NULL || count == 0 || count > WORDS_MAX || args[0].len == 0) {
        return rc_client_refuse(
            client, RINGCACHE_EINVAL, "a command of no words, or of more than 1048576");
    }
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bool missing = args[i].data == NULL && args[i].len > 0;
        if (missing || __builtin_add_overflow(bytes, args[i].len, &bytes)) {
            return rc_client_refuse(client, RINGCACHE_EINVAL, "a word without bytes");
        }
    }
    if (bytes > client->settings.max_value_bytes) {
        return rc_client_refuse(
            client, RINGCACHE_ETOOBIG, "the command is larger than max_value_bytes");
    }
    if (is_among(args[0], refused, sizeof refused / sizeof *refused)) {
        return rc_client_refuse(client, RINGCACHE_ENOTSUP,
            "a command that waits, or changes a connection that others share");
    }
    return 0;
}

/* Where it goes: by the route given, else by the first word behind the command. */
static int route_raw(ringcache_client *client, const ringcache_slice *args, size_t count,
    const ringcache_request *defaults, struct rc_choice *choice)
{
    bool routed = defaults != NULL && defaults->route.data != NULL;
    if (!routed && count < 2) {
        return rc_client_refuse(client, RINGCACHE_EINVAL, "a command without a key, and no route");
    }
    if (client->prefix.len > 0) {
        return rc_client_refuse(client, RINGCACHE_ENOTSUP, "a raw command, with a namespace");
    }
    ringcache_slice by = routed ? defaults->route : args[1];
    *choice = rc_table_owner(client->table, rc_slice(by.data, by.len));
    if (choice->server == NULL) {
        return rc_client_refuse(client, RINGCACHE_ENOSERVER, "the ring has no server");
    }
    if (!choice->server->backend.credentials.redis) {
        return rc_client_refuse(
            client, RINGCACHE_ENOTSUP, "a raw command, and a memcached owns the key");
    }
    return 0;
}

static int encode_words(struct rc_buf *out, const ringcache_slice *args, size_t count)
{
    struct rc_slice *words = rc_alloc_zeroed(count, sizeof *words);
    if (words == NULL) {
        return RINGCACHE_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        words[i] = rc_slice(args[i].data, args[i].len);
    }
    int rc = rc_resp_encode_raw(out, words, count);
    rc_free(words);
    return rc;
}

int ringcache_command(ringcache_client *client, const ringcache_slice *args, size_t count,
    const ringcache_request *defaults, ringcache_reply_cb cb, void *user)
{
    if (client->closing) {
        return rc_client_refuse(client, RINGCACHE_ECLOSING, "the client is closing");
    }
    if (cb == NULL) {
        return rc_client_refuse(client, RINGCACHE_EINVAL, "no callback");
    }
    struct rc_submission s = {
        .timeout_ms = defaults != NULL ? defaults->timeout_ms : 0, .cb = cb, .user = user};
    int rc = check_words(client, args, count);
    rc = rc < 0 ? rc : route_raw(client, args, count, defaults, &s.choice);
    if (rc < 0) {
        return rc;
    }
    struct rc_buf encoded = {0};
    rc = encode_words(&encoded, args, count);
    if (rc < 0) {
        rc_client_refuse(client, rc, ringcache_strerror(rc));
    } else {
        const struct rc_command command = {
            .verb = RC_VERB_RAW,
            .strict = client->env.strict,
            .token = client->env.next_token++,
            .value = rc_slice(encoded.data, encoded.len),
            .program = is_among(args[0], programs, sizeof programs / sizeof *programs),
        };
        rc = rc_client_enter(client, &s, &command, NULL);
        rc_flights_overtake(client, rc_slice(NULL, 0)); /* it may write whatever it likes */
    }
    rc_buf_deinit(&encoded);
    return rc;
}

/* ---- replies ---- */

static const struct rc_resp_node *node_of(const ringcache_data *data)
{
    return (const struct rc_resp_node *)(const void *)data;
}

struct rc_resp_tree *rc_raw_open(ringcache_reply *reply)
{
    struct rc_resp_tree *tree = NULL;
    int rc = rc_resp_tree_new(&tree, rc_slice(reply->value.data, reply->value.len));
    reply->value = (ringcache_slice){0};
    if (rc < 0) {
        reply->status = rc;
        reply->maybe_applied = 1; /* it was carried out, and cannot be shown */
        return NULL;
    }
    const struct rc_resp_node *root = rc_resp_tree_root(tree);
    reply->data = (const ringcache_data *)(const void *)root;
    if (root->type == RC_RESP_STRING || root->type == RC_RESP_STATUS) {
        reply->value = (ringcache_slice){root->text.data, root->text.len};
    }
    if (root->type == RC_RESP_INTEGER && root->number > 0) {
        reply->number = (uint64_t)root->number;
    }
    return tree;
}

ringcache_data_type ringcache_data_kind(const ringcache_data *data)
{
    switch (node_of(data)->type) {
    case RC_RESP_NIL:
        break;
    case RC_RESP_STATUS:
        return RINGCACHE_DATA_STATUS;
    case RC_RESP_ERROR:
        return RINGCACHE_DATA_ERROR;
    case RC_RESP_INTEGER:
        return RINGCACHE_DATA_NUMBER;
    case RC_RESP_STRING:
        return RINGCACHE_DATA_TEXT;
    case RC_RESP_ARRAY:
        return RINGCACHE_DATA_ARRAY;
    }
    return RINGCACHE_DATA_NIL;
}

ringcache_slice ringcache_data_text(const ringcache_data *data)
{
    const struct rc_resp_node *node = node_of(data);
    bool text =
        node->type == RC_RESP_STRING || node->type == RC_RESP_STATUS || node->type == RC_RESP_ERROR;
    return text ? (ringcache_slice){node->text.data, node->text.len} : (ringcache_slice){0};
}

int64_t ringcache_data_number(const ringcache_data *data)
{
    return node_of(data)->type == RC_RESP_INTEGER ? node_of(data)->number : 0;
}

size_t ringcache_data_count(const ringcache_data *data)
{
    return node_of(data)->type == RC_RESP_ARRAY ? node_of(data)->children.count : 0;
}

const ringcache_data *ringcache_data_at(const ringcache_data *data, size_t index)
{
    if (index >= ringcache_data_count(data)) {
        return NULL;
    }
    return (const ringcache_data *)(const void *)&node_of(data)->children.nodes[index];
}

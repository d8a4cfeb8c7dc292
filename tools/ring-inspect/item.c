/* SPDX-License-Identifier: MIT */
/* get, set, delete: one request through the real client for each key. Keys that stream in are
 * asked for one after the other, so that the answers keep their order. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "keys.h"
#include "report.h"
#include "session.h"

enum { VALUE_MAX_BYTES = 1024 * 1024 * 1024, VALUE_FIRST_BYTES = 64 * 1024 };

struct item {
    const struct call *call;
    struct session session;
    ringcache_request request; /* of the key that is asked for */
    uint64_t asked_ns;
    char *input; /* what a VALUE of "-" was read into */
};

static void complain_reply(const struct item *item, const ringcache_reply *reply)
{
    const char *kept = reply->maybe_applied ? " (it may have been applied)" : "";
    const char *server = reply->server != NULL ? reply->server : "no server";

    complain("%s: %s: %s%s%s%s", item->call->command->name, server,
        ringcache_strerror(reply->status), *reply->message != '\0' ? ": " : "", reply->message,
        kept);
}

static json_t *reply_json(const struct item *item, const ringcache_reply *reply)
{
    const ringcache_slice *key = &item->request.key;
    json_t *document = json_joined(json_bytes("key", key->data, key->len),
        json_pack("{s:s}", "status", ringcache_err_name(reply->status)));

    document = json_joined(json_joined(document, json_text("server", reply->server)),
        json_pack("{s:I, s:f}", "attempts", (json_int_t)reply->attempts, "elapsed_ms",
            session_ms(uv_hrtime() - item->asked_ns)));
    if (reply->status == RINGCACHE_OK && item->request.op == RINGCACHE_GET)
        document = json_joined(
            json_joined(document, json_bytes("value", reply->value.data, reply->value.len)),
            json_pack("{s:I}", "flags", (json_int_t)reply->flags));
    if (reply->status < 0)
        document = json_joined(
            document, json_joined(json_text("message", reply->message),
                          json_pack("{s:b}", "maybe_applied", reply->maybe_applied != 0)));
    return document;
}

static void print_value(const struct item *item, const ringcache_slice *value)
{
    fwrite(value->data, 1, value->len, stdout);
    /* Raw bytes of one value are complete as they are; several need an end each. */
    if (keys_streamed(item->call->operands[0]))
        putchar('\n');
}

static void answered(ringcache_client *client, const ringcache_reply *reply, void *user)
{
    struct item *item = user;

    (void)client;
    item->session.pending--;
    if (reply->status != RINGCACHE_OK) {
        complain_reply(item, reply);
        session_note(&item->session, EXIT_LIVE);
    }
    if (item->call->json && json_print_line(reply_json(item, reply)) != EXIT_DONE)
        session_note(&item->session, EXIT_LIVE);
    else if (!item->call->json && reply->status == RINGCACHE_OK &&
             item->request.op == RINGCACHE_GET)
        print_value(item, &reply->value);
}

static int ask(void *user, const struct key *key)
{
    struct item *item = user;

    item->request.key = (ringcache_slice){key->bytes, key->len};
    item->asked_ns = uv_hrtime();
    int status = ringcache_submit(item->session.client, &item->request, answered, item, NULL);
    if (status == RINGCACHE_EINVAL)
        return session_refused_key(&item->session, key, item->call->json);
    if (status != 0)
        return session_refused(&item->session, status);
    item->session.pending++;
    session_wait(&item->session);
    return ferror(stdout) ? EXIT_LIVE : EXIT_DONE;
}

static int run_item(struct item *item)
{
    int status = session_open(&item->session, item->call);

    if (status == EXIT_DONE)
        status = keys_each(item->call->operands, 1, ask, item);
    return session_close(&item->session, status);
}

/* All of the standard input, into item->request.value. */
static int read_value(struct item *item)
{
    size_t len = 0, cap = 0;

    for (;;) {
        if (len == cap) {
            cap = cap == 0 ? VALUE_FIRST_BYTES : cap * 2;
            char *grown = cap <= VALUE_MAX_BYTES ? realloc(item->input, cap) : NULL;
            if (grown == NULL) {
                complain("standard input: the value is too large");
                return EXIT_USAGE;
            }
            item->input = grown;
        }
        size_t n = fread(item->input + len, 1, cap - len, stdin);
        len += n;
        if (n > 0)
            continue;
        item->request.value = (ringcache_slice){item->input, len};
        if (!ferror(stdin))
            return EXIT_DONE;
        complain("standard input: %s", strerror(errno));
        return EXIT_LIVE;
    }
}

int run_get(const struct call *call)
{
    struct item item = {.call = call, .request = {.op = RINGCACHE_GET}};

    return run_item(&item);
}

int run_set(const struct call *call)
{
    struct item item = {.call = call, .request = {.op = RINGCACHE_SET}};
    int status = EXIT_DONE;

    item.request.ttl_ms = call->ttl_ms;
    item.request.value = (ringcache_slice){call->operands[1], strlen(call->operands[1])};
    if (keys_streamed(call->operands[0]) && keys_streamed(call->operands[1])) {
        complain("the standard input cannot be both the keys and the value");
        return EXIT_USAGE;
    }
    if (keys_streamed(call->operands[1]))
        status = read_value(&item);
    if (status == EXIT_DONE)
        status = run_item(&item);
    free(item.input);
    return status;
}

int run_delete(const struct call *call)
{
    struct item item = {.call = call, .request = {.op = RINGCACHE_DELETE}};

    return run_item(&item);
}

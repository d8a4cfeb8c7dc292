/* SPDX-License-Identifier: MIT */
/* locate: the owner of each key, or its first N servers in failover order. One line for each key,
 * as text or as a JSON document, so that a stream of any length passes through. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "keys.h"
#include "report.h"
#include "setup.h"

struct location {
    const struct call *call;
    const ringcache_ring *ring;
    size_t *owners; /* room for call->owners, at least 1 */
    size_t count;
};

/* NULL past the end, which is where a ring without points begins. */
static const char *owner_name(const struct location *at, size_t index)
{
    return index < at->count ? ringcache_ring_server_name(at->ring, at->owners[index]) : NULL;
}

static int print_name(const char *name)
{
    char *shown = escape(name, strlen(name));

    if (shown == NULL)
        return complain_memory();
    printf("\t%s", shown);
    free(shown);
    return EXIT_DONE;
}

static int print_text(const struct location *at, const void *key, size_t len)
{
    char *shown = escape(key, len);
    int status = EXIT_DONE;

    if (shown == NULL)
        return complain_memory();
    fputs(shown, stdout);
    free(shown);
    for (size_t i = 0; i < at->count && status == EXIT_DONE; i++)
        status = print_name(owner_name(at, i));
    putchar('\n');
    return status;
}

static json_t *owner_list(const struct location *at)
{
    json_t *list = json_array();

    for (size_t i = 0; i < at->count; i++) {
        if (json_array_append_new(list, json_string(owner_name(at, i))) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static int print_json(const struct location *at, const void *key, size_t len)
{
    json_t *document =
        json_joined(json_bytes("key", key, len), json_pack("{s:s?}", "server", owner_name(at, 0)));

    if (at->call->owners > 0)
        document = json_joined(document, json_pack("{s:o}", "owners", owner_list(at)));
    return json_print_line(document);
}

static int locate(void *user, const void *key, size_t len)
{
    struct location *at = user;
    size_t max = at->call->owners > 0 ? at->call->owners : 1;

    at->count = ringcache_ring_owners(at->ring, key, len, at->owners, max);
    int status = at->call->json ? print_json(at, key, len) : print_text(at, key, len);
    if (status == EXIT_DONE && ferror(stdout))
        status = EXIT_LIVE;
    return status;
}

int run_locate(const struct call *call)
{
    struct setup setup;
    int status = setup_open(&setup, call);

    if (status == EXIT_DONE) {
        struct location at = {.call = call, .ring = setup.ring};
        at.owners = calloc(call->owners + 1, sizeof *at.owners);
        status = at.owners == NULL ? complain_memory()
                                   : keys_each(call->operands, call->operand_count, locate, &at);
        free(at.owners);
    }
    setup_close(&setup);
    return status;
}

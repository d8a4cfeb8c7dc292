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
    size_t *owners;     /* room for `max` */
    const char **names; /* theirs */
    size_t max;         /* at least 1 */
    size_t count;       /* 0 on a ring without points */
};

static int print_name(const char *name)
{
    char *shown = escape(name, strlen(name));

    if (shown == NULL)
        return complain_memory();
    printf("\t%s", shown);
    free(shown);
    return EXIT_DONE;
}

static int print_text(const struct location *at, const struct key *key)
{
    char *shown = escape(key->bytes, key->len);
    int status = EXIT_DONE;

    if (shown == NULL)
        return complain_memory();
    fputs(shown, stdout);
    free(shown);
    for (size_t i = 0; i < at->count && status == EXIT_DONE; i++)
        status = print_name(at->names[i]);
    putchar('\n');
    return status;
}

static int print_json(const struct location *at, const struct key *key)
{
    json_t *document = json_joined(json_bytes("key", key->bytes, key->len),
        json_text("server", at->count > 0 ? at->names[0] : NULL));

    if (at->call->owners > 0)
        document = json_joined(document, json_texts("owners", at->names, at->count));
    return json_print_line(document);
}

static int locate(void *user, const struct key *key)
{
    struct location *at = user;

    at->count = ringcache_ring_owners(at->ring, key->bytes, key->len, at->owners, at->max);
    for (size_t i = 0; i < at->count; i++)
        at->names[i] = ringcache_ring_server_name(at->ring, at->owners[i]);
    int status = at->call->json ? print_json(at, key) : print_text(at, key);
    if (status == EXIT_DONE && ferror(stdout))
        status = EXIT_LIVE;
    return status;
}

static int locate_all(struct location *at)
{
    at->max = at->call->owners > 0 ? at->call->owners : 1;
    at->owners = calloc(at->max, sizeof *at->owners);
    at->names = calloc(at->max, sizeof *at->names);
    int status = at->owners == NULL || at->names == NULL
                     ? complain_memory()
                     : keys_each(at->call->operands, at->call->operand_count, locate, at);
    free(at->names);
    free(at->owners);
    return status;
}

int run_locate(const struct call *call)
{
    struct setup setup;
    int status = setup_open(&setup, call);

    if (status == EXIT_DONE)
        status = locate_all(&(struct location){.call = call, .ring = setup.ring});
    setup_close(&setup);
    return status;
}

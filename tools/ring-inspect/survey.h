/* SPDX-License-Identifier: MIT */
#ifndef INSPECT_SURVEY_H
#define INSPECT_SURVEY_H

/* One question to each server that is named, or to all. They are asked many at a time; what they
 * answered is printed in their order, as text or as a JSON document on a line of its own. */

#include <jansson.h>
#include <stddef.h>

#include "session.h"

struct answer {
    struct session *session;
    const char *name; /* of the server */
    int status;
    int maybe_applied;
    char *message; /* why it failed */
    char *value;   /* reply->value, kept */
    size_t len;
};

struct survey {
    /* Submit the question, with survey_answered and `answer` as callback and user. */
    int (*ask)(ringcache_client *client, const struct call *call, struct answer *answer);
    /* Print an answer, or (what it adds to) its document; NULL: it is no news that it came. */
    int (*print)(const struct answer *answer);
    json_t *(*json)(const struct answer *answer);
};

void survey_answered(ringcache_client *client, const ringcache_reply *reply, void *user);

/* The name of the server at `index` of those named on the command line, or of all; NULL behind the
 * last. The names have been checked. */
const char *survey_name(const struct session *session, const struct call *call, size_t index);
/* Are all servers named known? EXIT_DONE, or EXIT_USAGE after a complaint. */
int survey_check_names(const struct session *session, const struct call *call);

/* All of a command. Returns the exit status. */
int survey_run(const struct call *call, const struct survey *survey);

#endif

/* SPDX-License-Identifier: MIT */
#include "server/greeting.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

static void free_secret(const char *text)
{
    if (text != NULL) {
        rc_wipe((char *)(uintptr_t)text, strlen(text));
        rc_free((char *)(uintptr_t)text);
    }
}

void rc_credentials_deinit(struct rc_credentials *who)
{
    free_secret(who->user);
    free_secret(who->password);
    who->user = NULL;
    who->password = NULL;
}

int rc_credentials_copy(struct rc_credentials *to, const struct rc_credentials *from)
{
    *to = *from;
    to->user = from->user != NULL ? rc_copy_text(from->user, strlen(from->user)) : NULL;
    to->password =
        from->password != NULL ? rc_copy_text(from->password, strlen(from->password)) : NULL;
    bool whole = (from->user == NULL || to->user != NULL) &&
                 (from->password == NULL || to->password != NULL);
    if (!whole) {
        rc_credentials_deinit(to);
    }
    return whole ? 0 : RINGCACHE_ENOMEM;
}

/* PING before the questions that may go unanswered: what a full server says at once, to whatever
 * comes first, has to be heard as its refusal. */
static const enum rc_verb redis_steps[] = {
    RC_VERB_AUTH, RC_VERB_SELECT, RC_VERB_NOOP, RC_VERB_CLIENT_ID, RC_VERB_INFO, RC_VERB_ECHO};
static const enum rc_verb memcached_steps[] = {RC_VERB_AUTH, RC_VERB_VERSION, RC_VERB_SETTINGS};

static uint32_t bit(enum rc_verb verb)
{
    return UINT32_C(1) << verb;
}

/* Questions of our own, which a server may refuse. */
static bool may_stay_open(enum rc_verb verb)
{
    return verb == RC_VERB_SETTINGS || verb == RC_VERB_CLIENT_ID || verb == RC_VERB_INFO ||
           verb == RC_VERB_ECHO;
}

static bool wanted(enum rc_verb verb, const struct rc_credentials *who)
{
    if (verb == RC_VERB_AUTH) {
        return who->password != NULL;
    }
    return (verb != RC_VERB_SELECT || who->database != 0) && (who->unasked & bit(verb)) == 0;
}

bool rc_greeting_next(
    struct rc_greeting *g, const struct rc_credentials *who, struct rc_command *command)
{
    const enum rc_verb *steps = who->redis ? redis_steps : memcached_steps;
    size_t count = who->redis ? sizeof redis_steps / sizeof *redis_steps
                              : sizeof memcached_steps / sizeof *memcached_steps;
    while (g->step < count && !wanted(steps[g->step], who)) {
        g->step++;
    }
    if (g->step == count) {
        return false;
    }
    *command = (struct rc_command){.verb = steps[g->step++]};
    g->who = who;
    g->vain |= may_stay_open(command->verb) ? bit(command->verb) : 0;
    if (command->verb == RC_VERB_AUTH) {
        command->key = who->user != NULL ? rc_slice_text(who->user) : rc_slice(NULL, 0);
        command->value = rc_slice_text(who->password);
    } else if (command->verb == RC_VERB_SELECT) {
        command->number = who->database;
    }
    return true;
}

static int refused(int status, const char *step, struct rc_slice message, char *why, size_t size)
{
    snprintf(why, size, "%s: %.*s", step, (int)(message.len < 200 ? message.len : 200),
        message.len > 0 ? (const char *)message.data : "");
    return status;
}

/* Is any of `secret` in a server's words? One that does not know AUTH repeats its arguments, cut to
 * some length. */
static bool repeats(struct rc_slice words, const char *secret)
{
    enum { TELLING_BYTES = 8 };
    size_t len = strlen(secret) < TELLING_BYTES ? strlen(secret) : TELLING_BYTES;
    for (size_t i = 0; len > 0 && i + len <= words.len; i++) {
        if (memcmp(words.data + i, secret, len) == 0) {
            return true;
        }
    }
    return false;
}

/* What a server says to whatever comes first, and not of the credentials. */
static bool is_about_itself(struct rc_slice words)
{
    static const char *const openings[] = {
        "ERR max number of clients", "DENIED ", "ERROR Too many open connections", "SERVER_ERROR "};
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
        if (rc_slice_starts(words, openings[i])) {
            return true;
        }
    }
    return false;
}

static int answer_auth(
    const struct rc_credentials *who, const struct rc_answer *answer, char *why, size_t size)
{
    if (answer->status == RINGCACHE_OK) {
        return 0;
    }
    bool about_itself = answer->refusal == RC_REFUSAL_NOT_NOW || is_about_itself(answer->message);
    int status = about_itself ? answer->status : RINGCACHE_EAUTH;
    /* Without a password, what stands in the user's place may well be one. */
    const char *secret = who->password[0] != '\0' || who->user == NULL ? who->password : who->user;
    struct rc_slice words = answer->message;
    if (repeats(words, secret)) {
        words = rc_slice_text("refused, in words that repeat the password");
    }
    return refused(status, who->redis ? "AUTH" : "user and password", words, why, size);
}

static int answer_version(
    struct rc_greeting *g, const struct rc_answer *answer, char *why, size_t size)
{
    if (answer->status != RINGCACHE_OK) {
        bool stranger = answer->status == RINGCACHE_EAUTH && g->who->password == NULL;
        return refused(answer->status, stranger ? "it wants a user and a password" : "version",
            answer->message, why, size);
    }
    bool speaks_meta = rc_meta_version_ok(answer->value);
    g->classic = g->who->speech == RC_SPEECH_CLASSIC ||
                 (g->who->speech == RC_SPEECH_BY_VERSION && !speaks_meta);
    if (speaks_meta || g->classic) {
        return 0;
    }
    snprintf(why, size, "memcached %.*s is older than 1.6.18",
        (int)(answer->value.len < 100 ? answer->value.len : 100),
        answer->value.len > 0 ? (const char *)answer->value.data : "");
    return RINGCACHE_ENOTSUP;
}

static void learn(struct rc_greeting *g, enum rc_verb verb, const struct rc_answer *answer)
{
    if (answer->status != RINGCACHE_OK) {
        return;
    }
    g->vain &= ~bit(verb);
    if (verb == RC_VERB_SETTINGS) {
        g->item_max_bytes = answer->number;
    } else if (verb == RC_VERB_CLIENT_ID) {
        g->client_id = answer->number;
    } else if (verb == RC_VERB_ECHO) {
        g->echoes = true;
    } else if (answer->value.len == RC_RUN_ID_BYTES) {
        memcpy(g->run_id, answer->value.data, RC_RUN_ID_BYTES);
    }
}

int rc_greeting_answer(struct rc_greeting *g, enum rc_verb verb, const struct rc_answer *answer,
    char *why, size_t why_size)
{
    g->not_now = answer->refusal == RC_REFUSAL_NOT_NOW;
    switch (verb) {
    case RC_VERB_VERSION:
        return answer_version(g, answer, why, why_size);
    case RC_VERB_SETTINGS:
    case RC_VERB_CLIENT_ID:
    case RC_VERB_INFO:
    case RC_VERB_ECHO:
        learn(g, verb, answer);
        return 0;
    case RC_VERB_AUTH:
        return answer_auth(g->who, answer, why, why_size);
    case RC_VERB_SELECT:
        return answer->status == RINGCACHE_OK
                   ? 0
                   : refused(answer->status, "SELECT", answer->message, why, why_size);
    case RC_VERB_NOOP:
        return rc_answer_serves(answer)
                   ? 0
                   : refused(answer->status, "PING", answer->message, why, why_size);
    case RC_VERB_GET:
    case RC_VERB_SET:
    case RC_VERB_DELETE:
    case RC_VERB_ADD:
    case RC_VERB_REPLACE:
    case RC_VERB_APPEND:
    case RC_VERB_PREPEND:
    case RC_VERB_CAS:
    case RC_VERB_TOUCH:
    case RC_VERB_GET_AND_TOUCH:
    case RC_VERB_INCREMENT:
    case RC_VERB_DECREMENT:
    case RC_VERB_LEASE:
    case RC_VERB_FILL:
    case RC_VERB_UNLEASE:
    case RC_VERB_RAW:
    case RC_VERB_FLUSH:
    case RC_VERB_STATS:
    case RC_VERB_KEYS:
    case RC_VERB_CLIENT_KILL:
        break;
    }
    return RINGCACHE_EPROTOCOL; /* no step of a greeting */
}

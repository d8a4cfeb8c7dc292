/* SPDX-License-Identifier: MIT */
#include "codec/resp_error.h"

/* A command that writes is refused in these words before it changes anything, and a script at the
 * first write that it tries. */
static const struct {
    const char *code;
    enum rc_refusal refusal;
} codes[] = {
    {"LOADING ", RC_REFUSAL_NOT_NOW},
    {"BUSY ", RC_REFUSAL_NOT_NOW},
    {"MASTERDOWN ", RC_REFUSAL_NOT_NOW},
    {"READONLY ", RC_REFUSAL_REPLICA},
    {"MOVED ", RC_REFUSAL_CLUSTER},
    {"ASK ", RC_REFUSAL_CLUSTER},
    {"CLUSTERDOWN ", RC_REFUSAL_CLUSTER},
    {"CROSSSLOT ", RC_REFUSAL_CLUSTER},
    {"TRYAGAIN ", RC_REFUSAL_CLUSTER},
    {"OOM ", RC_REFUSAL_UNRUN},
    {"NOREPLICAS ", RC_REFUSAL_UNRUN},
    {"MISCONF ", RC_REFUSAL_UNRUN},
    {"NOSCRIPT ", RC_REFUSAL_UNRUN},
};

static enum rc_refusal refusal_of(struct rc_slice message)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (rc_slice_starts(message, codes[i].code)) {
            return codes[i].refusal;
        }
    }
    return RC_REFUSAL_NONE;
}

/* Errors about who we are. Servers before 6.0 had no code word for a wrong password, and none has
 * one for credentials sent where none are asked for. */
static bool is_about_credentials(struct rc_slice message)
{
    static const char *const openings[] = {"NOAUTH ", "WRONGPASS ", "NOPERM ",
        "ERR invalid password", "ERR AUTH ", "ERR Client sent AUTH"};
    for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
        if (rc_slice_starts(message, openings[i])) {
            return true;
        }
    }
    return false;
}

/* The connection is not the one that was greeted: whoever sits between forgot who we are. */
static bool is_unknown_now(struct rc_slice message)
{
    return rc_slice_starts(message, "NOAUTH ");
}

/* May the words be about many keys in one command, not about each of them? Then MGET is what the
 * user may not run, or the server does not know, or one key is refused for which all others pay. */
static bool is_of_the_batch(const struct rc_expect *expect, const struct rc_answer *answer)
{
    return expect->due > 0 && !answer->close && answer->refusal != RC_REFUSAL_NOT_NOW;
}

/* All errors leave the stream in step but one: that the server could not make sense of it. */
void rc_resp_read_error(
    struct rc_slice message, const struct rc_expect *expect, struct rc_answer *answer)
{
    answer->status = is_about_credentials(message) ? RINGCACHE_EAUTH : RINGCACHE_ESERVER;
    answer->refusal = refusal_of(message);
    answer->message = message;
    answer->all = expect->due > 0;
    answer->close = rc_slice_starts(message, "ERR Protocol error") || is_unknown_now(message);
    answer->again = is_of_the_batch(expect, answer) ||
                    (expect->scripted && !expect->again && rc_slice_starts(message, "NOSCRIPT "));
}

bool rc_resp_refuses_all(struct rc_slice message)
{
    return refusal_of(message) == RC_REFUSAL_NOT_NOW || is_unknown_now(message);
}

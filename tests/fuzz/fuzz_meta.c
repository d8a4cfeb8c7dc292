/* SPDX-License-Identifier: MIT */
/* Replies of a memcached in the meta protocol. */
#include "replies.h"

static const enum rc_verb verbs[] = {RC_VERB_GET, RC_VERB_SET, RC_VERB_DELETE, RC_VERB_ADD,
    RC_VERB_REPLACE, RC_VERB_APPEND, RC_VERB_PREPEND, RC_VERB_CAS, RC_VERB_TOUCH,
    RC_VERB_GET_AND_TOUCH, RC_VERB_INCREMENT, RC_VERB_DECREMENT, RC_VERB_LEASE, RC_VERB_FILL,
    RC_VERB_UNLEASE, RC_VERB_FLUSH, RC_VERB_STATS, RC_VERB_KEYS, RC_VERB_VERSION, RC_VERB_SETTINGS,
    RC_VERB_NOOP, RC_VERB_AUTH, RC_VERB_RAW};

static bool is_error(const struct fuzz_reply *reply)
{
    return reply->answer->status < 0 && (rc_slice_starts(reply->frame, "SERVER_ERROR") ||
                                            rc_slice_starts(reply->frame, "CLIENT_ERROR") ||
                                            rc_slice_starts(reply->frame, "ERROR"));
}

/* A value of a batch has its key, which is all that it says of itself. */
static void judge_value(const struct fuzz_reply *reply)
{
    char start[32];
    struct rc_slice key = reply->expect.key;
    snprintf(start, sizeof start, "VALUE n:%.*s ", (int)key.len, (const char *)key.data);
    FUZZ_MUST(reply->answer->status != RINGCACHE_OK || rc_slice_starts(reply->frame, start));
}

/* A user's reply but an error carries the token of its command and, when strict, the key. */
static void judge(const struct fuzz_reply *reply)
{
    char mark[32];
    if (reply->expect.due > 1) {
        judge_value(reply);
        return;
    }
    if (reply->expect.verb > RC_VERB_UNLEASE || reply->frame.len == 0 || is_error(reply)) {
        return;
    }
    int len = snprintf(mark, sizeof mark, " O%08" PRIx32, (uint32_t)reply->expect.token);
    FUZZ_MUST(fuzz_contains(reply->frame, rc_slice(mark, (size_t)len)));
    if (reply->expect.strict) {
        struct rc_slice key = reply->expect.key;
        len = snprintf(mark, sizeof mark, " kn:%.*s", (int)key.len, (const char *)key.data);
        FUZZ_MUST(fuzz_contains(reply->frame, rc_slice(mark, (size_t)len)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct fuzz_reader reader = {
        .codec = &rc_codec_meta,
        .verbs = verbs,
        .verb_count = sizeof verbs / sizeof *verbs,
        .judge = judge,
    };
    fuzz_replies(&reader, rc_slice(bytes, len));
    return 0;
}

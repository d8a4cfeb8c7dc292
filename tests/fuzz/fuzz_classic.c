/* SPDX-License-Identifier: MIT */
/* Replies of an older memcached, in classic text. */
#include "replies.h"

static const enum rc_verb verbs[] = {RC_VERB_GET, RC_VERB_SET, RC_VERB_DELETE, RC_VERB_ADD,
    RC_VERB_REPLACE, RC_VERB_APPEND, RC_VERB_PREPEND, RC_VERB_CAS, RC_VERB_TOUCH,
    RC_VERB_GET_AND_TOUCH, RC_VERB_INCREMENT, RC_VERB_DECREMENT, RC_VERB_FLUSH, RC_VERB_STATS,
    RC_VERB_KEYS, RC_VERB_VERSION, RC_VERB_SETTINGS, RC_VERB_NOOP, RC_VERB_AUTH};

/* A value carries the key that was asked for. */
static void judge(const struct fuzz_reply *reply)
{
    char start[32];
    bool reads = reply->expect.verb == RC_VERB_GET || reply->expect.verb == RC_VERB_GET_AND_TOUCH;
    if (reads && reply->answer->status == RINGCACHE_OK) {
        struct rc_slice key = reply->expect.key;
        snprintf(start, sizeof start, "VALUE n:%.*s ", (int)key.len, (const char *)key.data);
        FUZZ_MUST(rc_slice_starts(reply->frame, start));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct fuzz_reader reader = {
        .codec = &rc_codec_classic,
        .verbs = verbs,
        .verb_count = sizeof verbs / sizeof *verbs,
        .judge = judge,
    };
    fuzz_replies(&reader, rc_slice(bytes, len));
    return 0;
}

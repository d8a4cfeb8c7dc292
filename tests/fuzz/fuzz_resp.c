/* SPDX-License-Identifier: MIT */
/* Replies of a Redis: single ones, arrays of three, batches, and whole trees. */
#include "replies.h"

#include "codec/resp_tree.h"
#include "shortage.h"

static const enum rc_verb verbs[] = {RC_VERB_GET, RC_VERB_SET, RC_VERB_DELETE, RC_VERB_ADD,
    RC_VERB_CAS, RC_VERB_TOUCH, RC_VERB_GET_AND_TOUCH, RC_VERB_INCREMENT, RC_VERB_LEASE,
    RC_VERB_FILL, RC_VERB_UNLEASE, RC_VERB_RAW, RC_VERB_FLUSH, RC_VERB_STATS, RC_VERB_KEYS,
    RC_VERB_VERSION, RC_VERB_NOOP, RC_VERB_AUTH, RC_VERB_SELECT, RC_VERB_CLIENT_ID, RC_VERB_INFO,
    RC_VERB_CLIENT_KILL, RC_VERB_SETTINGS, RC_VERB_ECHO};

/* ---- a tree against its bytes ---- */

static struct rc_slice take_line(struct rc_slice *frame)
{
    const unsigned char *lf = memchr(frame->data, '\n', frame->len);
    FUZZ_MUST(lf != NULL);
    struct rc_slice line = fuzz_take(frame, (size_t)(lf - frame->data) + 1);
    return rc_slice(line.data + 1, line.len - 3);
}

static int64_t number_of(struct rc_slice line)
{
    bool negative = rc_slice_starts(line, "-");
    uint64_t number = 0;
    for (size_t i = negative; i < line.len; i++) {
        number = number * 10 + (uint64_t)(line.data[i] - '0');
    }
    return (int64_t)(negative ? 0 - number : number);
}

static bool is_text(const struct rc_resp_node *node, enum rc_resp_type type, struct rc_slice text)
{
    return node->type == type && rc_slice_equal(node->text, text);
}

/* Read by the book, which is simple where all of it is known to be right. */
static void compare(const struct rc_resp_node *node, struct rc_slice *frame)
{
    unsigned char kind = frame->data[0];
    struct rc_slice line = take_line(frame);
    if (kind == '+' || kind == '-') {
        FUZZ_MUST(is_text(node, kind == '+' ? RC_RESP_STATUS : RC_RESP_ERROR, line));
        return;
    }
    int64_t number = number_of(line);
    if (kind == ':') {
        FUZZ_MUST(node->type == RC_RESP_INTEGER && node->number == number);
    } else if (number < 0) {
        FUZZ_MUST(node->type == RC_RESP_NIL);
    } else if (kind == '$') {
        FUZZ_MUST(is_text(node, RC_RESP_STRING, fuzz_take(frame, (size_t)number)));
        fuzz_take(frame, 2);
    } else {
        FUZZ_MUST(node->type == RC_RESP_ARRAY && node->children.count == (size_t)number);
        for (size_t i = 0; i < node->children.count; i++) {
            compare(&node->children.nodes[i], frame);
        }
    }
}

static void grow(struct rc_slice frame)
{
    struct rc_resp_tree *tree;
    FUZZ_MUST(rc_resp_tree_new(&tree, frame) == 0);
    compare(rc_resp_tree_root(tree), &frame);
    FUZZ_MUST(frame.len == 0);
    rc_resp_tree_free(tree);
}

/* Each of the first allocations fails in its turn. */
static void starve(struct rc_slice frame)
{
    enum { STARVED = 12 };
    struct rc_resp_tree *tree;
    int rc = RINGCACHE_ENOMEM;
    for (uint64_t n = 1; n <= STARVED && rc != 0; n++) {
        fuzz_starve(n);
        rc = rc_resp_tree_new(&tree, frame);
        FUZZ_MUST(rc == (fuzz_relent() ? RINGCACHE_ENOMEM : 0));
    }
    if (rc == 0) {
        rc_resp_tree_free(tree);
    }
}

/* Bytes that nobody has looked at before are one reply, or refused. */
static void grow_any(struct rc_slice bytes)
{
    struct rc_resp_tree *tree;
    int rc = rc_resp_tree_new(&tree, bytes);
    FUZZ_MUST(rc == 0 || rc == RINGCACHE_EPROTOCOL);
    if (rc == 0) {
        starve(bytes);
        compare(rc_resp_tree_root(tree), &bytes);
        FUZZ_MUST(bytes.len == 0);
        rc_resp_tree_free(tree);
    }
}

/* ---- */

/* A user's reply is followed by its own token where that was asked for, but when the server refuses
 * both. */
static void judge(const struct fuzz_reply *reply)
{
    char echo[32];
    bool echoed = reply->expect.strict && reply->expect.verb <= RC_VERB_RAW;
    if (reply->expect.verb == RC_VERB_RAW) {
        grow(reply->answer->value);
    }
    if (!echoed || rc_slice_starts(reply->frame, "-")) {
        return;
    }
    int len = snprintf(echo, sizeof echo, "$16\r\n%016" PRIx64 "\r\n", reply->expect.token);
    FUZZ_MUST(reply->frame.len > (size_t)len);
    struct rc_slice end = rc_slice(reply->frame.data + reply->frame.len - (size_t)len, (size_t)len);
    FUZZ_MUST(rc_slice_equal(end, rc_slice(echo, (size_t)len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct fuzz_reader reader = {
        .codec = &rc_codec_resp,
        .verbs = verbs,
        .verb_count = sizeof verbs / sizeof *verbs,
        .judge = judge,
    };
    fuzz_replies(&reader, rc_slice(bytes, len));
    if (len > 0) {
        grow_any(rc_slice(bytes, len));
    }
    return 0;
}

/* SPDX-License-Identifier: MIT */
#ifndef RC_CODEC_RESP_TREE_H
#define RC_CODEC_RESP_TREE_H

/* A reply of any shape as a tree of nodes, for commands whose answer is neither one value nor a
 * flat array of them. Built by hiredis' reader from a frame that is complete and within its bounds.
 *
 * A tree is one block of memory and owns copies of all its strings: it does not depend on the bytes
 * it was made from, nor on the connection. */

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum rc_resp_type {
    RC_RESP_NIL,
    RC_RESP_STATUS,
    RC_RESP_ERROR,
    RC_RESP_INTEGER,
    RC_RESP_STRING,
    RC_RESP_ARRAY,
};

struct rc_resp_node {
    enum rc_resp_type type;
    union {
        struct rc_slice text; /* STATUS, ERROR (without its '-') and STRING */
        int64_t number;       /* INTEGER */
        struct {
            const struct rc_resp_node *nodes;
            size_t count;
        } children; /* ARRAY; one that is nil is a NIL */
    };
};

struct rc_resp_tree;

/* The tree of `frame`, which is exactly one reply. Returns 0, RINGCACHE_ENOMEM, or
 * RINGCACHE_EPROTOCOL when it is not one reply within rc_resp_frame's bounds. `*tree` is untouched
 * on failure. */
int rc_resp_tree_new(struct rc_resp_tree **tree, struct rc_slice frame);

/* The outermost node; it and all below live as long as the tree. */
const struct rc_resp_node *rc_resp_tree_root(const struct rc_resp_tree *tree);

/* NULL is allowed. */
void rc_resp_tree_free(struct rc_resp_tree *tree);

#endif

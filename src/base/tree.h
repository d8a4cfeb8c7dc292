/* SPDX-License-Identifier: MIT */
#ifndef RC_BASE_TREE_H
#define RC_BASE_TREE_H

/* Intrusive ordered tree: a treap (Seidel and Aragon, Randomized Search Trees, 1996). Ordered by
 * key from left to right and by random priorities from the root down, it is about as deep as its
 * logarithm whatever keys are put in: nobody who chooses keys can make it slow, as with a hash
 * table, and it never stops to grow. It allocates nothing. */

#include <stdint.h>

#include "base/list.h" /* rc_container */

struct rc_tree_node {
    struct rc_tree_node *left, *right;
    uint64_t priority;
};

/* The root; NULL is the empty tree. */
struct rc_tree {
    struct rc_tree_node *root;
};

/* Below 0, 0 or above: where `key` stands to the node's. A search may go by a part of the key, by
 * which the nodes are ordered too. */
typedef int (*rc_tree_compare)(const void *key, const struct rc_tree_node *node);

/* A node of that key, or NULL. */
struct rc_tree_node *rc_tree_find(
    const struct rc_tree *tree, rc_tree_compare compare, const void *key);
/* Add `node`, whose key is `key`, which no other has, and whose priority is random. */
void rc_tree_insert(
    struct rc_tree *tree, struct rc_tree_node *node, rc_tree_compare compare, const void *key);
/* Take `node` out, which is in it. */
void rc_tree_remove(
    struct rc_tree *tree, struct rc_tree_node *node, rc_tree_compare compare, const void *key);

#endif

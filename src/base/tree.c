/* SPDX-License-Identifier: MIT */
#include "base/tree.h"

struct rc_tree_node *rc_tree_find(
    const struct rc_tree *tree, rc_tree_compare compare, const void *key)
{
    struct rc_tree_node *node = tree->root;
    while (node != NULL) {
        int order = compare(key, node);
        if (order == 0) {
            return node;
        }
        node = order < 0 ? node->left : node->right;
    }
    return NULL;
}

/* What of `node` is before the key, and what is behind it. */
static void split(struct rc_tree_node *node, rc_tree_compare compare, const void *key,
    struct rc_tree_node *halves)
{
    struct rc_tree_node **before = &halves->left, **behind = &halves->right;
    while (node != NULL) {
        if (compare(key, node) < 0) {
            *behind = node;
            behind = &node->left;
            node = node->left;
        } else {
            *before = node;
            before = &node->right;
            node = node->right;
        }
    }
    *before = NULL;
    *behind = NULL;
}

/* Put two trees, all of one before all of the other, where `link` is. */
static void join(
    struct rc_tree_node **link, struct rc_tree_node *before, struct rc_tree_node *behind)
{
    while (before != NULL && behind != NULL) {
        if (before->priority > behind->priority) {
            *link = before;
            link = &before->right;
            before = before->right;
        } else {
            *link = behind;
            link = &behind->left;
            behind = behind->left;
        }
    }
    *link = before != NULL ? before : behind;
}

void rc_tree_insert(
    struct rc_tree *tree, struct rc_tree_node *node, rc_tree_compare compare, const void *key)
{
    struct rc_tree_node **link = &tree->root;
    while (*link != NULL && (*link)->priority >= node->priority) {
        link = compare(key, *link) < 0 ? &(*link)->left : &(*link)->right;
    }
    split(*link, compare, key, node);
    *link = node;
}

void rc_tree_remove(
    struct rc_tree *tree, struct rc_tree_node *node, rc_tree_compare compare, const void *key)
{
    struct rc_tree_node **link = &tree->root;
    while (*link != node) {
        link = compare(key, *link) < 0 ? &(*link)->left : &(*link)->right;
    }
    join(link, node->left, node->right);
}

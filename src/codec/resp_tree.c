/* SPDX-License-Identifier: MIT */
#include "codec/resp_tree.h"

#include <hiredis/hiredis.h>

#include "base/alloc.h"
#include "codec/resp_frame.h"
#include "ringcache/status.h"

/* The frame is scanned first, so the tree's one block is cut to measure before the reader runs: the
 * nodes, then the bytes of all strings. Nothing is allocated for a count that a peer announced.
 *
 * hiredis 0.14 reads arrays 8 deep and no deeper; later ones have other limits or none. So that a
 * reply means the same on each, no reader is ever shown more: where the scan meets a ninth level,
 * the reader is fed a number in its place, and another reader makes the subtree of the very node
 * that the number became.
 *
 *     levels 1..8    reader 1    *2 $1 a :0        ...... the placeholder's node
 *     levels 9..16   reader 2               *1 … <──────'
 */

enum {
    READER_DEPTH = 8,
    READERS_MAX = RC_RESP_DEPTH_MAX / READER_DEPTH,
    /* Bytes per feed: what the reader keeps as its buffer between feeds instead of freeing it. */
    FEED_BYTES = 8192,
};

struct rc_resp_tree {
    size_t nodes_used, nodes_len;
    unsigned char *text;
    size_t text_left;
    struct rc_resp_node nodes[];
};

/* One reader at work on a subtree. */
struct graft {
    redisReader *reader;
    struct rc_resp_tree *tree;
    struct rc_resp_node *root;
    struct rc_resp_node *last; /* the node made last */
    bool complete;             /* the reader has handed out its whole reply */
};

struct builder {
    struct rc_resp_tree *tree;
    redisReplyObjectFunctions functions;
    struct graft grafts[READERS_MAX];
};

#if HIREDIS_MAJOR >= 1
typedef size_t reader_count;
#else
typedef int reader_count;
#endif

/* The reader hands back, as the parent's object, what its create function returned: the node. */
static struct rc_resp_node *place_node(const redisReadTask *task, enum rc_resp_type type)
{
    struct graft *graft = task->privdata;
    struct rc_resp_node *node = graft->root;
    if (task->parent != NULL) {
        const struct rc_resp_node *parent = task->parent->obj;
        size_t index = (size_t)task->idx;
        if (index >= parent->children.count) {
            return NULL;
        }
        node = graft->tree->nodes + (parent->children.nodes - graft->tree->nodes) + index;
    }
    node->type = type;
    graft->last = node;
    return node;
}

static void *create_string(const redisReadTask *task, char *bytes, size_t len)
{
    enum rc_resp_type type = task->type == REDIS_REPLY_STATUS  ? RC_RESP_STATUS
                             : task->type == REDIS_REPLY_ERROR ? RC_RESP_ERROR
                                                               : RC_RESP_STRING;
    struct rc_resp_node *node = place_node(task, type);
    if (node == NULL) {
        return NULL;
    }
    struct rc_resp_tree *tree = ((struct graft *)task->privdata)->tree;
    if (len > tree->text_left) {
        return NULL;
    }
    if (len > 0) {
        memcpy(tree->text, bytes, len);
    }
    node->text = rc_slice(tree->text, len);
    tree->text += len;
    tree->text_left -= len;
    return node;
}

static void *create_array(const redisReadTask *task, reader_count count)
{
    struct rc_resp_node *node = place_node(task, RC_RESP_ARRAY);
    if (node == NULL) {
        return NULL;
    }
    struct rc_resp_tree *tree = ((struct graft *)task->privdata)->tree;
    size_t len = (size_t)count;
    if (len > tree->nodes_len - tree->nodes_used) {
        return NULL;
    }
    node->children.nodes = tree->nodes + tree->nodes_used;
    node->children.count = len;
    tree->nodes_used += len;
    return node;
}

static void *create_integer(const redisReadTask *task, long long number)
{
    struct rc_resp_node *node = place_node(task, RC_RESP_INTEGER);
    if (node != NULL) {
        node->number = number;
    }
    return node;
}

static void *create_nil(const redisReadTask *task)
{
    return place_node(task, RC_RESP_NIL);
}

/* Nodes belong to the tree. */
static void free_nothing(void *node)
{
    (void)node;
}

#if HIREDIS_MAJOR >= 1
/* The scan lets no RESP3 type through; a missing function would make an object all the same. */
static void *refuse_double(const redisReadTask *task, double number, char *text, size_t len)
{
    (void)task;
    (void)number;
    (void)text;
    (void)len;
    return NULL;
}

static void *refuse_bool(const redisReadTask *task, int truth)
{
    (void)task;
    (void)truth;
    return NULL;
}
#endif

static redisReplyObjectFunctions node_functions(void)
{
    return (redisReplyObjectFunctions)
    {
        .createString = create_string, .createArray = create_array, .createInteger = create_integer,
        .createNil = create_nil, .freeObject = free_nothing,
#if HIREDIS_MAJOR >= 1
        .createDouble = refuse_double, .createBool = refuse_bool,
#endif
    };
}

/* Readers are made when first needed and serve every subtree of their level. */
static int begin_graft(struct builder *builder, struct graft *graft, struct rc_resp_node *root)
{
    if (graft->reader == NULL) {
        graft->reader = redisReaderCreateWithFunctions(&builder->functions);
    }
    if (graft->reader == NULL) {
        return RINGCACHE_ENOMEM;
    }
    /* What redisReaderSetPrivdata does, but for its cast of the pointer to int. */
    graft->reader->privdata = graft;
    graft->tree = builder->tree;
    graft->root = root;
    graft->complete = false;
    return 0;
}

static int feed(struct graft *graft, struct rc_slice bytes)
{
    while (bytes.len > 0) {
        size_t len = bytes.len < FEED_BYTES ? bytes.len : FEED_BYTES;
        void *reply = NULL;
        if (redisReaderFeed(graft->reader, (const char *)bytes.data, len) != REDIS_OK) {
            return RINGCACHE_ENOMEM;
        }
        if (redisReaderGetReply(graft->reader, &reply) != REDIS_OK) {
            return graft->reader->err == REDIS_ERR_OOM ? RINGCACHE_ENOMEM : RINGCACHE_EPROTOCOL;
        }
        graft->complete = reply != NULL;
        bytes = rc_slice(bytes.data + len, bytes.len - len);
    }
    return 0;
}

/* One token further, or over all of an array that is too deep for the reader, which is returned. */
static struct rc_slice step_over(struct rc_resp_scan *scan, struct rc_slice frame)
{
    const char *why;
    size_t start = scan->offset;
    bool deep = scan->depth == READER_DEPTH && frame.data[start] == '*';
    do {
        rc_resp_scan_step(scan, frame, frame.len, &why);
    } while (deep && scan->depth > READER_DEPTH);
    return rc_slice(frame.data + start, deep ? scan->offset - start : 0);
}

/* The tree of `frame`, which was scanned before, with `root` as its outermost node. There is a
 * reader for every level that a scan lets through. */
static int grow(
    struct builder *builder, size_t level, struct rc_resp_node *root, struct rc_slice frame)
{
    if (level == READERS_MAX) {
        return RINGCACHE_EPROTOCOL;
    }
    struct graft *graft = &builder->grafts[level];
    struct rc_resp_scan scan = {0};
    size_t fed = 0;
    int rc = begin_graft(builder, graft, root);
    while (rc == 0 && (scan.offset == 0 || scan.depth > 0)) {
        struct rc_slice deep = step_over(&scan, frame);
        if (deep.len == 0) {
            continue;
        }
        rc = feed(graft, rc_slice(frame.data + fed, (size_t)(deep.data - frame.data) - fed));
        rc = rc == 0 ? feed(graft, rc_slice_text(":0\r\n")) : rc;
        rc = rc == 0 ? grow(builder, level + 1, graft->last, deep) : rc;
        fed = scan.offset;
    }
    rc = rc == 0 ? feed(graft, rc_slice(frame.data + fed, frame.len - fed)) : rc;
    return rc == 0 && !graft->complete ? RINGCACHE_EPROTOCOL : rc;
}

/* One block for what the scan has counted, measured in nodes: there are fewer than the frame has
 * bytes, and the allocator checks the product. */
static struct rc_resp_tree *allocate_tree(const struct rc_resp_scan *scan)
{
    const size_t node_bytes = sizeof(struct rc_resp_node);
    size_t head = sizeof(struct rc_resp_tree) / node_bytes + 1;
    size_t text = scan->text_bytes / node_bytes + 1;
    struct rc_resp_tree *tree = rc_resize(NULL, head + scan->elements + text, node_bytes);
    if (tree != NULL) {
        tree->nodes_used = 1;
        tree->nodes_len = scan->elements;
        tree->text = (unsigned char *)(tree->nodes + scan->elements);
        tree->text_left = scan->text_bytes;
    }
    return tree;
}

int rc_resp_tree_new(struct rc_resp_tree **tree, struct rc_slice frame)
{
    const char *why;
    struct rc_resp_scan scan = {0};
    enum rc_decoded got = rc_resp_frame(&scan, frame, frame.len, &why);
    if (got != RC_DECODED_ONE || scan.offset != frame.len) {
        return RINGCACHE_EPROTOCOL;
    }
    struct builder builder = {.tree = allocate_tree(&scan), .functions = node_functions()};
    if (builder.tree == NULL) {
        return RINGCACHE_ENOMEM;
    }
    int rc = grow(&builder, 0, &builder.tree->nodes[0], frame);
    for (size_t i = 0; i < READERS_MAX; i++) {
        if (builder.grafts[i].reader != NULL) {
            redisReaderFree(builder.grafts[i].reader);
        }
    }
    if (rc < 0) {
        rc_resp_tree_free(builder.tree);
        return rc;
    }
    *tree = builder.tree;
    return 0;
}

const struct rc_resp_node *rc_resp_tree_root(const struct rc_resp_tree *tree)
{
    return &tree->nodes[0];
}

void rc_resp_tree_free(struct rc_resp_tree *tree)
{
    rc_free(tree);
}

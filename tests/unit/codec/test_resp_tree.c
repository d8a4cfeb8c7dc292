/* SPDX-License-Identifier: MIT */
#include "reply_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <hiredis/hiredis.h>

#include "codec/resp_frame.h"
#include "codec/resp_tree.h"

/* The linker sends the library's allocations, and those hiredis makes for it, through here: call
 * number `fail_at` (from 1) fails. */
static unsigned calls, fail_at;

static bool fails_now(void)
{
    return ++calls == fail_at;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
redisReader *__real_redisReaderCreateWithFunctions(redisReplyObjectFunctions *functions);
redisReader *__wrap_redisReaderCreateWithFunctions(redisReplyObjectFunctions *functions);
int __real_redisReaderFeed(redisReader *reader, const char *bytes, size_t len);
int __wrap_redisReaderFeed(redisReader *reader, const char *bytes, size_t len);
int __real_redisReaderGetReply(redisReader *reader, void **reply);
int __wrap_redisReaderGetReply(redisReader *reader, void **reply);

void *__wrap_malloc(size_t size)
{
    return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails_now() ? NULL : __real_realloc(old, size);
}

redisReader *__wrap_redisReaderCreateWithFunctions(redisReplyObjectFunctions *functions)
{
    return fails_now() ? NULL : __real_redisReaderCreateWithFunctions(functions);
}

int __wrap_redisReaderFeed(redisReader *reader, const char *bytes, size_t len)
{
    return fails_now() ? REDIS_ERR : __real_redisReaderFeed(reader, bytes, len);
}

/* What reads in the reader's place, if anything does. */
static int (*stranger)(const redisReader *reader, void **reply);

int __wrap_redisReaderGetReply(redisReader *reader, void **reply)
{
    if (stranger == NULL) {
        return __real_redisReaderGetReply(reader, reply);
    }
    int rc = stranger(reader, reply);
    reader->err = rc != REDIS_OK ? REDIS_ERR_PROTOCOL : 0;
    return rc;
}

/* Write a tree back as RESP, so that a tree is right when the bytes are what it was made from. */
static size_t write_node(const struct rc_resp_node *node, unsigned char *out)
{
    int len = 0;
    switch (node->type) {
    case RC_RESP_NIL:
        len = sprintf((char *)out, "$-1\r\n");
        break;
    case RC_RESP_STATUS:
    case RC_RESP_ERROR:
        len = sprintf((char *)out, "%c%.*s\r\n", node->type == RC_RESP_STATUS ? '+' : '-',
            (int)node->text.len, (const char *)node->text.data);
        break;
    case RC_RESP_INTEGER:
        len = sprintf((char *)out, ":%lld\r\n", (long long)node->number);
        break;
    case RC_RESP_STRING:
        len = sprintf((char *)out, "$%zu\r\n", node->text.len);
        if (node->text.len > 0) {
            memcpy(out + len, node->text.data, node->text.len);
        }
        memcpy(out + len + node->text.len, "\r\n", 2);
        return (size_t)len + node->text.len + 2;
    case RC_RESP_ARRAY:
        len = sprintf((char *)out, "*%zu\r\n", node->children.count);
        break;
    }
    size_t used = (size_t)len;
    if (node->type == RC_RESP_ARRAY) {
        for (size_t i = 0; i < node->children.count; i++) {
            used += write_node(&node->children.nodes[i], out + used);
        }
    }
    return used;
}

static void assert_tree_of(struct rc_slice frame)
{
    struct rc_slice copy = copy_bytes(frame);
    struct rc_resp_tree *tree = NULL;
    assert_int_equal(rc_resp_tree_new(&tree, copy), 0);
    free_bytes(copy);
    unsigned char *written = malloc(frame.len + 64);
    assert_non_null(written);
    size_t len = write_node(rc_resp_tree_root(tree), written);
    rc_resp_tree_free(tree);
    assert_int_equal(len, frame.len);
    assert_memory_equal(written, frame.data, len);
    free(written);
}

static const struct rc_slice frames[] = {
    BYTES("+OK\r\n"),
    BYTES("+\r\n"),
    BYTES("-ERR no\r\n"),
    BYTES(":-9223372036854775808\r\n"),
    BYTES(":9223372036854775807\r\n"),
    BYTES("$-1\r\n"),
    BYTES("$0\r\n\r\n"),
    BYTES("$6\r\n\r\n\0*1\n\r\n"),
    BYTES("*0\r\n"),
    BYTES("*1\r\n*0\r\n"),
    BYTES("*3\r\n:1\r\n*2\r\n+a\r\n-E b\r\n*2\r\n$1\r\nc\r\n$-1\r\n"),
    BYTES("*2\r\n*2\r\n*1\r\n:1\r\n*0\r\n*1\r\n*1\r\n$3\r\nend\r\n"),
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void a_tree_outlives_its_frame_and_says_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(frames); i++) {
        assert_tree_of(frames[i]);
    }
}

static void a_nil_array_is_nil(void **state)
{
    (void)state;
    struct rc_resp_tree *tree = NULL;
    assert_int_equal(rc_resp_tree_new(&tree, rc_slice_text("*2\r\n*-1\r\n:1\r\n")), 0);
    const struct rc_resp_node *root = rc_resp_tree_root(tree);
    assert_int_equal(root->children.nodes[0].type, RC_RESP_NIL);
    assert_int_equal(root->children.nodes[1].number, 1);
    rc_resp_tree_free(tree);
    rc_resp_tree_free(NULL);
}

/* Arrays within each other, each with a number before and a string behind the next: "*3 :1 … $1 x",
 * and `core` within them all. */
static size_t write_onion(unsigned char *out, size_t depth, const char *core)
{
    size_t len = 0;
    for (size_t i = 0; i < depth; i++) {
        memcpy(out + len, "*3\r\n:1\r\n", 8);
        len += 8;
    }
    memcpy(out + len, core, strlen(core));
    len += strlen(core);
    for (size_t i = 0; i < depth; i++) {
        memcpy(out + len, "$1\r\nx\r\n", 7);
        len += 7;
    }
    return len;
}

static void trees_of_every_depth_up_to_32_are_whole(void **state)
{
    (void)state;
    static const char *const cores[] = {"+core\r\n", "$-1\r\n", "*0\r\n"};
    unsigned char bytes[1024];
    for (size_t depth = 0; depth <= 32; depth++) {
        for (size_t i = 0; i < COUNT(cores); i++) {
            size_t len = write_onion(bytes, depth, cores[i]);
            bool fits = depth < 32 || cores[i][0] != '*';
            if (fits) {
                assert_tree_of(rc_slice(bytes, len));
            }
        }
    }
}

static void deeper_trees_and_incomplete_or_second_replies_are_refused(void **state)
{
    (void)state;
    unsigned char bytes[1024];
    struct rc_resp_tree *tree = NULL;
    size_t len = write_onion(bytes, 33, ":1\r\n");
    assert_int_equal(rc_resp_tree_new(&tree, rc_slice(bytes, len)), RINGCACHE_EPROTOCOL);
    len = write_onion(bytes, 10, ":1\r\n");
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(rc_resp_tree_new(&tree, rc_slice(bytes, cut)), RINGCACHE_EPROTOCOL);
    }
    assert_int_equal(rc_resp_tree_new(&tree, rc_slice_text("+OK\r\n+OK\r\n")), RINGCACHE_EPROTOCOL);
    assert_int_equal(rc_resp_tree_new(&tree, rc_slice_text("*1\r\n%0\r\n")), RINGCACHE_EPROTOCOL);
    assert_null(tree);
}

static void many_deep_branches_and_long_strings_are_whole(void **state)
{
    (void)state;
    enum { BRANCHES = 300, LONG = 100000 };
    unsigned char *bytes = malloc(BRANCHES * 400 + LONG + 64);
    unsigned char *text = malloc(LONG);
    assert_true(bytes != NULL && text != NULL);
    memset(text, 'x', LONG);
    size_t len = (size_t)sprintf((char *)bytes, "*%d\r\n", BRANCHES + 1);
    for (size_t i = 0; i < BRANCHES; i++) {
        len += write_onion(bytes + len, 7 + i % 14, "*1\r\n+leaf\r\n");
    }
    len += (size_t)sprintf((char *)bytes + len, "$%d\r\n", LONG);
    memcpy(bytes + len, text, LONG);
    memcpy(bytes + len + LONG, "\r\n", 2);
    assert_tree_of(rc_slice(bytes, len + LONG + 2));
    free(text);
    free(bytes);
}

static void any_allocation_may_fail_and_nothing_is_lost(void **state)
{
    (void)state;
    unsigned char bytes[1024];
    struct rc_slice frame = rc_slice(bytes, write_onion(bytes, 31, "+core\r\n"));
    unsigned failures = 0;
    for (;;) {
        struct rc_resp_tree *tree = NULL;
        calls = 0;
        fail_at = failures + 1;
        int rc = rc_resp_tree_new(&tree, frame);
        fail_at = 0;
        if (rc == 0) {
            rc_resp_tree_free(tree);
            break;
        }
        assert_int_equal(rc, RINGCACHE_ENOMEM);
        assert_null(tree);
        failures++;
    }
    /* the block, four readers, and the feeds of each: before, in place of and behind the next */
    assert_int_equal(failures, 1 + 4 + 3 * 3 + 1);
}

/* The frame below as a reader sees it that finds one byte, one element or one child more than the
 * scan has counted. No function gives it a node for that. */
static const char small_frame[] = "*1\r\n$1\r\na\r\n";

static int find_a_longer_string(const redisReader *reader, void **reply)
{
    char text[] = "ab";
    const redisReadTask task = {.type = REDIS_REPLY_STRING, .privdata = reader->privdata};
    *reply = reader->fn->createString(&task, text, 2);
    assert_null(*reply);
    return REDIS_ERR;
}

static int find_a_longer_array(const redisReader *reader, void **reply)
{
    const redisReadTask task = {.type = REDIS_REPLY_ARRAY, .privdata = reader->privdata};
    *reply = reader->fn->createArray(&task, 2);
    assert_null(*reply);
    return REDIS_ERR;
}

static int find_another_child(const redisReader *reader, void **reply)
{
    char text[] = "";
    redisReadTask root = {.type = REDIS_REPLY_ARRAY, .privdata = reader->privdata};
    root.obj = reader->fn->createArray(&root, 1);
    assert_non_null(root.obj);
    redisReadTask child = {.type = REDIS_REPLY_INTEGER, .privdata = reader->privdata};
    child.parent = &root;
    child.idx = 0;
    assert_non_null(reader->fn->createInteger(&child, 7));
    child.idx = 1;
    assert_null(reader->fn->createInteger(&child, 7));
    assert_null(reader->fn->createString(&child, text, 0));
    assert_null(reader->fn->createArray(&child, 0));
    assert_null(reader->fn->createNil(&child));
    *reply = NULL;
    return REDIS_ERR;
}

static int find_nothing(const redisReader *reader, void **reply)
{
    (void)reader;
    *reply = NULL;
    return REDIS_OK;
}

static void a_reader_that_finds_another_reply_than_the_scan_is_refused(void **state)
{
    (void)state;
    static int (*const strangers[])(const redisReader *, void **) = {
        find_a_longer_string, find_a_longer_array, find_another_child, find_nothing};
    for (size_t i = 0; i < COUNT(strangers); i++) {
        struct rc_resp_tree *tree = NULL;
        stranger = strangers[i];
        int rc = rc_resp_tree_new(&tree, rc_slice_text(small_frame));
        stranger = NULL;
        assert_int_equal(rc, RINGCACHE_EPROTOCOL);
        assert_null(tree);
    }
    assert_tree_of(rc_slice_text(small_frame));
}

static void an_encoder_out_of_memory_appends_nothing(void **state)
{
    (void)state;
    static const struct rc_codec *const codecs[] = {&rc_codec_meta, &rc_codec_resp};
    for (size_t i = 0; i < COUNT(codecs); i++) {
        struct rc_command command = {.verb = RC_VERB_GET, .key = BYTES("k")};
        struct rc_buf out = {0};
        calls = 0;
        fail_at = 1;
        assert_int_equal(codecs[i]->encode(&out, &command), RINGCACHE_ENOMEM);
        fail_at = 0;
        assert_int_equal(out.len, 0);
        assert_int_equal(codecs[i]->encode(&out, &command), 0);
        rc_buf_deinit(&out);
    }
}

static void a_script_is_spelt_out_whole_or_not_at_all(void **state)
{
    (void)state;
    struct rc_command command = {.verb = RC_VERB_CAS, .key = BYTES("k"), .value = BYTES("v")};
    struct rc_slice encoded = encode_copy(&rc_codec_resp, &command);
    struct rc_buf out = {0};
    size_t instead = 0;
    calls = 0;
    fail_at = 1;
    int rc = rc_codec_resp.spell_out(&out, command.verb, encoded, &instead);
    fail_at = 0;
    assert_int_equal(rc, RINGCACHE_ENOMEM);
    assert_int_equal(out.len, 0);
    assert_int_equal(rc_codec_resp.spell_out(&out, command.verb, encoded, &instead), 0);
    assert_int_equal(rc_buf_append(&out, encoded.data + instead, encoded.len - instead), 0);
    command.again = true;
    check_encoding(&rc_codec_resp, &command, rc_slice(out.data, out.len));
    rc_buf_deinit(&out);
    free_bytes(encoded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tree_outlives_its_frame_and_says_the_same),
        cmocka_unit_test(a_nil_array_is_nil),
        cmocka_unit_test(trees_of_every_depth_up_to_32_are_whole),
        cmocka_unit_test(deeper_trees_and_incomplete_or_second_replies_are_refused),
        cmocka_unit_test(many_deep_branches_and_long_strings_are_whole),
        cmocka_unit_test(any_allocation_may_fail_and_nothing_is_lost),
        cmocka_unit_test(a_reader_that_finds_another_reply_than_the_scan_is_refused),
        cmocka_unit_test(an_encoder_out_of_memory_appends_nothing),
        cmocka_unit_test(a_script_is_spelt_out_whole_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

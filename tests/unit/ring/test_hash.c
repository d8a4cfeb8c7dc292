/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "fleet.h"
#include "hash/hash.h"
#include "vectors.h"

static const char *const all_names[] = {"xxh3", "one_at_a_time", "md5", "crc", "crc16", "crc32a",
    "fnv1_64", "fnv1a_64", "fnv1_32", "fnv1a_32", "hsieh", "murmur", "murmur3", "jenkins"};

enum { HASHES = sizeof all_names / sizeof all_names[0] };

static enum rc_hash hash_named(const char *name)
{
    enum rc_hash hash = RC_HASH_XXH3;
    assert_true(rc_hash_by_name(name, strlen(name), &hash));
    return hash;
}

static void every_hash_has_the_name_that_finds_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < HASHES; i++) {
        assert_string_equal(rc_hash_name(hash_named(all_names[i])), all_names[i]);
    }
}

static void crc32_is_another_name_of_crc(void **state)
{
    (void)state;
    assert_int_equal(hash_named("crc32"), RC_HASH_CRC);
}

static void a_name_no_hash_has_is_refused(void **state)
{
    (void)state;
    enum rc_hash hash = RC_HASH_HSIEH;
    assert_false(rc_hash_by_name("md", 2, &hash));
    assert_false(rc_hash_by_name("md55", 4, &hash));
    assert_false(rc_hash_by_name("MD5", 3, &hash));
    assert_false(rc_hash_by_name("", 0, &hash));
    assert_int_equal(hash, RC_HASH_HSIEH);
}

static void every_hash_gives_the_values_of_its_origin(void **state)
{
    (void)state;
    struct vector_keys keys = vector_keys_read();
    FILE *file = vector_open("hashes.txt");
    char line[512];
    enum rc_hash hash = RC_HASH_XXH3;
    size_t at = 0;
    size_t compared = 0;
    while (vector_line(file, line, sizeof line)) {
        if (strncmp(line, "hash ", 5) == 0) {
            hash = hash_named(line + 5);
            at = 0;
            continue;
        }
        for (const char *p = line; *p != '\0'; p += 8, at++, compared++) {
            unsigned expected = 0;
            assert_int_equal(sscanf(p, "%8x", &expected), 1);
            assert_int_equal(rc_hash(hash, keys.keys[at].bytes, keys.keys[at].len), expected);
        }
    }
    fclose(file);
    assert_int_equal(compared, 13 * VECTOR_KEYS);
}

struct known {
    const char *hash;
    uint32_t values[4]; /* of "a", "foo", "user:1" and the bytes ff 80 61 */
};

static const struct known known[] = {
    {"one_at_a_time", {0xca2e9442, 0x238678dd, 0xa556ff4b, 0x965517df}},
    {"md5", {0xb975c10c, 0xdb18bdac, 0x10ddb1bd, 0x6761049d}},
    {"crc16", {0x00007c87, 0x0c3caf96, 0xd56e6a1a, 0x1e92a87c}},
    {"crc32", {0x000068b7, 0x00000c73, 0x00007ba5, 0x000040ef}},
    {"crc32a", {0xe8b7be43, 0x8c736521, 0x7ba5c282, 0x40ef247a}},
    {"fnv1_64", {0x8601b7be, 0x6ba13533, 0xc93cea93, 0x6c127fc1}},
    {"fnv1a_64", {0x8601ec8c, 0xfed9d577, 0x75081ceb, 0x72002fb1}},
    {"fnv1_32", {0x050c5d7e, 0x408f5e13, 0x00cc85b3, 0x30b30d01}},
    {"fnv1a_32", {0xe40c292c, 0xa9f37ed7, 0x6d1a4acb, 0x92dcddb1}},
    {"hsieh", {0x93642e87, 0x76d4d427, 0xe7bf1826, 0x80033589}},
    {"murmur", {0x4b41757c, 0xc4e0338f, 0xd5d0b563, 0xe5173601}},
    {"jenkins", {0xe0a38690, 0x99f84f99, 0x37cd5fd1, 0xe036c0fd}},
};

static void bytes_above_127_are_sign_extended_where_x86_does(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "foo", "user:1", "\xff\x80\x61"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        for (size_t k = 0; k < 4; k++) {
            uint32_t value = rc_hash(hash_named(known[i].hash), keys[k], strlen(keys[k]));
            assert_int_equal(value, known[i].values[k]);
        }
    }
}

static void the_empty_key_has_a_value_in_every_hash(void **state)
{
    (void)state;
    static const uint32_t expected[HASHES] = {
        [RC_HASH_XXH3] = 0x2d068005,
        [RC_HASH_MD5] = 0xd98c1dd4,
        [RC_HASH_FNV1_64] = 0x84222325,
        [RC_HASH_FNV1A_64] = 0x84222325,
        [RC_HASH_FNV1_32] = 2166136261U,
        [RC_HASH_FNV1A_32] = 2166136261U,
        [RC_HASH_JENKINS] = 0xdeadbeefU + 13,
    };
    for (size_t i = 0; i < HASHES; i++) {
        enum rc_hash hash = hash_named(all_names[i]);
        assert_int_equal(rc_hash(hash, "", 0), expected[hash]);
        assert_int_equal(rc_hash(hash, NULL, 0), expected[hash]);
    }
}

static void md5_is_right_on_both_sides_of_every_padding(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        const char *digest;
    } rows[] = {
        {0, "d41d8cd98f00b204e9800998ecf8427e"},
        {1, "9dd4e461268c8034f5c8564e155c67a6"},
        {55, "04364420e25c512fd958a70738aa8f72"},
        {56, "668a72d5ba17f08e62dabcafad6db14b"},
        {57, "693037871c4a9d3d8685018905cb530a"},
        {63, "7dc2ca208106a2f703567bdff99d8981"},
        {64, "c1bb4f81d892b2d57947682aeb252456"},
        {65, "1bc932052302d074bdec39795fe00cf6"},
        {119, "ab347a5f68c8a443cfcddc633f12c24f"},
        {120, "fb98667f98096de92620b64f46e1c5b5"},
        {128, "d69cb61a6ee87200676eb0d4b90edbcb"},
        {250, "79c1514b2407bf4708dfb8ef4b6827d5"},
    };
    char text[250];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned char digest[16];
        char hex[33];
        rc_md5(text, rows[i].len, digest);
        for (size_t b = 0; b < 16; b++) {
            snprintf(hex + 2 * b, 3, "%02x", digest[b]);
        }
        assert_string_equal(hex, rows[i].digest);
    }
}

static void only_crc_leaves_high_bits_unused(void **state)
{
    (void)state;
    for (size_t i = 0; i < HASHES; i++) {
        enum rc_hash hash = hash_named(all_names[i]);
        assert_int_equal(rc_hash_bits(hash), hash == RC_HASH_CRC ? 15 : 32);
    }
    uint64_t seed = 7;
    uint32_t all = 0;
    for (int i = 0; i < 1000; i++) {
        char key[32];
        all |= rc_hash(RC_HASH_CRC, key, draw_key(&seed, key));
    }
    assert_int_equal(all, 0x7fff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_hash_has_the_name_that_finds_it),
        cmocka_unit_test(crc32_is_another_name_of_crc),
        cmocka_unit_test(a_name_no_hash_has_is_refused),
        cmocka_unit_test(every_hash_gives_the_values_of_its_origin),
        cmocka_unit_test(bytes_above_127_are_sign_extended_where_x86_does),
        cmocka_unit_test(the_empty_key_has_a_value_in_every_hash),
        cmocka_unit_test(md5_is_right_on_both_sides_of_every_padding),
        cmocka_unit_test(only_crc_leaves_high_bits_unused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

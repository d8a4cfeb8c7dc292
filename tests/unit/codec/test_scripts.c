/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/sha1.h"
#include "codec/scripts.h"

static void sha1_is_the_one_of_its_standard(void **state)
{
    (void)state;
    char hex[SHA1_HEX + 1];
    sha1_hex(rc_slice_text("abc"), hex);
    assert_string_equal(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
    sha1_hex(rc_slice_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), hex);
    assert_string_equal(hex, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

static void every_script_is_named_by_the_sha1_of_its_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < RC_SCRIPTS_LEN; i++) {
        char hex[SHA1_HEX + 1];
        sha1_hex(rc_slice_text(rc_scripts[i].text), hex);
        assert_string_equal(rc_scripts[i].sha1, hex);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha1_is_the_one_of_its_standard),
        cmocka_unit_test(every_script_is_named_by_the_sha1_of_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

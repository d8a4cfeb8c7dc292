/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

int new_config(void **state)
{
    ringcache_config *config;
    if (ringcache_config_new(&config) != 0) {
        return -1;
    }
    *state = config;
    return 0;
}

int free_config(void **state)
{
    ringcache_config_free(*state);
    return 0;
}

void write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

void write_text(const char *path, const char *text)
{
    write_file(path, text, strlen(text));
}

void must_set(ringcache_config *config, const char *option, const char *value)
{
    if (ringcache_config_set(config, option, value) != 0) {
        fail_msg("%s", ringcache_config_error(config));
    }
}

void must_refuse(ringcache_config *config, const char *option, const char *value, const char *error)
{
    assert_int_equal(ringcache_config_set(config, option, value), RINGCACHE_ECONFIG);
    assert_string_equal(ringcache_config_error(config), error);
}

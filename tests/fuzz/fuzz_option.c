/* SPDX-License-Identifier: MIT */
/* Options by name: the first line of the input is the name, or a byte below 0x20 the number of one
 * that exists; the rest, up to a zero byte, is the value; a byte behind that says which allocation
 * fails. What is refused changes nothing and says why in one line. */
#include "settings.h"

#include "config/config.h"
#include "shortage.h"

/* Is the value in the range that the table itself tells of a number? */
static bool is_in_range(const char *value, const char *range)
{
    char *end;
    unsigned long long least = strtoull(range, &end, 10);
    unsigned long long most = strtoull(end + 2, NULL, 10);
    size_t digits = strspn(value, "0123456789");
    bool plain = digits > 0 && digits < 19 && value[digits] == '\0';
    bool canonical = plain && (value[0] != '0' || digits == 1);
    unsigned long long number = canonical ? strtoull(value, NULL, 10) : 0;
    return canonical && number >= least && number <= most;
}

static bool is_choice(const char *value, const char *range)
{
    size_t len = strcspn(value, "|");
    for (const char *at = range; at != NULL && value[len] == '\0'; at = strchr(at, '|')) {
        at += *at == '|';
        if (strncmp(at, value, len) == 0 && (at[len] == '|' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

/* What the table says of a number or a choice is what is taken, no more and no less. */
static void check_verdict(const ringcache_option *option, const char *value, int rc)
{
    if (strcmp(option->type, "number") == 0) {
        FUZZ_MUST((rc == 0) == is_in_range(value, option->range));
    } else if (strcmp(option->type, "choice") == 0 && strcmp(value, "crc32") != 0) {
        FUZZ_MUST((rc == 0) == is_choice(value, option->range));
    }
}

static const ringcache_option *find(const char *name)
{
    const ringcache_option *option;
    for (size_t i = 0; (option = ringcache_option_at(i)) != NULL; i++) {
        if (strcmp(option->name, name) == 0) {
            return option;
        }
    }
    return NULL;
}

static void check_refused(const ringcache_config *config, const char *before, int rc)
{
    char *after = fuzz_settings(config);
    FUZZ_MUST((rc == RINGCACHE_ECONFIG || rc == RINGCACHE_ENOMEM) && strcmp(before, after) == 0);
    fuzz_check_line(ringcache_config_error(config));
    free(after);
}

static void set(const char *name, const char *value, uint64_t starve)
{
    ringcache_config *config;
    FUZZ_MUST(ringcache_config_new(&config) == 0);
    char *before = fuzz_settings(config);
    const ringcache_option *option = find(name);
    fuzz_starve(starve);
    int rc = ringcache_config_set(config, name, value);
    bool starved = fuzz_relent();
    FUZZ_MUST(rc != 0 || option != NULL);
    FUZZ_MUST((rc == RINGCACHE_ENOMEM) == starved);
    if (rc != 0) {
        check_refused(config, before, rc);
    }
    if (option != NULL && !starved) {
        check_verdict(option, value, rc);
    }
    fuzz_use(config, starve);
    free(before);
    ringcache_config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char *text = (char *)fuzz_copy(rc_slice(bytes, len), 1);
    const ringcache_option *option = ringcache_option_at(text[0] >= 0 ? (size_t)text[0] : SIZE_MAX);
    size_t name_len = option != NULL ? 1 : strcspn(text, "\n");
    const char *value = text + name_len + (option == NULL && text[name_len] == '\n' ? 1 : 0);
    char *name = (char *)fuzz_copy(rc_slice(text, name_len), 1);
    if (len > 0) {
        size_t behind = (size_t)(value - text) + strlen(value) + 1;
        set(option != NULL ? option->name : name, value, behind < len ? bytes[behind] : 0);
    }
    free(name);
    free(text);
    return 0;
}

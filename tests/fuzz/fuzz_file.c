/* SPDX-License-Identifier: MIT */
/* A configuration file: reading it means what its lines mean one by one, judging it finds what
 * reading it finds, and a file that is refused changes nothing. */
#include "settings.h"

#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"

enum { PATH_BYTES = 64 };

/* The input as a file that is in no folder. */
static int make_file(struct rc_slice bytes, char path[PATH_BYTES])
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    FUZZ_MUST(fd >= 0 && write(fd, bytes.data, bytes.len) == (ssize_t)bytes.len);
    snprintf(path, PATH_BYTES, "/proc/self/fd/%d", fd);
    return fd;
}

/* ---- the same, line by line ---- */

static bool is_text(struct rc_slice line)
{
    for (size_t i = 0; i < line.len; i++) {
        unsigned char byte = line.data[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            return false;
        }
    }
    return true;
}

static struct rc_slice trim(struct rc_slice text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = rc_slice(text.data + 1, text.len - 1);
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

static int set(ringcache_config *config, struct rc_slice name, struct rc_slice value)
{
    char *option = (char *)fuzz_copy(name, 1);
    char *text = (char *)fuzz_copy(value, 1);
    int rc = ringcache_config_set(config, option, text);
    free(option);
    free(text);
    return rc;
}

static int apply(ringcache_config *config, struct rc_slice line)
{
    if (line.len > 0 && line.data[line.len - 1] == '\r') {
        line.len--;
    }
    if (!is_text(line)) {
        return RINGCACHE_ECONFIG;
    }
    line = trim(line);
    if (line.len == 0 || line.data[0] == '#') {
        return 0;
    }
    const unsigned char *equals = memchr(line.data, '=', line.len);
    if (equals == NULL) {
        return RINGCACHE_ECONFIG;
    }
    size_t at = (size_t)(equals - line.data);
    return set(
        config, trim(rc_slice(line.data, at)), trim(rc_slice(equals + 1, line.len - at - 1)));
}

/* How many lines are refused, the last of them being the first that is no text. */
static size_t apply_all(ringcache_config *config, struct rc_slice text)
{
    size_t refused = 0;
    bool good = true;
    if (rc_slice_starts(text, "\xef\xbb\xbf")) {
        fuzz_take(&text, 3);
    }
    while (text.len > 0 && good) {
        const unsigned char *lf = memchr(text.data, '\n', text.len);
        struct rc_slice line =
            fuzz_take(&text, lf != NULL ? (size_t)(lf - text.data) + 1 : text.len);
        line.len -= lf != NULL;
        refused += apply(config, line) != 0;
        good = is_text(
            rc_slice(line.data, line.len - (line.len > 0 && line.data[line.len - 1] == '\r')));
    }
    return refused;
}

/* ---- */

static void count_findings(int is_error, const char *text, void *user)
{
    size_t *errors = user;
    fuzz_check_line(text);
    *errors += is_error != 0;
}

static void load(const char *path, const ringcache_config *expected, size_t refused)
{
    ringcache_config *config;
    FUZZ_MUST(ringcache_config_new(&config) == 0);
    char *before = fuzz_settings(config), *wanted = fuzz_settings(expected);
    int rc = ringcache_config_load_file(config, path);
    char *after = fuzz_settings(config);
    FUZZ_MUST(rc == (refused > 0 ? RINGCACHE_ECONFIG : 0));
    FUZZ_MUST(strcmp(after, refused > 0 ? before : wanted) == 0);
    if (rc != 0) {
        fuzz_check_line(ringcache_config_error(config));
    }
    fuzz_use(config);
    free(before);
    free(wanted);
    free(after);
    ringcache_config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char path[PATH_BYTES];
    struct rc_slice text = rc_slice(bytes, len);
    size_t errors = 0, told = 0;
    ringcache_config *expected;
    int fd = make_file(text, path);
    FUZZ_MUST(ringcache_config_new(&expected) == 0);
    size_t refused = apply_all(expected, text);
    load(path, expected, refused);
    FUZZ_MUST(ringcache_config_judge_file(path, count_findings, &told, &errors) == 0);
    FUZZ_MUST(errors == told && errors >= refused);
    FUZZ_MUST((errors > refused) == (rc_config_check(expected) != 0));
    ringcache_config_free(expected);
    close(fd);
    return 0;
}

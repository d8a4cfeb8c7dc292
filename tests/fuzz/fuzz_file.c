/* SPDX-License-Identifier: MIT */
/* A configuration file: reading it means what its lines mean one by one, judging it finds what
 * reading it finds, and a file that is refused changes nothing.
 *
 *     input:   [0 ── which allocation fails ── trouble] ── the file …
 *                           1 byte              1
 *
 * A file that itself begins with a zero byte is written with nothing that fails in front. */
#include "settings.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"
#include "shortage.h"

enum { PATH_BYTES = 512, FOLDERS = 30, COMMENT_BYTES = 70000 };

/* What comes to reading it. */
enum trouble {
    NO_TROUBLE,
    READ_INTERRUPTED,
    READ_FAILS,
    NO_FILE,
    LONG_PATH,
    LONG_LINE, /* in front of the others, a comment */
    TROUBLES,
};

struct file {
    char path[PATH_BYTES];
    int fd;
    uint64_t starve;
    enum trouble trouble;
    struct rc_slice text; /* all that stands there; to be freed */
};

static struct rc_slice make_text(struct rc_slice input, enum trouble trouble)
{
    size_t comment = trouble == LONG_LINE ? COMMENT_BYTES : 0;
    unsigned char *text = fuzz_copy(rc_slice(NULL, 0), comment + input.len);
    if (comment > 0) {
        memset(text, '#', comment);
        text[comment - 1] = '\n';
    }
    rc_slice_put(text + comment, input);
    return rc_slice(text, comment + input.len);
}

/* The file is in no folder; one that is not there is looked for below it. */
static void make_path(struct file *file)
{
    size_t len = 0;
    for (unsigned i = 0; i < (file->trouble == LONG_PATH ? FOLDERS : 1); i++) {
        len += (size_t)snprintf(file->path + len, PATH_BYTES - len, "/proc/..");
    }
    snprintf(file->path + len, PATH_BYTES - len, "/proc/self/fd/%d%s", file->fd,
        file->trouble == NO_FILE ? "/none" : "");
}

static struct file make_file(struct rc_slice input)
{
    struct file file = {.fd = memfd_create("fuzz", MFD_CLOEXEC)};
    if (input.len > 0 && input.data[0] == 0) {
        fuzz_take(&input, 1);
        file.starve = fuzz_draw(&input, 256);
        file.trouble = (enum trouble)fuzz_draw(&input, TROUBLES);
    }
    file.text = make_text(input, file.trouble);
    FUZZ_MUST(
        file.fd >= 0 && write(file.fd, file.text.data, file.text.len) == (ssize_t)file.text.len);
    make_path(&file);
    return file;
}

static void begin_trouble(const struct file *file)
{
    fuzz_starve(file->starve);
    if (file->trouble == READ_INTERRUPTED) {
        fuzz_fail_read(EINTR);
    } else if (file->trouble == READ_FAILS) {
        fuzz_fail_read(EIO);
    }
}

/* What reading the file returns where no line of it counts; 0: they do. */
static int end_trouble(const struct file *file)
{
    if (fuzz_relent()) {
        return RINGCACHE_ENOMEM;
    }
    switch (file->trouble) {
    case READ_FAILS:
        return -EIO;
    case NO_FILE:
        return -ENOTDIR;
    case NO_TROUBLE:
    case READ_INTERRUPTED:
    case LONG_PATH:
    case LONG_LINE:
    case TROUBLES:
        break;
    }
    return 0;
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

static void load(const struct file *file, const ringcache_config *expected, size_t refused)
{
    ringcache_config *config;
    FUZZ_MUST(ringcache_config_new(&config) == 0);
    char *before = fuzz_settings(config), *wanted = fuzz_settings(expected);
    begin_trouble(file);
    int rc = ringcache_config_load_file(config, file->path), failure = end_trouble(file);
    char *after = fuzz_settings(config);
    int verdict = refused > 0 ? RINGCACHE_ECONFIG : 0;
    FUZZ_MUST(rc == (failure != 0 ? failure : verdict));
    FUZZ_MUST(strcmp(after, rc != 0 ? before : wanted) == 0);
    if (rc != 0) {
        fuzz_check_line(ringcache_config_error(config));
    }
    fuzz_use(config, file->starve);
    free(before);
    free(wanted);
    free(after);
    ringcache_config_free(config);
}

static void judge(const struct file *file, const ringcache_config *expected, size_t refused)
{
    size_t errors = 0, told = 0;
    begin_trouble(file);
    int rc = ringcache_config_judge_file(file->path, count_findings, &told, &errors);
    FUZZ_MUST(rc == end_trouble(file));
    if (rc == 0) {
        FUZZ_MUST(errors == told && errors >= refused);
        FUZZ_MUST((errors > refused) == (rc_config_check(expected) != 0));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    ringcache_config *expected;
    struct file file = make_file(rc_slice(bytes, len));
    FUZZ_MUST(ringcache_config_new(&expected) == 0);
    size_t refused = apply_all(expected, file.text);
    load(&file, expected, refused);
    judge(&file, expected, refused);
    ringcache_config_free(expected);
    free((void *)(uintptr_t)file.text.data);
    close(file.fd);
    return 0;
}

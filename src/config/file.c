/* SPDX-License-Identifier: MIT */
/* A configuration file: lines of `option = value`. Blanks around both are dropped, the value is
 * otherwise taken as it stands; a '#' makes a comment only as the first byte of a line that is not
 * blank, because it may be part of a value. Columns count bytes from 1. */
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "config/lines.h"
#include "config/state.h"

enum {
    PATH_SHOWN_MAX = 200,   /* bytes of the path's end that a place shows */
    WHOLE_ERRORS_MAX = 100, /* each costs one more check of the whole */
};

struct reading {
    ringcache_config *config;
    const char *path;
    ringcache_finding_cb cb; /* NULL: stop at the first refusal */
    void *user;
    size_t errors;
    size_t line;
    bool binary;
    char place[RC_CONFIG_PLACE_SIZE];
    char finding[RC_CONFIG_ERROR_SIZE];
};

static void add_path(struct rc_message *text, const char *path)
{
    size_t len = strlen(path);
    size_t skip = len > PATH_SHOWN_MAX ? len - PATH_SHOWN_MAX : 0;
    rc_message_add(text, skip > 0 ? "..." : "");
    rc_message_add_shown(text, rc_slice(path + skip, len - skip));
}

/* Make the place of the byte at `at` of the current line, and a finding that begins with it. */
static struct rc_message begin(struct reading *r, size_t at)
{
    struct rc_message place = rc_message_start(r->place, sizeof r->place);
    add_path(&place, r->path);
    rc_message_add(&place, ":");
    rc_message_add_number(&place, r->line);
    rc_message_add(&place, ":");
    rc_message_add_number(&place, at + 1);
    struct rc_message finding = rc_message_start(r->finding, sizeof r->finding);
    rc_message_add(&finding, r->place);
    rc_message_add(&finding, ": ");
    return finding;
}

static bool is_blank(unsigned char byte)
{
    return byte == ' ' || byte == '\t';
}

static size_t skip_blanks(struct rc_slice line, size_t at)
{
    while (at < line.len && is_blank(line.data[at])) {
        at++;
    }
    return at;
}

/* Bytes `from` to `to` without the blanks at their end. */
static struct rc_slice trimmed(struct rc_slice line, size_t from, size_t to)
{
    while (to > from && is_blank(line.data[to - 1])) {
        to--;
    }
    return rc_slice(line.data + from, to - from);
}

/* Where the first byte stands that no text has; `len` when there is none. */
static size_t find_binary(struct rc_slice line)
{
    size_t at = 0;
    while (at < line.len && line.data[at] != 0x7f &&
           (line.data[at] >= 0x20 || line.data[at] == '\t')) {
        at++;
    }
    return at;
}

static int refuse_binary(struct reading *r, struct rc_slice line, size_t at)
{
    struct rc_message finding = begin(r, at);
    r->binary = true;
    rc_message_add(&finding, "the byte ");
    rc_message_add_shown(&finding, rc_slice(line.data + at, 1));
    rc_message_add(&finding, " stands in no text file");
    return RINGCACHE_ECONFIG;
}

static int apply_setting(struct reading *r, struct rc_slice line, size_t start)
{
    const unsigned char *equals = memchr(line.data + start, '=', line.len - start);
    if (equals == NULL) {
        struct rc_message finding = begin(r, start);
        rc_message_add(&finding, "a line is option = value, a # comment, or empty");
        return RINGCACHE_ECONFIG;
    }
    size_t middle = (size_t)(equals - line.data);
    struct rc_slice name = trimmed(line, start, middle);
    const struct rc_option *option = rc_option_find(name);
    if (option == NULL) {
        struct rc_message finding = begin(r, start);
        rc_config_add_unknown(&finding, name);
        return RINGCACHE_ECONFIG;
    }
    size_t value_at = skip_blanks(line, middle + 1);
    struct rc_message finding = begin(r, value_at);
    return rc_config_apply(
        r->config, option, trimmed(line, value_at, line.len), r->place, &finding);
}

static int apply_line(struct reading *r, struct rc_slice line)
{
    size_t start = 0;
    r->line++;
    if (line.len > 0 && line.data[line.len - 1] == '\r') {
        line.len--;
    }
    if (r->line == 1 && rc_slice_starts(line, "\xef\xbb\xbf")) {
        start = 3; /* the byte order mark some editors write */
    }
    size_t binary_at = find_binary(line);
    if (binary_at < line.len) {
        return refuse_binary(r, line, binary_at);
    }
    start = skip_blanks(line, start);
    if (start == line.len || line.data[start] == '#') {
        return 0;
    }
    return apply_setting(r, line, start);
}

static void report(struct reading *r, bool is_error, const char *text)
{
    r->errors += is_error ? 1 : 0;
    r->cb(is_error ? 1 : 0, text, r->user);
}

static int read_lines(struct reading *r, struct rc_lines *lines)
{
    struct rc_slice line;
    int rc;
    while ((rc = rc_lines_next(lines, &line)) > 0) {
        int applied = apply_line(r, line);
        if (applied != 0 && (applied != RINGCACHE_ECONFIG || r->cb == NULL)) {
            return applied;
        }
        if (applied != 0) {
            report(r, true, r->finding);
        }
        if (r->binary) {
            return 0;
        }
    }
    return rc;
}

static int read_file(struct reading *r)
{
    struct rc_lines lines;
    int rc = rc_lines_open(&lines, r->path);
    if (rc != 0) {
        return rc;
    }
    rc = read_lines(r, &lines);
    rc_lines_close(&lines);
    return rc;
}

/* Why a file could not be read, for failures that no line is at fault for. */
static void tell_failure(ringcache_config *config, const char *path, int rc)
{
    char room[RC_CONFIG_ERROR_SIZE];
    struct rc_message why = rc_message_start(room, sizeof room);
    add_path(&why, path);
    rc_message_add(&why, ": ");
    rc_message_add(&why, ringcache_strerror(rc));
    rc_config_set_error(config, room);
}

/* A finding of the whole; one whose place is not known begins with the file alone. */
static void report_whole(struct reading *r, bool is_error, const char *text)
{
    struct rc_message place = rc_message_start(r->place, sizeof r->place);
    add_path(&place, r->path);
    rc_message_add(&place, ":");
    if (strncmp(text, r->place, place.len) == 0) {
        report(r, is_error, text);
        return;
    }
    struct rc_message finding = rc_message_start(r->finding, sizeof r->finding);
    rc_message_add(&finding, r->place);
    rc_message_add(&finding, " ");
    rc_message_add(&finding, text);
    report(r, is_error, r->finding);
}

/* The check of the whole tells one error at a time: take the server at fault out and ask again. The
 * warnings are those of the first check. */
static int judge_whole(struct reading *r)
{
    ringcache_config *config = r->config;
    size_t member;
    int rc = ringcache_config_check(config);
    for (int i = 0; i < WHOLE_ERRORS_MAX && rc == RINGCACHE_ECONFIG; i++) {
        rc = rc_config_check_topology(config, &member);
        if (rc != RINGCACHE_ECONFIG) {
            break;
        }
        report_whole(r, true, config->error);
        if (member >= config->server_count) {
            break;
        }
        rc_config_drop_server(config, member);
    }
    if (rc != 0 && rc != RINGCACHE_ECONFIG) {
        return rc;
    }
    for (size_t i = 0; i < config->warning_count; i++) {
        report_whole(r, false, config->warnings[i]);
    }
    return 0;
}

static struct reading *new_reading(ringcache_config *config, const char *path)
{
    struct reading *r = rc_alloc_zeroed(1, sizeof *r);
    if (r != NULL) {
        r->config = config;
        r->path = path;
    }
    return r;
}

/* Read into `draft` and exchange the two: all of the file, or nothing of it. */
static int load_draft(ringcache_config *config, ringcache_config *draft, const char *path)
{
    struct reading *r = new_reading(draft, path);
    if (r == NULL) {
        return RINGCACHE_ENOMEM;
    }
    int rc = read_file(r);
    if (rc == RINGCACHE_ECONFIG) {
        rc_config_set_error(config, r->finding);
    } else if (rc == 0) {
        rc_config_swap(config, draft);
    }
    rc_free(r);
    return rc;
}

int ringcache_config_load_file(ringcache_config *config, const char *path)
{
    if (config == NULL) {
        return RINGCACHE_EINVAL;
    }
    if (path == NULL) {
        rc_config_set_error(config, "the path must not be NULL");
        return RINGCACHE_EINVAL;
    }
    ringcache_config *draft = NULL;
    int rc = rc_config_copy(&draft, config);
    if (rc == 0) {
        rc = load_draft(config, draft, path);
    }
    if (rc != 0 && rc != RINGCACHE_ECONFIG) {
        tell_failure(config, path, rc);
    }
    ringcache_config_free(draft);
    return rc;
}

int ringcache_config_judge_file(
    const char *path, ringcache_finding_cb cb, void *user, size_t *errors)
{
    if (path == NULL || cb == NULL || errors == NULL) {
        return RINGCACHE_EINVAL;
    }
    ringcache_config *config = NULL;
    struct reading *r = NULL;
    int rc = ringcache_config_new(&config);
    if (rc == 0) {
        r = new_reading(config, path);
        rc = r == NULL ? RINGCACHE_ENOMEM : 0;
    }
    if (rc == 0) {
        r->cb = cb;
        r->user = user;
        rc = read_file(r);
    }
    if (rc == 0) {
        rc = judge_whole(r);
    }
    if (rc == 0) {
        *errors = r->errors;
    }
    rc_free(r);
    ringcache_config_free(config);
    return rc;
}

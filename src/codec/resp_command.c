/* SPDX-License-Identifier: MIT */
#include "codec/resp_command.h"

#include "base/alloc.h"
#include "base/number.h"
#include "codec/scripts.h"
#include "codec/wire.h"

/* A command is an array of bulks, so keys and values are any bytes. Where Redis has one command of
 * the same meaning it is that; where it has none, a script: by its text until the server is known
 * to have it, from then on by its digest:
 *
 *     *5 $4 EVAL $215 <text> $1 1 $1 k $5 hello      then      *5 $7 EVALSHA $40 <sha1> $1 1 …
 */

enum {
    /* Any of Redis' own commands with its numbers and its ECHO, without key and value. */
    FIXED_MAX_BYTES = 192,
    /* How much longer one by a script may be, without its text. */
    SCRIPTED_MAX_BYTES = 192,
    CAS_DIGITS = 16,
    /* Keys that SCAN looks at before it answers: a fraction of a millisecond in which the server
     * does nothing else. */
    PAGE_KEYS = 512,
    BULK_BYTES = 25,        /* what a word has around it */
    COUNT_BYTES = 4,        /* "*5\r\n" */
    DIGEST_BULK_BYTES = 47, /* "$40\r\n", 40 digits, "\r\n" */
};

/* A command being written; how many words it has is put in front when all of them are there. */
struct words {
    unsigned char *start, *at;
    unsigned char count; /* at most 9 */
};

/* The script of a verb that may need one. */
static const struct rc_script *script_of(enum rc_verb verb)
{
    static const struct rc_script *const scripts[] = {
        [RC_VERB_GET] = &rc_scripts[RC_SCRIPT_READ],
        [RC_VERB_APPEND] = &rc_scripts[RC_SCRIPT_APPEND],
        [RC_VERB_PREPEND] = &rc_scripts[RC_SCRIPT_PREPEND],
        [RC_VERB_CAS] = &rc_scripts[RC_SCRIPT_CAS],
        [RC_VERB_TOUCH] = &rc_scripts[RC_SCRIPT_PERSIST],
        [RC_VERB_GET_AND_TOUCH] = &rc_scripts[RC_SCRIPT_READ],
        [RC_VERB_INCREMENT] = &rc_scripts[RC_SCRIPT_COUNT],
        [RC_VERB_DECREMENT] = &rc_scripts[RC_SCRIPT_COUNT],
        [RC_VERB_DELETE] = &rc_scripts[RC_SCRIPT_DELETE],
        [RC_VERB_LEASE] = &rc_scripts[RC_SCRIPT_LEASE],
        [RC_VERB_FILL] = &rc_scripts[RC_SCRIPT_FILL],
        [RC_VERB_UNLEASE] = &rc_scripts[RC_SCRIPT_UNLEASE],
    };
    return scripts[verb];
}

bool rc_resp_is_echoed(enum rc_verb verb, bool strict)
{
    return strict && verb <= RC_VERB_VERSION;
}

bool rc_resp_proves(enum rc_verb verb)
{
    return rc_resp_is_echoed(verb, true);
}

/* PEXPIRE gives a key a new time; only the time being taken away needs a script, since PERSIST does
 * not tell a key that is absent from one that had none. */
bool rc_resp_runs_script(const struct rc_command *command)
{
    switch (command->verb) {
    case RC_VERB_GET:
    case RC_VERB_GET_AND_TOUCH:
        return command->want_cas || command->want_ttl;
    case RC_VERB_DELETE:
        return command->cas != 0 || command->leases;
    case RC_VERB_TOUCH:
        return command->ttl_ms == 0;
    case RC_VERB_APPEND:
    case RC_VERB_PREPEND:
    case RC_VERB_CAS:
    case RC_VERB_INCREMENT:
    case RC_VERB_DECREMENT:
    case RC_VERB_LEASE:
    case RC_VERB_FILL:
    case RC_VERB_UNLEASE:
        return true;
    case RC_VERB_SET:
    case RC_VERB_ADD:
    case RC_VERB_REPLACE:
    case RC_VERB_RAW:
    case RC_VERB_FLUSH:
    case RC_VERB_STATS:
    case RC_VERB_KEYS:
    case RC_VERB_VERSION:
    case RC_VERB_SETTINGS:
    case RC_VERB_NOOP:
    case RC_VERB_AUTH:
    case RC_VERB_SELECT:
    case RC_VERB_CLIENT_ID:
    case RC_VERB_INFO:
    case RC_VERB_CLIENT_KILL:
    case RC_VERB_ECHO:
        break;
    }
    return false;
}

/* Does its script have the lease's key beside the user's? */
static bool has_lease_key(const struct rc_command *command)
{
    return command->verb == RC_VERB_LEASE || command->verb == RC_VERB_FILL ||
           command->verb == RC_VERB_UNLEASE || (command->verb == RC_VERB_DELETE && command->leases);
}

size_t rc_resp_bound(const struct rc_command *command)
{
    size_t fixed = FIXED_MAX_BYTES;
    if (rc_resp_runs_script(command)) {
        fixed += SCRIPTED_MAX_BYTES + strlen(script_of(command->verb)->text);
    }
    if (command->verb == RC_VERB_KEYS) {
        fixed += command->prefix.len; /* each byte of the pattern may need one more */
    }
    size_t bound = rc_wire_bound(command, fixed);
    size_t once_more = rc_sum_sizes(command->prefix.len, command->key.len);
    return has_lease_key(command) ? rc_sum_sizes(bound, once_more) : bound;
}

static unsigned char *put_bulk(unsigned char *at, struct rc_slice head, struct rc_slice tail)
{
    *at++ = '$';
    at = rc_wire_put_number(at, head.len + tail.len);
    at = rc_wire_put_text(at, "\r\n");
    at = rc_wire_put_slice(at, head);
    at = rc_wire_put_slice(at, tail);
    return rc_wire_put_text(at, "\r\n");
}

static unsigned char *put_number_bulk(unsigned char *at, uint64_t number)
{
    unsigned char digits[20];
    size_t len = rc_number_write(digits, number);
    return put_bulk(at, rc_slice(digits, len), rc_slice(NULL, 0));
}

static unsigned char *put_key(unsigned char *at, const char *head, const struct rc_command *command)
{
    at = rc_wire_put_text(at, head);
    return put_bulk(at, command->prefix, command->key);
}

/* `name` is the command's own name as a bulk. */
static struct words begin(unsigned char *at, const char *name)
{
    struct words words = {.start = at, .count = 1};
    at = rc_wire_put_text(at, "*0\r\n");
    words.at = rc_wire_put_text(at, name);
    return words;
}

static unsigned char *end(const struct words *words)
{
    words->start[1] = (unsigned char)('0' + words->count);
    return words->at;
}

static void add_bulk(struct words *words, const char *bulk)
{
    words->at = rc_wire_put_text(words->at, bulk);
    words->count++;
}

static void add_slice(struct words *words, struct rc_slice slice)
{
    words->at = put_bulk(words->at, slice, rc_slice(NULL, 0));
    words->count++;
}

static void add_number(struct words *words, uint64_t number)
{
    words->at = put_number_bulk(words->at, number);
    words->count++;
}

/* The value, of which the length alone is written where it is lent. */
static void add_value(struct words *words, const struct rc_command *command)
{
    unsigned char *at = words->at;
    *at++ = '$';
    at = rc_wire_put_text(rc_wire_put_number(at, command->value.len), "\r\n");
    words->at = rc_wire_put_text(rc_wire_put_value(at, command), "\r\n");
    words->count++;
}

static void add_key(struct words *words, const struct rc_command *command)
{
    words->at = put_bulk(words->at, command->prefix, command->key);
    words->count++;
}

/* Within the namespace, whose rights it shares. */
static void add_lease_key(struct words *words, const struct rc_command *command)
{
    static const char infix[] = "ringcache:lease:";
    unsigned char *at = words->at;
    *at++ = '$';
    at = rc_wire_put_number(at, command->prefix.len + command->key.len + sizeof infix - 1);
    at = rc_wire_put_text(at, "\r\n");
    at = rc_wire_put_slice(at, command->prefix);
    at = rc_wire_put_text(at, infix);
    at = rc_wire_put_slice(at, command->key);
    words->at = rc_wire_put_text(at, "\r\n");
    words->count++;
}

static void add_px(struct words *words, int64_t ttl_ms)
{
    add_bulk(words, "$2\r\nPX\r\n");
    add_number(words, (uint64_t)ttl_ms);
}

/* What GETEX does to the time. */
static void add_touch(struct words *words, const struct rc_command *command)
{
    if (command->ttl_ms > 0) {
        add_px(words, command->ttl_ms);
    } else {
        add_bulk(words, "$7\r\nPERSIST\r\n");
    }
}

/* `condition` is NX or XX as a bulk, or NULL. */
static unsigned char *put_set(
    unsigned char *at, const struct rc_command *command, const char *condition)
{
    struct words words = begin(at, "$3\r\nSET\r\n");
    add_key(&words, command);
    add_value(&words, command);
    if (condition != NULL) {
        add_bulk(&words, condition);
    }
    if (command->ttl_ms > 0) {
        add_px(&words, command->ttl_ms);
    }
    return end(&words);
}

static unsigned char *put_getex(unsigned char *at, const struct rc_command *command)
{
    struct words words = begin(at, "$5\r\nGETEX\r\n");
    add_key(&words, command);
    add_touch(&words, command);
    return end(&words);
}

static unsigned char *put_pexpire(unsigned char *at, const struct rc_command *command)
{
    at = put_key(at, "*3\r\n$7\r\nPEXPIRE\r\n", command);
    return put_number_bulk(at, (uint64_t)command->ttl_ms);
}

static void add_hex(struct words *words, uint64_t number)
{
    unsigned char digits[CAS_DIGITS];
    rc_number_write_hex16(digits, number);
    add_slice(words, rc_slice(digits, sizeof digits));
}

/* The digest of a value that was read, as the script computes it from what is there now; empty for
 * none. */
static void add_digest(struct words *words, uint64_t cas)
{
    if (cas == 0) {
        add_bulk(words, "$0\r\n\r\n");
    } else {
        add_hex(words, cas);
    }
}

static void add_ttl(struct words *words, const struct rc_command *command)
{
    if (command->ttl_ms > 0) {
        add_number(words, (uint64_t)command->ttl_ms);
    }
}

static void add_count_arguments(struct words *words, const struct rc_command *command)
{
    bool up = command->verb == RC_VERB_INCREMENT;
    add_bulk(words, up ? "$6\r\nINCRBY\r\n" : "$6\r\nDECRBY\r\n");
    add_number(words, command->delta);
    if (!command->with_initial) {
        return;
    }
    add_number(words, command->initial);
    add_ttl(words, command);
}

static void add_script_arguments(struct words *words, const struct rc_command *command)
{
    switch (command->verb) {
    case RC_VERB_APPEND:
    case RC_VERB_PREPEND:
        add_value(words, command);
        return;
    case RC_VERB_CAS:
        add_value(words, command);
        add_hex(words, command->cas);
        add_ttl(words, command);
        return;
    case RC_VERB_DELETE:
        add_digest(words, command->cas);
        return;
    case RC_VERB_LEASE:
        add_hex(words, command->lease);
        add_number(words, command->lease_ms);
        add_number(words, command->stale_ms);
        return;
    case RC_VERB_FILL:
        add_hex(words, command->lease);
        add_value(words, command);
        add_digest(words, command->cas);
        add_ttl(words, command);
        return;
    case RC_VERB_UNLEASE:
        add_hex(words, command->lease);
        return;
    case RC_VERB_INCREMENT:
    case RC_VERB_DECREMENT:
        add_count_arguments(words, command);
        return;
    case RC_VERB_GET:
    case RC_VERB_GET_AND_TOUCH:
        add_bulk(words, command->want_cas ? "$1\r\n1\r\n" : "$1\r\n0\r\n");
        if (command->verb == RC_VERB_GET_AND_TOUCH) {
            add_touch(words, command);
        }
        return;
    case RC_VERB_RAW:
    case RC_VERB_SET:
    case RC_VERB_ADD:
    case RC_VERB_REPLACE:
    case RC_VERB_TOUCH:
    case RC_VERB_FLUSH:
    case RC_VERB_STATS:
    case RC_VERB_KEYS:
    case RC_VERB_VERSION:
    case RC_VERB_SETTINGS:
    case RC_VERB_NOOP:
    case RC_VERB_AUTH:
    case RC_VERB_SELECT:
    case RC_VERB_CLIENT_ID:
    case RC_VERB_INFO:
    case RC_VERB_CLIENT_KILL:
    case RC_VERB_ECHO:
        return;
    }
}

static unsigned char *put_script(unsigned char *at, const struct rc_command *command)
{
    const struct rc_script *script = script_of(command->verb);
    struct words words = begin(at, command->again ? "$4\r\nEVAL\r\n" : "$7\r\nEVALSHA\r\n");
    add_slice(&words, rc_slice_text(command->again ? script->text : script->sha1));
    bool two = has_lease_key(command);
    add_bulk(&words, two ? "$1\r\n2\r\n" : "$1\r\n1\r\n");
    add_key(&words, command);
    if (two) {
        add_lease_key(&words, command);
    }
    add_script_arguments(&words, command);
    return end(&words);
}

static unsigned char *put_auth(unsigned char *at, const struct rc_command *command)
{
    struct words words = begin(at, "$4\r\nAUTH\r\n");
    if (command->key.len > 0) {
        add_slice(&words, command->key);
    }
    add_slice(&words, command->value);
    return end(&words);
}

/* INFO of all that a server tells unless asked otherwise, or of one section. */
static unsigned char *put_info(unsigned char *at, struct rc_slice section)
{
    struct words words = begin(at, "$4\r\nINFO\r\n");
    if (section.len > 0) {
        add_slice(&words, section);
    }
    return end(&words);
}

static bool is_special(unsigned char c)
{
    return c == '*' || c == '?' || c == '[' || c == '\\';
}

/* The pattern of all keys that begin with `prefix`. */
static void add_pattern(struct words *words, struct rc_slice prefix)
{
    size_t len = prefix.len + 1;
    for (size_t i = 0; i < prefix.len; i++) {
        len += is_special(prefix.data[i]);
    }
    *words->at++ = '$';
    words->at = rc_wire_put_text(rc_wire_put_number(words->at, len), "\r\n");
    for (size_t i = 0; i < prefix.len; i++) {
        if (is_special(prefix.data[i])) {
            *words->at++ = '\\';
        }
        *words->at++ = prefix.data[i];
    }
    words->at = rc_wire_put_text(words->at, "*\r\n");
    words->count++;
}

static unsigned char *put_scan(unsigned char *at, const struct rc_command *command)
{
    struct words words = begin(at, "$4\r\nSCAN\r\n");
    add_number(&words, command->number);
    if (command->prefix.len > 0) {
        add_bulk(&words, "$5\r\nMATCH\r\n");
        add_pattern(&words, command->prefix);
    }
    add_bulk(&words, "$5\r\nCOUNT\r\n");
    add_number(&words, PAGE_KEYS);
    return end(&words);
}

static unsigned char *put_echo(unsigned char *at, uint64_t token)
{
    at = rc_wire_put_text(at, "*2\r\n$4\r\nECHO\r\n$16\r\n");
    rc_number_write_hex16(at, token);
    return rc_wire_put_text(at + 16, "\r\n");
}

/* One of Redis' own; NULL for a verb that is none of them. */
static unsigned char *put_plain(unsigned char *at, const struct rc_command *command)
{
    switch (command->verb) {
    case RC_VERB_GET:
        return put_key(at, "*2\r\n$3\r\nGET\r\n", command);
    case RC_VERB_SET:
        return put_set(at, command, NULL);
    case RC_VERB_DELETE:
        return put_key(at, "*2\r\n$3\r\nDEL\r\n", command);
    case RC_VERB_ADD:
        return put_set(at, command, "$2\r\nNX\r\n");
    case RC_VERB_REPLACE:
        return put_set(at, command, "$2\r\nXX\r\n");
    case RC_VERB_TOUCH:
        return put_pexpire(at, command);
    case RC_VERB_GET_AND_TOUCH:
        return put_getex(at, command);
    case RC_VERB_RAW:
        memcpy(at, command->value.data, command->value.len);
        return at + command->value.len;
    case RC_VERB_FLUSH: /* ASYNC: otherwise the server stands still while it frees every value */
        return rc_wire_put_text(at, "*2\r\n$7\r\nFLUSHDB\r\n$5\r\nASYNC\r\n");
    case RC_VERB_STATS:
        return put_info(at, command->key);
    case RC_VERB_KEYS:
        return put_scan(at, command);
    case RC_VERB_NOOP:
        return rc_wire_put_text(at, "*1\r\n$4\r\nPING\r\n");
    case RC_VERB_AUTH:
        return put_auth(at, command);
    case RC_VERB_SELECT:
        at = rc_wire_put_text(at, "*2\r\n$6\r\nSELECT\r\n");
        return put_number_bulk(at, command->number);
    case RC_VERB_CLIENT_ID:
        return rc_wire_put_text(at, "*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n");
    case RC_VERB_VERSION:
    case RC_VERB_INFO:
        return put_info(at, rc_slice_text("server"));
    case RC_VERB_CLIENT_KILL:
        at = rc_wire_put_text(at, "*4\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$2\r\nID\r\n");
        return put_number_bulk(at, command->number);
    case RC_VERB_ECHO:
        return put_echo(at, command->token);
    case RC_VERB_APPEND: /* this one and those down to UNLEASE are scripts, always */
    case RC_VERB_PREPEND:
    case RC_VERB_CAS:
    case RC_VERB_INCREMENT:
    case RC_VERB_DECREMENT:
    case RC_VERB_LEASE:
    case RC_VERB_FILL:
    case RC_VERB_UNLEASE:
    case RC_VERB_SETTINGS: /* memcached's */
        break;
    }
    return NULL;
}

int rc_resp_encode(struct rc_buf *out, const struct rc_command *command)
{
    int rc = rc_buf_reserve(out, rc_resp_bound(command));
    if (rc < 0) {
        return rc;
    }
    unsigned char *start = rc_buf_end(out);
    unsigned char *at =
        rc_resp_runs_script(command) ? put_script(start, command) : put_plain(start, command);
    if (at == NULL) {
        return RINGCACHE_ENOTSUP;
    }
    if (rc_resp_is_echoed(command->verb, command->strict)) {
        at = put_echo(at, command->token);
    }
    rc_buf_commit(out, (size_t)(at - start));
    return 0;
}

int rc_resp_spell_out(
    struct rc_buf *out, enum rc_verb verb, struct rc_slice encoded, size_t *instead)
{
    static const char by_digest[] = "$7\r\nEVALSHA\r\n";
    struct rc_slice name = rc_slice(encoded.data + COUNT_BYTES, encoded.len - COUNT_BYTES);
    *instead = 0;
    if (!rc_slice_starts(name, by_digest)) {
        return 0;
    }
    struct rc_slice text = rc_slice_text(script_of(verb)->text);
    int rc = rc_buf_reserve(out, COUNT_BYTES + 2 * BULK_BYTES + text.len);
    if (rc < 0) {
        return rc;
    }
    struct words words = begin(rc_buf_end(out), "$4\r\nEVAL\r\n");
    add_slice(&words, text);
    memcpy(words.start, encoded.data, COUNT_BYTES);
    rc_buf_commit(out, (size_t)(words.at - words.start));
    *instead = COUNT_BYTES + sizeof by_digest - 1 + DIGEST_BULK_BYTES;
    return 0;
}

int rc_resp_encode_raw(struct rc_buf *out, const struct rc_slice *words, size_t count)
{
    size_t bytes = BULK_BYTES;
    for (size_t i = 0; i < count; i++) {
        bytes = rc_sum_sizes(bytes, rc_sum_sizes(words[i].len, BULK_BYTES));
    }
    int rc = rc_buf_reserve(out, bytes);
    if (rc < 0) {
        return rc;
    }
    unsigned char *start = rc_buf_end(out);
    unsigned char *at = start;
    *at++ = '*';
    at = rc_wire_put_text(rc_wire_put_number(at, count), "\r\n");
    for (size_t i = 0; i < count; i++) {
        *at++ = '$';
        at = rc_wire_put_text(rc_wire_put_number(at, words[i].len), "\r\n");
        if (words[i].len > 0) {
            memcpy(at, words[i].data, words[i].len);
        }
        at = rc_wire_put_text(at + words[i].len, "\r\n");
    }
    rc_buf_commit(out, (size_t)(at - start));
    return 0;
}

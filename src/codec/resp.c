/* SPDX-License-Identifier: MIT */
#include "codec/codec.h"

#include "codec/resp_frame.h"
#include "codec/wire.h"

/* RESP2, as Redis and Valkey speak it.
 *
 * A command is an array of bulks, so keys and values are any bytes. The protocol itself has nothing
 * that ties a reply to its command; with `strict` a second command follows each of a user's:
 *
 *     *2 $3 GET $1 k   *2 $4 ECHO $16 <token>      ->      $5 hello   $16 <token>
 *
 * and both replies are one frame: the first is not delivered before the second proved it. */

enum {
    /* A SET with its time and its ECHO, without key and value. */
    FIXED_MAX_BYTES = 192,
    ECHO_REPLY_BYTES = 23,
    /* INFO server is the library's own question and no value of a user's. */
    INFO_MAX_BYTES = 65536,
};

static bool is_echoed(enum rc_verb verb, bool strict)
{
    return strict && (verb == RC_VERB_GET || verb == RC_VERB_SET || verb == RC_VERB_DELETE);
}

static size_t resp_bound(const struct rc_command *command)
{
    return rc_wire_bound(command, FIXED_MAX_BYTES);
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

static unsigned char *put_set(unsigned char *at, const struct rc_command *command)
{
    bool expires = command->ttl_ms > 0;
    at = put_key(at, expires ? "*5\r\n$3\r\nSET\r\n" : "*3\r\n$3\r\nSET\r\n", command);
    at = put_bulk(at, command->value, rc_slice(NULL, 0));
    if (!expires) {
        return at;
    }
    at = rc_wire_put_text(at, "$2\r\nPX\r\n");
    return put_number_bulk(at, (uint64_t)command->ttl_ms);
}

static unsigned char *put_auth(unsigned char *at, const struct rc_command *command)
{
    struct rc_slice none = rc_slice(NULL, 0);
    if (command->key.len == 0) {
        at = rc_wire_put_text(at, "*2\r\n$4\r\nAUTH\r\n");
    } else {
        at = rc_wire_put_text(at, "*3\r\n$4\r\nAUTH\r\n");
        at = put_bulk(at, command->key, none);
    }
    return put_bulk(at, command->value, none);
}

static unsigned char *put_echo(unsigned char *at, uint64_t token)
{
    at = rc_wire_put_text(at, "*2\r\n$4\r\nECHO\r\n$16\r\n");
    rc_number_write_hex16(at, token);
    return rc_wire_put_text(at + 16, "\r\n");
}

/* NULL for a verb that Redis does not have. */
static unsigned char *put_command(unsigned char *at, const struct rc_command *command)
{
    switch (command->verb) {
    case RC_VERB_GET:
        return put_key(at, "*2\r\n$3\r\nGET\r\n", command);
    case RC_VERB_SET:
        return put_set(at, command);
    case RC_VERB_DELETE:
        return put_key(at, "*2\r\n$3\r\nDEL\r\n", command);
    case RC_VERB_NOOP:
        return rc_wire_put_text(at, "*1\r\n$4\r\nPING\r\n");
    case RC_VERB_AUTH:
        return put_auth(at, command);
    case RC_VERB_SELECT:
        at = rc_wire_put_text(at, "*2\r\n$6\r\nSELECT\r\n");
        return put_number_bulk(at, command->number);
    case RC_VERB_CLIENT_ID:
        return rc_wire_put_text(at, "*2\r\n$6\r\nCLIENT\r\n$2\r\nID\r\n");
    case RC_VERB_INFO:
        return rc_wire_put_text(at, "*2\r\n$4\r\nINFO\r\n$6\r\nserver\r\n");
    case RC_VERB_CLIENT_KILL:
        at = rc_wire_put_text(at, "*4\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$2\r\nID\r\n");
        return put_number_bulk(at, command->number);
    case RC_VERB_VERSION:
        break;
    }
    return NULL;
}

static int resp_encode(struct rc_buf *out, const struct rc_command *command)
{
    int rc = rc_buf_reserve(out, resp_bound(command));
    if (rc < 0) {
        return rc;
    }
    unsigned char *start = rc_buf_end(out);
    unsigned char *end = put_command(start, command);
    if (end == NULL) {
        return RINGCACHE_ENOTSUP;
    }
    if (is_echoed(command->verb, command->strict)) {
        end = put_echo(end, command->token);
    }
    rc_buf_commit(out, (size_t)(end - start));
    return 0;
}

/* The type byte of a verb's reply, when it is not an error; 0 for a verb that is never asked. */
static unsigned char kind_of_reply(enum rc_verb verb)
{
    switch (verb) {
    case RC_VERB_GET:
    case RC_VERB_INFO:
        return '$';
    case RC_VERB_SET:
    case RC_VERB_NOOP:
    case RC_VERB_AUTH:
    case RC_VERB_SELECT:
        return '+';
    case RC_VERB_DELETE:
    case RC_VERB_CLIENT_ID:
    case RC_VERB_CLIENT_KILL:
        return ':';
    case RC_VERB_VERSION:
        break;
    }
    return 0;
}

/* Errors about who we are. Servers before 6.0 had no code word for a wrong password, and none has
 * one for credentials sent where none are asked for. */
static bool is_about_credentials(struct rc_slice message)
{
    static const char *const openings[] = {"NOAUTH ", "WRONGPASS ", "NOPERM ",
        "ERR invalid password", "ERR AUTH ", "ERR Client sent AUTH"};
    for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
        if (rc_slice_starts(message, openings[i])) {
            return true;
        }
    }
    return false;
}

/* All errors leave the stream in step but one: that the server could not make sense of it. */
static void read_error(struct rc_slice message, struct rc_answer *answer)
{
    answer->status = is_about_credentials(message) ? RINGCACHE_EAUTH : RINGCACHE_ESERVER;
    answer->message = message;
    answer->close = rc_slice_starts(message, "ERR Protocol error");
}

/* The text behind `name` at the start of a line of `text`, up to the line's end. */
static struct rc_slice find_field(struct rc_slice text, const char *name)
{
    struct rc_slice rest = text;
    while (rest.len > 0) {
        const unsigned char *lf = memchr(rest.data, '\n', rest.len);
        size_t len = lf != NULL ? (size_t)(lf - rest.data) : rest.len;
        if (rc_slice_starts(rc_slice(rest.data, len), name)) {
            size_t skip = strlen(name);
            size_t cr = len > skip && rest.data[len - 1] == '\r' ? 1 : 0;
            return rc_slice(rest.data + skip, len - skip - cr);
        }
        len += lf != NULL ? 1 : 0;
        rest = rc_slice(rest.data + len, rest.len - len);
    }
    return rc_slice(NULL, 0);
}

static const char *read_number(
    const struct rc_resp_token *token, int64_t least, int64_t most, struct rc_answer *answer)
{
    if (token->number < least || token->number > most) {
        return "a number that this command cannot answer";
    }
    answer->number = (uint64_t)token->number;
    return NULL;
}

static const char *read_status(const struct rc_resp_token *token, const char *word)
{
    bool same = rc_slice_equal(token->text, rc_slice_text(word));
    return same ? NULL : "a status that this command cannot answer";
}

static const char *read_get(const struct rc_resp_token *token, struct rc_answer *answer)
{
    answer->status = token->nil ? RINGCACHE_MISS : RINGCACHE_OK;
    answer->value = token->text;
    return NULL;
}

static const char *read_delete(const struct rc_resp_token *token, struct rc_answer *answer)
{
    answer->status = token->number == 0 ? RINGCACHE_MISS : RINGCACHE_OK;
    return read_number(token, 0, 1, answer);
}

static const char *read_info(const struct rc_resp_token *token, struct rc_answer *answer)
{
    if (token->nil) {
        return "no text in answer to INFO";
    }
    answer->value = find_field(token->text, "run_id:");
    return NULL;
}

/* What a reply of the right kind says; NULL, or why no server says that. */
static const char *read_reply(
    enum rc_verb verb, const struct rc_resp_token *token, struct rc_answer *answer)
{
    switch (verb) {
    case RC_VERB_GET:
        return read_get(token, answer);
    case RC_VERB_SET:
    case RC_VERB_AUTH:
    case RC_VERB_SELECT:
        return read_status(token, "OK");
    case RC_VERB_NOOP:
        return read_status(token, "PONG");
    case RC_VERB_DELETE:
        return read_delete(token, answer);
    case RC_VERB_CLIENT_ID:
        return read_number(token, 1, INT64_MAX, answer);
    case RC_VERB_CLIENT_KILL:
        return read_number(token, 0, 1, answer);
    case RC_VERB_INFO:
        return read_info(token, answer);
    case RC_VERB_VERSION:
        break;
    }
    return "a reply to a command that Redis does not have";
}

/* The first reply of what is due; its kind is judged by its first byte, before anything is waited
 * for. MORE leaves the bytes needed in token->len. */
static enum rc_decoded take_reply(const struct rc_decoder *decoder, struct rc_slice input,
    enum rc_verb verb, struct rc_resp_token *token, const char **why)
{
    struct rc_resp_bounds bounds = {
        .line_bytes = RC_RESP_LINE_MAX,
        .bulk_bytes = verb == RC_VERB_INFO ? INFO_MAX_BYTES : decoder->limits.max_value_bytes,
    };
    unsigned char kind = input.data[0];
    bool known = memchr("+-:$*", kind, 5) != NULL;
    if (known && kind != '-' && kind != kind_of_reply(verb)) {
        *why = "a reply of a type that this command cannot have";
        return RC_DECODED_BAD;
    }
    return rc_resp_token(input, &bounds, token, why);
}

/* `input` is what has arrived behind the reply. The echo of another token is the reply to another
 * command's ECHO, and so is the reply before it another command's. */
static enum rc_decoded check_echo(struct rc_slice input, uint64_t token, const char **why)
{
    unsigned char echo[ECHO_REPLY_BYTES];
    unsigned char *at = rc_wire_put_text(echo, "$16\r\n");
    rc_number_write_hex16(at, token);
    rc_wire_put_text(at + 16, "\r\n");
    size_t arrived = input.len < sizeof echo ? input.len : sizeof echo;
    if (arrived > 0 && input.data[0] == '-') {
        *why = "the server refused ECHO, which integrity=strict needs";
        return RC_DECODED_BAD;
    }
    if (arrived > 0 && memcmp(input.data, echo, arrived) != 0) {
        *why = "the reply was not followed by its own token";
        return RC_DECODED_BAD;
    }
    return arrived < sizeof echo ? RC_DECODED_MORE : RC_DECODED_ONE;
}

/* The reply, and with `strict` its echo. MORE leaves the bytes needed in token->len, ONE those of
 * the whole frame. */
static enum rc_decoded take_frame(const struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_resp_token *token, const char **why)
{
    bool echoed = is_echoed(expect->verb, expect->strict);
    enum rc_decoded got = take_reply(decoder, input, expect->verb, token, why);
    if (got != RC_DECODED_ONE || !echoed) {
        return got;
    }
    struct rc_slice rest = rc_slice(input.data + token->len, input.len - token->len);
    got = check_echo(rest, expect->token, why);
    /* One byte more may show that the echo is wrong, which need not be as long as the right one. */
    token->len = got == RC_DECODED_MORE ? input.len + 1 : token->len + ECHO_REPLY_BYTES;
    return got;
}

static enum rc_decoded resp_decode(struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed)
{
    if (input.len == 0 || input.len < decoder->need) {
        decoder->need = decoder->need > 0 ? decoder->need : 1;
        return RC_DECODED_MORE;
    }
    decoder->need = 0;
    const char *why;
    struct rc_resp_token token;
    enum rc_decoded got = take_frame(decoder, input, expect, &token, &why);
    if (got == RC_DECODED_MORE) {
        decoder->need = token.len;
        return got;
    }
    if (got == RC_DECODED_BAD) {
        return rc_wire_bad(answer, why);
    }
    *answer = (struct rc_answer){.status = RINGCACHE_OK};
    if (token.kind == '-') {
        read_error(token.text, answer);
    } else if ((why = read_reply(expect->verb, &token, answer)) != NULL) {
        return rc_wire_bad(answer, why);
    }
    *consumed = token.len;
    return RC_DECODED_ONE;
}

static struct rc_slice resp_unsolicited(struct rc_slice input)
{
    if (rc_slice_starts(input, "-")) {
        return rc_wire_printable(rc_slice(input.data + 1, input.len - 1));
    }
    return rc_slice_text("bytes came that nothing had asked for");
}

const struct rc_codec rc_codec_resp = {
    .name = "RESP2",
    .binary_keys = true,
    .max_key_bytes = 65536,
    .bound = resp_bound,
    .encode = resp_encode,
    .decode = resp_decode,
    .unsolicited = resp_unsolicited,
};

/* SPDX-License-Identifier: MIT */
#include "codec/codec.h"

#include "codec/batch.h"
#include "codec/resp_command.h"
#include "codec/resp_error.h"
#include "codec/resp_frame.h"
#include "codec/resp_server.h"
#include "codec/usual.h"
#include "codec/wire.h"

/* RESP2, as Redis and Valkey speak it; here, what they answer.
 *
 * The protocol itself has nothing that ties a reply to its command; a second command follows each
 * of a user's that is `strict`, all of them or some on behalf of those before them:
 *
 *     *2 $3 GET $1 k   *2 $4 ECHO $16 <token>      ->      $5 hello   $16 <token>
 *
 * and both replies are one frame: the first is not delivered before the second proved it. A value
 * with its CAS token and its TTL is an array of three, taken in place like any other reply:
 *
 *     *5 $7 EVALSHA $40 … $1 1 $1 k $1 1           ->      *3 $5 hello $16 <digest> :1500
 *
 * A batch of gets is answered by an array too, but each of its elements is a reply of its own, the
 * array's head belonging to the first. What is no string reads as absent there, where a single GET
 * is told of the wrong type:
 *
 *     *3 $4 MGET $1 a $1 b                         ->      *2 $5 hello $-1
 */

enum {
    ECHO_REPLY_BYTES = 23,
    /* What INFO tells is no value of a user's: its one section, or all that are asked for. */
    INFO_MAX_BYTES = 65536,
    STATS_MAX_BYTES = 1024 * 1024,
    DIGEST_BYTES = 16,
    COUNTER_MAX_BYTES = 19,
    /* What the shape of a raw reply may add to its text. */
    RAW_EXTRA_BYTES = 16 * 1024 * 1024,
};

/* One reply: a token, and when that is the head of an array, its three elements. */
struct reply {
    struct rc_decoder *decoder;
    struct rc_resp_token head, value, digest, ttl;
    size_t len; /* on the wire; while it is not complete, the bytes needed */
};

/* What a token of a reply may be. */
struct part {
    const char *kinds; /* its type byte is one of these */
    uint64_t bulk_bytes;
    bool value; /* of a user's: it may be too long to be kept */
};

static bool resp_keeps_key(const struct rc_command *command)
{
    (void)command;
    return false;
}

/* The type bytes that a reply to the command may begin with. */
static const char *kinds_of_reply(const struct rc_expect *expect)
{
    switch (expect->verb) {
    case RC_VERB_GET:
    case RC_VERB_GET_AND_TOUCH:
        return expect->want_cas || expect->want_ttl ? "-*$" : "-$";
    case RC_VERB_STATS:
    case RC_VERB_VERSION:
    case RC_VERB_INFO:
    case RC_VERB_ECHO:
        return "-$";
    case RC_VERB_SET:
    case RC_VERB_FLUSH:
    case RC_VERB_NOOP:
    case RC_VERB_AUTH:
    case RC_VERB_SELECT:
        return "-+";
    case RC_VERB_ADD:
    case RC_VERB_REPLACE:
    case RC_VERB_APPEND:
    case RC_VERB_PREPEND:
    case RC_VERB_CAS:
    case RC_VERB_INCREMENT:
    case RC_VERB_DECREMENT:
        return "-+$";
    case RC_VERB_LEASE:
        return "-*";
    case RC_VERB_FILL:
        return "-+";
    case RC_VERB_DELETE:
        return "-:+";
    case RC_VERB_TOUCH:
    case RC_VERB_UNLEASE:
    case RC_VERB_CLIENT_ID:
    case RC_VERB_CLIENT_KILL:
        return "-:";
    case RC_VERB_RAW: /* see take_whole */
    case RC_VERB_KEYS:
    case RC_VERB_SETTINGS: /* memcached's: no reply can be its, see read_reply */
        break;
    }
    return "-+:$";
}

#define BAD_NUMBER "a number that this command cannot answer"
#define BAD_STATUS "a status that this command cannot answer"
#define BAD_VALUE "a value that this command cannot answer"

static const char *read_number(
    const struct rc_resp_token *token, int64_t least, int64_t most, struct rc_answer *answer)
{
    if (token->number < least || token->number > most) {
        return BAD_NUMBER;
    }
    answer->number = (uint64_t)token->number;
    return NULL;
}

static bool is_word(const struct rc_resp_token *token, const char *word)
{
    return token->kind == '+' && rc_slice_equal(token->text, rc_slice_text(word));
}

static const char *read_status(const struct rc_resp_token *token, const char *word)
{
    return is_word(token, word) ? NULL : BAD_STATUS;
}

static const char *read_get(const struct rc_resp_token *token, struct rc_answer *answer)
{
    answer->status = token->nil ? RINGCACHE_MISS : RINGCACHE_OK;
    answer->value = token->text;
    return NULL;
}

static bool read_digest(struct rc_slice text, uint64_t *digest)
{
    return text.len == DIGEST_BYTES && rc_number_read_hex16(text.data, digest);
}

/* PTTL: milliseconds, of which the last has begun at 0; -1 for a key that never expires. */
static bool read_ttl(int64_t number, int64_t *ttl_ms)
{
    *ttl_ms = number == 0 ? 1 : number;
    return number >= -1;
}

/* A value with what was asked of it beside itself, or nil for the whole. */
static const char *read_get_with_extras(
    const struct reply *reply, const struct rc_expect *expect, struct rc_answer *answer)
{
    if (reply->head.kind == '$') {
        answer->status = RINGCACHE_MISS;
        return reply->head.nil ? NULL : BAD_VALUE;
    }
    if (reply->value.nil || reply->digest.nil) {
        return BAD_VALUE;
    }
    answer->value = reply->value.text;
    if (expect->want_cas && !read_digest(reply->digest.text, &answer->cas)) {
        return "the digest of the value is malformed";
    }
    if (expect->want_ttl && !read_ttl(reply->ttl.number, &answer->ttl_ms)) {
        return "the TTL of the value is malformed";
    }
    return NULL;
}

/* A value or none, and the number that says who may fill it in. */
static const char *read_lease(const struct reply *reply, struct rc_answer *answer)
{
    static const uint32_t marks[] = {0, RC_MARK_WON, RC_MARK_FILLING};
    uint64_t kind = (uint64_t)reply->ttl.number;
    bool digest = reply->digest.text.len > 0;
    if (kind >= sizeof marks / sizeof *marks || (reply->value.nil && (kind == 0 || digest))) {
        return BAD_NUMBER;
    }
    if (digest && !read_digest(reply->digest.text, &answer->cas)) {
        return "the digest of the value is malformed";
    }
    answer->marks = marks[kind];
    if (reply->value.nil) {
        answer->status = RINGCACHE_MISS;
        return NULL;
    }
    answer->marks |= kind > 0 ? RC_MARK_STALE : 0U;
    answer->value = reply->value.text;
    return NULL;
}

/* Done, or nil when the key's presence or absence was not what the command asks for. */
static const char *read_store(
    const struct rc_resp_token *token, int status_of_nil, struct rc_answer *answer)
{
    if (token->nil) {
        answer->status = status_of_nil;
        return NULL;
    }
    return token->kind == '$' ? BAD_VALUE : read_status(token, "OK");
}

static const char *read_exists(const struct rc_resp_token *token, struct rc_answer *answer)
{
    answer->status = RINGCACHE_EXISTS;
    return read_status(token, "EXISTS");
}

static const char *read_cas(const struct rc_resp_token *token, struct rc_answer *answer)
{
    return is_word(token, "EXISTS") ? read_exists(token, answer)
                                    : read_store(token, RINGCACHE_MISS, answer);
}

/* Done, or what the holder may not write over any more. */
static const char *read_fill(const struct rc_resp_token *token, struct rc_answer *answer)
{
    return is_word(token, "OK") ? NULL : read_exists(token, answer);
}

static const char *read_counter(const struct rc_resp_token *token, struct rc_answer *answer)
{
    if (token->kind == '+') {
        answer->status = RINGCACHE_NOT_STORED;
        return read_status(token, "NOT_STORED");
    }
    if (token->nil) {
        answer->status = RINGCACHE_MISS;
        return NULL;
    }
    bool number = rc_number_parse(token->text.data, token->text.len, INT64_MAX, &answer->number);
    return number ? NULL : "the counter is not a number";
}

/* How many keys the command found, of one. */
static const char *read_presence(const struct rc_resp_token *token, struct rc_answer *answer)
{
    answer->status = token->number == 0 ? RINGCACHE_MISS : RINGCACHE_OK;
    return token->number == 0 || token->number == 1 ? NULL : BAD_NUMBER;
}

static const char *read_delete(const struct rc_resp_token *token, struct rc_answer *answer)
{
    return token->kind == '+' ? read_exists(token, answer) : read_presence(token, answer);
}

static const char *read_info(
    const struct rc_resp_token *token, enum rc_verb verb, struct rc_answer *answer)
{
    if (token->nil) {
        return "no text in answer to INFO";
    }
    if (verb == RC_VERB_VERSION) {
        rc_resp_read_version(token->text, answer);
    } else if (verb == RC_VERB_INFO) {
        answer->value = rc_resp_find_field(token->text, "run_id");
    } else {
        answer->value = token->text;
    }
    return NULL;
}

static const char *read_echo(const struct rc_resp_token *token, uint64_t sent)
{
    uint64_t came;
    bool same = read_digest(token->text, &came) && came == sent;
    return same ? NULL : "an echo of something else";
}

/* What a reply of the right kind says; NULL, or why no server says that. */
static const char *read_reply(
    const struct reply *reply, const struct rc_expect *expect, struct rc_answer *answer)
{
    const struct rc_resp_token *token = &reply->head;
    switch (expect->verb) {
    case RC_VERB_GET:
    case RC_VERB_GET_AND_TOUCH:
        return expect->want_cas || expect->want_ttl ? read_get_with_extras(reply, expect, answer)
                                                    : read_get(token, answer);
    case RC_VERB_SET:
    case RC_VERB_FLUSH:
    case RC_VERB_AUTH:
    case RC_VERB_SELECT:
        return read_status(token, "OK");
    case RC_VERB_ADD:
    case RC_VERB_REPLACE:
    case RC_VERB_APPEND:
    case RC_VERB_PREPEND:
        return read_store(token, RINGCACHE_NOT_STORED, answer);
    case RC_VERB_CAS:
        return read_cas(token, answer);
    case RC_VERB_INCREMENT:
    case RC_VERB_DECREMENT:
        return read_counter(token, answer);
    case RC_VERB_NOOP:
        return read_status(token, "PONG");
    case RC_VERB_LEASE:
        return read_lease(reply, answer);
    case RC_VERB_FILL:
        return read_fill(token, answer);
    case RC_VERB_DELETE:
        return read_delete(token, answer);
    case RC_VERB_TOUCH:
    case RC_VERB_UNLEASE:
        return read_presence(token, answer);
    case RC_VERB_CLIENT_ID:
        return read_number(token, 1, INT64_MAX, answer);
    case RC_VERB_CLIENT_KILL:
        return read_number(token, 0, 1, answer);
    case RC_VERB_STATS:
    case RC_VERB_VERSION:
    case RC_VERB_INFO:
        return read_info(token, expect->verb, answer);
    case RC_VERB_ECHO:
        return read_echo(token, expect->token);
    case RC_VERB_RAW:
    case RC_VERB_KEYS:
    case RC_VERB_SETTINGS:
        break;
    }
    return "a reply to a command that Redis does not have";
}

/* What a reply may begin with. A bulk that is no value of a user's is our own, or a number. */
static struct part head_of(const struct rc_expect *expect)
{
    struct part head = {.kinds = kinds_of_reply(expect), .bulk_bytes = COUNTER_MAX_BYTES};
    if (expect->verb == RC_VERB_GET || expect->verb == RC_VERB_GET_AND_TOUCH) {
        head.bulk_bytes = RC_VALUE_MAX_BYTES;
        head.value = true;
    } else if (expect->verb == RC_VERB_INFO || expect->verb == RC_VERB_VERSION) {
        head.bulk_bytes = INFO_MAX_BYTES;
    } else if (expect->verb == RC_VERB_STATS) {
        head.bulk_bytes = STATS_MAX_BYTES;
    }
    return head;
}

/* The token at reply->len, which becomes its end. Its kind is judged by its first byte, before
 * anything is waited for. */
static enum rc_decoded take_token(struct rc_slice input, const struct part *part,
    struct reply *reply, struct rc_resp_token *token, const char **why)
{
    struct rc_resp_bounds bounds = {
        RC_RESP_LINE_MAX, part->bulk_bytes, part->value ? reply->decoder : NULL, reply->len};
    struct rc_slice rest = rc_slice(input.data + reply->len, input.len - reply->len);
    bool known = rest.len > 0 && memchr("+-:$*", rest.data[0], 5) != NULL;
    if (known && strchr(part->kinds, rest.data[0]) == NULL) {
        *why = "a reply of a type that this command cannot have";
        return RC_DECODED_BAD;
    }
    enum rc_decoded got = rc_resp_token(rest, &bounds, token, why);
    reply->len += token->len;
    return got;
}

/* What follows the head of an array. */
static enum rc_decoded take_elements(struct rc_slice input, struct reply *reply, const char **why)
{
    const struct part value = {"$", RC_VALUE_MAX_BYTES, true};
    const struct part digest = {"$", DIGEST_BYTES, false};
    const struct part ttl = {":", 0, false};
    if (reply->head.nil || reply->head.number != 3) {
        *why = "an array of another length than asked for";
        return RC_DECODED_BAD;
    }
    enum rc_decoded got = take_token(input, &value, reply, &reply->value, why);
    if (got == RC_DECODED_ONE) {
        got = take_token(input, &digest, reply, &reply->digest, why);
    }
    if (got == RC_DECODED_ONE) {
        got = take_token(input, &ttl, reply, &reply->ttl, why);
    }
    return got;
}

/* The next element of a batch's array, and before the first one the array's head. */
static enum rc_decoded take_element(
    struct rc_slice input, const struct rc_expect *expect, struct reply *reply, const char **why)
{
    struct rc_resp_bulks array = {
        .bulk_bytes = RC_VALUE_MAX_BYTES, .decoder = reply->decoder, .left = expect->due};
    enum rc_decoded got = RC_DECODED_ONE;
    if (expect->first) {
        got = rc_resp_bulks_begin(&array, input, expect->due, why);
    }
    if (got == RC_DECODED_ONE) {
        got = rc_resp_bulks_next(&array, input, &reply->head, why);
    }
    reply->len = got == RC_DECODED_MORE ? array.need : array.offset;
    return got;
}

/* The first reply of what is due. An error takes the place of a batch's whole array. */
static enum rc_decoded take_reply(
    struct rc_slice input, const struct rc_expect *expect, struct reply *reply, const char **why)
{
    if (expect->due > 0 && !(expect->first && input.data[0] == '-')) {
        return take_element(input, expect, reply, why);
    }
    const struct part head = head_of(expect);
    reply->len = 0;
    enum rc_decoded got = take_token(input, &head, reply, &reply->head, why);
    if (got == RC_DECODED_ONE && reply->head.kind == '*') {
        got = take_elements(input, reply, why);
    }
    return got;
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

/* What has to follow the reply, `*len` bytes of it. A server that serves nobody refuses ECHO too:
 * then `error`, the reply's words, is all there is, and no value can be taken for another's. */
static enum rc_decoded take_echo(
    struct rc_slice input, struct rc_slice error, uint64_t token, size_t *len, const char **why)
{
    const struct rc_resp_bounds bounds = {RC_RESP_LINE_MAX, 0};
    struct rc_resp_token echo;
    bool refused = input.len > 0 && input.data[0] == '-' && rc_resp_refuses_all(error);
    if (!refused) {
        *len = ECHO_REPLY_BYTES;
        return check_echo(input, token, why);
    }
    enum rc_decoded got = rc_resp_token(input, &bounds, &echo, why);
    *len = echo.len;
    if (got == RC_DECODED_ONE && !rc_resp_refuses_all(echo.text)) {
        return check_echo(input, token, why);
    }
    return got;
}

#define MISPLACED_TOKEN "the token came where its reply was due"

/* A lost reply, and its echo twice: then the token stands in the reply's place. */
static bool is_token(struct rc_slice reply, const struct rc_expect *expect)
{
    const char *differs;
    return rc_resp_is_echoed(expect->verb, expect->strict) && reply.len == ECHO_REPLY_BYTES &&
           check_echo(reply, expect->token, &differs) == RC_DECODED_ONE;
}

/* The reply, and with `strict` its echo. */
static enum rc_decoded take_frame(
    struct rc_slice input, const struct rc_expect *expect, struct reply *reply, const char **why)
{
    enum rc_decoded got = take_reply(input, expect, reply, why);
    if (got != RC_DECODED_ONE || !rc_resp_is_echoed(expect->verb, expect->strict)) {
        return got;
    }
    if (is_token(rc_slice(input.data, reply->len), expect)) {
        *why = MISPLACED_TOKEN;
        return RC_DECODED_BAD;
    }
    struct rc_slice rest = rc_slice(input.data + reply->len, input.len - reply->len);
    struct rc_slice error = reply->head.kind == '-' ? reply->head.text : rc_slice(NULL, 0);
    size_t echo_len;
    got = take_echo(rest, error, expect->token, &echo_len, why);
    /* One byte more may show that the echo is wrong, which need not be as long as the right one. */
    reply->len = got == RC_DECODED_MORE ? input.len + 1 : reply->len + echo_len;
    return got;
}

/* The words of a whole reply that is an error; else none. */
static struct rc_slice error_of(struct rc_slice frame)
{
    bool is_error = frame.data[0] == '-';
    return is_error ? rc_slice(frame.data + 1, frame.len - 3) : rc_slice(NULL, 0);
}

/* What a whole reply is to its verb; NULL, or why it is none. An error keeps its words for the
 * message. */
static const char *read_whole(
    struct rc_slice frame, const struct rc_expect *expect, struct rc_answer *answer)
{
    *answer = (struct rc_answer){.status = RINGCACHE_OK};
    if (expect->verb == RC_VERB_RAW) {
        answer->value = frame;
    }
    if (frame.data[0] == '-') {
        rc_resp_read_error(error_of(frame), expect, answer);
        return NULL;
    }
    return expect->verb == RC_VERB_KEYS ? rc_resp_read_page(frame, answer) : NULL;
}

/* A reply of any shape, as a whole. */
static enum rc_decoded take_whole(struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed)
{
    const char *why;
    struct rc_resp_scan *scan = &decoder->scan;
    size_t max_bytes = (size_t)decoder->limits.max_value_bytes + RAW_EXTRA_BYTES;
    bool whole = scan->offset > 0 && scan->depth == 0;
    enum rc_decoded got = whole ? RC_DECODED_ONE : rc_resp_frame(scan, input, max_bytes, &why);
    size_t len = scan->offset, echo_len = 0;
    struct rc_slice frame = rc_slice(input.data, len);
    if (got == RC_DECODED_ONE && rc_resp_is_echoed(expect->verb, expect->strict)) {
        struct rc_slice rest = rc_slice(input.data + len, input.len - len);
        got = take_echo(rest, error_of(frame), expect->token, &echo_len, &why);
        scan->need = input.len + 1;
    }
    if (got == RC_DECODED_MORE) {
        decoder->need = scan->need;
        return got;
    }
    if (got == RC_DECODED_ONE && is_token(frame, expect)) {
        why = MISPLACED_TOKEN;
        got = RC_DECODED_BAD;
    }
    *scan = (struct rc_resp_scan){0};
    decoder->need = 0;
    if (got == RC_DECODED_BAD || (why = read_whole(frame, expect, answer)) != NULL) {
        return rc_wire_bad(answer, why);
    }
    *consumed = len + echo_len;
    return RC_DECODED_ONE;
}

static enum rc_decoded resp_decode(struct rc_decoder *decoder, struct rc_slice input,
    const struct rc_expect *expect, struct rc_answer *answer, size_t *consumed)
{
    if (rc_wire_too_early(decoder, input)) {
        return RC_DECODED_MORE;
    }
    if (expect->verb == RC_VERB_RAW || expect->verb == RC_VERB_KEYS) {
        return take_whole(decoder, input, expect, answer, consumed);
    }
    const char *why;
    struct reply reply;
    reply.decoder = decoder;
    enum rc_decoded got = take_frame(input, expect, &reply, &why);
    if (got == RC_DECODED_MORE) {
        decoder->need = reply.len;
        return got;
    }
    if (got == RC_DECODED_BAD) {
        return rc_wire_bad(answer, why);
    }
    *answer = (struct rc_answer){.status = RINGCACHE_OK};
    if (reply.head.kind == '-') {
        rc_resp_read_error(reply.head.text, expect, answer);
    } else if ((why = read_reply(&reply, expect, answer)) != NULL) {
        return rc_wire_bad(answer, why);
    }
    rc_wire_settle(decoder, answer);
    *consumed = reply.len;
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
    .merges = true,
    .keeps_key = resp_keeps_key,
    .scripted = rc_resp_runs_script,
    .proves = rc_resp_proves,
    .bound = rc_resp_bound,
    .usual = rc_usual_resp,
    .encode = rc_resp_encode,
    .spell_out = rc_resp_spell_out,
    .batch_least = 2,
    .batch_extend = rc_resp_batch_extend,
    .batch_close = rc_resp_batch_close,
    .decode = resp_decode,
    .unsolicited = resp_unsolicited,
    .next_figure = rc_resp_next_figure,
    .next_key = rc_resp_next_key,
};

/* SPDX-License-Identifier: MIT */
#include "codec/meta_command.h"

#include "codec/memcached.h"
#include "codec/wire.h"

enum {
    /* A command without key and value: the name, four numbers with their letters, the opaque, k,
     * ends of lines. */
    FIXED_MAX_BYTES = 128,
};

size_t rc_meta_bound(const struct rc_command *command)
{
    return rc_wire_bound(command, FIXED_MAX_BYTES);
}

static unsigned char *put_opaque(unsigned char *at, const struct rc_command *command)
{
    at = rc_wire_put_text(at, " O");
    rc_number_write_hex8(at, (uint32_t)command->token);
    at += 8;
    if (command->strict) {
        at = rc_wire_put_text(at, " k");
    }
    return rc_wire_put_text(at, "\r\n");
}

static unsigned char *put_flag(unsigned char *at, const char *flag, uint64_t number)
{
    at = rc_wire_put_text(at, flag);
    return rc_wire_put_number(at, number);
}

/* T stands before t: flags are carried out in their order, and the TTL asked for is the new one. */
static unsigned char *put_get(unsigned char *at, const struct rc_command *command)
{
    at = rc_memcached_put_key(at, "mg ", command);
    at = rc_wire_put_text(at, " v f");
    if (command->verb == RC_VERB_GET_AND_TOUCH) {
        at = rc_memcached_put_exptime(at, " T", command->exptime_s);
    }
    if (command->want_cas) {
        at = rc_wire_put_text(at, " c");
    }
    if (command->want_ttl) {
        at = rc_wire_put_text(at, " t");
    }
    return put_opaque(at, command);
}

/* Where there is nothing, N leaves a stub that whoever comes next sees is being filled in; R makes
 * a value that ends soon be won in the same way. */
static unsigned char *put_lease(unsigned char *at, const struct rc_command *command)
{
    at = rc_memcached_put_key(at, "mg ", command);
    at = put_flag(at, " v f c N", rc_memcached_seconds(command->lease_ms));
    if (command->stale_ms > 0) {
        at = put_flag(at, " R", rc_memcached_seconds(command->stale_ms));
    }
    return put_opaque(at, command);
}

static unsigned char *put_delete(unsigned char *at, const struct rc_command *command)
{
    at = rc_memcached_put_key(at, "md ", command);
    if (command->cas != 0) {
        at = put_flag(at, " C", command->cas);
    }
    return put_opaque(at, command);
}

/* The mode of a store, or the token it depends on. */
static unsigned char *put_condition(unsigned char *at, const struct rc_command *command)
{
    static const char *const modes[] = {
        [RC_VERB_ADD] = " ME",
        [RC_VERB_REPLACE] = " MR",
        [RC_VERB_APPEND] = " MA",
        [RC_VERB_PREPEND] = " MP",
    };
    if (command->verb == RC_VERB_CAS || command->verb == RC_VERB_FILL) {
        return put_flag(at, " C", command->cas);
    }
    return rc_wire_put_text(at, modes[command->verb]);
}

/* What is appended to keeps its flags and its time. */
static unsigned char *put_store(unsigned char *at, const struct rc_command *command)
{
    bool extends = command->verb == RC_VERB_APPEND || command->verb == RC_VERB_PREPEND;
    at = rc_memcached_put_key(at, "ms ", command);
    *at++ = ' ';
    at = rc_wire_put_number(at, command->value.len);
    if (command->verb != RC_VERB_SET) {
        at = put_condition(at, command);
    }
    if (command->flags != 0 && !extends) {
        at = put_flag(at, " F", command->flags);
    }
    if (command->exptime_s != 0 && !extends) {
        at = rc_memcached_put_exptime(at, " T", command->exptime_s);
    }
    at = put_opaque(at, command);
    at = rc_wire_put_value(at, command);
    return rc_wire_put_text(at, "\r\n");
}

static unsigned char *put_count(unsigned char *at, const struct rc_command *command)
{
    bool up = command->verb == RC_VERB_INCREMENT && !command->again;
    at = rc_memcached_put_key(at, "ma ", command);
    at = put_flag(at, up ? " MI D" : " MD D", command->delta);
    if (command->with_initial && !command->again) {
        at = rc_memcached_put_exptime(at, " N", command->exptime_s);
        at = put_flag(at, " J", command->initial);
    }
    at = rc_wire_put_text(at, " v");
    return put_opaque(at, command);
}

/* What memcached -Y wants to hear first is a classic set. One without -Y stores what it is given:
 * hence a key of our own, and a time that is over. */
static unsigned char *put_auth(unsigned char *at, const struct rc_command *command)
{
    at = rc_wire_put_text(at, "set ringcache.authentication 0 -1 ");
    at = rc_wire_put_number(at, command->key.len + 1 + command->value.len);
    at = rc_wire_put_text(at, "\r\n");
    at = rc_wire_put_slice(at, command->key);
    *at++ = ' ';
    at = rc_wire_put_slice(at, command->value);
    return rc_wire_put_text(at, "\r\n");
}

/* NULL for a verb that memcached does not have. */
static unsigned char *put_command(unsigned char *at, const struct rc_command *command)
{
    switch (command->verb) {
    case RC_VERB_GET:
    case RC_VERB_GET_AND_TOUCH:
        return put_get(at, command);
    case RC_VERB_SET:
    case RC_VERB_ADD:
    case RC_VERB_REPLACE:
    case RC_VERB_APPEND:
    case RC_VERB_PREPEND:
    case RC_VERB_CAS:
    case RC_VERB_FILL:
        return put_store(at, command);
    case RC_VERB_LEASE:
        return put_lease(at, command);
    case RC_VERB_DELETE:
    case RC_VERB_UNLEASE:
        return put_delete(at, command);
    case RC_VERB_TOUCH:
        at = rc_memcached_put_key(at, "mg ", command);
        at = rc_memcached_put_exptime(at, " T", command->exptime_s);
        return put_opaque(at, command);
    case RC_VERB_INCREMENT:
    case RC_VERB_DECREMENT:
        return put_count(at, command);
    case RC_VERB_FLUSH:
    case RC_VERB_STATS:
    case RC_VERB_KEYS:
    case RC_VERB_SETTINGS:
        return rc_memcached_put_question(at, command);
    case RC_VERB_VERSION:
        return rc_wire_put_text(at, "version\r\n");
    case RC_VERB_NOOP:
        return rc_wire_put_text(at, "mn\r\n");
    case RC_VERB_AUTH:
        return put_auth(at, command);
    case RC_VERB_RAW:
    case RC_VERB_SELECT:
    case RC_VERB_CLIENT_ID:
    case RC_VERB_INFO:
    case RC_VERB_CLIENT_KILL:
    case RC_VERB_ECHO:
        break;
    }
    return NULL;
}

int rc_meta_encode(struct rc_buf *out, const struct rc_command *command)
{
    int rc = rc_buf_reserve(out, rc_meta_bound(command));
    if (rc < 0) {
        return rc;
    }
    unsigned char *start = rc_buf_end(out);
    unsigned char *end = put_command(start, command);
    if (end == NULL) {
        return RINGCACHE_ENOTSUP;
    }
    rc_buf_commit(out, (size_t)(end - start));
    return 0;
}

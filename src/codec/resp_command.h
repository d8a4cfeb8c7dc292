/* SPDX-License-Identifier: MIT */
#ifndef RC_CODEC_RESP_COMMAND_H
#define RC_CODEC_RESP_COMMAND_H

/* The half of RESP that writes: commands to bytes. Redis 6.2 or later is assumed (GETEX). */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "codec/codec.h"

/* Is the reply followed by that of an ECHO? */
bool rc_resp_is_echoed(enum rc_verb verb, bool strict);
bool rc_resp_proves(enum rc_verb verb);

/* rc_codec.scripted */
bool rc_resp_runs_script(const struct rc_command *command);

/* rc_codec.bound, .encode and .spell_out */
size_t rc_resp_bound(const struct rc_command *command);
int rc_resp_encode(struct rc_buf *out, const struct rc_command *command);
int rc_resp_spell_out(
    struct rc_buf *out, enum rc_verb verb, struct rc_slice encoded, size_t *instead);

#endif

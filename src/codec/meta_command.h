/* SPDX-License-Identifier: MIT */
#ifndef RC_CODEC_META_COMMAND_H
#define RC_CODEC_META_COMMAND_H

/* The half of memcached meta that writes: commands to bytes. */

#include <stddef.h>

#include "base/buf.h"
#include "codec/codec.h"

/* rc_codec.bound, .encode and .encode_gets. */
size_t rc_meta_bound(const struct rc_command *command);
int rc_meta_encode(struct rc_buf *out, const struct rc_command *command);
int rc_meta_encode_gets(struct rc_buf *out, const struct rc_command *commands, size_t count);

#endif

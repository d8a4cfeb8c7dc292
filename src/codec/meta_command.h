/* SPDX-License-Identifier: MIT */
#ifndef RC_CODEC_META_COMMAND_H
#define RC_CODEC_META_COMMAND_H

/* The half of memcached meta that writes: commands to bytes. */

#include <stddef.h>

#include "base/buf.h"
#include "codec/codec.h"

/* rc_codec.bound and .encode */
size_t rc_meta_bound(const struct rc_command *command);
int rc_meta_encode(struct rc_buf *out, const struct rc_command *command);

#endif

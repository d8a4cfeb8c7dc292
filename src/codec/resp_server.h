/* SPDX-License-Identifier: MIT */
#ifndef RC_CODEC_RESP_SERVER_H
#define RC_CODEC_RESP_SERVER_H

/* What a Redis says of itself: the text of INFO, lines of `name:value` under `# Section`, and the
 * pages of SCAN, an array of where to go on and an array of keys. */

#include <stdbool.h>

#include "base/slice.h"
#include "codec/codec.h"

/* The value of `name` in a text of INFO; empty when it has none. */
struct rc_slice rc_resp_find_field(struct rc_slice text, const char *name);

/* The version in a text of INFO, or a miss: a Valkey's own, not that of the Redis it stands in
 * for. */
void rc_resp_read_version(struct rc_slice text, struct rc_answer *answer);

/* A reply that is whole, as the answer to KEYS; NULL, or why it is none. */
const char *rc_resp_read_page(struct rc_slice frame, struct rc_answer *answer);

/* rc_codec.next_figure and .next_key. */
bool rc_resp_next_figure(struct rc_slice *rest, struct rc_figure *figure);
bool rc_resp_next_key(struct rc_slice *rest, struct rc_listed *listed);

#endif

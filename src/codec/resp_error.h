/* SPDX-License-Identifier: MIT */
#ifndef RC_CODEC_RESP_ERROR_H
#define RC_CODEC_RESP_ERROR_H

/* What Redis means by an error. Its code word, the first of the line, is all that is looked at: the
 * rest is for people, and changes from version to version. */

#include "codec/codec.h"

/* The answer that an error (without its '-') is to a command. */
void rc_resp_read_error(
    struct rc_slice message, const struct rc_expect *expect, struct rc_answer *answer);

/* Would any other command have been refused like this one, ECHO among them? */
bool rc_resp_refuses_all(struct rc_slice message);

#endif

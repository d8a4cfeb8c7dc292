/* SPDX-License-Identifier: MIT */
#ifndef RC_CODEC_RESP_SCAN_H
#define RC_CODEC_RESP_SCAN_H

/* How far a RESP reply of any shape has been understood: what a connection keeps while one
 * arrives. */

#include <stddef.h>
#include <stdint.h>

enum { RC_RESP_DEPTH_MAX = 32 /* arrays within each other */ };

/* Zero-initialised at the reply's first byte; opaque but for `offset`, `elements`, `text_bytes` and
 * `need`. */
struct rc_resp_scan {
    size_t offset;                    /* bytes understood; the reply's length once it is complete */
    size_t need;                      /* bytes of input that another try needs at least */
    size_t text_bytes;                /* of all strings so far */
    uint32_t elements;                /* so far, arrays included */
    uint32_t announced;               /* elements that heads of arrays have promised */
    uint32_t depth;                   /* arrays that are open */
    uint32_t left[RC_RESP_DEPTH_MAX]; /* elements each of them still lacks */
};

#endif

/* SPDX-License-Identifier: MIT */
#ifndef RC_TRANSPORT_THREAD_H
#define RC_TRANSPORT_THREAD_H

/* A thread of the library's: detached, with a small stack, and none of the program's signals, which
 * are its own threads' to handle. 0 or a negative errno. */
int rc_thread_start(void *(*run)(void *argument), void *argument);

#endif

/* SPDX-License-Identifier: MIT */
#include "transport/handshakes.h"

#include <pthread.h>
#include <stdatomic.h>

#include "transport/transport.h"

/* Of the process, since that is what floods a server, or runs out of descriptors. */
static atomic_uint under_way;
static pthread_once_t begun = PTHREAD_ONCE_INIT;

/* Connections of the parent's are its own. */
static void forget(void)
{
    atomic_store(&under_way, 0);
}

static void begin(void)
{
    pthread_atfork(NULL, NULL, forget);
}

/* Where several threads meet at the bound all may be refused, though one place is left: they ask
 * again. */
bool rc_handshakes_begin(bool beyond)
{
    pthread_once(&begun, begin);
    if (atomic_fetch_add(&under_way, 1) < RC_HANDSHAKES_MAX || beyond) {
        return true;
    }
    rc_handshakes_end();
    return false;
}

void rc_handshakes_end(void)
{
    atomic_fetch_sub(&under_way, 1);
}

/* SPDX-License-Identifier: MIT */
#include "server/hold.h"

#include "server/pipeline.h"

bool rc_hold_pays(const struct rc_pipeline *p, uint32_t in_flight, uint32_t round_trip_us)
{
    uint64_t due = p->sent - p->answered, waiting = p->encoded - p->sent;
    bool many = in_flight > 0 && p->count >= in_flight;
    bool near = round_trip_us > 0 && round_trip_us < RC_HOLD_TRIP_US;
    return many && near && waiting > 0 && waiting < RC_HOLD_BYTES && waiting < due;
}

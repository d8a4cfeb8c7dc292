/* SPDX-License-Identifier: MIT */
#ifndef RINGCACHE_RINGCACHE_H
#define RINGCACHE_RINGCACHE_H

/** @file Everything. */

#include "ringcache/client.h"
#include "ringcache/config.h"
#include "ringcache/fetch.h"
#include "ringcache/request.h"
#include "ringcache/ring.h"
#include "ringcache/server.h"
#include "ringcache/shared.h"
#include "ringcache/stats.h"
#include "ringcache/status.h"
#include "ringcache/update.h"
#include "ringcache/version.h"

#endif

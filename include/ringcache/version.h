/* SPDX-License-Identifier: MIT */
#ifndef RINGCACHE_VERSION_H
#define RINGCACHE_VERSION_H

/** @file The version of these headers, and of the library that is loaded. */

#ifdef __cplusplus
extern "C" {
#endif

#define RINGCACHE_VERSION_MAJOR 0
#define RINGCACHE_VERSION_MINOR 1
#define RINGCACHE_VERSION_PATCH 0
#define RINGCACHE_VERSION "0.1.0"

/** Marks what the shared library exports. */
#define RINGCACHE_API __attribute__((visibility("default")))

/** The version of the loaded library, "major.minor.patch"; static storage. Any thread. */
RINGCACHE_API const char *ringcache_version(void);

#ifdef __cplusplus
}
#endif
#endif

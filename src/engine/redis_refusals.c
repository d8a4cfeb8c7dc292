/* SPDX-License-Identifier: MIT */
/* What a Redis refuses while it is not its usual self, in the words of 7.0. Left out: EVALSHA of a
 * script that it does not have, which is told so even by a replica without its master. */
#include "engine/redis.h"

#define MASTERDOWN                                                                                 \
    "-MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
#define READONLY "-READONLY You can't write against a read only replica."
#define MISCONF                                                                                    \
    "-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to " \
    "disk. Commands that may modify the data set are disabled, because this instance is "          \
    "configured to report errors during writes if RDB snapshotting fails "                         \
    "(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB " \
    "error."

const char *redis_write_refusal(const struct engine *e, const struct redis_command *command)
{
    bool writes = (command->traits & REDIS_WRITES) != 0;
    switch (e->mood) {
    case ENGINE_SERVES:
    case ENGINE_LOADING:
    case ENGINE_BUSY:
    case ENGINE_SLOTLESS:
        return NULL;
    case ENGINE_MASTERDOWN:
    case ENGINE_REPLICA:
        return writes ? READONLY : NULL;
    case ENGINE_FULL:
        return (command->traits & REDIS_GROWS) != 0
                   ? "-OOM command not allowed when used memory > 'maxmemory'."
                   : NULL;
    case ENGINE_LONELY:
        return writes ? "-NOREPLICAS Not enough good replicas to write." : NULL;
    case ENGINE_UNSAVED:
        return writes ? MISCONF : NULL;
    }
    return NULL;
}

const char *redis_refusal(const struct engine *e, const struct redis_command *command)
{
    bool always = (command->traits & REDIS_ALWAYS) != 0;
    bool stale = always || (command->traits & REDIS_STALE) != 0;
    const char *refusal = redis_write_refusal(e, command);
    if (refusal != NULL) {
        return refusal;
    }
    switch (e->mood) {
    case ENGINE_SERVES:
    case ENGINE_REPLICA:
    case ENGINE_FULL:
    case ENGINE_LONELY:
        return NULL;
    case ENGINE_LOADING:
        return stale ? NULL : "-LOADING Redis is loading the dataset in memory";
    case ENGINE_BUSY:
        return always ? NULL
                      : "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or "
                        "SHUTDOWN NOSAVE.";
    case ENGINE_MASTERDOWN:
        return stale ? NULL : MASTERDOWN;
    case ENGINE_UNSAVED: /* whoever watches over it is to be told */
        return engine_text_is(rc_slice_text(command->verb), "ping") ? MISCONF : NULL;
    case ENGINE_SLOTLESS:
        return command->key > 0 ? "-CLUSTERDOWN Hash slot not served" : NULL;
    }
    return NULL;
}

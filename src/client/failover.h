/* SPDX-License-Identifier: MIT */
#ifndef RC_CLIENT_FAILOVER_H
#define RC_CLIENT_FAILOVER_H

/* Requests that go to another server, a substitute, while their key's owner is out of service. The
 * policy says to which (route/table.h); here is what keeps that from making stale data:
 *
 *   - a substitute may have been the owner before, and still hold what it had then. What it holds
 *     for another is a *guest*, under a key of its own: a mark (`~rc`, 12 random hexadecimal
 *     digits, `~`), then the whole key. It lives at most failover_ttl_ms.
 *   - each client has a mark of its own for each owner, so that it reads its own guests alone: it
 *     knows what became of their keys since. The mark is another one when the owner is back, or the
 *     ring changes; what is stored under the one before ends by itself.
 *   - what is stored or deleted elsewhere is noted in the owner's journal when it is submitted, so
 *     that the owner loses its old value before it serves again.
 *   - guests are remembered, and deleted where they are (through their host's journal) when another
 *     substitute gets the key's next write, and when a write of that key is left to the owner after
 *     all.
 *   - what cannot be remembered is not stored. A server that joins is nobody's substitute until all
 *     guests have ended that it may have from an earlier life.
 *
 * Decided at submission, and then only. Nothing here runs a caller's code. */

#include "ringcache/client.h"
#include "route/table.h"

struct rc_command;
struct rc_member_server;
struct rc_operation;
struct rc_submission;

void rc_failover_init(ringcache_client *client);
/* Nothing is under way any more. */
void rc_failover_deinit(ringcache_client *client);
/* Is anybody ever asked in an owner's place? */
bool rc_failover_on(const ringcache_client *client);

/* Who would be asked for an owner that is out of service; no server: nobody. */
struct rc_choice rc_failover_substitute(ringcache_client *client, struct rc_slice route);

/* A command for `s->choice`, its key's owner, is about to be submitted: where that is out of
 * service and another may be asked, both become those of the substitute. */
void rc_failover_divert(
    ringcache_client *client, struct rc_submission *s, struct rc_command *command);
/* It was accepted. */
void rc_failover_accepted(ringcache_client *client, struct rc_operation *op,
    const struct rc_submission *s, const struct rc_command *command);
/* It was answered, or ended otherwise: before its caller is told. */
void rc_failover_answered(struct rc_operation *op);
/* `count` requests were asked of their owners without rc_failover_divert. */
void rc_failover_asked(ringcache_client *client, size_t count);

/* The server is in service: nobody reads its guests any more. */
void rc_failover_returned(struct rc_member_server *member);
/* A ring is about to be put in force: the same for all guests. */
void rc_failover_moved(ringcache_client *client);
/* A peer lost a write of that owner's key, namespace included, or wrote it elsewhere: our guest of
 * it is old. It is remembered all the same, since a store of it may be about to be accepted. */
void rc_failover_heard_lost(const struct rc_server *owner, struct rc_slice key);
/* Free some of the guests that nobody reads any more; true when there are more. */
bool rc_failover_tidy(ringcache_client *client);
/* From when on a server that joins now may be a substitute. */
uint64_t rc_failover_trusted_ms(ringcache_client *client);
/* Is the whole key that of a guest, as far as its beginning tells? */
bool rc_failover_is_guest(struct rc_slice key);

/* Another mark, with which its guests' keys begin from here on. */
void rc_failover_mark(struct rc_member_server *member);

#endif

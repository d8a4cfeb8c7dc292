/* SPDX-License-Identifier: MIT */
#include "client/regreeting.h"

#include "base/alloc.h"
#include "client/client.h"

static enum rc_speech speech_of(enum rc_dialect dialect)
{
    switch (dialect) {
    case RC_DIALECT_AUTO:
        break;
    case RC_DIALECT_META:
        return RC_SPEECH_META;
    case RC_DIALECT_CLASSIC:
        return RC_SPEECH_CLASSIC;
    }
    return RC_SPEECH_BY_VERSION;
}

struct rc_credentials rc_credentials_of(
    const ringcache_client *client, const struct rc_server_uri *uri)
{
    return (struct rc_credentials){
        .redis = uri->protocol == RC_PROTOCOL_REDIS,
        .speech = speech_of(client->settings.dialect),
        .user = uri->user,
        .password = uri->password,
        .database = uri->database,
    };
}

int rc_regreeting_init(struct rc_regreeting *regreeting, struct rc_member_server *member,
    const struct rc_server_uri *uri)
{
    if (rc_server_uri_same_credentials(&member->uri, uri)) {
        return 0;
    }
    const struct rc_credentials who = rc_credentials_of(member->client, uri);
    int rc = rc_credentials_copy(&regreeting->who, &who);
    regreeting->uri = rc_server_uri_copy(uri);
    regreeting->member = member;
    return rc; /* what there is of it is freed with the others */
}

void rc_regreetings_commit(struct rc_regreeting *regreetings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct rc_member_server *member = regreetings[i].member;
        if (member != NULL) {
            const struct rc_server_uri old = member->uri;
            member->uri = regreetings[i].uri;
            regreetings[i].uri = old;
            rc_server_greet_as(member->server, &regreetings[i].who);
        }
    }
    rc_regreetings_free(regreetings, count);
}

void rc_regreetings_free(struct rc_regreeting *regreetings, size_t count)
{
    for (size_t i = 0; regreetings != NULL && i < count; i++) {
        rc_server_uri_deinit(&regreetings[i].uri);
        rc_credentials_deinit(&regreetings[i].who);
    }
    rc_free(regreetings);
}

/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include <ringcache/ringcache.h>
#include <stdio.h>

void peer_init(struct peer *peer, enum server_kind kind, uv_loop_t *loop)
{
    *peer = (struct peer){.process = {.kind = kind}, .loop = loop};
}

static int start_mock(struct peer *peer)
{
    const bool redis = peer->process.kind == SERVER_REDIS;
    const ringcache_mock_options options = {
        .kind = redis ? RINGCACHE_MOCK_REDIS : RINGCACHE_MOCK_MEMCACHED};
    if (peer->mock != NULL)
        return ringcache_mock_restart(peer->mock, 0);
    return ringcache_mock_start(&peer->mock, peer->loop, &options);
}

bool peer_start(struct peer *peer)
{
    if (peer->loop == NULL)
        return server_start(&peer->process);
    int status = start_mock(peer);
    if (status != 0)
        snprintf(peer->process.why, sizeof peer->process.why, "%s", ringcache_strerror(status));
    return status == 0;
}

void peer_kill(struct peer *peer)
{
    if (peer->loop == NULL)
        server_kill(&peer->process);
    else
        ringcache_mock_kill(peer->mock);
}

void peer_discard(struct peer *peer)
{
    if (peer->loop == NULL)
        server_discard(&peer->process);
    else
        ringcache_mock_close(peer->mock, NULL, NULL);
    peer->mock = NULL;
}

const char *peer_uri(const struct peer *peer, const char *name, char uri[PEER_URI_SIZE])
{
    if (peer->loop == NULL)
        return server_uri(&peer->process, name, uri);
    snprintf(uri, PEER_URI_SIZE, "%s?name=%s", ringcache_mock_uri(peer->mock), name);
    return uri;
}

/* SPDX-License-Identifier: MIT */
/* The one way in for other threads: functions that wait under a lock until before_poll runs them.
 *
 * The transport is woken inside the lock. Whoever runs a post got it through the same lock, so that
 * the posting thread is done with the client by then, and the posted function may close it. */
#include "client/client.h"

#include "base/alloc.h"

struct post {
    struct rc_list link;
    ringcache_post_cb fn;
    void *user;
};

int rc_posts_init(struct rc_posts *posts)
{
    rc_list_init(&posts->waiting);
    return uv_mutex_init(&posts->lock);
}

void rc_posts_deinit(struct rc_posts *posts)
{
    uv_mutex_destroy(&posts->lock);
}

void rc_posts_close(struct rc_posts *posts)
{
    uv_mutex_lock(&posts->lock);
    posts->closed = true;
    uv_mutex_unlock(&posts->lock);
}

bool rc_posts_waiting(struct rc_posts *posts)
{
    uv_mutex_lock(&posts->lock);
    bool waiting = !rc_list_empty(&posts->waiting);
    uv_mutex_unlock(&posts->lock);
    return waiting;
}

/* What a post posts waits for the next turn. */
void rc_posts_run(ringcache_client *client)
{
    struct rc_list batch;
    rc_list_init(&batch);
    uv_mutex_lock(&client->posts.lock);
    rc_list_splice(&batch, &client->posts.waiting);
    uv_mutex_unlock(&client->posts.lock);
    for (struct rc_list *node; (node = rc_list_first(&batch)) != NULL;) {
        struct post *post = rc_container(node, struct post, link);
        rc_list_remove(node);
        post->fn(client, post->user);
        rc_free(post);
    }
}

/* Only the first of those that wait knocks. */
static bool append(ringcache_client *client, struct post *post)
{
    struct rc_posts *posts = &client->posts;
    struct rc_transport *transport = client->env.transport;
    uv_mutex_lock(&posts->lock);
    bool accepted = !posts->closed;
    bool first = rc_list_empty(&posts->waiting);
    if (accepted) {
        rc_list_append(&posts->waiting, &post->link);
    }
    if (accepted && first) {
        transport->ops->wake(transport);
    }
    uv_mutex_unlock(&posts->lock);
    return accepted;
}

int ringcache_post(ringcache_client *client, ringcache_post_cb fn, void *user)
{
    if (fn == NULL) {
        return RINGCACHE_EINVAL;
    }
    struct post *post = rc_alloc(sizeof *post);
    if (post == NULL) {
        return RINGCACHE_ENOMEM;
    }
    *post = (struct post){.fn = fn, .user = user};
    if (!append(client, post)) {
        rc_free(post);
        return RINGCACHE_ECLOSING;
    }
    return 0;
}

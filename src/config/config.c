/* SPDX-License-Identifier: MIT */
/* The configuration: an object that opens nothing. Whatever is refused leaves it as it was, because
 * every change is made of new parts first, which take their place only when all of them exist. */
#include "config/config.h"

#include <string.h>

#include "base/alloc.h"
#include "config/state.h"
#include "config/uri.h"

static int grow_servers(ringcache_config *config)
{
    if (config->server_count < config->server_room) {
        return 0;
    }
    size_t room = config->server_room > 0 ? config->server_room * 2 : 8;
    struct rc_server_uri *servers = rc_resize(config->servers, room, sizeof *servers);
    if (servers == NULL) {
        return RINGCACHE_ENOMEM;
    }
    config->servers = servers;
    config->server_room = room;
    return 0;
}

static int append_server(
    ringcache_config *config, struct rc_slice uri, const char *place, struct rc_message *why)
{
    if (config->server_count >= RC_SERVERS_MAX) {
        rc_message_add(why, "there are more than 65535");
        return RINGCACHE_ECONFIG;
    }
    if (grow_servers(config) != 0) {
        return RINGCACHE_ENOMEM;
    }
    struct rc_server_uri server;
    int rc = rc_uri_parse(uri, &server, why);
    if (rc != 0) {
        return rc;
    }
    server.place = rc_copy_text(place, strlen(place));
    if (server.place == NULL) {
        rc_server_uri_deinit(&server);
        return RINGCACHE_ENOMEM;
    }
    config->servers[config->server_count++] = server;
    return 0;
}

static int set_value(ringcache_config *config, const struct rc_option *option,
    struct rc_slice value, const char *place, struct rc_message *why)
{
    char *origin = rc_copy_text(place, strlen(place));
    if (origin == NULL) {
        return RINGCACHE_ENOMEM;
    }
    int rc = rc_option_apply(&config->values, option, value, why);
    if (rc != 0) {
        rc_free(origin);
        return rc;
    }
    char **slot = &config->origins[rc_option_index(option)];
    rc_free(*slot);
    *slot = origin;
    return 0;
}

static int copy_servers(ringcache_config *to, const ringcache_config *from)
{
    if (from->server_count == 0) {
        return 0;
    }
    to->servers = rc_alloc_zeroed(from->server_count, sizeof *to->servers);
    if (to->servers == NULL) {
        return RINGCACHE_ENOMEM;
    }
    to->server_room = from->server_count;
    to->server_count = from->server_count;
    for (size_t i = 0; i < from->server_count; i++) {
        to->servers[i] = rc_server_uri_copy(&from->servers[i]);
    }
    return 0;
}

static int copy_origins(ringcache_config *to, const ringcache_config *from)
{
    for (size_t i = 0; i < RC_OPTION_COUNT; i++) {
        const char *origin = from->origins[i];
        if (origin == NULL) {
            continue;
        }
        to->origins[i] = rc_copy_text(origin, strlen(origin));
        if (to->origins[i] == NULL) {
            return RINGCACHE_ENOMEM;
        }
    }
    return 0;
}

/* One without values yet. */
static ringcache_config *new_empty(void)
{
    ringcache_config *config = rc_alloc_zeroed(1, sizeof *config);
    char *error = rc_alloc_zeroed(1, RC_CONFIG_ERROR_SIZE);
    if (config == NULL || error == NULL) {
        rc_free(config);
        rc_free(error);
        return NULL;
    }
    config->error = error;
    return config;
}

static void free_warnings(ringcache_config *config)
{
    for (size_t i = 0; i < config->warning_count; i++) {
        rc_free(config->warnings[i]);
    }
    rc_free(config->warnings);
}

int ringcache_config_new(ringcache_config **config)
{
    if (config == NULL) {
        return RINGCACHE_EINVAL;
    }
    ringcache_config *made = new_empty();
    if (made == NULL) {
        return RINGCACHE_ENOMEM;
    }
    rc_values_init(&made->values);
    *config = made;
    return 0;
}

int ringcache_config_set(ringcache_config *config, const char *option, const char *value)
{
    if (config == NULL) {
        return RINGCACHE_EINVAL;
    }
    if (option == NULL || value == NULL) {
        rc_config_set_error(config, "an option and its value must not be NULL");
        return RINGCACHE_EINVAL;
    }
    char room[RC_CONFIG_ERROR_SIZE];
    struct rc_message why = rc_message_start(room, sizeof room);
    const struct rc_option *found = rc_option_find(rc_slice_text(option));
    int rc = RINGCACHE_ECONFIG;
    if (found == NULL) {
        rc_config_add_unknown(&why, rc_slice_text(option));
    } else {
        rc = rc_config_apply(config, found, rc_slice_text(value), "", &why);
    }
    if (rc != 0) {
        rc_config_set_error(config, rc == RINGCACHE_ECONFIG ? room : ringcache_strerror(rc));
    }
    return rc;
}

int ringcache_config_add_server(ringcache_config *config, const char *uri)
{
    return ringcache_config_set(config, "server", uri);
}

size_t rc_config_find(const ringcache_config *config, const char *name)
{
    for (size_t i = 0; i < config->server_count; i++) {
        if (strcmp(config->servers[i].member.name, name) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

void rc_config_set_weight(ringcache_config *config, size_t index, uint32_t weight)
{
    config->servers[index].member.weight = weight;
}

static uint64_t points_of_role(const ringcache_config *config, enum rc_role role)
{
    struct rc_topology rules = {
        .distribution = config->values.distribution,
        .points = config->values.points,
    };
    uint64_t total_weight = 0, points = 0;
    for (size_t i = 0; i < config->server_count; i++) {
        bool counts = config->servers[i].role == role;
        rules.count += counts;
        total_weight += counts ? config->servers[i].member.weight : 0;
    }
    for (size_t i = 0; i < config->server_count; i++) {
        const struct rc_server_uri *server = &config->servers[i];
        points += server->role == role ? rc_points_of(&rules, &server->member, total_weight) : 0;
    }
    return points;
}

uint64_t rc_config_points(const ringcache_config *config)
{
    return points_of_role(config, RC_ROLE_OWNER) + points_of_role(config, RC_ROLE_SPARE);
}

struct rc_slice rc_config_namespace(const ringcache_config *config)
{
    const char *text = config->values.name_space;
    return text != NULL ? rc_slice_text(text) : rc_slice(NULL, 0);
}

uint64_t rc_config_key_digest(const ringcache_config *config)
{
    const struct rc_values *values = &config->values;
    const struct rc_slice name_space = rc_config_namespace(config);
    const uint32_t rules[] = {rc_values_hash(values), values->hash_namespace, values->tagged,
        values->tagged ? values->tag[0] : 0, values->tagged ? values->tag[1] : 0};
    return rc_xxh3(name_space.data, name_space.len, rc_xxh3(rules, sizeof rules, 0));
}

int ringcache_config_remove_server(ringcache_config *config, const char *name)
{
    if (config == NULL) {
        return RINGCACHE_EINVAL;
    }
    size_t index = name != NULL ? rc_config_find(config, name) : SIZE_MAX;
    if (index == SIZE_MAX) {
        rc_config_set_error(config, "no server has this name");
        return RINGCACHE_EINVAL;
    }
    rc_config_drop_server(config, index);
    return 0;
}

size_t ringcache_config_warning_count(const ringcache_config *config)
{
    return config != NULL ? config->warning_count : 0;
}

const char *ringcache_config_warning(const ringcache_config *config, size_t index)
{
    return index < ringcache_config_warning_count(config) ? config->warnings[index] : NULL;
}

const char *ringcache_config_error(const ringcache_config *config)
{
    return config != NULL ? config->error : "";
}

void ringcache_config_free(ringcache_config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < config->server_count; i++) {
        rc_server_uri_deinit(&config->servers[i]);
    }
    for (size_t i = 0; i < RC_OPTION_COUNT; i++) {
        rc_free(config->origins[i]);
    }
    free_warnings(config);
    rc_values_deinit(&config->values);
    rc_free(config->servers);
    rc_free(config->error);
    rc_free(config);
}

const struct rc_settings *rc_config_settings(const ringcache_config *config)
{
    return &config->values.settings;
}

size_t rc_config_server_count(const ringcache_config *config)
{
    return config->server_count;
}

const struct rc_server_uri *rc_config_server(const ringcache_config *config, size_t index)
{
    return &config->servers[index];
}

void rc_config_topology(const ringcache_config *config, enum rc_role roles,
    struct rc_topology *topology, struct rc_member *members)
{
    const struct rc_values *values = &config->values;
    size_t count = 0;
    for (size_t i = 0; i < config->server_count; i++) {
        if ((config->servers[i].role & roles) != 0) {
            members[count++] = config->servers[i].member;
        }
    }
    *topology = (struct rc_topology){
        .distribution = values->distribution,
        .hash = rc_values_hash(values),
        .points = values->points,
        .tagged = values->tagged,
        .tag = {values->tag[0], values->tag[1]},
        .hash_namespace = values->hash_namespace != 0,
        .name_space = rc_slice_text(values->name_space != NULL ? values->name_space : ""),
        .members = members,
        .count = count,
    };
}

int rc_config_copy(ringcache_config **to, const ringcache_config *from)
{
    ringcache_config *copy = new_empty();
    if (copy == NULL || rc_values_copy(&copy->values, &from->values) != 0 ||
        copy_servers(copy, from) != 0 || copy_origins(copy, from) != 0) {
        ringcache_config_free(copy);
        return RINGCACHE_ENOMEM;
    }
    *to = copy;
    return 0;
}

void rc_config_set_error(const ringcache_config *config, const char *text)
{
    /* memmove, because `text` may be what stands there already. */
    size_t len = strnlen(text, RC_CONFIG_ERROR_SIZE - 1);
    memmove(config->error, text, len);
    config->error[len] = '\0';
}

int rc_config_apply(ringcache_config *config, const struct rc_option *option, struct rc_slice value,
    const char *place, struct rc_message *why)
{
    rc_message_add(why, option->row.name);
    rc_message_add(why, ": ");
    if (option->kind == RC_OPTION_SERVER) {
        return append_server(config, value, place, why);
    }
    return set_value(config, option, value, place, why);
}

void rc_config_add_unknown(struct rc_message *why, struct rc_slice name)
{
    if (rc_message_is_word(name)) {
        rc_message_add_shown(why, name);
        rc_message_add(why, ": ");
    }
    rc_message_add(why, "there is no such option");
}

const char *rc_config_origin(const ringcache_config *config, const char *name)
{
    const char *origin = config->origins[rc_option_index(rc_option_find(rc_slice_text(name)))];
    return origin != NULL ? origin : "";
}

void rc_config_swap(ringcache_config *a, ringcache_config *b)
{
    ringcache_config old = *a;
    *a = *b;
    *b = old;
    b->error = a->error;
    a->error = old.error;
}

void rc_config_drop_server(ringcache_config *config, size_t index)
{
    rc_server_uri_deinit(&config->servers[index]);
    config->server_count--;
    memmove(&config->servers[index], &config->servers[index + 1],
        (config->server_count - index) * sizeof config->servers[0]);
}

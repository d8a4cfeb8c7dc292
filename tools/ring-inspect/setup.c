/* SPDX-License-Identifier: MIT */
/* Files first, then servers and options in the order of the command line, so that an option given
 * there overrides the file's. */

#include "setup.h"

#include <stdlib.h>
#include <string.h>

#include "password.h"
#include "report.h"

int setup_complain(const ringcache_config *config, int status)
{
    if (status == RINGCACHE_ENOMEM)
        return complain_memory();
    const char *text = ringcache_config_error(config);
    complain("%s", *text != '\0' ? text : ringcache_strerror(status));
    return EXIT_USAGE;
}

static int load_file(ringcache_config *config, const char *path)
{
    int status = ringcache_config_load_file(config, path);

    if (status == 0)
        return EXIT_DONE;
    if (status == RINGCACHE_ECONFIG || status == RINGCACHE_ENOMEM)
        return setup_complain(config, status);
    complain("%s: %s", path, ringcache_strerror(status));
    return EXIT_USAGE;
}

static int add_server(ringcache_config *config, const char *uri)
{
    char *whole = NULL;

    if (!password_complete(uri, &whole))
        return complain_memory();
    int status = ringcache_config_add_server(config, whole);
    password_free(whole);
    return status == 0 ? EXIT_DONE : setup_complain(config, status);
}

static int set_option(ringcache_config *config, const char *text)
{
    static const char server[] = "server=";
    const char *equals = strchr(text, '=');

    if (equals == NULL) {
        complain("-o takes option=value");
        return EXIT_USAGE;
    }
    if (strncmp(text, server, sizeof server - 1) == 0)
        return add_server(config, equals + 1);
    char *name = strndup(text, (size_t)(equals - text));
    if (name == NULL)
        return complain_memory();
    int status = ringcache_config_set(config, name, equals + 1);
    free(name);
    return status == 0 ? EXIT_DONE : setup_complain(config, status);
}

static int apply(ringcache_config *config, const struct call *call)
{
    int status = EXIT_DONE;

    for (size_t i = 0; i < call->setting_count && status == EXIT_DONE; i++)
        if (call->settings[i].kind == 'c')
            status = load_file(config, call->settings[i].text);
    for (size_t i = 0; i < call->setting_count && status == EXIT_DONE; i++) {
        const struct setting *setting = &call->settings[i];
        if (setting->kind == 's')
            status = add_server(config, setting->text);
        else if (setting->kind == 'o')
            status = set_option(config, setting->text);
    }
    return status;
}

static void warn_of_passwords(const struct call *call)
{
    for (size_t i = 0; i < call->setting_count; i++) {
        if (call->settings[i].kind == 'c' || !password_shown(call->settings[i].text))
            continue;
        warn("every user of this machine can see a password on the command line; put it into a "
             "file or into " PASSWORD_VARIABLE);
        return;
    }
}

static int build(struct setup *setup)
{
    int status = ringcache_config_check(setup->config);

    if (status == 0)
        status = ringcache_ring_new(&setup->ring, setup->config);
    if (status == 0)
        status = ringcache_ring_new_of_spares(&setup->spares, setup->config);
    return status == 0 ? EXIT_DONE : setup_complain(setup->config, status);
}

static void warn_of_findings(const ringcache_config *config)
{
    for (size_t i = 0; i < ringcache_config_warning_count(config); i++)
        warn("%s", ringcache_config_warning(config, i));
}

int setup_open(struct setup *setup, const struct call *call)
{
    *setup = (struct setup){0};
    if (ringcache_config_new(&setup->config) != 0)
        return complain_memory();
    warn_of_passwords(call);
    int status = apply(setup->config, call);
    if (status == EXIT_DONE)
        status = build(setup);
    if (status != EXIT_DONE)
        return status;
    if (ringcache_ring_server_count(setup->ring) == 0) {
        complain(setup_server_count(setup) == 0
                     ? "no server: name a file with -c or a server with -s"
                     : "all servers are spares, so none owns a key");
        return EXIT_USAGE;
    }
    warn_of_findings(setup->config);
    return EXIT_DONE;
}

int setup_open_file(struct setup *setup, const char *path)
{
    *setup = (struct setup){0};
    if (ringcache_config_new(&setup->config) != 0)
        return complain_memory();
    int status = load_file(setup->config, path);
    if (status == EXIT_DONE)
        status = build(setup);
    if (status == EXIT_DONE)
        warn_of_findings(setup->config);
    return status;
}

void setup_close(struct setup *setup)
{
    ringcache_ring_unref(setup->ring);
    ringcache_ring_unref(setup->spares);
    ringcache_config_free(setup->config);
}

size_t setup_server_count(const struct setup *setup)
{
    return ringcache_ring_server_count(setup->ring) + ringcache_ring_server_count(setup->spares);
}

const char *setup_server_name(const struct setup *setup, size_t index)
{
    size_t owners = ringcache_ring_server_count(setup->ring);

    return index < owners ? ringcache_ring_server_name(setup->ring, index)
                          : ringcache_ring_server_name(setup->spares, index - owners);
}

bool setup_is_spare(const struct setup *setup, size_t index)
{
    return index >= ringcache_ring_server_count(setup->ring);
}

size_t setup_find(const struct setup *setup, const char *name)
{
    for (size_t i = 0; i < setup_server_count(setup); i++)
        if (strcmp(setup_server_name(setup, i), name) == 0)
            return i;
    complain("no server has the name %s", name);
    return RINGCACHE_NONE;
}

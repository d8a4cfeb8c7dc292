/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include "config/state.h"
#include "engine/bytes.h"
#include "shortage.h"

static void add_number(struct sim_bytes *text, uint64_t number)
{
    char line[24];
    int len = snprintf(line, sizeof line, "%" PRIu64 "\n", number);
    sim_bytes_append(text, line, (size_t)len);
}

static void add_text(struct sim_bytes *text, const char *line)
{
    sim_bytes_text(text, line != NULL ? line : "\x01");
    sim_bytes_text(text, "\n");
}

static void add_server(struct sim_bytes *text, const struct rc_server_uri *server)
{
    add_text(text, server->display);
    add_text(text, server->address);
    add_text(text, server->user);
    add_text(text, server->password);
    add_number(text, server->database);
}

char *fuzz_settings(const ringcache_config *config)
{
    const struct rc_values *values = &config->values;
    const struct rc_settings *s = &values->settings;
    const uint64_t numbers[] = {s->timeout_ms, s->connect_timeout_ms, s->fence_limit_ms,
        s->connections, s->max_inflight, s->hold_back, s->max_queued_bytes, s->max_value_bytes,
        s->failover_ttl_ms, s->failover_budget, s->journal_entries, s->on_overflow, s->failover,
        s->integrity, s->dialect, s->single_flight, s->leases, values->distribution, values->hash,
        values->points, values->hash_namespace, values->tagged, values->tag[0], values->tag[1]};
    struct sim_bytes text = {0};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        add_number(&text, numbers[i]);
    }
    add_text(&text, values->name_space);
    for (size_t i = 0; i < config->server_count; i++) {
        add_server(&text, &config->servers[i]);
    }
    char *copy = (char *)fuzz_copy(sim_bytes_view(&text), 1);
    sim_bytes_deinit(&text);
    return copy;
}

void fuzz_check_line(const char *text)
{
    FUZZ_MUST(text[0] != '\0');
    for (const char *at = text; *at != '\0'; at++) {
        FUZZ_MUST(*at >= 0x20 && *at < 0x7f);
    }
}

static ringcache_config *copy_config(const ringcache_config *config, uint64_t starve)
{
    ringcache_config *copy;
    fuzz_starve(starve);
    int rc = rc_config_copy(&copy, config);
    bool starved = fuzz_relent();
    FUZZ_MUST(rc == (starved ? RINGCACHE_ENOMEM : 0));
    FUZZ_MUST(!starved || rc_config_copy(&copy, config) == 0);
    return copy;
}

void fuzz_use(ringcache_config *config, uint64_t starve)
{
    char *before = fuzz_settings(config);
    ringcache_config *copy = copy_config(config, starve);
    char *after = fuzz_settings(copy);
    FUZZ_MUST(strcmp(before, after) == 0);
    free(before);
    free(after);
    int rc = ringcache_config_check(copy);
    FUZZ_MUST(rc == 0 || rc == RINGCACHE_ECONFIG);
    FUZZ_MUST(rc == rc_config_check(config));
    if (rc != 0) {
        fuzz_check_line(ringcache_config_error(config));
    }
    for (size_t i = 0; i < ringcache_config_warning_count(copy); i++) {
        fuzz_check_line(ringcache_config_warning(copy, i));
    }
    ringcache_config_free(copy);
}

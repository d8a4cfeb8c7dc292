/* SPDX-License-Identifier: MIT */
/* options: the library's own table of options. The manual's list of them is made from it. */

#include <stdio.h>

#include <ringcache/config.h>

#include "command.h"
#include "json.h"
#include "table.h"

static void add_meaning(struct table *table, const ringcache_option *option)
{
    const char *gap = *option->unit == '\0' ? "" : " ";

    if (*option->range == '\0')
        table_text(table, option->summary);
    else
        table_format(table, "%s (%s%s%s)", option->summary, option->range, gap, option->unit);
}

static int print_text(void)
{
    const ringcache_option *option;
    struct table table;

    table_init(&table, "lll");
    table_text(&table, "option");
    table_text(&table, "default");
    table_text(&table, "meaning");
    for (size_t i = 0; (option = ringcache_option_at(i)) != NULL; i++) {
        table_text(&table, option->name);
        table_text(&table, option->fallback);
        add_meaning(&table, option);
    }
    return table_print(&table);
}

static int print_json(void)
{
    json_t *rows = json_array();
    const ringcache_option *option;

    for (size_t i = 0; (option = ringcache_option_at(i)) != NULL; i++) {
        json_t *row = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "name", option->name, "type",
            option->type, "unit", option->unit, "range", option->range, "default", option->fallback,
            "summary", option->summary);
        if (json_array_append_new(rows, row) != 0) {
            json_decref(rows);
            rows = NULL;
            break;
        }
    }
    return json_print(rows);
}

int run_options(const struct call *call)
{
    return call->json ? print_json() : print_text();
}

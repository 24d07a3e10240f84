/* pannier outbox: what was recorded here, and what became of it. */
#include "client/command/command.h"
#include "common/table.h"

#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

/* What still needs something: without --all, what has arrived well is only counted. */
#define OPEN_STATES "waiting,parked,held,late,quarantined"

static const char *title_of(const json_t *entry)
{
        const struct catalogue_type *type =
                catalogue_type_by_name(bytes_text(text_of(entry, "type")));

        return type ? type->title : text_of(entry, "type");
}

static const char *name_of(const json_t *names, const json_t *entry)
{
        const char *person = text_of(entry, "person");
        const char *name = json_string_value(json_object_get(names, person));

        return name ? name : *person ? person : "";
}

static int print_entries(struct context *context, const json_t *answer, bool all)
{
        static const struct table_column columns[] = {{"Recorded", false},
                                                      {"What", false},
                                                      {"About", false},
                                                      {"State", false},
                                                      {"Entry", false}};
        const json_t *entries = json_object_get(answer, "entries");
        CLEANUP(json_freep) json_t *names = client_names(context);
        CLEANUP(table_freep) struct table *table = NULL;
        int r = table_new(columns, 5, &table);

        for (size_t i = 0; i < json_array_size(entries) && r >= 0; i++) {
                const json_t *entry = json_array_get(entries, i);
                const char *operation = text_of(entry, "operation");
                bool readable = true_of(entry, "readable");
                if (!all &&
                    (number_of(entry, "lane") == LANE_BULK || json_object_get(entry, "closed")))
                        continue; /* who looked at whom; refused, and dealt with */
                table_cell_text(table,
                                readable ? ago_text(context, instant_of(entry, "recorded")) : "");
                table_cell_format(table, "%s%s", readable ? title_of(entry) : "(not yours to read)",
                                  strcmp(operation, "edit") == 0     ? ", changed"
                                  : strcmp(operation, "decide") == 0 ? ", decided"
                                                                     : "");
                table_cell_text(table, name_of(names, entry));
                table_cell_format(table, "%s%s%s",
                                  true_of(entry, "damaged") ? "DAMAGED on this disk"
                                                            : state_word(text_of(entry, "state")),
                                  json_object_get(entry, "closed") ? ", " : "",
                                  text_of(json_object_get(entry, "closed"), "how"));
                table_cell_text(table, text_of(entry, "id"));
        }
        if (r >= 0 && table_rows(table))
                r = table_print(table, stdout);
        return r < 0 ? EX_OSERR : EX_OK;
}

static void print_totals(struct context *context, bool all)
{
        CLEANUP(json_freep) json_t *status = NULL;
        int64_t waiting, seen_waiting, seen_arrived; /* seen: access events, counted apart */
        const json_t *outbox;
        char *text;

        if (pannier_status(context->client, &text) < 0)
                return;
        status = client_json(context, text);
        outbox = json_object_get(status, "outbox");
        seen_waiting = number_of(outbox, "access_events_waiting");
        seen_arrived = number_of(outbox, "access_events") - seen_waiting;
        waiting = number_of(outbox, "waiting") - seen_waiting;
        (void)printf("%" PRId64 " waiting, %" PRId64 " parked, %" PRId64 " arrived, %" PRId64
                     " held, %" PRId64 " late, %" PRId64 " refused.%s\n",
                     waiting, number_of(outbox, "parked"),
                     number_of(outbox, "applied") + number_of(outbox, "merged") - seen_arrived,
                     number_of(outbox, "held"), number_of(outbox, "late"),
                     number_of(status, "quarantine_open"),
                     all ? "" : " (--all shows what has arrived, too.)");
        if (waiting)
                (void)printf("Nobody but this device has what is waiting.\n");
}

/* From a refused entry to the one that deals with it, and back. */
static void print_links(const json_t *entry)
{
        const json_t *closed = json_object_get(entry, "closed");
        const char *old = text_of(entry, "instead_of");

        if (*old)
                (void)printf("  written in the place of %s, which was refused\n", old);
        if (!closed)
                return;
        (void)printf("  %s by entry %s\n", text_of(closed, "how"), text_of(closed, "by"));
        if (*text_of(closed, "note"))
                (void)printf("  %s\n", text_of(closed, "note"));
}

void entry_print(struct context *context, const json_t *entry)
{
        const struct catalogue_type *type =
                catalogue_type_by_name(bytes_text(text_of(entry, "type")));
        const json_t *fields = json_object_get(entry, "fields");
        const json_t *outcomes = json_object_get(entry, "outcomes");
        const json_t *why = json_object_get(entry, "quarantine");
        int64_t answered_ms = instant_of(entry, "answered");

        (void)printf("%s %s\n  %s\n", true_of(entry, "readable") ? title_of(entry) : "Entry",
                     text_of(entry, "id"), state_word(text_of(entry, "state")));
        if (!why)
                why = json_object_get(entry, "waits_for");
        if (why)
                (void)printf("  %s\n", text_of(why, "message"));
        if (instant_of(why, "until"))
                (void)printf("  it is refused where that has not come until %s\n",
                             when_text(instant_of(why, "until")));
        print_links(entry);
        if (instant_of(entry, "recorded"))
                (void)printf("  recorded %s\n", when_text(instant_of(entry, "recorded")));
        (void)printf("  answered by the store: %s\n",
                     answered_ms ? ago_text(context, answered_ms) : "not yet");
        for (uint16_t i = 0; type && i < type->field_count; i++) {
                const json_t *value = json_object_get(fields, type->fields[i].name);
                const char *outcome = text_of(outcomes, type->fields[i].name);
                if (!value)
                        continue;
                (void)printf("    %-28s ", type->fields[i].title);
                value_print(&type->fields[i], value, NULL, stdout);
                (void)printf("%s%s%s\n", *outcome ? "   [" : "", outcome, *outcome ? "]" : "");
        }
}

static int show_entry(struct context *context, const char *id)
{
        CLEANUP(json_freep) json_t *entry = NULL;
        char *text;
        int r = pannier_entry(context->client, id, &text);

        if (r < 0)
                return client_failed(context, r);
        if (context->json)
                return client_print(text);
        entry = client_json(context, text);
        if (!entry)
                return EX_PROTOCOL;
        entry_print(context, entry);
        return EX_OK;
}

bool number_parse(const struct context *context, const char *name, const char *text, uint64_t max,
                  uint64_t *ret)
{
        char *end = NULL;
        unsigned long long number = text ? strtoull(text, &end, 10) : 0;

        *ret = number;
        if (!text || (*end == 0 && end != text && *text != '-' && number <= max))
                return true;
        (void)usage_error(context, "--%s is a number up to %" PRIu64, name, max);
        return false;
}

int command_outbox(struct context *context, int argc, char **argv)
{
        const char *states = NULL, *limit_text = NULL, *after_text = NULL;
        bool all = false;
        const struct argument arguments[] = {{"state", &states, NULL},
                                             {"limit", &limit_text, NULL},
                                             {"after", &after_text, NULL},
                                             {"all", NULL, &all}};
        CLEANUP(json_freep) json_t *answer = NULL;
        uint64_t limit, after;
        char **rest, *text;
        int count, r;
        int code = arguments_parse(context, argc, argv, arguments, 4, &rest, &count);

        if (code == ARGUMENTS_GIVEN && count > 1)
                code = usage_error(context, "%s is not understood", rest[1]);
        if (code != ARGUMENTS_GIVEN)
                return code;
        if (!number_parse(context, "limit", limit_text, PANNIER_PAGE_MAX, &limit) ||
            !number_parse(context, "after", after_text, INT64_MAX, &after))
                return EX_USAGE;
        code = client_open(context, false);
        if (code != ARGUMENTS_GIVEN)
                return code;
        if (count)
                return show_entry(context, rest[0]);
        r = pannier_outbox(context->client,
                           states                 ? states
                           : all || context->json ? NULL
                                                  : OPEN_STATES,
                           (unsigned)limit, after, &text);
        if (r < 0)
                return client_failed(context, r);
        if (context->json)
                return client_print(text);
        answer = client_json(context, text);
        if (!answer)
                return EX_PROTOCOL;
        code = print_entries(context, answer, all);
        if (json_is_integer(json_object_get(answer, "next")))
                (void)printf("There are more: --after %" PRId64 "\n", number_of(answer, "next"));
        print_totals(context, all || states);
        return code;
}

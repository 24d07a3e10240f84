/* pannier conflicts: values that stand beside each other until somebody decides. */
#include "client/command/command.h"

#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

static const char *kind_words(const char *kind)
{
        if (strcmp(kind, "concurrent") == 0)
                return "Two people wrote different values";
        if (strcmp(kind, "proposal") == 0)
                return "A change is proposed";
        if (strcmp(kind, "transition") == 0)
                return "A step that is not expected";
        if (strcmp(kind, "duplicate") == 0)
                return "A second record of the same thing";
        return kind;
}

static void print_values(const struct catalogue_type *type, const json_t *values,
                         const char *indent)
{
        const char *name;
        json_t *value;

        json_object_foreach((json_t *)(uintptr_t)values, name, value)
        {
                int index = type ? catalogue_field_index_by_name(type, bytes_text(name)) : -1;
                if (index < 0)
                        continue;
                (void)printf("%s%s: ", indent, type->fields[index].title);
                value_print(&type->fields[index], value, NULL, stdout);
                (void)putchar('\n');
        }
}

static void print_conflict(struct context *context, const json_t *names, const json_t *conflict)
{
        const struct catalogue_type *type =
                catalogue_type_by_name(bytes_text(text_of(conflict, "type")));
        const json_t *values = json_object_get(conflict, "values");
        const char *person = text_of(conflict, "person");
        const char *name = json_string_value(json_object_get(names, person));

        (void)printf("%s: %s\n  %s, %s\n", type ? type->title : text_of(conflict, "type"),
                     kind_words(text_of(conflict, "kind")), name ? name : person,
                     ago_text(context, instant_of(conflict, "recorded")));
        (void)printf("  conflict %s%s\n", text_of(conflict, "id"),
                     true_of(conflict, "may_decide") ? "" : "   (your role does not decide this)");
        if (json_object_size(json_object_get(conflict, "standing"))) {
                (void)printf("    stands:\n");
                print_values(type, json_object_get(conflict, "standing"), "        ");
        }
        for (size_t i = 0; i < json_array_size(values); i++) {
                const json_t *value = json_array_get(values, i);
                const char *state = text_of(value, "state");
                (void)printf("    %zu: %s, %s%s%s   %s\n", i + 1, text_of(value, "role"),
                             ago_text(context, instant_of(value, "recorded")),
                             strcmp(state, "open") == 0 ? "" : ", ",
                             strcmp(state, "open") == 0 ? "" : state, text_of(value, "id"));
                print_values(type, json_object_get(value, "values"), "        ");
        }
        (void)putchar('\n');
}

static json_t *get_conflicts(struct context *context, int *ret_code)
{
        char *text;
        int r = pannier_conflicts(context->client, PANNIER_PAGE_MAX, NULL, &text);

        *ret_code = EX_PROTOCOL;
        if (r >= 0)
                return client_json(context, text);
        *ret_code = client_failed(context, r);
        return NULL;
}

static int list_conflicts(struct context *context)
{
        CLEANUP(json_freep) json_t *names = NULL;
        CLEANUP(json_freep) json_t *answer = NULL;
        const json_t *conflicts;
        int code;

        answer = get_conflicts(context, &code);
        if (!answer)
                return code;
        if (context->json) {
                CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
                json_append(answer, &text);
                (void)printf("%.*s\n", (int)text.size, (const char *)text.data);
                return EX_OK;
        }
        names = client_names(context);
        conflicts = json_object_get(answer, "conflicts");
        for (size_t i = 0; i < json_array_size(conflicts); i++)
                print_conflict(context, names, json_array_get(conflicts, i));
        if (json_array_size(conflicts) == 0)
                (void)puts("Nothing waits for a decision.");
        else
                (void)puts("To decide: pannier conflicts decide CONFLICT NUMBER, or ... stands");
        return EX_OK;
}

static const json_t *find_conflict(const json_t *answer, const char *id)
{
        const json_t *conflicts = json_object_get(answer, "conflicts");

        for (size_t i = 0; i < json_array_size(conflicts); i++)
                if (strcmp(text_of(json_array_get(conflicts, i), "id"), id) == 0)
                        return json_array_get(conflicts, i);
        return NULL;
}

/* The id of the value that somebody typed: its number in the list, its id, or "stands". */
static const char *find_value(const json_t *conflict, const char *typed)
{
        const json_t *values = json_object_get(conflict, "values");
        char *end = NULL;
        unsigned long number = strtoul(typed, &end, 10);

        if (strcmp(typed, "stands") == 0)
                return text_of(conflict, "id");
        if (end && !*end && number >= 1 && number <= json_array_size(values))
                return text_of(json_array_get(values, number - 1), "id");
        for (size_t i = 0; i < json_array_size(values); i++)
                if (strcmp(text_of(json_array_get(values, i), "id"), typed) == 0)
                        return text_of(json_array_get(values, i), "id");
        return NULL;
}

static int decide(struct context *context, const char *id, const char *typed, const char *reason)
{
        CLEANUP(json_freep) json_t *answer = NULL;
        CLEANUP(free_pointerp) const char **seen = NULL;
        char request[PANNIER_ID_SIZE];
        const json_t *conflict, *values;
        const char *chosen;
        size_t count = 0;
        int code, r;

        answer = get_conflicts(context, &code);
        if (!answer)
                return code;
        conflict = find_conflict(answer, id);
        if (!conflict) {
                (void)fprintf(stderr, "%s: there is no open conflict %.40s that you may see\n",
                              context->program, id);
                return EX_NOINPUT;
        }
        chosen = find_value(conflict, typed);
        if (!chosen)
                return usage_error(
                        context, "%.40s is neither the number or id of a value, nor stands", typed);
        values = json_object_get(conflict, "values");
        seen = calloc(json_array_size(values) + 1, sizeof(*seen));
        for (size_t i = 0; seen && i < json_array_size(values); i++)
                if (strcmp(text_of(json_array_get(values, i), "state"), "open") == 0)
                        seen[count++] = text_of(json_array_get(values, i), "id");
        if (!seen)
                return EX_OSERR;
        pannier_new_id(request);
        r = pannier_decide(context->client, id, request, chosen, seen, count, reason);
        if (r < 0)
                return client_failed(context, r);
        if (context->json)
                (void)printf("{\"request\": \"%s\"}\n", request);
        else
                (void)puts("Decided on this device; it takes effect when the store has it.");
        return EX_OK;
}

int command_conflicts(struct context *context, int argc, char **argv)
{
        const char *reason = NULL;
        const struct argument arguments[] = {{"reason", &reason, NULL}};
        char **rest;
        int count;
        int code = arguments_parse(context, argc, argv, arguments, 1, &rest, &count);

        if (code == ARGUMENTS_GIVEN && count && (count != 3 || strcmp(rest[0], "decide") != 0))
                code = usage_error(context, "say nothing, or decide CONFLICT VALUE");
        if (code == ARGUMENTS_GIVEN)
                code = client_open(context, true);
        if (code != ARGUMENTS_GIVEN)
                return code;
        return count ? decide(context, rest[1], rest[2], reason) : list_conflicts(context);
}

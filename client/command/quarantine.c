/* pannier quarantine: what the store refused, and writing it anew. */
#include "client/command/command.h"

#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

static int list_refused(struct context *context, bool all, unsigned limit, uint64_t after)
{
        CLEANUP(json_freep) json_t *answer = NULL;
        const json_t *entries;
        char *text;
        int r = all ? pannier_outbox(context->client, "quarantined", limit, after, &text)
                    : pannier_quarantine(context->client, limit, after, &text);

        if (r < 0)
                return client_failed(context, r);
        if (context->json)
                return client_print(text);
        answer = client_json(context, text);
        if (!answer)
                return EX_PROTOCOL;
        entries = json_object_get(answer, "entries");
        for (size_t i = 0; i < json_array_size(entries); i++)
                entry_print(context, json_array_get(entries, i));
        if (json_is_integer(json_object_get(answer, "next")))
                (void)printf("There are more: --after %" PRId64 "\n", number_of(answer, "next"));
        if (json_array_size(entries) == 0)
                (void)puts(all ? "The store has refused nothing of this device."
                               : "Nothing that the store refused waits for anybody.");
        else
                (void)puts(
                        "\nNothing is lost: each is kept here and at the store. To write one anew, "
                        "rightly:\n  pannier quarantine fix ENTRY field=value ...");
        return EX_OK;
}

/* ---- one, with its bytes ---- */

static void print_part(const char *name, const json_t *part, int indent)
{
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        const char *key;
        json_t *value;

        if (json_is_object(part)) {
                (void)printf("%*s%s\n", indent, "", name);
                json_object_foreach((json_t *)(uintptr_t)part, key, value)
                        print_part(key, value, indent + 2);
                return;
        }
        if (json_is_string(part))
                buffer_append_text(&text, json_string_value(part));
        else
                json_append(part, &text);
        if (!json_is_null(part))
                (void)printf("%*s%-14s %.*s\n", indent, "", name, (int)text.size,
                             (const char *)text.data);
}

static int show_refused(struct context *context, const char *id)
{
        CLEANUP(json_freep) json_t *entry = NULL;
        char *text;
        int r = pannier_entry_bytes(context->client, id, &text);

        if (r < 0)
                return client_failed(context, r);
        if (context->json)
                return client_print(text);
        entry = client_json(context, text);
        if (!entry)
                return EX_PROTOCOL;
        entry_print(context, entry);
        if (json_object_get(entry, "bytes"))
                print_part("as it travels", json_object_get(entry, "bytes"), 2);
        return EX_OK;
}

/* ---- fixing ---- */

/* The words behind the id: field=value each; a --set in front of one says nothing. */
static int read_fields(struct context *context, const char *entry_text, char **words, int count,
                       json_t *fields)
{
        CLEANUP(json_freep) json_t *entry = NULL;
        const char *type;
        char *text;
        int code = ARGUMENTS_GIVEN, r = pannier_entry(context->client, entry_text, &text);

        if (r < 0)
                return client_failed(context, r);
        entry = client_json(context, text);
        if (!entry)
                return EX_PROTOCOL;
        type = text_of(entry, "type");
        if (!*type) {
                (void)fprintf(
                        stderr,
                        "%s: what is in %.40s is not yours to read, so it is not yours to fix\n",
                        context->program, entry_text);
                return EX_NOPERM;
        }
        for (int i = 0; i < count && code == ARGUMENTS_GIVEN; i++)
                code = fields_add(context, type, words[i], fields);
        return code;
}

static int fix(struct context *context, const char *entry, const char *request, const char *reason,
               char **words, int count)
{
        CLEANUP(json_freep) json_t *fields = json_object();
        CLEANUP(buffer_deinit) struct buffer text = BUFFER_INIT;
        char made[PANNIER_ID_SIZE];
        int r, code = read_fields(context, entry, words, count, fields);

        if (code != ARGUMENTS_GIVEN)
                return code;
        if (!request) {
                pannier_new_id(made);
                request = made;
        }
        json_append(fields, &text);
        buffer_append_byte(&text, 0);
        if (buffer_check(&text) < 0)
                return EX_OSERR;
        r = pannier_fix(context->client, entry, request, (const char *)text.data, reason);
        if (r < 0)
                return client_failed(context, r);
        if (context->json)
                (void)printf("{\"entry\": \"%s\", \"instead_of\": \"%s\"}\n", request, entry);
        else
                (void)printf("Recorded on this device as entry %s, in the place of %s.\n", request,
                             entry);
        return EX_OK;
}

int command_quarantine(struct context *context, int argc, char **argv)
{
        const char *limit_text = NULL, *after_text = NULL, *request = NULL, *reason = NULL, *verb;
        bool all = false, set = false;
        const struct argument arguments[] = {
                {"limit", &limit_text, NULL}, {"after", &after_text, NULL},
                {"request", &request, NULL},  {"reason", &reason, NULL},
                {"all", NULL, &all},          {"set", NULL, &set}};
        uint64_t limit, after;
        char **rest;
        int count, code = arguments_parse(context, argc, argv, arguments, 6, &rest, &count);

        if (code != ARGUMENTS_GIVEN)
                return code;
        verb = count ? rest[0] : "list";
        if (!number_parse(context, "limit", limit_text, PANNIER_PAGE_MAX, &limit) ||
            !number_parse(context, "after", after_text, INT64_MAX, &after))
                return EX_USAGE;
        if (strcmp(verb, "fix") == 0 && count < 2)
                return usage_error(context, "say which entry, and what is to be other in it");
        if (!((strcmp(verb, "list") == 0 && count < 2) ||
              (strcmp(verb, "show") == 0 && count == 2) || (strcmp(verb, "fix") == 0)))
                return usage_error(context, "say list, show ENTRY, or fix ENTRY field=value ...");
        code = client_open(context, strcmp(verb, "fix") == 0);
        if (code != ARGUMENTS_GIVEN)
                return code;
        if (strcmp(verb, "fix") == 0)
                return fix(context, rest[1], request, reason, rest + 2, count - 2);
        return strcmp(verb, "show") == 0 ? show_refused(context, rest[1])
                                         : list_refused(context, all, (unsigned)limit, after);
}

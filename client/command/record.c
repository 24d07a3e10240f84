/* pannier record, visit, escalate, draft: writing. */
#include "client/command/command.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

enum { INPUT_MAX = 1 << 20 };

int record_put(struct context *context, const char *type, const char *request, const char *person,
               json_t *fields, char *ret_id)
{
        CLEANUP(json_freep) json_t *owned = fields;
        CLEANUP(buffer_wipe) struct buffer text = BUFFER_INIT;
        char id[PANNIER_ID_SIZE], made[PANNIER_ID_SIZE];
        int r;

        json_append(fields, &text);
        buffer_append_byte(&text, 0);
        if (buffer_check(&text) < 0)
                return EX_OSERR;
        if (!request) {
                pannier_new_id(made);
                request = made;
        }
        r = pannier_put(context->client, type, request, person, (const char *)text.data, id);
        if (r == PANNIER_E_LINK) /* it may be recorded: the same request tells, without harm */
                r = pannier_put(context->client, type, request, person, (const char *)text.data,
                                id);
        if (r < 0)
                return client_failed(context, r);
        if (context->json)
                (void)printf("{\"request\": \"%s\", \"record\": \"%s\"}\n", request, id);
        else
                (void)printf("Recorded on this device: %s %s\n", type, id);
        if (ret_id)
                (void)snprintf(ret_id, PANNIER_ID_SIZE, "%s", id);
        return ARGUMENTS_GIVEN;
}

static int add_all(struct context *context, const char *type, char **words, int count,
                   json_t *fields)
{
        int code = ARGUMENTS_GIVEN;

        for (int i = 0; i < count && code == ARGUMENTS_GIVEN; i++)
                code = fields_add(context, type, words[i], fields);
        return code;
}

/* Whom it is about; a type without a person, and a new person, go without. */
static int find_person(struct context *context, const char *type_name, const char *typed,
                       char ret[PANNIER_ID_SIZE])
{
        const struct catalogue_type *type = catalogue_type_by_name(bytes_text(type_name));

        ret[0] = 0;
        if (typed)
                return client_person(context, typed, ret);
        if (type->personal && !type->is_person)
                return usage_error(context, "say whom it is about: --person ID or NHS number");
        return ARGUMENTS_GIVEN;
}

static int read_input(const struct context *context, const char *path, struct buffer *out)
{
        FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
        size_t size = 1;

        if (!file) {
                (void)fprintf(stderr, "%s: cannot read %s: %s\n", context->program, path,
                              strerror(errno));
                return EX_NOINPUT;
        }
        out->limit = INPUT_MAX;
        while (size > 0) {
                uint8_t *place = buffer_reserve(out, 16384);
                size = place ? fread(place, 1, 16384, file) : 0;
                out->size += size;
        }
        buffer_append_byte(out, 0);
        if (file != stdin)
                (void)fclose(file);
        if (buffer_check(out) < 0) {
                (void)fprintf(stderr, "%s: %s is larger than 1 MiB\n", context->program, path);
                return EX_DATAERR;
        }
        return ARGUMENTS_GIVEN;
}

static int record_json(struct context *context, const char *path)
{
        CLEANUP(buffer_wipe) struct buffer input = BUFFER_INIT;
        char *text;
        int code = read_input(context, path, &input), r;

        if (code == ARGUMENTS_GIVEN)
                code = client_open(context, true);
        if (code != ARGUMENTS_GIVEN)
                return code;
        if (strlen((const char *)input.data) + 1 != input.size) {
                (void)fprintf(stderr, "%s: the input holds a zero byte\n", context->program);
                return EX_DATAERR;
        }
        r = pannier_commit(context->client, (const char *)input.data, &text);
        return r < 0 ? client_failed(context, r) : client_print(text);
}

/* The type of the record, as the daemon tells it. */
static int type_of_record(struct context *context, const char *record, char ret[64])
{
        CLEANUP(json_freep) json_t *json = NULL;
        char *text;
        int r = pannier_record(context->client, record, &text);

        if (r < 0)
                return client_failed(context, r);
        json = client_json(context, text);
        (void)snprintf(ret, 64, "%s", text_of(json, "type"));
        if (catalogue_type_by_name(bytes_text(ret)))
                return ARGUMENTS_GIVEN;
        (void)fprintf(stderr, "%s: the record is of a newer Pannier\n", context->program);
        return EX_DATAERR;
}

static int edit_record(struct context *context, const char *record, const char *request,
                       const char *reason, char **words, int count)
{
        CLEANUP(json_freep) json_t *fields = json_object();
        CLEANUP(buffer_wipe) struct buffer text = BUFFER_INIT;
        char type[64], made[PANNIER_ID_SIZE];
        int code = count ? client_open(context, true) : usage_error(context, "nothing to change");
        int r;

        if (code == ARGUMENTS_GIVEN)
                code = type_of_record(context, record, type);
        if (code == ARGUMENTS_GIVEN)
                code = add_all(context, type, words, count, fields);
        if (code != ARGUMENTS_GIVEN)
                return code;
        if (!request) {
                pannier_new_id(made);
                request = made;
        }
        json_append(fields, &text);
        buffer_append_byte(&text, 0);
        r = pannier_edit(context->client, record, request, (const char *)text.data, reason);
        if (r < 0)
                return client_failed(context, r);
        if (context->json)
                (void)printf("{\"request\": \"%s\", \"record\": \"%s\"}\n", request, record);
        else
                (void)printf("Changed on this device: %s %s\n", type, record);
        return EX_OK;
}

static int show_record(struct context *context, const char *record)
{
        char *text;
        int code = client_open(context, true), r;

        if (code != ARGUMENTS_GIVEN)
                return code;
        r = pannier_record(context->client, record, &text);
        return r < 0 ? client_failed(context, r) : client_print(text);
}

static bool is_type(const struct context *context, const char *name)
{
        if (catalogue_type_by_name(bytes_text(name)))
                return true;
        (void)fprintf(stderr, "%s: there is no type %.40s; there are:", context->program, name);
        const struct catalogue *catalogue = catalogue_get();
        for (uint16_t i = 0; i < catalogue->type_count; i++)
                (void)fprintf(stderr, " %s", catalogue->types[i].name);
        (void)fputc('\n', stderr);
        return false;
}

static int put_words(struct context *context, const char *type, const char *person,
                     const char *request, char **words, int count)
{
        CLEANUP(json_freep) json_t *fields = json_object();
        char id[PANNIER_ID_SIZE];
        int code = client_open(context, true);

        if (code == ARGUMENTS_GIVEN)
                code = find_person(context, type, person, id);
        if (code == ARGUMENTS_GIVEN)
                code = add_all(context, type, words, count, fields);
        if (code == ARGUMENTS_GIVEN)
                code = record_put(context, type, request, *id ? id : NULL, TAKE(fields), NULL);
        return code == ARGUMENTS_GIVEN ? EX_OK : code;
}

int command_record(struct context *context, int argc, char **argv)
{
        const char *person = NULL, *request = NULL, *edit = NULL, *reason = NULL, *input = NULL;
        const char *fields_of = NULL, *show = NULL;
        const struct argument arguments[] = {
                {"person", &person, NULL}, {"request", &request, NULL},
                {"edit", &edit, NULL},     {"reason", &reason, NULL},
                {"json", &input, NULL},    {"fields", &fields_of, NULL},
                {"show", &show, NULL},
        };
        char **rest;
        int count;
        int code = arguments_parse(context, argc, argv, arguments, 7, &rest, &count);

        if (code != ARGUMENTS_GIVEN)
                return code;
        if (fields_of) {
                if (!is_type(context, fields_of))
                        return EX_DATAERR;
                print_field_list(fields_of, stdout);
                return EX_OK;
        }
        if (input)
                return count ? usage_error(context, "with --json, everything is in the input")
                             : record_json(context, input);
        if (show)
                return show_record(context, show);
        if (edit)
                return edit_record(context, edit, request, reason, rest, count);
        if (count == 0)
                return usage_error(context, "say of which type it is");
        if (!is_type(context, rest[0]))
                return EX_DATAERR;
        return put_words(context, rest[0], person, request, rest + 1, count - 1);
}

int command_visit(struct context *context, int argc, char **argv)
{
        const char *person = NULL, *request = NULL;
        const struct argument arguments[] = {{"person", &person, NULL},
                                             {"request", &request, NULL}};
        char **rest;
        int count;
        int code = arguments_parse(context, argc, argv, arguments, 2, &rest, &count);

        if (code == ARGUMENTS_GIVEN && count == 0)
                code = usage_error(context, "a visit needs field=value; pannier record --fields "
                                            "visit lists the fields");
        return code == ARGUMENTS_GIVEN ? put_words(context, "visit", person, request, rest, count)
                                       : code;
}

/* ---- escalate ---- */

static void print_on_call(struct context *context)
{
        CLEANUP(json_freep) json_t *answer = NULL;
        const json_t *teams;
        char *text;

        if (pannier_records(context->client, NULL, "team", PANNIER_PAGE_MAX, NULL, &text) < 0)
                return;
        answer = client_json(context, text);
        teams = json_object_get(answer, "records");
        for (size_t i = 0; i < json_array_size(teams); i++) {
                const json_t *fields = json_object_get(json_array_get(teams, i), "fields");
                if (*text_of(fields, "on_call_phone"))
                        (void)printf("  %-40s %s\n", text_of(fields, "name"),
                                     text_of(fields, "on_call_phone"));
        }
}

int command_escalate(struct context *context, int argc, char **argv)
{
        static const char *const names[] = {"situation",      "background",   "assessment",
                                            "recommendation", "observations", "priority"};
        const char *person = NULL, *values[6] = {NULL, NULL, NULL, NULL, NULL, "urgent"};
        bool worried = false;
        const struct argument arguments[] = {
                {"person", &person, NULL},
                {"situation", &values[0], NULL},
                {"background", &values[1], NULL},
                {"assessment", &values[2], NULL},
                {"recommendation", &values[3], NULL},
                {"observations", &values[4], NULL},
                {"priority", &values[5], NULL},
                {"worried", NULL, &worried},
        };
        CLEANUP(json_freep) json_t *fields = json_object();
        char **rest, id[PANNIER_ID_SIZE];
        int count;
        int code = arguments_parse(context, argc, argv, arguments, 8, &rest, &count);

        if (code == ARGUMENTS_GIVEN && !values[0])
                code = usage_error(context, "say what is happening: --situation TEXT");
        for (size_t i = 0; i < 6 && code == ARGUMENTS_GIVEN; i++)
                if (values[i])
                        (void)json_object_set_new(fields, names[i], json_string(values[i]));
        if (worried)
                (void)json_object_set_new(fields, "worried", json_true());
        if (code == ARGUMENTS_GIVEN)
                code = client_open(context, true);
        if (code == ARGUMENTS_GIVEN)
                code = find_person(context, "escalation", person, id);
        if (code == ARGUMENTS_GIVEN)
                code = add_all(context, "escalation", rest, count, fields);
        if (code == ARGUMENTS_GIVEN)
                code = record_put(context, "escalation", NULL, id, TAKE(fields), NULL);
        if (code != ARGUMENTS_GIVEN)
                return code;
        (void)pannier_sync(context->client);
        if (!context->json) {
                (void)puts(
                        "\nIT IS NOT AT THE HUB YET. It is being sent; pannier status says when it "
                        "has arrived.\nIf it cannot wait, ring 999, or the team on call:");
                print_on_call(context);
        }
        return EX_OK;
}

/* ---- drafts ---- */

static int list_drafts(struct context *context)
{
        CLEANUP(json_freep) json_t *answer = NULL;
        const json_t *drafts;
        char *text;
        int r = pannier_drafts(context->client, &text);

        if (r < 0)
                return client_failed(context, r);
        if (context->json)
                return client_print(text);
        answer = client_json(context, text);
        drafts = json_object_get(answer, "drafts");
        for (size_t i = 0; i < json_array_size(drafts); i++) {
                const json_t *draft = json_array_get(drafts, i);
                (void)printf("%s  %-16s saved %s%s\n", text_of(draft, "id"), text_of(draft, "type"),
                             ago_text(context, instant_of(draft, "saved")),
                             true_of(draft, "old") ? "  NEEDS YOU" : "");
        }
        if (json_array_size(drafts) == 0)
                (void)puts("You have no drafts on this device.");
        return EX_OK;
}

static int put_draft(struct context *context, const char *person, char **words)
{
        CLEANUP(buffer_wipe) struct buffer input = BUFFER_INIT;
        int code = read_input(context, words[3], &input), r;

        if (code != ARGUMENTS_GIVEN)
                return code;
        r = pannier_draft_put(context->client, words[1], words[2], person,
                              (const char *)input.data);
        return r < 0 ? client_failed(context, r) : EX_OK;
}

int command_draft(struct context *context, int argc, char **argv)
{
        const char *person = NULL;
        const struct argument arguments[] = {{"person", &person, NULL}};
        char **rest, *text;
        int count, r;
        int code = arguments_parse(context, argc, argv, arguments, 1, &rest, &count);

        if (code == ARGUMENTS_GIVEN)
                code = client_open(context, true);
        if (code != ARGUMENTS_GIVEN)
                return code;
        if (count == 0)
                return list_drafts(context);
        if (count == 4 && strcmp(rest[0], "put") == 0)
                return put_draft(context, person, rest);
        if (count == 2 && strcmp(rest[0], "show") == 0) {
                r = pannier_draft(context->client, rest[1], &text);
                return r < 0 ? client_failed(context, r) : client_print(text);
        }
        if (count == 2 && strcmp(rest[0], "delete") == 0) {
                r = pannier_draft_delete(context->client, rest[1]);
                return r < 0 ? client_failed(context, r) : EX_OK;
        }
        return usage_error(context, "say show ID, put ID TYPE FILE, or delete ID");
}

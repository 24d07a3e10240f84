/* Between the subcommands and libpannier: connecting, failing with words, finding the person somebody typed. */
#include "client/command/command.h"
#include "common/id.h"
#include "common/nhs_number.h"

#include <string.h>
#include <sysexits.h>

/* What to do about it, where the daemon's sentence does not say so already. */
static const struct {
        int error;
        const char *advice;
} advices[] = {
        {PANNIER_E_LINK, NULL},
        {PANNIER_E_NOT_FOUND, "It is not on this device, or not among what you may see."},
        {PANNIER_E_STORAGE, "Nothing was recorded. Is the disk full? See pannier doctor."},
        {PANNIER_E_TAKEN, NULL},
        {PANNIER_E_BUSY, NULL},
};

int client_failed(const struct context *context, int error)
{
        const char *field = pannier_field(context->client);
        int index = pannier_index(context->client);

        (void)fprintf(stderr, "%s: ", context->program);
        if (index >= 0)
                (void)fprintf(stderr, "entry %d: ", index + 1);
        if (*field && !strstr(pannier_message(context->client), field))
                (void)fprintf(stderr, "%s: ", field);
        (void)fprintf(stderr, "%s\n",
                      *pannier_message(context->client) ? pannier_message(context->client)
                                                        : pannier_error_name(error));
        for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
                if (advices[i].error == error && advices[i].advice)
                        (void)fprintf(stderr, "%s\n", advices[i].advice);
        return pannier_error_exit_code(error);
}

int client_open(struct context *context, bool staff)
{
        int r;

        if (staff && (!context->staff || !*context->staff))
                return usage_error(context, "say who is working: --staff ID, or set PANNIER_STAFF "
                                            "(pannier staff lists the ids)");
        r = pannier_connect(context->socket, &context->client);
        if (r < 0) {
                (void)fprintf(stderr, "%s: %s\n", context->program, pannier_connect_message());
                return r == PANNIER_E_LINK ? EX_UNAVAILABLE : pannier_error_exit_code(r);
        }
        if (!context->staff || !*context->staff)
                return ARGUMENTS_GIVEN;
        r = pannier_set_staff(context->client, context->staff);
        return r < 0 ? client_failed(context, r) : ARGUMENTS_GIVEN;
}

json_t *client_json(const struct context *context, char *text)
{
        json_t *json = NULL;
        int r = json_load(bytes_text(text), &json);

        pannier_text_free(text);
        if (r < 0)
                (void)fprintf(stderr, "%s: the daemon's answer cannot be read\n", context->program);
        return json;
}

int client_print(char *text)
{
        (void)fputs(text, stdout);
        pannier_text_free(text);
        return EX_OK;
}

/* The one person with exactly this NHS number among the search's answers. */
static int pick_person(struct context *context, const json_t *people, const char *number,
                       char ret[PANNIER_ID_SIZE])
{
        int found = 0;

        for (size_t i = 0; i < json_array_size(people); i++) {
                const json_t *person = json_array_get(people, i);
                if (strcmp(text_of(json_object_get(person, "fields"), "nhs_number"), number) != 0)
                        continue;
                (void)snprintf(ret, PANNIER_ID_SIZE, "%s", text_of(person, "id"));
                found++;
        }
        if (found == 1)
                return ARGUMENTS_GIVEN;
        if (found > 1)
                (void)fprintf(stderr,
                              "%s: %d people have this NHS number: name one by its id "
                              "(pannier people %s)\n",
                              context->program, found, number);
        else
                (void)fprintf(stderr,
                              "%s: nobody with the NHS number %s is among those you may see "
                              "on this device\n",
                              context->program, number);
        return found ? EX_DATAERR : EX_NOINPUT;
}

int client_person(struct context *context, const char *typed, char ret[PANNIER_ID_SIZE])
{
        CLEANUP(json_freep) json_t *json = NULL;
        char number[NHS_NUMBER_SIZE];
        struct uuid id;
        char *text;
        int r;

        if (uuid_parse(bytes_text(typed), &id) >= 0) {
                uuid_format(&id, ret);
                return ARGUMENTS_GIVEN;
        }
        if (nhs_number_parse(bytes_text(typed), number) < 0) {
                (void)fprintf(stderr,
                              "%s: %.40s is neither an id nor an NHS number (is a digit "
                              "wrong?); pannier people finds people by name\n",
                              context->program, typed);
                return EX_DATAERR;
        }
        r = pannier_people(context->client, number, 0, NULL, &text);
        if (r < 0)
                return client_failed(context, r);
        json = client_json(context, text);
        return json ? pick_person(context, json_object_get(json, "people"), number, ret)
                    : EX_PROTOCOL;
}

json_t *client_names(struct context *context)
{
        CLEANUP(json_freep) json_t *json = NULL;
        json_t *names;
        const json_t *people;
        char *text;

        if (!context->staff || !*context->staff ||
            pannier_people(context->client, NULL, PANNIER_PAGE_MAX, NULL, &text) < 0)
                return NULL;
        json = client_json(context, text);
        people = json_object_get(json, "people");
        names = json_object();
        for (size_t i = 0; i < json_array_size(people); i++) {
                const json_t *person = json_array_get(people, i);
                (void)json_object_set_new(names, text_of(person, "id"),
                                          json_string(person_name(person)));
        }
        return names;
}

static void add_names(const json_t *list, const char *inside, json_t *names)
{
        for (size_t i = 0; i < json_array_size(list); i++) {
                const json_t *one = json_array_get(list, i);
                const json_t *name =
                        json_object_get(inside ? json_object_get(one, inside) : one, "name");
                if (json_is_string(name))
                        (void)json_object_set_new(names, text_of(one, "id"),
                                                  json_string(json_string_value(name)));
        }
}

json_t *client_references(struct context *context)
{
        static const char *const types[] = {"team", "organisation", "place"};
        json_t *names = json_object();
        char *text;

        for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
                CLEANUP(json_freep) json_t *answer = NULL;
                if (pannier_records(context->client, NULL, types[i], PANNIER_PAGE_MAX, NULL,
                                    &text) < 0)
                        continue;
                answer = client_json(context, text);
                add_names(json_object_get(answer, "records"), "fields", names);
        }
        if (pannier_staff(context->client, &text) >= 0) {
                CLEANUP(json_freep) json_t *answer = client_json(context, text);
                add_names(json_object_get(answer, "staff"), NULL, names);
        }
        return names;
}

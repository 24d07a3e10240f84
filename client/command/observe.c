/*
 * pannier observe: seven values, the score, and what it asks for. The score is the daemon's (it knows the person's
 * age and SpO2 scale); the words are the Royal College of Physicians' response to it (docs/clinical, NEWS2 chart 4).
 */
#include "client/command/command.h"

#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

static const struct question {
        const char *field;
        const char *words;
        bool needed;           /* NEWS2 cannot do without */
        const char *not_taken; /* its key in not_taken */
} questions[] = {
        {"respiration", "Breaths a minute", true, "respiration"},
        {"spo2", "Oxygen saturation, %", true, "spo2"},
        {"oxygen", "On air or oxygen", true, "oxygen"},
        {"systolic", "Systolic blood pressure, mmHg", true, "blood_pressure"},
        {"diastolic", "Diastolic blood pressure, mmHg", false, NULL},
        {"pulse", "Pulse, beats a minute", true, "pulse"},
        {"consciousness", "Alert, new Confusion, Voice, Pain, Unresponsive (A C V P U)", true,
         "consciousness"},
        {"temperature", "Temperature, degrees Celsius", true, "temperature"},
        {"taken", "Taken at", false, NULL},
};

enum { QUESTION_COUNT = sizeof(questions) / sizeof(questions[0]) };

static int add_answer(struct context *context, const char *field, const char *answer,
                      json_t *fields)
{
        char assignment[256];

        if (snprintf(assignment, sizeof(assignment), "%s=%s", field, answer) >=
            (int)sizeof(assignment))
                return usage_error(context, "the value of %s is too long", field);
        return fields_add(context, "observations", assignment, fields);
}

/* Ask on the terminal until the answer can be read; an empty one means: not taken. */
static int ask(struct context *context, const struct question *question, json_t *fields)
{
        char line[200];
        int code;

        do {
                (void)printf("%s: ", question->words);
                (void)fflush(stdout);
                if (!fgets(line, sizeof(line), stdin))
                        return EX_NOINPUT;
                line[strcspn(line, "\n")] = 0;
                if (!*line)
                        return ARGUMENTS_GIVEN;
                code = add_answer(context, question->field, line, fields);
        } while (code != ARGUMENTS_GIVEN);
        return code;
}

static int ask_missing(struct context *context, json_t *fields)
{
        int code = ARGUMENTS_GIVEN;

        for (size_t i = 0; i < QUESTION_COUNT && code == ARGUMENTS_GIVEN; i++) {
                bool known = json_object_get(fields, questions[i].field) != NULL;
                if (!known && strcmp(questions[i].field, "taken") != 0)
                        code = ask(context, &questions[i], fields);
        }
        return code;
}

/* What the score asks for; RCP, National Early Warning Score (NEWS) 2, 2017, chart 4. */
static const char *response_words(int64_t total, bool single)
{
        if (total >= 7)
                return "HIGH. Emergency: assessment by a team with critical-care skills now; "
                       "observe "
                       "continuously.";
        if (total >= 5)
                return "MEDIUM. Urgent: a clinician who can assess acute illness, now; observe at "
                       "least every hour.";
        if (single)
                return "LOW-MEDIUM. One value alone scores 3: urgent review by a clinician; "
                       "observe at "
                       "least every hour.";
        if (total >= 1)
                return "LOW. A registered nurse decides what follows; observe at least every 4 to "
                       "6 "
                       "hours.";
        return "Observe at least every 12 hours.";
}

static void print_missing(const json_t *fields)
{
        bool first = true;

        for (size_t i = 0; i < QUESTION_COUNT; i++) {
                if (!questions[i].needed || json_object_get(fields, questions[i].field))
                        continue;
                (void)printf("%s %s", first ? "" : ",", questions[i].field);
                first = false;
        }
}

static void print_score(const json_t *record)
{
        const json_t *fields = json_object_get(record, "fields");
        const json_t *total = json_object_get(fields, "news2");
        bool complete = true;

        for (size_t i = 0; i < QUESTION_COUNT; i++)
                complete = complete &&
                           (!questions[i].needed || json_object_get(fields, questions[i].field));
        if (!total && !complete) {
                (void)printf("\nNEWS2: INCOMPLETE. Not taken:");
                print_missing(fields);
                (void)printf(".\nNothing missing counts as normal. Take it, or escalate if you are "
                             "worried.\n");
                return;
        }
        if (!total) {
                (void)printf("\nNEWS2: NO SCORE. It is not for people under 16 or in pregnancy, "
                             "and needs "
                             "to know\nage and pregnancy: record them (person, baseline).\n");
                return;
        }
        (void)printf("\nNEWS2: %" PRId64 "\n%s\n", number_of(fields, "news2"),
                     response_words(number_of(fields, "news2"), true_of(fields, "news2_single")));
        if (strcmp(text_of(fields, "spo2_scale"), "2") == 0)
                (void)printf("SpO2 scored on scale 2, as the person's baseline says.\n");
        if (number_of(fields, "news2") >= 5 || true_of(fields, "news2_single"))
                (void)printf("To ask the hub: pannier escalate --person %s --observations %s "
                             "--situation ...\n",
                             text_of(record, "person"), text_of(record, "id"));
        (void)printf("(Response: Royal College of Physicians, NEWS2, 2017.)\n");
}

static int show_score(struct context *context, const char *id)
{
        CLEANUP(json_freep) json_t *record = NULL;
        char *text;
        int r = pannier_record(context->client, id, &text);

        if (r < 0)
                return client_failed(context, r);
        if (context->json)
                return client_print(text);
        record = client_json(context, text);
        if (!record)
                return EX_PROTOCOL;
        print_score(record);
        return EX_OK;
}

static int record_observations(struct context *context, const char *person, json_t *fields)
{
        char id[PANNIER_ID_SIZE], record[PANNIER_ID_SIZE];
        bool json = context->json;
        int code = client_person(context, person, id);

        if (code == ARGUMENTS_GIVEN && !json_object_get(fields, "taken"))
                code = add_answer(context, "taken", "now", fields);
        if (code != ARGUMENTS_GIVEN)
                return code;
        if (json) { /* one JSON object: the record with its score */
                CLEANUP(buffer_wipe) struct buffer text = BUFFER_INIT;
                char request[PANNIER_ID_SIZE];
                json_append(fields, &text);
                buffer_append_byte(&text, 0);
                pannier_new_id(request);
                int r = pannier_put(context->client, "observations", request, id,
                                    (const char *)text.data, record);
                return r < 0 ? client_failed(context, r) : show_score(context, record);
        }
        code = record_put(context, "observations", NULL, id, json_incref(fields), record);
        return code == ARGUMENTS_GIVEN ? show_score(context, record) : code;
}

int command_observe(struct context *context, int argc, char **argv)
{
        const char *person = NULL, *values[QUESTION_COUNT] = {NULL};
        bool worried = false;
        struct argument arguments[QUESTION_COUNT + 2] = {{"person", &person, NULL},
                                                         {"worried", NULL, &worried}};
        CLEANUP(json_freep) json_t *fields = json_object();
        char **rest;
        int count, code;

        for (size_t i = 0; i < QUESTION_COUNT; i++)
                arguments[i + 2] = (struct argument){questions[i].field, &values[i], NULL};
        code = arguments_parse(context, argc, argv, arguments, QUESTION_COUNT + 2, &rest, &count);
        for (size_t i = 0; i < QUESTION_COUNT && code == ARGUMENTS_GIVEN; i++)
                if (values[i])
                        code = add_answer(context, questions[i].field, values[i], fields);
        for (int i = 0; i < count && code == ARGUMENTS_GIVEN; i++)
                code = fields_add(context, "observations", rest[i], fields);
        if (code == ARGUMENTS_GIVEN && !person)
                code = usage_error(context, "say whom you observed: --person ID or NHS number");
        if (worried)
                (void)json_object_set_new(fields, "worried", json_true());
        if (code == ARGUMENTS_GIVEN)
                code = client_open(context, true);
        if (code == ARGUMENTS_GIVEN && context->terminal && !context->json)
                code = ask_missing(context, fields);
        return code == ARGUMENTS_GIVEN ? record_observations(context, person, fields) : code;
}

/* pannier doctor, ready: findings about this device, and a verdict. */
#include "client/command/command.h"

#include <string.h>
#include <sysexits.h>

enum { CHECK_TIMEOUT_MS = 120000 }; /* to read every row of a large caseload takes a while */

/* Prints what was found; @text is taken. Return: EX_OK where the answer's member @verdict is true, otherwise @bad */
static int print_findings(struct context *context, char *text, const char *verdict, int bad)
{
        CLEANUP(json_freep) json_t *answer = NULL;
        const json_t *findings;

        if (context->json)
                (void)fputs(text, stdout);
        answer = client_json(context, text);
        if (!answer)
                return EX_PROTOCOL;
        findings = json_object_get(answer, "findings");
        for (size_t i = 0; i < json_array_size(findings) && !context->json; i++) {
                const json_t *finding = json_array_get(findings, i);
                (void)printf("%s %s\n", true_of(finding, "good") ? "ok    " : "WRONG ",
                             text_of(finding, "text"));
        }
        return true_of(answer, verdict) ? EX_OK : bad;
}

static int begin(struct context *context, int argc, char **argv, const struct argument *arguments,
                 size_t argument_count)
{
        char **rest;
        int count;
        int code = arguments_parse(context, argc, argv, arguments, argument_count, &rest, &count);

        if (code == ARGUMENTS_GIVEN && count)
                code = usage_error(context, "%s is not understood", rest[0]);
        if (code == ARGUMENTS_GIVEN)
                code = client_open(context, false);
        if (code == ARGUMENTS_GIVEN)
                pannier_set_timeout(context->client, CHECK_TIMEOUT_MS);
        return code;
}

int command_doctor(struct context *context, int argc, char **argv)
{
        bool deep = false;
        const struct argument arguments[] = {{"deep", NULL, &deep}};
        int code = begin(context, argc, argv, arguments, 1);
        char *text;
        int r;

        if (code != ARGUMENTS_GIVEN)
                return code;
        r = pannier_doctor(context->client, deep, &text);
        return r < 0 ? client_failed(context, r)
                     : print_findings(context, text, "good", EX_SOFTWARE);
}

int command_ready(struct context *context, int argc, char **argv)
{
        const char *date = NULL;
        const struct argument arguments[] = {{"date", &date, NULL}};
        int code = begin(context, argc, argv, arguments, 1);
        char *text;
        int r;

        if (code != ARGUMENTS_GIVEN)
                return code;
        r = pannier_ready(context->client, date, &text);
        return r < 0 ? client_failed(context, r)
                     : print_findings(context, text, "ready", EX_TEMPFAIL);
}

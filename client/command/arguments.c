#include "client/command/command.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>
#include <sysexits.h>

enum { OPTION_STAFF = 1000, OPTION_SOCKET, OPTION_JSON, OPTION_TEXT, OPTION_HELP };

static const struct option shared[] = {
        {"staff", required_argument, NULL, OPTION_STAFF},
        {"socket", required_argument, NULL, OPTION_SOCKET},
        {"json", no_argument, NULL, OPTION_JSON},
        {"text", no_argument, NULL, OPTION_TEXT},
        {"help", no_argument, NULL, OPTION_HELP},
};

enum { SHARED_COUNT = sizeof(shared) / sizeof(shared[0]) };

int usage_error(const struct context *context, const char *format, ...)
{
        va_list arguments;

        (void)fprintf(stderr, "%s: ", context->program);
        va_start(arguments, format);
        (void)vfprintf(stderr, format, arguments);
        va_end(arguments);
        (void)fprintf(stderr, "\nSee %s --help.\n", context->program);
        return EX_USAGE;
}

/* The subcommand's own options first, so that one of them may shadow a shared one (record --json FILE). */
static void fill_options(const struct argument *arguments, size_t count,
                         struct option options[ARGUMENT_MAX + SHARED_COUNT + 1])
{
        size_t used = 0;

        for (size_t i = 0; i < count; i++)
                options[used++] = (struct option){
                        arguments[i].name, arguments[i].value ? required_argument : no_argument,
                        NULL, (int)i};
        for (size_t i = 0; i < SHARED_COUNT; i++) {
                bool shadowed = false;
                for (size_t k = 0; k < count; k++)
                        shadowed = shadowed || strcmp(arguments[k].name, shared[i].name) == 0;
                if (!shadowed)
                        options[used++] = shared[i];
        }
        options[used] = (struct option){0};
}

/* ARGUMENTS_GIVEN, or the exit code of --help */
static int take_shared(struct context *context, int option)
{
        switch (option) {
        case OPTION_STAFF:
                context->staff = optarg;
                break;
        case OPTION_SOCKET:
                context->socket = optarg;
                break;
        case OPTION_JSON:
                context->json = true;
                break;
        case OPTION_TEXT:
                context->json = false;
                break;
        case OPTION_HELP:
                (void)fputs(context->usage, stdout);
                return EX_OK;
        default:
                break;
        }
        return ARGUMENTS_GIVEN;
}

int arguments_parse(struct context *context, int argc, char **argv,
                    const struct argument *arguments, size_t count, char ***ret_rest,
                    int *ret_count)
{
        struct option options[ARGUMENT_MAX + SHARED_COUNT + 1];
        int option, code;

        fill_options(arguments, count < ARGUMENT_MAX ? count : ARGUMENT_MAX, options);
        opterr = 0;
        while ((option = getopt_long(argc, argv, ":", options, NULL)) >= 0) {
                if (option == ':')
                        return usage_error(context, "%s needs a value", argv[optind - 1]);
                if (option == '?')
                        return usage_error(context, "there is no option %s", argv[optind - 1]);
                if (option < (int)count && arguments[option].value) {
                        *arguments[option].value = optarg;
                } else if (option < (int)count) {
                        *arguments[option].flag = true;
                } else {
                        code = take_shared(context, option);
                        if (code != ARGUMENTS_GIVEN)
                                return code;
                }
        }
        *ret_rest = argv + optind;
        *ret_count = argc - optind;
        return ARGUMENTS_GIVEN;
}

/* pannier attach, attachment: photos and documents, in and out. */
#include "client/command/command.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { FILE_MAX_MIB = 16, ATTACH_TIMEOUT_MS = 120000 };

/* What a file is, by how it begins: its name may say anything. */
static const char *media_of(const struct buffer *file)
{
        static const struct {
                const char *begin;
                size_t size;
                const char *media;
        } kinds[] = {{"\xff\xd8\xff", 3, "image/jpeg"},
                     {"\x89PNG\r\n\x1a\n", 8, "image/png"},
                     {"%PDF-", 5, "application/pdf"}};

        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
                if (file->size >= kinds[i].size &&
                    memcmp(file->data, kinds[i].begin, kinds[i].size) == 0)
                        return kinds[i].media;
        return NULL;
}

static int read_file(const struct context *context, const char *path, struct buffer *out)
{
        FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
        size_t size = 1;

        if (!file) {
                (void)fprintf(stderr, "%s: cannot read %s: %s\n", context->program, path,
                              strerror(errno));
                return EX_NOINPUT;
        }
        out->limit = (size_t)FILE_MAX_MIB << 20;
        while (size > 0) {
                uint8_t *place = buffer_reserve(out, 1 << 16);

                size = place ? fread(place, 1, 1 << 16, file) : 0;
                out->size += size;
        }
        if (file != stdin)
                (void)fclose(file);
        if (buffer_check(out) >= 0)
                return ARGUMENTS_GIVEN;
        (void)fprintf(stderr, "%s: %s is larger than %d MiB\n", context->program, path,
                      FILE_MAX_MIB);
        return EX_DATAERR;
}

static int print_attached(struct context *context, char *text)
{
        CLEANUP(json_freep) json_t *json = NULL;

        if (context->json)
                return client_print(text);
        json = client_json(context, text);
        if (!json)
                return EX_PROTOCOL;
        (void)printf(
                "Attached on this device: %s, %" PRId64
                " bytes\nIts place, time and camera were taken out of a picture. It is sent when "
                "nothing else waits.\n",
                text_of(json, "record"), number_of(json, "size"));
        return EX_OK;
}

int command_attach(struct context *context, int argc, char **argv)
{
        const char *title = NULL, *request = NULL;
        const struct argument arguments[] = {{"title", &title, NULL}, {"request", &request, NULL}};
        CLEANUP(buffer_wipe) struct buffer file = BUFFER_INIT;
        CLEANUP(buffer_wipe) struct buffer fields = BUFFER_INIT;
        CLEANUP(json_freep) json_t *json = NULL;
        char person[PANNIER_ID_SIZE], made[PANNIER_ID_SIZE];
        char **rest, *text;
        int count, r;
        int code = arguments_parse(context, argc, argv, arguments, 2, &rest, &count);

        if (code == ARGUMENTS_GIVEN && (count != 2 || !title))
                code = usage_error(context, "say whom it is about, which file, and --title");
        if (code == ARGUMENTS_GIVEN)
                code = read_file(context, rest[1], &file);
        if (code == ARGUMENTS_GIVEN && !media_of(&file)) {
                (void)fprintf(stderr, "%s: %s is no JPEG, PNG or PDF\n", context->program, rest[1]);
                code = EX_DATAERR;
        }
        if (code == ARGUMENTS_GIVEN)
                code = client_open(context, true);
        if (code == ARGUMENTS_GIVEN)
                code = client_person(context, rest[0], person);
        if (code != ARGUMENTS_GIVEN)
                return code;
        json = json_pack("{s:s}", "title", title);
        json_append(json, &fields);
        buffer_append_byte(&fields, 0);
        if (!json || buffer_check(&fields) < 0)
                return usage_error(context, "the title is not UTF-8");
        if (!request) {
                pannier_new_id(made);
                request = made;
        }
        pannier_set_timeout(context->client, ATTACH_TIMEOUT_MS);
        r = pannier_attach(context->client, request, person, media_of(&file),
                           (const char *)fields.data, file.data, file.size, &text);
        return r < 0 ? client_failed(context, r) : print_attached(context, text);
}

static int write_file(const struct context *context, const char *path, const void *data,
                      size_t size)
{
        int fd = path ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : STDOUT_FILENO;
        const uint8_t *at = data;
        ssize_t done = 0;

        while (fd >= 0 && size > 0 && (done = write(fd, at, size)) > 0) {
                at += done;
                size -= (size_t)done;
        }
        if (fd < 0 || size > 0 || (path && close(fd) < 0)) {
                (void)fprintf(stderr, "%s: cannot write %s: %s\n", context->program,
                              path ? path : "standard output", strerror(errno));
                return EX_CANTCREAT;
        }
        return EX_OK;
}

int command_attachment(struct context *context, int argc, char **argv)
{
        const char *output = NULL;
        const struct argument arguments[] = {{"output", &output, NULL}};
        char **rest, *data;
        size_t size;
        int count, r;
        int code = arguments_parse(context, argc, argv, arguments, 1, &rest, &count);

        if (code == ARGUMENTS_GIVEN && count != 1)
                code = usage_error(context, "say which attachment: the id of its record");
        if (code == ARGUMENTS_GIVEN && !output && isatty(STDOUT_FILENO))
                code = usage_error(context, "say where to: --output FILE");
        if (code == ARGUMENTS_GIVEN)
                code = client_open(context, true);
        if (code != ARGUMENTS_GIVEN)
                return code;
        pannier_set_timeout(context->client, ATTACH_TIMEOUT_MS);
        r = pannier_attachment(context->client, rest[0], &data, &size);
        if (r < 0)
                return client_failed(context, r);
        code = write_file(context, output, data, size);
        pannier_text_free(data);
        return code;
}

/*
 * pannier bundle: what waits here goes into a file that somebody carries, or a file that came is carried further, and receipts go
 * the other way. The files are read and written here, with the rights of whoever types; the daemon never opens them.
 */
#include "common/bundle.h"
#include "client/command/command.h"
#include "common/error.h"
#include "common/file.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
        EXPORT_MAX = BUNDLE_FILE_MAX - (2 << 20), /* what is written can be read again */
        BUSY_TRIES = 100, /* the daemon applies an answer of the store: that takes moments */
        BUSY_PAUSE_MS = 50,
};

static int file_failed(const struct context *context, int error)
{
        (void)fprintf(stderr, "%s: %s\n", context->program,
                      *error_detail() ? error_detail() : pannier_error_name(error));
        return error == PANNIER_E_NOT_FOUND                                 ? EX_NOINPUT
               : error == PANNIER_E_MALFORMED || error == PANNIER_E_TOO_NEW ? EX_DATAERR
               : error == PANNIER_E_STORAGE                                 ? EX_IOERR
                                                                            : EX_CANTCREAT;
}

/* ---- export ---- */

static int fetch_parts(struct context *context, const char *bundle, struct buffer *file,
                       unsigned *ret_count)
{
        void *part = NULL;
        size_t size;
        int r;

        bundle_file_begin(file);
        while ((r = pannier_bundle_part(context->client, bundle, &part, &size)) > 0) {
                buffer_append(file, BYTES(part, size));
                pannier_text_free(part);
                (*ret_count)++;
                if (file->size > EXPORT_MAX)
                        return FAIL(PANNIER_E_LIMIT, "the bundle is larger than %d MiB",
                                    EXPORT_MAX >> 20);
        }
        return r < 0 ? r : buffer_check(file);
}

static int export(struct context *context, const char *path)
{
        CLEANUP(buffer_deinit) struct buffer file = BUFFER_INIT;
        CLEANUP(json_freep) json_t *answer = NULL;
        char bundle[PANNIER_ID_SIZE], *text;
        unsigned parts = 0;
        int r;

        if (access(path, F_OK) == 0) {
                (void)fprintf(stderr, "%s: %s is there already; nothing was written\n",
                              context->program, path);
                return EX_CANTCREAT;
        }
        r = pannier_bundle_begin(context->client, bundle);
        if (r < 0)
                return client_failed(context, r);
        r = fetch_parts(context, bundle, &file, &parts);
        if (r < 0)
                return *pannier_message(context->client) ? client_failed(context, r)
                                                         : file_failed(context, r);
        r = file_write(path, buffer_view(&file), 0600);
        if (r < 0)
                return file_failed(context, r);
        /* only now somebody can have it */
        r = pannier_bundle_handed(context->client, bundle, path, &text);
        if (r < 0)
                return client_failed(context, r);
        if (context->json)
                return client_print(text);
        answer = client_json(context, text);
        (void)printf("%" PRId64 " %s in %s (%zu KiB, sealed: only the store can read it).\n",
                     number_of(answer, "entries"),
                     number_of(answer, "entries") == 1 ? "entry is" : "entries are", path,
                     (file.size + 1023) >> 10);
        (void)printf("They go on waiting here until the store's receipts come back.\n");
        return EX_OK;
}

/* ---- reading a file, a message at a time ---- */

/* The next message of a file as its bytes. 1, 0 the end, or an error */
static int next_message(struct wire_reader *reader, enum wire_kind *ret_kind, struct bytes *ret)
{
        size_t from = reader->reader.offset;
        struct wire_message message;
        int r = wire_next(reader, &message);

        if (r <= 0)
                return r;
        *ret_kind = message.kind;
        *ret = BYTES(reader->reader.input.data + from, reader->reader.offset - from);
        return 1;
}

static int open_file(const char *path, struct buffer *file, struct arena *arena,
                     struct wire_reader *ret)
{
        int r = file_read(path, BUNDLE_FILE_MAX, file);

        return r < 0 ? r : bundle_file_open(buffer_view(file), arena, ret);
}

/* ---- carry ---- */

static int carry_in(struct context *context, const char *path)
{
        CLEANUP(buffer_deinit) struct buffer file = BUFFER_INIT;
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct wire_reader reader;
        struct bytes message;
        enum wire_kind kind;
        unsigned count = 0;
        int r = open_file(path, &file, &arena, &reader);

        if (r < 0)
                return file_failed(context, r);
        while ((r = next_message(&reader, &kind, &message)) > 0) {
                if (kind != WIRE_KIND_BUNDLE) {
                        (void)fprintf(stderr,
                                      "%s: these are receipts on their way back: take them to "
                                      "their device, with pannier bundle import\n",
                                      context->program);
                        return EX_DATAERR;
                }
                r = pannier_carry(context->client, message.data, message.size, NULL);
                if (r < 0)
                        return client_failed(context, r);
                count++;
        }
        if (r < 0) {
                (void)fprintf(stderr,
                              "%s: %s is damaged behind part %u; what is before it is carried\n",
                              context->program, path, count);
                return EX_DATAERR;
        }
        if (context->json)
                (void)printf("{\"parts\": %u}\n", count);
        else
                (void)printf("%u %s carried to the store with the next exchange. Nobody here can "
                             "read them.\n",
                             count, count == 1 ? "part is" : "parts are");
        return EX_OK;
}

/* All receipts of one device behind each other, in a file of its own. */
static int write_receipts(struct context *context, const json_t *receipts, const char *device,
                          const char *folder)
{
        CLEANUP(buffer_deinit) struct buffer file = BUFFER_INIT;
        char path[PATH_MAX];
        size_t i;
        const json_t *item;
        int r;

        (void)snprintf(path, sizeof(path), "%s/%s.pannier-bundle", folder, device);
        bundle_file_begin(&file);
        json_array_foreach(receipts, i, item)
        {
                void *message = NULL;
                size_t size;

                if (strcmp(text_of(item, "device"), device) != 0)
                        continue;
                r = pannier_carried_receipts(context->client, text_of(item, "name"), &message,
                                             &size);
                if (r < 0)
                        return client_failed(context, r);
                buffer_append(&file, BYTES(message, size));
                pannier_text_free(message);
        }
        r = buffer_check(&file);
        if (r >= 0)
                r = file_write(path, buffer_view(&file), 0600);
        if (r < 0)
                return file_failed(context, r);
        if (!context->json)
                (void)printf("Receipts for device %s: %s\n", device, path);
        return EX_OK;
}

static bool seen_before(const json_t *receipts, size_t before, const char *device)
{
        for (size_t i = 0; i < before; i++)
                if (strcmp(text_of(json_array_get(receipts, i), "device"), device) == 0)
                        return true;
        return false;
}

static int carry_out(struct context *context, const char *folder)
{
        CLEANUP(json_freep) json_t *carried = NULL;
        const json_t *receipts, *item;
        unsigned files = 0;
        struct stat about;
        char *text;
        size_t i;
        int code = EX_OK, r;

        if (stat(folder, &about) < 0 || !S_ISDIR(about.st_mode))
                return usage_error(context, "--out takes a folder that is there, not %s", folder);
        r = pannier_carried(context->client, &text);
        if (r < 0)
                return client_failed(context, r);
        carried = client_json(context, text);
        receipts = json_object_get(carried, "receipts");
        json_array_foreach(receipts, i, item)
        {
                const char *device = text_of(item, "device");

                if (seen_before(receipts, i, device))
                        continue;
                code = write_receipts(context, receipts, device, folder);
                if (code != EX_OK)
                        return code;
                files++;
        }
        if (context->json)
                (void)printf("{\"files\": %u}\n", files);
        else if (!files)
                (void)printf("No receipts have come back yet: %zu parts wait for the store.\n",
                             json_array_size(json_object_get(carried, "parts")));
        return EX_OK;
}

/* ---- import ---- */

struct totals {
        int64_t settled, known, parked, stale;
        unsigned taken, refused;
};

static int take_receipts(struct context *context, struct bytes message, struct totals *totals)
{
        const struct timespec pause = {.tv_nsec = BUSY_PAUSE_MS * 1000000L};
        CLEANUP(json_freep) json_t *answer = NULL;
        char *text;
        int r = PANNIER_E_BUSY;

        for (int i = 0; i < BUSY_TRIES && r == PANNIER_E_BUSY; i++) {
                r = pannier_bundle_receipts(context->client, message.data, message.size, &text);
                if (r == PANNIER_E_BUSY)
                        (void)nanosleep(&pause, NULL);
        }
        if (r < 0)
                return r;
        answer = client_json(context, text);
        totals->settled += number_of(answer, "settled");
        totals->known += number_of(answer, "known");
        totals->parked += number_of(answer, "parked");
        totals->stale += number_of(answer, "stale");
        totals->taken++;
        return 0;
}

static void print_totals(const struct context *context, const struct totals *totals)
{
        if (context->json) {
                (void)printf("{\"settled\": %" PRId64 ", \"known\": %" PRId64
                             ", \"parked\": %" PRId64 ", \"stale\": %" PRId64
                             ", \"messages\": %u, \"refused\": %u}\n",
                             totals->settled, totals->known, totals->parked, totals->stale,
                             totals->taken, totals->refused);
                return;
        }
        (void)printf("%" PRId64 " %s arrived by these receipts; of %" PRId64
                     " it was known before.\n",
                     totals->settled, totals->settled == 1 ? "entry has" : "entries have",
                     totals->known);
        if (totals->parked)
                (void)printf("%" PRId64 " wait at the store for something else; they are sent "
                             "again until they are judged.\n",
                             totals->parked);
        if (totals->stale)
                (void)printf("%" PRId64 " receipts are of a history that the store lost; those "
                             "entries are sent again.\n",
                             totals->stale);
}

static int import(struct context *context, const char *path)
{
        CLEANUP(buffer_deinit) struct buffer file = BUFFER_INIT;
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct totals totals = {0};
        struct wire_reader reader;
        struct bytes message;
        enum wire_kind kind;
        int code = EX_OK, more, r = open_file(path, &file, &arena, &reader);

        if (r < 0)
                return file_failed(context, r);
        while ((more = next_message(&reader, &kind, &message)) > 0) {
                if (kind != WIRE_KIND_BUNDLE_RECEIPTS) {
                        (void)fprintf(stderr,
                                      "%s: this is a bundle on its way to the store: carry it, "
                                      "with pannier bundle carry\n",
                                      context->program);
                        return EX_DATAERR;
                }
                r = take_receipts(context, message, &totals);
                if (r < 0) { /* the other receipts are none the worse for it */
                        totals.refused++;
                        code = client_failed(context, r);
                }
        }
        print_totals(context, &totals);
        if (more < 0) {
                (void)fprintf(stderr, "%s: %s is damaged behind message %u\n", context->program,
                              path, totals.taken + totals.refused);
                code = EX_DATAERR;
        }
        return code;
}

void bundles_print(const struct context *context, const json_t *status)
{
        const json_t *carried = json_object_get(status, "carried"), *bundle;
        int64_t parts = number_of(carried, "parts"), receipts = number_of(carried, "receipts");
        int64_t refused = number_of(carried, "refused");
        size_t i;

        json_array_foreach(json_object_get(status, "bundles"), i, bundle)
        {
                int64_t waiting = number_of(bundle, "waiting");

                (void)printf("%sHanded to %s %s: %" PRId64 " of %" PRId64 " %s still waiting for "
                             "the receipt.\n",
                             i ? "" : "\n", text_of(bundle, "receiver"),
                             ago_text(context, instant_of(bundle, "handed")), waiting,
                             number_of(bundle, "entries"),
                             waiting == 1 ? "entry is" : "entries are");
        }
        if (parts || receipts || refused)
                (void)printf("\nCarried for other devices: %" PRId64 " parts on their way to the "
                             "store, %" PRId64 " receipts on their way back%s.\n",
                             parts, receipts,
                             refused ? "; some parts the store does not accept ('pannier bundle' "
                                       "in the manual)"
                                     : "");
}

int command_bundle(struct context *context, int argc, char **argv)
{
        const char *out = NULL;
        const struct argument arguments[] = {{"out", &out, NULL}};
        char **rest;
        const char *what;
        int count;
        int code = arguments_parse(context, argc, argv, arguments, 1, &rest, &count);

        if (code != ARGUMENTS_GIVEN)
                return code;
        what = count ? rest[0] : "";
        if (out ? count != 1 || strcmp(what, "carry") != 0
                : count != 2 || (strcmp(what, "export") != 0 && strcmp(what, "carry") != 0 &&
                                 strcmp(what, "import") != 0))
                return usage_error(context, "say export FILE, carry FILE, carry --out FOLDER or "
                                            "import FILE");
        code = client_open(context, false);
        if (code != ARGUMENTS_GIVEN)
                return code;
        if (out)
                return carry_out(context, out);
        if (strcmp(what, "export") == 0)
                return export(context, rest[1]);
        return strcmp(what, "carry") == 0 ? carry_in(context, rest[1]) : import(context, rest[1]);
}

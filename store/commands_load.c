/* pannier-store load, sample, entries: tables that come in, a locality to try things with, what came from devices. */
#include "store/commands.h"

#include "common/clock.h"
#include "common/crypto.h"
#include "common/error.h"
#include "common/json.h"
#include "common/reason.h"
#include "store/load.h"
#include "store/sample.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
        MESSAGES_SHOWN_MAX = 50, /* on a terminal, without --verbose */
        MESSAGES_JSON_MAX = 10000,
        SAMPLE_PEOPLE_DEFAULT = 1000,
        ENTRIES_LOCALITIES_MAX = 64,
};

/* ---- progress ---- */

static void clear_progress(bool shown)
{
        if (shown)
                (void)fputs("\r\033[K", stderr);
}

static void show_progress(const char *what, uint64_t done, uint64_t all, uint64_t rows)
{
        if (all > 0)
                (void)fprintf(stderr, "\r%s: %3" PRIu64 " %%, %" PRIu64 " rows", what,
                              done * 100 / all, rows);
        else
                (void)fprintf(stderr, "\r%s: %" PRIu64 " rows", what, rows);
        (void)fflush(stderr);
}

/* ---- load ---- */

struct loading {
        const struct command_line *line;
        const char *path;
        json_t *messages;
        uint64_t counts[LOAD_REFUSED + 1];
        uint64_t shown;
        bool verbose, terminal;
};

static const char *const severities[] = {
        [LOAD_NOTE] = "note", [LOAD_WARNING] = "warning", [LOAD_REFUSED] = "refused"};

static void on_message(void *context, enum load_severity severity, uint64_t line, const char *text)
{
        struct loading *loading = context;

        loading->counts[severity]++;
        if (loading->line->json) {
                if (json_array_size(loading->messages) < MESSAGES_JSON_MAX)
                        (void)json_array_append_new(loading->messages,
                                                    json_pack("{s:s, s:I, s:s}", "severity",
                                                              severities[severity], "line",
                                                              (json_int_t)line, "message", text));
                return;
        }
        if (loading->shown++ >= MESSAGES_SHOWN_MAX && !loading->verbose)
                return;
        clear_progress(loading->terminal);
        (void)fprintf(stderr, "%s:%" PRIu64 ": %s: %s\n", loading->path, line, severities[severity],
                      text);
}

static void on_progress(void *context, uint64_t done, uint64_t all, uint64_t rows)
{
        const struct loading *loading = context;

        if (loading->terminal)
                show_progress(loading->path, done, all, rows);
}

static int print_report(struct loading *loading, const struct load_options *options,
                        const struct load_report *report)
{
        if (loading->line->json)
                return command_print_json(json_pack(
                        "{s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:O}", "type",
                        options->type->name, "file", loading->path, "dry_run", options->dry_run,
                        "rows", (json_int_t)report->rows, "created", (json_int_t)report->created,
                        "edited", (json_int_t)report->edited, "unchanged",
                        (json_int_t)report->unchanged, "warned", (json_int_t)report->warned,
                        "refused", (json_int_t)report->refused, "ended", (json_int_t)report->ended,
                        "messages", loading->messages));
        clear_progress(loading->terminal);
        if (loading->shown > MESSAGES_SHOWN_MAX && !loading->verbose)
                (void)fprintf(stderr, "… and %" PRIu64 " more: --verbose shows all\n",
                              loading->shown - MESSAGES_SHOWN_MAX);
        (void)printf("%s%s: %" PRIu64 " rows: %" PRIu64 " created, %" PRIu64 " changed, %" PRIu64
                     " unchanged, %" PRIu64 " refused (%" PRIu64 " kept with a warning)",
                     options->dry_run ? "dry run, " : "", loading->path, report->rows,
                     report->created, report->edited, report->unchanged, report->refused,
                     report->warned);
        if (options->complete)
                (void)printf(", %" PRIu64 " ended", report->ended);
        (void)printf("\n");
        return 0;
}

static int find_type(const char *word, const struct catalogue_type **ret)
{
        CLEANUP(buffer_deinit) struct buffer names = BUFFER_INIT;
        const struct catalogue *catalogue = catalogue_get();

        *ret = load_type(bytes_text(word));
        if (*ret)
                return 0;
        for (uint16_t i = 0; i < catalogue->type_count; i++)
                if (catalogue->types[i].plural)
                        buffer_append_format(&names, "%s%s", names.size ? ", " : "",
                                             catalogue->types[i].plural);
        buffer_append_byte(&names, 0);
        return FAIL(PANNIER_E_INVALID,
                    "there is no table '%s'; there are %s, and every other record type", word,
                    names.data ? (const char *)names.data : "");
}

int command_load(struct command_line *line)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        CLEANUP(json_freep) json_t *messages = json_array();
        struct store_settings settings;
        struct loading loading = {.line = line,
                                  .path = line->operands[1],
                                  .messages = messages,
                                  .verbose = command_value(line, "verbose") != NULL,
                                  .terminal = isatty(STDERR_FILENO) == 1};
        struct load_options options = {.path = line->operands[1],
                                       .map_path = command_value(line, "map"),
                                       .aliases_path = command_value(line, "aliases"),
                                       .locality = command_value(line, "locality"),
                                       .complete = command_value(line, "complete") != NULL,
                                       .dry_run = command_value(line, "dry-run") != NULL,
                                       .now_ms = clock_now_ms(),
                                       .random = crypto_random,
                                       .message = on_message,
                                       .progress = on_progress,
                                       .context = &loading};
        struct load_report report = {0};
        int r = find_type(line->operands[0], &options.type), shown;

        if (r < 0)
                return r;
        r = command_open(line, false, &settings, &storage);
        if (r < 0)
                return r;
        options.environment = (enum nhs_environment)settings.environment;
        r = load_table(storage, &options, &report);
        if (r < 0 && report.rows == 0) {
                clear_progress(loading.terminal);
                return r;
        }
        shown = print_report(&loading, &options, &report);
        if (r < 0 || shown < 0)
                return r < 0 ? r : shown;
        return report.refused ? FAIL(PANNIER_E_MALFORMED,
                                     "%" PRIu64 " of %" PRIu64
                                     " rows of %s were refused; the others were taken",
                                     report.refused, report.rows, loading.path)
                              : 0;
}

/* ---- sample ---- */

static void on_sample_progress(void *context, uint64_t done, uint64_t all)
{
        if (*(const bool *)context)
                show_progress("sample", done, all, done);
}

static int load_sample_file(const struct command_line *line, struct storage *storage,
                            const char *folder, const struct sample_file *file, json_t *all)
{
        char path[4096];
        bool terminal = isatty(STDERR_FILENO) == 1;
        struct loading loading = {
                .line = line, .path = path, .messages = all, .terminal = terminal && !line->json};
        const struct load_options options = {.type = load_type(bytes_text(file->type)),
                                             .path = path,
                                             .now_ms = clock_now_ms(),
                                             .random = crypto_random,
                                             .message = on_message,
                                             .progress = on_progress,
                                             .context = &loading};
        struct load_report report;
        int r;

        (void)snprintf(path, sizeof path, "%s/%s", folder, file->name);
        r = load_table(storage, &options, &report);
        clear_progress(loading.terminal);
        if (r < 0)
                return r;
        if (!line->json)
                (void)printf("%-18s %8" PRIu64 " rows\n", file->name,
                             report.created + report.edited + report.unchanged);
        return report.refused ? FAIL(PANNIER_E_INTERNAL, "%" PRIu64 " rows of %s were refused",
                                     report.refused, path)
                              : 0;
}

int command_sample(struct command_line *line)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        CLEANUP(json_freep) json_t *messages = json_array();
        bool terminal = isatty(STDERR_FILENO) == 1, load = command_value(line, "load") != NULL;
        int64_t people = SAMPLE_PEOPLE_DEFAULT, seed = 1, visits = 2, observations = 4;
        struct sample_options options = {
                .folder = line->operands[0], .progress = on_sample_progress, .context = &terminal};
        int r = command_number(line, "people", 1, SAMPLE_PEOPLE_MAX, &people);

        if (r == 0)
                r = command_number(line, "seed", 0, INT64_MAX, &seed);
        if (r == 0)
                r = command_number(line, "visits", 0, SAMPLE_VISITS_MAX, &visits);
        if (r == 0)
                r = command_number(line, "observations", 0, SAMPLE_OBSERVATIONS_MAX, &observations);
        if (r == 0 && load)
                r = command_open(line, false, NULL, &storage);
        if (r < 0)
                return r;
        options.seed = (uint64_t)seed;
        options.people = (uint32_t)people;
        options.visits = (uint32_t)visits;
        options.observations = (uint32_t)observations;
        options.now_ms = clock_now_ms();
        r = sample_write(&options);
        clear_progress(terminal);
        for (int i = 0; load && r == 0 && i < SAMPLE_FILE_COUNT; i++)
                r = load_sample_file(line, storage, options.folder, &sample_files()[i], messages);
        if (r < 0)
                return r;
        if (line->json)
                return command_print_json(json_pack("{s:s, s:I, s:I, s:b}", "folder",
                                                    options.folder, "people", (json_int_t)people,
                                                    "seed", (json_int_t)seed, "loaded", load));
        (void)printf("a sample locality of %" PRId64 " people %s %s\n", people,
                     load ? "was loaded; its tables lie in" : "lies in", options.folder);
        return 0;
}

/* ---- entries ---- */

struct listing {
        const struct command_line *line;
        json_t *list;
        struct uuid device; /* UUID_NONE: all devices */
        struct uuid localities[ENTRIES_LOCALITIES_MAX];
        size_t locality_count;
};

static const char *outcome_name(enum entry_outcome outcome)
{
        switch (outcome) {
        case OUTCOME_NONE:
                return "waiting";
        case OUTCOME_APPLIED:
                return "applied";
        case OUTCOME_MERGED:
                return "merged";
        case OUTCOME_HELD:
                return "held";
        case OUTCOME_LATE:
                return "late";
        case OUTCOME_QUARANTINED:
                return "quarantined";
        case OUTCOME_PARKED:
                return "parked";
        }
        return "unknown";
}

static int show_entry(struct listing *listing, const struct uuid *id, const struct uuid *device,
                      enum entry_outcome outcome, uint16_t reason, int64_t received_ms)
{
        char texts[2][UUID_TEXT_SIZE];

        if (!uuid_is_none(&listing->device) && !uuid_equal(&listing->device, device))
                return 0;
        uuid_format(id, texts[0]);
        uuid_format(device, texts[1]);
        if (listing->line->json)
                return json_array_append_new(
                               listing->list,
                               json_pack("{s:s, s:s, s:s, s:s?, s:o}", "entry", texts[0], "device",
                                         texts[1], "outcome", outcome_name(outcome), "reason",
                                         reason ? reason_name(reason) : NULL, "received",
                                         command_json_time(received_ms))) < 0
                               ? FAIL(PANNIER_E_MEMORY, "no memory for the list")
                               : 0;
        (void)printf("%s  %-11s %s%s%s\n", texts[0], outcome_name(outcome), texts[1],
                     reason ? "  " : "", reason ? reason_name(reason) : "");
        return 0;
}

static int on_log_row(void *context, const struct log_row *row)
{
        /* What the store did of its own carries the locality in place of a device. */
        return uuid_equal(&row->device, &row->locality)
                       ? 0
                       : show_entry(context, &row->id, &row->device, row->outcome, row->reason,
                                    row->received_ms);
}

static int on_parked(void *context, const struct parked_row *row)
{
        return show_entry(context, &row->id, &row->device, OUTCOME_PARKED,
                          row->wait == WAIT_UPGRADE ? REASON_UPGRADE : REASON_NONE,
                          row->received_ms);
}

static int on_locality(void *context, const struct uuid *id)
{
        struct listing *listing = context;

        if (listing->locality_count == ENTRIES_LOCALITIES_MAX)
                return FAIL(PANNIER_E_LIMIT, "more than %d localities", ENTRIES_LOCALITIES_MAX);
        listing->localities[listing->locality_count++] = *id;
        return 0;
}

static int list_locality(struct storage *storage, const struct uuid *locality,
                         struct listing *listing)
{
        int r = storage->ops->log_each(storage, locality, 1, on_log_row, listing);

        return r < 0 ? r
                     : storage->ops->parked_older(storage, locality, INT64_MAX, on_parked, listing);
}

int command_entries(struct command_line *line)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        CLEANUP(json_freep) json_t *list = json_array();
        struct listing listing = {.line = line, .list = list};
        const char *word = command_value(line, "device");
        struct device_row device;
        int r = command_open(line, true, NULL, &storage);

        if (r == 0 && word) {
                r = command_device(storage, word, &device);
                listing.device = r == 0 ? device.id : UUID_NONE;
        }
        if (r == 0)
                r = storage->ops->begin_read(storage);
        if (r < 0)
                return r;
        r = storage->ops->localities(storage, on_locality, &listing);
        for (size_t i = 0; r >= 0 && i < listing.locality_count; i++)
                r = list_locality(storage, &listing.localities[i], &listing);
        storage->ops->rollback(storage);
        if (r < 0)
                return r;
        return line->json ? command_print_json(TAKE(list)) : 0;
}

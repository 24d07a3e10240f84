/* pannier-store backup, restore. */
#include "store/commands.h"

#include "common/clock.h"
#include "common/crypto.h"
#include "common/error.h"
#include "common/file.h"
#include "common/json.h"
#include "store/backup.h"
#include "store/layout.h"
#include "store/vault.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct showing {
        bool on;
        unsigned percent;
        const char *what;
};

static int show(void *context, const char *what, uint64_t done, uint64_t total)
{
        struct showing *showing = context;
        unsigned percent = total ? (unsigned)(100 * done / total) : 100;

        if (!showing->on || (showing->what && strcmp(what, showing->what) == 0 &&
                             percent / 10 == showing->percent / 10))
                return 0;
        showing->what = what;
        showing->percent = percent;
        (void)fprintf(stderr, "%s %u%%\n", what, percent);
        return 0;
}

static struct showing begin_showing(const struct command_line *line)
{
        return (struct showing){.on = command_value(line, "progress") ||
                                      (!line->json && isatty(STDERR_FILENO))};
}

static json_t *localities_json(const struct backup_report *report)
{
        json_t *array = json_array();

        for (size_t i = 0; i < report->count; i++) {
                const struct backup_locality *locality = &report->localities[i];

                (void)json_array_append_new(array,
                                            json_pack("{s:o, s:I, s:I, s:I}", "locality",
                                                      command_json_uuid(&locality->id), "epoch",
                                                      (json_int_t)locality->epoch, "position",
                                                      (json_int_t)locality->position.position,
                                                      "log", (json_int_t)locality->rows));
        }
        return array;
}

static int print_report(const struct command_line *line, const struct backup_report *report,
                        json_t *json, const char *text)
{
        if (line->json)
                return command_print_json(json);
        json_decref(json);
        (void)printf("%s\n", text);
        for (size_t i = 0; i < report->count; i++) {
                const struct backup_locality *locality = &report->localities[i];
                char id[UUID_TEXT_SIZE];

                uuid_format(&locality->id, id);
                (void)printf("  %s up to %" PRIu64 ":%" PRIu64 ", %" PRIu64 " rows of the log\n",
                             id, locality->position.epoch, locality->position.position,
                             locality->rows);
        }
        return 0;
}

/* Attachments are files that never change: a folder takes those that it does not have. */
static int copy_attachments(const struct command_line *line, uint64_t *ret_count)
{
        const char *to = command_value(line, "attachments");
        char path[LAYOUT_PATH_MAX];
        uint64_t bytes;
        int r = layout_path(line->data, LAYOUT_ATTACHMENTS, path);

        *ret_count = 0;
        return r < 0 || !to ? r : vault_copy(path, to, ret_count, &bytes);
}

int command_backup(struct command_line *line)
{
        struct showing showing = begin_showing(line);
        struct store_settings settings;
        struct backup_report report;
        char path[LAYOUT_PATH_MAX], text[4400];
        bool quick = command_value(line, "quick") != NULL;
        uint64_t attachments;
        int r = settings_load(line->data, &settings);

        r = r < 0 ? r : layout_path(line->data, LAYOUT_DATABASE, path);
        r = r < 0 ? r
                  : backup_make(path, line->operands[0], quick,
                                (enum nhs_environment)settings.environment, clock_now_ms(), show,
                                &showing, &report);
        r = r < 0 ? r : copy_attachments(line, &attachments);
        if (r < 0)
                return r;
        (void)snprintf(text, sizeof(text),
                       "%s holds the store as it was when the copy began, %" PRIu64 " bytes, %s.\n"
                       "Keep it, and the journal, on another machine; keys are not in it.\n"
                       "Attachments: %s.",
                       line->operands[0], report.size,
                       quick ? "its pages checked" : "its log played again",
                       command_value(line, "attachments")
                               ? "copied into their folder as well"
                               : "not in it; name a folder for them with --attachments");
        return print_report(line, &report,
                            json_pack("{s:s, s:I, s:b, s:I, s:o}", "file", line->operands[0],
                                      "bytes", (json_int_t)report.size, "played_again", !quick,
                                      "attachments", (json_int_t)attachments, "localities",
                                      localities_json(&report)),
                            text);
}

static int restore(const struct command_line *line, const struct store_settings *settings,
                   struct backup_report *report)
{
        struct showing showing = begin_showing(line);
        char database[LAYOUT_PATH_MAX], journal[LAYOUT_PATH_MAX];
        const char *named = command_value(line, "journal");
        struct backup_wish wish = {
                .from = line->operands[0],
                .database = database,
                .without_journal = command_value(line, "without-journal") != NULL,
                .environment = (enum nhs_environment)settings->environment,
                .now_ms = clock_now_ms(),
                .random = crypto_random,
                .progress = show,
                .context = &showing,
        };
        int r = layout_path(line->data, LAYOUT_DATABASE, database);

        if (named && wish.without_journal)
                return FAIL(PANNIER_E_INVALID, "--journal and --without-journal");
        r = r < 0 ? r : layout_path(line->data, LAYOUT_JOURNAL, journal);
        wish.journal = named ? named : journal;
        wish.own_journal = journal;
        return r < 0 ? r : backup_restore(&wish, report);
}

int command_restore(struct command_line *line)
{
        struct store_settings settings;
        struct backup_report report;
        char path[LAYOUT_PATH_MAX], text[4400];
        int lock, r = settings_load(line->data, &settings);

        r = r < 0 ? r : layout_path(line->data, LAYOUT_LOCK, path);
        r = r < 0 ? r : file_lock(path, &lock);
        if (r == PANNIER_E_BUSY)
                return FAIL(PANNIER_E_BUSY, "%s is being served: stop it first", line->data);
        if (r < 0)
                return r;
        r = restore(line, &settings, &report);
        file_unlock(lock);
        if (r < 0)
                return r;
        (void)snprintf(text, sizeof(text),
                       "Restored. A new epoch began; the devices bring back what they have of the "
                       "rest.\n%" PRIu64 " records of the journal were played again.\n%s%s",
                       report.played, report.aside[0] ? "The database that was there is now " : "",
                       report.aside);
        return print_report(line, &report,
                            json_pack("{s:s, s:I, s:o, s:o}", "file", line->operands[0],
                                      "journal_records", (json_int_t)report.played, "set_aside",
                                      report.aside[0] ? json_string(report.aside) : json_null(),
                                      "localities", localities_json(&report)),
                            text);
}

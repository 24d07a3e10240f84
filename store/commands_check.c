/* pannier-store verify: what is not as it should be, without a word of clinical content. */
#include "store/commands.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"
#include "store/attachment_access.h"
#include "store/layout.h"
#include "store/vault.h"
#include "store/verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LOCALITIES_MAX = 64, PROBLEMS_SHOWN_MAX = 1000 };

struct chosen {
        struct uuid ids[LOCALITIES_MAX];
        size_t count;
};

static int choose(void *context, const struct uuid *id)
{
        struct chosen *chosen = context;

        if (chosen->count == LOCALITIES_MAX)
                return FAIL(PANNIER_E_LIMIT, "more than %d localities", LOCALITIES_MAX);
        chosen->ids[chosen->count++] = *id;
        return 0;
}

static int choose_localities(const struct command_line *line, struct storage *storage,
                             struct chosen *ret)
{
        int r = 0;

        ret->count = 0;
        if (!line->operand_count)
                return storage->ops->localities(storage, choose, ret);
        for (size_t i = 0; i < line->operand_count && !r; i++) {
                struct uuid id;

                r = uuid_parse(bytes_text(line->operands[i]), &id);
                r = r < 0 ? r : choose(ret, &id);
        }
        return r;
}

/* ---- verify ---- */

struct verifying {
        json_t *problems;
        bool json;
        uint64_t shown;
};

static int show_problem(void *context, const struct verify_problem *problem)
{
        struct verifying *verifying = context;
        char record[UUID_TEXT_SIZE] = "", scope[SCOPE_TEXT_SIZE];

        if (verifying->shown++ >= PROBLEMS_SHOWN_MAX)
                return 0; /* counted all the same */
        if (verifying->json) {
                (void)json_array_append_new(
                        verifying->problems,
                        json_pack("{s:s, s:I, s:o, s:o, s:o, s:o, s:o}", "problem",
                                  verify_kind_name(problem->kind), "log_row",
                                  (json_int_t)problem->number, "type",
                                  problem->type ? json_string(problem->type->name) : json_null(),
                                  "record", command_json_uuid(&problem->record), "field",
                                  problem->field ? json_string(problem->field->name) : json_null(),
                                  "scope", command_json_uuid(&problem->scope.id), "class",
                                  problem->class ? json_string(catalogue_class_name(problem->class))
                                                 : json_null()));
                return 0;
        }
        if (problem->kind == VERIFY_DIGEST) {
                scope_format(&problem->scope, scope);
                (void)printf("  digest: feed of %s, class %s\n", scope,
                             catalogue_class_name(problem->class));
                return 0;
        }
        if (!uuid_is_none(&problem->record))
                uuid_format(&problem->record, record);
        (void)printf("  %s: log row %" PRIu64 " %s %s %s\n", verify_kind_name(problem->kind),
                     problem->number, problem->type ? problem->type->name : "", record,
                     problem->field ? problem->field->name : "");
        return 0;
}

static int verify_one(const struct command_line *line, struct storage *storage,
                      const struct uuid *locality, enum nhs_environment environment, json_t *all,
                      uint64_t *problems)
{
        CLEANUP(storage_freep) struct storage *scratch = NULL;
        CLEANUP(json_freep) json_t *list = json_array();
        struct verifying verifying = {.problems = list, .json = line->json};
        struct verify_report report;
        char id[UUID_TEXT_SIZE];
        int r = storage_sqlite_open(":memory:", false, &scratch);

        r = r < 0 ? r
                  : verify_locality(storage, scratch, locality, environment, show_problem,
                                    &verifying, &report);
        if (r < 0)
                return r;
        *problems += report.problems;
        uuid_format(locality, id);
        if (line->json)
                (void)json_array_append_new(
                        all,
                        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:O}", "locality", id, "rows",
                                  (json_int_t)report.rows, "records", (json_int_t)report.records,
                                  "uncompared", (json_int_t)report.uncompared, "redacted",
                                  (json_int_t)report.redacted, "problems",
                                  (json_int_t)report.problems, "list", list));
        else
                (void)printf("%s: %" PRIu64 " rows of the log, %" PRIu64
                             " records compared, %" PRIu64 " problems\n",
                             id, report.rows, report.records, report.problems);
        return 0;
}

/* ---- verify: attachments ---- */

struct verifying_bytes {
        struct vault *vault;
        const struct command_line *line;
        json_t *list;
        uint64_t good, missing, damaged;
};

static int verify_bytes_of(void *context, const struct record *record,
                           const struct attachment *attachment)
{
        struct verifying_bytes *verifying = context;
        char id[UUID_TEXT_SIZE];
        int r = vault_check(verifying->vault, &record->id, attachment);

        if (r < 0)
                return r;
        verifying->good += r == 0;
        verifying->missing += r == 1;
        verifying->damaged += r == 2;
        if (r == 0 || verifying->missing + verifying->damaged > PROBLEMS_SHOWN_MAX)
                return 0;
        uuid_format(&record->id, id);
        if (verifying->line->json)
                (void)json_array_append_new(verifying->list,
                                            json_pack("{s:s, s:s}", "record", id, "problem",
                                                      r == 1 ? "missing" : "damaged"));
        else
                (void)printf("  %s: the bytes of %s\n", r == 1 ? "missing" : "damaged", id);
        return 0;
}

/* One that is missing may be on its way: its record comes before it. Devices that have what is not good here are asked for it. */
static int verify_attachments(const struct command_line *line, struct storage *storage, json_t *all,
                              uint64_t *problems)
{
        CLEANUP(vault_freep) struct vault *vault = NULL;
        CLEANUP(json_freep) json_t *list = json_array();
        struct verifying_bytes verifying = {.line = line, .list = list};
        char path[LAYOUT_PATH_MAX];
        int r = layout_path(line->data, LAYOUT_ATTACHMENTS, path);

        r = r < 0 ? r : vault_open(path, NULL, clock_now_ms(), &vault);
        r = r < 0 ? r : storage->ops->begin_read(storage);
        if (r < 0)
                return r;
        verifying.vault = vault;
        r = attachment_each(storage, verify_bytes_of, &verifying);
        storage->ops->rollback(storage);
        if (r < 0)
                return r;
        *problems += verifying.damaged;
        if (line->json)
                (void)json_array_append_new(all,
                                            json_pack("{s:I, s:I, s:I, s:I, s:O}", "attachments",
                                                      (json_int_t)verifying.good, "missing",
                                                      (json_int_t)verifying.missing, "damaged",
                                                      (json_int_t)verifying.damaged, "problems",
                                                      (json_int_t)verifying.damaged, "list", list));
        else
                (void)printf("attachments: %" PRIu64 " good, %" PRIu64 " not here (yet), %" PRIu64
                             " damaged\n",
                             verifying.good, verifying.missing, verifying.damaged);
        return 0;
}

int command_verify(struct command_line *line)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        CLEANUP(json_freep) json_t *all = json_array();
        struct store_settings settings;
        struct chosen chosen = {.count = 0};
        uint64_t problems = 0;
        int r = command_open(line, true, &settings, &storage);

        r = r < 0 ? r : choose_localities(line, storage, &chosen);
        for (size_t i = 0; i < chosen.count && r >= 0; i++)
                r = verify_one(line, storage, &chosen.ids[i],
                               (enum nhs_environment)settings.environment, all, &problems);
        if (r >= 0 && command_value(line, "attachments"))
                r = verify_attachments(line, storage, all, &problems);
        if (r >= 0 && line->json)
                r = command_print_json(TAKE(all));
        if (r < 0)
                return r;
        return problems ? FAIL(PANNIER_E_CORRUPT,
                               "%" PRIu64 " problems: what is kept is not what was committed",
                               problems)
                        : 0;
}

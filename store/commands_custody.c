/* pannier-store custody, device grant, device write-off, scope preview: who was sent whom, and what a change would move. */
#include "store/commands.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"
#include "common/table.h"
#include "store/exits.h"
#include "store/grants.h"

#include <stdio.h>
#include <string.h>

/* ---- custody ---- */

struct custody_list {
        struct storage *storage;
        struct table *table;
        json_t *array;
        struct uuid person;
        bool found;
        bool by_person; /* its lines name devices */
};

static int take_person(void *context, const struct record *record, struct bytes stamps)
{
        struct custody_list *list = context;

        (void)stamps;
        list->person = record->id;
        list->found = true;
        return 0;
}

static const char *custody_state(const struct custody_row *row, const struct device_row *device)
{
        if (row->held == 0)
                return "erased";
        return device->lost_ms ? "lost" : "held";
}

static int print_custody(struct custody_list *list, const struct custody_row *row,
                         const struct device_row *device)
{
        const struct uuid *id = list->by_person ? &row->device : &row->person;
        char text[UUID_TEXT_SIZE], since[32], erased[32];
        json_t *json;

        if (list->array) {
                json = json_pack(
                        "{s:o, s:s, s:o, s:s, s:o, s:o, s:I, s:s, s:s, s:o}", "device",
                        command_json_uuid(&row->device), "name", device->name, "person",
                        command_json_uuid(&row->person), "state", custody_state(row, device),
                        "locality", command_json_uuid(&row->locality), "since",
                        command_json_time(row->since_ms), "position", (json_int_t)row->position,
                        "class", catalogue_class_name((enum catalogue_class)row->class), "holds",
                        catalogue_class_name((enum catalogue_class)row->held), "erased",
                        command_json_time(row->erased_ms));
                return json_array_append_new(list->array, json) < 0
                               ? FAIL(PANNIER_E_MEMORY, "no memory for a list")
                               : 0;
        }
        uuid_format(id, text);
        table_cell_text(list->table, text);
        table_cell_text(list->table, list->by_person ? device->name : "");
        table_cell_text(list->table, custody_state(row, device));
        table_cell_text(list->table, catalogue_class_name((enum catalogue_class)row->class));
        table_cell_text(list->table, command_time(row->since_ms, since));
        table_cell_int(list->table, (int64_t)row->position);
        table_cell_text(list->table, row->erased_ms ? command_time(row->erased_ms, erased) : "");
        return 0;
}

static int take_custody(void *context, const struct custody_row *row)
{
        struct custody_list *list = context;
        struct device_row device = {.name = ""};
        int r = list->storage->ops->device_get(list->storage, &row->device, &device);

        return r < 0 ? r : print_custody(list, row, &device);
}

static int list_custody(struct command_line *line, struct custody_list *list)
{
        const char *person = command_value(line, "person"), *name = command_value(line, "device");
        struct storage *storage = list->storage;
        struct device_row device;
        int r;

        if (!person == !name)
                return FAIL(PANNIER_E_INVALID, "say either --person or --device");
        if (name) {
                r = command_device(storage, name, &device);
                return r < 0 ? r
                             : storage->ops->custody_each(storage, &device.id, take_custody, list);
        }
        list->by_person = true;
        r = command_person_find(storage, person, take_person, list);
        if (r >= 0 && !list->found)
                return FAIL(PANNIER_E_NOT_FOUND, "nobody has this number or id");
        return r < 0 ? r
                     : storage->ops->custody_of_person(storage, &list->person, take_custody, list);
}

int command_custody(struct command_line *line)
{
        static const struct table_column columns[] = {
                {"Id", false},    {"Name", false},    {"State", false},  {"Class", false},
                {"Since", false}, {"Position", true}, {"Erased", false},
        };
        CLEANUP(storage_freep) struct storage *storage = NULL;
        CLEANUP(table_freep) struct table *table = NULL;
        CLEANUP(json_freep) json_t *array = line->json ? json_array() : NULL;
        struct custody_list list = {.array = array};
        int r = command_open(line, true, NULL, &storage);

        r = r < 0 ? r : table_new(columns, sizeof(columns) / sizeof(columns[0]), &table);
        r = r < 0 ? r : storage->ops->begin_read(storage);
        if (r < 0)
                return r;
        list.storage = storage;
        list.table = table;
        r = list_custody(line, &list);
        storage->ops->rollback(storage);
        if (r < 0)
                return r;
        return line->json ? command_print_json(TAKE(array)) : table_print(table, stdout);
}

/* ---- a change of what a device is granted ---- */

struct change {
        struct device_row device;
        struct scope_set add, drop;
        size_t count;
};

static void change_deinit(struct change *change)
{
        scope_set_deinit(&change->add);
        scope_set_deinit(&change->drop);
}

static int read_scopes(const struct command_line *line, struct storage *storage, const char *option,
                       enum scope_kind kind, struct scope_set *ret, size_t *count)
{
        const char *word;
        size_t place = 0;
        int r = 0;

        while (r >= 0 && (word = command_each(line, option, &place))) {
                struct scope scope;

                r = kind == 0 ? scope_parse(bytes_text(word), &scope)
                              : command_scope(storage, kind, word, &scope);
                r = r < 0 ? r : scope_set_add(ret, &scope);
                ++*count;
        }
        return r < 0 ? r : 0;
}

static int read_change(const struct command_line *line, struct storage *storage,
                       struct change *change)
{
        const char *ceiling = command_value(line, "ceiling");
        int r = command_device(storage, line->operands[0], &change->device);

        if (r >= 0 && ceiling)
                r = command_class(ceiling, &change->device.ceiling);
        change->count = ceiling != NULL;
        r = r < 0 ? r
                  : read_scopes(line, storage, "team", SCOPE_TEAM, &change->add, &change->count);
        r = r < 0 ? r
                  : read_scopes(line, storage, "home", SCOPE_HOME, &change->add, &change->count);
        r = r < 0 ? r
                  : read_scopes(line, storage, "scope", (enum scope_kind)0, &change->add,
                                &change->count);
        r = r < 0 ? r
                  : read_scopes(line, storage, "drop-team", SCOPE_TEAM, &change->drop,
                                &change->count);
        r = r < 0 ? r
                  : read_scopes(line, storage, "drop-home", SCOPE_HOME, &change->drop,
                                &change->count);
        r = r < 0 ? r
                  : read_scopes(line, storage, "drop-scope", (enum scope_kind)0, &change->drop,
                                &change->count);
        if (r >= 0 && change->count == 0)
                return FAIL(PANNIER_E_INVALID, "say what is to change: --team, --drop-team, "
                                               "--ceiling …");
        return r;
}

/* A change of grants uses up a position of the device's locality: so it has its place between what came before and after. */
static int write_change(struct storage *storage, const struct change *change)
{
        const struct uuid *id = &change->device.id;
        int r = storage->ops->device_put(storage, &change->device);

        for (size_t i = 0; i < change->drop.count && r >= 0; i++)
                r = storage->ops->grant_remove(storage, id, &change->drop.items[i]);
        for (size_t i = 0; i < change->add.count && r >= 0; i++)
                r = storage->ops->grant_put(storage, id, &change->add.items[i]);
        return r < 0 ? r : storage->ops->locality_touch(storage, &change->device.locality);
}

int command_device_grant(struct command_line *line)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        CLEANUP(change_deinit) struct change change = {.add = SCOPE_SET_INIT};
        int r = command_open(line, false, NULL, &storage);

        r = r < 0 ? r : read_change(line, storage, &change);
        r = r < 0 ? r : storage->ops->begin(storage, &change.device.locality, 1);
        if (r < 0)
                return r;
        r = write_change(storage, &change);
        r = storage_end(storage, r);
        if (r < 0)
                return r;
        if (line->json)
                return command_print_json(json_pack("{s:o, s:s, s:s}", "device",
                                                    command_json_uuid(&change.device.id), "name",
                                                    change.device.name, "ceiling",
                                                    catalogue_class_name(change.device.ceiling)));
        (void)printf("%s is granted this from its next exchange on; whom it loses it erases and "
                     "confirms.\n",
                     change.device.name);
        return 0;
}

/* ---- what a change would move ---- */

struct reach { /* whom, and how many records, a set of scopes gives up to a class */
        struct storage *storage;
        struct buffer people; /* struct uuid behind each other, ascending once sorted */
};

static void reach_deinit(struct reach *reach)
{
        buffer_deinit(&reach->people);
}

static int take_joined(void *context, const struct feed_row *row, const struct wire_row *sent)
{
        struct buffer *people = context;

        (void)sent;
        if (row->kind == FEED_JOIN)
                buffer_append(people, BYTES(&row->id, sizeof(row->id)));
        return buffer_check(people);
}

struct numbers {
        uint64_t items[WIRE_LOCALITIES_MAX];
        size_t count;
};

static int take_number(void *context, const struct uuid *locality, uint64_t feed,
                       const struct digest *digests)
{
        struct numbers *numbers = context;

        (void)locality;
        (void)digests;
        if (numbers->count < WIRE_LOCALITIES_MAX)
                numbers->items[numbers->count++] = feed;
        return 0;
}

static int compare_ids(const void *a, const void *b)
{
        return uuid_compare(a, b);
}

static void sort_people(struct buffer *people)
{
        struct uuid *ids = (struct uuid *)(void *)people->data;
        size_t count = people->size / sizeof(*ids), kept = 0;

        if (count < 2)
                return;
        qsort(ids, count, sizeof(*ids), compare_ids);
        for (size_t i = 1; i < count; i++)
                if (!uuid_equal(&ids[kept], &ids[i]))
                        ids[++kept] = ids[i];
        people->size = (kept + 1) * sizeof(*ids);
}

static int reach_people(struct reach *reach, const struct scope_set *scopes)
{
        const struct feed_place start = {0};
        struct storage *storage = reach->storage;
        int r = 0;

        for (size_t i = 0; i < scopes->count && r >= 0; i++) {
                struct numbers numbers = {.count = 0};

                if (scopes->items[i].kind == SCOPE_LOCALITY)
                        continue;
                r = storage->ops->feed_numbers(storage, &scopes->items[i], take_number, &numbers);
                for (size_t k = 0; k < numbers.count && r >= 0; k++)
                        r = storage->ops->feed_scan(storage, numbers.items[k], CLASS_BASIC, &start,
                                                    take_joined, &reach->people);
        }
        sort_people(&reach->people);
        return r < 0 ? r : 0;
}

static bool has_person(const struct reach *reach, const struct uuid *person)
{
        size_t count = reach->people.size / sizeof(struct uuid);

        return count && bsearch(person, reach->people.data, count, sizeof(*person), compare_ids);
}

static int count_record(void *context, const struct record *record, struct bytes stamps)
{
        (void)record;
        (void)stamps;
        ++*(uint64_t *)context;
        return 0;
}

/* Records of somebody in the classes above @from, up to @to. Conflicts go with the basic ones. */
static int count_records(struct storage *storage, const struct uuid *person, int from, int to,
                         uint64_t *count)
{
        const struct catalogue *catalogue = catalogue_get();
        int r = 0;

        for (uint16_t i = 0; i < catalogue->type_count && r >= 0; i++) {
                const struct catalogue_type *type = &catalogue->types[i];
                int class = type->class == CLASS_OF_RECORD ? CLASS_BASIC : (int)type->class;

                if (type->personal && class > from && class <= to)
                        r = storage->ops->record_each(storage, type, person, NULL, count_record,
                                                      count);
        }
        return r < 0 ? r : 0;
}

struct moved {
        uint64_t people, records;
        uint64_t held; /* of the people, how many the device really has now */
};

/* Who is in @has and not in @other; of those who are in both, the records of classes above @from. */
static int count_moved(const struct reach *has, const struct reach *other,
                       const struct uuid *device, int from, int to, struct moved *ret)
{
        const struct uuid *ids = (const struct uuid *)(const void *)has->people.data;
        struct storage *storage = has->storage;
        int r = 0;

        for (size_t i = 0; i < has->people.size / sizeof(*ids) && r >= 0; i++) {
                bool stays = has_person(other, &ids[i]);
                struct custody_row custody;

                r = count_records(storage, &ids[i], stays ? from : 0, to, &ret->records);
                if (stays || r < 0)
                        continue;
                ret->people++;
                r = storage->ops->custody_get(storage, device, &ids[i], &custody);
                ret->held += r > 0 && custody.held != 0;
        }
        return r < 0 ? r : 0;
}

static int copy_scopes(struct grants *grants, struct storage *storage,
                       const struct device_row *device, struct scope_set *ret)
{
        const struct scope_set *scopes;
        int r = grants_get(grants, storage, device, scope_day(clock_now_ms()), &scopes);

        for (size_t i = 0; r >= 0 && i < scopes->count; i++)
                r = scope_set_add(ret, &scopes->items[i]);
        return r < 0 ? r : 0;
}

/* The scopes before and after: the change is made, looked at, and taken back. */
static int try_change(struct storage *storage, const struct device_row *now,
                      const struct change *change, struct scope_set *before,
                      struct scope_set *after)
{
        CLEANUP(grants_freep) struct grants *grants = NULL;
        int r = grants_new(&grants);

        r = r < 0 ? r : storage->ops->begin(storage, &change->device.locality, 1);
        if (r < 0)
                return r;
        r = copy_scopes(grants, storage, now, before);
        r = r < 0 ? r : write_change(storage, change);
        r = r < 0 ? r : copy_scopes(grants, storage, &change->device, after);
        storage->ops->rollback(storage);
        return r;
}

static int print_preview(const struct command_line *line, const struct change *change,
                         const struct moved *gone, const struct moved *come, uint64_t waiting)
{
        if (line->json)
                return command_print_json(
                        json_pack("{s:s, s:{s:I, s:I}, s:{s:I, s:I, s:I}, s:I}", "device",
                                  change->device.name, "arrive", "people", (json_int_t)come->people,
                                  "records", (json_int_t)come->records, "leave", "people",
                                  (json_int_t)gone->people, "records", (json_int_t)gone->records,
                                  "held", (json_int_t)gone->held, "waiting", (json_int_t)waiting));
        (void)printf("%s would be sent %llu people with %llu records,\n"
                     "and let go of %llu people with %llu records, %llu of whom it holds.\n"
                     "%llu entries waited on it when it was seen last; what they say of people who "
                     "leave comes late.\n",
                     change->device.name, (unsigned long long)come->people,
                     (unsigned long long)come->records, (unsigned long long)gone->people,
                     (unsigned long long)gone->records, (unsigned long long)gone->held,
                     (unsigned long long)waiting);
        return 0;
}

int command_scope_preview(struct command_line *line)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        CLEANUP(change_deinit) struct change change = {.add = SCOPE_SET_INIT};
        CLEANUP(scope_set_deinit) struct scope_set before = SCOPE_SET_INIT;
        CLEANUP(scope_set_deinit) struct scope_set after = SCOPE_SET_INIT;
        CLEANUP(reach_deinit) struct reach had = {.people = BUFFER_INIT};
        CLEANUP(reach_deinit) struct reach has = {.people = BUFFER_INIT};
        struct moved gone = {0}, come = {0};
        struct device_report report = {0};
        struct device_row now;
        int r = command_open(line, false, NULL, &storage);

        r = r < 0 ? r : read_change(line, storage, &change);
        r = r < 0 ? r : command_device(storage, line->operands[0], &now);
        r = r < 0 ? r : try_change(storage, &now, &change, &before, &after);
        r = r < 0 ? r : storage->ops->device_reported(storage, &now.id, &report);
        r = r < 0 ? r : storage->ops->begin_read(storage);
        if (r < 0)
                return r;
        had.storage = has.storage = storage;
        r = reach_people(&had, &before);
        r = r < 0 ? r : reach_people(&has, &after);
        r = r < 0 ? r
                  : count_moved(&had, &has, &now.id, (int)change.device.ceiling, (int)now.ceiling,
                                &gone);
        r = r < 0 ? r
                  : count_moved(&has, &had, &now.id, (int)now.ceiling, (int)change.device.ceiling,
                                &come);
        storage->ops->rollback(storage);
        return r < 0 ? r : print_preview(line, &change, &gone, &come, report.waiting);
}

/* ---- device write-off ---- */

static int mark_lost(struct storage *storage, const char *word, struct device_row *ret)
{
        int r = command_device(storage, word, ret);

        if (r < 0)
                return r;
        ret->state = DEVICE_REVOKED;
        if (ret->lost_ms == 0)
                ret->lost_ms = clock_now_ms();
        r = storage->ops->device_put(storage, ret);
        return r < 0 ? r : storage->ops->code_burn(storage, &ret->id);
}

struct lost {                 /* whom the device held */
        struct buffer people; /* struct uuid behind each other */
};

static void lost_deinit(struct lost *lost)
{
        buffer_deinit(&lost->people);
}

static int take_lost(void *context, const struct custody_row *row)
{
        struct lost *lost = context;

        if (row->held != 0)
                buffer_append(&lost->people, BYTES(&row->person, sizeof(row->person)));
        return buffer_check(&lost->people);
}

/* Nobody waits for its word any more: what told it to let go of people may go. */
static int settle_lost(struct storage *storage, const struct lost *lost)
{
        int r = 0;

        for (size_t at = 0; at < lost->people.size && r == 0; at += sizeof(struct uuid)) {
                struct uuid person;

                memcpy(&person, lost->people.data + at, sizeof(person));
                r = exits_settle(storage, &person);
        }
        return r;
}

struct kept_here {
        struct uuid items[WIRE_LOCALITIES_MAX];
        size_t count;
};

static int take_kept(void *context, const struct uuid *id)
{
        struct kept_here *kept = context;

        if (kept->count < WIRE_LOCALITIES_MAX)
                kept->items[kept->count++] = *id;
        return 0;
}

int command_device_write_off(struct command_line *line)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        struct device_row row;
        struct device_report report = {0};
        CLEANUP(lost_deinit) struct lost lost = {.people = BUFFER_INIT};
        struct kept_here kept = {.count = 0};
        size_t held;
        int r = command_open(line, false, NULL, &storage);

        r = r < 0 ? r : storage->ops->localities(storage, take_kept, &kept);
        r = r < 0 ? r : storage->ops->begin(storage, kept.items, kept.count);
        if (r < 0)
                return r;
        r = mark_lost(storage, line->operands[0], &row);
        r = r < 0 ? r : storage->ops->custody_each(storage, &row.id, take_lost, &lost);
        r = r < 0 ? r : settle_lost(storage, &lost);
        r = r < 0 ? r : storage->ops->device_reported(storage, &row.id, &report);
        r = storage_end(storage, r);
        if (r < 0)
                return r;
        held = lost.people.size / sizeof(struct uuid);
        if (line->json)
                return command_print_json(json_pack(
                        "{s:o, s:s, s:o, s:I, s:I}", "device", command_json_uuid(&row.id), "name",
                        row.name, "lost", command_json_time(row.lost_ms), "people_lost",
                        (json_int_t)held, "entries_lost", (json_int_t)report.waiting));
        (void)printf("%s is written off: %llu people count as lost, not erased. It is shut out.\n",
                     row.name, (unsigned long long)held);
        if (report.waiting > 0)
                (void)printf("%llu entries waited on it when it was seen last, and did not arrive: "
                             "ask those who worked on it.\n",
                             (unsigned long long)report.waiting);
        return 0;
}

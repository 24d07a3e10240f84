/* pannier-store device code, list, show, revoke. */
#include "store/commands.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/json.h"
#include "common/table.h"
#include "store/enrolment.h"
#include "store/grants.h"
#include "store/identity.h"
#include "store/qr.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { GRANTS_MAX = 64 }; /* on one command line */

static const char *state_name(const struct device_row *row)
{
        switch (row->state) {
        case DEVICE_ACTIVE:
                return "active";
        case DEVICE_LOCKED:
                return "locked";
        case DEVICE_WIPED:
                return "wiped";
        case DEVICE_REVOKED:
                return "revoked";
        }
        return "invited";
}

/* ---- finding things by id or name ---- */

struct search {
        const char *name;
        struct uuid id;
        struct uuid locality;
        struct device_row device;
        size_t count;
};

static int match_device(void *context, const struct device_row *row)
{
        struct search *search = context;

        if (strcmp(row->name, search->name) == 0) {
                search->device = *row;
                search->count++;
        }
        return 0;
}

int command_device(struct storage *storage, const char *word, struct device_row *ret)
{
        struct search search = {.name = word};
        struct uuid id;
        int r;

        if (uuid_parse(bytes_text(word), &id) == 0) {
                r = storage->ops->device_get(storage, &id, ret);
                return r < 0 ? r : r > 0 ? 0 : FAIL(PANNIER_E_NOT_FOUND, "no device has this id");
        }
        error_clear();
        r = storage->ops->device_each(storage, match_device, &search);
        if (r < 0)
                return r;
        if (search.count == 0)
                return FAIL(PANNIER_E_NOT_FOUND, "no device is called \"%s\"", word);
        if (search.count > 1)
                return FAIL(PANNIER_E_INVALID, "%zu devices are called \"%s\": name one by its id",
                            search.count, word);
        *ret = search.device;
        return 0;
}

static int match_record(void *context, const struct record *record, struct bytes stamps)
{
        struct search *search = context;

        (void)stamps;
        search->id = record->id;
        search->locality = record->locality;
        search->count++;
        return 0;
}

/* A team or an organisation, by id or by its exact name. */
static int find_record(struct storage *storage, const struct catalogue_type *type, const char *word,
                       struct search *ret)
{
        struct value name = {.form = VALUE_BYTES, .bytes = bytes_text(word)};
        int field = catalogue_field_index_by_name(type, bytes_text("name"));
        struct uuid id;
        int r;

        *ret = (struct search){.name = word};
        if (uuid_parse(bytes_text(word), &id) == 0) {
                r = storage->ops->record_visit(storage, type, &id, match_record, ret);
        } else {
                error_clear();
                r = storage->ops->record_find(storage, type, field, &name, match_record, ret);
        }
        if (r < 0)
                return r;
        if (ret->count == 0)
                return FAIL(PANNIER_E_NOT_FOUND, "there is no %s \"%s\": was it loaded?",
                            type->title, word);
        if (ret->count > 1)
                return FAIL(PANNIER_E_INVALID,
                            "%zu of type %s are called \"%s\": name one by its id", ret->count,
                            type->title, word);
        return 0;
}

int command_scope(struct storage *storage, enum scope_kind kind, const char *word,
                  struct scope *ret)
{
        const struct catalogue_type *type =
                kind == SCOPE_TEAM ? catalogue_team_type() : catalogue_organisation_type();
        struct search found;
        int r = find_record(storage, type, word, &found);

        if (r < 0)
                return r;
        *ret = (struct scope){.kind = kind, .id = found.id};
        return 0;
}

int command_class(const char *word, enum catalogue_class *ret)
{
        for (int class = CLASS_BASIC; class <= CLASS_RESTRICTED; class ++) {
                if (strcmp(word, catalogue_class_name((enum catalogue_class) class)) == 0) {
                        *ret = (enum catalogue_class) class;
                        return 0;
                }
        }
        return FAIL(PANNIER_E_INVALID, "--ceiling is basic, clinical or restricted");
}

/* ---- device code ---- */

struct invitation {
        struct device_row row;
        struct scope grants[GRANTS_MAX];
        size_t grant_count;
        int64_t expires_ms;
        char code[ENROLMENT_CODE_SIZE];
        char link[ENROLMENT_LINK_SIZE];
};

static int add_grant(struct invitation *invitation, enum scope_kind kind, const struct uuid *id,
                     const struct uuid *locality)
{
        if (invitation->grant_count == GRANTS_MAX)
                return FAIL(PANNIER_E_INVALID, "more than %d scopes", GRANTS_MAX);
        invitation->grants[invitation->grant_count++] = (struct scope){.kind = kind, .id = *id};
        if (uuid_is_none(&invitation->row.locality) && locality)
                invitation->row.locality = *locality;
        return 0;
}

static int read_named(const struct command_line *line, struct storage *storage, const char *option,
                      const struct catalogue_type *type, enum scope_kind kind,
                      struct invitation *invitation)
{
        const char *word;
        size_t place = 0;
        int r = 0;

        while (!r && (word = command_each(line, option, &place))) {
                struct search found;

                r = find_record(storage, type, word, &found);
                r = r < 0 ? r : add_grant(invitation, kind, &found.id, &found.locality);
        }
        return r;
}

static int read_scopes(const struct command_line *line, struct invitation *invitation)
{
        const char *word;
        size_t place = 0;
        int r = 0;

        while (!r && (word = command_each(line, "scope", &place))) {
                struct scope scope;

                r = scope_parse(bytes_text(word), &scope);
                r = r < 0 ? r : add_grant(invitation, scope.kind, &scope.id, NULL);
        }
        return r;
}

static int read_ceiling(const struct command_line *line, struct device_row *row)
{
        const char *value = command_value(line, "ceiling");

        if (!value && row->ceiling)
                return 0; /* a device that is there keeps its own */
        return command_class(value ? value : "", &row->ceiling);
}

static int keep_first(void *context, const struct uuid *id)
{
        *(struct uuid *)context = *id;
        return 1;
}

/* Where nothing that was granted has a locality, the store's only one, or its first. */
static int find_locality(struct storage *storage, struct device_row *row)
{
        int r;

        if (!uuid_is_none(&row->locality))
                return 0;
        r = storage->ops->localities(storage, keep_first, &row->locality);
        if (r < 0)
                return r;
        if (uuid_is_none(&row->locality))
                return FAIL(PANNIER_E_INVALID, "the store has no locality yet: load places first");
        return 0;
}

static int read_new_device(const struct command_line *line, struct device_row *row)
{
        const char *name = command_value(line, "name");
        uint8_t random[10];

        if (!name || !*name)
                return FAIL(PANNIER_E_INVALID, "--name is missing: what people call the device");
        if (strlen(name) > CA_NAME_MAX || !bytes_is_utf8(bytes_text(name)))
                return FAIL(PANNIER_E_INVALID, "--name has at most %d bytes of UTF-8", CA_NAME_MAX);
        (void)snprintf(row->name, sizeof(row->name), "%s", name);
        row->created_ms = clock_now_ms();
        crypto_random(random, sizeof(random));
        row->id = uuid_v7(row->created_ms, random);
        return 0;
}

static int read_device(const struct command_line *line, struct storage *storage,
                       struct device_row *row)
{
        const char *word = command_value(line, "device");
        int r;

        if (!word)
                return read_new_device(line, row);
        r = command_device(storage, word, row);
        if (r < 0)
                return r;
        if (row->state == DEVICE_REVOKED)
                return FAIL(PANNIER_E_REFUSED, "the device is revoked: invite it as a new one");
        return 0;
}

static int read_invitation(const struct command_line *line, struct storage *storage,
                           struct invitation *invitation)
{
        int64_t life_ms = ENROLMENT_CODE_LIFE_MS;
        int r = read_device(line, storage, &invitation->row);

        r = r < 0 ? r
                  : read_named(line, storage, "team", catalogue_team_type(), SCOPE_TEAM,
                               invitation);
        r = r < 0 ? r
                  : read_named(line, storage, "home", catalogue_organisation_type(), SCOPE_HOME,
                               invitation);
        r = r < 0 ? r : read_scopes(line, invitation);
        r = r < 0 ? r : read_ceiling(line, &invitation->row);
        r = r < 0 ? r : find_locality(storage, &invitation->row);
        r = r < 0 ? r : command_duration(line, "expires", ENROLMENT_CODE_LIFE_MAX_MS, &life_ms);
        if (r < 0)
                return r;
        if (!invitation->grant_count && !command_value(line, "device"))
                return FAIL(PANNIER_E_INVALID,
                            "nothing is granted: give --team, --home or --scope at least once");
        invitation->expires_ms = clock_now_ms() + life_ms;
        return 0;
}

static int write_invitation(struct storage *storage, const struct invitation *invitation,
                            const uint8_t hash[HASH_SIZE])
{
        int r = storage->ops->begin(storage, NULL, 0);

        if (r < 0)
                return r;
        r = storage->ops->code_burn(storage, &invitation->row.id);
        r = r < 0 ? r : storage->ops->device_put(storage, &invitation->row);
        for (size_t i = 0; i < invitation->grant_count && !r; i++)
                r = storage->ops->grant_put(storage, &invitation->row.id, &invitation->grants[i]);
        r = r < 0 ? r
                  : storage->ops->code_put(storage, hash, &invitation->row.id,
                                           invitation->expires_ms);
        if (!r)
                return storage->ops->commit(storage);
        storage->ops->rollback(storage);
        return r;
}

static int make_link(const struct command_line *line, const struct store_settings *settings,
                     struct invitation *invitation)
{
        CLEANUP(store_identity_freep) struct store_identity *identity = NULL;
        int64_t port = settings->public_port ? settings->public_port : settings->port;
        const char *host = command_value(line, "host"), *hosts[CA_HOST_MAX + 1];
        char copy[SETTINGS_HOSTS_SIZE];
        uint8_t fingerprint[HASH_SIZE];
        int r = identity_load(line->data, &identity);

        r = r < 0 ? r : command_number(line, "port", 1, 65535, &port);
        if (r < 0)
                return r;
        if (!port)
                return FAIL(PANNIER_E_INVALID, "store.conf fixes no port: say it with --port");
        if (!host && settings_hosts(settings, copy, hosts))
                host = hosts[0];
        if (!host)
                return FAIL(PANNIER_E_INVALID, "store.conf has no hosts: say one with --host");
        identity_fingerprint(identity, fingerprint);
        return enrolment_link(host, (uint16_t)port, invitation->code, fingerprint,
                              invitation->link);
}

static int print_invitation(const struct command_line *line, const struct invitation *invitation)
{
        char id[UUID_TEXT_SIZE], until[32];

        if (line->json)
                return command_print_json(json_pack(
                        "{s:o, s:s, s:s, s:s, s:s, s:o}", "device",
                        command_json_uuid(&invitation->row.id), "name", invitation->row.name,
                        "code", invitation->code, "link", invitation->link, "ceiling",
                        catalogue_class_name(invitation->row.ceiling), "expires",
                        command_json_time(invitation->expires_ms)));
        uuid_format(&invitation->row.id, id);
        (void)printf("Device  %s (%s), up to %s\nCode    %s\nGood    until %s UTC, for one device\n"
                     "Link    %s\n",
                     invitation->row.name, id, catalogue_class_name(invitation->row.ceiling),
                     invitation->code, command_time(invitation->expires_ms, until),
                     invitation->link);
        if (isatty(STDOUT_FILENO) && !command_value(line, "no-qr"))
                return qr_print(invitation->link, stdout);
        return 0;
}

int command_device_code(struct command_line *line)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        struct invitation invitation = {.grant_count = 0};
        struct store_settings settings;
        uint8_t random[ENROLMENT_CODE_BITS / 8], hash[HASH_SIZE];
        int r = command_open(line, false, &settings, &storage);

        r = r < 0 ? r : read_invitation(line, storage, &invitation);
        if (r < 0)
                return r;
        crypto_random(random, sizeof(random));
        enrolment_code_text(random, invitation.code);
        crypto_wipe(random, sizeof(random));
        r = enrolment_code_hash(bytes_text(invitation.code), hash);
        r = r < 0 ? r : make_link(line, &settings, &invitation);
        r = r < 0 ? r : write_invitation(storage, &invitation, hash);
        return r < 0 ? r : print_invitation(line, &invitation);
}

/* ---- device list ---- */

struct listing {
        struct storage *storage;
        struct table *table;
        json_t *array;
};

static json_t *device_json(const struct device_row *row, const struct device_report *report)
{
        return json_pack("{s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:I}",
                         "device", command_json_uuid(&row->id), "name", row->name, "state",
                         state_name(row), "ceiling", catalogue_class_name(row->ceiling), "locality",
                         command_json_uuid(&row->locality), "enrolled",
                         command_json_time(row->enrolled_ms), "seen",
                         command_json_time(row->seen_ms), "certificate_until",
                         command_json_time(row->not_after_ms), "waiting",
                         (json_int_t)report->waiting, "parked", (json_int_t)report->parked,
                         "quarantined", (json_int_t)report->quarantined, "oldest_waiting",
                         command_json_time(report->oldest_ms), "clock_offset_ms",
                         (json_int_t)report->clock_offset_ms);
}

static int list_device(void *context, const struct device_row *row)
{
        struct listing *listing = context;
        struct device_report report = {0};
        char id[UUID_TEXT_SIZE], seen[32], until[32];
        int r = listing->storage->ops->device_reported(listing->storage, &row->id, &report);

        if (r < 0)
                return r;
        if (listing->array)
                return json_array_append_new(listing->array, device_json(row, &report)) < 0
                               ? FAIL(PANNIER_E_MEMORY, "JSON")
                               : 0;
        uuid_format(&row->id, id);
        table_cell_text(listing->table, row->name);
        table_cell_text(listing->table, state_name(row));
        table_cell_text(listing->table, catalogue_class_name(row->ceiling));
        table_cell_text(listing->table, command_time(row->seen_ms, seen));
        table_cell_int(listing->table, (int64_t)report.waiting);
        table_cell_int(listing->table, (int64_t)report.parked);
        table_cell_int(listing->table, (int64_t)report.quarantined);
        table_cell_text(listing->table, command_time(row->not_after_ms, until));
        table_cell_text(listing->table, id);
        return 0;
}

int command_device_list(struct command_line *line)
{
        static const struct table_column columns[] = {
                {"Name", false},   {"State", false},       {"Ceiling", false},
                {"Seen", false},   {"Waiting", true},      {"Parked", true},
                {"Refused", true}, {"Certificate", false}, {"Id", false},
        };
        CLEANUP(storage_freep) struct storage *storage = NULL;
        CLEANUP(table_freep) struct table *table = NULL;
        CLEANUP(json_freep) json_t *array = line->json ? json_array() : NULL;
        struct listing listing = {.array = array};
        int r = command_open(line, true, NULL, &storage);

        r = r < 0 ? r : table_new(columns, sizeof(columns) / sizeof(columns[0]), &table);
        if (r < 0)
                return r;
        listing.storage = storage;
        listing.table = table;
        r = storage->ops->device_each(storage, list_device, &listing);
        if (r < 0)
                return r;
        return line->json ? command_print_json(TAKE(array)) : table_print(table, stdout);
}

/* ---- device show ---- */

struct counting {
        uint64_t held, erased;
};

static int count_custody(void *context, const struct custody_row *row)
{
        struct counting *counting = context;

        if (row->erased_ms)
                counting->erased++;
        else
                counting->held++;
        return 0;
}

static json_t *scopes_json(const struct scope_set *scopes)
{
        json_t *array = json_array();

        for (size_t i = 0; i < scopes->count; i++) {
                char text[SCOPE_TEXT_SIZE];

                scope_format(&scopes->items[i], text);
                (void)json_array_append_new(array, json_string(text));
        }
        return array;
}

static int print_device(const struct command_line *line, const struct device_row *row,
                        const struct device_report *report, const struct scope_set *scopes,
                        const struct counting *custody)
{
        char id[UUID_TEXT_SIZE], seen[32], until[32], text[SCOPE_TEXT_SIZE];

        if (line->json) {
                json_t *json = device_json(row, report);

                (void)json_object_set_new(json, "scopes", scopes_json(scopes));
                (void)json_object_set_new(json, "people_held",
                                          json_integer((json_int_t)custody->held));
                (void)json_object_set_new(json, "people_erased",
                                          json_integer((json_int_t)custody->erased));
                return command_print_json(json);
        }
        uuid_format(&row->id, id);
        (void)printf("Device       %s (%s)\nState        %s, up to %s\nSeen         %s\n"
                     "Certificate  until %s\nEntries      %llu waiting, %llu parked, %llu refused\n"
                     "People       %llu held, %llu erased\nScopes       %zu\n",
                     row->name, id, state_name(row), catalogue_class_name(row->ceiling),
                     command_time(row->seen_ms, seen), command_time(row->not_after_ms, until),
                     (unsigned long long)report->waiting, (unsigned long long)report->parked,
                     (unsigned long long)report->quarantined, (unsigned long long)custody->held,
                     (unsigned long long)custody->erased, scopes->count);
        for (size_t i = 0; i < scopes->count; i++) {
                scope_format(&scopes->items[i], text);
                (void)printf("             %s\n", text);
        }
        return 0;
}

static int show_device(const struct command_line *line, struct storage *storage,
                       struct grants *grants)
{
        const struct scope_set *scopes = NULL;
        struct device_report report = {0};
        struct counting custody = {0};
        struct device_row row;
        int r = command_device(storage, line->operands[0], &row);

        r = r < 0 ? r : storage->ops->device_reported(storage, &row.id, &report);
        r = r < 0 ? r : storage->ops->custody_each(storage, &row.id, count_custody, &custody);
        r = r < 0 ? r : grants_get(grants, storage, &row, scope_day(clock_now_ms()), &scopes);
        return r < 0 ? r : print_device(line, &row, &report, scopes, &custody);
}

int command_device_show(struct command_line *line)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        CLEANUP(grants_freep) struct grants *grants = NULL;
        int r = command_open(line, true, NULL, &storage);

        r = r < 0 ? r : grants_new(&grants);
        r = r < 0 ? r : storage->ops->begin_read(storage);
        if (r < 0)
                return r;
        r = show_device(line, storage, grants);
        storage->ops->rollback(storage);
        return r;
}

/* ---- device revoke ---- */

static int mark_revoked(struct storage *storage, const char *word, struct device_row *ret)
{
        int r = command_device(storage, word, ret);

        if (r < 0)
                return r;
        ret->state = DEVICE_REVOKED;
        r = storage->ops->device_put(storage, ret);
        return r < 0 ? r : storage->ops->code_burn(storage, &ret->id);
}

int command_device_revoke(struct command_line *line)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        struct device_row row;
        char id[UUID_TEXT_SIZE];
        int r = command_open(line, false, NULL, &storage);

        r = r < 0 ? r : storage->ops->begin(storage, NULL, 0);
        if (r < 0)
                return r;
        r = mark_revoked(storage, line->operands[0], &row);
        r = storage_end(storage, r);
        if (r < 0)
                return r;
        if (line->json)
                return command_print_json(json_pack("{s:o, s:s, s:s}", "device",
                                                    command_json_uuid(&row.id), "name", row.name,
                                                    "state", state_name(&row)));
        uuid_format(&row.id, id);
        (void)printf("Revoked %s (%s): refused from its next request on.\n", row.name, id);
        return 0;
}

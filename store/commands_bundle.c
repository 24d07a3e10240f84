/* pannier-store bundle import: what a courier brought as a file. */
#include "store/commands.h"

#include "common/clock.h"
#include "common/error.h"
#include "common/file.h"
#include "common/json.h"
#include "store/courier.h"
#include "store/identity.h"
#include "store/settings.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct import {
        struct exchange_settings settings;
        struct courier_settings courier;
        struct buffer receipts;  /* the file that travels back */
        struct bundle_name name; /* of the newest part */
        unsigned parts, good;
        size_t entries;
        bool last;         /* the bundle's end was among them */
        char problem[300]; /* of the first part that was not taken */
};

static void note_problem(struct import *import, unsigned part)
{
        if (!import->problem[0])
                (void)snprintf(import->problem, sizeof(import->problem), "part %u: %s", part + 1,
                               error_detail());
        error_clear();
}

/* Return: 0, also where the part was refused; PANNIER_E_STORAGE and the like where nothing can be taken now */
static int answer(struct import *import, struct exchange_request *request,
                  const struct courier *courier)
{
        CLEANUP(exchange_answer_deinit) struct exchange_answer made = {0};
        uint8_t nonce[WIRE_BUNDLE_NONCE_SIZE];
        int r = exchange_commit(import->courier.exchange, &request, 1, clock_now_ms());

        if (r == 0)
                r = exchange_error(request);
        if (r == 0)
                r = exchange_answer(import->courier.exchange, request, clock_now_ms(), &made);
        if (r < 0)
                return r;
        crypto_random(nonce, sizeof(nonce));
        return courier_seal(courier, buffer_view(&made.body), nonce, &import->receipts);
}

static int take_part(struct import *import, const struct wire_bundle *part)
{
        CLEANUP(exchange_request_freep) struct exchange_request *request = NULL;
        CLEANUP(courier_freep) struct courier *courier = NULL;
        int r = courier_open(&import->courier, part, clock_now_ms(), &courier, &request);

        import->parts++;
        if (r == PANNIER_E_STORAGE || r == PANNIER_E_MEMORY)
                return r;
        if (r < 0) {
                note_problem(import, part->part);
                return 0;
        }
        r = answer(import, request, courier);
        if (r < 0)
                return r;
        import->name = *courier_name(courier);
        import->last = import->last || import->name.last;
        import->entries += exchange_entry_count(request);
        import->good++;
        return 0;
}

/* Parts that are whole are taken, whatever comes behind them. */
static int take_file(struct import *import, struct bytes file)
{
        CLEANUP(arena_deinit) struct arena arena = ARENA_INIT;
        struct wire_reader reader;
        struct wire_message message;
        int more, r = bundle_file_open(file, &arena, &reader);

        if (r < 0)
                return r;
        while ((more = wire_next(&reader, &message)) > 0) {
                if (message.kind == WIRE_KIND_BUNDLE_RECEIPTS)
                        return FAIL(PANNIER_E_INVALID,
                                    "these are receipts: they go back to the device, with pannier "
                                    "bundle import");
                if (message.kind != WIRE_KIND_BUNDLE)
                        return FAIL(PANNIER_E_MALFORMED, "something else is in this bundle");
                r = take_part(import, &message.bundle);
                if (r < 0)
                        return r;
        }
        if (more < 0)
                note_problem(import, import->parts);
        else if (!import->last && import->good == import->parts && !import->problem[0])
                (void)snprintf(import->problem, sizeof(import->problem),
                               "the file ends before the bundle does: it was cut");
        return 0;
}

static int print_report(const struct command_line *line, const struct import *import)
{
        char device[UUID_TEXT_SIZE] = "", bundle[UUID_TEXT_SIZE] = "";

        if (import->good) {
                uuid_format(&import->name.device, device);
                uuid_format(&import->name.bundle, bundle);
        }
        if (line->json)
                return command_print_json(json_pack(
                        "{s:s, s:s, s:i, s:i, s:I, s:s}", "bundle", bundle, "device", device,
                        "parts", (int)import->parts, "taken", (int)import->good, "entries",
                        (json_int_t)import->entries, "problem", import->problem));
        if (import->good)
                (void)printf("Bundle %s of device %s: %u of %u parts, %zu entries.\n", bundle,
                             device, import->good, import->parts, import->entries);
        if (import->good)
                (void)printf("What became of them: pannier-store entries --device %s\n", device);
        return 0;
}

static int write_receipts(const struct command_line *line, const struct import *import)
{
        const char *path = command_value(line, "receipts");

        if (!path || !import->good)
                return 0;
        return file_write(path, buffer_view(&import->receipts), 0600);
}

static int run(const struct command_line *line, struct storage *storage,
               const struct store_identity *identity, struct import *import)
{
        CLEANUP(exchange_freep) struct exchange *exchange = NULL;
        CLEANUP(buffer_wipe) struct buffer file = BUFFER_INIT;
        int r = file_read(line->operands[0], BUNDLE_FILE_MAX, &file);

        if (r == 0)
                r = exchange_new(storage, &import->settings, &exchange);
        if (r < 0)
                return r;
        import->courier = (struct courier_settings){exchange, storage, identity->seal_key};
        bundle_file_begin(&import->receipts);
        r = take_file(import, buffer_view(&file));
        /* what was taken is durable: its receipts go back, also where a later part was not to be read */
        if (write_receipts(line, import) < 0 && r == 0)
                r = PANNIER_E_SYSTEM;
        if (r == 0)
                r = print_report(line, import);
        if (r == 0 && import->problem[0])
                r = FAIL(PANNIER_E_MALFORMED, "%s", import->problem);
        return r;
}

static int check_receipts(const struct command_line *line)
{
        const char *path = command_value(line, "receipts");

        if (path && access(path, F_OK) == 0)
                return FAIL(PANNIER_E_TAKEN, "%s is there already; nothing was taken", path);
        return 0;
}

int command_bundle_import(struct command_line *line)
{
        CLEANUP(storage_freep) struct storage *storage = NULL;
        CLEANUP(store_identity_freep) struct store_identity *identity = NULL;
        struct store_settings settings;
        struct import import = {0};
        int r = check_receipts(line);

        r = r < 0 ? r : command_open(line, false, &settings, &storage);
        r = r < 0 ? r : identity_load(line->data, &identity);
        if (r < 0)
                return r;
        import.settings = (struct exchange_settings){
                .signing_key = identity->signing_key,
                .trust = identity_trust(identity),
                .environment = (enum nhs_environment)settings.environment,
        };
        r = run(line, storage, identity, &import);
        buffer_deinit(&import.receipts);
        return r;
}

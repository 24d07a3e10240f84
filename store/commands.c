#include "store/commands.h"

#include <stddef.h>

#define OPTIONS_END                                                                                \
        {                                                                                          \
                NULL, NULL, NULL                                                                   \
        }

static const struct command_option init_options[] = {
        {"host", "NAME", "a name or address of this machine; may be given again, or with commas"},
        {"name", "TEXT", "what the store is called in its certificates (Pannier)"},
        {"environment", "test|live", "test (default): made-up NHS numbers only; live: real ones"},
        {"locality", "UUID", "keep this locality from the beginning; load adds others"},
        {"address", "ADDRESS", "listen here only"},
        {"port", "N", "TLS port of devices (8443)"},
        {"health-port", "N", "loopback port of health and metrics (9464)"},
        OPTIONS_END,
};

static const struct command_option serve_options[] = {
        {"port", "N", "instead of the one in store.conf; 0: any free one"},
        {"health-port", "N", "instead of the one in store.conf; 0: any free one"},
        {"log", "LEVEL", "error, warning, info or debug"},
        OPTIONS_END,
};

static const struct command_option code_options[] = {
        {"name", "TEXT", "what people call the device"},
        {"device", "ID|NAME", "a new code for a device that is there: its key is lost"},
        {"team", "ID|NAME", "grant the caseload of a team; may be given again"},
        {"home", "ID|NAME", "grant the people of a care home; may be given again"},
        {"scope", "KIND:ID", "grant a scope by its kind and id; may be given again"},
        {"ceiling", "CLASS", "basic, clinical or restricted: the most it may hold"},
        {"expires", "TIME", "how long the code is good: 24h, 7d (default) … 90d"},
        {"host", "NAME", "in the link, instead of the first host of store.conf"},
        {"port", "N", "in the link, instead of the port of store.conf"},
        {"no-qr", NULL, "no QR code, also on a terminal"},
        OPTIONS_END,
};

static const struct command_option quarantine_options[] = {
        {"all", NULL, "those that were dealt with, too"},
        {"device", "ID|NAME", "of one device only"},
        {"bytes", "FILE", "write the raw bytes of the entry named by --entry to a new file"},
        {"entry", "ID", "of --bytes"},
        OPTIONS_END,
};

static const struct command_option content_options[] = {
        {"content", NULL, "what is in it, decoded and byte for byte: clinical content"},
        {"device", "ID|NAME", "whose, where several devices used the id"},
        OPTIONS_END,
};

static const struct command_option answer_options[] = {
        {"operator", "NAME", "who does this; default: the account that is logged in"},
        {"reason", "TEXT", "why; the people at the device read it (required)"},
        {"device", "ID|NAME", "whose, where several devices used the id"},
        OPTIONS_END,
};

static const struct command_option parked_options[] = {
        {"device", "ID|NAME", "of one device only"},
        OPTIONS_END,
};

static const struct command_option conflicts_options[] = {
        {"all", NULL, "those that were decided, too"},
        OPTIONS_END,
};

#define CONFLICTS_HELP "Never what is in them: that is for the roles that decide, on a device.\n"

#define QUARANTINE_HELP                                                                            \
        "--entry ID --bytes FILE writes an entry's header and body as they came: clinical "        \
        "content\n"                                                                                \
        "that only whoever repairs it may see.\n"

static const struct command_option load_options[] = {
        {"map", "FILE", "how the table's columns become fields (pannier-store(1), MAPPINGS)"},
        {"aliases", "FILE", "other names of localities: CSV with the header alias,locality"},
        {"locality", "CODE|NAME|ID", "of rows that name none"},
        {"complete", NULL,
         "the file is the whole truth: what was loaded before and is not in it ends"},
        {"dry-run", NULL, "report, and change nothing"},
        {"verbose", NULL, "show every message"},
        OPTIONS_END,
};

static const struct command_option sample_options[] = {
        {"people", "N", "how many people (1000)"},
        {"seed", "N", "another seed makes another locality (1)"},
        {"visits", "N", "past visits of each person (2)"},
        {"observations", "N", "past observations of each person (4)"},
        {"load", NULL, "load the tables into this store as well"},
        OPTIONS_END,
};

static const struct command_option grant_options[] = {
        {"team", "ID|NAME", "grant the caseload of a team; may be given again, as all of these"},
        {"home", "ID|NAME", "grant the people of a care home"},
        {"scope", "KIND:ID", "grant a scope by its kind and id"},
        {"drop-team", "ID|NAME", "grant it no longer"},
        {"drop-home", "ID|NAME", "grant it no longer"},
        {"drop-scope", "KIND:ID", "grant it no longer"},
        {"ceiling", "CLASS", "basic, clinical or restricted: the most it may hold"},
        OPTIONS_END,
};

static const struct command_option bundle_options[] = {
        {"receipts", "FILE", "write what travels back to the device, sealed, into a new file"},
        OPTIONS_END,
};

static const struct command_option custody_options[] = {
        {"person", "NHSNUMBER|ID", "which devices were sent this person"},
        {"device", "ID|NAME", "whom this device was sent"},
        OPTIONS_END,
};

static const struct command_option move_options[] = {
        {"to", "CODE|NAME|ID", "the locality that they move to"},
        {"team", "ID|NAME", "propose them to a team there; may be given again"},
        {"home", "ID|NAME", "propose them to a care home there; may be given again"},
        {"reason", "TEXT", "for the audit"},
        {"dry-run", NULL, "say what would happen, and change nothing"},
        OPTIONS_END,
};

static const struct command_option entries_options[] = {
        {"device", "ID|NAME", "of one device only"},
        OPTIONS_END,
};

static const struct command_option verify_options[] = {
        {"attachments", NULL, "also read every attachment"},
        {0},
};

static const struct command_option backup_options[] = {
        {"attachments", "DIR", "also copy attachments that are not there yet"},
        {"quick", NULL, "check the copy's pages, do not play its log again"},
        {"progress", NULL, "say on standard error how far it is"},
        OPTIONS_END,
};

static const struct command_option restore_options[] = {
        {"journal", "FILE", "of the store that was lost, instead of the one in its folder"},
        {"without-journal", NULL,
         "forget revocations, used codes and imports that were made after the backup"},
        {"progress", NULL, "say on standard error how far it is"},
        OPTIONS_END,
};

static const struct command table[] = {
        {"init", "", "make a store in an empty folder",
         "Makes the folder (0700), a device authority, certificates, the signing key, the "
         "database\n"
         "and store.conf. Interrupted, it may be run again. A store that is there is not "
         "touched.\n",
         0, 0, init_options, command_init},
        {"serve", "", "serve devices until SIGTERM",
         "Prints READY with the ports when devices can connect. SIGHUP reads the certificate "
         "again.\n",
         0, 0, serve_options, command_serve},
        {"conf", "", "every setting of store.conf, with range and default", "", 0, 0, NULL,
         command_conf},
        {"load", "TABLE FILE", "load a CSV file; again, and only what differs is changed",
         "TABLE is places, organisations, serves, teams, staff, memberships, people, assignments,\n"
         "residences, medicines, or any record type. FILE may be - for standard input. Its first\n"
         "line names the columns. A row that cannot be taken is refused with its line and the\n"
         "reason, and stops no other; the exit code is then 65.\n",
         2, 2, load_options, command_load},
        {"sample", "FOLDER", "make the tables of a locality in which nobody exists",
         "Writes CSV files for load into FOLDER. NHS numbers begin with 999, which are never "
         "issued.\n",
         1, 1, sample_options, command_sample},
        {"device code", "", "invite a device: a code, a link, a QR code",
         "The code is good for one device, which makes its own key. Only its hash is kept here.\n",
         0, 0, code_options, command_device_code},
        {"device list", "", "all devices, when they were seen, what waits on them", "", 0, 0, NULL,
         command_device_list},
        {"device show", "ID|NAME", "one device: what it may hold, and whom it holds", "", 1, 1,
         NULL, command_device_show},
        {"device revoke", "ID|NAME", "shut a device out from its next request on",
         "It gets nothing any more. Who is on it stays in custody until it is erased or written "
         "off.\n",
         1, 1, NULL, command_device_revoke},
        {"device grant", "ID|NAME", "change what a device may hold",
         "Whom it loses it erases at its next exchange, and confirms; what waits on it about them "
         "comes\n"
         "late and is not lost. See scope preview.\n",
         1, 1, grant_options, command_device_grant},
        {"device write-off", "ID|NAME", "shut a device out for ever: whom it holds is lost",
         "For a device that is gone. It never confirms an erasure: custody says lost, not "
         "erased.\n",
         1, 1, NULL, command_device_write_off},
        {"scope preview", "ID|NAME", "what a change of a device's grants would move",
         "Takes what device grant takes, counts people and records, and changes nothing.\n", 1, 1,
         grant_options, command_scope_preview},
        {"custody", "", "which device was sent whom, since when, and when it was erased",
         "held: the device has the person, or may; erased: it confirmed that nothing is left; "
         "lost: it was\n"
         "written off. Ids and times, never clinical content.\n",
         0, 0, custody_options, command_custody},
        {"person move", "NHSNUMBER|ID", "take a person with all records to another locality",
         "Assignments to teams and residences in homes of the locality they leave end; the rest "
         "goes\n"
         "along, in one transaction of both. What devices wrote before is judged where they are "
         "now.\n",
         1, 1, move_options, command_person_move},
        {"person", "NHSNUMBER|ID", "what the store knows about a person, who has it, who saw it",
         "Identity, scopes, devices and access; never clinical content.\n", 1, 1, NULL,
         command_person},
        {"status", "", "localities, counts, certificates", "", 0, 0, NULL, command_status},
        {"verify", "[LOCALITY…]", "check the log's chain, play it again and compare",
         "Exit code 65 where something differs. Devices are asked for bytes that are not good "
         "here.\n",
         0, 64, verify_options, command_verify},
        {"backup", "FILE", "copy the database while it serves, and verify the copy",
         "FILE must not exist. Devices are told, and may forget what lies in it after 35 days.\n"
         "Keep the file and the journal on another machine.\n",
         1, 1, backup_options, command_backup},
        {"restore", "FILE", "put a backup in the place of the database",
         "Stop serve first. A new epoch begins at once, the journal is played again, and devices\n"
         "bring back what they have. Refuses to go on where the journal does not.\n",
         1, 1, restore_options, command_restore},
        {"bundle import", "FILE", "take what a courier brought from a device that was offline",
         "The entries are judged as if the device had sent them, also while serve runs. Again, "
         "and\n"
         "nothing happens twice. The receipts go back with --receipts and pannier bundle import.\n",
         1, 1, bundle_options, command_bundle_import},
        {"conflicts list", "", "what waits for a decision: ids, kinds, ages and states",
         CONFLICTS_HELP, 0, 0, conflicts_options, command_conflicts},
        {"conflicts", "", "the same as conflicts list", CONFLICTS_HELP, 0, 0, conflicts_options,
         command_conflicts},
        {"entries", "", "what came from devices, and what became of it: ids and outcomes", "", 0, 0,
         entries_options, command_entries},
        {"quarantine list", "", "what was refused, and why: ids, ages, what was done about it",
         QUARANTINE_HELP, 0, 0, quarantine_options, command_quarantine},
        {"quarantine show", "ENTRY", "one refused entry: ids, times, what was done about it",
         "--content prints what is in it, decoded and byte for byte: clinical content that only\n"
         "whoever repairs it may see. That somebody looked is logged.\n",
         1, 1, content_options, command_quarantine_show},
        {"quarantine release", "ENTRY", "let a refused entry take effect, as it is judged now",
         "A new entry of the store that names the old one, with what its author wrote. Ranges, "
         "rules,\n"
         "roles and conflicts are judged as ever; what its device may hold is no longer asked. "
         "What\n"
         "would be refused again is not released: exit code 65, with the reason.\n",
         1, 1, answer_options, command_quarantine_release},
        {"quarantine dismiss", "ENTRY", "say that nothing is to be done about a refused entry",
         "It stays in the log and is shown as dealt with, here and on its device.\n", 1, 1,
         answer_options, command_quarantine_dismiss},
        {"quarantine", "", "the same as quarantine list", QUARANTINE_HELP, 0, 0, quarantine_options,
         command_quarantine},
        {"parked list", "", "what waits for something that has not arrived, and until when",
         "Only here it is told whether what it waits for is unknown, or not this device's.\n", 0, 0,
         parked_options, command_parked},
        {"parked show", "ENTRY", "one entry that waits: ids, times, what it waits for",
         "--content as of quarantine show.\n", 1, 1, content_options, command_parked_show},
        {NULL, NULL, NULL, NULL, 0, 0, NULL, NULL},
};

const struct command *commands(void)
{
        return table;
}

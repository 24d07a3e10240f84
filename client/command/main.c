/* pannier: which subcommand is meant, and what all of them may be told. */
#include "client/command/command.h"
#include "common/clock.h"

#include <locale.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const struct command {
        const char *name;
        const char *summary;
        const char *usage;
        command_run *run;
} commands[] = {
        {"status", "how this device stands: what arrived, what waits, what needs you",
         "Usage: pannier status\n", command_status},
        {"sync", "exchange with the store now",
         "Usage: pannier sync [--wait]\n\n"
         "  --wait           until everything is exchanged, and say what came of it\n"
         "  --timeout S      give up waiting after so many seconds (default 120)\n",
         command_sync},
        {"people", "the people you may see",
         "Usage: pannier people [WORDS...]\n\n"
         "Finds people by name, NHS number, address or phone; without words, everybody.\n\n"
         "  --limit N        rows of a page (default 50, at most 500)\n"
         "  --after ID       go on behind this person\n",
         command_people},
        {"person", "one person, with everything you may see",
         "Usage: pannier person ID|NHS-NUMBER [--type TYPE]\n\n"
         "  --type TYPE      records of one type only\n"
         "  --all            also what was struck out\n",
         command_person},
        {"visit", "record a visit",
         "Usage: pannier visit --person ID|NHS-NUMBER [field=value ...]\n\n"
         "Records a visit as signed. See pannier record --fields visit for its fields.\n",
         command_visit},
        {"observe", "record observations and see the NEWS2",
         "Usage: pannier observe --person ID|NHS-NUMBER [OPTION...] [field=value ...]\n\n"
         "On a terminal it asks for what is not given; an empty answer means not taken.\n\n"
         "  --respiration N      breaths a minute      --spo2 N           %\n"
         "  --oxygen air|oxygen                        --systolic N       mmHg\n"
         "  --diastolic N        mmHg                  --pulse N          beats a minute\n"
         "  --consciousness A|C|V|P|U                  --temperature N.N  degrees Celsius\n"
         "  --taken WHEN         default: now          --worried          you are worried\n",
         command_observe},
        {"escalate", "ask the hub for help",
         "Usage: pannier escalate --person ID|NHS-NUMBER --situation TEXT [OPTION...]\n\n"
         "  --background TEXT  --assessment TEXT  --recommendation TEXT\n"
         "  --observations ID    the observations that are the reason\n"
         "  --priority P         routine, urgent or emergency (default urgent)\n"
         "  --worried            you are worried, whatever the score says\n",
         command_escalate},
        {"record", "record or edit anything of the catalogue",
         "Usage: pannier record TYPE [--person ID|NHS-NUMBER] field=value ...\n"
         "       pannier record --edit RECORD field=value ...\n"
         "       pannier record --json -|FILE\n"
         "       pannier record --fields TYPE\n\n"
         "  --request UUID   name the request yourself, to ask again without harm\n"
         "  --edit RECORD    change fields of a record\n"
         "  --reason TEXT    why, where a step needs a reason\n"
         "  --fields TYPE    print the fields a type has\n"
         "  --json FILE      an entry, or an array of up to 100 committed together; - reads\n"
         "                   standard input\n",
         command_record},
        {"attach", "attach a photo or a document",
         "Usage: pannier attach ID|NHS-NUMBER FILE --title TEXT\n\n"
         "FILE is a JPEG, PNG or PDF of at most 16 MiB; - reads standard input. What a picture "
         "says\n"
         "about where, when and with what it was taken is left out. It is sent when nothing else\n"
         "waits.\n\n"
         "  --title TEXT     what it shows\n"
         "  --request UUID   name the request yourself, to ask again without harm\n",
         command_attach},
        {"attachment", "get a photo or a document back",
         "Usage: pannier attachment RECORD --output FILE\n\n"
         "  --output FILE    where to; it must not exist. Without it, standard output\n",
         command_attachment},
        {"draft", "drafts: list, show, keep, throw away",
         "Usage: pannier draft [show ID | put ID TYPE FILE | delete ID]\n\n"
         "  --person ID      whom a draft is about\n",
         command_draft},
        {"outbox", "what was recorded here and what became of it",
         "Usage: pannier outbox [ID]\n\n"
         "  --state S[,S]    only these: waiting, parked, applied, merged, held, late, "
         "quarantined\n"
         "  --all            also what arrived and needs nothing more\n"
         "  --limit N        rows (default 50, at most 500)\n",
         command_outbox},
        {"conflicts", "what waits for a decision; decide it",
         "Usage: pannier conflicts\n"
         "       pannier conflicts decide CONFLICT VALUE|stands [--reason TEXT]\n\n"
         "Without arguments: all that is open. VALUE is the number or the id shown beside a "
         "value.\n",
         command_conflicts},
        {"quarantine", "what the store refused, and why; write it anew, rightly",
         "Usage: pannier quarantine [list] [--all] [--limit N]\n"
         "       pannier quarantine show ENTRY\n"
         "       pannier quarantine fix ENTRY [--set] field=value ... [--reason TEXT]\n\n"
         "  --all            also what was dealt with\n"
         "  --limit N        rows (default 50, at most 500)\n"
         "  --request UUID   name the request yourself, to ask again without harm\n\n"
         "A fix is a new entry that names the refused one: what it does not set is as it was.\n"
         "show prints what travelled, decoded and byte for byte.\n",
         command_quarantine},
        {"bundle", "give what waits to a courier; carry for others; take receipts",
         "Usage: pannier bundle export FILE\n"
         "       pannier bundle carry FILE\n"
         "       pannier bundle carry --out FOLDER\n"
         "       pannier bundle import FILE\n\n"
         "export writes everything that waits here into a new file that only the store can read;\n"
         "it goes on waiting here, and is sent by any other way as well. carry takes such a file "
         "of\n"
         "another device along to the store, and writes the receipts that came back, one file a\n"
         "device. import takes receipts back on the device that exported.\n",
         command_bundle},
        {"staff", "the staff of the locality", "Usage: pannier staff [--here]\n", command_staff},
        {"enrol", "make this machine a device of a store",
         "Usage: pannier enrol LINK\n\n"
         "LINK is what IT gave you: pannier://HOST:PORT/CODE?ca=FINGERPRINT\n",
         command_enrol},
        {"doctor", "check this device",
         "Usage: pannier doctor [--deep]\n\n  --deep           read every row: it may take a "
         "while\n",
         command_doctor},
        {"ready", "is this device ready for a day's work?",
         "Usage: pannier ready [--date YYYY-MM-DD]\n\n"
         "  --date DAY       which day (default: today); with --staff whose planned contacts\n\n"
         "Exit status 75 where something has to be done first.\n",
         command_ready},
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static void print_help(FILE *out)
{
        (void)fputs("Usage: pannier [OPTION...] COMMAND [ARGUMENT...]\n\n", out);
        for (size_t i = 0; i < COMMAND_COUNT; i++)
                (void)fprintf(out, "  %-11s %s\n", commands[i].name, commands[i].summary);
        (void)fputs(
                "\n"
                "Every command takes:\n"
                "  --staff ID       who is working (or the environment variable PANNIER_STAFF)\n"
                "  --socket PATH    the daemon's socket (or PANNIER_SOCKET)\n"
                "  --json           the daemon's JSON; the default where the output is no "
                "terminal\n"
                "  --text           text for people, wherever the output goes\n"
                "  --help           what the command takes\n",
                out);
}

static const struct command *find_command(const char *name)
{
        for (size_t i = 0; i < COMMAND_COUNT; i++)
                if (strcmp(commands[i].name, name) == 0)
                        return &commands[i];
        return NULL;
}

/* Options in front of the command are moved behind it, where every command reads them. */
static int find_name(int argc, char **argv)
{
        for (int i = 1; i < argc; i++) {
                if (argv[i][0] != '-')
                        return i;
                if ((strcmp(argv[i], "--staff") == 0 || strcmp(argv[i], "--socket") == 0) &&
                    i + 1 < argc)
                        i++;
        }
        return 0;
}

static bool says(int argc, char **argv, const char *word)
{
        return argc > 1 && strcmp(argv[1], word) == 0;
}

int main(int argc, char **argv)
{
        struct context context = {.terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)};
        char program[64];
        const struct command *command;
        int name = find_name(argc, argv), code;

        (void)setlocale(LC_CTYPE, "");
        if (says(argc, argv, "--version")) {
                (void)puts("pannier " PANNIER_VERSION);
                return EX_OK;
        }
        if (name == 0) {
                bool asked = says(argc, argv, "--help");
                print_help(asked ? stdout : stderr);
                return asked ? EX_OK : EX_USAGE;
        }
        command = find_command(argv[name]);
        if (!command) {
                (void)fprintf(stderr, "pannier: there is no command %s; see pannier --help\n",
                              argv[name]);
                return EX_USAGE;
        }
        (void)snprintf(program, sizeof(program), "pannier %s", command->name);
        context.program = program;
        context.usage = command->usage;
        context.json = !isatty(STDOUT_FILENO);
        context.staff = getenv("PANNIER_STAFF");
        context.now_ms = clock_now_ms();
        char *command_word = argv[name];
        memmove(argv + 2, argv + 1, (size_t)(name - 1) * sizeof(*argv));
        argv[1] = command_word;
        code = command->run(&context, argc - 1, argv + 1);
        (void)pannier_free(context.client);
        if (fflush(stdout) != 0 || ferror(stdout))
                return EX_IOERR;
        return code;
}

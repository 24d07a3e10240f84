#include "tests/sim/command.h"

#include "tests/sim/scenario.h"
#include "tests/sim/world.h"

#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char usage[] =
        "usage: pannier-sim [--seeds N] [--from SEED] [--plant NAME|all] [--replay SEED]\n"
        "\n"
        "Plays histories of devices, a store, staff and faults from seeds, with the real engines, "
        "and\n"
        "checks that nothing is lost and everything comes together.\n"
        "\n"
        "  --seeds N        play N histories (default 100)\n"
        "  --from SEED      beginning with this seed (default 1)\n"
        "  --file FILE      play the seeds of a file instead, one a line\n"
        "  --seconds S      begin no history after S seconds\n"
        "  --plant NAME     plant a bug: it is to be found; all: each of them, one after the "
        "other\n"
        "  --known FILE     lines of a plant's name and a seed that finds it: tried first\n"
        "  --replay SEED    tell one history as a story\n"
        "  --shrink SEED    make a failing history as small as it still fails, and tell it\n"
        "  --only LIST      with --replay: only these steps of the plan, as --shrink printed them\n"
        "  --scenario NAME  tell a history that is written down: --list has their names\n"
        "  --without CLASS  leave a class of steps out (may be given again)\n"
        "  --keep FILE      append seeds that fail to a file\n"
        "  --twice          play each history twice and compare their hashes\n"
        "  --jobs N         processes at once (default: number of processors)\n"
        "  --json           results as one JSON object a line\n"
        "  --list           list planted bugs and classes of steps\n"
        "  --help, --version\n";

enum {
        OPTION_SEEDS = 256,
        OPTION_FROM,
        OPTION_FILE,
        OPTION_SECONDS,
        OPTION_PLANT,
        OPTION_KNOWN,
        OPTION_REPLAY,
        OPTION_SHRINK,
        OPTION_SCENARIO,
        OPTION_ONLY,
        OPTION_WITHOUT,
        OPTION_KEEP,
        OPTION_TWICE,
        OPTION_DEEP,
        OPTION_JOBS,
        OPTION_JSON,
        OPTION_LIST,
        OPTION_HELP,
        OPTION_VERSION,
};

static const struct option options[] = {
        {"seeds", required_argument, NULL, OPTION_SEEDS},
        {"from", required_argument, NULL, OPTION_FROM},
        {"file", required_argument, NULL, OPTION_FILE},
        {"seconds", required_argument, NULL, OPTION_SECONDS},
        {"plant", required_argument, NULL, OPTION_PLANT},
        {"known", required_argument, NULL, OPTION_KNOWN},
        {"replay", required_argument, NULL, OPTION_REPLAY},
        {"shrink", required_argument, NULL, OPTION_SHRINK},
        {"scenario", required_argument, NULL, OPTION_SCENARIO},
        {"only", required_argument, NULL, OPTION_ONLY},
        {"without", required_argument, NULL, OPTION_WITHOUT},
        {"keep", required_argument, NULL, OPTION_KEEP},
        {"twice", no_argument, NULL, OPTION_TWICE},
        {"deep", no_argument, NULL, OPTION_DEEP},
        {"jobs", required_argument, NULL, OPTION_JOBS},
        {"json", no_argument, NULL, OPTION_JSON},
        {"list", no_argument, NULL, OPTION_LIST},
        {"help", no_argument, NULL, OPTION_HELP},
        {"version", no_argument, NULL, OPTION_VERSION},
        {NULL, 0, NULL, 0},
};

static int wrong(const char *what, const char *value)
{
        (void)fprintf(stderr, "pannier-sim: %s: %s\nTry pannier-sim --help.\n", what, value);
        return EX_USAGE;
}

static bool read_number(const char *text, uint64_t max, uint64_t *ret)
{
        char *end;

        errno = 0;
        *ret = strtoull(text, &end, 10);
        return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0' && *ret <= max;
}

static int read_plant(const char *name, struct command *command)
{
        if (strcmp(name, "all") == 0) {
                command->all_plants = true;
                return 0;
        }
        command->run.plant = sim_plant_by_name(name);
        return command->run.plant == PLANT_COUNT ? wrong("no such planted bug", name) : 0;
}

static int read_class(const char *name, struct command *command)
{
        for (size_t class = 0; class < STEP_CLASS_COUNT; class ++)
                if (strcmp(step_class_name((enum step_class) class), name) == 0) {
                        command->without |= 1U << class;
                        return 0;
                }
        return wrong("no such class of steps", name);
}

/* One seed a line; what comes after a blank is a remark. */
static int read_file(const char *path, struct command *command)
{
        FILE *file = fopen(path, "re");
        char line[256];

        if (!file) {
                (void)fprintf(stderr, "pannier-sim: %s: %s\n", path, strerror(errno));
                return EX_NOINPUT;
        }
        while (fgets(line, sizeof(line), file) && command->seed_count < COMMAND_SEEDS_MAX) {
                line[strcspn(line, " \t\n")] = '\0';
                if (line[0] >= '0' && line[0] <= '9' &&
                    read_number(line, UINT64_MAX, &command->seeds[command->seed_count]))
                        command->seed_count++;
        }
        (void)fclose(file);
        command->run.count = command->seed_count;
        command->seeds_given = true;
        return 0;
}

static int list(void)
{
        for (enum sim_plant plant = PLANT_NONE + 1; plant < PLANT_COUNT; plant++)
                (void)printf("plant  %-34s %s\n", sim_plant_name(plant), sim_plant_text(plant));
        scenario_list(stdout);
        for (size_t class = 0; class < STEP_CLASS_COUNT; class ++)
                (void)printf("class  %s\n", step_class_name((enum step_class) class));
        return 0;
}

/* Options that take a number. */
static int read_count(int option, const char *text, struct command *command)
{
        uint64_t number;

        if (!read_number(text, option == OPTION_JOBS ? 64 : INT64_MAX, &number))
                return wrong("not a number, or too large", text);
        if (option == OPTION_SEEDS) {
                command->run.count = number;
                command->seeds_given = true;
        } else if (option == OPTION_SECONDS) {
                command->run.seconds = (uint32_t)number;
        } else if (option == OPTION_JOBS) {
                command->run.jobs = (uint32_t)number;
        } else {
                command->run.from = number;
                command->replay = command->replay || option == OPTION_REPLAY;
                command->shrink = command->shrink || option == OPTION_SHRINK;
        }
        return 0;
}

static int read_option(int option, struct command *command)
{
        switch (option) {
        case OPTION_SEEDS:
        case OPTION_FROM:
        case OPTION_SECONDS:
        case OPTION_JOBS:
        case OPTION_REPLAY:
        case OPTION_SHRINK:
                return read_count(option, optarg, command);
        case OPTION_FILE:
                return read_file(optarg, command);
        case OPTION_PLANT:
                return read_plant(optarg, command);
        case OPTION_WITHOUT:
                return read_class(optarg, command);
        case OPTION_KNOWN:
                command->known = optarg;
                return 0;
        case OPTION_SCENARIO:
                command->scenario = optarg;
                return 0;
        case OPTION_ONLY:
                command->only = optarg;
                return 0;
        case OPTION_KEEP:
                command->keep = optarg;
                return 0;
        case OPTION_TWICE:
                command->run.twice = true;
                return 0;
        case OPTION_DEEP:
                command->run.deep = true;
                return 0;
        case OPTION_JSON:
                command->json = true;
                return 0;
        case OPTION_LIST:
                command->done = true;
                return list();
        case OPTION_HELP:
                command->done = true;
                (void)fputs(usage, stdout);
                return 0;
        case OPTION_VERSION:
                command->done = true;
                (void)puts("pannier-sim " PANNIER_VERSION);
                return 0;
        default:
                return EX_USAGE;
        }
}

int command_read(int argc, char **argv, struct command *ret)
{
        long processors = sysconf(_SC_NPROCESSORS_ONLN);
        int option, r = 0;

        *ret = (struct command){.run = {.from = 1, .count = 100}};
        ret->run.jobs = processors > 0 && processors <= 64 ? (uint32_t)processors : 1;
        while (r == 0 && !ret->done && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
                r = read_option(option, ret);
        if (r == 0 && !ret->done && optind < argc)
                return wrong("unexpected argument", argv[optind]);
        if (ret->seed_count > 0)
                ret->run.seeds = ret->seeds;
        return r;
}

/* ---- running ---- */

struct tally {
        const struct command *command;
        uint64_t violations;
};

static void keep(const struct command *command, const struct sim_result *result)
{
        FILE *file = command->keep ? fopen(command->keep, "ae") : NULL;

        if (!file)
                return;
        (void)fprintf(file, "%llu %s\n", (unsigned long long)result->seed, result->violation);
        (void)fclose(file);
}

static bool note(void *context, const struct sim_result *result)
{
        struct tally *tally = context;

        if (tally->command->json)
                (void)printf(
                        "{\"seed\": %llu, \"hash\": \"%016llx\", \"events\": %llu, \"entries\": "
                        "%llu, \"round_trips\": %llu, \"violated\": %s}\n",
                        (unsigned long long)result->seed, (unsigned long long)result->hash,
                        (unsigned long long)result->events, (unsigned long long)result->entries,
                        (unsigned long long)result->round_trips,
                        result->violated ? "true" : "false");
        if (!result->violated)
                return false;
        tally->violations++;
        keep(tally->command, result);
        if (!tally->command->json)
                (void)printf("seed %llu: %s\n", (unsigned long long)result->seed,
                             result->violation);
        return false;
}

int command_run(const struct command *command)
{
        struct tally tally = {.command = command};
        bool plants = command->all_plants || command->run.plant != PLANT_NONE;
        size_t looked_for = 0;
        int64_t ended = 0;
        int found = 0;

        if (command->done)
                return 0;
        if (command->replay || command->shrink || command->scenario)
                return command_replay(command);
        if (plants)
                found = command_plants(command, &looked_for);
        else
                ended = run_many(&command->run, note, &tally);
        if (found < 0 || ended < 0) {
                (void)fprintf(stderr, "pannier-sim: %s\n", error_detail());
                return EX_OSERR;
        }
        (void)printf("seeds %lld, violations %llu, planted bugs found %d of %zu\n",
                     (long long)ended, (unsigned long long)tally.violations, found, looked_for);
        return tally.violations > 0 || (size_t)found < looked_for;
}

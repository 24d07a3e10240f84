/* pannier-store: the central store. Finds the command, runs it, says what went wrong. */
#include "common/error.h"
#include "store/commands.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>

int main(int argc, char **argv)
{
        const struct rlimit no_core = {0, 0};
        struct command_line line;
        int r;

        /* Memory holds keys and people's records: no core dumps, and no file of ours for others. */
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)umask(0077);
        r = command_parse(argc, argv, &line);
        if (r > 0)
                return fflush(stdout) == 0 ? 0 : 74; /* EX_IOERR */
        if (r < 0) {
                (void)fprintf(stderr, "pannier-store: %s\n", error_detail());
                return 64; /* EX_USAGE */
        }
        r = line.command->run(&line);
        if (r < 0) {
                (void)fflush(stdout);
                (void)fprintf(stderr, "pannier-store %s: %s\n", line.command->name, error_detail());
                return pannier_error_exit_code(r);
        }
        return 0;
}

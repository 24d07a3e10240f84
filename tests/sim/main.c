/* pannier-sim: the command line. */
#include "tests/sim/command.h"

int main(int argc, char **argv)
{
        struct command command;
        int r;

        (void)setvbuf(stdout, NULL, _IOLBF, 0); /* a long run is watched while it goes on */
        r = command_read(argc, argv, &command);
        return r != 0 ? r : command_run(&command);
}

/* pannier-sim: the command line. */
#include "tests/sim/command.h"

int main(int argc, char **argv)
{
        struct command command;
        int r = command_read(argc, argv, &command);

        return r != 0 ? r : command_run(&command);
}

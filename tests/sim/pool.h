/*
 * SQLite's memory: lists of free pieces by size, for one thread. SQLite takes and gives back a hundred thousand small pieces in a
 * history; malloc() took an eighth of a run for it.
 */
#ifndef TESTS_SIM_POOL_H
#define TESTS_SIM_POOL_H

/* pool_install() - before SQLite's first use in the process */
void pool_install(void);

#endif

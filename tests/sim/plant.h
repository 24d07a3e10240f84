/*
 * The planted bugs: one list gives the enum, the names of the command line and what each would do to people.
 *
 * P(SYMBOL, "name", "what is wrong with it")
 */
#ifndef TESTS_SIM_PLANT_H
#define TESTS_SIM_PLANT_H

#define SIM_PLANTS(P)                                                                              \
        P(ACKNOWLEDGE_BEFORE_FSYNC, "acknowledge-before-fsync",                                    \
          "a nurse is told \"recorded\" before the entry is on the disk")

enum sim_plant {
        PLANT_NONE,
#define SIM_PLANT_ENUM(symbol, name, text) PLANT_##symbol,
        SIM_PLANTS(SIM_PLANT_ENUM)
#undef SIM_PLANT_ENUM
                PLANT_COUNT
};

/* sim_plant_active() - the one that is switched on in this process */
enum sim_plant sim_plant_active(void);
void sim_plant_switch(enum sim_plant plant);

const char *sim_plant_name(enum sim_plant plant);
const char *sim_plant_text(enum sim_plant plant);
/* sim_plant_by_name() - PLANT_COUNT: there is none of this name */
enum sim_plant sim_plant_by_name(const char *name);

#endif

#include "tests/sim/plant.h"

#include <string.h>

static enum sim_plant active; /* read by code that has no way to be given it */

static const char *const names[PLANT_COUNT] = {"none",
#define SIM_PLANT_NAME(symbol, name, text) name,
                                               SIM_PLANTS(SIM_PLANT_NAME)
#undef SIM_PLANT_NAME
};

static const char *const texts[PLANT_COUNT] = {"nothing is planted",
#define SIM_PLANT_TEXT(symbol, name, text) text,
                                               SIM_PLANTS(SIM_PLANT_TEXT)
#undef SIM_PLANT_TEXT
};

enum sim_plant sim_plant_active(void)
{
        return active;
}

static _Alignas(16) char memory[512];

void *sim_plant_memory(size_t size)
{
        return size <= sizeof(memory) ? memory : NULL;
}

void sim_plant_switch(enum sim_plant plant)
{
        memset(memory, 0, sizeof(memory));
        active = plant;
}

const char *sim_plant_name(enum sim_plant plant)
{
        return names[plant];
}

const char *sim_plant_text(enum sim_plant plant)
{
        return texts[plant];
}

enum sim_plant sim_plant_by_name(const char *name)
{
        enum sim_plant plant = PLANT_NONE + 1;

        while (plant < PLANT_COUNT && strcmp(names[plant], name) != 0)
                plant++;
        return plant;
}

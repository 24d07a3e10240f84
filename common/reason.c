#include "common/reason.h"

#include <stddef.h>

static const struct {
        uint64_t number;
        const char *name;
        const char *sentence;
} reasons[] = {
#define REASON_ROW(symbol, number, name, sentence) {(number), (name), (sentence)},
        REASON_LIST(REASON_ROW)
#undef REASON_ROW
};

const char *reason_name(uint64_t number)
{
        for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
                if (reasons[i].number == number)
                        return reasons[i].name;
        }
        return "unknown";
}

const char *reason_sentence(uint64_t number)
{
        for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
                if (reasons[i].number == number)
                        return reasons[i].sentence;
        }
        return "The store gave a reason that this version of Pannier does not know yet.";
}

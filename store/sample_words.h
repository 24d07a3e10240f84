/* Word lists of the sample locality. Common names and made-up places; nobody is meant. */
#ifndef STORE_SAMPLE_WORDS_H
#define STORE_SAMPLE_WORDS_H

#include "store/sample_draw.h"

struct words {
        const char *const *list;
        uint32_t count;
};

extern const struct words words_family, words_female, words_male, words_street, words_street_kind,
        words_neighbourhood, words_home, words_home_kind, words_substance, words_reaction,
        words_medicine, words_subjective, words_objective, words_assessment, words_plan,
        words_alert, words_language;

/* words_note() - one to three sentences of the list, now and then with something that was measured; cut at @size - 1 */
void words_note(const struct words *words, struct draw *draw, char *ret, size_t size);

/* words_pick() - one of the list */
const char *words_pick(const struct words *words, struct draw *draw);

#endif

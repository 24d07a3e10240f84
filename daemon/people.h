/*
 * Finding people: texts folded to what a hurried thumb types, and a match of all words.
 *
 * Pure. Folding is lower case without accents for the Latin letters up to U+017F; other letters stay as they are.
 */
#ifndef DAEMON_PEOPLE_H
#define DAEMON_PEOPLE_H

#include "common/record.h"

/* people_fold() - append @text folded: lower case, no accents, runs of blanks and punctuation as one blank */
void people_fold(struct bytes text, struct buffer *out);

/* people_label() - append what lists are sorted by: family name, given name */
void people_label(const struct record *person, struct buffer *out);

/* people_search_text() - append all texts of the record, folded, a line each; what is guarded stays out */
void people_search_text(const struct record *person, struct buffer *out);

/* people_match() - do all words of the folded @query occur in @search? */
bool people_match(struct bytes search, struct bytes query);

#endif

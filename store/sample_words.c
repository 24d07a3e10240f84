#include "store/sample_words.h"

#include <stdio.h>

#define LIST(name, ...)                                                                            \
        static const char *const name##_list[] = {__VA_ARGS__};                                    \
        const struct words words_##name = {name##_list, sizeof name##_list / sizeof *name##_list}

LIST(family, "Ahmed", "Ashworth", "Barlow", "Begum", "Booth", "Bradshaw", "Brennan", "Brierley",
     "Chadwick", "Chowdhury", "Clegg", "Crompton", "Davies", "Dunne", "Entwistle", "Fielding",
     "Fletcher", "Grimshaw", "Hallworth", "Hargreaves", "Haslam", "Heywood", "Holt", "Howarth",
     "Hussain", "Jackson", "Jones", "Kaur", "Kelly", "Kershaw", "Khan", "Kowalski", "Lomax",
     "Marsden", "McCarthy", "Mellor", "Mohammed", "Murphy", "Ng", "Nuttall", "O'Connor", "Ogden",
     "Okafor", "Parkinson", "Patel", "Pickles", "Platt", "Ramsbottom", "Rigby", "Robinson",
     "Rothwell", "Sandiford", "Schofield", "Sharples", "Singh", "Smith", "Stott", "Sutcliffe",
     "Taylor", "Thornley", "Tierney", "Turner", "Unsworth", "Walsh", "Warburton", "Whittaker",
     "Williams", "Wolstenholme", "Wrigley", "Yates");
LIST(female, "Agnes", "Aisha", "Alice", "Annie", "Audrey", "Barbara", "Beryl", "Betty", "Brenda",
     "Carol", "Christine", "Constance", "Doreen", "Dorothy", "Edith", "Edna", "Eileen", "Elsie",
     "Fatima", "Florence", "Freda", "Gladys", "Grace", "Hilda", "Irene", "Jean", "Joan", "Joyce",
     "Kathleen", "Lilian", "Mabel", "Margaret", "Marjorie", "Mary", "Maureen", "Mavis", "Muriel",
     "Nora", "Olive", "Parveen", "Patricia", "Pauline", "Phyllis", "Rita", "Rose", "Sheila",
     "Shirley", "Siobhan", "Sylvia", "Vera", "Violet", "Winifred", "Zofia");
LIST(male, "Alan", "Albert", "Alfred", "Anthony", "Arthur", "Bernard", "Brian", "Cecil", "Clifford",
     "Colin", "Cyril", "David", "Dennis", "Derek", "Donald", "Douglas", "Edward", "Eric", "Ernest",
     "Francis", "Fred", "George", "Gerald", "Gordon", "Harold", "Harry", "Herbert", "Imran", "Jack",
     "James", "Jan", "John", "Joseph", "Keith", "Kenneth", "Leonard", "Malcolm", "Maurice",
     "Norman", "Patrick", "Peter", "Rajesh", "Ralph", "Raymond", "Reginald", "Ronald", "Roy",
     "Sidney", "Stanley", "Terence", "Thomas", "Walter", "Wilfred", "William");
LIST(street, "Albion", "Beech", "Bobbin", "Canal", "Chapel", "Clough", "Corn Exchange", "Cotton",
     "Dyehouse", "Elm", "Fern", "Foundry", "Garden", "Hawthorn", "High", "Hollin", "Ivy", "Jubilee",
     "King", "Lark", "Lime", "Loom", "Market", "Mill", "Moor", "North", "Oak", "Park", "Poplar",
     "Quarry", "Queen", "Railway", "School", "Spindle", "Station", "Tenter", "Union", "Viaduct",
     "Weaver", "Wharf");
LIST(street_kind, "Street", "Road", "Lane", "Avenue", "Close", "Grove", "Terrace");
LIST(neighbourhood, "Brackenhey", "Calderfold", "Denehurst", "Edgemoor", "Foxclough", "Greenbooth",
     "Hollinroyd", "Irkbank", "Kilnshaw", "Lowerfold", "Medlock Vale", "Nettlehey", "Overdale",
     "Pennywell", "Ravenroyd", "Spindlebrook", "Tonge Hey", "Upperclough", "Whitebirk", "Yewtree");
LIST(home, "Alderbank", "Birchwood", "Brookside", "Cedar", "Fairhaven", "Fernlea", "Glenside",
     "Hawthorn", "Heatherfield", "Kingfisher", "Lakeview", "Larkhill", "Maplewood", "Meadowcroft",
     "Oakfield", "Parkgate", "Riverside", "Rosehill", "Sycamore", "Thornfield", "Westholme",
     "Willowbank", "Woodlands", "Yew Tree");
LIST(home_kind, "House", "Lodge", "Court", "Grange", "Hall", "View");
LIST(substance, "Penicillin", "Amoxicillin", "Trimethoprim", "Codeine", "Aspirin", "Ibuprofen",
     "Latex", "Elastoplast", "Nuts", "Shellfish", "Iodine dressings", "Morphine");
LIST(reaction, "Rash", "Swelling of the face", "Vomiting", "Itching", "Anaphylaxis in the past",
     "Wheeze", "Blisters");
LIST(medicine, "Paracetamol 500 mg tablets", "Amlodipine 5 mg tablets", "Ramipril 2.5 mg capsules",
     "Atorvastatin 20 mg tablets", "Bisoprolol 2.5 mg tablets", "Furosemide 40 mg tablets",
     "Metformin 500 mg tablets", "Omeprazole 20 mg capsules", "Apixaban 2.5 mg tablets",
     "Salbutamol 100 micrograms inhaler", "Levothyroxine 50 micrograms tablets",
     "Sertraline 50 mg tablets", "Donepezil 10 mg tablets", "Insulin glargine 100 units/ml",
     "Macrogol oral powder", "Adcal-D3 chewable tablets");
LIST(subjective, "Slept well, in good spirits.", "Says the pain is less than last week.",
     "Feels tired, has been eating little since the weekend.",
     "Daughter reports some confusion in the evenings.", "Worried about managing the stairs.",
     "Short of breath when walking to the kitchen.",
     "No concerns, asks about the next appointment.", "Leg feels hot and sore since yesterday.",
     "Has not been drinking enough, mouth is dry.", "Enjoyed the day centre, feels stronger.");
LIST(objective, "Alert and chatty. Skin intact.", "Wound 22 x 14 mm, granulating, little exudate.",
     "Mild swelling of both ankles, no redness.", "Pressure areas checked, heels intact.",
     "Dressing clean and dry. No signs of infection.",
     "Walks with frame, steady, one person nearby.",
     "Blood glucose as charted. Feet checked, sensation reduced on the left.",
     "Catheter draining, urine clear.", "Chest clear, speaks in full sentences.",
     "Redness of the left shin, warm to touch.");
LIST(assessment, "Stable.", "Healing as expected.", "Possible cellulitis, needs review.",
     "At risk of falls.", "Heart failure stable on current dose.",
     "Low mood, no risk to self today.", "Dehydration likely.", "Diabetes controlled.",
     "Improving.", "Frailty increasing slowly.");
LIST(plan, "Continue care plan. Visit again in three days.",
     "Redress twice a week. Photograph next time.", "Ask the practice for a review this week.",
     "Encourage fluids, family to keep a chart.", "Refer to reablement for the stairs.",
     "Weigh at the next visit.", "Ring the daughter on Thursday.", "Repeat observations tomorrow.",
     "No change.", "Order more dressings.");
LIST(alert, "Dog in the back yard, ring first so that it is shut away.",
     "Steep steps at the front, use the side door.", "Oxygen at home: no smoking, no naked flame.",
     "Visit in pairs after dark.", "Very hard of hearing, knock loudly.");
LIST(language, "English", "English", "English", "English", "English", "English", "English",
     "English", "Urdu", "Punjabi", "Bengali", "Polish", "Cantonese", "Arabic", "Gujarati");

const char *words_pick(const struct words *words, struct draw *draw)
{
        return words->list[draw_below(draw, words->count)];
}

/* A sentence with numbers in it, as notes are full of them. */
static int measured(struct draw *draw, char *ret, size_t size)
{
        switch (draw_below(draw, 5)) {
        case 0:
                return snprintf(ret, size, " Wound %d x %d mm.", draw_between(draw, 4, 70),
                                draw_between(draw, 3, 45));
        case 1:
                return snprintf(ret, size, " Weight %d.%d kg.", draw_between(draw, 41, 98),
                                draw_between(draw, 0, 9));
        case 2:
                return snprintf(ret, size, " About %d ml drunk by %d:%02d.",
                                draw_between(draw, 2, 30) * 50, draw_between(draw, 9, 17),
                                draw_between(draw, 0, 11) * 5);
        case 3:
                return snprintf(ret, size, " Glucose %d.%d.", draw_between(draw, 4, 18),
                                draw_between(draw, 0, 9));
        default:
                return snprintf(ret, size, " Walked %d m with the frame.",
                                draw_between(draw, 2, 60));
        }
}

void words_note(const struct words *words, struct draw *draw, char *ret, size_t size)
{
        uint32_t first = draw_below(draw, words->count), count = 1 + draw_below(draw, 3);
        size_t used = 0;

        for (uint32_t i = 0; i < count && used < size; i++)
                used += (size_t)snprintf(ret + used, size - used, "%s%s", i ? " " : "",
                                         words->list[(first + i * 3) % words->count]);
        if (used < size && draw_chance(draw, 45))
                (void)measured(draw, ret + used, size - used);
}

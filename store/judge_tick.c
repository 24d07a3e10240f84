/*
 * What comes with time and needs no device: a record whose last day is past, a provisional scope that is no longer needed.
 */
#include "store/judge_inside.h"

#include "common/error.h"

struct page {
        struct judge *judge;
        int64_t day;
        const struct uuid *locality;
        struct buffer due; /* struct due behind each other */
        struct uuid last;
        size_t seen, max;
};

static void page_deinit(struct page *page)
{
        buffer_deinit(&page->due);
}

static bool is_due(const struct page *page, const struct record *record)
{
        const struct catalogue_expiry *expiry = &record->type->expiry;
        const struct value *last_day = &record->values[expiry->date_index];

        return uuid_equal(&record->locality, page->locality) && last_day->form == VALUE_INTEGER &&
               last_day->integer < page->day && record_meets(record, &expiry->condition);
}

struct due {
        struct uuid id, person;
};

static int take_due(void *context, const struct record *record, struct bytes stamps)
{
        struct page *page = context;
        const struct due due = {.id = record->id, .person = record->person};

        (void)stamps;
        page->last = record->id;
        if (is_due(page, record))
                buffer_append(&page->due, BYTES(&due, sizeof(due)));
        page->seen++;
        return page->due.failed ? PANNIER_E_MEMORY : page->seen >= page->max;
}

/* The id follows from record and day, so that it is the same after a restore. */
static int end_record(struct judge *judge, const struct uuid *locality,
                      const struct catalogue_type *type, const struct due *due, int64_t day)
{
        const struct catalogue_expiry *expiry = &type->expiry;
        struct entry_change change = {
                .number = type->fields[expiry->field_index].number,
                .value = {.form = VALUE_INTEGER, .integer = expiry->option},
        };
        const struct judge_change wanted = {
                .locality = locality,
                .type = type,
                .entry = uuid_derived("last day", &due->id, BYTES(&day, sizeof(day))),
                .record = due->id,
                .person = due->person,
                .changes = &change,
                .change_count = 1,
                .reason = bytes_text("its last day is past"),
        };
        int r = judge_put(judge, &wanted);

        return r < 0 ? r : 0;
}

/* One page of one type's records. Return: 1 the type has more, 0 it is done, or an error */
static int read_page(struct judge *judge, struct judge_day *day, const struct catalogue_type *type,
                     size_t max, size_t *ret_seen)
{
        CLEANUP(page_deinit)
        struct page page = {
                .judge = judge, .day = day->day, .locality = &day->locality, .max = max};
        int more = judge->ops->record_each(judge->storage, type, NULL,
                                           uuid_is_none(&day->after) ? NULL : &day->after, take_due,
                                           &page);
        int r = more;

        for (size_t i = 0; r >= 0 && i < page.due.size / sizeof(struct due); i++)
                r = end_record(judge, &day->locality, type, &((struct due *)page.due.data)[i],
                               day->day);
        *ret_seen = page.seen;
        day->after = page.last;
        return r < 0 ? r : more;
}

static struct judge_day *day_of(struct judge *judge, const struct uuid *locality)
{
        for (size_t i = 0; i < judge->day_count; i++)
                if (uuid_equal(&judge->days[i].locality, locality))
                        return &judge->days[i];
        if (judge->day_count == LOCALITIES_MAX)
                judge->day_count--;
        judge->days[judge->day_count] = (struct judge_day){.locality = *locality, .day = INT64_MIN};
        return &judge->days[judge->day_count++];
}

/* ---- provisional scopes ---- */

static int take_person(void *context, const struct feed_row *row, const struct wire_row *sent)
{
        struct buffer *ids = context;

        (void)sent;
        if (row->kind == FEED_JOIN)
                buffer_append(ids, BYTES(&row->id, sizeof(row->id)));
        return buffer_check(ids);
}

static int take_device(void *context, const struct device_row *row)
{
        struct buffer *ids = context;

        buffer_append(ids, BYTES(&row->id, sizeof(row->id)));
        return buffer_check(ids);
}

static int end_provisional_of(struct judge *judge, const struct uuid *locality,
                              const struct uuid *device)
{
        CLEANUP(buffer_deinit) struct buffer people = BUFFER_INIT;
        const struct scope scope = {SCOPE_PROVISIONAL, *device};
        const struct feed_place start = {0};
        uint64_t feed;
        int r = judge->ops->feed_number(judge->storage, locality, &scope, false, &feed);

        if (r < 0 || feed == 0)
                return r < 0 ? r : 0;
        r = judge->ops->feed_scan(judge->storage, feed, CLASS_BASIC, &start, take_person, &people);
        for (size_t i = 0; r >= 0 && i < people.size / sizeof(struct uuid); i++)
                r = judge_end_provisional(judge, locality, &((struct uuid *)people.data)[i], false);
        return r < 0 ? r : 0;
}

static int end_provisional(struct judge *judge, const struct uuid *locality)
{
        CLEANUP(buffer_deinit) struct buffer devices = BUFFER_INIT;
        int r = judge->ops->device_each(judge->storage, take_device, &devices);

        for (size_t i = 0; r >= 0 && i < devices.size / sizeof(struct uuid); i++)
                r = end_provisional_of(judge, locality, &((struct uuid *)devices.data)[i]);
        return r < 0 ? r : 0;
}

static int tick_records(struct judge *judge, struct judge_day *day, size_t max)
{
        const struct catalogue *catalogue = catalogue_get();
        int r = 0;

        while (day->type_index < catalogue->type_count && max > 0) {
                const struct catalogue_type *type = &catalogue->types[day->type_index];
                size_t seen = 0;

                r = 0;
                if (type->expiry.field_index >= 0)
                        r = read_page(judge, day, type, max, &seen);
                if (r < 0)
                        return r;
                max -= seen < max ? seen : max;
                if (r > 0)
                        return 1;
                day->type_index++;
                day->after = UUID_NONE;
        }
        return day->type_index < catalogue->type_count;
}

int judge_tick(struct judge *judge, const struct uuid *locality, size_t max)
{
        struct judge_day *day = day_of(judge, locality);
        int64_t today = scope_day(judge->now_ms);
        int more, r = 0;

        if (day->day != today)
                *day = (struct judge_day){.locality = *locality, .day = today};
        more = tick_records(judge, day, max);
        if (more >= 0)
                r = end_provisional(judge, locality);
        if (more >= 0 && r >= 0)
                r = judge_look_again(judge, locality, max);
        return more < 0 ? more : r < 0 ? r : more;
}

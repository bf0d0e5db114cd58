/* Ruin and recreate on tables of numbers: strings of neighbouring stops out, each stop back in where it costs least.
 *
 * After J. Christiaens and G. Vanden Berghe, "Slack Induction by String Removals for Vehicle Routing Problems",
 * Transportation Science 54 (2020). What is ours: a place for a stop is judged with all tips of the route placed anew
 * (trips.h), and only places beside near neighbours, behind the head and before the end are looked at.
 *
 * Nothing is allocated, read or written here but what the caller owns; two searches on two states may run side by side.
 * Indices are not checked: `native.py` makes all arrays from one problem. One translation unit, so that the compiler sees
 * all of it at once.
 */
#include "recreate.h"
#include "ruin.h"

/* What Python must have as large, in its order. */
API const int64_t sizes[] = {sizeof(Tables), sizeof(State), sizeof(Stop), sizeof(Class), sizeof(Truck), sizeof(Place),
                             sizeof(Route), sizeof(Where), sizeof(Way), sizeof(Rest), sizeof(Tip), sizeof(Change), sizeof(Failed)};

static void keep(const Tables *t, State *s)
{
    s->best_energy = s->energy;
    s->improved++;
    for (int64_t k = 0; k < t->trucks; k++) {
        const Place *row = row_of(t, s, k);
        int64_t *best = &s->best[k * t->width], length = route_of(s, k)->length;
        best[0] = length;
        for (int64_t place = 1; place <= length; place++) {
            best[place] = row[place].node;
        }
        int64_t *visits = &s->best_visits[k * (most_visits(t) + 1)], count = route_of(s, k)->count;
        visits[0] = count;
        if (count > 0) {
            memcpy(visits + 1, visits_of(t, s, k), (size_t)count * sizeof *visits);
        }
        s->best_tip_count[k] = route_of(s, k)->tips;
        memcpy(&s->best_tips[k * t->width], tips_of(t, s, k), (size_t)route_of(s, k)->tips * sizeof *s->best_tips);
    }
}

/* Set the plan to `rows`, which are as State.best; a route that does not hold is emptied. What is left out is put in, far
 * first. */
API void start(const Tables *t, State *s, const uint8_t *elsewhere, const int64_t *rows)
{
    clear(t, s);
    for (int64_t stop = 0; stop < t->stops; stop++) {
        s->where[stop].truck = elsewhere[stop] ? ELSEWHERE : LEFT_OUT;
    }
    for (int64_t k = 0; k < t->trucks; k++) {
        double total = NEVER;
        const int64_t *row = &rows[k * t->width];
        int64_t length = row[0];
        s->touched[k] = 1;
        s->trial[0].node = t->truck[k].head;
        s->trial_from = 1;
        s->trial_until = length;
        for (int64_t place = 1; place <= length; place++) {
            s->trial[place].node = row[place];
        }
        if (t->truck[k].usable) {
            total = judge_trial(t, s, k, length);
        }
        if (total >= NEVER) {
            length = s->trial_until = 0;
            total = judge_trial(t, s, k, 0);
        }
        if (!t->truck[k].usable || total >= NEVER) { /* what it does no search changes */
            total = 0.0;
            s->trial_count = -1;
            s->trial_tip_count = 0;
        }
        take_trial(t, s, k, length, total);
    }
    recreate(t, s, t->stops, 9.0 / 11.0);
    s->energy = energy(t, s);
    keep(t, s);
}

/* Go so many steps at one temperature; stops are tried beside so many neighbours. */
API void search(const Tables *t, State *s, int64_t steps, double temperature, double removed, double longest, int64_t neighbours)
{
    s->beside = neighbours;
    while (steps-- > 0) {
        double found = NEVER;
        if (ruin(t, s, removed, longest)) {
            recreate(t, s, MOST_TODO, chance(s));
            found = energy(t, s);
        }
        if (found < s->energy - temperature * log(fmax(chance(s), 1e-300))) {
            s->energy = found;
            if (found < s->best_energy - 1e-6) {
                keep(t, s);
            }
        } else {
            undo(t, s);
        }
    }
}

/* Write a truck's route in the best plan, facilities in; return how many visits, -1 if it has none. */
API int64_t best_visits(const Tables *t, State *s, int64_t k, int64_t *visits)
{
    if (t->truck[k].timed) {
        const int64_t *best = &s->best_visits[k * (most_visits(t) + 1)];
        if (best[0] > 0) {
            memcpy(visits, best + 1, (size_t)best[0] * sizeof *visits);
        }
        return best[0];
    }
    int64_t length = s->best[k * t->width];
    s->trial[0].node = t->truck[k].head;
    for (int64_t place = 1; place <= length; place++) {
        s->trial[place].node = s->best[k * t->width + place];
    }
    forwards(t, k, s->trial, length, s->queue, 1);
    int64_t count = written(t, k, s->trial, length, visits);
    const Day day = {t, &t->truck[k], s->hours};
    return place_tips(&day, visits, count, s->trial_kg, false) ? count : -1;
}

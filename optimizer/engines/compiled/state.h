/* What the search changes: two routes a truck, the one that counts and what it was before this step. */
#pragma once

#include <string.h>
#include "drive.h"
#include "trips.h"

enum { LEFT_OUT = -1, ELSEWHERE = -2 }; /* truck of a stop: none; none that may serve it, or one it is committed to */

typedef struct {
    int64_t truck, place;
} Where;

typedef struct { /* each truck has two: the one that counts, and what it was before this step */
    int64_t length;
    double cost;   /* 0 if not used */
    int64_t count; /* of its visits, tips in; -1: tips found no place. Of trucks that are timed only */
    int64_t tips;  /* at facilities whose docks are counted */
} Route;

typedef struct { /* at one facility: trucks unloading become more or fewer */
    double at;
    int64_t more, truck; /* truck -1: none of ours */
} Change;

typedef struct {
    int64_t truck, place;
    double bound;    /* what the stop adds here at least, or but for times */
    int64_t known;   /* whether `bound` is exact but for times */
} Way;

typedef struct {
    int64_t look, count;
} Failed;

typedef struct {
    Place *row;         /* truck, which, place */
    Route *route;       /* truck, which */
    double *given_kg;   /* truck, which, facility: tipped there */
    double *given_all_kg;
    int64_t *now;       /* truck: which of its routes counts */
    int64_t *touched;   /* truck: whether it was changed in this step */
    Where *where;       /* stop */
    int64_t *looked;    /* truck, place: the last time this place was looked at */
    int64_t *visits;    /* truck, which: stops and facilities as they were judged */
    int64_t *best;      /* truck, then: how many stops, and they */
    int64_t *best_visits; /* truck, then: how many visits, and they */
    Tip *best_tips;     /* truck: when it is at facilities whose docks are counted */
    int64_t *best_tip_count;
    Tip *tips;          /* truck, which: at facilities whose docks are counted */
    Change *change;     /* facility: of the routes that count, by time */
    int64_t *changes;   /* facility: how many */
    Hours *hours;       /* of stops, facilities, breaks; a facility's that counts docks: for the truck last judged */
    Window *free;       /* hours beside others, of facilities that count docks */
    Place *trial;       /* a row to be judged */
    int64_t *trial_visits;
    double *trial_kg;   /* what it tips */
    Tip *trial_tips;
    Rest *rest;
    int64_t *queue;
    int64_t *todo;
    double *order;
    Way *way;
    Failed *failed;     /* truck: routes judged in the look around `looks` that did not hold */
    double energy, best_energy;
    int64_t beside;     /* neighbours beside which a stop is tried */
    int64_t looks, improved, trial_count, trial_tip_count;
    int64_t trial_from, trial_until; /* places of `trial` that are new; those before and behind are as they were */
    uint64_t chance;
} State;

/* A number in [0, 1): xorshift64*, G. Marsaglia 2003, S. Vigna 2016. */
static double chance(State *s)
{
    s->chance ^= s->chance >> 12;
    s->chance ^= s->chance << 25;
    s->chance ^= s->chance >> 27;
    return (double)(s->chance * UINT64_C(2685821657736338717) >> 11) / 9007199254740992.0;
}

static int64_t below(State *s, int64_t count)
{
    int64_t number = (int64_t)(chance(s) * (double)count);
    return number < count ? number : count - 1;
}

static inline Route *route_of(const State *s, int64_t k)
{
    return &s->route[2 * k + s->now[k]];
}

static inline Place *row_of(const Tables *t, const State *s, int64_t k)
{
    return &s->row[(2 * k + s->now[k]) * t->width];
}

static inline double *given_of(const Tables *t, const State *s, int64_t k)
{
    return &s->given_kg[(2 * k + s->now[k]) * t->facilities];
}

/* Visits of a row at most: a tip behind each stop, and one before the first. */
static inline int64_t most_visits(const Tables *t)
{
    return 2 * t->width + 2;
}

static inline int64_t *visits_of(const Tables *t, const State *s, int64_t k)
{
    return &s->visits[(2 * k + s->now[k]) * most_visits(t)];
}

static inline Tip *tips_of(const Tables *t, const State *s, int64_t k)
{
    return &s->tips[(2 * k + s->now[k]) * t->width];
}

/* ---- docks */

/* Changes at a facility at most: every truck may tip behind each of its stops and once more. */
static inline int64_t most_changes(const Tables *t)
{
    return 2 * (t->stops + t->trucks + t->fixed_from[t->facilities]);
}

/* Put a change where it belongs by time; who leaves makes room for who comes at the same moment. */
static void add_change(const Tables *t, State *s, int64_t facility, Change new)
{
    Change *list = &s->change[facility * most_changes(t)];
    int64_t place = s->changes[facility]++;
    if (place >= most_changes(t)) {
        __builtin_trap(); /* a route listed twice: rather no plan than one from memory overwritten */
    }
    for (; place > 0 && (list[place - 1].at > new.at || (list[place - 1].at == new.at && list[place - 1].more > new.more));
         place--) {
        list[place] = list[place - 1];
    }
    list[place] = new;
}

static void list_tips(const Tables *t, State *s, int64_t k)
{
    const Tip *tips = tips_of(t, s, k);
    for (int64_t number = 0; number < route_of(s, k)->tips; number++) {
        add_change(t, s, tips[number].facility, (Change){tips[number].begin, 1, k});
        add_change(t, s, tips[number].facility, (Change){tips[number].leave, -1, k});
    }
}

static void unlist_tips(const Tables *t, State *s, int64_t k)
{
    if (route_of(s, k)->tips == 0) {
        return;
    }
    for (int64_t facility = 0; facility < t->facilities; facility++) {
        Change *list = &s->change[facility * most_changes(t)];
        int64_t kept = 0;
        for (int64_t place = 0; place < s->changes[facility]; place++) {
            if (list[place].truck != k) {
                list[kept++] = list[place];
            }
        }
        s->changes[facility] = kept;
    }
}

/* Forget all routes: hours are those of the problem, and only the unloadings that no search changes are listed. */
static void clear(const Tables *t, State *s)
{
    memset(s->now, 0, (size_t)t->trucks * sizeof *s->now);
    memset(s->route, 0, (size_t)(2 * t->trucks) * sizeof *s->route);
    memset(s->given_kg, 0, (size_t)(2 * t->trucks * t->facilities) * sizeof *s->given_kg);
    memset(s->given_all_kg, 0, (size_t)t->facilities * sizeof *s->given_all_kg);
    int64_t count = t->stops + t->facilities + t->truck[t->trucks - 1].breaks_until;
    for (int64_t what = 0; what < count; what++) {
        s->hours[what] = (Hours){t->window + t->window_from[what], t->window + t->window_from[what + 1]};
    }
    for (int64_t facility = 0; t->docked && facility < t->facilities; facility++) {
        s->changes[facility] = 0;
        for (int64_t number = t->fixed_from[facility]; number < t->fixed_from[facility + 1]; number++) {
            add_change(t, s, facility, (Change){t->fixed[number].begin, 1, -1});
            add_change(t, s, facility, (Change){t->fixed[number].leave, -1, -1});
        }
    }
}

/* Set when truck k may begin to unload at a facility: it is open, and a dock is free until it is over. */
static void free_hours(const Tables *t, State *s, int64_t k, int64_t facility)
{
    const Change *list = &s->change[facility * most_changes(t)];
    const Window any = {0.0, NEVER}, *one = t->window + t->window_from[t->stops + facility];
    const Window *until = t->window + t->window_from[t->stops + facility + 1];
    const double unload_s = t->stop[t->stops + facility].service_s;
    Window *free = s->free + t->free_from[facility];
    int64_t count = 0, busy = 0, place = 0;
    if (one == until) {
        one = &any;
        until = one + 1;
    }
    double from = one->earliest; /* of what is free of `one`, and not yet written */
    for (; place < s->changes[facility]; place++) {
        if (list[place].truck == k) {
            continue;
        }
        bool was_full = busy >= t->docks[facility];
        busy += list[place].more;
        if (!was_full && busy >= t->docks[facility]) { /* the last begin that is over before this moment */
            double last = list[place].at - unload_s;
            for (; one < until && from <= last; from = ++one < until ? one->earliest : NEVER) {
                free[count++] = (Window){from, fmin(one->latest, last)};
                if (last < one->latest) {
                    break;
                }
            }
        } else if (was_full && busy < t->docks[facility]) {
            while (one < until && one->latest < list[place].at) {
                one++;
                from = one < until ? one->earliest : NEVER;
            }
            from = fmax(from, list[place].at);
        }
    }
    for (; one < until; from = ++one < until ? one->earliest : NEVER) {
        free[count++] = (Window){from, one->latest};
    }
    if (count == 0) {
        free[count++] = (Window){NEVER, -1.0};
    }
    s->hours[t->stops + facility] = (Hours){free, free + count};
}

/* ---- one route */

/* Place the tips of the row in `trial` and drive it; the same as of `judge_trial`, without the fixed cost. */
static double drive_trial(const Tables *t, State *s, int64_t k, int64_t length, bool hurry)
{
    const Day day = {t, &t->truck[k], s->hours};
    int64_t count = written(t, k, s->trial, length, s->trial_visits);
    for (int64_t facility = 0; t->limited && facility < t->facilities; facility++) {
        s->trial_kg[facility] = s->given_all_kg[facility] - given_of(t, s, k)[facility];
    }
    if (!place_tips(&day, s->trial_visits, count, s->trial_kg, hurry)) {
        return NEVER;
    }
    s->trial_count = count;
    return driven(&day, s->trial_visits, count, s->rest, s->trial_tips, &s->trial_tip_count);
}

/* Cost of truck k with the row in `trial`; NEVER if it breaks a rule. What it visits and tips
 * is in `trial_visits`, `trial_kg` and `trial_tips`. */
static double judge_trial(const Tables *t, State *s, int64_t k, int64_t length)
{
    const Truck *truck = &t->truck[k];
    double total = forwards(t, k, s->trial, length, s->queue, s->trial_from);
    s->trial_count = -1;
    s->trial_tip_count = 0;
    if (length == 0 && !truck->obliged) {
        return 0.0;
    }
    if (total >= NEVER) {
        return NEVER;
    }
    if (truck->timed) {
        for (int64_t facility = 0; t->docked && facility < t->facilities; facility++) {
            if (t->docks[facility] >= 0) {
                free_hours(t, s, k, facility);
            }
        }
        total = drive_trial(t, s, k, length, false);
        if (total >= NEVER && t->facilities > 1) {
            total = drive_trial(t, s, k, length, true);
        }
    }
    return total + truck->fixed;
}

/* Make the row in `trial` the route of truck k that counts. */
static void take_trial(const Tables *t, State *s, int64_t k, int64_t length, double total)
{
    Place *row = row_of(t, s, k);
    bool used = length > 0 || (t->truck[k].obliged && t->truck[k].usable);
    for (int64_t facility = 0; t->limited && facility < t->facilities; facility++) {
        double *own = &given_of(t, s, k)[facility], others = s->given_all_kg[facility] - *own;
        *own = used && s->trial_count > 0 ? s->trial_kg[facility] - others : 0.0;
        s->given_all_kg[facility] = others + *own;
    }
    memcpy(row, s->trial, (size_t)(length + 1) * sizeof *row);
    backwards(t, k, row, length, s->queue, s->trial_until);
    unlist_tips(t, s, k);
    *route_of(s, k) = (Route){length, total, s->trial_count, s->trial_tip_count};
    memcpy(tips_of(t, s, k), s->trial_tips, (size_t)s->trial_tip_count * sizeof *s->trial_tips);
    list_tips(t, s, k);
    if (s->trial_count > 0) {
        memcpy(visits_of(t, s, k), s->trial_visits, (size_t)s->trial_count * sizeof *s->trial_visits);
    }
    for (int64_t place = 1; place <= length; place++) {
        s->where[row[place].node] = (Where){k, place};
    }
}

/* Keep what a truck's route was, once in a step. */
static void touch(const Tables *t, State *s, int64_t k)
{
    if (s->touched[k]) {
        return;
    }
    const Place *row = row_of(t, s, k);
    const double *given = given_of(t, s, k);
    const int64_t *visits = visits_of(t, s, k);
    const Tip *tips = tips_of(t, s, k);
    Route route = *route_of(s, k);
    s->now[k] = 1 - s->now[k];
    s->touched[k] = 1;
    memcpy(row_of(t, s, k), row, (size_t)(route.length + 1) * sizeof *row);
    memcpy(given_of(t, s, k), given, (size_t)t->facilities * sizeof *given);
    *route_of(s, k) = route;
    memcpy(tips_of(t, s, k), tips, (size_t)route.tips * sizeof *tips);
    if (route.count > 0) {
        memcpy(visits_of(t, s, k), visits, (size_t)route.count * sizeof *visits);
    }
}

/* Put back the routes of before this step. */
static void undo(const Tables *t, State *s)
{
    for (int64_t k = 0; k < t->trucks; k++) {
        if (s->touched[k]) {
            const Place *row = row_of(t, s, k);
            for (int64_t place = 1; place <= route_of(s, k)->length; place++) {
                s->where[row[place].node].truck = LEFT_OUT;
            }
            for (int64_t facility = 0; facility < t->facilities; facility++) {
                s->given_all_kg[facility] -= given_of(t, s, k)[facility];
            }
            unlist_tips(t, s, k);
        }
    }
    for (int64_t k = 0; k < t->trucks; k++) {
        if (s->touched[k]) {
            s->now[k] = 1 - s->now[k];
            list_tips(t, s, k); /* behind all of the above: what moved is never listed twice */
            for (int64_t facility = 0; facility < t->facilities; facility++) {
                s->given_all_kg[facility] += given_of(t, s, k)[facility];
            }
            const Place *row = row_of(t, s, k);
            for (int64_t place = 1; place <= route_of(s, k)->length; place++) {
                s->where[row[place].node] = (Where){k, place};
            }
        }
    }
}

static double energy(const Tables *t, const State *s)
{
    double total = 0.0;
    for (int64_t k = 0; k < t->trucks; k++) {
        total += route_of(s, k)->cost;
    }
    for (int64_t stop = 0; stop < t->stops; stop++) {
        int64_t k = s->where[stop].truck;
        if (k == LEFT_OUT) {
            total += t->stop[stop].price;
        } else if (k >= 0) {
            total += t->serve[k * t->stops + stop];
        }
    }
    return total;
}

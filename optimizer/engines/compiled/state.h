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
} Route;

typedef struct {
    int64_t truck, place;
    double bound;    /* what the stop adds here at least, or but for times */
    int64_t known;   /* whether `bound` is exact but for times */
} Way;

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
    Place *trial;       /* a row to be judged */
    int64_t *trial_visits;
    double *trial_kg;   /* what it tips */
    Rest *rest;
    int64_t *queue;
    int64_t *todo;
    double *order;
    Way *way;
    double energy, best_energy;
    int64_t looks, improved, trial_count;
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

/* Cost of truck k with the row in `trial`; NEVER if it breaks a rule. What it visits and tips is
 * in `trial_visits` and `trial_kg`. */
static double judge_trial(const Tables *t, State *s, int64_t k, int64_t length)
{
    const Truck *truck = &t->truck[k];
    double total = forwards(t, k, s->trial, length, s->queue);
    s->trial_count = -1;
    if (length == 0 && !truck->obliged) {
        return 0.0;
    }
    if (total >= NEVER) {
        return NEVER;
    }
    if (truck->timed) {
        int64_t count = written(t, k, s->trial, length, s->trial_visits);
        for (int64_t facility = 0; t->limited && facility < t->facilities; facility++) {
            s->trial_kg[facility] = s->given_all_kg[facility] - given_of(t, s, k)[facility];
        }
        if (!place_tips(t, truck, s->trial_visits, count, s->trial_kg)) {
            return NEVER;
        }
        s->trial_count = count;
        total = driven(t, truck, s->trial_visits, count, s->rest);
    }
    return total + truck->fixed;
}

/* Make the row in `trial` the route of truck k that counts. */
static void take_trial(const Tables *t, State *s, int64_t k, int64_t length, double total)
{
    Place *row = row_of(t, s, k);
    bool used = length > 0 || t->truck[k].obliged;
    for (int64_t facility = 0; t->limited && facility < t->facilities; facility++) {
        double *own = &given_of(t, s, k)[facility], others = s->given_all_kg[facility] - *own;
        *own = used ? s->trial_kg[facility] - others : 0.0;
        s->given_all_kg[facility] = others + *own;
    }
    memcpy(row, s->trial, (size_t)(length + 1) * sizeof *row);
    backwards(t, k, row, length, s->queue);
    *route_of(s, k) = (Route){length, total, s->trial_count};
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
    Route route = *route_of(s, k);
    s->now[k] = 1 - s->now[k];
    s->touched[k] = 1;
    memcpy(row_of(t, s, k), row, (size_t)(route.length + 1) * sizeof *row);
    memcpy(given_of(t, s, k), given, (size_t)t->facilities * sizeof *given);
    *route_of(s, k) = route;
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
            s->now[k] = 1 - s->now[k];
            for (int64_t facility = 0; facility < t->facilities; facility++) {
                s->given_all_kg[facility] += given_of(t, s, k)[facility];
            }
        }
    }
    for (int64_t k = 0; k < t->trucks; k++) {
        if (s->touched[k]) {
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

/* Strings of neighbouring stops out. */
#pragma once

#include "state.h"

#define SPLIT 0.5        /* of the strings, so many keep a piece in their middle */
#define KEPT_LONGER 0.01 /* chance that such a piece does not grow by one more stop */

/* Take a random string with a place in it out of a route, or one in two pieces. Returns whether the route still holds. */
static bool remove_string(const Tables *t, State *s, int64_t k, int64_t place, double most)
{
    int64_t length = route_of(s, k)->length, kept = 0;
    int64_t size = (int64_t)(1.0 + chance(s) * fmin((double)length, most));
    size = size < length ? size : length;
    if (size > 1 && size < length && chance(s) < SPLIT) {
        kept = 1;
        while (size + kept < length && chance(s) > KEPT_LONGER) {
            kept++;
        }
    }
    int64_t whole = size + kept, low = place - whole + 1, high = length - whole + 1;
    low = low > 1 ? low : 1;
    high = high < place ? high : place;
    int64_t begin = low + below(s, high - low + 1), end = begin + whole;
    int64_t kept_from = kept ? begin + 1 + below(s, size - 1) : begin, kept_until = kept_from + kept, count;
    touch(t, s, k);
    const Place *row = row_of(t, s, k);
    memcpy(s->trial, row, (size_t)begin * sizeof *row);
    count = begin - 1;
    for (int64_t i = begin; i < end; i++) {
        if (i >= kept_from && i < kept_until) {
            s->trial[++count].node = row[i].node;
        } else {
            s->where[row[i].node].truck = LEFT_OUT;
        }
    }
    s->trial_from = begin;
    s->trial_until = count;
    memcpy(s->trial + count + 1, row + end, (size_t)(length + 1 - end) * sizeof *row);
    count += length + 1 - end;
    double total = judge_trial(t, s, k, count);
    if (total >= NEVER) {
        return false;
    }
    take_trial(t, s, k, count, total);
    return true;
}

/* Take strings of stops near a random one out. Returns whether all routes still hold. */
static bool ruin(const Tables *t, State *s, double removed, double longest)
{
    int64_t used = 0, assigned = 0;
    for (int64_t k = 0; k < t->trucks; k++) {
        s->touched[k] = 0;
        assigned += route_of(s, k)->length;
        used += route_of(s, k)->length > 0;
    }
    double most = fmin(longest, fmax(1.0, (double)assigned / (double)(used ? used : 1)));
    int64_t strings = 1 + (int64_t)(chance(s) * fmax(0.0, 4.0 * removed / (1.0 + most) - 1.0));
    int64_t centre = below(s, t->stops);
    while (s->where[centre].truck == ELSEWHERE) {
        centre = below(s, t->stops);
    }
    for (int64_t number = -1; strings > 0 && number < t->near; number++) {
        int64_t stop = number < 0 ? centre : t->neighbour[centre * t->near + number];
        if (stop < 0) {
            break;
        }
        int64_t k = s->where[stop].truck;
        if (k >= 0 && !s->touched[k]) {
            if (!remove_string(t, s, k, s->where[stop].place, most)) {
                return false;
            }
            strings--;
        }
    }
    return true;
}

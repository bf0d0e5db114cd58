/* The problem, told in tables of numbers: what each member means. `tables.py` makes them, nothing here changes them.
 *
 * A *node* is a place: 0 … stops-1 the stops, then the facilities, then for each truck the place behind its committed head
 * and its end. Times are seconds, loads kg and litres. Costs rank plans, the judge alone decides. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define API __attribute__((visibility("default"))) /* called from Python */
#define NEVER 0x1p50 /* cost and time of what cannot be: exact as a float, and sums of some are seen as such */

typedef struct {
    double kg, litres, service_s, price; /* price: of leaving it out */
    int64_t class;
} Stop; /* facilities stand behind the stops and have a service time only */

typedef struct {
    int64_t material, mask; /* bit mask of the facilities it may be tipped at */
} Class;

typedef struct {
    int64_t kind;                 /* which matrix of costs and times */
    int64_t alike;                /* the first truck that differs from it in nothing but its name */
    int64_t usable, obliged;      /* obliged: it has a route whatever it serves */
    int64_t head, tail;           /* nodes; tail -1: the route is over when its last visit is */
    int64_t loaded;               /* class of what is on board behind the head, -1: nothing */
    double loaded_kg, loaded_l;
    double most_kg, most_l;
    double room_kg;               /* what it may still collect in this day */
    int64_t room_stops;
    int64_t empties;              /* must tip before the end */
    double ready_s, begun_s;      /* behind the head as early as can be; when it began */
    double latest_s, overtime_s;
    double longest_s;             /* from begin to end, less what was used before */
    double fixed, per_s, per_overtime_s;
    int64_t breaks_from, breaks_until;
    int64_t timed;                /* whether anything but metres and loads decides about its route */
} Truck;

typedef struct {
    double earliest, latest;
} Window;

typedef struct {
    double begin, leave;
} Fixed;

typedef struct { /* costs between a new stop and a node beside it, straight and over the best facility for the stop's class */
    float from, to, from_over, to_over;
} Beside;

typedef struct {
    int64_t stops, facilities, trucks, nodes, classes, near, width; /* width: places of a row at most */
    int64_t limited, docked;      /* whether any facility has remaining_kg; docks that are counted */
    const float *cost;            /* kind, node, node: metres, seconds of driving and of the second one's service */
    const float *time;            /* kind, node, node: without service */
    const float *over;            /* kind, class, node, node: cost over the best facility */
    const Beside *beside;         /* kind, stop, node: what is above, of a stop and a node, in one place */
    const Stop *stop;
    const Truck *truck;
    const Class *class;
    const int64_t *window_from;   /* of stops, facilities, breaks: place in windows; equal to the next one: any time */
    const Window *window;
    const int64_t *neighbour;     /* stop, number: nearest first, -1 behind the last */
    const double *serve;          /* truck, stop: what it costs to have moved it there; NEVER if it may not */
    const double *break_s;
    const double *remaining_kg;   /* of a facility, if limited */
    const int64_t *docks;         /* of a facility: trucks that may unload at once; -1: any number */
    const Fixed *fixed;           /* unloadings that no search changes; those of a facility together */
    const int64_t *fixed_from;    /* of a facility, and the end */
    const int64_t *free_from;     /* of a facility: place of its hours in State.free; as many as there can be */
} Tables;

static inline double cost(const Tables *t, int64_t kind, int64_t a, int64_t b)
{
    return t->cost[(kind * t->nodes + a) * t->nodes + b];
}

static inline double seconds(const Tables *t, int64_t kind, int64_t a, int64_t b)
{
    return t->time[(kind * t->nodes + a) * t->nodes + b];
}

/* Cost from a to b over the best facility for a class of loads; NEVER for none on board. */
static inline double over(const Tables *t, int64_t kind, int64_t class, int64_t a, int64_t b)
{
    return class < 0 ? NEVER : t->over[((kind * t->classes + class) * t->nodes + a) * t->nodes + b];
}

static inline const Beside *beside(const Tables *t, int64_t kind, int64_t stop, int64_t node)
{
    return &t->beside[(kind * t->stops + stop) * t->nodes + node];
}

/* Cost from a node to a stop over the best facility for a class of loads. */
static inline double over_to_stop(const Tables *t, int64_t kind, int64_t class, int64_t node, int64_t stop)
{
    return class == t->stop[stop].class ? beside(t, kind, stop, node)->from_over : over(t, kind, class, node, stop);
}

#include "evidence.h"

#include <math.h>
#include <string.h>

evidence_test evidence_upper_test, evidence_lower_test;

static void climb(evidence_drift *drift, double amount)
{
    drift->score += amount;
    if (drift->score <= 0)
        memset(drift, 0, sizeof *drift);
}

static void drift_pass(evidence_drift *drift, const evidence_test *test, double intervals)
{
    drift->intervals += intervals;
    climb(drift, test->per_interval * intervals);
}

static void drift_count(evidence_drift *drift, const evidence_test *test, double shares)
{
    drift->shares += shares;
    climb(drift, test->per_share * shares);
}

void evidence_start(evidence *e, double now)
{
    memset(e, 0, sizeof *e);
    e->at = now;
    e->wanted = e->per_minute = 1.0;
    e->window = 240.0;
    e->raise_certainty = e->lower_certainty = INFINITY;
}

void evidence_restart(evidence *e)
{
    e->seen = 0;
    e->work = e->intervals = 0.0;
    memset(&e->upper, 0, sizeof e->upper);
    memset(&e->lower, 0, sizeof e->lower);
}

void evidence_pass_time(evidence *e, double now)
{
    double elapsed = now - e->at;
    if (!(elapsed > 0))
        return;
    e->at = now;
    if (e->paused)
        return;
    e->worked += elapsed;
    double intervals = elapsed * e->per_minute / 60.0;
    e->intervals += intervals;
    drift_pass(&e->upper, &evidence_upper_test, intervals);
    drift_pass(&e->lower, &evidence_lower_test, intervals);
}

void evidence_count(evidence *e, double credited, double now)
{
    evidence_pass_time(e, now);
    if (e->paused)
        return;
    double shares = credited / e->wanted;
    e->seen++;
    e->work += shares;
    drift_count(&e->upper, &evidence_upper_test, shares);
    drift_count(&e->lower, &evidence_lower_test, shares);
    e->quiet_steps = 0;
    e->last_credited = credited;
    double kept = exp(-(e->worked - e->meter_at) / e->window);
    e->meter_at = e->worked;
    e->credit = e->credit * kept + credited;
    e->credit_square = e->credit_square * kept * kept + credited * credited;
}

double evidence_remembered(const evidence *e)
{
    return e->credit * exp(-(e->worked - e->meter_at) / e->window);
}

int evidence_is_calm(const evidence *e)
{
    return e->paused || (e->converged && e->upper.score < e->raise_certainty && e->lower.score < e->lower_certainty);
}

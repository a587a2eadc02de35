/* What vardiff counts of every share, free of Python. proxy/hotpath/evidence.py says what it computes; the
 * order of every operation on doubles is that one's, so that both come to the same bits. */
#ifndef PUMPJACK_EVIDENCE_H
#define PUMPJACK_EVIDENCE_H

#include <stdint.h>

typedef struct {
    double per_share, per_interval; /* what a share and an interval add to the score */
} evidence_test;

typedef struct {
    double score, shares, intervals;
} evidence_drift;

typedef struct {
    double at, worked, wanted, per_minute, window;
    double raise_certainty, lower_certainty;
    double work, intervals, last_credited;
    double credit, credit_square, meter_at;
    evidence_drift upper, lower;
    uint32_t seen, quiet_steps;
    uint8_t paused, converged;
} evidence;

/* The two tests, set once before anything else here is called: libm and a compiler that folds constants may
 * round a logarithm differently. */
extern evidence_test evidence_upper_test, evidence_lower_test;

void evidence_start(evidence *e, double now);
void evidence_restart(evidence *e);
void evidence_pass_time(evidence *e, double now);
void evidence_count(evidence *e, double credited, double now);
double evidence_remembered(const evidence *e);
int evidence_is_calm(const evidence *e);

#endif

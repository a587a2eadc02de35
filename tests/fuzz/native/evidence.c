/* What vardiff counts stays finite and keeps its order, whatever the clock and the difficulties say. */
#include "fuzz.h"

#include <math.h>

#include "evidence.h"

/* A power of two: what difficulties are, and wide enough for every clock. */
static double draw(fuzz_source *s)
{
    return ldexp(1.0, (int)(fuzz_byte(s) & 63) - 32);
}

static void check(const evidence *e)
{
    DEMAND(isfinite(e->worked) && isfinite(e->work) && isfinite(e->intervals));
    DEMAND(isfinite(e->credit) && isfinite(e->credit_square) && isfinite(evidence_remembered(e)));
    DEMAND(e->credit >= 0 && evidence_remembered(e) <= e->credit);
    DEMAND(e->upper.score >= 0 && e->lower.score >= 0 && isfinite(e->upper.score) && isfinite(e->lower.score));
    DEMAND(e->upper.shares <= e->work * 1.000001 && e->lower.shares <= e->work * 1.000001);
    DEMAND(e->upper.score > 0 || (e->upper.shares == 0 && e->upper.intervals == 0));
    DEMAND(e->lower.score > 0 || (e->lower.shares == 0 && e->lower.intervals == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_source s = {data, size};
    evidence e;
    double now = 1000.0;
    evidence_upper_test = (evidence_test){log(2.33 / 1.7), 1.7 - 2.33};
    evidence_lower_test = (evidence_test){log(0.58 / 0.84), 0.84 - 0.58};
    evidence_start(&e, now);
    while (s.left > 0) {
        double worked = e.worked;
        uint32_t seen = e.seen;
        uint8_t kind = fuzz_byte(&s) & 7;
        if (kind < 3)
            now += draw(&s);
        if (kind == 0)
            evidence_pass_time(&e, now - (fuzz_byte(&s) == 255)); /* a clock that went back changes nothing */
        if (kind == 1 || kind == 2 || kind == 3)
            evidence_count(&e, draw(&s), now);
        if (kind == 4)
            evidence_restart(&e);
        if (kind == 5)
            e.paused = fuzz_byte(&s) & 1;
        if (kind == 6)
            e.wanted = draw(&s);
        if (kind == 7)
            e.converged = fuzz_byte(&s) & 1;
        DEMAND(e.worked >= worked);
        DEMAND(e.seen == (kind == 4 ? 0 : seen + (kind >= 1 && kind <= 3 && !e.paused)));
        DEMAND(!e.paused || evidence_is_calm(&e));
        check(&e);
    }
    return 0;
}

# A new job to every session: the twin of the end of proxy/hotpath/lane.py, and the one that deals it out.

def deal(sessions, issue, bytes line not None, double now):
    cdef Lane lane
    cdef Assignment last, assignment = None
    cdef object work = issue.work, quirk = None, asked = None
    cdef double ceiling = work.ceiling, difficulty
    cdef uint64_t ntime = issue.ntime
    cdef uint32_t rollable = work.job.rollable, granted = 0
    cdef bint is_fragile = False
    for each in sessions:
        lane = <Lane?>each
        if not lane.has_work:
            continue
        # What is asked of Python is asked once for all that are alike: a fleet has few kinds of miners.
        if lane.quirk is not quirk:
            quirk = lane.quirk
            is_fragile = quirk is not None and quirk.is_fragile
        if lane.asked_mask is not None and (asked is None or lane.asked_mask != asked):
            asked = lane.asked_mask
            granted = work.grant_for(asked)
        if (
            lane.evidence is None
            or lane.evidence.c.paused
            or is_fragile
            or lane.outbox is not None
            or not lane.assignments
            or (lane.asked_mask is not None and granted != lane.mask)
        ):
            each.give(issue, line, now)
            continue
        last = <Assignment>lane.assignments[len(lane.assignments) - 1]
        difficulty = ceiling if lane.evidence.c.wanted > ceiling else lane.evidence.c.wanted
        if last.credit != difficulty:
            each.give(issue, line, now)
            continue
        if assignment is None or assignment.credit != difficulty or assignment.mask != lane.mask:
            assignment = issue.assignment_for(difficulty, lane.mask)
        if lane.asked_mask is not None:
            lane.masks_ever |= rollable & <uint32_t>lane.asked_mask
        lane._assign(assignment)
        lane.issued_work, lane.issued_ntime = work, ntime
        lane.last_write_at = now
        lane.wire.write(line)

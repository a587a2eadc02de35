#include "miner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_JOBS = 4096, MOST_LINE = 1 << 16, FIRST_ID = 4 };

manner how;
counts now;
uint64_t owed, notified;

/* --- jobs: most miners hear the same line, which is read once -------------------------------------------- */

typedef struct {
    char *line;
    size_t size, extranonce_size;
    work work;
} heard_job;

static heard_job jobs[MOST_JOBS];
static int job_count;

/* Returns the job's place, or -1 if the line is no job. */
static int job_of(const message *m, const char *line, size_t size, size_t extranonce_size)
{
    for (int i = job_count - 1; i >= 0 && i >= job_count - 16; i--)
        if (jobs[i].size == size && jobs[i].extranonce_size == extranonce_size &&
            memcmp(jobs[i].line, line, size) == 0)
            return i;
    if (job_count == MOST_JOBS) {
        fprintf(stderr, "more jobs than a benchmark ever sees\n");
        exit(1);
    }
    heard_job *new = &jobs[job_count];
    if (work_of_notify(m, extranonce_size, &new->work) != 0)
        return -1;
    new->line = malloc(size);
    if (new->line == NULL)
        fail("a job");
    memcpy(new->line, line, size);
    new->size = size;
    new->extranonce_size = extranonce_size;
    return job_count++;
}

const work *miner_job(const miner *m)
{
    return &jobs[m->job].work;
}

const char *miner_notify(const miner *m, size_t *size)
{
    *size = jobs[m->job].size;
    return jobs[m->job].line;
}

/* --- what is sent ---------------------------------------------------------------------------------------- */

void miner_begin(miner *m, uint32_t number)
{
    memset(m, 0, sizeof *m);
    m->number = number;
    m->job = -1;
    m->difficulty = 1;
    m->next_id = m->oldest_id = FIRST_ID;
    m->flights = calloc(how.window, sizeof *m->flights);
    if (m->flights == NULL)
        fail("a miner");
}

int miner_greet(miner *m)
{
    char text[256];
    int size = snprintf(text, sizeof text,
                        "{\"id\": 1, \"method\": \"mining.subscribe\", \"params\": [\"bench/1.0\"]}\n"
                        "{\"id\": 2, \"method\": \"mining.authorize\", \"params\": [\"%s%u\", \"x\"]}\n",
                        how.worker, m->number);
    m->phase = GREETING;
    return sent(m->fd, &m->waiting, text, (size_t)size);
}

/* All of a submit that stays the same while the job does, as cgminer writes it: params first. */
static void prepare(miner *m)
{
    const work *w = miner_job(m);
    uint8_t ntime[4] = {(uint8_t)(w->ntime >> 24), (uint8_t)(w->ntime >> 16), (uint8_t)(w->ntime >> 8),
                        (uint8_t)w->ntime};
    char extranonce2[2 * SHA256D_MAX_EXTRANONCE], time[8];
    hex_text(m->extranonce + m->extranonce1_size, m->extranonce2_size, extranonce2);
    hex_text(ntime, 4, time);
    int size = snprintf(m->prefix, MOST_PREFIX, "{\"params\": [\"%s%u\", \"%.*s\", \"%.*s\", \"%.8s\", \"",
                        how.worker, m->number, (int)w->id_size, w->id, (int)(2 * m->extranonce2_size),
                        extranonce2, time);
    if (size >= MOST_PREFIX) {
        fprintf(stderr, "a submit would be too long\n");
        exit(1);
    }
    m->prefix_size = (size_t)size;
}

/* An odd factor permutes the 32-bit numbers: a nonce comes back only after 2^32 submits of a connection. */
static uint32_t nonce_of(uint64_t id)
{
    return (uint32_t)id * 2654435761u;
}

size_t miner_submits(miner *m, unsigned lines, uint64_t at, char *text)
{
    static const char before_id[] = "\"], \"id\": ", behind_id[] = ", \"method\": \"mining.submit\"}\n";
    char *p = text;
    for (unsigned i = 0; i < lines; i++) {
        uint64_t id = m->next_id++, rest = id;
        uint32_t nonce = nonce_of(id);
        uint8_t bytes[4] = {(uint8_t)(nonce >> 24), (uint8_t)(nonce >> 16), (uint8_t)(nonce >> 8), (uint8_t)nonce};
        char digits[20], *digit = digits + sizeof digits;
        memcpy(p, m->prefix, m->prefix_size);
        p += m->prefix_size;
        hex_text(bytes, 4, p);
        p += 8;
        memcpy(p, before_id, sizeof before_id - 1);
        p += sizeof before_id - 1;
        do
            *--digit = (char)('0' + rest % 10);
        while ((rest /= 10) > 0);
        memcpy(p, digit, (size_t)(digits + sizeof digits - digit));
        p += digits + sizeof digits - digit;
        memcpy(p, behind_id, sizeof behind_id - 1);
        p += sizeof behind_id - 1;
        m->flights[id % how.window] = (flight){at, (float)m->difficulty, (uint32_t)m->job};
    }
    m->sent += lines;
    now.sent += lines;
    owed += lines;
    return (size_t)(p - text);
}

unsigned miner_in_flight(const miner *m)
{
    return (unsigned)(m->next_id - m->oldest_id);
}

/* --- what is heard --------------------------------------------------------------------------------------- */

static int meets(const miner *m, uint64_t id, const flight *f)
{
    sha256d_target target;
    uint32_t hash[8];
    const work *w = &jobs[f->job].work;
    target_of(f->difficulty, &target);
    sha256d_job_share(w->job, m->extranonce, w->ntime, nonce_of(id), w->version, hash);
    return sha256d_meets(hash, &target);
}

static void answered(miner *m, uint64_t id, int accepted, unsigned code, uint64_t at)
{
    flight *f = &m->flights[id % how.window];
    if (id < m->oldest_id || id >= m->next_id || f->at == 0) {
        now.unasked++;
        return;
    }
    if (id != m->oldest_id)
        now.out_of_order++;
    if (accepted) {
        now.accepted++;
        if (how.verify > 0 && now.accepted % how.verify == 0) {
            now.accepted_checked++;
            now.wrong += !meets(m, id, f);
        }
    } else {
        now.refused[code < MOST_CODE ? code : 0]++;
        if (code == 23) {
            if (meets(m, id, f))
                now.wrong++;
            else
                now.low_right++;
        }
    }
    histogram_add(&now.latency, at > f->at ? at - f->at : 0);
    f->at = 0;
    owed--;
    while (m->oldest_id < m->next_id && m->flights[m->oldest_id % how.window].at == 0)
        m->oldest_id++;
}

static unsigned code_of(span error)
{
    span parts[4];
    char digits[8] = {0};
    int count = array_elements(error, parts, 4);
    if (count < 1 || parts[0].size >= sizeof digits)
        return 0;
    memcpy(digits, parts[0].at, parts[0].size);
    return (unsigned)strtoul(digits, NULL, 10);
}

static int number_of(span text, uint64_t *number)
{
    *number = 0;
    if (text.size == 0 || text.size > 18)
        return -1;
    for (size_t i = 0; i < text.size; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return -1;
        *number = 10 * *number + (uint64_t)(text.at[i] - '0');
    }
    return 0;
}

static int subscribed(miner *m, const message *reply)
{
    span parts[4], hex;
    uint64_t size;
    if (array_elements(reply->result, parts, 4) < 3 || number_of(parts[2], &size) != 0)
        return -1;
    hex = string_text(parts[1]);
    m->extranonce1_size = hex.size / 2;
    m->extranonce2_size = (size_t)size;
    if (m->extranonce1_size + size > SHA256D_MAX_EXTRANONCE || hex_bytes(hex, m->extranonce, hex.size / 2) != 0)
        return -1;
    m->subscribed = 1;
    return 0;
}

static int told(miner *m, const message *news, const char *line, size_t size, uint64_t at)
{
    span method = string_text(news->method);
    if (span_equals(method, "mining.set_difficulty", 21) && news->param_count == 1) {
        char digits[40] = {0};
        if (news->params[0].size >= sizeof digits)
            return -1;
        memcpy(digits, news->params[0].at, news->params[0].size);
        m->difficulty = strtod(digits, NULL);
    } else if (span_equals(method, "mining.notify", 13)) {
        int job = m->subscribed ? job_of(news, line, size, m->extranonce1_size + m->extranonce2_size) : -1;
        if (job < 0)
            return -1;
        m->job = job;
        notified += m->notifies++ == 0;
        m->notified_at = at;
        prepare(m);
    }
    return 0;
}

/* The answer that is worth a shortcut; everything else is read as JSON. */
static int plainly_accepted(const char *line, size_t size, uint64_t *id)
{
    static const char before[] = "{\"id\":", behind[] = ",\"result\":true,\"error\":null}";
    enum { BEFORE = sizeof before - 1, BEHIND = sizeof behind - 1 };
    if (size <= BEFORE + BEHIND || memcmp(line, before, BEFORE) != 0 ||
        memcmp(line + size - BEHIND, behind, BEHIND) != 0)
        return 0;
    return number_of((span){line + BEFORE, size - BEFORE - BEHIND}, id) == 0;
}

static int line_heard(miner *m, const char *line, size_t size, uint64_t at)
{
    message reply;
    uint64_t id;
    if (plainly_accepted(line, size, &id) && id >= FIRST_ID) {
        answered(m, id, 1, 0, at);
        return 0;
    }
    if (message_scan(line, size, &reply) != 0) {
        now.garbage++;
        return 0;
    }
    if (reply.method.at != NULL)
        return told(m, &reply, line, size, at);
    int accepted = span_equals(reply.result, "true", 4);
    if (number_of(reply.id, &id) != 0)
        now.unasked++;
    else if (id == 1)
        return subscribed(m, &reply);
    else if (id == 2 && !accepted)
        return -1;
    else if (id == 2)
        m->authorized = 1;
    else
        answered(m, id, accepted, code_of(reply.error), at);
    return 0;
}

int miner_heard(miner *m, const char *data, size_t size, uint64_t at)
{
    static char joined[MOST_LINE + (1 << 18)];
    const char *newline;
    m->bytes += size;
    if (m->tail_size > 0) {
        memcpy(joined, m->tail, m->tail_size);
        memcpy(joined + m->tail_size, data, size);
        data = joined;
        size += m->tail_size;
        free(m->tail);
        m->tail = NULL;
        m->tail_size = 0;
    }
    const char *end = data + size;
    while (data < end && (newline = memchr(data, '\n', (size_t)(end - data))) != NULL) {
        if (line_heard(m, data, (size_t)(newline - data), at) != 0)
            return -1;
        data = newline + 1;
    }
    if (data < end) {
        m->tail_size = (size_t)(end - data);
        m->tail = m->tail_size > MOST_LINE ? NULL : malloc(m->tail_size);
        if (m->tail == NULL)
            return -1;
        memcpy(m->tail, data, m->tail_size);
    }
    return 0;
}

void miner_forsaken(miner *m)
{
    for (; m->oldest_id < m->next_id; m->oldest_id++) {
        uint64_t unanswered = m->flights[m->oldest_id % how.window].at != 0;
        now.lost += unanswered;
        owed -= unanswered;
    }
}

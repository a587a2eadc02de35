/* The yardstick: a C server that does the whole work of a share, and does it well.
 *
 * Each line is scanned once, its keys in any order; worker, job, extranonce2, ntime and version bits are
 * checked; the share is hashed in full (coinbase, every merkle branch, header) by the same C code that
 * Pumpjack uses; its hash is looked up among those seen and compared with the target; the reply says what came
 * of it. The verdicts and the order in which they are found are Pumpjack's, so that both can be held to the
 * same shares. It keeps no statistics, adapts no difficulty, records nothing and serves one job: what Pumpjack
 * does beyond this is its own cost.
 *
 * Prints what it judged as JSON when standard input ends.
 *
 * usage: full NOTIFY_FILE EXTRANONCE1_SIZE EXTRANONCE2_SIZE DIFFICULTY
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hello.h"

enum { NTIME_WINDOW = 7000, FIRST_SLOTS = 1 << 16 };
static const uint32_t MASK = 0x1fffe000; /* version bits of BIP 320 */

typedef enum { ACCEPTED, MALFORMED, NTIME, VERSION, STALE, DUPLICATE, LOW, UNAUTHORIZED, VERDICTS } verdict;

static const char *const REFUSAL[VERDICTS] = {
    [MALFORMED] = ",\"result\":false,\"error\":[20,\"Malformed share\",null]}\n",
    [NTIME] = ",\"result\":false,\"error\":[20,\"ntime out of range\",null]}\n",
    [VERSION] = ",\"result\":false,\"error\":[20,\"Version bits outside the mask\",null]}\n",
    [STALE] = ",\"result\":false,\"error\":[21,\"Job not found\",null]}\n",
    [DUPLICATE] = ",\"result\":false,\"error\":[22,\"Duplicate share\",null]}\n",
    [LOW] = ",\"result\":false,\"error\":[23,\"Low difficulty share\",null]}\n",
    [UNAUTHORIZED] = ",\"result\":false,\"error\":[24,\"Unauthorized worker\",null]}\n",
};

static offer made;
static sha256d_target target;
static uint64_t judged[VERDICTS];

/* --- duplicates: 64 bits of every accepted hash, in a table at most half full ---------------------------- */

static uint64_t *slots;
static size_t slot_count, slots_used;

static uint64_t *slot_of(uint64_t key)
{
    size_t i = (size_t)(key >> 16) & (slot_count - 1);
    while (slots[i] != 0 && slots[i] != key)
        i = (i + 1) & (slot_count - 1);
    return &slots[i];
}

static void widen(void)
{
    uint64_t *before = slots;
    size_t count = slot_count;
    slot_count = count == 0 ? FIRST_SLOTS : 2 * count;
    slots = calloc(slot_count, sizeof *slots);
    if (slots == NULL)
        fail("duplicates");
    for (size_t i = 0; i < count; i++)
        if (before[i] != 0)
            *slot_of(before[i]) = before[i];
    free(before);
}

/* --- the verdict ----------------------------------------------------------------------------------------- */

typedef struct {
    uint8_t extranonce[SHA256D_MAX_EXTRANONCE];
    uint32_t ntime, nonce, version;
    int bits_permitted;
} claim;

/* Returns 0, or -1 if no header can be built from what the miner says. */
static int claimed(const connection *miner, const message *m, claim *c)
{
    uint32_t bits = 0;
    extranonce1_of(&made, miner, c->extranonce);
    if (hex_bytes(string_text(m->params[2]), c->extranonce + made.extranonce1_size, made.extranonce2_size) != 0 ||
        hex_word(string_text(m->params[3]), &c->ntime) != 0 ||
        hex_word(string_text(m->params[4]), &c->nonce) != 0)
        return -1;
    c->version = made.job.version;
    if (m->param_count > 5) {
        if (hex_word(string_text(m->params[5]), &bits) != 0)
            return -1;
        c->version = (c->version & ~MASK) | (bits & MASK);
    }
    c->bits_permitted = (bits & ~MASK) == 0;
    return 0;
}

static verdict verdict_of(const connection *miner, const message *m)
{
    claim c;
    uint32_t hash[8];
    if (m->param_count < 5 || m->param_count > 6)
        return MALFORMED;
    int known = miner->worker_size > 0 && span_equals(string_text(m->params[0]), miner->worker, miner->worker_size);
    if (!span_equals(string_text(m->params[1]), made.job.id, made.job.id_size))
        return known ? STALE : UNAUTHORIZED;
    if (claimed(miner, m, &c) != 0)
        return MALFORMED;
    sha256d_job_share(made.job.job, c.extranonce, c.ntime, c.nonce, c.version, hash);
    if (!known)
        return UNAUTHORIZED;
    if (c.ntime < made.job.ntime || c.ntime - made.job.ntime > NTIME_WINDOW)
        return NTIME;
    if (!c.bits_permitted)
        return VERSION;
    uint64_t key = (uint64_t)hash[0] << 32 | hash[1];
    key += key == 0; /* zero marks an empty slot */
    uint64_t *slot = slot_of(key);
    if (*slot == key)
        return DUPLICATE;
    if (!sha256d_meets(hash, &target))
        return LOW;
    *slot = key;
    if (2 * ++slots_used > slot_count)
        widen();
    return ACCEPTED;
}

static void answered(connection *from, const char *line, size_t size, output *out)
{
    message m;
    if (message_scan(line, size, &m) != 0 || m.id.at == NULL) {
        from->closing = 1;
        return;
    }
    if (!span_equals(string_text(m.method), "mining.submit", 13)) {
        if (!greeted(&made, from, &m, out))
            from->closing = 1;
        return;
    }
    verdict found = verdict_of(from, &m);
    judged[found]++;
    PUT(out, "{\"id\":");
    put(out, m.id.at, m.id.size);
    if (found == ACCEPTED)
        PUT(out, ",\"result\":true,\"error\":null}\n");
    else
        put(out, REFUSAL[found], strlen(REFUSAL[found]));
}

int main(int count, char **words)
{
    sha256d_select(NULL);
    offer_of(count, words, &made);
    target_of(made.difficulty, &target);
    widen();
    serve(&(server){answered, NULL});
    printf("{\"accepted\": %llu, \"duplicate\": %llu, \"low\": %llu}\n", (unsigned long long)judged[ACCEPTED],
           (unsigned long long)judged[DUPLICATE], (unsigned long long)judged[LOW]);
    return 0;
}

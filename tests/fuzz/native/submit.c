/* submit_scan reads no byte outside its line, and what it took, written out plainly, it reads alike. */
#include "fuzz.h"

#include "submit.h"

static int lies_in(const submit_text *text, const uint8_t *line, size_t size)
{
    return text->at >= line && text->at <= line + size && text->size <= (size_t)(line + size - text->at);
}

static int same(const submit_text *a, const submit_text *b)
{
    return a->size == b->size && memcmp(a->at, b->at, a->size) == 0;
}

static void check_plain(const submit_line *taken)
{
    char hex[2 * SUBMIT_MOST_EXTRANONCE2 + 1] = "", bits[12] = "";
    char line[SUBMIT_MOST_ID + SUBMIT_MOST_NAME + SUBMIT_MOST_JOB_ID + 256];
    submit_line again;
    for (size_t i = 0; i < taken->extranonce2_size; i++)
        snprintf(hex + 2 * i, 3, "%02X", taken->extranonce2[i]);
    if (taken->has_bits)
        snprintf(bits, sizeof bits, ",\"%08x\"", taken->bits);
    int size = snprintf(line, sizeof line,
                        "{\"params\":[\"%.*s\",\"%.*s\",\"%s\",\"%08x\",\"%08x\"%s],\"id\":%.*s,\"method\":\"mining.submit\"}",
                        (int)taken->worker.size, (const char *)taken->worker.at, (int)taken->job_id.size,
                        (const char *)taken->job_id.at, hex, taken->ntime, taken->nonce, bits, (int)taken->id.size,
                        (const char *)taken->id.at);
    DEMAND(size > 0 && (size_t)size < sizeof line);
    DEMAND(submit_scan((const uint8_t *)line, (size_t)size, &again));
    DEMAND(same(&taken->id, &again.id) && same(&taken->worker, &again.worker) && same(&taken->job_id, &again.job_id));
    DEMAND(taken->extranonce2_size == again.extranonce2_size);
    DEMAND(memcmp(taken->extranonce2, again.extranonce2, taken->extranonce2_size) == 0);
    DEMAND(taken->ntime == again.ntime && taken->nonce == again.nonce);
    DEMAND(!taken->has_bits == !again.has_bits && taken->bits == again.bits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *line = fuzz_copy(data, size);
    submit_line taken;
    if (submit_scan(line, size, &taken)) {
        DEMAND(lies_in(&taken.id, line, size) && lies_in(&taken.worker, line, size) && lies_in(&taken.job_id, line, size));
        DEMAND(taken.id.size > 0 && taken.id.size <= SUBMIT_MOST_ID);
        DEMAND(taken.worker.size <= SUBMIT_MOST_NAME && taken.job_id.size <= SUBMIT_MOST_JOB_ID);
        DEMAND(taken.extranonce2_size <= SUBMIT_MOST_EXTRANONCE2);
        DEMAND(taken.has_bits || taken.bits == 0);
        check_plain(&taken);
    }
    free(line);
    return 0;
}

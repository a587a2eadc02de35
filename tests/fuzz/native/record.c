/* record_pack writes within its bounds, and a reader of msgpack finds there what was packed, each in its
 * shortest form. */
#include "fuzz.h"

#include "record.h"

static uint64_t big_endian(const uint8_t **p, int bytes)
{
    uint64_t value = 0;
    while (bytes-- > 0)
        value = value << 8 | *(*p)++;
    return value;
}

static uint64_t read_number(const uint8_t **p)
{
    static const uint64_t greatest[] = {0x7f, 0xff, 0xffff, 0xffffffff};
    uint8_t head = *(*p)++;
    if (head < 0x80)
        return head;
    DEMAND(head >= 0xcc && head <= 0xcf);
    uint64_t value = big_endian(p, 1 << (head - 0xcc));
    DEMAND(value > greatest[head - 0xcc]);
    return value;
}

static void read_text(const uint8_t **p, const uint8_t *text, size_t size)
{
    uint8_t head = *(*p)++;
    if (size < 32)
        DEMAND(head == (0xa0 | size));
    else
        DEMAND(head == 0xd9 && *(*p)++ == size);
    DEMAND(memcmp(*p, text, size) == 0);
    *p += size;
}

static void read_real(const uint8_t **p, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    DEMAND(*(*p)++ == 0xcb && big_endian(p, 8) == bits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_source s = {data, size};
    uint8_t worker[255], job_id[255], extranonce[255];
    record r;
    r.number = (uint64_t)fuzz_word(&s) << 32 | fuzz_word(&s);
    r.number >>= fuzz_byte(&s) & 63;
    r.session = (uint64_t)fuzz_word(&s) << 32 | fuzz_word(&s);
    r.session >>= fuzz_byte(&s) & 63;
    r.ntime = fuzz_word(&s) >> (fuzz_byte(&s) & 31);
    r.nonce = fuzz_word(&s) >> (fuzz_byte(&s) & 31);
    r.version = fuzz_word(&s) >> (fuzz_byte(&s) & 31);
    fuzz_take(&s, &r.credit, sizeof r.credit);
    fuzz_take(&s, &r.achieved, sizeof r.achieved);
    r.flags = fuzz_byte(&s);
    r.worker_size = fuzz_byte(&s);
    r.job_id_size = fuzz_byte(&s) % (351 - r.worker_size < 256 ? 351 - r.worker_size : 256);
    r.extranonce_size = fuzz_byte(&s);
    size_t most = 350 - r.worker_size - r.job_id_size;
    r.extranonce_size = r.extranonce_size < most ? r.extranonce_size : most;
    fuzz_take(&s, worker, sizeof worker);
    fuzz_take(&s, job_id, sizeof job_id);
    fuzz_take(&s, extranonce, sizeof extranonce);
    r.worker = worker, r.job_id = job_id, r.extranonce = extranonce;

    uint8_t *out = malloc(RECORD_MOST);
    DEMAND(out != NULL);
    size_t packed = record_pack(&r, out);
    const uint8_t *p = out;
    DEMAND(packed <= RECORD_MOST && *p++ == 0x9b);
    DEMAND(read_number(&p) == r.number && read_number(&p) == r.session);
    read_text(&p, worker, r.worker_size);
    read_text(&p, job_id, r.job_id_size);
    DEMAND(p[0] == 0xc4 && p[1] == r.extranonce_size && memcmp(p + 2, extranonce, r.extranonce_size) == 0);
    p += 2 + r.extranonce_size;
    DEMAND(read_number(&p) == r.ntime && read_number(&p) == r.nonce && read_number(&p) == r.version);
    read_real(&p, r.credit);
    read_real(&p, r.achieved);
    DEMAND(read_number(&p) == r.flags && (size_t)(p - out) == packed);
    free(out);
    return 0;
}

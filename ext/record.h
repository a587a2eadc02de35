/* Writes a share's record as msgpack, free of Python: the bytes that msgpack-python would write. */
#ifndef PUMPJACK_RECORD_H
#define PUMPJACK_RECORD_H

#include <stddef.h>
#include <stdint.h>

enum { RECORD_MOST = 512 };

/* Texts and bytes have at most 255 bytes each and 350 together. */
typedef struct {
    uint64_t number, session;
    const uint8_t *worker, *job_id, *extranonce;
    size_t worker_size, job_id_size, extranonce_size;
    uint32_t ntime, nonce, version;
    double credit, achieved;
    uint8_t flags;
} record;

/* Returns how many bytes it wrote. */
size_t record_pack(const record *r, uint8_t out[RECORD_MOST]);

#endif

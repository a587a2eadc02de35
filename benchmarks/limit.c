/* What a share costs without Python, for validation.py, which loads this as a library.
 *
 * The clock of the core is not the clock of the system: it is calibrated by a chain of multiplications, each of
 * which needs the one before and takes three cycles on every x86-64 of the last fifteen years. (A chain of
 * additions will not do: recent cores fold those away.) With it, the physical limit: a compression of SHA-256
 * is 32 sha256rnds2, each of which needs the one before.
 *
 * Each chain is timed over many short windows and the shortest counts: nothing makes a chain faster than it is,
 * and whatever interrupts makes it slower.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "../ext/sha256d.h"

static uint64_t clock_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

enum { CHAIN = 64, REPEATS = 500 };

/* Nanoseconds of one cycle of the core. */
double cycle_ns(int windows)
{
    uint64_t best = UINT64_MAX;
    for (int w = 0; w < windows; w++) {
        uint64_t x = 3, began = clock_of(CLOCK_MONOTONIC);
        for (int r = 0; r < REPEATS; r++)
            __asm__ volatile(".rept 64\n\timul %0, %0\n\t.endr" : "+r"(x));
        uint64_t took = clock_of(CLOCK_MONOTONIC) - began;
        best = took < best ? took : best;
    }
    return (double)best / (3.0 * CHAIN * REPEATS);
}

int has_sha(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1);
}

/* Nanoseconds of one sha256rnds2 that waits for the one before. */
__attribute__((target("sha,sse4.1"))) double round_ns(int windows)
{
    uint64_t best = UINT64_MAX;
    __m128i s = _mm_set1_epi32(1), t = _mm_set1_epi32(2), k = _mm_set1_epi32(3);
    for (int w = 0; w < windows; w++) {
        uint64_t began = clock_of(CLOCK_MONOTONIC);
        register __m128i key __asm__("xmm0") = k; /* where the instruction looks for it */
        for (int r = 0; r < REPEATS; r++)
            __asm__ volatile(".rept 32\n\tsha256rnds2 %1, %0\n\tsha256rnds2 %0, %1\n\t.endr"
                             : "+x"(s), "+x"(t)
                             : "x"(key));
        uint64_t took = clock_of(CLOCK_MONOTONIC) - began;
        best = took < best ? took : best;
    }
    return (double)best / (1.0 * CHAIN * REPEATS);
}

#else

double cycle_ns(int windows)
{
    (void)windows;
    return 0;
}

int has_sha(void)
{
    return 0;
}

double round_ns(int windows)
{
    (void)windows;
    return 0;
}

#endif

/* --- the same share in C --------------------------------------------------------------------------------- */

typedef struct {
    const uint8_t *coinb1, *coinb2, *branches, *prevhash;
    size_t coinb1_size, coinb2_size, branch_count, extranonce_size;
    uint32_t version, ntime, nbits;
} parts;

/* Hashes shares of nonces 0 .. count-1 with Pumpjack's own C code; `digest` is the last one's. Returns the CPU
 * nanoseconds of one, or a negative number if memory is short. */
double own_share_ns(const parts *p, const uint8_t *extranonce, int count, uint8_t digest[32])
{
    uint32_t hash[8] = {0};
    sha256d_select(NULL);
    sha256d_job *job = sha256d_job_new(p->coinb1, p->coinb1_size, p->coinb2, p->coinb2_size, p->extranonce_size,
                                       p->branches, p->branch_count, p->version, p->prevhash, p->nbits);
    if (job == NULL)
        return -1;
    uint64_t began = clock_of(CLOCK_THREAD_CPUTIME_ID);
    for (int nonce = 0; nonce < count; nonce++)
        sha256d_job_share(job, extranonce, p->ntime, (uint32_t)nonce, p->version, hash);
    uint64_t took = clock_of(CLOCK_THREAD_CPUTIME_ID) - began;
    sha256d_job_free(job);
    sha256d_bytes_of(hash, digest);
    return (double)took / count;
}

/* OpenSSL as C programs use it: the digest fetched once, one context for all. Its library is loaded by name,
 * because a machine without its headers has it too: Python needs it. */
static struct {
    void *context, *sha256;
    void *(*new_context)(void);
    void *(*fetch)(void *library, const char *name, const char *properties);
    int (*init)(void *context, const void *type, void *engine);
    int (*update)(void *context, const void *data, size_t size);
    int (*final)(void *context, uint8_t *digest, unsigned *size);
} ssl;

/* Returns 0, or -1 if this machine has no OpenSSL 3. */
int openssl_open(const char *name)
{
    void *library = dlopen(name, RTLD_NOW);
    if (library == NULL)
        return -1;
    /* POSIX lets a void pointer hold a function; ISO C has no cast for it. */
    *(void **)&ssl.new_context = dlsym(library, "EVP_MD_CTX_new");
    *(void **)&ssl.fetch = dlsym(library, "EVP_MD_fetch");
    *(void **)&ssl.init = dlsym(library, "EVP_DigestInit_ex");
    *(void **)&ssl.update = dlsym(library, "EVP_DigestUpdate");
    *(void **)&ssl.final = dlsym(library, "EVP_DigestFinal_ex");
    if (!ssl.new_context || !ssl.fetch || !ssl.init || !ssl.update || !ssl.final)
        return -1;
    ssl.context = ssl.new_context();
    ssl.sha256 = ssl.fetch(NULL, "SHA256", NULL);
    return ssl.context != NULL && ssl.sha256 != NULL ? 0 : -1;
}

static void openssl_sha256d(const uint8_t *data, size_t size, uint8_t digest[32])
{
    unsigned written;
    ssl.init(ssl.context, ssl.sha256, NULL);
    ssl.update(ssl.context, data, size);
    ssl.final(ssl.context, digest, &written);
    ssl.init(ssl.context, ssl.sha256, NULL);
    ssl.update(ssl.context, digest, 32);
    ssl.final(ssl.context, digest, &written);
}

static void put_word(uint8_t *at, uint32_t word)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(word >> 8 * i);
}

/* As own_share_ns, by OpenSSL; a negative number if the coinbase is longer than any of a benchmark. */
double openssl_share_ns(const parts *p, const uint8_t *extranonce, int count, uint8_t digest[32])
{
    uint8_t coinbase[4096], pair[64], header[80];
    size_t size = p->coinb1_size + p->extranonce_size + p->coinb2_size;
    if (size > sizeof coinbase)
        return -1;
    memcpy(coinbase, p->coinb1, p->coinb1_size);
    memcpy(coinbase + p->coinb1_size + p->extranonce_size, p->coinb2, p->coinb2_size);
    uint64_t began = clock_of(CLOCK_THREAD_CPUTIME_ID);
    for (int nonce = 0; nonce < count; nonce++) {
        memcpy(coinbase + p->coinb1_size, extranonce, p->extranonce_size);
        openssl_sha256d(coinbase, size, pair);
        for (size_t i = 0; i < p->branch_count; i++) {
            memcpy(pair + 32, p->branches + 32 * i, 32);
            openssl_sha256d(pair, 64, pair);
        }
        put_word(header, p->version);
        memcpy(header + 4, p->prevhash, 32);
        memcpy(header + 36, pair, 32);
        put_word(header + 68, p->ntime);
        put_word(header + 72, p->nbits);
        put_word(header + 76, (uint32_t)nonce);
        openssl_sha256d(header, 80, digest);
    }
    return (double)(clock_of(CLOCK_THREAD_CPUTIME_ID) - began) / count;
}

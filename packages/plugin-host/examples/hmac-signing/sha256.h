/* SHA-256 (FIPS 180-4) and HMAC with it (RFC 2104). */
#ifndef SHA256_H
#define SHA256_H

#include <stdint.h>

typedef struct {
  uint32_t state[8];
  uint64_t length;
  uint8_t block[64];
} sha256;

/* A key, with its blocks hashed beforehand. */
typedef struct {
  sha256 inner, outer;
} hmac_key;

static const uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static inline uint32_t sha256_rotate(uint32_t x, int by) { return x >> by | x << (32 - by); }

static void sha256_block(uint32_t state[8], const uint8_t *block) {
  uint32_t w[64];
  for (int i = 0; i < 16; i++) w[i] = __builtin_bswap32(((const uint32_t *)(const void *)block)[i]);
  for (int i = 16; i < 64; i++) {
    uint32_t s0 = sha256_rotate(w[i - 15], 7) ^ sha256_rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
    uint32_t s1 = sha256_rotate(w[i - 2], 17) ^ sha256_rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
  for (int i = 0; i < 64; i++) {
    uint32_t s1 = sha256_rotate(e, 6) ^ sha256_rotate(e, 11) ^ sha256_rotate(e, 25);
    uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + sha256_constants[i] + w[i];
    uint32_t s0 = sha256_rotate(a, 2) ^ sha256_rotate(a, 13) ^ sha256_rotate(a, 22);
    uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

static void sha256_begin(sha256 *hash) {
  *hash = (sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

static void sha256_add(sha256 *hash, const uint8_t *at, int32_t length) {
  int32_t used = (int32_t)(hash->length % 64);
  hash->length += (uint64_t)length;
  while (length > 0) {
    if (used == 0 && length >= 64) {
      sha256_block(hash->state, at);
      at += 64, length -= 64;
      continue;
    }
    hash->block[used++] = *at++, length--;
    if (used == 64) sha256_block(hash->state, hash->block), used = 0;
  }
}

static void sha256_end(sha256 *hash, uint8_t digest[32]) {
  uint64_t bits = __builtin_bswap64(hash->length * 8);
  sha256_add(hash, (const uint8_t *)"\x80", 1);
  while (hash->length % 64 != 56) sha256_add(hash, (const uint8_t *)"", 1);
  sha256_add(hash, (const uint8_t *)&bits, 8);
  for (int i = 0; i < 8; i++) ((uint32_t *)(void *)digest)[i] = __builtin_bswap32(hash->state[i]);
}

static void hmac_begin(hmac_key *key, const uint8_t *secret, int32_t length) {
  uint8_t digest[32], pad[64] = {0};
  if (length > 64) {
    sha256 hash;
    sha256_begin(&hash), sha256_add(&hash, secret, length), sha256_end(&hash, digest);
    secret = digest, length = 32;
  }
  for (int i = 0; i < length; i++) pad[i] = secret[i];
  for (int i = 0; i < 64; i++) pad[i] ^= 0x36;
  sha256_begin(&key->inner), sha256_add(&key->inner, pad, 64);
  for (int i = 0; i < 64; i++) pad[i] ^= 0x36 ^ 0x5c;
  sha256_begin(&key->outer), sha256_add(&key->outer, pad, 64);
}

static void hmac_of(const hmac_key *key, const uint8_t *at, int32_t length, uint8_t digest[32]) {
  sha256 inner = key->inner, outer = key->outer;
  sha256_add(&inner, at, length), sha256_end(&inner, digest);
  sha256_add(&outer, digest, 32), sha256_end(&outer, digest);
}

#endif

/*
 * Signs every request for the upstream: HTTP message signatures (RFC 9421) by HMAC with SHA-256, over the method, the target, and the digest
 * of the body (RFC 9530). The secret is a variable of the proxy's environment, so it stands in no file.
 */
#include <sluice.h>

#include "sha256.h"

/* Of a target that is longer nobody signs anything: the plugin answers 414. */
#define MAX_TARGET 16384

static hmac_key key;
static uint8_t key_id[128];
static int32_t key_id_length;

static uint8_t *put_base64(uint8_t *to, const uint8_t digest[32]) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (int i = 0; i < 33; i += 3) {
    uint32_t three = (uint32_t)digest[i] << 16 | (uint32_t)digest[i + 1] << 8 | (i < 30 ? digest[i + 2] : 0u);
    *to++ = (uint8_t)digits[three >> 18], *to++ = (uint8_t)digits[three >> 12 & 63], *to++ = (uint8_t)digits[three >> 6 & 63];
    *to++ = i < 30 ? (uint8_t)digits[three & 63] : '=';
  }
  return to;
}

/* `before` and the digest in colons, as both Content-Digest and Signature have it. */
static sluice_bytes byte_sequence(sluice_bytes before, const uint8_t digest[32]) {
  uint8_t *start = sluice_room(before.length + 46), *to = sluice_copy(start, before);
  *to++ = ':';
  to = put_base64(to, digest);
  *to++ = ':';
  return (sluice_bytes){start, (int32_t)(to - start)};
}

static sluice_bytes parameters(void) {
  uint8_t *start = sluice_room(256);
  uint8_t *to = sluice_copy(start, SLUICE_TEXT("(\"@method\" \"@request-target\" \"content-digest\");created="));
  to = sluice_put_number(to, (uint64_t)(sluice_now_ms() / 1000));
  to = sluice_copy(to, SLUICE_TEXT(";keyid=\""));
  to = sluice_copy(to, (sluice_bytes){key_id, key_id_length});
  to = sluice_copy(to, SLUICE_TEXT("\";alg=\"hmac-sha256\""));
  return (sluice_bytes){start, (int32_t)(to - start)};
}

static int32_t sign(const uint8_t body_digest[32]) {
  sluice_bytes method = sluice_property(SLUICE_TEXT("method")), target = sluice_property(SLUICE_TEXT("target"));
  if (target.length < 0 || target.length > MAX_TARGET) return sluice_respond(414, SLUICE_TEXT("the target is too long to be signed\n"));
  sluice_bytes digest = byte_sequence(SLUICE_TEXT("sha-256="), body_digest), params = parameters();

  /* The signature base: section 2.5. */
  uint8_t *base = sluice_room(method.length + target.length + digest.length + params.length + 128), *to = base;
  to = sluice_copy(to, SLUICE_TEXT("\"@method\": ")), to = sluice_copy(to, method);
  to = sluice_copy(to, SLUICE_TEXT("\n\"@request-target\": ")), to = sluice_copy(to, target);
  to = sluice_copy(to, SLUICE_TEXT("\n\"content-digest\": ")), to = sluice_copy(to, digest);
  to = sluice_copy(to, SLUICE_TEXT("\n\"@signature-params\": ")), to = sluice_copy(to, params);
  uint8_t signature[32];
  hmac_of(&key, base, (int32_t)(to - base), signature);

  uint8_t *input = sluice_room(params.length + 16);
  to = sluice_copy(input, SLUICE_TEXT("sluice=")), to = sluice_copy(to, params);
  if (sluice_set(SLUICE_REQUEST, SLUICE_TEXT("content-digest"), digest) < 0) __builtin_trap();
  if (sluice_set(SLUICE_REQUEST, SLUICE_TEXT("signature-input"), (sluice_bytes){input, (int32_t)(to - input)}) < 0) __builtin_trap();
  if (sluice_set(SLUICE_REQUEST, SLUICE_TEXT("signature"), byte_sequence(SLUICE_TEXT("sluice="), signature)) < 0) __builtin_trap();
  return SLUICE_CONTINUE;
}

SLUICE_HOOK(on_init) {
  sluice_bytes id = sluice_member(sluice_config(), SLUICE_TEXT("keyId"));
  sluice_bytes secret = sluice_property(SLUICE_TEXT("env.SIGNING_SECRET"));
  if (secret.length < 16) {
    sluice_log(SLUICE_ERROR, SLUICE_TEXT("SIGNING_SECRET is not set, or has less than 16 bytes"));
    return 1;
  }
  if (id.length > (int32_t)sizeof key_id) return 1;
  sluice_copy(key_id, id);
  key_id_length = id.length;
  hmac_begin(&key, secret.at, secret.length);
  return SLUICE_CONTINUE;
}

/* As if there were no body. Where there is one, its hook signs anew. */
SLUICE_HOOK(on_request_head) {
  uint8_t digest[32];
  sha256 hash;
  sha256_begin(&hash), sha256_end(&hash, digest);
  return sign(digest);
}

SLUICE_BODY_HOOK(on_request_body) {
  uint8_t digest[32];
  sha256 hash;
  sha256_begin(&hash);
  for (int32_t at = 0; at < length;) {
    sluice_bytes part = sluice_body_part(SLUICE_REQUEST, at);
    if (part.length <= 0) __builtin_trap();
    sha256_add(&hash, part.at, part.length);
    at += part.length;
  }
  sha256_end(&hash, digest);
  return sign(digest);
}
